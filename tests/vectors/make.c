/*
 * make.c - golden vectors: the exchanges of a throw-away realm
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../answer.h"
#include "realm.h"

void
check(struct realm *r, enum fluffy_error e, const char *what)
{
	if (e == FLUFFY_OK)
		return;
	(void)fprintf(stderr, "vectors: %s: %s: %s: %s\n", what,
	    fluffy_error_name(e), fluffy_why(r->ctx).field,
	    fluffy_why(r->ctx).text);
	abort();
}

void *
have(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static uint64_t
fixed_now(void *arg)
{
	(void)arg;
	return VECTORS_NOW;
}

/* Lehmer's generator: nobody takes these keys for real ones. */
static int
fixed_random(void *arg, uint8_t *out, size_t n)
{
	uint64_t *state = arg;

	for (; n > 0; n--) {
		*state = *state * 48271 % 2147483647;
		*out++ = (uint8_t)(*state >> 11);
	}
	return 0;
}

/* ---- the realm ----------------------------------------------------------- */

static void
open_realm(struct realm *r)
{
	static const char *const files[] = { "skdc", "client", "service" };
	int i;

	r->ctx = have(fluffy_ctx_new());
	r->random = 20261122;
	fluffy_ctx_set_clock(r->ctx, fixed_now, NULL);
	fluffy_ctx_set_random(r->ctx, fixed_random, &r->random);
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/fluffy-vectors-XXXXXX");
	(void)have(mkdtemp(r->dir));
	for (i = 0; i < 3; i++)
		(void)snprintf(r->path[i], sizeof(r->path[i]), "%s/%s",
		    r->dir, files[i]);
	check(r, fluffy_store_init(r->ctx, r->path[0], "home", "skdc",
	    &r->skdc), "init");
	check(r, fluffy_enrol(r->skdc, CLIENT, NULL, &r->enrol[0]), "enrol");
	check(r, fluffy_join(r->ctx, r->path[1], r->enrol[0]), "join");
	check(r, fluffy_enrol(r->skdc, SERVICE, NULL, &r->enrol_service),
	    "enrol");
	check(r, fluffy_join(r->ctx, r->path[2], r->enrol_service), "join");
	check(r, fluffy_store_open(r->ctx, r->path[1], 0, &r->client),
	    "open");
	check(r, fluffy_store_open(r->ctx, r->path[2], 0, &r->service),
	    "open");
	check(r, sealing_secret(r->client, bytes_str(CLIENT), VECTORS_NOW,
	    &r->client_secret), "secret");
	check(r, sealing_secret(r->service, bytes_str(SERVICE), VECTORS_NOW,
	    &r->service_secret), "secret");
}

static void
close_realm(struct realm *r)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[80];
	int i, k;

	fluffy_store_close(&r->skdc);
	fluffy_store_close(&r->client);
	fluffy_store_close(&r->service);
	for (i = 0; i < 3; i++)
		for (k = 0; k < 4; k++) {
			(void)snprintf(path, sizeof(path), "%s%s", r->path[i],
			    ends[k]);
			(void)unlink(path);
		}
	remove_ca(r);
	(void)rmdir(r->dir);
	fluffy_ctx_free(&r->ctx);
}

/* ---- building blocks ----------------------------------------------------- */

struct bytes
from_hex(struct arena *arena, const char *hex)
{
	size_t n = strlen(hex) / 2, i;
	uint8_t *p = have(arena_alloc(arena, n + 1));
	unsigned byte;

	for (i = 0; i < n; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			abort();
		p[i] = (uint8_t)byte;
	}
	return bytes_of(p, n);
}

void
put_unknown(struct fluffy_msg *msg, struct head *head)
{
	head->extras = have(arena_alloc(&msg->arena,
	    2 * sizeof(struct extra)));
	head->n_extras = 2;
	head->extras[0].label = from_hex(&msg->arena, "1903e8");
	head->extras[0].value = from_hex(&msg->arena, "646b657074");
	head->extras[1].label = from_hex(&msg->arena, "66782d6e6f7465");
	head->extras[1].value = from_hex(&msg->arena, "81f5");
}

static fluffy_msg *
answer(struct realm *r, fluffy_msg *in, enum fluffy_error expected)
{
	fluffy_msg *out;
	enum fluffy_error e;

	check(r, fluffy_skdc_begin(r->skdc), "begin");
	e = answer_one(r->skdc, in, &out);
	if (e != expected)
		check(r, e == FLUFFY_OK ? FLUFFY_E_INTERNAL : e, "answer");
	check(r, fluffy_skdc_commit(r->skdc), "commit");
	return have(out);
}

static void
expect(const fluffy_outcome *outcome, enum fluffy_outcome_kind kind)
{
	if (outcome->kind != kind)
		abort();
}

/* ---- session keys -------------------------------------------------------- */

static void
make_exchange(struct realm *r, fluffy_msg *out[4])
{
	const fluffy_psk_params few = { .service = SERVICE };
	const fluffy_psk_params all = { .service = SERVICE, .realm = "home",
	    .etype = "AES-CCM-16-64-256,AES-CCM-16-64-128",
	    .cpac = "{\"rights\":[\"open\",\"close\"],\"until\":1.5}",
	    .extras = {
		.ext = "{\"note\":\"K\\u00fcche\",\"n\":[0,-1,-0.25,null]}",
		.cksum = true, .has_seqnum = true, .seqnum = 4294967295u } };
	const fluffy_extras no_more = { .ext = NULL };
	const fluffy_extras more = { .ext = "\"hello\"", .cksum = true,
	    .has_seqnum = true, .seqnum = 41 };
	fluffy_outcome outcome;
	fluffy_msg *end;

	check(r, fluffy_psk_request(r->client, r->full ? &all : &few,
	    &out[0]), "req");
	out[1] = answer(r, out[0], FLUFFY_OK);
	check(r, fluffy_estb(r->client, out[1], r->full ? &more : &no_more,
	    &out[2], &outcome), "estb");
	check(r, fluffy_estb(r->service, out[2], &no_more, &out[3],
	    &outcome), "ack");
	check(r, fluffy_estb(r->client, out[3], &no_more, &end, &outcome),
	    "end");
}

static fluffy_msg *
make_error(struct realm *r)
{
	const fluffy_psk_params params = { .service = "nobody" };
	fluffy_msg *req, *error;

	if (!r->full) {
		check(r, error_make_bare(r->service, FLUFFY_E_BUSY, &error),
		    "error");
		return error;
	}
	check(r, fluffy_psk_request(r->client, &params, &req), "req");
	error = answer(r, req, FLUFFY_E_UNKNOWN_SERVICE);
	fluffy_msg_free(&req);
	return error;
}

/* ---- group keys ------------------------------------------------------------ */

/* Its owner's: GSK-REQ and GSK-REP; keyid gets the new key's. */
static void
make_group(struct realm *r, const fluffy_gsk_params *params,
    fluffy_msg *out[2], fluffy_outcome *outcome)
{
	check(r, fluffy_gsk_request(r->service, params, &out[0]), "gsk");
	out[1] = answer(r, out[0], FLUFFY_OK);
	check(r, fluffy_gsk_accept(r->service, out[1], outcome), "rep");
	expect(outcome, FLUFFY_GROUP_CREATED);
}

static void
make_fetch(struct realm *r, const fluffy_fetch_params *params,
    fluffy_msg *out[2])
{
	fluffy_outcome outcome;

	check(r, fluffy_gsk_fetch(r->client, params, &out[0]), "fet");
	out[1] = answer(r, out[0], FLUFFY_OK);
	check(r, fluffy_gsk_accept(r->client, out[1], &outcome), "dlvr");
	expect(&outcome, FLUFFY_GROUP_JOINED);
}

/* GSK-DELT, PSK-DELT, PSK-DELC, GSK-DELC */
static void
make_deletion(struct realm *r, fluffy_msg **out[4])
{
	fluffy_outcome outcome;

	check(r, fluffy_gsk_delete(r->service, GROUP,
	    r->full ? "home" : NULL, out[0]), "delete");
	*out[1] = answer(r, *out[0], FLUFFY_OK);
	check(r, fluffy_del_accept(r->client, *out[1], out[2], &outcome),
	    "delt");
	expect(&outcome, FLUFFY_KEY_ERASED);
	*out[3] = answer(r, *out[2], FLUFFY_OK);
	check(r, fluffy_gsk_accept(r->service, *out[3], &outcome), "delc");
	expect(&outcome, FLUFFY_GROUP_DELETED);
}

#define AT(type) (FLUFFY_##type - 1)

static void
make_group_life(struct realm *r, fluffy_msg *msgs[20])
{
	const fluffy_gsk_params few = { .group = GROUP };
	const fluffy_gsk_params all = { .group = GROUP, .realm = "home",
	    .etype = "AES-CCM-16-64-256,A128GCM", .renew = true,
	    .members = CLIENT ",lamp", .lifetime = 3600, .extras = {
		.ext = "[\"on\",\"off\"]", .cksum = true,
		.has_seqnum = true, .seqnum = 3 } };
	fluffy_fetch_params fetch = { .group = GROUP };
	fluffy_msg **deletion[4] = { &msgs[AT(GSK_DELT)],
	    &msgs[AT(PSK_DELT)], &msgs[AT(PSK_DELC)], &msgs[AT(GSK_DELC)] };
	fluffy_outcome outcome;
	fluffy_msg *first[2];

	make_group(r, &few, &msgs[AT(GSK_REQ)], &outcome);
	if (r->full) {
		memcpy(first, &msgs[AT(GSK_REQ)], sizeof(first));
		make_group(r, &all, &msgs[AT(GSK_REQ)], &outcome);
		fluffy_msg_free(&first[0]);
		fluffy_msg_free(&first[1]);
		fetch = (fluffy_fetch_params){ .group = GROUP,
		    .realm = "home", .keyid = outcome.keyid,
		    .keyid_len = outcome.keyid_len, .extras = {
			.ext = "{\"hurry\":true}", .cksum = true,
			.has_seqnum = true, .seqnum = 0 } };
	} else
		check(r, fluffy_group_change(r->skdc, NULL, GROUP, CLIENT,
		    FLUFFY_ADD), "add");
	make_fetch(r, &fetch, &msgs[AT(GSK_FET)]);
	make_deletion(r, deletion);
}

/* ---- key pairs --------------------------------------------------------------- */

/* PKP-REQ, PKP-REP and PSK-ESTB, which stays NULL without a service. */
static void
make_pair(struct realm *r, const fluffy_pkp_params *params,
    fluffy_msg *out[3])
{
	const fluffy_extras more = { .ext = "[0]", .has_seqnum = true,
	    .seqnum = 4294967295u };
	fluffy_outcome outcome;
	fluffy_msg *none;

	check(r, fluffy_pkp_request(r->client, params, &out[0]), "pkp");
	out[1] = answer(r, out[0], FLUFFY_OK);
	check(r, fluffy_pkp_accept(r->client, out[1], &more, &out[2],
	    &outcome), "rep");
	expect(&outcome, FLUFFY_PAIR_RECEIVED);
	if (out[2] == NULL)
		return;
	check(r, fluffy_estb(r->service, out[2], &more, &none, &outcome),
	    "estb");
	expect(&outcome, out[2]->authenticator.sign1 ?
	    FLUFFY_PUBLIC_PROVEN : FLUFFY_PUBLIC_ATTESTED);
}

static void
make_pair_half(struct realm *r, fluffy_msg *out[3])
{
	const fluffy_pkp_params few = { .kty = "OKP", .etype = "EdDSA" };
	const fluffy_pkp_params all = { .kty = "OKP",
	    .etype = "ECDH-ES+HKDF-256,EdDSA", .service = SERVICE,
	    .realm = "home", .cpac = "[true,1.5]", .cert = true,
	    .cert_chain = true, .extras = { .ext = "\"hello\"",
		.cksum = true, .has_seqnum = true, .seqnum = 7 } };

	make_pair(r, r->full ? &all : &few, out);
}

static const struct pair_kind {
	const char *name, *kty, *etype;
	int64_t number, alg;
} pair_kinds[] = {
	{ "ES256", "EC", "ES256", KTY_EC, -7 },
	{ "EdDSA", "OKP", "EdDSA", KTY_OKP, -8 },
	{ "PS256", "RSA", "PS256", KTY_RSA, -37 },
	{ "X25519", "OKP", "ECDH-ES+HKDF-256", KTY_OKP, -25 }
};

#define N_KINDS (sizeof(pair_kinds) / sizeof(pair_kinds[0]))

/* ---- all ----------------------------------------------------------------- */

static void
name_vector(struct vector *v, const char *where, const char *kind)
{
	if (v->msg->arena.failed)
		abort();
	(void)snprintf(v->name, sizeof(v->name), "%s%s-%s", where,
	    fluffy_type_name(fluffy_msg_type(v->msg)), kind);
}

/* The key in the message's arena. */
static void
sign_vector(struct vector *v, int64_t kty, int64_t alg)
{
	if (v->msg->authenticator.sign1)
		v->signer = fixed_pair(&v->msg->arena, kty, alg,
		    BYTES("12345678"), true);
}

/* What comes of the pair is the first of the more. */
static void
make_half(struct realm *r, struct vector *out, struct vector **more)
{
	fluffy_msg *msgs[20] = { NULL }, *pair[3];
	int i;

	make_exchange(r, msgs);
	make_group_life(r, msgs);
	make_pair_half(r, pair);
	msgs[AT(PKP_REQ)] = pair[0];
	msgs[AT(PKP_REP)] = pair[1];
	msgs[AT(ERROR)] = make_error(r);
	msgs[AT(ENROL)] = r->enrol[r->full];
	for (i = AT(DK_PROV); i <= AT(DK_REVOKE); i++)
		msgs[i] = put_document(r, (enum fluffy_type)(i + 1));
	for (i = 0; i < 20; i++) {
		out[2 * i].msg = have(msgs[i]);
		name_vector(&out[2 * i], "", r->full ? "full" : "minimal");
	}
	if (pair[2] == NULL)
		return;
	(*more)->msg = pair[2];
	name_vector(*more, "more/", "cert");
	sign_vector((*more)++, KTY_OKP, -8);
}

static void
make_kind(struct realm *r, const struct pair_kind *kind, struct vector **more)
{
	const fluffy_pkp_params params = { .kty = kind->kty,
	    .etype = kind->etype, .service = SERVICE };
	fluffy_msg *msgs[3];
	int i;

	make_pair(r, &params, msgs);
	for (i = 0; i < 3; i++) {
		(*more)->msg = have(msgs[i]);
		name_vector(*more, "more/", kind->name);
		sign_vector((*more)++, kind->number, kind->alg);
	}
}

static void
make_put(struct realm *r, struct vector **more)
{
	int i;

	for (i = 0; i < N_PUT; i++) {
		(*more)->msg = put_message(r,
		    (enum fluffy_type)(FLUFFY_PSK_DELT + i));
		name_vector((*more)++, "more/", r->full ? "every" : "bare");
	}
}

static void
make_all(struct realm *r, struct vector out[N_ALL], struct vector *more)
{
	size_t i;

	make_half(r, out + 1, &more);
	make_put(r, &more);
	/* a rotation is an ENROL with all its members */
	check(r, fluffy_rotate(r->skdc, CLIENT, VECTORS_NOW + 86400,
	    &r->enrol[1]), "rotate");
	put_unknown(r->enrol[1], &r->enrol[1]->head);
	r->full = true;
	set_ca(r);
	make_half(r, out, &more);
	make_put(r, &more);
	for (i = 0; i < N_KINDS; i++)
		make_kind(r, &pair_kinds[i], &more);
	more->msg = r->enrol_service;
	name_vector(more++, "more/", "service");
	if (more != out + N_ALL)
		abort();
}

void
vectors_make(struct vector out[N_ALL])
{
	struct realm r;

	memset(&r, 0, sizeof(r));
	memset(out, 0, N_ALL * sizeof(*out));
	open_realm(&r);
	make_all(&r, out, out + N_VECTORS);
	secret_wipe(&r.client_secret);
	secret_wipe(&r.service_secret);
	close_realm(&r);
}

void
vectors_free(struct vector v[N_ALL])
{
	int i;

	for (i = 0; i < N_ALL; i++)
		fluffy_msg_free(&v[i].msg);
}

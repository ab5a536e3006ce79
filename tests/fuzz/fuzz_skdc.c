/*
 * fuzz_skdc.c - the SKDC's answer, behind the seal
 *
 * The first byte chooses:
 *  0  a PSK-REQ whose members the next bytes choose, with the outcome that
 *     fluffy-wire(7), section 6, demands
 *  1  a request of any type around a plaintext and a req-body of the fuzzer's
 *  2  a valid PSK-REQ with changes: unless they change nothing, it's refused
 *  3  a stream of the fuzzer's
 *  4  the lives of four groups: GSK-REQ, GSK-FET, GSK-DELT and PSK-DELC with
 *     the outcomes that a model of section 6 demands
 *  5  a PKP-REQ like 0
 * Each input finds the same store: what it did is rolled back.  The linker wraps
 * store_begin and store_commit, because a PKP-REQ commits half-way, and
 * pkey_generate, which takes its time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../answer.h"
#include "alg.h"
#include "cbor.h"
#include "exchange.h"
#include "fuzz.h"
#include "pkey.h"
#include "policy.h"

#define UUID_NAME "187c07e4-d563-4e9b-83c4-00b27244b8cd"

enum fluffy_error __real_store_begin(fluffy_store *);
enum fluffy_error __wrap_store_begin(fluffy_store *);
enum fluffy_error __real_store_commit(fluffy_store *);
enum fluffy_error __wrap_store_commit(fluffy_store *);
enum fluffy_error __real_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);
enum fluffy_error __wrap_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);

/* ---- the store ----------------------------------------------------------- */

static const char *const devices[] = {
	"sensor", UUID_NAME, "lock", "stranger", "gcm"
};

#define N_DEVICES (sizeof(devices) / sizeof(devices[0]))

static fluffy_store *store;
static struct secret secrets[N_DEVICES];
static bool ready;	/* the store is as every input finds it */

enum fluffy_error
__wrap_store_begin(fluffy_store *s)
{
	return ready && s->in_transaction ? FLUFFY_OK :
	    __real_store_begin(s);
}

enum fluffy_error
__wrap_store_commit(fluffy_store *s)
{
	return ready ? FLUFFY_OK : __real_store_commit(s);
}

/* Of each type the same pair every time, keyid apart. */
enum fluffy_error
__wrap_pkey_generate(fluffy_ctx *ctx, struct arena *arena, int64_t kty,
    int64_t alg, struct bytes keyid, struct keydata **out)
{
	static struct arena kept;
	static struct keydata *pairs[8];
	struct keydata *k;
	size_t i = 0;

	while (pairs[i] != NULL &&
	    (pairs[i]->kty != kty || pairs[i]->alg != alg))
		i++;
	if (pairs[i] == NULL)
		must(__real_pkey_generate(ctx, &kept, kty, alg, BYTES(""),
		    &pairs[i]));
	k = arena_alloc(arena, sizeof(*k));
	CHECK(k != NULL);
	*k = *pairs[i];
	k->keyid = arena_dup(arena, keyid);
	*out = k;
	return FLUFFY_OK;
}

static void
enrol(const char *name, struct secret *secret)
{
	fluffy_msg *msg;
	const struct keydata *k;

	must(fluffy_enrol(store, name, NULL, &msg));
	k = msg->keydata;
	CHECK(name_set(&secret->owner, bytes_str(name)));
	secret->kid.n = (uint8_t)k->keyid.n;
	memcpy(secret->kid.b, k->keyid.p, k->keyid.n);
	secret->key.alg = k->alg;
	secret->key.n = (uint8_t)k->key.n;
	memcpy(secret->key.b, k->key.p, k->key.n);
	fluffy_msg_free(&msg);
}

/* sensor may not ask for stranger, gcm takes A128GCM alone. */
static void
make_store(void)
{
	const fluffy_policy gcm = { .etypes = "A128GCM" };
	char path[100];

	fuzz_begin(1);
	(void)snprintf(path, sizeof(path), "%s/skdc.db", fuzz_directory());
	must(fluffy_store_init(fuzz_ctx(), path, "home", "skdc", &store));
	for (size_t i = 0; i < N_DEVICES; i++)
		enrol(devices[i], &secrets[i]);
	must(fluffy_policy_set(store, "gcm", &gcm));
	must(fluffy_deny(store, "sensor", "stranger"));
	/* pruned now, so that no input has to */
	must(fluffy_skdc_begin(store));
	must(fluffy_skdc_commit(store));
	ready = true;
}

/* ---- what an answer has to be -------------------------------------------- */

static const struct secret *
secret_of(struct bytes kid)
{
	for (size_t i = 0; i < N_DEVICES; i++)
		if (bytes_eq(keyid_bytes(&secrets[i].kid), kid))
			return &secrets[i];
	return NULL;
}

static struct part *
opened(struct fluffy_msg *msg, void *container, int label,
    struct bytes *owner)
{
	struct sealed *sealed = sealed_member(container, label);
	const struct secret *secret = secret_of(sealed->kid);

	CHECK(secret != NULL);
	must(seal_open(fuzz_ctx(), msg, container, label, &secret->key));
	*owner = name_bytes(&secret->owner);
	return sealed->plain;
}

static bool
asked_for(const struct req_body *body, int64_t alg)
{
	for (uint8_t i = 0; i < body->etype.n; i++)
		if (body->etype.v[i] == alg)
			return true;
	return false;
}

static void
check_rep(const struct fluffy_msg *req, struct fluffy_msg *rep)
{
	const struct req_body *body = req->body;
	const struct part *receipt, *ticket;
	struct mticket *t = rep->mticket;
	struct bytes client, service;

	CHECK(rep->type == FLUFFY_PSK_REP);
	receipt = opened(rep, rep, L_receipt, &client);
	ticket = opened(rep, t, L_enc_part, &service);
	CHECK(secret_of(req->authenticator.kid) ==
	    secret_of(rep->receipt.kid));
	CHECK(bytes_eq(rep->crealm, BYTES("home")));
	CHECK(bytes_eq(rep->cname, client));
	CHECK(bytes_eq(ticket->crealm, BYTES("home")));
	CHECK(bytes_eq(ticket->cname, client));
	CHECK(bytes_eq(t->skdcrealm, BYTES("home")));
	CHECK(bytes_eq(t->skdcname, BYTES("skdc")));
	CHECK(bytes_eq(receipt->skdcrealm, t->skdcrealm));
	CHECK(bytes_eq(receipt->skdcname, t->skdcname));
	CHECK(bytes_eq(t->spname, body->spname));
	CHECK(bytes_eq(t->spname, service));
	CHECK(bytes_eq(receipt->spname, service));
	CHECK(HAS(t, L_sprealm) == HAS(body, L_sprealm));
	CHECK(HAS(receipt, L_sprealm) == HAS(body, L_sprealm));
	CHECK(bytes_eq(t->sprealm, body->sprealm));
	CHECK(bytes_eq(receipt->sprealm, body->sprealm));
	CHECK(HAS(ticket, L_cpac) == HAS(body, L_cpac));
	CHECK(bytes_eq(ticket->cpac, body->cpac));
	CHECK(bytes_eq(receipt->cpac, body->cpac));
	CHECK(bytes_eq(receipt->nonce, req->authenticator.plain->nonce));
	CHECK(receipt->authtime == FUZZ_NOW);
	CHECK(ticket->authtime == FUZZ_NOW);
	CHECK(receipt->endtime == FUZZ_NOW + LIFETIME_DEFAULT);
	CHECK(ticket->endtime == receipt->endtime);
	CHECK(asked_for(body, receipt->keydata->alg));
	CHECK(ticket->keydata->alg == receipt->keydata->alg);
	CHECK(receipt->keydata->keyid.n == 8);
	CHECK(bytes_eq(ticket->keydata->keyid, receipt->keydata->keyid));
	CHECK(bytes_eq(ticket->keydata->key, receipt->keydata->key));
	CHECK(!bytes_eq(rep->receipt.iv, t->enc_part.iv));
}

/* GSK-REP, GSK-DLVR */
static void
check_group_key(const struct fluffy_msg *req, struct fluffy_msg *rep)
{
	const struct req_body *body = req->body;
	const struct part *receipt;
	struct bytes owner;

	CHECK(rep->type == req->type + 1);
	receipt = opened(rep, rep, L_receipt, &owner);
	CHECK(secret_of(req->authenticator.kid) ==
	    secret_of(rep->receipt.kid));
	CHECK(bytes_eq(rep->type == FLUFFY_GSK_REP ? rep->spname : rep->cname,
	    owner));
	CHECK(bytes_eq(rep->type == FLUFFY_GSK_REP ? rep->sprealm :
	    rep->crealm, BYTES("home")));
	CHECK(bytes_eq(receipt->skdcrealm, BYTES("home")));
	CHECK(bytes_eq(receipt->skdcname, BYTES("skdc")));
	CHECK(HAS(receipt, L_mcastrealm) == HAS(body, L_mcastrealm));
	CHECK(bytes_eq(receipt->mcastrealm, body->mcastrealm));
	CHECK(bytes_eq(receipt->mcastname, body->mcastname));
	CHECK(bytes_eq(receipt->nonce, req->authenticator.plain->nonce));
	CHECK(receipt->authtime == FUZZ_NOW);
	CHECK(receipt->endtime > FUZZ_NOW);
	CHECK(receipt->endtime <= FUZZ_NOW + LIFETIME_MAX);
	CHECK(receipt->keydata->keyid.n == 8);
	if (req->type == FLUFFY_GSK_REQ)
		CHECK(asked_for(body, receipt->keydata->alg));
	else if (HAS(body, L_keyid))
		CHECK(bytes_eq(receipt->keydata->keyid, body->keyid));
}

/* Only the client gets the private half; the service gets the same key. */
static void
check_halves(const struct keydata *pair, const struct keydata *public)
{
	CHECK(pkey_is_pair(pair) && !pkey_is_pair(public));
	CHECK(pair->kty == public->kty && pair->alg == public->alg);
	CHECK(bytes_eq(pair->keyid, public->keyid));
	CHECK(bytes_eq(pair->pkey->x, public->pkey->x));
	CHECK(bytes_eq(pair->pkey->y, public->pkey->y));
	CHECK(bytes_eq(pair->pkey->n, public->pkey->n));
	CHECK(public->pkey->d.n == 0 && public->pkey->rsa_d.n == 0);
}

static void
check_pkp_rep(const struct fluffy_msg *req, struct fluffy_msg *rep)
{
	const struct req_body *body = req->body;
	const struct part *receipt, *ticket;
	struct bytes client, service;

	CHECK(rep->type == FLUFFY_PKP_REP);
	receipt = opened(rep, rep, L_receipt, &client);
	CHECK(secret_of(req->authenticator.kid) ==
	    secret_of(rep->receipt.kid));
	CHECK(bytes_eq(rep->cname, client));
	CHECK(bytes_eq(receipt->nonce, req->authenticator.plain->nonce));
	CHECK(HAS(receipt, L_spname) == HAS(body, L_spname));
	CHECK(HAS(receipt, L_sprealm) == HAS(body, L_sprealm));
	CHECK(bytes_eq(receipt->spname, body->spname));
	CHECK(receipt->endtime == FUZZ_NOW + LIFETIME_DEFAULT);
	CHECK(receipt->keydata->kty == body->kty);
	CHECK(asked_for(body, receipt->keydata->alg));
	CHECK((rep->mticket != NULL) == HAS(body, L_spname));
	if (rep->mticket == NULL)
		return;
	ticket = opened(rep, rep->mticket, L_enc_part, &service);
	CHECK(bytes_eq(service, body->spname));
	CHECK(bytes_eq(ticket->cname, client));
	CHECK(ticket->endtime == receipt->endtime);
	check_halves(receipt->keydata, ticket->keydata);
}

/* Section 6, ERROR. */
static void
check_error(const struct fluffy_msg *req, enum fluffy_error e,
    struct fluffy_msg *error)
{
	bool ack = req != NULL && e != FLUFFY_E_MALFORMED &&
	    e != FLUFFY_E_BAD_VERSION && e != FLUFFY_E_WRONG_SKDC &&
	    e != FLUFFY_E_AUTH_FAILED;
	const struct sealed *proof;
	const struct part *part;
	struct bytes client;

	CHECK(error->type == FLUFFY_ERROR);
	CHECK(error->error_code == (int64_t)e);
	CHECK(HAS(error, L_skdcname) && HAS(error, L_skdcrealm));
	CHECK(HAS(error, L_ack) == ack);
	CHECK(HAS(error, L_crealm) == ack && HAS(error, L_cname) == ack);
	if (!ack)
		return;
	proof = req->type == FLUFFY_GSK_DELT ? &req->kenvelope :
	    &req->authenticator;
	part = opened(error, error, L_ack, &client);
	CHECK(secret_of(proof->kid) == secret_of(error->ack.kid));
	CHECK(bytes_eq(error->cname, client));
	CHECK(bytes_eq(error->crealm, BYTES("home")));
	CHECK(bytes_eq(part->nonce, proof->plain->nonce));
	CHECK(bytes_eq(part->skdcname, BYTES("skdc")));
	CHECK(part->authtime == FUZZ_NOW);
}

/* PSK-DELTs, or one GSK-DELC; after a PSK-DELC perhaps nothing. */
static void
check_deletion(const struct fluffy_msg *in, fluffy_msgs *out)
{
	struct bytes device;

	CHECK(out->n > 0 || in->type == FLUFFY_PSK_DELC);
	for (size_t i = 0; i < out->n; i++) {
		struct fluffy_msg *msg = out->v[i];
		bool delt = msg->type == FLUFFY_PSK_DELT;
		const struct part *part = opened(msg, msg, delt ?
		    L_kenvelope : L_ack, &device);

		CHECK(delt || (msg->type == FLUFFY_GSK_DELC && out->n == 1));
		CHECK(!delt || in->type == FLUFFY_GSK_DELT);
		CHECK(bytes_eq(delt ? msg->cname : msg->spname, device));
		CHECK(part->authtime == FUZZ_NOW);
		CHECK(!delt || part->endtime > FUZZ_NOW);
	}
}

static void
check_answers(struct fluffy_msg *in, fluffy_msgs *out)
{
	if (in->type == FLUFFY_GSK_DELT || in->type == FLUFFY_PSK_DELC)
		check_deletion(in, out);
	else {
		CHECK(out->n == 1);
		if (in->type == FLUFFY_PSK_REQ)
			check_rep(in, out->v[0]);
		else if (in->type == FLUFFY_PKP_REQ)
			check_pkp_rep(in, out->v[0]);
		else
			check_group_key(in, out->v[0]);
	}
}

static bool
is_request(int64_t type)
{
	return type == FLUFFY_PSK_REQ || type == FLUFFY_GSK_REQ ||
	    type == FLUFFY_GSK_FET || type == FLUFFY_GSK_DELT ||
	    type == FLUFFY_PKP_REQ;
}

/* A life has many messages: the other modes look at how each is written. */
static bool alive;

static enum fluffy_error
answers(struct fluffy_msg *req, fluffy_msgs *out)
{
	enum fluffy_error e = fluffy_skdc_answer(store, req, out);

	for (size_t i = 0; i < out->n && !alive; i++)
		check_message(out->v[i]);
	if (e == FLUFFY_OK) {
		check_answers(req, out);
		return e;
	}
	check_why(e);
	CHECK(e != FLUFFY_E_INTERNAL && e != FLUFFY_E_STORE);
	CHECK(out->n == is_request(req->type));
	if (out->n == 1)
		check_error(req, e, out->v[0]);
	else
		CHECK(e == FLUFFY_E_UNEXPECTED ||
		    req->type == FLUFFY_PSK_DELC);
	return e;
}

static enum fluffy_error
answer(struct fluffy_msg *req)
{
	fluffy_msgs out;
	enum fluffy_error e = answers(req, &out);

	fluffy_msgs_free(&out);
	return e;
}

/* What was judged is remembered, also when it was refused by policy. */
static void
answer_twice(struct fluffy_msg *req, enum fluffy_error first)
{
	enum fluffy_error again = answer(req);

	if (is_request(req->type) && (first == FLUFFY_OK ||
	    first == FLUFFY_E_REPLAY ||
	    (first >= FLUFFY_E_UNKNOWN_SERVICE && first <= FLUFFY_E_NO_CA)))
		CHECK(again == FLUFFY_E_REPLAY);
	else
		CHECK(again == first);
}

/* ---- 0: chosen members --------------------------------------------------- */

static const char *const realms[] = { "home", "away", "Home", "hom" };
static const char *const names[] = {
	"sensor", UUID_NAME, "lock", "stranger", "gcm", "skdc", "nobody",
	"187C07E4-D563-4E9B-83C4-00B27244B8CD"
};

static struct bytes
choose(struct feed *in, const char *const *v, uint32_t n)
{
	return bytes_str(v[take_upto(in, n - 1)]);
}

#define CHOOSE(in, v) choose(in, v, sizeof(v) / sizeof((v)[0]))

/* Mostly the first: else hardly anything would get far. */
static struct bytes
mostly(struct feed *in, const char *const *v)
{
	uint8_t i = take(in);

	return bytes_str(v[i < 0xf0 ? 0 : i % 4]);
}

struct plan {
	size_t key;		/* whose; N_DEVICES: nobody's */
	bool broken_cksum;
};

static void
fill_body(struct feed *in, struct fluffy_msg *msg)
{
	static const char *const skdcs[] = { "skdc", "kdc", "skdc ", "Skdc" };
	static const uint8_t any[] = { 0xf6, 0x82, 0x01, 0xf5 };
	static const int64_t algs[] = { 10, 30, 1, 24, 3, 2, 11, 31, -7, 99 };
	struct req_body *body = message_map(msg, L_req_body);
	uint8_t flags = take(in);

	CHECK(body != NULL);
	PUT(body, kty, L_kty, flags % 8 == 7 ? KTY_EC : KTY_SYMM);
	body->etype.n = (uint8_t)(1 + take_upto(in, 3));
	body->etype.bare = body->etype.n == 1 && (flags & 8) != 0;
	for (uint8_t i = 0, first = take(in); i < body->etype.n; i++)
		body->etype.v[i] = algs[(first + i) % 10];
	SET(body, L_etype);
	PUT(body, skdcrealm, L_skdcrealm, mostly(in, realms));
	PUT(body, skdcname, L_skdcname, mostly(in, skdcs));
	if ((flags & 16) != 0)
		PUT(body, sprealm, L_sprealm, mostly(in, realms));
	PUT(body, spname, L_spname, CHOOSE(in, names));
	if ((flags & 32) != 0)
		PUT(body, cpac, L_cpac, bytes_of(any + (flags >> 7),
		    flags >> 7 == 0 ? 1 : 3));
	if ((flags & 64) != 0)
		PUT(body, options, L_skdc_options, take(in));
}

static void
fill_request(struct feed *in, struct fluffy_msg *msg, struct plan *plan)
{
	static const int64_t offsets[] = {
		0, 0, 1, -1, 300, -300, 301, -301, 600, -600,
		-(int64_t)FUZZ_NOW
	};
	static const struct secret nobody = { .kid = { .n = 4 },
	    .key = { .alg = 30, .n = 16 } };
	struct part *part = seal_part(msg, msg, L_authenticator);
	struct sealing how = { .iv = (const uint8_t *)"0123456789abc" };
	const struct secret *secret = &nobody;
	uint8_t flags = take(in);

	fill_body(in, msg);
	CHECK(part != NULL);
	plan->key = take_upto(in, N_DEVICES);
	if (plan->key < N_DEVICES)
		secret = &secrets[plan->key];
	PUT(part, crealm, L_crealm, mostly(in, realms));
	PUT(part, cname, L_cname, (flags & 1) != 0 || plan->key == N_DEVICES ?
	    CHOOSE(in, names) : name_bytes(&secret->owner));
	PUT(part, ctime, L_ctime, (uint64_t)((int64_t)FUZZ_NOW +
	    offsets[take_upto(in, 10)]));
	PUT(part, nonce, L_nonce, bytes_of("0123456789abcdef0123456789abcdef",
	    4 + take_upto(in, 28)));
	if ((flags & 2) != 0)
		PUT(part, seqnum, L_seqnum, take(in));
	how.key = &secret->key;
	how.kid = keyid_bytes(&secret->kid);
	plan->broken_cksum = (flags & 12) == 12;
	how.cksum = (flags & 12) == 8;
	if (plan->broken_cksum)
		PUT(part, cksum, L_cksum, BYTES("01234567"));
	must(seal_make(fuzz_ctx(), msg, msg, L_authenticator, part, &how));
}

static bool
known(const char *const *v, size_t n, struct bytes name)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_eq(bytes_str(v[i]), name))
			return true;
	return false;
}

/* Is there an etype that is registered and that both sides take? */
static bool
some_etype(const struct req_body *body, struct bytes client,
    struct bytes service)
{
	bool gcm = bytes_eq(client, BYTES("gcm")) ||
	    bytes_eq(service, BYTES("gcm"));

	for (uint8_t i = 0; i < body->etype.n; i++)
		if (aead_of(body->etype.v[i]) != NULL &&
		    (!gcm || body->etype.v[i] == 1))
			return true;
	return false;
}

/* Section 6, in its order; written without looking at the library. */
static enum fluffy_error
demanded(const struct fluffy_msg *msg, const struct plan *plan)
{
	const struct req_body *body = msg->body;
	const struct part *part = msg->authenticator.plain;
	const char *client = plan->key < N_DEVICES ? devices[plan->key] : "";
	bool here = !HAS(body, L_sprealm) ||
	    bytes_eq(body->sprealm, BYTES("home"));
	uint64_t away = part->ctime > FUZZ_NOW ? part->ctime - FUZZ_NOW :
	    FUZZ_NOW - part->ctime;

	if (!bytes_eq(body->skdcrealm, BYTES("home")) ||
	    !bytes_eq(body->skdcname, BYTES("skdc")))
		return FLUFFY_E_WRONG_SKDC;
	if (plan->key == N_DEVICES || plan->broken_cksum ||
	    !bytes_eq(part->crealm, BYTES("home")) ||
	    !bytes_eq(part->cname, bytes_str(client)))
		return FLUFFY_E_AUTH_FAILED;
	if (away > 300)
		return FLUFFY_E_CLOCK_SKEW;
	if (body->kty != KTY_SYMM)
		return FLUFFY_E_BAD_ETYPE;
	if (!here || !known(devices, N_DEVICES, body->spname)) {
		/* what it takes isn't known, so it can't be the reason */
		return some_etype(body, bytes_str(client), BYTES("")) ?
		    FLUFFY_E_UNKNOWN_SERVICE : FLUFFY_E_BAD_ETYPE;
	}
	if (!some_etype(body, bytes_str(client), body->spname))
		return FLUFFY_E_BAD_ETYPE;
	if (plan->key == 0 && bytes_eq(body->spname, BYTES("stranger")))
		return FLUFFY_E_NOT_PERMITTED;
	return FLUFFY_OK;
}

static fluffy_msg *
reread(const struct fluffy_msg *msg, enum fluffy_format format)
{
	fluffy_bytes bytes;
	fluffy_msg *again;

	must(fluffy_msg_write(fuzz_ctx(), msg, format, 0, &bytes));
	must(fluffy_msg_read(fuzz_ctx(), bytes.data, bytes.len, &again));
	fluffy_bytes_free(&bytes);
	return again;
}

static void
chosen(struct feed *in)
{
	enum fluffy_format format = take(in) % 2 == 0 ? FLUFFY_CBOR :
	    FLUFFY_JSON;
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_REQ);
	struct plan plan;
	fluffy_msg *req;
	enum fluffy_error e;

	CHECK(msg != NULL);
	fill_request(in, msg, &plan);
	req = reread(msg, format);
	e = answer(req);
	CHECK(e == demanded(msg, &plan));
	answer_twice(req, e);
	fluffy_msg_free(&req);
	fluffy_msg_free(&msg);
}

/* ---- 1: a plaintext and a body ------------------------------------------- */

static int
proof_of(enum fluffy_type type)
{
	return type == FLUFFY_GSK_DELT ? L_kenvelope :
	    type == FLUFFY_PSK_DELC ? L_ack : L_authenticator;
}

/* { pvno, msg-type, req-body, the proof, sealing nothing } */
static void
put_request(struct buffer *b, enum fluffy_type type, struct bytes body,
    struct bytes kid)
{
	bool bodiless = proof_of(type) != L_authenticator;
	uint8_t header[PROTECTED_MAX], iv[13] = { 0 };

	cbor_put_map(b, type == FLUFFY_GSK_DELT ? 5 : 4);
	cbor_put_int(b, L_pvno);
	cbor_put_int(b, 1);
	cbor_put_int(b, L_msg_type);
	cbor_put_int(b, type);
	cbor_put_int(b, proof_of(type));
	cbor_put_array(b, 3);
	cbor_put_bytes(b, bytes_of(header, cbor_protected(header, 30)));
	cbor_put_map(b, 2);
	cbor_put_int(b, 4);
	cbor_put_bytes(b, kid);
	cbor_put_int(b, 5);
	cbor_put_bytes(b, bytes_of(iv, sizeof(iv)));
	cbor_put_bytes(b, BYTES(""));
	/* the first label of what the fuzzer wrote is wanted */
	if (!bodiless)
		cbor_put_int(b, L_req_body);
	buffer_add(b, body.p, body.n);
}

static void
around(struct feed *in)
{
	static const enum fluffy_type types[] = {
		FLUFFY_PSK_REQ, FLUFFY_PSK_REQ, FLUFFY_PSK_REQ, FLUFFY_GSK_REQ,
		FLUFFY_GSK_FET, FLUFFY_GSK_DELT, FLUFFY_PKP_REQ,
		FLUFFY_PSK_DELC
	};
	enum fluffy_type type = types[take_upto(in, 7)];
	const struct secret *secret = &secrets[take_upto(in, N_DEVICES - 1)];
	struct buffer b = BUFFER(FLUFFY_MAX_RECEIVED);
	struct bytes plaintext = take_string(in);
	fluffy_msg *msg;
	enum fluffy_error sealed, e;

	put_request(&b, type, take_rest(in), keyid_bytes(&secret->kid));
	CHECK(!b.failed);
	e = fluffy_msg_read(fuzz_ctx(), b.p, b.n, &msg);
	buffer_free(&b);
	if (e != FLUFFY_OK)
		return;
	sealed = seal_plaintext(msg, msg, proof_of(type), &secret->key,
	    keyid_bytes(&secret->kid), plaintext);
	e = answer(msg);
	if (sealed != FLUFFY_OK)
		CHECK(e == sealed || e == FLUFFY_E_WRONG_SKDC);
	answer_twice(msg, e);
	fluffy_msg_free(&msg);
}

/* ---- 2: a valid request, changed ----------------------------------------- */

static void
changed(struct feed *in)
{
	static const uint8_t choice[] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0 };
	struct feed valid = { choice, sizeof(choice) };
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_REQ);
	enum fluffy_format format = take(in) % 2 == 0 ? FLUFFY_CBOR :
	    FLUFFY_JSON;
	fluffy_bytes bytes, was, is;
	struct plan plan;
	fluffy_msg *req;
	uint8_t *p;
	size_t n;

	CHECK(msg != NULL);
	fill_request(&valid, msg, &plan);
	CHECK(demanded(msg, &plan) == FLUFFY_OK);
	must(fluffy_msg_write(fuzz_ctx(), msg, format, 0, &bytes));
	p = mutate(in, bytes_of(bytes.data, bytes.len), &n);
	if (fluffy_msg_read(fuzz_ctx(), p, n, &req) == FLUFFY_OK) {
		was = cbor_of(msg);
		is = cbor_of(req);
		CHECK((answer(req) == FLUFFY_OK) ==
		    bytes_eq(bytes_of(was.data, was.len),
		    bytes_of(is.data, is.len)));
		fluffy_bytes_free(&was);
		fluffy_bytes_free(&is);
	}
	free(p);
	fluffy_bytes_free(&bytes);
	fluffy_msg_free(&req);
	fluffy_msg_free(&msg);
}

/* ---- 3: a stream --------------------------------------------------------- */

static void
malformed(enum fluffy_error e)
{
	int64_t type = fuzz_ctx()->refused_type;
	fluffy_msg *out;

	must(fluffy_skdc_malformed(store, &out));
	CHECK((out != NULL) == (type == 0 || is_request(type)));
	if (out == NULL)
		return;
	check_message(out);
	check_error(NULL, e, out);
	fluffy_msg_free(&out);
}

#define STREAM_MAX 4

static void
stream(struct feed *in)
{
	struct bytes rest = take_rest(in);
	fluffy_reader *r = fluffy_reader_new(fuzz_ctx());
	enum fluffy_error e;
	fluffy_msg *msg;

	CHECK(r != NULL);
	must(fluffy_reader_push(r, rest.p, rest.n));
	fluffy_reader_finish(r);
	/* many broken lines would tell nothing new, and take long */
	for (int i = 0; i < STREAM_MAX &&
	    (e = fluffy_reader_next(r, &msg)) < FLUFFY_MORE; i++) {
		if (e == FLUFFY_OK)
			(void)answer(msg);
		else
			malformed(e);
		fluffy_msg_free(&msg);
	}
	fluffy_reader_free(&r);
}

/* ---- 4: the lives of groups ---------------------------------------------- */

#define N_GROUPS 4
#define N_KEYS	 6	/* of one group; a longer life tells nothing new */
#define N_DELTS	 24

/* What section 6 says of a group, written without looking at the library. */
static struct model {
	enum { FREE, LIVE, DELETING, DELETED } state;
	size_t owner;
	bool any;
	unsigned named;			/* a bit per device */
	size_t n_keys;
	struct {
		uint8_t id[8];
		int64_t alg;
		unsigned holders, asked, confirmed;
	} keys[N_KEYS];			/* the last is the current one */
} models[N_GROUPS];

/* The PSK-DELTs that were issued. */
static struct delt {
	size_t group, key, device;
	uint8_t nonce[32];
	size_t nonce_n;
	bool old;	/* the group was made anew since */
} delts[N_DELTS];
static size_t n_delts;

static uint8_t nonces;	/* of this input's requests */

struct target {
	size_t device, group;
	bool realm;	/* said, also where it could be left out */
};

static struct target
take_target(struct feed *in)
{
	struct target t;

	t.device = take_upto(in, N_DEVICES - 1);
	t.group = take_upto(in, N_GROUPS - 1);
	t.realm = t.group >= 2 || take(in) % 2 == 1;
	return t;
}

static struct bytes
group_name(size_t group)
{
	return group % 2 == 0 ? BYTES("lights") : BYTES("doors");
}

static struct bytes
group_realm_of(size_t group)
{
	return group < 2 ? BYTES("home") : BYTES("away");
}

#define PUT_GROUP(t, map) do { \
	if ((t)->realm) \
		PUT(map, mcastrealm, L_mcastrealm, \
		    group_realm_of((t)->group)); \
	PUT(map, mcastname, L_mcastname, group_name((t)->group)); \
} while (0)

/* The clear part is complete: seal a part with names, time and a new nonce. */
static void
seal_request(struct fluffy_msg *msg, int label, struct part *part,
    size_t device)
{
	const struct secret *secret = &secrets[device];
	struct sealing how = { .iv = (const uint8_t *)"0123456789abc",
	    .key = &secret->key, .kid = keyid_bytes(&secret->kid) };
	uint8_t nonce[8] = { ++nonces };

	PUT(part, nonce, L_nonce, arena_dup(&msg->arena,
	    bytes_of(nonce, sizeof(nonce))));
	must(seal_make(fuzz_ctx(), msg, msg, label, part, &how));
}

static struct part *
new_proof(struct fluffy_msg *msg, int label, size_t device)
{
	struct part *part = seal_part(msg, msg, label);
	struct bytes name = bytes_str(devices[device]);

	CHECK(part != NULL);
	if (msg->type == FLUFFY_GSK_REQ) {
		PUT(part, sprealm, L_sprealm, BYTES("home"));
		PUT(part, spname, L_spname, name);
		PUT(part, sptime, L_sptime, FUZZ_NOW);
	} else if (msg->type == FLUFFY_GSK_DELT)
		PUT(part, authtime, L_authtime, FUZZ_NOW);
	else {
		PUT(part, crealm, L_crealm, BYTES("home"));
		PUT(part, cname, L_cname, name);
		PUT(part, ctime, L_ctime, FUZZ_NOW);
	}
	return part;
}

static struct req_body *
new_body(struct fluffy_msg *msg)
{
	struct req_body *body = message_map(msg, L_req_body);

	CHECK(body != NULL);
	PUT(body, skdcrealm, L_skdcrealm, BYTES("home"));
	PUT(body, skdcname, L_skdcname, BYTES("skdc"));
	return body;
}

/* Is it there, for anybody but the owner of a deleted one? */
static bool
there(const struct model *m)
{
	return m->state == LIVE || m->state == DELETING;
}

static unsigned
missing_of(const struct model *m, size_t key)
{
	return m->keys[key].asked & ~m->keys[key].confirmed;
}

static size_t
missing(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_keys; i++)
		for (size_t d = 0; d < N_DEVICES; d++)
			n += missing_of(m, i) >> d & 1;
	return n;
}

/* members: none, "any", or those in a mask; the CBOR of grppac. */
static struct bytes
put_members(struct fluffy_msg *msg, uint8_t choice)
{
	struct buffer b = BUFFER(1000);
	struct bytes out;
	size_t n = 0;

	cbor_put_map(&b, 1);
	cbor_put_text(&b, BYTES("members"));
	for (size_t d = 0; d < N_DEVICES; d++)
		n += choice >> d & 1;
	if (choice >= 0x80)
		cbor_put_text(&b, BYTES("any"));
	else {
		cbor_put_array(&b, n);
		for (size_t d = 0; d < N_DEVICES; d++)
			if ((choice >> d & 1) != 0)
				cbor_put_text(&b, bytes_str(devices[d]));
	}
	CHECK(!b.failed);
	out = arena_dup(&msg->arena, buffer_view(&b));
	buffer_free(&b);
	return out;
}

static enum fluffy_error
gsk_demanded(const struct model *m, size_t device, bool renew, int64_t alg)
{
	if (device == 4 && alg != 1)
		return FLUFFY_E_BAD_ETYPE;
	if (m->state == DELETING)
		return FLUFFY_E_GROUP_DELETING;
	if (m->state != LIVE)
		return renew ? FLUFFY_E_NO_SUCH_GROUP : FLUFFY_OK;
	if (!renew)
		return FLUFFY_E_GROUP_EXISTS;
	return m->owner == device ? FLUFFY_OK : FLUFFY_E_NOT_OWNER;
}

static void
made(struct model *m, size_t device, const struct fluffy_msg *rep,
    bool grppac, uint8_t choice)
{
	const struct keydata *k = rep->receipt.plain->keydata;

	if (m->state != LIVE) {
		for (size_t i = 0; i < n_delts; i++)
			if (delts[i].group == (size_t)(m - models))
				delts[i].old = true;
		*m = (struct model){ .state = LIVE, .owner = device };
	}
	if (grppac) {
		m->any = choice >= 0x80;
		m->named = m->any ? 0 : choice & 31;
	}
	CHECK(m->n_keys < N_KEYS);
	memcpy(m->keys[m->n_keys].id, k->keyid.p, 8);
	m->keys[m->n_keys].alg = k->alg;
	m->keys[m->n_keys++].holders = 1u << device;
}

static void
ask_group(struct feed *in)
{
	static const int64_t algs[] = { 10, 1, 24, 10 };
	struct target t = take_target(in);
	uint8_t flags = take(in), choice = take(in);
	struct model *m = &models[t.group];
	struct fluffy_msg *msg = message_new(FLUFFY_GSK_REQ);
	bool renew = flags % 2 == 1, grppac = (flags & 2) != 0;
	struct req_body *body;
	enum fluffy_error e;
	fluffy_msgs out;

	CHECK(msg != NULL);
	body = new_body(msg);
	PUT(body, kty, L_kty, KTY_SYMM);
	PUT(body, etype, L_etype, ((struct tokens){
	    .v = { algs[flags >> 2 & 3] }, .n = 1 }));
	if (renew)
		PUT(body, options, L_skdc_options, 4);
	PUT_GROUP(&t, body);
	if (grppac)
		PUT(body, grppac, L_grppac, put_members(msg, choice));
	seal_request(msg, L_authenticator,
	    new_proof(msg, L_authenticator, t.device), t.device);
	if (m->n_keys < N_KEYS || m->state != LIVE) {
		e = answers(msg, &out);
		CHECK(e == gsk_demanded(m, t.device, renew,
		    body->etype.v[0]));
		if (e == FLUFFY_OK)
			made(m, t.device, out.v[0], grppac, choice);
		fluffy_msgs_free(&out);
	}
	fluffy_msg_free(&msg);
}

/* The index of the key that is asked for; N_KEYS: none of the group. */
static size_t
wanted_key(const struct model *m, uint8_t which)
{
	if (which == 0)
		return m->n_keys - 1;
	return which - 1u < m->n_keys ? which - 1u : N_KEYS;
}

static enum fluffy_error
fetch_demanded(const struct model *m, size_t device, size_t key)
{
	if (!there(m))
		return FLUFFY_E_NO_SUCH_GROUP;
	if (m->state == DELETING)
		return FLUFFY_E_GROUP_DELETING;
	if (m->owner != device && !m->any && (m->named >> device & 1) == 0)
		return FLUFFY_E_NOT_PERMITTED;
	if (key == N_KEYS)
		return FLUFFY_E_NO_SUCH_KEY;
	if (device == 4 && m->keys[key].alg != 1)
		return FLUFFY_E_BAD_ETYPE;
	return FLUFFY_OK;
}

static void
fetch(struct feed *in)
{
	struct target t = take_target(in);
	struct model *m = &models[t.group];
	struct fluffy_msg *msg = message_new(FLUFFY_GSK_FET);
	uint8_t which = (uint8_t)take_upto(in, N_KEYS + 1);
	size_t key = wanted_key(m, which);
	struct req_body *body;
	fluffy_msgs out;
	enum fluffy_error e;

	CHECK(msg != NULL);
	body = new_body(msg);
	PUT_GROUP(&t, body);
	if (which > 0)
		PUT(body, keyid, L_keyid, key < N_KEYS ?
		    bytes_of(m->keys[key].id, 8) : BYTES("nosuchid"));
	seal_request(msg, L_authenticator,
	    new_proof(msg, L_authenticator, t.device), t.device);
	e = answers(msg, &out);
	CHECK(e == fetch_demanded(m, t.device, key));
	if (e == FLUFFY_OK) {
		CHECK(bytes_eq(out.v[0]->receipt.plain->keydata->keyid,
		    bytes_of(m->keys[key].id, 8)));
		m->keys[key].holders |= 1u << t.device;
	}
	fluffy_msgs_free(&out);
	fluffy_msg_free(&msg);
}

static enum fluffy_error
delt_demanded(const struct model *m, size_t device, size_t key)
{
	bool current = m->n_keys > 0 && key == m->n_keys - 1;

	if (m->state == FREE || (m->state == DELETED &&
	    (m->owner != device || !current)))
		return FLUFFY_E_NO_SUCH_GROUP;
	if (m->owner != device)
		return FLUFFY_E_NOT_OWNER;
	return current ? FLUFFY_OK : FLUFFY_E_NO_SUCH_KEY;
}

static size_t
device_of(struct bytes name)
{
	size_t d = 0;

	while (d < N_DEVICES && !bytes_eq(bytes_str(devices[d]), name))
		d++;
	CHECK(d < N_DEVICES);
	return d;
}

static size_t
key_of(const struct model *m, struct bytes keyid)
{
	size_t i = 0;

	while (i < m->n_keys && !bytes_eq(bytes_of(m->keys[i].id, 8), keyid))
		i++;
	CHECK(i < m->n_keys);
	return i;
}

/* One for each that is missing, and no two for the same. */
static void
issued_delts(struct model *m, const fluffy_msgs *out)
{
	unsigned seen[N_KEYS] = { 0 };

	CHECK(out->n == missing(m));
	for (size_t i = 0; i < out->n; i++) {
		const struct part *part = out->v[i]->kenvelope.plain;
		size_t device = device_of(out->v[i]->cname);
		size_t key = key_of(m, part->keydata->keyid);

		CHECK((missing_of(m, key) >> device & 1) != 0);
		CHECK((seen[key] >> device & 1) == 0);
		seen[key] |= 1u << device;
		if (n_delts == N_DELTS)
			continue;
		delts[n_delts] = (struct delt){ .group =
		    (size_t)(m - models), .key = key, .device = device,
		    .nonce_n = part->nonce.n };
		memcpy(delts[n_delts++].nonce, part->nonce.p, part->nonce.n);
	}
}

static void
is_done(struct model *m, const fluffy_msgs *out)
{
	CHECK(out->n == 1 && out->v[0]->type == FLUFFY_GSK_DELC);
	CHECK(device_of(out->v[0]->spname) == m->owner);
	m->state = DELETED;
}

static void
delete_group(struct feed *in)
{
	struct target t = take_target(in);
	struct model *m = &models[t.group];
	struct fluffy_msg *msg = message_new(FLUFFY_GSK_DELT);
	struct part *part;
	struct keydata *k;
	uint8_t which = (uint8_t)take_upto(in, N_KEYS + 1);
	size_t key = m->n_keys == 0 ? N_KEYS : wanted_key(m, which);
	fluffy_msgs out;
	enum fluffy_error e;

	CHECK(msg != NULL);
	PUT(msg, sprealm, L_sprealm, BYTES("home"));
	PUT(msg, spname, L_spname, bytes_str(devices[t.device]));
	part = new_proof(msg, L_kenvelope, t.device);
	PUT_GROUP(&t, part);
	k = keydata_refer(msg, key < N_KEYS ? bytes_of(m->keys[key].id, 8) :
	    BYTES("nosuchid"));
	CHECK(k != NULL);
	PUT(part, keydata, L_keydata, k);
	seal_request(msg, L_kenvelope, part, t.device);
	e = answers(msg, &out);
	CHECK(e == delt_demanded(m, t.device, key));
	if (e == FLUFFY_OK && m->state == LIVE) {
		m->state = DELETING;
		for (size_t i = 0; i < m->n_keys; i++)
			m->keys[i].asked = m->keys[i].holders &
			    ~(1u << m->owner);
	}
	if (e == FLUFFY_OK && missing(m) > 0)
		issued_delts(m, &out);
	else if (e == FLUFFY_OK)
		is_done(m, &out);
	fluffy_msgs_free(&out);
	fluffy_msg_free(&msg);
}

/* By the device that was asked, or, seldom, by another. */
static void
confirm(struct feed *in)
{
	const struct delt *delt;
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_DELC);
	struct part *part;
	struct model *m;
	size_t device;
	fluffy_msgs out;
	enum fluffy_error e;
	uint8_t other;

	CHECK(msg != NULL);
	if (n_delts == 0) {
		fluffy_msg_free(&msg);
		return;
	}
	delt = &delts[take(in) % n_delts];
	other = take(in);
	m = &models[delt->group];
	device = other < 0xf0 ? delt->device : other % N_DEVICES;
	PUT(msg, skdcname, L_skdcname, BYTES("skdc"));
	part = seal_part(msg, msg, L_ack);
	CHECK(part != NULL);
	PUT(part, cname, L_cname, bytes_str(devices[device]));
	PUT(part, authtime, L_authtime, 0);
	seal_request(msg, L_ack, part, device);
	PUT(part, nonce, L_nonce, bytes_of(delt->nonce, delt->nonce_n));
	must(seal_make(fuzz_ctx(), msg, msg, L_ack, part,
	    &(struct sealing){ .iv = (const uint8_t *)"0123456789abc",
	    .key = &secrets[device].key,
	    .kid = keyid_bytes(&secrets[device].kid) }));
	e = answers(msg, &out);
	if (device != delt->device)
		CHECK(e == FLUFFY_E_REPLAY);
	else if (delt->old)
		CHECK(e == FLUFFY_OK || e == FLUFFY_E_REPLAY);
	else
		CHECK(e == FLUFFY_OK);
	if (e == FLUFFY_OK && !delt->old) {
		m->keys[delt->key].confirmed |= 1u << device;
		if (m->state == DELETING && missing(m) == 0)
			is_done(m, &out);
		else
			CHECK(out.n == 0);
	} else if (e == FLUFFY_OK)
		CHECK(out.n == 0);
	fluffy_msgs_free(&out);
	fluffy_msg_free(&msg);
}

static void
lives(struct feed *in)
{
	static void (*const steps[])(struct feed *) = {
		ask_group, fetch, fetch, delete_group, confirm, confirm
	};

	memset(models, 0, sizeof(models));
	n_delts = 0;
	nonces = 0;
	alive = true;
	for (int i = 0; i < 24 && in->n > 0; i++)
		steps[take_upto(in, 5)](in);
	alive = false;
}

/* ---- 5: PKP-REQ -------------------------------------------------------------- */

static const struct {
	int64_t kty, alg;
} pair_kinds[] = {
	{ KTY_EC, -7 }, { KTY_EC, -35 }, { KTY_EC, -36 }, { KTY_EC, -25 },
	{ KTY_OKP, -8 }, { KTY_OKP, -25 }
};

static bool
is_pair(int64_t kty, int64_t alg)
{
	for (size_t i = 0; i < sizeof(pair_kinds) / sizeof(pair_kinds[0]);
	    i++)
		if (pair_kinds[i].kty == kty && pair_kinds[i].alg == alg)
			return true;
	return false;
}

static enum fluffy_error
pair_demanded(const struct req_body *body, size_t device)
{
	bool cert = (body->options & 1) != 0, some = false;

	for (uint8_t i = 0; i < body->etype.n; i++)
		some = some || (is_pair(body->kty, body->etype.v[i]) &&
		    (!cert || body->etype.v[i] != -25));
	if (!some)
		return FLUFFY_E_BAD_ETYPE;
	if (HAS(body, L_spname) && ((HAS(body, L_sprealm) &&
	    !bytes_eq(body->sprealm, BYTES("home"))) ||
	    !known(devices, N_DEVICES, body->spname)))
		return FLUFFY_E_UNKNOWN_SERVICE;
	if (device == 0 && bytes_eq(body->spname, BYTES("stranger")))
		return FLUFFY_E_NOT_PERMITTED;
	return cert ? FLUFFY_E_NO_CA : FLUFFY_OK;
}

static void
pair(struct feed *in)
{
	static const int64_t ktys[] = { KTY_EC, KTY_OKP, KTY_SYMM, 99 };
	static const int64_t algs[] = { -7, -8, -25, -35, -36, -37, 10, 99 };
	struct fluffy_msg *msg = message_new(FLUFFY_PKP_REQ);
	struct req_body *body;
	uint8_t flags = take(in), first = take(in);
	size_t device = take_upto(in, N_DEVICES - 1);
	enum fluffy_error e;

	CHECK(msg != NULL);
	body = new_body(msg);
	nonces = 0;
	PUT(body, kty, L_kty, ktys[flags % 16 < 14 ? flags % 2 :
	    flags % 16 - 12]);
	body->etype.n = (uint8_t)(1 + (first >> 3) % 4);
	for (uint8_t i = 0; i < body->etype.n; i++)
		body->etype.v[i] = algs[(first + i) % 8];
	SET(body, L_etype);
	if ((flags & 16) != 0)
		PUT(body, options, L_skdc_options, take(in));
	if ((flags & 32) != 0)
		PUT(body, spname, L_spname, CHOOSE(in, names));
	if ((flags & 64) != 0)
		PUT(body, sprealm, L_sprealm, mostly(in, realms));
	if ((flags & 128) != 0)
		PUT(body, cpac, L_cpac, BYTES("\x81\x01"));
	seal_request(msg, L_authenticator,
	    new_proof(msg, L_authenticator, device), device);
	e = answer(msg);
	CHECK(e == pair_demanded(body, device));
	answer_twice(msg, e);
	fluffy_msg_free(&msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const modes[])(struct feed *) = {
		chosen, around, changed, stream, lives, pair
	};
	struct feed in = { data, n };

	if (store == NULL)
		make_store();
	fuzz_begin(2);
	must(fluffy_skdc_begin(store));
	modes[take_upto(&in, 5)](&in);
	store_rollback(store);
	return 0;
}

/*
 * fuzz_skdc.c - the SKDC's answer, behind the seal
 *
 * The first byte chooses:
 *  0  a PSK-REQ whose members the next bytes choose, with the outcome that
 *     fluffy-wire(7), section 6, demands
 *  1  a request of any type around a plaintext and a req-body of the fuzzer's
 *  2  a valid PSK-REQ with changes: unless they change nothing, it's refused
 *  3  a stream of the fuzzer's
 * Each input finds the same store: what it did is rolled back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../answer.h"
#include "alg.h"
#include "cbor.h"
#include "exchange.h"
#include "fuzz.h"
#include "policy.h"

#define UUID_NAME "187c07e4-d563-4e9b-83c4-00b27244b8cd"

/* ---- the store ----------------------------------------------------------- */

static const char *const devices[] = {
	"sensor", UUID_NAME, "lock", "stranger", "gcm"
};

#define N_DEVICES (sizeof(devices) / sizeof(devices[0]))

static fluffy_store *store;
static struct secret secrets[N_DEVICES];

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

/* Section 6, ERROR; served is whether that kind of request ever is. */
static void
check_error(const struct fluffy_msg *req, enum fluffy_error e, bool served,
    struct fluffy_msg *error)
{
	bool ack = served && e != FLUFFY_E_MALFORMED &&
	    e != FLUFFY_E_BAD_VERSION && e != FLUFFY_E_WRONG_SKDC &&
	    e != FLUFFY_E_AUTH_FAILED;
	const struct part *part;
	struct bytes client;

	CHECK(error->type == FLUFFY_ERROR);
	CHECK(error->error_code == (int64_t)e);
	CHECK(HAS(error, L_skdcname) && HAS(error, L_skdcrealm));
	CHECK(HAS(error, L_ack) == ack);
	CHECK(HAS(error, L_crealm) == ack && HAS(error, L_cname) == ack);
	if (!ack)
		return;
	part = opened(error, error, L_ack, &client);
	CHECK(secret_of(req->authenticator.kid) == secret_of(error->ack.kid));
	CHECK(bytes_eq(error->cname, client));
	CHECK(bytes_eq(error->crealm, BYTES("home")));
	CHECK(bytes_eq(part->nonce, req->authenticator.plain->nonce));
	CHECK(bytes_eq(part->skdcname, BYTES("skdc")));
	CHECK(part->authtime == FUZZ_NOW);
}

static bool
is_request(int64_t type)
{
	return type == FLUFFY_PSK_REQ || type == FLUFFY_GSK_REQ ||
	    type == FLUFFY_GSK_FET || type == FLUFFY_GSK_DELT ||
	    type == FLUFFY_PKP_REQ;
}

static enum fluffy_error
answer(struct fluffy_msg *req)
{
	fluffy_msg *out;
	enum fluffy_error e = answer_one(store, req, &out);

	CHECK((out != NULL) == is_request(req->type));
	if (e != FLUFFY_OK)
		check_why(e);
	if (out == NULL) {
		CHECK(e == FLUFFY_E_UNEXPECTED);
		return e;
	}
	check_message(out);
	if (e == FLUFFY_OK)
		check_rep(req, out);
	else
		check_error(req, e, req->type == FLUFFY_PSK_REQ, out);
	fluffy_msg_free(&out);
	return e;
}

/* What was judged is remembered, also when it was refused by policy. */
static void
answer_twice(struct fluffy_msg *req, enum fluffy_error first)
{
	enum fluffy_error again = answer(req);

	if (first == FLUFFY_OK || first == FLUFFY_E_REPLAY ||
	    first == FLUFFY_E_BAD_ETYPE || first == FLUFFY_E_UNKNOWN_SERVICE ||
	    (first == FLUFFY_E_NOT_PERMITTED && req->type == FLUFFY_PSK_REQ))
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

/* { pvno, msg-type, req-body, authenticator or kenvelope, sealing nothing } */
static void
put_request(struct buffer *b, enum fluffy_type type, struct bytes body,
    struct bytes kid)
{
	bool delt = type == FLUFFY_GSK_DELT;
	uint8_t header[PROTECTED_MAX], iv[13] = { 0 };

	cbor_put_map(b, 4);
	cbor_put_int(b, L_pvno);
	cbor_put_int(b, 1);
	cbor_put_int(b, L_msg_type);
	cbor_put_int(b, type);
	cbor_put_int(b, delt ? L_kenvelope : L_authenticator);
	cbor_put_array(b, 3);
	cbor_put_bytes(b, bytes_of(header, cbor_protected(header, 30)));
	cbor_put_map(b, 2);
	cbor_put_int(b, 4);
	cbor_put_bytes(b, kid);
	cbor_put_int(b, 5);
	cbor_put_bytes(b, bytes_of(iv, sizeof(iv)));
	cbor_put_bytes(b, BYTES(""));
	/* of GSK-DELT the first label of what the fuzzer wrote is wanted */
	if (!delt)
		cbor_put_int(b, L_req_body);
	buffer_add(b, body.p, body.n);
}

static void
around(struct feed *in)
{
	static const enum fluffy_type types[] = {
		FLUFFY_PSK_REQ, FLUFFY_PSK_REQ, FLUFFY_PSK_REQ, FLUFFY_GSK_REQ,
		FLUFFY_GSK_FET, FLUFFY_GSK_DELT, FLUFFY_PKP_REQ
	};
	enum fluffy_type type = types[take_upto(in, 6)];
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
	sealed = seal_plaintext(msg, msg, type == FLUFFY_GSK_DELT ?
	    L_kenvelope : L_authenticator, &secret->key,
	    keyid_bytes(&secret->kid), plaintext);
	e = answer(msg);
	if (type == FLUFFY_PSK_REQ && sealed != FLUFFY_OK)
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
	check_error(NULL, e, false, out);
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const modes[])(struct feed *) = {
		chosen, around, changed, stream
	};
	struct feed in = { data, n };

	if (store == NULL)
		make_store();
	fuzz_begin(2);
	must(fluffy_skdc_begin(store));
	modes[take_upto(&in, 3)](&in);
	store_rollback(store);
	return 0;
}

/*
 * skdc_requests.c - requests with chosen members, and what they have to get
 *
 * What fluffy-wire(7), section 6, demands is written here without looking at
 * the library.
 */
#include "alg.h"
#include "skdc.h"

uint8_t nonces;

void
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

struct part *
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

struct req_body *
new_body(struct fluffy_msg *msg)
{
	struct req_body *body = message_map(msg, L_req_body);

	CHECK(body != NULL);
	PUT(body, skdcrealm, L_skdcrealm, BYTES("home"));
	PUT(body, skdcname, L_skdcname, BYTES("skdc"));
	return body;
}

/* ---- 0: PSK-REQ ---------------------------------------------------------- */

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

/* Section 6, in its order. */
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

void
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

fluffy_msg *
good_request(void)
{
	static const uint8_t choice[] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0 };
	struct feed valid = { choice, sizeof(choice) };
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_REQ);
	struct plan plan;

	CHECK(msg != NULL);
	fill_request(&valid, msg, &plan);
	CHECK(demanded(msg, &plan) == FLUFFY_OK);
	return msg;
}

/* ---- 5: PKP-REQ ---------------------------------------------------------- */

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

void
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

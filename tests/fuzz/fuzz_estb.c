/*
 * fuzz_estb.c - the device's steps, behind the seals
 *
 * The first byte chooses:
 *  0  client: a PSK-REP, 1  service: a PSK-ESTB, 2  client: a PSK-ACK,
 *  3  client: an ERROR, around plaintexts of the fuzzer's
 *  4  one of these, valid, with changes: unless they change nothing, it
 *     is refused
 *  5  a message of the fuzzer's, at either
 *  6  service: a PSK-ESTB with a public key of the fuzzer's, signed
 */
#include "decode.h"
#include "exchange.h"
#include "pkey.h"
#include "stores.h"

/* ---- the stores and an honest exchange ----------------------------------- */

enum { REP, ESTB, ACK, REFUSAL, SIGNED, UNSIGNED, N_VALID };

static fluffy_store *skdc, *sensor, *lock;
/* sensor waits for valid[REP] and, for another request, for valid[ACK]. */
static fluffy_bytes valid[N_VALID];
static struct session session;	/* the one of valid[ACK] */
static struct secret sensor_key, lock_key;
static uint8_t nonce[NONCE_SIZE]; /* of the request behind valid[REP] */

/* The SKDC's answer to a request of sensor's. */
static fluffy_msg *
ask_for(const char *service, enum fluffy_error expected)
{
	const fluffy_psk_params params = { .service = service };
	fluffy_msg *req;

	must(fluffy_psk_request(sensor, &params, &req));
	memcpy(nonce, req->authenticator.plain->nonce.p, NONCE_SIZE);
	return ask(skdc, req, expected);
}

static fluffy_msg *
step(fluffy_store *s, fluffy_msg *in)
{
	static const fluffy_extras params = { .has_seqnum = true,
	    .seqnum = UINT32_MAX };
	fluffy_outcome outcome;
	fluffy_msg *out;

	must(fluffy_estb(s, in, &params, &out, &outcome));
	fluffy_msg_free(&in);
	return out;
}

/* The PSK-ESTB with a new pair of sensor's for lock. */
static void
make_public(int which, const char *alg)
{
	const fluffy_pkp_params params = { .kty = "OKP", .etype = alg,
	    .service = "lock" };
	const fluffy_extras extras = { .has_seqnum = true, .seqnum = 1 };
	fluffy_msg *req, *rep, *out;
	fluffy_outcome outcome;

	must(fluffy_pkp_request(sensor, &params, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_pkp_accept(sensor, rep, &extras, &out, &outcome));
	CHECK(out != NULL);
	valid[which] = keep(out);
	fluffy_msg_free(&rep);
}

static void
make_stores(void)
{
	fluffy_msg *msg;

	fuzz_begin(1);
	skdc = make_skdc();
	sensor = make_device(skdc, "sensor", &sensor_key);
	lock = make_device(skdc, "lock", &lock_key);
	prune_now(lock);
	valid[ESTB] = keep(step(sensor, ask_for("lock", FLUFFY_OK)));
	/* to lock it must be new then */
	life_begin(lock);
	valid[ACK] = keep(step(lock, copy(valid[ESTB])));
	life_end(lock);
	msg = copy(valid[ACK]);
	must(store_session(sensor, msg->ack.kid, false, &session));
	fluffy_msg_free(&msg);
	valid[REFUSAL] = keep(ask_for("nobody", FLUFFY_E_UNKNOWN_SERVICE));
	make_public(SIGNED, "EdDSA");
	make_public(UNSIGNED, "ECDH-ES+HKDF-256");
	valid[REP] = keep(ask_for("lock", FLUFFY_OK));
}

/* ---- a step and what it may give ----------------------------------------- */

static bool
brings_public(const struct fluffy_msg *in)
{
	return in->type == FLUFFY_PSK_ESTB && in->mticket->enc_part.plain !=
	    NULL && in->mticket->enc_part.plain->keydata->kty != KTY_SYMM;
}

static void
check_outcome(const struct fluffy_msg *in, enum fluffy_error e,
    const fluffy_outcome *o)
{
	static const enum fluffy_outcome_kind kinds[] = {
		[FLUFFY_PSK_REP] = FLUFFY_KEY_RECEIVED,
		[FLUFFY_PSK_ESTB] = FLUFFY_KEY_ACCEPTED,
		[FLUFFY_PSK_ACK] = FLUFFY_KEY_ESTABLISHED
	};

	if (e != FLUFFY_OK) {
		CHECK(o->kind == FLUFFY_NOTHING);
		CHECK(in->type != FLUFFY_ERROR);
	} else if (in->type == FLUFFY_ERROR) {
		CHECK(o->kind == FLUFFY_ERROR_PROVEN ||
		    o->kind == FLUFFY_ERROR_HINT);
		CHECK(o->kind == FLUFFY_ERROR_HINT || HAS(in, L_ack));
	} else {
		CHECK(in->type <= FLUFFY_PSK_ACK);
		CHECK(o->kind == (brings_public(in) ?
		    HAS(in, L_authenticator) ? FLUFFY_PUBLIC_PROVEN :
		    FLUFFY_PUBLIC_ATTESTED : kinds[in->type]));
		CHECK(o->keyid_len == 8);
		CHECK(o->endtime > FUZZ_NOW);
		CHECK(o->peer[0] != '\0');
	}
}

static void
check_out(const struct fluffy_msg *in, enum fluffy_error e,
    const struct fluffy_msg *out)
{
	if (e != FLUFFY_OK && in->type == FLUFFY_PSK_ESTB) {
		CHECK(out != NULL && out->type == FLUFFY_ERROR);
		CHECK(out->error_code == (int64_t)e);
		CHECK(!HAS(out, L_ack) && !HAS(out, L_skdcname));
		CHECK(!HAS(out, L_cname) && !HAS(out, L_crealm));
	} else if (e != FLUFFY_OK || in->type == FLUFFY_PSK_ACK ||
	    in->type == FLUFFY_ERROR || brings_public(in))
		CHECK(out == NULL);
	else
		CHECK(out != NULL && out->type == in->type + 1);
	if (out != NULL)
		check_written(out);
}

static enum fluffy_error
take_step(fluffy_store *s, fluffy_msg *in)
{
	static const fluffy_extras params = { .cksum = true };
	fluffy_outcome outcome;
	fluffy_msg *out;
	enum fluffy_error would, e;

	life_begin(s);
	would = explained(s, in);
	e = fluffy_estb(s, in, &params, &out, &outcome);
	life_end(s);
	if (e != FLUFFY_OK) {
		check_why(e);
		CHECK(fluffy_error_status(e) != FLUFFY_BROKEN);
		CHECK(e < FLUFFY_E_USAGE || e == FLUFFY_E_UNEXPECTED);
	}
	CHECK(e == would || e == FLUFFY_E_UNEXPECTED);
	check_outcome(in, e, &outcome);
	check_out(in, e, out);
	check_shown(in);
	fluffy_msg_free(&out);
	return outcome.kind == FLUFFY_ERROR_HINT ? FLUFFY_E_AUTH_FAILED : e;
}

/* ---- 0 to 3: plaintexts of the fuzzer's ---------------------------------- */

static void
rep(struct feed *in)
{
	struct fluffy_msg *msg = copy(valid[REP]);
	enum fluffy_error sealed, e;
	struct bytes plaintext = take_rest(in);

	sealed = seal_plaintext(msg, msg, L_receipt, &sensor_key.key,
	    keyid_bytes(&sensor_key.kid), plaintext);
	e = take_step(sensor, msg);
	CHECK(sealed == FLUFFY_OK || e == sealed);
	if (e == FLUFFY_OK)
		CHECK(bytes_eq(msg->receipt.plain->nonce,
		    bytes_of(nonce, NONCE_SIZE)));
	fluffy_msg_free(&msg);
}

/* The key that the miniticket's plaintext brings; the real one if none. */
static struct symm
key_of(struct bytes plaintext, const struct schema *schema)
{
	struct path path = { .name = "enc-part", .len = 8 };
	struct arena arena = { NULL, false };
	struct symm key = session.key;
	struct part *part;

	if (decode_part(fuzz_ctx(), &arena, plaintext, schema, &path,
	    &part) == FLUFFY_OK && part->keydata->kty == KTY_SYMM) {
		key.alg = part->keydata->alg;
		key.n = (uint8_t)part->keydata->key.n;
		memcpy(key.b, part->keydata->key.p, key.n);
	}
	arena_free(&arena);
	return key;
}

static void
estb(struct feed *in)
{
	struct fluffy_msg *msg = copy(valid[ESTB]);
	struct bytes ticket = take_string(in), plaintext = take_rest(in);
	const struct row *row = schema_row(msg->mticket->head.schema,
	    L_enc_part);
	struct symm key = key_of(ticket, row->sub);
	enum fluffy_error opened, sealed, e;

	opened = seal_plaintext(msg, msg->mticket, L_enc_part, &lock_key.key,
	    keyid_bytes(&lock_key.kid), ticket);
	sealed = seal_plaintext(msg, msg, L_authenticator, &key, BYTES(""),
	    plaintext);
	e = take_step(lock, msg);
	CHECK(e != FLUFFY_OK || (opened == FLUFFY_OK && sealed == FLUFFY_OK));
	if (opened != FLUFFY_OK)
		CHECK(e == opened);
	fluffy_msg_free(&msg);
}

static void
ack(struct feed *in)
{
	struct fluffy_msg *msg = copy(valid[ACK]);
	enum fluffy_error sealed, e;
	struct bytes plaintext = take_rest(in);

	sealed = seal_plaintext(msg, msg, L_ack, &session.key,
	    keyid_bytes(&session.keyid), plaintext);
	e = take_step(sensor, msg);
	CHECK(sealed == FLUFFY_OK || e == sealed);
	fluffy_msg_free(&msg);
}

static void
refusal(struct feed *in)
{
	struct fluffy_msg *msg = copy(valid[REFUSAL]);
	struct bytes plaintext;
	enum fluffy_error sealed, e;

	msg->error_code = take(in);
	plaintext = take_rest(in);
	sealed = seal_plaintext(msg, msg, L_ack, &sensor_key.key,
	    keyid_bytes(&sensor_key.kid), plaintext);
	e = take_step(sensor, msg);
	CHECK(sealed == FLUFFY_OK || e != FLUFFY_OK);
	fluffy_msg_free(&msg);
}

/* ---- 6: public keys ------------------------------------------------------ */

/* Signed with the fixed pair; false when it isn't an authenticator. */
static bool
sign(struct fluffy_msg *msg, struct bytes plaintext, const struct keydata *pair)
{
	const struct row *row = schema_row(msg->head.schema, L_authenticator);
	struct path path = { .name = "authenticator", .len = 13 };
	struct part *part;

	if (decode_part(fuzz_ctx(), &msg->arena, plaintext, row->sub, &path,
	    &part) != FLUFFY_OK || HAS(part, L_cksum))
		return false;
	must(seal_sign(fuzz_ctx(), msg, msg, L_authenticator, part, pair));
	return true;
}

/* Who took it knows who has that key, or has the SKDC's word for it. */
static void
check_public(const struct fluffy_msg *msg, const struct keydata *pair,
    bool is_signed)
{
	const struct part *ticket = msg->mticket->enc_part.plain;
	const struct keydata *k = ticket->keydata;

	if (k->kty == KTY_SYMM)
		return;
	CHECK(!pkey_is_pair(k));
	CHECK(bytes_eq(ticket->cname, msg->cname));
	CHECK(bytes_eq(ticket->crealm, msg->crealm));
	if (!HAS(msg, L_authenticator)) {
		CHECK(k->alg == -25);
		return;
	}
	CHECK(is_signed && k->alg == pair->alg);
	CHECK(bytes_eq(k->pkey->x, pair->pkey->x));
	CHECK(bytes_eq(msg->authenticator.plain->cname, ticket->cname));
}

static void
public(struct feed *in)
{
	uint8_t how = take(in);
	struct fluffy_msg *msg = copy(valid[how % 2 == 0 ? SIGNED :
	    UNSIGNED]);
	size_t n = (size_t)take(in) << 8;
	struct bytes ticket = take_bytes(in, n | take(in));
	struct keydata *pair = fuzz_pair(&msg->arena,
	    (how & 2) == 0 ? KTY_OKP : KTY_EC, (how & 2) == 0 ? -8 : -7,
	    BYTES("12345678"), false);
	enum fluffy_error opened, e;
	bool is_signed = false;

	opened = seal_plaintext(msg, msg->mticket, L_enc_part, &lock_key.key,
	    keyid_bytes(&lock_key.kid), ticket);
	if ((how & 4) == 0 && in->n > 0)
		is_signed = sign(msg, take_rest(in), pair);
	else if (in->n > 0)
		(void)seal_plaintext(msg, msg, L_authenticator,
		    &session.key, BYTES(""), take_rest(in));
	e = take_step(lock, msg);
	CHECK(opened == FLUFFY_OK || e == opened);
	if (e == FLUFFY_OK)
		check_public(msg, pair, is_signed);
	fluffy_msg_free(&msg);
}

/* ---- 4, 5: whole messages ------------------------------------------------ */

static void
changed(struct feed *in)
{
	int which = (int)take_upto(in, N_VALID - 1);
	enum fluffy_format format = take(in) % 2 == 0 ? FLUFFY_CBOR :
	    FLUFFY_JSON;
	fluffy_msg *msg = changed_copy(valid[which], format, in);

	if (msg != NULL)
		CHECK(is_same(valid[which], msg) == (take_step(
		    which == ESTB || which >= SIGNED ? lock : sensor,
		    msg) == FLUFFY_OK));
	fluffy_msg_free(&msg);
}

static void
whole(struct feed *in)
{
	fluffy_store *s = take(in) % 2 == 0 ? sensor : lock;
	struct bytes rest = take_rest(in);
	fluffy_msg *msg;

	if (fluffy_msg_read(fuzz_ctx(), rest.p, rest.n, &msg) != FLUFFY_OK)
		return;
	(void)take_step(s, msg);
	fluffy_msg_free(&msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const modes[])(struct feed *) = {
		rep, estb, ack, refusal, changed, whole, public
	};
	struct feed in = { data, n };

	if (lock == NULL)
		make_stores();
	fuzz_begin(2);
	modes[take_upto(&in, 6)](&in);
	return 0;
}

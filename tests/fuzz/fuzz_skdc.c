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
 */
#include "cbor.h"
#include "skdc.h"

const char *const devices[N_DEVICES] = {
	"sensor", UUID_NAME, "lock", "stranger", "gcm"
};
struct secret secrets[N_DEVICES];
fluffy_store *skdc;

static void
enrol(const char *name, struct secret *secret)
{
	fluffy_msg *msg;
	const struct keydata *k;

	must(fluffy_enrol(skdc, name, NULL, &msg));
	k = msg->keydata;
	CHECK(name_set(&secret->owner, bytes_str(name)));
	secret->kid.n = (uint8_t)k->keyid.n;
	memcpy(secret->kid.b, k->keyid.p, k->keyid.n);
	secret->key.alg = k->alg;
	secret->key.n = (uint8_t)k->key.n;
	memcpy(secret->key.b, k->key.p, k->key.n);
	fluffy_msg_free(&msg);
}

static void
make_store(void)
{
	const fluffy_policy gcm = { .etypes = "A128GCM" };

	fuzz_begin(1);
	skdc = make_skdc();
	for (size_t i = 0; i < N_DEVICES; i++)
		enrol(devices[i], &secrets[i]);
	must(fluffy_policy_set(skdc, "gcm", &gcm));
	must(fluffy_deny(skdc, "sensor", "stranger"));
	prune_now(skdc);
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
	enum fluffy_format format = take(in) % 2 == 0 ? FLUFFY_CBOR :
	    FLUFFY_JSON;
	fluffy_bytes kept = keep(good_request());
	fluffy_msg *req = changed_copy(kept, format, in);

	if (req != NULL)
		CHECK((answer(req) == FLUFFY_OK) == is_same(kept, req));
	fluffy_msg_free(&req);
	fluffy_bytes_free(&kept);
}

/* ---- 3: a stream --------------------------------------------------------- */

static void
malformed(enum fluffy_error e)
{
	int64_t type = fuzz_ctx()->refused_type;
	fluffy_msg *out;

	must(fluffy_skdc_malformed(skdc, &out));
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const modes[])(struct feed *) = {
		chosen, around, changed, stream, lives, pair
	};
	struct feed in = { data, n };

	if (skdc == NULL)
		make_store();
	fuzz_begin(2);
	nonces = 0;
	explaining = n > 0 && data[n - 1] % 4 == 3;
	life_begin(skdc);
	must(fluffy_skdc_begin(skdc));
	modes[take_upto(&in, 5)](&in);
	must(fluffy_skdc_commit(skdc));
	life_end(skdc);
	return 0;
}

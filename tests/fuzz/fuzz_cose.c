/*
 * fuzz_cose.c - what comes out of a seal
 *
 * The first byte chooses: a plaintext, which the target seals into a message
 * of the type and under the algorithm that the next bytes say; or a whole
 * message, whose seals are opened with the keys of fluffy_ref.py gen.
 */
#include "alg.h"
#include "exchange.h"
#include "fuzz.h"

/* Which sealed members there are. */
static const struct place {
	enum fluffy_type type;
	int label;
	bool ticket;
} places[] = {
	{ FLUFFY_PSK_REQ, L_authenticator, false },
	{ FLUFFY_PSK_REP, L_receipt, false },
	{ FLUFFY_PSK_REP, L_enc_part, true },
	{ FLUFFY_PSK_ESTB, L_authenticator, false },
	{ FLUFFY_PSK_ESTB, L_enc_part, true },
	{ FLUFFY_PSK_ACK, L_ack, false },
	{ FLUFFY_PSK_DELT, L_kenvelope, false },
	{ FLUFFY_PSK_DELC, L_ack, false },
	{ FLUFFY_GSK_REQ, L_authenticator, false },
	{ FLUFFY_GSK_REP, L_receipt, false },
	{ FLUFFY_GSK_FET, L_authenticator, false },
	{ FLUFFY_GSK_DLVR, L_receipt, false },
	{ FLUFFY_GSK_DELT, L_kenvelope, false },
	{ FLUFFY_GSK_DELC, L_ack, false },
	{ FLUFFY_PKP_REQ, L_authenticator, false },
	{ FLUFFY_PKP_REP, L_receipt, false },
	{ FLUFFY_PKP_REP, L_enc_part, true },
	{ FLUFFY_ERROR, L_ack, false }
};

#define N_PLACES (sizeof(places) / sizeof(places[0]))

/* Sealed again with the same iv it is the same: plaintexts are canonical. */
static void
check_sealed_again(struct fluffy_msg *msg, void *container, int label,
    const struct symm *key)
{
	struct sealed was = *sealed_member(container, label);
	struct sealing how = { .key = key, .kid = was.kid, .iv = was.iv.p };
	uint8_t iv[IV_MAX] = { 0 };

	memcpy(iv, was.iv.p, was.iv.n);
	how.iv = iv;
	must(seal_make(fuzz_ctx(), msg, container, label, was.plain, &how));
	CHECK(bytes_eq(was.ciphertext,
	    sealed_member(container, label)->ciphertext));
}

static void
check_broken_seal(struct fluffy_msg *msg, void *container, int label,
    const struct symm *key, uint8_t where)
{
	struct sealed *sealed = sealed_member(container, label);
	uint8_t *p = arena_alloc(&msg->arena, sealed->ciphertext.n);

	CHECK(p != NULL);
	memcpy(p, sealed->ciphertext.p, sealed->ciphertext.n);
	p[where % sealed->ciphertext.n] ^= (uint8_t)(1u << where % 8);
	sealed->ciphertext.p = p;
	CHECK(seal_open(fuzz_ctx(), msg, container, label, key) ==
	    FLUFFY_E_AUTH_FAILED);
	CHECK(sealed->plain == NULL);
	check_why(FLUFFY_E_AUTH_FAILED);
}

static void
seal_and_open(struct feed *in)
{
	const struct place *place = &places[take_upto(in, N_PLACES - 1)];
	struct symm key = fuzz_key(aeads[take_upto(in, N_AEADS - 1)].alg);
	uint8_t where = take(in);
	fluffy_ctx *ctx = fuzz_ctx();
	struct fluffy_msg *msg = message_new(place->type);
	enum fluffy_error expected, e;
	void *container = msg;

	CHECK(msg != NULL);
	if (place->ticket)
		container = message_map(msg, L_mticket);
	CHECK(container != NULL);
	expected = seal_plaintext(msg, container, place->label, &key,
	    BYTES("kid!"), take_rest(in));
	e = seal_open(ctx, msg, container, place->label, &key);
	CHECK(e == expected);
	if (e == FLUFFY_OK) {
		check_shown(msg);
		check_sealed_again(msg, container, place->label, &key);
	} else
		check_why(e);
	check_broken_seal(msg, container, place->label, &key, where);
	fluffy_msg_free(&msg);
}

static void
open_part(struct fluffy_msg *msg, void *container, int label)
{
	struct sealed *sealed;
	struct symm key;
	enum fluffy_error e;

	if ((((struct head *)container)->has & label_bit(label)) == 0)
		return;
	sealed = sealed_member(container, label);
	if (sealed->sign1)
		return;
	key = fuzz_key(sealed->alg);
	/* PSK-ESTB: the key came with the miniticket */
	if (!sealed->has_kid && msg->mticket->enc_part.plain != NULL) {
		const struct keydata *k = msg->mticket->enc_part.plain->keydata;

		if (k->kty == KTY_SYMM) {
			key.alg = k->alg;
			key.n = (uint8_t)k->key.n;
			memcpy(key.b, k->key.p, k->key.n);
		}
	}
	if (aead_of(key.alg) == NULL) {
		CHECK(seal_open_if(fuzz_ctx(), msg, container, label, &key,
		    false) == FLUFFY_E_AUTH_FAILED);
		return;
	}
	e = seal_open(fuzz_ctx(), msg, container, label, &key);
	CHECK((e == FLUFFY_OK) == (sealed->plain != NULL));
	if (e != FLUFFY_OK)
		check_why(e);
}

static void
open_all(struct feed *in)
{
	static const int labels[] = {
		L_authenticator, L_receipt, L_ack, L_kenvelope
	};
	fluffy_msg *msg;
	struct bytes rest = take_rest(in);

	if (fluffy_msg_read(fuzz_ctx(), rest.p, rest.n, &msg) != FLUFFY_OK)
		return;
	if (HAS(msg, L_mticket))
		open_part(msg, msg->mticket, L_enc_part);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		open_part(msg, msg, labels[i]);
	check_shown(msg);
	fluffy_msg_free(&msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };

	fuzz_begin(1);
	if (take(&in) % 2 == 0)
		seal_and_open(&in);
	else
		open_all(&in);
	return 0;
}

/* dk_revoke.c - revocation, both ends (memo, 2.4; section 11) */
#include <openssl/crypto.h>

#include "cbor.h"
#include "cose.h"
#include "dk.h"

/* Over the document as it is, without cksum. */
static enum fluffy_error
compute_cksum(fluffy_ctx *ctx, const struct fluffy_msg *msg,
    const struct symm *k_rs_ta, uint8_t cksum[HMAC_SIZE])
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	uint8_t derived[HMAC_SIZE];
	enum fluffy_error e;

	cbor_put_struct(&b, msg, L_cksum);
	e = b.failed ? fluffy_fail_memory(ctx) :
	    hkdf_sha256(ctx, symm_bytes(k_rs_ta), bytes_of(NULL, 0),
	    "fluffy dk revoke", derived, sizeof(derived));
	if (e == FLUFFY_OK)
		e = hmac_sha256(ctx, bytes_of(derived, sizeof(derived)),
		    buffer_view(&b), cksum);
	OPENSSL_cleanse(derived, sizeof(derived));
	buffer_free(&b);
	return e;
}

/* ---- TA -------------------------------------------------------------------- */

struct revocation {
	const char *rs;
	uint32_t number;
	struct fluffy_msg *msg;
};

static enum fluffy_error
make_revoke(fluffy_ctx *ctx, const struct anchor *a, uint32_t number,
    fluffy_msg **out)
{
	struct fluffy_msg *msg = dk_document(FLUFFY_DK_REVOKE, a);
	uint8_t cksum[HMAC_SIZE];
	enum fluffy_error e = FLUFFY_OK;

	if (msg != NULL) {
		PUT(msg, seqnum, L_seqnum, number);
		e = compute_cksum(ctx, msg, &a->key, cksum);
	}
	if (msg != NULL && e == FLUFFY_OK)
		PUT_BYTES(msg, msg, cksum, L_cksum,
		    bytes_of(cksum, sizeof(cksum)));
	return message_finish(ctx, e, &msg, out);
}

static enum fluffy_error
revoke(fluffy_store *s, void *arg)
{
	struct revocation *r = arg;
	struct anchor a;
	enum fluffy_error e = dk_anchor_of(s, r->rs, &a);

	if (e == FLUFFY_OK && r->number > a.window.right)
		e = fluffy_fail_at(s->ctx, FLUFFY_E_NOT_FOUND, "number",
		    "%u wasn't given out yet", (unsigned)r->number);
	if (e == FLUFFY_OK)
		e = store_revoked_add(s, &a, r->number);
	if (e == FLUFFY_OK)
		e = make_revoke(s->ctx, &a, r->number, &r->msg);
	anchor_wipe(&a);
	return e;
}

enum fluffy_error
fluffy_dk_revoke(fluffy_store *s, const char *rs, uint32_t number,
    fluffy_msg **out)
{
	struct revocation r = { .rs = rs, .number = number };
	enum fluffy_error e = dk_check_role(s, ROLE_ANCHOR);

	*out = NULL;
	if (e == FLUFFY_OK && number == 0)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "number",
		    "expected 1 to 4294967295");
	if (e == FLUFFY_OK)
		e = store_change(s, revoke, &r);
	if (e != FLUFFY_OK)
		fluffy_msg_free(&r.msg);
	*out = r.msg;
	return e;
}

/* ---- RS -------------------------------------------------------------------- */

static enum fluffy_error
check_revoke_names(struct step *step)
{
	return check_name(step->s->ctx, step->msg, "rs", step->msg->rs,
	    name_bytes(&step->s->party.name));
}

static enum fluffy_error
check_revoke_anchor(struct step *step)
{
	enum fluffy_error e = store_anchor(step->s, step->msg->ta,
	    name_bytes(&step->s->party.name), step->anchor);

	return e != FLUFFY_E_NOT_FOUND ? e : refuse(step->s->ctx, step->msg,
	    "ta", FLUFFY_E_AUTH_FAILED, "no such trust anchor");
}

static enum fluffy_error
check_revoke_cksum(struct step *step)
{
	uint8_t cksum[HMAC_SIZE];
	enum fluffy_error e = compute_cksum(step->s->ctx, step->msg,
	    &step->anchor->key, cksum);

	if (e == FLUFFY_OK &&
	    CRYPTO_memcmp(cksum, step->msg->cksum.p, HMAC_SIZE) != 0)
		e = refuse(step->s->ctx, step->msg, "cksum",
		    FLUFFY_E_AUTH_FAILED, "wrong cksum");
	OPENSSL_cleanse(cksum, sizeof(cksum));
	return e;
}

static const struct check revoke_checks[] = {
	{ "names", check_revoke_names },
	{ "trust-anchor", check_revoke_anchor },
	{ "cksum", check_revoke_cksum }
};

/* The window doesn't move, also for a number to the right of it. */
enum fluffy_error
dk_revoke_take(struct step *step)
{
	uint32_t number = (uint32_t)step->msg->seqnum;
	struct anchor a = { .key = { .n = 0 } };
	enum fluffy_error e;
	bool fresh = false;

	step->anchor = &a;
	e = RUN_CHECKS(step, revoke_checks);
	if (e == FLUFFY_OK)
		e = dk_fresh(step->s, &a, number, &fresh);
	if (e == FLUFFY_OK && fresh)
		e = store_revoked_add(step->s, &a, number);
	anchor_wipe(&a);
	step->anchor = NULL;
	return e;
}

static enum fluffy_error
accept_revoke(fluffy_store *s, void *msg)
{
	struct step step = step_begin(s, msg);

	return dk_revoke_take(&step);
}

enum fluffy_error
fluffy_dk_accept(fluffy_store *s, const fluffy_msg *msg)
{
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);

	if (e == FLUFFY_OK && msg->type != FLUFFY_DK_REVOKE)
		e = fluffy_fail_at(s->ctx, FLUFFY_E_UNEXPECTED,
		    fluffy_type_name((enum fluffy_type)msg->type),
		    "expected DK-REVOKE");
	return e != FLUFFY_OK ? e : store_change(s, accept_revoke,
	    (void *)(uintptr_t)msg);
}

/*
 * dk_server.c - what a resource server makes of what a client shows (memo, 2.2
 * to 2.4, 3.3; section 11)
 *
 * Nothing is changed but by the last step, after the client has proved that it
 * has the key.
 */
#include "derived.h"
#include "dk.h"
#include "maccert.h"
#include "spki.h"

/* A nonce or a MacCert, and what the checks have found in it so far. */
struct shown {
	const char *member;	/* of the document that would bring it */
	struct bytes data;
	struct bytes ta, client;
	uint32_t number;
	struct maccert cert;
	struct anchor anchor;
};

static enum fluffy_error
refuse_shown(const struct step *step, enum fluffy_error e, const char *why)
{
	return fluffy_fail_at(step->s->ctx, e, step->shown->member, "%s",
	    why);
}

/* What is said about a part of it is said about the whole. */
static enum fluffy_error
refuse_part(const struct step *step, enum fluffy_error e)
{
	return e != FLUFFY_E_MALFORMED && e != FLUFFY_E_AUTH_FAILED ? e :
	    refuse_shown(step, e, fluffy_why(step->s->ctx).text);
}

/* ---- checks -------------------------------------------------------------- */

static enum fluffy_error
check_nonce_syntax(struct step *step)
{
	struct shown *x = step->shown;
	struct nonce nonce = { .number = 0 };
	const char *wrong = nonce_read(x->data, &nonce);

	x->ta = nonce.ta;
	x->client = nonce.client;
	x->number = nonce.number;
	return wrong == NULL ? FLUFFY_OK :
	    refuse_shown(step, FLUFFY_E_MALFORMED, wrong);
}

static enum fluffy_error
check_maccert_syntax(struct step *step)
{
	struct shown *x = step->shown;
	const char *wrong = maccert_read(x->data, &x->cert);

	x->ta = x->cert.ta;
	x->number = x->cert.number;
	return wrong == NULL ? FLUFFY_OK :
	    refuse_shown(step, FLUFFY_E_MALFORMED, wrong);
}

static enum fluffy_error
check_anchor(struct step *step)
{
	struct shown *x = step->shown;
	enum fluffy_error e;

	e = store_anchor(step->s, x->ta, name_bytes(&step->s->party.name),
	    &x->anchor);
	if (e != FLUFFY_E_NOT_FOUND)
		return e;
	return fluffy_fail_at(step->s->ctx, FLUFFY_E_AUTH_FAILED, x->member,
	    "no trust anchor \"%.*s\"", (int)x->ta.n,
	    (const char *)x->ta.p);
}

static enum fluffy_error
fail_number(fluffy_ctx *ctx, const char *member, uint32_t number)
{
	return fluffy_fail_at(ctx, FLUFFY_E_REPLAY, member,
	    "number %u was used or revoked, or is too old",
	    (unsigned)number);
}

static enum fluffy_error
check_number(struct step *step)
{
	const struct shown *x = step->shown;
	enum fluffy_error e;
	bool fresh;

	e = dk_fresh(step->s, &x->anchor, x->number, &fresh);
	return e != FLUFFY_OK || fresh ? e :
	    fail_number(step->s->ctx, x->member, x->number);
}

static enum fluffy_error
check_public_key(struct step *step)
{
	return refuse_part(step, spki_check(step->s->ctx,
	    step->shown->cert.spki));
}

static enum fluffy_error
check_mac(struct step *step)
{
	struct shown *x = step->shown;

	return refuse_part(step, maccert_check(step->s->ctx,
	    &x->anchor.key, &x->cert));
}

/* Memo, 2.4: the number comes before any computing. */
static const struct check nonce_checks[] = {
	{ "syntax", check_nonce_syntax },
	{ "trust-anchor", check_anchor },
	{ "sequence-number", check_number }
};

/* A DK-CERT: for this RS, and by the MacCert's trust anchor. */
static enum fluffy_error
check_document(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	struct maccert cert;
	enum fluffy_error e;

	e = check_name(step->s->ctx, msg, "rs", msg->rs,
	    name_bytes(&step->s->party.name));
	/* of a MacCert that can't be read the next check tells what is wrong */
	if (e == FLUFFY_OK && maccert_read(msg->maccert, &cert) == NULL &&
	    !bytes_eq(cert.ta, msg->ta))
		e = refuse(step->s->ctx, msg, "maccert",
		    FLUFFY_E_MALFORMED, "its trust anchor isn't ta");
	return e;
}

/* Memo, 3.3. */
#define MACCERT_CHECKS \
	{ "syntax", check_maccert_syntax }, \
	{ "trust-anchor", check_anchor }, \
	{ "sequence-number", check_number }, \
	{ "public-key", check_public_key }, \
	{ "mac", check_mac }

static const struct check maccert_checks[] = {
	MACCERT_CHECKS
}, document_checks[] = {
	{ "names", check_document },
	MACCERT_CHECKS
};

static void
set_claim(fluffy_dk_claim *claim, const struct shown *x)
{
	memcpy(claim->ta, x->ta.p, x->ta.n);
	if (x->client.n > 0)
		memcpy(claim->client, x->client.p, x->client.n);
	claim->number = x->number;
	memcpy(claim->keyid, x->anchor.keyid.b, sizeof(claim->keyid));
}

/* type is the document's that would bring it. */
static enum fluffy_error
judge(fluffy_store *s, enum fluffy_type type, struct shown *x,
    fluffy_dk_claim *claim)
{
	struct step step = { .s = s, .type = type, .shown = x };
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);

	*claim = (fluffy_dk_claim){ .number = 0 };
	if (e == FLUFFY_OK)
		e = type == FLUFFY_DK_CRED ?
		    RUN_CHECKS(&step, nonce_checks) :
		    RUN_CHECKS(&step, maccert_checks);
	if (e == FLUFFY_OK)
		set_claim(claim, x);
	return e;
}

/* ---- steps --------------------------------------------------------------- */

enum fluffy_error
fluffy_dk_derive(fluffy_store *s, const void *nonce, size_t len,
    fluffy_dk_claim *claim, uint8_t *key, size_t *key_len)
{
	struct shown x = { .member = "psk-identity",
	    .data = bytes_of(nonce, len) };
	struct symm derived = { .n = 0 };
	enum fluffy_error e = judge(s, FLUFFY_DK_CRED, &x, claim);

	if (e == FLUFFY_OK)
		e = derived_key(s->ctx, &x.anchor.key, x.data, &derived);
	memcpy(key, derived.b, sizeof(derived.b));
	*key_len = e == FLUFFY_OK ? derived.n : 0;
	symm_wipe(&derived);
	anchor_wipe(&x.anchor);
	return e;
}

enum fluffy_error
fluffy_dk_verify(fluffy_store *s, const void *maccert, size_t len,
    fluffy_dk_claim *claim, fluffy_bytes *public_key)
{
	struct shown x = { .member = "maccert",
	    .data = bytes_of(maccert, len) };
	enum fluffy_error e = judge(s, FLUFFY_DK_CERT, &x, claim);

	*public_key = (fluffy_bytes){ NULL, 0 };
	if (e == FLUFFY_OK)
		e = dk_give(s->ctx, x.cert.spki, public_key);
	anchor_wipe(&x.anchor);
	return e;
}

enum fluffy_error
fluffy_dk_maccert(fluffy_store *s, const fluffy_msg *msg,
    fluffy_bytes *maccert)
{
	struct step step = step_begin(s, (void *)(uintptr_t)msg);
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);

	*maccert = (fluffy_bytes){ NULL, 0 };
	if (e == FLUFFY_OK && msg->type != FLUFFY_DK_CERT)
		e = fluffy_fail_at(s->ctx, FLUFFY_E_UNEXPECTED,
		    fluffy_type_name((enum fluffy_type)msg->type),
		    "expected DK-CERT");
	if (e == FLUFFY_OK)
		e = check_document(&step);
	return e == FLUFFY_OK ? dk_give(s->ctx, msg->maccert, maccert) : e;
}

/* What the documents would show, if their client did. */
enum fluffy_error
dk_shown_judge(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	struct shown x = { .member = "psk-identity",
	    .data = msg->psk_identity };
	enum fluffy_error e;

	step->shown = &x;
	if (step->type == FLUFFY_DK_CRED)
		e = RUN_CHECKS(step, nonce_checks);
	else {
		x.member = "maccert";
		x.data = msg->maccert;
		e = RUN_CHECKS(step, document_checks);
	}
	anchor_wipe(&x.anchor);
	step->shown = NULL;
	return e;
}

/* ---- taking a number --------------------------------------------------------- */

/* Is K_RS-TA still the one that the claim was judged with? */
static enum fluffy_error
check_claim(fluffy_store *s, const fluffy_dk_claim *claim, struct anchor *a)
{
	enum fluffy_error e;

	e = store_anchor(s, bytes_str(claim->ta), name_bytes(&s->party.name),
	    a);
	if (e == FLUFFY_OK && bytes_eq(keyid_bytes(&a->keyid),
	    bytes_of(claim->keyid, sizeof(claim->keyid))))
		return FLUFFY_OK;
	return e != FLUFFY_OK && e != FLUFFY_E_NOT_FOUND ? e :
	    fluffy_fail(s->ctx, FLUFFY_E_AUTH_FAILED, NULL,
	    "the key of the trust anchor \"%s\" is another by now",
	    claim->ta);
}

/* Memo, 2.4: "If the handshake succeeds the RS updates the window." */
static enum fluffy_error
take(fluffy_store *s, void *arg)
{
	const fluffy_dk_claim *claim = arg;
	struct anchor a;
	enum fluffy_error e = check_claim(s, claim, &a);
	bool fresh = false;

	if (e == FLUFFY_OK)
		e = dk_fresh(s, &a, claim->number, &fresh);
	if (e == FLUFFY_OK && !fresh)
		e = fail_number(s->ctx, "", claim->number);
	if (e == FLUFFY_OK) {
		window_take(&a.window, claim->number);
		e = store_anchor_moved(s, &a);
	}
	anchor_wipe(&a);
	return e;
}

enum fluffy_error
fluffy_dk_take(fluffy_store *s, const fluffy_dk_claim *claim)
{
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);

	return e != FLUFFY_OK ? e : store_change(s, take,
	    (void *)(uintptr_t)claim);
}

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
	fluffy_store *s;
	enum fluffy_type type;	/* of the document that would bring it */
	const char *member;	/* of that document */
	struct bytes data;
	struct bytes ta, client;
	uint32_t number;
	struct maccert cert;
	struct anchor anchor;
};

static enum fluffy_error
refuse_shown(const struct shown *x, enum fluffy_error e, const char *why)
{
	return fluffy_fail_at(x->s->ctx, e, x->member, "%s", why);
}

/* What is said about a part of it is said about the whole. */
static enum fluffy_error
refuse_part(const struct shown *x, enum fluffy_error e)
{
	return e != FLUFFY_E_MALFORMED && e != FLUFFY_E_AUTH_FAILED ? e :
	    refuse_shown(x, e, fluffy_why(x->s->ctx).text);
}

/* ---- checks -------------------------------------------------------------- */

static enum fluffy_error
check_nonce_syntax(struct shown *x)
{
	struct nonce nonce = { .number = 0 };
	const char *wrong = nonce_read(x->data, &nonce);

	x->ta = nonce.ta;
	x->client = nonce.client;
	x->number = nonce.number;
	return wrong == NULL ? FLUFFY_OK :
	    refuse_shown(x, FLUFFY_E_MALFORMED, wrong);
}

static enum fluffy_error
check_maccert_syntax(struct shown *x)
{
	const char *wrong = maccert_read(x->data, &x->cert);

	x->ta = x->cert.ta;
	x->number = x->cert.number;
	return wrong == NULL ? FLUFFY_OK :
	    refuse_shown(x, FLUFFY_E_MALFORMED, wrong);
}

static enum fluffy_error
check_anchor(struct shown *x)
{
	enum fluffy_error e;

	e = store_anchor(x->s, x->ta, name_bytes(&x->s->party.name),
	    &x->anchor);
	if (e != FLUFFY_E_NOT_FOUND)
		return e;
	return fluffy_fail_at(x->s->ctx, FLUFFY_E_AUTH_FAILED, x->member,
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
check_number(struct shown *x)
{
	enum fluffy_error e;
	bool fresh;

	e = dk_fresh(x->s, &x->anchor, x->number, &fresh);
	return e != FLUFFY_OK || fresh ? e :
	    fail_number(x->s->ctx, x->member, x->number);
}

static enum fluffy_error
check_public_key(struct shown *x)
{
	return refuse_part(x, spki_check(x->s->ctx, x->cert.spki));
}

static enum fluffy_error
check_mac(struct shown *x)
{
	return refuse_part(x, maccert_check(x->s->ctx, &x->anchor.key,
	    &x->cert));
}

struct shown_check {
	const char *name;
	enum fluffy_error (*run)(struct shown *);
};

/* Memo, 2.4: the number comes before any computing. */
static const struct shown_check nonce_checks[] = {
	{ "syntax", check_nonce_syntax },
	{ "trust-anchor", check_anchor },
	{ "sequence-number", check_number },
	{ NULL, NULL }
};

/* Memo, 3.3. */
static const struct shown_check maccert_checks[] = {
	{ "syntax", check_maccert_syntax },
	{ "trust-anchor", check_anchor },
	{ "sequence-number", check_number },
	{ "public-key", check_public_key },
	{ "mac", check_mac },
	{ NULL, NULL }
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

static enum fluffy_error
judge(struct shown *x, const struct shown_check *check,
    fluffy_dk_claim *claim)
{
	fluffy_ctx *ctx = x->s->ctx;
	enum fluffy_error e = dk_check_role(x->s, ROLE_NODE);

	*claim = (fluffy_dk_claim){ .number = 0 };
	for (; check->name != NULL && e == FLUFFY_OK; check++) {
		e = check->run(x);
		if (ctx->checked != NULL)
			ctx->checked(ctx->checked_arg, x->type, check->name,
			    e);
	}
	if (e == FLUFFY_OK)
		set_claim(claim, x);
	return e;
}

/* ---- steps --------------------------------------------------------------- */

enum fluffy_error
fluffy_dk_derive(fluffy_store *s, const void *nonce, size_t len,
    fluffy_dk_claim *claim, uint8_t *key, size_t *key_len)
{
	struct shown x = { .s = s, .type = FLUFFY_DK_CRED,
	    .member = "psk-identity", .data = bytes_of(nonce, len) };
	struct symm derived = { .n = 0 };
	enum fluffy_error e = judge(&x, nonce_checks, claim);

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
	struct shown x = { .s = s, .type = FLUFFY_DK_CERT,
	    .member = "maccert", .data = bytes_of(maccert, len) };
	enum fluffy_error e = judge(&x, maccert_checks, claim);

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
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);
	struct maccert cert;

	*maccert = (fluffy_bytes){ NULL, 0 };
	if (e == FLUFFY_OK && msg->type != FLUFFY_DK_CERT)
		e = fluffy_fail_at(s->ctx, FLUFFY_E_UNEXPECTED,
		    fluffy_type_name((enum fluffy_type)msg->type),
		    "expected DK-CERT");
	if (e == FLUFFY_OK)
		e = check_name(s->ctx, msg, "rs", msg->rs,
		    name_bytes(&s->party.name));
	/* of a MacCert that can't be read fluffy_dk_verify tells what is wrong */
	if (e == FLUFFY_OK && maccert_read(msg->maccert, &cert) == NULL &&
	    !bytes_eq(cert.ta, msg->ta))
		e = refuse(s->ctx, msg, "maccert", FLUFFY_E_MALFORMED,
		    "its trust anchor isn't ta");
	return e == FLUFFY_OK ? dk_give(s->ctx, msg->maccert, maccert) : e;
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

/* dk_anchor.c - what a trust anchor gives out (memo, 2.1, 3; section 11) */
#include <openssl/crypto.h>

#include "derived.h"
#include "dk.h"
#include "maccert.h"
#include "spki.h"
#include "text.h"

#define DERIVE_KEY 7	/* section 3, keyops */

/* "DK." ta "." client "." number, the client's name having one byte. */
#define TA_MAX (NONCE_TEXT_MAX - sizeof("DK...4294967295"))

/* ---- K_RS-TA ------------------------------------------------------------- */

struct provision {
	const fluffy_dk_provision_params *params;
	struct anchor anchor;
	struct fluffy_msg *msg;
};

static enum fluffy_error
check_params(fluffy_ctx *ctx, const fluffy_dk_provision_params *p)
{
	struct bytes ta = bytes_str(p->ta);

	if (!name_valid(bytes_str(p->rs)))
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "rs",
		    NAME_EXPECTED);
	if (p->ta != NULL && !name_valid(ta))
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "ta",
		    NAME_EXPECTED);
	if (p->ta != NULL && (ta.n > TA_MAX || strchr(p->ta, '.') != NULL))
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "ta",
		    "a trust anchor's name has no \".\" and at most %zu bytes",
		    (size_t)TA_MAX);
	if (p->bits != 0 && p->bits != 128 && p->bits != 256)
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "bits",
		    "expected 128 or 256");
	if (p->key != NULL && p->key_len != 16 && p->key_len != 32)
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "key",
		    "expected 16 or 32 bytes, found %zu", p->key_len);
	if (p->key != NULL && p->bits != 0 && p->key_len != p->bits / 8)
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "key",
		    "it hasn't %u bits", p->bits);
	return FLUFFY_OK;
}

static enum fluffy_error
get_key(fluffy_ctx *ctx, const fluffy_dk_provision_params *p,
    struct symm *key)
{
	if (p->key != NULL) {
		*key = dk_key(bytes_of(p->key, p->key_len));
		return FLUFFY_OK;
	}
	key->n = p->bits == 256 ? 32 : 16;
	return ctx_random(ctx, key->b, key->n);
}

static enum fluffy_error
make_prov(fluffy_ctx *ctx, const struct anchor *a, fluffy_msg **out)
{
	struct fluffy_msg *msg = dk_document(FLUFFY_DK_PROV, a);
	struct keydata *k = msg == NULL ? NULL :
	    message_map(msg, L_keydata);

	if (k != NULL) {
		k->head.schema = schema_by_kty(k->head.schema, KTY_SYMM);
		PUT(k, kty, L_kty, KTY_SYMM);
		PUT_BYTES(msg, k, keyid, L_keyid, keyid_bytes(&a->keyid));
		PUT_BYTES(msg, k, key, L_key, symm_bytes(&a->key));
		PUT(k, keyops, L_keyops,
		    ((struct tokens){ .v = { DERIVE_KEY }, .n = 1 }));
	}
	return message_finish(ctx, FLUFFY_OK, &msg, out);
}

static enum fluffy_error
provision(fluffy_store *s, void *arg)
{
	struct provision *p = arg;
	struct anchor *a = &p->anchor;
	const char *ta = p->params->ta;
	enum fluffy_error e;

	if (ta != NULL && strcmp(ta, s->party.name.s) != 0)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "ta",
		    "this store is of the trust anchor \"%s\"",
		    s->party.name.s);
	a->ta = s->party.name;
	(void)name_set(&a->rs, bytes_str(p->params->rs));
	e = store_anchor_keyid(s, &a->keyid);
	if (e == FLUFFY_OK)
		e = get_key(s->ctx, p->params, &a->key);
	if (e == FLUFFY_OK)
		e = store_anchor_put(s, a);
	if (e == FLUFFY_E_EXISTS)
		e = fluffy_fail_at(s->ctx, e, "key",
		    "this key was used before");
	return e == FLUFFY_OK ? make_prov(s->ctx, a, &p->msg) : e;
}

enum fluffy_error
fluffy_dk_provision(fluffy_ctx *ctx, const char *path,
    const fluffy_dk_provision_params *params, fluffy_msg **out)
{
	const char *ta = params->ta == NULL ? "TA" : params->ta;
	struct provision p = { .params = params };
	struct party party = { .role = ROLE_ANCHOR };
	enum fluffy_error e = check_params(ctx, params);

	*out = NULL;
	(void)name_set(&party.name, bytes_str(ta));
	if (e == FLUFFY_OK)
		e = dk_change(ctx, path, &party, provision, &p);
	if (e != FLUFFY_OK)
		fluffy_msg_free(&p.msg);
	*out = p.msg;
	anchor_wipe(&p.anchor);
	return e;
}

/* ---- the RS's public key --------------------------------------------------- */

struct trust {
	const char *rs;
	struct bytes der;
};

static enum fluffy_error
trust(fluffy_store *s, void *arg)
{
	const struct trust *t = arg;
	struct anchor a;
	enum fluffy_error e = dk_anchor_of(s, t->rs, &a);

	if (e == FLUFFY_OK)
		e = store_rs_key_set(s, &a, t->der);
	anchor_wipe(&a);
	return e;
}

enum fluffy_error
fluffy_dk_trust(fluffy_store *s, const char *rs, const void *key, size_t len)
{
	struct buffer der = BUFFER(SPKI_MAX);
	enum fluffy_error e = dk_check_role(s, ROLE_ANCHOR);

	if (e == FLUFFY_OK)
		e = spki_read(s->ctx, bytes_of(key, len), &der);
	if (e == FLUFFY_OK)
		e = store_change(s, trust,
		    &(struct trust){ rs, buffer_view(&der) });
	buffer_free(&der);
	return e;
}

/* ---- DK-CRED and DK-CERT ---------------------------------------------------- */

struct grant {
	const char *rs;
	struct bytes client;
	struct bytes spki;	/* the client's; n = 0: DK-CRED */
	struct fluffy_msg *msg;
};

/*
 * Memo, 2.4: one more for each key.  After the last a new K_RS-TA is needed; a
 * revoked one was given out, so it isn't given out again.
 */
static enum fluffy_error
take_number(fluffy_store *s, struct anchor *a)
{
	if (a->window.right == UINT32_MAX)
		return fluffy_fail_at(s->ctx, FLUFFY_E_NOT_PERMITTED, "rs",
		    "all numbers of \"%s\" are used: provision a new key",
		    a->rs.s);
	a->window.right++;
	return store_anchor_moved(s, a);
}

static enum fluffy_error
make_cred(fluffy_store *s, struct fluffy_msg *msg, const struct anchor *a,
    const struct grant *g)
{
	struct nonce nonce = { name_bytes(&a->ta), g->client,
		a->window.right };
	char text[NONCE_TEXT_MAX + 1];
	enum fluffy_error e;
	struct symm key;

	if (!nonce_write(&nonce, text))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "client",
		    "with it the nonce would have more than %d bytes",
		    NONCE_TEXT_MAX);
	e = derived_key(s->ctx, &a->key, bytes_str(text), &key);
	PUT_BYTES(msg, msg, psk_identity, L_psk_identity, bytes_str(text));
	PUT_BYTES(msg, msg, key, L_key, symm_bytes(&key));
	symm_wipe(&key);
	return e;
}

static enum fluffy_error
make_cert(fluffy_store *s, struct fluffy_msg *msg, const struct anchor *a,
    const struct grant *g)
{
	struct maccert cert = { .spki = g->spki, .ta = name_bytes(&a->ta),
	    .number = a->window.right };
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	enum fluffy_error e;

	e = store_rs_key(s, &msg->arena, a, &msg->rs_key);
	if (e == FLUFFY_OK && msg->rs_key.n == 0)
		return fluffy_fail_at(s->ctx, FLUFFY_E_NOT_FOUND, "rs",
		    "the public key of \"%s\" isn't known: trust it first",
		    a->rs.s);
	SET(msg, L_rs_key);
	if (e == FLUFFY_OK)
		e = maccert_write(s->ctx, &a->key, &cert, &b);
	PUT_BYTES(msg, msg, maccert, L_maccert, buffer_view(&b));
	buffer_free(&b);
	return e;
}

static enum fluffy_error
grant(fluffy_store *s, void *arg)
{
	struct grant *g = arg;
	bool cert = g->spki.n > 0;
	struct fluffy_msg *msg = NULL;
	struct anchor a;
	enum fluffy_error e;

	e = dk_anchor_of(s, g->rs, &a);
	if (e == FLUFFY_OK)
		e = take_number(s, &a);
	if (e == FLUFFY_OK) {
		msg = dk_document(cert ? FLUFFY_DK_CERT : FLUFFY_DK_CRED, &a);
		e = msg == NULL ? fluffy_fail_memory(s->ctx) : cert ?
		    make_cert(s, msg, &a, g) : make_cred(s, msg, &a, g);
	}
	if (e == FLUFFY_OK)
		PUT_BYTES(msg, msg, cname, L_cname, g->client);
	anchor_wipe(&a);
	return message_finish(s->ctx, e, &msg, &g->msg);
}

/* The number is durable before the document leaves. */
static enum fluffy_error
give_out(fluffy_store *s, struct grant *g, fluffy_msg **out)
{
	enum fluffy_error e;

	if (!name_valid(g->client))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "client",
		    NAME_EXPECTED);
	e = store_change(s, grant, g);
	if (e != FLUFFY_OK)
		fluffy_msg_free(&g->msg);
	*out = g->msg;
	return e;
}

enum fluffy_error
fluffy_dk_issue(fluffy_store *s, const char *rs, const char *client,
    fluffy_msg **out)
{
	struct grant g = { .rs = rs, .client = bytes_str(client) };
	enum fluffy_error e = dk_check_role(s, ROLE_ANCHOR);

	*out = NULL;
	return e == FLUFFY_OK ? give_out(s, &g, out) : e;
}

enum fluffy_error
fluffy_dk_certify(fluffy_store *s, const char *rs, const char *client,
    const void *key, size_t len, fluffy_msg **out)
{
	struct buffer spki = BUFFER(SPKI_MAX);
	struct grant g = { .rs = rs, .client = bytes_str(client) };
	enum fluffy_error e = dk_check_role(s, ROLE_ANCHOR);

	*out = NULL;
	if (e == FLUFFY_OK)
		e = spki_read(s->ctx, bytes_of(key, len), &spki);
	g.spki = buffer_view(&spki);
	if (e == FLUFFY_OK)
		e = give_out(s, &g, out);
	buffer_free(&spki);
	return e;
}

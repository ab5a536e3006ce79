/* dk_join.c - what a node takes from its trust anchors (section 11) */
#include <openssl/crypto.h>

#include "derived.h"
#include "dk.h"
#include "maccert.h"
#include "spki.h"

#define PAIR_MAX 1024	/* bytes of an EC pair, PKCS #8 */
#define PEM_MAX	 2048	/* of its public half */

struct join {
	const struct fluffy_msg *msg;
	enum fluffy_error (*take)(fluffy_store *, struct join *);
	unsigned window;
	struct bytes pair;	/* PKCS #8, DER; n = 0: none was given */
	struct buffer public_key;
};

static enum fluffy_error
refuse_again(fluffy_store *s, const struct fluffy_msg *msg,
    const char *member)
{
	return refuse(s->ctx, msg, member, FLUFFY_E_EXISTS,
	    "this was joined before");
}

/* What is said about a part of the document is said about its member. */
static enum fluffy_error
refuse_part(fluffy_store *s, const struct fluffy_msg *msg,
    const char *member, enum fluffy_error e)
{
	return e != FLUFFY_E_MALFORMED ? e : refuse(s->ctx, msg, member, e,
	    "%s", fluffy_why(s->ctx).text);
}

/* ---- DK-PROV ------------------------------------------------------------- */

/* A new K_RS-TA begins with a new window, of the size before (memo, 2.4). */
static enum fluffy_error
new_window(fluffy_store *s, const struct join *j, struct window *w)
{
	struct anchor old;
	enum fluffy_error e;

	*w = (struct window){ .size = (uint16_t)j->window };
	if (j->window != 0)
		return FLUFFY_OK;
	e = store_anchor(s, j->msg->ta, j->msg->rs, &old);
	w->size = e == FLUFFY_OK ? old.window.size :
	    FLUFFY_DK_WINDOW_DEFAULT;
	anchor_wipe(&old);
	return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
}

static enum fluffy_error
put_anchor(fluffy_store *s, const struct join *j)
{
	const struct keydata *k = j->msg->keydata;
	struct anchor a = { .key = dk_key(k->key) };
	enum fluffy_error e = new_window(s, j, &a.window);

	a.keyid.n = (uint8_t)k->keyid.n;
	memcpy(a.keyid.b, k->keyid.p, k->keyid.n);
	(void)name_set(&a.ta, j->msg->ta);
	(void)name_set(&a.rs, j->msg->rs);
	if (e == FLUFFY_OK)
		e = store_anchor_put(s, &a);
	if (e == FLUFFY_E_EXISTS)
		e = refuse_again(s, j->msg, "keydata.key");
	anchor_wipe(&a);
	return e;
}

/* An RS has a pair, for AuthorizedPublicKey; the TA wants its public half. */
static enum fluffy_error
show_pair(fluffy_store *s, struct join *j)
{
	struct buffer new = BUFFER(PAIR_MAX);
	struct arena arena = { NULL, false };
	struct bytes pair;
	enum fluffy_error e = store_own_pair(s, &arena, &pair);

	if (e == FLUFFY_OK && pair.n == 0) {
		e = pair_new(s->ctx, &new);
		pair = buffer_view(&new);
		if (e == FLUFFY_OK)
			e = store_own_pair_set(s, pair);
	}
	if (e == FLUFFY_OK)
		e = pair_public(s->ctx, pair, true, &j->public_key);
	buffer_free(&new);
	arena_free(&arena);
	return e;
}

static enum fluffy_error
take_prov(fluffy_store *s, struct join *j)
{
	enum fluffy_error e = put_anchor(s, j);

	return e == FLUFFY_OK ? show_pair(s, j) : e;
}

/* ---- DK-CRED and DK-CERT ---------------------------------------------------- */

static enum fluffy_error
keep(fluffy_store *s, const struct fluffy_msg *msg, struct credential *c,
    const char *member)
{
	enum fluffy_error e;

	(void)name_set(&c->ta, msg->ta);
	(void)name_set(&c->rs, msg->rs);
	e = store_credential_add(s, c);
	credential_wipe(c);
	return e == FLUFFY_E_EXISTS ? refuse_again(s, msg, member) : e;
}

static enum fluffy_error
take_cred(fluffy_store *s, struct join *j)
{
	const struct fluffy_msg *msg = j->msg;
	struct nonce nonce = { .number = 0 };
	const char *wrong = nonce_read(msg->psk_identity, &nonce);
	struct credential c;

	if (wrong == NULL && (!bytes_eq(nonce.ta, msg->ta) ||
	    !bytes_eq(nonce.client, msg->cname)))
		wrong = "its names aren't ta and cname";
	if (wrong != NULL)
		return refuse(s->ctx, msg, "psk-identity",
		    FLUFFY_E_MALFORMED, "%s", wrong);
	c = (struct credential){ .number = nonce.number,
		.nonce = msg->psk_identity, .key = dk_key(msg->key) };
	return keep(s, msg, &c, "psk-identity");
}

static enum fluffy_error
check_cert(fluffy_store *s, const struct fluffy_msg *msg,
    struct maccert *cert)
{
	const char *wrong = maccert_read(msg->maccert, cert);
	enum fluffy_error e;

	if (wrong == NULL && !bytes_eq(cert->ta, msg->ta))
		wrong = "its trust anchor isn't ta";
	if (wrong == NULL && cert->number == 0)
		wrong = "its sequence number is 0";
	if (wrong != NULL)
		return refuse(s->ctx, msg, "maccert", FLUFFY_E_MALFORMED,
		    "%s", wrong);
	e = spki_check(s->ctx, cert->spki);
	if (e != FLUFFY_OK)
		return refuse_part(s, msg, "maccert", e);
	return refuse_part(s, msg, "rs-key", spki_check(s->ctx, msg->rs_key));
}

/* A client that hasn't the private key could do nothing with it. */
static enum fluffy_error
check_own(fluffy_store *s, const struct fluffy_msg *msg, struct bytes spki)
{
	struct buffer public = BUFFER(SPKI_MAX);
	struct arena arena = { NULL, false };
	struct bytes pair;
	enum fluffy_error e = store_own_pair(s, &arena, &pair);

	if (e == FLUFFY_OK && pair.n == 0)
		e = fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "key",
		    "a DK-CERT needs the private key that it is for");
	if (e == FLUFFY_OK)
		e = pair_public(s->ctx, pair, false, &public);
	if (e == FLUFFY_OK && !bytes_eq(buffer_view(&public), spki))
		e = refuse(s->ctx, msg, "maccert", FLUFFY_E_AUTH_FAILED,
		    "for another key");
	buffer_free(&public);
	arena_free(&arena);
	return e;
}

static enum fluffy_error
take_cert(fluffy_store *s, struct join *j)
{
	const struct fluffy_msg *msg = j->msg;
	struct credential c;
	struct maccert cert;
	enum fluffy_error e = check_cert(s, msg, &cert);

	if (e == FLUFFY_OK)
		e = check_own(s, msg, cert.spki);
	if (e != FLUFFY_OK)
		return e;
	c = (struct credential){ .number = cert.number,
		.maccert = msg->maccert, .rs_key = msg->rs_key };
	return keep(s, msg, &c, "maccert");
}

/* ---- all --------------------------------------------------------------------- */

static struct bytes
node_name(const struct fluffy_msg *msg)
{
	return msg->type == FLUFFY_DK_PROV ? msg->rs : msg->cname;
}

/* The same pair again changes nothing: MacCerts for it stay good. */
static enum fluffy_error
put_pair(fluffy_store *s, const struct join *j)
{
	struct arena arena = { NULL, false };
	struct bytes old;
	enum fluffy_error e = store_own_pair(s, &arena, &old);

	if (e == FLUFFY_OK && (old.n != j->pair.n ||
	    CRYPTO_memcmp(old.p, j->pair.p, old.n) != 0))
		e = store_own_pair_set(s, j->pair);
	arena_free(&arena);
	return e;
}

/* A node has one name, whatever it takes. */
static enum fluffy_error
join(fluffy_store *s, void *arg)
{
	struct join *j = arg;
	const struct fluffy_msg *msg = j->msg;
	enum fluffy_error e;

	e = check_name(s->ctx, msg, msg->type == FLUFFY_DK_PROV ? "rs" :
	    "cname", node_name(msg), name_bytes(&s->party.name));
	if (e == FLUFFY_OK && j->pair.n > 0)
		e = put_pair(s, j);
	return e == FLUFFY_OK ? j->take(s, j) : e;
}

static enum fluffy_error
choose(fluffy_ctx *ctx, struct join *j)
{
	const char *type = fluffy_type_name((enum fluffy_type)j->msg->type);

	if (j->msg->type == FLUFFY_DK_PROV)
		j->take = take_prov;
	else if (j->msg->type == FLUFFY_DK_CRED)
		j->take = take_cred;
	else if (j->msg->type == FLUFFY_DK_CERT)
		j->take = take_cert;
	else
		return fluffy_fail_at(ctx, FLUFFY_E_UNEXPECTED, type,
		    "expected DK-PROV, DK-CRED or DK-CERT");
	return FLUFFY_OK;
}

static enum fluffy_error
check_window(fluffy_ctx *ctx, const struct fluffy_msg *msg, unsigned window)
{
	const char *type = fluffy_type_name((enum fluffy_type)msg->type);

	if (window != 0 && msg->type != FLUFFY_DK_PROV)
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "window",
		    "a %s makes none", type);
	if (window != 0 && (window < FLUFFY_DK_WINDOW_MIN ||
	    window > FLUFFY_DK_WINDOW_MAX))
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "window",
		    "expected %u to %u bits", FLUFFY_DK_WINDOW_MIN,
		    FLUFFY_DK_WINDOW_MAX);
	return FLUFFY_OK;
}

enum fluffy_error
fluffy_dk_join(fluffy_ctx *ctx, const char *path, const fluffy_msg *msg,
    const fluffy_dk_join_params *params, fluffy_bytes *public_key)
{
	struct join j = { .msg = msg, .window = params->window,
	    .public_key = BUFFER(PEM_MAX) };
	struct buffer pair = BUFFER(PAIR_MAX);
	struct party party = { .role = ROLE_NODE };
	enum fluffy_error e = choose(ctx, &j);

	*public_key = (fluffy_bytes){ NULL, 0 };
	if (e == FLUFFY_OK)
		e = check_window(ctx, msg, params->window);
	if (e == FLUFFY_OK && params->key != NULL)
		e = pair_read(ctx, bytes_of(params->key, params->key_len),
		    &pair);
	if (e == FLUFFY_OK) {
		j.pair = buffer_view(&pair);
		(void)name_set(&party.name, node_name(msg));
		e = dk_change(ctx, path, &party, join, &j);
	}
	if (e == FLUFFY_OK && !buffer_take(&j.public_key, public_key))
		e = fluffy_fail_memory(ctx);
	buffer_free(&j.public_key);
	buffer_free(&pair);
	return e;
}

/* dk_join.c - what a node takes from its trust anchors (section 11) */
#include <openssl/crypto.h>

#include "derived.h"
#include "dk.h"
#include "maccert.h"
#include "spki.h"

#define PAIR_MAX 1024	/* bytes of an EC pair, PKCS #8 */
#define PEM_MAX	 2048	/* of its public half */

struct join {
	unsigned window;
	struct bytes pair;	/* PKCS #8, DER; n = 0: none was given */
	struct nonce nonce;	/* of a DK-CRED */
	struct maccert cert;	/* of a DK-CERT */
	struct buffer public_key;
};

static enum fluffy_error
refuse_again(const struct step *step, const char *member)
{
	return refuse(step->s->ctx, step->msg, member, FLUFFY_E_EXISTS,
	    "this was joined before");
}

static enum fluffy_error
refuse_malformed(const struct step *step, const char *member,
    const char *why)
{
	return refuse(step->s->ctx, step->msg, member, FLUFFY_E_MALFORMED,
	    "%s", why);
}

/* What is said about a part of the document is said about its member. */
static enum fluffy_error
refuse_part(const struct step *step, const char *member,
    enum fluffy_error e)
{
	return e != FLUFFY_E_MALFORMED ? e : refuse_malformed(step, member,
	    fluffy_why(step->s->ctx).text);
}

/* ---- whatever it is ------------------------------------------------------- */

static struct bytes
node_name(const struct fluffy_msg *msg)
{
	return msg->type == FLUFFY_DK_PROV ? msg->rs : msg->cname;
}

/* A node has one name, whatever it takes. */
static enum fluffy_error
check_node_name(struct step *step)
{
	return check_name(step->s->ctx, step->msg, step->type ==
	    FLUFFY_DK_PROV ? "rs" : "cname", node_name(step->msg),
	    name_bytes(&step->s->party.name));
}

/* The same pair again changes nothing: MacCerts for it stay good. */
static enum fluffy_error
put_pair(struct step *step)
{
	struct bytes old, pair = step->join->pair;
	struct arena arena = { NULL, false };
	enum fluffy_error e = FLUFFY_OK;

	if (pair.n == 0)
		return e;
	e = store_own_pair(step->s, &arena, &old);
	if (e == FLUFFY_OK && (old.n != pair.n ||
	    CRYPTO_memcmp(old.p, pair.p, old.n) != 0))
		e = store_own_pair_set(step->s, pair);
	arena_free(&arena);
	return e;
}

/* ---- DK-PROV ------------------------------------------------------------- */

/* A new K_RS-TA begins with a new window, of the size before (memo, 2.4). */
static enum fluffy_error
new_window(const struct step *step, struct window *w)
{
	struct anchor old;
	enum fluffy_error e;

	*w = (struct window){ .size = (uint16_t)step->join->window };
	if (w->size != 0)
		return FLUFFY_OK;
	e = store_anchor(step->s, step->msg->ta, step->msg->rs, &old);
	w->size = e == FLUFFY_OK ? old.window.size :
	    FLUFFY_DK_WINDOW_DEFAULT;
	anchor_wipe(&old);
	return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
}

static enum fluffy_error
check_new_anchor(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct keydata *k = msg->keydata;
	struct anchor a = { .key = dk_key(k->key) };
	enum fluffy_error e = new_window(step, &a.window);

	a.keyid.n = (uint8_t)k->keyid.n;
	memcpy(a.keyid.b, k->keyid.p, k->keyid.n);
	(void)name_set(&a.ta, msg->ta);
	(void)name_set(&a.rs, msg->rs);
	if (e == FLUFFY_OK)
		e = store_anchor_put(step->s, &a);
	if (e == FLUFFY_E_EXISTS)
		e = refuse_again(step, "keydata.key");
	anchor_wipe(&a);
	return e;
}

static const struct check prov_checks[] = {
	{ "names", check_node_name },
	{ NULL, put_pair },
	{ "new", check_new_anchor }
};

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

/* ---- DK-CRED and DK-CERT ---------------------------------------------------- */

static enum fluffy_error
keep(struct step *step, struct credential *c, const char *member)
{
	enum fluffy_error e;

	(void)name_set(&c->ta, step->msg->ta);
	(void)name_set(&c->rs, step->msg->rs);
	e = store_credential_add(step->s, c);
	credential_wipe(c);
	return e == FLUFFY_E_EXISTS ? refuse_again(step, member) : e;
}

static enum fluffy_error
check_nonce_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	struct nonce *nonce = &step->join->nonce;
	const char *wrong = nonce_read(msg->psk_identity, nonce);

	if (wrong == NULL && (!bytes_eq(nonce->ta, msg->ta) ||
	    !bytes_eq(nonce->client, msg->cname)))
		wrong = "its names aren't ta and cname";
	return wrong == NULL ? FLUFFY_OK :
	    refuse_malformed(step, "psk-identity", wrong);
}

static enum fluffy_error
check_new_nonce(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	struct credential c = { .number = step->join->nonce.number,
		.nonce = msg->psk_identity, .key = dk_key(msg->key) };

	return keep(step, &c, "psk-identity");
}

static const struct check cred_checks[] = {
	{ "names", check_node_name },
	{ NULL, put_pair },
	{ "psk-identity", check_nonce_names },
	{ "new", check_new_nonce }
};

static enum fluffy_error
check_cert(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	struct maccert *cert = &step->join->cert;
	const char *wrong = maccert_read(msg->maccert, cert);

	if (wrong == NULL && !bytes_eq(cert->ta, msg->ta))
		wrong = "its trust anchor isn't ta";
	if (wrong == NULL && cert->number == 0)
		wrong = "its sequence number is 0";
	if (wrong != NULL)
		return refuse_malformed(step, "maccert", wrong);
	return refuse_part(step, "maccert",
	    spki_check(step->s->ctx, cert->spki));
}

static enum fluffy_error
check_rs_key(struct step *step)
{
	return refuse_part(step, "rs-key",
	    spki_check(step->s->ctx, step->msg->rs_key));
}

/* A client that hasn't the private key could do nothing with it. */
static enum fluffy_error
check_own_key(struct step *step)
{
	fluffy_store *s = step->s;
	struct buffer public = BUFFER(SPKI_MAX);
	struct arena arena = { NULL, false };
	struct bytes pair;
	enum fluffy_error e = store_own_pair(s, &arena, &pair);

	if (e == FLUFFY_OK && pair.n == 0)
		e = fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "key",
		    "a DK-CERT needs the private key that it is for");
	if (e == FLUFFY_OK)
		e = pair_public(s->ctx, pair, false, &public);
	if (e == FLUFFY_OK && !bytes_eq(buffer_view(&public),
	    step->join->cert.spki))
		e = refuse(s->ctx, step->msg, "maccert",
		    FLUFFY_E_AUTH_FAILED, "for another key");
	buffer_free(&public);
	arena_free(&arena);
	return e;
}

static enum fluffy_error
check_new_cert(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	struct credential c = { .number = step->join->cert.number,
		.maccert = msg->maccert, .rs_key = msg->rs_key };

	return keep(step, &c, "maccert");
}

static const struct check cert_checks[] = {
	{ "names", check_node_name },
	{ NULL, put_pair },
	{ "maccert", check_cert },
	{ "rs-key", check_rs_key },
	{ "own-key", check_own_key },
	{ "new", check_new_cert }
};

/* ---- all --------------------------------------------------------------------- */

static enum fluffy_error
check_type(fluffy_ctx *ctx, int64_t type)
{
	if (type == FLUFFY_DK_PROV || type == FLUFFY_DK_CRED ||
	    type == FLUFFY_DK_CERT)
		return FLUFFY_OK;
	return fluffy_fail_at(ctx, FLUFFY_E_UNEXPECTED,
	    fluffy_type_name((enum fluffy_type)type),
	    "expected DK-PROV, DK-CRED or DK-CERT");
}

static enum fluffy_error
join_take(struct step *step, struct join *j)
{
	enum fluffy_error e;

	step->join = j;
	e = step->type == FLUFFY_DK_PROV ? RUN_CHECKS(step, prov_checks) :
	    step->type == FLUFFY_DK_CRED ? RUN_CHECKS(step, cred_checks) :
	    RUN_CHECKS(step, cert_checks);
	if (e == FLUFFY_OK && step->type == FLUFFY_DK_PROV)
		e = show_pair(step->s, j);
	step->join = NULL;
	return e;
}

enum fluffy_error
dk_join_judge(struct step *step)
{
	struct join j = { .window = 0 };

	return join_take(step, &j);
}

/* What a document is taken into. */
struct joining {
	const struct fluffy_msg *msg;
	struct join join;
};

static enum fluffy_error
join(fluffy_store *s, void *arg)
{
	struct joining *joining = arg;
	struct step step = step_begin(s, (void *)(uintptr_t)joining->msg);

	return join_take(&step, &joining->join);
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
	struct joining joining = { .msg = msg };
	struct join *j = &joining.join;
	struct buffer pair = BUFFER(PAIR_MAX);
	struct party party = { .role = ROLE_NODE };
	enum fluffy_error e = check_type(ctx, msg->type);

	*public_key = (fluffy_bytes){ NULL, 0 };
	*j = (struct join){ .window = params->window,
	    .public_key = BUFFER(PEM_MAX) };
	if (e == FLUFFY_OK)
		e = check_window(ctx, msg, params->window);
	if (e == FLUFFY_OK && params->key != NULL)
		e = pair_read(ctx, bytes_of(params->key, params->key_len),
		    &pair);
	if (e == FLUFFY_OK) {
		j->pair = buffer_view(&pair);
		(void)name_set(&party.name, node_name(msg));
		e = dk_change(ctx, path, &party, join, &joining);
	}
	if (e == FLUFFY_OK && !buffer_take(&j->public_key, public_key))
		e = fluffy_fail_memory(ctx);
	buffer_free(&j->public_key);
	buffer_free(&pair);
	return e;
}

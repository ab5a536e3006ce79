/* dk_client.c - what a client opens its sessions with (section 11) */
#include <openssl/crypto.h>

#include "dk.h"

void
fluffy_dk_credential_free(fluffy_dk_credential *c)
{
	fluffy_bytes_free(&c->nonce);
	fluffy_bytes_free(&c->key);
	fluffy_bytes_free(&c->maccert);
	fluffy_bytes_free(&c->rs_key);
	*c = (fluffy_dk_credential){ .id = 0 };
}

/* The only RS that there are credentials for. */
static enum fluffy_error
only_rs(fluffy_store *s, struct arena *arena, struct bytes *rs)
{
	struct credential *v;
	enum fluffy_error e;
	size_t n;

	*rs = bytes_of(NULL, 0);
	e = store_credentials(s, arena, &v, &n);
	if (e != FLUFFY_OK || n == 0)
		return e;
	*rs = name_bytes(&v[0].rs);
	/* they are in the order of their RSs */
	if (bytes_eq(*rs, name_bytes(&v[n - 1].rs)))
		return FLUFFY_OK;
	return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "rs",
	    "there are credentials for several resource servers");
}

static enum fluffy_error
give(fluffy_ctx *ctx, const struct credential *from, fluffy_dk_credential *c)
{
	enum fluffy_error e;

	c->id = from->id;
	memcpy(c->ta, from->ta.s, from->ta.n);
	memcpy(c->rs, from->rs.s, from->rs.n);
	c->number = from->number;
	e = dk_give(ctx, from->nonce, &c->nonce);
	if (e == FLUFFY_OK)
		e = dk_give(ctx, symm_bytes(&from->key), &c->key);
	if (e == FLUFFY_OK)
		e = dk_give(ctx, from->maccert, &c->maccert);
	if (e == FLUFFY_OK)
		e = dk_give(ctx, from->rs_key, &c->rs_key);
	return e;
}

enum fluffy_error
fluffy_dk_next(fluffy_store *s, const char *rs, int64_t after,
    fluffy_dk_credential *c)
{
	struct credential found = { .id = 0 };
	struct arena arena = { NULL, false };
	struct bytes name = bytes_str(rs);
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);

	*c = (fluffy_dk_credential){ .id = 0 };
	if (e == FLUFFY_OK && rs == NULL)
		e = only_rs(s, &arena, &name);
	if (e == FLUFFY_OK)
		e = store_credential_next(s, &arena, name, after, &found);
	if (e == FLUFFY_OK)
		e = give(s->ctx, &found, c);
	if (e != FLUFFY_OK)
		fluffy_dk_credential_free(c);
	credential_wipe(&found);
	arena_free(&arena);
	return e;
}

static enum fluffy_error
erase(fluffy_store *s, void *id)
{
	return store_credential_erase(s, *(const int64_t *)id);
}

enum fluffy_error
fluffy_dk_used(fluffy_store *s, int64_t id)
{
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);

	return e == FLUFFY_OK ? store_change(s, erase, &id) : e;
}

enum fluffy_error
fluffy_dk_private(fluffy_store *s, fluffy_bytes *key)
{
	struct arena arena = { NULL, false };
	enum fluffy_error e = dk_check_role(s, ROLE_NODE);
	struct bytes pair = { NULL, 0 };

	*key = (fluffy_bytes){ NULL, 0 };
	if (e == FLUFFY_OK)
		e = store_own_pair(s, &arena, &pair);
	if (e == FLUFFY_OK && pair.n == 0)
		e = fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
		    "this store has no private key");
	if (e == FLUFFY_OK)
		e = dk_give(s->ctx, pair, key);
	arena_free(&arena);
	return e;
}

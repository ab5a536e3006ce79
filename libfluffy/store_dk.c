/* store_dk.c - what trust anchors, resource servers and clients keep (section 11) */
#include <openssl/crypto.h>

#include "cose.h"
#include "derived.h"
#include "spki.h"
#include "store_sql.h"

#define MARK_SIZE  16
#define KEYID_SIZE 4
#define BITS(size) (((size_t)(size) + 7) / 8)

void
anchor_wipe(struct anchor *a)
{
	OPENSSL_cleanse(a, sizeof(*a));
}

void
credential_wipe(struct credential *c)
{
	OPENSSL_cleanse(c, sizeof(*c));
}

/* What was read from it may have been too much for the arena. */
static enum fluffy_error
close_into(struct query *q, const struct arena *arena)
{
	enum fluffy_error e = query_close(q);

	return e == FLUFFY_OK && arena->failed ?
	    fluffy_fail_memory(q->store->ctx) : e;
}

/* ---- what must not come back -------------------------------------------- */

/*
 * Memo, 2.2: no nonce is used again with the same K_RS-TA, so that key never
 * comes back, nor do a credential's.  EXISTS when secret was here.
 */
static enum fluffy_error
spend(fluffy_store *s, struct bytes secret, const struct keyid *keyid)
{
	uint8_t mark[HMAC_SIZE];
	enum fluffy_error e;
	struct query q;
	int n;

	e = hmac_sha256(s->ctx, secret, BYTES("fluffy dk mark"), mark);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_SPENT_ADD);
	bind_blob(&q, bytes_of(mark, MARK_SIZE));
	if (keyid != NULL)
		bind_blob(&q, keyid_bytes(keyid));
	else
		bind_null(&q);
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : fluffy_fail(s->ctx,
	    FLUFFY_E_EXISTS, NULL, "it was in this store before");
}

enum fluffy_error
store_anchor_keyid(fluffy_store *s, struct keyid *keyid)
{
	return new_kid(s, SQL_SPENT_KEYID, keyid);
}

/* ---- anchors: finding --------------------------------------------------- */

static enum fluffy_error
no_anchor(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
	    "no such trust anchor or resource server");
}

static void
get_window(struct query *q, struct window *w)
{
	bool ta = q->store->party.role == ROLE_ANCHOR;
	struct bytes bits;

	w->right = (uint32_t)get_uint(q, UINT32_MAX);
	w->size = (uint16_t)get_uint(q, FLUFFY_DK_WINDOW_MAX);
	if (ta ? w->size != 0 : w->size < FLUFFY_DK_WINDOW_MIN)
		q->damaged = true;
	bits = get_blob(q, BITS(w->size), BITS(w->size));
	if (bits.n > 0)
		memcpy(w->bits, bits.p, bits.n);
}

/* The columns of ANCHOR_COLUMNS. */
static void
get_anchor(struct query *q, struct anchor *a)
{
	a->id = get_int(q);
	get_name(q, &a->ta, false);
	get_name(q, &a->rs, false);
	get_keyid(q, &a->keyid);
	if (a->keyid.n != KEYID_SIZE)
		q->damaged = true;
	get_key(q, &a->key);
	get_window(q, &a->window);
	a->trusted = get_bool(q);
}

enum fluffy_error
store_anchor(fluffy_store *s, struct bytes ta, struct bytes rs,
    struct anchor *a)
{
	enum fluffy_error e;
	struct query q;
	bool found;

	*a = (struct anchor){ 0 };
	query_open(&q, s, SQL_ANCHOR);
	bind_text(&q, ta);
	bind_text(&q, rs);
	found = query_step(&q);
	if (found)
		get_anchor(&q, a);
	e = query_close(&q);
	if (e != FLUFFY_OK)
		anchor_wipe(a);
	return e != FLUFFY_OK || found ? e : no_anchor(s);
}

enum fluffy_error
store_anchors(fluffy_store *s, struct arena *arena, struct anchor **out,
    size_t *n)
{
	struct anchor *v = NULL;
	enum fluffy_error e;
	struct query q;
	size_t room = 0;

	*out = NULL;
	*n = 0;
	query_open(&q, s, SQL_ANCHORS);
	while (query_step(&q)) {
		v = arena_grow(arena, v, *n, &room, sizeof(*v));
		if (v == NULL)
			break;
		v[*n] = (struct anchor){ 0 };
		get_anchor(&q, &v[(*n)++]);
	}
	e = close_into(&q, arena);
	if (e != FLUFFY_OK)
		*n = 0;
	*out = v;
	return e;
}

/* ---- anchors: changing -------------------------------------------------- */

/* All numbers to last. */
static enum fluffy_error
drop_revoked(fluffy_store *s, const struct anchor *a, uint32_t last)
{
	struct query q;

	query_open(&q, s, SQL_REVOKED_DROP);
	bind_int(&q, a->id);
	bind_uint(&q, last);
	return query_run(&q, NULL);
}

/* The key that is there makes room for another; *old says whether there is. */
static enum fluffy_error
forget_key(fluffy_store *s, const struct anchor *a, struct anchor *old)
{
	enum fluffy_error e;
	struct query q;

	e = store_anchor(s, name_bytes(&a->ta), name_bytes(&a->rs), old);
	if (e != FLUFFY_OK)
		return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
	query_open(&q, s, SQL_ANCHOR_WIPE);
	bind_int(&q, old->id);
	e = vault_erase(s, &q);
	return e == FLUFFY_OK ? drop_revoked(s, old, UINT32_MAX) : e;
}

static enum fluffy_error
put_row(fluffy_store *s, struct anchor *a, int64_t old)
{
	enum fluffy_error e;
	struct query q;
	int64_t slot;

	e = vault_put(s, &a->key, &slot);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, old == 0 ? SQL_ANCHOR_ADD : SQL_ANCHOR_RENEW);
	bind_blob(&q, keyid_bytes(&a->keyid));
	bind_int(&q, slot);
	bind_uint(&q, a->window.right);
	bind_uint(&q, a->window.size);
	bind_blob(&q, bytes_of(a->window.bits, BITS(a->window.size)));
	bind_text(&q, name_bytes(&a->ta));
	bind_text(&q, name_bytes(&a->rs));
	e = query_run(&q, NULL);
	a->id = old == 0 ? sqlite3_last_insert_rowid(s->sql->db) : old;
	return e;
}

enum fluffy_error
store_anchor_put(fluffy_store *s, struct anchor *a)
{
	struct anchor old = { 0 };
	enum fluffy_error e;

	e = spend(s, symm_bytes(&a->key), &a->keyid);
	if (e == FLUFFY_OK)
		e = forget_key(s, a, &old);
	if (e == FLUFFY_OK)
		e = put_row(s, a, old.id);
	a->trusted = old.trusted;
	anchor_wipe(&old);
	return e;
}

enum fluffy_error
store_anchor_moved(fluffy_store *s, const struct anchor *a)
{
	const struct window *w = &a->window;
	enum fluffy_error e;
	struct query q;

	query_open(&q, s, SQL_ANCHOR_MOVED);
	bind_uint(&q, w->right);
	bind_blob(&q, bytes_of(w->bits, BITS(w->size)));
	bind_int(&q, a->id);
	e = query_run(&q, NULL);
	if (e == FLUFFY_OK && w->size > 0 && w->right >= w->size)
		e = drop_revoked(s, a, w->right - w->size);
	return e;
}

enum fluffy_error
store_rs_key_set(fluffy_store *s, const struct anchor *a, struct bytes der)
{
	struct query q;

	query_open(&q, s, SQL_RS_KEY_SET);
	bind_blob(&q, der);
	bind_int(&q, a->id);
	return query_run(&q, NULL);
}

enum fluffy_error
store_rs_key(fluffy_store *s, struct arena *arena, const struct anchor *a,
    struct bytes *der)
{
	struct query q;

	*der = bytes_of(NULL, 0);
	query_open(&q, s, SQL_RS_KEY);
	bind_int(&q, a->id);
	if (query_step(&q) && !get_null(&q))
		*der = arena_dup(arena, get_blob(&q, 1, SPKI_MAX));
	return close_into(&q, arena);
}

/* ---- revoked numbers ---------------------------------------------------- */

enum fluffy_error
store_revoked_add(fluffy_store *s, const struct anchor *a, uint32_t number)
{
	struct query q;

	query_open(&q, s, SQL_REVOKED_ADD);
	bind_int(&q, a->id);
	bind_uint(&q, number);
	return query_run(&q, NULL);
}

enum fluffy_error
store_revoked(fluffy_store *s, const struct anchor *a, uint32_t number,
    bool *revoked)
{
	struct query q;

	query_open(&q, s, SQL_REVOKED);
	bind_int(&q, a->id);
	bind_uint(&q, number);
	*revoked = query_step(&q) || q.rc != SQLITE_DONE;
	return query_close(&q);
}

enum fluffy_error
store_revoked_all(fluffy_store *s, struct arena *arena,
    const struct anchor *a, uint32_t **out, size_t *n)
{
	uint32_t *v = NULL;
	enum fluffy_error e;
	struct query q;
	size_t room = 0;

	*out = NULL;
	*n = 0;
	query_open(&q, s, SQL_REVOKED_ALL);
	bind_int(&q, a->id);
	while (query_step(&q)) {
		v = arena_grow(arena, v, *n, &room, sizeof(*v));
		if (v == NULL)
			break;
		v[(*n)++] = (uint32_t)get_uint(&q, UINT32_MAX);
	}
	e = close_into(&q, arena);
	if (e != FLUFFY_OK)
		*n = 0;
	*out = v;
	return e;
}

/* ---- a node's own pair -------------------------------------------------- */

enum fluffy_error
store_own_pair(fluffy_store *s, struct arena *arena, struct bytes *der)
{
	struct query q;

	*der = bytes_of(NULL, 0);
	query_open(&q, s, SQL_OWN);
	if (query_step(&q))
		*der = arena_dup(arena, get_cell(&q));
	return close_into(&q, arena);
}

/* A MacCert for the pair before opens nothing more. */
enum fluffy_error
store_own_pair_set(fluffy_store *s, struct bytes der)
{
	enum fluffy_error e;
	struct query q;
	int64_t slot;

	query_open(&q, s, SQL_OWN_WIPE);
	e = vault_erase(s, &q);
	if (e == FLUFFY_OK) {
		query_open(&q, s, SQL_CERTS_USED);
		e = query_run(&q, NULL);
	}
	if (e == FLUFFY_OK)
		e = safe_put(s, der, &slot);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_OWN_SET);
	bind_int(&q, slot);
	return query_run(&q, NULL);
}

/* ---- a client's credentials --------------------------------------------- */

static void
bind_optional(struct query *q, struct bytes b)
{
	if (b.n > 0)
		bind_blob(q, b);
	else
		bind_null(q);
}

/* A DerivedKey has a nonce and a key, an AuthorizedPublicKey has neither. */
enum fluffy_error
store_credential_add(fluffy_store *s, struct credential *c)
{
	bool derived = c->key.n > 0;
	int64_t slot = 0;
	enum fluffy_error e;
	struct query q;

	e = spend(s, derived ? symm_bytes(&c->key) : c->maccert, NULL);
	if (e == FLUFFY_OK && derived)
		e = vault_put(s, &c->key, &slot);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_CREDENTIAL_ADD);
	bind_text(&q, name_bytes(&c->ta));
	bind_text(&q, name_bytes(&c->rs));
	bind_uint(&q, c->number);
	bind_optional(&q, c->nonce);
	bind_optional(&q, c->maccert);
	bind_optional(&q, c->rs_key);
	if (derived)
		bind_int(&q, slot);
	else
		bind_null(&q);
	e = query_run(&q, NULL);
	c->id = sqlite3_last_insert_rowid(s->sql->db);
	return e;
}

static struct bytes
get_optional(struct query *q, struct arena *arena, size_t max)
{
	return get_null(q) ? bytes_of(NULL, 0) :
	    arena_dup(arena, get_blob(q, 1, max));
}

static void
get_credential(struct query *q, struct arena *arena, struct credential *c)
{
	c->id = get_int(q);
	get_name(q, &c->ta, false);
	get_name(q, &c->rs, false);
	c->number = (uint32_t)get_uint(q, UINT32_MAX);
	c->nonce = get_optional(q, arena, NONCE_TEXT_MAX);
	c->maccert = get_optional(q, arena, FLUFFY_MAX_EMITTED);
	c->rs_key = get_optional(q, arena, SPKI_MAX);
	if ((c->nonce.n > 0) == (c->maccert.n > 0) ||
	    (c->nonce.n > 0) == (c->rs_key.n > 0))
		q->damaged = true;
}

enum fluffy_error
store_credential_next(fluffy_store *s, struct arena *arena, struct bytes rs,
    int64_t after, struct credential *c)
{
	enum fluffy_error e;
	struct query q;
	bool found;

	*c = (struct credential){ 0 };
	query_open(&q, s, SQL_CREDENTIAL_NEXT);
	bind_text(&q, rs);
	bind_int(&q, after);
	found = query_step(&q);
	if (found) {
		get_credential(&q, arena, c);
		if (c->nonce.n > 0)
			get_key(&q, &c->key);
	}
	e = close_into(&q, arena);
	if (e != FLUFFY_OK)
		credential_wipe(c);
	return e != FLUFFY_OK || found ? e : fluffy_fail(s->ctx,
	    FLUFFY_E_NOT_FOUND, NULL, after == 0 ? "no credential is left" :
	    "no other credential is left");
}

enum fluffy_error
store_credential_erase(fluffy_store *s, int64_t id)
{
	enum fluffy_error e;
	struct query q;
	int n;

	query_open(&q, s, SQL_CREDENTIAL_WIPE);
	bind_int(&q, id);
	e = vault_erase(s, &q);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_CREDENTIAL_USED);
	bind_int(&q, id);
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : fluffy_fail(s->ctx,
	    FLUFFY_E_NOT_FOUND, NULL, "no such credential");
}

enum fluffy_error
store_credentials(fluffy_store *s, struct arena *arena,
    struct credential **out, size_t *n)
{
	struct credential *v = NULL;
	enum fluffy_error e;
	struct query q;
	size_t room = 0;

	*out = NULL;
	*n = 0;
	query_open(&q, s, SQL_CREDENTIALS);
	while (query_step(&q)) {
		v = arena_grow(arena, v, *n, &room, sizeof(*v));
		if (v == NULL)
			break;
		v[*n] = (struct credential){ 0 };
		get_credential(&q, arena, &v[(*n)++]);
	}
	e = close_into(&q, arena);
	if (e != FLUFFY_OK)
		*n = 0;
	*out = v;
	return e;
}

/* store_secret.c - the vault, and the secret keys in it (section 9) */
#include <openssl/crypto.h>

#include "store_sql.h"

#define KID_TRIES    64
#define SEALS_AHEAD  4096u

void
secret_wipe(struct secret *secret)
{
	OPENSSL_cleanse(secret, sizeof(*secret));
}

/* ---- vault ------------------------------------------------------------ */

/* A free slot, 0 when there is none. */
static enum fluffy_error
free_slot(fluffy_store *s, int64_t *slot)
{
	struct query q;

	*slot = 0;
	query_open(&q, s, SQL_SLOT_FREE);
	if (query_step(&q))
		*slot = get_int(&q);
	return query_close(&q);
}

enum fluffy_error
vault_put(fluffy_store *s, const struct symm *key, int64_t *slot)
{
	uint8_t cell[VAULT_SIZE] = { 0 };
	enum fluffy_error e;
	struct query q;

	if (key->n == 0 || key->n > KEY_MAX)
		return store_misused(s, "key of a wrong size");
	e = free_slot(s, slot);
	if (e != FLUFFY_OK)
		return e;
	cell[0] = key->n;
	memcpy(cell + 1, key->b, key->n);
	query_open(&q, s, *slot == 0 ? SQL_SLOT_ADD : SQL_SLOT_SET);
	bind_blob(&q, bytes_of(cell, sizeof(cell)));
	if (*slot != 0)
		bind_int(&q, *slot);
	e = query_run(&q, NULL);
	if (*slot == 0)
		*slot = sqlite3_last_insert_rowid(s->sql->db);
	OPENSSL_cleanse(cell, sizeof(cell));
	return e;
}

enum fluffy_error
vault_erase(fluffy_store *s, struct query *q)
{
	int n;
	enum fluffy_error e = query_run(q, &n);

	if (n > 0)
		s->erased = true;
	return e;
}

/* ---- adding ----------------------------------------------------------- */

static enum fluffy_error
kid_known(fluffy_store *s, enum sql_id id, struct bytes kid, bool *known)
{
	struct query q;

	query_open(&q, s, id);
	bind_blob(&q, kid);
	*known = query_step(&q);
	return query_close(&q);
}

enum fluffy_error
new_kid(fluffy_store *s, enum sql_id id, struct keyid *kid)
{
	bool known = true;

	*kid = (struct keyid){ 0 };
	for (int tries = 0; known && tries < KID_TRIES; tries++) {
		enum fluffy_error e = ctx_random(s->ctx, kid->b, SECRET_KID);

		if (e == FLUFFY_OK)
			e = kid_known(s, id, bytes_of(kid->b, SECRET_KID),
			    &known);
		if (e != FLUFFY_OK)
			return e;
	}
	if (known)
		return fluffy_fail(s->ctx, FLUFFY_E_SYSTEM, NULL,
		    "the random generator gives no new kid");
	kid->n = SECRET_KID;
	return FLUFFY_OK;
}

enum fluffy_error
store_new_kid(fluffy_store *s, struct keyid *kid)
{
	return new_kid(s, SQL_SECRET_KNOWN, kid);
}

enum fluffy_error
store_secret_add(fluffy_store *s, struct secret *secret)
{
	bool known;
	int64_t slot;
	struct query q;
	enum fluffy_error e = kid_known(s, SQL_SECRET_KNOWN,
	    keyid_bytes(&secret->kid), &known);

	if (e == FLUFFY_OK && known)
		return fluffy_fail(s->ctx, FLUFFY_E_EXISTS, NULL,
		    "this kid was used before");
	if (e == FLUFFY_OK)
		e = vault_put(s, &secret->key, &slot);
	if (e != FLUFFY_OK)
		return e;
	keys_changing(s);
	query_open(&q, s, SQL_SECRET_ADD);
	bind_blob(&q, keyid_bytes(&secret->kid));
	bind_text(&q, name_bytes(&secret->owner));
	bind_int(&q, secret->key.alg);
	bind_int(&q, slot);
	bind_uint(&q, secret->endtime);
	e = query_run(&q, NULL);
	if (e == FLUFFY_OK)
		secret->order =
		    (uint64_t)sqlite3_last_insert_rowid(s->sql->db);
	return e;
}

/* ---- finding ---------------------------------------------------------- */

static enum fluffy_error
no_key(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such key");
}

/* The columns of SECRET_COLUMNS. */
static void
get_secret(struct query *q, struct secret *secret)
{
	*secret = (struct secret){ 0 };
	get_keyid(q, &secret->kid);
	get_name(q, &secret->owner, false);
	get_symm(q, &secret->key);
	secret->endtime = get_uint(q, TIME_MAX);
	secret->order = get_uint(q, INT64_MAX);
}

enum fluffy_error
store_secret_find(fluffy_store *s, struct bytes kid, struct secret *secret,
    bool *found)
{
	struct kid_search search;
	enum fluffy_error e;

	*secret = (struct secret){ 0 };
	*found = false;
	/* such a kid is nobody's, as anybody knows */
	if (!kid_possible(KIDS_SECRET, kid))
		return FLUFFY_OK;
	e = kid_search(&search, s, KIDS_SECRET, kid);
	if (e != FLUFFY_OK)
		return e;
	if (query_step(&search.q)) {
		get_keyid(&search.q, &secret->kid);
		get_symm(&search.q, &secret->key);
		secret->endtime = get_uint(&search.q, TIME_MAX);
		secret->order = get_uint(&search.q, INT64_MAX);
	}
	e = kid_search_end(&search, &secret->kid, found);
	if (e != FLUFFY_OK)
		secret_wipe(secret);
	return e;
}

enum fluffy_error
store_secret_owner(fluffy_store *s, struct secret *secret)
{
	struct bytes kid = keyid_bytes(&secret->kid);
	size_t size;
	const void *memo = memo_find(s, MEMO_OWNER, kid, &size);
	struct { struct name owner; uint64_t seals; } found = { .seals = 0 };
	enum fluffy_error e = FLUFFY_OK;
	struct query q;

	if (memo != NULL)
		memcpy(&found, memo, sizeof(found));
	else {
		query_open(&q, s, SQL_SECRET_OWNER);
		bind_blob(&q, kid);
		if (query_step(&q)) {
			get_name(&q, &found.owner, false);
			found.seals = get_uint(&q, SEALS_MAX);
		}
		e = query_close(&q);
		if (e == FLUFFY_OK)
			memo_put(s, MEMO_OWNER, kid, &found, sizeof(found));
	}
	secret->owner = found.owner;
	secret->seals = found.seals;
	return e;
}

enum fluffy_error
store_secret_by_kid(fluffy_store *s, struct bytes kid, struct secret *secret)
{
	bool found;
	enum fluffy_error e = store_secret_find(s, kid, secret, &found);

	if (e == FLUFFY_OK)
		e = found ? store_secret_owner(s, secret) : no_key(s);
	if (e != FLUFFY_OK)
		secret_wipe(secret);
	return e;
}

static void
reverse(struct secret *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct secret swap = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = swap;
		secret_wipe(&swap);
	}
}

enum fluffy_error
store_secrets_of(fluffy_store *s, struct bytes owner, struct secret *v,
    size_t cap, size_t *n)
{
	size_t size;
	const void *memo = memo_find(s, MEMO_SECRETS, owner, &size);
	enum fluffy_error e;
	struct query q;

	*n = 0;
	if (memo != NULL && size <= cap * sizeof(*v)) {
		memcpy(v, memo, size);
		*n = size / sizeof(*v);
		return FLUFFY_OK;
	}
	query_open(&q, s, SQL_SECRETS_OF);
	bind_text(&q, owner);
	bind_uint(&q, cap);
	while (*n < cap && query_step(&q))
		get_secret(&q, &v[(*n)++]);
	e = query_close(&q);
	if (e != FLUFFY_OK) {
		OPENSSL_cleanse(v, *n * sizeof(*v));
		*n = 0;
		return e;
	}
	reverse(v, *n);
	if (*n > 0 && *n < cap)
		memo_put(s, MEMO_SECRETS, owner, v, *n * sizeof(*v));
	return FLUFFY_OK;
}

/* ---- changing --------------------------------------------------------- */

enum fluffy_error
store_secret_set_endtime(fluffy_store *s, struct bytes kid, uint64_t endtime)
{
	enum fluffy_error e;
	struct query q;
	int n;

	keys_changing(s);
	query_open(&q, s, SQL_SECRET_ENDTIME);
	bind_uint(&q, endtime);
	bind_blob(&q, kid);
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : no_key(s);
}

enum fluffy_error
store_secret_erase(fluffy_store *s, struct bytes kid)
{
	enum fluffy_error e;
	struct query q;
	int n;

	keys_changing(s);
	query_open(&q, s, SQL_SECRET_WIPE);
	bind_blob(&q, kid);
	e = query_run(&q, &n);
	if (e != FLUFFY_OK || n == 0)
		return e != FLUFFY_OK ? e : no_key(s);
	s->erased = true;
	query_open(&q, s, SQL_SECRET_GONE);
	bind_blob(&q, kid);
	return query_run(&q, NULL);
}

/* ---- counting seals --------------------------------------------------- */

/* Seals that are reserved on disk and not made, and how many come next. */
struct ahead {
	uint32_t left, next;
};

static enum fluffy_error
reserve(fluffy_store *s, struct bytes kid, uint32_t seals, bool *done)
{
	enum fluffy_error e;
	struct query q;
	int n;

	query_open(&q, s, SQL_SECRET_SEALS);
	bind_uint(&q, seals);
	bind_blob(&q, kid);
	e = query_run(&q, &n);
	*done = n > 0;
	return e;
}

/* left stays 0 when all were made or reserved. */
static enum fluffy_error
look_ahead(fluffy_store *s, struct bytes kid, struct ahead *ahead)
{
	size_t size;
	const void *memo = memo_find(s, MEMO_SEALS, kid, &size);
	enum fluffy_error e = FLUFFY_OK;
	bool done = false;

	*ahead = (struct ahead){ 0, 1 };
	if (memo != NULL)
		memcpy(ahead, memo, sizeof(*ahead));
	if (ahead->left > 0)
		return FLUFFY_OK;
	/* towards the end there may be fewer */
	for (;;) {
		e = reserve(s, kid, ahead->next, &done);
		if (e != FLUFFY_OK || done || ahead->next == 1)
			break;
		ahead->next /= 2;
	}
	if (e != FLUFFY_OK)
		return e;
	if (done) {
		ahead->left = ahead->next;
		if (ahead->next < SEALS_AHEAD)
			ahead->next *= 2;
	}
	memo_put(s, MEMO_SEALS, kid, ahead, sizeof(*ahead));
	return FLUFFY_OK;
}

enum fluffy_error
store_secret_may_seal(fluffy_store *s, struct bytes kid, bool *may)
{
	struct ahead ahead;
	enum fluffy_error e = look_ahead(s, kid, &ahead);

	*may = e != FLUFFY_OK || ahead.left > 0;
	return e;
}

enum fluffy_error
store_secret_sealed(fluffy_store *s, struct bytes kid)
{
	struct ahead ahead;
	enum fluffy_error e = look_ahead(s, kid, &ahead);

	if (e != FLUFFY_OK)
		return e;
	if (ahead.left == 0)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "this key has made all the seals that it may");
	ahead.left--;
	memo_put(s, MEMO_SEALS, kid, &ahead, sizeof(ahead));
	return FLUFFY_OK;
}

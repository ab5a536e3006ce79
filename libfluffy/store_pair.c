/*
 * store_pair.c - a device's key pairs, and the public keys of its peers
 *
 * The private halves are in safe, a vault of larger cells: see the top of
 * store_schema.c.
 */
#include <openssl/crypto.h>

#include "cbor.h"
#include "decode.h"
#include "pkey.h"
#include "store_sql.h"

#define LENGTH 2	/* bytes in front of what a cell holds */

/* ---- the safe --------------------------------------------------------- */

/* A free slot, 0 when there is none. */
static enum fluffy_error
free_slot(fluffy_store *s, int64_t *slot)
{
	struct query q;

	*slot = 0;
	query_open(&q, s, SQL_SAFE_FREE);
	if (query_step(&q))
		*slot = get_int(&q);
	return query_close(&q);
}

static enum fluffy_error
put_cell(fluffy_store *s, const uint8_t cell[SAFE_SIZE], int64_t *slot)
{
	enum fluffy_error e = free_slot(s, slot);
	struct query q;

	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, *slot == 0 ? SQL_SAFE_ADD : SQL_SAFE_SET);
	bind_blob(&q, bytes_of(cell, SAFE_SIZE));
	if (*slot != 0)
		bind_int(&q, *slot);
	e = query_run(&q, NULL);
	if (*slot == 0)
		*slot = sqlite3_last_insert_rowid(s->sql->db);
	return e;
}

enum fluffy_error
safe_put(fluffy_store *s, struct bytes pair, int64_t *slot)
{
	uint8_t cell[SAFE_SIZE] = { 0 };
	enum fluffy_error e;

	if (pair.n > SAFE_SIZE - LENGTH)
		return store_misused(s, "more than a pair");
	cell[0] = (uint8_t)(pair.n >> 8);
	cell[1] = (uint8_t)pair.n;
	memcpy(cell + LENGTH, pair.p, pair.n);
	e = put_cell(s, cell, slot);
	OPENSSL_cleanse(cell, sizeof(cell));
	return e;
}

static enum fluffy_error
put_private(fluffy_store *s, const struct pkey *key, int64_t *slot)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	enum fluffy_error e;

	cbor_put_struct(&b, key, SKIP_NONE);
	e = b.failed ? fluffy_fail_memory(s->ctx) :
	    safe_put(s, buffer_view(&b), slot);
	buffer_free(&b);
	return e;
}

/* ---- adding ----------------------------------------------------------- */

static const struct schema *
key_schema(const struct schema *keydata)
{
	return schema_row(keydata, L_key)->sub;
}

/* Appends the keydata without what is private. */
static void
put_public(struct buffer *b, const struct keydata *k)
{
	struct keydata public = *k;
	struct pkey key = *k->pkey;

	public.pkey = &key;
	public.head.schema = schema_by_kty(&keydata_public, k->kty);
	key.head.schema = key_schema(public.head.schema);
	key.head.has = 0;
	for (uint8_t i = 0; i < key.head.schema->n_rows; i++)
		SET(&key, key.head.schema->rows[i].label);
	cbor_put_struct(b, &public, SKIP_NONE);
}

static enum fluffy_error
run_role(fluffy_store *s, enum sql_id id, const struct pair *pair, int *n)
{
	struct query q;

	query_open(&q, s, id);
	bind_blob(&q, keyid_bytes(&pair->keyid));
	bind_uint(&q, pair->peer);
	return query_run(&q, n);
}

/* A pair that is replaced is erased like any other. */
static enum fluffy_error
erase_role(fluffy_store *s, const struct pair *pair)
{
	enum fluffy_error e;
	int n = 0;

	e = run_role(s, SQL_PAIR_WIPE_ROLE, pair, &n);
	if (n > 0)
		s->erased = true;
	return e == FLUFFY_OK ?
	    run_role(s, SQL_PAIR_REMOVE_ROLE, pair, NULL) : e;
}

static enum fluffy_error
add(fluffy_store *s, const struct pair *pair, int64_t slot,
    struct bytes keydata)
{
	struct query q;

	query_open(&q, s, SQL_PAIR_ADD);
	bind_blob(&q, keyid_bytes(&pair->keyid));
	bind_uint(&q, pair->peer);
	bind_text(&q, name_bytes(&pair->realm));
	bind_text(&q, name_bytes(&pair->name));
	if (pair->peer)
		bind_null(&q);
	else
		bind_int(&q, slot);
	bind_uint(&q, pair->authtime);
	bind_uint(&q, pair->endtime);
	bind_uint(&q, pair->proven);
	if (pair->cpac.n > 0)
		bind_blob(&q, pair->cpac);
	else
		bind_null(&q);
	bind_blob(&q, keydata);
	return query_run(&q, NULL);
}

enum fluffy_error
store_pair_add(fluffy_store *s, const struct pair *pair)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	enum fluffy_error e;
	int64_t slot = 0;

	if (pkey_is_pair(pair->keydata) == pair->peer)
		return store_misused(s, "half a pair, or a peer's whole one");
	e = erase_role(s, pair);
	if (e == FLUFFY_OK && !pair->peer)
		e = put_private(s, pair->keydata->pkey, &slot);
	put_public(&b, pair->keydata);
	if (e == FLUFFY_OK && b.failed)
		e = fluffy_fail_memory(s->ctx);
	if (e == FLUFFY_OK)
		e = add(s, pair, slot, buffer_view(&b));
	buffer_free(&b);
	return e;
}

/* ---- finding ---------------------------------------------------------- */

/* What this library didn't write makes the store damaged. */
static enum fluffy_error
judge(struct query *q, enum fluffy_error e)
{
	if (e != FLUFFY_OK && e != FLUFFY_E_MEMORY)
		q->damaged = true;
	return e == FLUFFY_E_MEMORY ? e : FLUFFY_OK;
}

enum fluffy_error
get_public(struct query *q, struct arena *arena, struct keydata **k)
{
	struct bytes cbor = get_blob(q, 1, FLUFFY_MAX_EMITTED);
	enum fluffy_error e;
	void *map;

	e = decode_struct(q->store->ctx, arena, cbor, &keydata_public, NULL,
	    &map);
	*k = map;
	return judge(q, e);
}

struct bytes
get_cell(struct query *q)
{
	struct bytes cell = get_blob(q, SAFE_SIZE, SAFE_SIZE);
	size_t n = cell.n == 0 ? 0 :
	    (size_t)cell.p[0] << 8 | (size_t)cell.p[1];

	if (n > 0 && n <= SAFE_SIZE - LENGTH)
		return bytes_of(cell.p + LENGTH, n);
	q->damaged = true;
	return bytes_of(NULL, 0);
}

/* Do the public parameters stand in the cell as they stand in the row? */
static bool
same_public(const struct pkey *public, const struct pkey *private)
{
	return public->crv == private->crv &&
	    bytes_eq(public->x, private->x) &&
	    bytes_eq(public->y, private->y) &&
	    bytes_eq(public->n, private->n) &&
	    bytes_eq(public->e, private->e);
}

/* The private parameters contain the public ones. */
static enum fluffy_error
get_private(struct query *q, struct arena *arena, struct keydata *k)
{
	const struct schema *schema = schema_by_kty(&keydata_pair, k->kty);
	struct bytes cbor = get_cell(q);
	enum fluffy_error e;
	int label;
	void *key;

	e = decode_struct(q->store->ctx, arena, cbor, key_schema(schema),
	    NULL, &key);
	if (e != FLUFFY_OK)
		return judge(q, e);
	if (!same_public(k->pkey, key))
		q->damaged = true;
	k->head.schema = schema;
	k->pkey = key;
	if (schema->rule(k, &label) != NULL)
		q->damaged = true;
	return FLUFFY_OK;
}

static enum fluffy_error
get_pair(struct query *q, struct arena *arena, struct pair *pair)
{
	enum fluffy_error e;
	struct keydata *k;

	get_keyid(q, &pair->keyid);
	pair->peer = get_bool(q);
	get_name(q, &pair->realm, true);
	get_name(q, &pair->name, true);
	pair->authtime = get_uint(q, TIME_MAX);
	pair->endtime = get_uint(q, TIME_MAX);
	pair->proven = get_bool(q);
	e = get_public(q, arena, &k);
	if (k == NULL)
		return e;
	pair->keydata = k;
	if (!bytes_eq(k->keyid, keyid_bytes(&pair->keyid)))
		q->damaged = true;
	if (!pair->peer)
		return get_private(q, arena, k);
	if (!get_null(q))
		q->damaged = true;
	return FLUFFY_OK;
}

static enum fluffy_error
no_key(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such key");
}

enum fluffy_error
store_pair(fluffy_store *s, struct arena *arena, struct bytes keyid,
    bool peer, struct pair *pair)
{
	enum fluffy_error e = FLUFFY_OK, closed;
	struct query q;
	bool found;

	*pair = (struct pair){ .peer = false };
	query_open(&q, s, SQL_PAIR);
	bind_blob(&q, keyid);
	bind_uint(&q, peer);
	found = query_step(&q);
	if (found)
		e = get_pair(&q, arena, pair);
	closed = query_close(&q);
	if (e == FLUFFY_OK)
		e = closed;
	if (e != FLUFFY_OK)
		*pair = (struct pair){ .peer = false };
	return e != FLUFFY_OK || found ? e : no_key(s);
}

/* ---- erasing ---------------------------------------------------------- */

enum fluffy_error
store_pair_erase(fluffy_store *s, struct bytes keyid)
{
	enum fluffy_error e;
	struct query q;
	int n;

	query_open(&q, s, SQL_PAIR_WIPE);
	bind_blob(&q, keyid);
	e = vault_erase(s, &q);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_PAIR_REMOVE);
	bind_blob(&q, keyid);
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : no_key(s);
}

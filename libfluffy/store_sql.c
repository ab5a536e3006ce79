/* store_sql.c - statements of a store: preparing, binding, reading, errors */
#include <stdlib.h>

#include "alg.h"
#include "schema.h"
#include "store_sql.h"
#include "text.h"

static enum fluffy_error
fail(fluffy_store *s, enum fluffy_error code, const char *why)
{
	s->sql->failed = true;
	return fluffy_fail(s->ctx, code, NULL, "%s: %s", s->sql->path, why);
}

enum fluffy_error
store_damaged(fluffy_store *s)
{
	return fail(s, FLUFFY_E_STORE, "damaged");
}

enum fluffy_error
store_misused(fluffy_store *s, const char *what)
{
	return fail(s, FLUFFY_E_INTERNAL, what);
}

/* The system's word on what SQLite's file system layer couldn't do. */
static enum fluffy_error
fail_system(fluffy_store *s, const char *what)
{
	int number = s->sql->db == NULL ? 0 : sqlite3_system_errno(s->sql->db);

	if (number == 0)
		return fail(s, FLUFFY_E_STORE, what);
	return fail(s, FLUFFY_E_STORE, strerror(number));
}

/* No text of SQLite's is passed on: it might quote what is stored. */
enum fluffy_error
sql_fail(fluffy_store *s, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		s->sql->failed = true;
		return fluffy_fail_memory(s->ctx);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail(s, FLUFFY_E_STORE,
		    "locked by another process for 10 s");
	case SQLITE_FULL:
		return fail(s, FLUFFY_E_STORE, "disk full");
	case SQLITE_READONLY:
		return fail(s, FLUFFY_E_STORE, "can't be written");
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return fail_system(s, "can't be opened");
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM) {
			s->sql->failed = true;
			return fluffy_fail_memory(s->ctx);
		}
		return fail_system(s, "input or output error");
	case SQLITE_NOTADB:
		return fail(s, FLUFFY_E_STORE, "not a fluffy store");
	case SQLITE_ABORT:
		return fail(s, FLUFFY_E_STORE,
		    "not written, because a change before failed");
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return store_misused(s, "store used wrongly");
	default:
		/* CORRUPT, and what can't happen with tables of our making */
		return store_damaged(s);
	}
}

/* ---- statements ------------------------------------------------------- */

void
query_open(struct query *q, fluffy_store *s, enum sql_id id)
{
	struct sql *sql = s->sql;

	*q = (struct query){ .store = s };
	if (sql->st[id] == NULL)
		q->rc = sqlite3_prepare_v3(sql->db, sql_text[id], -1,
		    SQLITE_PREPARE_PERSISTENT, &sql->st[id], NULL);
	q->st = sql->st[id];
}

static bool
bound(struct query *q)
{
	q->param++;
	return q->rc == SQLITE_OK;
}

void
bind_int(struct query *q, int64_t value)
{
	if (bound(q))
		q->rc = sqlite3_bind_int64(q->st, q->param, value);
}

void
bind_uint(struct query *q, uint64_t value)
{
	if (value > INT64_MAX && q->rc == SQLITE_OK)
		q->rc = SQLITE_RANGE;
	bind_int(q, (int64_t)(value & INT64_MAX));
}

void
bind_null(struct query *q)
{
	if (bound(q))
		q->rc = sqlite3_bind_null(q->st, q->param);
}

void
bind_text(struct query *q, struct bytes text)
{
	/* SQLite takes a null pointer for NULL. */
	const char *p = text.n == 0 ? "" : (const char *)text.p;

	if (bound(q))
		q->rc = sqlite3_bind_text64(q->st, q->param, p, text.n,
		    SQLITE_STATIC, SQLITE_UTF8);
}

void
bind_blob(struct query *q, struct bytes blob)
{
	const void *p = blob.n == 0 ? "" : (const void *)blob.p;

	if (bound(q))
		q->rc = sqlite3_bind_blob64(q->st, q->param, p, blob.n,
		    SQLITE_STATIC);
}

bool
query_step(struct query *q)
{
	if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW)
		return false;
	q->rc = sqlite3_step(q->st);
	q->column = 0;
	return q->rc == SQLITE_ROW;
}

void
query_drop(struct query *q)
{
	if (q->st == NULL)
		return;
	/* reset repeats step's code; clear_bindings can't fail */
	(void)sqlite3_reset(q->st);
	(void)sqlite3_clear_bindings(q->st);
}

enum fluffy_error
query_close(struct query *q)
{
	int rc = q->rc;

	query_drop(q);
	if (rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
		return sql_fail(q->store, rc);
	return q->damaged ? store_damaged(q->store) : FLUFFY_OK;
}

enum fluffy_error
query_run(struct query *q, int *changed)
{
	struct sql *sql = q->store->sql;

	if (q->rc == SQLITE_OK && !q->store->in_transaction)
		q->rc = SQLITE_MISUSE;
	/*
	 * After some errors SQLite has rolled back by itself, and whatever
	 * came now would be a transaction of its own.
	 */
	if (q->rc == SQLITE_OK && sql->failed)
		q->rc = SQLITE_ABORT;
	(void)query_step(q);
	if (changed != NULL)
		*changed = q->rc == SQLITE_DONE ? sqlite3_changes(sql->db) : 0;
	return query_close(q);
}

enum fluffy_error
sql_plain(fluffy_store *s, enum sql_id id)
{
	struct query q;

	query_open(&q, s, id);
	(void)query_step(&q);
	return query_close(&q);
}

void
sql_abandon(fluffy_store *s)
{
	struct query q;

	/* After some errors SQLite has done it by itself. */
	if (sqlite3_get_autocommit(s->sql->db) != 0)
		return;
	query_open(&q, s, SQL_ROLLBACK);
	(void)query_step(&q);
	query_drop(&q);
}

void
sql_finalize(struct sql *sql)
{
	for (size_t i = 0; i < N_SQL; i++) {
		(void)sqlite3_finalize(sql->st[i]);
		sql->st[i] = NULL;
	}
}

/* ---- columns ---------------------------------------------------------- */

/* The next column, which must have that type. */
static bool
column(struct query *q, int type, int *i)
{
	*i = q->column++;
	if (sqlite3_column_type(q->st, *i) == type)
		return true;
	q->damaged = true;
	return false;
}

bool
get_null(struct query *q)
{
	if (sqlite3_column_type(q->st, q->column) != SQLITE_NULL)
		return false;
	q->column++;
	return true;
}

int64_t
get_int(struct query *q)
{
	int i;

	return column(q, SQLITE_INTEGER, &i) ? sqlite3_column_int64(q->st, i)
	    : 0;
}

uint64_t
get_uint(struct query *q, uint64_t max)
{
	int64_t value = get_int(q);

	if (value >= 0 && (uint64_t)value <= max)
		return (uint64_t)value;
	q->damaged = true;
	return 0;
}

bool
get_bool(struct query *q)
{
	return get_uint(q, 1) == 1;
}

/* Bytes of a text or a blob, as they are in the file. */
static struct bytes
get_bytes(struct query *q, int type, size_t min, size_t max)
{
	struct bytes b = { NULL, 0 };
	int i;

	if (!column(q, type, &i))
		return b;
	b.p = sqlite3_column_blob(q->st, i);
	b.n = (size_t)sqlite3_column_bytes(q->st, i);
	if (b.n < min || b.n > max || (b.p == NULL && b.n > 0)) {
		q->damaged = true;
		return (struct bytes){ NULL, 0 };
	}
	return b;
}

struct bytes
get_blob(struct query *q, size_t min, size_t max)
{
	return get_bytes(q, SQLITE_BLOB, min, max);
}

struct bytes
get_text(struct query *q, size_t min, size_t max)
{
	return get_bytes(q, SQLITE_TEXT, min, max);
}

void
get_name(struct query *q, struct name *name, bool may_be_empty)
{
	struct bytes b = get_bytes(q, SQLITE_TEXT, 0, NAME_MAX_);

	if (!(b.n == 0 && may_be_empty) && !name_valid(b)) {
		q->damaged = true;
		b.n = 0;
	}
	(void)name_set(name, b);
}

void
get_keyid(struct query *q, struct keyid *id)
{
	struct bytes b = get_blob(q, 1, KEYID_MAX);

	*id = (struct keyid){ .n = (uint8_t)b.n };
	if (b.n > 0)
		memcpy(id->b, b.p, b.n);
}

int64_t
get_alg(struct query *q)
{
	int64_t alg = get_int(q);

	if (aead_of(alg) == NULL)
		q->damaged = true;
	return alg;
}

/* alg is in the row that uses the slot, before the key. */
void
get_symm(struct query *q, struct symm *key)
{
	*key = (struct symm){ .alg = get_alg(q) };
	get_key(q, key);
}

void
get_key(struct query *q, struct symm *key)
{
	struct bytes b = get_blob(q, VAULT_SIZE, VAULT_SIZE);
	const struct aead *aead = aead_of(key->alg);

	if (b.n != VAULT_SIZE || b.p[0] == 0 || b.p[0] > KEY_MAX ||
	    (aead != NULL && b.p[0] != aead->key)) {
		q->damaged = true;
		return;
	}
	key->n = b.p[0];
	memcpy(key->b, b.p + 1, KEY_MAX);
}

/* ---- lists of algorithms: decimals and commas ------------------------- */

void
bind_tokens(struct query *q, const struct tokens *list, char text[TOKENS_TEXT])
{
	size_t n = 0;

	for (uint8_t i = 0; i < list->n && i < MAX_LIST; i++)
		n += (size_t)snprintf(text + n, TOKENS_TEXT - n, "%s%lld",
		    i == 0 ? "" : ",", (long long)list->v[i]);
	bind_text(q, bytes_of(text, n));
}

/* One number of the list; b becomes what is behind it. */
static bool
take_token(struct bytes *b, int64_t *token)
{
	const uint8_t *comma = memchr(b->p, ',', b->n);
	size_t n = comma == NULL ? b->n : (size_t)(comma - b->p);

	if (!decimal_form(bytes_of(b->p, n)) ||
	    !decimal_value(bytes_of(b->p, n), token))
		return false;
	if (comma != NULL && n + 1 == b->n)
		return false;
	n += comma != NULL;
	*b = bytes_of(b->p + n, b->n - n);
	return true;
}

void
get_tokens(struct query *q, struct tokens *list)
{
	struct bytes b = get_bytes(q, SQLITE_TEXT, 0, TOKENS_TEXT - 1);

	*list = (struct tokens){ 0 };
	while (b.n > 0) {
		if (list->n == MAX_LIST || !take_token(&b, &list->v[list->n]) ||
		    word_of(R_ALG, list->v[list->n]) == NULL) {
			*list = (struct tokens){ 0 };
			q->damaged = true;
			return;
		}
		list->n++;
	}
}

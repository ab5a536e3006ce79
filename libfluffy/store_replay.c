/*
 * store_replay.c - (kid, nonce) pairs that were seen (section 6, Replay)
 *
 * The file holds one row for each transaction, with all entries that it
 * recorded.  A process that records keeps every live entry in memory: log has
 * them one after another, as in the rows, and table finds them.  What other
 * processes recorded has larger ids than what was read before.  After a
 * rollback or a pruning, by whomever, all of it is read again.
 */
#include <stdlib.h>

#include "store_sql.h"

/* An entry: the lengths of kid and nonce, kid, nonce. */
#define ENTRY_HEAD 2
#define NONCE_MAX  32
#define ENTRY_MAX  (ENTRY_HEAD + KEYID_MAX + NONCE_MAX)
#define ROW_MAX	   32768	/* bytes of entries in a row that is written */
#define ROW_LIMIT  65536	/* ... in one that is accepted */

void
replays_drop(fluffy_store *s)
{
	struct replays *r = &s->sql->replays;

	free(r->log);
	free(r->table);
	*r = (struct replays){ 0 };
}

/* The entry at p, of which at most max bytes are there; 0: broken. */
static size_t
entry_size(const uint8_t *p, size_t max)
{
	size_t n;

	if (max < ENTRY_HEAD || p[0] == 0 || p[0] > KEYID_MAX || p[1] == 0 ||
	    p[1] > NONCE_MAX)
		return 0;
	n = (size_t)ENTRY_HEAD + p[0] + p[1];
	return n <= max ? n : 0;
}

/* ---- the table -------------------------------------------------------- */

/* Where the entry is, or would be put; there is always a free place. */
static uint32_t *
table_place(const fluffy_store *s, const uint8_t *entry, size_t n)
{
	const struct replays *r = &s->sql->replays;
	size_t mask = r->slots - 1;
	size_t i = (size_t)sip_hash(s->sql->hash_key, entry, n) & mask;

	/* An entry tells its own length: a prefix is never another entry. */
	for (; r->table[i] != 0; i = (i + 1) & mask) {
		size_t at = r->table[i] - 1;

		if (r->n - at >= n && memcmp(r->log + at, entry, n) == 0)
			break;
	}
	return &r->table[i];
}

/* Enters what log has more than the table. */
static void
table_fill(const fluffy_store *s)
{
	struct replays *r = &s->sql->replays;

	while (r->entered < r->n) {
		const uint8_t *entry = r->log + r->entered;
		size_t n = entry_size(entry, r->n - r->entered);
		uint32_t *place;

		if (n == 0)
			return;
		place = table_place(s, entry, n);
		r->used += *place == 0;
		*place = (uint32_t)r->entered + 1;
		r->entered += n;
	}
}

/* At most half of the table is in use, whatever more entries come. */
static bool
table_room(const fluffy_store *s, size_t more)
{
	struct replays *r = &s->sql->replays;
	size_t slots = r->slots == 0 ? 64 : r->slots;
	uint32_t *table;

	while (slots / 2 < r->used + more)
		slots *= 2;
	if (slots == r->slots)
		return true;
	table = calloc(slots, sizeof(*table));
	if (table == NULL)
		return false;
	free(r->table);
	r->table = table;
	r->slots = slots;
	r->used = r->entered = 0;
	table_fill(s);
	return true;
}

static bool
log_room(struct replays *r, size_t more)
{
	size_t cap = r->cap == 0 ? 1024 : r->cap;
	uint8_t *log;

	if (more >= UINT32_MAX - r->n)
		return false;
	while (cap < r->n + more) {
		if (cap > SIZE_MAX / 2)
			return false;
		cap *= 2;
	}
	if (cap == r->cap)
		return true;
	log = realloc(r->log, cap);
	if (log == NULL)
		return false;
	r->log = log;
	r->cap = cap;
	return true;
}

/* ---- reading ---------------------------------------------------------- */

/* How many entries there are; SIZE_MAX when they are broken. */
static size_t
count_entries(struct bytes b)
{
	size_t count = 0;

	for (size_t at = 0; at < b.n; count++) {
		size_t n = entry_size(b.p + at, b.n - at);

		if (n == 0)
			return SIZE_MAX;
		at += n;
	}
	return count;
}

static enum fluffy_error
add_row(fluffy_store *s, struct bytes entries, size_t *count)
{
	struct replays *r = &s->sql->replays;
	size_t n = count_entries(entries);

	if (n == SIZE_MAX)
		return store_damaged(s);
	if (!log_room(r, entries.n))
		return sql_fail(s, SQLITE_NOMEM);
	memcpy(r->log + r->n, entries.p, entries.n);
	r->n += entries.n;
	*count += n;
	return FLUFFY_OK;
}

/* Appends to log what isn't there yet. */
static enum fluffy_error
read_rows(fluffy_store *s, size_t *count)
{
	struct replays *r = &s->sql->replays;
	enum fluffy_error e = FLUFFY_OK, closed;
	struct query q;

	query_open(&q, s, SQL_REPLAYS_SINCE);
	bind_uint(&q, r->seen);
	while (e == FLUFFY_OK && query_step(&q)) {
		uint64_t id = get_uint(&q, INT64_MAX);
		struct bytes entries = get_blob(&q, 1, ROW_LIMIT);

		if (q.damaged)
			break;
		e = add_row(s, entries, count);
		if (e == FLUFFY_OK)
			r->seen = id;
	}
	closed = query_close(&q);
	return e != FLUFFY_OK ? e : closed;
}

static enum fluffy_error
read_more(fluffy_store *s)
{
	struct sql *sql = s->sql;
	struct replays *r = &sql->replays;
	size_t count = 0;
	enum fluffy_error e = read_rows(s, &count);

	if (e == FLUFFY_OK && !table_room(s, count + 1))
		e = sql_fail(s, SQLITE_NOMEM);
	if (e != FLUFFY_OK) {
		replays_drop(s);
		return e;
	}
	table_fill(s);
	r->seen = sql->counters.last_replay;
	r->pruned = sql->counters.pruned;
	r->unsaved = r->n;
	r->loaded = true;
	return FLUFFY_OK;
}

/* Brings the memory up to date with the transaction. */
static enum fluffy_error
catch_up(fluffy_store *s)
{
	struct sql *sql = s->sql;
	struct replays *r = &sql->replays;
	enum fluffy_error e = hash_key_get(s);

	if (e != FLUFFY_OK)
		return e;
	if (r->loaded && r->pruned != sql->counters.pruned)
		replays_drop(s);
	if (r->loaded && r->seen == sql->counters.last_replay)
		return FLUFFY_OK;
	return read_more(s);
}

/* ---- recording -------------------------------------------------------- */

static enum fluffy_error
record(fluffy_store *s, const uint8_t *entry, size_t n, uint64_t until)
{
	struct replays *r = &s->sql->replays;
	uint32_t *place;

	if (!log_room(r, n) || !table_room(s, 1))
		return sql_fail(s, SQLITE_NOMEM);
	place = table_place(s, entry, n);
	if (*place != 0)
		return fluffy_fail(s->ctx, FLUFFY_E_REPLAY, NULL,
		    "this nonce was seen before");
	*place = (uint32_t)r->n + 1;
	r->used++;
	memcpy(r->log + r->n, entry, n);
	r->n += n;
	r->entered = r->n;
	if (until > r->until)
		r->until = until;
	return FLUFFY_OK;
}

enum fluffy_error
store_nonce(fluffy_store *s, struct bytes kid, struct bytes nonce,
    uint64_t until)
{
	uint8_t entry[ENTRY_MAX];
	enum fluffy_error e;

	if (!s->in_transaction || kid.n == 0 || kid.n > KEYID_MAX ||
	    nonce.n == 0 || nonce.n > NONCE_MAX || until > TIME_MAX)
		return store_misused(s, "nonce recorded wrongly");
	e = catch_up(s);
	if (e != FLUFFY_OK)
		return e;
	entry[0] = (uint8_t)kid.n;
	entry[1] = (uint8_t)nonce.n;
	memcpy(entry + ENTRY_HEAD, kid.p, kid.n);
	memcpy(entry + ENTRY_HEAD + kid.n, nonce.p, nonce.n);
	return record(s, entry, ENTRY_HEAD + kid.n + nonce.n, until);
}

/* ---- writing ---------------------------------------------------------- */

/* As many whole entries as fit into a row. */
static size_t
row_size(const uint8_t *p, size_t max)
{
	size_t size = 0;

	while (size < max) {
		size_t n = entry_size(p + size, max - size);

		if (n == 0 || size + n > ROW_MAX)
			break;
		size += n;
	}
	return size;
}

enum fluffy_error
replays_save(fluffy_store *s)
{
	struct sql *sql = s->sql;
	struct replays *r = &sql->replays;

	while (r->unsaved < r->n) {
		size_t n = row_size(r->log + r->unsaved, r->n - r->unsaved);
		enum fluffy_error e;
		struct query q;

		query_open(&q, s, SQL_REPLAY_ADD);
		bind_uint(&q, sql->counters.last_replay + 1);
		bind_uint(&q, r->until);
		bind_blob(&q, bytes_of(r->log + r->unsaved, n));
		e = query_run(&q, NULL);
		if (e != FLUFFY_OK)
			return e;
		r->unsaved += n;
		r->seen = ++sql->counters.last_replay;
		sql->dirty = true;
	}
	r->until = 0;
	return FLUFFY_OK;
}

/*
 * What is forgotten must never be taken for new, not even after the clock was
 * set back and an operator said that it is right.
 */
static enum fluffy_error
note_forgotten(fluffy_store *s, uint64_t now)
{
	uint64_t until = 0;
	struct query q;

	query_open(&q, s, SQL_REPLAY_ENDED);
	bind_uint(&q, now);
	if (query_step(&q))
		until = get_uint(&q, TIME_MAX);
	if (until > s->forgotten) {
		s->forgotten = until;
		s->sql->dirty = true;
	}
	return query_close(&q);
}

enum fluffy_error
replays_prune(fluffy_store *s, uint64_t now, int *dropped)
{
	enum fluffy_error e = replays_save(s);
	struct query q;

	if (e == FLUFFY_OK)
		e = note_forgotten(s, now);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_REPLAY_PRUNE);
	bind_uint(&q, now);
	bind_uint(&q, PRUNE_STEP);
	return query_run(&q, dropped);
}

enum fluffy_error
store_nonces_longer(fluffy_store *s, uint64_t seconds)
{
	enum fluffy_error e;
	struct query q;

	if (!s->in_transaction)
		return store_misused(s, "a change without a transaction");
	if ((e = replays_save(s)) != FLUFFY_OK)
		return e;
	if (s->forgotten > 0)
		s->forgotten += seconds;
	s->sql->dirty = true;
	query_open(&q, s, SQL_REPLAYS_LONGER);
	bind_uint(&q, seconds);
	return query_run(&q, NULL);
}

/* store.c - transactions, the party's own row, pruning */
#include <openssl/crypto.h>

#include "store_sql.h"

#define PRUNE_EVERY  60u
#define PENDING_DAYS 30u
#define SECRET_DAYS  30u
/* Who has a copy isn't forgotten because a clock was ahead for a while. */
#define COPY_DAYS    30u
#define DAY	     86400u

bool
name_set(struct name *name, struct bytes b)
{
	*name = (struct name){ 0 };
	if (b.n > NAME_MAX_ || (b.n > 0 && memchr(b.p, 0, b.n) != NULL))
		return false;
	if (b.n > 0)
		memcpy(name->s, b.p, b.n);
	name->n = b.n;
	return true;
}

/* ---- the party's row -------------------------------------------------- */

static void
get_party(struct query *q, fluffy_store *s)
{
	struct party *p = &s->party;
	struct counters *c = &s->sql->counters;
	bool dk;

	p->role = (enum role)get_uint(q, ROLE_NODE);
	if (p->role < ROLE_SKDC)
		q->damaged = true;
	dk = p->role >= ROLE_ANCHOR;
	get_name(q, &p->realm, dk);
	get_name(q, &p->name, false);
	get_name(q, &p->skdcrealm, dk);
	get_name(q, &p->skdcname, dk);
	s->lifetime = get_uint(q, TIME_MAX);
	s->skew = get_uint(q, TIME_MAX);
	get_tokens(q, &s->etypes);
	s->max_now = get_uint(q, TIME_MAX);
	s->forgotten = get_uint(q, TIME_MAX);
	c->last_keyid = get_uint(q, INT64_MAX);
	c->last_replay = get_uint(q, INT64_MAX);
	c->keys_version = get_uint(q, INT64_MAX);
	c->erasures = get_uint(q, INT64_MAX);
	c->wiped = get_uint(q, INT64_MAX);
	c->pruned = get_uint(q, TIME_MAX);
}

enum fluffy_error
party_load(fluffy_store *s)
{
	enum fluffy_error e;
	struct query q;
	bool found;

	query_open(&q, s, SQL_PARTY);
	found = query_step(&q);
	if (found)
		get_party(&q, s);
	e = query_close(&q);
	return e != FLUFFY_OK || found ? e : store_damaged(s);
}

static enum fluffy_error
party_save(fluffy_store *s)
{
	const struct counters *c = &s->sql->counters;
	char text[TOKENS_TEXT];
	struct query q;

	query_open(&q, s, SQL_PARTY_SET);
	bind_uint(&q, s->lifetime);
	bind_uint(&q, s->skew);
	bind_tokens(&q, &s->etypes, text);
	bind_uint(&q, s->max_now);
	bind_uint(&q, s->forgotten);
	bind_uint(&q, c->last_keyid);
	bind_uint(&q, c->last_replay);
	bind_uint(&q, c->keys_version);
	bind_uint(&q, c->erasures);
	bind_uint(&q, c->pruned);
	return query_run(&q, NULL);
}

/* ---- leaving the write-ahead log -------------------------------------- */

/* When this isn't noted, somebody truncates once more: no error. */
static void
note_wiped(fluffy_store *s, uint64_t erasures)
{
	struct query q;

	query_open(&q, s, SQL_PARTY_WIPED);
	bind_uint(&q, erasures);
	(void)query_step(&q);
	query_drop(&q);
}

/*
 * An erased key is still in the log, and in the file until the log's page is
 * copied into it.  Truncating needs a moment without readers.
 */
static void
leave_log(fluffy_store *s, bool wait)
{
	struct sql *sql = s->sql;
	uint64_t erasures = sql->counters.erasures;
	int rc;

	if (!wait)
		(void)sqlite3_busy_timeout(sql->db, 0);
	rc = sqlite3_wal_checkpoint_v2(sql->db, NULL,
	    SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (!wait)
		(void)sqlite3_busy_timeout(sql->db, BUSY_SECONDS * 1000);
	if (rc == SQLITE_OK)
		note_wiped(s, erasures);
	s->log_left = rc != SQLITE_OK;
}

void
store_leave_log(fluffy_store *s)
{
	if (s->log_left)
		leave_log(s, false);
	if (s->log_left)
		s->ctx->log_left = true;
}

bool
fluffy_log_left(const fluffy_ctx *ctx)
{
	return ctx->log_left;
}

/* ---- transactions ----------------------------------------------------- */

static void
snapshot(fluffy_store *s)
{
	s->sql->at_begin = (struct snapshot){ s->lifetime, s->skew, s->max_now,
		s->forgotten, s->etypes, s->sql->counters };
}

static void
restore(fluffy_store *s)
{
	const struct snapshot *at = &s->sql->at_begin;

	s->lifetime = at->lifetime;
	s->skew = at->skew;
	s->max_now = at->max_now;
	s->forgotten = at->forgotten;
	s->etypes = at->etypes;
	s->sql->counters = at->counters;
}

/*
 * What is written to a file that has lost its name is lost with it, and who
 * opens that name wouldn't see it.
 */
static enum fluffy_error
check_name_kept(fluffy_store *s)
{
	int moved = 0;

	(void)sqlite3_file_control(s->sql->db, "main",
	    SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved == 0 ? FLUFFY_OK : fluffy_fail(s->ctx, FLUFFY_E_STORE,
	    NULL, "%s: removed or replaced while it was open", s->sql->path);
}

enum fluffy_error
store_begin(fluffy_store *s)
{
	struct sql *sql = s->sql;
	enum fluffy_error e;
	struct query q;

	if (s->in_transaction)
		return store_misused(s, "a transaction in a transaction");
	if (s->read_only)
		return fluffy_fail(s->ctx, FLUFFY_E_STORE, NULL,
		    "%s: opened for reading only", sql->path);
	/* Prepared before it is needed: then there may be no memory. */
	query_open(&q, s, SQL_ROLLBACK);
	e = query_close(&q);
	if (e == FLUFFY_OK)
		e = check_name_kept(s);
	if (e == FLUFFY_OK)
		e = sql_plain(s, SQL_BEGIN);
	if (e != FLUFFY_OK)
		return e;
	snapshot(s);
	s->in_transaction = true;
	s->erased = sql->dirty = sql->keys_changed = sql->failed = false;
	e = party_load(s);
	if (e != FLUFFY_OK) {
		store_rollback(s);
		return e;
	}
	snapshot(s);
	if (sql->memos_version != sql->counters.keys_version)
		memo_drop(s);
	sql->memos_version = sql->counters.keys_version;
	return FLUFFY_OK;
}

void
store_rollback(fluffy_store *s)
{
	if (!s->in_transaction)
		return;
	sql_abandon(s);
	restore(s);
	memo_drop(s);
	replays_drop(s);
	s->in_transaction = s->erased = false;
}

/* What the transaction has in memory only. */
static enum fluffy_error
save(fluffy_store *s)
{
	struct sql *sql = s->sql;
	enum fluffy_error e = replays_save(s);

	if (e != FLUFFY_OK)
		return e;
	if (sql->keys_changed)
		sql->counters.keys_version++;
	if (s->erased)
		sql->counters.erasures++;
	if (!sql->dirty && !sql->keys_changed && !s->erased)
		return FLUFFY_OK;
	return party_save(s);
}

enum fluffy_error
store_commit(fluffy_store *s)
{
	struct sql *sql = s->sql;
	enum fluffy_error e;
	bool erased;

	if (!s->in_transaction)
		return store_misused(s, "a commit without a transaction");
	e = sql->failed ? sql_fail(s, SQLITE_ABORT) : save(s);
	if (e == FLUFFY_OK)
		e = sql_plain(s, SQL_COMMIT);
	if (e != FLUFFY_OK) {
		store_rollback(s);
		return e;
	}
	erased = s->erased;
	s->in_transaction = s->erased = false;
	sql->memos_version = sql->counters.keys_version;
	if (erased || sql->counters.erasures > sql->counters.wiped)
		leave_log(s, erased);
	return FLUFFY_OK;
}

enum fluffy_error
store_change(fluffy_store *s, store_fn *change, void *arg)
{
	enum fluffy_error e = store_begin(s);

	if (e != FLUFFY_OK)
		return e;
	e = change(s, arg);
	if (e == FLUFFY_OK)
		e = store_commit(s);
	if (e != FLUFFY_OK)
		store_rollback(s);
	return e;
}

/* ---- the party -------------------------------------------------------- */

void
store_acted_at(fluffy_store *s, uint64_t now)
{
	if (now <= s->max_now || now > TIME_MAX)
		return;
	s->max_now = now;
	s->sql->dirty = true;
}

enum fluffy_error
store_reset_clock(fluffy_store *s)
{
	if (!s->in_transaction)
		return store_misused(s, "a change without a transaction");
	s->max_now = 0;
	s->sql->dirty = true;
	return FLUFFY_OK;
}

enum fluffy_error
store_realm_set(fluffy_store *s)
{
	if (!s->in_transaction)
		return store_misused(s, "a change without a transaction");
	s->sql->dirty = true;
	return FLUFFY_OK;
}

/* ---- pruning ---------------------------------------------------------- */

static enum fluffy_error
prune(fluffy_store *s, enum sql_id id, uint64_t limit, int *dropped)
{
	struct query q;

	query_open(&q, s, id);
	bind_uint(&q, limit);
	bind_uint(&q, PRUNE_STEP);
	return query_run(&q, dropped);
}

static uint64_t
before(uint64_t now, uint64_t seconds)
{
	return now > seconds ? now - seconds : 0;
}

/*
 * Section 9: an SKDC's old key is of no use after its end, a device keeps it
 * for 30 days more, for opening.
 */
static enum fluffy_error
prune_secrets(fluffy_store *s, uint64_t now)
{
	uint64_t kept = s->party.role == ROLE_DEVICE ? SECRET_DAYS * DAY : 0;
	enum fluffy_error e;
	int n = 0;

	e = prune(s, SQL_SECRET_WIPE_ENDED, before(now, kept), &n);
	if (e != FLUFFY_OK || n == 0)
		return e;
	keys_changing(s);
	s->erased = true;
	return prune(s, SQL_SECRET_GONE_ENDED, before(now, kept), &n);
}

/* dropped: the most that any table lost; PRUNE_STEP means that more waits. */
static enum fluffy_error
prune_all(fluffy_store *s, uint64_t now, int *most)
{
	/* what erases comes before what forgets where the key was */
	const struct {
		enum sql_id id;
		uint64_t limit;
		bool erases;
	} steps[] = {
		{ SQL_ISSUED_PRUNE, before(now, DAY), false },
		{ SQL_PENDING_PRUNE, before(now, PENDING_DAYS * DAY), false },
		{ SQL_GONE_PRUNE, now, false },
		{ SQL_SESSION_WIPE_ENDED, before(now, DAY), true },
		{ SQL_SESSION_PRUNE, before(now, DAY), false },
		{ SQL_PAIR_WIPE_ENDED, before(now, DAY), true },
		{ SQL_PAIR_PRUNE, before(now, DAY), false },
		{ SQL_HOLDER_PRUNE, before(now, COPY_DAYS * DAY), false },
		{ SQL_DELETION_PRUNE, before(now, COPY_DAYS * DAY), false },
		{ SQL_DELT_PRUNE, before(now, COPY_DAYS * DAY), false },
		{ SQL_GRPKEY_WIPE_ENDED, now, true },
		{ SQL_GRPKEY_ERASE_ENDED, now, false },
		{ SQL_GRPKEY_PRUNE, before(now, COPY_DAYS * DAY), false },
	};
	enum fluffy_error e = replays_prune(s, now, most);

	if (e == FLUFFY_OK)
		e = prune_secrets(s, now);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		int n = 0;

		if (e == FLUFFY_OK)
			e = prune(s, steps[i].id, steps[i].limit, &n);
		if (steps[i].erases && n > 0)
			s->erased = true;
		if (n > *most)
			*most = n;
	}
	return e;
}

enum fluffy_error
store_prune(fluffy_store *s, uint64_t now)
{
	struct counters *c = &s->sql->counters;
	enum fluffy_error e;
	int most = 0;

	if (!s->in_transaction || now > TIME_MAX)
		return store_misused(s, "pruned wrongly");
	/* A clock that was set back doesn't put it off. */
	if (now >= c->pruned && now - c->pruned < PRUNE_EVERY)
		return FLUFFY_OK;
	e = prune_all(s, now, &most);
	if (most > 0)
		store_acted_at(s, now);
	if (e != FLUFFY_OK || most >= PRUNE_STEP)
		return e;
	c->pruned = now;
	s->sql->dirty = true;
	return FLUFFY_OK;
}

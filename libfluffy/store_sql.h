/*
 * store_sql.h - inside the store: SQLite, statements, caches
 *
 * Only store*.c include this.  Every statement is in store_schema.c.  Copies of
 * keys in SQLite's page cache and registers are wiped where the process is
 * ours (store_memory.c); the caches of this library always are.
 */
#ifndef FLUFFY_STORE_SQL_H
#define FLUFFY_STORE_SQL_H

#include <sqlite3.h>

#include "store.h"
#include "store_schema.h"

#define BUSY_SECONDS	10
#define TIME_MAX	((uint64_t)1 << 53)
#define PRUNE_STEP	1000	/* records dropped at a time */
#define TOKENS_TEXT	256	/* more than a list of ten numbers needs */

/* The party row, beside what the store struct shows of it. */
struct counters {
	uint64_t last_keyid;	/* the largest ever given out */
	uint64_t last_replay;	/* id of the newest row of replays */
	uint64_t keys_version;	/* grows when what is memorized changes */
	uint64_t erasures;	/* transactions that erased a key ... */
	uint64_t wiped;		/* ... and how many left the WAL since */
	uint64_t pruned;	/* when store_prune was last done */
};

/* What a rollback restores. */
struct snapshot {
	uint64_t lifetime, skew, max_now, forgotten;
	struct tokens etypes;
	struct counters counters;
};

/* store_replay.c: every live (kid, nonce), in the order of recording. */
struct replays {
	uint8_t *log;
	size_t n, cap;
	uint32_t *table;	/* 1 + offset in log; 0 is free */
	size_t slots, used;
	size_t entered;		/* bytes of log that are in the table */
	size_t unsaved;		/* offset of what isn't in the file yet */
	uint64_t until;		/* the largest of those */
	uint64_t seen;		/* the newest row in log */
	uint64_t pruned;	/* counters.pruned when loaded */
	bool loaded;
};

struct sql {
	sqlite3 *db;
	sqlite3_stmt *st[N_SQL];
	char *path;		/* as the caller named it */
	int64_t format;		/* less than STORE_FORMAT: to be upgraded */
	struct counters counters;
	struct snapshot at_begin;
	bool keep_log;		/* closing leaves a log that was there */
	bool dirty;		/* the party row has to be written */
	bool keys_changed;
	bool failed;		/* inside a transaction: it can't commit */
	uint64_t hash_key[2];	/* of the tables in memory */
	bool hash_keyed;
	struct memo **memos;	/* store_memo.c */
	size_t places, n_memos;
	uint64_t memos_version;	/* counters.keys_version that they show */
	struct keyid lowest_secret;	/* of their kids; n = 0: unknown */
	int64_t rules;		/* how many rules; -1: unknown */
	struct replays replays;
};

/* ---- store_sql.c ------------------------------------------------------- */

/*
 * One use of a statement: open, bind the parameters in order, step, get the
 * columns in order, close.  Errors stick until close, which reports them;
 * a column that can't be what this library wrote makes the store "damaged".
 * A bound pointer has to stay until close.
 */
struct query {
	fluffy_store *store;
	sqlite3_stmt *st;
	int rc, param, column;
	bool damaged;
};

void query_open(struct query *, fluffy_store *, enum sql_id);
void bind_uint(struct query *, uint64_t);
void bind_int(struct query *, int64_t);
void bind_null(struct query *);
void bind_text(struct query *, struct bytes);
void bind_blob(struct query *, struct bytes);
void bind_tokens(struct query *, const struct tokens *, char text[TOKENS_TEXT]);
bool query_step(struct query *);	/* is there a row? */
bool get_null(struct query *);		/* true: skipped a NULL */
uint64_t get_uint(struct query *, uint64_t max);
int64_t get_int(struct query *);
bool get_bool(struct query *);
void get_name(struct query *, struct name *, bool may_be_empty);
struct bytes get_blob(struct query *, size_t min, size_t max);
struct bytes get_text(struct query *, size_t min, size_t max);
void get_keyid(struct query *, struct keyid *);
/* A content encryption that is known here. */
int64_t get_alg(struct query *);
void get_symm(struct query *, struct symm *);
/* The key alone; as long as its alg wants it, unless that is none. */
void get_key(struct query *, struct symm *);
void get_tokens(struct query *, struct tokens *);
FLUFFY_CHECKED enum fluffy_error query_close(struct query *);
/* For changes: steps once and closes.  changed may be NULL. */
FLUFFY_CHECKED enum fluffy_error query_run(struct query *, int *changed);

/* Closes without a report. */
void query_drop(struct query *);

/* Records what SQLite's result code means for this store. */
enum fluffy_error sql_fail(fluffy_store *, int rc);
enum fluffy_error store_damaged(fluffy_store *);
/* A call that isn't allowed in this state: a mistake of the caller. */
enum fluffy_error store_misused(fluffy_store *, const char *what);
/* The same as begin and commit, without their bookkeeping. */
FLUFFY_CHECKED enum fluffy_error sql_plain(fluffy_store *, enum sql_id);
/* Rolls SQLite's transaction back, if there is one. */
void sql_abandon(fluffy_store *);
void sql_finalize(struct sql *);

/* ---- store_skdc.c ------------------------------------------------------ */

/* A keyid that an SKDC gave out is a number; false: it never did. */
bool keyid_number(struct bytes keyid, uint64_t *number);
struct keyid keyid_from(uint64_t number);
void bind_keyid(struct query *, const struct keyid *);

/* ---- store_group.c ----------------------------------------------------- */

/* The columns of GROUP_COLUMNS. */
void get_group(struct query *, struct arena *, struct group *);

/* ---- store.c ----------------------------------------------------------- */

FLUFFY_CHECKED enum fluffy_error party_load(fluffy_store *);

/* ---- store_file.c ------------------------------------------------------ */

/* A store without a file; path is for error texts.  NULL: no memory. */
fluffy_store *store_new(fluffy_ctx *, const char *path);
void store_free(fluffy_store *);
/* The name by which SQLite opens the file at path; NULL: no memory. */
char *plain_name(const char *path);
/* name is freed; NULL: there was no memory for it. */
FLUFFY_CHECKED enum fluffy_error store_connect(fluffy_store *, char *name,
    int flags);
void store_disconnect(fluffy_store *);
FLUFFY_CHECKED enum fluffy_error store_open_existing(fluffy_store *);

/* ---- store_kid.c ------------------------------------------------------- */

#define SECRET_KID    4	/* bytes (section 4) */
#define SESSION_KEYID 8

/* What has a kid: a device's secrets, the session keys of a client. */
enum kid_kind { KIDS_SECRET, KIDS_CLIENT };

/*
 * A search for one, which finds the nearest: begin, step, get the columns (the
 * kid is the first), end.  It has to stay until the end.
 */
struct kid_search {
	struct query q;
	struct keyid wanted;
	uint8_t bound[KEYID_MAX + 1];
};

/* Is it as long as such kids are?  That is no secret. */
bool kid_possible(enum kid_kind, struct bytes kid);
/* Of a kid that is possible. */
FLUFFY_CHECKED enum fluffy_error kid_search(struct kid_search *,
    fluffy_store *, enum kid_kind, struct bytes kid);
/* nearest: the one in the row; zeros: there was no row. */
FLUFFY_CHECKED enum fluffy_error kid_search_end(struct kid_search *,
    const struct keyid *nearest, bool *found);

/* ---- store_memo.c ------------------------------------------------------ */

/* SipHash-2-4. */
uint64_t sip_hash(const uint64_t key[2], const void *, size_t n);
FLUFFY_CHECKED enum fluffy_error hash_key_get(fluffy_store *);

/*
 * What was looked up in the transactions since the last change of secrets,
 * devices or rules.  Only used inside a transaction, whose begin has compared
 * counters.keys_version; forgotten by every change and every rollback.
 */
enum memo_kind { MEMO_SECRETS, MEMO_OWNER, MEMO_DEVICE, MEMO_SEALS };

/* NULL when it isn't known; unaligned. */
const void *memo_find(fluffy_store *, enum memo_kind, struct bytes key,
    size_t *n);
/* Does nothing when there is no memory. */
void memo_put(fluffy_store *, enum memo_kind, struct bytes key,
    const void *value, size_t n);
void memo_drop(fluffy_store *);
/* Secrets, devices or rules are being changed. */
void keys_changing(fluffy_store *);

/* ---- store_replay.c ---------------------------------------------------- */

FLUFFY_CHECKED enum fluffy_error replays_save(fluffy_store *);
FLUFFY_CHECKED enum fluffy_error replays_prune(fluffy_store *, uint64_t now,
    int *dropped);
void replays_drop(fluffy_store *);

/* ---- store_secret.c ---------------------------------------------------- */

/* Puts a key into a slot of the vault. */
FLUFFY_CHECKED enum fluffy_error vault_put(fluffy_store *,
    const struct symm *, int64_t *slot);
/* Runs a statement that erases slots; its one parameter is a text or not. */
FLUFFY_CHECKED enum fluffy_error vault_erase(fluffy_store *, struct query *);

/* A new kid: 4 bytes for which that statement finds nothing. */
FLUFFY_CHECKED enum fluffy_error new_kid(fluffy_store *, enum sql_id known,
    struct keyid *);

/* ---- store_pair.c ------------------------------------------------------ */

/* Puts a pair, in any encoding, into a slot of the safe. */
FLUFFY_CHECKED enum fluffy_error safe_put(fluffy_store *, struct bytes,
    int64_t *slot);
/* A column of the safe. */
struct bytes get_cell(struct query *);

/* The public keydata of a pair's row; NULL when it is damaged. */
FLUFFY_CHECKED enum fluffy_error get_public(struct query *, struct arena *,
    struct keydata **);

#endif

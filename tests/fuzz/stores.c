/* stores.c - what the targets with stores share */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../answer.h"
#include "pkey.h"
#include "store_sql.h"
#include "stores.h"

static char directory[64];
static pid_t owner;

static void
remove_directory(void)
{
	char command[100];

	/* libFuzzer forks: only who made it removes it */
	if (getpid() != owner)
		return;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	if (system(command) != 0)
		perror(directory);
}

const char *
fuzz_directory(void)
{
	struct stat st;
	bool memory = stat("/dev/shm", &st) == 0 && S_ISDIR(st.st_mode) &&
	    access("/dev/shm", W_OK) == 0;

	if (directory[0] != '\0')
		return directory;
	(void)snprintf(directory, sizeof(directory), "%s/fluffy-fuzz-XXXXXX",
	    memory ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(directory) != NULL);
	owner = getpid();
	(void)atexit(remove_directory);
	return directory;
}

void
fuzz_path(char path[PATH_ROOM], const char *file)
{
	(void)snprintf(path, PATH_ROOM, "%s/%s", fuzz_directory(), file);
}

/* ---- a life -------------------------------------------------------------- */

#define MOST_ALIVE 4

static fluffy_store *alive[MOST_ALIVE];

static bool
is_alive(const fluffy_store *s)
{
	for (size_t i = 0; i < MOST_ALIVE; i++)
		if (s != NULL && alive[i] == s)
			return true;
	return false;
}

static fluffy_store *
alive_at(const char *path)
{
	for (size_t i = 0; i < MOST_ALIVE; i++)
		if (alive[i] != NULL && strcmp(alive[i]->sql->path, path) == 0)
			return alive[i];
	return NULL;
}

static enum fluffy_error
run(fluffy_store *s, const char *sql)
{
	int rc = sqlite3_exec(s->sql->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? FLUFFY_OK : sql_fail(s, rc);
}

void
life_begin(fluffy_store *s)
{
	size_t i = 0;

	while (i < MOST_ALIVE && alive[i] != NULL)
		i++;
	CHECK(i < MOST_ALIVE);
	must(run(s, "BEGIN IMMEDIATE"));
	alive[i] = s;
}

void
life_end(fluffy_store *s)
{
	store_rollback(s);
	for (size_t i = 0; i < MOST_ALIVE; i++)
		if (alive[i] == s)
			alive[i] = NULL;
	must(run(s, "ROLLBACK"));
	memo_drop(s);
	replays_drop(s);
	must(party_load(s));
}

enum fluffy_error __real_sql_plain(fluffy_store *, enum sql_id);
enum fluffy_error __wrap_sql_plain(fluffy_store *, enum sql_id);
void __real_sql_abandon(fluffy_store *);
void __wrap_sql_abandon(fluffy_store *);
int __real_sqlite3_wal_checkpoint_v2(sqlite3 *, const char *, int, int *,
    int *);
int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *, const char *, int, int *,
    int *);

enum fluffy_error
__wrap_sql_plain(fluffy_store *s, enum sql_id id)
{
	return !is_alive(s) ? __real_sql_plain(s, id) :
	    run(s, id == SQL_COMMIT ? "RELEASE step" : "SAVEPOINT step");
}

void
__wrap_sql_abandon(fluffy_store *s)
{
	if (is_alive(s))
		must(run(s, "ROLLBACK TO step; RELEASE step"));
	else
		__real_sql_abandon(s);
}

/* SQLite does none in a transaction. */
int
__wrap_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode,
    int *n_log, int *n_done)
{
	for (size_t i = 0; i < MOST_ALIVE; i++)
		if (alive[i] != NULL && alive[i]->sql->db == db)
			return SQLITE_OK;
	return __real_sqlite3_wal_checkpoint_v2(db, name, mode, n_log, n_done);
}

enum fluffy_error __real_fluffy_store_open(fluffy_ctx *, const char *,
    unsigned, fluffy_store **);
enum fluffy_error __wrap_fluffy_store_open(fluffy_ctx *, const char *,
    unsigned, fluffy_store **);
enum fluffy_error __real_fluffy_dk_open(fluffy_ctx *, const char *, unsigned,
    fluffy_store **);
enum fluffy_error __wrap_fluffy_dk_open(fluffy_ctx *, const char *, unsigned,
    fluffy_store **);
void __real_fluffy_store_close(fluffy_store **);
void __wrap_fluffy_store_close(fluffy_store **);

enum fluffy_error
__wrap_fluffy_store_open(fluffy_ctx *ctx, const char *path, unsigned flags,
    fluffy_store **s)
{
	*s = alive_at(path);
	return *s != NULL ? FLUFFY_OK :
	    __real_fluffy_store_open(ctx, path, flags, s);
}

enum fluffy_error
__wrap_fluffy_dk_open(fluffy_ctx *ctx, const char *path, unsigned flags,
    fluffy_store **s)
{
	*s = alive_at(path);
	return *s != NULL ? FLUFFY_OK :
	    __real_fluffy_dk_open(ctx, path, flags, s);
}

void
__wrap_fluffy_store_close(fluffy_store **s)
{
	if (s == NULL || !is_alive(*s)) {
		__real_fluffy_store_close(s);
		return;
	}
	store_rollback(*s);
	*s = NULL;
}

/* ---- pairs that the library makes ---------------------------------------- */

enum fluffy_error __real_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);
enum fluffy_error __wrap_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);

/* Of each type the same pair every time, keyid apart. */
enum fluffy_error
__wrap_pkey_generate(fluffy_ctx *ctx, struct arena *arena, int64_t kty,
    int64_t alg, struct bytes keyid, struct keydata **out)
{
	static struct arena kept;
	static struct keydata *pairs[8];
	struct keydata *k;
	size_t i = 0;

	while (pairs[i] != NULL &&
	    (pairs[i]->kty != kty || pairs[i]->alg != alg))
		i++;
	if (pairs[i] == NULL)
		pairs[i] = fuzz_pair(&kept, kty, alg, BYTES(""), false);
	if (pairs[i] == NULL)
		must(__real_pkey_generate(ctx, &kept, kty, alg, BYTES(""),
		    &pairs[i]));
	if ((k = arena_alloc(arena, sizeof(*k))) == NULL)
		return fluffy_fail_memory(ctx);
	*k = *pairs[i];
	k->keyid = arena_dup(arena, keyid);
	*out = k;
	return FLUFFY_OK;
}

/* ---- parties ------------------------------------------------------------- */

fluffy_store *
make_skdc(void)
{
	char path[PATH_ROOM];
	fluffy_store *skdc;

	fuzz_path(path, "skdc.db");
	must(fluffy_store_init(fuzz_ctx(), path, "home", "skdc", &skdc));
	return skdc;
}

fluffy_store *
make_device(fluffy_store *skdc, const char *name, struct secret *secret)
{
	char path[PATH_ROOM];
	fluffy_msg *enrol;
	fluffy_store *s;

	fuzz_path(path, name);
	must(fluffy_enrol(skdc, name, NULL, &enrol));
	must(fluffy_join(fuzz_ctx(), path, enrol));
	must(fluffy_store_open(fuzz_ctx(), path, 0, &s));
	if (secret != NULL)
		must(store_secret_by_kid(s, enrol->keydata->keyid, secret));
	fluffy_msg_free(&enrol);
	return s;
}

void
prune_now(fluffy_store *s)
{
	must(store_begin(s));
	must(store_prune(s, FUZZ_NOW));
	must(store_commit(s));
}

/* Of an ERROR a check may fail, and yet nothing is refused. */
static void
note_check(void *arg, enum fluffy_type type, const char *name,
    enum fluffy_error verdict)
{
	bool *over = arg;

	(void)type;
	CHECK(name[0] != '\0');
	CHECK(!*over || verdict == FLUFFY_END);
	*over = verdict != FLUFFY_OK;
}

enum fluffy_error
explained(fluffy_store *s, fluffy_msg *in)
{
	fluffy_outcome outcome;
	enum fluffy_error e;
	bool over = false;

	fluffy_ctx_set_checked(fuzz_ctx(), note_check, &over);
	e = fluffy_explain(s, in, &outcome);
	fluffy_ctx_set_checked(fuzz_ctx(), NULL, NULL);
	if (e != FLUFFY_OK) {
		check_why(e);
		CHECK(over);
	}
	return e;
}

fluffy_msg *
ask(fluffy_store *skdc, fluffy_msg *req, enum fluffy_error expected)
{
	fluffy_msg *out;

	must(fluffy_skdc_begin(skdc));
	CHECK(answer_one(skdc, req, &out) == expected);
	must(fluffy_skdc_commit(skdc));
	CHECK(out != NULL);
	fluffy_msg_free(&req);
	return out;
}

/* ---- messages that are kept ---------------------------------------------- */

fluffy_bytes
keep(fluffy_msg *msg)
{
	fluffy_bytes kept = cbor_of(msg);

	fluffy_msg_free(&msg);
	return kept;
}

fluffy_msg *
copy(fluffy_bytes kept)
{
	fluffy_msg *msg;

	must(fluffy_msg_read(fuzz_ctx(), kept.data, kept.len, &msg));
	return msg;
}

bool
is_same(fluffy_bytes kept, const fluffy_msg *msg)
{
	fluffy_bytes now = cbor_of(msg);
	bool same = bytes_eq(bytes_of(kept.data, kept.len),
	    bytes_of(now.data, now.len));

	fluffy_bytes_free(&now);
	return same;
}

fluffy_msg *
changed_copy(fluffy_bytes kept, enum fluffy_format format, struct feed *in)
{
	fluffy_msg *msg = copy(kept);
	fluffy_bytes bytes;
	enum fluffy_error e;
	uint8_t *p;
	size_t n;

	must(fluffy_msg_write(fuzz_ctx(), msg, format, 0, &bytes));
	fluffy_msg_free(&msg);
	p = mutate(in, bytes_of(bytes.data, bytes.len), &n);
	e = fluffy_msg_read(fuzz_ctx(), p, n, &msg);
	if (e != FLUFFY_OK)
		check_why(e);
	free(p);
	fluffy_bytes_free(&bytes);
	return msg;
}

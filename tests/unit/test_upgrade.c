/*
 * test_upgrade.c - stores of format 1, which knew neither groups nor pairs
 */
#include "pairs.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "policy.h"

/* What format 1 has. */
static const char others[] = "SELECT name FROM sqlite_master "
    "WHERE type = 'table' AND name NOT IN ('party', 'vault', 'secret', "
    "'device', 'rule', 'replay', 'issued', 'pending', 'session', 'gone')";

static void
run(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		print_error("%s: %s\n", sql, why);
	assert_null(why);
}

static sqlite3 *
raw(const char *path)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static int64_t
number(const char *path, const char *sql)
{
	sqlite3 *db = raw(path);
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return n;
}

static int64_t
format_of(const char *path)
{
	return number(path, "PRAGMA user_version");
}

/* The store as the version before would have left it. */
static void
age(const char *path)
{
	sqlite3 *db = raw(path);
	char drop[20][60];
	sqlite3_stmt *st;
	int i, n = 0;

	assert_int_equal(sqlite3_prepare_v2(db, others, -1, &st, NULL),
	    SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		(void)snprintf(drop[n++], sizeof(drop[0]), "DROP TABLE %s",
		    (const char *)sqlite3_column_text(st, 0));
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	assert_true(n >= 10);
	for (i = 0; i < n; i++)
		run(db, drop[i]);
	run(db, "PRAGMA user_version = 1");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(format_of(path), 1);
}

static void
skdc_path(const struct world *w, char path[100])
{
	(void)snprintf(path, 100, "%s/skdc.db", w->dir);
}

/* All of them, which nobody has open. */
static void
age_all(struct world *w)
{
	char path[100];
	int i;

	fluffy_store_close(&w->skdc);
	skdc_path(w, path);
	age(path);
	for (i = 0; i < N_DEVICES; i++) {
		fluffy_store_close(&w->device[i].store);
		age(w->device[i].path);
	}
}

static void
an_old_store_is_upgraded_and_works(void **state)
{
	struct world *w = *state;
	struct exchange whole = whole_exchange(w, SENSOR, LOCK), half;
	struct keyid key = last_key(w);
	char path[100];

	half = half_exchange(w, SENSOR, LOCK);
	must(w->ctx, fluffy_deny(w->skdc, "lamp", "sensor"));
	age_all(w);
	reopen(w);
	skdc_path(w, path);
	assert_int_equal(format_of(path), 2);
	assert_int_equal(format_of(LOCK->path), 2);
	/* what was known still is */
	assert_true(has_key(w, LOCK, &key, AS_SERVICE));
	assert_true(has_key(w, SENSOR, &key, AS_CLIENT));
	ask_refused(w, &whole.req, FLUFFY_E_REPLAY);
	step_refused(w, LOCK, &whole.estb, FLUFFY_E_REPLAY);
	half.ack = stepped(w, LOCK, &half.estb);
	(void)stepped(w, SENSOR, &half.ack);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	assert_listed(w, w->skdc, "denied lamp sensor\n");
	/* and what is new works */
	honest(w);
	honest_group(w);
	honest_pair(w);
	{
		struct wires delts = requested(w, &key);

		assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
		answer_quietly(w, &delts.v[0]);
		answer_quietly(w, &delts.v[1]);
		wires_free(&delts);
	}
	reopen(w);
	honest_group(w);
	exchange_free(&whole);
	exchange_free(&half);
}

/* An upgraded store is what a new one is. */
static void
an_upgraded_store_looks_like_a_new_one(void **state)
{
	static const char all[] = "SELECT sum(length(sql)) + count(*) "
	    "FROM sqlite_master";
	struct world *w = *state;
	int64_t before = number(LOCK->path, all);

	age_all(w);
	assert_true(number(LOCK->path, all) < before);
	reopen(w);
	assert_int_equal(number(LOCK->path, all), before);
}

static void
an_old_store_is_not_read_only(void **state)
{
	struct world *w = *state;
	fluffy_store *s = (fluffy_store *)(uintptr_t)1;
	char path[100];

	age_all(w);
	skdc_path(w, path);
	expect(w, fluffy_store_open(w->ctx, path, FLUFFY_READ_ONLY, &s),
	    FLUFFY_E_STORE);
	assert_null(s);
	assert_non_null(strstr(fluffy_why(w->ctx).text, "older version"));
	assert_int_equal(format_of(path), 1);
	assert_int_equal(number(path, "SELECT count(*) FROM sqlite_master "
	    "WHERE name = 'grp'"), 0);
	reopen(w);
	must(w->ctx, fluffy_store_open(w->ctx, path, FLUFFY_READ_ONLY, &s));
	fluffy_store_close(&s);
}

/* Half an upgrade is none. */
static void
an_upgrade_that_fails_changes_nothing(void **state)
{
	struct world *w = *state;
	fluffy_store *s;
	sqlite3 *db;

	age_all(w);
	db = raw(LOCK->path);
	run(db, "CREATE TABLE pair(x)");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	expect(w, fluffy_store_open(w->ctx, LOCK->path, 0, &s),
	    FLUFFY_E_STORE);
	assert_null(s);
	assert_int_equal(format_of(LOCK->path), 1);
	assert_int_equal(number(LOCK->path, "SELECT count(*) FROM "
	    "sqlite_master WHERE name = 'grp'"), 0);
	db = raw(LOCK->path);
	run(db, "DROP TABLE pair");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	reopen(w);
	honest_group(w);
}

static void
other_formats_are_refused(void **state)
{
	static const struct {
		const char *sql, *text;
	} cases[] = {
		{ "PRAGMA user_version = 3", "newer version" },
		{ "PRAGMA user_version = 0", "damaged" },
		{ "PRAGMA user_version = -1", "damaged" }
	};
	struct world *w = *state;
	fluffy_store *s;
	sqlite3 *db;
	size_t i;
	unsigned flags;

	fluffy_store_close(&LOCK->store);
	for (i = 0; i < 3; i++) {
		db = raw(LOCK->path);
		run(db, cases[i].sql);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		for (flags = 0; flags <= FLUFFY_READ_ONLY; flags++) {
			expect(w, fluffy_store_open(w->ctx, LOCK->path, flags,
			    &s), FLUFFY_E_STORE);
			assert_null(s);
			assert_non_null(strstr(fluffy_why(w->ctx).text,
			    cases[i].text));
		}
	}
	db = raw(LOCK->path);
	run(db, "PRAGMA user_version = 2");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	reopen(w);
	honest(w);
}

#define CHILDREN 6

/* Of several processes one does it, and all go on. */
static void
many_may_upgrade_at_once(void **state)
{
	struct world *w = *state;
	pid_t child[CHILDREN];
	int i, k, status;

	for (k = 0; k < 5; k++) {
		age_all(w);
		for (i = 0; i < CHILDREN; i++) {
			child[i] = fork();
			assert_true(child[i] >= 0);
			if (child[i] == 0) {
				fluffy_store *s;

				_exit(fluffy_store_open(w->ctx, LOCK->path, 0,
				    &s) == FLUFFY_OK ? 0 : 1);
			}
		}
		for (i = 0; i < CHILDREN; i++) {
			assert_int_equal(waitpid(child[i], &status, 0),
			    child[i]);
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 0);
		}
		assert_int_equal(format_of(LOCK->path), 2);
		reopen(w);
	}
	honest_group(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(an_old_store_is_upgraded_and_works),
		IN_CBOR(an_upgraded_store_looks_like_a_new_one),
		IN_CBOR(an_old_store_is_not_read_only),
		IN_CBOR(an_upgrade_that_fails_changes_nothing),
		IN_CBOR(other_formats_are_refused),
		IN_CBOR(many_may_upgrade_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

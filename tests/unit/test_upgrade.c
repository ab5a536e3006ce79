/*
 * test_upgrade.c - stores of format 1, which knew neither groups nor pairs, and
 * of format 2, which knew nothing of section 11, and of format 3
 */
#include "pairs.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "policy.h"
#include "store_schema.h"

/* What the later formats have. */
static const char *const added[] = {
	NULL, NULL,
	/* 2 */
	"DROP TABLE grp; DROP TABLE named; DROP TABLE verdict;"
	"DROP TABLE grpkey; DROP TABLE holder; DROP TABLE deletion;"
	"DROP TABLE delt; DROP TABLE safe; DROP TABLE pair; DROP TABLE ca",
	/* 3 */
	"DROP TABLE anchor; DROP TABLE spent; DROP TABLE revoked;"
	"DROP TABLE node; DROP TABLE credential",
	/* 4 */
	"DROP INDEX secret_live",
	/* 5 */
	"DROP INDEX secret_live; CREATE INDEX secret_live ON secret(kid)"
	" WHERE slot IS NOT NULL",
	/* 6 */
	"DROP INDEX session_key; DROP INDEX secret_live;"
	"CREATE INDEX secret_live ON secret(CAST(kid || x'00' AS BLOB))"
	" WHERE slot IS NOT NULL"
};

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

/* The store as a version before would have left it. */
static void
age(const char *path, int format)
{
	sqlite3 *db = raw(path);
	char mark[40];
	int i;

	for (i = STORE_FORMAT; i > format; i--)
		run(db, added[i]);
	(void)snprintf(mark, sizeof(mark), "PRAGMA user_version = %d",
	    format);
	run(db, mark);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(format_of(path), format);
}

static void
skdc_path(const struct world *w, char path[100])
{
	(void)snprintf(path, 100, "%s/skdc.db", w->dir);
}

/* All of them, which nobody has open. */
static void
age_all(struct world *w, int format)
{
	char path[100];
	int i;

	fluffy_store_close(&w->skdc);
	skdc_path(w, path);
	age(path, format);
	for (i = 0; i < N_DEVICES; i++) {
		fluffy_store_close(&w->device[i].store);
		age(w->device[i].path, format);
	}
}

static void
upgrades_and_works(struct world *w, int format)
{
	struct exchange whole = whole_exchange(w, SENSOR, LOCK), half;
	struct keyid key = last_key(w);
	char path[100];

	half = half_exchange(w, SENSOR, LOCK);
	must(w->ctx, fluffy_deny(w->skdc, "lamp", "sensor"));
	age_all(w, format);
	reopen(w);
	skdc_path(w, path);
	assert_int_equal(format_of(path), STORE_FORMAT);
	assert_int_equal(format_of(LOCK->path), STORE_FORMAT);
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

static void
a_store_of_format_1_is_upgraded_and_works(void **state)
{
	upgrades_and_works(*state, 1);
}

static void
a_store_of_format_2_is_upgraded_and_works(void **state)
{
	upgrades_and_works(*state, 2);
}

/* An upgraded store is what a new one is. */
static void
an_upgraded_store_looks_like_a_new_one(void **state)
{
	static const char all[] = "SELECT sum(length(sql)) + count(*) "
	    "FROM sqlite_master";
	struct world *w = *state;
	int64_t before = number(LOCK->path, all);
	int format;

	for (format = 1; format < STORE_FORMAT; format++) {
		age_all(w, format);
		assert_true(number(LOCK->path, all) < before);
		reopen(w);
		assert_int_equal(number(LOCK->path, all), before);
	}
}

/* Whose store it is comes first: fluffy-dk changes nothing in another's. */
static void
a_store_is_not_upgraded_by_others(void **state)
{
	struct world *w = *state;
	int format;

	for (format = 1; format < STORE_FORMAT; format++) {
		fluffy_store *s = (fluffy_store *)(uintptr_t)1;

		age_all(w, format);
		expect(w, fluffy_dk_open(w->ctx, LOCK->path, 0, &s),
		    FLUFFY_E_USAGE);
		assert_null(s);
		assert_int_equal(format_of(LOCK->path), format);
		reopen(w);
	}
	honest(w);
}

static void
an_old_store_is_not_read_only(void **state)
{
	struct world *w = *state;
	fluffy_store *s = (fluffy_store *)(uintptr_t)1;
	char path[100];

	age_all(w, 2);
	skdc_path(w, path);
	expect(w, fluffy_store_open(w->ctx, path, FLUFFY_READ_ONLY, &s),
	    FLUFFY_E_STORE);
	assert_null(s);
	assert_non_null(strstr(fluffy_why(w->ctx).text, "older version"));
	assert_int_equal(format_of(path), 2);
	assert_int_equal(number(path, "SELECT count(*) FROM sqlite_master "
	    "WHERE name = 'anchor'"), 0);
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

	age_all(w, 1);
	db = raw(LOCK->path);
	run(db, "CREATE TABLE spent(x)");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	expect(w, fluffy_store_open(w->ctx, LOCK->path, 0, &s),
	    FLUFFY_E_STORE);
	assert_null(s);
	assert_int_equal(format_of(LOCK->path), 1);
	assert_int_equal(number(LOCK->path, "SELECT count(*) FROM "
	    "sqlite_master WHERE name = 'grp'"), 0);
	db = raw(LOCK->path);
	run(db, "DROP TABLE spent");
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
		{ "PRAGMA user_version = 7", "newer version" },
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
	run(db, "PRAGMA user_version = 6");
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
		age_all(w, 1 + k % 2);
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
		assert_int_equal(format_of(LOCK->path), STORE_FORMAT);
		reopen(w);
	}
	honest_group(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(a_store_of_format_1_is_upgraded_and_works),
		IN_BOTH(a_store_of_format_2_is_upgraded_and_works),
		IN_CBOR(an_upgraded_store_looks_like_a_new_one),
		IN_CBOR(a_store_is_not_upgraded_by_others),
		IN_CBOR(an_old_store_is_not_read_only),
		IN_CBOR(an_upgrade_that_fails_changes_nothing),
		IN_CBOR(other_formats_are_refused),
		IN_CBOR(many_may_upgrade_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

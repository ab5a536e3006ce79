/*
 * test_durable.c - a commit is on the disk, a new store's name in its directory
 *
 * Whether what is synced can be lost is SQLite's to prove; whether it is told
 * to sync is ours.
 */
#include "world.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "store_sql.h"

/* ---- what is synced ------------------------------------------------------ */

static unsigned files, directories;

int __real_fsync(int);
int __wrap_fsync(int);

int
__wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	files += S_ISREG(st.st_mode);
	directories += S_ISDIR(st.st_mode);
	return __real_fsync(fd);
}

static int
pragma(fluffy_store *s, const char *text)
{
	sqlite3_stmt *st;
	int value;

	assert_int_equal(sqlite3_prepare_v2(s->sql->db, text, -1, &st, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	value = sqlite3_column_int(st, 0);
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	return value;
}

/* With NORMAL the last commits may be lost, and with them what was seen. */
static void
every_commit_waits_for_the_disk(void **state)
{
	struct world *w = *state;
	fluffy_store *s;
	char path[100];
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(pragma(w->skdc, "PRAGMA synchronous"), 2);
		assert_int_equal(pragma(SENSOR->store, "PRAGMA synchronous"),
		    2);
		assert_int_equal(pragma(w->skdc, "PRAGMA secure_delete"), 1);
		reopen(w);
	}
	(void)snprintf(path, sizeof(path), "%s/ta.db", w->dir);
	{
		fluffy_msg *prov;

		must(w->ctx, fluffy_dk_provision(w->ctx, path,
		    &(fluffy_dk_provision_params){ .rs = "door" }, &prov));
		fluffy_msg_free(&prov);
	}
	must(w->ctx, fluffy_dk_open(w->ctx, path, 0, &s));
	assert_int_equal(pragma(s, "PRAGMA synchronous"), 2);
	fluffy_store_close(&s);
}

/* Its name too, before anything is promised. */
static void
a_new_store_is_synced_with_its_directory(void **state)
{
	struct world *w = *state;
	fluffy_store *s;

	files = directories = 0;
	s = new_skdc(w, "new.db", "home", "skdc");
	assert_true(files > 0);
	assert_true(directories > 0);
	fluffy_store_close(&s);
	honest(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CBOR(every_commit_waits_for_the_disk),
		IN_CBOR(a_new_store_is_synced_with_its_directory)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

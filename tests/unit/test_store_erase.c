/* test_store_erase.c - the store: erased keys leave all files */
#include "store_fixture.h"

/* ---- erasing ---------------------------------------------------------- */

#define KEYS 400

static void
expect_on_disk(const bool *alive)
{
	struct buffer b = all_bytes();

	for (unsigned i = 0; i < KEYS; i++) {
		if (has_key(buffer_view(&b), i) != alive[i])
			print_error("key %u\n", i);
		assert_int_equal(has_key(buffer_view(&b), i), alive[i]);
	}
	buffer_free(&b);
}

/* Keys come and go in a wild order; the file knows only those that are. */
static void
erased_secrets_leave_the_files(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *other = open_store(0);
	struct secret x[KEYS];
	bool alive[KEYS] = { false };
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 12; round++) {
		must(store_begin(s));
		for (int n = 0; n < 60; n++) {
			unsigned i = (seed = seed * 1103515245 + 12345) >> 16;
			char owner[40];

			i %= KEYS;
			(void)snprintf(owner, sizeof(owner), "device %u", i);
			if (alive[i] && i % 3 == 0)
				must(store_device_remove(s, str(owner)));
			else if (alive[i])
				must(store_secret_erase(s,
				    keyid_bytes(&x[i].kid)));
			else
				x[i] = add_secret(s, owner, i);
			if (!alive[i])
				(void)!store_device_add(s, str(owner));
			alive[i] = !alive[i];
		}
		must(store_commit(s));
		expect_on_disk(alive);
	}
	fluffy_store_close(&s);
	expect_on_disk(alive);
	fluffy_store_close(&other);
	expect_on_disk(alive);
	assert_int_equal(files(), 1);
}

static void
erased_sessions_leave_the_files(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	bool alive[KEYS] = { false };

	(void)state;
	must(store_begin(s));
	for (unsigned i = 0; i < KEYS; i++) {
		struct session x = session(i, i % 2 == 1);

		if (i % 4 == 0)
			x.endtime = NOW;
		must(store_session_add(s, &x));
		alive[i] = true;
	}
	must(store_commit(s));
	expect_on_disk(alive);
	must(store_begin(s));
	for (unsigned i = 1; i < KEYS; i += 4) {
		struct session x = session(i, false);

		must(store_session_erase(s, keyid_bytes(&x.keyid)));
		alive[i] = false;
	}
	must(store_commit(s));
	expect_on_disk(alive);
	/* replaced by another key */
	must(store_begin(s));
	for (unsigned i = 2; i < KEYS; i += 4) {
		struct session x = session(i, false);

		x.key = key(9999);
		must(store_session_add(s, &x));
		alive[i] = false;
	}
	must(store_commit(s));
	expect_on_disk(alive);
	must(store_begin(s));
	must(store_prune(s, NOW + DAY));
	must(store_commit(s));
	for (unsigned i = 0; i < KEYS; i += 4)
		alive[i] = false;
	expect_on_disk(alive);
	fluffy_store_close(&s);
	expect_on_disk(alive);
}

static void
rolled_back_key_was_never_written(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct session x = session(7, false);

	(void)state;
	must(store_begin(s));
	must(store_session_add(s, &x));
	for (unsigned i = 0; i < 3000; i++) {
		struct session y = session(i + 8, false);

		must(store_session_add(s, &y));
	}
	assert_false(on_disk(7));
	store_rollback(s);
	assert_false(on_disk(7));
	fluffy_store_close(&s);
	assert_false(on_disk(7));
}

static int
ignore_row(void *arg, int n, char **values, char **names)
{
	(void)arg;
	(void)n;
	(void)values;
	(void)names;
	return 0;
}

/* A reader holds the log: the eraser is told, and the next commit does it. */
static void
reader_delays_erasing(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE), *t;
	struct session x = session(7, false);
	sqlite3 *db;

	(void)state;
	must(store_begin(s));
	must(store_session_add(s, &x));
	must(store_commit(s));
	assert_int_equal(sqlite3_open(PATH, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM party",
	    ignore_row, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(s->sql->db, 50), SQLITE_OK);
	must(store_begin(s));
	must(store_session_erase(s, keyid_bytes(&x.keyid)));
	assert_false(s->log_left);
	must(store_commit(s));
	assert_true(s->log_left);
	assert_true(on_disk(7));
	t = open_store(0);
	must(store_begin(t));
	must(store_commit(t));	/* doesn't wait for the reader */
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL),
	    SQLITE_OK);
	must(store_begin(t));
	must(store_commit(t));
	assert_false(on_disk(7));
	must(store_begin(t));
	assert_int_equal(t->sql->counters.erasures, t->sql->counters.wiped);
	must(store_commit(t));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	fluffy_store_close(&s);
	fluffy_store_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(erased_secrets_leave_the_files),
		T(erased_sessions_leave_the_files),
		T(rolled_back_key_was_never_written),
		T(reader_delays_erasing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_store_damage.c - the store: spoilt files, and no memory */
#include "store_fixture.h"

/* ---- damage ----------------------------------------------------------- */

static enum fluffy_error
refuse_entry(enum fluffy_error now, enum fluffy_error before)
{
	return before == FLUFFY_E_STORE ? before : now;
}

static int
walk(void *arg, const fluffy_entry *entry)
{
	size_t *n = arg;

	*n += entry->keyid_len + (entry->name ? strlen(entry->name) : 0);
	return 0;
}

/* Everything that reads; FLUFFY_E_STORE when anything was damaged. */
static enum fluffy_error
read_all(void)
{
	struct keyid id = session(1, false).keyid;
	struct bytes keyid = keyid_bytes(&id);
	struct secret secret, v[4];
	struct session session_;
	struct symm key;
	struct pending pending;
	struct device device;
	fluffy_store *s;
	size_t n = 0;
	bool b;
	enum fluffy_error e = fluffy_store_open(ctx, PATH, 0, &s);

	if (e != FLUFFY_OK)
		return e;
	e = refuse_entry(fluffy_list(s, walk, &n), e);
	e = refuse_entry(store_secrets_of(s, str("lamp"), v, 4, &n), e);
	e = refuse_entry(store_secret_by_kid(s, str("kid1"), &secret), e);
	e = refuse_entry(store_device(s, str("lamp"), &device), e);
	e = refuse_entry(store_session(s, keyid, false, &session_), e);
	e = refuse_entry(store_session_key(s, keyid, &key, &b), e);
	e = refuse_entry(store_pending(s, str("12345678"), &pending), e);
	e = refuse_entry(store_gone(s, str("k"), &b), e);
	e = refuse_entry(store_begin(s), e);
	if (s->in_transaction) {
		e = refuse_entry(store_nonce(s, str("k"), str("other"), NOW),
		    e);
		e = refuse_entry(store_denied(s, str("a"), str("b"), &b), e);
		e = refuse_entry(store_device_remove(s, str("lamp")), e);
		e = refuse_entry(store_session_erase(s, keyid), e);
		e = refuse_entry(store_prune(s, NOW + 40 * DAY), e);
		e = refuse_entry(store_commit(s), e);
	}
	fluffy_store_close(&s);
	return e;
}

static void
fill(fluffy_store *s)
{
	struct secret x = { .kid = { .n = 4, .b = "kid1" },
		.owner = name("lamp"), .key = key(1) };
	struct session y = session(1, false);
	struct pending p = { .type = FLUFFY_PSK_REQ, .nonce_n = 8,
		.nonce = "12345678", .time = NOW, .service = name("door") };
	struct issued i = { .client = name("lamp"), .service = name("door"),
		.alg = 10, .authtime = NOW, .endtime = NOW };

	must(store_begin(s));
	must(store_device_add(s, str("lamp")));
	must(store_secret_add(s, &x));
	must(store_session_add(s, &y));
	must(store_pending_add(s, &p));
	must(store_gone_add(s, str("k"), NOW + 1));
	must(store_deny_add(s, str("lamp"), str("gate")));
	must(store_new_keyid(s, NOW, &i.keyid));
	must(store_issued_add(s, &i));
	must(store_nonce(s, str("k"), str("n"), NOW));
	must(store_commit(s));
}

static void
damage_is_told(enum role role, const char *const *spoils)
{
	for (; *spoils != NULL; spoils++) {
		fluffy_store *s = create(role);
		enum fluffy_error e;

		fill(s);
		fluffy_store_close(&s);
		raw(*spoils);
		e = read_all();
		if (e != FLUFFY_E_STORE)
			print_error("not noticed: %s\n", *spoils);
		assert_int_equal(e, FLUFFY_E_STORE);
		remove_files();
	}
}

static void
damaged_skdc_store(void **state)
{
	static const char *const spoils[] = {
		"DELETE FROM party", "DROP TABLE party", "DROP TABLE replay",
		"UPDATE party SET role = 5", "UPDATE party SET role = 'x'",
		"UPDATE party SET name = ''", "UPDATE party SET name = x'31'",
		"UPDATE party SET realm = x'6869'",
		"UPDATE party SET name = 'a' || char(27) || 'b'",
		"UPDATE party SET name = 'a' || char(0) || 'b'",
		"UPDATE party SET name = CAST(x'c0af' AS TEXT)",
		"UPDATE party SET name = printf('%.300c', 'x')",
		"UPDATE party SET lifetime = -1",
		"UPDATE party SET skew = 9e99",
		"UPDATE party SET max_now = 9223372036854775807",
		"UPDATE party SET etypes = '1,'",
		"UPDATE party SET etypes = ',1'",
		"UPDATE party SET etypes = '01'",
		"UPDATE party SET etypes = '1,4711'",
		"UPDATE party SET etypes = '1,1,1,1,1,1,1,1,1,1,1'",
		"UPDATE party SET etypes = '99999999999999999999'",
		"UPDATE secret SET kid = x''",
		"UPDATE secret SET kid = zeroblob(33)",
		"UPDATE secret SET kid = 5", "UPDATE secret SET alg = 'x'",
		"UPDATE secret SET alg = 9", "UPDATE secret SET alg = 2",
		"UPDATE secret SET endtime = -1",
		"UPDATE vault SET key = x'' WHERE slot = 1",
		"UPDATE vault SET key = zeroblob(33) WHERE slot = 1",
		"UPDATE vault SET key = "
		    "CAST(x'21' || zeroblob(32) AS BLOB)",
		"UPDATE vault SET key = zeroblob(34)",
		"UPDATE vault SET key = zeroblob(100000)",
		"UPDATE vault SET key = zeroblob(2000000)",
		"UPDATE vault SET key = 'text'",
		"UPDATE device SET lifetime = -5",
		"UPDATE device SET etypes = zeroblob(4)",
		"UPDATE issued SET client = printf('%.256c', 'x')",
		"UPDATE issued SET keyid = -1",
		"UPDATE issued SET authtime = 1e300",
		"UPDATE rule SET client = x'00'",
		"UPDATE replay SET entries = zeroblob(9)",
		"UPDATE replay SET entries = x'0401'",
		"UPDATE replay SET entries = "
		    "CAST(x'2101' || zeroblob(40) AS BLOB)",
		"UPDATE replay SET entries = "
		    "CAST(x'0121' || zeroblob(40) AS BLOB)",
		"UPDATE replay SET entries = zeroblob(70000)",
		"UPDATE replay SET entries = 7", NULL
	};

	(void)state;
	damage_is_told(ROLE_SKDC, spoils);
}

static void
damaged_device_store(void **state)
{
	static const char *const spoils[] = {
		"UPDATE session SET keyid = zeroblob(50)",
		"UPDATE session SET service = 7",
		"UPDATE session SET peer = ''",
		"UPDATE session SET realm = zeroblob(4)",
		"UPDATE session SET established = -1",
		"UPDATE session SET authtime = 'now'",
		"UPDATE session SET alg = x'01'",
		"UPDATE session SET alg = -7", "UPDATE session SET alg = 31",
		"UPDATE pending SET nonce = zeroblob(33)",
		"UPDATE pending SET service = char(10)",
		"UPDATE pending SET seqnum = 4294967296",
		"UPDATE pending SET keyid = zeroblob(33)",
		"UPDATE pending SET etypes = 'ten'",
		"UPDATE pending SET kty = 'SYMM'",
		"UPDATE gone SET keyid = zeroblob(64)",
		NULL
	};

	(void)state;
	damage_is_told(ROLE_DEVICE, spoils);
}

/* A store that brings its own programs: they aren't run. */
static void
triggers_and_views_are_inert(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct device d;

	(void)state;
	fluffy_store_close(&s);
	raw("CREATE TRIGGER t AFTER INSERT ON device BEGIN "
	    "UPDATE device SET lifetime = 666; END");
	s = open_store(0);
	must(store_begin(s));
	must(store_device_add(s, str("a")));
	must(store_device(s, str("a"), &d));
	assert_int_equal(d.lifetime, 0);
	must(store_commit(s));
	fluffy_store_close(&s);
	raw("ALTER TABLE device RENAME TO other; "
	    "CREATE VIEW device AS SELECT * FROM other");
	s = open_store(0);
	refused(store_device(s, str("a"), &d), FLUFFY_E_STORE, "damaged");
	fluffy_store_close(&s);
}

/* Bytes of the file change: any answer will do, but no crash and no key. */
static void
flipped_bytes_never_crash(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	unsigned seed = 42;
	uint8_t *good;
	size_t n;

	(void)state;
	fill(s);
	fluffy_store_close(&s);
	n = slurp(PATH, &good);
	for (int round = 0; round < 400; round++) {
		uint8_t *bad = malloc(n);
		size_t length = n;

		assert_non_null(bad);
		memcpy(bad, good, n);
		for (int flips = 0; flips < 1 + round % 8; flips++) {
			size_t at;

			seed = seed * 1103515245 + 12345;
			at = (seed >> 8) % n;
			/* most of a page is free: prefer what is used */
			for (int i = 0; i < 4000 && bad[at] == 0; i++)
				at = (at + 1) % n;
			bad[at] ^= (uint8_t)(1 + (seed >> 4) % 255);
		}
		if (round % 10 == 0)
			length = (seed >> 6) % n;
		remove_files();
		spew(PATH, bad, length);
		(void)!read_all();
		free(bad);
	}
	free(good);
}

/* ---- no memory -------------------------------------------------------- */

static sqlite3_mem_methods real;
static int allocations, fails_at;	/* 0: never */

static bool
fails(void)
{
	return ++allocations == fails_at;
}

static void *
failing_malloc(int n)
{
	return fails() ? NULL : real.xMalloc(n);
}

static void *
failing_realloc(void *p, int n)
{
	return fails() ? NULL : real.xRealloc(p, n);
}

static void
fail_sometimes(void)
{
	sqlite3_mem_methods methods;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real),
	    SQLITE_OK);
	methods = real;
	methods.xMalloc = failing_malloc;
	methods.xRealloc = failing_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods),
	    SQLITE_OK);
}

/* All of it or nothing. */
static enum fluffy_error
change_all(void)
{
	fluffy_store *s;
	struct secret x = { .kid = { .n = 4, .b = "kid2" },
		.owner = name("lamp"), .key = key(2) }, v[4];
	size_t n = 0;
	enum fluffy_error e = fluffy_store_open(ctx, PATH, 0, &s);

	if (e != FLUFFY_OK)
		return e;
	e = store_begin(s);
	if (e == FLUFFY_OK)
		e = store_prune(s, NOW);
	if (e == FLUFFY_OK)
		e = store_nonce(s, str("k"), str("more"), NOW);
	if (e == FLUFFY_OK)
		e = store_secret_add(s, &x);
	if (e == FLUFFY_OK)
		e = store_secrets_of(s, str("lamp"), v, 4, &n);
	if (e == FLUFFY_OK)
		e = store_secret_sealed(s, str("kid2"));
	if (e == FLUFFY_OK)
		e = store_secret_erase(s, str("kid1"));
	if (e == FLUFFY_OK)
		e = store_commit(s);
	else
		store_rollback(s);
	if (e == FLUFFY_OK)
		e = fluffy_list(s, walk, &n);
	fluffy_store_close(&s);
	return e;
}

static void
every_allocation_may_fail(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	enum fluffy_error e = FLUFFY_E_MEMORY;
	uint8_t *good;
	size_t n;

	(void)state;
	fill(s);
	fluffy_store_close(&s);
	n = slurp(PATH, &good);
	for (int at = 1; e != FLUFFY_OK || allocations >= fails_at; at++) {
		struct secret x;
		bool added, erased;

		remove_files();
		spew(PATH, good, n);
		allocations = 0;
		fails_at = at;
		e = change_all();
		fails_at = 0;
		if (e != FLUFFY_OK && e != FLUFFY_E_STORE)
			assert_int_equal(e, FLUFFY_E_MEMORY);
		s = open_store(0);
		added = store_secret_by_kid(s, str("kid2"), &x) == FLUFFY_OK;
		erased = store_secret_by_kid(s, str("kid1"), &x) != FLUFFY_OK;
		assert_int_equal(added, erased);
		must(store_begin(s));
		assert_int_equal(store_nonce(s, str("k"), str("more"), NOW),
		    added ? FLUFFY_E_REPLAY : FLUFFY_OK);
		store_rollback(s);
		fluffy_store_close(&s);
		fails_at = at;
		assert_true(at < 20000);
	}
	print_message("# %d allocations\n", allocations);
	fails_at = 0;
	free(good);
}

static enum fluffy_error
find_session(fluffy_store *s, unsigned i, bool *found)
{
	struct keyid id = session(i, false).keyid;
	struct symm key;

	return store_session_key(s, keyid_bytes(&id), &key, found);
}

static enum fluffy_error
find_secret(fluffy_store *s, unsigned i, bool *found)
{
	const char kid[] = { 'k', 'i', 'd', (char)i, '\0' };
	struct secret secret;

	return store_secret_find(s, str(kid), &secret, found);
}

/* Who looks for another key finds it, or learns that it isn't there (section 6). */
static void
a_damaged_key_is_in_nobodys_way(void **state)
{
	static enum fluffy_error (*const find[])(fluffy_store *, unsigned,
	    bool *) = { find_session, find_secret };
	fluffy_store *s = create(ROLE_DEVICE);
	bool found;

	(void)state;
	must(store_begin(s));
	for (unsigned i = 1; i < 9; i += 3) {
		struct session x = session(i, false);
		struct secret y = { .owner = name("lamp"), .key = key(i) };

		y.kid = (struct keyid){ .n = 4,
			.b = { 'k', 'i', 'd', (uint8_t)i } };
		must(store_session_add(s, &x));
		must(store_secret_add(s, &y));
	}
	must(store_commit(s));
	fluffy_store_close(&s);
	/* the lowest of all, and the second */
	raw("UPDATE session SET keyid = x'' WHERE id = 1;"
	    "UPDATE session SET alg = 99 WHERE id = 2;"
	    "UPDATE secret SET kid = x'' WHERE ord = 1;"
	    "UPDATE secret SET alg = 99 WHERE ord = 2");
	s = open_store(0);
	for (size_t i = 0; i < 4; i++) {
		if (i == 2)
			must(store_begin(s));
		must(find[i % 2](s, 7, &found));
		assert_true(found);
		must(find[i % 2](s, 5, &found));
		assert_false(found);
		must(find[i % 2](s, 1, &found));
		assert_false(found);
		refused(find[i % 2](s, 4, &found), FLUFFY_E_STORE, "damaged");
	}
	store_rollback(s);
	fluffy_store_close(&s);
}

/* What a power loss leaves when it cuts a checkpoint short. */
static void
spew_torn(const uint8_t *file, size_t n, const uint8_t *log, size_t n_log)
{
	uint8_t *torn = malloc(n);

	assert_non_null(torn);
	memcpy(torn, file, n);
	memset(torn, 0xa5, 512);
	spew("torn.db", torn, n);
	spew("torn.db-wal", log, n_log);
	free(torn);
}

static void
torn_first_page_is_in_the_log(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *torn;
	uint8_t *file, *log;
	size_t n, n_log;
	struct secret last, found;

	(void)state;
	must(store_begin(s));
	for (unsigned i = 0; i < 500; i++)
		last = add_secret(s, "lamp", i);
	must(store_commit(s));
	n = slurp(PATH, &file);
	n_log = slurp(PATH "-wal", &log);
	spew_torn(file, n, log, n_log);
	must(fluffy_store_open(ctx, "torn.db", 0, &torn));
	must(store_secret_by_kid(torn, keyid_bytes(&last.kid), &found));
	fluffy_store_close(&torn);
	/* without a log, or with another's, it might be anything */
	spew_torn(file, n, log, 32);
	refused(fluffy_store_open(ctx, "torn.db", 0, &torn), FLUFFY_E_STORE,
	    "not a fluffy store");
	memset(log + 8, 0, 4);
	spew_torn(file, n, log, n_log);
	refused(fluffy_store_open(ctx, "torn.db", 0, &torn), FLUFFY_E_STORE,
	    "not a fluffy store");
	free(file);
	free(log);
	fluffy_store_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(damaged_skdc_store), T(damaged_device_store),
		T(a_damaged_key_is_in_nobodys_way),
		T(triggers_and_views_are_inert), T(flipped_bytes_never_crash),
		T(every_allocation_may_fail),
		T(torn_first_page_is_in_the_log),
	};

	fail_sometimes();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

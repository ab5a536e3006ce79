/*
 * test_store_dk.c - the store: what trust anchors, resource servers and clients
 * keep
 */
#include "store_fixture.h"

#include "spki.h"

static struct arena arena;

static int
setup_dk(void **state)
{
	memset(&arena, 0, sizeof(arena));
	return setup(state);
}

static int
teardown_dk(void **state)
{
	arena_free(&arena);
	return teardown(state);
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, setup_dk, teardown_dk)

static fluffy_store *
create_dk(enum role role)
{
	struct party p = { .role = role,
		.name = name(role == ROLE_ANCHOR ? "TA" : "door") };
	fluffy_store *s;

	must(store_create(ctx, PATH, &p, NULL, NULL, &s));
	return s;
}

static fluffy_store *
open_dk(unsigned flags)
{
	fluffy_store *s;

	must(fluffy_dk_open(ctx, PATH, flags, &s));
	return s;
}

static struct symm
plain_key(unsigned i)
{
	struct symm k = key(i);

	k.alg = 0;
	return k;
}

static struct anchor
anchor_of(fluffy_store *s, const char *ta, const char *rs, unsigned i)
{
	struct anchor a = { .ta = name(ta), .rs = name(rs),
		.key = plain_key(i) };

	must(store_anchor_keyid(s, &a.keyid));
	if (s->party.role == ROLE_NODE)
		a.window.size = 64;
	return a;
}

/* In a transaction of its own. */
static void
put(fluffy_store *s, struct anchor *a)
{
	must(store_begin(s));
	must(store_anchor_put(s, a));
	must(store_commit(s));
}

static void
assert_same(const struct anchor *a, const struct anchor *b)
{
	assert_int_equal(a->id, b->id);
	assert_string_equal(a->ta.s, b->ta.s);
	assert_string_equal(a->rs.s, b->rs.s);
	assert_true(bytes_eq(keyid_bytes(&a->keyid), keyid_bytes(&b->keyid)));
	assert_true(bytes_eq(symm_bytes(&a->key), symm_bytes(&b->key)));
	assert_int_equal(a->window.right, b->window.right);
	assert_int_equal(a->window.size, b->window.size);
	assert_memory_equal(a->window.bits, b->window.bits,
	    sizeof(a->window.bits));
	assert_int_equal(a->trusted, b->trusted);
}

static void
assert_anchor(fluffy_store *s, const struct anchor *expected)
{
	struct anchor a;

	must(store_anchor(s, name_bytes(&expected->ta),
	    name_bytes(&expected->rs), &a));
	assert_same(&a, expected);
	anchor_wipe(&a);
}

/* ---- anchors -------------------------------------------------------------- */

static void
anchors_are_kept(void **state)
{
	fluffy_store *s = create_dk(ROLE_NODE);
	struct anchor a[2], *all, none;
	size_t n;

	(void)state;
	a[0] = anchor_of(s, "TB", "door", 1);
	a[0].window.size = 33;
	a[0].window.right = UINT32_MAX;
	a[0].window.bits[4] = 1;
	a[1] = anchor_of(s, "TA", "door", 2);
	a[1].key.n = 32;
	memset(a[1].key.b, 0xee, 32);
	refused(store_anchor(s, str("TB"), str("door"), &none),
	    FLUFFY_E_NOT_FOUND, "no such trust anchor");
	put(s, &a[0]);
	put(s, &a[1]);
	fluffy_store_close(&s);
	s = open_dk(FLUFFY_READ_ONLY);
	assert_anchor(s, &a[0]);
	assert_anchor(s, &a[1]);
	refused(store_anchor(s, str("TB"), str("gate"), &none),
	    FLUFFY_E_NOT_FOUND, "no such trust anchor");
	assert_int_equal(none.key.n, 0);
	must(store_anchors(s, &arena, &all, &n));
	assert_int_equal(n, 2);
	assert_same(&all[0], &a[1]);
	assert_same(&all[1], &a[0]);
	fluffy_store_close(&s);
}

static void
a_key_never_comes_back(void **state)
{
	fluffy_store *s = create_dk(ROLE_ANCHOR);
	struct anchor a = anchor_of(s, "TA", "door", 1), again;

	(void)state;
	put(s, &a);
	must(store_begin(s));
	again = anchor_of(s, "TA", "lamp", 1);
	refused(store_anchor_put(s, &again), FLUFFY_E_EXISTS, "before");
	again = anchor_of(s, "TA", "door", 2);
	must(store_anchor_put(s, &again));
	assert_int_equal(again.id, a.id);
	again = anchor_of(s, "TA", "door", 1);
	refused(store_anchor_put(s, &again), FLUFFY_E_EXISTS, "before");
	must(store_commit(s));
	again = anchor_of(s, "TA", "door", 2);
	must(store_begin(s));
	refused(store_anchor_put(s, &again), FLUFFY_E_EXISTS, "before");
	store_rollback(s);
	/* a key that was rolled back was never there */
	again = anchor_of(s, "TA", "door", 3);
	must(store_begin(s));
	must(store_anchor_put(s, &again));
	store_rollback(s);
	put(s, &again);
	assert_anchor(s, &again);
	fluffy_store_close(&s);
}

static int
same_keyid(void *arg, uint8_t *out, size_t n)
{
	unsigned *calls = arg;

	memset(out, (*calls)++ < 2 ? 0x11 : 0x22, n);
	return 0;
}

static int
only_keyid(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	memset(out, 0x11, n);
	return 0;
}

static void
keyids_never_come_back(void **state)
{
	fluffy_store *s = create_dk(ROLE_ANCHOR);
	unsigned calls = 0;
	struct anchor a;
	struct keyid id;

	(void)state;
	fluffy_ctx_set_random(ctx, same_keyid, &calls);
	a = anchor_of(s, "TA", "door", 1);
	assert_int_equal(a.keyid.n, 4);
	assert_int_equal(a.keyid.b[0], 0x11);
	put(s, &a);
	a = anchor_of(s, "TA", "door", 2);
	assert_int_equal(a.keyid.b[0], 0x22);
	assert_int_equal(calls, 3);
	put(s, &a);
	fluffy_ctx_set_random(ctx, only_keyid, NULL);
	refused(store_anchor_keyid(s, &id), FLUFFY_E_SYSTEM, "no new kid");
	fluffy_store_close(&s);
}

static void
windows_are_moved(void **state)
{
	fluffy_store *s = create_dk(ROLE_NODE);
	struct anchor a = anchor_of(s, "TA", "door", 1),
	    other = anchor_of(s, "TB", "door", 3);
	static const uint32_t numbers[] = { 1, 36, 37, 100, 101, UINT32_MAX };
	uint32_t *all;
	size_t i, n;
	bool revoked;

	(void)state;
	put(s, &a);
	must(store_begin(s));
	for (i = 0; i < 6; i++) {
		must(store_revoked_add(s, &a, numbers[i]));
		must(store_revoked_add(s, &a, numbers[i]));
	}
	must(store_commit(s));
	must(store_revoked_all(s, &arena, &a, &all, &n));
	assert_int_equal(n, 6);
	assert_memory_equal(all, numbers, sizeof(numbers));
	must(store_begin(s));
	a.window.right = 100;
	a.window.bits[7] = 0x80;
	must(store_anchor_moved(s, &a));
	must(store_commit(s));
	assert_anchor(s, &a);
	/* 36 and what is left of it */
	must(store_revoked_all(s, &arena, &a, &all, &n));
	assert_int_equal(n, 4);
	assert_memory_equal(all, numbers + 2, 4 * sizeof(*numbers));
	must(store_revoked(s, &a, 37, &revoked));
	assert_true(revoked);
	must(store_revoked(s, &a, 36, &revoked));
	assert_false(revoked);
	put(s, &other);
	must(store_revoked(s, &other, 37, &revoked));
	assert_false(revoked);
	/* a new key forgets all */
	a = anchor_of(s, "TA", "door", 2);
	put(s, &a);
	must(store_revoked_all(s, &arena, &a, &all, &n));
	assert_int_equal(n, 0);
	assert_anchor(s, &a);
	fluffy_store_close(&s);
}

static void
a_trust_anchor_keeps_what_it_revoked(void **state)
{
	fluffy_store *s = create_dk(ROLE_ANCHOR);
	struct anchor a = anchor_of(s, "TA", "door", 1);
	uint32_t *all;
	size_t n;

	(void)state;
	put(s, &a);
	must(store_begin(s));
	must(store_revoked_add(s, &a, 1));
	a.window.right = UINT32_MAX;
	must(store_anchor_moved(s, &a));
	must(store_commit(s));
	must(store_revoked_all(s, &arena, &a, &all, &n));
	assert_int_equal(n, 1);
	assert_anchor(s, &a);
	fluffy_store_close(&s);
}

static void
public_keys_stay(void **state)
{
	fluffy_store *s = create_dk(ROLE_ANCHOR);
	struct anchor a = anchor_of(s, "TA", "door", 1);
	struct bytes der;

	(void)state;
	put(s, &a);
	must(store_rs_key(s, &arena, &a, &der));
	assert_int_equal(der.n, 0);
	must(store_begin(s));
	must(store_rs_key_set(s, &a, str("public")));
	must(store_commit(s));
	a.trusted = true;
	assert_anchor(s, &a);
	a = anchor_of(s, "TA", "door", 2);
	put(s, &a);
	assert_true(a.trusted);
	assert_anchor(s, &a);
	must(store_rs_key(s, &arena, &a, &der));
	assert_true(bytes_eq(der, str("public")));
	fluffy_store_close(&s);
}

/* ---- credentials ------------------------------------------------------------- */

static struct credential
derived_from(unsigned i, const char *rs, uint32_t number)
{
	return (struct credential){ .ta = name("TA"), .rs = name(rs),
		.number = number, .nonce = str("DK.TA.phone.1"),
		.key = plain_key(i) };
}

static void
add(fluffy_store *s, struct credential *c)
{
	must(store_begin(s));
	must(store_credential_add(s, c));
	must(store_commit(s));
}

static void
credentials_are_kept(void **state)
{
	fluffy_store *s = create_dk(ROLE_NODE);
	struct credential c = derived_from(1, "door", 7), d, e, *all,
	    gate = derived_from(2, "gate", 1);
	size_t n;

	(void)state;
	d = (struct credential){ .ta = name("TA"), .rs = name("door"),
		.number = 3, .maccert = str("maccert"),
		.rs_key = str("rs key") };
	add(s, &gate);
	add(s, &c);
	add(s, &d);
	fluffy_store_close(&s);
	s = open_dk(0);
	must(store_credential_next(s, &arena, str("door"), 0, &e));
	assert_int_equal(e.id, d.id);
	assert_int_equal(e.number, 3);
	assert_true(bytes_eq(e.maccert, d.maccert));
	assert_true(bytes_eq(e.rs_key, d.rs_key));
	assert_int_equal(e.key.n, 0);
	assert_int_equal(e.nonce.n, 0);
	must(store_credential_next(s, &arena, str("door"), e.id, &e));
	assert_int_equal(e.id, c.id);
	assert_true(bytes_eq(e.nonce, c.nonce));
	assert_true(bytes_eq(symm_bytes(&e.key), symm_bytes(&c.key)));
	refused(store_credential_next(s, &arena, str("door"), e.id, &e),
	    FLUFFY_E_NOT_FOUND, "no other credential is left");
	assert_int_equal(e.id, 0);
	must(store_credentials(s, &arena, &all, &n));
	assert_int_equal(n, 3);
	assert_int_equal(all[0].id, d.id);
	assert_int_equal(all[1].key.n, 0);
	must(store_begin(s));
	refused(store_credential_add(s, &c), FLUFFY_E_EXISTS, "before");
	refused(store_credential_add(s, &d), FLUFFY_E_EXISTS, "before");
	must(store_credential_erase(s, c.id));
	must(store_credential_erase(s, d.id));
	refused(store_credential_erase(s, d.id), FLUFFY_E_NOT_FOUND,
	    "no such credential");
	refused(store_credential_add(s, &c), FLUFFY_E_EXISTS, "before");
	refused(store_credential_add(s, &d), FLUFFY_E_EXISTS, "before");
	must(store_commit(s));
	must(store_credentials(s, &arena, &all, &n));
	assert_int_equal(n, 1);
	fluffy_store_close(&s);
}

static void
the_own_pair_is_replaced(void **state)
{
	fluffy_store *s = create_dk(ROLE_NODE);
	struct credential c = { .ta = name("TA"), .rs = name("door"),
		.number = 3, .maccert = str("m"), .rs_key = str("k") }, d;
	struct bytes pair;

	(void)state;
	must(store_own_pair(s, &arena, &pair));
	assert_int_equal(pair.n, 0);
	must(store_begin(s));
	must(store_own_pair_set(s, str("the first private key")));
	must(store_commit(s));
	add(s, &c);
	c = derived_from(1, "door", 1);
	add(s, &c);
	must(store_begin(s));
	must(store_own_pair_set(s, str("the second private key")));
	must(store_commit(s));
	must(store_own_pair(s, &arena, &pair));
	assert_true(bytes_eq(pair, str("the second private key")));
	must(store_credential_next(s, &arena, str("door"), 0, &d));
	assert_int_equal(d.id, c.id);
	refused(store_credential_next(s, &arena, str("door"), d.id, &d),
	    FLUFFY_E_NOT_FOUND, "no other credential");
	fluffy_store_close(&s);
}

/* ---- erasing -------------------------------------------------------------------- */

static bool
text_on_disk(const char *text)
{
	struct buffer b = all_bytes();
	bool found = memmem(b.p, b.n, text, strlen(text)) != NULL;

	buffer_free(&b);
	return found;
}

#define KEYS 60

static void
erased_keys_leave_the_files(void **state)
{
	fluffy_store *s = create_dk(ROLE_NODE), *other = open_dk(0);
	struct credential c[KEYS];
	struct anchor a;

	(void)state;
	for (unsigned i = 0; i < KEYS; i++) {
		c[i] = derived_from(i, "door", i + 1);
		add(s, &c[i]);
	}
	for (unsigned i = 0; i < KEYS; i += 2) {
		must(store_begin(s));
		must(store_credential_erase(s, c[i].id));
		must(store_commit(s));
		assert_false(on_disk(i));
		assert_true(on_disk(i + 1));
	}
	for (unsigned i = 0; i < 5; i++) {
		a = anchor_of(s, "TA", "door", KEYS + i);
		put(s, &a);
		assert_true(on_disk(KEYS + i));
		if (i > 0)
			assert_false(on_disk(KEYS + i - 1));
	}
	must(store_begin(s));
	must(store_own_pair_set(s, str("the first private key")));
	must(store_commit(s));
	assert_true(text_on_disk("the first private key"));
	must(store_begin(s));
	must(store_own_pair_set(s, str("second")));
	must(store_commit(s));
	assert_false(text_on_disk("first private"));
	assert_false(text_on_disk("private key"));
	fluffy_store_close(&s);
	fluffy_store_close(&other);
	assert_false(on_disk(0));
	assert_false(on_disk(KEYS));
	assert_true(on_disk(1));
}

/* ---- what doesn't belong there ----------------------------------------------------- */

static enum fluffy_error
read_all(void)
{
	struct anchor *anchors;
	struct credential *creds, c;
	uint32_t *numbers;
	struct bytes b;
	fluffy_store *s;
	size_t n, i, m;
	enum fluffy_error e = fluffy_dk_open(ctx, PATH, 0, &s);

	if (e != FLUFFY_OK)
		return e;
	e = store_anchors(s, &arena, &anchors, &n);
	for (i = 0; i < n && e == FLUFFY_OK; i++) {
		e = store_revoked_all(s, &arena, &anchors[i], &numbers, &m);
		if (e == FLUFFY_OK)
			e = store_rs_key(s, &arena, &anchors[i], &b);
	}
	if (e == FLUFFY_OK)
		e = store_own_pair(s, &arena, &b);
	if (e == FLUFFY_OK)
		e = store_credentials(s, &arena, &creds, &n);
	if (e == FLUFFY_OK)
		e = store_credential_next(s, &arena, str("door"), 0, &c);
	fluffy_store_close(&s);
	return e;
}

static void
fill(enum role role)
{
	fluffy_store *s = create_dk(role);
	struct anchor a = anchor_of(s, "TA", "door", 1);
	struct credential c = derived_from(2, "door", 1);

	put(s, &a);
	must(store_begin(s));
	must(store_revoked_add(s, &a, 9));
	must(store_own_pair_set(s, str("a private key")));
	must(store_rs_key_set(s, &a, str("a public key")));
	must(store_commit(s));
	add(s, &c);
	c = (struct credential){ .ta = name("TA"), .rs = name("door"),
		.number = 3, .maccert = str("m"), .rs_key = str("k") };
	add(s, &c);
	fluffy_store_close(&s);
	must(read_all());
}

static void
damage_is_told(void **state)
{
	static const char *const spoils[] = {
		"UPDATE party SET role = 5", "UPDATE party SET role = 0",
		"UPDATE party SET role = -1", "UPDATE party SET name = ''",
		"UPDATE party SET realm = char(1)",
		"DROP TABLE anchor", "DROP TABLE revoked",
		"DROP TABLE credential", "DROP TABLE node",
		"UPDATE anchor SET ta = ''", "UPDATE anchor SET rs = x'61'",
		"UPDATE anchor SET keyid = x'010203'",
		"UPDATE anchor SET keyid = zeroblob(5)",
		"UPDATE anchor SET seq = 4294967296",
		"UPDATE anchor SET seq = -1", "UPDATE anchor SET size = 31",
		"UPDATE anchor SET size = 0, bits = x''",
		"UPDATE anchor SET size = 1025, bits = zeroblob(129)",
		"UPDATE anchor SET size = 'x'",
		"UPDATE anchor SET bits = zeroblob(7)",
		"UPDATE anchor SET bits = zeroblob(9)",
		"UPDATE anchor SET bits = 'eight...'",
		"UPDATE anchor SET rs_key = zeroblob(1025)",
		"UPDATE anchor SET rs_key = 'text'",
		"UPDATE vault SET key = zeroblob(33)",
		"UPDATE vault SET key = "
		    "CAST(x'21' || zeroblob(32) AS BLOB)",
		"UPDATE revoked SET seq = 4294967296",
		"UPDATE revoked SET seq = 'x'",
		"UPDATE safe SET key = zeroblob(2624)",
		"UPDATE safe SET key = "
		    "CAST(x'ffff' || zeroblob(2622) AS BLOB)",
		"UPDATE safe SET key = zeroblob(2623)",
		"UPDATE credential SET ta = ''",
		"UPDATE credential SET seq = -1",
		"UPDATE credential SET seq = 4294967296",
		"UPDATE credential SET nonce = zeroblob(129)",
		"UPDATE credential SET nonce = 'text'",
		"UPDATE credential SET nonce = NULL",
		"UPDATE credential SET maccert = x'00'",
		"UPDATE credential SET rs_key = x'00'",
		"UPDATE credential SET rs_key = NULL",
		"UPDATE credential SET rs_key = zeroblob(1025)",
		"UPDATE credential SET slot = NULL",
		NULL
	};

	(void)state;
	for (size_t i = 0; spoils[i] != NULL; i++) {
		enum fluffy_error e;

		fill(ROLE_NODE);
		raw(spoils[i]);
		e = read_all();
		if (e != FLUFFY_E_STORE)
			print_error("not noticed: %s\n", spoils[i]);
		assert_int_equal(e, FLUFFY_E_STORE);
		remove_files();
	}
	fill(ROLE_ANCHOR);
	raw("UPDATE anchor SET size = 64, bits = zeroblob(8)");
	refused(read_all(), FLUFFY_E_STORE, "damaged");
}

/* ---- no memory ------------------------------------------------------------------------ */

static int allocations, fails_at;
static sqlite3_mem_methods real;

static void *
failing_malloc(int n)
{
	return fails_at != 0 && ++allocations >= fails_at ? NULL :
	    real.xMalloc(n);
}

static void *
failing_realloc(void *p, int n)
{
	return fails_at != 0 && ++allocations >= fails_at ? NULL :
	    real.xRealloc(p, n);
}

static enum fluffy_error
change_all(void)
{
	const fluffy_dk_claim claim = { .ta = "TA", .number = 5,
		.keyid = { 1, 2, 3, 4 } };
	fluffy_store *s;
	enum fluffy_error e = fluffy_dk_open(ctx, PATH, 0, &s);

	if (e != FLUFFY_OK)
		return e;
	e = fluffy_dk_take(s, &claim);
	if (e == FLUFFY_OK)
		e = fluffy_dk_used(s, 1);
	fluffy_store_close(&s);
	return e;
}

/* A number is taken when that was said, and perhaps when it wasn't. */
static void
every_allocation_may_fail(void **state)
{
	enum fluffy_error e = FLUFFY_E_MEMORY;
	uint8_t *good;
	size_t n;

	(void)state;
	fill(ROLE_NODE);
	raw("UPDATE anchor SET keyid = x'01020304'");
	n = slurp(PATH, &good);
	for (int at = 1; e != FLUFFY_OK || allocations >= fails_at; at++) {
		struct credential c;
		fluffy_store *s;
		struct anchor a;
		bool taken;

		remove_files();
		spew(PATH, good, n);
		allocations = 0;
		fails_at = at;
		e = change_all();
		fails_at = 0;
		if (e != FLUFFY_OK && e != FLUFFY_E_STORE)
			assert_int_equal(e, FLUFFY_E_MEMORY);
		s = open_dk(0);
		must(store_anchor(s, str("TA"), str("door"), &a));
		taken = !window_fresh(&a.window, 5);
		assert_int_equal(a.window.right, taken ? 5 : 0);
		must(store_credential_next(s, &arena, str("door"), 0, &c));
		if (c.id != 1)
			assert_true(taken);
		if (e == FLUFFY_OK)
			assert_int_equal(c.id, 2);
		fluffy_store_close(&s);
		fails_at = at;
		assert_true(at < 20000);
	}
	free(good);
	fails_at = 0;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(anchors_are_kept),
		T(a_key_never_comes_back),
		T(keyids_never_come_back),
		T(windows_are_moved),
		T(a_trust_anchor_keeps_what_it_revoked),
		T(public_keys_stay),
		T(credentials_are_kept),
		T(the_own_pair_is_replaced),
		T(erased_keys_leave_the_files),
		T(damage_is_told),
		T(every_allocation_may_fail),
	};

	fail_sometimes();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_grppac.c - what the owner of a group wishes, read and written */
#include "testing.h"

#include "grppac.h"

#define EXPECTED_MEMBERS "members: expected \"any\" or an array of names"
#define EXPECTED_LIFETIME "lifetime: expected a whole number of seconds, 1 or more"

/* {"members": and {"lifetime": */
#define M "a1 67 6d656d62657273 "
#define L "a1 68 6c69666574696d65 "

static void
assert_broken(const char *hex, const char *why)
{
	struct arena arena = { .chunks = NULL };
	struct grppac g;
	uint8_t cbor[64];
	struct bytes b = unhex(hex, cbor, sizeof(cbor));
	const char *broken = grppac_read(b, NULL, &g);

	if (broken == NULL)
		fail_msg("%s: accepted", hex);
	assert_string_equal(broken, why);
	assert_string_equal(grppac_read(b, &arena, &g), why);
	assert_false(g.has_members || g.any || g.n_members != 0 ||
	    g.lifetime != 0);
	assert_false(arena.failed);
	arena_free(&arena);
}

static void
what_is_broken(void **state)
{
	static const char *const members[] = {
		M "f6", M "f5", M "01", M "a0", M "60", M "63 416e79",
		M "64 616e7979", M "81 01", M "81 60", M "82 61 61 f6",
		M "81 61 07", M "81 62 c285", M "82 61 61 81 61 62"
	};
	static const char *const lifetimes[] = {
		L "00", L "20", L "61 31", L "f9 3e00", L "f6", L "81 01"
	};
	size_t i;

	(void)state;
	assert_broken("80", "expected a map");
	assert_broken("63 616e79", "expected a map");
	assert_broken("f6", "expected a map");
	assert_broken("", "can't be read");
	assert_broken("a1", "can't be read");
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		assert_broken(members[i], EXPECTED_MEMBERS);
	for (i = 0; i < sizeof(lifetimes) / sizeof(lifetimes[0]); i++)
		assert_broken(lifetimes[i], EXPECTED_LIFETIME);
}

static void
broken_behind_something_good(void **state)
{
	(void)state;
	/* {"members": ["a"], "lifetime": 0}, {"members": 1, "lifetime": 1} */
	assert_broken("a2 67 6d656d62657273 81 61 61 68 6c69666574696d65 00",
	    EXPECTED_LIFETIME);
	assert_broken("a2 67 6d656d62657273 01 68 6c69666574696d65 01",
	    EXPECTED_MEMBERS);
}

static void
a_name_has_at_most_255_bytes(void **state)
{
	char name[257];
	struct arena arena = { .chunks = NULL };
	struct grppac g;
	struct bytes cbor;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	assert_false(grppac_write(&arena, name, 0, &cbor));
	name[255] = '\0';
	assert_true(grppac_write(&arena, name, 0, &cbor));
	assert_null(grppac_read(cbor, &arena, &g));
	assert_int_equal(g.n_members, 1);
	assert_bytes(g.members[0], bytes_str(name));
	arena_free(&arena);
}

/* Longer than any message may be: no lack of memory. */
static void
too_many_members(void **state)
{
	struct arena arena = { .chunks = NULL };
	static char members[FLUFFY_MAX_EMITTED];
	struct bytes cbor;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(members) - 1; i++)
		members[i] = i % 2 == 0 ? 'a' : ',';
	assert_false(grppac_write(&arena, members, 0, &cbor));
	assert_int_equal(cbor.n, 0);
	assert_false(arena.failed);
	members[sizeof(members) / 2 - 1] = '\0';
	assert_true(grppac_write(&arena, members, 0, &cbor));
	arena_free(&arena);
}

static struct bytes
written(struct arena *arena, const char *members, uint64_t lifetime)
{
	struct bytes cbor;

	if (!grppac_write(arena, members, lifetime, &cbor))
		fail_msg("refused: %s", members == NULL ? "-" : members);
	return cbor;
}

static void
what_is_written(void **state)
{
	static const struct {
		const char *members;
		uint64_t lifetime;
		const char *cbor;
	} cases[] = {
		{ NULL, 0, "a0" },
		{ NULL, 1, L "01" },
		{ NULL, MAX_SAFE, L "1b001fffffffffffff" },
		{ "any", 0, M "63 616e79" },
		{ "lamp", 0, M "81 64 6c616d70" },
		{ "a,b", 3600, "a2 67 6d656d62657273 82 61 61 61 62"
		    "68 6c69666574696d65 190e10" },
		{ "a,a", 0, M "82 61 61 61 61" }
	};
	struct arena arena = { .chunks = NULL };
	uint8_t expected[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_bytes(written(&arena, cases[i].members,
		    cases[i].lifetime), unhex(cases[i].cbor, expected,
		    sizeof(expected)));
	arena_free(&arena);
}

static void
what_is_not_written(void **state)
{
	static const char *const bad[] = {
		"", ",", "a,", ",a", "a,,b", "a,b\n", "\xff", "a,\xc2\x85"
	};
	struct arena arena = { .chunks = NULL };
	struct bytes cbor;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(grppac_write(&arena, bad[i], 0, &cbor));
		assert_int_equal(cbor.n, 0);
	}
	assert_false(grppac_write(&arena, "a", MAX_SAFE + 1, &cbor));
	assert_false(grppac_write(&arena, NULL, UINT64_MAX, &cbor));
	assert_false(arena.failed);
	arena_free(&arena);
}

/* The names outlive what they were read from. */
static void
what_is_read(void **state)
{
	struct arena arena = { .chunks = NULL };
	uint8_t cbor[64];
	struct grppac g;
	/* {"members": ["lamp", "b"], "lifetime": 5, "unknown": [null]} */
	struct bytes b = unhex("a3 67 6d656d62657273 82 64 6c616d70 61 62"
	    "67 756e6b6e6f776e 81 f6 68 6c69666574696d65 05", cbor,
	    sizeof(cbor));

	(void)state;
	assert_null(grppac_read(b, &arena, &g));
	memset(cbor, 0, sizeof(cbor));
	assert_true(g.has_members);
	assert_false(g.any);
	assert_int_equal(g.n_members, 2);
	assert_bytes(g.members[0], BYTES("lamp"));
	assert_bytes(g.members[1], BYTES("b"));
	assert_int_equal(g.lifetime, 5);
	arena_free(&arena);
}

static void
anybody_nobody_and_not_said(void **state)
{
	struct arena arena = { .chunks = NULL };
	uint8_t cbor[64];
	struct grppac g;

	(void)state;
	assert_null(grppac_read(unhex(M "63 616e79", cbor, sizeof(cbor)),
	    &arena, &g));
	assert_true(g.has_members && g.any && g.n_members == 0);
	assert_null(grppac_read(unhex(M "80", cbor, sizeof(cbor)), &arena,
	    &g));
	assert_true(g.has_members && !g.any && g.n_members == 0);
	assert_null(grppac_read(unhex("a0", cbor, sizeof(cbor)), &arena, &g));
	assert_true(!g.has_members && !g.any && g.lifetime == 0);
	/* only checked: nothing is kept */
	assert_null(grppac_read(written(&arena, "a,b", 7), NULL, &g));
	assert_true(g.has_members && g.n_members == 0 && g.members == NULL);
	assert_int_equal(g.lifetime, 7);
	arena_free(&arena);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_broken),
		cmocka_unit_test(broken_behind_something_good),
		cmocka_unit_test(a_name_has_at_most_255_bytes),
		cmocka_unit_test(too_many_members),
		cmocka_unit_test(what_is_written),
		cmocka_unit_test(what_is_not_written),
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(anybody_nobody_and_not_said)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

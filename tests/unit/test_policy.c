/* test_policy.c - the rules of section 6 at their edges */
#include "testing.h"

#include "policy.h"

#define SKEW 300u

static struct tokens
tokens(size_t n, ...)
{
	struct tokens t = { .n = (uint8_t)n };
	va_list ap;
	size_t i;

	va_start(ap, n);
	for (i = 0; i < n; i++)
		t.v[i] = va_arg(ap, int);
	va_end(ap);
	return t;
}

static void
the_skew_has_a_default(void **state)
{
	(void)state;
	assert_int_equal(policy_skew(0), 300);
	assert_int_equal(policy_skew(1), 1);
	assert_int_equal(policy_skew(86400), 86400);
}

static void
the_time_window_includes_its_edges(void **state)
{
	(void)state;
	assert_true(policy_time_fits(NOW, NOW, SKEW));
	assert_true(policy_time_fits(NOW, NOW - SKEW, SKEW));
	assert_true(policy_time_fits(NOW, NOW + SKEW, SKEW));
	assert_false(policy_time_fits(NOW, NOW - SKEW - 1, SKEW));
	assert_false(policy_time_fits(NOW, NOW + SKEW + 1, SKEW));
	assert_true(policy_time_fits(NOW, NOW, 0));
	assert_false(policy_time_fits(NOW, NOW + 1, 0));
	assert_false(policy_time_fits(NOW, NOW - 1, 0));
}

static void
the_time_window_does_not_wrap(void **state)
{
	(void)state;
	assert_true(policy_time_fits(0, SKEW, SKEW));
	assert_false(policy_time_fits(0, SKEW + 1, SKEW));
	assert_true(policy_time_fits(SKEW, 0, SKEW));
	assert_false(policy_time_fits(SKEW + 1, 0, SKEW));
	assert_false(policy_time_fits(NOW, MAX_SAFE, SKEW));
	assert_false(policy_time_fits(NOW, UINT64_MAX, SKEW));
	assert_false(policy_time_fits(NOW, 0, SKEW));
}

static void
a_clock_is_behind_by_more_than_the_skew(void **state)
{
	(void)state;
	assert_false(policy_clock_behind(NOW, 0, SKEW));
	assert_false(policy_clock_behind(NOW, NOW, SKEW));
	assert_false(policy_clock_behind(NOW, NOW + SKEW, SKEW));
	assert_true(policy_clock_behind(NOW, NOW + SKEW + 1, SKEW));
	assert_false(policy_clock_behind(NOW, NOW - 1000000, SKEW));
	assert_true(policy_clock_behind(0, UINT64_MAX, SKEW));
}

static void
nonces_are_remembered_for_twice_the_skew(void **state)
{
	(void)state;
	assert_int_equal(policy_remember_until(NOW, SKEW), NOW + 2 * SKEW);
	assert_int_equal(policy_remember_until(NOW + 5, 1), NOW + 7);
}

static void
keys_are_good_before_their_end(void **state)
{
	(void)state;
	assert_true(policy_key_good(NOW, NOW - 10, NOW + 1));
	assert_false(policy_key_good(NOW, NOW - 10, NOW));
	assert_false(policy_key_good(NOW, NOW - 10, NOW - 1));
	/* authtime isn't compared with the clock, only with endtime */
	assert_true(policy_key_good(NOW, NOW + 10, NOW + 11));
	assert_false(policy_key_good(NOW, NOW + 10, NOW + 10));
	assert_false(policy_key_good(NOW, NOW + 11, NOW + 10));
	assert_false(policy_key_good(NOW, 0, 0));
}

static void
etypes_in_the_requests_order(void **state)
{
	const struct tokens any = tokens(0), gcm = tokens(2, 1, 3);
	const struct tokens ccm = tokens(2, 10, 30), both = tokens(2, 3, 10);
	const struct tokens *open[] = { &any, &any, &any };
	const struct tokens *one[] = { &any, &gcm, &any };
	const struct tokens *two[] = { &gcm, &any, &both };
	const struct tokens *none[] = { &gcm, &ccm, &any };
	struct tokens wanted = tokens(3, 10, 3, 1);

	(void)state;
	assert_int_equal(policy_etype(&wanted, open, 3), 10);
	assert_int_equal(policy_etype(&wanted, open, 0), 10);
	assert_int_equal(policy_etype(&wanted, one, 3), 3);
	assert_int_equal(policy_etype(&wanted, two, 3), 3);
	assert_int_equal(policy_etype(&wanted, none, 3), 0);
	/* the third list is left out for a service that isn't there */
	assert_int_equal(policy_etype(&wanted, two, 2), 3);
	wanted = tokens(2, 1, 3);
	assert_int_equal(policy_etype(&wanted, two, 2), 1);
}

static void
unknown_etypes_are_skipped(void **state)
{
	const struct tokens any = tokens(0);
	const struct tokens odd = tokens(2, 99, -7);
	const struct tokens *open[] = { &any };
	const struct tokens *only_odd[] = { &odd };
	struct tokens wanted = tokens(5, 99, -7, -25, 0, 24);

	(void)state;
	assert_int_equal(policy_etype(&wanted, open, 1), 24);
	assert_int_equal(policy_etype(&wanted, only_odd, 1), 0);
	wanted = tokens(2, 99, -7);
	assert_int_equal(policy_etype(&wanted, open, 1), 0);
}

static void
the_shortest_lifetime_counts(void **state)
{
	(void)state;
	assert_int_equal(policy_lifetime(0, 0, 0), 28800);
	assert_int_equal(policy_lifetime(3600, 0, 0), 3600);
	assert_int_equal(policy_lifetime(3600, 60, 0), 60);
	assert_int_equal(policy_lifetime(3600, 0, 70), 70);
	assert_int_equal(policy_lifetime(3600, 60, 70), 60);
	assert_int_equal(policy_lifetime(3600, 70, 60), 60);
	assert_int_equal(policy_lifetime(0, 1, 0), 1);
}

static void
nothing_lives_longer_than_30_days(void **state)
{
	const uint64_t most = 30 * 86400;

	(void)state;
	assert_int_equal(policy_lifetime(most, 0, 0), most);
	assert_int_equal(policy_lifetime(most + 1, 0, 0), most);
	assert_int_equal(policy_lifetime(0, most + 1, 0), most);
	assert_int_equal(policy_lifetime(0, 0, UINT64_MAX), most);
}

static void
lists_of_etypes_are_read(void **state)
{
	struct bytes offender;
	struct tokens t;

	(void)state;
	assert_true(policy_parse_etypes("A128GCM", &t, &offender));
	assert_int_equal(t.n, 1);
	assert_int_equal(t.v[0], 1);
	assert_true(t.bare);
	assert_true(policy_parse_etypes("ChaCha20/Poly1305,AES-CCM-16-64-128",
	    &t, &offender));
	assert_int_equal(t.n, 2);
	assert_int_equal(t.v[0], 24);
	assert_int_equal(t.v[1], 10);
	assert_false(t.bare);
	assert_true(policy_parse_etypes("A128GCM,A192GCM,A256GCM,"
	    "AES-CCM-16-64-128,AES-CCM-16-128-128,AES-CCM-16-64-256,"
	    "AES-CCM-16-128-256,ChaCha20/Poly1305", &t, &offender));
	assert_int_equal(t.n, 8);
}

static void
bad_lists_name_the_offender(void **state)
{
	static const struct {
		const char *list, *offender;
	} bad[] = {
		{ "", "" }, { "a128gcm", "a128gcm" }, { "A128GCM,", "" },
		{ ",A128GCM", "" }, { "A128GCM,ES256", "ES256" },
		{ "A128GCM, A256GCM", " A256GCM" }, { "1", "1" },
		{ "A128GCM,A256GCM,A128GCM", "A128GCM" },
		{ "ECDH-ES+HKDF-256", "ECDH-ES+HKDF-256" }
	};
	struct bytes offender;
	struct tokens t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(policy_parse_etypes(bad[i].list, &t, &offender));
		assert_bytes(offender, bytes_str(bad[i].offender));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_skew_has_a_default),
		cmocka_unit_test(the_time_window_includes_its_edges),
		cmocka_unit_test(the_time_window_does_not_wrap),
		cmocka_unit_test(a_clock_is_behind_by_more_than_the_skew),
		cmocka_unit_test(nonces_are_remembered_for_twice_the_skew),
		cmocka_unit_test(keys_are_good_before_their_end),
		cmocka_unit_test(etypes_in_the_requests_order),
		cmocka_unit_test(unknown_etypes_are_skipped),
		cmocka_unit_test(the_shortest_lifetime_counts),
		cmocka_unit_test(nothing_lives_longer_than_30_days),
		cmocka_unit_test(lists_of_etypes_are_read),
		cmocka_unit_test(bad_lists_name_the_offender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_replays.c - what was seen before stays known: bounds, damage, and the
 * clock (section 6, Replay)
 */
#include "world.h"

#include "policy.h"

/* ---- what can be recorded ------------------------------------------------ */

static enum fluffy_error
recorded(struct world *w, size_t kid, size_t nonce, uint64_t until)
{
	static const uint8_t zeros[100];
	enum fluffy_error e;

	must(w->ctx, store_begin(w->skdc));
	e = store_nonce(w->skdc, bytes_of(zeros, kid), bytes_of(zeros, nonce),
	    until);
	if (e == FLUFFY_OK)
		e = store_commit(w->skdc);
	store_rollback(w->skdc);
	return e;
}

static void
a_record_has_its_bounds(void **state)
{
	struct world *w = *state;

	must(w->ctx, recorded(w, 1, 1, NOW));
	must(w->ctx, recorded(w, KEYID_MAX, 32, TIME_MAX));
	expect(w, recorded(w, 1, 1, NOW), FLUFFY_E_REPLAY);
	expect(w, recorded(w, KEYID_MAX, 32, NOW), FLUFFY_E_REPLAY);
	/* the same zeros, divided otherwise */
	must(w->ctx, recorded(w, 1, 32, NOW));
	must(w->ctx, recorded(w, KEYID_MAX, 1, NOW));
	expect(w, recorded(w, 0, 8, NOW), FLUFFY_E_INTERNAL);
	expect(w, recorded(w, KEYID_MAX + 1, 8, NOW), FLUFFY_E_INTERNAL);
	expect(w, recorded(w, 4, 0, NOW), FLUFFY_E_INTERNAL);
	expect(w, recorded(w, 4, 33, NOW), FLUFFY_E_INTERNAL);
	expect(w, recorded(w, 4, 8, (uint64_t)TIME_MAX + 1),
	    FLUFFY_E_INTERNAL);
	expect(w, store_nonce(w->skdc, BYTES("kid1"), BYTES("12345678"),
	    NOW), FLUFFY_E_INTERNAL);
	expect(w, store_nonces_longer(w->skdc, 1), FLUFFY_E_INTERNAL);
	honest(w);
}

/* More than one row takes, in one transaction. */
static void
many_are_recorded_at_once(void **state)
{
	struct world *w = *state;
	uint64_t n;

	must(w->ctx, store_begin(w->skdc));
	for (n = 0; n < 5000; n++)
		must(w->ctx, store_nonce(w->skdc, BYTES("kid1"),
		    bytes_of(&n, 8), NOW + 600));
	must(w->ctx, store_commit(w->skdc));
	reopen(w);
	must(w->ctx, store_begin(w->skdc));
	for (n = 0; n < 5000; n++)
		expect(w, store_nonce(w->skdc, BYTES("kid1"),
		    bytes_of(&n, 8), NOW + 600), FLUFFY_E_REPLAY);
	must(w->ctx, store_nonce(w->skdc, BYTES("kid1"), bytes_of(&n, 8),
	    NOW + 600));
	store_rollback(w->skdc);
	honest(w);
}

/* ---- what it costs ------------------------------------------------------- */

static int
count_step(void *arg)
{
	++*(unsigned long *)arg;
	return 0;
}

/* Steps of SQLite's machine that a request takes. */
static unsigned long
cost(struct world *w)
{
	fluffy_bytes req = request(w, SENSOR, "lock"), rep;
	unsigned long steps = 0;

	sqlite3_progress_handler(w->skdc->sql->db, 1, count_step, &steps);
	rep = asked(w, &req);
	sqlite3_progress_handler(w->skdc->sql->db, 0, NULL, NULL);
	wire_free(&req);
	wire_free(&rep);
	assert_true(steps > 10);
	return steps;
}

/* No list is walked: neither in the file nor in memory. */
static void
a_request_costs_the_same_however_much_was_seen(void **state)
{
	struct world *w = *state;
	const struct replays *r;
	unsigned long first, later;
	uint64_t n;

	(void)cost(w);
	first = cost(w);
	must(w->ctx, store_begin(w->skdc));
	for (n = 0; n < 30000; n++)
		must(w->ctx, store_nonce(w->skdc, BYTES("kid1"),
		    bytes_of(&n, 8), NOW + 600));
	must(w->ctx, store_commit(w->skdc));
	later = cost(w);
	if (later > first + first / 10)
		print_error("%lu steps, then %lu\n", first, later);
	assert_true(later <= first + first / 10);
	r = &w->skdc->sql->replays;
	assert_true(r->used >= 30000 && r->used <= r->slots / 2);
}

/* ---- damage -------------------------------------------------------------- */

/* Bytes. */
#define EIGHT "4141414141414141"

static void
a_broken_record_is_damage(void **state)
{
	/* lengths, a kid of 4 bytes, a nonce of 8: 04 08 .. */
	static const char *const broken[] = {
		"04", "0008" EIGHT, "040041414141", "04084141414142424242",
		"04084141414142424242424242420408",
		/* too long, though all of it is there */
		"2108" EIGHT EIGHT EIGHT EIGHT EIGHT "41",
		"0421" EIGHT EIGHT EIGHT EIGHT "4141414141"
	};
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);
	fluffy_bytes next = request(w, SENSOR, "lock"), out;
	char text[200];
	size_t i;

	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		fluffy_msg *msg;
		fluffy_msgs all;

		(void)snprintf(text, sizeof(text),
		    "UPDATE replay SET entries = x'%s'", broken[i]);
		skdc_sql(w, text);
		reopen(w);
		msg = from_wire(w, &next);
		must(w->ctx, fluffy_skdc_begin(w->skdc));
		expect(w, fluffy_skdc_answer(w->skdc, msg, &all),
		    FLUFFY_E_STORE);
		assert_non_null(strstr(fluffy_why(w->ctx).text, "damaged"));
		fluffy_msgs_free(&all);
		assert_int_not_equal(fluffy_skdc_commit(w->skdc), FLUFFY_OK);
		fluffy_msg_free(&msg);
	}
	/* mended: a record of nobody's */
	skdc_sql(w, "UPDATE replay SET entries = x'04084141414142424242"
	    "42424242'");
	reopen(w);
	out = asked(w, &next);
	wire_free(&out);
	wire_free(&next);
	wire_free(&rep);
	wire_free(&req);
	honest(w);
}

/* ---- the clock ----------------------------------------------------------- */

static void
widen(struct world *w)
{
	must(w->ctx, fluffy_policy_set(w->skdc, NULL, &(fluffy_policy){
	    .skew = 3600 }));
}

/* What would be too old now, but not then, is still known then. */
static void
a_wider_skew_is_for_what_was_seen_too(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);

	widen(w);
	the_time += 1500;
	ask_refused(w, &req, FLUFFY_E_REPLAY);
	honest(w);
	ask_refused(w, &req, FLUFFY_E_REPLAY);
	wire_free(&req);
	wire_free(&rep);
}

/* It was forgotten: nobody can tell that it wasn't seen. */
static void
what_was_forgotten_is_not_new(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);

	the_time += 661;
	honest(w);
	widen(w);
	ask_refused(w, &req, FLUFFY_E_CLOCK_SKEW);
	honest(w);
	wire_free(&req);
	wire_free(&rep);
}

/* Nor when the clock goes back and an operator says that it is right. */
static void
a_clock_set_back_makes_nothing_new(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);

	the_time += 661;
	honest(w);
	the_time = NOW;
	ask_refused(w, &req, FLUFFY_E_BUSY);
	must(w->ctx, fluffy_reset_clock(w->skdc));
	ask_refused(w, &req, FLUFFY_E_CLOCK_SKEW);
	reopen(w);
	ask_refused(w, &req, FLUFFY_E_CLOCK_SKEW);
	wire_free(&req);
	wire_free(&rep);
	/* later ones are new; the lock's clock wasn't wrong */
	the_time = NOW + 662;
	honest(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CBOR(a_record_has_its_bounds),
		IN_CBOR(many_are_recorded_at_once),
		IN_CBOR(a_request_costs_the_same_however_much_was_seen),
		IN_CBOR(a_broken_record_is_damage),
		IN_CBOR(a_wider_skew_is_for_what_was_seen_too),
		IN_CBOR(what_was_forgotten_is_not_new),
		IN_CBOR(a_clock_set_back_makes_nothing_new)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

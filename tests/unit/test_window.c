/* test_window.c - the window of sequence numbers against a model of it */
#include "testing.h"

#include "window.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
accept(struct window *w, uint32_t number)
{
	if (!window_fresh(w, number))
		return false;
	window_take(w, number);
	return true;
}

/* ---- known sequences -------------------------------------------------- */

struct step {
	uint32_t number;
	bool fresh;
};

static void
play(struct window *w, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool fresh = accept(w, steps[i].number);

		if (fresh != steps[i].fresh)
			print_error("step %zu, %u\n", i, steps[i].number);
		assert_int_equal(fresh, steps[i].fresh);
	}
}

static void
the_known_sequence(void **state)
{
	static const struct step steps[] = {
		{ 1, true }, { 1, false }, { 100, true }, { 36, false },
		{ 37, true }, { 37, false }, { 99, true }, { 101, true },
		{ 165, true }, { 101, false }, { 102, true }
	};
	struct window w = { .size = 64 };

	(void)state;
	play(&w, steps, COUNT(steps));
	assert_int_equal(w.right, 165);
}

static void
zero_is_never_fresh(void **state)
{
	struct window w = { .size = 64 };

	(void)state;
	assert_false(window_fresh(&w, 0));
	assert_true(accept(&w, 1));
	assert_false(window_fresh(&w, 0));
	assert_true(accept(&w, UINT32_MAX));
	assert_false(window_fresh(&w, 0));
}

static void
numbers_end_at_the_largest(void **state)
{
	static const struct step steps[] = {
		{ UINT32_MAX, true }, { UINT32_MAX, false },
		{ UINT32_MAX - 32, false }, { UINT32_MAX - 31, true },
		{ 1, false }, { UINT32_MAX - 1, true }
	};
	struct window w = { .size = 32 };

	(void)state;
	play(&w, steps, COUNT(steps));
}

/* A jump by just the size leaves nothing behind, nor does a larger one. */
static void
jumps_clear(void **state)
{
	static const uint16_t sizes[] = { 32, 33, 64, 71, 1023, 1024 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (uint32_t jump = sizes[i] - 1u; jump < sizes[i] + 2u;
		    jump++) {
			struct window w = { .size = sizes[i] };
			uint32_t last = 5000 + jump, edge = last - sizes[i];

			assert_true(accept(&w, 5000));
			assert_true(accept(&w, last));
			assert_false(window_fresh(&w, edge));
			/* 5000 itself is the edge after the shortest jump */
			assert_int_equal(window_fresh(&w, edge + 1),
			    edge + 1 != 5000);
			assert_true(window_fresh(&w, last - 1));
		}
}

/* What the store keeps: bit i of byte j stands for right - 8 j - i. */
static void
each_bit_has_its_place(void **state)
{
	struct window w = { .size = 37 };
	static const uint8_t expected[6] = { 0x81, 0x02, 0, 0, 0x10 };

	(void)state;
	window_take(&w, 1000);
	window_take(&w, 1000 - 7);
	window_take(&w, 1000 - 9);
	window_take(&w, 1000 - 36);
	assert_memory_equal(w.bits, expected, sizeof(expected));
	/* what leaves the window leaves no bit behind it */
	window_take(&w, 1001);
	assert_int_equal(w.bits[4], 0);
}

/* ---- other sizes ------------------------------------------------------ */

/* ---- a model ---------------------------------------------------------- */

/*
 * The set of the numbers that were taken, and an edge that never goes back.  A
 * number displaces another one only where that is left of the edge.
 */
struct model {
	uint32_t right, edge;	/* edge: the least that may be fresh */
	uint16_t size;
	uint32_t taken[FLUFFY_DK_WINDOW_MAX];
};

static bool
model_fresh(const struct model *m, uint32_t number)
{
	return number >= m->edge &&
	    m->taken[number % FLUFFY_DK_WINDOW_MAX] != number;
}

static void
model_edge(struct model *m)
{
	if (m->right >= m->size && m->edge < m->right - m->size + 1)
		m->edge = m->right - m->size + 1;
}

static void
model_take(struct model *m, uint32_t number)
{
	m->taken[number % FLUFFY_DK_WINDOW_MAX] = number;
	if (number > m->right)
		m->right = number;
	model_edge(m);
}

/* Mostly near the window's edges and just right of it. */
static uint32_t
candidate(struct rng *rng, const struct model *m)
{
	int64_t size = m->size, number;

	switch (rng_below(rng, 1000)) {
	case 0:
		return (uint32_t)rng_next(rng);
	case 1:
	case 2:
		number = m->right + size - 2 + (int64_t)rng_below(rng, 5);
		break;
	default:
		number = (int64_t)m->right + 3 -
		    (int64_t)rng_below(rng, (size_t)size + 10);
	}
	return number < 0 ? 0 : number > UINT32_MAX ? UINT32_MAX :
	    (uint32_t)number;
}

static void
step(struct rng *rng, struct window *w, struct model *m)
{
	uint32_t number = candidate(rng, m);

	assert_int_equal(window_fresh(w, number), model_fresh(m, number));
	/* what is fresh isn't always taken: a handshake may fail */
	if (model_fresh(m, number) && rng_below(rng, 4) != 0) {
		window_take(w, number);
		model_take(m, number);
	}
	assert_int_equal(w->right, m->right);
}

/* All of the window, and what is around it. */
static void
compare(const struct window *w, const struct model *m)
{
	for (int64_t i = -2; i < 1100; i++)
		if (i <= m->right && m->right - i <= UINT32_MAX) {
			uint32_t number = (uint32_t)(m->right - i);

			assert_int_equal(window_fresh(w, number),
			    model_fresh(m, number));
		}
}

/* Windows that begin anew now and then: a long jump uses up the numbers. */
static void
run_model(uint16_t size)
{
	struct rng rng = { 0x5eed + size };
	struct window w = { .size = size };
	struct model m = { .size = size, .edge = 1 };

	for (int i = 0; i < 1000000; i++) {
		if (rng_below(&rng, 5000) == 0) {
			compare(&w, &m);
			w = (struct window){ .size = size };
			m = (struct model){ .size = size, .edge = 1 };
		}
		step(&rng, &w, &m);
	}
}

static void
windows_are_like_the_model(void **state)
{
	static const uint16_t sizes[] = { 32, 64, 65, 1024 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		run_model(sizes[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_sequence),
		cmocka_unit_test(zero_is_never_fresh),
		cmocka_unit_test(numbers_end_at_the_largest),
		cmocka_unit_test(jumps_clear),
		cmocka_unit_test(each_bit_has_its_place),
		cmocka_unit_test(windows_are_like_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

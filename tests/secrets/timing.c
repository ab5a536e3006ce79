/*
 * timing.c - an unknown kid and a bad seal take the same time (section 6)
 *
 * As dudect does it (Reparaz, Balasch, Verbauwhede 2017): messages of two
 * classes in random order, one measurement each, and Welch's t of the two means.
 * What took longer than all but a tenth of the measurements, of both classes
 * together, is left out: that was the machine.  |t| < 4.5 is no difference.  A
 * busy machine may need a second or third try, and so may an unlucky place in
 * memory, hence a new process and realm each time; a difference stays in all,
 * and has the same sign.
 *
 * "make check-timing" runs it, "make check" doesn't.
 */
#include <alloca.h>
#include <math.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "classes.h"

#define SAMPLES 115000u	/* of each class, */
#define LEAST	100000	/* of which so many have to be kept */
#define TRIES	3
#define LIMIT	4.5
#define KEPT	0.9

static double
nanoseconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- Welch's t --------------------------------------------------------------- */

struct samples {
	double *v[2];
	size_t n[2];
};

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The longest measurement that counts. */
static double
crop_at(const struct samples *s)
{
	size_t n = s->n[0] + s->n[1];
	double *all = malloc(n * sizeof(*all)), limit;

	assert_non_null(all);
	memcpy(all, s->v[0], s->n[0] * sizeof(*all));
	memcpy(all + s->n[0], s->v[1], s->n[1] * sizeof(*all));
	qsort(all, n, sizeof(*all), ascending);
	limit = all[(size_t)((double)n * KEPT)];
	free(all);
	return limit;
}

struct moments {
	double n, mean, m2;
};

static struct moments
moments(const double *v, size_t n, double limit)
{
	struct moments m = { .n = 0 };

	for (size_t i = 0; i < n; i++) {
		double d = v[i] - m.mean;

		if (v[i] > limit)
			continue;
		m.n++;
		m.mean += d / m.n;
		m.m2 += d * (v[i] - m.mean);
	}
	return m;
}

static double
welch(const struct samples *s, const char *what, double least)
{
	double limit = crop_at(s), t;
	struct moments a = moments(s->v[0], s->n[0], limit);
	struct moments b = moments(s->v[1], s->n[1], limit);

	t = (a.mean - b.mean) / sqrt(a.m2 / (a.n - 1) / a.n +
	    b.m2 / (b.n - 1) / b.n);
	print_message("# %s: %.0f + %.0f of %zu + %zu measurements, "
	    "%.1f and %.1f ns, t = %.2f\n", what, a.n, b.n, s->n[0], s->n[1],
	    a.mean, b.mean, t);
	assert_true(a.n >= least && b.n >= least);
	return t;
}

/* ---- measuring --------------------------------------------------------------- */

static void
spin(double ns)
{
	double end = nanoseconds() + ns;

	while (ns > 0 && nanoseconds() < end)
		;
}

static double
measure_here(struct world *w, const struct place *p, size_t i,
    enum class class, double more)
{
	fluffy_msg *msg = in_class(w, p, i, class);
	fluffy_bytes out;
	enum fluffy_error e;
	double begin, end;

	begin = nanoseconds();
	e = p->take(w, msg, &out);
	spin(more);
	end = nanoseconds();
	expect(w, e, FLUFFY_E_AUTH_FAILED);
	wire_free(&out);
	fluffy_msg_free(&msg);
	return end - begin;
}

/*
 * Where stack and heap lie in a process costs one class or the other a few
 * nanoseconds: each time they lie elsewhere.
 */
static double
measure(struct world *w, const struct place *p, size_t i, enum class class,
    double more)
{
	volatile char *stack = alloca(16 + 16 * rng_below(&dice, 256));
	void *heap = malloc(16 + 16 * rng_below(&dice, 256));
	double t;

	assert_non_null(heap);
	*stack = 0;
	t = measure_here(w, p, i, class, more);
	free(heap);
	return t;
}

static double
one_try(struct world *w, const struct place *p, const char *what, size_t n,
    double more)
{
	struct samples s = { .n = { 0, 0 } };
	double t;

	for (int class = 0; class < 2; class++) {
		s.v[class] = malloc(n * sizeof(double));
		assert_non_null(s.v[class]);
	}
	while (s.n[0] + s.n[1] < 2 * n) {
		size_t dice_says = rng_below(&dice, 2 * KIDS);
		enum class class = (enum class)(dice_says / KIDS);

		if (s.n[class] == n)
			continue;
		s.v[class][s.n[class]++] = measure(w, p, dice_says % KIDS,
		    class, class == BAD_SEAL ? more : 0);
	}
	t = welch(&s, what, n == SAMPLES ? LEAST : 0);
	free(s.v[0]);
	free(s.v[1]);
	return t;
}

/* What is said and answered is the same. */
static void
same_words(struct world *w, const struct place *p)
{
	char text[2][300];
	fluffy_bytes out[2];

	for (int class = 0; class < 2; class++) {
		fluffy_msg *msg = in_class(w, p, 0, (enum class)class);

		expect(w, p->take(w, msg, &out[class]), FLUFFY_E_AUTH_FAILED);
		(void)snprintf(text[class], sizeof(text[class]), "%s: %s",
		    fluffy_why(w->ctx).field, fluffy_why(w->ctx).text);
		fluffy_msg_free(&msg);
	}
	assert_string_equal(text[0], text[1]);
	assert_bytes(view(&out[0]), view(&out[1]));
	wire_free(&out[0]);
	wire_free(&out[1]);
}

/* Which class took longer: they don't differ, or the first or second did. */
enum longer { NEITHER, UNKNOWN_LONGER, BAD_LONGER };

static enum longer
longer(size_t place)
{
	struct world *w = place_world();
	struct place p = places[place].make(w);
	double t;

	same_words(w, &p);
	t = places[place].uneven ? 0 :
	    one_try(w, &p, places[place].what, SAMPLES, 0);
	place_end(w, &p);
	return fabs(t) < LIMIT ? NEITHER : t > 0 ? UNKNOWN_LONGER : BAD_LONGER;
}

/* Where code lies makes branches collide in what predicts them. */
static enum longer
longer_elsewhere(size_t place)
{
	char which[10];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)snprintf(which, sizeof(which), "%zu", place);
		(void)execl("/proc/self/exe", "timing", which, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= BAD_LONGER);
	return (enum longer)WEXITSTATUS(status);
}

static void
no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PLACES; i++) {
		enum longer first = longer_elsewhere(i);
		bool difference = first != NEITHER;

		for (int try = 1; try < TRIES && difference; try++)
			difference = longer_elsewhere(i) == first;
		assert_false(difference);
	}
}

/* 200 ns more have to be seen, or none of this means anything. */
static void
a_difference(void **state)
{
	struct world *w = place_world();
	struct place p = psk_requests(w);

	(void)state;
	assert_true(one_try(w, &p, "200 ns more", SAMPLES / 4, 200) < -LIMIT);
	place_end(w, &p);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_difference),
		cmocka_unit_test(no_difference)
	};

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2)
		return (int)longer((size_t)strtoul(argv[1], NULL, 10));
	return cmocka_run_group_tests(tests, NULL, NULL);
}

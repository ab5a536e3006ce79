/*
 * timing.c - an unknown kid and a bad seal take the same time (section 6)
 *
 * As dudect does it (Reparaz, Balasch, Verbauwhede 2017): messages of two
 * classes in random order, one measurement each, and Welch's t of the two means.
 * What took longer than all but a tenth of the measurements, of both classes
 * together, is left out: that was the machine.  |t| < 4.5 is no difference.  A
 * busy machine may need a second or third try; a difference stays in all.
 *
 * "make check-timing" runs it, "make check" doesn't.
 */
#include "../unit/world.h"

#include <math.h>
#include <time.h>

#include "store_sql.h"

#define SAMPLES 100000u	/* of each class */
#define KIDS	64u	/* that are known, and as many that aren't */
#define TRIES	3
#define LIMIT	4.5
#define KEPT	0.9

enum class { UNKNOWN_KID, BAD_SEAL };

/* A message whose sealed part is to fail, in either class. */
struct place {
	fluffy_bytes wire[KIDS];	/* of known kids */
	size_t last[KIDS];		/* the kid's last byte in it */
	/* what is measured; NULL: nobody answers */
	enum fluffy_error (*take)(struct world *, fluffy_msg *,
	    fluffy_bytes *);
};

static struct rng dice = { 815 };

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
welch(const struct samples *s, const char *what)
{
	double limit = crop_at(s), t;
	struct moments a = moments(s->v[0], s->n[0], limit);
	struct moments b = moments(s->v[1], s->n[1], limit);

	t = (a.mean - b.mean) / sqrt(a.m2 / (a.n - 1) / a.n +
	    b.m2 / (b.n - 1) / b.n);
	print_message("# %s: %.0f + %.0f of %zu + %zu measurements, "
	    "%.1f and %.1f ns, t = %.2f\n", what, a.n, b.n, s->n[0], s->n[1],
	    a.mean, b.mean, t);
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

/*
 * What is measured has come the same way in both classes, from the same place:
 * where it lies costs more nanoseconds than what is looked for.
 */
static fluffy_msg *
in_class(struct world *w, const struct place *p, size_t i, enum class class)
{
	static uint8_t received[1000];
	fluffy_bytes wire = { received, p->wire[i].len };

	assert_true(wire.len <= sizeof(received));
	memcpy(received, p->wire[i].data, wire.len);
	received[p->last[i]] = (uint8_t)(received[p->last[i]] +
	    (class == UNKNOWN_KID));
	return from_wire(w, &wire);
}

static double
measure(struct world *w, const struct place *p, size_t i, enum class class,
    double more)
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
	t = welch(&s, what);
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

static void
no_difference(struct world *w, struct place *p, const char *what)
{
	double t = LIMIT;

	same_words(w, p);
	for (int i = 0; i < TRIES && fabs(t) >= LIMIT; i++)
		t = one_try(w, p, what, SAMPLES, 0);
	for (size_t i = 0; i < KIDS; i++)
		wire_free(&p->wire[i]);
	assert_true(fabs(t) < LIMIT);
}

/* ---- messages that don't open -------------------------------------------------- */

static void
change(struct bytes b, size_t at, uint64_t by)
{
	for (size_t i = 0; i < 4 && at + i < b.n; i++)
		writable(b)[at + i] ^= (uint8_t)(by >> 8 * i);
}

/*
 * The part of that message under a kid that the store has, or under the one
 * after it, which nobody has: where a kid is in the store's index costs a few
 * nanoseconds more or less, known or not.
 */
static fluffy_bytes
failing(struct world *w, const fluffy_bytes *good, struct sealed *(*part)(
    fluffy_msg *), struct bytes kid, uint64_t by, enum class class)
{
	fluffy_msg *msg = from_wire(w, good);
	struct sealed *sealed = part(msg);

	memcpy(writable(sealed->kid), kid.p, kid.n);
	change(sealed->ciphertext, sealed->ciphertext.n - 4, by);
	if (class == UNKNOWN_KID)
		writable(sealed->kid)[kid.n - 1]++;
	return to_wire(w, &msg);
}

/* The one byte in which they differ. */
static size_t
difference(const fluffy_bytes *a, const fluffy_bytes *b)
{
	size_t i = 0, n = 0, at = 0;

	assert_int_equal(a->len, b->len);
	for (; i < a->len; i++)
		if (((uint8_t *)a->data)[i] != ((uint8_t *)b->data)[i]) {
			at = i;
			n++;
		}
	assert_int_equal(n, 1);
	return at;
}

static struct sealed *
authenticator_of(fluffy_msg *msg)
{
	return &msg->authenticator;
}

static struct sealed *
ticket_of(fluffy_msg *msg)
{
	return &msg->mticket->enc_part;
}

static struct sealed *
receipt_of(fluffy_msg *msg)
{
	return &msg->receipt;
}

static void
fill(struct world *w, struct place *p, const fluffy_bytes *good,
    struct sealed *(*part)(fluffy_msg *), const struct keyid *kids, size_t n)
{
	for (size_t i = 0; i < KIDS; i++) {
		struct bytes kid = keyid_bytes(&kids[i % n]);
		uint64_t by = rng_next(&dice) | 1;
		fluffy_bytes other = failing(w, good, part, kid, by,
		    UNKNOWN_KID);

		p->wire[i] = failing(w, good, part, kid, by, BAD_SEAL);
		p->last[i] = difference(&p->wire[i], &other);
		wire_free(&other);
	}
}

/* ---- an SKDC ------------------------------------------------------------------- */

static enum fluffy_error
at_skdc(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	fluffy_msgs answers;
	enum fluffy_error e = fluffy_skdc_answer(w->skdc, msg, &answers);

	assert_int_equal(answers.n, 1);
	must(w->ctx, fluffy_msg_write(w->ctx, answers.v[0], w->format, 0,
	    out));
	fluffy_msgs_free(&answers);
	return e;
}

/* A realm of so many; some were removed, and their kids are unknown too. */
static void
enrol_more(struct world *w, struct keyid kids[KIDS])
{
	char name[20];
	fluffy_msg *msg;

	for (unsigned i = 0; i < KIDS; i++) {
		(void)snprintf(name, sizeof(name), "device-%u", i);
		must(w->ctx, fluffy_enrol(w->skdc, name, NULL, &msg));
		fluffy_msg_free(&msg);
		kids[i] = secret_of_owner(w, name).kid;
		(void)snprintf(name, sizeof(name), "gone-%u", i);
		if (i % 4 != 0)
			continue;
		must(w->ctx, fluffy_enrol(w->skdc, name, NULL, &msg));
		fluffy_msg_free(&msg);
		must(w->ctx, fluffy_remove_device(w->skdc, name));
	}
}

static struct place
requests(struct world *w)
{
	struct keyid kids[KIDS];
	struct place p = { .take = at_skdc };
	fluffy_bytes good;

	enrol_more(w, kids);
	good = request(w, SENSOR, "lock");
	fill(w, &p, &good, authenticator_of, kids, KIDS);
	wire_free(&good);
	/* devices that are known have been seen: what is remembered of that? */
	honest(w);
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	return p;
}

static void
skdc_request(void **state)
{
	struct world *w = *state;
	struct place p = requests(w);

	no_difference(w, &p, "PSK-REQ");
	must(w->ctx, fluffy_skdc_commit(w->skdc));
	honest(w);
}

/* As in a new process: nothing is remembered. */
static enum fluffy_error
at_new_skdc(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	memo_drop(w->skdc);
	return at_skdc(w, msg, out);
}

static void
skdc_first_request(void **state)
{
	struct world *w = *state;
	struct place p = requests(w);

	p.take = at_new_skdc;
	no_difference(w, &p, "PSK-REQ, nothing remembered");
	must(w->ctx, fluffy_skdc_commit(w->skdc));
}

/* 200 ns more have to be seen, or none of this means anything. */
static void
a_difference(void **state)
{
	struct world *w = *state;
	struct place p = requests(w);
	double t = one_try(w, &p, "200 ns more", SAMPLES / 4, 200);

	for (size_t i = 0; i < KIDS; i++)
		wire_free(&p.wire[i]);
	store_rollback(w->skdc);
	assert_true(t < -LIMIT);
}

/* ---- a device -------------------------------------------------------------------- */

static enum fluffy_error
at_lock(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	return step_msg(w, LOCK, msg, &no_params, out);
}

static enum fluffy_error
at_sensor(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	return step_msg(w, SENSOR, msg, &no_params, out);
}

static void
at_device(struct world *w, struct place p, const fluffy_bytes *good,
    struct sealed *(*part)(fluffy_msg *), const char *what, const char *owner)
{
	struct keyid kid = secret_of_owner(w, owner).kid;

	fill(w, &p, good, part, &kid, 1);
	no_difference(w, &p, what);
	honest(w);
}

static void
service_ticket(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);

	at_device(w, (struct place){ .take = at_lock }, &x.estb, ticket_of,
	    "PSK-ESTB's miniticket", "lock");
	exchange_free(&x);
}

static void
client_receipt(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);

	at_device(w, (struct place){ .take = at_sensor }, &x.rep, receipt_of,
	    "PSK-REP's receipt", "sensor");
	exchange_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CBOR(a_difference),
		IN_CBOR(skdc_request),
		IN_CBOR(skdc_first_request),
		IN_CBOR(service_ticket),
		IN_CBOR(client_receipt)
	};

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

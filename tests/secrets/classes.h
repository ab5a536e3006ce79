/*
 * classes.h - messages whose sealed part doesn't open, of two classes: the kid
 * is unknown, or it is known and the seal is bad (section 6)
 */
#ifndef CLASSES_H
#define CLASSES_H

#include "../unit/groups.h"

#include "store_sql.h"

#define KIDS 64u	/* that are known, and as many that aren't */

enum class { UNKNOWN_KID, BAD_SEAL };

/* Where such messages come to. */
struct place {
	fluffy_bytes wire[KIDS];	/* of known kids */
	size_t last[KIDS];		/* the kid's last byte in it */
	int unknown;			/* what makes of it one that isn't */
	/* what is watched */
	enum fluffy_error (*take)(struct world *, fluffy_msg *,
	    fluffy_bytes *);
};

static struct rng dice = { 815 };

/* ---- messages ---------------------------------------------------------------- */

static inline void
change(struct bytes b, size_t at, uint64_t by)
{
	for (size_t i = 0; i < 4 && at + i < b.n; i++)
		writable(b)[at + i] ^= (uint8_t)(by >> 8 * i);
}

/*
 * The part of that message under a kid that the store has, or under the one
 * after it, which nobody has: where a kid is in the store's index costs a few
 * nanoseconds more or less, known or not.  Its last byte isn't 0xff.
 */
static inline fluffy_bytes
failing(struct world *w, const fluffy_bytes *good, struct sealed *(*part)(
    fluffy_msg *), struct bytes kid, uint64_t by, enum class class)
{
	fluffy_msg *msg = from_wire(w, good);
	struct sealed *sealed = part(msg);

	memcpy(writable(sealed->kid), kid.p, kid.n);
	change(sealed->ciphertext, sealed->ciphertext.n - 4, by);
	assert_int_not_equal(kid.p[kid.n - 1], 0xff);
	if (class == UNKNOWN_KID)
		writable(sealed->kid)[kid.n - 1]++;
	return to_wire(w, &msg);
}

/* The one byte in which they differ. */
static inline size_t
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

static inline void
fill(struct world *w, struct place *p, const fluffy_bytes *good,
    struct sealed *(*part)(fluffy_msg *), const struct keyid *kids, size_t n)
{
	p->unknown = 1;
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

/*
 * What is watched has come the same way in both classes, from the same place:
 * where it lies costs more nanoseconds than what is looked for.
 */
static inline fluffy_msg *
in_class(struct world *w, const struct place *p, size_t i, enum class class)
{
	static uint8_t received[1000];
	fluffy_bytes wire = { received, p->wire[i].len };

	assert_true(wire.len <= sizeof(received));
	memcpy(received, p->wire[i].data, wire.len);
	if (class == UNKNOWN_KID)
		received[p->last[i]] = (uint8_t)(received[p->last[i]] +
		    p->unknown);
	return from_wire(w, &wire);
}

/* ---- at an SKDC ---------------------------------------------------------------- */

static inline struct sealed *
authenticator_of(fluffy_msg *msg)
{
	return &msg->authenticator;
}

static inline struct sealed *
envelope_of(fluffy_msg *msg)
{
	return &msg->kenvelope;
}

static inline enum fluffy_error
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

/* As in a new process: nothing is remembered. */
static inline enum fluffy_error
at_new_skdc(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	memo_drop(w->skdc);
	return at_skdc(w, msg, out);
}

/* Names are of all lengths. */
static inline int
digits_of(unsigned i)
{
	return (int)(i * 17 % 240);
}

/* A realm of so many; some were removed, and their kids are unknown too. */
static inline void
enrol_more(struct world *w, struct keyid kids[KIDS])
{
	char name[256];
	fluffy_msg *msg;

	for (unsigned i = 0; i < KIDS; i++) {
		(void)snprintf(name, sizeof(name), "device-%0*u",
		    digits_of(i), i);
		must(w->ctx, fluffy_enrol(w->skdc, name, NULL, &msg));
		fluffy_msg_free(&msg);
		kids[i] = secret_of_owner(w, name).kid;
		if (kids[i].b[kids[i].n - 1] == 0xff)
			kids[i] = kids[i - 1];
		(void)snprintf(name, sizeof(name), "gone-%u", i);
		if (i % 4 != 0)
			continue;
		must(w->ctx, fluffy_enrol(w->skdc, name, NULL, &msg));
		fluffy_msg_free(&msg);
		must(w->ctx, fluffy_remove_device(w->skdc, name));
	}
}

/* That request, which is freed, of many; in a transaction of the SKDC. */
static inline struct place
place_at_skdc(struct world *w, fluffy_bytes *good,
    struct sealed *(*part)(fluffy_msg *))
{
	struct keyid kids[KIDS];
	struct place p = { .take = at_skdc };

	enrol_more(w, kids);
	fill(w, &p, good, part, kids, KIDS);
	wire_free(good);
	/* devices that are known have been seen: what is remembered of that? */
	honest(w);
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	return p;
}

static inline struct place
psk_requests(struct world *w)
{
	fluffy_bytes good = request(w, SENSOR, "lock");

	return place_at_skdc(w, &good, authenticator_of);
}

static inline struct place
first_requests(struct world *w)
{
	struct place p = psk_requests(w);

	p.take = at_new_skdc;
	return p;
}

/* The lowest of all kids, and the one before. */
static inline struct place
lowest_requests(struct world *w)
{
	struct place p = psk_requests(w);
	struct keyid lowest;
	struct secret secret;
	fluffy_bytes good = p.wire[0];
	bool found;

	must(w->ctx, store_secret_find(w->skdc, BYTES("none"), &secret,
	    &found));
	assert_false(found);
	lowest = w->skdc->sql->lowest_secret;
	assert_int_not_equal(lowest.b[lowest.n - 1], 0);
	for (size_t i = 1; i < KIDS; i++)
		wire_free(&p.wire[i]);
	fill(w, &p, &good, authenticator_of, &lowest, 1);
	wire_free(&good);
	p.unknown = -1;
	return p;
}

/* Which kid is the nearest below that one; n: none. */
static inline size_t
below(const struct keyid *kids, size_t n, size_t than)
{
	size_t found = n, i;

	for (i = 0; i < n; i++)
		if (bytes_cmp(keyid_bytes(&kids[i]),
		    keyid_bytes(&kids[than])) < 0 && (found == n ||
		    bytes_cmp(keyid_bytes(&kids[i]),
		    keyid_bytes(&kids[found])) > 0))
			found = i;
	return found;
}

/*
 * Kids of devices with long names, and those before them, which nobody has:
 * what is next to these is another's, whose name is short.
 */
static inline struct place
neighbours(struct world *w)
{
	struct place p = { .take = at_skdc };
	struct keyid kids[KIDS], chosen[KIDS];
	fluffy_bytes good = request(w, SENSOR, "lock");
	size_t n = 0;

	enrol_more(w, kids);
	for (unsigned i = 0; i < KIDS; i++) {
		size_t j = below(kids, KIDS, i);

		if (j < KIDS && digits_of(i) > digits_of((unsigned)j) + 99 &&
		    kids[i].b[kids[i].n - 1] != 0)
			chosen[n++] = kids[i];
	}
	assert_true(n > 0);
	fill(w, &p, &good, authenticator_of, chosen, n);
	wire_free(&good);
	p.unknown = -1;
	honest(w);
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	return p;
}

static inline struct place
fetches(struct world *w)
{
	fluffy_bytes good;

	(void)create(w, SENSOR, NULL);
	good = fetch_wire(w, SENSOR, &(fluffy_fetch_params){ .group = "den" });
	return place_at_skdc(w, &good, authenticator_of);
}

static inline struct place
deletions(struct world *w)
{
	fluffy_bytes good;

	(void)create(w, SENSOR, NULL);
	good = delete_wire(w, SENSOR);
	return place_at_skdc(w, &good, envelope_of);
}

/* ---- at a device ----------------------------------------------------------------- */

static inline struct sealed *
ticket_of(fluffy_msg *msg)
{
	return &msg->mticket->enc_part;
}

static inline struct sealed *
receipt_of(fluffy_msg *msg)
{
	return &msg->receipt;
}

static inline struct sealed *
ack_of(fluffy_msg *msg)
{
	return &msg->ack;
}

static inline enum fluffy_error
at_lock(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	return step_msg(w, LOCK, msg, &no_params, out);
}

static inline enum fluffy_error
at_sensor(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	return step_msg(w, SENSOR, msg, &no_params, out);
}

static inline struct place
tickets(struct world *w)
{
	struct keyid kid = secret_of_owner(w, "lock").kid;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	struct place p = { .take = at_lock };

	fill(w, &p, &x.estb, ticket_of, &kid, 1);
	exchange_free(&x);
	return p;
}

static inline struct place
receipts(struct world *w)
{
	struct keyid kid = secret_of_owner(w, "sensor").kid;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	struct place p = { .take = at_sensor };

	fill(w, &p, &x.rep, receipt_of, &kid, 1);
	exchange_free(&x);
	return p;
}

/* At a client of many session keys; of each two keyids the second is not its. */
static inline struct place
acks(struct world *w)
{
	struct keyid kids[KIDS];
	struct exchange x, other;
	struct place p = { .take = at_sensor };

	for (size_t i = 0; i < KIDS; i++) {
		x = whole_exchange(w, SENSOR, LOCK);
		kids[i] = last_key(w);
		other = half_exchange(w, LOCK, SENSOR);
		exchange_free(&other);
		if (i + 1 < KIDS)
			exchange_free(&x);
	}
	fill(w, &p, &x.ack, ack_of, kids, KIDS);
	exchange_free(&x);
	return p;
}

/* The one before is not its either, and before the first there is none. */
static inline struct place
acks_before(struct world *w)
{
	struct place p = acks(w);

	p.unknown = -1;
	return p;
}

/*
 * place: how many instructions of a message its place in the index may cost.
 * uneven: some rows are read for what is unknown only, and others for what is
 * known only; how warm a cache has them isn't about the class, so that is
 * counted and not timed.
 */
static const struct {
	const char *what;
	struct place (*make)(struct world *);
	unsigned place;
	bool uneven;
} places[] = {
	{ "PSK-REQ", psk_requests },
	{ "PSK-REQ, another's neighbour", neighbours, 20, true },
	{ "PSK-REQ, nothing remembered", first_requests },
	{ "PSK-REQ, below all kids", lowest_requests },
	{ "GSK-FET", fetches },
	{ "GSK-DELT", deletions },
	{ "PSK-ESTB's miniticket", tickets },
	{ "PSK-REP's receipt", receipts },
	{ "PSK-ACK", acks, 10 },
	{ "PSK-ACK, the keyid before", acks_before, 20 }
};

#define N_PLACES (sizeof(places) / sizeof(places[0]))

static inline struct world *
place_world(void)
{
	void *state;

	assert_int_equal(world_new(&state), 0);
	return state;
}

/* It was only watched: afterwards everything works. */
static inline void
place_end(struct world *w, struct place *p)
{
	void *state = w;

	for (size_t i = 0; i < KIDS; i++)
		wire_free(&p->wire[i]);
	if (w->skdc->in_transaction)
		must(w->ctx, fluffy_skdc_commit(w->skdc));
	honest(w);
	assert_int_equal(world_free(&state), 0);
}

#endif

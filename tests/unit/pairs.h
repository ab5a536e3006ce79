/*
 * pairs.h - steps with key pairs, in the world of world.h
 */
#ifndef PAIRS_H
#define PAIRS_H

#include "groups.h"

static inline fluffy_bytes
pkp_wire(struct world *w, struct device_store *d,
    const fluffy_pkp_params *params)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_pkp_request(d->store, params, &msg));
	return to_wire(w, &msg);
}

/* ES256; service may be NULL. */
static inline fluffy_bytes
pair_wire(struct world *w, struct device_store *d, const char *service)
{
	return pkp_wire(w, d, &(fluffy_pkp_params){ .kty = "EC",
	    .etype = "ES256", .service = service });
}

/* *estb is empty when no service was named. */
static inline enum fluffy_error
pkp_take(struct world *w, struct device_store *d, const fluffy_bytes *in,
    fluffy_bytes *estb)
{
	fluffy_msg *msg = from_wire(w, in), *out;
	enum fluffy_error e;

	*estb = (fluffy_bytes){ NULL, 0 };
	e = fluffy_pkp_accept(d->store, msg, &no_params, &out, &w->outcome);
	if (out != NULL)
		*estb = to_wire(w, &out);
	fluffy_msg_free(&msg);
	return e;
}

static inline bool
has_pair(struct device_store *d, const struct keyid *key, bool peer)
{
	struct arena arena = { NULL, false };
	struct pair pair;
	enum fluffy_error e = store_pair(d->store, &arena, keyid_bytes(key),
	    peer, &pair);

	arena_free(&arena);
	assert_true(e == FLUFFY_OK || e == FLUFFY_E_NOT_FOUND);
	return e == FLUFFY_OK;
}

/* ---- every kind ---------------------------------------------------------- */

static const struct pair_kind {
	const char *kty_name, *alg_name;
	int64_t kty, alg, crv;
	bool signs;
} kinds[] = {
	{ "EC", "ES256", KTY_EC, -7, 1, true },
	{ "EC", "ES384", KTY_EC, -35, 2, true },
	{ "EC", "ES512", KTY_EC, -36, 3, true },
	{ "EC", "ECDH-ES+HKDF-256", KTY_EC, -25, 1, false },
	{ "OKP", "EdDSA", KTY_OKP, -8, 6, true },
	{ "OKP", "ECDH-ES+HKDF-256", KTY_OKP, -25, 4, false },
	{ "RSA", "PS256", KTY_RSA, -37, 0, true }
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static inline fluffy_bytes
kind_wire(struct world *w, const struct pair_kind *kind, const char *service)
{
	return pkp_wire(w, SENSOR, &(fluffy_pkp_params){
	    .kty = kind->kty_name, .etype = kind->alg_name,
	    .service = service });
}

/* Up to the PSK-ESTB, which nobody has read. */
struct pairing {
	fluffy_bytes req, rep, estb;
	struct keyid key;
};

static inline void
pairing_free(struct pairing *p)
{
	wire_free(&p->req);
	wire_free(&p->rep);
	wire_free(&p->estb);
}

static inline struct pairing
paired(struct world *w, fluffy_bytes req)
{
	struct pairing p = { .req = req };

	p.rep = asked(w, &p.req);
	must(w->ctx, pkp_take(w, SENSOR, &p.rep, &p.estb));
	assert_int_equal(w->outcome.kind, FLUFFY_PAIR_RECEIVED);
	p.key = last_key(w);
	return p;
}

/* The service takes it, and answers nothing. */
static inline void
shown(struct world *w, const fluffy_bytes *estb, enum fluffy_outcome_kind kind)
{
	fluffy_bytes out;

	must(w->ctx, step(w, LOCK, estb, &out));
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, kind);
	assert_string_equal(w->outcome.peer, "sensor");
}

/* "And an honest pair still works." */
static inline void
honest_pair(struct world *w)
{
	struct pairing p = paired(w, pair_wire(w, SENSOR, "lock"));

	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	assert_true(has_pair(SENSOR, &p.key, false));
	assert_true(has_pair(LOCK, &p.key, true));
	pairing_free(&p);
}

/* The private half, as it is kept. */
static inline struct pair
pair_of(struct world *w, struct arena *arena, const struct keyid *key)
{
	struct pair pair;

	must(w->ctx, store_pair(SENSOR->store, arena, keyid_bytes(key), false,
	    &pair));
	return pair;
}

#endif

/*
 * attack.h - faults that somebody who has the keys puts into honest messages
 */
#ifndef ATTACK_H
#define ATTACK_H

#include "world.h"

#include "alg.h"
#include "cose.h"
#include "cbor.h"
#include "decode.h"

/* A message under construction: what faults change, and how it is sealed. */
struct forgery {
	struct world *w;
	fluffy_msg *msg;
	struct part *part;	/* receipt's, ack's or authenticator's */
	struct secret secret;	/* of the one who seals it */
	struct symm key;	/* session key, where one seals */
	struct bytes kid;
	bool break_seal, break_ticket, drop_authenticator, plain_spoilt;
	struct bytes ticket_kid;
	struct part *ticket;	/* PSK-ESTB: the miniticket's plaintext */
};

typedef void fault_function(struct forgery *);

struct fault {
	const char *name;
	fault_function *make;
	enum fluffy_error code;
};

static inline void
set_name(struct forgery *f, struct bytes *member, const char *name)
{
	*member = arena_dup(&f->msg->arena, bytes_str(name));
}

static inline void
set_nonce(struct forgery *f, uint64_t n)
{
	f->part->nonce = arena_dup(&f->msg->arena, bytes_of(&n, 8));
}

static inline void
spoil(struct bytes b)
{
	writable(b)[b.n / 2] ^= 1;
}

/* ---- what an ERROR says -------------------------------------------------- */

/* ack is there exactly when it should be (section 6). */
static inline void
check_error_to(struct world *w, const fluffy_bytes *wire,
    enum fluffy_error code, const char *device)
{
	bool ack = code != FLUFFY_E_MALFORMED &&
	    code != FLUFFY_E_BAD_VERSION && code != FLUFFY_E_AUTH_FAILED &&
	    code != FLUFFY_E_WRONG_SKDC;
	fluffy_msg *msg;

	assert_non_null(wire->data);
	msg = from_wire(w, wire);
	assert_int_equal(fluffy_msg_type(msg), FLUFFY_ERROR);
	assert_int_equal(msg->error_code, code);
	assert_int_equal(fluffy_msg_error(msg), code);
	assert_int_equal(HAS(msg, L_ack), ack);
	assert_int_equal(HAS(msg, L_cname), ack);
	assert_int_equal(HAS(msg, L_crealm), ack);
	assert_true(HAS(msg, L_skdcname));
	assert_int_equal(msg->head.n_extras, 0);
	if (ack)
		assert_bytes(msg->cname, bytes_str(device));
	/* reasons that tell who exists, or what is allowed, stay here */
	if (ack || code == FLUFFY_E_AUTH_FAILED)
		assert_false(HAS(msg, L_e_text));
	fluffy_msg_free(&msg);
}

static inline void
check_error(struct world *w, const fluffy_bytes *wire, enum fluffy_error code)
{
	check_error_to(w, wire, code, "sensor");
}

/* A service's ERROR: no ack, no skdcname, no cname; a hint, always. */
static inline void
check_hint(struct world *w, const fluffy_bytes *wire, enum fluffy_error code)
{
	fluffy_bytes none;
	fluffy_msg *msg;

	assert_non_null(wire->data);
	msg = from_wire(w, wire);
	assert_int_equal(fluffy_msg_type(msg), FLUFFY_ERROR);
	assert_int_equal(msg->error_code, code);
	assert_false(HAS(msg, L_ack));
	assert_false(HAS(msg, L_cname));
	assert_false(HAS(msg, L_crealm));
	assert_false(HAS(msg, L_skdcname));
	assert_false(HAS(msg, L_skdcrealm));
	fluffy_msg_free(&msg);
	none = stepped(w, SENSOR, wire);
	assert_null(none.data);
	assert_int_equal(w->outcome.kind, FLUFFY_ERROR_HINT);
}

/* ---- faults -------------------------------------------------------------- */

static inline void
req_other_skdc(struct forgery *f)
{
	set_name(f, &f->msg->body->skdcname, "other");
}

static inline void
req_other_realm(struct forgery *f)
{
	set_name(f, &f->msg->body->skdcrealm, "far");
}

static inline void
unknown_kid(struct forgery *f)
{
	f->kid = BYTES("none");
}

static inline void
bad_seal(struct forgery *f)
{
	f->break_seal = true;
}

static inline void
other_algorithm(struct forgery *f)
{
	f->key.alg = ALG_SESSION_DEFAULT; /* the same key and iv lengths */
}

/* Its iv has another length, too. */
static inline void
shorter_iv(struct forgery *f)
{
	f->key.alg = 1; /* A128GCM */
}

static inline void
wrong_cksum(struct forgery *f)
{
	f->part->cksum = BYTES("12345678");
	SET(f->part, L_cksum);
}

static inline void
other_name(struct forgery *f)
{
	set_name(f, &f->part->cname, "lamp");
}

static inline void
other_realm(struct forgery *f)
{
	set_name(f, &f->part->crealm, "far");
}

static inline void
clock_behind(struct forgery *f)
{
	(void)f;
	the_time -= 2000;
	f->part->ctime -= 2000;
}

static inline void
other_kty(struct forgery *f)
{
	f->msg->body->kty = KTY_EC;
}

static inline void
no_common_etype(struct forgery *f)
{
	f->msg->body->etype = (struct tokens){ .v = { 99, -7 }, .n = 2 };
}

static inline void
unknown_service(struct forgery *f)
{
	set_name(f, &f->msg->body->spname, "nobody");
}

static inline void
foreign_realm(struct forgery *f)
{
	set_name(f, &f->msg->body->sprealm, "far");
	SET(f->msg->body, L_sprealm);
}

static inline void
denied(struct forgery *f)
{
	must(f->w->ctx, fluffy_deny(f->w->skdc, "sensor", "*"));
}

static inline void
clear_name(struct forgery *f)
{
	set_name(f, &f->msg->cname, "lamp");
}

static inline void
clear_realm(struct forgery *f)
{
	set_name(f, &f->msg->crealm, "far");
}

static inline void
receipt_other_skdc(struct forgery *f)
{
	set_name(f, &f->part->skdcname, "other");
}

static inline void
nonce_never_asked(struct forgery *f)
{
	set_nonce(f, 42);
}

static inline void
alg_never_asked(struct forgery *f)
{
	f->part->keydata->alg = 1; /* as long a key */
}

static inline void
receipt_expired(struct forgery *f)
{
	f->part->authtime = the_time - 100;
	f->part->endtime = the_time;
}

static inline void
receipt_never_good(struct forgery *f)
{
	f->part->authtime = f->part->endtime = the_time + 1000;
}

#define N_FAULTS(faults) (sizeof(faults) / sizeof((faults)[0]))

/* ---- parts that are moved ------------------------------------------------ */

static inline void
swap_sealed(struct world *w, fluffy_bytes *a, fluffy_bytes *b,
    struct sealed *(*of)(fluffy_msg *))
{
	fluffy_msg *x = from_wire(w, a), *y = from_wire(w, b);
	struct sealed swap = *of(x);
	fluffy_bytes out;

	*of(x) = *of(y);
	*of(y) = swap;
	must(w->ctx, fluffy_msg_write(w->ctx, x, w->format, 0, &out));
	wire_free(a);
	*a = out;
	must(w->ctx, fluffy_msg_write(w->ctx, y, w->format, 0, &out));
	wire_free(b);
	*b = out;
	fluffy_msg_free(&x);
	fluffy_msg_free(&y);
}

static inline struct sealed *
authenticator_in(fluffy_msg *msg)
{
	return &msg->authenticator;
}

static inline struct sealed *
receipt_in(fluffy_msg *msg)
{
	return &msg->receipt;
}

static inline struct sealed *
enc_part_in(fluffy_msg *msg)
{
	return &msg->mticket->enc_part;
}

static inline struct sealed *
ack_in(fluffy_msg *msg)
{
	return &msg->ack;
}

/* ---- ERROR --------------------------------------------------------------- */

/* An ERROR that answers the request, properly sealed by the SKDC. */
static inline fluffy_msg *
make_error_for(struct world *w, const char *owner, int label,
    const fluffy_bytes *req, enum fluffy_error code)
{
	struct step r = { .msg = from_wire(w, req), .now = the_time,
	    .verified = true };
	fluffy_msg *error;

	r.secret = secret_of_owner(w, owner);
	r.part = open_part(w, r.msg, r.msg, label, &r.secret.key);
	must(w->ctx, store_begin(w->skdc));
	must(w->ctx, error_make(w->skdc, &r, code, &error));
	must(w->ctx, store_commit(w->skdc));
	fluffy_msg_free(&r.msg);
	return error;
}

static inline fluffy_msg *
make_error(struct world *w, const fluffy_bytes *req, enum fluffy_error code)
{
	return make_error_for(w, "sensor", L_authenticator, req, code);
}

#endif

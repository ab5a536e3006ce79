/*
 * scenes.h - one honest message of each type that groups, deletions and pairs
 * have, and whom it is for
 */
#ifndef SCENES_H
#define SCENES_H

#include "attack.h"
#include "pairs.h"

struct scene {
	const char *name;
	int label;		/* of the part that proves it */
	const char *owner;	/* of the secret key that it is sealed under */
	fluffy_bytes (*make)(struct world *);
	/* *out is empty when nothing is answered */
	enum fluffy_error (*give)(struct world *, fluffy_msg *,
	    fluffy_bytes *out);
};

/* ---- whom it is for ------------------------------------------------------ */

static inline enum fluffy_error
give_skdc(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	return ask_msg(w, w->skdc, in, out);
}

static inline enum fluffy_error
give_gsk(struct world *w, struct device_store *d, fluffy_msg *in,
    fluffy_bytes *out)
{
	*out = (fluffy_bytes){ NULL, 0 };
	return fluffy_gsk_accept(d->store, in, &w->outcome);
}

static inline enum fluffy_error
give_owner(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	return give_gsk(w, LOCK, in, out);
}

static inline enum fluffy_error
give_member(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	return give_gsk(w, SENSOR, in, out);
}

static inline enum fluffy_error
give_holder(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	fluffy_msg *answer;
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	e = fluffy_del_accept(SENSOR->store, in, &answer, &w->outcome);
	if (answer != NULL)
		*out = to_wire(w, &answer);
	return e;
}

static inline enum fluffy_error
give_client(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	fluffy_msg *answer;
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	e = fluffy_pkp_accept(SENSOR->store, in, &no_params, &answer,
	    &w->outcome);
	if (answer != NULL)
		*out = to_wire(w, &answer);
	return e;
}

/* ---- the messages, with all that is optional in them --------------------- */

static const fluffy_extras all_extras = { .ext = "[1]", .cksum = true,
	.has_seqnum = true, .seqnum = 7 };

/* A name that no group had, nor one that was cut off. */
static inline const char *
new_name(void)
{
	static char name[20];
	static int n;

	(void)snprintf(name, sizeof(name), "g%d group", n++);
	return name;
}

static inline fluffy_bytes
make_gsk_req(struct world *w)
{
	return gsk_wire(w, LOCK, &(fluffy_gsk_params){ .group = new_name(),
	    .realm = "home", .members = "any", .extras = all_extras });
}

static inline fluffy_bytes
make_gsk_rep(struct world *w)
{
	fluffy_bytes req = make_gsk_req(w), rep = asked(w, &req);

	wire_free(&req);
	return rep;
}

/* "den" is the lock's, and anybody's. */
static inline struct keyid
den(struct world *w)
{
	struct arena arena = { NULL, false };
	struct group g;
	enum fluffy_error e = store_group(w->skdc, &arena, BYTES("home"),
	    BYTES("den"), &g);

	arena_free(&arena);
	if (e == FLUFFY_OK)
		return g.keyid;
	return create(w, LOCK, "any");
}

static inline fluffy_bytes
make_gsk_fet(struct world *w)
{
	struct keyid key = den(w);

	return fetch_wire(w, SENSOR, &(fluffy_fetch_params){ .group = "den",
	    .realm = "home", .keyid = key.b, .keyid_len = key.n,
	    .extras = all_extras });
}

static inline fluffy_bytes
make_gsk_dlvr(struct world *w)
{
	fluffy_bytes req = make_gsk_fet(w), dlvr = asked(w, &req);

	wire_free(&req);
	return dlvr;
}

static inline fluffy_bytes
make_gsk_delt(struct world *w)
{
	const char *name = new_name();
	fluffy_msg *msg;

	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = name,
	    .realm = "home", .members = "any" });
	(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){ .group = name });
	must(w->ctx, fluffy_gsk_delete(LOCK->store, name, "home", &msg));
	return to_wire(w, &msg);
}

static inline fluffy_bytes
make_psk_delt(struct world *w)
{
	fluffy_bytes delt = make_gsk_delt(w), out;
	struct wires delts = asked_all(w, &delt);

	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	out = delts.v[0];
	wire_free(&delt);
	return out;
}

static inline fluffy_bytes
make_psk_delc(struct world *w)
{
	fluffy_bytes delt = make_psk_delt(w);
	fluffy_bytes delc = confirmed(w, SENSOR, &delt);

	wire_free(&delt);
	return delc;
}

static inline fluffy_bytes
make_gsk_delc(struct world *w)
{
	fluffy_bytes delc = make_psk_delc(w), out;
	struct wires last = asked_all(w, &delc);

	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	out = last.v[0];
	wire_free(&delc);
	return out;
}

static inline fluffy_bytes
make_pkp_req(struct world *w)
{
	return pkp_wire(w, SENSOR, &(fluffy_pkp_params){ .kty = "EC",
	    .etype = "ES256", .service = "lock", .realm = "home",
	    .cpac = "{\"a\":1}", .extras = all_extras });
}

static inline fluffy_bytes
make_pkp_rep(struct world *w)
{
	fluffy_bytes req = make_pkp_req(w), rep = asked(w, &req);

	wire_free(&req);
	return rep;
}

static const struct scene gsk_req = { "GSK-REQ", L_authenticator, "lock",
	make_gsk_req, give_skdc };
static const struct scene gsk_rep = { "GSK-REP", L_receipt, "lock",
	make_gsk_rep, give_owner };
static const struct scene gsk_fet = { "GSK-FET", L_authenticator, "sensor",
	make_gsk_fet, give_skdc };
static const struct scene gsk_dlvr = { "GSK-DLVR", L_receipt, "sensor",
	make_gsk_dlvr, give_member };
static const struct scene gsk_delt = { "GSK-DELT", L_kenvelope, "lock",
	make_gsk_delt, give_skdc };
static const struct scene psk_delt = { "PSK-DELT", L_kenvelope, "sensor",
	make_psk_delt, give_holder };
static const struct scene psk_delc = { "PSK-DELC", L_ack, "sensor",
	make_psk_delc, give_skdc };
static const struct scene gsk_delc = { "GSK-DELC", L_ack, "lock",
	make_gsk_delc, give_owner };
static const struct scene pkp_req = { "PKP-REQ", L_authenticator, "sensor",
	make_pkp_req, give_skdc };
static const struct scene pkp_rep = { "PKP-REP", L_receipt, "sensor",
	make_pkp_rep, give_client };

static const struct scene *const scenes[] = { &gsk_req, &gsk_rep, &gsk_fet,
	&gsk_dlvr, &gsk_delt, &psk_delt, &psk_delc, &gsk_delc, &pkp_req,
	&pkp_rep };

#define N_SCENES (sizeof(scenes) / sizeof(scenes[0]))

/* ---- somebody who has the key changes it --------------------------------- */

static inline void
forge_from(struct world *w, struct forgery *f, const struct scene *scene,
    const fluffy_bytes *wire)
{
	memset(f, 0, sizeof(*f));
	f->w = w;
	f->msg = from_wire(w, wire);
	f->secret = secret_of_owner(w, scene->owner);
	f->key = f->secret.key;
	f->kid = keyid_bytes(&f->secret.kid);
	f->part = open_part(w, f->msg, f->msg, scene->label, &f->key);
}

static inline void
forge(struct world *w, struct forgery *f, const struct scene *scene)
{
	fluffy_bytes wire = scene->make(w);

	forge_from(w, f, scene, &wire);
	wire_free(&wire);
}

/* cksum is about the whole: it is made anew, or left out. */
static inline void
forge_seal(struct forgery *f, const struct scene *scene)
{
	struct sealed *sealed = sealed_member(f->msg, scene->label);

	reseal(f->w, f->msg, f->msg, scene->label, f->part, &f->key, f->kid);
	if (f->break_seal)
		spoil(sealed->ciphertext);
	sealed->plain = NULL;
}

/* From the wire, as everything comes. */
static inline enum fluffy_error
give_again(struct world *w, const struct scene *scene, fluffy_msg **msg,
    fluffy_bytes *out)
{
	fluffy_bytes wire = to_wire(w, msg);
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	memset(&w->outcome, 0, sizeof(w->outcome));
	e = fluffy_msg_read(w->ctx, wire.data, wire.len, msg);
	if (e == FLUFFY_OK)
		e = scene->give(w, *msg, out);
	fluffy_msg_free(msg);
	wire_free(&wire);
	return e;
}

#endif

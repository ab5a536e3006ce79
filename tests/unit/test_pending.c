/*
 * test_pending.c - which request an answer is for: one that waits, of the type
 * that it answers, for the names, the realm and the kind of key that it says
 */
#include "scenes.h"

/* What answers the one request has the other's nonce. */
static void
answer_to(struct forgery *f, const fluffy_bytes *req)
{
	fluffy_msg *msg = from_wire(f->w, req);
	const struct part *part = open_part(f->w, msg, msg, L_authenticator,
	    &f->key);

	f->part->nonce = arena_dup(&f->msg->arena, part->nonce);
	fluffy_msg_free(&msg);
}

/* Refused; what was forged is taken as it came. */
static void
refused_once(struct world *w, struct forgery *f, const struct scene *scene,
    const fluffy_bytes *wire, enum fluffy_error code)
{
	fluffy_msg *msg = from_wire(w, wire);
	fluffy_bytes out;

	forge_seal(f, scene);
	expect(w, give_again(w, scene, &f->msg, &out), code);
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	must(w->ctx, scene->give(w, msg, &out));
	fluffy_msg_free(&msg);
	wire_free(&out);
}

static fluffy_bytes
make_psk_rep(struct world *w)
{
	fluffy_bytes req = request_with(w, SENSOR, &(fluffy_psk_params){
	    .service = "lock", .realm = "home" }), rep = asked(w, &req);

	wire_free(&req);
	return rep;
}

static enum fluffy_error
give_psk_client(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	return step_msg(w, SENSOR, in, &no_params, out);
}

static const struct scene psk_rep = { "PSK-REP", L_receipt, "sensor",
	make_psk_rep, give_psk_client };

/* ---- the type ------------------------------------------------------------ */

/* By the same device and for the same name, of another type. */
static fluffy_bytes
other_request(struct world *w, const struct scene *scene, struct bytes group)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "%.*s", (int)group.n,
	    (const char *)group.p);
	if (scene == &psk_rep)
		return make_pkp_req(w);
	if (scene == &pkp_rep)
		return request_with(w, SENSOR, &(fluffy_psk_params){
		    .service = "lock", .realm = "home" });
	if (scene == &gsk_dlvr)
		return gsk_wire(w, SENSOR, &(fluffy_gsk_params){
		    .group = name, .realm = "home" });
	return fetch_wire(w, LOCK, &(fluffy_fetch_params){ .group = name,
	    .realm = "home" });
}

static void
an_answer_is_to_a_request_of_its_type(void **state)
{
	static const struct scene *const answers[] = { &psk_rep, &pkp_rep,
		&gsk_rep, &gsk_dlvr, &gsk_delc };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < N_FAULTS(answers); i++) {
		fluffy_bytes wire = answers[i]->make(w), other;
		struct forgery f;

		forge_from(w, &f, answers[i], &wire);
		other = other_request(w, answers[i], f.part->mcastname);
		answer_to(&f, &other);
		refused_once(w, &f, answers[i], &wire, FLUFFY_E_REPLAY);
		wire_free(&wire);
		wire_free(&other);
	}
	honest(w);
	honest_group(w);
	honest_pair(w);
}

/* ---- PSK-ACK: the key ---------------------------------------------------- */

static struct symm
session_key(struct world *w, struct device_store *d, const fluffy_msg *ack,
    enum held_as as)
{
	struct keyid id = { .n = (uint8_t)ack->ack.kid.n };

	memcpy(id.b, ack->ack.kid.p, id.n);
	return key_of(w, d, &id, as);
}

/* The lock's PSK-ACK, but for the nonce. */
static void
ack_refused(struct world *w, const fluffy_bytes *ack, struct bytes nonce)
{
	fluffy_msg *msg = from_wire(w, ack);
	struct symm key = session_key(w, LOCK, msg, AS_SERVICE);
	struct part *part = open_part(w, msg, msg, L_ack, &key);
	fluffy_bytes out;

	part->nonce = arena_dup(&msg->arena, nonce);
	reseal(w, msg, msg, L_ack, part, &key, msg->ack.kid);
	expect(w, step_msg(w, SENSOR, msg, &no_params, &out),
	    FLUFFY_E_REPLAY);
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	fluffy_msg_free(&msg);
}

static void
an_ack_is_to_the_estb_of_its_key(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	struct exchange y = half_exchange(w, SENSOR, LOCK);
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_bytes fetch;
	fluffy_msg *msg, *ack;
	struct symm key;

	x.ack = stepped(w, LOCK, &x.estb);
	y.ack = stepped(w, LOCK, &y.estb);
	/* another PSK-ESTB's, to the same service */
	ack = from_wire(w, &y.ack);
	key = session_key(w, LOCK, ack, AS_SERVICE);
	msg = from_wire(w, &y.estb);
	ack_refused(w, &x.ack, open_part(w, msg, msg, L_authenticator,
	    &key)->nonce);
	fluffy_msg_free(&ack);
	fluffy_msg_free(&msg);
	/* a request's that is no PSK-ESTB, and about that very key */
	ack = from_wire(w, &x.ack);
	fetch = fetch_wire(w, SENSOR, &(fluffy_fetch_params){
	    .group = "lock", .keyid = ack->ack.kid.p,
	    .keyid_len = ack->ack.kid.n });
	msg = from_wire(w, &fetch);
	ack_refused(w, &x.ack, open_part(w, msg, msg, L_authenticator,
	    &secret.key)->nonce);
	fluffy_msg_free(&ack);
	fluffy_msg_free(&msg);
	wire_free(&fetch);
	(void)stepped(w, SENSOR, &x.ack);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	(void)stepped(w, SENSOR, &y.ack);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	exchange_free(&x);
	exchange_free(&y);
}

/* ---- names and realms ---------------------------------------------------- */

static void
set_realm(struct forgery *f, struct bytes *member, struct head *head)
{
	set_name(f, member, "far");
	head->has |= label_bit(L_sprealm);
}

/* In the miniticket alone, and in the receipt as well. */
static void
an_answer_is_for_the_realm_that_was_asked_for(void **state)
{
	static const struct scene *const answers[] = { &psk_rep, &pkp_rep };
	struct world *w = *state;
	struct forgery f;
	size_t i;
	int both;

	for (i = 0; i < N_FAULTS(answers); i++) {
		for (both = 0; both < 2; both++) {
			fluffy_bytes wire = answers[i]->make(w);

			forge_from(w, &f, answers[i], &wire);
			set_realm(&f, &f.msg->mticket->sprealm,
			    &f.msg->mticket->head);
			if (both)
				set_realm(&f, &f.part->sprealm,
				    &f.part->head);
			refused_once(w, &f, answers[i], &wire,
			    FLUFFY_E_AUTH_FAILED);
			wire_free(&wire);
		}
	}
	honest(w);
	honest_pair(w);
}

/* ---- the kind of key ----------------------------------------------------- */

/* Agreement has one algorithm, of two types of key. */
static void
a_pair_is_of_the_type_that_was_asked_for(void **state)
{
	static const char agreement[] = "ECDH-ES+HKDF-256";
	struct world *w = *state;
	fluffy_bytes ec = pkp_wire(w, SENSOR, &(fluffy_pkp_params){
	    .kty = "EC", .etype = agreement, .service = "lock" });
	fluffy_bytes okp = pkp_wire(w, SENSOR, &(fluffy_pkp_params){
	    .kty = "OKP", .etype = agreement, .service = "lock" });
	fluffy_bytes rep = asked(w, &okp), other;
	struct forgery f;

	forge_from(w, &f, &pkp_rep, &rep);
	answer_to(&f, &ec);
	refused_once(w, &f, &pkp_rep, &rep, FLUFFY_E_BAD_ETYPE);
	other = asked(w, &ec);
	wire_free(&rep);
	must(w->ctx, pkp_take(w, SENSOR, &other, &rep));
	wire_free(&rep);
	wire_free(&other);
	wire_free(&ec);
	wire_free(&okp);
	honest_pair(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(an_answer_is_to_a_request_of_its_type),
		IN_CBOR(an_ack_is_to_the_estb_of_its_key),
		IN_CBOR(an_answer_is_for_the_realm_that_was_asked_for),
		IN_CBOR(a_pair_is_of_the_type_that_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

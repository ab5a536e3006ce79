/* fault_realm.c - the exchanges, each message made, answered and taken */
#include "fault_world.h"

/* ---- what follows -------------------------------------------------------- */

static void
nothing_follows(void)
{
}

static void
follow_ack(void)
{
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	assert_int_equal(out.n, 0);
}

static void
follow_estb(void)
{
	fluffy_bytes nothing;

	assert_int_equal(out.n, 1);
	nothing = stepped(w, SENSOR, &out.v[0]);
	assert_null(nothing.data);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
}

static void
show_estb(const fluffy_bytes *estb)
{
	fluffy_bytes ack = stepped(w, LOCK, estb), nothing;

	nothing = stepped(w, SENSOR, &ack);
	assert_null(nothing.data);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	wire_free(&ack);
}

static void
follow_rep(void)
{
	assert_int_equal(out.n, 1);
	show_estb(&out.v[0]);
}

static void
show_rep(const fluffy_bytes *rep)
{
	fluffy_bytes estb = stepped(w, SENSOR, rep);

	show_estb(&estb);
	wire_free(&estb);
}

static void
follow_psk_answer(void)
{
	assert_int_equal(out.n, 1);
	show_rep(&out.v[0]);
}

static void
follow_psk_req(void)
{
	fluffy_bytes rep;

	assert_int_equal(out.n, 1);
	rep = asked(w, &out.v[0]);
	show_rep(&rep);
	wire_free(&rep);
}

/* ---- PSK ----------------------------------------------------------------- */

static const fluffy_psk_params psk_params = { .service = "lock",
	.realm = "home", .etype = "A128GCM,AES-CCM-16-64-256",
	.cpac = "{\"a\":[1,\"b\"]}", .extras = { .ext = "[1]", .cksum = true,
	    .has_seqnum = true, .seqnum = 7 } };

static enum fluffy_error
act_psk_req(void)
{
	fluffy_msg *msg;

	return put(fluffy_psk_request(SENSOR->store, &psk_params, &msg),
	    &msg);
}

static void
prepare_psk_answer(void)
{
	in = request_with(w, SENSOR, &psk_params);
}

static void
prepare_psk_rep(void)
{
	fluffy_bytes req = request_with(w, SENSOR, &psk_params);

	in = asked(w, &req);
	wire_free(&req);
}

static enum fluffy_error
act_estb(void)
{
	return act_take(fluffy_estb);
}

static void
prepare_psk_estb(void)
{
	fluffy_bytes rep;

	prepare_psk_rep();
	rep = in;
	in = stepped(w, SENSOR, &rep);
	wire_free(&rep);
	who = LOCK;
}

static void
prepare_psk_ack(void)
{
	fluffy_bytes estb;

	prepare_psk_estb();
	estb = in;
	in = stepped(w, LOCK, &estb);
	wire_free(&estb);
	who = SENSOR;
}

/* ---- groups -------------------------------------------------------------- */

static const fluffy_gsk_params gsk_params = { .group = "den",
	.realm = "home", .members = "sensor,lamp", .lifetime = 3600,
	.extras = { .ext = "[1]", .cksum = true } };
static const fluffy_fetch_params fetch_params = { .group = "den" };

static void
fetch_den(void)
{
	(void)fetch(w, SENSOR);
	assert_int_equal(w->outcome.kind, FLUFFY_GROUP_JOINED);
}

static enum fluffy_error
act_gsk_req(void)
{
	fluffy_msg *msg;

	return put(fluffy_gsk_request(LOCK->store, &gsk_params, &msg), &msg);
}

static void
follow_gsk_answer(void)
{
	assert_int_equal(out.n, 1);
	gsk_taken(w, LOCK, &out.v[0], FLUFFY_GROUP_CREATED);
	fetch_den();
}

static void
follow_gsk_req(void)
{
	fluffy_bytes rep;

	assert_int_equal(out.n, 1);
	rep = asked(w, &out.v[0]);
	gsk_taken(w, LOCK, &rep, FLUFFY_GROUP_CREATED);
	wire_free(&rep);
	fetch_den();
}

static void
prepare_gsk_answer(void)
{
	in = gsk_wire(w, LOCK, &gsk_params);
}

static void
prepare_renew_answer(void)
{
	(void)create(w, LOCK, "sensor,lamp");
	fetch_den();
	in = gsk_wire(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .renew = true });
}

static void
prepare_gsk_rep(void)
{
	fluffy_bytes req = gsk_wire(w, LOCK, &gsk_params);

	in = asked(w, &req);
	wire_free(&req);
	who = LOCK;
}

static enum fluffy_error
take_gsk(fluffy_store *s, fluffy_msg *msg, const fluffy_extras *extras,
    fluffy_msg **answer, fluffy_outcome *outcome)
{
	(void)extras;
	*answer = NULL;
	return fluffy_gsk_accept(s, msg, outcome);
}

static enum fluffy_error
act_gsk(void)
{
	return act_take(take_gsk);
}

static void
follow_gsk_rep(void)
{
	struct keyid key = last_key(w);

	assert_int_equal(w->outcome.kind, FLUFFY_GROUP_CREATED);
	assert_true(has_key(w, LOCK, &key, AS_OWNER));
	fetch_den();
}

static enum fluffy_error
act_gsk_fet(void)
{
	fluffy_msg *msg;

	return put(fluffy_gsk_fetch(SENSOR->store, &fetch_params, &msg),
	    &msg);
}

static void
prepare_gsk_fet(void)
{
	(void)create(w, LOCK, "sensor,lamp");
}

static void
prepare_fet_answer(void)
{
	prepare_gsk_fet();
	in = fetch_wire(w, SENSOR, &fetch_params);
}

static void
prepare_gsk_dlvr(void)
{
	fluffy_bytes req;

	prepare_gsk_fet();
	req = fetch_wire(w, SENSOR, &fetch_params);
	in = asked(w, &req);
	wire_free(&req);
}

static void
follow_dlvr(void)
{
	struct keyid key = last_key(w);

	assert_int_equal(w->outcome.kind, FLUFFY_GROUP_JOINED);
	assert_true(has_key(w, SENSOR, &key, AS_MEMBER));
}

static void
follow_fet_answer(void)
{
	assert_int_equal(out.n, 1);
	gsk_taken(w, SENSOR, &out.v[0], FLUFFY_GROUP_JOINED);
	follow_dlvr();
}

static void
follow_gsk_fet(void)
{
	fluffy_bytes dlvr;

	assert_int_equal(out.n, 1);
	dlvr = asked(w, &out.v[0]);
	gsk_taken(w, SENSOR, &dlvr, FLUFFY_GROUP_JOINED);
	wire_free(&dlvr);
	follow_dlvr();
}

/* ---- deletion ------------------------------------------------------------ */

static struct keyid doomed;

static void
assert_deleted(struct device_store *d)
{
	assert_false(has_key(w, d, &doomed, AS_MEMBER));
	assert_false(has_key(w, d, &doomed, AS_OWNER));
	assert_false(has_key(w, d, &doomed, AS_CLIENT));
	assert_false(has_key(w, d, &doomed, AS_SERVICE));
}

static void
prepare_gsk_delt(void)
{
	doomed = new_den(w);
}

static enum fluffy_error
act_gsk_delt(void)
{
	fluffy_msg *msg;

	return put(fluffy_gsk_delete(LOCK->store, "den", NULL, &msg), &msg);
}

/* Each device erases, and the last one's word reaches the owner. */
static void
all_delete(const struct wires *delts)
{
	struct wires last = { .n = 0 };

	for (size_t i = 0; i < delts->n; i++) {
		assert_int_equal(last.n, 0);
		last = answered(w, &delts->v[i]);
		assert_deleted(addressee(w, &delts->v[i]));
	}
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	assert_deleted(LOCK);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_GROUP);
	wires_free(&last);
}

static void
follow_gsk_delt(void)
{
	struct wires delts;

	assert_int_equal(out.n, 1);
	delts = asked_all(w, &out.v[0]);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	all_delete(&delts);
	wires_free(&delts);
}

static void
prepare_delt_answer(void)
{
	prepare_gsk_delt();
	in = delete_wire(w, LOCK);
}

static void
follow_delt_answer(void)
{
	assert_types(w, &out, 2, FLUFFY_PSK_DELT);
	all_delete(&out);
}

static struct wires more;	/* the other device's PSK-DELT */

static void
prepare_psk_delt(void)
{
	fluffy_bytes delt;
	struct wires delts;

	prepare_delt_answer();
	delt = in;
	delts = asked_all(w, &delt);
	wire_free(&delt);
	in = delts.v[0];
	who = addressee(w, &in);
	more = (struct wires){ .n = 1, .v[0] = delts.v[1] };
}

static enum fluffy_error
take_del(fluffy_store *s, fluffy_msg *msg, const fluffy_extras *extras,
    fluffy_msg **answer, fluffy_outcome *outcome)
{
	(void)extras;
	return fluffy_del_accept(s, msg, answer, outcome);
}

static enum fluffy_error
act_del(void)
{
	return act_take(take_del);
}

static void
follow_psk_delt(void)
{
	struct wires none;

	assert_int_equal(out.n, 1);
	assert_deleted(who);
	none = asked_all(w, &out.v[0]);
	assert_int_equal(none.n, 0);
	all_delete(&more);
	wires_free(&more);
}

static void
prepare_psk_delc(void)
{
	fluffy_bytes delt;

	prepare_psk_delt();
	answer_quietly(w, &more.v[0]);
	wires_free(&more);
	delt = in;
	in = confirmed(w, who, &delt);
	wire_free(&delt);
}

static void
follow_psk_delc(void)
{
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &out.v[0], FLUFFY_GROUP_DELETED);
	assert_deleted(LOCK);
}

static void
prepare_gsk_delc(void)
{
	fluffy_bytes delc;

	prepare_psk_delc();
	delc = in;
	in = asked(w, &delc);
	wire_free(&delc);
	who = LOCK;
}

static void
follow_gsk_delc(void)
{
	assert_int_equal(w->outcome.kind, FLUFFY_GROUP_DELETED);
	assert_deleted(LOCK);
}

/* ---- ERROR --------------------------------------------------------------- */

static void
prepare_error_answer(void)
{
	in = request(w, SENSOR, "nobody");
}

static void
follow_error_answer(void)
{
	fluffy_bytes nothing;

	assert_types(w, &out, 1, FLUFFY_ERROR);
	nothing = stepped(w, SENSOR, &out.v[0]);
	assert_null(nothing.data);
	assert_int_equal(w->outcome.kind, FLUFFY_ERROR_PROVEN);
}

static void
prepare_error(void)
{
	fluffy_bytes req = request(w, SENSOR, "nobody");

	expect(w, ask(w, &req, &in), FLUFFY_E_UNKNOWN_SERVICE);
	wire_free(&req);
}

/* One that can't be proven is a hint, which changes nothing. */
static enum fluffy_error
act_error(void)
{
	enum fluffy_error e = act_estb();

	if (e == FLUFFY_OK && w->outcome.kind != FLUFFY_ERROR_PROVEN)
		e = fluffy_fail(w->ctx, FLUFFY_E_AUTH_FAILED, NULL, "a hint");
	return e;
}

static void
follow_error(void)
{
	assert_int_equal(w->outcome.kind, FLUFFY_ERROR_PROVEN);
}

/* A ticket whose key was deleted at the service. */
static void
prepare_late_estb(void)
{
	struct wires delts;

	prepare_psk_estb();
	doomed = last_key(w);
	delts = requested(w, &doomed);
	for (size_t i = 0; i < delts.n; i++)
		if (addressee(w, &delts.v[i]) == LOCK)
			answer_quietly(w, &delts.v[i]);
	wires_free(&delts);
	who = LOCK;
}

static void
follow_late_estb(void)
{
	assert_types(w, &out, 1, FLUFFY_ERROR);
	assert_deleted(LOCK);
}

static void
prepare_garbage(void)
{
	static const uint8_t garbage[] = { 0xa1, 0x01, 0x01 };
	struct buffer b = BUFFER(10);

	buffer_add(&b, garbage, sizeof(garbage));
	assert_true(buffer_take(&b, &in));
}

static enum fluffy_error
act_malformed(void)
{
	fluffy_msg *msg, *answer = NULL;
	enum fluffy_error e = get(&msg), made;

	if (e == FLUFFY_E_MALFORMED) {
		made = fluffy_skdc_malformed(w->skdc, &answer);
		made = put(made, &answer);
		e = made == FLUFFY_OK ? e : made;
	}
	fluffy_msg_free(&msg);
	return e;
}

static void
follow_malformed(void)
{
	assert_types(w, &out, 1, FLUFFY_ERROR);
}

#define OK	  FLUFFY_OK
#define REPLAY	  FLUFFY_E_REPLAY

static const struct scene scenes[] = {
	{ "psk-req", nothing_follows, act_psk_req, follow_psk_req, OK, OK },
	{ "psk-req-answered", prepare_psk_answer, act_skdc, follow_psk_answer,
	    OK, REPLAY },
	{ "psk-rep-taken", prepare_psk_rep, act_estb, follow_rep, OK, REPLAY },
	{ "psk-estb-taken", prepare_psk_estb, act_estb, follow_estb, OK,
	    REPLAY },
	{ "psk-ack-taken", prepare_psk_ack, act_estb, follow_ack, OK,
	    REPLAY },
	{ "gsk-req", nothing_follows, act_gsk_req, follow_gsk_req, OK, OK },
	{ "gsk-req-answered", prepare_gsk_answer, act_skdc, follow_gsk_answer,
	    OK, REPLAY },
	{ "gsk-req-renews", prepare_renew_answer, act_skdc, follow_gsk_answer,
	    OK, REPLAY },
	{ "gsk-rep-taken", prepare_gsk_rep, act_gsk, follow_gsk_rep, OK,
	    REPLAY },
	{ "gsk-fet", prepare_gsk_fet, act_gsk_fet, follow_gsk_fet, OK, OK },
	{ "gsk-fet-answered", prepare_fet_answer, act_skdc, follow_fet_answer,
	    OK, REPLAY },
	{ "gsk-dlvr-taken", prepare_gsk_dlvr, act_gsk, follow_dlvr, OK,
	    REPLAY },
	{ "gsk-delt", prepare_gsk_delt, act_gsk_delt, follow_gsk_delt, OK,
	    FLUFFY_E_NOT_FOUND },
	{ "gsk-delt-answered", prepare_delt_answer, act_skdc,
	    follow_delt_answer, OK, REPLAY },
	{ "psk-delt-taken", prepare_psk_delt, act_del, follow_psk_delt, OK,
	    OK },
	{ "psk-delc-answered", prepare_psk_delc, act_skdc, follow_psk_delc,
	    OK, OK },
	{ "gsk-delc-taken", prepare_gsk_delc, act_gsk, follow_gsk_delc, OK,
	    REPLAY },
	{ "refused", prepare_error_answer, act_skdc, follow_error_answer,
	    FLUFFY_E_UNKNOWN_SERVICE, REPLAY },
	{ "error-taken", prepare_error, act_error, follow_error, OK,
	    FLUFFY_E_AUTH_FAILED },
	{ "estb-refused", prepare_late_estb, act_estb, follow_late_estb,
	    FLUFFY_E_NO_SUCH_KEY, FLUFFY_E_NO_SUCH_KEY },
	{ "malformed", prepare_garbage, act_malformed, follow_malformed,
	    FLUFFY_E_MALFORMED, FLUFFY_E_MALFORMED },
	{ .name = NULL }
};

const struct tour realm_tour = { .stand_up = stand_up, .judge = judge,
	.take_down = take_down, .scenes = scenes };

/*
 * test_confirmation.c - PSK-DELT at the device, PSK-DELC at the SKDC (draft,
 * section 4)
 */
#include "pairs.h"

#include "policy.h"

#define DAY	86400u
#define ENDTIME (NOW + LIFETIME_DEFAULT)

/* A PSK-DELT for the sensor, of a key that it has. */
static fluffy_bytes
sensors_delt(struct world *w, struct keyid *key)
{
	struct wires delts;
	fluffy_bytes delt;

	*key = shared(w);
	delts = requested(w, key);
	assert_ptr_equal(addressee(w, &delts.v[1]), SENSOR);
	delt = delts.v[1];
	delts.v[1] = (fluffy_bytes){ NULL, 0 };
	wires_free(&delts);
	return delt;
}

/* ---- PSK-DELT at the device ---------------------------------------------- */

static void
an_unknown_key_is_confirmed_all_the_same(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);
	fluffy_msg *msg = opened(w, &rep);
	struct keyid key = { .n = 8 };
	struct wires delts;

	memcpy(key.b, msg->receipt.plain->keydata->keyid.p, 8);
	delts = requested(w, &key);
	answer_quietly(w, &delts.v[0]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_UNKNOWN);
	assert_int_equal(w->outcome.endtime, ENDTIME);
	answer_quietly(w, &delts.v[1]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_UNKNOWN);
	assert_deletions(w, "");
	fluffy_msg_free(&msg);
	wires_free(&delts);
	wire_free(&req);
	wire_free(&rep);
}

/* What a PSK-DELC says. */
static void
a_confirmation_names_its_device(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc;
	fluffy_msg *asked = opened(w, &delt), *msg;

	the_time += 7;
	delc = confirmed(w, SENSOR, &delt);
	msg = opened(w, &delc);
	assert_int_equal(fluffy_msg_type(msg), FLUFFY_PSK_DELC);
	assert_bytes(msg->skdcrealm, BYTES("home"));
	assert_bytes(msg->skdcname, BYTES("skdc"));
	assert_bytes(msg->ack.plain->crealm, BYTES("home"));
	assert_bytes(msg->ack.plain->cname, BYTES("sensor"));
	assert_bytes(msg->ack.plain->nonce, asked->kenvelope.plain->nonce);
	assert_int_equal(msg->ack.plain->authtime, NOW + 7);
	assert_false(HAS(msg->ack.plain, L_seqnum));
	fluffy_msg_free(&asked);
	fluffy_msg_free(&msg);
	wire_free(&delt);
	wire_free(&delc);
}

/* A late answer of each kind, and who would take it. */
struct late {
	fluffy_bytes answer;
	struct device_store *taker;
	enum fluffy_error (*take)(struct world *, struct device_store *,
	    const fluffy_bytes *, fluffy_bytes *);
};

static enum fluffy_error
gsk_take_nothing(struct world *w, struct device_store *d,
    const fluffy_bytes *in, fluffy_bytes *out)
{
	*out = (fluffy_bytes){ NULL, 0 };
	return gsk_take(w, d, in);
}

static void
answer_for(struct world *w, struct late *late, fluffy_bytes req)
{
	late->answer = asked(w, &req);
	wire_free(&req);
}

static void
make_late(struct world *w, struct late late[6])
{
	fluffy_bytes rep;
	struct exchange x = half_exchange(w, SENSOR, LOCK);

	late[0] = (struct late){ x.estb, LOCK, step };
	x.estb = (fluffy_bytes){ NULL, 0 };
	exchange_free(&x);
	late[1] = (struct late){ .taker = SENSOR, .take = step };
	answer_for(w, &late[1], request(w, SENSOR, "lock"));
	late[2] = (struct late){ .taker = SENSOR, .take = pkp_take };
	answer_for(w, &late[2], pair_wire(w, SENSOR, "lock"));
	x.req = pair_wire(w, SENSOR, "lock");
	rep = asked(w, &x.req);
	late[3] = (struct late){ .taker = LOCK, .take = step };
	must(w->ctx, pkp_take(w, SENSOR, &rep, &late[3].answer));
	wire_free(&x.req);
	wire_free(&rep);
	late[4] = (struct late){ .taker = LOCK, .take = gsk_take_nothing };
	answer_for(w, &late[4], gsk_wire(w, LOCK,
	    &(fluffy_gsk_params){ .group = "den", .members = "any" }));
	late[5] = (struct late){ .taker = SENSOR, .take = gsk_take_nothing };
	answer_for(w, &late[5], fetch_wire(w, SENSOR,
	    &(fluffy_fetch_params){ .group = "den" }));
}

/* The key that an answer brings to its taker is deleted there. */
static void
delete_late(struct world *w, const struct late *late)
{
	fluffy_msg *msg = opened(w, &late->answer);
	struct bytes id = HAS(msg, L_receipt) ?
	    msg->receipt.plain->keydata->keyid :
	    msg->mticket->enc_part.plain->keydata->keyid;
	struct keyid key = { .n = (uint8_t)id.n };
	struct wires delts;
	size_t i, told = 0;

	memcpy(key.b, id.p, id.n);
	delts = requested(w, &key);
	for (i = 0; i < delts.n; i++)
		if (addressee(w, &delts.v[i]) == late->taker) {
			answer_quietly(w, &delts.v[i]);
			told++;
		}
	assert_int_equal(told, 1);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_UNKNOWN);
	wires_free(&delts);
	fluffy_msg_free(&msg);
}

static void
late_answers_bring_no_deleted_key_back(void **state)
{
	struct world *w = *state;
	struct late late[6];
	fluffy_bytes out;
	int i, round;

	make_late(w, late);
	for (i = 0; i < 6; i++)
		delete_late(w, &late[i]);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 6; i++) {
			expect(w, late[i].take(w, late[i].taker,
			    &late[i].answer, &out), FLUFFY_E_NO_SUCH_KEY);
			assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
			wire_free(&out);
		}
		reopen(w);
		the_time += 100;
	}
	for (i = 0; i < 6; i++)
		wire_free(&late[i].answer);
	honest(w);
	honest_group(w);
}

/* ... until endtime + skew. */
static void
deleted_keyids_are_remembered(void **state)
{
	struct world *w = *state;
	const fluffy_policy policy = { .skew = 40 };
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc;
	bool gone;

	delc = confirmed(w, SENSOR, &delt);
	wire_free(&delc);
	wire_free(&delt);
	assert_listed(w, SENSOR->store, "deleted 0..29100\n");
	must(w->ctx, fluffy_policy_set(SENSOR->store, NULL, &policy));
	delt = sensors_delt(w, &key);
	delc = confirmed(w, SENSOR, &delt);
	reopen(w);
	assert_listed(w, SENSOR->store, "deleted 0..28840\n");
	the_time = ENDTIME + 39;
	honest(w); /* prunes */
	assert_listed(w, SENSOR->store, "deleted 0..28840\n");
	must(w->ctx, store_gone(SENSOR->store, keyid_bytes(&key), &gone));
	assert_true(gone);
	wire_free(&delc);
	wire_free(&delt);
}

/* A PSK-DELT as the SKDC might seal it. */
struct delt {
	fluffy_msg *msg;
	struct part *part;
	struct secret secret;
};

static struct delt
open_delt(struct world *w, const fluffy_bytes *wire)
{
	struct delt d = { .msg = from_wire(w, wire),
	    .secret = secret_of_owner(w, "sensor") };

	d.part = open_part(w, d.msg, d.msg, L_kenvelope, &d.secret.key);
	return d;
}

static fluffy_bytes
sealed_delt(struct world *w, struct delt *d)
{
	reseal(w, d->msg, d->msg, L_kenvelope, d->part, &d->secret.key,
	    keyid_bytes(&d->secret.kid));
	return to_wire(w, &d->msg);
}

static void
without_endtime_thirty_days_are_remembered(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc;
	struct delt d = open_delt(w, &delt);

	d.part->head.has &= ~label_bit(L_endtime);
	wire_free(&delt);
	delt = sealed_delt(w, &d);
	delc = confirmed(w, SENSOR, &delt);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ERASED);
	assert_int_equal(w->outcome.endtime, 0);
	assert_listed(w, SENSOR->store, "deleted 0..2592000\n");
	wire_free(&delt);
	wire_free(&delc);
}

static void
an_endless_key_is_remembered_too(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc;
	struct delt d = open_delt(w, &delt);
	bool gone;

	d.part->endtime = UINT64_C(9007199254740991);
	wire_free(&delt);
	delt = sealed_delt(w, &d);
	delc = confirmed(w, SENSOR, &delt);
	must(w->ctx, store_gone(SENSOR->store, keyid_bytes(&key), &gone));
	assert_true(gone);
	wire_free(&delt);
	wire_free(&delc);
	honest(w);
}

/* Only session, group and public keys have a keyid that can be deleted. */
static void
a_secret_key_is_not_deleted(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc;
	struct delt d = open_delt(w, &delt);

	d.part->keydata->keyid = keyid_bytes(&d.secret.kid);
	wire_free(&delt);
	delt = sealed_delt(w, &d);
	delc = confirmed(w, SENSOR, &delt);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_UNKNOWN);
	wire_free(&delt);
	wire_free(&delc);
	honest(w);
}

static void
another_skdcs_delt_is_ignored(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), forged;
	struct delt d;
	int i;

	for (i = 0; i < 5; i++) {
		d = open_delt(w, &delt);
		if (i == 0)
			d.part->skdcname = BYTES("other");
		else if (i == 1)
			d.part->skdcrealm = BYTES("far");
		else if (i == 2)
			d.msg->crealm = BYTES("far");
		else if (i == 3)
			d.secret.kid.b[0] ^= 1;
		else
			d.secret.key.b[0] ^= 1;
		forged = sealed_delt(w, &d);
		del_refused(w, SENSOR, &forged, FLUFFY_E_AUTH_FAILED);
		wire_free(&forged);
		assert_true(has_key(w, SENSOR, &key, AS_CLIENT));
	}
	forged = confirmed(w, SENSOR, &delt);
	wire_free(&forged);
	wire_free(&delt);
}

static void
another_devices_delt_is_not_addressed(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), out;
	struct delt d = open_delt(w, &delt);
	struct wires delc;

	must(w->ctx, del_take(w, LOCK, &delt, &out));
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, FLUFFY_NOT_ADDRESSED);
	assert_string_equal(w->outcome.peer, "sensor");
	assert_true(has_key(w, LOCK, &key, AS_SERVICE));
	/* readdressed: its seal isn't the lock's */
	d.msg->cname = BYTES("lock");
	wire_free(&delt);
	delt = sealed_delt(w, &d);
	del_refused(w, LOCK, &delt, FLUFFY_E_AUTH_FAILED);
	wire_free(&delt);
	assert_true(has_key(w, LOCK, &key, AS_SERVICE));
	/* the whole stream goes to every device, with its GSK-DELC */
	key = create(w, LOCK, NULL);
	delc = deleted(w, LOCK);
	must(w->ctx, del_take(w, LOCK, &delc.v[0], &out));
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, FLUFFY_NOT_ADDRESSED);
	assert_string_equal(w->outcome.peer, "lock");
	assert_true(has_key(w, LOCK, &key, AS_OWNER));
	gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
	wires_free(&delc);
}

static void
a_replayed_delt_is_answered_again(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc[2];
	struct wires out;
	fluffy_msg *msg[2];
	int i;

	for (i = 0; i < 2; i++) {
		delc[i] = confirmed(w, SENSOR, &delt);
		assert_int_equal(w->outcome.kind, i == 0 ?
		    FLUFFY_KEY_ERASED : FLUFFY_KEY_UNKNOWN);
		msg[i] = opened(w, &delc[i]);
		reopen(w);
	}
	assert_bytes(msg[0]->ack.plain->nonce, msg[1]->ack.plain->nonce);
	assert_memory_not_equal(msg[0]->ack.iv.p, msg[1]->ack.iv.p, 13);
	out = asked_all(w, &delc[1]);
	assert_int_equal(out.n, 0);
	assert_deletions(w, "deletion home lock sensor deleting 0..28800\n");
	the_time += 300;
	wire_free(&delc[0]);
	delc[0] = confirmed(w, SENSOR, &delt);
	the_time += 1;
	del_refused(w, SENSOR, &delt, FLUFFY_E_CLOCK_SKEW);
	for (i = 0; i < 2; i++) {
		wire_free(&delc[i]);
		fluffy_msg_free(&msg[i]);
	}
	wire_free(&delt);
}

static void
a_delt_of_another_time_is_ignored(void **state)
{
	static const struct {
		int offset;
		enum fluffy_error code;
	} cases[] = { { -301, FLUFFY_E_CLOCK_SKEW },
		{ 301, FLUFFY_E_CLOCK_SKEW }, { -300, FLUFFY_OK },
		{ 300, FLUFFY_OK } };
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt, forged, delc;
	struct delt d;
	int i;

	for (i = 0; i < 4; i++) {
		delt = sensors_delt(w, &key);
		d = open_delt(w, &delt);
		d.part->authtime = (uint64_t)((int64_t)the_time +
		    cases[i].offset);
		forged = sealed_delt(w, &d);
		expect(w, del_take(w, SENSOR, &forged, &delc), cases[i].code);
		assert_int_equal(delc.data != NULL,
		    cases[i].code == FLUFFY_OK);
		assert_int_equal(has_key(w, SENSOR, &key, AS_CLIENT),
		    cases[i].code != FLUFFY_OK);
		wire_free(&delt);
		wire_free(&forged);
		wire_free(&delc);
	}
}

/* Busy: it stays unanswered until the clock is right. */
static void
a_clock_set_back_leaves_a_delt_unanswered(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt, delc;

	the_time += 301;
	delt = sensors_delt(w, &key);
	delc = confirmed(w, SENSOR, &delt);
	wire_free(&delt);
	wire_free(&delc);
	must(w->ctx, fluffy_reset_clock(w->skdc));
	must(w->ctx, fluffy_reset_clock(LOCK->store));
	the_time = NOW;
	delt = sensors_delt(w, &key);
	del_refused(w, SENSOR, &delt, FLUFFY_E_BUSY);
	assert_true(has_key(w, SENSOR, &key, AS_CLIENT));
	must(w->ctx, fluffy_reset_clock(SENSOR->store));
	delc = confirmed(w, SENSOR, &delt);
	assert_false(has_key(w, SENSOR, &key, AS_CLIENT));
	wire_free(&delt);
	wire_free(&delc);
}

/* An answer that is repeated is acting, too. */
static void
a_repeated_answer_moves_the_clock(void **state)
{
	struct world *w = *state;
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc;
	int i;

	for (i = 0; i < 2; i++, the_time += 300) {
		delc = confirmed(w, SENSOR, &delt);
		wire_free(&delc);
	}
	the_time = NOW - 1;
	del_refused(w, SENSOR, &delt, FLUFFY_E_BUSY);
	the_time = NOW;
	delc = confirmed(w, SENSOR, &delt);
	wire_free(&delc);
	wire_free(&delt);
}

static void
a_device_deletes_for_nothing_else(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);
	struct keyid key;
	fluffy_bytes delt = sensors_delt(w, &key), delc;
	const fluffy_bytes *others[] = { &x.req, &x.rep, &x.estb, &x.ack,
		&delc };
	fluffy_msg *msg, *out;
	int i;

	delc = confirmed(w, SENSOR, &delt);
	for (i = 0; i < 5; i++)
		del_refused(w, SENSOR, others[i], FLUFFY_E_UNEXPECTED);
	expect(w, gsk_take(w, SENSOR, &delt), FLUFFY_E_UNEXPECTED);
	step_refused(w, SENSOR, &delt, FLUFFY_E_UNEXPECTED);
	ask_refused(w, &delt, FLUFFY_E_UNEXPECTED);
	msg = from_wire(w, &delt);
	expect(w, fluffy_del_accept(w->skdc, msg, &out, &w->outcome),
	    FLUFFY_E_USAGE);
	assert_null(out);
	fluffy_msg_free(&msg);
	exchange_free(&x);
	wire_free(&delt);
	wire_free(&delc);
}

/* ---- PSK-DELC at the SKDC ------------------------------------------------ */

/* Ignored: it says why, changes nothing, and nothing is answered. */
static void
delc_ignored(struct world *w, fluffy_msg *msg, enum fluffy_error code)
{
	size_t before = missing(w);
	struct wires out;

	expect(w, ask_all_msg(w, msg, &out), code);
	assert_int_equal(out.n, 0);
	assert_int_equal(fluffy_why(w->ctx).code, code);
	assert_true(fluffy_why(w->ctx).text[0] != '\0');
	assert_int_equal(missing(w), before);
}

struct delc {
	fluffy_msg *msg;
	struct part *part;
	struct secret secret;
};

static struct delc
open_delc(struct world *w, const fluffy_bytes *wire, const char *owner)
{
	struct delc d = { .msg = from_wire(w, wire),
	    .secret = secret_of_owner(w, owner) };

	d.part = open_part(w, d.msg, d.msg, L_ack, &d.secret.key);
	return d;
}

static void
reseal_delc(struct world *w, struct delc *d)
{
	reseal(w, d->msg, d->msg, L_ack, d->part, &d->secret.key,
	    keyid_bytes(&d->secret.kid));
	d->msg->ack.plain = NULL;
}

static void
a_confirmation_needs_a_nonce_of_its_own_device(void **state)
{
	struct world *w = *state;
	struct wires delts;
	fluffy_bytes sensors, lamps;
	struct delc forged, honest;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	lamps = confirmed(w, LAMP, &delts.v[0]);
	sensors = confirmed(w, SENSOR, &delts.v[1]);
	forged = open_delc(w, &lamps, "lamp");
	honest = open_delc(w, &sensors, "sensor");
	forged.part->nonce = BYTES("12345678");
	reseal_delc(w, &forged);
	delc_ignored(w, forged.msg, FLUFFY_E_REPLAY);
	forged.part = open_part(w, forged.msg, forged.msg, L_ack,
	    &forged.secret.key);
	forged.part->nonce = honest.part->nonce;
	reseal_delc(w, &forged);
	delc_ignored(w, forged.msg, FLUFFY_E_REPLAY);
	/* under the lamp's key, the sensor can't speak */
	forged.secret = secret_of_owner(w, "lamp");
	honest.secret = forged.secret;
	reseal_delc(w, &honest);
	delc_ignored(w, honest.msg, FLUFFY_E_AUTH_FAILED);
	fluffy_msg_free(&forged.msg);
	fluffy_msg_free(&honest.msg);
	assert_int_equal(missing(w), 2);
	wire_free(&lamps);
	wire_free(&sensors);
	wires_free(&delts);
	honest_group(w);
}

static void
a_confirmation_to_another_skdc_is_ignored(void **state)
{
	struct world *w = *state;
	struct wires delts, out;
	fluffy_bytes wire;
	struct delc d;
	int i;

	(void)create(w, LOCK, "any");
	(void)fetch(w, SENSOR);
	delts = deleted(w, LOCK);
	wire = confirmed(w, SENSOR, &delts.v[0]);
	for (i = 0; i < 4; i++) {
		d = open_delc(w, &wire, "sensor");
		if (i == 0)
			d.msg->skdcname = BYTES("other");
		else if (i == 1)
			d.msg->skdcrealm = BYTES("far");
		else if (i == 2)
			d.part->crealm = BYTES("far");
		else
			d.part->cname = BYTES("lamp");
		reseal_delc(w, &d);
		delc_ignored(w, d.msg, i < 2 ? FLUFFY_E_WRONG_SKDC :
		    FLUFFY_E_AUTH_FAILED);
		fluffy_msg_free(&d.msg);
	}
	/* realms may be left out */
	d = open_delc(w, &wire, "sensor");
	d.msg->head.has &= ~label_bit(L_skdcrealm);
	d.part->head.has &= ~label_bit(L_crealm);
	reseal_delc(w, &d);
	must(w->ctx, ask_all_msg(w, d.msg, &out));
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	fluffy_msg_free(&d.msg);
	wires_free(&out);
	wires_free(&delts);
	wire_free(&wire);
}

/* It isn't a request: no time and no replay is checked. */
static void
a_confirmation_may_be_late(void **state)
{
	struct world *w = *state;
	struct wires delts, out;
	fluffy_bytes delc;

	(void)create(w, LOCK, "any");
	(void)fetch(w, SENSOR);
	delts = deleted(w, LOCK);
	delc = confirmed(w, SENSOR, &delts.v[0]);
	the_time = ENDTIME - 1;
	honest(w);
	out = asked_all(w, &delc);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
	wires_free(&delts);
	wire_free(&delc);
}

static void
a_broken_store_counts_no_confirmation(void **state)
{
	struct world *w = *state;
	struct wires delts, out;
	fluffy_bytes delc;
	fluffy_msgs msgs;
	fluffy_msg *msg;

	(void)create(w, LOCK, "any");
	(void)fetch(w, SENSOR);
	delts = deleted(w, LOCK);
	delc = confirmed(w, SENSOR, &delts.v[0]);
	msg = from_wire(w, &delc);
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	fluffy_skdc_broken(w->skdc);
	expect(w, fluffy_skdc_answer(w->skdc, msg, &msgs),
	    FLUFFY_E_INTERNAL);
	assert_int_equal(msgs.n, 0);
	fluffy_msg_free(&msg);
	assert_int_equal(missing(w), 1);
	out = asked_all(w, &delc);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
	wires_free(&delts);
	wire_free(&delc);
}

/* Section 9: a message under the new key, valid, ends the old one. */
static void
a_confirmation_under_a_new_key_ends_the_old(void **state)
{
	struct world *w = *state;
	struct wires delts, out;
	fluffy_bytes before, delc;
	fluffy_msg *enrol;

	(void)create(w, LOCK, "any");
	(void)fetch(w, SENSOR);
	before = request(w, SENSOR, "lock");
	delts = deleted(w, LOCK);
	must(w->ctx, fluffy_rotate(w->skdc, "sensor", NOW + DAY, &enrol));
	join(w, SENSOR, &enrol);
	/* the PSK-DELT is under the old key, and opens */
	delc = confirmed(w, SENSOR, &delts.v[0]);
	out = asked_all(w, &delc);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	ask_refused(w, &before, FLUFFY_E_AUTH_FAILED);
	wire_free(&before);
	wire_free(&delc);
	wires_free(&delts);
	wires_free(&out);
	honest(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(an_unknown_key_is_confirmed_all_the_same),
		IN_BOTH(a_confirmation_names_its_device),
		IN_BOTH(late_answers_bring_no_deleted_key_back),
		IN_CBOR(deleted_keyids_are_remembered),
		IN_CBOR(without_endtime_thirty_days_are_remembered),
		IN_CBOR(an_endless_key_is_remembered_too),
		IN_CBOR(a_secret_key_is_not_deleted),
		IN_CBOR(another_skdcs_delt_is_ignored),
		IN_BOTH(another_devices_delt_is_not_addressed),
		IN_BOTH(a_replayed_delt_is_answered_again),
		IN_CBOR(a_delt_of_another_time_is_ignored),
		IN_CBOR(a_clock_set_back_leaves_a_delt_unanswered),
		IN_CBOR(a_repeated_answer_moves_the_clock),
		IN_BOTH(a_device_deletes_for_nothing_else),
		IN_BOTH(a_confirmation_needs_a_nonce_of_its_own_device),
		IN_BOTH(a_confirmation_to_another_skdc_is_ignored),
		IN_CBOR(a_confirmation_may_be_late),
		IN_CBOR(a_broken_store_counts_no_confirmation),
		IN_CBOR(a_confirmation_under_a_new_key_ends_the_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

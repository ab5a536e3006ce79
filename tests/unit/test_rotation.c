/* test_rotation.c - a device's key is replaced (section 9), in every order */
#include "world.h"

#include "policy.h"

#define DAY 86400u

static fluffy_msg *
rotate(struct world *w, const char *name, uint64_t until)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_rotate(w->skdc, name, until, &msg));
	return msg;
}

/* The kid under which the part of a message is sealed. */
static struct bytes
kid_of(fluffy_msg *msg, int label)
{
	void *container = label == L_enc_part ? (void *)msg->mticket : msg;

	return sealed_member(container, label)->kid;
}

static void
sealed_under(struct world *w, const fluffy_bytes *wire, int label,
    struct bytes kid, bool same)
{
	fluffy_msg *msg = from_wire(w, wire);

	assert_int_equal(bytes_eq(kid_of(msg, label), kid), same);
	fluffy_msg_free(&msg);
}

static void
a_rotation_says_when_the_old_key_ends(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg = rotate(w, "sensor", NOW + DAY);
	struct secret old = secret_of_owner(w, "lock");

	assert_int_equal(fluffy_msg_type(msg), FLUFFY_ENROL);
	assert_true(HAS(msg, L_endtime));
	assert_int_equal(msg->endtime, NOW + DAY);
	assert_int_equal(msg->keydata->keyid.n, 4);
	assert_int_equal(msg->keydata->alg, old.key.alg);
	fluffy_msg_free(&msg);
	/* at once */
	msg = rotate(w, "sensor", 0);
	assert_false(HAS(msg, L_endtime));
	fluffy_msg_free(&msg);
	assert_int_equal(fluffy_rotate(w->skdc, "sensor", NOW, &msg),
	    FLUFFY_E_USAGE);
	assert_null(msg);
	/* a store with it would be damaged, and nobody could read the ENROL */
	assert_int_equal(fluffy_rotate(w->skdc, "sensor",
	    (uint64_t)MAX_SAFE + 1, &msg), FLUFFY_E_USAGE);
	assert_null(msg);
	msg = rotate(w, "sensor", NOW + 1);
	assert_true(HAS(msg, L_endtime));
	fluffy_msg_free(&msg);
}

/* Nobody has told the device yet: all goes on under the old key. */
static void
the_old_key_works_until_its_end(void **state)
{
	struct world *w = *state;
	struct secret old = secret_of_owner(w, "sensor");
	fluffy_msg *msg = rotate(w, "sensor", NOW + DAY);
	struct exchange x;
	fluffy_bytes req;

	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.req, L_authenticator, keyid_bytes(&old.kid), true);
	sealed_under(w, &x.rep, L_receipt, keyid_bytes(&old.kid), true);
	exchange_free(&x);
	the_time = NOW + DAY - 1;
	x = whole_exchange(w, SENSOR, LOCK);
	exchange_free(&x);
	the_time = NOW + DAY;
	req = request(w, SENSOR, "lock");
	ask_refused(w, &req, FLUFFY_E_AUTH_FAILED);
	wire_free(&req);
	join(w, SENSOR, &msg);
	honest(w);
}

/*
 * Section 4: the old key of a device that only listens, and so ends nothing,
 * may have made all its seals.
 */
static void
a_new_key_seals_when_the_old_one_may_not(void **state)
{
	struct world *w = *state;
	struct secret old = secret_of_owner(w, "lock");
	fluffy_msg *msg = rotate(w, "lock", NOW + DAY);
	struct exchange x;

	join(w, LOCK, &msg);
	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.rep, L_enc_part, keyid_bytes(&old.kid), true);
	exchange_free(&x);
	skdc_sql(w, "UPDATE secret SET seals = 4294967296 "
	    "WHERE owner = 'lock' AND endtime > 0");
	reopen(w);
	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.rep, L_enc_part, keyid_bytes(&old.kid), false);
	exchange_free(&x);
	honest(w);
}

/* ... also when the last of them are made in this batch. */
static void
a_new_key_seals_when_the_old_one_has_come_to_its_end(void **state)
{
	struct world *w = *state;
	struct secret old = secret_of_owner(w, "lock");
	fluffy_msg *msg = rotate(w, "lock", NOW + DAY), *rep;
	fluffy_bytes req[12];
	fluffy_msgs out;

	join(w, LOCK, &msg);
	skdc_sql(w, "UPDATE secret SET seals = 4294967296 - 9 "
	    "WHERE owner = 'lock' AND endtime > 0");
	reopen(w);
	for (size_t i = 0; i < 12; i++)
		req[i] = request(w, SENSOR, "lock");
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	for (size_t i = 0; i < 12; i++) {
		msg = from_wire(w, &req[i]);
		must(w->ctx, fluffy_skdc_answer(w->skdc, msg, &out));
		rep = out.v[0];
		assert_int_equal(bytes_eq(kid_of(rep, L_enc_part),
		    keyid_bytes(&old.kid)), i < 9);
		fluffy_msgs_free(&out);
		fluffy_msg_free(&msg);
		wire_free(&req[i]);
	}
	must(w->ctx, fluffy_skdc_commit(w->skdc));
	honest(w);
}

/* The first message under the new key ends the old one. */
static void
the_new_key_ends_the_old(void **state)
{
	struct world *w = *state;
	struct secret old = secret_of_owner(w, "sensor");
	fluffy_bytes before = request(w, SENSOR, "lock");
	fluffy_bytes again = request(w, SENSOR, "lock");
	fluffy_msg *msg = rotate(w, "sensor", NOW + DAY);
	struct exchange x;
	fluffy_bytes rep;

	join(w, SENSOR, &msg);
	/* under the old key still, and so is its answer */
	rep = asked(w, &before);
	sealed_under(w, &rep, L_receipt, keyid_bytes(&old.kid), true);
	x.estb = stepped(w, SENSOR, &rep);
	wire_free(&x.estb);
	wire_free(&rep);
	wire_free(&before);
	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.req, L_authenticator, keyid_bytes(&old.kid),
	    false);
	sealed_under(w, &x.rep, L_receipt, keyid_bytes(&old.kid), false);
	ask_refused(w, &again, FLUFFY_E_AUTH_FAILED);
	wire_free(&again);
	exchange_free(&x);
	honest(w);
}

/* "Valid": also one that is then refused. */
static void
a_refused_message_ends_the_old_key_too(void **state)
{
	struct world *w = *state;
	fluffy_bytes before = request(w, SENSOR, "lock"), req;
	fluffy_msg *msg = rotate(w, "sensor", NOW + DAY);

	join(w, SENSOR, &msg);
	req = request(w, SENSOR, "nobody");
	ask_refused(w, &req, FLUFFY_E_UNKNOWN_SERVICE);
	ask_refused(w, &before, FLUFFY_E_AUTH_FAILED);
	wire_free(&req);
	wire_free(&before);
	honest(w);
}

/* But one whose seal doesn't verify doesn't. */
static void
a_forged_message_ends_nothing(void **state)
{
	struct world *w = *state;
	fluffy_bytes before = request(w, SENSOR, "lock"), req, rep;
	fluffy_msg *msg = rotate(w, "sensor", NOW + DAY);

	join(w, SENSOR, &msg);
	req = request(w, SENSOR, "lock");
	req.data[req.len - 1] ^= 1;
	ask_refused(w, &req, FLUFFY_E_AUTH_FAILED);
	rep = asked(w, &before);
	wire_free(&rep);
	wire_free(&req);
	wire_free(&before);
	honest(w);
}

/* Answers that are on their way while the device joins still open. */
static void
late_answers_open_under_the_old_key(void **state)
{
	struct world *w = *state;
	struct exchange x;
	fluffy_msg *msg;
	fluffy_bytes estb;

	x = half_exchange(w, LAMP, SENSOR);
	wire_free(&x.req);
	x.req = request(w, SENSOR, "lock");
	wire_free(&x.rep);
	x.rep = asked(w, &x.req);
	msg = rotate(w, "sensor", NOW + 1000);
	join(w, SENSOR, &msg);
	estb = stepped(w, SENSOR, &x.rep);
	wire_free(&estb);
	/* and tickets, as a service */
	x.ack = stepped(w, SENSOR, &x.estb);
	exchange_free(&x);
}

/* The device keeps the old key, for opening, until endtime plus 30 days. */
static void
old_tickets_open_for_thirty_days(void **state)
{
	struct world *w = *state;
	const fluffy_policy policy = { .lifetime = LIFETIME_MAX };
	struct exchange x, y;
	fluffy_msg *msg;

	must(w->ctx, fluffy_policy_set(w->skdc, NULL, &policy));
	msg = rotate(w, "lock", NOW + 10);
	join(w, LOCK, &msg);
	/* the lock hasn't spoken: its tickets are under the old key */
	the_time = NOW + 9;
	x = half_exchange(w, SENSOR, LOCK);
	y = half_exchange(w, LAMP, LOCK);
	the_time = NOW + 10 + LIFETIME_MAX - 1;
	step_refused(w, LOCK, &x.estb, FLUFFY_E_EXPIRED);
	the_time = NOW + 10 + LIFETIME_MAX;
	step_refused(w, LOCK, &y.estb, FLUFFY_E_AUTH_FAILED);
	exchange_free(&x);
	exchange_free(&y);
	honest(w);
}

static void
tickets_change_keys_when_the_service_speaks(void **state)
{
	struct world *w = *state;
	struct secret old = secret_of_owner(w, "lock");
	fluffy_msg *msg = rotate(w, "lock", NOW + DAY);
	struct exchange x;
	fluffy_bytes req, rep;

	join(w, LOCK, &msg);
	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.rep, L_enc_part, keyid_bytes(&old.kid), true);
	exchange_free(&x);
	req = request(w, LOCK, "lamp");
	rep = asked(w, &req);
	wire_free(&req);
	wire_free(&rep);
	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.rep, L_enc_part, keyid_bytes(&old.kid), false);
	exchange_free(&x);
}

static void
tickets_change_keys_at_the_end(void **state)
{
	struct world *w = *state;
	struct secret old = secret_of_owner(w, "lock");
	fluffy_msg *msg = rotate(w, "lock", NOW + 100);
	struct exchange x;

	join(w, LOCK, &msg);
	the_time = NOW + 99;
	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.rep, L_enc_part, keyid_bytes(&old.kid), true);
	exchange_free(&x);
	the_time = NOW + 100;
	x = whole_exchange(w, SENSOR, LOCK);
	sealed_under(w, &x.rep, L_enc_part, keyid_bytes(&old.kid), false);
	exchange_free(&x);
}

/* At once: the old key is dropped on both sides, also for opening. */
static void
at_once_drops_the_old_key(void **state)
{
	struct world *w = *state;
	fluffy_bytes before = request(w, SENSOR, "lock"), rep;
	struct exchange late = half_exchange(w, LAMP, SENSOR);
	fluffy_msg *msg;

	rep = asked(w, &before);
	msg = rotate(w, "sensor", 0);
	ask_refused(w, &before, FLUFFY_E_AUTH_FAILED);
	wire_free(&before);
	before = request(w, SENSOR, "lock");
	ask_refused(w, &before, FLUFFY_E_AUTH_FAILED);
	join(w, SENSOR, &msg);
	step_refused(w, SENSOR, &rep, FLUFFY_E_AUTH_FAILED);
	step_refused(w, SENSOR, &late.estb, FLUFFY_E_AUTH_FAILED);
	ask_refused(w, &before, FLUFFY_E_AUTH_FAILED);
	wire_free(&before);
	wire_free(&rep);
	exchange_free(&late);
	honest(w);
}

/* An ENROL that is read when its endtime has passed does the same. */
static void
a_late_enrol_drops_the_old_key(void **state)
{
	struct world *w = *state;
	struct exchange late = half_exchange(w, LAMP, SENSOR);
	fluffy_msg *msg = rotate(w, "sensor", NOW + 50);

	the_time = NOW + 50;
	join(w, SENSOR, &msg);
	step_refused(w, SENSOR, &late.estb, FLUFFY_E_AUTH_FAILED);
	exchange_free(&late);
	honest(w);
}

static void
twice_before_the_device_hears_of_it(void **state)
{
	struct world *w = *state;
	fluffy_msg *first = rotate(w, "sensor", NOW + DAY), *second;

	second = rotate(w, "sensor", NOW + 2 * DAY);
	honest(w);
	join(w, SENSOR, &first);
	honest(w);
	join(w, SENSOR, &second);
	honest(w);
}

static void
twice_and_only_the_second_arrives(void **state)
{
	struct world *w = *state;
	fluffy_msg *first = rotate(w, "sensor", NOW + DAY), *second;
	fluffy_bytes wire = to_wire(w, &first);

	second = rotate(w, "sensor", NOW + 2 * DAY);
	join(w, SENSOR, &second);
	honest(w);
	/* the first key's time is over: the SKDC dropped it */
	the_time = NOW + DAY + 1;
	honest(w);
	wire_free(&wire);
}

/* The second document first: the device then seals with what came last. */
static void
twice_in_the_wrong_order(void **state)
{
	struct world *w = *state;
	fluffy_msg *first = rotate(w, "sensor", NOW + DAY), *second;

	second = rotate(w, "sensor", NOW + DAY);
	join(w, SENSOR, &second);
	join(w, SENSOR, &first);
	honest(w);
}

static void
rotated_again_at_once(void **state)
{
	struct world *w = *state;
	fluffy_bytes old = request(w, SENSOR, "lock"), req;
	fluffy_msg *first = rotate(w, "sensor", NOW + DAY), *second;

	join(w, SENSOR, &first);
	req = request(w, SENSOR, "lock");
	second = rotate(w, "sensor", 0);
	ask_refused(w, &old, FLUFFY_E_AUTH_FAILED);
	ask_refused(w, &req, FLUFFY_E_AUTH_FAILED);
	join(w, SENSOR, &second);
	wire_free(&old);
	wire_free(&req);
	honest(w);
}

/* An end that was given isn't put off by a second rotation. */
static void
an_end_is_never_put_off(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_msg *first = rotate(w, "sensor", NOW + 100), *second;

	second = rotate(w, "sensor", NOW + DAY);
	fluffy_msg_free(&first);
	the_time = NOW + 100;
	ask_refused(w, &req, FLUFFY_E_AUTH_FAILED);
	wire_free(&req);
	join(w, SENSOR, &second);
	honest(w);
}

static void
both_ends_of_an_exchange_rotate(void **state)
{
	struct world *w = *state;
	fluffy_msg *a = rotate(w, "sensor", NOW + DAY);
	fluffy_msg *b = rotate(w, "lock", NOW + DAY);

	honest(w);
	join(w, LOCK, &b);
	honest(w);
	join(w, SENSOR, &a);
	honest(w);
	the_time = NOW + DAY + 1;
	honest(w);
}

/* A rotation in the middle of an exchange doesn't disturb it. */
static void
rotations_between_any_two_steps(void **state)
{
	struct world *w = *state;
	fluffy_bytes req, rep, estb, ack, none;
	fluffy_msg *a, *b;
	int at;

	for (at = 0; at < 4; at++) {
		a = rotate(w, "sensor", the_time + DAY);
		b = rotate(w, "lock", the_time + DAY);
		if (at == 0)
			join(w, SENSOR, &a);
		req = request(w, SENSOR, "lock");
		if (at == 1)
			join(w, SENSOR, &a);
		if (at <= 1)
			join(w, LOCK, &b);
		rep = asked(w, &req);
		if (at == 2)
			join(w, SENSOR, &a);
		estb = stepped(w, SENSOR, &rep);
		if (at >= 2)
			join(w, LOCK, &b);
		ack = stepped(w, LOCK, &estb);
		if (at == 3)
			join(w, SENSOR, &a);
		none = stepped(w, SENSOR, &ack);
		assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
		assert_null(none.data);
		wire_free(&req);
		wire_free(&rep);
		wire_free(&estb);
		wire_free(&ack);
		the_time += 1000;
	}
}

/* ---- what join refuses --------------------------------------------------- */

static void
join_refused(struct world *w, struct device_store *d, const fluffy_msg *msg,
    enum fluffy_error code)
{
	assert_int_equal(fluffy_join(w->ctx, d->path, msg), code);
}

static void
a_document_is_joined_once(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg = rotate(w, "sensor", NOW + DAY), *copy;
	fluffy_bytes wire = to_wire(w, &msg);

	msg = from_wire(w, &wire);
	copy = from_wire(w, &wire);
	join(w, SENSOR, &msg);
	join_refused(w, SENSOR, copy, FLUFFY_E_EXISTS);
	fluffy_msg_free(&copy);
	wire_free(&wire);
	honest(w);
}

static void
somebody_elses_document_is_refused(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg = rotate(w, "lock", NOW + DAY);
	fluffy_store *other;

	join_refused(w, SENSOR, msg, FLUFFY_E_AUTH_FAILED);
	join(w, LOCK, &msg);
	other = new_skdc(w, "other.db", "home", "other");
	must(w->ctx, fluffy_enrol(other, "sensor", NULL, &msg));
	join_refused(w, SENSOR, msg, FLUFFY_E_WRONG_SKDC);
	fluffy_msg_free(&msg);
	fluffy_store_close(&other);
	other = new_skdc(w, "far.db", "far", "skdc");
	must(w->ctx, fluffy_enrol(other, "sensor", NULL, &msg));
	join_refused(w, SENSOR, msg, FLUFFY_E_WRONG_SKDC);
	fluffy_msg_free(&msg);
	fluffy_store_close(&other);
	/* its own names, from a namesake of its SKDC in another realm */
	msg = rotate(w, "sensor", NOW + DAY);
	msg->skdcrealm = arena_dup(&msg->arena, BYTES("far"));
	join_refused(w, SENSOR, msg, FLUFFY_E_WRONG_SKDC);
	fluffy_msg_free(&msg);
	honest(w);
}

static void
only_enrol_is_joined(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);
	const fluffy_bytes *all[] = { &x.req, &x.rep, &x.estb, &x.ack };
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < 4; i++) {
		msg = from_wire(w, all[i]);
		join_refused(w, SENSOR, msg, FLUFFY_E_UNEXPECTED);
		fluffy_msg_free(&msg);
	}
	exchange_free(&x);
	honest(w);
}

static void
a_rotation_makes_no_store(void **state)
{
	struct world *w = *state;
	struct device_store nobody = { .name = "sensor" };
	fluffy_msg *msg = rotate(w, "sensor", NOW + DAY);

	(void)snprintf(nobody.path, sizeof(nobody.path), "%s/none.db",
	    w->dir);
	join_refused(w, &nobody, msg, FLUFFY_E_STORE);
	assert_int_not_equal(access(nobody.path, F_OK), 0);
	(void)snprintf(nobody.path, sizeof(nobody.path), "%s/skdc.db",
	    w->dir);
	join_refused(w, &nobody, msg, FLUFFY_E_USAGE);
	fluffy_msg_free(&msg);
	honest(w);
}

/* Rotations that nobody takes up come to an end, not to a fault. */
static void
many_rotations_in_a_row(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg, *last = NULL;
	enum fluffy_error e;
	int i;

	for (i = 0; i < 40; i++) {
		e = fluffy_rotate(w->skdc, "sensor", NOW + DAY, &msg);
		assert_int_equal(e, i < MAX_SECRETS - 1 ? FLUFFY_OK :
		    FLUFFY_E_USAGE);
		if (e != FLUFFY_OK) {
			assert_null(msg);
			continue;
		}
		fluffy_msg_free(&last);
		last = msg;
	}
	honest(w);
	join(w, SENSOR, &last);
	honest(w);
	msg = rotate(w, "sensor", NOW + DAY);
	join(w, SENSOR, &msg);
	honest(w);
}

/* Those that have ended don't count. */
static void
many_rotations_that_have_ended(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg = NULL;

	for (int i = 0; i < MAX_SECRETS - 1; i++) {
		fluffy_msg_free(&msg);
		msg = rotate(w, "sensor", NOW + DAY);
	}
	fluffy_msg_free(&msg);
	the_time = NOW + DAY + 1;
	msg = rotate(w, "sensor", the_time + DAY);
	join(w, SENSOR, &msg);
	honest(w);
}

/* A device keeps the old ones for opening; at once means all of them. */
static void
at_once_drops_however_many_there_are(void **state)
{
	struct world *w = *state;
	struct secret all[MAX_SECRETS];
	fluffy_msg *msg;
	size_t i, n;

	for (i = 0; i < MAX_SECRETS + 4; i++) {
		msg = rotate(w, "sensor", NOW + DAY);
		join(w, SENSOR, &msg);
		honest(w);
	}
	must(w->ctx, store_secrets_of(SENSOR->store, BYTES("sensor"), all,
	    MAX_SECRETS, &n));
	assert_int_equal(n, MAX_SECRETS);
	msg = rotate(w, "sensor", 0);
	join(w, SENSOR, &msg);
	must(w->ctx, store_secrets_of(SENSOR->store, BYTES("sensor"), all,
	    MAX_SECRETS, &n));
	assert_int_equal(n, 1);
	honest(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rotation_says_when_the_old_key_ends),
		TEST(the_old_key_works_until_its_end),
		TEST(a_new_key_seals_when_the_old_one_may_not),
		TEST(a_new_key_seals_when_the_old_one_has_come_to_its_end),
		TEST(the_new_key_ends_the_old),
		TEST(a_refused_message_ends_the_old_key_too),
		TEST(a_forged_message_ends_nothing),
		TEST(late_answers_open_under_the_old_key),
		TEST(old_tickets_open_for_thirty_days),
		TEST(tickets_change_keys_when_the_service_speaks),
		TEST(tickets_change_keys_at_the_end),
		TEST(at_once_drops_the_old_key),
		TEST(a_late_enrol_drops_the_old_key),
		TEST(twice_before_the_device_hears_of_it),
		TEST(twice_and_only_the_second_arrives),
		TEST(twice_in_the_wrong_order),
		TEST(rotated_again_at_once),
		TEST(an_end_is_never_put_off),
		TEST(both_ends_of_an_exchange_rotate),
		TEST(rotations_between_any_two_steps),
		TEST(a_document_is_joined_once),
		TEST(somebody_elses_document_is_refused),
		TEST(only_enrol_is_joined),
		TEST(a_rotation_makes_no_store),
		TEST(many_rotations_in_a_row),
		TEST(many_rotations_that_have_ended),
		TEST(at_once_drops_however_many_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

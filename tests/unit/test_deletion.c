/*
 * test_deletion.c - the owner of a group deletes it (draft, section 6), or is
 * removed
 */
#include "groups.h"

#include "policy.h"

#define DAY	86400u
#define ENDTIME (NOW + LIFETIME_DEFAULT)

/* ---- the owner deletes --------------------------------------------------- */

static void
every_holder_but_the_owner_is_told(void **state)
{
	struct world *w = *state;
	struct keyid key = new_den(w);
	struct wires delts;
	fluffy_msg *msg[2];
	const struct part *part;
	int i;

	the_time += 100;
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	assert_ptr_equal(addressee(w, &delts.v[0]), LAMP);
	assert_ptr_equal(addressee(w, &delts.v[1]), SENSOR);
	for (i = 0; i < 2; i++) {
		msg[i] = opened(w, &delts.v[i]);
		part = msg[i]->kenvelope.plain;
		assert_non_null(part);
		assert_bytes(msg[i]->crealm, BYTES("home"));
		assert_bytes(part->skdcrealm, BYTES("home"));
		assert_bytes(part->skdcname, BYTES("skdc"));
		assert_int_equal(part->authtime, NOW + 100);
		assert_true(HAS(part, L_endtime));
		assert_int_equal(part->endtime, ENDTIME);
		assert_false(HAS(part, L_seqnum));
		assert_int_equal(part->nonce.n, 8);
		assert_bytes(part->keydata->keyid, keyid_bytes(&key));
		assert_int_equal(part->keydata->head.has,
		    label_bit(L_keyid));
	}
	assert_memory_not_equal(msg[0]->kenvelope.plain->nonce.p,
	    msg[1]->kenvelope.plain->nonce.p, 8);
	fluffy_msg_free(&msg[0]);
	fluffy_msg_free(&msg[1]);
	wires_free(&delts);
}

static void
a_group_that_nobody_fetched_is_gone_at_once(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "sensor");
	struct wires delc = deleted(w, LOCK);
	fluffy_msg *msg;

	assert_types(w, &delc, 1, FLUFFY_GSK_DELC);
	msg = opened(w, &delc.v[0]);
	assert_bytes(msg->sprealm, BYTES("home"));
	assert_bytes(msg->spname, BYTES("lock"));
	assert_bytes(msg->ack.plain->mcastname, BYTES("den"));
	assert_false(HAS(msg->ack.plain, L_mcastrealm));
	assert_false(HAS(msg->ack.plain, L_seqnum));
	assert_int_equal(msg->ack.plain->authtime, NOW);
	fluffy_msg_free(&msg);
	assert_true(has_key(w, LOCK, &key, AS_OWNER));
	gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
	assert_string_equal(w->outcome.peer, "den");
	assert_bytes(bytes_of(w->outcome.keyid, w->outcome.keyid_len),
	    keyid_bytes(&key));
	assert_false(has_key(w, LOCK, &key, AS_OWNER));
	wires_free(&delc);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_GROUP);
}

/* The owner's and the SKDC's copies, too. */
static void
the_key_leaves_all_files(void **state)
{
	struct world *w = *state;
	struct keyid id = new_den(w);
	struct symm key = key_of(w, LOCK, &id, AS_OWNER);
	struct bytes raw = symm_bytes(&key);
	char skdc[100];
	struct wires delts, last;
	int i;

	(void)snprintf(skdc, sizeof(skdc), "%s/skdc.db", w->dir);
	assert_true(on_disk(skdc, raw));
	for (i = 0; i < N_DEVICES; i++)
		assert_true(on_disk(w->device[i].path, raw));
	delts = deleted(w, LOCK);
	assert_false(on_disk(skdc, raw));
	answer_quietly(w, &delts.v[0]);
	assert_false(on_disk(LAMP->path, raw));
	assert_true(on_disk(SENSOR->path, raw));
	last = answered(w, &delts.v[1]);
	assert_false(on_disk(SENSOR->path, raw));
	assert_true(on_disk(LOCK->path, raw));
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	for (i = 0; i < N_DEVICES; i++)
		assert_false(on_disk(w->device[i].path, raw));
	wires_free(&delts);
	wires_free(&last);
}

/* "All keys of the group": one PSK-DELT per holder and per key. */
static void
older_keys_are_deleted_too(void **state)
{
	struct world *w = *state;
	const fluffy_gsk_params brief = { .group = "den", .lifetime = 50 };
	struct keyid key[2];
	struct wires delts;
	fluffy_msg *msg;
	size_t i, of[2] = { 0, 0 };

	(void)create_with(w, LOCK, &brief);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_ADD));
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "lamp",
	    FLUFFY_ADD));
	(void)fetch(w, SENSOR);
	the_time += 50; /* that one has ended: it isn't asked for */
	key[0] = create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .lifetime = 1000, .renew = true });
	(void)fetch(w, SENSOR);
	key[1] = renew(w, LOCK);
	(void)fetch(w, SENSOR);
	(void)fetch(w, LAMP);
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 3, FLUFFY_PSK_DELT);
	for (i = 0; i < 3; i++) {
		msg = opened(w, &delts.v[i]);
		if (bytes_eq(msg->kenvelope.plain->keydata->keyid,
		    keyid_bytes(&key[1])))
			of[1]++;
		else
			of[0]++;
		fluffy_msg_free(&msg);
	}
	assert_int_equal(of[0], 1);
	assert_int_equal(of[1], 2);
	wires_free(&delts);
}

static void
the_last_confirmation_releases_gsk_delc(void **state)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
		{ 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct world *w = *state;
	struct wires delts, out;
	int i, k;

	for (i = 0; i < 6; i++) {
		(void)create(w, LOCK, "sensor,lamp");
		(void)fetch(w, SENSOR);
		(void)renew(w, LOCK);
		(void)fetch(w, SENSOR);
		(void)fetch(w, LAMP);
		delts = deleted(w, LOCK);
		assert_types(w, &delts, 3, FLUFFY_PSK_DELT);
		for (k = 0; k < 3; k++) {
			out = answered(w, &delts.v[orders[i][k]]);
			assert_types(w, &out, k == 2, FLUFFY_GSK_DELC);
			if (k < 2)
				create_refused(w, SENSOR,
				    FLUFFY_E_GROUP_DELETING);
		}
		gsk_taken(w, LOCK, &out.v[0], FLUFFY_GROUP_DELETED);
		wires_free(&out);
		wires_free(&delts);
	}
	honest_group(w);
}

static void
a_confirmation_that_comes_twice_counts_once(void **state)
{
	struct world *w = *state;
	struct wires delts, out;
	fluffy_bytes delc[2];

	(void)new_den(w);
	delts = deleted(w, LOCK);
	delc[0] = confirmed(w, LAMP, &delts.v[0]);
	delc[1] = confirmed(w, SENSOR, &delts.v[1]);
	out = asked_all(w, &delc[0]);
	assert_int_equal(out.n, 0);
	out = asked_all(w, &delc[0]);
	assert_int_equal(out.n, 0);
	assert_int_equal(missing(w), 1);
	out = asked_all(w, &delc[1]);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
	out = asked_all(w, &delc[1]);
	assert_int_equal(out.n, 0);
	out = asked_all(w, &delc[0]);
	assert_int_equal(out.n, 0);
	wire_free(&delc[0]);
	wire_free(&delc[1]);
	wires_free(&delts);
}

/* ---- the owner asks again ------------------------------------------------ */

static void
whoever_is_missing_is_told_again(void **state)
{
	struct world *w = *state;
	struct wires first, again, out;
	fluffy_msg *a, *b;

	(void)new_den(w);
	first = deleted(w, LOCK);
	answer_quietly(w, &first.v[0]);
	the_time += 5;
	again = deleted(w, LOCK);
	assert_types(w, &again, 1, FLUFFY_PSK_DELT);
	a = opened(w, &first.v[1]);
	b = opened(w, &again.v[0]);
	assert_bytes(a->cname, b->cname);
	assert_memory_not_equal(a->kenvelope.plain->nonce.p,
	    b->kenvelope.plain->nonce.p, 8);
	assert_memory_not_equal(a->kenvelope.iv.p, b->kenvelope.iv.p, 13);
	assert_int_equal(b->kenvelope.plain->authtime, NOW + 5);
	fluffy_msg_free(&a);
	fluffy_msg_free(&b);
	/* the one that was answered first counts, though it isn't the last */
	out = answered(w, &first.v[1]);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
	out = answered(w, &again.v[0]);
	assert_int_equal(out.n, 0);
	wires_free(&first);
	wires_free(&again);
}

static void
gsk_delc_has_the_last_nonce(void **state)
{
	struct world *w = *state;
	fluffy_bytes delt[2];
	struct wires delts, out;
	fluffy_msg *request, *delc;
	int i;

	(void)new_den(w);
	for (i = 0; i < 2; i++) {
		delt[i] = delete_wire(w, LOCK);
		delts = asked_all(w, &delt[i]);
		assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
		if (i == 0)
			wires_free(&delts);
	}
	answer_quietly(w, &delts.v[0]);
	out = answered(w, &delts.v[1]);
	request = opened(w, &delt[1]);
	delc = opened(w, &out.v[0]);
	assert_bytes(delc->ack.plain->nonce, request->kenvelope.plain->nonce);
	fluffy_msg_free(&request);
	fluffy_msg_free(&delc);
	for (i = 0; i < 2; i++)
		wire_free(&delt[i]);
	wires_free(&delts);
	wires_free(&out);
}

/* GSK-DELC was lost: it comes again, for the new nonce. */
static void
gsk_delc_comes_again(void **state)
{
	struct world *w = *state;
	struct keyid key = new_den(w);
	struct wires delts = deleted(w, LOCK), lost, found;
	fluffy_bytes late;
	int i;

	answer_quietly(w, &delts.v[0]);
	late = delete_wire(w, LOCK);
	lost = answered(w, &delts.v[1]);
	assert_types(w, &lost, 1, FLUFFY_GSK_DELC);
	for (i = 0; i < 2; i++) {
		found = deleted(w, LOCK);
		assert_types(w, &found, 1, FLUFFY_GSK_DELC);
		if (i == 0)
			wires_free(&found);
	}
	gsk_taken(w, LOCK, &found.v[0], FLUFFY_GROUP_DELETED);
	assert_false(has_key(w, LOCK, &key, AS_OWNER));
	wires_free(&found);
	/* one is enough: the others are waited for no longer */
	found = asked_all(w, &late);
	assert_types(w, &found, 1, FLUFFY_GSK_DELC);
	expect(w, gsk_take(w, LOCK, &found.v[0]), FLUFFY_E_REPLAY);
	wire_free(&late);
	wires_free(&delts);
	wires_free(&lost);
	wires_free(&found);
}

/* ---- what GSK-DELT is refused for ---------------------------------------- */

static void
only_the_owner_deletes(void **state)
{
	struct world *w = *state;
	struct wires delts, out;
	fluffy_bytes delt;

	(void)new_den(w);
	delt = delete_wire(w, SENSOR);
	ask_proven(w, SENSOR, &delt, FLUFFY_E_NOT_OWNER);
	assert_int_equal(missing(w), 0);
	(void)fetch(w, LAMP);
	/* nor when it has begun, nor when it is done */
	delts = deleted(w, LOCK);
	delt = delete_wire(w, LAMP);
	ask_proven(w, LAMP, &delt, FLUFFY_E_NOT_OWNER);
	delt = delete_wire(w, LAMP);
	answer_quietly(w, &delts.v[0]);
	out = answered(w, &delts.v[1]);
	wires_free(&out);
	wires_free(&delts);
	ask_proven(w, LAMP, &delt, FLUFFY_E_NO_SUCH_GROUP);
}

static void
only_the_current_key_deletes_a_group(void **state)
{
	struct world *w = *state;
	fluffy_bytes delt;
	struct wires out;

	(void)new_den(w);
	delt = delete_wire(w, LOCK);
	(void)renew(w, LOCK);
	ask_proven(w, LOCK, &delt, FLUFFY_E_NO_SUCH_KEY);
	assert_int_equal(missing(w), 0);
	(void)fetch(w, LAMP);
	out = deleted(w, LOCK);
	assert_types(w, &out, 3, FLUFFY_PSK_DELT);
	wires_free(&out);
}

/* Of that name, and of that realm. */
static void
unknown_groups_are_not_deleted(void **state)
{
	struct world *w = *state;
	struct secret secret = secret_of_owner(w, "lock");
	struct part *part;
	fluffy_bytes delt;
	fluffy_msg *msg;
	int i;

	expect(w, fluffy_gsk_delete(LOCK->store, "den", NULL, &msg),
	    FLUFFY_E_NOT_FOUND);
	assert_null(msg);
	(void)new_den(w);
	expect(w, fluffy_gsk_delete(LOCK->store, "den", "far", &msg),
	    FLUFFY_E_NOT_FOUND);
	for (i = 0; i < 2; i++) {
		delt = delete_wire(w, LOCK);
		msg = from_wire(w, &delt);
		part = open_part(w, msg, msg, L_kenvelope, &secret.key);
		if (i == 0)
			part->mcastname = BYTES("Den");
		else {
			part->mcastrealm = BYTES("far");
			SET(part, L_mcastrealm);
		}
		reseal(w, msg, msg, L_kenvelope, part, &secret.key,
		    keyid_bytes(&secret.kid));
		wire_free(&delt);
		delt = to_wire(w, &msg);
		ask_proven(w, LOCK, &delt, FLUFFY_E_NO_SUCH_GROUP);
	}
	assert_int_equal(missing(w), 0);
}

static void
a_replayed_gsk_delt_is_refused(void **state)
{
	struct world *w = *state;
	fluffy_bytes delt;
	struct wires out;

	(void)new_den(w);
	delt = delete_wire(w, LOCK);
	out = asked_all(w, &delt);
	wires_free(&out);
	expect(w, ask_all(w, &delt, &out), FLUFFY_E_REPLAY);
	assert_types(w, &out, 1, FLUFFY_ERROR);
	wires_free(&out);
	the_time += 301;
	expect(w, ask_all(w, &delt, &out), FLUFFY_E_CLOCK_SKEW);
	wires_free(&out);
	wire_free(&delt);
}

/* ---- while a group is being deleted, and afterwards ---------------------- */

static void
a_group_that_is_being_deleted_is_closed(void **state)
{
	struct world *w = *state;
	struct keyid key = new_den(w);
	struct wires delts = deleted(w, LOCK);

	fetch_refused(w, SENSOR, FLUFFY_E_GROUP_DELETING);
	fetch_refused(w, LOCK, FLUFFY_E_GROUP_DELETING);
	fetch_key_refused(w, LAMP, &key, FLUFFY_E_GROUP_DELETING);
	create_refused(w, LOCK, FLUFFY_E_GROUP_DELETING);
	create_refused(w, SENSOR, FLUFFY_E_GROUP_DELETING);
	renew_refused(w, LOCK, FLUFFY_E_GROUP_DELETING);
	renew_refused(w, SENSOR, FLUFFY_E_GROUP_DELETING);
	wires_free(&delts);
	assert_int_equal(missing(w), 2);
}

static void
endtime_completes_a_deletion(void **state)
{
	struct world *w = *state;
	struct wires delts, out;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	answer_quietly(w, &delts.v[0]);
	the_time = ENDTIME - 1;
	fetch_refused(w, SENSOR, FLUFFY_E_GROUP_DELETING);
	assert_int_equal(missing(w), 1);
	the_time = ENDTIME;
	assert_int_equal(missing(w), 0);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_GROUP);
	renew_refused(w, LOCK, FLUFFY_E_NO_SUCH_GROUP);
	out = deleted(w, LOCK);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &out.v[0], FLUFFY_GROUP_DELETED);
	wires_free(&out);
	(void)create(w, SENSOR, NULL);
	wires_free(&delts);
}

/* Long after, when all records of the key have been dropped. */
static void
gsk_delc_comes_again_days_later(void **state)
{
	struct world *w = *state;
	struct keyid key = new_den(w);
	struct wires delts = deleted(w, LOCK), out;
	fluffy_msg *msg;
	fluffy_bytes delt;
	int i;

	wires_free(&delts);
	/* the owner has dropped its key: what it asks is made by hand */
	delt = delete_wire(w, LOCK);
	the_time = ENDTIME + 3 * DAY;
	for (i = 0; i < 3; i++, the_time += 100)
		honest(w);
	msg = from_wire(w, &delt);
	{
		struct secret secret = secret_of_owner(w, "lock");
		struct part *part = open_part(w, msg, msg, L_kenvelope,
		    &secret.key);

		assert_bytes(part->keydata->keyid, keyid_bytes(&key));
		part->authtime = the_time;
		reseal(w, msg, msg, L_kenvelope, part, &secret.key,
		    keyid_bytes(&secret.kid));
	}
	must(w->ctx, ask_all_msg(w, msg, &out));
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	fluffy_msg_free(&msg);
	wires_free(&out);
	wire_free(&delt);
}

static void
a_name_may_be_taken_by_another(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, NULL), made;
	struct wires delc = deleted(w, LOCK);
	fluffy_bytes delt;

	made = create(w, LAMP, "lock");
	assert_false(same_key(&old, &made));
	delt = delete_wire(w, LOCK);
	ask_proven(w, LOCK, &delt, FLUFFY_E_NOT_OWNER);
	made = fetch(w, LAMP);
	/* the old one's GSK-DELC is still good */
	gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
	wires_free(&delc);
	old = fetch(w, LOCK);
	assert_true(same_key(&old, &made));
	assert_true(has_key(w, LOCK, &old, AS_MEMBER));
}

/* A GSK-DELC that comes late is about the group that was. */
static void
a_late_gsk_delc_spares_the_new_group(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, NULL), made;
	struct wires delc = deleted(w, LOCK);
	fluffy_bytes delt = delete_wire(w, LOCK);

	the_time += 10;
	made = create(w, LOCK, NULL);
	/* nor does an old GSK-DELT touch it */
	ask_proven(w, LOCK, &delt, FLUFFY_E_NO_SUCH_KEY);
	gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
	assert_false(has_key(w, LOCK, &old, AS_OWNER));
	assert_true(has_key(w, LOCK, &made, AS_OWNER));
	wires_free(&delc);
	delc = deleted(w, LOCK);
	assert_types(w, &delc, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
	wires_free(&delc);
}

/* Nobody is asked for another group's key. */
static void
another_groups_holders_are_not_missing(void **state)
{
	struct world *w = *state;
	struct wires delts;

	(void)new_den(w);
	the_time++;
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "attic",
	    .members = "any" });
	(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){
	    .group = "attic" });
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	assert_int_equal(missing(w), 2);
	wires_free(&delts);
	(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){
	    .group = "attic" });
}

/*
 * Of a device's groups, the session keys that it has with somebody of a group's
 * name, and what it waits for, only the one group goes.
 */
static void
nothing_else_is_deleted(void **state)
{
	const fluffy_gsk_params lock = { .group = "lock" };
	const fluffy_gsk_params other = { .group = "attic" };
	const fluffy_fetch_params fetching = { .group = "attic" };
	struct world *w = *state;
	struct keyid key = create_with(w, SENSOR, &lock), kept, session;
	struct exchange x;
	fluffy_bytes delt, delc, req, dlvr;
	fluffy_msg *msg;

	the_time += 10;
	kept = create_with(w, SENSOR, &other);
	x = whole_exchange(w, SENSOR, LOCK);
	session = last_key(w);
	req = fetch_wire(w, SENSOR, &fetching);
	the_time += 10;
	must(w->ctx, fluffy_gsk_delete(SENSOR->store, "lock", NULL, &msg));
	delt = to_wire(w, &msg);
	delc = asked(w, &delt);
	gsk_taken(w, SENSOR, &delc, FLUFFY_GROUP_DELETED);
	assert_bytes(bytes_of(w->outcome.keyid, w->outcome.keyid_len),
	    keyid_bytes(&key));
	assert_false(has_key(w, SENSOR, &key, AS_OWNER));
	assert_true(has_key(w, SENSOR, &kept, AS_OWNER));
	assert_true(has_key(w, SENSOR, &session, AS_CLIENT));
	dlvr = asked(w, &req);
	gsk_taken(w, SENSOR, &dlvr, FLUFFY_GROUP_JOINED);
	exchange_free(&x);
	wire_free(&delt);
	wire_free(&delc);
	wire_free(&req);
	wire_free(&dlvr);
}

/* An answer that was on its way doesn't bring the key back to the owner. */
static void
gsk_delc_stops_late_keys(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, NULL);
	fluffy_bytes req = fetch_wire(w, LOCK,
	    &(fluffy_fetch_params){ .group = "den" }), late = asked(w, &req);
	struct wires delc = deleted(w, LOCK);

	gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
	assert_int_not_equal(gsk_take(w, LOCK, &late), FLUFFY_OK);
	assert_false(has_key(w, LOCK, &key, AS_OWNER));
	assert_false(has_key(w, LOCK, &key, AS_MEMBER));
	wire_free(&req);
	wire_free(&late);
	wires_free(&delc);
	honest_group(w);
}

/* ---- devices are removed ------------------------------------------------- */

static void
removing_a_holder_renews_the_key(void **state)
{
	struct world *w = *state;
	struct keyid old = new_den(w), new;

	must(w->ctx, fluffy_remove_device(w->skdc, "lamp"));
	new = fetch(w, SENSOR);
	assert_false(same_key(&old, &new));
	old = fetch(w, LOCK);
	assert_true(same_key(&old, &new));
	assert_int_equal(missing(w), 0);
}

/* It was none, or it has none: then nothing changes. */
static void
removing_another_device_renews_nothing(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, "sensor,lamp"), now;

	(void)fetch(w, SENSOR);
	must(w->ctx, fluffy_remove_device(w->skdc, "lamp"));
	now = fetch(w, SENSOR);
	assert_true(same_key(&old, &now));
}

/* What it held has ended. */
static void
an_ended_key_needs_no_renewal(void **state)
{
	const fluffy_gsk_params brief = { .group = "den", .lifetime = 30,
	    .members = "any" };
	struct world *w = *state;
	struct keyid now, then;

	(void)create_with(w, LOCK, &brief);
	(void)fetch(w, LAMP);
	the_time += 30;
	now = renew(w, LOCK);
	must(w->ctx, fluffy_remove_device(w->skdc, "lamp"));
	then = fetch(w, SENSOR);
	assert_true(same_key(&now, &then));
}

static void
a_removed_holder_is_missing_no_longer(void **state)
{
	struct world *w = *state;
	struct wires delts, out;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	answer_quietly(w, &delts.v[1]); /* the sensor's */
	must(w->ctx, fluffy_remove_device(w->skdc, "lamp"));
	assert_int_equal(missing(w), 0);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_GROUP);
	out = deleted(w, LOCK);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
	wires_free(&delts);
}

static void
enrol_again(struct world *w, struct device_store *d)
{
	const char *name = d->name;

	fluffy_store_close(&d->store);
	assert_int_equal(unlink(d->path), 0);
	enrol(w, d, name);
}

/* Its members delete their copies, but there is nobody to tell. */
static void
removing_the_owner_deletes_the_group(void **state)
{
	struct world *w = *state;
	fluffy_msgs msgs;
	struct wires delts;

	(void)new_den(w);
	must(w->ctx, fluffy_remove_device(w->skdc, "lock"));
	fetch_refused(w, SENSOR, FLUFFY_E_GROUP_DELETING);
	must(w->ctx, fluffy_del_resend(w->skdc, &msgs));
	delts = to_wires(w, &msgs);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	answer_quietly(w, &delts.v[0]);
	create_refused(w, LAMP, FLUFFY_E_GROUP_DELETING);
	answer_quietly(w, &delts.v[1]);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_GROUP);
	(void)create(w, LAMP, NULL);
	wires_free(&delts);
}

static void
the_removed_owners_namesake_owns_nothing(void **state)
{
	struct world *w = *state;
	struct secret secret;
	struct keyid key = new_den(w);
	fluffy_bytes delt = delete_wire(w, LOCK), forged;
	struct wires delts = deleted(w, LOCK);
	fluffy_msg *msg;
	struct part *part;
	int i;

	must(w->ctx, fluffy_remove_device(w->skdc, "lock"));
	expect(w, ask(w, &delt, &forged), FLUFFY_E_AUTH_FAILED);
	wire_free(&forged);
	enrol_again(w, LOCK);
	secret = secret_of_owner(w, "lock");
	for (i = 0; i < 2; i++) {
		msg = from_wire(w, &delt);
		part = seal_part(msg, msg, L_kenvelope);
		PUT(part, mcastname, L_mcastname, BYTES("den"));
		PUT(part, authtime, L_authtime, the_time);
		PUT(part, nonce, L_nonce, i == 0 ? BYTES("12345678") :
		    BYTES("23456789"));
		PUT(part, keydata, L_keydata, keydata_refer(msg,
		    keyid_bytes(&key)));
		reseal(w, msg, msg, L_kenvelope, part, &secret.key,
		    keyid_bytes(&secret.kid));
		expect(w, ask_msg(w, w->skdc, msg, &forged), i == 0 ?
		    FLUFFY_E_NOT_OWNER : FLUFFY_E_NO_SUCH_GROUP);
		wire_free(&forged);
		fluffy_msg_free(&msg);
		if (i == 1)
			break;
		renew_refused(w, LOCK, FLUFFY_E_GROUP_DELETING);
		answer_quietly(w, &delts.v[0]);
		answer_quietly(w, &delts.v[1]);
	}
	renew_refused(w, LOCK, FLUFFY_E_NO_SUCH_GROUP);
	(void)create(w, LOCK, NULL);
	wires_free(&delts);
	wire_free(&delt);
}

/* ---- nothing is lost when everybody is restarted ------------------------- */

static void
a_deletion_survives_restarts(void **state)
{
	struct world *w = *state;
	struct wires delts, out;
	fluffy_bytes delt, delc[2];

	(void)new_den(w);
	reopen(w);
	delt = delete_wire(w, LOCK);
	reopen(w);
	delts = asked_all(w, &delt);
	reopen(w);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	delc[0] = confirmed(w, LAMP, &delts.v[0]);
	delc[1] = confirmed(w, SENSOR, &delts.v[1]);
	reopen(w);
	fetch_refused(w, LAMP, FLUFFY_E_GROUP_DELETING);
	out = asked_all(w, &delc[0]);
	assert_int_equal(out.n, 0);
	reopen(w);
	assert_int_equal(missing(w), 1);
	out = asked_all(w, &delc[1]);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	reopen(w);
	fetch_refused(w, LAMP, FLUFFY_E_NO_SUCH_GROUP);
	gsk_taken(w, LOCK, &out.v[0], FLUFFY_GROUP_DELETED);
	wire_free(&delt);
	wire_free(&delc[0]);
	wire_free(&delc[1]);
	wires_free(&delts);
	wires_free(&out);
	honest_group(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(every_holder_but_the_owner_is_told),
		IN_BOTH(a_group_that_nobody_fetched_is_gone_at_once),
		IN_CBOR(the_key_leaves_all_files),
		IN_CBOR(older_keys_are_deleted_too),
		IN_BOTH(the_last_confirmation_releases_gsk_delc),
		IN_CBOR(a_confirmation_that_comes_twice_counts_once),
		IN_CBOR(whoever_is_missing_is_told_again),
		IN_BOTH(gsk_delc_has_the_last_nonce),
		IN_CBOR(gsk_delc_comes_again),
		IN_BOTH(only_the_owner_deletes),
		IN_CBOR(only_the_current_key_deletes_a_group),
		IN_CBOR(unknown_groups_are_not_deleted),
		IN_BOTH(a_replayed_gsk_delt_is_refused),
		IN_BOTH(a_group_that_is_being_deleted_is_closed),
		IN_CBOR(endtime_completes_a_deletion),
		IN_CBOR(gsk_delc_comes_again_days_later),
		IN_CBOR(a_name_may_be_taken_by_another),
		IN_CBOR(a_late_gsk_delc_spares_the_new_group),
		IN_CBOR(another_groups_holders_are_not_missing),
		IN_BOTH(nothing_else_is_deleted),
		IN_CBOR(gsk_delc_stops_late_keys),
		IN_CBOR(removing_a_holder_renews_the_key),
		IN_CBOR(removing_another_device_renews_nothing),
		IN_CBOR(an_ended_key_needs_no_renewal),
		IN_CBOR(a_removed_holder_is_missing_no_longer),
		IN_BOTH(removing_the_owner_deletes_the_group),
		IN_CBOR(the_removed_owners_namesake_owns_nothing),
		IN_BOTH(a_deletion_survives_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

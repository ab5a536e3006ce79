/*
 * test_groups_end.c - what becomes of a group that is being deleted, or is
 * gone, when its operator and its owner go on
 */
#include "scenes.h"

#include "alg.h"

static enum fluffy_error
change(struct world *w, const char *device, enum fluffy_membership how)
{
	return fluffy_group_change(w->skdc, NULL, "den", device, how);
}

/* Nobody had "den": it is gone at once. The owner has its key no more. */
static struct keyid
gone_den(struct world *w)
{
	struct keyid key = create(w, LOCK, "sensor,lamp");
	struct wires last = deleted(w, LOCK);

	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	wires_free(&last);
	return key;
}

static void
a_deleted_group_has_no_members_to_change(void **state)
{
	static const enum fluffy_membership changes[] = { FLUFFY_ADD,
		FLUFFY_REMOVE };
	struct world *w = *state;
	size_t i;

	(void)gone_den(w);
	for (i = 0; i < 2; i++) {
		refused_at(w->ctx, change(w, "lamp", changes[i]),
		    FLUFFY_E_NOT_FOUND, "");
		assert_string_equal(fluffy_why(w->ctx).text,
		    "no group \"den\"");
	}
	/* but who may have it in future can be said, and taken back */
	must(w->ctx, change(w, "lamp", FLUFFY_FORBID));
	create_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	must(w->ctx, change(w, "lamp", FLUFFY_ADD));
	(void)create(w, LAMP, "any");
	honest_group(w);
}

/* Its keys are asked for already, and there will be no new one. */
static void
a_member_of_a_group_that_ends_is_removed_quietly(void **state)
{
	struct world *w = *state;
	struct wires delts;
	size_t before;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	before = missing(w);
	must(w->ctx, change(w, "sensor", FLUFFY_REMOVE));
	assert_int_equal(missing(w), before);
	fetch_refused(w, LAMP, FLUFFY_E_GROUP_DELETING);
	create_refused(w, LAMP, FLUFFY_E_GROUP_DELETING);
	answer_quietly(w, &delts.v[0]);
	wires_free(&delts);
	honest_group(w);
}

/* The operator deleted the current key; the member has the one before. */
static void
a_removed_member_makes_a_new_key_also_where_there_is_none(void **state)
{
	struct world *w = *state;
	struct keyid first = new_den(w), second = renew(w, LOCK), third;
	struct wires delts = requested(w, &second);

	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	fetch_refused(w, LAMP, FLUFFY_E_NO_SUCH_KEY);
	must(w->ctx, change(w, "sensor", FLUFFY_REMOVE));
	third = fetch(w, LAMP);
	assert_false(same_key(&third, &first));
	assert_false(same_key(&third, &second));
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	wires_free(&delts);
	honest_group(w);
}

/* Only the last key's owner learns that the group is gone. */
static void
a_deleted_group_is_confirmed_again_for_its_last_key_alone(void **state)
{
	struct world *w = *state;
	struct keyid first = create(w, LOCK, "any");
	struct keyid second = renew(w, LOCK);
	fluffy_bytes delt = delete_wire(w, LOCK);
	struct secret secret = secret_of_owner(w, "lock");
	struct wires out = asked_all(w, &delt);
	struct part *part;
	fluffy_msg *msg;
	uint64_t nonce;
	int i;

	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
	for (i = 0; i < 2; i++) {
		const struct keyid *key = i == 0 ? &first : &second;

		msg = from_wire(w, &delt);
		part = open_part(w, msg, msg, L_kenvelope, &secret.key);
		nonce = rng_next(&w->rng);
		part->nonce = bytes_of(&nonce, 8);
		part->keydata->keyid = keyid_bytes(key);
		reseal(w, msg, msg, L_kenvelope, part, &secret.key,
		    keyid_bytes(&secret.kid));
		expect(w, ask_all_msg(w, msg, &out), i == 0 ?
		    FLUFFY_E_NO_SUCH_GROUP : FLUFFY_OK);
		assert_types(w, &out, 1, i == 0 ? FLUFFY_ERROR :
		    FLUFFY_GSK_DELC);
		wires_free(&out);
		fluffy_msg_free(&msg);
	}
	wire_free(&delt);
	honest_group(w);
}

/* What is left of a group goes with its owner, once no copy is missing. */
static void
a_deleted_group_goes_with_its_owner(void **state)
{
	struct world *w = *state;
	struct wires delts;
	int i;

	for (i = 0; i < 2; i++) {
		(void)create(w, LAMP, "sensor");
		if (i == 1)
			(void)fetch(w, SENSOR);
		delts = deleted(w, LAMP);
		assert_types(w, &delts, 1, i == 0 ? FLUFFY_GSK_DELC :
		    FLUFFY_PSK_DELT);
		if (i == 0)
			gsk_taken(w, LAMP, &delts.v[0],
			    FLUFFY_GROUP_DELETED);
		wires_free(&delts);
	}
	/* the only holder of the second can't be asked any more */
	must(w->ctx, fluffy_remove_device(w->skdc, "sensor"));
	must(w->ctx, fluffy_remove_device(w->skdc, "lamp"));
	assert_groups(w, NULL, "");
	(void)create(w, LOCK, "any");
}

/*
 * GSK-DELC ends what waits for that group, not for another one; nor what may
 * be for its namesake.
 */
static void
what_waits_for_others_goes_on_waiting(void **state)
{
	struct world *w = *state;
	struct wires last;
	fluffy_bytes fetch, req, answer;

	(void)create(w, LOCK, "sensor,lamp");
	(void)create_with(w, LAMP, &(fluffy_gsk_params){ .group = "attic",
	    .members = "any" });
	fetch = fetch_wire(w, LOCK, &(fluffy_fetch_params){
	    .group = "attic" });
	last = deleted(w, LOCK);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	req = gsk_wire(w, LOCK, &(fluffy_gsk_params){ .group = "den" });
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	answer = asked(w, &fetch);
	gsk_taken(w, LOCK, &answer, FLUFFY_GROUP_JOINED);
	wire_free(&answer);
	answer = asked(w, &req);
	gsk_taken(w, LOCK, &answer, FLUFFY_GROUP_CREATED);
	wire_free(&answer);
	wire_free(&fetch);
	wire_free(&req);
	wires_free(&last);
}

/* Had again by its keyid, in the very second of GSK-DELC: it goes, too. */
static void
an_older_key_had_again_goes_with_its_group(void **state)
{
	struct world *w = *state;
	struct keyid first = create(w, LOCK, "sensor"), second = renew(w, LOCK);
	struct session session;
	struct wires last;
	bool gone;

	must(w->ctx, fluffy_remove_key(LOCK->store, first.b, first.n));
	(void)fetch_key(w, LOCK, &first);
	last = deleted(w, LOCK);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	wires_free(&last);
	for (int i = 0; i < 2; i++) {
		struct bytes keyid = keyid_bytes(i == 0 ? &first : &second);

		expect(w, store_session(LOCK->store, keyid, AS_OWNER,
		    &session), FLUFFY_E_NOT_FOUND);
		must(w->ctx, store_gone(LOCK->store, keyid, &gone));
		assert_true(gone);
	}
	honest_group(w);
}

/* Asked for after GSK-DELT was made, answered before it came: it doesn't count. */
static void
a_key_on_its_way_goes_with_its_group(void **state)
{
	struct world *w = *state;
	fluffy_bytes delt, fetch, dlvr;
	struct wires last;

	(void)create(w, LOCK, "sensor");
	delt = delete_wire(w, LOCK);
	the_time++;
	fetch = fetch_wire(w, LOCK, &(fluffy_fetch_params){ .group = "den" });
	dlvr = asked(w, &fetch);
	last = asked_all(w, &delt);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	expect(w, gsk_take(w, LOCK, &dlvr), FLUFFY_E_REPLAY);
	wire_free(&delt);
	wire_free(&fetch);
	wire_free(&dlvr);
	wires_free(&last);
	honest_group(w);
}

/* GSK-DELC comes late: a fetch of a namesake is none of its. */
static void
a_key_of_a_namesake_on_its_way_stays(void **state)
{
	struct world *w = *state;
	struct wires last;
	fluffy_bytes fetch, dlvr;

	(void)create(w, LOCK, "any");
	last = deleted(w, LOCK);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	the_time += 2;
	(void)create(w, SENSOR, "lock");
	fetch = fetch_wire(w, LOCK, &(fluffy_fetch_params){ .group = "den" });
	dlvr = asked(w, &fetch);
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	gsk_taken(w, LOCK, &dlvr, FLUFFY_GROUP_JOINED);
	wire_free(&fetch);
	wire_free(&dlvr);
	wires_free(&last);
}

static int64_t
number(struct world *w, const char *text)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(w->skdc->sql->db, text, -1, &st,
	    NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	return n;
}

static int64_t
alg_of(struct world *w, const struct keyid *keyid)
{
	struct group_key key;
	int64_t alg;

	must(w->ctx, store_group_key(w->skdc, keyid_bytes(keyid), &key));
	alg = key.key.alg;
	group_key_wipe(&key);
	return alg;
}

/* After the clock was set back the current key may have ended first. */
static void
a_removed_member_needs_no_key_that_is_there(void **state)
{
	struct world *w = *state;
	struct keyid first = new_den(w), second = renew(w, LOCK), third;

	skdc_sql(w, "DELETE FROM grpkey WHERE keyid = (SELECT max(keyid) "
	    "FROM grpkey)");
	fetch_key_refused(w, LAMP, &second, FLUFFY_E_NO_SUCH_KEY);
	must(w->ctx, change(w, "sensor", FLUFFY_REMOVE));
	third = fetch(w, LAMP);
	assert_false(same_key(&third, &first));
	assert_int_equal(alg_of(w, &third), aeads[0].alg);
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	honest_group(w);
}

static void
allow(struct world *w, const char *device, const char *etypes)
{
	const fluffy_policy policy = { .lifetime = 0, .etypes = etypes };

	must(w->ctx, fluffy_policy_set(w->skdc, device, &policy));
}

/* Policy has changed since: the new key has what is allowed, if anything is. */
static void
a_removed_members_group_obeys_policy(void **state)
{
	struct world *w = *state;
	struct keyid first = new_den(w), second;

	allow(w, NULL, "A256GCM");
	assert_int_equal(alg_of(w, &first), ALG_SESSION_DEFAULT);
	must(w->ctx, change(w, "sensor", FLUFFY_REMOVE));
	second = fetch(w, LAMP);
	assert_int_equal(alg_of(w, &second), 3);

	allow(w, "lock", "A128GCM");
	must(w->ctx, change(w, "lamp", FLUFFY_REMOVE));
	must(w->ctx, change(w, "lamp", FLUFFY_ADD));
	fetch_refused(w, LAMP, FLUFFY_E_NO_SUCH_KEY);
	allow(w, "lock", "");
	second = create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .etype = "A256GCM", .renew = true });
	first = fetch(w, LAMP);
	assert_true(same_key(&first, &second));
	allow(w, NULL, "");
	honest_group(w);
}

/* Section 4: the ERROR that says so isn't sealed, and nothing was done. */
static void
what_a_key_cant_answer_any_more_isnt_done(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = gsk_wire(w, SENSOR,
	    &(fluffy_gsk_params){ .group = "attic" }), rep;
	fluffy_msg *msg = from_wire(w, &req);
	fluffy_msgs out;

	skdc_sql(w, "UPDATE secret SET seals = 4294967296 WHERE owner = 'sensor'");
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	refused_at(w->ctx, fluffy_skdc_answer(w->skdc, msg, &out),
	    FLUFFY_E_INTERNAL, "");
	assert_int_equal(out.n, 1);
	assert_int_equal(fluffy_msg_error(out.v[0]), FLUFFY_E_INTERNAL);
	assert_false(HAS(out.v[0], L_ack));
	fluffy_msgs_free(&out);
	fluffy_msg_free(&msg);
	expect(w, fluffy_skdc_commit(w->skdc), FLUFFY_E_STORE);
	skdc_sql(w, "UPDATE secret SET seals = 0");
	rep = asked(w, &req);
	gsk_taken(w, SENSOR, &rep, FLUFFY_GROUP_CREATED);
	wire_free(&rep);
	wire_free(&req);
}

/* They are reserved ahead, more each time: but all of the last ones count. */
static void
the_last_seals_are_for_some_of_the_answers(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = gsk_wire(w, SENSOR,
	    &(fluffy_gsk_params){ .group = "attic" }), rep = asked(w, &req);

	reopen(w);
	skdc_sql(w, "UPDATE secret SET seals = 4294967294 WHERE owner = 'sensor'");
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	for (int i = 0; i < 3; i++) {
		fluffy_msg *msg = from_wire(w, &req);
		fluffy_msgs out;

		expect(w, fluffy_skdc_answer(w->skdc, msg, &out),
		    FLUFFY_E_REPLAY);
		assert_int_equal(out.n, 1);
		assert_int_equal(HAS(out.v[0], L_ack), i < 2);
		fluffy_msgs_free(&out);
		fluffy_msg_free(&msg);
	}
	must(w->ctx, fluffy_skdc_commit(w->skdc));
	wire_free(&rep);
	wire_free(&req);
}

/* It can't be asked (section 4), the others can. */
static void
a_holder_whose_key_seals_no_more_is_passed_over(void **state)
{
	struct world *w = *state;
	struct wires delts;

	(void)new_den(w);
	skdc_sql(w, "UPDATE secret SET seals = 4294967296 WHERE owner = 'lamp'");
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	answer_quietly(w, &delts.v[0]);
	wires_free(&delts);
	assert_int_equal(missing(w), 1);
	skdc_sql(w, "UPDATE secret SET seals = 0");
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	wires_free(&delts);
}

/* What it is told to delete goes, also when it can't say so (section 4). */
static void
a_device_whose_key_seals_no_more_obeys(void **state)
{
	struct world *w = *state;
	struct keyid key = new_den(w);
	struct session session;
	struct wires delts;
	fluffy_bytes delc;
	bool gone;

	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	for (size_t i = 0; i < 2; i++) {
		struct device_store *d = addressee(w, &delts.v[i]);

		store_sql(d->store, "UPDATE secret SET seals = 4294967296");
		must(w->ctx, del_take(w, d, &delts.v[i], &delc));
		assert_null(delc.data);
		assert_int_equal(w->outcome.kind, FLUFFY_KEY_ERASED);
		expect(w, store_session(d->store, keyid_bytes(&key),
		    AS_MEMBER, &session), FLUFFY_E_NOT_FOUND);
		must(w->ctx, store_gone(d->store, keyid_bytes(&key), &gone));
		assert_true(gone);
		store_sql(d->store, "UPDATE secret SET seals = 0");
	}
	wires_free(&delts);
	delts = deleted(w, LOCK);
	answer_quietly(w, &delts.v[0]);
	wires_free(&delts);
}

/* Its confirmation counts, also when its owner can't be told. */
static void
an_owner_whose_key_seals_no_more_can_ask_later(void **state)
{
	struct world *w = *state;
	struct wires delts, last;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	answer_quietly(w, &delts.v[0]);
	skdc_sql(w, "UPDATE secret SET seals = 4294967296 WHERE owner = 'lock'");
	answer_quietly(w, &delts.v[1]);
	assert_int_equal(missing(w), 0);
	wires_free(&delts);
	skdc_sql(w, "UPDATE secret SET seals = 0");
	last = deleted(w, LOCK);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	wires_free(&last);
}

/* One device's deleted groups don't fill the store. */
static void
of_deleted_groups_so_many_stay(void **state)
{
	struct world *w = *state;

	skdc_sql(w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
	    "FROM n WHERE i < 300) INSERT INTO grp SELECT 1000 + i, 'home', "
	    "'g' || i, 'lock', 3, i, 0, NULL, x'00', 0 FROM n");
	skdc_sql(w, "INSERT INTO grpkey VALUES(1, 1001, 10, NULL, 1, 1 << 40)");
	skdc_sql(w, "INSERT INTO grp VALUES(900, 'home', 'lamps', 'lamp', 3, 1, 0, "
	    "NULL, x'00', 0)");
	skdc_sql(w, "INSERT INTO verdict VALUES('home', 'g1', 'lamp', 1), "
	    "('home', 'g2', 'lamp', 1), ('home', 'g2', 'sensor', 3)");
	(void)new_den(w);
	assert_int_equal(number(w, "SELECT count(*) FROM grp WHERE state = 3"),
	    258);
	assert_int_equal(number(w, "SELECT min(id) FROM grp WHERE id > 1001"),
	    1045);
	/* what was said of one that is gone isn't of a namesake, but a ban is */
	assert_int_equal(number(w, "SELECT count(*) FROM verdict WHERE "
	    "name = 'g1' AND device = 'lamp' OR "
	    "name = 'g2' AND device = 'sensor'"), 2);
	assert_int_equal(number(w, "SELECT count(*) FROM verdict "
	    "WHERE name = 'g2'"), 1);
	honest_group(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(a_deleted_group_has_no_members_to_change),
		IN_BOTH(a_member_of_a_group_that_ends_is_removed_quietly),
		IN_BOTH(
		    a_removed_member_makes_a_new_key_also_where_there_is_none),
		IN_BOTH(
		    a_deleted_group_is_confirmed_again_for_its_last_key_alone),
		IN_BOTH(a_deleted_group_goes_with_its_owner),
		IN_CBOR(what_waits_for_others_goes_on_waiting),
		IN_CBOR(an_older_key_had_again_goes_with_its_group),
		IN_CBOR(a_key_on_its_way_goes_with_its_group),
		IN_CBOR(a_key_of_a_namesake_on_its_way_stays),
		IN_CBOR(a_removed_member_needs_no_key_that_is_there),
		IN_BOTH(a_removed_members_group_obeys_policy),
		IN_BOTH(what_a_key_cant_answer_any_more_isnt_done),
		IN_BOTH(the_last_seals_are_for_some_of_the_answers),
		IN_BOTH(a_holder_whose_key_seals_no_more_is_passed_over),
		IN_BOTH(a_device_whose_key_seals_no_more_obeys),
		IN_BOTH(an_owner_whose_key_seals_no_more_can_ask_later),
		IN_CBOR(of_deleted_groups_so_many_stay)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

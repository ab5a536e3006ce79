/*
 * test_operator.c - what the SKDC's operator does about keys and groups
 */
#include "pairs.h"

#include "policy.h"

#define ENDTIME (NOW + LIFETIME_DEFAULT)

/* ---- keys are deleted ---------------------------------------------------- */

static void
request_fails(struct world *w, const void *key, size_t n,
    enum fluffy_error code)
{
	fluffy_msgs msgs = { .n = 7 };

	expect(w, fluffy_del_request(w->skdc, key, n, &msgs), code);
	assert_int_equal(msgs.n, 0);
	assert_null(msgs.v);
}

static void
both_parties_of_a_session_key_are_told(void **state)
{
	struct world *w = *state;
	struct keyid key = shared(w);
	struct symm raw = key_of(w, LOCK, &key, AS_SERVICE);
	struct wires delts, again;

	the_time += 9;
	delts = requested(w, &key);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	assert_deletions(w, "deletion home lock sensor deleting 9..28800\n"
	    "deletion home sensor lock deleting 9..28800\n");
	assert_listed(w, w->skdc, "session sensor lock AES-CCM-16-64-128 "
	    "deleting 0..28800\n");
	answer_quietly(w, &delts.v[0]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ERASED);
	assert_int_equal(w->outcome.endtime, ENDTIME);
	assert_bytes(bytes_of(w->outcome.keyid, w->outcome.keyid_len),
	    keyid_bytes(&key));
	assert_false(has_key(w, LOCK, &key, AS_SERVICE));
	assert_false(on_disk(LOCK->path, symm_bytes(&raw)));
	assert_true(has_key(w, SENSOR, &key, AS_CLIENT));
	assert_deletions(w, "deletion home sensor lock deleting 9..28800\n");
	/* asked again, only the one that is missing is told */
	again = requested(w, &key);
	assert_types(w, &again, 1, FLUFFY_PSK_DELT);
	answer_quietly(w, &again.v[0]);
	assert_false(has_key(w, SENSOR, &key, AS_CLIENT));
	assert_false(on_disk(SENSOR->path, symm_bytes(&raw)));
	assert_deletions(w, "");
	assert_listed(w, w->skdc, "session sensor lock AES-CCM-16-64-128 "
	    "deleted 0..28800\n");
	wires_free(&again);
	again = requested(w, &key);
	assert_int_equal(again.n, 0);
	wires_free(&delts);
}

static void
a_key_with_oneself_is_deleted_once(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, LAMP, LAMP);
	struct keyid key = last_key(w);
	struct wires delts = requested(w, &key);

	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	answer_quietly(w, &delts.v[0]);
	assert_false(has_key(w, LAMP, &key, AS_CLIENT));
	assert_false(has_key(w, LAMP, &key, AS_SERVICE));
	wires_free(&delts);
	exchange_free(&x);
}

static void
what_was_not_issued_is_not_deleted(void **state)
{
	struct world *w = *state;
	struct secret secret = secret_of_owner(w, "lock");
	struct keyid key = shared(w);
	fluffy_msgs msgs;

	request_fails(w, "12345678", 8, FLUFFY_E_NOT_FOUND);
	request_fails(w, key.b, 7, FLUFFY_E_NOT_FOUND);
	request_fails(w, "123456789012345678901234567890123", 33,
	    FLUFFY_E_NOT_FOUND);
	request_fails(w, secret.kid.b, secret.kid.n, FLUFFY_E_NOT_FOUND);
	request_fails(w, key.b, 0, FLUFFY_E_USAGE);
	expect(w, fluffy_del_request(LOCK->store, key.b, key.n, &msgs),
	    FLUFFY_E_USAGE);
	expect(w, fluffy_del_resend(LOCK->store, &msgs), FLUFFY_E_USAGE);
	assert_deletions(w, "");
	the_time = ENDTIME;
	request_fails(w, key.b, key.n, FLUFFY_E_NOT_FOUND);
	the_time = ENDTIME - 1;
	{
		struct wires delts = requested(w, &key);

		assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
		wires_free(&delts);
	}
	secret_wipe(&secret);
}

/* Everybody who has it, the owner too; the group stays. */
static void
a_groups_key_is_deleted_and_the_group_stays(void **state)
{
	struct world *w = *state;
	struct keyid old = new_den(w), new;
	struct wires delts = requested(w, &old);
	size_t i;

	assert_types(w, &delts, 3, FLUFFY_PSK_DELT);
	assert_deletions(w, "deletion home lamp den deleting 0..28800\n"
	    "deletion home lock den deleting 0..28800\n"
	    "deletion home sensor den deleting 0..28800\n");
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_KEY);
	fetch_refused(w, LOCK, FLUFFY_E_NO_SUCH_KEY);
	fetch_key_refused(w, LAMP, &old, FLUFFY_E_NO_SUCH_KEY);
	create_refused(w, SENSOR, FLUFFY_E_GROUP_EXISTS);
	for (i = 0; i < 3; i++) {
		answer_quietly(w, &delts.v[i]);
		assert_int_equal(w->outcome.kind, FLUFFY_KEY_ERASED);
	}
	assert_false(has_key(w, LOCK, &old, AS_OWNER));
	new = renew(w, LOCK);
	old = fetch(w, SENSOR);
	assert_true(same_key(&old, &new));
	wires_free(&delts);
}

/* Erased at the SKDC: who never had it doesn't get it, either. */
static void
a_deleted_groups_key_is_given_to_nobody(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "any");
	struct wires delts = requested(w, &key);

	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_KEY);
	fetch_key_refused(w, SENSOR, &key, FLUFFY_E_NO_SUCH_KEY);
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 ended 0..28800\n"
	    "member home lock owner\nmember home any\n"
	    "holder home lock AES-CCM-16-64-128 deleting 0..28800\n");
	wires_free(&delts);
}

/* Also when it isn't forgotten yet. */
static void
an_ended_groups_key_is_not_deleted(void **state)
{
	struct world *w = *state;
	struct keyid key = create_with(w, LOCK, &(fluffy_gsk_params){
	    .group = "den", .lifetime = 30 });
	struct wires delts;

	the_time += 30;
	request_fails(w, key.b, key.n, FLUFFY_E_NOT_FOUND);
	the_time -= 1;
	delts = requested(w, &key);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	wires_free(&delts);
}

static void
an_older_key_of_a_group_is_deleted_alone(void **state)
{
	struct world *w = *state;
	struct keyid old = new_den(w), new = renew(w, LOCK), had;
	struct wires delts = requested(w, &old);

	assert_types(w, &delts, 3, FLUFFY_PSK_DELT);
	had = fetch(w, LAMP);
	assert_true(same_key(&had, &new));
	fetch_key_refused(w, LAMP, &old, FLUFFY_E_NO_SUCH_KEY);
	wires_free(&delts);
}

/* The owner's own copy is no reason to wait. */
static void
gsk_delc_does_not_wait_for_the_owner(void **state)
{
	struct world *w = *state;
	struct keyid key = new_den(w);
	struct wires told = requested(w, &key), delts, last;

	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	answer_quietly(w, &told.v[2]);
	last = answered(w, &told.v[0]);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	wires_free(&last);
	last = answered(w, &told.v[1]);
	assert_int_equal(last.n, 0);
	wires_free(&told);
	wires_free(&delts);
}

static void
a_pair_is_deleted_at_both(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = pair_wire(w, SENSOR, "lock"), rep = asked(w, &req);
	fluffy_bytes estb, none;
	struct wires delts;
	struct keyid key;

	must(w->ctx, pkp_take(w, SENSOR, &rep, &estb));
	key = last_key(w);
	none = stepped(w, LOCK, &estb);
	assert_null(none.data);
	assert_true(has_pair(SENSOR, &key, false));
	assert_true(has_pair(LOCK, &key, true));
	delts = requested(w, &key);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	answer_quietly(w, &delts.v[0]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ERASED);
	answer_quietly(w, &delts.v[1]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ERASED);
	assert_false(has_pair(SENSOR, &key, false));
	assert_false(has_pair(LOCK, &key, true));
	wires_free(&delts);
	/* and doesn't come back */
	step_refused(w, LOCK, &estb, FLUFFY_E_NO_SUCH_KEY);
	assert_false(has_pair(LOCK, &key, true));
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	/* for nobody in particular: one is told */
	req = pair_wire(w, SENSOR, NULL);
	rep = asked(w, &req);
	must(w->ctx, pkp_take(w, SENSOR, &rep, &estb));
	assert_null(estb.data);
	key = last_key(w);
	delts = requested(w, &key);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	assert_deletions(w, "deletion home sensor deleting 0..28800\n");
	answer_quietly(w, &delts.v[0]);
	assert_false(has_pair(SENSOR, &key, false));
	wires_free(&delts);
	wire_free(&req);
	wire_free(&rep);
}

static void
what_is_missing_is_sent_again_until_the_end(void **state)
{
	struct world *w = *state;
	struct keyid key = shared(w), other;
	struct wires first = requested(w, &key), again;
	fluffy_msg *a, *b;

	the_time += 10;
	other = new_den(w);
	again = requested(w, &other);
	wires_free(&again);
	again = resent(w);
	assert_types(w, &again, 5, FLUFFY_PSK_DELT);
	a = opened(w, &first.v[0]);
	b = opened(w, &again.v[0]);
	assert_bytes(a->cname, b->cname);
	assert_bytes(a->kenvelope.plain->keydata->keyid,
	    b->kenvelope.plain->keydata->keyid);
	assert_memory_not_equal(a->kenvelope.plain->nonce.p,
	    b->kenvelope.plain->nonce.p, 8);
	fluffy_msg_free(&a);
	fluffy_msg_free(&b);
	answer_quietly(w, &first.v[0]);
	answer_quietly(w, &again.v[4]);
	wires_free(&again);
	reopen(w);
	again = resent(w);
	assert_types(w, &again, 3, FLUFFY_PSK_DELT);
	wires_free(&again);
	the_time = ENDTIME;	/* of the first */
	again = resent(w);
	assert_types(w, &again, 2, FLUFFY_PSK_DELT);
	wires_free(&again);
	the_time = ENDTIME + 10;
	again = resent(w);
	assert_int_equal(again.n, 0);
	assert_deletions(w, "");
	wires_free(&first);
}

static void
removed_devices_are_not_told(void **state)
{
	struct world *w = *state;
	struct keyid key = shared(w);
	struct wires delts;

	must(w->ctx, fluffy_remove_device(w->skdc, "sensor"));
	delts = requested(w, &key);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	assert_ptr_equal(addressee(w, &delts.v[0]), LOCK);
	wires_free(&delts);
	must(w->ctx, fluffy_remove_device(w->skdc, "lock"));
	assert_deletions(w, "");
	delts = requested(w, &key);
	assert_int_equal(delts.n, 0);
}

/* ---- members ------------------------------------------------------------- */

static void
change(struct world *w, const char *device, enum fluffy_membership how)
{
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", device, how));
}

static void
change_fails(struct world *w, const char *device, enum fluffy_membership how,
    enum fluffy_error code)
{
	expect(w, fluffy_group_change(w->skdc, NULL, "den", device, how),
	    code);
}

static void
who_is_added_may_fetch(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "lamp"), had;

	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	change(w, "sensor", FLUFFY_ADD);
	had = fetch(w, SENSOR);
	assert_true(same_key(&key, &had));
	/* whatever the owner names */
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .renew = true, .members = "lamp" });
	(void)fetch(w, SENSOR);
	assert_groups(w, NULL,
	    "group home den lock AES-CCM-16-64-128 live 0..28800\n"
	    "member home lock owner\nmember home lamp named\n"
	    "member home sensor added\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n"
	    "holder home sensor AES-CCM-16-64-128 holds 0..28800\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n"
	    "holder home sensor AES-CCM-16-64-128 holds 0..28800\n");
}

static void
who_is_removed_may_not(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "any"), same;

	change(w, "sensor", FLUFFY_REMOVE);
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .renew = true, .members = "sensor" });
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	key = renew(w, LOCK);
	change_fails(w, "sensor", FLUFFY_REMOVE, FLUFFY_E_NOT_FOUND);
	change_fails(w, "lamp", FLUFFY_REMOVE, FLUFFY_E_NOT_FOUND);
	/* it hadn't the key: there is nothing to delete, nor to renew */
	assert_deletions(w, "");
	same = fetch(w, LOCK);
	assert_true(same_key(&key, &same));
	change(w, "sensor", FLUFFY_ADD);
	(void)fetch(w, SENSOR);
}

/* RFC 9594 calls it eviction: all others go on with a new key. */
static void
a_removed_holder_has_to_delete(void **state)
{
	struct world *w = *state;
	struct keyid old = new_den(w), new;
	struct wires delts;

	change(w, "sensor", FLUFFY_REMOVE);
	assert_deletions(w, "deletion home sensor den deleting 0..28800\n");
	fetch_key_refused(w, SENSOR, &old, FLUFFY_E_NOT_PERMITTED);
	new = fetch(w, LAMP);
	assert_false(same_key(&old, &new));
	old = fetch(w, LOCK);
	assert_true(same_key(&old, &new));
	delts = resent(w);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	answer_quietly(w, &delts.v[0]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ERASED);
	assert_deletions(w, "");
	wires_free(&delts);
	/* back again, it gets the new key, never the old one */
	change(w, "sensor", FLUFFY_ADD);
	old = fetch(w, SENSOR);
	assert_true(same_key(&old, &new));
	/* and the owner can delete all of it */
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 3, FLUFFY_PSK_DELT);
	wires_free(&delts);
}

/* What it had to delete it doesn't get once more. */
static void
an_evicted_members_old_key_stays_deleted(void **state)
{
	struct world *w = *state;
	struct keyid old = new_den(w), had;

	change(w, "sensor", FLUFFY_REMOVE);
	change(w, "sensor", FLUFFY_ADD);
	fetch_key_refused(w, SENSOR, &old, FLUFFY_E_NO_SUCH_KEY);
	had = fetch_key(w, LAMP, &old);
	assert_true(same_key(&had, &old));
}

/* Two that go one after the other: each makes a key, none of them twice. */
static void
every_eviction_renews(void **state)
{
	struct world *w = *state;
	struct keyid first = new_den(w), second, third;
	struct wires delts;

	change(w, "sensor", FLUFFY_REMOVE);
	second = fetch(w, LAMP);
	assert_false(same_key(&first, &second));
	change(w, "lamp", FLUFFY_FORBID);
	third = fetch(w, LOCK);
	assert_false(same_key(&second, &third));
	delts = resent(w);
	assert_types(w, &delts, 3, FLUFFY_PSK_DELT); /* the lamp's two */
	wires_free(&delts);
	/* it holds nothing more: said again, it changes nothing */
	change(w, "lamp", FLUFFY_FORBID);
	first = fetch(w, LOCK);
	assert_true(same_key(&first, &third));
}

/* What it had has ended: nobody has to get a new one. */
static void
a_removed_member_with_an_ended_key_renews_nothing(void **state)
{
	struct world *w = *state;
	struct keyid key, same;

	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .lifetime = 30, .members = "any" });
	(void)fetch(w, SENSOR);
	the_time += 30;
	key = renew(w, LOCK);
	change(w, "sensor", FLUFFY_REMOVE);
	same = fetch(w, LAMP);
	assert_true(same_key(&key, &same));
	assert_deletions(w, "");
}

/* The key keeps its algorithm, the group its wish. */
static void
the_renewed_key_is_like_the_old(void **state)
{
	struct world *w = *state;
	struct symm key;
	struct keyid id;

	id = create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .etype = "A256GCM", .grppac = "{\"members\":\"any\","
	    "\"lifetime\":100,\"x\":1}" });
	(void)fetch(w, SENSOR);
	the_time += 50;
	change(w, "sensor", FLUFFY_REMOVE);
	id = fetch(w, LAMP);
	assert_int_equal(w->outcome.endtime, NOW + 150);
	key = key_of(w, LAMP, &id, AS_MEMBER);
	assert_int_equal(key.alg, 3);
	assert_listed(w, LAMP->store, "session member home den A256GCM ");
}

static void
who_is_forbidden_never_may(void **state)
{
	struct world *w = *state;
	struct wires delc;
	int i;

	change(w, "sensor", FLUFFY_FORBID); /* before there is a group */
	assert_groups(w, NULL, "group home den\n"
	    "member home sensor forbidden\n");
	for (i = 0; i < 2; i++) {
		(void)create(w, LOCK, "sensor,lamp");
		fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
		(void)create_with(w, LOCK, &(fluffy_gsk_params){
		    .group = "den", .renew = true, .members = "any" });
		fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
		(void)fetch(w, LOCK);
		delc = deleted(w, LOCK);
		assert_types(w, &delc, 1, FLUFFY_GSK_DELC);
		gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
		wires_free(&delc);
	}
	create_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	(void)create(w, LOCK, NULL);
	change(w, "sensor", FLUFFY_ADD);
	(void)fetch(w, SENSOR);
}

/* ... "until it is added": also where there is no group yet. */
static void
a_ban_may_be_lifted_before_there_is_a_group(void **state)
{
	struct world *w = *state;

	change(w, "sensor", FLUFFY_FORBID);
	change(w, "sensor", FLUFFY_ADD);
	(void)create(w, SENSOR, NULL);
}

/* What was said of one group isn't said of the next of that name. */
static void
other_verdicts_end_with_the_group(void **state)
{
	struct world *w = *state;
	struct wires delc;

	(void)create(w, LOCK, "sensor");
	change(w, "sensor", FLUFFY_REMOVE);
	change(w, "lamp", FLUFFY_ADD);
	delc = deleted(w, LOCK);
	assert_types(w, &delc, 1, FLUFFY_GSK_DELC);
	wires_free(&delc);
	(void)create(w, LOCK, "sensor");
	(void)fetch(w, SENSOR);
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	/* in another realm it is another group */
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .realm = "far", .members = "any" });
	change(w, "sensor", FLUFFY_REMOVE);
	(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){ .group = "den",
	    .realm = "far" });
	must(w->ctx, fluffy_group_change(w->skdc, "far", "den", "sensor",
	    FLUFFY_REMOVE));
}

static void
changes_that_cannot_be_made(void **state)
{
	struct world *w = *state;

	change_fails(w, "sensor", FLUFFY_ADD, FLUFFY_E_NOT_FOUND);
	change_fails(w, "sensor", FLUFFY_REMOVE, FLUFFY_E_NOT_FOUND);
	change_fails(w, "nobody", FLUFFY_FORBID, FLUFFY_E_NOT_FOUND);
	expect(w, fluffy_list_groups(w->skdc, NULL, "den", count, NULL),
	    FLUFFY_E_NOT_FOUND);
	(void)create(w, LOCK, NULL);
	change_fails(w, "nobody", FLUFFY_ADD, FLUFFY_E_NOT_FOUND);
	change_fails(w, "lock", FLUFFY_ADD, FLUFFY_E_USAGE);
	change_fails(w, "lock", FLUFFY_REMOVE, FLUFFY_E_USAGE);
	change_fails(w, "lock", FLUFFY_FORBID, FLUFFY_E_USAGE);
	expect(w, fluffy_group_change(w->skdc, "far", "den", "sensor",
	    FLUFFY_ADD), FLUFFY_E_NOT_FOUND);
	expect(w, fluffy_group_change(w->skdc, NULL, "", "sensor",
	    FLUFFY_ADD), FLUFFY_E_USAGE);
	expect(w, fluffy_group_change(w->skdc, "", "den", "sensor",
	    FLUFFY_ADD), FLUFFY_E_USAGE);
	expect(w, fluffy_group_change(LOCK->store, NULL, "den", "sensor",
	    FLUFFY_ADD), FLUFFY_E_USAGE);
	expect(w, fluffy_list_groups(LOCK->store, NULL, NULL, count, NULL),
	    FLUFFY_E_USAGE);
	expect(w, fluffy_list_deletions(LOCK->store, count, NULL),
	    FLUFFY_E_USAGE);
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 live 0..28800\n"
	    "member home lock owner\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n");
	/* nor an invented kind of change */
	change_fails(w, "sensor", (enum fluffy_membership)4, FLUFFY_E_USAGE);
	change_fails(w, "sensor", (enum fluffy_membership)0, FLUFFY_E_USAGE);
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
}

/* What is said of one group is said of no other. */
static void
a_word_is_about_one_group(void **state)
{
	static const fluffy_gsk_params attic = { .group = "attic",
	    .members = "any" };
	static const fluffy_fetch_params fetching = { .group = "attic" };
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "any"), had;

	(void)create_with(w, LOCK, &attic);
	(void)fetch_with(w, SENSOR, &fetching);
	/* it holds the attic's key, and nothing of the den's */
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_FORBID));
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	(void)fetch_with(w, SENSOR, &fetching);
	had = fetch(w, LAMP);
	assert_true(same_key(&key, &had));
	assert_int_equal(missing(w), 0);
}

/* Bug class 11. */
static void
a_namesake_was_not_added(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg;

	(void)create(w, LOCK, NULL);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_ADD));
	(void)fetch(w, SENSOR);
	must(w->ctx, fluffy_remove_device(w->skdc, "sensor"));
	must(w->ctx, fluffy_enrol(w->skdc, "sensor", NULL, &msg));
	join(w, SENSOR, &msg);
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	honest_group(w);
}

static void
a_deletion_is_of_one_key(void **state)
{
	struct world *w = *state;
	struct keyid a = shared(w), b = shared(w);
	struct wires delts = requested(w, &a);

	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	wires_free(&delts);
	delts = requested(w, &b);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	wires_free(&delts);
	delts = resent(w);
	assert_types(w, &delts, 4, FLUFFY_PSK_DELT);
	wires_free(&delts);
}

/* What is being deleted gets no new key: its owner asks again as before. */
static void
an_eviction_renews_nothing_that_goes(void **state)
{
	struct world *w = *state;
	struct wires delts;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	wires_free(&delts);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "lamp",
	    FLUFFY_REMOVE));
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	wires_free(&delts);
	honest_group(w);
}

/* ---- policy -------------------------------------------------------------- */

static void
policy_refused(struct world *w, fluffy_store *s, const char *name,
    const fluffy_policy *policy, const char *field)
{
	fluffy_policy found;
	fluffy_bytes etypes;

	refused_at(w->ctx, fluffy_policy_set(s, name, policy),
	    FLUFFY_E_USAGE, field);
	must(w->ctx, fluffy_policy_get(s, name, &found, &etypes));
	assert_int_equal(found.lifetime, 0);
	assert_int_equal(found.skew, 0);
	assert_null(found.etypes);
}

static void
policies_have_limits(void **state)
{
	struct world *w = *state;

	policy_refused(w, w->skdc, NULL, &(fluffy_policy){
	    .lifetime = LIFETIME_MAX + 1 }, "lifetime");
	policy_refused(w, w->skdc, "sensor", &(fluffy_policy){
	    .lifetime = LIFETIME_MAX + 1 }, "lifetime");
	policy_refused(w, w->skdc, NULL, &(fluffy_policy){
	    .skew = SKEW_MAX + 1 }, "skew");
	policy_refused(w, w->skdc, "sensor", &(fluffy_policy){ .skew = 1 },
	    "skew");
	policy_refused(w, w->skdc, NULL, &(fluffy_policy){
	    .etypes = "ES256" }, "etypes");
	policy_refused(w, w->skdc, NULL, &(fluffy_policy){
	    .etypes = "A128GCM,A128GCM" }, "etypes");
	/* a device decides about its own clock alone */
	policy_refused(w, SENSOR->store, NULL, &(fluffy_policy){
	    .lifetime = 60 }, "");
	policy_refused(w, SENSOR->store, NULL, &(fluffy_policy){
	    .etypes = "A128GCM" }, "");
	must(w->ctx, fluffy_policy_set(SENSOR->store, NULL,
	    &(fluffy_policy){ .skew = SKEW_MAX }));
	must(w->ctx, fluffy_policy_set(w->skdc, NULL, &(fluffy_policy){
	    .lifetime = LIFETIME_MAX, .skew = SKEW_MAX }));
	must(w->ctx, fluffy_policy_set(w->skdc, NULL, &(fluffy_policy){
	    .lifetime = FLUFFY_UNSET, .skew = FLUFFY_UNSET }));
	honest(w);
}

static void
a_realm_and_its_skdc_have_names(void **state)
{
	static const char *const bad[] = { "", "a\nb", "\xff" };
	struct world *w = *state;
	char path[100];
	fluffy_store *s;
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/new.db", w->dir);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused_at(w->ctx, fluffy_store_init(w->ctx, path, bad[i],
		    "skdc", &s), FLUFFY_E_USAGE, "realm");
		assert_null(s);
		refused_at(w->ctx, fluffy_store_init(w->ctx, path, "home",
		    bad[i], &s), FLUFFY_E_USAGE, "name");
		assert_null(s);
		assert_int_not_equal(access(path, F_OK), 0);
	}
	must(w->ctx, fluffy_store_init(w->ctx, path, "home", "skdc", &s));
	fluffy_store_close(&s);
}

/* ---- listings ------------------------------------------------------------ */

static void
a_groups_states_are_told(void **state)
{
	struct world *w = *state;
	struct wires delts, last;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	answer_quietly(w, &delts.v[0]);
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 deleting 0..28800\n"
	    "member home lock owner\nmember home lamp named\n"
	    "member home sensor named\n"
	    "holder home lamp AES-CCM-16-64-128 confirmed 0..28800\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n"
	    "holder home sensor AES-CCM-16-64-128 deleting 0..28800\n");
	the_time = ENDTIME;
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 deleted 0..28800\n"
	    "member home lock owner\nmember home lamp named\n"
	    "member home sensor named\n");
	/* confirmed by all: the owner's wish is nobody's any more */
	the_time = NOW;
	must(w->ctx, fluffy_reset_clock(w->skdc));
	last = answered(w, &delts.v[1]);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 deleted 0..28800\n"
	    "member home lock owner\n"
	    "holder home lamp AES-CCM-16-64-128 confirmed 0..28800\n"
	    "holder home sensor AES-CCM-16-64-128 confirmed 0..28800\n");
	wires_free(&last);
	wires_free(&delts);
}

static int
stop(void *arg, const fluffy_entry *entry)
{
	(void)entry;
	return ++*(size_t *)arg == 2;
}

static void
a_listing_stops_when_it_is_told_to(void **state)
{
	struct world *w = *state;
	size_t n = 0;

	(void)new_den(w);
	must(w->ctx, fluffy_list_groups(w->skdc, NULL, NULL, stop, &n));
	assert_int_equal(n, 2);
	(void)renew(w, LOCK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(both_parties_of_a_session_key_are_told),
		IN_CBOR(a_key_with_oneself_is_deleted_once),
		IN_CBOR(what_was_not_issued_is_not_deleted),
		IN_BOTH(a_groups_key_is_deleted_and_the_group_stays),
		IN_CBOR(a_deleted_groups_key_is_given_to_nobody),
		IN_CBOR(an_ended_groups_key_is_not_deleted),
		IN_CBOR(an_older_key_of_a_group_is_deleted_alone),
		IN_CBOR(gsk_delc_does_not_wait_for_the_owner),
		IN_BOTH(a_pair_is_deleted_at_both),
		IN_BOTH(what_is_missing_is_sent_again_until_the_end),
		IN_CBOR(removed_devices_are_not_told),
		IN_BOTH(who_is_added_may_fetch),
		IN_BOTH(who_is_removed_may_not),
		IN_BOTH(a_removed_holder_has_to_delete),
		IN_CBOR(an_evicted_members_old_key_stays_deleted),
		IN_CBOR(every_eviction_renews),
		IN_CBOR(a_removed_member_with_an_ended_key_renews_nothing),
		IN_CBOR(the_renewed_key_is_like_the_old),
		IN_BOTH(who_is_forbidden_never_may),
		IN_CBOR(a_ban_may_be_lifted_before_there_is_a_group),
		IN_CBOR(other_verdicts_end_with_the_group),
		IN_CBOR(changes_that_cannot_be_made),
		IN_CBOR(a_word_is_about_one_group),
		IN_CBOR(a_namesake_was_not_added),
		IN_CBOR(a_deletion_is_of_one_key),
		IN_CBOR(an_eviction_renews_nothing_that_goes),
		IN_CBOR(policies_have_limits),
		IN_CBOR(a_realm_and_its_skdc_have_names),
		IN_CBOR(a_groups_states_are_told),
		IN_CBOR(a_listing_stops_when_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

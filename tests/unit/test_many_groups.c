/*
 * test_many_groups.c - groups side by side, how many there may be, and what a
 * wrong clock does to them
 */
#include "groups.h"

#include "policy.h"

#define DAY	86400u
#define ENDTIME (NOW + LIFETIME_DEFAULT)

/* ---- one beside the other ------------------------------------------------ */

/* What the operator sees of the two that nobody touches. */
static void
add_bystanders(struct world *w, struct lines *lines)
{
	start_lines(lines);
	must(w->ctx, fluffy_list_groups(w->skdc, NULL, "attic", add_line,
	    lines));
	must(w->ctx, fluffy_list_groups(w->skdc, "far", "den", add_line,
	    lines));
}

static void
assert_bystanders(struct world *w, const struct lines *before)
{
	static struct lines now;

	add_bystanders(w, &now);
	assert_string_equal(now.text, before->text);
}

/* In both the sensor and the lock have a key, and the lock was let in. */
static void
furnish(struct world *w)
{
	static const char *const names[] = { "attic", "den" };
	static const char *const realms[] = { NULL, "far" };
	int i;

	for (i = 0; i < 2; i++) {
		const fluffy_fetch_params fetching = { .group = names[i],
		    .realm = realms[i] };

		(void)create_with(w, LAMP, &(fluffy_gsk_params){
		    .group = names[i], .realm = realms[i],
		    .members = "sensor" });
		must(w->ctx, fluffy_group_change(w->skdc, realms[i], names[i],
		    "lock", FLUFFY_ADD));
		(void)fetch_with(w, SENSOR, &fetching);
		(void)fetch_with(w, LOCK, &fetching);
	}
}

static void
delete_all(struct world *w)
{
	struct wires delts = deleted(w, LOCK), out;
	size_t i;

	for (i = 0; i < delts.n; i++) {
		out = answered(w, &delts.v[i]);
		assert_int_equal(out.n, i + 1 == delts.n);
		if (out.n > 0 && type_of(w, &out.v[0]) == FLUFFY_GSK_DELC)
			gsk_taken(w, LOCK, &out.v[0], FLUFFY_GROUP_DELETED);
		wires_free(&out);
	}
	wires_free(&delts);
}

static void
what_happens_to_one_group_happens_to_no_other(void **state)
{
	static struct lines before;
	struct world *w = *state;
	struct keyid key;
	struct wires delts;

	furnish(w);
	add_bystanders(w, &before);
	/* it has no key of this group: that it has others doesn't count */
	key = create(w, LOCK, "any");
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_REMOVE));
	assert_deletions(w, "");
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_ADD));
	{
		struct keyid same = fetch(w, SENSOR);

		assert_true(same_key(&key, &same));
	}
	assert_bystanders(w, &before);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_FORBID));
	assert_deletions(w, "deletion home sensor den deleting 0..28800\n");
	assert_bystanders(w, &before);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_ADD));
	key = fetch(w, SENSOR);
	delts = requested(w, &key);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	wires_free(&delts);
	assert_bystanders(w, &before);
	(void)renew(w, LOCK);
	assert_bystanders(w, &before);
}

static void
one_group_is_deleted_and_made_anew(void **state)
{
	static struct lines before;
	struct world *w = *state;
	fluffy_msg *msg;
	fluffy_bytes delt;
	struct wires delts;

	furnish(w);
	add_bystanders(w, &before);
	(void)create(w, LOCK, "sensor");
	(void)fetch(w, SENSOR);
	delete_all(w);
	assert_bystanders(w, &before);
	assert_deletions(w, "");
	(void)create(w, LOCK, "any");
	assert_bystanders(w, &before);
	(void)fetch_with(w, LOCK, &(fluffy_fetch_params){ .group = "attic" });
	/* and those still know whom to tell */
	must(w->ctx, fluffy_gsk_delete(LAMP->store, "den", "far", &msg));
	delt = to_wire(w, &msg);
	delts = asked_all(w, &delt);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	wires_free(&delts);
	wire_free(&delt);
	(void)fetch(w, SENSOR);
}

/* ---- a namesake ---------------------------------------------------------- */

static void
enrol_again(struct world *w, struct device_store *d)
{
	const char *name = d->name;

	must(w->ctx, fluffy_remove_device(w->skdc, name));
	fluffy_store_close(&d->store);
	assert_int_equal(unlink(d->path), 0);
	enrol(w, d, name);
}

/* Who gets the name later gets no privilege, and no pardon. */
static void
a_namesake_is_not_let_in(void **state)
{
	struct world *w = *state;

	(void)create(w, LOCK, NULL);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "lamp",
	    FLUFFY_ADD));
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_ADD));
	(void)fetch(w, LAMP);
	enrol_again(w, LAMP);
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	(void)fetch(w, SENSOR);
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .renew = true, .members = "any" });
	(void)fetch(w, LAMP);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "lamp",
	    FLUFFY_FORBID));
	enrol_again(w, LAMP);
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	must(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_REMOVE));
	enrol_again(w, SENSOR);
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
}

/* It is asked as the one before was: it may be the same device. */
static void
a_namesake_is_asked_to_delete(void **state)
{
	struct world *w = *state;
	struct wires delts, again;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	enrol_again(w, LAMP);
	answer_quietly(w, &delts.v[1]);
	assert_deletions(w, "deletion home lamp den deleting 0..28800\n");
	wires_free(&delts);
	again = deleted(w, LOCK);
	assert_types(w, &again, 1, FLUFFY_PSK_DELT);
	delts = answered(w, &again.v[0]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_UNKNOWN);
	assert_types(w, &delts, 1, FLUFFY_GSK_DELC);
	wires_free(&delts);
	wires_free(&again);
}

/* ---- how many there may be ----------------------------------------------- */

static void
make_groups(struct world *w, int from, int to)
{
	char name[20];

	for (; from < to; from++) {
		(void)snprintf(name, sizeof(name), "group %d", from);
		(void)create_with(w, LOCK, &(fluffy_gsk_params){
		    .group = name, .members = "any" });
	}
}

static struct wires
delete_group(struct world *w, int n)
{
	struct wires out;
	fluffy_bytes delt;
	fluffy_msg *msg;
	char name[20];

	(void)snprintf(name, sizeof(name), "group %d", n);
	must(w->ctx, fluffy_gsk_delete(LOCK->store, name, NULL, &msg));
	delt = to_wire(w, &msg);
	out = asked_all(w, &delt);
	wire_free(&delt);
	return out;
}

static void
an_owner_has_so_many_groups(void **state)
{
	struct world *w = *state;
	struct wires delc;

	make_groups(w, 0, GROUPS_MAX);
	create_refused(w, LOCK, FLUFFY_E_NOT_PERMITTED);
	(void)create(w, LAMP, NULL);
	/* what there is may be renewed */
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "group 1",
	    .renew = true });
	/* a deleted one makes room */
	delc = delete_group(w, 0);
	assert_types(w, &delc, 1, FLUFFY_GSK_DELC);
	wires_free(&delc);
	make_groups(w, GROUPS_MAX, GROUPS_MAX + 1);
	gsk_refused(w, LOCK, &(fluffy_gsk_params){ .group = "one more" },
	    FLUFFY_E_NOT_PERMITTED);
}

/* Section 6: complete "when no holder is missing or the key's endtime has
   passed"; nobody has to look for that. */
static void
a_deletion_that_time_completed_makes_room(void **state)
{
	struct world *w = *state;
	struct wires delts;
	char name[20];
	int i;

	make_groups(w, 0, GROUPS_MAX);
	for (i = 0; i < GROUPS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "group %d", i);
		(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){
		    .group = name });
		delts = delete_group(w, i);
		assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
		wires_free(&delts);
	}
	create_refused(w, LOCK, FLUFFY_E_NOT_PERMITTED);
	the_time = ENDTIME + 40 * DAY;
	(void)create(w, LOCK, NULL);
}

/* Each is one PSK-DELT for each holder, when the group is deleted. */
static void
a_group_has_so_many_live_keys(void **state)
{
	struct world *w = *state;
	const fluffy_gsk_params brief = { .group = "den", .lifetime = 100 };
	const fluffy_gsk_params renewal = { .group = "den", .renew = true };
	int i;

	(void)create_with(w, LOCK, &brief);
	the_time += 50;
	for (i = 1; i < GROUP_KEYS_MAX; i++)
		(void)create_with(w, LOCK, &renewal);
	gsk_refused(w, LOCK, &renewal, FLUFFY_E_NOT_PERMITTED);
	(void)fetch(w, LOCK);
	the_time += 49;
	gsk_refused(w, LOCK, &renewal, FLUFFY_E_NOT_PERMITTED);
	the_time += 1;
	(void)create_with(w, LOCK, &renewal);
	gsk_refused(w, LOCK, &renewal, FLUFFY_E_NOT_PERMITTED);
}

/* ---- a clock that was ahead for a while ---------------------------------- */

/* A second later: what was dropped of that second is refused. */
static void
go_back(struct world *w)
{
	int i;

	the_time = NOW + 1;
	must(w->ctx, fluffy_reset_clock(w->skdc));
	for (i = 0; i < N_DEVICES; i++)
		must(w->ctx, fluffy_reset_clock(w->device[i].store));
}

static void
a_wrong_clock_forgets_no_deletion(void **state)
{
	struct world *w = *state;
	struct wires delts, out;

	(void)new_den(w);
	delts = deleted(w, LOCK);
	the_time = ENDTIME + 20 * DAY;
	honest(w);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_GROUP);
	assert_deletions(w, "");
	go_back(w);
	fetch_refused(w, SENSOR, FLUFFY_E_GROUP_DELETING);
	create_refused(w, LAMP, FLUFFY_E_GROUP_DELETING);
	assert_deletions(w, "deletion home lamp den deleting 0..28800\n"
	    "deletion home sensor den deleting 0..28800\n");
	answer_quietly(w, &delts.v[0]);
	out = answered(w, &delts.v[1]);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
	wires_free(&delts);
}

static void
a_wrong_clock_forgets_no_holder(void **state)
{
	struct world *w = *state;
	struct wires delts;

	(void)new_den(w);
	the_time = ENDTIME + 20 * DAY;
	honest(w);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_KEY);
	go_back(w);
	/* its key is gone, but not who has copies */
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_KEY);
	(void)renew(w, LOCK);
	delts = deleted(w, LOCK);
	assert_types(w, &delts, 2, FLUFFY_PSK_DELT);
	wires_free(&delts);
}

/* ---- what can't be asked ------------------------------------------------- */

static void
requests_that_cannot_be_made(void **state)
{
	static const struct {
		fluffy_gsk_params params;
		const char *field;
	} cases[] = {
		{ { .group = "" }, "group" },
		{ { .group = "a\nb" }, "group" },
		{ { .group = "\xff" }, "group" },
		{ { .group = "den", .realm = "" }, "realm" },
		{ { .group = "den", .etype = "ES256" }, "etype" },
		{ { .group = "den", .etype = "A128GCM,A128GCM" }, "etype" },
		{ { .group = "den", .etype = "" }, "etype" },
		{ { .group = "den", .members = "" }, "members" },
		{ { .group = "den", .members = "a,,b" }, "members" },
		{ { .group = "den", .members = "a\tb" }, "members" },
		/* slips of the pen */
		{ { .group = "den", .members = "a, b" }, "members" },
		{ { .group = "den", .members = "a ,b" }, "members" },
		{ { .group = "den", .members = "any,b" }, "members" },
		{ { .group = "den", .members = "b,any" }, "members" },
		{ { .group = "den", .lifetime = UINT64_C(9007199254740992) },
		    "lifetime" },
		{ { .group = "den", .grppac = "{}", .lifetime = 1 },
		    "grppac" },
		{ { .group = "den", .grppac = "{}", .members = "a" },
		    "grppac" },
		{ { .group = "den", .grppac = "[]" }, "grppac" },
		{ { .group = "den", .grppac = "{" }, "grppac" },
		{ { .group = "den", .grppac = "{\"members\":\"all\"}" },
		    "grppac" },
		{ { .group = "den", .grppac = "{\"members\":[1]}" },
		    "grppac" },
		{ { .group = "den", .grppac = "{\"members\":[\"\"]}" },
		    "grppac" },
		{ { .group = "den", .grppac = "{\"members\":{}}" },
		    "grppac" },
		{ { .group = "den", .grppac = "{\"lifetime\":0}" },
		    "grppac" },
		{ { .group = "den", .grppac = "{\"lifetime\":1.5}" },
		    "grppac" },
		{ { .group = "den", .grppac = "{\"lifetime\":\"1\"}" },
		    "grppac" },
		{ { .group = "den", .extras.ext = "1]" }, "ext" }
	};
	static const uint8_t id[33];
	struct world *w = *state;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refused_at(w->ctx, fluffy_gsk_request(LOCK->store,
		    &cases[i].params, &msg), FLUFFY_E_USAGE, cases[i].field);
		assert_null(msg);
	}
	refused_at(w->ctx, fluffy_gsk_fetch(LOCK->store,
	    &(fluffy_fetch_params){ .group = "" }, &msg), FLUFFY_E_USAGE,
	    "group");
	refused_at(w->ctx, fluffy_gsk_fetch(LOCK->store,
	    &(fluffy_fetch_params){ .group = "den", .keyid = id,
	    .keyid_len = 33 }, &msg), FLUFFY_E_USAGE, "keyid");
	refused_at(w->ctx, fluffy_gsk_delete(LOCK->store, "a\nb", NULL, &msg),
	    FLUFFY_E_USAGE, "group");
	expect(w, fluffy_gsk_request(w->skdc,
	    &(fluffy_gsk_params){ .group = "den" }, &msg), FLUFFY_E_USAGE);
	honest_group(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(what_happens_to_one_group_happens_to_no_other),
		IN_BOTH(one_group_is_deleted_and_made_anew),
		IN_CBOR(a_namesake_is_not_let_in),
		IN_CBOR(a_namesake_is_asked_to_delete),
		IN_CBOR(an_owner_has_so_many_groups),
		IN_CBOR(a_deletion_that_time_completed_makes_room),
		IN_CBOR(a_group_has_so_many_live_keys),
		IN_CBOR(a_wrong_clock_forgets_no_deletion),
		IN_CBOR(a_wrong_clock_forgets_no_holder),
		IN_CBOR(requests_that_cannot_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

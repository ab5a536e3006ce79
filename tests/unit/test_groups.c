/*
 * test_groups.c - a group's key is made, renewed and fetched (draft, section 5;
 * wire.md, section 6)
 */
#include "groups.h"

#include "policy.h"

#define DAY	86400u
#define ENDTIME (NOW + LIFETIME_DEFAULT)
#define UUID	"6ba7b810-9dad-41d1-80b4-00c04fd430c8"

static void
device_policy(struct world *w, const char *name, const fluffy_policy *policy)
{
	must(w->ctx, fluffy_policy_set(w->skdc, name, policy));
}

/* ---- who may fetch ------------------------------------------------------- */

static void
a_group_is_its_owners_alone(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, NULL), had;

	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	had = fetch(w, LOCK);
	assert_true(same_key(&key, &had));
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 live 0..28800\n"
	    "member home lock owner\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n");
}

static void
named_members_get_the_same_key(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "sensor,nobody yet");
	struct symm owners, members;

	assert_int_equal(w->outcome.endtime, ENDTIME);
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	the_time += 60;
	(void)fetch(w, SENSOR);
	assert_bytes(bytes_of(w->outcome.keyid, w->outcome.keyid_len),
	    keyid_bytes(&key));
	assert_int_equal(w->outcome.endtime, ENDTIME);
	owners = key_of(w, LOCK, &key, AS_OWNER);
	members = key_of(w, SENSOR, &key, AS_MEMBER);
	assert_int_equal(owners.alg, members.alg);
	assert_int_equal(owners.n, 16);
	assert_bytes(symm_bytes(&owners), symm_bytes(&members));
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 live 0..28800\n"
	    "member home lock owner\n"
	    "member home nobody yet named\nmember home sensor named\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n"
	    "holder home sensor AES-CCM-16-64-128 holds 0..28800\n");
}

static void
any_lets_everybody_in(void **state)
{
	struct world *w = *state;

	(void)create(w, LOCK, "any");
	(void)fetch(w, SENSOR);
	(void)fetch(w, LAMP);
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 live 0..28800\n"
	    "member home lock owner\nmember home any\n"
	    "holder home lamp AES-CCM-16-64-128 holds 0..28800\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n"
	    "holder home sensor AES-CCM-16-64-128 holds 0..28800\n");
}

/* An array with the name "any" is a name. */
static void
any_in_an_array_is_a_device(void **state)
{
	struct world *w = *state;

	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .grppac = "{\"members\":[\"any\"]}" });
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
}

/* In grppac they are text, and so they stay; on the wire they are bytes. */
static void
uuids_are_names_like_others(void **state)
{
	static const char upper[] = "6BA7B810-9DAD-41D1-80B4-00C04FD430C8";
	struct world *w = *state;
	const fluffy_gsk_params params = { .group = UUID,
	    .members = UUID ",lamp" };
	const fluffy_fetch_params fetching = { .group = UUID };
	fluffy_bytes req;

	fluffy_store_close(&SENSOR->store);
	assert_int_equal(unlink(SENSOR->path), 0);
	enrol(w, SENSOR, UUID);
	(void)create_with(w, LOCK, &params);
	(void)fetch_with(w, SENSOR, &fetching);
	(void)fetch_with(w, LAMP, &fetching);
	/* two spellings are one name only where it is one */
	req = fetch_wire(w, SENSOR, &(fluffy_fetch_params){ .group = upper });
	ask_proven(w, SENSOR, &req, FLUFFY_E_NO_SUCH_GROUP);
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .members = upper });
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
}

static void
members_may_come_later(void **state)
{
	struct world *w = *state;

	fluffy_store_close(&LAMP->store);
	assert_int_equal(unlink(LAMP->path), 0);
	(void)create(w, LOCK, "bulb");
	enrol(w, LAMP, "bulb");
	(void)fetch(w, LAMP);
}

/* ---- whose name it is ---------------------------------------------------- */

static void
a_name_is_taken_once(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "sensor"), had;

	create_refused(w, LOCK, FLUFFY_E_GROUP_EXISTS);
	create_refused(w, SENSOR, FLUFFY_E_GROUP_EXISTS);
	create_refused(w, LAMP, FLUFFY_E_GROUP_EXISTS);
	had = fetch(w, SENSOR);
	assert_true(same_key(&key, &had));
	/* no folding: another name; and a device's name is free too */
	(void)create_with(w, LAMP, &(fluffy_gsk_params){ .group = "Den" });
	(void)create_with(w, LAMP, &(fluffy_gsk_params){ .group = "lock" });
}

static void
only_the_owner_renews(void **state)
{
	struct world *w = *state;
	struct keyid key, had;

	renew_refused(w, LOCK, FLUFFY_E_NO_SUCH_GROUP);
	key = create(w, LOCK, "sensor");
	renew_refused(w, SENSOR, FLUFFY_E_NOT_OWNER);
	renew_refused(w, LAMP, FLUFFY_E_NOT_OWNER);
	had = fetch(w, SENSOR);
	assert_true(same_key(&key, &had));
}

static void
a_renewal_makes_a_new_key(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, "sensor"), new, had;
	struct symm a, b;

	the_time += 100;
	new = renew(w, LOCK);
	assert_false(same_key(&old, &new));
	assert_int_equal(w->outcome.endtime, ENDTIME + 100);
	a = key_of(w, LOCK, &old, AS_OWNER);
	b = key_of(w, LOCK, &new, AS_OWNER);
	assert_memory_not_equal(a.b, b.b, 16);
	had = fetch(w, SENSOR);
	assert_true(same_key(&had, &new));
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
}

static void
a_renewal_may_name_others(void **state)
{
	struct world *w = *state;
	const fluffy_gsk_params others = { .group = "den", .renew = true,
	    .members = "lamp" }, nobody = { .group = "den", .renew = true,
	    .grppac = "{}" }, any = { .group = "den", .renew = true,
	    .members = "any" };

	(void)create(w, LOCK, "sensor");
	(void)create_with(w, LOCK, &others);
	(void)fetch(w, LAMP);
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	(void)create_with(w, LOCK, &any);
	(void)fetch(w, SENSOR);
	(void)renew(w, LOCK);
	(void)fetch(w, SENSOR);
	(void)create_with(w, LOCK, &nobody);
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	(void)fetch(w, LOCK);
}

/* "Still exists": its key has ended, and it wasn't deleted. */
static void
a_group_outlives_its_key(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, "sensor"), new, had;

	the_time = ENDTIME - 1;
	had = fetch(w, SENSOR);
	assert_true(same_key(&had, &old));
	the_time = ENDTIME;
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_KEY);
	fetch_refused(w, LOCK, FLUFFY_E_NO_SUCH_KEY);
	fetch_refused(w, LAMP, FLUFFY_E_NOT_PERMITTED);
	create_refused(w, LAMP, FLUFFY_E_GROUP_EXISTS);
	create_refused(w, LOCK, FLUFFY_E_GROUP_EXISTS);
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 ended 0..28800\n"
	    "member home lock owner\nmember home sensor named\n");
	the_time += 40 * DAY;
	honest(w);
	fetch_refused(w, SENSOR, FLUFFY_E_NO_SUCH_KEY);
	renew_refused(w, SENSOR, FLUFFY_E_NOT_OWNER);
	new = renew(w, LOCK);
	had = fetch(w, SENSOR);
	assert_true(same_key(&had, &new));
}

/* ---- which algorithm ----------------------------------------------------- */

static int64_t
alg_of(struct world *w, const char *etype)
{
	struct keyid key = create_with(w, LOCK, &(fluffy_gsk_params){
	    .group = etype, .members = "any", .etype = etype });
	struct symm owners = key_of(w, LOCK, &key, AS_OWNER), members;

	(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){ .group = etype });
	members = key_of(w, SENSOR, &key, AS_MEMBER);
	assert_int_equal(owners.alg, members.alg);
	assert_bytes(symm_bytes(&owners), symm_bytes(&members));
	return owners.alg;
}

static void
every_content_encryption_works(void **state)
{
	static const struct {
		const char *name;
		int64_t alg;
	} algs[] = { { "AES-CCM-16-64-128", 10 },
		{ "AES-CCM-16-128-128", 30 }, { "AES-CCM-16-64-256", 11 },
		{ "AES-CCM-16-128-256", 31 }, { "A128GCM", 1 },
		{ "A192GCM", 2 }, { "A256GCM", 3 },
		{ "ChaCha20/Poly1305", 24 } };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < 8; i++)
		assert_int_equal(alg_of(w, algs[i].name), algs[i].alg);
}

static void
the_first_etype_that_realm_and_owner_allow(void **state)
{
	const fluffy_policy realm = { .etypes = "A128GCM,A256GCM" };
	const fluffy_policy owner = { .etypes = "A256GCM,A192GCM" };
	struct world *w = *state;

	assert_int_equal(alg_of(w, "A192GCM,A128GCM,A256GCM"), 2);
	device_policy(w, NULL, &realm);
	assert_int_equal(alg_of(w, "A192GCM,A256GCM,A128GCM"), 3);
	assert_int_equal(alg_of(w, "A192GCM,A128GCM"), 1);
	device_policy(w, "lock", &owner);
	assert_int_equal(alg_of(w, "A128GCM,A256GCM"), 3);
	gsk_refused(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .etype = "A128GCM,A192GCM" }, FLUFFY_E_BAD_ETYPE);
	create_refused(w, LOCK, FLUFFY_E_BAD_ETYPE);
}

/* Of a key that there is: the member's own list decides. */
static void
a_member_gets_no_key_that_it_may_not_use(void **state)
{
	const fluffy_policy other = { .etypes = "A256GCM" };
	const fluffy_policy both = { .etypes = "A256GCM,AES-CCM-16-64-128" };
	struct world *w = *state;

	(void)create(w, LOCK, "any");
	device_policy(w, "sensor", &other);
	fetch_refused(w, SENSOR, FLUFFY_E_BAD_ETYPE);
	assert_groups(w, "den",
	    "group home den lock AES-CCM-16-64-128 live 0..28800\n"
	    "member home lock owner\nmember home any\n"
	    "holder home lock AES-CCM-16-64-128 holds 0..28800\n");
	(void)fetch(w, LAMP);
	device_policy(w, "sensor", &both);
	(void)fetch(w, SENSOR);
}

/* ---- for how long -------------------------------------------------------- */

static uint64_t
lifetime(struct world *w, uint64_t wish)
{
	const fluffy_gsk_params params = { .group = "den", .renew = true,
	    .lifetime = wish };

	(void)create_with(w, LOCK, &params);
	return w->outcome.endtime - the_time;
}

static void
lifetimes_are_cut(void **state)
{
	static const struct {
		uint64_t realm, owner, wish, expected;
	} cases[] = {
		{ 0, 0, 0, LIFETIME_DEFAULT },
		{ 0, 0, 1, 1 },
		{ 0, 0, 100, 100 },
		{ 0, 0, LIFETIME_DEFAULT + 1, LIFETIME_DEFAULT + 1 },
		{ 0, 0, LIFETIME_MAX, LIFETIME_MAX },
		{ 0, 0, LIFETIME_MAX + 1, LIFETIME_MAX },
		{ 0, 0, UINT64_C(9007199254740991), LIFETIME_MAX },
		{ 7200, 0, 0, 7200 },
		{ 7200, 0, 7199, 7199 },
		{ 7200, 0, 7201, 7200 },
		{ 7200, 600, 0, 600 },
		{ 7200, 600, 601, 600 },
		{ 7200, 600, 599, 599 },
		{ 0, 600, 1000000, 600 },
		{ LIFETIME_MAX, 0, UINT64_C(9007199254740991), LIFETIME_MAX }
	};
	struct world *w = *state;
	fluffy_policy realm, owner;
	size_t i;

	(void)create(w, LOCK, NULL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		realm = (fluffy_policy){ .lifetime = cases[i].realm == 0 ?
		    FLUFFY_UNSET : cases[i].realm };
		owner = (fluffy_policy){ .lifetime = cases[i].owner == 0 ?
		    FLUFFY_UNSET : cases[i].owner };
		device_policy(w, NULL, &realm);
		device_policy(w, "lock", &owner);
		/* said anew each time, so that nothing is kept */
		if (cases[i].wish == 0)
			(void)create_with(w, LOCK, &(fluffy_gsk_params){
			    .group = "den", .renew = true, .grppac = "{}" });
		assert_int_equal(lifetime(w, cases[i].wish),
		    cases[i].expected);
	}
}

/* A renewal without grppac keeps the old one, lifetime included. */
static void
a_renewal_keeps_the_wish(void **state)
{
	struct world *w = *state;

	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .lifetime = 100 });
	the_time += 10;
	assert_int_equal(lifetime(w, 0), 100);
	assert_int_equal(lifetime(w, 50), 50);
	assert_int_equal(lifetime(w, 0), 50);
}

/* ---- older keys ---------------------------------------------------------- */

static void
a_live_older_key_may_be_fetched(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, "any"), new, had;

	the_time += 100;
	new = renew(w, LOCK);
	had = fetch_key(w, SENSOR, &old);
	assert_true(same_key(&had, &old));
	assert_int_equal(w->outcome.endtime, ENDTIME);
	had = fetch_key(w, SENSOR, &new);
	assert_true(same_key(&had, &new));
	had = fetch(w, LAMP);
	assert_true(same_key(&had, &new));
	the_time = ENDTIME;
	fetch_key_refused(w, LAMP, &old, FLUFFY_E_NO_SUCH_KEY);
	had = fetch_key(w, LAMP, &new);
	assert_true(same_key(&had, &new));
}

static void
only_the_groups_own_keys_are_fetched(void **state)
{
	struct world *w = *state;
	struct keyid foreign, none = { .n = 8 }, brief = { .n = 1 },
	    big = { .n = 32 }, key;
	struct exchange x;

	foreign = create_with(w, LAMP, &(fluffy_gsk_params){ .group = "attic",
	    .members = "any" });
	key = create(w, LOCK, "any");
	fetch_key_refused(w, SENSOR, &foreign, FLUFFY_E_NO_SUCH_KEY);
	fetch_key_refused(w, SENSOR, &none, FLUFFY_E_NO_SUCH_KEY);
	fetch_key_refused(w, SENSOR, &brief, FLUFFY_E_NO_SUCH_KEY);
	fetch_key_refused(w, SENSOR, &big, FLUFFY_E_NO_SUCH_KEY);
	x = whole_exchange(w, SENSOR, LOCK);
	none = last_key(w);
	fetch_key_refused(w, SENSOR, &none, FLUFFY_E_NO_SUCH_KEY);
	exchange_free(&x);
	/* who isn't a member learns nothing about keys */
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .renew = true, .members = "sensor" });
	fetch_key_refused(w, LAMP, &key, FLUFFY_E_NOT_PERMITTED);
	fetch_key_refused(w, LAMP, &none, FLUFFY_E_NOT_PERMITTED);
}

/* fluffy_gsk_delete: "the newest key of the group". */
static void
an_older_key_is_not_the_newest(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, "any"), had;
	struct wires out;

	(void)renew(w, LOCK);
	the_time += 10;
	had = fetch_key(w, LOCK, &old);
	assert_true(same_key(&had, &old));
	out = deleted(w, LOCK);
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	wires_free(&out);
}

/* ---- realms -------------------------------------------------------------- */

static void
check_realm(struct world *w, const fluffy_bytes *wire, const char *realm)
{
	fluffy_msg *msg = opened(w, wire);
	const struct part *part = msg->receipt.plain;

	assert_int_equal(HAS(part, L_mcastrealm), realm != NULL);
	if (realm != NULL)
		assert_bytes(part->mcastrealm, bytes_str(realm));
	fluffy_msg_free(&msg);
}

static void
a_realm_is_carried_exactly_when_it_was_asked(void **state)
{
	static const char *const realms[] = { NULL, "home", NULL, "home" };
	struct world *w = *state;
	struct keyid key[4];
	fluffy_bytes req, rep;
	int i;

	for (i = 0; i < 4; i++) {
		req = i < 2 ? gsk_wire(w, LOCK, &(fluffy_gsk_params){
		    .group = "den", .realm = realms[i], .members = "any",
		    .renew = i > 0 }) : fetch_wire(w, SENSOR,
		    &(fluffy_fetch_params){ .group = "den",
		    .realm = realms[i] });
		rep = asked(w, &req);
		check_realm(w, &rep, realms[i]);
		gsk_taken(w, i < 2 ? LOCK : SENSOR, &rep, i < 2 ?
		    FLUFFY_GROUP_CREATED : FLUFFY_GROUP_JOINED);
		key[i] = last_key(w);
		wire_free(&req);
		wire_free(&rep);
	}
	/* it is one group, however it is called */
	assert_true(same_key(&key[1], &key[2]));
	assert_true(same_key(&key[2], &key[3]));
	gsk_refused(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .realm = "home" }, FLUFFY_E_GROUP_EXISTS);
}

/* ... in GSK-DELT and GSK-DELC, too. */
static void
a_group_is_deleted_under_either_name(void **state)
{
	static const char *const realms[] = { NULL, "home" };
	struct world *w = *state;
	struct keyid key;
	struct wires delc;
	fluffy_bytes delt;
	fluffy_msg *msg;
	int i;

	for (i = 0; i < 4; i++) {
		key = create_with(w, LOCK, &(fluffy_gsk_params){
		    .group = "den", .realm = realms[i / 2] });
		must(w->ctx, fluffy_gsk_delete(LOCK->store, "den",
		    realms[i % 2], &msg));
		delt = to_wire(w, &msg);
		delc = asked_all(w, &delt);
		assert_types(w, &delc, 1, FLUFFY_GSK_DELC);
		msg = opened(w, &delc.v[0]);
		assert_int_equal(HAS(msg->ack.plain, L_mcastrealm), i % 2);
		fluffy_msg_free(&msg);
		gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
		assert_false(has_key(w, LOCK, &key, AS_OWNER));
		wire_free(&delt);
		wires_free(&delc);
	}
}

static void
a_foreign_realm_is_another_group(void **state)
{
	struct world *w = *state;
	struct keyid home = create(w, LOCK, "sensor"), far, had;
	struct wires delc;
	fluffy_bytes req;
	fluffy_msg *msg;

	req = fetch_wire(w, SENSOR, &(fluffy_fetch_params){ .group = "den",
	    .realm = "far" });
	ask_proven(w, SENSOR, &req, FLUFFY_E_NO_SUCH_GROUP);
	far = create_with(w, LAMP, &(fluffy_gsk_params){ .group = "den",
	    .realm = "far", .members = "lock" });
	assert_false(same_key(&home, &far));
	had = fetch_with(w, LOCK, &(fluffy_fetch_params){ .group = "den",
	    .realm = "far" });
	assert_true(same_key(&had, &far));
	req = fetch_wire(w, SENSOR, &(fluffy_fetch_params){ .group = "den",
	    .realm = "far" });
	ask_proven(w, SENSOR, &req, FLUFFY_E_NOT_PERMITTED);
	assert_listed(w, LOCK->store, "session member far den ");
	/* the lock owns the one and is a member of the other */
	delc = deleted(w, LOCK);
	assert_types(w, &delc, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &delc.v[0], FLUFFY_GROUP_DELETED);
	assert_false(has_key(w, LOCK, &home, AS_OWNER));
	assert_true(has_key(w, LOCK, &far, AS_MEMBER));
	wires_free(&delc);
	must(w->ctx, fluffy_gsk_delete(LAMP->store, "den", "far", &msg));
	req = to_wire(w, &msg);
	delc = asked_all(w, &req);
	assert_types(w, &delc, 1, FLUFFY_PSK_DELT);
	wires_free(&delc);
	wire_free(&req);
}

/* ---- grppac -------------------------------------------------------------- */

static void
check_grppac(struct world *w, const fluffy_bytes *wire, struct bytes expected)
{
	fluffy_msg *msg = opened(w, wire);
	const struct part *part = msg->receipt.plain;

	assert_int_equal(HAS(part, L_grppac), expected.n > 0);
	if (expected.n > 0)
		assert_bytes(part->grppac, expected);
	fluffy_msg_free(&msg);
}

static void
grppac_is_handed_on(void **state)
{
	static const char echoed[] = "\xa3\x61t\xa1\x61" "a\x82\x01\xf6"
	    "\x67members\x82\x66sensor\x64lock\x68lifetime\x18\x64";
	struct bytes none = { NULL, 0 }, other = BYTES("\xa1\x61z\xf5");
	struct world *w = *state;
	const fluffy_gsk_params with = { .group = "den", .grppac =
	    "{\"lifetime\":1e2,\"members\":[\"sensor\",\"lock\"],"
	    "\"t\":{\"a\":[1.0,null]}}" };
	const fluffy_gsk_params renewal = { .group = "den", .renew = true };
	const fluffy_gsk_params change = { .group = "den", .renew = true,
	    .grppac = "{\"z\":true}" };
	const fluffy_fetch_params fetching = { .group = "den" };
	const struct {
		const fluffy_gsk_params *params;
		struct bytes expected;
	} cases[] = { { &with, bytes_of(echoed, sizeof(echoed) - 1) },
		{ &renewal, bytes_of(echoed, sizeof(echoed) - 1) },
		{ &change, other }, { &renewal, other } };
	fluffy_bytes req, rep;
	int i;

	for (i = 0; i < 4; i++) {
		req = gsk_wire(w, LOCK, cases[i].params);
		rep = asked(w, &req);
		check_grppac(w, &rep, cases[i].expected);
		wire_free(&req);
		wire_free(&rep);
		req = fetch_wire(w, i < 2 ? SENSOR : LOCK, &fetching);
		rep = asked(w, &req);
		check_grppac(w, &rep, cases[i].expected);
		wire_free(&req);
		wire_free(&rep);
	}
	req = gsk_wire(w, LAMP, &(fluffy_gsk_params){ .group = "attic" });
	rep = asked(w, &req);
	check_grppac(w, &rep, none);
	wire_free(&req);
	wire_free(&rep);
}

/* An answer has to have room for it. */
static void
grppac_has_a_limit(void **state)
{
	struct world *w = *state;
	size_t n = GRPPAC_MAX - 6;
	char *json = malloc(n + 20);
	const fluffy_gsk_params params = { .group = "den", .grppac = json,
	    .realm = "home" };

	assert_non_null(json);
	(void)snprintf(json, n + 20, "{\"x\":\"%*s\"}", (int)n + 1, "");
	gsk_refused(w, LOCK, &params, FLUFFY_E_NOT_PERMITTED);
	fetch_refused(w, LOCK, FLUFFY_E_NO_SUCH_GROUP);
	(void)snprintf(json, n + 20, "{\"x\":\"%*s\"}", (int)n, "");
	(void)create_with(w, LOCK, &params);
	(void)fetch(w, LOCK);
	free(json);
}

/* ---- what a device keeps ------------------------------------------------- */

static void
an_owner_that_fetches_stays_the_owner(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "sensor");

	(void)fetch(w, LOCK);
	(void)fetch(w, SENSOR);
	assert_true(has_key(w, LOCK, &key, AS_OWNER));
	assert_false(has_key(w, LOCK, &key, AS_MEMBER));
	assert_true(has_key(w, SENSOR, &key, AS_MEMBER));
	assert_false(has_key(w, SENSOR, &key, AS_OWNER));
	assert_listed(w, LOCK->store, "session owner home den "
	    "AES-CCM-16-64-128 established 0..28800\n");
	assert_listed(w, SENSOR->store, "session member home den "
	    "AES-CCM-16-64-128 established 0..28800\n");
	assert_listed(w, w->skdc, "device home sensor\n");
	reopen(w);
	assert_true(has_key(w, LOCK, &key, AS_OWNER));
	(void)fetch(w, SENSOR);
}

static void
requests_are_listed_while_they_wait(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = gsk_wire(w, LOCK,
	    &(fluffy_gsk_params){ .group = "den" }), rep;

	assert_listed(w, LOCK->store, "pending home den GSK-REQ 0..");
	rep = asked(w, &req);
	gsk_taken(w, LOCK, &rep, FLUFFY_GROUP_CREATED);
	wire_free(&req);
	req = fetch_wire(w, LOCK, &(fluffy_fetch_params){ .group = "den",
	    .realm = "far" });
	assert_listed(w, LOCK->store, "pending far den GSK-FET 0..");
	wire_free(&req);
	req = delete_wire(w, LOCK);
	assert_listed(w, LOCK->store, "pending home den GSK-DELT 0..");
	wire_free(&req);
	wire_free(&rep);
}

static fluffy_bytes
exported(struct world *w, struct device_store *d, const struct keyid *key,
    enum fluffy_export_as as)
{
	fluffy_bytes out;

	must(w->ctx, fluffy_export(d->store, key->b, key->n, as, NULL, &out));
	return out;
}

static void
owner_and_member_export_the_same(void **state)
{
	static const enum fluffy_export_as forms[] = { FLUFFY_AS_KEYDATA,
		FLUFFY_AS_JWK, FLUFFY_AS_COSE_KEY, FLUFFY_AS_HEX,
		FLUFFY_AS_OPENSSL_PSK };
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "sensor");
	fluffy_bytes a, b;
	size_t i;

	(void)fetch(w, SENSOR);
	for (i = 0; i < 5; i++) {
		a = exported(w, LOCK, &key, forms[i]);
		b = exported(w, SENSOR, &key, forms[i]);
		assert_bytes(view(&a), view(&b));
		wire_free(&a);
		wire_free(&b);
	}
	expect(w, fluffy_export(w->skdc, key.b, key.n, FLUFFY_AS_HEX, NULL,
	    &a), FLUFFY_E_NOT_FOUND);
}

/* An owner that gets an older key again deletes the group all the same. */
static void
an_older_key_had_again_is_not_the_newest(void **state)
{
	struct world *w = *state;
	struct keyid old = create(w, LOCK, NULL), had;
	struct wires last;

	the_time++;
	(void)renew(w, LOCK);
	must(w->ctx, fluffy_remove_key(LOCK->store, old.b, old.n));
	the_time++;
	had = fetch_key(w, LOCK, &old);
	assert_true(same_key(&old, &had));
	last = deleted(w, LOCK);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	wires_free(&last);
}

/* However often it fetches. */
static void
a_member_is_no_owner(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, "sensor");
	int i;

	/* of that group, though of another one */
	(void)create_with(w, SENSOR, &(fluffy_gsk_params){
	    .group = "attic" });
	for (i = 0; i < 2; i++) {
		(void)fetch(w, SENSOR);
		assert_true(has_key(w, SENSOR, &key, AS_MEMBER));
		assert_false(has_key(w, SENSOR, &key, AS_OWNER));
		(void)fetch(w, LOCK);
		assert_true(has_key(w, LOCK, &key, AS_OWNER));
		assert_false(has_key(w, LOCK, &key, AS_MEMBER));
	}
}

/* Section 4: what applications get is derived, for a use that has a name. */
static void
a_use_has_a_name(void **state)
{
	struct world *w = *state;
	struct keyid key = create(w, LOCK, NULL);
	char use[257];
	fluffy_bytes out;

	memset(use, 'x', sizeof(use));
	use[256] = '\0';
	refused_at(w->ctx, fluffy_export(LOCK->store, key.b, key.n,
	    FLUFFY_AS_HEX, "", &out), FLUFFY_E_USAGE, "use");
	assert_null(out.data);
	refused_at(w->ctx, fluffy_export(LOCK->store, key.b, key.n,
	    FLUFFY_AS_HEX, use, &out), FLUFFY_E_USAGE, "use");
	assert_null(out.data);
	use[255] = '\0';
	must(w->ctx, fluffy_export(LOCK->store, key.b, key.n, FLUFFY_AS_HEX,
	    use, &out));
	wire_free(&out);
}

/* ---- on the way ---------------------------------------------------------- */

static fluffy_bytes
in_json(struct world *w, fluffy_bytes *wire)
{
	fluffy_msg *msg = from_wire(w, wire);
	fluffy_bytes out;

	must(w->ctx, fluffy_msg_write(w->ctx, msg, FLUFFY_JSON, 0, &out));
	fluffy_msg_free(&msg);
	wire_free(wire);
	return out;
}

static void
every_hop_may_change_the_encoding(void **state)
{
	struct world *w = *state;
	const fluffy_extras extras = { .ext = "{\"b\":[1.0]}", .cksum = true,
	    .has_seqnum = true, .seqnum = 7 };
	const fluffy_gsk_params params = { .group = UUID, .members = "any",
	    .extras = extras };
	const fluffy_fetch_params fetching = { .group = UUID, .realm = "home",
	    .extras = extras };
	fluffy_bytes a, b;

	a = gsk_wire(w, LOCK, &params);
	b = in_json(w, &a);
	a = asked(w, &b);
	wire_free(&b);
	b = in_json(w, &a);
	gsk_taken(w, LOCK, &b, FLUFFY_GROUP_CREATED);
	wire_free(&b);
	a = fetch_wire(w, SENSOR, &fetching);
	b = in_json(w, &a);
	a = asked(w, &b);
	wire_free(&b);
	b = in_json(w, &a);
	gsk_taken(w, SENSOR, &b, FLUFFY_GROUP_JOINED);
	wire_free(&b);
}

/* Made and fetched before either is durable: one commit for both. */
static void
a_group_is_made_and_fetched_in_one_batch(void **state)
{
	struct world *w = *state;
	fluffy_bytes req[2], rep[2];
	fluffy_msg *msg, *answer;
	int i;

	req[0] = gsk_wire(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .members = "sensor" });
	req[1] = fetch_wire(w, SENSOR,
	    &(fluffy_fetch_params){ .group = "den" });
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	for (i = 0; i < 2; i++) {
		msg = from_wire(w, &req[i]);
		must(w->ctx, answer_one(w->skdc, msg, &answer));
		rep[i] = to_wire(w, &answer);
		fluffy_msg_free(&msg);
	}
	must(w->ctx, fluffy_skdc_commit(w->skdc));
	gsk_taken(w, LOCK, &rep[0], FLUFFY_GROUP_CREATED);
	gsk_taken(w, SENSOR, &rep[1], FLUFFY_GROUP_JOINED);
	for (i = 0; i < 2; i++) {
		wire_free(&req[i]);
		wire_free(&rep[i]);
	}
}

/* When the commit fails, there is no group. */
static void
a_broken_batch_makes_no_group(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = gsk_wire(w, LOCK,
	    &(fluffy_gsk_params){ .group = "den" }), rep;
	fluffy_msg *msg = from_wire(w, &req), *answer;

	must(w->ctx, fluffy_skdc_begin(w->skdc));
	must(w->ctx, answer_one(w->skdc, msg, &answer));
	fluffy_msg_free(&answer);
	fluffy_skdc_broken(w->skdc);
	expect(w, answer_one(w->skdc, msg, &answer), FLUFFY_E_INTERNAL);
	fluffy_msg_free(&answer);
	fluffy_msg_free(&msg);
	fetch_refused(w, LOCK, FLUFFY_E_NO_SUCH_GROUP);
	rep = asked(w, &req);
	gsk_taken(w, LOCK, &rep, FLUFFY_GROUP_CREATED);
	wire_free(&req);
	wire_free(&rep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(a_group_is_its_owners_alone),
		IN_BOTH(named_members_get_the_same_key),
		IN_BOTH(any_lets_everybody_in),
		IN_BOTH(any_in_an_array_is_a_device),
		IN_BOTH(uuids_are_names_like_others),
		IN_CBOR(members_may_come_later),
		IN_BOTH(a_name_is_taken_once),
		IN_BOTH(only_the_owner_renews),
		IN_BOTH(a_renewal_makes_a_new_key),
		IN_CBOR(a_renewal_may_name_others),
		IN_CBOR(a_group_outlives_its_key),
		IN_BOTH(every_content_encryption_works),
		IN_CBOR(the_first_etype_that_realm_and_owner_allow),
		IN_CBOR(a_member_gets_no_key_that_it_may_not_use),
		IN_BOTH(lifetimes_are_cut),
		IN_CBOR(a_renewal_keeps_the_wish),
		IN_BOTH(a_live_older_key_may_be_fetched),
		IN_BOTH(only_the_groups_own_keys_are_fetched),
		IN_CBOR(an_older_key_is_not_the_newest),
		IN_BOTH(a_realm_is_carried_exactly_when_it_was_asked),
		IN_BOTH(a_group_is_deleted_under_either_name),
		IN_BOTH(a_foreign_realm_is_another_group),
		IN_BOTH(grppac_is_handed_on),
		IN_BOTH(grppac_has_a_limit),
		IN_CBOR(an_owner_that_fetches_stays_the_owner),
		IN_CBOR(requests_are_listed_while_they_wait),
		IN_CBOR(owner_and_member_export_the_same),
		IN_CBOR(an_older_key_had_again_is_not_the_newest),
		IN_CBOR(a_member_is_no_owner),
		IN_CBOR(a_use_has_a_name),
		IN_CBOR(every_hop_may_change_the_encoding),
		IN_CBOR(a_group_is_made_and_fetched_in_one_batch),
		IN_CBOR(a_broken_batch_makes_no_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_failures.c - a realm whose stores, memory and chance fail, at every
 * moment
 *
 * Each deed is done again and again, and the first, second, ... statement,
 * allocation or random number in it fails, until there is none left to fail.
 * Each time it says so and nothing else, nothing leaves but an SKDC's ERROR,
 * and nothing has changed: what was refused is taken when it comes again.
 */
#include "scenes.h"

#include "failing.h"
#include "store_sql.h"

struct deed {
	const char *name;
	/* what is to be taken; all of it has to go well */
	fluffy_bytes (*make)(struct world *);
	enum fluffy_error (*take)(struct world *, fluffy_msg *);
	enum fluffy_error says;	/* when nothing fails */
	/* it is durable that it was asked, whatever comes of it */
	bool once;
};

/* ---- whom it is for ------------------------------------------------------ */

/* Answers: in a batch that failed there is nothing but an ERROR. */
static struct wires answers;

static enum fluffy_error
by_skdc(struct world *w, fluffy_msg *in)
{
	fluffy_msgs out = { NULL, 0 };
	enum fluffy_error e = fluffy_skdc_begin(w->skdc), made;

	if (e != FLUFFY_OK)
		return e;
	e = fluffy_skdc_answer(w->skdc, in, &out);
	made = fluffy_skdc_commit(w->skdc);
	failing = NULL;
	wires_free(&answers);
	answers = to_wires(w, &out);
	if (fluffy_error_status(e) == FLUFFY_BROKEN) {
		/* only a refusal that couldn't be told may be durable */
		if (made == FLUFFY_OK)
			assert_int_equal(answers.n, 0);
		return e;
	}
	/* what was promised isn't durable: it doesn't leave */
	if (made != FLUFFY_OK)
		wires_free(&answers);
	return made == FLUFFY_OK ? e : made;
}

/* As when another process changes keys while a pair is made. */
static void
forget(void *arg, enum fluffy_type type, const char *check,
    enum fluffy_error verdict)
{
	struct world *w = arg;

	(void)type;
	(void)verdict;
	if (strcmp(check, "ca") == 0)
		memo_drop(w->skdc);
}

static enum fluffy_error
by_forgetful_skdc(struct world *w, fluffy_msg *in)
{
	enum fluffy_error e;

	fluffy_ctx_set_checked(w->ctx, forget, w);
	e = by_skdc(w, in);
	fluffy_ctx_set_checked(w->ctx, NULL, NULL);
	return e;
}

typedef enum fluffy_error device_step(struct world *, fluffy_msg *,
    fluffy_msg **);

static enum fluffy_error
by_device(struct world *w, fluffy_msg *in, device_step *taken)
{
	fluffy_msg *out = NULL;
	enum fluffy_error e = taken(w, in, &out);

	if (e != FLUFFY_OK)
		assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	/* a service says that it couldn't, and no more */
	if (e != FLUFFY_OK && out != NULL)
		assert_int_equal(fluffy_msg_type(out), FLUFFY_ERROR);
	fluffy_msg_free(&out);
	return e;
}

static enum fluffy_error
client_step(struct world *w, fluffy_msg *in, fluffy_msg **out)
{
	return fluffy_estb(SENSOR->store, in, &all_extras, out, &w->outcome);
}

static enum fluffy_error
service_step(struct world *w, fluffy_msg *in, fluffy_msg **out)
{
	return fluffy_estb(LOCK->store, in, &all_extras, out, &w->outcome);
}

static enum fluffy_error
pair_step(struct world *w, fluffy_msg *in, fluffy_msg **out)
{
	return fluffy_pkp_accept(SENSOR->store, in, &all_extras, out,
	    &w->outcome);
}

static enum fluffy_error
owner_step(struct world *w, fluffy_msg *in, fluffy_msg **out)
{
	(void)out;
	return fluffy_gsk_accept(LOCK->store, in, &w->outcome);
}

static enum fluffy_error
member_step(struct world *w, fluffy_msg *in, fluffy_msg **out)
{
	(void)out;
	return fluffy_gsk_accept(SENSOR->store, in, &w->outcome);
}

static enum fluffy_error
holder_step(struct world *w, fluffy_msg *in, fluffy_msg **out)
{
	return fluffy_del_accept(SENSOR->store, in, out, &w->outcome);
}

static enum fluffy_error
by_client(struct world *w, fluffy_msg *in)
{
	return by_device(w, in, client_step);
}

static enum fluffy_error
by_service(struct world *w, fluffy_msg *in)
{
	return by_device(w, in, service_step);
}

static enum fluffy_error
by_pair_holder(struct world *w, fluffy_msg *in)
{
	return by_device(w, in, pair_step);
}

static enum fluffy_error
by_owner(struct world *w, fluffy_msg *in)
{
	return by_device(w, in, owner_step);
}

static enum fluffy_error
by_member(struct world *w, fluffy_msg *in)
{
	return by_device(w, in, member_step);
}

static enum fluffy_error
by_holder(struct world *w, fluffy_msg *in)
{
	return by_device(w, in, holder_step);
}

/* ---- messages ------------------------------------------------------------ */

static fluffy_bytes
make_psk_req(struct world *w)
{
	return request_with(w, SENSOR, &(fluffy_psk_params){
	    .service = "lock", .realm = "home", .cpac = "[1]",
	    .extras = all_extras });
}

/* Two keys before the newest, which ends them. */
static fluffy_bytes
make_first_under_new_key(struct world *w)
{
	fluffy_msg *enrol;
	int i;

	for (i = 0; i < 2; i++) {
		must(w->ctx, fluffy_rotate(w->skdc, "sensor",
		    the_time + 86400, &enrol));
		join(w, SENSOR, &enrol);
	}
	return make_psk_req(w);
}

static fluffy_bytes
make_unknown(struct world *w)
{
	return request(w, SENSOR, "nobody");
}

/* Nothing is remembered of the keys. */
static fluffy_bytes
cold(struct world *w, fluffy_bytes wire)
{
	reopen(w);
	return wire;
}

/* So many nonces are known that the next takes more memory to find. */
static fluffy_bytes
make_one_of_many(struct world *w)
{
	fluffy_bytes req, rep;
	int i;

	for (i = 0; i < 32; i++) {
		req = request(w, SENSOR, "lock");
		rep = asked(w, &req);
		wire_free(&req);
		wire_free(&rep);
	}
	return make_psk_req(w);
}

/* What was seen has to be read first. */
static fluffy_bytes
make_after_restart(struct world *w)
{
	return cold(w, make_one_of_many(w));
}

static fluffy_bytes
make_psk_rep(struct world *w)
{
	fluffy_bytes req = make_psk_req(w), rep = asked(w, &req);

	wire_free(&req);
	return rep;
}

static fluffy_bytes
make_psk_estb(struct world *w)
{
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	fluffy_bytes estb = x.estb;

	x.estb = (fluffy_bytes){ NULL, 0 };
	exchange_free(&x);
	return estb;
}

static fluffy_bytes
make_foreign_estb(struct world *w)
{
	struct exchange x = half_exchange(w, SENSOR, LAMP);
	fluffy_bytes estb = x.estb;

	x.estb = (fluffy_bytes){ NULL, 0 };
	exchange_free(&x);
	return estb;
}

static fluffy_bytes
make_psk_ack(struct world *w)
{
	fluffy_bytes estb = make_psk_estb(w), ack = stepped(w, LOCK, &estb);

	wire_free(&estb);
	return ack;
}

static fluffy_bytes
make_refusal(struct world *w)
{
	fluffy_bytes req = make_unknown(w), error;

	expect(w, ask(w, &req, &error), FLUFFY_E_UNKNOWN_SERVICE);
	wire_free(&req);
	return error;
}

static fluffy_bytes
make_own_pair_req(struct world *w)
{
	return pair_wire(w, SENSOR, NULL);
}

static fluffy_bytes
make_certified_req(struct world *w)
{
	return pkp_wire(w, SENSOR, &(fluffy_pkp_params){ .kty = "EC",
	    .etype = "ES256", .cert = true });
}

static fluffy_bytes
make_pair_estb(struct world *w)
{
	struct pairing p = paired(w, pair_wire(w, SENSOR, "lock"));
	fluffy_bytes estb = p.estb;

	p.estb = (fluffy_bytes){ NULL, 0 };
	pairing_free(&p);
	return estb;
}

static fluffy_bytes
make_gsk_renewal(struct world *w)
{
	(void)den(w);
	return gsk_wire(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .renew = true, .members = "sensor,lamp", .lifetime = 60 });
}

/* Two holders. */
static fluffy_bytes
make_delt_to_two(struct world *w)
{
	const char *group = new_name();
	const fluffy_fetch_params fetching = { .group = group };
	fluffy_msg *msg;

	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = group,
	    .members = "sensor,lamp" });
	(void)fetch_with(w, SENSOR, &fetching);
	(void)fetch_with(w, LAMP, &fetching);
	must(w->ctx, fluffy_gsk_delete(LOCK->store, group, NULL, &msg));
	return to_wire(w, &msg);
}

/* No holder. */
static fluffy_bytes
make_delt_to_nobody(struct world *w)
{
	const char *group = new_name();
	fluffy_msg *msg;

	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = group });
	must(w->ctx, fluffy_gsk_delete(LOCK->store, group, NULL, &msg));
	return to_wire(w, &msg);
}

static fluffy_bytes
make_delt_to_nobody_cold(struct world *w)
{
	return cold(w, make_delt_to_nobody(w));
}

static fluffy_bytes
make_psk_delt_cold(struct world *w)
{
	return cold(w, make_psk_delt(w));
}

static fluffy_bytes
make_gsk_renewal_cold(struct world *w)
{
	return cold(w, make_gsk_renewal(w));
}

static fluffy_bytes
make_psk_delc_cold(struct world *w)
{
	return cold(w, make_psk_delc(w));
}

/* ---- what a device or an operator starts --------------------------------- */

static struct keyid the_key;
static const char *the_group;

static fluffy_bytes
nothing(struct world *w)
{
	(void)w;
	return (fluffy_bytes){ NULL, 0 };
}

static fluffy_bytes
make_shared(struct world *w)
{
	the_key = shared(w);
	/* time to look for what has ended, too */
	the_time += 61;
	return nothing(w);
}

static fluffy_bytes
make_shared_cold(struct world *w)
{
	return cold(w, make_shared(w));
}

static fluffy_bytes
make_held_group(struct world *w)
{
	the_group = new_name();
	the_key = create_with(w, LOCK, &(fluffy_gsk_params){
	    .group = the_group, .members = "sensor,lamp" });
	(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){
	    .group = the_group });
	return nothing(w);
}

static fluffy_bytes
make_held_group_cold(struct world *w)
{
	return cold(w, make_held_group(w));
}

static enum fluffy_error
request_key(struct world *w, fluffy_msg *in)
{
	fluffy_msg *out;
	enum fluffy_error e = fluffy_psk_request(SENSOR->store,
	    &(fluffy_psk_params){ .service = "lock", .cpac = "[1]" }, &out);

	(void)in;
	assert_int_equal(out != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&out);
	return e;
}

static enum fluffy_error
request_group(struct world *w, fluffy_msg *in)
{
	fluffy_msg *out;
	enum fluffy_error e = fluffy_gsk_request(LOCK->store,
	    &(fluffy_gsk_params){ .group = "hall", .realm = "home",
	    .members = "sensor" }, &out);

	(void)in;
	assert_int_equal(out != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&out);
	return e;
}

static enum fluffy_error
request_pair(struct world *w, fluffy_msg *in)
{
	fluffy_msg *out;
	enum fluffy_error e = fluffy_pkp_request(SENSOR->store,
	    &(fluffy_pkp_params){ .kty = "EC", .etype = "ES256",
	    .service = "lock" }, &out);

	(void)in;
	assert_int_equal(out != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&out);
	return e;
}

static enum fluffy_error
request_fetch(struct world *w, fluffy_msg *in)
{
	fluffy_msg *out;
	enum fluffy_error e = fluffy_gsk_fetch(SENSOR->store,
	    &(fluffy_fetch_params){ .group = "hall" }, &out);

	(void)in;
	assert_int_equal(out != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&out);
	return e;
}

static enum fluffy_error
request_end(struct world *w, fluffy_msg *in)
{
	fluffy_msg *out;
	enum fluffy_error e = fluffy_gsk_delete(LOCK->store, the_group, NULL,
	    &out);

	(void)in;
	assert_int_equal(out != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&out);
	return e;
}

static enum fluffy_error
delete_key(struct world *w, fluffy_msg *in)
{
	fluffy_msgs out;
	enum fluffy_error e = fluffy_del_request(w->skdc, the_key.b,
	    the_key.n, &out);

	(void)in;
	assert_int_equal(out.n > 0, e == FLUFFY_OK);
	fluffy_msgs_free(&out);
	return e;
}

/* A wider skew, right after a nonce was seen. */
static enum fluffy_error
remember_longer(struct world *w, fluffy_msg *in)
{
	enum fluffy_error e = store_begin(w->skdc);

	(void)in;
	if (e != FLUFFY_OK)
		return e;
	e = store_nonce(w->skdc, BYTES("kid1"), BYTES("12345678"), NOW);
	if (e == FLUFFY_OK)
		e = store_nonces_longer(w->skdc, 100);
	if (e == FLUFFY_OK)
		e = store_commit(w->skdc);
	store_rollback(w->skdc);
	return e;
}

static fluffy_bytes
make_missing(struct world *w)
{
	struct wires delts;

	the_key = shared(w);
	delts = requested(w, &the_key);
	assert_int_equal(delts.n, 2);
	wires_free(&delts);
	return nothing(w);
}

static enum fluffy_error
resend(struct world *w, fluffy_msg *in)
{
	fluffy_msgs out;
	enum fluffy_error e = fluffy_del_resend(w->skdc, &out);

	(void)in;
	assert_int_equal(out.n > 0, e == FLUFFY_OK);
	fluffy_msgs_free(&out);
	return e;
}

static enum fluffy_error
add_member(struct world *w, fluffy_msg *in)
{
	(void)in;
	return fluffy_group_change(w->skdc, NULL, the_group, "lamp",
	    FLUFFY_ADD);
}

static enum fluffy_error
remove_member(struct world *w, fluffy_msg *in)
{
	(void)in;
	return fluffy_group_change(w->skdc, NULL, the_group, "sensor",
	    FLUFFY_REMOVE);
}

static enum fluffy_error
forbid_member(struct world *w, fluffy_msg *in)
{
	(void)in;
	return fluffy_group_change(w->skdc, "home", the_group, "sensor",
	    FLUFFY_FORBID);
}

/* The lamp owns two groups, and has a key of two of another's. */
static fluffy_bytes
make_busy_device(struct world *w)
{
	const char *group;
	int i;

	for (i = 0; i < 2; i++) {
		group = new_name();
		(void)create_with(w, LAMP, &(fluffy_gsk_params){
		    .group = group, .members = "any" });
		(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){
		    .group = group });
		group = new_name();
		(void)create_with(w, LOCK, &(fluffy_gsk_params){
		    .group = group, .members = "any" });
		(void)fetch_with(w, LAMP, &(fluffy_fetch_params){
		    .group = group });
	}
	return nothing(w);
}

static enum fluffy_error
remove_device(struct world *w, fluffy_msg *in)
{
	(void)in;
	return fluffy_remove_device(w->skdc, "lamp");
}

/* ---- all ----------------------------------------------------------------- */

static const struct deed deeds[] = {
	{ "PSK-REQ", make_psk_req, by_skdc, FLUFFY_OK, false },
	{ "PSK-REQ that is refused", make_unknown, by_skdc,
	    FLUFFY_E_UNKNOWN_SERVICE, true },
	{ "PSK-REQ under a new key", make_first_under_new_key, by_skdc,
	    FLUFFY_OK, false },
	{ "PSK-REQ among many", make_one_of_many, by_skdc, FLUFFY_OK,
	    false },
	{ "PSK-REQ after a restart", make_after_restart, by_skdc, FLUFFY_OK,
	    false },
	{ "PSK-REP", make_psk_rep, by_client, FLUFFY_OK, false },
	{ "PSK-ESTB", make_psk_estb, by_service, FLUFFY_OK, false },
	{ "PSK-ESTB that is refused", make_foreign_estb, by_service,
	    FLUFFY_E_AUTH_FAILED, false },
	{ "PSK-ACK", make_psk_ack, by_client, FLUFFY_OK, false },
	{ "ERROR", make_refusal, by_client, FLUFFY_OK, false },
	{ "PKP-REQ", make_pkp_req, by_skdc, FLUFFY_OK, true },
	{ "PKP-REQ while keys change", make_pkp_req, by_forgetful_skdc,
	    FLUFFY_OK, true },
	{ "PKP-REQ for nobody", make_own_pair_req, by_skdc, FLUFFY_OK,
	    true },
	{ "PKP-REQ for a certificate", make_certified_req, by_skdc,
	    FLUFFY_E_NO_CA, true },
	{ "PKP-REP", make_pkp_rep, by_pair_holder, FLUFFY_OK, false },
	{ "PSK-ESTB of a pair", make_pair_estb, by_service, FLUFFY_OK,
	    false },
	{ "GSK-REQ", make_gsk_req, by_skdc, FLUFFY_OK, false },
	{ "GSK-REQ, renew", make_gsk_renewal, by_skdc, FLUFFY_OK, false },
	{ "GSK-REP", make_gsk_rep, by_owner, FLUFFY_OK, false },
	{ "GSK-FET", make_gsk_fet, by_skdc, FLUFFY_OK, false },
	{ "GSK-DLVR", make_gsk_dlvr, by_member, FLUFFY_OK, false },
	{ "GSK-DELT", make_gsk_delt, by_skdc, FLUFFY_OK, false },
	{ "GSK-DELT to two", make_delt_to_two, by_skdc, FLUFFY_OK, false },
	{ "GSK-DELT to nobody", make_delt_to_nobody, by_skdc, FLUFFY_OK,
	    false },
	{ "GSK-DELT after a restart", make_delt_to_nobody_cold, by_skdc,
	    FLUFFY_OK, false },
	{ "GSK-REQ, renew, after a restart", make_gsk_renewal_cold, by_skdc,
	    FLUFFY_OK, false },
	{ "PSK-DELT after a restart", make_psk_delt_cold, by_holder,
	    FLUFFY_OK, false },
	{ "PSK-DELT", make_psk_delt, by_holder, FLUFFY_OK, false },
	{ "PSK-DELC", make_psk_delc, by_skdc, FLUFFY_OK, false },
	{ "PSK-DELC after a restart", make_psk_delc_cold, by_skdc, FLUFFY_OK,
	    false },
	{ "GSK-DELC", make_gsk_delc, by_owner, FLUFFY_OK, false },
	{ "a request for a key", nothing, request_key, FLUFFY_OK, false },
	{ "a request for a group", nothing, request_group, FLUFFY_OK,
	    false },
	{ "a request for a pair", nothing, request_pair, FLUFFY_OK, false },
	{ "a request for a group's key", nothing, request_fetch, FLUFFY_OK,
	    false },
	{ "a group's end", make_held_group, request_end, FLUFFY_OK, false },
	{ "a key's end", make_shared, delete_key, FLUFFY_OK, false },
	{ "a key's end after a restart", make_shared_cold, delete_key,
	    FLUFFY_OK, false },
	{ "a group key's end", make_held_group, delete_key, FLUFFY_OK,
	    false },
	{ "what is missing", make_missing, resend, FLUFFY_OK, false },
	{ "a wider skew", nothing, remember_longer, FLUFFY_OK, false },
	{ "a member more", make_held_group, add_member, FLUFFY_OK, false },
	{ "a member less", make_held_group, remove_member, FLUFFY_OK,
	    false },
	{ "a member less after a restart", make_held_group_cold,
	    remove_member, FLUFFY_OK, false },
	{ "a member never", make_held_group, forbid_member, FLUFFY_OK,
	    false },
	{ "a device less", make_busy_device, remove_device, FLUFFY_OK,
	    false }
};

#define N_DEEDS (sizeof(deeds) / sizeof(deeds[0]))

/* A fault of the SKDC's is told, and that is all that leaves. */
static void
check_answers(struct world *w)
{
	fluffy_msg *msg;

	if (answers.n == 0)
		return;
	assert_int_equal(answers.n, 1);
	msg = from_wire(w, &answers.v[0]);
	assert_int_equal(fluffy_msg_type(msg), FLUFFY_ERROR);
	assert_int_equal(fluffy_msg_error(msg), FLUFFY_E_INTERNAL);
	assert_false(HAS(msg, L_e_text));
	fluffy_msg_free(&msg);
}

static enum fluffy_error
try(struct world *w, const struct deed *deed, const fluffy_bytes *wire,
    const struct failing *what, unsigned long n)
{
	fluffy_msg *in = wire->data == NULL ? NULL : from_wire(w, wire);
	enum fluffy_error e;

	memset(&w->outcome, 0, sizeof(w->outcome));
	wires_free(&answers);
	strike_after(what, n);
	e = deed->take(w, in);
	failing = NULL;
	if (struck && e != deed->says) {
		if (e != what->code)
			print_error("%s: %s %lu\n", deed->name, what->what,
			    n);
		expect(w, e, what->code);
		check_answers(w);
	}
	fluffy_msg_free(&in);
	return e;
}

/* In a realm of its own; whether there was something that could fail. */
static bool
fails(const struct deed *deed, const struct failing *what, unsigned long n)
{
	struct world *w;
	fluffy_bytes wire;
	enum fluffy_error e;
	void *state;
	bool had;

	assert_int_equal(world_new(&state), 0);
	w = state;
	fluffy_ctx_set_random(w->ctx, failing_random, &w->rng);
	wire = deed->make(w);
	e = try(w, deed, &wire, what, n);
	had = struck;
	/* what failed was nothing that matters, or it didn't happen */
	if (e != deed->says && !deed->once)
		e = try(w, deed, &wire, NULL, 0);
	if (!deed->once || !had)
		expect(w, e, deed->says);
	honest(w);
	wires_free(&answers);
	wire_free(&wire);
	assert_int_equal(world_free(&state), 0);
	return had;
}

static void
all_fail(const struct failing *what)
{
	unsigned long n, total = 0;
	size_t i;

	for (i = 0; i < N_DEEDS; i++) {
		for (n = 0; fails(&deeds[i], what, n); n++)
			;
		if (n == 0 && what != &chances) {
			print_error("%s: nothing failed\n", deeds[i].name);
			fail();
		}
		total += n;
	}
	print_message("# %lu times\n", total);
	assert_true(total > N_DEEDS);
}

static void
a_failing_store_changes_nothing(void **state)
{
	(void)state;
	all_fail(&statements);
}

static void
failing_memory_changes_nothing(void **state)
{
	(void)state;
	all_fail(&allocations);
}

static void
failing_chance_changes_nothing(void **state)
{
	(void)state;
	all_fail(&chances);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failing_store_changes_nothing),
		cmocka_unit_test(failing_memory_changes_nothing),
		cmocka_unit_test(failing_chance_changes_nothing)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

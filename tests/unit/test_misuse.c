/*
 * test_misuse.c - calls that no program of ours makes, and parties that aren't
 * what they are taken for
 */
#include "scenes.h"

#include "cose.h"
#include "store_sql.h"

/* 256 bytes: one too many for a name. */
static struct bytes
long_name(void)
{
	static char name[256];

	memset(name, 'x', sizeof(name));
	return bytes_of(name, sizeof(name));
}

/* ---- whose store it is --------------------------------------------------- */

/* Not even an ERROR: it isn't a service. */
static void
an_skdc_takes_no_ticket(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	fluffy_msg *msg = from_wire(w, &x.estb), *out;

	refused_at(w->ctx, fluffy_estb(w->skdc, msg, &no_params, &out,
	    &w->outcome), FLUFFY_E_USAGE, "");
	assert_null(out);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	fluffy_msg_free(&msg);
	exchange_free(&x);
	honest(w);
}

static void
a_device_answers_no_request(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_msg *msg = from_wire(w, &req), *error;
	fluffy_msgs out;

	refused_at(w->ctx, fluffy_skdc_begin(LOCK->store), FLUFFY_E_USAGE,
	    "");
	refused_at(w->ctx, fluffy_skdc_answer(LOCK->store, msg, &out),
	    FLUFFY_E_USAGE, "");
	assert_int_equal(out.n, 0);
	refused_at(w->ctx, fluffy_skdc_malformed(LOCK->store, &error),
	    FLUFFY_E_USAGE, "");
	assert_null(error);
	fluffy_msg_free(&msg);
	wire_free(&req);
	honest(w);
}

static void
a_stranger_has_no_key_to_seal_with(void **state)
{
	struct world *w = *state;
	struct secret secret;

	refused_at(w->ctx, sealing_secret(SENSOR->store, BYTES("nobody"),
	    the_time, &secret), FLUFFY_E_NOT_FOUND, "");
	assert_int_equal(secret.key.n, 0);
	refused_at(w->ctx, sealing_secret(w->skdc, BYTES("nobody"),
	    the_time, &secret), FLUFFY_E_NOT_FOUND, "");
	assert_int_equal(secret.key.n, 0);
}

/* Whose key has ended is told nothing; the others are. */
static void
who_has_no_key_is_told_nothing(void **state)
{
	struct world *w = *state;
	struct group g = { .state = GROUP_DELETED, .delt = BYTES("12345678") };
	struct deletion d[] = { { .keyid = { .n = 8 }, .since = the_time,
	    .endtime = the_time + 100 }, { .keyid = { .n = 8 },
	    .since = the_time, .endtime = the_time + 100 } };
	fluffy_msgs out = { NULL, 0 };

	assert_true(name_set(&g.owner, BYTES("nobody")));
	assert_true(name_set(&d[0].device, BYTES("nobody")));
	assert_true(name_set(&d[1].device, BYTES("lamp")));
	must(w->ctx, store_begin(w->skdc));
	must(w->ctx, gsk_delc_make(w->skdc, &g, the_time, &out));
	assert_int_equal(out.n, 0);
	must(w->ctx, psk_delts_make(w->skdc, d, 2, the_time, &out));
	assert_int_equal(out.n, 1);
	assert_bytes(out.v[0]->cname, BYTES("lamp"));
	fluffy_msgs_free(&out);
	store_rollback(w->skdc);
	honest(w);
}

/* ---- parameters ---------------------------------------------------------- */

static void
names_of_a_group_are_names(void **state)
{
	struct world *w = *state;
	fluffy_msg *out;

	refused_at(w->ctx, fluffy_group_change(w->skdc, NULL, "den", "",
	    FLUFFY_FORBID), FLUFFY_E_USAGE, "device");
	refused_at(w->ctx, fluffy_group_change(w->skdc, NULL, "", "lamp",
	    FLUFFY_FORBID), FLUFFY_E_USAGE, "group");
	refused_at(w->ctx, fluffy_group_change(w->skdc, "", "den", "lamp",
	    FLUFFY_FORBID), FLUFFY_E_USAGE, "realm");
	refused_at(w->ctx, fluffy_gsk_fetch(SENSOR->store,
	    &(fluffy_fetch_params){ .group = "den", .realm = "" }, &out),
	    FLUFFY_E_USAGE, "realm");
	assert_null(out);
	refused_at(w->ctx, fluffy_gsk_delete(LOCK->store, "den", "", &out),
	    FLUFFY_E_USAGE, "realm");
	assert_null(out);
	honest_group(w);
}

static void
no_message_is_no_memory(void **state)
{
	struct world *w = *state;
	fluffy_msg *none = NULL, *out;

	refused_at(w->ctx, message_finish(w->ctx, FLUFFY_OK, &none, &out),
	    FLUFFY_E_MEMORY, "");
	assert_null(out);
	none = message_new(FLUFFY_ERROR);
	none->arena.failed = true;
	refused_at(w->ctx, message_finish(w->ctx, FLUFFY_OK, &none, &out),
	    FLUFFY_E_MEMORY, "");
	assert_null(none);
	assert_null(out);
}

/* From the wire no such name comes. */
static void
a_session_is_with_somebody_who_has_a_name(void **state)
{
	struct world *w = *state;
	const struct keydata k = { .keyid = BYTES("12345678"),
	    .key = BYTES("0123456789abcdef"), .alg = 10 };
	const struct part part = { .keydata = (struct keydata *)
	    (uintptr_t)&k, .authtime = NOW, .endtime = NOW + 1 };
	struct step step = { .s = SENSOR->store };
	struct bytes none = bytes_of(NULL, 0);

	must(w->ctx, session_of(&step, "x", &part, none, BYTES("lock")));
	assert_int_equal(step.session.realm.n, 0);
	must(w->ctx, session_of(&step, "x", &part, BYTES("home"),
	    BYTES("lock")));
	assert_int_equal(step.session.realm.n, 4);
	refused_at(w->ctx, session_of(&step, "x", &part, none, long_name()),
	    FLUFFY_E_INTERNAL, "");
	refused_at(w->ctx, session_of(&step, "x", &part, long_name(),
	    BYTES("lock")), FLUFFY_E_INTERNAL, "");
}

/* The API takes messages that never were on a wire. */
static void
a_group_has_a_name_that_can_be_kept(void **state)
{
	struct world *w = *state;
	struct forgery f;
	fluffy_msgs out;
	int i;

	for (i = 0; i < 2; i++) {
		forge(w, &f, &gsk_req);
		*(i == 0 ? &f.msg->body->mcastname :
		    &f.msg->body->mcastrealm) = long_name();
		f.part->head.has &= ~label_bit(L_cksum);
		forge_seal(&f, &gsk_req);
		must(w->ctx, fluffy_skdc_begin(w->skdc));
		refused_at(w->ctx, fluffy_skdc_answer(w->skdc, f.msg, &out),
		    FLUFFY_E_INTERNAL, "");
		assert_int_equal(out.n, 1);
		assert_int_equal(fluffy_msg_error(out.v[0]),
		    FLUFFY_E_INTERNAL);
		fluffy_msgs_free(&out);
		refused_at(w->ctx, fluffy_skdc_commit(w->skdc),
		    FLUFFY_E_STORE, "");
		fluffy_msg_free(&f.msg);
	}
	honest_group(w);
}

/* ---- the SKDC's counters ------------------------------------------------- */

static void
set_last_keyid(struct world *w, const char *value)
{
	char text[100];

	(void)snprintf(text, sizeof(text), "UPDATE party SET last_keyid = %s",
	    value);
	skdc_sql(w, text);
}

static void
no_keyid_is_given_out_twice(void **state)
{
	struct world *w = *state;
	fluffy_bytes reqs[3], out;
	fluffy_msg *error;
	size_t i;

	reqs[0] = request(w, SENSOR, "lock");
	reqs[1] = make_gsk_req(w);
	reqs[2] = make_pkp_req(w);
	set_last_keyid(w, "9223372036854775807");
	for (i = 0; i < 3; i++) {
		fluffy_msg *msg = from_wire(w, &reqs[i]);
		fluffy_msgs all;

		must(w->ctx, fluffy_skdc_begin(w->skdc));
		expect(w, fluffy_skdc_answer(w->skdc, msg, &all),
		    FLUFFY_E_INTERNAL);
		assert_int_equal(all.n, 1);
		error = all.v[0];
		assert_int_equal(fluffy_msg_error(error), FLUFFY_E_INTERNAL);
		fluffy_msgs_free(&all);
		assert_int_not_equal(fluffy_skdc_commit(w->skdc), FLUFFY_OK);
		fluffy_msg_free(&msg);
	}
	set_last_keyid(w, "1");
	/* the pair's request alone was durable before it was answered */
	for (i = 0; i < 3; i++) {
		expect(w, ask(w, &reqs[i], &out), i < 2 ? FLUFFY_OK :
		    FLUFFY_E_REPLAY);
		wire_free(&out);
		wire_free(&reqs[i]);
	}
	honest(w);
}

/* ---- a batch that failed ------------------------------------------------- */

static int
no_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	memset(out, 0, n);
	return -1;
}

/* Making a pair commits in between: not what another request left behind. */
static void
no_pair_is_made_in_a_batch_that_failed(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), pair, rep;
	fluffy_msg *msgs[2];
	fluffy_msgs out;

	pair = make_pkp_req(w);
	msgs[0] = from_wire(w, &req);
	msgs[1] = from_wire(w, &pair);
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	fluffy_ctx_set_random(w->ctx, no_random, NULL);
	expect(w, fluffy_skdc_answer(w->skdc, msgs[0], &out),
	    FLUFFY_E_SYSTEM);
	fluffy_ctx_set_random(w->ctx, test_random, &w->rng);
	fluffy_msgs_free(&out);
	expect(w, fluffy_skdc_answer(w->skdc, msgs[1], &out),
	    FLUFFY_E_STORE);
	fluffy_msgs_free(&out);
	expect(w, fluffy_skdc_commit(w->skdc), FLUFFY_E_STORE);
	fluffy_msg_free(&msgs[0]);
	fluffy_msg_free(&msgs[1]);
	/* neither's nonce was recorded */
	rep = asked(w, &req);
	wire_free(&rep);
	rep = asked(w, &pair);
	wire_free(&rep);
	wire_free(&req);
	wire_free(&pair);
	honest(w);
}

/* The one ERROR, internal, with an ack or without. */
static void
told_internal(struct world *w, const fluffy_bytes *req, bool ack)
{
	fluffy_msg *msg = from_wire(w, req);
	fluffy_msgs out;

	expect(w, fluffy_skdc_answer(w->skdc, msg, &out), FLUFFY_E_STORE);
	assert_int_equal(out.n, 1);
	assert_int_equal(fluffy_msg_error(out.v[0]), FLUFFY_E_INTERNAL);
	assert_int_equal(HAS(out.v[0], L_ack), ack);
	fluffy_msgs_free(&out);
	expect(w, fluffy_skdc_commit(w->skdc), FLUFFY_E_STORE);
	fluffy_msg_free(&msg);
}

/*
 * Before the proof there is nobody to prove anything to; after it there is,
 * though the store can't count seals any more.
 */
static void
a_store_that_fails_is_told_of(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep;

	must(w->ctx, fluffy_skdc_begin(w->skdc));
	skdc_sql(w, "ALTER TABLE vault RENAME TO lost");
	told_internal(w, &req, false);
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	w->skdc->sql->failed = true;
	told_internal(w, &req, true);
	rep = asked(w, &req);
	wire_free(&rep);
	wire_free(&req);
	honest(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CBOR(an_skdc_takes_no_ticket),
		IN_CBOR(a_device_answers_no_request),
		IN_CBOR(a_stranger_has_no_key_to_seal_with),
		IN_CBOR(who_has_no_key_is_told_nothing),
		IN_CBOR(names_of_a_group_are_names),
		IN_CBOR(no_message_is_no_memory),
		IN_CBOR(a_session_is_with_somebody_who_has_a_name),
		IN_CBOR(a_group_has_a_name_that_can_be_kept),
		IN_CBOR(no_keyid_is_given_out_twice),
		IN_CBOR(no_pair_is_made_in_a_batch_that_failed),
		IN_CBOR(a_store_that_fails_is_told_of)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

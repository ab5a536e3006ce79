/* test_exchange.c - PSK exchanges between an SKDC and devices in one process */
#include "world.h"

#include "alg.h"
#include "policy.h"

/* ---- what goes well ------------------------------------------------------ */

static void
an_exchange_gives_both_the_same_key(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);
	struct bytes keyid = bytes_of(w->outcome.keyid, w->outcome.keyid_len);
	struct session a, b;

	assert_int_equal(keyid.n, 8);
	must(w->ctx, store_session(SENSOR->store, keyid, false, &a));
	must(w->ctx, store_session(LOCK->store, keyid, true, &b));
	assert_int_equal(a.key.alg, ALG_SESSION_DEFAULT);
	assert_int_equal(a.key.alg, b.key.alg);
	assert_bytes(symm_bytes(&a.key), symm_bytes(&b.key));
	assert_true(a.established);
	assert_true(b.established);
	assert_int_equal(a.endtime, NOW + LIFETIME_DEFAULT);
	assert_int_equal(b.endtime, a.endtime);
	assert_int_equal(a.authtime, NOW);
	assert_string_equal(a.peer.s, "lock");
	assert_string_equal(b.peer.s, "sensor");
	session_wipe(&a);
	session_wipe(&b);
	exchange_free(&x);
}

/* wire.md, section 10 */
static void
messages_are_as_small_as_promised(void **state)
{
	static const char *const names[] = {
		"6ba7b810-9dad-41d1-80b4-00c04fd430c8",
		"6ba7b811-9dad-41d1-80b4-00c04fd430c8",
		"6ba7b812-9dad-41d1-80b4-00c04fd430c8"
	};
	struct world *w = *state;
	fluffy_store *old = w->skdc;
	struct exchange x;
	int i;

	w->skdc = new_skdc(w, "uuid.db", "home", names[2]);
	for (i = 0; i < 2; i++) {
		fluffy_store_close(&w->device[i].store);
		assert_int_equal(unlink(w->device[i].path), 0);
		enrol(w, &w->device[i], names[i]);
	}
	x = whole_exchange(w, SENSOR, LOCK);
	assert_int_equal(x.req.len, 142);
	assert_int_equal(x.rep.len, 347);
	assert_int_equal(x.estb.len, 270);
	assert_int_equal(x.ack.len, 106);
	exchange_free(&x);
	fluffy_store_close(&w->skdc);
	w->skdc = old;
}

static void
json_works_as_well(void **state)
{
	struct world *w = *state;
	struct exchange x;

	w->format = FLUFFY_JSON;
	x = whole_exchange(w, SENSOR, LOCK);
	assert_int_equal(x.req.data[0], '{');
	exchange_free(&x);
}

static fluffy_bytes
recoded(struct world *w, fluffy_bytes *wire, enum fluffy_format to)
{
	fluffy_msg *msg = from_wire(w, wire);
	fluffy_bytes out;

	must(w->ctx, fluffy_msg_write(w->ctx, msg, to, 0, &out));
	fluffy_msg_free(&msg);
	wire_free(wire);
	return out;
}

/* Section 1: a message may change its encoding at any hop. */
static void
every_hop_may_change_the_encoding(void **state)
{
	struct world *w = *state;
	fluffy_bytes a, b;

	a = request(w, SENSOR, "lock");
	b = recoded(w, &a, FLUFFY_JSON);
	a = asked(w, &b);
	wire_free(&b);
	b = recoded(w, &a, FLUFFY_JSON);
	a = stepped(w, SENSOR, &b);
	wire_free(&b);
	b = recoded(w, &a, FLUFFY_JSON);
	a = stepped(w, LOCK, &b);
	wire_free(&b);
	b = recoded(w, &a, FLUFFY_JSON);
	a = stepped(w, SENSOR, &b);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	wire_free(&b);
	wire_free(&a);
}

static void
everything_optional_is_carried(void **state)
{
	struct world *w = *state;
	const fluffy_psk_params params = { .service = "lock",
	    .realm = "home", .etype = "A256GCM,ChaCha20/Poly1305",
	    .cpac = "{\"b\":[1.0,\"x\"],\"a\":0.5}",
	    .extras = { .ext = "[null]", .cksum = true, .has_seqnum = true,
		.seqnum = 7 } };
	const fluffy_extras more = { .ext = "{}", .cksum = true,
	    .has_seqnum = true, .seqnum = 4294967295u };
	fluffy_bytes req = request_with(w, SENSOR, &params), rep, estb, ack;
	fluffy_msg *msg;
	struct part *part;

	rep = asked(w, &req);
	msg = from_wire(w, &rep);
	must(w->ctx, step_msg(w, SENSOR, msg, &more, &estb));
	part = msg->receipt.plain;
	assert_true(HAS(msg->mticket, L_sprealm));
	assert_true(HAS(part, L_sprealm));
	assert_int_equal(part->keydata->alg, 3);
	assert_int_equal(part->keydata->key.n, 32);
	assert_bytes(part->cpac, BYTES("\xa2\x61" "a\xf9\x38\x00\x61" "b\x82"
	    "\x01\x61x"));
	fluffy_msg_free(&msg);
	msg = from_wire(w, &estb);
	must(w->ctx, step_msg(w, LOCK, msg, &no_params, &ack));
	assert_true(HAS(msg->authenticator.plain, L_cksum));
	assert_bytes(msg->mticket->enc_part.plain->cpac, BYTES("\xa2\x61"
	    "a\xf9\x38\x00\x61" "b\x82\x01\x61x"));
	fluffy_msg_free(&msg);
	msg = from_wire(w, &ack);
	wire_free(&req);
	must(w->ctx, step_msg(w, SENSOR, msg, &no_params, &req));
	assert_null(req.data);
	/* modulo 2^32 */
	assert_true(HAS(msg->ack.plain, L_seqnum));
	assert_int_equal(msg->ack.plain->seqnum, 0);
	assert_true(HAS(msg->ack.plain, L_sprealm));
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	fluffy_msg_free(&msg);
	wire_free(&rep);
	wire_free(&estb);
	wire_free(&ack);
}

/* An optional realm is in the answer exactly when it was in the request. */
static void
optional_realms_are_mirrored(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	fluffy_msg *msg = from_wire(w, &x.rep);
	struct secret secret = secret_of_owner(w, "sensor");
	struct part *part = open_part(w, msg, msg, L_receipt, &secret.key);

	assert_false(HAS(msg->mticket, L_sprealm));
	assert_false(HAS(part, L_sprealm));
	assert_false(HAS(part, L_cpac));
	secret_wipe(&secret);
	fluffy_msg_free(&msg);
	exchange_free(&x);
}

static void
every_session_algorithm_works(void **state)
{
	static const char *const algs[] = {
		"AES-CCM-16-64-128", "AES-CCM-16-128-128", "AES-CCM-16-64-256",
		"AES-CCM-16-128-256", "A128GCM", "A192GCM", "A256GCM",
		"ChaCha20/Poly1305"
	};
	struct world *w = *state;
	fluffy_bytes a, b;
	size_t i;

	for (i = 0; i < 8; i++) {
		const fluffy_psk_params params = { .service = "lock",
		    .etype = algs[i], .extras.cksum = i % 2 == 0 };

		a = request_with(w, SENSOR, &params);
		b = asked(w, &a);
		wire_free(&a);
		a = stepped(w, SENSOR, &b);
		wire_free(&b);
		b = stepped(w, LOCK, &a);
		wire_free(&a);
		a = stepped(w, SENSOR, &b);
		assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
		wire_free(&a);
		wire_free(&b);
	}
}

static void
every_secret_key_algorithm_works(void **state)
{
	static const char *const good[] = { "AES-CCM-16-128-128",
	    "AES-CCM-16-128-256", "A128GCM", "A192GCM", "A256GCM",
	    "ChaCha20/Poly1305" };
	static const char *const bad[] = { "AES-CCM-16-64-128",
	    "AES-CCM-16-64-256", "ES256", "nonsense", "", "aes-ccm" };
	struct world *w = *state;
	char name[20];
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < 6; i++) {
		(void)snprintf(name, sizeof(name), "alg%zu", i);
		must(w->ctx, fluffy_enrol(w->skdc, name, good[i], &msg));
		fluffy_store_close(&SENSOR->store);
		(void)snprintf(SENSOR->path, sizeof(SENSOR->path),
		    "%s/alg%zu.db", w->dir, i);
		SENSOR->name = name;
		join(w, SENSOR, &msg);
		honest(w);
		assert_int_equal(fluffy_enrol(w->skdc, "x", bad[i], &msg),
		    FLUFFY_E_USAGE);
		assert_null(msg);
	}
}

static void
a_device_may_ask_for_itself(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, LAMP, LAMP);

	exchange_free(&x);
	honest(w);
}

static void
lifetimes_are_the_shortest_that_is_set(void **state)
{
	struct world *w = *state;
	const fluffy_policy realm = { .lifetime = 7200 };
	const fluffy_policy client = { .lifetime = 600 };
	const fluffy_policy service = { .lifetime = 60 };
	struct exchange x;

	must(w->ctx, fluffy_policy_set(w->skdc, NULL, &realm));
	x = whole_exchange(w, SENSOR, LOCK);
	assert_int_equal(w->outcome.endtime, NOW + 7200);
	exchange_free(&x);
	must(w->ctx, fluffy_policy_set(w->skdc, "sensor", &client));
	x = whole_exchange(w, SENSOR, LOCK);
	assert_int_equal(w->outcome.endtime, NOW + 600);
	exchange_free(&x);
	must(w->ctx, fluffy_policy_set(w->skdc, "lock", &service));
	x = whole_exchange(w, SENSOR, LOCK);
	assert_int_equal(w->outcome.endtime, NOW + 60);
	exchange_free(&x);
}

static void
the_first_etype_that_all_take(void **state)
{
	struct world *w = *state;
	const fluffy_policy service = { .etypes = "A128GCM,A256GCM" };
	const fluffy_policy client = { .etypes = "A256GCM,A192GCM" };
	const fluffy_psk_params params = { .service = "lock",
	    .etype = "A192GCM,A128GCM,A256GCM" };
	fluffy_bytes req, rep, estb;
	fluffy_msg *msg;

	must(w->ctx, fluffy_policy_set(w->skdc, "lock", &service));
	must(w->ctx, fluffy_policy_set(w->skdc, "sensor", &client));
	req = request_with(w, SENSOR, &params);
	rep = asked(w, &req);
	msg = from_wire(w, &rep);
	must(w->ctx, step_msg(w, SENSOR, msg, &no_params, &estb));
	assert_int_equal(msg->receipt.plain->keydata->alg, 3);
	fluffy_msg_free(&msg);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	/* and the default isn't among them */
	req = request(w, SENSOR, "lock");
	ask_refused(w, &req, FLUFFY_E_BAD_ETYPE);
	wire_free(&req);
}

/* ---- flipped bytes ------------------------------------------------------- */

/* Never accepted, whatever it is then taken for. */
static void
try_flipped(struct world *w, const fluffy_bytes *wire, size_t at,
    uint8_t with, struct device_store *reader)
{
	fluffy_bytes out = { NULL, 0 };
	fluffy_msg *msg;
	enum fluffy_error e;

	wire->data[at] ^= with;
	e = fluffy_msg_read(w->ctx, wire->data, wire->len, &msg);
	wire->data[at] ^= with;
	if (e != FLUFFY_OK) {
		assert_null(msg);
		return;
	}
	e = reader == NULL ? ask_msg(w, w->skdc, msg, &out) :
	    step_msg(w, reader, msg, &no_params, &out);
	if (e == FLUFFY_OK)
		print_error("byte %zu ^ %02x was taken\n", at, with);
	assert_int_not_equal(e, FLUFFY_OK);
	assert_int_not_equal(fluffy_error_status(e), FLUFFY_BROKEN);
	wire_free(&out);
	fluffy_msg_free(&msg);
}

static void
flip_all(struct world *w, const fluffy_bytes *wire,
    struct device_store *reader)
{
	bool json = wire->data[0] == '{';
	size_t at, n = json ? wire->len - 1 : wire->len;
	int bit;

	for (at = 0; at < n; at++)
		for (bit = 0; bit < 8; bit++)
			try_flipped(w, wire, at, (uint8_t)(1 << bit), reader);
}

static void
flip_everything(struct world *w)
{
	fluffy_bytes req, rep, estb, ack, nothing;

	req = request(w, SENSOR, "lock");
	flip_all(w, &req, NULL);
	rep = asked(w, &req);
	flip_all(w, &rep, SENSOR);
	estb = stepped(w, SENSOR, &rep);
	flip_all(w, &estb, LOCK);
	ack = stepped(w, LOCK, &estb);
	flip_all(w, &ack, SENSOR);
	/* the honest ones went through all the same */
	nothing = stepped(w, SENSOR, &ack);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	wire_free(&nothing);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	wire_free(&ack);
	honest(w);
}

static void
no_flipped_bit_is_accepted(void **state)
{
	flip_everything(*state);
}

static void
no_flipped_bit_is_accepted_in_json(void **state)
{
	struct world *w = *state;

	w->format = FLUFFY_JSON;
	flip_everything(w);
}

/* Cut off, and with a byte more. */
static void
no_other_length_is_accepted(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);
	const fluffy_bytes *all[] = { &x.req, &x.rep, &x.estb, &x.ack };
	fluffy_msg *msg;
	size_t i, n;

	for (i = 0; i < 4; i++)
		for (n = 0; n < all[i]->len; n++) {
			assert_int_equal(fluffy_msg_read(w->ctx, all[i]->data,
			    n, &msg), FLUFFY_E_MALFORMED);
			assert_null(msg);
		}
	exchange_free(&x);
}

/* ---- replays ------------------------------------------------------------- */

static void
a_request_is_answered_once(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);

	ask_refused(w, &x.req, FLUFFY_E_REPLAY);
	ask_refused(w, &x.req, FLUFFY_E_REPLAY);
	exchange_free(&x);
	honest(w);
}

static void
an_estb_is_answered_once(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);

	step_refused(w, LOCK, &x.estb, FLUFFY_E_REPLAY);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_REPLAY);
	exchange_free(&x);
	honest(w);
}

static void
a_rep_and_an_ack_are_taken_once(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);

	step_refused(w, SENSOR, &x.rep, FLUFFY_E_REPLAY);
	step_refused(w, SENSOR, &x.ack, FLUFFY_E_REPLAY);
	exchange_free(&x);
	honest(w);
}

/* Two requests wait; their answers come in the other order. */
static void
answers_may_overtake_each_other(void **state)
{
	struct world *w = *state;
	fluffy_bytes req1 = request(w, SENSOR, "lock"), rep1;
	fluffy_bytes req2 = request(w, SENSOR, "lock"), rep2;
	fluffy_bytes estb1, estb2, ack1, ack2, none;

	rep1 = asked(w, &req1);
	rep2 = asked(w, &req2);
	estb2 = stepped(w, SENSOR, &rep2);
	estb1 = stepped(w, SENSOR, &rep1);
	ack1 = stepped(w, LOCK, &estb1);
	ack2 = stepped(w, LOCK, &estb2);
	none = stepped(w, SENSOR, &ack2);
	none = stepped(w, SENSOR, &ack1);
	assert_null(none.data);
	wire_free(&req1);
	wire_free(&rep1);
	wire_free(&estb1);
	wire_free(&ack1);
	wire_free(&req2);
	wire_free(&rep2);
	wire_free(&estb2);
	wire_free(&ack2);
}

/* Replayed through another process, or after a restart: another handle. */
static void
replays_are_remembered_on_disk(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);
	char path[100];

	fluffy_store_close(&w->skdc);
	fluffy_store_close(&LOCK->store);
	(void)snprintf(path, sizeof(path), "%s/skdc.db", w->dir);
	must(w->ctx, fluffy_store_open(w->ctx, path, 0, &w->skdc));
	must(w->ctx, fluffy_store_open(w->ctx, LOCK->path, 0, &LOCK->store));
	ask_refused(w, &x.req, FLUFFY_E_REPLAY);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_REPLAY);
	exchange_free(&x);
	honest(w);
}

/* Acting makes the SKDC forget what time has made useless. */
static void
act_at(struct world *w, uint64_t time)
{
	the_time = time;
	honest(w);
}

/*
 * Kept until now > time + 2 x skew. The window and the clock that may go back
 * by the skew make the last moment at which a replay could be of use.
 */
static void
replays_at_the_edges_of_the_window(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);

	the_time = NOW + 300;
	ask_refused(w, &x.req, FLUFFY_E_REPLAY);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_REPLAY);
	the_time = NOW + 301;
	ask_refused(w, &x.req, FLUFFY_E_CLOCK_SKEW);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_CLOCK_SKEW);
	/* acted, and pruned, at time + 2 x skew; then back by the skew */
	act_at(w, NOW + 600);
	the_time = NOW + 300;
	ask_refused(w, &x.req, FLUFFY_E_REPLAY);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_REPLAY);
	act_at(w, NOW + 601);
	the_time = NOW + 300;
	ask_refused(w, &x.req, FLUFFY_E_BUSY);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_BUSY);
	the_time = NOW + 301;
	ask_refused(w, &x.req, FLUFFY_E_CLOCK_SKEW);
	exchange_free(&x);
	the_time = NOW + 700;
	honest(w);
}

/* A sender whose clock is ahead: its nonces are kept for longer. */
static void
replays_of_a_sender_that_is_ahead(void **state)
{
	struct world *w = *state;
	fluffy_bytes req, rep;
	uint64_t t;

	the_time = NOW + 300;
	req = request(w, SENSOR, "lock");
	the_time = NOW;
	rep = asked(w, &req);
	for (t = 0; t <= 600; t += 100) {
		act_at(w, NOW + t);
		ask_refused(w, &req, FLUFFY_E_REPLAY);
	}
	act_at(w, NOW + 900);
	the_time = NOW + 600;
	ask_refused(w, &req, FLUFFY_E_REPLAY);
	wire_free(&req);
	wire_free(&rep);
}

/* A refused request has used up its nonce, too. */
static void
refused_requests_are_replays_later(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "nobody");

	ask_refused(w, &req, FLUFFY_E_UNKNOWN_SERVICE);
	ask_refused(w, &req, FLUFFY_E_REPLAY);
	wire_free(&req);
}

/* What didn't prove itself can't burn a nonce. */
static void
bad_requests_leave_no_trace(void **state)
{
	struct world *w = *state;
	fluffy_bytes req, rep;

	the_time = NOW + 301;
	req = request(w, SENSOR, "lock");
	the_time = NOW;
	req.data[req.len - 1] ^= 1;
	ask_refused(w, &req, FLUFFY_E_AUTH_FAILED);
	req.data[req.len - 1] ^= 1;
	ask_refused(w, &req, FLUFFY_E_CLOCK_SKEW);
	the_time = NOW + 1;
	rep = asked(w, &req);
	wire_free(&req);
	wire_free(&rep);
}

/* ---- a clock that was set back ------------------------------------------- */

static void
a_clock_set_back_makes_busy(void **state)
{
	struct world *w = *state;
	fluffy_bytes req;
	struct exchange x;

	act_at(w, NOW + 1000);
	the_time = NOW + 699;
	req = request(w, SENSOR, "lock");
	ask_refused(w, &req, FLUFFY_E_BUSY);
	wire_free(&req);
	the_time = NOW + 700;
	x = half_exchange(w, SENSOR, LOCK);
	the_time = NOW + 699;
	step_refused(w, LOCK, &x.estb, FLUFFY_E_BUSY);
	/* the same bytes when the clock is right again */
	the_time = NOW + 700;
	exchange_free(&x);
	honest(w);
}

/* Busy doesn't end the request: the same bytes are answered later. */
static void
busy_uses_up_nothing(void **state)
{
	struct world *w = *state;
	fluffy_bytes req, error, rep, estb, ack;

	act_at(w, NOW + 400);
	the_time = NOW + 50;
	req = request(w, SENSOR, "lock");
	assert_int_equal(ask(w, &req, &error), FLUFFY_E_BUSY);
	(void)stepped(w, SENSOR, &error);
	assert_int_equal(w->outcome.kind, FLUFFY_ERROR_PROVEN);
	the_time = NOW + 300;
	rep = asked(w, &req);
	estb = stepped(w, SENSOR, &rep);
	ack = stepped(w, LOCK, &estb);
	(void)stepped(w, SENSOR, &ack);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	wire_free(&req);
	wire_free(&error);
	wire_free(&rep);
	wire_free(&estb);
	wire_free(&ack);
}

static void
an_operator_resets_the_clock(void **state)
{
	struct world *w = *state;
	struct exchange x;

	act_at(w, NOW + 100000);
	the_time = NOW;
	must(w->ctx, fluffy_reset_clock(w->skdc));
	x = half_exchange(w, SENSOR, LOCK);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_BUSY);
	must(w->ctx, fluffy_reset_clock(LOCK->store));
	x.ack = stepped(w, LOCK, &x.estb);
	exchange_free(&x);
	honest(w);
}

/* ---- the limits of enrolment --------------------------------------------- */

static void
names_are_enrolled_once(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg;

	assert_int_equal(fluffy_enrol(w->skdc, "lock", NULL, &msg),
	    FLUFFY_E_EXISTS);
	assert_null(msg);
	assert_int_equal(fluffy_enrol(w->skdc, "*", NULL, &msg),
	    FLUFFY_E_USAGE);
	assert_int_equal(fluffy_enrol(w->skdc, "", NULL, &msg),
	    FLUFFY_E_USAGE);
	assert_int_equal(fluffy_enrol(w->skdc, "a\nb", NULL, &msg),
	    FLUFFY_E_USAGE);
	assert_int_equal(fluffy_enrol(SENSOR->store, "x", NULL, &msg),
	    FLUFFY_E_USAGE);
	assert_int_equal(fluffy_rotate(SENSOR->store, "x", 0, &msg),
	    FLUFFY_E_USAGE);
	assert_int_equal(fluffy_rotate(w->skdc, "x", 0, &msg),
	    FLUFFY_E_NOT_FOUND);
	/* names that only look the same are others */
	must(w->ctx, fluffy_enrol(w->skdc, "Lock", NULL, &msg));
	fluffy_msg_free(&msg);
	honest(w);
}

/* A generator that says the same for a while, then something else. */
struct stuck {
	int calls;
	struct rng *rng;
};

static int
stuck_random(void *arg, uint8_t *out, size_t n)
{
	struct stuck *s = arg;

	if (n == 4 && s->calls++ % 4 < 3) {
		memset(out, 0x5a, n);
		return 0;
	}
	return test_random(s->rng, out, n);
}

static void
no_kid_is_given_out_twice(void **state)
{
	struct world *w = *state;
	struct stuck stuck = { 0, &w->rng };
	uint8_t seen[20][4];
	char name[20];
	fluffy_msg *msg;
	int i, k;

	fluffy_ctx_set_random(w->ctx, stuck_random, &stuck);
	for (i = 0; i < 20; i++) {
		/* the same device, removed and enrolled again */
		(void)snprintf(name, sizeof(name), "d%d", i / 5);
		must(w->ctx, fluffy_enrol(w->skdc, name, NULL, &msg));
		memcpy(seen[i], msg->keydata->keyid.p, 4);
		for (k = 0; k < i; k++)
			assert_memory_not_equal(seen[i], seen[k], 4);
		fluffy_msg_free(&msg);
		must(w->ctx, fluffy_remove_device(w->skdc, name));
	}
	fluffy_ctx_set_random(w->ctx, test_random, &w->rng);
	honest(w);
}

static void
a_removed_device_is_unknown_at_once(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), again;
	struct exchange x = half_exchange(w, SENSOR, LAMP);
	fluffy_msg *msg;

	must(w->ctx, fluffy_remove_device(w->skdc, "sensor"));
	ask_refused(w, &req, FLUFFY_E_AUTH_FAILED);
	again = request(w, LAMP, "sensor");
	ask_refused(w, &again, FLUFFY_E_UNKNOWN_SERVICE);
	wire_free(&again);
	assert_int_equal(fluffy_remove_device(w->skdc, "sensor"),
	    FLUFFY_E_NOT_FOUND);
	/* the name comes back with another key */
	fluffy_store_close(&SENSOR->store);
	(void)unlink(SENSOR->path);
	must(w->ctx, fluffy_enrol(w->skdc, "sensor", NULL, &msg));
	join(w, SENSOR, &msg);
	ask_refused(w, &req, FLUFFY_E_AUTH_FAILED);
	wire_free(&req);
	exchange_free(&x);
	honest(w);
}

/* ---- who may ask for whom ------------------------------------------------ */

static void
may_ask(struct world *w, struct device_store *client, const char *service,
    bool may)
{
	fluffy_bytes req = request(w, client, service), rep;
	enum fluffy_error e = ask(w, &req, &rep);

	if (e != (may ? FLUFFY_OK : FLUFFY_E_NOT_PERMITTED))
		print_error("%s for %s: %s\n", client->name, service,
		    fluffy_error_name(e));
	assert_int_equal(e, may ? FLUFFY_OK : FLUFFY_E_NOT_PERMITTED);
	wire_free(&req);
	wire_free(&rep);
}

static void
rules_deny_and_allow(void **state)
{
	struct world *w = *state;

	may_ask(w, SENSOR, "lock", true);
	must(w->ctx, fluffy_deny(w->skdc, "sensor", "lock"));
	must(w->ctx, fluffy_deny(w->skdc, "sensor", "lock"));
	may_ask(w, SENSOR, "lock", false);
	may_ask(w, SENSOR, "lamp", true);
	may_ask(w, LAMP, "lock", true);
	may_ask(w, LOCK, "sensor", true);
	must(w->ctx, fluffy_allow(w->skdc, "sensor", "lock"));
	may_ask(w, SENSOR, "lock", true);
	assert_int_equal(fluffy_allow(w->skdc, "sensor", "lock"),
	    FLUFFY_E_NOT_FOUND);
	/* one is taken back, its neighbours stay */
	must(w->ctx, fluffy_deny(w->skdc, "sensor", "lock"));
	must(w->ctx, fluffy_deny(w->skdc, "sensor", "lamp"));
	must(w->ctx, fluffy_deny(w->skdc, "lamp", "lock"));
	must(w->ctx, fluffy_allow(w->skdc, "sensor", "lock"));
	may_ask(w, SENSOR, "lock", true);
	may_ask(w, SENSOR, "lamp", false);
	may_ask(w, LAMP, "lock", false);
}

static void
rules_with_anybody(void **state)
{
	struct world *w = *state;

	must(w->ctx, fluffy_deny(w->skdc, "*", "lock"));
	may_ask(w, SENSOR, "lock", false);
	may_ask(w, LAMP, "lock", false);
	may_ask(w, LOCK, "lock", false);
	may_ask(w, SENSOR, "lamp", true);
	must(w->ctx, fluffy_deny(w->skdc, "lamp", "*"));
	may_ask(w, LAMP, "sensor", false);
	may_ask(w, SENSOR, "lamp", true);
	/* a rule is taken back by its own words only */
	assert_int_equal(fluffy_allow(w->skdc, "sensor", "lock"),
	    FLUFFY_E_NOT_FOUND);
	must(w->ctx, fluffy_allow(w->skdc, "*", "lock"));
	may_ask(w, SENSOR, "lock", true);
	may_ask(w, LAMP, "lock", false);
	must(w->ctx, fluffy_deny(w->skdc, "*", "*"));
	may_ask(w, SENSOR, "lamp", false);
	must(w->ctx, fluffy_allow(w->skdc, "*", "*"));
	must(w->ctx, fluffy_allow(w->skdc, "lamp", "*"));
	may_ask(w, LAMP, "lock", true);
	honest(w);
}

static void
rules_are_for_enrolled_names(void **state)
{
	struct world *w = *state;

	assert_int_equal(fluffy_deny(w->skdc, "nobody", "lock"),
	    FLUFFY_E_NOT_FOUND);
	assert_int_equal(fluffy_deny(w->skdc, "lock", "nobody"),
	    FLUFFY_E_NOT_FOUND);
	assert_int_equal(fluffy_deny(w->skdc, "", "lock"), FLUFFY_E_USAGE);
	assert_int_equal(fluffy_deny(SENSOR->store, "sensor", "lock"),
	    FLUFFY_E_USAGE);
	/* rules go with the device that they name */
	must(w->ctx, fluffy_deny(w->skdc, "lamp", "lock"));
	must(w->ctx, fluffy_remove_device(w->skdc, "lamp"));
	assert_int_equal(fluffy_allow(w->skdc, "lamp", "lock"),
	    FLUFFY_E_NOT_FOUND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_exchange_gives_both_the_same_key),
		TEST(messages_are_as_small_as_promised),
		TEST(json_works_as_well),
		TEST(every_hop_may_change_the_encoding),
		TEST(everything_optional_is_carried),
		TEST(optional_realms_are_mirrored),
		TEST(every_session_algorithm_works),
		TEST(every_secret_key_algorithm_works),
		TEST(a_device_may_ask_for_itself),
		TEST(lifetimes_are_the_shortest_that_is_set),
		TEST(the_first_etype_that_all_take),
		TEST(no_flipped_bit_is_accepted),
		TEST(no_flipped_bit_is_accepted_in_json),
		TEST(no_other_length_is_accepted),
		TEST(a_request_is_answered_once),
		TEST(an_estb_is_answered_once),
		TEST(a_rep_and_an_ack_are_taken_once),
		TEST(answers_may_overtake_each_other),
		TEST(replays_are_remembered_on_disk),
		TEST(replays_at_the_edges_of_the_window),
		TEST(replays_of_a_sender_that_is_ahead),
		TEST(refused_requests_are_replays_later),
		TEST(bad_requests_leave_no_trace),
		TEST(a_clock_set_back_makes_busy),
		TEST(busy_uses_up_nothing),
		TEST(an_operator_resets_the_clock),
		TEST(names_are_enrolled_once),
		TEST(no_kid_is_given_out_twice),
		TEST(a_removed_device_is_unknown_at_once),
		TEST(rules_deny_and_allow),
		TEST(rules_with_anybody),
		TEST(rules_are_for_enrolled_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

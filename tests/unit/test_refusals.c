/*
 * test_refusals.c - everything that section 6 refuses, and in which order
 *
 * Faults are put into honest messages by somebody who has the keys. Of any two
 * faults the one that section 6 checks first names the error; and after each
 * an honest exchange works.
 */
#include "attack.h"
#include "groups.h"
#include "policy.h"

/* ---- PSK-REQ, at the SKDC ------------------------------------------------ */

static void
start_request(struct world *w, struct forgery *f)
{
	fluffy_bytes wire = request(w, SENSOR, "lock");

	memset(f, 0, sizeof(*f));
	f->w = w;
	f->msg = from_wire(w, &wire);
	wire_free(&wire);
	f->secret = secret_of_owner(w, "sensor");
	f->key = f->secret.key;
	f->kid = keyid_bytes(&f->secret.kid);
	f->part = open_part(w, f->msg, f->msg, L_authenticator, &f->key);
}

static void
finish_request(struct forgery *f)
{
	reseal(f->w, f->msg, f->msg, L_authenticator, f->part, &f->key,
	    f->kid);
	if (f->break_seal)
		spoil(f->msg->authenticator.ciphertext);
	f->msg->authenticator.plain = NULL;
}

static void
time_ahead(struct forgery *f)
{
	f->part->ctime = the_time + 301;
}

static void
time_behind(struct forgery *f)
{
	f->part->ctime = the_time - 301;
}

/* seen_nonce was used by begin_round. */
static const uint64_t seen_nonce = 0x1122334455667788;

static void
nonce_seen(struct forgery *f)
{
	set_nonce(f, seen_nonce);
}

static const struct fault request_faults[] = {
	{ "another SKDC's name", req_other_skdc, FLUFFY_E_WRONG_SKDC },
	{ "another SKDC's realm", req_other_realm, FLUFFY_E_WRONG_SKDC },
	{ "unknown kid", unknown_kid, FLUFFY_E_AUTH_FAILED },
	{ "bad seal", bad_seal, FLUFFY_E_AUTH_FAILED },
	{ "another algorithm", other_algorithm, FLUFFY_E_AUTH_FAILED },
	{ "another iv", shorter_iv, FLUFFY_E_AUTH_FAILED },
	{ "wrong cksum", wrong_cksum, FLUFFY_E_AUTH_FAILED },
	{ "another name", other_name, FLUFFY_E_AUTH_FAILED },
	{ "another realm", other_realm, FLUFFY_E_AUTH_FAILED },
	{ "clock behind", clock_behind, FLUFFY_E_BUSY },
	{ "time ahead", time_ahead, FLUFFY_E_CLOCK_SKEW },
	{ "time behind", time_behind, FLUFFY_E_CLOCK_SKEW },
	{ "replay", nonce_seen, FLUFFY_E_REPLAY },
	{ "kty", other_kty, FLUFFY_E_BAD_ETYPE },
	{ "etype", no_common_etype, FLUFFY_E_BAD_ETYPE },
	{ "unknown service", unknown_service, FLUFFY_E_UNKNOWN_SERVICE },
	{ "foreign realm", foreign_realm, FLUFFY_E_UNKNOWN_SERVICE },
	{ "denied", denied, FLUFFY_E_NOT_PERMITTED }
};

/*
 * The SKDC has acted now, and seen_nonce's time is where the clock may be set
 * to by clock_behind, too: it counts, because busy is told first.
 */
static void
see_nonce(struct world *w)
{
	struct forgery f;
	fluffy_bytes out;

	start_request(w, &f);
	set_nonce(&f, seen_nonce);
	finish_request(&f);
	must(w->ctx, ask_msg(w, w->skdc, f.msg, &out));
	fluffy_msg_free(&f.msg);
	wire_free(&out);
}

static void
try_request(struct world *w, const struct fault *a, const struct fault *b)
{
	uint64_t was = the_time;
	struct forgery f;
	fluffy_bytes out;
	enum fluffy_error e;

	start_request(w, &f);
	a->make(&f);
	if (b != NULL)
		b->make(&f);
	finish_request(&f);
	e = ask_msg(w, w->skdc, f.msg, &out);
	if (e != a->code)
		print_error("%s, %s: %s\n", a->name, b == NULL ? "" : b->name,
		    fluffy_error_name(e));
	assert_int_equal(e, a->code);
	check_error(w, &out, a->code);
	e = fluffy_allow(w->skdc, "sensor", "*");
	assert_true(e == FLUFFY_OK || e == FLUFFY_E_NOT_FOUND);
	fluffy_msg_free(&f.msg);
	wire_free(&out);
	the_time = was;
}

static void
requests_are_refused_in_order(void **state)
{
	struct world *w = *state;
	size_t i, k;

	see_nonce(w);
	for (i = 0; i < N_FAULTS(request_faults); i++) {
		try_request(w, &request_faults[i], NULL);
		for (k = i + 1; k < N_FAULTS(request_faults); k++)
			try_request(w, &request_faults[i], &request_faults[k]);
		honest(w);
	}
}

/* What the faults are made of is no fault itself. */
static void
an_untouched_forgery_is_taken(void **state)
{
	struct world *w = *state;
	struct forgery f;
	fluffy_bytes out;
	int64_t offset;

	for (offset = -300; offset <= 300; offset += 150) {
		start_request(w, &f);
		f.part->ctime = (uint64_t)((int64_t)the_time + offset);
		finish_request(&f);
		must(w->ctx, ask_msg(w, w->skdc, f.msg, &out));
		fluffy_msg_free(&f.msg);
		wire_free(&out);
	}
}

/* Bug class 15: who exists isn't told by the answer. */
static void
an_unknown_kid_looks_like_a_bad_seal(void **state)
{
	struct world *w = *state;
	fluffy_bytes out[3];
	struct forgery f;
	int i;

	for (i = 0; i < 3; i++) {
		start_request(w, &f);
		if (i == 0)
			unknown_kid(&f);
		else if (i == 1)
			bad_seal(&f);
		else
			other_name(&f);
		finish_request(&f);
		assert_int_equal(ask_msg(w, w->skdc, f.msg, &out[i]),
		    FLUFFY_E_AUTH_FAILED);
		fluffy_msg_free(&f.msg);
	}
	assert_bytes(view(&out[0]), view(&out[1]));
	assert_bytes(view(&out[0]), view(&out[2]));
	for (i = 0; i < 3; i++)
		wire_free(&out[i]);
}

/* Bug classes 8 and 11: the owner of the key is who asks. */
static void
another_devices_key_under_a_foreign_name(void **state)
{
	struct world *w = *state;
	struct secret lamp = secret_of_owner(w, "lamp");
	struct forgery f;
	fluffy_bytes out;

	start_request(w, &f);
	f.key = lamp.key;
	f.kid = keyid_bytes(&lamp.kid);
	finish_request(&f);
	assert_int_equal(ask_msg(w, w->skdc, f.msg, &out),
	    FLUFFY_E_AUTH_FAILED);
	check_error(w, &out, FLUFFY_E_AUTH_FAILED);
	wire_free(&out);
	/* with its own name it is simply the lamp that asks */
	set_name(&f, &f.part->cname, "lamp");
	finish_request(&f);
	must(w->ctx, ask_msg(w, w->skdc, f.msg, &out));
	fluffy_msg_free(&f.msg);
	f.msg = from_wire(w, &out);
	assert_bytes(f.msg->cname, BYTES("lamp"));
	fluffy_msg_free(&f.msg);
	wire_free(&out);
	honest(w);
}

/* A seal over a plaintext that section 4 doesn't allow. */
static void
seal_raw(struct world *w, struct forgery *f, struct bytes plain)
{
	fluffy_msg *msg = f->msg;
	struct buffer aad = BUFFER(FLUFFY_MAX_EMITTED);
	uint8_t *out = arena_alloc(&msg->arena, plain.n + 16);

	cbor_put_struct(&aad, msg, L_authenticator);
	must(w->ctx, cose_encrypt(w->ctx, f->key.alg, symm_bytes(&f->key),
	    msg->authenticator.iv, buffer_view(&aad), plain, out));
	msg->authenticator.ciphertext = bytes_of(out, plain.n + 16);
	msg->authenticator.plain = NULL;
	buffer_free(&aad);
}

static void
bad_plaintexts_are_malformed_and_have_no_ack(void **state)
{
	struct world *w = *state;
	struct buffer good = BUFFER(1000);
	struct forgery f;
	fluffy_bytes out;
	int i;

	for (i = 0; i < 7; i++) {
		struct buffer plain = BUFFER(1000);

		start_request(w, &f);
		cbor_put_struct(&good, f.part, SKIP_NONE);
		if (i == 0) {		/* a long head */
			buffer_addc(&plain, (char)0xb8);
			buffer_addc(&plain, (char)(good.p[0] & 31));
			buffer_add(&plain, good.p + 1, good.n - 1);
		} else if (i == 1) {	/* something behind it */
			buffer_add(&plain, good.p, good.n);
			buffer_addc(&plain, 0);
		} else if (i == 2)	/* cut off */
			buffer_add(&plain, good.p, good.n - 1);
		else if (i == 3)	/* another kind */
			buffer_addc(&plain, (char)0x80);
		else if (i == 4)	/* no members */
			buffer_addc(&plain, (char)0xa0);
		else if (i == 5) {	/* another tag in front */
			buffer_adds(&plain, "\xd9\xd9\xf7");
			buffer_add(&plain, good.p, good.n);
		}			/* 6: nothing at all */
		seal_raw(w, &f, buffer_view(&plain));
		assert_int_equal(ask_msg(w, w->skdc, f.msg, &out),
		    FLUFFY_E_MALFORMED);
		check_error(w, &out, FLUFFY_E_MALFORMED);
		wire_free(&out);
		seal_raw(w, &f, buffer_view(&good));
		must(w->ctx, ask_msg(w, w->skdc, f.msg, &out));
		wire_free(&out);
		fluffy_msg_free(&f.msg);
		buffer_free(&plain);
		buffer_free(&good);
	}
	honest(w);
}

/* ---- undecidable input --------------------------------------------------- */

static enum fluffy_error
ask_raw(struct world *w, const char *json, fluffy_bytes *out)
{
	fluffy_msg *msg, *answer;
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	e = fluffy_msg_read(w->ctx, json, strlen(json), &msg);
	assert_int_not_equal(e, FLUFFY_OK);
	must(w->ctx, fluffy_skdc_malformed(w->skdc, &answer));
	if (answer != NULL)
		*out = to_wire(w, &answer);
	return e;
}

static void
malformed_requests_are_answered(void **state)
{
	static const struct {
		const char *json;
		enum fluffy_error code;	/* 0: no answer */
	} cases[] = {
		{ "x", FLUFFY_E_MALFORMED }, { "{}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":2}", FLUFFY_E_BAD_VERSION },
		/* pvno before any other member */
		{ "{\"pvno\":2,\"msg-type\":\"PSK-REQ\"}",
		    FLUFFY_E_BAD_VERSION },
		/* what isn't a request isn't answered, whatever is wrong */
		{ "{\"pvno\":2,\"msg-type\":\"ERROR\"}", 0 },
		{ "{\"msg-type\":\"ERROR\"}", 0 },
		{ "{\"pvno\":2,\"nonsense\":[[]],\"9\":1}",
		    FLUFFY_E_BAD_VERSION },
		{ "{\"pvno\":0}", FLUFFY_E_BAD_VERSION },
		{ "{\"pvno\":-1}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1.0}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-REQ\"}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1,\"msg-type\":\"GSK-REQ\"}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1,\"msg-type\":\"GSK-FET\"}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1,\"msg-type\":\"GSK-DELT\"}",
		    FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1,\"msg-type\":\"PKP-REQ\"}", FLUFFY_E_MALFORMED },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-REP\"}", 0 },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-ESTB\"}", 0 },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-ACK\"}", 0 },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-DELC\"}", 0 },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\"}", 0 },
		{ "{\"pvno\":1,\"msg-type\":\"ENROL\"}", 0 }
	};
	struct world *w = *state;
	fluffy_bytes out;
	size_t i;

	for (i = 0; i < N_FAULTS(cases); i++) {
		enum fluffy_error e = ask_raw(w, cases[i].json, &out);

		if (cases[i].code == 0)
			assert_null(out.data);
		else {
			assert_int_equal(e, cases[i].code);
			check_error(w, &out, cases[i].code);
		}
		wire_free(&out);
	}
	honest(w);
}

static void
a_service_answers_malformed_estbs(void **state)
{
	static const struct {
		const char *json;
		bool answered;
	} cases[] = {
		{ "x", true }, { "{\"pvno\":3}", true },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-ESTB\"}", true },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-REP\"}", false },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-ACK\"}", false },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\"}", false },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-REQ\"}", false }
	};
	struct world *w = *state;
	fluffy_msg *msg, *answer;
	enum fluffy_error e;
	fluffy_bytes wire;
	size_t i;

	for (i = 0; i < N_FAULTS(cases); i++) {
		e = fluffy_msg_read(w->ctx, cases[i].json,
		    strlen(cases[i].json), &msg);
		must(w->ctx, fluffy_estb_malformed(LOCK->store, &answer));
		assert_int_equal(answer != NULL, cases[i].answered);
		if (answer == NULL)
			continue;
		wire = to_wire(w, &answer);
		check_hint(w, &wire, e);
		wire_free(&wire);
	}
	honest(w);
}

/* An ERROR, and whatever isn't a request, is never answered. */
static void
what_is_no_request_is_not_answered(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);
	fluffy_bytes error, enrolment, out;
	const fluffy_bytes *all[] = { &x.rep, &x.estb, &x.ack, &error,
	    &enrolment };
	fluffy_msg *msg;
	size_t i;

	assert_int_equal(ask(w, &x.req, &error), FLUFFY_E_REPLAY);
	must(w->ctx, fluffy_enrol(w->skdc, "other", NULL, &msg));
	enrolment = to_wire(w, &msg);
	for (i = 0; i < 5; i++) {
		assert_int_equal(ask(w, all[i], &out), FLUFFY_E_UNEXPECTED);
		assert_null(out.data);
	}
	/* a device doesn't take what isn't for devices */
	assert_int_equal(step(w, LOCK, &x.req, &out), FLUFFY_E_UNEXPECTED);
	assert_null(out.data);
	assert_int_equal(step(w, LOCK, &enrolment, &out),
	    FLUFFY_E_UNEXPECTED);
	assert_null(out.data);
	(void)stepped(w, LOCK, &error);
	wire_free(&error);
	wire_free(&enrolment);
	exchange_free(&x);
	honest(w);
}

static void
stores_have_their_roles(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	const fluffy_psk_params params = { .service = "lock" };
	fluffy_msg *in = from_wire(w, &x.rep), *out;

	assert_int_equal(fluffy_estb(w->skdc, in, &no_params, &out,
	    &w->outcome), FLUFFY_E_USAGE);
	assert_null(out);
	assert_int_equal(fluffy_psk_request(w->skdc, &params, &out),
	    FLUFFY_E_USAGE);
	assert_null(out);
	assert_int_equal(fluffy_skdc_begin(LOCK->store), FLUFFY_E_USAGE);
	assert_int_equal(fluffy_skdc_malformed(LOCK->store, &out),
	    FLUFFY_E_USAGE);
	fluffy_msg_free(&in);
	exchange_free(&x);
	honest(w);
}

/* ---- PSK-ESTB, at the service -------------------------------------------- */

static void
start_estb(struct world *w, struct forgery *f)
{
	struct exchange x = half_exchange(w, SENSOR, LOCK);

	memset(f, 0, sizeof(*f));
	f->w = w;
	f->msg = from_wire(w, &x.estb);
	exchange_free(&x);
	f->secret = secret_of_owner(w, "lock");
	f->ticket_kid = keyid_bytes(&f->secret.kid);
	f->ticket = open_part(w, f->msg, f->msg->mticket, L_enc_part,
	    &f->secret.key);
	f->key.alg = f->ticket->keydata->alg;
	f->key.n = (uint8_t)f->ticket->keydata->key.n;
	memcpy(f->key.b, f->ticket->keydata->key.p, f->key.n);
	f->part = open_part(w, f->msg, f->msg, L_authenticator, &f->key);
}

static void
finish_estb(struct forgery *f)
{
	fluffy_msg *msg = f->msg;

	reseal(f->w, msg, msg->mticket, L_enc_part, f->ticket,
	    &f->secret.key, f->ticket_kid);
	if (f->break_ticket)
		spoil(msg->mticket->enc_part.ciphertext);
	reseal(f->w, msg, msg, L_authenticator, f->part, &f->key,
	    bytes_of(NULL, 0));
	if (f->break_seal)
		spoil(msg->authenticator.ciphertext);
	if (f->drop_authenticator)
		msg->head.has &= ~label_bit(L_authenticator);
	msg->authenticator.plain = msg->mticket->enc_part.plain = NULL;
}

static void
ticket_of_another_skdc(struct forgery *f)
{
	set_name(f, &f->msg->mticket->skdcname, "other");
}

static void
ticket_of_another_skdcrealm(struct forgery *f)
{
	set_name(f, &f->msg->mticket->skdcrealm, "far");
}

static void
ticket_for_another_service(struct forgery *f)
{
	set_name(f, &f->msg->mticket->spname, "lamp");
}

static void
ticket_for_another_realm(struct forgery *f)
{
	set_name(f, &f->msg->mticket->sprealm, "far");
	SET(f->msg->mticket, L_sprealm);
}

static void
ticket_unknown_kid(struct forgery *f)
{
	f->ticket_kid = BYTES("none");
}

static void
ticket_bad_seal(struct forgery *f)
{
	f->break_ticket = true;
}

static void
ticket_expired(struct forgery *f)
{
	f->ticket->authtime = the_time - 100;
	f->ticket->endtime = the_time;
}

static void
ticket_never_good(struct forgery *f)
{
	f->ticket->authtime = the_time + 100;
	f->ticket->endtime = the_time + 100;
}

static void
key_was_deleted(struct forgery *f)
{
	fluffy_store *s = f->w->device[1].store;

	must(f->w->ctx, store_begin(s));
	must(f->w->ctx, store_gone_add(s, f->ticket->keydata->keyid,
	    the_time + 1000000));
	must(f->w->ctx, store_commit(s));
}

static void
authenticator_absent(struct forgery *f)
{
	f->drop_authenticator = true;
}

static void
authenticator_of_another_key(struct forgery *f)
{
	f->key.b[0] ^= 1;
}

static void
ticket_name(struct forgery *f)
{
	set_name(f, &f->ticket->cname, "lamp");
}

static const uint8_t estb_nonce[8] = "seen it";

/* The same keyid and nonce have been used: by this very message. */
static void
estb_seen(struct forgery *f)
{
	fluffy_store *s = f->w->device[1].store;

	f->part->nonce = bytes_of(estb_nonce, 8);
	must(f->w->ctx, store_begin(s));
	must(f->w->ctx, store_nonce(s, f->ticket->keydata->keyid,
	    f->part->nonce, the_time + 600));
	must(f->w->ctx, store_commit(s));
}

/* In the order of "SP on PSK-ESTB". */
static const struct fault estb_faults[] = {
	{ "another SKDC", ticket_of_another_skdc, FLUFFY_E_WRONG_SKDC },
	{ "its realm", ticket_of_another_skdcrealm, FLUFFY_E_WRONG_SKDC },
	{ "another service", ticket_for_another_service,
	    FLUFFY_E_AUTH_FAILED },
	{ "another realm", ticket_for_another_realm, FLUFFY_E_AUTH_FAILED },
	{ "unknown kid", ticket_unknown_kid, FLUFFY_E_AUTH_FAILED },
	{ "ticket's seal", ticket_bad_seal, FLUFFY_E_AUTH_FAILED },
	{ "expired", ticket_expired, FLUFFY_E_EXPIRED },
	{ "never good", ticket_never_good, FLUFFY_E_EXPIRED },
	{ "deleted", key_was_deleted, FLUFFY_E_NO_SUCH_KEY },
	{ "absent", authenticator_absent, FLUFFY_E_AUTH_FAILED },
	{ "another key", authenticator_of_another_key, FLUFFY_E_AUTH_FAILED },
	{ "bad seal", bad_seal, FLUFFY_E_AUTH_FAILED },
	{ "cksum", wrong_cksum, FLUFFY_E_AUTH_FAILED },
	{ "clear name", clear_name, FLUFFY_E_AUTH_FAILED },
	{ "clear realm", clear_realm, FLUFFY_E_AUTH_FAILED },
	{ "name", other_name, FLUFFY_E_AUTH_FAILED },
	{ "realm", other_realm, FLUFFY_E_AUTH_FAILED },
	{ "ticket's name", ticket_name, FLUFFY_E_AUTH_FAILED },
	{ "clock behind", clock_behind, FLUFFY_E_BUSY },
	{ "time ahead", time_ahead, FLUFFY_E_CLOCK_SKEW },
	{ "time behind", time_behind, FLUFFY_E_CLOCK_SKEW },
	{ "replay", estb_seen, FLUFFY_E_REPLAY }
};

static void
try_estb(struct world *w, const struct fault *a, const struct fault *b)
{
	uint64_t was = the_time;
	struct forgery f;
	fluffy_bytes out;
	enum fluffy_error e;

	start_estb(w, &f);
	/* the clock first: others measure from it */
	if (b != NULL && b->make == clock_behind) {
		b->make(&f);
		a->make(&f);
	} else {
		a->make(&f);
		if (b != NULL)
			b->make(&f);
	}
	finish_estb(&f);
	e = step_msg(w, LOCK, f.msg, &no_params, &out);
	if (e != a->code)
		print_error("%s, %s: %s\n", a->name, b == NULL ? "" : b->name,
		    fluffy_error_name(e));
	assert_int_equal(e, a->code);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	check_hint(w, &out, a->code);
	fluffy_msg_free(&f.msg);
	wire_free(&out);
	the_time = was;
}

static void
estbs_are_refused_in_order(void **state)
{
	struct world *w = *state;
	size_t i, k;

	honest(w);
	for (i = 0; i < N_FAULTS(estb_faults); i++) {
		try_estb(w, &estb_faults[i], NULL);
		for (k = i + 1; k < N_FAULTS(estb_faults); k++)
			try_estb(w, &estb_faults[i], &estb_faults[k]);
		honest(w);
	}
}

/* Refused, so nothing of it is kept: the honest one comes through later. */
static void
a_refused_estb_burns_nothing(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);

	x.estb.data[x.estb.len - 1] ^= 1;
	step_refused(w, LOCK, &x.estb, FLUFFY_E_AUTH_FAILED);
	x.estb.data[x.estb.len - 1] ^= 1;
	the_time += 301;
	step_refused(w, LOCK, &x.estb, FLUFFY_E_CLOCK_SKEW);
	the_time -= 1;
	x.ack = stepped(w, LOCK, &x.estb);
	exchange_free(&x);
}

/* Section 7: a signature is for tickets with a public key. */
static void
a_signature_beside_a_symmetric_key_is_malformed(void **state)
{
	struct world *w = *state;
	struct buffer payload = BUFFER(1000);
	struct forgery f;
	fluffy_bytes wire, out;

	start_estb(w, &f);
	cbor_put_struct(&payload, f.part, SKIP_NONE);
	f.msg->authenticator = (struct sealed){ .sign1 = true, .alg = -7,
	    .ciphertext = buffer_view(&payload), .plain = f.part,
	    .signature = BYTES("signed, as it were") };
	wire = to_wire(w, &f.msg);
	assert_int_equal(step(w, LOCK, &wire, &out), FLUFFY_E_MALFORMED);
	check_hint(w, &out, FLUFFY_E_MALFORMED);
	wire_free(&wire);
	wire_free(&out);
	buffer_free(&payload);
	honest(w);
}

static void
a_ticket_is_good_before_its_end(void **state)
{
	struct world *w = *state;
	const fluffy_policy policy = { .lifetime = 100 };
	struct exchange x, y;

	must(w->ctx, fluffy_policy_set(w->skdc, NULL, &policy));
	x = half_exchange(w, SENSOR, LOCK);
	y = half_exchange(w, SENSOR, LOCK);
	the_time = NOW + 99;
	x.ack = stepped(w, LOCK, &x.estb);
	the_time = NOW + 100;
	step_refused(w, LOCK, &y.estb, FLUFFY_E_EXPIRED);
	step_refused(w, SENSOR, &x.ack, FLUFFY_E_EXPIRED);
	exchange_free(&x);
	exchange_free(&y);
	honest(w);
}

/* ---- PSK-REP, at the client ---------------------------------------------- */

static void
start_rep(struct world *w, struct forgery *f)
{
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_bytes rep = asked(w, &req);

	memset(f, 0, sizeof(*f));
	f->w = w;
	f->msg = from_wire(w, &rep);
	wire_free(&req);
	wire_free(&rep);
	f->secret = secret_of_owner(w, "sensor");
	f->key = f->secret.key;
	f->kid = keyid_bytes(&f->secret.kid);
	f->part = open_part(w, f->msg, f->msg, L_receipt, &f->key);
}

static void
finish_rep(struct forgery *f)
{
	reseal(f->w, f->msg, f->msg, L_receipt, f->part, &f->key, f->kid);
	if (f->break_seal)
		spoil(f->msg->receipt.ciphertext);
	f->msg->receipt.plain = NULL;
}

static void
receipt_other_service(struct forgery *f)
{
	set_name(f, &f->part->spname, "lamp");
}

static void
both_other_service(struct forgery *f)
{
	receipt_other_service(f);
	ticket_for_another_service(f);
}

static void
receipt_other_realm(struct forgery *f)
{
	set_name(f, &f->part->sprealm, "far");
	SET(f->part, L_sprealm);
}

static void
receipt_key_deleted(struct forgery *f)
{
	fluffy_store *s = f->w->device[0].store;

	must(f->w->ctx, store_begin(s));
	must(f->w->ctx, store_gone_add(s, f->part->keydata->keyid,
	    the_time + 1000000));
	must(f->w->ctx, store_commit(s));
}

static const struct fault rep_faults[] = {
	{ "another SKDC", ticket_of_another_skdc, FLUFFY_E_WRONG_SKDC },
	{ "its realm", ticket_of_another_skdcrealm, FLUFFY_E_WRONG_SKDC },
	{ "unknown kid", unknown_kid, FLUFFY_E_AUTH_FAILED },
	{ "bad seal", bad_seal, FLUFFY_E_AUTH_FAILED },
	{ "another algorithm", other_algorithm, FLUFFY_E_AUTH_FAILED },
	{ "another iv", shorter_iv, FLUFFY_E_AUTH_FAILED },
	{ "clear name", clear_name, FLUFFY_E_AUTH_FAILED },
	{ "clear realm", clear_realm, FLUFFY_E_AUTH_FAILED },
	{ "receipt's SKDC", receipt_other_skdc, FLUFFY_E_AUTH_FAILED },
	{ "receipt's service", receipt_other_service, FLUFFY_E_AUTH_FAILED },
	{ "receipt's realm", receipt_other_realm, FLUFFY_E_AUTH_FAILED },
	{ "ticket's service", ticket_for_another_service,
	    FLUFFY_E_AUTH_FAILED },
	{ "ticket's realm", ticket_for_another_realm, FLUFFY_E_AUTH_FAILED },
	{ "nonce", nonce_never_asked, FLUFFY_E_REPLAY },
	{ "alg", alg_never_asked, FLUFFY_E_BAD_ETYPE },
	{ "expired", receipt_expired, FLUFFY_E_EXPIRED },
	{ "never good", receipt_never_good, FLUFFY_E_EXPIRED },
	{ "deleted", receipt_key_deleted, FLUFFY_E_NO_SUCH_KEY }
};

static void
try_rep(struct world *w, const struct fault *a, const struct fault *b)
{
	struct forgery f;
	fluffy_bytes out;
	enum fluffy_error e;

	start_rep(w, &f);
	a->make(&f);
	if (b != NULL)
		b->make(&f);
	/* two wrongs would make a right */
	if (b != NULL && a->make == receipt_other_service &&
	    b->make == ticket_for_another_service)
		set_name(&f, &f.part->spname, "sensor");
	if (b != NULL && a->make == receipt_other_realm &&
	    b->make == ticket_for_another_realm)
		set_name(&f, &f.part->sprealm, "away");
	finish_rep(&f);
	e = step_msg(w, SENSOR, f.msg, &no_params, &out);
	if (e != a->code)
		print_error("%s, %s: %s\n", a->name, b == NULL ? "" : b->name,
		    fluffy_error_name(e));
	assert_int_equal(e, a->code);
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	fluffy_msg_free(&f.msg);
}

static void
reps_are_refused_in_order(void **state)
{
	struct world *w = *state;
	size_t i, k;

	for (i = 0; i < N_FAULTS(rep_faults); i++) {
		try_rep(w, &rep_faults[i], NULL);
		for (k = i + 1; k < N_FAULTS(rep_faults); k++)
			try_rep(w, &rep_faults[i], &rep_faults[k]);
		honest(w);
	}
}

/* Answered with another service's name throughout, and properly sealed. */
static void
a_rep_for_another_service_is_refused(void **state)
{
	struct world *w = *state;
	struct forgery f;
	fluffy_bytes out;

	start_rep(w, &f);
	both_other_service(&f);
	finish_rep(&f);
	assert_int_equal(step_msg(w, SENSOR, f.msg, &no_params, &out),
	    FLUFFY_E_AUTH_FAILED);
	assert_null(out.data);
	fluffy_msg_free(&f.msg);
	honest(w);
}

/* A refused answer leaves the request waiting for the right one. */
static void
a_refused_rep_leaves_the_request_pending(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep, estb;

	rep = asked(w, &req);
	rep.data[rep.len - 1] ^= 1;
	step_refused(w, SENSOR, &rep, FLUFFY_E_AUTH_FAILED);
	rep.data[rep.len - 1] ^= 1;
	step_refused(w, LAMP, &rep, FLUFFY_E_AUTH_FAILED);
	estb = stepped(w, SENSOR, &rep);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
}

static void
another_skdc_cannot_answer(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), out;
	fluffy_store *twin, *stranger;
	fluffy_msg *msg;

	/* it doesn't know the kid */
	twin = new_skdc(w, "twin.db", "home", "skdc");
	msg = from_wire(w, &req);
	assert_int_equal(ask_msg(w, twin, msg, &out), FLUFFY_E_AUTH_FAILED);
	wire_free(&out);
	fluffy_msg_free(&msg);
	stranger = new_skdc(w, "stranger.db", "home", "stranger");
	msg = from_wire(w, &req);
	assert_int_equal(ask_msg(w, stranger, msg, &out),
	    FLUFFY_E_WRONG_SKDC);
	wire_free(&out);
	fluffy_msg_free(&msg);
	fluffy_store_close(&twin);
	fluffy_store_close(&stranger);
	out = asked(w, &req);
	wire_free(&out);
	wire_free(&req);
}

/* ---- PSK-ACK, at the client ---------------------------------------------- */

static void
start_ack(struct world *w, struct forgery *f)
{
	const fluffy_extras params = { .has_seqnum = true, .seqnum = 9 };
	fluffy_bytes req = request(w, SENSOR, "lock"), rep, estb, ack;
	struct session session;
	fluffy_msg *msg;

	rep = asked(w, &req);
	msg = from_wire(w, &rep);
	must(w->ctx, step_msg(w, SENSOR, msg, &params, &estb));
	fluffy_msg_free(&msg);
	ack = stepped(w, LOCK, &estb);
	memset(f, 0, sizeof(*f));
	f->w = w;
	f->msg = from_wire(w, &ack);
	must(w->ctx, store_session(LOCK->store, f->msg->ack.kid, true,
	    &session));
	f->key = session.key;
	f->kid = f->msg->ack.kid;
	f->part = open_part(w, f->msg, f->msg, L_ack, &f->key);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	wire_free(&ack);
}

static void
ack_other_service(struct forgery *f)
{
	set_name(f, &f->part->spname, "lamp");
}

static void
ack_other_realm(struct forgery *f)
{
	receipt_other_realm(f);
}

static void
ack_seqnum_same(struct forgery *f)
{
	f->part->seqnum = 9;
}

static void
ack_seqnum_absent(struct forgery *f)
{
	f->part->head.has &= ~label_bit(L_seqnum);
}

static const struct fault ack_faults[] = {
	{ "unknown kid", unknown_kid, FLUFFY_E_AUTH_FAILED },
	{ "bad seal", bad_seal, FLUFFY_E_AUTH_FAILED },
	{ "clear name", clear_name, FLUFFY_E_AUTH_FAILED },
	{ "clear realm", clear_realm, FLUFFY_E_AUTH_FAILED },
	{ "service", ack_other_service, FLUFFY_E_AUTH_FAILED },
	{ "service's realm", ack_other_realm, FLUFFY_E_AUTH_FAILED },
	{ "nonce", nonce_never_asked, FLUFFY_E_REPLAY },
	{ "seqnum", ack_seqnum_same, FLUFFY_E_AUTH_FAILED },
	{ "no seqnum", ack_seqnum_absent, FLUFFY_E_AUTH_FAILED }
};

static void
acks_are_refused(void **state)
{
	struct world *w = *state;
	struct forgery f;
	fluffy_bytes out;
	enum fluffy_error e;
	size_t i;

	for (i = 0; i < N_FAULTS(ack_faults); i++) {
		start_ack(w, &f);
		ack_faults[i].make(&f);
		reseal(w, f.msg, f.msg, L_ack, f.part, &f.key, f.kid);
		if (f.break_seal)
			spoil(f.msg->ack.ciphertext);
		f.msg->ack.plain = NULL;
		e = step_msg(w, SENSOR, f.msg, &no_params, &out);
		if (e != ack_faults[i].code)
			print_error("%s: %s\n", ack_faults[i].name,
			    fluffy_error_name(e));
		assert_int_equal(e, ack_faults[i].code);
		assert_null(out.data);
		fluffy_msg_free(&f.msg);
		honest(w);
	}
}

/* A seqnum that wasn't asked for is as wrong as one that is missing. */
static void
an_ack_has_seqnum_exactly_when_the_estb_had(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	struct session session;
	struct part *part;
	fluffy_bytes out;
	fluffy_msg *msg;

	x.ack = stepped(w, LOCK, &x.estb);
	msg = from_wire(w, &x.ack);
	must(w->ctx, store_session(LOCK->store, msg->ack.kid, true, &session));
	part = open_part(w, msg, msg, L_ack, &session.key);
	assert_false(HAS(part, L_seqnum));
	part->seqnum = 1;
	SET(part, L_seqnum);
	reseal(w, msg, msg, L_ack, part, &session.key, msg->ack.kid);
	assert_int_equal(step_msg(w, SENSOR, msg, &no_params, &out),
	    FLUFFY_E_AUTH_FAILED);
	fluffy_msg_free(&msg);
	(void)stepped(w, SENSOR, &x.ack);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	exchange_free(&x);
}

/* ---- parts that were moved ----------------------------------------------- */

static void
parts_swapped_between_sessions(void **state)
{
	struct world *w = *state;
	fluffy_bytes req[2], rep[2], estb[2], ack[2];
	int i;

	req[0] = request(w, SENSOR, "lock");
	req[1] = request(w, SENSOR, "lamp");
	swap_sealed(w, &req[0], &req[1], authenticator_in);
	ask_refused(w, &req[0], FLUFFY_E_AUTH_FAILED);
	ask_refused(w, &req[1], FLUFFY_E_AUTH_FAILED);
	swap_sealed(w, &req[0], &req[1], authenticator_in);
	wire_free(&req[1]);
	/* from here on both for the same service */
	req[1] = request(w, SENSOR, "lock");
	rep[0] = asked(w, &req[0]);
	rep[1] = asked(w, &req[1]);
	swap_sealed(w, &rep[0], &rep[1], receipt_in);
	step_refused(w, SENSOR, &rep[0], FLUFFY_E_AUTH_FAILED);
	step_refused(w, SENSOR, &rep[1], FLUFFY_E_AUTH_FAILED);
	swap_sealed(w, &rep[0], &rep[1], receipt_in);
	swap_sealed(w, &rep[0], &rep[1], enc_part_in);
	step_refused(w, SENSOR, &rep[0], FLUFFY_E_AUTH_FAILED);
	swap_sealed(w, &rep[0], &rep[1], enc_part_in);
	estb[0] = stepped(w, SENSOR, &rep[0]);
	estb[1] = stepped(w, SENSOR, &rep[1]);
	swap_sealed(w, &estb[0], &estb[1], authenticator_in);
	step_refused(w, LOCK, &estb[0], FLUFFY_E_AUTH_FAILED);
	step_refused(w, LOCK, &estb[1], FLUFFY_E_AUTH_FAILED);
	swap_sealed(w, &estb[0], &estb[1], authenticator_in);
	swap_sealed(w, &estb[0], &estb[1], enc_part_in);
	step_refused(w, LOCK, &estb[0], FLUFFY_E_AUTH_FAILED);
	step_refused(w, LOCK, &estb[1], FLUFFY_E_AUTH_FAILED);
	swap_sealed(w, &estb[0], &estb[1], enc_part_in);
	ack[0] = stepped(w, LOCK, &estb[0]);
	ack[1] = stepped(w, LOCK, &estb[1]);
	/* an ack's own kid goes with it: swapped whole, nothing has changed */
	swap_sealed(w, &ack[0], &ack[1], ack_in);
	(void)stepped(w, SENSOR, &ack[0]);
	(void)stepped(w, SENSOR, &ack[1]);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	for (i = 0; i < 2; i++) {
		wire_free(&req[i]);
		wire_free(&rep[i]);
		wire_free(&estb[i]);
		wire_free(&ack[i]);
	}
	honest(w);
}

/* Another client takes somebody's ticket, with an authenticator of its own. */
static void
a_stolen_ticket_is_worth_nothing(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	struct exchange y = half_exchange(w, LAMP, LOCK);

	swap_sealed(w, &x.estb, &y.estb, enc_part_in);
	step_refused(w, LOCK, &x.estb, FLUFFY_E_AUTH_FAILED);
	step_refused(w, LOCK, &y.estb, FLUFFY_E_AUTH_FAILED);
	exchange_free(&x);
	exchange_free(&y);
	honest(w);
}

/* The draft's flaw: an authenticator passed off in another type of message. */
static void
an_authenticator_belongs_to_its_message_type(void **state)
{
	static const enum fluffy_type types[] = {
		FLUFFY_GSK_REQ, FLUFFY_GSK_FET, FLUFFY_PKP_REQ
	};
	struct world *w = *state;
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_msg *msg = from_wire(w, &req);
	size_t i;

	for (i = 0; i < 3; i++) {
		msg->head.schema = message_schema(types[i]);
		msg->type = types[i];
		assert_int_equal(seal_open(w->ctx, msg, msg, L_authenticator,
		    &secret.key), FLUFFY_E_AUTH_FAILED);
	}
	msg->head.schema = message_schema(FLUFFY_PSK_REQ);
	msg->type = FLUFFY_PSK_REQ;
	must(w->ctx, seal_open(w->ctx, msg, msg, L_authenticator,
	    &secret.key));
	fluffy_msg_free(&msg);
	wire_free(&req);
}

/* Unknown members are authenticated like the rest (section 1). */
static void
added_members_break_the_seal(void **state)
{
	struct world *w = *state;
	fluffy_bytes req, rep, out;
	fluffy_msg *msg;
	struct extra extra = { BYTES("\x19\x03\xe8"), BYTES("\x01") };

	req = request(w, SENSOR, "lock");
	msg = from_wire(w, &req);
	msg->body->head.extras = &extra;
	msg->body->head.n_extras = 1;
	assert_int_equal(ask_msg(w, w->skdc, msg, &out),
	    FLUFFY_E_AUTH_FAILED);
	wire_free(&out);
	msg->body->head.n_extras = 0;
	/* empty flags aren't absent ones */
	SET(msg->body, L_skdc_options);
	assert_int_equal(ask_msg(w, w->skdc, msg, &out),
	    FLUFFY_E_AUTH_FAILED);
	wire_free(&out);
	msg->body->head.has &= ~label_bit(L_skdc_options);
	/* an array of one isn't the one */
	msg->body->etype.bare = !msg->body->etype.bare;
	assert_int_equal(ask_msg(w, w->skdc, msg, &out),
	    FLUFFY_E_AUTH_FAILED);
	wire_free(&out);
	msg->body->etype.bare = !msg->body->etype.bare;
	must(w->ctx, ask_msg(w, w->skdc, msg, &rep));
	fluffy_msg_free(&msg);
	wire_free(&rep);
	wire_free(&req);
}

/* ---- ERROR, at the client ------------------------------------------------ */

static void
take_error(struct world *w, struct device_store *d, fluffy_msg *error,
    enum fluffy_outcome_kind kind)
{
	fluffy_bytes out;

	must(w->ctx, step_msg(w, d, error, &no_params, &out));
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, kind);
}

static void
a_proven_error_ends_the_request(void **state)
{
	static const enum fluffy_error ends[] = {
		FLUFFY_E_CLOCK_SKEW, FLUFFY_E_UNKNOWN_SERVICE,
		FLUFFY_E_BAD_ETYPE, FLUFFY_E_NOT_PERMITTED, FLUFFY_E_INTERNAL
	};
	struct world *w = *state;
	fluffy_bytes req, rep;
	fluffy_msg *error;
	size_t i;

	for (i = 0; i < N_FAULTS(ends); i++) {
		req = request(w, SENSOR, "lock");
		rep = asked(w, &req);
		error = make_error(w, &req, ends[i]);
		take_error(w, SENSOR, error, FLUFFY_ERROR_PROVEN);
		step_refused(w, SENSOR, &rep, FLUFFY_E_REPLAY);
		/* the same ERROR again is about nothing */
		take_error(w, SENSOR, error, FLUFFY_ERROR_HINT);
		fluffy_msg_free(&error);
		wire_free(&req);
		wire_free(&rep);
	}
	honest(w);
}

static void
replay_and_busy_end_nothing(void **state)
{
	static const enum fluffy_error codes[] = {
		FLUFFY_E_REPLAY, FLUFFY_E_BUSY
	};
	struct world *w = *state;
	fluffy_bytes req, rep, estb;
	fluffy_msg *error;
	size_t i;

	for (i = 0; i < 2; i++) {
		req = request(w, SENSOR, "lock");
		rep = asked(w, &req);
		error = make_error(w, &req, codes[i]);
		take_error(w, SENSOR, error, FLUFFY_ERROR_PROVEN);
		take_error(w, SENSOR, error, FLUFFY_ERROR_PROVEN);
		estb = stepped(w, SENSOR, &rep);
		fluffy_msg_free(&error);
		wire_free(&req);
		wire_free(&rep);
		wire_free(&estb);
	}
}

static void
forge_nothing(fluffy_msg *error)
{
	(void)error;
}

static void
forge_seal(fluffy_msg *error)
{
	spoil(error->ack.ciphertext);
}

static void
forge_kid(fluffy_msg *error)
{
	spoil(error->ack.kid);
}

static void
forge_code(fluffy_msg *error)
{
	error->error_code = FLUFFY_E_EXPIRED;
}

static void
forge_text(fluffy_msg *error)
{
	error->e_text = BYTES("boo");
	SET(error, L_e_text);
}

static void
forge_no_ack(fluffy_msg *error)
{
	error->head.has &= ~label_bit(L_ack);
}

static void
forge_no_name(fluffy_msg *error)
{
	error->head.has &= ~label_bit(L_cname);
}

static void
forged_errors_leave_the_request_pending(void **state)
{
	static void (*const forgeries[])(fluffy_msg *) = {
		forge_seal, forge_kid, forge_code, forge_text, forge_no_ack,
		forge_no_name
	};
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep, estb;
	fluffy_msg *error;
	size_t i;

	rep = asked(w, &req);
	for (i = 0; i < N_FAULTS(forgeries); i++) {
		error = make_error(w, &req, FLUFFY_E_NOT_PERMITTED);
		forge_nothing(error);
		forgeries[i](error);
		error->ack.plain = NULL;
		take_error(w, SENSOR, error, FLUFFY_ERROR_HINT);
		fluffy_msg_free(&error);
	}
	/* somebody else's ERROR, for the same request */
	error = make_error(w, &req, FLUFFY_E_NOT_PERMITTED);
	take_error(w, LAMP, error, FLUFFY_ERROR_HINT);
	fluffy_msg_free(&error);
	estb = stepped(w, SENSOR, &rep);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	honest(w);
}

/* Sealed as it should be, but with other names or for no request. */
static void
errors_that_fit_nothing_are_hints(void **state)
{
	struct world *w = *state;
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_bytes req = request(w, SENSOR, "lock"), rep, estb;
	fluffy_msg *error;
	struct part *part;
	int i;

	rep = asked(w, &req);
	for (i = 0; i < 6; i++) {
		error = make_error(w, &req, FLUFFY_E_NOT_PERMITTED);
		part = open_part(w, error, error, L_ack, &secret.key);
		if (i == 0)
			part->skdcname = BYTES("other");
		else if (i == 1)
			part->nonce = BYTES("12345678");
		else if (i == 2)
			error->skdcname = BYTES("other");
		else if (i == 3)
			error->skdcrealm = BYTES("far");
		else if (i == 4)
			error->cname = BYTES("lamp");
		else
			error->crealm = BYTES("far");
		reseal(w, error, error, L_ack, part, &secret.key,
		    keyid_bytes(&secret.kid));
		error->ack.plain = NULL;
		take_error(w, SENSOR, error, FLUFFY_ERROR_HINT);
		fluffy_msg_free(&error);
	}
	estb = stepped(w, SENSOR, &rep);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
}

/* A PSK-ESTB's nonce isn't one that the SKDC was asked with. */
static void
an_error_cannot_end_an_estb(void **state)
{
	struct world *w = *state;
	struct secret secret = secret_of_owner(w, "sensor");
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	fluffy_msg *error = make_error(w, &x.req, FLUFFY_E_NOT_PERMITTED);
	struct part *part, *auth;
	struct session session;
	fluffy_msg *estb = from_wire(w, &x.estb);
	fluffy_bytes ack;

	part = open_part(w, error, error, L_ack, &secret.key);
	ack = stepped(w, LOCK, &x.estb);
	must(w->ctx, store_session(LOCK->store, bytes_of(w->outcome.keyid,
	    w->outcome.keyid_len), true, &session));
	auth = open_part(w, estb, estb, L_authenticator, &session.key);
	part->nonce = auth->nonce;
	reseal(w, error, error, L_ack, part, &secret.key,
	    keyid_bytes(&secret.kid));
	error->ack.plain = NULL;
	take_error(w, SENSOR, error, FLUFFY_ERROR_HINT);
	(void)stepped(w, SENSOR, &ack);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	fluffy_msg_free(&error);
	fluffy_msg_free(&estb);
	wire_free(&ack);
	exchange_free(&x);
}

/* ---- what asking refuses ------------------------------------------------- */

static void
requests_that_cannot_be_made(void **state)
{
	static const struct {
		fluffy_psk_params params;
		const char *field;
	} cases[] = {
		{ { .service = "" }, "service" },
		{ { .service = "a\nb" }, "service" },
		{ { .service = "\xff" }, "service" },
		{ { .service = "lock", .realm = "" }, "realm" },
		{ { .service = "lock", .etype = "ES256" }, "etype" },
		{ { .service = "lock", .etype = "" }, "etype" },
		{ { .service = "lock", .cpac = "{" }, "cpac" },
		{ { .service = "lock", .cpac = "1,2" }, "cpac" },
		{ { .service = "lock", .cpac = "" }, "cpac" },
		{ { .service = "lock", .cpac = "9007199254740992" }, "cpac" },
		{ { .service = "lock", .extras.ext = "{\"a\":1,\"a\":1}" }, "ext" },
		{ { .service = "lock", .extras.ext = "1]" }, "ext" },
		{ { .service = "lock", .extras.ext = "1],[2" }, "ext" }
	};
	struct world *w = *state;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < N_FAULTS(cases); i++) {
		refused_at(w->ctx, fluffy_psk_request(SENSOR->store,
		    &cases[i].params, &msg), FLUFFY_E_USAGE, cases[i].field);
		assert_null(msg);
	}
	honest(w);
}

/* A JSON text that has so many bytes in CBOR, three of them its head. */
static char *
text_of(size_t n)
{
	char *json = malloc(n);

	assert_non_null(json);
	memset(json, 'x', n);
	json[0] = json[n - 2] = '"';
	json[n - 1] = '\0';
	return json;
}

static size_t
waiting(struct world *w)
{
	static struct lines lines;
	const char *at;
	size_t n = 0;

	start_lines(&lines);
	must(w->ctx, fluffy_list(SENSOR->store, add_line, &lines));
	for (at = lines.text; (at = strstr(at, "pending")) != NULL; at++)
		n++;
	return n;
}

/* It can be read again, or there was none. */
static void
fits_or_is_refused(struct world *w, enum fluffy_error e, fluffy_msg **made)
{
	fluffy_bytes wire;

	if (e == FLUFFY_OK) {
		wire = to_wire(w, made);
		*made = from_wire(w, &wire);
		fluffy_msg_free(made);
		wire_free(&wire);
	} else
		expect(w, e, FLUFFY_E_MALFORMED);
	assert_null(*made);
}

/*
 * Nothing over 65,536 bytes is made, be it without its seal or with it, and
 * no request for it waits.
 */
static void
what_would_be_too_large_is_not_made(void **state)
{
	struct world *w = *state;
	size_t size, n, made = 0;

	for (size = FLUFFY_MAX_EMITTED - 420; size <= FLUFFY_MAX_EMITTED;
	    size += 20) {
		char *large = text_of(size);
		const fluffy_extras extras = { .ext = large };
		fluffy_bytes req = request(w, SENSOR, "lock"),
		    rep = asked(w, &req);
		fluffy_msg *in = from_wire(w, &rep), *out;
		enum fluffy_error e;

		n = waiting(w);
		e = fluffy_psk_request(SENSOR->store, &(fluffy_psk_params){
		    .service = "lock", .extras = extras }, &out);
		made += e == FLUFFY_OK;
		assert_int_equal(waiting(w), n + (e == FLUFFY_OK));
		fits_or_is_refused(w, e, &out);
		e = fluffy_estb(SENSOR->store, in, &extras, &out,
		    &w->outcome);
		made += e == FLUFFY_OK;
		fits_or_is_refused(w, e, &out);
		fluffy_msg_free(&in);
		free(large);
		/* a refused answer is good still */
		if (e != FLUFFY_OK) {
			fluffy_bytes estb = stepped(w, SENSOR, &rep);

			wire_free(&estb);
		}
		wire_free(&req);
		wire_free(&rep);
	}
	assert_in_range(made, 2, 41);
	honest(w);
}

/* It is in the answer twice. */
static void
cpac_has_a_limit(void **state)
{
	struct world *w = *state;
	size_t over;

	for (over = 0; over < 2; over++) {
		char *json = text_of(CPAC_MAX + over);
		fluffy_bytes req = request_with(w, SENSOR,
		    &(fluffy_psk_params){ .service = "lock", .cpac = json });
		fluffy_bytes out;

		expect(w, ask(w, &req, &out), over ? FLUFFY_E_NOT_PERMITTED :
		    FLUFFY_OK);
		if (over)
			check_error(w, &out, FLUFFY_E_NOT_PERMITTED);
		free(json);
		wire_free(&req);
		wire_free(&out);
	}
	honest(w);
}

/* ---- a batch in which the store fails ------------------------------------ */

/* "When commit fails nothing of the batch was promised." */
static void
a_broken_batch_promises_nothing(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), wire, rep;
	fluffy_msg *in = from_wire(w, &req), *out;

	must(w->ctx, fluffy_skdc_begin(w->skdc));
	must(w->ctx, answer_one(w->skdc, in, &out));
	fluffy_msg_free(&out);
	fluffy_msg_free(&in);
	fluffy_skdc_broken(w->skdc);
	in = from_wire(w, &req);
	assert_int_equal(answer_one(w->skdc, in, &out),
	    FLUFFY_E_INTERNAL);
	wire = to_wire(w, &out);
	out = from_wire(w, &wire);
	assert_int_equal(out->error_code, FLUFFY_E_INTERNAL);
	fluffy_msg_free(&out);
	fluffy_msg_free(&in);
	wire_free(&wire);
	/* so the same bytes are answered when the store works again */
	rep = asked(w, &req);
	wire_free(&rep);
	wire_free(&req);
	honest(w);
}

static void
many_requests_share_a_commit(void **state)
{
	struct world *w = *state;
	fluffy_bytes req[20], rep[20], out;
	fluffy_msg *in, *answer;
	int i;

	for (i = 0; i < 20; i++)
		req[i] = request(w, i % 2 == 0 ? SENSOR : LAMP, "lock");
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	for (i = 0; i < 20; i++) {
		in = from_wire(w, &req[i]);
		must(w->ctx, answer_one(w->skdc, in, &answer));
		rep[i] = to_wire(w, &answer);
		/* a refusal within a batch takes nothing from the others */
		assert_int_equal(answer_one(w->skdc, in, &answer),
		    FLUFFY_E_REPLAY);
		fluffy_msg_free(&answer);
		fluffy_msg_free(&in);
	}
	must(w->ctx, fluffy_skdc_commit(w->skdc));
	for (i = 0; i < 20; i++) {
		out = stepped(w, i % 2 == 0 ? SENSOR : LAMP, &rep[i]);
		wire_free(&out);
		ask_refused(w, &req[i], FLUFFY_E_REPLAY);
		wire_free(&req[i]);
		wire_free(&rep[i]);
	}
}

/* No name is empty (section 2): one that is absent isn't told as such. */
static void
a_name_that_isnt_there_is_told_as_none(void **state)
{
	static const struct {
		struct bytes found, expected;
		const char *text;
	} all[] = {
		{ BYTES("x"), BYTES("lock"), "expected \"lock\", found \"x\"" },
		{ { NULL, 0 }, BYTES("lock"), "expected \"lock\", found none" },
		{ BYTES("x"), { NULL, 0 }, "expected none, found \"x\"" }
	};
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_msg *msg = from_wire(w, &req);

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		refused_at(w->ctx, check_name(w->ctx, msg, "cname",
		    all[i].found, all[i].expected), FLUFFY_E_AUTH_FAILED,
		    "PSK-REQ.cname");
		assert_string_equal(fluffy_why(w->ctx).text, all[i].text);
	}
	fluffy_msg_free(&msg);
	wire_free(&req);
	honest(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_are_refused_in_order),
		TEST(an_untouched_forgery_is_taken),
		TEST(an_unknown_kid_looks_like_a_bad_seal),
		TEST(another_devices_key_under_a_foreign_name),
		TEST(bad_plaintexts_are_malformed_and_have_no_ack),
		TEST(malformed_requests_are_answered),
		TEST(a_service_answers_malformed_estbs),
		TEST(what_is_no_request_is_not_answered),
		TEST(stores_have_their_roles),
		TEST(estbs_are_refused_in_order),
		TEST(a_refused_estb_burns_nothing),
		TEST(a_signature_beside_a_symmetric_key_is_malformed),
		TEST(a_ticket_is_good_before_its_end),
		TEST(reps_are_refused_in_order),
		TEST(a_rep_for_another_service_is_refused),
		TEST(a_refused_rep_leaves_the_request_pending),
		TEST(another_skdc_cannot_answer),
		TEST(acks_are_refused),
		TEST(an_ack_has_seqnum_exactly_when_the_estb_had),
		TEST(parts_swapped_between_sessions),
		TEST(a_stolen_ticket_is_worth_nothing),
		TEST(an_authenticator_belongs_to_its_message_type),
		TEST(added_members_break_the_seal),
		TEST(a_proven_error_ends_the_request),
		TEST(replay_and_busy_end_nothing),
		TEST(forged_errors_leave_the_request_pending),
		TEST(errors_that_fit_nothing_are_hints),
		TEST(an_error_cannot_end_an_estb),
		TEST(requests_that_cannot_be_made),
		TEST(what_would_be_too_large_is_not_made),
		TEST(cpac_has_a_limit),
		TEST(a_name_that_isnt_there_is_told_as_none),
		TEST(a_broken_batch_promises_nothing),
		TEST(many_requests_share_a_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

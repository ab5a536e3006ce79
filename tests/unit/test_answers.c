/*
 * test_answers.c - an answer is for the request that waits for it, and for no
 * other (section 6), however well it is sealed
 */
#include "scenes.h"

#include "policy.h"

/* ---- what the SKDC could send -------------------------------------------- */

static fluffy_bytes
make_psk_rep(struct world *w)
{
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);

	wire_free(&req);
	return rep;
}

static enum fluffy_error
give_estb(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	return step_msg(w, SENSOR, in, &no_params, out);
}

static const struct scene psk_rep = { "PSK-REP", L_receipt, "sensor",
	make_psk_rep, give_estb };

/* Forged, sealed, sent; refused there. The forgery is used up. */
static void
judged_at(struct world *w, struct forgery *f, const struct scene *scene,
    enum fluffy_error code, const char *field)
{
	fluffy_bytes out;

	forge_seal(f, scene);
	refused_at(w->ctx, give_again(w, scene, &f->msg, &out), code, field);
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	wire_free(&out);
}

static struct bytes
nonce_of(struct world *w, const fluffy_bytes *wire, int label,
    struct arena *arena)
{
	fluffy_msg *msg = opened(w, wire);
	struct bytes nonce = arena_dup(arena,
	    sealed_member(msg, label)->plain->nonce);

	fluffy_msg_free(&msg);
	assert_int_equal(nonce.n, 8);
	return nonce;
}

static void
an_answer_is_of_the_kind_that_was_asked_for(void **state)
{
	struct world *w = *state;
	struct arena arena = { NULL, false };
	fluffy_bytes fetch = make_gsk_fet(w);
	struct forgery f;

	forge(w, &f, &psk_rep);
	f.part->nonce = nonce_of(w, &fetch, L_authenticator, &arena);
	judged_at(w, &f, &psk_rep, FLUFFY_E_REPLAY, "PSK-REP.receipt.nonce");
	/* what it asked for may still come */
	wire_free(&fetch);
	arena_free(&arena);
	honest(w);
	honest_group(w);
}

static void
a_receipt_names_the_tickets_skdc(void **state)
{
	struct world *w = *state;
	struct forgery f;

	forge(w, &f, &psk_rep);
	set_name(&f, &f.part->skdcrealm, "far");
	judged_at(w, &f, &psk_rep, FLUFFY_E_AUTH_FAILED,
	    "PSK-REP.receipt.skdcrealm");
	forge(w, &f, &psk_rep);
	set_name(&f, &f.part->skdcname, "other");
	judged_at(w, &f, &psk_rep, FLUFFY_E_AUTH_FAILED,
	    "PSK-REP.receipt.skdcname");
	honest(w);
}

/* Section 1: unknown members are kept, and authenticated like the rest. */
static void
what_a_ticket_has_more_goes_on_to_its_service(void **state)
{
	struct world *w = *state;
	struct secret lock = secret_of_owner(w, "lock");
	struct extra extra = { .label = BYTES("\x19\x10\x00"),
	    .value = BYTES("\x81\x01") };
	struct forgery f;
	struct part *ticket;
	fluffy_bytes rep, estb, ack;
	fluffy_msg *msg;
	struct mticket *t;

	forge(w, &f, &psk_rep);
	t = f.msg->mticket;
	ticket = open_part(w, f.msg, t, L_enc_part, &lock.key);
	t->head.extras = &extra;
	t->head.n_extras = 1;
	reseal(w, f.msg, t, L_enc_part, ticket, &lock.key,
	    keyid_bytes(&lock.kid));
	forge_seal(&f, &psk_rep);
	rep = to_wire(w, &f.msg);
	estb = stepped(w, SENSOR, &rep);
	msg = from_wire(w, &estb);
	assert_int_equal(msg->mticket->head.n_extras, 1);
	assert_bytes(msg->mticket->head.extras[0].label, extra.label);
	assert_bytes(msg->mticket->head.extras[0].value, extra.value);
	fluffy_msg_free(&msg);
	ack = stepped(w, LOCK, &estb);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ACCEPTED);
	wire_free(&ack);
	/* but not what somebody adds to it */
	wire_free(&estb);
	wire_free(&rep);
	forge(w, &f, &psk_rep);
	f.msg->mticket->head.extras = &extra;
	f.msg->mticket->head.n_extras = 1;
	forge_seal(&f, &psk_rep);
	rep = to_wire(w, &f.msg);
	estb = stepped(w, SENSOR, &rep);
	step_refused(w, LOCK, &estb, FLUFFY_E_AUTH_FAILED);
	wire_free(&estb);
	wire_free(&rep);
	honest(w);
}

/* Both kinds of pair agree on keys by the same algorithm. */
static void
a_pair_is_of_the_type_that_was_asked_for(void **state)
{
	struct world *w = *state;
	fluffy_bytes ec = kind_wire(w, &kinds[3], NULL), ec_rep, okp_rep;
	fluffy_bytes okp = kind_wire(w, &kinds[5], NULL);
	struct scene scene = pkp_rep;
	struct forgery f;
	fluffy_msg *other;

	assert_int_equal(kinds[3].alg, kinds[5].alg);
	ec_rep = asked(w, &ec);
	okp_rep = asked(w, &okp);
	other = opened(w, &okp_rep);
	forge_from(w, &f, &scene, &ec_rep);
	f.part->keydata = other->receipt.plain->keydata;
	judged_at(w, &f, &scene, FLUFFY_E_BAD_ETYPE,
	    "PKP-REP.receipt.keydata.kty");
	fluffy_msg_free(&other);
	wire_free(&ec);
	wire_free(&okp);
	wire_free(&ec_rep);
	wire_free(&okp_rep);
	honest_pair(w);
}

/* ---- PSK-ACK ------------------------------------------------------------- */

/* The lock says something else under the session key. */
struct lie {
	fluffy_msg *msg;
	struct session session;
	struct bytes kid;
};

static struct lie
start_lie(struct world *w)
{
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	struct lie lie;

	x.ack = stepped(w, LOCK, &x.estb);
	lie.msg = from_wire(w, &x.ack);
	lie.kid = lie.msg->ack.kid;
	must(w->ctx, store_session(LOCK->store, lie.kid, AS_SERVICE,
	    &lie.session));
	(void)open_part(w, lie.msg, lie.msg, L_ack, &lie.session.key);
	exchange_free(&x);
	return lie;
}

static void
lie_is_refused(struct world *w, struct lie *lie, struct bytes nonce)
{
	struct part *part = lie->msg->ack.plain;
	fluffy_bytes wire;

	part->nonce = nonce;
	reseal(w, lie->msg, lie->msg, L_ack, part, &lie->session.key,
	    lie->kid);
	wire = to_wire(w, &lie->msg);
	step_refused(w, SENSOR, &wire, FLUFFY_E_REPLAY);
	assert_string_equal(fluffy_why(w->ctx).field, "PSK-ACK.ack.nonce");
	wire_free(&wire);
}

static void
an_ack_is_for_a_ticket_that_was_shown(void **state)
{
	struct world *w = *state;
	struct arena arena = { NULL, false };
	fluffy_bytes req = request(w, SENSOR, "lamp");
	struct bytes nonce = nonce_of(w, &req, L_authenticator, &arena);
	struct lie lie = start_lie(w);

	lie_is_refused(w, &lie, nonce);
	arena_free(&arena);
	wire_free(&req);
	honest(w);
}

/* It confirms one key, not another that the same two share. */
static void
an_ack_is_for_the_key_it_is_sealed_under(void **state)
{
	struct world *w = *state;
	struct lie first = start_lie(w), second = start_lie(w);

	lie_is_refused(w, &first, second.msg->ack.plain->nonce);
	fluffy_msg_free(&second.msg);
	honest(w);
}

/* ---- ERROR --------------------------------------------------------------- */

/* That the request isn't permitted, with its ack open. */
static fluffy_msg *
refusal_of(struct world *w, const fluffy_bytes *req)
{
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_msg *error = make_error(w, req, FLUFFY_E_NOT_PERMITTED);

	(void)open_part(w, error, error, L_ack, &secret.key);
	return error;
}

/* What the sensor makes of it. */
static enum fluffy_outcome_kind
told(struct world *w, fluffy_msg **error)
{
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_bytes wire, nothing;

	reseal(w, *error, *error, L_ack, (*error)->ack.plain, &secret.key,
	    keyid_bytes(&secret.kid));
	wire = to_wire(w, error);
	nothing = stepped(w, SENSOR, &wire);
	assert_null(nothing.data);
	wire_free(&wire);
	return w->outcome.kind;
}

/* Section 5: they are optional; what proves an ERROR is its ack. */
static void
an_errors_clear_names_may_be_left_out(void **state)
{
	static const int labels[] = { L_skdcname, L_skdcrealm, L_crealm,
		L_cname };
	struct world *w = *state;
	fluffy_bytes req;
	fluffy_msg *error;
	size_t i;

	for (i = 0; i < 4; i++) {
		req = request(w, SENSOR, "lock");
		error = refusal_of(w, &req);
		assert_true(HAS(error, labels[i]));
		error->head.has &= ~label_bit(labels[i]);
		assert_int_equal(told(w, &error), FLUFFY_ERROR_PROVEN);
		wire_free(&req);
	}
}

static void
an_errors_clear_names_are_the_right_ones(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep, estb;
	fluffy_msg *error;
	struct bytes *members[4];
	size_t i;

	for (i = 0; i < 4; i++) {
		error = refusal_of(w, &req);
		members[0] = &error->skdcname;
		members[1] = &error->skdcrealm;
		members[2] = &error->crealm;
		members[3] = &error->cname;
		*members[i] = BYTES("other");
		assert_int_equal(told(w, &error), FLUFFY_ERROR_HINT);
	}
	/* the request still waits */
	rep = asked(w, &req);
	estb = stepped(w, SENSOR, &rep);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_RECEIVED);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
}

static void
an_error_is_for_what_the_skdc_was_asked(void **state)
{
	struct world *w = *state;
	struct exchange x = half_exchange(w, SENSOR, LOCK);
	struct arena arena = { NULL, false };
	struct session session;
	fluffy_bytes nothing, ack, req = request(w, SENSOR, "lamp");
	fluffy_msg *error, *estb = from_wire(w, &x.estb);
	struct part *part;

	/* the nonce of the PSK-ESTB, which only the session key tells */
	must(w->ctx, store_session(SENSOR->store, bytes_of(w->outcome.keyid,
	    w->outcome.keyid_len), AS_CLIENT, &session));
	part = open_part(w, estb, estb, L_authenticator, &session.key);
	error = refusal_of(w, &req);
	error->ack.plain->nonce = arena_dup(&arena, part->nonce);
	assert_int_equal(told(w, &error), FLUFFY_ERROR_HINT);
	/* the PSK-ESTB still waits for its PSK-ACK */
	ack = stepped(w, LOCK, &x.estb);
	nothing = stepped(w, SENSOR, &ack);
	assert_null(nothing.data);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	fluffy_msg_free(&estb);
	wire_free(&ack);
	wire_free(&req);
	arena_free(&arena);
	exchange_free(&x);
}

/* ---- what an SKDC's ERROR says ------------------------------------------- */

/* Section 6: never with malformed, bad-version, wrong-skdc or auth-failed. */
static void
an_ack_is_there_exactly_when_it_may_be(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_msg *error;
	int code;
	bool never;

	for (code = FLUFFY_E_MALFORMED; code <= FLUFFY_E_EXPIRED; code++) {
		never = code == FLUFFY_E_MALFORMED ||
		    code == FLUFFY_E_BAD_VERSION ||
		    code == FLUFFY_E_WRONG_SKDC ||
		    code == FLUFFY_E_AUTH_FAILED;
		error = make_error(w, &req, (enum fluffy_error)code);
		assert_int_equal(error->error_code, code);
		assert_int_equal(HAS(error, L_ack), !never);
		assert_int_equal(HAS(error, L_cname), !never);
		assert_int_equal(HAS(error, L_crealm), !never);
		assert_true(HAS(error, L_skdcname));
		fluffy_msg_free(&error);
	}
	wire_free(&req);
}

/* The ERROR that is said now; its e-text, if any, in text. */
static bool
reason(struct world *w, enum fluffy_error code, char text[256])
{
	fluffy_msg *error;
	bool has;

	must(w->ctx, error_make(w->skdc, NULL, code, &error));
	has = HAS(error, L_e_text);
	if (has)
		(void)snprintf(text, 256, "%.*s", (int)error->e_text.n,
		    (const char *)error->e_text.p);
	fluffy_msg_free(&error);
	return has;
}

static void
only_what_is_malformed_is_explained(void **state)
{
	struct world *w = *state;
	char text[256];

	(void)fluffy_fail_at(w->ctx, FLUFFY_E_MALFORMED, "PSK-REQ", "no");
	assert_true(reason(w, FLUFFY_E_MALFORMED, text));
	assert_string_equal(text, "PSK-REQ: no");
	/* that reason is another failure's */
	assert_false(reason(w, FLUFFY_E_BAD_VERSION, text));
	(void)fluffy_fail_at(w->ctx, FLUFFY_E_BAD_VERSION, "", "too new");
	assert_true(reason(w, FLUFFY_E_BAD_VERSION, text));
	assert_string_equal(text, "too new");
	(void)fluffy_fail_at(w->ctx, FLUFFY_E_NOT_PERMITTED, "", "secret");
	assert_false(reason(w, FLUFFY_E_NOT_PERMITTED, text));
	(void)fluffy_fail_at(w->ctx, FLUFFY_E_MALFORMED, "", "%s", "");
	assert_true(reason(w, FLUFFY_E_MALFORMED, text));
	assert_string_equal(text, "");
}

/* e-text is text: 255 bytes at most, and no half characters. */
static void
an_explanation_ends_with_a_whole_character(void **state)
{
	struct world *w = *state;
	char long_name[401], text[256];
	int shift;
	size_t n;

	for (shift = 0; shift < 3; shift++) {
		n = 0;
		while (n < (size_t)shift)
			long_name[n++] = 'x';
		while (n + 3 <= 300) {
			memcpy(long_name + n, "\xe2\x82\xac", 3);
			n += 3;
		}
		long_name[n] = '\0';
		(void)fluffy_fail_at(w->ctx, FLUFFY_E_MALFORMED, "", "%s",
		    long_name);
		assert_true(reason(w, FLUFFY_E_MALFORMED, text));
		assert_int_equal(strlen(text), shift + (255 - shift) / 3 * 3);
		assert_true(utf8_valid(bytes_str(text)));
	}
}

/* ---- what the caller is told --------------------------------------------- */

static void
note(void *arg, enum fluffy_type type, const char *check,
    enum fluffy_error verdict)
{
	char *text = arg;
	size_t n = strlen(text);

	(void)snprintf(text + n, 300 - n, "%s%s:%s=%s", n == 0 ? "" : " ",
	    fluffy_type_name(type), check, fluffy_error_name(verdict));
}

/* The order of section 6, up to the first that fails. */
static void
each_check_is_told_once(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);
	fluffy_bytes out;
	char text[300] = "";

	fluffy_ctx_set_checked(w->ctx, note, text);
	expect(w, ask(w, &req, &out), FLUFFY_E_REPLAY);
	assert_string_equal(text, "PSK-REQ:skdc=ok PSK-REQ:seal=ok "
	    "PSK-REQ:names=ok PSK-REQ:clock=ok PSK-REQ:time=ok "
	    "PSK-REQ:nonce=replay");
	wire_free(&out);
	text[0] = '\0';
	out = stepped(w, SENSOR, &rep);
	assert_string_equal(text, "PSK-REP:skdc=ok PSK-REP:seal=ok "
	    "PSK-REP:names=ok PSK-REP:pending=ok PSK-REP:etype=ok "
	    "PSK-REP:endtime=ok PSK-REP:deleted=ok");
	fluffy_ctx_set_checked(w->ctx, NULL, NULL);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&out);
	honest(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(an_answer_is_of_the_kind_that_was_asked_for),
		IN_BOTH(a_receipt_names_the_tickets_skdc),
		IN_BOTH(what_a_ticket_has_more_goes_on_to_its_service),
		IN_BOTH(a_pair_is_of_the_type_that_was_asked_for),
		IN_BOTH(an_ack_is_for_a_ticket_that_was_shown),
		IN_BOTH(an_ack_is_for_the_key_it_is_sealed_under),
		IN_BOTH(an_errors_clear_names_may_be_left_out),
		IN_BOTH(an_errors_clear_names_are_the_right_ones),
		IN_BOTH(an_error_is_for_what_the_skdc_was_asked),
		IN_CBOR(an_ack_is_there_exactly_when_it_may_be),
		IN_CBOR(only_what_is_malformed_is_explained),
		IN_CBOR(an_explanation_ends_with_a_whole_character),
		IN_CBOR(each_check_is_told_once)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_pairs.c - key pairs (draft, section 7): asked for and taken
 */
#include "pairs.h"

#include "pkey.h"
#include "policy.h"

#define ENDTIME (NOW + LIFETIME_DEFAULT)

/* ---- every kind of pair -------------------------------------------------- */

static void
assert_ops(const struct keydata *k, int64_t a, int64_t b, int64_t use)
{
	assert_int_equal(k->keyops.n, (a != 0) + (b != 0));
	assert_int_equal(k->keyops.v[0], a);
	assert_int_equal(k->keyops.v[1], b);
	assert_int_equal(k->pkuse, use);
}

/* No member of the miniticket's key is private. */
static void
assert_public(const struct keydata *k)
{
	const struct schema *schema = k->pkey->head.schema;
	uint8_t i;

	assert_false(pkey_is_pair(k));
	for (i = 0; i < schema->n_rows; i++)
		assert_int_equal(schema->rows[i].flags & F_SECRET, 0);
	assert_null(k->pkey->d.p);
	assert_null(k->pkey->rsa_d.p);
	assert_null(k->pkey->p.p);
	assert_null(k->pkey->qi.p);
	assert_int_equal(k->pkey->head.n_extras, 0);
}

static void
check_rep(struct world *w, const fluffy_bytes *rep,
    const struct pair_kind *kind, bool service)
{
	fluffy_msg *msg = opened(w, rep);
	const struct keydata *pair = msg->receipt.plain->keydata, *public;

	assert_int_equal(fluffy_msg_type(msg), FLUFFY_PKP_REP);
	assert_int_equal(HAS(msg, L_mticket), service);
	assert_int_equal(HAS(msg->receipt.plain, L_spname), service);
	assert_int_equal(pair->kty, kind->kty);
	assert_int_equal(pair->alg, kind->alg);
	assert_int_equal(pair->pkey->crv, kind->crv);
	assert_int_equal(pair->keyid.n, 8);
	assert_true(pkey_is_pair(pair));
	assert_false(HAS(pair, L_x5c));
	if (kind->kty == KTY_RSA)
		assert_int_equal(pair->pkey->n.n, 3072 / 8);
	assert_ops(pair, kind->signs ? 1 : 7, kind->signs ? 0 : 8,
	    !kind->signs);
	if (service) {
		public = msg->mticket->enc_part.plain->keydata;
		assert_public(public);
		assert_ops(public, kind->signs ? 2 : 0, 0, !kind->signs);
		assert_bytes(public->keyid, pair->keyid);
		assert_bytes(public->pkey->x, pair->pkey->x);
		assert_bytes(public->pkey->y, pair->pkey->y);
		assert_bytes(public->pkey->n, pair->pkey->n);
		assert_int_equal(msg->mticket->enc_part.plain->endtime,
		    ENDTIME);
	}
	fluffy_msg_free(&msg);
}

static void
assert_private_stays_here(struct world *w, const struct keyid *key)
{
	struct arena arena = { NULL, false };
	struct pair pair = pair_of(w, &arena, key);
	struct bytes d = pair.keydata->kty == KTY_RSA ?
	    pair.keydata->pkey->p : pair.keydata->pkey->d;
	char skdc[100];

	(void)snprintf(skdc, sizeof(skdc), "%s/skdc.db", w->dir);
	assert_true(on_disk(SENSOR->path, d));
	assert_false(on_disk(LOCK->path, d));
	assert_false(on_disk(skdc, d));
	arena_free(&arena);
}

static void
every_kind_of_pair_is_shown_to_a_service(void **state)
{
	struct world *w = *state;
	struct pairing p;
	char line[200];
	size_t i;

	for (i = 0; i < N_KINDS; i++) {
		p = paired(w, kind_wire(w, &kinds[i], "lock"));
		assert_string_equal(w->outcome.peer, "lock");
		assert_int_equal(w->outcome.endtime, ENDTIME);
		check_rep(w, &p.rep, &kinds[i], true);
		assert_non_null(p.estb.data);
		shown(w, &p.estb, kinds[i].signs ? FLUFFY_PUBLIC_PROVEN :
		    FLUFFY_PUBLIC_ATTESTED);
		assert_int_equal(w->outcome.endtime, ENDTIME);
		assert_bytes(bytes_of(w->outcome.keyid, w->outcome.keyid_len),
		    keyid_bytes(&p.key));
		assert_true(has_pair(LOCK, &p.key, true));
		assert_false(has_pair(LOCK, &p.key, false));
		assert_true(has_pair(SENSOR, &p.key, false));
		assert_false(has_pair(SENSOR, &p.key, true));
		assert_private_stays_here(w, &p.key);
		(void)snprintf(line, sizeof(line), "public home sensor %s %s "
		    "0..28800\n", kinds[i].alg_name, kinds[i].signs ?
		    "proven" : "attested");
		assert_listed(w, LOCK->store, line);
		(void)snprintf(line, sizeof(line), "pair home lock %s "
		    "received 0..28800\n", kinds[i].alg_name);
		assert_listed(w, SENSOR->store, line);
		(void)snprintf(line, sizeof(line), "session sensor lock %s "
		    "issued 0..28800\n", kinds[i].alg_name);
		assert_listed(w, w->skdc, line);
		pairing_free(&p);
	}
}

static void
every_kind_of_pair_may_be_for_nobody(void **state)
{
	struct world *w = *state;
	struct pairing p;
	char line[200];
	size_t i;

	for (i = 0; i < N_KINDS; i++) {
		p = paired(w, kind_wire(w, &kinds[i], NULL));
		assert_string_equal(w->outcome.peer, "");
		check_rep(w, &p.rep, &kinds[i], false);
		assert_null(p.estb.data);
		assert_private_stays_here(w, &p.key);
		(void)snprintf(line, sizeof(line), "pair %s received "
		    "0..28800\n", kinds[i].alg_name);
		assert_listed(w, SENSOR->store, line);
		pairing_free(&p);
	}
}

/* Both halves, in both roles. */
static void
a_device_may_show_itself_a_pair(void **state)
{
	struct world *w = *state;
	struct pairing p = paired(w, pair_wire(w, SENSOR, "sensor"));
	fluffy_bytes none;

	must(w->ctx, step(w, SENSOR, &p.estb, &none));
	assert_int_equal(w->outcome.kind, FLUFFY_PUBLIC_PROVEN);
	assert_true(has_pair(SENSOR, &p.key, false));
	assert_true(has_pair(SENSOR, &p.key, true));
	pairing_free(&p);
}

static void
everything_optional_is_carried(void **state)
{
	struct world *w = *state;
	const fluffy_extras extras = { .ext = "[1.0]", .has_seqnum = true,
	    .seqnum = 4294967295u };
	const fluffy_pkp_params params = { .kty = "OKP", .etype = "EdDSA",
	    .service = "lock", .realm = "home", .cpac = "{\"a\":1.0}",
	    .extras = { .ext = "{}", .cksum = true, .has_seqnum = true,
	    .seqnum = 1 } };
	fluffy_bytes req = pkp_wire(w, SENSOR, &params), rep = asked(w, &req);
	fluffy_msg *msg = from_wire(w, &rep), *out;
	fluffy_bytes estb;

	must(w->ctx, fluffy_pkp_accept(SENSOR->store, msg, &extras, &out,
	    &w->outcome));
	assert_true(HAS(msg->receipt.plain, L_sprealm));
	assert_true(HAS(msg->mticket, L_sprealm));
	assert_bytes(msg->receipt.plain->cpac, BYTES("\xa1\x61" "a\x01"));
	fluffy_msg_free(&msg);
	estb = to_wire(w, &out);
	msg = from_wire(w, &estb);
	assert_true(msg->authenticator.sign1);
	assert_false(HAS(msg->authenticator.plain, L_cksum));
	assert_true(HAS(msg->authenticator.plain, L_seqnum));
	assert_bytes(msg->ext, BYTES("\x81\x01"));
	must(w->ctx, fluffy_estb(LOCK->store, msg, &no_params, &out,
	    &w->outcome));
	assert_null(out);
	assert_int_equal(w->outcome.kind, FLUFFY_PUBLIC_PROVEN);
	assert_bytes(msg->mticket->enc_part.plain->cpac,
	    BYTES("\xa1\x61" "a\x01"));
	fluffy_msg_free(&msg);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	/* and left out when it wasn't asked for */
	{
		struct pairing p = paired(w, pair_wire(w, SENSOR, "lock"));

		msg = opened(w, &p.rep);
		assert_false(HAS(msg->receipt.plain, L_sprealm));
		assert_false(HAS(msg->receipt.plain, L_cpac));
		assert_false(HAS(msg->mticket, L_sprealm));
		assert_false(HAS(msg->mticket->enc_part.plain, L_cpac));
		fluffy_msg_free(&msg);
		pairing_free(&p);
	}
}

/* ---- what the SKDC refuses ----------------------------------------------- */

static void
pkp_refused(struct world *w, const fluffy_pkp_params *params,
    enum fluffy_error code)
{
	fluffy_bytes req = pkp_wire(w, SENSOR, params);

	ask_proven(w, SENSOR, &req, code);
}

/* A PKP-REQ that asks for that, properly sealed. */
static enum fluffy_error
ask_for(struct world *w, int64_t kty, const struct tokens *etype,
    fluffy_bytes *out)
{
	fluffy_bytes req = pair_wire(w, SENSOR, NULL);
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_msg *msg = from_wire(w, &req);
	struct part *part = open_part(w, msg, msg, L_authenticator,
	    &secret.key);
	enum fluffy_error e;

	msg->body->kty = kty;
	msg->body->etype = *etype;
	reseal(w, msg, msg, L_authenticator, part, &secret.key,
	    keyid_bytes(&secret.kid));
	e = ask_msg(w, w->skdc, msg, out);
	fluffy_msg_free(&msg);
	wire_free(&req);
	return e;
}

static bool
is_kind(int64_t kty, int64_t alg)
{
	size_t i;

	for (i = 0; i < N_KINDS; i++)
		if (kinds[i].kty == kty && kinds[i].alg == alg)
			return true;
	return false;
}

static void
all_other_pairs_of_kty_and_alg_are_refused(void **state)
{
	static const int64_t ktys[] = { KTY_EC, KTY_OKP, KTY_RSA, KTY_SYMM, 0,
		5, -1, 99 };
	static const int64_t algs[] = { -7, -35, -36, -8, -37, -25, 30, 10, 1,
		24, 0, 7, -38, -257, 99 };
	struct world *w = *state;
	fluffy_bytes out;
	size_t i, k, taken = 0;

	for (i = 0; i < sizeof(ktys) / sizeof(ktys[0]); i++)
		for (k = 0; k < sizeof(algs) / sizeof(algs[0]); k++) {
			const struct tokens etype = { .v = { algs[k] },
			    .n = 1, .bare = true };
			bool good = is_kind(ktys[i], algs[k]);

			taken += good;
			expect(w, ask_for(w, ktys[i], &etype, &out), good ?
			    FLUFFY_OK : FLUFFY_E_BAD_ETYPE);
			wire_free(&out);
		}
	assert_int_equal(taken, N_KINDS);
	honest_pair(w);
}

static void
the_first_that_makes_a_pair_is_taken(void **state)
{
	static const struct {
		int64_t kty;
		struct tokens etype;
		int64_t alg;
	} cases[] = {
		{ KTY_EC, { .v = { -35, -7 }, .n = 2 }, -35 },
		{ KTY_EC, { .v = { -7, -35 }, .n = 2 }, -7 },
		{ KTY_EC, { .v = { 99, -37, -8, 30, -36 }, .n = 5 }, -36 },
		{ KTY_OKP, { .v = { -7, -25, -8 }, .n = 3 }, -25 },
		{ KTY_RSA, { .v = { -7, -257, -37 }, .n = 3 }, -37 }
	};
	struct world *w = *state;
	fluffy_bytes out;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		must(w->ctx, ask_for(w, cases[i].kty, &cases[i].etype,
		    &out));
		msg = opened(w, &out);
		assert_int_equal(msg->receipt.plain->keydata->alg,
		    cases[i].alg);
		fluffy_msg_free(&msg);
		wire_free(&out);
	}
}

static void
without_a_ca_there_is_no_certificate(void **state)
{
	struct world *w = *state;
	fluffy_pkp_params params = { .kty = "EC", .etype = "ES256",
	    .cert = true };

	pkp_refused(w, &params, FLUFFY_E_NO_CA);
	params.cert = false;
	params.cert_chain = true;
	pkp_refused(w, &params, FLUFFY_E_NO_CA);
	params.service = "lock";
	params.etype = "ECDH-ES+HKDF-256,ES256";
	pkp_refused(w, &params, FLUFFY_E_NO_CA);
	/* what can't sign can't be certified */
	params.etype = "ECDH-ES+HKDF-256";
	pkp_refused(w, &params, FLUFFY_E_BAD_ETYPE);
	params.kty = "OKP";
	pkp_refused(w, &params, FLUFFY_E_BAD_ETYPE);
	honest_pair(w);
}

static void
services_are_known_and_not_denied(void **state)
{
	struct world *w = *state;
	fluffy_pkp_params params = { .kty = "EC", .etype = "ES256",
	    .service = "nobody" };

	pkp_refused(w, &params, FLUFFY_E_UNKNOWN_SERVICE);
	params.service = "lock";
	params.realm = "far";
	pkp_refused(w, &params, FLUFFY_E_UNKNOWN_SERVICE);
	params.realm = NULL;
	must(w->ctx, fluffy_deny(w->skdc, "sensor", "lock"));
	pkp_refused(w, &params, FLUFFY_E_NOT_PERMITTED);
	params.service = NULL;
	{
		struct pairing p = paired(w, pkp_wire(w, SENSOR, &params));

		pairing_free(&p);
	}
	must(w->ctx, fluffy_allow(w->skdc, "sensor", "lock"));
	must(w->ctx, fluffy_deny(w->skdc, "*", "lock"));
	params.service = "lock";
	pkp_refused(w, &params, FLUFFY_E_NOT_PERMITTED);
	must(w->ctx, fluffy_allow(w->skdc, "*", "lock"));
	honest_pair(w);
}

/* It is handed on twice, in an answer that has its own limit. */
static void
cpac_has_a_limit(void **state)
{
	struct world *w = *state;
	size_t n = PAIR_CPAC_MAX - 3; /* the head of a text */
	char *json = malloc(n + 10);
	const fluffy_pkp_params params = { .kty = "RSA", .etype = "PS256",
	    .service = "lock", .cpac = json };
	struct pairing p;

	assert_non_null(json);
	(void)snprintf(json, n + 10, "\"%*s\"", (int)n + 1, "");
	pkp_refused(w, &params, FLUFFY_E_NOT_PERMITTED);
	(void)snprintf(json, n + 10, "\"%*s\"", (int)n, "");
	p = paired(w, pkp_wire(w, SENSOR, &params));
	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	pairing_free(&p);
	free(json);
}

static void
lifetimes_are_the_shortest_that_is_set(void **state)
{
	const fluffy_policy realm = { .lifetime = 7200 };
	const fluffy_policy client = { .lifetime = 600 };
	const fluffy_policy service = { .lifetime = 60 };
	struct world *w = *state;
	struct pairing p;

	must(w->ctx, fluffy_policy_set(w->skdc, NULL, &realm));
	must(w->ctx, fluffy_policy_set(w->skdc, "lock", &service));
	p = paired(w, pair_wire(w, SENSOR, NULL));
	assert_int_equal(w->outcome.endtime, NOW + 7200);
	pairing_free(&p);
	must(w->ctx, fluffy_policy_set(w->skdc, "sensor", &client));
	p = paired(w, pair_wire(w, SENSOR, NULL));
	assert_int_equal(w->outcome.endtime, NOW + 600);
	pairing_free(&p);
	p = paired(w, pair_wire(w, SENSOR, "lock"));
	assert_int_equal(w->outcome.endtime, NOW + 60);
	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	assert_int_equal(w->outcome.endtime, NOW + 60);
	pairing_free(&p);
	p = paired(w, pair_wire(w, SENSOR, "lock"));
	the_time = NOW + 60;
	step_refused(w, LOCK, &p.estb, FLUFFY_E_EXPIRED);
	pairing_free(&p);
}

static void
requests_that_cannot_be_made(void **state)
{
	static const struct {
		fluffy_pkp_params params;
		const char *field;
	} cases[] = {
		{ { .kty = "SYMM", .etype = "ES256" }, "kty" },
		{ { .kty = "ec", .etype = "ES256" }, "kty" },
		{ { .kty = "", .etype = "ES256" }, "kty" },
		{ { .kty = "EC", .etype = "" }, "etype" },
		{ { .kty = "EC", .etype = "EdDSA" }, "etype" },
		{ { .kty = "EC", .etype = "ES256," }, "etype" },
		{ { .kty = "EC", .etype = "ES256,ES256" }, "etype" },
		{ { .kty = "RSA", .etype = "ES256" }, "etype" },
		{ { .kty = "EC", .etype = "A128GCM" }, "etype" },
		{ { .kty = "EC", .etype = "ES256", .service = "" },
		    "service" },
		{ { .kty = "EC", .etype = "ES256", .service = "lock",
		    .realm = "a\nb" }, "realm" },
		{ { .kty = "EC", .etype = "ES256", .cpac = "{" }, "cpac" },
		{ { .kty = "EC", .etype = "ES256", .extras.ext = "" }, "ext" }
	};
	struct world *w = *state;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refused_at(w->ctx, fluffy_pkp_request(SENSOR->store,
		    &cases[i].params, &msg), FLUFFY_E_USAGE, cases[i].field);
		assert_null(msg);
	}
	honest_pair(w);
}

/* The batch is committed and begun again around it. */
static void
a_pair_shares_its_batch(void **state)
{
	struct world *w = *state;
	fluffy_bytes req[3], rep[3], out;
	fluffy_msg *msg, *answer;
	int i;

	req[0] = request(w, SENSOR, "lock");
	req[1] = pair_wire(w, SENSOR, "lock");
	req[2] = request(w, SENSOR, "lamp");
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	for (i = 0; i < 3; i++) {
		msg = from_wire(w, &req[i]);
		must(w->ctx, answer_one(w->skdc, msg, &answer));
		rep[i] = to_wire(w, &answer);
		expect(w, answer_one(w->skdc, msg, &answer), FLUFFY_E_REPLAY);
		fluffy_msg_free(&answer);
		fluffy_msg_free(&msg);
	}
	must(w->ctx, fluffy_skdc_commit(w->skdc));
	must(w->ctx, step(w, SENSOR, &rep[0], &out));
	wire_free(&out);
	must(w->ctx, pkp_take(w, SENSOR, &rep[1], &out));
	wire_free(&out);
	must(w->ctx, step(w, SENSOR, &rep[2], &out));
	wire_free(&out);
	for (i = 0; i < 3; i++) {
		wire_free(&req[i]);
		wire_free(&rep[i]);
	}
}

/* The store failed before: there is no pair. */
static void
a_broken_batch_makes_no_pair(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = pair_wire(w, SENSOR, "lock"), out;
	fluffy_msg *msg = from_wire(w, &req), *answer;

	must(w->ctx, fluffy_skdc_begin(w->skdc));
	fluffy_skdc_broken(w->skdc);
	expect(w, answer_one(w->skdc, msg, &answer), FLUFFY_E_INTERNAL);
	fluffy_msg_free(&answer);
	fluffy_msg_free(&msg);
	out = asked(w, &req);
	wire_free(&out);
	wire_free(&req);
}

/* ---- PKP-REP at the client ----------------------------------------------- */

static void
a_pair_is_taken_once(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = pair_wire(w, SENSOR, "lock"), rep = asked(w, &req);
	fluffy_bytes estb;

	ask_refused(w, &req, FLUFFY_E_REPLAY);
	expect(w, pkp_take(w, LAMP, &rep, &estb), FLUFFY_E_AUTH_FAILED);
	must(w->ctx, pkp_take(w, SENSOR, &rep, &estb));
	wire_free(&estb);
	expect(w, pkp_take(w, SENSOR, &rep, &estb), FLUFFY_E_REPLAY);
	assert_null(estb.data);
	expect(w, pkp_take(w, SENSOR, &req, &estb), FLUFFY_E_UNEXPECTED);
	expect(w, gsk_take(w, SENSOR, &rep), FLUFFY_E_UNEXPECTED);
	wire_free(&req);
	wire_free(&rep);
}

/* A PKP-REP as the SKDC might have sealed it. */
struct rep {
	fluffy_msg *msg;
	struct part *part, *ticket;
	struct secret secret, lock;
};

static struct rep
open_rep(struct world *w, const char *service)
{
	fluffy_bytes req = pair_wire(w, SENSOR, service), wire;
	struct rep r = { .secret = secret_of_owner(w, "sensor"),
	    .lock = secret_of_owner(w, "lock") };

	wire = asked(w, &req);
	r.msg = from_wire(w, &wire);
	if (service != NULL)
		r.ticket = open_part(w, r.msg, r.msg->mticket, L_enc_part,
		    &r.lock.key);
	r.part = open_part(w, r.msg, r.msg, L_receipt, &r.secret.key);
	wire_free(&req);
	wire_free(&wire);
	return r;
}

static void
rep_refused(struct world *w, struct rep *r, enum fluffy_error code)
{
	fluffy_msg *again;
	fluffy_bytes wire;
	enum fluffy_error e;

	reseal(w, r->msg, r->msg, L_receipt, r->part, &r->secret.key,
	    keyid_bytes(&r->secret.kid));
	r->msg->receipt.plain = NULL;
	wire = to_wire(w, &r->msg);
	r->msg = from_wire(w, &wire);
	e = fluffy_pkp_accept(SENSOR->store, r->msg, &no_params, &again,
	    &w->outcome);
	expect(w, e, code);
	assert_null(again);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	fluffy_msg_free(&r->msg);
	wire_free(&wire);
}

static void
halves_that_do_not_fit_are_malformed(void **state)
{
	struct world *w = *state;
	struct rep a, b;
	int i;

	for (i = 0; i < 4; i++) {
		a = open_rep(w, "lock");
		b = open_rep(w, "lock");
		if (i == 0)		/* another's private key */
			a.part->keydata->pkey->d = b.part->keydata->pkey->d;
		else if (i == 1) {	/* another's public key */
			a.part->keydata->pkey->x = b.part->keydata->pkey->x;
			a.part->keydata->pkey->y = b.part->keydata->pkey->y;
		} else if (i == 2)	/* a point that isn't on the curve */
			writable(a.part->keydata->pkey->y)[31] ^= 1;
		else			/* no private key at all */
			a.part->keydata = b.ticket->keydata;
		rep_refused(w, &a, FLUFFY_E_MALFORMED);
		fluffy_msg_free(&b.msg);
		honest_pair(w);
	}
}

static void
the_ticket_is_for_the_service_that_was_named(void **state)
{
	struct world *w = *state;
	struct rep r;
	int i;

	for (i = 0; i < 6; i++) {
		r = open_rep(w, i < 4 ? "lock" : NULL);
		if (i == 0)		/* no ticket */
			r.msg->head.has &= ~label_bit(L_mticket);
		else if (i == 1)	/* for another service */
			r.msg->mticket->spname = BYTES("lamp");
		else if (i == 2) {	/* throughout */
			r.msg->mticket->spname = BYTES("lamp");
			r.part->spname = BYTES("lamp");
		} else if (i == 3)	/* for nobody that was asked for */
			r.part->head.has &= ~label_bit(L_spname);
		else if (i == 4) {	/* unasked, in the receipt alone */
			r.part->spname = BYTES("lock");
			SET(r.part, L_spname);
		} else {		/* unasked, throughout */
			struct rep with = open_rep(w, "lock");

			r.part->spname = BYTES("lock");
			SET(r.part, L_spname);
			SET(r.msg, L_mticket);
			r.msg->mticket = with.msg->mticket;
			rep_refused(w, &r, FLUFFY_E_AUTH_FAILED);
			fluffy_msg_free(&with.msg);
			break;
		}
		rep_refused(w, &r, FLUFFY_E_AUTH_FAILED);
		honest_pair(w);
	}
	honest_pair(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(every_kind_of_pair_is_shown_to_a_service),
		IN_BOTH(every_kind_of_pair_may_be_for_nobody),
		IN_BOTH(a_device_may_show_itself_a_pair),
		IN_BOTH(everything_optional_is_carried),
		IN_CBOR(all_other_pairs_of_kty_and_alg_are_refused),
		IN_CBOR(the_first_that_makes_a_pair_is_taken),
		IN_BOTH(without_a_ca_there_is_no_certificate),
		IN_BOTH(services_are_known_and_not_denied),
		IN_BOTH(cpac_has_a_limit),
		IN_CBOR(lifetimes_are_the_shortest_that_is_set),
		IN_CBOR(requests_that_cannot_be_made),
		IN_CBOR(a_pair_shares_its_batch),
		IN_CBOR(a_broken_batch_makes_no_pair),
		IN_BOTH(a_pair_is_taken_once),
		IN_CBOR(halves_that_do_not_fit_are_malformed),
		IN_BOTH(the_ticket_is_for_the_service_that_was_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

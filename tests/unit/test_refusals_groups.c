/*
 * test_refusals_groups.c - everything that section 6 refuses about groups,
 * deletions and pairs, and in which order
 *
 * As in test_refusals.c: of any two faults the one that is checked first names
 * the error, and after each an honest message of that kind works.
 */
#include "scenes.h"

#include "policy.h"

/* ---- faults of any message ----------------------------------------------- */

static struct bytes *
sender_of(struct forgery *f)
{
	if (HAS(f->part, L_cname))
		return &f->part->cname;
	return HAS(f->part, L_spname) ? &f->part->spname : &f->msg->spname;
}

static struct bytes *
senders_realm(struct forgery *f)
{
	if (HAS(f->part, L_crealm))
		return &f->part->crealm;
	return HAS(f->part, L_sprealm) ? &f->part->sprealm :
	    &f->msg->sprealm;
}

static uint64_t *
time_of(struct forgery *f)
{
	if (HAS(f->part, L_ctime))
		return &f->part->ctime;
	return HAS(f->part, L_sptime) ? &f->part->sptime : &f->part->authtime;
}

static void
sender(struct forgery *f)
{
	set_name(f, sender_of(f), "lamp");
}

static void
sender_in_another_realm(struct forgery *f)
{
	set_name(f, senders_realm(f), "far");
}

static void
clock_is_behind(struct forgery *f)
{
	the_time -= 2000;
	*time_of(f) -= 2000;
}

static void
is_ahead(struct forgery *f)
{
	*time_of(f) = the_time + 301;
}

static void
is_behind(struct forgery *f)
{
	*time_of(f) = the_time - 301;
}

static void
is_a_replay(struct forgery *f)
{
	fluffy_store *s = f->w->skdc;
	enum fluffy_error e;

	set_nonce(f, 42);
	must(f->w->ctx, store_begin(s));
	e = store_nonce(s, f->kid, f->part->nonce, the_time + 900);
	assert_true(e == FLUFFY_OK || e == FLUFFY_E_REPLAY);
	must(f->w->ctx, store_commit(s));
}

static void
no_skdcrealm_but_another(struct forgery *f)
{
	set_name(f, &f->msg->body->skdcrealm, "far");
	SET(f->msg->body, L_skdcrealm);
}

/* ---- of requests --------------------------------------------------------- */

static void
name_is_taken(struct forgery *f)
{
	set_name(f, &f->msg->body->mcastname, "attic");
}

static void
of_anothers_group(struct forgery *f)
{
	name_is_taken(f);
	f->msg->body->options |= 1u << 2;
	SET(f->msg->body, L_skdc_options);
}

static void
of_no_group(struct forgery *f)
{
	set_name(f, &f->msg->body->mcastname, "none");
	f->msg->body->options |= 1u << 2;
	SET(f->msg->body, L_skdc_options);
}

static void
of_a_group_that_goes(struct forgery *f)
{
	set_name(f, &f->msg->body->mcastname, "ruin");
}

static void
forbidden(struct forgery *f)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "%.*s",
	    (int)f->msg->body->mcastname.n,
	    (const char *)f->msg->body->mcastname.p);
	must(f->w->ctx, fluffy_group_change(f->w->skdc, NULL, name, "lock",
	    FLUFFY_FORBID));
}

static void
no_such_group(struct forgery *f)
{
	set_name(f, &f->msg->body->mcastname, "none");
}

static void
group_in_another_realm(struct forgery *f)
{
	set_name(f, &f->msg->body->mcastrealm, "far");
}

static void
no_member(struct forgery *f)
{
	set_name(f, &f->msg->body->mcastname, "cellar");
}

static void
no_such_key(struct forgery *f)
{
	f->msg->body->keyid = BYTES("12345678");
}

static void
delete_no_group(struct forgery *f)
{
	set_name(f, &f->part->mcastname, "none");
}

static void
delete_anothers_group(struct forgery *f)
{
	set_name(f, &f->part->mcastname, "attic");
}

static void
delete_another_key(struct forgery *f)
{
	f->part->keydata->keyid = BYTES("12345678");
}

static void
other_kty_pair(struct forgery *f)
{
	f->msg->body->kty = KTY_RSA;
}

static void
no_common_etype_pair(struct forgery *f)
{
	f->msg->body->etype = (struct tokens){ .v = { 30, -8 }, .n = 2 };
}

static void
certified_without_a_ca(struct forgery *f)
{
	f->msg->body->options = 1;
	SET(f->msg->body, L_skdc_options);
}

#define PROOFS \
	{ "unknown kid", unknown_kid, FLUFFY_E_AUTH_FAILED }, \
	{ "bad seal", bad_seal, FLUFFY_E_AUTH_FAILED }, \
	{ "another algorithm", other_algorithm, FLUFFY_E_AUTH_FAILED }, \
	{ "another iv", shorter_iv, FLUFFY_E_AUTH_FAILED }
#define NAMES \
	{ "wrong cksum", wrong_cksum, FLUFFY_E_AUTH_FAILED }, \
	{ "sender", sender, FLUFFY_E_AUTH_FAILED }, \
	{ "its realm", sender_in_another_realm, FLUFFY_E_AUTH_FAILED }
#define FRESHNESS \
	{ "clock behind", clock_is_behind, FLUFFY_E_BUSY }, \
	{ "time ahead", is_ahead, FLUFFY_E_CLOCK_SKEW }, \
	{ "time behind", is_behind, FLUFFY_E_CLOCK_SKEW }, \
	{ "replay", is_a_replay, FLUFFY_E_REPLAY }
#define SKDC \
	{ "another SKDC", req_other_skdc, FLUFFY_E_WRONG_SKDC }, \
	{ "another SKDC's realm", no_skdcrealm_but_another, \
	    FLUFFY_E_WRONG_SKDC }

static const struct fault gsk_req_faults[] = {
	SKDC, PROOFS, NAMES, FRESHNESS,
	{ "kty", other_kty, FLUFFY_E_BAD_ETYPE },
	{ "etype", no_common_etype, FLUFFY_E_BAD_ETYPE },
	{ "being deleted", of_a_group_that_goes, FLUFFY_E_GROUP_DELETING },
	{ "not there", of_no_group, FLUFFY_E_NO_SUCH_GROUP },
	{ "another's", of_anothers_group, FLUFFY_E_NOT_OWNER },
	{ "taken", name_is_taken, FLUFFY_E_GROUP_EXISTS },
	{ "forbidden", forbidden, FLUFFY_E_NOT_PERMITTED }
};

static const struct fault gsk_fet_faults[] = {
	SKDC, PROOFS, NAMES, FRESHNESS,
	{ "not there", no_such_group, FLUFFY_E_NO_SUCH_GROUP },
	{ "another realm's", group_in_another_realm,
	    FLUFFY_E_NO_SUCH_GROUP },
	{ "being deleted", of_a_group_that_goes, FLUFFY_E_GROUP_DELETING },
	{ "not a member", no_member, FLUFFY_E_NOT_PERMITTED },
	{ "keyid", no_such_key, FLUFFY_E_NO_SUCH_KEY }
};

static const struct fault gsk_delt_faults[] = {
	PROOFS,
	{ "sender", sender, FLUFFY_E_AUTH_FAILED },
	{ "its realm", sender_in_another_realm, FLUFFY_E_AUTH_FAILED },
	FRESHNESS,
	{ "not there", delete_no_group, FLUFFY_E_NO_SUCH_GROUP },
	{ "another's", delete_anothers_group, FLUFFY_E_NOT_OWNER },
	{ "keyid", delete_another_key, FLUFFY_E_NO_SUCH_KEY }
};

static const struct fault pkp_req_faults[] = {
	SKDC, PROOFS, NAMES, FRESHNESS,
	{ "kty", other_kty_pair, FLUFFY_E_BAD_ETYPE },
	{ "etype", no_common_etype_pair, FLUFFY_E_BAD_ETYPE },
	{ "unknown service", unknown_service, FLUFFY_E_UNKNOWN_SERVICE },
	{ "foreign realm", foreign_realm, FLUFFY_E_UNKNOWN_SERVICE },
	{ "denied", denied, FLUFFY_E_NOT_PERMITTED },
	{ "no CA", certified_without_a_ca, FLUFFY_E_NO_CA }
};

/* Groups of another, one of which is being deleted, one closed. */
static void
furnish(struct world *w)
{
	struct wires delts;
	fluffy_bytes delt;
	fluffy_msg *msg;

	(void)create_with(w, LAMP, &(fluffy_gsk_params){ .group = "attic",
	    .members = "any" });
	(void)create_with(w, LAMP, &(fluffy_gsk_params){ .group = "cellar" });
	(void)create_with(w, LAMP, &(fluffy_gsk_params){ .group = "ruin",
	    .members = "any" });
	(void)fetch_with(w, SENSOR, &(fluffy_fetch_params){
	    .group = "ruin" });
	must(w->ctx, fluffy_gsk_delete(LAMP->store, "ruin", NULL, &msg));
	delt = to_wire(w, &msg);
	delts = asked_all(w, &delt);
	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	wires_free(&delts);
	wire_free(&delt);
}

/* The later one first, so that the other can't be undone by it. */
static void
try_faults(struct world *w, const struct scene *scene, const struct fault *a,
    const struct fault *b, bool answered)
{
	uint64_t was = the_time;
	struct forgery f;
	fluffy_bytes out;
	enum fluffy_error e;

	forge(w, &f, scene);
	f.part->head.has &= ~label_bit(L_cksum);
	if (b != NULL)
		b->make(&f);
	a->make(&f);
	forge_seal(&f, scene);
	e = give_again(w, scene, &f.msg, &out);
	if (e != a->code)
		print_error("%s: %s, %s: %s\n", scene->name, a->name,
		    b == NULL ? "" : b->name, fluffy_error_name(e));
	assert_int_equal(e, a->code);
	assert_int_equal(fluffy_why(w->ctx).code, e);
	if (answered)
		check_error_to(w, &out, a->code, scene->owner);
	else
		assert_null(out.data);
	if (scene->give != give_skdc)
		assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
	e = fluffy_allow(w->skdc, "sensor", "*");
	assert_true(e == FLUFFY_OK || e == FLUFFY_E_NOT_FOUND);
	wire_free(&out);
	the_time = was;
}

static void
honest_scene(struct world *w, const struct scene *scene)
{
	fluffy_bytes wire = scene->make(w), out;
	fluffy_msg *msg = from_wire(w, &wire);

	must(w->ctx, scene->give(w, msg, &out));
	fluffy_msg_free(&msg);
	wire_free(&wire);
	wire_free(&out);
}

static void
refused_in_order(struct world *w, const struct scene *scene,
    const struct fault *faults, size_t n, bool answered)
{
	size_t i, k;

	furnish(w);
	honest_scene(w, scene);
	for (i = 0; i < n; i++) {
		try_faults(w, scene, &faults[i], NULL, answered);
		for (k = i + 1; k < n; k++)
			try_faults(w, scene, &faults[i], &faults[k],
			    answered);
		honest_scene(w, scene);
	}
}

#define IN_ORDER(test, scene, answered) \
	static void \
	test(void **state) \
	{ \
		refused_in_order(*state, &scene, scene##_faults, \
		    N_FAULTS(scene##_faults), answered); \
	}

IN_ORDER(gsk_reqs_are_refused_in_order, gsk_req, true)
IN_ORDER(gsk_fets_are_refused_in_order, gsk_fet, true)
IN_ORDER(gsk_delts_are_refused_in_order, gsk_delt, true)
IN_ORDER(pkp_reqs_are_refused_in_order, pkp_req, true)

/* ---- PSK-DELT at the device ---------------------------------------------- */

static void
delt_of_another_skdc(struct forgery *f)
{
	set_name(f, &f->part->skdcname, "other");
}

static void
delt_of_another_realm(struct forgery *f)
{
	set_name(f, &f->part->skdcrealm, "far");
}

static void
devices_clock_is_behind(struct forgery *f)
{
	struct world *w = f->w;
	fluffy_store *s = SENSOR->store;

	must(w->ctx, store_begin(s));
	store_acted_at(s, NOW);
	must(w->ctx, store_commit(s));
	clock_is_behind(f);
}

static const struct fault psk_delt_faults[] = {
	PROOFS,
	{ "clear realm", clear_realm, FLUFFY_E_AUTH_FAILED },
	{ "another SKDC", delt_of_another_skdc, FLUFFY_E_AUTH_FAILED },
	{ "another realm", delt_of_another_realm, FLUFFY_E_AUTH_FAILED },
	{ "clock behind", devices_clock_is_behind, FLUFFY_E_BUSY },
	{ "time ahead", is_ahead, FLUFFY_E_CLOCK_SKEW },
	{ "time behind", is_behind, FLUFFY_E_CLOCK_SKEW }
};

IN_ORDER(psk_delts_are_refused_in_order, psk_delt, false)

/* ---- PSK-DELC at the SKDC, GSK-DELC at the owner ------------------------- */

static void
delc_other_skdc(struct forgery *f)
{
	set_name(f, &f->msg->skdcname, "other");
}

static void
delc_other_skdcrealm(struct forgery *f)
{
	set_name(f, &f->msg->skdcrealm, "far");
}

static void
ack_other_group(struct forgery *f)
{
	set_name(f, &f->part->mcastname, "attic");
}

static void
ack_other_groups_realm(struct forgery *f)
{
	set_name(f, &f->part->mcastrealm, "far");
	SET(f->part, L_mcastrealm);
}

static void
clear_spname(struct forgery *f)
{
	set_name(f, &f->msg->spname, "lamp");
}

static void
clear_sprealm(struct forgery *f)
{
	set_name(f, &f->msg->sprealm, "far");
}

static const struct fault psk_delc_faults[] = {
	{ "another SKDC", delc_other_skdc, FLUFFY_E_WRONG_SKDC },
	{ "another realm", delc_other_skdcrealm, FLUFFY_E_WRONG_SKDC },
	PROOFS,
	{ "sender", sender, FLUFFY_E_AUTH_FAILED },
	{ "its realm", sender_in_another_realm, FLUFFY_E_AUTH_FAILED },
	{ "nonce", nonce_never_asked, FLUFFY_E_REPLAY }
};

static const struct fault gsk_delc_faults[] = {
	PROOFS,
	{ "clear name", clear_spname, FLUFFY_E_AUTH_FAILED },
	{ "clear realm", clear_sprealm, FLUFFY_E_AUTH_FAILED },
	{ "nonce", nonce_never_asked, FLUFFY_E_REPLAY },
	{ "group", ack_other_group, FLUFFY_E_AUTH_FAILED },
	{ "group's realm", ack_other_groups_realm, FLUFFY_E_AUTH_FAILED }
};

IN_ORDER(psk_delcs_are_refused_in_order, psk_delc, false)
IN_ORDER(gsk_delcs_are_refused_in_order, gsk_delc, false)

/* ---- receipts ------------------------------------------------------------ */

static void
receipt_other_skdcrealm(struct forgery *f)
{
	set_name(f, &f->part->skdcrealm, "far");
}

static void
key_was_deleted(struct forgery *f)
{
	int i;

	for (i = 0; i < N_DEVICES; i++) {
		fluffy_store *s = f->w->device[i].store;

		must(f->w->ctx, store_begin(s));
		must(f->w->ctx, store_gone_add(s, f->part->keydata->keyid,
		    the_time + 1000000));
		must(f->w->ctx, store_commit(s));
	}
}

static void
another_key(struct forgery *f)
{
	f->part->keydata->keyid = BYTES("12345678");
}

static void
rep_of_another_service(struct forgery *f)
{
	set_name(f, &f->part->spname, "lamp");
	set_name(f, &f->msg->mticket->spname, "lamp");
}

static void
ticket_of_another_skdc(struct forgery *f)
{
	set_name(f, &f->msg->mticket->skdcname, "other");
}

static void
half_a_pair(struct forgery *f)
{
	writable(f->part->keydata->pkey->d)[31] ^= 1;
}

/* An agreement's key is of the same curve. */
static void
pair_never_asked(struct forgery *f)
{
	f->part->keydata->alg = -25;
}

#define KEYS \
	{ "expired", receipt_expired, FLUFFY_E_EXPIRED }, \
	{ "never good", receipt_never_good, FLUFFY_E_EXPIRED }, \
	{ "deleted", key_was_deleted, FLUFFY_E_NO_SUCH_KEY }
#define RECEIPTS \
	{ "receipt's SKDC", receipt_other_skdc, FLUFFY_E_AUTH_FAILED }, \
	{ "its realm", receipt_other_skdcrealm, FLUFFY_E_AUTH_FAILED }

static const struct fault gsk_rep_faults[] = {
	PROOFS,
	{ "clear name", clear_spname, FLUFFY_E_AUTH_FAILED },
	{ "clear realm", clear_sprealm, FLUFFY_E_AUTH_FAILED },
	RECEIPTS,
	{ "nonce", nonce_never_asked, FLUFFY_E_REPLAY },
	{ "group", ack_other_group, FLUFFY_E_AUTH_FAILED },
	{ "group's realm", ack_other_groups_realm, FLUFFY_E_AUTH_FAILED },
	{ "alg", alg_never_asked, FLUFFY_E_BAD_ETYPE },
	KEYS
};

static const struct fault gsk_dlvr_faults[] = {
	PROOFS,
	{ "clear name", clear_name, FLUFFY_E_AUTH_FAILED },
	{ "clear realm", clear_realm, FLUFFY_E_AUTH_FAILED },
	RECEIPTS,
	{ "nonce", nonce_never_asked, FLUFFY_E_REPLAY },
	{ "group", ack_other_group, FLUFFY_E_AUTH_FAILED },
	{ "group's realm", ack_other_groups_realm, FLUFFY_E_AUTH_FAILED },
	{ "keyid", another_key, FLUFFY_E_NO_SUCH_KEY },
	{ "expired", receipt_expired, FLUFFY_E_EXPIRED },
	{ "never good", receipt_never_good, FLUFFY_E_EXPIRED }
};

static const struct fault pkp_rep_faults[] = {
	{ "another SKDC's", ticket_of_another_skdc, FLUFFY_E_WRONG_SKDC },
	PROOFS,
	{ "halves", half_a_pair, FLUFFY_E_MALFORMED },
	{ "clear name", clear_name, FLUFFY_E_AUTH_FAILED },
	{ "clear realm", clear_realm, FLUFFY_E_AUTH_FAILED },
	RECEIPTS,
	{ "nonce", nonce_never_asked, FLUFFY_E_REPLAY },
	{ "service", rep_of_another_service, FLUFFY_E_AUTH_FAILED },
	{ "alg", pair_never_asked, FLUFFY_E_BAD_ETYPE },
	KEYS
};

IN_ORDER(gsk_reps_are_refused_in_order, gsk_rep, false)
IN_ORDER(gsk_dlvrs_are_refused_in_order, gsk_dlvr, false)
IN_ORDER(pkp_reps_are_refused_in_order, pkp_rep, false)

/* ---- what faults are made of is no fault itself -------------------------- */

static void
untouched_forgeries_are_taken(void **state)
{
	struct world *w = *state;
	struct forgery f;
	fluffy_bytes out;
	size_t i;

	for (i = 0; i < N_SCENES; i++) {
		forge(w, &f, scenes[i]);
		f.part->head.has &= ~label_bit(L_cksum);
		forge_seal(&f, scenes[i]);
		must(w->ctx, give_again(w, scenes[i], &f.msg, &out));
		wire_free(&out);
	}
}

/* Bug classes 8 and 11: sealed by another device, that is nobody else. */
static void
another_devices_key_opens_nothing(void **state)
{
	struct world *w = *state;
	struct secret lamp = secret_of_owner(w, "lamp");
	struct forgery f;
	fluffy_bytes wire, out;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < N_SCENES; i++) {
		wire = scenes[i]->make(w);
		forge_from(w, &f, scenes[i], &wire);
		f.part->head.has &= ~label_bit(L_cksum);
		f.key = lamp.key;
		f.kid = keyid_bytes(&lamp.kid);
		forge_seal(&f, scenes[i]);
		expect(w, give_again(w, scenes[i], &f.msg, &out),
		    FLUFFY_E_AUTH_FAILED);
		wire_free(&out);
		msg = from_wire(w, &wire);
		must(w->ctx, scenes[i]->give(w, msg, &out));
		fluffy_msg_free(&msg);
		wire_free(&wire);
		wire_free(&out);
	}
}

/* Each is taken once; a PSK-DELT is answered again, a PSK-DELC is ignored. */
static void
what_was_taken_is_not_taken_again(void **state)
{
	struct world *w = *state;
	fluffy_bytes wire, out;
	fluffy_msg *msg;
	size_t i;
	int again;

	for (i = 0; i < N_SCENES; i++) {
		wire = scenes[i]->make(w);
		for (again = 0; again < 2; again++) {
			bool may = !again || scenes[i] == &psk_delt ||
			    scenes[i] == &psk_delc;

			msg = from_wire(w, &wire);
			expect(w, scenes[i]->give(w, msg, &out), may ?
			    FLUFFY_OK : FLUFFY_E_REPLAY);
			if (again && scenes[i] == &psk_delc)
				assert_null(out.data);
			if (again && scenes[i]->give != give_skdc &&
			    scenes[i] != &psk_delt)
				assert_null(out.data);
			fluffy_msg_free(&msg);
			wire_free(&out);
		}
		wire_free(&wire);
	}
}

/* All is deleted: its owner alone may ask again, and for that key. */
static void
a_deleted_group_has_no_other_key(void **state)
{
	struct world *w = *state;
	fluffy_bytes wire = make_gsk_delt(w), delc, out;
	struct wires delts = asked_all(w, &wire), last;
	struct forgery f;

	assert_types(w, &delts, 1, FLUFFY_PSK_DELT);
	delc = confirmed(w, SENSOR, &delts.v[0]);
	last = asked_all(w, &delc);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	forge_from(w, &f, &gsk_delt, &wire);
	set_nonce(&f, 77);
	f.part->keydata->keyid = BYTES("12345678");
	forge_seal(&f, &gsk_delt);
	expect(w, give_again(w, &gsk_delt, &f.msg, &out),
	    FLUFFY_E_NO_SUCH_GROUP);
	check_error_to(w, &out, FLUFFY_E_NO_SUCH_GROUP, "lock");
	wire_free(&out);
	forge_from(w, &f, &gsk_delt, &wire);
	set_nonce(&f, 78);
	forge_seal(&f, &gsk_delt);
	must(w->ctx, give_again(w, &gsk_delt, &f.msg, &out));
	wire_free(&out);
	wires_free(&delts);
	wires_free(&last);
	wire_free(&delc);
	wire_free(&wire);
	honest_group(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(gsk_reqs_are_refused_in_order),
		IN_BOTH(gsk_fets_are_refused_in_order),
		IN_BOTH(gsk_delts_are_refused_in_order),
		IN_CBOR(pkp_reqs_are_refused_in_order),
		IN_BOTH(psk_delts_are_refused_in_order),
		IN_CBOR(psk_delcs_are_refused_in_order),
		IN_CBOR(gsk_delcs_are_refused_in_order),
		IN_BOTH(gsk_reps_are_refused_in_order),
		IN_BOTH(gsk_dlvrs_are_refused_in_order),
		IN_CBOR(pkp_reps_are_refused_in_order),
		IN_BOTH(untouched_forgeries_are_taken),
		IN_BOTH(another_devices_key_opens_nothing),
		IN_BOTH(what_was_taken_is_not_taken_again),
		IN_CBOR(a_deleted_group_has_no_other_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

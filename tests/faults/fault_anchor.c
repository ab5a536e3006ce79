/* fault_anchor.c - the documents of section 11, made, taken and used */
#include "../unit/anchors.h"

#include "disk.h"
#include "fault.h"
#include "fault_stores.h"

#define NEW_TA	 DISK "/ta2.db"
#define NEW_GATE DISK "/gate.db"

static struct world *w;
static fluffy_msg *in;			/* the document that comes */
static fluffy_msg *made;		/* the one that is made */
static fluffy_bytes got, expected;	/* another output */
static fluffy_bytes pair, public;	/* the client's */
static fluffy_dk_claim claim;
static uint32_t highest;		/* number that was given out */

static void
stand_up(void)
{
	fluffy_ctx *fresh = fluffy_ctx_new();

	assert_non_null(fresh);
	forget_seals();
	w = world_at(DISK, FLUFFY_CBOR);
	w->ctx->random = fresh->random;
	fluffy_ctx_free(&fresh);
	highest = 0;
}

static void
drop_outputs(void)
{
	fluffy_msg_free(&made);
	fluffy_bytes_free(&got);
}

static void
take_down(void)
{
	void *state = w;

	drop_outputs();
	fluffy_msg_free(&in);
	fluffy_bytes_free(&expected);
	fluffy_bytes_free(&pair);
	fluffy_bytes_free(&public);
	(void)world_free(&state);
	disk_clear();
}

/* ---- the judgement ------------------------------------------------------------ */

static void
look_at(struct party_store *p)
{
	if (disk_find(p->path) == NULL)
		return;
	reopen(w, p);
	assert_intact(p->store);
}

static void
expect(enum fluffy_error found, enum fluffy_error code)
{
	if (found != code)
		print_error("expected %s, found %s: %s: %s\n",
		    fluffy_error_name(code), fluffy_error_name(found),
		    fluffy_why(w->ctx).field, fluffy_why(w->ctx).text);
	assert_int_equal(found, code);
}

static enum fluffy_error
act_again(const struct scene *scene)
{
	drop_outputs();
	return scene->act();
}

static void
judge(const struct scene *scene, enum fluffy_error found)
{
	if (found != FLUFFY_OK) {
		assert_int_equal(fluffy_why(w->ctx).code, found);
		assert_null(made);
		assert_null(got.data);
		found = act_again(scene);
	}
	if (found == FLUFFY_OK)
		scene->finish();
	else
		expect(found, scene->again);
	fluffy_store_close(&w->ta.store);
	fluffy_store_close(&w->rs.store);
	fluffy_store_close(&w->client.store);
	if (fault_known(found == FLUFFY_OK))
		return;
	look_at(&w->ta);
	look_at(&w->rs);
	look_at(&w->client);
	found = act_again(scene);
	expect(found, scene->again);
	if (found == FLUFFY_OK)
		scene->finish();
	honest(w);
}

static void
nothing(void)
{
}

/* ---- K_RS-TA --------------------------------------------------------------------- */

static enum fluffy_error
act_provision(void)
{
	return fluffy_dk_provision(w->ctx, w->ta.path,
	    &(fluffy_dk_provision_params){ .rs = "door" }, &made);
}

/* The RS takes it, and no number of the key before counts any more. */
static void
follow_provision(void)
{
	assert_int_equal(fluffy_msg_type(made), FLUFFY_DK_PROV);
	reopen(w, &w->ta);
	join(w, &w->rs, sent(w, made));
	made = NULL;
}

static enum fluffy_error
act_first_provision(void)
{
	return fluffy_dk_provision(w->ctx, NEW_TA,
	    &(fluffy_dk_provision_params){ .rs = "door", .bits = 256 },
	    &made);
}

static void
follow_first_provision(void)
{
	fluffy_store *s;
	fluffy_msg *cred;

	must(w->ctx, fluffy_dk_open(w->ctx, NEW_TA, 0, &s));
	assert_intact(s);
	must(w->ctx, fluffy_dk_issue(s, "door", "phone", &cred));
	fluffy_msg_free(&cred);
	fluffy_store_close(&s);
}

static enum fluffy_error
join_at(const char *path, const fluffy_dk_join_params *params)
{
	size_t before = disk_count();
	enum fluffy_error e = fluffy_dk_join(w->ctx, path, in, params, &got);

	assert_true(e == FLUFFY_OK || disk_count() <= before);
	return e;
}

static void
prepare_join(void)
{
	in = provisioned_for(w, "gate");
}

static enum fluffy_error
act_join(void)
{
	return join_at(NEW_GATE, &plainly);
}

static void
follow_join(void)
{
	must(w->ctx, fluffy_dk_trust(w->ta.store, "gate", got.data,
	    got.len));
}

static void
prepare_renewal(void)
{
	expect(take_number(w, 5), FLUFFY_OK);
	in = provisioned_for(w, "door");
}

static enum fluffy_error
act_renewal(void)
{
	return join_at(w->rs.path, &plainly);
}

static void
follow_renewal(void)
{
	reopen(w, &w->rs);
	/* another key: the number is fresh again */
	expect(take_number(w, 5), FLUFFY_OK);
	is_stale(w, 5);
}

static enum fluffy_error
act_trust(void)
{
	return fluffy_dk_trust(w->ta.store, "door", public.data, public.len);
}

/* ---- numbers ------------------------------------------------------------------------ */

static enum fluffy_error
act_issue(void)
{
	return fluffy_dk_issue(w->ta.store, "door", "phone", &made);
}

static void
is_newer(void)
{
	fluffy_dk_summary summary;

	must(w->ctx, fluffy_dk_summarize(w->ctx, made, &summary));
	assert_true(summary.number > highest);
	highest = summary.number;
}

static void
follow_issue(void)
{
	fluffy_dk_claim of;
	uint8_t key[32];
	size_t n;

	is_newer();
	must(w->ctx, fluffy_dk_derive(w->rs.store, made->psk_identity.p,
	    made->psk_identity.n, &of, key, &n));
	assert_bytes(bytes_of(key, n), made->key);
	must(w->ctx, fluffy_dk_take(w->rs.store, &of));
}

static void
prepare_public(void)
{
	public = new_pair(w, true);
}

static enum fluffy_error
act_certify(void)
{
	return fluffy_dk_certify(w->ta.store, "door", "phone", public.data,
	    public.len, &made);
}

static void
follow_certify(void)
{
	fluffy_bytes maccert, found;
	fluffy_dk_claim of;

	is_newer();
	must(w->ctx, fluffy_dk_maccert(w->rs.store, made, &maccert));
	must(w->ctx, fluffy_dk_verify(w->rs.store, maccert.data, maccert.len,
	    &of, &found));
	fluffy_bytes_free(&found);
	fluffy_bytes_free(&maccert);
	must(w->ctx, fluffy_dk_take(w->rs.store, &of));
}

static void
prepare_number(void)
{
	fluffy_msg *cred = issued(w, "door", "phone");

	fluffy_msg_free(&cred);
}

static enum fluffy_error
act_revoke(void)
{
	return fluffy_dk_revoke(w->ta.store, "door", 1, &made);
}

static void
follow_revoke(void)
{
	must(w->ctx, fluffy_dk_accept(w->rs.store, made));
	is_stale(w, 1);
}

static void
prepare_accept(void)
{
	prepare_number();
	in = revoked(w, "door", 1);
}

static enum fluffy_error
act_accept(void)
{
	return fluffy_dk_accept(w->rs.store, in);
}

static void
follow_accept(void)
{
	is_stale(w, 1);
}

/* ---- what the RS is shown -------------------------------------------------------------- */

static enum fluffy_error
take_out(enum fluffy_error e, const uint8_t *p, size_t n)
{
	struct buffer b = BUFFER(10000);

	if (e != FLUFFY_OK)
		return e;
	buffer_add(&b, p, n);
	return buffer_take(&b, &got) ? e : fluffy_fail_memory(w->ctx);
}

static enum fluffy_error
act_derive(void)
{
	uint8_t key[32] = { 0 };
	size_t n;

	return take_out(fluffy_dk_derive(w->rs.store, in->psk_identity.p,
	    in->psk_identity.n, &claim, key, &n), key, sizeof(key));
}

static void
keep_output(void)
{
	expected = got;
	got = (fluffy_bytes){ NULL, 0 };
}

static void
prepare_derive(void)
{
	in = issued(w, "door", "phone");
	must(w->ctx, act_derive());
	keep_output();
}

static void
is_as_expected(void)
{
	assert_bytes(bytes_of(got.data, got.len),
	    bytes_of(expected.data, expected.len));
}

static enum fluffy_error
act_verify(void)
{
	fluffy_bytes maccert;
	enum fluffy_error e = fluffy_dk_maccert(w->rs.store, in, &maccert);

	if (e == FLUFFY_OK)
		e = fluffy_dk_verify(w->rs.store, maccert.data, maccert.len,
		    &claim, &got);
	fluffy_bytes_free(&maccert);
	return e;
}

static void
prepare_verify(void)
{
	prepare_public();
	in = certified(w, "door", "phone", &public);
	must(w->ctx, act_verify());
	keep_output();
}

/* Another's MAC is refused, whatever fails. */
static void
prepare_forged(void)
{
	uint8_t *mac;

	prepare_public();
	in = certified(w, "door", "phone", &public);
	mac = (uint8_t *)(uintptr_t)in->maccert.p + in->maccert.n - 1;
	*mac ^= 1;
}

static enum fluffy_error
act_forged(void)
{
	enum fluffy_error e = act_verify();

	assert_int_not_equal(e, FLUFFY_OK);
	assert_null(got.data);
	return FLUFFY_OK;
}

static void
prepare_take(void)
{
	prepare_derive();
}

static enum fluffy_error
act_take(void)
{
	return fluffy_dk_take(w->rs.store, &claim);
}

static void
follow_take(void)
{
	expect(take_number(w, 1), FLUFFY_E_REPLAY);
}

/* ---- what a client has ------------------------------------------------------------------- */

static void
prepare_join_cred(void)
{
	in = issued(w, "door", "phone");
}

static enum fluffy_error
act_join_client(void)
{
	return join_at(w->client.path, &(fluffy_dk_join_params){
	    .key = pair.data, .key_len = pair.len });
}

static void
follow_join_cred(void)
{
	fluffy_dk_credential found;

	reopen(w, &w->client);
	must(w->ctx, fluffy_dk_next(w->client.store, "door", 0, &found));
	assert_bytes(bytes_of(found.key.data, found.key.len), in->key);
	fluffy_dk_credential_free(&found);
}

static void
prepare_join_cert(void)
{
	struct buffer out = BUFFER(4096);

	pair = new_pair(w, false);
	must(w->ctx, pair_public(w->ctx, bytes_of(pair.data, pair.len), true,
	    &out));
	assert_true(buffer_take(&out, &public));
	in = certified(w, "door", "phone", &public);
}

static void
follow_join_cert(void)
{
	fluffy_dk_credential found;

	reopen(w, &w->client);
	must(w->ctx, fluffy_dk_next(w->client.store, NULL, 0, &found));
	assert_bytes(bytes_of(found.maccert.data, found.maccert.len),
	    in->maccert);
	fluffy_dk_credential_free(&found);
}

static enum fluffy_error
act_next(void)
{
	fluffy_dk_credential found;
	enum fluffy_error e = fluffy_dk_next(w->client.store, "door", 0,
	    &found);

	if (e != FLUFFY_OK)
		return e;
	e = take_out(e, found.key.data, found.key.len);
	fluffy_dk_credential_free(&found);
	return e;
}

static void
prepare_client(void)
{
	join(w, &w->client, issued(w, "door", "phone"));
	must(w->ctx, act_next());
	keep_output();
}

static enum fluffy_error
act_used(void)
{
	return fluffy_dk_used(w->client.store, 1);
}

static void
follow_used(void)
{
	const uint8_t *p;
	size_t n;

	/* what is told to be left in the log goes with the next change */
	if (w->client.store->log_left) {
		must(w->ctx, store_begin(w->client.store));
		must(w->ctx, store_commit(w->client.store));
	}
	assert_true(disk_get(w->client.path, &p, &n));
	assert_null(memmem(p, n, expected.data, expected.len));
	assert_true(!disk_get(DISK "/client.db-wal", &p, &n) || n == 0 ||
	    memmem(p, n, expected.data, expected.len) == NULL);
	expect(act_next(), FLUFFY_E_NOT_FOUND);
}

static enum fluffy_error
act_private(void)
{
	return fluffy_dk_private(w->rs.store, &got);
}

static void
prepare_private(void)
{
	must(w->ctx, act_private());
	keep_output();
}

static enum fluffy_error
list_all(struct party_store *p, struct buffer *b)
{
	return fluffy_dk_list(p->store, list_entry, b);
}

static enum fluffy_error
act_list(void)
{
	struct buffer b = BUFFER(100000);
	enum fluffy_error e = list_all(&w->ta, &b);

	if (e == FLUFFY_OK)
		e = list_all(&w->rs, &b);
	if (e == FLUFFY_OK)
		e = list_all(&w->client, &b);
	if (e == FLUFFY_OK && !buffer_take(&b, &got))
		e = fluffy_fail_memory(w->ctx);
	buffer_free(&b);
	return e;
}

static void
prepare_list(void)
{
	prepare_client();
	fluffy_bytes_free(&expected);
	revoke_number(w, 1);
	must(w->ctx, act_list());
	keep_output();
}

#define OK     FLUFFY_OK
#define EXISTS FLUFFY_E_EXISTS

static const struct scene scenes[] = {
	{ "dk-provision", nothing, act_provision, follow_provision, OK, OK },
	{ "dk-first-provision", nothing, act_first_provision,
	    follow_first_provision, OK, OK },
	{ "dk-join", prepare_join, act_join, follow_join, OK, EXISTS },
	{ "dk-renewal", prepare_renewal, act_renewal, follow_renewal, OK,
	    EXISTS },
	{ "dk-trust", prepare_public, act_trust, nothing, OK, OK },
	{ "dk-issue", nothing, act_issue, follow_issue, OK, OK },
	{ "dk-certify", prepare_public, act_certify, follow_certify, OK, OK },
	{ "dk-revoke", prepare_number, act_revoke, follow_revoke, OK, OK },
	{ "dk-accept", prepare_accept, act_accept, follow_accept, OK, OK },
	{ "dk-derive", prepare_derive, act_derive, is_as_expected, OK, OK },
	{ "dk-verify", prepare_verify, act_verify, is_as_expected, OK, OK },
	{ "dk-forged", prepare_forged, act_forged, nothing, OK, OK },
	{ "dk-take", prepare_take, act_take, follow_take, OK,
	    FLUFFY_E_REPLAY },
	{ "dk-join-cred", prepare_join_cred, act_join_client,
	    follow_join_cred, OK, EXISTS },
	{ "dk-join-cert", prepare_join_cert, act_join_client,
	    follow_join_cert, OK, EXISTS },
	{ "dk-next", prepare_client, act_next, is_as_expected, OK, OK },
	{ "dk-used", prepare_client, act_used, follow_used, OK,
	    FLUFFY_E_NOT_FOUND },
	{ "dk-private", prepare_private, act_private, is_as_expected, OK,
	    OK },
	{ "dk-list", prepare_list, act_list, is_as_expected, OK, OK },
	{ .name = NULL }
};

const struct tour anchor_tour = { .stand_up = stand_up, .judge = judge,
	.take_down = take_down, .scenes = scenes };

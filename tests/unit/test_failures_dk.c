/*
 * test_failures_dk.c - trust anchors, resource servers and clients (section 11)
 * whose stores, memory and chance fail, at every moment
 *
 * What test_failures.c does with a realm.
 */
#include "anchors.h"

#include "failing.h"

/* What the deeds are done with. */
struct stage {
	struct world *w;
	fluffy_msg *msg;
	fluffy_dk_claim claim;
	fluffy_bytes pair;
};

struct deed {
	const char *name;
	void (*make)(struct stage *);
	enum fluffy_error (*take)(struct stage *);
	bool store, memory;	/* does it need them? */
};

/* ---- what is taken ------------------------------------------------------- */

static void
make_prov(struct stage *x)
{
	x->msg = provisioned_for(x->w, "door");
}

static void
make_gate_prov(struct stage *x)
{
	x->msg = provisioned_for(x->w, "gate");
}

/* The client's pair, and what the TA says about it. */
static void
make_cert(struct stage *x)
{
	struct world *w = x->w;
	struct buffer public = BUFFER(4096);
	struct buffer pair = BUFFER(4096);
	fluffy_bytes key;

	x->pair = new_pair(w, false);
	must(w->ctx, pair_read(w->ctx, view(&x->pair), &pair));
	must(w->ctx, pair_public(w->ctx, buffer_view(&pair), true, &public));
	assert_true(buffer_take(&public, &key));
	x->msg = certified(w, "door", "phone", &key);
	fluffy_bytes_free(&key);
	buffer_free(&pair);
}

/* In a store that is there already. */
static void
make_another_cert(struct stage *x)
{
	join(x->w, &x->w->client, issued(x->w, "door", "phone"));
	make_cert(x);
}

static void
make_cred(struct stage *x)
{
	join(x->w, &x->w->client, issued(x->w, "door", "phone"));
	x->msg = issued(x->w, "door", "phone");
}

static void
make_claim(struct stage *x)
{
	must(x->w->ctx, shown_number(x->w, 7, &x->claim));
}

static void
make_revoke(struct stage *x)
{
	join(x->w, &x->w->client, issued(x->w, "door", "phone"));
	x->msg = revoked(x->w, "door", 1);
}

static enum fluffy_error
join_at(struct stage *x, struct party_store *p)
{
	const fluffy_dk_join_params params = { .key = x->pair.data,
	    .key_len = x->pair.len };
	fluffy_bytes public;
	enum fluffy_error e;

	e = fluffy_dk_join(x->w->ctx, p->path, x->msg, &params, &public);
	if (e != FLUFFY_OK)
		assert_null(public.data);
	fluffy_bytes_free(&public);
	return e;
}

static enum fluffy_error
client_joins(struct stage *x)
{
	return join_at(x, &x->w->client);
}

/* Into a store that isn't there, and isn't when it fails. */
static enum fluffy_error
newcomer_joins(struct stage *x)
{
	enum fluffy_error e;

	assert_false(store_exists(x->w->client.path));
	e = join_at(x, &x->w->client);
	assert_int_equal(store_exists(x->w->client.path), e == FLUFFY_OK);
	return e;
}

static enum fluffy_error
server_joins(struct stage *x)
{
	return join_at(x, &x->w->rs);
}

static enum fluffy_error
server_derives(struct stage *x)
{
	struct bytes nonce = x->msg->psk_identity;
	fluffy_dk_claim claim;
	uint8_t key[32];
	size_t n;
	enum fluffy_error e = fluffy_dk_derive(x->w->rs.store, nonce.p,
	    nonce.n, &claim, key, &n);

	assert_int_equal(n, e == FLUFFY_OK ? 16 : 0);
	assert_int_equal(claim.number, e == FLUFFY_OK ? 2 : 0);
	return e;
}

static enum fluffy_error
server_verifies(struct stage *x)
{
	struct bytes cert = x->msg->maccert;
	fluffy_dk_claim claim;
	fluffy_bytes public;
	enum fluffy_error e = fluffy_dk_verify(x->w->rs.store, cert.p,
	    cert.n, &claim, &public);

	assert_int_equal(public.data != NULL, e == FLUFFY_OK);
	fluffy_bytes_free(&public);
	return e;
}

static enum fluffy_error
server_reads(struct stage *x)
{
	fluffy_bytes cert;
	enum fluffy_error e = fluffy_dk_maccert(x->w->rs.store, x->msg,
	    &cert);

	assert_int_equal(cert.data != NULL, e == FLUFFY_OK);
	fluffy_bytes_free(&cert);
	return e;
}

static enum fluffy_error
server_takes(struct stage *x)
{
	return fluffy_dk_take(x->w->rs.store, &x->claim);
}

static enum fluffy_error
server_accepts(struct stage *x)
{
	return fluffy_dk_accept(x->w->rs.store, x->msg);
}

static enum fluffy_error
anchor_issues(struct stage *x)
{
	fluffy_msg *cred;
	enum fluffy_error e = fluffy_dk_issue(x->w->ta.store, "door",
	    "phone", &cred);

	assert_int_equal(cred != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&cred);
	return e;
}

static enum fluffy_error
anchor_certifies(struct stage *x)
{
	fluffy_msg *cert;
	enum fluffy_error e = fluffy_dk_certify(x->w->ta.store, "door",
	    "phone", x->pair.data, x->pair.len, &cert);

	assert_int_equal(cert != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&cert);
	return e;
}

static enum fluffy_error
anchor_revokes(struct stage *x)
{
	fluffy_msg *revoke;
	enum fluffy_error e = fluffy_dk_revoke(x->w->ta.store, "door", 1,
	    &revoke);

	assert_int_equal(revoke != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&revoke);
	return e;
}

static enum fluffy_error
anchor_provisions(struct stage *x)
{
	fluffy_msg *prov;
	enum fluffy_error e = fluffy_dk_provision(x->w->ctx, x->w->ta.path,
	    &(fluffy_dk_provision_params){ .rs = "gate" }, &prov);

	assert_int_equal(prov != NULL, e == FLUFFY_OK);
	fluffy_msg_free(&prov);
	return e;
}

static void
make_key(struct stage *x)
{
	x->pair = new_pair(x->w, true);
}

static void
make_nothing(struct stage *x)
{
	(void)x;
}

static const struct deed deeds[] = {
	{ "DK-PROV", make_prov, server_joins,
	    true, true },
	{ "a first DK-PROV", make_gate_prov, newcomer_joins, true, true },
	{ "DK-CRED", make_cred, client_joins,
	    true, true },
	{ "DK-CERT", make_another_cert, client_joins,
	    true, true },
	{ "DK-REVOKE", make_revoke, server_accepts,
	    true, true },
	{ "a nonce", make_cred, server_derives,
	    true, false },
	{ "a MacCert", make_cert, server_verifies,
	    true, true },
	{ "a MacCert in its document", make_cert, server_reads,
	    false, true },
	{ "a number", make_claim, server_takes,
	    true, false },
	{ "a credential", make_nothing, anchor_issues, true, true },
	{ "a certificate", make_key, anchor_certifies, true, true },
	{ "a revocation", make_cred, anchor_revokes, true, true },
	{ "another resource server", make_nothing, anchor_provisions,
	    true, true }
};

#define N_DEEDS (sizeof(deeds) / sizeof(deeds[0]))

static void
stage_end(struct stage *x)
{
	void *state = x->w;

	fluffy_msg_free(&x->msg);
	fluffy_bytes_free(&x->pair);
	assert_int_equal(world_free(&state), 0);
}

static enum fluffy_error
try(struct stage *x, const struct deed *deed, const struct failing *what,
    unsigned long n)
{
	enum fluffy_error e;

	strike_after(what, n);
	e = deed->take(x);
	failing = NULL;
	if (struck && e != FLUFFY_OK) {
		if (e != what->code)
			print_error("%s: %s %lu: %s: %s\n", deed->name,
			    what->what, n, fluffy_error_name(e),
			    fluffy_why(x->w->ctx).text);
		assert_int_equal(e, what->code);
		assert_int_equal(fluffy_why(x->w->ctx).code, e);
	}
	return e;
}

/* Between parties of its own; whether there was something that could fail. */
static bool
fails(const struct deed *deed, const struct failing *what, unsigned long n)
{
	struct stage x = { .w = world_in(FLUFFY_CBOR) };
	enum fluffy_error e;
	bool had;

	fluffy_ctx_set_random(x.w->ctx, failing_random, &x.w->rng);
	deed->make(&x);
	e = try(&x, deed, what, n);
	had = struck;
	if (e != FLUFFY_OK)
		must(x.w->ctx, try(&x, deed, NULL, 0));
	honest(x.w);
	stage_end(&x);
	return had;
}

static void
all_fail(const struct failing *what)
{
	unsigned long n, total = 0;
	bool needed;
	size_t i;

	for (i = 0; i < N_DEEDS; i++) {
		for (n = 0; fails(&deeds[i], what, n); n++)
			;
		needed = what == &statements ? deeds[i].store :
		    deeds[i].memory;
		if (what != &chances && (n > 0) != needed) {
			print_error("%s: %lu\n", deeds[i].name, n);
			fail();
		}
		total += n;
	}
	print_message("# %lu times\n", total);
	assert_true(total > 0);
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

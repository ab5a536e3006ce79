/* test_dk.c - DerivedKey and AuthorizedPublicKey: the steps, honestly taken */
#include "anchors.h"

/* ---- DerivedKey ------------------------------------------------------------- */

static void
a_derived_key_opens_one_session(void **state)
{
	struct world *w = *state;
	fluffy_dk_credential c;
	fluffy_dk_claim claim;
	fluffy_bytes private;
	uint8_t key[32];
	size_t n;

	join(w, &w->client, issued(w, "door", "phone"));
	must(w->ctx, fluffy_dk_next(w->client.store, NULL, 0, &c));
	assert_string_equal(c.ta, "TA");
	assert_string_equal(c.rs, "door");
	assert_int_equal(c.number, 1);
	assert_bytes(view(&c.nonce), BYTES("DK.TA.phone.1"));
	assert_int_equal(c.key.len, 16);
	assert_int_equal(c.maccert.len, 0);
	assert_int_equal(c.rs_key.len, 0);
	must(w->ctx, fluffy_dk_derive(w->rs.store, c.nonce.data, c.nonce.len,
	    &claim, key, &n));
	assert_bytes(bytes_of(key, n), view(&c.key));
	assert_string_equal(claim.ta, "TA");
	assert_string_equal(claim.client, "phone");
	assert_int_equal(claim.number, 1);
	/* nothing changed yet */
	must(w->ctx, shown(w, view(&c.nonce), &claim));
	must(w->ctx, fluffy_dk_take(w->rs.store, &claim));
	refused(w, fluffy_dk_take(w->rs.store, &claim), FLUFFY_E_REPLAY, "",
	    "number 1 was used or revoked, or is too old");
	is_stale(w, 1);
	must(w->ctx, fluffy_dk_used(w->client.store, c.id));
	refused(w, fluffy_dk_used(w->client.store, c.id), FLUFFY_E_NOT_FOUND,
	    "", "no such credential");
	fluffy_dk_credential_free(&c);
	refused(w, fluffy_dk_next(w->client.store, NULL, 0, &c),
	    FLUFFY_E_NOT_FOUND, "", "no credential is left");
	/* it needs no pair */
	refused(w, fluffy_dk_private(w->client.store, &private),
	    FLUFFY_E_NOT_FOUND, "", "this store has no private key");
	assert_null(private.data);
	honest(w);
}

static void
a_known_answer(void **state)
{
	static const struct {
		unsigned bits;
		const char *key;
	} cases[] = {
		{ 128, "08a7b34b3c5ad23650f4c6a0e4ad83c2" },
		/* openssl kdf -keylen 32 -kdfopt digest:SHA256
		   -kdfopt hexsecret:00..1f -kdfopt seed:DK.TA.C.1 TLS1-PRF */
		{ 256, "925a85aa4edaa9b718b266107b57fa74"
		    "46b76142e8ef385df86e4e65ef783576" }
	};
	struct world *w = *state;
	uint8_t key[32], expected[32];
	fluffy_dk_provision_params p = { .rs = "lamp", .key = key };
	fluffy_msg *prov, *cred;
	size_t i;

	for (i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
	for (i = 0; i < 2; i++) {
		p.key_len = cases[i].bits / 8;
		p.bits = i == 0 ? 0 : cases[i].bits;
		prov = provisioned(w, &p);
		assert_bytes(prov->keydata->key, bytes_of(key, p.key_len));
		cred = issued(w, "lamp", "C");
		assert_bytes(cred->psk_identity, BYTES("DK.TA.C.1"));
		assert_bytes(cred->key, unhex(cases[i].key, expected, 32));
		fluffy_msg_free(&cred);
		fluffy_msg_free(&prov);
	}
}

static void
keys_of_both_lengths(void **state)
{
	static const unsigned bits[] = { 0, 128, 256 };
	struct world *w = *state;
	fluffy_msg *prov, *cred;
	size_t i;

	for (i = 0; i < 3; i++) {
		prov = provisioned(w, &(fluffy_dk_provision_params){
		    .rs = "door", .bits = bits[i] });
		assert_int_equal(prov->keydata->key.n,
		    bits[i] == 256 ? 32 : 16);
		assert_int_equal(prov->keydata->keyid.n, 4);
		assert_int_equal(prov->keydata->keyops.n, 1);
		assert_int_equal(prov->keydata->keyops.v[0], 7);
		assert_false(HAS(prov->keydata, L_alg));
		cred = issued(w, "door", "phone");
		assert_int_equal(cred->key.n, prov->keydata->key.n);
		fluffy_msg_free(&cred);
		join(w, &w->rs, prov);
		honest(w);
	}
}

static void
numbers_grow_and_are_the_pairs_own(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true);
	fluffy_msg *msg;
	fluffy_bytes public;
	uint32_t i;

	msg = provisioned_for(w, "lamp");
	public = new_pair(w, true);
	trust(w, "lamp", &public);
	fluffy_msg_free(&msg);
	/* one counter for both modes */
	for (i = 1; i <= 10; i++) {
		struct maccert cert;
		struct nonce nonce;

		msg = i % 2 == 0 ? certified(w, "door", "phone", &pair) :
		    issued(w, "door", "phone");
		if (i % 2 == 0) {
			assert_null(maccert_read(msg->maccert, &cert));
			assert_int_equal(cert.number, i);
		} else {
			assert_null(nonce_read(msg->psk_identity, &nonce));
			assert_int_equal(nonce.number, i);
		}
		fluffy_msg_free(&msg);
	}
	msg = issued(w, "lamp", "phone");
	assert_bytes(msg->psk_identity, BYTES("DK.TA.phone.1"));
	fluffy_msg_free(&msg);
	reopen(w, &w->ta);
	assert_listed(w, &w->ta, "trust-anchor TA door 10 trusted\n"
	    "trust-anchor TA lamp 1 trusted\n");
	fluffy_bytes_free(&pair);
}

static void
names_may_be_at_their_limits(void **state)
{
	struct world *w = *state;
	char ta[114], rs[257], client[120], longer[257];
	fluffy_dk_provision_params p = { .ta = ta, .rs = rs };
	struct party_store other = { .store = NULL };
	fluffy_dk_claim claim;
	fluffy_msg *prov, *cred, *out;

	memset(ta, 't', sizeof(ta));
	memset(rs, 'r', sizeof(rs));
	ta[113] = rs[256] = '\0';
	place(w, &other, "other.db");
	refused(w, fluffy_dk_provision(w->ctx, other.path, &p, &prov),
	    FLUFFY_E_USAGE, "rs", NAME_EXPECTED);
	assert_null(prov);
	rs[255] = '\0';
	refused(w, fluffy_dk_provision(w->ctx, other.path, &p, &prov),
	    FLUFFY_E_USAGE, "ta", "a trust anchor's name has no \".\" and at "
	    "most 112 bytes");
	assert_null(prov);
	assert_false(store_exists(other.path));
	ta[112] = '\0';
	must(w->ctx, fluffy_dk_provision(w->ctx, other.path, &p, &prov));
	fluffy_store_close(&w->rs.store);
	place(w, &w->rs, "otherrs.db");
	join(w, &w->rs, sent(w, prov));
	reopen(w, &other);
	/* "DK." 112 "." c "." number: 10 digits fit with one byte */
	memset(client, 'c', sizeof(client));
	client[11] = '\0';
	refused(w, fluffy_dk_issue(other.store, rs, client, &cred),
	    FLUFFY_E_USAGE, "client",
	    "with it the nonce would have more than 128 bytes");
	assert_null(cred);
	client[10] = '\0';
	must(w->ctx, fluffy_dk_issue(other.store, rs, client, &cred));
	assert_int_equal(cred->psk_identity.n, 128);
	cred = sent(w, cred);
	must(w->ctx, shown(w, cred->psk_identity, &claim));
	assert_int_equal(claim.number, 1);
	assert_string_equal(claim.ta, ta);
	assert_string_equal(claim.client, client);
	join(w, &w->client, cred);
	/* a MacCert names no client: it may have any name */
	memset(longer, 'l', sizeof(longer));
	longer[255] = '\0';
	{
		fluffy_bytes public = new_pair(w, true);

		must(w->ctx, fluffy_dk_trust(other.store, rs, public.data,
		    public.len));
		must(w->ctx, fluffy_dk_certify(other.store, rs, longer,
		    public.data, public.len, &out));
		fluffy_msg_free(&out);
		longer[255] = 'l';
		longer[256] = '\0';
		refused(w, fluffy_dk_certify(other.store, rs, longer,
		    public.data, public.len, &out), FLUFFY_E_USAGE, "client",
		    NAME_EXPECTED);
		assert_null(out);
		fluffy_bytes_free(&public);
	}
	fluffy_store_close(&other.store);
}

static void
dots_belong_to_the_client(void **state)
{
	struct world *w = *state;
	fluffy_msg *cred = issued(w, "door", ".a..b.");
	fluffy_dk_claim claim;

	assert_bytes(cred->psk_identity, BYTES("DK.TA..a..b..1"));
	must(w->ctx, shown(w, cred->psk_identity, &claim));
	assert_string_equal(claim.client, ".a..b.");
	assert_string_equal(claim.ta, "TA");
	join(w, &w->client, cred);
	assert_listed(w, &w->client, "client TA door .a..b. DerivedKey 1\n");
}

/* ---- AuthorizedPublicKey ------------------------------------------------------- */

static void
a_maccert_opens_one_session(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, false), public, maccert, found;
	fluffy_dk_join_params with = { .key = pair.data,
	    .key_len = pair.len };
	struct buffer der = BUFFER(SPKI_MAX);
	fluffy_dk_credential c;
	fluffy_dk_claim claim;
	fluffy_msg *cert;

	must(w->ctx, pair_public(w->ctx, view(&pair), false, &der));
	must(w->ctx, fluffy_dk_certify(w->ta.store, "door", "phone", der.p,
	    der.n, &cert));
	cert = sent(w, cert);
	/* for P-256 and TA "TA" */
	assert_int_equal(cert->maccert.n, 135);
	refused(w, fluffy_dk_join(w->ctx, w->client.path, cert, &plainly,
	    &public), FLUFFY_E_USAGE, "key",
	    "a DK-CERT needs the private key that it is for");
	assert_false(store_exists(w->client.path));
	public = joined(w, &w->client, cert, &with);
	assert_null(public.data);
	must(w->ctx, fluffy_dk_maccert(w->rs.store, cert, &maccert));
	assert_bytes(view(&maccert), cert->maccert);
	must(w->ctx, fluffy_dk_next(w->client.store, "door", 0, &c));
	assert_bytes(view(&c.maccert), cert->maccert);
	assert_bytes(view(&c.rs_key), cert->rs_key);
	assert_int_equal(c.number, 1);
	assert_int_equal(c.nonce.len + c.key.len, 0);
	must(w->ctx, fluffy_dk_verify(w->rs.store, c.maccert.data,
	    c.maccert.len, &claim, &found));
	assert_bytes(view(&found), buffer_view(&der));
	assert_string_equal(claim.ta, "TA");
	assert_string_equal(claim.client, "");
	assert_int_equal(claim.number, 1);
	fluffy_bytes_free(&found);
	must(w->ctx, fluffy_dk_take(w->rs.store, &claim));
	refused(w, fluffy_dk_verify(w->rs.store, c.maccert.data,
	    c.maccert.len, &claim, &found), FLUFFY_E_REPLAY, "maccert",
	    "number 1 was used or revoked, or is too old");
	assert_null(found.data);
	assert_string_equal(claim.ta, "");
	must(w->ctx, fluffy_dk_private(w->client.store, &found));
	assert_bytes(view(&found), view(&pair));
	fluffy_bytes_free(&found);
	must(w->ctx, fluffy_dk_used(w->client.store, c.id));
	assert_listed(w, &w->client, "");
	fluffy_dk_credential_free(&c);
	fluffy_msg_free(&cert);
	fluffy_bytes_free(&maccert);
	fluffy_bytes_free(&pair);
	buffer_free(&der);
}

/* A document brings one to the server that it names, from the TA that it names. */
static void
a_document_brings_its_own_maccert(void **state)
{
	struct world *w = *state;
	fluffy_bytes key = new_pair(w, true), found;
	fluffy_msg *cert = certified(w, "door", "phone", &key);
	fluffy_msg *cred = issued(w, "door", "phone");
	struct bytes whole = cert->maccert, ta = cert->ta, rs = cert->rs;

	refused_at(w->ctx, fluffy_dk_maccert(w->ta.store, cert, &found),
	    FLUFFY_E_USAGE, "");
	assert_null(found.data);
	refused(w, fluffy_dk_maccert(w->rs.store, cred, &found),
	    FLUFFY_E_UNEXPECTED, "DK-CRED", "expected DK-CERT");
	assert_null(found.data);
	cert->rs = BYTES("gate");
	refused(w, fluffy_dk_maccert(w->rs.store, cert, &found),
	    FLUFFY_E_AUTH_FAILED, "DK-CERT.rs",
	    "expected \"door\", found \"gate\"");
	assert_null(found.data);
	cert->rs = rs;
	cert->ta = BYTES("other");
	refused(w, fluffy_dk_maccert(w->rs.store, cert, &found),
	    FLUFFY_E_MALFORMED, "DK-CERT.maccert",
	    "its trust anchor isn't ta");
	assert_null(found.data);
	/* of one that can't be read, who reads it tells more */
	cert->maccert.n--;
	must(w->ctx, fluffy_dk_maccert(w->rs.store, cert, &found));
	assert_bytes(view(&found), cert->maccert);
	fluffy_bytes_free(&found);
	cert->maccert = whole;
	cert->ta = ta;
	must(w->ctx, fluffy_dk_maccert(w->rs.store, cert, &found));
	assert_bytes(view(&found), whole);
	fluffy_bytes_free(&found);
	fluffy_bytes_free(&key);
	fluffy_msg_free(&cert);
	fluffy_msg_free(&cred);
	honest(w);
}

/* What the RS's store has is what the TA hands on. */
static void
the_server_has_a_pair_of_its_own(void **state)
{
	struct world *w = *state;
	fluffy_bytes private, mine, public;
	struct buffer der = BUFFER(SPKI_MAX);
	fluffy_dk_join_params with = { .window = 0 };
	fluffy_msg *cert;

	must(w->ctx, fluffy_dk_private(w->rs.store, &private));
	must(w->ctx, pair_public(w->ctx, view(&private), false, &der));
	mine = new_pair(w, true);
	cert = certified(w, "door", "phone", &mine);
	assert_bytes(cert->rs_key, buffer_view(&der));
	fluffy_msg_free(&cert);
	/* a new K_RS-TA leaves it as it is */
	cert = provisioned_for(w, "door");
	public = joined(w, &w->rs, cert, &plainly);
	fluffy_msg_free(&cert);
	fluffy_bytes_free(&mine);
	must(w->ctx, fluffy_dk_private(w->rs.store, &mine));
	assert_bytes(view(&mine), view(&private));
	fluffy_bytes_free(&mine);
	fluffy_bytes_free(&public);
	/* one that is given takes its place */
	mine = new_pair(w, false);
	with.key = mine.data;
	with.key_len = mine.len;
	cert = provisioned_for(w, "door");
	public = joined(w, &w->rs, cert, &with);
	fluffy_msg_free(&cert);
	buffer_free(&der);
	der = BUFFER(2048);
	must(w->ctx, pair_public(w->ctx, view(&mine), true, &der));
	assert_bytes(view(&public), buffer_view(&der));
	fluffy_bytes_free(&private);
	must(w->ctx, fluffy_dk_private(w->rs.store, &private));
	assert_bytes(view(&private), view(&mine));
	fluffy_bytes_free(&private);
	fluffy_bytes_free(&public);
	fluffy_bytes_free(&mine);
	buffer_free(&der);
}

/* A MacCert for the pair before opens nothing more. */
static void
another_pair_ends_its_maccerts(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, false), none;
	fluffy_dk_join_params with = { .key = pair.data,
	    .key_len = pair.len };
	struct buffer der = BUFFER(SPKI_MAX);
	fluffy_bytes public;
	fluffy_msg *msg;

	must(w->ctx, pair_public(w->ctx, view(&pair), false, &der));
	assert_true(buffer_take(&der, &public));
	msg = certified(w, "door", "phone", &public);
	none = joined(w, &w->client, msg, &with);
	fluffy_msg_free(&msg);
	msg = issued(w, "door", "phone");
	/* the same again */
	none = joined(w, &w->client, msg, &with);
	fluffy_msg_free(&msg);
	assert_listed(w, &w->client,
	    "client TA door phone AuthorizedPublicKey 1\n"
	    "client TA door phone DerivedKey 2\n");
	fluffy_bytes_free(&pair);
	pair = new_pair(w, false);
	with.key = pair.data;
	with.key_len = pair.len;
	msg = issued(w, "door", "phone");
	none = joined(w, &w->client, msg, &with);
	fluffy_msg_free(&msg);
	assert_null(none.data);
	assert_listed(w, &w->client, "client TA door phone DerivedKey 2\n"
	    "client TA door phone DerivedKey 3\n");
	fluffy_bytes_free(&public);
	fluffy_bytes_free(&pair);
}

/* ---- which credential comes next ------------------------------------------------- */

static int64_t
next_is(struct world *w, const char *rs, int64_t after, uint32_t number)
{
	fluffy_dk_credential c;
	int64_t id;

	must(w->ctx, fluffy_dk_next(w->client.store, rs, after, &c));
	assert_int_equal(c.number, number);
	id = c.id;
	assert_true(id > 0);
	fluffy_dk_credential_free(&c);
	return id;
}

static int
count_two(void *arg, const fluffy_dk_entry *entry)
{
	int *n = arg;

	assert_string_equal(entry->role, "client");
	return ++*n == 2;
}

static void
a_listing_may_be_left(void **state)
{
	struct world *w = *state;
	int i, n = 0;

	for (i = 0; i < 40; i++)
		join(w, &w->client, issued(w, "door", "phone"));
	must(w->ctx, fluffy_dk_list(w->client.store, count_two, &n));
	assert_int_equal(n, 2);
}

static void
credentials_follow_their_numbers(void **state)
{
	struct world *w = *state;
	fluffy_dk_credential c;
	fluffy_msg *cred[4];
	int64_t id[4];
	int i;

	for (i = 0; i < 4; i++)
		cred[i] = issued(w, "door", "phone");
	join(w, &w->client, cred[2]);
	join(w, &w->client, cred[0]);
	join(w, &w->client, cred[3]);
	join(w, &w->client, cred[1]);
	id[0] = next_is(w, NULL, 0, 1);
	id[1] = next_is(w, NULL, id[0], 2);
	id[2] = next_is(w, "door", id[1], 3);
	/* what follows a used one is still known */
	must(w->ctx, fluffy_dk_used(w->client.store, id[1]));
	assert_int_equal(next_is(w, NULL, id[1], 3), id[2]);
	assert_int_equal(next_is(w, NULL, id[0], 3), id[2]);
	id[3] = next_is(w, NULL, id[2], 4);
	refused_at(w->ctx, fluffy_dk_next(w->client.store, NULL, id[3], &c),
	    FLUFFY_E_NOT_FOUND, "");
	assert_int_equal(c.id, 0);
	refused_at(w->ctx, fluffy_dk_next(w->client.store, "lamp", 0, &c),
	    FLUFFY_E_NOT_FOUND, "");
	/* numbers of several RSs aren't mixed */
	fluffy_msg_free(&(fluffy_msg *){ provisioned_for(w, "lamp") });
	join(w, &w->client, issued(w, "lamp", "phone"));
	refused(w, fluffy_dk_next(w->client.store, NULL, 0, &c),
	    FLUFFY_E_USAGE, "rs",
	    "there are credentials for several resource servers");
	assert_int_equal(next_is(w, "door", 0, 1), id[0]);
	id[1] = next_is(w, "lamp", 0, 1);
	refused_at(w->ctx, fluffy_dk_next(w->client.store, "lamp", id[1], &c),
	    FLUFFY_E_NOT_FOUND, "");
	must(w->ctx, fluffy_dk_used(w->client.store, id[1]));
	assert_int_equal(next_is(w, NULL, 0, 1), id[0]);
}

/* ---- windows --------------------------------------------------------------------- */

/* The example of issue and memo, durably. */
static void
the_window_slides(void **state)
{
	static const struct {
		uint32_t number;
		bool fresh;
	} steps[] = {
		{ 1, true }, { 1, false }, { 100, true }, { 36, false },
		{ 37, true }, { 37, false }, { 99, true }, { 101, true },
		{ 165, true }, { 101, false }, { 102, true },
		{ UINT32_MAX, true }, { UINT32_MAX, false },
		{ UINT32_MAX - 63, true }, { UINT32_MAX - 64, false }
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		reopen(w, &w->rs);
		if (steps[i].fresh)
			must(w->ctx, take_number(w, steps[i].number));
		else
			is_stale(w, steps[i].number);
	}
}

static void
a_window_has_the_size_that_was_asked_for(void **state)
{
	static const struct {
		unsigned asked, size;
	} cases[] = {
		{ 32, 32 }, { 0, 32 }, { 1024, 1024 }, { 0, 1024 },
		{ 33, 33 }, { 64, 64 }
	};
	struct world *w = *state;
	fluffy_dk_join_params params = { .window = 31 };
	fluffy_bytes public;
	fluffy_msg *prov;
	size_t i;

	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[60];

		params.window = cases[i].asked;
		prov = provisioned_for(w, "door");
		public = joined(w, &w->rs, prov, &params);
		must(w->ctx, take_number(w, 2000));
		must(w->ctx, take_number(w, 2001 - cases[i].size));
		is_stale(w, 2000 - cases[i].size);
		must(w->ctx, take_number(w, 1999));
		(void)snprintf(text, sizeof(text),
		    "resource-server TA door 2000 of %u:03\n",
		    cases[i].size);
		assert_listed(w, &w->rs, text);
		fluffy_bytes_free(&public);
		fluffy_msg_free(&prov);
	}
	prov = provisioned_for(w, "door");
	for (i = 0; i < 2; i++) {
		params.window = i == 0 ? 31 : 1025;
		refused(w, fluffy_dk_join(w->ctx, w->rs.path, prov, &params,
		    &public), FLUFFY_E_USAGE, "window",
		    "expected 32 to 1024 bits");
	}
	fluffy_msg_free(&prov);
	prov = issued(w, "door", "phone");
	params.window = 64;
	refused(w, fluffy_dk_join(w->ctx, w->client.path, prov, &params,
	    &public), FLUFFY_E_USAGE, "window", "a DK-CRED makes none");
	fluffy_msg_free(&prov);
}

static void
trust_anchors_dont_share_a_window(void **state)
{
	struct world *w = *state;
	struct party_store other = { .store = NULL };
	fluffy_dk_provision_params p = { .rs = "door", .ta = "Other" };
	fluffy_dk_claim claim;
	fluffy_msg *prov, *cred;

	place(w, &other, "other.db");
	must(w->ctx, fluffy_dk_provision(w->ctx, other.path, &p, &prov));
	join(w, &w->rs, sent(w, prov));
	reopen(w, &other);
	must(w->ctx, fluffy_dk_issue(other.store, "door", "phone", &cred));
	assert_bytes(cred->psk_identity, BYTES("DK.Other.phone.1"));
	must(w->ctx, take_number(w, 1));
	must(w->ctx, shown(w, cred->psk_identity, &claim));
	assert_string_equal(claim.ta, "Other");
	must(w->ctx, fluffy_dk_take(w->rs.store, &claim));
	refused_at(w->ctx, shown(w, cred->psk_identity, &claim),
	    FLUFFY_E_REPLAY, "psk-identity");
	must(w->ctx, take_number(w, 3));
	assert_listed(w, &w->rs, "resource-server Other door 1 of 64:01\n"
	    "resource-server TA door 3 of 64:05\n");
	fluffy_msg_free(&cred);
	fluffy_store_close(&other.store);
}

/* A node may be both; it has one name. */
static void
a_server_may_be_a_client(void **state)
{
	struct world *w = *state;
	fluffy_msg *cred;

	fluffy_msg_free(&(fluffy_msg *){ provisioned_for(w, "lamp") });
	join(w, &w->rs, issued(w, "lamp", "door"));
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n"
	    "client TA lamp door DerivedKey 1\n");
	cred = issued(w, "lamp", "phone");
	join_refused(w, &w->rs, cred, FLUFFY_E_AUTH_FAILED, "DK-CRED.cname",
	    "expected \"door\", found \"phone\"");
	fluffy_msg_free(&cred);
	honest(w);
}

/* ---- revocation ---------------------------------------------------------------- */

static void
issue_many(struct world *w, int n)
{
	while (n-- > 0)
		fluffy_msg_free(&(fluffy_msg *){ issued(w, "door",
		    "phone") });
}

static void
revoked_numbers_count_as_used(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg;

	issue_many(w, 300);
	must(w->ctx, take_number(w, 100));
	must(w->ctx, take_number(w, 90));
	revoke_number(w, 200);		/* right of the window */
	revoke_number(w, 95);		/* in it */
	revoke_number(w, 90);		/* used */
	revoke_number(w, 36);		/* left of it */
	revoke_number(w, 95);
	assert_listed(w, &w->rs,
	    "resource-server TA door 100 of 64:01 -95 -200\n");
	assert_listed(w, &w->ta,
	    "trust-anchor TA door 300 -36 -90 -95 -200 trusted\n");
	is_stale(w, 95);
	is_stale(w, 200);
	must(w->ctx, take_number(w, 96));
	/* the window moves over them */
	must(w->ctx, take_number(w, 201));
	is_stale(w, 200);
	assert_listed(w, &w->rs,
	    "resource-server TA door 201 of 64:01 -200\n");
	must(w->ctx, take_number(w, 263));
	is_stale(w, 200);
	assert_listed(w, &w->rs,
	    "resource-server TA door 263 of 64:01 -200\n");
	must(w->ctx, take_number(w, 264));
	is_stale(w, 200);
	assert_listed(w, &w->rs, "resource-server TA door 264 of 64:03\n");
	/* what wasn't given out can't be revoked */
	refused(w, fluffy_dk_revoke(w->ta.store, "door", 301, &msg),
	    FLUFFY_E_NOT_FOUND, "number", "301 wasn't given out yet");
	assert_null(msg);
	refused(w, fluffy_dk_revoke(w->ta.store, "door", 0, &msg),
	    FLUFFY_E_USAGE, "number", "expected 1 to 4294967295");
	assert_null(msg);
}

/* Between what derive said and take comes a DK-REVOKE. */
static void
a_revocation_ends_a_handshake(void **state)
{
	struct world *w = *state;
	fluffy_dk_claim claim;

	issue_many(w, 5);
	must(w->ctx, shown_number(w, 5, &claim));
	revoke_number(w, 5);
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim),
	    FLUFFY_E_REPLAY, "");
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00 -5\n");
}

/* ---- a new K_RS-TA -------------------------------------------------------------- */

static void
a_new_key_begins_anew(void **state)
{
	struct world *w = *state;
	fluffy_dk_claim before, claim;
	fluffy_msg *old, *prov, *cred, *again;

	old = issued(w, "door", "phone");
	issue_many(w, 9);
	must(w->ctx, shown_number(w, 7, &before));
	must(w->ctx, take_number(w, 3));
	revoke_number(w, 5);
	prov = provisioned_for(w, "door");
	assert_listed(w, &w->ta, "trust-anchor TA door 0 trusted\n");
	cred = issued(w, "door", "phone");
	assert_bytes(cred->psk_identity, BYTES("DK.TA.phone.1"));
	assert_bytes(cred->psk_identity, old->psk_identity);
	assert_int_not_equal(memcmp(cred->key.p, old->key.p, 16), 0);
	again = revoked(w, "door", 1);
	refused(w, fluffy_dk_accept(w->rs.store, again),
	    FLUFFY_E_AUTH_FAILED, "DK-REVOKE.cksum", "wrong cksum");
	join_refused(w, &w->rs, cred, FLUFFY_E_AUTH_FAILED, "DK-CRED.cname",
	    "expected \"door\", found \"phone\"");
	/* the client may have both, though the nonces are alike */
	join(w, &w->client, old);
	join(w, &w->client, cred);
	assert_listed(w, &w->client, "client TA door phone DerivedKey 1\n"
	    "client TA door phone DerivedKey 1\n");
	join(w, &w->rs, prov);
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n");
	/* a handshake that began with the old key doesn't end with this one */
	refused(w, fluffy_dk_take(w->rs.store, &before),
	    FLUFFY_E_AUTH_FAILED, "",
	    "the key of the trust anchor \"TA\" is another by now");
	must(w->ctx, shown_number(w, 3, &claim));
	must(w->ctx, fluffy_dk_accept(w->rs.store, again));
	is_stale(w, 1);
	must(w->ctx, take_number(w, 5));
	fluffy_msg_free(&again);
	honest(w);
}

/* Neither the same document nor the same key begins a window again. */
static void
a_key_is_joined_once(void **state)
{
	struct world *w = *state;
	fluffy_msg *first = provisioned_for(w, "door"), *second, *other;
	fluffy_bytes public;
	uint8_t key[16];

	memcpy(key, first->keydata->key.p, 16);
	public = joined(w, &w->rs, first, &plainly);
	fluffy_bytes_free(&public);
	must(w->ctx, take_number(w, 1));
	join_refused(w, &w->rs, first, FLUFFY_E_EXISTS,
	    "DK-PROV.keydata.key", "this was joined before");
	is_stale(w, 1);
	second = provisioned_for(w, "door");
	public = joined(w, &w->rs, second, &plainly);
	fluffy_bytes_free(&public);
	join_refused(w, &w->rs, first, FLUFFY_E_EXISTS,
	    "DK-PROV.keydata.key", "this was joined before");
	/* nor at the TA, for whatever RS */
	refused(w, fluffy_dk_provision(w->ctx, w->ta.path,
	    &(fluffy_dk_provision_params){ .rs = "lamp", .key = key,
	    .key_len = 16 }, &other), FLUFFY_E_EXISTS, "key",
	    "this key was used before");
	assert_null(other);
	fluffy_msg_free(&first);
	fluffy_msg_free(&second);
	honest(w);
}

static void
a_credential_is_joined_once(void **state)
{
	struct world *w = *state;
	fluffy_msg *cred = issued(w, "door", "phone"), *cert;
	fluffy_bytes pair = new_pair(w, false), public, none;
	fluffy_dk_join_params with = { .key = pair.data,
	    .key_len = pair.len };
	struct buffer der = BUFFER(SPKI_MAX);

	none = joined(w, &w->client, cred, &plainly);
	join_refused(w, &w->client, cred, FLUFFY_E_EXISTS,
	    "DK-CRED.psk-identity", "this was joined before");
	must(w->ctx, fluffy_dk_used(w->client.store, 1));
	join_refused(w, &w->client, cred, FLUFFY_E_EXISTS,
	    "DK-CRED.psk-identity", "this was joined before");
	must(w->ctx, pair_public(w->ctx, view(&pair), false, &der));
	assert_true(buffer_take(&der, &public));
	cert = certified(w, "door", "phone", &public);
	none = joined(w, &w->client, cert, &with);
	assert_null(none.data);
	join_refused(w, &w->client, cert, FLUFFY_E_EXISTS,
	    "DK-CERT.maccert", "this was joined before");
	must(w->ctx, fluffy_dk_used(w->client.store, 2));
	join_refused(w, &w->client, cert, FLUFFY_E_EXISTS,
	    "DK-CERT.maccert", "this was joined before");
	fluffy_msg_free(&cred);
	fluffy_msg_free(&cert);
	fluffy_bytes_free(&public);
	fluffy_bytes_free(&pair);
}

/* ---- the end of the numbers -------------------------------------------------------- */

static void
set_counter(struct world *w, uint32_t number)
{
	struct anchor a;

	must(w->ctx, store_begin(w->ta.store));
	must(w->ctx, store_anchor(w->ta.store, BYTES("TA"), BYTES("door"),
	    &a));
	a.window.right = number;
	must(w->ctx, store_anchor_moved(w->ta.store, &a));
	must(w->ctx, store_commit(w->ta.store));
	anchor_wipe(&a);
}

static void
the_numbers_end(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true);
	fluffy_msg *msg;
	int i;

	set_counter(w, UINT32_MAX - 1);
	msg = issued(w, "door", "phone");
	assert_bytes(msg->psk_identity, BYTES("DK.TA.phone.4294967295"));
	fluffy_msg_free(&msg);
	for (i = 0; i < 2; i++) {
		refused(w, fluffy_dk_issue(w->ta.store, "door", "phone",
		    &msg), FLUFFY_E_NOT_PERMITTED, "rs", "all numbers of "
		    "\"door\" are used: provision a new key");
		assert_null(msg);
		refused_at(w->ctx, fluffy_dk_certify(w->ta.store, "door",
		    "phone", pair.data, pair.len, &msg),
		    FLUFFY_E_NOT_PERMITTED, "rs");
		assert_null(msg);
		reopen(w, &w->ta);
	}
	must(w->ctx, take_number(w, UINT32_MAX));
	revoke_number(w, UINT32_MAX);
	fluffy_bytes_free(&pair);
	join(w, &w->rs, provisioned_for(w, "door"));
	honest(w);
}

/* ---- reading ------------------------------------------------------------------------ */

static void
judging_only_reads(void **state)
{
	struct world *w = *state;
	fluffy_dk_claim claim;
	fluffy_bytes key;
	fluffy_msg *msg;

	issue_many(w, 1);
	fluffy_store_close(&w->rs.store);
	must(w->ctx, fluffy_dk_open(w->ctx, w->rs.path, FLUFFY_READ_ONLY,
	    &w->rs.store));
	must(w->ctx, shown_number(w, 1, &claim));
	must(w->ctx, fluffy_dk_private(w->rs.store, &key));
	fluffy_bytes_free(&key);
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n");
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim),
	    FLUFFY_E_STORE, "");
	msg = revoked(w, "door", 1);
	refused_at(w->ctx, fluffy_dk_accept(w->rs.store, msg),
	    FLUFFY_E_STORE, "");
	fluffy_msg_free(&msg);
	fluffy_store_close(&w->ta.store);
	must(w->ctx, fluffy_dk_open(w->ctx, w->ta.path, FLUFFY_READ_ONLY,
	    &w->ta.store));
	refused_at(w->ctx, fluffy_dk_issue(w->ta.store, "door", "phone",
	    &msg), FLUFFY_E_STORE, "");
	assert_null(msg);
	assert_listed(w, &w->ta, "trust-anchor TA door 1 -1 trusted\n");
	reopen(w, &w->rs);
	must(w->ctx, take_number(w, 1));
}

/* ---- checks, by name ---------------------------------------------------------------- */

static void
checks_are_told(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true), found;
	fluffy_dk_claim claim;
	fluffy_msg *cert = certified(w, "door", "phone", &pair);
	uint8_t bad[200];

	fluffy_ctx_set_checked(w->ctx, tell, w);
	must(w->ctx, shown_number(w, 2, &claim));
	assert_string_equal(w->told, "DK-CRED:syntax=ok "
	    "DK-CRED:trust-anchor=ok DK-CRED:sequence-number=ok");
	w->told[0] = '\0';
	refused_at(w->ctx, shown_number(w, 0, &claim), FLUFFY_E_MALFORMED,
	    "psk-identity");
	assert_string_equal(w->told, "DK-CRED:syntax=malformed");
	w->told[0] = '\0';
	refused(w, shown(w, BYTES("DK.X.phone.1"), &claim),
	    FLUFFY_E_AUTH_FAILED, "psk-identity", "no trust anchor \"X\"");
	assert_string_equal(w->told, "DK-CRED:syntax=ok "
	    "DK-CRED:trust-anchor=auth-failed");
	w->told[0] = '\0';
	must(w->ctx, fluffy_dk_verify(w->rs.store, cert->maccert.p,
	    cert->maccert.n, &claim, &found));
	fluffy_bytes_free(&found);
	assert_string_equal(w->told, "DK-CERT:syntax=ok "
	    "DK-CERT:trust-anchor=ok DK-CERT:sequence-number=ok "
	    "DK-CERT:public-key=ok DK-CERT:mac=ok");
	w->told[0] = '\0';
	memcpy(bad, cert->maccert.p, cert->maccert.n);
	bad[cert->maccert.n - 1] ^= 1;
	refused(w, fluffy_dk_verify(w->rs.store, bad, cert->maccert.n,
	    &claim, &found), FLUFFY_E_AUTH_FAILED, "maccert",
	    "the MAC isn't the trust anchor's");
	assert_string_equal(w->told, "DK-CERT:syntax=ok "
	    "DK-CERT:trust-anchor=ok DK-CERT:sequence-number=ok "
	    "DK-CERT:public-key=ok DK-CERT:mac=auth-failed");
	w->told[0] = '\0';
	must(w->ctx, take_number(w, 1));
	w->told[0] = '\0';
	refused_at(w->ctx, fluffy_dk_verify(w->rs.store, bad,
	    cert->maccert.n, &claim, &found), FLUFFY_E_REPLAY, "maccert");
	assert_string_equal(w->told, "DK-CERT:syntax=ok "
	    "DK-CERT:trust-anchor=ok DK-CERT:sequence-number=replay");
	fluffy_msg_free(&cert);
	fluffy_bytes_free(&pair);
}

/* The server's checks of either kind of document, taking nothing. */
static void
documents_are_explained_to_their_server(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true);
	fluffy_msg *cred = issued(w, "door", "phone");
	fluffy_msg *cert = certified(w, "door", "phone", &pair);
	fluffy_outcome outcome;
	int i;

	for (i = 0; i < 2; i++) {
		must(w->ctx, fluffy_explain(w->rs.store, cred, &outcome));
		must(w->ctx, fluffy_explain(w->rs.store, cert, &outcome));
		assert_int_equal(outcome.kind, FLUFFY_NOTHING);
	}
	must(w->ctx, take_number(w, 1));
	refused_at(w->ctx, fluffy_explain(w->rs.store, cred, &outcome),
	    FLUFFY_E_REPLAY, "psk-identity");
	must(w->ctx, fluffy_explain(w->rs.store, cert, &outcome));
	must(w->ctx, take_number(w, 2));
	refused_at(w->ctx, fluffy_explain(w->rs.store, cert, &outcome),
	    FLUFFY_E_REPLAY, "maccert");
	fluffy_msg_free(&cred);
	fluffy_msg_free(&cert);
	fluffy_bytes_free(&pair);
	honest(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(a_derived_key_opens_one_session),
		IN_BOTH(a_known_answer),
		IN_BOTH(keys_of_both_lengths),
		IN_BOTH(numbers_grow_and_are_the_pairs_own),
		IN_BOTH(names_may_be_at_their_limits),
		IN_BOTH(dots_belong_to_the_client),
		IN_BOTH(a_document_brings_its_own_maccert),
		IN_BOTH(a_maccert_opens_one_session),
		IN_CBOR(the_server_has_a_pair_of_its_own),
		IN_CBOR(another_pair_ends_its_maccerts),
		IN_CBOR(a_listing_may_be_left),
		IN_CBOR(credentials_follow_their_numbers),
		IN_CBOR(the_window_slides),
		IN_CBOR(a_window_has_the_size_that_was_asked_for),
		IN_CBOR(trust_anchors_dont_share_a_window),
		IN_CBOR(a_server_may_be_a_client),
		IN_BOTH(revoked_numbers_count_as_used),
		IN_CBOR(a_revocation_ends_a_handshake),
		IN_BOTH(a_new_key_begins_anew),
		IN_BOTH(a_key_is_joined_once),
		IN_BOTH(a_credential_is_joined_once),
		IN_CBOR(the_numbers_end),
		IN_CBOR(judging_only_reads),
		IN_CBOR(documents_are_explained_to_their_server),
		IN_CBOR(checks_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

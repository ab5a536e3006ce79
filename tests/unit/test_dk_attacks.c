/*
 * test_dk_attacks.c - DerivedKey and AuthorizedPublicKey: what is refused, and
 * what a refusal, a race or a crash leaves behind
 */
#include "anchors.h"

#include <signal.h>
#include <sys/wait.h>

#include "cbor.h"
#include "cose.h"
#include "store_sql.h"

static size_t
slurp(const char *path, uint8_t **out)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	*out = malloc(1 << 20);
	assert_non_null(*out);
	n = fread(*out, 1, 1 << 20, f);
	assert_int_equal(fclose(f), 0);
	return n;
}

/* What K_RS-TA can do, in whosever hands. */
static struct symm
shared_key(struct world *w)
{
	struct anchor a;
	struct symm key;

	must(w->ctx, store_anchor(w->rs.store, BYTES("TA"), BYTES("door"),
	    &a));
	key = a.key;
	anchor_wipe(&a);
	return key;
}

static void
set(struct fluffy_msg *msg, struct bytes *member, const char *to)
{
	*member = arena_dup(&msg->arena, bytes_str(to));
}

/* ---- parameters ----------------------------------------------------------------- */

static void
provision_wants_good_parameters(void **state)
{
	static const uint8_t key[33] = { 1 };
	static const struct {
		fluffy_dk_provision_params p;
		const char *field, *text;
	} cases[] = {
		{ { .rs = "" }, "rs", NAME_EXPECTED },
		{ { .rs = NULL }, "rs", NAME_EXPECTED },
		{ { .rs = "a\nb" }, "rs", NAME_EXPECTED },
		{ { .rs = "\xc0\xaf" }, "rs", NAME_EXPECTED },
		{ { .rs = "x", .ta = "" }, "ta", NAME_EXPECTED },
		{ { .rs = "x", .ta = "\x7f" }, "ta", NAME_EXPECTED },
		{ { .rs = "x", .ta = "a.b" }, "ta", "a trust anchor's name "
		    "has no \".\" and at most 112 bytes" },
		{ { .rs = "x", .ta = "Other" }, "ta",
		    "this store is of the trust anchor \"TA\"" },
		{ { .rs = "x", .bits = 192 }, "bits", "expected 128 or 256" },
		{ { .rs = "x", .key = key, .key_len = 0 }, "key",
		    "expected 16 or 32 bytes, found 0" },
		{ { .rs = "x", .key = key, .key_len = 33 }, "key",
		    "expected 16 or 32 bytes, found 33" },
		{ { .rs = "x", .key = key, .key_len = 24 }, "key",
		    "expected 16 or 32 bytes, found 24" },
		{ { .rs = "x", .key = key, .key_len = 16, .bits = 256 },
		    "key", "it hasn't 256 bits" },
		{ { .rs = "x", .key = key, .key_len = 32, .bits = 128 },
		    "key", "it hasn't 128 bits" },
	};
	struct world *w = *state;
	fluffy_msg *out;
	char none[80];
	size_t i;

	(void)snprintf(none, sizeof(none), "%s/none.db", w->dir);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool other = i == 7;

		out = (fluffy_msg *)(uintptr_t)1;
		refused(w, fluffy_dk_provision(w->ctx, other ? w->ta.path :
		    none, &cases[i].p, &out), FLUFFY_E_USAGE, cases[i].field,
		    cases[i].text);
		assert_null(out);
		assert_false(store_exists(none));
	}
	assert_listed(w, &w->ta, "trust-anchor TA door 0 trusted\n");
	/* the store's own name may be said */
	fluffy_msg_free(&(fluffy_msg *){ provisioned(w,
	    &(fluffy_dk_provision_params){ .rs = "lamp", .ta = "TA" }) });
}

static void
steps_want_good_parameters(void **state)
{
	static const char *const names[] = { "", "a\x01", "\xff" };
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true), private = new_pair(w, false);
	fluffy_msg *out;
	size_t i;

	for (i = 0; i < 3; i++) {
		refused(w, fluffy_dk_issue(w->ta.store, "door", names[i],
		    &out), FLUFFY_E_USAGE, "client", NAME_EXPECTED);
		assert_null(out);
		refused(w, fluffy_dk_certify(w->ta.store, "door", names[i],
		    pair.data, pair.len, &out), FLUFFY_E_USAGE, "client",
		    NAME_EXPECTED);
		assert_null(out);
	}
	refused(w, fluffy_dk_issue(w->ta.store, "lamp", "phone", &out),
	    FLUFFY_E_NOT_FOUND, "rs", "no resource server \"lamp\"");
	refused(w, fluffy_dk_certify(w->ta.store, "lamp", "phone", pair.data,
	    pair.len, &out), FLUFFY_E_NOT_FOUND, "rs",
	    "no resource server \"lamp\"");
	refused(w, fluffy_dk_revoke(w->ta.store, "lamp", 1, &out),
	    FLUFFY_E_NOT_FOUND, "rs", "no resource server \"lamp\"");
	refused(w, fluffy_dk_trust(w->ta.store, "lamp", pair.data, pair.len),
	    FLUFFY_E_NOT_FOUND, "rs", "no resource server \"lamp\"");
	/* a bad key costs no number, nor is a private one handed round */
	assert_int_equal(fluffy_dk_certify(w->ta.store, "door", "phone",
	    "junk", 4, &out), FLUFFY_E_MALFORMED);
	assert_int_equal(fluffy_dk_certify(w->ta.store, "door", "phone",
	    private.data, private.len, &out), FLUFFY_E_MALFORMED);
	assert_null(out);
	assert_int_equal(fluffy_dk_trust(w->ta.store, "door", private.data,
	    private.len), FLUFFY_E_MALFORMED);
	fluffy_msg_free(&(fluffy_msg *){ provisioned_for(w, "lamp") });
	refused(w, fluffy_dk_certify(w->ta.store, "lamp", "phone", pair.data,
	    pair.len, &out), FLUFFY_E_NOT_FOUND, "rs",
	    "the public key of \"lamp\" isn't known: trust it first");
	assert_null(out);
	assert_listed(w, &w->ta, "trust-anchor TA door 0 trusted\n"
	    "trust-anchor TA lamp 0\n");
	fluffy_bytes_free(&pair);
	fluffy_bytes_free(&private);
}

/* ---- the wrong store --------------------------------------------------------------- */

#define NO_ANCHOR "this store is a resource server's or client's, not a trust " \
	"anchor's"
#define NO_NODE	  "this store is a trust anchor's, not a resource server's or " \
	"client's"

static void
a_step_is_of_one_party(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true), out_bytes;
	fluffy_store *ta = w->ta.store, *rs = w->rs.store;
	fluffy_dk_credential c;
	fluffy_dk_claim claim = { .ta = "TA", .number = 1 };
	fluffy_msg *out, *cred = issued(w, "door", "phone");
	fluffy_msg *revoke = revoked(w, "door", 1);

#define REFUSED(call, text) refused(w, call, FLUFFY_E_USAGE, "", text)
	REFUSED(fluffy_dk_issue(rs, "door", "phone", &out), NO_ANCHOR);
	REFUSED(fluffy_dk_certify(rs, "door", "phone", pair.data, pair.len,
	    &out), NO_ANCHOR);
	REFUSED(fluffy_dk_revoke(rs, "door", 1, &out), NO_ANCHOR);
	REFUSED(fluffy_dk_trust(rs, "door", pair.data, pair.len), NO_ANCHOR);
	REFUSED(fluffy_dk_provision(w->ctx, w->rs.path,
	    &(fluffy_dk_provision_params){ .rs = "door" }, &out), NO_ANCHOR);
	assert_null(out);
	REFUSED(fluffy_dk_accept(ta, revoke), NO_NODE);
	REFUSED(shown_number(&(struct world){ .ctx = w->ctx,
	    .rs = w->ta }, 1, &claim), NO_NODE);
	REFUSED(fluffy_dk_verify(ta, "x", 1, &claim, &out_bytes), NO_NODE);
	REFUSED(fluffy_dk_take(ta, &claim), NO_NODE);
	REFUSED(fluffy_dk_next(ta, NULL, 0, &c), NO_NODE);
	REFUSED(fluffy_dk_used(ta, 1), NO_NODE);
	REFUSED(fluffy_dk_private(ta, &out_bytes), NO_NODE);
	REFUSED(fluffy_dk_join(w->ctx, w->ta.path, cred, &plainly,
	    &out_bytes), NO_NODE);
	fluffy_msg_free(&cred);
	fluffy_msg_free(&revoke);
	fluffy_bytes_free(&pair);
	honest(w);
}

/* The others' stores, and ours for the others: nothing is changed in them. */
static void
stores_are_not_mixed_up(void **state)
{
	struct world *w = *state;
	char path[2][80], text[120];
	fluffy_msg *enrol, *out, *cred = issued(w, "door", "phone");
	fluffy_store *s;
	fluffy_bytes public;
	uint8_t *before, *after;
	size_t n;
	int i;

	(void)snprintf(path[0], 80, "%s/skdc.db", w->dir);
	(void)snprintf(path[1], 80, "%s/lamp.db", w->dir);
	must(w->ctx, fluffy_store_init(w->ctx, path[0], "home", "skdc", &s));
	must(w->ctx, fluffy_enrol(s, "lamp", NULL, &enrol));
	must(w->ctx, fluffy_join(w->ctx, path[1], enrol));
	fluffy_msg_free(&enrol);
	fluffy_store_close(&s);
	for (i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text), "%s: %s", path[i],
		    i == 0 ? "an SKDC's store" : "a device's store");
		n = slurp(path[i], &before);
		refused(w, fluffy_dk_open(w->ctx, path[i], 0, &s),
		    FLUFFY_E_USAGE, "", text);
		assert_null(s);
		refused(w, fluffy_dk_open(w->ctx, path[i], FLUFFY_READ_ONLY,
		    &s), FLUFFY_E_USAGE, "", text);
		refused(w, fluffy_dk_provision(w->ctx, path[i],
		    &(fluffy_dk_provision_params){ .rs = "x" }, &out),
		    FLUFFY_E_USAGE, "", text);
		refused(w, fluffy_dk_join(w->ctx, path[i], cred, &plainly,
		    &public), FLUFFY_E_USAGE, "", text);
		assert_int_equal(slurp(path[i], &after), n);
		assert_memory_equal(before, after, n);
		free(before);
		free(after);
	}
	for (i = 0; i < 2; i++) {
		struct party_store *p = i == 0 ? &w->ta : &w->rs;

		(void)snprintf(text, sizeof(text), "%s: a store of "
		    "fluffy-dk", p->path);
		refused(w, fluffy_store_open(w->ctx, p->path, 0, &s),
		    FLUFFY_E_USAGE, "", text);
		assert_null(s);
	}
	refused(w, fluffy_dk_open(w->ctx, w->ta.path, 2, &s), FLUFFY_E_USAGE,
	    "", "unknown flags for opening a store");
	fluffy_msg_free(&cred);
	honest(w);
}

static void
a_document_goes_where_it_belongs(void **state)
{
	struct world *w = *state;
	fluffy_msg *cred = issued(w, "door", "phone");
	fluffy_msg *revoke = revoked(w, "door", 1);
	fluffy_bytes maccert;

	refused(w, fluffy_dk_accept(w->rs.store, cred), FLUFFY_E_UNEXPECTED,
	    "DK-CRED", "expected DK-REVOKE");
	join_refused(w, &w->client, revoke, FLUFFY_E_UNEXPECTED, "DK-REVOKE",
	    "expected DK-PROV, DK-CRED or DK-CERT");
	refused(w, fluffy_dk_maccert(w->rs.store, cred, &maccert),
	    FLUFFY_E_UNEXPECTED, "DK-CRED", "expected DK-CERT");
	assert_null(maccert.data);
	fluffy_msg_free(&cred);
	fluffy_msg_free(&revoke);
}

/* ---- documents that were tampered with ---------------------------------------------- */

static void
a_provision_is_for_this_server(void **state)
{
	struct world *w = *state;
	fluffy_msg *prov = provisioned_for(w, "lamp");

	join_refused(w, &w->rs, prov, FLUFFY_E_AUTH_FAILED, "DK-PROV.rs",
	    "expected \"door\", found \"lamp\"");
	fluffy_msg_free(&prov);
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n");
}

static void
a_credential_names_what_it_is_for(void **state)
{
	static const struct {
		const char *nonce, *text;
	} cases[] = {
		{ "DK.TB.phone.1", "its names aren't ta and cname" },
		{ "DK.TA.phone.x.1", "its names aren't ta and cname" },
		{ "DK.TA.phon.1", "its names aren't ta and cname" },
		{ "DK.TA.phone.0", "expected a number from 1 to 4294967295 "
		    "in shortest decimal" },
		{ "DK.TA.phone.01", "expected a number from 1 to 4294967295 "
		    "in shortest decimal" },
		{ "TA.phone.1", "expected \"DK.\", a trust anchor, \".\", a "
		    "client, \".\" and a number" },
	};
	struct world *w = *state;
	fluffy_msg *cred = issued(w, "door", "phone");
	struct bytes good = cred->psk_identity;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set(cred, &cred->psk_identity, cases[i].nonce);
		join_refused(w, &w->client, cred, FLUFFY_E_MALFORMED,
		    "DK-CRED.psk-identity", cases[i].text);
	}
	cred->psk_identity = good;
	join(w, &w->client, cred);
	cred = issued(w, "door", "tablet");
	join_refused(w, &w->client, cred, FLUFFY_E_AUTH_FAILED,
	    "DK-CRED.cname", "expected \"phone\", found \"tablet\"");
	fluffy_msg_free(&cred);
}

/* A DK-CERT for the pair that private holds. */
static fluffy_msg *
certified_for(struct world *w, const fluffy_bytes *private)
{
	struct buffer der = BUFFER(SPKI_MAX);
	fluffy_bytes public;
	fluffy_msg *cert;

	must(w->ctx, pair_public(w->ctx, view(private), false, &der));
	assert_true(buffer_take(&der, &public));
	cert = certified(w, "door", "phone", &public);
	fluffy_bytes_free(&public);
	return cert;
}

/* MacCert made by hand, its MAC being right. */
static struct bytes
forged(struct world *w, struct fluffy_msg *msg, const struct symm *key,
    struct maccert cert)
{
	struct buffer b = BUFFER(70000);
	struct bytes out;

	must(w->ctx, maccert_write(w->ctx, key, &cert, &b));
	out = arena_dup(&msg->arena, buffer_view(&b));
	buffer_free(&b);
	return out;
}

static void
a_certificate_names_what_it_is_for(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, false), other = new_pair(w, false);
	fluffy_dk_join_params with = { .key = pair.data,
	    .key_len = pair.len };
	struct symm key = shared_key(w);
	fluffy_msg *cert = certified_for(w, &pair);
	struct bytes maccert = cert->maccert, rs_key = cert->rs_key;
	struct maccert good, bad;
	fluffy_bytes none;

#define JOIN_REFUSED(code, field, text) do { \
	refused(w, fluffy_dk_join(w->ctx, w->client.path, cert, &with, \
	    &none), code, field, text); \
	assert_false(store_exists(w->client.path)); \
} while (0)
	assert_null(maccert_read(maccert, &good));
	cert->maccert = bytes_of(maccert.p, maccert.n - 1);
	JOIN_REFUSED(FLUFFY_E_MALFORMED, "DK-CERT.maccert",
	    "the MAC is cut off");
	bad = good;
	bad.ta = BYTES("TB");
	cert->maccert = forged(w, cert, &key, bad);
	JOIN_REFUSED(FLUFFY_E_MALFORMED, "DK-CERT.maccert",
	    "its trust anchor isn't ta");
	bad = good;
	bad.number = 0;
	cert->maccert = forged(w, cert, &key, bad);
	JOIN_REFUSED(FLUFFY_E_MALFORMED, "DK-CERT.maccert",
	    "its sequence number is 0");
	bad = good;
	bad.spki = bytes_of(good.spki.p, good.spki.n - 1);
	cert->maccert = forged(w, cert, &key, bad);
	refused_at(w->ctx, fluffy_dk_join(w->ctx, w->client.path, cert,
	    &with, &none), FLUFFY_E_MALFORMED, "DK-CERT.maccert");
	cert->maccert = maccert;
	cert->rs_key = bytes_of(rs_key.p, rs_key.n - 1);
	refused_at(w->ctx, fluffy_dk_join(w->ctx, w->client.path, cert,
	    &with, &none), FLUFFY_E_MALFORMED, "DK-CERT.rs-key");
	cert->rs_key = rs_key;
	with.key = other.data;
	with.key_len = other.len;
	JOIN_REFUSED(FLUFFY_E_AUTH_FAILED, "DK-CERT.maccert",
	    "for another key");
	with.key = "junk";
	with.key_len = 4;
	assert_int_equal(fluffy_dk_join(w->ctx, w->client.path, cert, &with,
	    &none), FLUFFY_E_MALFORMED);
	with.key = pair.data;
	with.key_len = pair.len;
	none = joined(w, &w->client, cert, &with);
	/* and another key isn't put in its place by a refusal */
	fluffy_msg_free(&cert);
	cert = certified_for(w, &pair);
	with.key = other.data;
	with.key_len = other.len;
	refused(w, fluffy_dk_join(w->ctx, w->client.path, cert, &with,
	    &none), FLUFFY_E_AUTH_FAILED, "DK-CERT.maccert",
	    "for another key");
	assert_listed(w, &w->client,
	    "client TA door phone AuthorizedPublicKey 1\n");
	join(w, &w->client, cert);
	fluffy_bytes_free(&pair);
	fluffy_bytes_free(&other);
	symm_wipe(&key);
}

/* ---- DK-REVOKE --------------------------------------------------------------------- */

static void
remake_cksum(struct world *w, struct fluffy_msg *msg, const struct symm *key)
{
	struct buffer b = BUFFER(70000);
	uint8_t derived[32], mac[32];

	cbor_put_struct(&b, msg, L_cksum);
	must(w->ctx, hkdf_sha256(w->ctx, symm_bytes(key), bytes_of(NULL, 0),
	    "fluffy dk revoke", derived, 32));
	must(w->ctx, hmac_sha256(w->ctx, bytes_of(derived, 32),
	    buffer_view(&b), mac));
	msg->cksum = arena_dup(&msg->arena, bytes_of(mac, 32));
	buffer_free(&b);
}

static void
accept_refused(struct world *w, const fluffy_msg *msg, const char *field,
    const char *text)
{
	refused(w, fluffy_dk_accept(w->rs.store, msg), FLUFFY_E_AUTH_FAILED,
	    field, text);
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n");
}

static void
a_revocation_is_the_trust_anchors(void **state)
{
	struct world *w = *state;
	fluffy_msg *cred = issued(w, "door", "phone"), *msg;
	struct symm key = shared_key(w);
	struct bytes good;
	uint8_t *cksum;
	int i;

	fluffy_msg_free(&cred);
	msg = revoked(w, "door", 1);
	good = msg->cksum;
	cksum = arena_alloc(&msg->arena, 32);
	for (i = 0; i < 256; i++) {
		memcpy(cksum, good.p, 32);
		cksum[i / 8] ^= (uint8_t)(1 << i % 8);
		msg->cksum = bytes_of(cksum, 32);
		accept_refused(w, msg, "DK-REVOKE.cksum", "wrong cksum");
	}
	msg->cksum = good;
	msg->seqnum = 2;
	accept_refused(w, msg, "DK-REVOKE.cksum", "wrong cksum");
	msg->seqnum = 1;
	set(msg, &msg->ta, "TB");
	accept_refused(w, msg, "DK-REVOKE.ta", "no such trust anchor");
	set(msg, &msg->ta, "TA");
	set(msg, &msg->rs, "lamp");
	accept_refused(w, msg, "DK-REVOKE.rs",
	    "expected \"door\", found \"lamp\"");
	remake_cksum(w, msg, &key);
	accept_refused(w, msg, "DK-REVOKE.rs",
	    "expected \"door\", found \"lamp\"");
	set(msg, &msg->rs, "door");
	/* another key than K_RS-TA */
	key.b[0] ^= 1;
	remake_cksum(w, msg, &key);
	accept_refused(w, msg, "DK-REVOKE.cksum", "wrong cksum");
	key.b[0] ^= 1;
	/* number 0 is never valid: nothing to do */
	msg->seqnum = 0;
	remake_cksum(w, msg, &key);
	must(w->ctx, fluffy_dk_accept(w->rs.store, msg));
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n");
	/* the TA's own test of the cksum is this one's */
	msg->seqnum = 1;
	remake_cksum(w, msg, &key);
	assert_bytes(msg->cksum, good);
	must(w->ctx, fluffy_dk_accept(w->rs.store, msg));
	is_stale(w, 1);
	fluffy_msg_free(&msg);
	symm_wipe(&key);
}

/* What this profile doesn't know is authenticated like the rest. */
static void
unknown_members_are_covered(void **state)
{
	struct world *w = *state;
	fluffy_msg *msg, *more, *less;
	fluffy_bytes json;
	char text[2000];
	struct symm key = shared_key(w);

	fluffy_msg_free(&(fluffy_msg *){ issued(w, "door", "phone") });
	msg = revoked(w, "door", 1);
	must(w->ctx, fluffy_msg_write(w->ctx, msg, FLUFFY_JSON, 0, &json));
	(void)snprintf(text, sizeof(text), "{\"why\":1,%.*s",
	    (int)json.len - 1, (const char *)json.data + 1);
	must(w->ctx, fluffy_msg_read(w->ctx, text, strlen(text), &more));
	assert_int_equal(more->head.n_extras, 1);
	accept_refused(w, more, "DK-REVOKE.cksum", "wrong cksum");
	remake_cksum(w, more, &key);
	less = sent(w, more);
	less->head.n_extras = 0;
	accept_refused(w, less, "DK-REVOKE.cksum", "wrong cksum");
	less->head.n_extras = 1;
	must(w->ctx, fluffy_dk_accept(w->rs.store, less));
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00 -1\n");
	must(w->ctx, fluffy_dk_accept(w->rs.store, msg));
	fluffy_bytes_free(&json);
	fluffy_msg_free(&less);
	fluffy_msg_free(&msg);
	symm_wipe(&key);
}

/* ---- what a client shows --------------------------------------------------------------- */

static void
bad_nonces_are_refused(void **state)
{
	static const struct {
		struct bytes nonce;
		enum fluffy_error code;
	} cases[] = {
		{ { NULL, 0 }, FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"DK.TA.phone", 11 },
		    FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"DK.TA..1", 8 }, FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"DK..phone.1", 11 },
		    FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"DK.TA.phone.4294967296", 22 },
		    FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"DK.TA.ph\0ne.1", 13 },
		    FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"DK.TA.phone.1\0", 14 },
		    FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"dk.TA.phone.1", 13 },
		    FLUFFY_E_MALFORMED },
		{ { (const uint8_t *)"DK.ta.phone.1", 13 },
		    FLUFFY_E_AUTH_FAILED },
		{ { (const uint8_t *)"DK.TA2.phone.1", 14 },
		    FLUFFY_E_AUTH_FAILED },
	};
	struct world *w = *state;
	uint8_t key[32], zero[32] = { 0 };
	fluffy_dk_claim claim;
	size_t i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(key, 7, sizeof(key));
		memset(&claim, 7, sizeof(claim));
		refused_at(w->ctx, fluffy_dk_derive(w->rs.store,
		    cases[i].nonce.p, cases[i].nonce.n, &claim, key, &n),
		    cases[i].code, "psk-identity");
		assert_int_equal(n, 0);
		assert_memory_equal(key, zero, 32);
		assert_int_equal(claim.number, 0);
		assert_string_equal(claim.ta, "");
	}
}

/* Who changes his nonce has another key. */
static void
a_nonce_is_bound_to_its_key(void **state)
{
	static const char *const others[] = { "DK.TA.phonf.1",
		"DK.TA.phone.2", "DK.TA.phone.1.1", "DK.TA..phone.1" };
	struct world *w = *state;
	fluffy_msg *cred = issued(w, "door", "phone");
	fluffy_dk_claim claim;
	uint8_t key[32];
	size_t i, n;

	for (i = 0; i < 4; i++) {
		must(w->ctx, fluffy_dk_derive(w->rs.store, others[i],
		    strlen(others[i]), &claim, key, &n));
		assert_int_equal(n, cred->key.n);
		assert_int_not_equal(memcmp(key, cred->key.p, n), 0);
	}
	fluffy_msg_free(&cred);
}

static enum fluffy_error
verify(struct world *w, struct bytes maccert)
{
	fluffy_dk_claim claim;
	fluffy_bytes public;
	enum fluffy_error e = fluffy_dk_verify(w->rs.store, maccert.p,
	    maccert.n, &claim, &public);

	if (e != FLUFFY_OK) {
		assert_null(public.data);
		assert_int_equal(claim.number, 0);
	}
	fluffy_bytes_free(&public);
	return e;
}

static void
no_bit_of_a_maccert_may_change(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true);
	fluffy_msg *cert = certified(w, "door", "phone", &pair);
	struct bytes good = cert->maccert;
	uint8_t *bad = arena_alloc(&cert->arena, good.n + 1);
	enum fluffy_error e;
	size_t i;

	must(w->ctx, verify(w, good));
	for (i = 0; i < good.n * 8; i++) {
		memcpy(bad, good.p, good.n);
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		e = verify(w, bytes_of(bad, good.n));
		assert_true(e == FLUFFY_E_MALFORMED ||
		    e == FLUFFY_E_AUTH_FAILED ||
		    (e == FLUFFY_E_REPLAY && bad[good.n - 35] == 0));
		assert_string_equal(fluffy_why(w->ctx).field, "maccert");
	}
	for (i = 0; i < good.n; i++)
		refused_at(w->ctx, verify(w, bytes_of(good.p, i)),
		    FLUFFY_E_MALFORMED, "maccert");
	memcpy(bad, good.p, good.n);
	bad[good.n] = 0;
	refused_at(w->ctx, verify(w, bytes_of(bad, good.n + 1)),
	    FLUFFY_E_MALFORMED, "maccert");
	must(w->ctx, verify(w, good));
	fluffy_bytes_free(&pair);
	fluffy_msg_free(&cert);
}

/* Though its MAC is right. */
static void
a_maccert_is_judged_whoever_made_it(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true);
	fluffy_msg *cert = certified(w, "door", "phone", &pair);
	struct symm key = shared_key(w);
	struct maccert good, bad;
	uint8_t *off;

	assert_null(maccert_read(cert->maccert, &good));
	assert_bytes(forged(w, cert, &key, good), cert->maccert);
	bad = good;
	bad.number = 0;
	refused(w, verify(w, forged(w, cert, &key, bad)), FLUFFY_E_REPLAY,
	    "maccert", "number 0 was used or revoked, or is too old");
	bad = good;
	bad.ta = BYTES("TB");
	refused(w, verify(w, forged(w, cert, &key, bad)),
	    FLUFFY_E_AUTH_FAILED, "maccert", "no trust anchor \"TB\"");
	bad.ta = BYTES("T\0A");
	refused_at(w->ctx, verify(w, forged(w, cert, &key, bad)),
	    FLUFFY_E_AUTH_FAILED, "maccert");
	/* a point that isn't on the curve */
	off = arena_alloc(&cert->arena, good.spki.n);
	memcpy(off, good.spki.p, good.spki.n);
	off[good.spki.n - 1] ^= 1;
	bad = good;
	bad.spki = bytes_of(off, good.spki.n);
	refused_at(w->ctx, verify(w, forged(w, cert, &key, bad)),
	    FLUFFY_E_MALFORMED, "maccert");
	bad.spki = BYTES("\x30");
	refused_at(w->ctx, verify(w, forged(w, cert, &key, bad)),
	    FLUFFY_E_MALFORMED, "maccert");
	/* K_RS-TA of another RS */
	key.b[15] ^= 0x80;
	refused(w, verify(w, forged(w, cert, &key, good)),
	    FLUFFY_E_AUTH_FAILED, "maccert",
	    "the MAC isn't the trust anchor's");
	must(w->ctx, verify(w, cert->maccert));
	fluffy_bytes_free(&pair);
	fluffy_msg_free(&cert);
	symm_wipe(&key);
}

/* ---- numbers taken at the same time ------------------------------------------------------ */

static void
of_two_handshakes_one_wins(void **state)
{
	struct world *w = *state;
	fluffy_dk_claim claim[2];
	fluffy_store *other;

	must(w->ctx, fluffy_dk_open(w->ctx, w->rs.path, 0, &other));
	must(w->ctx, shown_number(w, 5, &claim[0]));
	must(w->ctx, shown_number(w, 5, &claim[1]));
	must(w->ctx, fluffy_dk_take(w->rs.store, &claim[0]));
	refused_at(w->ctx, fluffy_dk_take(other, &claim[1]), FLUFFY_E_REPLAY,
	    "");
	must(w->ctx, shown_number(w, 4, &claim[0]));
	must(w->ctx, fluffy_dk_take(other, &claim[0]));
	is_stale(w, 4);
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim[0]),
	    FLUFFY_E_REPLAY, "");
	fluffy_store_close(&other);
}

/* A claim is looked at again when it is taken. */
static void
a_claim_is_not_believed(void **state)
{
	struct world *w = *state;
	fluffy_dk_claim good, claim;

	must(w->ctx, shown_number(w, 5, &good));
	claim = good;
	claim.keyid[0] ^= 1;
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim),
	    FLUFFY_E_AUTH_FAILED, "");
	claim = good;
	strcpy(claim.ta, "TB");
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim),
	    FLUFFY_E_AUTH_FAILED, "");
	claim = good;
	claim.number = 0;
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim),
	    FLUFFY_E_REPLAY, "");
	must(w->ctx, fluffy_dk_take(w->rs.store, &good));
}

#define CHILDREN 4
#define EACH	 25

/* In each of several processes; how many of them it told done. */
static unsigned
in_children(struct world *w, bool (*work)(struct world *, unsigned child,
    unsigned i, uint32_t *done), uint32_t *out)
{
	pid_t pid[CHILDREN];
	unsigned n = 0;
	uint32_t number;
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	for (unsigned c = 0; c < CHILDREN; c++) {
		pid[c] = fork();
		assert_true(pid[c] >= 0);
		if (pid[c] != 0)
			continue;
		for (unsigned i = 0; i < EACH; i++)
			if (work(w, c, i, &number) && write(ends[1], &number,
			    sizeof(number)) != sizeof(number))
				_exit(1);
		_exit(0);
	}
	assert_int_equal(close(ends[1]), 0);
	while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
		assert_true(n < CHILDREN * EACH);
		out[n++] = number;
	}
	assert_int_equal(close(ends[0]), 0);
	for (unsigned c = 0; c < CHILDREN; c++) {
		assert_int_equal(waitpid(pid[c], &status, 0), pid[c]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	return n;
}

static fluffy_store *
childs_own(struct world *w, const char *path)
{
	static fluffy_store *s;	/* a child opens its own, once */

	if (s == NULL && fluffy_dk_open(w->ctx, path, 0, &s) != FLUFFY_OK)
		_exit(1);
	return s;
}

static bool
issue_one(struct world *w, unsigned child, unsigned i, uint32_t *done)
{
	fluffy_msg *cred;
	struct nonce nonce;

	(void)child;
	(void)i;
	if (fluffy_dk_issue(childs_own(w, w->ta.path), "door", "phone",
	    &cred) != FLUFFY_OK ||
	    nonce_read(cred->psk_identity, &nonce) != NULL)
		_exit(1);
	*done = nonce.number;
	fluffy_msg_free(&cred);
	return true;
}

static bool
take_one(struct world *w, unsigned child, unsigned i, uint32_t *done)
{
	fluffy_dk_claim claim;
	uint8_t key[32];
	char text[40];
	enum fluffy_error e;
	size_t n;

	(void)child;
	*done = i + 1;
	(void)snprintf(text, sizeof(text), "DK.TA.phone.%u", i + 1);
	e = fluffy_dk_derive(childs_own(w, w->rs.path), text, strlen(text),
	    &claim, key, &n);
	if (e == FLUFFY_OK)
		e = fluffy_dk_take(childs_own(w, w->rs.path), &claim);
	if (e != FLUFFY_OK && e != FLUFFY_E_REPLAY)
		_exit(1);
	return e == FLUFFY_OK;
}

/* Each of 1 .. n is there once. */
static void
assert_each_once(const uint32_t *numbers, unsigned n)
{
	bool seen[CHILDREN * EACH + 1] = { false };

	for (unsigned i = 0; i < n; i++) {
		assert_true(numbers[i] >= 1 && numbers[i] <= n);
		assert_false(seen[numbers[i]]);
		seen[numbers[i]] = true;
	}
}

static void
processes_issue_no_number_twice(void **state)
{
	struct world *w = *state;
	uint32_t numbers[CHILDREN * EACH];

	fluffy_store_close(&w->ta.store);
	assert_int_equal(in_children(w, issue_one, numbers),
	    CHILDREN * EACH);
	assert_each_once(numbers, CHILDREN * EACH);
}

static void
processes_take_no_number_twice(void **state)
{
	struct world *w = *state;
	uint32_t numbers[CHILDREN * EACH];

	fluffy_store_close(&w->rs.store);
	assert_int_equal(in_children(w, take_one, numbers), EACH);
	assert_each_once(numbers, EACH);
}

/* ---- commits that fail, and processes that die ------------------------------------------- */

static int
refuse_commit(void *arg)
{
	(void)arg;
	return 1;
}

static void
allow_commits(fluffy_store *s, bool allowed)
{
	(void)sqlite3_commit_hook(s->sql->db,
	    allowed ? NULL : refuse_commit, NULL);
}

static void
a_failed_commit_promises_nothing(void **state)
{
	struct world *w = *state;
	fluffy_bytes pair = new_pair(w, true);
	fluffy_dk_claim claim;
	fluffy_msg *out, *revoke;

	fluffy_msg_free(&(fluffy_msg *){ issued(w, "door", "phone") });
	revoke = revoked(w, "door", 1);
	allow_commits(w->ta.store, false);
	refused_at(w->ctx, fluffy_dk_issue(w->ta.store, "door", "phone",
	    &out), FLUFFY_E_STORE, "");
	assert_null(out);
	refused_at(w->ctx, fluffy_dk_certify(w->ta.store, "door", "phone",
	    pair.data, pair.len, &out), FLUFFY_E_STORE, "");
	assert_null(out);
	refused_at(w->ctx, fluffy_dk_trust(w->ta.store, "door", pair.data,
	    pair.len), FLUFFY_E_STORE, "");
	refused_at(w->ctx, fluffy_dk_revoke(w->ta.store, "door", 1, &out),
	    FLUFFY_E_STORE, "");
	assert_null(out);
	allow_commits(w->ta.store, true);
	assert_listed(w, &w->ta, "trust-anchor TA door 1 -1 trusted\n");
	must(w->ctx, shown_number(w, 7, &claim));
	allow_commits(w->rs.store, false);
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim),
	    FLUFFY_E_STORE, "");
	refused_at(w->ctx, fluffy_dk_accept(w->rs.store, revoke),
	    FLUFFY_E_STORE, "");
	allow_commits(w->rs.store, true);
	assert_listed(w, &w->rs, "resource-server TA door 0 of 64:00\n");
	must(w->ctx, fluffy_dk_take(w->rs.store, &claim));
	must(w->ctx, fluffy_dk_accept(w->rs.store, revoke));
	fluffy_msg_free(&revoke);
	fluffy_bytes_free(&pair);
	honest(w);
}

/* Kills a child that does work for a while; the last number that it told. */
static uint32_t
killed(struct world *w, int round, uint32_t first,
    void (*work)(struct world *, uint32_t))
{
	uint32_t number, last = first - 1;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		for (number = first;; number++) {
			work(w, number);
			if (write(ends[1], &number, sizeof(number)) < 0)
				_exit(1);
		}
	assert_int_equal(close(ends[1]), 0);
	/* however slow it is, it has begun */
	if (read(ends[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	(void)usleep((useconds_t)(3000 + 900 * round));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &number, sizeof(number)) == sizeof(number))
		last = number;
	assert_int_equal(close(ends[0]), 0);
	return last;
}

static void
issue_it(struct world *w, uint32_t number)
{
	uint32_t done;

	if (!issue_one(w, 0, 0, &done) || done < number)
		_exit(1);
}

static void
take_it(struct world *w, uint32_t number)
{
	uint32_t done;

	/* one may have been taken and not told */
	if (!take_one(w, 0, number - 1, &done) &&
	    !take_one(w, 0, number, &done))
		_exit(1);
}

static void
a_killed_anchor_issues_no_number_twice(void **state)
{
	struct world *w = *state;
	uint32_t last = 0, told;
	struct nonce nonce;
	fluffy_msg *cred;

	for (int round = 0; round < 10; round++) {
		fluffy_store_close(&w->ta.store);
		told = killed(w, round, last + 1, issue_it);
		reopen(w, &w->ta);
		cred = issued(w, "door", "phone");
		assert_null(nonce_read(cred->psk_identity, &nonce));
		assert_true(nonce.number > told);
		assert_true(nonce.number <= told + 2);
		last = nonce.number;
		fluffy_msg_free(&cred);
	}
	assert_true(last > 10);
}

static void
a_killed_server_takes_no_number_twice(void **state)
{
	struct world *w = *state;
	uint32_t last = 0, number;

	for (int round = 0; round < 10; round++) {
		fluffy_store_close(&w->rs.store);
		last = killed(w, round, last + 1, take_it);
		reopen(w, &w->rs);
		for (number = 1; number <= last; number++)
			is_stale(w, number);
		/* one may have been taken and not told */
		(void)!take_number(w, last + 1);
		is_stale(w, last + 1);
		last++;
	}
	assert_true(last > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CBOR(provision_wants_good_parameters),
		IN_CBOR(steps_want_good_parameters),
		IN_CBOR(a_step_is_of_one_party),
		IN_CBOR(stores_are_not_mixed_up),
		IN_BOTH(a_document_goes_where_it_belongs),
		IN_BOTH(a_provision_is_for_this_server),
		IN_BOTH(a_credential_names_what_it_is_for),
		IN_BOTH(a_certificate_names_what_it_is_for),
		IN_BOTH(a_revocation_is_the_trust_anchors),
		IN_BOTH(unknown_members_are_covered),
		IN_CBOR(bad_nonces_are_refused),
		IN_CBOR(a_nonce_is_bound_to_its_key),
		IN_CBOR(no_bit_of_a_maccert_may_change),
		IN_CBOR(a_maccert_is_judged_whoever_made_it),
		IN_CBOR(of_two_handshakes_one_wins),
		IN_CBOR(a_claim_is_not_believed),
		IN_CBOR(processes_issue_no_number_twice),
		IN_CBOR(processes_take_no_number_twice),
		IN_CBOR(a_failed_commit_promises_nothing),
		IN_CBOR(a_killed_anchor_issues_no_number_twice),
		IN_CBOR(a_killed_server_takes_no_number_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

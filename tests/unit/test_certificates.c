/*
 * test_certificates.c - what a CA sends is judged before anybody gets it: for
 * whom it is, for which key, for what, for how long, and by whom
 */
#include "authority.h"

#include "ca_part.h"
#include "pkey.h"

#define LONGEST (NOW + 30 * DAY)

/* ---- a leaf -------------------------------------------------------------- */

struct leaf {
	const char *names;	/* NULL: the right one */
	const char *constraints, *usage; /* NULL: a device's */
	bool other_key;
	uint64_t from, until;	/* 0: now, in a day */
};

static X509 *
new_leaf(const struct authority *ca, EVP_PKEY *key, const struct leaf *how)
{
	EVP_PKEY *other = new_key("P-256");
	X509 *leaf = X509_new();

	assert_non_null(leaf);
	assert_non_null(other);
	assert_int_equal(X509_set_version(leaf, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(leaf), 7);
	ASN1_TIME_set(X509_getm_notBefore(leaf),
	    (time_t)(how->from == 0 ? NOW : how->from));
	ASN1_TIME_set(X509_getm_notAfter(leaf),
	    (time_t)(how->until == 0 ? NOW + DAY : how->until));
	assert_int_equal(X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(leaf), "CN", MBSTRING_UTF8,
	    (const unsigned char *)"sensor", -1, -1, 0), 1);
	X509_set_issuer_name(leaf, X509_get_subject_name(ca->cert));
	X509_set_pubkey(leaf, how->other_key ? other : key);
	add_ext(leaf, ca->cert, NID_basic_constraints,
	    how->constraints == NULL ? "critical,CA:FALSE" :
	    how->constraints);
	add_ext(leaf, ca->cert, NID_key_usage, how->usage == NULL ?
	    "critical,digitalSignature" : how->usage);
	add_ext(leaf, ca->cert, NID_subject_alt_name, how->names == NULL ?
	    "URI:fluffy://home/sensor" : how->names);
	assert_true(X509_sign(leaf, ca->key, EVP_sha256()) > 0);
	EVP_PKEY_free(other);
	return leaf;
}

/* ---- judging it ---------------------------------------------------------- */

struct judge {
	fluffy_ctx *ctx;
	struct rng rng;
	struct arena arena;
	struct authority ca;
	struct ca_request request;
	EVP_PKEY *key;
};

static int
setup(void **state)
{
	struct judge *j = calloc(1, sizeof(*j));
	struct keydata *pair;

	assert_non_null(j);
	j->rng.state = 4711;
	j->ctx = test_ctx(&j->rng);
	j->ca = new_authority("P-256", "the realm's CA", NULL, NULL);
	must(j->ctx, pkey_generate(j->ctx, &j->arena, KTY_EC, -7,
	    BYTES("\1\2\3\4\5\6\7\10"), &pair));
	must(j->ctx, pkey_load(j->ctx, pair, &j->key));
	j->request = (struct ca_request){ .pair = pair,
	    .realm = BYTES("home"), .name = BYTES("sensor"), .from = NOW,
	    .until = NOW + DAY, .longest = LONGEST };
	*state = j;
	return 0;
}

static int
teardown(void **state)
{
	struct judge *j = *state;

	EVP_PKEY_free(j->key);
	end_authority(&j->ca);
	arena_free(&j->arena);
	fluffy_ctx_free(&j->ctx);
	free(j);
	return 0;
}

static enum fluffy_error
accept_leaf(struct judge *j, X509 *leaf)
{
	struct ca_job job = { .ctx = j->ctx, .request = &j->request,
	    .code = FLUFFY_E_NO_CA, .key = j->key,
	    .principal = BYTES("fluffy://home/sensor"),
	    .known = sk_X509_new_null() };
	enum fluffy_error e;

	assert_non_null(job.known);
	sk_X509_push(job.known, j->ca.cert);
	e = ca_accept(&job, leaf, NULL);
	assert_int_equal(sk_X509_num(job.chain) > 0, e == FLUFFY_OK);
	sk_X509_free(job.known);
	sk_X509_pop_free(job.chain, X509_free);
	return e;
}

static void
accepted(struct judge *j, const struct leaf *how)
{
	X509 *leaf = new_leaf(&j->ca, j->key, how);

	must(j->ctx, accept_leaf(j, leaf));
	X509_free(leaf);
}

/* ... and an honest one is accepted after it. */
static void
refused(struct judge *j, const struct authority *by, const struct leaf *how,
    const char *why)
{
	static const struct leaf honest;
	X509 *leaf = new_leaf(by, j->key, how);

	refused_at(j->ctx, accept_leaf(j, leaf), FLUFFY_E_NO_CA, "");
	if (strstr(fluffy_why(j->ctx).text, why) == NULL)
		print_error("\"%s\" isn't in \"%s\"\n", why,
		    fluffy_why(j->ctx).text);
	assert_non_null(strstr(fluffy_why(j->ctx).text, why));
	X509_free(leaf);
	accepted(j, &honest);
}

/* ---- what it has to be --------------------------------------------------- */

static void
it_is_for_the_pairs_key(void **state)
{
	struct judge *j = *state;

	refused(j, &j->ca, &(struct leaf){ .other_key = true },
	    "for another key");
}

/* Bug class 11. */
static void
it_names_the_device_and_no_other(void **state)
{
	static const char *const good[] = { "URI:fluffy://home/sensor",
	    "URI:fluffy://home/sensor,URI:http://home/,DNS:sensor",
	    "DNS:fluffy://home/lock,URI:fluffy://home/sensor" };
	static const char *const bad[] = { "URI:fluffy://home/lock",
	    "URI:fluffy://home/sensor2", "URI:fluffy://home/senso",
	    "URI:fluffy://Home/sensor", "URI:http://home/sensor",
	    "DNS:fluffy://home/sensor", "email:fluffy@home",
	    "URI:fluffy://home/sensor,URI:fluffy://home/lock",
	    "URI:fluffy://home/lock,URI:fluffy://home/sensor",
	    "URI:fluffy://home/sensor,URI:FLUFFY://home/lock" };
	struct judge *j = *state;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		accepted(j, &(struct leaf){ .names = good[i] });
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(j, &j->ca, &(struct leaf){ .names = bad[i] },
		    "isn't for fluffy://home/sensor alone");
}

static void
it_is_for_a_devices_signatures(void **state)
{
	struct judge *j = *state;

	accepted(j, &(struct leaf){
	    .usage = "critical,digitalSignature,nonRepudiation" });
	refused(j, &j->ca, &(struct leaf){
	    .constraints = "critical,CA:TRUE" }, "isn't one for signatures");
	refused(j, &j->ca, &(struct leaf){
	    .usage = "critical,keyAgreement" }, "isn't one for signatures");
}

/* A CA's clock may be 300 s ahead. */
static void
it_is_valid_now_and_not_for_too_long(void **state)
{
	struct judge *j = *state;

	accepted(j, &(struct leaf){ .from = NOW + 300 });
	refused(j, &j->ca, &(struct leaf){ .from = NOW + 301 },
	    "isn't valid yet");
	accepted(j, &(struct leaf){ .from = NOW - DAY, .until = NOW + 1 });
	refused(j, &j->ca, &(struct leaf){ .from = NOW - DAY, .until = NOW },
	    "has ended");
	refused(j, &j->ca, &(struct leaf){ .from = NOW + 300,
	    .until = NOW + 300 }, "has ended");
	accepted(j, &(struct leaf){ .until = LONGEST });
	refused(j, &j->ca, &(struct leaf){ .until = LONGEST + 1 },
	    "longer than it may be");
}

/* Bug class 7. */
static void
it_is_by_the_ca_that_was_set(void **state)
{
	struct judge *j = *state;
	static const struct leaf good;
	struct authority namesake = new_authority("P-256", "the realm's CA",
	    NULL, NULL), other = new_authority("P-256", "another", NULL,
	    NULL);

	refused(j, &namesake, &good, "doesn't verify");
	refused(j, &other, &good, "doesn't verify");
	end_authority(&namesake);
	end_authority(&other);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_for_the_pairs_key),
		CASE(it_names_the_device_and_no_other),
		CASE(it_is_for_a_devices_signatures),
		CASE(it_is_valid_now_and_not_for_too_long),
		CASE(it_is_by_the_ca_that_was_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

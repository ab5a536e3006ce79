/* test_ca.c - certificates from a CA in files, and what can't be a CA */
#include "authority.h"

#include <dirent.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>

#include "ca.h"
#include "pkey.h"

#define UNTIL	(NOW + 8 * 3600u)
#define LONGEST (NOW + 30 * DAY)

static char directory[] = "/tmp/fluffy-ca-XXXXXX";
static char home[PATH_MAX];
static struct rng rng;

static void
write_text(const char *path, struct bytes text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
	assert_int_equal(fclose(file), 0);
}

/* "ca.pem" and "ca.key" */
static const fluffy_ca files = { .cert = "ca.pem", .key = "ca.key" };

static struct authority
set_authority(const char *kind, const struct oddity *odd)
{
	struct authority a = new_authority(kind, "the realm's CA", NULL, odd);
	const struct authority *const list[] = { &a };

	write_certs("ca.pem", list, 1);
	write_key("ca.key", a.key, NULL);
	return a;
}

/* ---- asking it ---------------------------------------------------------- */

static const struct pair_kind {
	int64_t kty, alg;
} pair_kinds[] = {
	{ KTY_EC, -7 }, { KTY_EC, -35 }, { KTY_EC, -36 }, { KTY_OKP, -8 },
	{ KTY_RSA, -37 }
};

#define N_PAIR_KINDS (sizeof(pair_kinds) / sizeof(pair_kinds[0]))

static const struct keydata *
new_pair(fluffy_ctx *ctx, struct arena *arena, const struct pair_kind *kind)
{
	struct keydata *pair;

	must(ctx, pkey_generate(ctx, arena, kind->kty, kind->alg,
	    BYTES("\1\2\3\4\5\6\7\10"), &pair));
	return pair;
}

struct asked {
	struct arena arena;
	struct ca_request request;
	struct bytes_list certs;
	uint64_t not_after;
	X509 *leaf;
};

static void
prepare(fluffy_ctx *ctx, struct asked *a)
{
	*a = (struct asked){ .request = {
		.realm = BYTES("home"), .name = BYTES("sensor"),
		.from = NOW, .until = UNTIL, .longest = LONGEST } };
	a->request.pair = new_pair(ctx, &a->arena, &pair_kinds[0]);
}

static X509 *
parse(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *cert = d2i_X509(NULL, &p, (long)der.n);

	assert_non_null(cert);
	assert_ptr_equal(p, der.p + der.n);
	return cert;
}

static void
ask(fluffy_ctx *ctx, struct asked *a)
{
	X509_free(a->leaf);
	a->leaf = NULL;
	must(ctx, ca_certify(ctx, &files, &a->request, &a->arena, &a->certs,
	    &a->not_after));
	assert_true(a->certs.n >= 1);
	a->leaf = parse(a->certs.v[0]);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
no_ca(fluffy_ctx *ctx, struct asked *a, const char *why)
{
	a->certs.n = 3;
	a->not_after = 1;
	refused_at(ctx, ca_certify(ctx, &files, &a->request, &a->arena,
	    &a->certs, &a->not_after), FLUFFY_E_NO_CA, "");
	if (strstr(fluffy_why(ctx).text, why) == NULL)
		print_error("\"%s\" isn't in \"%s\"\n", why,
		    fluffy_why(ctx).text);
	assert_non_null(strstr(fluffy_why(ctx).text, why));
	assert_int_equal(a->certs.n, 0);
	assert_int_equal(a->not_after, 0);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
end(struct asked *a)
{
	X509_free(a->leaf);
	arena_free(&a->arena);
}

/* ---- looking at what it gave -------------------------------------------- */

/* By OpenSSL's own rules, without any of this library's. */
static void
assert_verifies(X509 *leaf, X509 *root, STACK_OF(X509) *others)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *v = X509_STORE_CTX_new();

	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	assert_int_equal(X509_STORE_CTX_init(v, store, leaf, others), 1);
	X509_STORE_CTX_set_time(v, 0, NOW + 1);
	X509_STORE_CTX_set_flags(v, X509_V_FLAG_X509_STRICT);
	if (X509_verify_cert(v) != 1) {
		print_error("%s\n", X509_verify_cert_error_string(
		    X509_STORE_CTX_get_error(v)));
		fail();
	}
	X509_STORE_CTX_free(v);
	X509_STORE_free(store);
}

static void
assert_uri(X509 *cert, const char *expected, bool critical)
{
	int is_critical;
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    &is_critical, NULL);
	const GENERAL_NAME *name;

	assert_non_null(names);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	name = sk_GENERAL_NAME_value(names, 0);
	assert_int_equal(name->type, GEN_URI);
	assert_bytes(bytes_of(ASN1_STRING_get0_data(name->d.ia5),
	    (size_t)ASN1_STRING_length(name->d.ia5)), bytes_str(expected));
	assert_int_equal(is_critical, critical);
	GENERAL_NAMES_free(names);
}

static void
assert_key(fluffy_ctx *ctx, X509 *cert, const struct keydata *pair)
{
	EVP_PKEY *key;

	must(ctx, pkey_load(ctx, pair, &key));
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(cert), key), 1);
	EVP_PKEY_free(key);
}

static void
assert_time(const ASN1_TIME *time, uint64_t expected)
{
	assert_int_equal(ASN1_TIME_cmp_time_t(time, (time_t)expected), 0);
}

static int
ext_critical(const X509 *cert, int nid)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);

	assert_true(at >= 0);
	return X509_EXTENSION_get_critical(X509_get_ext(cert, at));
}

static void
assert_device(X509 *cert, X509 *issuer)
{
	assert_int_equal(X509_get_version(cert), X509_VERSION_3);
	assert_int_equal(X509_check_ca(cert), 0);
	assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
	assert_int_equal(ext_critical(cert, NID_basic_constraints), 1);
	assert_int_equal(ext_critical(cert, NID_key_usage), 1);
	assert_int_equal(X509_get_ext_count(cert), 5);
	assert_non_null(X509_get0_subject_key_id(cert));
	assert_int_equal(ASN1_OCTET_STRING_cmp(
	    X509_get0_authority_key_id(cert),
	    X509_get0_subject_key_id(issuer)), 0);
}

static void
assert_cn(X509 *cert, struct bytes expected)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	const ASN1_STRING *cn;

	assert_int_equal(X509_NAME_entry_count(subject), 1);
	cn = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, 0));
	assert_bytes(bytes_of(ASN1_STRING_get0_data(cn),
	    (size_t)ASN1_STRING_length(cn)), expected);
}

/* ---- a good CA ---------------------------------------------------------- */

static void
every_ca_certifies_every_pair(void **state)
{
	static const char *const cas[] = { "P-256", "P-384", "P-521", "RSA",
	    "ED25519", "ED448" };
	static const int digests[] = { NID_sha256, NID_sha384, NID_sha512,
	    NID_sha256, NID_undef, NID_undef };
	fluffy_ctx *ctx = *state;
	size_t i, k;

	for (i = 0; i < sizeof(cas) / sizeof(cas[0]); i++) {
		struct authority ca = set_authority(cas[i], NULL);
		struct asked a;
		int digest;

		must(ctx, ca_check(ctx, &files));
		prepare(ctx, &a);
		for (k = 0; k < N_PAIR_KINDS; k++) {
			a.request.pair = new_pair(ctx, &a.arena,
			    &pair_kinds[k]);
			ask(ctx, &a);
			assert_int_equal(a.certs.n, 1);
			assert_verifies(a.leaf, ca.cert, NULL);
			assert_key(ctx, a.leaf, a.request.pair);
			assert_uri(a.leaf, "fluffy://home/sensor", false);
			assert_cn(a.leaf, BYTES("sensor"));
			assert_device(a.leaf, ca.cert);
			assert_time(X509_get0_notBefore(a.leaf), NOW);
			assert_time(X509_get0_notAfter(a.leaf), UNTIL);
			assert_true(a.not_after == UNTIL);
			assert_int_equal(X509_get_signature_info(a.leaf,
			    &digest, NULL, NULL, NULL), 1);
			assert_int_equal(digest, digests[i]);
		}
		end(&a);
		end_authority(&ca);
	}
}

static void
serials_are_long_positive_and_never_the_same(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	ASN1_INTEGER *before = NULL;
	fluffy_ctx *ctx = *state;
	struct asked a;
	int i;

	prepare(ctx, &a);
	for (i = 0; i < 20; i++) {
		const ASN1_INTEGER *serial;

		ask(ctx, &a);
		serial = X509_get0_serialNumber(a.leaf);
		assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
		assert_int_equal(i2d_ASN1_INTEGER(serial, NULL), 2 + 16);
		if (before != NULL)
			assert_int_not_equal(ASN1_INTEGER_cmp(before, serial),
			    0);
		ASN1_INTEGER_free(before);
		before = ASN1_INTEGER_dup(serial);
	}
	ASN1_INTEGER_free(before);
	end(&a);
	end_authority(&ca);
}

static void
principals_are_percent_encoded(void **state)
{
	static const struct {
		const char *realm, *name, *uri;
	} cases[] = {
		{ "home", "sensor", "fluffy://home/sensor" },
		{ "Az09-._~", "x", "fluffy://Az09-._~/x" },
		{ "a/b", "c d", "fluffy://a%2Fb/c%20d" },
		{ "100%", "%41", "fluffy://100%25/%2541" },
		{ "\xc3\xbc", "\xf0\x9f\x94\x91",
		    "fluffy://%C3%BC/%F0%9F%94%91" },
		{ "a@b:1", "?q#f&=+,;", "fluffy://a%40b%3A1/"
		    "%3Fq%23f%26%3D%2B%2C%3B" },
		{ "[::1]", "\"<>\\^`{|}!$'()*",
		    "fluffy://%5B%3A%3A1%5D/%22%3C%3E%5C%5E%60%7B%7C%7D%21%24"
		    "%27%28%29%2A" },
		{ "..", "../..", "fluffy://../..%2F.." },
	};
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ctx *ctx = *state;
	struct asked a;
	size_t i;

	prepare(ctx, &a);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a.request.realm = bytes_str(cases[i].realm);
		a.request.name = bytes_str(cases[i].name);
		ask(ctx, &a);
		assert_uri(a.leaf, cases[i].uri, false);
		assert_cn(a.leaf, a.request.name);
		assert_verifies(a.leaf, ca.cert, NULL);
	}
	end(&a);
	end_authority(&ca);
}

/* n times the character */
static struct bytes
many(struct arena *arena, const char *character, size_t n)
{
	struct bytes one = bytes_str(character);
	uint8_t *p = arena_alloc(arena, n * one.n);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < n; i++)
		memcpy(p + i * one.n, one.p, one.n);
	return bytes_of(p, n * one.n);
}

/* RFC 5280: ub-common-name, and section 4.1.2.6. */
static void
long_names_are_in_the_alternative_name_alone(void **state)
{
	static const struct {
		const char *character;
		size_t n;
		bool cn;
	} cases[] = {
		{ "x", 1, true }, { "x", 64, true }, { "x", 65, false },
		{ "x", 255, false }, { " ", 255, false },
		{ "\xc3\xbc", 64, true }, { "\xc3\xbc", 65, false },
		{ "\xe2\x82\xac", 64, true }, { "\xe2\x82\xac", 85, false },
		{ "\xf0\x9f\x94\x91", 63, true },
	};
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ctx *ctx = *state;
	struct asked a;
	size_t i;

	prepare(ctx, &a);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer uri = BUFFER(4096);

		a.request.name = many(&a.arena, cases[i].character,
		    cases[i].n);
		a.request.realm = a.request.name;
		ca_principal(&uri, a.request.realm, a.request.name);
		buffer_addc(&uri, '\0');
		ask(ctx, &a);
		assert_uri(a.leaf, (const char *)uri.p, !cases[i].cn);
		if (cases[i].cn)
			assert_cn(a.leaf, a.request.name);
		else
			assert_int_equal(X509_NAME_entry_count(
			    X509_get_subject_name(a.leaf)), 0);
		assert_verifies(a.leaf, ca.cert, NULL);
		buffer_free(&uri);
	}
	end(&a);
	end_authority(&ca);
}

/* ---- chains ------------------------------------------------------------- */

#define DEEPEST 9

/* line[0] is the root. */
static void
new_line(struct authority line[DEEPEST])
{
	char name[20];
	size_t i;

	for (i = 0; i < DEEPEST; i++) {
		(void)snprintf(name, sizeof(name), "CA %zu", i);
		line[i] = new_authority("P-256", name,
		    i == 0 ? NULL : &line[i - 1], NULL);
	}
}

/* The file has the CA at depth, and so many of those above it. */
static void
set_line(struct authority line[DEEPEST], size_t depth, size_t above)
{
	const struct authority *list[DEEPEST];
	size_t i;

	for (i = 0; i <= above; i++)
		list[i] = &line[depth - i];
	write_certs("ca.pem", list, above + 1);
	write_key("ca.key", line[depth].key, NULL);
}

static STACK_OF(X509) *
others_of(const struct bytes_list *certs)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	uint8_t i;

	for (i = 1; i < certs->n; i++)
		sk_X509_push(others, parse(certs->v[i]));
	return others;
}

static void
chains_reach_the_top(void **state)
{
	struct authority line[DEEPEST];
	fluffy_ctx *ctx = *state;
	STACK_OF(X509) *others;
	struct asked a;
	size_t depth;

	new_line(line);
	prepare(ctx, &a);
	for (depth = 0; depth < DEEPEST - 2; depth++) {
		set_line(line, depth, depth);
		must(ctx, ca_check(ctx, &files));
		a.request.chain = false;
		ask(ctx, &a);
		assert_int_equal(a.certs.n, 1);
		a.request.chain = true;
		ask(ctx, &a);
		assert_int_equal(a.certs.n, depth + 2);
		others = others_of(&a.certs);
		assert_verifies(a.leaf, line[0].cert, others);
		assert_int_equal(X509_cmp(sk_X509_value(others, (int)depth),
		    line[0].cert), 0);
		sk_X509_pop_free(others, X509_free);
	}
	end(&a);
	for (depth = 0; depth < DEEPEST; depth++)
		end_authority(&line[depth]);
}

/* As far as the top is known. */
static void
a_chain_may_end_below_the_root(void **state)
{
	struct authority line[DEEPEST];
	fluffy_ctx *ctx = *state;
	struct asked a;
	size_t i;

	new_line(line);
	prepare(ctx, &a);
	a.request.chain = true;
	set_line(line, 3, 0);
	ask(ctx, &a);
	assert_int_equal(a.certs.n, 2);
	set_line(line, 3, 1);
	ask(ctx, &a);
	assert_int_equal(a.certs.n, 3);
	end(&a);
	for (i = 0; i < DEEPEST; i++)
		end_authority(&line[i]);
}

/* Section 2: x5c has 1 to 8. */
static void
more_than_eight_certificates_are_refused(void **state)
{
	struct authority line[DEEPEST];
	fluffy_ctx *ctx = *state;
	struct asked a;
	size_t i;

	new_line(line);
	prepare(ctx, &a);
	a.request.chain = true;
	set_line(line, 6, 6);
	ask(ctx, &a);
	assert_int_equal(a.certs.n, 8);
	set_line(line, 7, 7);
	no_ca(ctx, &a, "more than 8 certificates");
	a.request.chain = false;
	ask(ctx, &a);
	end(&a);
	for (i = 0; i < DEEPEST; i++)
		end_authority(&line[i]);
}

/*
 * A file may have what belongs to no chain; it's left out, even if only the
 * signature tells.
 */
static void
strangers_in_the_file_arent_in_the_chain(void **state)
{
	static const struct oddity odd = { .no_issuer_key = true };
	struct authority root = new_authority("P-256", "root", NULL, NULL),
	    ca = new_authority("P-256", "ca", &root, &odd),
	    /* of the same name, but with another key */
	    other = new_authority("P-256", "root", NULL, NULL),
	    /* with the same key, but of another name */
	    alias = new_authority("P-256", "alias", NULL, NULL);
	const struct authority *const list[] = { &ca, &other, &alias, &root };
	fluffy_ctx *ctx = *state;
	STACK_OF(X509) *others;
	struct asked a;

	X509_set_pubkey(alias.cert, root.key);
	assert_true(X509_sign(alias.cert, root.key, EVP_sha256()) > 0);
	write_certs("ca.pem", list, 4);
	write_key("ca.key", ca.key, NULL);
	prepare(ctx, &a);
	a.request.chain = true;
	ask(ctx, &a);
	assert_int_equal(a.certs.n, 3);
	others = others_of(&a.certs);
	assert_int_equal(X509_cmp(sk_X509_value(others, 0), ca.cert), 0);
	assert_int_equal(X509_cmp(sk_X509_value(others, 1), root.cert), 0);
	sk_X509_pop_free(others, X509_free);
	end(&a);
	end_authority(&root);
	end_authority(&ca);
	end_authority(&other);
	end_authority(&alias);
}

/* ---- what can't be a CA ------------------------------------------------- */

/* Neither set nor asked. */
static void
is_no_ca(fluffy_ctx *ctx, const char *why)
{
	struct asked a;

	refused_at(ctx, ca_check(ctx, &files), FLUFFY_E_USAGE, "");
	if (strstr(fluffy_why(ctx).text, why) == NULL)
		print_error("\"%s\" isn't in \"%s\"\n", why,
		    fluffy_why(ctx).text);
	assert_non_null(strstr(fluffy_why(ctx).text, why));
	prepare(ctx, &a);
	no_ca(ctx, &a, why);
	end(&a);
}

static void
files_that_are_none_are_refused(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	const struct authority *const list[] = { &ca };
	fluffy_ctx *ctx = *state;
	char half[200] = "";
	FILE *file;

	assert_int_equal(unlink("ca.key"), 0);
	is_no_ca(ctx, "ca.key: No such file");
	write_text("ca.key", BYTES(""));
	is_no_ca(ctx, "ca.key: there is no private key");
	write_text("ca.key", BYTES("-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END PRIVATE KEY-----\n"));
	is_no_ca(ctx, "ca.key: there is no private key");
	write_certs("ca.key", list, 1);
	is_no_ca(ctx, "ca.key: there is no private key");
	write_key("ca.key", ca.key, "secret");
	is_no_ca(ctx, "ca.key: the key is encrypted");
	write_key("ca.key", ca.key, NULL);

	assert_int_equal(unlink("ca.pem"), 0);
	is_no_ca(ctx, "ca.pem: No such file");
	assert_int_equal(mkdir("ca.pem", 0700), 0);
	is_no_ca(ctx, "ca.pem: ");
	assert_int_equal(rmdir("ca.pem"), 0);
	assert_int_equal(mkfifo("ca.pem", 0600), 0);
	is_no_ca(ctx, "ca.pem: not a regular file");
	assert_int_equal(unlink("ca.pem"), 0);
	write_text("ca.pem", BYTES(""));
	is_no_ca(ctx, "ca.pem: there is no certificate");
	write_text("ca.pem", BYTES("\0\0\0\0"));
	is_no_ca(ctx, "ca.pem: there is no certificate");
	write_key("ca.pem", ca.key, NULL);
	is_no_ca(ctx, "ca.pem: there is no certificate");
	write_certs("ca.pem", list, 1);
	file = fopen("ca.pem", "r+");
	assert_true(fread(half, 1, sizeof(half) - 1, file) > 100);
	assert_int_equal(fclose(file), 0);
	write_text("ca.pem", bytes_str(half));
	is_no_ca(ctx, "ca.pem: a certificate can't be read");
	write_certs("ca.pem", list, 1);
	must(ctx, ca_check(ctx, &files));
	end_authority(&ca);
}

/* The system's failure isn't the file's: nobody has given a wrong name. */
static void
what_the_system_cant_open_is_no_wrong_file(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ctx *ctx = *state;
	const struct rlimit none = { 0, 0 };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setrlimit(RLIMIT_NOFILE, &none);
		_exit(ca_check(ctx, &files) == FLUFFY_E_SYSTEM ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	end_authority(&ca);
}

static void
many_certificates_are_refused(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	const struct authority *list[33];
	fluffy_ctx *ctx = *state;
	size_t i;

	for (i = 0; i < 33; i++)
		list[i] = &ca;
	write_certs("ca.pem", list, 32);
	must(ctx, ca_check(ctx, &files));
	write_certs("ca.pem", list, 33);
	is_no_ca(ctx, "more than 32 certificates");
	end_authority(&ca);
}

static void
a_key_of_another_certificate_is_refused(void **state)
{
	struct authority ca = set_authority("P-256", NULL), other;
	const struct authority *list[2];
	fluffy_ctx *ctx = *state;

	other = new_authority("P-256", "another", NULL, NULL);
	write_key("ca.key", other.key, NULL);
	is_no_ca(ctx, "ca.key isn't the key");
	/* the CA's certificate comes first */
	list[0] = &ca;
	list[1] = &other;
	write_certs("ca.pem", list, 2);
	is_no_ca(ctx, "ca.key isn't the key");
	end_authority(&ca);
	end_authority(&other);
}

static void
who_may_not_certify_is_refused(void **state)
{
	static const struct oddity no_ca = { .no_ca = true },
	    no_sign = { .no_sign = true };
	struct authority ca = set_authority("P-256", &no_ca);
	fluffy_ctx *ctx = *state;

	is_no_ca(ctx, "isn't a CA's");
	end_authority(&ca);
	ca = set_authority("P-256", &no_sign);
	is_no_ca(ctx, "isn't a CA's");
	end_authority(&ca);
}

static void
a_ca_out_of_its_time_is_refused(void **state)
{
	static const struct oddity ended = { .from = NOW - YEAR,
	    .until = NOW - 1 }, early = { .from = NOW + 1 },
	    soon = { .until = UNTIL - 1 }, just = { .until = UNTIL };
	struct authority ca = set_authority("P-256", &ended);
	fluffy_ctx *ctx = *state;
	struct asked a;

	prepare(ctx, &a);
	refused_at(ctx, ca_check(ctx, &files), FLUFFY_E_USAGE, "");
	no_ca(ctx, &a, "ca.pem: the CA's certificate ends before");
	end_authority(&ca);
	ca = set_authority("P-256", &early);
	is_no_ca(ctx, "isn't valid yet");
	end_authority(&ca);
	ca = set_authority("P-256", &soon);
	must(ctx, ca_check(ctx, &files));
	no_ca(ctx, &a, "ends before the new one would");
	end_authority(&ca);
	ca = set_authority("P-256", &just);
	ask(ctx, &a);
	end_authority(&ca);
	end(&a);
}

static void
no_certificate_is_longer_than_it_may_be(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ctx *ctx = *state;
	struct asked a;

	prepare(ctx, &a);
	a.request.until = LONGEST;
	ask(ctx, &a);
	a.request.until = LONGEST + 1;
	no_ca(ctx, &a, "longer than it may be");
	a.request.until = NOW;
	no_ca(ctx, &a, "has ended");
	end(&a);
	end_authority(&ca);
}

static int
no_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	memset(out, 0, n);
	return -1;
}

/* Bug class 21. */
static void
without_chance_there_is_no_certificate(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ctx *ctx = *state;
	struct asked a;

	prepare(ctx, &a);
	fluffy_ctx_set_random(ctx, no_random, NULL);
	refused_at(ctx, ca_certify(ctx, &files, &a.request, &a.arena,
	    &a.certs, &a.not_after), FLUFFY_E_SYSTEM, "");
	assert_int_equal(a.certs.n, 0);
	fluffy_ctx_set_random(ctx, test_random, &rng);
	end(&a);
	end_authority(&ca);
}

static void
without_a_ca_there_is_no_certificate(void **state)
{
	static const fluffy_ca nothing;
	fluffy_ctx *ctx = *state;
	struct asked a;

	must(ctx, ca_check(ctx, &nothing));
	prepare(ctx, &a);
	refused_at(ctx, ca_certify(ctx, &nothing, &a.request, &a.arena,
	    &a.certs, &a.not_after), FLUFFY_E_NO_CA, "");
	end(&a);
}

/* ---- configurations ----------------------------------------------------- */

#define CMP_URL "http://127.0.0.1:1/cmp"

static void
only_two_combinations_can_be_set(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ctx *ctx = *state;
	unsigned i;

	write_text("secret", BYTES("s"));
	for (i = 0; i < 64; i++) {
		const fluffy_ca tried = {
			.cert = (i & 1) != 0 ? "ca.pem" : NULL,
			.key = (i & 2) != 0 ? "ca.key" : NULL,
			.url = (i & 4) != 0 ? CMP_URL : NULL,
			.ref = (i & 8) != 0 ? "skdc" : NULL,
			.secret = (i & 16) != 0 ? "secret" : NULL,
			.x5u = (i & 32) != 0 ? "http://ca/" : NULL,
		};
		unsigned without_x5u = i & 31;

		if (i == 0 || without_x5u == 3 || without_x5u == 29)
			must(ctx, ca_check(ctx, &tried));
		else
			refused_at(ctx, ca_check(ctx, &tried),
			    FLUFFY_E_USAGE, "");
	}
	end_authority(&ca);
}

static void
urls_are_those_of_http(void **state)
{
	static const char *const good[] = { "http://ca", "http://ca/",
	    "http://ca:80/cmp", "http://[::1]:8080/a/b", "http://10.0.0.1/x" };
	static const char *const bad[] = { "", "ca", "ca/cmp", "https://ca/",
	    "HTTP://ca/", "HTTPS://ca/", "ftp://ca/", "http://", "http:///x",
	    "http://ca:0x50/", "http://ca:99999/", "http://user@ca/",
	    "http://user:password@ca/", "http://ca/?q", "http://ca/#f",
	    "file:///etc/passwd", "//ca/", "http://ca/ HTTP/1.0\r\nX: y",
	    "http://ca/\x1b[31m", "http://c\xc3\xa4/", "http://ca/a b" };
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ca tried = { .cert = "ca.pem", .ref = "skdc",
	    .secret = "secret" };
	fluffy_ctx *ctx = *state;
	char text[257] = "http://ca/";
	size_t i;

	write_text("secret", BYTES("s"));
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		tried.url = good[i];
		must(ctx, ca_check(ctx, &tried));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tried.url = bad[i];
		if (ca_check(ctx, &tried) != FLUFFY_E_USAGE) {
			print_error("\"%s\" was taken\n", bad[i]);
			fail();
		}
		assert_int_equal(ERR_peek_error(), 0);
	}
	memset(text + 10, 'x', 245);
	tried.url = text;
	must(ctx, ca_check(ctx, &tried));
	text[255] = 'x';
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	end_authority(&ca);
}

static void
secrets_and_references_have_limits(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ca tried = { .cert = "ca.pem", .url = CMP_URL, .ref = "skdc",
	    .secret = "secret" };
	fluffy_ctx *ctx = *state;
	char text[1026];

	memset(text, 'x', sizeof(text));
	(void)unlink("secret");
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	write_text("secret", BYTES(""));
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	write_text("secret", BYTES("\n"));
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	write_text("secret", BYTES("x\r\n"));
	must(ctx, ca_check(ctx, &tried));
	text[1024] = '\n';
	write_text("secret", bytes_of(text, 1025));
	must(ctx, ca_check(ctx, &tried));
	text[1024] = 'x';
	write_text("secret", bytes_of(text, 1025));
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	/* and nothing of it is said */
	assert_null(strstr(fluffy_why(ctx).text, "xx"));
	write_text("secret", BYTES("x"));
	tried.ref = "";
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	tried.ref = "a\nb";
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	tried.ref = "\xc3\xbc";
	must(ctx, ca_check(ctx, &tried));
	end_authority(&ca);
}

static void
x5u_is_a_uri(void **state)
{
	static const char *const bad[] = { "", "ca", ":x", "1:x", "http://a b",
	    "http://\xc3\xbc", "a:\n", "\x7f:", "a:\x7f" };
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ca tried = files;
	fluffy_ctx *ctx = *state;
	char text[257] = "u:";
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tried.x5u = bad[i];
		refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	}
	tried.x5u = "http://home/ca.pem";
	must(ctx, ca_check(ctx, &tried));
	tried.x5u = "urn:x";
	must(ctx, ca_check(ctx, &tried));
	memset(text + 2, 'x', 253);
	tried.x5u = text;
	must(ctx, ca_check(ctx, &tried));
	text[255] = 'x';
	refused_at(ctx, ca_check(ctx, &tried), FLUFFY_E_USAGE, "");
	end_authority(&ca);
}

/* A CA that can't be asked: nothing is listening there. */
static void
an_unreachable_ca_is_no_ca(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ca closed = { .cert = "ca.pem", .url = CMP_URL, .ref = "skdc",
	    .secret = "secret" };
	fluffy_ctx *ctx = *state;
	struct asked a;

	write_text("secret", BYTES("s"));
	prepare(ctx, &a);
	refused_at(ctx, ca_certify(ctx, &closed, &a.request, &a.arena,
	    &a.certs, &a.not_after), FLUFFY_E_NO_CA, "");
	assert_string_equal(fluffy_why(ctx).text,
	    CMP_URL ": Connection refused");
	assert_int_equal(a.certs.n, 0);
	assert_int_equal(ERR_peek_error(), 0);
	end(&a);
	end_authority(&ca);
}

/* As a damaged store might have it. */
static void
half_a_setting_is_no_ca(void **state)
{
	static const fluffy_ca some[] = {
		{ .cert = "ca.pem" }, { .key = "ca.key" }, { .url = CMP_URL },
		{ .cert = "ca.pem", .url = CMP_URL, .ref = "skdc" },
		{ .cert = "ca.pem", .url = CMP_URL, .secret = "secret" },
		{ .cert = "ca.pem", .ref = "skdc", .secret = "secret" },
		{ .url = CMP_URL, .ref = "skdc", .secret = "secret" },
		{ .cert = "ca.pem", .key = "ca.key", .url = CMP_URL,
		  .ref = "skdc", .secret = "secret" }
	};
	struct authority ca = set_authority("P-256", NULL);
	fluffy_ctx *ctx = *state;
	struct asked a;
	size_t i;

	write_text("secret", BYTES("s"));
	prepare(ctx, &a);
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		refused_at(ctx, ca_certify(ctx, &some[i], &a.request,
		    &a.arena, &a.certs, &a.not_after), FLUFFY_E_NO_CA, "");
		assert_non_null(strstr(fluffy_why(ctx).text, "and either"));
		refused_at(ctx, ca_check(ctx, &some[i]), FLUFFY_E_USAGE, "");
	}
	end(&a);
	end_authority(&ca);
}

/* ---- in a store --------------------------------------------------------- */

static void
assert_option(const char *found, const char *expected)
{
	if (expected == NULL)
		assert_null(found);
	else
		assert_string_equal(found, expected);
}

static void
assert_set(fluffy_ctx *ctx, fluffy_store *s, const fluffy_ca *expected)
{
	fluffy_bytes memory;
	fluffy_ca ca;

	must(ctx, fluffy_ca_get(s, &ca, &memory));
	assert_option(ca.cert, expected->cert);
	assert_option(ca.key, expected->key);
	assert_option(ca.url, expected->url);
	assert_option(ca.ref, expected->ref);
	assert_option(ca.secret, expected->secret);
	assert_option(ca.x5u, expected->x5u);
	fluffy_bytes_free(&memory);
}

static void
a_store_remembers_the_setting(void **state)
{
	struct authority ca = set_authority("P-256", NULL);
	char cert[PATH_MAX + 8], key[PATH_MAX + 8], secret[PATH_MAX + 8];
	static const fluffy_ca nothing;
	fluffy_ca given = files, kept = { .cert = cert, .key = key,
	    .x5u = "http://home/ca" };
	fluffy_ctx *ctx = *state;
	fluffy_store *s;

	(void)snprintf(cert, sizeof(cert), "%s/ca.pem", home);
	(void)snprintf(key, sizeof(key), "%s/ca.key", home);
	(void)snprintf(secret, sizeof(secret), "%s/secret", home);
	write_text("secret", BYTES("s"));
	must(ctx, fluffy_store_init(ctx, "skdc.db", "home", "skdc", &s));
	assert_set(ctx, s, &nothing);
	given.x5u = "http://home/ca";
	must(ctx, fluffy_ca_set(s, &given));
	assert_set(ctx, s, &kept);
	/* what is refused changes nothing */
	given.key = "none";
	refused_at(ctx, fluffy_ca_set(s, &given), FLUFFY_E_USAGE, "");
	given.key = "";
	refused_at(ctx, fluffy_ca_set(s, &given), FLUFFY_E_USAGE, "");
	fluffy_store_close(&s);
	must(ctx, fluffy_store_open(ctx, "skdc.db", FLUFFY_READ_ONLY, &s));
	assert_set(ctx, s, &kept);
	fluffy_store_close(&s);
	/* a new one takes the place of all of the old one */
	must(ctx, fluffy_store_open(ctx, "skdc.db", 0, &s));
	given = (fluffy_ca){ .cert = cert, .url = CMP_URL, .ref = "skdc",
	    .secret = "secret" };
	must(ctx, fluffy_ca_set(s, &given));
	given.secret = secret;
	assert_set(ctx, s, &given);
	must(ctx, fluffy_ca_set(s, &nothing));
	assert_set(ctx, s, &nothing);
	fluffy_store_close(&s);
	end_authority(&ca);
}

static void
a_device_has_no_ca(void **state)
{
	static const fluffy_ca nothing;
	fluffy_ctx *ctx = *state;
	fluffy_bytes memory;
	fluffy_store *s;
	fluffy_msg *msg;
	fluffy_ca ca;

	must(ctx, fluffy_store_init(ctx, "realm.db", "home", "skdc", &s));
	must(ctx, fluffy_enrol(s, "sensor", NULL, &msg));
	fluffy_store_close(&s);
	must(ctx, fluffy_join(ctx, "sensor.db", msg));
	fluffy_msg_free(&msg);
	must(ctx, fluffy_store_open(ctx, "sensor.db", 0, &s));
	refused_at(ctx, fluffy_ca_set(s, &nothing), FLUFFY_E_USAGE, "");
	refused_at(ctx, fluffy_ca_get(s, &ca, &memory), FLUFFY_E_USAGE, "");
	assert_null(memory.data);
	fluffy_store_close(&s);
}

/* ---- where all this happens --------------------------------------------- */

static int
setup(void **state)
{
	rng.state = 4711;
	*state = test_ctx(&rng);
	return 0;
}

static int
teardown(void **state)
{
	fluffy_ctx *ctx = *state;

	fluffy_ctx_free(&ctx);
	return 0;
}

static int
enter(void **state)
{
	(void)state;
	return mkdtemp(directory) != NULL && chdir(directory) == 0 &&
	    getcwd(home, sizeof(home)) != NULL ? 0 : -1;
}

static int
leave(void **state)
{
	DIR *dir = opendir(".");
	struct dirent *entry;

	(void)state;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		(void)unlink(entry->d_name);
	if (dir != NULL)
		(void)closedir(dir);
	return chdir("/") == 0 ? rmdir(directory) : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_ca_certifies_every_pair),
		CASE(serials_are_long_positive_and_never_the_same),
		CASE(principals_are_percent_encoded),
		CASE(long_names_are_in_the_alternative_name_alone),
		CASE(chains_reach_the_top),
		CASE(a_chain_may_end_below_the_root),
		CASE(more_than_eight_certificates_are_refused),
		CASE(strangers_in_the_file_arent_in_the_chain),
		CASE(files_that_are_none_are_refused),
		CASE(what_the_system_cant_open_is_no_wrong_file),
		CASE(many_certificates_are_refused),
		CASE(a_key_of_another_certificate_is_refused),
		CASE(who_may_not_certify_is_refused),
		CASE(a_ca_out_of_its_time_is_refused),
		CASE(no_certificate_is_longer_than_it_may_be),
		CASE(without_chance_there_is_no_certificate),
		CASE(without_a_ca_there_is_no_certificate),
		CASE(only_two_combinations_can_be_set),
		CASE(urls_are_those_of_http),
		CASE(secrets_and_references_have_limits),
		CASE(x5u_is_a_uri),
		CASE(an_unreachable_ca_is_no_ca),
		CASE(half_a_setting_is_no_ca),
		CASE(a_store_remembers_the_setting),
		CASE(a_device_has_no_ca),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}

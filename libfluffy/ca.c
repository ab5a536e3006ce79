/* ca.c - which CA is asked, and what every certificate has to be */
#include <ctype.h>
#include <stdio.h>

#include <openssl/err.h>

#include "ca_part.h"
#include "cert.h"
#include "pkey.h"
#include "text.h"

#define CHAIN_MAX   8		/* section 2: x5c has as many */
#define CLOCKS_MAX  300		/* section 6: by which clocks may differ */
#define SCHEME	    "fluffy:"

enum fluffy_error
ca_refuse(struct ca_job *job, const char *format, ...)
{
	char text[REASON_TEXT];
	va_list ap;

	ERR_clear_error();
	if (job->refused)
		return job->code;
	job->refused = true;
	va_start(ap, format);
	if (vsnprintf(text, sizeof(text), format, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	return fluffy_fail(job->ctx, job->code, NULL, "%s", text);
}

/* ---- what both ways need ------------------------------------------------ */

const EVP_MD *
ca_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return NULL;
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) <= 256)
		return EVP_sha256();
	return EVP_PKEY_get_bits(key) <= 384 ? EVP_sha384() : EVP_sha512();
}

/* ---- names -------------------------------------------------------------- */

/* All but RFC 3986's unreserved characters. */
static void
put_percent(struct buffer *b, struct bytes text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-._~";
	size_t i;

	for (i = 0; i < text.n; i++) {
		if (text.p[i] != '\0' && strchr(plain, text.p[i]) != NULL)
			buffer_add(b, &text.p[i], 1);
		else
			buffer_addf(b, "%%%02X", text.p[i]);
	}
}

void
ca_principal(struct buffer *b, struct bytes realm, struct bytes name)
{
	buffer_adds(b, SCHEME "//");
	put_percent(b, realm);
	buffer_addc(b, '/');
	put_percent(b, name);
}

bool
ca_subject(X509_NAME *subject, struct bytes name, bool *fits)
{
	size_t characters = 0, i;

	for (i = 0; i < name.n; i++)
		characters += (name.p[i] & 0xc0) != 0x80;
	*fits = characters >= 1 && characters <= ub_common_name;
	return !*fits || X509_NAME_add_entry_by_NID(subject, NID_commonName,
	    MBSTRING_UTF8, name.p, (int)name.n, -1, 0) == 1;
}

GENERAL_NAMES *
ca_alt_names(const struct ca_job *job)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *uri = ASN1_IA5STRING_new();

	if (names == NULL || name == NULL || uri == NULL ||
	    ASN1_STRING_set(uri, job->principal.p,
	    (int)job->principal.n) != 1 ||
	    sk_GENERAL_NAME_push(names, name) <= 0) {
		GENERAL_NAMES_free(names);
		GENERAL_NAME_free(name);
		ASN1_IA5STRING_free(uri);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, GEN_URI, uri);
	return names;
}

/* ---- what every certificate has to be ----------------------------------- */

uint64_t
ca_seconds(const ASN1_TIME *time)
{
	uint64_t seconds;

	return cert_seconds(time, &seconds) ? seconds : 0;
}

static bool
is_principal(const struct ca_job *job, const GENERAL_NAME *name, bool *other)
{
	struct bytes uri;

	if (name->type != GEN_URI)
		return false;
	uri = bytes_of(ASN1_STRING_get0_data(name->d.ia5),
	    (size_t)ASN1_STRING_length(name->d.ia5));
	if (bytes_eq(uri, job->principal))
		return true;
	if (uri.n >= strlen(SCHEME) && OPENSSL_strncasecmp(
	    (const char *)uri.p, SCHEME, strlen(SCHEME)) == 0)
		*other = true;
	return false;
}

/* The principal is named, and no other one. */
static bool
names_principal(const struct ca_job *job, const X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name,
	    NULL, NULL);
	bool found = false, other = false;
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (is_principal(job, sk_GENERAL_NAME_value(names, i),
		    &other))
			found = true;
	GENERAL_NAMES_free(names);
	return found && !other;
}

static enum fluffy_error
check_leaf(struct ca_job *job, X509 *leaf)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);

	if (key == NULL || EVP_PKEY_eq(key, job->key) != 1)
		return ca_refuse(job,
		    "the CA's certificate is for another key");
	if (!names_principal(job, leaf))
		return ca_refuse(job, "the CA's certificate isn't for "
		    "%.*s alone", (int)job->principal.n,
		    (const char *)job->principal.p);
	if ((X509_get_extension_flags(leaf) & (EXFLAG_CA | EXFLAG_INVALID)) !=
	    0 || (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
		return ca_refuse(job, "the CA's certificate isn't one "
		    "for signatures by a device");
	return FLUFFY_OK;
}

/* A CA's own clock may be ahead; begins: from when on it's valid here. */
static enum fluffy_error
check_times(struct ca_job *job, const X509 *leaf, uint64_t *begins)
{
	uint64_t not_before = ca_seconds(X509_get0_notBefore(leaf));
	uint64_t not_after = ca_seconds(X509_get0_notAfter(leaf));
	uint64_t from = job->request->from;

	*begins = not_before > from ? not_before : from;
	if (*begins > from + CLOCKS_MAX)
		return ca_refuse(job,
		    "the CA's certificate isn't valid yet");
	if (not_after <= *begins)
		return ca_refuse(job, "the CA's certificate has ended");
	if (not_after > job->request->longest)
		return ca_refuse(job, "the CA's certificate is valid for "
		    "longer than it may be");
	return FLUFFY_OK;
}

/* A CA that was configured is trusted, also when its issuer isn't known. */
static bool
prepare(const struct ca_job *job, X509_STORE *store)
{
	int i;

	for (i = 0; i < sk_X509_num(job->known); i++)
		if (X509_STORE_add_cert(store,
		    sk_X509_value(job->known, i)) != 1)
			return false;
	return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

static enum fluffy_error
verify(struct ca_job *job, X509 *leaf, STACK_OF(X509) *others, uint64_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *verification = X509_STORE_CTX_new();
	enum fluffy_error e = FLUFFY_OK;

	if (store == NULL || verification == NULL || !prepare(job, store) ||
	    X509_STORE_CTX_init(verification, store, leaf, others) != 1)
		e = fluffy_fail_memory(job->ctx);
	if (e == FLUFFY_OK) {
		X509_STORE_CTX_set_time(verification, 0, (time_t)at);
		if (X509_verify_cert(verification) != 1)
			e = ca_refuse(job, "the CA's certificate doesn't "
			    "verify: %s", X509_verify_cert_error_string(
			    X509_STORE_CTX_get_error(verification)));
		else if ((job->chain = X509_STORE_CTX_get1_chain(
		    verification)) == NULL)
			e = fluffy_fail_memory(job->ctx);
	}
	X509_STORE_CTX_free(verification);
	X509_STORE_free(store);
	return e;
}

/* The certificate's issuer, of those at hand; NULL: the top is reached. */
static X509 *
issuer_of(X509 *cert, STACK_OF(X509) *among)
{
	int i;

	if (X509_self_signed(cert, 0) == 1)
		return NULL;
	for (i = 0; i < sk_X509_num(among); i++) {
		X509 *issuer = sk_X509_value(among, i);
		EVP_PKEY *key = X509_get0_pubkey(issuer);

		if (X509_check_issued(issuer, cert) == X509_V_OK &&
		    key != NULL && X509_verify(cert, key) == 1)
			return issuer;
	}
	return NULL;
}

/* Verifying ends at the first certificate that is trusted. */
static enum fluffy_error
extend(struct ca_job *job, STACK_OF(X509) *others)
{
	while (sk_X509_num(job->chain) <= CHAIN_MAX) {
		X509 *top = sk_X509_value(job->chain,
		    sk_X509_num(job->chain) - 1);
		X509 *issuer = issuer_of(top, job->known);

		if (issuer == NULL)
			issuer = issuer_of(top, others);
		if (issuer == NULL)
			return FLUFFY_OK;
		if (X509_up_ref(issuer) != 1 ||
		    sk_X509_push(job->chain, issuer) <= 0)
			return fluffy_fail_memory(job->ctx);
	}
	return ca_refuse(job, "more than %d certificates up to the top",
	    CHAIN_MAX);
}

enum fluffy_error
ca_accept(struct ca_job *job, X509 *leaf, STACK_OF(X509) *others)
{
	enum fluffy_error e = check_leaf(job, leaf);
	uint64_t begins = 0;

	if (e == FLUFFY_OK)
		e = check_times(job, leaf, &begins);
	if (e == FLUFFY_OK)
		e = verify(job, leaf, others, begins);
	if (e == FLUFFY_OK && job->request->chain)
		e = extend(job, others);
	ERR_clear_error();
	return e;
}

/* ---- the result --------------------------------------------------------- */

static enum fluffy_error
put_cert(fluffy_ctx *ctx, struct arena *arena, X509 *cert, struct bytes *out)
{
	int n = i2d_X509(cert, NULL);
	uint8_t *p = n <= 0 ? NULL : arena_alloc(arena, (size_t)n), *end = p;

	if (p == NULL || i2d_X509(cert, &end) != n)
		return fluffy_fail_memory(ctx);
	*out = bytes_of(p, (size_t)n);
	return FLUFFY_OK;
}

static enum fluffy_error
put_result(struct ca_job *job, struct arena *arena, struct bytes_list *certs,
    uint64_t *not_after)
{
	int n = job->request->chain ? sk_X509_num(job->chain) : 1, i;
	struct bytes_list list = { .n = (uint8_t)n };
	enum fluffy_error e = FLUFFY_OK;

	for (i = 0; e == FLUFFY_OK && i < n; i++)
		e = put_cert(job->ctx, arena, sk_X509_value(job->chain, i),
		    &list.v[i]);
	if (e != FLUFFY_OK)
		return e;
	*not_after = ca_seconds(X509_get0_notAfter(
	    sk_X509_value(job->chain, 0)));
	/* check_times could read it: only memory can be lacking */
	if (*not_after == 0)
		return fluffy_fail_memory(job->ctx);
	*certs = list;
	return FLUFFY_OK;
}

/* ---- configuration ------------------------------------------------------ */

/* A job's own; not what it was given. */
static void
job_end(struct ca_job *job)
{
	EVP_PKEY_free(job->key);
	sk_X509_pop_free(job->known, X509_free);
	sk_X509_pop_free(job->chain, X509_free);
	ERR_clear_error();
}

/* A URI is printable ASCII and begins with a scheme (RFC 3986). */
static bool
uri_valid(const char *uri)
{
	size_t n = strlen(uri), i;
	const char *colon = strchr(uri, ':');

	for (i = 0; i < n; i++)
		if (uri[i] <= ' ' || uri[i] > '~')
			return false;
	return n <= 255 && colon != NULL && colon != uri &&
	    isalpha((unsigned char)uri[0]) != 0;
}

static enum fluffy_error
check_combination(struct ca_job *job)
{
	const fluffy_ca *ca = job->ca;
	bool cmp = ca->url != NULL && ca->ref != NULL && ca->secret != NULL;
	bool some = ca->url != NULL || ca->ref != NULL || ca->secret != NULL;

	if (ca->cert == NULL || (ca->key != NULL ? some : !cmp))
		return ca_refuse(job, "expected a CA's certificate, and "
		    "either its key or a URL, a reference and a secret");
	if (ca->url != NULL && !uri_valid(ca->url))
		return ca_refuse(job, "expected a URL of at most 255 "
		    "characters");
	if (ca->x5u != NULL && !uri_valid(ca->x5u))
		return ca_refuse(job, "x5u: expected a URI of at most 255 "
		    "characters");
	return FLUFFY_OK;
}

static bool
nothing_set(const fluffy_ca *ca)
{
	return ca->cert == NULL && ca->key == NULL && ca->url == NULL &&
	    ca->ref == NULL && ca->secret == NULL && ca->x5u == NULL;
}

enum fluffy_error
ca_check(fluffy_ctx *ctx, const fluffy_ca *ca)
{
	struct ca_job job = { .ctx = ctx, .ca = ca,
	    .code = FLUFFY_E_USAGE };
	enum fluffy_error e;

	if (nothing_set(ca))
		return FLUFFY_OK;
	e = check_combination(&job);
	if (e == FLUFFY_OK)
		e = ca_read_certs(&job);
	if (e == FLUFFY_OK)
		e = ca->url != NULL ? ca_cmp_check(&job) :
		    ca_files_check(&job);
	job_end(&job);
	return e;
}

/* ---- a certificate ------------------------------------------------------ */

static enum fluffy_error
certify(struct ca_job *job)
{
	enum fluffy_error e;

	if (nothing_set(job->ca))
		return ca_refuse(job, "no CA is set");
	if ((e = check_combination(job)) != FLUFFY_OK)
		return e;
	e = pkey_load(job->ctx, job->request->pair, &job->key);
	if (e == FLUFFY_OK)
		e = ca_read_certs(job);
	if (e != FLUFFY_OK)
		return e;
	return job->ca->url != NULL ? ca_cmp_certify(job) :
	    ca_files_certify(job);
}

enum fluffy_error
ca_certify(fluffy_ctx *ctx, const fluffy_ca *ca,
    const struct ca_request *request, struct arena *arena,
    struct bytes_list *certs, uint64_t *not_after)
{
	struct ca_job job = { .ctx = ctx, .ca = ca, .request = request,
	    .code = FLUFFY_E_NO_CA };
	struct buffer principal = BUFFER(2048);
	enum fluffy_error e;

	*certs = (struct bytes_list){ .n = 0 };
	*not_after = 0;
	ca_principal(&principal, request->realm, request->name);
	job.principal = buffer_view(&principal);
	e = principal.failed ? fluffy_fail_memory(ctx) : certify(&job);
	if (e == FLUFFY_OK)
		e = put_result(&job, arena, certs, not_after);
	job_end(&job);
	buffer_free(&principal);
	return e;
}

/* cert.c - X.509 certificates in keydata */
#include <limits.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cert.h"
#include "pkey_kind.h"
#include "text.h"

#define SHA1_SIZE   20
#define SHA256_SIZE 32

/* NULL when the bytes aren't one certificate and nothing behind it. */
static X509 *
parse(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *cert;

	if (der.n == 0 || der.n > LONG_MAX)
		return NULL;
	cert = d2i_X509(NULL, &p, (long)der.n);
	if (cert == NULL || p == der.p + der.n)
		return cert;
	X509_free(cert);
	return NULL;
}

/* ---- checking -------------------------------------------------------- */

static enum fluffy_error
wrong(fluffy_ctx *ctx, const char *what)
{
	return pkey_fail(ctx, FLUFFY_E_MALFORMED, what);
}

/* Those behind the first, which the caller parses. */
static enum fluffy_error
check_chain(fluffy_ctx *ctx, const struct bytes_list *x5c)
{
	X509 *cert;

	for (uint8_t i = 1; i < x5c->n; i++) {
		if ((cert = parse(x5c->v[i])) == NULL)
			return wrong(ctx, "not a certificate");
		X509_free(cert);
	}
	return FLUFFY_OK;
}

static enum fluffy_error
check_key(fluffy_ctx *ctx, const struct keydata *k, X509 *cert)
{
	EVP_PKEY *certified = X509_get0_pubkey(cert), *key;
	enum fluffy_error e = pkey_load(ctx, k, &key);
	bool same;

	if (e != FLUFFY_OK)
		return e;
	same = certified != NULL && EVP_PKEY_eq(certified, key) == 1;
	EVP_PKEY_free(key);
	return same ? FLUFFY_OK :
	    wrong(ctx, "the first certificate is for another key");
}

bool
cert_seconds(const ASN1_TIME *when, uint64_t *out)
{
	struct tm tm;
	time_t t;

	if (when == NULL || ASN1_TIME_to_tm(when, &tm) != 1 ||
	    (t = timegm(&tm)) < 0 || t > MAX_SAFE)
		return false;
	*out = (uint64_t)t;
	return true;
}

static bool
digest(struct bytes der, const char *name, uint8_t *out)
{
	return EVP_Q_digest(NULL, name, NULL, der.p, der.n, out, NULL) == 1;
}

/* Section 5: x5t and x5t256 are the first certificate's digests. */
static enum fluffy_error
check_digests(fluffy_ctx *ctx, const struct keydata *k, int *label)
{
	uint8_t md[SHA256_SIZE];
	struct bytes first = k->x5c.v[0];

	*label = L_x5t;
	if (HAS(k, L_x5t) && (!digest(first, "SHA1", md) ||
	    !bytes_eq(k->x5t, bytes_of(md, SHA1_SIZE))))
		return wrong(ctx, "not the first certificate's digest");
	*label = L_x5t256;
	if (HAS(k, L_x5t256) && (!digest(first, "SHA256", md) ||
	    !bytes_eq(k->x5t256, bytes_of(md, SHA256_SIZE))))
		return wrong(ctx, "not the first certificate's digest");
	return FLUFFY_OK;
}

enum fluffy_error
cert_check(fluffy_ctx *ctx, const struct keydata *k, int *label,
    uint64_t *not_after)
{
	enum fluffy_error e;
	X509 *cert;

	*not_after = 0;
	*label = L_x5c;
	if (!HAS(k, L_x5c))
		return FLUFFY_OK;
	ERR_clear_error();
	if (k->x5c.n == 0 || (cert = parse(k->x5c.v[0])) == NULL)
		return wrong(ctx, "not a certificate");
	e = check_chain(ctx, &k->x5c);
	if (e == FLUFFY_OK)
		e = check_key(ctx, k, cert);
	if (e == FLUFFY_OK && !cert_seconds(X509_get0_notAfter(cert), not_after))
		e = wrong(ctx, "a certificate without a usable notAfter");
	X509_free(cert);
	if (e == FLUFFY_OK)
		e = check_digests(ctx, k, label);
	if (e != FLUFFY_OK)
		*not_after = 0;
	return e;
}

/* ---- making ---------------------------------------------------------- */

enum fluffy_error
cert_put(fluffy_ctx *ctx, struct arena *arena, struct keydata *k,
    const struct bytes_list *certs)
{
	uint8_t sha1[SHA1_SIZE], sha256[SHA256_SIZE];

	if (certs->n == 0 || !digest(certs->v[0], "SHA1", sha1) ||
	    !digest(certs->v[0], "SHA256", sha256))
		return fluffy_fail(ctx, FLUFFY_E_SYSTEM, NULL,
		    "OpenSSL: no digest of the certificate");
	for (k->x5c.n = 0; k->x5c.n < certs->n; k->x5c.n++)
		k->x5c.v[k->x5c.n] = arena_dup(arena, certs->v[k->x5c.n]);
	k->x5t = arena_dup(arena, bytes_of(sha1, sizeof(sha1)));
	k->x5t256 = arena_dup(arena, bytes_of(sha256, sizeof(sha256)));
	SET(k, L_x5c);
	SET(k, L_x5t);
	SET(k, L_x5t256);
	return arena->failed ? fluffy_fail_memory(ctx) : FLUFFY_OK;
}

static void
add_bio(struct buffer *out, BIO *bio)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	if (n > 0)
		buffer_add(out, text, (size_t)n);
	else
		out->failed = true;
}

static bool
write_pem(BIO *bio, struct bytes der)
{
	X509 *cert = parse(der);
	bool done = cert != NULL && PEM_write_bio_X509(bio, cert) == 1;

	X509_free(cert);
	return done;
}

enum fluffy_error
cert_write(fluffy_ctx *ctx, const struct keydata *k, struct buffer *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool done = bio != NULL;

	for (uint8_t i = 0; done && i < k->x5c.n; i++)
		done = write_pem(bio, k->x5c.v[i]);
	if (done && k->x5c.n > 0)
		add_bio(out, bio);
	(void)BIO_free(bio);
	if (!done)
		return wrong(ctx, "not a certificate");
	return out->failed ? fluffy_fail_memory(ctx) : FLUFFY_OK;
}

/* ---- describing ------------------------------------------------------ */

/* UTF-8 stays; what RFC 2253 escapes can't be taken for our own commas. */
#define NAME_FLAGS (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB)

static void
describe_name(struct buffer *out, const char *what, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	buffer_adds(out, what);
	if (bio == NULL || X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) < 0)
		out->failed = true;
	else if (X509_NAME_entry_count(name) == 0)
		buffer_adds(out, "(none)");
	else if ((n = BIO_get_mem_data(bio, &text)) > 0)
		text_clean(out, bytes_of(text, (size_t)n));
	else
		out->failed = true;
	(void)BIO_free(bio);
}

/* What has no place in a URI or a host's name is percent-encoded. */
static void
describe_string(struct buffer *out, const char *what, const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int n = ASN1_STRING_length(s);

	buffer_adds(out, what);
	for (; n > 0; n--, p++)
		if (*p <= ' ' || *p >= 0x7f || *p == ',')
			buffer_addf(out, "%%%02X", *p);
		else
			buffer_addc(out, (char)*p);
}

static void
describe_alternatives(struct buffer *out, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    NULL, NULL);
	const GENERAL_NAME *name;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_URI)
			describe_string(out, ", URI ",
			    name->d.uniformResourceIdentifier);
		else if (name->type == GEN_DNS)
			describe_string(out, ", DNS ", name->d.dNSName);
		else
			buffer_adds(out, ", another name");
	}
	GENERAL_NAMES_free(names);
}

static void
describe_time(struct buffer *out, const char *what, const ASN1_TIME *when)
{
	uint64_t t;
	char text[24];

	buffer_adds(out, what);
	buffer_adds(out, cert_seconds(when, &t) ? fluffy_time_text(t, text) :
	    "an impossible time");
}

bool
cert_describe(struct bytes der, struct buffer *out)
{
	X509 *cert = parse(der);

	if (cert != NULL) {
		describe_name(out, "subject ", X509_get_subject_name(cert));
		describe_name(out, ", issuer ", X509_get_issuer_name(cert));
		describe_alternatives(out, cert);
		describe_time(out, ", valid ", X509_get0_notBefore(cert));
		describe_time(out, " to ", X509_get0_notAfter(cert));
	}
	X509_free(cert);
	ERR_clear_error();
	return cert != NULL && !out->failed;
}

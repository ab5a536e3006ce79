/* authority.h - a CA of the test's own, in files */
#ifndef AUTHORITY_H
#define AUTHORITY_H

#include "testing.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY  (24 * 3600u)
#define YEAR (365 * DAY)

struct authority {
	EVP_PKEY *key;
	X509 *cert;
};

/* What is out of the ordinary. */
struct oddity {
	bool no_ca, no_sign, no_issuer_key;
	uint64_t from, until;	/* 0: an hour ago, in ten years */
};

static inline EVP_PKEY *
new_key(const char *kind)
{
	if (strcmp(kind, "RSA") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	if (strncmp(kind, "P-", 2) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
	return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static inline void
add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* Signed by itself, or by the one above. */
static inline struct authority
new_authority(const char *kind, const char *name,
    const struct authority *above, const struct oddity *odd)
{
	struct authority a = { new_key(kind), X509_new() };
	X509 *issuer = above == NULL ? a.cert : above->cert;
	EVP_PKEY *key = above == NULL ? a.key : above->key;
	X509_NAME *subject;
	static long serial;
	static const struct oddity none;

	odd = odd == NULL ? &none : odd;
	assert_non_null(a.key);
	assert_int_equal(X509_set_version(a.cert, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(a.cert), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(a.cert),
	    (time_t)(odd->from == 0 ? NOW - 3600 : odd->from));
	ASN1_TIME_set(X509_getm_notAfter(a.cert),
	    (time_t)(odd->until == 0 ? NOW + 10 * (uint64_t)YEAR :
	    odd->until));
	subject = X509_get_subject_name(a.cert);
	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN",
	    MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0), 1);
	X509_set_issuer_name(a.cert, X509_get_subject_name(issuer));
	X509_set_pubkey(a.cert, a.key);
	add_ext(a.cert, issuer, NID_basic_constraints,
	    odd->no_ca ? "critical,CA:FALSE" : "critical,CA:TRUE");
	add_ext(a.cert, issuer, NID_key_usage, odd->no_sign ?
	    "critical,cRLSign" : "critical,keyCertSign");
	add_ext(a.cert, issuer, NID_subject_key_identifier, "hash");
	if (above != NULL && !odd->no_issuer_key)
		add_ext(a.cert, issuer, NID_authority_key_identifier,
		    "keyid:always");
	assert_true(X509_sign(a.cert, key,
	    EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ?
	    NULL : EVP_sha256()) > 0);
	return a;
}

static inline void
end_authority(struct authority *a)
{
	EVP_PKEY_free(a->key);
	X509_free(a->cert);
}

static inline void
write_certs(const char *path, const struct authority *const *list, size_t n)
{
	FILE *file = fopen(path, "w");
	size_t i;

	assert_non_null(file);
	for (i = 0; i < n; i++)
		assert_int_equal(PEM_write_X509(file, list[i]->cert), 1);
	assert_int_equal(fclose(file), 0);
}

static inline void
write_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key,
	    passphrase == NULL ? NULL : EVP_aes_256_cbc(),
	    (const unsigned char *)passphrase,
	    passphrase == NULL ? 0 : (int)strlen(passphrase), NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
}

#endif

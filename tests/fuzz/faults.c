/* faults.c - calls of the system and of OpenSSL that fail */
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "faults.h"

static bool armed, all, came;
static uint32_t left;

void
faults_arm(uint32_t nth, bool all_after)
{
	armed = true;
	came = false;
	all = all_after;
	left = nth;
}

void
faults_disarm(void)
{
	armed = false;
}

bool
faults_came(void)
{
	return came;
}

bool
faults_pause(void)
{
	bool was = armed;

	armed = false;
	return was;
}

void
faults_resume(bool was)
{
	armed = was;
}

static bool
fails(void)
{
	if (!armed || (left == 0 && !all))
		return false;
	if (left > 0 && --left > 0)
		return false;
	came = true;
	return true;
}

/* A function that returns `failed` when it fails. */
#define FAULT(type, failed, name, params, args) \
	type __real_##name params; \
	type __wrap_##name params; \
	type \
	__wrap_##name params \
	{ \
		return fails() ? (failed) : __real_##name args; \
	}

FAULT(void *, NULL, malloc, (size_t n), (n))
FAULT(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAULT(void *, NULL, realloc, (void *p, size_t n), (p, n))
FAULT(void *, NULL, reallocarray, (void *p, size_t n, size_t size),
    (p, n, size))
FAULT(char *, NULL, strdup, (const char *s), (s))
FAULT(EVP_CIPHER_CTX *, NULL, EVP_CIPHER_CTX_new, (void), ())
FAULT(int, 0, EVP_CipherInit_ex2, (EVP_CIPHER_CTX *c, const EVP_CIPHER *type,
    const unsigned char *key, const unsigned char *iv, int enc,
    const OSSL_PARAM *p), (c, type, key, iv, enc, p))
FAULT(int, 0, EVP_CipherUpdate, (EVP_CIPHER_CTX *c, unsigned char *out,
    int *n, const unsigned char *in, int in_n), (c, out, n, in, in_n))
FAULT(int, 0, EVP_CipherFinal_ex, (EVP_CIPHER_CTX *c, unsigned char *out,
    int *n), (c, out, n))
FAULT(EVP_MAC_CTX *, NULL, EVP_MAC_CTX_new, (EVP_MAC *mac), (mac))
FAULT(int, 0, EVP_MAC_init, (EVP_MAC_CTX *c, const unsigned char *key,
    size_t n, const OSSL_PARAM *p), (c, key, n, p))
FAULT(int, 0, EVP_MAC_update, (EVP_MAC_CTX *c, const unsigned char *in,
    size_t n), (c, in, n))
FAULT(int, 0, EVP_MAC_final, (EVP_MAC_CTX *c, unsigned char *out, size_t *n,
    size_t size), (c, out, n, size))
FAULT(EVP_KDF_CTX *, NULL, EVP_KDF_CTX_new, (EVP_KDF *kdf), (kdf))
FAULT(int, 0, EVP_KDF_derive, (EVP_KDF_CTX *c, unsigned char *key, size_t n,
    const OSSL_PARAM *p), (c, key, n, p))
FAULT(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
FAULT(int, 0, EVP_DigestSignInit_ex, (EVP_MD_CTX *c, EVP_PKEY_CTX **pc,
    const char *name, OSSL_LIB_CTX *lib, const char *props, EVP_PKEY *key,
    const OSSL_PARAM *p), (c, pc, name, lib, props, key, p))
FAULT(int, 0, EVP_DigestSign, (EVP_MD_CTX *c, unsigned char *sig, size_t *n,
    const unsigned char *in, size_t in_n), (c, sig, n, in, in_n))
FAULT(int, 0, EVP_DigestVerifyInit_ex, (EVP_MD_CTX *c, EVP_PKEY_CTX **pc,
    const char *name, OSSL_LIB_CTX *lib, const char *props, EVP_PKEY *key,
    const OSSL_PARAM *p), (c, pc, name, lib, props, key, p))
FAULT(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new_from_name, (OSSL_LIB_CTX *lib,
    const char *name, const char *props), (lib, name, props))
FAULT(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new_from_pkey, (OSSL_LIB_CTX *lib,
    EVP_PKEY *key, const char *props), (lib, key, props))
FAULT(int, 0, EVP_PKEY_fromdata, (EVP_PKEY_CTX *c, EVP_PKEY **key, int what,
    OSSL_PARAM p[]), (c, key, what, p))
FAULT(OSSL_PARAM_BLD *, NULL, OSSL_PARAM_BLD_new, (void), ())
FAULT(OSSL_PARAM *, NULL, OSSL_PARAM_BLD_to_param, (OSSL_PARAM_BLD *b), (b))
FAULT(BIGNUM *, NULL, BN_bin2bn, (const unsigned char *p, int n, BIGNUM *b),
    (p, n, b))
FAULT(BIO *, NULL, BIO_new, (const BIO_METHOD *type), (type))
FAULT(BIO *, NULL, BIO_new_mem_buf, (const void *p, int n), (p, n))
FAULT(int, SQLITE_NOMEM, sqlite3_prepare_v3, (sqlite3 *db, const char *sql,
    int n, unsigned flags, sqlite3_stmt **st, const char **tail),
    (db, sql, n, flags, st, tail))
FAULT(int, SQLITE_FULL, sqlite3_step, (sqlite3_stmt *st), (st))

/* Not inside: jansson 2.14 asserts that its token could grow. */
json_t *__real_json_loadb(const char *, size_t, size_t, json_error_t *);
json_t *__wrap_json_loadb(const char *, size_t, size_t, json_error_t *);

json_t *
__wrap_json_loadb(const char *text, size_t n, size_t flags,
    json_error_t *error)
{
	bool failed = fails(), was = faults_pause();
	json_t *json = failed ? NULL :
	    __real_json_loadb(text, n, flags, error);

	faults_resume(was);
	return json;
}

/* keys.h - pairs of known parameters, and certificates for them */
#ifndef KEYS_H
#define KEYS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/x509v3.h>

#include "pkey_kind.h"
#include "text.h"

/* Parameters in the order of the key's table, without crv. */
struct known {
	int64_t kty, alg;
	const char *params[9];
};

static inline struct bytes
from_hex(struct arena *arena, const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = arena_alloc(arena, n + 1);

	assert_non_null(p);
	assert_true(hex_decode(bytes_str(hex), p, n, &n));
	return bytes_of(p, n);
}

static inline struct bytes *
param(struct keydata *k, int label)
{
	const struct row *row = schema_row(k->pkey->head.schema, label);

	assert_non_null(row);
	return (void *)((uint8_t *)k->pkey + row->offset);
}

/* A keydata without parameters. */
static inline struct keydata *
bare_key(struct arena *arena, int64_t kty, int64_t alg, bool pair)
{
	struct keydata *k = arena_alloc(arena, sizeof(*k));

	assert_non_null(k);
	k->pkey = arena_alloc(arena, sizeof(*k->pkey));
	assert_non_null(k->pkey);
	k->head.schema = schema_by_kty(pair ? &keydata_pair : &keydata_public,
	    kty);
	k->pkey->head.schema = schema_row(k->head.schema, L_key)->sub;
	k->kty = kty;
	k->alg = alg;
	k->keyid = arena_dup(arena, BYTES("\1\2\3\4\5\6\7\10"));
	k->keyops = (struct tokens){ .v = { pair ? 1 : 2 }, .n = 1 };
	SET(k, L_kty);
	SET(k, L_keyid);
	SET(k, L_key);
	SET(k, L_keyops);
	SET(k, L_alg);
	SET(k, L_pkuse);
	return k;
}

static inline struct keydata *
known_key(struct arena *arena, const struct known *known, bool pair)
{
	struct keydata *k = bare_key(arena, known->kty, known->alg, pair);
	const struct schema *schema = k->pkey->head.schema;
	int next = 0;

	k->pkey->crv = pkey_kind(k)->crv;
	for (uint8_t i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];

		SET(k->pkey, row->label);
		if (row->kind == K_BYTES)
			*param(k, row->label) = from_hex(arena,
			    known->params[next++]);
	}
	return k;
}

/* A pair of the kind that isn't issued: of that many bits. */
static inline struct keydata *
rsa_key(struct arena *arena, unsigned bits)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,
		OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	struct keydata *k = bare_key(arena, KTY_RSA, -37, true);

	assert_non_null(evp);
	for (int i = 0; i < 8; i++) {
		uint8_t raw[512];
		BIGNUM *n = NULL;

		assert_int_equal(EVP_PKEY_get_bn_param(evp, names[i], &n), 1);
		*param(k, -1 - i) = arena_dup(arena, bytes_of(raw,
		    (size_t)BN_bn2bin(n, raw)));
		SET(k->pkey, 1 + i);
		BN_free(n);
	}
	EVP_PKEY_free(evp);
	return k;
}

/* Another byte at the end. */
static inline void
spoil(struct arena *arena, struct bytes *bytes)
{
	uint8_t *p;

	*bytes = arena_dup(arena, *bytes);
	p = (uint8_t *)(uintptr_t)bytes->p;
	p[bytes->n - 1] ^= 1;
}

static inline void
add_alternative(GENERAL_NAMES *names, int type, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(s, text, -1), 1);
	GENERAL_NAME_set0_value(name, type, s);
	assert_true(sk_GENERAL_NAME_push(names, name) > 0);
}

/* A certificate for public, signed by issuer; times as in UTCTime. */
static inline struct bytes
certificate(struct arena *arena, EVP_PKEY *public, EVP_PKEY *issuer,
    const char *not_after)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	uint8_t *der = NULL;
	struct bytes out;
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	int n;

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 7), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)"lamp, issuer none\x1b\xc2\x9b", -1, -1,
	    0), 1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(x),
	    "20260101000000Z"), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(x),
	    not_after), 1);
	add_alternative(names, GEN_URI, "fluffy://home/lamp");
	add_alternative(names, GEN_DNS, "lamp, issuer none\x1b\x9b");
	assert_int_equal(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0,
	    0), 1);
	assert_int_equal(X509_set_pubkey(x, public), 1);
	assert_true(X509_sign(x, issuer,
	    EVP_PKEY_is_a(issuer, "ED25519") ? NULL : EVP_sha256()) > 0);
	n = i2d_X509(x, &der);
	assert_true(n > 0);
	out = arena_dup(arena, bytes_of(der, (size_t)n));
	OPENSSL_free(der);
	GENERAL_NAMES_free(names);
	X509_free(x);
	return out;
}

#endif

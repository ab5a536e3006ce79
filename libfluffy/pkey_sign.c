/*
 * pkey_sign.c - signatures as RFC 9053 has them
 *
 * ECDSA is r||s here and DER in OpenSSL; both have one length only.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "pkey_kind.h"

#define PSS_SALT 32	/* section 7 */
#define DER_MAX	 160	/* of an ECDSA signature; P-521: 139 */

static enum fluffy_error
bad_signature(fluffy_ctx *ctx)
{
	return pkey_fail(ctx, FLUFFY_E_AUTH_FAILED, "bad signature");
}

/* What EVP wants to know besides the digest. */
struct scheme {
	char digest[8], padding[4];
	int salt;
	OSSL_PARAM params[4];
};

static const OSSL_PARAM *
scheme_params(struct scheme *s, const struct pair_alg *kind)
{
	if (kind->kty != KTY_RSA)
		return NULL;
	*s = (struct scheme){ .digest = "SHA256", .padding = "pss",
	    .salt = PSS_SALT };
	s->params[0] = OSSL_PARAM_construct_utf8_string(
	    OSSL_SIGNATURE_PARAM_PAD_MODE, s->padding, 0);
	s->params[1] = OSSL_PARAM_construct_utf8_string(
	    OSSL_SIGNATURE_PARAM_MGF1_DIGEST, s->digest, 0);
	s->params[2] = OSSL_PARAM_construct_int(
	    OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &s->salt);
	s->params[3] = OSSL_PARAM_construct_end();
	return s->params;
}

/* ---- r||s ------------------------------------------------------------ */

/* Appends what OpenSSL makes of r||s; neither may be 0. */
static uint8_t *
to_der(struct bytes raw, size_t *n)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.p, (int)(raw.n / 2), NULL);
	BIGNUM *s = BN_bin2bn(raw.p + raw.n / 2, (int)(raw.n / 2), NULL);
	uint8_t *der = NULL;
	int len = 0;

	if (sig != NULL && r != NULL && s != NULL && !BN_is_zero(r) &&
	    !BN_is_zero(s) && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		len = i2d_ECDSA_SIG(sig, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	*n = len > 0 ? (size_t)len : 0;
	return der;
}

static bool
from_der(const uint8_t *der, size_t n, size_t size, uint8_t *raw)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool done;

	done = sig != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)size) == (int)size &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + size, (int)size) ==
	    (int)size;
	ECDSA_SIG_free(sig);
	return done;
}

/* ---- signing --------------------------------------------------------- */

static bool
sign(EVP_PKEY *evp, const struct pair_alg *kind, struct bytes message,
    uint8_t *out, size_t *n)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct scheme scheme;
	bool done;

	done = md != NULL && EVP_DigestSignInit_ex(md, NULL, kind->digest,
	    NULL, NULL, evp, scheme_params(&scheme, kind)) == 1 &&
	    EVP_DigestSign(md, out, n, message.p, message.n) == 1;
	EVP_MD_CTX_free(md);
	return done;
}

/* The length of a signature. */
static size_t
signature_size(const struct pair_alg *kind, const struct keydata *k)
{
	return kind->kty == KTY_RSA ? k->pkey->n.n : 2 * kind->size;
}

static bool
sign_into(EVP_PKEY *evp, const struct pair_alg *kind, struct bytes message,
    uint8_t *out, size_t size)
{
	uint8_t der[DER_MAX];
	size_t n = size;

	if (kind->kty != KTY_EC)
		return sign(evp, kind, message, out, &n) && n == size;
	n = sizeof(der);
	return sign(evp, kind, message, der, &n) &&
	    from_der(der, n, kind->size, out);
}

enum fluffy_error
pkey_sign(fluffy_ctx *ctx, struct arena *arena, const struct keydata *pair,
    struct bytes message, struct bytes *signature)
{
	const struct pair_alg *kind = pkey_kind(pair);
	enum fluffy_error e;
	EVP_PKEY *evp;
	uint8_t *p;
	size_t n;

	*signature = bytes_of(NULL, 0);
	if (kind == NULL || !pkey_signs(kind->alg) || !pkey_is_pair(pair))
		return fluffy_fail(ctx, FLUFFY_E_INTERNAL, NULL,
		    "no key to sign with");
	n = signature_size(kind, pair);
	if ((p = arena_alloc(arena, n)) == NULL)
		return fluffy_fail_memory(ctx);
	e = pkey_load(ctx, pair, &evp);
	if (e == FLUFFY_OK && !sign_into(evp, kind, message, p, n))
		e = pkey_fail(ctx, FLUFFY_E_SYSTEM,
		    "OpenSSL: signing failed");
	EVP_PKEY_free(evp);
	if (e == FLUFFY_OK)
		*signature = bytes_of(p, n);
	return e;
}

/* ---- verifying ------------------------------------------------------- */

static bool
verify(EVP_PKEY *evp, const struct pair_alg *kind, struct bytes message,
    struct bytes signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct scheme scheme;
	bool good;

	good = md != NULL && EVP_DigestVerifyInit_ex(md, NULL, kind->digest,
	    NULL, NULL, evp, scheme_params(&scheme, kind)) == 1 &&
	    EVP_DigestVerify(md, signature.p, signature.n, message.p,
	    message.n) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

static bool
verify_ecdsa(EVP_PKEY *evp, const struct pair_alg *kind,
    struct bytes message, struct bytes signature)
{
	size_t n;
	uint8_t *der = to_der(signature, &n);
	bool good = n > 0 && verify(evp, kind, message, bytes_of(der, n));

	OPENSSL_free(der);
	return good;
}

enum fluffy_error
pkey_verify(fluffy_ctx *ctx, const struct keydata *k, struct bytes message,
    struct bytes signature)
{
	const struct pair_alg *kind = pkey_kind(k);
	enum fluffy_error e;
	EVP_PKEY *evp;
	bool good;

	ERR_clear_error();
	if (kind == NULL || !pkey_signs(kind->alg) ||
	    signature.n != signature_size(kind, k))
		return bad_signature(ctx);
	if ((e = pkey_load(ctx, k, &evp)) != FLUFFY_OK)
		return e;
	good = kind->kty == KTY_EC ?
	    verify_ecdsa(evp, kind, message, signature) :
	    verify(evp, kind, message, signature);
	EVP_PKEY_free(evp);
	return good ? FLUFFY_OK : bad_signature(ctx);
}

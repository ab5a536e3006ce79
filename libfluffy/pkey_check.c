/*
 * pkey_check.c - can these parameters be a key?
 *
 * OpenSSL judges EC and RSA keys, but of an OKP key only the length.
 */
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "pkey_kind.h"

#define OKP_SIZE 32

static enum fluffy_error
no_key(fluffy_ctx *ctx, const char *what)
{
	return pkey_fail(ctx, FLUFFY_E_MALFORMED, what);
}

/* EC: on the curve; RSA: e and n; both: the halves fit. */
static bool
check_evp(EVP_PKEY *evp, bool pair)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
	bool good = false;

	if (c != NULL)
		good = pair ? EVP_PKEY_check(c) == 1 :
		    EVP_PKEY_public_check(c) == 1;
	EVP_PKEY_CTX_free(c);
	return good;
}

/* ---- OKP ------------------------------------------------------------- */

/* Whoever has d can compute x. */
static bool
okp_halves_fit(const struct pair_alg *kind, const struct pkey *key)
{
	EVP_PKEY *evp = EVP_PKEY_new_raw_private_key_ex(NULL, kind->type,
	    NULL, key->d.p, key->d.n);
	uint8_t x[OKP_SIZE];
	size_t n = sizeof(x);
	bool fit;

	fit = evp != NULL && EVP_PKEY_get_raw_public_key(evp, x, &n) == 1 &&
	    n == key->x.n && CRYPTO_memcmp(x, key->x.p, n) == 0;
	EVP_PKEY_free(evp);
	OPENSSL_cleanse(x, sizeof(x));
	return fit;
}

/* RFC 7748, section 6.1: with such a key all secrets would be zero. */
static bool
x25519_agrees(EVP_PKEY *peer)
{
	EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY_CTX *c = own == NULL ? NULL :
	    EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	uint8_t secret[OKP_SIZE];
	size_t n = sizeof(secret);
	bool good;

	/* OpenSSL refuses the zero */
	good = c != NULL && EVP_PKEY_derive_init(c) == 1 &&
	    EVP_PKEY_derive_set_peer(c, peer) == 1 &&
	    EVP_PKEY_derive(c, secret, &n) == 1;
	OPENSSL_cleanse(secret, sizeof(secret));
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(own);
	return good;
}

/* -121665/121666 modulo p = 2^255 - 19 (RFC 8032, section 5.1). */
static const uint8_t edwards_d[OKP_SIZE] = {
	0x52, 0x03, 0x6c, 0xee, 0x2b, 0x6f, 0xfe, 0x73, 0x8c, 0xc7, 0x40,
	0x79, 0x77, 0x79, 0xe8, 0x98, 0x00, 0x70, 0x0a, 0x4d, 0x41, 0x41,
	0xd8, 0xab, 0x75, 0xeb, 0x4d, 0xca, 0x13, 0x59, 0x78, 0xa3
};

/* The numbers of the check, all in one BN_CTX frame. */
struct edwards {
	BN_CTX *c;
	BIGNUM *p, *d, *y, *u, *v;
};

static bool
edwards_start(struct edwards *w, struct bytes x)
{
	uint8_t y[OKP_SIZE];

	BN_CTX_start(w->c);
	w->p = BN_CTX_get(w->c);
	w->d = BN_CTX_get(w->c);
	w->y = BN_CTX_get(w->c);
	w->u = BN_CTX_get(w->c);
	w->v = BN_CTX_get(w->c);
	/* the top bit is the sign of the other coordinate */
	memcpy(y, x.p, sizeof(y));
	y[OKP_SIZE - 1] &= 0x7f;
	return w->v != NULL && BN_set_bit(w->p, 255) == 1 &&
	    BN_sub_word(w->p, 19) == 1 &&
	    BN_bin2bn(edwards_d, sizeof(edwards_d), w->d) != NULL &&
	    BN_lebin2bn(y, sizeof(y), w->y) != NULL;
}

/*
 * RFC 8032, section 5.1.3: y < p, and (y^2 - 1) / (d y^2 + 1) is a square; it
 * is one when the product of both is.  0 is the other coordinate of the points
 * 1 and -1, which sign anything.
 */
static bool
edwards_point(struct edwards *w)
{
	return BN_cmp(w->y, w->p) < 0 &&
	    BN_mod_sqr(w->u, w->y, w->p, w->c) == 1 &&
	    BN_mod_mul(w->v, w->u, w->d, w->p, w->c) == 1 &&
	    BN_sub_word(w->u, 1) == 1 && BN_add_word(w->v, 1) == 1 &&
	    BN_mod_mul(w->u, w->u, w->v, w->p, w->c) == 1 &&
	    BN_kronecker(w->u, w->p, w->c) == 1;
}

/* The points of order 4 and 8, which are no keys either. */
static bool
edwards_small(const struct bytes x)
{
	static const uint8_t small[][OKP_SIZE] = { { 0 }, {
	    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	    0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	    0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 }, {
	    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	    0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	    0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a } };
	uint8_t y[OKP_SIZE];

	memcpy(y, x.p, sizeof(y));
	y[OKP_SIZE - 1] &= 0x7f;
	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++)
		if (CRYPTO_memcmp(y, small[i], sizeof(y)) == 0)
			return true;
	return false;
}

static bool
ed25519_on_curve(struct bytes x)
{
	struct edwards w = { .c = BN_CTX_new() };
	bool good;

	if (w.c == NULL)
		return false;
	good = edwards_start(&w, x) && edwards_point(&w) && !edwards_small(x);
	BN_CTX_end(w.c);
	BN_CTX_free(w.c);
	return good;
}

static bool
check_okp(EVP_PKEY *evp, const struct pair_alg *kind,
    const struct keydata *k)
{
	if (pkey_is_pair(k))
		return okp_halves_fit(kind, k->pkey);
	return pkey_signs(k->alg) ? ed25519_on_curve(k->pkey->x) :
	    x25519_agrees(evp);
}

/* ---- all ------------------------------------------------------------- */

enum fluffy_error
pkey_check(fluffy_ctx *ctx, const struct keydata *k)
{
	const struct pair_alg *kind = pkey_kind(k);
	enum fluffy_error e;
	EVP_PKEY *evp;
	const char *broken;
	int label;
	bool good;

	ERR_clear_error();
	if (kind == NULL)
		return no_key(ctx, "no such pair of type and algorithm");
	if ((broken = k->head.schema->rule(k, &label)) != NULL)
		return no_key(ctx, broken);
	if ((e = pkey_load(ctx, k, &evp)) != FLUFFY_OK)
		return e;
	good = k->kty == KTY_OKP ? check_okp(evp, kind, k) :
	    check_evp(evp, pkey_is_pair(k));
	EVP_PKEY_free(evp);
	if (good)
		return FLUFFY_OK;
	return no_key(ctx, pkey_is_pair(k) ?
	    "the private half doesn't fit the public one" :
	    "not a point of the curve, or no modulus");
}

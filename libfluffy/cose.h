/* cose.h - seals (section 4) over OpenSSL's EVP */
#ifndef FLUFFY_COSE_H
#define FLUFFY_COSE_H

#include "context.h"

/* Appends the Sig_structure, which a COSE_Sign1 signs (RFC 9052, 4.4). */
void cose_put_sig_structure(struct buffer *, int64_t alg,
    struct bytes external_aad, struct bytes payload);

/*
 * Algorithms, fetched once and kept with the context, and the cipher contexts
 * that are used again for every seal.
 */
struct crypto;
struct crypto *crypto_new(void);
void crypto_free(struct crypto *);

/*
 * Encrypts plaintext under key (of alg's length) with the Enc_structure over
 * external_aad; out gets ciphertext and tag.  iv has alg's length.
 */
FLUFFY_CHECKED enum fluffy_error cose_encrypt(fluffy_ctx *, int64_t alg,
    struct bytes key, struct bytes iv, struct bytes external_aad,
    struct bytes plaintext, uint8_t *out);

/*
 * The inverse.  out has room for ciphertext.n - tag bytes and holds nothing
 * unless the tag verified: FLUFFY_E_AUTH_FAILED otherwise.
 */
FLUFFY_CHECKED enum fluffy_error cose_decrypt(fluffy_ctx *, int64_t alg,
    struct bytes key, struct bytes iv, struct bytes external_aad,
    struct bytes ciphertext, uint8_t *out);

/* A key of DECOY_SIZE bytes that nobody has, the same for all of ctx's life. */
#define DECOY_SIZE 32
FLUFFY_CHECKED enum fluffy_error cose_decoy(fluffy_ctx *,
    uint8_t out[DECOY_SIZE]);

/* HKDF-SHA256 of key; info is a text. */
FLUFFY_CHECKED enum fluffy_error hkdf_sha256(fluffy_ctx *, struct bytes key,
    struct bytes salt, const char *info, uint8_t *out, size_t n);

#define HMAC_SIZE 32
FLUFFY_CHECKED enum fluffy_error hmac_sha256(fluffy_ctx *, struct bytes key,
    struct bytes data, uint8_t out[HMAC_SIZE]);

#define CKSUM_SIZE 8
/* Section 4, cksum. */
FLUFFY_CHECKED enum fluffy_error cose_cksum(fluffy_ctx *, struct bytes key,
    struct bytes external_aad, uint8_t out[CKSUM_SIZE]);

#endif

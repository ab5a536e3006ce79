/*
 * pkey.h - public keys and pairs over OpenSSL's EVP (sections 5 and 7)
 *
 * A key is a keydata: a pair when its schema has private parameters.  What
 * can't be a key (a point that isn't on the curve, halves that don't fit) is
 * MALFORMED.
 */
#ifndef FLUFFY_PKEY_H
#define FLUFFY_PKEY_H

#include <openssl/evp.h>

#include "context.h"
#include "message.h"

/* One of section 5's pairs of kty and alg? */
bool pkey_known(int64_t kty, int64_t alg);
/* Else it agrees on keys. */
bool pkey_signs(int64_t alg);
bool pkey_is_pair(const struct keydata *);

/* A new pair, as a receipt has it: with its keyops and pkuse. */
FLUFFY_CHECKED enum fluffy_error pkey_generate(fluffy_ctx *, struct arena *,
    int64_t kty, int64_t alg, struct bytes keyid, struct keydata **);
/* The public half of a pair, as a miniticket has it; with its certificates. */
FLUFFY_CHECKED enum fluffy_error pkey_public(fluffy_ctx *, struct arena *,
    const struct keydata *pair, struct keydata **);
FLUFFY_CHECKED enum fluffy_error pkey_check(fluffy_ctx *,
    const struct keydata *);

/* OpenSSL's form of the key, of a pair with the private half; to be freed. */
FLUFFY_CHECKED enum fluffy_error pkey_load(fluffy_ctx *,
    const struct keydata *, EVP_PKEY **);

/*
 * RFC 9053: ECDSA is r||s, EdDSA pure, PS256 has a salt of 32 bytes.  A bad
 * signature is AUTH_FAILED.
 */
FLUFFY_CHECKED enum fluffy_error pkey_sign(fluffy_ctx *, struct arena *,
    const struct keydata *pair, struct bytes message, struct bytes *signature);
FLUFFY_CHECKED enum fluffy_error pkey_verify(fluffy_ctx *,
    const struct keydata *, struct bytes message, struct bytes signature);

/* PKCS #8 of a pair, SubjectPublicKeyInfo of a public key; PEM or DER. */
FLUFFY_CHECKED enum fluffy_error pkey_write(fluffy_ctx *,
    const struct keydata *, bool pem, struct buffer *);

/* For OpenSSL: nobody is asked for a passphrase, and *asked (a bool) is set. */
int pkey_no_passphrase(char *, int size, int writing, void *asked);

#endif

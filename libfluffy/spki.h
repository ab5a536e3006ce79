/*
 * spki.h - public keys as SubjectPublicKeyInfo, and an EC pair of one's own
 *
 * The kinds are section 5's: EC on P-256, P-384 and P-521, Ed25519, X25519, and
 * RSA of 2048 to 4096 bits with e = 65537.
 */
#ifndef FLUFFY_SPKI_H
#define FLUFFY_SPKI_H

#include "buffer.h"
#include "context.h"

#define SPKI_MAX 1024	/* more than an RSA key of 4096 bits needs */
#define KEY_TEXT_MAX 16384	/* a key in any form, with text around it */

/*
 * A public key as PEM, DER, JWK or COSE_Key, appended as DER.  A private key is
 * refused, as what must not be handed round.  MALFORMED: none of these, or no
 * key of those kinds.
 */
FLUFFY_CHECKED enum fluffy_error spki_read(fluffy_ctx *, struct bytes,
    struct buffer *der);
/*
 * The memo's "valid SubjectPublicKeyInfo" (3.3): of one of those kinds, as DER
 * with nothing behind it, a point uncompressed and on its named curve; else
 * MALFORMED.
 */
FLUFFY_CHECKED enum fluffy_error spki_check(fluffy_ctx *, struct bytes der);

/*
 * A new pair on P-256, or one as PEM or DER (PKCS #8 or SEC 1, unencrypted):
 * appended as PKCS #8, DER.  Only EC keys, which sign in DTLS.
 */
FLUFFY_CHECKED enum fluffy_error pair_new(fluffy_ctx *, struct buffer *pkcs8);
FLUFFY_CHECKED enum fluffy_error pair_read(fluffy_ctx *, struct bytes,
    struct buffer *pkcs8);
/* Its public half, appended as DER or PEM. */
FLUFFY_CHECKED enum fluffy_error pair_public(fluffy_ctx *,
    struct bytes pkcs8, bool pem, struct buffer *);

#endif

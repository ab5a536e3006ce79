/*
 * cert.h - X.509 certificates in keydata (draft, sections 2.6.2 and 7)
 */
#ifndef FLUFFY_CERT_H
#define FLUFFY_CERT_H

#include <openssl/asn1.h>

#include "context.h"
#include "message.h"

/*
 * Of a keydata with x5c: each is a certificate and nothing else, the first is
 * for the same key, and x5t and x5t256, where present, are its digests; without
 * x5c neither of those can be judged, and nothing is checked.  MALFORMED
 * otherwise; label is the member's that is wrong.  not_after: the first's.
 */
FLUFFY_CHECKED enum fluffy_error cert_check(fluffy_ctx *,
    const struct keydata *, int *label, uint64_t *not_after);

/* Puts certificates (DER, leaf first) and the first one's digests in. */
FLUFFY_CHECKED enum fluffy_error cert_put(fluffy_ctx *, struct arena *,
    struct keydata *, const struct bytes_list *);

/* PEM of the keydata's certificates. */
FLUFFY_CHECKED enum fluffy_error cert_write(fluffy_ctx *,
    const struct keydata *, struct buffer *);

/* Seconds since 1970; false for what can't be told or was before. */
bool cert_seconds(const ASN1_TIME *, uint64_t *);

/* One line for people: subject, issuer, names, validity; or false. */
bool cert_describe(struct bytes der, struct buffer *);

#endif

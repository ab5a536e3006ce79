/* derived.h - nonces and the keys derived from them (memo, 2.1 and 2.2) */
#ifndef FLUFFY_DERIVED_H
#define FLUFFY_DERIVED_H

#include "context.h"
#include "symm.h"

#define NONCE_TEXT_MAX 128	/* bytes of UTF-8 (RFC 4279, 5.3) */

/* "DK." ta "." client "." number */
struct nonce {
	struct bytes ta, client;
	uint32_t number;
};

/*
 * Split at the first "." after "DK." and at the last.  NULL, or what is wrong
 * with the text.  The names point into it.
 */
const char *nonce_read(struct bytes text, struct nonce *);
/* False when it is too long; the names have been checked. */
bool nonce_write(const struct nonce *, char text[NONCE_TEXT_MAX + 1]);

/* K_RS-C: as long as K_RS-TA.  The caller wipes it. */
FLUFFY_CHECKED enum fluffy_error derived_key(fluffy_ctx *,
    const struct symm *k_rs_ta, struct bytes nonce, struct symm *);

#endif

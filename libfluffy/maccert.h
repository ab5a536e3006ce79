/* maccert.h - the authorization certificate MacCert (memo, 3.1; section 11) */
#ifndef FLUFFY_MACCERT_H
#define FLUFFY_MACCERT_H

#include "context.h"
#include "buffer.h"
#include "symm.h"

#define MACCERT_MAC 32	/* hmac_sha256, the only one */

struct maccert {
	struct bytes spki, ta, mac;
	uint32_t number;
	struct bytes covered;	/* all before mac_length */
};

/*
 * NULL, or what is wrong with it: lengths, the algorithm, bytes that are left.
 * What the members say isn't judged.  They point into data.
 */
const char *maccert_read(struct bytes data, struct maccert *);
/* AUTH_FAILED unless the MAC is K_RS-TA's; compared in constant time. */
FLUFFY_CHECKED enum fluffy_error maccert_check(fluffy_ctx *,
    const struct symm *k_rs_ta, const struct maccert *);
/* Appends one; spki, ta and number are given. */
FLUFFY_CHECKED enum fluffy_error maccert_write(fluffy_ctx *,
    const struct symm *k_rs_ta, const struct maccert *, struct buffer *);

#endif

/*
 * seal.h - a schema row, a key and the containing map make a sealed part
 * (section 4)
 *
 * container is the message, or its mticket for enc-part; label says which of
 * its members is the sealed one.
 */
#ifndef FLUFFY_SEAL_H
#define FLUFFY_SEAL_H

#include "context.h"
#include "message.h"
#include "symm.h"

/*
 * Opens the part: AUTH_FAILED for another algorithm, a bad tag or cksum,
 * MALFORMED for a plaintext that isn't as it should be.  On success the part's
 * plain is set.  label's part must be present.
 */
FLUFFY_CHECKED enum fluffy_error seal_open(fluffy_ctx *, struct fluffy_msg *,
    void *container, int label, const struct symm *key);
/*
 * Only if that key is known to be meant.  If not, the same is done in the same
 * time, and told in the same words, as for a bad seal (section 6); so it is for
 * another algorithm than the key's.
 */
FLUFFY_CHECKED enum fluffy_error seal_open_if(fluffy_ctx *,
    struct fluffy_msg *, void *container, int label, const struct symm *key,
    bool known);

/* How a part is sealed. */
struct sealing {
	const struct symm *key;
	struct bytes kid;	/* n = 0: without (PSK-ESTB) */
	const uint8_t *iv;	/* fresh, IV_MAX bytes */
	bool cksum;		/* add one */
};

#define IV_MAX 13

/* Seals part, all other members of the container being complete. */
FLUFFY_CHECKED enum fluffy_error seal_make(fluffy_ctx *, struct fluffy_msg *,
    void *container, int label, struct part *part, const struct sealing *);

/*
 * Section 7's COSE_Sign1 of part, by the pair's private key.  part has no
 * cksum; all other members of the container are complete.
 */
FLUFFY_CHECKED enum fluffy_error seal_sign(fluffy_ctx *, struct fluffy_msg *,
    void *container, int label, struct part *part,
    const struct keydata *pair);

/*
 * AUTH_FAILED unless the part is a COSE_Sign1 by the owner of that key.  Its
 * payload is in plain before; it is worth nothing until this returned OK.
 */
FLUFFY_CHECKED enum fluffy_error seal_verify(fluffy_ctx *,
    struct fluffy_msg *, void *container, int label,
    const struct keydata *public);

/* A new, empty plaintext for that member; NULL without memory. */
struct part *seal_part(struct fluffy_msg *, void *container, int label);

/* The sealed part itself; its row must exist. */
struct sealed *sealed_member(void *container, int label);

#endif

/*
 * decode.h - from decoded items to validated structures (sections 1 and 2)
 */
#ifndef FLUFFY_DECODE_H
#define FLUFFY_DECODE_H

#include "context.h"
#include "message.h"
#include "tree.h"

/*
 * A whole message: pvno, msg-type, structure, in that order; the first failure
 * is recorded with the member's path.
 */
FLUFFY_CHECKED enum fluffy_error decode_message(fluffy_ctx *,
    const struct tree *, size_t received, struct fluffy_msg **);

/* Of a message of another version: MALFORMED if its encoding is. */
FLUFFY_CHECKED enum fluffy_error check_wellformed(fluffy_ctx *,
    const struct tree *);

/*
 * A plaintext, or a Sign1's payload: a deterministic CBOR map that obeys
 * schema, into arena.
 */
FLUFFY_CHECKED enum fluffy_error decode_part(fluffy_ctx *, struct arena *,
    struct bytes plaintext, const struct schema *, const struct path *,
    struct part **);

/* The same of any other structure, of its schema's size. */
FLUFFY_CHECKED enum fluffy_error decode_struct(fluffy_ctx *, struct arena *,
    struct bytes plaintext, const struct schema *, const struct path *,
    void **);

/* A JSON value as the deterministic CBOR of kind any, for options. */
FLUFFY_CHECKED enum fluffy_error decode_any(fluffy_ctx *, struct arena *,
    const char *json, const char *what, struct bytes *);

/* What was put there didn't fit into a message, or there was no memory. */
FLUFFY_CHECKED enum fluffy_error fail_emitted(fluffy_ctx *,
    const struct fluffy_msg *, const struct buffer *);

/* The emitted CBOR of a message is at most FLUFFY_MAX_EMITTED bytes. */
FLUFFY_CHECKED enum fluffy_error check_emitted(fluffy_ctx *,
    const struct fluffy_msg *);

#endif

/* any.h - values of kind any (section 2), and words for what is found */
#ifndef FLUFFY_ANY_H
#define FLUFFY_ANY_H

#include "buffer.h"
#include "error.h"
#include "tree.h"

/* Appends the deterministic CBOR of the item at, or refuses it. */
FLUFFY_CHECKED enum fluffy_error any_canonical(fluffy_ctx *,
    const struct tree *, uint32_t at, const struct path *, struct buffer *);

/* "text", "a tagged item", ... */
const char *node_describe(const struct node *);

#endif

/*
 * grppac.h - what the owner of a group wishes (wire.md, sections 5 and 6)
 */
#ifndef FLUFFY_GRPPAC_H
#define FLUFFY_GRPPAC_H

#include "bytes.h"

struct grppac {
	bool has_members, any;
	struct bytes *members;	/* in the arena, their texts too */
	size_t n_members;
	uint64_t lifetime;	/* in seconds, to 2^53-1; 0: not said */
};

/*
 * Reads a value of kind any.  NULL, or what is broken (MALFORMED).  Without
 * an arena it only checks, and members stays empty.  Without memory it tells
 * so, and the arena has failed.
 */
const char *grppac_read(struct bytes cbor, struct arena *, struct grppac *);

/*
 * The deterministic CBOR of members, "A,B" or "any", left out when NULL, and
 * lifetime, left out when 0.  False when something isn't a name, is out of
 * range, too long, begins or ends with a blank, or is "any" among others; or without memory, and then the arena has failed.
 */
bool grppac_write(struct arena *, const char *members, uint64_t lifetime,
    struct bytes *cbor);

#endif

/* symm.h - a symmetric key in memory */
#ifndef FLUFFY_SYMM_H
#define FLUFFY_SYMM_H

#include "bytes.h"

#define KEY_MAX 32

/* Whoever has one on the stack wipes it. */
struct symm {
	int64_t alg;
	uint8_t n;
	uint8_t b[KEY_MAX];
};

void symm_wipe(struct symm *);

static inline struct bytes
symm_bytes(const struct symm *key)
{
	return bytes_of(key->b, key->n);
}

#endif

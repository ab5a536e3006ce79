/* context.h - clock, randomness, fetched algorithms and the last error */
#ifndef FLUFFY_CONTEXT_H
#define FLUFFY_CONTEXT_H

#include "buffer.h"
#include "error.h"

#define REASON_FIELD 400
#define REASON_TEXT  600

struct fluffy_ctx {
	uint64_t (*now)(void *);
	void *now_arg;
	int (*random)(void *, uint8_t *, size_t);
	void *random_arg;

	int64_t refused_type;	/* msg-type of what decode_message refused, or
				   0 when it didn't get that far */

	void (*checked)(void *, enum fluffy_type, const char *,
	    enum fluffy_error);
	void *checked_arg;

	enum fluffy_error code;
	char field[REASON_FIELD];
	char text[REASON_TEXT];

	struct crypto *crypto;	/* cose.c: algorithms, fetched once */
	struct tree *scratch;	/* tree.c: reused by every decoding */
};

/* Fills out from the CSPRNG, or fails; there is no fallback. */
FLUFFY_CHECKED enum fluffy_error ctx_random(fluffy_ctx *, void *out,
    size_t n);

#endif

/* context.h - clock, randomness, fetched algorithms and the last error */
#ifndef FLUFFY_CONTEXT_H
#define FLUFFY_CONTEXT_H

#include "buffer.h"
#include "error.h"

#define REASON_FIELD 400
#define REASON_TEXT  600

/* What is checked of any message before it is one, in section 6's order. */
enum reading {
	READ_SIZE,
	READ_ENCODING,
	READ_PVNO,
	READ_TYPE,
	READ_STRUCTURE
};

/* What is checked when a sealed part is opened, in section 6's order. */
enum opening {
	OPENING_KID,
	OPENING_SEAL,
	OPENING_PLAINTEXT,
	OPENING_CKSUM
};

struct fluffy_ctx {
	uint64_t (*now)(void *);
	void *now_arg;
	int (*random)(void *, uint8_t *, size_t);
	void *random_arg;

	/* of what was refused before it was a message */
	int64_t refused_type;	/* its msg-type; 0: it didn't get that far */
	enum reading refused_at;

	enum opening opening;	/* the last one's last check */
	bool log_left;		/* a closed store's log couldn't be emptied */

	void (*checked)(void *, enum fluffy_type, const char *,
	    enum fluffy_error);
	void *checked_arg;

	enum fluffy_error code;
	char field[REASON_FIELD];
	char text[REASON_TEXT];

	struct crypto *crypto;	/* cose.c: algorithms, fetched once */
	struct tree *scratch;	/* tree.c: reused by every decoding */
};

/* Tells of a check; name may be NULL: then it is none. */
void ctx_checked(const fluffy_ctx *, int64_t type, const char *name,
    enum fluffy_error verdict);
/*
 * Tells of n checks, of which number failed wasn't passed, with that verdict,
 * and none behind it was reached; n or more: all were.
 */
void ctx_checked_all(const fluffy_ctx *, int64_t type,
    const char *const *names, size_t n, size_t failed,
    enum fluffy_error verdict);

/* Fills out from the CSPRNG, or fails; there is no fallback. */
FLUFFY_CHECKED enum fluffy_error ctx_random(fluffy_ctx *, void *out,
    size_t n);

#endif

/* skdc-batch.h - the messages that came together at an SKDC, their answers */
#ifndef SKDC_BATCH_H
#define SKDC_BATCH_H

#include "filter.h"

/* A request and what it gets.  Malformed input has only answers. */
struct item {
	fluffy_msg *request;
	fluffy_bytes *answer;	/* one after another */
	size_t answers;
	bool told;		/* stderr has what is wrong with it */
};

/* They share one commit, and none of the answers leaves before it. */
struct batch {
	struct item *item;
	size_t count, room;
	size_t bytes;	/* of all answers */
	bool begun;	/* and not yet committed */
	bool broken;	/* nothing of it is promised */
	bool full;	/* more may be at hand */
};

/* Takes the request, NULL for malformed input.  NULL: no memory; reported. */
struct item *batch_add(struct batch *, fluffy_msg *request);
/* Forget what came, and keep the memory for the next. */
void batch_clear(struct batch *);
void batch_free(struct batch *);

/*
 * Encode the answers and keep them, in place of those that were kept before.
 * false: none is kept, for want of memory; reported.
 */
bool batch_keep(fluffy_ctx *, struct batch *, struct item *,
    const fluffy_msgs *, enum fluffy_format);
void item_put(struct output *, const struct item *);

#endif

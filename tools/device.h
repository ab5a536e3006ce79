/* device.h - the two kinds of a device's programs: they ask, or they take */
#ifndef DEVICE_H
#define DEVICE_H

#include "filter.h"
#include "options.h"

/* Make one request with the store at that path, and write it. */
void device_ask(fluffy_ctx *, const char *store_path, const char *encoding,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msg **));

/*
 * What becomes of a message.  There may be both, an answer and an error; the
 * answer is NULL when there is none.
 */
struct device_step {
	enum fluffy_error (*take)(fluffy_store *, fluffy_msg *in,
	    fluffy_msg **answer, fluffy_outcome *);
	/* Of malformed input; NULL: it gets no answer. */
	enum fluffy_error (*malformed)(fluffy_store *, fluffy_msg **answer);
};

/* Take the messages on stdin one by one, and tell what was completed. */
void device_take(fluffy_ctx *, const char *store_path, const char *encoding,
    const struct device_step *);

void extras_seqnum(fluffy_extras *, const struct option_number *);

#endif

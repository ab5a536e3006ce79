/* msg-show.h - what fluffy-msg does to each message */
#ifndef MSG_SHOW_H
#define MSG_SHOW_H

#include "msg-input.h"
#include "options.h"

struct show {
	fluffy_ctx *ctx;
	struct output *out;
	bool check;			/* write nothing */
	bool explain;			/* what the stores' parties make of it */
	const char *file;		/* the operand; "" for stdin */
	size_t number;			/* of the message in it */
	enum fluffy_format to;
	unsigned flags;			/* of fluffy_msg_write */
	enum capture_form from;
	enum fluffy_format expected;	/* the only encoding, or NONE */
	const char *member, *value;	/* of --select, or NULL */
	const struct option_many *paths;/* stores that open sealed parts */

	fluffy_store *store[OPTION_MANY];
	bool stores_open;
	size_t written, selected;
	bool explained;			/* something was, whatever the verdict */
};

/* "-" is stdin.  false: there's no point in reading another file. */
bool show_file(struct show *, const char *path);
/* Opens the message's sealed parts with the stores, if there are any. */
bool show_opened(struct show *, fluffy_msg *);
/* After the last file. */
void show_end(struct show *);

#endif

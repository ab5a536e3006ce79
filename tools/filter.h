/* filter.h - what programs that read or write messages have in common */
#ifndef FILTER_H
#define FILTER_H

#include "io.h"
#include "report.h"

/*
 * A stream of messages that comes in.  read gives bytes as read(2) does; when
 * it returns less than 0 it has reported why.
 */
struct input {
	const char *name;	/* in reports: "stdin", or a file's */
	ssize_t (*read)(struct input *, void *buf, size_t len);
	int fd;
	void *arg;		/* of read */
	fluffy_ctx *ctx;
	fluffy_reader *reader;
	bool any;		/* a message, or a refused one, was there */
	bool over;		/* nothing more will come */
	bool failed;		/* because reading failed */
};

/* Reads fd as it is; change read and arg for anything else. */
bool input_open(struct input *, fluffy_ctx *, int fd, const char *name);
/* Reports a stream that had no message at all. */
void input_close(struct input *);

/* What fluffy_reader_next says; never waits. */
enum fluffy_error input_at_hand(struct input *, fluffy_msg **);
/* Wait for more bytes or the end; false when it was the end before. */
bool input_fill(struct input *);
/* The next message, or FLUFFY_END; an error is a message that's refused. */
enum fluffy_error input_next(struct input *, fluffy_msg **);

/* The encoding that --json and --cbor ask for, else the given one, or CBOR. */
enum fluffy_format format_chosen(const char *option, enum fluffy_format);
/* The same where no input gives one: for a terminal JSON. */
enum fluffy_format format_made(const char *option, const struct output *);

/* Write a message and flush; false when that failed, which is reported. */
bool emit(fluffy_ctx *, struct output *, const fluffy_msg *,
    enum fluffy_format);
bool emit_all(fluffy_ctx *, struct output *, const fluffy_msgs *,
    enum fluffy_format);

/* If it is an ERROR: tell it, and pass it on to whoever reads stdout. */
bool pass_error(fluffy_ctx *, struct output *, const fluffy_msg *,
    const char *worth, enum fluffy_format);

/* Reports why not. */
fluffy_store *store_open(fluffy_ctx *, const char *path, unsigned flags);

#define KEYID_MAX 32

struct keyid {
	uint8_t id[KEYID_MAX];
	size_t len;
};

/* Read the keyid that an operand or an option has; field is its name. */
bool keyid_take(fluffy_ctx *, const char *field, const char *hex,
    struct keyid *);

/* Lower-case hex; text has 2 * len + 1 bytes. */
const char *hex_text(const uint8_t *data, size_t len, char *text);

#endif

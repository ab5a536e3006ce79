/* show.h - messages for people; nothing here is ever read back */
#ifndef FLUFFY_SHOW_H
#define FLUFFY_SHOW_H

#include "message.h"
#include "buffer.h"

/*
 * A readable tree: names, times in words relative to now, sizes, each sealed
 * part's algorithm and kid, and its plaintext where it was opened.  Keys are
 * "(hidden)" unless show_keys.  Ends with a newline.
 */
void text_put_message(struct buffer *, const struct fluffy_msg *,
    uint64_t now, bool show_keys);

/*
 * CBOR diagnostic notation (RFC 8949, section 8) on one line, embedded CBOR
 * opened as << ... >>.
 */
void diag_put_message(struct buffer *, const struct fluffy_msg *,
    bool show_keys);

/*
 * Appends UTF-8 so that a terminal can't be steered with it: control
 * characters, line separators and changes of direction become \uXXXX, and so
 * does '/' when it would end a comment.
 */
void put_safe(struct buffer *, struct bytes utf8, bool in_comment);

#endif

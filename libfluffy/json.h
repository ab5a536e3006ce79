/* json.h - the JSON codec (RFC 8259) */
#ifndef FLUFFY_JSON_H
#define FLUFFY_JSON_H

#include "buffer.h"
#include "error.h"
#include "schema.h"
#include "tree.h"

/* ---- reading ------------------------------------------------------------ */

static inline bool
json_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Where does the text end that begins at data with "{"?  Looks at brackets and
 * quotes only, which is enough to see that a line was cut off and the next
 * one begins.  Can be continued when more input has come ({0} to begin with).
 */
struct json_extent {
	size_t at;		/* SCAN_DONE: the length of the text */
	size_t open;		/* brackets */
	size_t items;		/* commas and opening brackets so far */
	uint64_t objects;	/* bit n: the bracket at depth n is a brace */
	uint8_t last;		/* the last byte that isn't blank */
	bool quoted, escaped;
};

/*
 * SCAN_DONE, SCAN_MORE, SCAN_BAD, or SCAN_TOO_LARGE: each comma and each opening
 * bracket that isn't behind one comes with an item that takes a byte of CBOR at least, so that the
 * parser needn't make objects of what is going to be refused.
 */
enum scan_result json_extent_run(struct json_extent *, struct bytes data);

/*
 * data is one JSON text, white space around it, and nothing else.  *syntax is
 * set when it isn't well-formed, as opposed to merely refused.
 */
FLUFFY_CHECKED enum fluffy_error json_parse(fluffy_ctx *, struct tree *,
    struct bytes data, bool *syntax);

/* ---- writing ------------------------------------------------------------ */

void json_put_string(struct buffer *, struct bytes utf8);
void json_put_base64url(struct buffer *, struct bytes);
/* One deterministic CBOR item of kind any. */
void json_put_any(struct buffer *, struct bytes cbor);
/* A registered word, or the number. */
void json_put_word(struct buffer *, enum registry, int64_t number);

/* How a structure is written; with a flag it can't be read back. */
enum {
	JSON_PLAIN = 0,
	JSON_WITH_OPENED = 1,	/* plaintexts beside their sealed parts */
	JSON_HIDE_KEYS = 2	/* "(hidden)" in place of keys */
};

/* The value of one member of a structure. */
void json_put_member(struct buffer *, const void *map, const struct row *,
    unsigned flags);
/* A structure that has a head, members in the order of its table. */
void json_put_struct(struct buffer *, const void *map, unsigned flags);

#endif

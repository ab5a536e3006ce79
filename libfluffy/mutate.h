/*
 * mutate.h - a message with one thing about it that is different
 *
 * mutate.c knows which changes there are and what they lead to, mutate_write.c
 * how each is written.
 */
#ifndef FLUFFY_MUTATE_H
#define FLUFFY_MUTATE_H

#include "buffer.h"
#include "message.h"

/* What is done to the place that an edit names. */
enum op {
	/* a member */
	OP_REMOVED, OP_EMPTY, OP_MISTYPED, OP_NULL, OP_DUPLICATED,
	OP_CHANGED,
	/* a name or a text */
	OP_TOO_LONG, OP_CONTROL, OP_BAD_UTF8,
	/* a number, a word, words, bits */
	OP_TOO_LARGE, OP_FRACTION, OP_EXPONENT, OP_MINUS_ZERO, OP_NEGATIVE,
	OP_FLOAT, OP_UNKNOWN_WORD, OP_NUMBER_FOR_WORD,
	/* bytes in JSON */
	OP_PADDED,
	/* any value in CBOR */
	OP_TAGGED_VALUE, OP_CHUNKED, OP_LYING_LENGTH,
	/* a sealed part */
	OP_CIPHERTEXT_FLIPPED, OP_TAG_FLIPPED, OP_SHORT_CIPHERTEXT,
	OP_EMPTY_CIPHERTEXT, OP_NO_CIPHERTEXT, OP_IV_FLIPPED, OP_NO_IV,
	OP_LONG_IV, OP_KID_FLIPPED, OP_NO_KID, OP_ADDED_KID,
	OP_ADDED_HEADER, OP_OTHER_ALG, OP_LOOSE_PROTECTED, OP_NO_PROTECTED,
	OP_OTHER_PAYLOAD, OP_SIGNATURE_FLIPPED, OP_NO_SIGNATURE,
	OP_SEAL_TAGGED,
	/* a map */
	OP_UNKNOWN_MEMBER, OP_FOREIGN_MEMBER, OP_COUNT_MORE, OP_INDEFINITE,
	OP_REVERSED,
	/* the message */
	OP_OTHER_VERSION, OP_OTHER_TYPE, OP_DEEP, OP_LARGE, OP_CUT_OFF,
	OP_BYTE_ORDER_MARK, OP_BLANK_BEFORE, OP_BLANKS, OP_SELF_TAG,
	OP_OTHER_ENCODING, OP_NONE
};

struct edit {
	enum op op;
	const void *map;	/* where */
	const struct row *row;	/* which member; NULL: the map itself */
	uint64_t random;	/* which bit, of those that there are */
};

void mutate_write(struct buffer *, const struct fluffy_msg *, bool json,
    const struct edit *);

/* ---- mutate_value.c --------------------------------------------------------- */

struct writer {
	struct buffer *b;
	bool json;
	const struct edit *edit;
};

static inline bool
mutate_is(const struct writer *w, enum op op)
{
	return w->edit->op == op;
}

static inline const void *
mutate_member(const void *map, const struct row *row)
{
	return (const uint8_t *)map + row->offset;
}

/* The first of a member's numbers that has a word; NULL: none has. */
const int64_t *mutate_word(const void *map, const struct row *);
void mutate_put_text(const struct writer *, struct bytes);
void mutate_put_bytes(const struct writer *, struct bytes);
/* With one bit flipped, of those from the byte at from on. */
void mutate_put_flipped(const struct writer *, struct bytes, size_t from);
/* A text of one byte more than max. */
void mutate_put_too_long(const struct writer *, size_t max);
/* The member's value as it is, and as the edit has it. */
void mutate_put_plain(const struct writer *, const void *map,
    const struct row *);
void mutate_put_value(const struct writer *, const void *map,
    const struct row *);

#endif

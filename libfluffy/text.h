/* text.h - UTF-8, names, UUIDs, decimal labels and hex */
#ifndef FLUFFY_TEXT_H
#define FLUFFY_TEXT_H

#include "buffer.h"

/* Well-formed UTF-8 (RFC 3629)? */
bool utf8_valid(struct bytes);
/* U+0000-001F or U+007F-009F in well-formed UTF-8? */
bool utf8_has_control(struct bytes);
/*
 * Appends text with control characters, and those that turn text round, as \u
 * and four hex digits, and broken UTF-8 as '?'.
 */
void text_clean(struct buffer *, struct bytes);

/* 1 to 255 bytes of UTF-8 without control characters (section 2, name). */
bool name_valid(struct bytes);
#define NAME_EXPECTED \
	"expected 1 to 255 bytes of UTF-8 without control characters"

#define UUID_TEXT 36
#define UUID_SIZE 16
/* A lower-case canonical UUID; its 16 bytes in out. */
bool uuid_parse(struct bytes text, uint8_t out[UUID_SIZE]);
/* Writes 36 characters, no NUL. */
void uuid_format(const uint8_t uuid[UUID_SIZE], char out[UUID_TEXT]);

/* The largest integer of section 2: 2^53-1. */
#define MAX_SAFE 9007199254740991

/* Has text the form 0|-?[1-9][0-9]* ? */
bool decimal_form(struct bytes text);
/* Its value; false when it is beyond +-(2^53-1). */
bool decimal_value(struct bytes text, int64_t *);

/* Appends lower-case hex. */
void hex_encode(struct buffer *, struct bytes);
/* Decodes lower-case hex; false on anything else or when cap is too small. */
bool hex_decode(struct bytes text, uint8_t *out, size_t cap, size_t *n);

#endif

/*
 * base64url.h - base64url without padding (RFC 4648, section 5), canonical
 *
 * OpenSSL's decoder takes blanks and non-zero trailing bits, which a receiver
 * must refuse (section 2).
 */
#ifndef FLUFFY_BASE64URL_H
#define FLUFFY_BASE64URL_H

#include "buffer.h"

/* Appends the encoding. */
void base64url_encode(struct buffer *, struct bytes);
/* The length of the decoding of n characters. */
#define BASE64URL_DECODED(n) ((n) / 4 * 3 + (n) % 4 * 3 / 4)
/* Decodes into out, which has room; false unless text is canonical. */
bool base64url_decode(struct bytes text, uint8_t *out);

#endif

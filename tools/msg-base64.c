/* msg-base64.c - bytes from base64 or base64url, padded or not */
#include <string.h>

#include "msg-input.h"

static int
value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* Line breaks may be anywhere; padding ends a group, and more may follow. */
bool
capture_base64(const uint8_t *text, size_t len, uint8_t *out, size_t *outlen)
{
	uint32_t bits = 0;
	unsigned held = 0;	/* bits that aren't written yet */
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int v = value(text[i]);

		if (text[i] == '=') {
			held = 0;
			continue;
		}
		if (v < 0 && memchr(" \t\r\n", text[i], 4) != NULL)
			continue;
		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (uint8_t)(bits >> held);
		}
	}
	*outlen = n;
	return n > 0 && held < 6;
}

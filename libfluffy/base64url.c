/* base64url.c - canonical base64url (RFC 4648, section 5) */
#include "base64url.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
base64url_encode(struct buffer *b, struct bytes in)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t i;

	for (i = 0; i < in.n; i++) {
		bits = bits << 8 | in.p[i];
		for (held += 8; held >= 6; held -= 6)
			buffer_addc(b, digits[bits >> (held - 6) & 63]);
	}
	if (held > 0)
		buffer_addc(b, digits[bits << (6 - held) & 63]);
}

static int
value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

bool
base64url_decode(struct bytes text, uint8_t *out)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t i;
	int v;

	if (text.n % 4 == 1)
		return false;
	for (i = 0; i < text.n; i++) {
		if ((v = value(text.p[i])) < 0)
			return false;
		bits = (bits << 6 | (uint32_t)v) & 0xffff;
		if ((held += 6) >= 8) {
			held -= 8;
			*out++ = (uint8_t)(bits >> held);
		}
	}
	/* canonical: what is left over is zero */
	return (bits & ((1u << held) - 1)) == 0;
}

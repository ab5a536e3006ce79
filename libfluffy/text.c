/* text.c - UTF-8, names, UUIDs, decimal labels and hex */
#include "text.h"

/*
 * The length of the well-formed sequence at p, its code point in *c; 0 when
 * there is none (RFC 3629: no overlong forms, no surrogates).
 */
static size_t
utf8_next(const uint8_t *p, size_t n, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	if (p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	*c = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return len;
}

static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

bool
utf8_valid(struct bytes text)
{
	size_t i, len;
	uint32_t c;

	for (i = 0; i < text.n; i += len)
		if ((len = utf8_next(text.p + i, text.n - i, &c)) == 0)
			return false;
	return true;
}

bool
utf8_has_control(struct bytes text)
{
	size_t i, len;
	uint32_t c;

	for (i = 0; i < text.n; i += len) {
		if ((len = utf8_next(text.p + i, text.n - i, &c)) == 0)
			return true;
		if (is_control(c))
			return true;
	}
	return false;
}

/* Characters that turn text round or break its line on a terminal. */
static bool
is_deceptive(uint32_t c)
{
	return c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069);
}

void
text_clean(struct buffer *b, struct bytes text)
{
	size_t i, len;
	uint32_t c;

	for (i = 0; i < text.n; i += len) {
		len = utf8_next(text.p + i, text.n - i, &c);
		if (len == 0) {
			buffer_addc(b, '?');
			len = 1;
		} else if (is_control(c) || is_deceptive(c))
			buffer_addf(b, "\\u%04x", (unsigned)c);
		else
			buffer_add(b, text.p + i, len);
	}
}

bool
name_valid(struct bytes name)
{
	return name.n >= 1 && name.n <= 255 && !utf8_has_control(name);
}

static int
hex_value(uint8_t c)
{
	/* 1 + the digit's value; 0: none.  Every name is tried as a UUID. */
	static const uint8_t values[256] = {
		['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
		['a'] = 11, 12, 13, 14, 15, 16
	};

	return values[c] - 1;
}

bool
uuid_parse(struct bytes text, uint8_t out[UUID_SIZE])
{
	size_t i, n = 0;
	int hi, lo;

	if (text.n != UUID_TEXT)
		return false;
	for (i = 0; i < UUID_TEXT; i += 2) {
		if (i == 8 || i == 13 || i == 18 || i == 23)
			if (text.p[i++] != '-')
				return false;
		hi = hex_value(text.p[i]);
		lo = hex_value(text.p[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out[n++] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static const char hex_digits[] = "0123456789abcdef";

void
uuid_format(const uint8_t uuid[UUID_SIZE], char out[UUID_TEXT])
{
	size_t i;

	for (i = 0; i < UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex_digits[uuid[i] >> 4];
		*out++ = hex_digits[uuid[i] & 15];
	}
}

bool
decimal_form(struct bytes text)
{
	size_t i = text.n > 0 && text.p[0] == '-';

	if (i == text.n)
		return false;
	if (text.p[i] == '0')
		return text.n == 1;
	for (; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return true;
}

bool
decimal_value(struct bytes text, int64_t *value)
{
	bool negative = text.p[0] == '-';
	int64_t v = 0;
	size_t i;

	for (i = negative; i < text.n; i++) {
		v = v * 10 + (text.p[i] - '0');
		if (v > MAX_SAFE)
			return false;
	}
	*value = negative ? -v : v;
	return true;
}

void
hex_encode(struct buffer *b, struct bytes in)
{
	size_t i;

	for (i = 0; i < in.n; i++) {
		buffer_addc(b, hex_digits[in.p[i] >> 4]);
		buffer_addc(b, hex_digits[in.p[i] & 15]);
	}
}

bool
hex_decode(struct bytes text, uint8_t *out, size_t cap, size_t *n)
{
	size_t i;
	int hi, lo;

	*n = 0;
	if (text.n % 2 != 0 || text.n / 2 > cap)
		return false;
	for (i = 0; i < text.n; i += 2) {
		hi = hex_value(text.p[i]);
		lo = hex_value(text.p[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out[(*n)++] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

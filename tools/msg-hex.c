/* msg-hex.c - bytes from hex, as people and dump programs write it */
#include <string.h>

#include "msg-input.h"

#define BETWEEN " \t\r\n:,"

struct span {
	const uint8_t *p, *end;
};

/* Decoded bytes, and where the current packet's begin. */
struct sink {
	uint8_t *out;
	size_t len, packet;
};

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t
digits(struct span s)
{
	size_t n = 0;

	while (s.p + n < s.end && digit(s.p[n]) >= 0)
		n++;
	return n;
}

static size_t
skip(struct span *s, const char *set)
{
	const uint8_t *start = s->p;

	while (s->p < s->end && *s->p != '\0' && strchr(set, *s->p) != NULL)
		s->p++;
	return (size_t)(s->p - start);
}

static bool
skip_0x(struct span *s)
{
	if (s->end - s->p < 2 || s->p[0] != '0' || (s->p[1] | 0x20) != 'x')
		return false;
	s->p += 2;
	return true;
}

/* Digits without anything between them; whole bytes. */
static bool
put_group(struct sink *to, struct span *s)
{
	size_t n = digits(*s);

	if (n == 0 || n % 2 != 0)
		return false;
	for (; n > 0; n -= 2, s->p += 2)
		to->out[to->len++] =
		    (uint8_t)(digit(s->p[0]) << 4 | digit(s->p[1]));
	return true;
}

static bool
decode_plain(struct sink *to, struct span s)
{
	skip(&s, BETWEEN);
	while (s.p < s.end) {
		skip_0x(&s);
		if (!put_group(to, &s))
			return false;
		skip(&s, BETWEEN);
	}
	return to->len > 0;
}

static struct span
next_line(struct span *text)
{
	size_t left = (size_t)(text->end - text->p);
	const uint8_t *end = memchr(text->p, '\n', left);
	struct span line = { text->p, end != NULL ? end : text->end };

	text->p = end != NULL ? end + 1 : text->end;
	return line;
}

/* "00000010: " or "0x0010: "; with or without the colon. */
static bool
skip_offset(struct span *line, bool colon, bool *zero, bool *prefix)
{
	size_t n, zeros;

	skip(line, " \t");
	*prefix = skip_0x(line);
	n = digits(*line);
	if (n < 4)
		return false;
	zeros = skip(line, "0");
	*zero = zeros == n;
	line->p += n - zeros;
	if (colon && skip(line, ":") != 1)
		return false;
	return skip(line, " \t\r") > 0 || line->p == line->end;
}

/* Bytes up to the characters, which two blanks set off. */
static bool
put_columns(struct sink *to, struct span line)
{
	while (put_group(to, &line)) {
		if (skip(&line, " \r") != 1)
			return true;
	}
	return line.p == line.end;
}

static void
end_packet(struct sink *to)
{
	size_t n = to->len - to->packet;
	const uint8_t *payload = capture_payload(to->out + to->packet, &n);

	memmove(to->out + to->packet, payload, n);
	to->len = to->packet += n;
}

/* Of tcpdump's output the lines without an offset tell of the next packet. */
static bool
decode_columns(struct sink *to, struct span text)
{
	bool zero, prefix, tcpdump = false;

	while (text.p < text.end) {
		struct span line = next_line(&text), rest = line;

		if (!skip_offset(&line, true, &zero, &prefix)) {
			skip(&rest, " \t\r");
			if (rest.p < rest.end && !tcpdump && to->len > 0)
				return false;
			continue;
		}
		tcpdump |= prefix;
		if (zero && tcpdump)
			end_packet(to);
		if (line.p < line.end && !put_columns(to, line))
			return false;
	}
	if (tcpdump)
		end_packet(to);
	return to->len > 0;
}

/* hexdump -C: the last line is an offset alone. */
static bool
decode_hexdump(struct sink *to, struct span text)
{
	bool zero, prefix;

	while (text.p < text.end) {
		struct span line = next_line(&text);
		const uint8_t *bar = memchr(line.p, '|',
		    (size_t)(line.end - line.p));

		skip(&line, " \t\r");
		if (line.p == line.end)
			continue;
		if (!skip_offset(&line, false, &zero, &prefix))
			return false;
		line.end = bar != NULL ? bar : line.end;
		if (line.p < line.end && !decode_plain(to, line))
			return false;
	}
	return to->len > 0;
}

/* What has columns may be hex without them as well, but not the reverse. */
bool
capture_hex(const uint8_t *text, size_t len, uint8_t *out, size_t *outlen)
{
	static bool (*const forms[])(struct sink *, struct span) = {
		decode_columns, decode_hexdump, decode_plain
	};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct sink to = { .out = out };

		if (forms[i] == decode_hexdump &&
		    memchr(text, '|', len) == NULL)
			continue;
		if (forms[i](&to, (struct span){ text, text + len })) {
			*outlen = to.len;
			return true;
		}
	}
	return false;
}

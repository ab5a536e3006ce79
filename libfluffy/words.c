/* words.c - times and keyids as people write them */
#include <time.h>

#include "context.h"
#include "text.h"

const char *
fluffy_time_text(uint64_t time, char *buf)
{
	time_t t = (time_t)time;
	struct tm tm;

	/* 24 bytes hold a year of four digits */
	if (time > 253402300799u || gmtime_r(&t, &tm) == NULL)
		(void)snprintf(buf, 24, "after 9999");
	else
		(void)strftime(buf, 24, "%Y-%m-%d %H:%MZ", &tm);
	return buf;
}

static bool
digits(const char **s, size_t n, int *out)
{
	*out = 0;
	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (**s - '0');
	}
	return true;
}

/* 2026-11-22T18:00:00Z; a blank for the T, seconds and Z may be left out. */
static bool
parse_date(const char *s, uint64_t *time)
{
	struct tm tm = { .tm_sec = 0 }, again;
	time_t t;

	if (!digits(&s, 4, &tm.tm_year) || *s++ != '-' ||
	    !digits(&s, 2, &tm.tm_mon) || *s++ != '-' ||
	    !digits(&s, 2, &tm.tm_mday) || (*s != 'T' && *s != ' '))
		return false;
	s++;
	if (!digits(&s, 2, &tm.tm_hour) || *s++ != ':' ||
	    !digits(&s, 2, &tm.tm_min))
		return false;
	if (*s == ':' && (s++, !digits(&s, 2, &tm.tm_sec)))
		return false;
	if (*s == 'Z')
		s++;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	again = tm;
	if (*s != '\0' || (t = timegm(&again)) < 0)
		return false;
	*time = (uint64_t)t;
	/* timegm mends what doesn't exist, like February 30 */
	return again.tm_mday == tm.tm_mday && again.tm_mon == tm.tm_mon &&
	    again.tm_hour == tm.tm_hour && again.tm_min == tm.tm_min &&
	    again.tm_sec == tm.tm_sec;
}

/* "+N" and a unit. */
static bool
parse_offset(const char *s, uint64_t *seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }
	};
	size_t n = strlen(s), i;
	int64_t value;

	if (n < 2 || !decimal_form(bytes_of(s, n - 1)) || s[0] == '-' ||
	    !decimal_value(bytes_of(s, n - 1), &value) || value > 1000000000)
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (s[n - 1] == units[i].unit) {
			*seconds = (uint64_t)value * units[i].seconds;
			return true;
		}
	return false;
}

enum fluffy_error
fluffy_time_parse(fluffy_ctx *ctx, const char *text, uint64_t *time)
{
	uint64_t offset;
	int64_t value;

	*time = 0;
	if (text[0] == '+' && parse_offset(text + 1, &offset)) {
		*time = fluffy_now(ctx) + offset;
		return FLUFFY_OK;
	}
	if (text[0] != '-' && decimal_form(bytes_str(text)) &&
	    decimal_value(bytes_str(text), &value)) {
		*time = (uint64_t)value;
		return FLUFFY_OK;
	}
	if (parse_date(text, time))
		return FLUFFY_OK;
	*time = 0;
	return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL, "\"%s\" isn't a time: "
	    "expected 2026-11-22T18:00Z, seconds since 1970, or +8h", text);
}

enum fluffy_error
fluffy_keyid_parse(fluffy_ctx *ctx, const char *hex, uint8_t *out, size_t cap,
    size_t *n)
{
	if (hex_decode(bytes_str(hex), out, cap, n) && *n > 0)
		return FLUFFY_OK;
	return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
	    "\"%s\" isn't a KEYID: expected lower-case hex", hex);
}

/* testing.h - what the unit tests share: a clock, chance that isn't, hex */
#ifndef TESTING_H
#define TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "context.h"
#include "text.h"

#define NOW 1795370400u /* 2026-11-22 18:00:00Z */

/* The time that a context with test_now tells. */
static uint64_t the_time = NOW;

static inline uint64_t
test_now(void *arg)
{
	(void)arg;
	return the_time;
}

/*
 * xorshift64*: the same numbers in every run.  Before that come the numbers of
 * the script, one a byte.
 */
struct rng {
	uint64_t state;
	struct bytes script;
};

static inline uint64_t
rng_next(struct rng *r)
{
	uint64_t byte;

	if (r->script.n > 0) {
		r->script.n--;
		byte = *r->script.p++;
		return byte << 16 | byte << 32;
	}
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

/* 0 .. n - 1 */
static inline size_t
rng_below(struct rng *r, size_t n)
{
	return (size_t)(rng_next(r) >> 16) % n;
}

static inline int
test_random(void *arg, uint8_t *out, size_t n)
{
	for (; n > 0; n--)
		*out++ = (uint8_t)(rng_next(arg) >> 32);
	return 0;
}

static inline fluffy_ctx *
test_ctx(struct rng *rng)
{
	fluffy_ctx *ctx = fluffy_ctx_new();

	assert_non_null(ctx);
	fluffy_ctx_set_clock(ctx, test_now, NULL);
	if (rng != NULL)
		fluffy_ctx_set_random(ctx, test_random, rng);
	return ctx;
}

/* Decodes hex with blanks; the caller's buffer is large enough. */
static inline struct bytes
unhex(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;
	unsigned byte;

	for (; *hex != '\0'; hex += 2) {
		while (*hex == ' ')
			hex++;
		if (*hex == '\0')
			break;
		assert_true(n < cap);
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		out[n++] = (uint8_t)byte;
	}
	return bytes_of(out, n);
}

static inline void
assert_bytes(struct bytes found, struct bytes expected)
{
	assert_int_equal(found.n, expected.n);
	if (found.n > 0)
		assert_memory_equal(found.p, expected.p, found.n);
}

static inline struct bytes
view(const fluffy_bytes *b)
{
	return bytes_of(b->data, b->len);
}

/* Not cmocka's: says what was refused. */
static inline void
must(fluffy_ctx *ctx, enum fluffy_error e)
{
	if (e == FLUFFY_OK)
		return;
	print_error("%s: %s: %s\n", fluffy_error_name(e),
	    fluffy_why(ctx).field, fluffy_why(ctx).text);
	fail();
}

/* Refused with that code, at that member. */
static inline void
refused_at(fluffy_ctx *ctx, enum fluffy_error e, enum fluffy_error code,
    const char *field)
{
	fluffy_reason why = fluffy_why(ctx);

	if (e != code || strcmp(why.field, field) != 0)
		print_error("found %s at \"%s\" (%s), expected %s at \"%s\"\n",
		    fluffy_error_name(e), why.field, why.text,
		    fluffy_error_name(code), field);
	assert_int_equal(e, code);
	assert_int_equal(why.code, code);
	assert_string_equal(why.field, field);
}

#endif

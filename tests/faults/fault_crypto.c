/*
 * fault_crypto.c - each call of libcrypto fails
 *
 * --wrap leads the calls to a few instructions that leave the arguments as they
 * are, whatever they are, and go on to the function unless it is its turn.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

#ifndef __x86_64__
#error "fault_crypto.c knows how functions are called on x86-64 alone"
#endif

/* By line of crypto_calls.h. */
static const struct {
	const char *name;
	int64_t failed, negative;
	bool lasts;
} calls[] = {
#define FAILS(name, failed, negative) \
	[__LINE__] = { #name, failed, negative, false },
#define LASTS(name) [__LINE__] = { #name, 0, 0, true },
#define NEVER(name)
#include "crypto_calls.h"
#undef FAILS
#undef LASTS
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

static struct {
	bool armed, negative, fired;
	size_t n;
	uint64_t lasting;	/* the one that goes on failing */
} under;
static bool loud;
static bool called[N_CALLS];

/* rax and rdx: is it its turn, and what does it return then? */
struct verdict {
	uint64_t fails;
	int64_t result;
};
struct verdict judge_call(uint64_t line) __attribute__((used));

struct verdict
judge_call(uint64_t line)
{
	bool now = under.fired && line == under.lasting;

	if (!under.armed)
		return (struct verdict){ 0, 0 };
	called[line] = true;
	under.n++;
	if (!under.fired)
		under.fired = now = fault_turn(under.n, &under.negative);
	if (!now)
		return (struct verdict){ 0, 0 };
	if (calls[line].lasts)
		under.lasting = line;
	if (loud)
		(void)fprintf(stderr, "%s fails\n", calls[line].name);
	return (struct verdict){ 1, under.negative ? calls[line].negative :
		calls[line].failed };
}

#define STUB(name, line) \
	__asm__(".text\n.globl __wrap_" name "\n" \
	    ".type __wrap_" name ", @function\n" \
	    "__wrap_" name ":\n" \
	    "	push %rax\n	push %rdi\n	push %rsi\n	push %rdx\n" \
	    "	push %rcx\n	push %r8\n	push %r9\n" \
	    "	mov $" line ", %edi\n" \
	    "	call judge_call\n" \
	    "	mov %rax, %r10\n	mov %rdx, %r11\n" \
	    "	pop %r9\n	pop %r8\n	pop %rcx\n	pop %rdx\n" \
	    "	pop %rsi\n	pop %rdi\n	pop %rax\n" \
	    "	test %r10, %r10\n" \
	    "	jz __real_" name "@PLT\n" \
	    "	mov %r11, %rax\n" \
	    "	ret\n" \
	    ".size __wrap_" name ", . - __wrap_" name "\n");
#define IN_QUOTES(line) #line
#define QUOTED(line)	IN_QUOTES(line)
#define FAILS(name, failed, negative) STUB(#name, QUOTED(__LINE__))
#define LASTS(name) STUB(#name, QUOTED(__LINE__))
#include "crypto_calls.h"
#undef FAILS
#undef LASTS

static void
arm(void)
{
	memset(&under, 0, sizeof(under));
	under.armed = true;
}

static size_t
disarm(bool *fired)
{
	under.armed = false;
	*fired = under.fired;
	return under.n;
}

static void
start(bool by_hand)
{
	loud = by_hand;
}

/* One that no scene calls isn't tried. */
static bool
rehearsed(void)
{
	bool all = true;

	for (size_t i = 0; i < N_CALLS; i++) {
		if (calls[i].name == NULL || called[i])
			continue;
		printf("# no scene calls %s\n", calls[i].name);
		all = false;
	}
	return all;
}

static const struct tour *const tours[] = { &realm_tour, &pairs_tour,
	&cmp_tour, &admin_tour, &anchor_tour, NULL };

const struct fault fault = { .tours = tours, .arm = arm, .disarm = disarm,
	.start = start, .rehearsed = rehearsed };

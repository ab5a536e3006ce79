/*
 * fault_alloc.c - memory runs out, at every allocation
 *
 * The C library's allocator is replaced, for shared libraries too.  Under fire
 * its results are remembered until they are freed.
 */
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "fault.h"

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static struct {
	bool armed, for_ever, fired;
	size_t calls;
} under;

/* ---- what is still there ------------------------------------------------- */

#define PLACES	  ((size_t)1 << PLACE_BITS)
#define PLACE_BITS 15
#define FRAMES	  16
#define MAX_TRACE 4096

static struct block {
	void *p;
	size_t n, call;
} blocks[PLACES];
static size_t n_blocks;
static bool tracing;
static struct trace {
	void *frames[FRAMES];
	int n;
} traces[MAX_TRACE];		/* by call */

static size_t
place_of(const void *p)
{
	size_t i = (size_t)((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >>
	    (64 - PLACE_BITS);

	while (blocks[i].p != NULL && blocks[i].p != p)
		i = (i + 1) % PLACES;
	return i;
}

static void
remember(void *p, size_t n)
{
	if (!under.armed || p == NULL)
		return;
	if (++n_blocks > PLACES / 2)
		abort();
	blocks[place_of(p)] = (struct block){ p, n, under.calls };
	if (tracing && under.calls < MAX_TRACE) {
		under.armed = false;
		traces[under.calls].n = backtrace(traces[under.calls].frames,
		    FRAMES);
		under.armed = true;
	}
}

/* Those behind it in the table move up. */
static void
forget(const void *p)
{
	size_t i, j;

	if (n_blocks == 0 || p == NULL)
		return;
	i = place_of(p);
	if (blocks[i].p == NULL)
		return;
	n_blocks--;
	blocks[i].p = NULL;
	for (j = (i + 1) % PLACES; blocks[j].p != NULL;
	    j = (j + 1) % PLACES) {
		struct block moved = blocks[j];

		blocks[j].p = NULL;
		blocks[place_of(moved.p)] = moved;
	}
}

/* ---- the allocator ------------------------------------------------------- */

static bool
fails(void)
{
	bool now = under.fired && under.for_ever;

	if (!under.armed)
		return false;
	under.calls++;
	if (!under.fired) {
		under.armed = false;
		under.fired = now = fault_turn(under.calls, &under.for_ever);
		under.armed = true;
	}
	if (now)
		errno = ENOMEM;
	return now;
}

void *
malloc(size_t n)
{
	void *p = fails() ? NULL : __libc_malloc(n);

	remember(p, n);
	return p;
}

void *
calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __libc_calloc(n, size);

	remember(p, n * size);
	return p;
}

void *
realloc(void *old, size_t n)
{
	void *p;

	if (fails())
		return NULL;
	p = __libc_realloc(old, n);
	if (p == NULL && n > 0)
		return NULL;
	forget(old);
	remember(p, n);
	return p;
}

void *
reallocarray(void *old, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, all);
}

void *
memalign(size_t alignment, size_t n)
{
	void *p = fails() ? NULL : __libc_memalign(alignment, n);

	remember(p, n);
	return p;
}

void *
aligned_alloc(size_t alignment, size_t n)
{
	return memalign(alignment, n);
}

int
posix_memalign(void **out, size_t alignment, size_t n)
{
	*out = memalign(alignment, n);
	return *out == NULL ? ENOMEM : 0;
}

void
free(void *p)
{
	forget(p);
	__libc_free(p);
}

/* ---- arming -------------------------------------------------------------- */

/* What the libraries keep from before is nobody's leak. */
static void
arm(void)
{
	memset(blocks, 0, sizeof(blocks));
	n_blocks = 0;
	memset(&under, 0, sizeof(under));
	under.armed = true;
}

static size_t
disarm(bool *fired)
{
	under.armed = false;
	*fired = under.fired;
	return under.calls;
}

static void
tell_leaks(void)
{
	for (size_t i = 0; i < PLACES; i++) {
		if (blocks[i].p == NULL)
			continue;
		(void)fprintf(stderr, "leaked %zu bytes of call %zu\n",
		    blocks[i].n, blocks[i].call);
		if (blocks[i].call < MAX_TRACE)
			backtrace_symbols_fd(
			    traces[blocks[i].call].frames,
			    traces[blocks[i].call].n, 2);
	}
}

/* OpenSSL's own memory, of errors for example, isn't one. */
static size_t
leaks(void)
{
	if (n_blocks > 0)
		OPENSSL_cleanup();
	if (n_blocks > 0 && tracing)
		tell_leaks();
	return n_blocks;
}

static void
start(bool loud)
{
	void *frames[2];

	/* loads what it needs */
	(void)backtrace(frames, 2);
	tracing = loud;
}

static bool
rehearsed(void)
{
	return true;
}

static const struct tour *const tours[] = { &realm_tour, &pairs_tour,
	&admin_tour, &anchor_tour, NULL };

const struct fault fault = { tours, arm, disarm, leaks, start, rehearsed };

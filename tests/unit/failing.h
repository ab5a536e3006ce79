/*
 * failing.h - a statement of the store, an allocation or a random number that
 * fails
 *
 * Programs with it are linked with --wrap of the functions below. The fault
 * strikes once, at the moment that the test has chosen.
 */
#ifndef FAILING_H
#define FAILING_H

#include <errno.h>

#include <sqlite3.h>

#include "testing.h"

struct failing {
	enum fluffy_error code;	/* what a step then says */
	const char *what;
};

static const struct failing statements = { FLUFFY_E_STORE, "statement" },
    allocations = { FLUFFY_E_MEMORY, "allocation" },
    chances = { FLUFFY_E_SYSTEM, "random number" };

/* Which of them, and how many more go well. */
static const struct failing *failing;
static unsigned long going_well;
static bool struck;

static inline bool
strikes(const struct failing *what)
{
	if (failing != what || going_well-- > 0)
		return false;
	failing = NULL;
	struck = true;
	return true;
}

static inline void
strike_after(const struct failing *what, unsigned long n)
{
	failing = what;
	going_well = n;
	struck = false;
}

int __real_sqlite3_step(sqlite3_stmt *);
int __wrap_sqlite3_step(sqlite3_stmt *);
void *__real_malloc(size_t);
void *__wrap_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void *__real_arena_alloc(struct arena *, size_t);
void *__wrap_arena_alloc(struct arena *, size_t);

int
__wrap_sqlite3_step(sqlite3_stmt *st)
{
	if (!strikes(&statements))
		return __real_sqlite3_step(st);
	/* which SQLite does whatever it says then */
	if (strcmp(sqlite3_sql(st), "ROLLBACK") == 0)
		(void)__real_sqlite3_step(st);
	return SQLITE_IOERR_READ;
}

static inline bool
no_memory(void)
{
	if (!strikes(&allocations))
		return false;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return no_memory() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return no_memory() ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return no_memory() ? NULL :
	    __real_reallocarray(p, n, size);
}

/* An arena takes many from one chunk: each may be the one without room. */
void *
__wrap_arena_alloc(struct arena *arena, size_t n)
{
	if (!no_memory())
		return __real_arena_alloc(arena, n);
	arena->failed = true;
	return NULL;
}

/* For fluffy_ctx_set_random. */
static inline int
failing_random(void *arg, uint8_t *out, size_t n)
{
	return strikes(&chances) ? -1 : test_random(arg, out, n);
}

#endif

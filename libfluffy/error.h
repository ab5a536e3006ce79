/* error.h - the error table, and how a failure is recorded in a context */
#ifndef FLUFFY_ERROR_H
#define FLUFFY_ERROR_H

#include "fluffy.h"

/*
 * Where a walk is: a list from the innermost member outwards, on the callers'
 * stacks.  A name that comes from a message is cleaned when it is recorded.
 */
struct path {
	const struct path *up;
	const char *name;	/* len bytes; NULL: [index] */
	size_t len;
	size_t index;
};

/*
 * Record why the context's current call fails and return code.  The path may
 * be NULL; names and text go through text_clean.
 */
enum fluffy_error fluffy_fail(fluffy_ctx *, enum fluffy_error code,
    const struct path *, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with the path given as text. */
enum fluffy_error fluffy_fail_at(fluffy_ctx *, enum fluffy_error code,
    const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

enum fluffy_error fluffy_fail_memory(fluffy_ctx *);

#endif

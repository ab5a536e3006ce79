/* bytes.h - views, arenas and constant-time comparison */
#ifndef FLUFFY_BYTES_H
#define FLUFFY_BYTES_H

#include <string.h>

#include "fluffy.h"

/* A view of bytes that somebody else owns, usually a message's arena. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

#define BYTES(literal) ((struct bytes){ (const uint8_t *)(literal), \
    sizeof(literal) - 1 })

static inline struct bytes
bytes_of(const void *p, size_t n)
{
	return (struct bytes){ p, n };
}

static inline struct bytes
bytes_str(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, s == NULL ? 0 : strlen(s) };
}

/* Equality of public data. */
static inline bool
bytes_eq(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Order of encoded keys: bytewise, a prefix first. */
int bytes_cmp(struct bytes, struct bytes);

/*
 * Memory that lives and dies with a message: allocations are never freed one
 * by one, and all of it is wiped at the end.  {0} is an empty arena.  failed
 * is set by an allocation that failed, so that whoever fills a message may
 * check once, at the end.
 */
struct arena {
	struct chunk *chunks;
	bool failed;
};

/* Zeroed and aligned for any object; NULL when there is no memory. */
void *arena_alloc(struct arena *, size_t n);
/* A copy of the bytes, with a NUL behind it that n doesn't count. */
bool arena_copy(struct arena *, struct bytes from, struct bytes *to);
/* The same; empty when it failed. */
struct bytes arena_dup(struct arena *, struct bytes from);
/*
 * Room for one more behind the n elements of an array, which may move: twice as
 * many when room, which starts as 0, is used up.  NULL when there is no memory.
 */
void *arena_grow(struct arena *, const void *array, size_t n, size_t *room,
    size_t size);
/* Bytes that were allocated. */
size_t arena_used(const struct arena *);
void arena_free(struct arena *);

/*
 * Allocations that may hold secrets: freeing them wipes them, also what realloc
 * moves away from.
 */
void *wiping_malloc(size_t);
void *wiping_realloc(void *, size_t);
size_t wiping_size(const void *);
void wiping_free(void *);

#endif

/* buffer.h - a growing output buffer with one sticky error */
#ifndef FLUFFY_BUFFER_H
#define FLUFFY_BUFFER_H

#include "bytes.h"

/*
 * Writing past max, or without memory, marks the buffer as failed and makes
 * later writes do nothing: only the end has to be checked.  Growing and
 * freeing wipe.
 */
struct buffer {
	uint8_t *p;
	size_t n, cap, max;
	bool failed;
	bool no_memory;	/* ... and not because of max */
};

#define BUFFER(limit) ((struct buffer){ .max = (limit) })

/* Room for n more bytes, or NULL; the caller adds what it used to b->n. */
uint8_t *buffer_make_room(struct buffer *, size_t n);
static inline uint8_t *
buffer_room(struct buffer *b, size_t n)
{
	if (!b->failed && n < b->cap - b->n)
		return b->p + b->n;
	return buffer_make_room(b, n);
}

void buffer_adds(struct buffer *, const char *);
void buffer_addf(struct buffer *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Hands the content over and empties the buffer; false when it had failed. */
bool buffer_take(struct buffer *, fluffy_bytes *);
void buffer_free(struct buffer *);

static inline void
buffer_add(struct buffer *b, const void *p, size_t n)
{
	uint8_t *room;

	if (n == 0 || (room = buffer_room(b, n)) == NULL)
		return;
	memcpy(room, p, n);
	b->n += n;
}

static inline void
buffer_addc(struct buffer *b, char c)
{
	buffer_add(b, &c, 1);
}

static inline struct bytes
buffer_view(const struct buffer *b)
{
	return (struct bytes){ b->p, b->n };
}

#endif

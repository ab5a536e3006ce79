/* bytes.c - views, arenas and memory that is wiped when it is freed */
#include <stdalign.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "bytes.h"

int
bytes_cmp(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return (a.n > b.n) - (a.n < b.n);
}

/*
 * The first chunk of an arena holds a message of ordinary size, so that most
 * messages take one allocation.
 */
#define CHUNK_SIZE 2048

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) uint8_t data[];
};

static struct chunk *
chunk_new(struct arena *arena, size_t n)
{
	size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
	struct chunk *chunk;

	if (size > SIZE_MAX - sizeof(*chunk))
		return NULL;
	if ((chunk = calloc(1, sizeof(*chunk) + size)) == NULL)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *
arena_alloc(struct arena *arena, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct chunk *chunk = arena->chunks;
	void *p;

	n = n > SIZE_MAX - align ? SIZE_MAX : (n + align - 1) / align * align;
	if (chunk == NULL || chunk->size - chunk->used < n)
		if ((chunk = chunk_new(arena, n)) == NULL) {
			arena->failed = true;
			return NULL;
		}
	p = chunk->data + chunk->used;
	chunk->used += n;
	return p;
}

bool
arena_copy(struct arena *arena, struct bytes from, struct bytes *to)
{
	uint8_t *p;

	*to = (struct bytes){ NULL, 0 };
	if (from.n == SIZE_MAX || (p = arena_alloc(arena, from.n + 1)) == NULL)
		return false;
	if (from.n > 0)
		memcpy(p, from.p, from.n);
	*to = (struct bytes){ p, from.n };
	return true;
}

struct bytes
arena_dup(struct arena *arena, struct bytes from)
{
	struct bytes to;

	(void)arena_copy(arena, from, &to);
	return to;
}

void *
arena_grow(struct arena *arena, const void *array, size_t n, size_t *room,
    size_t size)
{
	size_t more = *room > 0 ? 2 * *room : 16;
	void *p;

	if (n < *room)
		return (void *)(uintptr_t)array;
	if (more > SIZE_MAX / size ||
	    (p = arena_alloc(arena, more * size)) == NULL)
		return NULL;
	if (n > 0)
		memcpy(p, array, n * size);
	*room = more;
	return p;
}

size_t
arena_used(const struct arena *arena)
{
	const struct chunk *chunk;
	size_t n = 0;

	for (chunk = arena->chunks; chunk != NULL; chunk = chunk->next)
		n += chunk->used;
	return n;
}

void
arena_free(struct arena *arena)
{
	struct chunk *chunk, *next;

	for (chunk = arena->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		OPENSSL_cleanse(chunk->data, chunk->used);
		free(chunk);
	}
	arena->chunks = NULL;
}

/* The size stands in front of the memory, so that free knows what to wipe. */
#define SIZE_ROOM alignof(max_align_t)

void *
wiping_malloc(size_t n)
{
	uint8_t *p;

	if (n > SIZE_MAX - SIZE_ROOM || (p = malloc(SIZE_ROOM + n)) == NULL)
		return NULL;
	memcpy(p, &n, sizeof(n));
	return p + SIZE_ROOM;
}

size_t
wiping_size(const void *data)
{
	size_t n = 0;

	if (data != NULL)
		memcpy(&n, (const uint8_t *)data - SIZE_ROOM, sizeof(n));
	return n;
}

void *
wiping_realloc(void *data, size_t n)
{
	size_t was = wiping_size(data);
	void *p = wiping_malloc(n);

	if (p == NULL)
		return NULL;
	if (data != NULL)
		memcpy(p, data, was < n ? was : n);
	wiping_free(data);
	return p;
}

void
wiping_free(void *data)
{
	if (data == NULL)
		return;
	OPENSSL_cleanse(data, wiping_size(data));
	free((uint8_t *)data - SIZE_ROOM);
}

void
fluffy_bytes_free(fluffy_bytes *bytes)
{
	if (bytes == NULL || bytes->data == NULL)
		return;
	OPENSSL_cleanse(bytes->data, bytes->len);
	free(bytes->data);
	bytes->data = NULL;
	bytes->len = 0;
}

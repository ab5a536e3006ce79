/* buffer.c - a growing output buffer with one sticky error */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "buffer.h"

static bool
grow(struct buffer *b, size_t need)
{
	size_t cap = b->cap < 512 ? 512 : b->cap;
	uint8_t *p;

	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	/* never more than may be used: see buffer_room */
	if (cap > b->max)
		cap = b->max;
	/* not realloc: it would leave a copy behind unwiped */
	if ((p = malloc(cap)) == NULL)
		return false;
	if (b->p != NULL) {
		memcpy(p, b->p, b->n);
		OPENSSL_cleanse(b->p, b->n);
		free(b->p);
	}
	b->p = p;
	b->cap = cap;
	return true;
}

uint8_t *
buffer_make_room(struct buffer *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->max || b->n > b->max - n) {
		b->failed = true;
		return NULL;
	}
	if ((b->p == NULL || b->cap - b->n < n) && !grow(b, b->n + n)) {
		b->failed = b->no_memory = true;
		return NULL;
	}
	return b->p + b->n;
}

void
buffer_adds(struct buffer *b, const char *s)
{
	buffer_add(b, s, strlen(s));
}

void
buffer_addf(struct buffer *b, const char *format, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		b->failed = true;
	else
		buffer_add(b, text, (size_t)n);
	OPENSSL_cleanse(text, sizeof(text));
}

bool
buffer_take(struct buffer *b, fluffy_bytes *out)
{
	*out = (fluffy_bytes){ NULL, 0 };
	if (b->failed) {
		buffer_free(b);
		return false;
	}
	*out = (fluffy_bytes){ b->p, b->n };
	*b = (struct buffer){ .max = b->max };
	return true;
}

void
buffer_free(struct buffer *b)
{
	if (b->p != NULL) {
		OPENSSL_cleanse(b->p, b->n);
		free(b->p);
	}
	*b = (struct buffer){ .max = b->max };
}

/* window.c - the sliding window of sequence numbers (RFC 6347, 4.1.2.6) */
#include <string.h>

#include "window.h"

static bool
taken(const struct window *w, size_t i)
{
	return (w->bits[i / 8] >> i % 8 & 1) != 0;
}

static void
mark(struct window *w, size_t i)
{
	w->bits[i / 8] |= (uint8_t)(1u << i % 8);
}

/* Behind the window's end all bits are 0. */
static void
trim(struct window *w)
{
	size_t used = (w->size + 7u) / 8;

	memset(w->bits + used, 0, sizeof(w->bits) - used);
	if (w->size % 8 != 0)
		w->bits[used - 1] &= (uint8_t)((1u << w->size % 8) - 1);
}

/* Bit i becomes bit i + n. */
static void
shift(struct window *w, uint32_t n)
{
	size_t whole = n / 8, rest = n % 8;
	unsigned byte;

	if (n >= w->size) {
		memset(w->bits, 0, sizeof(w->bits));
		return;
	}
	for (size_t j = sizeof(w->bits); j-- > whole;) {
		byte = (unsigned)w->bits[j - whole] << rest;
		if (j > whole)
			byte |= (unsigned)w->bits[j - whole - 1] >> (8 - rest);
		w->bits[j] = (uint8_t)byte;
	}
	memset(w->bits, 0, whole);
	trim(w);
}

bool
window_fresh(const struct window *w, uint32_t number)
{
	if (number == 0)
		return false;
	if (number > w->right)
		return true;
	return w->right - number < w->size && !taken(w, w->right - number);
}

void
window_take(struct window *w, uint32_t number)
{
	if (number > w->right) {
		shift(w, number - w->right);
		w->right = number;
	}
	mark(w, w->right - number);
}

/*
 * window.h - which sequence numbers a resource server has taken (memo, 2.4)
 *
 * The sliding window of RFC 6347, section 4.1.2.6, without a store.
 */
#ifndef FLUFFY_WINDOW_H
#define FLUFFY_WINDOW_H

#include "fluffy.h"

struct window {
	uint32_t right;		/* the largest number that was taken */
	uint16_t size;		/* in bits, FLUFFY_DK_WINDOW_MIN to _MAX */
	uint8_t bits[FLUFFY_DK_WINDOW_MAX / 8]; /* bit i: right - i is taken */
};

/* Neither taken nor left of the window; 0 never is. */
bool window_fresh(const struct window *, uint32_t number);
/* A fresh one is taken; the window moves when it is to the right of it. */
void window_take(struct window *, uint32_t number);
#endif

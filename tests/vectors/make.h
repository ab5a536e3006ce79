/* make.h - the golden vectors, made anew */
#ifndef VECTORS_MAKE_H
#define VECTORS_MAKE_H

#include "fluffy.h"

#define N_VECTORS 40
#define VECTORS_NOW 1795370400u /* 2026-11-22 18:00:00Z */

struct vector {
	char name[24];		/* "PSK-REQ-full" */
	fluffy_msg *msg;
};

/*
 * Full and minimal of every message type, in the order of their numbers, made
 * with a fixed clock and fixed randomness; the same in every run. Aborts when
 * something fails. The caller frees the messages.
 */
void vectors_make(struct vector[N_VECTORS]);

#endif

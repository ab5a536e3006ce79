/* make.h - the golden vectors, made anew */
#ifndef VECTORS_MAKE_H
#define VECTORS_MAKE_H

#include "fluffy.h"

#define N_VECTORS 40		/* full and minimal of every type */
#define N_MORE	  34		/* in the directory "more" */
#define N_ALL	  (N_VECTORS + N_MORE)
#define VECTORS_NOW 1795370400u /* 2026-11-22 18:00:00Z */

struct keydata;

struct vector {
	char name[32];		/* "PSK-REQ-full", "more/PSK-ESTB-ES256" */
	fluffy_msg *msg;
	/* of a signed one the key that verifies it */
	const struct keydata *signer;
};

/*
 * Full and minimal of every message type, in the order of their numbers, as the
 * library's own steps make them, then those of "more":
 *  -every and -bare	types of which the library never emits all members, or
 *			always some that are optional: all there are, and none
 *			that is optional, put together and sealed here
 *  -ES256, -EdDSA, -PS256, -X25519
 *			a key pair of each type, up to its service
 * All with a fixed clock, fixed randomness and fixed pairs: but for the
 * signatures by ES256 and PS256 the same in every run.  Aborts when something
 * fails.
 */
void vectors_make(struct vector[N_ALL]);
void vectors_free(struct vector[N_ALL]);

#endif

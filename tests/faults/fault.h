/* fault.h - one thing fails, and what was promised is kept */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "fluffy.h"

/*
 * A step under fire.  Prepared in health, done while something fails, judged
 * in health again.  What they share is in variables of their file; each
 * injection is a process of its own.
 */
struct scene {
	const char *name;
	void (*prepare)(void);
	enum fluffy_error (*act)(void);
	/* It did what it is for: so does all that follows. */
	void (*finish)(void);
	enum fluffy_error expected;	/* of act */
	enum fluffy_error again;	/* of another act with the same input */
};

/* Scenes in one world. */
struct tour {
	void (*stand_up)(void);
	void (*judge)(const struct scene *, enum fluffy_error found);
	/* Nothing is left of it. */
	void (*take_down)(void);
	/* Ends with .name = NULL. */
	const struct scene *scenes;
	/* Others take part in its steps: each is done from its beginning. */
	bool talks;
};

extern const struct tour realm_tour, pairs_tour, cmp_tour, admin_tour,
    anchor_tour;

/* What fails: fault_alloc.c or fault_crypto.c. */
struct fault {
	const struct tour *const *tours;	/* ends with NULL */
	/* From now on fault_turn is asked before each call. */
	void (*arm)(void);
	/* How many calls there were; *fired: one failed. */
	size_t (*disarm)(bool *fired);
	/* What was allocated under fire and is still there; may be NULL. */
	size_t (*leaks)(void);
	/* Before everything.  loud: somebody wants to know why. */
	void (*start)(bool loud);
	/* All scenes were done once: is nothing left out? */
	bool (*rehearsed)(void);
};

extern const struct fault fault;

/*
 * Does the nth call fail now, *otherwise: in the second way?  It returns once
 * for each failure, every time in a process of its own, and then false.
 */
bool fault_turn(size_t nth, bool *otherwise);

/*
 * All stores are closed.  Was the disk left like this before, and was all that
 * the judge does next done then, and found good?  finished: the scene's finish
 * was called.
 */
bool fault_known(bool finished);

#endif

/* loss.h - what is promised while a realm works, and kept when power is lost */
#ifndef LOSS_H
#define LOSS_H

#include "disk.h"
#include "store.h"

/* Parties that work, and how their stores are looked at. */
struct work {
	void (*run)(void);
	enum fluffy_error (*open)(fluffy_ctx *, const char *path,
	    unsigned flags, fluffy_store **);
	enum fluffy_error (*read)(fluffy_store *);
};

extern const struct work realm_works, anchor_works;

/*
 * From the moment when a step returned FLUFFY_OK until the one when another
 * begins that may end it.
 */
struct promise {
	const struct work *work;
	const char *what;
	char store[NAME_SIZE];
	/* NULL: the bytes are nowhere in the store's files */
	bool (*kept)(fluffy_store *, const struct promise *);
	struct bytes bytes;		/* copied */
	uint64_t number, time;
	size_t since, until;		/* in changes of the disk */
};

/* Given now. */
struct promise *promise(const char *store, const char *what,
    bool (*kept)(fluffy_store *, const struct promise *), struct bytes,
    uint64_t number);
void promise_ends(struct promise *);

/* The clock of all contexts. */
extern uint64_t loss_now;
uint64_t loss_clock(void *);

#endif

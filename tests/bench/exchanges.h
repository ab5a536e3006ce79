/*
 * exchanges.h - the steps of all exchanges, one after another
 *
 * A step takes what the one before it has put on the wire, bytes, and puts
 * there what comes of it.  REPEATS exchanges go on side by side.
 */
#ifndef EXCHANGES_H
#define EXCHANGES_H

#include "bench.h"

#define REPEATS 32

struct stage {
	/* NULL: it has to be done, and isn't measured. */
	const char *who;
	const char *gives;	/* a message's name, or what else it is */
	/* i: which of the exchanges it belongs to */
	void (*act)(fluffy_bytes *wire, unsigned i);
	enum fluffy_outcome_kind outcome;
};

/* Several are ended by one without a title. */
struct exchange {
	const char *title;
	const struct stage *steps;	/* ended by one without an act */
};

extern fluffy_ctx *ctx;
extern fluffy_outcome outcome;		/* of the last step that has one */

/* The wire's message; the wire is empty then. */
fluffy_msg *from_wire(fluffy_bytes *wire);
/* NULL is no message. */
void to_wire(fluffy_bytes *wire, fluffy_msg **msg);
/* A file on the tmpfs, in static memory. */
const char *file_of(const char *kind, unsigned i);

/* exchanges_realm.c: an SKDC and its devices.  All names are UUIDs. */
extern const struct exchange realm_exchanges[];
void realm_new(void);
void realm_end(void);
/* What one answer to a PSK-REQ costs at least. */
struct floor *realm_floor(void);

/* exchanges_anchor.c: a trust anchor, a resource server and a client. */
extern const struct exchange anchor_exchanges[];
void anchor_new(void);
void anchor_end(void);

#endif

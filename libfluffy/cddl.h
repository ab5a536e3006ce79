/* cddl.h - what the printers of the schema share */
#ifndef FLUFFY_CDDL_H
#define FLUFFY_CDDL_H

#include "buffer.h"
#include "error.h"
#include "message.h"

#define PRINT_MAX ((size_t)1 << 20)
#define MAX_RULES 128

/* The structures: all messages, then what they are built of. */
struct rules {
	const struct schema *v[MAX_RULES];
	size_t n;
	bool full;	/* there are more than MAX_RULES */
};

/* Finds all structures, from the messages on. */
void rules_reach(struct rules *);
/* The structure's name in print; of a message its type. */
void rules_put_title(struct buffer *, const struct schema *);
/* The titles of the tables that a keydata's kty chooses from. */
void rules_put_choice(struct buffer *, const struct schema *,
    const char *between);
enum fluffy_error rules_finish(fluffy_ctx *, struct buffer *, fluffy_bytes *);

#endif

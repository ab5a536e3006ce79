/* dk.h - the verbs of fluffy-dk, and what they share */
#ifndef DK_H
#define DK_H

#include <inttypes.h>

#include "filter.h"
#include "program.h"

extern const struct command dk_provision, dk_join, dk_trust, dk_issue,
    dk_derive, dk_certify, dk_verify, dk_revoke, dk_accept, dk_window,
    dk_serve, dk_connect;

/* Reports why not. */
fluffy_store *dk_open(fluffy_ctx *, const char *path, unsigned flags);

/*
 * report_why, with the library's parameters called as on the command line; key
 * is the option that gave one, or "stdin".
 */
void dk_why(fluffy_ctx *, enum fluffy_error, const char *key);

/*
 * What a store had already, for who replaces it unknowingly.  A TA of NULL is
 * any.  Nothing, when there is no store.
 */
struct dk_before {
	const char *ta, *rs;
	bool known;	/* a key of that TA and RS; */
	bool trusted;	/* the RS's public key */
};

void dk_look(fluffy_ctx *, const char *store_path, struct dk_before *);

/* Where a document goes, and in which encoding. */
struct dk_output {
	const char *path, *encoding;
};

#define OPTION_DOCUMENT(where) \
	OPTION_OUTPUT(&(where)->path), OPTION_ENCODING(&(where)->encoding)

/*
 * Write the document to out and close it, then tell of it.  false: nobody has
 * got it; that's reported.
 */
bool dk_deliver(fluffy_ctx *, struct output *, const struct dk_output *,
    const fluffy_msg *, void (*tell)(const fluffy_dk_summary *));
/* The same with a document that is made with a trust anchor's store. */
void dk_write(fluffy_ctx *, const char *store_path, const struct dk_output *,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msg **),
    void (*tell)(const fluffy_dk_summary *));

/*
 * Each message on stdin, until take says false; it reports what becomes of the
 * message, also when that is refused.
 */
void dk_take(fluffy_ctx *, bool (*take)(fluffy_ctx *, const fluffy_msg *));

#define DK_KEY_MAX 16384u	/* bytes of a key, in any form */

/* What a file, or stdin, holds; may be a secret.  Starts as {0}. */
struct dk_file {
	uint8_t *data;
	size_t len, max;
};

/* Reads path, or stdin when that is NULL, up to max bytes; false: reported. */
bool dk_read(struct dk_file *, const char *path, size_t max);
/* Wipes it too. */
void dk_free(struct dk_file *);

#endif

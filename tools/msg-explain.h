/* msg-explain.h - what a store's party would make of a message, for people */
#ifndef MSG_EXPLAIN_H
#define MSG_EXPLAIN_H

#include "io.h"
#include "report.h"

/* In a word: "taken", "refused", "ignored", "hint"; and the exit status. */
const char *verdict_word(enum fluffy_error, enum fluffy_outcome_kind);
enum fluffy_status verdict_status(enum fluffy_error,
    enum fluffy_outcome_kind);

struct explained {
	const char *file;
	const char *operand;	/* the file, as errors name it; "" for stdin */
	size_t number;		/* of the message in it, from 1 */
	fluffy_msg *msg;	/* NULL: what was refused just before */
	const char *store;	/* its path, as it was given */
};

/*
 * Writes each check with its verdict, as text or as a JSON object on a line,
 * and reports a refusal.  false: there's no point in going on.
 */
bool explain_message(fluffy_ctx *, struct output *, fluffy_store *,
    const struct explained *, bool json);

#endif

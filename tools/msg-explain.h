/* msg-explain.h - what a store's party would make of a message, for people */
#ifndef MSG_EXPLAIN_H
#define MSG_EXPLAIN_H

#include "io.h"
#include "report.h"

/*
 * Writes each check with its verdict, as text or as a JSON object on a line,
 * and reports a refusal.  path is the store's, as it was given; msg NULL: what
 * was refused just before.  false: there's no point in going on.
 */
bool explain_message(fluffy_ctx *, struct output *, fluffy_store *,
    const char *path, fluffy_msg *msg, bool json);

#endif

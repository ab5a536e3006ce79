/* dk.h - what the steps of section 11 share */
#ifndef FLUFFY_DK_H
#define FLUFFY_DK_H

#include "exchange.h"

/* USAGE unless it is the store of a trust anchor, or of a node. */
FLUFFY_CHECKED enum fluffy_error dk_check_role(fluffy_store *, enum role);
/* The same of the store at path, in which change then runs.  Where there is
   none it is made for that party, once change has filled it. */
FLUFFY_CHECKED enum fluffy_error dk_change(fluffy_ctx *, const char *path,
    const struct party *, store_fn *change, void *arg);

/* dk_revoke.c: what becomes of a DK-REVOKE. */
FLUFFY_CHECKED enum fluffy_error dk_revoke_take(struct step *);
/* dk_join.c: the checks of a document that this node would join. */
FLUFFY_CHECKED enum fluffy_error dk_join_judge(struct step *);
/* dk_server.c: the checks of what a client's document would show to it. */
FLUFFY_CHECKED enum fluffy_error dk_shown_judge(struct step *);

/* TA: what it has for that RS; NOT_FOUND. */
FLUFFY_CHECKED enum fluffy_error dk_anchor_of(fluffy_store *, const char *rs,
    struct anchor *);
/* RS: neither taken nor revoked nor left of the window. */
FLUFFY_CHECKED enum fluffy_error dk_fresh(fluffy_store *,
    const struct anchor *, uint32_t number, bool *);

/* A document with ta and rs; NULL without memory. */
struct fluffy_msg *dk_document(enum fluffy_type, const struct anchor *);
/* As long as a key may be; the caller wipes it. */
struct symm dk_key(struct bytes);
/* A copy for the caller of the library. */
FLUFFY_CHECKED enum fluffy_error dk_give(fluffy_ctx *, struct bytes,
    fluffy_bytes *);

#endif

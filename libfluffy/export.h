/* export.h - what export.c leaves to export_pair.c */
#ifndef FLUFFY_EXPORT_H
#define FLUFFY_EXPORT_H

#include "context.h"
#include "message.h"

/* A pair or a public key; USAGE when it has no such form. */
FLUFFY_CHECKED enum fluffy_error export_pair(fluffy_ctx *,
    const struct keydata *, enum fluffy_export_as, struct buffer *);

#endif

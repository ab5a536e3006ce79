/* pkey_kind.h - what pkey.c, pkey_check.c and pkey_sign.c share */
#ifndef FLUFFY_PKEY_KIND_H
#define FLUFFY_PKEY_KIND_H

#include "alg.h"
#include "pkey.h"

/* NULL when there is none. */
const struct pair_alg *pkey_kind(const struct keydata *);

/* Records the code, or that OpenSSL found no memory. */
enum fluffy_error pkey_fail(fluffy_ctx *, enum fluffy_error code,
    const char *what);

#endif

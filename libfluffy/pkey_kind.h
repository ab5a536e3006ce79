/* pkey_kind.h - what pkey*.c, cert.c and spki*.c share */
#ifndef FLUFFY_PKEY_KIND_H
#define FLUFFY_PKEY_KIND_H

#include "alg.h"
#include "pkey.h"

/* NULL when there is none. */
const struct pair_alg *pkey_kind(const struct keydata *);

/* A keydata of one of the two choices (keydata_pair, keydata_public) without
   parameters, or NULL. */
struct keydata *pkey_new(struct arena *, const struct schema *choice,
    const struct pair_alg *, struct bytes keyid);
/* OpenSSL's key: all parameters that the keydata's table has. */
bool pkey_params(const EVP_PKEY *, const struct pair_alg *, struct arena *,
    struct pkey *);

/* Records the code, or that OpenSSL found no memory. */
enum fluffy_error pkey_fail(fluffy_ctx *, enum fluffy_error code,
    const char *what);

#endif

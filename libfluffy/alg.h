/* alg.h - the algorithms of section 3 and what they need */
#ifndef FLUFFY_ALG_H
#define FLUFFY_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Defaults of section 3. */
#define ALG_SECRET_DEFAULT  30	/* AES-CCM-16-128-128 */
#define ALG_SESSION_DEFAULT 10	/* AES-CCM-16-64-128 */

/* A content encryption. */
struct aead {
	int64_t alg;
	const char *evp;	/* OpenSSL's name */
	size_t key, iv, tag;	/* bytes */
	bool ccm;
};

/* The table, best known first; NULL when alg isn't a content encryption. */
#define N_AEADS 8
extern const struct aead aeads[N_AEADS];
const struct aead *aead_of(int64_t alg);

/* A key pair of section 5, with OpenSSL's names; NULL is none. */
struct pair_alg {
	int64_t kty, alg, crv;
	size_t size;		/* of a coordinate; RSA: 0 */
	const char *type, *group;
	const char *digest;	/* to sign with */
};

#define ALG_ECDH -25

/* The table; NULL when kty and alg aren't a pair. */
#define N_PAIR_ALGS 7
extern const struct pair_alg pair_algs[N_PAIR_ALGS];
const struct pair_alg *pair_alg_of(int64_t kty, int64_t alg);

#endif

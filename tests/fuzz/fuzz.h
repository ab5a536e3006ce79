/*
 * fuzz.h - what the fuzz targets share
 *
 * A target is reproducible: the clock stands still and the random generator
 * begins anew with each input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "context.h"
#include "message.h"
#include "symm.h"

#define FUZZ_NOW 1795000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Says what isn't so and aborts. */
#define CHECK(condition) \
	((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_fail(const char *what, const char *file, int line);
/* Aborts with the context's reason unless e is FLUFFY_OK. */
void must(enum fluffy_error e);

/* The process's context. */
fluffy_ctx *fuzz_ctx(void);
/* The random generator begins anew; seed isn't 0. */
void fuzz_begin(uint64_t seed);

/* The input from its front; zeros behind its end. */
struct feed {
	const uint8_t *p;
	size_t n;
};

uint8_t take(struct feed *);
uint32_t take_upto(struct feed *, uint32_t max);
struct bytes take_bytes(struct feed *, size_t n);
/* One byte tells the length. */
struct bytes take_string(struct feed *);
/* Two bytes tell the length. */
struct bytes take_long(struct feed *);
struct bytes take_rest(struct feed *);

/* keys.c: the key of an algorithm, as in tests/interop/fluffy_ref.py gen. */
struct symm fuzz_key(int64_t alg);

/*
 * The fixed pair of ES256, EdDSA or X25519 (kty OKP, alg -25), or its public
 * half; NULL when there is none.
 */
struct keydata *fuzz_pair(struct arena *, int64_t kty, int64_t alg,
    struct bytes keyid, bool public);

/* Owned by the caller: a copy of from with the input's changes in it. */
uint8_t *mutate(struct feed *, struct bytes from, size_t *n);

/* A refusal is explained: printable, with the code that was returned. */
void check_why(enum fluffy_error e);
/* A message can be shown, whatever of it was opened. */
void check_shown(const fluffy_msg *);
/*
 * A message that was accepted survives both encodings unchanged and can be
 * shown.
 */
void check_message(const fluffy_msg *);
/* The same of its CBOR alone, which takes less time. */
void check_written(const fluffy_msg *);
/* The message's deterministic CBOR; the caller frees it. */
fluffy_bytes cbor_of(const fluffy_msg *);

/*
 * The decoded message whose sealed member (label of the message, or of its
 * mticket) gets this plaintext, sealed under key with kid.  cksum is put
 * right when the plaintext has one.  The expected outcome of opening it.
 */
enum fluffy_error seal_plaintext(struct fluffy_msg *, void *container,
    int label, const struct symm *key, struct bytes kid,
    struct bytes plaintext);

#endif

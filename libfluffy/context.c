/* context.c - clock, randomness, fetched algorithms and the last error */
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "context.h"
#include "cose.h"
#include "tree.h"

static uint64_t
system_now(void *arg)
{
	(void)arg;
	return (uint64_t)time(NULL);
}

static int
system_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	return RAND_bytes(out, (int)n) == 1 ? 0 : -1;
}

fluffy_ctx *
fluffy_ctx_new(void)
{
	fluffy_ctx *ctx;

	/* neither openssl.cnf nor error texts: they'd double the start-up */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
	    OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL) != 1)
		return NULL;
	/* without memory OpenSSL goes on without its own: with null pointers */
	if (OSSL_LIB_CTX_get0_global_default() == NULL)
		return NULL;
	if ((ctx = calloc(1, sizeof(*ctx))) == NULL)
		return NULL;
	ctx->now = system_now;
	ctx->random = system_random;
	ctx->scratch = calloc(1, sizeof(*ctx->scratch));
	ctx->crypto = crypto_new();
	if (ctx->scratch == NULL || ctx->crypto == NULL)
		fluffy_ctx_free(&ctx);
	return ctx;
}

void
fluffy_ctx_free(fluffy_ctx **ctx)
{
	if (ctx == NULL || *ctx == NULL)
		return;
	if ((*ctx)->scratch != NULL)
		tree_free((*ctx)->scratch);
	free((*ctx)->scratch);
	crypto_free((*ctx)->crypto);
	free(*ctx);
	*ctx = NULL;
}

void
fluffy_ctx_set_clock(fluffy_ctx *ctx, uint64_t (*now)(void *), void *arg)
{
	ctx->now = now;
	ctx->now_arg = arg;
}

void
fluffy_ctx_set_random(fluffy_ctx *ctx,
    int (*random)(void *, uint8_t *, size_t), void *arg)
{
	ctx->random = random;
	ctx->random_arg = arg;
}

void
fluffy_ctx_set_checked(fluffy_ctx *ctx, void (*checked)(void *,
    enum fluffy_type, const char *, enum fluffy_error), void *arg)
{
	ctx->checked = checked;
	ctx->checked_arg = arg;
}

void
ctx_checked(const fluffy_ctx *ctx, int64_t type, const char *name,
    enum fluffy_error verdict)
{
	if (ctx->checked != NULL && name != NULL)
		ctx->checked(ctx->checked_arg, (enum fluffy_type)type, name,
		    verdict);
}

void
ctx_checked_all(const fluffy_ctx *ctx, int64_t type,
    const char *const *names, size_t n, size_t failed,
    enum fluffy_error verdict)
{
	size_t i;

	for (i = 0; i < n; i++)
		ctx_checked(ctx, type, names[i], i < failed ? FLUFFY_OK :
		    i == failed ? verdict : FLUFFY_END);
}

uint64_t
fluffy_now(const fluffy_ctx *ctx)
{
	return ctx->now(ctx->now_arg);
}

enum fluffy_error
ctx_random(fluffy_ctx *ctx, void *out, size_t n)
{
	if (ctx->random(ctx->random_arg, out, n) == 0)
		return FLUFFY_OK;
	OPENSSL_cleanse(out, n);
	return fluffy_fail(ctx, FLUFFY_E_SYSTEM, NULL,
	    "the random generator failed");
}

fluffy_reason
fluffy_why(const fluffy_ctx *ctx)
{
	return (fluffy_reason){ ctx->code, ctx->field, ctx->text };
}

const char *
fluffy_version(void)
{
	return PACKAGE_VERSION;
}

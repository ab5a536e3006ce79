/* dk-trust.c - trust anchor: a resource server's public key, from stdin */
#include "dk.h"

static const char *store_path;

static void
trust(fluffy_ctx *ctx, const struct dk_file *key, const char *rs)
{
	struct dk_before before = { .rs = rs };
	fluffy_store *store;
	enum fluffy_error error;

	dk_look(ctx, store_path, &before);
	store = dk_open(ctx, store_path, 0);
	if (store == NULL)
		return;
	error = fluffy_dk_trust(store, rs, key->data, key->len);
	if (error != FLUFFY_OK)
		dk_why(ctx, error, "stdin");
	else
		report_say("the public key of %s is known%s", rs,
		    before.trusted ? ", in place of the one before" : "");
	fluffy_store_close(&store);
}

/* The key comes first: in a pipeline the store may be made only now. */
static void
run(fluffy_ctx *ctx, char **operands)
{
	struct dk_file key = { 0 };

	if (dk_read(&key, NULL, DK_KEY_MAX))
		trust(ctx, &key, operands[0]);
	dk_free(&key);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ NULL }
};

const struct command dk_trust = {
	"trust", "RS [-]",
	"TA: take the public key of RS from stdin.",
	options, run
};

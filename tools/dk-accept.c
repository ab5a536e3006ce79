/* dk-accept.c - resource server: DK-REVOKE from stdin */
#include "dk.h"

static const char *store_path;
static fluffy_store *store;

static void
accept(fluffy_ctx *ctx, const fluffy_msg *msg)
{
	fluffy_dk_summary s;
	enum fluffy_error error = fluffy_dk_accept(store, msg);

	if (error == FLUFFY_OK)
		error = fluffy_dk_summarize(ctx, msg, &s);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		report_say("number %" PRIu32 " by %s is revoked", s.number,
		    s.ta);
}

/* Not before there is a message: in a pipeline the store may be made only now. */
static bool
take(fluffy_ctx *ctx, const fluffy_msg *msg)
{
	if (store == NULL)
		store = dk_open(ctx, store_path, 0);
	if (store != NULL)
		accept(ctx, msg);
	return store != NULL;
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	(void)operands;
	dk_take(ctx, take);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ NULL }
};

const struct command dk_accept = {
	"accept", "[-]",
	"RS: take DK-REVOKE from stdin.",
	options, run
};

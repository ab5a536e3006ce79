/* gsk-accept.c - the SKDC's answers: GSK-REP, GSK-DLVR and GSK-DELC */
#include "gsk.h"

static const char *store_path, *encoding;

static enum fluffy_error
take(fluffy_store *store, fluffy_msg *in, fluffy_msg **answer,
    fluffy_outcome *outcome)
{
	*answer = NULL;
	return fluffy_gsk_accept(store, in, outcome);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static const struct device_step step = { take, NULL };

	(void)operands;
	device_take(ctx, store_path, encoding, &step);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command gsk_accept = {
	"accept", "[-]",
	"Take GSK-REP, GSK-DLVR and GSK-DELC from stdin: store or erase a key.",
	options, run
};

/* pkp-accept.c - PKP-REP brings a pair; PSK-ESTB takes its half further */
#include "pkp.h"

static const char *store_path, *encoding;
static fluffy_extras extras;
static struct option_number seqnum;

static enum fluffy_error
take(fluffy_store *store, fluffy_msg *in, fluffy_msg **answer,
    fluffy_outcome *outcome)
{
	return fluffy_pkp_accept(store, in, &extras, answer, outcome);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static const struct device_step step = { take, NULL };

	(void)operands;
	extras_seqnum(&extras, &seqnum);
	device_take(ctx, store_path, encoding, &step);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_SEQNUM(&seqnum),
	OPTION_EXT(&extras.ext),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command pkp_accept = {
	"accept", "[-]",
	"Take PKP-REP from stdin: store the pair, write PSK-ESTB if asked for.",
	options, run
};

/* dk-revoke.c - trust anchor: a number is good no longer, as DK-REVOKE */
#include "dk.h"

static const char *store_path, *rs;
static uint64_t number;
static struct dk_output how;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_dk_revoke(store, rs, (uint32_t)number, msg);
}

static void
tell(const fluffy_dk_summary *s)
{
	report_say("revoked number %" PRIu32 " for %s", s->number,
	    s->rs);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	rs = operands[0];
	if (number_read(operands[1], 1, UINT32_MAX, &number))
		dk_write(ctx, store_path, &how, make, tell);
	else
		report_error(FLUFFY_E_USAGE, "SEQ",
		    "\"%s\" isn't a number from 1 to 4294967295", operands[1]);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_DOCUMENT(&how),
	{ NULL }
};

const struct command dk_revoke = {
	"revoke", "RS SEQ",
	"TA: revoke the number SEQ for RS: writes DK-REVOKE.",
	options, run
};

/* dk-issue.c - trust anchor: a derived key for a client, as DK-CRED */
#include "dk.h"

static const char *store_path, *rs, *client;
static struct dk_output how;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_dk_issue(store, rs, client, msg);
}

static void
tell(const fluffy_dk_summary *s)
{
	report_say("issued number %" PRIu32 " for %s to %s", s->number,
	    s->rs, s->client);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	rs = operands[0];
	client = operands[1];
	dk_write(ctx, store_path, &how, make, tell);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_DOCUMENT(&how),
	{ NULL }
};

const struct command dk_issue = {
	"issue", "RS CLIENT",
	"TA: derive a key for CLIENT to use with RS: writes DK-CRED.",
	options, run
};

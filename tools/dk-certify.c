/* dk-certify.c - trust anchor: a client's public key from stdin, as DK-CERT */
#include "dk.h"

static const char *store_path, *rs, *client;
static struct dk_output how;
static struct dk_file key;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_dk_certify(store, rs, client, key.data, key.len, msg);
}

static void
tell(const fluffy_dk_summary *s)
{
	report_say("certified number %" PRIu32 " for %s to %s",
	    s->number, s->rs, s->client);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	rs = operands[0];
	client = operands[1];
	if (dk_read(&key, NULL, DK_KEY_MAX))
		dk_write(ctx, store_path, &how, make, tell);
	dk_free(&key);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_DOCUMENT(&how),
	{ NULL }
};

const struct command dk_certify = {
	"certify", "RS CLIENT [-]",
	"TA: authorize the public key of CLIENT, on stdin: writes DK-CERT.",
	options, run
};

/* del-request.c - SKDC side: PSK-DELTs for a key that the operator deletes */
#include "del.h"

static const char *store_path, *encoding;
static struct keyid keyid;

static enum fluffy_error
make(fluffy_store *store, fluffy_msgs *msgs)
{
	return fluffy_del_request(store, keyid.id, keyid.len, msgs);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	if (keyid_take(ctx, "KEYID", operands[0], &keyid))
		del_write(ctx, store_path, encoding, make);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command del_request = {
	"request", "KEYID",
	"Delete a key wherever it was given: writes PSK-DELTs.",
	options, run
};

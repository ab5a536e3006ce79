/* del-accept.c - device side: PSK-DELT erases a key, PSK-DELC says so */
#include "del.h"
#include "device.h"

static const char *store_path, *encoding;

static void
run(fluffy_ctx *ctx, char **operands)
{
	static const struct device_step step = { fluffy_del_accept, NULL };

	(void)operands;
	device_take(ctx, store_path, encoding, &step);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command del_accept = {
	"accept", "[-]",
	"Take PSK-DELT from stdin: erase the key, then write PSK-DELC.",
	options, run
};

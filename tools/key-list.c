/* key-list.c - what a store has: identity, devices, keys; no key's value */
#include "key.h"
#include "listing.h"

static const char *store_path;
static bool json;

static void
run(fluffy_ctx *ctx, char **operands)
{
	(void)operands;
	listing_write(ctx, store_path, fluffy_list, json);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "json", 0, NULL, "write a JSON array", .flag = &json },
	{ NULL }
};

const struct command key_list = {
	"list", "", "List identity, devices and keys; never a key's value.",
	options, run
};

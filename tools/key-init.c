/* key-init.c - a new SKDC's store */
#include "key.h"

static const char *store_path, *realm;

static void
run(fluffy_ctx *ctx, char **operands)
{
	fluffy_store *store;
	enum fluffy_error error;

	error = fluffy_store_init(ctx, store_path, realm, operands[0], &store);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		report_say("%s is the store of %s, SKDC of realm %s",
		    store_path, operands[0], realm);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "realm", 0, "REALM", "the realm that the SKDC serves",
	  .needed = true, .text = &realm },
	{ NULL }
};

const struct command key_init = {
	"init", "NAME", "Make the store of a new SKDC called NAME.",
	options, run
};

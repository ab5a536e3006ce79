/* key-remove.c - remove a device, or a key; erased when this returns */
#include "key.h"

static const char *store_path;

/* A device's name comes first, should it look like a keyid. */
static void
erase(fluffy_ctx *ctx, fluffy_store *store, const char *what)
{
	uint8_t id[32];
	size_t len;
	enum fluffy_error error = fluffy_remove_device(store, what);

	if (error == FLUFFY_E_NOT_FOUND &&
	    fluffy_keyid_parse(ctx, what, id, sizeof id, &len) == FLUFFY_OK)
		error = fluffy_remove_key(store, id, len);
	if (error == FLUFFY_E_NOT_FOUND)
		report_error(error, what, "neither a device nor a key here");
	else if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		report_say("removed %s", what);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	fluffy_store *store = store_open(ctx, store_path, 0);

	if (store != NULL)
		erase(ctx, store, operands[0]);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ NULL }
};

const struct command key_remove = {
	"remove", "NAME|KEYID", "Remove a device, or a key, and erase it.",
	options, run
};

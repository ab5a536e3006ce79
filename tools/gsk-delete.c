/* gsk-delete.c - the owner has its group deleted: a GSK-DELT on stdout */
#include "gsk.h"

static const char *store_path, *encoding, *group, *realm;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_gsk_delete(store, group, realm, msg);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	group = operands[0];
	device_ask(ctx, store_path, encoding, make);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_GROUP_REALM(&realm),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command gsk_delete = {
	"delete", "GROUP",
	"Ask to delete GROUP and its keys, by its owner: writes a GSK-DELT.",
	options, run
};

/* gsk-fetch.c - a member asks for a group's key: a GSK-FET on stdout */
#include "gsk.h"

static const char *store_path, *encoding, *keyid_text;
static fluffy_fetch_params params;
static struct option_number seqnum;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_gsk_fetch(store, &params, msg);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	struct keyid keyid;

	if (keyid_text != NULL) {
		if (!keyid_take(ctx, "--keyid", keyid_text, &keyid))
			return;
		params.keyid = keyid.id;
		params.keyid_len = keyid.len;
	}
	params.group = operands[0];
	extras_seqnum(&params.extras, &seqnum);
	device_ask(ctx, store_path, encoding, make);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_GROUP_REALM(&params.realm),
	{ "keyid", 0, "KEYID", "that older key, not the current one",
	  .text = &keyid_text },
	OPTION_EXTRAS(&params.extras, &seqnum),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command gsk_fetch = {
	"fetch", "GROUP", "Ask the SKDC for GROUP's key: writes a GSK-FET.",
	options, run
};

/* del-pending.c - SKDC side: deletions that a device hasn't confirmed */
#include <string.h>

#include "del.h"
#include "listing.h"

static const char *store_path, *encoding;
static bool resend;

static void
run(fluffy_ctx *ctx, char **operands)
{
	bool cbor = encoding != NULL && strcmp(encoding, "cbor") == 0;

	(void)operands;
	if (resend)
		del_write(ctx, store_path, encoding, fluffy_del_resend);
	else if (cbor)
		OPTIONS_WRONG("--cbor", "only together with --resend");
	else
		listing_write(ctx, store_path, fluffy_list_deletions,
		    encoding != NULL);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "resend", 0, NULL, "write their PSK-DELTs again, freshly sealed",
	  .flag = &resend },
	{ "json", 0, NULL, "write the list, or PSK-DELTs, as JSON",
	  .text = &encoding },
	{ "cbor", 0, NULL, "write PSK-DELTs as CBOR", .text = &encoding },
	{ NULL }
};

const struct command del_pending = {
	"pending", "", "List the deletions that aren't confirmed yet.",
	options, run
};

/* dk-derive.c - resource server: what it makes of a nonce, changing nothing */
#include <string.h>

#include "dk.h"

static const char *store_path;
static bool show_keys;

static void
show(const uint8_t *key, size_t len)
{
	static struct output out;
	char text[2 * 32 + 2];

	hex_text(key, len, text);
	strcat(text, "\n");
	if (output_open(&out, NULL))
		output_put(&out, text, strlen(text));
	output_close(&out);
	explicit_bzero(text, sizeof text);
}

static void
derive(fluffy_ctx *ctx, fluffy_store *store, const char *nonce)
{
	fluffy_dk_claim claim;
	uint8_t key[32];
	size_t len;
	enum fluffy_error error;

	error = fluffy_dk_derive(store, nonce, strlen(nonce), &claim, key,
	    &len);
	if (error != FLUFFY_OK) {
		dk_why(ctx, error, "");
		return;
	}
	if (show_keys)
		show(key, len);
	explicit_bzero(key, sizeof key);
	if (report_status() == FLUFFY_DONE)
		report_say("fresh: number %" PRIu32 " for client %s by %s",
		    claim.number, claim.client, claim.ta);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	fluffy_store *store = dk_open(ctx, store_path, FLUFFY_READ_ONLY);

	if (store != NULL)
		derive(ctx, store, operands[0]);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "show-keys", 0, NULL, "write the derived key, in hex",
	  .flag = &show_keys },
	{ NULL }
};

const struct command dk_derive = {
	"derive", "NONCE",
	"RS: judge NONCE and derive its key; nothing changes.",
	options, run
};

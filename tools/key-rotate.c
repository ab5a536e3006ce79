/* key-rotate.c - SKDC side: a new secret key for an enrolled device */
#include "key.h"

#define DAY 86400u	/* for how long the old key lasts (section 9) */

static const char *store_path, *until_text, *encoding, *output_path;
static bool now;

static void
rotate(fluffy_ctx *ctx, fluffy_store *store, struct output *out,
    const char *name, uint64_t until)
{
	fluffy_msg *msg;
	enum fluffy_error error;

	error = fluffy_rotate(store, name, until, &msg);
	if (error != FLUFFY_OK) {
		report_why(ctx, error);
		output_close(out);
	} else if (key_deliver(ctx, out, msg, encoding))
		report_say("rotated the key of %s", name);
	else
		report_error(FLUFFY_E_SYSTEM, "",
		    "the new key of %s didn't arrive: rotate it again", name);
	fluffy_msg_free(&msg);
}

static bool
find_until(fluffy_ctx *ctx, uint64_t *until)
{
	*until = now ? 0 : fluffy_now(ctx) + DAY;
	if (now && until_text != NULL)
		report_error(FLUFFY_E_USAGE, "--now", "not with --until");
	else if (until_text != NULL &&
	    fluffy_time_parse(ctx, until_text, until) != FLUFFY_OK)
		report_error(FLUFFY_E_USAGE, "--until", "%s",
		    fluffy_why(ctx).text);
	else if (until_text != NULL && *until <= fluffy_now(ctx))
		report_error(FLUFFY_E_USAGE, "--until", "that time has "
		    "passed; --now ends the old key at once");
	return report_status() == FLUFFY_DONE;
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	fluffy_store *store;
	uint64_t until;

	if (!find_until(ctx, &until))
		return;
	store = store_open(ctx, store_path, 0);
	if (store != NULL && output_open(&out, output_path))
		rotate(ctx, store, &out, operands[0], until);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "until", 0, "TIME", "when the old key ends; a day ahead by default",
	  .text = &until_text },
	{ "now", 0, NULL, "the old key ends at once", .flag = &now },
	OPTION_OUTPUT(&output_path),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command key_rotate = {
	"rotate", "NAME",
	"Give the device NAME a new key: writes an ENROL document.",
	options, run
};

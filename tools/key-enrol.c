/* key-enrol.c - SKDC side: a new device, and the document that tells it so */
#include "key.h"

static const char *store_path, *alg, *encoding, *output_path;

/*
 * A device whose key nobody has would only stand in the way of the next
 * attempt.
 */
static void
undo(fluffy_ctx *ctx, fluffy_store *store, const char *name)
{
	enum fluffy_error error = fluffy_remove_device(store, name);

	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		report_say("%s isn't enrolled: its key didn't arrive", name);
}

static void
enrol(fluffy_ctx *ctx, fluffy_store *store, struct output *out,
    const char *name)
{
	fluffy_msg *msg;
	enum fluffy_error error;

	error = fluffy_enrol(store, name, alg, &msg);
	if (error != FLUFFY_OK) {
		report_why(ctx, error);
		output_close(out);
	} else if (key_deliver(ctx, out, msg, encoding))
		report_say("enrolled %s", name);
	else
		undo(ctx, store, name);
	fluffy_msg_free(&msg);
}

/* The file comes first: it's the likelier one to be refused. */
static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	fluffy_store *store = store_open(ctx, store_path, 0);

	if (store != NULL && output_open(&out, output_path))
		enrol(ctx, store, &out, operands[0]);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "alg", 0, "ALG", "the algorithm of its secret key", .text = &alg },
	OPTION_OUTPUT(&output_path),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command key_enrol = {
	"enrol", "NAME", "Enrol the device NAME: writes its ENROL document.",
	options, run
};

/* key-join.c - device side: ENROL from stdin makes a store, or rotates a key */
#include <unistd.h>

#include "key.h"

static const char *store_path, *encoding;

struct joined {
	bool rotated;
};

/* The first entry is the party itself. */
static int
tell_party(void *arg, const fluffy_entry *entry)
{
	const struct joined *joined = arg;

	if (joined->rotated)
		report_say("%s of realm %s has a new key", entry->name,
		    entry->realm);
	else
		report_say("joined %s as %s (SKDC %s)", entry->realm,
		    entry->name, entry->skdcname);
	return 1;
}

static void
tell(fluffy_ctx *ctx, struct joined *joined)
{
	fluffy_store *store = store_open(ctx, store_path, FLUFFY_READ_ONLY);
	enum fluffy_error error;

	if (store == NULL)
		return;
	error = fluffy_list(store, tell_party, joined);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	fluffy_store_close(&store);
}

static void
join(fluffy_ctx *ctx, struct output *out, const fluffy_msg *msg)
{
	struct joined joined = { .rotated = access(store_path, F_OK) == 0 };
	enum fluffy_error error;

	if (pass_error(ctx, out, msg, "not authenticated",
	    format_chosen(encoding, fluffy_msg_format(msg))))
		return;
	error = fluffy_join(ctx, store_path, msg);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		tell(ctx, &joined);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	struct input in;
	fluffy_msg *msg;
	enum fluffy_error error;

	(void)operands;
	output_open(&out, NULL);
	if (input_open(&in, ctx, 0, "stdin")) {
		while ((error = input_next(&in, &msg)) != FLUFFY_END) {
			if (error != FLUFFY_OK)
				report_why(ctx, error);
			else
				join(ctx, &out, msg);
			fluffy_msg_free(&msg);
		}
	}
	input_close(&in);
	output_close(&out);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command key_join = {
	"join", "[-]",
	"Take ENROL from stdin: make a store, or rotate its key.",
	options, run
};

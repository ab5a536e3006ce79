/* fluffy-del.c - keys are deleted before they end; a file for every verb */
#include "del.h"

static void
write_made(fluffy_ctx *ctx, fluffy_store *store, const char *encoding,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msgs *))
{
	static struct output out;
	fluffy_msgs msgs;
	enum fluffy_error error;

	error = make(store, &msgs);
	if (error != FLUFFY_OK) {
		report_why(ctx, error);
		return;
	}
	output_open(&out, NULL);
	if (msgs.n == 0)
		report_say("no PSK-DELT to write: nothing is pending");
	else if (emit_all(ctx, &out, &msgs, format_made(encoding, &out)))
		report_say("wrote %zu PSK-DELT%s", msgs.n,
		    msgs.n > 1 ? "s" : "");
	output_close(&out);
	fluffy_msgs_free(&msgs);
}

void
del_write(fluffy_ctx *ctx, const char *store_path, const char *encoding,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msgs *))
{
	fluffy_store *store = store_open(ctx, store_path, 0);

	if (store != NULL)
		write_made(ctx, store, encoding, make);
	fluffy_store_close(&store);
}

static const struct command *const verbs[] = {
	&del_request, &del_pending, &del_accept, NULL
};

int
main(int argc, char **argv)
{
	return program_verbs("fluffy-del", verbs, argc, argv);
}

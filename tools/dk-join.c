/* dk-join.c - resource server and client: DK-PROV, DK-CRED, DK-CERT from stdin */
#include <string.h>

#include "dk.h"

static const char *store_path, *key_path;
static struct option_number window;
static fluffy_dk_join_params params;
static struct output out;
static struct dk_before before;	/* the document that is taken */

/* Ends the listing at the resource server that the document is about. */
static int
find_window(void *arg, const fluffy_dk_entry *e)
{
	const fluffy_dk_summary *s = arg;

	if (e->window == 0 || strcmp(e->ta, s->ta) != 0 ||
	    strcmp(e->rs, s->rs) != 0)
		return 0;
	report_say("joined %s as %s (window %u)%s", e->ta, e->rs, e->window,
	    before.known ? ", in place of the key before" : "");
	return 1;
}

static enum fluffy_error
tell_server(fluffy_ctx *ctx, fluffy_dk_summary *s)
{
	fluffy_store *store;
	enum fluffy_error error;

	error = fluffy_dk_open(ctx, store_path, FLUFFY_READ_ONLY, &store);
	if (error == FLUFFY_OK)
		error = fluffy_dk_list(store, find_window, s);
	fluffy_store_close(&store);
	return error;
}

static void
tell(fluffy_ctx *ctx, const fluffy_msg *msg, fluffy_dk_summary *s)
{
	enum fluffy_error error = FLUFFY_OK;

	if (fluffy_msg_type(msg) == FLUFFY_DK_PROV)
		error = tell_server(ctx, s);
	else
		report_say("received number %" PRIu32 " for %s",
		    s->number, s->rs);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
}

static bool
join(fluffy_ctx *ctx, const fluffy_msg *msg)
{
	fluffy_bytes public_key = { NULL, 0 };
	fluffy_dk_summary s;
	enum fluffy_error error = fluffy_dk_summarize(ctx, msg, &s);

	before = (struct dk_before){ .ta = s.ta, .rs = s.rs };
	if (error == FLUFFY_OK)
		dk_look(ctx, store_path, &before);
	/* it judges what can't be summarized, too */
	error = fluffy_dk_join(ctx, store_path, msg, &params, &public_key);
	if (error != FLUFFY_OK)
		dk_why(ctx, error, "--key");
	else if (output_put(&out, public_key.data, public_key.len) &&
	    output_flush(&out))
		tell(ctx, msg, &s);
	else
		report_error(FLUFFY_E_SYSTEM, "",
		    "the public key didn't arrive: provision it again");
	fluffy_bytes_free(&public_key);
	return !out.failed;
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	struct dk_file key = { 0 };

	(void)operands;
	params.window = (unsigned)window.value;
	if (key_path == NULL || dk_read(&key, key_path, DK_KEY_MAX)) {
		params.key = key.data;
		params.key_len = key.len;
		output_open(&out, NULL);
		dk_take(ctx, join);
		output_close(&out);
	}
	dk_free(&key);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "window", 0, "N", "how many numbers a resource server looks back (64)",
	  .number = &window, .min = FLUFFY_DK_WINDOW_MIN,
	  .max = FLUFFY_DK_WINDOW_MAX },
	{ "key", 0, "FILE", "its own private key (EC; PEM or DER)",
	  .file = true, .text = &key_path },
	{ NULL }
};

const struct command dk_join = {
	"join", "[-]",
	"RS, client: take DK-PROV, DK-CRED and DK-CERT from stdin.",
	options, run
};

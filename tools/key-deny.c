/* key-deny.c - deny and allow: who may ask for whom */
#include "key.h"

static const char *store_path;

static void
rule(fluffy_ctx *ctx, char **operands, const char *words,
    enum fluffy_error (*change)(fluffy_store *, const char *, const char *))
{
	fluffy_store *store = store_open(ctx, store_path, 0);
	enum fluffy_error error;

	if (store == NULL)
		return;
	error = change(store, operands[0], operands[1]);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		report_say("%s %s ask for %s", operands[0], words, operands[1]);
	fluffy_store_close(&store);
}

static void
deny(fluffy_ctx *ctx, char **operands)
{
	rule(ctx, operands, "may not", fluffy_deny);
}

static void
allow(fluffy_ctx *ctx, char **operands)
{
	rule(ctx, operands, "may", fluffy_allow);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ NULL }
};

const struct command key_deny = {
	"deny", "CLIENT SERVICE", "CLIENT may not ask for SERVICE; '*': any.",
	options, deny
};

const struct command key_allow = {
	"allow", "CLIENT SERVICE", "Take back a rule that \"deny\" made.",
	options, allow
};

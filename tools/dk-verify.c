/* dk-verify.c - resource server: the checks of a MacCert, changing nothing */
#include <string.h>

#include "dk.h"

static const char *store_path;

/* The memo's section 3.3, in its order. */
static struct check {
	const char *name;
	const char *verdict;	/* NULL: not reached */
} checks[] = {
	{ "trust-anchor", NULL },
	{ "sequence-number", NULL },
	{ "public-key", NULL },
	{ "mac", NULL },
};

#define CHECKS (sizeof checks / sizeof checks[0])

static void
note_check(void *arg, enum fluffy_type type, const char *name,
    enum fluffy_error verdict)
{
	(void)arg;
	report_tell("%s: %s: %s", fluffy_type_name(type), name,
	    fluffy_error_name(verdict));
	for (size_t i = 0; i < CHECKS; i++) {
		if (strcmp(checks[i].name, name) == 0)
			checks[i].verdict = fluffy_error_name(verdict);
	}
}

static void
print_checks(void)
{
	static struct output out;
	char line[80];

	if (output_open(&out, NULL)) {
		for (size_t i = 0; i < CHECKS; i++) {
			snprintf(line, sizeof line, "%s: %s\n", checks[i].name,
			    checks[i].verdict != NULL ? checks[i].verdict :
			    "-");
			output_put(&out, line, strlen(line));
		}
	}
	output_close(&out);
}

static void
verify(fluffy_ctx *ctx, fluffy_store *store, const void *maccert, size_t len)
{
	fluffy_dk_claim claim;
	fluffy_bytes public_key;
	enum fluffy_error error;

	fluffy_ctx_set_checked(ctx, note_check, NULL);
	error = fluffy_dk_verify(store, maccert, len, &claim, &public_key);
	/* Of what isn't even a MacCert there is nothing to be said. */
	if (checks[0].verdict != NULL)
		print_checks();
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else if (report_status() == FLUFFY_DONE)
		report_say("valid: number %" PRIu32 " by %s",
		    claim.number, claim.ta);
	fluffy_bytes_free(&public_key);
}

static void
verify_cert(fluffy_ctx *ctx, fluffy_store *store, const struct dk_file *file)
{
	fluffy_msg *msg;
	fluffy_bytes maccert = { NULL, 0 };
	enum fluffy_error error;

	error = fluffy_msg_read(ctx, file->data, file->len, &msg);
	if (error == FLUFFY_OK)
		error = fluffy_dk_maccert(store, msg, &maccert);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		verify(ctx, store, maccert.data, maccert.len);
	fluffy_bytes_free(&maccert);
	fluffy_msg_free(&msg);
}

/* A MacCert begins with three bytes of a length that is below 65536. */
static void
run(fluffy_ctx *ctx, char **operands)
{
	fluffy_store *store = NULL;
	struct dk_file file = { 0 };

	(void)operands;
	if (dk_read(&file, NULL, FLUFFY_MAX_RECEIVED))
		store = dk_open(ctx, store_path, FLUFFY_READ_ONLY);
	if (store != NULL && file.len > 0 && file.data[0] == 0)
		verify(ctx, store, file.data, file.len);
	else if (store != NULL)
		verify_cert(ctx, store, &file);
	fluffy_store_close(&store);
	dk_free(&file);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ NULL }
};

const struct command dk_verify = {
	"verify", "[-]",
	"RS: check the DK-CERT, or MacCert, on stdin; nothing changes.",
	options, run
};

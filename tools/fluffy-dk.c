/* fluffy-dk.c - DerivedKey and AuthorizedPublicKey; a file for every verb */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dk.h"

fluffy_store *
dk_open(fluffy_ctx *ctx, const char *path, unsigned flags)
{
	fluffy_store *store;
	enum fluffy_error error = fluffy_dk_open(ctx, path, flags, &store);

	if (error != FLUFFY_OK)
		report_why(ctx, error);
	return store;
}

void
dk_why(fluffy_ctx *ctx, enum fluffy_error error, const char *key)
{
	const struct word {
		const char *field, *word;
	} words[] = {
		{ "rs", "RS" }, { "client", "CLIENT" }, { "number", "SEQ" },
		{ "psk-identity", "NONCE" }, { "ta", "--ta" },
		{ "bits", "--bits" }, { "window", "--window" },
		{ "key", key },
	};
	fluffy_reason why = fluffy_why(ctx);

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (why.code == error && strcmp(why.field, words[i].field) == 0) {
			report_error(error, words[i].word, "%s", why.text);
			return;
		}
	}
	report_why(ctx, error);
}

static int
look_at(void *arg, const fluffy_dk_entry *e)
{
	struct dk_before *before = arg;

	if (strcmp(e->role, "client") == 0 || strcmp(e->rs, before->rs) != 0 ||
	    (before->ta != NULL && strcmp(e->ta, before->ta) != 0))
		return 0;
	before->known = true;
	before->trusted = e->trusted;
	return 1;
}

void
dk_look(fluffy_ctx *ctx, const char *store_path, struct dk_before *before)
{
	fluffy_store *store;
	enum fluffy_error error;

	error = fluffy_dk_open(ctx, store_path, FLUFFY_READ_ONLY, &store);
	if (error == FLUFFY_OK)
		error = fluffy_dk_list(store, look_at, before);
	/* What is wrong with the store, the step itself will tell. */
	if (error != FLUFFY_OK)
		before->known = before->trusted = false;
	fluffy_store_close(&store);
}

/* ---- documents ----------------------------------------------------------- */

bool
dk_deliver(fluffy_ctx *ctx, struct output *out, const struct dk_output *how,
    const fluffy_msg *msg, void (*tell)(const fluffy_dk_summary *))
{
	bool ok = emit(ctx, out, msg, format_made(how->encoding, out));
	fluffy_dk_summary summary;
	enum fluffy_error error;

	if (!output_close(out) || !ok)
		return false;
	error = fluffy_dk_summarize(ctx, msg, &summary);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		tell(&summary);
	return true;
}

/* The file comes first: a number that nobody gets is lost. */
void
dk_write(fluffy_ctx *ctx, const char *store_path, const struct dk_output *how,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msg **),
    void (*tell)(const fluffy_dk_summary *))
{
	static struct output out;
	fluffy_store *store = dk_open(ctx, store_path, 0);
	fluffy_msg *msg = NULL;
	enum fluffy_error error;

	if (store != NULL && output_open(&out, how->path)) {
		error = make(store, &msg);
		if (error != FLUFFY_OK) {
			dk_why(ctx, error, "stdin");
			output_close(&out);
		} else
			dk_deliver(ctx, &out, how, msg, tell);
	}
	fluffy_msg_free(&msg);
	fluffy_store_close(&store);
}

void
dk_take(fluffy_ctx *ctx, bool (*take)(fluffy_ctx *, const fluffy_msg *))
{
	struct input in;
	fluffy_msg *msg;
	enum fluffy_error error;
	bool more = input_open(&in, ctx, STDIN_FILENO, "stdin");

	while (more && (error = input_next(&in, &msg)) != FLUFFY_END) {
		if (error != FLUFFY_OK)
			report_why(ctx, error);
		else
			more = take(ctx, msg);
		fluffy_msg_free(&msg);
	}
	input_close(&in);
}

/* ---- files --------------------------------------------------------------- */

/* There is room for one byte too many, which tells that there is more. */
static bool
read_all(struct dk_file *file, int fd, const char *name)
{
	ssize_t n;

	do {
		n = io_read(fd, file->data + file->len,
		    file->max + 1 - file->len);
		if (n < 0) {
			report_errno(name);
			return false;
		}
		file->len += (size_t)n;
	} while (n > 0 && file->len <= file->max);
	if (file->len > file->max)
		report_error(FLUFFY_E_MALFORMED, name, "more than %zu bytes",
		    file->max);
	return file->len <= file->max;
}

bool
dk_read(struct dk_file *file, const char *path, size_t max)
{
	int fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	bool ok = false;

	file->len = 0;
	file->max = max;
	file->data = fd >= 0 ? malloc(max + 1) : NULL;
	if (file->data == NULL)
		report_errno(path != NULL ? path : "stdin");
	else
		ok = read_all(file, fd, path != NULL ? path : "stdin");
	if (path != NULL && fd >= 0)
		close(fd);
	return ok;
}

void
dk_free(struct dk_file *file)
{
	if (file->data != NULL)
		explicit_bzero(file->data, file->len);
	free(file->data);
	file->data = NULL;
}

static const struct command *const verbs[] = {
	&dk_provision, &dk_join, &dk_trust, &dk_issue, &dk_derive, &dk_certify,
	&dk_verify, &dk_revoke, &dk_accept, &dk_window, &dk_serve,
	&dk_connect, NULL
};

int
main(int argc, char **argv)
{
	return program_verbs("fluffy-dk", verbs, argc, argv);
}

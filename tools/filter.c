/* filter.c - what programs that read or write messages have in common */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

/* As many bytes as a pipe holds: what is at hand is read at once. */
static uint8_t portion[65536];

static ssize_t
read_plain(struct input *in, void *buf, size_t len)
{
	ssize_t n = io_read(in->fd, buf, len);

	if (n < 0)
		report_errno(in->name);
	return n;
}

bool
input_open(struct input *in, fluffy_ctx *ctx, int fd, const char *name)
{
	*in = (struct input){ .name = name, .read = read_plain, .fd = fd,
		.ctx = ctx };
	in->reader = fluffy_reader_new(ctx);
	if (in->reader == NULL)
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
	return in->reader != NULL;
}

void
input_close(struct input *in)
{
	if (in->over && !in->any && !in->failed)
		report_error(FLUFFY_E_MALFORMED, in->name, "no message");
	fluffy_reader_free(&in->reader);
	explicit_bzero(portion, sizeof portion);
}

static void
give_up(struct input *in)
{
	in->failed = in->over = true;
}

bool
input_fill(struct input *in)
{
	ssize_t n;
	enum fluffy_error error;

	if (in->over)
		return false;
	n = in->read(in, portion, sizeof portion);
	if (n < 0) {
		give_up(in);
		return false;
	}
	if (n == 0) {
		in->over = true;
		fluffy_reader_finish(in->reader);
		return true;
	}
	error = fluffy_reader_push(in->reader, portion, (size_t)n);
	if (error != FLUFFY_OK) {
		report_why(in->ctx, error);
		give_up(in);
	}
	return error == FLUFFY_OK;
}

enum fluffy_error
input_at_hand(struct input *in, fluffy_msg **msg)
{
	enum fluffy_error error = fluffy_reader_next(in->reader, msg);

	if (error == FLUFFY_END)
		in->over = true;
	if (error >= FLUFFY_MORE)
		return error;
	in->any = true;
	/* Not the message is at fault: nobody is to be told that it is. */
	if (fluffy_error_status(error) == FLUFFY_BROKEN) {
		report_why(in->ctx, error);
		give_up(in);
		return FLUFFY_END;
	}
	return error;
}

enum fluffy_error
input_next(struct input *in, fluffy_msg **msg)
{
	enum fluffy_error error;

	*msg = NULL;
	if (in->failed)
		return FLUFFY_END;
	while ((error = input_at_hand(in, msg)) == FLUFFY_MORE) {
		if (!input_fill(in))
			return FLUFFY_END;
	}
	return error;
}

enum fluffy_format
format_chosen(const char *option, enum fluffy_format otherwise)
{
	if (option != NULL)
		return strcmp(option, "json") == 0 ? FLUFFY_JSON : FLUFFY_CBOR;
	return otherwise != FLUFFY_NONE ? otherwise : FLUFFY_CBOR;
}

enum fluffy_format
format_made(const char *option, const struct output *out)
{
	return format_chosen(option,
	    output_is_terminal(out) ? FLUFFY_JSON : FLUFFY_CBOR);
}

bool
emit(fluffy_ctx *ctx, struct output *out, const fluffy_msg *msg,
    enum fluffy_format format)
{
	fluffy_bytes bytes;
	enum fluffy_error error;
	bool ok = false;

	error = fluffy_msg_write(ctx, msg, format, 0, &bytes);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		ok = output_put(out, bytes.data, bytes.len) &&
		    output_flush(out);
	fluffy_bytes_free(&bytes);
	return ok;
}

/* Encoded before the first leaves: a part isn't taken for all of them. */
bool
emit_all(fluffy_ctx *ctx, struct output *out, const fluffy_msgs *msgs,
    enum fluffy_format format)
{
	fluffy_bytes *all = calloc(msgs->n + 1, sizeof *all);
	enum fluffy_error error = FLUFFY_OK;
	bool ok;

	if (all == NULL) {
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
		return false;
	}
	for (size_t i = 0; i < msgs->n && error == FLUFFY_OK; i++)
		error = fluffy_msg_write(ctx, msgs->v[i], format, 0, &all[i]);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	ok = error == FLUFFY_OK;
	for (size_t i = 0; i < msgs->n; i++) {
		ok = ok && output_put(out, all[i].data, all[i].len);
		fluffy_bytes_free(&all[i]);
	}
	free(all);
	return output_flush(out) && ok;
}

bool
pass_error(fluffy_ctx *ctx, struct output *out, const fluffy_msg *msg,
    const char *worth, enum fluffy_format format)
{
	if (fluffy_msg_type(msg) != FLUFFY_ERROR)
		return false;
	report_received(fluffy_msg_error(msg), fluffy_msg_e_text(msg), worth);
	emit(ctx, out, msg, format);
	return true;
}

fluffy_store *
store_open(fluffy_ctx *ctx, const char *path, unsigned flags)
{
	fluffy_store *store;
	enum fluffy_error error = fluffy_store_open(ctx, path, flags, &store);

	if (error != FLUFFY_OK)
		report_why(ctx, error);
	return store;
}

bool
keyid_take(fluffy_ctx *ctx, const char *field, const char *hex,
    struct keyid *keyid)
{
	enum fluffy_error error;

	error = fluffy_keyid_parse(ctx, hex, keyid->id, sizeof keyid->id,
	    &keyid->len);
	if (error != FLUFFY_OK)
		report_error(FLUFFY_E_USAGE, field, "%s",
		    fluffy_why(ctx).text);
	return error == FLUFFY_OK;
}

const char *
hex_text(const uint8_t *data, size_t len, char *text)
{
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	text[2 * len] = '\0';
	return text;
}

/* error.c - the error table: code, name, class and sentence in one place */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "text.h"

static const struct error_row {
	enum fluffy_error code;
	enum fluffy_status status;
	const char *name;
	const char *sentence;
} errors[] = {
	{ FLUFFY_OK, FLUFFY_DONE, "ok", "done" },
	{ FLUFFY_E_MALFORMED, FLUFFY_MALFORMED, "malformed",
	    "the message isn't well-formed" },
	{ FLUFFY_E_BAD_VERSION, FLUFFY_REFUSED, "bad-version",
	    "the message has another protocol version" },
	{ FLUFFY_E_AUTH_FAILED, FLUFFY_REFUSED, "auth-failed",
	    "unknown key, bad seal, or names that don't fit" },
	{ FLUFFY_E_CLOCK_SKEW, FLUFFY_REFUSED, "clock-skew",
	    "the message's time is too far from the receiver's" },
	{ FLUFFY_E_REPLAY, FLUFFY_REFUSED, "replay",
	    "the message was seen before" },
	{ FLUFFY_E_WRONG_SKDC, FLUFFY_REFUSED, "wrong-skdc",
	    "the message is for, or from, another SKDC" },
	{ FLUFFY_E_UNKNOWN_SERVICE, FLUFFY_REFUSED, "unknown-service",
	    "the service isn't enrolled" },
	{ FLUFFY_E_BAD_ETYPE, FLUFFY_REFUSED, "bad-etype",
	    "no algorithm that all parties take" },
	{ FLUFFY_E_NOT_PERMITTED, FLUFFY_REFUSED, "not-permitted",
	    "the policy doesn't allow it" },
	{ FLUFFY_E_NO_SUCH_GROUP, FLUFFY_REFUSED, "no-such-group",
	    "there is no such group" },
	{ FLUFFY_E_GROUP_EXISTS, FLUFFY_REFUSED, "group-exists",
	    "the group exists already" },
	{ FLUFFY_E_GROUP_DELETING, FLUFFY_REFUSED, "group-deleting",
	    "the group is being deleted" },
	{ FLUFFY_E_NOT_OWNER, FLUFFY_REFUSED, "not-owner",
	    "the sender doesn't own the group" },
	{ FLUFFY_E_NO_SUCH_KEY, FLUFFY_REFUSED, "no-such-key",
	    "there is no such key, or it was deleted" },
	{ FLUFFY_E_NO_CA, FLUFFY_REFUSED, "no-ca",
	    "no certificate could be obtained" },
	{ FLUFFY_E_BUSY, FLUFFY_REFUSED, "busy",
	    "the receiver can't judge the message now" },
	{ FLUFFY_E_INTERNAL, FLUFFY_BROKEN, "internal",
	    "the receiver failed" },
	{ FLUFFY_E_EXPIRED, FLUFFY_REFUSED, "expired",
	    "the key's end time has passed" },
	{ FLUFFY_E_USAGE, FLUFFY_USAGE, "usage",
	    "the argument can't be used" },
	{ FLUFFY_E_UNEXPECTED, FLUFFY_REFUSED, "unexpected",
	    "this step doesn't take such a message" },
	{ FLUFFY_E_NOT_FOUND, FLUFFY_REFUSED, "not-found",
	    "the store has no such thing" },
	{ FLUFFY_E_EXISTS, FLUFFY_REFUSED, "exists",
	    "the name is taken" },
	{ FLUFFY_E_STORE, FLUFFY_BROKEN, "store",
	    "the store can't be used" },
	{ FLUFFY_E_MEMORY, FLUFFY_BROKEN, "memory", "out of memory" },
	{ FLUFFY_E_SYSTEM, FLUFFY_BROKEN, "system",
	    "the system or a library failed" },
};

static const struct error_row *
find(enum fluffy_error code)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return &errors[i];
	return NULL;
}

const char *
fluffy_error_name(enum fluffy_error code)
{
	const struct error_row *row = find(code);

	return row == NULL ? "unknown" : row->name;
}

const char *
fluffy_error_sentence(enum fluffy_error code)
{
	const struct error_row *row = find(code);

	return row == NULL ? "an unknown error" : row->sentence;
}

enum fluffy_status
fluffy_error_status(enum fluffy_error code)
{
	const struct error_row *row = find(code);

	return row == NULL ? FLUFFY_BROKEN : row->status;
}

static void
put_path(struct buffer *b, const struct path *path)
{
	if (path == NULL)
		return;
	put_path(b, path->up);
	if (path->name == NULL) {
		buffer_addf(b, "[%zu]", path->index);
		return;
	}
	if (b->n > 0)
		buffer_addc(b, '.');
	/* the tail of an overlong foreign name tells nobody anything */
	text_clean(b, bytes_of(path->name,
	    path->len > 64 ? 64 : path->len));
}

/* Copies what fits; the buffer may have failed half-way, which is fine. */
static void
keep(char *to, size_t size, const struct buffer *from)
{
	size_t n = from->n < size ? from->n : size - 1;

	if (n > 0)
		memcpy(to, from->p, n);
	to[n] = '\0';
}

static void record(fluffy_ctx *, enum fluffy_error, const struct buffer *,
    const char *, va_list) __attribute__((format(printf, 4, 0)));

static void
record(fluffy_ctx *ctx, enum fluffy_error code, const struct buffer *field,
    const char *format, va_list ap)
{
	struct buffer clean = BUFFER(REASON_TEXT - 1);
	char raw[REASON_TEXT];

	ctx->code = code;
	keep(ctx->field, sizeof(ctx->field), field);
	if (vsnprintf(raw, sizeof(raw), format, ap) < 0)
		raw[0] = '\0';
	text_clean(&clean, bytes_str(raw));
	keep(ctx->text, sizeof(ctx->text), &clean);
	buffer_free(&clean);
}

enum fluffy_error
fluffy_fail(fluffy_ctx *ctx, enum fluffy_error code, const struct path *path,
    const char *format, ...)
{
	struct buffer field = BUFFER(REASON_FIELD - 1);
	va_list ap;

	put_path(&field, path);
	va_start(ap, format);
	record(ctx, code, &field, format, ap);
	va_end(ap);
	buffer_free(&field);
	return code;
}

enum fluffy_error
fluffy_fail_at(fluffy_ctx *ctx, enum fluffy_error code, const char *at,
    const char *format, ...)
{
	struct buffer field = BUFFER(REASON_FIELD - 1);
	va_list ap;

	text_clean(&field, bytes_str(at));
	va_start(ap, format);
	record(ctx, code, &field, format, ap);
	va_end(ap);
	buffer_free(&field);
	return code;
}

enum fluffy_error
fluffy_fail_memory(fluffy_ctx *ctx)
{
	ctx->code = FLUFFY_E_MEMORY;
	ctx->field[0] = '\0';
	memcpy(ctx->text, "out of memory", sizeof("out of memory"));
	return FLUFFY_E_MEMORY;
}

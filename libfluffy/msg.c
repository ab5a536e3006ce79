/* msg.c - the public functions about one message */
#include <stdlib.h>

#include "cbor.h"
#include "context.h"
#include "decode.h"
#include "json.h"
#include "message.h"
#include "show.h"
#include "text.h"

enum fluffy_error
fluffy_msg_read(fluffy_ctx *ctx, const void *data, size_t n, fluffy_msg **out)
{
	fluffy_reader *r = fluffy_reader_new(ctx);
	fluffy_msg *second = NULL;
	enum fluffy_error e, next = FLUFFY_END;

	*out = NULL;
	if (r == NULL)
		return fluffy_fail_memory(ctx);
	if ((e = fluffy_reader_push(r, data, n)) == FLUFFY_OK) {
		fluffy_reader_finish(r);
		e = fluffy_reader_next(r, out);
	}
	if (e == FLUFFY_END)
		e = fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL, "no message");
	if (e == FLUFFY_OK)
		next = fluffy_reader_next(r, &second);
	if (next != FLUFFY_END) {
		fluffy_msg_free(&second);
		fluffy_msg_free(out);
		e = fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "more bytes behind the message");
	}
	fluffy_reader_free(&r);
	return e;
}

/* Text and diagnostic notation are several times as long as the message. */
#define WRITTEN_MAX ((size_t)64 * FLUFFY_MAX_EMITTED)

enum fluffy_error
fluffy_msg_write(fluffy_ctx *ctx, const fluffy_msg *msg,
    enum fluffy_format format, unsigned flags, fluffy_bytes *out)
{
	struct buffer b = BUFFER(WRITTEN_MAX);
	bool show_keys = (flags & FLUFFY_SHOW_KEYS) != 0;
	unsigned json = (flags & FLUFFY_OPENED) == 0 ? JSON_PLAIN :
	    JSON_WITH_OPENED | (show_keys ? 0 : JSON_HIDE_KEYS);

	*out = (fluffy_bytes){ NULL, 0 };
	switch (format) {
	case FLUFFY_JSON:
		json_put_struct(&b, msg, json);
		buffer_addc(&b, '\n');
		break;
	case FLUFFY_CBOR:
		cbor_put_struct(&b, msg, SKIP_NONE);
		break;
	case FLUFFY_TEXT:
		text_put_message(&b, msg, fluffy_now(ctx), show_keys);
		break;
	case FLUFFY_DIAG:
		diag_put_message(&b, msg, show_keys);
		break;
	case FLUFFY_NONE:
	default:
		return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "no such format");
	}
	return buffer_take(&b, out) ? FLUFFY_OK : fluffy_fail_memory(ctx);
}

void
fluffy_msg_free(fluffy_msg **msg)
{
	struct arena arena;

	if (msg == NULL || *msg == NULL)
		return;
	arena = (*msg)->arena;
	arena_free(&arena);
	free(*msg);
	*msg = NULL;
}

enum fluffy_type
fluffy_msg_type(const fluffy_msg *msg)
{
	return (enum fluffy_type)msg->type;
}

enum fluffy_format
fluffy_msg_format(const fluffy_msg *msg)
{
	return msg->format;
}

enum fluffy_error
fluffy_msg_error(const fluffy_msg *msg)
{
	if (msg->type != FLUFFY_ERROR ||
	    word_of(R_ERROR, msg->error_code) == NULL)
		return FLUFFY_OK;
	return (enum fluffy_error)msg->error_code;
}

const char *
fluffy_msg_e_text(const fluffy_msg *msg)
{
	/* copies into an arena end with a NUL, and text has none in it */
	return HAS(msg, L_e_text) ? (const char *)msg->e_text.p : NULL;
}

/* ---- selection ------------------------------------------------------------ */

static const struct row *
row_named(const struct schema *schema, struct bytes name)
{
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++)
		if (bytes_eq(bytes_str(row_name(&schema->rows[i])), name))
			return &schema->rows[i];
	return NULL;
}

/* Cuts the first name off a path like "req-body.spname". */
static struct bytes
first_name(struct bytes *path)
{
	const uint8_t *dot = path->n == 0 ? NULL :
	    memchr(path->p, '.', path->n);
	struct bytes name = *path;

	if (dot == NULL) {
		*path = bytes_of(NULL, 0);
		return name;
	}
	name.n = (size_t)(dot - name.p);
	*path = bytes_of(dot + 1, path->n - name.n - 1);
	return name;
}

static bool
schema_has(const struct schema *schema, struct bytes path)
{
	const struct row *row = row_named(schema, first_name(&path));
	const struct schema *const *v;

	if (row == NULL || path.p == NULL || row->kind != K_MAP)
		return row != NULL && path.p == NULL;
	if (row->sub->by_kty == NULL)
		return schema_has(row->sub, path);
	for (v = row->sub->by_kty; *v != NULL; v++)
		if (schema_has(*v, path))
			return true;
	return false;
}

static bool
any_message_has(struct bytes path)
{
	int64_t type;

	for (type = FLUFFY_PSK_REQ; type <= FLUFFY_DK_REVOKE; type++)
		if (schema_has(message_schema(type), path))
			return true;
	return false;
}

/* A keyid may be given as elsewhere on command lines. */
static bool
same_hex(const struct row *row, const uint8_t *at, struct bytes value)
{
	struct buffer hex = BUFFER(FLUFFY_MAX_EMITTED * 2);
	bool same;

	if (row->kind != K_BYTES)
		return false;
	hex_encode(&hex, *(const struct bytes *)(const void *)at);
	same = !hex.failed && bytes_eq(buffer_view(&hex), value);
	buffer_free(&hex);
	return same;
}

static bool
same_value(const struct row *row, const void *map, struct bytes value)
{
	struct buffer json = BUFFER(WRITTEN_MAX), text = BUFFER(WRITTEN_MAX);
	const uint8_t *at = (const uint8_t *)map + row->offset;
	bool same;

	json_put_member(&json, map, row, JSON_PLAIN);
	json_put_string(&text, value);
	same = !json.failed && (bytes_eq(buffer_view(&json), value) ||
	    bytes_eq(buffer_view(&json), buffer_view(&text)) ||
	    same_hex(row, at, value));
	buffer_free(&json);
	buffer_free(&text);
	return same;
}

static bool
matches(const void *map, struct bytes path, struct bytes value)
{
	const struct head *head = map;
	const struct row *row = row_named(head->schema, first_name(&path));

	if (row == NULL || (head->has & label_bit(row->label)) == 0)
		return false;
	if (path.p == NULL)
		return same_value(row, map, value);
	return row->kind == K_MAP && matches(*(const void *const *)(const void *)
	    ((const uint8_t *)map + row->offset), path, value);
}

enum fluffy_error
fluffy_msg_select(fluffy_ctx *ctx, const fluffy_msg *msg, const char *member,
    const char *value, bool *match)
{
	*match = false;
	if (!any_message_has(bytes_str(member)))
		return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "no message has a clear member %s", member);
	*match = matches(msg, bytes_str(member), bytes_str(value));
	return FLUFFY_OK;
}

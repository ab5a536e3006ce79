/*
 * diag.c - a message in CBOR diagnostic notation (RFC 8949, section 8)
 *
 * What is printed is the emitted CBOR, item by item: a walk over the schema
 * in the order of cbor_put_struct, because the items alone don't tell which
 * byte strings hold keys or CBOR.
 *
 *  - A byte string that is CBOR in clear, a protected header or the payload of
 *    a COSE_Sign1, is << ... >>.
 *  - Behind the ciphertext of an opened part its plaintext stands in a comment,
 *    h'...' / opened: {...} /: reading the line back gives the message as it
 *    is on the wire.  Comments have no escape, so that inside of one '/' is
 *    written as \u002f, which JSON strings allow.
 *  - A hidden key is an empty byte string with a remark, h'' / hidden: 16
 *    bytes /; inside a comment, where no other can begin, the remark is in
 *    parentheses.  The line then doesn't give the message back.
 */
#include "cbor.h"
#include "json.h"
#include "show.h"
#include "text.h"

struct diagnoser {
	struct buffer *b;
	bool show_keys, in_comment;
};

static void put_struct(struct diagnoser *, const void *map);

static void
put_int(struct diagnoser *d, int64_t i)
{
	buffer_addf(d->b, "%lld", (long long)i);
}

static void
put_hex(struct diagnoser *d, struct bytes bytes)
{
	buffer_adds(d->b, "h'");
	hex_encode(d->b, bytes);
	buffer_addc(d->b, '\'');
}

static void
put_hidden(struct diagnoser *d, size_t n)
{
	buffer_addf(d->b, d->in_comment ? "h'' (hidden: %zu bytes)" :
	    "h'' / hidden: %zu bytes /", n);
}

/* ---- JSON is diagnostic notation, but for floats ------------------------- */

/* The length of the string that begins at i, quotes included. */
static size_t
string_length(struct bytes json, size_t i)
{
	size_t end = i + 1;

	while (end < json.n && json.p[end] != '"')
		end += json.p[end] == '\\' ? 2 : 1;
	return end + 1 - i;
}

/* A float has a decimal point, which JSON leaves out of 1e-7. */
static size_t
put_number(struct diagnoser *d, struct bytes json, size_t i)
{
	bool point = false;
	size_t n = 0;
	uint8_t c;

	while (i + n < json.n && (c = json.p[i + n]) != '\0' &&
	    strchr("+-.0123456789e", c) != NULL) {
		if (c == 'e' && !point)
			buffer_adds(d->b, ".0");
		point |= c == '.';
		buffer_addc(d->b, (char)c);
		n++;
	}
	return n;
}

static void
put_json(struct diagnoser *d, struct bytes json)
{
	size_t i = 0, n;
	uint8_t c;

	while (i < json.n) {
		c = json.p[i];
		n = 1;
		if (c == '"') {
			n = string_length(json, i);
			put_safe(d->b, bytes_of(json.p + i, n), d->in_comment);
		} else if (c == '-' || (c >= '0' && c <= '9'))
			n = put_number(d, json, i);
		else {
			buffer_addc(d->b, (char)c);
			if (c == ',' || c == ':')
				buffer_addc(d->b, ' ');
		}
		i += n;
	}
}

static void
put_any(struct diagnoser *d, struct bytes cbor)
{
	struct buffer json = BUFFER(d->b->max);

	json_put_any(&json, cbor);
	if (json.failed)
		d->b->failed = true;
	else
		put_json(d, buffer_view(&json));
	buffer_free(&json);
}

static void
put_text(struct diagnoser *d, struct bytes text)
{
	struct buffer json = BUFFER(d->b->max);

	json_put_string(&json, text);
	if (json.failed)
		d->b->failed = true;
	else
		put_safe(d->b, buffer_view(&json), d->in_comment);
	buffer_free(&json);
}

/* ---- kinds --------------------------------------------------------------- */

static void
put_name(struct diagnoser *d, struct bytes name)
{
	uint8_t uuid[UUID_SIZE];

	if (uuid_parse(name, uuid))
		put_hex(d, bytes_of(uuid, sizeof(uuid)));
	else
		put_text(d, name);
}

static void
put_tokens(struct diagnoser *d, const struct tokens *tokens)
{
	size_t i;

	if (!tokens->bare)
		buffer_addc(d->b, '[');
	for (i = 0; i < tokens->n; i++) {
		if (i > 0)
			buffer_adds(d->b, ", ");
		put_int(d, tokens->v[i]);
	}
	if (!tokens->bare)
		buffer_addc(d->b, ']');
}

static void
put_list(struct diagnoser *d, const struct bytes_list *list)
{
	size_t i;

	buffer_addc(d->b, '[');
	for (i = 0; i < list->n; i++) {
		if (i > 0)
			buffer_adds(d->b, ", ");
		put_hex(d, list->v[i]);
	}
	buffer_addc(d->b, ']');
}

static void
put_embedded(struct diagnoser *d, const struct part *part)
{
	buffer_adds(d->b, "<<");
	put_struct(d, part);
	buffer_adds(d->b, ">>");
}

/* A sealed part has none inside, so that comments don't nest. */
static void
put_opened(struct diagnoser *d, const struct part *part)
{
	buffer_adds(d->b, " / opened: ");
	d->in_comment = true;
	put_struct(d, part);
	d->in_comment = false;
	buffer_adds(d->b, " /");
}

/* Sections 4 and 7; the labels of headers are COSE's: 1 alg, 4 kid, 5 iv. */
static void
put_sealed(struct diagnoser *d, const struct sealed *sealed)
{
	buffer_addf(d->b, "[<<{1: %lld}>>, {", (long long)sealed->alg);
	if (sealed->has_kid) {
		buffer_adds(d->b, "4: ");
		put_hex(d, sealed->kid);
		buffer_adds(d->b, ", ");
	}
	if (!sealed->sign1) {
		buffer_adds(d->b, "5: ");
		put_hex(d, sealed->iv);
	}
	buffer_adds(d->b, "}, ");
	if (sealed->sign1 && sealed->plain != NULL)
		put_embedded(d, sealed->plain);
	else
		put_hex(d, sealed->ciphertext);
	if (sealed->sign1) {
		buffer_adds(d->b, ", ");
		put_hex(d, sealed->signature);
	} else if (sealed->plain != NULL)
		put_opened(d, sealed->plain);
	buffer_addc(d->b, ']');
}

static void
put_octets(struct diagnoser *d, const struct row *row, struct bytes bytes)
{
	if ((row->flags & F_SECRET) != 0 && !d->show_keys)
		put_hidden(d, bytes.n);
	else
		put_hex(d, bytes);
}

static void
put_value(struct diagnoser *d, const struct row *row, const void *at)
{
	const struct bytes *bytes = at;

	switch ((enum kind)row->kind) {
	case K_UINT:
	case K_TIME:
		put_int(d, (int64_t)*(const uint64_t *)at);
		break;
	case K_TOKEN:
		put_int(d, *(const int64_t *)at);
		break;
	case K_FLAGS:
		put_int(d, *(const uint32_t *)at);
		break;
	case K_NAME:
		put_name(d, *bytes);
		break;
	case K_TEXT:
		put_text(d, *bytes);
		break;
	case K_BYTES:
		put_octets(d, row, *bytes);
		break;
	case K_ANY:
		put_any(d, *bytes);
		break;
	case K_BYTES_LIST:
		put_list(d, at);
		break;
	case K_TOKENS:
		put_tokens(d, at);
		break;
	case K_MAP:
		put_struct(d, *(const void *const *)at);
		break;
	case K_SEALED:
		put_sealed(d, at);
		break;
	}
}

/* ---- structures ---------------------------------------------------------- */

/* The order of the encodings, as in cbor_put_struct. */
static void
put_struct(struct diagnoser *d, const void *map)
{
	const struct head *head = map;
	const struct row *row;
	const char *comma = "";
	uint64_t left;
	size_t i;
	int bit;

	buffer_addc(d->b, '{');
	for (left = head->has; left != 0; left &= left - 1) {
		bit = __builtin_ctzll(left);
		if ((row = schema_row(head->schema, bit)) == NULL)
			row = schema_row(head->schema, -bit);
		buffer_addf(d->b, "%s%d: ", comma, row->label);
		put_value(d, row, (const uint8_t *)map + row->offset);
		comma = ", ";
	}
	for (i = 0; i < head->n_extras; i++) {
		buffer_adds(d->b, comma);
		put_any(d, head->extras[i].label);
		buffer_adds(d->b, ": ");
		put_any(d, head->extras[i].value);
		comma = ", ";
	}
	buffer_addc(d->b, '}');
}

void
diag_put_message(struct buffer *b, const struct fluffy_msg *msg,
    bool show_keys)
{
	struct diagnoser d = { .b = b, .show_keys = show_keys };

	put_struct(&d, msg);
	buffer_addc(b, '\n');
}

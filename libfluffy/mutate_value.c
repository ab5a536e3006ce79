/*
 * mutate_value.c - values that aren't what they should be
 */
#include "cbor.h"
#include "json.h"
#include "mutate.h"

#define HUGE_LENGTH ((size_t)1 << 40)

/* ---- strings and heads ------------------------------------------------------ */

void
mutate_put_text(const struct writer *w, struct bytes text)
{
	if (w->json)
		json_put_string(w->b, text);
	else
		cbor_put_text(w->b, text);
}

void
mutate_put_bytes(const struct writer *w, struct bytes bytes)
{
	if (w->json)
		json_put_base64url(w->b, bytes);
	else
		cbor_put_bytes(w->b, bytes);
}

static void
put_number(const struct writer *w, int64_t number)
{
	if (w->json)
		buffer_addf(w->b, "%lld", (long long)number);
	else
		cbor_put_int(w->b, number);
}

/* The same bytes with one bit flipped, of those from the byte at from on. */
void
mutate_put_flipped(const struct writer *w, struct bytes bytes, size_t from)
{
	struct buffer copy = BUFFER(FLUFFY_MAX_EMITTED);
	uint64_t bit;

	buffer_add(&copy, bytes.p, bytes.n);
	if (!copy.failed && bytes.n > from) {
		bit = w->edit->random % (8 * (bytes.n - from));
		copy.p[from + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	mutate_put_bytes(w, buffer_view(&copy));
	w->b->failed |= copy.failed;
	buffer_free(&copy);
}

/* ---- a value -------------------------------------------------------------------- */

static struct bytes
member_bytes(const void *map, const struct row *row)
{
	return *(const struct bytes *)mutate_member(map, row);
}

void
mutate_put_plain(const struct writer *w, const void *map, const struct row *row)
{
	if (w->json)
		json_put_member(w->b, map, row, JSON_PLAIN);
	else
		cbor_put_member(w->b, map, row);
}

/* As long as before where it can't be longer. */
static void
put_other_text(const struct writer *w, struct bytes text, size_t max)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	size_t n = text.n < max ? text.n : max - 1;

	/* a character is cut off as a whole */
	while (n > 0 && n < text.n && (text.p[n] & 0xc0) == 0x80)
		n--;
	buffer_add(&b, text.p, n);
	buffer_addc(&b, n == text.n || text.p[n] != 'x' ? 'x' : 'y');
	mutate_put_text(w, buffer_view(&b));
	buffer_free(&b);
}

static int64_t
unused_token(const struct tokens *tokens)
{
	int64_t other = 999;
	uint8_t i, j;

	/* one of n + 1 numbers isn't among n */
	for (i = 0; i < tokens->n; i++)
		for (j = 0; j < tokens->n; j++)
			other += tokens->v[j] == other;
	return other;
}

static void
put_other_tokens(const struct writer *w, const struct tokens *tokens,
    enum registry registry)
{
	uint8_t i, n = tokens->n < MAX_LIST - 2 ? tokens->n :
	    (uint8_t)(tokens->n - 1);
	int64_t other = unused_token(tokens);

	if (w->json)
		buffer_addc(w->b, '[');
	else
		cbor_put_array(w->b, (size_t)n + 1);
	for (i = 0; i < n; i++) {
		if (w->json) {
			json_put_word(w->b, registry, tokens->v[i]);
			buffer_addc(w->b, ',');
		} else
			cbor_put_int(w->b, tokens->v[i]);
	}
	put_number(w, other);
	if (w->json)
		buffer_addc(w->b, ']');
}

/* The registered one behind it. */
static void
put_other_token(const struct writer *w, enum registry registry, int64_t token)
{
	const struct words *words = registry_words(registry);
	size_t i;

	for (i = 0; i + 1 < words->n && words->v[i].number != token; i++)
		;
	token = words->v[(i + 1) % words->n].number;
	if (w->json)
		json_put_word(w->b, registry, token);
	else
		cbor_put_int(w->b, token);
}

/* The last bit isn't registered. */
static void
put_other_flags(const struct writer *w, enum registry registry,
    uint32_t flags)
{
	const char *comma = "";

	flags ^= (uint32_t)1 << 31;
	if (!w->json) {
		cbor_put_int(w->b, flags);
		return;
	}
	buffer_addc(w->b, '[');
	for (; flags != 0; flags &= flags - 1) {
		buffer_adds(w->b, comma);
		json_put_word(w->b, registry, __builtin_ctz(flags));
		comma = ",";
	}
	buffer_addc(w->b, ']');
}

/* A map, which is what some of them have to be. */
static void
put_other_any(const struct writer *w, struct bytes any)
{
	size_t n = any.n == 1 && any.p[0] == 0xa0 ? 1 : 0;

	if (w->json)
		buffer_adds(w->b, n == 0 ? "{}" : "{\"x\":1}");
	else {
		cbor_put_map(w->b, n);
		buffer_add(w->b, "ax\x01", n == 0 ? 0 : 3);
	}
}

/* Another value that its kind allows. */
static void
put_changed(const struct writer *w, const void *map, const struct row *row)
{
	const void *at = mutate_member(map, row);
	const uint64_t *number = at;

	switch ((enum kind)row->kind) {
	case K_NAME:
	case K_TEXT:
		put_other_text(w, member_bytes(map, row),
		    row->kind == K_TEXT ? row->max : 255);
		break;
	case K_BYTES:
		mutate_put_flipped(w, member_bytes(map, row), 0);
		break;
	case K_UINT:
	case K_TIME:
		put_number(w, (int64_t)(*number > 0 ? *number - 1 : 1));
		break;
	case K_TOKEN:
		put_other_token(w, row->registry, *(const int64_t *)at);
		break;
	case K_TOKENS:
		put_other_tokens(w, at, row->registry);
		break;
	case K_FLAGS:
		put_other_flags(w, row->registry, *(const uint32_t *)at);
		break;
	case K_ANY:
		put_other_any(w, member_bytes(map, row));
		break;
	case K_BYTES_LIST:
	case K_MAP:
	case K_SEALED:
		mutate_put_plain(w, map, row);
		break;
	}
}

/* None of the same kind: a number for what isn't one, and a text for those. */
static void
put_mistyped(const struct writer *w, const struct row *row)
{
	switch ((enum kind)row->kind) {
	case K_UINT:
	case K_TIME:
	case K_FLAGS:
		mutate_put_text(w, BYTES("1"));
		break;
	case K_TOKEN:
	case K_TOKENS:
		if (w->json)
			buffer_adds(w->b, "true");
		else
			cbor_put_simple(w->b, N_TRUE);
		break;
	default:
		put_number(w, 1);
		break;
	}
}

static void
put_empty(const struct writer *w, const struct row *row)
{
	bool map = row->kind == K_MAP || (row->kind == K_SEALED && w->json);

	if (row->kind == K_NAME || row->kind == K_TEXT)
		mutate_put_text(w, bytes_of("", 0));
	else if (row->kind == K_BYTES)
		mutate_put_bytes(w, bytes_of("", 0));
	else if (w->json)
		buffer_adds(w->b, map ? "{}" : "[]");
	else if (map)
		cbor_put_map(w->b, 0);
	else
		cbor_put_array(w->b, 0);
}

void
mutate_put_too_long(const struct writer *w, size_t max)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);

	while (!b.failed && b.n <= max)
		buffer_addc(&b, 'a');
	mutate_put_text(w, buffer_view(&b));
	buffer_free(&b);
}

static void
put_broken_text(const struct writer *w, const char *json, const char *cbor)
{
	if (w->json)
		buffer_addf(w->b, "\"a%s\"", json);
	else {
		buffer_addc(w->b, 0x62);
		buffer_addf(w->b, "a%s", cbor);
	}
}

/* A head that claims more than there is. */
static void
put_lying(const struct writer *w, const void *map, const struct row *row)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	uint8_t major;
	int i;

	cbor_put_member(&b, map, row);
	if (!b.failed) {
		major = b.p[0] & 0xe0;
		buffer_addc(w->b, (char)(major | 27));
		for (i = 56; i >= 0; i -= 8)
			buffer_addc(w->b, (char)(HUGE_LENGTH >> i & 0xff));
	}
	w->b->failed |= b.failed;
	buffer_free(&b);
}

static void
put_chunked(const struct writer *w, const void *map, const struct row *row)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);

	cbor_put_member(&b, map, row);
	if (!b.failed)
		buffer_addc(w->b, (char)((b.p[0] & 0xe0) | 31));
	buffer_add(w->b, b.p, b.n);
	buffer_addc(w->b, (char)0xff);
	w->b->failed |= b.failed;
	buffer_free(&b);
}

static void
put_padded(const struct writer *w, const void *map, const struct row *row)
{
	mutate_put_plain(w, map, row);
	if (w->b->failed)
		return;
	w->b->p[w->b->n - 1] = '=';
	buffer_addc(w->b, '"');
}

const int64_t *
mutate_word(const void *map, const struct row *row)
{
	const struct tokens *tokens = mutate_member(map, row);
	const int64_t *v = row->kind == K_TOKEN ? mutate_member(map, row) :
	    tokens->v;
	size_t n = row->kind == K_TOKEN ? 1 : tokens->n;

	for (size_t i = 0; i < n; i++)
		if (word_of((enum registry)row->registry, v[i]) != NULL)
			return &v[i];
	return NULL;
}

void
mutate_put_value(const struct writer *w, const void *map, const struct row *row)
{
	size_t max = row->kind == K_TEXT ? row->max : 255;

	switch (w->edit->op) {
	case OP_EMPTY:
		put_empty(w, row);
		break;
	case OP_MISTYPED:
		put_mistyped(w, row);
		break;
	case OP_NULL:
		if (w->json)
			buffer_adds(w->b, "null");
		else
			cbor_put_simple(w->b, N_NULL);
		break;
	case OP_CHANGED:
		put_changed(w, map, row);
		break;
	case OP_TOO_LONG:
		mutate_put_too_long(w, max);
		break;
	case OP_CONTROL:
		put_broken_text(w, "\\u0001", "\x01");
		break;
	case OP_BAD_UTF8:
		put_broken_text(w, "\xff", "\xff");
		break;
	case OP_TOO_LARGE:
		put_number(w, (int64_t)1 << 53);
		break;
	case OP_FRACTION:
		buffer_adds(w->b, "1.0");
		break;
	case OP_EXPONENT:
		buffer_adds(w->b, "1e0");
		break;
	case OP_MINUS_ZERO:
		buffer_adds(w->b, "-0");
		break;
	case OP_NEGATIVE:
		put_number(w, -1);
		break;
	case OP_FLOAT:
		buffer_add(w->b, "\xf9\x3c\x00", 3);
		break;
	case OP_UNKNOWN_WORD:
		buffer_adds(w->b, "\"no such word\"");
		break;
	case OP_NUMBER_FOR_WORD:
		put_number(w, *mutate_word(map, row));
		break;
	case OP_PADDED:
		put_padded(w, map, row);
		break;
	case OP_TAGGED_VALUE:
		buffer_addc(w->b, (char)0xc1);
		mutate_put_plain(w, map, row);
		break;
	case OP_CHUNKED:
		put_chunked(w, map, row);
		break;
	case OP_LYING_LENGTH:
		put_lying(w, map, row);
		break;
	case OP_OTHER_VERSION:
		put_number(w, 2);
		break;
	case OP_OTHER_TYPE:
		put_number(w, 99);
		break;
	default:
		mutate_put_plain(w, map, row);
		break;
	}
}

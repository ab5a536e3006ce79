/*
 * json.c - the JSON codec
 *
 * jansson parses; it is told to refuse duplicates.  Three things that it would
 * lose are written in another way before it reads them: "-0" (an integer 0 to
 * it), integers beyond 64 bits, and NUL in member names.
 */
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "base64url.h"
#include "cbor.h"
#include "json.h"
#include "message.h"
#include "text.h"

/* ---- reading ------------------------------------------------------------ */

#define DEPTH_SEEN 64	/* of brackets whose kind is remembered */

/* Only arrays of flags are shorter in CBOR, and these are short. */
#define ITEMS_MAX (FLUFFY_MAX_EMITTED + 256)

static bool
in_object(const struct json_extent *e)
{
	return e->open >= 1 && e->open <= DEPTH_SEEN &&
	    (e->objects >> (e->open - 1) & 1) != 0;
}

/* May this bracket open here?  Only a value may be one. */
static bool
open_bracket(struct json_extent *e, uint8_t c)
{
	bool value = e->open == 0 || e->last == ':' ||
	    (!in_object(e) && (e->last == '[' || e->last == ','));

	if (!value)
		return false;
	if (e->open < DEPTH_SEEN) {
		e->objects &= ~((uint64_t)1 << e->open);
		e->objects |= (uint64_t)(c == '{') << e->open;
	}
	e->open++;
	return true;
}

/* One byte outside of strings; *end when it closes the text. */
static bool
take_byte(struct json_extent *e, uint8_t c, bool *end)
{
	if (c == '{' || c == '[') {
		if (!open_bracket(e, c))
			return false;
		/* behind a comma it is the item that the comma counted */
		e->items += e->last != ',';
	} else if (c == ',')
		e->items++;
	else if (c == '}' || c == ']')
		*end = --e->open == 0;
	if (!json_blank(c))
		e->last = c;
	return true;
}

enum scan_result
json_extent_run(struct json_extent *e, struct bytes data)
{
	bool end = false;
	uint8_t c;

	while (e->at < data.n && !end) {
		c = data.p[e->at++];
		if (e->quoted && c < 0x20)
			return SCAN_BAD;
		if (e->escaped)
			e->escaped = false;
		else if (e->quoted && c == '\\')
			e->escaped = true;
		else if (c == '"')
			e->quoted = !e->quoted;
		else if (!e->quoted && !take_byte(e, c, &end))
			return SCAN_BAD;
	}
	if (e->items > ITEMS_MAX)
		return SCAN_TOO_LARGE;
	return end ? SCAN_DONE : SCAN_MORE;
}

/*
 * NUL is written as NUL_MARK "0", the mark itself as NUL_MARK "1".  The mark
 * is U+10FFFF, which is no character.
 */
#define NUL_MARK "\xf4\x8f\xbf\xbf"
#define MARK_SIZE 4

static bool
starts(struct bytes text, size_t at, const char *with)
{
	size_t n = strlen(with);

	return text.n - at >= n && memcmp(text.p + at, with, n) == 0;
}

static bool
is_mark_escape(struct bytes text, size_t at)
{
	static const char mark[] = "\\udbff\\udfff";
	size_t i;
	char c;

	if (text.n - at < sizeof(mark) - 1)
		return false;
	for (i = 0; i < sizeof(mark) - 1; i++) {
		c = (char)text.p[at + i];
		/* hex digits may be of either case */
		if (c >= 'A' && c <= 'F')
			c = (char)(c | 0x20);
		if (c != mark[i])
			return false;
	}
	return true;
}

/* Copies a string, quotes included; how much of text that was. */
static size_t
mend_string(struct buffer *b, struct bytes text, size_t at)
{
	size_t i = at + 1;

	buffer_addc(b, '"');
	while (i < text.n && text.p[i] != '"') {
		if (starts(text, i, "\\u0000")) {
			buffer_adds(b, NUL_MARK "0");
			i += 6;
		} else if (is_mark_escape(text, i)) {
			buffer_adds(b, NUL_MARK "1");
			i += 12;
		} else if (starts(text, i, NUL_MARK)) {
			buffer_adds(b, NUL_MARK "1");
			i += MARK_SIZE;
		} else {
			if (text.p[i] == '\\' && i + 1 < text.n)
				buffer_addc(b, (char)text.p[i++]);
			buffer_addc(b, (char)text.p[i++]);
		}
	}
	if (i < text.n) {
		buffer_addc(b, '"');
		i++;
	}
	return i - at;
}

#define LLONG_DIGITS 18	/* as many always fit */

static size_t
mend_number(struct buffer *b, struct bytes text, size_t at)
{
	bool integer = true;
	size_t n = 0;
	uint8_t c;

	while (at + n < text.n && (c = text.p[at + n]) != '\0' &&
	    strchr("+-.0123456789Ee", c) != NULL) {
		if (c == '.' || c == 'e' || c == 'E')
			integer = false;
		n++;
	}
	buffer_add(b, text.p + at, n);
	if (integer && (n > LLONG_DIGITS ||
	    bytes_eq(bytes_of(text.p + at, n), BYTES("-0"))))
		buffer_adds(b, ".0");
	return n;
}

static void
mend(struct buffer *b, struct bytes text)
{
	size_t i = 0;

	while (i < text.n) {
		if (text.p[i] == '"')
			i += mend_string(b, text, i);
		else if (text.p[i] == '-' ||
		    (text.p[i] >= '0' && text.p[i] <= '9'))
			i += mend_number(b, text, i);
		else
			buffer_addc(b, (char)text.p[i++]);
	}
}

/* The inverse for one string, into the tree's own memory. */
static bool
unmend(struct tree *t, struct bytes s, struct bytes *out)
{
	uint8_t *to = arena_alloc(&t->strings, s.n + 1);
	size_t i;

	if (to == NULL)
		return false;
	*out = bytes_of(to, 0);
	for (i = 0; i < s.n; i++) {
		if (!starts(s, i, NUL_MARK)) {
			*to++ = s.p[i];
			continue;
		}
		i += MARK_SIZE;
		if (s.p[i] == '0')
			*to++ = '\0';
		else {
			memcpy(to, NUL_MARK, MARK_SIZE);
			to += MARK_SIZE;
		}
	}
	out->n = (size_t)(to - out->p);
	return true;
}

static bool
add_string(struct tree *t, struct bytes s)
{
	struct bytes copy;
	struct node *node;

	if (!unmend(t, s, &copy) || (node = tree_add(t, N_TEXT)) == NULL)
		return false;
	node->n = (uint32_t)copy.n;
	node->v.p = copy.p;
	return true;
}

static bool add_item(struct tree *, json_t *, int depth);

static bool
add_object(struct tree *t, json_t *object, int depth)
{
	size_t at = t->n;
	void *iter;

	if (tree_add(t, N_MAP) == NULL)
		return false;
	for (iter = json_object_iter(object); iter != NULL;
	    iter = json_object_iter_next(object, iter)) {
		if (!add_string(t, bytes_of(json_object_iter_key(iter),
		    json_object_iter_key_len(iter))) ||
		    !add_item(t, json_object_iter_value(iter), depth + 1))
			return false;
		t->v[at].n += 2;
	}
	t->v[at].end = (uint32_t)t->n;
	return true;
}

static bool
add_array(struct tree *t, const json_t *array, int depth)
{
	size_t at = t->n, i;

	if (tree_add(t, N_ARRAY) == NULL)
		return false;
	for (i = 0; i < json_array_size(array); i++)
		if (!add_item(t, json_array_get(array, i), depth + 1))
			return false;
	t->v[at].n = (uint32_t)i;
	t->v[at].end = (uint32_t)t->n;
	return true;
}

static bool
add_number(struct tree *t, const json_t *number)
{
	struct node *node = tree_add(t,
	    json_is_integer(number) ? N_INT : N_FLOAT);

	if (node == NULL)
		return false;
	if (json_is_integer(number))
		node->v.i = json_integer_value(number);
	else
		node->v.f = json_real_value(number);
	return true;
}

/* Recursion ends at MAX_DEPTH: what is deeper isn't looked into. */
static bool
add_item(struct tree *t, json_t *item, int depth)
{
	switch (json_typeof(item)) {
	case JSON_OBJECT:
		if (depth > MAX_DEPTH)
			return tree_add(t, N_DEEP) != NULL;
		return add_object(t, item, depth);
	case JSON_ARRAY:
		if (depth > MAX_DEPTH)
			return tree_add(t, N_DEEP) != NULL;
		return add_array(t, item, depth);
	case JSON_STRING:
		return add_string(t, bytes_of(json_string_value(item),
		    json_string_length(item)));
	case JSON_INTEGER:
	case JSON_REAL:
		return add_number(t, item);
	case JSON_TRUE:
		return tree_add(t, N_TRUE) != NULL;
	case JSON_FALSE:
		return tree_add(t, N_FALSE) != NULL;
	case JSON_NULL:
	default:
		return tree_add(t, N_NULL) != NULL;
	}
}

/*
 * jansson quotes what stands near the mistake, which may be a key: only the
 * name of a duplicate is told.
 */
static enum fluffy_error
fail_syntax(fluffy_ctx *ctx, const json_error_t *error, bool *syntax)
{
	enum json_error_code code = json_error_code(error);
	const char *near = strstr(error->text, " near ");
	int n = near == NULL ? (int)strlen(error->text) :
	    (int)(near - error->text);

	*syntax = code != json_error_duplicate_key &&
	    code != json_error_numeric_overflow;
	if (code == json_error_duplicate_key)
		n = (int)strlen(error->text);
	return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
	    "%s JSON: %.*s, at line %d, column %d",
	    *syntax ? "not well-formed" : "refused", n, error->text,
	    error->line, error->column);
}

/* jansson doesn't always say that it was memory. */
static bool no_memory;

static void *
noted_malloc(size_t n)
{
	void *p = wiping_malloc(n);

	no_memory = no_memory || p == NULL;
	return p;
}

/*
 * The allocators are the process's: they wipe while a document that may hold
 * a key is in memory, and are put back.
 */
static enum fluffy_error
load(fluffy_ctx *ctx, struct tree *tree, struct bytes text, bool *syntax)
{
	enum fluffy_error e = FLUFFY_OK;
	json_malloc_t was_malloc;
	json_free_t was_free;
	json_error_t error;
	json_t *document;

	json_get_alloc_funcs(&was_malloc, &was_free);
	json_set_alloc_funcs(noted_malloc, wiping_free);
	no_memory = false;
	document = json_loadb((const char *)text.p, text.n,
	    JSON_REJECT_DUPLICATES, &error);
	if (no_memory || (document != NULL && !add_item(tree, document, 1)))
		e = fluffy_fail_memory(ctx);
	else if (document == NULL)
		e = fail_syntax(ctx, &error, syntax);
	json_decref(document);
	json_set_alloc_funcs(was_malloc, was_free);
	return e;
}

enum fluffy_error
json_parse(fluffy_ctx *ctx, struct tree *tree, struct bytes data,
    bool *syntax)
{
	struct buffer mended = BUFFER(4 * (size_t)FLUFFY_MAX_RECEIVED);
	enum fluffy_error e;

	*syntax = false;
	tree_reset(tree);
	tree->json = true;
	mend(&mended, data);
	e = mended.failed ? fluffy_fail_memory(ctx) :
	    load(ctx, tree, buffer_view(&mended), syntax);
	buffer_free(&mended);
	return e;
}

/* ---- writing ------------------------------------------------------------ */

void
json_put_string(struct buffer *b, struct bytes s)
{
	static const char escaped[] = "\"\\\b\f\n\r\t", as[] = "\"\\bfnrt";
	const char *known;
	size_t i;

	buffer_addc(b, '"');
	for (i = 0; i < s.n; i++) {
		known = s.p[i] == '\0' ? NULL : strchr(escaped, s.p[i]);
		if (known != NULL) {
			buffer_addc(b, '\\');
			buffer_addc(b, as[known - escaped]);
		} else if (s.p[i] < 0x20)
			buffer_addf(b, "\\u%04x", s.p[i]);
		else
			buffer_addc(b, (char)s.p[i]);
	}
	buffer_addc(b, '"');
}

void
json_put_base64url(struct buffer *b, struct bytes bytes)
{
	buffer_addc(b, '"');
	base64url_encode(b, bytes);
	buffer_addc(b, '"');
}

/* The fewest digits that read back as the same number. */
static void
put_float(struct buffer *b, double d)
{
	char text[64];
	json_t *real = json_real(d);
	size_t digits, n = 0;

	for (digits = 15; real != NULL && digits <= 17; digits++) {
		/* jansson's dump is the same in every locale */
		n = json_dumpb(real, text, sizeof(text),
		    JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
		if (n == 0 || n >= sizeof(text))
			break;
		text[n] = '\0';
		if (!(strtod(text, NULL) < d || strtod(text, NULL) > d))
			break;
	}
	json_decref(real);
	if (n == 0 || n >= sizeof(text))
		b->failed = true;
	else
		buffer_add(b, text, n);
}

static void put_item(struct buffer *, const struct tree *, uint32_t at);

static void
put_children(struct buffer *b, const struct tree *t, uint32_t at)
{
	const struct node *node = &t->v[at];
	bool map = node->type == N_MAP;
	uint32_t i, n = 0;

	buffer_addc(b, map ? '{' : '[');
	for (i = at + 1; i < node->end; i = t->v[i].end, n++) {
		if (n > 0)
			buffer_addc(b, map && n % 2 == 1 ? ':' : ',');
		put_item(b, t, i);
	}
	buffer_addc(b, map ? '}' : ']');
}

static void
put_item(struct buffer *b, const struct tree *t, uint32_t at)
{
	const struct node *node = &t->v[at];

	switch ((enum node_type)node->type) {
	case N_INT:
		buffer_addf(b, "%lld", (long long)node->v.i);
		break;
	case N_FLOAT:
		put_float(b, node->v.f);
		break;
	case N_TEXT:
		json_put_string(b, tree_string(t, node));
		break;
	case N_ARRAY:
	case N_MAP:
		put_children(b, t, at);
		break;
	case N_TRUE:
	case N_FALSE:
		buffer_adds(b, node->type == N_TRUE ? "true" : "false");
		break;
	case N_NULL:
		buffer_adds(b, "null");
		break;
	case N_BYTES:
	case N_CHUNKED:
	case N_SIMPLE:
	case N_DEEP:
	default:
		b->failed = true; /* not of kind any */
	}
}

void
json_put_any(struct buffer *b, struct bytes cbor)
{
	struct tree tree = { .v = NULL };
	struct cbor_scan scan;

	cbor_scan_start(&scan, &tree);
	if (cbor_scan_run(&scan, cbor) == SCAN_DONE)
		put_item(b, &tree, 0);
	else
		b->failed = true;
	cbor_scan_end(&scan);
	tree_free(&tree);
}

void
json_put_word(struct buffer *b, enum registry registry, int64_t number)
{
	const char *word = word_of(registry, number);

	if (word != NULL)
		json_put_string(b, bytes_str(word));
	else
		buffer_addf(b, "%lld", (long long)number);
}

static void
put_tokens(struct buffer *b, enum registry registry,
    const struct tokens *tokens)
{
	size_t i;

	if (!tokens->bare)
		buffer_addc(b, '[');
	for (i = 0; i < tokens->n; i++) {
		if (i > 0)
			buffer_addc(b, ',');
		json_put_word(b, registry, tokens->v[i]);
	}
	if (!tokens->bare)
		buffer_addc(b, ']');
}

static void
put_flags(struct buffer *b, enum registry registry, uint32_t flags)
{
	const char *comma = "";

	buffer_addc(b, '[');
	for (; flags != 0; flags &= flags - 1) {
		buffer_adds(b, comma);
		json_put_word(b, registry, __builtin_ctz(flags));
		comma = ",";
	}
	buffer_addc(b, ']');
}

static void
put_list(struct buffer *b, const struct bytes_list *list)
{
	size_t i;

	buffer_addc(b, '[');
	for (i = 0; i < list->n; i++) {
		if (i > 0)
			buffer_addc(b, ',');
		json_put_base64url(b, list->v[i]);
	}
	buffer_addc(b, ']');
}

static void
put_sealed(struct buffer *b, const struct sealed *sealed)
{
	uint8_t header[PROTECTED_MAX];

	buffer_adds(b, "{\"protected\":");
	json_put_base64url(b, bytes_of(header,
	    cbor_protected(header, sealed->alg)));
	buffer_adds(b, ",\"unprotected\":{");
	if (!sealed->sign1) {
		if (sealed->has_kid) {
			buffer_adds(b, "\"kid\":");
			json_put_base64url(b, sealed->kid);
			buffer_addc(b, ',');
		}
		buffer_adds(b, "\"iv\":");
		json_put_base64url(b, sealed->iv);
	}
	buffer_adds(b, sealed->sign1 ? "},\"payload\":" : "},\"ciphertext\":");
	json_put_base64url(b, sealed->ciphertext);
	if (sealed->sign1) {
		buffer_adds(b, ",\"signature\":");
		json_put_base64url(b, sealed->signature);
	}
	buffer_addc(b, '}');
}

static void
put_value(struct buffer *b, const struct row *row, const uint8_t *at,
    unsigned flags)
{
	const struct bytes *bytes = (const void *)at;

	if ((row->flags & F_SECRET) != 0 && (flags & JSON_HIDE_KEYS) != 0) {
		json_put_string(b, BYTES("(hidden)"));
		return;
	}
	switch ((enum kind)row->kind) {
	case K_UINT:
	case K_TIME:
		buffer_addf(b, "%llu", (unsigned long long)
		    *(const uint64_t *)(const void *)at);
		break;
	case K_TOKEN:
		json_put_word(b, row->registry, *(const int64_t *)(const void *)at);
		break;
	case K_FLAGS:
		put_flags(b, row->registry,
		    *(const uint32_t *)(const void *)at);
		break;
	case K_NAME:
	case K_TEXT:
		json_put_string(b, *bytes);
		break;
	case K_BYTES:
		json_put_base64url(b, *bytes);
		break;
	case K_ANY:
		json_put_any(b, *bytes);
		break;
	case K_BYTES_LIST:
		put_list(b, (const void *)at);
		break;
	case K_TOKENS:
		put_tokens(b, row->registry, (const void *)at);
		break;
	case K_MAP:
		json_put_struct(b, *(const void *const *)(const void *)at,
		    flags);
		break;
	case K_SEALED:
		put_sealed(b, (const void *)at);
		break;
	}
}

void
json_put_member(struct buffer *b, const void *map, const struct row *row,
    unsigned flags)
{
	put_value(b, row, (const uint8_t *)map + row->offset, flags);
}

/* Beside the sealed part, not in it: ciphertext and plaintext stay apart. */
static void
put_opened(struct buffer *b, const struct schema *schema, const void *map,
    unsigned flags)
{
	const char *comma = ",\"opened\":{";
	const struct sealed *sealed;
	const struct row *row;
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		sealed = (const void *)((const uint8_t *)map + row->offset);
		if (row->kind != K_SEALED || sealed->plain == NULL)
			continue;
		buffer_adds(b, comma);
		json_put_string(b, bytes_str(row_name(row)));
		buffer_addc(b, ':');
		json_put_struct(b, sealed->plain, flags);
		comma = ",";
	}
	if (comma[1] == '\0')
		buffer_addc(b, '}');
}

static void
put_extra(struct buffer *b, const struct extra *extra)
{
	bool text = (extra->label.p[0] & 0xe0) == 0x60;

	if (!text)
		buffer_addc(b, '"');
	json_put_any(b, extra->label);
	buffer_adds(b, text ? ":" : "\":");
	json_put_any(b, extra->value);
}

void
json_put_struct(struct buffer *b, const void *map, unsigned flags)
{
	const struct head *head = map;
	const char *comma = "";
	const struct row *row;
	size_t i;

	buffer_addc(b, '{');
	for (i = 0; i < head->schema->n_rows; i++) {
		row = &head->schema->rows[i];
		if ((head->has & label_bit(row->label)) == 0)
			continue;
		buffer_adds(b, comma);
		comma = ",";
		json_put_string(b, bytes_str(row_name(row)));
		buffer_addc(b, ':');
		put_value(b, row, (const uint8_t *)map + row->offset, flags);
	}
	for (i = 0; i < head->n_extras; i++) {
		buffer_adds(b, comma);
		comma = ",";
		put_extra(b, &head->extras[i]);
	}
	if ((flags & JSON_WITH_OPENED) != 0)
		put_opened(b, head->schema, map, flags);
	buffer_addc(b, '}');
}

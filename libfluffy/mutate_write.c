/*
 * mutate_write.c - writing a message with one thing different
 *
 * A second, deliberately wrong pair of emitters: what isn't to be different is
 * left to the right ones.
 */
#include "alg.h"
#include "cbor.h"
#include "json.h"
#include "mutate.h"

#define LABEL_UNKNOWN 100	/* section 3 has none of that number */
#define HUGE_LENGTH ((size_t)1 << 40)

struct writer {
	struct buffer *b;
	bool json;
	const struct edit *edit;
};

static bool
is(const struct writer *w, enum op op)
{
	return w->edit->op == op;
}

/* Is it the place that is to be different? */
static bool
here(const struct writer *w, const void *map, const struct row *row)
{
	return w->edit->map == map && w->edit->row == row;
}

/* ---- strings and heads ------------------------------------------------------ */

static void
put_text(const struct writer *w, struct bytes text)
{
	if (w->json)
		json_put_string(w->b, text);
	else
		cbor_put_text(w->b, text);
}

static void
put_bytes(const struct writer *w, struct bytes bytes)
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
static void
put_flipped(const struct writer *w, struct bytes bytes, size_t from)
{
	struct buffer copy = BUFFER(FLUFFY_MAX_EMITTED);
	uint64_t bit;

	buffer_add(&copy, bytes.p, bytes.n);
	if (!copy.failed && bytes.n > from) {
		bit = w->edit->random % (8 * (bytes.n - from));
		copy.p[from + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	put_bytes(w, buffer_view(&copy));
	w->b->failed |= copy.failed;
	buffer_free(&copy);
}

/* ---- a value -------------------------------------------------------------------- */

static const void *
member_at(const void *map, const struct row *row)
{
	return (const uint8_t *)map + row->offset;
}

static struct bytes
member_bytes(const void *map, const struct row *row)
{
	return *(const struct bytes *)member_at(map, row);
}

static void
put_plain(const struct writer *w, const void *map, const struct row *row)
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

	buffer_add(&b, text.p, text.n < max ? text.n : max - 1);
	buffer_addc(&b, text.n < max || text.p[max - 1] != 'x' ? 'x' : 'y');
	put_text(w, buffer_view(&b));
	buffer_free(&b);
}

static void
put_other_tokens(const struct writer *w, const struct tokens *tokens,
    enum registry registry)
{
	uint8_t i, n = tokens->n < MAX_LIST - 2 ? tokens->n :
	    (uint8_t)(tokens->n - 1);

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
	put_number(w, 999);
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
	const void *at = member_at(map, row);
	const uint64_t *number = at;

	switch ((enum kind)row->kind) {
	case K_NAME:
	case K_TEXT:
		put_other_text(w, member_bytes(map, row),
		    row->kind == K_TEXT ? row->max : 255);
		break;
	case K_BYTES:
		put_flipped(w, member_bytes(map, row), 0);
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
		put_plain(w, map, row);
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
		put_text(w, BYTES("1"));
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
		put_text(w, bytes_of("", 0));
	else if (row->kind == K_BYTES)
		put_bytes(w, bytes_of("", 0));
	else if (w->json)
		buffer_adds(w->b, map ? "{}" : "[]");
	else if (map)
		cbor_put_map(w->b, 0);
	else
		cbor_put_array(w->b, 0);
}

static void
put_too_long(const struct writer *w, size_t max)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);

	while (!b.failed && b.n <= max)
		buffer_addc(&b, 'a');
	put_text(w, buffer_view(&b));
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
	put_plain(w, map, row);
	if (w->b->failed)
		return;
	w->b->p[w->b->n - 1] = '=';
	buffer_addc(w->b, '"');
}

static void
put_token_number(const struct writer *w, const void *map,
    const struct row *row)
{
	const struct tokens *tokens = member_at(map, row);

	if (row->kind == K_TOKEN)
		put_number(w, *(const int64_t *)member_at(map, row));
	else
		put_number(w, tokens->v[0]);
}

static void
put_value(const struct writer *w, const void *map, const struct row *row)
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
		put_too_long(w, max);
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
		put_token_number(w, map, row);
		break;
	case OP_PADDED:
		put_padded(w, map, row);
		break;
	case OP_TAGGED_VALUE:
		buffer_addc(w->b, (char)0xc1);
		put_plain(w, map, row);
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
		put_plain(w, map, row);
		break;
	}
}

/* ---- a sealed part ------------------------------------------------------------------ */

/* Of the same use, whose iv is as long; section 3. */
static int64_t
other_alg(const struct sealed *sealed)
{
	static const int64_t pairs[][2] = { { 30, 10 }, { 10, 30 },
	    { 31, 11 }, { 11, 31 }, { 1, 2 }, { 2, 3 }, { 3, 1 }, { 24, 1 },
	    { -7, -35 }, { -35, -7 }, { -36, -7 }, { -8, -7 }, { -37, -7 } };
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i][0] == sealed->alg)
			return pairs[i][1];
	return sealed->alg;
}

/* {1: alg}, and with loose the number in more bytes than it needs. */
static void
put_protected(const struct writer *w, const struct sealed *sealed)
{
	uint8_t header[PROTECTED_MAX];
	int64_t alg = is(w, OP_OTHER_ALG) ? other_alg(sealed) : sealed->alg;
	uint64_t rest = (uint64_t)(alg >= 0 ? alg : -1 - alg);
	size_t n = cbor_protected(header, alg);

	if (is(w, OP_NO_PROTECTED))
		n = 0;
	if (is(w, OP_LOOSE_PROTECTED)) {
		header[2] = alg >= 0 ? 0x1a : 0x3a;
		header[3] = header[4] = 0;
		header[5] = (uint8_t)(rest >> 8);
		header[6] = (uint8_t)rest;
		n = 7;
	}
	put_bytes(w, bytes_of(header, n));
}

struct header {
	const char *name;
	int label;
	struct bytes value;
	enum op flipped;
};

static void
put_header(const struct writer *w, const struct header *h, bool comma)
{
	if (w->json)
		buffer_addf(w->b, "%s\"%s\":", comma ? "," : "", h->name);
	else
		cbor_put_int(w->b, h->label);
	if (is(w, h->flipped))
		put_flipped(w, h->value, 0);
	else
		put_bytes(w, h->value);
}

static void
put_unprotected(const struct writer *w, const struct sealed *sealed)
{
	static const uint8_t eight[8];
	struct buffer iv = BUFFER(FLUFFY_MAX_EMITTED);
	struct header headers[3];
	size_t n = 0, i;

	buffer_add(&iv, sealed->iv.p, sealed->iv.n);
	if (is(w, OP_LONG_IV))
		buffer_addc(&iv, 0);
	if (is(w, OP_ADDED_KID) || (sealed->has_kid && !is(w, OP_NO_KID)))
		headers[n++] = (struct header){ "kid", 4, sealed->has_kid ?
		    sealed->kid : bytes_of(eight, 8), OP_KID_FLIPPED };
	if (!sealed->sign1 && !is(w, OP_NO_IV))
		headers[n++] = (struct header){ "iv", 5, buffer_view(&iv),
		    OP_IV_FLIPPED };
	if (is(w, OP_ADDED_HEADER))
		headers[n++] = (struct header){ "partial-iv", 6,
		    bytes_of(eight, 1), OP_NONE };
	if (w->json)
		buffer_addc(w->b, '{');
	else
		cbor_put_map(w->b, n);
	for (i = 0; i < n; i++)
		put_header(w, &headers[i], i > 0);
	if (w->json)
		buffer_addc(w->b, '}');
	buffer_free(&iv);
}

static void
put_ciphertext(const struct writer *w, const struct sealed *sealed)
{
	const struct aead *aead = aead_of(sealed->alg);
	struct bytes c = sealed->ciphertext;
	size_t tag = aead != NULL && c.n >= aead->tag ? c.n - aead->tag : 0;

	if (is(w, OP_CIPHERTEXT_FLIPPED)) {
		/* before the tag, of which every part has something */
		struct writer front = *w;
		struct edit edit = *w->edit;

		edit.random %= 8 * (tag > 0 ? tag : 1);
		front.edit = &edit;
		put_flipped(&front, c, 0);
	} else if (is(w, OP_TAG_FLIPPED))
		put_flipped(w, c, tag);
	else if (is(w, OP_SHORT_CIPHERTEXT))
		put_bytes(w, bytes_of(c.p, c.n < 7 ? c.n : 7));
	else if (is(w, OP_EMPTY_CIPHERTEXT))
		put_bytes(w, bytes_of("", 0));
	else
		put_bytes(w, c);
}

static void
put_sealed(const struct writer *w, const struct sealed *sealed)
{
	bool ciphertext = !is(w, OP_NO_CIPHERTEXT);
	bool signature = sealed->sign1 && !is(w, OP_NO_SIGNATURE);

	if (w->json)
		buffer_adds(w->b, "{\"protected\":");
	else {
		if (is(w, OP_SEAL_TAGGED))
			buffer_addc(w->b, (char)(sealed->sign1 ? 0xd2 :
			    0xd0));
		cbor_put_array(w->b, 2 + (size_t)ciphertext +
		    (size_t)signature);
	}
	put_protected(w, sealed);
	if (w->json)
		buffer_adds(w->b, ",\"unprotected\":");
	put_unprotected(w, sealed);
	if (ciphertext && w->json)
		buffer_adds(w->b, sealed->sign1 ? ",\"payload\":" :
		    ",\"ciphertext\":");
	if (ciphertext)
		put_ciphertext(w, sealed);
	if (signature && w->json)
		buffer_adds(w->b, ",\"signature\":");
	if (signature && is(w, OP_SIGNATURE_FLIPPED))
		put_flipped(w, sealed->signature, 0);
	else if (signature)
		put_bytes(w, sealed->signature);
	if (w->json)
		buffer_addc(w->b, '}');
}

/* ---- a map ----------------------------------------------------------------------------- */

static void put_map(const struct writer *, const void *map);

static void
put_key(const struct writer *w, const struct row *row, bool *first)
{
	if (w->json) {
		if (!*first)
			buffer_addc(w->b, ',');
		json_put_string(w->b, bytes_str(row_name(row)));
		buffer_addc(w->b, ':');
	} else
		cbor_put_int(w->b, row->label);
	*first = false;
}

static bool
is_of_seal(enum op op)
{
	return op >= OP_CIPHERTEXT_FLIPPED && op <= OP_SEAL_TAGGED;
}

static void
put_member(const struct writer *w, const void *map, const struct row *row,
    bool *first)
{
	bool edited = here(w, map, row);

	if (edited && is(w, OP_REMOVED))
		return;
	put_key(w, row, first);
	if (edited && is_of_seal(w->edit->op))
		put_sealed(w, member_at(map, row));
	else if (edited)
		put_value(w, map, row);
	else if (row->kind == K_MAP)
		put_map(w, *(const void *const *)member_at(map, row));
	else
		put_plain(w, map, row);
	if (edited && is(w, OP_DUPLICATED)) {
		put_key(w, row, first);
		put_plain(w, map, row);
	}
}

static void
put_extra(const struct writer *w, const struct extra *extra, bool *first)
{
	bool text = (extra->label.p[0] & 0xe0) == 0x60;

	if (!w->json) {
		buffer_add(w->b, extra->label.p, extra->label.n);
		buffer_add(w->b, extra->value.p, extra->value.n);
		return;
	}
	buffer_adds(w->b, *first ? "" : ",");
	buffer_adds(w->b, text ? "" : "\"");
	json_put_any(w->b, extra->label);
	buffer_adds(w->b, text ? ":" : "\":");
	json_put_any(w->b, extra->value);
	*first = false;
}

/* Arrays in arrays, deeper than 16 with the message's map. */
static void
put_deep(const struct writer *w)
{
	int i;

	for (i = 0; i < 16 && w->json; i++)
		buffer_addc(w->b, '[');
	for (i = 0; i < 15 && !w->json; i++)
		cbor_put_array(w->b, 1);
	if (!w->json)
		cbor_put_array(w->b, 0);
	for (i = 0; i < 16 && w->json; i++)
		buffer_addc(w->b, ']');
}

/* One more member than the structure has. */
static void
put_added(const struct writer *w, const struct schema *schema, bool first)
{
	int label = LABEL_UNKNOWN;

	if (is(w, OP_FOREIGN_MEMBER))
		label = schema_row(schema, L_ta) == NULL ? L_ta : L_crealm;
	if (!w->json)
		cbor_put_int(w->b, label);
	else if (label == LABEL_UNKNOWN)
		buffer_addf(w->b, "%s\"%d\":", first ? "" : ",", label);
	else
		buffer_addf(w->b, "%s\"%s\":", first ? "" : ",",
		    label_name(label));
	if (is(w, OP_DEEP))
		put_deep(w);
	else if (is(w, OP_LARGE))
		put_too_long(w, FLUFFY_MAX_EMITTED - 1);
	else
		put_text(w, BYTES("x"));
}

static bool
adds(enum op op)
{
	return op == OP_UNKNOWN_MEMBER || op == OP_FOREIGN_MEMBER ||
	    op == OP_DEEP || op == OP_LARGE;
}

/* The i-th place of 64: JSON has section 5's order, CBOR that of the labels. */
static const struct row *
row_at(const struct writer *w, const struct schema *schema, int i)
{
	const struct row *row;

	if (w->json)
		return i < schema->n_rows ? &schema->rows[i] : NULL;
	row = schema_row(schema, i);
	return row != NULL ? row : schema_row(schema, -i);
}

static size_t
count_members(const struct writer *w, const struct head *head)
{
	const struct edit *edit = w->edit;
	size_t n = (size_t)__builtin_popcountll(head->has) + head->n_extras;

	if (edit->map != head)
		return n;
	if (edit->row != NULL)
		return edit->op == OP_REMOVED ? n - 1 :
		    edit->op == OP_DUPLICATED ? n + 1 : n;
	return adds(edit->op) || edit->op == OP_COUNT_MORE ? n + 1 : n;
}

static void
put_map(const struct writer *w, const void *map)
{
	const struct head *head = map;
	const struct schema *schema = head->schema;
	bool edited = here(w, map, NULL), first = true;
	bool indefinite = edited && is(w, OP_INDEFINITE);
	bool reversed = edited && is(w, OP_REVERSED);
	size_t i;
	int at;

	if (w->json)
		buffer_addc(w->b, '{');
	else if (indefinite)
		buffer_addc(w->b, (char)0xbf);
	else
		cbor_put_map(w->b, count_members(w, head));
	for (at = 0; at < 64; at++) {
		const struct row *row = row_at(w, schema,
		    reversed ? 63 - at : at);

		if (row != NULL && (head->has & label_bit(row->label)) != 0)
			put_member(w, map, row, &first);
	}
	for (i = 0; i < head->n_extras; i++)
		put_extra(w, &head->extras[i], &first);
	if (edited && adds(w->edit->op))
		put_added(w, schema, first);
	if (w->json)
		buffer_addc(w->b, '}');
	else if (indefinite)
		buffer_addc(w->b, (char)0xff);
}

/* ---- the message -------------------------------------------------------------------------- */

/* White space between the tokens of a JSON text without any. */
static void
put_blanks(struct buffer *to, struct bytes json)
{
	bool quoted = false, escaped = false;
	size_t i;

	for (i = 0; i < json.n; i++) {
		uint8_t c = json.p[i];

		buffer_addc(to, (char)c);
		if (!escaped && c == '"')
			quoted = !quoted;
		escaped = quoted && !escaped && c == '\\';
		if (!quoted && memchr("{}[],:", c, 6) != NULL &&
		    i + 1 < json.n)
			buffer_adds(to, " \t\r\n");
	}
}

void
mutate_write(struct buffer *to, const struct fluffy_msg *msg, bool json,
    const struct edit *edit)
{
	struct buffer b = BUFFER(to->max);
	const struct writer w = { .b = &b, .edit = edit,
	    .json = json != (edit->op == OP_OTHER_ENCODING) };

	put_map(&w, msg);
	if (edit->op == OP_BYTE_ORDER_MARK)
		buffer_adds(to, "\xef\xbb\xbf");
	if (edit->op == OP_BLANK_BEFORE)
		buffer_addc(to, ' ');
	if (edit->op == OP_SELF_TAG)
		buffer_adds(to, "\xd9\xd9\xf7");
	if (edit->op == OP_BLANKS)
		put_blanks(to, buffer_view(&b));
	else
		buffer_add(to, b.p, edit->op == OP_CUT_OFF && b.n > 0 ?
		    b.n - 1 : b.n);
	to->failed |= b.failed;
	buffer_free(&b);
}

/*
 * mutate_write.c - writing a message with one thing different
 *
 * With mutate_value.c a second, deliberately wrong pair of emitters: what isn't
 * to be different is left to the right ones.
 */
#include "alg.h"
#include "cbor.h"
#include "json.h"
#include "mutate.h"

#define LABEL_UNKNOWN 100	/* section 3 has none from here on */

/* Is it the place that is to be different? */
static bool
here(const struct writer *w, const void *map, const struct row *row)
{
	return w->edit->map == map && w->edit->row == row;
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
	int64_t alg = mutate_is(w, OP_OTHER_ALG) ? other_alg(sealed) : sealed->alg;
	uint64_t rest = (uint64_t)(alg >= 0 ? alg : -1 - alg);
	size_t n = cbor_protected(header, alg);

	if (mutate_is(w, OP_NO_PROTECTED))
		n = 0;
	if (mutate_is(w, OP_LOOSE_PROTECTED)) {
		header[2] = alg >= 0 ? 0x1a : 0x3a;
		header[3] = header[4] = 0;
		header[5] = (uint8_t)(rest >> 8);
		header[6] = (uint8_t)rest;
		n = 7;
	}
	mutate_put_bytes(w, bytes_of(header, n));
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
	if (mutate_is(w, h->flipped))
		mutate_put_flipped(w, h->value, 0);
	else
		mutate_put_bytes(w, h->value);
}

static void
put_unprotected(const struct writer *w, const struct sealed *sealed)
{
	static const uint8_t eight[8];
	struct buffer iv = BUFFER(FLUFFY_MAX_EMITTED);
	struct header headers[3];
	size_t n = 0, i;

	buffer_add(&iv, sealed->iv.p, sealed->iv.n);
	if (mutate_is(w, OP_LONG_IV))
		buffer_addc(&iv, 0);
	if (mutate_is(w, OP_ADDED_KID) || (sealed->has_kid && !mutate_is(w, OP_NO_KID)))
		headers[n++] = (struct header){ "kid", 4, sealed->has_kid ?
		    sealed->kid : bytes_of(eight, 8), OP_KID_FLIPPED };
	if (!sealed->sign1 && !mutate_is(w, OP_NO_IV))
		headers[n++] = (struct header){ "iv", 5, buffer_view(&iv),
		    OP_IV_FLIPPED };
	if (mutate_is(w, OP_ADDED_HEADER))
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

/* Another nonce, and all well-formed. */
static void
put_other_payload(const struct writer *w, const struct sealed *sealed)
{
	struct bytes c = sealed->ciphertext, nonce = sealed->plain->nonce;
	const uint8_t *at = memmem(c.p, c.n, nonce.p, nonce.n);
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);

	buffer_add(&b, c.p, c.n);
	if (!b.failed && at != NULL)
		b.p[at - c.p] ^= 1;
	mutate_put_bytes(w, buffer_view(&b));
	w->b->failed |= b.failed;
	buffer_free(&b);
}

static void
put_ciphertext(const struct writer *w, const struct sealed *sealed)
{
	const struct aead *aead = aead_of(sealed->alg);
	struct bytes c = sealed->ciphertext;
	size_t tag = aead != NULL && c.n >= aead->tag ? c.n - aead->tag : 0;

	if (mutate_is(w, OP_CIPHERTEXT_FLIPPED)) {
		/* before the tag, of which every part has something */
		struct writer front = *w;
		struct edit edit = *w->edit;

		edit.random %= 8 * (tag > 0 ? tag : 1);
		front.edit = &edit;
		mutate_put_flipped(&front, c, 0);
	} else if (mutate_is(w, OP_TAG_FLIPPED))
		mutate_put_flipped(w, c, tag);
	else if (mutate_is(w, OP_SHORT_CIPHERTEXT))
		mutate_put_bytes(w, bytes_of(c.p, c.n < 7 ? c.n : 7));
	else if (mutate_is(w, OP_EMPTY_CIPHERTEXT))
		mutate_put_bytes(w, bytes_of("", 0));
	else if (mutate_is(w, OP_OTHER_PAYLOAD))
		put_other_payload(w, sealed);
	else
		mutate_put_bytes(w, c);
}

static void
put_sealed(const struct writer *w, const struct sealed *sealed)
{
	bool ciphertext = !mutate_is(w, OP_NO_CIPHERTEXT);
	bool signature = sealed->sign1 && !mutate_is(w, OP_NO_SIGNATURE);

	if (w->json)
		buffer_adds(w->b, "{\"protected\":");
	else {
		if (mutate_is(w, OP_SEAL_TAGGED))
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
	if (signature && mutate_is(w, OP_SIGNATURE_FLIPPED))
		mutate_put_flipped(w, sealed->signature, 0);
	else if (signature)
		mutate_put_bytes(w, sealed->signature);
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

	if (edited && mutate_is(w, OP_REMOVED))
		return;
	put_key(w, row, first);
	if (edited && is_of_seal(w->edit->op))
		put_sealed(w, mutate_member(map, row));
	else if (edited)
		mutate_put_value(w, map, row);
	else if (row->kind == K_MAP)
		put_map(w, *(const void *const *)mutate_member(map, row));
	else
		mutate_put_plain(w, map, row);
	if (edited && mutate_is(w, OP_DUPLICATED)) {
		put_key(w, row, first);
		mutate_put_plain(w, map, row);
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

static bool
has_extra(const struct head *head, int label)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	bool has = false;
	size_t i;

	cbor_put_int(&b, label);
	for (i = 0; i < head->n_extras; i++)
		has |= bytes_eq(head->extras[i].label, buffer_view(&b));
	buffer_free(&b);
	return has;
}

/* One more member than the structure has. */
static void
put_added(const struct writer *w, const struct head *head, bool first)
{
	int label = LABEL_UNKNOWN;

	while (has_extra(head, label))
		label++;
	if (mutate_is(w, OP_FOREIGN_MEMBER))
		label = schema_row(head->schema, L_ta) == NULL ? L_ta :
		    L_crealm;
	if (!w->json)
		cbor_put_int(w->b, label);
	else if (label >= LABEL_UNKNOWN)
		buffer_addf(w->b, "%s\"%d\":", first ? "" : ",", label);
	else
		buffer_addf(w->b, "%s\"%s\":", first ? "" : ",",
		    label_name(label));
	if (mutate_is(w, OP_DEEP))
		put_deep(w);
	else if (mutate_is(w, OP_LARGE))
		mutate_put_too_long(w, FLUFFY_MAX_EMITTED - 1);
	else
		mutate_put_text(w, BYTES("x"));
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
	bool indefinite = edited && mutate_is(w, OP_INDEFINITE);
	bool reversed = edited && mutate_is(w, OP_REVERSED);
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
		put_added(w, head, first);
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

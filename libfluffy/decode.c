/*
 * decode.c - from decoded items to validated structures
 *
 * One walk for both encodings: where they differ (a name or a number, a word
 * or a number, base64url or bytes) a leaf asks which one it is in.
 */
#include <math.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "alg.h"
#include "any.h"
#include "base64url.h"
#include "cbor.h"
#include "decode.h"
#include "json.h"
#include "text.h"

struct decoder {
	fluffy_ctx *ctx;
	struct arena *arena;
	const struct tree *t;
};

static enum fluffy_error decode_map(struct decoder *, uint32_t at,
    const struct schema *, void *map, const struct path *);

#define malformed(d, path, ...) \
	fluffy_fail((d)->ctx, FLUFFY_E_MALFORMED, path, __VA_ARGS__)

static bool
is(const struct decoder *d, uint32_t at, enum node_type type)
{
	return d->t->v[at].type == type && d->t->v[at].tag == TAG_NONE;
}

static struct bytes
string_at(const struct decoder *d, uint32_t at)
{
	return tree_string(d->t, &d->t->v[at]);
}

static enum fluffy_error
expected(struct decoder *d, uint32_t at, const struct path *path,
    const char *what)
{
	return malformed(d, path, "expected %s, found %s", what,
	    node_describe(&d->t->v[at]));
}

/* To be emitted. */
static enum fluffy_error
too_large(struct decoder *d, const struct path *path)
{
	d->ctx->refused_at = READ_SIZE;
	return malformed(d, path, "over %u bytes of CBOR", FLUFFY_MAX_EMITTED);
}

/* ---- leaves -------------------------------------------------------------- */

static enum fluffy_error
get_uint(struct decoder *d, uint32_t at, uint64_t min, uint64_t max,
    const struct path *path, uint64_t *out)
{
	int64_t i;

	if (!is(d, at, N_INT))
		return expected(d, at, path, "a whole number");
	i = d->t->v[at].v.i;
	if (i > MAX_SAFE || i < -MAX_SAFE)
		return malformed(d, path, "expected a number from %llu to "
		    "%llu, found one beyond 2^53-1", (unsigned long long)min,
		    (unsigned long long)max);
	if (i < 0 || (uint64_t)i < min || (uint64_t)i > max)
		return malformed(d, path, "expected a number from %llu to "
		    "%llu, found %lld", (unsigned long long)min,
		    (unsigned long long)max, (long long)i);
	*out = (uint64_t)i;
	return FLUFFY_OK;
}

static enum fluffy_error
keep(struct decoder *d, struct bytes from, struct bytes *to)
{
	if (!arena_copy(d->arena, from, to))
		return fluffy_fail_memory(d->ctx);
	return FLUFFY_OK;
}

static enum fluffy_error
get_text(struct decoder *d, uint32_t at, const struct row *row,
    const struct path *path, struct bytes *out)
{
	struct bytes s;

	if (!is(d, at, N_TEXT))
		return expected(d, at, path, "text");
	s = string_at(d, at);
	if (s.n < row->min || s.n > row->max)
		return malformed(d, path, "expected %u to %u bytes of text, "
		    "found %zu", row->min, row->max, s.n);
	if (!utf8_valid(s))
		return malformed(d, path, "invalid UTF-8");
	if (utf8_has_control(s))
		return malformed(d, path, "control characters");
	return keep(d, s, out);
}

static enum fluffy_error
get_name(struct decoder *d, uint32_t at, const struct row *row,
    const struct path *path, struct bytes *out)
{
	char uuid[UUID_TEXT];

	if (d->t->json || !is(d, at, N_BYTES))
		return get_text(d, at, row, path, out);
	if (d->t->v[at].n != UUID_SIZE)
		return malformed(d, path, "expected a name: text, or the 16 "
		    "bytes of a UUID, found %u bytes", d->t->v[at].n);
	uuid_format(string_at(d, at).p, uuid);
	return keep(d, bytes_of(uuid, sizeof(uuid)), out);
}

static enum fluffy_error
get_base64url(struct decoder *d, uint32_t at, const struct path *path,
    struct bytes *out)
{
	struct bytes s;
	uint8_t *p;

	if (!is(d, at, N_TEXT))
		return expected(d, at, path, "base64url");
	s = string_at(d, at);
	if ((p = arena_alloc(d->arena, BASE64URL_DECODED(s.n) + 1)) == NULL)
		return fluffy_fail_memory(d->ctx);
	if (!base64url_decode(s, p))
		return malformed(d, path, "not base64url without padding");
	*out = bytes_of(p, BASE64URL_DECODED(s.n));
	return FLUFFY_OK;
}

static enum fluffy_error
get_bytes(struct decoder *d, uint32_t at, size_t min, size_t max,
    const struct path *path, struct bytes *out)
{
	enum fluffy_error e;

	if (d->t->json)
		e = get_base64url(d, at, path, out);
	else if (!is(d, at, N_BYTES))
		return expected(d, at, path, "a byte string");
	else
		e = keep(d, string_at(d, at), out);
	if (e != FLUFFY_OK)
		return e;
	if (out->n >= min && out->n <= max)
		return FLUFFY_OK;
	if (min == max)
		return malformed(d, path, "expected %zu bytes, found %zu",
		    min, out->n);
	return malformed(d, path, "expected %zu to %zu bytes, found %zu",
	    min, max, out->n);
}

static enum fluffy_error
get_token(struct decoder *d, uint32_t at, enum registry registry,
    const struct path *path, int64_t *out)
{
	const struct node *node = &d->t->v[at];

	if (d->t->json && is(d, at, N_TEXT)) {
		if (number_of(registry, string_at(d, at), out))
			return FLUFFY_OK;
		return malformed(d, path, "not a registered %s",
		    registry_words(registry)->name);
	}
	if (!is(d, at, N_INT))
		return expected(d, at, path, d->t->json ?
		    "a registered word or a number" : "an integer");
	if (node->v.i > MAX_SAFE || node->v.i < -MAX_SAFE)
		return malformed(d, path, "a number beyond 2^53-1");
	if (d->t->json && word_of(registry, node->v.i) != NULL)
		return malformed(d, path, "%lld must be written as \"%s\"",
		    (long long)node->v.i, word_of(registry, node->v.i));
	*out = node->v.i;
	return FLUFFY_OK;
}

static enum fluffy_error
add_token(struct decoder *d, uint32_t at, enum registry registry,
    const struct path *path, struct tokens *out)
{
	enum fluffy_error e;
	int64_t token;
	size_t i;

	if ((e = get_token(d, at, registry, path, &token)) != FLUFFY_OK)
		return e;
	for (i = 0; i < out->n; i++)
		if (out->v[i] == token)
			return malformed(d, path, "duplicate");
	out->v[out->n++] = token;
	return FLUFFY_OK;
}

static enum fluffy_error
get_tokens(struct decoder *d, uint32_t at, const struct row *row,
    const struct path *path, struct tokens *out)
{
	const struct node *node = &d->t->v[at];
	struct path element = { .up = path };
	enum fluffy_error e;
	uint32_t i;

	if ((row->flags & F_BARE) != 0 && !is(d, at, N_ARRAY)) {
		out->bare = true;
		return add_token(d, at, row->registry, path, out);
	}
	if (!is(d, at, N_ARRAY))
		return expected(d, at, path, "an array");
	if (node->n < row->min || node->n > row->max)
		return malformed(d, path, "expected %u to %u elements, found "
		    "%u", row->min, row->max, node->n);
	for (i = at + 1; i < node->end; i = d->t->v[i].end) {
		e = add_token(d, i, row->registry, &element, out);
		if (e != FLUFFY_OK)
			return e;
		element.index++;
	}
	return FLUFFY_OK;
}

/* One word, or the number of a bit that has none. */
static enum fluffy_error
add_flag(struct decoder *d, uint32_t at, enum registry registry,
    const struct path *path, uint32_t *out)
{
	enum fluffy_error e;
	int64_t bit;

	if ((e = get_token(d, at, registry, path, &bit)) != FLUFFY_OK)
		return e;
	if (bit < 0 || bit > 31)
		return malformed(d, path, "expected a bit from 0 to 31");
	if ((*out & (uint32_t)1 << bit) != 0)
		return malformed(d, path, "duplicate");
	*out |= (uint32_t)1 << bit;
	return FLUFFY_OK;
}

static enum fluffy_error
get_flags(struct decoder *d, uint32_t at, const struct row *row,
    const struct path *path, uint32_t *out)
{
	struct path element = { .up = path };
	enum fluffy_error e;
	uint64_t bits;
	uint32_t i;

	if (!d->t->json) {
		e = get_uint(d, at, 0, UINT32_MAX, path, &bits);
		*out = (uint32_t)(e == FLUFFY_OK ? bits : 0);
		return e;
	}
	if (!is(d, at, N_ARRAY))
		return expected(d, at, path, "an array");
	for (i = at + 1; i < d->t->v[at].end; i = d->t->v[i].end) {
		e = add_flag(d, i, row->registry, &element, out);
		if (e != FLUFFY_OK)
			return e;
		element.index++;
	}
	return FLUFFY_OK;
}

static enum fluffy_error
get_list(struct decoder *d, uint32_t at, const struct row *row,
    const struct path *path, struct bytes_list *out)
{
	const struct node *node = &d->t->v[at];
	struct path element = { .up = path };
	enum fluffy_error e;
	uint32_t i;

	if (!is(d, at, N_ARRAY))
		return expected(d, at, path, "an array");
	if (node->n < row->min || node->n > row->max)
		return malformed(d, path, "expected %u to %u elements, found "
		    "%u", row->min, row->max, node->n);
	for (i = at + 1; i < node->end; i = d->t->v[i].end) {
		e = get_bytes(d, i, 0, FLUFFY_MAX_EMITTED, &element,
		    &out->v[out->n]);
		if (e != FLUFFY_OK)
			return e;
		out->n++;
		element.index++;
	}
	return FLUFFY_OK;
}

static enum fluffy_error
get_any(struct decoder *d, uint32_t at, const struct path *path,
    struct bytes *out)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	enum fluffy_error e;

	e = any_canonical(d->ctx, d->t, at, path, &b);
	if (e == FLUFFY_OK && b.failed && b.no_memory)
		e = fluffy_fail_memory(d->ctx);
	else if (e == FLUFFY_OK && b.failed)
		e = too_large(d, path);
	if (e == FLUFFY_OK)
		e = keep(d, buffer_view(&b), out);
	buffer_free(&b);
	return e;
}

/* ---- sealed parts (section 4) -------------------------------------------- */

struct sealed_items {
	uint32_t protected, unprotected, ciphertext, signature; /* 0: absent */
	bool sign1;
};

static enum fluffy_error
sealed_array(struct decoder *d, uint32_t at, const struct path *path,
    struct sealed_items *items)
{
	const struct node *node = &d->t->v[at];

	if (node->type != N_ARRAY || (node->tag != TAG_NONE &&
	    node->tag != TAG_ENCRYPT0 && node->tag != TAG_SIGN1))
		return expected(d, at, path, "a COSE array");
	if (node->n != 3 && node->n != 4)
		return malformed(d, path, "expected a COSE array of 3, found "
		    "%u", node->n);
	items->sign1 = node->n == 4;
	if (node->tag == (items->sign1 ? TAG_ENCRYPT0 : TAG_SIGN1))
		return malformed(d, path, "the tag of another COSE structure");
	items->protected = at + 1;
	items->unprotected = d->t->v[items->protected].end;
	items->ciphertext = d->t->v[items->unprotected].end;
	if (items->sign1)
		items->signature = d->t->v[items->ciphertext].end;
	return FLUFFY_OK;
}

static enum fluffy_error
sealed_object(struct decoder *d, uint32_t at, const struct path *path,
    struct sealed_items *items)
{
	const struct node *node = &d->t->v[at];
	struct bytes name;
	uint32_t i, value;

	if (!is(d, at, N_MAP))
		return expected(d, at, path, "an object");
	for (i = at + 1; i < node->end; i = d->t->v[value].end) {
		value = d->t->v[i].end;
		name = string_at(d, i);
		if (bytes_eq(name, BYTES("protected")))
			items->protected = value;
		else if (bytes_eq(name, BYTES("unprotected")))
			items->unprotected = value;
		else if (bytes_eq(name, BYTES("ciphertext")) ||
		    bytes_eq(name, BYTES("payload"))) {
			if (items->ciphertext != 0)
				return malformed(d, path, "both ciphertext "
				    "and payload");
			items->ciphertext = value;
			items->sign1 = name.p[0] == 'p';
		} else if (bytes_eq(name, BYTES("signature")))
			items->signature = value;
		else
			return malformed(d, path, "an unknown COSE member");
	}
	if (items->signature != 0 && !items->sign1)
		return malformed(d, path, "a signature without payload");
	return FLUFFY_OK;
}

static enum fluffy_error
get_protected(struct decoder *d, uint32_t at, const struct path *up,
    int64_t *alg)
{
	struct path path = { .up = up, .name = "protected", .len = 9 };
	struct bytes header;
	enum fluffy_error e;

	e = get_bytes(d, at, 0, FLUFFY_MAX_EMITTED, &path, &header);
	if (e == FLUFFY_OK && !cbor_protected_alg(header, alg))
		e = malformed(d, &path, "expected {1: alg} and nothing else");
	return e;
}

/* kid is 4, iv is 5 (RFC 9052, section 3.1). */
static int
header_label(const struct decoder *d, uint32_t at)
{
	if (!d->t->json)
		return is(d, at, N_INT) && (d->t->v[at].v.i == 4 ||
		    d->t->v[at].v.i == 5) ? (int)d->t->v[at].v.i : 0;
	if (bytes_eq(string_at(d, at), BYTES("kid")))
		return 4;
	return bytes_eq(string_at(d, at), BYTES("iv")) ? 5 : 0;
}

static enum fluffy_error
get_unprotected(struct decoder *d, uint32_t at, const struct path *up,
    struct sealed *out)
{
	struct path path = { .up = up, .name = "unprotected", .len = 11 };
	bool seen[6] = { false };
	enum fluffy_error e;
	uint32_t i, value;
	int label;

	if (!is(d, at, N_MAP))
		return expected(d, at, &path, "a map");
	for (i = at + 1; i < d->t->v[at].end; i = d->t->v[value].end) {
		value = d->t->v[i].end;
		if ((label = header_label(d, i)) == 0)
			return malformed(d, &path, "another header parameter "
			    "than kid and iv");
		if (seen[label])
			return malformed(d, &path, "duplicate %s",
			    label == 4 ? "kid" : "iv");
		seen[label] = true;
		e = label == 4 ? get_bytes(d, value, 1, 32, &path, &out->kid) :
		    get_bytes(d, value, 0, FLUFFY_MAX_EMITTED, &path,
		    &out->iv);
		if (e != FLUFFY_OK)
			return e;
	}
	out->has_kid = seen[4];
	if (seen[5] == out->sign1)
		return malformed(d, &path, out->sign1 ? "iv in a COSE_Sign1" :
		    "iv: missing");
	return FLUFFY_OK;
}

static enum fluffy_error
check_sealed(struct decoder *d, const struct row *row, const struct path *path,
    const struct sealed *s)
{
	bool wants_kid = !s->sign1 && (row->flags & F_NO_KID) == 0;
	const struct aead *aead = aead_of(s->alg);

	if (s->sign1 && (row->flags & F_SIGN1) == 0)
		return malformed(d, path, "a COSE_Sign1 has no place here");
	if (s->has_kid != wants_kid)
		return malformed(d, path, wants_kid ? "kid: missing" :
		    "kid: not allowed here");
	if (!s->sign1 && aead != NULL && s->iv.n != aead->iv)
		return malformed(d, path, "iv: expected %zu bytes, found %zu",
		    aead->iv, s->iv.n);
	return FLUFFY_OK;
}

/* Section 7: the payload is the authenticator, in clear, without cksum. */
static enum fluffy_error
get_payload(struct decoder *d, const struct row *row, const struct path *path,
    struct sealed *s)
{
	enum fluffy_error e;

	e = decode_part(d->ctx, d->arena, s->ciphertext, row->sub, path,
	    &s->plain);
	if (e == FLUFFY_OK && HAS(s->plain, L_cksum))
		e = malformed(d, path, "cksum: not allowed in a COSE_Sign1");
	return e;
}

static enum fluffy_error
get_sealed_bytes(struct decoder *d, uint32_t at, const struct path *path,
    const char *name, struct bytes *out)
{
	struct path member = { .up = path, .name = name, .len = strlen(name) };

	return get_bytes(d, at, 0, FLUFFY_MAX_EMITTED, &member, out);
}

static enum fluffy_error
get_sealed(struct decoder *d, uint32_t at, const struct row *row,
    const struct path *path, struct sealed *out)
{
	struct sealed_items items = { 0 };
	const char *content;
	enum fluffy_error e;

	e = d->t->json ? sealed_object(d, at, path, &items) :
	    sealed_array(d, at, path, &items);
	if (e != FLUFFY_OK)
		return e;
	if (items.protected == 0 || items.unprotected == 0 ||
	    items.ciphertext == 0 || (items.sign1 && items.signature == 0))
		return malformed(d, path, "%s: missing",
		    items.protected == 0 ? "protected" :
		    items.unprotected == 0 ? "unprotected" :
		    items.ciphertext == 0 ? "ciphertext" : "signature");
	out->sign1 = items.sign1;
	if ((e = get_protected(d, items.protected, path, &out->alg)) != 0 ||
	    (e = get_unprotected(d, items.unprotected, path, out)) != 0)
		return e;
	content = items.sign1 ? "payload" : "ciphertext";
	e = get_sealed_bytes(d, items.ciphertext, path, content,
	    &out->ciphertext);
	if (e == FLUFFY_OK && out->sign1)
		e = get_sealed_bytes(d, items.signature, path, "signature",
		    &out->signature);
	if (e == FLUFFY_OK)
		e = check_sealed(d, row, path, out);
	if (e == FLUFFY_OK && out->sign1)
		e = get_payload(d, row, path, out);
	return e;
}

/* ---- maps ----------------------------------------------------------------- */

/* The label of a map's member: an integer, or else a text. */
struct label_found {
	const struct row *row;	/* NULL: unknown, kept as an extra */
	bool text;
	int64_t number;
	struct bytes name;
};

static const struct row *
row_by_name(const struct schema *schema, struct bytes name)
{
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++)
		if (bytes_eq(bytes_str(row_name(&schema->rows[i])), name))
			return &schema->rows[i];
	return NULL;
}

static enum fluffy_error
text_label(struct decoder *d, struct bytes name, const struct path *path,
    struct label_found *out)
{
	int64_t number;

	if (name.n < 1 || name.n > 255)
		return malformed(d, path, "a label of %zu bytes", name.n);
	if (!utf8_valid(name))
		return malformed(d, path, "invalid UTF-8 in a label");
	if (label_number(name, &number)) {
		if (d->t->json)
			return malformed(d, path, "not a member of this "
			    "structure");
		return malformed(d, path, "a label that must be the number "
		    "%lld", (long long)number);
	}
	out->text = true;
	out->name = name;
	return FLUFFY_OK;
}

static enum fluffy_error
number_label(struct decoder *d, int64_t number, const struct schema *schema,
    const struct path *path, struct label_found *out)
{
	out->number = number;
	if (number > MAX_SAFE || number < -MAX_SAFE)
		return malformed(d, path, "a label beyond 2^53-1");
	if (!d->t->json &&
	    (out->row = schema_row(schema, number)) != NULL)
		return FLUFFY_OK;
	if (label_name(number) != NULL)
		return malformed(d, path, d->t->json ?
		    "a label that must be the name \"%s\"" :
		    "%s: not a member of this structure", label_name(number));
	return FLUFFY_OK;
}

static enum fluffy_error
get_label(struct decoder *d, uint32_t at, const struct schema *schema,
    const struct path *path, struct label_found *out)
{
	struct bytes name;
	int64_t number;

	*out = (struct label_found){ NULL };
	if (is(d, at, N_INT))
		return number_label(d, d->t->v[at].v.i, schema, path, out);
	if (!is(d, at, N_TEXT))
		return expected(d, at, path, "a label");
	name = string_at(d, at);
	if (d->t->json && (out->row = row_by_name(schema, name)) != NULL)
		return FLUFFY_OK;
	if (!decimal_form(name))
		return text_label(d, name, path, out);
	if (!d->t->json)
		return malformed(d, path, "a text label that is a number");
	if (!decimal_value(name, &number))
		return malformed(d, path, "a label beyond 2^53-1");
	return number_label(d, number, schema, path, out);
}

static enum fluffy_error
get_value(struct decoder *d, uint32_t at, const struct row *row,
    const struct path *path, uint8_t *to)
{
	void *out = to;
	void *map;

	switch ((enum kind)row->kind) {
	case K_UINT:
		return get_uint(d, at, row->min, row->max, path, out);
	case K_TIME:
		return get_uint(d, at, 0, MAX_SAFE, path, out);
	case K_NAME:
		return get_name(d, at, row, path, out);
	case K_BYTES:
		return get_bytes(d, at, row->min, row->max, path, out);
	case K_TEXT:
		return get_text(d, at, row, path, out);
	case K_BYTES_LIST:
		return get_list(d, at, row, path, out);
	case K_TOKEN:
		return get_token(d, at, row->registry, path, out);
	case K_TOKENS:
		return get_tokens(d, at, row, path, out);
	case K_FLAGS:
		return get_flags(d, at, row, path, out);
	case K_ANY:
		return get_any(d, at, path, out);
	case K_SEALED:
		return get_sealed(d, at, row, path, out);
	case K_MAP:
		break;
	}
	if ((map = arena_alloc(d->arena, row->sub->size)) == NULL)
		return fluffy_fail_memory(d->ctx);
	*(void **)out = map;
	return decode_map(d, at, row->sub, map, path);
}

static enum fluffy_error
add_extra(struct decoder *d, uint32_t at, const struct label_found *label,
    const struct path *path, struct extra *extra)
{
	struct buffer b = BUFFER(300);
	enum fluffy_error e;

	if (label->text)
		cbor_put_text(&b, label->name);
	else
		cbor_put_int(&b, label->number);
	e = b.failed ? fluffy_fail_memory(d->ctx) :
	    keep(d, buffer_view(&b), &extra->label);
	buffer_free(&b);
	return e == FLUFFY_OK ? get_any(d, at, path, &extra->value) : e;
}

/* What the member is called in errors, as long as its row isn't known. */
static void
name_label(const struct decoder *d, uint32_t at, const struct schema *schema,
    struct path *path, char number[24])
{
	int64_t label = is(d, at, N_INT) ? d->t->v[at].v.i : 0;

	if (is(d, at, N_TEXT)) {
		path->name = (const char *)string_at(d, at).p;
		path->len = d->t->v[at].n;
	} else if (d->t->json || schema_row(schema, label) == NULL) {
		path->name = number;
		path->len = (size_t)snprintf(number, 24, "%lld",
		    (long long)label);
	}
}

/* The member behind the label; extras are gathered behind head->extras. */
static enum fluffy_error
get_member(struct decoder *d, uint32_t at, const struct schema *schema,
    void *map, const struct path *up)
{
	struct head *head = map;
	struct path path = { .up = up };
	struct label_found label;
	char number[24];
	enum fluffy_error e;

	name_label(d, at, schema, &path, number);
	e = get_label(d, at, schema, &path, &label);
	if (e != FLUFFY_OK)
		return e;
	at = d->t->v[at].end;
	if (label.row != NULL) {
		path.name = row_name(label.row);
		path.len = strlen(path.name);
		if ((head->has & label_bit(label.row->label)) != 0)
			return malformed(d, &path, "duplicate");
		head->has |= label_bit(label.row->label);
		return get_value(d, at, label.row, &path,
		    (uint8_t *)map + label.row->offset);
	}
	if (schema->closed)
		return malformed(d, &path, "an unknown member");
	return add_extra(d, at, &label, &path,
	    &head->extras[head->n_extras++]);
}

static int
extra_order(const void *a, const void *b)
{
	const struct extra *x = a, *y = b;

	return bytes_cmp(x->label, y->label);
}

static enum fluffy_error
sort_extras(struct decoder *d, struct head *head, const struct path *path)
{
	size_t i;

	if (head->n_extras < 2)
		return FLUFFY_OK;
	qsort(head->extras, head->n_extras, sizeof(head->extras[0]),
	    extra_order);
	for (i = 1; i < head->n_extras; i++)
		if (bytes_eq(head->extras[i - 1].label, head->extras[i].label))
			return malformed(d, path, "duplicate unknown label");
	return FLUFFY_OK;
}

static enum fluffy_error
check_complete(struct decoder *d, const struct schema *schema,
    const void *map, const struct path *up)
{
	const struct head *head = map;
	struct path path = { .up = up };
	const struct row *row;
	const char *broken;
	int label = SKIP_NONE;
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		path.name = row_name(row);
		path.len = strlen(path.name);
		if ((row->flags & F_OPTIONAL) == 0 &&
		    (head->has & label_bit(row->label)) == 0)
			return malformed(d, &path, "missing");
	}
	if (schema->rule == NULL ||
	    (broken = schema->rule(map, &label)) == NULL)
		return FLUFFY_OK;
	if ((row = schema_row(schema, label)) == NULL)
		return malformed(d, up, "%s", broken);
	path.name = row_name(row);
	path.len = strlen(path.name);
	return malformed(d, &path, "%s", broken);
}

static bool
has_label(const struct decoder *d, uint32_t at, int64_t label)
{
	if (d->t->json)
		return bytes_eq(string_at(d, at),
		    bytes_str(label_name(label)));
	return is(d, at, N_INT) && d->t->v[at].v.i == label;
}

/*
 * The value of a member that has to be known before the others are looked at:
 * it must be there, once.
 */
static enum fluffy_error
find_member(struct decoder *d, uint32_t at, int64_t label,
    const struct path *path, uint32_t *found)
{
	uint32_t i, value;

	*found = 0;
	for (i = at + 1; i < d->t->v[at].end; i = d->t->v[value].end) {
		value = d->t->v[i].end;
		if (!has_label(d, i, label))
			continue;
		if (*found != 0)
			return malformed(d, path, "duplicate");
		*found = value;
	}
	return *found != 0 ? FLUFFY_OK : malformed(d, path, "missing");
}

/* A keydata's table is chosen by its kty. */
static enum fluffy_error
choose(struct decoder *d, uint32_t at, const struct schema **schema,
    const struct path *up)
{
	struct path path = { .up = up, .name = "kty", .len = 3 };
	const struct schema *chosen;
	enum fluffy_error e;
	uint32_t value;
	int64_t kty;

	e = find_member(d, at, L_kty, &path, &value);
	if (e == FLUFFY_OK)
		e = get_token(d, value, R_KTY, &path, &kty);
	if (e != FLUFFY_OK)
		return e;
	if ((chosen = schema_by_kty(*schema, kty)) != NULL) {
		*schema = chosen;
		return FLUFFY_OK;
	}
	if (word_of(R_KTY, kty) == NULL)
		return malformed(d, &path, "%lld isn't registered",
		    (long long)kty);
	return malformed(d, &path, "a key of type %s has no place here",
	    word_of(R_KTY, kty));
}

static enum fluffy_error
decode_map(struct decoder *d, uint32_t at, const struct schema *schema,
    void *map, const struct path *path)
{
	const struct node *node = &d->t->v[at];
	struct head *head = map;
	enum fluffy_error e;
	uint32_t i;

	/* the message's own map may say that it is CBOR (section 1) */
	if (!is(d, at, N_MAP) &&
	    (at != 0 || node->type != N_MAP || node->tag != TAG_SELF))
		return expected(d, at, path, "a map");
	if (schema->by_kty != NULL &&
	    (e = choose(d, at, &schema, path)) != FLUFFY_OK)
		return e;
	head->schema = schema;
	/* a member takes two bytes at least: don't make room for what is
	   going to be too large */
	if (node->n / 2 > FLUFFY_MAX_EMITTED / 2)
		return too_large(d, path);
	if (!schema->closed && (head->extras = arena_alloc(d->arena,
	    (node->n / 2) * sizeof(head->extras[0]))) == NULL)
		return fluffy_fail_memory(d->ctx);
	for (i = at + 1; i < node->end; i = d->t->v[d->t->v[i].end].end) {
		e = get_member(d, i, schema, map, path);
		if (e != FLUFFY_OK)
			return e;
	}
	if ((e = sort_extras(d, head, path)) != FLUFFY_OK)
		return e;
	return check_complete(d, schema, map, path);
}

/* ---- messages and plaintexts ----------------------------------------------- */

/* pvno comes before any other member (section 6). */
static enum fluffy_error
check_version(struct decoder *d)
{
	struct path path = { .name = "pvno", .len = 4 };
	enum fluffy_error e;
	uint64_t pvno;
	uint32_t at;

	e = find_member(d, 0, L_pvno, &path, &at);
	if (e == FLUFFY_OK)
		e = get_uint(d, at, 0, MAX_SAFE, &path, &pvno);
	if (e == FLUFFY_OK && pvno != 1)
		e = fluffy_fail(d->ctx, FLUFFY_E_BAD_VERSION, &path,
		    "expected 1, found %llu", (unsigned long long)pvno);
	return e;
}

/* The type as far as it can be told, whatever else is wrong; or 0. */
static int64_t
peek_type(struct decoder *d)
{
	struct path path = { .name = "msg-type", .len = 8 };
	uint32_t at;
	int64_t type;

	if (find_member(d, 0, L_msg_type, &path, &at) != FLUFFY_OK ||
	    get_token(d, at, R_TYPE, &path, &type) != FLUFFY_OK ||
	    message_schema(type) == NULL)
		return 0;
	return type;
}

static enum fluffy_error
find_type(struct decoder *d, int64_t *type)
{
	struct path path = { .name = "msg-type", .len = 8 };
	enum fluffy_error e;
	uint32_t at;

	e = find_member(d, 0, L_msg_type, &path, &at);
	if (e == FLUFFY_OK)
		e = get_token(d, at, R_TYPE, &path, type);
	if (e == FLUFFY_OK && message_schema(*type) == NULL)
		e = malformed(d, &path, "%lld isn't registered",
		    (long long)*type);
	return e;
}

enum fluffy_error
fail_emitted(fluffy_ctx *ctx, const struct fluffy_msg *msg,
    const struct buffer *b)
{
	return b->no_memory ? fluffy_fail_memory(ctx) :
	    fluffy_fail_at(ctx, FLUFFY_E_MALFORMED,
	    fluffy_type_name((enum fluffy_type)msg->type),
	    "over %u bytes of CBOR", FLUFFY_MAX_EMITTED);
}

enum fluffy_error
check_emitted(fluffy_ctx *ctx, const struct fluffy_msg *msg)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	enum fluffy_error e = FLUFFY_OK;

	/* what is emitted is in the arena, but for the members' heads */
	if (arena_used(&msg->arena) <= FLUFFY_MAX_EMITTED / 2)
		return FLUFFY_OK;
	cbor_put_struct(&b, msg, SKIP_NONE);
	if (b.failed)
		e = fail_emitted(ctx, msg, &b);
	buffer_free(&b);
	return e;
}

/* How CBOR is emitted doesn't depend on what it means, unlike JSON. */
static enum fluffy_error
check_items(struct decoder *d)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	enum fluffy_error e = FLUFFY_OK;

	for (uint32_t i = 0; i < d->t->n && !b.failed; i++) {
		const struct node *node = &d->t->v[i];

		if (node->type == N_INT)
			cbor_put_int(&b, node->v.i);
		else if (node->type == N_BYTES || node->type == N_TEXT)
			cbor_put_bytes(&b, string_at(d, i));
		else if (node->type == N_MAP)
			cbor_put_map(&b, node->n / 2);
		else	/* a number or word of one byte at least */
			cbor_put_array(&b, node->n);
	}
	if (b.failed)
		e = b.no_memory ? fluffy_fail_memory(d->ctx) :
		    too_large(d, NULL);
	buffer_free(&b);
	return e;
}

/*
 * Section 6 has size and encoding before pvno.  Where the version is ours such
 * faults are found with the structure, which can name them.
 */
static enum fluffy_error
other_version(struct decoder *d, size_t received)
{
	enum fluffy_error e = FLUFFY_OK;

	if (received > FLUFFY_MAX_EMITTED && !d->t->json)
		e = check_items(d);
	if (e != FLUFFY_OK)
		return e;
	d->ctx->refused_at = READ_ENCODING;
	if ((e = check_wellformed(d->ctx, d->t)) != FLUFFY_OK)
		return e;
	d->ctx->refused_at = READ_PVNO;
	return check_version(d);
}

static enum fluffy_error
decode_root(struct decoder *d, size_t received, struct fluffy_msg *msg)
{
	const struct node *root = &d->t->v[0];
	struct path path = { NULL };
	enum fluffy_error e;
	int64_t type;

	d->ctx->refused_at = READ_ENCODING;
	if (root->type != N_MAP ||
	    (root->tag != TAG_NONE && root->tag != TAG_SELF))
		return malformed(d, NULL, "expected a map, found %s",
		    node_describe(root));
	d->ctx->refused_type = peek_type(d);
	d->ctx->refused_at = READ_PVNO;
	if ((e = check_version(d)) == FLUFFY_E_BAD_VERSION)
		e = other_version(d, received);
	if (e != FLUFFY_OK)
		return e;
	d->ctx->refused_at = READ_TYPE;
	if ((e = find_type(d, &type)) != FLUFFY_OK)
		return e;
	d->ctx->refused_at = READ_STRUCTURE;
	path.name = word_of(R_TYPE, type);
	path.len = strlen(path.name);
	msg->format = d->t->json ? FLUFFY_JSON : FLUFFY_CBOR;
	e = decode_map(d, 0, message_schema(type), msg, &path);
	if (e != FLUFFY_OK)
		return e;
	d->ctx->refused_at = READ_SIZE;
	/* CBOR hardly ever grows by being emitted: see the heads of arrays */
	if (msg->format == FLUFFY_CBOR && received <= FLUFFY_MAX_EMITTED / 2)
		return FLUFFY_OK;
	return check_emitted(d->ctx, msg);
}

enum fluffy_error
decode_message(fluffy_ctx *ctx, const struct tree *tree, size_t received,
    struct fluffy_msg **out)
{
	struct fluffy_msg *msg;
	struct decoder d = { .ctx = ctx, .t = tree };
	enum fluffy_error e;

	*out = NULL;
	ctx->refused_type = 0;
	if ((msg = calloc(1, sizeof(*msg))) == NULL)
		return fluffy_fail_memory(ctx);
	d.arena = &msg->arena;
	if ((e = decode_root(&d, received, msg)) == FLUFFY_OK)
		*out = msg;
	else
		fluffy_msg_free(&msg);
	return e;
}

static enum fluffy_error
parse_struct(struct decoder *d, struct tree *tree, struct bytes plaintext,
    const struct schema *schema, const struct path *path, void *map)
{
	struct buffer again = BUFFER(FLUFFY_MAX_EMITTED);
	struct cbor_scan scan;
	enum fluffy_error e;
	enum scan_result r;

	cbor_scan_start(&scan, tree);
	r = cbor_scan_run(&scan, plaintext);
	cbor_scan_end(&scan);
	if (r == SCAN_NO_MEMORY)
		return fluffy_fail_memory(d->ctx);
	if (r != SCAN_DONE || scan.at != plaintext.n)
		return malformed(d, path, "the plaintext isn't one CBOR item");
	if ((e = decode_map(d, 0, schema, map, path)) != FLUFFY_OK)
		return e;
	cbor_put_struct(&again, map, SKIP_NONE);
	/* not bytes_eq: there may be a key in it */
	if (again.no_memory)
		e = fluffy_fail_memory(d->ctx);
	else if (again.n != plaintext.n ||
	    CRYPTO_memcmp(again.p, plaintext.p, plaintext.n) != 0)
		e = malformed(d, path, "the plaintext isn't deterministic "
		    "CBOR");
	buffer_free(&again);
	return e;
}

enum fluffy_error
decode_struct(fluffy_ctx *ctx, struct arena *arena, struct bytes plaintext,
    const struct schema *schema, const struct path *path, void **out)
{
	struct decoder d = { .ctx = ctx, .arena = arena, .t = ctx->scratch };
	void *map = arena_alloc(arena, schema->size);
	enum fluffy_error e;

	*out = NULL;
	if (map == NULL)
		return fluffy_fail_memory(ctx);
	e = parse_struct(&d, ctx->scratch, plaintext, schema, path, map);
	if (e == FLUFFY_OK)
		*out = map;
	tree_reset(ctx->scratch);
	return e;
}

enum fluffy_error
decode_part(fluffy_ctx *ctx, struct arena *arena, struct bytes plaintext,
    const struct schema *schema, const struct path *path, struct part **out)
{
	enum fluffy_error e;
	void *part;

	e = decode_struct(ctx, arena, plaintext, schema, path, &part);
	*out = part;
	return e;
}

enum fluffy_error
decode_any(fluffy_ctx *ctx, struct arena *arena, const char *json,
    const char *what, struct bytes *out)
{
	struct tree tree = { .v = NULL };
	struct decoder d = { .ctx = ctx, .arena = arena, .t = &tree };
	struct path path = { .name = what, .len = strlen(what) };
	struct buffer wrapped = BUFFER(FLUFFY_MAX_RECEIVED);
	enum fluffy_error e;
	bool syntax;

	*out = bytes_of(NULL, 0);
	/* any value, which a JSON document of old couldn't be: an array's */
	buffer_addc(&wrapped, '[');
	buffer_adds(&wrapped, json);
	buffer_addc(&wrapped, ']');
	if (wrapped.failed)
		e = wrapped.no_memory ? fluffy_fail_memory(ctx) :
		    fluffy_fail(ctx, FLUFFY_E_USAGE, &path, "too large");
	else if ((e = json_parse(ctx, &tree, buffer_view(&wrapped),
	    &syntax)) == FLUFFY_E_MEMORY)
		;
	else if (e != FLUFFY_OK || tree.v[0].n != 1)
		e = fluffy_fail(ctx, FLUFFY_E_USAGE, &path,
		    "not one JSON value");
	else if ((e = get_any(&d, 1, &path, out)) == FLUFFY_E_MALFORMED)
		/* the user's mistake, not a message's */
		e = ctx->code = FLUFFY_E_USAGE;
	tree_free(&tree);
	buffer_free(&wrapped);
	return e;
}

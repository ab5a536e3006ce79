/*
 * cbor.c - the CBOR codec
 *
 * libcbor's stream decoder reads one head at a time and allocates nothing; its
 * tree builder isn't used, because it believes lengths and keeps duplicates.
 */
#include <math.h>
#include <stdlib.h>

#include <cbor.h>

#include "cbor.h"
#include "message.h"
#include "text.h"

/* ---- scanning ----------------------------------------------------------- */

/* What libcbor's decoder saw. */
struct event {
	enum { E_ITEM, E_START, E_BREAK, E_TAG } what;
	enum node_type type;
	bool indefinite;
	uint64_t n;	/* items of a container, length of a string */
	int64_t i;
	double f;
	const uint8_t *p;
	uint64_t tag;
};

static int64_t
clamp(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static void
on_uint(void *arg, uint64_t v)
{
	*(struct event *)arg = (struct event){ .type = N_INT, .i = clamp(v) };
}

static void
on_negint(void *arg, uint64_t v)
{
	*(struct event *)arg =
	    (struct event){ .type = N_INT, .i = -1 - clamp(v) };
}

static void on_uint8(void *arg, uint8_t v) { on_uint(arg, v); }
static void on_uint16(void *arg, uint16_t v) { on_uint(arg, v); }
static void on_uint32(void *arg, uint32_t v) { on_uint(arg, v); }
static void on_negint8(void *arg, uint8_t v) { on_negint(arg, v); }
static void on_negint16(void *arg, uint16_t v) { on_negint(arg, v); }
static void on_negint32(void *arg, uint32_t v) { on_negint(arg, v); }

static void
on_bytes(void *arg, cbor_data p, size_t n)
{
	*(struct event *)arg = (struct event){ .type = N_BYTES, .p = p,
	    .n = n };
}

static void
on_text(void *arg, cbor_data p, size_t n)
{
	*(struct event *)arg = (struct event){ .type = N_TEXT, .p = p, .n = n };
}

/* n says of what the chunks are. */
static void
on_chunked_bytes(void *arg)
{
	*(struct event *)arg = (struct event){ .what = E_START,
	    .type = N_CHUNKED, .indefinite = true, .n = N_BYTES };
}

static void
on_chunked_text(void *arg)
{
	*(struct event *)arg = (struct event){ .what = E_START,
	    .type = N_CHUNKED, .indefinite = true, .n = N_TEXT };
}

static void
on_array(void *arg, size_t n)
{
	*(struct event *)arg = (struct event){ .what = E_START,
	    .type = N_ARRAY, .n = n };
}

static void
on_indefinite_array(void *arg)
{
	*(struct event *)arg = (struct event){ .what = E_START,
	    .type = N_ARRAY, .indefinite = true };
}

static void
on_map(void *arg, size_t n)
{
	*(struct event *)arg = (struct event){ .what = E_START,
	    .type = N_MAP, .n = n };
}

static void
on_indefinite_map(void *arg)
{
	*(struct event *)arg = (struct event){ .what = E_START,
	    .type = N_MAP, .indefinite = true };
}

static void
on_tag(void *arg, uint64_t tag)
{
	*(struct event *)arg = (struct event){ .what = E_TAG, .tag = tag };
}

static void
on_float(void *arg, float f)
{
	*(struct event *)arg = (struct event){ .type = N_FLOAT,
	    .f = (double)f };
}

static void
on_double(void *arg, double f)
{
	*(struct event *)arg = (struct event){ .type = N_FLOAT, .f = f };
}

static void
on_undefined(void *arg)
{
	*(struct event *)arg = (struct event){ .type = N_SIMPLE };
}

static void
on_null(void *arg)
{
	*(struct event *)arg = (struct event){ .type = N_NULL };
}

static void
on_bool(void *arg, bool b)
{
	*(struct event *)arg =
	    (struct event){ .type = b ? N_TRUE : N_FALSE };
}

static void
on_break(void *arg)
{
	*(struct event *)arg = (struct event){ .what = E_BREAK };
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8, .uint16 = on_uint16, .uint32 = on_uint32,
	.uint64 = on_uint, .negint8 = on_negint8, .negint16 = on_negint16,
	.negint32 = on_negint32, .negint64 = on_negint,
	.byte_string = on_bytes, .byte_string_start = on_chunked_bytes,
	.string = on_text, .string_start = on_chunked_text,
	.array_start = on_array, .indef_array_start = on_indefinite_array,
	.map_start = on_map, .indef_map_start = on_indefinite_map,
	.tag = on_tag, .float2 = on_float, .float4 = on_float,
	.float8 = on_double, .undefined = on_undefined, .null = on_null,
	.boolean = on_bool, .indef_break = on_break
};

struct frame {
	uint32_t node;		/* N_DEEP's, or the container's, index */
	uint32_t left;		/* items that are missing, if definite */
	uint32_t seen;
	uint8_t type;		/* N_ARRAY, N_MAP, N_CHUNKED */
	uint8_t chunk;		/* of N_CHUNKED: the type of its chunks */
	bool indefinite, hidden;/* hidden: below MAX_DEPTH */
};

void
cbor_scan_start(struct cbor_scan *s, struct tree *tree)
{
	tree_reset(tree);
	*s = (struct cbor_scan){ .tree = tree };
}

void
cbor_scan_end(struct cbor_scan *s)
{
	free(s->frames);
	s->frames = NULL;
	s->n_frames = s->cap_frames = 0;
}

static struct frame *
innermost(struct cbor_scan *s)
{
	return s->n_frames == 0 ? NULL : &s->frames[s->n_frames - 1];
}

/*
 * Heads that RFC 8949 knows and libcbor's decoder takes for errors: tags
 * that were unassigned once, 16 and 18 among them, and simple values.
 */
static size_t
unknown_to_libcbor(struct bytes rest, struct event *event)
{
	if (rest.p[0] >= 0xc0 && rest.p[0] <= 0xd7) {
		on_tag(event, rest.p[0] & 0x1f);
		return 1;
	}
	if (rest.p[0] >= 0xe0 && rest.p[0] <= 0xf3) {
		*event = (struct event){ .type = N_SIMPLE };
		return 1;
	}
	if (rest.p[0] == 0xf8 && rest.n >= 2 && rest.p[1] >= 32) {
		*event = (struct event){ .type = N_SIMPLE };
		return 2;
	}
	return 0;
}

/* One head, and the string that belongs to it. */
static enum scan_result
next_event(struct cbor_scan *s, struct bytes data, struct event *event)
{
	struct cbor_decoder_result r;
	struct bytes rest;
	size_t n;

	if (s->at == data.n) /* and data.p may be NULL */
		return SCAN_MORE;
	rest = bytes_of(data.p + s->at, data.n - s->at);
	if (rest.n == 1 && rest.p[0] == 0xf8)
		return SCAN_MORE;
	r = cbor_stream_decode(rest.p, rest.n, &callbacks, event);
	if (r.status == CBOR_DECODER_FINISHED) {
		s->at += r.read;
		return SCAN_DONE;
	}
	if (r.status == CBOR_DECODER_NEDATA) {
		if (r.required > FLUFFY_MAX_RECEIVED)
			return SCAN_TOO_LARGE;
		return SCAN_MORE;
	}
	if ((n = unknown_to_libcbor(rest, event)) == 0)
		return SCAN_BAD;
	s->at += n;
	return SCAN_DONE;
}

/* May the event stand where the scan is?  Counts it. */
static enum scan_result
place(struct cbor_scan *s, const struct event *event)
{
	struct frame *f = innermost(s);

	if (f == NULL)
		return SCAN_DONE;
	if (f->type == N_CHUNKED && (s->tagged || event->what != E_ITEM ||
	    event->type != (enum node_type)f->chunk))
		return SCAN_BAD;
	if (!f->indefinite)
		f->left--;
	f->seen++;
	return SCAN_DONE;
}

static void
set_string(struct node *node, const struct event *event, struct bytes data)
{
	node->n = (uint32_t)event->n;
	node->v.offset = (size_t)(event->p - data.p);
}

/* Adds the node of an item, unless it is hidden or a chunk. */
static enum scan_result
add_node(struct cbor_scan *s, const struct event *event, struct bytes data)
{
	struct frame *f = innermost(s);
	struct node *node;

	if (f != NULL && (f->hidden || f->type == N_CHUNKED))
		return SCAN_DONE;
	if ((node = tree_add(s->tree, event->type)) == NULL)
		return SCAN_NO_MEMORY;
	node->tag = s->tag;
	if (f != NULL)
		s->tree->v[f->node].n++;
	if (event->type == N_INT)
		node->v.i = event->i;
	else if (event->type == N_FLOAT)
		node->v.f = event->f;
	else if (event->type == N_BYTES || event->type == N_TEXT)
		set_string(node, event, data);
	return SCAN_DONE;
}

static enum scan_result
open_frame(struct cbor_scan *s, const struct event *event, bool hidden)
{
	struct frame *v;
	size_t cap;

	if (s->n_frames == s->cap_frames) {
		cap = s->cap_frames == 0 ? 2 * MAX_DEPTH : s->cap_frames * 2;
		if ((v = realloc(s->frames, cap * sizeof(*v))) == NULL)
			return SCAN_NO_MEMORY;
		s->frames = v;
		s->cap_frames = cap;
	}
	v = &s->frames[s->n_frames++];
	*v = (struct frame){ .type = (uint8_t)event->type,
	    .indefinite = event->indefinite, .hidden = hidden,
	    .node = hidden ? 0 : (uint32_t)s->tree->n - 1 };
	if (event->type == N_CHUNKED)
		v->chunk = (uint8_t)event->n;
	else
		v->left = (uint32_t)(event->n *
		    (event->type == N_MAP ? 2 : 1));
	return SCAN_DONE;
}

static enum scan_result
start_container(struct cbor_scan *s, const struct event *event,
    struct bytes data)
{
	struct frame *f = innermost(s);
	struct event shown = *event;
	bool hidden = f != NULL && f->hidden;
	enum scan_result r;

	/* each item takes a byte: a larger count can't come true */
	if (event->type != N_CHUNKED && event->n > FLUFFY_MAX_RECEIVED)
		return SCAN_TOO_LARGE;
	if (!hidden && event->type != N_CHUNKED &&
	    s->n_frames >= MAX_DEPTH) {
		shown.type = N_DEEP;
		hidden = true;
	}
	if ((r = add_node(s, &shown, data)) != SCAN_DONE)
		return r;
	return open_frame(s, event, hidden);
}

static enum scan_result
handle(struct cbor_scan *s, const struct event *event, struct bytes data)
{
	struct frame *f = innermost(s);
	enum scan_result r;

	if (event->what == E_BREAK) {
		if (f == NULL || !f->indefinite || s->tagged ||
		    (f->type == N_MAP && f->seen % 2 != 0))
			return SCAN_BAD;
		f->indefinite = false;
		return SCAN_DONE;
	}
	if (event->what == E_TAG) {
		if (f != NULL && f->type == N_CHUNKED)
			return SCAN_BAD;
		s->tag = s->tagged ? TAG_OTHER :
		    event->tag == 16 ? TAG_ENCRYPT0 :
		    event->tag == 18 ? TAG_SIGN1 :
		    event->tag == 55799 ? TAG_SELF : TAG_OTHER;
		s->tagged = true;
		return SCAN_DONE;
	}
	if ((r = place(s, event)) != SCAN_DONE)
		return r;
	r = event->what == E_START ? start_container(s, event, data) :
	    add_node(s, event, data);
	s->tagged = false;
	s->tag = TAG_NONE;
	return r;
}

/* Closes the containers that are complete. */
static void
close_frames(struct cbor_scan *s)
{
	struct frame *f;

	while ((f = innermost(s)) != NULL && !f->indefinite && f->left == 0) {
		if (!f->hidden)
			s->tree->v[f->node].end = (uint32_t)s->tree->n;
		s->n_frames--;
	}
}

enum scan_result
cbor_scan_run(struct cbor_scan *s, struct bytes data)
{
	struct event event;
	enum scan_result r;

	s->tree->base = data.p;
	for (;;) {
		if ((r = next_event(s, data, &event)) != SCAN_DONE)
			break;
		if (s->at > FLUFFY_MAX_RECEIVED)
			return SCAN_TOO_LARGE;
		if ((r = handle(s, &event, data)) != SCAN_DONE)
			break;
		close_frames(s);
		if (s->n_frames == 0 && !s->tagged)
			return SCAN_DONE;
	}
	if (r == SCAN_MORE && data.n > FLUFFY_MAX_RECEIVED)
		return SCAN_TOO_LARGE;
	return r;
}

enum fluffy_error
cbor_parse(fluffy_ctx *ctx, struct tree *tree, struct bytes data)
{
	struct cbor_scan scan;
	enum scan_result r;

	cbor_scan_start(&scan, tree);
	r = cbor_scan_run(&scan, data);
	cbor_scan_end(&scan);
	switch (r) {
	case SCAN_DONE:
		if (scan.at == data.n)
			return FLUFFY_OK;
		return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "%zu bytes behind the CBOR item", data.n - scan.at);
	case SCAN_MORE:
		return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "the CBOR item is truncated after %zu bytes", data.n);
	case SCAN_TOO_LARGE:
		return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "larger than %u bytes", FLUFFY_MAX_RECEIVED);
	case SCAN_NO_MEMORY:
		return fluffy_fail_memory(ctx);
	case SCAN_BAD:
	default:
		return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "not well-formed CBOR at byte %zu", scan.at);
	}
}

/* ---- emission ----------------------------------------------------------- */

#define HEAD 9	/* the longest head */

/* Major types (RFC 8949, 3.1). */
enum { MAJOR_UINT, MAJOR_NEGINT, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY,
	MAJOR_MAP };

/*
 * The shortest head.  A message has dozens of them, in each of its encodings:
 * hence not the library's function, which would go round a buffer of its own.
 */
static void
put_head(struct buffer *b, unsigned major, uint64_t v)
{
	uint8_t head[HEAD];
	size_t n, i;

	if (v < 24) {
		buffer_addc(b, (char)(major << 5 | v));
		return;
	}
	n = v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
	head[0] = (uint8_t)(major << 5 | (unsigned)(24 + __builtin_ctzll(n)));
	for (i = n; i > 0; i--, v >>= 8)
		head[i] = (uint8_t)v;
	buffer_add(b, head, 1 + n);
}

void
cbor_put_int(struct buffer *b, int64_t v)
{
	if (v >= 0)
		put_head(b, MAJOR_UINT, (uint64_t)v);
	else
		put_head(b, MAJOR_NEGINT, (uint64_t)(-1 - v));
}

void
cbor_put_bytes(struct buffer *b, struct bytes bytes)
{
	put_head(b, MAJOR_BYTES, bytes.n);
	buffer_add(b, bytes.p, bytes.n);
}

void
cbor_put_text(struct buffer *b, struct bytes text)
{
	put_head(b, MAJOR_TEXT, text.n);
	buffer_add(b, text.p, text.n);
}

void
cbor_put_array(struct buffer *b, size_t n)
{
	put_head(b, MAJOR_ARRAY, n);
}

void
cbor_put_map(struct buffer *b, size_t n)
{
	put_head(b, MAJOR_MAP, n);
}

void
cbor_put_simple(struct buffer *b, enum node_type type)
{
	buffer_addc(b, (char)(type == N_NULL ? 0xf6 :
	    type == N_TRUE ? 0xf5 : 0xf4));
}

/*
 * A float as binary16, when that keeps it.  Written out here because the
 * library's encoder rounds.
 */
static bool
half_of(float f, uint16_t *half)
{
	uint32_t bits, mantissa, sign;
	int exponent;

	memcpy(&bits, &f, sizeof(bits));
	sign = bits >> 16 & 0x8000;
	exponent = (int)(bits >> 23 & 0xff) - 127;
	mantissa = bits & 0x7fffff;
	if (exponent >= -14 && exponent <= 15 && (mantissa & 0x1fff) == 0) {
		*half = (uint16_t)(sign | (uint32_t)(exponent + 15) << 10 |
		    mantissa >> 13);
		return true;
	}
	if (exponent < -24 || exponent > -15)
		return false;
	/* subnormal: a multiple of 2^-24 */
	mantissa |= 0x800000;
	if ((mantissa & ((1u << (-1 - exponent)) - 1)) != 0)
		return false;
	*half = (uint16_t)(sign | mantissa >> (-1 - exponent));
	return true;
}

void
cbor_put_float(struct buffer *b, double d)
{
	float f = fabs(d) <= (double)3.4028234e38f ? (float)d : 0;
	uint8_t item[HEAD];
	uint16_t half;

	if ((double)f < d || (double)f > d)
		buffer_add(b, item, cbor_encode_double(d, item, HEAD));
	else if (!half_of(f, &half))
		buffer_add(b, item, cbor_encode_single(f, item, HEAD));
	else {
		item[0] = 0xf9;
		item[1] = (uint8_t)(half >> 8);
		item[2] = (uint8_t)half;
		buffer_add(b, item, 3);
	}
}

size_t
cbor_protected(uint8_t out[PROTECTED_MAX], int64_t alg)
{
	out[0] = 0xa1;
	out[1] = 0x01;
	return 2 + (alg >= 0 ?
	    cbor_encode_uint((uint64_t)alg, out + 2, HEAD) :
	    cbor_encode_negint((uint64_t)(-1 - alg), out + 2, HEAD));
}

bool
cbor_protected_alg(struct bytes header, int64_t *alg)
{
	uint8_t again[PROTECTED_MAX];
	struct cbor_decoder_result r;
	struct event event;

	if (header.n < 3 || header.n > PROTECTED_MAX)
		return false;
	r = cbor_stream_decode(header.p + 2, header.n - 2, &callbacks,
	    &event);
	if (r.status != CBOR_DECODER_FINISHED || event.what != E_ITEM ||
	    event.type != N_INT)
		return false;
	if (event.i > MAX_SAFE || event.i < -MAX_SAFE)
		return false;
	*alg = event.i;
	return bytes_eq(header,
	    bytes_of(again, cbor_protected(again, event.i)));
}

static void
put_name(struct buffer *b, struct bytes name)
{
	uint8_t uuid[UUID_SIZE];

	if (uuid_parse(name, uuid))
		cbor_put_bytes(b, bytes_of(uuid, sizeof(uuid)));
	else
		cbor_put_text(b, name);
}

static void
put_tokens(struct buffer *b, const struct tokens *tokens)
{
	size_t i;

	if (!tokens->bare)
		cbor_put_array(b, tokens->n);
	for (i = 0; i < tokens->n; i++)
		cbor_put_int(b, tokens->v[i]);
}

static void
put_list(struct buffer *b, const struct bytes_list *list)
{
	size_t i;

	cbor_put_array(b, list->n);
	for (i = 0; i < list->n; i++)
		cbor_put_bytes(b, list->v[i]);
}

/* Section 4; section 7 for COSE_Sign1. */
static void
put_sealed(struct buffer *b, const struct sealed *sealed)
{
	uint8_t header[PROTECTED_MAX];

	cbor_put_array(b, sealed->sign1 ? 4 : 3);
	cbor_put_bytes(b, bytes_of(header,
	    cbor_protected(header, sealed->alg)));
	cbor_put_map(b, sealed->sign1 ? 0 : sealed->has_kid ? 2 : 1);
	if (!sealed->sign1) {
		if (sealed->has_kid) {
			cbor_put_int(b, 4);
			cbor_put_bytes(b, sealed->kid);
		}
		cbor_put_int(b, 5);
		cbor_put_bytes(b, sealed->iv);
	}
	cbor_put_bytes(b, sealed->ciphertext);
	if (sealed->sign1)
		cbor_put_bytes(b, sealed->signature);
}

static void
put_value(struct buffer *b, const struct row *row, const uint8_t *at)
{
	const struct bytes *bytes = (const void *)at;

	switch ((enum kind)row->kind) {
	case K_UINT:
	case K_TIME:
		cbor_put_int(b, (int64_t)*(const uint64_t *)(const void *)at);
		break;
	case K_TOKEN:
		cbor_put_int(b, *(const int64_t *)(const void *)at);
		break;
	case K_FLAGS:
		cbor_put_int(b, *(const uint32_t *)(const void *)at);
		break;
	case K_NAME:
		put_name(b, *bytes);
		break;
	case K_BYTES:
		cbor_put_bytes(b, *bytes);
		break;
	case K_TEXT:
		cbor_put_text(b, *bytes);
		break;
	case K_ANY:
		buffer_add(b, bytes->p, bytes->n);
		break;
	case K_BYTES_LIST:
		put_list(b, (const void *)at);
		break;
	case K_TOKENS:
		put_tokens(b, (const void *)at);
		break;
	case K_MAP:
		cbor_put_struct(b, *(const void *const *)(const void *)at,
		    SKIP_NONE);
		break;
	case K_SEALED:
		put_sealed(b, (const void *)at);
		break;
	}
}

void
cbor_put_member(struct buffer *b, const void *map, const struct row *row)
{
	put_value(b, row, (const uint8_t *)map + row->offset);
}

/*
 * Keys sorted by their encoding (RFC 8949, 4.2.1): the labels of section 3
 * ascending, which their bits are; a key's parameters -1, -2, ... likewise;
 * then the unknown ones, which all come later and are kept sorted.
 */
void
cbor_put_struct(struct buffer *b, const void *map, int skip)
{
	const struct head *head = map;
	const struct schema *schema = head->schema;
	uint64_t left = head->has;
	const struct row *row;
	size_t i;
	int bit;

	if (skip != SKIP_NONE)
		left &= ~label_bit(skip);
	cbor_put_map(b, (size_t)__builtin_popcountll(left) + head->n_extras);
	for (; left != 0; left &= left - 1) {
		bit = __builtin_ctzll(left);
		if ((row = schema_row(schema, bit)) == NULL)
			row = schema_row(schema, -bit);
		cbor_put_int(b, row->label);
		cbor_put_member(b, map, row);
	}
	for (i = 0; i < head->n_extras; i++) {
		buffer_add(b, head->extras[i].label.p, head->extras[i].label.n);
		buffer_add(b, head->extras[i].value.p, head->extras[i].value.n);
	}
}

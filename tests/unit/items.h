/*
 * items.h - CBOR items for tests, and an encoder that isn't the library's
 *
 * An item is emitted either deterministically or wildly: long heads,
 * indefinite lengths, any order, tags where they are allowed.
 */
#ifndef ITEMS_H
#define ITEMS_H

#include <math.h>

#include "testing.h"

struct item {
	enum item_type {
		I_INT, I_FLOAT, I_BYTES, I_TEXT, I_ARRAY, I_MAP, I_SIMPLE,
		I_RAW
	} type;
	bool any;		/* of kind any: 1 may be written as 1.0 */
	bool uuid;		/* a name: may be written as text */
	int64_t i;		/* I_SIMPLE: 20 to 23 */
	double f;
	struct bytes s;
	uint64_t tag;		/* allowed in front, 0: none */
	struct item **kids;	/* a map's: label, value, label, ... */
	size_t n, cap;
};

/* Where items live and what decides about them. */
struct gen {
	struct rng rng;
	struct arena arena;
};

static inline bool
chance(struct gen *g, size_t one_in)
{
	return rng_below(&g->rng, one_in) == 0;
}

static inline struct item *
item_new(struct gen *g, enum item_type type)
{
	struct item *item = arena_alloc(&g->arena, sizeof(*item));

	assert_non_null(item);
	item->type = type;
	return item;
}

static inline struct item *
item_int(struct gen *g, int64_t i)
{
	struct item *item = item_new(g, I_INT);

	item->i = i;
	return item;
}

static inline struct item *
item_float(struct gen *g, double f)
{
	struct item *item = item_new(g, I_FLOAT);

	item->f = f;
	return item;
}

static inline struct item *
item_simple(struct gen *g, int code)
{
	struct item *item = item_new(g, I_SIMPLE);

	item->i = code;
	return item;
}

static inline struct item *
item_string(struct gen *g, enum item_type type, struct bytes s)
{
	struct item *item = item_new(g, type);

	item->s = arena_dup(&g->arena, s);
	return item;
}

static inline struct item *
item_text(struct gen *g, const char *text)
{
	return item_string(g, I_TEXT, bytes_str(text));
}

static inline void
item_add(struct gen *g, struct item *to, struct item *kid)
{
	struct item **kids;

	if (to->n == to->cap) {
		to->cap = to->cap == 0 ? 8 : to->cap * 2;
		kids = arena_alloc(&g->arena, to->cap * sizeof(*kids));
		assert_non_null(kids);
		if (to->n > 0)
			memcpy(kids, to->kids, to->n * sizeof(*kids));
		to->kids = kids;
	}
	to->kids[to->n++] = kid;
}

static inline void
item_put(struct gen *g, struct item *map, int64_t label, struct item *value)
{
	item_add(g, map, item_int(g, label));
	item_add(g, map, value);
}

/* The index of the label in kids, or n. */
static inline size_t
item_find(const struct item *map, int64_t label)
{
	size_t i;

	for (i = 0; i < map->n; i += 2)
		if (map->kids[i]->type == I_INT && map->kids[i]->i == label)
			return i;
	return map->n;
}

static inline void
item_remove(struct item *map, int64_t label)
{
	size_t i = item_find(map, label);

	assert_true(i < map->n);
	memmove(map->kids + i, map->kids + i + 2,
	    (map->n - i - 2) * sizeof(map->kids[0]));
	map->n -= 2;
}

/* A copy whose kids can be changed without changing the original's. */
static inline struct item *
item_copy(struct gen *g, const struct item *from)
{
	struct item *to = item_new(g, from->type);
	size_t i;

	*to = *from;
	to->kids = NULL;
	to->n = to->cap = 0;
	for (i = 0; i < from->n; i++)
		item_add(g, to, item_copy(g, from->kids[i]));
	return to;
}

/* ---- emission ------------------------------------------------------------ */

static inline void
put_be(struct buffer *b, uint64_t v, size_t n)
{
	while (n-- > 0)
		buffer_addc(b, (char)(v >> 8 * n));
}

/* A head whose argument takes at least `least` bytes. */
static inline void
put_head(struct buffer *b, unsigned major, uint64_t v, size_t least)
{
	size_t n = v > UINT32_MAX ? 8 : v > 0xffff ? 4 : v > 0xff ? 2 :
	    v > 23 ? 1 : 0;

	if (n < least)
		n = least;
	buffer_addc(b, (char)(major << 5 | (n == 0 ? (unsigned)v :
	    n == 1 ? 24 : n == 2 ? 25 : n == 4 ? 26 : 27)));
	put_be(b, v, n);
}

/* The half with that value; false when there is none. */
static inline bool
half_of_double(double d, uint16_t *half)
{
	double a = fabs(d), scaled;
	int e;

	*half = signbit(d) ? 0x8000 : 0;
	scaled = a * 16777216; /* 2^24 */
	if (scaled > floor(scaled) || a > 65504)
		return false;
	if (scaled < 1024) { /* subnormal */
		*half = (uint16_t)(*half | (uint16_t)scaled);
		return true;
	}
	scaled = frexp(a, &e) * 2048; /* 11 bits */
	if (scaled > floor(scaled))
		return false;
	*half = (uint16_t)(*half | (unsigned)(e + 14) << 10 |
	    ((unsigned)scaled & 0x3ff));
	return true;
}

/* In at least `least` bytes: 2, 4 or 8. */
static inline void
put_double(struct buffer *b, double d, size_t least)
{
	float f = (float)d;
	uint16_t half;
	uint32_t single;
	uint64_t bits;

	if (least <= 2 && half_of_double(d, &half)) {
		buffer_addc(b, (char)0xf9);
		put_be(b, half, 2);
	} else if (least <= 4 && !((double)f < d || (double)f > d)) {
		memcpy(&single, &f, sizeof(single));
		buffer_addc(b, (char)0xfa);
		put_be(b, single, 4);
	} else {
		memcpy(&bits, &d, sizeof(bits));
		buffer_addc(b, (char)0xfb);
		put_be(b, bits, 8);
	}
}

static inline void item_emit(struct gen *, struct buffer *,
    const struct item *, bool wild);

static inline size_t
head_size(struct gen *g, bool wild)
{
	static const size_t sizes[] = { 0, 0, 0, 1, 2, 4, 8 };

	return wild ? sizes[rng_below(&g->rng, 7)] : 0;
}

struct pair_span {
	const struct buffer *in;
	size_t key, value, end;
};

static inline int
pair_order(const void *a, const void *b)
{
	const struct pair_span *x = a, *y = b;

	return bytes_cmp(bytes_of(x->in->p + x->key, x->value - x->key),
	    bytes_of(y->in->p + y->key, y->value - y->key));
}

static inline void
shuffle(struct gen *g, struct pair_span *v, size_t n)
{
	struct pair_span swap;
	size_t i, j;

	for (i = n; i > 1; i--) {
		j = rng_below(&g->rng, i);
		swap = v[i - 1];
		v[i - 1] = v[j];
		v[j] = swap;
	}
}

static inline void
emit_map(struct gen *g, struct buffer *b, const struct item *item, bool wild)
{
	struct buffer in = BUFFER((size_t)1 << 24);
	size_t n = item->n / 2, i;
	struct pair_span *v = calloc(n + 1, sizeof(*v));
	bool indefinite = wild && chance(g, 3);

	for (i = 0; i < n; i++) {
		v[i].in = &in;
		v[i].key = in.n;
		item_emit(g, &in, item->kids[2 * i], wild);
		v[i].value = in.n;
		item_emit(g, &in, item->kids[2 * i + 1], wild);
		v[i].end = in.n;
	}
	if (wild)
		shuffle(g, v, n);
	else
		qsort(v, n, sizeof(*v), pair_order);
	if (indefinite)
		buffer_addc(b, (char)0xbf);
	else
		put_head(b, 5, n, head_size(g, wild));
	for (i = 0; i < n; i++)
		buffer_add(b, in.p + v[i].key, v[i].end - v[i].key);
	if (indefinite)
		buffer_addc(b, (char)0xff);
	buffer_free(&in);
	free(v);
}

static inline void
emit_array(struct gen *g, struct buffer *b, const struct item *item,
    bool wild)
{
	bool indefinite = wild && chance(g, 3);
	size_t i;

	if (indefinite)
		buffer_addc(b, (char)0x9f);
	else
		put_head(b, 4, item->n, head_size(g, wild));
	for (i = 0; i < item->n; i++)
		item_emit(g, b, item->kids[i], wild);
	if (indefinite)
		buffer_addc(b, (char)0xff);
}

static inline void
emit_int(struct gen *g, struct buffer *b, const struct item *item, bool wild)
{
	if (wild && item->any && chance(g, 2))
		put_double(b, (double)item->i,
		    (size_t)2 << rng_below(&g->rng, 3));
	else if (item->i >= 0)
		put_head(b, 0, (uint64_t)item->i, head_size(g, wild));
	else
		put_head(b, 1, (uint64_t)(-1 - item->i), head_size(g, wild));
}

static inline void
emit_string(struct gen *g, struct buffer *b, const struct item *item,
    bool wild)
{
	char text[UUID_TEXT];
	struct bytes s = item->s;
	unsigned major = item->type == I_BYTES ? 2 : 3;

	if (wild && item->uuid && chance(g, 2)) {
		uuid_format(s.p, text);
		s = bytes_of(text, sizeof(text));
		major = 3;
	}
	put_head(b, major, s.n, head_size(g, wild));
	buffer_add(b, s.p, s.n);
}

static inline void
item_emit(struct gen *g, struct buffer *b, const struct item *item, bool wild)
{
	/* 55799 is only known by its three bytes */
	if (wild && item->tag != 0 && chance(g, 2))
		put_head(b, 6, item->tag, item->tag == 55799 ? 0 :
		    head_size(g, wild));
	switch (item->type) {
	case I_INT:
		emit_int(g, b, item, wild);
		break;
	case I_FLOAT:
		put_double(b, item->f, wild ?
		    (size_t)2 << rng_below(&g->rng, 3) : 0);
		break;
	case I_BYTES:
	case I_TEXT:
		emit_string(g, b, item, wild);
		break;
	case I_ARRAY:
		emit_array(g, b, item, wild);
		break;
	case I_MAP:
		emit_map(g, b, item, wild);
		break;
	case I_SIMPLE:
		buffer_addc(b, (char)(0xe0 | item->i));
		break;
	case I_RAW:
		buffer_add(b, item->s.p, item->s.n);
		break;
	}
}

/* The caller frees the buffer. */
static inline struct buffer
item_encode(struct gen *g, const struct item *item, bool wild)
{
	struct buffer b = BUFFER((size_t)1 << 24);

	item_emit(g, &b, item, wild);
	assert_false(b.failed);
	return b;
}

#endif

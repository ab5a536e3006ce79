/*
 * generate.h - valid messages out of the schema's tables and a random generator
 *
 * What the tables don't say (section 5's pairs, lengths and keyops) is said
 * here once more.
 */
#ifndef GENERATE_H
#define GENERATE_H

#include "items.h"
#include "schema.h"

/* How much of what is optional there is. */
enum extent { MINIMAL, FULL, MIXED };

static inline struct item *gen_map(struct gen *, const struct schema *,
    enum extent);

static inline struct bytes
gen_bytes(struct gen *g, size_t min, size_t max)
{
	size_t n = min + rng_below(&g->rng, max - min + 1);
	uint8_t *p = arena_alloc(&g->arena, n + 1);

	assert_non_null(p);
	(void)test_random(&g->rng, p, n);
	return bytes_of(p, n);
}

static inline struct item *
gen_octets(struct gen *g, size_t min, size_t max)
{
	return item_string(g, I_BYTES, gen_bytes(g, min, max));
}

static inline struct item *
gen_text(struct gen *g, size_t min, size_t max)
{
	static const char *const parts[] = {
		"a", "Z", "0", ".", "-", "/", "\"", "\\", "\\u0000", " ",
		"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x91", "\xc2\xa0",
		"|", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", "u0000", "*"
	};
	struct buffer b = BUFFER(300);
	size_t goal = min + rng_below(&g->rng, max - min + 1);
	struct item *item;
	const char *part;

	while (b.n < goal) {
		part = parts[rng_below(&g->rng,
		    sizeof(parts) / sizeof(parts[0]))];
		if (b.n + strlen(part) > goal)
			part = "x";
		buffer_adds(&b, part);
	}
	item = item_string(g, I_TEXT, buffer_view(&b));
	buffer_free(&b);
	return item;
}

static inline struct item *
gen_name(struct gen *g, const struct row *row)
{
	struct item *item;

	if (row->label == L_ta)
		return item_text(g, chance(g, 2) ? "anchor" : "t");
	if (chance(g, 3)) {
		item = gen_octets(g, UUID_SIZE, UUID_SIZE);
		item->uuid = true;
		return item;
	}
	return gen_text(g, 1, chance(g, 8) ? 255 : 20);
}

/* ---- kind any ------------------------------------------------------------ */

static inline double
gen_fraction(struct gen *g)
{
	static const double some[] = { 0.5, -0.25, 1.5, 0.1,
	    5.9604644775390625e-8,
	    6.103515625e-5, 6.0975551605224609375e-5, 3.4028234663852886e-10,
	    1e-300, -2.2250738585072014e-308, 4.9406564584124654e-324,
	    1.1754943508222875e-38, 1.401298464324817e-45, 2047.5, 2048.5,
	    1.0009765625, 1.00048828125, 4503599627370495.5,
	    0.333251953125, 3.14159274101257324 };
	double d;

	if (chance(g, 2))
		return some[rng_below(&g->rng,
		    sizeof(some) / sizeof(some[0]))];
	d = (double)(int64_t)(rng_next(&g->rng) >> 11);
	return (d + 1) / 18014398509481984.0 * (chance(g, 2) ? -1 : 0.4);
}

static inline struct item *gen_any(struct gen *, int depth);

static inline struct item *
gen_any_map(struct gen *g, int depth)
{
	static const char *const names[] = { "a", "b", "", "pvno", "1",
	    "members", "\xc3\xa9", "a longer name than the others are", "aa" };
	struct item *item = item_new(g, I_MAP);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (chance(g, 3)) {
			item_add(g, item, item_text(g, names[i]));
			item_add(g, item, gen_any(g, depth - 1));
		}
	if (chance(g, 4)) {
		item_add(g, item, item_string(g, I_TEXT, BYTES("n\0l")));
		item_add(g, item, gen_any(g, depth - 1));
	}
	return item;
}

static inline struct item *
gen_any_int(struct gen *g)
{
	static const int64_t some[] = { 0, 1, -1, 23, 24, 255, 256, 65535,
	    65536, 4294967295, 4294967296, MAX_SAFE, -MAX_SAFE, -24, -25, -256,
	    -257 };
	struct item *item;

	item = item_int(g, some[rng_below(&g->rng,
	    sizeof(some) / sizeof(some[0]))]);
	item->any = true;
	return item;
}

static inline struct item *
gen_any(struct gen *g, int depth)
{
	struct item *item;
	size_t n;

	switch (rng_below(&g->rng, depth > 0 ? 8 : 5)) {
	case 0:
		return gen_any_int(g);
	case 1:
		return item_float(g, gen_fraction(g));
	case 2:
		return item_simple(g, 20 + (int)rng_below(&g->rng, 3));
	case 3:
		return item_string(g, I_TEXT, BYTES("a\0\n\x7f\xc2\x80"));
	case 4:
		return gen_text(g, 0, 30);
	case 5:
		item = item_new(g, I_ARRAY);
		for (n = rng_below(&g->rng, 4); n > 0; n--)
			item_add(g, item, gen_any(g, depth - 1));
		return item;
	default:
		return gen_any_map(g, depth);
	}
}

/* grppac is judged in a GSK-REQ. */
static inline struct item *
gen_grppac(struct gen *g)
{
	struct item *item = item_new(g, I_MAP), *names;

	if (chance(g, 2)) {
		names = item_text(g, "any");
		if (chance(g, 2)) {
			names = item_new(g, I_ARRAY);
			item_add(g, names, item_text(g, "lamp"));
			item_add(g, names, item_text(g, "lock"));
		}
		item_add(g, item, item_text(g, "members"));
		item_add(g, item, names);
	}
	if (chance(g, 2)) {
		item_add(g, item, item_text(g, "lifetime"));
		item_add(g, item, item_int(g, 3600));
		item->kids[item->n - 1]->any = true;
	}
	item_add(g, item, item_text(g, "other"));
	item_add(g, item, gen_any(g, 1));
	return item;
}

/* ---- tokens and flags ---------------------------------------------------- */

static inline int64_t
gen_token(struct gen *g, enum registry registry)
{
	static const int64_t odd[] = { 77, -300, 100000, MAX_SAFE, -MAX_SAFE };
	const struct words *words = registry_words(registry);

	if (chance(g, 4))
		return odd[rng_below(&g->rng, sizeof(odd) / sizeof(odd[0]))];
	return words->v[rng_below(&g->rng, words->n)].number;
}

static inline struct item *
gen_tokens(struct gen *g, const struct row *row, enum extent extent)
{
	const struct words *words = registry_words(row->registry);
	size_t n = row->min + rng_below(&g->rng, row->max - row->min + 1), i;
	size_t first = rng_below(&g->rng, words->n);
	struct item *item;

	if ((row->flags & F_BARE) != 0 && extent != FULL && chance(g, 2))
		return item_int(g, gen_token(g, row->registry));
	item = item_new(g, I_ARRAY);
	for (i = 0; i < n; i++)
		item_add(g, item, item_int(g, i < words->n ?
		    words->v[(first + i) % words->n].number :
		    (int64_t)(1000 + i)));
	return item;
}

/* ---- keys (section 5) ---------------------------------------------------- */

struct pair_row {
	int64_t kty, alg, crv;
	size_t size;
};

static const struct pair_row pair_rows[] = {
	{ KTY_EC, -7, 1, 32 }, { KTY_EC, -35, 2, 48 }, { KTY_EC, -36, 3, 66 },
	{ KTY_EC, -25, 1, 32 }, { KTY_OKP, -8, 6, 32 },
	{ KTY_OKP, -25, 4, 32 }, { KTY_RSA, -37, 0, 256 }
};

static inline struct item *
gen_rsa(struct gen *g, const struct schema *schema)
{
	struct item *map = item_new(g, I_MAP), *value;
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];

		value = row->label == -2 ?
		    item_string(g, I_BYTES, BYTES("\1\0\1")) :
		    gen_octets(g, row->label == -1 ? 256 : 1,
		    row->label == -1 ? 512 : 40);
		if (row->label != -2)
			((uint8_t *)(uintptr_t)value->s.p)[0] |= 0x80;
		item_put(g, map, row->label, value);
	}
	return map;
}

static inline struct item *
gen_curve(struct gen *g, const struct schema *schema,
    const struct pair_row *pair)
{
	struct item *map = item_new(g, I_MAP);
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];

		item_put(g, map, row->label, row->kind == K_TOKEN ?
		    item_int(g, pair->crv) :
		    gen_octets(g, pair->size, pair->size));
	}
	return map;
}

static inline const struct pair_row *
gen_pair(struct gen *g, int64_t kty)
{
	const struct pair_row *pair;

	do
		pair = &pair_rows[rng_below(&g->rng,
		    sizeof(pair_rows) / sizeof(pair_rows[0]))];
	while (pair->kty != kty);
	return pair;
}

static inline void
set_keyops(struct gen *g, struct item *map, int64_t a, int64_t b)
{
	struct item *ops = item_new(g, I_ARRAY);

	item_add(g, ops, item_int(g, a));
	if (b != 0)
		item_add(g, ops, item_int(g, b));
	item_remove(map, L_keyops);
	item_put(g, map, L_keyops, ops);
}

/* {alg, length} of section 3's content encryptions. */
static const struct {
	int64_t alg;
	size_t key, iv, tag;
} contents[] = {
	{ 30, 16, 13, 16 }, { 31, 32, 13, 16 }, { 1, 16, 12, 16 },
	{ 2, 24, 12, 16 }, { 3, 32, 12, 16 }, { 24, 32, 12, 16 },
	{ 10, 16, 13, 8 }, { 11, 32, 13, 8 }
};

static inline void
fix_symmetric(struct gen *g, struct item *map, const struct schema *schema)
{
	bool secret = schema == &keydata_secret;
	size_t i = rng_below(&g->rng, secret ? 6 : 8);

	item_remove(map, L_key);
	if (schema_row(schema, L_alg) == NULL) { /* DK-PROV */
		item_put(g, map, L_key, gen_octets(g, 16, 16));
		set_keyops(g, map, 7, 0);
		return;
	}
	item_remove(map, L_alg);
	item_put(g, map, L_alg, item_int(g, contents[i].alg));
	item_put(g, map, L_key, gen_octets(g, contents[i].key,
	    contents[i].key));
	if (secret && chance(g, 2))
		set_keyops(g, map, 3, 4);
	else if (secret)
		set_keyops(g, map, 4, 3);
}

static inline void
fix_pair(struct gen *g, struct item *map, const struct schema *schema)
{
	const struct pair_row *pair = gen_pair(g, schema->kty);
	const struct schema *sub = schema_row(schema, L_key)->sub;

	item_remove(map, L_alg);
	item_put(g, map, L_alg, item_int(g, pair->alg));
	item_remove(map, L_key);
	item_put(g, map, L_key, schema->kty == KTY_RSA ? gen_rsa(g, sub) :
	    gen_curve(g, sub, pair));
}

static inline bool
is_keydata(const struct schema *schema)
{
	return schema->kty != 0;
}

/* ---- sealed parts -------------------------------------------------------- */

static inline struct item *
gen_sign1(struct gen *g, const struct row *row)
{
	struct item *item = item_new(g, I_ARRAY);
	struct item *plain = gen_map(g, row->sub, MIXED);
	struct buffer b;

	if (item_find(plain, L_cksum) < plain->n)
		item_remove(plain, L_cksum);
	b = item_encode(g, plain, false);
	item_add(g, item, item_string(g, I_BYTES, BYTES("\xa1\1\x26")));
	item_add(g, item, item_new(g, I_MAP));
	item_add(g, item, item_string(g, I_BYTES, buffer_view(&b)));
	item_add(g, item, gen_octets(g, 0, 64));
	item->tag = 18;
	buffer_free(&b);
	return item;
}

static inline struct item *
gen_sealed(struct gen *g, const struct row *row, enum extent extent)
{
	static const uint8_t odd[] = { 0xa1, 1, 0x18, 0x63 };
	struct item *item = item_new(g, I_ARRAY), *headers;
	size_t i = rng_below(&g->rng, 9);
	uint8_t protected[4] = { 0xa1, 1 };
	size_t n = 3;

	if ((row->flags & F_SIGN1) != 0 && extent == MIXED && chance(g, 4))
		return gen_sign1(g, row);
	if (i == 8) {
		memcpy(protected, odd, sizeof(odd));
		n = 4;
	} else if (contents[i].alg > 23) {
		protected[2] = 0x18;
		protected[n++] = (uint8_t)contents[i].alg;
	} else
		protected[2] = (uint8_t)contents[i].alg;
	item_add(g, item, item_string(g, I_BYTES, bytes_of(protected, n)));
	headers = item_new(g, I_MAP);
	if ((row->flags & F_NO_KID) == 0)
		item_put(g, headers, 4, gen_octets(g, 1, 32));
	item_put(g, headers, 5, i == 8 ? gen_octets(g, 0, 20) :
	    gen_octets(g, contents[i].iv, contents[i].iv));
	item_add(g, item, headers);
	item_add(g, item, gen_octets(g, 0, 100));
	item->tag = 16;
	return item;
}

/* ---- maps ---------------------------------------------------------------- */

static inline struct item *
gen_uint(struct gen *g, const struct row *row)
{
	static const uint64_t some[] = { 0, 1, 23, 24, 4294967295, NOW };
	uint64_t v = some[rng_below(&g->rng, 6)];

	if (row->kind == K_TIME)
		return item_int(g, chance(g, 8) ? MAX_SAFE : (int64_t)v);
	if (row->min == row->max)
		v = row->min;
	return item_int(g, (int64_t)v);
}

static inline struct item *
gen_list(struct gen *g, const struct row *row)
{
	struct item *item = item_new(g, I_ARRAY);
	size_t n = row->min + rng_below(&g->rng, row->max - row->min + 1);

	while (item->n < n)
		item_add(g, item, gen_octets(g, 0, 50));
	return item;
}

static inline struct item *
gen_value(struct gen *g, const struct row *row, enum extent extent)
{
	size_t max = row->max > 100 ? 100 : row->max;

	switch ((enum kind)row->kind) {
	case K_UINT:
	case K_TIME:
		return gen_uint(g, row);
	case K_NAME:
		return gen_name(g, row);
	case K_BYTES:
		return gen_octets(g, row->min, max < row->min ? row->min :
		    max);
	case K_TEXT:
		return gen_text(g, row->min, max);
	case K_BYTES_LIST:
		return gen_list(g, row);
	case K_TOKEN:
		return item_int(g, gen_token(g, row->registry));
	case K_TOKENS:
		return gen_tokens(g, row, extent);
	case K_FLAGS:
		return item_int(g, chance(g, 2) ? 5 :
		    (int64_t)(uint32_t)rng_next(&g->rng));
	case K_ANY:
		return row->label == L_grppac ? gen_grppac(g) : gen_any(g, 3);
	case K_MAP:
		return gen_map(g, row->sub, extent);
	case K_SEALED:
		return gen_sealed(g, row, extent);
	}
	return NULL;
}

static inline void
gen_extras(struct gen *g, struct item *map)
{
	static const int64_t numbers[] = { -1, -25, 53, 255, 4294967296,
	    MAX_SAFE, -MAX_SAFE };
	static const char *const names[] = { "x", "crv", "x-vendor", "Pvno",
	    "-0", "01", "kid", "\xe2\x82\xac" };
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (chance(g, 4))
			item_put(g, map, numbers[i], gen_any(g, 2));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (chance(g, 4)) {
			item_add(g, map, item_text(g, names[i]));
			item_add(g, map, gen_any(g, 2));
		}
}

static inline const struct schema *
gen_choice(struct gen *g, const struct schema *schema)
{
	size_t n = 0;

	if (schema->by_kty == NULL)
		return schema;
	while (schema->by_kty[n] != NULL)
		n++;
	return schema->by_kty[rng_below(&g->rng, n)];
}

static inline struct item *
gen_map(struct gen *g, const struct schema *schema, enum extent extent)
{
	struct item *map = item_new(g, I_MAP);
	uint8_t i;

	schema = gen_choice(g, schema);
	for (i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];

		if ((row->flags & F_OPTIONAL) != 0 && (extent == MINIMAL ||
		    (extent == MIXED && chance(g, 2))))
			continue;
		item_put(g, map, row->label, row->label == L_kty &&
		    is_keydata(schema) ? item_int(g, schema->kty) :
		    gen_value(g, row, extent));
	}
	if (is_keydata(schema) && schema->kty == KTY_SYMM)
		fix_symmetric(g, map, schema);
	else if (is_keydata(schema))
		fix_pair(g, map, schema);
	if (extent == MIXED && !schema->closed && chance(g, 3))
		gen_extras(g, map);
	return map;
}

static inline struct item *
gen_message(struct gen *g, int64_t type, enum extent extent)
{
	const struct schema *schema = message_schema(type);
	struct item *map = gen_map(g, schema, extent);

	map->kids[item_find(map, L_msg_type) + 1]->i = type;
	map->tag = 55799;
	if (type == FLUFFY_DK_CRED) {
		item_remove(map, L_key);
		item_put(g, map, L_key, gen_octets(g, 16, 16));
	}
	return map;
}

#endif

/*
 * test_fields.c - every member of every message, spoilt in turn
 *
 * Each is removed, emptied, given another kind, doubled and misplaced, in clear
 * maps and in plaintexts; the error and its place are those that the schema
 * leads one to expect (bug classes 1 and 2).
 */
#include "testing.h"

#include <jansson.h>

#include "base64url.h"
#include "decode.h"
#include "generate.h"

struct walk {
	fluffy_ctx *ctx;
	struct gen g;
	struct item *root;	/* the message, or a plaintext */
	const struct row *part;	/* NULL: a message; else whose plaintext */
	const char *title;	/* the path of a plaintext */
	char path[200];
	size_t tried;
	json_t *json;		/* the message, while JSON is walked */
};

static int
setup(void **state)
{
	struct walk *w = calloc(1, sizeof(*w));

	w->ctx = test_ctx(NULL);
	w->g.rng.state = 1122334455;
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct walk *w = *state;

	fluffy_ctx_free(&w->ctx);
	arena_free(&w->g.arena);
	free(w);
	return 0;
}

/* ---- trying -------------------------------------------------------------- */

static enum fluffy_error
read_part(struct walk *w, struct bytes data)
{
	struct path path = { .name = w->title, .len = strlen(w->title) };
	struct arena arena = { NULL, false };
	enum fluffy_error e;
	struct part *part;

	e = decode_part(w->ctx, &arena, data, w->part->sub, &path, &part);
	assert_true((e == FLUFFY_OK) == (part != NULL));
	arena_free(&arena);
	return e;
}

static enum fluffy_error
read_again(struct walk *w)
{
	struct buffer b = item_encode(&w->g, w->root, false);
	fluffy_msg *msg = NULL;
	enum fluffy_error e;

	if (w->part != NULL)
		e = read_part(w, buffer_view(&b));
	else {
		e = fluffy_msg_read(w->ctx, b.p, b.n, &msg);
		assert_true((e == FLUFFY_OK) == (msg != NULL));
		fluffy_msg_free(&msg);
	}
	buffer_free(&b);
	w->tried++;
	return e;
}

/* NULL: it is taken. */
static void
expect(struct walk *w, const char *what, const char *field)
{
	enum fluffy_error e = read_again(w), want;

	want = field == NULL ? FLUFFY_OK : FLUFFY_E_MALFORMED;
	if (e != want || (field != NULL &&
	    strcmp(field, fluffy_why(w->ctx).field) != 0)) {
		print_error("%s %s: %s at \"%s\" (%s), expected \"%s\"\n",
		    w->path, what, fluffy_error_name(e),
		    fluffy_why(w->ctx).field, fluffy_why(w->ctx).text,
		    field == NULL ? "nothing" : field);
		fail();
	}
}

/* pvno and msg-type are looked at before the message has a name. */
static const char *
place_of(const struct walk *w, const struct row *row)
{
	if (w->part == NULL && w->root->n > 0 &&
	    (row->label == L_pvno || row->label == L_msg_type))
		return row_name(row);
	return w->path;
}

/* ---- removing, doubling, misplacing -------------------------------------- */

/* A rule that asks for a member which its row calls optional. */
static bool
needed(const struct schema *schema, const struct row *row)
{
	return (row->flags & F_OPTIONAL) == 0 ||
	    (schema->rule == rule_ticket && row->label == L_endtime);
}

static void
try_removed(struct walk *w, struct item *map, const struct schema *schema,
    const struct row *row)
{
	size_t at = item_find(map, row->label);
	struct item *label = map->kids[at], *value = map->kids[at + 1];
	/* estb's enc-part goes without endtime beside x5c */
	bool x5c = schema->rule == rule_ticket;

	item_remove(map, row->label);
	if (!x5c)
		expect(w, "removed", needed(schema, row) ? place_of(w, row) :
		    NULL);
	item_add(&w->g, map, label);
	item_add(&w->g, map, value);
}

static void
try_doubled(struct walk *w, struct item *map, const struct row *row)
{
	size_t at = item_find(map, row->label);

	item_add(&w->g, map, map->kids[at]);
	item_add(&w->g, map, map->kids[at + 1]);
	expect(w, "doubled", place_of(w, row));
	map->n -= 2;
}

/* All labels of section 3 that the structure doesn't have. */
static void
try_foreign(struct walk *w, struct item *map, const struct schema *schema)
{
	size_t n = strlen(w->path);
	int64_t label;

	for (label = 0; label < N_LABELS; label++) {
		if (schema_row(schema, label) != NULL)
			continue;
		(void)snprintf(w->path + n, sizeof(w->path) - n, ".%lld",
		    (long long)label);
		item_put(&w->g, map, label, item_int(&w->g, 1));
		expect(w, "put in", w->path);
		map->n -= 2;
		w->path[n] = '\0';
	}
}

/* Unknown members are kept, except in keys. */
static void
try_unknown(struct walk *w, struct item *map, const struct schema *schema)
{
	size_t n = strlen(w->path);

	(void)snprintf(w->path + n, sizeof(w->path) - n, ".1000");
	item_put(&w->g, map, 1000, item_simple(&w->g, 20));
	expect(w, "put in", schema->closed ? w->path : NULL);
	map->n -= 2;
	(void)snprintf(w->path + n, sizeof(w->path) - n, ".x-y");
	item_add(&w->g, map, item_text(&w->g, "x-y"));
	item_add(&w->g, map, item_simple(&w->g, 20));
	expect(w, "put in", schema->closed ? w->path : NULL);
	map->n -= 2;
	w->path[n] = '\0';
}

/* ---- emptying ------------------------------------------------------------ */

/* Where an empty map misses its first member; NULL when it needs none. */
static const char *
first_missing(const struct row *row, const char *path, char *buf, size_t size)
{
	const struct schema *schema = row->sub;
	const char *name = "kty";
	uint8_t i;

	for (i = 0; schema->by_kty == NULL; i++) {
		if (i == schema->n_rows)
			return NULL;
		if ((schema->rows[i].flags & F_OPTIONAL) == 0) {
			name = row_name(&schema->rows[i]);
			break;
		}
	}
	(void)snprintf(buf, size, "%s.%s", path, name);
	return buf;
}

static struct item *
empty_of(struct gen *g, const struct row *row)
{
	switch ((enum kind)row->kind) {
	case K_NAME:
	case K_TEXT:
		return item_text(g, "");
	case K_BYTES:
		return item_string(g, I_BYTES, bytes_of("", 0));
	case K_BYTES_LIST:
	case K_TOKENS:
	case K_SEALED:
		return item_new(g, I_ARRAY);
	case K_MAP:
	case K_ANY:
		return item_new(g, I_MAP);
	case K_UINT:
	case K_TIME:
	case K_TOKEN:
	case K_FLAGS:
		break;
	}
	return NULL; /* nothing is empty there */
}

static void
try_emptied(struct walk *w, struct item **value, const struct schema *schema,
    const struct row *row)
{
	struct item *was = *value;
	const char *field = w->path;
	char missing[300];

	if ((*value = empty_of(&w->g, row)) != NULL) {
		if (row->kind == K_MAP)
			field = first_missing(row, w->path, missing,
			    sizeof(missing));
		else if (row->kind == K_ANY)
			field = NULL;
		else if (row->kind != K_SEALED && row->min == 0 &&
		    !(row->label == L_keyops && schema->rule != rule_pair &&
		    schema->rule != rule_session))
			field = NULL;
		expect(w, "emptied", field);
	}
	*value = was;
}

/* ---- mistyping ----------------------------------------------------------- */

/* The kinds that each of these isn't, as a string of enum kind + 'a'. */
static const struct {
	const char *hex, *takes;
} other_kinds[] = {
#define UINT_ "a"
#define TIME_ "b"
#define NAME_ "c"
#define BYTES_ "d"
#define TEXT_ "e"
#define LIST_ "f"
#define TOKEN_ "g"
#define TOKENS_ "h"
#define FLAGS_ "i"
#define ANY_ "j"
#define MAP_ "k"
#define SEALED_ "l"
	{ "1907d0", UINT_ TIME_ TOKEN_ TOKENS_ FLAGS_ ANY_ },
	{ "20", TOKEN_ TOKENS_ ANY_ },
	{ "1b0020000000000000", "" },
	{ "3b001fffffffffffff", "" },
	{ "1bffffffffffffffff", "" },
	{ "f93e00", ANY_ }, { "f93c00", ANY_ },	/* also 1.0 */
	{ "fb7ff8000000000000", "" },
	{ "f4", ANY_ }, { "f5", ANY_ }, { "f6", ANY_ }, { "f7", "" },
	{ "e0", "" },
	{ "44deadbeef", BYTES_ },
	{ "7f6161ff", "" }, { "5f4161ff", "" },
	{ "616e", NAME_ TEXT_ ANY_ },
	{ "62610a", ANY_ }, { "62c285", ANY_ }, { "61ff", "" },
	{ "63eda080", "" },
	{ "c1616e", "" }, { "c107", "" }, { "c140", "" }, { "c180", "" },
	{ "c1a0", "" }, { "d081f6", "" },
	{ "81f6", ANY_ }, { "8107", TOKENS_ ANY_ }, { "820707", ANY_ },
	{ "8140", LIST_ }, { "816161", ANY_ }, { "81c107", "" },
	{ "82818140a0", "" }, { "9fff", ANY_ },
	{ "83f6f6f6", ANY_ }, { "84f6f6f6f6", ANY_ },
	{ "8343a1010aa040", "" }, { "8340a040", "" },
	{ "a16161f6", ANY_ }, { "a1616140", "" }, { "d9d9f7a0", "" },
	{ "c1a16161f6", "" }
};

/* value: hex or JSON, which tells an array from a number. */
static bool
takes(const char *kinds, const char *value, const struct row *row)
{
	if (strchr(kinds, 'a' + row->kind) == NULL)
		return false;
	if (row->kind == K_UINT && row->min == row->max)
		return false;
	return row->kind != K_TOKENS || (row->flags & F_BARE) != 0 ||
	    value[0] == '8' || value[0] == '[';
}

/* In a list or a structure the error is at the element. */
static bool
at_or_below(const char *field, const char *path)
{
	size_t n = strlen(path);

	return strncmp(field, path, n) == 0 && (field[n] == '\0' ||
	    field[n] == '[' || field[n] == '.');
}

/* Fixed by a rule, or what tells which message it is. */
static bool
special(const struct row *row, const struct schema *schema)
{
	return row->label == L_pvno || row->label == L_msg_type ||
	    row->label == L_grppac || row->label == L_kty ||
	    (schema->rule != NULL && (row->label == L_alg ||
	    row->label == L_keyops || row->label == L_key)) ||
	    row->label == -1;
}

/* Taken in a message, but not as it would be emitted. */
static bool
wild_form(const char *hex)
{
	return strcmp(hex, "f93c00") == 0 || strcmp(hex, "9fff") == 0;
}

static void
try_mistyped(struct walk *w, struct item **value, const struct schema *schema,
    const struct row *row)
{
	struct item *was = *value;
	const char *place = place_of(w, row);
	enum fluffy_error e;
	uint8_t raw[20];
	size_t i;

	for (i = 0; i < sizeof(other_kinds) / sizeof(other_kinds[0]); i++) {
		const char *hex = other_kinds[i].hex;
		bool taken = takes(other_kinds[i].takes, hex, row);

		*value = item_string(&w->g, I_RAW, unhex(hex, raw,
		    sizeof(raw)));
		if (taken && special(row, schema))
			continue;
		/* empty lists have been tried */
		if (row->kind == K_TOKENS && strcmp(hex, "9fff") == 0)
			continue;
		/* lengths are the rows', not the kinds' */
		if (taken && row->kind == K_BYTES &&
		    (row->min > 4 || row->max < 4))
			continue;
		if (taken) {
			expect(w, hex, w->part != NULL && wild_form(hex) ?
			    w->title : NULL);
			continue;
		}
		e = read_again(w);
		if (row->label == L_pvno && e == FLUFFY_E_BAD_VERSION)
			continue;
		if (e != FLUFFY_E_MALFORMED ||
		    !at_or_below(fluffy_why(w->ctx).field, place)) {
			print_error("%s = %s: %s at \"%s\" (%s)\n", w->path,
			    hex, fluffy_error_name(e),
			    fluffy_why(w->ctx).field, fluffy_why(w->ctx).text);
			fail();
		}
	}
	*value = was;
}

/* ---- sizes and numbers at their edges ------------------------------------ */

static struct item *
of_length(struct gen *g, const struct row *row, size_t n)
{
	struct item *item = item_new(g, row->kind == K_BYTES ? I_BYTES :
	    I_TEXT);
	uint8_t *p = arena_alloc(&g->arena, n + 1);

	memset(p, 'z', n);
	item->s = bytes_of(p, n);
	return item;
}

static void
try_lengths(struct walk *w, struct item **value, const struct row *row)
{
	struct item *was = *value;
	bool text = row->kind == K_NAME || row->kind == K_TEXT;

	if (row->kind != K_BYTES && !text)
		return;
	if (row->max < FLUFFY_MAX_EMITTED) {
		*value = of_length(&w->g, row, row->max + 1);
		expect(w, "too long", w->path);
	}
	if (row->min > 0) {
		*value = of_length(&w->g, row, row->min - 1);
		expect(w, "too short", w->path);
	}
	/* lengths of keys are their rules' */
	if (text || row->label == L_nonce || row->label == L_keyid ||
	    row->label == L_cksum || row->label == L_x5t256) {
		*value = of_length(&w->g, row, row->max);
		expect(w, "longest", NULL);
		*value = of_length(&w->g, row, row->min);
		expect(w, "shortest", NULL);
	}
	*value = was;
}

static void
try_numbers(struct walk *w, struct item **value, const struct row *row)
{
	struct item *was = *value;

	if (row->kind == K_TIME || (row->kind == K_UINT && row->min == 0)) {
		int64_t max = row->kind == K_TIME ? MAX_SAFE : row->max;

		*value = item_int(&w->g, max);
		expect(w, "largest", NULL);
		*value = item_int(&w->g, max + 1);
		expect(w, "too large", w->path);
		*value = item_int(&w->g, 0);
		expect(w, "zero", NULL);
		*value = item_int(&w->g, -1);
		expect(w, "negative", w->path);
	} else if (row->kind == K_FLAGS) {
		*value = item_int(&w->g, UINT32_MAX);
		expect(w, "all bits", NULL);
		*value = item_int(&w->g, (int64_t)1 << 32);
		expect(w, "too many bits", w->path);
		*value = item_int(&w->g, 0);
		expect(w, "no bits", NULL);
	}
	*value = was;
}

static void
try_counts(struct walk *w, struct item **value, const struct row *row)
{
	struct item *was = *value, *list;

	if (row->kind != K_TOKENS && row->kind != K_BYTES_LIST)
		return;
	list = item_new(&w->g, I_ARRAY);
	while (list->n <= row->max)
		item_add(&w->g, list, row->kind == K_TOKENS ?
		    item_int(&w->g, (int64_t)list->n) :
		    item_string(&w->g, I_BYTES, BYTES("x")));
	*value = list;
	expect(w, "too many", w->path);
	*value = was;
}

/* ---- the walk ------------------------------------------------------------ */

static const struct schema *
chosen(const struct schema *schema, const struct item *map)
{
	const struct schema *const *v = schema->by_kty;

	if (v == NULL)
		return schema;
	while ((*v)->kty != map->kids[item_find(map, L_kty) + 1]->i)
		v++;
	return *v;
}

static void
walk_map(struct walk *w, struct item *map, const struct schema *schema)
{
	size_t n = strlen(w->path), at;
	uint8_t i;

	schema = chosen(schema, map);
	try_foreign(w, map, schema);
	try_unknown(w, map, schema);
	for (i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];
		struct item **value;

		(void)snprintf(w->path + n, sizeof(w->path) - n, ".%s",
		    row_name(row));
		try_removed(w, map, schema, row);
		try_doubled(w, map, row);
		/* the order of kids changes when one is removed */
		at = item_find(map, row->label);
		value = &map->kids[at + 1];
		try_emptied(w, value, schema, row);
		try_mistyped(w, value, schema, row);
		try_lengths(w, value, row);
		try_numbers(w, value, row);
		try_counts(w, value, row);
		if (row->kind == K_MAP)
			walk_map(w, *value, row->sub);
		w->path[n] = '\0';
	}
}

static void
every_member_of_every_message(void **state)
{
	struct walk *w = *state;
	int64_t type;

	w->tried = 0;
	w->part = NULL;
	for (type = FLUFFY_PSK_REQ; type <= FLUFFY_DK_REVOKE; type++) {
		w->root = gen_message(&w->g, type, FULL);
		(void)snprintf(w->path, sizeof(w->path), "%s",
		    fluffy_type_name((enum fluffy_type)type));
		expect(w, "whole", NULL);
		walk_map(w, w->root, message_schema(type));
		expect(w, "whole again", NULL);
		arena_free(&w->g.arena);
	}
	assert_true(w->tried > 8000);
}

static void walk_sealed(struct walk *w, const struct schema *schema);

/* All plaintexts, each kind of keydata in them. */
static void
walk_plaintext(struct walk *w, const struct row *row)
{
	char title[300];
	int round;

	(void)snprintf(title, sizeof(title), "%s.%s", w->path, row_name(row));
	for (round = 0; round < 6; round++) {
		struct walk inner = { .ctx = w->ctx, .part = row,
		    .title = title, .g.rng.state = w->g.rng.state };

		(void)snprintf(inner.path, sizeof(inner.path), "%.190s",
		    title);
		inner.root = gen_map(&inner.g, row->sub, FULL);
		expect(&inner, "whole", NULL);
		walk_map(&inner, inner.root, row->sub);
		expect(&inner, "whole again", NULL);
		w->tried += inner.tried;
		w->g.rng.state = inner.g.rng.state;
		arena_free(&inner.g.arena);
	}
}

static void
walk_sealed(struct walk *w, const struct schema *schema)
{
	size_t n = strlen(w->path);
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];

		if (row->kind == K_SEALED)
			walk_plaintext(w, row);
		else if (row->kind == K_MAP && row->sub->by_kty == NULL) {
			(void)snprintf(w->path + n, sizeof(w->path) - n,
			    ".%s", row_name(row));
			walk_sealed(w, row->sub);
			w->path[n] = '\0';
		}
	}
}

static void
every_member_of_every_plaintext(void **state)
{
	struct walk *w = *state;
	int64_t type;

	w->tried = 0;
	for (type = FLUFFY_PSK_REQ; type <= FLUFFY_DK_REVOKE; type++) {
		(void)snprintf(w->path, sizeof(w->path), "%s",
		    fluffy_type_name((enum fluffy_type)type));
		walk_sealed(w, message_schema(type));
	}
	assert_true(w->tried > 50000);
}

/* A plaintext is byte for byte its own deterministic encoding (section 4). */
static void
wild_plaintexts_are_refused(void **state)
{
	struct walk *w = *state;
	const struct row *row = schema_row(message_schema(FLUFFY_PSK_REP),
	    L_receipt);
	struct arena arena = { NULL, false };
	struct path path = { .name = "r", .len = 1 };
	struct buffer plain, wild;
	struct part *part;
	int i, different = 0;

	for (i = 0; i < 300; i++) {
		struct item *item = gen_map(&w->g, row->sub, MIXED);

		plain = item_encode(&w->g, item, false);
		wild = item_encode(&w->g, item, true);
		must(w->ctx, decode_part(w->ctx, &arena, buffer_view(&plain),
		    row->sub, &path, &part));
		if (!bytes_eq(buffer_view(&plain), buffer_view(&wild))) {
			different++;
			refused_at(w->ctx, decode_part(w->ctx, &arena,
			    buffer_view(&wild), row->sub, &path, &part),
			    FLUFFY_E_MALFORMED, "r");
			assert_null(part);
		}
		buffer_addc(&plain, 0);
		refused_at(w->ctx, decode_part(w->ctx, &arena,
		    buffer_view(&plain), row->sub, &path, &part),
		    FLUFFY_E_MALFORMED, "r");
		refused_at(w->ctx, decode_part(w->ctx, &arena,
		    bytes_of(plain.p, plain.n - 2), row->sub, &path, &part),
		    FLUFFY_E_MALFORMED, "r");
		buffer_free(&plain);
		buffer_free(&wild);
		arena_free(&arena);
		arena_free(&w->g.arena);
	}
	assert_true(different > 250);
}

/* ---- the same in JSON ---------------------------------------------------- */

static void
expect_json(struct walk *w, const char *what, const char *field, bool exact)
{
	char *text = json_dumps(w->json, JSON_COMPACT);
	fluffy_msg *msg = NULL;
	enum fluffy_error e, want;

	e = fluffy_msg_read(w->ctx, text, strlen(text), &msg);
	fluffy_msg_free(&msg);
	want = field == NULL ? FLUFFY_OK : FLUFFY_E_MALFORMED;
	w->tried++;
	if (e != want || (field != NULL && (exact ?
	    strcmp(field, fluffy_why(w->ctx).field) != 0 :
	    !at_or_below(fluffy_why(w->ctx).field, field)))) {
		print_error("%s %s: %s at \"%s\" (%s)\n", w->path, what,
		    fluffy_error_name(e), fluffy_why(w->ctx).field,
		    fluffy_why(w->ctx).text);
		fail();
	}
	free(text);
}

static const struct {
	const char *json, *takes;
} json_kinds[] = {
	{ "-1", TOKEN_ TOKENS_ ANY_ }, { "1.0", ANY_ },
	{ "0.5", ANY_ }, { "1e1", ANY_ }, { "-0.0", ANY_ },
	{ "9007199254740992", "" }, { "true", ANY_ }, { "false", ANY_ },
	{ "null", ANY_ }, { "\"?*\"", NAME_ TEXT_ ANY_ },
	{ "\"a\\nb\"", ANY_ }, { "\"\\u0085\"", ANY_ },
	{ "\"\\u0000\"", ANY_ }, { "\"AB\"", NAME_ TEXT_ ANY_ BYTES_ },
	{ "\"AA==\"", NAME_ TEXT_ ANY_ }, { "\"A\"", NAME_ TEXT_ ANY_ },
	{ "[null]", ANY_ }, { "[[]]", ANY_ }, { "[0.5]", ANY_ },
	{ "[\"?\"]", ANY_ }, { "[-1]", TOKENS_ ANY_ },
	{ "[77777,77777]", ANY_ }, { "{\"a\":1}", ANY_ },
	{ "{\"ciphertext\":\"\"}", ANY_ }, { "32", "" }
};

static void
json_mistyped(struct walk *w, json_t *map, const struct schema *schema,
    const struct row *row)
{
	const char *name = row_name(row);
	json_t *was = json_incref(json_object_get(map, name));
	size_t i;

	for (i = 0; i < sizeof(json_kinds) / sizeof(json_kinds[0]); i++) {
		bool ok = row->kind == K_ANY || takes(json_kinds[i].takes,
		    json_kinds[i].json, row);

		/* numbers are tried in CBOR; "AB" isn't canonical */
		if ((ok && special(row, schema)) || i + 1 ==
		    sizeof(json_kinds) / sizeof(json_kinds[0]))
			continue;
		if (strcmp(json_kinds[i].json, "9007199254740992") == 0)
			ok = false;
		if (row->kind == K_BYTES)
			ok = false;
		json_object_set_new(map, name, json_loads(json_kinds[i].json,
		    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
		/* what a rule or a bound of the row says isn't asked here */
		if (!ok)
			expect_json(w, json_kinds[i].json, place_of(w, row),
			    false);
		else
			expect_json(w, json_kinds[i].json, NULL, true);
	}
	json_object_set_new(map, name, was);
}

static void
json_foreign(struct walk *w, json_t *map, const struct schema *schema)
{
	size_t n = strlen(w->path);
	int64_t label;

	for (label = 0; label < N_LABELS; label++) {
		const char *name = label_name(label);
		uint8_t i;

		/* a key's "alg"-like names are its own */
		for (i = 0; i < schema->n_rows; i++)
			if (strcmp(row_name(&schema->rows[i]), name) == 0)
				break;
		if (i < schema->n_rows)
			continue;
		(void)snprintf(w->path + n, sizeof(w->path) - n, ".%s", name);
		json_object_set_new(map, name, json_null());
		expect_json(w, "put in", w->path, true);
		json_object_del(map, name);
		w->path[n] = '\0';
	}
}

static void
walk_json(struct walk *w, json_t *map, const struct schema *schema,
    const struct item *item)
{
	size_t n = strlen(w->path);
	uint8_t i;

	schema = chosen(schema, item);
	json_foreign(w, map, schema);
	for (i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];
		const char *name = row_name(row);
		json_t *was = json_incref(json_object_get(map, name));

		assert_non_null(was);
		(void)snprintf(w->path + n, sizeof(w->path) - n, ".%s", name);
		json_object_del(map, name);
		expect_json(w, "removed", (row->flags & F_OPTIONAL) != 0 ?
		    NULL : place_of(w, row), true);
		json_object_set_new(map, name, was);
		json_mistyped(w, map, schema, row);
		if (row->kind == K_MAP)
			walk_json(w, json_object_get(map, name), row->sub,
			    item->kids[item_find(item, row->label) + 1]);
		w->path[n] = '\0';
	}
}

/* A full message in both forms; jansson can't take every generated name. */
static void
make_json(struct walk *w, int64_t type)
{
	struct buffer b;
	fluffy_bytes json;
	fluffy_msg *msg;

	do {
		w->root = gen_message(&w->g, type, FULL);
		b = item_encode(&w->g, w->root, false);
		must(w->ctx, fluffy_msg_read(w->ctx, b.p, b.n, &msg));
		must(w->ctx, fluffy_msg_write(w->ctx, msg, FLUFFY_JSON, 0,
		    &json));
		w->json = json_loadb((const char *)json.data, json.len,
		    JSON_ALLOW_NUL, NULL);
		fluffy_msg_free(&msg);
		fluffy_bytes_free(&json);
		buffer_free(&b);
	} while (w->json == NULL);
}

static void
every_member_of_every_message_in_json(void **state)
{
	struct walk *w = *state;
	int64_t type;

	w->tried = 0;
	w->part = NULL;
	for (type = FLUFFY_PSK_REQ; type <= FLUFFY_DK_REVOKE; type++) {
		make_json(w, type);
		(void)snprintf(w->path, sizeof(w->path), "%s",
		    fluffy_type_name((enum fluffy_type)type));
		walk_json(w, w->json, message_schema(type), w->root);
		expect_json(w, "whole again", NULL, true);
		json_decref(w->json);
		arena_free(&w->g.arena);
	}
	assert_true(w->tried > 4000);
}

/* Registered numbers are words in JSON, and only those. */
static void
numbers_of_words_are_refused_in_json(void **state)
{
	static const struct {
		const char *json, *field;
	} cases[] = {
		{ "{\"pvno\":1,\"msg-type\":15,\"error-code\":\"busy\"}",
		    "msg-type" },
		{ "{\"pvno\":1,\"msg-type\":99}", "msg-type" },
		{ "{\"pvno\":1,\"msg-type\":-9007199254740991}",
		    "msg-type" },
		{ "{\"pvno\":1,\"msg-type\":9007199254740991}",
		    "msg-type" },
		{ "{\"pvno\":1,\"msg-type\":\"psk-req\"}", "msg-type" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":16}",
		    "ERROR.error-code" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":"
		    "\"BUSY\"}", "ERROR.error-code" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":"
		    "\"busy \"}", "ERROR.error-code" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":"
		    "\"16\"}", "ERROR.error-code" }
	};
	static const char unregistered[] = "{\"pvno\":1,\"msg-type\":"
	    "\"ERROR\",\"error-code\":19}";
	struct walk *w = *state;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused_at(w->ctx, fluffy_msg_read(w->ctx, cases[i].json,
		    strlen(cases[i].json), &msg), FLUFFY_E_MALFORMED,
		    cases[i].field);
	must(w->ctx, fluffy_msg_read(w->ctx, unregistered,
	    strlen(unregistered), &msg));
	assert_int_equal(fluffy_msg_error(msg), FLUFFY_OK);
	fluffy_msg_free(&msg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_of_every_message),
		cmocka_unit_test(every_member_of_every_plaintext),
		cmocka_unit_test(wild_plaintexts_are_refused),
		cmocka_unit_test(every_member_of_every_message_in_json),
		cmocka_unit_test(numbers_of_words_are_refused_in_json),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

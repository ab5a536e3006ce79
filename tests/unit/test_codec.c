/* test_codec.c - both encodings of generated messages, and single values */
#include "testing.h"

#include "generate.h"

#define ROUNDS 120	/* messages of each type */

struct fixture {
	fluffy_ctx *ctx;
	struct gen g;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ctx = test_ctx(NULL);
	f->g.rng.state = 20261122;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fluffy_ctx_free(&f->ctx);
	arena_free(&f->g.arena);
	free(f);
	return 0;
}

/* ---- round trips --------------------------------------------------------- */

static fluffy_msg *
read_msg(struct fixture *f, struct bytes data)
{
	fluffy_msg *msg;

	must(f->ctx, fluffy_msg_read(f->ctx, data.p, data.n, &msg));
	return msg;
}

static fluffy_bytes
write_msg(struct fixture *f, const fluffy_msg *msg, enum fluffy_format format)
{
	fluffy_bytes out;

	must(f->ctx, fluffy_msg_write(f->ctx, msg, format, 0, &out));
	return out;
}

/* Reads data and writes it again in that format. */
static fluffy_bytes
convert(struct fixture *f, struct bytes data, enum fluffy_format to)
{
	fluffy_msg *msg = read_msg(f, data);
	fluffy_bytes out = write_msg(f, msg, to);

	fluffy_msg_free(&msg);
	return out;
}

static void
check_both_ways(struct fixture *f, const struct item *item)
{
	struct buffer plain = item_encode(&f->g, item, false);
	struct buffer wild = item_encode(&f->g, item, true);
	struct bytes data = buffer_view(&plain);
	fluffy_bytes cbor = convert(f, data, FLUFFY_CBOR);
	fluffy_bytes json = convert(f, data, FLUFFY_JSON);
	fluffy_bytes tamed = convert(f, buffer_view(&wild), FLUFFY_CBOR);
	fluffy_bytes back = convert(f, view(&json), FLUFFY_CBOR);
	fluffy_bytes again = convert(f, view(&json), FLUFFY_JSON);

	assert_bytes(view(&cbor), data);
	assert_bytes(view(&tamed), data);
	assert_bytes(view(&back), data);
	assert_bytes(view(&again), view(&json));
	assert_true(json.data[json.len - 1] == '\n');
	assert_null(memchr(json.data, '\n', json.len - 1));
	fluffy_bytes_free(&cbor);
	fluffy_bytes_free(&json);
	fluffy_bytes_free(&tamed);
	fluffy_bytes_free(&back);
	fluffy_bytes_free(&again);
	buffer_free(&plain);
	buffer_free(&wild);
}

static void
generated_messages_survive_both_encodings(void **state)
{
	struct fixture *f = *state;
	int64_t type;
	int i;

	for (type = FLUFFY_PSK_REQ; type <= FLUFFY_DK_REVOKE; type++)
		for (i = 0; i < ROUNDS; i++) {
			check_both_ways(f, gen_message(&f->g, type,
			    i == 0 ? MINIMAL : i < 10 ? FULL : MIXED));
			arena_free(&f->g.arena);
		}
}

/* Every valid message is shown, too. */
static void
generated_messages_can_be_shown(void **state)
{
	struct fixture *f = *state;
	fluffy_bytes out;
	int64_t type;
	int i;

	for (type = FLUFFY_PSK_REQ; type <= FLUFFY_DK_REVOKE; type++)
		for (i = 0; i < ROUNDS / 10; i++) {
			struct buffer b = item_encode(&f->g,
			    gen_message(&f->g, type, MIXED), false);

			out = convert(f, buffer_view(&b), FLUFFY_TEXT);
			assert_true(utf8_valid(view(&out)));
			fluffy_bytes_free(&out);
			out = convert(f, buffer_view(&b), FLUFFY_DIAG);
			assert_true(utf8_valid(view(&out)));
			fluffy_bytes_free(&out);
			buffer_free(&b);
			arena_free(&f->g.arena);
		}
}

static void
messages_know_their_type_and_encoding(void **state)
{
	struct fixture *f = *state;
	fluffy_bytes json;
	fluffy_msg *msg;
	int64_t type;

	for (type = FLUFFY_PSK_REQ; type <= FLUFFY_DK_REVOKE; type++) {
		struct buffer b = item_encode(&f->g, gen_message(&f->g, type,
		    MINIMAL), false);

		msg = read_msg(f, buffer_view(&b));
		assert_int_equal(fluffy_msg_type(msg), type);
		assert_int_equal(fluffy_msg_format(msg), FLUFFY_CBOR);
		json = write_msg(f, msg, FLUFFY_JSON);
		fluffy_msg_free(&msg);
		fluffy_msg_free(&msg);
		msg = read_msg(f, view(&json));
		assert_int_equal(fluffy_msg_type(msg), type);
		assert_int_equal(fluffy_msg_format(msg), FLUFFY_JSON);
		fluffy_msg_free(&msg);
		fluffy_bytes_free(&json);
		buffer_free(&b);
	}
	arena_free(&f->g.arena);
}

/* ---- single values ------------------------------------------------------- */

#define FIRST(type) "{\"pvno\":1,\"msg-type\":\"" type "\""

/* An ERROR is the smallest message that has ext and takes anything else. */
#define ERROR_JSON(more) FIRST("ERROR") ",\"error-code\":\"busy\"" more "}"

static struct item *
error_item(struct gen *g)
{
	struct item *map = item_new(g, I_MAP);

	item_put(g, map, L_pvno, item_int(g, 1));
	item_put(g, map, L_msg_type, item_int(g, FLUFFY_ERROR));
	item_put(g, map, L_error_code, item_int(g, 16));
	return map;
}

static struct item *
raw_hex(struct gen *g, const char *hex)
{
	uint8_t raw[200];

	return item_string(g, I_RAW, unhex(hex, raw, sizeof(raw)));
}

/* The encoding of an ERROR with that ext; the caller frees it. */
static struct buffer
with_ext(struct fixture *f, struct item *ext)
{
	struct item *map = error_item(&f->g);

	item_put(&f->g, map, L_ext, ext);
	return item_encode(&f->g, map, false);
}

static void
check_any_cbor(struct fixture *f, const char *in, const char *out)
{
	struct buffer wild = with_ext(f, raw_hex(&f->g, in));
	struct buffer want = with_ext(f, raw_hex(&f->g,
	    out == NULL ? in : out));
	fluffy_bytes cbor;
	fluffy_msg *msg;

	if (out == NULL) {
		refused_at(f->ctx, fluffy_msg_read(f->ctx, wild.p, wild.n,
		    &msg), FLUFFY_E_MALFORMED, "ERROR.ext");
		assert_null(msg);
	} else {
		cbor = convert(f, buffer_view(&wild), FLUFFY_CBOR);
		assert_bytes(view(&cbor), buffer_view(&want));
		fluffy_bytes_free(&cbor);
	}
	buffer_free(&wild);
	buffer_free(&want);
}

/* NULL: refused. */
static const struct {
	const char *in, *out;
} any_cbor[] = {
	/* integers, also those that are written as floats */
	{ "00", "00" }, { "1b0000000000000000", "00" }, { "20", "20" },
	{ "3b0000000000000000", "20" }, { "f93c00", "01" },
	{ "fa3f800000", "01" }, { "fb3ff0000000000000", "01" },
	{ "f98000", "00" }, { "fa80000000", "00" },
	{ "fb8000000000000000", "00" }, { "f97bff", "19ffe0" },
	{ "f9fbff", "39ffdf" }, { "fb433fffffffffffff", "1b001fffffffffffff" },
	{ "fbc33fffffffffffff", "3b001ffffffffffffe" },
	{ "1b001fffffffffffff", "1b001fffffffffffff" },
	{ "3b001ffffffffffffe", "3b001ffffffffffffe" },
	{ "fb43f0000000000000", NULL }, { "fb4340000000000000", NULL },
	{ "fbc340000000000000", NULL }, { "fb433ffffffffffffe",
	    "1b001ffffffffffffe" },
	{ "1b0020000000000000", NULL }, { "3b001fffffffffffff", NULL },
	{ "1bffffffffffffffff", NULL }, { "3bffffffffffffffff", NULL },
	{ "fa5a000000", NULL }, { "fa59ffffff", "1b001fffffe0000000" },
	{ "fb7fefffffffffffff", NULL }, { "fa7f7fffff", NULL },
	/* fractions, shortest */
	{ "fb3fe0000000000000", "f93800" }, { "fa3f000000", "f93800" },
	{ "f90001", "f90001" }, { "fa33800000", "f90001" },
	{ "fb3e70000000000000", "f90001" }, { "f903ff", "f903ff" },
	{ "fa387fc000", "f903ff" }, { "f90400", "f90400" },
	{ "fb3f10000000000000", "f90400" }, { "fa33000000", "fa33000000" },
	{ "fb3e60000000000000", "fa33000000" }, { "f98001", "f98001" },
	{ "fa337fffff", "fa337fffff" }, { "fa33c00000", "fa33c00000" },
	{ "fa387fe000", "fa387fe000" }, { "fa3f801000", "fa3f801000" },
	{ "fa3f802000", "f93c01" }, { "fa00000001", "fa00000001" },
	{ "fb36a0000000000000", "fa00000001" },
	{ "fb3690000000000000", "fb3690000000000000" },
	{ "fa007fffff", "fa007fffff" }, { "fb380fffffc0000000",
	    "fa007fffff" },
	{ "fb0000000000000001", "fb0000000000000001" },
	{ "fb3ff8000000000000", "f93e00" },
	{ "fb3fb999999999999a", "fb3fb999999999999a" },
	{ "fb400921fb60000000", "fa40490fdb" },
	{ "fb432fffffffffffff", "fb432fffffffffffff" },
	{ "fb47f0000000000000", NULL },
	/* what isn't a number */
	{ "f97e00", NULL }, { "fa7fc00000", NULL },
	{ "fb7ff8000000000000", NULL }, { "f97c00", NULL },
	{ "f9fc00", NULL }, { "fa7f800000", NULL },
	{ "fb7ff0000000000000", NULL }, { "f97c01", NULL },
	/* the other kinds */
	{ "f6", "f6" }, { "f5", "f5" }, { "f4", "f4" }, { "f7", NULL },
	{ "f0", NULL }, { "e0", NULL }, { "f8ff", NULL }, { "f820", NULL },
	{ "40", NULL }, { "4100", NULL }, { "5f4100ff", NULL },
	{ "60", "60" }, { "78026162", "626162" }, { "7f6161ff", NULL },
	{ "61ff", NULL }, { "63eda080", NULL }, { "c101", NULL },
	{ "d9d9f780", NULL }, { "c24101", NULL }, { "d818f6", NULL },
	{ "9fff", "80" }, { "98020102", "820102" }, { "bfff", "a0" },
	{ "81c101", NULL }, { "8140", NULL },
	/* maps: text keys, distinct, sorted */
	{ "a2616201616102", "a2616102616201" },
	{ "a2626161016162 02", "a26162026261 6101" },
	{ "bf616201616102ff", "a2616102616201" },
	{ "a2616101616102", NULL }, { "a26161017801 6102", NULL },
	{ "a10101", NULL }, { "a1416101", NULL }, { "a1f601", NULL },
	{ "a1c1616101", NULL }, { "a161ff01", NULL }, { "a16000", "a16000" },
	{ "a1613101", "a1613101" }, { "a164 70766e6f 01", "a16470766e6f01" },
	{ "a161 00 01", "a1610001" }, { "82a1616101a1616101",
	    "82a1616101a1616101" }
};

static void
any_values_in_cbor(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(any_cbor) / sizeof(any_cbor[0]); i++) {
		check_any_cbor(f, any_cbor[i].in, any_cbor[i].out);
		arena_free(&f->g.arena);
	}
}

/* Every binary16 there is, from each of its longer forms. */
static void
all_halves_are_shortest(void **state)
{
	struct fixture *f = *state;
	struct item *list = item_new(&f->g, I_ARRAY);
	struct buffer plain, wild;
	fluffy_bytes cbor, json, back;
	unsigned exponent, mantissa;

	for (exponent = 0; exponent < 20; exponent++)
		for (mantissa = 0; mantissa < 1024; mantissa++) {
			double d = exponent == 0 ?
			    ldexp(mantissa, -24) :
			    ldexp(1024 + mantissa, (int)exponent - 25);

			if (d > floor(d))
				item_add(&f->g, list, item_float(&f->g,
				    mantissa % 2 == 0 ? d : -d));
		}
	plain = with_ext(f, list);
	assert_true(plain.n < list->n * 3 + 50);
	cbor = convert(f, buffer_view(&plain), FLUFFY_CBOR);
	assert_bytes(view(&cbor), buffer_view(&plain));
	json = convert(f, buffer_view(&plain), FLUFFY_JSON);
	back = convert(f, view(&json), FLUFFY_CBOR);
	assert_bytes(view(&back), buffer_view(&plain));
	fluffy_bytes_free(&cbor);
	wild = item_encode(&f->g, list, true);
	list = item_string(&f->g, I_RAW, buffer_view(&wild));
	buffer_free(&wild);
	wild = with_ext(f, list);
	cbor = convert(f, buffer_view(&wild), FLUFFY_CBOR);
	assert_bytes(view(&cbor), buffer_view(&plain));
	fluffy_bytes_free(&cbor);
	fluffy_bytes_free(&json);
	fluffy_bytes_free(&back);
	buffer_free(&plain);
	buffer_free(&wild);
	arena_free(&f->g.arena);
}

/* JSON text, the CBOR it is, the JSON that it becomes (NULL: the same). */
static const struct {
	const char *in, *cbor, *out;
} any_json[] = {
	{ "1.0", "01", "1" }, { "1e0", "01", "1" }, { "-0", "00", "0" },
	{ "-0.0", "00", "0" }, { "0e5", "00", "0" }, { "1E2", "1864", "100" },
	{ "-1e-0", "20", "-1" }, { "0.5e1", "05", "5" },
	{ "9007199254740991", "1b001fffffffffffff", NULL },
	{ "-9007199254740991", "3b001ffffffffffffe", NULL },
	{ "9007199254740991.0", "1b001fffffffffffff", "9007199254740991" },
	{ "9007199254740990.9", "1b001fffffffffffff", "9007199254740991" },
	/* the nearest binary64 counts */
	{ "9007199254740991.4", "1b001fffffffffffff", "9007199254740991" },
	{ "0.5", "f93800", NULL }, { "1.5", "f93e00", NULL },
	{ "0.1", "fb3fb999999999999a", NULL },
	{ "1e-7", "fb3e7ad7f29abcaf48", NULL },
	{ "5e-324", "fb0000000000000001", NULL },
	{ "1e-400", "00", "0" },
	{ "4.9406564584124654e-324", "fb0000000000000001", NULL },
	{ "0.000000000000000000000000000000000000000000000000000000000000001",
	    NULL, NULL },
	{ "\"\\u0041\\/\"", "62412f", "\"A/\"" },
	{ "\"\\u0000\"", "6100", NULL }, { "\"\\u000A\"", "610a", "\"\\n\"" },
	{ "\"\\u00e9\"", "62c3a9", "\"\xc3\xa9\"" },
	{ "\"\\ud83d\\udd11\"", "64f09f9491", "\"\xf0\x9f\x94\x91\"" },
	{ "\"\\udbff\\udfff\"", "64f48fbfbf", "\"\xf4\x8f\xbf\xbf\"" },
	{ "\"\xf4\x8f\xbf\xbf\"", "64f48fbfbf", NULL },
	{ "\"\xf4\x8f\xbf\xbf" "0\"", "65f48fbfbf30", NULL },
	{ "\"\xf4\x8f\xbf\xbf" "1\"", "65f48fbfbf31", NULL },
	{ "\"\\uDBFF\\uDFFF0\"", "65f48fbfbf30", "\"\xf4\x8f\xbf\xbf" "0\"" },
	{ "\"|udbff|udfff\"", "6c 7c7564626666 7c7564666666", NULL },
	{ "\"\\\\u0000\"", "665c7530303030", NULL },
	{ "\"\\\\\\u0000\"", "625c00", NULL },
	{ "\"\\\\\\\\udbff\\\\udfff\"", NULL, NULL },
	{ "\"a\\u0000b\"", "63610062", NULL },
	{ "{\"a\\u0000\":1,\"a\":2}", "a261 61 02 62 6100 01",
	    "{\"a\":2,\"a\\u0000\":1}" },
	{ "{}", "a0", NULL }, { "[]", "80", NULL }, { "null", "f6", NULL },
	{ " [ true , false ] ", "82f5f4", "[true,false]" },
	{ "{\"b\":1,\"a\":2,\"\":3}", "a36003616102616201",
	    "{\"\":3,\"a\":2,\"b\":1}" },
	{ "{\"aa\":1,\"b\":2}", "a2616202626161 01", "{\"b\":2,\"aa\":1}" }
};

static void
check_any_json(struct fixture *f, const char *in, const char *hex,
    const char *out)
{
	struct buffer json = BUFFER(10000), want;
	fluffy_bytes cbor, again;

	buffer_addf(&json, ERROR_JSON(",\"ext\":%s"), in);
	cbor = convert(f, buffer_view(&json), FLUFFY_CBOR);
	if (hex != NULL) {
		want = with_ext(f, raw_hex(&f->g, hex));
		assert_bytes(view(&cbor), buffer_view(&want));
		buffer_free(&want);
	}
	buffer_free(&json);
	again = convert(f, view(&cbor), FLUFFY_JSON);
	if (hex != NULL) {
		buffer_addf(&json, ERROR_JSON(",\"ext\":%s") "\n",
		    out == NULL ? in : out);
		/* how a float is written isn't said, only that it comes back */
		if (strchr(in, 'e') == NULL || out != NULL || in[0] == '"')
			assert_bytes(view(&again), buffer_view(&json));
		buffer_free(&json);
	}
	fluffy_bytes_free(&cbor);
	cbor = convert(f, view(&again), FLUFFY_CBOR);
	fluffy_bytes_free(&again);
	fluffy_bytes_free(&cbor);
}

static void
any_values_in_json(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(any_json) / sizeof(any_json[0]); i++) {
		check_any_json(f, any_json[i].in, any_json[i].cbor,
		    any_json[i].out);
		arena_free(&f->g.arena);
	}
}

static void
refuse_json(struct fixture *f, const char *json, const char *field)
{
	fluffy_msg *msg;

	refused_at(f->ctx, fluffy_msg_read(f->ctx, json, strlen(json), &msg),
	    FLUFFY_E_MALFORMED, field);
	assert_null(msg);
}

static void
any_values_that_json_refuses(void **state)
{
	static const char *const bad[] = {
		"9007199254740992", "-9007199254740992", "9007199254740993",
		"9007199254740991.5", "1e16", "1e300", "18446744073709551616",
		"123456789012345678901234567890", "-9.1e15"
	};
	/* jansson's word, so without a place */
	static const char *const worse[] = {
		"1e400", "-1e400", "01", "+1", ".5", "1.", "0x1", "NaN",
		"Infinity", "-", "\"\\ud800\"", "\"\\udc00\"",
		"\"\\ud800\\u0041\"", "\"\xff\"", "\"\xed\xa0\x80\"",
		"\"\xc0\x80\"", "\"\t\"", "\"\\x\"", "'a'", "{\"a\":1,\"a\":2}",
		"{\"a\":1,\"\\u0061\":2}", "{1:2}", "[1,]", "{\"a\":1,}",
		"[1 2]", "tru", "nul", "// c\n1"
	};
	struct fixture *f = *state;
	char json[200];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(json, sizeof(json), ERROR_JSON(",\"ext\":%s"),
		    bad[i]);
		refuse_json(f, json, "ERROR.ext");
	}
	for (i = 0; i < sizeof(worse) / sizeof(worse[0]); i++) {
		(void)snprintf(json, sizeof(json), ERROR_JSON(",\"ext\":%s"),
		    worse[i]);
		refuse_json(f, json, "");
	}
}

/* ---- labels -------------------------------------------------------------- */

static void
unknown_labels_in_cbor(void **state)
{
	static const struct {
		const char *label;
		const char *field;	/* NULL: kept */
	} cases[] = {
		{ "1835", NULL }, { "20", NULL },
		{ "1b001fffffffffffff", NULL },
		{ "3b001ffffffffffffe", NULL }, { "6178", NULL },
		{ "62 2d30", NULL }, { "62 3031", NULL }, { "63 637276", NULL },
		{ "60", "ERROR." }, { "1b0020000000000000",
		    "ERROR.9007199254740992" },
		{ "3b001fffffffffffff", "ERROR.-9007199254740992" },
		{ "6130", "ERROR.0" }, { "623533", "ERROR.53" },
		{ "622d31", "ERROR.-1" }, { "6470766e6f", "ERROR.pvno" },
		{ "63 616c67", "ERROR.alg" }, { "66 72732d6b6579",
		    "ERROR.rs-key" },
		{ "00", "ERROR.0" }, { "1834", "ERROR.52" },
		{ "0f", "ERROR.15" },
		{ "61ff", "ERROR.?" }, { "4161", "ERROR.0" },
		{ "f6", "ERROR.0" },
		{ "f4", "ERROR.0" }, { "f93c00", "ERROR.0" },
		{ "80", "ERROR.0" },
		{ "a0", "ERROR.0" }, { "c101", "ERROR.0" }, { "7f6178ff",
		    "ERROR.0" }
	};
	struct fixture *f = *state;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct item *map = error_item(&f->g);
		struct buffer b;

		item_add(&f->g, map, raw_hex(&f->g, cases[i].label));
		item_add(&f->g, map, item_int(&f->g, 1));
		b = item_encode(&f->g, map, false);
		if (cases[i].field == NULL)
			check_both_ways(f, map);
		else
			refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n,
			    &msg), FLUFFY_E_MALFORMED, cases[i].field);
		buffer_free(&b);
		arena_free(&f->g.arena);
	}
}

static void
labels_of_255_bytes_are_the_longest(void **state)
{
	struct fixture *f = *state;
	char text[257];
	size_t n;

	memset(text, 'x', sizeof(text));
	text[256] = '\0';
	for (n = 255; n <= 256; n++) {
		struct item *map = error_item(&f->g);
		struct buffer b;
		fluffy_msg *msg = NULL;

		item_add(&f->g, map, item_string(&f->g, I_TEXT,
		    bytes_of(text, n)));
		item_add(&f->g, map, item_int(&f->g, 1));
		b = item_encode(&f->g, map, false);
		assert_int_equal(fluffy_msg_read(f->ctx, b.p, b.n, &msg),
		    n == 255 ? FLUFFY_OK : FLUFFY_E_MALFORMED);
		fluffy_msg_free(&msg);
		buffer_free(&b);
	}
	arena_free(&f->g.arena);
}

/* JSON's names: numbers, texts, and members that must have their name. */
static void
unknown_labels_in_json(void **state)
{
	static const struct {
		const char *name, *label;
		const char *field;
	} cases[] = {
		{ "53", "1835", NULL }, { "-1", "20", NULL },
		{ "9007199254740991", "1b001fffffffffffff", NULL },
		{ "-0", "622d30", NULL }, { "01", "623031", NULL },
		{ "x", "6178", NULL }, { "1.0", "63312e30", NULL },
		{ "a\\u0000b", "63610062", NULL }, { "\\u0000", "6100", NULL },
		{ "\\u0035\\u0033", "1835", NULL },
		{ "0", NULL, "ERROR.0" }, { "52", NULL, "ERROR.52" },
		{ "46", NULL, "ERROR.46" }, { "", NULL, "ERROR." },
		{ "9007199254740992", NULL, "ERROR.9007199254740992" },
		{ "-99999999999999999999", NULL,
		    "ERROR.-99999999999999999999" },
		{ "nonce", NULL, "ERROR.nonce" }, { "rs-key", NULL,
		    "ERROR.rs-key" }
	};
	struct fixture *f = *state;
	fluffy_bytes cbor;
	char json[200];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(json, sizeof(json), ERROR_JSON(",\"%s\":1"),
		    cases[i].name);
		if (cases[i].field != NULL) {
			refuse_json(f, json, cases[i].field);
		} else {
			struct item *map = error_item(&f->g);
			struct buffer b;

			item_add(&f->g, map, raw_hex(&f->g, cases[i].label));
			item_add(&f->g, map, item_int(&f->g, 1));
			b = item_encode(&f->g, map, false);
			cbor = convert(f, bytes_str(json), FLUFFY_CBOR);
			assert_bytes(view(&cbor), buffer_view(&b));
			fluffy_bytes_free(&cbor);
			check_both_ways(f, map);
			buffer_free(&b);
		}
		arena_free(&f->g.arena);
	}
}

/* Duplicates are judged after names and numbers have become labels. */
static void
duplicate_labels_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const twice[] = { "1835", "20", "6178" };
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < 3; i++) {
		struct item *map = error_item(&f->g);
		struct buffer b;
		int k;

		for (k = 0; k < 2; k++) {
			item_add(&f->g, map, raw_hex(&f->g, twice[i]));
			item_add(&f->g, map, item_int(&f->g, k));
		}
		b = item_encode(&f->g, map, false);
		refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg),
		    FLUFFY_E_MALFORMED, "ERROR");
		buffer_free(&b);
	}
	refuse_json(f, ERROR_JSON(",\"x\":1,\"x\":1"), "");
	refuse_json(f, ERROR_JSON(",\"53\":1,\"\\u00353\":1"), "");
	refuse_json(f, ERROR_JSON(",\"error-code\":\"busy\""), "");
	arena_free(&f->g.arena);
}

/* Unknown members stand behind the known ones, in the order of labels. */
static void
unknown_members_are_emitted_in_order(void **state)
{
	struct fixture *f = *state;
	static const char in[] = FIRST("ERROR") ",\"zz\":1,\"-1\":2,\"x\":3,"
	    "\"e-text\":\"\",\"1000\":4,\"53\":5,\"error-code\":99}";
	static const char out[] = FIRST("ERROR") ",\"error-code\":99,"
	    "\"e-text\":\"\",\"53\":5,\"1000\":4,\"-1\":2,\"x\":3,\"zz\":1}\n";
	fluffy_bytes json = convert(f, bytes_str(in), FLUFFY_JSON);

	assert_bytes(view(&json), bytes_str(out));
	fluffy_bytes_free(&json);
}

/* ---- depth --------------------------------------------------------------- */

static struct item *
nested(struct gen *g, int levels, bool maps)
{
	struct item *item = item_int(g, 1), *outer;

	for (; levels > 0; levels--) {
		outer = item_new(g, maps ? I_MAP : I_ARRAY);
		if (maps)
			item_add(g, outer, item_text(g, "a"));
		item_add(g, outer, item);
		item = outer;
	}
	return item;
}

static void
check_depth(struct fixture *f, int levels, bool maps, bool fits)
{
	struct item *map = error_item(&f->g);
	struct buffer b = BUFFER(10000);
	fluffy_msg *msg;
	int i, wild;

	item_put(&f->g, map, L_ext, nested(&f->g, levels, maps));
	if (fits)
		check_both_ways(f, map);
	for (wild = 0; wild < 4 && !fits; wild++) {
		b = item_encode(&f->g, map, wild > 0);
		refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg),
		    FLUFFY_E_MALFORMED, "ERROR.ext");
		assert_string_equal(fluffy_why(f->ctx).text,
		    "nesting deeper than 16");
		buffer_free(&b);
	}
	if (!fits) {
		buffer_adds(&b, FIRST("ERROR") ",\"error-code\":99,\"ext\":");
		for (i = 0; i < levels; i++)
			buffer_adds(&b, maps ? "{\"a\":" : "[");
		buffer_adds(&b, "1");
		for (i = 0; i < levels; i++)
			buffer_adds(&b, maps ? "}" : "]");
		buffer_adds(&b, "}");
		refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg),
		    FLUFFY_E_MALFORMED, "ERROR.ext");
		assert_string_equal(fluffy_why(f->ctx).text,
		    "nesting deeper than 16");
		buffer_free(&b);
	}
	arena_free(&f->g.arena);
}

static void
sixteen_levels_and_no_more(void **state)
{
	struct fixture *f = *state;

	/* the message's map is level 1 */
	check_depth(f, 14, false, true);
	check_depth(f, 15, false, true);
	check_depth(f, 15, true, true);
	check_depth(f, 16, false, false);
	check_depth(f, 16, true, false);
	check_depth(f, 17, false, false);
	check_depth(f, 60, true, false);
	check_depth(f, 500, false, false);
}

/* ---- sizes --------------------------------------------------------------- */

/* ext is an array of texts, so that the message has n bytes of CBOR. */
static struct buffer
of_size(struct fixture *f, size_t n)
{
	struct item *list = item_new(&f->g, I_ARRAY), *text;
	struct buffer b;
	size_t have;
	char *s = malloc(n);

	memset(s, 'a', n);
	text = item_string(&f->g, I_TEXT, bytes_of(s, n - 100));
	item_add(&f->g, list, text);
	b = with_ext(f, list);
	have = b.n;
	buffer_free(&b);
	text->s.n += n - have;
	text->s = arena_dup(&f->g.arena, bytes_of(s, text->s.n));
	b = with_ext(f, list);
	assert_int_equal(b.n, n);
	free(s);
	return b;
}

static void
at_most_65536_bytes_are_emitted(void **state)
{
	struct fixture *f = *state;
	fluffy_bytes json, back;
	struct buffer b;
	fluffy_msg *msg;

	b = of_size(f, FLUFFY_MAX_EMITTED);
	json = convert(f, buffer_view(&b), FLUFFY_JSON);
	back = convert(f, view(&json), FLUFFY_CBOR);
	assert_bytes(view(&back), buffer_view(&b));
	fluffy_bytes_free(&back);
	buffer_free(&b);
	/* the same JSON, one character more */
	b = BUFFER((size_t)1 << 20);
	buffer_add(&b, json.data, json.len - 5);
	buffer_adds(&b, "aa\"]}");
	assert_memory_equal(json.data + json.len - 5, "a\"]}\n", 5);
	fluffy_bytes_free(&json);
	buffer_addc(&b, '\n');
	refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg),
	    FLUFFY_E_MALFORMED, "ERROR");
	buffer_free(&b);
	b = of_size(f, FLUFFY_MAX_EMITTED + 1);
	refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg),
	    FLUFFY_E_MALFORMED, "ERROR");
	buffer_free(&b);
	arena_free(&f->g.arena);
}

/* n bytes of CBOR that shrink: zeros of nine bytes each. */
static struct buffer
long_zeros(struct fixture *f, size_t n)
{
	struct buffer list = BUFFER((size_t)1 << 20), b;
	struct item *map = error_item(&f->g);
	size_t left;

	buffer_addc(&list, (char)0x9f);
	b = item_encode(&f->g, map, false);
	left = n - b.n - 2 - 2; /* label 45 takes two, 9f and ff two */
	buffer_free(&b);
	for (; left >= 9; left -= 9)
		buffer_add(&list, "\x1b\0\0\0\0\0\0\0", 9);
	for (; left > 0; left--)
		buffer_addc(&list, 0);
	buffer_addc(&list, (char)0xff);
	item_put(&f->g, map, L_ext, item_string(&f->g, I_RAW,
	    buffer_view(&list)));
	buffer_free(&list);
	b = item_encode(&f->g, map, false);
	assert_int_equal(b.n, n);
	return b;
}

static void
at_most_524288_bytes_are_received(void **state)
{
	struct fixture *f = *state;
	fluffy_msg *msg;
	struct buffer b;

	b = long_zeros(f, FLUFFY_MAX_RECEIVED);
	must(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg));
	fluffy_msg_free(&msg);
	buffer_free(&b);
	b = long_zeros(f, FLUFFY_MAX_RECEIVED + 1);
	refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg),
	    FLUFFY_E_MALFORMED, "");
	assert_string_equal(fluffy_why(f->ctx).text,
	    "larger than 524288 bytes");
	buffer_free(&b);
	arena_free(&f->g.arena);
}

static void
the_limit_holds_for_json_too(void **state)
{
	static const char json[] = ERROR_JSON("");
	struct fixture *f = *state;
	fluffy_msg *msg;
	struct buffer b;
	size_t i, n;

	for (n = FLUFFY_MAX_RECEIVED; n <= FLUFFY_MAX_RECEIVED + 1; n++) {
		b = BUFFER((size_t)1 << 20);
		/* white space around isn't of the message */
		buffer_adds(&b, " \n\t\r ");
		buffer_adds(&b, "{");
		for (i = sizeof(json) - 1; i < n; i++)
			buffer_addc(&b, ' ');
		buffer_adds(&b, json + 1);
		buffer_adds(&b, "  \n ");
		if (n == FLUFFY_MAX_RECEIVED) {
			must(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg));
			fluffy_msg_free(&msg);
		} else
			refused_at(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n,
			    &msg), FLUFFY_E_MALFORMED, "");
		buffer_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generated_messages_survive_both_encodings),
		cmocka_unit_test(generated_messages_can_be_shown),
		cmocka_unit_test(messages_know_their_type_and_encoding),
		cmocka_unit_test(any_values_in_cbor),
		cmocka_unit_test(all_halves_are_shortest),
		cmocka_unit_test(any_values_in_json),
		cmocka_unit_test(any_values_that_json_refuses),
		cmocka_unit_test(unknown_labels_in_cbor),
		cmocka_unit_test(labels_of_255_bytes_are_the_longest),
		cmocka_unit_test(unknown_labels_in_json),
		cmocka_unit_test(duplicate_labels_are_refused),
		cmocka_unit_test(unknown_members_are_emitted_in_order),
		cmocka_unit_test(sixteen_levels_and_no_more),
		cmocka_unit_test(at_most_65536_bytes_are_emitted),
		cmocka_unit_test(at_most_524288_bytes_are_received),
		cmocka_unit_test(the_limit_holds_for_json_too),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

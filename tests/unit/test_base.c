/* test_base.c - layer 0: bytes, buffers, base64url, text, words, errors */
#include "testing.h"

#include "base64url.h"

/* ---- bytes and arenas ---------------------------------------------------- */

static void
bytes_are_ordered_like_encoded_keys(void **state)
{
	(void)state;
	assert_true(bytes_cmp(BYTES("a"), BYTES("b")) < 0);
	assert_true(bytes_cmp(BYTES("b"), BYTES("a")) > 0);
	assert_int_equal(bytes_cmp(BYTES("a"), BYTES("a")), 0);
	assert_true(bytes_cmp(BYTES("a"), BYTES("aa")) < 0);
	assert_true(bytes_cmp(BYTES("ab"), BYTES("aa")) > 0);
	assert_true(bytes_cmp(BYTES("b"), BYTES("aa")) > 0);
	assert_true(bytes_cmp(bytes_of(NULL, 0), BYTES("a")) < 0);
	assert_int_equal(bytes_cmp(bytes_of(NULL, 0), BYTES("")), 0);
	assert_true(bytes_cmp(BYTES("\x7f"), BYTES("\x80")) < 0);
}

static void
bytes_equality(void **state)
{
	(void)state;
	assert_true(bytes_eq(bytes_of(NULL, 0), BYTES("")));
	assert_true(bytes_eq(BYTES("ab"), BYTES("ab")));
	assert_false(bytes_eq(BYTES("ab"), BYTES("a")));
	assert_false(bytes_eq(BYTES("ab"), BYTES("ac")));
	assert_true(bytes_eq(bytes_str(NULL), BYTES("")));
	assert_false(bytes_eq(BYTES("a\0b"), BYTES("a\0c")));
}

static void
arenas_give_zeroed_aligned_memory(void **state)
{
	struct arena arena = { NULL, false };
	uint8_t *p;
	size_t n, i;

	(void)state;
	for (n = 0; n < 300; n++) {
		p = arena_alloc(&arena, n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	p = arena_alloc(&arena, 1000000);
	assert_non_null(p);
	memset(p, 0xff, 1000000);
	assert_false(arena.failed);
	arena_free(&arena);
	assert_null(arena.chunks);
	arena_free(&arena);
}

static void
arenas_remember_that_memory_was_missing(void **state)
{
	struct arena arena = { NULL, false };
	struct bytes copy;

	(void)state;
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_true(arena.failed);
	assert_false(arena_copy(&arena, bytes_of("", SIZE_MAX), &copy));
	assert_null(copy.p);
	arena_free(&arena);
}

static void
arena_copies_end_with_nul(void **state)
{
	struct arena arena = { NULL, false };
	struct bytes copy;

	(void)state;
	assert_true(arena_copy(&arena, BYTES("abc"), &copy));
	assert_int_equal(copy.n, 3);
	assert_string_equal((const char *)copy.p, "abc");
	copy = arena_dup(&arena, bytes_of(NULL, 0));
	assert_non_null(copy.p);
	assert_int_equal(copy.n, 0);
	assert_int_equal(copy.p[0], 0);
	arena_free(&arena);
}

static void
wiping_memory_is_ordinary_memory(void **state)
{
	char *p = wiping_malloc(100);

	(void)state;
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
	memset(p, 1, 100);
	wiping_free(p);
	wiping_free(NULL);
	assert_null(wiping_malloc(SIZE_MAX));
}

static void
owned_bytes_can_be_freed_twice(void **state)
{
	fluffy_bytes b = { malloc(3), 3 };

	(void)state;
	memcpy(b.data, "key", 3);
	fluffy_bytes_free(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	fluffy_bytes_free(&b);
	fluffy_bytes_free(NULL);
}

/* ---- buffers ------------------------------------------------------------- */

static void
buffers_grow(void **state)
{
	struct buffer b = BUFFER(100000);
	fluffy_bytes out;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		buffer_addf(&b, "%d,", i);
	buffer_adds(&b, "end");
	buffer_addc(&b, '.');
	buffer_add(&b, NULL, 0);
	assert_true(buffer_take(&b, &out));
	assert_int_equal(out.len, 10 * 2 + 90 * 3 + 900 * 4 + 4);
	assert_memory_equal(out.data, "0,1,2,3,", 8);
	assert_memory_equal(out.data + out.len - 8, "999,end.", 8);
	assert_null(b.p);
	fluffy_bytes_free(&out);
}

static void
buffers_have_a_hard_maximum(void **state)
{
	struct buffer b = BUFFER(4);

	(void)state;
	buffer_adds(&b, "1234");
	assert_false(b.failed);
	assert_int_equal(b.n, 4);
	buffer_addc(&b, '5');
	assert_true(b.failed);
	assert_int_equal(b.n, 4);
	buffer_free(&b);
	assert_int_equal(b.max, 4);
	assert_false(b.failed);
	assert_null(buffer_room(&b, 5));
	buffer_free(&b);
	assert_null(buffer_room(&b, SIZE_MAX));
	buffer_free(&b);
	assert_non_null(buffer_room(&b, 4));
	buffer_free(&b);
}

static void
a_failed_buffer_stays_failed(void **state)
{
	struct buffer b = BUFFER(4);
	fluffy_bytes out = { (uint8_t *)&b, 1 };

	(void)state;
	buffer_adds(&b, "12345");
	assert_true(b.failed);
	assert_int_equal(b.n, 0);
	buffer_addc(&b, '1');
	assert_int_equal(b.n, 0);
	assert_null(buffer_room(&b, 0));
	assert_false(buffer_take(&b, &out));
	assert_null(out.data);
	assert_int_equal(out.len, 0);
}

static void
formatted_text_that_is_too_long_fails(void **state)
{
	struct buffer b = BUFFER(10000);
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	buffer_addf(&b, "%s", text);
	assert_true(b.failed);
	buffer_free(&b);
	text[255] = '\0';
	buffer_addf(&b, "%s", text);
	assert_false(b.failed);
	assert_int_equal(b.n, 255);
	buffer_free(&b);
}

/* ---- base64url ----------------------------------------------------------- */

static void
base64url_encodes(void **state)
{
	/* RFC 4648, section 10, and what differs from base64 */
	static const struct {
		const char *raw, *text;
	} cases[] = {
		{ "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "-__-" }
	};
	struct buffer b = BUFFER(100);
	uint8_t out[8];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		base64url_encode(&b, bytes_str(cases[i].raw));
		assert_bytes(buffer_view(&b), bytes_str(cases[i].text));
		n = strlen(cases[i].raw);
		assert_int_equal(BASE64URL_DECODED(b.n), n);
		assert_true(base64url_decode(bytes_str(cases[i].text), out));
		assert_bytes(bytes_of(out, n), bytes_str(cases[i].raw));
		buffer_free(&b);
	}
}

static void
base64url_must_be_canonical(void **state)
{
	static const char *const bad[] = {
		"Z", "Zm9vY", "Zh", "Zm9", "Zg==", "Zg=", "Zm 8", " Zg", "Zg ",
		"Zm8\n", "Zm+v", "Zm/v", "Zm9*", "Z\xc3\xa9g", "Zm9vYh", "_-_",
		"A", "Zm9vA"
	};
	uint8_t out[8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (base64url_decode(bytes_str(bad[i]), out)) {
			print_error("\"%s\" was taken\n", bad[i]);
			fail();
		}
	assert_false(base64url_decode(BYTES("Zm9\0"), out));
}

/* All pairs of last characters: exactly the canonical ones are taken. */
static void
base64url_takes_exactly_what_it_writes(void **state)
{
	struct buffer b = BUFFER(100);
	uint8_t text[3] = { 'A', 0, 0 }, out[2];
	int c1, c2, taken = 0;

	(void)state;
	for (c1 = 0; c1 < 256; c1++)
		for (c2 = 0; c2 < 256; c2++) {
			text[1] = (uint8_t)c1;
			text[2] = (uint8_t)c2;
			if (!base64url_decode(bytes_of(text, 3), out))
				continue;
			base64url_encode(&b, bytes_of(out, 2));
			assert_bytes(buffer_view(&b), bytes_of(text, 3));
			buffer_free(&b);
			taken++;
		}
	assert_int_equal(taken, 64 * 16);
}

/* ---- text ---------------------------------------------------------------- */

static const char *const bad_utf8[] = {
	"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80",
	"\xe0\x9f\xbf", "\xe2\x82", "\xe2\x28\xa1", "\xed\xa0\x80",
	"\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
	"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe",
	"\xff", "a\xc3", "\xc3\xa9\xa9", "\xa2\x80", "\xfc\x80\x80\x80"
};

static void
utf8_is_checked(void **state)
{
	static const char *const good[] = {
		"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xc3\xa9\xe2\x82\xac"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_valid(bytes_str(good[i])));
	for (i = 0; i < sizeof(bad_utf8) / sizeof(bad_utf8[0]); i++) {
		assert_false(utf8_valid(bytes_str(bad_utf8[i])));
		assert_false(name_valid(bytes_str(bad_utf8[i])));
	}
	assert_true(utf8_valid(BYTES("a\0b")));
	/* what would complete it is behind the end */
	assert_false(utf8_valid(bytes_of("\xc3\xa9", 1)));
	assert_false(utf8_valid(bytes_of("\xf0\x9f\x98\x80", 3)));
}

static void
controls_are_seen(void **state)
{
	char text[4] = { 'a', 0, 'b', 0 };
	int c;

	(void)state;
	for (c = 0; c < 128; c++) {
		text[1] = (char)c;
		assert_int_equal(utf8_has_control(bytes_of(text, 3)),
		    c < 32 || c == 127);
	}
	assert_true(utf8_has_control(BYTES("\xc2\x80")));
	assert_true(utf8_has_control(BYTES("\xc2\x9f")));
	assert_false(utf8_has_control(BYTES("\xc2\xa0")));
	assert_false(utf8_has_control(BYTES("\xe2\x80\xae")));
}

static void
names_have_1_to_255_bytes(void **state)
{
	char text[257];

	(void)state;
	memset(text, 'n', sizeof(text));
	assert_false(name_valid(bytes_of(text, 0)));
	assert_true(name_valid(bytes_of(text, 1)));
	assert_true(name_valid(bytes_of(text, 255)));
	assert_false(name_valid(bytes_of(text, 256)));
	assert_false(name_valid(BYTES("a\0b")));
	assert_false(name_valid(BYTES("a\nb")));
	assert_false(name_valid(BYTES("\x7f")));
	assert_true(name_valid(BYTES("K\xc3\xbc" "che 1")));
}

static void
text_is_cleaned(void **state)
{
	struct buffer b = BUFFER(100);

	(void)state;
	text_clean(&b, BYTES("a\nb\x1b[0m\xc2\x9b\xff\xc3\xa9\xe2\x82"));
	assert_bytes(buffer_view(&b), BYTES("a\\u000ab\\u001b[0m"
	    "\\u009b?\xc3\xa9??"));
	buffer_free(&b);
}

static void
uuids_are_lower_case_and_canonical(void **state)
{
	static const char uuid[] = "550e8400-e29b-41d4-a716-446655440000";
	static const char *const bad[] = {
		"550E8400-e29b-41d4-a716-446655440000",
		"550e8400e29b41d4a716446655440000",
		"550e8400-e29b-41d4-a716-44665544000",
		"550e8400-e29b-41d4-a716-4466554400000",
		"550e8400-e29b-41d4-a716+446655440000",
		"550e8400-e29b-41d4-a716-44665544000g",
		"{50e8400-e29b-41d4-a716-446655440000",
		"550e840-0e29b-41d4-a716-446655440000", ""
	};
	uint8_t raw[UUID_SIZE], expected[UUID_SIZE];
	char text[UUID_TEXT];
	size_t i;

	(void)state;
	assert_true(uuid_parse(bytes_str(uuid), raw));
	unhex("550e8400e29b41d4a716446655440000", expected, sizeof(expected));
	assert_memory_equal(raw, expected, sizeof(raw));
	uuid_format(raw, text);
	assert_memory_equal(text, uuid, sizeof(text));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(uuid_parse(bytes_str(bad[i]), raw));
}

static void
decimal_labels(void **state)
{
	static const char *const good[] = {
		"0", "1", "9", "10", "-1", "-10", "9007199254740991",
		"-9007199254740991", "9007199254740992",
		"99999999999999999999999999"
	};
	static const char *const bad[] = {
		"", "-", "-0", "00", "01", "-01", "+1", " 1", "1 ", "1.0",
		"1e3", "0x1", "--1", "1-", "\xd9\xa1"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(decimal_form(bytes_str(good[i])));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(decimal_form(bytes_str(bad[i])));
	assert_false(decimal_form(BYTES("1\0")));
}

static void
decimal_values_end_at_2_to_53(void **state)
{
	int64_t v = 7;

	(void)state;
	assert_true(decimal_value(BYTES("0"), &v));
	assert_int_equal(v, 0);
	assert_true(decimal_value(BYTES("-12"), &v));
	assert_int_equal(v, -12);
	assert_true(decimal_value(BYTES("9007199254740991"), &v));
	assert_true(v == MAX_SAFE);
	assert_true(decimal_value(BYTES("-9007199254740991"), &v));
	assert_true(v == -MAX_SAFE);
	assert_false(decimal_value(BYTES("9007199254740992"), &v));
	assert_false(decimal_value(BYTES("-9007199254740992"), &v));
	assert_false(decimal_value(BYTES("18446744073709551617"), &v));
	assert_false(decimal_value(BYTES("99999999999999999999999"), &v));
}

static void
hex_is_lower_case(void **state)
{
	struct buffer b = BUFFER(100);
	uint8_t out[3];
	size_t n = 9;

	(void)state;
	hex_encode(&b, BYTES("\x00\x7f\xff"));
	assert_bytes(buffer_view(&b), BYTES("007fff"));
	assert_true(hex_decode(buffer_view(&b), out, 3, &n));
	assert_bytes(bytes_of(out, n), BYTES("\x00\x7f\xff"));
	assert_false(hex_decode(buffer_view(&b), out, 2, &n));
	assert_false(hex_decode(BYTES("0"), out, 3, &n));
	assert_false(hex_decode(bytes_of("abcd", 3), out, 3, &n));
	assert_false(hex_decode(BYTES("0G"), out, 3, &n));
	assert_false(hex_decode(BYTES("FF"), out, 3, &n));
	assert_false(hex_decode(BYTES("f "), out, 3, &n));
	assert_true(hex_decode(BYTES(""), out, 3, &n));
	assert_int_equal(n, 0);
	buffer_free(&b);
}

/* ---- words --------------------------------------------------------------- */

static void
times_are_told(void **state)
{
	char buf[24];

	(void)state;
	assert_string_equal(fluffy_time_text(0, buf), "1970-01-01 00:00Z");
	assert_string_equal(fluffy_time_text(NOW, buf), "2026-11-22 18:00Z");
	assert_string_equal(fluffy_time_text(253402300799u, buf),
	    "9999-12-31 23:59Z");
	assert_string_equal(fluffy_time_text(253402300800u, buf),
	    "after 9999");
	assert_string_equal(fluffy_time_text(UINT64_MAX, buf), "after 9999");
}

static void
times_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t time;
	} good[] = {
		{ "0", 0 }, { "1795370400", NOW },
		{ "2026-11-22T18:00:00Z", NOW }, { "2026-11-22T18:00Z", NOW },
		{ "2026-11-22 18:00", NOW },
		{ "2026-11-22 18:00:01Z", NOW + 1 },
		{ "1970-01-01T00:00Z", 0 }, { "2028-02-29 00:00Z", 1835395200 },
		{ "+0s", NOW }, { "+90s", NOW + 90 }, { "+8h", NOW + 28800 },
		{ "+5m", NOW + 300 }, { "+30d", NOW + 2592000 },
		{ "9007199254740991", 9007199254740991u }
	};
	static const char *const bad[] = {
		"", "-1", "01", "1.5", "0x10", "+", "+h", "+8", "+-8h", "+8y",
		"+08h", "+8h ", "+1000000001s", "9007199254740992", "now",
		"2026-11-22", "2026-11-22T18", "2026-11-22T18:00:00+01:00",
		"2026-13-22T18:00Z", "2026-02-30T18:00Z", "2026-11-31T18:00Z",
		"2027-02-29T00:00Z", "2026-11-22T24:01Z", "2026-11-22T18:60Z",
		"2026-11-22T18:00:61Z", "26-11-22T18:00Z", "1969-12-31T23:59Z",
		"2026-11-22T18:00ZZ", "2026/11/22 18:00", " 2026-11-22T18:00Z",
		"2026-11-22T18:00z", "2026-00-22T18:00Z", "2026-11-00T18:00Z"
	};
	fluffy_ctx *ctx = test_ctx(NULL);
	uint64_t time;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		must(ctx, fluffy_time_parse(ctx, good[i].text, &time));
		assert_int_equal(time, good[i].time);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		time = 1;
		if (fluffy_time_parse(ctx, bad[i], &time) != FLUFFY_E_USAGE) {
			print_error("\"%s\" was taken\n", bad[i]);
			fail();
		}
		assert_int_equal(time, 0);
	}
	fluffy_ctx_free(&ctx);
}

static void
keyids_are_read(void **state)
{
	static const char *const bad[] = { "", "5", "5F", "5f0", "5g", "5f ",
	    "0102030405" };
	fluffy_ctx *ctx = test_ctx(NULL);
	uint8_t out[4];
	size_t n, i;

	(void)state;
	must(ctx, fluffy_keyid_parse(ctx, "5f0c9a1e", out, 4, &n));
	assert_bytes(bytes_of(out, n), BYTES("\x5f\x0c\x9a\x1e"));
	must(ctx, fluffy_keyid_parse(ctx, "00", out, 4, &n));
	assert_int_equal(n, 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fluffy_keyid_parse(ctx, bad[i], out, 4, &n),
		    FLUFFY_E_USAGE);
	fluffy_ctx_free(&ctx);
}

/* ---- errors and the context ---------------------------------------------- */

static void
wire_codes_have_their_names(void **state)
{
	/* wire.md, section 3 */
	static const char *const names[] = { "ok", "malformed", "bad-version",
	    "auth-failed", "clock-skew", "replay", "wrong-skdc",
	    "unknown-service", "bad-etype", "not-permitted", "no-such-group",
	    "group-exists", "group-deleting", "not-owner", "no-such-key",
	    "no-ca", "busy", "internal", "expired" };
	int code;

	(void)state;
	for (code = 0; code <= 18; code++)
		assert_string_equal(fluffy_error_name((enum fluffy_error)code),
		    names[code]);
	assert_string_equal(fluffy_error_name(19), "unknown");
	assert_string_equal(fluffy_error_name(FLUFFY_MORE), "unknown");
}

static void
every_error_has_a_sentence_and_a_status(void **state)
{
	enum fluffy_error e;
	int code;

	(void)state;
	for (code = 1; code <= FLUFFY_E_SYSTEM; code++) {
		if (code == 19)
			code = FLUFFY_E_USAGE;
		e = (enum fluffy_error)code;
		assert_string_not_equal(fluffy_error_sentence(e),
		    "an unknown error");
		assert_in_range(fluffy_error_status(e), FLUFFY_REFUSED,
		    FLUFFY_BROKEN);
	}
	assert_int_equal(fluffy_error_status(FLUFFY_OK), FLUFFY_DONE);
	assert_int_equal(fluffy_error_status(FLUFFY_E_MALFORMED),
	    FLUFFY_MALFORMED);
	assert_int_equal(fluffy_error_status(FLUFFY_E_BAD_VERSION),
	    FLUFFY_REFUSED);
	assert_int_equal(fluffy_error_status(FLUFFY_E_STORE), FLUFFY_BROKEN);
	assert_int_equal(fluffy_error_status(99), FLUFFY_BROKEN);
	assert_string_equal(fluffy_error_sentence(99), "an unknown error");
}

static void
reasons_are_clean_and_cut_off(void **state)
{
	struct path up = { .name = "a\nb", .len = 3 };
	struct path element = { .up = &up, .index = 7 };
	struct path path = { .up = &element, .len = 300 };
	fluffy_ctx *ctx = test_ctx(NULL);
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	path.name = text;
	assert_int_equal(fluffy_fail(ctx, FLUFFY_E_REPLAY, &path, "%s\x1b%s",
	    "why", text), FLUFFY_E_REPLAY);
	assert_memory_equal(fluffy_why(ctx).field, "a\\u000ab[7].xxx",
	    15);
	assert_int_equal(strlen(fluffy_why(ctx).field), 12 + 64);
	assert_memory_equal(fluffy_why(ctx).text, "why\\u001bxxx", 12);
	assert_true(strlen(fluffy_why(ctx).text) < 600);
	assert_int_equal(fluffy_why(ctx).code, FLUFFY_E_REPLAY);
	fluffy_ctx_free(&ctx);
}

static int
no_random(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	memset(out, 1, n);
	return -1;
}

static void
without_randomness_nothing_is_drawn(void **state)
{
	fluffy_ctx *ctx = test_ctx(NULL);
	uint8_t out[8] = { 1, 2, 3 }, zero[8] = { 0 };

	(void)state;
	must(ctx, ctx_random(ctx, out, sizeof(out)));
	fluffy_ctx_set_random(ctx, no_random, NULL);
	assert_int_equal(ctx_random(ctx, out, sizeof(out)), FLUFFY_E_SYSTEM);
	assert_memory_equal(out, zero, sizeof(out));
	fluffy_ctx_free(&ctx);
	fluffy_ctx_free(&ctx);
	fluffy_ctx_free(NULL);
}

static void
the_default_clock_is_the_systems(void **state)
{
	fluffy_ctx *ctx = fluffy_ctx_new();

	(void)state;
	assert_true(fluffy_now(ctx) > 1700000000u);
	assert_non_null(fluffy_version());
	fluffy_ctx_free(&ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_ordered_like_encoded_keys),
		cmocka_unit_test(bytes_equality),
		cmocka_unit_test(arenas_give_zeroed_aligned_memory),
		cmocka_unit_test(arenas_remember_that_memory_was_missing),
		cmocka_unit_test(arena_copies_end_with_nul),
		cmocka_unit_test(wiping_memory_is_ordinary_memory),
		cmocka_unit_test(owned_bytes_can_be_freed_twice),
		cmocka_unit_test(buffers_grow),
		cmocka_unit_test(buffers_have_a_hard_maximum),
		cmocka_unit_test(a_failed_buffer_stays_failed),
		cmocka_unit_test(formatted_text_that_is_too_long_fails),
		cmocka_unit_test(base64url_encodes),
		cmocka_unit_test(base64url_must_be_canonical),
		cmocka_unit_test(base64url_takes_exactly_what_it_writes),
		cmocka_unit_test(utf8_is_checked),
		cmocka_unit_test(controls_are_seen),
		cmocka_unit_test(names_have_1_to_255_bytes),
		cmocka_unit_test(text_is_cleaned),
		cmocka_unit_test(uuids_are_lower_case_and_canonical),
		cmocka_unit_test(decimal_labels),
		cmocka_unit_test(decimal_values_end_at_2_to_53),
		cmocka_unit_test(hex_is_lower_case),
		cmocka_unit_test(times_are_told),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(keyids_are_read),
		cmocka_unit_test(wire_codes_have_their_names),
		cmocka_unit_test(every_error_has_a_sentence_and_a_status),
		cmocka_unit_test(reasons_are_clean_and_cut_off),
		cmocka_unit_test(without_randomness_nothing_is_drawn),
		cmocka_unit_test(the_default_clock_is_the_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_reader.c - streams cut into messages (section 1) */
#include "testing.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generate.h"

struct fixture {
	fluffy_ctx *ctx;
	struct gen g;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ctx = test_ctx(NULL);
	f->g.rng.state = 987654321;
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

#define ERR_JSON "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":\"busy\"}"
#define OTHER_JSON "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":99}"
#define ERR_CBOR "\xa3\x01\x01\x02\x0f\x18\x2e\x10"

/* ---- transcripts --------------------------------------------------------- */

/* What the reader gives until it wants more: a line for each result. */
static enum fluffy_error
drain(struct fixture *f, fluffy_reader *r, struct buffer *log)
{
	enum fluffy_error e;
	fluffy_bytes json;
	fluffy_msg *msg;

	while ((e = fluffy_reader_next(r, &msg)) != FLUFFY_MORE &&
	    e != FLUFFY_END) {
		assert_true((e == FLUFFY_OK) == (msg != NULL));
		if (e != FLUFFY_OK) {
			buffer_addf(log, "%s %s: ", fluffy_error_name(e),
			    fluffy_why(f->ctx).field);
			buffer_adds(log, fluffy_why(f->ctx).text);
			buffer_addc(log, '\n');
			continue;
		}
		must(f->ctx, fluffy_msg_write(f->ctx, msg, FLUFFY_JSON, 0,
		    &json));
		buffer_add(log, json.data, json.len);
		fluffy_bytes_free(&json);
		fluffy_msg_free(&msg);
	}
	assert_null(msg);
	return e;
}

/* portion 0: of random sizes, up to 20 bytes. */
static struct buffer
transcript(struct fixture *f, struct bytes data, size_t portion)
{
	fluffy_reader *r = fluffy_reader_new(f->ctx);
	struct buffer log = BUFFER((size_t)1 << 24);
	size_t at = 0, n;

	assert_int_equal(fluffy_reader_format(r), FLUFFY_NONE);
	while (at < data.n) {
		n = portion == 0 ? 1 + rng_below(&f->g.rng, 20) : portion;
		if (n > data.n - at)
			n = data.n - at;
		must(f->ctx, fluffy_reader_push(r, data.p + at, n));
		at += n;
		(void)drain(f, r, &log);
	}
	fluffy_reader_finish(r);
	assert_int_equal(drain(f, r, &log), FLUFFY_END);
	assert_int_equal(drain(f, r, &log), FLUFFY_END);
	fluffy_reader_free(&r);
	fluffy_reader_free(&r);
	return log;
}

/* The transcript is that text, however the bytes come. */
static void
gives(struct fixture *f, struct bytes data, const char *expected)
{
	static const size_t portions[] = { SIZE_MAX, 1, 2, 3, 7, 0 };
	struct buffer log;
	size_t i;

	for (i = 0; i < 6; i++) {
		log = transcript(f, data, portions[i]);
		if (!bytes_eq(buffer_view(&log), bytes_str(expected)))
			print_error("expected \"%s\", found \"%.*s\"\n",
			    expected, (int)log.n, (const char *)log.p);
		assert_bytes(buffer_view(&log), bytes_str(expected));
		buffer_free(&log);
	}
}

/* ---- portions ------------------------------------------------------------ */

static struct buffer
random_stream(struct fixture *f, enum fluffy_format format, int n)
{
	struct buffer stream = BUFFER((size_t)1 << 24);

	for (; n > 0; n--) {
		int64_t type = 1 + (int64_t)rng_below(&f->g.rng, 20);
		struct buffer b = item_encode(&f->g, gen_message(&f->g, type,
		    MIXED), format == FLUFFY_CBOR);
		fluffy_bytes json;
		fluffy_msg *msg;

		if (format == FLUFFY_CBOR) {
			buffer_add(&stream, b.p, b.n);
			buffer_free(&b);
			continue;
		}
		must(f->ctx, fluffy_msg_read(f->ctx, b.p, b.n, &msg));
		must(f->ctx, fluffy_msg_write(f->ctx, msg, FLUFFY_JSON, 0,
		    &json));
		buffer_add(&stream, json.data, json.len - chance(&f->g, 3));
		if (chance(&f->g, 3))
			buffer_adds(&stream, " \r\n\t\n");
		fluffy_bytes_free(&json);
		fluffy_msg_free(&msg);
		buffer_free(&b);
	}
	arena_free(&f->g.arena);
	return stream;
}

static void
any_portions_give_the_same_messages(void **state)
{
	struct fixture *f = *state;
	struct buffer stream, whole, log;
	int format, i;
	size_t lines;

	for (format = FLUFFY_JSON; format <= FLUFFY_CBOR; format++) {
		stream = random_stream(f, (enum fluffy_format)format, 100);
		whole = transcript(f, buffer_view(&stream), SIZE_MAX);
		for (lines = 0, i = 0; (size_t)i < whole.n; i++)
			lines += whole.p[i] == '\n';
		assert_int_equal(lines, 100);
		assert_int_equal(whole.p[0], '{');
		assert_null(memmem(whole.p, whole.n, "\nmalformed", 10));
		for (i = 0; i < 10; i++) {
			log = transcript(f, buffer_view(&stream), i < 8 ?
			    (size_t)i : (size_t)i * 100);
			assert_bytes(buffer_view(&log), buffer_view(&whole));
			buffer_free(&log);
		}
		buffer_free(&whole);
		buffer_free(&stream);
	}
}

/* A message is there with its last byte, before anything else comes. */
static void
messages_come_at_once(void **state)
{
	static const char *const streams[] = { ERR_JSON, ERR_CBOR };
	struct fixture *f = *state;
	fluffy_msg *msg;
	size_t i, k, n;

	for (i = 0; i < 2; i++) {
		fluffy_reader *r = fluffy_reader_new(f->ctx);

		n = strlen(streams[i]);
		for (k = 0; k < n; k++) {
			assert_int_equal(fluffy_reader_next(r, &msg),
			    FLUFFY_MORE);
			must(f->ctx, fluffy_reader_push(r, streams[i] + k, 1));
		}
		must(f->ctx, fluffy_reader_next(r, &msg));
		assert_int_equal(fluffy_reader_format(r), i == 0 ?
		    FLUFFY_JSON : FLUFFY_CBOR);
		fluffy_msg_free(&msg);
		fluffy_reader_free(&r);
	}
}

/* ---- the beginning ------------------------------------------------------- */

#define NEITHER "malformed : neither a JSON object nor a CBOR map\n"

static void
what_a_stream_begins_with(void **state)
{
	static const char *const bad[] = {
		"\xef\xbb\xbf" ERR_JSON, "\xfe\xff\0{", "[" ERR_JSON "]",
		"\"a\"", "1", "null", "\x80", "\x01", "\x83\x01\x02\x03",
		"\xbc", "\xbe", "\x9f\xff", "\xd0\xa0", "\xd9\xd9\xf8\xa0",
		"\xd9\xd9\xf7\x80", "\xd9\xd9\xf7\xd9\xd9\xf7\xa0",
		" \xa0", "\n" ERR_CBOR, "\xda\0\0\xd9\xf7\xa0", "}", "x",
		"\xc2\xa0" ERR_JSON, "\x0b" ERR_JSON, "\xd9", "\xd9\xd9",
		"\xd9\xd9\xf7", "\x1e" ERR_JSON
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		gives(f, bytes_str(bad[i]), NEITHER);
	gives(f, BYTES("\0"), NEITHER);
	gives(f, BYTES(" \n\r\t" ERR_JSON), ERR_JSON "\n");
	gives(f, BYTES("\xd9\xd9\xf7" ERR_CBOR), ERR_JSON "\n");
	gives(f, BYTES("\xbf\x01\x01\x02\x0f\x18\x2e\x10\xff"), ERR_JSON "\n");
	gives(f, BYTES("\xb8\x03\x01\x01\x02\x0f\x18\x2e\x10"),
	    ERR_JSON "\n");
	gives(f, BYTES("\xbb\0\0\0\0\0\0\0\x03\x01\x01\x02\x0f\x18\x2e\x10"),
	    ERR_JSON "\n");
}

static void
empty_streams_are_just_over(void **state)
{
	struct fixture *f = *state;

	gives(f, bytes_of("", 0), "");
	gives(f, BYTES(" \n\t\r\n"), "");
}

/* ---- CBOR sequences ------------------------------------------------------ */

static void
cbor_sequences(void **state)
{
	struct fixture *f = *state;

	gives(f, BYTES(ERR_CBOR "\xd9\xd9\xf7" ERR_CBOR ERR_CBOR),
	    ERR_JSON "\n" ERR_JSON "\n" ERR_JSON "\n");
	/* refused, but well-formed: it goes on */
	gives(f, BYTES("\xa0" ERR_CBOR), "malformed pvno: missing\n"
	    ERR_JSON "\n");
	gives(f, BYTES(ERR_CBOR "\xa3\x01\x02\x02\x0f\x18\x2e\x10" ERR_CBOR),
	    ERR_JSON "\nbad-version pvno: expected 1, found 2\n"
	    ERR_JSON "\n");
	/* nothing between the items: a blank is an item, -1 */
	gives(f, BYTES(ERR_CBOR " " ERR_CBOR), ERR_JSON "\n"
	    "malformed : expected a map, found a whole number\n"
	    ERR_JSON "\n");
	/* '{' is the head of a long text */
	gives(f, BYTES(ERR_CBOR ERR_JSON), ERR_JSON "\n"
	    "malformed : not a CBOR map\n");
	gives(f, BYTES(ERR_CBOR "\x80\xf6" ERR_CBOR), ERR_JSON "\n"
	    "malformed : expected a map, found an array\n"
	    "malformed : expected a map, found null\n" ERR_JSON "\n");
}

static void
cbor_that_is_not_well_formed_ends_the_stream(void **state)
{
	const struct bytes bad[] = {
		BYTES("\xff"), BYTES("\xa1\x01\xff"),
		BYTES("\x1c"), BYTES("\xa1\x01\xfc"),
		BYTES("\xbf\x01\xff"), BYTES("\xa1\x01\x3f"),
		BYTES("\xa1\x01\xdf\x01"),
		BYTES("\xa1\x01\x7f\x41\x61\xff"),
		BYTES("\xa1\x01\x5f\x61\x61\xff"),
		BYTES("\xa1\x01\x7f\x7f\xff\xff"),
		BYTES("\xa1\x01\x5f\xc1\x41\x61\xff"),
		BYTES("\xa1\x01\xf8\x00"),
		BYTES("\xa1\x01\xf8\x1f"),
		BYTES("\xa1\x01\xc1\xff"),
		BYTES("\xa1\x01\x9f\xc1\xff"),
		BYTES("\xa1\xff")
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buffer stream = BUFFER(100), log;

		buffer_adds(&stream, ERR_CBOR);
		buffer_add(&stream, bad[i].p, bad[i].n);
		buffer_adds(&stream, ERR_CBOR ERR_CBOR);
		log = transcript(f, buffer_view(&stream), 1 + i % 3);
		if (memmem(log.p, log.n, "not well-formed CBOR at byte", 28) ==
		    NULL)
			print_error("case %zu: %.*s\n", i, (int)log.n,
			    (const char *)log.p);
		assert_non_null(memmem(log.p, log.n,
		    "malformed : not well-formed CBOR at byte", 40));
		/* the first message, the error, and no more */
		assert_memory_equal(log.p, ERR_JSON "\n", sizeof(ERR_JSON));
		assert_null(memmem(log.p + sizeof(ERR_JSON), log.n -
		    sizeof(ERR_JSON), "pvno", 4));
		buffer_free(&stream);
		buffer_free(&log);
	}
}

static void
truncated_streams_say_so(void **state)
{
	struct fixture *f = *state;
	char expected[200];
	size_t n;

	for (n = 1; n < sizeof(ERR_CBOR) - 1; n++) {
		(void)snprintf(expected, sizeof(expected),
		    "malformed : truncated after %zu bytes\n", n);
		gives(f, bytes_of(ERR_CBOR, n), expected);
	}
	for (n = 1; n < sizeof(ERR_JSON) - 1; n++) {
		(void)snprintf(expected, sizeof(expected),
		    "malformed : truncated after %zu bytes\n", n);
		gives(f, bytes_of(ERR_JSON, n), expected);
	}
}

/* ---- JSON: one message a line -------------------------------------------- */

static void
json_texts_follow_each_other(void **state)
{
	struct fixture *f = *state;

	gives(f, BYTES(ERR_JSON OTHER_JSON " " ERR_JSON "\n\n" OTHER_JSON),
	    ERR_JSON "\n" OTHER_JSON "\n" ERR_JSON "\n" OTHER_JSON "\n");
	gives(f, BYTES("{ \"pvno\" :\n1,\r\n\t\"msg-type\":\"ERROR\",\n\n"
	    "\"error-code\" : \"busy\" }" OTHER_JSON),
	    ERR_JSON "\n" OTHER_JSON "\n");
	gives(f, BYTES("{}" ERR_JSON), "malformed pvno: missing\n"
	    ERR_JSON "\n");
	gives(f, BYTES("{\"pvno\":2}" ERR_JSON),
	    "bad-version pvno: expected 1, found 2\n" ERR_JSON "\n");
}

static void
expect_resumed(struct fixture *f, const char *line)
{
	static const size_t portions[] = { SIZE_MAX, 1, 5, 0 };
	struct buffer stream = BUFFER(10000), log;
	size_t i, n;

	buffer_adds(&stream, OTHER_JSON "\n");
	buffer_adds(&stream, line);
	buffer_adds(&stream, "\n" ERR_JSON "\n");
	for (i = 0; i < 4; i++) {
		log = transcript(f, buffer_view(&stream), portions[i]);
		n = sizeof(ERR_JSON);
		assert_true(log.n > n + sizeof(OTHER_JSON));
		assert_memory_equal(log.p, OTHER_JSON "\n",
		    sizeof(OTHER_JSON));
		assert_memory_equal(log.p + log.n - n, ERR_JSON "\n", n);
		assert_memory_equal(log.p + sizeof(OTHER_JSON), "malformed",
		    9);
		assert_null(memmem(log.p + sizeof(OTHER_JSON),
		    log.n - sizeof(OTHER_JSON) - n, "pvno", 4));
		buffer_free(&log);
	}
	buffer_free(&stream);
}

static void
reading_resumes_at_the_next_line(void **state)
{
	static const char *const lines[] = {
		"{\"a\":}", "{\"a\" 1}", "{\"a\":1,}", "{a:1}", "{\"a\":tru}",
		"x", "]", "\"", "null", "[1]", "{\"a\":1}}", "{\"a\":[1}]",
		"{\"a\":\"\xff\"}", "{\"a\":\"\\q\"}", "{\"a\":\"\\ud800\"}",
		"{\"a\":01}", "{\"a\":1", "{\"a\":\"b", "{\"a\":[",
		"{\"a\":\"b\\", "{{", "{]", "{\"a\":1 \"b\":2}",
		"\xef\xbb\xbf{}", "{\"a\":'b'}", "{\"a\":\"\t\"}",
		"{\"a\":1}x", "{\"a\":.5}", "{\"a\":\"\x01\"}", "{,}",
		"{} ]" /* the first text is refused, the rest is lost */
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strncmp(lines[i], "{\"a\":1}", 7) == 0 ||
		    strncmp(lines[i], "{} ", 3) == 0)
			continue;
		expect_resumed(f, lines[i]);
	}
	gives(f, BYTES("{} ]\n" ERR_JSON), "malformed pvno: missing\n"
	    "malformed : expected a JSON object\n" ERR_JSON "\n");
	gives(f, BYTES("x " ERR_JSON "\n" ERR_JSON), NEITHER);
	gives(f, BYTES("{]" ERR_JSON "\n" ERR_JSON), "malformed : not "
	    "well-formed JSON: string or '}' expected, at line 1, "
	    "column 2\n"
	    ERR_JSON "\n");
}

/* A refused number or a duplicate is well-formed: nothing is lost. */
static void
refused_json_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct buffer log;
	static const char *const texts[] = {
		"{\"a\":1,\"a\":2}", "{\"pvno\":1,\"x\":1e999}"
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct buffer stream = BUFFER(1000);

		buffer_adds(&stream, texts[i]);
		buffer_adds(&stream, ERR_JSON);
		log = transcript(f, buffer_view(&stream), 4);
		assert_memory_equal(log.p, "malformed", 9);
		assert_memory_equal(log.p + log.n - sizeof(ERR_JSON),
		    ERR_JSON "\n", sizeof(ERR_JSON));
		buffer_free(&stream);
		buffer_free(&log);
	}
}

static void
a_json_line_that_is_too_large_is_lost(void **state)
{
	struct fixture *f = *state;
	struct buffer stream = BUFFER((size_t)1 << 22), log;
	static const char expected[] =
	    "malformed : larger than 524288 bytes\n" ERR_JSON "\n";
	size_t i;

	buffer_adds(&stream, "{\"a\":\"");
	for (i = 0; i < 600000; i++)
		buffer_addc(&stream, 'a');
	buffer_adds(&stream, "\"}\n" ERR_JSON "\n");
	log = transcript(f, buffer_view(&stream), SIZE_MAX);
	assert_bytes(buffer_view(&log), bytes_str(expected));
	buffer_free(&log);
	log = transcript(f, buffer_view(&stream), 65536);
	assert_bytes(buffer_view(&log), bytes_str(expected));
	buffer_free(&log);
	buffer_free(&stream);
}

/* ---- one message and nothing else ---------------------------------------- */

static void
trailing_bytes_are_refused(void **state)
{
	static const struct {
		struct bytes data;
		bool ok;
	} cases[] = {
		{ BYTES(ERR_JSON), true }, { BYTES(ERR_CBOR), true },
		{ BYTES(" " ERR_JSON " \r\n\t"), true },
		{ BYTES(ERR_JSON ERR_JSON), false },
		{ BYTES(ERR_JSON "\n" ERR_JSON), false },
		{ BYTES(ERR_JSON "x"), false }, { BYTES(ERR_JSON "\0"), false },
		{ BYTES(ERR_JSON "}"), false }, { BYTES(ERR_CBOR "\0"), false },
		{ BYTES(ERR_CBOR "\n"), false },
		{ BYTES(ERR_CBOR ERR_CBOR), false },
		{ BYTES(ERR_CBOR "\xff"), false }, { BYTES(""), false },
		{ BYTES(" \n"), false }, { BYTES(ERR_JSON " x"), false }
	};
	struct fixture *f = *state;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(fluffy_msg_read(f->ctx, cases[i].data.p,
		    cases[i].data.n, &msg), cases[i].ok ? FLUFFY_OK :
		    FLUFFY_E_MALFORMED);
		assert_true(cases[i].ok == (msg != NULL));
		fluffy_msg_free(&msg);
	}
}

static void
pushing_after_the_end_changes_nothing(void **state)
{
	struct fixture *f = *state;
	fluffy_reader *r = fluffy_reader_new(f->ctx);
	fluffy_msg *msg;

	must(f->ctx, fluffy_reader_push(r, "\xff", 1));
	assert_int_equal(fluffy_reader_next(r, &msg), FLUFFY_E_MALFORMED);
	must(f->ctx, fluffy_reader_push(r, ERR_JSON, sizeof(ERR_JSON) - 1));
	assert_int_equal(fluffy_reader_next(r, &msg), FLUFFY_END);
	fluffy_reader_free(&r);
}

/* ---- bombs --------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

/* jansson's objects are large, and with a sanitizer shadow memory counts. */
static long
most_kib(uint8_t first)
{
	return SANITIZED ? 512 * 1024 : first == '{' ? 64 * 1024 : 32 * 1024;
}

static void
read_bomb(const uint8_t *p, size_t n)
{
	fluffy_ctx *ctx = fluffy_ctx_new();
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_msg_read(ctx, p, n, &msg);

	fluffy_ctx_free(&ctx);
	_exit(e == FLUFFY_E_MALFORMED ? 0 : 1);
}

/* Refused, in little time and memory, by a process of its own. */
static void
defuse(struct bytes bomb)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		read_bomb(bomb.p, bomb.n);
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	if (usage.ru_maxrss >= most_kib(bomb.p[0]))
		print_error("%02x %02x..: %ld KiB\n", bomb.p[0], bomb.p[1],
		    usage.ru_maxrss);
	assert_true(usage.ru_maxrss < most_kib(bomb.p[0]));
	assert_true(usage.ru_utime.tv_sec < 5);
}

/* All of these claim more than there is. */
static void
cbor_bombs_stay_small(void **state)
{
	static const char *const bombs[] = {
		"9b0000000040000000", "bb0000000040000000",
		"a1189b9b0000000040000000", "a1012d9b0000000040000000",
		"a1182d9b0000000040000000", "a1182dbb0000000040000000",
		"a1182d5b0000000040000000", "a1182d7b0000000040000000",
		"a1182d9bffffffffffffffff", "a1182dbbffffffffffffffff",
		"a1182dbb8000000000000000", "a1182d5bffffffffffffffff",
		"a1182d9a7fffffff", "a1182dbaffffffff", "a1182d99ffff",
		"a1182d9a00080000", "a1182dba00080000", "bbffffffffffffffff",
		"ba00080000", "d9d9f7bb0000000040000000", "a1182dda9bffffff",
		"a1182d5f5bffffffffffffffff", "a1182d9f9bffffffffffffffff",
		/* whole messages, if only 32 bits of the count counted */
		"a4010102 0f182e10182d9b0000000100000000",
		"a4010102 0f182e10182dbb0000000080000000"
	};
	uint8_t raw[40];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++)
		defuse(unhex(bombs[i], raw, sizeof(raw)));
}

static void
fill(struct buffer *b, const char *what, size_t n, size_t times)
{
	while (times-- > 0)
		buffer_add(b, what, n);
}

/* As many bytes as may come, of what costs most for each byte. */
static void
large_input_stays_small(void **state)
{
	static const struct {
		const char *begin, *more;
		size_t n;
	} fills[] = {
		{ "\xa1\x18\x2d", "\x9f", 1 }, { "\xa1\x18\x2d", "\x81", 1 },
		{ "\xa1\x18\x2d", "\xa1\x61\x61", 3 },
		{ "\xa1\x18\x2d\x9f", "\x80", 1 },
		{ "\xa1\x18\x2d\x9f", "\xa0", 1 },
		{ "\xa1\x18\x2d\x9f", "\x00", 1 },
		{ "\xa1\x18\x2d\x9f", "\xf9\x38\x00", 3 },
		{ "\xa1\x18\x2d\xbf", "\x60\x00", 2 },
		{ "\xbf", "\x60\x00", 2 }, { "\xbf", "\x80\x80", 2 },
		{ "\xa1\x18\x2d", "\xc1", 1 },
		{ "\xa1\x18\x2d\x5f", "\x40", 1 },
		{ "\xa1\x18\x2d\x7f", "\x60", 1 },
		{ "{\"a\":", "[", 1 }, { "{\"a\":", "{\"a\":", 5 },
		{ "{\"a\":[1", ",1", 2 }, { "{\"a\":[[]", ",[]", 3 },
		{ "{\"a\":[{}", ",{}", 3 }, { "{\"a\":\"", "\\u0000", 6 },
		{ "{\"a\":\"", "\xf4\x8f\xbf\xbf", 4 },
		{ "{\"a\":\"", "\\\"", 2 },
		{ "{", " ", 1 }, { "{\"a\":[-0", ",-0", 3 }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		struct buffer b = BUFFER((size_t)1 << 20);

		buffer_adds(&b, fills[i].begin);
		fill(&b, fills[i].more, fills[i].n,
		    FLUFFY_MAX_RECEIVED / fills[i].n);
		defuse(buffer_view(&b));
		buffer_free(&b);
	}
}

/* Complete, so that what was read is also looked into. */
static void
complete_bombs_stay_small(void **state)
{
	static const struct {
		const char *begin, *more;
		size_t n;
		const char *end;
	} fills[] = {
		{ "\xbf\x18\x2d\x9f", "\x00", 1, "\xff\xff" },
		{ "\xbf\x18\x2d\x9f", "\xa0", 1, "\xff\xff" },
		{ "\xbf\x01\x01\x02\x0f\x18\x2e\x10\x18\x2d\x9f", "\x00", 1,
		    "\xff\xff" },
		{ "\xbf\x01\x01\x02\x0f\x18\x2e\x10\x18\x2d\x9f", "\xa0", 1,
		    "\xff\xff" },
		{ "\xbf\x01\x01\x02\x0f\x18\x2e\x10\x18\x2d\xbf", "\x60\x00",
		    2, "\xff\xff" },
		{ "\xbf\x01\x01\x02\x0f\x18\x2e\x10", "\x20\x00", 2, "\xff" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":99,"
		    "\"ext\":[0", ",0", 2, "]}" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":99,"
		    "\"ext\":[0", ",-0", 3, "]}" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":99,"
		    "\"ext\":[0", ",{}", 3, "]}" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":99,"
		    "\"ext\":[0", ",\"\"", 3, "]}" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":99,"
		    "\"ext\":\"", "\\u0000", 6, "\"}" },
		{ "{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":99,"
		    "\"ext\":\"", "\xf4\x8f\xbf\xbf", 4, "\"}" }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		struct buffer b = BUFFER((size_t)1 << 20);

		buffer_adds(&b, fills[i].begin);
		fill(&b, fills[i].more, fills[i].n,
		    (FLUFFY_MAX_RECEIVED - 120) / fills[i].n);
		buffer_adds(&b, fills[i].end);
		defuse(buffer_view(&b));
		buffer_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: the children inherit what the others have used */
		cmocka_unit_test(cbor_bombs_stay_small),
		cmocka_unit_test(large_input_stays_small),
		cmocka_unit_test(complete_bombs_stay_small),
		cmocka_unit_test(any_portions_give_the_same_messages),
		cmocka_unit_test(messages_come_at_once),
		cmocka_unit_test(what_a_stream_begins_with),
		cmocka_unit_test(empty_streams_are_just_over),
		cmocka_unit_test(cbor_sequences),
		cmocka_unit_test(cbor_that_is_not_well_formed_ends_the_stream),
		cmocka_unit_test(truncated_streams_say_so),
		cmocka_unit_test(json_texts_follow_each_other),
		cmocka_unit_test(reading_resumes_at_the_next_line),
		cmocka_unit_test(refused_json_loses_nothing),
		cmocka_unit_test(a_json_line_that_is_too_large_is_lost),
		cmocka_unit_test(trailing_bytes_are_refused),
		cmocka_unit_test(pushing_after_the_end_changes_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

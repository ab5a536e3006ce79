/* fuzz.c - what the fuzz targets share */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alg.h"
#include "cbor.h"
#include "cose.h"
#include "decode.h"
#include "fuzz.h"
#include "seal.h"
#include "text.h"

_Noreturn void
fuzz_fail(const char *what, const char *file, int line)
{
	dprintf(STDERR_FILENO, "%s:%d: not so: %s\n", file, line, what);
	abort();
}

/*
 * What is freed is kept for a while, so that its use is seen; but with the
 * default of 256 MB each input would touch new memory.
 */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=8";
}

/* ---- context ------------------------------------------------------------- */

static fluffy_ctx *the_ctx;
static uint64_t the_random = 1;

static uint64_t
stopped(void *arg)
{
	(void)arg;
	return FUZZ_NOW;
}

static int
same_random(void *arg, uint8_t *out, size_t n)
{
	uint64_t *x = arg;

	while (n-- > 0) {
		*x ^= *x << 13;
		*x ^= *x >> 7;
		*x ^= *x << 17;
		*out++ = (uint8_t)(*x >> 24);
	}
	return 0;
}

fluffy_ctx *
fuzz_ctx(void)
{
	if (the_ctx != NULL)
		return the_ctx;
	the_ctx = fluffy_ctx_new();
	CHECK(the_ctx != NULL);
	fluffy_ctx_set_clock(the_ctx, stopped, NULL);
	fluffy_ctx_set_random(the_ctx, same_random, &the_random);
	return the_ctx;
}

void
fuzz_begin(uint64_t seed)
{
	the_random = seed * 0x9e3779b97f4a7c15;
}

void
must(enum fluffy_error e)
{
	if (e == FLUFFY_OK)
		return;
	dprintf(STDERR_FILENO, "%s: %s: %s\n", fluffy_error_name(e),
	    fluffy_why(the_ctx).field, fluffy_why(the_ctx).text);
	abort();
}

/* ---- input --------------------------------------------------------------- */

uint8_t
take(struct feed *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

uint32_t
take_upto(struct feed *in, uint32_t max)
{
	return take(in) % (max + 1);
}

struct bytes
take_bytes(struct feed *in, size_t n)
{
	struct bytes b = { in->p, n < in->n ? n : in->n };

	if (b.n == 0)
		return BYTES("");
	in->p += b.n;
	in->n -= b.n;
	return b;
}

struct bytes
take_string(struct feed *in)
{
	return take_bytes(in, take(in));
}

struct bytes
take_long(struct feed *in)
{
	size_t n = (size_t)take(in) << 8;

	return take_bytes(in, n | take(in));
}

struct bytes
take_rest(struct feed *in)
{
	return take_bytes(in, in->n);
}

/* Each change: what, and where in 16 bits; then what it puts there. */
uint8_t *
mutate(struct feed *in, struct bytes from, size_t *n)
{
	size_t room = from.n + in->n, at, end;
	uint8_t *p = malloc(room + 1);
	struct bytes more;
	uint8_t how;

	CHECK(p != NULL);
	memcpy(p, from.p, from.n);
	*n = from.n;
	while (in->n >= 3) {
		how = take(in);
		at = (size_t)take(in) << 8;
		at = (at | take(in)) % (*n + 1);
		end = how / 4 > *n - at ? *n : at + how / 4;
		if (how % 4 == 0 && at < *n)
			p[at] ^= (uint8_t)(1u << how / 4 % 8);
		else if (how % 4 == 1 && at < *n)
			p[at] = take(in);
		else if (how % 4 == 2) {
			memmove(p + at, p + end, *n - end);
			*n -= end - at;
		} else if (how % 4 == 3) {
			more = take_bytes(in, how / 4);
			memmove(p + at + more.n, p + at, *n - at);
			memcpy(p + at, more.p, more.n);
			*n += more.n;
		}
	}
	return p;
}

/* ---- properties ---------------------------------------------------------- */

static bool
printable(const char *s)
{
	return utf8_valid(bytes_str(s)) && !utf8_has_control(bytes_str(s));
}

void
check_why(enum fluffy_error e)
{
	fluffy_reason why = fluffy_why(the_ctx);

	CHECK(e != FLUFFY_OK);
	CHECK(why.code == e);
	CHECK(why.text[0] != '\0');
	CHECK(printable(why.text));
	CHECK(printable(why.field));
	CHECK(e != FLUFFY_E_MEMORY && e != FLUFFY_E_SYSTEM);
}

static fluffy_bytes
written(const fluffy_msg *msg, enum fluffy_format format, unsigned flags)
{
	fluffy_bytes out;

	must(fluffy_msg_write(the_ctx, msg, format, flags, &out));
	CHECK(out.len > 0);
	return out;
}

fluffy_bytes
cbor_of(const fluffy_msg *msg)
{
	return written(msg, FLUFFY_CBOR, 0);
}

void
check_shown(const fluffy_msg *msg)
{
	static const struct {
		enum fluffy_format format;
		unsigned flags;
	} ways[] = {
		{ FLUFFY_TEXT, 0 }, { FLUFFY_TEXT, FLUFFY_SHOW_KEYS },
		{ FLUFFY_DIAG, 0 }, { FLUFFY_DIAG, FLUFFY_SHOW_KEYS },
		{ FLUFFY_JSON, FLUFFY_OPENED }
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		fluffy_bytes out = written(msg, ways[i].format,
		    ways[i].flags);

		CHECK(out.data[out.len - 1] == '\n');
		CHECK(utf8_valid(bytes_of(out.data, out.len)));
		fluffy_bytes_free(&out);
	}
}

static bool
same(fluffy_bytes a, fluffy_bytes b)
{
	return bytes_eq(bytes_of(a.data, a.len), bytes_of(b.data, b.len));
}

/* What was written reads back as a message that is written the same. */
static void
check_read_back(fluffy_bytes from, enum fluffy_format format,
    fluffy_bytes json, fluffy_bytes cbor)
{
	fluffy_bytes again;
	fluffy_msg *msg;

	must(fluffy_msg_read(the_ctx, from.data, from.len, &msg));
	CHECK(fluffy_msg_format(msg) == format);
	again = written(msg, FLUFFY_JSON, 0);
	CHECK(same(again, json));
	fluffy_bytes_free(&again);
	again = cbor_of(msg);
	CHECK(same(again, cbor));
	fluffy_bytes_free(&again);
	fluffy_msg_free(&msg);
}

void
check_message(const fluffy_msg *msg)
{
	fluffy_bytes json = written(msg, FLUFFY_JSON, 0);
	fluffy_bytes cbor = cbor_of(msg);

	CHECK(fluffy_type_name(fluffy_msg_type(msg)) != NULL);
	CHECK(cbor.len <= FLUFFY_MAX_EMITTED);
	/* one message a line */
	CHECK(memchr(json.data, '\n', json.len) == json.data + json.len - 1);
	check_read_back(json, FLUFFY_JSON, json, cbor);
	check_read_back(cbor, FLUFFY_CBOR, json, cbor);
	check_shown(msg);
	fluffy_bytes_free(&json);
	fluffy_bytes_free(&cbor);
}

void
check_written(const fluffy_msg *msg)
{
	fluffy_bytes cbor = cbor_of(msg), again;
	fluffy_msg *back;

	CHECK(cbor.len <= FLUFFY_MAX_EMITTED);
	must(fluffy_msg_read(the_ctx, cbor.data, cbor.len, &back));
	again = cbor_of(back);
	CHECK(same(again, cbor));
	fluffy_bytes_free(&again);
	fluffy_bytes_free(&cbor);
	fluffy_msg_free(&back);
}

/* ---- sealing what the fuzzer wrote --------------------------------------- */

static enum fluffy_error
right_cksum(struct arena *arena, const struct schema *schema,
    const struct symm *key, struct bytes aad, struct bytes plaintext,
    struct buffer *out)
{
	struct path path = { .name = "part", .len = 4 };
	uint8_t cksum[CKSUM_SIZE];
	struct part *part;
	enum fluffy_error e;

	e = decode_part(the_ctx, arena, plaintext, schema, &path, &part);
	if (e == FLUFFY_OK && HAS(part, L_cksum)) {
		must(cose_cksum(the_ctx, symm_bytes(key), aad, cksum));
		part->cksum = bytes_of(cksum, CKSUM_SIZE);
		cbor_put_struct(out, part, SKIP_NONE);
	} else
		buffer_add(out, plaintext.p, plaintext.n);
	return e;
}

enum fluffy_error
seal_plaintext(struct fluffy_msg *msg, void *container, int label,
    const struct symm *key, struct bytes kid, struct bytes plaintext)
{
	const struct aead *aead = aead_of(key->alg);
	struct sealed *sealed = sealed_member(container, label);
	struct head *head = container;
	const struct row *row = schema_row(head->schema, label);
	struct buffer aad = BUFFER(FLUFFY_MAX_EMITTED);
	struct buffer plain = BUFFER(FLUFFY_MAX_EMITTED);
	uint8_t iv[IV_MAX], *p;
	enum fluffy_error e;

	must(ctx_random(the_ctx, iv, sizeof(iv)));
	cbor_put_struct(&aad, container, label);
	e = right_cksum(&msg->arena, row->sub, key, buffer_view(&aad),
	    plaintext, &plain);
	CHECK(!aad.failed && !plain.failed);
	*sealed = (struct sealed){ .alg = key->alg, .has_kid = kid.n > 0,
	    .kid = arena_dup(&msg->arena, kid),
	    .iv = arena_dup(&msg->arena, bytes_of(iv, aead->iv)) };
	p = arena_alloc(&msg->arena, plain.n + aead->tag);
	CHECK(p != NULL);
	must(cose_encrypt(the_ctx, key->alg, symm_bytes(key), sealed->iv,
	    buffer_view(&aad), buffer_view(&plain), p));
	sealed->ciphertext = bytes_of(p, plain.n + aead->tag);
	head->has |= label_bit(label);
	buffer_free(&aad);
	buffer_free(&plain);
	return e;
}

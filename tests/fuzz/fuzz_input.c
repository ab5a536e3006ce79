/*
 * fuzz_input.c - captured text of fluffy-msg: hex, dumps, packets, base64
 *
 * The first byte chooses: the rest is such text, or bytes that are written as
 * such text and have to come back.
 */
#include <stdlib.h>

#include <openssl/evp.h>

#include "../../tools/msg-input.h"
#include "buffer.h"
#include "fuzz.h"

#define TEXT_MAX ((size_t)1 << 22)

typedef bool decode_fn(const uint8_t *, size_t, uint8_t *, size_t *);

/* In memory of exactly the size that is promised. */
static uint8_t *
decode(decode_fn *decoder, struct bytes text, size_t *n)
{
	uint8_t *in = malloc(text.n), *out = malloc(text.n);

	CHECK(in != NULL && out != NULL);
	memcpy(in, text.p, text.n);
	if (decoder(in, text.n, out, n))
		CHECK(*n > 0 && *n <= text.n);
	else
		*n = 0;
	free(in);
	return out;
}

static void
decode_any(decode_fn *decoder, struct bytes text)
{
	size_t n;
	uint8_t *out = decode(decoder, text, &n);
	fluffy_msg *msg;

	if (n > 0 && fluffy_msg_read(fuzz_ctx(), out, n, &msg) == FLUFFY_OK)
		fluffy_msg_free(&msg);
	free(out);
}

static void
comes_back(decode_fn *decoder, struct buffer *text, struct bytes bytes)
{
	size_t n;
	uint8_t *out;

	CHECK(!text->failed);
	out = decode(decoder, buffer_view(text), &n);
	CHECK(bytes_eq(bytes_of(out, n), bytes));
	free(out);
	buffer_free(text);
}

static void
put_plain(struct buffer *b, struct bytes bytes, const char *between)
{
	for (size_t i = 0; i < bytes.n; i++)
		buffer_addf(b, "%s%02x", i == 0 ? "" : between, bytes.p[i]);
}

static void
put_characters(struct buffer *b, struct bytes line)
{
	for (size_t i = 0; i < line.n; i++)
		buffer_addc(b, line.p[i] < ' ' || line.p[i] > '~' ? '.' :
		    (char)line.p[i]);
}

/* As xxd does, and as "hexdump -C" or "od -Ax -tx1z" do. */
static void
put_columns(struct buffer *b, struct bytes bytes, bool xxd)
{
	for (size_t at = 0; at < bytes.n; at += 16) {
		size_t n = bytes.n - at < 16 ? bytes.n - at : 16, i;

		buffer_addf(b, xxd ? "%08zx:" : "%08zx ", at);
		for (i = 0; i < 16; i++) {
			if (!xxd || i % 2 == 0)
				buffer_addc(b, ' ');
			if (i < n)
				buffer_addf(b, "%02x", bytes.p[at + i]);
			else
				buffer_adds(b, "  ");
			if (!xxd && i == 7)
				buffer_addc(b, ' ');
		}
		buffer_adds(b, xxd ? "  " : "  |");
		put_characters(b, bytes_of(bytes.p + at, n));
		buffer_adds(b, xxd ? "\n" : "|\n");
	}
	if (!xxd)
		buffer_addf(b, "%08zx\n", bytes.n);
}

static void
put_base64(struct buffer *b, struct bytes bytes, bool url)
{
	uint8_t *room = buffer_room(b, bytes.n / 3 * 4 + 5);

	CHECK(room != NULL);
	b->n = (size_t)EVP_EncodeBlock(room, bytes.p, (int)bytes.n);
	for (size_t i = 0; url && i < b->n; i++)
		b->p[i] = b->p[i] == '+' ? '-' : b->p[i] == '/' ? '_' :
		    b->p[i];
	while (url && b->n > 0 && b->p[b->n - 1] == '=')
		b->n--;
}

static void
encode(uint8_t how, struct bytes bytes)
{
	static const char *const between[] = { "", " ", ":", "\n", ", 0x" };
	struct buffer b = BUFFER(TEXT_MAX);

	switch (how % 9) {
	case 0: case 1: case 2: case 3: case 4:
		put_plain(&b, bytes, between[how % 9]);
		comes_back(capture_hex, &b, bytes);
		break;
	case 5: case 6:
		put_columns(&b, bytes, how % 9 == 5);
		comes_back(capture_hex, &b, bytes);
		break;
	default:
		put_base64(&b, bytes, how % 9 == 8);
		comes_back(capture_base64, &b, bytes);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };
	uint8_t how = take(&in);

	if (in.n == 0)
		return 0;
	if (how >= 0x80)
		encode(how, take_rest(&in));
	else {
		decode_any(capture_hex, bytes_of(in.p, in.n));
		decode_any(capture_base64, bytes_of(in.p, in.n));
	}
	return 0;
}

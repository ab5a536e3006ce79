/*
 * fuzz_hello.c - what fluffy-dk sees in a datagram before there is a session
 *
 * The first byte chooses: the rest is a datagram, or the certificate types that
 * a well-formed ClientHello offers behind other extensions.
 */
#include <stdlib.h>

#include "../../tools/dtls-hello.h"
#include "buffer.h"
#include "fuzz.h"

#define RANDOM_AT 27	/* behind the headers and the version */

/* In memory of exactly its size. */
static bool
read_hello(struct bytes datagram, struct hello *hello)
{
	uint8_t *in = malloc(datagram.n);
	bool is_hello;

	CHECK(in != NULL);
	memcpy(in, datagram.p, datagram.n);
	is_hello = hello_read(in, datagram.n, hello);
	CHECK(records_encrypted(in, datagram.n) <= datagram.n);
	free(in);
	return is_hello;
}

static void
take_anything(struct bytes datagram)
{
	struct hello hello;

	if (!read_hello(datagram, &hello))
		return;
	CHECK(datagram.n >= RANDOM_AT + sizeof(hello.random));
	CHECK(datagram.p[0] == 22 && datagram.p[13] == 1);
	CHECK(bytes_eq(bytes_of(hello.random, sizeof(hello.random)),
	    bytes_of(datagram.p + RANDOM_AT, sizeof(hello.random))));
}

static void
put_number(struct buffer *b, size_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buffer_addc(b, (char)(value >> 8 * bytes));
}

static void
put_vector(struct buffer *b, unsigned bytes, struct bytes content)
{
	put_number(b, content.n, bytes);
	buffer_add(b, content.p, content.n);
}

static void
put_extension(struct buffer *b, unsigned type, struct bytes content)
{
	put_number(b, type, 2);
	put_vector(b, 2, content);
}

/* Behind an extension of any other type and content. */
static struct buffer
extensions(struct feed *in, struct bytes types)
{
	struct buffer all = BUFFER(4096), types_vector = BUFFER(256);
	unsigned other = take(in);

	put_vector(&types_vector, 1, types);
	put_extension(&all, other == 19 ? 20 : other, take_string(in));
	put_extension(&all, 19, buffer_view(&types_vector));
	put_extension(&all, 20, take_string(in));
	buffer_free(&types_vector);
	return all;
}

static void
take_offer(struct feed *in)
{
	static const uint8_t random[32] = { 1, 2, 3 };
	struct bytes types = take_string(in);
	struct buffer all = extensions(in, types);
	struct buffer body = BUFFER(8192), datagram = BUFFER(8192);
	struct hello hello;

	put_number(&body, 0xfefd, 2);
	buffer_add(&body, random, sizeof(random));
	put_vector(&body, 1, take_string(in));
	put_vector(&body, 1, take_string(in));
	put_vector(&body, 2, take_string(in));
	put_vector(&body, 1, take_string(in));
	put_vector(&body, 2, buffer_view(&all));
	put_number(&datagram, 22, 1);
	put_number(&datagram, 0xfefd, 2);
	put_number(&datagram, 0, 8);
	put_number(&datagram, body.n + 12, 2);
	put_number(&datagram, 1, 1);
	put_number(&datagram, body.n, 3);
	put_number(&datagram, 0, 2 + 3);
	put_vector(&datagram, 3, buffer_view(&body));
	CHECK(!all.failed && !body.failed && !datagram.failed);
	CHECK(read_hello(buffer_view(&datagram), &hello));
	CHECK(hello.authz_cert ==
	    (types.n > 0 && memchr(types.p, 3, types.n) != NULL));
	CHECK(records_encrypted(datagram.p, datagram.n) == 0);
	buffer_free(&all);
	buffer_free(&body);
	buffer_free(&datagram);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };
	uint8_t how = take(&in);

	if (in.n == 0)
		return 0;
	if (how >= 0x80)
		take_offer(&in);
	else
		take_anything(take_rest(&in));
	return 0;
}

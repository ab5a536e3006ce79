/*
 * test_captures.c - packets as tcpdump prints them: CoAP options that run past
 * the end, lengths that lie
 *
 * Each packet is in memory of its own size, so that a sanitizer sees a byte too
 * many.
 */
#include "testing.h"

#include "../../tools/msg-input.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* A UDP packet with that content over IPv4, or IPv6. */
static struct bytes
packet(const char *content, bool six, uint8_t out[300])
{
	size_t header = six ? 40 : 20;
	struct bytes b;
	size_t total;

	memset(out, 0, header + 8);
	b = unhex(content, out + header + 8, 300 - header - 8);
	total = header + 8 + b.n;
	out[0] = six ? 0x60 : 0x45;
	out[six ? 6 : 9] = 17;
	out[six ? 4 : 2] = (uint8_t)((six ? total - header : total) >> 8);
	out[six ? 5 : 3] = (uint8_t)(six ? total - header : total);
	out[header + 4] = (uint8_t)((b.n + 8) >> 8);
	out[header + 5] = (uint8_t)(b.n + 8);
	return bytes_of(out, total);
}

/* What is in the packet: from so many bytes behind UDP's header on. */
static void
payload_begins(struct bytes b, size_t at)
{
	uint8_t *copy = malloc(b.n);
	size_t n = b.n;
	const uint8_t *p;

	assert_non_null(copy);
	memcpy(copy, b.p, b.n);
	p = capture_payload(copy, &n);
	assert_int_equal(p - copy, at);
	assert_int_equal(n, b.n - at);
	free(copy);
}

static const struct {
	const char *content;
	size_t header;	/* of CoAP; 0: it isn't any */
} contents[] = {
	/* POST, Uri-Path fluffy, Content-Format 60, payload */
	{ "40020001 b6666c75666679 113c ff a10102", 14 },
	{ "42020001 abcd b6666c75666679 ff a10102", 14 },
	{ "48020001 0102030405060708 ff a1", 13 },
	/* no payload, and no marker */
	{ "40020001", 4 },
	{ "40020001 b161", 6 },
	/* a delta and a length of one byte, of two */
	{ "40020001 d00a ff a1", 7 },
	{ "40020001 0d0041414141414141414141414141 ff a1", 20 },
	{ "40020001 e0ffff ff a1", 8 },
	/* an option that is longer than what is left */
	{ "40020001 b6666c756666", 0 },
	{ "40020001 bd", 0 },
	{ "40020001 be", 0 },
	{ "40020001 be00", 0 },
	{ "40020001 beffff 41", 0 },
	{ "40020001 bdff 41", 0 },
	{ "40020001 d0", 0 },
	{ "40020001 e000", 0 },
	{ "40020001 dd00", 0 },
	/* reserved lengths, but for the marker */
	{ "40020001 f0", 0 },
	{ "40020001 0f", 0 },
	/* a token that is too long, or isn't there */
	{ "49020001 010203040506070809 ff a1", 0 },
	{ "48020001 01020304050607", 0 },
	/* another version; not even a header */
	{ "80020001 ff a1", 0 },
	{ "400200", 0 },
	{ "", 0 }
};

static void
options_end_where_the_packet_ends(void **state)
{
	uint8_t data[300];
	size_t i;
	int six;

	(void)state;
	for (i = 0; i < N(contents); i++)
		for (six = 0; six < 2; six++)
			payload_begins(packet(contents[i].content, six == 1,
			    data), (six == 1 ? 48 : 28) + contents[i].header);
}

/* Cut anywhere, it is never read behind its end, and an end is found. */
static void
packets_may_be_cut_anywhere(void **state)
{
	uint8_t data[300];
	struct bytes whole;
	size_t i, n;
	int six;

	(void)state;
	for (i = 0; i < N(contents); i++)
		for (six = 0; six < 2; six++) {
			whole = packet(contents[i].content, six == 1, data);
			for (n = 1; n < whole.n; n++) {
				uint8_t *copy = malloc(n);
				size_t left = n;
				const uint8_t *p;

				assert_non_null(copy);
				memcpy(copy, whole.p, n);
				p = capture_payload(copy, &left);
				assert_true(p >= copy && p + left == copy + n);
				free(copy);
			}
		}
}

/* Who prints a packet may print more than it, and its header may lie. */
static void
lengths_in_headers_are_not_believed(void **state)
{
	static const char content[] = "40020001 ff a10102";
	uint8_t data[310];
	struct bytes b;
	size_t n;

	(void)state;
	b = packet(content, false, data);
	n = b.n + 2;	/* padding of the frame */
	assert_ptr_equal(capture_payload(data, &n), data + 33);
	assert_int_equal(n, 3);
	data[0] = 0x44;	/* a header of 16 bytes */
	payload_begins(b, 0);
	data[0] = 0x4f;	/* of 60, which the packet hasn't */
	payload_begins(b, 0);
	(void)packet(content, false, data);
	data[3] = 19;	/* a packet shorter than its header */
	payload_begins(b, 0);
	data[2] = 0xff;	/* longer than what is there */
	payload_begins(b, 33);
	(void)packet(content, false, data);
	data[9] = 6;	/* TCP */
	payload_begins(b, 0);
	b = packet(content, true, data);
	data[6] = 44;	/* a fragment */
	payload_begins(b, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_end_where_the_packet_ends),
		cmocka_unit_test(packets_may_be_cut_anywhere),
		cmocka_unit_test(lengths_in_headers_are_not_believed)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

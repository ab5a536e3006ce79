/*
 * fuzz_reader.c - a stream gives the same messages whatever its portions
 *
 * The first two bytes choose the portions, the others are the stream.
 */
#include "buffer.h"
#include "fuzz.h"

#define LOG_MAX ((size_t)1 << 24)

/* One line of what the reader gave: code, type of what was refused, message. */
static void
note(struct buffer *log, enum fluffy_error e, const fluffy_msg *msg)
{
	fluffy_bytes cbor;

	buffer_addf(log, "%d:", (int)e);
	if (e == FLUFFY_OK) {
		cbor = cbor_of(msg);
		buffer_add(log, cbor.data, cbor.len);
		fluffy_bytes_free(&cbor);
	} else
		buffer_addf(log, "%lld",
		    (long long)fuzz_ctx()->refused_type);
	buffer_addc(log, '\n');
}

/* All that can be had; true at the end of the stream. */
static bool
drain(fluffy_reader *r, struct buffer *log)
{
	enum fluffy_error e;
	fluffy_msg *msg;

	while ((e = fluffy_reader_next(r, &msg)) < FLUFFY_MORE) {
		CHECK((e == FLUFFY_OK) == (msg != NULL));
		if (e != FLUFFY_OK)
			check_why(e);
		note(log, e, msg);
		fluffy_msg_free(&msg);
	}
	CHECK(msg == NULL);
	return e == FLUFFY_END;
}

static size_t
next_portion(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 28 == 0 ? *seed >> 20 & 0xff : 1 + (*seed >> 24 & 7);
}

static struct buffer
read_stream(struct bytes stream, uint32_t seed)
{
	fluffy_reader *r = fluffy_reader_new(fuzz_ctx());
	struct buffer log = BUFFER(LOG_MAX);
	size_t n;

	CHECK(r != NULL);
	while (stream.n > 0) {
		n = seed == 0 ? stream.n : next_portion(&seed);
		if (n > stream.n)
			n = stream.n;
		must(fluffy_reader_push(r, stream.p, n));
		(void)drain(r, &log);
		stream = bytes_of(stream.p + n, stream.n - n);
	}
	fluffy_reader_finish(r);
	CHECK(drain(r, &log));
	CHECK(drain(r, &log));
	buffer_addf(&log, "format %d", (int)fluffy_reader_format(r));
	fluffy_reader_free(&r);
	return log;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };
	uint32_t seed = 1 + take(&in);
	struct bytes stream;
	struct buffer whole, parts;

	seed += (uint32_t)take(&in) << 8;
	stream = take_rest(&in);
	whole = read_stream(stream, 0);
	parts = read_stream(stream, seed);
	CHECK(!whole.failed && !parts.failed);
	CHECK(bytes_eq(buffer_view(&whole), buffer_view(&parts)));
	buffer_free(&whole);
	buffer_free(&parts);
	return 0;
}

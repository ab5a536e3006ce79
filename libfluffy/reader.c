/* reader.c - cutting a stream into messages (section 1) */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "cbor.h"
#include "context.h"
#include "decode.h"
#include "json.h"

struct fluffy_reader {
	fluffy_ctx *ctx;
	struct buffer in;
	size_t at;		/* in: where the next message begins */
	enum fluffy_format format;
	bool finished, over;
	bool blank;		/* white space came first: not CBOR */
	bool skipping;		/* JSON: to the next line */

	/* a message whose end isn't there yet; {0} before its first byte */
	bool scanning;
	struct cbor_scan cbor;
	struct tree tree;
	struct json_extent json;
	size_t credit;		/* JSON: bytes that may be read again */
};

/*
 * After a text that is cut off, reading resumes at the line behind its first,
 * and what follows is read again.  So that nobody makes us read everything
 * again for each line, it has to be earned by reading on.
 */
#define CREDIT_MAX ((size_t)4 * FLUFFY_MAX_RECEIVED)

/* Room for the largest message, and one portion behind it. */
#define READER_MAX ((size_t)64 * FLUFFY_MAX_RECEIVED)

fluffy_reader *
fluffy_reader_new(fluffy_ctx *ctx)
{
	fluffy_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->ctx = ctx;
	r->in = BUFFER(READER_MAX);
	r->credit = CREDIT_MAX;
	return r;
}

void
fluffy_reader_free(fluffy_reader **reader)
{
	fluffy_reader *r;

	if (reader == NULL || (r = *reader) == NULL)
		return;
	buffer_free(&r->in);
	cbor_scan_end(&r->cbor);
	tree_free(&r->tree);
	free(r);
	*reader = NULL;
}

enum fluffy_format
fluffy_reader_format(const fluffy_reader *r)
{
	return r->format;
}

static struct bytes
rest(const fluffy_reader *r)
{
	if (r->at == r->in.n)
		return bytes_of("", 0);
	return bytes_of(r->in.p + r->at, r->in.n - r->at);
}

enum fluffy_error
fluffy_reader_push(fluffy_reader *r, const void *data, size_t n)
{
	/* what was read goes before more comes */
	if (r->at > 0) {
		memmove(r->in.p, r->in.p + r->at, r->in.n - r->at);
		OPENSSL_cleanse(r->in.p + r->in.n - r->at, r->at);
		r->in.n -= r->at;
		r->at = 0;
	}
	if (r->over)
		return FLUFFY_OK;
	buffer_add(&r->in, data, n);
	return r->in.failed ? fluffy_fail_memory(r->ctx) : FLUFFY_OK;
}

void
fluffy_reader_finish(fluffy_reader *r)
{
	r->finished = true;
}

#define refused(r, at, ...) ((r)->ctx->refused_type = 0, \
	(r)->ctx->refused_at = (at), \
	fluffy_fail((r)->ctx, FLUFFY_E_MALFORMED, NULL, __VA_ARGS__))
#define malformed(r, ...) refused(r, READ_ENCODING, __VA_ARGS__)
#define too_large(r, ...) refused(r, READ_SIZE, __VA_ARGS__)

/* The stream can't be followed any further. */
static enum fluffy_error
end_stream(fluffy_reader *r, enum fluffy_error e)
{
	r->over = true;
	r->at = r->in.n;
	return e;
}

static void
earn(fluffy_reader *r, size_t n)
{
	r->credit = r->credit > CREDIT_MAX - n ? CREDIT_MAX : r->credit + n;
}

/* JSON: one message a line, reading resumes at the next. */
static bool
skip_line(fluffy_reader *r)
{
	struct bytes data = rest(r);
	const uint8_t *newline = data.n == 0 ? NULL :
	    memchr(data.p, '\n', data.n);

	if (newline == NULL) {
		r->at = r->in.n;
		return false;
	}
	earn(r, (size_t)(newline - data.p) + 1);
	r->at += (size_t)(newline - data.p) + 1;
	r->skipping = false;
	return true;
}

static void
skip_blanks(fluffy_reader *r)
{
	while (r->at < r->in.n && json_blank(r->in.p[r->at]))
		r->at++;
}

static bool
cbor_map(uint8_t first)
{
	return (first >= 0xa0 && first <= 0xbb) || first == 0xbf;
}

/* 1: CBOR begins here; 0: it doesn't; -1: more is needed to tell. */
static int
looks_like_cbor(struct bytes data)
{
	static const uint8_t self[] = { 0xd9, 0xd9, 0xf7 };
	size_t n = data.n < sizeof(self) ? data.n : sizeof(self);

	if (data.n > 0 && cbor_map(data.p[0]))
		return 1;
	if (memcmp(data.p, self, n) != 0)
		return 0;
	return data.n > sizeof(self) ? cbor_map(data.p[sizeof(self)]) : -1;
}

/* Decides the stream's encoding by its first bytes. */
static enum fluffy_error
detect(fluffy_reader *r)
{
	size_t begin = r->at;
	int cbor;

	skip_blanks(r);
	r->blank |= r->at > begin;
	if (r->at == r->in.n)
		return r->finished ? FLUFFY_END : FLUFFY_MORE;
	if (r->in.p[r->at] == '{') {
		r->format = FLUFFY_JSON;
		return FLUFFY_OK;
	}
	cbor = r->blank ? 0 : looks_like_cbor(rest(r));
	if (cbor < 0 && !r->finished)
		return FLUFFY_MORE;
	if (cbor <= 0)
		return end_stream(r, malformed(r,
		    "neither a JSON object nor a CBOR map"));
	r->format = FLUFFY_CBOR;
	return FLUFFY_OK;
}

static enum fluffy_error
truncated(fluffy_reader *r)
{
	return end_stream(r, malformed(r, "truncated after %zu bytes",
	    rest(r).n));
}

static enum fluffy_error
next_cbor(fluffy_reader *r, fluffy_msg **msg)
{
	struct bytes data = rest(r);
	enum scan_result result;
	enum fluffy_error e;

	if (data.n == 0)
		return r->finished ? FLUFFY_END : FLUFFY_MORE;
	if (!r->scanning) {
		cbor_scan_end(&r->cbor);
		cbor_scan_start(&r->cbor, &r->tree);
		r->scanning = true;
	}
	result = cbor_scan_run(&r->cbor, data);
	if (result == SCAN_MORE)
		return r->finished ? truncated(r) : FLUFFY_MORE;
	r->scanning = false;
	if (result == SCAN_NO_MEMORY)
		return end_stream(r, fluffy_fail_memory(r->ctx));
	/* a brace, for one, would begin a text of petabytes */
	if (result == SCAN_TOO_LARGE && looks_like_cbor(data) == 0)
		return end_stream(r, malformed(r, "not a CBOR map"));
	if (result == SCAN_TOO_LARGE)
		return end_stream(r, too_large(r, "larger than %u bytes",
		    FLUFFY_MAX_RECEIVED));
	if (result == SCAN_BAD)
		return end_stream(r, malformed(r,
		    "not well-formed CBOR at byte %zu", r->cbor.at));
	e = decode_message(r->ctx, &r->tree, r->cbor.at, msg);
	r->at += r->cbor.at;
	return e;
}

/* Ill-formed or too large, as its first scanned bytes have shown. */
static enum fluffy_error
bad_line(fluffy_reader *r, enum fluffy_error e, size_t scanned)
{
	const uint8_t *begin = rest(r).p;
	const uint8_t *newline = scanned == 0 ? NULL :
	    memchr(begin, '\n', scanned);
	size_t again = newline == NULL ? 0 :
	    scanned - (size_t)(newline - begin);

	if (again > r->credit)
		r->at += scanned;
	else
		r->credit -= again;
	r->json = (struct json_extent){ 0 };
	r->skipping = true;
	return e;
}

static enum fluffy_error
whole_json(fluffy_reader *r, struct bytes text, fluffy_msg **msg)
{
	enum fluffy_error e;
	bool syntax;

	if (text.n > FLUFFY_MAX_RECEIVED)
		return bad_line(r, too_large(r, "larger than %u bytes",
		    FLUFFY_MAX_RECEIVED), text.n);
	r->json = (struct json_extent){ 0 };
	r->ctx->refused_type = 0;
	r->ctx->refused_at = READ_ENCODING;
	e = json_parse(r->ctx, &r->tree, text, &syntax);
	if (e != FLUFFY_OK && syntax)
		return bad_line(r, e, text.n);
	if (e == FLUFFY_OK)
		e = decode_message(r->ctx, &r->tree, text.n, msg);
	tree_reset(&r->tree);
	r->at += text.n;
	earn(r, text.n);
	return e;
}

static enum fluffy_error
next_json(fluffy_reader *r, fluffy_msg **msg)
{
	enum scan_result result;
	struct bytes data;

	if (r->skipping && !skip_line(r))
		return r->finished ? FLUFFY_END : FLUFFY_MORE;
	skip_blanks(r);
	data = rest(r);
	if (data.n == 0)
		return r->finished ? FLUFFY_END : FLUFFY_MORE;
	if (data.p[0] != '{')
		return bad_line(r, malformed(r, "expected a JSON object"),
		    0);
	result = json_extent_run(&r->json, data);
	if (result == SCAN_BAD)
		return bad_line(r, malformed(r, "not well-formed JSON at byte "
		    "%zu", r->json.at), r->json.at);
	if (result == SCAN_TOO_LARGE)
		return bad_line(r, too_large(r, "over %u bytes of CBOR",
		    FLUFFY_MAX_EMITTED), r->json.at);
	if (result == SCAN_DONE)
		return whole_json(r, bytes_of(data.p, r->json.at), msg);
	if (data.n > FLUFFY_MAX_RECEIVED)
		return bad_line(r, too_large(r, "larger than %u bytes",
		    FLUFFY_MAX_RECEIVED), data.n);
	if (!r->finished)
		return FLUFFY_MORE;
	return bad_line(r, malformed(r, "truncated after %zu bytes", data.n),
	    data.n);
}

enum fluffy_error
fluffy_reader_next(fluffy_reader *r, fluffy_msg **msg)
{
	enum fluffy_error e;

	*msg = NULL;
	if (r->over)
		return FLUFFY_END;
	if (r->format == FLUFFY_NONE && (e = detect(r)) != FLUFFY_OK)
		return e;
	return r->format == FLUFFY_CBOR ? next_cbor(r, msg) :
	    next_json(r, msg);
}

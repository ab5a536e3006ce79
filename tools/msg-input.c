/* msg-input.c - messages as they are found: plain, or captured as text */
#include "msg-input.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST 65536u /* so much is read before the form is decided */

static size_t
skip_blanks(const struct capture *c)
{
	size_t i = 0;

	while (i < c->len && memchr(" \t\r\n", c->data[i], 4) != NULL)
		i++;
	return i;
}

/* Reads at most so many bytes behind the others; false at the end as well. */
static bool
read_more(struct capture *c, struct input *in, size_t most)
{
	size_t room = CAPTURE_MAX - c->len;
	ssize_t n;

	n = io_read(in->fd, c->data + c->len, room < most ? room : most);
	if (n < 0) {
		report_errno(in->name);
		in->failed = true;
		return false;
	}
	c->len += (size_t)n;
	return n > 0;
}

/*
 * The first byte that isn't blank decides: no CBOR message begins with a
 * character, and neither hex nor base64 with a brace.
 */
static void
decide(struct capture *c, struct input *in)
{
	size_t i = 0;

	while (read_more(c, in, FIRST)) {
		i = skip_blanks(c);
		if (i < c->len || c->len == CAPTURE_MAX)
			break;
	}
	if (i == c->len || c->data[i] == '{' || c->data[i] >= 0x80)
		c->form = CAPTURE_PLAIN;
}

static bool
decode(struct capture *c, struct input *in)
{
	static const char *const expected[] = {
		[CAPTURE_AUTO] = "neither JSON, CBOR, hex nor base64",
		[CAPTURE_HEX] = "not hex",
		[CAPTURE_BASE64] = "not base64",
	};
	uint8_t *out = malloc(c->len);
	size_t len = 0;

	if (out == NULL) {
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
		return false;
	}
	if ((c->form == CAPTURE_BASE64 ||
	    !capture_hex(c->data, c->len, out, &len)) &&
	    (c->form == CAPTURE_HEX ||
	    !capture_base64(c->data, c->len, out, &len))) {
		report_error(FLUFFY_E_MALFORMED, in->name, "%s",
		    expected[c->form]);
		explicit_bzero(out, c->len);
		free(out);
		return false;
	}
	capture_free(c);
	c->data = out;
	c->len = len;
	return true;
}

/* Text is read to its end: only then it's known where its columns are. */
static bool
decode_all(struct capture *c, struct input *in)
{
	while (read_more(c, in, CAPTURE_MAX))
		;
	if (in->failed)
		return false;
	if (c->len == CAPTURE_MAX) {
		report_error(FLUFFY_E_MALFORMED, in->name,
		    "more than %u bytes of text", CAPTURE_MAX - 1);
		return false;
	}
	return skip_blanks(c) == c->len || decode(c, in);
}

static bool
start(struct capture *c, struct input *in)
{
	c->data = malloc(CAPTURE_MAX);
	if (c->data == NULL) {
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
		return false;
	}
	if (c->form == CAPTURE_AUTO)
		decide(c, in);
	if (in->failed)
		return false;
	return c->form == CAPTURE_PLAIN || decode_all(c, in);
}

static ssize_t
read_capture(struct input *in, void *buf, size_t room)
{
	struct capture *c = in->arg;
	size_t n;

	if (c->data == NULL && !start(c, in))
		return -1;
	if (c->len == 0 && c->form == CAPTURE_PLAIN) {
		explicit_bzero(c->data, c->at);
		c->at = 0;
		read_more(c, in, room);
		if (in->failed)
			return -1;
	}
	n = c->len < room ? c->len : room;
	memcpy(buf, c->data + c->at, n);
	c->at += n;
	c->len -= n;
	return (ssize_t)n;
}

void
capture_attach(struct capture *c, struct input *in, enum capture_form form)
{
	*c = (struct capture){ .form = form };
	in->read = read_capture;
	in->arg = c;
}

/* What was handed out is still there, and may be an ENROL's key. */
void
capture_free(struct capture *c)
{
	if (c->data != NULL)
		explicit_bzero(c->data, c->at + c->len);
	free(c->data);
	c->data = NULL;
	c->at = c->len = 0;
}

/* ---- files --------------------------------------------------------------- */

bool
source_open(struct source *s, fluffy_ctx *ctx, const char *path,
    enum capture_form form)
{
	bool is_stdin = strcmp(path, "-") == 0, ok;

	s->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0) {
		report_errno(path);
		return false;
	}
	ok = input_open(&s->in, ctx, s->fd, is_stdin ? "stdin" : path);
	capture_attach(&s->capture, &s->in, form);
	if (!ok)
		source_close(s);
	return ok;
}

void
source_close(struct source *s)
{
	capture_free(&s->capture);
	input_close(&s->in);
	if (s->fd != STDIN_FILENO)
		close(s->fd);
}

bool
source_gave(const struct input *in, const fluffy_msg *msg,
    enum fluffy_format expected)
{
	if (expected == FLUFFY_NONE || fluffy_msg_format(msg) == expected)
		return true;
	report_error(FLUFFY_E_MALFORMED, in->name, "not %s",
	    expected == FLUFFY_JSON ? "JSON" : "CBOR");
	return false;
}

fluffy_msg *
source_message(fluffy_ctx *ctx, const char *path, enum capture_form form,
    enum fluffy_format expected)
{
	fluffy_msg *msg = NULL, *second = NULL;
	struct source s;
	enum fluffy_error error;

	if (!source_open(&s, ctx, path, form))
		return NULL;
	error = input_next(&s.in, &msg);
	if (error == FLUFFY_OK)
		error = input_next(&s.in, &second);
	if (error == FLUFFY_OK)
		report_error(FLUFFY_E_MALFORMED, s.in.name,
		    "more than one message");
	else if (error != FLUFFY_END)
		report_why_of(ctx, s.in.name, error);
	if (error != FLUFFY_END || s.in.failed ||
	    (msg != NULL && !source_gave(&s.in, msg, expected)))
		fluffy_msg_free(&msg);
	fluffy_msg_free(&second);
	source_close(&s);
	return msg;
}

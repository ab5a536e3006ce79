/* msg-show.c - what fluffy-msg does to each message */
#include "msg-explain.h"
#include "msg-show.h"

#include <string.h>

/* ---- one message --------------------------------------------------------- */

/* A copy can be judged with, as if it were the store. */
static enum fluffy_error
open_store(const struct show *s, size_t i, fluffy_store **store)
{
	const char *path = s->paths->value[i];

	return s->explain ? fluffy_store_copy(s->ctx, path, store) :
	    fluffy_store_open(s->ctx, path, FLUFFY_READ_ONLY, store);
}

static bool
open_stores(struct show *s)
{
	enum fluffy_error error = FLUFFY_OK;

	if (s->stores_open)
		return true;
	for (size_t i = 0; i < s->paths->count && error == FLUFFY_OK; i++)
		error = open_store(s, i, &s->store[i]);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	s->stores_open = error == FLUFFY_OK;
	return s->stores_open;
}

static bool
open_message(struct show *s, fluffy_msg *msg)
{
	enum fluffy_error error = FLUFFY_OK;

	if (!open_stores(s))
		return false;
	for (size_t i = 0; i < s->paths->count && error == FLUFFY_OK; i++)
		error = fluffy_msg_open(msg, s->store[i]);
	if (error != FLUFFY_OK)
		report_why_of(s->ctx, s->file, error);
	return error == FLUFFY_OK;
}

static bool
is_selected(struct show *s, const fluffy_msg *msg)
{
	bool match = true;
	enum fluffy_error error = FLUFFY_OK;

	if (s->member != NULL)
		error = fluffy_msg_select(s->ctx, msg, s->member, s->value,
		    &match);
	if (error != FLUFFY_OK) {
		report_why(s->ctx, error);
		return false;
	}
	s->selected += match;
	return match;
}

/* In text a message takes many lines: a blank one is between two. */
static bool
write_message(struct show *s, const fluffy_msg *msg)
{
	fluffy_bytes bytes;
	enum fluffy_error error;

	error = fluffy_msg_write(s->ctx, msg, s->to, s->flags, &bytes);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	else if (s->to == FLUFFY_TEXT && s->written++ > 0)
		output_put(s->out, "\n", 1);
	output_put(s->out, bytes.data, bytes.len);
	fluffy_bytes_free(&bytes);
	return !s->out->failed;
}

/* By each store's party; msg NULL: what was refused before it was one. */
static bool
explain(struct show *s, const struct input *in, fluffy_msg *msg)
{
	struct explained what = { .file = in->name, .number = s->number,
	    .msg = msg, .operand = s->file };
	bool ok = open_stores(s);

	for (size_t i = 0; i < s->paths->count && ok; i++) {
		if (s->to == FLUFFY_TEXT && s->written++ > 0)
			output_put(s->out, "\n", 1);
		what.store = s->paths->value[i];
		ok = explain_message(s->ctx, s->out, s->store[i], &what,
		    s->to == FLUFFY_JSON);
	}
	s->explained |= ok;
	return ok && !s->out->failed;
}

/* false: there's no point in going on. */
static bool
take(struct show *s, struct input *in, fluffy_msg *msg)
{
	if (!source_gave(in, msg, s->expected))
		return false;
	if (!is_selected(s, msg))
		return report_status() != FLUFFY_USAGE;
	if (s->explain)
		return explain(s, in, msg);
	if (!open_message(s, msg))
		return false;
	report_tell("%s is valid", fluffy_type_name(fluffy_msg_type(msg)));
	return s->check || write_message(s, msg);
}

/* ---- one file ------------------------------------------------------------ */

/* Whoever reads our output gets a message before the next one arrives. */
static bool
read_stream(struct show *s, struct input *in)
{
	enum fluffy_error error;
	fluffy_msg *msg;
	bool ok = true;

	s->number = 0;
	while (ok && input_fill(in)) {
		while (ok && (error = input_at_hand(in, &msg)) < FLUFFY_MORE) {
			s->number++;
			if (error == FLUFFY_OK)
				ok = take(s, in, msg);
			else if (s->explain)
				ok = explain(s, in, NULL);
			else
				report_why_of(s->ctx, s->file, error);
			fluffy_msg_free(&msg);
		}
		ok = output_flush(s->out) && ok;
	}
	return ok;
}

bool
show_opened(struct show *s, fluffy_msg *msg)
{
	return s->paths->count == 0 || open_message(s, msg);
}

bool
show_file(struct show *s, const char *path)
{
	struct source source;
	bool ok;

	/* the next may be there */
	if (!source_open(&source, s->ctx, path, s->from))
		return true;
	s->file = strcmp(path, "-") == 0 ? "" : path;
	ok = read_stream(s, &source.in);
	source_close(&source);
	return ok;
}

void
show_end(struct show *s)
{
	if (s->member != NULL && s->selected == 0 &&
	    report_status() == FLUFFY_DONE)
		report_error(FLUFFY_E_NOT_FOUND, s->member,
		    "no message has the value \"%s\"", s->value);
	for (size_t i = 0; i < s->paths->count; i++)
		fluffy_store_close(&s->store[i]);
}

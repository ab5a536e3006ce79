/* msg-explain.c - what a store's party would make of a message, for people */
#include "msg-explain.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CHECKS_MAX 64	/* no step has as many */

struct explanation {
	const char *file;	/* where the message is, and which of it */
	size_t number;
	const char *path;	/* the store */
	enum fluffy_type type;
	struct {
		const char *name;
		enum fluffy_error verdict;	/* FLUFFY_END: not reached */
	} checks[CHECKS_MAX];
	size_t n;
	const char *verdict;
	enum fluffy_outcome_kind outcome;
	enum fluffy_error error;
	const char *field, *text;
};

static void
note_check(void *arg, enum fluffy_type type, const char *name,
    enum fluffy_error verdict)
{
	struct explanation *x = arg;

	x->type = type;
	if (x->n == CHECKS_MAX)
		return;
	x->checks[x->n].name = name;
	x->checks[x->n++].verdict = verdict;
}

const char *
verdict_word(enum fluffy_error error, enum fluffy_outcome_kind kind)
{
	if (error != FLUFFY_OK)
		return "refused";
	switch (kind) {
	case FLUFFY_NOT_ADDRESSED:
		return "ignored";
	case FLUFFY_ERROR_HINT:
		return "hint";
	default:
		return "taken";
	}
}

/* A program that reads an ERROR ends in status 1, whatever it is worth. */
enum fluffy_status
verdict_status(enum fluffy_error error, enum fluffy_outcome_kind kind)
{
	return error == FLUFFY_OK && (kind == FLUFFY_ERROR_HINT ||
	    kind == FLUFFY_ERROR_PROVEN) ? FLUFFY_REFUSED :
	    fluffy_error_status(error);
}

static const char *
word_of_check(enum fluffy_error verdict)
{
	return verdict == FLUFFY_OK ? "passed" :
	    verdict == FLUFFY_END ? "not-reached" : "failed";
}

static const char *
message_name(const struct explanation *x)
{
	const char *name = fluffy_type_name(x->type);

	return name != NULL ? name : "message";
}

/* ---- text ---------------------------------------------------------------- */

/* What may stand in a file's name goes through clean_text. */
static void
put_line(struct output *out, const char *format, ...) PRINTF_LIKE(2, 3);

static void
put_line(struct output *out, const char *format, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	clean_text(line);
	output_put(out, line, strlen(line));
	output_put(out, "\n", 1);
}

static void
put_text(struct output *out, const struct explanation *x)
{
	bool told = false;

	put_line(out, "%s, message %zu: %s, as %s judges it", x->file,
	    x->number, message_name(x), x->path);
	for (size_t i = 0; i < x->n; i++) {
		enum fluffy_error verdict = x->checks[i].verdict;

		if (verdict == FLUFFY_OK || verdict == FLUFFY_END)
			put_line(out, "  %-16s %s", x->checks[i].name,
			    word_of_check(verdict));
		else
			put_line(out, "  %-16s failed: %s: %s%s%s",
			    x->checks[i].name, fluffy_error_name(verdict),
			    x->field, *x->field != '\0' ? ": " : "",
			    x->text);
		told |= verdict == x->error;
	}
	if (x->error == FLUFFY_OK || told)
		put_line(out, "  %s%s", x->verdict, x->outcome ==
		    FLUFFY_NOT_ADDRESSED ? ": it is for another device" : "");
	else
		put_line(out, "  %s: %s: %s%s%s", x->verdict,
		    fluffy_error_name(x->error), x->field,
		    *x->field != '\0' ? ": " : "", x->text);
}

/* ---- JSON ---------------------------------------------------------------- */

static void
add_reason(json_t *object, enum fluffy_error error,
    const struct explanation *x)
{
	json_object_set_new(object, "error",
	    json_string(fluffy_error_name(error)));
	json_object_set_new(object, "field", json_string(x->field));
	json_object_set_new(object, "text", json_string(x->text));
}

static void
put_json(struct output *out, const struct explanation *x)
{
	char file[1024], path[1024], *line;
	json_t *checks = json_array(), *object;

	/* a file's name may be any bytes, JSON may not */
	snprintf(file, sizeof file, "%s", x->file);
	snprintf(path, sizeof path, "%s", x->path);
	clean_text(file);
	clean_text(path);
	object = json_pack("{s:s,s:I,s:s,s:s,s:o,s:s}", "file", file,
	    "number", (json_int_t)x->number, "message", message_name(x),
	    "store", path, "checks", checks, "verdict", x->verdict);

	for (size_t i = 0; i < x->n; i++) {
		enum fluffy_error verdict = x->checks[i].verdict;
		json_t *check = json_pack("{s:s,s:s}", "check",
		    x->checks[i].name, "verdict", word_of_check(verdict));

		if (verdict != FLUFFY_OK && verdict != FLUFFY_END)
			add_reason(check, verdict, x);
		json_array_append_new(checks, check);
	}
	if (x->error != FLUFFY_OK)
		add_reason(object, x->error, x);
	line = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	if (line == NULL)
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
	else {
		output_put(out, line, strlen(line));
		output_put(out, "\n", 1);
	}
	free(line);
	json_decref(object);
}

/* ---- both ------------------------------------------------------------------ */

bool
explain_message(fluffy_ctx *ctx, struct output *out, fluffy_store *store,
    const struct explained *what, bool json)
{
	struct explanation x = { .file = what->file, .number = what->number,
	    .path = what->store };
	fluffy_msg *msg = what->msg;
	fluffy_outcome outcome;

	fluffy_ctx_set_checked(ctx, note_check, &x);
	if (msg != NULL)
		x.type = fluffy_msg_type(msg);
	x.error = fluffy_explain(store, msg, &outcome);
	fluffy_ctx_set_checked(ctx, NULL, NULL);
	x.outcome = outcome.kind;
	x.verdict = verdict_word(x.error, outcome.kind);
	/* of an ERROR a check may fail without an error */
	x.field = fluffy_why(ctx).field;
	x.text = fluffy_why(ctx).text;
	if (fluffy_error_status(x.error) != FLUFFY_BROKEN)
		json ? put_json(out, &x) : put_text(out, &x);
	if (x.error != FLUFFY_OK)
		report_why_of(ctx, what->operand, x.error);
	else if (msg != NULL && verdict_status(x.error, outcome.kind) !=
	    FLUFFY_DONE)
		report_received(fluffy_msg_error(msg),
		    fluffy_msg_e_text(msg), report_worth(x.error, outcome.kind));
	return fluffy_error_status(x.error) != FLUFFY_BROKEN;
}

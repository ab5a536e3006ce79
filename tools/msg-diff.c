/* msg-diff.c - where two messages differ */
#include "msg-diff.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct diffing {
	struct show *show;
	size_t n;
};

static void
put(struct output *out, const char *text)
{
	output_put(out, text, strlen(text));
}

/* A terminal may not get all that stands in a message. */
static void
put_clean(struct output *out, const char *text)
{
	char *copy = strdup(text);
	size_t len = strlen(text);

	if (copy == NULL) {
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
		return;
	}
	clean_text(copy);
	put(out, copy);
	explicit_bzero(copy, len);
	free(copy);
}

static void
put_line(struct output *out, const char *sign, const char *member,
    const char *value)
{
	if (value == NULL)
		return;
	put(out, sign);
	put_clean(out, member);
	put(out, ": ");
	put_clean(out, value);
	put(out, "\n");
}

/* The values are JSON already. */
static void
put_object(struct output *out, const char *member, const char *a,
    const char *b)
{
	json_t *name = json_string(member);
	char *text = name != NULL ? json_dumps(name, JSON_ENCODE_ANY) : NULL;

	if (text == NULL)
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
	else {
		put(out, "{\"member\":");
		put(out, text);
		put(out, a != NULL ? ",\"a\":" : "");
		put(out, a != NULL ? a : "");
		put(out, b != NULL ? ",\"b\":" : "");
		put(out, b != NULL ? b : "");
		put(out, "}\n");
	}
	free(text);
	json_decref(name);
}

static void
put_difference(void *arg, const char *member, const char *a, const char *b)
{
	struct diffing *d = arg;

	d->n++;
	if (d->show->to == FLUFFY_JSON)
		put_object(d->show->out, member, a, b);
	else {
		put_line(d->show->out, "- ", member, a);
		put_line(d->show->out, "+ ", member, b);
	}
}

static void
diff(struct show *s, fluffy_msg *a, fluffy_msg *b, const char *name_a,
    const char *name_b)
{
	struct diffing d = { .show = s };
	enum fluffy_error error = FLUFFY_OK;

	if (!show_opened(s, a) || !show_opened(s, b))
		return;
	error = fluffy_msg_diff(s->ctx, a, b, s->flags, put_difference, &d);
	output_flush(s->out);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	else if (d.n > 0)
		report_error(FLUFFY_E_UNEXPECTED, name_a,
		    "differs from %s in %zu member%s", name_b, d.n,
		    d.n == 1 ? "" : "s");
	s->out->verdict = error == FLUFFY_OK;
}

void
diff_files(struct show *s, const char *a, const char *b)
{
	fluffy_msg *left = source_message(s->ctx, a, s->from, s->expected),
	    *right = NULL;

	if (left != NULL)
		right = source_message(s->ctx, b, s->from, s->expected);
	if (right != NULL)
		diff(s, left, right, a, b);
	fluffy_msg_free(&left);
	fluffy_msg_free(&right);
	show_end(s);
}

/*
 * wellformed.c - what is wrong with an item whatever its members mean (section
 * 6: the encoding comes before pvno)
 */
#include <stdlib.h>

#include "any.h"
#include "decode.h"
#include "text.h"

struct walk {
	fluffy_ctx *ctx;
	const struct tree *t;
};

static enum fluffy_error check_item(const struct walk *, uint32_t at,
    const struct path *);

static enum fluffy_error
refuse(const struct walk *w, const struct path *path, const char *why)
{
	return fluffy_fail(w->ctx, FLUFFY_E_MALFORMED, path, "%s", why);
}

/* ---- labels ------------------------------------------------------------- */

struct labelled {
	const struct tree *t;
	const struct node *node;
};

static int
label_order(const void *a, const void *b)
{
	const struct labelled *x = a, *y = b;

	if (x->node->type != y->node->type)
		return x->node->type < y->node->type ? -1 : 1;
	if (x->node->type == N_INT)
		return (x->node->v.i > y->node->v.i) -
		    (x->node->v.i < y->node->v.i);
	return bytes_cmp(tree_string(x->t, x->node),
	    tree_string(y->t, y->node));
}

/* What else may be a label is refused wherever it is one. */
static bool
is_label(const struct node *node)
{
	return node->tag == TAG_NONE &&
	    (node->type == N_INT || node->type == N_TEXT);
}

static enum fluffy_error
check_labels(const struct walk *w, uint32_t at, const struct path *path)
{
	const struct node *v = w->t->v;
	struct labelled *labels = calloc((size_t)v[at].n / 2 + 1,
	    sizeof(labels[0]));
	enum fluffy_error e = FLUFFY_OK;
	size_t n = 0;

	if (labels == NULL)
		return fluffy_fail_memory(w->ctx);
	for (uint32_t i = at + 1; i < v[at].end; i = v[v[i].end].end)
		if (is_label(&v[i]))
			labels[n++] = (struct labelled){ w->t, &v[i] };
	qsort(labels, n, sizeof(labels[0]), label_order);
	for (size_t i = 1; e == FLUFFY_OK && i < n; i++)
		if (label_order(&labels[i - 1], &labels[i]) == 0)
			e = refuse(w, path, "a label is there twice");
	free(labels);
	return e;
}

/* What the member is called in errors. */
static void
name_member(const struct tree *t, const struct node *label, struct path *path,
    char number[24])
{
	const char *name = label->type != N_INT ? "?" :
	    label_name(label->v.i);

	if (label->type == N_TEXT) {
		path->name = (const char *)tree_string(t, label).p;
		path->len = label->n;
		return;
	}
	if (name == NULL)
		(void)snprintf(number, 24, "%lld", (long long)label->v.i);
	path->name = name != NULL ? name : number;
	path->len = strlen(path->name);
}

/* ---- items -------------------------------------------------------------- */

static enum fluffy_error
check_map(const struct walk *w, uint32_t at, const struct path *up)
{
	const struct node *v = w->t->v;
	struct path path = { .up = up };
	enum fluffy_error e = check_labels(w, at, up);

	for (uint32_t i = at + 1, value; e == FLUFFY_OK && i < v[at].end;
	    i = v[value].end) {
		char number[24];

		value = v[i].end;
		name_member(w->t, &v[i], &path, number);
		e = check_item(w, i, up);
		if (e == FLUFFY_OK)
			e = check_item(w, value, &path);
	}
	return e;
}

static enum fluffy_error
check_array(const struct walk *w, uint32_t at, const struct path *up)
{
	const struct node *v = w->t->v;
	struct path path = { .up = up };
	enum fluffy_error e = FLUFFY_OK;

	for (uint32_t i = at + 1; e == FLUFFY_OK && i < v[at].end;
	    i = v[i].end, path.index++)
		e = check_item(w, i, &path);
	return e;
}

/* Recursion is bounded: the tree has nothing below MAX_DEPTH. */
static enum fluffy_error
check_item(const struct walk *w, uint32_t at, const struct path *path)
{
	const struct node *node = &w->t->v[at];

	if (node->tag == TAG_OTHER || (node->tag == TAG_SELF && at > 0))
		return refuse(w, path, "a tag");
	switch (node->type) {
	case N_CHUNKED:
	case N_DEEP:
		return refuse(w, path, node_describe(node));
	case N_TEXT:
		return utf8_valid(tree_string(w->t, node)) ? FLUFFY_OK :
		    refuse(w, path, "invalid UTF-8");
	case N_ARRAY:
		return check_array(w, at, path);
	case N_MAP:
		return check_map(w, at, path);
	default:
		return FLUFFY_OK;
	}
}

enum fluffy_error
check_wellformed(fluffy_ctx *ctx, const struct tree *tree)
{
	const struct walk w = { ctx, tree };

	return check_item(&w, 0, NULL);
}

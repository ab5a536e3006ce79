/* any.c - values of kind any: one deterministic CBOR for every spelling */
#include <math.h>
#include <stdlib.h>

#include "any.h"
#include "cbor.h"
#include "text.h"

const char *
node_describe(const struct node *node)
{
	static const char *const names[] = {
		[N_INT] = "a whole number", [N_FLOAT] = "another number",
		[N_BYTES] = "a byte string", [N_TEXT] = "text",
		[N_ARRAY] = "an array", [N_MAP] = "a map",
		[N_NULL] = "null", [N_FALSE] = "false", [N_TRUE] = "true",
		[N_CHUNKED] = "a chunked string",
		[N_SIMPLE] = "undefined or another simple value",
		[N_DEEP] = "nesting deeper than 16"
	};

	return node->tag != TAG_NONE ? "a tagged item" : names[node->type];
}

struct walker {
	fluffy_ctx *ctx;
	const struct tree *t;
	const struct path *path;
};

static enum fluffy_error put(struct walker *, uint32_t at, struct buffer *);

static enum fluffy_error
refuse(struct walker *w, const char *why)
{
	return fluffy_fail(w->ctx, FLUFFY_E_MALFORMED, w->path, "%s", why);
}

/* A number that is an integer after rounding to binary64 is that integer. */
static enum fluffy_error
put_number(struct walker *w, const struct node *node, struct buffer *b)
{
	double d = node->v.f;
	int64_t i;

	if (node->type == N_INT)
		i = node->v.i;
	else if (!isfinite(d))
		return refuse(w, "not a finite number");
	else if (d > trunc(d) || d < trunc(d)) {
		cbor_put_float(b, d);
		return FLUFFY_OK;
	} else if (fabs(d) > (double)MAX_SAFE)
		return refuse(w, "a number beyond 2^53-1");
	else
		i = (int64_t)d;
	if (i > MAX_SAFE || i < -MAX_SAFE)
		return refuse(w, "a number beyond 2^53-1");
	cbor_put_int(b, i);
	return FLUFFY_OK;
}

static enum fluffy_error
put_text(struct walker *w, const struct node *node, struct buffer *b)
{
	struct bytes text = tree_string(w->t, node);

	if (!utf8_valid(text))
		return refuse(w, "invalid UTF-8");
	cbor_put_text(b, text);
	return FLUFFY_OK;
}

static enum fluffy_error
put_array(struct walker *w, uint32_t at, struct buffer *b)
{
	const struct node *node = &w->t->v[at];
	enum fluffy_error e;
	uint32_t i;

	cbor_put_array(b, node->n);
	for (i = at + 1; i < node->end; i = w->t->v[i].end)
		if ((e = put(w, i, b)) != FLUFFY_OK)
			return e;
	return FLUFFY_OK;
}

/* A member of a map in the order of the input, encoded. */
struct member {
	const struct buffer *in;
	size_t key, value, end;
};

static struct bytes
member_key(const struct member *m)
{
	return bytes_of(m->in->p + m->key, m->value - m->key);
}

static int
member_order(const void *a, const void *b)
{
	return bytes_cmp(member_key(a), member_key(b));
}

static enum fluffy_error
put_sorted(struct walker *w, struct member *members, size_t n,
    const struct buffer *in, struct buffer *b)
{
	size_t i;

	if (in->failed) {
		b->failed = true;
		b->no_memory = in->no_memory;
		return FLUFFY_OK;
	}
	qsort(members, n, sizeof(members[0]), member_order);
	cbor_put_map(b, n);
	for (i = 0; i < n; i++) {
		if (i > 0 && member_order(&members[i - 1], &members[i]) == 0)
			return refuse(w, "duplicate names in a map");
		buffer_add(b, in->p + members[i].key,
		    members[i].end - members[i].key);
	}
	return FLUFFY_OK;
}

static enum fluffy_error
put_map(struct walker *w, uint32_t at, struct buffer *b)
{
	const struct node *node = &w->t->v[at];
	struct buffer in = BUFFER(b->max);
	struct member *members = calloc((size_t)node->n / 2 + 1,
	    sizeof(*members));
	enum fluffy_error e = FLUFFY_OK;
	uint32_t i, n = 0;

	if (members == NULL)
		return fluffy_fail_memory(w->ctx);
	for (i = at + 1; i < node->end && e == FLUFFY_OK; n++) {
		const struct node *key = &w->t->v[i];

		members[n].in = &in;
		members[n].key = in.n;
		if (key->type != N_TEXT || key->tag != TAG_NONE)
			e = refuse(w, "a name in a map that isn't text");
		else
			e = put(w, i, &in);
		members[n].value = in.n;
		if (e == FLUFFY_OK)
			e = put(w, key->end, &in);
		members[n].end = in.n;
		i = w->t->v[key->end].end;
	}
	if (e == FLUFFY_OK)
		e = put_sorted(w, members, n, &in, b);
	buffer_free(&in);
	free(members);
	return e;
}

/* Recursion is bounded: the tree has nothing below MAX_DEPTH. */
static enum fluffy_error
put(struct walker *w, uint32_t at, struct buffer *b)
{
	const struct node *node = &w->t->v[at];

	if (node->tag != TAG_NONE)
		return refuse(w, "a tag");
	switch ((enum node_type)node->type) {
	case N_INT:
	case N_FLOAT:
		return put_number(w, node, b);
	case N_TEXT:
		return put_text(w, node, b);
	case N_ARRAY:
		return put_array(w, at, b);
	case N_MAP:
		return put_map(w, at, b);
	case N_NULL:
	case N_TRUE:
	case N_FALSE:
		cbor_put_simple(b, node->type);
		return FLUFFY_OK;
	case N_DEEP:
	case N_BYTES:
	case N_CHUNKED:
	case N_SIMPLE:
	default:
		return refuse(w, node_describe(node));
	}
}

enum fluffy_error
any_canonical(fluffy_ctx *ctx, const struct tree *t, uint32_t at,
    const struct path *path, struct buffer *b)
{
	struct walker w = { .ctx = ctx, .t = t, .path = path };

	return put(&w, at, b);
}

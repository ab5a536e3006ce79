/* tree.c - memory of decoded items */
#include <stdlib.h>

#include "tree.h"

#define FIRST_NODES 128

struct node *
tree_add(struct tree *t, enum node_type type)
{
	struct node *v;
	size_t cap;

	if (t->n == t->cap) {
		cap = t->cap == 0 ? FIRST_NODES : t->cap * 2;
		if ((v = realloc(t->v, cap * sizeof(*v))) == NULL)
			return NULL;
		t->v = v;
		t->cap = cap;
	}
	v = &t->v[t->n++];
	*v = (struct node){ .type = (uint8_t)type, .end = (uint32_t)t->n };
	return v;
}

void
tree_reset(struct tree *t)
{
	arena_free(&t->strings);
	t->base = NULL;
	t->json = false;
	t->n = 0;
}

void
tree_free(struct tree *t)
{
	tree_reset(t);
	free(t->v);
	*t = (struct tree){ .v = NULL };
}

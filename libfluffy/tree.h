/*
 * tree.h - decoded items before their meaning is known
 *
 * Both codecs parse into this form, so that one walk (decode.c) validates a
 * structure whatever its encoding.
 */
#ifndef FLUFFY_TREE_H
#define FLUFFY_TREE_H

#include "bytes.h"

#define MAX_DEPTH 16	/* section 1: the message's map is level 1 */

enum node_type {
	N_INT, N_FLOAT, N_BYTES, N_TEXT, N_ARRAY, N_MAP, N_NULL, N_FALSE,
	N_TRUE,
	N_CHUNKED,	/* a string in chunks */
	N_SIMPLE,	/* undefined and other simple values */
	N_DEEP		/* what lies below MAX_DEPTH; not looked into */
};

enum node_tag {
	TAG_NONE, TAG_ENCRYPT0, TAG_SIGN1, TAG_SELF, TAG_OTHER
};

/*
 * Nodes stand in the order of the input; a container is followed by its
 * children, a map's alternating between label and value.
 */
struct node {
	uint8_t type;	/* enum node_type */
	uint8_t tag;	/* enum node_tag */
	uint32_t n;	/* length of a string, number of children */
	uint32_t end;	/* index just behind this node and its children */
	union {
		int64_t i;	/* beyond int64: its nearest value */
		double f;
		size_t offset;	/* CBOR string: from tree.base */
		const uint8_t *p; /* JSON string */
	} v;
};

struct tree {
	struct node *v;
	size_t n, cap;
	bool json;
	const uint8_t *base;	/* CBOR: the input */
	struct arena strings;	/* JSON: what the strings point into */
};

/* What the search for an item's end found. */
enum scan_result {
	SCAN_DONE,
	SCAN_MORE,	/* not yet complete */
	SCAN_BAD,	/* not well-formed */
	SCAN_TOO_LARGE,
	SCAN_NO_MEMORY
};

/* A new last node, or NULL without memory. */
struct node *tree_add(struct tree *, enum node_type);
/* Empties the tree and keeps its memory for the next. */
void tree_reset(struct tree *);
void tree_free(struct tree *);

static inline struct bytes
tree_string(const struct tree *t, const struct node *node)
{
	if (t->json)
		return bytes_of(node->v.p, node->n);
	return bytes_of(t->base + node->v.offset, node->n);
}

#endif

/* cbor.h - the CBOR codec (RFC 8949): scanning, and deterministic emission */
#ifndef FLUFFY_CBOR_H
#define FLUFFY_CBOR_H

#include "buffer.h"
#include "error.h"
#include "tree.h"

/* ---- scanning ----------------------------------------------------------- */

/*
 * A scan finds the end of one item and builds its tree on the way.  It can be
 * continued when more input has come; recursion and memory don't depend on
 * what the input claims about itself, only on what is there.
 */
struct cbor_scan {
	struct tree *tree;
	size_t at;		/* bytes consumed */
	struct frame *frames;	/* containers that are open */
	size_t n_frames, cap_frames;
	uint8_t tag;		/* of the item that comes next */
	bool tagged;
};

void cbor_scan_start(struct cbor_scan *, struct tree *);
/* data begins with the item, also when a scan continues. */
enum scan_result cbor_scan_run(struct cbor_scan *, struct bytes data);
void cbor_scan_end(struct cbor_scan *);

/* data is one item and nothing else.  The tree refers to data. */
FLUFFY_CHECKED enum fluffy_error cbor_parse(fluffy_ctx *, struct tree *,
    struct bytes data);

/* ---- emission ----------------------------------------------------------- */

void cbor_put_int(struct buffer *, int64_t);
void cbor_put_float(struct buffer *, double);	/* shortest, not an integer */
void cbor_put_bytes(struct buffer *, struct bytes);
void cbor_put_text(struct buffer *, struct bytes);
void cbor_put_array(struct buffer *, size_t n);
void cbor_put_map(struct buffer *, size_t n);
void cbor_put_simple(struct buffer *, enum node_type); /* null, true, false */

/* No member is left out. */
#define SKIP_NONE (-100)

/*
 * The deterministic encoding of a structure that has a head, without the
 * member labelled skip.
 */
void cbor_put_struct(struct buffer *, const void *map, int skip);

/* The value of one member of a structure. */
struct row;
void cbor_put_member(struct buffer *, const void *map, const struct row *);

/* Section 4: the protected header of alg, {1: alg}; its length. */
#define PROTECTED_MAX 11
size_t cbor_protected(uint8_t out[PROTECTED_MAX], int64_t alg);
/* What alg is it the header of?  False unless byte for byte. */
bool cbor_protected_alg(struct bytes, int64_t *alg);

#endif

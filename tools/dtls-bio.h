/* dtls-bio.h - what libssl reads and writes, as datagrams */
#ifndef DTLS_BIO_H
#define DTLS_BIO_H

#include <openssl/bio.h>

#include "dtls.h"

/* What one call of libssl's can send; the rest is lost, as datagrams are. */
#define QUEUE_MAX (4 * DTLS_MTU)

struct datagrams {
	const uint8_t *in;	/* the one to be read, until it was */
	size_t in_len;
	uint8_t out[QUEUE_MAX];	/* each behind its length, two bytes */
	size_t used;
};

/* A BIO over them; NULL: no memory. */
BIO *datagrams_bio(struct datagrams *);
/* Send, in their order, and forget those that were written. */
void datagrams_send(struct datagrams *, const struct dtls_owner *, void *arg);

#endif

/* dtls-hello.h - what a datagram tells before there is a session */
#ifndef DTLS_HELLO_H
#define DTLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hello {
	uint8_t random[32];	/* the same in all copies of one ClientHello */
	bool authz_cert;	/* offers the memo's certificate type (3.2) */
};

/*
 * False when the datagram doesn't begin with a ClientHello of epoch 0, or with
 * its first fragment.  Extensions behind the first fragment aren't seen.
 */
bool hello_read(const void *datagram, size_t len, struct hello *);

/* How many of the datagram's records are encrypted: beyond epoch 0. */
unsigned records_encrypted(const void *datagram, size_t len);

#endif

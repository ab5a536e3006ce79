/* dtls-cookie.h - what only the owner of an address can send back (RFC 6347,
   4.2.1), with nothing kept for it */
#ifndef DTLS_COOKIE_H
#define DTLS_COOKIE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define COOKIE_SIZE 32

/* Secrets, the newer one first; starts as {0}. */
struct cookies {
	uint8_t secret[2][32];
	int64_t renewed;
	bool begun;
};

/* False: no randomness. */
bool cookie_make(struct cookies *, const struct sockaddr_storage *,
    uint8_t cookie[COOKIE_SIZE]);
bool cookie_good(const struct cookies *, const struct sockaddr_storage *,
    const uint8_t *cookie, size_t len);

#endif

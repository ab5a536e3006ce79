/* dtls-cookie.c - what only the owner of an address can send back */
#include <netinet/in.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "dtls-cookie.h"
#include "relay.h"

#define SECRET_LIFE 60000	/* ms; a cookie is good for once or twice that */

/* Both are random at first: nobody may know a secret of zeros. */
static bool
renew(struct cookies *c)
{
	int64_t now = relay_now();

	if (c->begun && now - c->renewed < SECRET_LIFE)
		return true;
	if (c->begun)
		memcpy(c->secret[1], c->secret[0], sizeof c->secret[1]);
	else if (RAND_bytes(c->secret[1], sizeof c->secret[1]) != 1)
		return false;
	c->renewed = now;
	c->begun = RAND_bytes(c->secret[0], sizeof c->secret[0]) == 1;
	return c->begun;
}

static bool
mac(const uint8_t *secret, const struct sockaddr_storage *address,
    uint8_t *cookie)
{
	size_t len = address->ss_family == AF_INET6 ?
	    sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	return HMAC(EVP_sha256(), secret, 32, (const uint8_t *)address, len,
	    cookie, NULL) != NULL;
}

bool
cookie_make(struct cookies *c, const struct sockaddr_storage *address,
    uint8_t cookie[COOKIE_SIZE])
{
	return renew(c) && mac(c->secret[0], address, cookie);
}

bool
cookie_good(const struct cookies *c, const struct sockaddr_storage *address,
    const uint8_t *cookie, size_t len)
{
	uint8_t wanted[COOKIE_SIZE];

	if (!c->begun || len != COOKIE_SIZE)
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (mac(c->secret[i], address, wanted) &&
		    CRYPTO_memcmp(wanted, cookie, COOKIE_SIZE) == 0)
			return true;
	}
	return false;
}

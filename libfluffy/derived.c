/* derived.c - nonces and derived keys (memo, 2.1 and 2.2; section 11) */
#include <stdio.h>

#include <openssl/crypto.h>

#include "cose.h"
#include "derived.h"
#include "text.h"

#define PREFIX "DK."

static bool
read_number(struct bytes text, uint32_t *number)
{
	int64_t value;

	if (!decimal_form(text) || !decimal_value(text, &value) ||
	    value < 1 || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

/* ta "." client "." number; false when there are no two dots. */
static bool
split(struct bytes text, struct nonce *nonce, struct bytes *number)
{
	const uint8_t *end = text.p + text.n, *last = end;
	const uint8_t *first = memchr(text.p, '.', text.n);

	if (first == NULL)
		return false;
	while (*--last != '.')
		;
	if (first == last)
		return false;
	nonce->ta = bytes_of(text.p, (size_t)(first - text.p));
	nonce->client = bytes_of(first + 1, (size_t)(last - first - 1));
	*number = bytes_of(last + 1, (size_t)(end - last - 1));
	return true;
}

const char *
nonce_read(struct bytes text, struct nonce *nonce)
{
	size_t n = sizeof(PREFIX) - 1;
	struct bytes number;

	if (text.n < 1 || text.n > NONCE_TEXT_MAX || !utf8_valid(text))
		return "expected 1 to 128 bytes of UTF-8";
	if (text.n < n || !bytes_eq(bytes_of(text.p, n), BYTES(PREFIX)) ||
	    !split(bytes_of(text.p + n, text.n - n), nonce, &number))
		return "expected \"DK.\", a trust anchor, \".\", a client, "
		    "\".\" and a number";
	if (!name_valid(nonce->ta))
		return "the trust anchor has no valid name";
	if (!name_valid(nonce->client))
		return "the client has no valid name";
	if (!read_number(number, &nonce->number))
		return "expected a number from 1 to 4294967295 in shortest "
		    "decimal";
	return NULL;
}

bool
nonce_write(const struct nonce *nonce, char text[NONCE_TEXT_MAX + 1])
{
	int n = snprintf(text, NONCE_TEXT_MAX + 1, PREFIX "%.*s.%.*s.%u",
	    (int)nonce->ta.n, (const char *)nonce->ta.p,
	    (int)nonce->client.n, (const char *)nonce->client.p,
	    (unsigned)nonce->number);

	return n > 0 && n <= NONCE_TEXT_MAX;
}

/* HMAC(K, A(1) + nonce), where A(1) = HMAC(K, nonce). */
enum fluffy_error
derived_key(fluffy_ctx *ctx, const struct symm *k_rs_ta, struct bytes nonce,
    struct symm *key)
{
	uint8_t seed[HMAC_SIZE + NONCE_TEXT_MAX], d[HMAC_SIZE];
	enum fluffy_error e;

	*key = (struct symm){ .n = k_rs_ta->n };
	if (nonce.n > NONCE_TEXT_MAX)
		return fluffy_fail(ctx, FLUFFY_E_INTERNAL, NULL,
		    "a nonce of %zu bytes", nonce.n);
	e = hmac_sha256(ctx, symm_bytes(k_rs_ta), nonce, seed);
	memcpy(seed + HMAC_SIZE, nonce.p, nonce.n);
	if (e == FLUFFY_OK)
		e = hmac_sha256(ctx, symm_bytes(k_rs_ta),
		    bytes_of(seed, HMAC_SIZE + nonce.n), d);
	if (e == FLUFFY_OK)
		memcpy(key->b, d, key->n);
	OPENSSL_cleanse(seed, sizeof(seed));
	OPENSSL_cleanse(d, sizeof(d));
	return e;
}

/*
 * maccert.c - MacCert on the wire (memo, 3.1; section 11)
 *
 *	opaque subjectPublicKeyInfo<1..2^24-1>;
 *	opaque trust_anchor_id<1..2^8-1>;
 *	uint32 sequence_number;
 *	MACAlgorithm mac_algorithm;	RFC 5246: hmac_sha256 is 3
 *	uint8 mac_length;
 *	opaque MAC[mac_length];
 */
#include <openssl/crypto.h>

#include "cose.h"
#include "maccert.h"

#define HMAC_SHA256 3

/* ---- reading ---------------------------------------------------------- */

static bool
take(struct bytes *rest, size_t n, struct bytes *out)
{
	if (rest->n < n)
		return false;
	*out = bytes_of(rest->p, n);
	*rest = bytes_of(rest->p + n, rest->n - n);
	return true;
}

/* A number of that many bytes, at most four. */
static bool
take_number(struct bytes *rest, size_t size, uint32_t *out)
{
	struct bytes bytes;

	if (!take(rest, size, &bytes))
		return false;
	*out = 0;
	for (size_t i = 0; i < size; i++)
		*out = *out << 8 | bytes.p[i];
	return true;
}

/* A string that isn't empty, behind its length. */
static bool
take_string(struct bytes *rest, size_t size, struct bytes *out)
{
	uint32_t n;

	return take_number(rest, size, &n) && n > 0 && take(rest, n, out);
}

static bool
take_byte(struct bytes *rest, uint32_t expected)
{
	uint32_t byte;

	return take_number(rest, 1, &byte) && byte == expected;
}

const char *
maccert_read(struct bytes data, struct maccert *cert)
{
	struct bytes rest = data;

	if (!take_string(&rest, 3, &cert->spki))
		return "the public key is empty or cut off";
	if (!take_string(&rest, 1, &cert->ta))
		return "the trust anchor's name is empty or cut off";
	if (!take_number(&rest, 4, &cert->number))
		return "the sequence number is cut off";
	if (!take_byte(&rest, HMAC_SHA256))
		return "expected the MAC algorithm hmac_sha256";
	cert->covered = bytes_of(data.p, data.n - rest.n);
	/* the memo leaves the length open: a short MAC could be guessed */
	if (!take_byte(&rest, MACCERT_MAC))
		return "expected a MAC of 32 bytes";
	if (!take(&rest, MACCERT_MAC, &cert->mac))
		return "the MAC is cut off";
	return rest.n == 0 ? NULL : "there is something behind the MAC";
}

/* ---- the MAC ---------------------------------------------------------- */

/* Over the certificate with an empty MAC: its length is 0. */
static enum fluffy_error
compute(fluffy_ctx *ctx, const struct symm *k_rs_ta, struct bytes covered,
    uint8_t mac[MACCERT_MAC])
{
	struct buffer b = BUFFER(covered.n + 1);
	enum fluffy_error e;

	buffer_add(&b, covered.p, covered.n);
	buffer_addc(&b, 0);
	e = b.failed ? fluffy_fail_memory(ctx) :
	    hmac_sha256(ctx, symm_bytes(k_rs_ta), buffer_view(&b), mac);
	buffer_free(&b);
	return e;
}

enum fluffy_error
maccert_check(fluffy_ctx *ctx, const struct symm *k_rs_ta,
    const struct maccert *cert)
{
	uint8_t mac[MACCERT_MAC];
	enum fluffy_error e = compute(ctx, k_rs_ta, cert->covered, mac);

	if (e == FLUFFY_OK && CRYPTO_memcmp(mac, cert->mac.p, sizeof(mac)) != 0)
		e = fluffy_fail(ctx, FLUFFY_E_AUTH_FAILED, NULL,
		    "the MAC isn't the trust anchor's");
	OPENSSL_cleanse(mac, sizeof(mac));
	return e;
}

/* ---- writing ---------------------------------------------------------- */

static void
put_number(struct buffer *b, size_t size, size_t number)
{
	while (size-- > 0)
		buffer_addc(b, (char)(number >> 8 * size & 0xff));
}

static void
put_string(struct buffer *b, size_t size, struct bytes string)
{
	put_number(b, size, string.n);
	buffer_add(b, string.p, string.n);
}

enum fluffy_error
maccert_write(fluffy_ctx *ctx, const struct symm *k_rs_ta,
    const struct maccert *cert, struct buffer *out)
{
	uint8_t mac[MACCERT_MAC];
	size_t start = out->n;
	enum fluffy_error e;

	put_string(out, 3, cert->spki);
	put_string(out, 1, cert->ta);
	put_number(out, 4, cert->number);
	put_number(out, 1, HMAC_SHA256);
	if (out->failed)
		return fluffy_fail_memory(ctx);
	e = compute(ctx, k_rs_ta, bytes_of(out->p + start, out->n - start),
	    mac);
	if (e != FLUFFY_OK)
		return e;
	put_string(out, 1, bytes_of(mac, sizeof(mac)));
	return out->failed ? fluffy_fail_memory(ctx) : FLUFFY_OK;
}

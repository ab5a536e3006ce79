/*
 * fuzz_cert.c - certificates in a keydata
 *
 * The first byte chooses the key (bit 0), how many certificates there are, and
 * which of their digests; then the certificates, each with its length in two
 * bytes, but for the last, which is the rest.
 */
#include <openssl/sha.h>

#include "cert.h"
#include "exchange.h"
#include "fuzz.h"
#include "text.h"

/* A line for people: no control characters, whatever is in the certificate. */
static void
describe(struct bytes der, bool good)
{
	struct buffer line = BUFFER(1 << 20);
	bool done = cert_describe(der, &line);
	struct bytes text = buffer_view(&line);

	CHECK(done || !good);
	if (done) {
		CHECK(text.n > 0 && utf8_valid(text));
		CHECK(!utf8_has_control(text));
		CHECK(memchr(text.p, '\n', text.n) == NULL);
	}
	buffer_free(&line);
}

/* With the right digests, or what the fuzzer has in their place. */
static void
put_digests(struct arena *arena, struct keydata *k, uint8_t how)
{
	static const uint8_t zeros[SHA256_DIGEST_LENGTH];
	uint8_t sha1[SHA_DIGEST_LENGTH], sha256[SHA256_DIGEST_LENGTH];

	SHA1(k->x5c.v[0].p, k->x5c.v[0].n, sha1);
	SHA256(k->x5c.v[0].p, k->x5c.v[0].n, sha256);
	if ((how & 1) != 0)
		PUT(k, x5t, L_x5t, arena_dup(arena, bytes_of((how & 4) != 0 ?
		    zeros : sha1, sizeof(sha1))));
	if ((how & 2) != 0)
		PUT(k, x5t256, L_x5t256, arena_dup(arena,
		    bytes_of((how & 8) != 0 ? zeros : sha256,
		    sizeof(sha256))));
}

static void
check(struct keydata *k, uint8_t how)
{
	struct buffer pem = BUFFER(1 << 20);
	uint64_t not_after;
	int label = 0;
	enum fluffy_error e = cert_check(fuzz_ctx(), k, &label, &not_after);

	if (e == FLUFFY_OK) {
		CHECK((how & 1) == 0 || (how & 4) == 0);
		CHECK((how & 2) == 0 || (how & 8) == 0);
		CHECK(not_after <= (uint64_t)1 << 53);
		must(cert_write(fuzz_ctx(), k, &pem));
		CHECK(utf8_valid(buffer_view(&pem)));
	} else {
		check_why(e);
		CHECK(e == FLUFFY_E_MALFORMED && not_after == 0);
		CHECK(label == L_x5c || label == L_x5t || label == L_x5t256);
	}
	for (uint8_t i = 0; i < k->x5c.n; i++)
		describe(k->x5c.v[i], e == FLUFFY_OK);
	buffer_free(&pem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };
	struct arena arena = { NULL, false };
	uint8_t how = take(&in), count = how >> 1 & 7;
	struct keydata *k = (how & 1) == 0 ?
	    fuzz_pair(&arena, KTY_OKP, -8, BYTES("12345678"), true) :
	    fuzz_pair(&arena, KTY_EC, -7, BYTES("12345678"), false);

	SET(k, L_x5c);
	for (; k->x5c.n < count; k->x5c.n++) {
		size_t size = (size_t)take(&in) << 8;

		k->x5c.v[k->x5c.n] = take_bytes(&in, size | take(&in));
	}
	k->x5c.v[k->x5c.n++] = take_rest(&in);
	put_digests(&arena, k, how >> 4);
	check(k, how >> 4);
	arena_free(&arena);
	return 0;
}

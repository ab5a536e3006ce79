/*
 * fuzz_maccert.c - a MacCert, or a key in one of its forms
 *
 * The input is a MacCert, whose MAC is then computed anew, or else a key.
 */
#include "fuzz.h"
#include "maccert.h"
#include "spki.h"

static const struct symm k_rs_ta = { .n = 16 };

/* A key that is read is read again as itself. */
static void
check_public(struct bytes data)
{
	struct buffer der = BUFFER(SPKI_MAX), again = BUFFER(SPKI_MAX);
	enum fluffy_error e = spki_read(fuzz_ctx(), data, &der);

	if (e != FLUFFY_OK) {
		check_why(e);
		CHECK(der.n == 0);
	} else {
		must(spki_read(fuzz_ctx(), buffer_view(&der), &again));
		CHECK(bytes_eq(buffer_view(&again), buffer_view(&der)));
	}
	buffer_free(&der);
	buffer_free(&again);
}

/* What is a pair is no public key, and its public half is one. */
static void
check_pair(struct bytes data)
{
	struct buffer pkcs8 = BUFFER(SPKI_MAX), public = BUFFER(SPKI_MAX);
	enum fluffy_error e = pair_read(fuzz_ctx(), data, &pkcs8);

	if (e != FLUFFY_OK) {
		check_why(e);
		CHECK(pkcs8.n == 0);
	} else {
		CHECK(spki_read(fuzz_ctx(), data, &public) ==
		    FLUFFY_E_MALFORMED);
		must(pair_public(fuzz_ctx(), buffer_view(&pkcs8), false,
		    &public));
		must(spki_check(fuzz_ctx(), buffer_view(&public)));
	}
	buffer_free(&pkcs8);
	buffer_free(&public);
}

static bool
inside(struct bytes part, struct bytes whole)
{
	return part.n > 0 && part.p >= whole.p &&
	    part.p + part.n <= whole.p + whole.n;
}

/* The same but for its MAC, which is good now. */
static void
check_rewritten(const struct maccert *cert, struct bytes data)
{
	struct buffer b = BUFFER(data.n);
	struct maccert again;

	must(maccert_write(fuzz_ctx(), &k_rs_ta, cert, &b));
	CHECK(b.n == data.n);
	CHECK(maccert_read(buffer_view(&b), &again) == NULL);
	must(maccert_check(fuzz_ctx(), &k_rs_ta, &again));
	CHECK(bytes_eq(again.covered, cert->covered));
	if (maccert_check(fuzz_ctx(), &k_rs_ta, cert) == FLUFFY_OK)
		CHECK(bytes_eq(buffer_view(&b), data));
	buffer_free(&b);
}

static void
check_cert(const struct maccert *cert, struct bytes data)
{
	enum fluffy_error e;

	CHECK(inside(cert->spki, data) && inside(cert->ta, data));
	CHECK(inside(cert->covered, data) && inside(cert->mac, data));
	CHECK(cert->mac.n == MACCERT_MAC);
	check_rewritten(cert, data);
	e = spki_check(fuzz_ctx(), cert->spki);
	if (e == FLUFFY_OK)
		check_public(cert->spki);
	else
		check_why(e);
}

/* OpenSSL tries for long what isn't. */
static bool
may_be_pair(struct bytes data)
{
	return data.n > 0 && (data.p[0] == 0x30 ||
	    memmem(data.p, data.n, "PRIVATE KEY-----", 16) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes input = { data, n };
	struct maccert cert;
	const char *why = maccert_read(input, &cert);

	if (why == NULL)
		check_cert(&cert, input);
	else {
		CHECK(why[0] != '\0');
		check_public(input);
		if (may_be_pair(input))
			check_pair(input);
	}
	return 0;
}

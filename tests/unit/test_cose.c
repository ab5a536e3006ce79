/* test_cose.c - seals and derivations against known answers */
#include "testing.h"

#include <sys/mman.h>
#include <unistd.h>

#include "alg.h"
#include "cbor.h"
#include "cose.h"

#define PLAIN BYTES("fluffy wire profile 1")

/*
 * Computed with another implementation (python3-cryptography): the key is
 * 00 01 02 .., the iv 40 41 42 .., external_aad a20101020e.
 */
static const struct answer {
	int64_t alg;
	const char *empty;	/* the seal of nothing */
	const char *sealed;	/* the seal of PLAIN */
} answers[] = {
	{ 30, "d8594e6bcdf28ca3414cc127ab9e9746",
	    "8877ec373c75bfb45492761f059dba84120bdbd5"
	    "238475322737a12a395d165ded9d164bf3" },
	{ 10, "3414b80a7304f122",
	    "8877ec373c75bfb45492761f059dba84120bdbd5"
	    "23a8b58c157df0a82d" },
	{ 11, "0443ebfb29c17daf",
	    "4aad337b67a06d0751c287da4a88c1f208a6296d"
	    "2fce9b5b6891e6ed22" },
	{ 31, "86f43ff1a9d0e11116c72c7fad83a55f",
	    "4aad337b67a06d0751c287da4a88c1f208a6296d"
	    "2f7cfad2139d0d2a093b0ab92b6d7da9d0" },
	{ 1, "4dcb395f19a71f923be157014adb6d05",
	    "5f451cac0b32d9c7e5cb263f8e55129e2511dc4b"
	    "2cb2ece4fe48b03d93810f5d3da9017c30" },
	{ 2, "b674e7bed46c8b23bdf21c7874a91d11",
	    "4060291cf72e78c28461e09c2d417c0ce19763ba"
	    "f5c24c4603aac4472c67212733f7e89e8a" },
	{ 3, "009e517b9fffcec9dfab5e70e6e13e1d",
	    "84d5db454045a774a4b67216eb167c3d10aa377c"
	    "86ae743d28e89b95906bddaf3124e01d89" },
	{ 24, "876808adb9836e7015db0b06cec9a49f",
	    "9e3809e71433ce7631bd9320cb9d02abdda00638"
	    "7576a1f5d7ad1c460d478da24874767ddd" }
};

#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

static const uint8_t aad_bytes[] = { 0xa2, 1, 1, 2, 0x0e };
#define AAD bytes_of(aad_bytes, sizeof(aad_bytes))

static uint8_t key_bytes[33], iv_bytes[14];

/* Key and iv of the known answers, as long as alg wants them. */
static struct bytes
key_of(int64_t alg)
{
	size_t i;

	for (i = 0; i < sizeof(key_bytes); i++)
		key_bytes[i] = (uint8_t)i;
	return bytes_of(key_bytes, aead_of(alg)->key);
}

static struct bytes
iv_of(int64_t alg)
{
	size_t i;

	for (i = 0; i < sizeof(iv_bytes); i++)
		iv_bytes[i] = (uint8_t)(0x40 + i);
	return bytes_of(iv_bytes, aead_of(alg)->iv);
}

static int
setup(void **state)
{
	*state = test_ctx(NULL);
	return 0;
}

static int
teardown(void **state)
{
	fluffy_ctx *ctx = *state;

	fluffy_ctx_free(&ctx);
	return 0;
}

static void
every_algorithm_has_an_answer(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(N_ANSWERS, N_AEADS);
	for (i = 0; i < N_ANSWERS; i++)
		assert_non_null(aead_of(answers[i].alg));
	assert_null(aead_of(0));
	assert_null(aead_of(-7));
	assert_null(aead_of(-25));
	assert_null(aead_of(12));
}

static void
known_answers_are_sealed(void **state)
{
	uint8_t out[64], expected[64];
	fluffy_ctx *ctx = *state;
	struct bytes want;
	size_t i;

	for (i = 0; i < N_ANSWERS; i++) {
		int64_t alg = answers[i].alg;

		want = unhex(answers[i].sealed, expected, sizeof(expected));
		assert_int_equal(want.n, PLAIN.n + aead_of(alg)->tag);
		must(ctx, cose_encrypt(ctx, alg, key_of(alg), iv_of(alg), AAD,
		    PLAIN, out));
		assert_bytes(bytes_of(out, want.n), want);
		want = unhex(answers[i].empty, expected, sizeof(expected));
		assert_int_equal(want.n, aead_of(alg)->tag);
		must(ctx, cose_encrypt(ctx, alg, key_of(alg), iv_of(alg), AAD,
		    bytes_of(NULL, 0), out));
		assert_bytes(bytes_of(out, want.n), want);
	}
}

static void
known_answers_are_opened(void **state)
{
	uint8_t out[64], raw[64];
	fluffy_ctx *ctx = *state;
	size_t i;

	for (i = 0; i < N_ANSWERS; i++) {
		int64_t alg = answers[i].alg;

		must(ctx, cose_decrypt(ctx, alg, key_of(alg), iv_of(alg), AAD,
		    unhex(answers[i].sealed, raw, sizeof(raw)), out));
		assert_bytes(bytes_of(out, PLAIN.n), PLAIN);
		must(ctx, cose_decrypt(ctx, alg, key_of(alg), iv_of(alg), AAD,
		    unhex(answers[i].empty, raw, sizeof(raw)), out));
	}
}

/* RFC 9052, C.4.1; its key is the COSE working group's "our-secret2". */
static void
the_example_of_rfc_9052_opens(void **state)
{
	uint8_t key[16], iv[13], sealed[64], out[64];
	fluffy_ctx *ctx = *state;

	must(ctx, cose_decrypt(ctx, 10,
	    unhex("849b5786457c1491be3a76dcea6c4271", key, sizeof(key)),
	    unhex("89f52f65a1c580933b5261a78c", iv, sizeof(iv)),
	    bytes_of(NULL, 0),
	    unhex("5974e1b99a3a4cc09a659aa2e9e7fff161d38ce71cb45ce460ffb569",
	    sealed, sizeof(sealed)), out));
	assert_bytes(bytes_of(out, 20), BYTES("This is the content."));
}

/* Bug class 7: for CCM an empty text is verified by another call. */
static void
an_empty_text_with_a_wrong_tag_is_refused(void **state)
{
	uint8_t out[64], raw[64];
	fluffy_ctx *ctx = *state;
	struct bytes sealed;
	size_t i, bit;

	for (i = 0; i < N_ANSWERS; i++) {
		int64_t alg = answers[i].alg;

		sealed = unhex(answers[i].empty, raw, sizeof(raw));
		for (bit = 0; bit < sealed.n * 8; bit++) {
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(cose_decrypt(ctx, alg, key_of(alg),
			    iv_of(alg), AAD, sealed, out),
			    FLUFFY_E_AUTH_FAILED);
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* And nothing of the plaintext is left behind. */
static void
every_flipped_bit_is_refused(void **state)
{
	uint8_t out[64], raw[64], zero[64] = { 0 };
	fluffy_ctx *ctx = *state;
	struct bytes sealed;
	size_t i, bit;

	for (i = 0; i < N_ANSWERS; i++) {
		int64_t alg = answers[i].alg;

		sealed = unhex(answers[i].sealed, raw, sizeof(raw));
		for (bit = 0; bit < sealed.n * 8; bit++) {
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
			memset(out, 0, sizeof(out));
			assert_int_equal(cose_decrypt(ctx, alg, key_of(alg),
			    iv_of(alg), AAD, sealed, out),
			    FLUFFY_E_AUTH_FAILED);
			assert_memory_equal(out, zero, sizeof(out));
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		must(ctx, cose_decrypt(ctx, alg, key_of(alg), iv_of(alg), AAD,
		    sealed, out));
	}
}

static void
another_key_iv_aad_or_algorithm_is_refused(void **state)
{
	uint8_t out[64], raw[64], aad[sizeof(aad_bytes)];
	fluffy_ctx *ctx = *state;
	struct bytes sealed, key, iv;
	size_t i, bit;

	memcpy(aad, aad_bytes, sizeof(aad));
	for (i = 0; i < N_ANSWERS; i++) {
		int64_t alg = answers[i].alg;

		sealed = unhex(answers[i].sealed, raw, sizeof(raw));
		key = key_of(alg);
		iv = iv_of(alg);
		for (bit = 0; bit < key.n * 8; bit++) {
			key_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(cose_decrypt(ctx, alg, key, iv, AAD,
			    sealed, out), FLUFFY_E_AUTH_FAILED);
			key_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (bit = 0; bit < iv.n * 8; bit++) {
			iv_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(cose_decrypt(ctx, alg, key, iv, AAD,
			    sealed, out), FLUFFY_E_AUTH_FAILED);
			iv_bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (bit = 0; bit < sizeof(aad) * 8; bit++) {
			aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(cose_decrypt(ctx, alg, key, iv,
			    bytes_of(aad, sizeof(aad)), sealed, out),
			    FLUFFY_E_AUTH_FAILED);
			aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	/* the protected header is authenticated: 30 and 10 share key and iv */
	sealed = unhex(answers[0].sealed, raw, sizeof(raw));
	assert_int_equal(cose_decrypt(ctx, 10, key_of(10), iv_of(10), AAD,
	    sealed, out), FLUFFY_E_AUTH_FAILED);
}

static void
cut_off_seals_are_refused(void **state)
{
	uint8_t out[64], raw[64];
	fluffy_ctx *ctx = *state;
	struct bytes sealed;
	size_t i, n;

	for (i = 0; i < N_ANSWERS; i++) {
		int64_t alg = answers[i].alg;

		sealed = unhex(answers[i].sealed, raw, sizeof(raw));
		for (n = 0; n < sealed.n; n++)
			assert_int_equal(cose_decrypt(ctx, alg, key_of(alg),
			    iv_of(alg), AAD, bytes_of(raw, n), out),
			    FLUFFY_E_AUTH_FAILED);
	}
}

static void
keys_and_ivs_of_another_length_are_refused(void **state)
{
	uint8_t out[64];
	fluffy_ctx *ctx = *state;
	size_t i, n;

	for (i = 0; i < N_ANSWERS; i++) {
		int64_t alg = answers[i].alg;
		struct bytes key = key_of(alg), iv = iv_of(alg);

		for (n = 0; n <= 33; n++)
			if (n != key.n)
				assert_int_equal(cose_encrypt(ctx, alg,
				    bytes_of(key.p, n), iv, AAD, PLAIN, out),
				    FLUFFY_E_INTERNAL);
		for (n = 0; n <= 14; n++)
			if (n != iv.n)
				assert_int_equal(cose_encrypt(ctx, alg, key,
				    bytes_of(iv.p, n), AAD, PLAIN, out),
				    FLUFFY_E_INTERNAL);
	}
	assert_int_equal(cose_encrypt(ctx, 99, key_of(30), iv_of(30), AAD,
	    PLAIN, out), FLUFFY_E_INTERNAL);
}

/* Contexts are reused: one algorithm after another, long after short. */
static void
large_texts_and_aads_come_back(void **state)
{
	size_t n = 60000, i, k;
	uint8_t *plain = malloc(n), *sealed = malloc(n + 16);
	uint8_t *out = malloc(n);
	fluffy_ctx *ctx = *state;

	for (i = 0; i < n; i++)
		plain[i] = (uint8_t)(i * 7);
	for (k = 0; k < 2 * N_ANSWERS; k++) {
		int64_t alg = answers[k % N_ANSWERS].alg;
		size_t len = k % 3 == 0 ? 1 : n;

		must(ctx, cose_encrypt(ctx, alg, key_of(alg), iv_of(alg),
		    bytes_of(plain, n), bytes_of(plain, len), sealed));
		must(ctx, cose_decrypt(ctx, alg, key_of(alg), iv_of(alg),
		    bytes_of(plain, n),
		    bytes_of(sealed, len + aead_of(alg)->tag), out));
		assert_memory_equal(out, plain, len);
	}
	free(plain);
	free(sealed);
	free(out);
}

/* ---- protected headers --------------------------------------------------- */

static void
protected_headers_are_one_encoding(void **state)
{
	static const struct {
		int64_t alg;
		const char *hex;
	} good[] = {
		{ 10, "a1010a" }, { 1, "a10101" }, { 0, "a10100" },
		{ 24, "a1011818" }, { 30, "a101181e" }, { -7, "a10126" },
		{ -25, "a1013818" }, { 256, "a101190100" },
		{ MAX_SAFE, "a1011b001fffffffffffff" },
		{ -MAX_SAFE, "a1013b001ffffffffffffe" }
	};
	/* longer heads, more members, other values, other labels */
	static const char *const bad[] = {
		"", "a0", "a101", "a1010a00", "a101180a", "a1011900 1e",
		"a10118", "bf010aff", "a2010a0101", "a1020a", "a1 0141 0a",
		"a101613a", "a101f6", "a101f90000", "a1011b0020000000000000",
		"a1013b001fffffffffffff", "a1011bffffffffffffffff", "b801010a",
		"a118010a", "a1010aff", "80", "a10180", "a101c10a",
		"a101a0", "a10120ff", "a1011b0000000000000000 0a"
	};
	uint8_t raw[16], again[PROTECTED_MAX];
	size_t i;
	int64_t alg;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct bytes want = unhex(good[i].hex, raw, sizeof(raw));

		assert_true(cbor_protected_alg(want, &alg));
		assert_true(alg == good[i].alg);
		assert_bytes(bytes_of(again, cbor_protected(again, alg)),
		    want);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cbor_protected_alg(unhex(bad[i], raw, sizeof(raw)),
		    &alg)) {
			print_error("\"%s\" was taken\n", bad[i]);
			fail();
		}
}

/* Cut off anywhere, at the end of what may be read (bug class 5). */
static void
protected_headers_are_read_to_their_end(void **state)
{
	static const uint8_t header[] = { 0xa1, 1, 0x3b, 0, 0x1f, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xfe };
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n;
	uint8_t *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *end = p + page;
	int64_t alg;

	(void)state;
	assert_true(p != MAP_FAILED);
	assert_int_equal(mprotect(end, page, PROT_NONE), 0);
	for (n = 0; n <= sizeof(header); n++) {
		memcpy(end - n, header, n);
		assert_int_equal(cbor_protected_alg(bytes_of(end - n, n),
		    &alg), n == sizeof(header));
	}
	assert_int_equal(munmap(p, 2 * page), 0);
}

/* ---- HKDF and cksum ------------------------------------------------------ */

/* RFC 5869, appendix A; no info there has a NUL. */
static void
hkdf_of_rfc_5869(void **state)
{
	static const struct {
		const char *ikm, *salt, *info, *okm;
	} cases[] = { {
		"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		"000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5"
		"bf34007208d5b887185865"
	}, {
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
		"1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d"
		"3e3f404142434445464748494a4b4c4d4e4f",
		"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e"
		"7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d"
		"9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
		"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdce"
		"cfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebeced"
		"eeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa9"
		"7c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3"
		"db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
	}, {
		"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d"
		"2d9d201395faa4b61a96c8"
	} };
	uint8_t ikm[100], salt[100], info[100], okm[100], out[100];
	fluffy_ctx *ctx = *state;
	struct bytes want, text;
	size_t i;

	for (i = 0; i < 3; i++) {
		want = unhex(cases[i].okm, okm, sizeof(okm));
		text = unhex(cases[i].info, info, sizeof(info) - 1);
		info[text.n] = '\0';
		must(ctx, hkdf_sha256(ctx, unhex(cases[i].ikm, ikm,
		    sizeof(ikm)), unhex(cases[i].salt, salt, sizeof(salt)),
		    (const char *)info, out, want.n));
		assert_bytes(bytes_of(out, want.n), want);
	}
}

/* Likewise computed with python3-cryptography. */
static void
known_cksums(void **state)
{
	uint8_t out[CKSUM_SIZE], want[CKSUM_SIZE];
	fluffy_ctx *ctx = *state;

	must(ctx, cose_cksum(ctx, key_of(30), AAD, out));
	assert_bytes(bytes_of(out, 8), unhex("e000135352080634", want, 8));
	must(ctx, cose_cksum(ctx, key_of(31), AAD, out));
	assert_bytes(bytes_of(out, 8), unhex("289f94481389a4c4", want, 8));
	must(ctx, cose_cksum(ctx, key_of(31), bytes_of(aad_bytes, 4), out));
	assert_memory_not_equal(out, want, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm_has_an_answer),
		cmocka_unit_test(known_answers_are_sealed),
		cmocka_unit_test(known_answers_are_opened),
		cmocka_unit_test(the_example_of_rfc_9052_opens),
		cmocka_unit_test(an_empty_text_with_a_wrong_tag_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(another_key_iv_aad_or_algorithm_is_refused),
		cmocka_unit_test(cut_off_seals_are_refused),
		cmocka_unit_test(keys_and_ivs_of_another_length_are_refused),
		cmocka_unit_test(large_texts_and_aads_come_back),
		cmocka_unit_test(protected_headers_are_one_encoding),
		cmocka_unit_test(protected_headers_are_read_to_their_end),
		cmocka_unit_test(hkdf_of_rfc_5869),
		cmocka_unit_test(known_cksums),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* test_derived.c - nonces, derived keys and MacCerts */
#include "testing.h"

#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "derived.h"
#include "maccert.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static fluffy_ctx *ctx;

static int
setup(void **state)
{
	(void)state;
	ctx = test_ctx(NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fluffy_ctx_free(&ctx);
	return 0;
}

/* 00 01 02 ... */
static struct symm
counting_key(uint8_t n)
{
	struct symm key = { .n = n };

	for (uint8_t i = 0; i < n; i++)
		key.b[i] = i;
	return key;
}

/* ---- nonces ----------------------------------------------------------- */

#define SIXTY "012345678901234567890123456789012345678901234567890123456789"

static void
nonces_are_split(void **state)
{
	static const struct {
		const char *text, *ta, *client;
		uint32_t number;
	} good[] = {
		{ "DK.TA.C.1", "TA", "C", 1 },
		{ "DK.TA.C.4294967295", "TA", "C", UINT32_MAX },
		{ "DK.a.b.c.d.17", "a", "b.c.d", 17 },
		{ "DK.a...9", "a", ".", 9 },
		{ "DK.DK.DK.DK.10", "DK", "DK.DK", 10 },
		{ "DK.TA.1.2", "TA", "1", 2 },
		{ "DK.\xc3\xa4.\xe2\x82\xac.5", "\xc3\xa4", "\xe2\x82\xac",
		    5 },
		{ "DK. . .3", " ", " ", 3 },
		/* the longest */
		{ "DK.T." SIXTY SIXTY ".12", "T", SIXTY SIXTY, 12 },
		{ "DK." SIXTY SIXTY ".C.12", SIXTY SIXTY, "C", 12 }
	};
	char text[NONCE_TEXT_MAX + 1];
	struct nonce nonce;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_null(nonce_read(bytes_str(good[i].text), &nonce));
		assert_bytes(nonce.ta, bytes_str(good[i].ta));
		assert_bytes(nonce.client, bytes_str(good[i].client));
		assert_int_equal(nonce.number, good[i].number);
		assert_true(nonce_write(&nonce, text));
		assert_string_equal(text, good[i].text);
	}
}

#define LONG	"expected 1 to 128 bytes of UTF-8"
#define FORM	"expected \"DK.\", a trust anchor, \".\", a client, \".\" " \
    "and a number"
#define ANCHOR	"the trust anchor has no valid name"
#define CLIENT	"the client has no valid name"
#define NUMBER	"expected a number from 1 to 4294967295 in shortest decimal"

static void
other_nonces_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", LONG },
		{ "DK.T." SIXTY SIXTY ".123", LONG },
		{ "DK.TA.C\xff.1", LONG }, { "DK.TA.C\xc0\x80.1", LONG },
		{ "DK.TA.C\xed\xa0\x80.1", LONG }, { "DK.TA.C.1\xc3", LONG },
		{ "D", FORM }, { "DK", FORM }, { "DK.", FORM },
		{ "DK.TA", FORM }, { "DK.TA.1", FORM }, { "DK.1", FORM },
		{ "dk.TA.C.1", FORM }, { "DKXTA.C.1", FORM },
		{ " DK.TA.C.1", FORM }, { "TA.C.1", FORM },
		{ "DK..C.1", ANCHOR }, { "DK...1", ANCHOR },
		{ "DK....1", ANCHOR }, { "DK.T\nA.C.1", ANCHOR },
		{ "DK.T\xc2\x85.C.1", ANCHOR },
		{ "DK.TA..1", CLIENT }, { "DK.TA.C\x7f.1", CLIENT },
		{ "DK.TA.\tC.1", CLIENT },
		{ "DK.TA.C.", NUMBER }, { "DK.TA.C.0", NUMBER },
		{ "DK.TA.C.01", NUMBER }, { "DK.TA.C.00", NUMBER },
		{ "DK.TA.C.+1", NUMBER }, { "DK.TA.C.-1", NUMBER },
		{ "DK.TA.C.-", NUMBER }, { "DK.TA.C. 1", NUMBER },
		{ "DK.TA.C.1 ", NUMBER }, { "DK.TA.C.1\n", NUMBER },
		{ "DK.TA.C.1x", NUMBER }, { "DK.TA.C.0x1", NUMBER },
		{ "DK.TA.C.4294967296", NUMBER },
		{ "DK.TA.C.18446744073709551617", NUMBER },
		{ "DK.TA.C.\xd9\xa1", NUMBER }
	};
	struct nonce nonce;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *why = nonce_read(bytes_str(bad[i].text), &nonce);

		if (why == NULL)
			print_error("\"%s\"\n", bad[i].text);
		assert_non_null(why);
		assert_string_equal(why, bad[i].why);
	}
	assert_string_equal(nonce_read(BYTES("DK.T\0A.C.1"), &nonce), ANCHOR);
	assert_string_equal(nonce_read(BYTES("DK.TA.C.1\0"), &nonce), NUMBER);
	assert_string_equal(nonce_read(BYTES("DK.TA.\0.1"), &nonce), CLIENT);
}

/* Both names at their limits, and one byte more. */
static void
too_long_a_nonce_isnt_written(void **state)
{
	char text[NONCE_TEXT_MAX + 1];
	struct nonce nonce = { BYTES("T"), BYTES(SIXTY SIXTY), 99 };

	(void)state;
	assert_true(nonce_write(&nonce, text));
	assert_int_equal(strlen(text), NONCE_TEXT_MAX);
	nonce.number = 100;
	assert_false(nonce_write(&nonce, text));
	nonce = (struct nonce){ BYTES(SIXTY SIXTY), BYTES("CC"), 1 };
	assert_true(nonce_write(&nonce, text));
	nonce.client = BYTES("CCC");
	assert_false(nonce_write(&nonce, text));
	nonce = (struct nonce){ BYTES(SIXTY SIXTY SIXTY SIXTY),
		BYTES(SIXTY SIXTY SIXTY SIXTY), UINT32_MAX };
	assert_false(nonce_write(&nonce, text));
}

/* ---- derived keys ----------------------------------------------------- */

/* What `openssl kdf TLS1-PRF` computes. */
static void
oracle(struct bytes secret, struct bytes nonce, uint8_t *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *c = EVP_KDF_CTX_new(kdf);
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
		    digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
		    (void *)(uintptr_t)secret.p, secret.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED,
		    (void *)(uintptr_t)nonce.p, nonce.n),
		OSSL_PARAM_construct_end()
	};

	assert_non_null(c);
	assert_int_equal(EVP_KDF_derive(c, out, n, params), 1);
	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
}

static void
the_known_key(void **state)
{
	static const char whole[] = "08a7b34b3c5ad23650f4c6a0e4ad83c2"
	    "730eb28f36735b5858cc83bb264cbc04";
	struct symm k_rs_ta = counting_key(16), key;
	uint8_t d[32], computed[32];

	(void)state;
	(void)unhex(whole, d, sizeof(d));
	oracle(symm_bytes(&k_rs_ta), BYTES("DK.TA.C.1"), computed, 32);
	assert_memory_equal(computed, d, 32);
	must(ctx, derived_key(ctx, &k_rs_ta, BYTES("DK.TA.C.1"), &key));
	assert_bytes(symm_bytes(&key), bytes_of(d, 16));
	assert_int_equal(key.alg, 0);
}

static void
keys_are_the_prfs(void **state)
{
	struct rng rng = { 11 };
	uint8_t expected[32], nonce[NONCE_TEXT_MAX];
	struct symm k_rs_ta, key;

	(void)state;
	for (size_t i = 1; i <= NONCE_TEXT_MAX; i++) {
		(void)test_random(&rng, nonce, i);
		k_rs_ta = (struct symm){ .n = i % 2 == 0 ? 16 : 32 };
		(void)test_random(&rng, k_rs_ta.b, k_rs_ta.n);
		oracle(symm_bytes(&k_rs_ta), bytes_of(nonce, i), expected,
		    k_rs_ta.n);
		must(ctx, derived_key(ctx, &k_rs_ta, bytes_of(nonce, i),
		    &key));
		assert_bytes(symm_bytes(&key), bytes_of(expected, k_rs_ta.n));
	}
}

static void
keys_differ(void **state)
{
	struct symm k_rs_ta = counting_key(32), a, b;

	(void)state;
	must(ctx, derived_key(ctx, &k_rs_ta, BYTES("DK.TA.C.1"), &a));
	must(ctx, derived_key(ctx, &k_rs_ta, BYTES("DK.TA.C.2"), &b));
	assert_memory_not_equal(a.b, b.b, 32);
	k_rs_ta.b[31] ^= 1;
	must(ctx, derived_key(ctx, &k_rs_ta, BYTES("DK.TA.C.1"), &b));
	assert_memory_not_equal(a.b, b.b, 32);
}

/* ---- MacCerts --------------------------------------------------------- */

/* P-256, RFC 6979, A.2.5. */
static const char spki_hex[] =
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
#define SPKI_SIZE 91

static void
write_cert(const struct symm *key, struct bytes spki, struct bytes ta,
    uint32_t number, struct buffer *b)
{
	struct maccert cert = { .spki = spki, .ta = ta, .number = number };

	*b = BUFFER(1 << 20);
	must(ctx, maccert_write(ctx, key, &cert, b));
}

/* The one of the issue: P-256, TA "TA", number 1. */
static void
write_known(struct buffer *b)
{
	struct symm key = counting_key(16);
	uint8_t spki[SPKI_SIZE];

	write_cert(&key, unhex(spki_hex, spki, sizeof(spki)), BYTES("TA"), 1,
	    b);
}

static void
the_known_maccert(void **state)
{
	struct symm key = counting_key(16);
	uint8_t expected[135], spki[SPKI_SIZE];
	unsigned n = 0;
	struct buffer b;

	(void)state;
	memcpy(expected, "\0\0\x5b", 3);
	(void)unhex(spki_hex, spki, sizeof(spki));
	memcpy(expected + 3, spki, sizeof(spki));
	/* mac_length is 0 while the MAC is computed */
	memcpy(expected + 94, "\2TA\0\0\0\1\3\0", 9);
	assert_non_null(HMAC(EVP_sha256(), key.b, key.n, expected, 103,
	    expected + 103, &n));
	assert_int_equal(n, 32);
	expected[102] = 32;
	write_known(&b);
	assert_bytes(buffer_view(&b), bytes_of(expected, sizeof(expected)));
	buffer_free(&b);
}

static void
what_is_written_is_read(void **state)
{
	static uint8_t large[70000];
	static const struct {
		size_t spki, ta;
		uint32_t number;
	} sizes[] = {
		{ 1, 1, 1 }, { 91, 2, 0x01020304 }, { 91, 255, UINT32_MAX },
		{ 255, 16, 0 }, { 256, 16, 256 }, { 65535, 3, 1 },
		{ 65536, 3, 1 }, { 70000, 255, UINT32_MAX }
	};
	struct rng rng = { 5 };
	struct maccert cert;
	struct buffer b;

	(void)state;
	(void)test_random(&rng, large, sizeof(large));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct symm key = counting_key(i % 2 == 0 ? 16 : 32);

		write_cert(&key, bytes_of(large, sizes[i].spki),
		    bytes_of(large + 1000, sizes[i].ta), sizes[i].number, &b);
		assert_int_equal(b.n, 3 + sizes[i].spki + 1 + sizes[i].ta +
		    4 + 1 + 1 + 32);
		assert_null(maccert_read(buffer_view(&b), &cert));
		assert_bytes(cert.spki, bytes_of(large, sizes[i].spki));
		assert_bytes(cert.ta, bytes_of(large + 1000, sizes[i].ta));
		assert_true(cert.number == sizes[i].number);
		assert_ptr_equal(cert.covered.p, b.p);
		assert_int_equal(cert.covered.n, b.n - 33);
		must(ctx, maccert_check(ctx, &key, &cert));
		buffer_free(&b);
	}
}

/* Behind what is there already. */
static void
certs_are_appended(void **state)
{
	struct maccert cert = { .spki = BYTES("key"), .ta = BYTES("TA"),
		.number = 7 }, read;
	struct symm key = counting_key(32);
	struct buffer b = BUFFER(1000);

	(void)state;
	buffer_adds(&b, "before");
	must(ctx, maccert_write(ctx, &key, &cert, &b));
	assert_null(maccert_read(bytes_of(b.p + 6, b.n - 6), &read));
	must(ctx, maccert_check(ctx, &key, &read));
	buffer_free(&b);
	/* no room for it */
	b = BUFFER(46);
	assert_int_equal(maccert_write(ctx, &key, &cert, &b),
	    FLUFFY_E_MEMORY);
	buffer_free(&b);
}

static void
cut_off_certs_are_refused(void **state)
{
	struct maccert cert;
	struct buffer b;

	(void)state;
	write_known(&b);
	for (size_t n = 0; n < b.n; n++) {
		/* so that a sanitizer sees what reads past the end */
		uint8_t *exact = malloc(n + 1);

		assert_non_null(exact);
		memcpy(exact + 1, b.p, n);
		assert_non_null(maccert_read(bytes_of(exact + 1, n), &cert));
		free(exact);
	}
	buffer_free(&b);
}

static enum fluffy_error
read_and_check(struct bytes data, const struct symm *key)
{
	struct maccert cert;

	if (maccert_read(data, &cert) != NULL)
		return FLUFFY_E_MALFORMED;
	return maccert_check(ctx, key, &cert);
}

static void
every_flipped_bit_is_noticed(void **state)
{
	struct symm key = counting_key(16);
	size_t malformed = 0;
	enum fluffy_error e;
	struct buffer b;

	(void)state;
	write_known(&b);
	must(ctx, read_and_check(buffer_view(&b), &key));
	for (size_t i = 0; i < 8 * b.n; i++) {
		b.p[i / 8] ^= (uint8_t)(1 << i % 8);
		e = read_and_check(buffer_view(&b), &key);
		assert_true(e == FLUFFY_E_MALFORMED ||
		    e == FLUFFY_E_AUTH_FAILED);
		malformed += e == FLUFFY_E_MALFORMED;
		b.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	/* lengths, algorithm and MAC length; some still fit by chance */
	assert_in_range(malformed, 8 * 2, 8 * 6);
	must(ctx, read_and_check(buffer_view(&b), &key));
	buffer_free(&b);
}

static void
another_key_is_noticed(void **state)
{
	struct symm key = counting_key(16), longer = counting_key(32);
	struct buffer b;

	(void)state;
	write_known(&b);
	for (int i = 0; i < 8 * 16; i++) {
		key.b[i / 8] ^= (uint8_t)(1 << i % 8);
		refused_at(ctx, read_and_check(buffer_view(&b), &key),
		    FLUFFY_E_AUTH_FAILED, "");
		key.b[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	refused_at(ctx, read_and_check(buffer_view(&b), &longer),
	    FLUFFY_E_AUTH_FAILED, "");
	buffer_free(&b);
}

/* A MAC of 32 bytes of zeros, unless the hex says otherwise. */
#define Z16 "00000000000000000000000000000000"
#define NO_KEY	"the public key is empty or cut off"
#define NO_TA	"the trust anchor's name is empty or cut off"
#define NO_SEQ	"the sequence number is cut off"
#define NO_ALG	"expected the MAC algorithm hmac_sha256"
#define LENGTH	"expected a MAC of 32 bytes"
#define CUT	"the MAC is cut off"
#define BEHIND	"there is something behind the MAC"

static void
other_structures_are_refused(void **state)
{
	static const struct {
		const char *hex, *why;
	} all[] = {
		{ "000001 aa 01 54 00000000 03 20" Z16 Z16, NULL },
		{ "", NO_KEY }, { "0000", NO_KEY }, { "000000", NO_KEY },
		{ "000000 01 54 00000001 03 20" Z16 Z16, NO_KEY },
		{ "ffffff aa 01 54 00000001 03 20" Z16 Z16, NO_KEY },
		{ "000001", NO_KEY },
		{ "000001 aa", NO_TA }, { "000001 aa 01", NO_TA },
		{ "000001 aa 00 00000001 03 20" Z16 Z16, NO_TA },
		{ "000001 aa ff 54 00000001 03 20" Z16 Z16, NO_TA },
		{ "000001 aa 01 54", NO_SEQ },
		{ "000001 aa 01 54 000000", NO_SEQ },
		{ "000001 aa 01 54 00000001", NO_ALG },
		/* null, hmac_md5, hmac_sha1, hmac_sha384, hmac_sha512 */
		{ "000001 aa 01 54 00000001 00 20" Z16 Z16, NO_ALG },
		{ "000001 aa 01 54 00000001 01 20" Z16 Z16, NO_ALG },
		{ "000001 aa 01 54 00000001 02 20" Z16 Z16, NO_ALG },
		{ "000001 aa 01 54 00000001 04 20" Z16 Z16, NO_ALG },
		{ "000001 aa 01 54 00000001 05 20" Z16 Z16, NO_ALG },
		{ "000001 aa 01 54 00000001 ff 20" Z16 Z16, NO_ALG },
		{ "000001 aa 01 54 00000001 03", LENGTH },
		{ "000001 aa 01 54 00000001 03 00", LENGTH },
		{ "000001 aa 01 54 00000001 03 01 00", LENGTH },
		{ "000001 aa 01 54 00000001 03 10" Z16, LENGTH },
		{ "000001 aa 01 54 00000001 03 1f" Z16 Z16, LENGTH },
		{ "000001 aa 01 54 00000001 03 21" Z16 Z16 "00", LENGTH },
		{ "000001 aa 01 54 00000001 03 20", CUT },
		{ "000001 aa 01 54 00000001 03 20" Z16, CUT },
		{ "000001 aa 01 54 00000001 03 20" Z16 Z16 "00", BEHIND }
	};
	uint8_t raw[100];
	struct maccert cert;

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		const char *why = maccert_read(unhex(all[i].hex, raw,
		    sizeof(raw)), &cert);

		if ((why == NULL) != (all[i].why == NULL))
			print_error("%s\n", all[i].hex);
		assert_int_equal(why == NULL, all[i].why == NULL);
		if (why != NULL)
			assert_string_equal(why, all[i].why);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(nonces_are_split),
		T(other_nonces_are_refused),
		T(too_long_a_nonce_isnt_written),
		T(the_known_key),
		T(keys_are_the_prfs),
		T(keys_differ),
		T(the_known_maccert),
		T(what_is_written_is_read),
		T(certs_are_appended),
		T(cut_off_certs_are_refused),
		T(every_flipped_bit_is_noticed),
		T(another_key_is_noticed),
		T(other_structures_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_pkey.c - public keys, signatures and certificates */
#include "testing.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include "cbor.h"
#include "cert.h"
#include "cose.h"
#include "decode.h"
#include "exchange.h"
#include "json.h"
#include "keys.h"

#define CONTENT BYTES("This is the content.")

static fluffy_ctx *ctx;
static struct arena arena;

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
	arena_free(&arena);
	fluffy_ctx_free(&ctx);
	return 0;
}

static void
refused(enum fluffy_error e, enum fluffy_error code)
{
	if (e != code)
		print_error("%s: %s\n", fluffy_error_name(e),
		    fluffy_why(ctx).text);
	assert_int_equal(e, code);
	assert_int_equal(fluffy_why(ctx).code, code);
}

/* ---- known keys ------------------------------------------------------ */

/* RFC 8032, section 7.1, test 2. */
static const struct known ed25519 = { KTY_OKP, -8, {
	"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
} };
/* RFC 7748, section 6.1: Bob's. */
static const struct known x25519 = { KTY_OKP, -25, {
	"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
} };
/* RFC 6979, A.2.5 to A.2.7. */
static const struct known p256 = { KTY_EC, -7, {
	"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
	"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
	"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
} };
static const struct known p384 = { KTY_EC, -35, {
	"ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
	"def8f0ea9055866064a254515480bc13",
	"8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1"
	"288b231c3ae0d4fe7344fd2533264720",
	"6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
	"96d5724e4c70a825f872c9ea60d2edf5"
} };
static const struct known p521 = { KTY_EC, -36, {
	"01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd"
	"371123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f50"
	"23a4",
	"00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a"
	"28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfd"
	"fcf5",
	"00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75"
	"caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b8"
	"3538"
} };
/* RFC 9052, C.2.1, signs with the COSE working group's key "11". */
static const struct known p256_11 = { KTY_EC, -7, {
	"bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff",
	"20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e",
	"57c92077664146e876760c9520d054aa93c3afb04e306705db6090308507b4d3"
} };
static const struct known ecdh = { KTY_EC, -25, {
	"bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff",
	"20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e",
	"57c92077664146e876760c9520d054aa93c3afb04e306705db6090308507b4d3"
} };
/* Made and used with python3-cryptography. */
static const struct known rsa = { KTY_RSA, -37, {
	"e00f71b8139f19737262f3c0146d1fb681a0aa541ae5e73db3aba1dc05b1f0bd"
	"28655ea047cf1830714b22e2b92a4f54cb3994c166e476199649be98b4f1fcea"
	"1e6499c8f549e37d765cc2f506e6970dd4b508e8560167fa59eb0091d5443359"
	"e952f1aaea922d052131c3ed22811f661e0106f0435fb187c407f43b18918b77"
	"a206d293a44e049e47abcfe15d0e39ed2cb8df8a76e14ae22aa92d1d05aefb42"
	"b22f55b8475a2a775a234f95394b1c20a72cc56c8293546ab9f80e1f351ca096"
	"a55300eeb6476daeb254f3e48ae502dfe0fec5382880f65e5f23a26e91240e0a"
	"5da7e0e8fca2834a94822bc33d272afb17ec7a41e3ce320f1bbdcb6827afc8c5",
	"010001",
	"0936815bcb0cbff0680beb0f6317a095f1cb102de0a442e79dd76912a1b6511a"
	"8a0a6f0362a8808b5f61324845ca5854397dfee09bf1396cf069cc593d9974a7"
	"90c3dcb1ef6a101d54cc5824d8998b2d01a9c6f9bcad969fabea568de889c31d"
	"c79306465b9a5299132617730cf7e7b95c72f8dcd0bc62d19d0d21acfb63e2aa"
	"df2c9f5ceee81287c36994bee0e7fc4a86d8d47eab5beb9529a71641c4e307a5"
	"f3e5d2fd337feeff73f8ac8ca8ee8e720ee255a526ae6d48c5f4dd8e01ac75d4"
	"9360bd2161197f6832aae16263233abc069e6aa812077c2e5eae5ba9c4f50c60"
	"25c4c4e9b7fd3708aba52abedd13e736213d845a2c086fa839718b403cc382a9",
	"f833e33d22452bd92a69082c2d31adf08c03b8472cbeb50fd920ac01feeea40f"
	"34a6c81fad2819591349c3056c5f64df9349a211b7262e25037e480831349db1"
	"8f80dd9647c5c1d90da8255a17c03c28136b0f12098edeb1496c2f4e3d1d2950"
	"84de33e296af29495c166c3a3d0a2a4df9d148efcc0d65f0df8f15e7be64f11d",
	"e71965b3b97147ef5eeb9a5f81b76e46496aaa3e56f9ab732772ce361c806711"
	"556ad439d14e6694c491d28b6ea921ffc2081713cc8902e9d95ff4e3ab893fb7"
	"03b18d6cc9871bfc96038f69758803f1d6832ddf90ea85211db8efdf5038739c"
	"43b7ba3b27f229727771dcbe9ee746d48c07cdd08025b75e8436d01f4bf00dc9",
	"432c7fdec6cca3be659d018a3b3d0bcf63858a353125f808ef01c9abcc9c37a8"
	"a9de4da14d12e2315a6807310b9091d374a0640d995ceaf63788d0e3eeb547cc"
	"8b831bf5953d2f66982c9ed7504045c7aee1b5b57302c8c080979801fbc64dad"
	"2e18994044f9e919a2a3aaece422412ad366d1ef9c712fdace16829e32c84cfd",
	"9bd6b29069c30c414cff0fd0cbc688647969a677f76ad1c50b9b0d97cbcc82b4"
	"5ba77889acad73db6a5af361f733b2aba78a911556de25cad03d3704b84e0b5b"
	"3cf0647031ce1c7f4e220479973a2b7ecfab122a2aad1b2d63bfac7228c488a1"
	"9dc0ada2eaa31074123c0421bf4232af6de66d51e6b88859024b7c393e9a1891",
	"0c7c1d50a4f40b121d355d77c5afd4fb5d945c32e7bb39af70195f8c61fe1007"
	"7a8257c677c2d45edb88645803fcc95285d19890d6480e6a4d5c139f4a95214b"
	"6ce87a7ea38d2f8efcda7c70093d724853c1fd3d321e68a4ab5cf4f9b67f74ae"
	"1119be08e34d6d6810e748d5f6702ed5fb22f348d18d4b68228a6c74b9342567"
} };

static const struct known *const all_known[] = { &p256, &p384, &p521, &ecdh,
	&ed25519, &x25519, &rsa };
#define N_KNOWN (sizeof(all_known) / sizeof(all_known[0]))

static const struct answer {
	const struct known *key;
	const char *message, *signature;
} answers[] = {
	{ &ed25519, "r",
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
	},
	{ &p256, "sample",
	    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
	},
	{ &p384, "sample",
	    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
	    "81a648152e44acf96e36dd1e80fabe46"
	    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
	    "a329c145786e679e7b82c71a38628ac8" },
	{ &p521, "sample",
	    "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f"
	    "174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e3"
	    "77fa"
	    "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af"
	    "282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4"
	    "a67a" },
	{ &rsa, "This is the content.",
	    "416f39be023afd22ef0d9b7535585011c75e4cff5612198fa7af8f36b2dfe47e"
	    "3722ff55c6452a0307eab8614ce66088c525b9db2b4e5824286f71ca17ac9a4f"
	    "ee71552a58b11dc0502e55f9e8aa721422fbf429cd932c3ffc7d3c7e62cd8e87"
	    "66d21acc588dbcc42005f6bf6c1e192a90036993c1c5f9bf9060ce68e6591cfa"
	    "cdd69e48133447d68ca6aabe23c00ae3857133d9a5e6a050c6ed17c87a331178"
	    "be28cddff0fc17d47977ed861ac6d481f794e12893b51efec60263c8bba0e473"
	    "91de05957a15e37abbdb78af2c17ef3bc222a8c1b27729bc54035013a6a7bddf"
	    "be8d8a5b7f42b8f2619907b7b2bb13aa1b72ee55955981fc44ade50805a1e4ec"
	}
};
#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* Writable. */
static uint8_t *
bits(struct bytes b)
{
	return (uint8_t *)(uintptr_t)b.p;
}

/* ---- generating ------------------------------------------------------ */

static void
seven_pairs_are_known(void **state)
{
	const struct words *ktys = registry_words(R_KTY);
	const struct words *algs = registry_words(R_ALG);
	size_t i, j, n = 0;

	(void)state;
	for (i = 0; i < ktys->n; i++)
		for (j = 0; j < algs->n; j++)
			n += pkey_known(ktys->v[i].number, algs->v[j].number);
	assert_int_equal(n, 7);
	for (i = 0; i < N_KNOWN; i++) {
		assert_true(pkey_known(all_known[i]->kty, all_known[i]->alg));
		assert_int_equal(pkey_signs(all_known[i]->alg),
		    all_known[i]->alg != -25);
	}
	assert_false(pkey_known(KTY_SYMM, 30));
	assert_false(pkey_known(KTY_EC, -8));
	assert_false(pkey_known(KTY_RSA, -7));
	assert_false(pkey_known(0, 0));
}

/* Section 5: issued keyops and pkuse. */
static void
expect_issued(const struct keydata *k, bool pair)
{
	bool sign = pkey_signs(k->alg);

	assert_int_equal(pkey_is_pair(k), pair);
	assert_int_equal(k->pkuse, sign ? 0 : 1);
	assert_int_equal(k->keyops.n, sign ? 1 : pair ? 2 : 0);
	if (sign)
		assert_int_equal(k->keyops.v[0], pair ? 1 : 2);
	else if (pair)
		assert_true(k->keyops.v[0] == 7 && k->keyops.v[1] == 8);
	assert_bytes(k->keyid, BYTES("12345678"));
	must(ctx, pkey_check(ctx, k));
}

/* The CBOR is read back, and gives the same. */
static struct keydata *
through_cbor(const struct keydata *k, bool pair)
{
	struct buffer first = BUFFER(FLUFFY_MAX_EMITTED);
	struct buffer second = BUFFER(FLUFFY_MAX_EMITTED);
	void *map;

	cbor_put_struct(&first, k, SKIP_NONE);
	must(ctx, decode_struct(ctx, &arena, buffer_view(&first),
	    pair ? &keydata_pair : &keydata_public, NULL, &map));
	cbor_put_struct(&second, map, SKIP_NONE);
	assert_bytes(buffer_view(&first), buffer_view(&second));
	buffer_free(&first);
	buffer_free(&second);
	return map;
}

static void
generated_pairs_are_good(void **state)
{
	struct keydata *pair, *public, *other;
	struct bytes signature;
	size_t i;

	(void)state;
	for (i = 0; i < N_KNOWN; i++) {
		must(ctx, pkey_generate(ctx, &arena, all_known[i]->kty,
		    all_known[i]->alg, BYTES("12345678"), &pair));
		must(ctx, pkey_public(ctx, &arena, pair, &public));
		expect_issued(pair, true);
		expect_issued(public, false);
		pair = through_cbor(pair, true);
		public = through_cbor(public, false);
		expect_issued(pair, true);
		expect_issued(public, false);
		if (!pkey_signs(pair->alg))
			continue;
		must(ctx, pkey_sign(ctx, &arena, pair, CONTENT, &signature));
		must(ctx, pkey_verify(ctx, public, CONTENT, signature));
		must(ctx, pkey_verify(ctx, pair, CONTENT, signature));
		refused(pkey_verify(ctx, public, BYTES("this"), signature),
		    FLUFFY_E_AUTH_FAILED);
		other = known_key(&arena, all_known[i], false);
		refused(pkey_verify(ctx, other, CONTENT, signature),
		    FLUFFY_E_AUTH_FAILED);
	}
}

static void
issued_rsa_has_3072_bits(void **state)
{
	struct keydata *pair;

	(void)state;
	must(ctx, pkey_generate(ctx, &arena, KTY_RSA, -37, BYTES("12345678"),
	    &pair));
	assert_int_equal(pair->pkey->n.n, 384);
	assert_true(pair->pkey->n.p[0] >= 0x80);
	assert_bytes(pair->pkey->e, BYTES("\1\0\1"));
}

static void
what_is_no_pair_isnt_generated(void **state)
{
	struct keydata *pair;

	(void)state;
	refused(pkey_generate(ctx, &arena, KTY_EC, -8, BYTES("12345678"),
	    &pair), FLUFFY_E_BAD_ETYPE);
	assert_null(pair);
	refused(pkey_generate(ctx, &arena, KTY_SYMM, 30, BYTES("12345678"),
	    &pair), FLUFFY_E_BAD_ETYPE);
}

/* No private parameter, but the certificates. */
static void
public_halves_are_public(void **state)
{
	struct bytes_list certs = { .n = 0 };
	struct keydata *pair, *public;
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	EVP_PKEY *evp;
	size_t i;

	(void)state;
	for (i = 0; i < N_KNOWN; i++) {
		pair = known_key(&arena, all_known[i], true);
		must(ctx, pkey_public(ctx, &arena, pair, &public));
		json_put_struct(&b, public, JSON_PLAIN);
		buffer_addc(&b, '\0');
		assert_null(strstr((char *)b.p, "\"d\":"));
		assert_null(strstr((char *)b.p, "\"p\":"));
		b.n = 0;
	}
	buffer_free(&b);
	refused(pkey_public(ctx, &arena, public, &public),
	    FLUFFY_E_INTERNAL);
	pair = known_key(&arena, &p256, true);
	must(ctx, pkey_load(ctx, pair, &evp));
	certs.v[certs.n++] = certificate(&arena, evp, evp, "20270101000000Z");
	certs.v[certs.n++] = certificate(&arena, evp, evp, "20280101000000Z");
	must(ctx, cert_put(ctx, &arena, pair, &certs));
	pair->x5u = BYTES("http://ca/");
	SET(pair, L_x5u);
	must(ctx, pkey_public(ctx, &arena, pair, &public));
	assert_int_equal(public->x5c.n, 2);
	assert_bytes(public->x5c.v[1], certs.v[1]);
	assert_bytes(public->x5u, pair->x5u);
	assert_bytes(public->x5t, pair->x5t);
	assert_bytes(public->x5t256, pair->x5t256);
	(void)through_cbor(public, false);
	EVP_PKEY_free(evp);
}

/* ---- signatures ------------------------------------------------------ */

static void
known_answers_verify(void **state)
{
	struct keydata *k;
	struct bytes sig;
	size_t i;

	(void)state;
	for (i = 0; i < N_ANSWERS; i++) {
		k = known_key(&arena, answers[i].key, false);
		must(ctx, pkey_verify(ctx, k, bytes_str(answers[i].message),
		    from_hex(&arena, answers[i].signature)));
		must(ctx, pkey_check(ctx, k));
	}
	/* Ed25519 is deterministic */
	k = known_key(&arena, &ed25519, true);
	must(ctx, pkey_sign(ctx, &arena, k, BYTES("r"), &sig));
	assert_bytes(sig, from_hex(&arena, answers[0].signature));
	/* RFC 8032, section 7.1, test 1: nothing is signed */
	k = known_key(&arena, &(struct known){ KTY_OKP, -8, {
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
	} }, false);
	must(ctx, pkey_verify(ctx, k, BYTES(""), from_hex(&arena,
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
	    )));
}

/* RFC 9052, C.2.1: its Sig_structure. */
static void
the_sign1_of_rfc_9052_verifies(void **state)
{
	struct keydata *k = known_key(&arena, &p256_11, false);
	struct buffer b = BUFFER(200);

	(void)state;
	cose_put_sig_structure(&b, -7, bytes_of(NULL, 0), CONTENT);
	assert_bytes(buffer_view(&b), from_hex(&arena,
	    "846a5369676e61747572653143a101264054546869732069732074686520636f"
	    "6e74656e742e"));
	must(ctx, pkey_verify(ctx, k, buffer_view(&b), from_hex(&arena,
	    "8eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e"
	    "2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36"
	    )));
	buffer_free(&b);
}

static void
every_flipped_bit_is_refused(void **state)
{
	struct bytes signature, message;
	struct keydata *k;
	size_t i, bit, step;

	(void)state;
	for (i = 0; i < N_ANSWERS; i++) {
		k = known_key(&arena, answers[i].key, false);
		signature = from_hex(&arena, answers[i].signature);
		message = arena_dup(&arena, bytes_str(answers[i].message));
		step = k->kty == KTY_OKP ? 1 : 7;
		for (bit = 0; bit < signature.n * 8; bit += step) {
			bits(signature)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			refused(pkey_verify(ctx, k, message, signature),
			    FLUFFY_E_AUTH_FAILED);
			bits(signature)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (bit = 0; bit < message.n * 8; bit++) {
			bits(message)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			refused(pkey_verify(ctx, k, message, signature),
			    FLUFFY_E_AUTH_FAILED);
			bits(message)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		must(ctx, pkey_verify(ctx, k, message, signature));
	}
}

static void
flipped_keys_are_refused(void **state)
{
	struct bytes signature, message, *x;
	struct keydata *k;
	enum fluffy_error e;
	size_t i, bit;

	(void)state;
	for (i = 0; i < N_ANSWERS; i++) {
		k = known_key(&arena, answers[i].key, false);
		x = param(k, k->kty == KTY_RSA ? -1 : -2);
		signature = from_hex(&arena, answers[i].signature);
		message = bytes_str(answers[i].message);
		for (bit = 0; bit < x->n * 8; bit += 5) {
			bits(*x)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			e = pkey_verify(ctx, k, message, signature);
			/* EC: hardly a point any more */
			assert_true(e == FLUFFY_E_AUTH_FAILED ||
			    (e == FLUFFY_E_MALFORMED && k->kty == KTY_EC));
			bits(*x)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		must(ctx, pkey_verify(ctx, k, message, signature));
	}
}

/* What is longer, shorter or of another encoding is no signature. */
static void
other_lengths_are_refused(void **state)
{
	struct bytes longer, message;
	struct keydata *k;
	size_t i, n;

	(void)state;
	for (i = 0; i < N_ANSWERS; i++) {
		k = known_key(&arena, answers[i].key, false);
		message = bytes_str(answers[i].message);
		longer = bytes_of(arena_alloc(&arena, 600), 600);
		memcpy(bits(longer), from_hex(&arena,
		    answers[i].signature).p, strlen(answers[i].signature) / 2);
		for (n = 0; n <= longer.n; n++)
			if (n != strlen(answers[i].signature) / 2)
				refused(pkey_verify(ctx, k, message,
				    bytes_of(longer.p, n)),
				    FLUFFY_E_AUTH_FAILED);
		refused(pkey_verify(ctx, k, message, bytes_of(NULL, 0)),
		    FLUFFY_E_AUTH_FAILED);
	}
}

/* A zero in front of r and s changes no number, but is another signature. */
static void
padded_and_der_signatures_are_refused(void **state)
{
	struct keydata *k = known_key(&arena, &p256, false);
	struct bytes raw = from_hex(&arena, answers[1].signature);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	uint8_t padded[66] = { 0 }, *der = NULL;
	int n;

	(void)state;
	memcpy(padded + 1, raw.p, 32);
	memcpy(padded + 34, raw.p + 32, 32);
	refused(pkey_verify(ctx, k, BYTES("sample"),
	    bytes_of(padded, sizeof(padded))), FLUFFY_E_AUTH_FAILED);
	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(raw.p, 32, NULL),
	    BN_bin2bn(raw.p + 32, 32, NULL)), 1);
	n = i2d_ECDSA_SIG(sig, &der);
	assert_true(n > 64);
	refused(pkey_verify(ctx, k, BYTES("sample"), bytes_of(der,
	    (size_t)n)), FLUFFY_E_AUTH_FAILED);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
}

/* CVE-2022-21449: neither r nor s may be 0, or the order, or more. */
static void
impossible_r_and_s_are_refused(void **state)
{
	static const char order[] =
	    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
	struct keydata *k = known_key(&arena, &p256, false);
	struct bytes good = from_hex(&arena, answers[1].signature);
	uint8_t values[3][32], raw[64];
	size_t i;

	(void)state;
	memset(values[0], 0, 32);
	memcpy(values[1], from_hex(&arena, order).p, 32);
	memset(values[2], 0xff, 32);
	for (i = 0; i < 9; i++) {
		memcpy(raw, values[i / 3], 32);
		memcpy(raw + 32, values[i % 3], 32);
		refused(pkey_verify(ctx, k, BYTES("sample"),
		    bytes_of(raw, 64)), FLUFFY_E_AUTH_FAILED);
		memcpy(raw, good.p, 32);
		refused(pkey_verify(ctx, k, BYTES("sample"),
		    bytes_of(raw, 64)), FLUFFY_E_AUTH_FAILED);
		memcpy(raw, values[i / 3], 32);
		memcpy(raw + 32, good.p + 32, 32);
		refused(pkey_verify(ctx, k, BYTES("sample"),
		    bytes_of(raw, 64)), FLUFFY_E_AUTH_FAILED);
	}
}

/* RFC 8032, 5.1.7: S + L gives the same point. */
static void
malleable_ed25519_is_refused(void **state)
{
	static const char order[] =
	    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
	struct keydata *k = known_key(&arena, &ed25519, false);
	struct bytes sig = from_hex(&arena, answers[0].signature);
	struct bytes l = from_hex(&arena, order);
	unsigned carry = 0;

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		carry += sig.p[32 + i];
		carry += l.p[i];
		bits(sig)[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	refused(pkey_verify(ctx, k, BYTES("r"), sig), FLUFFY_E_AUTH_FAILED);
}

/* Of the same RSA key, but with a salt of 20 bytes, or PKCS #1 v1.5. */
static void
other_paddings_are_refused(void **state)
{
	static const char *const others[] = {
		"78d8b65d20aadb4f5648debc7652a0c851100321bae7e028da50d9f607ff"
		"d806d9b03248e17631bc4c310a87594228f63a60de07fc0ca43e1744e330"
		"6bc7afc3b682e642980fc69e9b2bcaf7f49d49787f72d5f29bb430cb4126"
		"9c8250b99a163bce9af703597d11e159a5617112ab86f71bf350e92a1f96"
		"863777ffd6cf52ba2ad8db18ede8a10ce8875de072f020f541b5ebe282a1"
		"4c6061f746abce4eae9bdce1c3b6e53023afe6c5b1cfb9d8f9b60e61c387"
		"c4461654f50ca6761713ef245fe6977777842cec298b38a12f81933fa55c"
		"d126b97eb980ab1feb0a73332fbc35d9f3ae069a19249ae79a4625231f4e"
		"02f95b3ae434173f2be7b339b876cb5e",
		"d6f81922ff3728834551c0cdd2da192156ece1788cc1a708c78bedc805f6"
		"f88e1ff0be13ffa85a91663f2864240046710e2a2bb131fcb04de02e95ca"
		"b10d01eaad134787b83b45f4edc28625289dd4f1ea340ee4fa9aca0c3151"
		"410ae9e178d047a050df2451f7614c51690cef3e338dc2addf3bf4cdca0a"
		"d3a6dd371a4dbffccd953d241c5d0efea2cba836dd7d11dee46d684575eb"
		"203b91f96c812421b056f6ab7dc0b80aae1259b1e4fdd6febaf293fce4d0"
		"040399029b5f0c3687163254d349a98e3ca068ae1b4e97d1eda769e3373f"
		"78686f312540587167bc845138ec2208368b621b7dc6f024d10dcc5ab0fe"
		"8448bc7fe08c17120cfadbb1b5454475"
	};
	struct keydata *k = known_key(&arena, &rsa, false);

	(void)state;
	for (size_t i = 0; i < 2; i++)
		refused(pkey_verify(ctx, k, CONTENT, from_hex(&arena,
		    others[i])), FLUFFY_E_AUTH_FAILED);
}

static void
only_signing_keys_sign(void **state)
{
	struct bytes sig = { NULL, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N_KNOWN; i++) {
		struct keydata *k = known_key(&arena, all_known[i], false);

		refused(pkey_sign(ctx, &arena, k, CONTENT, &sig),
		    FLUFFY_E_INTERNAL);
		if (pkey_signs(k->alg))
			continue;
		refused(pkey_verify(ctx, k, CONTENT, bytes_of(k->keyid.p, 8)),
		    FLUFFY_E_AUTH_FAILED);
		k = known_key(&arena, all_known[i], true);
		refused(pkey_sign(ctx, &arena, k, CONTENT, &sig),
		    FLUFFY_E_INTERNAL);
	}
}

/* ---- checking -------------------------------------------------------- */

static void
known_keys_are_good(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_KNOWN; i++) {
		must(ctx, pkey_check(ctx, known_key(&arena, all_known[i],
		    true)));
		must(ctx, pkey_check(ctx, known_key(&arena, all_known[i],
		    false)));
	}
}

/* A pair and a public key with one parameter spoilt. */
static void
spoilt_parameters_are_refused(void **state)
{
	size_t i;
	uint8_t j;

	(void)state;
	for (i = 0; i < N_KNOWN; i++)
		for (j = 0; j < 8; j++) {
			struct keydata *k = known_key(&arena, all_known[i],
			    true);
			const struct schema *schema = k->pkey->head.schema;

			if (j >= schema->n_rows ||
			    schema->rows[j].kind != K_BYTES)
				continue;
			spoil(&arena, param(k, schema->rows[j].label));
			refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
		}
}

/* x of one key and y of another, and what no field element is. */
static void
points_beside_the_curve_are_refused(void **state)
{
	static const struct known *const ec[] = { &p256, &p384, &p521, &ecdh };
	static const char p[] =
	    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
	EVP_PKEY *evp;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct keydata *k = known_key(&arena, ec[i], false);
		uint8_t *zero = arena_alloc(&arena, 66);

		k->pkey->y = k->pkey->x;
		refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
		refused(pkey_load(ctx, k, &evp), FLUFFY_E_MALFORMED);
		assert_null(evp);
		k->pkey->x = k->pkey->y = bytes_of(zero, k->pkey->x.n);
		refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
		memset(zero, 0xff, 66);
		refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	}
	/* y of x = 0, and x = p */
	{
		struct keydata *k = known_key(&arena, &(struct known){ KTY_EC,
		    -7, { "00000000000000000000000000000000"
		    "00000000000000000000000000000000",
		    "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a"
		    "174f93f4" } }, false);

		must(ctx, pkey_check(ctx, k));
		k->pkey->x = from_hex(&arena, p);
		refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	}
}

static void
lengths_and_curves_are_checked(void **state)
{
	struct keydata *k = known_key(&arena, &p256, true);
	struct bytes y = k->pkey->y;
	EVP_PKEY *evp;

	(void)state;
	k->pkey->x.n--;
	refused(pkey_load(ctx, k, &evp), FLUFFY_E_MALFORMED);
	k->pkey->y.n--;
	refused(pkey_load(ctx, k, &evp), FLUFFY_E_MALFORMED);
	k->pkey->x.n++;
	refused(pkey_load(ctx, k, &evp), FLUFFY_E_MALFORMED);
	k->pkey->y = y;
	k->pkey->y.n--;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k->pkey->y = y;
	must(ctx, pkey_check(ctx, k));
	k->pkey->d.n--;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k = known_key(&arena, &p256, true);
	k->pkey->crv = 2;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k->pkey->crv = 1;
	k->alg = -35;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k->alg = -8;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k = known_key(&arena, &ed25519, false);
	k->alg = -25;
	k->pkey->crv = 4;
	must(ctx, pkey_check(ctx, k));	/* its bytes do */
	k->pkey->crv = 6;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
}

static void
zero_and_order_are_no_private_keys(void **state)
{
	static const char order[] =
	    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
	struct keydata *k = known_key(&arena, &p256, true);

	(void)state;
	k->pkey->d = bytes_of(arena_alloc(&arena, 32), 32);
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k->pkey->d = from_hex(&arena, order);
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
}

/* RFC 8032, 5.1.3; and the eight points whose order divides 8. */
static void
ed25519_keys_are_points(void **state)
{
	static const char *const bad[] = {
		/* not on the curve: y is 2, 7, 8 */
		"020000000000000000000000000000000000000000000000000000000000"
		"0000", "070000000000000000000000000000000000000000000000000000"
		"0000000000", "0800000000000000000000000000000000000000000000"
		"00000000000000" "0000",
		/* small: 0, 1, -1, and of order 8; with the sign too */
		"000000000000000000000000000000000000000000000000000000000000"
		"0000", "000000000000000000000000000000000000000000000000000000"
		"0000000080", "0100000000000000000000000000000000000000000000"
		"000000000000000000", "ecffffffffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffff7f", "26e8958fc2b227b045c3f489f2ef98"
		"f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f4"
		"89f2ef98f0d5dfac05d3c63339b13802886d53fc85", "c7176a703d4dd8"
		"4fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac"
		"03fa",
		/* not reduced: p, p + 1, p + 3 */
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ff7f", "eeffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffff7f", "f0ffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffffffffffff7f"
	};
	struct keydata *k;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		k = known_key(&arena, &ed25519, false);
		k->pkey->x = from_hex(&arena, bad[i]);
		assert_int_equal(k->pkey->x.n, 32);
		if (pkey_check(ctx, k) == FLUFFY_OK)
			print_error("%s was taken\n", bad[i]);
		refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	}
	/* y = 3 is a point */
	k->pkey->x = from_hex(&arena, "03000000000000000000000000000000"
	    "00000000000000000000000000000000");
	must(ctx, pkey_check(ctx, k));
}

/* The points of small order: 0, 1, two of order 8, p - 1, p, p + 1. */
static void
x25519_keys_agree(void **state)
{
	static const char *const bad[] = {
		"00000000000000000000000000000000"
		"00000000000000000000000000000000",
		"01000000000000000000000000000000"
		"00000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46a"
		"da098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b"
		"04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffff7f"
	};
	struct keydata *k = known_key(&arena, &x25519, false);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		k->pkey->x = from_hex(&arena, bad[i]);
		refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	}
}

/* Section 5: e is 65537, n 2048 to 4096 bits, no leading zeros. */
static void
rsa_parameters_are_checked(void **state)
{
	struct keydata *k = known_key(&arena, &rsa, false);
	struct bytes n = k->pkey->n;
	uint8_t *p = arena_alloc(&arena, 257);

	(void)state;
	k->pkey->e = BYTES("\3");
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k->pkey->e = BYTES("\1\0\3");
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k->pkey->e = BYTES("\1\0\1");
	must(ctx, pkey_check(ctx, k));
	memcpy(p + 1, n.p, 256);
	k->pkey->n = bytes_of(p, 257);
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	p[1] &= 0x7f;
	k->pkey->n = bytes_of(p + 1, 256);
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	/* even, and a prime */
	memcpy(p, n.p, 256);
	p[255] ^= 1;
	k->pkey->n = bytes_of(p, 256);
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k = known_key(&arena, &rsa, true);
	k->pkey->rsa_d = k->pkey->n;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
	k = known_key(&arena, &rsa, true);
	n = k->pkey->p;
	k->pkey->p = k->pkey->q;
	k->pkey->q = n;
	refused(pkey_check(ctx, k), FLUFFY_E_MALFORMED);
}

static void
halves_of_two_pairs_dont_fit(void **state)
{
	struct keydata *a, *b;
	struct pkey *key;

	(void)state;
	for (size_t i = 0; i < N_KNOWN; i++) {
		if (all_known[i]->kty == KTY_RSA)
			continue;
		must(ctx, pkey_generate(ctx, &arena, all_known[i]->kty,
		    all_known[i]->alg, BYTES("12345678"), &a));
		b = known_key(&arena, all_known[i], true);
		key = a->pkey;
		key->d = b->pkey->d;
		refused(pkey_check(ctx, a), FLUFFY_E_MALFORMED);
	}
	a = rsa_key(&arena, 2048);
	must(ctx, pkey_check(ctx, a));
	b = known_key(&arena, &rsa, true);
	a->pkey->n = b->pkey->n;
	refused(pkey_check(ctx, a), FLUFFY_E_MALFORMED);
}

static void
the_largest_and_smallest_rsa_are_good(void **state)
{
	static const unsigned sizes[] = { 2048, 4096 };
	struct keydata *k, *public;
	struct bytes sig;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		k = rsa_key(&arena, sizes[i]);
		must(ctx, pkey_check(ctx, k));
		must(ctx, pkey_sign(ctx, &arena, k, CONTENT, &sig));
		assert_int_equal(sig.n, sizes[i] / 8);
		must(ctx, pkey_public(ctx, &arena, k, &public));
		must(ctx, pkey_check(ctx, public));
		must(ctx, pkey_verify(ctx, public, CONTENT, sig));
		(void)through_cbor(k, true);
	}
}

/* ---- JSON, PEM, DER -------------------------------------------------- */

static void
keydata_in_json(void **state)
{
	struct keydata *k = known_key(&arena, &ed25519, true);
	struct buffer b = BUFFER(1000);

	(void)state;
	json_put_struct(&b, k, JSON_PLAIN);
	assert_bytes(buffer_view(&b), BYTES("{\"kty\":\"OKP\","
	    "\"keyid\":\"AQIDBAUGBwg\",\"key\":{\"crv\":\"Ed25519\",\"x\":"
	    "\"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw\",\"d\":"
	    "\"TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs\"},"
	    "\"keyops\":[\"sign\"],\"alg\":\"EdDSA\",\"pkuse\":\"sig\"}"));
	buffer_free(&b);
}

static EVP_PKEY *
parse_written(struct bytes text, bool pair, bool pem)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	EVP_PKEY *evp;

	if (pem)
		evp = pair ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) :
		    PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	else
		evp = pair ? d2i_PrivateKey_bio(bio, NULL) :
		    d2i_PUBKEY_bio(bio, NULL);
	assert_non_null(evp);
	assert_true(BIO_eof(bio));
	(void)BIO_free(bio);
	return evp;
}

/* Bit 0: a pair, bit 1: PEM. */
static void
written_keys_are_read_by_openssl(void **state)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	EVP_PKEY *written, *loaded;
	struct keydata *k;

	(void)state;
	for (size_t i = 0; i < 4 * N_KNOWN; i++) {
		bool pair = (i & 1) != 0, pem = (i & 2) != 0;

		k = known_key(&arena, all_known[i / 4], pair);
		b.n = 0;
		must(ctx, pkey_write(ctx, k, pem, &b));
		written = parse_written(buffer_view(&b), pair, pem);
		must(ctx, pkey_load(ctx, k, &loaded));
		assert_int_equal(EVP_PKEY_eq(written, loaded), 1);
		assert_int_equal(memmem(b.p, b.n, pair ? "BEGIN PRIVATE" :
		    "BEGIN PUBLIC", pair ? 13 : 12) != NULL, pem);
		EVP_PKEY_free(written);
		EVP_PKEY_free(loaded);
	}
	buffer_free(&b);
}

/* ---- certificates ---------------------------------------------------- */

/* Two keys and what is certified of them. */
struct certified {
	struct keydata *k;
	EVP_PKEY *key, *other;
	struct bytes_list certs;
};

static struct certified
certified(const struct known *known, bool pair, const char *not_after)
{
	struct certified c = { .k = known_key(&arena, known, pair) };

	must(ctx, pkey_load(ctx, known_key(&arena, known, true), &c.key));
	must(ctx, pkey_load(ctx, known_key(&arena, &p256_11, true),
	    &c.other));
	c.certs.v[0] = certificate(&arena, c.key, c.other, not_after);
	c.certs.v[1] = certificate(&arena, c.other, c.other,
	    "20300101000000Z");
	c.certs.n = 2;
	must(ctx, cert_put(ctx, &arena, c.k, &c.certs));
	return c;
}

static void
certified_end(struct certified *c)
{
	EVP_PKEY_free(c->key);
	EVP_PKEY_free(c->other);
}

static void
good_certificates_are_taken(void **state)
{
	static const struct known *const keys[] = { &p256, &p384, &p521,
		&ed25519, &rsa };
	uint64_t not_after;
	int label;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		struct certified c = certified(keys[i / 2], i % 2 == 1,
		    "20270102030405Z");

		must(ctx, cert_check(ctx, c.k, &label, &not_after));
		assert_int_equal(not_after, 1798859045u);
		(void)through_cbor(c.k, i % 2 == 1);
		certified_end(&c);
	}
}

static void
refused_cert(const struct keydata *k, int expected)
{
	uint64_t not_after = 1;
	int label;

	refused(cert_check(ctx, k, &label, &not_after), FLUFFY_E_MALFORMED);
	assert_int_equal(label, expected);
	assert_int_equal(not_after, 0);
}

static void
wrong_certificates_are_refused(void **state)
{
	struct certified c = certified(&p256, false, "20270102030405Z");
	struct bytes leaf = c.certs.v[0], chain = c.certs.v[1];

	(void)state;
	/* another key's */
	c.k->x5c.v[0] = chain;
	refused_cert(c.k, L_x5c);
	/* something behind, something missing, nothing, nonsense */
	c.k->x5c.v[0] = bytes_of(arena_dup(&arena, leaf).p, leaf.n + 1);
	refused_cert(c.k, L_x5c);
	c.k->x5c.v[0] = bytes_of(leaf.p, leaf.n - 1);
	refused_cert(c.k, L_x5c);
	c.k->x5c.v[0] = BYTES("");
	refused_cert(c.k, L_x5c);
	c.k->x5c.v[0] = BYTES("certificate");
	refused_cert(c.k, L_x5c);
	c.k->x5c.v[0] = leaf;
	c.k->x5c.v[1] = bytes_of(arena_dup(&arena, chain).p, chain.n + 1);
	refused_cert(c.k, L_x5c);
	c.k->x5c.n = 1;
	/* the digests */
	spoil(&arena, &c.k->x5t);
	refused_cert(c.k, L_x5t);
	spoil(&arena, &c.k->x5t);
	spoil(&arena, &c.k->x5t256);
	refused_cert(c.k, L_x5t256);
	certified_end(&c);
}

/* A digest alone, or none, can't be judged; the others are left out. */
static void
digests_are_optional(void **state)
{
	struct certified c = certified(&p256, false, "20270102030405Z");
	uint64_t not_after;
	int label;

	(void)state;
	spoil(&arena, &c.k->x5t);
	spoil(&arena, &c.k->x5t256);
	c.k->head.has &= ~(label_bit(L_x5t) | label_bit(L_x5t256));
	must(ctx, cert_check(ctx, c.k, &label, &not_after));
	assert_int_equal(not_after, 1798859045u);
	c.k->head.has &= ~label_bit(L_x5c);
	SET(c.k, L_x5t);
	must(ctx, cert_check(ctx, c.k, &label, &not_after));
	assert_int_equal(not_after, 0);
	certified_end(&c);
}

static void
not_after_is_a_time(void **state)
{
	static const struct {
		const char *text;
		uint64_t time;	/* 0: refused */
	} times[] = {
		{ "19600101000000Z", 0 }, { "19691231235959Z", 0 },
		{ "19700101000001Z", 1 },
		{ "20380119031408Z", 2147483648u },
		{ "20500101000000Z", 2524608000u },
		{ "99991231235959Z", 253402300799u }
	};
	uint64_t not_after;
	int label;

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct certified c = certified(&p256, true, times[i].text);

		if (times[i].time == 0)
			refused_cert(c.k, L_x5c);
		else {
			must(ctx, cert_check(ctx, c.k, &label, &not_after));
			assert_true(not_after == times[i].time);
		}
		certified_end(&c);
	}
}

static void
certificates_are_written_and_described(void **state)
{
	struct certified c = certified(&p256, false, "20270102030405Z");
	struct buffer b = BUFFER(10000);
	BIO *bio;
	X509 *x;

	(void)state;
	must(ctx, cert_write(ctx, c.k, &b));
	bio = BIO_new_mem_buf(b.p, (int)b.n);
	for (int i = 0; i < 2; i++) {
		uint8_t *der = NULL;
		int n;

		assert_non_null(x = PEM_read_bio_X509(bio, NULL, NULL, NULL));
		n = i2d_X509(x, &der);
		assert_bytes(bytes_of(der, (size_t)n), c.certs.v[i]);
		OPENSSL_free(der);
		X509_free(x);
	}
	assert_true(BIO_eof(bio));
	(void)BIO_free(bio);
	b.n = 0;
	assert_true(cert_describe(c.certs.v[0], &b));
	assert_bytes(buffer_view(&b), BYTES("subject CN=lamp\\, issuer "
	    "none\\1B\\u009b, issuer CN=lamp\\, issuer none\\1B\\u009b, "
	    "URI fluffy://home/lamp, DNS lamp%2C%20issuer%20none%1B%9B, "
	    "valid 2026-01-01 00:00Z to 2027-01-02 03:04Z"));
	b.n = 0;
	assert_false(cert_describe(BYTES("nonsense"), &b));
	assert_int_equal(b.n, 0);
	buffer_free(&b);
	certified_end(&c);
}

/* ---- COSE_Sign1 in a PSK-ESTB ---------------------------------------- */

static struct bytes
text(struct fluffy_msg *msg, const char *s)
{
	return arena_dup(&msg->arena, bytes_str(s));
}

/* Without authenticator; the miniticket is opened by nobody here. */
static struct fluffy_msg *
estb_new(void)
{
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_ESTB);
	struct mticket *t = message_map(msg, L_mticket);

	PUT(msg, crealm, L_crealm, text(msg, "home"));
	PUT(msg, cname, L_cname, text(msg, "lamp"));
	PUT(t, skdcrealm, L_skdcrealm, text(msg, "home"));
	PUT(t, skdcname, L_skdcname, text(msg, "skdc"));
	PUT(t, spname, L_spname, text(msg, "door"));
	t->enc_part = (struct sealed){ .alg = 10, .has_kid = true,
		.kid = text(msg, "kid0"), .iv = text(msg, "thirteenbytes"),
		.ciphertext = text(msg, "ciphertext") };
	SET(t, L_enc_part);
	return msg;
}

static struct fluffy_msg *
signed_estb(const struct keydata *pair)
{
	struct fluffy_msg *msg = estb_new();
	struct part *part = seal_part(msg, msg, L_authenticator);

	PUT(part, crealm, L_crealm, text(msg, "home"));
	PUT(part, cname, L_cname, text(msg, "lamp"));
	PUT(part, ctime, L_ctime, NOW);
	PUT(part, nonce, L_nonce, text(msg, "noncence"));
	must(ctx, seal_sign(ctx, msg, msg, L_authenticator, part, pair));
	return msg;
}

static struct fluffy_msg *
through_wire(struct fluffy_msg *msg, enum fluffy_format format)
{
	struct fluffy_msg *out;
	fluffy_bytes wire;

	must(ctx, fluffy_msg_write(ctx, msg, format, 0, &wire));
	must(ctx, fluffy_msg_read(ctx, wire.data, wire.len, &out));
	fluffy_bytes_free(&wire);
	return out;
}

static enum fluffy_error
verified(struct fluffy_msg *msg, const struct known *known)
{
	return seal_verify(ctx, msg, msg, L_authenticator,
	    known_key(&arena, known, false));
}

static void
signed_parts_verify_in_both_encodings(void **state)
{
	static const struct known *const keys[] = { &p256, &p384, &p521,
		&ed25519, &rsa };
	struct fluffy_msg *msg, *read;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		msg = signed_estb(known_key(&arena, keys[i / 2], true));
		must(ctx, verified(msg, keys[i / 2]));
		read = through_wire(msg, i % 2 == 0 ? FLUFFY_JSON :
		    FLUFFY_CBOR);
		must(ctx, verified(read, keys[i / 2]));
		assert_true(read->authenticator.sign1);
		assert_bytes(read->authenticator.plain->nonce,
		    BYTES("noncence"));
		assert_int_equal(read->authenticator.alg, keys[i / 2]->alg);
		fluffy_msg_free(&msg);
		fluffy_msg_free(&read);
	}
}

/* All of the message but the part itself is external_aad. */
static void
changed_messages_dont_verify(void **state)
{
	struct fluffy_msg *msg = signed_estb(known_key(&arena, &p256, true));
	struct bytes *const parts[] = { &msg->crealm, &msg->cname,
		&msg->mticket->skdcname, &msg->mticket->spname,
		&msg->mticket->enc_part.kid, &msg->mticket->enc_part.iv,
		&msg->mticket->enc_part.ciphertext,
		&msg->authenticator.ciphertext, &msg->authenticator.signature
	};

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct bytes good = *parts[i];

		spoil(&msg->arena, parts[i]);
		refused_at(ctx, verified(msg, &p256), FLUFFY_E_AUTH_FAILED,
		    "PSK-ESTB.authenticator");
		*parts[i] = good;
		must(ctx, verified(msg, &p256));
	}
	msg->ext = BYTES("\1");
	SET(msg, L_ext);
	refused(verified(msg, &p256), FLUFFY_E_AUTH_FAILED);
	fluffy_msg_free(&msg);
}

/* Section 4: an alg other than the key's, and a COSE_Encrypt0. */
static void
another_algorithm_is_refused(void **state)
{
	struct fluffy_msg *msg = signed_estb(known_key(&arena, &p256, true));

	(void)state;
	refused_at(ctx, verified(msg, &p256_11), FLUFFY_E_AUTH_FAILED,
	    "PSK-ESTB.authenticator");
	refused_at(ctx, verified(msg, &ed25519), FLUFFY_E_AUTH_FAILED,
	    "PSK-ESTB.authenticator");
	refused(verified(msg, &ecdh), FLUFFY_E_AUTH_FAILED);
	msg->authenticator.alg = -35;
	refused(verified(msg, &p256), FLUFFY_E_AUTH_FAILED);
	msg->authenticator.alg = -7;
	must(ctx, verified(msg, &p256));
	msg->authenticator.sign1 = false;
	refused(verified(msg, &p256), FLUFFY_E_AUTH_FAILED);
	fluffy_msg_free(&msg);
}

/* The signature is good, and the header it covers says ES384. */
static void
an_algorithm_that_was_signed_is_refused(void **state)
{
	struct keydata *k = known_key(&arena, &p256, true);
	struct fluffy_msg *msg = signed_estb(k);
	struct buffer aad = BUFFER(1000), b = BUFFER(2000);

	(void)state;
	msg->authenticator.alg = -35;
	cbor_put_struct(&aad, msg, L_authenticator);
	cose_put_sig_structure(&b, -35, buffer_view(&aad),
	    msg->authenticator.ciphertext);
	must(ctx, pkey_sign(ctx, &msg->arena, k, buffer_view(&b),
	    &msg->authenticator.signature));
	refused(verified(msg, &p256), FLUFFY_E_AUTH_FAILED);
	buffer_free(&aad);
	buffer_free(&b);
	fluffy_msg_free(&msg);
}

/* Section 7: without cksum. */
static void
cksum_in_a_payload_is_malformed(void **state)
{
	struct fluffy_msg *msg = estb_new(), *read;
	struct part *part = seal_part(msg, msg, L_authenticator);
	fluffy_bytes wire;

	(void)state;
	PUT(part, crealm, L_crealm, text(msg, "home"));
	PUT(part, cname, L_cname, text(msg, "lamp"));
	PUT(part, ctime, L_ctime, NOW);
	PUT(part, nonce, L_nonce, text(msg, "noncence"));
	PUT(part, cksum, L_cksum, text(msg, "8 bytes."));
	must(ctx, seal_sign(ctx, msg, msg, L_authenticator, part,
	    known_key(&arena, &p256, true)));
	must(ctx, fluffy_msg_write(ctx, msg, FLUFFY_CBOR, 0, &wire));
	refused_at(ctx, fluffy_msg_read(ctx, wire.data, wire.len, &read),
	    FLUFFY_E_MALFORMED, "PSK-ESTB.authenticator");
	fluffy_bytes_free(&wire);
	fluffy_msg_free(&msg);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(seven_pairs_are_known),
		T(generated_pairs_are_good),
		T(issued_rsa_has_3072_bits),
		T(what_is_no_pair_isnt_generated),
		T(public_halves_are_public),
		T(known_answers_verify),
		T(the_sign1_of_rfc_9052_verifies),
		T(every_flipped_bit_is_refused),
		T(flipped_keys_are_refused),
		T(other_lengths_are_refused),
		T(padded_and_der_signatures_are_refused),
		T(impossible_r_and_s_are_refused),
		T(malleable_ed25519_is_refused),
		T(other_paddings_are_refused),
		T(only_signing_keys_sign),
		T(known_keys_are_good),
		T(spoilt_parameters_are_refused),
		T(points_beside_the_curve_are_refused),
		T(lengths_and_curves_are_checked),
		T(zero_and_order_are_no_private_keys),
		T(ed25519_keys_are_points),
		T(x25519_keys_agree),
		T(rsa_parameters_are_checked),
		T(halves_of_two_pairs_dont_fit),
		T(the_largest_and_smallest_rsa_are_good),
		T(keydata_in_json),
		T(written_keys_are_read_by_openssl),
		T(good_certificates_are_taken),
		T(wrong_certificates_are_refused),
		T(digests_are_optional),
		T(not_after_is_a_time),
		T(certificates_are_written_and_described),
		T(signed_parts_verify_in_both_encodings),
		T(changed_messages_dont_verify),
		T(another_algorithm_is_refused),
		T(an_algorithm_that_was_signed_is_refused),
		T(cksum_in_a_payload_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

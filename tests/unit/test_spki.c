/* test_spki.c - public keys in all their forms, and an EC pair of one's own */
#include "testing.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base64url.h"
#include "export.h"
#include "keys.h"
#include "spki.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MOST 20000

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

/* ---- known keys ------------------------------------------------------- */

#define P256_DER "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define ED25519_DER "302a300506032b6570032100"
#define X25519_DER "302a300506032b656e032100"
#define RSA_DER "30820122300d06092a864886f70d01010105000382010f00"

/* In the templates % stands for the next parameter: hex, or base64url. */
struct known_public {
	const char *der, *jwk, *cose;
	const char *params[3];
};

static const struct known_public known[] = {
	/* RFC 9052, C.7.1 */
	{ P256_DER "04%%", "{\"kty\":\"EC\",\"kid\":\"meriadoc\","
	    "\"crv\":\"P-256\",\"x\":\"%\",\"y\":\"%\"}",
	    "a5 02 43010203 01 02 20 01 21 5820% 22 5820%", {
	    "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d",
	    "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"
	} },
	/* RFC 8032, section 7.1, test 2 */
	{ ED25519_DER "%", "\n{ \"crv\": \"Ed25519\",\n  \"kty\": \"OKP\", "
	    "\"use\": \"sig\", \"x\": \"%\", \"other\": [1, {}] }\n",
	    "a3 01 01 20 06 21 5820%", {
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
	} },
	/* RFC 7748, section 6.1: Bob's */
	{ X25519_DER "%",
	    "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"%\"}",
	    "a3 01 01 20 04 21 5820%", {
	    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
	} },
	/* RFC 7517, A.1 */
	{ RSA_DER "3082010a0282010100%0203%",
	    "{\"kty\":\"RSA\",\"n\":\"%\",\"e\":\"%\",\"alg\":\"RS256\"}",
	    "a3 01 03 20 590100% 21 43%", {
	    "d2fc7b6a0a1e6c67104aeb8f88b257669b4df679ddad099b5c4a6cd9a88015b5"
	    "a133bf0b856c7871b6df000b554fceb3c2ed512bb68f145c6e8434752fab52a1"
	    "cfc124408f79b58a4578c16428855789f7a249e384cb2d9fae2d67fd96fb926c"
	    "198e077399fdc815c0af097dde5aadeff44de70e827f4878432439bfeeb96068"
	    "d0474fc50d6d90bf3a98dfaf1040c89c02d692ab3b3c2896609d86fd73b774ce"
	    "0740647ceeeaa310bd12f985a8eb9f59fdd426cea5b2120f4f2a34bcab764b7e"
	    "6c54d6840238bcc40587a59e66ed1f33894577635c470af75cf92c20d1da43e1"
	    "bfc419e222a6f0d0bb358c5e38f9cb050aeafe904814f1ac1aa49cca9ea0ca83",
	    "010001" } }
};

/* One more character of hex that may have blanks in it. */
static void
put_digit(struct buffer *b, char c, int *half)
{
	char digit[2] = { c, '\0' };
	int value = (int)strtol(digit, NULL, 16);

	if (c == ' ')
		return;
	if (*half < 0)
		*half = value;
	else {
		buffer_addc(b, (char)(*half << 4 | value));
		*half = -1;
	}
}

/* The template with its parameters; the buffer is to be freed. */
static struct buffer
expand(const char *template, const char *const params[], bool json)
{
	struct buffer b = BUFFER(MOST);
	uint8_t raw[1024];
	int half = -1;

	for (; *template != '\0'; template++) {
		if (*template == '%') {
			struct bytes p = unhex(*params++, raw, sizeof(raw));

			if (json)
				base64url_encode(&b, p);
			else
				buffer_add(&b, p.p, p.n);
		} else if (json)
			buffer_addc(&b, *template);
		else
			put_digit(&b, *template, &half);
	}
	assert_false(b.failed);
	return b;
}

static struct buffer
pem_of(const char *label, struct bytes der)
{
	struct buffer b = BUFFER(MOST);
	uint8_t text[4000];

	assert_true(der.n < 2000);
	(void)EVP_EncodeBlock(text, der.p, (int)der.n);
	buffer_addf(&b, "-----BEGIN %s-----\n", label);
	for (const char *p = (const char *)text; *p != '\0';
	    p += strlen(p) > 64 ? 64 : strlen(p))
		buffer_addf(&b, "%.64s\n", p);
	buffer_addf(&b, "-----END %s-----\n", label);
	assert_false(b.failed);
	return b;
}

/* Frees what is read. */
static void
reads_as(struct buffer *from, struct bytes der)
{
	struct buffer b = BUFFER(MOST);

	must(ctx, spki_read(ctx, buffer_view(from), &b));
	assert_bytes(buffer_view(&b), der);
	buffer_free(&b);
	buffer_free(from);
}

/* ---- public keys ------------------------------------------------------ */

static void
all_forms_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		const struct known_public *k = &known[i];
		struct buffer der = expand(k->der, k->params, false), b;
		struct bytes expected = buffer_view(&der);

		must(ctx, spki_check(ctx, expected));
		b = pem_of("PUBLIC KEY", expected);
		reads_as(&b, expected);
		b = expand(k->jwk, k->params, true);
		reads_as(&b, expected);
		b = expand(k->cose, k->params, false);
		reads_as(&b, expected);
		reads_as(&der, expected);
	}
}

/* Each pair that is issued, in each form that it is exported in. */
static void
exported_keys_are_read(void **state)
{
	static const enum fluffy_export_as forms[] = { FLUFFY_AS_DER,
		FLUFFY_AS_PEM, FLUFFY_AS_JWK, FLUFFY_AS_COSE_KEY };
	struct arena arena = { NULL, false };

	(void)state;
	for (size_t i = 0; i < N_PAIR_ALGS; i++) {
		struct keydata *k;
		struct buffer der = BUFFER(MOST), b;

		must(ctx, pkey_generate(ctx, &arena, pair_algs[i].kty,
		    pair_algs[i].alg, BYTES("12345678"), &k));
		must(ctx, pkey_public(ctx, &arena, k, &k));
		must(ctx, pkey_write(ctx, k, false, &der));
		for (size_t j = 0; j < COUNT(forms); j++) {
			b = BUFFER(MOST);
			must(ctx, export_pair(ctx, k, forms[j], &b));
			reads_as(&b, buffer_view(&der));
		}
		buffer_free(&der);
	}
	arena_free(&arena);
}

/* Of a modulus of that many bits, which needn't have two factors. */
static struct buffer
rsa_of(unsigned bits)
{
	struct arena arena = { NULL, false };
	struct keydata *k = bare_key(&arena, KTY_RSA, -37, false);
	struct buffer b = BUFFER(MOST);
	size_t n = (bits + 7) / 8;
	uint8_t raw[600];

	memset(raw, 0xff, n);
	raw[0] = (uint8_t)(0xff >> (8 * n - bits));
	*param(k, -1) = bytes_of(raw, n);
	*param(k, -2) = BYTES("\1\0\1");
	must(ctx, pkey_write(ctx, k, false, &b));
	arena_free(&arena);
	return b;
}

static void
rsa_keys_have_2048_to_4096_bits(void **state)
{
	static const unsigned wrong[] = { 1024, 2040, 2047, 4097, 4104 };
	EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)4096);
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(evp, &der);

	(void)state;
	assert_in_range(n, 4096 / 8, SPKI_MAX);
	must(ctx, spki_check(ctx, bytes_of(der, (size_t)n)));
	OPENSSL_free(der);
	EVP_PKEY_free(evp);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct buffer b = rsa_of(wrong[i]);

		refused_at(ctx, spki_check(ctx, buffer_view(&b)),
		    FLUFFY_E_MALFORMED, "");
		assert_string_equal(fluffy_why(ctx).text, wrong[i] == 2047 ?
		    "n: expected 2048 to 4096 bits" :
		    "not a key of a usual size");
		buffer_free(&b);
	}
}

/* What stands around the block is for people. */
static void
text_around_pem_is_no_matter(void **state)
{
	struct buffer der = expand(known[0].der, known[0].params, false), b,
		block = pem_of("PUBLIC KEY", buffer_view(&der));

	(void)state;
	b = BUFFER(MOST);
	buffer_adds(&b, "Public-Key: (256 bit)\n");
	buffer_add(&b, block.p, block.n);
	buffer_adds(&b, "mine\n");
	reads_as(&b, buffer_view(&der));
	buffer_free(&block);
	buffer_free(&der);
}

/* ---- refusals --------------------------------------------------------- */

/* Refused for that reason, which doesn't quote what it is about. */
static void
refuses(struct bytes data, const char *field, const char *why)
{
	struct buffer b = BUFFER(MOST);
	enum fluffy_error e = spki_read(ctx, data, &b);

	if (e == FLUFFY_OK || strstr(fluffy_why(ctx).text, why) == NULL)
		print_error("%s: found \"%s\", expected \"%s\"\n",
		    fluffy_error_name(e), fluffy_why(ctx).text, why);
	refused_at(ctx, e, FLUFFY_E_MALFORMED, field);
	assert_non_null(strstr(fluffy_why(ctx).text, why));
	assert_int_equal(b.n, 0);
	assert_int_equal(ERR_peek_error(), 0);
	buffer_free(&b);
}

static void
refuses_buffer(struct buffer *b, const char *field, const char *why)
{
	refuses(buffer_view(b), field, why);
	buffer_free(b);
}

static const char private[] = "a private key: only its public half";

static void
private_pem(const struct keydata *pair, EVP_PKEY *evp)
{
	struct buffer der = BUFFER(MOST), b = BUFFER(MOST);
	uint8_t *plain = NULL;
	int n;

	must(ctx, pkey_write(ctx, pair, false, &der));
	refuses(buffer_view(&der), "", private);
	must(ctx, pkey_write(ctx, pair, true, &b));
	refuses_buffer(&b, "", private);
	/* SEC 1 and PKCS #1 */
	n = i2d_PrivateKey(evp, &plain);
	assert_true(n > 0);
	refuses(bytes_of(plain, (size_t)n), "", private);
	b = pem_of("EC PRIVATE KEY", bytes_of(plain, (size_t)n));
	refuses_buffer(&b, "", private);
	b = pem_of("ENCRYPTED PRIVATE KEY", bytes_of(plain, (size_t)n));
	refuses_buffer(&b, "", private);
	/* under a wrong name, and behind a public one */
	b = pem_of("PUBLIC KEY", buffer_view(&der));
	refuses_buffer(&b, "", private);
	b = BUFFER(MOST);
	must(ctx, pkey_write(ctx, pair, true, &b));
	buffer_adds(&b, "-----BEGIN PUBLIC KEY-----\n");
	refuses_buffer(&b, "", private);
	OPENSSL_free(plain);
	buffer_free(&der);
}

static void
private_keys_are_refused(void **state)
{
	struct arena arena = { NULL, false };

	(void)state;
	for (size_t i = 0; i < N_PAIR_ALGS; i++) {
		struct buffer b = BUFFER(MOST);
		struct keydata *k;
		EVP_PKEY *evp;

		must(ctx, pkey_generate(ctx, &arena, pair_algs[i].kty,
		    pair_algs[i].alg, BYTES("12345678"), &k));
		must(ctx, export_pair(ctx, k, FLUFFY_AS_JWK, &b));
		refuses_buffer(&b, "", private);
		b = BUFFER(MOST);
		must(ctx, export_pair(ctx, k, FLUFFY_AS_COSE_KEY, &b));
		refuses_buffer(&b, "", private);
		must(ctx, pkey_load(ctx, k, &evp));
		private_pem(k, evp);
		EVP_PKEY_free(evp);
	}
	arena_free(&arena);
}

/* Parameters of a pair, whatever they hold. */
static void
a_trace_of_a_private_key_is_refused(void **state)
{
	static const char *const jwks[] = {
		"{\"kty\":\"EC\",\"d\":\"\"}", "{\"d\":null,\"kty\":\"OKP\"}",
		"{\"kty\":\"RSA\",\"d\":1}", "{\"kty\":\"RSA\",\"p\":1}",
		"{\"kty\":\"RSA\",\"q\":1}", "{\"kty\":\"RSA\",\"dp\":1}",
		"{\"kty\":\"RSA\",\"dq\":1}", "{\"kty\":\"RSA\",\"qi\":1}"
	}, *const coses[] = { "a2 01 02 23 41 00", "a2 01 01 23 f6",
		"a2 01 03 22 00", "a2 01 03 23 00", "a2 01 03 24 00",
		"a2 01 03 25 00", "a2 01 03 26 00", "a2 01 03 27 00"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(jwks); i++) {
		struct buffer b = expand(coses[i], NULL, false);

		refuses(bytes_str(jwks[i]), "", private);
		refuses_buffer(&b, "", private);
	}
}

#define KTY	"expected EC, OKP or RSA"
#define CRV	"expected P-256, P-384, P-521, Ed25519 or X25519, as fits kty"
#define BASE64	"not base64url of a right length"
#define OCTETS	"not a byte string of a right length"

struct wrong {
	const char *template, *field, *why;
};

static void
other_jwks_are_refused(void **state)
{
#define EC "{\"kty\":\"EC\",\"crv\":\"P-256\","
#define OKP "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
	static const struct wrong all[] = {
		{ "{", "", "not well-formed JSON" },
		{ "{}", "JWK.kty", KTY },
		{ "{} {}", "", "not well-formed JSON" },
		{ "{\"kty\":\"EC\"}x", "", "not well-formed JSON" },
		{ EC "\"x\":\"%\",\"x\":\"%\"}", "", "duplicate" },
		{ "{\"keys\":[" EC "\"x\":\"%\",\"y\":\"%\"}]}", "JWK.kty",
		    KTY },
		{ "{\"kty\":\"oct\",\"k\":\"%\"}", "JWK.kty", KTY },
		{ "{\"kty\":\"SYMM\",\"k\":\"%\"}", "JWK.kty", KTY },
		{ "{\"kty\":\"ec\"}", "JWK.kty", KTY },
		{ "{\"kty\":2}", "JWK.kty", KTY },
		{ "{\"kty\":[\"EC\"]}", "JWK.kty", KTY },
		{ "{\"kty\":\"EC\",\"x\":\"%\",\"y\":\"%\"}", "JWK.crv", CRV },
		{ "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"%\","
		    "\"y\":\"%\"}", "JWK.crv", CRV },
		{ "{\"kty\":\"EC\",\"crv\":1,\"x\":\"%\",\"y\":\"%\"}",
		    "JWK.crv", CRV },
		{ "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"%\"}",
		    "JWK.crv", CRV },
		{ "{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"%\"}",
		    "JWK.crv", CRV },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"%%\"}",
		    "JWK.crv", CRV },
		{ EC "\"y\":\"%\"}", "JWK.x", "missing" },
		{ EC "\"x\":\"%\"}", "JWK.y", "missing" },
		{ EC "\"X\":\"%\",\"y\":\"%\"}", "JWK.x", "missing" },
		{ EC "\"x\":\"%=\",\"y\":\"%\"}", "JWK.x", BASE64 },
		{ EC "\"x\":\"%\",\"y\":\"+/\"}", "JWK.y", BASE64 },
		{ EC "\"x\":\"%\",\"y\":true}", "JWK.y", BASE64 },
		{ EC "\"x\":\"%\",\"y\":\"\"}", "JWK.y", BASE64 },
		{ EC "\"x\":\"%\",\"y\":\"AAAA%\"}", "",
		    "the curve's length" },
		{ OKP "\"x\":\"AAAA%\"}", "JWK.x", BASE64 },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"%\",\"y\":\"%\"}",
		    "", "the curve's length" },
		{ "{\"kty\":\"RSA\",\"n\":\"%\",\"e\":\"AQAB\"}", "JWK.n",
		    BASE64 },
		/* no points of the curve */
		{ EC "\"x\":\"Hg\",\"y\":\"%\"}", "JWK.x", BASE64 },
		{ OKP "\"x\":\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		    "", "not a point of the curve" },
		{ OKP "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		    "", "not a point of the curve" }
	};
	const char *const *xy = known[0].params,
	    *const params[] = { xy[0], xy[1], xy[0], xy[1] };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct buffer b = expand(all[i].template, params, true);

		refuses_buffer(&b, all[i].field, all[i].why);
	}
}

static void
other_cose_keys_are_refused(void **state)
{
	static const struct wrong all[] = {
		{ "a0", "COSE_Key.kty", KTY },
		{ "a1", "", "truncated" }, { "a0 00", "", "" },
		{ "bf ff", "COSE_Key.kty", KTY },
		{ "a1 01 04", "COSE_Key.kty", KTY },
		{ "a1 01 00", "COSE_Key.kty", KTY },
		{ "a1 01 62 4543", "COSE_Key.kty", KTY },
		{ "a1 01 c0 02", "COSE_Key.kty", KTY },
		{ "a1 c0 01 02", "COSE_Key.kty", KTY },
		{ "a4 01 02 20 01 21 5820% 21 5820%", "",
		    "a label that is there twice" },
		{ "a3 01 02 21 5820% 22 5820%", "COSE_Key.crv", CRV },
		{ "a4 01 02 20 08 21 5820% 22 5820%", "COSE_Key.crv", CRV },
		{ "a4 01 02 20 06 21 5820% 22 5820%", "COSE_Key.crv", CRV },
		{ "a4 01 02 20 65 502d323536 21 5820% 22 5820%",
		    "COSE_Key.crv", CRV },
		{ "a3 01 02 20 01 22 5820%", "COSE_Key.x", "missing" },
		{ "a3 01 02 20 01 21 5820%", "COSE_Key.y", "missing" },
		/* RFC 9053, 7.1.1: a compressed point */
		{ "a4 01 02 20 01 21 5820% 22 f5", "COSE_Key.y", OCTETS },
		{ "a4 01 02 20 01 21 7820% 22 5820%", "COSE_Key.x", OCTETS },
		{ "a4 01 02 20 01 21 40 22 5820%", "COSE_Key.x", OCTETS },
		{ "a4 01 02 20 01 21 5820% 22 5821%00", "",
		    "the curve's length" },
		{ "a4 01 02 20 02 21 5820% 22 5820%", "",
		    "the curve's length" },
		{ "a4 01 02 20 01 22 5820% 21 5820%", "", "not a key" },
		{ "a3 01 03 20 5820% 21 43 010001", "COSE_Key.n", OCTETS }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct buffer b = expand(all[i].template, known[0].params,
		    false);

		refuses_buffer(&b, all[i].field, all[i].why);
	}
}

#define DER_FORM "not DER with a named curve and an uncompressed point"
#define NO_SPKI	"not a SubjectPublicKeyInfo"

static void
other_der_is_refused(void **state)
{
	static const struct wrong all[] = {
		{ "30", "", NO_SPKI }, { "3000", "", NO_SPKI },
		{ "3082ffff", "", NO_SPKI }, { "3080", "", NO_SPKI },
		/* something behind it */
		{ P256_DER "04%%" "00", "", DER_FORM },
		{ P256_DER "04%%" P256_DER, "", DER_FORM },
		/* a length in more bytes than it needs, BER without length */
		{ "308159301306072a8648ce3d020106082a8648ce3d030107034200"
		    "04%%", "", DER_FORM },
		{ "3080301306072a8648ce3d020106082a8648ce3d030107034200"
		    "04%%0000", "", DER_FORM },
		/* compressed, hybrid, infinite */
		{ "3039301306072a8648ce3d020106082a8648ce3d03010703220002%",
		    "", DER_FORM },
		{ P256_DER "06%%", "", DER_FORM },
		{ "3019301306072a8648ce3d020106082a8648ce3d030107030200"
		    "00", "", "" },
		/* unused bits, another curve (secp256k1), no curve */
		{ "3059301306072a8648ce3d020106082a8648ce3d030107034201"
		    "04%%", "", "" },
		{ "3056301006072a8648ce3d020106052b8104000a034200"
		    "04%%", "", "" },
		{ "304f300906072a8648ce3d0201034200" "04%%", "", NO_SPKI },
		/* an algorithm that nobody knows; Ed25519 with parameters,
		   too short, and Ed448 */
		{ "302a3005060329654d032100%", "", NO_SPKI },
		{ "302c300706032b65700500032100%", "", "" },
		{ "3029300506032b6570032000%", "", NO_SPKI },
		{ "3043300506032b6571033a00%%", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct buffer b = expand(all[i].template, known[0].params,
		    false);

		refuses_buffer(&b, all[i].field, all[i].why);
	}
}

static void
other_pem_is_refused(void **state)
{
#define FORMS "expected a public key as DER, JWK, COSE_Key, or one block of PEM"
#define BLOCK "expected a PEM block \"PUBLIC KEY\""
	struct buffer der = expand(known[0].der, known[0].params, false), b;
	size_t n;

	(void)state;
	refuses(BYTES("key"), "", FORMS);
	refuses(BYTES(" "), "", FORMS);
	refuses(BYTES("\0"), "", FORMS);
	refuses(BYTES("[1]"), "", FORMS);
	refuses(BYTES("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"), "", FORMS);
	refuses(BYTES("-----BEGIN PUBLIC KEY-----\n"), "", BLOCK);
	refuses(BYTES("-----BEGIN PUBLIC KEY-----\n"
	    "-----END PUBLIC KEY-----\n"), "", BLOCK);
	refuses(BYTES("-----BEGIN PUBLIC KEY-----\nAAAA\n"
	    "-----END PUBLIC KEY-----\n"), "", NO_SPKI);
	b = pem_of("CERTIFICATE", buffer_view(&der));
	refuses_buffer(&b, "", BLOCK);
	b = pem_of("RSA PUBLIC KEY", buffer_view(&der));
	refuses_buffer(&b, "", BLOCK);
	/* the same twice */
	b = pem_of("PUBLIC KEY", buffer_view(&der));
	n = b.n;
	buffer_add(&b, "\n", 1);
	for (size_t i = 0; i < n; i++)
		buffer_addc(&b, (char)b.p[i]);
	refuses_buffer(&b, "", FORMS);
	/* something behind the key, in the block */
	buffer_addc(&der, 0);
	b = pem_of("PUBLIC KEY", buffer_view(&der));
	refuses_buffer(&b, "", DER_FORM);
	b = BUFFER(MOST);
	buffer_adds(&b, "-----BEGIN PUBLIC KEY-----\n"
	    "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"
	    "-----END PUBLIC KEY-----\n");
	refuses_buffer(&b, "", BLOCK);
	buffer_free(&der);
}

static void
sizes_are_limited(void **state)
{
	static uint8_t blanks[KEY_TEXT_MAX + 1];

	(void)state;
	memset(blanks, ' ', sizeof(blanks));
	refuses(bytes_of(blanks, 0), "", "1 to 16384 bytes, found 0");
	refuses(bytes_of(blanks, sizeof(blanks)), "", "found 16385");
	refuses(bytes_of(blanks, KEY_TEXT_MAX), "", FORMS);
	blanks[0] = 0x30;
	refused_at(ctx, spki_check(ctx, bytes_of(blanks, 0)),
	    FLUFFY_E_MALFORMED, "");
	refused_at(ctx, spki_check(ctx, bytes_of(blanks, SPKI_MAX + 1)),
	    FLUFFY_E_MALFORMED, "");
	/* deep nesting is no way to the stack's end */
	memset(blanks, '[', KEY_TEXT_MAX);
	memcpy(blanks, "{\"a\":", 5);
	refuses(bytes_of(blanks, KEY_TEXT_MAX), "", "JSON");
	memset(blanks, 0x81, KEY_TEXT_MAX);
	blanks[0] = 0xa1;
	refuses(bytes_of(blanks, KEY_TEXT_MAX), "", "");
}

/* Of a damaged key no bit is without consequence. */
static void
damaged_keys_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buffer der = expand(known[i].der, known[i].params,
		    false);
		size_t good = 0;

		for (size_t n = 0; n < der.n; n++)
			refused_at(ctx, spki_check(ctx, bytes_of(der.p, n)),
			    FLUFFY_E_MALFORMED, "");
		for (size_t bit = 0; bit < 8 * der.n; bit++) {
			der.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (spki_check(ctx, buffer_view(&der)) == FLUFFY_OK)
				good++;
			der.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		/* half of the numbers are some other point of Ed25519 */
		assert_in_range(good, 0, i == 0 ? 0 : 160);
		buffer_free(&der);
	}
}

/* ---- an EC pair ------------------------------------------------------- */

static EVP_PKEY *
private_of(struct bytes pkcs8)
{
	const unsigned char *p = pkcs8.p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p,
	    (long)pkcs8.n);
	EVP_PKEY *evp;

	assert_non_null(info);
	assert_ptr_equal(p, pkcs8.p + pkcs8.n);
	assert_non_null(evp = EVP_PKCS82PKEY(info));
	PKCS8_PRIV_KEY_INFO_free(info);
	return evp;
}

static void
new_pairs_are_on_p256(void **state)
{
	struct buffer first = BUFFER(MOST), second = BUFFER(MOST);
	struct buffer public = BUFFER(MOST), pem = BUFFER(MOST);
	EVP_PKEY *evp;
	uint8_t *der = NULL;
	char group[80];
	int n;

	(void)state;
	must(ctx, pair_new(ctx, &first));
	must(ctx, pair_new(ctx, &second));
	assert_false(bytes_eq(buffer_view(&first), buffer_view(&second)));
	evp = private_of(buffer_view(&first));
	assert_int_equal(EVP_PKEY_get_group_name(evp, group, sizeof(group),
	    NULL), 1);
	assert_string_equal(group, "prime256v1");
	must(ctx, pair_public(ctx, buffer_view(&first), false, &public));
	assert_true((n = i2d_PUBKEY(evp, &der)) > 0);
	assert_bytes(buffer_view(&public), bytes_of(der, (size_t)n));
	must(ctx, pair_public(ctx, buffer_view(&first), true, &pem));
	assert_memory_equal(pem.p, "-----BEGIN PUBLIC KEY-----", 26);
	reads_as(&pem, buffer_view(&public));
	OPENSSL_free(der);
	EVP_PKEY_free(evp);
	buffer_free(&first);
	buffer_free(&second);
	buffer_free(&public);
}

/* What BIO has, and frees it. */
static struct buffer
drain(BIO *bio)
{
	struct buffer b = BUFFER(MOST);
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	buffer_add(&b, text, (size_t)n);
	(void)BIO_free(bio);
	return b;
}

static void
pair_reads_as(struct buffer *from, struct bytes pkcs8)
{
	struct buffer b = BUFFER(MOST);

	must(ctx, pair_read(ctx, buffer_view(from), &b));
	assert_bytes(buffer_view(&b), pkcs8);
	buffer_free(&b);
	buffer_free(from);
}

static void
pairs_are_read(void **state)
{
	static const char *const curves[] = { "P-256", "P-384", "P-521" };

	(void)state;
	for (size_t i = 0; i < COUNT(curves); i++) {
		EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
		    curves[i]);
		struct buffer pkcs8, b;
		BIO *bio = BIO_new(BIO_s_mem());

		assert_int_equal(i2d_PKCS8PrivateKey_bio(bio, evp, NULL, NULL,
		    0, NULL, NULL), 1);
		pkcs8 = drain(bio);
		bio = BIO_new(BIO_s_mem());
		assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, evp,
		    NULL, NULL, 0, NULL, NULL), 1);
		b = drain(bio);
		pair_reads_as(&b, buffer_view(&pkcs8));
		/* SEC 1, behind what `openssl ecparam -genkey` writes */
		bio = BIO_new(BIO_s_mem());
		BIO_puts(bio, "-----BEGIN EC PARAMETERS-----\n"
		    "BggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
		assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio,
		    evp, NULL, NULL, 0, NULL, NULL), 1);
		b = drain(bio);
		pair_reads_as(&b, buffer_view(&pkcs8));
		bio = BIO_new(BIO_s_mem());
		assert_int_equal(i2d_PrivateKey_bio(bio, evp), 1);
		b = drain(bio);
		pair_reads_as(&b, buffer_view(&pkcs8));
		pair_reads_as(&pkcs8, buffer_view(&pkcs8));
		EVP_PKEY_free(evp);
	}
}

/* RFC 5915: the public half may be left out. */
static void
the_public_half_is_made(void **state)
{
	static const char sec1[] = "30310201010420"
	    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
	    "a00a06082a8648ce3d030107",
	    spki[] = P256_DER "04"
	    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
	    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
	struct buffer der = expand(sec1, NULL, false);
	struct buffer expected = expand(spki, NULL, false);
	struct buffer pkcs8 = BUFFER(MOST), public = BUFFER(MOST);

	(void)state;
	must(ctx, pair_read(ctx, buffer_view(&der), &pkcs8));
	must(ctx, pair_public(ctx, buffer_view(&pkcs8), false, &public));
	assert_bytes(buffer_view(&public), buffer_view(&expected));
	buffer_free(&der);
	buffer_free(&expected);
	buffer_free(&pkcs8);
	buffer_free(&public);
}

static void
refuses_pair(struct buffer *from, const char *why)
{
	struct buffer b = BUFFER(MOST);

	refused_at(ctx, pair_read(ctx, buffer_view(from), &b),
	    FLUFFY_E_MALFORMED, "");
	if (strstr(fluffy_why(ctx).text, why) == NULL)
		print_error("%s\n", fluffy_why(ctx).text);
	assert_non_null(strstr(fluffy_why(ctx).text, why));
	assert_int_equal(b.n, 0);
	buffer_free(&b);
	buffer_free(from);
}

#define NO_PAIR	"expected an EC private key, unencrypted, as PEM or DER"

static void
other_pairs_are_refused(void **state)
{
	static const struct {
		const char *type, *group;
	} all[] = { { "ED25519", NULL }, { "X25519", NULL },
		{ "EC", "secp256k1" }, { "EC", "brainpoolP256r1" },
		{ "EC", "P-224" } };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		EVP_PKEY *evp = all[i].group != NULL ?
		    EVP_PKEY_Q_keygen(NULL, NULL, all[i].type, all[i].group) :
		    EVP_PKEY_Q_keygen(NULL, NULL, all[i].type);
		BIO *bio = BIO_new(BIO_s_mem());
		struct buffer b;

		assert_int_equal(i2d_PKCS8PrivateKey_bio(bio, evp, NULL, NULL,
		    0, NULL, NULL), 1);
		b = drain(bio);
		refuses_pair(&b, all[i].group == NULL ? NO_PAIR :
		    "expected a key on P-256, P-384 or P-521");
		EVP_PKEY_free(evp);
	}
}

static void
refuses_encrypted(EVP_PKEY *evp, char *word)
{
	struct buffer b;
	BIO *bio;

	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, evp,
	    EVP_aes_128_cbc(), NULL, 0, NULL, word), 1);
	b = drain(bio);
	refuses_pair(&b, NO_PAIR);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_PKCS8PrivateKey_bio(bio, evp,
	    EVP_aes_128_cbc(), NULL, 0, NULL, word), 1);
	b = drain(bio);
	refuses_pair(&b, NO_PAIR);
}

/* Nobody is asked for a passphrase, nor is one guessed. */
static void
encrypted_pairs_are_refused(void **state)
{
	EVP_PKEY *evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	char secret[] = "secret", empty[] = "";
	BIO *bio = BIO_new(BIO_s_mem());
	struct buffer b;

	(void)state;
	refuses_encrypted(evp, secret);
	refuses_encrypted(evp, empty);
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, evp,
	    EVP_aes_128_cbc(), NULL, 0, NULL, secret), 1);
	b = drain(bio);
	refuses_pair(&b, NO_PAIR);
	EVP_PKEY_free(evp);
}

static void
damaged_pairs_are_refused(void **state)
{
	struct buffer pkcs8 = BUFFER(MOST), b = BUFFER(MOST);
	size_t at;

	(void)state;
	refuses_pair(&b, "found 0");
	b = BUFFER(MOST);
	buffer_adds(&b, "no key");
	refuses_pair(&b, NO_PAIR);
	must(ctx, pair_new(ctx, &pkcs8));
	/* the public half */
	must(ctx, pair_public(ctx, buffer_view(&pkcs8), false, &b));
	refuses_pair(&b, NO_PAIR);
	b = BUFFER(MOST);
	must(ctx, pair_public(ctx, buffer_view(&pkcs8), true, &b));
	refuses_pair(&b, NO_PAIR);
	/* something behind it; cut off */
	b = BUFFER(MOST);
	buffer_add(&b, pkcs8.p, pkcs8.n);
	buffer_addc(&b, 0);
	refuses_pair(&b, NO_PAIR);
	for (size_t n = 1; n < pkcs8.n; n++) {
		b = BUFFER(MOST);
		buffer_add(&b, pkcs8.p, n);
		refuses_pair(&b, NO_PAIR);
	}
	/* the private number is behind the public point's 66 bytes and more */
	at = pkcs8.n - 66 - 6;
	b = BUFFER(MOST);
	buffer_add(&b, pkcs8.p, pkcs8.n);
	b.p[at] ^= 1;
	refuses_pair(&b, "the private half doesn't fit the public one");
	buffer_free(&pkcs8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_forms_agree),
		T(exported_keys_are_read),
		T(rsa_keys_have_2048_to_4096_bits),
		T(text_around_pem_is_no_matter),
		T(private_keys_are_refused),
		T(a_trace_of_a_private_key_is_refused),
		T(other_jwks_are_refused),
		T(other_cose_keys_are_refused),
		T(other_der_is_refused),
		T(other_pem_is_refused),
		T(sizes_are_limited),
		T(damaged_keys_are_refused),
		T(new_pairs_are_on_p256),
		T(pairs_are_read),
		T(the_public_half_is_made),
		T(other_pairs_are_refused),
		T(encrypted_pairs_are_refused),
		T(damaged_pairs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

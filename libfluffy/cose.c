/*
 * cose.c - COSE_Encrypt0 and key derivation over OpenSSL's EVP
 *
 * Tags are compared inside EVP, in constant time.
 */
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "alg.h"
#include "cbor.h"
#include "cose.h"

/*
 * Contexts are kept for the next seal, one for each algorithm and direction:
 * making one costs as much as a seal.  OpenSSL wipes them when they are freed.
 */
struct crypto {
	EVP_CIPHER_CTX *ctx[N_AEADS][2]; /* made when first used */
	EVP_MAC *hmac;
	EVP_KDF *hkdf;
	uint8_t decoy[DECOY_SIZE];
	bool has_decoy;
};

struct crypto *
crypto_new(void)
{
	return calloc(1, sizeof(struct crypto));
}

void
crypto_free(struct crypto *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < N_AEADS; i++) {
		EVP_CIPHER_CTX_free(c->ctx[i][0]);
		EVP_CIPHER_CTX_free(c->ctx[i][1]);
	}
	EVP_MAC_free(c->hmac);
	EVP_KDF_free(c->hkdf);
	free(c);
}

static enum fluffy_error
fail_openssl(fluffy_ctx *ctx, const char *what)
{
	return fluffy_fail(ctx, FLUFFY_E_SYSTEM, NULL,
	    "OpenSSL: %s failed", what);
}

/* A context that knows its algorithm and the lengths, or NULL. */
static EVP_CIPHER_CTX *
context_new(const struct aead *aead, bool encrypt)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, aead->evp, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (cipher == NULL || ctx == NULL || EVP_CipherInit_ex2(ctx, cipher,
	    NULL, NULL, encrypt, NULL) != 1 || EVP_CIPHER_CTX_ctrl(ctx,
	    EVP_CTRL_AEAD_SET_IVLEN, (int)aead->iv, NULL) != 1 ||
	    (aead->ccm && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
	    (int)aead->tag, NULL) != 1)) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(cipher);
	return ctx;
}

static EVP_CIPHER_CTX **
context(struct crypto *c, const struct aead *aead, bool encrypt)
{
	EVP_CIPHER_CTX **ctx = &c->ctx[aead - aeads][encrypt];

	if (*ctx == NULL)
		*ctx = context_new(aead, encrypt);
	return ctx;
}

/* Enc_structure: ["Encrypt0", protected, external_aad] (RFC 9052, 5.3). */
static void
put_enc_structure(struct buffer *b, int64_t alg, struct bytes external_aad)
{
	uint8_t header[PROTECTED_MAX];

	cbor_put_array(b, 3);
	cbor_put_text(b, BYTES("Encrypt0"));
	cbor_put_bytes(b, bytes_of(header, cbor_protected(header, alg)));
	cbor_put_bytes(b, external_aad);
}

void
cose_put_sig_structure(struct buffer *b, int64_t alg,
    struct bytes external_aad, struct bytes payload)
{
	uint8_t header[PROTECTED_MAX];

	cbor_put_array(b, 4);
	cbor_put_text(b, BYTES("Signature1"));
	cbor_put_bytes(b, bytes_of(header, cbor_protected(header, alg)));
	cbor_put_bytes(b, external_aad);
	cbor_put_bytes(b, payload);
}

/* One pass; for opening, tag holds the expected one. */
struct pass {
	const struct aead *aead;
	struct bytes key, iv, aad, in;
	uint8_t *out, *tag;
	bool encrypt;
};

static bool
start(EVP_CIPHER_CTX *ctx, const struct pass *p)
{
	int n;

	/* CCM wants to know the tag before, GCM's at the end is as good */
	if (!p->encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
	    (int)p->aead->tag, p->tag) != 1)
		return false;
	if (EVP_CipherInit_ex2(ctx, NULL, p->key.p, p->iv.p, p->encrypt,
	    NULL) != 1)
		return false;
	/* CCM wants to know the length before the AAD */
	return !p->aead->ccm ||
	    EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)p->in.n) == 1;
}

static bool
pass(EVP_CIPHER_CTX *ctx, const struct pass *p)
{
	uint8_t nothing[1] = { 0 };
	int n;

	if (!start(ctx, p) ||
	    EVP_CipherUpdate(ctx, NULL, &n, p->aad.p, (int)p->aad.n) != 1)
		return false;
	/* for CCM the update is what verifies, also of an empty text */
	if (p->in.n > 0 || p->aead->ccm)
		if (EVP_CipherUpdate(ctx, p->in.n > 0 ? p->out : nothing, &n,
		    p->in.n > 0 ? p->in.p : nothing, (int)p->in.n) != 1)
			return false;
	if (!p->aead->ccm &&
	    EVP_CipherFinal_ex(ctx, nothing, &n) != 1)
		return false;
	return !p->encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
	    (int)p->aead->tag, p->tag) == 1;
}

/* What failed half-way isn't used again. */
static bool
run(struct crypto *c, const struct pass *p)
{
	EVP_CIPHER_CTX **ctx = context(c, p->aead, p->encrypt);

	if (*ctx != NULL && pass(*ctx, p))
		return true;
	EVP_CIPHER_CTX_free(*ctx);
	*ctx = NULL;
	return false;
}

/* Fills what both directions share; the caller frees aad. */
static enum fluffy_error
prepare(fluffy_ctx *ctx, struct pass *p, int64_t alg,
    struct bytes external_aad, struct buffer *aad)
{
	p->aead = aead_of(alg);
	if (p->aead == NULL || p->key.n != p->aead->key ||
	    p->iv.n != p->aead->iv)
		return fluffy_fail(ctx, FLUFFY_E_INTERNAL, NULL,
		    "a key or iv that isn't of its algorithm");
	if (*context(ctx->crypto, p->aead, p->encrypt) == NULL)
		return fail_openssl(ctx, p->aead->evp);
	put_enc_structure(aad, alg, external_aad);
	if (aad->failed)
		return fluffy_fail_memory(ctx);
	p->aad = buffer_view(aad);
	return FLUFFY_OK;
}

#define AAD_MAX ((size_t)FLUFFY_MAX_EMITTED + 64)

enum fluffy_error
cose_encrypt(fluffy_ctx *ctx, int64_t alg, struct bytes key, struct bytes iv,
    struct bytes external_aad, struct bytes plaintext, uint8_t *out)
{
	struct pass p = { .key = key, .iv = iv, .in = plaintext, .out = out,
	    .tag = out + plaintext.n, .encrypt = true };
	struct buffer aad = BUFFER(AAD_MAX);
	enum fluffy_error e;

	e = prepare(ctx, &p, alg, external_aad, &aad);
	if (e == FLUFFY_OK && !run(ctx->crypto, &p))
		e = fail_openssl(ctx, "encryption");
	buffer_free(&aad);
	return e;
}

enum fluffy_error
cose_decrypt(fluffy_ctx *ctx, int64_t alg, struct bytes key, struct bytes iv,
    struct bytes external_aad, struct bytes ciphertext, uint8_t *out)
{
	struct pass p = { .key = key, .iv = iv, .out = out };
	struct buffer aad = BUFFER(AAD_MAX);
	uint8_t tag[16];
	enum fluffy_error e;

	e = prepare(ctx, &p, alg, external_aad, &aad);
	if (e == FLUFFY_OK && ciphertext.n < p.aead->tag)
		e = fluffy_fail(ctx, FLUFFY_E_AUTH_FAILED, NULL,
		    "shorter than the tag");
	if (e == FLUFFY_OK) {
		p.in = bytes_of(ciphertext.p, ciphertext.n - p.aead->tag);
		memcpy(tag, ciphertext.p + p.in.n, p.aead->tag);
		p.tag = tag;
		if (!run(ctx->crypto, &p)) {
			OPENSSL_cleanse(out, p.in.n);
			e = fluffy_fail(ctx, FLUFFY_E_AUTH_FAILED, NULL,
			    "bad seal");
		}
	}
	buffer_free(&aad);
	return e;
}

/* Not by ctx_random: whoever decides about chance there isn't to open with it. */
enum fluffy_error
cose_decoy(fluffy_ctx *ctx, uint8_t out[DECOY_SIZE])
{
	struct crypto *c = ctx->crypto;

	if (!c->has_decoy)
		c->has_decoy = RAND_bytes(c->decoy, DECOY_SIZE) == 1;
	if (!c->has_decoy)
		return fail_openssl(ctx, "the random generator");
	memcpy(out, c->decoy, DECOY_SIZE);
	return FLUFFY_OK;
}

/* OSSL_PARAM takes what it only reads without const. */
static OSSL_PARAM
octets(const char *name, struct bytes bytes)
{
	return OSSL_PARAM_construct_octet_string(name,
	    (void *)(uintptr_t)bytes.p, bytes.n);
}

static char sha256[] = "SHA256";

enum fluffy_error
hkdf_sha256(fluffy_ctx *ctx, struct bytes key, struct bytes salt,
    const char *info, uint8_t *out, size_t n)
{
	struct crypto *c = ctx->crypto;
	OSSL_PARAM params[5], *p = params;
	EVP_KDF_CTX *kdf = NULL;
	bool done = false;

	if (c->hkdf == NULL)
		c->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256,
	    0);
	*p++ = octets(OSSL_KDF_PARAM_KEY, key);
	*p++ = octets(OSSL_KDF_PARAM_INFO, bytes_str(info));
	if (salt.n > 0)
		*p++ = octets(OSSL_KDF_PARAM_SALT, salt);
	*p = OSSL_PARAM_construct_end();
	if (c->hkdf != NULL && (kdf = EVP_KDF_CTX_new(c->hkdf)) != NULL)
		done = EVP_KDF_derive(kdf, out, n, params) == 1;
	EVP_KDF_CTX_free(kdf);
	return done ? FLUFFY_OK : fail_openssl(ctx, "HKDF");
}

enum fluffy_error
hmac_sha256(fluffy_ctx *ctx, struct bytes key, struct bytes data,
    uint8_t out[HMAC_SIZE])
{
	struct crypto *c = ctx->crypto;
	OSSL_PARAM params[2];
	EVP_MAC_CTX *mac = NULL;
	bool done = false;
	size_t n;

	if (c->hmac == NULL)
		c->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
	    sha256, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (c->hmac != NULL && (mac = EVP_MAC_CTX_new(c->hmac)) != NULL)
		done = EVP_MAC_init(mac, key.p, key.n, params) == 1 &&
		    EVP_MAC_update(mac, data.p, data.n) == 1 &&
		    EVP_MAC_final(mac, out, &n, HMAC_SIZE) == 1;
	EVP_MAC_CTX_free(mac);
	return done ? FLUFFY_OK : fail_openssl(ctx, "HMAC");
}

enum fluffy_error
cose_cksum(fluffy_ctx *ctx, struct bytes key, struct bytes external_aad,
    uint8_t out[CKSUM_SIZE])
{
	uint8_t derived[32], mac[32];
	enum fluffy_error e;

	e = hkdf_sha256(ctx, key, bytes_of(NULL, 0), "fluffy cksum", derived,
	    sizeof(derived));
	if (e == FLUFFY_OK)
		e = hmac_sha256(ctx, bytes_of(derived, sizeof(derived)),
		    external_aad, mac);
	if (e == FLUFFY_OK)
		memcpy(out, mac, CKSUM_SIZE);
	OPENSSL_cleanse(derived, sizeof(derived));
	OPENSSL_cleanse(mac, sizeof(mac));
	return e;
}

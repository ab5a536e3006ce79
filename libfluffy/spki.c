/*
 * spki.c - SubjectPublicKeyInfo, and an EC pair of one's own
 *
 * What OpenSSL has parsed becomes a keydata, which pkey.c judges and writes:
 * there is one way to write a key, and another one is found by comparing.
 */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "pkey_kind.h"
#include "spki.h"

/* ---- from OpenSSL's form ---------------------------------------------- */

/* OpenSSL has several names for a curve. */
static bool
same_group(const EVP_PKEY *evp, const char *group)
{
	char name[80];

	return group == NULL || (EVP_PKEY_get_group_name(evp, name,
	    sizeof(name), NULL) == 1 &&
	    OBJ_txt2nid(name) == EC_curve_nist2nid(group));
}

static const struct pair_alg *
kind_of(const EVP_PKEY *evp)
{
	const struct pair_alg *kind;

	for (kind = pair_algs; kind < pair_algs + N_PAIR_ALGS; kind++)
		if (EVP_PKEY_is_a(evp, kind->type) == 1 &&
		    same_group(evp, kind->group))
			return kind;
	return NULL;
}

/* Are all parameters of a length that the key's table allows? */
static bool
lengths_fit(const struct pkey *key)
{
	const struct schema *schema = key->head.schema;
	const struct row *row;
	const void *member;
	size_t n;

	for (uint8_t i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		member = (const uint8_t *)key + row->offset;
		n = row->kind == K_BYTES ?
		    ((const struct bytes *)member)->n : row->min;
		if (n < row->min || n > row->max)
			return false;
	}
	return true;
}

/* A keydata of that choice; a good key. */
static enum fluffy_error
from_evp(fluffy_ctx *ctx, struct arena *arena, const struct schema *choice,
    const EVP_PKEY *evp, struct keydata **out)
{
	const struct pair_alg *kind = kind_of(evp);

	if (kind == NULL)
		return pkey_fail(ctx, FLUFFY_E_MALFORMED,
		    "expected a key on P-256, P-384 or P-521, Ed25519, X25519 "
		    "or RSA");
	*out = pkey_new(arena, choice, kind, BYTES(""));
	if (*out != NULL && pkey_params(evp, kind, arena, (*out)->pkey) &&
	    lengths_fit((*out)->pkey))
		return pkey_check(ctx, *out);
	return arena->failed ? fluffy_fail_memory(ctx) :
	    pkey_fail(ctx, FLUFFY_E_MALFORMED, "not a key of a usual size");
}

/* ---- public keys ------------------------------------------------------ */

static enum fluffy_error
check_written(fluffy_ctx *ctx, const struct keydata *k, struct bytes der)
{
	struct buffer b = BUFFER(SPKI_MAX);
	enum fluffy_error e = pkey_write(ctx, k, false, &b);

	if (e == FLUFFY_OK && !bytes_eq(buffer_view(&b), der))
		e = fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "not DER with a named curve and an uncompressed point, or "
		    "something behind it");
	buffer_free(&b);
	return e;
}

enum fluffy_error
spki_check(fluffy_ctx *ctx, struct bytes der)
{
	struct arena arena = { NULL, false };
	const unsigned char *p = der.p;
	struct keydata *k = NULL;
	enum fluffy_error e;
	EVP_PKEY *evp;

	if (der.n < 1 || der.n > SPKI_MAX)
		return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "expected a public key of 1 to %d bytes, found %zu",
		    SPKI_MAX, der.n);
	ERR_clear_error();
	evp = d2i_PUBKEY(NULL, &p, (long)der.n);
	e = evp == NULL ? pkey_fail(ctx, FLUFFY_E_MALFORMED,
	    "not a SubjectPublicKeyInfo") :
	    from_evp(ctx, &arena, &keydata_public, evp, &k);
	if (e == FLUFFY_OK)
		e = check_written(ctx, k, der);
	EVP_PKEY_free(evp);
	arena_free(&arena);
	return e;
}

/* ---- an EC pair ------------------------------------------------------- */

static EVP_PKEY *
parse_der(struct bytes data)
{
	const unsigned char *p = data.p;
	EVP_PKEY *evp = d2i_AutoPrivateKey(NULL, &p, (long)data.n);

	if (evp == NULL || p == data.p + data.n)
		return evp;
	EVP_PKEY_free(evp);
	return NULL;
}

static EVP_PKEY *
parse_pem(struct bytes data)
{
	bool asked;
	BIO *bio = BIO_new_mem_buf(data.p, (int)data.n);
	EVP_PKEY *evp = NULL;

	if (bio != NULL)
		evp = PEM_read_bio_PrivateKey(bio, NULL, pkey_no_passphrase,
		    &asked);
	(void)BIO_free(bio);
	return evp;
}

static enum fluffy_error
read_pair(fluffy_ctx *ctx, struct arena *arena, struct bytes data,
    struct keydata **k)
{
	enum fluffy_error e;
	EVP_PKEY *evp;

	if (data.n < 1 || data.n > KEY_TEXT_MAX)
		return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "expected a private key of 1 to %d bytes, found %zu",
		    KEY_TEXT_MAX, data.n);
	ERR_clear_error();
	evp = data.p[0] == 0x30 ? parse_der(data) : parse_pem(data);
	e = evp == NULL || EVP_PKEY_is_a(evp, "EC") != 1 ?
	    pkey_fail(ctx, FLUFFY_E_MALFORMED,
	    "expected an EC private key, unencrypted, as PEM or DER") :
	    from_evp(ctx, arena, &keydata_pair, evp, k);
	EVP_PKEY_free(evp);
	return e;
}

enum fluffy_error
pair_new(fluffy_ctx *ctx, struct buffer *pkcs8)
{
	struct arena arena = { NULL, false };
	struct keydata *k;
	enum fluffy_error e;

	e = pkey_generate(ctx, &arena, KTY_EC, -7, BYTES(""), &k);
	if (e == FLUFFY_OK)
		e = pkey_write(ctx, k, false, pkcs8);
	arena_free(&arena);
	return e;
}

enum fluffy_error
pair_read(fluffy_ctx *ctx, struct bytes data, struct buffer *pkcs8)
{
	struct arena arena = { NULL, false };
	struct keydata *k = NULL;
	enum fluffy_error e = read_pair(ctx, &arena, data, &k);

	if (e == FLUFFY_OK)
		e = pkey_write(ctx, k, false, pkcs8);
	arena_free(&arena);
	return e;
}

enum fluffy_error
pair_public(fluffy_ctx *ctx, struct bytes pkcs8, bool pem,
    struct buffer *out)
{
	struct arena arena = { NULL, false };
	struct keydata *k = NULL;
	enum fluffy_error e = read_pair(ctx, &arena, pkcs8, &k);

	if (e == FLUFFY_OK)
		e = pkey_public(ctx, &arena, k, &k);
	if (e == FLUFFY_OK)
		e = pkey_write(ctx, k, pem, out);
	arena_free(&arena);
	return e;
}

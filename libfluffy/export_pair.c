/*
 * export_pair.c - pairs and public keys in the forms that others read
 *
 * The parameters are called in a keydata as in a JWK (RFC 7518, 8037), and
 * labelled as in a COSE_Key (RFC 9053, 8230).
 */
#include <openssl/evp.h>

#include "cbor.h"
#include "cert.h"
#include "export.h"
#include "json.h"
#include "pkey.h"

/* ---- JWK -------------------------------------------------------------- */

static void
put_words(struct buffer *b, const struct tokens *ops)
{
	const char *before = ",\"key_ops\":[", *word;

	for (uint8_t i = 0; i < ops->n; i++)
		if ((word = word_of(R_KEYOPS, ops->v[i])) != NULL) {
			buffer_addf(b, "%s\"%s\"", before, word);
			before = ",";
		}
	/* none that has a word: left out */
	if (before[1] == '\0')
		buffer_addc(b, ']');
}

/* RFC 7517, 4.7: not base64url, and with padding. */
static void
put_base64(struct buffer *b, struct bytes der)
{
	size_t n = (der.n + 2) / 3 * 4;
	uint8_t *room = buffer_room(b, n + 1);

	if (room != NULL) {
		(void)EVP_EncodeBlock(room, der.p, (int)der.n);
		b->n += n;
	}
}

static void
put_x5c(struct buffer *b, const struct bytes_list *x5c)
{
	for (uint8_t i = 0; i < x5c->n; i++) {
		buffer_adds(b, i == 0 ? ",\"x5c\":[\"" : "\",\"");
		put_base64(b, x5c->v[i]);
	}
	buffer_adds(b, "\"]");
}

/* The names of RFC 7517, which aren't section 3's. */
static void
put_certificates(struct buffer *b, const struct keydata *k)
{
	if (HAS(k, L_x5u)) {
		buffer_adds(b, ",\"x5u\":");
		json_put_string(b, k->x5u);
	}
	if (HAS(k, L_x5c))
		put_x5c(b, &k->x5c);
	if (HAS(k, L_x5t)) {
		buffer_adds(b, ",\"x5t\":");
		json_put_base64url(b, k->x5t);
	}
	if (HAS(k, L_x5t256)) {
		buffer_adds(b, ",\"x5t#S256\":");
		json_put_base64url(b, k->x5t256);
	}
}

static void
put_params(struct buffer *b, const struct pkey *key)
{
	const struct schema *schema = key->head.schema;

	for (uint8_t i = 0; i < schema->n_rows; i++) {
		buffer_addf(b, ",\"%s\":", row_name(&schema->rows[i]));
		json_put_member(b, key, &schema->rows[i], JSON_PLAIN);
	}
}

static void
put_jwk(struct buffer *b, const struct keydata *k)
{
	const char *use = word_of(R_PKUSE, k->pkuse);

	buffer_addf(b, "{\"kty\":\"%s\",\"kid\":", word_of(R_KTY, k->kty));
	json_put_base64url(b, k->keyid);
	put_params(b, k->pkey);
	if (use != NULL)
		buffer_addf(b, ",\"use\":\"%s\"", use);
	put_words(b, &k->keyops);
	/* the agreement of RFC 9053 has no name there */
	if (pkey_signs(k->alg))
		buffer_addf(b, ",\"alg\":\"%s\"", word_of(R_ALG, k->alg));
	put_certificates(b, k);
	buffer_adds(b, "}\n");
}

/* ---- COSE_Key --------------------------------------------------------- */

static void
put_cose_params(struct buffer *b, const struct pkey *key)
{
	const struct schema *schema = key->head.schema;
	const struct row *row;

	for (uint8_t i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		cbor_put_int(b, row->label);
		if (row->kind == K_TOKEN)
			cbor_put_int(b, key->crv);
		else
			cbor_put_bytes(b, *(const struct bytes *)(const void *)
			    ((const uint8_t *)key + row->offset));
	}
}

/* RFC 9052, section 7: {1: kty, 2: kid, 3: alg, ? 4: key_ops, -1: ...}. */
static void
put_cose_key(struct buffer *b, const struct keydata *k)
{
	const struct tokens *ops = &k->keyops;

	cbor_put_map(b, (size_t)k->pkey->head.schema->n_rows +
	    (ops->n > 0 ? 4 : 3));
	cbor_put_int(b, 1);
	cbor_put_int(b, k->kty);
	cbor_put_int(b, 2);
	cbor_put_bytes(b, k->keyid);
	cbor_put_int(b, 3);
	cbor_put_int(b, k->alg);
	if (ops->n > 0) {
		cbor_put_int(b, 4);
		cbor_put_array(b, ops->n);
		for (uint8_t i = 0; i < ops->n; i++)
			cbor_put_int(b, ops->v[i]);
	}
	put_cose_params(b, k->pkey);
}

/* ---- all -------------------------------------------------------------- */

enum fluffy_error
export_pair(fluffy_ctx *ctx, const struct keydata *k,
    enum fluffy_export_as as, struct buffer *b)
{
	enum fluffy_error e;

	switch (as) {
	case FLUFFY_AS_JWK:
		put_jwk(b, k);
		return FLUFFY_OK;
	case FLUFFY_AS_COSE_KEY:
		put_cose_key(b, k);
		return FLUFFY_OK;
	case FLUFFY_AS_KEYDATA:
		json_put_struct(b, k, JSON_PLAIN);
		buffer_addc(b, '\n');
		return FLUFFY_OK;
	case FLUFFY_AS_PEM:
		e = pkey_write(ctx, k, true, b);
		return e == FLUFFY_OK ? cert_write(ctx, k, b) : e;
	case FLUFFY_AS_DER:
		return pkey_write(ctx, k, false, b);
	default:
		return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "only symmetric keys have this form");
	}
}

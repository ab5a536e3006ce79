/*
 * spki_read.c - public keys as others have them
 *
 * JWK is RFC 7517, 7518 and 8037, COSE_Key RFC 9052, 9053 and 8230.  Both call
 * and label the parameters as the tables of a keydata's key do; what else is in
 * them says what a key is for, and isn't looked at.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base64url.h"
#include "cbor.h"
#include "json.h"
#include "pkey_kind.h"
#include "spki.h"

static enum fluffy_error
malformed(fluffy_ctx *ctx, const char *what)
{
	return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL, "%s", what);
}

static enum fluffy_error
fail_private(fluffy_ctx *ctx)
{
	return malformed(ctx, "a private key: only its public half may be "
	    "handed on");
}

/* ---- JWK and COSE_Key ------------------------------------------------- */

/* A COSE_Key's labels that count; between them are those of other matters. */
#define KTY_LABEL  1
#define LAST_LABEL (-8)

struct key_map {
	fluffy_ctx *ctx;
	struct arena arena;
	struct tree t;	/* its first node is a map */
};

static bool
is_label(const struct node *node, int label)
{
	return node->type == N_INT && node->tag == TAG_NONE &&
	    node->v.i == label;
}

/* A member's value, or NULL. */
static const struct node *
find(const struct key_map *m, const char *name, int label)
{
	const struct node *v = m->t.v, *value;

	for (const struct node *at = v + 1; at < v + v->end;
	    at = v + value->end) {
		value = v + at->end;
		if (m->t.json ? bytes_eq(tree_string(&m->t, at),
		    bytes_str(name)) : is_label(at, label))
			return value;
	}
	return NULL;
}

static enum fluffy_error
wrong(const struct key_map *m, const char *name, const char *what)
{
	struct path top = { .name = m->t.json ? "JWK" : "COSE_Key" };
	struct path path = { .up = &top, .name = name, .len = strlen(name) };

	top.len = strlen(top.name);
	return fluffy_fail(m->ctx, FLUFFY_E_MALFORMED, &path, "%s", what);
}

/* A word in a JWK, a number in a COSE_Key. */
static bool
get_token(const struct key_map *m, const struct node *node,
    enum registry registry, int64_t *out)
{
	if (node == NULL || node->tag != TAG_NONE)
		return false;
	if (m->t.json)
		return node->type == N_TEXT &&
		    number_of(registry, tree_string(&m->t, node), out);
	*out = node->v.i;
	return node->type == N_INT;
}

static bool
get_bytes(struct key_map *m, const struct node *node, struct bytes *out)
{
	struct bytes s;
	uint8_t *p;

	if (node->tag != TAG_NONE ||
	    node->type != (m->t.json ? N_TEXT : N_BYTES))
		return false;
	s = tree_string(&m->t, node);
	if (!m->t.json)
		return arena_copy(&m->arena, s, out);
	*out = bytes_of(NULL, BASE64URL_DECODED(s.n));
	if ((p = arena_alloc(&m->arena, out->n + 1)) == NULL)
		return false;
	out->p = p;
	return base64url_decode(s, p);
}

static enum fluffy_error
get_param(struct key_map *m, const struct row *row, struct pkey *key)
{
	const struct node *node = find(m, row->name, row->label);
	void *member = (uint8_t *)key + row->offset;
	struct bytes *out = member;

	if (node == NULL)
		return wrong(m, row->name, "missing");
	if (get_bytes(m, node, out) && out->n >= row->min &&
	    out->n <= row->max)
		return FLUFFY_OK;
	if (m->arena.failed)
		return fluffy_fail_memory(m->ctx);
	return wrong(m, row->name, m->t.json ?
	    "not base64url of a right length" :
	    "not a byte string of a right length");
}

/* Is there a parameter that only a pair has? */
static bool
has_secret(const struct key_map *m, int64_t kty)
{
	const struct schema *pair = schema_by_kty(&keydata_pair, kty);
	const struct schema *key = schema_row(pair, L_key)->sub;
	const struct row *row;

	for (row = key->rows; row < key->rows + key->n_rows; row++)
		if ((row->flags & F_SECRET) != 0 &&
		    find(m, row->name, row->label) != NULL)
			return true;
	return false;
}

static const struct pair_alg *
kind_of(int64_t kty, int64_t crv)
{
	const struct pair_alg *kind;

	for (kind = pair_algs; kind < pair_algs + N_PAIR_ALGS; kind++)
		if (kind->kty == kty && kind->crv == crv)
			return kind;
	return NULL;
}

static enum fluffy_error
get_kind(const struct key_map *m, const struct pair_alg **kind)
{
	int64_t kty = 0, crv = 0;

	if (!get_token(m, find(m, "kty", KTY_LABEL), R_KTY, &kty) ||
	    schema_by_kty(&keydata_public, kty) == NULL)
		return wrong(m, "kty", "expected EC, OKP or RSA");
	if (has_secret(m, kty))
		return fail_private(m->ctx);
	if ((kty != KTY_RSA &&
	    !get_token(m, find(m, "crv", -1), R_CRV, &crv)) ||
	    (*kind = kind_of(kty, crv)) == NULL)
		return wrong(m, "crv", "expected P-256, P-384, P-521, Ed25519 "
		    "or X25519, as fits kty");
	return FLUFFY_OK;
}

static enum fluffy_error
read_map(struct key_map *m, struct buffer *der)
{
	const struct pair_alg *kind;
	enum fluffy_error e;
	const struct row *row;
	struct keydata *k;

	if ((e = get_kind(m, &kind)) != FLUFFY_OK)
		return e;
	k = pkey_new(&m->arena, &keydata_public, kind, BYTES(""));
	if (k == NULL)
		return fluffy_fail_memory(m->ctx);
	k->pkey->crv = kind->crv;
	for (uint8_t i = 0; i < k->pkey->head.schema->n_rows; i++) {
		row = &k->pkey->head.schema->rows[i];
		if (row->kind == K_BYTES &&
		    (e = get_param(m, row, k->pkey)) != FLUFFY_OK)
			return e;
	}
	e = pkey_check(m->ctx, k);
	return e == FLUFFY_OK ? pkey_write(m->ctx, k, false, der) : e;
}

/* Of the labels that count; in JSON the parser looks at all. */
static enum fluffy_error
check_labels(const struct key_map *m)
{
	const struct node *v = m->t.v, *at;
	unsigned seen = 0, bit;

	for (at = v + 1; at < v + v->end; at = v + v[at->end].end)
		for (int label = LAST_LABEL; label <= KTY_LABEL; label++) {
			bit = is_label(at, label) ? 1u << (label -
			    LAST_LABEL) : 0;
			if ((seen & bit) != 0)
				return malformed(m->ctx, "a COSE_Key with a "
				    "label that is there twice");
			seen |= bit;
		}
	return FLUFFY_OK;
}

static enum fluffy_error
read_items(fluffy_ctx *ctx, struct bytes data, bool json, struct buffer *der)
{
	struct key_map m = { .ctx = ctx };
	enum fluffy_error e;
	bool syntax;

	e = json ? json_parse(ctx, &m.t, data, &syntax) :
	    cbor_parse(ctx, &m.t, data);
	if (e == FLUFFY_OK && !json)
		e = check_labels(&m);
	if (e == FLUFFY_OK)
		e = read_map(&m, der);
	tree_free(&m.t);
	arena_free(&m.arena);
	return e;
}

/* ---- DER and PEM ------------------------------------------------------ */

static bool
is_private(struct bytes der)
{
	const unsigned char *p = der.p;
	EVP_PKEY *evp = d2i_AutoPrivateKey(NULL, &p, (long)der.n);
	bool private = evp != NULL;

	EVP_PKEY_free(evp);
	ERR_clear_error();
	return private;
}

static enum fluffy_error
read_der(fluffy_ctx *ctx, struct bytes data, struct buffer *der)
{
	enum fluffy_error e = spki_check(ctx, data);

	/* only then: trying every kind of private key takes long */
	if (e == FLUFFY_E_MALFORMED && is_private(data))
		return fail_private(ctx);
	if (e == FLUFFY_OK)
		buffer_add(der, data.p, data.n);
	return e;
}

/* How often, up to two times. */
static int
count(struct bytes data, const char *text)
{
	const uint8_t *end = data.p + data.n, *first, *second;
	size_t n = strlen(text);

	first = memmem(data.p, data.n, text, n);
	if (first == NULL)
		return 0;
	second = memmem(first + n, (size_t)(end - first) - n, text, n);
	return second == NULL ? 1 : 2;
}

/* The block may turn out to be a private key under another name. */
static enum fluffy_error
read_block(fluffy_ctx *ctx, BIO *bio, struct buffer *der)
{
	char *name = NULL, *header = NULL;
	unsigned char *block = NULL;
	enum fluffy_error e;
	long n = 0;

	if (PEM_read_bio_ex(bio, &name, &header, &block, &n,
	    PEM_FLAG_SECURE) != 1 || strcmp(name, PEM_STRING_PUBLIC) != 0 ||
	    header[0] != '\0')
		e = pkey_fail(ctx, FLUFFY_E_MALFORMED,
		    "expected a PEM block \"PUBLIC KEY\"");
	else
		e = read_der(ctx, bytes_of(block, (size_t)n), der);
	OPENSSL_secure_free(name);
	OPENSSL_secure_free(header);
	OPENSSL_secure_clear_free(block, (size_t)n);
	return e;
}

static enum fluffy_error
read_pem(fluffy_ctx *ctx, struct bytes data, struct buffer *der)
{
	enum fluffy_error e;
	BIO *bio;

	if (count(data, "PRIVATE KEY-----") > 0)
		return fail_private(ctx);
	if (count(data, "-----BEGIN ") != 1)
		return malformed(ctx, "expected a public key as DER, JWK, "
		    "COSE_Key, or one block of PEM");
	if ((bio = BIO_new_mem_buf(data.p, (int)data.n)) == NULL)
		return fluffy_fail_memory(ctx);
	e = read_block(ctx, bio, der);
	(void)BIO_free(bio);
	return e;
}

/* ---- all -------------------------------------------------------------- */

static uint8_t
first_byte(struct bytes data)
{
	size_t i = 0;

	while (i < data.n - 1 && json_blank(data.p[i]))
		i++;
	return data.p[i];
}

enum fluffy_error
spki_read(fluffy_ctx *ctx, struct bytes data, struct buffer *der)
{
	enum fluffy_error e;

	if (data.n < 1 || data.n > KEY_TEXT_MAX)
		return fluffy_fail(ctx, FLUFFY_E_MALFORMED, NULL,
		    "expected a public key of 1 to %d bytes, found %zu",
		    KEY_TEXT_MAX, data.n);
	if (first_byte(data) == '{')
		e = read_items(ctx, data, true, der);
	else if (data.p[0] >> 5 == 5)	/* a map */
		e = read_items(ctx, data, false, der);
	else if (data.p[0] == 0x30)	/* a SEQUENCE */
		e = read_der(ctx, data, der);
	else
		e = read_pem(ctx, data, der);
	return e == FLUFFY_OK && der->failed ? fluffy_fail_memory(ctx) : e;
}

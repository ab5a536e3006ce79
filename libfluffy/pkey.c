/* pkey.c - public keys and pairs: making, loading, checking, writing */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "pkey_kind.h"

#define RSA_BITS ((size_t)3072)	/* of issued keys; received: up to 4096 */
#define RSA_MAX  512		/* bytes of the longest integer */
#define EC_MAX   66		/* bytes of the longest coordinate */
#define OKP_SIZE 32

const struct pair_alg *
pkey_kind(const struct keydata *k)
{
	return pair_alg_of(k->kty, k->alg);
}

bool
pkey_known(int64_t kty, int64_t alg)
{
	return pair_alg_of(kty, alg) != NULL;
}

bool
pkey_signs(int64_t alg)
{
	return alg != ALG_ECDH;
}

bool
pkey_is_pair(const struct keydata *k)
{
	return k->head.schema == schema_by_kty(&keydata_pair, k->kty);
}

enum fluffy_error
pkey_fail(fluffy_ctx *ctx, enum fluffy_error code, const char *what)
{
	unsigned long why;
	bool memory = false;

	/* the first failure is what led to the others */
	while ((why = ERR_get_error()) != 0)
		memory = memory || ERR_GET_REASON(why) == ERR_R_MALLOC_FAILURE;
	return memory ? fluffy_fail_memory(ctx) :
	    fluffy_fail(ctx, code, NULL, "%s", what);
}

/* ---- parameters ------------------------------------------------------ */

/* OpenSSL's name of the parameter with label -n; NULL is curve or point. */
static const char *
param_name(const struct pair_alg *kind, int label)
{
	static const char *const ec[] = { [2] = OSSL_PKEY_PARAM_EC_PUB_X,
		[3] = OSSL_PKEY_PARAM_EC_PUB_Y, [4] = OSSL_PKEY_PARAM_PRIV_KEY
	}, *const okp[] = { [2] = OSSL_PKEY_PARAM_PUB_KEY,
		[4] = OSSL_PKEY_PARAM_PRIV_KEY
	}, *const rsa[] = { [1] = OSSL_PKEY_PARAM_RSA_N,
		[2] = OSSL_PKEY_PARAM_RSA_E, [3] = OSSL_PKEY_PARAM_RSA_D,
		[4] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[5] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[6] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[7] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
		[8] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1
	};

	if (kind->kty == KTY_RSA)
		return rsa[-label];
	return kind->kty == KTY_EC ? ec[-label] : okp[-label];
}

static const struct schema *
key_schema(const struct schema *keydata)
{
	return schema_row(keydata, L_key)->sub;
}

static struct bytes *
member(struct pkey *key, const struct row *row)
{
	return (void *)((uint8_t *)key + row->offset);
}

static const struct bytes *
const_member(const struct pkey *key, const struct row *row)
{
	return (const void *)((const uint8_t *)key + row->offset);
}

/* ---- from OpenSSL's form --------------------------------------------- */

/* A number as bytes: as many as it has, or, of an EC key, as its curve. */
static bool
get_number(const EVP_PKEY *evp, const char *name, size_t size,
    struct arena *arena, struct bytes *out)
{
	uint8_t native[RSA_MAX], *p;
	OSSL_PARAM params[2];
	BIGNUM *number = NULL;
	size_t n = size;
	bool done = false;

	params[0] = OSSL_PARAM_construct_BN(name, native, sizeof(native));
	params[1] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_get_params(evp, params) == 1 &&
	    OSSL_PARAM_get_BN(params, &number) == 1) {
		if (size == 0)
			n = (size_t)BN_num_bytes(number);
		if ((p = arena_alloc(arena, n)) != NULL)
			done = BN_bn2binpad(number, p, (int)n) == (int)n;
		*out = bytes_of(p, n);
	}
	BN_clear_free(number);
	OPENSSL_cleanse(native, sizeof(native));
	return done;
}

static bool
get_octets(const EVP_PKEY *evp, const char *name, struct arena *arena,
    struct bytes *out)
{
	uint8_t *p = arena_alloc(arena, OKP_SIZE);
	size_t n;

	*out = bytes_of(p, OKP_SIZE);
	return p != NULL && EVP_PKEY_get_octet_string_param(evp, name, p,
	    OKP_SIZE, &n) == 1 && n == OKP_SIZE;
}

bool
pkey_params(const EVP_PKEY *evp, const struct pair_alg *kind,
    struct arena *arena, struct pkey *key)
{
	const struct schema *schema = key->head.schema;
	const struct row *row;
	const char *name;
	bool done;

	for (uint8_t i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		SET(key, row->label);
		if ((name = param_name(kind, row->label)) == NULL)
			key->crv = kind->crv;
		else {
			done = kind->kty == KTY_OKP ?
			    get_octets(evp, name, arena, member(key, row)) :
			    get_number(evp, name, kind->size, arena,
			    member(key, row));
			if (!done)
				return false;
		}
	}
	return true;
}

/* ---- keydata --------------------------------------------------------- */

/* Section 5: what issued keys may be used for. */
static struct tokens
issued_keyops(int64_t alg, bool pair)
{
	if (pkey_signs(alg))
		return (struct tokens){ .v = { pair ? 1 : 2 }, .n = 1 };
	if (pair)
		return (struct tokens){ .v = { 7, 8 }, .n = 2 };
	return (struct tokens){ .n = 0 };
}

struct keydata *
pkey_new(struct arena *arena, const struct schema *choice,
    const struct pair_alg *kind, struct bytes keyid)
{
	struct keydata *k = arena_alloc(arena, sizeof(*k));
	struct pkey *key = arena_alloc(arena, sizeof(*key));

	if (k == NULL || key == NULL ||
	    !arena_copy(arena, keyid, &k->keyid))
		return NULL;
	k->head.schema = schema_by_kty(choice, kind->kty);
	key->head.schema = key_schema(k->head.schema);
	k->kty = kind->kty;
	k->alg = kind->alg;
	k->pkuse = pkey_signs(kind->alg) ? 0 : 1;
	k->pkey = key;
	k->keyops = issued_keyops(kind->alg, choice == &keydata_pair);
	SET(k, L_kty);
	SET(k, L_keyid);
	SET(k, L_key);
	SET(k, L_keyops);
	SET(k, L_alg);
	SET(k, L_pkuse);
	return k;
}

static EVP_PKEY *
generate(const struct pair_alg *kind)
{
	if (kind->kty == KTY_RSA)
		return EVP_PKEY_Q_keygen(NULL, NULL, kind->type, RSA_BITS);
	if (kind->kty == KTY_EC)
		return EVP_PKEY_Q_keygen(NULL, NULL, kind->type, kind->group);
	return EVP_PKEY_Q_keygen(NULL, NULL, kind->type);
}

enum fluffy_error
pkey_generate(fluffy_ctx *ctx, struct arena *arena, int64_t kty, int64_t alg,
    struct bytes keyid, struct keydata **out)
{
	const struct pair_alg *kind = pair_alg_of(kty, alg);
	enum fluffy_error e = FLUFFY_OK;
	struct keydata *k;
	EVP_PKEY *evp;

	*out = NULL;
	if (kind == NULL)
		return fluffy_fail(ctx, FLUFFY_E_BAD_ETYPE, NULL,
		    "no such pair of type and algorithm");
	if ((k = pkey_new(arena, &keydata_pair, kind, keyid)) == NULL)
		return fluffy_fail_memory(ctx);
	ERR_clear_error();
	evp = generate(kind);
	if (evp == NULL || !pkey_params(evp, kind, arena, k->pkey))
		e = arena->failed ? fluffy_fail_memory(ctx) :
		    pkey_fail(ctx, FLUFFY_E_SYSTEM,
		    "OpenSSL: no key could be generated");
	EVP_PKEY_free(evp);
	if (e == FLUFFY_OK)
		*out = k;
	return e;
}

static void
copy_public(struct arena *arena, const struct pkey *from, struct pkey *to)
{
	const struct schema *schema = to->head.schema;
	const struct row *row;

	to->crv = from->crv;
	for (uint8_t i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		SET(to, row->label);
		if (row->kind == K_BYTES)
			*member(to, row) = arena_dup(arena,
			    *const_member(from, row));
	}
}

static void
copy_certificates(struct arena *arena, const struct keydata *from,
    struct keydata *to)
{
	static const int labels[] = { L_x5u, L_x5c, L_x5t, L_x5t256 };

	to->x5u = arena_dup(arena, from->x5u);
	to->x5t = arena_dup(arena, from->x5t);
	to->x5t256 = arena_dup(arena, from->x5t256);
	for (; to->x5c.n < from->x5c.n; to->x5c.n++)
		to->x5c.v[to->x5c.n] = arena_dup(arena,
		    from->x5c.v[to->x5c.n]);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (HAS(from, labels[i]))
			SET(to, labels[i]);
}

enum fluffy_error
pkey_public(fluffy_ctx *ctx, struct arena *arena, const struct keydata *pair,
    struct keydata **out)
{
	const struct pair_alg *kind = pkey_kind(pair);
	struct keydata *k;

	*out = NULL;
	if (kind == NULL || !pkey_is_pair(pair))
		return fluffy_fail(ctx, FLUFFY_E_INTERNAL, NULL, "no pair");
	k = pkey_new(arena, &keydata_public, kind, pair->keyid);
	if (k == NULL)
		return fluffy_fail_memory(ctx);
	copy_public(arena, pair->pkey, k->pkey);
	copy_certificates(arena, pair, k);
	if (arena->failed)
		return fluffy_fail_memory(ctx);
	*out = k;
	return FLUFFY_OK;
}

/* ---- to OpenSSL's form ----------------------------------------------- */

/* What becomes a key; numbers and point have to stay until it is built. */
struct parts {
	OSSL_PARAM_BLD *build;
	BIGNUM *numbers[8];
	size_t n;
	uint8_t point[1 + 2 * EC_MAX];
};

static bool
push_number(struct parts *p, const char *name, struct bytes bytes)
{
	BIGNUM *number = BN_bin2bn(bytes.p, (int)bytes.n, NULL);

	p->numbers[p->n++] = number;
	return number != NULL &&
	    OSSL_PARAM_BLD_push_BN(p->build, name, number) == 1;
}

/* Curve and point; the point alone doesn't say which curve it is on. */
static bool
push_point(struct parts *p, const struct pair_alg *kind,
    const struct pkey *key)
{
	if (key->x.n != kind->size || key->y.n != kind->size)
		return false;
	p->point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(p->point + 1, key->x.p, kind->size);
	memcpy(p->point + 1 + kind->size, key->y.p, kind->size);
	return OSSL_PARAM_BLD_push_utf8_string(p->build,
	    OSSL_PKEY_PARAM_GROUP_NAME, kind->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(p->build,
	    OSSL_PKEY_PARAM_PUB_KEY, p->point, 1 + 2 * kind->size) == 1;
}

static bool
push_param(struct parts *p, const struct pair_alg *kind,
    const struct row *row, struct bytes bytes)
{
	const char *name = param_name(kind, row->label);

	if (kind->kty == KTY_OKP)
		return OSSL_PARAM_BLD_push_octet_string(p->build, name,
		    bytes.p, bytes.n) == 1;
	return push_number(p, name, bytes);
}

static bool
push_all(struct parts *p, const struct pair_alg *kind,
    const struct pkey *key)
{
	const struct schema *schema = key->head.schema;
	const struct row *row;

	if (kind->kty == KTY_EC && !push_point(p, kind, key))
		return false;
	for (uint8_t i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		/* crv is in the type or with the point, as x and y are */
		if (row->kind != K_BYTES ||
		    (kind->kty == KTY_EC && row->label > -4))
			continue;
		if (!push_param(p, kind, row, *const_member(key, row)))
			return false;
	}
	return true;
}

static EVP_PKEY *
from_params(const char *type, int selection, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *evp = NULL;

	if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &evp, selection, params) != 1) {
		EVP_PKEY_free(evp);
		evp = NULL;
	}
	EVP_PKEY_CTX_free(c);
	return evp;
}

/* OpenSSL doesn't wipe them. */
static void
params_free(OSSL_PARAM *params)
{
	if (params == NULL)
		return;
	for (OSSL_PARAM *p = params; p->key != NULL; p++)
		OPENSSL_cleanse(p->data, p->data_size);
	OSSL_PARAM_free(params);
}

enum fluffy_error
pkey_load(fluffy_ctx *ctx, const struct keydata *k, EVP_PKEY **out)
{
	const struct pair_alg *kind = pkey_kind(k);
	struct parts p = { .n = 0 };
	OSSL_PARAM *params = NULL;

	*out = NULL;
	ERR_clear_error();
	p.build = OSSL_PARAM_BLD_new();
	if (p.build != NULL && kind != NULL && push_all(&p, kind, k->pkey))
		params = OSSL_PARAM_BLD_to_param(p.build);
	if (params != NULL)
		*out = from_params(kind->type, pkey_is_pair(k) ?
		    EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params);
	params_free(params);
	OSSL_PARAM_BLD_free(p.build);
	while (p.n > 0)
		BN_clear_free(p.numbers[--p.n]);
	if (*out != NULL)
		return FLUFFY_OK;
	return pkey_fail(ctx, FLUFFY_E_MALFORMED, "not a key of its type");
}

/* ---- writing --------------------------------------------------------- */

static bool
write_evp(BIO *bio, EVP_PKEY *evp, bool pair, bool pem)
{
	if (pair && pem)
		return PEM_write_bio_PKCS8PrivateKey(bio, evp, NULL, NULL, 0,
		    NULL, NULL) == 1;
	if (pair)
		return i2d_PKCS8PrivateKey_bio(bio, evp, NULL, NULL, 0, NULL,
		    NULL) == 1;
	return pem ? PEM_write_bio_PUBKEY(bio, evp) == 1 :
	    i2d_PUBKEY_bio(bio, evp) == 1;
}

/* A memory BIO wipes itself. */
enum fluffy_error
pkey_write(fluffy_ctx *ctx, const struct keydata *k, bool pem,
    struct buffer *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum fluffy_error e;
	EVP_PKEY *evp;
	char *text;
	long n = 0;

	e = pkey_load(ctx, k, &evp);
	if (e == FLUFFY_OK && (bio == NULL ||
	    !write_evp(bio, evp, pkey_is_pair(k), pem) ||
	    (n = BIO_get_mem_data(bio, &text)) <= 0))
		e = pkey_fail(ctx, FLUFFY_E_SYSTEM,
		    "OpenSSL: the key can't be written");
	if (e == FLUFFY_OK) {
		buffer_add(out, text, (size_t)n);
		if (out->failed)
			e = fluffy_fail_memory(ctx);
	}
	EVP_PKEY_free(evp);
	(void)BIO_free(bio);
	return e;
}

/* ---- reading --------------------------------------------------------- */

int
pkey_no_passphrase(char *out, int size, int writing, void *asked)
{
	(void)out;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

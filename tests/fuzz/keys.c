/* keys.c - keys that are the same in every run */
#include <stdio.h>

#include <openssl/sha.h>

#include "alg.h"
#include "fuzz.h"
#include "text.h"

struct symm
fuzz_key(int64_t alg)
{
	struct symm key = { .alg = alg };
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char text[40];

	key.n = (uint8_t)(aead_of(alg) == NULL ? 16 : aead_of(alg)->key);
	(void)snprintf(text, sizeof(text), "fluffy gen key %lld",
	    (long long)alg);
	SHA256((const uint8_t *)text, strlen(text), hash);
	memcpy(key.b, hash, key.n);
	return key;
}

/* RFC 6979, A.2.5; RFC 8037, A.1; RFC 7748, 6.1. */
static const struct fixed {
	int64_t kty, alg, crv;
	const char *params[3];	/* x, y, d; OKP: x, d */
} fixed_pairs[] = {
	{ KTY_EC, -7, 1, {
		"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
		"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
		"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
	} },
	{ KTY_OKP, -8, 6, {
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
	} },
	{ KTY_OKP, -25, 4, {
		"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
	} }
};

static void
put_params(struct arena *arena, const struct fixed *fixed, struct pkey *key)
{
	const struct schema *schema = key->head.schema;
	const char *const *next = fixed->params;
	struct bytes *param;
	uint8_t raw[32];
	size_t n;

	key->crv = fixed->crv;
	for (uint8_t i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];

		key->head.has |= label_bit(row->label);
		if (row->kind != K_BYTES)
			continue;
		CHECK(hex_decode(bytes_str(*next++), raw, sizeof(raw), &n));
		param = (void *)((uint8_t *)key + row->offset);
		*param = arena_dup(arena, bytes_of(raw, n));
	}
}

struct keydata *
fuzz_pair(struct arena *arena, int64_t kty, int64_t alg, struct bytes keyid,
    bool public)
{
	const struct fixed *fixed = fixed_pairs;
	struct keydata *k = arena_alloc(arena, sizeof(*k));
	struct pkey *key = arena_alloc(arena, sizeof(*key));

	CHECK(k != NULL && key != NULL);
	while (fixed->kty != kty || fixed->alg != alg)
		if (++fixed == fixed_pairs + sizeof(fixed_pairs) /
		    sizeof(fixed_pairs[0]))
			return NULL;
	k->head.schema = schema_by_kty(public ? &keydata_public :
	    &keydata_pair, kty);
	key->head.schema = schema_row(k->head.schema, L_key)->sub;
	put_params(arena, fixed, key);
	k->kty = kty;
	k->alg = alg;
	k->pkuse = alg == -25;
	k->keyid = arena_dup(arena, keyid);
	k->pkey = key;
	if (alg != -25)
		k->keyops = (struct tokens){ .v = { public ? 2 : 1 },
		    .n = 1 };
	else if (!public)
		k->keyops = (struct tokens){ .v = { 7, 8 }, .n = 2 };
	k->head.has |= label_bit(L_kty) | label_bit(L_keyid) |
	    label_bit(L_key) | label_bit(L_keyops) | label_bit(L_alg) |
	    label_bit(L_pkuse);
	return k;
}

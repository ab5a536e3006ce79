/* alg.c - the content encryptions of section 3, the key pairs of section 5 */
#include "alg.h"
#include "schema.h"

const struct aead aeads[N_AEADS] = {
	{ 30, "AES-128-CCM", 16, 13, 16, true },
	{ 10, "AES-128-CCM", 16, 13, 8, true },
	{ 11, "AES-256-CCM", 32, 13, 8, true },
	{ 31, "AES-256-CCM", 32, 13, 16, true },
	{ 1, "AES-128-GCM", 16, 12, 16, false },
	{ 2, "AES-192-GCM", 24, 12, 16, false },
	{ 3, "AES-256-GCM", 32, 12, 16, false },
	{ 24, "ChaCha20-Poly1305", 32, 12, 16, false }
};

const struct aead *
aead_of(int64_t alg)
{
	for (int i = 0; i < N_AEADS; i++)
		if (aeads[i].alg == alg)
			return &aeads[i];
	return NULL;
}

const struct pair_alg pair_algs[N_PAIR_ALGS] = {
	{ KTY_EC, -7, 1, 32, "EC", "P-256", "SHA256" },
	{ KTY_EC, -35, 2, 48, "EC", "P-384", "SHA384" },
	{ KTY_EC, -36, 3, 66, "EC", "P-521", "SHA512" },
	{ KTY_EC, ALG_ECDH, 1, 32, "EC", "P-256", NULL },
	{ KTY_OKP, -8, 6, 32, "ED25519", NULL, NULL },
	{ KTY_OKP, ALG_ECDH, 4, 32, "X25519", NULL, NULL },
	{ KTY_RSA, -37, 0, 0, "RSA", NULL, "SHA256" }
};

const struct pair_alg *
pair_alg_of(int64_t kty, int64_t alg)
{
	for (int i = 0; i < N_PAIR_ALGS; i++)
		if (pair_algs[i].kty == kty && pair_algs[i].alg == alg)
			return &pair_algs[i];
	return NULL;
}

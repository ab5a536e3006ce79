/* alg.c - the content encryptions of section 3 */
#include "alg.h"

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

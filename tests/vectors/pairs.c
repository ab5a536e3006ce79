/*
 * pairs.c - fixed key pairs, in the place of those that the SKDC would generate
 *
 * OpenSSL draws a pair's randomness itself, so the linker wraps pkey_generate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "pkey.h"
#include "realm.h"

/* Parameters in the order of the key's table, without crv. */
struct fixed {
	int64_t kty, alg;
	const char *params[8];
};

static const struct fixed pairs[] = {
	/* RFC 6979, A.2.5 */
	{ KTY_EC, -7, {
		"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
		"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
		"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
	} },
	/* RFC 8037, A.1 */
	{ KTY_OKP, -8, {
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
	} },
	/* RFC 7748, 6.1: Bob's */
	{ KTY_OKP, -25, {
		"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
	} },
	/* made for this */
	{ KTY_RSA, -37, {
		/* n */
		"e62512b4c707d5aaa2a3504a0c032f778a618e9a235a080c170daf4290eca226"
		"036b7bdd6be364a62525c16d8277fd0643b795aef142ac67288b71894be605b1"
		"d49bc8ffd190bace46a6492d42bfd200a3dd2f933d63fb136c036d20c6606410"
		"94d4e44ad0e0ce820c0df110a4b7d7da02f4bf8be19c546eb915e150fe784957"
		"1b830b521ca4d9a7fec018d0301e4c496ce3814a5baaf7d6b6c2c75d0e471417"
		"9ae15b4328899fe0dcb9c17db0a3a1bc9e1abadc30d498cb4488d51975a7fde1"
		"4a818e70576f7d73c399275e1b45e810de5c5779825ed85da7ddd443415dda02"
		"45c19fbe3eb4c58e758a021c3105f4e627a9277404d5c52502fece45b53ae7a8"
		"4e27a8b6e17ff01f66c9c30d7d3235c8327130210abd93d06690b5467ea07134"
		"4f2d3e3af09e520d8aa00130c741f417cec5541e551f28aa8f3c94e605fc2bb3"
		"d68d15c10323c11071b5203e2e975d381dc98137740964c25db0db4afd9ef753"
		"a3dc52129ee6417e7ce4d102d8da9e53a17ea9b2e32e92fef529db61be2ebe19",
		/* e */
		"010001",
		/* d */
		"72c0ba7e8c1d0273460be35d407718246549f68631a95308e037d113025b1310"
		"9c34ec3a7ff08e7f6f574f86907ece99608b79e5946377be2a0fb96949806487"
		"8268b904a1542668f2fe37cf8b1045204f945a83f2a0d7109c936ac6e4532ca1"
		"bdec16f69d06f2c1124ca34df6abba4378a4db9b5e3f8a33f9328939cee06045"
		"40310ba48226ca6643163a69180d0b61b31b0f1ce9ef2a0b93ee33e4d8d92512"
		"0e065ef072168932e02bf8e7f87ae68abb54bda64becbd50e117cf15963e50ce"
		"223c4d32bec1e2bcfefebe6dd3887992c745a3ca3e09add92039a617164fa4f0"
		"eed7255bbaf28dbfb64a615f65aea03d9d70e4919e8a113f775399f5dacb993e"
		"8abe6f8cea174cfa98a6826ee7ff39fb69f689a7594c132d777d03b96fa3c756"
		"18b6bae4b75af0d49d07a976c561eb293f0ae8308e17ffb087f61c0af49f61ef"
		"32125aa507a8bc49fd9d938623662359f03fc7830302e9c8b2451b77140059de"
		"c7f4a2ba431f3252e39f3a8e6d5c4262647168a42f03492be39ce55b3242b0c7",
		/* p */
		"f4fbfb6e8d5b483869c22861796a13ce20e376981e4efb10d59e77985ad3d81a"
		"47f647c58e4e9ff617f619b41ca33cd612c8ce08ad4cdbda71f74cc82d6e76a8"
		"03cec0772aaf1075c4ef364cd50f0cbf8e0e047b0b7d046b67b845f8e6ad6066"
		"12a8a014f1984d245ec8f30d0039e4718f1b103f0b7237fdfdaaf457265bbd90"
		"7915d73f8f5d78d9d8da62f37dd37402bbc0619e31b41939d9de31b0a6fa1cdc"
		"269afdc6ef39a9cadb0f74cd8666a2bf2d7492a27dd27fa37d4cf3872e58438b",
		/* q */
		"f07e45fa3bd35e65b14f5c3d6cbeac6f13209a57c117cc231396024c89046bf3"
		"d09739b98d25a79ac130268c75ffb0330a3ace5afec2c5a0487c145671a6e05c"
		"bebd3e9a116a80244d53932759e291682807577d388533fa470f87d508fb8dda"
		"e65f0e6073db4f57b04220db24fc1c1cbb072e19f899825e851584cd1e4e11ca"
		"eaeb2806ca71070a108f3da200a6d72776fe8191f21dbaa7dce10548ca0d97c7"
		"12df479aeafe9dcdc66cff10275720b06322892de4e85124cda4fc60e393e96b",
		/* dp */
		"837bf2786539c6cb3047dab0661fbebd74fd601b48b90f1afbebef3840174ef6"
		"dc049c84b55a11945d4be283be930605c7532af191419d05e300dd9eda735d0f"
		"d3eb55751fdd91b2039e77c048e1a8efee682b937699049438b8b8255c795531"
		"b375f965043dbfb9737ddaa4f1a820a9aa2ad64f5fef4f89ec69a2765bca0535"
		"d3271bbdab4e799c423d03bab79f93b61bdaa709e69748aab9f9fd2558990880"
		"47e00bb08798a53e90cffcda89f5f007377847731aa0ad8caba56f56f052c2fd",
		/* dq */
		"b2287962a50b32b51723796bafb1994037e541319d4429e01a5458a3a625766b"
		"8aad5d000e8644a1aa5827568adbbe06319fdadb223bdbf79f7afbfe05f7dfe2"
		"151350db05e7e5c1feded8f69fe9ee5a40bd1f9d0e4fef6f8b5100095bbc2f1c"
		"68e9265761bca80c87f0953283359905d7afbc01555f336b1e2010df7b81ce40"
		"8ac36645919725e5d8daa487ecffac07fa691447b01b41f9b4f1a5de8480895d"
		"daa739fe93f3c7a77745abb6a5ce2fd33bbd8bee49d3a8b920f70658287f9cbd",
		/* qi */
		"275d1fbf25e10d3ef24288ca1f4d76f2bb86fe0b6535e14e8b12a17216009fe3"
		"866e67b9fda0ef58e193e9de593aaa10a804d1560b86cf8e0146439addfcf98b"
		"e18fbea1c281939b546abc199168f91ab4e6b08f982d889f5d34f63a5e90f101"
		"bc5a458ae41d2a1299e31147992ba95f3cdf77b66e010b34b5de0ffd2e5bfba4"
		"214a5a1b528aa1fbd8030707c1a73d920432b786405f9738fcc28b964228acf2"
		"f7a59502eaa918ad731e999e2339f6f7384b2f9ea9b767be473b766e5ee6ce95"
	} }
};

/* Two certificates: a CA's, and that of the CA above it. */
static const char certificates[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBHjCB0aADAgECAgECMAUGAytlcDAUMRIwEAYDVQQDDAlIb21lIHJvb3QwHhcN\n"
	"MjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAXMRUwEwYDVQQDDAxIb21lIGRl\n"
	"dmljZXMwKjAFBgMrZXADIQCgmqX0emdZgC/5VfjcLSoUpcmdI76X+GQSf/k4NFWk\n"
	"8KNFMEMwEgYDVR0TAQH/BAgwBgEB/wIBADAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0O\n"
	"BBYEFAj+BHo/JI+W+hqCHTkfvbTIih1OMAUGAytlcANBADLZ+7FCqSYl2xNR1zx0\n"
	"kJfQmJuiPwaTTz9Zc64nRgLy0CrFoXbU9Q1rhq8wVaHH/s68OGgJS9x82z6TLmwz\n"
	"6w4=\n"
	"-----END CERTIFICATE-----\n"
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBGzCBzqADAgECAgEBMAUGAytlcDAUMRIwEAYDVQQDDAlIb21lIHJvb3QwHhcN\n"
	"MjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlIb21lIHJv\n"
	"b3QwKjAFBgMrZXADIQDQSrIydCu0qzoTaL1GFeTm0CJKtxoBa6+FIKMyyXeHN6NF\n"
	"MEMwEgYDVR0TAQH/BAgwBgEB/wIBATAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYE\n"
	"FNWOrfxc81sYwO/d7YKtIO5aZIWkMAUGAytlcANBANjYAJqr2/zU/HHUrkP4cjZs\n"
	"oJZH5NvcP7hrVXcuZXMI/26CmPfJpPTvt5fZ9fW9vTg4RONbwVK/SphTGPzo4Qk=\n"
	"-----END CERTIFICATE-----\n";

/* ---- pairs ------------------------------------------------------------------ */

static struct bytes *
param(struct pkey *key, const struct row *row)
{
	return (void *)((uint8_t *)key + row->offset);
}

static void
put_params(struct arena *arena, const struct fixed *fixed, struct pkey *key)
{
	const struct schema *schema = key->head.schema;
	const char *const *next = fixed->params;

	for (uint8_t i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i];

		SET(key, row->label);
		if (row->kind == K_BYTES)
			*param(key, row) = from_hex(arena, *next++);
		else
			key->crv = fixed->kty == KTY_EC ? 1 :
			    fixed->alg == -8 ? 6 : 4;
	}
}

static struct keydata *
make(struct arena *arena, const struct fixed *fixed, struct bytes keyid,
    bool public)
{
	struct keydata *k = have(arena_alloc(arena, sizeof(*k)));
	bool signs = fixed->alg != -25;

	k->head.schema = schema_by_kty(public ? &keydata_public :
	    &keydata_pair, fixed->kty);
	k->pkey = have(arena_alloc(arena, sizeof(*k->pkey)));
	k->pkey->head.schema = schema_row(k->head.schema, L_key)->sub;
	PUT(k, kty, L_kty, fixed->kty);
	PUT(k, alg, L_alg, fixed->alg);
	PUT(k, pkuse, L_pkuse, signs ? 0 : 1);
	PUT(k, keyid, L_keyid, arena_dup(arena, keyid));
	if (signs)
		k->keyops = (struct tokens){ .v = { public ? 2 : 1 },
		    .n = 1 };
	else if (!public)
		k->keyops = (struct tokens){ .v = { 7, 8 }, .n = 2 };
	SET(k, L_keyops);
	SET(k, L_key);
	put_params(arena, fixed, k->pkey);
	return k;
}

struct keydata *
fixed_pair(struct arena *arena, int64_t kty, int64_t alg, struct bytes keyid,
    bool public)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].kty == kty && pairs[i].alg == alg)
			return make(arena, &pairs[i], keyid, public);
	abort();
}

enum fluffy_error __wrap_pkey_generate(fluffy_ctx *, struct arena *,
    int64_t kty, int64_t alg, struct bytes keyid, struct keydata **);

enum fluffy_error
__wrap_pkey_generate(fluffy_ctx *ctx, struct arena *arena, int64_t kty,
    int64_t alg, struct bytes keyid, struct keydata **out)
{
	*out = fixed_pair(arena, kty, alg, keyid, false);
	return pkey_check(ctx, *out);
}

/* ---- a CA -------------------------------------------------------------------- */

static void
ca_path(const struct realm *r, const char *name, char path[80])
{
	(void)snprintf(path, 80, "%s/%s", r->dir, name);
}

static FILE *
create(const char *path)
{
	return have(fopen(path, "w"));
}

void
set_ca(struct realm *r)
{
	char cert[80], key[80];
	const fluffy_ca ca = { .cert = cert, .key = key,
	    .x5u = "https://ca.example/devices.pem" };
	uint8_t seed[32];
	EVP_PKEY *evp;
	FILE *file;

	ca_path(r, "ca.pem", cert);
	ca_path(r, "ca.key", key);
	file = create(cert);
	if (fputs(certificates, file) < 0 || fclose(file) != 0)
		abort();
	memset(seed, 0x22, sizeof(seed));
	evp = have(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
	    sizeof(seed)));
	file = create(key);
	if (PEM_write_PrivateKey(file, evp, NULL, NULL, 0, NULL, NULL) != 1 ||
	    fclose(file) != 0)
		abort();
	EVP_PKEY_free(evp);
	check(r, fluffy_ca_set(r->skdc, &ca), "CA");
}

void
remove_ca(struct realm *r)
{
	char path[80];

	ca_path(r, "ca.pem", path);
	(void)unlink(path);
	ca_path(r, "ca.key", path);
	(void)unlink(path);
}

/* seal.c - opening and making sealed parts */
#include <openssl/crypto.h>

#include "alg.h"
#include "cbor.h"
#include "cose.h"
#include "decode.h"
#include "pkey.h"
#include "seal.h"

void
symm_wipe(struct symm *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

static const struct row *
sealed_row(const void *container, int label)
{
	const struct head *head = container;

	return schema_row(head->schema, label);
}

struct sealed *
sealed_member(void *container, int label)
{
	return (void *)((uint8_t *)container +
	    sealed_row(container, label)->offset);
}

/* The path of the part: three links at most. */
struct part_path {
	struct path message, ticket, part;
};

static const struct path *
part_path(struct part_path *p, const struct fluffy_msg *msg,
    const void *container, int label)
{
	const char *type = word_of(R_TYPE, msg->type);
	const char *name = label_name(label);
	const void *ticket = msg->mticket;

	p->message = (struct path){ .name = type, .len = strlen(type) };
	p->ticket = (struct path){ .up = &p->message, .name = "mticket",
	    .len = 7 };
	p->part = (struct path){ .name = name, .len = strlen(name),
	    .up = container == ticket ? &p->ticket : &p->message };
	return &p->part;
}

/* Section 4: the containing map without the sealed member. */
static struct buffer
external_aad(const void *container, int label)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);

	cbor_put_struct(&b, container, label);
	return b;
}

static enum fluffy_error
decrypt(fluffy_ctx *ctx, struct fluffy_msg *msg, const struct sealed *sealed,
    const struct symm *key, struct bytes aad, struct bytes *plaintext)
{
	size_t tag = aead_of(key->alg)->tag;
	enum fluffy_error e;
	uint8_t *p;

	*plaintext = bytes_of(NULL, 0);
	if (sealed->ciphertext.n < tag)
		return fluffy_fail(ctx, FLUFFY_E_AUTH_FAILED, NULL,
		    "shorter than its tag");
	if ((p = arena_alloc(&msg->arena, sealed->ciphertext.n)) == NULL)
		return fluffy_fail_memory(ctx);
	e = cose_decrypt(ctx, key->alg, symm_bytes(key), sealed->iv, aad,
	    sealed->ciphertext, p);
	if (e == FLUFFY_OK)
		*plaintext = bytes_of(p, sealed->ciphertext.n - tag);
	return e;
}

/* Verified when present (section 4). */
static enum fluffy_error
verify_cksum(fluffy_ctx *ctx, const struct part *part,
    const struct symm *key, struct bytes aad)
{
	uint8_t expected[CKSUM_SIZE];
	enum fluffy_error e;

	e = cose_cksum(ctx, symm_bytes(key), aad, expected);
	if (e == FLUFFY_OK &&
	    CRYPTO_memcmp(expected, part->cksum.p, CKSUM_SIZE) != 0)
		e = fluffy_fail(ctx, FLUFFY_E_AUTH_FAILED, NULL,
		    "wrong cksum");
	OPENSSL_cleanse(expected, sizeof(expected));
	return e;
}

static enum fluffy_error
open_with(fluffy_ctx *ctx, struct fluffy_msg *msg, const struct row *row,
    struct sealed *sealed, const struct symm *key, struct bytes aad,
    const struct path *path)
{
	struct bytes plaintext;
	struct part *part;
	enum fluffy_error e;

	ctx->opening = OPENING_SEAL;
	e = decrypt(ctx, msg, sealed, key, aad, &plaintext);
	if (e == FLUFFY_OK) {
		ctx->opening = OPENING_PLAINTEXT;
		e = decode_part(ctx, &msg->arena, plaintext, row->sub, path,
		    &part);
	}
	if (e == FLUFFY_OK && HAS(part, L_cksum)) {
		ctx->opening = OPENING_CKSUM;
		e = verify_cksum(ctx, part, key, aad);
	}
	if (e == FLUFFY_OK)
		sealed->plain = part;
	return e;
}

/*
 * Where the key isn't known, or is for another algorithm than the sender says,
 * one that nobody has: the same is done with it, and fails.
 */
static enum fluffy_error
opening_key(fluffy_ctx *ctx, const struct symm *key, bool *known,
    struct sealed *sealed, struct symm *with)
{
	static const uint8_t zero[IV_MAX];
	const struct aead *aead = aead_of(sealed->alg);
	uint8_t keep;
	enum fluffy_error e;

	if (aead == NULL)
		aead = aead_of(ALG_SECRET_DEFAULT);
	*with = (struct symm){ .alg = aead->alg, .n = (uint8_t)aead->key };
	e = cose_decoy(ctx, with->b);
	/* the algorithm is the key's, never the sender's choice (section 4) */
	*known &= !sealed->sign1 & (sealed->alg == key->alg);
	/* both are read: a copy of the one that was chosen takes other time */
	keep = (uint8_t)-(int)*known;
	for (size_t i = 0; i < sizeof(with->b); i++)
		with->b[i] ^= (uint8_t)((with->b[i] ^ key->b[i]) & keep);
	if (sealed->iv.n != aead->iv)
		sealed->iv = bytes_of(zero, aead->iv);
	return e;
}

enum fluffy_error
seal_open_if(fluffy_ctx *ctx, struct fluffy_msg *msg, void *container,
    int label, const struct symm *key, bool known)
{
	const struct row *row = sealed_row(container, label);
	struct sealed *sealed = sealed_member(container, label);
	struct sealed as = *sealed;
	struct part_path links;
	const struct path *path = part_path(&links, msg, container, label);
	struct buffer aad = external_aad(container, label);
	struct symm with;
	enum fluffy_error e = opening_key(ctx, key, &known, &as, &with);

	as.plain = NULL;
	if (e == FLUFFY_OK)
		e = aad.failed ? fluffy_fail_memory(ctx) :
		    open_with(ctx, msg, row, &as, &with, buffer_view(&aad),
		    path);
	sealed->plain = known ? as.plain : NULL;
	buffer_free(&aad);
	symm_wipe(&with);
	if (e == FLUFFY_E_AUTH_FAILED || (!known &&
	    fluffy_error_status(e) != FLUFFY_BROKEN))
		return fluffy_fail(ctx, FLUFFY_E_AUTH_FAILED, path,
		    sealed->has_kid ? "unknown key or bad seal" : "bad seal");
	return e;
}

enum fluffy_error
seal_open(fluffy_ctx *ctx, struct fluffy_msg *msg, void *container, int label,
    const struct symm *key)
{
	return seal_open_if(ctx, msg, container, label, key, true);
}

struct part *
seal_part(struct fluffy_msg *msg, void *container, int label)
{
	struct part *part = arena_alloc(&msg->arena, sizeof(*part));

	if (part != NULL)
		part->head.schema = sealed_row(container, label)->sub;
	return part;
}

static enum fluffy_error
add_cksum(fluffy_ctx *ctx, struct fluffy_msg *msg, struct part *part,
    const struct symm *key, struct bytes aad)
{
	uint8_t *p = arena_alloc(&msg->arena, CKSUM_SIZE);

	if (p == NULL)
		return fluffy_fail_memory(ctx);
	part->cksum = bytes_of(p, CKSUM_SIZE);
	SET(part, L_cksum);
	return cose_cksum(ctx, symm_bytes(key), aad, p);
}

static enum fluffy_error
encrypt(fluffy_ctx *ctx, struct fluffy_msg *msg, struct sealed *sealed,
    const struct part *part, const struct sealing *how, struct bytes aad)
{
	struct buffer plaintext = BUFFER(FLUFFY_MAX_EMITTED);
	size_t tag = aead_of(how->key->alg)->tag;
	enum fluffy_error e;
	uint8_t *p = NULL;

	cbor_put_struct(&plaintext, part, SKIP_NONE);
	if (!plaintext.failed)
		p = arena_alloc(&msg->arena, plaintext.n + tag);
	if (p == NULL) {
		buffer_free(&plaintext);
		return fluffy_fail_memory(ctx);
	}
	e = cose_encrypt(ctx, how->key->alg, symm_bytes(how->key), sealed->iv,
	    aad, buffer_view(&plaintext), p);
	sealed->ciphertext = bytes_of(p, plaintext.n + tag);
	buffer_free(&plaintext);
	return e;
}

enum fluffy_error
seal_make(fluffy_ctx *ctx, struct fluffy_msg *msg, void *container, int label,
    struct part *part, const struct sealing *how)
{
	const struct aead *aead = aead_of(how->key->alg);
	struct sealed *sealed = sealed_member(container, label);
	struct head *head = container;
	struct buffer aad = external_aad(container, label);
	enum fluffy_error e = FLUFFY_OK;

	*sealed = (struct sealed){ .alg = how->key->alg, .plain = part,
	    .has_kid = how->kid.n > 0 };
	if (aad.failed)
		e = fail_emitted(ctx, msg, &aad);
	else if (aead == NULL ||
	    !arena_copy(&msg->arena, how->kid, &sealed->kid) ||
	    !arena_copy(&msg->arena, bytes_of(how->iv, aead->iv), &sealed->iv))
		e = fluffy_fail_memory(ctx);
	if (e == FLUFFY_OK && how->cksum)
		e = add_cksum(ctx, msg, part, how->key, buffer_view(&aad));
	if (e == FLUFFY_OK)
		e = encrypt(ctx, msg, sealed, part, how, buffer_view(&aad));
	if (e == FLUFFY_OK)
		head->has |= label_bit(label);
	buffer_free(&aad);
	return e;
}

/* ---- signatures (section 7) --------------------------------------------- */

#define SIGNED_MAX (2 * (size_t)FLUFFY_MAX_EMITTED + 64)

/* What is signed. */
static struct buffer
to_be_signed(const void *container, int label, const struct sealed *sealed)
{
	struct buffer aad = external_aad(container, label);
	struct buffer b = BUFFER(SIGNED_MAX);

	cose_put_sig_structure(&b, sealed->alg, buffer_view(&aad),
	    sealed->ciphertext);
	b.failed = b.failed || aad.failed;
	b.no_memory = b.no_memory || aad.no_memory;
	buffer_free(&aad);
	return b;
}

static enum fluffy_error
put_payload(fluffy_ctx *ctx, struct fluffy_msg *msg, const struct part *part,
    struct bytes *payload)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	enum fluffy_error e = FLUFFY_OK;

	cbor_put_struct(&b, part, SKIP_NONE);
	if (b.failed || !arena_copy(&msg->arena, buffer_view(&b), payload))
		e = fluffy_fail_memory(ctx);
	buffer_free(&b);
	return e;
}

enum fluffy_error
seal_sign(fluffy_ctx *ctx, struct fluffy_msg *msg, void *container, int label,
    struct part *part, const struct keydata *pair)
{
	struct sealed *sealed = sealed_member(container, label);
	struct head *head = container;
	struct buffer b;
	enum fluffy_error e;

	*sealed = (struct sealed){ .sign1 = true, .alg = pair->alg,
	    .plain = part };
	if ((e = put_payload(ctx, msg, part, &sealed->ciphertext)) != FLUFFY_OK)
		return e;
	b = to_be_signed(container, label, sealed);
	if (b.failed)
		e = fail_emitted(ctx, msg, &b);
	else
		e = pkey_sign(ctx, &msg->arena, pair, buffer_view(&b),
		    &sealed->signature);
	if (e == FLUFFY_OK)
		head->has |= label_bit(label);
	buffer_free(&b);
	return e;
}

enum fluffy_error
seal_verify(fluffy_ctx *ctx, struct fluffy_msg *msg, void *container,
    int label, const struct keydata *public)
{
	struct sealed *sealed = sealed_member(container, label);
	struct part_path links;
	const struct path *path = part_path(&links, msg, container, label);
	struct buffer b;
	enum fluffy_error e;

	/* the algorithm is the key's, never the sender's choice (section 4) */
	if (!sealed->sign1 || sealed->alg != public->alg)
		return fluffy_fail(ctx, FLUFFY_E_AUTH_FAILED, path,
		    sealed->sign1 ? "another algorithm than the key's" :
		    "not a COSE_Sign1");
	b = to_be_signed(container, label, sealed);
	if (b.failed)
		e = fluffy_fail_memory(ctx);
	else
		e = pkey_verify(ctx, public, buffer_view(&b),
		    sealed->signature);
	buffer_free(&b);
	if (e == FLUFFY_E_AUTH_FAILED)
		return fluffy_fail(ctx, e, path, "bad signature");
	return e;
}

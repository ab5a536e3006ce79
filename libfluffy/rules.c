/*
 * rules.c - what no single row of schema.c can say (section 5)
 *
 * Each rule gets a complete structure and tells what is broken, or NULL.
 */
#include "alg.h"
#include "grppac.h"
#include "message.h"

static const char *
check_symmetric(const struct keydata *k, int *label)
{
	const struct aead *aead = aead_of(k->alg);

	*label = L_alg;
	if (aead == NULL)
		return "not a content encryption algorithm";
	*label = L_key;
	if (k->key.n != aead->key)
		return "not of the algorithm's key length";
	return NULL;
}

const char *
rule_session(const void *map, int *label)
{
	return check_symmetric(map, label);
}

/* Section 3: a secret key's tag has 16 bytes.  Section 5: its keyops. */
const char *
rule_secret(const void *map, int *label)
{
	const struct keydata *k = map;
	const struct tokens *ops = &k->keyops;
	const char *broken = check_symmetric(k, label);

	if (broken != NULL)
		return broken;
	*label = L_alg;
	if (aead_of(k->alg)->tag != 16)
		return "a secret key's algorithm has a tag of 16 bytes";
	*label = L_keyops;
	if (ops->n != 2 || ops->v[0] + ops->v[1] != 3 + 4 ||
	    (ops->v[0] != 3 && ops->v[0] != 4))
		return "expected encrypt and decrypt";
	return NULL;
}

/* Section 11. */
const char *
rule_provision(const void *map, int *label)
{
	const struct keydata *k = map;

	*label = L_key;
	if (k->key.n != 16 && k->key.n != 32)
		return "expected 16 or 32 bytes";
	*label = L_keyops;
	if (k->keyops.n != 1 || k->keyops.v[0] != 7)
		return "expected deriveKey";
	return NULL;
}

const char *
rule_anchor(const void *map, int *label)
{
	const struct fluffy_msg *msg = map;

	*label = L_ta;
	if (memchr(msg->ta.p, '.', msg->ta.n) != NULL)
		return "a trust anchor's name has no \".\"";
	return NULL;
}

const char *
rule_credential(const void *map, int *label)
{
	const struct fluffy_msg *msg = map;
	const char *broken = rule_anchor(map, label);

	if (broken != NULL)
		return broken;
	*label = L_key;
	if (msg->key.n != 16 && msg->key.n != 32)
		return "expected 16 or 32 bytes";
	return NULL;
}

static bool
leading_zero(struct bytes n)
{
	return n.n > 0 && n.p[0] == 0;
}

static const char *
check_rsa(const struct pkey *k)
{
	static const uint8_t f4[] = { 1, 0, 1 };

	if (leading_zero(k->n) || leading_zero(k->rsa_d) ||
	    leading_zero(k->p) || leading_zero(k->q) || leading_zero(k->dp) ||
	    leading_zero(k->dq) || leading_zero(k->qi))
		return "an integer with leading zeros";
	if (!bytes_eq(k->e, bytes_of(f4, sizeof(f4))))
		return "e: expected 65537";
	/* 256 bytes whose top bit is clear aren't 2048 bits */
	if (k->n.n == 256 && k->n.p[0] < 0x80)
		return "n: expected 2048 to 4096 bits";
	return NULL;
}

const char *
rule_pair(const void *map, int *label)
{
	const struct keydata *k = map;
	const struct pair_alg *pair = pair_alg_of(k->kty, k->alg);

	*label = L_alg;
	if (pair == NULL || pair->crv != k->pkey->crv)
		return "the algorithm doesn't fit the type and curve";
	*label = L_key;
	if (k->kty == KTY_RSA)
		return check_rsa(k->pkey);
	if (k->pkey->x.n != pair->size ||
	    (k->pkey->y.p != NULL && k->pkey->y.n != pair->size) ||
	    (k->pkey->d.p != NULL && k->pkey->d.n != pair->size))
		return "a coordinate that isn't of the curve's length";
	return NULL;
}

/* endtime is absent only beside x5c. */
const char *
rule_ticket(const void *map, int *label)
{
	const struct part *part = map;

	*label = L_endtime;
	if (!HAS(part, L_endtime) && !HAS(part->keydata, L_x5c))
		return "missing";
	return NULL;
}

const char *
rule_group_request(const void *map, int *label)
{
	const struct req_body *body = map;
	struct grppac wishes;

	*label = L_grppac;
	if (!HAS(body, L_grppac))
		return NULL;
	return grppac_read(body->grppac, NULL, &wishes);
}

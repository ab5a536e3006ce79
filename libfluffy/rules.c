/*
 * rules.c - what no single row of schema.c can say (section 5)
 *
 * Each rule gets a complete structure and tells what is broken, or NULL.
 */
#include "alg.h"
#include "cbor.h"
#include "message.h"
#include "text.h"
#include "tree.h"

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

/* The pairs of kty, alg and crv that section 5 knows. */
static const struct pair {
	int64_t kty, alg, crv;
	size_t size;	/* of a coordinate */
} pairs[] = {
	{ KTY_EC, -7, 1, 32 }, { KTY_EC, -35, 2, 48 }, { KTY_EC, -36, 3, 66 },
	{ KTY_EC, -25, 1, 32 }, { KTY_OKP, -8, 6, 32 },
	{ KTY_OKP, -25, 4, 32 }, { KTY_RSA, -37, 0, 0 }
};

static const struct pair *
find_pair(const struct keydata *k)
{
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].kty == k->kty && pairs[i].alg == k->alg &&
		    pairs[i].crv == k->pkey->crv)
			return &pairs[i];
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
	const struct pair *pair = find_pair(k);

	*label = L_alg;
	if (pair == NULL)
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

/* ---- grppac of a GSK-REQ --------------------------------------------------- */

static bool
good_lifetime(const struct node *node)
{
	return node->type == N_INT && node->v.i >= 1;
}

static bool
good_members(const struct tree *t, uint32_t at)
{
	const struct node *node = &t->v[at];
	uint32_t i;

	if (node->type == N_TEXT)
		return bytes_eq(tree_string(t, node), BYTES("any"));
	if (node->type != N_ARRAY)
		return false;
	for (i = at + 1; i < node->end; i = t->v[i].end)
		if (t->v[i].type != N_TEXT ||
		    !name_valid(tree_string(t, &t->v[i])))
			return false;
	return true;
}

static const char *
check_grppac(const struct tree *t)
{
	const struct node *node;
	struct bytes name;
	uint32_t i, value;

	if (t->v[0].type != N_MAP)
		return "expected a map";
	for (i = 1; i < t->v[0].end; i = t->v[value].end) {
		value = t->v[i].end;
		node = &t->v[value];
		name = tree_string(t, &t->v[i]);
		if (bytes_eq(name, BYTES("lifetime")) && !good_lifetime(node))
			return "lifetime: expected a whole number of seconds";
		if (bytes_eq(name, BYTES("members")) &&
		    !good_members(t, value))
			return "members: expected \"any\" or an array of "
			    "names";
	}
	return NULL;
}

const char *
rule_group_request(const void *map, int *label)
{
	const struct req_body *body = map;
	struct tree tree = { .v = NULL };
	struct cbor_scan scan;
	const char *broken = NULL;

	*label = L_grppac;
	if (!HAS(body, L_grppac))
		return NULL;
	cbor_scan_start(&scan, &tree);
	if (cbor_scan_run(&scan, body->grppac) != SCAN_DONE)
		broken = "can't be read";
	else
		broken = check_grppac(&tree);
	cbor_scan_end(&scan);
	tree_free(&tree);
	return broken;
}

/*
 * made.c - messages made out of the schema's tables
 *
 * The generator and the encoder are those of the unit tests.
 */
#include "../unit/generate.h"
#include "made.h"

/* Some array or map in it. */
static struct item *
descend(struct gen *g, struct item *at)
{
	struct item *kid;

	while (!chance(g, 3)) {
		kid = at->kids[rng_below(&g->rng, at->n)];
		if (kid->n == 0)
			break;
		at = kid;
	}
	return at;
}

/* Values at and beyond what some kind allows. */
static struct item *
odd_value(struct gen *g)
{
	static const char *const raw[] = {
		"\xf7", "\xf9\x7e\x80", "\x5f\x41\x61\xff",
		"\x7f\x61\x61\xff", "\xc1\x01", "\xf8\xff", "\x61\xff",
		"\x1b\x80\x01\x01\x01\x01\x01\x01\x01",
		"\x3b\x80\x01\x01\x01\x01\x01\x01\x01", "\x9f", "\xff"
	};
	static const int64_t ints[] = { 0, -1, 256, 4294967296, MAX_SAFE,
	    MAX_SAFE + 1, -MAX_SAFE - 1 };

	switch (rng_below(&g->rng, 5)) {
	case 0:
		return item_string(g, I_RAW, bytes_str(raw[rng_below(&g->rng,
		    sizeof(raw) / sizeof(raw[0]))]));
	case 1:
		return item_int(g, ints[rng_below(&g->rng, 7)]);
	case 2:
		return gen_octets(g, 0, 257);
	case 3:
		return gen_text(g, 0, 257);
	default:
		return gen_any(g, 3);
	}
}

static void
change(struct gen *g, struct item *root)
{
	struct item *at = descend(g, root);
	size_t i = rng_below(&g->rng, at->n), pair = at->type == I_MAP ? 2 : 1;

	i -= i % pair;
	switch (rng_below(&g->rng, 4)) {
	case 0:	/* it goes, a copy of the last takes its place */
		memmove(at->kids + i, at->kids + at->n - pair,
		    pair * sizeof(at->kids[0]));
		if (!chance(g, 4) && at->n > pair)
			at->n -= pair;
		break;
	case 1:
		at->kids[i + pair - 1] = odd_value(g);
		break;
	case 2:
		at->kids[i] = pair == 2 ? item_int(g,
		    (int64_t)rng_below(&g->rng, 60) - 5) : odd_value(g);
		break;
	default:
		at->kids[i + pair - 1]->tag = 16 + rng_below(&g->rng, 40);
	}
}

void
make_message(int64_t type, struct bytes script, size_t changes,
    struct buffer *tame, struct buffer *wild)
{
	struct gen g = { .rng = { .state = 1, .script = script } };
	enum extent extent = (enum extent)rng_below(&g.rng, 3);
	struct item *item = gen_message(&g, type, extent);

	*tame = item_encode(&g, item, false);
	while (changes-- > 0)
		change(&g, item);
	*wild = item_encode(&g, item, true);
	arena_free(&g.arena);
}

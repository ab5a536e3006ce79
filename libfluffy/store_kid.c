/*
 * store_kid.c - the key that a seal names, with the same work whether there is
 * one or not (section 6)
 */
#include <openssl/crypto.h>

#include "store_sql.h"

static const struct {
	size_t size;		/* of each kid */
	enum sql_id nearest, lowest;
} kinds[] = {
	[KIDS_SECRET] = { SECRET_KID, SQL_SECRET, SQL_SECRET_LOWEST },
	[KIDS_CLIENT] = { SESSION_KEYID, SQL_CLIENT_KEY, SQL_CLIENT_LOWEST }
};

bool
kid_possible(enum kid_kind kind, struct bytes kid)
{
	return kid.n == kinds[kind].size;
}

/* Of secrets it is remembered in a transaction, until memo_drop. */
static enum fluffy_error
find_lowest(fluffy_store *s, enum kid_kind kind, struct keyid *lowest)
{
	bool kept = kind == KIDS_SECRET && s->in_transaction;
	enum fluffy_error e;
	struct query q;

	*lowest = kept ? s->sql->lowest_secret : (struct keyid){ 0 };
	if (lowest->n > 0)
		return FLUFFY_OK;
	query_open(&q, s, kinds[kind].lowest);
	if (query_step(&q))
		get_keyid(&q, lowest);
	/* another's row: damaged, it is as if there were none */
	q.damaged = false;
	e = query_close(&q);
	if (e == FLUFFY_OK && kept)
		s->sql->lowest_secret = *lowest;
	return e;
}

/* The larger of both; which one it is makes no difference in time. */
static void
larger(uint8_t *to, const uint8_t *kid, const uint8_t *lowest, size_t n)
{
	unsigned below = 0;
	size_t i;

	for (i = n; i-- > 0;)
		below = ((unsigned)kid[i] - lowest[i] - below) >> 8 & 1;
	for (i = 0; i < n; i++)
		to[i] = (uint8_t)(kid[i] ^
		    ((kid[i] ^ lowest[i]) & (0 - below)));
}

/*
 * The statement looks below of what is next after the kid's place in the index,
 * and for a kid below all others next after the lowest's, so that a row is
 * found, unless there is none at all.
 */
enum fluffy_error
kid_search(struct kid_search *search, fluffy_store *s, enum kid_kind kind,
    struct bytes kid)
{
	size_t n = kinds[kind].size;
	struct keyid lowest;
	enum fluffy_error e = find_lowest(s, kind, &lowest);

	if (e != FLUFFY_OK)
		return e;
	search->wanted = (struct keyid){ .n = (uint8_t)kid.n };
	memcpy(search->wanted.b, kid.p, n);
	larger(search->bound, kid.p, lowest.b, n);
	search->bound[n] = 1;
	query_open(&search->q, s, kinds[kind].nearest);
	bind_blob(&search->q, bytes_of(search->bound, n + 1));
	return FLUFFY_OK;
}

enum fluffy_error
kid_search_end(struct kid_search *search, const struct keyid *nearest,
    bool *found)
{
	/* not bytes_eq: that takes longer where they are the same */
	*found = CRYPTO_memcmp(nearest, &search->wanted,
	    sizeof(*nearest)) == 0;
	/* what another's row is like doesn't matter */
	search->q.damaged &= *found;
	return query_close(&search->q);
}

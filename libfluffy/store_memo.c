/* store_memo.c - what a process remembers of its store's look-ups */
#include <stdlib.h>

#include "store_sql.h"

/*
 * A table of places; two memos for one place: the older one is forgotten.  It
 * grows while that is likely, to some 40 MB in a realm of 40,000 devices.
 */
#define FIRST_PLACES 256u
#define MOST_PLACES  131072u

struct memo {
	enum memo_kind kind;
	size_t key_n, n;
	uint8_t bytes[];	/* key, value: secret, wiped when freed */
};

/* ---- SipHash-2-4 (Aumasson, Bernstein 2012) --------------------------- */

static uint64_t
rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void
sip_rounds(uint64_t v[4], int rounds)
{
	for (int i = 0; i < rounds; i++) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static void
sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_rounds(v, 2);
	v[0] ^= m;
}

/* At most 8 bytes, in the machine's order: nothing leaves the process. */
static uint64_t
load(const uint8_t *p, size_t n)
{
	uint64_t m = 0;

	if (n > 0)
		memcpy(&m, p, n);
	return m;
}

uint64_t
sip_hash(const uint64_t key[2], const void *data, size_t n)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573
	};
	const uint8_t *p = data;
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(v, load(p, 8));
	sip_word(v, load(p, left) | (uint64_t)n << 56);
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Senders choose nonces and names: the tables' order mustn't be theirs. */
enum fluffy_error
hash_key_get(fluffy_store *s)
{
	struct sql *sql = s->sql;
	enum fluffy_error e;

	if (sql->hash_keyed)
		return FLUFFY_OK;
	e = ctx_random(s->ctx, sql->hash_key, sizeof(sql->hash_key));
	sql->hash_keyed = e == FLUFFY_OK;
	return e;
}

/* ---- memos ------------------------------------------------------------ */

static struct memo **
memo_place(const struct sql *sql, enum memo_kind kind, struct bytes key)
{
	uint64_t h = sip_hash(sql->hash_key, key.p, key.n);

	return &sql->memos[(h + (uint64_t)kind * 0x9e3779b9) &
	    (sql->places - 1)];
}

static bool
is_memo(const struct memo *m, enum memo_kind kind, struct bytes key)
{
	return m != NULL && m->kind == kind &&
	    bytes_eq(bytes_of(m->bytes, m->key_n), key);
}

const void *
memo_find(fluffy_store *s, enum memo_kind kind, struct bytes key, size_t *n)
{
	const struct memo *m;

	if (s->sql->memos == NULL || !s->in_transaction)
		return NULL;
	m = *memo_place(s->sql, kind, key);
	if (!is_memo(m, kind, key))
		return NULL;
	*n = m->n;
	return m->bytes + m->key_n;
}

static void
set_place(struct sql *sql, struct memo *m)
{
	struct memo **place = memo_place(sql, m->kind,
	    bytes_of(m->bytes, m->key_n));

	if (*place == NULL)
		sql->n_memos++;
	wiping_free(*place);
	*place = m;
}

/* Without memory for a larger table the old one is good enough. */
static void
grow(struct sql *sql)
{
	size_t places = sql->places == 0 ? FIRST_PLACES : 4 * sql->places;
	struct memo **memos, **old = sql->memos;
	size_t n = sql->places;

	if (sql->places != 0 && (sql->n_memos < sql->places / 4 ||
	    places > MOST_PLACES))
		return;
	memos = calloc(places, sizeof(struct memo *));
	if (memos == NULL)
		return;
	sql->memos = memos;
	sql->places = places;
	sql->n_memos = 0;
	for (size_t i = 0; i < n; i++)
		if (old[i] != NULL)
			set_place(sql, old[i]);
	free(old);
}

static bool
memos_ready(fluffy_store *s)
{
	if (!s->in_transaction || s->sql->failed ||
	    hash_key_get(s) != FLUFFY_OK)
		return false;
	grow(s->sql);
	return s->sql->memos != NULL;
}

void
memo_put(fluffy_store *s, enum memo_kind kind, struct bytes key,
    const void *value, size_t n)
{
	struct memo *m;

	if (!memos_ready(s))
		return;
	m = *memo_place(s->sql, kind, key);
	if (is_memo(m, kind, key) && m->n == n) {
		memcpy(m->bytes + m->key_n, value, n);
		return;
	}
	m = wiping_malloc(sizeof(*m) + key.n + n);
	if (m == NULL)
		return;
	*m = (struct memo){ .kind = kind, .key_n = key.n, .n = n };
	memcpy(m->bytes, key.p, key.n);
	memcpy(m->bytes + key.n, value, n);
	set_place(s->sql, m);
}

void
memo_drop(fluffy_store *s)
{
	struct sql *sql = s->sql;

	sql->rules = -1;
	sql->lowest_secret.n = 0;
	for (size_t i = 0; i < sql->places; i++)
		wiping_free(sql->memos[i]);
	free(sql->memos);
	sql->memos = NULL;
	sql->places = sql->n_memos = 0;
}

void
keys_changing(fluffy_store *s)
{
	memo_drop(s);
	s->sql->keys_changed = true;
}

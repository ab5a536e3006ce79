/* dk_list.c - what is in a store of section 11, without the keys */
#include "dk.h"

/* All entries are collected first: who reads slowly holds up nobody. */
struct listing {
	fluffy_store *s;
	struct arena arena;
	fluffy_dk_entry *v;
	size_t n, room;
};

static fluffy_dk_entry *
add(struct listing *l)
{
	l->v = arena_grow(&l->arena, l->v, l->n, &l->room, sizeof(*l->v));
	if (l->v == NULL)
		return NULL;
	l->v[l->n] = (fluffy_dk_entry){ .number = 0 };
	return &l->v[l->n++];
}

static enum fluffy_error
add_anchor(struct listing *l, const struct anchor *a)
{
	bool ta = l->s->party.role == ROLE_ANCHOR;
	fluffy_dk_entry *entry = add(l);
	enum fluffy_error e;
	uint32_t *revoked;

	if (entry == NULL)
		return fluffy_fail_memory(l->s->ctx);
	entry->role = ta ? "trust-anchor" : "resource-server";
	entry->ta = a->ta.s;
	entry->rs = a->rs.s;
	entry->number = a->window.right;
	if (!ta) {
		entry->window = a->window.size;
		entry->bits = a->window.bits;
	}
	entry->trusted = a->trusted;
	memcpy(entry->keyid, a->keyid.b, sizeof(entry->keyid));
	e = store_revoked_all(l->s, &l->arena, a, &revoked,
	    &entry->n_revoked);
	entry->revoked = revoked;
	return e;
}

static enum fluffy_error
add_anchors(struct listing *l)
{
	struct anchor *v;
	enum fluffy_error e;
	size_t i, n;

	e = store_anchors(l->s, &l->arena, &v, &n);
	for (i = 0; i < n && e == FLUFFY_OK; i++)
		e = add_anchor(l, &v[i]);
	return e;
}

static enum fluffy_error
add_credentials(struct listing *l)
{
	struct credential *v;
	enum fluffy_error e;
	size_t i, n;

	e = store_credentials(l->s, &l->arena, &v, &n);
	for (i = 0; i < n && e == FLUFFY_OK; i++) {
		fluffy_dk_entry *entry = add(l);

		if (entry == NULL)
			return fluffy_fail_memory(l->s->ctx);
		entry->role = "client";
		entry->ta = v[i].ta.s;
		entry->rs = v[i].rs.s;
		entry->client = l->s->party.name.s;
		entry->mode = v[i].nonce.n > 0 ? "DerivedKey" :
		    "AuthorizedPublicKey";
		entry->number = v[i].number;
	}
	return e;
}

enum fluffy_error
fluffy_dk_list(fluffy_store *s, int (*each)(void *, const fluffy_dk_entry *),
    void *arg)
{
	struct listing l = { .s = s };
	enum fluffy_error e = add_anchors(&l);
	size_t i;

	if (e == FLUFFY_OK)
		e = add_credentials(&l);
	for (i = 0; i < l.n && e == FLUFFY_OK; i++)
		if (each(arg, &l.v[i]) != 0)
			break;
	arena_free(&l.arena);
	return e;
}

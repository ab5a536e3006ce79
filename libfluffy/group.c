/*
 * group.c - a group at its SKDC: what becomes of it, whoever asks (section 6,
 * Group and Deletion)
 */
#include <openssl/crypto.h>

#include "alg.h"
#include "group.h"
#include "policy.h"

/* ---- as it stands now ----------------------------------------------------- */

/* What was its owner's wish is nobody's any more. */
static enum fluffy_error
end_group(fluffy_store *s, struct group *g)
{
	enum fluffy_error e = store_named_drop(s, g->id);

	g->state = GROUP_DELETED;
	g->grppac = bytes_of(NULL, 0);
	g->any = false;
	return e == FLUFFY_OK ? store_group_set(s, g) : e;
}

/*
 * Time alone may complete a deletion, but that isn't written down: the clock
 * may be wrong.
 */
enum fluffy_error
group_settle(fluffy_store *s, struct group *g, uint64_t now)
{
	struct bytes owner = name_bytes(&g->owner);
	enum fluffy_error e;
	bool missing;

	g->over = g->state == GROUP_DELETED;
	if (g->state != GROUP_DELETING)
		return FLUFFY_OK;
	e = store_is_missing(s, g->id, owner, now, &missing);
	g->over = e == FLUFFY_OK && !missing;
	if (!g->over)
		return e;
	e = store_is_missing(s, g->id, owner, 0, &missing);
	return e == FLUFFY_OK && !missing ? end_group(s, g) : e;
}

enum fluffy_error
group_find(fluffy_store *s, struct arena *arena, struct bytes realm,
    struct bytes name, uint64_t now, struct group *g)
{
	enum fluffy_error e = store_group(s, arena, realm, name, g);

	return e == FLUFFY_OK ? group_settle(s, g, now) : e;
}

enum fluffy_error
group_find_for(struct step *step, struct bytes realm, struct bytes name)
{
	struct group_step *g = step->group;
	enum fluffy_error e;

	e = group_find(step->s, &g->arena, realm, name, step->now, &g->group);
	g->exists = e == FLUFFY_OK && !g->group.over;
	return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
}

void
group_step_end(struct group_step *g)
{
	arena_free(&g->arena);
	OPENSSL_cleanse(g, sizeof(*g));
}

/* ---- keys ------------------------------------------------------------------ */

/* What the owner wishes, within what the operator configured. */
static enum fluffy_error
group_lifetime(fluffy_store *s, const struct group *g, uint64_t *lifetime)
{
	struct grppac wish = { .lifetime = 0 };
	struct device owner;
	enum fluffy_error e;

	e = store_device(s, name_bytes(&g->owner), &owner);
	/* it was good when it came: now only memory can be missing */
	if (g->grppac.n > 0 && grppac_read(g->grppac, NULL, &wish) != NULL)
		return fluffy_fail_memory(s->ctx);
	*lifetime = policy_group_lifetime(s->lifetime, owner.lifetime,
	    wish.lifetime);
	return e;
}

enum fluffy_error
group_new_key(fluffy_store *s, struct group *g, int64_t alg, uint64_t now,
    struct group_key *key)
{
	uint64_t lifetime = 0;
	enum fluffy_error e = group_lifetime(s, g, &lifetime);

	*key = (struct group_key){ .group = g->id, .authtime = now,
	    .endtime = now + lifetime };
	key->key.alg = alg;
	key->key.n = (uint8_t)aead_of(alg)->key;
	if (e == FLUFFY_OK)
		e = ctx_random(s->ctx, key->key.b, key->key.n);
	if (e == FLUFFY_OK)
		e = store_new_keyid(s, now, &key->keyid);
	g->keyid = key->keyid;
	if (e == FLUFFY_OK && g->id == 0) {
		e = store_group_add(s, g);
		key->group = g->id;
		if (e == FLUFFY_OK)
			e = store_groups_forget(s, name_bytes(&g->owner),
			    GROUPS_MAX);
	} else if (e == FLUFFY_OK)
		e = store_group_set(s, g);
	return e == FLUFFY_OK ? store_group_key_add(s, key) : e;
}

/* ---- deletion --------------------------------------------------------------- */

enum fluffy_error
group_delete(fluffy_store *s, struct group *g, uint64_t now)
{
	enum fluffy_error e;

	e = store_deletions_of_group(s, g->id, name_bytes(&g->owner), now);
	if (e == FLUFFY_OK)
		e = store_group_keys_erase(s, g->id);
	g->state = GROUP_DELETING;
	if (e == FLUFFY_OK)
		e = store_group_set(s, g);
	return e;
}

/*
 * The old one's algorithm, or another if that isn't allowed any more or the old
 * one's row is gone (after the clock was set back a member may have an older
 * key that ends later); or 0.
 */
static enum fluffy_error
next_alg(fluffy_store *s, const struct group *g, int64_t *alg)
{
	struct tokens wanted = { .n = 1 };
	struct group_key old;
	struct device owner;
	enum fluffy_error e = store_device(s, name_bytes(&g->owner), &owner);
	const struct tokens *const allowed[] = { &s->etypes, &owner.etypes };

	if (e != FLUFFY_OK)
		return e;
	e = store_group_key(s, keyid_bytes(&g->keyid), &old);
	wanted.v[0] = old.key.alg;
	group_key_wipe(&old);
	if (e == FLUFFY_E_NOT_FOUND)
		e = FLUFFY_OK;
	*alg = policy_etype(&wanted, allowed, 2);
	for (int i = 0; *alg == 0 && i < N_AEADS; i++) {
		wanted.v[0] = aeads[i].alg;
		*alg = policy_etype(&wanted, allowed, 2);
	}
	return e;
}

/*
 * A member has lost its place: what comes is under a new key; or under none,
 * until the owner renews it, where policy leaves no algorithm.
 */
static enum fluffy_error
renew(fluffy_store *s, struct group *g, uint64_t now)
{
	struct group_key key = { .group = 0 };
	int64_t alg = 0;
	enum fluffy_error e = next_alg(s, g, &alg);

	if (e == FLUFFY_OK)
		e = alg == 0 ? store_group_keys_erase(s, g->id) :
		    group_new_key(s, g, alg, now, &key);
	group_key_wipe(&key);
	return e;
}

/* What RFC 9594 calls eviction. */
static enum fluffy_error
evict(fluffy_store *s, struct group *g, struct bytes device, uint64_t now)
{
	enum fluffy_error e;
	bool holds;

	if (g->state != GROUP_LIVE)
		return FLUFFY_OK;
	e = store_holds(s, g->id, device, now, &holds);
	if (e != FLUFFY_OK || !holds)
		return e;
	e = store_deletions_of_member(s, g->id, device, now);
	return e == FLUFFY_OK ? renew(s, g, now) : e;
}

/* ---- the operator ------------------------------------------------------------ */

/* Who gets its owner's name next isn't the owner of this. */
static enum fluffy_error
orphan(fluffy_store *s, struct group *g, uint64_t now)
{
	enum fluffy_error e = group_settle(s, g, now);

	if (e == FLUFFY_OK && g->state == GROUP_DELETED)
		return store_group_remove(s, g);
	g->owner = (struct name){ .n = 0 };
	return e == FLUFFY_OK ? store_group_set(s, g) : e;
}

enum fluffy_error
group_device_removed(fluffy_store *s, struct bytes device, uint64_t now)
{
	struct arena arena = { NULL, false };
	struct group *groups;
	enum fluffy_error e;
	size_t i, n;

	e = store_groups_of(s, &arena, device, true, now, &groups, &n);
	for (i = 0; i < n && e == FLUFFY_OK; i++)
		e = evict(s, &groups[i], device, now);
	if (e == FLUFFY_OK)
		e = store_groups_of(s, &arena, device, false, now, &groups,
		    &n);
	for (i = 0; i < n && e == FLUFFY_OK; i++) {
		if (groups[i].state == GROUP_LIVE)
			e = group_delete(s, &groups[i], now);
		if (e == FLUFFY_OK)
			e = orphan(s, &groups[i], now);
	}
	arena_free(&arena);
	return e;
}

struct change {
	struct bytes realm, name, device;
	enum fluffy_membership change;
};

static enum fluffy_error
check_device(fluffy_store *s, struct bytes name)
{
	struct device device;
	enum fluffy_error e = store_device(s, name, &device);

	if (e == FLUFFY_E_NOT_FOUND)
		e = fluffy_fail(s->ctx, e, NULL, "no device \"%.*s\"",
		    (int)name.n, (const char *)name.p);
	return e;
}

/*
 * A group has to be there, but may be forbidden beforehand, and that be taken
 * back.
 */
static enum fluffy_error
check_change(fluffy_store *s, const struct change *c, const struct group *g,
    bool exists)
{
	enum fluffy_error e;
	bool is = false;
	int verdict;

	e = store_verdict(s, c->realm, c->name, c->device, &verdict);
	if (e != FLUFFY_OK)
		return e;
	if (!exists && c->change != FLUFFY_FORBID &&
	    (c->change != FLUFFY_ADD || verdict != FLUFFY_FORBID))
		return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
		    "no group \"%.*s\"", (int)c->name.n,
		    (const char *)c->name.p);
	if ((e = check_device(s, c->device)) != FLUFFY_OK)
		return e;
	if (exists && bytes_eq(name_bytes(&g->owner), c->device))
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "\"%.*s\" owns the group", (int)c->device.n,
		    (const char *)c->device.p);
	if (c->change == FLUFFY_REMOVE)
		e = store_member(s, g, c->device, &is);
	if (e == FLUFFY_OK && c->change == FLUFFY_REMOVE && !is)
		e = fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
		    "\"%.*s\" isn't a member", (int)c->device.n,
		    (const char *)c->device.p);
	return e;
}

static enum fluffy_error
change(fluffy_store *s, struct arena *arena, const struct change *c)
{
	uint64_t now = fluffy_now(s->ctx);
	struct group g;
	enum fluffy_error e;
	bool exists;

	e = group_find(s, arena, c->realm, c->name, now, &g);
	if (e != FLUFFY_OK && e != FLUFFY_E_NOT_FOUND)
		return e;
	exists = e == FLUFFY_OK && !g.over;
	e = check_change(s, c, &g, exists);
	if (e == FLUFFY_OK)
		e = store_verdict_set(s, c->realm, c->name, c->device,
		    !exists && c->change == FLUFFY_ADD ? 0 :
		    (int)c->change);
	if (e == FLUFFY_OK && exists && c->change != FLUFFY_ADD)
		e = evict(s, &g, c->device, now);
	return e;
}

enum fluffy_error
fluffy_group_change(fluffy_store *s, const char *realm, const char *group,
    const char *device, enum fluffy_membership membership)
{
	const struct change c = { .realm = realm != NULL ? bytes_str(realm) :
	    name_bytes(&s->party.realm), .name = bytes_str(group),
	    .device = bytes_str(device), .change = membership };
	struct arena arena = { NULL, false };
	enum fluffy_error e;

	if (s->party.role != ROLE_SKDC)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "this store is a device's, not an SKDC's");
	if (membership < FLUFFY_ADD || membership > FLUFFY_FORBID)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "membership",
		    "no such change");
	if ((e = request_name(s, "realm", realm, true)) != FLUFFY_OK ||
	    (e = request_name(s, "group", group, false)) != FLUFFY_OK ||
	    (e = request_name(s, "device", device, false)) != FLUFFY_OK ||
	    (e = store_begin(s)) != FLUFFY_OK)
		return e;
	e = change(s, &arena, &c);
	if (e == FLUFFY_OK)
		e = store_commit(s);
	if (e != FLUFFY_OK)
		store_rollback(s);
	arena_free(&arena);
	return e;
}

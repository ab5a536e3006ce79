/* store_list_group.c - an SKDC's groups and deletions, for its operator */
#include "store_list.h"

struct asked {
	struct bytes realm, name;	/* name.n = 0: all groups */
};

static bool
wanted(const struct asked *asked, const struct name *realm,
    const struct name *name)
{
	return asked->name.n == 0 || (bytes_eq(asked->name,
	    name_bytes(name)) && bytes_eq(asked->realm, name_bytes(realm)));
}

/* ---- members ---------------------------------------------------------- */

static void
add_member(struct listing *l, const struct name *name, const char *state)
{
	const fluffy_entry entry = { .kind = FLUFFY_MEMBER,
	    .realm = list_copy(l, &l->store->party.realm),
	    .name = list_copy(l, name), .state = state };

	list_add(l, &entry, NULL);
}

static const char *
verdict_name(int verdict)
{
	static const char *const names[] = { [FLUFFY_ADD] = "added",
		[FLUFFY_REMOVE] = "removed", [FLUFFY_FORBID] = "forbidden" };

	return names[verdict];
}

/* What the operator said stands for what the owner did. */
static enum fluffy_error
list_named(struct listing *l, const struct group *g)
{
	enum fluffy_error e = FLUFFY_OK, closed;
	struct query q;

	query_open(&q, l->store, SQL_LIST_NAMED);
	bind_int(&q, g->id);
	while (e == FLUFFY_OK && list_next(l, &q)) {
		struct name device;
		int verdict = 0;

		get_name(&q, &device, false);
		e = store_verdict(l->store, name_bytes(&g->realm),
		    name_bytes(&g->name), name_bytes(&device), &verdict);
		if (e == FLUFFY_OK && verdict == 0 && !bytes_eq(
		    name_bytes(&device), name_bytes(&g->owner)))
			add_member(l, &device, "named");
	}
	closed = query_close(&q);
	return e != FLUFFY_OK ? e : closed;
}

static enum fluffy_error
list_verdicts(struct listing *l, const struct name *realm,
    const struct name *name)
{
	struct query q;

	query_open(&q, l->store, SQL_LIST_VERDICTS);
	bind_text(&q, name_bytes(realm));
	bind_text(&q, name_bytes(name));
	while (list_next(l, &q)) {
		struct name device;
		uint64_t verdict;

		get_name(&q, &device, false);
		verdict = get_uint(&q, FLUFFY_FORBID);
		if (verdict > 0)
			add_member(l, &device, verdict_name((int)verdict));
	}
	return query_close(&q);
}

static enum fluffy_error
list_members(struct listing *l, const struct group *g)
{
	enum fluffy_error e = FLUFFY_OK;

	if (g->owner.n > 0)
		add_member(l, &g->owner, "owner");
	if (g->any)
		add_member(l, &(struct name){ .n = 0 }, "any");
	else
		e = list_named(l, g);
	return e == FLUFFY_OK ? list_verdicts(l, &g->realm, &g->name) : e;
}

/* ---- holders ---------------------------------------------------------- */

/* Of a deleted group its owner has been told so, which nobody confirms. */
static enum fluffy_error
list_holders(struct listing *l, const struct group *g, bool deleted)
{
	struct query q;

	query_open(&q, l->store, SQL_LIST_HOLDERS);
	bind_int(&q, g->id);
	bind_uint(&q, l->now);
	bind_text(&q, deleted ? name_bytes(&g->owner) : bytes_of(NULL, 0));
	while (list_next(l, &q)) {
		fluffy_entry entry = { .kind = FLUFFY_HOLDER,
		    .realm = list_copy(l, &l->store->party.realm),
		    .state = "holds" };
		struct keyid keyid = keyid_from(get_uint(&q, INT64_MAX));
		struct name device;

		get_name(&q, &device, false);
		entry.name = list_copy(l, &device);
		entry.alg = list_alg(get_int(&q));
		entry.authtime = get_uint(&q, TIME_MAX);
		entry.endtime = get_uint(&q, TIME_MAX);
		if (!get_null(&q))
			entry.state = get_bool(&q) ? "confirmed" : "deleting";
		list_add(l, &entry, &keyid);
	}
	return query_close(&q);
}

/* ---- groups ----------------------------------------------------------- */

/* What group_settle will find: a deletion that is complete. */
static enum fluffy_error
group_state(struct listing *l, const struct group *g,
    const struct group_key *key, const char **state)
{
	enum fluffy_error e = FLUFFY_OK;
	bool missing = false;

	if (g->state == GROUP_DELETING)
		e = store_is_missing(l->store, g->id, name_bytes(&g->owner),
		    l->now, &missing);
	if (g->state == GROUP_LIVE)
		*state = key->key.n > 0 && key->endtime > l->now ? "live" :
		    "ended";
	else
		*state = missing ? "deleting" : "deleted";
	return e;
}

static enum fluffy_error
list_group(struct listing *l, const struct group *g)
{
	struct group_key key;
	fluffy_entry entry = { .kind = FLUFFY_GROUP,
	    .realm = list_copy(l, &g->realm),
	    .name = list_copy(l, &g->name),
	    .owner = list_copy(l, &g->owner) };
	enum fluffy_error e;

	e = store_group_key(l->store, keyid_bytes(&g->keyid), &key);
	if (e == FLUFFY_E_NOT_FOUND)
		e = FLUFFY_OK;
	if (e == FLUFFY_OK)
		e = group_state(l, g, &key, &entry.state);
	entry.alg = list_alg(key.key.alg);
	entry.authtime = key.authtime;
	entry.endtime = key.endtime;
	group_key_wipe(&key);
	if (e != FLUFFY_OK)
		return e;
	list_add(l, &entry, &g->keyid);
	e = list_members(l, g);
	return e == FLUFFY_OK ? list_holders(l, g,
	    strcmp(entry.state, "deleted") == 0) : e;
}

/* Names of which nothing is known but what the operator forbade. */
static enum fluffy_error
list_names(struct listing *l, const struct asked *asked)
{
	enum fluffy_error e = FLUFFY_OK, closed;
	struct query q;

	query_open(&q, l->store, SQL_LIST_GROUP_NAMES);
	while (e == FLUFFY_OK && list_next(l, &q)) {
		fluffy_entry entry = { .kind = FLUFFY_GROUP };
		struct name realm, name;

		get_name(&q, &realm, false);
		get_name(&q, &name, false);
		if (!wanted(asked, &realm, &name))
			continue;
		entry.realm = list_copy(l, &realm);
		entry.name = list_copy(l, &name);
		list_add(l, &entry, NULL);
		e = list_verdicts(l, &realm, &name);
	}
	closed = query_close(&q);
	return e != FLUFFY_OK ? e : closed;
}

static enum fluffy_error
list_groups(struct listing *l, const void *what)
{
	const struct asked *asked = what;
	enum fluffy_error e = FLUFFY_OK, closed;
	struct query q;

	query_open(&q, l->store, SQL_LIST_GROUPS);
	while (e == FLUFFY_OK && list_next(l, &q)) {
		struct group g;

		get_group(&q, &l->arena, &g);
		if (!q.damaged && wanted(asked, &g.realm, &g.name))
			e = list_group(l, &g);
	}
	closed = query_close(&q);
	if (e == FLUFFY_OK)
		e = closed;
	if (e == FLUFFY_OK)
		e = list_names(l, asked);
	if (e == FLUFFY_OK && l->first == NULL && asked->name.n > 0)
		e = fluffy_fail(l->store->ctx, FLUFFY_E_NOT_FOUND, NULL,
		    "no group \"%.*s\"", (int)asked->name.n,
		    (const char *)asked->name.p);
	return e;
}

static enum fluffy_error
check_role(fluffy_store *s)
{
	if (s->party.role == ROLE_SKDC)
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
	    "this store is a device's, not an SKDC's");
}

enum fluffy_error
fluffy_list_groups(fluffy_store *s, const char *realm, const char *group,
    int (*each)(void *, const fluffy_entry *), void *arg)
{
	const struct asked asked = { .realm = realm != NULL ?
	    bytes_str(realm) : name_bytes(&s->party.realm),
	    .name = bytes_str(group) };
	enum fluffy_error e = check_role(s);

	return e == FLUFFY_OK ? list_show(s, list_groups, &asked, each, arg) :
	    e;
}

/* ---- deletions -------------------------------------------------------- */

/* Of what: a group's key, or one that two parties share. */
static enum fluffy_error
add_deletion(struct listing *l, const struct deletion *d)
{
	fluffy_entry entry = { .kind = FLUFFY_DELETION,
	    .realm = list_copy(l, &l->store->party.realm), .name = list_copy(l, &d->device), .authtime = d->since,
	    .endtime = d->endtime, .state = "deleting" };
	struct bytes keyid = keyid_bytes(&d->keyid);
	struct issued issued;
	struct group g;
	enum fluffy_error e;

	e = store_group_of_key(l->store, &l->arena, keyid, &g);
	if (e == FLUFFY_OK)
		entry.service = list_copy(l, &g.name);
	if (e == FLUFFY_E_NOT_FOUND &&
	    (e = store_issued(l->store, keyid, &issued)) == FLUFFY_OK)
		entry.service = list_copy(l, bytes_eq(name_bytes(
		    &issued.client), name_bytes(&d->device)) ?
		    &issued.service : &issued.client);
	list_add(l, &entry, &d->keyid);
	return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
}

static enum fluffy_error
list_deletions(struct listing *l, const void *what)
{
	struct deletion *d;
	enum fluffy_error e;
	size_t i, n;

	(void)what;
	e = store_missing(l->store, &l->arena, l->now, &d, &n);
	for (i = 0; i < n && e == FLUFFY_OK; i++)
		e = add_deletion(l, &d[i]);
	return e;
}

enum fluffy_error
fluffy_list_deletions(fluffy_store *s,
    int (*each)(void *, const fluffy_entry *), void *arg)
{
	enum fluffy_error e = check_role(s);

	return e == FLUFFY_OK ? list_show(s, list_deletions, NULL, each, arg) :
	    e;
}

/* store_group.c - groups, their keys, members and holders, at an SKDC */
#include <openssl/crypto.h>

#include "store_sql.h"

#define GRPPAC_SIZE FLUFFY_MAX_EMITTED

/* ---- groups ----------------------------------------------------------- */

static enum fluffy_error
no_group(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such group");
}

/* An empty blob is kept as NULL. */
static void
bind_optional(struct query *q, struct bytes blob)
{
	if (blob.n > 0)
		bind_blob(q, blob);
	else
		bind_null(q);
}

static struct bytes
get_optional(struct query *q, struct arena *arena, size_t max)
{
	if (get_null(q))
		return bytes_of(NULL, 0);
	return arena_dup(arena, get_blob(q, 1, max));
}

void
get_group(struct query *q, struct arena *arena, struct group *g)
{
	*g = (struct group){ .id = get_int(q) };
	get_name(q, &g->realm, false);
	get_name(q, &g->name, false);
	get_name(q, &g->owner, true);
	g->state = (enum group_state)get_uint(q, GROUP_DELETED);
	g->keyid = keyid_from(get_uint(q, INT64_MAX));
	g->any = get_bool(q);
	g->delt = get_optional(q, arena, KEYID_MAX);
	g->delt_realm = get_bool(q);
	g->grppac = get_optional(q, arena, GRPPAC_SIZE);
}

/* Runs a statement that gives one group. */
static enum fluffy_error
one_group(fluffy_store *s, struct query *q, struct arena *arena,
    struct group *g)
{
	enum fluffy_error e;
	bool found = query_step(q);

	if (found)
		get_group(q, arena, g);
	e = query_close(q);
	if (e == FLUFFY_OK && arena->failed)
		e = fluffy_fail_memory(s->ctx);
	if (e != FLUFFY_OK || !found)
		*g = (struct group){ .id = 0 };
	return e != FLUFFY_OK || found ? e : no_group(s);
}

enum fluffy_error
store_group(fluffy_store *s, struct arena *arena, struct bytes realm,
    struct bytes name, struct group *g)
{
	struct query q;

	query_open(&q, s, SQL_GROUP);
	bind_text(&q, realm);
	bind_text(&q, name);
	return one_group(s, &q, arena, g);
}

enum fluffy_error
store_group_of_key(fluffy_store *s, struct arena *arena, struct bytes keyid,
    struct group *g)
{
	uint64_t number;
	struct query q;

	if (!keyid_number(keyid, &number))
		return no_group(s);
	query_open(&q, s, SQL_GROUP_OF_KEY);
	bind_uint(&q, number);
	return one_group(s, &q, arena, g);
}

enum fluffy_error
store_groups_of(fluffy_store *s, struct arena *arena, struct bytes device,
    bool held, uint64_t now, struct group **groups, size_t *n)
{
	struct group *more;
	size_t room = 0;
	enum fluffy_error e;
	struct query q;

	*groups = NULL;
	*n = 0;
	query_open(&q, s, held ? SQL_GROUPS_HELD : SQL_GROUPS_OWNED);
	bind_text(&q, device);
	if (held)
		bind_uint(&q, now);
	while (!arena->failed && query_step(&q)) {
		more = arena_grow(arena, *groups, *n, &room, sizeof(**groups));
		if (more == NULL)
			break;
		*groups = more;
		get_group(&q, arena, &more[(*n)++]);
	}
	e = query_close(&q);
	return e == FLUFFY_OK && arena->failed ? fluffy_fail_memory(s->ctx) :
	    e;
}

enum fluffy_error
store_group_remove(fluffy_store *s, const struct group *g)
{
	static const enum sql_id all[] = { SQL_NAMED_DROP, SQL_GRPKEYS_DROP,
		SQL_GROUP_REMOVE };
	enum fluffy_error e = store_group_keys_erase(s, g->id);
	struct query q;

	for (size_t i = 0; i < 3 && e == FLUFFY_OK; i++) {
		query_open(&q, s, all[i]);
		bind_int(&q, g->id);
		e = query_run(&q, NULL);
	}
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_VERDICTS_DROP);
	bind_text(&q, name_bytes(&g->realm));
	bind_text(&q, name_bytes(&g->name));
	return query_run(&q, NULL);
}

/* What is said about a group that was deleted goes with it. */
static enum fluffy_error
clear_name(fluffy_store *s, const struct group *g)
{
	struct group old;
	struct arena arena = { NULL, false };
	enum fluffy_error e;

	e = store_group(s, &arena, name_bytes(&g->realm),
	    name_bytes(&g->name), &old);
	arena_free(&arena);
	if (e == FLUFFY_E_NOT_FOUND)
		return FLUFFY_OK;
	return e == FLUFFY_OK ? store_group_remove(s, &old) : e;
}

/* The one number that an open query gives. */
static enum fluffy_error
number(struct query *q, uint64_t *n)
{
	*n = 0;
	if (query_step(q))
		*n = get_uint(q, INT64_MAX);
	return query_close(q);
}

enum fluffy_error
store_groups_count(fluffy_store *s, struct bytes device, uint64_t now,
    uint64_t *n)
{
	struct query q;

	query_open(&q, s, SQL_GROUPS_COUNT);
	bind_text(&q, device);
	bind_uint(&q, now);
	return number(&q, n);
}

enum fluffy_error
store_group_keys_count(fluffy_store *s, int64_t group, uint64_t now,
    uint64_t *n)
{
	struct query q;

	query_open(&q, s, SQL_GRPKEYS_COUNT);
	bind_int(&q, group);
	bind_uint(&q, now);
	return number(&q, n);
}

enum fluffy_error
store_group_add(fluffy_store *s, struct group *g)
{
	enum fluffy_error e = clear_name(s, g);
	struct query q;

	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_GROUP_ADD);
	bind_text(&q, name_bytes(&g->realm));
	bind_text(&q, name_bytes(&g->name));
	bind_text(&q, name_bytes(&g->owner));
	bind_uint(&q, g->state);
	bind_keyid(&q, &g->keyid);
	bind_uint(&q, g->any);
	bind_optional(&q, g->grppac);
	e = query_run(&q, NULL);
	if (e == FLUFFY_OK)
		g->id = sqlite3_last_insert_rowid(s->sql->db);
	return e;
}

enum fluffy_error
store_groups_forget(fluffy_store *s, struct bytes owner, unsigned keep)
{
	static const enum sql_id all[] = { SQL_VERDICTS_OF_FORGOTTEN,
		SQL_GROUPS_FORGET };
	enum fluffy_error e = FLUFFY_OK;
	struct query q;

	for (size_t i = 0; i < 2 && e == FLUFFY_OK; i++) {
		query_open(&q, s, all[i]);
		bind_text(&q, owner);
		bind_uint(&q, keep);
		e = query_run(&q, NULL);
	}
	return e;
}

enum fluffy_error
store_group_set(fluffy_store *s, const struct group *g)
{
	struct query q;

	query_open(&q, s, SQL_GROUP_SET);
	bind_text(&q, name_bytes(&g->owner));
	bind_uint(&q, g->state);
	bind_keyid(&q, &g->keyid);
	bind_uint(&q, g->any);
	bind_optional(&q, g->grppac);
	bind_optional(&q, g->delt);
	bind_uint(&q, g->delt_realm);
	bind_int(&q, g->id);
	return query_run(&q, NULL);
}

/* ---- members ---------------------------------------------------------- */

enum fluffy_error
store_named_add(fluffy_store *s, int64_t group, struct bytes device)
{
	struct query q;

	query_open(&q, s, SQL_NAMED_ADD);
	bind_int(&q, group);
	bind_text(&q, device);
	return query_run(&q, NULL);
}

enum fluffy_error
store_named_drop(fluffy_store *s, int64_t group)
{
	struct query q;

	query_open(&q, s, SQL_NAMED_DROP);
	bind_int(&q, group);
	return query_run(&q, NULL);
}

enum fluffy_error
store_verdict(fluffy_store *s, struct bytes realm, struct bytes name,
    struct bytes device, int *verdict)
{
	struct query q;

	*verdict = 0;
	query_open(&q, s, SQL_VERDICT);
	bind_text(&q, realm);
	bind_text(&q, name);
	bind_text(&q, device);
	if (query_step(&q))
		*verdict = (int)get_uint(&q, FLUFFY_FORBID);
	return query_close(&q);
}

enum fluffy_error
store_verdict_set(fluffy_store *s, struct bytes realm, struct bytes name,
    struct bytes device, int verdict)
{
	struct query q;

	query_open(&q, s, verdict == 0 ? SQL_VERDICT_REMOVE :
	    SQL_VERDICT_SET);
	bind_text(&q, realm);
	bind_text(&q, name);
	bind_text(&q, device);
	if (verdict != 0)
		bind_int(&q, verdict);
	return query_run(&q, NULL);
}

/* Is there a row?  false when it couldn't be told. */
static enum fluffy_error
exists(struct query *q, bool *is)
{
	*is = query_step(q);
	return query_close(q);
}

static enum fluffy_error
is_named(fluffy_store *s, int64_t group, struct bytes device, bool *is)
{
	struct query q;

	query_open(&q, s, SQL_NAMED);
	bind_int(&q, group);
	bind_text(&q, device);
	return exists(&q, is);
}

enum fluffy_error
store_member(fluffy_store *s, const struct group *g, struct bytes device,
    bool *is)
{
	enum fluffy_error e;
	int verdict;

	*is = bytes_eq(device, name_bytes(&g->owner));
	if (*is)
		return FLUFFY_OK;
	e = store_verdict(s, name_bytes(&g->realm), name_bytes(&g->name),
	    device, &verdict);
	if (e != FLUFFY_OK)
		return e;
	if (verdict != 0 || g->any) {
		*is = verdict == 0 || verdict == FLUFFY_ADD;
		return FLUFFY_OK;
	}
	return is_named(s, g->id, device, is);
}

/* ---- keys ------------------------------------------------------------- */

void
group_key_wipe(struct group_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

enum fluffy_error
store_group_key_add(fluffy_store *s, const struct group_key *key)
{
	int64_t slot = 0;
	enum fluffy_error e = vault_put(s, &key->key, &slot);
	struct query q;

	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_GRPKEY_ADD);
	bind_keyid(&q, &key->keyid);
	bind_int(&q, key->group);
	bind_int(&q, key->key.alg);
	bind_int(&q, slot);
	bind_uint(&q, key->authtime);
	bind_uint(&q, key->endtime);
	return query_run(&q, NULL);
}

static void
get_group_key(struct query *q, struct group_key *key)
{
	int64_t alg;

	key->group = get_int(q);
	alg = get_alg(q);
	key->authtime = get_uint(q, TIME_MAX);
	key->endtime = get_uint(q, TIME_MAX);
	key->key.alg = alg;
	if (!get_null(q))
		get_key(q, &key->key);
}

enum fluffy_error
store_group_key(fluffy_store *s, struct bytes keyid, struct group_key *key)
{
	enum fluffy_error e;
	uint64_t number;
	struct query q;
	bool found = false;

	*key = (struct group_key){ .group = 0 };
	if (keyid_number(keyid, &number)) {
		query_open(&q, s, SQL_GRPKEY);
		bind_uint(&q, number);
		found = query_step(&q);
		if (found)
			get_group_key(&q, key);
		key->keyid = keyid_from(number);
		if ((e = query_close(&q)) != FLUFFY_OK) {
			group_key_wipe(key);
			return e;
		}
	}
	if (found)
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such key");
}

/* Wipes the slots, then forgets them. */
static enum fluffy_error
erase_keys(fluffy_store *s, enum sql_id wipe, enum sql_id erased, int64_t id)
{
	enum fluffy_error e;
	struct query q;

	query_open(&q, s, wipe);
	bind_int(&q, id);
	if ((e = vault_erase(s, &q)) != FLUFFY_OK)
		return e;
	query_open(&q, s, erased);
	bind_int(&q, id);
	return query_run(&q, NULL);
}

enum fluffy_error
store_group_key_erase(fluffy_store *s, struct bytes keyid)
{
	uint64_t number;

	if (!keyid_number(keyid, &number))
		return FLUFFY_OK;
	return erase_keys(s, SQL_GRPKEY_WIPE, SQL_GRPKEY_ERASED,
	    (int64_t)number);
}

enum fluffy_error
store_group_keys_erase(fluffy_store *s, int64_t group)
{
	return erase_keys(s, SQL_GRPKEYS_WIPE, SQL_GRPKEYS_ERASED, group);
}

/* ---- holders ---------------------------------------------------------- */

enum fluffy_error
store_holder_add(fluffy_store *s, const struct group_key *key,
    struct bytes device)
{
	struct query q;

	query_open(&q, s, SQL_HOLDER_ADD);
	bind_keyid(&q, &key->keyid);
	bind_text(&q, device);
	bind_uint(&q, key->endtime);
	return query_run(&q, NULL);
}

enum fluffy_error
store_holds(fluffy_store *s, int64_t group, struct bytes device, uint64_t now,
    bool *holds)
{
	struct query q;

	query_open(&q, s, SQL_HOLDS);
	bind_int(&q, group);
	bind_text(&q, device);
	bind_uint(&q, now);
	return exists(&q, holds);
}

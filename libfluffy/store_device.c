/* store_device.c - a device's requests, session keys and deletions */
#include <openssl/crypto.h>

#include "store_sql.h"

/* ---- requests that wait ----------------------------------------------- */

static enum fluffy_error
no_request(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
	    "no pending request has this nonce");
}

enum fluffy_error
store_pending_add(fluffy_store *s, const struct pending *p)
{
	char text[TOKENS_TEXT];
	enum fluffy_error e;
	struct query q;
	int n;

	query_open(&q, s, SQL_PENDING_ADD);
	bind_blob(&q, bytes_of(p->nonce, p->nonce_n));
	bind_int(&q, p->type);
	bind_uint(&q, p->time);
	bind_text(&q, name_bytes(&p->realm));
	bind_text(&q, name_bytes(&p->service));
	bind_int(&q, p->kty);
	bind_tokens(&q, &p->etypes, text);
	if (p->keyid.n > 0)
		bind_blob(&q, keyid_bytes(&p->keyid));
	else
		bind_null(&q);
	if (p->has_seqnum)
		bind_uint(&q, p->seqnum);
	else
		bind_null(&q);
	e = query_run(&q, &n);
	if (e != FLUFFY_OK || n > 0)
		return e;
	return fluffy_fail(s->ctx, FLUFFY_E_EXISTS, NULL,
	    "a pending request has this nonce already");
}

static void
get_pending(struct query *q, struct pending *p)
{
	struct bytes nonce = get_blob(q, 1, sizeof(p->nonce));

	p->nonce_n = (uint8_t)nonce.n;
	if (nonce.n > 0)
		memcpy(p->nonce, nonce.p, nonce.n);
	p->type = get_int(q);
	p->time = get_uint(q, TIME_MAX);
	get_name(q, &p->realm, true);
	get_name(q, &p->service, true);
	p->kty = get_int(q);
	get_tokens(q, &p->etypes);
	if (!get_null(q))
		get_keyid(q, &p->keyid);
	p->has_seqnum = !get_null(q);
	if (p->has_seqnum)
		p->seqnum = (uint32_t)get_uint(q, UINT32_MAX);
}

enum fluffy_error
store_pending(fluffy_store *s, struct bytes nonce, struct pending *p)
{
	enum fluffy_error e;
	struct query q;
	bool found;

	*p = (struct pending){ 0 };
	query_open(&q, s, SQL_PENDING);
	bind_blob(&q, nonce);
	found = query_step(&q);
	if (found)
		get_pending(&q, p);
	e = query_close(&q);
	if (e != FLUFFY_OK)
		*p = (struct pending){ 0 };
	return e != FLUFFY_OK || found ? e : no_request(s);
}

enum fluffy_error
store_pending_remove(fluffy_store *s, struct bytes nonce)
{
	enum fluffy_error e;
	struct query q;
	int n;

	query_open(&q, s, SQL_PENDING_REMOVE);
	bind_blob(&q, nonce);
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : no_request(s);
}

/* ---- session keys ----------------------------------------------------- */

void
session_wipe(struct session *session)
{
	OPENSSL_cleanse(session, sizeof(*session));
}

static enum fluffy_error
no_key(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such key");
}

/* A key that is replaced is erased like any other. */
static enum fluffy_error
erase_role(fluffy_store *s, struct bytes keyid, enum held_as as)
{
	enum fluffy_error e;
	struct query q;

	query_open(&q, s, SQL_SESSION_WIPE_ROLE);
	bind_blob(&q, keyid);
	bind_uint(&q, as);
	e = vault_erase(s, &q);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_SESSION_REMOVE_ROLE);
	bind_blob(&q, keyid);
	bind_uint(&q, as);
	return query_run(&q, NULL);
}

enum fluffy_error
store_session_add(fluffy_store *s, const struct session *session)
{
	struct bytes keyid = keyid_bytes(&session->keyid);
	int64_t slot = 0;
	struct query q;
	enum fluffy_error e = erase_role(s, keyid, session->as);

	if (e == FLUFFY_OK)
		e = vault_put(s, &session->key, &slot);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_SESSION_ADD);
	bind_blob(&q, keyid);
	bind_uint(&q, session->as);
	bind_text(&q, name_bytes(&session->realm));
	bind_text(&q, name_bytes(&session->peer));
	bind_int(&q, session->key.alg);
	bind_int(&q, slot);
	bind_uint(&q, session->authtime);
	bind_uint(&q, session->endtime);
	bind_uint(&q, session->established);
	if (session->pac.n > 0)
		bind_blob(&q, session->pac);
	else
		bind_null(&q);
	return query_run(&q, NULL);
}

static void
get_session(struct query *q, struct session *session)
{
	get_keyid(q, &session->keyid);
	session->as = (enum held_as)get_uint(q, AS_OWNER);
	get_name(q, &session->realm, true);
	get_name(q, &session->peer, false);
	get_symm(q, &session->key);
	session->authtime = get_uint(q, TIME_MAX);
	session->endtime = get_uint(q, TIME_MAX);
	session->established = get_bool(q);
}

enum fluffy_error
store_session(fluffy_store *s, struct bytes keyid, enum held_as as,
    struct session *session)
{
	enum fluffy_error e;
	struct query q;
	bool found;

	*session = (struct session){ 0 };
	query_open(&q, s, SQL_SESSION);
	bind_blob(&q, keyid);
	bind_uint(&q, as);
	found = query_step(&q);
	if (found)
		get_session(&q, session);
	e = query_close(&q);
	if (e != FLUFFY_OK)
		session_wipe(session);
	return e != FLUFFY_OK || found ? e : no_key(s);
}

enum fluffy_error
store_session_key(fluffy_store *s, struct bytes keyid, struct symm *key,
    bool *found)
{
	struct kid_search search;
	struct keyid nearest = { 0 };
	enum fluffy_error e;

	*key = (struct symm){ 0 };
	*found = false;
	if (!kid_possible(KIDS_CLIENT, keyid))
		return FLUFFY_OK;
	e = kid_search(&search, s, KIDS_CLIENT, keyid);
	if (e != FLUFFY_OK)
		return e;
	if (query_step(&search.q)) {
		get_keyid(&search.q, &nearest);
		get_symm(&search.q, key);
	}
	e = kid_search_end(&search, &nearest, found);
	if (e != FLUFFY_OK)
		symm_wipe(key);
	return e;
}

enum fluffy_error
store_session_established(fluffy_store *s, struct bytes keyid,
    enum held_as as)
{
	enum fluffy_error e;
	struct query q;
	int n;

	query_open(&q, s, SQL_SESSION_ESTABLISHED);
	bind_blob(&q, keyid);
	bind_uint(&q, as);
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : no_key(s);
}

enum fluffy_error
store_session_erase(fluffy_store *s, struct bytes keyid)
{
	enum fluffy_error e;
	struct query q;
	int n;

	query_open(&q, s, SQL_SESSION_WIPE);
	bind_blob(&q, keyid);
	e = vault_erase(s, &q);
	if (e != FLUFFY_OK)
		return e;
	query_open(&q, s, SQL_SESSION_REMOVE);
	bind_blob(&q, keyid);
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : no_key(s);
}

/* ---- group keys ------------------------------------------------------- */

enum fluffy_error
store_group_owned(fluffy_store *s, struct bytes realm, struct bytes group,
    bool *owned)
{
	struct query q;

	query_open(&q, s, SQL_GROUP_OWNED);
	bind_text(&q, realm);
	bind_text(&q, group);
	*owned = query_step(&q);
	return query_close(&q);
}

enum fluffy_error
store_group_newest(fluffy_store *s, struct bytes realm, struct bytes group,
    struct keyid *keyid)
{
	enum fluffy_error e;
	struct query q;
	bool found;

	*keyid = (struct keyid){ 0 };
	query_open(&q, s, SQL_GROUP_KEY_NEWEST);
	bind_text(&q, realm);
	bind_text(&q, group);
	found = query_step(&q);
	if (found)
		get_keyid(&q, keyid);
	e = query_close(&q);
	return e != FLUFFY_OK || found ? e : no_key(s);
}

static void
open_ended(struct query *q, fluffy_store *s, enum sql_id id,
    const struct group_end *end)
{
	query_open(q, s, id);
	bind_text(q, end->realm);
	bind_text(q, end->group);
	bind_uint(q, end->done);
	bind_blob(q, end->keyid);
}

/* Realms stand there as they were asked for: left out, or the SKDC's. */
static enum fluffy_error
forget_pending(fluffy_store *s, const struct group_end *end)
{
	struct query q;

	query_open(&q, s, SQL_PENDING_OF_GROUP);
	bind_text(&q, end->realm);
	bind_text(&q, end->realm.n > 0 ? end->realm :
	    name_bytes(&s->party.skdcrealm));
	bind_text(&q, end->group);
	bind_uint(&q, end->asked);
	bind_uint(&q, end->done);
	return query_run(&q, NULL);
}

enum fluffy_error
store_group_forget(fluffy_store *s, const struct group_end *end,
    uint64_t skew)
{
	enum fluffy_error e;
	struct query q;

	open_ended(&q, s, SQL_GROUP_KEYS_GONE, end);
	bind_uint(&q, skew);
	e = query_run(&q, NULL);
	if (e == FLUFFY_OK) {
		open_ended(&q, s, SQL_GROUP_KEYS_WIPE, end);
		e = vault_erase(s, &q);
	}
	if (e == FLUFFY_OK) {
		open_ended(&q, s, SQL_GROUP_KEYS_REMOVE, end);
		e = query_run(&q, NULL);
	}
	return e == FLUFFY_OK ? forget_pending(s, end) : e;
}

/* ---- deleted keyids --------------------------------------------------- */

enum fluffy_error
store_gone_add(fluffy_store *s, struct bytes keyid, uint64_t until)
{
	struct query q;

	query_open(&q, s, SQL_GONE_ADD);
	bind_blob(&q, keyid);
	bind_uint(&q, until < TIME_MAX ? until : TIME_MAX);
	return query_run(&q, NULL);
}

enum fluffy_error
store_gone(fluffy_store *s, struct bytes keyid, bool *gone)
{
	struct query q;

	*gone = true;
	query_open(&q, s, SQL_GONE);
	bind_blob(&q, keyid);
	*gone = query_step(&q) || q.rc != SQLITE_DONE;
	return query_close(&q);
}

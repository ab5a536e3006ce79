/*
 * store_list.c - what is in a store, without the keys
 *
 * All entries are collected in one read transaction and shown after it: who
 * reads the listing slowly doesn't keep others from erasing a key.
 */
#include "store_list.h"

const char *
list_copy(struct listing *l, const struct name *name)
{
	struct bytes out = { NULL, 0 };

	if (name->n == 0)
		return NULL;
	if (!arena_copy(&l->arena, name_bytes(name), &out))
		l->failed = true;
	return (const char *)out.p;
}

void
list_add(struct listing *l, const fluffy_entry *entry, const struct keyid *keyid)
{
	struct item *item = arena_alloc(&l->arena, sizeof(*item));

	if (item == NULL) {
		l->failed = true;
		return;
	}
	item->entry = *entry;
	if (keyid != NULL && keyid->n > 0) {
		item->keyid = *keyid;
		item->entry.keyid = item->keyid.b;
		item->entry.keyid_len = keyid->n;
	}
	*l->end = item;
	l->end = &item->next;
}

bool
list_next(struct listing *l, struct query *q)
{
	return !l->failed && !q->damaged && query_step(q);
}

const char *
list_alg(int64_t alg)
{
	return word_of(R_ALG, alg);
}

static void
list_party(struct listing *l)
{
	const struct party *p = &l->store->party;
	bool skdc = p->role == ROLE_SKDC;
	fluffy_entry entry = {
		.kind = FLUFFY_PARTY,
		.role = skdc ? "skdc" : "device",
		.realm = list_copy(l, &p->realm),
		.name = list_copy(l, &p->name),
	};

	if (!skdc) {
		entry.skdcrealm = list_copy(l, &p->skdcrealm);
		entry.skdcname = list_copy(l, &p->skdcname);
	}
	list_add(l, &entry, NULL);
}

/* ---- secret keys ------------------------------------------------------ */

/* What is decided when the next, newer one is known. */
struct older {
	fluffy_entry entry;
	struct keyid kid;
	bool any, live;	/* live: an older one still opens */
};

/*
 * Section 9: an SKDC drops the older ones when a valid message came under the
 * newest; until then that one is new, and the oldest that hasn't ended seals.
 */
static void
flush(struct listing *l, struct older *o, bool newest)
{
	bool ended = o->entry.endtime != 0 && o->entry.endtime <= l->now;

	if (!o->any)
		return;
	if (!newest)
		o->entry.state = ended ? "ended" : "old";
	else if (l->store->party.role == ROLE_SKDC && o->live)
		o->entry.state = "new";
	else
		o->entry.state = "current";
	list_add(l, &o->entry, &o->kid);
	o->live = o->live || !ended;
}

static enum fluffy_error
list_secrets(struct listing *l, const struct name *owner)
{
	struct older o = { .any = false };
	struct query q;

	query_open(&q, l->store, SQL_LIST_SECRETS);
	bind_text(&q, name_bytes(owner));
	while (list_next(l, &q)) {
		struct name name;

		flush(l, &o, false);
		get_keyid(&q, &o.kid);
		get_name(&q, &name, false);
		o.entry = (fluffy_entry){
			.kind = FLUFFY_SECRET,
			.realm = list_copy(l, &l->store->party.realm),
			.name = list_copy(l, &name),
			.alg = list_alg(get_int(&q)),
		};
		o.entry.endtime = get_uint(&q, TIME_MAX);
		o.any = true;
	}
	flush(l, &o, true);
	return query_close(&q);
}

/* ---- SKDC ------------------------------------------------------------- */

static enum fluffy_error
list_devices(struct listing *l)
{
	enum fluffy_error e = FLUFFY_OK, closed;
	struct query q;

	query_open(&q, l->store, SQL_LIST_DEVICES);
	while (e == FLUFFY_OK && list_next(l, &q)) {
		struct name name;
		fluffy_entry entry = { .kind = FLUFFY_DEVICE };

		get_name(&q, &name, false);
		entry.realm = list_copy(l, &l->store->party.realm);
		entry.name = list_copy(l, &name);
		list_add(l, &entry, NULL);
		e = list_secrets(l, &name);
	}
	closed = query_close(&q);
	return e != FLUFFY_OK ? e : closed;
}

static enum fluffy_error
list_issued(struct listing *l)
{
	struct query q;

	query_open(&q, l->store, SQL_LIST_ISSUED);
	while (list_next(l, &q)) {
		struct keyid keyid;
		struct name client, service;
		fluffy_entry entry = { .kind = FLUFFY_SESSION };

		keyid = keyid_from(get_uint(&q, INT64_MAX));
		get_name(&q, &client, false);
		get_name(&q, &service, true);
		entry.client = list_copy(l, &client);
		entry.service = list_copy(l, &service);
		entry.alg = list_alg(get_int(&q));
		entry.authtime = get_uint(&q, TIME_MAX);
		entry.endtime = get_uint(&q, TIME_MAX);
		entry.state = "issued";
		if (!get_null(&q))
			entry.state = get_bool(&q) ? "deleted" : "deleting";
		if (entry.endtime <= l->now)
			entry.state = "expired";
		list_add(l, &entry, &keyid);
	}
	return query_close(&q);
}

static enum fluffy_error
list_rules(struct listing *l)
{
	struct query q;

	query_open(&q, l->store, SQL_LIST_RULES);
	while (list_next(l, &q)) {
		struct name client, service;
		fluffy_entry entry = { .kind = FLUFFY_DENIED };

		get_name(&q, &client, false);
		get_name(&q, &service, false);
		entry.client = list_copy(l, &client);
		entry.service = list_copy(l, &service);
		list_add(l, &entry, NULL);
	}
	return query_close(&q);
}

/* ---- device ----------------------------------------------------------- */

static enum fluffy_error
list_own_secrets(struct listing *l)
{
	return list_secrets(l, &l->store->party.name);
}

/* The realm that an empty one stands for: the SKDC's. */
static const char *
realm_or_own(struct listing *l, const struct name *realm)
{
	return list_copy(l, realm->n > 0 ? realm : &l->store->party.skdcrealm);
}

static enum fluffy_error
list_sessions(struct listing *l)
{
	static const char *const roles[] = { [AS_CLIENT] = "client",
		[AS_SERVICE] = "service", [AS_MEMBER] = "member",
		[AS_OWNER] = "owner" };
	struct query q;

	query_open(&q, l->store, SQL_LIST_SESSIONS);
	while (list_next(l, &q)) {
		struct keyid keyid;
		struct name realm, peer;
		fluffy_entry entry = { .kind = FLUFFY_SESSION };

		get_keyid(&q, &keyid);
		entry.role = roles[get_uint(&q, AS_OWNER)];
		get_name(&q, &realm, true);
		get_name(&q, &peer, false);
		entry.realm = realm_or_own(l, &realm);
		entry.name = list_copy(l, &peer);
		entry.alg = list_alg(get_int(&q));
		entry.authtime = get_uint(&q, TIME_MAX);
		entry.endtime = get_uint(&q, TIME_MAX);
		entry.state = get_bool(&q) ? "established" : "received";
		if (entry.endtime <= l->now)
			entry.state = "expired";
		list_add(l, &entry, &keyid);
	}
	return query_close(&q);
}

static const char *
pair_state(const struct listing *l, const fluffy_entry *entry, bool proven)
{
	if (entry->endtime <= l->now)
		return "expired";
	if (entry->kind == FLUFFY_PAIR)
		return "received";
	return proven ? "proven" : "attested";
}

/* A pair for nobody in particular has no name, and then no realm. */
static enum fluffy_error
list_pair(struct listing *l, struct query *q)
{
	struct keyid keyid;
	struct name realm, name;
	fluffy_entry entry = { .kind = FLUFFY_PAIR };
	struct keydata *k;
	enum fluffy_error e;

	get_keyid(q, &keyid);
	if (get_bool(q))
		entry.kind = FLUFFY_PUBLIC;
	get_name(q, &realm, true);
	get_name(q, &name, true);
	if (name.n > 0)
		entry.realm = realm_or_own(l, &realm);
	entry.name = list_copy(l, &name);
	entry.authtime = get_uint(q, TIME_MAX);
	entry.endtime = get_uint(q, TIME_MAX);
	entry.state = pair_state(l, &entry, get_bool(q));
	e = get_public(q, &l->arena, &k);
	if (k != NULL) {
		entry.alg = list_alg(k->alg);
		entry.certified = HAS(k, L_x5c);
		list_add(l, &entry, &keyid);
	}
	return e;
}

static enum fluffy_error
list_pairs(struct listing *l)
{
	enum fluffy_error e = FLUFFY_OK, closed;
	struct query q;

	query_open(&q, l->store, SQL_LIST_PAIRS);
	while (e == FLUFFY_OK && list_next(l, &q))
		e = list_pair(l, &q);
	closed = query_close(&q);
	return e != FLUFFY_OK ? e : closed;
}

/* The state is the message that waits for its answer. */
static enum fluffy_error
list_pending(struct listing *l)
{
	struct query q;

	query_open(&q, l->store, SQL_LIST_PENDING);
	while (list_next(l, &q)) {
		struct keyid keyid = { 0 };
		struct name realm, service;
		fluffy_entry entry = { .kind = FLUFFY_PENDING };

		(void)get_blob(&q, 1, KEYID_MAX);
		entry.state = word_of(R_TYPE, get_int(&q));
		entry.authtime = get_uint(&q, TIME_MAX);
		get_name(&q, &realm, true);
		get_name(&q, &service, true);
		entry.realm = realm_or_own(l, &realm);
		entry.name = list_copy(l, &service);
		if (!get_null(&q))
			get_keyid(&q, &keyid);
		list_add(l, &entry, &keyid);
	}
	return query_close(&q);
}

static enum fluffy_error
list_gone(struct listing *l)
{
	struct query q;

	query_open(&q, l->store, SQL_LIST_GONE);
	bind_uint(&q, l->now);
	while (list_next(l, &q)) {
		struct keyid keyid;
		fluffy_entry entry = { .kind = FLUFFY_DELETED };

		get_keyid(&q, &keyid);
		entry.endtime = get_uint(&q, TIME_MAX);
		list_add(l, &entry, &keyid);
	}
	return query_close(&q);
}

/* ---- all -------------------------------------------------------------- */

static enum fluffy_error
collect(struct listing *l, const void *what)
{
	static enum fluffy_error (*const skdc[])(struct listing *) = {
		list_devices, list_issued, list_rules, NULL
	}, (*const device[])(struct listing *) = {
		list_own_secrets, list_sessions, list_pairs, list_pending,
		list_gone, NULL
	};
	enum fluffy_error e = FLUFFY_OK;

	(void)what;
	list_party(l);
	for (size_t i = 0; e == FLUFFY_OK; i++) {
		enum fluffy_error (*part)(struct listing *) =
		    l->store->party.role == ROLE_SKDC ? skdc[i] : device[i];

		if (part == NULL)
			break;
		e = part(l);
	}
	return e;
}

enum fluffy_error
list_show(fluffy_store *s, list_fn *collecting, const void *what,
    int (*each)(void *, const fluffy_entry *), void *arg)
{
	struct listing l = { .store = s, .now = fluffy_now(s->ctx) };
	bool begun = !s->in_transaction;
	enum fluffy_error e = begun ? sql_plain(s, SQL_BEGIN_READ) : FLUFFY_OK;

	if (e != FLUFFY_OK)
		return e;
	l.end = &l.first;
	e = collecting(&l, what);
	if (e == FLUFFY_OK && (l.failed || l.arena.failed))
		e = fluffy_fail_memory(s->ctx);
	if (begun && e == FLUFFY_OK)
		e = sql_plain(s, SQL_COMMIT);
	else if (begun)
		sql_abandon(s);
	for (struct item *i = l.first; e == FLUFFY_OK && i != NULL; i = i->next)
		if (each(arg, &i->entry) != 0)
			break;
	arena_free(&l.arena);
	return e;
}

enum fluffy_error
fluffy_list(fluffy_store *s, int (*each)(void *, const fluffy_entry *),
    void *arg)
{
	return list_show(s, collect, NULL, each, arg);
}

/* loss_realm.c - an SKDC and its devices at work, and what they promise */
#include "../unit/pairs.h"

#include "loss.h"

#define SKDC_PATH   DISK "/skdc.db"
#define MANY	    130	/* commits: the log outgrows its limit of pages */

static const uint8_t nobody;

static fluffy_msg *
message(fluffy_store *s, struct bytes wire)
{
	fluffy_msg *msg;

	return fluffy_msg_read(s->ctx, wire.p, wire.n, &msg) == FLUFFY_OK ?
	    msg : NULL;
}

/* ---- promises: true when they are kept ----------------------------------- */

static bool
is_there(fluffy_store *s, const struct promise *p)
{
	(void)s;
	(void)p;
	return true;
}

static bool
clock_is_ahead(fluffy_store *s, const struct promise *p)
{
	return s->max_now >= p->number;
}

/* As before, or because the key has gone meanwhile. */
static bool
is_refusal(enum fluffy_error e)
{
	return e == FLUFFY_E_REPLAY || e == FLUFFY_E_AUTH_FAILED ||
	    e == FLUFFY_E_NO_SUCH_KEY;
}

static bool
skdc_refuses(fluffy_store *s, const struct promise *p)
{
	fluffy_msg *in = message(s, p->bytes);
	fluffy_msgs out = { NULL, 0 };
	bool refused = in != NULL && fluffy_skdc_begin(s) == FLUFFY_OK &&
	    is_refusal(fluffy_skdc_answer(s, in, &out));

	fluffy_msgs_free(&out);
	store_rollback(s);
	fluffy_msg_free(&in);
	return refused;
}

static enum fluffy_error
estb(fluffy_store *s, const struct promise *p)
{
	fluffy_msg *in = message(s, p->bytes), *out = NULL;
	enum fluffy_error e = FLUFFY_E_INTERNAL;
	fluffy_outcome outcome;

	if (in != NULL)
		e = fluffy_estb(s, in, &no_params, &out, &outcome);
	fluffy_msg_free(&in);
	fluffy_msg_free(&out);
	return e;
}

static bool
device_takes(fluffy_store *s, const struct promise *p)
{
	return estb(s, p) == FLUFFY_OK;
}

static bool
device_refuses(fluffy_store *s, const struct promise *p)
{
	return is_refusal(estb(s, p));
}

static bool
knows_issued(fluffy_store *s, const struct promise *p)
{
	struct issued issued;

	return store_issued(s, p->bytes, &issued) == FLUFFY_OK;
}

/* What it will give out next isn't what it gave out. */
static bool
gives_newer(fluffy_store *s, const struct promise *p)
{
	struct keyid next = { .n = 0 };
	bool ok = store_begin(s) == FLUFFY_OK &&
	    store_new_keyid(s, fluffy_now(s->ctx), &next) == FLUFFY_OK &&
	    bytes_cmp(keyid_bytes(&next), p->bytes) > 0;

	store_rollback(s);
	return ok;
}

static enum fluffy_error
session(fluffy_store *s, const struct promise *p, bool *established)
{
	struct session found;
	enum fluffy_error e = store_session(s, p->bytes,
	    (enum held_as)p->number, &found);

	*established = e == FLUFFY_OK && found.established;
	session_wipe(&found);
	return e;
}

static bool
has_session(fluffy_store *s, const struct promise *p)
{
	bool established;

	return session(s, p, &established) == FLUFFY_OK;
}

static bool
has_established(fluffy_store *s, const struct promise *p)
{
	bool established;

	return session(s, p, &established) == FLUFFY_OK && established;
}

static bool
has_no_session(fluffy_store *s, const struct promise *p)
{
	bool established;

	return session(s, p, &established) == FLUFFY_E_NOT_FOUND;
}

static bool
is_gone(fluffy_store *s, const struct promise *p)
{
	bool gone = false;

	return store_gone(s, p->bytes, &gone) == FLUFFY_OK && gone;
}

static bool
has_secret(fluffy_store *s, const struct promise *p)
{
	struct secret secret;
	bool has = store_secret_by_kid(s, p->bytes, &secret) == FLUFFY_OK;

	secret_wipe(&secret);
	return has;
}

static bool
secret_is_over(fluffy_store *s, const struct promise *p)
{
	struct secret secret;
	enum fluffy_error e = store_secret_by_kid(s, p->bytes, &secret);
	bool over = e == FLUFFY_E_NOT_FOUND || (e == FLUFFY_OK &&
	    !secret_opens(s, &secret, fluffy_now(s->ctx)));

	secret_wipe(&secret);
	return over;
}

static bool
denies(fluffy_store *s, const struct promise *p)
{
	bool denied = false;

	return store_denied(s, BYTES("lamp"), BYTES("lock"), &denied) ==
	    FLUFFY_OK && denied == (p->number != 0);
}

static bool
has_lifetime(fluffy_store *s, const struct promise *p)
{
	return s->lifetime == p->number;
}

static bool
has_device(fluffy_store *s, const struct promise *p)
{
	struct device device;

	return store_device(s, p->bytes, &device) ==
	    (p->number != 0 ? FLUFFY_OK : FLUFFY_E_NOT_FOUND);
}

static bool
group_key_is_over(fluffy_store *s, const struct promise *p)
{
	struct group_key key;
	enum fluffy_error e = store_group_key(s, p->bytes, &key);
	bool over = e == FLUFFY_E_NOT_FOUND || (e == FLUFFY_OK &&
	    key.key.n == 0);

	group_key_wipe(&key);
	return over;
}

static bool
deletion_is_asked(fluffy_store *s, const struct promise *p)
{
	bool asked = false;

	return store_deletion_asked(s, p->bytes, BYTES("sensor"), &asked) ==
	    FLUFFY_OK && asked;
}

/* So many copies are missing. */
static bool
are_missing(fluffy_store *s, const struct promise *p)
{
	size_t n = 0;

	return fluffy_list_deletions(s, count, &n) == FLUFFY_OK &&
	    n == p->number;
}

static bool
has_own_pair(fluffy_store *s, const struct promise *p)
{
	struct arena arena = { NULL, false };
	struct pair pair;
	enum fluffy_error e = store_pair(s, &arena, p->bytes, p->number == 2,
	    &pair);

	arena_free(&arena);
	return e == (p->number == 0 ? FLUFFY_E_NOT_FOUND : FLUFFY_OK);
}

/* ---- giving them --------------------------------------------------------- */

static struct promise *
skdc_promises(const char *what,
    bool (*kept)(fluffy_store *, const struct promise *), struct bytes bytes,
    uint64_t number)
{
	return promise(SKDC_PATH, what, kept, bytes, number);
}

/* What every answer comes with. */
static void
promise_answered(const fluffy_bytes *req)
{
	(void)skdc_promises("a request isn't answered again", skdc_refuses,
	    view(req), 0);
	(void)skdc_promises("the clock doesn't fall behind", clock_is_ahead,
	    bytes_of(&nobody, 0), loss_now);
}

/* ... and whatever was issued; a group's key. */
static void
promise_newer(const struct keyid *key)
{
	(void)skdc_promises("a keyid isn't given out again", gives_newer,
	    keyid_bytes(key), 0);
}

static void
promise_issued(const struct keyid *key)
{
	(void)skdc_promises("an issued key is known", knows_issued,
	    keyid_bytes(key), 0);
	promise_newer(key);
}

static struct promise *
promise_session(const struct device_store *d, const struct keyid *key,
    enum held_as as)
{
	return promise(d->path, "a key is there", has_session,
	    keyid_bytes(key), as);
}

static void
promise_erased(const struct device_store *d, const struct keyid *key,
    enum held_as as, const struct symm *symm)
{
	(void)promise(d->path, "a deleted key stays deleted", has_no_session,
	    keyid_bytes(key), as);
	(void)promise(d->path, "an erased key isn't in the files", NULL,
	    bytes_of(symm->b, symm->n), 0);
}

static void
tick(void)
{
	loss_now++;
}

/* ---- a session key, and its deletion ------------------------------------- */

struct shared_key {
	struct keyid id;
	struct promise *client, *service, *established;
};

static struct shared_key
share(struct world *w, struct device_store *client,
    struct device_store *service)
{
	struct shared_key key;
	fluffy_bytes req, rep, estb, ack, nothing;
	struct promise *pending;
	size_t since;

	tick();
	req = request(w, client, service->name);
	(void)disk_ops(&since);
	rep = asked(w, &req);
	promise_answered(&req);
	pending = promise(client->path, "a pending request is remembered",
	    device_takes, view(&rep), 0);
	pending->since = since;
	promise_ends(pending);
	estb = stepped(w, client, &rep);
	key.id = last_key(w);
	promise_issued(&key.id);
	key.client = promise_session(client, &key.id, AS_CLIENT);
	(void)promise(client->path, "a request is answered once",
	    device_refuses, view(&rep), 0);
	ack = stepped(w, service, &estb);
	key.service = promise_session(service, &key.id, AS_SERVICE);
	(void)promise(service->path, "a PSK-ESTB isn't taken again",
	    device_refuses, view(&estb), 0);
	nothing = stepped(w, client, &ack);
	key.established = promise(client->path, "a key is established",
	    has_established, keyid_bytes(&key.id), AS_CLIENT);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	wire_free(&ack);
	wire_free(&nothing);
	return key;
}

static void
operator_deletes(struct world *w)
{
	struct shared_key key = share(w, SENSOR, LOCK);
	struct symm symm = key_of(w, SENSOR, &key.id, AS_CLIENT);
	struct promise *missing;
	struct wires delts;
	size_t i;

	tick();
	delts = requested(w, &key.id);
	(void)skdc_promises("a deletion is asked for", deletion_is_asked,
	    keyid_bytes(&key.id), 0);
	missing = skdc_promises("copies are missing", are_missing,
	    keyid_bytes(&key.id), delts.n);
	promise_ends(key.client);
	promise_ends(key.service);
	promise_ends(key.established);
	for (i = 0; i < delts.n; i++) {
		struct device_store *d = addressee(w, &delts.v[i]);
		fluffy_bytes delc = confirmed(w, d, &delts.v[i]);
		struct wires out;

		promise_erased(d, &key.id, d == SENSOR ? AS_CLIENT :
		    AS_SERVICE, &symm);
		(void)promise(d->path, "a deleted keyid is remembered",
		    is_gone, keyid_bytes(&key.id), 0);
		promise_ends(missing);
		out = asked_all(w, &delc);
		missing = skdc_promises("copies are missing", are_missing,
		    keyid_bytes(&key.id), delts.n - i - 1);
		wires_free(&out);
		wire_free(&delc);
	}
	promise_ends(missing);
	wires_free(&delts);
}

static void
user_removes(struct world *w)
{
	struct shared_key key = share(w, LOCK, LAMP);
	struct symm symm = key_of(w, LAMP, &key.id, AS_SERVICE);

	promise_ends(key.service);
	must(w->ctx, fluffy_remove_key(LAMP->store, key.id.b, key.id.n));
	promise_erased(LAMP, &key.id, AS_SERVICE, &symm);
}

/* ---- a group, and its deletion ------------------------------------------- */

static struct promise *
join_den(struct world *w, struct device_store *d, struct keyid *key)
{
	fluffy_bytes req, dlvr;

	tick();
	req = fetch_wire(w, d, &(fluffy_fetch_params){ .group = "den" });
	dlvr = asked(w, &req);
	promise_answered(&req);
	gsk_taken(w, d, &dlvr, FLUFFY_GROUP_JOINED);
	*key = last_key(w);
	wire_free(&req);
	wire_free(&dlvr);
	return promise_session(d, key, AS_MEMBER);
}

static struct promise *
make_den(struct world *w, bool again, struct keyid *key)
{
	fluffy_bytes req, rep;

	tick();
	req = gsk_wire(w, LOCK, &(fluffy_gsk_params){ .group = "den",
	    .members = again ? NULL : "sensor,lamp", .renew = again });
	rep = asked(w, &req);
	promise_answered(&req);
	gsk_taken(w, LOCK, &rep, FLUFFY_GROUP_CREATED);
	*key = last_key(w);
	promise_newer(key);
	wire_free(&req);
	wire_free(&rep);
	return promise_session(LOCK, key, AS_OWNER);
}

/* One PSK-DELT all the way; keys are the group's. */
static struct wires
den_deleted_at(struct world *w, const fluffy_bytes *delt,
    const struct keyid keys[2])
{
	struct device_store *d = addressee(w, delt);
	struct symm symm[2] = { { .n = 0 }, { .n = 0 } };
	struct keyid deleted;
	fluffy_bytes delc;
	struct wires out;
	int i;

	for (i = 0; i < 2; i++)
		if (has_key(w, d, &keys[i], AS_MEMBER))
			symm[i] = key_of(w, d, &keys[i], AS_MEMBER);
	delc = confirmed(w, d, delt);
	deleted = last_key(w);
	i = same_key(&deleted, &keys[1]);
	assert_true(symm[i].n > 0);
	promise_erased(d, &deleted, AS_MEMBER, &symm[i]);
	(void)promise(d->path, "a deleted keyid is remembered", is_gone,
	    keyid_bytes(&deleted), 0);
	out = asked_all(w, &delc);
	wire_free(&delc);
	return out;
}

static void
delete_den(struct world *w, struct keyid keys[2], struct promise *held[5])
{
	struct symm symm = key_of(w, LOCK, &keys[1], AS_OWNER);
	fluffy_bytes delt;
	struct wires delts, out = { .n = 0 };
	size_t i;

	tick();
	delt = delete_wire(w, LOCK);
	delts = asked_all(w, &delt);
	promise_answered(&delt);
	for (i = 0; i < 2; i++)
		(void)skdc_promises("a deleted group's key is gone",
		    group_key_is_over, keyid_bytes(&keys[i]), 0);
	(void)skdc_promises("an erased key isn't in the files", NULL,
	    bytes_of(symm.b, symm.n), 0);
	for (i = 0; i < 5; i++)
		promise_ends(held[i]);
	for (i = 0; i < delts.n; i++) {
		assert_int_equal(out.n, 0);
		out = den_deleted_at(w, &delts.v[i], keys);
	}
	assert_types(w, &out, 1, FLUFFY_GSK_DELC);
	gsk_taken(w, LOCK, &out.v[0], FLUFFY_GROUP_DELETED);
	promise_erased(LOCK, &keys[1], AS_OWNER, &symm);
	wires_free(&out);
	wires_free(&delts);
	wire_free(&delt);
}

static void
group_lives(struct world *w)
{
	struct promise *held[5];
	struct keyid keys[2], had;

	held[0] = make_den(w, false, &keys[0]);
	held[1] = join_den(w, SENSOR, &had);
	held[2] = join_den(w, LAMP, &had);
	held[3] = make_den(w, true, &keys[1]);
	held[4] = join_den(w, SENSOR, &had);
	assert_true(same_key(&had, &keys[1]));
	delete_den(w, keys, held);
}

/* ---- secret keys --------------------------------------------------------- */

static struct promise *
promise_secret(const char *store, const struct secret *secret)
{
	return promise(store, "a secret key is there", has_secret,
	    keyid_bytes(&secret->kid), 0);
}

static void
promise_secret_erased(const char *store, const struct secret *old)
{
	(void)promise(store, "an old secret key is over", secret_is_over,
	    keyid_bytes(&old->kid), 0);
	(void)promise(store, "an erased key isn't in the files", NULL,
	    bytes_of(old->key.b, old->key.n), 0);
}

static void
rotate_at_once(struct world *w)
{
	struct secret old = secret_of_owner(w, "sensor"), new;
	fluffy_bytes late;
	fluffy_msg *msg;

	tick();
	late = request(w, SENSOR, "lock");
	must(w->ctx, fluffy_rotate(w->skdc, "sensor", 0, &msg));
	new = secret_of_owner(w, "sensor");
	promise_secret_erased(SKDC_PATH, &old);
	(void)promise_secret(SKDC_PATH, &new);
	(void)skdc_promises("an old secret key opens nothing", skdc_refuses,
	    view(&late), 0);
	join(w, SENSOR, &msg);
	promise_secret_erased(SENSOR->path, &old);
	(void)promise_secret(SENSOR->path, &new);
	wire_free(&late);
}

/* The old one ends when the new one is used. */
static void
rotate_slowly(struct world *w)
{
	struct secret old = secret_of_owner(w, "lock"), new;
	fluffy_bytes late;
	fluffy_msg *msg;

	tick();
	late = request(w, LOCK, "sensor");
	must(w->ctx, fluffy_rotate(w->skdc, "lock", loss_now + 3600, &msg));
	new = secret_of_owner(w, "lock");
	(void)promise_secret(SKDC_PATH, &new);
	join(w, LOCK, &msg);
	(void)promise_secret(LOCK->path, &new);
	(void)share(w, LOCK, SENSOR);
	(void)skdc_promises("an old secret key opens nothing", skdc_refuses,
	    view(&late), 0);
	promise_secret_erased(SKDC_PATH, &old);
	wire_free(&late);
}

/* ---- pairs, policy, devices ---------------------------------------------- */

static void
pair_lives(struct world *w)
{
	struct arena arena = { NULL, false };
	struct pairing pairing;
	struct promise *there;
	struct bytes private;

	tick();
	pairing = paired(w, pair_wire(w, SENSOR, "lock"));
	promise_answered(&pairing.req);
	promise_issued(&pairing.key);
	there = promise(SENSOR->path, "a pair is there", has_own_pair,
	    keyid_bytes(&pairing.key), 1);
	shown(w, &pairing.estb, FLUFFY_PUBLIC_PROVEN);
	(void)promise(LOCK->path, "a public key is there", has_own_pair,
	    keyid_bytes(&pairing.key), 2);
	(void)promise(LOCK->path, "a PSK-ESTB isn't taken again",
	    device_refuses, view(&pairing.estb), 0);
	private = pair_of(w, &arena, &pairing.key).keydata->pkey->d;
	promise_ends(there);
	must(w->ctx, fluffy_remove_key(SENSOR->store, pairing.key.b,
	    pairing.key.n));
	(void)promise(SENSOR->path, "a deleted pair stays deleted",
	    has_own_pair, keyid_bytes(&pairing.key), 0);
	(void)promise(SENSOR->path, "an erased key isn't in the files", NULL,
	    private, 0);
	arena_free(&arena);
	pairing_free(&pairing);
}

static void
operator_decides(struct world *w)
{
	struct promise *denied;

	must(w->ctx, fluffy_deny(w->skdc, "lamp", "lock"));
	denied = skdc_promises("a denial holds", denies,
	    bytes_of(&nobody, 0), 1);
	must(w->ctx, fluffy_policy_set(w->skdc, NULL,
	    &(fluffy_policy){ .lifetime = 7200 }));
	(void)skdc_promises("a policy holds", has_lifetime,
	    bytes_of(&nobody, 0), 7200);
	promise_ends(denied);
	must(w->ctx, fluffy_allow(w->skdc, "lamp", "lock"));
	(void)skdc_promises("a permission holds", denies,
	    bytes_of(&nobody, 0), 0);
}

static void
lamp_leaves(struct world *w)
{
	struct secret old = secret_of_owner(w, "lamp");
	fluffy_bytes late;

	tick();
	late = request(w, LAMP, "lock");
	must(w->ctx, fluffy_remove_device(w->skdc, "lamp"));
	promise_secret_erased(SKDC_PATH, &old);
	(void)skdc_promises("a removed device stays away", has_device,
	    BYTES("lamp"), 0);
	(void)skdc_promises("a removed device isn't answered", skdc_refuses,
	    view(&late), 0);
	wire_free(&late);
}

/* Without deletions the log grows until SQLite empties it. */
static void
many_requests(struct world *w)
{
	for (int i = 0; i < MANY; i++) {
		fluffy_bytes req, rep;

		tick();
		req = request(w, SENSOR, "lock");
		rep = asked(w, &req);
		promise_answered(&req);
		wire_free(&req);
		wire_free(&rep);
	}
}

/* ---- the work ------------------------------------------------------------ */

static void
stores_are_there(struct world *w)
{
	const struct secret secret = secret_of_owner(w, "lamp");

	(void)skdc_promises("the store is there", is_there,
	    bytes_of(&nobody, 0), 0);
	(void)skdc_promises("a device is enrolled", has_device,
	    BYTES("sensor"), 1);
	for (int i = 0; i < N_DEVICES; i++)
		(void)promise(w->device[i].path, "the store is there",
		    is_there, bytes_of(&nobody, 0), 0);
	(void)promise_secret(LAMP->path, &secret);
}

static void
run(void)
{
	struct world *w = world_at(DISK);
	void *state = w;

	fluffy_ctx_set_clock(w->ctx, loss_clock, NULL);
	stores_are_there(w);
	operator_deletes(w);
	group_lives(w);
	rotate_at_once(w);
	operator_decides(w);
	user_removes(w);
	reopen(w);
	rotate_slowly(w);
	pair_lives(w);
	many_requests(w);
	operator_deletes(w);
	lamp_leaves(w);
	(void)world_free(&state);
}

static int
ignore(void *arg, const fluffy_entry *entry)
{
	(void)arg;
	(void)entry;
	return 0;
}

static enum fluffy_error
read_all(fluffy_store *s)
{
	enum fluffy_error e = fluffy_list(s, ignore, NULL);

	if (e != FLUFFY_OK || s->party.role != ROLE_SKDC)
		return e;
	e = fluffy_list_groups(s, NULL, NULL, ignore, NULL);
	return e == FLUFFY_OK ? fluffy_list_deletions(s, ignore, NULL) : e;
}

const struct work realm_works = { run, fluffy_store_open, read_all };

/*
 * groups.h - steps with groups and deletions, in the world of world.h
 */
#ifndef GROUPS_H
#define GROUPS_H

#include "world.h"

/* ---- taking -------------------------------------------------------------- */

static inline enum fluffy_error
gsk_take(struct world *w, struct device_store *d, const fluffy_bytes *in)
{
	fluffy_msg *msg = from_wire(w, in);
	enum fluffy_error e = fluffy_gsk_accept(d->store, msg, &w->outcome);

	fluffy_msg_free(&msg);
	return e;
}

static inline void
gsk_taken(struct world *w, struct device_store *d, const fluffy_bytes *in,
    enum fluffy_outcome_kind kind)
{
	must(w->ctx, gsk_take(w, d, in));
	assert_int_equal(w->outcome.kind, kind);
}

/* *out is empty when nothing is answered. */
static inline enum fluffy_error
del_take(struct world *w, struct device_store *d, const fluffy_bytes *in,
    fluffy_bytes *out)
{
	fluffy_msg *msg = from_wire(w, in), *answer;
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	e = fluffy_del_accept(d->store, msg, &answer, &w->outcome);
	if (answer != NULL)
		*out = to_wire(w, &answer);
	fluffy_msg_free(&msg);
	return e;
}

/* The PSK-DELC. */
static inline fluffy_bytes
confirmed(struct world *w, struct device_store *d, const fluffy_bytes *delt)
{
	fluffy_bytes out;

	must(w->ctx, del_take(w, d, delt, &out));
	assert_non_null(out.data);
	return out;
}

static inline void
del_refused(struct world *w, struct device_store *d, const fluffy_bytes *delt,
    enum fluffy_error code)
{
	fluffy_bytes out;

	expect(w, del_take(w, d, delt, &out), code);
	assert_null(out.data);
	assert_int_equal(w->outcome.kind, FLUFFY_NOTHING);
}

/* With what the SKDC's keys open opened. */
static inline fluffy_msg *
opened(struct world *w, const fluffy_bytes *wire)
{
	fluffy_msg *msg = from_wire(w, wire);

	must(w->ctx, fluffy_msg_open(msg, w->skdc));
	return msg;
}

static inline enum fluffy_type
type_of(struct world *w, const fluffy_bytes *wire)
{
	fluffy_msg *msg = from_wire(w, wire);
	enum fluffy_type type = fluffy_msg_type(msg);

	fluffy_msg_free(&msg);
	return type;
}

/*
 * The SKDC refuses a device's request with one ERROR, which proves itself, and
 * ends it.  The request is freed.
 */
static inline void
ask_proven(struct world *w, struct device_store *d, fluffy_bytes *req,
    enum fluffy_error code)
{
	struct wires out;
	fluffy_msg *msg;

	expect(w, ask_all(w, req, &out), code);
	assert_int_equal(out.n, 1);
	msg = from_wire(w, &out.v[0]);
	assert_int_equal(fluffy_msg_type(msg), FLUFFY_ERROR);
	assert_int_equal(fluffy_msg_error(msg), code);
	assert_false(HAS(msg, L_e_text));
	fluffy_msg_free(&msg);
	gsk_taken(w, d, &out.v[0], FLUFFY_ERROR_PROVEN);
	gsk_taken(w, d, &out.v[0], FLUFFY_ERROR_HINT);
	wires_free(&out);
	wire_free(req);
}

/* ---- groups -------------------------------------------------------------- */

static inline struct keyid
last_key(const struct world *w)
{
	struct keyid id = { .n = (uint8_t)w->outcome.keyid_len };

	assert_int_equal(id.n, 8);
	memcpy(id.b, w->outcome.keyid, id.n);
	return id;
}

static inline bool
same_key(const struct keyid *a, const struct keyid *b)
{
	return bytes_eq(keyid_bytes(a), keyid_bytes(b));
}

static inline fluffy_bytes
gsk_wire(struct world *w, struct device_store *d,
    const fluffy_gsk_params *params)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_gsk_request(d->store, params, &msg));
	return to_wire(w, &msg);
}

static inline struct keyid
create_with(struct world *w, struct device_store *d,
    const fluffy_gsk_params *params)
{
	fluffy_bytes req = gsk_wire(w, d, params), rep = asked(w, &req);

	gsk_taken(w, d, &rep, FLUFFY_GROUP_CREATED);
	assert_string_equal(w->outcome.peer, params->group);
	wire_free(&req);
	wire_free(&rep);
	return last_key(w);
}

/* "den", unless said otherwise. */
static inline struct keyid
create(struct world *w, struct device_store *d, const char *members)
{
	return create_with(w, d, &(fluffy_gsk_params){ .group = "den",
	    .members = members });
}

static inline struct keyid
renew(struct world *w, struct device_store *d)
{
	return create_with(w, d, &(fluffy_gsk_params){ .group = "den",
	    .renew = true });
}

static inline void
gsk_refused(struct world *w, struct device_store *d,
    const fluffy_gsk_params *params, enum fluffy_error code)
{
	fluffy_bytes req = gsk_wire(w, d, params);

	ask_proven(w, d, &req, code);
}

static inline void
create_refused(struct world *w, struct device_store *d,
    enum fluffy_error code)
{
	gsk_refused(w, d, &(fluffy_gsk_params){ .group = "den" }, code);
}

static inline void
renew_refused(struct world *w, struct device_store *d,
    enum fluffy_error code)
{
	gsk_refused(w, d, &(fluffy_gsk_params){ .group = "den",
	    .renew = true }, code);
}

static inline fluffy_bytes
fetch_wire(struct world *w, struct device_store *d,
    const fluffy_fetch_params *params)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_gsk_fetch(d->store, params, &msg));
	return to_wire(w, &msg);
}

static inline struct keyid
fetch_with(struct world *w, struct device_store *d,
    const fluffy_fetch_params *params)
{
	fluffy_bytes req = fetch_wire(w, d, params), dlvr = asked(w, &req);

	gsk_taken(w, d, &dlvr, FLUFFY_GROUP_JOINED);
	assert_string_equal(w->outcome.peer, params->group);
	wire_free(&req);
	wire_free(&dlvr);
	return last_key(w);
}

static inline struct keyid
fetch(struct world *w, struct device_store *d)
{
	return fetch_with(w, d, &(fluffy_fetch_params){ .group = "den" });
}

static inline struct keyid
fetch_key(struct world *w, struct device_store *d, const struct keyid *key)
{
	return fetch_with(w, d, &(fluffy_fetch_params){ .group = "den",
	    .keyid = key->b, .keyid_len = key->n });
}

static inline void
fetch_refused(struct world *w, struct device_store *d,
    enum fluffy_error code)
{
	fluffy_bytes req = fetch_wire(w, d,
	    &(fluffy_fetch_params){ .group = "den" });

	ask_proven(w, d, &req, code);
}

static inline void
fetch_key_refused(struct world *w, struct device_store *d,
    const struct keyid *key, enum fluffy_error code)
{
	fluffy_bytes req = fetch_wire(w, d, &(fluffy_fetch_params){
	    .group = "den", .keyid = key->b, .keyid_len = key->n });

	ask_proven(w, d, &req, code);
}

/* The GSK-DELT. */
static inline fluffy_bytes
delete_wire(struct world *w, struct device_store *d)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_gsk_delete(d->store, "den", NULL, &msg));
	return to_wire(w, &msg);
}

/* ---- deletions ----------------------------------------------------------- */

/* GSK-DELT, and what comes of it. */
static inline struct wires
deleted(struct world *w, struct device_store *owner)
{
	fluffy_bytes delt = delete_wire(w, owner);
	struct wires out = asked_all(w, &delt);

	wire_free(&delt);
	return out;
}

static inline void
assert_types(struct world *w, const struct wires *all, size_t n,
    enum fluffy_type type)
{
	size_t i;

	assert_int_equal(all->n, n);
	for (i = 0; i < n; i++)
		assert_int_equal(type_of(w, &all->v[i]), type);
}

static inline struct device_store *
addressee(struct world *w, const fluffy_bytes *delt)
{
	fluffy_msg *msg = from_wire(w, delt);
	struct device_store *d = NULL;
	int i;

	for (i = 0; i < N_DEVICES; i++)
		if (bytes_eq(msg->cname, bytes_str(w->device[i].name)))
			d = &w->device[i];
	fluffy_msg_free(&msg);
	assert_non_null(d);
	return d;
}

/* Its device takes the PSK-DELT, and the SKDC the PSK-DELC. */
static inline struct wires
answered(struct world *w, const fluffy_bytes *delt)
{
	fluffy_bytes delc = confirmed(w, addressee(w, delt), delt);
	struct wires out = asked_all(w, &delc);

	wire_free(&delc);
	return out;
}

static inline void
answer_quietly(struct world *w, const fluffy_bytes *delt)
{
	struct wires out = answered(w, delt);

	assert_int_equal(out.n, 0);
}

static inline int
count(void *arg, const fluffy_entry *entry)
{
	(void)entry;
	++*(size_t *)arg;
	return 0;
}

static inline size_t
missing(struct world *w)
{
	size_t n = 0;

	must(w->ctx, fluffy_list_deletions(w->skdc, count, &n));
	return n;
}

/* The operator asks for a key's deletion. */
static inline struct wires
requested(struct world *w, const struct keyid *key)
{
	fluffy_msgs msgs;

	must(w->ctx, fluffy_del_request(w->skdc, key->b, key->n, &msgs));
	return to_wires(w, &msgs);
}

static inline struct wires
resent(struct world *w)
{
	fluffy_msgs msgs;

	must(w->ctx, fluffy_del_resend(w->skdc, &msgs));
	return to_wires(w, &msgs);
}

/* A key that the sensor and the lock share. */
static inline struct keyid
shared(struct world *w)
{
	struct exchange x = whole_exchange(w, SENSOR, LOCK);

	exchange_free(&x);
	return last_key(w);
}

/* The lock owns "den", and both others have its key. */
static inline struct keyid
new_den(struct world *w)
{
	struct keyid key = create(w, LOCK, "sensor,lamp"), had;

	had = fetch(w, SENSOR);
	assert_true(same_key(&key, &had));
	had = fetch(w, LAMP);
	assert_true(same_key(&key, &had));
	return key;
}

/* ---- listings ------------------------------------------------------------ */

struct lines {
	char text[200000];
	size_t n;
};

static inline void
start_lines(struct lines *lines)
{
	lines->text[0] = '\0';
	lines->n = 0;
}

static inline void
add_text(struct lines *lines, const char *before, const char *text)
{
	size_t room = sizeof(lines->text) - lines->n;
	int n = snprintf(lines->text + lines->n, room, "%s%s", before, text);

	assert_true(n >= 0 && (size_t)n < room);
	lines->n += (size_t)n;
}

static inline void
add_word(struct lines *lines, const char *word)
{
	if (word != NULL)
		add_text(lines, " ", word);
}

/* What is there, in the order of fluffy_entry, times from NOW on. */
static inline int
add_line(void *arg, const fluffy_entry *e)
{
	static const char *const kinds[] = { "party", "device", "secret",
		"session", "pair", "public", "pending", "deleted", "denied",
		"group", "member", "holder", "deletion" };
	struct lines *lines = arg;
	char number[60];

	add_text(lines, "", kinds[e->kind]);
	add_word(lines, e->role);
	add_word(lines, e->realm);
	add_word(lines, e->name);
	add_word(lines, e->client);
	add_word(lines, e->service);
	add_word(lines, e->owner);
	add_word(lines, e->alg);
	add_word(lines, e->state);
	if (e->authtime != 0 || e->endtime != 0) {
		(void)snprintf(number, sizeof(number), "%lld..%lld",
		    e->authtime == 0 ? 0 : (long long)e->authtime - NOW,
		    (long long)e->endtime - NOW);
		add_word(lines, number);
	}
	add_word(lines, e->certified ? "certified" : NULL);
	add_text(lines, "", "\n");
	return 0;
}

/* The store's listing has that line. */
static inline void
assert_listed(struct world *w, fluffy_store *s, const char *line)
{
	static struct lines lines;

	start_lines(&lines);
	must(w->ctx, fluffy_list(s, add_line, &lines));
	if (strstr(lines.text, line) == NULL)
		print_error("\"%s\" isn't in\n%s", line, lines.text);
	assert_non_null(strstr(lines.text, line));
}

static inline void
assert_groups(struct world *w, const char *group, const char *expected)
{
	static struct lines lines;

	start_lines(&lines);
	must(w->ctx, fluffy_list_groups(w->skdc, NULL, group, add_line,
	    &lines));
	assert_string_equal(lines.text, expected);
}

static inline void
assert_deletions(struct world *w, const char *expected)
{
	static struct lines lines;

	start_lines(&lines);
	must(w->ctx, fluffy_list_deletions(w->skdc, add_line, &lines));
	assert_string_equal(lines.text, expected);
}

/* ---- what a device has --------------------------------------------------- */

static inline bool
has_key(struct world *w, struct device_store *d, const struct keyid *key,
    enum held_as as)
{
	struct session session;
	enum fluffy_error e = store_session(d->store, keyid_bytes(key), as,
	    &session);

	session_wipe(&session);
	assert_true(e == FLUFFY_OK || e == FLUFFY_E_NOT_FOUND);
	(void)w;
	return e == FLUFFY_OK;
}

static inline struct symm
key_of(struct world *w, struct device_store *d, const struct keyid *key,
    enum held_as as)
{
	struct session session;

	must(w->ctx, store_session(d->store, keyid_bytes(key), as, &session));
	return session.key;
}

/* "And honest groups still work": with a name of its own each time. */
static inline void
honest_group(struct world *w)
{
	static int n;
	char name[20];
	const fluffy_gsk_params params = { .group = name,
	    .members = "sensor,lamp" };
	const fluffy_fetch_params fetching = { .group = name };
	struct keyid made, had;
	struct wires delts, last;
	fluffy_bytes delt, delc;
	fluffy_msg *msg;

	(void)snprintf(name, sizeof(name), "honest %d", n++);
	made = create_with(w, LOCK, &params);
	had = fetch_with(w, SENSOR, &fetching);
	assert_true(same_key(&made, &had));
	must(w->ctx, fluffy_gsk_delete(LOCK->store, name, NULL, &msg));
	delt = to_wire(w, &msg);
	delts = asked_all(w, &delt);
	assert_int_equal(delts.n, 1);
	delc = confirmed(w, SENSOR, &delts.v[0]);
	last = asked_all(w, &delc);
	assert_int_equal(last.n, 1);
	gsk_taken(w, LOCK, &last.v[0], FLUFFY_GROUP_DELETED);
	wire_free(&delt);
	wire_free(&delc);
	wires_free(&delts);
	wires_free(&last);
}

#endif

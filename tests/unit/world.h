/*
 * world.h - an SKDC, some devices, and the messages between them
 *
 * A throw-away realm in a directory of its own, with a clock and chance that
 * the test decides about. Messages are bytes on a wire.
 */
#ifndef WORLD_H
#define WORLD_H

#include "testing.h"

#include <dirent.h>
#include <unistd.h>

#include "../answer.h"
#include "exchange.h"
#include "store_sql.h"

#define N_DEVICES 3
#define SENSOR	  (&w->device[0])
#define LOCK	  (&w->device[1])
#define LAMP	  (&w->device[2])

struct device_store {
	const char *name;
	char path[100];
	fluffy_store *store;
};

struct world {
	fluffy_ctx *ctx;
	struct rng rng;
	enum fluffy_format format;
	char dir[40];
	fluffy_store *skdc;
	struct device_store device[N_DEVICES];
	fluffy_outcome outcome;		/* of the last step */
};

static inline void
wire_free(fluffy_bytes *wire)
{
	fluffy_bytes_free(wire);
}

static inline fluffy_bytes
to_wire(struct world *w, fluffy_msg **msg)
{
	fluffy_bytes out;

	must(w->ctx, fluffy_msg_write(w->ctx, *msg, w->format, 0, &out));
	fluffy_msg_free(msg);
	return out;
}

static inline fluffy_msg *
from_wire(struct world *w, const fluffy_bytes *wire)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_msg_read(w->ctx, wire->data, wire->len, &msg));
	return msg;
}

/* ---- the realm ----------------------------------------------------------- */

static inline void
join(struct world *w, struct device_store *d, fluffy_msg **enrol)
{
	fluffy_bytes wire = to_wire(w, enrol);
	fluffy_msg *msg = from_wire(w, &wire);

	fluffy_store_close(&d->store);
	must(w->ctx, fluffy_join(w->ctx, d->path, msg));
	must(w->ctx, fluffy_store_open(w->ctx, d->path, 0, &d->store));
	fluffy_msg_free(&msg);
	wire_free(&wire);
}

static inline void
enrol(struct world *w, struct device_store *d, const char *name)
{
	fluffy_msg *msg;

	d->name = name;
	(void)snprintf(d->path, sizeof(d->path), "%s/%td.db", w->dir,
	    d - w->device);
	must(w->ctx, fluffy_enrol(w->skdc, name, NULL, &msg));
	join(w, d, &msg);
}

static inline fluffy_store *
new_skdc(struct world *w, const char *file, const char *realm,
    const char *name)
{
	fluffy_store *s;
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", w->dir, file);
	must(w->ctx, fluffy_store_init(w->ctx, path, realm, name, &s));
	return s;
}

/* In that directory. */
static inline struct world *
world_at(const char *dir)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	the_time = NOW;
	w->rng.state = 4711;
	w->ctx = test_ctx(&w->rng);
	w->format = FLUFFY_CBOR;
	(void)snprintf(w->dir, sizeof(w->dir), "%s", dir);
	w->skdc = new_skdc(w, "skdc.db", "home", "skdc");
	enrol(w, SENSOR, "sensor");
	enrol(w, LOCK, "lock");
	enrol(w, LAMP, "lamp");
	return w;
}

static inline int
world_new(void **state)
{
	char dir[40];

	/* in memory, where there is such a thing: thousands of commits */
	(void)snprintf(dir, sizeof(dir), "%s/fluffy-world-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	*state = world_at(dir);
	return 0;
}

static inline int
world_free(void **state)
{
	struct world *w = *state;
	struct dirent *entry;
	char path[400];
	DIR *dir;
	int i;

	for (i = 0; i < N_DEVICES; i++)
		fluffy_store_close(&w->device[i].store);
	fluffy_store_close(&w->skdc);
	fluffy_ctx_free(&w->ctx);
	dir = opendir(w->dir);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", w->dir,
		    entry->d_name);
		(void)unlink(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

static inline int
world_new_json(void **state)
{
	int result = world_new(state);

	((struct world *)*state)->format = FLUFFY_JSON;
	return result;
}

/* A test of a group, in CBOR; the same in JSON. */
#define IN_CBOR(f) cmocka_unit_test_setup_teardown(f, world_new, world_free)
#define IN_JSON(f) { #f " (JSON)", f, world_new_json, world_free, NULL }
#define IN_BOTH(f) IN_CBOR(f), IN_JSON(f)

/* Everybody forgets what isn't in the files. */
static inline void
reopen(struct world *w)
{
	char path[100];
	int i;

	for (i = 0; i < N_DEVICES; i++) {
		fluffy_store_close(&w->device[i].store);
		must(w->ctx, fluffy_store_open(w->ctx, w->device[i].path, 0,
		    &w->device[i].store));
	}
	fluffy_store_close(&w->skdc);
	(void)snprintf(path, sizeof(path), "%s/skdc.db", w->dir);
	must(w->ctx, fluffy_store_open(w->ctx, path, 0, &w->skdc));
}

/* Changes a store behind the library's back. */
static inline void
store_sql(fluffy_store *s, const char *text)
{
	assert_int_equal(sqlite3_exec(s->sql->db, text, NULL, NULL, NULL),
	    SQLITE_OK);
}

static inline void
skdc_sql(struct world *w, const char *text)
{
	store_sql(w->skdc, text);
}

static inline bool
file_has(const char *path, struct bytes bytes)
{
	FILE *f = fopen(path, "rb");
	char *all = NULL;
	long n;
	bool has;

	if (f == NULL)
		return false;
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	assert_true(n >= 0);
	rewind(f);
	all = malloc((size_t)n + 1);
	assert_non_null(all);
	assert_int_equal(fread(all, 1, (size_t)n, f), n);
	(void)fclose(f);
	has = memmem(all, (size_t)n, bytes.p, bytes.n) != NULL;
	free(all);
	return has;
}

/* Is it in a store's file, or in its log? */
static inline bool
on_disk(const char *path, struct bytes bytes)
{
	char log[120];

	assert_true(bytes.n >= 8);
	(void)snprintf(log, sizeof(log), "%s-wal", path);
	return file_has(path, bytes) || file_has(log, bytes);
}

/* ---- steps --------------------------------------------------------------- */

static inline fluffy_bytes
request_with(struct world *w, struct device_store *d,
    const fluffy_psk_params *params)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_psk_request(d->store, params, &msg));
	return to_wire(w, &msg);
}

static inline fluffy_bytes
request(struct world *w, struct device_store *d, const char *service)
{
	const fluffy_psk_params params = { .service = service };

	return request_with(w, d, &params);
}

/* *out is empty when nothing is answered. */
static inline enum fluffy_error
ask_msg(struct world *w, fluffy_store *skdc, fluffy_msg *in, fluffy_bytes *out)
{
	fluffy_msg *answer;
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	must(w->ctx, fluffy_skdc_begin(skdc));
	e = answer_one(skdc, in, &answer);
	must(w->ctx, fluffy_skdc_commit(skdc));
	if (answer != NULL)
		*out = to_wire(w, &answer);
	return e;
}

static inline enum fluffy_error
ask(struct world *w, const fluffy_bytes *in, fluffy_bytes *out)
{
	fluffy_msg *msg = from_wire(w, in);
	enum fluffy_error e = ask_msg(w, w->skdc, msg, out);

	fluffy_msg_free(&msg);
	return e;
}

/* Several answers. */
#define MAX_WIRES 16
struct wires {
	fluffy_bytes v[MAX_WIRES];
	size_t n;
};

static inline void
wires_free(struct wires *all)
{
	while (all->n > 0)
		wire_free(&all->v[--all->n]);
}

static inline struct wires
to_wires(struct world *w, fluffy_msgs *msgs)
{
	struct wires all = { .n = 0 };

	assert_true(msgs->n <= MAX_WIRES);
	for (; all.n < msgs->n; all.n++)
		all.v[all.n] = to_wire(w, &msgs->v[all.n]);
	fluffy_msgs_free(msgs);
	return all;
}

static inline enum fluffy_error
ask_all_msg(struct world *w, fluffy_msg *in, struct wires *out)
{
	fluffy_msgs answers;
	enum fluffy_error e;

	must(w->ctx, fluffy_skdc_begin(w->skdc));
	e = fluffy_skdc_answer(w->skdc, in, &answers);
	must(w->ctx, fluffy_skdc_commit(w->skdc));
	*out = to_wires(w, &answers);
	return e;
}

static inline enum fluffy_error
ask_all(struct world *w, const fluffy_bytes *in, struct wires *out)
{
	fluffy_msg *msg = from_wire(w, in);
	enum fluffy_error e = ask_all_msg(w, msg, out);

	fluffy_msg_free(&msg);
	return e;
}

static const fluffy_extras no_params;

static inline enum fluffy_error
step_msg(struct world *w, struct device_store *d, fluffy_msg *in,
    const fluffy_extras *params, fluffy_bytes *out)
{
	fluffy_msg *answer;
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	e = fluffy_estb(d->store, in, params, &answer, &w->outcome);
	if (answer != NULL)
		*out = to_wire(w, &answer);
	return e;
}

static inline enum fluffy_error
step(struct world *w, struct device_store *d, const fluffy_bytes *in,
    fluffy_bytes *out)
{
	fluffy_msg *msg = from_wire(w, in);
	enum fluffy_error e = step_msg(w, d, msg, &no_params, out);

	fluffy_msg_free(&msg);
	return e;
}

/* That very verdict; says what was found. */
static inline void
expect(const struct world *w, enum fluffy_error found, enum fluffy_error code)
{
	if (found != code)
		print_error("expected %s, found %s: %s: %s\n",
		    fluffy_error_name(code), fluffy_error_name(found),
		    fluffy_why(w->ctx).field, fluffy_why(w->ctx).text);
	assert_int_equal(found, code);
}

/* A step that must go well. */
static inline struct wires
asked_all(struct world *w, const fluffy_bytes *in)
{
	struct wires out;

	must(w->ctx, ask_all(w, in, &out));
	return out;
}

static inline fluffy_bytes
asked(struct world *w, const fluffy_bytes *in)
{
	fluffy_bytes out;

	must(w->ctx, ask(w, in, &out));
	return out;
}

static inline fluffy_bytes
stepped(struct world *w, struct device_store *d, const fluffy_bytes *in)
{
	fluffy_bytes out;

	must(w->ctx, step(w, d, in, &out));
	return out;
}

/* A step that is refused; what came out is thrown away. */
static inline void
step_refused(struct world *w, struct device_store *d, const fluffy_bytes *in,
    enum fluffy_error code)
{
	fluffy_bytes out;

	expect(w, step(w, d, in, &out), code);
	wire_free(&out);
}

static inline void
ask_refused(struct world *w, const fluffy_bytes *in, enum fluffy_error code)
{
	fluffy_bytes out;

	expect(w, ask(w, in, &out), code);
	wire_free(&out);
}

/* ---- all four messages --------------------------------------------------- */

struct exchange {
	fluffy_bytes req, rep, estb, ack;
};

static inline void
exchange_free(struct exchange *x)
{
	wire_free(&x->req);
	wire_free(&x->rep);
	wire_free(&x->estb);
	wire_free(&x->ack);
}

/* Up to the PSK-ESTB, which nobody has read. */
static inline struct exchange
half_exchange(struct world *w, struct device_store *client,
    struct device_store *service)
{
	struct exchange x = { .ack = { NULL, 0 } };

	x.req = request(w, client, service->name);
	x.rep = asked(w, &x.req);
	x.estb = stepped(w, client, &x.rep);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_RECEIVED);
	return x;
}

static inline struct exchange
whole_exchange(struct world *w, struct device_store *client,
    struct device_store *service)
{
	struct exchange x = half_exchange(w, client, service);
	fluffy_bytes nothing;

	x.ack = stepped(w, service, &x.estb);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ACCEPTED);
	assert_string_equal(w->outcome.peer, client->name);
	nothing = stepped(w, client, &x.ack);
	assert_null(nothing.data);
	assert_int_equal(w->outcome.kind, FLUFFY_KEY_ESTABLISHED);
	assert_string_equal(w->outcome.peer, service->name);
	return x;
}

/* "And an honest exchange still works." */
static inline void
honest(struct world *w)
{
	struct exchange x = whole_exchange(w, SENSOR, LOCK);

	exchange_free(&x);
}

/* ---- forging: with the keys that the SKDC has ---------------------------- */

/* The owner's newest secret key. */
static inline struct secret
secret_of_owner(struct world *w, const char *owner)
{
	struct secret all[16], newest;
	size_t n;

	must(w->ctx, store_secrets_of(w->skdc, bytes_str(owner), all, 16, &n));
	assert_true(n > 0);
	newest = all[n - 1];
	return newest;
}

static inline struct part *
open_part(struct world *w, fluffy_msg *msg, void *container, int label,
    const struct symm *key)
{
	must(w->ctx, seal_open(w->ctx, msg, container, label, key));
	return sealed_member(container, label)->plain;
}

/* A fresh seal over the container as it is now. */
static inline void
reseal(struct world *w, fluffy_msg *msg, void *container, int label,
    struct part *part, const struct symm *key, struct bytes kid)
{
	uint8_t iv[IV_MAX];
	const struct sealing how = { .key = key, .kid = kid, .iv = iv };

	must(w->ctx, ctx_random(w->ctx, iv, sizeof(iv)));
	must(w->ctx, seal_make(w->ctx, msg, container, label, part, &how));
}

/* Something that came from the wire is changed in place. */
static inline uint8_t *
writable(struct bytes b)
{
	return (uint8_t *)(uintptr_t)b.p;
}

#endif

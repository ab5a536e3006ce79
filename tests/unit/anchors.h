/*
 * anchors.h - a trust anchor, a resource server and a client (section 11)
 *
 * TA shares a key with the RS "door"; "phone" is the client.  Documents go over
 * a wire, in the encoding of the test.
 */
#ifndef ANCHORS_H
#define ANCHORS_H

#include "testing.h"

#include <dirent.h>
#include <unistd.h>

#include "derived.h"
#include "dk.h"
#include "maccert.h"
#include "spki.h"

struct party_store {
	char path[60];
	fluffy_store *store;	/* NULL until it is there */
};

struct world {
	fluffy_ctx *ctx;
	struct rng rng;
	enum fluffy_format format;
	char dir[40];
	struct party_store ta, rs, client;
	char told[200];		/* the checks of the last step */
};

static const fluffy_dk_join_params plainly = { .window = 0 };

/* Exactly that refusal. */
static inline void
refused(struct world *w, enum fluffy_error e, enum fluffy_error code,
    const char *field, const char *text)
{
	refused_at(w->ctx, e, code, field);
	if (strcmp(fluffy_why(w->ctx).text, text) != 0)
		print_error("found \"%s\"\n", fluffy_why(w->ctx).text);
	assert_string_equal(fluffy_why(w->ctx).text, text);
}

/* ---- stores ---------------------------------------------------------------- */

static inline void
reopen(struct world *w, struct party_store *p)
{
	fluffy_store_close(&p->store);
	must(w->ctx, fluffy_dk_open(w->ctx, p->path, 0, &p->store));
}

/* The document as its reader gets it. */
static inline fluffy_msg *
sent(struct world *w, fluffy_msg *msg)
{
	fluffy_bytes wire;
	fluffy_msg *out;

	must(w->ctx, fluffy_msg_write(w->ctx, msg, w->format, 0, &wire));
	must(w->ctx, fluffy_msg_read(w->ctx, wire.data, wire.len, &out));
	assert_int_equal(fluffy_msg_format(out), w->format);
	fluffy_bytes_free(&wire);
	fluffy_msg_free(&msg);
	return out;
}

static inline fluffy_msg *
provisioned(struct world *w, const fluffy_dk_provision_params *p)
{
	fluffy_msg *prov;

	must(w->ctx, fluffy_dk_provision(w->ctx, w->ta.path, p, &prov));
	reopen(w, &w->ta);
	return sent(w, prov);
}

static inline fluffy_msg *
provisioned_for(struct world *w, const char *rs)
{
	return provisioned(w, &(fluffy_dk_provision_params){ .rs = rs });
}

/* Its public key, when it is an RS. */
static inline fluffy_bytes
joined(struct world *w, struct party_store *p, const fluffy_msg *msg,
    const fluffy_dk_join_params *params)
{
	fluffy_bytes public;

	must(w->ctx, fluffy_dk_join(w->ctx, p->path, msg, params, &public));
	reopen(w, p);
	return public;
}

/* The document has done its work. */
static inline void
join(struct world *w, struct party_store *p, fluffy_msg *msg)
{
	fluffy_bytes public = joined(w, p, msg, &plainly);

	fluffy_bytes_free(&public);
	fluffy_msg_free(&msg);
}

static inline int
files(struct world *w)
{
	DIR *dir = opendir(w->dir);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n;
}

/* join's refusal: no file comes or goes. */
static inline void
join_refused(struct world *w, struct party_store *p, const fluffy_msg *msg,
    enum fluffy_error code, const char *field, const char *text)
{
	fluffy_bytes public;
	int before = files(w);

	refused(w, fluffy_dk_join(w->ctx, p->path, msg, &plainly, &public),
	    code, field, text);
	assert_null(public.data);
	assert_int_equal(files(w), before);
}

static inline void
trust(struct world *w, const char *rs, fluffy_bytes *public)
{
	must(w->ctx, fluffy_dk_trust(w->ta.store, rs, public->data,
	    public->len));
	fluffy_bytes_free(public);
}

/* ---- the steps ----------------------------------------------------------------- */

static inline fluffy_msg *
issued(struct world *w, const char *rs, const char *client)
{
	fluffy_msg *cred;

	must(w->ctx, fluffy_dk_issue(w->ta.store, rs, client, &cred));
	return sent(w, cred);
}

static inline fluffy_msg *
certified(struct world *w, const char *rs, const char *client,
    const fluffy_bytes *key)
{
	fluffy_msg *cert;

	must(w->ctx, fluffy_dk_certify(w->ta.store, rs, client, key->data,
	    key->len, &cert));
	return sent(w, cert);
}

static inline fluffy_msg *
revoked(struct world *w, const char *rs, uint32_t number)
{
	fluffy_msg *revoke;

	must(w->ctx, fluffy_dk_revoke(w->ta.store, rs, number, &revoke));
	return sent(w, revoke);
}

static inline void
revoke_number(struct world *w, uint32_t number)
{
	fluffy_msg *msg = revoked(w, "door", number);

	must(w->ctx, fluffy_dk_accept(w->rs.store, msg));
	fluffy_msg_free(&msg);
}

/* The RS's verdict on a nonce; its claim. */
static inline enum fluffy_error
shown(struct world *w, struct bytes nonce, fluffy_dk_claim *claim)
{
	uint8_t key[32];
	size_t n;

	return fluffy_dk_derive(w->rs.store, nonce.p, nonce.n, claim, key,
	    &n);
}

static inline enum fluffy_error
shown_number(struct world *w, uint32_t number, fluffy_dk_claim *claim)
{
	char text[60];

	(void)snprintf(text, sizeof(text), "DK.TA.phone.%u",
	    (unsigned)number);
	return shown(w, bytes_str(text), claim);
}

/* A session with that number. */
static inline enum fluffy_error
take_number(struct world *w, uint32_t number)
{
	fluffy_dk_claim claim;
	enum fluffy_error e = shown_number(w, number, &claim);

	return e == FLUFFY_OK ? fluffy_dk_take(w->rs.store, &claim) : e;
}

static inline void
is_stale(struct world *w, uint32_t number)
{
	char text[80];

	(void)snprintf(text, sizeof(text),
	    "number %u was used or revoked, or is too old",
	    (unsigned)number);
	refused(w, take_number(w, number), FLUFFY_E_REPLAY, "psk-identity",
	    text);
}

/* Any honest client gets in: once. */
static inline void
honest(struct world *w)
{
	fluffy_msg *cred = issued(w, "door", "guest");
	fluffy_dk_claim claim;
	uint8_t key[32];
	size_t n;

	must(w->ctx, fluffy_dk_derive(w->rs.store, cred->psk_identity.p,
	    cred->psk_identity.n, &claim, key, &n));
	assert_bytes(bytes_of(key, n), cred->key);
	must(w->ctx, fluffy_dk_take(w->rs.store, &claim));
	refused_at(w->ctx, fluffy_dk_take(w->rs.store, &claim),
	    FLUFFY_E_REPLAY, "");
	fluffy_msg_free(&cred);
}

/* The pair that a node has, as a file would hold it. */
static inline fluffy_bytes
new_pair(struct world *w, bool public)
{
	struct buffer pair = BUFFER(4096), out = BUFFER(4096);
	fluffy_bytes bytes;

	must(w->ctx, pair_new(w->ctx, &pair));
	if (public) {
		must(w->ctx, pair_public(w->ctx, buffer_view(&pair), true,
		    &out));
		buffer_free(&pair);
		pair = out;
	}
	assert_true(buffer_take(&pair, &bytes));
	return bytes;
}

/* ---- a listing in a line per entry ----------------------------------------------- */

static inline int
list_entry(void *arg, const fluffy_dk_entry *x)
{
	struct buffer *b = arg;
	size_t i;

	buffer_addf(b, "%s %s %s", x->role, x->ta, x->rs);
	if (x->client != NULL)
		buffer_addf(b, " %s %s", x->client, x->mode);
	buffer_addf(b, " %u", (unsigned)x->number);
	if (x->window != 0)
		buffer_addf(b, " of %u:%02x", x->window, x->bits[0]);
	for (i = 0; i < x->n_revoked; i++)
		buffer_addf(b, " -%u", (unsigned)x->revoked[i]);
	buffer_addf(b, "%s\n", x->trusted ? " trusted" : "");
	return 0;
}

static inline void
assert_listed(struct world *w, struct party_store *p, const char *expected)
{
	struct buffer b = BUFFER(100000);

	must(w->ctx, fluffy_dk_list(p->store, list_entry, &b));
	buffer_addc(&b, '\0');
	assert_false(b.failed);
	assert_string_equal((const char *)b.p, expected);
	buffer_free(&b);
}

/* ---- one world for each test ------------------------------------------------------ */

static inline void
tell(void *arg, enum fluffy_type type, const char *check,
    enum fluffy_error verdict)
{
	struct world *w = arg;
	size_t n = strlen(w->told);

	(void)snprintf(w->told + n, sizeof(w->told) - n, "%s%s:%s=%s",
	    n == 0 ? "" : " ", fluffy_type_name(type), check,
	    fluffy_error_name(verdict));
}

static inline void
place(struct world *w, struct party_store *p, const char *file)
{
	(void)snprintf(p->path, sizeof(p->path), "%s/%s", w->dir, file);
}

static inline struct world *
world_at(const char *dir, enum fluffy_format format)
{
	struct world *w = calloc(1, sizeof(*w));
	fluffy_bytes public;
	fluffy_msg *prov;

	assert_non_null(w);
	w->rng.state = 4711;
	w->ctx = test_ctx(&w->rng);
	w->format = format;
	(void)snprintf(w->dir, sizeof(w->dir), "%s", dir);
	place(w, &w->ta, "ta.db");
	place(w, &w->rs, "rs.db");
	place(w, &w->client, "client.db");
	prov = provisioned_for(w, "door");
	public = joined(w, &w->rs, prov, &plainly);
	trust(w, "door", &public);
	fluffy_msg_free(&prov);
	return w;
}

static inline struct world *
world_in(enum fluffy_format format)
{
	char dir[40];

	/* in memory, where there is such a thing */
	(void)snprintf(dir, sizeof(dir), "%s/fluffy-dk-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	return world_at(dir, format);
}

static inline int
world_cbor(void **state)
{
	*state = world_in(FLUFFY_CBOR);
	return 0;
}

static inline int
world_json(void **state)
{
	*state = world_in(FLUFFY_JSON);
	return 0;
}

static inline int
world_free(void **state)
{
	struct world *w = *state;
	struct dirent *entry;
	char path[400];
	DIR *dir = opendir(w->dir);

	fluffy_store_close(&w->ta.store);
	fluffy_store_close(&w->rs.store);
	fluffy_store_close(&w->client.store);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", w->dir,
		    entry->d_name);
		(void)unlink(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)rmdir(w->dir);
	fluffy_ctx_free(&w->ctx);
	free(w);
	return 0;
}

#define IN_CBOR(f) cmocka_unit_test_setup_teardown(f, world_cbor, world_free)
#define IN_JSON(f) { #f " in JSON", f, world_json, world_free, NULL }
#define IN_BOTH(f) IN_CBOR(f), IN_JSON(f)

#endif

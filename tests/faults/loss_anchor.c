/* loss_anchor.c - a trust anchor, a resource server and a client at work */
#include "../unit/anchors.h"

#include "loss.h"

#define MANY 70		/* numbers: more than the window has */

static const uint8_t nobody;

/* What a new K_RS-TA ends. */
static struct promise *of_this_key[3 * MANY];
static size_t n_of_this_key;

/* ---- promises: true when they are kept ----------------------------------- */

static bool
is_there(fluffy_store *s, const struct promise *p)
{
	(void)s;
	(void)p;
	return true;
}

/* The next number is larger than all that were given out. */
static bool
counts_on(fluffy_store *s, const struct promise *p)
{
	struct anchor anchor;
	bool ok = store_anchor(s, BYTES("TA"), BYTES("door"), &anchor) ==
	    FLUFFY_OK && anchor.window.right >= p->number;
	fluffy_msg *msg = NULL;

	ok = ok && fluffy_dk_issue(s, "door", "guest", &msg) == FLUFFY_OK &&
	    store_anchor(s, BYTES("TA"), BYTES("door"), &anchor) ==
	    FLUFFY_OK && anchor.window.right > p->number;
	anchor_wipe(&anchor);
	fluffy_msg_free(&msg);
	return ok;
}

static bool
refuses_number(fluffy_store *s, const struct promise *p)
{
	fluffy_dk_claim claim;
	uint8_t key[32];
	char nonce[60];
	size_t n;

	(void)snprintf(nonce, sizeof(nonce), "DK.TA.phone.%u",
	    (unsigned)p->number);
	return fluffy_dk_derive(s, nonce, strlen(nonce), &claim, key, &n) ==
	    FLUFFY_E_REPLAY;
}

static bool
is_revoked(fluffy_store *s, const struct promise *p)
{
	struct anchor anchor;
	bool revoked = false;

	return store_anchor(s, BYTES("TA"), BYTES("door"), &anchor) ==
	    FLUFFY_OK && store_revoked(s, &anchor, (uint32_t)p->number,
	    &revoked) == FLUFFY_OK && revoked;
}

static bool
has_anchor_key(fluffy_store *s, const struct promise *p)
{
	struct anchor anchor;
	bool ok = store_anchor(s, BYTES("TA"), BYTES("door"), &anchor) ==
	    FLUFFY_OK && bytes_eq(bytes_of(anchor.key.b, anchor.key.n),
	    p->bytes);

	anchor_wipe(&anchor);
	return ok;
}

static bool
is_trusted(fluffy_store *s, const struct promise *p)
{
	struct anchor anchor;
	bool ok = store_anchor(s, BYTES("TA"), BYTES("door"), &anchor) ==
	    FLUFFY_OK && anchor.trusted;

	(void)p;
	anchor_wipe(&anchor);
	return ok;
}

/* The first credential has that number; 0: there is none. */
static bool
next_is(fluffy_store *s, const struct promise *p)
{
	fluffy_dk_credential found;
	enum fluffy_error e = fluffy_dk_next(s, "door", 0, &found);
	bool ok = p->number == 0 ? e == FLUFFY_E_NOT_FOUND :
	    e == FLUFFY_OK && found.number == p->number;

	if (e == FLUFFY_OK)
		fluffy_dk_credential_free(&found);
	return ok;
}

/* ---- work ---------------------------------------------------------------- */

static void
stores_are_there(struct world *w)
{
	(void)promise(w->ta.path, "the store is there", is_there,
	    bytes_of(&nobody, 0), 0);
	(void)promise(w->rs.path, "the store is there", is_there,
	    bytes_of(&nobody, 0), 0);
	(void)promise(w->ta.path, "an RS is trusted", is_trusted,
	    bytes_of(&nobody, 0), 0);
}

static void
promise_number(const char *store, const char *what,
    bool (*kept)(fluffy_store *, const struct promise *), uint32_t number)
{
	of_this_key[n_of_this_key++] = promise(store, what, kept,
	    bytes_of(&nobody, 0), number);
}

/* Issued, kept, used. */
static void
open_session(struct world *w, uint32_t number)
{
	fluffy_msg *cred = issued(w, "door", "phone");
	struct promise *next;
	fluffy_dk_credential found;

	promise_number(w->ta.path, "a number isn't given out again", counts_on,
	    number);
	join(w, &w->client, cred);
	next = promise(w->client.path, "a credential is there", next_is,
	    bytes_of(&nobody, 0), number);
	must(w->ctx, take_number(w, number));
	promise_number(w->rs.path, "a number isn't taken again",
	    refuses_number, number);
	must(w->ctx, fluffy_dk_next(w->client.store, "door", 0, &found));
	promise_ends(next);
	must(w->ctx, fluffy_dk_used(w->client.store, found.id));
	(void)promise(w->client.path, "an erased key isn't in the files",
	    NULL, bytes_of(found.key.data, found.key.len), 0);
	next = promise(w->client.path, "a used credential is gone", next_is,
	    bytes_of(&nobody, 0), 0);
	promise_ends(next);
	fluffy_dk_credential_free(&found);
}

static void
revoke_one(struct world *w, uint32_t number)
{
	fluffy_msg *cred = issued(w, "door", "phone"), *msg;

	promise_number(w->ta.path, "a number isn't given out again", counts_on,
	    number);
	msg = revoked(w, "door", number);
	promise_number(w->ta.path, "a number stays revoked", is_revoked,
	    number);
	must(w->ctx, fluffy_dk_accept(w->rs.store, msg));
	promise_number(w->rs.path, "a revoked number isn't taken",
	    refuses_number, number);
	fluffy_msg_free(&cred);
	fluffy_msg_free(&msg);
}

static struct symm
anchor_key(struct world *w)
{
	struct anchor anchor;

	must(w->ctx, store_anchor(w->ta.store, BYTES("TA"), BYTES("door"),
	    &anchor));
	return anchor.key;
}

/* A new K_RS-TA: the numbers begin again, under another key. */
static void
provision_again(struct world *w)
{
	struct symm old = anchor_key(w), new;
	fluffy_msg *prov;

	for (size_t i = 0; i < n_of_this_key; i++)
		promise_ends(of_this_key[i]);
	prov = provisioned_for(w, "door");
	new = anchor_key(w);
	(void)promise(w->ta.path, "a new K_RS-TA is there", has_anchor_key,
	    bytes_of(new.b, new.n), 0);
	(void)promise(w->ta.path, "an erased key isn't in the files", NULL,
	    bytes_of(old.b, old.n), 0);
	join(w, &w->rs, prov);
	(void)promise(w->rs.path, "a new K_RS-TA is there", has_anchor_key,
	    bytes_of(new.b, new.n), 0);
	(void)promise(w->rs.path, "an erased key isn't in the files", NULL,
	    bytes_of(old.b, old.n), 0);
}

static void
run(void)
{
	struct world *w = world_at(DISK, FLUFFY_CBOR);
	void *state = w;
	uint32_t number = 1;

	fluffy_ctx_set_clock(w->ctx, loss_clock, NULL);
	stores_are_there(w);
	for (; number <= MANY; number++) {
		if (number % 7 == 0)
			revoke_one(w, number);
		else
			open_session(w, number);
		loss_now++;
	}
	provision_again(w);
	(void)world_free(&state);
}

static int
ignore(void *arg, const fluffy_dk_entry *entry)
{
	(void)arg;
	(void)entry;
	return 0;
}

static enum fluffy_error
read_all(fluffy_store *s)
{
	return fluffy_dk_list(s, ignore, NULL);
}

const struct work anchor_works = { run, fluffy_dk_open, read_all };

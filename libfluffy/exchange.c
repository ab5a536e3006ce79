/* exchange.c - what the exchanges share */
#include <stdarg.h>
#include <stdlib.h>

#include "exchange.h"
#include "policy.h"

/* ---- making --------------------------------------------------------------- */

struct fluffy_msg *
message_new(enum fluffy_type type)
{
	struct fluffy_msg *msg = calloc(1, sizeof(*msg));

	if (msg == NULL)
		return NULL;
	msg->head.schema = message_schema(type);
	msg->format = FLUFFY_CBOR;
	PUT(msg, pvno, L_pvno, 1);
	PUT(msg, type, L_msg_type, type);
	return msg;
}

void *
message_map(struct fluffy_msg *msg, int label)
{
	const struct row *row = schema_row(msg->head.schema, label);
	struct head *map = arena_alloc(&msg->arena, row->sub->size);

	if (map == NULL)
		return NULL;
	map->schema = row->sub;
	*(void **)(void *)((uint8_t *)msg + row->offset) = map;
	SET(msg, label);
	return map;
}

struct keydata *
keydata_make(struct fluffy_msg *msg, const struct schema *schema,
    struct bytes keyid, const struct symm *key)
{
	struct keydata *k = arena_alloc(&msg->arena, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->head.schema = schema;
	PUT(k, kty, L_kty, KTY_SYMM);
	PUT_BYTES(msg, k, keyid, L_keyid, keyid);
	PUT_BYTES(msg, k, key, L_key, symm_bytes(key));
	k->keyops.n = 2;
	k->keyops.v[0] = 3;	/* encrypt */
	k->keyops.v[1] = 4;	/* decrypt */
	SET(k, L_keyops);
	PUT(k, alg, L_alg, key->alg);
	return k;
}

enum fluffy_error
seal_under_secret(fluffy_store *s, struct fluffy_msg *msg, void *container,
    int label, struct part *part, const struct secret *secret,
    const uint8_t *iv, bool cksum)
{
	struct sealing how = { .key = &secret->key, .iv = iv, .cksum = cksum,
	    .kid = keyid_bytes(&secret->kid) };
	enum fluffy_error e = FLUFFY_OK;

	/* where the store is broken it can't count the ack of that ERROR */
	if (!s->broken)
		e = store_secret_sealed(s, how.kid);
	if (e == FLUFFY_OK)
		e = seal_make(s->ctx, msg, container, label, part, &how);
	return e;
}

enum fluffy_error
message_finish(fluffy_ctx *ctx, enum fluffy_error e, struct fluffy_msg **msg,
    fluffy_msg **out)
{
	*out = NULL;
	if (e == FLUFFY_OK && (*msg == NULL || (*msg)->arena.failed))
		e = fluffy_fail_memory(ctx);
	if (e != FLUFFY_OK)
		fluffy_msg_free(msg);
	*out = *msg;
	*msg = NULL;
	return e;
}

/* ---- names ------------------------------------------------------------------ */

enum fluffy_error
refuse(fluffy_ctx *ctx, const struct fluffy_msg *msg, const char *member,
    enum fluffy_error code, const char *format, ...)
{
	const char *type = word_of(R_TYPE, msg->type);
	struct path message = { .name = type, .len = strlen(type) };
	struct path at = { .up = &message, .name = member,
	    .len = strlen(member) };
	char text[REASON_TEXT];
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(text, sizeof(text), format, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	return fluffy_fail(ctx, code, &at, "%s", text);
}

enum fluffy_error
check_name(fluffy_ctx *ctx, const struct fluffy_msg *msg, const char *member,
    struct bytes found, struct bytes expected)
{
	if (bytes_eq(found, expected))
		return FLUFFY_OK;
	return refuse(ctx, msg, member, FLUFFY_E_AUTH_FAILED,
	    "expected \"%.*s\", found \"%.*s\"", (int)expected.n,
	    (const char *)expected.p, (int)found.n, (const char *)found.p);
}

enum fluffy_error
check_skdc(fluffy_ctx *ctx, const struct fluffy_msg *msg, const char *member,
    struct bytes found, struct bytes expected)
{
	if (check_name(ctx, msg, member, found, expected) == FLUFFY_OK)
		return FLUFFY_OK;
	ctx->code = FLUFFY_E_WRONG_SKDC;
	return FLUFFY_E_WRONG_SKDC;
}

/* ---- secret keys -------------------------------------------------------------- */

#define MAX_SECRETS 16	/* of one owner; fluffy_rotate keeps it */

bool
secret_opens(const fluffy_store *s, const struct secret *secret, uint64_t now)
{
	uint64_t kept = s->party.role == ROLE_DEVICE ? LIFETIME_MAX : 0;

	return secret->endtime == 0 || now < secret->endtime + kept;
}

/*
 * Section 9: an SKDC seals with the oldest key that hasn't ended, because it
 * drops the older ones when it has opened a message under a newer one; a
 * device with the newest.
 */
enum fluffy_error
sealing_secret(fluffy_store *s, struct bytes owner, uint64_t now,
    struct secret *out)
{
	struct secret all[MAX_SECRETS];
	enum fluffy_error e;
	size_t i = 0, n, found = MAX_SECRETS;

	*out = (struct secret){ .order = 0 };
	e = store_secrets_of(s, owner, all, MAX_SECRETS, &n);
	if (e == FLUFFY_OK && s->party.role == ROLE_DEVICE && n > 0)
		found = n - 1;
	for (; found == MAX_SECRETS && i < n && e == FLUFFY_OK; i++)
		if (secret_opens(s, &all[i], now))
			found = i;
	if (e == FLUFFY_OK && found == MAX_SECRETS)
		e = fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
		    "\"%.*s\" has no secret key", (int)owner.n,
		    (const char *)owner.p);
	if (e == FLUFFY_OK)
		*out = all[found];
	for (i = 0; i < n; i++)
		secret_wipe(&all[i]);
	return e;
}

enum fluffy_error
open_under_secret(fluffy_store *s, struct fluffy_msg *msg, void *container,
    int label, uint64_t now, struct secret *secret)
{
	const struct sealed *sealed = sealed_member(container, label);
	enum fluffy_error e;

	e = store_secret_by_kid(s, sealed->kid, secret);
	if (e == FLUFFY_OK && !secret_opens(s, secret, now))
		e = FLUFFY_E_NOT_FOUND;
	if (e == FLUFFY_E_NOT_FOUND)
		return seal_unknown(s->ctx, msg, container, label);
	if (e == FLUFFY_OK)
		e = seal_open(s->ctx, msg, container, label, &secret->key);
	return e;
}

/* ---- session keys --------------------------------------------------------------- */

enum fluffy_error
session_of(fluffy_store *s, const struct part *part, struct bytes realm,
    struct bytes peer, struct session *session)
{
	const struct keydata *k = part->keydata;

	session->keyid.n = (uint8_t)k->keyid.n;
	memcpy(session->keyid.b, k->keyid.p, k->keyid.n);
	session->key.alg = k->alg;
	session->key.n = (uint8_t)k->key.n;
	memcpy(session->key.b, k->key.p, k->key.n);
	session->authtime = part->authtime;
	session->endtime = part->endtime;
	session->cpac = part->cpac;
	if (name_set(&session->peer, peer) &&
	    (realm.n == 0 || name_set(&session->realm, realm)))
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_INTERNAL, NULL,
	    "a name that doesn't fit");
}

void
outcome_set(fluffy_outcome *o, enum fluffy_outcome_kind kind,
    const struct session *session)
{
	o->kind = kind;
	memcpy(o->peer, session->peer.s, session->peer.n);
	memcpy(o->keyid, session->keyid.b, session->keyid.n);
	o->keyid_len = session->keyid.n;
	o->endtime = session->endtime;
}

enum fluffy_error
check_key_usable(fluffy_store *s, const struct fluffy_msg *msg,
    const char *member, const struct part *part, uint64_t now)
{
	enum fluffy_error e;
	bool gone;

	if (!policy_key_good(now, part->authtime, part->endtime))
		return refuse(s->ctx, msg, member, FLUFFY_E_EXPIRED,
		    "the key ended at %llu, and it is %llu here",
		    (unsigned long long)part->endtime,
		    (unsigned long long)now);
	e = store_gone(s, part->keydata->keyid, &gone);
	if (e == FLUFFY_OK && gone)
		e = refuse(s->ctx, msg, member, FLUFFY_E_NO_SUCH_KEY,
		    "the key was deleted");
	return e;
}

enum fluffy_error
check_fresh(fluffy_store *s, const struct fluffy_msg *msg,
    const struct part *auth, struct bytes kid, uint64_t now)
{
	uint64_t time = HAS(auth, L_ctime) ? auth->ctime : auth->sptime;
	uint64_t skew = policy_skew(s->skew);
	enum fluffy_error e;

	if (policy_clock_behind(now, s->max_now, skew))
		return refuse(s->ctx, msg, "authenticator", FLUFFY_E_BUSY,
		    "the clock here is %llu s behind what it was",
		    (unsigned long long)(s->max_now - now));
	if (!policy_time_fits(now, time, skew) || time < s->oldest)
		return refuse(s->ctx, msg, "authenticator",
		    FLUFFY_E_CLOCK_SKEW, "its time is %llu, and it is %llu "
		    "here", (unsigned long long)time, (unsigned long long)now);
	e = store_nonce(s, kid, auth->nonce,
	    policy_remember_until(time, skew));
	if (e == FLUFFY_OK)
		store_acted_at(s, now);
	if (e == FLUFFY_E_REPLAY)
		e = refuse(s->ctx, msg, "authenticator.nonce",
		    FLUFFY_E_REPLAY, "was seen before");
	return e;
}

/* ---- requests ------------------------------------------------------------------- */

/*
 * Section 9: a valid message under a new key ends the older ones, even if it
 * is then refused.
 */
static enum fluffy_error
drop_older(fluffy_store *s, const struct secret *secret)
{
	struct secret all[MAX_SECRETS];
	enum fluffy_error e;
	size_t i, n;

	e = store_secrets_of(s, name_bytes(&secret->owner), all, MAX_SECRETS,
	    &n);
	for (i = 0; i < n && e == FLUFFY_OK; i++)
		if (all[i].order < secret->order)
			e = store_secret_erase(s, keyid_bytes(&all[i].kid));
	for (i = 0; i < n; i++)
		secret_wipe(&all[i]);
	return e;
}

/* The sender's names and time; GSK-REQ calls its sender a service. */
static struct bytes
sender_realm(const struct part *part)
{
	return HAS(part, L_crealm) ? part->crealm : part->sprealm;
}

static struct bytes
sender_name(const struct part *part)
{
	return HAS(part, L_cname) ? part->cname : part->spname;
}

static enum fluffy_error
check_sender(fluffy_store *s, const struct request *r)
{
	enum fluffy_error e;

	e = check_name(s->ctx, r->msg, "authenticator.crealm",
	    sender_realm(r->part), name_bytes(&s->party.realm));
	if (e == FLUFFY_OK)
		e = check_name(s->ctx, r->msg, "authenticator.cname",
		    sender_name(r->part), name_bytes(&r->secret.owner));
	return e;
}

enum fluffy_error
request_check(fluffy_store *s, struct request *r, struct bytes realm,
    struct bytes name)
{
	enum fluffy_error e;

	e = check_skdc(s->ctx, r->msg, "req-body.skdcrealm", realm,
	    name_bytes(&s->party.realm));
	if (e == FLUFFY_OK)
		e = check_skdc(s->ctx, r->msg, "req-body.skdcname", name,
		    name_bytes(&s->party.name));
	if (e == FLUFFY_OK)
		e = open_under_secret(s, r->msg, r->msg, L_authenticator,
		    r->now, &r->secret);
	if (e != FLUFFY_OK)
		return e;
	r->part = r->msg->authenticator.plain;
	if ((e = check_sender(s, r)) != FLUFFY_OK)
		return e;
	r->verified = true;
	if (s->broken)
		return fluffy_fail(s->ctx, FLUFFY_E_INTERNAL, NULL,
		    "the store failed");
	e = drop_older(s, &r->secret);
	if (e == FLUFFY_OK)
		e = check_fresh(s, r->msg, r->part,
		    keyid_bytes(&r->secret.kid), r->now);
	return e;
}

/* exchange.c - what the exchanges share */
#include <stdarg.h>
#include <stdlib.h>

#include "alg.h"
#include "cert.h"
#include "decode.h"
#include "exchange.h"
#include "pkey.h"
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

struct keydata *
keydata_refer(struct fluffy_msg *msg, struct bytes keyid)
{
	struct keydata *k = arena_alloc(&msg->arena, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->head.schema = &keydata_ref;
	PUT_BYTES(msg, k, keyid, L_keyid, keyid);
	return k;
}

enum fluffy_error
put_json(fluffy_ctx *ctx, struct fluffy_msg *msg, struct head *head,
    struct bytes *member, int label, const char *json)
{
	enum fluffy_error e;

	if (json == NULL)
		return FLUFFY_OK;
	e = decode_any(ctx, &msg->arena, json, label_name(label), member);
	if (e == FLUFFY_OK)
		head->has |= label_bit(label);
	return e;
}

enum fluffy_error
seal_under_secret(fluffy_store *s, struct fluffy_msg *msg, void *container,
    int label, struct part *part, const struct secret *secret,
    const uint8_t *iv, bool cksum)
{
	struct sealing how = { .key = &secret->key, .iv = iv, .cksum = cksum,
	    .kid = keyid_bytes(&secret->kid) };
	enum fluffy_error e = FLUFFY_OK;

	/* the ERROR that says so: what a broken store counts isn't kept; but
	   none when all were made */
	if (!s->broken && !s->batch_failed)
		e = store_secret_sealed(s, how.kid);
	else if (secret->seals >= SEALS_MAX)
		e = FLUFFY_E_USAGE;
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

void
fluffy_msgs_free(fluffy_msgs *msgs)
{
	size_t i;

	for (i = 0; i < msgs->n; i++)
		fluffy_msg_free(&msgs->v[i]);
	free(msgs->v);
	*msgs = (fluffy_msgs){ NULL, 0 };
}

enum fluffy_error
msgs_add(fluffy_ctx *ctx, fluffy_msgs *msgs, fluffy_msg **msg)
{
	fluffy_msg **more = msgs->v;

	/* room grows by powers of two */
	if ((msgs->n & (msgs->n - 1)) == 0)
		more = reallocarray(msgs->v, msgs->n == 0 ? 1 : 2 * msgs->n,
		    sizeof(msgs->v[0]));
	if (more == NULL) {
		fluffy_msg_free(msg);
		return fluffy_fail_memory(ctx);
	}
	msgs->v = more;
	msgs->v[msgs->n++] = *msg;
	*msg = NULL;
	return FLUFFY_OK;
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
	/* no name is empty (section 2): these are absent */
	if (found.n == 0)
		return refuse(ctx, msg, member, FLUFFY_E_AUTH_FAILED,
		    "expected \"%.*s\", found none", (int)expected.n,
		    (const char *)expected.p);
	if (expected.n == 0)
		return refuse(ctx, msg, member, FLUFFY_E_AUTH_FAILED,
		    "expected none, found \"%.*s\"", (int)found.n,
		    (const char *)found.p);
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

bool
secret_opens(const fluffy_store *s, const struct secret *secret, uint64_t now)
{
	uint64_t kept = s->party.role == ROLE_DEVICE ? LIFETIME_MAX : 0;

	return secret->endtime == 0 || now < secret->endtime + kept;
}

/*
 * Section 9: an SKDC seals with the oldest key that hasn't ended, because it
 * drops the older ones when it has opened a message under a newer one; a
 * device with the newest.  One that may seal no more is passed over for a newer
 * one: a device that only listens would never end it.
 */
enum fluffy_error
sealing_secret(fluffy_store *s, struct bytes owner, uint64_t now,
    struct secret *out)
{
	struct secret all[MAX_SECRETS];
	enum fluffy_error e;
	size_t i = 0, n, found = MAX_SECRETS;
	bool may = false;

	*out = (struct secret){ .order = 0 };
	e = store_secrets_of(s, owner, all, MAX_SECRETS, &n);
	if (e == FLUFFY_OK && s->party.role == ROLE_DEVICE && n > 0)
		found = n - 1;
	for (; i < n && s->party.role != ROLE_DEVICE && !may; i++)
		if (secret_opens(s, &all[i], now)) {
			found = i;
			e = store_secret_may_seal(s,
			    keyid_bytes(&all[i].kid), &may);
		}
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

static enum fluffy_error
tell_kid(fluffy_ctx *ctx, const char *field, int type, struct bytes kid)
{
	char hex[2 * KEYID_MAX + 1] = "";
	size_t i;

	for (i = 0; i < kid.n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", kid.p[i]);
	return fluffy_fail_at(ctx, FLUFFY_E_AUTH_FAILED, field,
	    type == FLUFFY_PSK_ACK ?
	    "no session key that was asked for here has the kid %s" :
	    "no secret key in use here has the kid %s", hex);
}

/* What is only explained stays here, and may say what a sender isn't told. */
static enum fluffy_error
tell_opening(fluffy_ctx *ctx, int type, const struct sealed *sealed,
    const struct symm *key, bool known)
{
	enum fluffy_error e = FLUFFY_E_AUTH_FAILED;
	char at[REASON_FIELD];

	(void)snprintf(at, sizeof(at), "%s", fluffy_why(ctx).field);
	if (!known) {
		ctx->opening = OPENING_KID;
		return tell_kid(ctx, at, type, sealed->kid);
	}
	if (ctx->opening == OPENING_CKSUM)
		return fluffy_fail_at(ctx, e, at, "wrong cksum");
	if (sealed->alg != key->alg)
		return fluffy_fail_at(ctx, e, at, "for another alg than the "
		    "key, which is for %s", word_of(R_ALG, key->alg));
	if (sealed->ciphertext.n < aead_of(key->alg)->tag)
		return fluffy_fail_at(ctx, e, at, "%zu bytes are too few for "
		    "its tag", sealed->ciphertext.n);
	return fluffy_fail_at(ctx, e, at, "made with another key, or changed: "
	    "it, or a clear member beside it");
}

enum fluffy_error
open_sealed(fluffy_store *s, struct fluffy_msg *msg, void *container,
    int label, const struct symm *key, bool known)
{
	enum fluffy_error e = seal_open_if(s->ctx, msg, container, label, key,
	    known);

	return s->judging && e == FLUFFY_E_AUTH_FAILED ?
	    tell_opening(s->ctx, (int)msg->type, sealed_member(container,
	    label), key, known) : e;
}

enum fluffy_error
open_under_secret(fluffy_store *s, struct fluffy_msg *msg, void *container,
    int label, uint64_t now, struct secret *secret)
{
	const struct sealed *sealed = sealed_member(container, label);
	enum fluffy_error e;
	bool known;

	/* who sends what won't open isn't to learn which kids there are */
	e = store_secret_find(s, sealed->kid, secret, &known);
	known &= secret_opens(s, secret, now);
	if (e == FLUFFY_OK)
		e = open_sealed(s, msg, container, label, &secret->key, known);
	if (e == FLUFFY_OK)
		e = store_secret_owner(s, secret);
	if (e != FLUFFY_OK)
		secret_wipe(secret);
	return e;
}

/* ---- receiving -------------------------------------------------------------------- */

struct step
step_begin(fluffy_store *s, struct fluffy_msg *msg)
{
	return (struct step){ .s = s, .msg = msg, .type = msg->type,
		.now = fluffy_now(s->ctx) };
}

void
step_end(struct step *step)
{
	secret_wipe(&step->secret);
	session_wipe(&step->session);
}

enum fluffy_error
check_receiver(const struct step *step, bool takes, const char *text)
{
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e = takes ? FLUFFY_OK :
	    fluffy_fail_at(ctx, FLUFFY_E_UNEXPECTED,
	    fluffy_type_name((enum fluffy_type)step->type), "%s", text);

	if (step->s->judging)
		ctx_checked(ctx, step->type, "receiver", e);
	return e;
}

static void
tell_check(const struct step *step, const struct check *check,
    enum fluffy_error e)
{
	const char *const names[] = {
		[OPENING_KID] = check->opens == OPENS_BY_KID ? "kid" : NULL,
		[OPENING_SEAL] = check->name,
		[OPENING_PLAINTEXT] = "plaintext",
		[OPENING_CKSUM] = "cksum"
	};
	const fluffy_ctx *ctx = step->s->ctx;
	size_t n = sizeof(names) / sizeof(names[0]), failed = ctx->opening;

	if (step->idle)
		return;
	if (!step->s->judging || check->opens == OPENS_NOTHING) {
		ctx_checked(ctx, step->type, check->name, e);
		return;
	}
	if (e == FLUFFY_END)
		failed = OPENING_KID;
	else if (e == FLUFFY_OK)
		n = failed + 1; /* what is behind wasn't there */
	ctx_checked_all(ctx, step->type, names, n, failed, e);
}

enum fluffy_error
run_checks(struct step *step, const struct check *checks, size_t n)
{
	enum fluffy_error e = FLUFFY_OK;
	size_t i;

	for (i = 0; i < n && e == FLUFFY_OK; i++) {
		step->s->ctx->opening = OPENING_SEAL;
		step->idle = false;
		e = checks[i].run(step);
		tell_check(step, &checks[i], e);
	}
	if (!step->s->judging)
		return e;
	step->idle = false;
	for (; i < n; i++)
		tell_check(step, &checks[i], FLUFFY_END);
	return e == FLUFFY_OK ? FLUFFY_END : e;
}

enum fluffy_error
check_kty(struct step *step)
{
	int64_t kty = step->msg->body->kty;

	if (kty == KTY_SYMM)
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "req-body.kty",
	    FLUFFY_E_BAD_ETYPE, "expected SYMM (%d), found %lld", KTY_SYMM,
	    (long long)kty);
}

static void
put_algs(struct buffer *b, const char *who, const struct tokens *algs)
{
	uint8_t i;

	buffer_adds(b, who);
	if (algs->n == 0)
		buffer_adds(b, " any content encryption");
	for (i = 0; i < algs->n; i++) {
		const char *word = word_of(R_ALG, algs->v[i]);

		buffer_adds(b, i == 0 ? " " : ",");
		if (word != NULL)
			buffer_adds(b, word);
		else
			buffer_addf(b, "%lld", (long long)algs->v[i]);
	}
}

enum fluffy_error
refuse_etype(const struct step *step, const struct tokens *client,
    const struct tokens *service)
{
	struct buffer b = BUFFER(4 * REASON_TEXT);
	enum fluffy_error e;

	put_algs(&b, "none of", &step->msg->body->etype);
	put_algs(&b, " suits all: the SKDC takes", &step->s->etypes);
	put_algs(&b, ", the client", client);
	if (service != NULL)
		put_algs(&b, ", the service", service);
	e = refuse(step->s->ctx, step->msg, "req-body.etype",
	    FLUFFY_E_BAD_ETYPE, "%.*s", (int)b.n, (const char *)b.p);
	buffer_free(&b);
	return e;
}

enum fluffy_error
check_part_seal(struct step *step, int label)
{
	enum fluffy_error e;

	e = open_under_secret(step->s, step->msg, step->msg, label,
	    step->now, &step->secret);
	if (e == FLUFFY_OK)
		step->part = sealed_member(step->msg, label)->plain;
	return e;
}

enum fluffy_error
check_receipt_seal(struct step *step)
{
	return check_part_seal(step, L_receipt);
}

enum fluffy_error
check_ack_under_secret(struct step *step)
{
	return check_part_seal(step, L_ack);
}

enum fluffy_error
check_pending(struct step *step, const char *place, enum fluffy_type type)
{
	enum fluffy_error e = store_pending(step->s, step->part->nonce,
	    &step->pending);

	if (e == FLUFFY_E_NOT_FOUND || (e == FLUFFY_OK &&
	    step->pending.type != type))
		return refuse(step->s->ctx, step->msg, place,
		    FLUFFY_E_REPLAY, "no request waits for it");
	return e;
}

enum fluffy_error
check_asked_alg(struct step *step)
{
	const struct tokens *asked = &step->pending.etypes;
	const struct keydata *k = step->part->keydata;
	const struct tokens found = { .v = { k->alg }, .n = 1 };
	struct buffer b = BUFFER(REASON_TEXT);
	enum fluffy_error e;
	uint8_t i;

	if (k->kty != step->pending.kty)
		return refuse(step->s->ctx, step->msg, "receipt.keydata.kty",
		    FLUFFY_E_BAD_ETYPE, "expected %lld, found %lld",
		    (long long)step->pending.kty, (long long)k->kty);
	for (i = 0; i < asked->n; i++)
		if (asked->v[i] == k->alg)
			return FLUFFY_OK;
	put_algs(&b, "asked for was", asked);
	put_algs(&b, ", found", &found);
	e = refuse(step->s->ctx, step->msg, "receipt.keydata.alg",
	    FLUFFY_E_BAD_ETYPE, "%.*s", (int)b.n, (const char *)b.p);
	buffer_free(&b);
	return e;
}

enum fluffy_error
check_mticket_skdc(struct step *step)
{
	const struct mticket *t = step->msg->mticket;
	const struct party *party = &step->s->party;
	enum fluffy_error e;

	e = check_skdc(step->s->ctx, step->msg, "mticket.skdcrealm",
	    t->skdcrealm, name_bytes(&party->skdcrealm));
	if (e == FLUFFY_OK)
		e = check_skdc(step->s->ctx, step->msg, "mticket.skdcname",
		    t->skdcname, name_bytes(&party->skdcname));
	return e;
}

/* ---- session keys ----------------------------------------------------------------- */

enum fluffy_error
session_of(struct step *step, const char *place, const struct part *part,
    struct bytes realm, struct bytes peer)
{
	struct session *session = &step->session;
	const struct keydata *k = part->keydata;

	step->key_at = place;
	session->keyid.n = (uint8_t)k->keyid.n;
	memcpy(session->keyid.b, k->keyid.p, k->keyid.n);
	/* of a pair that is all that a session has */
	session->key.alg = k->alg;
	session->key.n = (uint8_t)k->key.n;
	if (k->key.n > 0)
		memcpy(session->key.b, k->key.p, k->key.n);
	session->authtime = part->authtime;
	session->endtime = part->endtime;
	session->pac = HAS(part, L_grppac) ? part->grppac : part->cpac;
	if (name_set(&session->peer, peer) &&
	    (realm.n == 0 || name_set(&session->realm, realm)))
		return FLUFFY_OK;
	return fluffy_fail(step->s->ctx, FLUFFY_E_INTERNAL, NULL,
	    "a name that doesn't fit");
}

/* It is what it says, and its certificate is for it. */
enum fluffy_error
check_pair(struct step *step, const char *place, const struct keydata *k,
    uint64_t *not_after)
{
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e = pkey_check(ctx, k);
	int label = L_key;
	char at[64];

	*not_after = 0;
	if (e == FLUFFY_OK)
		e = cert_check(ctx, k, &label, not_after);
	if (e != FLUFFY_E_MALFORMED)
		return e;
	(void)snprintf(at, sizeof(at), "%s.keydata.%s", place,
	    label_name(label));
	return refuse(ctx, step->msg, at, e, "%s", fluffy_why(ctx).text);
}

enum fluffy_error
check_endtime(struct step *step)
{
	const struct session *session = &step->session;
	char member[64], when[24];

	if (policy_key_good(step->now, session->authtime, session->endtime))
		return FLUFFY_OK;
	(void)snprintf(member, sizeof(member), "%s.endtime", step->key_at);
	if (step->now < session->endtime)
		return refuse(step->s->ctx, step->msg, member,
		    FLUFFY_E_EXPIRED, "%llu isn't after authtime, %llu",
		    (unsigned long long)session->endtime,
		    (unsigned long long)session->authtime);
	return refuse(step->s->ctx, step->msg, member, FLUFFY_E_EXPIRED,
	    "the key ended %llu s ago, at %s",
	    (unsigned long long)(step->now - session->endtime),
	    fluffy_time_text(session->endtime, when));
}

enum fluffy_error
check_deleted(struct step *step)
{
	enum fluffy_error e;
	char member[64];
	bool gone;

	(void)snprintf(member, sizeof(member), "%s.keydata.keyid",
	    step->key_at);
	e = store_gone(step->s, keyid_bytes(&step->session.keyid), &gone);
	if (e == FLUFFY_OK && gone)
		e = refuse(step->s->ctx, step->msg, member,
		    FLUFFY_E_NO_SUCH_KEY, "the key was deleted");
	return e;
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

/* ---- freshness ---------------------------------------------------------------------- */

/* GSK-REQ calls its sender a service; a key envelope is no authenticator. */
static int
time_label(const struct part *part)
{
	return HAS(part, L_ctime) ? L_ctime :
	    HAS(part, L_sptime) ? L_sptime : L_authtime;
}

static uint64_t
request_time(const struct part *part)
{
	int label = time_label(part);

	return label == L_ctime ? part->ctime :
	    label == L_sptime ? part->sptime : part->authtime;
}

/* Which member it is that proves who sends. */
static int
proof_label(const struct fluffy_msg *msg)
{
	return HAS(msg, L_kenvelope) ? L_kenvelope : L_authenticator;
}

static const char *
proof_name(const struct step *step)
{
	return label_name(proof_label(step->msg));
}

/* Section 6, Replay: what was seen before the clock was set back? */
enum fluffy_error
check_clock(struct step *step)
{
	const fluffy_store *s = step->s;

	if (!policy_clock_behind(step->now, s->max_now,
	    policy_skew(s->skew)))
		return FLUFFY_OK;
	return refuse(s->ctx, step->msg, proof_name(step), FLUFFY_E_BUSY,
	    "the clock here is %llu s behind what it was, more than the skew "
	    "of %llu s", (unsigned long long)(s->max_now - step->now),
	    (unsigned long long)policy_skew(s->skew));
}

static enum fluffy_error
refuse_time(const struct step *step, uint64_t time, uint64_t skew)
{
	uint64_t now = step->now;
	char at[64], when[24];

	(void)snprintf(at, sizeof(at), "%s.%s", proof_name(step),
	    label_name(time_label(step->part)));
	if (policy_time_fits(now, time, skew))
		return refuse(step->s->ctx, step->msg, at,
		    FLUFFY_E_CLOCK_SKEW, "what was seen then is forgotten");
	return refuse(step->s->ctx, step->msg, at, FLUFFY_E_CLOCK_SKEW,
	    "%s is %llu s %s; the skew is %llu s",
	    fluffy_time_text(time, when),
	    (unsigned long long)(now > time ? now - time : time - now),
	    now > time ? "ago" : "ahead", (unsigned long long)skew);
}

enum fluffy_error
check_time(struct step *step)
{
	const fluffy_store *s = step->s;
	uint64_t time, skew = policy_skew(s->skew);

	step->idle = step->part == NULL;
	if (step->idle)
		return FLUFFY_OK;
	time = request_time(step->part);
	/* what may have been seen and forgotten isn't new, whatever the clock */
	if (policy_time_fits(step->now, time, skew) &&
	    policy_remember_until(time, skew) > s->forgotten)
		return FLUFFY_OK;
	return refuse_time(step, time, skew);
}

enum fluffy_error
check_nonce(struct step *step)
{
	fluffy_store *s = step->s;
	const struct keyid *kid = step->session.keyid.n > 0 ?
	    &step->session.keyid : &step->secret.kid;
	enum fluffy_error e;

	step->idle = step->part == NULL;
	if (step->idle)
		return FLUFFY_OK;
	e = store_nonce(s, keyid_bytes(kid), step->part->nonce,
	    policy_remember_until(request_time(step->part),
	    policy_skew(s->skew)));
	if (e == FLUFFY_OK)
		store_acted_at(s, step->now);
	if (e == FLUFFY_E_REPLAY)
		e = refuse(s->ctx, step->msg, proof_label(step->msg) ==
		    L_kenvelope ? "kenvelope.nonce" : "authenticator.nonce",
		    FLUFFY_E_REPLAY, "was seen before");
	return e;
}

/* ---- requests ------------------------------------------------------------------------- */

enum fluffy_error
check_request_skdc(struct step *step)
{
	const struct req_body *body = step->msg->body;
	const struct party *party = &step->s->party;
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	/* GSK-DELT doesn't say whom it asks */
	step->idle = body == NULL;
	if (step->idle)
		return FLUFFY_OK;
	e = check_skdc(ctx, step->msg, "req-body.skdcrealm",
	    REALM(body, skdcrealm, L_skdcrealm, name_bytes(&party->realm)),
	    name_bytes(&party->realm));
	if (e == FLUFFY_OK)
		e = check_skdc(ctx, step->msg, "req-body.skdcname",
		    body->skdcname, name_bytes(&party->name));
	return e;
}

enum fluffy_error
check_request_seal(struct step *step)
{
	return check_part_seal(step, proof_label(step->msg));
}

/* A sender is a client, or a service; GSK-DELT names it in clear alone. */
enum fluffy_error
check_request_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct part *part = step->part;
	const struct {
		const char *realm_at, *name_at;
		struct bytes realm, name;
	} forms[] = {
		{ "authenticator.crealm", "authenticator.cname",
		    part->crealm, part->cname },
		{ "authenticator.sprealm", "authenticator.spname",
		    part->sprealm, part->spname },
		{ "sprealm", "spname", msg->sprealm, msg->spname }
	}, *form = &forms[HAS(part, L_cname) ? 0 : HAS(part, L_spname) ? 1 : 2];
	enum fluffy_error e;

	e = check_name(step->s->ctx, msg, form->realm_at, form->realm,
	    name_bytes(&step->s->party.realm));
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, msg, form->name_at, form->name,
		    name_bytes(&step->secret.owner));
	return e;
}

/*
 * Section 9: a valid message under a new key ends the older ones, even if it
 * is then refused.
 */
enum fluffy_error
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

enum fluffy_error
accept_proof(struct step *step)
{
	step->verified = true;
	if (step->s->broken)
		return fluffy_fail(step->s->ctx, FLUFFY_E_INTERNAL, NULL,
		    "the store failed");
	return drop_older(step->s, &step->secret);
}

/* ---- who a key is for ------------------------------------------------------------- */

/* PKP-REQ may ask for nobody else. */
static bool
for_service(const struct step *step)
{
	return HAS(step->msg->body, L_spname);
}

enum fluffy_error
find_parties(struct step *step)
{
	const struct req_body *body = step->msg->body;
	struct bytes realm = name_bytes(&step->s->party.realm);
	enum fluffy_error e;

	e = store_device(step->s, name_bytes(&step->secret.owner),
	    &step->client);
	if (e != FLUFFY_OK || !for_service(step) ||
	    !bytes_eq(REALM(body, sprealm, L_sprealm, realm), realm))
		return e;
	e = store_device(step->s, body->spname, &step->service);
	step->enrolled = e == FLUFFY_OK;
	return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
}

enum fluffy_error
check_service(struct step *step)
{
	const struct req_body *body = step->msg->body;
	struct bytes home = name_bytes(&step->s->party.realm);
	struct bytes name = body->spname;

	step->idle = !for_service(step);
	if (step->idle || step->enrolled)
		return FLUFFY_OK;
	if (check_name(step->s->ctx, step->msg, "req-body.sprealm",
	    REALM(body, sprealm, L_sprealm, home), home) != FLUFFY_OK)
		return step->s->ctx->code = FLUFFY_E_UNKNOWN_SERVICE;
	return refuse(step->s->ctx, step->msg, "req-body.spname",
	    FLUFFY_E_UNKNOWN_SERVICE, "\"%.*s\" isn't enrolled", (int)name.n,
	    (const char *)name.p);
}

enum fluffy_error
check_permission(struct step *step, size_t cpac_max)
{
	enum fluffy_error e = FLUFFY_OK;
	bool denied = false;

	if (step->msg->body->cpac.n > cpac_max)
		return refuse(step->s->ctx, step->msg, "req-body.cpac",
		    FLUFFY_E_NOT_PERMITTED,
		    "over %zu bytes can't be handed on", cpac_max);
	if (for_service(step))
		e = store_denied(step->s, name_bytes(&step->secret.owner),
		    step->msg->body->spname, &denied);
	if (e == FLUFFY_OK && denied)
		e = refuse(step->s->ctx, step->msg, "req-body.spname",
		    FLUFFY_E_NOT_PERMITTED, "denied to this client");
	return e;
}

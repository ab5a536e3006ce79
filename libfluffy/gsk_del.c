/*
 * gsk_del.c - GSK-DELT and GSK-DELC (draft, section 6), both ends
 */
#include "exchange.h"
#include "group.h"
#include "policy.h"

/* ---- owner: GSK-DELT ------------------------------------------------------------ */

struct delt_asking {
	const char *group, *realm;
};

static enum fluffy_error
fill_delt(fluffy_store *s, struct fluffy_msg *msg, struct part *part,
    struct pending *pending, const void *arg)
{
	const struct delt_asking *asking = arg;
	struct keydata *k;
	enum fluffy_error e;

	e = store_group_newest(s, group_realm(s, bytes_str(asking->realm)),
	    bytes_str(asking->group), &pending->keyid);
	if (e == FLUFFY_E_NOT_FOUND)
		return fluffy_fail(s->ctx, e, NULL,
		    "no key of the group \"%s\" is here: fetch it, or "
		    "renew it if it has ended", asking->group);
	if (e != FLUFFY_OK)
		return e;
	k = keydata_refer(msg, keyid_bytes(&pending->keyid));
	PUT_BYTES(msg, msg, sprealm, L_sprealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, spname, L_spname, name_bytes(&s->party.name));
	if (asking->realm != NULL)
		PUT_BYTES(msg, part, mcastrealm, L_mcastrealm,
		    bytes_str(asking->realm));
	PUT_BYTES(msg, part, mcastname, L_mcastname,
	    bytes_str(asking->group));
	PUT(part, keydata, L_keydata, k);
	remember_group(pending, asking->realm, asking->group);
	return k == NULL ? fluffy_fail_memory(s->ctx) : FLUFFY_OK;
}

enum fluffy_error
fluffy_gsk_delete(fluffy_store *s, const char *group, const char *realm,
    fluffy_msg **out)
{
	static const fluffy_extras none;
	const struct delt_asking delt = { .group = group, .realm = realm };
	const struct asking asking = { .type = FLUFFY_GSK_DELT,
	    .sealed = L_kenvelope, .extras = &none, .fill = fill_delt,
	    .params = &delt };
	enum fluffy_error e;

	*out = NULL;
	if ((e = request_name(s, "group", group, false)) != FLUFFY_OK ||
	    (e = request_name(s, "realm", realm, true)) != FLUFFY_OK)
		return e;
	return request_make(s, &asking, out);
}

/* ---- SKDC: answers GSK-DELT -------------------------------------------------------- */

static bool
is_owner(const struct step *step)
{
	return bytes_eq(name_bytes(&step->secret.owner),
	    name_bytes(&step->group->group.owner));
}

static bool
is_current(const struct step *step)
{
	return bytes_eq(step->part->keydata->keyid,
	    keyid_bytes(&step->group->group.keyid));
}

/*
 * The owner may ask again when all is deleted; to anybody else a deleted group
 * isn't there any more.
 */
static enum fluffy_error
check_delt_group(struct step *step)
{
	const struct part *part = step->part;
	enum fluffy_error e;

	e = group_find_for(step, REALM(part, mcastrealm, L_mcastrealm,
	    name_bytes(&step->s->party.realm)), part->mcastname);
	if (e != FLUFFY_OK || step->group->exists ||
	    (step->group->group.over && is_owner(step) && is_current(step)))
		return e;
	return refuse(step->s->ctx, step->msg, "kenvelope.mcastname",
	    FLUFFY_E_NO_SUCH_GROUP, "isn't here");
}

static enum fluffy_error
check_delt_owner(struct step *step)
{
	if (is_owner(step))
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "kenvelope.mcastname",
	    FLUFFY_E_NOT_OWNER, "belongs to another");
}

static enum fluffy_error
check_delt_key(struct step *step)
{
	if (is_current(step))
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "kenvelope.keydata.keyid",
	    FLUFFY_E_NO_SUCH_KEY, "isn't the group's current key");
}

static const struct check gsk_delt_checks[] = {
	REQUEST_CHECKS,
	{ "group", check_delt_group },
	{ "owner", check_delt_owner },
	{ "key", check_delt_key }
};

/* One PSK-DELT per holder that is missing, or else that it is done. */
static enum fluffy_error
tell_missing(const struct step *step, fluffy_msgs *out)
{
	struct group *g = &step->group->group;
	struct deletion *missing;
	enum fluffy_error e;
	size_t n;

	e = store_missing_of_group(step->s, &step->group->arena, g->id,
	    name_bytes(&g->owner), step->now, &missing, &n);
	if (e == FLUFFY_OK && n > 0)
		return psk_delts_make(step->s, missing, n, step->now, out);
	if (e == FLUFFY_OK)
		e = group_settle(step->s, g, step->now);
	return e == FLUFFY_OK ? gsk_delc_make(step->s, g, step->now, out) : e;
}

static enum fluffy_error
delete_group(struct step *step)
{
	struct group *g = &step->group->group;

	/* GSK-DELC carries the last one's nonce, and a realm as it had one */
	g->delt = step->part->nonce;
	g->delt_realm = HAS(step->part, L_mcastrealm);
	return g->state == GROUP_LIVE ?
	    group_delete(step->s, g, step->now) : store_group_set(step->s, g);
}

enum fluffy_error
gsk_delt_answer(struct step *step, fluffy_msgs *out)
{
	struct group_step g;
	enum fluffy_error e;

	memset(&g, 0, sizeof(g));
	step->group = &g;
	e = RUN_CHECKS(step, gsk_delt_checks);
	if (e == FLUFFY_OK)
		e = delete_group(step);
	if (e == FLUFFY_OK)
		e = tell_missing(step, out);
	group_step_end(&g);
	step->group = NULL;
	return e;
}

/* ---- SKDC: GSK-DELC ------------------------------------------------------------------ */

static enum fluffy_error
fill_delc(fluffy_store *s, struct fluffy_msg *msg, const struct group *g,
    uint64_t now, const struct secret *secret)
{
	struct part *part = seal_part(msg, msg, L_ack);
	uint8_t iv[IV_MAX];
	enum fluffy_error e = ctx_random(s->ctx, iv, sizeof(iv));

	if (part == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, msg, sprealm, L_sprealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, spname, L_spname, name_bytes(&g->owner));
	PUT_BYTES(msg, part, mcastname, L_mcastname, name_bytes(&g->name));
	if (g->delt_realm)
		PUT_BYTES(msg, part, mcastrealm, L_mcastrealm,
		    name_bytes(&g->realm));
	PUT_BYTES(msg, part, nonce, L_nonce, g->delt);
	PUT(part, authtime, L_authtime, now);
	return e == FLUFFY_OK ? seal_under_secret(s, msg, msg, L_ack, part,
	    secret, iv, false) : e;
}

enum fluffy_error
gsk_delc_make(fluffy_store *s, const struct group *g, uint64_t now,
    fluffy_msgs *out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_GSK_DELC), *done;
	struct secret secret;
	enum fluffy_error e;

	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	e = sealing_secret(s, name_bytes(&g->owner), now, &secret);
	if (e == FLUFFY_E_NOT_FOUND) {
		/* no key to tell it under: it can ask when it has one */
		fluffy_msg_free(&msg);
		return FLUFFY_OK;
	}
	if (e == FLUFFY_OK)
		e = fill_delc(s, msg, g, now, &secret);
	secret_wipe(&secret);
	e = message_finish(s->ctx, e, &msg, &done);
	return e == FLUFFY_OK ? msgs_add(s->ctx, out, &done) : e;
}

/* ---- owner: takes GSK-DELC -------------------------------------------------------------- */

static enum fluffy_error
check_delc_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct party *party = &step->s->party;
	enum fluffy_error e;

	e = check_name(step->s->ctx, msg, "sprealm", REALM(msg, sprealm,
	    L_sprealm, name_bytes(&party->realm)), name_bytes(&party->realm));
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, msg, "spname", msg->spname,
		    name_bytes(&party->name));
	return e;
}

static enum fluffy_error
check_delc_pending(struct step *step)
{
	enum fluffy_error e;

	e = check_pending(step, "ack.nonce", FLUFFY_GSK_DELT);
	return e == FLUFFY_OK ? check_asked_group(step, "ack.mcastrealm",
	    "ack.mcastname") : e;
}

static const struct check gsk_delc_checks[] = {
	{ "seal", check_ack_under_secret, OPENS_BY_KID },
	{ "names", check_delc_names },
	{ "pending", check_delc_pending }
};

/* The owner's own copies go last (section 6). */
static enum fluffy_error
forget_group(const struct step *step)
{
	const struct pending *p = &step->pending;
	const struct group_end end = {
	    .realm = group_realm(step->s, name_bytes(&p->realm)),
	    .group = name_bytes(&p->service),
	    .keyid = keyid_bytes(&p->keyid), .asked = p->time,
	    .done = step->part->authtime };

	return store_group_forget(step->s, &end, policy_skew(step->s->skew));
}

enum fluffy_error
gsk_delc_take(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	const struct pending *p = &step->pending;
	enum fluffy_error e = RUN_CHECKS(step, gsk_delc_checks);

	(void)extras;
	(void)out;
	if (e == FLUFFY_OK)
		e = store_pending_remove(step->s, step->part->nonce);
	if (e == FLUFFY_OK)
		e = forget_group(step);
	if (e != FLUFFY_OK)
		return e;
	outcome->kind = FLUFFY_GROUP_DELETED;
	memcpy(outcome->peer, p->service.s, p->service.n);
	memcpy(outcome->keyid, p->keyid.b, p->keyid.n);
	outcome->keyid_len = p->keyid.n;
	return FLUFFY_OK;
}

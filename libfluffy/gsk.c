/*
 * gsk.c - GSK-REQ and GSK-REP, GSK-FET and GSK-DLVR (draft, section 5), both
 * ends
 */
#include "decode.h"
#include "group.h"
#include "policy.h"

/* ---- owner: GSK-REQ ------------------------------------------------------------ */

struct gsk_asking {
	const fluffy_gsk_params *params;
	struct tokens etypes;
};

static enum fluffy_error
put_grppac(fluffy_store *s, struct fluffy_msg *msg, struct req_body *body,
    const fluffy_gsk_params *params)
{
	const char *broken;

	if (params->grppac != NULL) {
		enum fluffy_error e = put_json(s->ctx, msg, &body->head,
		    &body->grppac, L_grppac, params->grppac);
		struct grppac wish;

		if (e == FLUFFY_OK && (broken = grppac_read(body->grppac,
		    NULL, &wish)) != NULL)
			e = fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "grppac",
			    "%s", broken);
		return e;
	}
	if (params->members == NULL && params->lifetime == 0)
		return FLUFFY_OK;
	if (params->lifetime > UINT64_C(9007199254740991))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "lifetime",
		    "at most 2^53-1");
	if (!grppac_write(&msg->arena, params->members, params->lifetime,
	    &body->grppac))
		return msg->arena.failed ? fluffy_fail_memory(s->ctx) :
		    fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "members",
		    "expected \"any\", or names with commas between them");
	SET(body, L_grppac);
	return FLUFFY_OK;
}

struct bytes
group_realm(const fluffy_store *s, struct bytes realm)
{
	return bytes_eq(realm, name_bytes(&s->party.skdcrealm)) ?
	    bytes_of(NULL, 0) : realm;
}

/* What was checked fits. */
void
remember_group(struct pending *pending, const char *realm, const char *group)
{
	(void)name_set(&pending->service, bytes_str(group));
	(void)name_set(&pending->realm, bytes_str(realm));
}

static void
put_group(struct fluffy_msg *msg, struct req_body *body, const char *realm,
    const char *group)
{
	if (realm != NULL)
		PUT_BYTES(msg, body, mcastrealm, L_mcastrealm,
		    bytes_str(realm));
	PUT_BYTES(msg, body, mcastname, L_mcastname, bytes_str(group));
}

#define OPTION_RENEW (1u << 2)

static enum fluffy_error
fill_request(fluffy_store *s, struct fluffy_msg *msg, struct part *part,
    struct pending *pending, const void *arg)
{
	const struct gsk_asking *asking = arg;
	const fluffy_gsk_params *params = asking->params;
	struct req_body *body = request_body(s, msg, pending, KTY_SYMM,
	    &asking->etypes);

	(void)part;
	if (body == NULL)
		return fluffy_fail_memory(s->ctx);
	if (params->renew)
		PUT(body, options, L_skdc_options, OPTION_RENEW);
	put_group(msg, body, params->realm, params->group);
	remember_group(pending, params->realm, params->group);
	return put_grppac(s, msg, body, params);
}

enum fluffy_error
fluffy_gsk_request(fluffy_store *s, const fluffy_gsk_params *params,
    fluffy_msg **out)
{
	struct gsk_asking gsk = { .params = params };
	const struct asking asking = { .type = FLUFFY_GSK_REQ,
	    .sealed = L_authenticator, .extras = &params->extras,
	    .fill = fill_request, .params = &gsk };
	enum fluffy_error e;

	*out = NULL;
	if (params->grppac != NULL &&
	    (params->members != NULL || params->lifetime != 0))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "grppac",
		    "stands for members and lifetime");
	if ((e = request_name(s, "group", params->group, false)) !=
	    FLUFFY_OK ||
	    (e = request_name(s, "realm", params->realm, true)) !=
	    FLUFFY_OK ||
	    (e = request_etypes(s, params->etype, &gsk.etypes)) != FLUFFY_OK)
		return e;
	return request_make(s, &asking, out);
}

/* ---- member: GSK-FET ------------------------------------------------------------- */

static enum fluffy_error
fill_fetch(fluffy_store *s, struct fluffy_msg *msg, struct part *part,
    struct pending *pending, const void *arg)
{
	const fluffy_fetch_params *params = arg;
	struct req_body *body = request_body(s, msg, pending, 0, NULL);
	size_t n = params->keyid_len;

	(void)part;
	if (body == NULL)
		return fluffy_fail_memory(s->ctx);
	put_group(msg, body, params->realm, params->group);
	remember_group(pending, params->realm, params->group);
	if (n > 0) {
		PUT_BYTES(msg, body, keyid, L_keyid,
		    bytes_of(params->keyid, n));
		memcpy(pending->keyid.b, params->keyid, n);
		pending->keyid.n = (uint8_t)n;
	}
	return FLUFFY_OK;
}

enum fluffy_error
fluffy_gsk_fetch(fluffy_store *s, const fluffy_fetch_params *params,
    fluffy_msg **out)
{
	const struct asking asking = { .type = FLUFFY_GSK_FET,
	    .sealed = L_authenticator, .extras = &params->extras,
	    .fill = fill_fetch, .params = params };
	enum fluffy_error e;

	*out = NULL;
	if ((e = request_name(s, "group", params->group, false)) !=
	    FLUFFY_OK ||
	    (e = request_name(s, "realm", params->realm, true)) != FLUFFY_OK)
		return e;
	if (params->keyid_len > KEYID_MAX)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "keyid",
		    "at most %d bytes", KEYID_MAX);
	return request_make(s, &asking, out);
}

/* ---- SKDC: what both requests need ------------------------------------------------ */

static struct bytes
asker(const struct step *step)
{
	return name_bytes(&step->secret.owner);
}

static enum fluffy_error
find_group(struct step *step)
{
	const struct req_body *body = step->msg->body;

	return group_find_for(step, REALM(body, mcastrealm, L_mcastrealm,
	    name_bytes(&step->s->party.realm)), body->mcastname);
}

static enum fluffy_error
refuse_group(struct step *step, enum fluffy_error code, const char *why)
{
	const struct req_body *body = step->msg->body;
	struct bytes group = body->mcastname, who = asker(step);
	struct bytes realm = REALM(body, mcastrealm, L_mcastrealm, BYTES(""));

	return refuse(step->s->ctx, step->msg, "req-body.mcastname", code,
	    "%s (\"%.*s%s%.*s\", asked by \"%.*s\")", why, (int)group.n,
	    (const char *)group.p, realm.n > 0 ? "\" of realm \"" : "",
	    (int)realm.n, (const char *)realm.p, (int)who.n,
	    (const char *)who.p);
}

static enum fluffy_error
put_receipt(struct step *step, struct fluffy_msg *msg)
{
	const struct party *party = &step->s->party;
	const struct req_body *body = step->msg->body;
	const struct group_step *g = step->group;
	fluffy_ctx *ctx = step->s->ctx;
	struct part *part = seal_part(msg, msg, L_receipt);
	uint8_t iv[IV_MAX];
	enum fluffy_error e;

	if (part == NULL)
		return fluffy_fail_memory(ctx);
	PUT_BYTES(msg, part, skdcrealm, L_skdcrealm,
	    name_bytes(&party->realm));
	PUT_BYTES(msg, part, skdcname, L_skdcname, name_bytes(&party->name));
	/* an optional realm exactly when the request has it (section 2) */
	if (HAS(body, L_mcastrealm))
		PUT_BYTES(msg, part, mcastrealm, L_mcastrealm,
		    body->mcastrealm);
	PUT_BYTES(msg, part, mcastname, L_mcastname, body->mcastname);
	if (g->group.grppac.n > 0)
		PUT_BYTES(msg, part, grppac, L_grppac, g->group.grppac);
	PUT(part, authtime, L_authtime, step->now);
	PUT_BYTES(msg, part, nonce, L_nonce, step->part->nonce);
	PUT(part, endtime, L_endtime, g->key.endtime);
	PUT(part, keydata, L_keydata, keydata_make(msg, &keydata_session,
	    keyid_bytes(&g->key.keyid), &g->key.key));
	e = msg->arena.failed ? fluffy_fail_memory(ctx) :
	    ctx_random(ctx, iv, sizeof(iv));
	if (e == FLUFFY_OK)
		e = seal_under_secret(step->s, msg, msg, L_receipt, part,
		    &step->secret, iv, false);
	return e;
}

/* GSK-REP speaks to a service, GSK-DLVR to a client. */
static enum fluffy_error
make_answer(struct step *step, enum fluffy_type type, fluffy_msgs *out)
{
	struct bytes realm = name_bytes(&step->s->party.realm);
	fluffy_ctx *ctx = step->s->ctx;
	struct fluffy_msg *msg = message_new(type), *done;
	enum fluffy_error e;

	if (msg == NULL)
		return fluffy_fail_memory(ctx);
	if (type == FLUFFY_GSK_REP) {
		PUT_BYTES(msg, msg, sprealm, L_sprealm, realm);
		PUT_BYTES(msg, msg, spname, L_spname, asker(step));
	} else {
		PUT_BYTES(msg, msg, crealm, L_crealm, realm);
		PUT_BYTES(msg, msg, cname, L_cname, asker(step));
	}
	e = put_receipt(step, msg);
	if (e == FLUFFY_OK)
		e = check_emitted(ctx, msg);
	e = message_finish(ctx, e, &msg, &done);
	return e == FLUFFY_OK ? msgs_add(ctx, out, &done) : e;
}

/* The device that asks is now one that has the key. */
static enum fluffy_error
hand_out(struct step *step, enum fluffy_type type, fluffy_msgs *out)
{
	enum fluffy_error e = store_holder_add(step->s, &step->group->key,
	    asker(step));

	return e == FLUFFY_OK ? make_answer(step, type, out) : e;
}

static enum fluffy_error
find_asker(struct step *step)
{
	return store_device(step->s, asker(step), &step->group->device);
}

/* What both answers have around their own part. */
static enum fluffy_error
with_group(struct step *step, enum fluffy_error (*decide)(struct step *),
    enum fluffy_type type, fluffy_msgs *out)
{
	struct group_step g;
	enum fluffy_error e;

	memset(&g, 0, sizeof(g));
	step->group = &g;
	e = decide(step);
	if (e == FLUFFY_OK)
		e = hand_out(step, type, out);
	group_step_end(&g);
	step->group = NULL;
	return e;
}

/* ---- SKDC: GSK-REP ------------------------------------------------------------------ */

static enum fluffy_error
check_etype(struct step *step)
{
	struct group_step *g = step->group;
	const struct tokens *allowed[] = { &step->s->etypes,
	    &g->device.etypes };

	g->alg = policy_etype(&step->msg->body->etype, allowed, 2);
	if (g->alg != 0)
		return FLUFFY_OK;
	return refuse_etype(step, &g->device.etypes, NULL);
}

/* Section 6, Group: to whom the name belongs. */
static enum fluffy_error
check_name_free(struct step *step)
{
	const struct group_step *g = step->group;
	bool renew = (step->msg->body->options & OPTION_RENEW) != 0;
	enum fluffy_error e = find_group(step);

	if (e != FLUFFY_OK)
		return e;
	if (!g->exists)
		return !renew ? FLUFFY_OK : refuse_group(step,
		    FLUFFY_E_NO_SUCH_GROUP, "there is nothing to renew");
	if (g->group.state == GROUP_DELETING)
		return refuse_group(step, FLUFFY_E_GROUP_DELETING,
		    "not all copies of its key are deleted yet");
	if (!renew)
		return refuse_group(step, FLUFFY_E_GROUP_EXISTS,
		    "the name is taken");
	if (!bytes_eq(asker(step), name_bytes(&g->group.owner)))
		return refuse_group(step, FLUFFY_E_NOT_OWNER,
		    "belongs to another");
	return FLUFFY_OK;
}

/* One device can't fill the store, nor make an answer without end. */
static enum fluffy_error
check_room(struct step *step)
{
	const struct group_step *g = step->group;
	enum fluffy_error e;
	uint64_t n;

	if (g->exists) {
		e = store_group_keys_count(step->s, g->group.id, step->now,
		    &n);
		return e != FLUFFY_OK || n < GROUP_KEYS_MAX ? e :
		    refuse_group(step, FLUFFY_E_NOT_PERMITTED,
		    "too many of its keys haven't ended");
	}
	e = store_groups_count(step->s, asker(step), step->now, &n);
	return e != FLUFFY_OK || n < GROUPS_MAX ? e : refuse_group(step,
	    FLUFFY_E_NOT_PERMITTED, "too many groups of one owner");
}

/* The operator has the last word; an answer has to have room for grppac. */
static enum fluffy_error
check_group_policy(struct step *step)
{
	const struct req_body *body = step->msg->body;
	fluffy_store *s = step->s;
	enum fluffy_error e;
	int verdict;

	if (body->grppac.n > GRPPAC_MAX)
		return refuse(s->ctx, step->msg, "req-body.grppac",
		    FLUFFY_E_NOT_PERMITTED, "over %d bytes can't be handed on",
		    GRPPAC_MAX);
	e = store_verdict(s, REALM(body, mcastrealm, L_mcastrealm,
	    name_bytes(&s->party.realm)), body->mcastname, asker(step),
	    &verdict);
	if (e == FLUFFY_OK && verdict == FLUFFY_FORBID)
		e = refuse_group(step, FLUFFY_E_NOT_PERMITTED,
		    "forbidden to this device");
	return e == FLUFFY_OK ? check_room(step) : e;
}

static const struct check gsk_req_checks[] = {
	REQUEST_CHECKS,
	{ NULL, find_asker },
	{ "kty", check_kty },
	{ "etype", check_etype },
	{ "group", check_name_free },
	{ "policy", check_group_policy }
};

/* A renewal without grppac keeps the old one. */
static enum fluffy_error
take_wish(struct step *step, bool *changed)
{
	const struct req_body *body = step->msg->body;
	struct group_step *g = step->group;

	*changed = HAS(body, L_grppac);
	if (!*changed)
		return FLUFFY_OK;
	if (grppac_read(body->grppac, &g->arena, &g->wish) != NULL)
		return fluffy_fail_memory(step->s->ctx);
	g->group.any = g->wish.any;
	g->group.grppac = body->grppac;
	return FLUFFY_OK;
}

static enum fluffy_error
name_members(struct step *step)
{
	const struct group_step *g = step->group;
	enum fluffy_error e = store_named_drop(step->s, g->group.id);
	size_t i;

	for (i = 0; i < g->wish.n_members && e == FLUFFY_OK; i++)
		e = store_named_add(step->s, g->group.id, g->wish.members[i]);
	return e;
}

static enum fluffy_error
new_group(struct step *step)
{
	const struct req_body *body = step->msg->body;
	struct group *g = &step->group->group;

	*g = (struct group){ .owner = step->secret.owner,
	    .state = GROUP_LIVE };
	if (name_set(&g->name, body->mcastname) &&
	    name_set(&g->realm, REALM(body, mcastrealm, L_mcastrealm,
	    name_bytes(&step->s->party.realm))))
		return FLUFFY_OK;
	return fluffy_fail(step->s->ctx, FLUFFY_E_INTERNAL, NULL,
	    "a name that doesn't fit");
}

static enum fluffy_error
decide_request(struct step *step)
{
	struct group_step *g = step->group;
	enum fluffy_error e = RUN_CHECKS(step, gsk_req_checks);
	bool changed = false;

	if (e == FLUFFY_OK && !g->exists)
		e = new_group(step);
	if (e == FLUFFY_OK)
		e = take_wish(step, &changed);
	if (e == FLUFFY_OK)
		e = group_new_key(step->s, &g->group, g->alg, step->now,
		    &g->key);
	return e == FLUFFY_OK && changed ? name_members(step) : e;
}

enum fluffy_error
gsk_answer(struct step *step, fluffy_msgs *out)
{
	return with_group(step, decide_request, FLUFFY_GSK_REP, out);
}

/* ---- SKDC: GSK-DLVR ------------------------------------------------------------------ */

/* Section 6: from GSK-DELT on, until all copies are gone. */
static enum fluffy_error
check_group_there(struct step *step)
{
	enum fluffy_error e = find_group(step);

	if (e == FLUFFY_OK && !step->group->exists)
		e = refuse_group(step, FLUFFY_E_NO_SUCH_GROUP, "isn't here");
	else if (e == FLUFFY_OK &&
	    step->group->group.state == GROUP_DELETING)
		e = refuse_group(step, FLUFFY_E_GROUP_DELETING,
		    "its key is being deleted");
	return e;
}

static enum fluffy_error
check_member(struct step *step)
{
	enum fluffy_error e;
	bool is;

	e = store_member(step->s, &step->group->group, asker(step), &is);
	if (e == FLUFFY_OK && !is)
		e = refuse_group(step, FLUFFY_E_NOT_PERMITTED,
		    "not a member");
	return e;
}

/* One that has ended, was deleted, or that this device has to delete. */
static enum fluffy_error
check_key_there(struct step *step)
{
	const struct req_body *body = step->msg->body;
	struct group_step *g = step->group;
	struct bytes keyid = HAS(body, L_keyid) ? body->keyid :
	    keyid_bytes(&g->group.keyid);
	enum fluffy_error e = store_group_key(step->s, keyid, &g->key);
	bool deleted = false;

	if (e == FLUFFY_OK)
		e = store_deletion_asked(step->s, keyid, asker(step),
		    &deleted);
	if (e != FLUFFY_OK && e != FLUFFY_E_NOT_FOUND)
		return e;
	if (e == FLUFFY_OK && g->key.group == g->group.id &&
	    g->key.key.n > 0 && !deleted && policy_key_good(step->now,
	    g->key.authtime, g->key.endtime))
		return FLUFFY_OK;
	return HAS(body, L_keyid) ? refuse(step->s->ctx, step->msg,
	    "req-body.keyid", FLUFFY_E_NO_SUCH_KEY, "not a key of the group "
	    "that can be had") : refuse_group(step, FLUFFY_E_NO_SUCH_KEY,
	    "its key has ended");
}

/* The operator may have said which algorithms this device is to use. */
static enum fluffy_error
check_fetch_etype(struct step *step)
{
	const struct group_step *g = step->group;
	const struct tokens alg = { .v = { g->key.key.alg }, .n = 1 };
	const struct tokens *allowed[] = { &g->device.etypes };

	if (policy_etype(&alg, allowed, 1) != 0)
		return FLUFFY_OK;
	return refuse_group(step, FLUFFY_E_BAD_ETYPE,
	    "its key's algorithm isn't one for this device");
}

static const struct check gsk_fet_checks[] = {
	REQUEST_CHECKS,
	{ NULL, find_asker },
	{ "group", check_group_there },
	{ "member", check_member },
	{ "key", check_key_there },
	{ "etype", check_fetch_etype }
};

static enum fluffy_error
decide_fetch(struct step *step)
{
	return RUN_CHECKS(step, gsk_fet_checks);
}

enum fluffy_error
gsk_fet_answer(struct step *step, fluffy_msgs *out)
{
	return with_group(step, decide_fetch, FLUFFY_GSK_DLVR, out);
}

/* ---- owner and members: take GSK-REP and GSK-DLVR --------------------------------------- */

static enum fluffy_error
check_key_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct party *party = &step->s->party;
	bool rep = msg->type == FLUFFY_GSK_REP;
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	if ((e = check_name(ctx, msg, rep ? "sprealm" : "crealm",
	    rep ? msg->sprealm : msg->crealm, name_bytes(&party->realm))) !=
	    FLUFFY_OK ||
	    (e = check_name(ctx, msg, rep ? "spname" : "cname",
	    rep ? msg->spname : msg->cname, name_bytes(&party->name))) !=
	    FLUFFY_OK ||
	    (e = check_name(ctx, msg, "receipt.skdcrealm",
	    step->part->skdcrealm, name_bytes(&party->skdcrealm))) !=
	    FLUFFY_OK)
		return e;
	return check_name(ctx, msg, "receipt.skdcname", step->part->skdcname,
	    name_bytes(&party->skdcname));
}

enum fluffy_error
check_asked_group(struct step *step, const char *realm_at,
    const char *name_at)
{
	const struct part *part = step->part;
	const struct pending *p = &step->pending;
	struct bytes own = name_bytes(&step->s->party.skdcrealm);
	enum fluffy_error e;

	e = check_name(step->s->ctx, step->msg, name_at, part->mcastname,
	    name_bytes(&p->service));
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, step->msg, realm_at,
		    REALM(part, mcastrealm, L_mcastrealm, own),
		    p->realm.n > 0 ? name_bytes(&p->realm) : own);
	return e;
}

static enum fluffy_error
check_key_pending(struct step *step)
{
	bool rep = step->msg->type == FLUFFY_GSK_REP;
	enum fluffy_error e;

	e = check_pending(step, "receipt.nonce",
	    rep ? FLUFFY_GSK_REQ : FLUFFY_GSK_FET);
	if (e == FLUFFY_OK)
		e = check_asked_group(step, "receipt.mcastrealm",
		    "receipt.mcastname");
	return e;
}

/* A fetch doesn't say which algorithm, but perhaps which key. */
static enum fluffy_error
check_key_asked(struct step *step)
{
	const struct part *receipt = step->part;
	const struct keyid *asked = &step->pending.keyid;
	enum fluffy_error e = FLUFFY_OK;

	if (step->msg->type == FLUFFY_GSK_REP)
		e = check_asked_alg(step);
	else if (asked->n > 0 && !bytes_eq(keyid_bytes(asked),
	    receipt->keydata->keyid))
		e = refuse(step->s->ctx, step->msg, "receipt.keydata.keyid",
		    FLUFFY_E_NO_SUCH_KEY, "not the one that was asked for");
	return e != FLUFFY_OK ? e : session_of(step, "receipt", receipt,
	    group_realm(step->s, receipt->mcastrealm), receipt->mcastname);
}

static const struct check gsk_key_checks[] = {
	{ "seal", check_receipt_seal, OPENS_BY_KID },
	{ "names", check_key_names },
	{ "pending", check_key_pending },
	{ "etype", check_key_asked },
	{ "endtime", check_endtime },
	{ "deleted", check_deleted }
};

/*
 * An owner that fetches a key of its group stays the owner.  A key that was
 * asked for by its keyid needn't be the current one, and isn't newer for being
 * had again.
 */
static enum fluffy_error
keep_key(struct step *step)
{
	struct session *session = &step->session, known;
	bool asked = step->pending.keyid.n > 0, owned = true;
	enum fluffy_error e = FLUFFY_OK;

	if (step->msg->type != FLUFFY_GSK_REP)
		e = store_group_owned(step->s, name_bytes(&session->realm),
		    name_bytes(&session->peer), &owned);
	if (e != FLUFFY_OK)
		return e;
	session->established = !asked;
	session->as = owned ? AS_OWNER : AS_MEMBER;
	if (asked) {
		e = store_session(step->s, keyid_bytes(&session->keyid),
		    session->as, &known);
		session_wipe(&known);
		if (e != FLUFFY_E_NOT_FOUND)
			return e;
	}
	return store_session_add(step->s, session);
}

enum fluffy_error
gsk_key_take(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e = RUN_CHECKS(step, gsk_key_checks);

	(void)extras;
	(void)out;
	if (e == FLUFFY_OK)
		e = store_pending_remove(step->s, step->part->nonce);
	if (e == FLUFFY_OK)
		e = keep_key(step);
	if (e == FLUFFY_OK)
		outcome_set(outcome, step->msg->type == FLUFFY_GSK_REP ?
		    FLUFFY_GROUP_CREATED : FLUFFY_GROUP_JOINED,
		    &step->session);
	return e;
}

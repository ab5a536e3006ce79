/*
 * psk_del.c - PSK-DELT and PSK-DELC (draft, section 4), both ends, for session
 * keys, group keys and key pairs alike
 */
#include "group.h"
#include "policy.h"

/* ---- SKDC: PSK-DELT ------------------------------------------------------------- */

/* All the randomness of a PSK-DELT. */
struct delt_random {
	uint8_t nonce[NONCE_SIZE];
	uint8_t iv[IV_MAX];
};

static enum fluffy_error
fill_delt(fluffy_store *s, struct fluffy_msg *msg, const struct deletion *d,
    uint64_t now, const struct secret *secret,
    const struct delt_random *random)
{
	struct part *part = seal_part(msg, msg, L_kenvelope);
	struct keydata *k = keydata_refer(msg, keyid_bytes(&d->keyid));

	if (part == NULL || k == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, msg, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&d->device));
	PUT_BYTES(msg, part, skdcrealm, L_skdcrealm,
	    name_bytes(&s->party.realm));
	PUT_BYTES(msg, part, skdcname, L_skdcname,
	    name_bytes(&s->party.name));
	PUT(part, authtime, L_authtime, now);
	PUT_BYTES(msg, part, nonce, L_nonce,
	    bytes_of(random->nonce, NONCE_SIZE));
	PUT(part, endtime, L_endtime, d->endtime);
	PUT(part, keydata, L_keydata, k);
	return seal_under_secret(s, msg, msg, L_kenvelope, part, secret,
	    random->iv, false);
}

static enum fluffy_error
delt_make(fluffy_store *s, const struct deletion *d, uint64_t now,
    fluffy_msgs *out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_DELT), *done;
	struct delt_random random;
	struct secret secret;
	enum fluffy_error e;

	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	e = sealing_secret(s, name_bytes(&d->device), now, &secret);
	if (e == FLUFFY_E_NOT_FOUND) {
		/* its key has ended: the others are asked all the same */
		fluffy_msg_free(&msg);
		return FLUFFY_OK;
	}
	if (e == FLUFFY_OK)
		e = ctx_random(s->ctx, &random, sizeof(random));
	if (e == FLUFFY_OK)
		e = fill_delt(s, msg, d, now, &secret, &random);
	secret_wipe(&secret);
	if (e == FLUFFY_E_USAGE) {
		/* nor is one whose key may seal no more (section 4) */
		fluffy_msg_free(&msg);
		return FLUFFY_OK;
	}
	if (e == FLUFFY_OK)
		e = store_delt_add(s, d, bytes_of(random.nonce, NONCE_SIZE));
	e = message_finish(s->ctx, e, &msg, &done);
	return e == FLUFFY_OK ? msgs_add(s->ctx, out, &done) : e;
}

enum fluffy_error
psk_delts_make(fluffy_store *s, const struct deletion *d, size_t n,
    uint64_t now, fluffy_msgs *out)
{
	enum fluffy_error e = FLUFFY_OK;
	size_t i;

	for (i = 0; i < n && e == FLUFFY_OK; i++)
		e = delt_make(s, &d[i], now, out);
	return e;
}

/* ---- SKDC: the operator ------------------------------------------------------------ */

static enum fluffy_error
ask_party(fluffy_store *s, const struct issued *issued,
    const struct name *name, uint64_t now)
{
	const struct deletion d = { .keyid = issued->keyid, .device = *name,
	    .since = now, .endtime = issued->endtime };
	struct device device;
	enum fluffy_error e;

	if (name->n == 0)
		return FLUFFY_OK;
	/* one that was removed can't be asked any more */
	e = store_device(s, name_bytes(name), &device);
	if (e == FLUFFY_E_NOT_FOUND)
		return FLUFFY_OK;
	return e == FLUFFY_OK ? store_deletion_add(s, &d) : e;
}

static enum fluffy_error
ask_issued(fluffy_store *s, struct bytes keyid, uint64_t now)
{
	struct issued issued;
	enum fluffy_error e = store_issued(s, keyid, &issued);

	if (e == FLUFFY_OK && issued.endtime <= now)
		e = FLUFFY_E_NOT_FOUND;
	if (e == FLUFFY_E_NOT_FOUND)
		return fluffy_fail(s->ctx, e, NULL, "no such key was issued, "
		    "or it has ended");
	if (e == FLUFFY_OK)
		e = ask_party(s, &issued, &issued.client, now);
	return e == FLUFFY_OK ? ask_party(s, &issued, &issued.service, now) :
	    e;
}

/* Of a group's key its owner's copy too: the group stays without one. */
static enum fluffy_error
ask_all(fluffy_store *s, struct bytes keyid, uint64_t now)
{
	struct group_key key;
	enum fluffy_error e = store_group_key(s, keyid, &key);
	bool ended = key.endtime <= now;

	group_key_wipe(&key);
	if (e == FLUFFY_E_NOT_FOUND || (e == FLUFFY_OK && ended))
		return ask_issued(s, keyid, now);
	if (e == FLUFFY_OK)
		e = store_deletions_of_key(s, keyid, now);
	return e == FLUFFY_OK ? store_group_key_erase(s, keyid) : e;
}

/* keyid.n = 0: all that is missing is asked for again. */
static enum fluffy_error
ask(fluffy_store *s, struct arena *arena, struct bytes keyid,
    fluffy_msgs *out)
{
	uint64_t now = fluffy_now(s->ctx);
	struct deletion *missing = NULL;
	enum fluffy_error e = store_prune(s, now);
	size_t n = 0;

	if (e == FLUFFY_OK && keyid.n > 0)
		e = ask_all(s, keyid, now);
	if (e == FLUFFY_OK)
		e = keyid.n > 0 ?
		    store_missing_of_key(s, arena, keyid, now, &missing, &n) :
		    store_missing(s, arena, now, &missing, &n);
	return e == FLUFFY_OK ? psk_delts_make(s, missing, n, now, out) : e;
}

static enum fluffy_error
ask_durably(fluffy_store *s, struct bytes keyid, fluffy_msgs *out)
{
	struct arena arena = { NULL, false };
	enum fluffy_error e;

	*out = (fluffy_msgs){ NULL, 0 };
	if (s->party.role != ROLE_SKDC)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "this store is a device's, not an SKDC's");
	if ((e = store_begin(s)) != FLUFFY_OK)
		return e;
	e = ask(s, &arena, keyid, out);
	if (e == FLUFFY_OK)
		e = store_commit(s);
	if (e != FLUFFY_OK) {
		store_rollback(s);
		fluffy_msgs_free(out);
	}
	arena_free(&arena);
	return e;
}

enum fluffy_error
fluffy_del_request(fluffy_store *s, const uint8_t *keyid, size_t len,
    fluffy_msgs *out)
{
	*out = (fluffy_msgs){ NULL, 0 };
	if (len == 0)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "keyid",
		    "missing");
	return ask_durably(s, bytes_of(keyid, len), out);
}

enum fluffy_error
fluffy_del_resend(fluffy_store *s, fluffy_msgs *out)
{
	return ask_durably(s, bytes_of(NULL, 0), out);
}

/* ---- device: takes PSK-DELT ------------------------------------------------------------- */

static enum fluffy_error
check_delt_seal(struct step *step)
{
	return check_part_seal(step, L_kenvelope);
}

/* Only the SKDC may delete (draft, section 4). */
static enum fluffy_error
check_delt_names(struct step *step)
{
	const struct party *party = &step->s->party;
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	if ((e = check_name(ctx, step->msg, "crealm", step->msg->crealm,
	    name_bytes(&party->realm))) != FLUFFY_OK ||
	    (e = check_name(ctx, step->msg, "kenvelope.skdcrealm",
	    step->part->skdcrealm, name_bytes(&party->skdcrealm))) !=
	    FLUFFY_OK)
		return e;
	return check_name(ctx, step->msg, "kenvelope.skdcname",
	    step->part->skdcname, name_bytes(&party->skdcname));
}

/* One already answered is answered again (section 6). */
static enum fluffy_error
check_delt_nonce(struct step *step)
{
	enum fluffy_error e = check_nonce(step);

	return e == FLUFFY_E_REPLAY ? FLUFFY_OK : e;
}

static const struct check psk_delt_checks[] = {
	{ "seal", check_delt_seal, OPENS_BY_KID },
	{ "names", check_delt_names },
	{ "clock", check_clock },
	{ "time", check_time },
	{ "nonce", check_delt_nonce }
};

#define WITHOUT_ENDTIME (30 * 86400)

/* Whatever it is; the keyid doesn't come back with a late answer. */
static enum fluffy_error
erase(const struct step *step, bool *found)
{
	const struct part *part = step->part;
	struct bytes keyid = part->keydata->keyid;
	uint64_t until = HAS(part, L_endtime) ?
	    part->endtime + policy_skew(step->s->skew) :
	    step->now + WITHOUT_ENDTIME;
	enum fluffy_error key, pair, e;

	key = store_session_erase(step->s, keyid);
	if (key != FLUFFY_OK && key != FLUFFY_E_NOT_FOUND)
		return key;
	pair = store_pair_erase(step->s, keyid);
	if (pair != FLUFFY_OK && pair != FLUFFY_E_NOT_FOUND)
		return pair;
	*found = key == FLUFFY_OK || pair == FLUFFY_OK;
	e = store_gone_add(step->s, keyid, until);
	store_acted_at(step->s, step->now);
	return e;
}

static enum fluffy_error
fill_delc(const struct step *step, struct fluffy_msg *msg,
    const struct secret *secret)
{
	const struct party *party = &step->s->party;
	fluffy_store *s = step->s;
	struct part *part = seal_part(msg, msg, L_ack);
	uint8_t iv[IV_MAX];
	enum fluffy_error e = ctx_random(s->ctx, iv, sizeof(iv));

	if (part == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, msg, skdcrealm, L_skdcrealm,
	    name_bytes(&party->skdcrealm));
	PUT_BYTES(msg, msg, skdcname, L_skdcname,
	    name_bytes(&party->skdcname));
	PUT_BYTES(msg, part, cname, L_cname, name_bytes(&party->name));
	PUT_BYTES(msg, part, crealm, L_crealm, name_bytes(&party->realm));
	PUT_BYTES(msg, part, nonce, L_nonce, step->part->nonce);
	PUT(part, authtime, L_authtime, step->now);
	return e == FLUFFY_OK ? seal_under_secret(s, msg, msg, L_ack, part,
	    secret, iv, false) : e;
}

static enum fluffy_error
delc_make(const struct step *step, fluffy_msg **out)
{
	fluffy_store *s = step->s;
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_DELC);
	struct secret secret;
	enum fluffy_error e;

	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	e = sealing_secret(s, name_bytes(&s->party.name), step->now,
	    &secret);
	if (e == FLUFFY_OK)
		e = fill_delc(step, msg, &secret);
	secret_wipe(&secret);
	return message_finish(s->ctx, e, &msg, out);
}

enum fluffy_error
psk_delt_take(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	struct bytes keyid;
	bool found = false;
	enum fluffy_error e;

	if (!bytes_eq(step->msg->cname, name_bytes(&step->s->party.name)))
		return not_addressed(step, extras, out, outcome);
	e = RUN_CHECKS(step, psk_delt_checks);
	if (e == FLUFFY_OK)
		e = erase(step, &found);
	if (e != FLUFFY_OK)
		return e;
	e = delc_make(step, out);
	/* no seal is left for it (section 4): the key goes all the same */
	if (e != FLUFFY_OK && e != FLUFFY_E_USAGE)
		return e;
	keyid = step->part->keydata->keyid;
	outcome->kind = found ? FLUFFY_KEY_ERASED : FLUFFY_KEY_UNKNOWN;
	memcpy(outcome->keyid, keyid.p, keyid.n);
	outcome->keyid_len = keyid.n;
	outcome->endtime = step->part->endtime;
	return FLUFFY_OK;
}

/* Whoever deletes a group hands the whole stream to each device. */
enum fluffy_error
not_addressed(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	struct bytes peer = HAS(step->msg, L_cname) ? step->msg->cname :
	    step->msg->spname;

	(void)extras;
	(void)out;
	outcome->kind = FLUFFY_NOT_ADDRESSED;
	memcpy(outcome->peer, peer.p, peer.n);
	return FLUFFY_OK;
}

/* ---- SKDC: takes PSK-DELC ------------------------------------------------------------------ */

static enum fluffy_error
check_delc_skdc(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct party *party = &step->s->party;
	enum fluffy_error e;

	e = check_skdc(step->s->ctx, msg, "skdcrealm", REALM(msg, skdcrealm,
	    L_skdcrealm, name_bytes(&party->realm)),
	    name_bytes(&party->realm));
	if (e == FLUFFY_OK)
		e = check_skdc(step->s->ctx, msg, "skdcname", msg->skdcname,
		    name_bytes(&party->name));
	return e;
}

static enum fluffy_error
check_delc_names(struct step *step)
{
	struct bytes realm = name_bytes(&step->s->party.realm);
	enum fluffy_error e;

	e = check_name(step->s->ctx, step->msg, "ack.crealm",
	    REALM(step->part, crealm, L_crealm, realm), realm);
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, step->msg, "ack.cname",
		    step->part->cname, name_bytes(&step->secret.owner));
	return e;
}

/* Not a request: what makes it fresh is the nonce of a PSK-DELT. */
static enum fluffy_error
check_delc_nonce(struct step *step)
{
	enum fluffy_error e = store_delt(step->s,
	    name_bytes(&step->secret.owner), step->part->nonce,
	    &step->session.keyid);

	if (e == FLUFFY_E_NOT_FOUND)
		e = refuse(step->s->ctx, step->msg, "ack.nonce",
		    FLUFFY_E_REPLAY, "no PSK-DELT to this device had it");
	return e;
}

static const struct check psk_delc_checks[] = {
	{ "skdc", check_delc_skdc },
	{ "seal", check_ack_under_secret, OPENS_BY_KID },
	{ "names", check_delc_names },
	{ NULL, accept_proof },
	{ "nonce", check_delc_nonce }
};

/* The last confirmation of a group's deletion releases its GSK-DELC. */
static enum fluffy_error
release(struct step *step, fluffy_msgs *out)
{
	struct arena arena = { NULL, false };
	struct group g;
	enum fluffy_error e;

	e = store_group_of_key(step->s, &arena,
	    keyid_bytes(&step->session.keyid), &g);
	if (e == FLUFFY_OK && g.state == GROUP_DELETING) {
		e = group_settle(step->s, &g, step->now);
		/* nobody asked, or it is gone */
		if (e == FLUFFY_OK && g.over && g.delt.n > 0 &&
		    g.owner.n > 0)
			e = gsk_delc_make(step->s, &g, step->now, out);
	}
	arena_free(&arena);
	/* it is confirmed, whether the owner's key may seal that or not */
	return e == FLUFFY_E_NOT_FOUND || e == FLUFFY_E_USAGE ? FLUFFY_OK : e;
}

enum fluffy_error
psk_delc_answer(struct step *step, fluffy_msgs *out)
{
	enum fluffy_error e = RUN_CHECKS(step, psk_delc_checks);

	if (e == FLUFFY_OK)
		e = store_deletion_confirm(step->s,
		    keyid_bytes(&step->session.keyid),
		    name_bytes(&step->secret.owner));
	return e == FLUFFY_OK ? release(step, out) : e;
}

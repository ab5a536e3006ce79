/*
 * estb.c - PSK-ESTB and PSK-ACK (draft, sections 3.4 and 3.5), both ends, also
 * where PSK-ESTB carries a public key (section 7)
 */
#include "decode.h"
#include "exchange.h"
#include "pkey.h"
#include "policy.h"

/* ---- client: PSK-ESTB --------------------------------------------------------- */

/* The miniticket as it came, under the schema of this message. */
static enum fluffy_error
copy_mticket(fluffy_store *s, struct fluffy_msg *msg,
    const struct mticket *from)
{
	struct mticket *t = message_map(msg, L_mticket);
	const struct schema *schema;
	size_t i;

	if (t == NULL)
		return fluffy_fail_memory(s->ctx);
	schema = t->head.schema;
	*t = *from;
	t->head.schema = schema;
	t->enc_part.plain = NULL;
	t->skdcrealm = arena_dup(&msg->arena, from->skdcrealm);
	t->skdcname = arena_dup(&msg->arena, from->skdcname);
	t->sprealm = arena_dup(&msg->arena, from->sprealm);
	t->spname = arena_dup(&msg->arena, from->spname);
	t->enc_part.kid = arena_dup(&msg->arena, from->enc_part.kid);
	t->enc_part.iv = arena_dup(&msg->arena, from->enc_part.iv);
	t->enc_part.ciphertext = arena_dup(&msg->arena,
	    from->enc_part.ciphertext);
	t->head.extras = arena_alloc(&msg->arena,
	    from->head.n_extras * sizeof(struct extra));
	if (t->head.extras == NULL)
		return fluffy_fail_memory(s->ctx);
	for (i = 0; i < from->head.n_extras; i++) {
		t->head.extras[i].label = arena_dup(&msg->arena,
		    from->head.extras[i].label);
		t->head.extras[i].value = arena_dup(&msg->arena,
		    from->head.extras[i].value);
	}
	return FLUFFY_OK;
}

static struct part *
authenticator(fluffy_store *s, struct fluffy_msg *msg,
    const fluffy_extras *extras, const uint8_t *nonce)
{
	struct part *part = seal_part(msg, msg, L_authenticator);

	if (part == NULL)
		return NULL;
	PUT_BYTES(msg, part, crealm, L_crealm, msg->crealm);
	PUT_BYTES(msg, part, cname, L_cname, msg->cname);
	PUT(part, ctime, L_ctime, fluffy_now(s->ctx));
	PUT_BYTES(msg, part, nonce, L_nonce, bytes_of(nonce, NONCE_SIZE));
	if (extras->has_seqnum)
		PUT(part, seqnum, L_seqnum, extras->seqnum);
	return part;
}

/* PSK-ACK answers where there is a session key. */
static enum fluffy_error
remember_estb(fluffy_store *s, const struct session *session,
    const fluffy_extras *extras, const uint8_t *nonce)
{
	struct pending p = { .type = FLUFFY_PSK_ESTB,
	    .time = fluffy_now(s->ctx), .realm = session->realm,
	    .service = session->peer, .keyid = session->keyid,
	    .has_seqnum = extras->has_seqnum, .seqnum = extras->seqnum };

	p.nonce_n = NONCE_SIZE;
	memcpy(p.nonce, nonce, NONCE_SIZE);
	return store_pending_add(s, &p);
}

static enum fluffy_error
fill_estb(fluffy_store *s, struct fluffy_msg *msg,
    const struct fluffy_msg *rep, const fluffy_extras *extras)
{
	enum fluffy_error e;

	PUT_BYTES(msg, msg, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&s->party.name));
	if ((e = copy_mticket(s, msg, rep->mticket)) != FLUFFY_OK)
		return e;
	return put_json(s->ctx, msg, &msg->head, &msg->ext, L_ext,
	    extras->ext);
}

/* The proof of possession; a key that only agrees on keys gives none. */
static enum fluffy_error
prove(fluffy_store *s, struct fluffy_msg *msg, const struct session *session,
    const struct keydata *pair, const fluffy_extras *extras,
    const uint8_t random[NONCE_SIZE + IV_MAX])
{
	struct sealing how = { .key = &session->key, .cksum = extras->cksum,
	    .iv = random + NONCE_SIZE };
	struct part *part;

	if (pair != NULL && !pkey_signs(pair->alg))
		return FLUFFY_OK;
	if ((part = authenticator(s, msg, extras, random)) == NULL)
		return fluffy_fail_memory(s->ctx);
	return pair == NULL ?
	    seal_make(s->ctx, msg, msg, L_authenticator, part, &how) :
	    seal_sign(s->ctx, msg, msg, L_authenticator, part, pair);
}

enum fluffy_error
psk_estb_make(fluffy_store *s, const struct fluffy_msg *rep,
    const struct session *session, const struct keydata *pair,
    const fluffy_extras *extras, fluffy_msg **out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_ESTB);
	uint8_t random[NONCE_SIZE + IV_MAX];
	enum fluffy_error e;

	*out = NULL;
	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	e = fill_estb(s, msg, rep, extras);
	if (e == FLUFFY_OK)
		e = ctx_random(s->ctx, random, sizeof(random));
	if (e == FLUFFY_OK)
		e = prove(s, msg, session, pair, extras, random);
	if (e == FLUFFY_OK)
		e = check_emitted(s->ctx, msg);
	if (e == FLUFFY_OK && pair == NULL)
		e = remember_estb(s, session, extras, random);
	return message_finish(s->ctx, e, &msg, out);
}

/* ---- service: takes PSK-ESTB ---------------------------------------------------- */

/* The miniticket names this service. */
static enum fluffy_error
check_ticket_service(struct step *step)
{
	const struct mticket *t = step->msg->mticket;
	const struct party *party = &step->s->party;
	enum fluffy_error e;

	e = check_name(step->s->ctx, step->msg, "mticket.sprealm",
	    REALM(t, sprealm, L_sprealm, name_bytes(&party->skdcrealm)),
	    name_bytes(&party->realm));
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, step->msg, "mticket.spname",
		    t->spname, name_bytes(&party->name));
	return e;
}

static enum fluffy_error
check_ticket_seal(struct step *step)
{
	struct mticket *t = step->msg->mticket;

	return open_under_secret(step->s, step->msg, t, L_enc_part,
	    step->now, &step->secret);
}

static enum fluffy_error
check_ticket_key(struct step *step)
{
	static const char place[] = "mticket.enc-part";
	const struct part *ticket = step->msg->mticket->enc_part.plain;
	bool shared = ticket->keydata->kty == KTY_SYMM;
	uint64_t not_after = 0;
	enum fluffy_error e = FLUFFY_OK;

	if (!shared) {
		step->public = ticket->keydata;
		e = check_pair(step, place, step->public, &not_after);
	}
	if (e == FLUFFY_OK)
		e = session_of(step, place, ticket, ticket->crealm,
		    ticket->cname);
	/* a certificate stands for it (draft, 7.2) */
	if (!HAS(ticket, L_endtime))
		step->session.endtime = not_after;
	step->session.as = AS_SERVICE;
	step->session.established = true; /* once the authenticator opens */
	return e;
}

/* Section 7: absent exactly where the key can't sign. */
static enum fluffy_error
check_estb_absent(struct step *step)
{
	if (!HAS(step->msg, L_authenticator))
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "authenticator",
	    FLUFFY_E_AUTH_FAILED, "beside a key that can't sign");
}

/* The proof of possession. */
static enum fluffy_error
check_estb_seal(struct step *step)
{
	struct fluffy_msg *msg = step->msg;
	enum fluffy_error e;

	if (step->public != NULL && !pkey_signs(step->public->alg))
		return check_estb_absent(step);
	if (!HAS(msg, L_authenticator))
		return refuse(step->s->ctx, msg, "authenticator",
		    FLUFFY_E_AUTH_FAILED, "missing");
	if (msg->authenticator.sign1 && step->public == NULL)
		return refuse(step->s->ctx, msg, "authenticator",
		    FLUFFY_E_MALFORMED, "a COSE_Sign1 beside a symmetric key");
	e = step->public != NULL ?
	    seal_verify(step->s->ctx, msg, msg, L_authenticator,
	    step->public) :
	    open_sealed(step->s, msg, msg, L_authenticator,
	    &step->session.key, true);
	if (e == FLUFFY_OK)
		step->part = msg->authenticator.plain;
	return e;
}

static enum fluffy_error
check_estb_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct part *ticket = msg->mticket->enc_part.plain;
	const struct part *auth = step->part;
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	if ((e = check_name(ctx, msg, "crealm", msg->crealm,
	    ticket->crealm)) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "cname", msg->cname,
	    ticket->cname)) != FLUFFY_OK || auth == NULL ||
	    (e = check_name(ctx, msg, "authenticator.crealm", auth->crealm,
	    ticket->crealm)) != FLUFFY_OK)
		return e;
	return check_name(ctx, msg, "authenticator.cname", auth->cname,
	    ticket->cname);
}

/* Without an authenticator there is no time and no nonce. */
static const struct check psk_estb_checks[] = {
	{ "skdc", check_mticket_skdc },
	{ "service", check_ticket_service },
	{ "ticket", check_ticket_seal, OPENS_BY_KID },
	{ "key", check_ticket_key },
	{ "endtime", check_endtime },
	{ "deleted", check_deleted },
	{ "seal", check_estb_seal, OPENS },
	{ "names", check_estb_names },
	{ "clock", check_clock },
	{ "time", check_time },
	{ "nonce", check_nonce }
};

static enum fluffy_error
make_ack(const struct step *step, fluffy_msg **out)
{
	const struct fluffy_msg *estb = step->msg;
	const struct session *session = &step->session;
	const struct part *auth = step->part;
	fluffy_store *s = step->s;
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_ACK);
	uint8_t iv[IV_MAX];
	struct sealing how = { .key = &session->key, .iv = iv,
	    .kid = keyid_bytes(&session->keyid) };
	struct part *part;
	enum fluffy_error e;

	*out = NULL;
	if (msg == NULL || (part = seal_part(msg, msg, L_ack)) == NULL) {
		fluffy_msg_free(&msg);
		return fluffy_fail_memory(s->ctx);
	}
	PUT_BYTES(msg, msg, crealm, L_crealm, estb->crealm);
	PUT_BYTES(msg, msg, cname, L_cname, estb->cname);
	PUT_BYTES(msg, part, spname, L_spname, name_bytes(&s->party.name));
	if (HAS(estb->mticket, L_sprealm))
		PUT_BYTES(msg, part, sprealm, L_sprealm,
		    name_bytes(&s->party.realm));
	PUT_BYTES(msg, part, nonce, L_nonce, auth->nonce);
	PUT(part, authtime, L_authtime, step->now);
	if (HAS(auth, L_seqnum))
		PUT(part, seqnum, L_seqnum, (auth->seqnum + 1) & UINT32_MAX);
	e = ctx_random(s->ctx, iv, sizeof(iv));
	if (e == FLUFFY_OK)
		e = seal_make(s->ctx, msg, msg, L_ack, part, &how);
	return message_finish(s->ctx, e, &msg, out);
}

static enum fluffy_error
keep_public(struct step *step, fluffy_outcome *outcome)
{
	const struct session *session = &step->session;
	const struct pair pair = { .keyid = session->keyid, .peer = true,
	    .realm = session->realm, .name = session->peer,
	    .authtime = session->authtime, .endtime = session->endtime,
	    .proven = step->part != NULL, .cpac = session->pac,
	    .keydata = step->public };
	enum fluffy_error e = store_pair_add(step->s, &pair);

	store_acted_at(step->s, step->now);
	if (e == FLUFFY_OK)
		outcome_set(outcome, pair.proven ? FLUFFY_PUBLIC_PROVEN :
		    FLUFFY_PUBLIC_ATTESTED, session);
	return e;
}

enum fluffy_error
psk_estb_take(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e = RUN_CHECKS(step, psk_estb_checks);

	(void)extras;
	if (e != FLUFFY_OK)
		return e;
	/* section 7: no PSK-ACK, because there is no shared key */
	if (step->public != NULL)
		return keep_public(step, outcome);
	e = store_session_add(step->s, &step->session);
	if (e == FLUFFY_OK)
		e = make_ack(step, out);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_KEY_ACCEPTED, &step->session);
	return e;
}

/* ---- client: takes PSK-ACK ------------------------------------------------------- */

static enum fluffy_error
check_ack_seal(struct step *step)
{
	struct fluffy_msg *msg = step->msg;
	struct symm key;
	bool known;
	enum fluffy_error e = store_session_key(step->s, msg->ack.kid, &key,
	    &known);

	if (e == FLUFFY_OK)
		e = open_sealed(step->s, msg, msg, L_ack, &key, known);
	symm_wipe(&key);
	/* not before, or an unknown kid would be told by its time */
	if (e == FLUFFY_OK)
		e = store_session(step->s, msg->ack.kid, AS_CLIENT,
		    &step->session);
	if (e == FLUFFY_OK)
		step->part = msg->ack.plain;
	return e;
}

static enum fluffy_error
check_ack_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct session *session = &step->session;
	const struct party *party = &step->s->party;
	struct bytes skdcrealm = name_bytes(&party->skdcrealm);
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	if ((e = check_name(ctx, msg, "crealm", msg->crealm,
	    name_bytes(&party->realm))) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "cname", msg->cname,
	    name_bytes(&party->name))) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "ack.spname", step->part->spname,
	    name_bytes(&session->peer))) != FLUFFY_OK)
		return e;
	return check_name(ctx, msg, "ack.sprealm",
	    REALM(step->part, sprealm, L_sprealm, skdcrealm),
	    session->realm.n > 0 ? name_bytes(&session->realm) : skdcrealm);
}

/* It answers a PSK-ESTB of ours with that key. */
static enum fluffy_error
check_ack_pending(struct step *step)
{
	struct pending *p = &step->pending;
	enum fluffy_error e = store_pending(step->s, step->part->nonce, p);

	if (e == FLUFFY_E_NOT_FOUND || (e == FLUFFY_OK &&
	    (p->type != FLUFFY_PSK_ESTB || !bytes_eq(keyid_bytes(&p->keyid),
	    keyid_bytes(&step->session.keyid)))))
		return refuse(step->s->ctx, step->msg, "ack.nonce",
		    FLUFFY_E_REPLAY, "no PSK-ESTB waits for it");
	return e;
}

/* Section 5: seqnum + 1 modulo 2^32, there exactly when it was sent. */
static enum fluffy_error
check_ack_seqnum(struct step *step)
{
	const struct pending *p = &step->pending;
	bool has = HAS(step->part, L_seqnum);
	char found[24] = "none";

	if (has == p->has_seqnum && (!has || step->part->seqnum ==
	    (((uint64_t)p->seqnum + 1) & UINT32_MAX)))
		return FLUFFY_OK;
	if (!p->has_seqnum)
		return refuse(step->s->ctx, step->msg, "ack.seqnum",
		    FLUFFY_E_AUTH_FAILED, "the PSK-ESTB had none");
	if (has)
		(void)snprintf(found, sizeof(found), "%llu",
		    (unsigned long long)step->part->seqnum);
	return refuse(step->s->ctx, step->msg, "ack.seqnum",
	    FLUFFY_E_AUTH_FAILED, "expected %llu, found %s",
	    (unsigned long long)((p->seqnum + UINT64_C(1)) & UINT32_MAX),
	    found);
}

static enum fluffy_error
check_ack_endtime(struct step *step)
{
	uint64_t endtime = step->session.endtime;
	char when[24];

	if (policy_key_good(step->now, step->session.authtime, endtime))
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "ack.kid", FLUFFY_E_EXPIRED,
	    "the key ended at %s", fluffy_time_text(endtime, when));
}

static const struct check psk_ack_checks[] = {
	{ "seal", check_ack_seal, OPENS_BY_KID },
	{ "names", check_ack_names },
	{ "pending", check_ack_pending },
	{ "seqnum", check_ack_seqnum },
	{ "endtime", check_ack_endtime }
};

enum fluffy_error
psk_ack_take(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e = RUN_CHECKS(step, psk_ack_checks);

	(void)extras;
	(void)out;

	if (e == FLUFFY_OK)
		e = store_pending_remove(step->s, step->part->nonce);
	if (e == FLUFFY_OK)
		e = store_session_established(step->s,
		    keyid_bytes(&step->session.keyid), AS_CLIENT);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_KEY_ESTABLISHED, &step->session);
	return e;
}

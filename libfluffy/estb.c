/*
 * estb.c - PSK-ESTB and PSK-ACK (draft, sections 3.4 and 3.5), both ends, and
 * the choice of the device's step
 */
#include <openssl/crypto.h>

#include "decode.h"
#include "exchange.h"
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
    const fluffy_estb_params *params, const uint8_t *nonce)
{
	struct part *part = seal_part(msg, msg, L_authenticator);

	if (part == NULL)
		return NULL;
	PUT_BYTES(msg, part, crealm, L_crealm, msg->crealm);
	PUT_BYTES(msg, part, cname, L_cname, msg->cname);
	PUT(part, ctime, L_ctime, fluffy_now(s->ctx));
	PUT_BYTES(msg, part, nonce, L_nonce, bytes_of(nonce, NONCE_SIZE));
	if (params->has_seqnum)
		PUT(part, seqnum, L_seqnum, params->seqnum);
	return part;
}

static enum fluffy_error
remember_estb(fluffy_store *s, const struct session *session,
    const fluffy_estb_params *params, const uint8_t *nonce)
{
	struct pending p = { .type = FLUFFY_PSK_ESTB,
	    .time = fluffy_now(s->ctx), .realm = session->realm,
	    .service = session->peer, .keyid = session->keyid,
	    .has_seqnum = params->has_seqnum, .seqnum = params->seqnum };

	p.nonce_n = NONCE_SIZE;
	memcpy(p.nonce, nonce, NONCE_SIZE);
	return store_pending_add(s, &p);
}

static enum fluffy_error
fill_estb(fluffy_store *s, struct fluffy_msg *msg,
    const struct fluffy_msg *rep, const fluffy_estb_params *params)
{
	enum fluffy_error e;

	PUT_BYTES(msg, msg, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&s->party.name));
	if ((e = copy_mticket(s, msg, rep->mticket)) != FLUFFY_OK)
		return e;
	if (params->ext != NULL) {
		e = decode_any(s->ctx, &msg->arena, params->ext, "ext",
		    &msg->ext);
		SET(msg, L_ext);
	}
	return e;
}

enum fluffy_error
psk_estb_make(fluffy_store *s, const struct fluffy_msg *rep,
    const struct session *session, const fluffy_estb_params *params,
    fluffy_msg **out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_ESTB);
	uint8_t random[NONCE_SIZE + IV_MAX];
	struct sealing how = { .key = &session->key, .cksum = params->cksum,
	    .iv = random + NONCE_SIZE };
	struct part *part;
	enum fluffy_error e;

	*out = NULL;
	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	e = fill_estb(s, msg, rep, params);
	if (e == FLUFFY_OK)
		e = ctx_random(s->ctx, random, sizeof(random));
	if (e == FLUFFY_OK) {
		part = authenticator(s, msg, params, random);
		e = part == NULL ? fluffy_fail_memory(s->ctx) :
		    seal_make(s->ctx, msg, msg, L_authenticator, part, &how);
	}
	if (e == FLUFFY_OK)
		e = check_emitted(s->ctx, msg);
	if (e == FLUFFY_OK)
		e = remember_estb(s, session, params, random);
	return message_finish(s->ctx, e, &msg, out);
}

/* ---- service: takes PSK-ESTB ---------------------------------------------------- */

/* The miniticket: its SKDC, its service, its seal, its key. */
static enum fluffy_error
check_mticket(fluffy_store *s, struct fluffy_msg *msg, uint64_t now)
{
	struct mticket *t = msg->mticket;
	struct bytes skdcrealm = name_bytes(&s->party.skdcrealm);
	struct secret secret = { .order = 0 };
	enum fluffy_error e;

	if ((e = check_skdc(s->ctx, msg, "mticket.skdcrealm", t->skdcrealm,
	    skdcrealm)) != FLUFFY_OK ||
	    (e = check_skdc(s->ctx, msg, "mticket.skdcname", t->skdcname,
	    name_bytes(&s->party.skdcname))) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "mticket.sprealm",
	    REALM(t, sprealm, L_sprealm, skdcrealm),
	    name_bytes(&s->party.realm))) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "mticket.spname", t->spname,
	    name_bytes(&s->party.name))) != FLUFFY_OK)
		return e;
	e = open_under_secret(s, msg, t, L_enc_part, now, &secret);
	secret_wipe(&secret);
	if (e == FLUFFY_OK && t->enc_part.plain->keydata->kty != KTY_SYMM)
		e = refuse(s->ctx, msg, "mticket.enc-part.keydata.kty",
		    FLUFFY_E_BAD_ETYPE, "only symmetric keys are taken here");
	if (e == FLUFFY_OK)
		e = check_key_usable(s, msg, "mticket.enc-part.endtime",
		    t->enc_part.plain, now);
	return e;
}

/* The proof of possession, and the names that it and the ticket carry. */
static enum fluffy_error
check_authenticator(fluffy_store *s, struct fluffy_msg *msg,
    const struct session *session)
{
	const struct part *ticket = msg->mticket->enc_part.plain, *auth;
	enum fluffy_error e;

	if (!HAS(msg, L_authenticator))
		return refuse(s->ctx, msg, "authenticator",
		    FLUFFY_E_AUTH_FAILED, "missing");
	if (msg->authenticator.sign1)
		return refuse(s->ctx, msg, "authenticator",
		    FLUFFY_E_MALFORMED, "a COSE_Sign1 beside a symmetric key");
	e = seal_open(s->ctx, msg, msg, L_authenticator, &session->key);
	if (e != FLUFFY_OK)
		return e;
	auth = msg->authenticator.plain;
	if ((e = check_name(s->ctx, msg, "crealm", msg->crealm,
	    ticket->crealm)) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "cname", msg->cname,
	    ticket->cname)) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "authenticator.crealm",
	    auth->crealm, ticket->crealm)) != FLUFFY_OK)
		return e;
	return check_name(s->ctx, msg, "authenticator.cname", auth->cname,
	    ticket->cname);
}

static enum fluffy_error
make_ack(fluffy_store *s, const struct fluffy_msg *estb,
    const struct session *session, uint64_t now, fluffy_msg **out)
{
	const struct part *auth = estb->authenticator.plain;
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
	PUT(part, authtime, L_authtime, now);
	if (HAS(auth, L_seqnum))
		PUT(part, seqnum, L_seqnum, (auth->seqnum + 1) & UINT32_MAX);
	e = ctx_random(s->ctx, iv, sizeof(iv));
	if (e == FLUFFY_OK)
		e = seal_make(s->ctx, msg, msg, L_ack, part, &how);
	return message_finish(s->ctx, e, &msg, out);
}

enum fluffy_error
psk_estb_take(fluffy_store *s, struct fluffy_msg *msg, fluffy_msg **out,
    fluffy_outcome *outcome)
{
	uint64_t now = fluffy_now(s->ctx);
	struct session session;
	const struct part *ticket;
	enum fluffy_error e;

	*out = NULL;
	memset(&session, 0, sizeof(session));
	if ((e = check_mticket(s, msg, now)) != FLUFFY_OK)
		return e;
	ticket = msg->mticket->enc_part.plain;
	session.service = true;
	session.established = true;	/* the authenticator proves it */
	e = session_of(s, ticket, ticket->crealm, ticket->cname, &session);
	if (e == FLUFFY_OK)
		e = check_authenticator(s, msg, &session);
	if (e == FLUFFY_OK)
		e = check_fresh(s, msg, msg->authenticator.plain,
		    keyid_bytes(&session.keyid), now);
	if (e == FLUFFY_OK)
		e = store_session_add(s, &session);
	if (e == FLUFFY_OK)
		e = make_ack(s, msg, &session, now, out);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_KEY_ACCEPTED, &session);
	session_wipe(&session);
	return e;
}

/* ---- client: takes PSK-ACK ------------------------------------------------------- */

static enum fluffy_error
check_ack_names(fluffy_store *s, const struct fluffy_msg *msg,
    const struct session *session)
{
	const struct part *ack = msg->ack.plain;
	struct bytes skdcrealm = name_bytes(&s->party.skdcrealm);
	enum fluffy_error e;

	if ((e = check_name(s->ctx, msg, "crealm", msg->crealm,
	    name_bytes(&s->party.realm))) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "cname", msg->cname,
	    name_bytes(&s->party.name))) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "ack.spname", ack->spname,
	    name_bytes(&session->peer))) != FLUFFY_OK)
		return e;
	return check_name(s->ctx, msg, "ack.sprealm",
	    REALM(ack, sprealm, L_sprealm, skdcrealm),
	    session->realm.n > 0 ? name_bytes(&session->realm) : skdcrealm);
}

/* It answers an ESTB of ours with that key, and counts on from it. */
static enum fluffy_error
check_ack_pending(fluffy_store *s, const struct fluffy_msg *msg,
    const struct session *session)
{
	const struct part *ack = msg->ack.plain;
	struct pending p;
	enum fluffy_error e = store_pending(s, ack->nonce, &p);
	bool has = HAS(ack, L_seqnum);

	if (e == FLUFFY_E_NOT_FOUND || (e == FLUFFY_OK &&
	    (p.type != FLUFFY_PSK_ESTB || !bytes_eq(keyid_bytes(&p.keyid),
	    keyid_bytes(&session->keyid)))))
		return refuse(s->ctx, msg, "ack.nonce", FLUFFY_E_REPLAY,
		    "no PSK-ESTB waits for it");
	if (e != FLUFFY_OK)
		return e;
	if (has != p.has_seqnum ||
	    (has && ack->seqnum != (((uint64_t)p.seqnum + 1) & UINT32_MAX)))
		return refuse(s->ctx, msg, "ack.seqnum", FLUFFY_E_AUTH_FAILED,
		    "not the one behind the PSK-ESTB's");
	return FLUFFY_OK;
}

static enum fluffy_error
check_ack(fluffy_store *s, struct fluffy_msg *msg, struct session *session)
{
	enum fluffy_error e;

	e = store_session(s, msg->ack.kid, false, session);
	if (e == FLUFFY_E_NOT_FOUND)
		return seal_unknown(s->ctx, msg, msg, L_ack);
	if (e == FLUFFY_OK)
		e = seal_open(s->ctx, msg, msg, L_ack, &session->key);
	if (e == FLUFFY_OK)
		e = check_ack_names(s, msg, session);
	if (e == FLUFFY_OK)
		e = check_ack_pending(s, msg, session);
	if (e == FLUFFY_OK && !policy_key_good(fluffy_now(s->ctx),
	    session->authtime, session->endtime))
		e = refuse(s->ctx, msg, "ack", FLUFFY_E_EXPIRED,
		    "the key has ended");
	return e;
}

enum fluffy_error
psk_ack_take(fluffy_store *s, struct fluffy_msg *msg, fluffy_outcome *outcome)
{
	struct session session;
	enum fluffy_error e;

	memset(&session, 0, sizeof(session));
	e = check_ack(s, msg, &session);
	if (e == FLUFFY_OK)
		e = store_pending_remove(s, msg->ack.plain->nonce);
	if (e == FLUFFY_OK)
		e = store_session_established(s, keyid_bytes(&session.keyid),
		    false);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_KEY_ESTABLISHED, &session);
	session_wipe(&session);
	return e;
}

/* ---- the device's step ------------------------------------------------------------ */

static enum fluffy_error
step(fluffy_store *s, struct fluffy_msg *in, const fluffy_estb_params *params,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	const char *name = fluffy_type_name((enum fluffy_type)in->type);

	switch (in->type) {
	case FLUFFY_PSK_REP:
		return psk_rep_take(s, in, params, out, outcome);
	case FLUFFY_PSK_ESTB:
		return psk_estb_take(s, in, out, outcome);
	case FLUFFY_PSK_ACK:
		return psk_ack_take(s, in, outcome);
	case FLUFFY_ERROR:
		return error_take(s, in, outcome);
	default:
		return fluffy_fail_at(s->ctx, FLUFFY_E_UNEXPECTED, name,
		    "expected PSK-REP, PSK-ESTB or PSK-ACK");
	}
}

enum fluffy_error
fluffy_estb(fluffy_store *s, fluffy_msg *in, const fluffy_estb_params *params,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e, made;

	*out = NULL;
	memset(outcome, 0, sizeof(*outcome));
	if (s->party.role != ROLE_DEVICE)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "an SKDC's store can't take part in an exchange");
	if ((e = store_begin(s)) != FLUFFY_OK)
		return e;
	e = store_prune(s, fluffy_now(s->ctx));
	if (e == FLUFFY_OK)
		e = step(s, in, params, out, outcome);
	if (e == FLUFFY_OK)
		e = store_commit(s);
	if (e == FLUFFY_OK)
		return FLUFFY_OK;
	store_rollback(s);
	fluffy_msg_free(out);
	memset(outcome, 0, sizeof(*outcome));
	if (in->type != FLUFFY_PSK_ESTB)
		return e;
	made = error_make_bare(s, e, out);
	return made == FLUFFY_OK ? e : made;
}

enum fluffy_error
fluffy_estb_malformed(fluffy_store *s, fluffy_msg **out)
{
	int64_t type = s->ctx->refused_type;

	*out = NULL;
	if (type != 0 && type != FLUFFY_PSK_ESTB)
		return FLUFFY_OK;
	return error_make_bare(s, s->ctx->code, out);
}

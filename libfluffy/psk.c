/*
 * psk.c - PSK-REQ and PSK-REP (draft, sections 3.2 and 3.3), both ends
 */
#include <openssl/crypto.h>

#include "alg.h"
#include "decode.h"
#include "exchange.h"
#include "policy.h"
#include "text.h"

/* ---- client: PSK-REQ ------------------------------------------------------- */

static enum fluffy_error
check_params(fluffy_store *s, const fluffy_psk_params *params,
    struct tokens *etypes)
{
	struct bytes offender;

	if (s->party.role != ROLE_DEVICE)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "an SKDC's store can't make a request");
	if (!name_valid(bytes_str(params->service)))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "service",
		    NAME_EXPECTED);
	if (params->realm != NULL && !name_valid(bytes_str(params->realm)))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "realm",
		    NAME_EXPECTED);
	*etypes = (struct tokens){ .v = { ALG_SESSION_DEFAULT }, .n = 1,
	    .bare = true };
	if (params->etype != NULL &&
	    !policy_parse_etypes(params->etype, etypes, &offender))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "etype",
		    "\"%.*s\" isn't a content encryption, or is there twice",
		    (int)offender.n, (const char *)offender.p);
	return FLUFFY_OK;
}

static enum fluffy_error
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

static enum fluffy_error
fill_request(fluffy_store *s, struct fluffy_msg *msg,
    const fluffy_psk_params *params, const struct tokens *etypes)
{
	struct req_body *body = message_map(msg, L_req_body);
	enum fluffy_error e;

	if (body == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT(body, kty, L_kty, KTY_SYMM);
	PUT(body, etype, L_etype, *etypes);
	PUT_BYTES(msg, body, skdcrealm, L_skdcrealm,
	    name_bytes(&s->party.skdcrealm));
	PUT_BYTES(msg, body, skdcname, L_skdcname,
	    name_bytes(&s->party.skdcname));
	if (params->realm != NULL)
		PUT_BYTES(msg, body, sprealm, L_sprealm,
		    bytes_str(params->realm));
	PUT_BYTES(msg, body, spname, L_spname, bytes_str(params->service));
	e = put_json(s->ctx, msg, &body->head, &body->cpac, L_cpac,
	    params->cpac);
	if (e == FLUFFY_OK)
		e = put_json(s->ctx, msg, &msg->head, &msg->ext, L_ext,
		    params->ext);
	return e;
}

/* All the randomness of a request. */
struct client_random {
	uint8_t nonce[NONCE_SIZE];
	uint8_t iv[IV_MAX];
};

static struct part *
client_authenticator(fluffy_store *s, struct fluffy_msg *msg, uint64_t now,
    const uint8_t nonce[NONCE_SIZE], bool has_seqnum, uint32_t seqnum)
{
	struct part *part = seal_part(msg, msg, L_authenticator);

	if (part == NULL)
		return NULL;
	PUT_BYTES(msg, part, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, part, cname, L_cname, name_bytes(&s->party.name));
	PUT(part, ctime, L_ctime, now);
	PUT_BYTES(msg, part, nonce, L_nonce, bytes_of(nonce, NONCE_SIZE));
	if (has_seqnum)
		PUT(part, seqnum, L_seqnum, seqnum);
	return part;
}

static enum fluffy_error
remember_request(fluffy_store *s, const struct fluffy_msg *msg, uint64_t now)
{
	const struct req_body *body = msg->body;
	const struct part *part = msg->authenticator.plain;
	struct pending p = { .type = msg->type, .time = now,
	    .kty = body->kty, .etypes = body->etype };

	p.nonce_n = (uint8_t)part->nonce.n;
	memcpy(p.nonce, part->nonce.p, part->nonce.n);
	if (!name_set(&p.service, body->spname) ||
	    (HAS(body, L_sprealm) && !name_set(&p.realm, body->sprealm)))
		return fluffy_fail(s->ctx, FLUFFY_E_INTERNAL, NULL,
		    "a name that doesn't fit");
	return store_pending_add(s, &p);
}

static enum fluffy_error
make_request(fluffy_store *s, struct fluffy_msg *msg,
    const fluffy_psk_params *params, const struct tokens *etypes)
{
	uint64_t now = fluffy_now(s->ctx);
	struct client_random random;
	struct secret secret = { .order = 0 };
	struct part *part;
	enum fluffy_error e;

	if ((e = fill_request(s, msg, params, etypes)) != FLUFFY_OK ||
	    (e = ctx_random(s->ctx, &random, sizeof(random))) != FLUFFY_OK)
		return e;
	part = client_authenticator(s, msg, now, random.nonce,
	    params->has_seqnum, params->seqnum);
	if (part == NULL)
		return fluffy_fail_memory(s->ctx);
	e = sealing_secret(s, name_bytes(&s->party.name), now, &secret);
	if (e == FLUFFY_OK)
		e = seal_under_secret(s, msg, msg, L_authenticator, part,
		    &secret, random.iv, params->cksum);
	secret_wipe(&secret);
	if (e == FLUFFY_OK)
		e = check_emitted(s->ctx, msg);
	if (e == FLUFFY_OK)
		e = remember_request(s, msg, now);
	return e;
}

enum fluffy_error
fluffy_psk_request(fluffy_store *s, const fluffy_psk_params *params,
    fluffy_msg **out)
{
	struct fluffy_msg *msg;
	struct tokens etypes;
	enum fluffy_error e;

	*out = NULL;
	if ((e = check_params(s, params, &etypes)) != FLUFFY_OK ||
	    (e = store_begin(s)) != FLUFFY_OK)
		return e;
	msg = message_new(FLUFFY_PSK_REQ);
	e = msg == NULL ? fluffy_fail_memory(s->ctx) :
	    store_prune(s, fluffy_now(s->ctx));
	if (e == FLUFFY_OK)
		e = make_request(s, msg, params, &etypes);
	if ((e = message_finish(s->ctx, e, &msg, out)) == FLUFFY_OK &&
	    (e = store_commit(s)) != FLUFFY_OK)
		fluffy_msg_free(out);
	store_rollback(s);
	return e;
}

/* ---- SKDC: PSK-REP ---------------------------------------------------------- */

/* What the SKDC decides about a request. */
struct grant {
	struct device client, service;
	bool enrolled;		/* the service is */
	struct secret service_secret;
	struct issued issued;
	uint64_t authtime, endtime;
	struct symm key;
};

static enum fluffy_error
check_kty(struct step *step)
{
	if (step->msg->body->kty == KTY_SYMM)
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "req-body.kty",
	    FLUFFY_E_BAD_ETYPE, "expected SYMM");
}

static enum fluffy_error
find_parties(struct step *step)
{
	const struct req_body *body = step->msg->body;
	struct grant *g = step->grant;
	enum fluffy_error e;

	e = store_device(step->s, name_bytes(&step->secret.owner),
	    &g->client);
	if (e != FLUFFY_OK || !bytes_eq(REALM(body, sprealm, L_sprealm,
	    body->skdcrealm), name_bytes(&step->s->party.realm)))
		return e;
	e = store_device(step->s, body->spname, &g->service);
	g->enrolled = e == FLUFFY_OK;
	return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
}

/*
 * The first that the SKDC has, policy allows and the service supports; when
 * there is no such service, that is told after this.
 */
static enum fluffy_error
check_etype(struct step *step)
{
	struct grant *g = step->grant;
	const struct tokens *allowed[] = { &step->s->etypes,
	    &g->client.etypes, &g->service.etypes };
	enum fluffy_error e = find_parties(step);

	if (e != FLUFFY_OK)
		return e;
	g->key.alg = policy_etype(&step->msg->body->etype, allowed, 3);
	if (g->key.alg != 0)
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "req-body.etype",
	    FLUFFY_E_BAD_ETYPE, "none that all parties take");
}

static enum fluffy_error
check_service(struct step *step)
{
	struct bytes name = step->msg->body->spname;

	if (step->grant->enrolled)
		return FLUFFY_OK;
	return refuse(step->s->ctx, step->msg, "req-body.spname",
	    FLUFFY_E_UNKNOWN_SERVICE, "\"%.*s\" isn't enrolled", (int)name.n,
	    (const char *)name.p);
}

static enum fluffy_error
check_policy(struct step *step)
{
	enum fluffy_error e;
	bool denied;

	if (step->msg->body->cpac.n > CPAC_MAX)
		return refuse(step->s->ctx, step->msg, "req-body.cpac",
		    FLUFFY_E_NOT_PERMITTED, "over %d bytes can't be handed on",
		    CPAC_MAX);
	e = store_denied(step->s, name_bytes(&step->secret.owner),
	    step->msg->body->spname, &denied);
	if (e == FLUFFY_OK && denied)
		e = refuse(step->s->ctx, step->msg, "req-body.spname",
		    FLUFFY_E_NOT_PERMITTED, "denied to this client");
	return e;
}

static const struct check psk_req_checks[] = {
	{ "kty", check_kty },
	{ "etype", check_etype },
	{ "service", check_service },
	{ "policy", check_policy }
};

/* All the randomness of an answer, drawn at once. */
struct answer_random {
	uint8_t key[KEY_MAX];
	uint8_t ticket_iv[IV_MAX];
	uint8_t receipt_iv[IV_MAX];
};

static enum fluffy_error
issue(struct step *step, const uint8_t key[KEY_MAX])
{
	struct grant *g = step->grant;
	struct issued *issued = &g->issued;
	enum fluffy_error e;

	g->key.n = (uint8_t)aead_of(g->key.alg)->key;
	memcpy(g->key.b, key, g->key.n);
	g->authtime = step->now;
	g->endtime = step->now + policy_lifetime(step->s->lifetime,
	    g->client.lifetime, g->service.lifetime);
	issued->client = step->secret.owner;
	issued->service = g->service.name;
	issued->alg = g->key.alg;
	issued->authtime = g->authtime;
	issued->endtime = g->endtime;
	e = store_new_keyid(step->s, step->now, &issued->keyid);
	if (e == FLUFFY_OK)
		e = sealing_secret(step->s, name_bytes(&g->service.name),
		    step->now, &g->service_secret);
	if (e == FLUFFY_OK)
		e = store_issued_add(step->s, issued);
	return e;
}

/* What miniticket and receipt have in common. */
static bool
put_key(struct fluffy_msg *msg, struct part *part, const struct step *step)
{
	const struct req_body *body = step->msg->body;
	const struct grant *g = step->grant;
	struct keydata *k = keydata_make(msg, &keydata_session,
	    keyid_bytes(&g->issued.keyid), &g->key);

	if (HAS(body, L_cpac))
		PUT_BYTES(msg, part, cpac, L_cpac, body->cpac);
	PUT(part, authtime, L_authtime, g->authtime);
	PUT(part, endtime, L_endtime, g->endtime);
	PUT(part, keydata, L_keydata, k);
	return k != NULL;
}

static enum fluffy_error
put_mticket(const struct step *step, struct fluffy_msg *msg,
    const uint8_t *iv)
{
	const struct party *party = &step->s->party;
	const struct req_body *body = step->msg->body;
	struct mticket *t = message_map(msg, L_mticket);
	struct part *part;

	if (t == NULL || (part = seal_part(msg, t, L_enc_part)) == NULL)
		return fluffy_fail_memory(step->s->ctx);
	PUT_BYTES(msg, t, skdcrealm, L_skdcrealm, name_bytes(&party->realm));
	PUT_BYTES(msg, t, skdcname, L_skdcname, name_bytes(&party->name));
	/* an optional realm exactly when the request has it (section 2) */
	if (HAS(body, L_sprealm))
		PUT_BYTES(msg, t, sprealm, L_sprealm, body->sprealm);
	PUT_BYTES(msg, t, spname, L_spname, body->spname);
	PUT_BYTES(msg, part, crealm, L_crealm, name_bytes(&party->realm));
	PUT_BYTES(msg, part, cname, L_cname, name_bytes(&step->secret.owner));
	if (!put_key(msg, part, step))
		return fluffy_fail_memory(step->s->ctx);
	return seal_under_secret(step->s, msg, t, L_enc_part, part,
	    &step->grant->service_secret, iv, false);
}

static enum fluffy_error
put_receipt(const struct step *step, struct fluffy_msg *msg,
    const uint8_t *iv)
{
	const struct party *party = &step->s->party;
	const struct req_body *body = step->msg->body;
	struct part *part = seal_part(msg, msg, L_receipt);

	if (part == NULL)
		return fluffy_fail_memory(step->s->ctx);
	PUT_BYTES(msg, part, skdcrealm, L_skdcrealm,
	    name_bytes(&party->realm));
	PUT_BYTES(msg, part, skdcname, L_skdcname, name_bytes(&party->name));
	if (HAS(body, L_sprealm))
		PUT_BYTES(msg, part, sprealm, L_sprealm, body->sprealm);
	PUT_BYTES(msg, part, spname, L_spname, body->spname);
	PUT_BYTES(msg, part, nonce, L_nonce, step->part->nonce);
	if (!put_key(msg, part, step))
		return fluffy_fail_memory(step->s->ctx);
	return seal_under_secret(step->s, msg, msg, L_receipt, part,
	    &step->secret, iv, false);
}

static enum fluffy_error
make_answer(const struct step *step, const struct answer_random *random,
    fluffy_msg **out)
{
	fluffy_ctx *ctx = step->s->ctx;
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_REP);
	enum fluffy_error e;

	*out = NULL;
	if (msg == NULL)
		return fluffy_fail_memory(ctx);
	PUT_BYTES(msg, msg, crealm, L_crealm,
	    name_bytes(&step->s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&step->secret.owner));
	e = put_mticket(step, msg, random->ticket_iv);
	if (e == FLUFFY_OK)
		e = put_receipt(step, msg, random->receipt_iv);
	if (e == FLUFFY_OK)
		e = check_emitted(ctx, msg);
	return message_finish(ctx, e, &msg, out);
}

enum fluffy_error
psk_answer(struct step *step, fluffy_msg **out)
{
	struct answer_random random;
	struct grant grant;
	enum fluffy_error e;

	*out = NULL;
	memset(&grant, 0, sizeof(grant));
	step->grant = &grant;
	e = check_request(step);
	if (e == FLUFFY_OK)
		e = RUN_CHECKS(step, psk_req_checks);
	if (e == FLUFFY_OK)
		e = ctx_random(step->s->ctx, &random, sizeof(random));
	if (e == FLUFFY_OK)
		e = issue(step, random.key);
	if (e == FLUFFY_OK)
		e = make_answer(step, &random, out);
	OPENSSL_cleanse(&random, sizeof(random));
	OPENSSL_cleanse(&grant, sizeof(grant));
	step->grant = NULL;
	return e;
}

/* ---- client: takes PSK-REP --------------------------------------------------- */

static enum fluffy_error
check_rep_seal(struct step *step)
{
	enum fluffy_error e;

	e = open_under_secret(step->s, step->msg, step->msg, L_receipt,
	    step->now, &step->secret);
	if (e == FLUFFY_OK)
		step->part = step->msg->receipt.plain;
	return e;
}

static enum fluffy_error
check_rep_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct party *party = &step->s->party;
	const struct part *receipt = step->part;
	const struct mticket *t = msg->mticket;
	struct bytes skdcrealm = name_bytes(&party->skdcrealm);
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	if ((e = check_name(ctx, msg, "crealm", msg->crealm,
	    name_bytes(&party->realm))) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "cname", msg->cname,
	    name_bytes(&party->name))) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "receipt.skdcrealm",
	    receipt->skdcrealm, t->skdcrealm)) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "receipt.skdcname", receipt->skdcname,
	    t->skdcname)) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "receipt.sprealm",
	    REALM(receipt, sprealm, L_sprealm, skdcrealm),
	    REALM(t, sprealm, L_sprealm, skdcrealm))) != FLUFFY_OK)
		return e;
	return check_name(ctx, msg, "receipt.spname", receipt->spname,
	    t->spname);
}

/* It answers a pending request of this client, for that service. */
static enum fluffy_error
check_rep_pending(struct step *step)
{
	const struct part *receipt = step->part;
	struct pending *p = &step->pending;
	struct bytes skdcrealm = name_bytes(&step->s->party.skdcrealm);
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	e = store_pending(step->s, receipt->nonce, p);
	if (e == FLUFFY_E_NOT_FOUND ||
	    (e == FLUFFY_OK && p->type != FLUFFY_PSK_REQ))
		return refuse(ctx, step->msg, "receipt.nonce",
		    FLUFFY_E_REPLAY, "no request waits for it");
	if (e == FLUFFY_OK)
		e = check_name(ctx, step->msg, "receipt.spname",
		    receipt->spname, name_bytes(&p->service));
	if (e == FLUFFY_OK)
		e = check_name(ctx, step->msg, "receipt.sprealm",
		    REALM(receipt, sprealm, L_sprealm, skdcrealm),
		    p->realm.n > 0 ? name_bytes(&p->realm) : skdcrealm);
	return e;
}

static enum fluffy_error
check_rep_etype(struct step *step)
{
	const struct tokens *asked = &step->pending.etypes;
	const struct part *receipt = step->part;
	uint8_t i;

	for (i = 0; i < asked->n; i++)
		if (asked->v[i] == receipt->keydata->alg)
			return session_of(step, "receipt", receipt,
			    receipt->sprealm, receipt->spname);
	return refuse(step->s->ctx, step->msg, "receipt.keydata.alg",
	    FLUFFY_E_BAD_ETYPE, "not one that was asked for");
}

static const struct check psk_rep_checks[] = {
	{ "skdc", check_mticket_skdc },
	{ "seal", check_rep_seal },
	{ "names", check_rep_names },
	{ "pending", check_rep_pending },
	{ "etype", check_rep_etype },
	{ "endtime", check_endtime },
	{ "deleted", check_deleted }
};

enum fluffy_error
psk_rep_take(struct step *step, const fluffy_estb_params *params,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e = RUN_CHECKS(step, psk_rep_checks);

	*out = NULL;
	/* answered once */
	if (e == FLUFFY_OK)
		e = store_pending_remove(step->s, step->part->nonce);
	if (e == FLUFFY_OK)
		e = store_session_add(step->s, &step->session);
	if (e == FLUFFY_OK)
		e = psk_estb_make(step->s, step->msg, &step->session, params,
		    out);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_KEY_RECEIVED, &step->session);
	return e;
}

/*
 * psk.c - PSK-REQ and PSK-REP (draft, sections 3.2 and 3.3), both ends
 */
#include <openssl/crypto.h>

#include "alg.h"
#include "decode.h"
#include "exchange.h"
#include "policy.h"

/* ---- client: PSK-REQ ------------------------------------------------------- */

struct psk_asking {
	const fluffy_psk_params *params;
	struct tokens etypes;
};

static enum fluffy_error
fill_request(fluffy_store *s, struct fluffy_msg *msg, struct part *part,
    struct pending *pending, const void *arg)
{
	const struct psk_asking *asking = arg;
	const fluffy_psk_params *params = asking->params;
	struct req_body *body = request_body(s, msg, pending, KTY_SYMM,
	    &asking->etypes);

	(void)part;
	if (body == NULL)
		return fluffy_fail_memory(s->ctx);
	if (params->realm != NULL)
		PUT_BYTES(msg, body, sprealm, L_sprealm,
		    bytes_str(params->realm));
	PUT_BYTES(msg, body, spname, L_spname, bytes_str(params->service));
	/* what was checked fits */
	(void)name_set(&pending->service, body->spname);
	(void)name_set(&pending->realm, body->sprealm);
	return put_json(s->ctx, msg, &body->head, &body->cpac, L_cpac,
	    params->cpac);
}

enum fluffy_error
fluffy_psk_request(fluffy_store *s, const fluffy_psk_params *params,
    fluffy_msg **out)
{
	struct psk_asking psk = { .params = params };
	const struct asking asking = { .type = FLUFFY_PSK_REQ,
	    .sealed = L_authenticator, .extras = &params->extras,
	    .fill = fill_request, .params = &psk };
	enum fluffy_error e;

	*out = NULL;
	if ((e = request_name(s, "service", params->service, false)) !=
	    FLUFFY_OK ||
	    (e = request_name(s, "realm", params->realm, true)) !=
	    FLUFFY_OK ||
	    (e = request_etypes(s, params->etype, &psk.etypes)) != FLUFFY_OK)
		return e;
	return request_make(s, &asking, out);
}

/* ---- SKDC: PSK-REP ---------------------------------------------------------- */

/* What the SKDC decides about a request. */
struct grant {
	struct secret service_secret;
	struct issued issued;
	uint64_t authtime, endtime;
	struct symm key;
};

/*
 * The first that the SKDC has, policy allows and the service supports; when
 * there is no such service, that is told after this.
 */
static enum fluffy_error
check_etype(struct step *step)
{
	struct grant *g = step->grant;
	const struct tokens *allowed[] = { &step->s->etypes,
	    &step->client.etypes, &step->service.etypes };
	enum fluffy_error e = find_parties(step);

	if (e != FLUFFY_OK)
		return e;
	g->key.alg = policy_etype(&step->msg->body->etype, allowed, 3);
	if (g->key.alg != 0)
		return FLUFFY_OK;
	return refuse_etype(step, &step->client.etypes,
	    &step->service.etypes);
}

static enum fluffy_error
check_policy(struct step *step)
{
	return check_permission(step, CPAC_MAX);
}

static const struct check psk_req_checks[] = {
	REQUEST_CHECKS,
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
	    step->client.lifetime, step->service.lifetime);
	issued->client = step->secret.owner;
	issued->service = step->service.name;
	issued->alg = g->key.alg;
	issued->authtime = g->authtime;
	issued->endtime = g->endtime;
	e = store_new_keyid(step->s, step->now, &issued->keyid);
	if (e == FLUFFY_OK)
		e = sealing_secret(step->s, name_bytes(&step->service.name),
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
psk_answer(struct step *step, fluffy_msgs *out)
{
	struct answer_random random;
	struct grant grant;
	fluffy_msg *msg = NULL;
	enum fluffy_error e;

	memset(&grant, 0, sizeof(grant));
	step->grant = &grant;
	e = RUN_CHECKS(step, psk_req_checks);
	if (e == FLUFFY_OK)
		e = ctx_random(step->s->ctx, &random, sizeof(random));
	if (e == FLUFFY_OK)
		e = issue(step, random.key);
	if (e == FLUFFY_OK)
		e = make_answer(step, &random, &msg);
	if (e == FLUFFY_OK)
		e = msgs_add(step->s->ctx, out, &msg);
	OPENSSL_cleanse(&random, sizeof(random));
	OPENSSL_cleanse(&grant, sizeof(grant));
	step->grant = NULL;
	return e;
}

/* ---- client: takes PSK-REP --------------------------------------------------- */

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
	const struct pending *p = &step->pending;
	struct bytes skdcrealm = name_bytes(&step->s->party.skdcrealm);
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	e = check_pending(step, "receipt.nonce", FLUFFY_PSK_REQ);
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
	const struct part *receipt = step->part;
	enum fluffy_error e = check_asked_alg(step);

	if (e == FLUFFY_OK)
		e = session_of(step, "receipt", receipt, receipt->sprealm,
		    receipt->spname);
	return e;
}

static const struct check psk_rep_checks[] = {
	{ "skdc", check_mticket_skdc },
	{ "seal", check_receipt_seal, OPENS_BY_KID },
	{ "names", check_rep_names },
	{ "pending", check_rep_pending },
	{ "etype", check_rep_etype },
	{ "endtime", check_endtime },
	{ "deleted", check_deleted }
};

enum fluffy_error
psk_rep_take(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e = RUN_CHECKS(step, psk_rep_checks);

	/* answered once */
	if (e == FLUFFY_OK)
		e = store_pending_remove(step->s, step->part->nonce);
	if (e == FLUFFY_OK)
		e = store_session_add(step->s, &step->session);
	if (e == FLUFFY_OK)
		e = psk_estb_make(step->s, step->msg, &step->session, NULL,
		    extras, out);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_KEY_RECEIVED, &step->session);
	return e;
}

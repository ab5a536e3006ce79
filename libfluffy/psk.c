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
		    "expected 1 to 255 bytes without control characters");
	if (params->realm != NULL && !name_valid(bytes_str(params->realm)))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "realm",
		    "expected 1 to 255 bytes without control characters");
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

/* What the SKDC decided about a request. */
struct grant {
	struct device service;
	struct secret service_secret;
	struct issued issued;
	uint64_t authtime, endtime;
	struct symm key;
};

/* All the randomness of an answer, drawn at once. */
struct answer_random {
	uint8_t key[KEY_MAX];
	uint8_t ticket_iv[IV_MAX];
	uint8_t receipt_iv[IV_MAX];
};

/* kty, etype, existence, policy: section 6's order. */
static enum fluffy_error
decide(fluffy_store *s, const struct request *r, struct grant *g)
{
	const struct req_body *body = r->msg->body;
	struct bytes client = name_bytes(&r->secret.owner);
	const struct tokens *allowed[3] = { &s->etypes };
	struct device device;
	enum fluffy_error e, found;
	bool here, denied;

	if (body->kty != KTY_SYMM)
		return refuse(s->ctx, r->msg, "req-body.kty",
		    FLUFFY_E_BAD_ETYPE, "expected SYMM");
	here = bytes_eq(REALM(body, sprealm, L_sprealm, body->skdcrealm),
	    name_bytes(&s->party.realm));
	if ((e = store_device(s, client, &device)) != FLUFFY_OK)
		return e;
	found = here ? store_device(s, body->spname, &g->service) :
	    FLUFFY_E_NOT_FOUND;
	if (found != FLUFFY_OK && found != FLUFFY_E_NOT_FOUND)
		return found;
	allowed[1] = &device.etypes;
	allowed[2] = &g->service.etypes;
	g->key.alg = policy_etype(&body->etype, allowed,
	    found == FLUFFY_OK ? 3 : 2);
	if (g->key.alg == 0)
		return refuse(s->ctx, r->msg, "req-body.etype",
		    FLUFFY_E_BAD_ETYPE, "none that all parties take");
	if (found != FLUFFY_OK)
		return refuse(s->ctx, r->msg, "req-body.spname",
		    FLUFFY_E_UNKNOWN_SERVICE, "\"%.*s\" isn't enrolled",
		    (int)body->spname.n, (const char *)body->spname.p);
	e = store_denied(s, client, body->spname, &denied);
	if (e == FLUFFY_OK && denied)
		e = refuse(s->ctx, r->msg, "req-body.spname",
		    FLUFFY_E_NOT_PERMITTED, "denied to this client");
	g->authtime = r->now;
	g->endtime = r->now + policy_lifetime(s->lifetime, device.lifetime,
	    g->service.lifetime);
	return e;
}

static enum fluffy_error
issue(fluffy_store *s, const struct request *r, struct grant *g,
    const uint8_t key[KEY_MAX])
{
	struct issued *issued = &g->issued;
	enum fluffy_error e;

	g->key.n = (uint8_t)aead_of(g->key.alg)->key;
	memcpy(g->key.b, key, g->key.n);
	issued->client = r->secret.owner;
	issued->service = g->service.name;
	issued->alg = g->key.alg;
	issued->authtime = g->authtime;
	issued->endtime = g->endtime;
	e = store_new_keyid(s, r->now, &issued->keyid);
	if (e == FLUFFY_OK)
		e = sealing_secret(s, name_bytes(&g->service.name), r->now,
		    &g->service_secret);
	if (e == FLUFFY_OK)
		e = store_issued_add(s, issued);
	return e;
}

/* What miniticket and receipt have in common. */
static bool
put_key(struct fluffy_msg *msg, struct part *part, const struct request *r,
    const struct grant *g)
{
	const struct req_body *body = r->msg->body;
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
put_mticket(fluffy_store *s, struct fluffy_msg *msg, const struct request *r,
    const struct grant *g, const uint8_t *iv)
{
	const struct req_body *body = r->msg->body;
	struct mticket *t = message_map(msg, L_mticket);
	struct part *part;

	if (t == NULL || (part = seal_part(msg, t, L_enc_part)) == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, t, skdcrealm, L_skdcrealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, t, skdcname, L_skdcname, name_bytes(&s->party.name));
	/* an optional realm exactly when the request has it (section 2) */
	if (HAS(body, L_sprealm))
		PUT_BYTES(msg, t, sprealm, L_sprealm, body->sprealm);
	PUT_BYTES(msg, t, spname, L_spname, body->spname);
	PUT_BYTES(msg, part, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, part, cname, L_cname, name_bytes(&r->secret.owner));
	if (!put_key(msg, part, r, g))
		return fluffy_fail_memory(s->ctx);
	return seal_under_secret(s, msg, t, L_enc_part, part,
	    &g->service_secret, iv, false);
}

static enum fluffy_error
put_receipt(fluffy_store *s, struct fluffy_msg *msg, const struct request *r,
    const struct grant *g, const uint8_t *iv)
{
	const struct req_body *body = r->msg->body;
	struct part *part = seal_part(msg, msg, L_receipt);

	if (part == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, part, skdcrealm, L_skdcrealm,
	    name_bytes(&s->party.realm));
	PUT_BYTES(msg, part, skdcname, L_skdcname,
	    name_bytes(&s->party.name));
	if (HAS(body, L_sprealm))
		PUT_BYTES(msg, part, sprealm, L_sprealm, body->sprealm);
	PUT_BYTES(msg, part, spname, L_spname, body->spname);
	PUT_BYTES(msg, part, nonce, L_nonce, r->part->nonce);
	if (!put_key(msg, part, r, g))
		return fluffy_fail_memory(s->ctx);
	return seal_under_secret(s, msg, msg, L_receipt, part, &r->secret, iv,
	    false);
}

static enum fluffy_error
make_answer(fluffy_store *s, const struct request *r, const struct grant *g,
    const struct answer_random *random, fluffy_msg **out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_REP);
	enum fluffy_error e;

	*out = NULL;
	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, msg, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&r->secret.owner));
	e = put_mticket(s, msg, r, g, random->ticket_iv);
	if (e == FLUFFY_OK)
		e = put_receipt(s, msg, r, g, random->receipt_iv);
	if (e == FLUFFY_OK)
		e = check_emitted(s->ctx, msg);
	return message_finish(s->ctx, e, &msg, out);
}

enum fluffy_error
psk_answer(fluffy_store *s, struct request *r, fluffy_msg **out)
{
	struct answer_random random;
	struct grant g;
	enum fluffy_error e;

	*out = NULL;
	memset(&g, 0, sizeof(g));
	e = request_check(s, r, r->msg->body->skdcrealm,
	    r->msg->body->skdcname);
	if (e == FLUFFY_OK)
		e = decide(s, r, &g);
	if (e == FLUFFY_OK)
		e = ctx_random(s->ctx, &random, sizeof(random));
	if (e == FLUFFY_OK)
		e = issue(s, r, &g, random.key);
	if (e == FLUFFY_OK)
		e = make_answer(s, r, &g, &random, out);
	OPENSSL_cleanse(&random, sizeof(random));
	OPENSSL_cleanse(&g, sizeof(g));
	return e;
}

/* ---- client: takes PSK-REP --------------------------------------------------- */

static enum fluffy_error
check_receipt_names(fluffy_store *s, const struct fluffy_msg *msg)
{
	const struct part *receipt = msg->receipt.plain;
	const struct mticket *t = msg->mticket;
	struct bytes skdcrealm = name_bytes(&s->party.skdcrealm);
	enum fluffy_error e;

	if ((e = check_name(s->ctx, msg, "crealm", msg->crealm,
	    name_bytes(&s->party.realm))) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "cname", msg->cname,
	    name_bytes(&s->party.name))) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "receipt.skdcrealm",
	    receipt->skdcrealm, t->skdcrealm)) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "receipt.skdcname",
	    receipt->skdcname, t->skdcname)) != FLUFFY_OK ||
	    (e = check_name(s->ctx, msg, "receipt.sprealm",
	    REALM(receipt, sprealm, L_sprealm, skdcrealm),
	    REALM(t, sprealm, L_sprealm, skdcrealm))) != FLUFFY_OK)
		return e;
	return check_name(s->ctx, msg, "receipt.spname", receipt->spname,
	    t->spname);
}

static bool
asked_for(const struct pending *p, int64_t alg)
{
	uint8_t i;

	for (i = 0; i < p->etypes.n; i++)
		if (p->etypes.v[i] == alg)
			return true;
	return false;
}

/* The receipt answers a pending request of this client, for that service. */
static enum fluffy_error
check_pending(fluffy_store *s, const struct fluffy_msg *msg)
{
	const struct part *receipt = msg->receipt.plain;
	struct bytes skdcrealm = name_bytes(&s->party.skdcrealm);
	struct pending p;
	enum fluffy_error e;

	e = store_pending(s, receipt->nonce, &p);
	if (e == FLUFFY_E_NOT_FOUND ||
	    (e == FLUFFY_OK && p.type != FLUFFY_PSK_REQ))
		return refuse(s->ctx, msg, "receipt.nonce", FLUFFY_E_REPLAY,
		    "no request waits for it");
	if (e == FLUFFY_OK)
		e = check_name(s->ctx, msg, "receipt.spname", receipt->spname,
		    name_bytes(&p.service));
	if (e == FLUFFY_OK)
		e = check_name(s->ctx, msg, "receipt.sprealm",
		    REALM(receipt, sprealm, L_sprealm, skdcrealm),
		    p.realm.n > 0 ? name_bytes(&p.realm) : skdcrealm);
	if (e == FLUFFY_OK && !asked_for(&p, receipt->keydata->alg))
		e = refuse(s->ctx, msg, "receipt.keydata.alg",
		    FLUFFY_E_BAD_ETYPE, "not one that was asked for");
	return e;
}

static enum fluffy_error
check_rep(fluffy_store *s, struct fluffy_msg *msg, uint64_t now)
{
	const struct mticket *t = msg->mticket;
	struct secret secret = { .order = 0 };
	enum fluffy_error e;

	e = check_skdc(s->ctx, msg, "mticket.skdcrealm", t->skdcrealm,
	    name_bytes(&s->party.skdcrealm));
	if (e == FLUFFY_OK)
		e = check_skdc(s->ctx, msg, "mticket.skdcname", t->skdcname,
		    name_bytes(&s->party.skdcname));
	if (e == FLUFFY_OK)
		e = open_under_secret(s, msg, msg, L_receipt, now, &secret);
	secret_wipe(&secret);
	if (e == FLUFFY_OK)
		e = check_receipt_names(s, msg);
	if (e == FLUFFY_OK)
		e = check_pending(s, msg);
	if (e == FLUFFY_OK)
		e = check_key_usable(s, msg, "receipt.endtime",
		    msg->receipt.plain, now);
	return e;
}

enum fluffy_error
psk_rep_take(fluffy_store *s, struct fluffy_msg *msg,
    const fluffy_estb_params *params, fluffy_msg **out,
    fluffy_outcome *outcome)
{
	const struct part *receipt;
	struct session session;
	enum fluffy_error e;

	*out = NULL;
	memset(&session, 0, sizeof(session));
	if ((e = check_rep(s, msg, fluffy_now(s->ctx))) != FLUFFY_OK)
		return e;
	receipt = msg->receipt.plain;
	e = session_of(s, receipt, receipt->sprealm, receipt->spname,
	    &session);
	/* answered once */
	if (e == FLUFFY_OK)
		e = store_pending_remove(s, receipt->nonce);
	if (e == FLUFFY_OK)
		e = store_session_add(s, &session);
	if (e == FLUFFY_OK)
		e = psk_estb_make(s, msg, &session, params, out);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_KEY_RECEIVED, &session);
	session_wipe(&session);
	return e;
}

/*
 * pkp.c - PKP-REQ and PKP-REP (draft, section 7), both ends
 */
#include <openssl/crypto.h>

#include "ca.h"
#include "cert.h"
#include "decode.h"
#include "exchange.h"
#include "pkey.h"
#include "policy.h"

#define OPTION_CERT	  (1u << 0)
#define OPTION_CERT_CHAIN (1u << 1)

/* ---- client: PKP-REQ ------------------------------------------------------------ */

struct pkp_asking {
	const fluffy_pkp_params *params;
	int64_t kty;
	struct tokens algs;
};

static bool
listed(const struct tokens *tokens, int64_t v)
{
	uint8_t i;

	for (i = 0; i < tokens->n; i++)
		if (tokens->v[i] == v)
			return true;
	return false;
}

/* Algorithms of pairs of that type, "A,B"; the offending word on failure. */
static bool
parse_algs(const char *list, int64_t kty, struct tokens *algs,
    struct bytes *offender)
{
	const char *comma;
	int64_t alg;

	*algs = (struct tokens){ .n = 0 };
	for (; list != NULL; list = comma == NULL ? NULL : comma + 1) {
		comma = strchr(list, ',');
		*offender = bytes_of(list, comma == NULL ? strlen(list) :
		    (size_t)(comma - list));
		if (!number_of(R_ALG, *offender, &alg) ||
		    !pkey_known(kty, alg) || listed(algs, alg))
			return false;
		algs->v[algs->n++] = alg;
	}
	algs->bare = algs->n == 1;
	return algs->n > 0;
}

static enum fluffy_error
check_params(fluffy_store *s, struct pkp_asking *asking)
{
	const fluffy_pkp_params *params = asking->params;
	struct bytes offender = bytes_str(params->etype);
	enum fluffy_error e;

	if (!number_of(R_KTY, bytes_str(params->kty), &asking->kty) ||
	    asking->kty == KTY_SYMM)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "kty",
		    "expected EC, OKP or RSA");
	if (!parse_algs(params->etype, asking->kty, &asking->algs,
	    &offender))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "etype",
		    "\"%.*s\" isn't an algorithm for a pair of type %s, or "
		    "is there twice", (int)offender.n,
		    (const char *)offender.p, params->kty);
	e = request_name(s, "service", params->service, true);
	return e == FLUFFY_OK ? request_name(s, "realm", params->realm,
	    true) : e;
}

static enum fluffy_error
fill_request(fluffy_store *s, struct fluffy_msg *msg, struct part *part,
    struct pending *pending, const void *arg)
{
	const struct pkp_asking *asking = arg;
	const fluffy_pkp_params *params = asking->params;
	struct req_body *body = request_body(s, msg, pending, asking->kty,
	    &asking->algs);
	uint32_t options = params->cert || params->cert_chain ?
	    OPTION_CERT : 0;

	(void)part;
	if (body == NULL)
		return fluffy_fail_memory(s->ctx);
	if (params->cert_chain)
		options |= OPTION_CERT_CHAIN;
	if (options != 0)
		PUT(body, options, L_skdc_options, options);
	if (params->realm != NULL)
		PUT_BYTES(msg, body, sprealm, L_sprealm,
		    bytes_str(params->realm));
	if (params->service != NULL)
		PUT_BYTES(msg, body, spname, L_spname,
		    bytes_str(params->service));
	(void)name_set(&pending->service, body->spname);
	(void)name_set(&pending->realm, body->sprealm);
	return put_json(s->ctx, msg, &body->head, &body->cpac, L_cpac,
	    params->cpac);
}

enum fluffy_error
fluffy_pkp_request(fluffy_store *s, const fluffy_pkp_params *params,
    fluffy_msg **out)
{
	struct pkp_asking pkp = { .params = params };
	const struct asking asking = { .type = FLUFFY_PKP_REQ,
	    .sealed = L_authenticator, .extras = &params->extras,
	    .fill = fill_request, .params = &pkp };
	enum fluffy_error e;

	*out = NULL;
	e = check_params(s, &pkp);
	return e == FLUFFY_OK ? request_make(s, &asking, out) : e;
}

/* ---- SKDC: may it have that pair? --------------------------------------------------- */

struct pair_step {
	struct arena arena;	/* the pair's and the CA's */
	bool cert, chain;
	int64_t alg;
	fluffy_ca ca;
	struct keydata *pair;
	uint64_t endtime;
	struct secret service_secret;
};

/* What can't sign can't be certified. */
static enum fluffy_error
check_alg(struct step *step)
{
	const struct req_body *body = step->msg->body;
	struct pair_step *p = step->pair;
	enum fluffy_error e = find_parties(step);
	uint8_t i;

	if (e != FLUFFY_OK)
		return e;
	p->cert = (body->options & OPTION_CERT) != 0;
	p->chain = (body->options & OPTION_CERT_CHAIN) != 0;
	for (i = 0; i < body->etype.n && p->alg == 0; i++)
		if (pkey_known(body->kty, body->etype.v[i]) &&
		    (!p->cert || pkey_signs(body->etype.v[i])))
			p->alg = body->etype.v[i];
	if (p->alg != 0)
		return FLUFFY_OK;
	if (body->kty == KTY_SYMM || word_of(R_KTY, body->kty) == NULL)
		return refuse(step->s->ctx, step->msg, "req-body.kty",
		    FLUFFY_E_BAD_ETYPE, "expected EC, OKP or RSA, found %lld",
		    (long long)body->kty);
	return refuse(step->s->ctx, step->msg, "req-body.etype",
	    FLUFFY_E_BAD_ETYPE, p->cert ? "no pair that can be certified" :
	    "none that makes a pair of that type");
}

static enum fluffy_error
check_pair_policy(struct step *step)
{
	return check_permission(step, PAIR_CPAC_MAX);
}

static enum fluffy_error
check_ca(struct step *step)
{
	struct pair_step *p = step->pair;
	enum fluffy_error e;

	step->idle = !p->cert;
	if (step->idle)
		return FLUFFY_OK;
	e = store_ca(step->s, &p->arena, &p->ca);
	if (e == FLUFFY_OK && p->ca.cert == NULL)
		e = refuse(step->s->ctx, step->msg, "req-body.skdc-options",
		    FLUFFY_E_NO_CA, "this SKDC has no CA");
	return e;
}

static const struct check pkp_req_checks[] = {
	REQUEST_CHECKS,
	{ "etype", check_alg },
	{ "service", check_service },
	{ "policy", check_pair_policy },
	{ "ca", check_ca }
};

/* ---- SKDC: the pair ---------------------------------------------------------------------- */

static enum fluffy_error
put_certificates(struct step *step, const struct bytes_list *certs)
{
	struct pair_step *p = step->pair;
	fluffy_ctx *ctx = step->s->ctx;
	size_t total = 0;
	uint8_t i;

	for (i = 0; i < certs->n; i++)
		total += certs->v[i].n;
	if (total > CERTS_MAX)
		return fluffy_fail(ctx, FLUFFY_E_NO_CA, NULL,
		    "certificates of over %d bytes can't be handed on",
		    CERTS_MAX);
	if (p->ca.x5u != NULL)
		PUT(p->pair, x5u, L_x5u, bytes_str(p->ca.x5u));
	return cert_put(ctx, &p->arena, p->pair, certs);
}

static enum fluffy_error
certify(struct step *step)
{
	struct pair_step *p = step->pair;
	const struct ca_request request = { .pair = p->pair,
	    .realm = name_bytes(&step->s->party.realm),
	    .name = name_bytes(&step->secret.owner),
	    .from = step->now, .until = p->endtime,
	    .longest = step->now + LIFETIME_MAX, .chain = p->chain };
	struct bytes_list certs;
	enum fluffy_error e;

	e = ca_certify(step->s->ctx, &p->ca, &request, &p->arena, &certs,
	    &p->endtime);
	return e == FLUFFY_OK ? put_certificates(step, &certs) : e;
}

static enum fluffy_error
make_pair(struct step *step)
{
	struct pair_step *p = step->pair;
	enum fluffy_error e;

	p->endtime = step->now + policy_lifetime(step->s->lifetime,
	    step->client.lifetime, step->service.lifetime);
	e = pkey_generate(step->s->ctx, &p->arena, step->msg->body->kty,
	    p->alg, bytes_of(NULL, 0), &p->pair);
	return e == FLUFFY_OK && p->cert ? certify(step) : e;
}

/* While there was no lock, a party may have got a new key, or may no longer. */
static enum fluffy_error
look_again(struct step *step)
{
	struct secret secret;
	enum fluffy_error e;

	e = store_secret_by_kid(step->s, keyid_bytes(&step->secret.kid),
	    &secret);
	secret_wipe(&secret);
	if (e == FLUFFY_E_NOT_FOUND)
		return refuse(step->s->ctx, step->msg, "authenticator",
		    FLUFFY_E_AUTH_FAILED, "its key was dropped meanwhile");
	if (e != FLUFFY_OK || !HAS(step->msg->body, L_spname))
		return e;
	if ((e = check_pair_policy(step)) != FLUFFY_OK)
		return e;
	e = sealing_secret(step->s, step->msg->body->spname, step->now,
	    &step->pair->service_secret);
	if (e == FLUFFY_E_NOT_FOUND) {
		step->enrolled = false;
		e = check_service(step);
	}
	return e;
}

/*
 * A pair takes its time, and a CA may be far away: the request with its nonce
 * is made durable first, and nobody has to wait for the store's lock.
 */
static enum fluffy_error
make_pair_unlocked(struct step *step)
{
	enum fluffy_error e, again;

	/* what a failed request left behind must not be made durable */
	if (step->s->batch_failed)
		return fluffy_fail(step->s->ctx, FLUFFY_E_STORE, NULL,
		    "a request of this batch failed");
	if ((e = store_commit(step->s)) != FLUFFY_OK)
		return e;
	e = make_pair(step);
	/* who is gone gets no ERROR of the CA's either */
	if ((again = store_begin(step->s)) == FLUFFY_OK)
		again = look_again(step);
	return again != FLUFFY_OK ? again : e;
}

static enum fluffy_error
record(struct step *step)
{
	struct pair_step *p = step->pair;
	struct issued issued = { .client = step->secret.owner,
	    .service = step->service.name, .alg = p->alg,
	    .authtime = step->now, .endtime = p->endtime };
	enum fluffy_error e;

	e = store_new_keyid(step->s, step->now, &issued.keyid);
	PUT(p->pair, keyid, L_keyid, arena_dup(&p->arena,
	    keyid_bytes(&issued.keyid)));
	return e == FLUFFY_OK ? store_issued_add(step->s, &issued) : e;
}

/* ---- SKDC: PKP-REP -------------------------------------------------------------------------- */

/* What miniticket and receipt have in common. */
static void
put_common(struct fluffy_msg *msg, struct part *part, const struct step *step,
    struct keydata *k)
{
	const struct req_body *body = step->msg->body;

	if (HAS(body, L_cpac))
		PUT_BYTES(msg, part, cpac, L_cpac, body->cpac);
	PUT(part, authtime, L_authtime, step->now);
	PUT(part, keydata, L_keydata, k);
}

static enum fluffy_error
put_mticket(struct step *step, struct fluffy_msg *msg)
{
	const struct party *party = &step->s->party;
	const struct req_body *body = step->msg->body;
	struct pair_step *p = step->pair;
	struct mticket *t = message_map(msg, L_mticket);
	struct part *part;
	struct keydata *k;
	uint8_t iv[IV_MAX];
	enum fluffy_error e;

	if (t == NULL || (part = seal_part(msg, t, L_enc_part)) == NULL)
		return fluffy_fail_memory(step->s->ctx);
	PUT_BYTES(msg, t, skdcrealm, L_skdcrealm, name_bytes(&party->realm));
	PUT_BYTES(msg, t, skdcname, L_skdcname, name_bytes(&party->name));
	if (HAS(body, L_sprealm))
		PUT_BYTES(msg, t, sprealm, L_sprealm, body->sprealm);
	PUT_BYTES(msg, t, spname, L_spname, body->spname);
	PUT_BYTES(msg, part, crealm, L_crealm, name_bytes(&party->realm));
	PUT_BYTES(msg, part, cname, L_cname, name_bytes(&step->secret.owner));
	e = pkey_public(step->s->ctx, &p->arena, p->pair, &k);
	if (e != FLUFFY_OK)
		return e;
	put_common(msg, part, step, k);
	/* a certificate says itself how long it is valid (draft, 7.2) */
	if (!p->cert)
		PUT(part, endtime, L_endtime, p->endtime);
	e = ctx_random(step->s->ctx, iv, sizeof(iv));
	return e == FLUFFY_OK ? seal_under_secret(step->s, msg, t,
	    L_enc_part, part, &p->service_secret, iv, false) : e;
}

static enum fluffy_error
put_receipt(struct step *step, struct fluffy_msg *msg)
{
	const struct party *party = &step->s->party;
	const struct req_body *body = step->msg->body;
	struct pair_step *p = step->pair;
	struct part *part = seal_part(msg, msg, L_receipt);
	uint8_t iv[IV_MAX];
	enum fluffy_error e;

	if (part == NULL)
		return fluffy_fail_memory(step->s->ctx);
	PUT_BYTES(msg, part, skdcrealm, L_skdcrealm,
	    name_bytes(&party->realm));
	PUT_BYTES(msg, part, skdcname, L_skdcname, name_bytes(&party->name));
	if (HAS(body, L_sprealm))
		PUT_BYTES(msg, part, sprealm, L_sprealm, body->sprealm);
	if (HAS(body, L_spname))
		PUT_BYTES(msg, part, spname, L_spname, body->spname);
	put_common(msg, part, step, p->pair);
	PUT_BYTES(msg, part, nonce, L_nonce, step->part->nonce);
	PUT(part, endtime, L_endtime, p->endtime);
	e = ctx_random(step->s->ctx, iv, sizeof(iv));
	return e == FLUFFY_OK ? seal_under_secret(step->s, msg, msg,
	    L_receipt, part, &step->secret, iv, false) : e;
}

static enum fluffy_error
make_answer(struct step *step, fluffy_msgs *out)
{
	fluffy_ctx *ctx = step->s->ctx;
	struct fluffy_msg *msg = message_new(FLUFFY_PKP_REP), *done;
	enum fluffy_error e = FLUFFY_OK;

	if (msg == NULL)
		return fluffy_fail_memory(ctx);
	PUT_BYTES(msg, msg, crealm, L_crealm,
	    name_bytes(&step->s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&step->secret.owner));
	if (HAS(step->msg->body, L_spname))
		e = put_mticket(step, msg);
	if (e == FLUFFY_OK)
		e = put_receipt(step, msg);
	if (e == FLUFFY_OK)
		e = check_emitted(ctx, msg);
	e = message_finish(ctx, e, &msg, &done);
	if (e != FLUFFY_OK)
		return e;
	/* their key is in the step's arena, which goes away */
	done->receipt.plain = NULL;
	if (done->mticket != NULL)
		done->mticket->enc_part.plain = NULL;
	return msgs_add(ctx, out, &done);
}

enum fluffy_error
pkp_answer(struct step *step, fluffy_msgs *out)
{
	struct pair_step p;
	enum fluffy_error e;

	memset(&p, 0, sizeof(p));
	step->pair = &p;
	e = RUN_CHECKS(step, pkp_req_checks);
	if (e == FLUFFY_OK)
		e = make_pair_unlocked(step);
	if (e == FLUFFY_OK)
		e = record(step);
	if (e == FLUFFY_OK)
		e = make_answer(step, out);
	arena_free(&p.arena);
	OPENSSL_cleanse(&p, sizeof(p));
	step->pair = NULL;
	return e;
}

/* ---- client: takes PKP-REP --------------------------------------------------------------------- */

/* The miniticket is there when a service was named, and for that service. */
static enum fluffy_error
check_rep_ticket(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct part *receipt = step->part;
	const struct mticket *t = msg->mticket;
	struct bytes own = name_bytes(&step->s->party.skdcrealm);
	enum fluffy_error e;

	if ((t != NULL) != HAS(receipt, L_spname))
		return refuse(step->s->ctx, msg, "mticket",
		    FLUFFY_E_AUTH_FAILED, t == NULL ? "missing" :
		    "for nobody that the receipt names");
	if (t == NULL)
		return FLUFFY_OK;
	e = check_name(step->s->ctx, msg, "receipt.sprealm",
	    REALM(receipt, sprealm, L_sprealm, own),
	    REALM(t, sprealm, L_sprealm, own));
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, msg, "receipt.spname",
		    receipt->spname, t->spname);
	return e;
}

static enum fluffy_error
check_rep_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct party *party = &step->s->party;
	fluffy_ctx *ctx = step->s->ctx;
	enum fluffy_error e;

	if ((e = check_name(ctx, msg, "crealm", msg->crealm,
	    name_bytes(&party->realm))) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "cname", msg->cname,
	    name_bytes(&party->name))) != FLUFFY_OK ||
	    (e = check_name(ctx, msg, "receipt.skdcrealm",
	    step->part->skdcrealm, name_bytes(&party->skdcrealm))) !=
	    FLUFFY_OK ||
	    (e = check_name(ctx, msg, "receipt.skdcname",
	    step->part->skdcname, name_bytes(&party->skdcname))) != FLUFFY_OK)
		return e;
	return check_rep_ticket(step);
}

static enum fluffy_error
check_rep_skdc(struct step *step)
{
	return step->msg->mticket == NULL ? FLUFFY_OK :
	    check_mticket_skdc(step);
}

static enum fluffy_error
check_rep_pending(struct step *step)
{
	const struct part *receipt = step->part;
	const struct pending *p = &step->pending;
	struct bytes own = name_bytes(&step->s->party.skdcrealm);
	enum fluffy_error e;

	e = check_pending(step, "receipt.nonce", FLUFFY_PKP_REQ);
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, step->msg, "receipt.spname",
		    receipt->spname, name_bytes(&p->service));
	if (e == FLUFFY_OK)
		e = check_name(step->s->ctx, step->msg, "receipt.sprealm",
		    REALM(receipt, sprealm, L_sprealm, own),
		    p->realm.n > 0 ? name_bytes(&p->realm) : own);
	return e;
}

static enum fluffy_error
check_rep_pair(struct step *step)
{
	uint64_t not_after;

	return check_pair(step, "receipt", step->part->keydata, &not_after);
}

static enum fluffy_error
check_rep_alg(struct step *step)
{
	enum fluffy_error e = check_asked_alg(step);

	if (e == FLUFFY_OK)
		e = session_of(step, "receipt", step->part,
		    name_bytes(&step->pending.realm),
		    name_bytes(&step->pending.service));
	return e;
}

static const struct check pkp_rep_checks[] = {
	{ "skdc", check_rep_skdc },
	{ "seal", check_receipt_seal, OPENS_BY_KID },
	{ "pair", check_rep_pair },
	{ "names", check_rep_names },
	{ "pending", check_rep_pending },
	{ "etype", check_rep_alg },
	{ "endtime", check_endtime },
	{ "deleted", check_deleted }
};

static enum fluffy_error
keep_pair(struct step *step)
{
	const struct session *session = &step->session;
	const struct pair pair = { .keyid = session->keyid,
	    .realm = session->realm, .name = session->peer,
	    .authtime = session->authtime, .endtime = session->endtime,
	    .cpac = session->pac, .keydata = step->part->keydata };

	return store_pair_add(step->s, &pair);
}

enum fluffy_error
pkp_rep_take(struct step *step, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e = RUN_CHECKS(step, pkp_rep_checks);

	if (e == FLUFFY_OK)
		e = store_pending_remove(step->s, step->part->nonce);
	if (e == FLUFFY_OK)
		e = keep_pair(step);
	if (e == FLUFFY_OK && step->msg->mticket != NULL)
		e = psk_estb_make(step->s, step->msg, &step->session,
		    step->part->keydata, extras, out);
	if (e == FLUFFY_OK)
		outcome_set(outcome, FLUFFY_PAIR_RECEIVED, &step->session);
	return e;
}

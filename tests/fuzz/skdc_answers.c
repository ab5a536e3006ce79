/* skdc_answers.c - what an SKDC's answer has to be */
#include "pkey.h"
#include "policy.h"
#include "skdc.h"

bool explaining;

static const struct secret *
secret_of(struct bytes kid)
{
	for (size_t i = 0; i < N_DEVICES; i++)
		if (bytes_eq(keyid_bytes(&secrets[i].kid), kid))
			return &secrets[i];
	return NULL;
}

static struct part *
opened(struct fluffy_msg *msg, void *container, int label,
    struct bytes *owner)
{
	struct sealed *sealed = sealed_member(container, label);
	const struct secret *secret = secret_of(sealed->kid);

	CHECK(secret != NULL);
	must(seal_open(fuzz_ctx(), msg, container, label, &secret->key));
	*owner = name_bytes(&secret->owner);
	return sealed->plain;
}

static bool
asked_for(const struct req_body *body, int64_t alg)
{
	for (uint8_t i = 0; i < body->etype.n; i++)
		if (body->etype.v[i] == alg)
			return true;
	return false;
}

static void
check_rep(const struct fluffy_msg *req, struct fluffy_msg *rep)
{
	const struct req_body *body = req->body;
	const struct part *receipt, *ticket;
	struct mticket *t = rep->mticket;
	struct bytes client, service;

	CHECK(rep->type == FLUFFY_PSK_REP);
	receipt = opened(rep, rep, L_receipt, &client);
	ticket = opened(rep, t, L_enc_part, &service);
	CHECK(secret_of(req->authenticator.kid) ==
	    secret_of(rep->receipt.kid));
	CHECK(bytes_eq(rep->crealm, BYTES("home")));
	CHECK(bytes_eq(rep->cname, client));
	CHECK(bytes_eq(ticket->crealm, BYTES("home")));
	CHECK(bytes_eq(ticket->cname, client));
	CHECK(bytes_eq(t->skdcrealm, BYTES("home")));
	CHECK(bytes_eq(t->skdcname, BYTES("skdc")));
	CHECK(bytes_eq(receipt->skdcrealm, t->skdcrealm));
	CHECK(bytes_eq(receipt->skdcname, t->skdcname));
	CHECK(bytes_eq(t->spname, body->spname));
	CHECK(bytes_eq(t->spname, service));
	CHECK(bytes_eq(receipt->spname, service));
	CHECK(HAS(t, L_sprealm) == HAS(body, L_sprealm));
	CHECK(HAS(receipt, L_sprealm) == HAS(body, L_sprealm));
	CHECK(bytes_eq(t->sprealm, body->sprealm));
	CHECK(bytes_eq(receipt->sprealm, body->sprealm));
	CHECK(HAS(ticket, L_cpac) == HAS(body, L_cpac));
	CHECK(bytes_eq(ticket->cpac, body->cpac));
	CHECK(bytes_eq(receipt->cpac, body->cpac));
	CHECK(bytes_eq(receipt->nonce, req->authenticator.plain->nonce));
	CHECK(receipt->authtime == FUZZ_NOW);
	CHECK(ticket->authtime == FUZZ_NOW);
	CHECK(receipt->endtime == FUZZ_NOW + LIFETIME_DEFAULT);
	CHECK(ticket->endtime == receipt->endtime);
	CHECK(asked_for(body, receipt->keydata->alg));
	CHECK(ticket->keydata->alg == receipt->keydata->alg);
	CHECK(receipt->keydata->keyid.n == 8);
	CHECK(bytes_eq(ticket->keydata->keyid, receipt->keydata->keyid));
	CHECK(bytes_eq(ticket->keydata->key, receipt->keydata->key));
	CHECK(!bytes_eq(rep->receipt.iv, t->enc_part.iv));
}

/* GSK-REP, GSK-DLVR */
static void
check_group_key(const struct fluffy_msg *req, struct fluffy_msg *rep)
{
	const struct req_body *body = req->body;
	const struct part *receipt;
	struct bytes owner;

	CHECK(rep->type == req->type + 1);
	receipt = opened(rep, rep, L_receipt, &owner);
	CHECK(secret_of(req->authenticator.kid) ==
	    secret_of(rep->receipt.kid));
	CHECK(bytes_eq(rep->type == FLUFFY_GSK_REP ? rep->spname : rep->cname,
	    owner));
	CHECK(bytes_eq(rep->type == FLUFFY_GSK_REP ? rep->sprealm :
	    rep->crealm, BYTES("home")));
	CHECK(bytes_eq(receipt->skdcrealm, BYTES("home")));
	CHECK(bytes_eq(receipt->skdcname, BYTES("skdc")));
	CHECK(HAS(receipt, L_mcastrealm) == HAS(body, L_mcastrealm));
	CHECK(bytes_eq(receipt->mcastrealm, body->mcastrealm));
	CHECK(bytes_eq(receipt->mcastname, body->mcastname));
	CHECK(bytes_eq(receipt->nonce, req->authenticator.plain->nonce));
	CHECK(receipt->authtime == FUZZ_NOW);
	CHECK(receipt->endtime > FUZZ_NOW);
	CHECK(receipt->endtime <= FUZZ_NOW + LIFETIME_MAX);
	CHECK(receipt->keydata->keyid.n == 8);
	if (req->type == FLUFFY_GSK_REQ)
		CHECK(asked_for(body, receipt->keydata->alg));
	else if (HAS(body, L_keyid))
		CHECK(bytes_eq(receipt->keydata->keyid, body->keyid));
}

/* Only the client gets the private half; the service gets the same key. */
static void
check_halves(const struct keydata *pair, const struct keydata *public)
{
	CHECK(pkey_is_pair(pair) && !pkey_is_pair(public));
	CHECK(pair->kty == public->kty && pair->alg == public->alg);
	CHECK(bytes_eq(pair->keyid, public->keyid));
	CHECK(bytes_eq(pair->pkey->x, public->pkey->x));
	CHECK(bytes_eq(pair->pkey->y, public->pkey->y));
	CHECK(bytes_eq(pair->pkey->n, public->pkey->n));
	CHECK(public->pkey->d.n == 0 && public->pkey->rsa_d.n == 0);
}

static void
check_pkp_rep(const struct fluffy_msg *req, struct fluffy_msg *rep)
{
	const struct req_body *body = req->body;
	const struct part *receipt, *ticket;
	struct bytes client, service;

	CHECK(rep->type == FLUFFY_PKP_REP);
	receipt = opened(rep, rep, L_receipt, &client);
	CHECK(secret_of(req->authenticator.kid) ==
	    secret_of(rep->receipt.kid));
	CHECK(bytes_eq(rep->cname, client));
	CHECK(bytes_eq(receipt->nonce, req->authenticator.plain->nonce));
	CHECK(HAS(receipt, L_spname) == HAS(body, L_spname));
	CHECK(HAS(receipt, L_sprealm) == HAS(body, L_sprealm));
	CHECK(bytes_eq(receipt->spname, body->spname));
	CHECK(receipt->endtime == FUZZ_NOW + LIFETIME_DEFAULT);
	CHECK(receipt->keydata->kty == body->kty);
	CHECK(asked_for(body, receipt->keydata->alg));
	CHECK((rep->mticket != NULL) == HAS(body, L_spname));
	if (rep->mticket == NULL)
		return;
	ticket = opened(rep, rep->mticket, L_enc_part, &service);
	CHECK(bytes_eq(service, body->spname));
	CHECK(bytes_eq(ticket->cname, client));
	CHECK(ticket->endtime == receipt->endtime);
	check_halves(receipt->keydata, ticket->keydata);
}

void
check_error(const struct fluffy_msg *req, enum fluffy_error e,
    struct fluffy_msg *error)
{
	bool ack = req != NULL && e != FLUFFY_E_MALFORMED &&
	    e != FLUFFY_E_BAD_VERSION && e != FLUFFY_E_WRONG_SKDC &&
	    e != FLUFFY_E_AUTH_FAILED;
	const struct sealed *proof;
	const struct part *part;
	struct bytes client;

	CHECK(error->type == FLUFFY_ERROR);
	CHECK(error->error_code == (int64_t)e);
	CHECK(HAS(error, L_skdcname) && HAS(error, L_skdcrealm));
	CHECK(HAS(error, L_ack) == ack);
	CHECK(HAS(error, L_crealm) == ack && HAS(error, L_cname) == ack);
	if (!ack)
		return;
	proof = req->type == FLUFFY_GSK_DELT ? &req->kenvelope :
	    &req->authenticator;
	part = opened(error, error, L_ack, &client);
	CHECK(secret_of(proof->kid) == secret_of(error->ack.kid));
	CHECK(bytes_eq(error->cname, client));
	CHECK(bytes_eq(error->crealm, BYTES("home")));
	CHECK(bytes_eq(part->nonce, proof->plain->nonce));
	CHECK(bytes_eq(part->skdcname, BYTES("skdc")));
	CHECK(part->authtime == FUZZ_NOW);
}

/* PSK-DELTs, or one GSK-DELC; after a PSK-DELC perhaps nothing. */
static void
check_deletion(const struct fluffy_msg *in, fluffy_msgs *out)
{
	struct bytes device;

	CHECK(out->n > 0 || in->type == FLUFFY_PSK_DELC);
	for (size_t i = 0; i < out->n; i++) {
		struct fluffy_msg *msg = out->v[i];
		bool delt = msg->type == FLUFFY_PSK_DELT;
		const struct part *part = opened(msg, msg, delt ?
		    L_kenvelope : L_ack, &device);

		CHECK(delt || (msg->type == FLUFFY_GSK_DELC && out->n == 1));
		CHECK(!delt || in->type == FLUFFY_GSK_DELT);
		CHECK(bytes_eq(delt ? msg->cname : msg->spname, device));
		CHECK(part->authtime == FUZZ_NOW);
		CHECK(!delt || part->endtime > FUZZ_NOW);
	}
}

static void
check_answers(struct fluffy_msg *in, fluffy_msgs *out)
{
	if (in->type == FLUFFY_GSK_DELT || in->type == FLUFFY_PSK_DELC)
		check_deletion(in, out);
	else {
		CHECK(out->n == 1);
		if (in->type == FLUFFY_PSK_REQ)
			check_rep(in, out->v[0]);
		else if (in->type == FLUFFY_PKP_REQ)
			check_pkp_rep(in, out->v[0]);
		else
			check_group_key(in, out->v[0]);
	}
}

bool
is_request(int64_t type)
{
	return type == FLUFFY_PSK_REQ || type == FLUFFY_GSK_REQ ||
	    type == FLUFFY_GSK_FET || type == FLUFFY_GSK_DELT ||
	    type == FLUFFY_PKP_REQ;
}

static enum fluffy_error
explain_first(struct fluffy_msg *req)
{
	enum fluffy_error e;

	must(fluffy_skdc_commit(skdc));
	e = explained(skdc, req);
	must(fluffy_skdc_begin(skdc));
	return e;
}

enum fluffy_error
answers(struct fluffy_msg *req, fluffy_msgs *out)
{
	enum fluffy_error would = explaining ? explain_first(req) : FLUFFY_OK;
	enum fluffy_error e = fluffy_skdc_answer(skdc, req, out);

	CHECK(!explaining || e == would);
	for (size_t i = 0; i < out->n; i++)
		check_written(out->v[i]);
	if (e == FLUFFY_OK) {
		check_answers(req, out);
		return e;
	}
	check_why(e);
	CHECK(e != FLUFFY_E_INTERNAL && e != FLUFFY_E_STORE);
	CHECK(out->n == is_request(req->type));
	if (out->n == 1)
		check_error(req, e, out->v[0]);
	else
		CHECK(e == FLUFFY_E_UNEXPECTED ||
		    req->type == FLUFFY_PSK_DELC);
	return e;
}

enum fluffy_error
answer(struct fluffy_msg *req)
{
	fluffy_msgs out;
	enum fluffy_error e = answers(req, &out);

	fluffy_msgs_free(&out);
	return e;
}

void
answer_twice(struct fluffy_msg *req, enum fluffy_error first)
{
	enum fluffy_error again = answer(req);

	if (is_request(req->type) && (first == FLUFFY_OK ||
	    first == FLUFFY_E_REPLAY ||
	    (first >= FLUFFY_E_UNKNOWN_SERVICE && first <= FLUFFY_E_NO_CA)))
		CHECK(again == FLUFFY_E_REPLAY);
	else
		CHECK(again == first);
}

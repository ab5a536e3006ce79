/*
 * request.c - what a device asks its SKDC: the parts that all requests have
 * (draft, sections 2.1 and 2.4)
 */
#include "alg.h"
#include "decode.h"
#include "exchange.h"
#include "policy.h"
#include "text.h"

/* ---- parameters ------------------------------------------------------------- */

enum fluffy_error
request_name(fluffy_store *s, const char *what, const char *name,
    bool optional)
{
	if (name == NULL ? optional : name_valid(bytes_str(name)))
		return FLUFFY_OK;
	return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, what, NAME_EXPECTED);
}

enum fluffy_error
request_etypes(fluffy_store *s, const char *list, struct tokens *etypes)
{
	struct bytes offender;

	*etypes = (struct tokens){ .v = { ALG_SESSION_DEFAULT }, .n = 1,
	    .bare = true };
	if (list == NULL || policy_parse_etypes(list, etypes, &offender))
		return FLUFFY_OK;
	return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "etype",
	    "\"%.*s\" isn't a content encryption, or is there twice",
	    (int)offender.n, (const char *)offender.p);
}

struct req_body *
request_body(fluffy_store *s, struct fluffy_msg *msg, struct pending *pending,
    int64_t kty, const struct tokens *etypes)
{
	struct req_body *body = message_map(msg, L_req_body);

	if (body == NULL)
		return NULL;
	if (etypes != NULL) {
		PUT(body, kty, L_kty, kty);
		PUT(body, etype, L_etype, *etypes);
		pending->kty = kty;
		pending->etypes = *etypes;
	}
	PUT_BYTES(msg, body, skdcrealm, L_skdcrealm,
	    name_bytes(&s->party.skdcrealm));
	PUT_BYTES(msg, body, skdcname, L_skdcname,
	    name_bytes(&s->party.skdcname));
	return body;
}

/* ---- the sealed part ---------------------------------------------------------- */

/* All the randomness of a request. */
struct request_random {
	uint8_t nonce[NONCE_SIZE];
	uint8_t iv[IV_MAX];
};

/* Does the part have a member of that label? */
static bool
takes(const struct part *part, int label)
{
	return schema_row(part->head.schema, label) != NULL;
}

/* A client's, a service's, or a key envelope, which names nobody. */
static struct part *
new_part(fluffy_store *s, struct fluffy_msg *msg, const struct asking *asking,
    uint64_t now, const uint8_t nonce[NONCE_SIZE])
{
	struct bytes realm = name_bytes(&s->party.realm);
	struct bytes name = name_bytes(&s->party.name);
	struct part *part = seal_part(msg, msg, asking->sealed);

	if (part == NULL)
		return NULL;
	if (takes(part, L_cname)) {
		PUT_BYTES(msg, part, crealm, L_crealm, realm);
		PUT_BYTES(msg, part, cname, L_cname, name);
		PUT(part, ctime, L_ctime, now);
	} else if (takes(part, L_spname)) {
		PUT_BYTES(msg, part, sprealm, L_sprealm, realm);
		PUT_BYTES(msg, part, spname, L_spname, name);
		PUT(part, sptime, L_sptime, now);
	} else
		PUT(part, authtime, L_authtime, now);
	PUT_BYTES(msg, part, nonce, L_nonce, bytes_of(nonce, NONCE_SIZE));
	if (asking->extras->has_seqnum)
		PUT(part, seqnum, L_seqnum, asking->extras->seqnum);
	return part;
}

/* ---- the whole ------------------------------------------------------------------ */

static enum fluffy_error
seal(fluffy_store *s, struct fluffy_msg *msg, const struct asking *asking,
    struct part *part, uint64_t now, const uint8_t *iv)
{
	struct secret secret;
	enum fluffy_error e;

	e = sealing_secret(s, name_bytes(&s->party.name), now, &secret);
	if (e == FLUFFY_OK)
		e = seal_under_secret(s, msg, msg, asking->sealed, part,
		    &secret, iv, asking->extras->cksum);
	secret_wipe(&secret);
	return e;
}

static enum fluffy_error
make(fluffy_store *s, struct fluffy_msg *msg, const struct asking *asking)
{
	uint64_t now = fluffy_now(s->ctx);
	struct pending pending = { .type = asking->type, .time = now,
	    .nonce_n = NONCE_SIZE };
	struct request_random random;
	struct part *part;
	enum fluffy_error e;

	if ((e = ctx_random(s->ctx, &random, sizeof(random))) != FLUFFY_OK)
		return e;
	memcpy(pending.nonce, random.nonce, NONCE_SIZE);
	part = new_part(s, msg, asking, now, random.nonce);
	if (part == NULL)
		return fluffy_fail_memory(s->ctx);
	e = asking->fill(s, msg, part, &pending, asking->params);
	if (e == FLUFFY_OK)
		e = put_json(s->ctx, msg, &msg->head, &msg->ext, L_ext,
		    asking->extras->ext);
	if (e == FLUFFY_OK)
		e = seal(s, msg, asking, part, now, random.iv);
	if (e == FLUFFY_OK)
		e = check_emitted(s->ctx, msg);
	return e == FLUFFY_OK ? store_pending_add(s, &pending) : e;
}

enum fluffy_error
request_make(fluffy_store *s, const struct asking *asking, fluffy_msg **out)
{
	struct fluffy_msg *msg;
	enum fluffy_error e;

	*out = NULL;
	if (s->party.role != ROLE_DEVICE)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "an SKDC's store can't make a request");
	if ((e = store_begin(s)) != FLUFFY_OK)
		return e;
	msg = message_new(asking->type);
	e = msg == NULL ? fluffy_fail_memory(s->ctx) :
	    store_prune(s, fluffy_now(s->ctx));
	if (e == FLUFFY_OK)
		e = make(s, msg, asking);
	if ((e = message_finish(s->ctx, e, &msg, out)) == FLUFFY_OK &&
	    (e = store_commit(s)) != FLUFFY_OK)
		fluffy_msg_free(out);
	store_rollback(s);
	return e;
}

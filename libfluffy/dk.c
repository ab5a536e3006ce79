/* dk.c - what the steps of section 11 share */
#include "dk.h"

enum fluffy_error
dk_check_role(fluffy_store *s, enum role role)
{
	if (s->party.role == role)
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
	    role == ROLE_ANCHOR ? "this store is a resource server's or "
	    "client's, not a trust anchor's" :
	    "this store is a trust anchor's, not a resource server's or "
	    "client's");
}

enum fluffy_error
dk_change(fluffy_ctx *ctx, const char *path, const struct party *party,
    store_fn *change, void *arg)
{
	fluffy_store *s = NULL;
	enum fluffy_error e;

	if (!store_exists(path))
		e = store_create(ctx, path, party, change, arg, &s);
	else if ((e = fluffy_dk_open(ctx, path, 0, &s)) == FLUFFY_OK &&
	    (e = dk_check_role(s, party->role)) == FLUFFY_OK)
		e = store_change(s, change, arg);
	fluffy_store_close(&s);
	return e;
}

enum fluffy_error
dk_anchor_of(fluffy_store *s, const char *rs, struct anchor *a)
{
	enum fluffy_error e;

	e = store_anchor(s, name_bytes(&s->party.name), bytes_str(rs), a);
	if (e != FLUFFY_E_NOT_FOUND)
		return e;
	return fluffy_fail_at(s->ctx, e, "rs", "no resource server \"%s\"",
	    rs);
}

enum fluffy_error
dk_fresh(fluffy_store *s, const struct anchor *a, uint32_t number,
    bool *fresh)
{
	enum fluffy_error e;
	bool revoked;

	*fresh = false;
	e = store_revoked(s, a, number, &revoked);
	if (e == FLUFFY_OK)
		*fresh = !revoked && window_fresh(&a->window, number);
	return e;
}

/*
 * A credential is joined by the client that it is for; its RS would be shown
 * what is in it.
 */
enum fluffy_error
node_judge(struct step *step, fluffy_outcome *outcome)
{
	const struct fluffy_msg *msg = step->msg;
	struct bytes name = name_bytes(&step->s->party.name);
	enum fluffy_error e = check_receiver(step,
	    step->type >= FLUFFY_DK_PROV && step->type <= FLUFFY_DK_REVOKE,
	    "expected a document of DerivedKey or AuthorizedPublicKey");

	(void)outcome;
	if (e != FLUFFY_OK)
		return e;
	switch (step->type) {
	case FLUFFY_DK_CRED:
	case FLUFFY_DK_CERT:
		if (bytes_eq(msg->rs, name) && !bytes_eq(msg->cname, name))
			return dk_shown_judge(step);
		return dk_join_judge(step);
	case FLUFFY_DK_PROV:
		return dk_join_judge(step);
	default:
		return dk_revoke_take(step);
	}
}

struct fluffy_msg *
dk_document(enum fluffy_type type, const struct anchor *a)
{
	struct fluffy_msg *msg = message_new(type);

	if (msg == NULL)
		return NULL;
	PUT_BYTES(msg, msg, ta, L_ta, name_bytes(&a->ta));
	PUT_BYTES(msg, msg, rs, L_rs, name_bytes(&a->rs));
	return msg;
}

struct symm
dk_key(struct bytes b)
{
	struct symm key = { .n = (uint8_t)b.n };

	memcpy(key.b, b.p, b.n);
	return key;
}

enum fluffy_error
dk_give(fluffy_ctx *ctx, struct bytes from, fluffy_bytes *to)
{
	struct buffer b = BUFFER(from.n);

	buffer_add(&b, from.p, from.n);
	return buffer_take(&b, to) ? FLUFFY_OK : fluffy_fail_memory(ctx);
}

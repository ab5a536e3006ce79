/* open.c - showing what a store's keys open, whatever the message's time */
#include <openssl/crypto.h>

#include "exchange.h"

/* A wrong key here is no failure: the part stays closed. */
static enum fluffy_error
try_key(fluffy_store *s, fluffy_msg *msg, void *container, int label,
    const struct symm *key)
{
	enum fluffy_error e;

	if (sealed_member(container, label)->sign1)
		return FLUFFY_OK;
	e = seal_open(s->ctx, msg, container, label, key);
	return fluffy_error_status(e) == FLUFFY_BROKEN ? e : FLUFFY_OK;
}

/* By the part's kid: a secret key, or a session key in either role. */
static enum fluffy_error
open_by_kid(fluffy_store *s, fluffy_msg *msg, void *container, int label)
{
	struct bytes kid = sealed_member(container, label)->kid;
	struct session session;
	struct secret secret;
	enum fluffy_error e;

	memset(&session, 0, sizeof(session));
	e = store_secret_by_kid(s, kid, &secret);
	if (e == FLUFFY_OK)
		e = try_key(s, msg, container, label, &secret.key);
	else if (e == FLUFFY_E_NOT_FOUND && s->party.role == ROLE_DEVICE) {
		e = store_session(s, kid, AS_CLIENT, &session);
		if (e == FLUFFY_E_NOT_FOUND)
			e = store_session(s, kid, AS_SERVICE, &session);
		if (e == FLUFFY_OK)
			e = try_key(s, msg, container, label, &session.key);
	}
	secret_wipe(&secret);
	session_wipe(&session);
	return e == FLUFFY_E_NOT_FOUND ? FLUFFY_OK : e;
}

/* The session key in the opened miniticket opens PSK-ESTB's authenticator. */
static enum fluffy_error
open_by_ticket(fluffy_store *s, fluffy_msg *msg)
{
	const struct part *ticket = msg->mticket->enc_part.plain;
	struct symm key = { 0 };
	enum fluffy_error e;

	if (ticket == NULL || ticket->keydata->kty != KTY_SYMM)
		return FLUFFY_OK;
	key.alg = ticket->keydata->alg;
	key.n = (uint8_t)ticket->keydata->key.n;
	memcpy(key.b, ticket->keydata->key.p, ticket->keydata->key.n);
	e = try_key(s, msg, msg, L_authenticator, &key);
	symm_wipe(&key);
	return e;
}

/* The client's own store has the session key, but no part tells its keyid. */
struct search {
	fluffy_store *s;
	fluffy_msg *msg;
	enum fluffy_error e;
};

static int
try_session(void *arg, const fluffy_entry *entry)
{
	struct search *search = arg;
	struct session session;

	if (entry->kind != FLUFFY_SESSION || !bytes_eq(bytes_str(entry->name),
	    search->msg->mticket->spname))
		return 0;
	memset(&session, 0, sizeof(session));
	search->e = store_session(search->s, bytes_of(entry->keyid,
	    entry->keyid_len), AS_CLIENT, &session);
	if (search->e == FLUFFY_OK)
		search->e = try_key(search->s, search->msg, search->msg,
		    L_authenticator, &session.key);
	else if (search->e == FLUFFY_E_NOT_FOUND)
		search->e = FLUFFY_OK;
	session_wipe(&session);
	return search->e != FLUFFY_OK ||
	    search->msg->authenticator.plain != NULL;
}

static enum fluffy_error
open_by_search(fluffy_store *s, fluffy_msg *msg)
{
	struct search search = { s, msg, FLUFFY_OK };
	enum fluffy_error e;

	if (s->party.role != ROLE_DEVICE)
		return FLUFFY_OK;
	e = fluffy_list(s, try_session, &search);
	return e == FLUFFY_OK ? search.e : e;
}

/* Is the member there, sealed, and still closed? */
static bool
is_closed(void *container, const struct row *row)
{
	const struct head *head = container;

	return row->kind == K_SEALED &&
	    (head->has & label_bit(row->label)) != 0 &&
	    sealed_member(container, row->label)->plain == NULL;
}

static enum fluffy_error
open_all(fluffy_store *s, fluffy_msg *msg, void *container)
{
	const struct schema *schema = ((const struct head *)container)->schema;
	enum fluffy_error e = FLUFFY_OK;
	uint8_t i;

	for (i = 0; i < schema->n_rows && e == FLUFFY_OK; i++) {
		const struct row *row = &schema->rows[i];

		if (!is_closed(container, row))
			continue;
		if (sealed_member(container, row->label)->has_kid)
			e = open_by_kid(s, msg, container, row->label);
		else if ((e = open_by_ticket(s, msg)) == FLUFFY_OK &&
		    is_closed(container, row))
			e = open_by_search(s, msg);
	}
	return e;
}

enum fluffy_error
fluffy_msg_open(fluffy_msg *msg, fluffy_store *s)
{
	enum fluffy_error e = FLUFFY_OK;

	/* the ticket first: its key opens the authenticator beside it */
	if (msg->mticket != NULL)
		e = open_all(s, msg, msg->mticket);
	return e == FLUFFY_OK ? open_all(s, msg, msg) : e;
}

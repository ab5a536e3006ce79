/* dk-client.c - fluffy-dk connect: one session after another */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dk-client.h"
#include "report.h"

#define DROPPED 1000	/* datagrams that waited in vain, at the most */

/* ---- between CoAP clients and session ------------------------------------ */

static void
send_to_server(void *arg, const void *data, size_t len)
{
	struct client *c = arg;

	if (send(c->remote.fd, data, len, 0) < 0)
		report_tell("%s: %s", c->server, strerror(errno));
}

/* What comes before the number is known to be used is lost. */
static void
send_to_client(void *arg, const void *data, size_t len)
{
	struct client *c = arg;
	const struct udp_path *to = coap_answered(&c->match, data, len);

	if (c->open && to != NULL)
		udp_reply(c->local.fd, to, data, len);
}

static const struct dtls_owner owner = { send_to_server, send_to_client };

/* ---- sessions ------------------------------------------------------------ */

static const struct dtls_transport *
transport_for(const fluffy_dk_credential *credential)
{
	if (credential->nonce.len > 0)
		return &dtls_derived_key;
#ifdef WITH_MBEDTLS
	return &dtls_authorized_public_key;
#else
	return NULL;
#endif
}

/* The next credential that this program can use; reports why there is none. */
static const struct dtls_transport *
next_credential(struct client *c)
{
	const struct dtls_transport *transport = NULL;
	bool skipped = false;
	enum fluffy_error error = FLUFFY_OK;

	while (transport == NULL && error == FLUFFY_OK) {
		int64_t after = c->credential.id;

		fluffy_dk_credential_free(&c->credential);
		error = fluffy_dk_next(c->store, c->rs, after, &c->credential);
		if (error == FLUFFY_OK) {
			transport = transport_for(&c->credential);
			skipped |= transport == NULL;
		}
	}
	if (error == FLUFFY_E_NOT_FOUND && skipped)
		report_error(FLUFFY_E_USAGE, "", "only credentials of "
		    "AuthorizedPublicKey are left, and this fluffy-dk was "
		    "built without --with-mbedtls");
	else if (error != FLUFFY_OK && c->rs == NULL &&
	    strcmp(fluffy_why(c->ctx).field, "rs") == 0)
		report_error(error, "--rs", "%s", fluffy_why(c->ctx).text);
	else if (error != FLUFFY_OK)
		report_why(c->ctx, error);
	return transport;
}

static void
give_up(struct client *c)
{
	c->relay.over = true;
}

/*
 * The first session tells whoever started this whether it works; a later one
 * that can't be opened is tried again when there is a new datagram.
 */
static void
session_failed(struct client *c)
{
	static uint8_t datagram[UDP_MAX];
	struct udp_path from;

	fluffy_dk_credential_free(&c->credential);
	if (!c->told || !relay_watch(&c->relay, &c->local)) {
		give_up(c);
		return;
	}
	for (int i = 0; i < DROPPED; i++)
		if (udp_receive(c->local.fd, datagram, &from) < 0)
			return;
}

/* CoAP clients' datagrams wait meanwhile. */
void
session_begin(struct client *c)
{
	const struct dtls_transport *transport = next_credential(c);

	if (transport != NULL)
		c->session = transport->connect(c->ctx, c->store,
		    &c->credential, &owner, c);
	if (c->session == NULL)
		give_up(c);
	c->ends = relay_now() + c->handshake;
}

static void
tell_listening(struct client *c)
{
	struct sockaddr_storage local;
	char name[ADDRESS_TEXT];

	if (c->told)
		return;
	c->told = true;
	udp_local(c->local.fd, &local);
	report_say("listening on %s", address_text(&local, name));
}

/* Its number is used now, which the store has to know before anything else. */
static void
session_opened(struct client *c)
{
	enum fluffy_error error = fluffy_dk_used(c->store, c->credential.id);

	if (error != FLUFFY_OK) {
		report_why(c->ctx, error);
		give_up(c);
		return;
	}
	c->open = true;
	c->ends = NEVER;
	report_say("connected to %s with number %" PRIu32 " by %s",
	    c->credential.rs, c->credential.number, c->credential.ta);
	if (relay_watch(&c->relay, &c->local))
		tell_listening(c);
	else
		give_up(c);
}

/*
 * An alert is nobody's word: the credential stays, for another time.  After an
 * open session the next one waits for a datagram.
 */
static void
session_over(struct client *c)
{
	bool was_open = c->open, refused = c->session->refused;

	if (was_open)
		report_say("closed%s%s", *c->session->why != '\0' ? ": " : "",
		    c->session->why);
	else if (refused)
		report_say("number %" PRIu32 " is refused: %s",
		    c->credential.number, c->session->why);
	else
		report_error(FLUFFY_E_AUTH_FAILED, "--to", "%s: %s",
		    c->server, c->session->why);
	c->session->transport->close(&c->session);
	c->open = false;
	if (!was_open && refused)
		session_begin(c);
	else if (!was_open)
		session_failed(c);
}

void
session_settle(struct client *c)
{
	while (c->session != NULL && !c->relay.over) {
		/* one datagram may have opened and ended it */
		if (c->session->opened && !c->open)
			session_opened(c);
		else if (c->session->state == DTLS_OVER)
			session_over(c);
		else
			return;
	}
}

void
session_overdue(struct client *c)
{
	report_error(FLUFFY_E_AUTH_FAILED, "--to", "%s didn't accept the key of "
	    "number %" PRIu32 ", or isn't there", c->server,
	    c->credential.number);
	c->session->transport->close(&c->session);
	session_failed(c);
}

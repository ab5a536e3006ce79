/* dk-client.h - fluffy-dk connect: one session after another */
#ifndef DK_CLIENT_H
#define DK_CLIENT_H

#include "coap-match.h"
#include "dtls.h"
#include "relay.h"

struct client {
	fluffy_ctx *ctx;
	fluffy_store *store;
	char server[ADDRESS_TEXT];	/* what --to is */
	const char *rs;			/* --rs */
	int64_t handshake;		/* milliseconds */
	struct relay relay;		/* over: there can't be a session */
	struct watch local, remote;	/* CoAP clients; the resource server */
	bool told;			/* that CoAP clients may come */
	fluffy_dk_credential credential; /* of the session, or tried last */
	struct dtls *session;		/* NULL: none */
	bool open;			/* the credential is used up */
	int64_t ends;			/* the handshake, if it is one; */
	int64_t timer;			/* when the session wants to know */
	struct coap_match match;
};

/* With the next credential.  Only while a session is open local is watched. */
void session_begin(struct client *);
/* After whatever the session did. */
void session_settle(struct client *);
/* The resource server was silent for too long. */
void session_overdue(struct client *);

#endif

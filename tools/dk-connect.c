/* dk-connect.c - client: a DTLS session for any CoAP client */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "coap-match.h"
#include "dk.h"
#include "dtls.h"
#include "relay.h"

static const char *store_path, *listen_at, *connect_to, *rs;
static struct option_number handshake = { .value = 20 };

struct client {
	fluffy_ctx *ctx;
	fluffy_store *store;
	struct relay relay;
	struct watch local, remote;	/* CoAP clients; the resource server */
	bool told;			/* that CoAP clients may come */
	fluffy_dk_credential credential; /* of the session, or tried last */
	struct dtls *session;
	bool open;			/* the credential is used up */
	int64_t ends;			/* the handshake, if it is one */
	int64_t timer;			/* the session's */
	struct coap_match match;
};

/* ---- between CoAP clients and session ------------------------------------ */

static void
send_to_server(void *arg, const void *data, size_t len)
{
	struct client *c = arg;

	if (send(c->remote.fd, data, len, 0) < 0)
		report_tell("%s: %s", connect_to, strerror(errno));
}

static void
send_to_client(void *arg, const void *data, size_t len)
{
	struct client *c = arg;
	const struct udp_path *to = coap_answered(&c->match, data, len);

	if (to != NULL)
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
		error = fluffy_dk_next(c->store, rs, after, &c->credential);
		if (error == FLUFFY_OK) {
			transport = transport_for(&c->credential);
			skipped |= transport == NULL;
		}
	}
	if (error == FLUFFY_E_NOT_FOUND && skipped)
		report_error(FLUFFY_E_USAGE, "", "only credentials of "
		    "AuthorizedPublicKey are left, and this fluffy-dk was "
		    "built without --with-mbedtls");
	else if (error != FLUFFY_OK)
		report_why(c->ctx, error);
	return transport;
}

static void
give_up(struct client *c)
{
	c->relay.over = true;
}

/* With the next credential.  CoAP clients' datagrams wait meanwhile. */
static void
session_begin(struct client *c)
{
	const struct dtls_transport *transport = next_credential(c);

	if (transport != NULL)
		c->session = transport->connect(c->ctx, c->store,
		    &c->credential, &owner, c);
	if (c->session == NULL)
		give_up(c);
	c->ends = relay_now() + (int64_t)handshake.value * 1000;
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
	report_say("connected to %s with number %" PRIu32, c->credential.rs,
	    c->credential.number);
	if (relay_watch(&c->relay, &c->local))
		tell_listening(c);
	else
		give_up(c);
}

/*
 * An alert is nobody's word: the credential stays, for another time.  What
 * comes after an open session waits for the next datagram.
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
		    connect_to, c->session->why);
	c->session->transport->close(&c->session);
	c->open = false;
	if (!was_open && refused)
		session_begin(c);
	else if (!was_open)
		give_up(c);
}

static void
session_settle(struct client *c)
{
	while (c->session != NULL && !c->relay.over) {
		if (c->session->state == DTLS_OVER)
			session_over(c);
		else if (c->session->state == DTLS_OPEN && !c->open)
			session_opened(c);
		else
			return;
	}
}

/* ---- what happens -------------------------------------------------------- */

static void
remote_ready(void *arg)
{
	static uint8_t datagram[UDP_MAX];
	struct client *c = arg;
	ssize_t n = recv(c->remote.fd, datagram, sizeof datagram, 0);

	if (n < 0)
		report_tell("%s: %s", connect_to, strerror(errno));
	else if (c->session != NULL)
		c->session->transport->input(c->session, datagram, (size_t)n);
	session_settle(c);
}

static void
relay_datagram(struct client *c)
{
	static uint8_t datagram[UDP_MAX];
	struct udp_path from;
	ssize_t n = udp_receive(c->local.fd, datagram, &from);

	if (n > DTLS_DATA_MAX)
		report_tell("a datagram has more than %d bytes",
		    DTLS_DATA_MAX);
	else if (n >= 0) {
		coap_sent(&c->match, datagram, (size_t)n, &from);
		c->session->transport->write(c->session, datagram, (size_t)n);
	}
}

static void
local_ready(void *arg)
{
	struct client *c = arg;

	if (c->session == NULL) {
		relay_forget(&c->relay, &c->local);
		session_begin(c);
	} else
		relay_datagram(c);
	session_settle(c);
}

static int
tick(void *arg)
{
	struct client *c = arg;
	int64_t now = relay_now();
	int left;

	if (c->session != NULL && now >= c->ends) {
		report_error(FLUFFY_E_AUTH_FAILED, "--to", "%s didn't accept "
		    "the key of number %" PRIu32 ", or isn't there",
		    connect_to, c->credential.number);
		give_up(c);
	} else if (c->session != NULL && now >= c->timer)
		c->session->transport->expired(c->session);
	session_settle(c);
	if (c->relay.over)
		return 0;
	left = c->session != NULL ?
	    c->session->transport->timeout(c->session) : -1;
	c->timer = left < 0 ? NEVER : relay_now() + left;
	return relay_until(c->timer < c->ends || c->session == NULL ?
	    c->timer : c->ends);
}

/* ---- beginning and end --------------------------------------------------- */

static bool
sockets_open(struct client *c)
{
	struct sockaddr_storage here, there;

	if (!address_parse("--listen", listen_at, &here) ||
	    !address_parse("--to", connect_to, &there))
		return false;
	c->local = (struct watch){ udp_listen("--listen", &here), local_ready,
		c };
	if (c->local.fd < 0)
		return false;
	c->remote = (struct watch){ udp_connect(&there), remote_ready, c };
	if (c->remote.fd < 0)
		report_errno("--to");
	return c->remote.fd >= 0;
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct client c;

	(void)operands;
	c.ctx = ctx;
	c.local.fd = c.remote.fd = -1;
	c.timer = NEVER;
	if (sockets_open(&c))
		c.store = dk_open(ctx, store_path, 0);
	if (c.store != NULL && relay_open(&c.relay)) {
		if (relay_watch(&c.relay, &c.remote)) {
			session_begin(&c);
			relay_run(&c.relay, tick, &c);
		}
		if (c.session != NULL)
			c.session->transport->close(&c.session);
		relay_close(&c.relay);
	}
	fluffy_dk_credential_free(&c.credential);
	fluffy_store_close(&c.store);
	if (c.local.fd >= 0)
		close(c.local.fd);
	if (c.remote.fd >= 0)
		close(c.remote.fd);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "listen", 0, "ADDRESS:PORT", "where CoAP clients of this host send to",
	  .needed = true, .text = &listen_at },
	{ "to", 0, "HOST:PORT", "where the resource server is",
	  .needed = true, .text = &connect_to },
	{ "rs", 0, "RS", "whose credentials are used, if there are several",
	  .text = &rs },
	{ "handshake", 0, "SECONDS", "give up a handshake after that (20)",
	  .number = &handshake, .min = 1, .max = 3600 },
	{ NULL }
};

const struct command dk_connect = {
	"connect", "", "Client: open a session with the next credential, and "
	"pass data on.", options, run
};

/* dk-connect.c - client: a DTLS session for any CoAP client */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "dk-client.h"
#include "dk.h"

static const char *store_path, *listen_at, *connect_to, *rs;
static struct option_number handshake = { .value = 20 };

/* ---- what happens -------------------------------------------------------- */

static void
remote_ready(void *arg)
{
	static uint8_t datagram[UDP_MAX];
	struct client *c = arg;
	ssize_t n = recv(c->remote.fd, datagram, sizeof datagram, 0);

	if (n < 0)
		report_say("%s: %s", c->server, strerror(errno));
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
	else if (n > 0) {
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

	if (c->session != NULL && now >= c->ends)
		session_overdue(c);
	else if (c->session != NULL && now >= c->timer)
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
	address_text(&there, c->server);
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
	c.rs = rs;
	c.handshake = (int64_t)handshake.value * 1000;
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

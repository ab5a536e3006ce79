/* dk-peer.c - fluffy-dk serve: one client, from its handshake to its end */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dk-peer.h"
#include "report.h"

/* ---- the end ------------------------------------------------------------- */

static void
peer_free(struct peer *p)
{
	p->session->transport->close(&p->session);
	if (p->forward.fd >= 0) {
		relay_forget(&p->server->relay, &p->forward);
		close(p->forward.fd);
	}
	free(p);
}

static void
peer_forget(struct peer *p)
{
	peers_remove(p->open ? &p->server->open : &p->server->half_open, p);
	peer_free(p);
}

void
peer_end(struct peer *p, const char *why)
{
	char name[ADDRESS_TEXT];

	report_say("%s: %s%s%s", address_text(&p->path.peer, name),
	    p->open ? "closed" : "refused", *why != '\0' ? ": " : "", why);
	peer_forget(p);
}

/* It makes room; whoever has many addresses could fill a log with that. */
static void
peer_yield(struct peer *p)
{
	char name[ADDRESS_TEXT];

	report_tell("%s: another handshake takes its place",
	    address_text(&p->path.peer, name));
	peer_forget(p);
}

/* ---- between client and CoAP server -------------------------------------- */

static void peer_settle(struct peer *);

static void
peer_active(struct peer *p)
{
	p->ends = relay_now() + p->server->idle;
}

static void
answer_ready(void *arg)
{
	struct peer *p = arg;
	uint8_t data[DTLS_DATA_MAX + 1];
	ssize_t n = recv(p->forward.fd, data, sizeof data, 0);

	if (n < 0)
		report_say("the CoAP server: %s", strerror(errno));
	else if (n > DTLS_DATA_MAX)
		report_tell("the CoAP server's datagram has more than %d bytes",
		    DTLS_DATA_MAX);
	else if (n > 0) {
		peer_active(p);
		p->session->transport->write(p->session, data, (size_t)n);
		peer_settle(p);
	}
}

static bool
forward_open(struct peer *p)
{
	p->forward = (struct watch){ udp_connect(&p->server->forward),
	    answer_ready, p };
	if (p->forward.fd >= 0)
		return relay_watch(&p->server->relay, &p->forward);
	report_errno("--forward");
	return false;
}

static void
send_to_client(void *arg, const void *data, size_t len)
{
	struct peer *p = arg;

	udp_reply(p->server->listening.fd, &p->path, data, len);
}

static void
send_to_server(void *arg, const void *data, size_t len)
{
	struct peer *p = arg;

	peer_active(p);
	if ((p->forward.fd >= 0 || forward_open(p)) &&
	    send(p->forward.fd, data, len, 0) < 0)
		report_tell("the CoAP server: %s", strerror(errno));
}

const struct dtls_owner peer_owner = { send_to_client, send_to_server };

/* ---- what becomes of it -------------------------------------------------- */

static void
tell_open(const struct peer *p)
{
	const fluffy_dk_claim *claim = &p->session->claim;
	bool named = claim->client[0] != '\0';
	char name[ADDRESS_TEXT];

	report_say("%s: open: %s%s%snumber %" PRIu32 " by %s",
	    address_text(&p->path.peer, name), named ? "client " : "",
	    claim->client, named ? ", " : "", claim->number, claim->ta);
}

/*
 * A session that the address had before ends only now: who began the new one
 * has proved to be more than an address (RFC 6347, 4.2.8).
 */
static bool
peer_opened(struct peer *p)
{
	struct server *s = p->server;
	struct peer *before = peers_find(&s->open, &p->path.peer);

	if (before != NULL)
		peer_end(before, "opened anew");
	peers_remove(&s->half_open, p);
	p->open = true;
	if (!peers_add(&s->open, p)) {
		report_errno("");
		peer_free(p);
		return false;
	}
	tell_open(p);
	peer_active(p);
	return true;
}

/* After whatever its session did: one datagram may have opened and ended it. */
static void
peer_settle(struct peer *p)
{
	struct server *s = p->server;
	int left = p->session->transport->timeout(p->session);

	if (p->session->opened && !p->open && !peer_opened(p))
		return;
	p->timer = left < 0 ? NEVER : relay_now() + left;
	if (p->timer < s->due)
		s->due = p->timer;
	if (p->ends < s->due)
		s->due = p->ends;
	if (p->session->state == DTLS_OVER)
		peer_end(p, p->session->why);
}

void
peer_begun(struct peer *p)
{
	struct server *s = p->server;
	struct peer *before = peers_find(&s->half_open, &p->path.peer);

	p->ends = relay_now() + s->handshake;
	if (before != NULL)
		peer_yield(before);
	else if (s->half_open.count == HALF_OPEN_PEERS)
		peer_yield(s->half_open.oldest);
	if (peers_add(&s->half_open, p))
		peer_settle(p);
	else {
		report_errno("");
		peer_free(p);
	}
}

void
peer_input(struct peer *p, const void *datagram, size_t len)
{
	p->session->transport->input(p->session, datagram, len);
	peer_settle(p);
}

void
peer_overdue(struct peer *p)
{
	int64_t now = relay_now();

	if (now >= p->ends) {
		peer_end(p, p->open ? "silent" : "no handshake in time");
		return;
	}
	if (now >= p->timer)
		p->session->transport->expired(p->session);
	peer_settle(p);
}

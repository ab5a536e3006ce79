/* dk-serve.c - RS: DTLS sessions in front of any CoAP server */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dk-peer.h"
#include "dk.h"

/* So many at a time; answers and timers wait for them. */
#define AT_ONCE 64

static const char *store_path, *listen_at, *forward_to;
static struct option_number handshake = { .value = 20 };
static struct option_number idle = { .value = 300 };

static const struct dtls_transport *const transports[TRANSPORTS] = {
	&dtls_derived_key,
#ifdef WITH_MBEDTLS
	&dtls_authorized_public_key,
#endif
};

/* ---- clients ------------------------------------------------------------- */

static struct peer *
peer_next(struct server *s, const struct udp_path *path,
    const struct hello *hello)
{
	if (s->next == NULL)
		s->next = calloc(1, sizeof *s->next);
	if (s->next == NULL) {
		report_errno("");
		return NULL;
	}
	s->next->path = *path;
	s->next->server = s;
	s->next->forward.fd = -1;
	memcpy(s->next->random, hello->random, sizeof hello->random);
	return s->next;
}

static void
take_hello(struct server *s, const struct udp_path *path,
    const void *datagram, size_t len, const struct hello *hello)
{
	size_t which = hello->authz_cert ? TRANSPORTS - 1 : 0;
	struct peer *p = peer_next(s, path, hello);

	if (p == NULL)
		return;
	p->session = transports[which]->listen(s->listener[which],
	    &path->peer, datagram, len, &peer_owner, p);
	if (p->session != NULL) {
		s->next = NULL;
		peer_begun(p);
	}
}

static bool
began_with(const struct peer *p, const struct hello *hello)
{
	return p != NULL &&
	    memcmp(p->random, hello->random, sizeof p->random) == 0;
}

/*
 * A ClientHello is new unless it began what is there.  What else comes may be
 * for either session, if there are two.
 */
static void
take_datagram(struct server *s, const struct udp_path *path,
    const void *datagram, size_t len)
{
	struct peer *open = peers_find(&s->open, &path->peer);
	struct peer *half = peers_find(&s->half_open, &path->peer);
	struct hello hello;

	if (hello_read(datagram, len, &hello)) {
		if (began_with(half, &hello))
			peer_input(half, datagram, len);
		else if (open == NULL && s->open.count >= OPEN_PEERS)
			report_tell("a client too many");
		else if (!began_with(open, &hello))
			take_hello(s, path, datagram, len, &hello);
		return;
	}
	if (open != NULL)
		peer_input(open, datagram, len);
	if (half != NULL)
		peer_input(half, datagram, len);
}

static void
clients_ready(void *arg)
{
	static uint8_t datagram[UDP_MAX];
	struct server *s = arg;
	struct udp_path path;
	ssize_t n;

	for (int i = 0; i < AT_ONCE; i++) {
		n = udp_receive(s->listening.fd, datagram, &path);
		if (n < 0)
			return;
		take_datagram(s, &path, datagram, (size_t)n);
	}
}

static int
tick(void *arg)
{
	struct server *s = arg;
	struct peers *all[] = { &s->open, &s->half_open };

	if (relay_now() < s->due)
		return relay_until(s->due);
	s->due = NEVER;
	for (size_t i = 0; i < 2; i++) {
		struct peer *p, *next;

		for (p = all[i]->oldest; p != NULL; p = next) {
			next = p->newer;
			peer_overdue(p);
		}
	}
	return relay_until(s->due);
}

/* ---- beginning and end --------------------------------------------------- */

/* Each peer has a socket. */
static void
allow_descriptors(void)
{
	const rlim_t wanted = OPEN_PEERS + HALF_OPEN_PEERS + 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max :
		    wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int
find_anchor(void *arg, const fluffy_dk_entry *e)
{
	bool *found = arg;

	*found = e->window != 0;
	return *found;
}

/* A client's store would refuse all who come. */
static bool
has_anchor(struct server *s)
{
	bool found = false;
	enum fluffy_error error = fluffy_dk_list(s->store, find_anchor, &found);

	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	else if (!found)
		report_error(FLUFFY_E_USAGE, store_path,
		    "not a resource server's store: join a DK-PROV first");
	return found;
}

static bool
listeners_open(struct server *s)
{
	for (size_t i = 0; i < TRANSPORTS; i++) {
		s->listener[i] = transports[i]->listener(s->ctx, s->store);
		if (s->listener[i] == NULL)
			return false;
	}
	return true;
}

static void
serve(struct server *s, const struct sockaddr_storage *at)
{
	struct sockaddr_storage local;
	char name[ADDRESS_TEXT];

	s->listening = (struct watch){ udp_listen("--listen", at),
	    clients_ready, s };
	if (s->listening.fd < 0)
		return;
	if (relay_watch(&s->relay, &s->listening)) {
		udp_local(s->listening.fd, &local);
		if (TRANSPORTS == 1)
			report_say("built without --with-mbedtls: "
			    "DerivedKey alone");
		report_say("listening on %s", address_text(&local, name));
		relay_run(&s->relay, tick, s);
	}
	while (s->half_open.oldest != NULL)
		peer_end(s->half_open.oldest, "the server ends");
	while (s->open.oldest != NULL)
		peer_end(s->open.oldest, "the server ends");
	close(s->listening.fd);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	struct server s = { .ctx = ctx,
		.handshake = (int64_t)handshake.value * 1000,
		.idle = (int64_t)idle.value * 1000 };
	struct sockaddr_storage at;

	(void)operands;
	if (!address_parse("--listen", listen_at, &at) ||
	    !address_parse("--forward", forward_to, &s.forward))
		return;
	allow_descriptors();
	s.store = dk_open(ctx, store_path, 0);
	if (s.store != NULL && has_anchor(&s) && listeners_open(&s) &&
	    relay_open(&s.relay)) {
		serve(&s, &at);
		relay_close(&s.relay);
	}
	for (size_t i = 0; i < TRANSPORTS; i++)
		transports[i]->listener_free(&s.listener[i]);
	free(s.next);
	fluffy_store_close(&s.store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "listen", 0, "ADDRESS:PORT", "where clients open sessions",
	  .needed = true, .text = &listen_at },
	{ "forward", 0, "ADDRESS:PORT", "the CoAP server that gets their data",
	  .needed = true, .text = &forward_to },
	{ "handshake", 0, "SECONDS", "give up a handshake after that (20)",
	  .number = &handshake, .min = 1, .max = 3600 },
	{ "idle", 0, "SECONDS", "end a session that is silent for that (300)",
	  .number = &idle, .min = 1, .max = 86400 },
	{ NULL }
};

const struct command dk_serve = {
	"serve", "", "RS: open sessions with clients, and pass their data on.",
	options, run
};

/* peers.h - who has a session, or wants one: found by address */
#ifndef PEERS_H
#define PEERS_H

#include "dtls-hello.h"
#include "dtls.h"
#include "relay.h"
#include "udp.h"

struct server;

/* One session, and what belongs to it. */
struct peer {
	struct udp_path path;		/* first: what is found by */
	struct server *server;
	struct dtls *session;
	uint8_t random[32];		/* of the ClientHello that began it */
	bool open;
	int64_t ends;			/* when it has lasted too long, */
	int64_t timer;			/* and when the session wants to know */
	struct watch forward;		/* the CoAP server; fd -1: not yet */
	struct peer *older, *newer;
};

/* Not more than one with an address.  Starts as {0}. */
struct peers {
	void *tree;
	struct peer *oldest, *newest;
	size_t count;
};

struct peer *peers_find(const struct peers *, const struct sockaddr_storage *);
/* False: no memory. */
bool peers_add(struct peers *, struct peer *);
void peers_remove(struct peers *, struct peer *);

#endif

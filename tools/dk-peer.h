/* dk-peer.h - fluffy-dk serve: one client, from its handshake to its end */
#ifndef DK_PEER_H
#define DK_PEER_H

#include "fluffy.h"
#include "peers.h"

/*
 * Who has only begun can't push out who is there: the oldest of those makes
 * room for the next.  A handshake takes as long as its datagrams travel.
 */
#define OPEN_PEERS	1024
#define HALF_OPEN_PEERS 256

#ifdef WITH_MBEDTLS
#define TRANSPORTS 2
#else
#define TRANSPORTS 1
#endif

struct server {
	fluffy_ctx *ctx;
	fluffy_store *store;
	struct relay relay;
	struct watch listening;
	struct sockaddr_storage forward;
	int64_t handshake, idle;	/* milliseconds */
	struct dtls_listener *listener[TRANSPORTS];
	struct peers open, half_open;
	struct peer *next;	/* it has no session yet */
	int64_t due;		/* no peer's time is up before */
};

/* Asks a transport for a session; the arg is the peer. */
extern const struct dtls_owner peer_owner;

/* It has a session now. */
void peer_begun(struct peer *);
/* A datagram of its client's.  Afterwards the peer may be gone, as after
   peer_overdue. */
void peer_input(struct peer *, const void *datagram, size_t len);
/* Its time is up, or may be. */
void peer_overdue(struct peer *);
void peer_end(struct peer *, const char *why);

#endif

/*
 * dtls.h - DTLS sessions over datagrams that somebody else carries
 *
 * A transport is one way of opening sessions: dtls-openssl.c (the memo's
 * DerivedKey) or dtls-mbedtls.c (AuthorizedPublicKey).  Neither knows a socket,
 * nor what the application's data are.  Nothing here waits.
 */
#ifndef DTLS_H
#define DTLS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "fluffy.h"

/* Datagrams are kept below the smallest MTU of IPv6, less IPv6 and UDP. */
#define DTLS_MTU      1232
/* What one record can carry of the application's data, in either transport. */
#define DTLS_DATA_MAX 1152

/* What a session asks of its owner; both with the session's arg. */
struct dtls_owner {
	void (*send)(void *arg, const void *datagram, size_t len);
	/* The application's data, as they were written at the other end. */
	void (*data)(void *arg, const void *data, size_t len);
};

enum dtls_state { DTLS_HANDSHAKE, DTLS_OPEN, DTLS_OVER };

/* The beginning of every session. */
struct dtls {
	const struct dtls_transport *transport;
	const struct dtls_owner *owner;
	void *arg;
	enum dtls_state state;
	bool opened;		/* it is, or was, DTLS_OPEN */
	fluffy_dk_claim claim;	/* server: who it is, once it is open */
	bool refused;		/* OVER before it was open: an alert, or the
				   server's own refusal; else silence */
	char why[200];		/* OVER: for the user; "" after close_notify */
};

struct dtls_listener;

struct dtls_transport {
	const char *mode;	/* as in fluffy_dk_entry */

	/* Server: what all its sessions share.  NULL: reported. */
	struct dtls_listener *(*listener)(fluffy_ctx *, fluffy_store *);
	void (*listener_free)(struct dtls_listener **);
	/*
	 * A datagram from an address that has no session.  Nothing is kept for
	 * it: an answer (HelloVerifyRequest) is sent with the owner's send.  A
	 * session, in DTLS_HANDSHAKE, when it is a ClientHello with a good cookie.
	 */
	struct dtls *(*listen)(struct dtls_listener *,
	    const struct sockaddr_storage *from, const void *datagram,
	    size_t len, const struct dtls_owner *, void *arg);

	/* Client: begins the handshake; NULL: reported. */
	struct dtls *(*connect)(fluffy_ctx *, fluffy_store *,
	    const fluffy_dk_credential *, const struct dtls_owner *, void *arg);

	/*
	 * A datagram of the session's peer, or of whoever sends from its address:
	 * what isn't the peer's is ignored.  On the server the state becomes OPEN
	 * only after fluffy_dk_take has succeeded, and before it nothing of the
	 * application's is read or written.  A client's owner calls fluffy_dk_used.
	 */
	void (*input)(struct dtls *, const void *datagram, size_t len);
	/* The application's data, 1 to DTLS_DATA_MAX bytes; OPEN only. */
	bool (*write)(struct dtls *, const void *data, size_t len);
	/* Milliseconds until expired() is to be called; -1: not waiting. */
	int (*timeout)(const struct dtls *);
	void (*expired)(struct dtls *);
	/* Says goodbye (close_notify) when it is OPEN; frees, wipes, NULLs. */
	void (*close)(struct dtls **);
};

extern const struct dtls_transport dtls_derived_key;
#ifdef WITH_MBEDTLS
extern const struct dtls_transport dtls_authorized_public_key;
#endif

#endif

/* realm.h - what the makers of vectors share */
#ifndef VECTORS_REALM_H
#define VECTORS_REALM_H

#include "make.h"
#include "exchange.h"

#define CLIENT	"2b7e1516-28ae-42a6-abf7-158809cf4f3c"
#define SERVICE "lock"
#define GROUP	"lights"

/* A throw-away realm whose clock and randomness are fixed. */
struct realm {
	fluffy_ctx *ctx;
	uint64_t random;
	char dir[40], path[3][60];
	fluffy_store *skdc, *client, *service;
	fluffy_msg *enrol[2];		/* the client's: first, rotation */
	fluffy_msg *enrol_service;
	struct secret client_secret, service_secret;
	bool full;
};

/* Both abort: of e with what and the context's reason. */
void check(struct realm *, enum fluffy_error e, const char *what);
void *have(void *);

struct bytes from_hex(struct arena *, const char *hex);
/* {1000: "kept", "x-note": [true]} */
void put_unknown(struct fluffy_msg *, struct head *);

/*
 * put.c: messages that are put together and sealed with the realm's keys; with
 * all members there are when it is full, else with none that is optional.
 */
#define N_PUT 10	/* PSK-DELT to PKP-REP */
fluffy_msg *put_message(struct realm *, enum fluffy_type);
fluffy_msg *put_document(struct realm *, enum fluffy_type);

/* pairs.c: the fixed pairs; in the arena. */
struct keydata *fixed_pair(struct arena *, int64_t kty, int64_t alg,
    struct bytes keyid, bool public);
/* A CA with an issuer, in the realm's directory. */
void set_ca(struct realm *);
void remove_ca(struct realm *);

#endif

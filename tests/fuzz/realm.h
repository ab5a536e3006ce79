/* realm.h - four parties with something of everything, and uses of them */
#ifndef REALM_H
#define REALM_H

#include "store.h"
#include "stores.h"

/* An SKDC, a device of it, a trust anchor, a resource server that is client. */
enum { SKDC, DEVICE, ANCHOR, NODE, N_STORES };

/* What waits for the SKDC, the device and the resource server. */
enum { PSK_REQ, GSK_REQ, GSK_FET, GSK_DELT, PKP_REQ,
	PSK_REP, PSK_ESTB, PSK_ACK, GSK_DLVR, GSK_DELC, PSK_DELT, PKP_REP,
	DK_CRED, DK_CERT, DK_REVOKE, DK_PROV, N_GIVEN };

extern fluffy_store *stores[N_STORES];
extern fluffy_bytes given[N_GIVEN];
extern struct keyid group_key, session_key;
extern fluffy_bytes public_key;		/* the resource server's */

void make_realm(void);

/* uses.c: each is done or refused with a reason, as done() sees to. */
#define N_USES 7
typedef void use_fn(fluffy_store *);
extern use_fn *const uses[N_STORES][N_USES];
void done(enum fluffy_error);
/* A copy; no fault is about what the test itself does. */
fluffy_msg *fresh(fluffy_bytes kept);
void answer_given(fluffy_store *, int which);
int see_entry(void *, const fluffy_entry *);
/* Somebody has damaged the stores: only then that may be the reason. */
extern bool damaged;
/* What came out, one after another, hashed. */
extern uint32_t outcomes;

#endif

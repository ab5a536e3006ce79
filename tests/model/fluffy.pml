/*
 * fluffy.pml - the exchanges for session keys, group keys and deletion, for spin
 *
 * One SKDC; A and B are honest devices, I is the intruder's.  run.sh checks the
 * claims (claims.pml) in these scenarios, which are the bounds of what is
 * checked: which runs there are, how many of the intruder's own requests make a
 * key (all else it does as often as it likes), and the requests that the SKDC
 * answers twice at most, where a switch lets it.
 *
 * Not in the model: time (all clocks agree and no key ends), realms and other
 * SKDCs, etypes, rotation, key pairs, ERROR.  A PSK-DELT that is issued again is
 * the same one again.
 *
 * Switches, each to leave out one check of section 4 or 6:
 *   NO_AAD		external_aad is what the seal was made for
 *   NO_NONCE		a nonce, and so a request or PSK-ESTB, is taken once
 *   NO_NAME_BINDING	the sender is the owner of the key
 *   NO_MEMBERSHIP	groups are for owners and members
 *   NO_PENDING		an answer's nonce is that of a pending request
 *   NO_GONE		a deleted keyid is refused
 * LOST_KEY leaves none out: the intruder has B's secret key.
 */
#if defined(SESSIONS)		/* two clients that are services too */
#define RUNS		4
#define FIRST_OWN_RUN	4
#elif defined(ERASURE)		/* the operator has a session key deleted */
#define RUNS		3
#define FIRST_OWN_RUN	3
#elif defined(GROUPS)		/* a group for A and B; its key is renewed */
#define RUNS		6
#define FIRST_OWN_RUN	5
#define GROUP_WISH	members_B
#elif defined(DELETION)		/* a group for all, which its owner deletes */
#define RUNS		5
#define FIRST_OWN_RUN	5
#elif defined(RENEWAL)		/* ... after it renewed the key */
#define RUNS		5
#define FIRST_OWN_RUN	5
#elif defined(MIXED)		/* a session, a group and its deletion */
#define RUNS		5
#define FIRST_OWN_RUN	5
#define GROUP_WISH	members_B
#endif
#ifndef GROUP_WISH
#define GROUP_WISH	members_any
#endif

#include "terms.pml"
#include "intruder.pml"
#include "claims.pml"
#include "skdc.pml"
#include "device.pml"

init {
	atomic {
		assert(A == 1 && B == 2 && I == 3 && G == 4 && H == 5);
		run Skdc();
#if defined(SESSIONS)
		run Client(A, 1);
		run Client(A, 2);
		run Client(B, 3);
		run Service(A);
		run Service(B)
#elif defined(ERASURE)
		run Client(A, 1);
		run Client(B, 2);
		run Service(A);
		run Service(B);
		run Operator();
		run Eraser(A);
		run Eraser(B)
#elif defined(GROUPS)
		run Member(A, 1, G, GROUP_WISH);
		run Member(A, 2, G, renew);
		run Member(B, 3, G, 0);
		run Member(B, 4, G, 0)
#elif defined(DELETION)
		run Member(A, 1, G, GROUP_WISH);
		run Member(A, 2, G, 0);
		run Member(B, 3, G, 0);
		run Deleter(A, 4, G);
		run Eraser(B)
#elif defined(RENEWAL)
		run Member(A, 1, G, GROUP_WISH);
		run Member(A, 2, G, renew);
		run Member(B, 3, G, 0);
		run Deleter(A, 4, G);
		run Eraser(B)
#elif defined(MIXED)
		run Client(A, 1);
		run Service(B);
		run Member(A, 2, G, GROUP_WISH);
		run Member(B, 3, G, 0);
		run Deleter(A, 4, G);
		run Eraser(B)
#endif
	}
}

/*
 * claims.pml - what must hold, and what must be possible
 *
 * The roles tell what they do (claim_...).  Nothing in them depends on what is
 * noted here.
 */
int broken;		/* claims that didn't hold, as bits */
#define SERVICE		0
#define CLIENT		1
#define REQUESTS	2
#define KEYS		3
#define ERASED		4
#define TOLD		5

int reached;		/* what has come to its end, as bits */
#define SESSION_DONE	0
#define GROUP_DONE	1
#define RENEWED		2
#define DELETED		3
#define CONFIRMED	4
#define FOREIGN		5

#define note(set, x)	set = set | bit(x)

inline expect(claim, holds)
{
	if
	:: holds
	:: else -> note(broken, claim)
	fi
}

/* ---- secrecy ------------------------------------------------------------------ */

int private_sessions;	/* keys that A and B have for each other */
int private_groups;	/* keys of A's group, when it didn't want I in it */

ltl session_secrecy { [] ((known & private_sessions) == 0) }
ltl group_secrecy { [] ((known & private_groups) == 0) }

inline claim_group(dev, g, ki, wish)
{
	if
	:: wish != 0 && GROUP_WISH != members_any ->
		note(private_groups, ki)
	:: else
	fi;
	if
	:: dev == B && has(private_groups, ki) -> note(reached, GROUP_DONE)
	:: wish != 0 && ki != KEY(1, 0) -> note(reached, RENEWED)
	:: else
	fi
}

/* ---- agreement ---------------------------------------------------------------- */

/* What the SKDC acts on, as A's or B's, that one has sent; once. */
int acted;
inline claim_acted()
{
	if
	:: honest(who) ->
		expect(REQUESTS, r != 0 && !has(acted, r) &&
			part[REQUEST(r)].key == who &&
			part[REQUEST(r)].in_type == m.type &&
			part[REQUEST(r)].in_obj == m.obj &&
			part[REQUEST(r)].in_opt == m.opt &&
			part[REQUEST(r)].about == part[p].about &&
			part[REQUEST(r)].keyid == part[p].keyid);
		note(acted, r)
	:: else
	fi
}
ltl request_agreement { [] !has(broken, REQUESTS) }

/*
 * The key that a device takes from an answer to run r the SKDC has made for
 * that service or group, and given to that run.
 */
byte made_for[KEY(RUNS, 1) + 1];
int given_to[RUNS + 1];
inline claim_issued_session(ki, cli, srv, r)
{
	made_for[ki] = srv;
	note(given_to[r], ki)
}
inline claim_issued_group(ki, g, r)
{
	made_for[ki] = g;
	given_to[r] = (r == 0 -> 0 : given_to[r] | bit(ki))
}
inline claim_answered(ki, r, x)
{
	expect(KEYS, made_for[ki] == x && has(given_to[r], ki))
}
ltl key_agreement { [] !has(broken, KEYS) }

/* What an SP accepts as a client's, that client made for it; once. */
byte session_of[KEY(RUNS, 1) + 1];	/* its client, and service, to clients */
int accepted;
#define pair(c, s)	(4 * (c) + (s))
inline claim_session(cli, srv, ki)
{
	session_of[ki] = pair(cli, srv);
	if
	:: honest(srv) -> note(private_sessions, ki)
	:: else
	fi
}
inline claim_accepted(srv, cli, ki)
{
	if
	:: honest(cli) ->
		expect(SERVICE, session_of[ki] == pair(cli, srv) &&
			!has(accepted, ki));
		note(accepted, ki);
		note(private_sessions, ki)
	:: else -> note(reached, FOREIGN)
	fi
}
ltl service_agreement { [] !has(broken, SERVICE) }

/* A service that acknowledged to a client has accepted that key from it. */
inline claim_established(cli, srv, ki)
{
	if
	:: honest(srv) ->
		expect(CLIENT, session_of[ki] == pair(cli, srv) && has(accepted, ki));
		note(reached, SESSION_DONE)
	:: else
	fi
}
ltl client_agreement { [] !has(broken, CLIENT) }

/* ---- deletion ----------------------------------------------------------------- */

/* A device deletes what the SKDC has asked it to; the owner, when it is so. */
int complete[2];
int over;		/* keys of groups of which the owner has GSK-DELC */
inline claim_told(dev, ki)
{
	expect(TOLD, has(asked[dev], ki))
}
inline claim_complete(g, set)
{
	complete[g - G] = complete[g - G] | set
}
inline claim_group_deleted(dev, g, ki)
{
	expect(TOLD, has(complete[g - G], ki));
	over = over | complete[g - G];
	note(reached, DELETED)
}
ltl deletion_agreement { [] !has(broken, TOLD) }

/* What a device has confirmed it hasn't, and never takes again. */
inline claim_taken(dev, ki)
{
	expect(ERASED, !has(confirmed[dev], ki))
}
inline claim_confirmed(dev, ki)
{
	if
	:: honest(dev) ->
		expect(ERASED, !has(hold[dev], ki));
		note(reached, CONFIRMED)
	:: else
	fi
}
ltl deletion { [] !has(broken, ERASED) }

/* When the owner has GSK-DELC no honest device has a key of the group. */
ltl group_deletion { [] ((over & (hold[A] | hold[B])) == 0) }

/* ---- these must not hold: what they deny happens ------------------------------- */

ltl no_session { [] !has(reached, SESSION_DONE) }
ltl no_foreign_session { [] !has(reached, FOREIGN) }
ltl no_group { [] !has(reached, GROUP_DONE) }
ltl no_renewal { [] !has(reached, RENEWED) }
ltl no_confirmation { [] !has(reached, CONFIRMED) }
ltl no_deletion { [] !has(reached, DELETED) }

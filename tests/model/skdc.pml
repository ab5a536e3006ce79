/* skdc.pml - the SKDC and its operator (wire.md, section 6) */

/* Section 6, Replay: nonces that were seen; the intruder's are always new. */
int seen;
byte answers[RUNS + 1];		/* keys made in answer to a run */

mtype = { deleted, deleting, live };
typedef Group {
	byte state, owner, members;
	byte delt;		/* the last GSK-DELT's nonce */
	byte key;		/* the current one */
	int keys		/* all since it was made */
};
Group group[2];
#define grp(x)	group[(x) - G]

/* Keys by device: had by GSK-REP or GSK-DLVR; PSK-DELT was sent; PSK-DELC came */
int given[4], asked[4], confirmed[4];

#define member(g, x)	((x) == grp(g).owner || grp(g).members == members_any || \
	(grp(g).members == members_B && (x) == B))
#define unconfirmed(g, x) (grp(g).owner == (x) -> 0 : \
	grp(g).keys & asked[x] & ~confirmed[x])
#define missing(g)	(unconfirmed(g, A) | unconfirmed(g, B) | unconfirmed(g, I))

#ifdef NO_MEMBERSHIP
#define may_have(g, x)	true
#define owns(g, x)	true
#else
#define may_have(g, x)	member(g, x)
#define owns(g, x)	((x) == grp(g).owner)
#endif

/* ---- what is asked ---------------------------------------------------------- */

/*
 * Names: the principal is the owner of the key, and what the plaintext calls it
 * (GSK-DELT: the message) is its name.
 */
#define names_sender	(part[p].form == kenvelope_group -> m.who : part[p].name)
#ifdef NO_NAME_BINDING
#define NAMES_FREE	true
#define names_fit	true
#define principal	names_sender
#else
#define NAMES_FREE	false	/* no other name is worth a try */
#define names_fit	(names_sender == k)
#define principal	k
#endif

/* Requests of its own, in a number that is bounded where they make a key. */
byte own_run = FIRST_OWN_RUN;

inline count_answer()
{
	answers[r]++;
	if
	:: r == own_run -> own_run++
	:: else
	fi
}

inline forge_request()
{
	if
	:: own_run <= RUNS -> part[FORGED].form = by_client; r = own_run
	:: own_run <= RUNS -> part[FORGED].form = by_service; r = own_run
	:: grp(G).state != 0 || grp(H).state != 0 ->
		r = 0;
		if
		:: part[FORGED].form = by_client
		:: part[FORGED].form = kenvelope_group;
			any_group(x);
			part[FORGED].about = x;
			part[FORGED].keyid = grp(x).key
		fi
	:: asked[I] != confirmed[I] ->
		part[FORGED].form = ack_device;
		r = 1;
		do
		:: r <= RUNS && has(asked[I] & ~confirmed[I], KEY(r, 0)) ->
			break
		:: r <= RUNS -> r++
		:: r > RUNS -> break
		od;
		r = NONCE_DELT(I, r)
	:: true				/* none now */
	fi;
	part[FORGED].nonce = r;
	if
	:: part[FORGED].form == kenvelope_group
	:: part[FORGED].form != kenvelope_group && !NAMES_FREE ->
		part[FORGED].name = I
	:: part[FORGED].form != kenvelope_group && NAMES_FREE ->
		any_device(part[FORGED].name)
	fi
}

/* Around a plaintext of each form there may be messages of these types. */
inline any_request()
{
	if
	:: !is_free(p) -> m.type = part[p].in_type; as_bound(p)
	:: is_free(p) && part[p].form == by_client && part[p].nonce != 0 ->
		m.type = PSK_REQ;
		any_device(m.obj)
	:: is_free(p) && part[p].form == by_client &&
	    (p != FORGED || part[p].nonce == 0) ->
		m.type = GSK_FET;
		any_group(m.obj)
	:: is_free(p) && part[p].form == by_service ->
		m.type = GSK_REQ;
		any_group(m.obj);
		if
		:: m.opt = members_B
		:: m.opt = members_any
		:: m.opt = renew
		fi
	:: is_free(p) && part[p].form == kenvelope_group ->
		m.type = GSK_DELT;
		if
		:: !NAMES_FREE -> m.who = I
		:: NAMES_FREE -> any_device(m.who)
		fi
	:: is_free(p) && part[p].form == ack_device -> m.type = PSK_DELC
	:: part[p].form == 0
	fi
}

#ifdef NO_NONCE
#define is_new(no)	true
#else
#define is_new(no)	!has(seen, no)
#endif

/* ---- answers ------------------------------------------------------------------ */

/* Section 4: a receipt is sealed under the secret key of the one it answers. */
inline answer_session()
{
	made = KEY(r, answers[r]);
	printf(": SKDC makes key %d for %e and %e\n", made, who, m.obj);
	claim_issued_session(made, who, m.obj, r);
	plaintext(TICKET(r, answers[r]), enc_part, who, 0, 0, made);
	seal(TICKET(r, answers[r]), m.obj, enc_part, 0, m.obj, 0, 0);
	sees(TICKET(r, answers[r]));
	plaintext(ANSWER(r, answers[r]), receipt_session, 0, m.obj, r, made);
	seal(ANSWER(r, answers[r]), k, PSK_REP, who, m.obj, 0,
		TICKET(r, answers[r]));
	sees(ANSWER(r, answers[r]));
	count_answer()
}

inline answer_group(mt, gk)
{
	printf(": SKDC gives key %d of group %e to %e\n", gk, m.obj, who);
	given[who] = given[who] | bit(gk);
	claim_issued_group(gk, m.obj, r);
	/* for answers to the intruder's own no place is kept: it opens them */
	if
	:: k == I -> learns(gk)
	:: else ->
		x = ANSWER(r, (mt == GSK_REP -> answers[r] : 0));
		plaintext(x, receipt_group, 0, m.obj, r, gk);
		seal(x, k, mt, who, 0, 0, 0);
		sees(x)
	fi
}

/* GSK-REQ: a name that is free, or a renewal by the owner */
inline make_group_key()
{
	made = KEY(r, answers[r]);
	if
	:: m.opt != renew ->
		grp(m.obj).state = live;
		grp(m.obj).owner = who;
		grp(m.obj).members = m.opt;
		grp(m.obj).keys = 0;
		grp(m.obj).delt = 0
	:: else
	fi;
	grp(m.obj).key = made;
	grp(m.obj).keys = grp(m.obj).keys | bit(made);
	answer_group(GSK_REP, made);
	count_answer()
}

inline make_envelope(x, r)
{
	printf(": SKDC asks %e to delete key %d\n", x, KEY(r, 0));
	plaintext(ENVELOPE(x, r), kenvelope_key, 0, 0, NONCE_DELT(x, r),
		KEY(r, 0));
	seal(ENVELOPE(x, r), x, PSK_DELT, x, 0, 0, 0)
}

/* Section 6, Deletion: one PSK-DELT per holder and key; again, when asked again */
inline ask_holder(g, x)
{
	r = 1;
	do
	:: r <= RUNS ->
		if
		:: has(unconfirmed(g, x), KEY(r, 0)) -> make_envelope(x, r)
		:: else
		fi;
		r++
	:: else -> break
	od
}

inline ask_holders(g)
{
	if
	:: grp(g).state == live ->
		grp(g).state = deleting;
		for (x : A .. I) {
			if
			:: x != grp(g).owner ->
				asked[x] = asked[x] | (given[x] & grp(g).keys)
			:: else
			fi
		}
	:: else
	fi;
	ask_holder(g, A);
	ask_holder(g, B)
}

/* GSK-DELC, when no holder is missing, with the last GSK-DELT's nonce */
inline settle(g)
{
	if
	:: grp(g).state != live && grp(g).state != 0 && missing(g) == 0 ->
		grp(g).state = deleted;
		printf(": SKDC says that group %e is deleted\n", g);
		claim_complete(g, grp(g).keys);
		if
		:: honest(grp(g).owner) && grp(g).delt != 0 ->
			plaintext(ANSWER(grp(g).delt, 0), ack_group, 0, g,
				grp(g).delt, 0);
			seal(ANSWER(grp(g).delt, 0), grp(g).owner, GSK_DELC,
				grp(g).owner, 0, 0, 0)
		:: else
		fi
	:: else
	fi
}

/* ---- requests ----------------------------------------------------------------- */

inline tell_request()
{
	if
	:: p == FORGED ->
		printf(": I sends %e with its own key, as %e, for %e, %e\n",
			m.type, names_sender, m.obj, m.opt)
	:: !bound(p) ->
		printf(": I alters %e for %e, %e: now %e for %e, %e\n",
			part[p].in_type, part[p].in_obj, part[p].in_opt, m.type,
			m.obj, m.opt)
	:: else
	fi;
	printf(": SKDC takes %e of run %d as %e's\n", m.type, r, who)
}

/* Existence and policy; what is refused changes nothing but the nonces seen. */
inline decide()
{
	if
	:: m.type == PSK_REQ && r != 0 && answers[r] < 2 ->
		tell_request();
		claim_acted();
		answer_session()
	:: m.type == GSK_REQ && r != 0 && answers[r] < 2 && m.opt != renew &&
	    (grp(m.obj).state == 0 || grp(m.obj).state == deleted) ->
		tell_request();
		claim_acted();
		make_group_key()
	:: m.type == GSK_REQ && r != 0 && answers[r] < 2 && m.opt == renew &&
	    grp(m.obj).state == live && who == grp(m.obj).owner ->
		tell_request();
		claim_acted();
		make_group_key()
	:: m.type == GSK_FET && grp(m.obj).state == live &&
	    may_have(m.obj, who) && !has(asked[who], grp(m.obj).key) ->
		tell_request();
		claim_acted();
		answer_group(GSK_DLVR, grp(m.obj).key)
	:: m.type == GSK_DELT && grp(part[p].about).state != 0 &&
	    owns(part[p].about, who) &&
	    part[p].keyid == grp(part[p].about).key ->
		tell_request();
		claim_acted();
		g = part[p].about;
		grp(g).delt = r;
		ask_holders(g);
		settle(g)
	:: else
	fi
}

/* PSK-DELC: its nonce is that of a PSK-DELT to that device. */
inline confirm()
{
	r = 1;
	do
	:: r <= RUNS && NONCE_DELT(who, r) == part[p].nonce &&
	    has(asked[who], KEY(r, 0)) ->
		printf(": SKDC takes PSK_DELC: %e has no key %d\n", who, KEY(r, 0));
		claim_confirmed(who, KEY(r, 0));
		confirmed[who] = confirmed[who] | bit(KEY(r, 0));
		if
		:: has(grp(G).keys, KEY(r, 0)) -> settle(G)
		:: has(grp(H).keys, KEY(r, 0)) -> settle(H)
		:: else
		fi;
		break
	:: r <= RUNS && !(NONCE_DELT(who, r) == part[p].nonce &&
	    has(asked[who], KEY(r, 0))) -> r++
	:: r > RUNS -> break
	od
}

#define IS_REQUEST	(part[p].key != 0 && part[p].key <= I && \
	(part[p].form == by_client || part[p].form == by_service || \
	part[p].form == kenvelope_group || part[p].form == ack_device))

inline answer()
{
	k = part[p].key;		/* that kid selects, and its owner */
	if
	:: k != 0 && opens(p, k, part[p].form) && names_fit ->
		who = principal;
		r = part[p].nonce;
		if
		:: m.type == PSK_DELC -> confirm()
		:: m.type != PSK_DELC && is_new(r) ->
			seen = seen | (p == FORGED -> 0 : bit(r));
			decide()
		:: else
		fi
	:: else
	fi
}

proctype Skdc()
{
	byte k, p, who, r, g, made, x;

end:	do
	:: atomic {
		any_part(p, IS_REQUEST, I);
		if
		:: p == FORGED -> forge_request()
		:: p != FORGED
		fi;
		any_request();
		d_step {
			forged_around();
			answer();
			forget_message();
			k = 0; p = 0; who = 0; r = 0; g = 0; made = 0; x = 0
		}
	   }
	od
}

/* ---- the operator ----------------------------------------------------------------- */

inline ask_party(x)
{
	asked[x] = asked[x] | bit(KEY(r, 0));
	if
	:: honest(x) -> make_envelope(x, r)
	:: else
	fi
}

/* Has one session key deleted, at both its parties, whenever it likes. */
proctype Operator()
{
	byte r = 1, x;

	atomic {
		do
		:: part[TICKET(r, 0)].key != 0 -> break
		:: r < RUNS -> r++
		od;
		d_step {
			x = part[TICKET(r, 0)].name;
			ask_party(x);
			x = part[TICKET(r, 0)].key;
			ask_party(x);
			r = 0;
			x = 0
		}
	}
}

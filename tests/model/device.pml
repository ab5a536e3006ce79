/*
 * device.pml - honest devices: clients, services, owners and members
 *
 * A device may be in several roles at once, with one secret key (section 4) and
 * one store: what is in these arrays, and hold.
 */
int gone[4];		/* section 6, Device on PSK-DELT: keyids deleted */
int pending;		/* runs whose request waits for an answer */
int before[RUNS + 1];	/* requests that waited when a GSK-DELT was made */
int seen_estb;		/* section 6, Replay, at services */
int group_keys[2];	/* A's, of each group, and the newest of them */
byte newest[2];
int group_runs[2];	/* and its requests for them */

#ifdef NO_NONCE
#define is_new_estb(no)	true
#else
#define is_new_estb(no)	!has(seen_estb, no)
#endif
#ifdef NO_PENDING
#define answers_run(no, r) true
#else
#define answers_run(no, r) ((no) == (r) && has(pending, r))
#endif
#ifdef NO_GONE
#define is_gone(d, k)	false
#else
#define is_gone(d, k)	has(gone[d], k)
#endif

inline request(fm, na, ab, ki, mt, a_who, a_obj, a_opt)
{
	printf(": %e sends %e for %e, %e, run %d\n", me, mt,
		(a_obj == 0 -> ab : a_obj), a_opt, r);
	plaintext(REQUEST(r), fm, na, ab, r, ki);
	seal(REQUEST(r), me, mt, a_who, a_obj, a_opt, 0);
	pending = pending | bit(r)
}

/* Any message of this type around any part of form fm under key ki. */
inline any_message(mt, ki, fm)
{
	any_part(p, FIRST_LOOK(ki, fm), ki);
	if
	:: is_free(p) ->
		m.type = mt;
		any_device(m.who);
		part[FORGED].form = fm
	:: !is_free(p) -> as_bound(p)
	fi
}

/* What the receiver expects: another plaintext would be refused. */
inline forge(nn)
{
	if
	:: part[FORGED].key != 0 ->
		any_device(part[FORGED].name);
		part[FORGED].about = part[FORGED].name;
		part[FORGED].nonce = nn
	:: part[FORGED].key == 0
	fi
}

inline take(ki)
{
	hold[me] = hold[me] | bit(ki);
	claim_taken(me, ki);
	pending = pending & ~bit(r)
}

inline done()
{
	forget_message();
	p = 0;
	k = 0
}

/* ---- PSK-REQ, PSK-REP, PSK-ESTB, PSK-ACK -------------------------------------- */

/* Client on PSK-REP: section 6, and Names */
inline take_rep()
{
	k = part[p].keyid;
	if
	:: opens(p, me, receipt_session) && m.type == PSK_REP &&
	    m.who == me && part[p].about == m.obj &&
	    answers_run(part[p].nonce, r) && part[p].about == peer &&
	    !is_gone(me, k) ->
		key = k;
		printf(": %e takes key %d for %e, sends PSK_ESTB\n", me, k, peer);
		claim_answered(k, r, peer);
		take(k);
		claim_session(me, peer, k);
		plaintext(PROOF(r), by_client, me, 0, NONCE_ESTB(r), 0);
		seal(PROOF(r), k, PSK_ESTB, me, m.obj, 0, m.ticket)
	:: else
	fi
}

/* Client on PSK-ACK: its kid says which session key */
inline take_ack()
{
	if
	:: opens(p, key, ack_service) && m.type == PSK_ACK && m.who == me &&
	    part[p].about == peer && part[p].nonce == NONCE_ESTB(r) &&
	    has(hold[me], key) ->
		printf(": %e takes PSK_ACK: key %d is %e's too\n", me, key, peer);
		claim_established(me, peer, key);
		established = true
	:: else
	fi
}

proctype Client(byte me; byte r)
{
	byte peer, key, p, k, x;
	bool established;

	atomic {
		if
		:: peer = (me == A -> B : A)
		:: peer = I
		fi;
		d_step { request(by_client, me, 0, 0, PSK_REQ, 0, peer, 0) }
	}
end1:	do
	:: key == 0 ->
		atomic {
			any_message(PSK_REP, me, receipt_session);
			if
			:: is_free(p) ->
				any_device(m.obj);
				any_ticket(x, true);
				m.ticket = x;
				x = 0
			:: !is_free(p)
			fi;
			d_step { forged_around(); take_rep(); done() }
		}
	:: key != 0 -> break
	od;
end2:	do
	:: !established ->
		atomic {
			any_message(PSK_ACK, key, ack_service);
			forge(NONCE_ESTB(r));
			d_step { forged_around(); take_ack(); done() }
		}
	:: established -> break
	od
}

inline acknowledge()
{
	if
	:: p != FORGED ->
		plaintext(ACK(part[p].nonce - NONCE_ESTB(0)), ack_service, 0,
			me, part[p].nonce, 0);
		seal(ACK(part[p].nonce - NONCE_ESTB(0)), k, PSK_ACK, m.who, 0,
			0, 0)
	:: else			/* the intruder has the key to make it itself */
	fi
}

/* SP on PSK-ESTB: the miniticket, which brings the key, and the authenticator */
inline take_estb()
{
	if
	:: opens_ticket(t, me) && m.obj == me &&
	    !is_gone(me, k) && opens(p, k, by_client) &&
	    m.type == PSK_ESTB && m.ticket == t &&
	    m.who == part[t].name && part[p].name == part[t].name &&
	    is_new_estb(part[p].nonce) ->
		seen_estb = seen_estb | (p == FORGED -> 0 : bit(part[p].nonce));
		printf(": %e takes PSK_ESTB: key %d is %e's\n", me, k,
			part[t].name);
		claim_accepted(me, part[t].name, k);
		hold[me] = hold[me] | bit(k);
		claim_taken(me, k);
		acknowledge()
	:: else
	fi
}

proctype Service(byte me)
{
	byte p, t, k;

end:	do
	:: atomic {
		any_ticket(t, part[t].key == me);
		k = part[t].keyid;
		any_message(PSK_ESTB, k, by_client);
		if
		:: is_free(p) -> m.obj = me; m.ticket = t
		:: !is_free(p)
		fi;
		forge(0);
		d_step { forged_around(); take_estb(); t = 0; done() }
	   }
	od
}

/* ---- GSK-REQ, GSK-REP; GSK-FET, GSK-DLVR ---------------------------------------- */

inline know_newest()
{
	if
	:: me == A ->
		group_keys[g - G] = group_keys[g - G] | bit(k);
		newest[g - G] = (k > newest[g - G] -> k : newest[g - G])
	:: else
	fi
}

/* SP and member on GSK-REP, GSK-DLVR */
#define GROUP_ANSWER	(wish != 0 -> GSK_REP : GSK_DLVR)
inline take_group_key()
{
	k = part[p].keyid;
	if
	:: opens(p, me, receipt_group) && m.type == GROUP_ANSWER &&
	    m.who == me && answers_run(part[p].nonce, r) && part[p].about == g &&
	    !is_gone(me, k) ->
		printf(": %e takes key %d of group %e for run %d\n", me, k, g, r);
		claim_answered(k, r, g);
		take(k);
		claim_group(me, g, k, wish);
		know_newest();
		key = k
	:: else
	fi
}

/* wish: of an owner, who makes a group or renews its key; 0: fetches the key */
proctype Member(byte me; byte r; byte g; byte wish)
{
	byte p, k, key;

	d_step {
		(wish != renew || newest[g - G] != 0);
		if
		:: wish != 0 -> request(by_service, me, 0, 0, GSK_REQ, 0, g,
			wish)
		:: else -> request(by_client, me, 0, 0, GSK_FET, 0, g, 0)
		fi;
		if
		:: me == A -> note(group_runs[g - G], r)
		:: else
		fi
	}
end:	do
	:: key == 0 ->
		atomic {
			any_message(GROUP_ANSWER, me, receipt_group);
			d_step { forged_around(); take_group_key(); done() }
		}
	:: key != 0 -> break
	od
}

/* ---- GSK-DELT, GSK-DELC; PSK-DELT, PSK-DELC ------------------------------------- */

/* The owner's own copies go last, and what it still waits for. */
inline take_group_delc()
{
	if
	:: opens(p, me, ack_group) && m.type == GSK_DELC && m.who == me &&
	    answers_run(part[p].nonce, r) && part[p].about == g ->
		printf(": %e takes GSK_DELC: group %e is deleted\n", me, g);
		gone[me] = gone[me] | (hold[me] & group_keys[g - G]);
		hold[me] = hold[me] & ~group_keys[g - G];
		pending = pending & ~before[r];
		pending = pending & ~bit(r);
		claim_group_deleted(me, g, key);
		key = 0
	:: else
	fi
}

/* Deletes the newest key that it has of its group. */
proctype Deleter(byte me; byte r; byte g)
{
	byte p, k, key;

	d_step {
		(newest[g - G] != 0 && has(hold[me], newest[g - G]));
		key = newest[g - G];
		before[r] = pending & group_runs[g - G]
		request(kenvelope_group, 0, g, key, GSK_DELT, me, 0, 0)
	}
end:	do
	:: key != 0 ->
		atomic {
			any_message(GSK_DELC, me, ack_group);
			d_step { forged_around(); take_group_delc(); done() }
		}
	:: key == 0 -> break
	od
}

/* Device on PSK-DELT: one already answered is answered again. */
inline take_delt()
{
	k = part[p].keyid;
	if
	:: opens(p, me, kenvelope_key) && m.type == PSK_DELT && m.who == me ->
		printf(": %e deletes key %d, sends PSK_DELC\n", me, k);
		claim_told(me, k);
		hold[me] = hold[me] & ~bit(k);
		gone[me] = gone[me] | bit(k);
		plaintext(CONFIRM(me, run_of(k)), ack_device, me, 0,
			part[p].nonce, 0);
		seal(CONFIRM(me, run_of(k)), me, PSK_DELC, 0, 0, 0, 0)
	:: else
	fi
}

inline forge_keyid()
{
	if
	:: part[FORGED].key != 0 -> part[FORGED].keyid = KEY(1, 0)
	:: part[FORGED].key == 0
	fi
}

proctype Eraser(byte me)
{
	byte p, k;

end:	do
	:: atomic {
		any_message(PSK_DELT, me, kenvelope_key);
		forge_keyid();
		d_step { forged_around(); take_delt(); done() }
	   }
	od
}

/*
 * terms.pml - names, keys, sealed parts and messages (wire.md, sections 3 to 5)
 *
 * Cryptography is perfect: a seal opens under its key alone, to what was put
 * in.  A value that is drawn, a nonce or a key, is like no other, and its number
 * tells where it comes from; so no order of events needs a number of its own.
 */

/* Devices, all enrolled, and groups: 1 to 5 in this order, 0 is nobody. */
mtype = { H, G, I, B, A };
#define honest(x)	((x) == A || (x) == B)
#define is_group(x)	((x) == G || (x) == H)

mtype = { PSK_REQ, PSK_REP, PSK_ESTB, PSK_ACK, PSK_DELT, PSK_DELC, GSK_REQ,
	GSK_REP, GSK_FET, GSK_DLVR, GSK_DELT, GSK_DELC };

/*
 * Plaintexts (section 5) by the members that they have; one that lacks a
 * mandatory member, or has a foreign one, is malformed.
 */
mtype = {
	by_client,		/* cname, ctime, nonce */
	by_service,		/* spname, sptime, nonce */
	enc_part,		/* cname, keydata */
	receipt_session,	/* spname, nonce, keydata */
	receipt_group,		/* mcastname, nonce, keydata */
	kenvelope_key,		/* skdcname, nonce, { keyid } */
	kenvelope_group,	/* mcastname, nonce, { keyid } */
	ack_service,		/* PSK-ACK: spname, nonce */
	ack_device,		/* PSK-DELC: cname, nonce */
	ack_group		/* GSK-DELC: mcastname, nonce */
};

/*
 * A run is one exchange as its initiator sees it.  Its number is the nonce of
 * its request; an intruder's other nonces are 0, of which any number are there.
 */
#define NONCE_ESTB(r)	(16 + (r))
#define NONCE_DELT(d, r) (32 + 16 * (d) + (r))

/*
 * Keys: 1 to 3 are the secret keys of A, B and I.  A session or group key is
 * one that the SKDC made in answer to run r; it makes two if it takes a request
 * twice (n is 0 or 1).  Sets of keys are bits.
 */
#define KEY(r, n)	(3 + (r) + RUNS * (n))
#define run_of(k)	(((k) - 4) % RUNS + 1)
#define bit(k)		(1 << (k))
#define has(set, k)	(((set) >> (k)) & 1)

/* skdc-options and grppac of a GSK-REQ; a renewal is without grppac */
mtype = { members_B, members_any, renew };

int hold[4];		/* the session and group keys in a device's store */

/* Sealed parts (section 4): key 0 is one that nobody has made yet. */
typedef Part {
	byte key;
	byte form, name, about, nonce, keyid;	/* plaintext */
	byte in_type, in_who, in_obj, in_opt, in_ticket	/* external_aad */
};

/* Each is made once, in a place of its own; 0 is the intruder's. */
#define FORGED		0
#define REQUEST(r)	(r)		/* authenticator; kenvelope of GSK-DELT */
#define TICKET(r, n)	(RUNS * (1 + (n)) + (r))	/* enc-part */
#define ANSWER(r, n)	(RUNS * (3 + (n)) + (r))	/* receipt; GSK-DELC's ack */
#define PROOF(r)	(RUNS * 5 + (r))		/* PSK-ESTB's authenticator */
#define ACK(r)		(RUNS * 6 + (r))		/* PSK-ACK's ack */
#define ENVELOPE(d, r)	(RUNS * (6 + (d)) + (r))	/* PSK-DELT's kenvelope */
#define CONFIRM(d, r)	(RUNS * (8 + (d)) + (r))	/* PSK-DELC's ack */
#define LAST_PART	(RUNS * 11)
Part part[LAST_PART + 1];

/*
 * A message in clear: who it names as its sender or receiver (cname, spname),
 * the service or group it is about, options, and the miniticket's enc-part.
 * What a type doesn't have is 0.
 */
typedef Message {
	byte type, who, obj, opt, ticket
};
Message m;

/* Section 4: external_aad is the containing map, without the sealed member. */
#define bound(p)	(part[p].in_type == m.type && part[p].in_who == m.who && \
	part[p].in_obj == m.obj && part[p].in_opt == m.opt && \
	part[p].in_ticket == m.ticket)
#define bound_ticket(p)	(part[p].in_type == enc_part && part[p].in_obj == m.obj)
#ifdef NO_AAD
#define authentic(aad)	true
#else
#define authentic(aad)	(aad)
#endif
/* kid selects the key; under another one than its own no part opens. */
#define opens(p, k, f)	(part[p].key == (k) && part[p].form == (f) && \
	authentic(bound(p)))
#define opens_ticket(p, k) (part[p].key == (k) && part[p].form == enc_part && \
	authentic(bound_ticket(p)))

inline plaintext(p, its_form, its_name, its_about, its_nonce, its_keyid)
{
	part[p].form = its_form;
	part[p].name = its_name;
	part[p].about = its_about;
	part[p].nonce = its_nonce;
	part[p].keyid = its_keyid
}

inline seal(p, under, its_type, its_who, its_obj, its_opt, its_ticket)
{
	part[p].in_type = its_type;
	part[p].in_who = its_who;
	part[p].in_obj = its_obj;
	part[p].in_opt = its_opt;
	part[p].in_ticket = its_ticket;
	part[p].key = under
}

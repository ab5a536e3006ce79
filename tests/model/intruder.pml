/*
 * intruder.pml - the network, which is the intruder (Dolev and Yao)
 *
 * It has all that was ever sent, and sends whatever it can make of that, to
 * anybody, whenever somebody would take it.  So nobody sends to anybody: a part
 * is in the table once it was made, and a receiver looks at any message that
 * could come.  The intruder is enrolled too, as I: it has a secret key of its
 * own, may be client, service, owner and member, and writes what it likes into
 * its messages.
 */

/* The keys that it knows, its own secret key to begin with. */
#ifdef LOST_KEY
int known = bit(I) | bit(B);
#else
int known = bit(I);
#endif
#define knows(k)	has(known, k)

inline learns(ki)
{
	printf(": I learns key %d\n", ki);
	known = known | bit(ki)
}

/* What it opens it knows.  Nonces are no secrets: it may use any as it is. */
#define carries_key(f)	((f) == enc_part || (f) == receipt_session || \
	(f) == receipt_group)
inline sees(p)
{
	if
	:: knows(part[p].key) && carries_key(part[p].form) ->
		learns(part[p].keyid)
	:: else
	fi
}

/*
 * p: any part that was made and FITS the receiver's first look; FORGED, when
 * the intruder knows key ki, or nothing.
 */
inline any_part(p, FITS, ki)
{
	p = 0;
	do
	:: d_step {
		p++;
		do
		:: p <= LAST_PART && !(FITS) -> p++
		:: else -> break
		od
	   }
	   if
	   :: p <= LAST_PART -> break
	   :: p <= LAST_PART		/* not this one */
	   :: p > LAST_PART ->
		d_step {
			p = FORGED;
			part[FORGED].key = (knows(ki) -> ki : 0)
		}
		break
	   fi
	od
}
#define FIRST_LOOK(k, f) (part[p].key == (k) && part[p].form == (f))

inline any_ticket(p, FITS)
{
	p = TICKET(1, 0);
	do
	:: part[p].key != 0 && FITS -> break
	:: p < TICKET(RUNS, 1) -> p++
	:: p == TICKET(RUNS, 1) -> p = 0; break
	od
}

inline any_device(x)
{
	if
	:: x = A
	:: x = B
	:: x = I
	fi
}

inline any_group(x)
{
	if
	:: x = G
	:: x = H
	fi
}

/*
 * The message around part p: if the seal is the intruder's, or binds nothing,
 * any.  A seal that doesn't open changes nothing at its receiver; so around
 * another one it doesn't try but what that was made for.
 */
#ifdef NO_AAD
#define is_free(p)	(part[p].key != 0)
#else
#define is_free(p)	((p) == FORGED && part[p].key != 0)
#endif

inline as_bound(p)
{
	d_step {
		m.type = part[p].in_type;
		m.who = part[p].in_who;
		m.obj = part[p].in_obj;
		m.opt = part[p].in_opt;
		m.ticket = part[p].in_ticket
	}
}

/* A seal of its own the intruder can make for the message around it. */
inline forged_around()
{
	if
	:: part[FORGED].key != 0 ->
		seal(FORGED, part[FORGED].key, m.type, m.who, m.obj, m.opt,
			m.ticket)
	:: else
	fi
}

inline forget_message()
{
	m.type = 0;
	m.who = 0;
	m.obj = 0;
	m.opt = 0;
	m.ticket = 0;
	plaintext(FORGED, 0, 0, 0, 0, 0);
	seal(FORGED, 0, 0, 0, 0, 0, 0)
}

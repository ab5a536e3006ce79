/*
 * message.h - messages and their building blocks as C structs
 *
 * The members are the draft's (sections 2 to 7) and wire.md's section 5; which
 * of them a structure has, and in what order, say the tables of schema.c.  All
 * memory belongs to the message's arena.
 */
#ifndef FLUFFY_MESSAGE_H
#define FLUFFY_MESSAGE_H

#include "bytes.h"
#include "schema.h"

#define MAX_LIST 10

struct tokens {
	int64_t v[MAX_LIST];
	uint8_t n;
	bool bare;	/* one token that isn't in an array */
};

struct bytes_list {
	struct bytes v[8];
	uint8_t n;
};

/* A member that this profile doesn't know: both halves deterministic CBOR. */
struct extra {
	struct bytes label, value;
};

/*
 * The first member of every structure.  schema is the table that describes
 * this one.  has: bit L is set when the member labelled L (in a key map -L) is
 * present.  extras are in the order of their labels' encodings.
 */
struct head {
	const struct schema *schema;
	uint64_t has;
	struct extra *extras;
	size_t n_extras;
};

static inline uint64_t
label_bit(int label)
{
	return (uint64_t)1 << (label < 0 ? -label : label);
}

#define HAS(map, label)	  (((map)->head.has & label_bit(label)) != 0)
#define SET(map, label)	  ((map)->head.has |= label_bit(label))

/* A COSE_Encrypt0, or in PSK-ESTB a COSE_Sign1 (sections 4 and 7). */
struct sealed {
	bool sign1, has_kid;
	int64_t alg;		/* of the protected header */
	struct bytes kid, iv;
	struct bytes ciphertext;/* with the tag; of a Sign1 its payload */
	struct bytes signature;
	struct part *plain;	/* NULL until opened; of a Sign1 always there */
};

/* Parameters of a public key or of a pair (RFC 9053, 8230, 8037). */
struct pkey {
	struct head head;
	int64_t crv;
	struct bytes x, y, d;			/* EC, OKP */
	struct bytes n, e, rsa_d, p, q, dp, dq, qi; /* RSA */
};

struct keydata {
	struct head head;
	int64_t kty, alg, pkuse;
	struct bytes keyid;
	struct bytes key;	/* symmetric */
	struct pkey *pkey;	/* asymmetric */
	struct tokens keyops;
	struct bytes x5u, x5t, x5t256;
	struct bytes_list x5c;
};

struct req_body {
	struct head head;
	int64_t kty;
	struct tokens etype;
	uint32_t options;
	struct bytes skdcrealm, skdcname, sprealm, spname;
	struct bytes mcastrealm, mcastname, keyid;
	struct bytes cpac, grppac;
};

/* What a seal protects: authenticator, receipt, enc-part, ack, kenvelope. */
struct part {
	struct head head;
	uint32_t flags;		/* tflags, rflags or envflags */
	struct bytes crealm, cname, sprealm, spname, skdcrealm, skdcname;
	struct bytes mcastrealm, mcastname, spskdc;
	struct bytes cpac, sppac, grppac, transited;
	uint64_t authtime, endtime, ctime, sptime, seqnum;
	struct bytes nonce, cksum;
	struct keydata *keydata;
};

struct mticket {
	struct head head;
	struct bytes skdcrealm, skdcname, sprealm, spname;
	struct sealed enc_part;
};

struct fluffy_msg {
	struct head head;
	uint64_t pvno;
	int64_t type;
	struct req_body *body;
	struct sealed authenticator, receipt, ack, kenvelope;
	struct mticket *mticket;
	struct bytes crealm, cname, sprealm, spname, skdcrealm, skdcname;
	struct bytes ext, e_text;
	int64_t error_code;
	uint64_t endtime, seqnum;
	struct bytes cksum;
	struct keydata *keydata;
	struct bytes ta, rs, psk_identity, key, maccert, rs_key;

	/* not on the wire */
	enum fluffy_format format;	/* as read */
	struct arena arena;
};

#endif

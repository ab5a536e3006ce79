/*
 * fluffy.h - the public interface of libfluffy
 *
 * Fluffy (draft-hardjono-ace-fluffy-03) lets constrained devices obtain keys
 * from a simple key distribution center (SKDC).  Messages and documents are
 * those of "Fluffy wire profile 1", fluffy-wire(7); section numbers below are
 * that page's unless another document is named.
 *
 * Conventions
 *  - Functions that can fail return an enum fluffy_error: 0 when done.  Why it
 *    failed is kept in the context until its next failure (fluffy_why).
 *  - Out-parameters are emptied first and filled only on success.
 *  - Whatever is returned through a pointer to a pointer, or as fluffy_bytes,
 *    is the caller's, who releases it with the matching *_free; that wipes it.
 *  - Times are seconds since 1970-01-01 UTC, lifetimes are seconds.
 *  - A context and what was made with it belong to one thread at a time.
 */
#ifndef FLUFFY_H
#define FLUFFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FLUFFY_CHECKED __attribute__((warn_unused_result))
#else
#define FLUFFY_CHECKED
#endif

/*
 * Errors.  1 to 18 are the wire's error-codes (section 3); a receiver that
 * refuses sends exactly that code.  The others never leave the process.
 */
enum fluffy_error {
	FLUFFY_OK = 0,
	FLUFFY_E_MALFORMED = 1,
	FLUFFY_E_BAD_VERSION = 2,
	FLUFFY_E_AUTH_FAILED = 3,
	FLUFFY_E_CLOCK_SKEW = 4,
	FLUFFY_E_REPLAY = 5,
	FLUFFY_E_WRONG_SKDC = 6,
	FLUFFY_E_UNKNOWN_SERVICE = 7,
	FLUFFY_E_BAD_ETYPE = 8,
	FLUFFY_E_NOT_PERMITTED = 9,
	FLUFFY_E_NO_SUCH_GROUP = 10,
	FLUFFY_E_GROUP_EXISTS = 11,
	FLUFFY_E_GROUP_DELETING = 12,
	FLUFFY_E_NOT_OWNER = 13,
	FLUFFY_E_NO_SUCH_KEY = 14,
	FLUFFY_E_NO_CA = 15,
	FLUFFY_E_BUSY = 16,
	FLUFFY_E_INTERNAL = 17,
	FLUFFY_E_EXPIRED = 18,

	FLUFFY_E_USAGE = 32,	 /* the caller's argument can't be used */
	FLUFFY_E_UNEXPECTED,	 /* a valid message that this step doesn't take */
	FLUFFY_E_NOT_FOUND,	 /* no such device, key or rule in the store */
	FLUFFY_E_EXISTS,	 /* the name is taken */
	FLUFFY_E_STORE,		 /* the store can't be opened, read or written */
	FLUFFY_E_MEMORY,
	FLUFFY_E_SYSTEM,	 /* the system or a library failed */

	FLUFFY_MORE = 64,	 /* fluffy_reader_next: push more, or finish */
	FLUFFY_END		 /* fluffy_reader_next: nothing is left */
};

/* What a program exits with; the classes of the table in fluffy(7). */
enum fluffy_status {
	FLUFFY_DONE = 0,
	FLUFFY_REFUSED = 1,
	FLUFFY_USAGE = 2,
	FLUFFY_MALFORMED = 3,
	FLUFFY_BROKEN = 4
};

/* The error's name, as on the wire ("auth-failed"); never NULL. */
const char *fluffy_error_name(enum fluffy_error);
/* The error's meaning in a sentence; never NULL. */
const char *fluffy_error_sentence(enum fluffy_error);
/* The exit status that the error leads to. */
enum fluffy_status fluffy_error_status(enum fluffy_error);

/* Messages and documents (section 3). */
enum fluffy_type {
	FLUFFY_PSK_REQ = 1,
	FLUFFY_PSK_REP,
	FLUFFY_PSK_ESTB,
	FLUFFY_PSK_ACK,
	FLUFFY_PSK_DELT,
	FLUFFY_PSK_DELC,
	FLUFFY_GSK_REQ,
	FLUFFY_GSK_REP,
	FLUFFY_GSK_FET,
	FLUFFY_GSK_DLVR,
	FLUFFY_GSK_DELT,
	FLUFFY_GSK_DELC,
	FLUFFY_PKP_REQ,
	FLUFFY_PKP_REP,
	FLUFFY_ERROR,
	FLUFFY_ENROL,
	FLUFFY_DK_PROV,
	FLUFFY_DK_CRED,
	FLUFFY_DK_CERT,
	FLUFFY_DK_REVOKE
};

/* Owned bytes.  Freeing wipes them; {NULL, 0} is empty and may be freed. */
typedef struct fluffy_bytes {
	uint8_t *data;
	size_t len;
} fluffy_bytes;

void fluffy_bytes_free(fluffy_bytes *);

/* ---- context ---------------------------------------------------------- */

typedef struct fluffy_ctx fluffy_ctx;

/*
 * For a program whose process is its own; call it first, before anything else
 * uses SQLite or OpenSSL, else false is returned.  From then on what these two
 * free is wiped (without this, keys stay behind in freed memory), and the
 * process leaves no core dump and can't be traced by others but root.
 */
FLUFFY_CHECKED bool fluffy_own_process(void);

/* A new context, or NULL when memory or the cipher library isn't there. */
fluffy_ctx *fluffy_ctx_new(void);
void fluffy_ctx_free(fluffy_ctx **);

/*
 * Replace the clock and the random generator (tests, simulations).  The
 * defaults are time(2) and OpenSSL's CSPRNG.  A generator returns 0 when it
 * has filled all len bytes.  Neither may be reached from outside a program.
 */
void fluffy_ctx_set_clock(fluffy_ctx *, uint64_t (*now)(void *), void *arg);
void fluffy_ctx_set_random(fluffy_ctx *,
    int (*random)(void *, uint8_t *out, size_t len), void *arg);

/* The context's time. */
uint64_t fluffy_now(const fluffy_ctx *);

/*
 * Be told of each check that a receiving step makes of a message, by its name
 * in libfluffy(3), and of its verdict (fluffy_explain: FLUFFY_END when it
 * wasn't reached).
 */
void fluffy_ctx_set_checked(fluffy_ctx *,
    void (*checked)(void *arg, enum fluffy_type, const char *check,
    enum fluffy_error verdict), void *arg);

/*
 * Why the last call failed.  field is the path of the offending member
 * ("PSK-REP.receipt.endtime") or "", text what was expected and found; both
 * are printable UTF-8, without control characters and without secrets, and
 * stay valid until the context's next failure.
 */
typedef struct fluffy_reason {
	enum fluffy_error code;
	const char *field;
	const char *text;
} fluffy_reason;

fluffy_reason fluffy_why(const fluffy_ctx *);

/* ---- messages --------------------------------------------------------- */

/* JSON and CBOR are the two encodings (section 1); the others only show. */
enum fluffy_format {
	FLUFFY_NONE,
	FLUFFY_JSON,
	FLUFFY_CBOR,
	FLUFFY_TEXT, /* a tree for people; keys hidden */
	FLUFFY_DIAG  /* RFC 8949, section 8; keys hidden */
};

/* Flags of fluffy_msg_write. */
#define FLUFFY_SHOW_KEYS 1u /* TEXT, DIAG, OPENED: print keys too */
#define FLUFFY_OPENED	 2u /* JSON: plaintexts beside their seals */

#define FLUFFY_MAX_EMITTED  65536u  /* bytes of emitted CBOR (section 1) */
#define FLUFFY_MAX_RECEIVED 524288u /* bytes of a message as received */

typedef struct fluffy_msg fluffy_msg;

/*
 * Read the one message that data holds, in either encoding; trailing bytes
 * other than JSON white space are malformed.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_msg_read(fluffy_ctx *,
    const void *data, size_t len, fluffy_msg **);

/*
 * Write a message.  JSON, TEXT and DIAG end with a newline.  Only FLUFFY_JSON
 * without flags and FLUFFY_CBOR can be read back.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_msg_write(fluffy_ctx *,
    const fluffy_msg *, enum fluffy_format, unsigned flags, fluffy_bytes *);

void fluffy_msg_free(fluffy_msg **);

/* Messages in the order in which they leave; {NULL, 0} is none. */
typedef struct fluffy_msgs {
	fluffy_msg **v;
	size_t n;
} fluffy_msgs;

void fluffy_msgs_free(fluffy_msgs *);

enum fluffy_type fluffy_msg_type(const fluffy_msg *);
/* The encoding in which the message was read; CBOR for one made here. */
enum fluffy_format fluffy_msg_format(const fluffy_msg *);
/* Of an ERROR its error-code (0 when unregistered), of others FLUFFY_OK. */
enum fluffy_error fluffy_msg_error(const fluffy_msg *);
/* An ERROR's e-text, for the user's eyes; NULL when there is none. */
const char *fluffy_msg_e_text(const fluffy_msg *);
/* "PSK-REQ", ...; NULL for a number that isn't registered. */
const char *fluffy_type_name(enum fluffy_type);

/*
 * Does the clear member (at the top, or "req-body.spname") have that value?
 * The value is compared as it is in JSON, names, words and numbers without
 * quotes.  FLUFFY_E_USAGE when no message has such a member.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_msg_select(fluffy_ctx *,
    const fluffy_msg *, const char *member, const char *value, bool *match);

/*
 * Calls each for every member that differs, with its path, from the message's
 * top, and both values as JSON; NULL where one hasn't got it.  Opened parts are
 * compared where both are opened.  Keys are "(hidden)" without
 * FLUFFY_SHOW_KEYS.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_msg_diff(fluffy_ctx *,
    const fluffy_msg *a, const fluffy_msg *b, unsigned flags,
    void (*each)(void *arg, const char *member, const char *left,
    const char *right), void *arg);

/* The CDDL (RFC 8610) of all messages, printed from the schema. */
FLUFFY_CHECKED enum fluffy_error fluffy_schema_cddl(fluffy_ctx *,
    fluffy_bytes *);
/* The tables of labels, words and members as mdoc, for fluffy-wire(7). */
FLUFFY_CHECKED enum fluffy_error fluffy_schema_mdoc(fluffy_ctx *,
    fluffy_bytes *);

/*
 * A reader cuts a stream of messages (section 1) out of pushed bytes, whatever
 * their portions.  fluffy_reader_next gives
 *   FLUFFY_OK      a message
 *   FLUFFY_MORE    push more bytes, or finish
 *   FLUFFY_END     the stream is over
 *   anything else  a message that is refused; go on calling
 */
typedef struct fluffy_reader fluffy_reader;

fluffy_reader *fluffy_reader_new(fluffy_ctx *);
void fluffy_reader_free(fluffy_reader **);
FLUFFY_CHECKED enum fluffy_error fluffy_reader_push(fluffy_reader *,
    const void *data, size_t len);
void fluffy_reader_finish(fluffy_reader *);
FLUFFY_CHECKED enum fluffy_error fluffy_reader_next(fluffy_reader *,
    fluffy_msg **);
/* The stream's encoding, FLUFFY_NONE until its first byte told. */
enum fluffy_format fluffy_reader_format(const fluffy_reader *);

/* ---- stores ----------------------------------------------------------- */

/*
 * A store is one party: its name, realm, keys, pending requests and memory of
 * what it has seen; an SQLite database, mode 0600.
 */
typedef struct fluffy_store fluffy_store;

#define FLUFFY_READ_ONLY 1u /* open flag: nothing will be changed */

/* A new SKDC's store.  FLUFFY_E_STORE when the file exists. */
FLUFFY_CHECKED enum fluffy_error fluffy_store_init(fluffy_ctx *,
    const char *path, const char *realm, const char *name, fluffy_store **);
FLUFFY_CHECKED enum fluffy_error fluffy_store_open(fluffy_ctx *,
    const char *path, unsigned flags, fluffy_store **);
void fluffy_store_close(fluffy_store **);
/*
 * Were erased keys left in the write-ahead log of a store that was closed, with
 * this context, because another process was reading for over 10 s, or it
 * couldn't be written?  What was done stands; whoever changes the store next
 * takes them out.
 */
bool fluffy_log_left(const fluffy_ctx *);
/*
 * A copy in memory of any party's store, also a trust anchor's or a node's: the
 * file is only read, and whatever is done to the copy is lost with it.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_store_copy(fluffy_ctx *,
    const char *path, fluffy_store **);

/*
 * Device side of section 9: the first ENROL makes the store at path, a second
 * one for the same device rotates its key.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_join(fluffy_ctx *, const char *path,
    const fluffy_msg *enrol);

/* SKDC side of section 9.  alg is a registered name, NULL for the default. */
FLUFFY_CHECKED enum fluffy_error fluffy_enrol(fluffy_store *, const char *name,
    const char *alg, fluffy_msg **enrol);
/* until: when the old key ends; 0: now.  USAGE when that time has passed. */
FLUFFY_CHECKED enum fluffy_error fluffy_rotate(fluffy_store *,
    const char *name, uint64_t until, fluffy_msg **enrol);

/* One line of a listing.  What doesn't apply is NULL or 0. */
typedef struct fluffy_entry {
	enum fluffy_entry_kind {
		FLUFFY_PARTY,	 /* the store's own identity, always first */
		FLUFFY_DEVICE,	 /* an enrolled device (SKDC) */
		FLUFFY_SECRET,	 /* a secret key */
		FLUFFY_SESSION,	 /* a session or group key (device), or the
				    record of a key that was issued (SKDC) */
		FLUFFY_PAIR,	 /* a key pair of its own (device) */
		FLUFFY_PUBLIC,	 /* a peer's public key (device) */
		FLUFFY_PENDING,	 /* a request that waits for its answer */
		FLUFFY_DELETED,	 /* a keyid that was deleted */
		FLUFFY_DENIED,	 /* a rule: client may not ask for service */
		FLUFFY_GROUP,	 /* a group, its owner and its current key */
		FLUFFY_MEMBER,	 /* of the group before: who may fetch, or not */
		FLUFFY_HOLDER,	 /* of the group before: who was given a key */
		FLUFFY_DELETION	 /* a device has not yet confirmed */
	} kind;
	/*
	 * "skdc", "device"; of a key in a device's store "client", "service",
	 * "owner", "member"
	 */
	const char *role;
	const char *realm, *name;	  /* whose, or the peer's or group's */
	const char *skdcrealm, *skdcname; /* of a device */
	const char *client, *service;	  /* SKDC: record of a key; rule */
	const char *owner;		  /* of a group */
	const char *alg;		  /* registered name */
	/*
	 * Of keys "received", "established", "issued", "expired", of a peer's
	 * public key "proven" or "attested" (by its SKDC alone); of a request
	 * its message; of a group "live", "ended" (its key has), "deleting",
	 * "deleted"; of a member "owner", "named", "added", "removed",
	 * "forbidden", and "any" without a name for everybody enrolled; of a
	 * holder "holds", "deleting", "confirmed"; of a deletion "deleting".
	 */
	const char *state;
	const uint8_t *keyid;
	size_t keyid_len;
	uint64_t authtime, endtime;
	bool certified;			  /* with a certificate */
} fluffy_entry;

/* Calls each for every entry, in a fixed order, until it returns non-zero. */
FLUFFY_CHECKED enum fluffy_error fluffy_list(fluffy_store *,
    int (*each)(void *, const fluffy_entry *), void *);

/* How fluffy_export writes a key. */
enum fluffy_export_as {
	FLUFFY_AS_KEYDATA,     /* the keydata of section 5, as JSON */
	FLUFFY_AS_JWK,	       /* RFC 7517 */
	FLUFFY_AS_COSE_KEY,    /* RFC 9052, section 7; binary */
	FLUFFY_AS_HEX,	       /* symmetric keys alone */
	FLUFFY_AS_OPENSSL_PSK, /* arguments of openssl s_client, s_server; the
				  same */
	FLUFFY_AS_PEM,	       /* of pairs and public keys: PKCS #8 or
				  SubjectPublicKeyInfo, then certificates */
	FLUFFY_AS_DER	       /* the same without certificates; binary */
};

/*
 * The key with that keyid.  use names an application: then not the key is
 * written but what section 4 derives from it ("fluffy app " use).  With
 * OPENSSL_PSK a session key is always derived, for "openssl-psk" unless use
 * says otherwise.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_export(fluffy_store *,
    const uint8_t *keyid, size_t len, enum fluffy_export_as, const char *use,
    fluffy_bytes *);

/* Remove a device, or a key.  Erased from the files before this returns. */
FLUFFY_CHECKED enum fluffy_error fluffy_remove_device(fluffy_store *,
    const char *name);
FLUFFY_CHECKED enum fluffy_error fluffy_remove_key(fluffy_store *,
    const uint8_t *keyid, size_t len);

/*
 * Policy of the realm (name NULL) or of one device.  0 and an empty list mean
 * "not set": the realm's, or the profile's, default is in force.
 */
typedef struct fluffy_policy {
	uint64_t lifetime;  /* of new keys; at most 30 days */
	uint64_t skew;	    /* realm or device store only */
	const char *etypes; /* "A,B": allowed session key algorithms; NULL */
} fluffy_policy;

#define FLUFFY_UNSET UINT64_MAX /* fluffy_policy_set: the default again */

FLUFFY_CHECKED enum fluffy_error fluffy_policy_get(fluffy_store *,
    const char *name, fluffy_policy *, fluffy_bytes *etypes);
/* Sets the members that aren't 0 or NULL; etypes "" unsets the list.  What is
   raised in skew doesn't let in again what was forgotten before. */
FLUFFY_CHECKED enum fluffy_error fluffy_policy_set(fluffy_store *,
    const char *name, const fluffy_policy *);
/* Forget the largest time acted upon (section 6, Replay).  What was seen before
   stays refused: as a replay, or, where that was forgotten, as clock-skew. */
FLUFFY_CHECKED enum fluffy_error fluffy_reset_clock(fluffy_store *);

/* Who may ask for whom; "*" is anybody. */
FLUFFY_CHECKED enum fluffy_error fluffy_deny(fluffy_store *,
    const char *client, const char *service);
FLUFFY_CHECKED enum fluffy_error fluffy_allow(fluffy_store *,
    const char *client, const char *service);

/*
 * Groups, as the SKDC's operator sees them: each group (of that name, when
 * group isn't NULL; realm NULL is the SKDC's own), followed by its members and
 * its holders.  NOT_FOUND when there is no such group and no rule for it.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_list_groups(fluffy_store *,
    const char *realm, const char *group,
    int (*each)(void *, const fluffy_entry *), void *);

/*
 * The operator's last word on membership.  ADD: device may fetch, whatever the
 * owner named.  REMOVE: it may not any more, until it is added again or the
 * group is deleted.  FORBID: it never may, also in a group of that name that
 * is made later, until it is added.  A member that holds a key of the group
 * and loses its place makes the key be renewed, and its copies be deleted
 * (fluffy_del_resend writes the PSK-DELTs).  The owner always is a member:
 * USAGE.
 */
enum fluffy_membership { FLUFFY_ADD = 1, FLUFFY_REMOVE, FLUFFY_FORBID };

FLUFFY_CHECKED enum fluffy_error fluffy_group_change(fluffy_store *,
    const char *realm, const char *group, const char *device,
    enum fluffy_membership);

/*
 * Where the SKDC's certificates come from (draft, section 7).  Strings are
 * files' names, except url, ref and x5u; NULL is not set.  Relative names are
 * made absolute by fluffy_ca_set.
 */
typedef struct fluffy_ca {
	const char *cert;   /* PEM: the CA's certificate, then its issuers' */
	const char *key;    /* PEM: the CA's private key, when the SKDC signs */
	const char *url;    /* http://host[:port]/path: a CA that speaks CMP */
	const char *ref;    /* CMP: name of the shared secret */
	const char *secret; /* CMP: the file with the shared secret */
	const char *x5u;    /* put into keydata beside certificates */
} fluffy_ca;

/*
 * Either cert and key, or cert, url, ref and secret; all NULL: no CA.  What
 * can't be read or doesn't fit together is refused (USAGE) before it is set.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_ca_set(fluffy_store *,
    const fluffy_ca *);
/* The strings are in memory. */
FLUFFY_CHECKED enum fluffy_error fluffy_ca_get(fluffy_store *, fluffy_ca *,
    fluffy_bytes *memory);

/*
 * Open the sealed parts of a message that a store's keys open, whatever the
 * message's time.  Parts that stay closed are left as they are; several
 * stores may be tried in turn.  The plaintexts live in the message.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_msg_open(fluffy_msg *,
    fluffy_store *);

/* ---- exchanges -------------------------------------------------------- */

/* What any request, and a PSK-ESTB, may carry besides. */
typedef struct fluffy_extras {
	const char *ext;    /* a JSON value, or NULL */
	bool cksum;	    /* in the authenticator; never in a signed one */
	bool has_seqnum;
	uint32_t seqnum;    /* in the authenticator */
} fluffy_extras;

typedef struct fluffy_psk_params {
	const char *service;
	const char *realm;  /* the service's; NULL: left out, the SKDC's own */
	const char *etype;  /* "A,B", best first; NULL: the default */
	const char *cpac;   /* a JSON value, or NULL */
	fluffy_extras extras;
} fluffy_psk_params;

/* Client: a PSK-REQ; recorded as pending before this returns. */
FLUFFY_CHECKED enum fluffy_error fluffy_psk_request(fluffy_store *,
    const fluffy_psk_params *, fluffy_msg **);

typedef struct fluffy_gsk_params {
	const char *group;
	const char *realm;  /* the group's; NULL: left out, the SKDC's own */
	const char *etype;  /* "A,B", best first; NULL: the default */
	const char *members; /* "A,B", or "any"; NULL: not said */
	uint64_t lifetime;  /* 0: not said */
	const char *grppac; /* a JSON value instead of these two, or NULL */
	bool renew;	    /* a new key for a group that one owns */
	fluffy_extras extras;
} fluffy_gsk_params;

/* Owner: a GSK-REQ; recorded as pending, like all that follow. */
FLUFFY_CHECKED enum fluffy_error fluffy_gsk_request(fluffy_store *,
    const fluffy_gsk_params *, fluffy_msg **);

typedef struct fluffy_fetch_params {
	const char *group;
	const char *realm;	/* as above */
	const uint8_t *keyid;	/* of an older key that hasn't ended */
	size_t keyid_len;	/* 0: the current key */
	fluffy_extras extras;
} fluffy_fetch_params;

/* Member: a GSK-FET. */
FLUFFY_CHECKED enum fluffy_error fluffy_gsk_fetch(fluffy_store *,
    const fluffy_fetch_params *, fluffy_msg **);

/*
 * Owner: a GSK-DELT for the newest key of the group that is in the store;
 * NOT_FOUND when there is none.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_gsk_delete(fluffy_store *,
    const char *group, const char *realm, fluffy_msg **);

typedef struct fluffy_pkp_params {
	const char *kty;     /* "EC", "OKP" or "RSA" */
	const char *etype;   /* "ES256,...", best first */
	const char *service; /* who gets the public key; NULL: nobody */
	const char *realm;   /* the service's; NULL: left out */
	const char *cpac;    /* a JSON value, or NULL */
	bool cert;	     /* with a certificate */
	bool cert_chain;     /* and with those of its issuers */
	fluffy_extras extras;
} fluffy_pkp_params;

/* Client: a PKP-REQ. */
FLUFFY_CHECKED enum fluffy_error fluffy_pkp_request(fluffy_store *,
    const fluffy_pkp_params *, fluffy_msg **);

/* What a step completed, for the line that tells the user. */
typedef struct fluffy_outcome {
	enum fluffy_outcome_kind {
		FLUFFY_NOTHING,
		FLUFFY_KEY_RECEIVED,	/* client, on PSK-REP */
		FLUFFY_KEY_ACCEPTED,	/* service, on PSK-ESTB */
		FLUFFY_KEY_ESTABLISHED,	/* client, on PSK-ACK */
		FLUFFY_GROUP_CREATED,	/* owner, on GSK-REP; peer: the group */
		FLUFFY_GROUP_JOINED,	/* member, on GSK-DLVR; likewise */
		FLUFFY_GROUP_DELETED,	/* owner, on GSK-DELC; likewise */
		FLUFFY_KEY_ERASED,	/* device, on PSK-DELT */
		FLUFFY_KEY_UNKNOWN,	/* the same, when there was no such key */
		FLUFFY_PAIR_RECEIVED,	/* client, on PKP-REP */
		FLUFFY_PUBLIC_PROVEN,	/* service, on PSK-ESTB of a pair */
		FLUFFY_PUBLIC_ATTESTED,	/* the same, by the SKDC alone */
		FLUFFY_NOT_ADDRESSED,	/* for another device; nothing done */
		FLUFFY_ERROR_PROVEN,	/* an ERROR whose ack verified: the request
					   that it answers is over */
		FLUFFY_ERROR_HINT	/* any other ERROR */
	} kind;
	char peer[256];
	uint8_t keyid[32];
	size_t keyid_len;
	uint64_t endtime;
} fluffy_outcome;

/*
 * The device's steps.  An ERROR gives FLUFFY_OK with an outcome that tells what
 * it is worth.  The parts of in that were opened stay so.
 *
 * fluffy_estb: PSK-REP gives PSK-ESTB (client); PSK-ESTB gives PSK-ACK, or
 * nothing when it brings a public key (service); PSK-ACK gives nothing
 * (client).  When a service refuses a PSK-ESTB *out is the ERROR for the client
 * and the return value the reason.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_estb(fluffy_store *,
    fluffy_msg *in, const fluffy_extras *, fluffy_msg **out,
    fluffy_outcome *);
/* GSK-REP and GSK-DLVR store the group's key, GSK-DELC erases it. */
FLUFFY_CHECKED enum fluffy_error fluffy_gsk_accept(fluffy_store *,
    fluffy_msg *in, fluffy_outcome *);
/*
 * PSK-DELT gives PSK-DELC, once the key has been erased durably; or *out is
 * NULL, where the device's own key has made all its seals.  What isn't the
 * SKDC's is refused and gives nothing.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_del_accept(fluffy_store *,
    fluffy_msg *in, fluffy_msg **out, fluffy_outcome *);
/*
 * PKP-REP stores the pair; with a miniticket *out is the PSK-ESTB that carries
 * it to the service, signed with the new private key.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_pkp_accept(fluffy_store *,
    fluffy_msg *in, const fluffy_extras *, fluffy_msg **out,
    fluffy_outcome *);

/*
 * The SKDC.  Between begin and commit any number of requests is answered; no
 * answer may leave the process before commit returned FLUFFY_OK.  When commit
 * fails, or before it an answer can't be written, nothing of the batch was
 * promised: the caller asks again for each request after fluffy_skdc_broken,
 * and gets its ERROR "internal".
 *
 * fluffy_skdc_answer: *out holds the answer, the ERROR, or a group deletion's
 * PSK-DELTs; nothing where section 6 says that nothing is sent.  The return
 * value is the reason of a refusal.  For a key pair the batch is committed and
 * begun again: no lock is held while it is generated and certified.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_skdc_begin(fluffy_store *);
FLUFFY_CHECKED enum fluffy_error fluffy_skdc_answer(fluffy_store *,
    fluffy_msg *in, fluffy_msgs *out);
FLUFFY_CHECKED enum fluffy_error fluffy_skdc_commit(fluffy_store *);
void fluffy_skdc_broken(fluffy_store *);
/* The ERROR for input that fluffy_reader_next refused just before. */
FLUFFY_CHECKED enum fluffy_error fluffy_skdc_malformed(fluffy_store *,
    fluffy_msg **out);
/* Likewise a service's. */
FLUFFY_CHECKED enum fluffy_error fluffy_estb_malformed(fluffy_store *,
    fluffy_msg **out);

/*
 * The SKDC's operator deletes a key: a PSK-DELT for each device that was given
 * it and hasn't confirmed.  A group's key is no longer given out; the group
 * stays.  NOT_FOUND when no such key was issued, or when it has ended.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_del_request(fluffy_store *,
    const uint8_t *keyid, size_t len, fluffy_msgs *out);
/* A new PSK-DELT for each deletion that isn't confirmed. */
FLUFFY_CHECKED enum fluffy_error fluffy_del_resend(fluffy_store *,
    fluffy_msgs *out);
/* Those deletions; service is the group or the other party, client NULL. */
FLUFFY_CHECKED enum fluffy_error fluffy_list_deletions(fluffy_store *,
    int (*each)(void *, const fluffy_entry *), void *);

/*
 * What the store's party would make of a message: the checks of the step that
 * takes it, in their order, are run and told as fluffy_ctx_set_checked says,
 * also those behind the first failure; the step itself isn't taken, and nothing
 * in the store changes.  What comes after the checks (a CA's answer, room in an
 * answer) isn't judged.  in NULL: the input that fluffy_reader_next refused
 * just before.
 *
 * The return value is the step's: FLUFFY_OK when all checks pass, else the
 * first failure, which fluffy_why explains; UNEXPECTED when the party takes no
 * such message.  outcome is NOT_ADDRESSED, ERROR_PROVEN, ERROR_HINT (for which
 * a failed check is no error) or NOTHING.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_explain(fluffy_store *,
    fluffy_msg *in, fluffy_outcome *);

/* A message that isn't as it was, and what a right receiver makes of it. */
typedef struct fluffy_mutation {
	const char *change;	/* "removed", "tag-flipped", ... */
	const char *member;	/* where: "PSK-REQ.req-body.spname" */
	enum fluffy_format format;
	/* what fluffy_explain gives: the step's error and outcome */
	enum fluffy_error error;
	enum fluffy_outcome_kind outcome;
	const uint8_t *data;
	size_t len;
} fluffy_mutation;

/*
 * Calls each for everything that can be wrong with the message, one thing at a
 * time, and for some changes that change nothing, in JSON or CBOR, until it
 * returns non-zero.  Expected is what the party makes of it that would take the
 * message as it is, at that moment; what the profile leaves open is left out.
 * The seed decides which bits are flipped.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_msg_mutate(fluffy_ctx *,
    const fluffy_msg *, enum fluffy_format, uint64_t seed,
    int (*each)(void *arg, const fluffy_mutation *), void *arg);

/* ---- DerivedKey and AuthorizedPublicKey ---------------------------------- */

/*
 * The memo is core-security-modes; its documents are section 11's.  A trust
 * anchor (TA) and a resource server (RS) share K_RS-TA; a client shows the RS
 * what the TA gave it: a nonce whose key the RS derives, or a MacCert.  Both
 * carry a number of the pair (TA, RS), 1 to 2^32 - 1, which the RS takes once.
 *
 * A trust anchor's store is made by its first fluffy_dk_provision, a resource
 * server's or client's (a node's) by its first fluffy_dk_join.  They are opened
 * by fluffy_dk_open, which refuses other stores, and go into the functions of
 * this section alone; fluffy_store_open refuses them.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_open(fluffy_ctx *,
    const char *path, unsigned flags, fluffy_store **);

typedef struct fluffy_dk_provision_params {
	const char *rs;
	const char *ta;	    /* NULL: the store's name; "TA" for a new one */
	unsigned bits;	    /* 128 or 256; 0: 128, or the imported key's */
	const uint8_t *key; /* K_RS-TA; NULL: a new one is made */
	size_t key_len;
} fluffy_dk_provision_params;

/*
 * TA: K_RS-TA for an RS, whose numbers begin at 1, as DK-PROV.  The one before
 * is erased.  EXISTS when a key is imported that this store has, or had (memo,
 * 2.2: no nonce is used twice with a key).
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_provision(fluffy_ctx *,
    const char *path, const fluffy_dk_provision_params *, fluffy_msg **prov);
/*
 * TA: the RS's public key.  Public keys are taken as PEM, DER
 * (SubjectPublicKeyInfo), JWK or COSE_Key.  NOT_FOUND: no such RS.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_trust(fluffy_store *,
    const char *rs, const void *key, size_t len);
/*
 * TA: the next number of the RS for a client, durable before this returns: as
 * DK-CRED, or as DK-CERT for the client's public key.  NOT_FOUND: no such RS,
 * or its public key isn't known (certify); NOT_PERMITTED: all numbers are used.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_issue(fluffy_store *,
    const char *rs, const char *client, fluffy_msg **cred);
FLUFFY_CHECKED enum fluffy_error fluffy_dk_certify(fluffy_store *,
    const char *rs, const char *client, const void *key, size_t len,
    fluffy_msg **cert);
/* TA: DK-REVOKE for a number that was given out; NOT_FOUND if it wasn't. */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_revoke(fluffy_store *,
    const char *rs, uint32_t number, fluffy_msg **revoke);

#define FLUFFY_DK_WINDOW_MIN	 32u
#define FLUFFY_DK_WINDOW_DEFAULT 64u
#define FLUFFY_DK_WINDOW_MAX	 1024u

typedef struct fluffy_dk_join_params {
	unsigned window;  /* RS; 0: as it is, or the default */
	const void *key;  /* the node's own pair (EC): a private key as PEM or
			     DER.  NULL: the one in the store; an RS makes one */
	size_t key_len;
} fluffy_dk_join_params;

/*
 * Node: DK-PROV makes it an RS of that TA, and *public_key its public key for
 * the TA, PEM; DK-CRED and DK-CERT are kept for fluffy_dk_next.  EXISTS when it
 * was joined before, also when a newer key has replaced it.  A DK-CERT that
 * isn't for the node's pair is AUTH_FAILED.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_join(fluffy_ctx *,
    const char *path, const fluffy_msg *in, const fluffy_dk_join_params *,
    fluffy_bytes *public_key);
/* RS: takes a DK-REVOKE.  A number that was used already is no error. */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_accept(fluffy_store *,
    const fluffy_msg *revoke);

/* Who a client says it is, by whose word, and with which number. */
typedef struct fluffy_dk_claim {
	char ta[256];
	char client[129];   /* "": a MacCert names none */
	uint32_t number;
	uint8_t keyid[4];   /* of K_RS-TA */
} fluffy_dk_claim;

/*
 * RS: what a client shows is judged, and nothing changes yet (memo, 2.4 and
 * 3.3).  The checks are, for a nonce, syntax, trust-anchor, sequence-number;
 * for a MacCert syntax, trust-anchor, sequence-number, public-key, mac:
 * fluffy_ctx_set_checked tells them (with the type DK-CRED or DK-CERT).
 * MALFORMED, AUTH_FAILED (no such TA, or a bad MAC) or REPLAY (used, revoked
 * or too old).  key has room for 32 bytes and is the caller's to wipe.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_derive(fluffy_store *,
    const void *nonce, size_t len, fluffy_dk_claim *, uint8_t *key,
    size_t *key_len);
FLUFFY_CHECKED enum fluffy_error fluffy_dk_verify(fluffy_store *,
    const void *maccert, size_t len, fluffy_dk_claim *,
    fluffy_bytes *public_key);
/*
 * What a document of this section says of itself; nothing of it is proven.
 * UNEXPECTED when it is another message.
 */
typedef struct fluffy_dk_summary {
	char ta[256], rs[256];
	char client[256];   /* DK-CRED, DK-CERT: cname */
	uint32_t number;    /* all but DK-PROV */
} fluffy_dk_summary;
FLUFFY_CHECKED enum fluffy_error fluffy_dk_summarize(fluffy_ctx *,
    const fluffy_msg *, fluffy_dk_summary *);
/*
 * RS: the MacCert in a DK-CERT, for fluffy_dk_verify.  UNEXPECTED when it is no
 * DK-CERT, AUTH_FAILED when that is for another RS, MALFORMED when its trust
 * anchor isn't the MacCert's.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_maccert(fluffy_store *,
    const fluffy_msg *, fluffy_bytes *maccert);
/*
 * RS: the client has proved that it has the key.  Takes the number, durably;
 * REPLAY when somebody else took it since, or it was revoked, AUTH_FAILED when
 * K_RS-TA is another by now.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_take(fluffy_store *,
    const fluffy_dk_claim *);

/* What a client opens one session with. */
typedef struct fluffy_dk_credential {
	int64_t id;
	char ta[256], rs[256];
	uint32_t number;
	fluffy_bytes nonce, key;       /* DerivedKey, else empty */
	fluffy_bytes maccert, rs_key;  /* AuthorizedPublicKey, else empty; the
					  RS's SubjectPublicKeyInfo, DER */
} fluffy_dk_credential;

/*
 * Client: of the credentials for an RS the one that follows *after* in the
 * order of their numbers; after 0 is the first.  rs NULL: the only RS; USAGE
 * when there are several.  NOT_FOUND: none is left.
 */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_next(fluffy_store *,
    const char *rs, int64_t after, fluffy_dk_credential *);
void fluffy_dk_credential_free(fluffy_dk_credential *);
/* Client: a session was opened with it; it is erased. */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_used(fluffy_store *, int64_t id);
/* Node: its own private key, PKCS #8, DER.  NOT_FOUND when it has none. */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_private(fluffy_store *,
    fluffy_bytes *key);

/* A line of fluffy_dk_list.  What doesn't apply is NULL or 0. */
typedef struct fluffy_dk_entry {
	/* "trust-anchor": a TA's RS; "resource-server": an RS's TA; "client":
	   a credential */
	const char *role;
	const char *ta, *rs, *client;
	const char *mode;	  /* of a credential: "DerivedKey" or
				     "AuthorizedPublicKey" */
	/* the last that was given out; the right edge of the window; its own */
	uint32_t number;
	unsigned window;	  /* RS: its size in bits */
	const uint8_t *bits;	  /* bit i of byte j: number - 8 j - i is used */
	const uint32_t *revoked;  /* TA: all; RS: those not yet too old */
	size_t n_revoked;
	bool trusted;		  /* TA: the RS's public key is known */
	uint8_t keyid[4];
} fluffy_dk_entry;

/* Calls each for every entry, in a fixed order, until it returns non-zero. */
FLUFFY_CHECKED enum fluffy_error fluffy_dk_list(fluffy_store *,
    int (*each)(void *, const fluffy_dk_entry *), void *);

/* ---- words, for option parsing and listings --------------------------- */

/* "2026-11-22 18:00Z"; buf has at least 24 bytes. */
const char *fluffy_time_text(uint64_t time, char *buf);
/* RFC 3339 UTC ("2026-11-22T18:00:00Z", seconds and T optional), a number of
   seconds since 1970, or "+N" with s, m, h or d: that long after now. */
FLUFFY_CHECKED enum fluffy_error fluffy_time_parse(fluffy_ctx *,
    const char *text, uint64_t *time);
/* Lower-case hex of a keyid; at most cap bytes in all. */
FLUFFY_CHECKED enum fluffy_error fluffy_keyid_parse(fluffy_ctx *,
    const char *hex, uint8_t *out, size_t cap, size_t *len);

const char *fluffy_version(void);

#ifdef __cplusplus
}
#endif

#endif

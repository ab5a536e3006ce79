/*
 * exchange.h - what the exchanges share: making messages, and the checks that
 * every request and every answer goes through
 */
#ifndef FLUFFY_EXCHANGE_H
#define FLUFFY_EXCHANGE_H

#include "seal.h"
#include "store.h"

#define NONCE_SIZE 8	/* section 5: as many are emitted */

/* ---- making ------------------------------------------------------------- */

/* A new message of that type; NULL without memory. */
struct fluffy_msg *message_new(enum fluffy_type);
/* A new map for the message's member; NULL without memory. */
void *message_map(struct fluffy_msg *, int label);

/*
 * Set a member and its bit; bytes are copied into the message, whose arena
 * remembers a failure.
 */
#define PUT(map, member, label, value) \
	((map)->member = (value), (void)SET(map, label))
#define PUT_BYTES(msg, map, member, label, value) \
	PUT(map, member, label, arena_dup(&(msg)->arena, value))

/* A symmetric keydata; schema is keydata_secret or keydata_session. */
struct keydata *keydata_make(struct fluffy_msg *, const struct schema *,
    struct bytes keyid, const struct symm *);

/* Counts the seal against the secret key's limit, and makes it. */
FLUFFY_CHECKED enum fluffy_error seal_under_secret(fluffy_store *,
    struct fluffy_msg *, void *container, int label, struct part *,
    const struct secret *, const uint8_t *iv, bool cksum);

/* A JSON value of kind any as a member; NULL: it stays absent. */
FLUFFY_CHECKED enum fluffy_error put_json(fluffy_ctx *, struct fluffy_msg *,
    struct head *, struct bytes *member, int label, const char *json);

/* A keydata that only refers to a key. */
struct keydata *keydata_refer(struct fluffy_msg *, struct bytes keyid);

/* NULL-safe end of every maker: hands msg over, or frees it. */
FLUFFY_CHECKED enum fluffy_error message_finish(fluffy_ctx *,
    enum fluffy_error, struct fluffy_msg **msg, fluffy_msg **out);

/* Takes the message, also when there is no memory for it. */
FLUFFY_CHECKED enum fluffy_error msgs_add(fluffy_ctx *, fluffy_msgs *,
    fluffy_msg **msg);

/* ---- requests (request.c) ------------------------------------------------- */

/*
 * What a device asks its SKDC.  fill puts in what makes this request: clear
 * members, members of the sealed part beyond names, time, nonce and seqnum, and
 * in pending what the answer will be compared with.
 */
struct asking {
	enum fluffy_type type;
	int sealed;		/* L_authenticator or L_kenvelope */
	const fluffy_extras *extras;
	enum fluffy_error (*fill)(fluffy_store *, struct fluffy_msg *,
	    struct part *, struct pending *, const void *params);
	const void *params;
};

/* Makes it, and records it as pending, in a transaction of its own. */
FLUFFY_CHECKED enum fluffy_error request_make(fluffy_store *,
    const struct asking *, fluffy_msg **out);
/* A req-body that names the SKDC; kty and etypes unless etypes is NULL. */
struct req_body *request_body(fluffy_store *, struct fluffy_msg *,
    struct pending *, int64_t kty, const struct tokens *etypes);
/* A parameter that has to be a name; may be NULL when optional. */
FLUFFY_CHECKED enum fluffy_error request_name(fluffy_store *,
    const char *what, const char *name, bool optional);
/* How a device's store calls a group's realm: the SKDC's is left out. */
struct bytes group_realm(const fluffy_store *, struct bytes realm);
/* Which group it is about; realm may be NULL. */
void remember_group(struct pending *, const char *realm, const char *group);
/* "A,B" as content encryptions; NULL: the default for session keys. */
FLUFFY_CHECKED enum fluffy_error request_etypes(fluffy_store *,
    const char *list, struct tokens *);

/* ---- names (section 6) ---------------------------------------------------- */

/* An optional realm: absent means the SKDC's. */
#define REALM(map, member, label, skdcrealm) \
	(HAS(map, label) ? (map)->member : (skdcrealm))

/* Records a failure that is about that member of the message. */
enum fluffy_error refuse(fluffy_ctx *, const struct fluffy_msg *,
    const char *member, enum fluffy_error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* AUTH_FAILED, naming the member, unless both are equal. */
FLUFFY_CHECKED enum fluffy_error check_name(fluffy_ctx *,
    const struct fluffy_msg *, const char *member, struct bytes found,
    struct bytes expected);
/* The same with WRONG_SKDC. */
FLUFFY_CHECKED enum fluffy_error check_skdc(fluffy_ctx *,
    const struct fluffy_msg *, const char *member, struct bytes found,
    struct bytes expected);

/* ---- secret keys ----------------------------------------------------------- */

/*
 * Section 9: at the SKDC a key opens and seals until its end; a device keeps
 * an old one for 30 days more, for opening only.
 */
bool secret_opens(const fluffy_store *, const struct secret *, uint64_t now);
/* Of one owner at an SKDC, at the same time; fluffy_rotate keeps it. */
#define MAX_SECRETS 16
/* The key to seal with (section 9); NOT_FOUND when the owner has none. */
FLUFFY_CHECKED enum fluffy_error sealing_secret(fluffy_store *,
    struct bytes owner, uint64_t now, struct secret *);

/* seal_open_if; who only judges learns what a sender doesn't: what is wrong. */
FLUFFY_CHECKED enum fluffy_error open_sealed(fluffy_store *,
    struct fluffy_msg *, void *container, int label, const struct symm *,
    bool known);
/*
 * Finds the secret key by the part's kid and opens the part: AUTH_FAILED, after
 * the same work, when there is none.  container is the message or its
 * mticket.  The caller wipes secret.
 */
FLUFFY_CHECKED enum fluffy_error open_under_secret(fluffy_store *,
    struct fluffy_msg *, void *container, int label, uint64_t now,
    struct secret *);

/* ---- receiving ------------------------------------------------------------- */

/*
 * A message that a party takes, and what the checks have found so far.  The
 * principal is the owner of the key that opened it, never a name that it
 * carries.
 */
struct step {
	fluffy_store *s;
	struct fluffy_msg *msg;
	int64_t type;		 /* the message's */
	uint64_t now;
	struct secret secret;	 /* what it was sealed under */
	struct session session;	 /* the session key that it is about */
	const struct part *part; /* the opened part that is judged */
	const char *key_at;	 /* where session's keydata stands */
	bool verified;		 /* a request: an ERROR carries an ack */
	bool idle;		 /* the last check had nothing to check */
	struct pending pending;	 /* an answer: what it answers */
	struct device client;	 /* a request: who asks, ... */
	struct device service;	 /* ... for whom ... */
	bool enrolled;		 /* ... and is that one? */
	/* what an exchange decides, each its own file's */
	struct grant *grant;	 /* psk.c */
	struct group_step *group;/* group.h */
	struct pair_step *pair;	 /* pkp.c */
	struct join *join;	 /* dk_join.c */
	struct shown *shown;	 /* dk_server.c; there is no msg */
	struct anchor *anchor;	 /* dk_revoke.c */
	const struct keydata *public; /* estb.c: instead of session's key */
};

/* Now, with that message; the caller ends it. */
struct step step_begin(fluffy_store *, struct fluffy_msg *);
/* Wipes what it holds; msg stays the caller's. */
void step_end(struct step *);

/*
 * The checks of a receiving step are one table of these, in the order of
 * section 6: the first failure names the error.  A row without a name is no
 * check, but what follows from those before it.  One that finds nothing to
 * check sets idle, and isn't told.
 */
struct check {
	const char *name;
	enum fluffy_error (*run)(struct step *);
	enum {
		OPENS_NOTHING,
		OPENS,		/* a part, under a key that isn't named */
		OPENS_BY_KID
	} opens;
};

/*
 * All of a step's checks.  Where the store is only to judge (explain.c) those
 * behind the first failure are told too, as not reached, and an opening's one
 * by one; FLUFFY_END stands for success, so that the step goes no further.
 */
FLUFFY_CHECKED enum fluffy_error run_checks(struct step *,
    const struct check *, size_t n);
#define RUN_CHECKS(step, table) \
	run_checks(step, table, sizeof(table) / sizeof((table)[0]))

/* UNEXPECTED, with that text, unless this party takes such messages. */
FLUFFY_CHECKED enum fluffy_error check_receiver(const struct step *,
    bool takes, const char *text);

/* A valid message came under that key: the owner's older ones end. */
FLUFFY_CHECKED enum fluffy_error drop_older(fluffy_store *,
    const struct secret *);
/* The checks with which those of every request begin. */
#define REQUEST_CHECKS \
	{ "skdc", check_request_skdc }, \
	{ "seal", check_request_seal, OPENS_BY_KID }, \
	{ "names", check_request_names }, \
	{ NULL, accept_proof }, \
	{ "clock", check_clock }, \
	{ "time", check_time }, \
	{ "nonce", check_nonce }
FLUFFY_CHECKED enum fluffy_error check_request_skdc(struct step *);
FLUFFY_CHECKED enum fluffy_error check_request_seal(struct step *);
FLUFFY_CHECKED enum fluffy_error check_request_names(struct step *);
/* It is the owner's of that key, whatever becomes of it. */
FLUFFY_CHECKED enum fluffy_error accept_proof(struct step *);
/*
 * The last three, for the opened authenticator in part, where there is one; its
 * nonce is one of the session key where there is one, else of the secret key.
 */
FLUFFY_CHECKED enum fluffy_error check_clock(struct step *);
FLUFFY_CHECKED enum fluffy_error check_time(struct step *);
FLUFFY_CHECKED enum fluffy_error check_nonce(struct step *);

/* Finds client and service; a service of another realm isn't enrolled. */
FLUFFY_CHECKED enum fluffy_error find_parties(struct step *);
/* That service, where one is named, is enrolled. */
FLUFFY_CHECKED enum fluffy_error check_service(struct step *);
/* No rule denies it, and at most so many bytes of cpac are handed on. */
FLUFFY_CHECKED enum fluffy_error check_permission(struct step *,
    size_t cpac_max);

/* BAD_ETYPE for a request's etype, with what each party takes. */
enum fluffy_error refuse_etype(const struct step *,
    const struct tokens *client, const struct tokens *service);
/* The request asks for a symmetric key. */
FLUFFY_CHECKED enum fluffy_error check_kty(struct step *);

/* A part of the message opens under this party's secret key, and is what is
   judged from now on. */
FLUFFY_CHECKED enum fluffy_error check_part_seal(struct step *, int label);
FLUFFY_CHECKED enum fluffy_error check_receipt_seal(struct step *);
FLUFFY_CHECKED enum fluffy_error check_ack_under_secret(struct step *);
/* The member at that place, of the opened part, is pending's nonce. */
FLUFFY_CHECKED enum fluffy_error check_pending(struct step *,
    const char *place, enum fluffy_type);
/* The opened part's group, at those places, is the one in pending. */
FLUFFY_CHECKED enum fluffy_error check_asked_group(struct step *,
    const char *realm_at, const char *name_at);
/* The receipt's alg is one that was asked for. */
FLUFFY_CHECKED enum fluffy_error check_asked_alg(struct step *);

/* The miniticket is this device's SKDC's. */
FLUFFY_CHECKED enum fluffy_error check_mticket_skdc(struct step *);
/* Fills session from a receipt or an enc-part, which stands at that place; of
   a pair without the key. */
FLUFFY_CHECKED enum fluffy_error session_of(struct step *, const char *place,
    const struct part *, struct bytes realm, struct bytes peer);
/*
 * Of a pair or a public key at that place: that it is one, and that its
 * certificate, where there is one, is for it and ends when.
 */
FLUFFY_CHECKED enum fluffy_error check_pair(struct step *,
    const char *place, const struct keydata *, uint64_t *not_after);
/* That key's endtime, and that its keyid isn't one that was deleted. */
FLUFFY_CHECKED enum fluffy_error check_endtime(struct step *);
FLUFFY_CHECKED enum fluffy_error check_deleted(struct step *);

/*
 * The step that the party would take with that message, whose store is only to
 * judge: its checks are run and told, and no more.  FLUFFY_END: all passed;
 * FLUFFY_OK: there was nothing to check, and outcome tells why.
 */
typedef enum fluffy_error judge_fn(struct step *, fluffy_outcome *);
judge_fn skdc_judge, device_judge, node_judge;

void outcome_set(fluffy_outcome *, enum fluffy_outcome_kind,
    const struct session *);

/* ---- the exchanges --------------------------------------------------------- */

/* error_msg.c: the ERROR for a refused request; step may be NULL. */
FLUFFY_CHECKED enum fluffy_error error_make(fluffy_store *,
    const struct step *, enum fluffy_error code, fluffy_msg **out);
/* A service's ERROR: no ack, no names. */
FLUFFY_CHECKED enum fluffy_error error_make_bare(fluffy_store *,
    enum fluffy_error code, fluffy_msg **out);
/*
 * The SKDC's answers: the checks of a request, the decision, and what leaves.
 * psk_delc_answer takes a PSK-DELC, which is no request.
 */
typedef enum fluffy_error answer_fn(struct step *, fluffy_msgs *out);
answer_fn psk_answer, gsk_answer, gsk_fet_answer, gsk_delt_answer,
    psk_delc_answer, pkp_answer;

/* A device's steps; *out stays NULL where nothing follows. */
typedef enum fluffy_error take_fn(struct step *, const fluffy_extras *,
    fluffy_msg **out, fluffy_outcome *);
take_fn psk_rep_take, psk_estb_take, psk_ack_take, psk_delt_take,
    not_addressed, gsk_key_take, gsk_delc_take, pkp_rep_take, error_take;

/*
 * estb.c: the PSK-ESTB with an answer's miniticket: its authenticator is sealed
 * under the session key, or signed with the pair; without, where the pair can't
 * sign.
 */
FLUFFY_CHECKED enum fluffy_error psk_estb_make(fluffy_store *,
    const struct fluffy_msg *rep, const struct session *,
    const struct keydata *pair, const fluffy_extras *, fluffy_msg **out);

/* enrol.c: the checks of a second ENROL; it is this device's by then. */
FLUFFY_CHECKED enum fluffy_error enrol_take(struct step *);

/* psk_del.c: a PSK-DELT for each deletion, each with a nonce of its own. */
FLUFFY_CHECKED enum fluffy_error psk_delts_make(fluffy_store *,
    const struct deletion *, size_t n, uint64_t now, fluffy_msgs *out);
/* gsk_del.c: the GSK-DELC for the last GSK-DELT. */
FLUFFY_CHECKED enum fluffy_error gsk_delc_make(fluffy_store *,
    const struct group *, uint64_t now, fluffy_msgs *out);

#endif

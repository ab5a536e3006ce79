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

/* NULL-safe end of every maker: hands msg over, or frees it. */
FLUFFY_CHECKED enum fluffy_error message_finish(fluffy_ctx *,
    enum fluffy_error, struct fluffy_msg **msg, fluffy_msg **out);

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
	uint64_t now;
	struct secret secret;	 /* what it was sealed under */
	struct session session;	 /* the session key that it is about */
	const struct part *part; /* the opened part that is judged */
	const char *key_at;	 /* where session's keydata stands */
	bool verified;		 /* a request: an ERROR carries an ack */
	struct pending pending;	 /* an answer: what it answers */
	struct grant *grant;	 /* psk.c: what the SKDC decides */
};

/* Wipes what it holds; msg stays the caller's. */
void step_end(struct step *);

/*
 * The checks of a receiving step are tables of these, in the order of
 * section 6: the first failure names the error.
 */
struct check {
	const char *name;
	enum fluffy_error (*run)(struct step *);
};

FLUFFY_CHECKED enum fluffy_error run_checks(struct step *,
    const struct check *, size_t n);
#define RUN_CHECKS(step, table) \
	run_checks(step, table, sizeof(table) / sizeof((table)[0]))

/* The checks that all requests share: skdc, seal, names, clock, time, nonce. */
FLUFFY_CHECKED enum fluffy_error check_request(struct step *);
/*
 * The last three, for the opened authenticator in part; its nonce is one of
 * the session key where there is one, else of the secret key.
 */
FLUFFY_CHECKED enum fluffy_error check_clock(struct step *);
FLUFFY_CHECKED enum fluffy_error check_time(struct step *);
FLUFFY_CHECKED enum fluffy_error check_nonce(struct step *);

/* The miniticket is this device's SKDC's. */
FLUFFY_CHECKED enum fluffy_error check_mticket_skdc(struct step *);
/* Fills session from a receipt or an enc-part, which stands at that place. */
FLUFFY_CHECKED enum fluffy_error session_of(struct step *, const char *place,
    const struct part *, struct bytes realm, struct bytes peer);
/* That key's endtime, and that its keyid isn't one that was deleted. */
FLUFFY_CHECKED enum fluffy_error check_endtime(struct step *);
FLUFFY_CHECKED enum fluffy_error check_deleted(struct step *);

void outcome_set(fluffy_outcome *, enum fluffy_outcome_kind,
    const struct session *);

/* ---- the exchanges --------------------------------------------------------- */

/* error_msg.c: the ERROR for a refused request; step may be NULL. */
FLUFFY_CHECKED enum fluffy_error error_make(fluffy_store *,
    const struct step *, enum fluffy_error code, fluffy_msg **out);
/* A service's ERROR: no ack, no names. */
FLUFFY_CHECKED enum fluffy_error error_make_bare(fluffy_store *,
    enum fluffy_error code, fluffy_msg **out);
/* Client: what an ERROR is worth; ends the request that it proves refused. */
FLUFFY_CHECKED enum fluffy_error error_take(struct step *, fluffy_outcome *);

/* psk.c: the SKDC's answer to a PSK-REQ. */
FLUFFY_CHECKED enum fluffy_error psk_answer(struct step *, fluffy_msg **out);
/* psk.c, estb.c: the device's steps. */
FLUFFY_CHECKED enum fluffy_error psk_rep_take(struct step *,
    const fluffy_estb_params *, fluffy_msg **out, fluffy_outcome *);
FLUFFY_CHECKED enum fluffy_error psk_estb_take(struct step *,
    fluffy_msg **out, fluffy_outcome *);
FLUFFY_CHECKED enum fluffy_error psk_ack_take(struct step *,
    fluffy_outcome *);
/* estb.c: the PSK-ESTB that follows from rep and its session key. */
FLUFFY_CHECKED enum fluffy_error psk_estb_make(fluffy_store *,
    const struct fluffy_msg *rep, const struct session *,
    const fluffy_estb_params *, fluffy_msg **out);

#endif

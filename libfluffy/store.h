/*
 * store.h - one party's durable state, in one SQLite file
 *
 * Everything that a step learns or promises goes through here.  Changes are
 * made inside a transaction (store_begin, store_commit) and are durable when
 * commit returns.  Nothing here judges a message: that is policy.h's and the
 * exchanges' work.
 */
#ifndef FLUFFY_STORE_H
#define FLUFFY_STORE_H

#include "context.h"
#include "message.h"
#include "symm.h"
#include "window.h"

#define KEYID_MAX 32
#define NAME_MAX_ 255

/* A name or realm as it is kept: at most 255 bytes and a NUL. */
struct name {
	size_t n;
	char s[NAME_MAX_ + 1];
};

/* Both are false, or the name is left empty, when it doesn't fit. */
bool name_set(struct name *, struct bytes);
static inline struct bytes
name_bytes(const struct name *name)
{
	return bytes_of(name->s, name->n);
}

struct keyid {
	uint8_t n;
	uint8_t b[KEYID_MAX];
};

static inline struct bytes
keyid_bytes(const struct keyid *id)
{
	return bytes_of(id->b, id->n);
}

/* The last two are of section 11: a trust anchor; a resource server or client. */
enum role { ROLE_SKDC = 1, ROLE_DEVICE = 2, ROLE_ANCHOR = 3, ROLE_NODE = 4 };

struct party {
	enum role role;
	struct name realm, name;	 /* section 11: no realm */
	struct name skdcrealm, skdcname; /* SKDC: its own; section 11: none */
};

struct fluffy_store {
	fluffy_ctx *ctx;
	struct sql *sql;	/* store_sql.h: file, statements, caches */
	struct party party;
	uint64_t lifetime, skew;/* 0: the profile's defaults */
	struct tokens etypes;	/* n = 0: any */
	uint64_t max_now;	/* the largest now acted upon */
	uint64_t forgotten;	/* the largest until of a nonce that was */
	bool read_only, in_transaction;
	bool erased;		/* a key was erased: checkpoint after commit */
	bool log_left;		/* ... which this process could not do */
	bool broken;		/* fluffy_skdc_broken */
	bool batch_failed;	/* skdc.c: a request failed half-way */
	bool judging;		/* explain.c: a step's checks, and no more */
};

/* What is done inside a transaction. */
typedef enum fluffy_error store_fn(fluffy_store *, void *arg);

/*
 * Opening.  create: O_EXCL, 0600 from the first moment, the directory synced;
 * an existing path, a file that isn't a store, and a newer format are
 * FLUFFY_E_STORE and change nothing.  What first puts in, a device's first key,
 * is in the store from the beginning; NULL at an SKDC.
 */
FLUFFY_CHECKED enum fluffy_error store_create(fluffy_ctx *, const char *path,
    const struct party *, store_fn *first, void *arg, fluffy_store **);
/* Is there anything at path? (join decides between create and open) */
bool store_exists(const char *path);

/*
 * Reading works outside a transaction too; every change needs one.  When
 * SQLite fails inside a transaction, nothing more is written and the commit
 * fails.  What these functions refuse (EXISTS, REPLAY, NOT_FOUND, USAGE) has
 * changed nothing and leaves the transaction usable.
 */

/*
 * Transactions.  begin takes the write lock (waits up to 10 s: then
 * FLUFFY_E_STORE), reloads the party's policy, max_now and, at an SKDC, what
 * other processes recorded.  commit makes all durable (synchronous=FULL) and,
 * when a key was erased, checkpoints the WAL with truncation before it
 * returns.  Where a reader doesn't let the WAL be truncated for 10 s, what was
 * committed stands, log_left tells of it, and later commits of any process try
 * again.  A failed commit has rolled back.  rollback may be called when there
 * is no transaction; it restores the members of the store too.
 */
FLUFFY_CHECKED enum fluffy_error store_begin(fluffy_store *);
FLUFFY_CHECKED enum fluffy_error store_commit(fluffy_store *);
void store_rollback(fluffy_store *);
/* Once more before the store is closed; then the context tells of it. */
void store_leave_log(fluffy_store *);
/* Runs it inside a transaction of its own. */
FLUFFY_CHECKED enum fluffy_error store_change(fluffy_store *, store_fn *,
    void *arg);

/* Raises max_now; written by the commit. */
void store_acted_at(fluffy_store *, uint64_t now);
/* Sets max_now to 0. */
FLUFFY_CHECKED enum fluffy_error store_reset_clock(fluffy_store *);

/*
 * Drops what time has made useless: replays whose `until` passed, pending
 * requests older than 30 days, deleted keyids whose `until` passed (but for the
 * last 1,000), records of keys ended for a day, an SKDC's group keys that have ended, and
 * 30 days later who had copies of them, a device's keys ended for a day, secret
 * keys that open nothing more.  Inside a transaction; does nothing when it ran less than a
 * minute ago, and at most 1,000 records at a time: the next transaction goes on.
 * Dropping anything is acting on now: it raises max_now.
 */
FLUFFY_CHECKED enum fluffy_error store_prune(fluffy_store *, uint64_t now);

/* ---- secret keys (section 9) ------------------------------------------ */

/*
 * A device's secret key with its SKDC; at the device owner is its own name.
 * endtime 0: none yet.
 */
struct secret {
	struct keyid kid;
	struct name owner;
	struct symm key;
	uint64_t endtime;
	uint64_t order;		/* age: larger is newer; given by add */
	uint64_t seals;		/* by its kid: made or reserved, SEALS_MAX at
				   most */
};

#define SEALS_MAX (UINT64_C(1) << 32)	/* section 4 */

void secret_wipe(struct secret *);

/* A kid that was never given out; recorded by secret_add. */
FLUFFY_CHECKED enum fluffy_error store_new_kid(fluffy_store *,
    struct keyid *);
/* EXISTS when the kid was ever used in this store. order is assigned. */
FLUFFY_CHECKED enum fluffy_error store_secret_add(fluffy_store *,
    struct secret *);
/*
 * The same work whether there is one or not (section 6): nothing is remembered
 * from the time before, and without one secret is some other, in whatever
 * state, or zeros.  Neither its owner nor its seals are told:
 * store_secret_owner does that, once it matters.
 */
FLUFFY_CHECKED enum fluffy_error store_secret_find(fluffy_store *,
    struct bytes kid, struct secret *, bool *found);
FLUFFY_CHECKED enum fluffy_error store_secret_owner(fluffy_store *,
    struct secret *);
/* NOT_FOUND when there is none (or it was erased). */
FLUFFY_CHECKED enum fluffy_error store_secret_by_kid(fluffy_store *,
    struct bytes kid, struct secret *);
/* One owner's keys, oldest first; *n is how many were filled in, at most cap
   (then the newest). */
FLUFFY_CHECKED enum fluffy_error store_secrets_of(fluffy_store *,
    struct bytes owner, struct secret *, size_t cap, size_t *n);
FLUFFY_CHECKED enum fluffy_error store_secret_set_endtime(fluffy_store *,
    struct bytes kid, uint64_t endtime);
/* Erases the key; the kid stays taken. */
FLUFFY_CHECKED enum fluffy_error store_secret_erase(fluffy_store *,
    struct bytes kid);
/*
 * Counts one seal made with it (section 4: at most 2^32); USAGE at the end.
 * Seals are reserved on disk ahead, as many again as this process has made:
 * what a process doesn't use is lost, so a key makes at least 2^31.
 */
FLUFFY_CHECKED enum fluffy_error store_secret_sealed(fluffy_store *,
    struct bytes kid);
/* Would that be counted?  When it fails, nobody is to look for another. */
FLUFFY_CHECKED enum fluffy_error store_secret_may_seal(fluffy_store *,
    struct bytes kid, bool *);

/* ---- devices and rules (SKDC) ----------------------------------------- */

struct device {
	struct name name;
	uint64_t lifetime;	/* 0: the realm's */
	struct tokens etypes;	/* n = 0: the realm's */
};

/* EXISTS when the name is taken. */
FLUFFY_CHECKED enum fluffy_error store_device_add(fluffy_store *,
    struct bytes name);
FLUFFY_CHECKED enum fluffy_error store_device(fluffy_store *,
    struct bytes name, struct device *);
FLUFFY_CHECKED enum fluffy_error store_device_set(fluffy_store *,
    const struct device *);
/* With all its keys (erased) and the rules that name it. */
FLUFFY_CHECKED enum fluffy_error store_device_remove(fluffy_store *,
    struct bytes name);
/* Writes the realm's policy (lifetime, skew, etypes in the store struct). */
FLUFFY_CHECKED enum fluffy_error store_realm_set(fluffy_store *);

/* "*" stands for anybody.  add: nothing to do when it is there. */
FLUFFY_CHECKED enum fluffy_error store_deny_add(fluffy_store *,
    struct bytes client, struct bytes service);
/* NOT_FOUND when there is no such rule. */
FLUFFY_CHECKED enum fluffy_error store_deny_remove(fluffy_store *,
    struct bytes client, struct bytes service);
/* Does a rule, with or without "*", deny it? */
FLUFFY_CHECKED enum fluffy_error store_denied(fluffy_store *,
    struct bytes client, struct bytes service, bool *denied);

/* ---- replays ----------------------------------------------------------- */

/* Records (kid, nonce) until then; REPLAY when it is there already. */
FLUFFY_CHECKED enum fluffy_error store_nonce(fluffy_store *,
    struct bytes kid, struct bytes nonce, uint64_t until);

/* Remembers each nonce for so many seconds more; forgotten follows. */
FLUFFY_CHECKED enum fluffy_error store_nonces_longer(fluffy_store *,
    uint64_t seconds);

/* ---- keys that the SKDC issued ----------------------------------------- */

struct issued {
	struct keyid keyid;
	struct name client, service;
	int64_t alg;
	uint64_t authtime, endtime;
};

/* 8 bytes, never given out before, growing with time (section 4): the seconds
   shifted by 24 bits, or one more than the last one.  The top bit is 0. */
FLUFFY_CHECKED enum fluffy_error store_new_keyid(fluffy_store *,
    uint64_t now, struct keyid *);
FLUFFY_CHECKED enum fluffy_error store_issued_add(fluffy_store *,
    const struct issued *);
FLUFFY_CHECKED enum fluffy_error store_issued_remove(fluffy_store *,
    struct bytes keyid);
FLUFFY_CHECKED enum fluffy_error store_issued(fluffy_store *,
    struct bytes keyid, struct issued *);

/* ---- groups (SKDC, store_group.c) -------------------------------------- */

enum group_state { GROUP_LIVE = 1, GROUP_DELETING, GROUP_DELETED };

/* What names it is (realm, name); grppac and delt are in the caller's arena. */
struct group {
	int64_t id;		/* given by add */
	struct name realm, name;
	struct name owner;	/* empty: was removed */
	enum group_state state;
	struct keyid keyid;	/* of its current key, ended or not */
	bool any;		/* the owner lets everybody in */
	struct bytes grppac;	/* n = 0: none */
	struct bytes delt;	/* nonce of the last GSK-DELT; n = 0: none */
	bool delt_realm;	/* it had a mcastrealm */
	bool over;		/* deleted, or time has done the rest; not kept */
};

struct group_key {
	struct keyid keyid;
	int64_t group;
	struct symm key;	/* n = 0: erased */
	uint64_t authtime, endtime;
};

void group_key_wipe(struct group_key *);

FLUFFY_CHECKED enum fluffy_error store_group(fluffy_store *, struct arena *,
    struct bytes realm, struct bytes name, struct group *);
/* The group that a key was made for. */
FLUFFY_CHECKED enum fluffy_error store_group_of_key(fluffy_store *,
    struct arena *, struct bytes keyid, struct group *);
/* Takes the place of a deleted group of that name, of which nothing stays but
   what the operator forbade. */
FLUFFY_CHECKED enum fluffy_error store_group_add(fluffy_store *,
    struct group *);
/* Drops an owner's deleted groups but the newest, unless they have keys yet. */
FLUFFY_CHECKED enum fluffy_error store_groups_forget(fluffy_store *,
    struct bytes owner, unsigned keep);
/* Writes all members but id, realm and name. */
FLUFFY_CHECKED enum fluffy_error store_group_set(fluffy_store *,
    const struct group *);
/* How many a device owns whose deletion isn't over. */
FLUFFY_CHECKED enum fluffy_error store_groups_count(fluffy_store *,
    struct bytes device, uint64_t now, uint64_t *n);
/* Nothing of it stays but what the operator forbade. */
FLUFFY_CHECKED enum fluffy_error store_group_remove(fluffy_store *,
    const struct group *);
/* Those that a device owns; with held those whose keys it holds (as below) as a
   member. */
FLUFFY_CHECKED enum fluffy_error store_groups_of(fluffy_store *,
    struct arena *, struct bytes device, bool held, uint64_t now,
    struct group **, size_t *n);

/* The members that the owner named. */
FLUFFY_CHECKED enum fluffy_error store_named_add(fluffy_store *,
    int64_t group, struct bytes device);
FLUFFY_CHECKED enum fluffy_error store_named_drop(fluffy_store *,
    int64_t group);
/* The operator's verdict (enum fluffy_membership); 0: none. */
FLUFFY_CHECKED enum fluffy_error store_verdict(fluffy_store *,
    struct bytes realm, struct bytes name, struct bytes device, int *);
FLUFFY_CHECKED enum fluffy_error store_verdict_set(fluffy_store *,
    struct bytes realm, struct bytes name, struct bytes device, int);
/* May it fetch?  (section 6, Group) */
FLUFFY_CHECKED enum fluffy_error store_member(fluffy_store *,
    const struct group *, struct bytes device, bool *);

FLUFFY_CHECKED enum fluffy_error store_group_key_add(fluffy_store *,
    const struct group_key *);
/* NOT_FOUND when there never was one, or when it was pruned. */
FLUFFY_CHECKED enum fluffy_error store_group_key(fluffy_store *,
    struct bytes keyid, struct group_key *);
FLUFFY_CHECKED enum fluffy_error store_group_key_erase(fluffy_store *,
    struct bytes keyid);
/* All keys of the group. */
FLUFFY_CHECKED enum fluffy_error store_group_keys_erase(fluffy_store *,
    int64_t group);
/* How many keys it has that haven't ended. */
FLUFFY_CHECKED enum fluffy_error store_group_keys_count(fluffy_store *,
    int64_t group, uint64_t now, uint64_t *n);
/* The device was given a copy of the key. */
FLUFFY_CHECKED enum fluffy_error store_holder_add(fluffy_store *,
    const struct group_key *, struct bytes device);
/* Does it have a key of the group that hasn't ended, and that it wasn't told to
   delete? */
FLUFFY_CHECKED enum fluffy_error store_holds(fluffy_store *, int64_t group,
    struct bytes device, uint64_t now, bool *);

/* ---- deletions (SKDC, store_deletion.c) -------------------------------- */

/* A device's copy of a key that has to be deleted. */
struct deletion {
	struct keyid keyid;
	struct name device;
	uint64_t since, endtime;
};

/* Each does nothing about a copy whose deletion is asked for already. */
FLUFFY_CHECKED enum fluffy_error store_deletion_add(fluffy_store *,
    const struct deletion *);
/* Of all keys of a group at all holders, except except. */
FLUFFY_CHECKED enum fluffy_error store_deletions_of_group(fluffy_store *,
    int64_t group, struct bytes except, uint64_t now);
/* Of all keys of a group at one holder. */
FLUFFY_CHECKED enum fluffy_error store_deletions_of_member(fluffy_store *,
    int64_t group, struct bytes device, uint64_t now);
/* Of a group's key at all holders. */
FLUFFY_CHECKED enum fluffy_error store_deletions_of_key(fluffy_store *,
    struct bytes keyid, uint64_t now);

/* Has the device's copy to be deleted, confirmed or not? */
FLUFFY_CHECKED enum fluffy_error store_deletion_asked(fluffy_store *,
    struct bytes keyid, struct bytes device, bool *);

/* The deletions that aren't confirmed, and whose key hasn't ended: of a group
   (without those at except), of a key, or all. */
FLUFFY_CHECKED enum fluffy_error store_missing_of_group(fluffy_store *,
    struct arena *, int64_t group, struct bytes except, uint64_t now,
    struct deletion **, size_t *n);
FLUFFY_CHECKED enum fluffy_error store_missing_of_key(fluffy_store *,
    struct arena *, struct bytes keyid, uint64_t now, struct deletion **,
    size_t *n);
FLUFFY_CHECKED enum fluffy_error store_missing(fluffy_store *,
    struct arena *, uint64_t now, struct deletion **, size_t *n);

/* Is there one of that group?  now = 0: also of keys that have ended. */
FLUFFY_CHECKED enum fluffy_error store_is_missing(fluffy_store *,
    int64_t group, struct bytes except, uint64_t now, bool *);

/* A PSK-DELT with that nonce is issued for it. */
FLUFFY_CHECKED enum fluffy_error store_delt_add(fluffy_store *,
    const struct deletion *, struct bytes nonce);
/* The key whose PSK-DELT to the device had that nonce; or NOT_FOUND. */
FLUFFY_CHECKED enum fluffy_error store_delt(fluffy_store *,
    struct bytes device, struct bytes nonce, struct keyid *);
FLUFFY_CHECKED enum fluffy_error store_deletion_confirm(fluffy_store *,
    struct bytes keyid, struct bytes device);

/* ---- where certificates come from (SKDC, store_ca.c) ------------------- */

/* The strings are in the arena; NULL is not set. */
FLUFFY_CHECKED enum fluffy_error store_ca(fluffy_store *, struct arena *,
    fluffy_ca *);
FLUFFY_CHECKED enum fluffy_error store_ca_set(fluffy_store *,
    const fluffy_ca *);

/* ---- requests that wait, session keys (device) ------------------------- */

struct pending {
	int64_t type;		/* of the message that waits for its answer */
	uint8_t nonce_n, nonce[32];
	uint64_t time;
	struct name realm;	/* of the service; empty: left out */
	struct name service;	/* or the group; PKP-REQ: may be empty */
	int64_t kty;
	struct tokens etypes;
	struct keyid keyid;	/* PSK-ESTB: the session key's; GSK-FET: the one
				   asked for; GSK-DELT: the group key's */
	bool has_seqnum;
	uint32_t seqnum;
};

FLUFFY_CHECKED enum fluffy_error store_pending_add(fluffy_store *,
    const struct pending *);
FLUFFY_CHECKED enum fluffy_error store_pending(fluffy_store *,
    struct bytes nonce, struct pending *);
FLUFFY_CHECKED enum fluffy_error store_pending_remove(fluffy_store *,
    struct bytes nonce);

/* The role in which a party holds a key.  It may hold one in two (a key with
   itself). */
enum held_as { AS_CLIENT, AS_SERVICE, AS_MEMBER, AS_OWNER };

struct session {
	struct keyid keyid;
	enum held_as as;
	struct name realm;	/* the peer's or group's; empty: the SKDC's */
	struct name peer;	/* or the group */
	struct symm key;
	uint64_t authtime, endtime;
	bool established;	/* the peer has proved that it has the key; of a
				   group's: it was the current one when it came */
	struct bytes pac;	/* cpac or grppac; add: copied; find: not given */
};

void session_wipe(struct session *);

/* Adding a (keyid, role) that is there already replaces it. */
FLUFFY_CHECKED enum fluffy_error store_session_add(fluffy_store *,
    const struct session *);
FLUFFY_CHECKED enum fluffy_error store_session(fluffy_store *,
    struct bytes keyid, enum held_as, struct session *);
/*
 * Of a session key that it has as a client the key alone; the same work whether
 * there is one or not (section 6): without one key is some other, or zeros.
 */
FLUFFY_CHECKED enum fluffy_error store_session_key(fluffy_store *,
    struct bytes keyid, struct symm *key, bool *found);
FLUFFY_CHECKED enum fluffy_error store_session_established(fluffy_store *,
    struct bytes keyid, enum held_as);
/* In all roles; NOT_FOUND when there was none. */
FLUFFY_CHECKED enum fluffy_error store_session_erase(fluffy_store *,
    struct bytes keyid);

/* Does this party hold a key of the group as its owner? */
FLUFFY_CHECKED enum fluffy_error store_group_owned(fluffy_store *,
    struct bytes realm, struct bytes group, bool *);
/* The newest key of a group, of those that are here. */
FLUFFY_CHECKED enum fluffy_error store_group_newest(fluffy_store *,
    struct bytes realm, struct bytes group, struct keyid *);
/* What a GSK-DELC ends. */
struct group_end {
	struct bytes realm, group;
	struct bytes keyid;	/* of the key that GSK-DELT was about */
	uint64_t asked, done;	/* times of GSK-DELT here and GSK-DELC there */
};
/*
 * Erases a deleted group's keys, which must not come back before their endtime +
 * skew, and forgets what was asked for before GSK-DELT, fetches before GSK-DELC.
 * A group of that name that was made since is another: its keys stay.
 */
FLUFFY_CHECKED enum fluffy_error store_group_forget(fluffy_store *,
    const struct group_end *, uint64_t skew);

/* ---- public keys (device, store_pair.c) --------------------------------- */

/* A pair of this party, or a peer's public key. */
struct pair {
	struct keyid keyid;
	bool peer;		/* a peer's */
	struct name realm;	/* the peer's or service's; empty: the SKDC's */
	struct name name;	/* or empty: a pair for nobody in particular */
	uint64_t authtime, endtime;
	bool proven;		/* the peer has shown that it has the private
				   key; else its SKDC says so */
	struct bytes cpac;	/* add: copied; find: not given */
	const struct keydata *keydata; /* find: in the caller's arena */
};

/* Adding a (keyid, peer) that is there already replaces it. */
FLUFFY_CHECKED enum fluffy_error store_pair_add(fluffy_store *,
    const struct pair *);
FLUFFY_CHECKED enum fluffy_error store_pair(fluffy_store *, struct arena *,
    struct bytes keyid, bool peer, struct pair *);
/* Both; NOT_FOUND when there was none. */
FLUFFY_CHECKED enum fluffy_error store_pair_erase(fluffy_store *,
    struct bytes keyid);

/* Keyids that must not come back before until (section 6, Device). */
FLUFFY_CHECKED enum fluffy_error store_gone_add(fluffy_store *,
    struct bytes keyid, uint64_t until);
FLUFFY_CHECKED enum fluffy_error store_gone(fluffy_store *,
    struct bytes keyid, bool *gone);

/* ---- section 11: trust anchors, resource servers, clients (store_dk.c) -- */

/* What a TA and an RS share, at either end. */
struct anchor {
	int64_t id;		/* given by put */
	struct name ta, rs;
	struct keyid keyid;	/* 4 bytes */
	struct symm key;	/* K_RS-TA; alg 0 */
	struct window window;	/* TA: right is the last number given out */
	bool trusted;		/* TA: the RS's public key is there */
};

void anchor_wipe(struct anchor *);

/* NOT_FOUND when there is none for that TA and RS. */
FLUFFY_CHECKED enum fluffy_error store_anchor(fluffy_store *, struct bytes ta,
    struct bytes rs, struct anchor *);
/*
 * A new one, or a new K_RS-TA for an old one: the key before is erased, what
 * was revoked forgotten, an RS's public key stays.  EXISTS when that key was
 * ever put into this store; what is compared is a digest, so that the keys
 * themselves go.
 */
FLUFFY_CHECKED enum fluffy_error store_anchor_put(fluffy_store *,
    struct anchor *);
/* Writes its window; what was revoked left of it is forgotten (RS). */
FLUFFY_CHECKED enum fluffy_error store_anchor_moved(fluffy_store *,
    const struct anchor *);
/* 4 bytes that this store never had. */
FLUFFY_CHECKED enum fluffy_error store_anchor_keyid(fluffy_store *,
    struct keyid *);
/* TA: the RS's SubjectPublicKeyInfo; n = 0 when there is none. */
FLUFFY_CHECKED enum fluffy_error store_rs_key_set(fluffy_store *,
    const struct anchor *, struct bytes der);
FLUFFY_CHECKED enum fluffy_error store_rs_key(fluffy_store *, struct arena *,
    const struct anchor *, struct bytes *der);
/* Nothing to do when it is there. */
FLUFFY_CHECKED enum fluffy_error store_revoked_add(fluffy_store *,
    const struct anchor *, uint32_t number);
FLUFFY_CHECKED enum fluffy_error store_revoked(fluffy_store *,
    const struct anchor *, uint32_t number, bool *);
FLUFFY_CHECKED enum fluffy_error store_revoked_all(fluffy_store *,
    struct arena *, const struct anchor *, uint32_t **, size_t *n);
/* All, ordered by TA and RS; in the arena. */
FLUFFY_CHECKED enum fluffy_error store_anchors(fluffy_store *,
    struct arena *, struct anchor **, size_t *n);

/* A node's own pair, PKCS #8 in DER; in the arena, n = 0 when there is none. */
FLUFFY_CHECKED enum fluffy_error store_own_pair(fluffy_store *,
    struct arena *, struct bytes *der);
/* The one before is erased. */
FLUFFY_CHECKED enum fluffy_error store_own_pair_set(fluffy_store *,
    struct bytes der);

/* A client's nonce and key, or MacCert and RS's public key. */
struct credential {
	int64_t id;		/* given by add; from 1 */
	struct name ta, rs;
	uint32_t number;
	struct bytes nonce, maccert, rs_key; /* find: in the arena */
	struct symm key;	/* n = 0 with a MacCert; alg 0 */
};

void credential_wipe(struct credential *);

/* EXISTS when the store has, or had, that nonce or MacCert. */
FLUFFY_CHECKED enum fluffy_error store_credential_add(fluffy_store *,
    struct credential *);
/* For an RS, in the order of (number, id); the one behind `after`, or the first
   when that is 0.  NOT_FOUND at the end. */
FLUFFY_CHECKED enum fluffy_error store_credential_next(fluffy_store *,
    struct arena *, struct bytes rs, int64_t after, struct credential *);
/* Erases the key; NOT_FOUND. */
FLUFFY_CHECKED enum fluffy_error store_credential_erase(fluffy_store *,
    int64_t id);
/* All, ordered by RS, number and id; without keys. */
FLUFFY_CHECKED enum fluffy_error store_credentials(fluffy_store *,
    struct arena *, struct credential **, size_t *n);

#endif

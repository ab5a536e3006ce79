/*
 * group.h - a group at its SKDC: what becomes of it, whoever asks (section 6,
 * Group and Deletion)
 */
#ifndef FLUFFY_GROUP_H
#define FLUFFY_GROUP_H

#include "exchange.h"
#include "grppac.h"

/* What a request about a group has found so far. */
struct group_step {
	struct arena arena;	/* the group's */
	struct group group;
	bool exists;		/* and its deletion isn't over */
	struct device device;	/* who asks */
	struct grppac wish;
	int64_t alg;
	struct group_key key;
};

/* Wipes what it holds. */
void group_step_end(struct group_step *);

/*
 * The group of that name as it stands now: a deletion that time has completed
 * is completed.  A deleted one is found too; NOT_FOUND when there never was one.
 */
FLUFFY_CHECKED enum fluffy_error group_find(fluffy_store *, struct arena *,
    struct bytes realm, struct bytes name, uint64_t now, struct group *);
/* The same for a request; exists says whether there is one. */
FLUFFY_CHECKED enum fluffy_error group_find_for(struct step *,
    struct bytes realm, struct bytes name);
/* A new current key for it, which its owner and members may fetch. */
FLUFFY_CHECKED enum fluffy_error group_new_key(fluffy_store *,
    struct group *, int64_t alg, uint64_t now, struct group_key *);
/*
 * All its keys, at all holders but the owner, are to be deleted; the SKDC's own
 * copies are erased.
 */
FLUFFY_CHECKED enum fluffy_error group_delete(fluffy_store *, struct group *,
    uint64_t now);
/* Is its deletion over? */
FLUFFY_CHECKED enum fluffy_error group_settle(fluffy_store *, struct group *,
    uint64_t now);
/*
 * A device is about to be removed: groups whose keys it has get new ones, those
 * that it owns are deleted.
 */
FLUFFY_CHECKED enum fluffy_error group_device_removed(fluffy_store *,
    struct bytes device, uint64_t now);

#endif

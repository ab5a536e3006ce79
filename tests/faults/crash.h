/*
 * crash.h - what a power loss may leave of a recorded disk
 *
 * What was synced is there.  Of what wasn't, each sector has seen as many of
 * the writes to it as it likes, the last of them in part; the file's size as
 * many of its changes, each at once; and the directory likewise.  A write
 * touches nothing beyond what it writes (SQLITE_IOCAP_POWERSAFE_OVERWRITE).
 */
#ifndef CRASH_H
#define CRASH_H

#include "disk.h"

/* For proving that a loss is noticed: syncs that do nothing. */
enum lie { TRUTH, LIE_LOG, LIE_ALL };

struct machine;

/* A machine that runs through the record from its beginning.  files: what was
   there before, name and content of each. */
struct machine *machine_new(const struct disk_op *, size_t n, enum lie);
void machine_free(struct machine *);
/* Something that was there, and durable, before the record began. */
void machine_has(struct machine *, const char *name);
/* The next change happens. */
void machine_step(struct machine *);

#define ALL_KEPT 0u		/* what isn't synced is there all the same */
#define ALL_LOST 1u		/* nothing of it is; other numbers: some of it */

/*
 * The power fails: puts what is left of the store's files into others, whose
 * names begin with `as`.  Gives a number that tells what is in them.
 */
uint64_t machine_crash(const struct machine *, const char *store,
    const char *as, uint64_t how);

uint64_t mix(uint64_t);

#endif

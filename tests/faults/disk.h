/*
 * disk.h - a disk in memory, under SQLite and under the library's own calls
 *
 * It is SQLite's default VFS and what open, fsync, renameat2 and their like
 * (--wrap) find below DISK; it promises what the unix VFS promises.  All that
 * changes it can be recorded, so that a crash can be played at any place.
 */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK	  "/disk"
#define NAME_SIZE 48

enum disk_change {
	D_WRITE, D_TRUNCATE, D_SYNC,		/* of a file */
	D_LINK, D_UNLINK, D_RENAME, D_SYNC_DIR	/* of the directory */
};

struct disk_op {
	enum disk_change change;
	unsigned file;			/* its number, never used again */
	size_t offset, n;		/* D_TRUNCATE: the size is n */
	const uint8_t *data;
	char name[NAME_SIZE];
	char from[NAME_SIZE];		/* D_RENAME */
};

/* Makes it SQLite's default; once, before SQLite is used. */
void disk_start(void);

/* What was recorded so far; the list grows in place. */
const struct disk_op *disk_ops(size_t *n);
void disk_record(bool);
/* Forgets what was recorded from there on. */
void disk_rewind(size_t n);

/* A file with that content, in place of any other; unrecorded. */
void disk_put(const char *name, const uint8_t *, size_t n);
/* false: there is none. */
bool disk_get(const char *name, const uint8_t **, size_t *n);
/* Nothing happens when there is none; unrecorded. */
void disk_drop(const char *name);
/* All files that nobody uses go. */
void disk_clear(void);
/* How many names there are. */
size_t disk_count(void);
/* Of the names, in any order, and of what the files have. */
uint64_t disk_digest(void);

/* ---- between disk.c, disk_vfs.c and disk_calls.c ------------------------- */

#define SHM_REGIONS 8
#define SHM_LOCKS   8

struct disk_file {
	unsigned number;		/* 0: this place is free */
	unsigned names, users;
	uint8_t *data;
	size_t size;
	struct disk_handle *handles;	/* SQLite's */
	void *shm[SHM_REGIONS];
};

/* NULL: there is none. */
struct disk_file *disk_find(const char *name);
struct disk_file *disk_create(const char *name);
void disk_use(struct disk_file *);
void disk_leave(struct disk_file *);
void disk_write(struct disk_file *, const void *, size_t n, size_t offset);
void disk_truncate(struct disk_file *, size_t size);
void disk_sync(const struct disk_file *);
void disk_sync_directory(void);
bool disk_unlink(const char *name);
bool disk_rename(const char *from, const char *to);

#endif

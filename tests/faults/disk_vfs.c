/* disk_vfs.c - SQLite's view of the disk */
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "disk.h"

struct disk_handle {
	sqlite3_file base;
	struct disk_file *file;
	struct disk_handle *next;	/* of the same file */
	char *name;
	int level;			/* of lock */
	bool fresh;			/* its name isn't synced yet */
	bool passing;			/* goes when it is closed */
	unsigned shared, exclusive;	/* locks on shared memory, as bits */
};

static struct disk_handle *
handle(sqlite3_file *base)
{
	return (void *)base;
}

/* ---- content ------------------------------------------------------------- */

static int
on_read(sqlite3_file *base, void *out, int n, sqlite3_int64 offset)
{
	const struct disk_file *file = handle(base)->file;
	size_t at = (size_t)offset, want = (size_t)n, has = 0;

	if (at < file->size)
		has = file->size - at < want ? file->size - at : want;
	if (has > 0)
		memcpy(out, file->data + at, has);
	memset((uint8_t *)out + has, 0, want - has);
	return has == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
on_write(sqlite3_file *base, const void *data, int n, sqlite3_int64 offset)
{
	disk_write(handle(base)->file, data, (size_t)n, (size_t)offset);
	return SQLITE_OK;
}

static int
on_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	disk_truncate(handle(base)->file, (size_t)size);
	return SQLITE_OK;
}

/* As the unix VFS does it: a new log's name is synced with its content. */
static int
on_sync(sqlite3_file *base, int flags)
{
	struct disk_handle *h = handle(base);

	(void)flags;
	disk_sync(h->file);
	if (h->fresh)
		disk_sync_directory();
	h->fresh = false;
	return SQLITE_OK;
}

static int
on_size(sqlite3_file *base, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)handle(base)->file->size;
	return SQLITE_OK;
}

/* ---- locks --------------------------------------------------------------- */

static int
on_lock(sqlite3_file *base, int level)
{
	struct disk_handle *h = handle(base), *other;

	for (other = h->file->handles; other != NULL; other = other->next) {
		if (other == h)
			continue;
		if (level == SQLITE_LOCK_EXCLUSIVE ?
		    other->level >= SQLITE_LOCK_SHARED :
		    level == SQLITE_LOCK_SHARED ?
		    other->level >= SQLITE_LOCK_PENDING :
		    other->level >= SQLITE_LOCK_RESERVED)
			return SQLITE_BUSY;
	}
	if (level > h->level)
		h->level = level;
	return SQLITE_OK;
}

static int
on_unlock(sqlite3_file *base, int level)
{
	handle(base)->level = level;
	return SQLITE_OK;
}

static int
on_check_reserved(sqlite3_file *base, int *reserved)
{
	struct disk_handle *h;

	*reserved = 0;
	for (h = handle(base)->file->handles; h != NULL; h = h->next)
		if (h->level >= SQLITE_LOCK_RESERVED)
			*reserved = 1;
	return SQLITE_OK;
}

static int
on_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
	struct disk_handle *h = handle(base), *other;
	unsigned bits = ((1u << n) - 1) << offset, taken;

	if ((flags & SQLITE_SHM_UNLOCK) != 0) {
		h->shared &= ~bits;
		h->exclusive &= ~bits;
		return SQLITE_OK;
	}
	for (other = h->file->handles; other != NULL; other = other->next) {
		taken = other->exclusive;
		if ((flags & SQLITE_SHM_EXCLUSIVE) != 0)
			taken |= other->shared;
		if (other != h && (taken & bits) != 0)
			return SQLITE_BUSY;
	}
	if ((flags & SQLITE_SHM_EXCLUSIVE) != 0)
		h->exclusive |= bits;
	else
		h->shared |= bits;
	return SQLITE_OK;
}

/* ---- shared memory: not on the disk, and gone with the last user --------- */

static int
on_shm_map(sqlite3_file *base, int region, int size, int extend,
    void volatile **out)
{
	struct disk_file *file = handle(base)->file;
	void **place = &file->shm[region];

	*out = NULL;
	if (region >= SHM_REGIONS)
		return SQLITE_IOERR_SHMSIZE;
	if (*place == NULL && extend) {
		*place = sqlite3_malloc(size);
		if (*place == NULL)
			return SQLITE_NOMEM;
		memset(*place, 0, (size_t)size);
	}
	*out = *place;
	return SQLITE_OK;
}

static void
on_shm_barrier(sqlite3_file *base)
{
	(void)base;
}

static void
shm_drop(struct disk_file *file)
{
	for (int i = 0; i < SHM_REGIONS; i++) {
		sqlite3_free(file->shm[i]);
		file->shm[i] = NULL;
	}
}

static int
on_shm_unmap(sqlite3_file *base, int drop)
{
	struct disk_handle *h = handle(base);

	(void)drop;
	h->shared = h->exclusive = 0;
	return SQLITE_OK;
}

/* ---- the rest ------------------------------------------------------------ */

static int
on_control(sqlite3_file *base, int op, void *arg)
{
	struct disk_handle *h = handle(base);

	if (op != SQLITE_FCNTL_HAS_MOVED)
		return SQLITE_NOTFOUND;
	*(int *)arg = disk_find(h->name) != h->file;
	return SQLITE_OK;
}

static int
on_sector_size(sqlite3_file *base)
{
	(void)base;
	return 4096;
}

static int
on_characteristics(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
on_close(sqlite3_file *base)
{
	struct disk_handle *h = handle(base), **link = &h->file->handles;

	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	if (h->file->handles == NULL)
		shm_drop(h->file);
	if (h->passing && h->name != NULL)
		(void)disk_unlink(h->name);
	disk_leave(h->file);
	sqlite3_free(h->name);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = on_close,
	.xRead = on_read,
	.xWrite = on_write,
	.xTruncate = on_truncate,
	.xSync = on_sync,
	.xFileSize = on_size,
	.xLock = on_lock,
	.xUnlock = on_unlock,
	.xCheckReservedLock = on_check_reserved,
	.xFileControl = on_control,
	.xSectorSize = on_sector_size,
	.xDeviceCharacteristics = on_characteristics,
	.xShmMap = on_shm_map,
	.xShmLock = on_shm_lock,
	.xShmBarrier = on_shm_barrier,
	.xShmUnmap = on_shm_unmap,
};

static int
on_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base,
    int flags, int *out_flags)
{
	struct disk_handle *h = handle(base);
	struct disk_file *file = name == NULL ? NULL : disk_find(name);

	(void)vfs;
	*h = (struct disk_handle){ .file = NULL };
	if (name != NULL && (h->name = sqlite3_mprintf("%s", name)) == NULL)
		return SQLITE_NOMEM;
	if (file == NULL && (flags & SQLITE_OPEN_CREATE) == 0) {
		sqlite3_free(h->name);
		return SQLITE_CANTOPEN;
	}
	if (file == NULL) {
		file = disk_create(name);
		h->fresh = (flags & (SQLITE_OPEN_WAL |
		    SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	}
	h->file = file;
	h->passing = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
	h->next = file->handles;
	file->handles = h;
	disk_use(file);
	base->pMethods = &methods;
	if (out_flags != NULL)
		*out_flags = flags;
	return SQLITE_OK;
}

static int
on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	if (!disk_unlink(name))
		return SQLITE_IOERR_DELETE_NOENT;
	if (sync)
		disk_sync_directory();
	return SQLITE_OK;
}

static int
on_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	const struct disk_file *file = disk_find(name);

	(void)vfs;
	/* the unix VFS, too, asks for more than a name of what may be empty */
	*out = file != NULL &&
	    (flags != SQLITE_ACCESS_EXISTS || file->size > 0);
	return SQLITE_OK;
}

static int
on_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	(void)vfs;
	(void)sqlite3_snprintf(n, out, "%s", name);
	return SQLITE_OK;
}

/* The same in every run. */
static int
on_random(sqlite3_vfs *vfs, int n, char *out)
{
	static uint64_t state = 4711;

	(void)vfs;
	for (int i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		out[i] = (char)(state >> 56);
	}
	return n;
}

void
disk_start(void)
{
	static sqlite3_vfs vfs;

	vfs = *sqlite3_vfs_find(NULL);
	vfs.szOsFile = (int)sizeof(struct disk_handle);
	vfs.mxPathname = NAME_SIZE;
	vfs.pNext = NULL;
	vfs.zName = "disk";
	vfs.xOpen = on_open;
	vfs.xDelete = on_delete;
	vfs.xAccess = on_access;
	vfs.xFullPathname = on_full_path;
	vfs.xRandomness = on_random;
	(void)sqlite3_vfs_register(&vfs, 1);
}

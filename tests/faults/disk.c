/* disk.c - files in memory, and the record of what changes them */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "disk.h"

#define MAX_FILES 64
#define MAX_SIZE  ((size_t)8 << 20)	/* of a file */
#define MAX_OPS   ((size_t)1 << 17)
#define MAX_DATA  ((size_t)1 << 30)	/* of what is recorded */

static struct disk_file files[MAX_FILES];
static struct {
	char name[NAME_SIZE];		/* "": this place is free */
	struct disk_file *file;
} names[MAX_FILES];

static bool recording;
static struct disk_op *ops;
static uint8_t *recorded;
static size_t n_ops, n_recorded;

static void
give_up(const char *why)
{
	(void)fprintf(stderr, "disk: %s\n", why);
	abort();
}

/*
 * Memory that costs nothing until it is used.  Not malloc's: that fails where a
 * test wants it to.
 */
static void *
reserve(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		give_up("no memory");
	return p;
}

/* ---- the record ---------------------------------------------------------- */

void
disk_record(bool on)
{
	recording = on;
	if (on && ops == NULL) {
		ops = reserve(MAX_OPS * sizeof(*ops));
		recorded = reserve(MAX_DATA);
	}
}

const struct disk_op *
disk_ops(size_t *n)
{
	*n = n_ops;
	return ops;
}

void
disk_rewind(size_t n)
{
	n_ops = n;
	n_recorded = 0;
	for (size_t i = 0; i < n; i++)
		if (ops[i].change == D_WRITE)
			n_recorded += ops[i].n;
}

static void
note(const struct disk_op *op, const void *data)
{
	struct disk_op *place;

	if (!recording)
		return;
	if (n_ops == MAX_OPS || op->n > MAX_DATA - n_recorded)
		give_up("the record is full");
	place = &ops[n_ops++];
	*place = *op;
	if (data == NULL)
		return;
	memcpy(recorded + n_recorded, data, op->n);
	place->data = recorded + n_recorded;
	n_recorded += op->n;
}

static void
note_name(enum disk_change change, unsigned file, const char *name,
    const char *from)
{
	struct disk_op op = { .change = change, .file = file };

	(void)snprintf(op.name, sizeof(op.name), "%s", name);
	(void)snprintf(op.from, sizeof(op.from), "%s", from);
	note(&op, NULL);
}

/* ---- names --------------------------------------------------------------- */

static size_t
place_of(const char *name)
{
	size_t i;

	for (i = 0; i < MAX_FILES; i++)
		if (strcmp(names[i].name, name) == 0)
			break;
	return i;
}

struct disk_file *
disk_find(const char *name)
{
	size_t i = place_of(name);

	return i == MAX_FILES ? NULL : names[i].file;
}

static void
give_name(struct disk_file *file, const char *name)
{
	size_t i = place_of("");

	if (i == MAX_FILES || strlen(name) >= NAME_SIZE || *name == '\0')
		give_up("no such name");
	(void)snprintf(names[i].name, NAME_SIZE, "%s", name);
	names[i].file = file;
	file->names++;
}

static void
forget(struct disk_file *file)
{
	if (file->names == 0 && file->users == 0)
		file->number = 0;
}

static bool
take_name(const char *name)
{
	size_t i = place_of(name);

	if (i == MAX_FILES)
		return false;
	names[i].name[0] = '\0';
	names[i].file->names--;
	forget(names[i].file);
	return true;
}

static struct disk_file *
new_file(void)
{
	static unsigned last;
	size_t i = 0;

	while (i < MAX_FILES && files[i].number != 0)
		i++;
	if (i == MAX_FILES)
		give_up("too many files");
	if (files[i].data == NULL)
		files[i].data = reserve(MAX_SIZE);
	files[i].size = 0;
	files[i].number = ++last;
	return &files[i];
}

struct disk_file *
disk_create(const char *name)
{
	struct disk_file *file = new_file();

	if (name == NULL)
		return file;
	give_name(file, name);
	note_name(D_LINK, file->number, name, "");
	return file;
}

bool
disk_unlink(const char *name)
{
	struct disk_file *file = disk_find(name);

	if (file == NULL)
		return false;
	note_name(D_UNLINK, file->number, name, "");
	return take_name(name);
}

bool
disk_rename(const char *from, const char *to)
{
	struct disk_file *file = disk_find(from);

	if (file == NULL || disk_find(to) != NULL)
		return false;
	give_name(file, to);
	(void)take_name(from);
	note_name(D_RENAME, file->number, to, from);
	return true;
}

void
disk_sync_directory(void)
{
	note(&(struct disk_op){ .change = D_SYNC_DIR }, NULL);
}

/* ---- content ------------------------------------------------------------- */

void
disk_use(struct disk_file *file)
{
	file->users++;
}

void
disk_leave(struct disk_file *file)
{
	file->users--;
	forget(file);
}

static void
resize(struct disk_file *file, size_t size)
{
	if (size > MAX_SIZE)
		give_up("a file is too large");
	if (size > file->size)
		memset(file->data + file->size, 0, size - file->size);
	file->size = size;
}

void
disk_write(struct disk_file *file, const void *data, size_t n, size_t offset)
{
	if (offset + n > file->size)
		resize(file, offset + n);
	memcpy(file->data + offset, data, n);
	note(&(struct disk_op){ .change = D_WRITE, .file = file->number,
	    .offset = offset, .n = n }, data);
}

void
disk_truncate(struct disk_file *file, size_t size)
{
	resize(file, size);
	note(&(struct disk_op){ .change = D_TRUNCATE, .file = file->number,
	    .n = size }, NULL);
}

void
disk_sync(const struct disk_file *file)
{
	note(&(struct disk_op){ .change = D_SYNC, .file = file->number },
	    NULL);
}

void
disk_drop(const char *name)
{
	(void)take_name(name);
}

void
disk_clear(void)
{
	for (size_t i = 0; i < MAX_FILES; i++)
		if (names[i].name[0] != '\0')
			(void)take_name(names[i].name);
}

size_t
disk_count(void)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_FILES; i++)
		n += names[i].name[0] != '\0';
	return n;
}

/* FNV-1a, a word at a time. */
static uint64_t
digest(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t word;

	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x100000001b3u;
		h ^= h >> 29;
	}
	for (; n > 0; n--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h ^ h >> 32;
}

uint64_t
disk_digest(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < MAX_FILES; i++) {
		const struct disk_file *file = names[i].file;
		uint64_t h = 0xcbf29ce484222325u;

		if (names[i].name[0] == '\0')
			continue;
		h = digest(h, names[i].name, strlen(names[i].name));
		all += digest(h, file->data, file->size);
	}
	return all;
}

void
disk_put(const char *name, const uint8_t *data, size_t n)
{
	struct disk_file *file;

	disk_drop(name);
	file = new_file();
	give_name(file, name);
	resize(file, n);
	if (n > 0)
		memcpy(file->data, data, n);
}

bool
disk_get(const char *name, const uint8_t **data, size_t *n)
{
	const struct disk_file *file = disk_find(name);

	*data = file == NULL ? NULL : file->data;
	*n = file == NULL ? 0 : file->size;
	return file != NULL;
}

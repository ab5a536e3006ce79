/* crash.c - what a power loss may leave of a recorded disk */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"

#define MAX_NAMES 64

struct name_of {
	char name[NAME_SIZE];		/* "": none */
	unsigned file;
};

struct names {
	struct name_of v[MAX_NAMES];
};

struct content {
	uint8_t *data;
	size_t size, room;
};

/* Places in the record. */
struct list {
	size_t *v, n, cap;
};

struct crash_file {
	unsigned number;
	struct content durable;
	struct list pending;
};

struct machine {
	const struct disk_op *ops;
	size_t n, at;
	enum lie lie;
	struct crash_file *files;
	size_t n_files;
	struct names names;		/* durable */
	struct list pending;		/* changes of the directory */
};

static void *
resized(void *p, size_t n)
{
	p = realloc(p, n);
	if (p == NULL)
		abort();
	return p;
}

static void
list_add(struct list *list, size_t value)
{
	if (list->n == list->cap) {
		list->cap = list->cap == 0 ? 64 : list->cap * 2;
		list->v = resized(list->v, list->cap * sizeof(*list->v));
	}
	list->v[list->n++] = value;
}

/* What is new is zero. */
static void
set_size(struct content *c, size_t size)
{
	if (size > c->room) {
		c->room = size * 2;
		c->data = resized(c->data, c->room);
	}
	if (size > c->size)
		memset(c->data + c->size, 0, size - c->size);
	c->size = size;
}

/* splitmix64 */
uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* ---- what happens -------------------------------------------------------- */

struct machine *
machine_new(const struct disk_op *ops, size_t n, enum lie lie)
{
	struct machine *m = resized(NULL, sizeof(*m));

	*m = (struct machine){ .ops = ops, .n = n, .lie = lie };
	return m;
}

void
machine_free(struct machine *m)
{
	for (size_t i = 0; i < m->n_files; i++) {
		free(m->files[i].durable.data);
		free(m->files[i].pending.v);
	}
	free(m->files);
	free(m->pending.v);
	free(m);
}

static struct crash_file *
file_of(struct machine *m, unsigned number)
{
	struct crash_file *file;

	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].number == number)
			return &m->files[i];
	m->files = resized(m->files, (m->n_files + 1) * sizeof(*m->files));
	file = &m->files[m->n_files++];
	*file = (struct crash_file){ .number = number };
	return file;
}

static void
set_name(struct names *names, const char *name, unsigned number)
{
	struct name_of *free_place = NULL;

	for (size_t i = 0; i < MAX_NAMES; i++) {
		struct name_of *place = &names->v[i];

		if (strcmp(place->name, name) == 0) {
			place->file = number;
			if (number == 0)
				place->name[0] = '\0';
			return;
		}
		if (place->name[0] == '\0' && free_place == NULL)
			free_place = place;
	}
	if (number == 0 || free_place == NULL)
		return;
	(void)snprintf(free_place->name, NAME_SIZE, "%s", name);
	free_place->file = number;
}

static void
change_names(struct names *names, const struct disk_op *op)
{
	if (op->change == D_RENAME)
		set_name(names, op->from, 0);
	set_name(names, op->name, op->change == D_UNLINK ? 0 : op->file);
}

static void
change_content(struct content *c, const struct disk_op *op)
{
	if (op->change == D_TRUNCATE)
		set_size(c, op->n);
	else {
		if (op->offset + op->n > c->size)
			set_size(c, op->offset + op->n);
		memcpy(c->data + op->offset, op->data, op->n);
	}
}

static bool
is_log(const struct machine *m, unsigned number)
{
	for (size_t i = 0; i < m->at; i++)
		if (m->ops[i].change == D_LINK && m->ops[i].file == number)
			return strstr(m->ops[i].name, "-wal") != NULL;
	return false;
}

static void
sync_file(struct machine *m, struct crash_file *file)
{
	if (m->lie == LIE_ALL ||
	    (m->lie == LIE_LOG && is_log(m, file->number)))
		return;
	for (size_t i = 0; i < file->pending.n; i++)
		change_content(&file->durable, &m->ops[file->pending.v[i]]);
	file->pending.n = 0;
}

void
machine_step(struct machine *m)
{
	const struct disk_op *op = &m->ops[m->at];

	switch (op->change) {
	case D_WRITE:
	case D_TRUNCATE:
		list_add(&file_of(m, op->file)->pending, m->at);
		break;
	case D_SYNC:
		sync_file(m, file_of(m, op->file));
		break;
	case D_SYNC_DIR:
		for (size_t i = 0; i < m->pending.n &&
		    m->lie != LIE_ALL; i++)
			change_names(&m->names, &m->ops[m->pending.v[i]]);
		if (m->lie != LIE_ALL)
			m->pending.n = 0;
		break;
	default:
		list_add(&m->pending, m->at);
	}
	m->at++;
}

void
machine_has(struct machine *m, const char *name)
{
	const struct disk_file *there = disk_find(name);
	struct crash_file *file;

	if (there == NULL)
		return;
	file = file_of(m, there->number);
	set_size(&file->durable, there->size);
	if (there->size > 0)
		memcpy(file->durable.data, there->data, there->size);
	set_name(&m->names, name, there->number);
}

/* ---- what is left -------------------------------------------------------- */

enum style {
	EACH,		/* any number of its changes, for each sector */
	FEW_LOST,
	FEW_KEPT,
	IN_ORDER,	/* all up to one, which is torn */
	N_STYLES
};

/* One file after one crash. */
struct damage {
	const struct disk_op *ops;
	const struct crash_file *file;
	uint64_t seed;
	enum style style;
	size_t sector;			/* its size */
};

#define SIZE UINT64_MAX			/* in place of a sector's number */

static uint64_t
dice(const struct damage *d, uint64_t sector, uint64_t what)
{
	return mix(d->seed ^ mix(sector ^ mix(what)));
}

/* How many of the file's pending changes the sector has seen. */
static size_t
seen(const struct damage *d, uint64_t sector)
{
	size_t n = d->file->pending.n;
	size_t any = (size_t)(dice(d, sector, 1) % (n + 1));

	switch (d->style) {
	case FEW_LOST:
		return dice(d, sector, 2) % 8 != 0 ? n : any;
	case FEW_KEPT:
		return dice(d, sector, 2) % 8 != 0 ? 0 : any;
	case IN_ORDER:
		return (size_t)(dice(d, 0, 1) % (n + 1));
	default:
		return dice(d, sector, 2) % 3 == 0 ? n : any;
	}
}

static void
garbage(const struct damage *d, uint8_t *p, size_t n, uint64_t sector)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)dice(d, sector, 100 + i);
}

/* A part of it is there, and the rest is what was there before, or anything. */
static void
tear(const struct damage *d, uint8_t *to, const uint8_t *from, size_t n,
    uint64_t sector)
{
	size_t whole = (size_t)(dice(d, sector, 3) % (n + 1));

	memcpy(to, from, whole);
	if (dice(d, sector, 4) % 2 == 0)
		garbage(d, to + whole, n - whole, sector);
}

/* The i-th pending change, which is a write, as far as it got. */
static void
damage_write(const struct damage *d, struct content *out, size_t i)
{
	const struct disk_op *op = &d->ops[d->file->pending.v[i]];
	size_t at = op->offset, end = op->offset + op->n;

	while (at < end) {
		size_t sector = at / d->sector;
		size_t next = (sector + 1) * d->sector;
		size_t n = (next < end ? next : end) - at;
		size_t k = seen(d, sector);

		if (i < k)
			memcpy(out->data + at, op->data + (at - op->offset),
			    n);
		else if (i == k && dice(d, sector, 5) % 2 == 0)
			tear(d, out->data + at, op->data + (at - op->offset),
			    n, sector);
		at += n;
	}
}

/* Sizes change one after another, each at once or not at all. */
static void
damage_truncate(const struct damage *d, struct content *out, size_t i)
{
	size_t size = d->ops[d->file->pending.v[i]].n;

	if (i < seen(d, SIZE) && size < out->size)
		memset(out->data + size, 0, out->size - size);
}

/* The size after the first k pending changes; the largest up to there. */
static size_t
size_after(const struct damage *d, size_t k, size_t *largest)
{
	size_t size = d->file->durable.size;

	*largest = size;
	for (size_t i = 0; i < k; i++) {
		const struct disk_op *op = &d->ops[d->file->pending.v[i]];

		if (op->change == D_TRUNCATE)
			size = op->n;
		else if (op->offset + op->n > size)
			size = op->offset + op->n;
		if (size > *largest)
			*largest = size;
	}
	return size;
}

/* Blocks that the file got, and that nothing was written to, have anything. */
static void
grow(const struct damage *d, struct content *out, size_t size)
{
	size_t before = out->size;

	if (size <= before)
		return;
	set_size(out, size);
	if (dice(d, SIZE, 6) % 4 == 0)
		garbage(d, out->data + before, size - before, SIZE);
}

static void
leave_some(const struct damage *d, struct content *out)
{
	size_t largest;

	(void)size_after(d, d->file->pending.n, &largest);
	grow(d, out, largest);
	for (size_t i = 0; i < d->file->pending.n; i++) {
		if (d->ops[d->file->pending.v[i]].change == D_WRITE)
			damage_write(d, out, i);
		else
			damage_truncate(d, out, i);
	}
	out->size = size_after(d, seen(d, SIZE), &largest);
}

/* ---- the whole ----------------------------------------------------------- */

static void
leave_file(const struct machine *m, const struct crash_file *file,
    uint64_t how, struct content *out)
{
	const struct damage d = {
		.ops = m->ops,
		.file = file,
		.seed = mix(how ^ mix(file->number)),
		.style = (enum style)(mix(how) % N_STYLES),
		.sector = mix(how) % 7 < 4 ? 512 : 4096,
	};

	set_size(out, 0);
	set_size(out, file->durable.size);
	if (out->size > 0)
		memcpy(out->data, file->durable.data, out->size);
	for (size_t i = 0; i < file->pending.n && how == ALL_KEPT; i++)
		change_content(out, &m->ops[file->pending.v[i]]);
	if (how != ALL_KEPT && how != ALL_LOST)
		leave_some(&d, out);
}

static uint64_t
digest(uint64_t h, const uint8_t *p, size_t n)
{
	uint64_t word;

	h = mix(h ^ n);
	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	while (n-- > 0)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

static const struct crash_file *
known_file(const struct machine *m, unsigned number)
{
	for (size_t i = 0; i < m->n_files; i++)
		if (m->files[i].number == number)
			return &m->files[i];
	return NULL;
}

static uint64_t
leave_name(const struct machine *m, const struct name_of *name,
    const char *as, uint64_t how)
{
	static const struct crash_file empty;
	static struct content out;
	const struct crash_file *file = known_file(m, name->file);

	leave_file(m, file == NULL ? &empty : file, how, &out);
	disk_put(as, out.data, out.size);
	return digest(digest(1, (const uint8_t *)as, strlen(as)), out.data,
	    out.size);
}

uint64_t
machine_crash(const struct machine *m, const char *store, const char *as,
    uint64_t how)
{
	static const char *const ends[] = { "", "-wal", "-journal" };
	struct names names = m->names;
	size_t kept = how == ALL_KEPT ? m->pending.n : how == ALL_LOST ? 0 :
	    (size_t)(mix(how ^ 7) % (m->pending.n + 1));
	char wanted[NAME_SIZE + 10], to[NAME_SIZE + 10];
	uint64_t h = 0;

	for (size_t i = 0; i < kept; i++)
		change_names(&names, &m->ops[m->pending.v[i]]);
	for (size_t end = 0; end < 3; end++) {
		(void)snprintf(wanted, sizeof(wanted), "%s%s", store,
		    ends[end]);
		(void)snprintf(to, sizeof(to), "%s%s", as, ends[end]);
		disk_drop(to);
		for (size_t i = 0; i < MAX_NAMES; i++)
			if (strcmp(names.v[i].name, wanted) == 0)
				h ^= leave_name(m, &names.v[i], to, how);
	}
	return h;
}

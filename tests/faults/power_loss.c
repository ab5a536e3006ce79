/*
 * power_loss.c - the power fails at every moment of a realm's work
 *
 * The work is done once, on a disk that records it.  Then, for each place in
 * the record, the store that was being changed is built again as a power loss
 * may have left it, and opened: it is intact, and what had been promised until
 * then is there.
 *
 * An injection is CUT:HOW; HOW is 0 (all of what wasn't synced is there), 1
 * (nothing of it), or a number that decides about each sector.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "loss.h"
#include "options.h"
#include "store_sql.h"

#define WANTED	     100000	/* distinct states of a full run */
#define MAX_PROMISES 4096
#define MAX_STORES   16
#define LOOKED_AT    3		/* promises of the last, and of all */
#define LIES	     300	/* states for each kind of lie */
#define AFTER	     DISK "/after.db"
#define AGAIN	     DISK "/again.db"

uint64_t loss_now = 1795370400u; /* 2026-11-22 18:00:00Z */

static struct promise promises[MAX_PROMISES];
static size_t n_promises;
static const struct work *working;

static struct options options;
static fluffy_ctx *ctx;
static const struct disk_op *ops;
static size_t n_ops;

uint64_t
loss_clock(void *arg)
{
	(void)arg;
	return loss_now;
}

/* ---- promises ------------------------------------------------------------ */

struct promise *
promise(const char *store, const char *what,
    bool (*kept)(fluffy_store *, const struct promise *), struct bytes bytes,
    uint64_t number)
{
	struct promise *p = &promises[n_promises++];

	if (n_promises == MAX_PROMISES || bytes.n > 65536)
		abort();
	*p = (struct promise){ .work = working, .what = what, .kept = kept,
	    .number = number, .time = loss_now, .until = SIZE_MAX };
	(void)snprintf(p->store, sizeof(p->store), "%s", store);
	(void)disk_ops(&p->since);
	if (bytes.n > 0) {
		uint8_t *copy = malloc(bytes.n);

		if (copy == NULL)
			abort();
		memcpy(copy, bytes.p, bytes.n);
		p->bytes = bytes_of(copy, bytes.n);
	}
	return p;
}

void
promise_ends(struct promise *p)
{
	(void)disk_ops(&p->until);
}

/* Those of one store that hold at one moment, oldest first. */
struct held {
	const struct promise *v[MAX_PROMISES];
	size_t n;
};

static void
hold(struct held *held, const char *store, size_t cut)
{
	held->n = 0;
	for (size_t i = 0; i < n_promises; i++) {
		const struct promise *p = &promises[i];

		if (p->since <= cut && cut <= p->until &&
		    strcmp(p->store, store) == 0)
			held->v[held->n++] = p;
	}
}

/* ---- one state ----------------------------------------------------------- */

struct state {
	size_t cut;
	uint64_t how;
	const char *store;		/* as it was called */
	const char *path;		/* what is left of it */
	const struct work *work;
	struct held *held;
	bool quiet, broken;
};

static void
broken(struct state *s, const char *what, const char *why)
{
	s->broken = true;
	if (!s->quiet)
		printf("# broken: %s: %s: %s; repeat with: %s --seed %llu "
		    "--only %zu:%llu\n", s->store, what, why, options.program,
		    (unsigned long long)options.seed, s->cut,
		    (unsigned long long)s->how);
}

static bool
file_has(const char *path, const char *end, struct bytes bytes)
{
	char name[NAME_SIZE + 10];
	const uint8_t *p;
	size_t n;

	(void)snprintf(name, sizeof(name), "%s%s", path, end);
	return disk_get(name, &p, &n) && n > 0 &&
	    memmem(p, n, bytes.p, bytes.n) != NULL;
}

/* What was erased isn't in the files. */
static void
look_for_erased(struct state *s, const char *when)
{
	for (size_t i = 0; i < s->held->n; i++) {
		const struct promise *p = s->held->v[i];

		if (p->kept == NULL && (file_has(s->path, "", p->bytes) ||
		    file_has(s->path, "-wal", p->bytes)))
			broken(s, p->what, when);
	}
}

static void
check_integrity(struct state *s, fluffy_store *store)
{
	sqlite3_stmt *st = NULL;
	const char *text = NULL;
	int rc = sqlite3_prepare_v2(store->sql->db, "PRAGMA integrity_check",
	    -1, &st, NULL);

	if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(st, 0);
	if (text == NULL || strcmp(text, "ok") != 0)
		broken(s, "integrity", text == NULL ?
		    sqlite3_errmsg(store->sql->db) : text);
	(void)sqlite3_finalize(st);
}

static void
check_promise(struct state *s, fluffy_store *store, const struct promise *p)
{
	if (p->kept != NULL && !p->kept(store, p))
		broken(s, p->what, fluffy_why(ctx).text);
}

/* The last ones, which are lost first, and some of the others. */
static void
check_promises(struct state *s, fluffy_store *store)
{
	struct held *held = s->held;
	size_t last = held->n < LOOKED_AT ? held->n : LOOKED_AT;

	for (size_t i = 0; i < held->n; i++)
		if (options.only != NULL || i >= held->n - last ||
		    mix(s->how ^ mix(s->cut ^ i)) % held->n < LOOKED_AT)
			check_promise(s, store, held->v[i]);
}

static void
check_open(struct state *s)
{
	fluffy_store *store;

	if (s->work->open(ctx, s->path, 0, &store) != FLUFFY_OK) {
		broken(s, "can't be opened", fluffy_why(ctx).text);
		return;
	}
	check_integrity(s, store);
	if (s->work->read(store) != FLUFFY_OK)
		broken(s, "can't be read", fluffy_why(ctx).text);
	check_promises(s, store);
	fluffy_store_close(&store);
}

static void
drop_files(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-journal" };
	char name[NAME_SIZE + 10];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		disk_drop(name);
	}
}

/* A new store has its name when it is whole; until then there is none. */
static void
check_state(struct state *s)
{
	const uint8_t *p;
	size_t n;

	if (disk_get(s->path, &p, &n)) {
		look_for_erased(s, "there after the power loss");
		check_open(s);
		look_for_erased(s, "there after recovery");
	} else if (s->held->n > 0)
		broken(s, "exists", "it is gone");
	drop_files(s->path);
}

/* ---- once more, during recovery ------------------------------------------ */

static void
recover(const struct state *s)
{
	fluffy_store *store;

	if (s->work->open(ctx, s->path, 0, &store) != FLUFFY_OK)
		return;
	(void)s->work->read(store);
	/* leaves the log, too */
	fluffy_store_close(&store);
}

static void
crash_again(struct state *s)
{
	struct machine *m = machine_new(ops + n_ops, 0, TRUTH);
	uint64_t how = mix(s->how);
	size_t cut, n;

	machine_has(m, AFTER);
	machine_has(m, AFTER "-wal");
	disk_record(true);
	recover(s);
	disk_record(false);
	(void)disk_ops(&n);
	n -= n_ops;
	for (cut = n == 0 ? 0 : (size_t)(how % (n + 1)); cut > 0; cut--)
		machine_step(m);
	(void)machine_crash(m, AFTER, AGAIN, how % 5);
	machine_free(m);
	disk_rewind(n_ops);
	drop_files(AFTER);
	s->path = AGAIN;
	check_state(s);
}

/* ---- the record ---------------------------------------------------------- */

/* Whose file was changed last, at each place. */
static const char **owners;
static const struct work **workers;

static const struct promise *
promise_of_name(const char *name)
{
	for (size_t i = 0; i < n_promises; i++) {
		size_t n = strlen(promises[i].store);

		if (strncmp(promises[i].store, name, n) == 0 &&
		    (name[n] == '\0' || name[n] == '-'))
			return &promises[i];
	}
	return NULL;
}

/* By any name that the file ever has. */
static const struct promise *
owner_of_file(unsigned file)
{
	const struct promise *p = NULL;

	for (size_t i = 0; i < n_ops && p == NULL; i++)
		if (ops[i].file == file && ops[i].name[0] != '\0')
			p = promise_of_name(ops[i].name);
	return p;
}

static void
find_owners(void)
{
	owners = calloc(n_ops + 1, sizeof(*owners));
	workers = calloc(n_ops + 1, sizeof(*workers));
	if (owners == NULL || workers == NULL)
		abort();
	for (size_t i = 0; i < n_ops; i++) {
		const struct promise *p = ops[i].file == 0 ? NULL :
		    owner_of_file(ops[i].file);

		/* the directory: of the one who changed it before */
		owners[i + 1] = p == NULL ? owners[i] : p->store;
		workers[i + 1] = p == NULL ? workers[i] : p->work;
	}
}

static void
work(const struct work *w)
{
	working = w;
	w->run();
}

static void
record(void)
{
	disk_record(true);
	work(&realm_works);
	work(&anchor_works);
	disk_record(false);
	ops = disk_ops(&n_ops);
	find_owners();
	printf("# %zu changes of the disk, %zu promises\n", n_ops, n_promises);
}

/* ---- many states --------------------------------------------------------- */

static struct held held;
static uint64_t *seen;
static size_t seen_places, distinct;

static void
forget_seen(void)
{
	seen_places = (size_t)1 << 20;
	free(seen);
	seen = calloc(seen_places, sizeof(*seen));
	if (seen == NULL)
		abort();
	distinct = 0;
}

/* Wasn't there before. */
static bool
is_new(uint64_t h)
{
	size_t i;

	h |= 1;
	for (i = h % seen_places; seen[i] != 0; i = (i + 1) % seen_places)
		if (seen[i] == h)
			return false;
	if (distinct * 2 > seen_places)
		abort();
	seen[i] = h;
	distinct++;
	return true;
}

/* Does nothing when it leaves what another one left before. */
static void
crash(const struct machine *m, size_t cut, uint64_t how, bool quiet,
    struct score *score)
{
	struct state s = { .cut = cut, .how = how, .store = owners[cut],
	    .path = AFTER, .work = workers[cut], .held = &held,
	    .quiet = quiet };
	uint64_t h;

	if (s.store == NULL)
		return;
	hold(&held, s.store, cut);
	loss_now = held.n == 0 ? promises[0].time : held.v[held.n - 1]->time;
	h = machine_crash(m, s.store, AFTER, how);
	if (!is_new(mix(h ^ held.n))) {
		drop_files(AFTER);
		return;
	}
	score->run++;
	if (how % 8 == 3)
		crash_again(&s);
	else
		check_state(&s);
	score->fired++;
	score->broken += s.broken;
}

/* The i-th way for that place. */
static uint64_t
way(size_t cut, uint64_t i)
{
	uint64_t how = mix(options.seed ^ mix(cut ^ mix(i))) % 1000000000;

	return options.sample == 0 && i <= ALL_LOST ? i : how % 8 < 2 ?
	    how % 2 : how;
}

/* Once through the record: at each place so many ways, or one in `rarely`. */
static void
walk(uint64_t first, uint64_t ways, size_t rarely, enum lie lie,
    struct score *score)
{
	struct machine *m = machine_new(ops, n_ops, lie);

	for (size_t cut = 1; cut <= n_ops; cut++) {
		machine_step(m);
		if (mix(options.seed ^ mix(first ^ mix(cut))) % rarely != 0)
			continue;
		for (uint64_t i = first; i < first + ways; i++)
			crash(m, cut, way(cut, i), lie != TRUTH, score);
	}
	machine_free(m);
}

static void
sweep(struct score *score)
{
	uint64_t ways = 2 + WANTED / n_ops, first = 0;

	for (; distinct < WANTED; first += ways)
		walk(first, ways, 1, TRUTH, score);
}

static void
sample(size_t n, enum lie lie, struct score *score)
{
	for (uint64_t first = 0; score->run < n; first++)
		walk(first, 1, 1 + n_ops / n, lie, score);
}

/* Syncs that do nothing are noticed, by what they lose. */
static void
prove(enum lie lie, const char *what)
{
	struct score score = { 0 };

	forget_seen();
	sample(LIES, lie, &score);
	printf("# %s: %zu of %zu states break promises\n", what, score.broken,
	    score.run);
	tap(score.broken > 0, what);
}

static void
only(struct score *score)
{
	struct machine *m = machine_new(ops, n_ops, TRUTH);
	unsigned long long how;
	size_t cut;

	if (sscanf(options.only, "%zu:%llu", &cut, &how) != 2 || cut < 1 ||
	    cut > n_ops)
		exit(2);
	for (size_t i = 0; i < cut; i++)
		machine_step(m);
	crash(m, cut, how, false, score);
	machine_free(m);
}

int
main(int argc, char **argv)
{
	struct score score = { 0 };

	options_read(&options, argc, argv);
	disk_start();
	record();
	ctx = fluffy_ctx_new();
	if (ctx == NULL)
		return 1;
	fluffy_ctx_set_clock(ctx, loss_clock, NULL);
	if (options.only == NULL) {
		prove(LIE_LOG, "a log that isn't synced is noticed");
		prove(LIE_ALL, "a disk that never syncs is noticed");
	}
	forget_seen();
	if (options.only != NULL)
		only(&score);
	else if (options.sample > 0)
		sample(options.sample, TRUTH, &score);
	else
		sweep(&score);
	printf("# %zu distinct states\n", distinct);
	fluffy_ctx_free(&ctx);
	return options_end(&options, &score);
}

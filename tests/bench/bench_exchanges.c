/*
 * bench_exchanges.c - what each step of each exchange costs
 *
 * From bytes to bytes, in CBOR: a message is read, the step is taken in a real
 * store, on a tmpfs, and what it gives is written.  The floor is the same for
 * all of them: the crypto of one answer to a PSK-REQ, and one row that SQLite
 * commits there with the store's settings.  So 1 is what a protocol of this
 * kind can't do without, and the figures can be compared with each other.
 *
 * Each step is a transaction of its own; fluffy-skdc puts as many requests into
 * one as there are (bench_programs).  Disks aren't measured: they don't cost
 * CPU time.
 */
#include <stdio.h>
#include <unistd.h>

#include <sqlite3.h>

#include "child.h"
#include "exchanges.h"

fluffy_ctx *ctx;
fluffy_outcome outcome;
static fluffy_bytes wires[REPEATS];

/* ---- the wire ------------------------------------------------------------ */

fluffy_msg *
from_wire(fluffy_bytes *wire)
{
	fluffy_msg *msg;

	must(ctx, fluffy_msg_read(ctx, wire->data, wire->len, &msg));
	fluffy_bytes_free(wire);
	return msg;
}

void
to_wire(fluffy_bytes *wire, fluffy_msg **msg)
{
	if (*msg != NULL)
		must(ctx, fluffy_msg_write(ctx, *msg, FLUFFY_CBOR, 0, wire));
	fluffy_msg_free(msg);
}

const char *
file_of(const char *kind, unsigned i)
{
	static char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s-%u.db", child_memory, kind,
	    i);
	return path;
}

/* ---- the floor ----------------------------------------------------------- */

struct least {
	struct floor *crypto;
	sqlite3 *db;
	sqlite3_stmt *insert;
};

static void
least_new(struct least *l)
{
	l->crypto = realm_floor();
	if (sqlite3_open(file_of("least", 0), &l->db) != SQLITE_OK ||
	    sqlite3_exec(l->db, "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
	    "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)", NULL, NULL,
	    NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(l->db, "INSERT INTO t (v) VALUES "
	    "(randomblob(100))", -1, &l->insert, NULL) != SQLITE_OK)
		bench_die("SQLite failed");
}

static void
least_free(struct least *l)
{
	sqlite3_finalize(l->insert);
	sqlite3_close(l->db);
	floor_free(l->crypto);
}

/* Seconds for one. */
static double
least_run(struct least *l)
{
	double start = cpu_now();

	for (unsigned i = 0; i < REPEATS; i++) {
		(void)floor_run(l->crypto, 1);
		if (sqlite3_step(l->insert) != SQLITE_DONE ||
		    sqlite3_reset(l->insert) != SQLITE_OK)
			bench_die("SQLite failed");
	}
	return (cpu_now() - start) / REPEATS;
}

/* ---- measuring ----------------------------------------------------------- */

#define MEASURED 80	/* steps, at most */

struct figure {
	double took[ROUNDS];		/* seconds for one */
	size_t cbor, json;		/* bytes of what the step gives */
};

/* Of each step that is measured, in their order. */
static struct figure figures[MEASURED];

static double
run(const struct stage *step)
{
	double start = cpu_now();

	for (unsigned i = 0; i < REPEATS; i++) {
		outcome.kind = FLUFFY_NOTHING;
		step->act(&wires[i], i);
		if (outcome.kind != step->outcome)
			bench_die("a step had another outcome");
	}
	return (cpu_now() - start) / REPEATS;
}

static enum fluffy_type
type_of(const char *name)
{
	for (unsigned t = 1; fluffy_type_name(t) != NULL; t++)
		if (strcmp(fluffy_type_name(t), name) == 0)
			return t;
	return 0;
}

/* Is it what the step should give?  And how long? */
static void
judge(const struct stage *step, struct figure *f)
{
	const fluffy_bytes *wire = &wires[0];
	fluffy_bytes json;
	fluffy_msg *msg;

	if ((wire->len > 0) != (step->gives[0] != '\0'))
		bench_die(wire->len > 0 ? "a step gives too much" :
		    "a step gives nothing");
	f->cbor = wire->len;
	if (type_of(step->gives) == 0)
		return;
	must(ctx, fluffy_msg_read(ctx, wire->data, wire->len, &msg));
	if (fluffy_msg_type(msg) != type_of(step->gives))
		bench_die(step->gives);
	must(ctx, fluffy_msg_write(ctx, msg, FLUFFY_JSON, 0, &json));
	f->json = json.len;
	fluffy_bytes_free(&json);
	fluffy_msg_free(&msg);
}

/* 1: such a message is given by a step that is measured; 2: it is taken. */
static unsigned
find(const struct exchange *x, const char *name)
{
	unsigned found = 0;

	for (; x->title != NULL; x++) {
		const char *takes = "";

		for (const struct stage *s = x->steps; s->act != NULL; s++) {
			if (s->who != NULL && strcmp(s->gives, name) == 0)
				found |= 1;
			if (s->who != NULL && strcmp(takes, name) == 0)
				found |= 2;
			takes = s->gives;
		}
	}
	return found;
}

/* No message is forgotten. */
static void
find_all(void)
{
	for (unsigned t = 1; fluffy_type_name(t) != NULL; t++)
		if ((find(realm_exchanges, fluffy_type_name(t)) |
		    find(anchor_exchanges, fluffy_type_name(t))) != 3)
			bench_die(fluffy_type_name(t));
}

static struct figure *
play(const struct exchange *x, struct figure *f, size_t round)
{
	struct figure unnamed;

	for (; x->title != NULL; x++)
		for (const struct stage *s = x->steps; s->act != NULL; s++) {
			struct figure *of = s->who == NULL ? &unnamed : f++;

			if (of == figures + MEASURED)
				bench_die("too many steps");
			of->took[round] = run(s);
			judge(s, of);
		}
	return f;
}

/* ---- the table ----------------------------------------------------------- */

static void
print_text(const char *text)
{
	printf("%s%s |", text[0] != '\0' ? " " : "", text);
}

/* 0: there is nothing that has one. */
static void
print_size(size_t n)
{
	if (n > 0)
		printf(" %zu", n);
	printf(" |");
}

static void
print_row(const struct stage *s, const char *takes, struct figure *f,
    double floor)
{
	double seconds = median(f->took, ROUNDS);

	printf("| %s |", s->who);
	print_text(takes);
	print_text(s->gives);
	print_size(f->cbor);
	print_size(f->json);
	printf(" %.0f | **%.1f** |\n", seconds * 1e6, seconds / floor);
}

static struct figure *
print(const struct exchange *x, struct figure *f, double floor)
{
	for (; x->title != NULL; x++) {
		const char *takes = "";

		printf("| **%s** | | | | | | |\n", x->title);
		for (const struct stage *s = x->steps; s->act != NULL; s++) {
			if (s->who != NULL)
				print_row(s, takes, f++, floor);
			takes = s->gives;
		}
	}
	return f;
}

int
main(int argc, char **argv)
{
	double floors[ROUNDS], floor;
	struct figure *f;
	struct least least;

	child_enter(argc > 1 ? argv[1] : ".");
	if ((ctx = fluffy_ctx_new()) == NULL)
		bench_die("no context");
	find_all();
	realm_new();
	anchor_new();
	least_new(&least);
	for (size_t i = 0; i < ROUNDS; i++) {
		floors[i] = least_run(&least);
		f = play(realm_exchanges, figures, i);
		(void)play(anchor_exchanges, f, i);
	}
	floor = median(floors, ROUNDS);
	printf("\n| a step of | takes | gives | bytes | in JSON | us | times "
	    "|\n"
	    "|---|---|---|--:|--:|--:|--:|\n"
	    "| the floor | | | | | %.0f | **1.0** |\n", floor * 1e6);
	f = print(realm_exchanges, figures, floor);
	(void)print(anchor_exchanges, f, floor);
	least_free(&least);
	anchor_end();
	realm_end();
	fluffy_ctx_free(&ctx);
	return 0;
}

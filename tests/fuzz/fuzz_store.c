/*
 * fuzz_store.c - stores that somebody has damaged
 *
 * The first byte chooses the store (of an SKDC, a device, a trust anchor, a
 * resource server) and how it is damaged:
 *  0 to 3  some cells of its tables get values of the fuzzer's
 *  4 to 7  some bytes of the file are changed, and it is opened
 *  8 to 11 the same, for reading only
 * Then it is used, as the last bytes say; in the first case twice.  Whatever is
 * in it, each use is done or refused with a reason, and listings are fit for a
 * terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../tools/listing.h"
#include "programs.h"
#include "realm.h"
#include "store_sql.h"
#include "text.h"

static struct target {
	sqlite3_stmt **update;	/* of each column of each table */
	size_t n_updates;
	uint8_t *file;
	size_t file_n;
} targets[N_STORES];
static char damaged_path[PATH_ROOM];

/* ---- listings ------------------------------------------------------------ */

/* The program opens what lives at the path. */
static void
list(fluffy_store *s, listing_source *source, bool json)
{
	struct bytes out;

	program_begin(BYTES(""), 0);
	listing_write(fuzz_ctx(), s->sql->path, source, json);
	program_end();
	(void)program_said();
	out = program_out();
	CHECK(utf8_valid(out));
	for (size_t i = 0; i < out.n; i++)
		CHECK(out.p[i] >= ' ' || out.p[i] == '\n');
}

/* ---- the stores ---------------------------------------------------------- */

static void
prepare_updates(fluffy_store *s, struct target *t)
{
	sqlite3_stmt *st;
	char sql[300];

	CHECK(sqlite3_prepare_v2(s->sql->db, "SELECT m.name, c.name"
	    " FROM sqlite_schema m, pragma_table_info(m.name) c"
	    " WHERE m.type = 'table' ORDER BY 1, 2", -1, &st, NULL) ==
	    SQLITE_OK);
	t->update = calloc(300, sizeof(*t->update));
	CHECK(t->update != NULL);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const unsigned char *table = sqlite3_column_text(st, 0);
		const unsigned char *name = sqlite3_column_text(st, 1);

		CHECK(t->n_updates < 300);
		(void)snprintf(sql, sizeof(sql), "UPDATE \"%s\" SET \"%s\" ="
		    " ?1 WHERE \"%s\" IS (SELECT \"%s\" FROM \"%s\" LIMIT 1"
		    " OFFSET ?2)", table, name, name, name, table);
		CHECK(sqlite3_prepare_v2(s->sql->db, sql, -1,
		    &t->update[t->n_updates++], NULL) == SQLITE_OK);
	}
	(void)sqlite3_finalize(st);
}

static void
read_file(const char *path, struct target *t)
{
	FILE *f = fopen(path, "rb");

	t->file = malloc(1 << 20);
	CHECK(f != NULL && t->file != NULL);
	t->file_n = fread(t->file, 1, 1 << 20, f);
	CHECK(t->file_n > 0 && t->file_n < 1 << 20);
	(void)fclose(f);
}

static void
make_stores(void)
{
	make_realm();
	damaged = true;
	fuzz_path(damaged_path, "damaged.db");
	for (int i = 0; i < N_STORES; i++) {
		sqlite3 *db = stores[i]->sql->db;

		CHECK(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)",
		    NULL, NULL, NULL) == SQLITE_OK);
		prepare_updates(stores[i], &targets[i]);
		read_file(stores[i]->sql->path, &targets[i]);
	}
}

/* ---- damage -------------------------------------------------------------- */

static void
change_cell(struct feed *in, const struct target *t)
{
	size_t column = (size_t)take(in) << 8;
	sqlite3_stmt *st = t->update[(column | take(in)) % t->n_updates];
	uint8_t how = take(in);
	struct bytes value;
	uint64_t number = 0;

	(void)sqlite3_bind_int(st, 2, how / 4 % 4);
	if (how % 4 == 0)
		(void)sqlite3_bind_null(st, 1);
	else if (how % 4 == 1) {
		for (int i = how / 16 % 9; i > 0; i--)
			number = number << 8 | take(in);
		(void)sqlite3_bind_int64(st, 1, (int64_t)number);
	} else {
		value = take_string(in);
		(void)(how % 4 == 2 ? sqlite3_bind_blob(st, 1, value.p,
		    (int)value.n, SQLITE_STATIC) : sqlite3_bind_text(st, 1,
		    (const char *)value.p, (int)value.n, SQLITE_STATIC));
	}
	/* not every table takes every value */
	(void)sqlite3_step(st);
	(void)sqlite3_reset(st);
}

static void
use(struct feed *in, int which, fluffy_store *s)
{
	uses[which][take_upto(in, N_USES - 1)](s);
}

/* Used again or listed, which meets what the use before has left. */
static void
use_again(struct feed *in, int which, fluffy_store *s)
{
	uint8_t how = take(in);

	if (which > DEVICE || how % 2 == 1)
		use(in, which, s);
	else
		list(s, which == SKDC && how / 2 % 2 == 1 ?
		    fluffy_list_deletions : fluffy_list, how / 4 % 2 == 1);
}

static void
damage_cells(struct feed *in, int which)
{
	const struct target *t = &targets[which];

	life_begin(stores[which]);
	for (uint32_t n = 1 + take_upto(in, 3); n > 0; n--)
		change_cell(in, t);
	use(in, which, stores[which]);
	use_again(in, which, stores[which]);
	life_end(stores[which]);
}

static void
write_damaged(struct feed *in, const struct target *t)
{
	uint8_t *p = malloc(t->file_n);
	FILE *f = fopen(damaged_path, "wb");
	struct bytes b;
	size_t at;

	CHECK(p != NULL && f != NULL);
	memcpy(p, t->file, t->file_n);
	for (uint32_t n = 1 + take_upto(in, 7); n > 0; n--) {
		at = (size_t)take(in) * 4096;
		at += (size_t)take(in) << 8;
		at = (at + take(in)) % t->file_n;
		b = take_bytes(in, 1 + take_upto(in, 31));
		if (b.n <= t->file_n - at)
			memcpy(p + at, b.p, b.n);
	}
	CHECK(fwrite(p, 1, t->file_n, f) == t->file_n);
	CHECK(fclose(f) == 0);
	free(p);
}

static void
damage_file(struct feed *in, int which, unsigned flags)
{
	fluffy_store *s;
	enum fluffy_error e;

	write_damaged(in, &targets[which]);
	e = which >= ANCHOR ? fluffy_dk_open(fuzz_ctx(), damaged_path, flags,
	    &s) : fluffy_store_open(fuzz_ctx(), damaged_path, flags, &s);
	/* SQLite's word for a row of its schema that is 2^64 bytes long */
	if (e != FLUFFY_E_MEMORY)
		done(e);
	if (e == FLUFFY_OK)
		use(in, which, s);
	fluffy_store_close(&s);
	(void)unlink(damaged_path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };
	uint32_t how;

	if (stores[SKDC] == NULL)
		make_stores();
	fuzz_begin(2);
	how = take_upto(&in, 11);
	if (how < N_STORES)
		damage_cells(&in, (int)how);
	else
		damage_file(&in, (int)(how % N_STORES),
		    how < 2 * N_STORES ? 0 : FLUFFY_READ_ONLY);
	return 0;
}

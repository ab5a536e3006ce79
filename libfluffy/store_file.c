/* store_file.c - making, opening and closing a store's file */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_sql.h"

#define HEADER_SIZE 100	/* of an SQLite file; the application's id is at 68 */
#define LOG_HEADER  32	/* of its log, and of each page in that */
#define FRAME_HEADER 24
#define MAX_VALUE   1048576

static enum fluffy_error
path_fail(fluffy_ctx *ctx, const char *path, const char *why)
{
	return fluffy_fail(ctx, FLUFFY_E_STORE, NULL, "%s: %s", path, why);
}

static enum fluffy_error
system_fail(fluffy_ctx *ctx, const char *path)
{
	return path_fail(ctx, path, strerror(errno));
}

bool
store_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || errno != ENOENT;
}

/* ---- the object ------------------------------------------------------- */

void
store_free(fluffy_store *s)
{
	if (s == NULL)
		return;
	if (s->sql != NULL) {
		memo_drop(s);
		replays_drop(s);
		sql_finalize(s->sql);
		(void)sqlite3_close(s->sql->db);
		free(s->sql->path);
		free(s->sql);
	}
	free(s);
}

fluffy_store *
store_new(fluffy_ctx *ctx, const char *path)
{
	fluffy_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ctx = ctx;
	s->sql = calloc(1, sizeof(*s->sql));
	if (s->sql != NULL) {
		s->sql->rules = -1;
		s->sql->path = strdup(path);
	}
	if (s->sql == NULL || s->sql->path == NULL) {
		store_free(s);
		return NULL;
	}
	return s;
}

void
fluffy_store_close(fluffy_store **store)
{
	if (store == NULL || *store == NULL)
		return;
	store_rollback(*store);
	store_leave_log(*store);
	store_free(*store);
	*store = NULL;
}

/* ---- connecting ------------------------------------------------------- */

/*
 * SQLite reads "file:" as the start of a URI and ":memory:" and "" as no file:
 * none of them begins with "/" or "./".
 */
char *
plain_name(const char *path)
{
	const char *start = path[0] == '/' ? "" : "./";
	size_t size = strlen(start) + strlen(path) + 1;
	char *name = malloc(size);

	if (name != NULL)
		(void)snprintf(name, size, "%s%s", start, path);
	return name;
}

/* A URI that reads the file without locks, log or shared memory. */
static char *
immutable_name(const char *path)
{
	const char *start = path[0] == '/' ? "file:" : "file:./";
	size_t size = strlen(start) + 3 * strlen(path) + sizeof("?immutable=1");
	char *name = malloc(size);
	size_t n = strlen(start);

	if (name == NULL)
		return NULL;
	memcpy(name, start, n + 1);
	for (; *path != '\0'; path++)
		n += (size_t)snprintf(name + n, size - n,
		    *path == '/' ? "/" : "%%%02x", (unsigned char)*path);
	(void)snprintf(name + n, size - n, "?immutable=1");
	return name;
}

static int
configure(sqlite3 *db)
{
	/* What a file brings along mustn't be run. */
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
	};
	int rc = sqlite3_extended_result_codes(db, 1);

	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MAX_VALUE);
	(void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options) &&
	    rc == SQLITE_OK; i++)
		rc = sqlite3_db_config(db, options[i].option,
		    options[i].value, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db, BUSY_SECONDS * 1000);
	return rc;
}

/* name is freed; NULL: there was no memory for it. */
enum fluffy_error
store_connect(fluffy_store *s, char *name, int flags)
{
	int rc = SQLITE_NOMEM;

	if (name != NULL)
		rc = sqlite3_open_v2(name, &s->sql->db,
		    flags | SQLITE_OPEN_NOMUTEX, NULL);
	free(name);
	if (rc == SQLITE_OK)
		rc = configure(s->sql->db);
	return rc == SQLITE_OK ? FLUFFY_OK : sql_fail(s, rc);
}

void
store_disconnect(fluffy_store *s)
{
	sql_finalize(s->sql);
	(void)sqlite3_close(s->sql->db);
	s->sql->db = NULL;
}

/* ---- opening ---------------------------------------------------------- */

/* Only a file: a pipe would make us wait. */
static enum fluffy_error
check_kind(fluffy_ctx *ctx, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return system_fail(ctx, path);
	if (!S_ISREG(st.st_mode))
		return path_fail(ctx, path, "not a file");
	return FLUFFY_OK;
}

static bool
is_header(const uint8_t header[HEADER_SIZE])
{
	static const uint8_t id[4] = { STORE_ID >> 24, STORE_ID >> 16 & 0xff,
		STORE_ID >> 8 & 0xff, STORE_ID & 0xff };

	return memcmp(header, "SQLite format 3", 16) == 0 &&
	    memcmp(header + 68, id, 4) == 0;
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Is a store's first page in the log?  Each page follows a header of its own. */
static bool
log_has_header(int fd)
{
	uint8_t start[LOG_HEADER], frame[FRAME_HEADER + HEADER_SIZE];
	uint32_t page;
	off_t at = LOG_HEADER;

	if (pread(fd, start, sizeof(start), 0) != sizeof(start))
		return false;
	page = be32(start + 8);
	if (page < 512 || page > 65536)
		return false;
	for (; pread(fd, frame, sizeof(frame), at) == sizeof(frame);
	    at += FRAME_HEADER + page)
		if (be32(frame) == 1 && is_header(frame + FRAME_HEADER))
			return true;
	return false;
}

/* Beside the file, not beside a link to it. */
static const char *
log_name(const fluffy_store *s)
{
	return sqlite3_filename_wal(sqlite3_db_filename(s->sql->db, "main"));
}

/* What somebody who was killed left there stays as it is. */
static enum fluffy_error
keep_log(fluffy_store *s)
{
	int rc = SQLITE_OK;

	if (store_exists(log_name(s)))
		rc = sqlite3_db_config(s->sql->db,
		    SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return rc == SQLITE_OK ? FLUFFY_OK : sql_fail(s, rc);
}

/*
 * When the power fails while the log is copied into the file, its first page
 * may be anything; SQLite takes it from the log again.
 */
static bool
log_is_ours(const fluffy_store *s)
{
	int fd = open(log_name(s), O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK);
	bool ours = fd >= 0 && log_has_header(fd);

	if (fd >= 0)
		(void)close(fd);
	return ours;
}

/*
 * Is it a store?  The header is read through SQLite's own file, without a
 * transaction: that would touch a foreign database's log, and closing a file
 * that we opened ourselves would drop SQLite's locks.
 */
static enum fluffy_error
check_header(fluffy_store *s)
{
	uint8_t header[HEADER_SIZE] = { 0 };
	sqlite3_file *file = NULL;
	int rc = sqlite3_file_control(s->sql->db, "main",
	    SQLITE_FCNTL_FILE_POINTER, &file);

	if (rc == SQLITE_OK && (file == NULL || file->pMethods == NULL))
		rc = SQLITE_CANTOPEN;
	if (rc == SQLITE_OK)
		rc = file->pMethods->xRead(file, header, HEADER_SIZE, 0);
	if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
		return sql_fail(s, rc);
	if (!is_header(header) && !log_is_ours(s))
		return path_fail(s->ctx, s->sql->path, "not a fluffy store");
	return FLUFFY_OK;
}

/* A pragma's first value. */
static int
pragma(fluffy_store *s, const char *text, int64_t *value)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->sql->db, text, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*value = sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static enum fluffy_error
check_format(fluffy_store *s, int *rc)
{
	int64_t format = 0;

	*rc = pragma(s, "PRAGMA user_version", &format);
	if (*rc != SQLITE_OK)
		return sql_fail(s, *rc);
	s->sql->format = format;
	if (format < 1)
		return store_damaged(s);
	if (format < STORE_FORMAT && s->read_only)
		return path_fail(s->ctx, s->sql->path, "made by an older "
		    "version: the first program that writes converts it");
	if (format <= STORE_FORMAT)
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_STORE, NULL,
	    "%s: made by a newer version (format %lld)", s->sql->path,
	    (long long)format);
}

/*
 * Durable means the whole log synced at each commit, and what is deleted is
 * overwritten.  Without spilling a key that is rolled back was never written.
 */
static const char settings[] =
    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
    "PRAGMA temp_store = MEMORY; PRAGMA cache_spill = OFF;"
    "PRAGMA cell_size_check = ON;";

/* A new store is in this mode; somebody's tool may have changed it. */
static int
use_log(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	const unsigned char *mode = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &st,
	    NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		mode = sqlite3_column_text(st, 0);
	if (mode != NULL && strcmp((const char *)mode, "wal") == 0)
		rc = SQLITE_OK;
	else if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		rc = SQLITE_READONLY;
	(void)sqlite3_finalize(st);
	return rc;
}

static enum fluffy_error
set_up(fluffy_store *s)
{
	sqlite3 *db = s->sql->db;
	int rc = sqlite3_exec(db, settings, NULL, NULL, NULL);

	if (rc == SQLITE_OK && s->read_only)
		rc = sqlite3_exec(db, "PRAGMA query_only = ON", NULL, NULL,
		    NULL);
	else if (rc == SQLITE_OK)
		rc = use_log(db);
	return rc == SQLITE_OK ? FLUFFY_OK : sql_fail(s, rc);
}

static enum fluffy_error
add_tables(fluffy_store *s)
{
	char mark[40];
	int rc = SQLITE_OK;

	for (int64_t i = s->sql->format + 1; i <= STORE_FORMAT &&
	    rc == SQLITE_OK; i++)
		rc = sqlite3_exec(s->sql->db, store_formats[i], NULL, NULL,
		    NULL);
	(void)snprintf(mark, sizeof(mark), "PRAGMA user_version = %d",
	    STORE_FORMAT);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->sql->db, mark, NULL, NULL, NULL);
	return rc == SQLITE_OK ? FLUFFY_OK : sql_fail(s, rc);
}

/*
 * Of several processes the first does it, and the others see that when they
 * have the lock.
 */
static enum fluffy_error
upgrade(fluffy_store *s)
{
	enum fluffy_error e = sql_plain(s, SQL_BEGIN);
	int rc;

	if (e == FLUFFY_OK)
		e = check_format(s, &rc);
	if (e == FLUFFY_OK && s->sql->format < STORE_FORMAT)
		e = add_tables(s);
	if (e == FLUFFY_OK)
		e = sql_plain(s, SQL_COMMIT);
	if (e != FLUFFY_OK)
		sql_abandon(s);
	return e;
}

/*
 * For reading only SQLite wants the log and the shared memory too.  Where it
 * can't make them, or couldn't remove them again, nobody else who writes has
 * made them either: then the file is read as it stands.
 */
static enum fluffy_error
open_immutable(fluffy_store *s)
{
	int rc;
	enum fluffy_error e;

	store_disconnect(s);
	e = store_connect(s, immutable_name(s->sql->path),
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	return e != FLUFFY_OK ? e : check_format(s, &rc);
}

static bool
only_immutable(const fluffy_store *s, int rc)
{
	return s->read_only && !store_exists(log_name(s)) &&
	    ((rc & 0xff) == SQLITE_CANTOPEN ||
	    (rc & 0xff) == SQLITE_READONLY);
}

enum fluffy_error
store_open_existing(fluffy_store *s)
{
	const char *path = s->sql->path;
	enum fluffy_error e = check_kind(s->ctx, path);
	int rc = SQLITE_OK;

	if (e == FLUFFY_OK)
		e = store_connect(s, plain_name(path), SQLITE_OPEN_READWRITE);
	if (e == FLUFFY_OK && s->sql->keep_log)
		e = keep_log(s);
	if (e == FLUFFY_OK)
		e = check_header(s);
	if (e != FLUFFY_OK)
		return e;
	/* SQLite opens for reading what can't be written. */
	if (sqlite3_db_readonly(s->sql->db, "main") != 0)
		rc = SQLITE_READONLY;
	if (rc != SQLITE_OK && !s->read_only)
		return sql_fail(s, rc);
	if (!only_immutable(s, rc))
		e = check_format(s, &rc);
	if (only_immutable(s, rc))
		e = open_immutable(s);
	if (e == FLUFFY_OK)
		e = set_up(s);
	return e == FLUFFY_OK ? party_load(s) : e;
}

/* Section 11's stores are for its functions alone, and others for none of
   them. */
static enum fluffy_error
check_role(fluffy_store *s, bool dk)
{
	static const char *const whose[] = {
		[ROLE_SKDC] = "an SKDC's store",
		[ROLE_DEVICE] = "a device's store",
		[ROLE_ANCHOR] = "a store of fluffy-dk",
		[ROLE_NODE] = "a store of fluffy-dk"
	};

	if (dk == (s->party.role >= ROLE_ANCHOR))
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL, "%s: %s",
	    s->sql->path, whose[s->party.role]);
}

static enum fluffy_error
open_path(fluffy_ctx *ctx, const char *path, unsigned flags, bool dk,
    fluffy_store **store)
{
	fluffy_store *s;
	enum fluffy_error e;

	*store = NULL;
	if ((flags & ~FLUFFY_READ_ONLY) != 0)
		return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "unknown flags for opening a store");
	s = store_new(ctx, path);
	if (s == NULL)
		return fluffy_fail_memory(ctx);
	s->read_only = (flags & FLUFFY_READ_ONLY) != 0;
	e = store_open_existing(s);
	if (e == FLUFFY_OK)
		e = check_role(s, dk);
	if (e == FLUFFY_OK && s->sql->format < STORE_FORMAT)
		e = upgrade(s);
	if (e != FLUFFY_OK) {
		store_free(s);
		return e;
	}
	*store = s;
	return FLUFFY_OK;
}

enum fluffy_error
fluffy_store_open(fluffy_ctx *ctx, const char *path, unsigned flags,
    fluffy_store **store)
{
	return open_path(ctx, path, flags, false, store);
}

enum fluffy_error
fluffy_dk_open(fluffy_ctx *ctx, const char *path, unsigned flags,
    fluffy_store **store)
{
	return open_path(ctx, path, flags, true, store);
}

/* ---- copying ---------------------------------------------------------- */

static int
copy_pages(sqlite3 *to, sqlite3 *from)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc, finished;

	if (b == NULL)
		return sqlite3_errcode(to);
	/* that there was a lock only step tells */
	rc = sqlite3_backup_step(b, -1);
	finished = sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? finished : rc;
}

/* The file is let go of. */
static enum fluffy_error
move_to_memory(fluffy_store *s)
{
	sqlite3 *file = s->sql->db;
	enum fluffy_error e;
	int rc;

	sql_finalize(s->sql);
	s->sql->db = NULL;
	e = store_connect(s, strdup(":memory:"),
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
	if (e == FLUFFY_OK) {
		rc = copy_pages(s->sql->db, file);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(s->sql->db, settings, NULL, NULL,
			    NULL);
		e = rc == SQLITE_OK ? FLUFFY_OK : sql_fail(s, rc);
	}
	(void)sqlite3_close(file);
	s->read_only = false;
	return e == FLUFFY_OK ? party_load(s) : e;
}

enum fluffy_error
fluffy_store_copy(fluffy_ctx *ctx, const char *path, fluffy_store **store)
{
	fluffy_store *s = store_new(ctx, path);
	enum fluffy_error e;

	*store = NULL;
	if (s == NULL)
		return fluffy_fail_memory(ctx);
	s->read_only = true;
	s->sql->keep_log = true;
	e = store_open_existing(s);
	if (e == FLUFFY_OK)
		e = move_to_memory(s);
	if (e != FLUFFY_OK) {
		store_free(s);
		return e;
	}
	*store = s;
	return FLUFFY_OK;
}

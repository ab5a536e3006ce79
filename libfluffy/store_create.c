/*
 * store_create.c - a new store
 *
 * It is made under another name in the same directory, synced, and then given
 * its own name, which must be free: whatever happens on the way, there is a
 * whole store under that name or none, and of two that race one wins.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_sql.h"

static enum fluffy_error
system_fail(fluffy_ctx *ctx, const char *path)
{
	if (errno == ENOMEM)
		return fluffy_fail_memory(ctx);
	return fluffy_fail(ctx, FLUFFY_E_STORE, NULL, "%s: %s", path,
	    strerror(errno));
}

/* name in path's directory; NULL: no memory. */
static char *
beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	int n = slash == NULL ? 0 : (int)(slash - path) + 1;
	size_t size = (size_t)n + strlen(name) + 1;
	char *out = malloc(size);

	if (out != NULL)
		(void)snprintf(out, size, "%.*s%s", n, path, name);
	return out;
}

/* ---- making the content ----------------------------------------------- */

/*
 * The file is nobody else's yet: no locks, no shared memory, and syncing is
 * done once at the end.  The log makes its mark in the header, which lasts.
 */
static const char making[] =
    "PRAGMA encoding = 'UTF-8'; PRAGMA auto_vacuum = NONE;"
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = OFF; PRAGMA secure_delete = ON;";

static enum fluffy_error
exec(fluffy_store *s, const char *text)
{
	int rc = sqlite3_exec(s->sql->db, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? FLUFFY_OK : sql_fail(s, rc);
}

static enum fluffy_error
add_party(fluffy_store *s, const struct party *party)
{
	struct query q;

	query_open(&q, s, SQL_PARTY_ADD);
	bind_int(&q, party->role);
	bind_text(&q, name_bytes(&party->realm));
	bind_text(&q, name_bytes(&party->name));
	bind_text(&q, name_bytes(&party->skdcrealm));
	bind_text(&q, name_bytes(&party->skdcname));
	(void)query_step(&q);
	return query_close(&q);
}

static enum fluffy_error
fill(fluffy_store *s, const char *temporary, const struct party *party,
    store_fn *first, void *arg)
{
	char marks[80];
	enum fluffy_error e = store_connect(s, plain_name(temporary),
	    SQLITE_OPEN_READWRITE);

	(void)snprintf(marks, sizeof(marks),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d;", STORE_ID,
	    STORE_FORMAT);
	if (e == FLUFFY_OK)
		e = exec(s, making);
	if (e == FLUFFY_OK)
		e = sql_plain(s, SQL_BEGIN);
	for (int i = 1; i <= STORE_FORMAT && e == FLUFFY_OK; i++)
		e = exec(s, store_formats[i]);
	if (e == FLUFFY_OK)
		e = add_party(s, party);
	if (e == FLUFFY_OK && first != NULL) {
		s->party = *party;
		s->in_transaction = true;
		e = first(s, arg);
		s->in_transaction = false;
	}
	if (e == FLUFFY_OK)
		e = exec(s, marks);
	if (e == FLUFFY_OK)
		e = sql_plain(s, SQL_COMMIT);
	if (e == FLUFFY_OK)
		e = exec(s, "PRAGMA wal_checkpoint(TRUNCATE)");
	store_disconnect(s);
	return e;
}

/* ---- the file --------------------------------------------------------- */

/* Syncs a file or a directory. */
static bool
sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool done = fd >= 0 && fsync(fd) == 0;
	int error = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = error;
	return done;
}

static bool
sync_directory(const char *path)
{
	char *directory = beside(path, ".");
	bool done = directory != NULL && sync_path(directory, O_DIRECTORY);

	free(directory);
	return done;
}

/* Gives the file its name, if it is free. */
static bool
name_file(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path,
	    RENAME_NOREPLACE) == 0)
		return true;
	if (errno != ENOSYS && errno != EINVAL)
		return false;
	if (link(temporary, path) != 0)
		return false;
	(void)unlink(temporary);
	return true;
}

/* Nobody but the owner, whatever the umask: the log inherits this. */
static bool
make_file(char *temporary)
{
	int fd = mkostemp(temporary, O_CLOEXEC);
	bool done = fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0;
	int error = errno;

	if (fd >= 0)
		(void)close(fd);
	if (fd >= 0 && !done)
		(void)unlink(temporary);
	errno = error;
	return done;
}

/* Also where there is no memory: a log that stays would spoil a store that is
   given this name later. */
static void
remove_all(const char *path)
{
	static const char *const ends[] = { "-wal", "-shm", "-journal" };
	char name[PATH_MAX + sizeof("-journal")];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
	(void)unlink(path);
}

static enum fluffy_error
make(fluffy_store *s, char *temporary, const struct party *party,
    store_fn *first, void *arg)
{
	const char *path = s->sql->path;
	enum fluffy_error e;

	if (!make_file(temporary))
		return system_fail(s->ctx, path);
	e = fill(s, temporary, party, first, arg);
	if (e == FLUFFY_OK && (!sync_path(temporary, 0) ||
	    !name_file(temporary, path)))
		e = system_fail(s->ctx, path);
	/* SQLite has removed its own; or tried to. */
	remove_all(temporary);
	if (e == FLUFFY_OK && !sync_directory(path)) {
		e = system_fail(s->ctx, path);
		(void)unlink(path);
	}
	return e;
}

enum fluffy_error
store_create(fluffy_ctx *ctx, const char *path, const struct party *party,
    store_fn *first, void *arg, fluffy_store **store)
{
	fluffy_store *s;
	char *temporary;
	enum fluffy_error e;

	*store = NULL;
	if (store_exists(path)) {
		errno = EEXIST;
		return system_fail(ctx, path);
	}
	s = store_new(ctx, path);
	temporary = beside(path, ".fluffy-XXXXXX");
	if (s == NULL || temporary == NULL)
		e = fluffy_fail_memory(ctx);
	else
		e = make(s, temporary, party, first, arg);
	free(temporary);
	if (e == FLUFFY_OK) {
		e = store_open_existing(s);
		/* The caller is told that there is none. */
		if (e != FLUFFY_OK)
			remove_all(path);
	}
	if (e != FLUFFY_OK) {
		store_free(s);
		return e;
	}
	*store = s;
	return FLUFFY_OK;
}

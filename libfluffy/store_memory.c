/* store_memory.c - a process that leaves no keys behind in its memory */
#include <sys/prctl.h>

#include <openssl/crypto.h>

#include "store_sql.h"

/* ---- SQLite's memory ---------------------------------------------------- */

static void *
sql_malloc(int n)
{
	return wiping_malloc((size_t)n);
}

static void *
sql_realloc(void *p, int n)
{
	return wiping_realloc(p, (size_t)n);
}

static int
sql_size(void *p)
{
	return (int)wiping_size(p);
}

static int
sql_roundup(int n)
{
	return (n + 7) & ~7;
}

static int
sql_init(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static void
sql_shutdown(void *arg)
{
	(void)arg;
}

/*
 * Pages and registers that held a key are wiped when SQLite frees them.  So
 * that it does, nothing is freed into pools of SQLite's own: each page and
 * each small piece is one of its allocations.
 */
static bool
wipe_in_sqlite(void)
{
	static const sqlite3_mem_methods methods = {
		.xMalloc = sql_malloc, .xFree = wiping_free,
		.xRealloc = sql_realloc, .xSize = sql_size,
		.xRoundup = sql_roundup, .xInit = sql_init,
		.xShutdown = sql_shutdown
	};

	return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK &&
	    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0) == SQLITE_OK &&
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK;
}

/* ---- OpenSSL's memory -------------------------------------------------- */

static void *
ssl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return wiping_malloc(n);
}

static void *
ssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return wiping_realloc(p, n);
}

static void
ssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	wiping_free(p);
}

/* It wipes what it knows to be a key, but not an encoded one in a BIO. */
static bool
wipe_in_openssl(void)
{
	return CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free) == 1;
}

/* ---- the process -------------------------------------------------------- */

bool
fluffy_own_process(void)
{
	/* neither a core dump nor a debugger that isn't root's */
	return prctl(PR_SET_DUMPABLE, 0) == 0 && wipe_in_sqlite() &&
	    wipe_in_openssl();
}

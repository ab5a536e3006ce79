/*
 * store_fixture.h - what the tests of the store share
 *
 * Each test works in a directory of its own.  Raw SQLite is used to look at a
 * store, and to spoil it, from outside.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store.h"
#include "store_sql.h"
#include "text.h"

#define PATH "party.db"
#define NOW  1795000000u
#define DAY  86400u

static fluffy_ctx *ctx;
static uint64_t the_time;
static char directory[] = "/tmp/fluffy-store-XXXXXX";

static inline uint64_t
test_now(void *arg)
{
	(void)arg;
	return the_time;
}

/* Not a macro of cmocka's: it has to work in a child process too. */
static inline void
must(enum fluffy_error e)
{
	if (e == FLUFFY_OK)
		return;
	print_error("error %d: %s\n", (int)e, fluffy_why(ctx).text);
	fail();
}

static inline void
refused(enum fluffy_error e, enum fluffy_error code, const char *text)
{
	assert_int_equal(e, code);
	assert_int_equal(fluffy_why(ctx).code, code);
	if (strstr(fluffy_why(ctx).text, text) == NULL)
		print_error("\"%s\" isn't in \"%s\"\n", text,
		    fluffy_why(ctx).text);
	assert_non_null(strstr(fluffy_why(ctx).text, text));
}

static inline struct name
name(const char *text)
{
	struct name n;

	assert_true(name_set(&n, bytes_str(text)));
	return n;
}

static inline struct bytes
str(const char *text)
{
	return bytes_str(text);
}

static inline struct party
party(enum role role)
{
	return (struct party){ role, name("home"),
		name(role == ROLE_SKDC ? "skdc" : "lamp"), name("home"),
		name("skdc") };
}

static inline fluffy_store *
create(enum role role)
{
	struct party p = party(role);
	fluffy_store *s;

	must(store_create(ctx, PATH, &p, NULL, NULL, &s));
	return s;
}

static inline fluffy_store *
open_store(unsigned flags)
{
	fluffy_store *s;

	must(fluffy_store_open(ctx, PATH, flags, &s));
	return s;
}

static inline void
reopen(fluffy_store **s)
{
	fluffy_store_close(s);
	*s = open_store(0);
}

/* A key that is found again in raw bytes: 16 times the same two letters. */
static inline struct symm
key(unsigned i)
{
	struct symm k = { .alg = 30, .n = 16 };

	for (unsigned at = 0; at < 16; at += 4) {
		k.b[at] = 0xf1;
		k.b[at + 1] = (uint8_t)(i >> 8);
		k.b[at + 2] = (uint8_t)i;
		k.b[at + 3] = 0x1f;
	}
	return k;
}

static inline struct secret
add_secret(fluffy_store *s, const char *owner, unsigned i)
{
	struct secret x = { .owner = name(owner), .key = key(i) };

	must(store_new_kid(s, &x.kid));
	must(store_secret_add(s, &x));
	return x;
}

static inline struct session
session(unsigned i, bool service)
{
	struct session x = {
		.keyid = { .n = 8, .b = { 1, 2, 3, 4, 5, 6, (uint8_t)(i >> 8),
		    (uint8_t)i } },
		.as = service ? AS_SERVICE : AS_CLIENT, .peer = name("door"), .key = key(i),
		.authtime = NOW + i, .endtime = NOW + 28800,
	};

	return x;
}

/* Runs SQL on the file as a stranger would. */
static inline void
raw(const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(PATH, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
		print_error("%s: %s\n", sql, why);
		fail();
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline size_t
slurp(const char *path, uint8_t **out)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	size_t n;

	*out = NULL;
	if (f == NULL)
		return 0;
	assert_int_equal(fstat(fileno(f), &st), 0);
	n = (size_t)st.st_size;
	*out = malloc(n + 1);
	assert_non_null(*out);
	assert_int_equal(fread(*out, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	return n;
}

static inline void
spew(const char *path, const uint8_t *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* All files of the directory, one after another. */
static inline struct buffer
all_bytes(void)
{
	struct buffer b = BUFFER(1u << 30);
	struct dirent *entry;
	DIR *d = opendir(".");

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		uint8_t *p;
		size_t n;

		if (entry->d_name[0] == '.')
			continue;
		n = slurp(entry->d_name, &p);
		buffer_add(&b, p, n);
		free(p);
	}
	(void)closedir(d);
	assert_false(b.failed);
	return b;
}

/* Half of a key is enough to be found. */
static inline bool
has_key(struct bytes all, unsigned i)
{
	struct symm k = key(i);

	return memmem(all.p, all.n, k.b, 8) != NULL;
}

static inline bool
on_disk(unsigned i)
{
	struct buffer b = all_bytes();
	bool found = has_key(buffer_view(&b), i);

	buffer_free(&b);
	return found;
}

static inline int
files(void)
{
	int n = 0;
	struct dirent *entry;
	DIR *d = opendir(".");

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			n++;
	(void)closedir(d);
	return n;
}

static inline void
remove_files(void)
{
	struct dirent *entry;
	DIR *d = opendir(".");

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		if (unlink(entry->d_name) != 0)
			(void)rmdir(entry->d_name);
	(void)closedir(d);
}

static inline int
setup(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/fluffy-store-XXXXXX");
	if (mkdtemp(directory) == NULL || chdir(directory) != 0)
		return -1;
	the_time = NOW;
	ctx = fluffy_ctx_new();
	if (ctx == NULL)
		return -1;
	fluffy_ctx_set_clock(ctx, test_now, NULL);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	fluffy_ctx_free(&ctx);
	remove_files();
	return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

/* Waits for a child and gives its exit status. */
static inline int
finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Eight bytes that tell the number. */
static inline struct bytes
numbered(uint8_t b[8], unsigned i)
{
	for (int at = 0; at < 8; at++)
		b[at] = (uint8_t)(i >> (8 * (at % 4)));
	return bytes_of(b, 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif

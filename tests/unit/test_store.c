/* test_store.c - the store: files, transactions, replays, processes */
#include "store_fixture.h"

/* ---- making and opening ----------------------------------------------- */

static void
create_is_private_and_whole(void **state)
{
	static const mode_t masks[] = { 0, 022, 0777 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		mode_t old = umask(masks[i]);
		fluffy_store *s = create(ROLE_DEVICE);
		struct stat st;

		must(store_begin(s));
		must(store_gone_add(s, str("k"), NOW));
		must(store_commit(s));
		(void)umask(old);
		assert_int_equal(stat(PATH, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(stat(PATH "-wal", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(stat(PATH "-shm", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		reopen(&s);
		assert_int_equal(s->party.role, ROLE_DEVICE);
		assert_string_equal(s->party.name.s, "lamp");
		assert_string_equal(s->party.skdcname.s, "skdc");
		fluffy_store_close(&s);
		assert_null(s);
		assert_int_equal(files(), 1);
		assert_int_equal(unlink(PATH), 0);
	}
}

static void
create_overwrites_nothing(void **state)
{
	struct party p = party(ROLE_SKDC);
	fluffy_store *s = create(ROLE_SKDC), *t = s;
	uint8_t *bytes;

	(void)state;
	refused(store_create(ctx, PATH, &p, NULL, NULL, &t), FLUFFY_E_STORE,
	    PATH ": File exists");
	assert_null(t);
	fluffy_store_close(&s);
	spew("plain", (const uint8_t *)"x", 1);
	refused(store_create(ctx, "plain", &p, NULL, NULL, &t), FLUFFY_E_STORE,
	    "exists");
	assert_int_equal(slurp("plain", &bytes), 1);
	free(bytes);
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_true(store_exists("link"));
	refused(store_create(ctx, "link", &p, NULL, NULL, &t), FLUFFY_E_STORE,
	    "exists");
	assert_false(store_exists("nowhere"));
	refused(store_create(ctx, "no/where", &p, NULL, NULL, &t), FLUFFY_E_STORE,
	    "no/where: No such file");
	assert_int_equal(files(), 3);
}

static void
of_racing_creators_one_wins(void **state)
{
	pid_t pids[8];
	int wins = 0;
	fluffy_store *s;

	(void)state;
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct party p = party(ROLE_SKDC);

			_exit(store_create(ctx, PATH, &p, NULL, NULL, &s) ==
			    FLUFFY_OK);
		}
	}
	for (int i = 0; i < 8; i++)
		wins += finish(pids[i]);
	assert_int_equal(wins, 1);
	s = open_store(0);
	fluffy_store_close(&s);
	assert_int_equal(files(), 1);
}

/* An interrupted creation leaves nothing under the name. */
static void
killed_creator_leaves_no_half_store(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		struct party p = party(ROLE_SKDC);
		fluffy_store *s;
		pid_t pid = fork();

		if (pid == 0) {
			(void)!store_create(ctx, PATH, &p, NULL, NULL, &s);
			_exit(0);
		}
		(void)usleep((useconds_t)(i * 150));
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		if (store_exists(PATH)) {
			s = open_store(0);
			fluffy_store_close(&s);
		}
		remove_files();
	}
}

static void
names_are_never_uris(void **state)
{
	static const char *const paths[] = {
		"file:x?mode=memory", ":memory:", "a?b#c%41", "x y",
		"file::memory:"
	};
	struct party p = party(ROLE_SKDC);
	fluffy_store *s;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct stat st;

		must(store_create(ctx, paths[i], &p, NULL, NULL, &s));
		fluffy_store_close(&s);
		assert_int_equal(lstat(paths[i], &st), 0);
		assert_true(S_ISREG(st.st_mode));
		must(fluffy_store_open(ctx, paths[i], FLUFFY_READ_ONLY, &s));
		fluffy_store_close(&s);
	}
	assert_int_equal(files(), 5);
	refused(fluffy_store_open(ctx, "", 0, &s), FLUFFY_E_STORE, "No such");
}

/* The file is as before, and nothing is beside it. */
static void
opens_not(const char *path, const char *why)
{
	uint8_t *before, *after;
	size_t n = slurp(path, &before);
	int count = files();
	fluffy_store *s;

	for (unsigned flags = 0; flags <= FLUFFY_READ_ONLY; flags++) {
		refused(fluffy_store_open(ctx, path, flags, &s),
		    FLUFFY_E_STORE, why);
		assert_null(s);
	}
	assert_int_equal(slurp(path, &after), n);
	assert_memory_equal(before, after, n);
	assert_int_equal(files(), count);
	free(before);
	free(after);
}

static void
other_files_are_refused_untouched(void **state)
{
	uint8_t header[4096] = "SQLite format 2";
	fluffy_store *s;

	(void)state;
	refused(fluffy_store_open(ctx, PATH, 0, &s), FLUFFY_E_STORE,
	    PATH ": No such file or directory");
	assert_int_equal(files(), 0);
	refused(fluffy_store_open(ctx, ".", 0, &s), FLUFFY_E_STORE,
	    "not a file");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	refused(fluffy_store_open(ctx, "fifo", 0, &s), FLUFFY_E_STORE,
	    "not a file");
	spew("empty", (const uint8_t *)"", 0);
	opens_not("empty", "empty: not a fluffy store");
	spew("text", (const uint8_t *)"SQLite format 3 is not here", 27);
	opens_not("text", "text: not a fluffy store");
	/* our mark in something that isn't SQLite's */
	memcpy(header + 68, (const uint8_t[]){ STORE_ID >> 24,
	    STORE_ID >> 16 & 0xff, STORE_ID >> 8 & 0xff, STORE_ID & 0xff },
	    4);
	spew("marked", header, sizeof(header));
	opens_not("marked", "marked: not a fluffy store");
	raw("PRAGMA journal_mode = WAL; CREATE TABLE party(x);");
	opens_not(PATH, "not a fluffy store");
	refused(fluffy_store_open(ctx, PATH, 8, &s), FLUFFY_E_USAGE, "flags");
}

/* Of one of the four roles. */
static void
a_store_is_somebodys(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);

	(void)state;
	fluffy_store_close(&s);
	raw("UPDATE party SET role = 0");
	opens_not(PATH, "damaged");
	raw("UPDATE party SET role = 5");
	opens_not(PATH, "damaged");
	raw("DELETE FROM party");
	opens_not(PATH, "damaged");
}

static void
newer_format_is_refused(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);

	(void)state;
	fluffy_store_close(&s);
	raw("PRAGMA user_version = 7");
	opens_not(PATH, "made by a newer version (format 7)");
}

static void
another_journal_mode_is_put_right(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct stat st;

	(void)state;
	fluffy_store_close(&s);
	raw("PRAGMA journal_mode = DELETE");
	s = open_store(0);
	must(store_begin(s));
	must(store_device_add(s, str("a")));
	must(store_commit(s));
	assert_int_equal(stat(PATH "-wal", &st), 0);
	fluffy_store_close(&s);
}

/* ---- reading only ----------------------------------------------------- */

static void
read_only_leaves_nothing(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *r;
	struct device d;
	uint8_t *before, *after;
	size_t n;

	(void)state;
	must(store_begin(s));
	must(store_device_add(s, str("a")));
	must(store_commit(s));
	r = open_store(FLUFFY_READ_ONLY);	/* beside a writer */
	must(store_device(r, str("a"), &d));
	refused(store_begin(r), FLUFFY_E_STORE, "opened for reading only");
	refused(store_device_add(r, str("b")), FLUFFY_E_INTERNAL, "wrongly");
	fluffy_store_close(&s);
	fluffy_store_close(&r);
	assert_int_equal(files(), 1);
	n = slurp(PATH, &before);
	r = open_store(FLUFFY_READ_ONLY);
	must(store_device(r, str("a"), &d));
	fluffy_store_close(&r);
	assert_int_equal(files(), 1);
	assert_int_equal(slurp(PATH, &after), n);
	assert_memory_equal(before, after, n);
	free(before);
	free(after);
}

/* As another user, to whom neither the file nor the directory is writable. */
static void
read_only_without_rights(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	pid_t pid;

	(void)state;
	fluffy_store_close(&s);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(PATH, 0644), 0);
	assert_int_equal(chmod(directory, 0755), 0);
	pid = fork();
	if (pid == 0) {
		struct device d;

		if (setuid(65534) != 0)
			_exit(1);
		if (fluffy_store_open(ctx, PATH, 0, &s) != FLUFFY_E_STORE ||
		    strstr(fluffy_why(ctx).text, "can't be written") == NULL)
			_exit(2);
		if (fluffy_store_open(ctx, PATH, FLUFFY_READ_ONLY, &s) !=
		    FLUFFY_OK)
			_exit(3);
		if (store_device(s, str("a"), &d) != FLUFFY_E_NOT_FOUND)
			_exit(4);
		fluffy_store_close(&s);
		_exit(0);
	}
	assert_int_equal(finish(pid), 0);
	assert_int_equal(files(), 1);
	assert_int_equal(chmod(PATH, 0600), 0);
	pid = fork();
	if (pid == 0) {
		if (setuid(65534) != 0)
			_exit(1);
		_exit(fluffy_store_open(ctx, PATH, FLUFFY_READ_ONLY, &s) ==
		    FLUFFY_E_STORE && strstr(fluffy_why(ctx).text,
		    "Permission denied") != NULL ? 0 : 2);
	}
	assert_int_equal(finish(pid), 0);
}

/* ---- transactions ----------------------------------------------------- */

static void
locked_store_says_so(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *t = open_store(0);

	(void)state;
	must(store_begin(s));
	assert_int_equal(sqlite3_busy_timeout(t->sql->db, 50), SQLITE_OK);
	refused(store_begin(t), FLUFFY_E_STORE,
	    PATH ": locked by another process for 10 s");
	store_rollback(s);
	must(store_begin(t));
	store_rollback(t);
	store_rollback(t);
	fluffy_store_close(&s);
	fluffy_store_close(&t);
}

static void
changes_need_a_transaction(void **state)
{
	struct secret x = { .kid = { .n = 4, .b = "kid1" },
		.owner = name("a"), .key = key(1) };
	fluffy_store *s = create(ROLE_SKDC);
	struct keyid id;

	(void)state;
	refused(store_device_add(s, str("a")), FLUFFY_E_INTERNAL, "");
	refused(store_nonce(s, str("k"), str("n"), NOW), FLUFFY_E_INTERNAL, "");
	refused(store_new_keyid(s, NOW, &id), FLUFFY_E_INTERNAL, "");
	refused(store_prune(s, NOW), FLUFFY_E_INTERNAL, "");
	refused(store_commit(s), FLUFFY_E_INTERNAL, "");
	refused(store_reset_clock(s), FLUFFY_E_INTERNAL, "");
	refused(store_realm_set(s), FLUFFY_E_INTERNAL, "");
	must(store_begin(s));
	refused(store_begin(s), FLUFFY_E_INTERNAL, "");
	/* a key has a length, which fits */
	x.key.n = 0;
	refused(store_secret_add(s, &x), FLUFFY_E_INTERNAL, "");
	x.key.n = KEY_MAX + 1;
	refused(store_secret_add(s, &x), FLUFFY_E_INTERNAL, "");
	/* a store with it would be damaged */
	refused(store_prune(s, (uint64_t)TIME_MAX + 1), FLUFFY_E_INTERNAL,
	    "");
	store_acted_at(s, (uint64_t)TIME_MAX + 1);
	assert_int_equal(s->max_now, 0);
	fluffy_store_close(&s);
}

/* Who opens that name wouldn't see what is written. */
static void
a_file_that_lost_its_name_is_not_written(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *t;

	(void)state;
	assert_int_equal(rename(PATH, "moved.db"), 0);
	refused(store_begin(s), FLUFFY_E_STORE, "removed or replaced");
	t = create(ROLE_SKDC);
	refused(store_begin(s), FLUFFY_E_STORE, "removed or replaced");
	must(store_begin(t));
	must(store_device_add(t, str("a")));
	must(store_commit(t));
	fluffy_store_close(&s);
	fluffy_store_close(&t);
	assert_int_equal(unlink(PATH), 0);
	assert_int_equal(rename("moved.db", PATH), 0);
	s = open_store(0);
	must(store_begin(s));
	must(store_device_add(s, str("a")));
	must(store_commit(s));
	fluffy_store_close(&s);
}

/* Bug class 12: a NUL doesn't end it. */
static void
names_fit_or_are_none(void **state)
{
	uint8_t long_name[NAME_MAX_ + 1];
	struct name n;

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	assert_false(name_set(&n, bytes_of("a\0b", 3)));
	assert_int_equal(n.n, 0);
	assert_false(name_set(&n, bytes_of("\0", 1)));
	assert_false(name_set(&n, bytes_of(long_name, NAME_MAX_ + 1)));
	assert_int_equal(n.n, 0);
	assert_true(name_set(&n, bytes_of(long_name, NAME_MAX_)));
	assert_int_equal(strlen(n.s), NAME_MAX_);
	assert_true(name_set(&n, bytes_of(NULL, 0)));
	assert_int_equal(n.n, 0);
}

static void
rollback_restores_everything(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct device d;
	struct keyid before, after;

	(void)state;
	must(store_begin(s));
	store_acted_at(s, NOW);
	s->lifetime = 60;
	must(store_realm_set(s));
	must(store_new_keyid(s, NOW, &before));
	must(store_commit(s));
	must(store_begin(s));
	store_acted_at(s, NOW + 9);
	s->lifetime = 70;
	s->etypes = (struct tokens){ .v = { 10 }, .n = 1 };
	must(store_realm_set(s));
	must(store_device_add(s, str("a")));
	must(store_device(s, str("a"), &d));
	must(store_nonce(s, str("k"), str("n"), NOW));
	store_rollback(s);
	assert_int_equal(s->max_now, NOW);
	assert_int_equal(s->lifetime, 60);
	assert_int_equal(s->etypes.n, 0);
	must(store_begin(s));
	refused(store_device(s, str("a"), &d), FLUFFY_E_NOT_FOUND, "device");
	must(store_nonce(s, str("k"), str("n"), NOW));
	must(store_new_keyid(s, NOW, &after));
	assert_true(bytes_cmp(keyid_bytes(&before), keyid_bytes(&after)) < 0);
	must(store_commit(s));
	fluffy_store_close(&s);
}

/* Nothing of a transaction stays in which a change failed. */
static void
full_disk_fails_the_commit(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	enum fluffy_error e = FLUFFY_OK;
	struct device d;
	unsigned n = 0;
	bool gone;

	(void)state;
	assert_int_equal(sqlite3_exec(s->sql->db,
	    "PRAGMA max_page_count = 1", NULL, NULL, NULL), SQLITE_OK);
	must(store_begin(s));
	must(store_device_add(s, str("first")));
	for (int i = 0; i < 1000 && e == FLUFFY_OK; i++) {
		char text[200];

		(void)snprintf(text, sizeof(text), "%0150d", i);
		e = store_device_add(s, str(text));
	}
	refused(e, FLUFFY_E_STORE, PATH ": disk full");
	refused(store_device_add(s, str("x")), FLUFFY_E_STORE, "not written");
	refused(store_commit(s), FLUFFY_E_STORE, "not written");
	assert_false(s->in_transaction);
	refused(store_device(s, str("first"), &d), FLUFFY_E_NOT_FOUND, "");
	must(store_begin(s));
	must(store_device_add(s, str("first")));
	must(store_commit(s));
	/* where the commit itself would have nothing to write */
	must(store_begin(s));
	must(store_gone_add(s, str("first"), NOW));
	for (e = FLUFFY_OK; e == FLUFFY_OK;) {
		uint8_t b[8];

		e = store_gone_add(s, numbered(b, n++), NOW);
	}
	refused(e, FLUFFY_E_STORE, "disk full");
	refused(store_commit(s), FLUFFY_E_STORE, "not written");
	must(store_gone(s, str("first"), &gone));
	assert_false(gone);
	fluffy_store_close(&s);
}

static void
policy_and_clock_are_kept(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);

	(void)state;
	must(store_begin(s));
	s->lifetime = 3600;
	s->skew = 30;
	s->etypes = (struct tokens){ .v = { 10, -25, 31 }, .n = 3 };
	must(store_realm_set(s));
	store_acted_at(s, NOW);
	store_acted_at(s, NOW - 5);
	must(store_commit(s));
	reopen(&s);
	assert_int_equal(s->lifetime, 3600);
	assert_int_equal(s->skew, 30);
	assert_int_equal(s->etypes.n, 3);
	assert_int_equal(s->etypes.v[1], -25);
	assert_int_equal(s->max_now, NOW);
	must(store_begin(s));
	must(store_reset_clock(s));
	must(store_commit(s));
	reopen(&s);
	assert_int_equal(s->max_now, 0);
	fluffy_store_close(&s);
}

/* ---- replays ---------------------------------------------------------- */

static enum fluffy_error
nonce_once(fluffy_store *s, const char *kid, const char *nonce)
{
	enum fluffy_error e;

	must(store_begin(s));
	e = store_nonce(s, str(kid), str(nonce), NOW + 600);
	must(store_commit(s));
	return e;
}

static void
nonce_is_taken_once(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *t = open_store(0);

	(void)state;
	must(nonce_once(s, "kid1", "nonce"));
	refused(nonce_once(s, "kid1", "nonce"), FLUFFY_E_REPLAY, "nonce");
	refused(nonce_once(t, "kid1", "nonce"), FLUFFY_E_REPLAY, "nonce");
	must(nonce_once(t, "kid2", "nonce"));
	refused(nonce_once(s, "kid2", "nonce"), FLUFFY_E_REPLAY, "nonce");
	/* the same bytes, cut elsewhere */
	must(nonce_once(s, "kid1n", "once"));
	must(nonce_once(s, "kid", "1nonce"));
	reopen(&s);
	refused(nonce_once(s, "kid1", "nonce"), FLUFFY_E_REPLAY, "nonce");
	refused(nonce_once(s, "kid", "1nonce"), FLUFFY_E_REPLAY, "nonce");
	fluffy_store_close(&s);
	fluffy_store_close(&t);
}

/* Many rows, several of one transaction, pruned by another process. */
static void
nonces_survive_volume_and_pruning(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *t = open_store(0);
	uint8_t b[8];

	(void)state;
	must(store_begin(s));
	for (unsigned i = 0; i < 20000; i++)
		must(store_nonce(s, str("kid1"), numbered(b, i), NOW + 10));
	must(store_commit(s));
	must(store_begin(s));
	for (unsigned i = 20000; i < 20010; i++)
		must(store_nonce(s, str("kid1"), numbered(b, i), NOW + 20));
	must(store_commit(s));
	must(store_begin(t));
	must(store_prune(t, NOW + 10));
	refused(store_nonce(t, str("kid1"), numbered(b, 0), NOW + 90),
	    FLUFFY_E_REPLAY, "");
	must(store_commit(t));
	must(store_begin(t));
	must(store_prune(t, NOW + 80));
	for (unsigned i = 0; i < 20010; i++)
		must(store_nonce(t, str("kid1"), numbered(b, i), NOW + 99));
	must(store_commit(t));
	assert_int_equal(t->max_now, NOW + 80);
	must(store_begin(s));
	for (unsigned i = 0; i < 20010; i++)
		assert_int_equal(store_nonce(s, str("kid1"), numbered(b, i),
		    NOW + 99), FLUFFY_E_REPLAY);
	must(store_commit(s));
	fluffy_store_close(&s);
	fluffy_store_close(&t);
}

/* Pruning between two nonces of one transaction loses neither. */
static void
prune_inside_a_batch(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);

	(void)state;
	must(nonce_once(s, "kid1", "before"));
	must(store_begin(s));
	must(store_nonce(s, str("kid1"), str("one"), NOW + 600));
	must(store_prune(s, NOW));
	refused(store_nonce(s, str("kid1"), str("one"), NOW + 600),
	    FLUFFY_E_REPLAY, "");
	must(store_nonce(s, str("kid1"), str("two"), NOW + 600));
	must(store_commit(s));
	for (int i = 0; i < 2; i++) {
		refused(nonce_once(s, "kid1", "one"), FLUFFY_E_REPLAY, "");
		refused(nonce_once(s, "kid1", "two"), FLUFFY_E_REPLAY, "");
		refused(nonce_once(s, "kid1", "before"), FLUFFY_E_REPLAY, "");
		reopen(&s);
	}
	fluffy_store_close(&s);
}

#define RACERS 8
#define RACE   1000

/* Child: tries all nonces, a few per transaction; writes which it got. */
static void
race(unsigned self, int out)
{
	fluffy_store *s = open_store(0);
	uint8_t b[8], got[RACE] = { 0 };
	unsigned step = 1 + 2 * self;

	for (unsigned i = 0; i < RACE;) {
		unsigned to = i + step < RACE ? i + step : RACE;

		must(store_begin(s));
		for (; i < to; i++) {
			enum fluffy_error e = store_nonce(s, str("kid1"),
			    numbered(b, i), NOW + 600);

			if (e != FLUFFY_E_REPLAY)
				must(e);
			got[i] = e == FLUFFY_OK;
		}
		must(store_commit(s));
	}
	fluffy_store_close(&s);
	_exit(write(out, got, RACE) == RACE ? 0 : 1);
}

static void
eight_processes_share_nonces(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	pid_t pids[RACERS];
	unsigned taken[RACE] = { 0 };
	int ends[2];

	(void)state;
	fluffy_store_close(&s);
	assert_int_equal(pipe(ends), 0);
	for (unsigned i = 0; i < RACERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			race(i, ends[1]);
	}
	(void)close(ends[1]);
	for (unsigned i = 0; i < RACERS; i++) {
		uint8_t got[RACE];

		assert_int_equal(read(ends[0], got, RACE), RACE);
		for (unsigned at = 0; at < RACE; at++)
			taken[at] += got[at];
	}
	for (unsigned i = 0; i < RACERS; i++)
		assert_int_equal(finish(pids[i]), 0);
	(void)close(ends[0]);
	for (unsigned at = 0; at < RACE; at++)
		assert_int_equal(taken[at], 1);
}

/* What was committed before a kill is there; the store opens and goes on. */
static void
killed_process_keeps_its_promises(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	unsigned next = 0;

	(void)state;
	fluffy_store_close(&s);
	for (int round = 0; round < 15; round++) {
		int ends[2];
		pid_t pid;
		unsigned done, last = next;
		uint8_t b[8];

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			s = open_store(0);
			for (unsigned i = next;; i++) {
				must(store_begin(s));
				must(store_nonce(s, str("kid1"),
				    numbered(b, i), NOW + 600));
				must(store_commit(s));
				if (write(ends[1], &i, sizeof(i)) < 0)
					_exit(1);
			}
		}
		(void)close(ends[1]);
		/* however slow it is, it has begun */
		if (read(ends[0], &done, sizeof(done)) > 0)
			last = done + 1;
		(void)usleep((useconds_t)(4000 + 700 * round));
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		while (read(ends[0], &done, sizeof(done)) > 0)
			last = done + 1;
		(void)close(ends[0]);
		s = open_store(0);
		must(store_begin(s));
		for (unsigned i = 0; i < last; i++)
			assert_int_equal(store_nonce(s, str("kid1"),
			    numbered(b, i), NOW), FLUFFY_E_REPLAY);
		store_rollback(s);
		fluffy_store_close(&s);
		next = last + 1;	/* one may be there and not told */
		s = open_store(0);
		must(store_begin(s));
		(void)!store_nonce(s, str("kid1"), numbered(b, last), NOW);
		must(store_commit(s));
		fluffy_store_close(&s);
	}
	assert_true(next > 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(create_is_private_and_whole), T(create_overwrites_nothing),
		T(of_racing_creators_one_wins),
		T(killed_creator_leaves_no_half_store),
		T(names_are_never_uris), T(other_files_are_refused_untouched),
		T(a_store_is_somebodys), T(newer_format_is_refused),
		T(another_journal_mode_is_put_right),
		T(read_only_leaves_nothing), T(read_only_without_rights),
		T(locked_store_says_so), T(changes_need_a_transaction),
		T(a_file_that_lost_its_name_is_not_written),
		T(names_fit_or_are_none),
		T(rollback_restores_everything),
		T(full_disk_fails_the_commit), T(policy_and_clock_are_kept),
		T(nonce_is_taken_once), T(nonces_survive_volume_and_pruning),
		T(prune_inside_a_batch), T(eight_processes_share_nonces),
		T(killed_process_keeps_its_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

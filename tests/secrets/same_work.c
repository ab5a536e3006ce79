/*
 * same_work.c - an unknown kid and a bad seal take the same instructions
 *
 * As many of them, to the last one, for the same messages but for the kid: run
 * by valgrind's callgrind, which counts, once for each class.  What a machine
 * makes of equal instructions is for timing.c.
 *
 * The program runs itself again under valgrind.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "classes.h"

#if !__has_include(<valgrind/callgrind.h>)
#define WHY_NOT "the Debian package valgrind was missing at build"
#elif defined(__SANITIZE_ADDRESS__)
#define WHY_NOT "valgrind can't run what has a sanitizer's memory"
#endif

#ifdef WHY_NOT

int
main(void)
{
	puts("1..0 # SKIP " WHY_NOT);
	return 0;
}

#else

#include <valgrind/callgrind.h>

/* ---- under valgrind ------------------------------------------------------------ */

/* A step that does more for a kid that is known: if that isn't seen, what is? */
static enum fluffy_error
with_a_difference(struct world *w, fluffy_msg *msg, fluffy_bytes *out)
{
	struct secret secret;
	bool found;

	must(w->ctx, store_secret_find(w->skdc, msg->authenticator.kid,
	    &secret, &found));
	if (found)
		secret_wipe(&secret);
	return at_skdc(w, msg, out);
}

static void
take(struct world *w, const struct place *p, enum class class)
{
	for (size_t i = 0; i < KIDS; i++) {
		fluffy_msg *msg = in_class(w, p, i, class);
		fluffy_bytes out;
		enum fluffy_error e;

		CALLGRIND_TOGGLE_COLLECT;
		e = p->take(w, msg, &out);
		CALLGRIND_TOGGLE_COLLECT;
		expect(w, e, FLUFFY_E_AUTH_FAILED);
		wire_free(&out);
		fluffy_msg_free(&msg);
	}
}

/* Dump 1 is of what differs, dump 2 + i of places[i]. */
static void
count_class(enum class class)
{
	for (size_t i = 0; i <= N_PLACES; i++) {
		struct world *w = place_world();
		struct place p = i == 0 ? psk_requests(w) :
		    places[i - 1].make(w);

		if (i == 0)
			p.take = with_a_difference;
		take(w, &p, class);
		CALLGRIND_DUMP_STATS;
		place_end(w, &p);
	}
}

/* ---- the judge ------------------------------------------------------------------- */

static char dir[] = "/tmp/fluffy-work-XXXXXX";

static void
counts_path(char path[100], int class, size_t dump)
{
	if (dump == 0)
		(void)snprintf(path, 100, "%s/%d", dir, class);
	else
		(void)snprintf(path, 100, "%s/%d.%zu", dir, class, dump);
}

static unsigned long
counted(int class, size_t dump)
{
	char path[100], line[4096];
	unsigned long n = 0;
	FILE *f;

	counts_path(path, class, dump);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "totals: %lu", &n);
	assert_int_equal(fclose(f), 0);
	assert_true(n > 0);
	return n;
}

static void
run_class(int class)
{
	char self[4096], option[200] = "--callgrind-out-file=", which[2] = "0";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		_exit(1);
	self[n] = '\0';
	which[0] = (char)(which[0] + class);
	counts_path(option + strlen(option), class, 0);
	(void)execlp("valgrind", "valgrind", "--quiet", "--tool=callgrind",
	    "--collect-atstart=no", option, self, which, (char *)NULL);
	_exit(77);
}

/* false: there is no valgrind. */
static bool
run_classes(void)
{
	int status[2];

	for (int class = 0; class < 2; class++) {
		pid_t pid = fork();

		if (pid == 0)
			run_class(class);
		assert_int_equal(waitpid(pid, &status[class], 0), pid);
		assert_true(WIFEXITED(status[class]));
	}
	assert_int_equal(WEXITSTATUS(status[0]), WEXITSTATUS(status[1]));
	if (WEXITSTATUS(status[0]) == 77)
		return false;
	assert_int_equal(WEXITSTATUS(status[0]), 0);
	return true;
}

static void
remove_counts(void)
{
	char path[100];

	for (int class = 0; class < 2; class++)
		for (size_t i = 0; i <= N_PLACES + 1; i++) {
			counts_path(path, class, i);
			(void)unlink(path);
		}
	(void)rmdir(dir);
}

static void
both_classes_take_the_same_work(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	if (!run_classes()) {
		remove_counts();
		skip();
	}
	assert_true(counted(UNKNOWN_KID, 1) != counted(BAD_SEAL, 1));
	for (size_t i = 0; i < N_PLACES; i++) {
		unsigned long unknown = counted(UNKNOWN_KID, i + 2);
		unsigned long bad = counted(BAD_SEAL, i + 2);

		print_message("# %s: %lu and %lu instructions\n",
		    places[i].what, unknown / KIDS, bad / KIDS);
		assert_true(labs((long)(unknown - bad)) <=
		    (long)places[i].place * (long)KIDS);
	}
	remove_counts();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_classes_take_the_same_work)
	};

	if (argc == 2) {
		count_class((enum class)(argv[1][0] - '0'));
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

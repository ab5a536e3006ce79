/*
 * fault.c - every scene, with every call failing in turn
 *
 * An injection is SCENE:N, the Nth call fails, or SCENE:N+, it fails in another
 * way.  Each is done by a child: the disk, too, is memory.  --only SCENE does
 * all of a scene.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "disk.h"
#include "fault.h"
#include "options.h"

#define SECONDS	   600	/* then it hangs; a machine may be busy */
#define LEAKED	   3	/* exit status of a child */
#define MAX_SCENES 128
#define MAX_CALLS  65536
#define MAX_KNOWN  4096

static struct options options;
static struct score score;

/* What a child tells. */
static struct report {
	size_t calls;
	bool fired, judged;
	uint64_t state;		/* of the disk, when it asked; or 0 */
} *report;

/* OpenSSL's own chance, for key pairs too: the same for every world. */
#define CHANCE_BEFORE 4711
#define CHANCE_AFTER  1147

static uint64_t next;

/* ---- one injection ------------------------------------------------------- */

struct injection {
	const struct tour *tour;
	const struct scene *scene;
	size_t nth;
	bool otherwise;
};

/* Of the scene that is played: where its disk was found good. */
static uint64_t known[MAX_KNOWN];
static size_t n_known;

bool
fault_known(bool finished)
{
	uint64_t state = (disk_digest() ^ next) << 2 |
	    (uint64_t)finished << 1 | 1;

	for (size_t i = 0; i < n_known; i++)
		if (known[i] == state)
			return true;
	report->state = state;
	return false;
}

/* In a child, which ends here: the step has ended with e. */
static void
conclude(const struct injection *x, enum fluffy_error e)
{
	report->calls = fault.disarm(&report->fired);
	/* whatever the step has used of it */
	next = CHANCE_AFTER;
	x->tour->judge(x->scene, e);
	x->tour->take_down();
	report->judged = true;
	if (fault.leaks != NULL && fault.leaks() > 0)
		_exit(LEAKED);
	_exit(0);
}

/* NULL: all promises were kept. */
static const char *
verdict(int status)
{
	static char text[60];

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return "hangs";
	if (WIFSIGNALED(status)) {
		(void)snprintf(text, sizeof(text), "crashes: %s",
		    strsignal(WTERMSIG(status)));
		return text;
	}
	if (WEXITSTATUS(status) == LEAKED)
		return "leaks";
	return report->judged ? NULL : "breaks a promise";
}

/* true in the child; what becomes of it is the parent's *why. */
static bool
in_child(const char **why)
{
	int status = 0;
	pid_t pid;

	memset(report, 0, sizeof(*report));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)alarm(SECONDS);
		return true;
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	*why = verdict(status);
	return false;
}

static void
count(const struct injection *x, bool fired, const char *why)
{
	score.run++;
	score.fired += fired;
	if (why == NULL && !fired)
		why = "never fires";
	if (why == NULL && report->state != 0 && n_known < MAX_KNOWN)
		known[n_known++] = report->state;
	if (why == NULL)
		return;
	score.broken += fired;
	printf("# broken: %s:%zu%s %s; repeat with: %s --only %s:%zu%s\n",
	    x->scene->name, x->nth, x->otherwise ? "+" : "", why,
	    options.program, x->scene->name, x->nth,
	    x->otherwise ? "+" : "");
}

/* ---- choosing ------------------------------------------------------------ */

static uint64_t state;

static size_t
below(size_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (size_t)(state * 0x2545f4914f6cdd1du >> 16) % n;
}

/* So many of that many are drawn: is this one? (Knuth's algorithm S) */
struct draw {
	size_t wanted, left;
};

static bool
drawn(struct draw *draw)
{
	return below(draw->left--) < draw->wanted && draw->wanted-- > 0;
}

static bool
is_only(const struct injection *x)
{
	const char *name = x->scene->name, *rest = options.only;
	char place[40];

	if (strncmp(rest, name, strlen(name)) != 0)
		return false;
	rest += strlen(name);
	(void)snprintf(place, sizeof(place), ":%zu%s", x->nth,
	    x->otherwise ? "+" : "");
	return *rest == '\0' || strcmp(rest, place) == 0;
}

/* Of the scene that is played, by call and way. */
static bool chosen[MAX_CALLS + 1][2];

/* Is there any? */
static bool
choose(struct injection x, size_t calls, struct draw *draw)
{
	bool any = false;

	if (calls > MAX_CALLS)
		abort();
	memset(chosen, 0, sizeof(chosen));
	for (x.nth = 1; x.nth <= calls; x.nth++)
		for (size_t way = 0; way < 2; way++) {
			x.otherwise = way != 0;
			chosen[x.nth][way] = options.only != NULL ?
			    is_only(&x) : drawn(draw);
			any |= chosen[x.nth][way];
		}
	return any;
}

static int
chance(unsigned char *out, int n)
{
	for (int i = 0; i < n; i++) {
		next = next * 6364136223846793005u + 1442695040888963407u;
		out[i] = (unsigned char)(next >> 56);
	}
	return 1;
}

static int
chance_is_there(void)
{
	return 1;
}

static void
fix_chance(void)
{
	static const RAND_METHOD method = { .bytes = chance,
	    .pseudorand = chance, .status = chance_is_there };

	(void)RAND_set_rand_method(&method);
}

/* An assertion outside of cmocka's tests is silent: where was it? */
static void
tell_where(int number)
{
	void *frames[32];

	backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void
be_loud(void)
{
	(void)setenv("CMOCKA_TEST_ABORT", "1", 1);
	(void)signal(SIGABRT, tell_where);
	(void)signal(SIGSEGV, tell_where);
}

/* ---- all of them --------------------------------------------------------- */

static void
stand_up(const struct injection *x)
{
	next = CHANCE_BEFORE;
	x->tour->stand_up();
	x->scene->prepare();
}

static const char *rehearsing;

/* An assertion has ended it. */
static void
tell_rehearsal(void)
{
	if (rehearsing != NULL)
		(void)fprintf(stderr, "in scene %s, and nothing failed\n",
		    rehearsing);
}

/* In health, here: libraries make what they keep, and the scene works. */
static void
rehearse(const struct injection *x)
{
	enum fluffy_error e;
	bool fired;

	rehearsing = x->scene->name;
	stand_up(x);
	fault.arm();
	e = x->scene->act();
	(void)fault.disarm(&fired);
	x->tour->judge(x->scene, e);
	x->tour->take_down();
	rehearsing = NULL;
}

/* In a child. */
static void
act_alone(const struct injection *x)
{
	fault.arm();
	conclude(x, x->scene->act());
}

static size_t
calls_of(const struct injection *x)
{
	const char *why;

	stand_up(x);
	if (in_child(&why))
		act_alone(x);
	x->tour->take_down();
	if (why == NULL)
		return report->calls;
	(void)fprintf(stderr, "%s: %s, and nothing failed\n", x->scene->name,
	    why);
	exit(1);
}

/* It is what fails; NULL: nothing does. */
static struct injection *target;
static bool walking;

bool
fault_turn(size_t nth, bool *otherwise)
{
	const char *why;

	if (target == NULL || nth > MAX_CALLS)
		return false;
	if (!walking) {
		*otherwise = target->otherwise;
		return nth == target->nth;
	}
	target->nth = nth;
	for (size_t way = 0; way < 2; way++) {
		if (!chosen[nth][way])
			continue;
		chosen[nth][way] = false;
		target->otherwise = *otherwise = way != 0;
		if (in_child(&why)) {
			target = NULL;
			return true;
		}
		count(target, true, why);
	}
	return false;
}

/* The step is done once: from each call that fails a child goes on. */
static void
walk(struct injection x)
{
	enum fluffy_error e;
	bool fired;

	stand_up(&x);
	target = &x;
	walking = true;
	fault.arm();
	e = x.scene->act();
	if (target == NULL)
		conclude(&x, e);
	(void)fault.disarm(&fired);
	walking = false;
	target = NULL;
	x.tour->take_down();
}

/* Those that are left, each by itself from the step's beginning on. */
static void
shoot(struct injection x, size_t calls)
{
	bool standing = false;
	const char *why;

	for (x.nth = 1; x.nth <= calls; x.nth++)
		for (size_t way = 0; way < 2; way++) {
			if (!chosen[x.nth][way])
				continue;
			if (!standing)
				stand_up(&x);
			standing = true;
			x.otherwise = way != 0;
			target = &x;
			if (in_child(&why))
				act_alone(&x);
			target = NULL;
			count(&x, report->fired, why);
		}
	if (standing)
		x.tour->take_down();
}

/* Calls something for each scene. */
static void
each_scene(void (*call)(struct injection, size_t, void *), void *arg)
{
	size_t n = 0;

	for (const struct tour *const *tour = fault.tours; *tour != NULL;
	    tour++)
		for (const struct scene *s = (*tour)->scenes;
		    s->name != NULL; s++)
			call((struct injection){ .tour = *tour, .scene = s },
			    n++, arg);
}

struct plan {
	size_t calls[MAX_SCENES], total;
	struct draw draw;
};

static void
rehearse_scene(struct injection x, size_t n, void *arg)
{
	(void)n;
	(void)arg;
	rehearse(&x);
}

static void
plan_scene(struct injection x, size_t n, void *arg)
{
	struct plan *plan = arg;

	if (n == MAX_SCENES)
		abort();
	plan->calls[n] = calls_of(&x);
	plan->total += 2 * plan->calls[n];
	if (options.sample == 0)
		printf("# %s: %zu calls\n", x.scene->name, plan->calls[n]);
}

static void
shoot_scene(struct injection x, size_t n, void *arg)
{
	struct plan *plan = arg;

	if (!choose(x, plan->calls[n], &plan->draw))
		return;
	n_known = 0;
	if (!x.tour->talks)
		walk(x);
	shoot(x, plan->calls[n]);
	if (options.sample == 0)
		printf("# %s is done: %zu run\n", x.scene->name, score.run);
}

int
main(int argc, char **argv)
{
	static struct plan plan;

	options_read(&options, argc, argv);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		return 1;
	state = options.seed * 2 + 1;
	disk_start();
	if (options.only != NULL)
		be_loud();
	fix_chance();
	fault.start(options.only != NULL);
	(void)atexit(tell_rehearsal);
	each_scene(rehearse_scene, NULL);
	tap(fault.rehearsed(), "there is a scene for everything that fails");
	each_scene(plan_scene, &plan);
	plan.draw = (struct draw){ .left = plan.total,
	    .wanted = options.sample > 0 && options.sample < plan.total ?
	    options.sample : plan.total };
	printf("# %zu injections\n", plan.total);
	each_scene(shoot_scene, &plan);
	return options_end(&options, &score);
}

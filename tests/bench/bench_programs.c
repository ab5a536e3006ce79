/*
 * bench_programs.c - what the programs cost
 *
 * The argument is the build directory.  Programs are run as they would be
 * installed, without libtool's scripts around them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../answer.h"
#include "bench.h"
#include "child.h"

#define REQUESTS 100000u
#define TENTH	 10000u
#define DEVICES	 100u
#define STARTS	 41
#define PSK_REP	 347		/* bytes of an answer */

static fluffy_ctx *ctx;

/* ---- running programs ---------------------------------------------------- */

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Waits, and gives the CPU time; the program must have done its work. */
static double
finish(pid_t pid)
{
	struct rusage used;
	int status;

	if (wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		bench_die("a program failed");
	return seconds(used.ru_utime) + seconds(used.ru_stime);
}

static double
time_of(const char *path, char *const argv[], const char *input)
{
	int in = child_open(input, O_RDONLY);
	int out = child_open("/dev/null", O_WRONLY);
	double took = finish(child_start(path, argv, in, out));

	(void)close(in);
	(void)close(out);
	return took;
}

/* ---- a realm ------------------------------------------------------------- */

static fluffy_store *skdc, *client;
static struct secret secrets[DEVICES];

static fluffy_msg *
enrol(unsigned i)
{
	char name[37];
	fluffy_msg *msg;
	struct secret *secret = &secrets[i];

	must(ctx, fluffy_enrol(skdc, bench_name(i, name), NULL, &msg));
	must(ctx, store_secret_by_kid(skdc, msg->keydata->keyid, secret));
	return msg;
}

static void
make_realm(void)
{
	fluffy_msg *msg;
	char name[37], path[100];

	must(ctx, fluffy_store_init(ctx, "skdc.db", "home",
	    bench_name(1000, name), &skdc));
	for (unsigned i = 0; i < DEVICES; i++) {
		msg = enrol(i);
		if (i == 0) {
			must(ctx, fluffy_join(ctx, "client.db", msg));
			must(ctx, fluffy_store_open(ctx, "client.db", 0,
			    &client));
			(void)snprintf(path, sizeof(path), "%s/client.db",
			    child_memory);
			must(ctx, fluffy_join(ctx, path, msg));
		}
		fluffy_msg_free(&msg);
	}
}

/* ---- a request ----------------------------------------------------------- */

static void
save(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(data, 1, n, f) != n || fclose(f) != 0)
		bench_die(path);
}

/* What an answer costs at least; the request becomes a file. */
static struct floor *
ask(const char *path)
{
	char name[37];
	fluffy_psk_params params = { .service = bench_name(1, name) };
	fluffy_msg *req, *rep;
	fluffy_bytes cbor;
	struct floor *floor;

	must(ctx, fluffy_psk_request(client, &params, &req));
	must(ctx, fluffy_skdc_begin(skdc));
	must(ctx, answer_one(skdc, req, &rep));
	must(ctx, fluffy_skdc_commit(skdc));
	must(ctx, fluffy_msg_write(ctx, req, FLUFFY_CBOR, 0, &cbor));
	save(path, cbor.data, cbor.len);
	floor = floor_new(req, rep);
	fluffy_bytes_free(&cbor);
	fluffy_msg_free(&req);
	fluffy_msg_free(&rep);
	return floor;
}

/* ---- fluffy-skdc over a file --------------------------------------------- */

static void
make_requests(const char *path)
{
	struct buffer all = BUFFER((size_t)1 << 25);
	char name[37];

	for (unsigned i = 0; i < REQUESTS; i++)
		bench_request(ctx, &all, &skdc->party, &secrets[i % DEVICES],
		    bench_name((i * 7 + 1) % DEVICES, name), i);
	if (all.failed)
		bench_die("out of memory");
	save(path, all.p, all.n);
	buffer_free(&all);
}

static double
cpu_of(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &t) != 0)
		bench_die("no clock of another process's CPU time");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reads so many answers; false at the end. */
static bool
drain(int fd, size_t answers)
{
	static char buf[65536];
	size_t left = answers * PSK_REP;
	ssize_t n;

	while (left > 0) {
		n = read(fd, buf, left < sizeof(buf) ? left : sizeof(buf));
		if (n <= 0)
			return false;
		left -= (size_t)n;
	}
	return true;
}

/* The answers come through a pipe, so that they can be counted. */
static void
serve(struct floor *floor, const char *requests)
{
	char *argv[] = { (char[]){ "fluffy-skdc" }, (char[]){ "-s" },
	    (char[]){ "skdc.db" }, NULL };
	int in = child_open(requests, O_RDONLY), out[2];
	double floors[ROUNDS], least, at[REQUESTS / TENTH + 1] = { 0 }, whole;
	size_t i;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0)
		bench_die("no pipe");
	for (i = 0; i < ROUNDS / 2; i++)
		floors[i] = floor_run(floor, TENTH) / TENTH;
	pid = child_start(child_program("fluffy-skdc"), argv, in, out[1]);
	(void)close(out[1]);
	for (size_t n = 1; n <= REQUESTS / TENTH; n++) {
		if (!drain(out[0], TENTH))
			bench_die("answers are missing");
		at[n] = cpu_of(pid);
	}
	(void)close(out[0]);
	(void)close(in);
	whole = finish(pid) / REQUESTS;
	for (; i < ROUNDS; i++)
		floors[i] = floor_run(floor, TENTH) / TENTH;
	least = median(floors, ROUNDS);
	bench_head("fluffy-skdc, 100,000 requests at once, on disk");
	bench_print("the crypto of an answer: the floor", least, least, 0);
	bench_print("each of them, durably", whole, least, 8);
	bench_print("each of the first 10,000", at[1] / TENTH, least, 8);
	bench_print("each of the last 10,000",
	    (at[REQUESTS / TENTH] - at[REQUESTS / TENTH - 1]) / TENTH, least,
	    8);
}

/* ---- starting programs --------------------------------------------------- */

static double
time_openssl(void)
{
	char *argv[] = { (char[]){ "openssl" }, (char[]){ "version" }, NULL };

	return time_of("openssl", argv, "/dev/null");
}

static double
time_check(void)
{
	char *argv[] = { (char[]){ "fluffy-msg" }, (char[]){ "--check" },
	    NULL };

	return time_of(child_program("fluffy-msg"), argv, "PSK-REQ.cbor");
}

static double
time_req(const char *store)
{
	char name[37], path[200];
	char *argv[] = { (char[]){ "fluffy-req" }, (char[]){ "-s" }, path,
	    name, NULL };

	(void)bench_name(1, name);
	(void)snprintf(path, sizeof(path), "%s/client.db", store);
	return time_of(child_program("fluffy-req"), argv, "/dev/null");
}

static double
wall(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
start_programs(void)
{
	double openssl[STARTS], check[STARTS], req[STARTS], disk[STARTS];
	double took[STARTS], in_memory[STARTS], floor;

	for (size_t i = 0; i < STARTS; i++) {
		double begin;

		openssl[i] = time_openssl();
		check[i] = time_check();
		begin = wall();
		req[i] = time_req(child_memory);
		in_memory[i] = wall() - begin;
		begin = wall();
		disk[i] = time_req(child_folder);
		took[i] = wall() - begin;
	}
	floor = median(openssl, STARTS);
	bench_head("a program, from start to end");
	bench_print("`openssl version`: the floor", floor, floor, 0);
	bench_print("`fluffy-msg --check`", median(check, STARTS), floor, 1.0);
	bench_print("`fluffy-req`, on a tmpfs", median(req, STARTS), floor,
	    1.5);
	bench_print("`fluffy-req`, on disk", median(disk, STARTS), floor, 0);
	bench_print("its durable commit: time elapsed beyond the tmpfs's",
	    median(took, STARTS) - median(in_memory, STARTS), floor, 0);
}

/* ---- all of it ----------------------------------------------------------- */

int
main(int argc, char **argv)
{
	struct floor *floor;

	child_enter(argc > 1 ? argv[1] : ".");
	if ((ctx = fluffy_ctx_new()) == NULL)
		bench_die("no context");
	make_realm();
	floor = ask("PSK-REQ.cbor");
	start_programs();
	make_requests("requests.cbor");
	serve(floor, "requests.cbor");
	floor_free(floor);
	fluffy_store_close(&client);
	fluffy_store_close(&skdc);
	fluffy_ctx_free(&ctx);
	return 0;
}

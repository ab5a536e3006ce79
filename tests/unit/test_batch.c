/* test_batch.c - fluffy-skdc, when an answer can't be written */
#include "groups.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "../../tools/report.h"
#include "../fuzz/skdc_main.h"

/* ---- what the linker wraps ----------------------------------------------- */

static unsigned failing;	/* this call of fluffy_msg_write, from 1 */

enum fluffy_error __real_fluffy_msg_write(fluffy_ctx *, const fluffy_msg *,
    enum fluffy_format, unsigned, fluffy_bytes *);
enum fluffy_error __wrap_fluffy_msg_write(fluffy_ctx *, const fluffy_msg *,
    enum fluffy_format, unsigned, fluffy_bytes *);

enum fluffy_error
__wrap_fluffy_msg_write(fluffy_ctx *ctx, const fluffy_msg *msg,
    enum fluffy_format format, unsigned flags, fluffy_bytes *out)
{
	if (failing == 0 || --failing > 0)
		return __real_fluffy_msg_write(ctx, msg, format, flags, out);
	*out = (fluffy_bytes){ NULL, 0 };
	return fluffy_fail_memory(ctx);
}

/* ---- the program --------------------------------------------------------- */

static int
file_at(struct world *w, const char *name)
{
	char path[100];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void
serve(struct world *w, unsigned nth, int in, int out, int err)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/skdc.db", w->dir);
	failing = nth;
	if (dup2(in, 0) != 0 || dup2(out, 1) != 1 || dup2(err, 2) != 2)
		_exit(77);
	report_program("fluffy-skdc", NULL);
	skdc_program(w->ctx, path, w->format == FLUFFY_JSON);
	_exit((int)report_status());
}

/* Its status; the nth answer can't be written, 0: all can. */
static int
served(struct world *w, unsigned nth, const struct wires *in,
    struct wires *out)
{
	int fds[] = { file_at(w, "in"), file_at(w, "out"), file_at(w, "err") };
	static uint8_t bytes[65536];
	fluffy_reader *r = fluffy_reader_new(w->ctx);
	fluffy_msg *msg;
	ssize_t n;
	int status;
	pid_t pid;

	for (size_t i = 0; i < in->n; i++)
		assert_int_equal(write(fds[0], in->v[i].data, in->v[i].len),
		    in->v[i].len);
	assert_int_equal(lseek(fds[0], 0, SEEK_SET), 0);
	fluffy_store_close(&w->skdc);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(w, nth, fds[0], fds[1], fds[2]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	n = pread(fds[1], bytes, sizeof(bytes), 0);
	assert_in_range(n, 0, sizeof(bytes) - 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(close(fds[i]), 0);
	assert_non_null(r);
	must(w->ctx, fluffy_reader_push(r, bytes, (size_t)n));
	fluffy_reader_finish(r);
	while (fluffy_reader_next(r, &msg) == FLUFFY_OK) {
		assert_true(out->n < MAX_WIRES);
		out->v[out->n++] = to_wire(w, &msg);
	}
	fluffy_reader_free(&r);
	reopen(w);
	return WEXITSTATUS(status);
}

/* FLUFFY_OK: it isn't an ERROR. */
static enum fluffy_error
error_told(struct world *w, const fluffy_bytes *wire)
{
	fluffy_msg *msg = from_wire(w, wire);
	enum fluffy_error told = fluffy_msg_error(msg);

	fluffy_msg_free(&msg);
	return told;
}

/* ---- tests --------------------------------------------------------------- */

/*
 * Whichever answer of a batch can't be written: nobody is told anything else
 * than "internal", and nothing has happened.
 */
static void
what_cannot_be_told_does_not_happen(void **state)
{
	struct world *w = *state;
	struct wires in = { .n = 3 }, out = { .n = 0 };

	in.v[0] = request(w, SENSOR, "lock");
	in.v[1] = request(w, LAMP, "lock");
	in.v[2] = request(w, LOCK, "sensor");
	for (unsigned nth = 1; nth <= in.n; nth++) {
		assert_int_equal(served(w, nth, &in, &out), FLUFFY_BROKEN);
		assert_int_equal(out.n, in.n);
		for (size_t i = 0; i < out.n; i++)
			assert_int_equal(error_told(w, &out.v[i]),
			    FLUFFY_E_INTERNAL);
		wires_free(&out);
	}
	assert_int_equal(served(w, 0, &in, &out), FLUFFY_DONE);
	assert_int_equal(out.n, in.n);
	for (size_t i = 0; i < out.n; i++)
		assert_int_equal(type_of(w, &out.v[i]), FLUFFY_PSK_REP);
	wires_free(&out);
	wires_free(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(what_cannot_be_told_does_not_happen)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

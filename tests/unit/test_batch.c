/* test_batch.c - fluffy-skdc, when an answer can't be written */
#include "groups.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "../../tools/report.h"
#include "../fuzz/skdc_main.h"

/* ---- what the linker wraps ----------------------------------------------- */

/* Answers of that type, the nth, or all: 0. */
static struct {
	enum fluffy_type type;
	unsigned nth;
} failing;

enum fluffy_error __real_fluffy_msg_write(fluffy_ctx *, const fluffy_msg *,
    enum fluffy_format, unsigned, fluffy_bytes *);
enum fluffy_error __wrap_fluffy_msg_write(fluffy_ctx *, const fluffy_msg *,
    enum fluffy_format, unsigned, fluffy_bytes *);

enum fluffy_error
__wrap_fluffy_msg_write(fluffy_ctx *ctx, const fluffy_msg *msg,
    enum fluffy_format format, unsigned flags, fluffy_bytes *out)
{
	static unsigned n;

	if (failing.type == 0 || fluffy_msg_type(msg) != failing.type ||
	    (failing.nth > 0 && ++n != failing.nth))
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
serve(struct world *w, int in, int out, int err)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/skdc.db", w->dir);
	if (dup2(in, 0) != 0 || dup2(out, 1) != 1 || dup2(err, 2) != 2)
		_exit(77);
	report_program("fluffy-skdc", NULL);
	skdc_program(w->ctx, path, w->format == FLUFFY_JSON);
	_exit((int)report_status());
}

/* Its status.  Answers of that type can't be written: failing. */
static int
served(struct world *w, enum fluffy_type type, unsigned nth,
    const struct wires *in, struct wires *out)
{
	int fds[] = { file_at(w, "in"), file_at(w, "out"), file_at(w, "err") };
	static uint8_t bytes[65536];
	fluffy_reader *r = fluffy_reader_new(w->ctx);
	fluffy_msg *msg;
	enum fluffy_error e;
	ssize_t n;
	int status;
	pid_t pid;

	for (size_t i = 0; i < in->n; i++)
		assert_int_equal(write(fds[0], in->v[i].data, in->v[i].len),
		    in->v[i].len);
	assert_int_equal(lseek(fds[0], 0, SEEK_SET), 0);
	fluffy_store_close(&w->skdc);
	failing.type = type;
	failing.nth = nth;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(w, fds[0], fds[1], fds[2]);
	failing.type = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	n = pread(fds[1], bytes, sizeof(bytes), 0);
	assert_in_range(n, 0, sizeof(bytes) - 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(close(fds[i]), 0);
	assert_non_null(r);
	must(w->ctx, fluffy_reader_push(r, bytes, (size_t)n));
	fluffy_reader_finish(r);
	while ((e = fluffy_reader_next(r, &msg)) == FLUFFY_OK) {
		assert_true(out->n < MAX_WIRES);
		out->v[out->n++] = to_wire(w, &msg);
	}
	assert_int_equal(e, FLUFFY_END);
	fluffy_reader_free(&r);
	reopen(w);
	return WEXITSTATUS(status);
}

static void
assert_told(struct world *w, const fluffy_bytes *wire, enum fluffy_type type,
    enum fluffy_error error)
{
	fluffy_msg *msg = from_wire(w, wire);

	assert_int_equal(fluffy_msg_type(msg), type);
	assert_int_equal(fluffy_msg_error(msg), error);
	fluffy_msg_free(&msg);
}

/* ---- tests --------------------------------------------------------------- */

static struct wires
three_requests(struct world *w)
{
	struct wires in = { .n = 3 };

	in.v[0] = request(w, SENSOR, "lock");
	in.v[1] = request(w, LAMP, "lock");
	in.v[2] = request(w, LOCK, "sensor");
	return in;
}

static void
assert_all(struct world *w, struct wires *out, enum fluffy_type type,
    enum fluffy_error error)
{
	assert_int_equal(out->n, 3);
	for (size_t i = 0; i < out->n; i++)
		assert_told(w, &out->v[i], type, error);
	wires_free(out);
}

/* Nobody is told anything else than "internal", and nothing has happened. */
static void
what_cannot_be_told_does_not_happen(void **state)
{
	struct world *w = *state;
	struct wires in = three_requests(w), out = { .n = 0 };

	assert_int_equal(served(w, FLUFFY_PSK_REP, 0, &in, &out),
	    FLUFFY_BROKEN);
	assert_all(w, &out, FLUFFY_ERROR, FLUFFY_E_INTERNAL);
	assert_int_equal(served(w, 0, 0, &in, &out), FLUFFY_DONE);
	assert_all(w, &out, FLUFFY_PSK_REP, FLUFFY_OK);
	assert_int_equal(served(w, 0, 0, &in, &out), FLUFFY_REFUSED);
	assert_all(w, &out, FLUFFY_ERROR, FLUFFY_E_REPLAY);
	wires_free(&in);
}

/* Whichever of them it was. */
static void
what_fails_once_is_done_again(void **state)
{
	struct world *w = *state;

	for (unsigned nth = 1; nth <= 3; nth++) {
		struct wires in = three_requests(w), out = { .n = 0 };

		assert_int_equal(served(w, FLUFFY_PSK_REP, nth, &in, &out),
		    FLUFFY_BROKEN);
		assert_all(w, &out, FLUFFY_PSK_REP, FLUFFY_OK);
		wires_free(&in);
	}
}

static fluffy_bytes
pair_wire(struct world *w, struct device_store *d)
{
	const fluffy_pkp_params params = { .kty = "OKP", .etype = "EdDSA" };
	fluffy_msg *msg;

	must(w->ctx, fluffy_pkp_request(d->store, &params, &msg));
	return to_wire(w, &msg);
}

static void
one_that_breaks_breaks_no_other(void **state)
{
	struct world *w = *state;
	struct wires in = { .n = 4 }, out = { .n = 0 };

	in.v[0] = gsk_wire(w, SENSOR, &(fluffy_gsk_params){ .group = "den" });
	in.v[1] = pair_wire(w, LAMP);
	in.v[2] = request(w, LOCK, "sensor");
	in.v[3] = request(w, SENSOR, "lock");
	assert_int_equal(served(w, FLUFFY_PKP_REP, 0, &in, &out),
	    FLUFFY_BROKEN);
	assert_int_equal(out.n, 4);
	assert_told(w, &out.v[0], FLUFFY_GSK_REP, FLUFFY_OK);
	assert_told(w, &out.v[1], FLUFFY_ERROR, FLUFFY_E_INTERNAL);
	assert_told(w, &out.v[2], FLUFFY_PSK_REP, FLUFFY_OK);
	assert_told(w, &out.v[3], FLUFFY_PSK_REP, FLUFFY_OK);
	gsk_taken(w, SENSOR, &out.v[0], FLUFFY_GROUP_CREATED);
	wires_free(&out);
	wires_free(&in);

	in = three_requests(w);
	in.n = 4;
	in.v[3] = fetch_wire(w, SENSOR,
	    &(fluffy_fetch_params){ .group = "den" });
	assert_int_equal(served(w, FLUFFY_GSK_DLVR, 0, &in, &out),
	    FLUFFY_BROKEN);
	assert_int_equal(out.n, 4);
	assert_told(w, &out.v[3], FLUFFY_ERROR, FLUFFY_E_INTERNAL);
	wire_free(&out.v[--out.n]);
	assert_all(w, &out, FLUFFY_PSK_REP, FLUFFY_OK);
	wires_free(&in);
}

static void
set_seals(struct world *w, const char *seals)
{
	char sql[60];

	(void)snprintf(sql, sizeof(sql), "UPDATE secret SET seals = %s",
	    seals);
	skdc_sql(w, sql);
}

/* ERRORs without ack, which would be a seal. */
static void
assert_hints(struct world *w, struct wires *out, size_t n,
    enum fluffy_error error)
{
	assert_int_equal(out->n, n);
	for (size_t i = 0; i < n; i++) {
		fluffy_msg *msg = from_wire(w, &out->v[i]);

		assert_false(HAS(msg, L_ack));
		fluffy_msg_free(&msg);
		assert_told(w, &out->v[i], FLUFFY_ERROR, error);
	}
	wires_free(out);
}

/* Section 4: no answer can be sealed any more, so nothing was done. */
static void
a_key_used_up_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	struct wires in = { .n = 2 }, out = { .n = 0 };

	in.v[0] = gsk_wire(w, SENSOR, &(fluffy_gsk_params){ .group = "den" });
	in.v[1] = request(w, LAMP, "lock");
	set_seals(w, "4294967296");
	assert_int_equal(served(w, 0, 0, &in, &out), FLUFFY_BROKEN);
	assert_hints(w, &out, 2, FLUFFY_E_INTERNAL);

	set_seals(w, "0");
	assert_int_equal(served(w, 0, 0, &in, &out), FLUFFY_DONE);
	assert_int_equal(out.n, 2);
	assert_told(w, &out.v[0], FLUFFY_GSK_REP, FLUFFY_OK);
	assert_told(w, &out.v[1], FLUFFY_PSK_REP, FLUFFY_OK);
	gsk_taken(w, SENSOR, &out.v[0], FLUFFY_GROUP_CREATED);
	wires_free(&out);

	/* a refusal is told all the same */
	set_seals(w, "4294967296");
	assert_int_equal(served(w, 0, 0, &in, &out), FLUFFY_REFUSED);
	assert_hints(w, &out, 2, FLUFFY_E_REPLAY);
	wires_free(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(what_cannot_be_told_does_not_happen),
		IN_BOTH(what_fails_once_is_done_again),
		IN_BOTH(one_that_breaks_breaks_no_other),
		IN_BOTH(a_key_used_up_leaves_nothing_behind)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

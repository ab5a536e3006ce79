/*
 * fuzz_stdin.c - what comes to the programs on stdin
 *
 * The first byte chooses the program, the second how it is called, the third
 * the portions in which the rest arrives:
 *  0  fluffy-msg, in any form
 *  1  fluffy-estb with the store of a device
 *  2  fluffy-skdc
 * Whatever the portions, stdout and stderr are the same, and what fluffy-msg
 * writes as messages can be read.
 */
#include "../../tools/device.h"
#include "../../tools/msg-show.h"
#include "programs.h"
#include "skdc_main.h"
#include "stores.h"

static fluffy_store *skdc, *lock;
static char skdc_path[PATH_ROOM], lock_path[PATH_ROOM];

static void
make_stores(void)
{
	fuzz_begin(1);
	skdc = make_skdc();
	lock = make_device(skdc, "lock", NULL);
	fuzz_path(skdc_path, "skdc.db");
	fuzz_path(lock_path, "lock");
	prune_now(skdc);
	prune_now(lock);
}

/* ---- memory -------------------------------------------------------------- */

void *__real_malloc(size_t);
void *__wrap_malloc(size_t);
void __real_free(void *);
void __wrap_free(void *);

static void *room;	/* a capture's: as large as it is it takes time */

void *
__wrap_malloc(size_t n)
{
	if (n != CAPTURE_MAX)
		return __real_malloc(n);
	if (room == NULL)
		room = __real_malloc(n);
	return room;
}

void
__wrap_free(void *p)
{
	if (p != room)
		__real_free(p);
}

/* ---- 0 ------------------------------------------------------------------- */

static enum fluffy_format
written_as(uint8_t how)
{
	static const enum fluffy_format all[] = {
		FLUFFY_JSON, FLUFFY_CBOR, FLUFFY_TEXT, FLUFFY_DIAG
	};

	return all[how % 4];
}

static void
show(uint8_t how)
{
	static const struct option_many none;
	static struct output out;
	struct show s = { .ctx = fuzz_ctx(), .out = &out, .paths = &none,
		.to = written_as(how), .from = (enum capture_form)(how / 4 % 4),
		.check = how / 16 % 8 == 7 };

	if (how / 16 == 1)
		s.expected = FLUFFY_JSON;
	CHECK(output_open(&out, NULL));
	(void)show_file(&s, "-");
	show_end(&s);
	CHECK(output_close(&out));
}

/* The messages in it are read again, and no other. */
static void
check_stream(struct bytes out)
{
	fluffy_reader *r = fluffy_reader_new(fuzz_ctx());
	enum fluffy_error e;
	fluffy_msg *msg;

	CHECK(r != NULL);
	must(fluffy_reader_push(r, out.p, out.n));
	fluffy_reader_finish(r);
	while ((e = fluffy_reader_next(r, &msg)) == FLUFFY_OK)
		fluffy_msg_free(&msg);
	CHECK(e == FLUFFY_END);
	fluffy_reader_free(&r);
}

/* ---- 1, 2 ---------------------------------------------------------------- */

static enum fluffy_error
take_estb(fluffy_store *store, fluffy_msg *msg, fluffy_msg **answer,
    fluffy_outcome *outcome)
{
	static const fluffy_extras extras;

	return fluffy_estb(store, msg, &extras, answer, outcome);
}

static void
estb(uint8_t how)
{
	static const struct device_step step = { take_estb,
	    fluffy_estb_malformed };

	life_begin(lock);
	device_take(fuzz_ctx(), lock_path, how % 2 == 0 ? NULL : "json", &step);
	life_end(lock);
}

static void
serve(uint8_t how)
{
	life_begin(skdc);
	skdc_program(fuzz_ctx(), skdc_path, how % 2 == 1);
	life_end(skdc);
}

/* ---- all ----------------------------------------------------------------- */

static void
call(uint8_t program, uint8_t how, struct bytes in, uint32_t seed)
{
	static void (*const programs[])(uint8_t) = { show, estb, serve };

	fuzz_begin(2);
	program_begin(in, seed);
	programs[program](how);
	program_end();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct buffer out = BUFFER((size_t)1 << 26);
	static struct buffer said = BUFFER((size_t)1 << 26);
	struct feed in = { data, n };
	uint8_t program = (uint8_t)take_upto(&in, 2), how = take(&in);
	uint32_t seed = 1 + take(&in);
	struct bytes all = take_rest(&in);

	if (skdc == NULL)
		make_stores();
	call(program, how, all, 0);
	out.n = said.n = 0;
	buffer_add(&out, program_out().p, program_out().n);
	buffer_add(&said, program_said().p, program_said().n);
	if (program != 0 || written_as(how) <= FLUFFY_CBOR)
		check_stream(program_out());
	call(program, how, all, seed);
	CHECK(bytes_eq(program_out(), buffer_view(&out)));
	CHECK(bytes_eq(program_said(), buffer_view(&said)));
	return 0;
}

/*
 * fault_world.h - the world of unit/world.h under fire
 *
 * Steps that may fail, from bytes to bytes, and the judgement on them.
 */
#ifndef FAULT_WORLD_H
#define FAULT_WORLD_H

#include "../unit/pairs.h"

#include "disk.h"
#include "fault.h"
#include "fault_stores.h"

static struct world *w;
static struct device_store *who;	/* acts */
static fluffy_bytes in;
static struct wires out;

/* ---- the world ----------------------------------------------------------- */

static inline void
stand_up(void)
{
	fluffy_ctx *fresh;

	forget_seals();
	w = world_at(DISK);
	/* not the test's: OpenSSL's, as in a program */
	fresh = fluffy_ctx_new();
	assert_non_null(fresh);
	w->ctx->random = fresh->random;
	fluffy_ctx_free(&fresh);
	who = SENSOR;
}

static inline void
take_down(void)
{
	void *state = w;

	wire_free(&in);
	wires_free(&out);
	(void)world_free(&state);
	disk_clear();
}

/* ---- steps under fire ---------------------------------------------------- */

/* Writes a step's answer. */
static inline enum fluffy_error
put(enum fluffy_error e, fluffy_msg **msg)
{
	enum fluffy_error written;

	if (*msg == NULL)
		return e;
	written = fluffy_msg_write(w->ctx, *msg, w->format, 0,
	    &out.v[out.n]);
	if (written == FLUFFY_OK)
		out.n++;
	fluffy_msg_free(msg);
	return written == FLUFFY_OK ? e : written;
}

/* All of them, or none. */
static inline enum fluffy_error
put_all(enum fluffy_error e, fluffy_msgs *msgs)
{
	size_t n = msgs->n;

	for (size_t i = 0; i < n; i++)
		e = put(e, &msgs->v[i]);
	fluffy_msgs_free(msgs);
	if (out.n < n)
		wires_free(&out);
	return e;
}

static inline enum fluffy_error
get(fluffy_msg **msg)
{
	return fluffy_msg_read(w->ctx, in.data, in.len, msg);
}

/* As fluffy-skdc does it: what can't be written isn't committed. */
static inline enum fluffy_error
act_skdc(void)
{
	fluffy_msgs answers = { NULL, 0 };
	fluffy_msg *msg;
	enum fluffy_error e = get(&msg), done;

	if (e != FLUFFY_OK)
		return e;
	done = fluffy_skdc_begin(w->skdc);
	if (done == FLUFFY_OK) {
		e = fluffy_skdc_answer(w->skdc, msg, &answers);
		done = put_all(FLUFFY_OK, &answers);
		if (done == FLUFFY_OK)
			done = fluffy_skdc_commit(w->skdc);
	}
	if (done != FLUFFY_OK) {
		wires_free(&out);
		fluffy_skdc_broken(w->skdc);
		e = fluffy_skdc_answer(w->skdc, msg, &answers);
		e = put_all(e, &answers);
	}
	fluffy_msg_free(&msg);
	return e == FLUFFY_OK ? done : e;
}

typedef enum fluffy_error device_fn(fluffy_store *, fluffy_msg *,
    const fluffy_extras *, fluffy_msg **, fluffy_outcome *);

static inline enum fluffy_error
act_take(device_fn *take)
{
	fluffy_msg *msg, *answer = NULL;
	enum fluffy_error e = get(&msg);

	if (e == FLUFFY_OK)
		e = take(who->store, msg, &no_params, &answer, &w->outcome);
	fluffy_msg_free(&msg);
	return put(e, &answer);
}

/*
 * A call that fails while a part is opened can't be told from a bad seal, nor
 * one that reads a certificate from a bad one: the text has to say that
 * something isn't shown.
 */
static inline bool
says_what_is_missing(struct bytes text)
{
	return memmem(text.p, text.n, "(closed: ", 9) != NULL ||
	    memmem(text.p, text.n, ", unreadable", 12) != NULL;
}

/* ---- the judgement ------------------------------------------------------- */

/* What a failed step lets out is an ERROR at most. */
static inline void
assert_no_output(void)
{
	for (size_t i = 0; i < out.n; i++)
		assert_int_equal(type_of(w, &out.v[i]), FLUFFY_ERROR);
}

static inline void
close_stores(void)
{
	fluffy_store_close(&w->skdc);
	for (int i = 0; i < N_DEVICES; i++)
		fluffy_store_close(&w->device[i].store);
}

static inline void
look_at_stores(void)
{
	reopen(w);
	assert_intact(w->skdc);
	for (int i = 0; i < N_DEVICES; i++)
		assert_intact(w->device[i].store);
}

static inline enum fluffy_error
act_again(const struct scene *scene)
{
	wires_free(&out);
	return scene->act();
}

static inline void
judge(const struct scene *scene, enum fluffy_error found)
{
	if (found != scene->expected) {
		assert_int_equal(fluffy_why(w->ctx).code, found);
		assert_no_output();
		found = act_again(scene);
	}
	if (found == scene->expected)
		scene->finish();
	else
		expect(w, found, scene->again);
	assert_fresh();
	close_stores();
	if (fault_known(found == scene->expected))
		return;
	look_at_stores();
	expect(w, act_again(scene), scene->again);
	honest(w);
	assert_fresh();
}

#endif

/* fluffy-skdc.c - the SKDC: requests on stdin, answers on stdout */
#include <stdlib.h>

#include "filter.h"
#include "program.h"

static const char *store_path, *encoding;

/* A request and what it gets.  Malformed input has only an answer. */
struct item {
	fluffy_msg *request;
	fluffy_bytes answer;
};

/*
 * The messages that came together.  They share one commit, and none of the
 * answers leaves before it.
 */
struct batch {
	struct item *item;
	size_t count, room;
	bool begun;	/* and not yet committed */
	bool broken;	/* nothing of it is promised */
};

struct server {
	fluffy_ctx *ctx;
	fluffy_store *store;	/* NULL until there is a message */
	struct input in;
	struct output *out;
	struct batch batch;
};

static struct item *
add_item(struct batch *b, fluffy_msg *request)
{
	if (b->count == b->room) {
		size_t room = b->room > 0 ? 2 * b->room : 64;
		struct item *more = reallocarray(b->item, room, sizeof *more);

		if (more == NULL) {
			report_error(FLUFFY_E_MEMORY, "", "out of memory");
			return NULL;
		}
		b->item = more;
		b->room = room;
	}
	b->item[b->count] = (struct item){ .request = request };
	return &b->item[b->count++];
}

static void
clear_batch(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		fluffy_msg_free(&b->item[i].request);
		fluffy_bytes_free(&b->item[i].answer);
	}
	b->count = 0;
	b->begun = b->broken = false;
}

/* Takes the answer. */
static void
keep_answer(struct server *s, struct item *item, fluffy_msg *answer,
    enum fluffy_format format)
{
	enum fluffy_error error;

	if (answer == NULL)
		return;
	error = fluffy_msg_write(s->ctx, answer, format_chosen(encoding,
	    format), 0, &item->answer);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	fluffy_msg_free(&answer);
}

static void
answer(struct server *s, struct item *item, bool report)
{
	fluffy_msg *reply;
	enum fluffy_error error;

	error = fluffy_skdc_answer(s->store, item->request, &reply);
	if (error != FLUFFY_OK && report)
		report_why(s->ctx, error);
	if (reply != NULL && report)
		report_tell("%s is answered with %s",
		    fluffy_type_name(fluffy_msg_type(item->request)),
		    fluffy_type_name(fluffy_msg_type(reply)));
	keep_answer(s, item, reply, fluffy_msg_format(item->request));
}

/* Until the batch has begun no lock is held. */
static void
take_request(struct server *s, fluffy_msg *request)
{
	struct item *item = add_item(&s->batch, request);
	enum fluffy_error error;

	if (item == NULL) {
		fluffy_msg_free(&request);
		return;
	}
	if (!s->batch.begun && !s->batch.broken) {
		error = fluffy_skdc_begin(s->store);
		if (error != FLUFFY_OK)
			report_why(s->ctx, error);
		s->batch.begun = error == FLUFFY_OK;
		s->batch.broken = error != FLUFFY_OK;
	}
	if (s->batch.begun)
		answer(s, item, true);
}

static void
take_malformed(struct server *s)
{
	struct item *item = add_item(&s->batch, NULL);
	fluffy_msg *reply;
	enum fluffy_error error;

	if (item == NULL)
		return;
	error = fluffy_skdc_malformed(s->store, &reply);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	keep_answer(s, item, reply, fluffy_reader_format(s->in.reader));
}

/* More in one commit would save little and take memory. */
#define BATCH_MAX 1024

/*
 * What can be had without waiting, up to a batch; false when nothing can be
 * answered.
 */
static bool
take_at_hand(struct server *s)
{
	enum fluffy_error error;
	fluffy_msg *msg;

	while (s->batch.count < BATCH_MAX &&
	    (error = input_at_hand(&s->in, &msg)) < FLUFFY_MORE) {
		if (error != FLUFFY_OK)
			report_why(s->ctx, error);
		if (s->store == NULL)
			s->store = store_open(s->ctx, store_path, 0);
		if (s->store == NULL) {
			fluffy_msg_free(&msg);
			return false;
		}
		if (error == FLUFFY_OK)
			take_request(s, msg);
		else
			take_malformed(s);
	}
	return true;
}

/* Each request of a batch that is lost learns so. */
static void
answer_again(struct server *s)
{
	fluffy_skdc_broken(s->store);
	for (size_t i = 0; i < s->batch.count; i++) {
		struct item *item = &s->batch.item[i];

		if (item->request == NULL)
			continue;
		fluffy_bytes_free(&item->answer);
		answer(s, item, false);
	}
}

/* Make the batch durable, then write its answers; *full: more may wait. */
static bool
settle(struct server *s, bool *full)
{
	struct batch *b = &s->batch;

	if (b->begun) {
		enum fluffy_error error = fluffy_skdc_commit(s->store);

		if (error != FLUFFY_OK)
			report_why(s->ctx, error);
		b->broken = error != FLUFFY_OK;
	}
	if (b->broken)
		answer_again(s);
	for (size_t i = 0; i < b->count; i++)
		output_put(s->out, b->item[i].answer.data,
		    b->item[i].answer.len);
	*full = b->count == BATCH_MAX;
	clear_batch(b);
	return output_flush(s->out);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	struct server s = { .ctx = ctx, .out = &out };
	bool full = false;

	(void)operands;
	output_open(&out, NULL);
	if (input_open(&s.in, ctx, 0, "stdin"))
		while ((full || input_fill(&s.in)) && take_at_hand(&s) &&
		    settle(&s, &full))
			;
	input_close(&s.in);
	clear_batch(&s.batch);
	free(s.batch.item);
	output_close(&out);
	fluffy_store_close(&s.store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

static const struct command command = {
	"fluffy-skdc", "[-]",
	"Answer the requests on stdin: PSK-REQ gives PSK-REP, or an ERROR.",
	options, run
};

int
main(int argc, char **argv)
{
	return program_main(&command, argc, argv);
}

/* fluffy-skdc.c - the SKDC: requests on stdin, answers on stdout */
#include "program.h"
#include "skdc-batch.h"

static const char *store_path, *encoding;

struct server {
	fluffy_ctx *ctx;
	fluffy_store *store;	/* NULL until there is a message */
	fluffy_msg *next;	/* waits until those before it are settled */
	struct input in;
	struct output *out;
	struct batch batch;
};

static bool
keep_answers(struct server *s, struct item *item, const fluffy_msgs *replies,
    enum fluffy_format format)
{
	return batch_keep(s->ctx, &s->batch, item, replies,
	    format_chosen(encoding, format));
}

/* What nobody can be told of, or is half done, must not happen. */
static void
answer(struct server *s, struct item *item, bool report)
{
	fluffy_msgs replies;
	enum fluffy_error error;
	bool kept;

	error = fluffy_skdc_answer(s->store, item->request, &replies);
	if (error != FLUFFY_OK && report)
		report_why(s->ctx, error);
	for (size_t i = 0; i < replies.n && report; i++)
		report_tell("%s is answered with %s",
		    fluffy_type_name(fluffy_msg_type(item->request)),
		    fluffy_type_name(fluffy_msg_type(replies.v[i])));
	kept = keep_answers(s, item, &replies,
	    fluffy_msg_format(item->request));
	item->told = true;
	if (!kept || fluffy_error_status(error) == FLUFFY_BROKEN)
		s->batch.broken = true;
	fluffy_msgs_free(&replies);
}

/* Until the batch has begun no lock is held. */
static void
begin(struct server *s)
{
	enum fluffy_error error;

	if (s->batch.begun || s->batch.broken)
		return;
	error = fluffy_skdc_begin(s->store);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	s->batch.begun = error == FLUFFY_OK;
	s->batch.broken = error != FLUFFY_OK;
}

static void
take_request(struct server *s, fluffy_msg *request)
{
	struct item *item = batch_add(&s->batch, request);

	if (item == NULL)
		return;
	begin(s);
	if (!s->batch.broken)
		answer(s, item, true);
	/* Nobody's answer shall wait for a key pair. */
	if (fluffy_msg_type(request) == FLUFFY_PKP_REQ)
		s->batch.full = true;
}

static void
take_malformed(struct server *s)
{
	struct item *item = batch_add(&s->batch, NULL);
	fluffy_msg *reply;
	enum fluffy_error error;

	if (item == NULL)
		return;
	error = fluffy_skdc_malformed(s->store, &reply);
	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	(void)keep_answers(s, item, &(fluffy_msgs){ &reply, reply != NULL },
	    fluffy_reader_format(s->in.reader));
	fluffy_msg_free(&reply);
}

/* More in one commit would save little and take memory. */
#define BATCH_MAX   1024
#define BATCH_BYTES ((size_t)1 << 20)	/* of answers */

/* FLUFFY_MORE: the next message has to wait, and the batch is full. */
static enum fluffy_error
next_at_hand(struct server *s, fluffy_msg **msg)
{
	enum fluffy_error error = FLUFFY_OK;

	*msg = s->next;
	s->next = NULL;
	if (*msg == NULL)
		error = input_at_hand(&s->in, msg);
	/* it commits on the way: a batch of its own */
	if (error == FLUFFY_OK && s->batch.count > 0 &&
	    fluffy_msg_type(*msg) == FLUFFY_PKP_REQ) {
		s->next = *msg;
		s->batch.full = true;
		error = FLUFFY_MORE;
	}
	return error;
}

/*
 * What can be had without waiting, up to a batch; false when nothing can be
 * answered.
 */
static bool
take_at_hand(struct server *s)
{
	enum fluffy_error error;
	fluffy_msg *msg;

	while (!s->batch.full &&
	    (error = next_at_hand(s, &msg)) < FLUFFY_MORE) {
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
		if (s->batch.count == BATCH_MAX ||
		    s->batch.bytes > BATCH_BYTES)
			s->batch.full = true;
	}
	return true;
}

static bool
commit(struct server *s)
{
	enum fluffy_error error = fluffy_skdc_commit(s->store);

	if (error != FLUFFY_OK)
		report_why(s->ctx, error);
	return error == FLUFFY_OK;
}

/* Each request of a batch that is lost learns so. */
static void
refuse_all(struct server *s)
{
	fluffy_skdc_broken(s->store);
	for (size_t i = 0; i < s->batch.count; i++) {
		if (s->batch.item[i].request != NULL)
			answer(s, &s->batch.item[i], false);
	}
}

/* A batch of one; what it can't be told is internal.  false: no lock. */
static bool
answer_alone(struct server *s, struct item *item)
{
	s->batch.begun = s->batch.broken = false;
	begin(s);
	if (!s->batch.begun)
		return false;
	answer(s, item, !item->told);
	if (s->batch.broken || !commit(s)) {
		fluffy_skdc_broken(s->store);
		answer(s, item, false);
	}
	return true;
}

/* One of them broke it: the others don't suffer for that. */
static void
answer_each_alone(struct server *s)
{
	struct batch *b = &s->batch;
	bool ok = true;

	fluffy_skdc_broken(s->store);
	for (size_t i = 0; i < b->count; i++) {
		if (b->item[i].request == NULL)
			continue;
		ok = ok && answer_alone(s, &b->item[i]);
		if (!ok) {
			fluffy_skdc_broken(s->store);
			answer(s, &b->item[i], false);
		}
	}
}

/* Make the batch durable, then write its answers; *full: more may wait. */
static bool
settle(struct server *s, bool *full)
{
	struct batch *b = &s->batch;

	if (b->begun && b->broken && b->count > 1)
		answer_each_alone(s);
	else if (b->broken || (b->begun && !commit(s)))
		refuse_all(s);
	for (size_t i = 0; i < b->count; i++)
		item_put(s->out, &b->item[i]);
	*full = b->full;
	batch_clear(b);
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
	fluffy_msg_free(&s.next);
	batch_free(&s.batch);
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
	"Answer the requests on stdin, and take PSK-DELC that devices send.",
	options, run
};

int
main(int argc, char **argv)
{
	return program_main(&command, argc, argv);
}

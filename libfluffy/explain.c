/*
 * explain.c - what a party would make of a message
 *
 * It is the real step that is taken, up to the end of its checks, in a
 * transaction that is rolled back: there is no second list of checks.
 */
#include "dk.h"

/* Section 6: before any other.  "receiver" is behind them. */
static const char *const readings[] = {
	[READ_SIZE] = "size",
	[READ_ENCODING] = "encoding",
	[READ_PVNO] = "pvno",
	[READ_TYPE] = "msg-type",
	[READ_STRUCTURE] = "structure",
	"receiver"
};

#define N_READINGS (READ_STRUCTURE + 1)

static enum fluffy_error
explain_refused(const fluffy_ctx *ctx)
{
	/* a lack of memory says nothing about the message */
	if (fluffy_error_status(ctx->code) != FLUFFY_BROKEN)
		ctx_checked_all(ctx, ctx->refused_type, readings,
		    N_READINGS + 1, ctx->refused_at, ctx->code);
	return ctx->code;
}

static enum fluffy_error
anchor_judge(struct step *step, fluffy_outcome *outcome)
{
	(void)outcome;
	return check_receiver(step, false, "a trust anchor takes no messages");
}

/* As each of them takes a message, but for what is a node's: that prunes
   nothing. */
static enum fluffy_error
judge(struct step *step, fluffy_outcome *outcome)
{
	static judge_fn *const judges[] = {
		[ROLE_SKDC] = skdc_judge,
		[ROLE_DEVICE] = device_judge,
		[ROLE_ANCHOR] = anchor_judge,
		[ROLE_NODE] = node_judge
	};
	fluffy_store *s = step->s;
	enum fluffy_error e = FLUFFY_OK;

	if (s->party.role < ROLE_ANCHOR && step->type != FLUFFY_ENROL)
		e = store_prune(s, step->now);
	s->judging = true;
	if (e == FLUFFY_OK)
		e = judges[s->party.role](step, outcome);
	s->judging = false;
	return e == FLUFFY_END ? FLUFFY_OK : e;
}

enum fluffy_error
fluffy_explain(fluffy_store *s, fluffy_msg *in, fluffy_outcome *outcome)
{
	struct step step;
	enum fluffy_error e;

	memset(outcome, 0, sizeof(*outcome));
	if (in == NULL)
		return explain_refused(s->ctx);
	ctx_checked_all(s->ctx, in->type, readings, N_READINGS, N_READINGS,
	    FLUFFY_OK);
	if ((e = store_begin(s)) != FLUFFY_OK)
		return e;
	step = step_begin(s, in);
	e = judge(&step, outcome);
	step_end(&step);
	store_rollback(s);
	return e;
}

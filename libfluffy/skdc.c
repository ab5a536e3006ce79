/* skdc.c - the whole SKDC as message in, messages out */
#include <openssl/crypto.h>

#include "exchange.h"

/* What an SKDC takes, and who answers it. */
static const struct {
	int64_t type;
	answer_fn *answer;
	bool request;	/* what isn't one never gets an ERROR (section 6) */
} answers[] = {
	{ FLUFFY_PSK_REQ, psk_answer, true },
	{ FLUFFY_PSK_DELC, psk_delc_answer, false },
	{ FLUFFY_GSK_REQ, gsk_answer, true },
	{ FLUFFY_GSK_FET, gsk_fet_answer, true },
	{ FLUFFY_GSK_DELT, gsk_delt_answer, true },
	{ FLUFFY_PKP_REQ, pkp_answer, true }
};

#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* The table's row; N_ANSWERS for what isn't in it. */
static size_t
row_of(int64_t type)
{
	size_t i;

	for (i = 0; i < N_ANSWERS; i++)
		if (answers[i].type == type)
			break;
	return i;
}

static bool
is_request(int64_t type)
{
	size_t row = row_of(type);

	return row < N_ANSWERS && answers[row].request;
}

static enum fluffy_error
check_role(fluffy_store *s)
{
	if (s->party.role == ROLE_SKDC)
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
	    "this store is a device's, not an SKDC's");
}

enum fluffy_error
fluffy_skdc_begin(fluffy_store *s)
{
	enum fluffy_error e;

	s->broken = s->batch_failed = false;
	if ((e = check_role(s)) != FLUFFY_OK ||
	    (e = store_begin(s)) != FLUFFY_OK)
		return e;
	if ((e = store_prune(s, fluffy_now(s->ctx))) != FLUFFY_OK)
		store_rollback(s);
	return e;
}

enum fluffy_error
fluffy_skdc_commit(fluffy_store *s)
{
	/* what a failed request left behind must not be made durable */
	if (s->batch_failed) {
		store_rollback(s);
		return fluffy_fail(s->ctx, FLUFFY_E_STORE, NULL,
		    "a request of this batch failed");
	}
	return store_commit(s);
}

void
fluffy_skdc_broken(fluffy_store *s)
{
	store_rollback(s);
	s->broken = true;
}

static enum fluffy_error
answer(struct step *step, fluffy_msgs *out)
{
	size_t row = row_of(step->msg->type);

	enum fluffy_error e = check_receiver(step, row < N_ANSWERS,
	    "expected a request or PSK-DELC");

	return e == FLUFFY_OK ? answers[row].answer(step, out) : e;
}

enum fluffy_error
skdc_judge(struct step *step, fluffy_outcome *outcome)
{
	fluffy_msgs none = { NULL, 0 };

	(void)outcome;
	return answer(step, &none);
}

static enum fluffy_error
refusal(fluffy_store *s, const struct step *step, enum fluffy_error why,
    fluffy_msgs *out)
{
	fluffy_msg *msg;
	enum fluffy_error e = error_make(s, step, why, &msg);

	return e == FLUFFY_OK ? msgs_add(s->ctx, out, &msg) : e;
}

/*
 * A key that has made all its seals, an answer too large: that isn't a refusal,
 * and what was done for the request must not stay.
 */
static enum fluffy_error
not_usage(fluffy_store *s, enum fluffy_error e)
{
	fluffy_reason why = fluffy_why(s->ctx);

	if (fluffy_error_status(e) != FLUFFY_USAGE)
		return e;
	return fluffy_fail_at(s->ctx, FLUFFY_E_INTERNAL, why.field, "%s",
	    why.text);
}

enum fluffy_error
fluffy_skdc_answer(fluffy_store *s, fluffy_msg *in, fluffy_msgs *out)
{
	struct step step = step_begin(s, in);
	enum fluffy_error e, made = FLUFFY_OK;

	*out = (fluffy_msgs){ NULL, 0 };
	if ((e = check_role(s)) != FLUFFY_OK)
		return e;
	e = not_usage(s, answer(&step, out));
	if (fluffy_error_status(e) == FLUFFY_BROKEN)
		s->batch_failed = true;
	if (e != FLUFFY_OK)
		fluffy_msgs_free(out);
	if (e != FLUFFY_OK && is_request(in->type))
		made = refusal(s, &step, e, out);
	step_end(&step);
	return made == FLUFFY_OK ? e : made;
}

enum fluffy_error
fluffy_skdc_malformed(fluffy_store *s, fluffy_msg **out)
{
	enum fluffy_error e;
	int64_t type = s->ctx->refused_type;

	*out = NULL;
	if ((e = check_role(s)) != FLUFFY_OK)
		return e;
	if (type != 0 && !is_request(type))
		return FLUFFY_OK;
	return error_make(s, NULL, s->ctx->code, out);
}

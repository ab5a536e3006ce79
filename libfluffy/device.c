/* device.c - a device's steps as message in, message out */
#include "exchange.h"

/* Which messages a step takes, and who takes them; ERROR is for all. */
struct taking {
	const char *expected;
	const struct {
		int64_t type;
		take_fn *take;
	} rows[5];	/* type 0 at the end */
};

static const struct taking estb_taking = {
	"expected PSK-REP, PSK-ESTB or PSK-ACK", {
		{ FLUFFY_PSK_REP, psk_rep_take },
		{ FLUFFY_PSK_ESTB, psk_estb_take },
		{ FLUFFY_PSK_ACK, psk_ack_take },
		{ FLUFFY_ERROR, error_take }
	}
}, gsk_taking = {
	"expected GSK-REP, GSK-DLVR or GSK-DELC", {
		{ FLUFFY_GSK_REP, gsk_key_take },
		{ FLUFFY_GSK_DLVR, gsk_key_take },
		{ FLUFFY_GSK_DELC, gsk_delc_take },
		{ FLUFFY_ERROR, error_take }
	}
}, del_taking = {
	"expected PSK-DELT", {
		{ FLUFFY_PSK_DELT, psk_delt_take },
		{ FLUFFY_GSK_DELC, not_addressed },
		{ FLUFFY_ERROR, error_take }
	}
}, pkp_taking = {
	"expected PKP-REP", {
		{ FLUFFY_PKP_REP, pkp_rep_take },
		{ FLUFFY_ERROR, error_take }
	}
};

/* NULL: it takes no such message. */
static take_fn *
taker(const struct taking *taking, int64_t type)
{
	size_t i = 0;

	while (taking->rows[i].type != 0 && taking->rows[i].type != type)
		i++;
	return taking->rows[i].take;
}

static enum fluffy_error
take(struct step *step, const struct taking *taking,
    const fluffy_extras *extras, fluffy_msg **out, fluffy_outcome *outcome)
{
	take_fn *fn = taker(taking, step->type);
	enum fluffy_error e = check_receiver(step, fn != NULL,
	    taking->expected);

	return e == FLUFFY_OK ? fn(step, extras, out, outcome) : e;
}

/* Whatever the device's programs take. */
enum fluffy_error
device_judge(struct step *step, fluffy_outcome *outcome)
{
	static const struct taking *const takings[] = {
	    &estb_taking, &gsk_taking, &del_taking, &pkp_taking };
	static const fluffy_extras none;
	take_fn *fn = NULL;
	fluffy_msg *out = NULL;
	enum fluffy_error e;
	size_t i;

	for (i = 0; i < sizeof(takings) / sizeof(takings[0]) && fn == NULL;
	    i++)
		fn = taker(takings[i], step->type);
	e = check_receiver(step, fn != NULL || step->type == FLUFFY_ENROL,
	    "a device takes none");
	if (e != FLUFFY_OK)
		return e;
	return fn == NULL ? enrol_take(step) :
	    fn(step, &none, &out, outcome);
}

/* All that the step changes is committed together, or nothing of it. */
static enum fluffy_error
take_durably(struct step *step, const struct taking *taking,
    const fluffy_extras *extras, fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e = store_begin(step->s);

	if (e != FLUFFY_OK)
		return e;
	e = store_prune(step->s, step->now);
	if (e == FLUFFY_OK)
		e = take(step, taking, extras, out, outcome);
	if (e == FLUFFY_OK)
		e = store_commit(step->s);
	if (e != FLUFFY_OK)
		store_rollback(step->s);
	return e;
}

static enum fluffy_error
device_step(fluffy_store *s, fluffy_msg *in, const struct taking *taking,
    const fluffy_extras *extras, fluffy_msg **out, fluffy_outcome *outcome)
{
	struct step step = step_begin(s, in);
	enum fluffy_error e;

	*out = NULL;
	memset(outcome, 0, sizeof(*outcome));
	if (s->party.role != ROLE_DEVICE)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "an SKDC's store can't take part in an exchange");
	e = take_durably(&step, taking, extras, out, outcome);
	step_end(&step);
	if (e != FLUFFY_OK) {
		fluffy_msg_free(out);
		memset(outcome, 0, sizeof(*outcome));
	}
	return e;
}

enum fluffy_error
fluffy_estb(fluffy_store *s, fluffy_msg *in, const fluffy_extras *extras,
    fluffy_msg **out, fluffy_outcome *outcome)
{
	enum fluffy_error e, made;

	e = device_step(s, in, &estb_taking, extras, out, outcome);
	if (e == FLUFFY_OK || in->type != FLUFFY_PSK_ESTB ||
	    s->party.role != ROLE_DEVICE)
		return e;
	made = error_make_bare(s, e, out);
	return made == FLUFFY_OK ? e : made;
}

enum fluffy_error
fluffy_estb_malformed(fluffy_store *s, fluffy_msg **out)
{
	int64_t type = s->ctx->refused_type;

	*out = NULL;
	if (type != 0 && type != FLUFFY_PSK_ESTB)
		return FLUFFY_OK;
	return error_make_bare(s, s->ctx->code, out);
}

enum fluffy_error
fluffy_gsk_accept(fluffy_store *s, fluffy_msg *in, fluffy_outcome *outcome)
{
	fluffy_msg *none;

	return device_step(s, in, &gsk_taking, NULL, &none, outcome);
}

enum fluffy_error
fluffy_del_accept(fluffy_store *s, fluffy_msg *in, fluffy_msg **out,
    fluffy_outcome *outcome)
{
	return device_step(s, in, &del_taking, NULL, out, outcome);
}

enum fluffy_error
fluffy_pkp_accept(fluffy_store *s, fluffy_msg *in,
    const fluffy_extras *extras, fluffy_msg **out, fluffy_outcome *outcome)
{
	return device_step(s, in, &pkp_taking, extras, out, outcome);
}

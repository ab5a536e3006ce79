/* device.c - the two kinds of a device's programs: they ask, or they take */
#include "device.h"

/* ---- asking -------------------------------------------------------------- */

static void
ask(fluffy_ctx *ctx, fluffy_store *store, const char *encoding,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msg **))
{
	static struct output out;
	fluffy_msg *msg;
	enum fluffy_error error;

	error = make(store, &msg);
	if (error != FLUFFY_OK) {
		report_why(ctx, error);
		return;
	}
	report_tell("%s is recorded; its answer is awaited",
	    fluffy_type_name(fluffy_msg_type(msg)));
	output_open(&out, NULL);
	emit(ctx, &out, msg, format_made(encoding, &out));
	output_close(&out);
	fluffy_msg_free(&msg);
}

void
device_ask(fluffy_ctx *ctx, const char *store_path, const char *encoding,
    enum fluffy_error (*make)(fluffy_store *, fluffy_msg **))
{
	fluffy_store *store = store_open(ctx, store_path, 0);

	if (store != NULL)
		ask(ctx, store, encoding, make);
	fluffy_store_close(&store);
}

void
extras_seqnum(fluffy_extras *extras, const struct option_number *seqnum)
{
	extras->has_seqnum = seqnum->given;
	extras->seqnum = (uint32_t)seqnum->value;
}

/* ---- taking -------------------------------------------------------------- */

struct device {
	fluffy_ctx *ctx;
	fluffy_store *store;	/* NULL until there is a message */
	struct input in;
	struct output *out;
	const char *encoding;
	const struct device_step *step;
};

/* "received 5f0c.. for group heating until 2026-11-22 18:00Z" */
static void
tell_done(const fluffy_outcome *outcome)
{
	static const struct words {
		const char *done, *peer;
		const char *alone;	/* in place of a peer */
		bool gone;		/* the key's end is of no interest */
	} all[] = {
		[FLUFFY_KEY_RECEIVED] = { "received", " for " },
		[FLUFFY_KEY_ACCEPTED] = { "accepted", " from " },
		[FLUFFY_KEY_ESTABLISHED] = { "established", " with " },
		[FLUFFY_GROUP_CREATED] = { "received", " for group " },
		[FLUFFY_GROUP_JOINED] = { "received", " for group " },
		[FLUFFY_GROUP_DELETED] = { "erased", " of deleted group ",
		    .gone = true },
		[FLUFFY_KEY_ERASED] = { "erased", " of ", .gone = true },
		[FLUFFY_KEY_UNKNOWN] = { "confirmed without having", " of ",
		    .gone = true },
		[FLUFFY_PAIR_RECEIVED] = { "received", " as a key pair for ",
		    " as a key pair" },
		[FLUFFY_PUBLIC_PROVEN] = { "accepted",
		    " as a public key (proven) from " },
		[FLUFFY_PUBLIC_ATTESTED] = { "accepted",
		    " as a public key (attested, not proven) from " },
	};
	const struct words *words = &all[outcome->kind];
	const char *link = outcome->peer[0] != '\0' ? words->peer :
	    words->alone != NULL ? words->alone : "";
	bool until = outcome->endtime != 0 && !words->gone;
	char id[2 * sizeof outcome->keyid + 1], time[24];

	report_say("%s %s%s%s%s%s", words->done,
	    hex_text(outcome->keyid, outcome->keyid_len, id), link,
	    outcome->peer, until ? " until " : "",
	    until ? fluffy_time_text(outcome->endtime, time) : "");
}

static void
tell_outcome(const fluffy_msg *msg, const fluffy_outcome *outcome,
    bool answered)
{
	switch (outcome->kind) {
	case FLUFFY_KEY_ERASED:
	case FLUFFY_KEY_UNKNOWN:
		if (outcome->kind == FLUFFY_KEY_ERASED || answered)
			tell_done(outcome);
		if (!answered)
			report_error(FLUFFY_E_USAGE, "", "no PSK-DELC: this "
			    "device's key has made all the seals that it may; "
			    "it has to be rotated");
		break;
	case FLUFFY_NOTHING:
	case FLUFFY_ERROR_PROVEN:
	case FLUFFY_ERROR_HINT:
		break;
	case FLUFFY_NOT_ADDRESSED:
		report_say("skipped a %s for %s",
		    fluffy_type_name(fluffy_msg_type(msg)),
		    outcome->peer[0] != '\0' ? outcome->peer :
		    "another device");
		break;
	default:
		tell_done(outcome);
	}
}

static void
take(struct device *dev, fluffy_msg *msg, enum fluffy_format format)
{
	fluffy_msg *answer = NULL;
	fluffy_outcome outcome;
	enum fluffy_error error;

	error = dev->step->take(dev->store, msg, &answer, &outcome);
	if (error != FLUFFY_OK)
		report_why(dev->ctx, error);
	if (answer != NULL)
		report_tell("%s is answered with %s",
		    fluffy_type_name(fluffy_msg_type(msg)),
		    fluffy_type_name(fluffy_msg_type(answer)));
	if (!pass_error(dev->ctx, dev->out, msg,
	    report_worth(error, outcome.kind), format) &&
	    (answer == NULL || emit(dev->ctx, dev->out, answer, format)) &&
	    error == FLUFFY_OK)
		tell_outcome(msg, &outcome, answer != NULL);
	fluffy_msg_free(&answer);
}

/* The next stage shall learn the cause. */
static void
refuse(struct device *dev)
{
	fluffy_msg *answer;
	enum fluffy_error error;

	if (dev->step->malformed == NULL)
		return;
	error = dev->step->malformed(dev->store, &answer);
	if (error != FLUFFY_OK)
		report_why(dev->ctx, error);
	else if (answer != NULL)
		emit(dev->ctx, dev->out, answer, format_chosen(dev->encoding,
		    fluffy_reader_format(dev->in.reader)));
	fluffy_msg_free(&answer);
}

static void
take_all(struct device *dev, const char *store_path)
{
	enum fluffy_error error;
	fluffy_msg *msg;

	while ((error = input_next(&dev->in, &msg)) != FLUFFY_END) {
		if (error != FLUFFY_OK)
			report_why(dev->ctx, error);
		if (dev->store == NULL)
			dev->store = store_open(dev->ctx, store_path, 0);
		if (dev->store != NULL && error == FLUFFY_OK)
			take(dev, msg, format_chosen(dev->encoding,
			    fluffy_msg_format(msg)));
		else if (dev->store != NULL)
			refuse(dev);
		fluffy_msg_free(&msg);
		if (dev->store == NULL || dev->out->failed)
			break;
	}
}

void
device_take(fluffy_ctx *ctx, const char *store_path, const char *encoding,
    const struct device_step *step)
{
	static struct output out;
	struct device dev = { .ctx = ctx, .out = &out, .encoding = encoding,
		.step = step };

	output_open(&out, NULL);
	if (input_open(&dev.in, ctx, 0, "stdin"))
		take_all(&dev, store_path);
	input_close(&dev.in);
	output_close(&out);
	fluffy_store_close(&dev.store);
}

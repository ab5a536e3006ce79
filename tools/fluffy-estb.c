/* fluffy-estb.c - a device's steps: PSK-REP, PSK-ESTB and PSK-ACK */
#include "filter.h"
#include "program.h"

static const char *store_path, *encoding;
static fluffy_estb_params params;
static struct option_number seqnum;

struct device {
	fluffy_ctx *ctx;
	fluffy_store *store;	/* NULL until there is a message */
	struct input in;
	struct output *out;
};

static void
tell_outcome(const fluffy_outcome *outcome)
{
	static const struct {
		const char *done, *peer;
	} words[] = {
		[FLUFFY_KEY_RECEIVED] = { "received", "for" },
		[FLUFFY_KEY_ACCEPTED] = { "accepted", "from" },
		[FLUFFY_KEY_ESTABLISHED] = { "established", "with" },
	};
	char id[2 * sizeof outcome->keyid + 1], until[24];

	if (outcome->kind == FLUFFY_NOTHING ||
	    outcome->kind >= FLUFFY_ERROR_PROVEN)
		return;
	report_say("%s %s %s %s until %s", words[outcome->kind].done,
	    hex_text(outcome->keyid, outcome->keyid_len, id),
	    words[outcome->kind].peer, outcome->peer,
	    fluffy_time_text(outcome->endtime, until));
}

/* A PSK-ESTB that is refused has both, an answer and an error. */
static void
step(struct device *dev, fluffy_msg *msg, enum fluffy_format format)
{
	fluffy_msg *answer;
	fluffy_outcome outcome;
	enum fluffy_error error;

	error = fluffy_estb(dev->store, msg, &params, &answer, &outcome);
	if (error != FLUFFY_OK)
		report_why(dev->ctx, error);
	if (answer != NULL)
		report_tell("%s is answered with %s",
		    fluffy_type_name(fluffy_msg_type(msg)),
		    fluffy_type_name(fluffy_msg_type(answer)));
	if (!pass_error(dev->ctx, dev->out, msg,
	    error == FLUFFY_OK && outcome.kind == FLUFFY_ERROR_PROVEN ?
	    "proven" : "hint, not authenticated", format) &&
	    (answer == NULL || emit(dev->ctx, dev->out, answer, format)) &&
	    error == FLUFFY_OK)
		tell_outcome(&outcome);
	fluffy_msg_free(&answer);
}

/* The next stage shall learn the cause. */
static void
refuse(struct device *dev)
{
	fluffy_msg *answer;
	enum fluffy_error error;

	error = fluffy_estb_malformed(dev->store, &answer);
	if (error != FLUFFY_OK)
		report_why(dev->ctx, error);
	else if (answer != NULL)
		emit(dev->ctx, dev->out, answer, format_chosen(encoding,
		    fluffy_reader_format(dev->in.reader)));
	fluffy_msg_free(&answer);
}

static void
serve(struct device *dev)
{
	enum fluffy_error error;
	fluffy_msg *msg;

	while ((error = input_next(&dev->in, &msg)) != FLUFFY_END) {
		if (error != FLUFFY_OK)
			report_why(dev->ctx, error);
		if (dev->store == NULL)
			dev->store = store_open(dev->ctx, store_path, 0);
		if (dev->store != NULL && error == FLUFFY_OK)
			step(dev, msg,
			    format_chosen(encoding, fluffy_msg_format(msg)));
		else if (dev->store != NULL)
			refuse(dev);
		fluffy_msg_free(&msg);
		if (dev->store == NULL || dev->out->failed)
			break;
	}
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	struct device dev = { .ctx = ctx, .out = &out };

	(void)operands;
	params.has_seqnum = seqnum.given;
	params.seqnum = (uint32_t)seqnum.value;
	output_open(&out, NULL);
	if (input_open(&dev.in, ctx, 0, "stdin"))
		serve(&dev);
	input_close(&dev.in);
	output_close(&out);
	fluffy_store_close(&dev.store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_SEQNUM(&seqnum),
	OPTION_CKSUM(&params.cksum),
	OPTION_EXT(&params.ext),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

static const struct command command = {
	"fluffy-estb", "[-]",
	"Take PSK-REP, PSK-ESTB and PSK-ACK from stdin; write what follows.",
	options, run
};

int
main(int argc, char **argv)
{
	return program_main(&command, argc, argv);
}

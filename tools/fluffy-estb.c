/* fluffy-estb.c - a device's steps: PSK-REP, PSK-ESTB and PSK-ACK */
#include "device.h"
#include "program.h"

static const char *store_path, *encoding;
static fluffy_extras extras;
static struct option_number seqnum;

static enum fluffy_error
take(fluffy_store *store, fluffy_msg *in, fluffy_msg **answer,
    fluffy_outcome *outcome)
{
	return fluffy_estb(store, in, &extras, answer, outcome);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static const struct device_step step = { take, fluffy_estb_malformed };

	(void)operands;
	extras_seqnum(&extras, &seqnum);
	device_take(ctx, store_path, encoding, &step);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_EXTRAS(&extras, &seqnum),
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

/* fluffy-req.c - ask for a session key: a PSK-REQ on stdout */
#include "device.h"
#include "program.h"

static const char *store_path, *encoding;
static fluffy_psk_params params;
static struct option_number seqnum;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_psk_request(store, &params, msg);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	params.service = operands[0];
	extras_seqnum(&params.extras, &seqnum);
	device_ask(ctx, store_path, encoding, make);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "realm", 0, "REALM", "the service's realm, if not the SKDC's",
	  .text = &params.realm },
	{ "etype", 0, "ALG[,ALG]", "the session key's algorithm, best first",
	  .text = &params.etype },
	{ "cpac", 0, "JSON", "authorization data for the service",
	  .text = &params.cpac },
	OPTION_EXTRAS(&params.extras, &seqnum),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

static const struct command command = {
	"fluffy-req", "SERVICE",
	"Ask the SKDC for a session key with SERVICE: writes a PSK-REQ.",
	options, run
};

int
main(int argc, char **argv)
{
	return program_main(&command, argc, argv);
}

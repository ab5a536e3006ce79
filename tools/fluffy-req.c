/* fluffy-req.c - ask for a session key: a PSK-REQ on stdout */
#include "filter.h"
#include "program.h"

static const char *store_path, *encoding;
static fluffy_psk_params params;
static struct option_number seqnum;

/* To a terminal JSON, which doesn't upset it. */
static void
request(fluffy_ctx *ctx, fluffy_store *store, struct output *out)
{
	fluffy_msg *msg;
	enum fluffy_error error;

	error = fluffy_psk_request(store, &params, &msg);
	if (error != FLUFFY_OK) {
		report_why(ctx, error);
		return;
	}
	report_tell("asked for a key with %s; the answer is awaited",
	    params.service);
	emit(ctx, out, msg, format_chosen(encoding,
	    output_is_terminal(out) ? FLUFFY_JSON : FLUFFY_CBOR));
	fluffy_msg_free(&msg);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	fluffy_store *store;

	params.service = operands[0];
	params.has_seqnum = seqnum.given;
	params.seqnum = (uint32_t)seqnum.value;
	store = store_open(ctx, store_path, 0);
	if (store == NULL)
		return;
	output_open(&out, NULL);
	request(ctx, store, &out);
	output_close(&out);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "realm", 0, "REALM", "the service's realm, if not the SKDC's",
	  .text = &params.realm },
	{ "etype", 0, "ALG[,ALG]", "the session key's algorithm, best first",
	  .text = &params.etype },
	{ "cpac", 0, "JSON", "authorization data for the service",
	  .text = &params.cpac },
	OPTION_SEQNUM(&seqnum),
	OPTION_CKSUM(&params.cksum),
	OPTION_EXT(&params.ext),
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

/* gsk-request.c - request and renew: the owner's GSK-REQ on stdout */
#include "gsk.h"

#define MAX_LIFETIME 9007199254740991u	/* the SKDC cuts it (section 6) */

static const char *store_path, *encoding;
static fluffy_gsk_params params;
static struct option_number lifetime, seqnum;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_gsk_request(store, &params, msg);
}

static void
request(fluffy_ctx *ctx, char **operands)
{
	if (params.grppac != NULL && (params.members != NULL || lifetime.given))
		OPTIONS_WRONG("--grppac", "not together with %s, its member",
		    params.members != NULL ? "--members" : "--lifetime");
	if (report_status() != FLUFFY_DONE)
		return;
	params.group = operands[0];
	params.lifetime = lifetime.value;
	extras_seqnum(&params.extras, &seqnum);
	device_ask(ctx, store_path, encoding, make);
}

static void
renew(fluffy_ctx *ctx, char **operands)
{
	params.renew = true;
	request(ctx, operands);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	OPTION_GROUP_REALM(&params.realm),
	{ "members", 0, "any|A,B", "who may fetch the key, or everybody",
	  .text = &params.members },
	{ "lifetime", 0, "S", "seconds for which a key of it is good",
	  .number = &lifetime, .min = 1, .max = MAX_LIFETIME },
	{ "grppac", 0, "JSON", "all permissions, in place of these two",
	  .text = &params.grppac },
	{ "etype", 0, "ALG[,ALG]", "the group key's algorithm, best first",
	  .text = &params.etype },
	OPTION_EXTRAS(&params.extras, &seqnum),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command gsk_request = {
	"request", "GROUP",
	"Ask the SKDC to make GROUP and its key: writes a GSK-REQ.",
	options, request
};

const struct command gsk_renew = {
	"renew", "GROUP",
	"Ask for a new key of GROUP, by its owner: writes a GSK-REQ.",
	options, renew
};

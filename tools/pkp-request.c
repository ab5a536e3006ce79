/* pkp-request.c - ask for a public key pair: a PKP-REQ on stdout */
#include "pkp.h"

static const char *store_path, *encoding;
static fluffy_pkp_params params;
static struct option_number seqnum;

static enum fluffy_error
make(fluffy_store *store, fluffy_msg **msg)
{
	return fluffy_pkp_request(store, &params, msg);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	(void)operands;
	if (params.realm != NULL && params.service == NULL) {
		OPTIONS_WRONG("--realm", "only together with --for");
		return;
	}
	params.cert = params.cert || params.cert_chain;
	extras_seqnum(&params.extras, &seqnum);
	device_ask(ctx, store_path, encoding, make);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "kty", 0, "KTY", "the key's type", .words = "EC|OKP|RSA",
	  .needed = true, .text = &params.kty },
	{ "alg", 0, "ALG[,ALG]", "the key's algorithm, best first",
	  .needed = true, .text = &params.etype },
	{ "for", 0, "SERVICE", "who gets the public key",
	  .text = &params.service },
	{ "realm", 0, "REALM", "the service's realm, if not the SKDC's",
	  .text = &params.realm },
	{ "cert", 0, NULL, "with a certificate", .flag = &params.cert },
	{ "cert-chain", 0, NULL, "with a certificate and its issuers'",
	  .flag = &params.cert_chain },
	{ "cpac", 0, "JSON", "authorization data for the service",
	  .text = &params.cpac },
	OPTION_EXTRAS(&params.extras, &seqnum),
	OPTION_ENCODING(&encoding),
	{ NULL }
};

const struct command pkp_request = {
	"request", "", "Ask the SKDC for a key pair: writes a PKP-REQ.",
	options, run
};

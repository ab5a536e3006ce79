/* key-ca.c - show or set where an SKDC's certificates come from */
#include "key.h"

static const char *store_path, *cert, *key, *url, *ref, *secret, *x5u;
static bool none;

static void
print_line(FILE *out, const char *name, const char *value)
{
	if (value != NULL)
		fprintf(out, "%s: %s\n", name, value);
}

static void
print(FILE *out, const fluffy_ca *ca)
{
	const char *way = ca->url != NULL ? "cmp" : "files";

	print_line(out, "ca", ca->cert == NULL ? "none" : way);
	print_line(out, "cert", ca->cert);
	print_line(out, "key", ca->key);
	print_line(out, "cmp", ca->url);
	print_line(out, "ref", ca->ref);
	print_line(out, "secret", ca->secret);
	print_line(out, "x5u", ca->x5u);
}

static void
show(fluffy_ctx *ctx, fluffy_store *store)
{
	static struct output out;
	struct text text;
	fluffy_ca ca;
	fluffy_bytes memory;
	enum fluffy_error error;

	error = fluffy_ca_get(store, &ca, &memory);
	if (error != FLUFFY_OK) {
		report_why(ctx, error);
		return;
	}
	if (output_open(&out, NULL) && text_open(&text)) {
		print(text.stream, &ca);
		text_close(&text, &out);
	}
	output_close(&out);
	fluffy_bytes_free(&memory);
}

static void
change(fluffy_ctx *ctx, fluffy_store *store)
{
	const fluffy_ca ca = {
		.cert = cert,
		.key = key,
		.url = url,
		.ref = ref,
		.secret = secret,
		.x5u = x5u,
	};
	enum fluffy_error error = fluffy_ca_set(store, &ca);

	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		report_say("changed");
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	bool sets = cert != NULL || key != NULL || url != NULL ||
	    ref != NULL || secret != NULL || x5u != NULL;
	bool changes = sets || none;
	fluffy_store *store;

	(void)operands;
	if (sets && none) {
		report_error(FLUFFY_E_USAGE, "--none",
		    "not together with what sets a CA");
		return;
	}
	store = store_open(ctx, store_path, changes ? 0 : FLUFFY_READ_ONLY);
	if (store != NULL && changes)
		change(ctx, store);
	else if (store != NULL)
		show(ctx, store);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "cert", 0, "FILE", "the CA's certificate, then its issuers' (PEM)",
	  .file = true, .text = &cert },
	{ "key", 0, "FILE", "the CA's private key: the SKDC signs (PEM)",
	  .file = true, .text = &key },
	{ "cmp", 0, "URL", "http://HOST[:PORT]/PATH of a CA that speaks CMP",
	  .text = &url },
	{ "ref", 0, "NAME", "CMP: the name of the shared secret",
	  .text = &ref },
	{ "secret", 0, "FILE", "CMP: the file with the shared secret",
	  .file = true, .text = &secret },
	{ "x5u", 0, "URI", "put this beside every certificate",
	  .text = &x5u },
	{ "none", 0, NULL, "there is no CA any more", .flag = &none },
	{ NULL }
};

const struct command key_ca = {
	"ca", "", "Show or set where certificates come from.", options, run
};

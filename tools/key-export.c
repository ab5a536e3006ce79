/* key-export.c - the explicit way to get a key out of a store */
#include <string.h>

#include "key.h"

static const char *store_path, *as_text, *use, *output_path;

/* In the order of enum fluffy_export_as. */
#define FORMS "keydata|jwk|cose-key|hex|openssl-psk|pem|der"

static enum fluffy_export_as
find_form(const char *name)
{
	static const char *const names[] = {
		[FLUFFY_AS_KEYDATA] = "keydata",
		[FLUFFY_AS_JWK] = "jwk",
		[FLUFFY_AS_COSE_KEY] = "cose-key",
		[FLUFFY_AS_HEX] = "hex",
		[FLUFFY_AS_OPENSSL_PSK] = "openssl-psk",
		[FLUFFY_AS_PEM] = "pem",
		[FLUFFY_AS_DER] = "der",
	};
	size_t i = 0;

	while (strcmp(names[i], name) != 0)	/* the parser knows them */
		i++;
	return (enum fluffy_export_as)i;
}

static bool
is_text(enum fluffy_export_as as)
{
	return as != FLUFFY_AS_COSE_KEY && as != FLUFFY_AS_DER;
}

static void
export(fluffy_ctx *ctx, fluffy_store *store, const struct keyid *keyid)
{
	static struct output out;
	enum fluffy_export_as as = find_form(as_text);
	fluffy_bytes key;
	enum fluffy_error error;

	error = fluffy_export(store, keyid->id, keyid->len, as, use, &key);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else if (output_open(&out, output_path)) {
		output_put(&out, key.data, key.len);
		if (is_text(as) && key.len > 0 &&
		    key.data[key.len - 1] != '\n')
			output_put(&out, "\n", 1);
		output_close(&out);
	}
	fluffy_bytes_free(&key);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	fluffy_store *store;
	struct keyid keyid;

	if (!keyid_take(ctx, "KEYID", operands[0], &keyid))
		return;
	store = store_open(ctx, store_path, FLUFFY_READ_ONLY);
	if (store != NULL)
		export(ctx, store, &keyid);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "as", 0, "FORM", "how", .words = FORMS, .needed = true,
	  .text = &as_text },
	{ "use", 0, "NAME", "derive a key for an application of this name",
	  .text = &use },
	OPTION_OUTPUT(&output_path),
	{ NULL }
};

const struct command key_export = {
	"export", "KEYID", "Write the key called KEYID, in the clear.",
	options, run
};

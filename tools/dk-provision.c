/* dk-provision.c - trust anchor: a key for a resource server, as DK-PROV */
#include <string.h>

#include "dk.h"

static const char *store_path, *import_path, *bits;
static fluffy_dk_provision_params params;
static struct dk_output how;

#define KEY_MAX 32

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hex and, at the end, white space.  0: it isn't that, or too much. */
static size_t
hex_read(const struct dk_file *file, uint8_t key[KEY_MAX])
{
	size_t len = file->len;

	while (len > 0 && memchr(" \t\r\n", file->data[len - 1], 4) != NULL)
		len--;
	if (len % 2 != 0 || len > 2 * KEY_MAX)
		return 0;
	for (size_t i = 0; i < len; i += 2) {
		int high = digit(file->data[i]), low = digit(file->data[i + 1]);

		if (high < 0 || low < 0)
			return 0;
		key[i / 2] = (uint8_t)(high << 4 | low);
	}
	return len / 2;
}

static bool
import(uint8_t key[KEY_MAX])
{
	struct dk_file file = { 0 };
	bool ok = dk_read(&file, import_path, DK_KEY_MAX);

	params.key = key;
	params.key_len = ok ? hex_read(&file, key) : 0;
	dk_free(&file);
	if (ok && params.key_len != 16 && params.key_len != 32)
		report_error(FLUFFY_E_USAGE, "--import",
		    "expected 16 or 32 bytes in hex");
	return report_status() == FLUFFY_DONE;
}

static struct dk_before before;

static void
tell(const fluffy_dk_summary *s)
{
	report_say("provisioned %s for %s%s", s->rs, s->ta, before.known ?
	    ", in place of the key before" : "");
}

/* The file comes first: the key before is gone when a new one is made. */
static void
provision(fluffy_ctx *ctx)
{
	static struct output out;
	fluffy_msg *msg = NULL;
	enum fluffy_error error;

	if (!output_open(&out, how.path))
		return;
	before.rs = params.rs;
	dk_look(ctx, store_path, &before);
	error = fluffy_dk_provision(ctx, store_path, &params, &msg);
	if (error != FLUFFY_OK) {
		dk_why(ctx, error, "--import");
		output_close(&out);
	} else if (!dk_deliver(ctx, &out, &how, msg, tell))
		report_error(FLUFFY_E_SYSTEM, "",
		    "the key of %s didn't arrive: provision it again",
		    params.rs);
	fluffy_msg_free(&msg);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	uint8_t key[KEY_MAX];

	params.rs = operands[0];
	if (bits != NULL)
		params.bits = strcmp(bits, "128") == 0 ? 128 : 256;
	if (import_path == NULL || import(key))
		provision(ctx);
	explicit_bzero(key, sizeof key);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "ta", 0, "NAME", "the trust anchor's name; \"TA\" by default",
	  .text = &params.ta },
	{ "bits", 0, "BITS", "the key's length (128)",
	  .words = "128|256", .text = &bits },
	{ "import", 0, "FILE", "not a new key but this one, in hex",
	  .file = true, .text = &import_path },
	OPTION_DOCUMENT(&how),
	{ NULL }
};

const struct command dk_provision = {
	"provision", "RS",
	"TA: make a key for RS, and the store if need be: writes DK-PROV.",
	options, run
};

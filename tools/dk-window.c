/* dk-window.c - any party: its numbers, what is used and revoked of them */
#include <jansson.h>
#include <string.h>

#include "dk.h"
#include "listing.h"
#include "table.h"

#define LINE 64		/* bits of a window in one line */

static const char *store_path;
static bool json;

static bool
is_client(const fluffy_dk_entry *e)
{
	return strcmp(e->role, "client") == 0;
}

static bool
is_server(const fluffy_dk_entry *e)
{
	return strcmp(e->role, "resource-server") == 0;
}

/* Numbers are given out, and taken, from 1 to 2^32 - 1. */
static double
used(const fluffy_dk_entry *e)
{
	return (double)e->number / UINT32_MAX;
}

static char
bit(const fluffy_dk_entry *e, unsigned i)
{
	return (e->bits[i / 8] >> (i % 8) & 1) != 0 ? '1' : '0';
}

static int
added(bool ok)
{
	if (!ok)
		report_error(FLUFFY_E_MEMORY, "", "out of memory");
	return ok ? 0 : 1;
}

/* ---- text ---------------------------------------------------------------- */

/* "revoked 2, 5, 9 and 12 more" */
static void
describe_revoked(const fluffy_dk_entry *e, char *text, size_t size)
{
	size_t shown = e->n_revoked < 4 ? e->n_revoked : 4;
	int at = 0;

	*text = '\0';
	for (size_t i = 0; i < shown; i++)
		at += snprintf(text + at, size - (size_t)at, "%s %" PRIu32,
		    i == 0 ? "revoked" : ",", e->revoked[i]);
	if (shown < e->n_revoked)
		snprintf(text + at, size - (size_t)at, " and %zu more",
		    e->n_revoked - shown);
}

/* Up to LINE bits from the i-th on, in groups of 8. */
static void
describe_bits(const fluffy_dk_entry *e, unsigned i, char *text)
{
	for (unsigned end = i + LINE; i < end && i < e->window; i++) {
		if (i % LINE != 0 && i % 8 == 0)
			*text++ = ' ';
		*text++ = bit(e, i);
	}
	*text = '\0';
}

static bool
add_more_bits(struct table *table, const fluffy_dk_entry *e)
{
	char bits[LINE + LINE / 8];
	const char *cell[TABLE_CELLS] = { [TABLE_CELLS - 1] = bits };
	bool ok = true;

	for (unsigned i = LINE; ok && i < e->window; i += LINE) {
		describe_bits(e, i, bits);
		ok = table_add(table, cell);
	}
	return ok;
}

static int
add_row(void *arg, const fluffy_dk_entry *e)
{
	char pair[520], keyid[2 * 4 + 1] = "", number[32], share[32] = "";
	char revoked[80], bits[LINE + LINE / 8];
	const char *cell[TABLE_CELLS] = { e->role, pair, keyid, number, share,
		is_client(e) ? e->mode : revoked };

	snprintf(pair, sizeof pair, "%s/%s", e->ta, e->rs);
	snprintf(number, sizeof number, "%s %" PRIu32,
	    is_client(e) ? "number" : is_server(e) ? "right edge" : "issued",
	    e->number);
	describe_revoked(e, revoked, sizeof revoked);
	if (!is_client(e)) {
		hex_text(e->keyid, sizeof e->keyid, keyid);
		snprintf(share, sizeof share, "%.4f %% used", 100 * used(e));
	}
	if (is_server(e)) {
		describe_bits(e, 0, bits);
		cell[TABLE_CELLS - 1] = bits;
	} else
		cell[TABLE_CELLS - 1] = is_client(e) ? e->client :
		    e->trusted ? "public key known" : NULL;
	return added(table_add(arg, cell) &&
	    (!is_server(e) || add_more_bits(arg, e)));
}

static enum fluffy_error
write_text(fluffy_store *store, FILE *out)
{
	struct table table = { 0 };
	enum fluffy_error error = fluffy_dk_list(store, add_row, &table);

	if (error == FLUFFY_OK)
		table_print(out, &table);
	table_free(&table);
	return error;
}

/* ---- JSON ---------------------------------------------------------------- */

static void
set(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static json_t *
bits_of(const fluffy_dk_entry *e)
{
	char bits[FLUFFY_DK_WINDOW_MAX];

	for (unsigned i = 0; i < e->window; i++)
		bits[i] = bit(e, i);
	return json_stringn(bits, e->window);
}

static void
set_counter(json_t *object, const fluffy_dk_entry *e)
{
	char keyid[2 * 4 + 1];
	json_t *revoked = json_array();

	for (size_t i = 0; i < e->n_revoked; i++)
		json_array_append_new(revoked, json_integer(e->revoked[i]));
	set(object, "keyid", json_string(base64url_text(e->keyid,
	    sizeof e->keyid, keyid)));
	set(object, "used", json_real(used(e)));
	set(object, "revoked", revoked);
	if (is_server(e)) {
		set(object, "window", json_integer(e->window));
		set(object, "bits", bits_of(e));
	} else
		set(object, "trusted", json_boolean(e->trusted));
}

static int
add_object(void *arg, const fluffy_dk_entry *e)
{
	json_t *object = json_object();

	set(object, "role", json_string(e->role));
	set(object, "ta", json_string(e->ta));
	set(object, "rs", json_string(e->rs));
	set(object, "number", json_integer(e->number));
	if (e->client != NULL)
		set(object, "client", json_string(e->client));
	if (e->mode != NULL)
		set(object, "mode", json_string(e->mode));
	if (!is_client(e))
		set_counter(object, e);
	return added(json_array_append_new(arg, object) == 0);
}

static enum fluffy_error
write_json(fluffy_store *store, FILE *out)
{
	json_t *array = json_array();
	enum fluffy_error error = fluffy_dk_list(store, add_object, array);

	if (error == FLUFFY_OK) {
		json_dumpf(array, out, JSON_COMPACT);
		fputc('\n', out);
	}
	json_decref(array);
	return error;
}

/* ---- either -------------------------------------------------------------- */

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	fluffy_store *store = dk_open(ctx, store_path, FLUFFY_READ_ONLY);
	struct text text;
	enum fluffy_error error;

	(void)operands;
	if (store != NULL && output_open(&out, NULL)) {
		if (text_open(&text)) {
			error = (json ? write_json : write_text)(store,
			    text.stream);
			if (error != FLUFFY_OK)
				report_why(ctx, error);
			text_close(&text, &out);
		}
		output_close(&out);
	}
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "json", 0, NULL, "write a JSON array", .flag = &json },
	{ NULL }
};

const struct command dk_window = {
	"window", "",
	"List numbers: given out, taken, revoked; or a client's credentials.",
	options, run
};

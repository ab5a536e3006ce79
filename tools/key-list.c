/* key-list.c - what a store has: identity, devices, keys; no key's value */
#include <jansson.h>
#include <stdlib.h>

#include "key.h"
#include "table.h"

static const char *store_path;
static bool json;

static const char *const kinds[] = {
	[FLUFFY_PARTY] = "party",
	[FLUFFY_DEVICE] = "device",
	[FLUFFY_SECRET] = "secret",
	[FLUFFY_SESSION] = "session",
	[FLUFFY_PENDING] = "pending",
	[FLUFFY_DELETED] = "deleted",
	[FLUFFY_DENIED] = "denied",
};

/* ---- text ---------------------------------------------------------------- */

static const char *
or_empty(const char *text, const char *otherwise)
{
	return text != NULL ? otherwise : "";
}

#define OR_EMPTY(text) ((text) != NULL ? (text) : "")

/* "sensor -> lock" of what an SKDC records, else "home/sensor". */
static void
describe(const fluffy_entry *e, char *text, size_t size)
{
	if (e->client != NULL && e->service != NULL)
		snprintf(text, size, "%s -> %s", e->client, e->service);
	else
		snprintf(text, size, "%s%s%s%s%s%s%s",
		    OR_EMPTY(e->realm), or_empty(e->realm, "/"),
		    OR_EMPTY(e->name), or_empty(e->skdcname, ", SKDC "),
		    OR_EMPTY(e->skdcrealm), or_empty(e->skdcrealm, "/"),
		    OR_EMPTY(e->skdcname));
}

static void
describe_times(const fluffy_entry *e, char *text, size_t size)
{
	char time[24];

	*text = '\0';
	if (e->endtime != 0)
		snprintf(text, size, "until %s",
		    fluffy_time_text(e->endtime, time));
	else if (e->authtime != 0)
		snprintf(text, size, "since %s",
		    fluffy_time_text(e->authtime, time));
}

static int
add_row(void *arg, const fluffy_entry *e)
{
	char who[1100], id[2 * 64 + 1] = "", times[40];
	const char *cell[TABLE_CELLS] = { kinds[e->kind], e->role, who, id,
		e->alg, times, e->state };

	describe(e, who, sizeof who);
	describe_times(e, times, sizeof times);
	if (e->keyid != NULL && e->keyid_len <= 64)
		hex_text(e->keyid, e->keyid_len, id);
	if (table_add(arg, cell))
		return 0;
	report_error(FLUFFY_E_MEMORY, "", "out of memory");
	return 1;
}

static enum fluffy_error
list_text(fluffy_store *store, FILE *out)
{
	struct table table = { 0 };
	enum fluffy_error error = fluffy_list(store, add_row, &table);

	if (error == FLUFFY_OK)
		table_print(out, &table);
	table_free(&table);
	return error;
}

/* ---- JSON ---------------------------------------------------------------- */

/* base64url without padding, as keyids are in messages. */
static void
add_keyid(json_t *object, const fluffy_entry *e)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	char text[96], *p = text;
	unsigned bits = 0, n = 0;

	if (e->keyid == NULL || e->keyid_len > 64)
		return;
	for (size_t i = 0; i < e->keyid_len; i++) {
		bits = bits << 8 | e->keyid[i];
		for (n += 8; n >= 6; n -= 6)
			*p++ = digits[bits >> (n - 6) & 63];
	}
	if (n > 0)
		*p++ = digits[bits << (6 - n) & 63];
	*p = '\0';
	json_object_set_new(object, "keyid", json_string(text));
}

static void
add_word(json_t *object, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(object, name, json_string(value));
}

static void
add_time(json_t *object, const char *name, uint64_t value)
{
	if (value != 0)
		json_object_set_new(object, name,
		    json_integer((json_int_t)value));
}

static int
add_object(void *arg, const fluffy_entry *e)
{
	json_t *object = json_object();

	add_word(object, "kind", kinds[e->kind]);
	add_word(object, "role", e->role);
	add_word(object, "realm", e->realm);
	add_word(object, "name", e->name);
	add_word(object, "skdcrealm", e->skdcrealm);
	add_word(object, "skdcname", e->skdcname);
	add_word(object, "client", e->client);
	add_word(object, "service", e->service);
	add_keyid(object, e);
	add_word(object, "alg", e->alg);
	add_word(object, "state", e->state);
	add_time(object, "authtime", e->authtime);
	add_time(object, "endtime", e->endtime);
	if (json_array_append_new(arg, object) == 0)
		return 0;
	report_error(FLUFFY_E_MEMORY, "", "out of memory");
	return 1;
}

static enum fluffy_error
list_json(fluffy_store *store, FILE *out)
{
	json_t *array = json_array();
	enum fluffy_error error = fluffy_list(store, add_object, array);

	if (error == FLUFFY_OK) {
		json_dumpf(array, out, JSON_COMPACT);
		fputc('\n', out);
	}
	json_decref(array);
	return error;
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	fluffy_store *store = store_open(ctx, store_path, FLUFFY_READ_ONLY);
	struct text text;
	enum fluffy_error error;

	(void)operands;
	if (store == NULL)
		return;
	if (output_open(&out, NULL) && text_open(&text)) {
		error = json ? list_json(store, text.stream) :
		    list_text(store, text.stream);
		if (error != FLUFFY_OK)
			report_why(ctx, error);
		text_close(&text, &out);
	}
	output_close(&out);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "json", 0, NULL, "write a JSON array", .flag = &json },
	{ NULL }
};

const struct command key_list = {
	"list", "", "List identity, devices and keys; never a key's value.",
	options, run
};

/* listing-json.c - entries of a store as JSON */
#include <jansson.h>

#include "listing.h"
#include "report.h"

char *
base64url_text(const uint8_t *data, size_t len, char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	char *p = text;
	unsigned bits = 0, n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | data[i];
		for (n += 8; n >= 6; n -= 6)
			*p++ = digits[bits >> (n - 6) & 63];
	}
	if (n > 0)
		*p++ = digits[bits << (6 - n) & 63];
	*p = '\0';
	return text;
}

static void
add_keyid(json_t *object, const fluffy_entry *e)
{
	char text[96];

	if (e->keyid != NULL && e->keyid_len <= 64)
		json_object_set_new(object, "keyid",
		    json_string(base64url_text(e->keyid, e->keyid_len, text)));
}

static void
add_word(json_t *object, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		json_object_set_new(object, name, json_string(value));
}

static void
add_time(json_t *object, const char *name, uint64_t value)
{
	if (value != 0)
		json_object_set_new(object, name,
		    json_integer((json_int_t)value));
}

/* Where the entry belongs: among all, or to the group before. */
static json_t *
find_place(json_t *all, enum fluffy_entry_kind kind)
{
	json_t *last = json_array_get(all, json_array_size(all) - 1);

	return kind == FLUFFY_MEMBER ? json_object_get(last, "members") :
	    kind == FLUFFY_HOLDER ? json_object_get(last, "holders") : all;
}

static int
add_object(void *arg, const fluffy_entry *e)
{
	json_t *object = json_object();

	add_word(object, "kind", listing_kinds[e->kind]);
	add_word(object, "role", e->role);
	add_word(object, "realm", e->realm);
	add_word(object, "name", e->name);
	add_word(object, "skdcrealm", e->skdcrealm);
	add_word(object, "skdcname", e->skdcname);
	add_word(object, "client", e->client);
	add_word(object, "service", e->service);
	add_word(object, "owner", e->owner);
	add_keyid(object, e);
	add_word(object, "alg", e->alg);
	add_word(object, "state", e->state);
	add_time(object, "authtime", e->authtime);
	add_time(object, "endtime", e->endtime);
	if (e->kind == FLUFFY_PAIR || e->kind == FLUFFY_PUBLIC)
		json_object_set_new(object, "certified",
		    json_boolean(e->certified));
	if (e->kind == FLUFFY_GROUP) {
		json_object_set_new(object, "members", json_array());
		json_object_set_new(object, "holders", json_array());
	}
	if (json_array_append_new(find_place(arg, e->kind), object) == 0)
		return 0;
	report_error(FLUFFY_E_MEMORY, "", "out of memory");
	return 1;
}

enum fluffy_error
listing_json(fluffy_store *store, listing_source *source, FILE *out)
{
	json_t *array = json_array();
	enum fluffy_error error = source(store, add_object, array);

	if (error == FLUFFY_OK) {
		json_dumpf(array, out, JSON_COMPACT);
		fputc('\n', out);
	}
	json_decref(array);
	return error;
}

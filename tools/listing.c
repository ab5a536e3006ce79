/* listing.c - entries of a store as a table, or as JSON */
#include "listing.h"

#include "filter.h"
#include "program.h"
#include "table.h"

const char *const listing_kinds[] = {
	[FLUFFY_PARTY] = "party",
	[FLUFFY_DEVICE] = "device",
	[FLUFFY_SECRET] = "secret",
	[FLUFFY_SESSION] = "session",
	[FLUFFY_PAIR] = "pair",
	[FLUFFY_PUBLIC] = "public",
	[FLUFFY_PENDING] = "pending",
	[FLUFFY_DELETED] = "deleted",
	[FLUFFY_DENIED] = "denied",
	[FLUFFY_GROUP] = "group",
	[FLUFFY_MEMBER] = "member",
	[FLUFFY_HOLDER] = "holder",
	[FLUFFY_DELETION] = "deletion",
};

/* ---- text ---------------------------------------------------------------- */

#define FULL_NAME 520
#define OR_EMPTY(text) ((text) != NULL ? (text) : "")

static bool
is_said(const char *text)
{
	return text != NULL && *text != '\0';
}

/* "home/sensor"; without a name "-", so that the columns stay countable. */
static void
full_name(const char *realm, const char *name, char text[FULL_NAME])
{
	bool both = is_said(realm) && is_said(name);

	snprintf(text, FULL_NAME, "%s%s%s", both ? realm : "",
	    both ? "/" : "", is_said(name) ? name : "-");
}

/* "sensor -> lock" of what an SKDC records, else "home/sensor". */
static void
describe(const fluffy_entry *e, char *text, size_t size)
{
	char who[FULL_NAME], skdc[FULL_NAME];

	full_name(e->realm, e->name, who);
	full_name(e->skdcrealm, e->skdcname, skdc);
	if (e->kind == FLUFFY_DELETED)
		*text = '\0';
	else if (e->client != NULL)
		snprintf(text, size, "%s -> %s", e->client,
		    e->service != NULL ? e->service : "-");
	else if (e->kind == FLUFFY_GROUP)
		snprintf(text, size, "%s%s%s", who,
		    e->owner != NULL ? ", owner " : "", OR_EMPTY(e->owner));
	else if (e->kind == FLUFFY_MEMBER && e->name == NULL)
		snprintf(text, size, "everybody enrolled");
	else if (e->skdcname != NULL)
		snprintf(text, size, "%s, SKDC %s", who, skdc);
	else
		snprintf(text, size, "%s", who);
}

static void
describe_times(const fluffy_entry *e, char *text, size_t size)
{
	bool both = e->kind == FLUFFY_DELETION;
	char since[24], until[24];

	fluffy_time_text(e->authtime, since);
	fluffy_time_text(e->endtime, until);
	*text = '\0';
	if (both && e->endtime != 0 && e->authtime != 0)
		snprintf(text, size, "since %s, until %s", since, until);
	else if (e->endtime != 0)
		snprintf(text, size, "until %s", until);
	else if (e->authtime != 0)
		snprintf(text, size, "since %s", since);
}

/* Its algorithm; of a deletion with whom, or of which group, the key is. */
static void
describe_key(const fluffy_entry *e, char *text, size_t size)
{
	if (e->kind == FLUFFY_DELETION && e->service != NULL)
		snprintf(text, size, "key for %s", e->service);
	else
		snprintf(text, size, "%s", OR_EMPTY(e->alg));
}

static void
describe_state(const fluffy_entry *e, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", OR_EMPTY(e->state),
	    e->certified && e->state != NULL ? ", " : "",
	    e->certified ? "certified" : "");
}

static int
add_row(void *arg, const fluffy_entry *e)
{
	char who[2 * FULL_NAME + 16], id[2 * 64 + 1] = "", key[300];
	char times[64], state[64];
	const char *cell[TABLE_CELLS] = { listing_kinds[e->kind], e->role,
		who, id, key, times, state };

	describe(e, who, sizeof who);
	describe_key(e, key, sizeof key);
	describe_times(e, times, sizeof times);
	describe_state(e, state, sizeof state);
	if (e->keyid != NULL && e->keyid_len <= 64)
		hex_text(e->keyid, e->keyid_len, id);
	if (table_add(arg, cell))
		return 0;
	report_error(FLUFFY_E_MEMORY, "", "out of memory");
	return 1;
}

static enum fluffy_error
write_text(fluffy_store *store, listing_source *source, FILE *out)
{
	struct table table = { 0 };
	enum fluffy_error error = source(store, add_row, &table);

	if (error == FLUFFY_OK)
		table_print(out, &table);
	table_free(&table);
	return error;
}

/* ---- either -------------------------------------------------------------- */

void
listing_write(fluffy_ctx *ctx, const char *store_path, listing_source *source,
    bool json)
{
	static struct output out;
	fluffy_store *store = store_open(ctx, store_path, FLUFFY_READ_ONLY);
	struct text text;
	enum fluffy_error error;

	if (store == NULL)
		return;
	if (output_open(&out, NULL) && text_open(&text)) {
		error = json ? listing_json(store, source, text.stream) :
		    write_text(store, source, text.stream);
		if (error != FLUFFY_OK)
			report_why(ctx, error);
		text_close(&text, &out);
	}
	output_close(&out);
	fluffy_store_close(&store);
}

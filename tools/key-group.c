/* key-group.c - SKDC side: who is in a group, and the operator's say in it */
#include <string.h>

#include "key.h"
#include "listing.h"

static const char *store_path, *realm, *group;
static bool json;

static struct change {
	enum fluffy_membership membership;
	const char *option, *done;
	const char *device;	/* NULL: not asked for */
} changes[] = {
	{ FLUFFY_ADD, "--add", "may fetch keys of", NULL },
	{ FLUFFY_REMOVE, "--remove", "is no longer a member of", NULL },
	{ FLUFFY_FORBID, "--forbid", "may never be a member of", NULL },
};

static enum fluffy_error
list(fluffy_store *store, int (*each)(void *, const fluffy_entry *), void *arg)
{
	return fluffy_list_groups(store, realm, group, each, arg);
}

/* Of one device. */
struct copies {
	const char *device;
	size_t count;
};

static int
count_deleting(void *arg, const fluffy_entry *entry)
{
	struct copies *copies = arg;

	copies->count += entry->kind == FLUFFY_HOLDER &&
	    entry->state != NULL && entry->name != NULL &&
	    strcmp(entry->name, copies->device) == 0 &&
	    strcmp(entry->state, "deleting") == 0;
	return 0;
}

/* Who was shut out still has its copy. */
static void
tell_deletions(fluffy_ctx *ctx, fluffy_store *store, const char *device)
{
	struct copies copies = { .device = device };
	enum fluffy_error error = list(store, count_deleting, &copies);

	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else if (copies.count > 0)
		report_say("copies to be deleted: %zu; "
		    "\"fluffy-del pending --resend\" writes the PSK-DELTs",
		    copies.count);
}

static void
make_change(fluffy_ctx *ctx, const struct change *change)
{
	fluffy_store *store = store_open(ctx, store_path, 0);
	enum fluffy_error error;

	if (store == NULL)
		return;
	error = fluffy_group_change(store, realm, group, change->device,
	    change->membership);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else {
		report_say("%s %s %s", change->device, change->done, group);
		if (change->membership != FLUFFY_ADD)
			tell_deletions(ctx, store, change->device);
	}
	fluffy_store_close(&store);
}

/* The change that was asked for, or NULL; there may be one. */
static const struct change *
find_change(void)
{
	const struct change *found = NULL;

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		if (changes[i].device == NULL)
			continue;
		if (found != NULL)
			OPTIONS_WRONG(changes[i].option,
			    "not together with %s", found->option);
		found = &changes[i];
	}
	return found;
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	const struct change *change = find_change();

	group = operands[0];
	if (change != NULL && json)
		OPTIONS_WRONG("--json", "not together with %s",
		    change->option);
	if (group == NULL && (change != NULL || realm != NULL))
		OPTIONS_WRONG(change != NULL ? change->option : "--realm",
		    "needs GROUP");
	if (report_status() != FLUFFY_DONE)
		return;
	if (change != NULL)
		make_change(ctx, change);
	else
		listing_write(ctx, store_path, list, json);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "realm", 0, "REALM", "the group's realm, if not the SKDC's",
	  .text = &realm },
	{ "add", 0, "NAME", "this device may fetch the group's keys",
	  .text = &changes[0].device },
	{ "remove", 0, "NAME", "it may not, until it is added again",
	  .text = &changes[1].device },
	{ "forbid", 0, "NAME", "nor in a later group of the same name",
	  .text = &changes[2].device },
	{ "json", 0, NULL, "write a JSON array", .flag = &json },
	{ NULL }
};

const struct command key_group = {
	"group", "[GROUP]", "List groups and their members, or change one.",
	options, run
};

/* key-policy.c - show or set the policy of the realm, or of one device */
#include "key.h"

#define MAX_LIFETIME 2592000u	/* 30 days (section 6) */
#define MAX_SKEW     86400u

static const char *store_path, *etypes;
static struct option_number lifetime, skew;
static bool reset_clock;

static void
print_number(FILE *out, const char *name, uint64_t value)
{
	if (value != 0)
		fprintf(out, "%-8s  %llu\n", name, (unsigned long long)value);
	else
		fprintf(out, "%-8s  default\n", name);
}

static void
print(FILE *out, const fluffy_policy *policy)
{
	print_number(out, "lifetime", policy->lifetime);
	print_number(out, "skew", policy->skew);
	fprintf(out, "%-8s  %s\n", "etypes",
	    policy->etypes != NULL ? policy->etypes : "default");
}

static void
show(fluffy_ctx *ctx, fluffy_store *store, const char *name)
{
	static struct output out;
	struct text text;
	fluffy_policy policy;
	fluffy_bytes list;
	enum fluffy_error error;

	error = fluffy_policy_get(store, name, &policy, &list);
	if (error != FLUFFY_OK) {
		report_why(ctx, error);
		return;
	}
	if (output_open(&out, NULL) && text_open(&text)) {
		print(text.stream, &policy);
		text_close(&text, &out);
	}
	output_close(&out);
	fluffy_bytes_free(&list);
}

/* What was not given stays as it is. */
static uint64_t
number(const struct option_number *option)
{
	return option->given && option->value == 0 ? FLUFFY_UNSET :
	    option->value;
}

static void
change(fluffy_ctx *ctx, fluffy_store *store, const char *name)
{
	const fluffy_policy policy = {
		.lifetime = number(&lifetime),
		.skew = number(&skew),
		.etypes = etypes,
	};
	enum fluffy_error error = FLUFFY_OK;

	if (lifetime.given || skew.given || etypes != NULL)
		error = fluffy_policy_set(store, name, &policy);
	if (error == FLUFFY_OK && reset_clock)
		error = fluffy_reset_clock(store);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	else
		report_say("changed");
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	bool changes = lifetime.given || skew.given || etypes != NULL ||
	    reset_clock;
	fluffy_store *store;

	if (operands[0] != NULL && (reset_clock || skew.given)) {
		report_error(FLUFFY_E_USAGE,
		    reset_clock ? "--reset-clock" : "--skew",
		    "is the store's, not a device's: leave %s out",
		    operands[0]);
		return;
	}
	store = store_open(ctx, store_path, changes ? 0 : FLUFFY_READ_ONLY);
	if (store != NULL && changes)
		change(ctx, store, operands[0]);
	else if (store != NULL)
		show(ctx, store, operands[0]);
	fluffy_store_close(&store);
}

static const struct option_row options[] = {
	OPTION_STORE(&store_path),
	{ "lifetime", 0, "S", "seconds for which a new key is good; 0 unsets",
	  .number = &lifetime, .max = MAX_LIFETIME },
	{ "skew", 0, "S", "seconds by which clocks may differ; 0 unsets",
	  .number = &skew, .max = MAX_SKEW },
	{ "etypes", 0, "A,B", "the session key algorithms allowed; '' unsets",
	  .text = &etypes },
	{ "reset-clock", 0, NULL, "forget the latest time that was seen",
	  .flag = &reset_clock },
	{ NULL }
};

const struct command key_policy = {
	"policy", "[NAME]", "Show or set the realm's policy, or a device's.",
	options, run
};

/* fluffy-msg.c - show, convert, check, explain, compare and spoil messages */
#include <stdlib.h>
#include <string.h>

#include "msg-diff.h"
#include "msg-mutate.h"
#include "program.h"

static const char *to, *from, *selection, *schema, *now_text, *output_path;
static const char *mode;	/* NULL: write; else the option that isn't */
static struct option_number seed;
static struct option_many stores;
static bool opened, show_keys;
static uint64_t now;

static uint64_t
fixed_clock(void *arg)
{
	(void)arg;
	return now;
}

/* Only what is shown and explained depends on it: "2 h ago". */
static bool
set_clock(fluffy_ctx *ctx)
{
	if (now_text == NULL)
		return true;
	if (fluffy_time_parse(ctx, now_text, &now) != FLUFFY_OK) {
		report_error(FLUFFY_E_USAGE, "--now", "%s",
		    fluffy_why(ctx).text);
		return false;
	}
	fluffy_ctx_set_clock(ctx, fixed_clock, NULL);
	return true;
}

static bool
is_word(const char *chosen, const char *word)
{
	return chosen != NULL && strcmp(chosen, word) == 0;
}

static enum fluffy_format
find_format(void)
{
	return is_word(to, "json") ? FLUFFY_JSON :
	    is_word(to, "cbor") ? FLUFFY_CBOR :
	    is_word(to, "diag") ? FLUFFY_DIAG : FLUFFY_TEXT;
}

static void
find_form(struct show *s)
{
	s->from = is_word(from, "hex") ? CAPTURE_HEX :
	    is_word(from, "base64") ? CAPTURE_BASE64 :
	    from == NULL || is_word(from, "auto") ? CAPTURE_AUTO :
	    CAPTURE_PLAIN;
	s->expected = is_word(from, "json") ? FLUFFY_JSON :
	    is_word(from, "cbor") ? FLUFFY_CBOR : FLUFFY_NONE;
}

/* What is done: the option that says so, or to write. */
enum { WRITE = 1, CHECK = 2, EXPLAIN = 4, DIFF = 8, MUTATE = 16, SCHEMA = 32 };

static unsigned
find_mode(void)
{
	return schema != NULL ? SCHEMA :
	    is_word(mode, "check") ? CHECK :
	    is_word(mode, "explain") ? EXPLAIN :
	    is_word(mode, "diff") ? DIFF :
	    is_word(mode, "mutate") ? MUTATE : WRITE;
}

/* None that would make no difference. */
static bool
options_fit_mode(void)
{
	const struct {
		const char *name;
		bool given;
		unsigned modes;
	} all[] = {
		{ "--to", to != NULL, WRITE | EXPLAIN | DIFF | MUTATE },
		{ "--from", from != NULL, WRITE | CHECK | EXPLAIN | DIFF |
		    MUTATE },
		{ "--store", stores.count > 0, WRITE | CHECK | EXPLAIN |
		    DIFF },
		{ "--open", opened, WRITE },
		{ "--seed", seed.given, MUTATE },
		{ "--select", selection != NULL, WRITE | CHECK | EXPLAIN },
		{ "--show-keys", show_keys, WRITE | DIFF },
		{ "--now", now_text != NULL, WRITE | EXPLAIN },
		{ "--schema", schema != NULL && mode != NULL, 0 }
	};
	unsigned chosen = find_mode();

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (!all[i].given || (all[i].modes & chosen) != 0)
			continue;
		if (mode != NULL)
			OPTIONS_WRONG(all[i].name, "doesn't go with --%s", mode);
		else if (chosen == SCHEMA)
			OPTIONS_WRONG(all[i].name, "doesn't go with --schema");
		else
			OPTIONS_WRONG(all[i].name, "only --mutate needs it");
		return false;
	}
	return true;
}

/* What is asked for can be done. */
static bool
options_fit(const struct show *s, char **operands)
{
	bool text = s->to == FLUFFY_TEXT || s->to == FLUFFY_JSON;
	size_t n = 0;

	while (operands[n] != NULL)
		n++;
	if (!options_fit_mode())
		return false;
	if (opened && s->to == FLUFFY_CBOR)
		OPTIONS_WRONG("--open", "only --to text, json or diag show it");
	else if ((s->explain || is_word(mode, "diff")) && !text)
		OPTIONS_WRONG("--to", "--%s writes text or json", mode);
	else if (is_word(mode, "diff") && n != 2)
		OPTIONS_WRONG("--diff", "two files were expected");
	else if (is_word(mode, "mutate") && n > 1)
		OPTIONS_WRONG("--mutate", "one file was expected");
	else if (is_word(mode, "mutate") && to != NULL &&
	    s->to != FLUFFY_JSON && s->to != FLUFFY_CBOR)
		OPTIONS_WRONG("--to", "--mutate writes json or cbor");
	else if (schema != NULL && n > 0)
		OPTIONS_WRONG(operands[0], "--schema reads nothing");
	return report_status() == FLUFFY_DONE;
}

/* Without --store they take the store that the other programs would. */
static bool
find_stores(const struct show *s)
{
	const char *path = getenv("FLUFFY_STORE");

	if ((!opened && !s->explain) || stores.count > 0)
		return true;
	if (path == NULL || *path == '\0') {
		OPTIONS_WRONG(opened ? "--open" : "--explain",
		    "needs --store");
		return false;
	}
	stores.value[stores.count++] = path;
	return true;
}

/* MEMBER=VALUE in two; words is where it's kept. */
static bool
find_selection(struct show *s, char *words, size_t size)
{
	char *equals;

	if (selection == NULL)
		return true;
	snprintf(words, size, "%s", selection);
	equals = strchr(words, '=');
	if (equals == NULL || equals == words || strlen(selection) >= size) {
		OPTIONS_WRONG("--select", "MEMBER=VALUE was expected");
		return false;
	}
	*equals = '\0';
	s->member = words;
	s->value = equals + 1;
	return true;
}

static void
print_schema(fluffy_ctx *ctx, struct output *out)
{
	fluffy_bytes text;
	enum fluffy_error error;

	error = is_word(schema, "mdoc") ? fluffy_schema_mdoc(ctx, &text) :
	    fluffy_schema_cddl(ctx, &text);
	if (error != FLUFFY_OK)
		report_why(ctx, error);
	output_put(out, text.data, text.len);
	fluffy_bytes_free(&text);
}

static void
show_all(struct show *s, char **paths)
{
	if (*paths == NULL)
		show_file(s, "-");
	while (*paths != NULL && show_file(s, *paths))
		paths++;
	show_end(s);
}

static void
write_all(struct show *s, char **operands)
{
	if (!output_open(s->out, output_path))
		return;
	if (schema != NULL)
		print_schema(s->ctx, s->out);
	else if (is_word(mode, "diff"))
		diff_files(s, operands[0], operands[1]);
	else
		show_all(s, operands);
	/* that something is refused is what it explains */
	s->out->verdict |= s->explained && report_status() != FLUFFY_USAGE &&
	    report_status() != FLUFFY_BROKEN;
	output_close(s->out);
}

static void
run(fluffy_ctx *ctx, char **operands)
{
	static struct output out;
	static struct show show;
	char words[1024];

	show = (struct show){ .ctx = ctx, .out = &out,
		.check = is_word(mode, "check"),
		.explain = is_word(mode, "explain"),
		.to = find_format(), .paths = &stores };
	show.flags = (show_keys ? FLUFFY_SHOW_KEYS : 0) |
	    (opened && show.to == FLUFFY_JSON ? FLUFFY_OPENED : 0);
	find_form(&show);
	if (!options_fit(&show, operands) || !find_stores(&show) ||
	    !set_clock(ctx) || !find_selection(&show, words, sizeof words))
		return;
	if (is_word(mode, "mutate"))
		mutate_file(&show, operands[0] != NULL ? operands[0] : "-",
		    seed.given ? seed.value : 1, output_path);
	else
		write_all(&show, operands);
}

#define SEED_MAX 9007199254740991u	/* an option's number has 16 digits */

static const struct option_row options[] = {
	{ "to", 0, "FORM", "what to write", .words = "text|json|cbor|diag",
	  .text = &to },
	{ "from", 0, "FORM", "what is read",
	  .words = "auto|json|cbor|hex|base64", .text = &from },
	{ "store", 's', "FILE", "open sealed parts with this store's keys",
	  .file = true, .many = &stores },
	{ "open", 0, NULL, "--to json: plaintexts beside sealed parts",
	  .flag = &opened },
	{ "check", 0, NULL, "write nothing: only the verdict counts",
	  .text = &mode },
	{ "explain", 0, NULL, "write each check that the stores' parties make",
	  .text = &mode },
	{ "diff", 0, NULL, "write where two files' messages differ",
	  .text = &mode },
	{ "mutate", 0, NULL, "write everything that can be wrong with a message",
	  .text = &mode },
	{ "seed", 0, "N", "--mutate: which bits are flipped",
	  .number = &seed, .max = SEED_MAX },
	{ "select", 0, "MEMBER=VALUE", "only messages with that clear member",
	  .text = &selection },
	{ "schema", 0, "FORM", "print all messages' schema",
	  .words = "cddl|mdoc", .otherwise = "cddl", .text = &schema },
	{ "show-keys", 0, NULL, "print keys too", .flag = &show_keys },
	{ "now", 0, "TIME", "tell times as seen from this one",
	  .text = &now_text },
	OPTION_OUTPUT(&output_path),
	{ NULL }
};

static const struct command command = {
	"fluffy-msg", "[FILE]...",
	"Show, convert, check, explain, compare or spoil messages.",
	options, run
};

int
main(int argc, char **argv)
{
	return program_main(&command, argc, argv);
}

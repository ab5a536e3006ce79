/* program.c - from main() to a command's run(), and back to an exit status */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"

bool
text_open(struct text *text)
{
	text->data = NULL;
	text->len = 0;
	text->stream = open_memstream(&text->data, &text->len);
	if (text->stream == NULL)
		report_errno("");
	return text->stream != NULL;
}

bool
text_close(struct text *text, struct output *out)
{
	bool ok = fclose(text->stream) == 0;

	if (!ok)
		report_errno("");
	else if (report_status() == FLUFFY_DONE)
		ok = output_put(out, text->data, text->len);
	free(text->data);
	return ok;
}

/* Either command, the words of one, or verbs, the table of many. */
static void
print_ending(FILE *out, const char *program, const struct command *command,
    const struct command *const *verbs)
{
	const char *verb_of = command->name == program ? NULL : program;

	if (strcmp(options_ending, "version") == 0)
		fprintf(out, "%s %s\n", program, fluffy_version());
	else if (strcmp(options_ending, "help") == 0 && verbs != NULL)
		help_verbs(out, program, verbs);
	else if (strcmp(options_ending, "help") == 0)
		help_print(out, verb_of, command);
	else if (verbs != NULL)
		completion_verbs(out, program, verbs);
	else
		completion_print(out, command);
}

static int
end_early(const char *program, const struct command *command,
    const struct command *const *verbs)
{
	static struct output out;
	struct text text;

	if (output_open(&out, NULL) && text_open(&text)) {
		print_ending(text.stream, program, command, verbs);
		text_close(&text, &out);
	}
	output_close(&out);
	return (int)report_status();
}

/* -v: each check that a message goes through. */
static void
tell_check(void *arg, enum fluffy_type type, const char *check,
    enum fluffy_error verdict)
{
	(void)arg;
	report_tell("%s: %s: %s", fluffy_type_name(type), check,
	    fluffy_error_name(verdict));
}

/*
 * What calls have left on the stack: keys pass through registers, which the
 * dynamic linker for one saves there.
 */
__attribute__((noinline)) static void
wipe_stack(void)
{
	char deep[65536];

	explicit_bzero(deep, sizeof deep);
}

static int
run(const char *program, const struct command *command, int argc, char **argv)
{
	fluffy_ctx *ctx;

	if (!options_parse(command, argc, argv))
		return (int)report_status();
	if (options_ending != NULL)
		return end_early(program, command, NULL);
	ctx = fluffy_own_process() ? fluffy_ctx_new() : NULL;
	if (ctx == NULL)
		report_error(FLUFFY_E_SYSTEM, "",
		    "no memory, or the cipher library can't be used");
	else {
		if (report_is_verbose())
			fluffy_ctx_set_checked(ctx, tell_check, NULL);
		command->run(ctx, argv);
		if (fluffy_log_left(ctx))
			report_error(FLUFFY_E_STORE, "", "what was done "
			    "stands, but erased keys are still in the store's "
			    "log, because another process reads it or it can't "
			    "be written; the next change takes them out");
	}
	fluffy_ctx_free(&ctx);
	wipe_stack();
	return (int)report_status();
}

int
program_main(const struct command *command, int argc, char **argv)
{
	io_start();
	report_program(command->name, NULL);
	return run(command->name, command, argc, argv);
}

int
program_verbs(const char *program, const struct command *const *verbs,
    int argc, char **argv)
{
	static const struct option_row none[] = { { NULL } };
	const struct command itself = { program, "VERB", "", none, NULL };

	io_start();
	report_program(program, NULL);
	if (argc >= 2 && argv[1][0] != '-') {
		for (const struct command *const *v = verbs; *v != NULL; v++) {
			if (strcmp((*v)->name, argv[1]) != 0)
				continue;
			report_program(program, (*v)->name);
			return run(program, *v, argc - 1, argv + 1);
		}
		report_error(FLUFFY_E_USAGE, argv[1],
		    "unknown verb (\"%s --help\" lists them)", program);
	} else if (options_parse(&itself, argc, argv)) {
		if (options_ending != NULL)
			return end_early(program, &itself, verbs);
		report_error(FLUFFY_E_USAGE, "", "the verb comes first");
	}
	return (int)report_status();
}

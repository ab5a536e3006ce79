/* options.c - command lines, read as a table says */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"

const char *options_ending;
static const char *completion_shell;

const struct option_row options_common[] = {
	{ "errors", 0, "FORMAT", "how errors are told", .words = "text|json",
	  .text = &report_errors },
	{ "quiet", 'q', NULL, "no words on success",
	  .text = &report_verbosity },
	{ "verbose", 'v', NULL, "tell more", .text = &report_verbosity },
	{ "help", 'h', NULL, "print this text", .text = &options_ending },
	{ "version", 0, NULL, "print the version", .text = &options_ending },
	{ "completion", 0, "SHELL", "print completion for a shell",
	  .words = "bash", .hidden = true, .text = &completion_shell },
	{ NULL }
};

struct parser {
	const struct command *command;
	char **argv;
	int argc, next;
	int operands;	/* so many are at the front of argv */
};

static const struct option_row *
find_in(const struct option_row *row, const char *name, size_t len, char letter)
{
	for (; row->name != NULL; row++) {
		if (name == NULL ? row->letter == letter :
		    strlen(row->name) == len &&
		    strncmp(row->name, name, len) == 0)
			return row;
	}
	return NULL;
}

/* By name or, when that is NULL, by letter. */
static const struct option_row *
find(const struct command *command, const char *name, size_t len, char letter)
{
	const struct option_row *row;

	row = find_in(command->options, name, len, letter);
	return row != NULL ? row : find_in(options_common, name, len, letter);
}

/* The word after the option, which is its value whatever it looks like. */
static void
take_next(struct parser *p, const struct option_row *row, const char *name)
{
	if (p->next < p->argc)
		option_take(row, p->argv[p->next++]);
	else
		OPTIONS_WRONG(name, "its %s is missing", row->value);
}

static void
parse_long(struct parser *p, const char *arg)
{
	const char *name = arg + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct option_row *row = find(p->command, name, len, 0);

	if (row == NULL)
		OPTIONS_WRONG(arg, "unknown option");
	else if (row->value == NULL && equals != NULL)
		OPTIONS_WRONG(arg, "takes no value");
	else if (equals != NULL)
		option_take(row, equals + 1);
	else if (row->value == NULL || row->otherwise != NULL)
		option_take(row, row->otherwise);
	else
		take_next(p, row, arg);
}

/* "-qv", "-s FILE" or "-sFILE". */
static void
parse_short(struct parser *p, const char *arg)
{
	const struct option_row *row;

	while (*++arg != '\0') {
		char name[] = { '-', *arg, '\0' };

		row = find(p->command, NULL, 0, *arg);
		if (row == NULL) {
			OPTIONS_WRONG(name, "unknown option");
			return;
		}
		if (row->value != NULL && arg[1] == '\0')
			take_next(p, row, name);
		else
			option_take(row, row->value != NULL ? arg + 1 : NULL);
		if (row->value != NULL)
			return;
	}
}

/* Options may follow operands; after "--" there are none. */
static void
parse_words(struct parser *p)
{
	bool options = true;

	while (p->next < p->argc) {
		char *arg = p->argv[p->next++];

		if (!options || arg[0] != '-' || arg[1] == '\0')
			p->argv[p->operands++] = arg;
		else if (strcmp(arg, "--") == 0)
			options = false;
		else if (arg[1] == '-')
			parse_long(p, arg);
		else
			parse_short(p, arg);
	}
	p->argv[p->operands] = NULL;
}

static void
check_needed(const struct option_row *row)
{
	const char *value = row->env != NULL ? getenv(row->env) : NULL;
	char name[64];

	if (!row->needed || option_is_given(row))
		return;
	snprintf(name, sizeof name, "--%s", row->name);
	if (value != NULL && *value != '\0')
		option_take(row, value);
	else if (row->env != NULL)
		OPTIONS_WRONG(name, "missing (nor is %s set)", row->env);
	else
		OPTIONS_WRONG(name, "missing");
}

static void
check_operands(const char *wanted, char **have)
{
	while (*wanted != '\0') {
		size_t len = strcspn(wanted, " ");

		if (strstr(wanted, "...") != NULL)
			return;
		if (strncmp(wanted, "[-]", len) == 0 && *have != NULL &&
		    strcmp(*have, "-") != 0)
			OPTIONS_WRONG(*have, "expected \"-\", standard input");
		if (*have != NULL)
			have++;
		else if (*wanted != '[')
			OPTIONS_WRONG("", "%.*s is missing", (int)len, wanted);
		wanted += len + strspn(wanted + len, " ");
	}
	if (*have != NULL)
		OPTIONS_WRONG(*have, "one operand too many");
}

bool
options_parse(const struct command *command, int argc, char **argv)
{
	struct parser p = { .command = command, .argv = argv, .argc = argc,
		.next = 1 };

	parse_words(&p);
	if (options_ending == NULL && completion_shell != NULL)
		options_ending = "completion";
	if (options_ending != NULL)
		return report_status() == FLUFFY_DONE;
	for (const struct option_row *row = command->options;
	    row->name != NULL; row++)
		check_needed(row);
	check_operands(command->operands, argv);
	return report_status() == FLUFFY_DONE;
}

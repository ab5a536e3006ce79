/* help.c - --help, printed from the table that the parser reads */
#include <string.h>

#include "options.h"

void
help_usage(FILE *out, const char *program, const struct command *command)
{
	fprintf(out, "usage: %s%s%s [options]%s%s\n",
	    program != NULL ? program : "", program != NULL ? " " : "",
	    command->name, *command->operands != '\0' ? " " : "",
	    command->operands);
}

/* "-s, --store FILE" and, after enough blanks, what it is for. */
static void
print_row(FILE *out, const struct option_row *row)
{
	char left[80] = "    ";

	if (row->hidden)
		return;
	if (row->letter != 0)
		snprintf(left, sizeof left, "-%c, ", row->letter);
	snprintf(left + 4, sizeof left - 4,
	    row->otherwise != NULL ? "--%s[=%s]" :
	    row->value != NULL ? "--%s %s" : "--%s", row->name, row->value);
	fprintf(out, "  %-21s  %s", left, row->help);
	if (row->words != NULL)
		fprintf(out, ": %s", row->words);
	if (row->env != NULL)
		fprintf(out, " [$%s]", row->env);
	fputs(row->many != NULL ? "; repeatable\n" : "\n", out);
}

static void
print_rows(FILE *out, const struct option_row *row)
{
	for (; row->name != NULL; row++)
		print_row(out, row);
}

void
help_print(FILE *out, const char *program, const struct command *command)
{
	help_usage(out, program, command);
	fprintf(out, "%s\n\n", command->purpose);
	print_rows(out, command->options);
	print_rows(out, options_common);
}

void
help_verbs(FILE *out, const char *program, const struct command *const *verb)
{
	fprintf(out, "usage: %s VERB [options] [operands]\n\n", program);
	for (; *verb != NULL; verb++) {
		fprintf(out, "%s %s%s%s\n  %s\n", program, (*verb)->name,
		    *(*verb)->operands != '\0' ? " " : "",
		    (*verb)->operands, (*verb)->purpose);
		print_rows(out, (*verb)->options);
		fputc('\n', out);
	}
	fputs("with any verb\n", out);
	print_rows(out, options_common);
}

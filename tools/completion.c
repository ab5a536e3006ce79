/*
 * completion.c - bash completion, printed from the table that the parser reads
 *
 * A program's function looks at the word before the cursor: an option that
 * takes a value completes that, anything else the options' names and files.
 */
#include <string.h>

#include "options.h"

/* A function's name: the program's, with "_" for "-", and the verb's. */
static void
print_function(FILE *out, const char *program, const char *verb)
{
	fputc('_', out);
	for (; *program != '\0'; program++)
		fputc(*program == '-' ? '_' : *program, out);
	if (verb != NULL)
		fprintf(out, "_%s", verb);
}

static void
print_spaced(FILE *out, const char *words)
{
	for (; *words != '\0'; words++)
		fputc(*words == '|' ? ' ' : *words, out);
}

/* A line for each candidate: a file's name may have blanks in it. */
#define BEGIN "mapfile -t COMPREPLY < <(compgen "
#define END   " -- \"$cur\")"

/* "-s|--store) ... ;;" */
static void
print_value(FILE *out, const struct option_row *row)
{
	if (row->value == NULL || row->hidden)
		return;
	fputc('\t', out);
	if (row->letter != 0)
		fprintf(out, "-%c|", row->letter);
	fprintf(out, "--%s) ", row->name);
	if (row->words != NULL) {
		fputs(BEGIN "-W '", out);
		print_spaced(out, row->words);
		fputs("'" END "; ", out);
	} else if (row->file)
		fputs(BEGIN "-f" END "; ", out);
	fputs("return ;;\n", out);
}

static void
print_names(FILE *out, const struct option_row *row)
{
	for (; row->name != NULL; row++) {
		if (!row->hidden)
			fprintf(out, " --%s", row->name);
	}
}

/* cur and prev are set by the function that calls this one. */
static void
print_body(FILE *out, const struct command *command)
{
	fputs("\tcase $prev in\n", out);
	for (const struct option_row *row = command->options;
	    row->name != NULL; row++)
		print_value(out, row);
	for (const struct option_row *row = options_common;
	    row->name != NULL; row++)
		print_value(out, row);
	fputs("\tesac\n\t" BEGIN, out);
	if (strstr(command->operands, "FILE") != NULL)
		fputs("-f ", out);
	fputs("-W '", out);
	print_names(out, command->options);
	print_names(out, options_common);
	fputs("'" END "\n}\n\n", out);
}

/* Bash makes a word of its own of the "=" in --to=json. */
static void
print_start(FILE *out, const char *program)
{
	fprintf(out, "# bash completion, printed by \"%s --completion bash\"\n",
	    program);
	print_function(out, program, NULL);
	fputs("()\n{\n"
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	    "\tlocal prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	    "\tif [[ $cur == = ]]; then\n"
	    "\t\tcur=\n"
	    "\telif [[ $prev == = ]]; then\n"
	    "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	    "\tfi\n"
	    "\tCOMPREPLY=()\n", out);
}

static void
print_end(FILE *out, const char *program)
{
	fputs("complete -o filenames -F ", out);
	print_function(out, program, NULL);
	fprintf(out, " %s\n", program);
}

void
completion_print(FILE *out, const struct command *command)
{
	print_start(out, command->name);
	print_body(out, command);
	print_end(out, command->name);
}

void
completion_verbs(FILE *out, const char *program,
    const struct command *const *verbs)
{
	print_start(out, program);
	fputs("\tif ((COMP_CWORD > 1)); then\n"
	    "\t\tcase ${COMP_WORDS[1]} in\n", out);
	for (const struct command *const *v = verbs; *v != NULL; v++) {
		fprintf(out, "\t\t%s) ", (*v)->name);
		print_function(out, program, (*v)->name);
		fputs(" ;;\n", out);
	}
	fputs("\t\tesac\n\t\treturn\n\tfi\n\t" BEGIN "-W '", out);
	for (const struct command *const *v = verbs; *v != NULL; v++)
		fprintf(out, "%s ", (*v)->name);
	fputs("--help --version'" END "\n}\n\n", out);
	for (const struct command *const *v = verbs; *v != NULL; v++) {
		print_function(out, program, (*v)->name);
		fputs("()\n{\n", out);
		print_body(out, *v);
	}
	print_end(out, program);
}

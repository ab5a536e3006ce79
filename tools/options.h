/*
 * options.h - the table that describes a program, or a verb, and its parser
 *
 * The table is everything that is known about the options: parser, --help and
 * completion read it, and the manual is compared with --help.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "fluffy.h"

struct option_number {
	bool given;
	uint64_t value;
};

#define OPTION_MANY 64

struct option_many {
	size_t count;
	const char *value[OPTION_MANY];
};

struct option_row {
	const char *name;	/* --name; NULL ends a table */
	char letter;		/* -n, or 0 */
	const char *value;	/* what --help calls its value; NULL: none */
	const char *help;
	const char *words;	/* the only values, "text|json"; NULL: any */
	const char *otherwise;	/* what --name without =VALUE means */
	const char *env;	/* the variable that may give it instead */
	bool needed;
	bool hidden;		/* neither in --help nor completed */
	bool file;		/* its value is a file's name */

	/*
	 * Where it goes: the one that is set.  An option without a value
	 * leaves its name in text; so two that share it exclude each other.
	 */
	bool *flag;
	const char **text;
	struct option_many *many;
	struct option_number *number;
	uint64_t min, max;	/* of number */
};

struct command {
	const char *name;	/* the program's, or the verb's */
	const char *operands;	/* "NAME", "[NAME]", "[FILE]..." */
	const char *purpose;
	const struct option_row *options;
	/* The operands end with NULL.  Reports whatever goes wrong. */
	void (*run)(fluffy_ctx *, char **operands);
};

/* Rows that several tables have. */
#define OPTION_STORE(where) \
	{ "store", 's', "FILE", "the store of the party that acts", \
	  .env = "FLUFFY_STORE", .needed = true, .file = true, .text = where }
#define OPTION_OUTPUT(where) \
	{ "output", 'o', "FILE", "write to a new file, mode 0600", \
	  .file = true, .text = where }
#define OPTION_ENCODING(where) \
	{ "json", 0, NULL, "write JSON", .text = where }, \
	{ "cbor", 0, NULL, "write CBOR", .text = where }
#define OPTION_SEQNUM(where) \
	{ "seqnum", 0, "N", "put a sequence number into the authenticator", \
	  .number = where, .max = UINT32_MAX }
#define OPTION_CKSUM(where) \
	{ "cksum", 0, NULL, "put a checksum into the authenticator", \
	  .flag = where }
#define OPTION_EXT(where) \
	{ "ext", 0, "JSON", "add the member ext with this value", \
	  .text = where }
/* All three, of a fluffy_extras and the number that fills it. */
#define OPTION_EXTRAS(extras, number) \
	OPTION_SEQNUM(number), \
	OPTION_CKSUM(&(extras)->cksum), \
	OPTION_EXT(&(extras)->ext)

/* What every program has besides. */
extern const struct option_row options_common[];
/* The common option that was met, which ends the program: or NULL. */
extern const char *options_ending;	/* "help", "version", "completion" */

/* Tell a mistake in the command line, unless one was told: it may come of it */
#define OPTIONS_WRONG(...) (report_status() != FLUFFY_DONE ? (void)0 : \
	report_error(FLUFFY_E_USAGE, __VA_ARGS__))

/*
 * Parse argv[1] and what follows.  The operands are left at the front of argv,
 * ended by NULL.  A command line that can't be used is reported once.
 */
bool options_parse(const struct command *, int argc, char **argv);

/* One option's value, NULL for one without; reports what can't be taken. */
void option_take(const struct option_row *, const char *value);
bool option_is_given(const struct option_row *);
/* Digits only: no sign, no blank, no base but ten. */
bool number_read(const char *text, uint64_t min, uint64_t max, uint64_t *);

/* The usage line of one command; program is NULL unless it is a verb. */
void help_usage(FILE *, const char *program, const struct command *);
/* --help of one command. */
void help_print(FILE *, const char *program, const struct command *);
/* --help of a program that has verbs. */
void help_verbs(FILE *, const char *program, const struct command *const *);

/*
 * Bash completion of one command's words, or of a program whose verbs have
 * a table that ends with NULL.
 */
void completion_print(FILE *, const struct command *);
void completion_verbs(FILE *, const char *program,
    const struct command *const *verbs);

#endif

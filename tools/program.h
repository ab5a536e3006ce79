/* program.h - from main() to a command's run(), and back to an exit status */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "io.h"
#include "options.h"

/* What main() of a program without verbs, and with a table of them, returns. */
int program_main(const struct command *, int argc, char **argv);
int program_verbs(const char *program, const struct command *const *verbs,
    int argc, char **argv);

/* Text that grows in memory until it is whole. */
struct text {
	FILE *stream;
	char *data;
	size_t len;
};

/*
 * Both report a failure.  text_close writes the text, unless an error was
 * reported meanwhile, and frees it.
 */
bool text_open(struct text *);
bool text_close(struct text *, struct output *);

#endif

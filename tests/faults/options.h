/* options.h - the options and the last words of the programs in this directory */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	const char *program;
	size_t sample;		/* so many, drawn at random; 0: all */
	uint64_t seed;
	const char *only;	/* this one alone, and loudly; or NULL */
};

struct score {
	size_t run, fired, broken;
};

/* Ends the program when they can't be used. */
void options_read(struct options *, int argc, char **argv);

/* One TAP line. */
void tap(bool ok, const char *what);

/* What a run comes to; gives the exit status. */
int options_end(const struct options *, const struct score *);

#endif

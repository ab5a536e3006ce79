/* report.h - what a program says on stderr, and the status it exits with */
#ifndef REPORT_H
#define REPORT_H

#include "fluffy.h"

#define PRINTF_LIKE(which, first) \
	__attribute__((format(printf, which, first)))

/* Destinations of the options that every program has: NULL, or the word. */
extern const char *report_verbosity;	/* "quiet", "verbose" */
extern const char *report_errors;	/* "text", "json" */

/* Lines begin with "program: ", or "program verb: ". */
void report_program(const char *program, const char *verb);

/*
 * One line for an error, whose status counts from now on.  field is where it
 * is (a member's path, an option, a file), "" when there is no place.
 */
void report_error(enum fluffy_error, const char *field, const char *format,
    ...) PRINTF_LIKE(3, 4);
/* The same for the error that the library has just returned. */
void report_why(const fluffy_ctx *, enum fluffy_error);
/* The same, of what that file holds; "" has no name. */
void report_why_of(const fluffy_ctx *, const char *file, enum fluffy_error);
/* The same for an ERROR message that was read: status 1, whatever its code. */
void report_received(enum fluffy_error, const char *e_text, const char *worth);
/* What an ERROR is worth after that outcome. */
const char *report_worth(enum fluffy_error, enum fluffy_outcome_kind);
/* The same for errno. */
void report_errno(const char *field);

/* Words on success: silenced by -q. */
void report_say(const char *format, ...) PRINTF_LIKE(1, 2);
/* What only -v wants to know. */
void report_tell(const char *format, ...) PRINTF_LIKE(1, 2);
bool report_is_verbose(void);

/*
 * File names, operands and names in messages may hold anything; a terminal and
 * a JSON reader may not get it.  Puts '?' for control characters, for those
 * that turn text round, and for broken UTF-8.
 */
void clean_text(char *);

/* The highest status so far. */
enum fluffy_status report_status(void);

#endif

/*
 * programs.h - stdin, stdout and stderr of a program in memory
 *
 * The linker wraps read, write and close, and fluffy_ctx_new and
 * fluffy_ctx_free, so that the context is the stores'.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "fuzz.h"

/* What a program starts with.  The seed says in what portions stdin comes. */
void program_begin(struct bytes stdin_bytes, uint32_t seed);
void program_end(void);
/* What it wrote to stdout, until the next begins. */
struct bytes program_out(void);
/*
 * What it wrote to stderr: lines that begin with the program's name, fit for a
 * terminal.
 */
struct bytes program_said(void);

/* skdc_main.c: main of fluffy-skdc. */
int skdc_main(int argc, char **argv);

#endif

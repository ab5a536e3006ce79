/*
 * programs.h - stdin, stdout and stderr of a program in memory
 *
 * The linker wraps read, write and close.
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

#endif

/* child.h - programs that a bench runs, and where */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

/*
 * Two new folders, which go at exit: on disk, where the bench is from now on,
 * and on a tmpfs.  /tmp is one in many places; the build directory rarely is.
 */
extern char child_folder[], child_memory[];
void child_enter(const char *build_directory);

/* The program itself, where libtool has put it. */
const char *child_program(const char *name);
/* A new process; spawned, because a fork would count for the child. */
pid_t child_start(const char *path, char *const argv[], int in, int out);
/* A descriptor that children don't inherit. */
int child_open(const char *path, int flags);

#endif

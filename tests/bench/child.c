/* child.c - programs that a bench runs, and where */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "child.h"

char child_folder[128];
char child_memory[] = "/dev/shm/fluffy-bench-XXXXXX";
static char build[512];		/* absolute */

const char *
child_program(const char *name)
{
	static char path[700];

	(void)snprintf(path, sizeof(path), "%s/tools/.libs/%s", build, name);
	if (access(path, X_OK) != 0)
		(void)snprintf(path, sizeof(path), "%s/tools/%s", build, name);
	return path;
}

pid_t
child_start(const char *path, char *const argv[], int in, int out)
{
	extern char **environ;
	posix_spawn_file_actions_t files;
	pid_t pid;

	if (posix_spawn_file_actions_init(&files) != 0 ||
	    posix_spawn_file_actions_adddup2(&files, in, 0) != 0 ||
	    posix_spawn_file_actions_adddup2(&files, out, 1) != 0 ||
	    posix_spawnp(&pid, path, &files, NULL, argv, environ) != 0)
		bench_die(path);
	(void)posix_spawn_file_actions_destroy(&files);
	return pid;
}

int
child_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		bench_die(path);
	return fd;
}

static void
clean(void)
{
	char command[400];

	(void)snprintf(command, sizeof(command), "rm -rf '%s' '%s'",
	    child_folder, child_memory);
	if (chdir("/") != 0 || system(command) != 0)
		bench_die(command);
}

void
child_enter(const char *directory)
{
	static char libraries[600];
	char *absolute = realpath(directory, NULL);

	if (absolute == NULL || strlen(absolute) >= sizeof(build) - 30 ||
	    strlen(absolute) >= sizeof(child_folder) - 30)
		bench_die("no such build directory, or its path is long");
	strcpy(build, absolute);
	free(absolute);
	(void)snprintf(child_folder, sizeof(child_folder), "%s/bench-XXXXXX",
	    build);
	(void)snprintf(libraries, sizeof(libraries), "%s/libfluffy/.libs",
	    build);
	if (setenv("LD_LIBRARY_PATH", libraries, 1) != 0 ||
	    mkdtemp(child_folder) == NULL || mkdtemp(child_memory) == NULL ||
	    chdir(child_folder) != 0)
		bench_die("no folder to work in");
	(void)atexit(clean);
}

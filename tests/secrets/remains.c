/*
 * remains.c - keeps what a program leaves in its memory, for tests/secrets
 *
 * Preloaded into a program whose name begins with "fluffy-". In a file of the
 * directory $REMAINS it puts
 *
 *  - each block of the heap as it is when it is freed (what a freed block holds
 *    is there for whoever gets it next), with where the call came from;
 *  - all of its writable memory at its very end: heap, data, stack with
 *    arguments and environment. That is what a core dump would have held.
 *
 * as records of struct record and that many bytes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remains.h"

extern void __libc_free(void *);
extern void *__libc_malloc(size_t);

static int file = -1;

/* ---- writing ----------------------------------------------------------------- */

static uint8_t buffer[1 << 16];
static size_t used;

static void
put_now(const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0) {
		ssize_t done = write(file, p, n);

		if (done <= 0)
			abort();
		p += done;
		n -= (size_t)done;
	}
}

static void
flush(void)
{
	put_now(buffer, used);
	explicit_bzero(buffer, used);
	used = 0;
}

static void
put(const void *data, size_t n)
{
	if (n > sizeof(buffer) - used)
		flush();
	if (n > sizeof(buffer)) {
		put_now(data, n);
		return;
	}
	memcpy(buffer + used, data, n);
	used += n;
}

/* ---- freed blocks ------------------------------------------------------------ */

static const char *
last_part(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');

	return path == NULL ? "?" : slash == NULL ? path : slash + 1;
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static void
keep(const void *block, const void *caller)
{
	struct record r = { .n = malloc_usable_size((void *)(uintptr_t)block) };
	int was = errno;
	Dl_info in;

	if (file < 0 || all_zero(block, r.n))
		return;
	if (dladdr(caller, &in) != 0)
		snprintf(r.what, sizeof(r.what), "freed by %.32s+0x%zx",
		    last_part(in.dli_fname), (size_t)((const char *)caller -
		    (const char *)in.dli_fbase));
	put(&r, sizeof(r));
	put(block, r.n);
	errno = was;
}

void
free(void *block)
{
	if (block != NULL)
		keep(block, __builtin_return_address(0));
	__libc_free(block);
}

/* It always moves, so that the old place is seen. */
static void *
move(void *block, size_t n, const void *caller)
{
	void *to = __libc_malloc(n);
	size_t old = block == NULL ? 0 : malloc_usable_size(block);

	if (to == NULL || block == NULL)
		return to;
	memcpy(to, block, old < n ? old : n);
	keep(block, caller);
	__libc_free(block);
	return to;
}

void *
realloc(void *block, size_t n)
{
	return move(block, n, __builtin_return_address(0));
}

void *
reallocarray(void *block, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return move(block, n * size, __builtin_return_address(0));
}

/* ---- all memory -------------------------------------------------------------- */

/* A line of /proc/self/maps: "begin-end rw-p ... name". */
static void
keep_mapping(char *line)
{
	struct record r = { .n = 0 };
	char *end, *dash, *name = strrchr(line, ' ');
	uintptr_t from = strtoull(line, &dash, 16);
	uintptr_t to = strtoull(dash + 1, &end, 16);

	if (strncmp(end, " rw", 3) != 0)
		return;
	r.n = to - from;
	snprintf(r.what, sizeof(r.what), "at the end in %.40s",
	    name == NULL || name[1] == '\0' ? "memory without a name" :
	    strchr(name, '/') != NULL ? last_part(name) : name + 1);
	put_now(&r, sizeof(r));
	put_now((void *)from, r.n);
}

static void
keep_memory(void)
{
	static char maps[1 << 16];
	size_t n = 0;
	ssize_t more;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while (n < sizeof(maps) - 1 &&
	    (more = read(fd, maps + n, sizeof(maps) - 1 - n)) > 0)
		n += (size_t)more;
	(void)close(fd);
	for (char *line = strtok(maps, "\n"); line != NULL;
	    line = strtok(NULL, "\n"))
		keep_mapping(line);
}

/* ---- begin and end ----------------------------------------------------------- */

__attribute__((constructor)) static void
begin(void)
{
	const char *dir = getenv("REMAINS");
	const char *name = program_invocation_short_name;
	char path[4096];

	if (dir == NULL || strncmp(name, "fluffy-", 7) != 0)
		return;
	snprintf(path, sizeof(path), "%s/%s.%d", dir, name, (int)getpid());
	file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		abort();
	/* not one of those that the program uses */
	file = fcntl(file, F_DUPFD_CLOEXEC, 900);
}

__attribute__((destructor)) static void
end(void)
{
	if (file < 0)
		return;
	flush();
	keep_memory();
	file = -1;
}

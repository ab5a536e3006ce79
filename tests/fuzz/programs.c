/* programs.c - stdin, stdout and stderr of a program in memory */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../tools/report.h"
#include "buffer.h"
#include "programs.h"
#include "text.h"

#define OUT_MAX ((size_t)1 << 26)

static bool running;
static FILE *real_stderr;
static struct feed input;
static uint32_t portions;
static struct buffer output = BUFFER(OUT_MAX);
static FILE *words;	/* into said */
static char *said;
static size_t said_n;

void
program_begin(struct bytes stdin_bytes, uint32_t seed)
{
	if (said == NULL)
		real_stderr = stderr;
	free(said);
	words = open_memstream(&said, &said_n);
	CHECK(words != NULL);
	report_program("fluffy", NULL);
	input = (struct feed){ stdin_bytes.p, stdin_bytes.n };
	portions = seed;
	output.n = 0;
	stderr = words;
	running = true;
}

void
program_end(void)
{
	running = false;
	stderr = real_stderr;
	CHECK(fclose(words) == 0);
}

struct bytes
program_out(void)
{
	CHECK(!output.failed);
	return buffer_view(&output);
}

struct bytes
program_said(void)
{
	struct bytes all, rest, line;
	const uint8_t *end;

	all = rest = bytes_of((const uint8_t *)said, said_n);
	while (rest.n > 0) {
		end = memchr(rest.p, '\n', rest.n);
		CHECK(end != NULL);
		line = bytes_of(rest.p, (size_t)(end - rest.p));
		CHECK(line.n > 8 && memcmp(line.p, "fluffy", 6) == 0);
		CHECK(utf8_valid(line) && !utf8_has_control(line));
		rest = bytes_of(end + 1, rest.n - line.n - 1);
	}
	return all;
}

/* ---- what the linker wraps ----------------------------------------------- */

ssize_t __real_read(int, void *, size_t);
ssize_t __wrap_read(int, void *, size_t);
ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);
int __real_close(int);
int __wrap_close(int);

ssize_t
__wrap_read(int fd, void *to, size_t most)
{
	struct bytes b;
	size_t n = most;

	if (!running || fd != STDIN_FILENO)
		return __real_read(fd, to, most);
	if (portions != 0) {
		portions = portions * 1664525 + 1013904223;
		n = 1 + (portions >> 20) % 64;
	}
	b = take_bytes(&input, n < most ? n : most);
	if (b.n > 0)
		memcpy(to, b.p, b.n);
	return (ssize_t)b.n;
}

ssize_t
__wrap_write(int fd, const void *from, size_t n)
{
	if (!running || fd != STDOUT_FILENO)
		return __real_write(fd, from, n);
	buffer_add(&output, from, n);
	return (ssize_t)n;
}

int
__wrap_close(int fd)
{
	return running && fd == STDOUT_FILENO ? 0 : __real_close(fd);
}

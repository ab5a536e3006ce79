/*
 * short.c - preloaded: makes one read or write a short one, as POSIX lets the
 * system do.  strace can't: what it injects is never done.
 *
 * SHORT=CALL:N shortens the Nth of CALL that could be; it says "short" in the
 * file SHORT_LOG.  SHORT=count says there the name of each that could be.
 * SHORT=nosync does no fdatasync: with that the checks are checked.  The clock
 * stands still at SHORT_NOW, so that no message gets too old.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void
say(const char *word)
{
	const char *path = getenv("SHORT_LOG");
	int fd = path == NULL ? -1 : open(path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	(void)syscall(SYS_write, fd, word, strlen(word));
	(void)syscall(SYS_write, fd, "\n", 1UL);
	(void)close(fd);
}

/* Is this call the one? */
static int
is_due(const char *call, unsigned *made)
{
	const char *order = getenv("SHORT");
	size_t len = strlen(call);

	if (order == NULL)
		return 0;
	++*made;
	if (strcmp(order, "count") == 0)
		say(call);
	return strncmp(order, call, len) == 0 && order[len] == ':' &&
	    strtoul(order + len + 1, NULL, 10) == *made;
}

static size_t
length(const char *call, unsigned *made, size_t len)
{
	if (len < 2 || !is_due(call, made))
		return len;
	say("short");
	return len / 2;
}

ssize_t
read(int fd, void *buf, size_t len)
{
	static unsigned made;

	return syscall(SYS_read, fd, buf, length("read", &made, len));
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	static unsigned made;

	return syscall(SYS_write, fd, buf, length("write", &made, len));
}

ssize_t
pread64(int fd, void *buf, size_t len, off64_t at)
{
	static unsigned made;

	return syscall(SYS_pread64, fd, buf, length("pread64", &made, len), at);
}

ssize_t
pwrite64(int fd, const void *buf, size_t len, off64_t at)
{
	static unsigned made;

	return syscall(SYS_pwrite64, fd, buf, length("pwrite64", &made, len),
	    at);
}

int
fdatasync(int fd)
{
	const char *order = getenv("SHORT");

	if (order != NULL && strcmp(order, "nosync") == 0)
		return 0;
	return (int)syscall(SYS_fdatasync, fd);
}

time_t
time(time_t *to)
{
	const char *now = getenv("SHORT_NOW");
	struct timespec t;

	if (now != NULL)
		t.tv_sec = (time_t)strtoll(now, NULL, 10);
	else
		(void)clock_gettime(CLOCK_REALTIME, &t);
	if (to != NULL)
		*to = t.tv_sec;
	return t.tv_sec;
}

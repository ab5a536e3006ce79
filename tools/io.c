/* io.c - reading and writing that neither loses a byte nor hides an error */
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

void
io_start(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/*
	 * open() gives the lowest free number.  The other direction makes
	 * reads and writes fail as they would have on the closed descriptor.
	 */
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null",
			    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
}

/* A descriptor that somebody else made non-blocking isn't an error. */
static bool
wait_and_retry(int fd, short events)
{
	struct pollfd wanted = { .fd = fd, .events = events };

	if (errno == EINTR)
		return true;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return false;
	return poll(&wanted, 1, -1) >= 0 || errno == EINTR;
}

ssize_t
io_read(int fd, void *buf, size_t len)
{
	ssize_t n;

	do
		n = read(fd, buf, len);
	while (n < 0 && wait_and_retry(fd, POLLIN));
	return n;
}

static bool
write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && !wait_and_retry(fd, POLLOUT))
			return false;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static bool
fail(struct output *out)
{
	if (!out->failed)
		report_errno(out->path != NULL ? out->path : "stdout");
	out->failed = true;
	return false;
}

bool
output_open(struct output *out, const char *path)
{
	out->fd = STDOUT_FILENO;
	out->path = path;
	out->failed = out->verdict = false;
	out->used = 0;
	if (path != NULL)
		out->fd = open(path,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* no more than that, by open(); and no less, whatever the umask */
	if (out->fd >= 0 && path != NULL && fchmod(out->fd, 0600) < 0) {
		fail(out);
		(void)close(out->fd);
		(void)unlink(path);
		out->fd = -1;
	}
	return out->fd >= 0 || fail(out);
}

bool
output_flush(struct output *out)
{
	size_t used = out->used;

	out->used = 0;
	if (out->failed || used == 0)
		return !out->failed;
	return write_all(out->fd, out->buffer, used) || fail(out);
}

bool
output_put(struct output *out, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0 && !out->failed) {
		size_t room = sizeof out->buffer - out->used;
		size_t n = len < room ? len : room;

		memcpy(out->buffer + out->used, from, n);
		out->used += n;
		from += n;
		len -= n;
		if (out->used == sizeof out->buffer)
			output_flush(out);
	}
	return !out->failed;
}

bool
output_close(struct output *out)
{
	if (out->fd < 0)
		return false;
	output_flush(out);
	/* Keys may have passed through. */
	explicit_bzero(out->buffer, sizeof out->buffer);
	if (!out->failed && out->path != NULL && fsync(out->fd) < 0)
		fail(out);
	/* Some file systems tell only now that nothing fitted. */
	if (close(out->fd) < 0 && errno != EINTR)
		fail(out);
	out->fd = -1;
	if (out->path != NULL && (out->failed ||
	    (!out->verdict && report_status() != FLUFFY_DONE)))
		(void)unlink(out->path);
	return !out->failed;
}

bool
output_is_terminal(const struct output *out)
{
	return isatty(out->fd) == 1;
}

/*
 * disk_calls.c - the library's own calls about files, below DISK
 *
 * What is elsewhere goes to the system.  Makefile.am has the list for --wrap.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

#define FIRST_FD  10000
#define MAX_FDS	  8

/* NULL: the directory */
static struct {
	bool used;
	struct disk_file *file;
} fds[MAX_FDS];

#define WRAPPED(type, name, ...) \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

static bool
is_ours(const char *path)
{
	return strncmp(path, DISK "/", sizeof(DISK)) == 0;
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

static int
new_fd(struct disk_file *file)
{
	int i = 0;

	while (i < MAX_FDS && fds[i].used)
		i++;
	if (i == MAX_FDS)
		return fail(EMFILE);
	if (file != NULL)
		disk_use(file);
	fds[i].used = true;
	fds[i].file = file;
	return FIRST_FD + i;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	struct disk_file *file;
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? (mode_t)va_arg(ap, unsigned) : 0;
	va_end(ap);
	if (!is_ours(path))
		return __real_open(path, flags, mode);
	if ((flags & O_DIRECTORY) != 0)
		return new_fd(NULL);
	file = disk_find(path);
	return file == NULL ? fail(ENOENT) : new_fd(file);
}

WRAPPED(int, close, int fd)
{
	if (fd < FIRST_FD)
		return __real_close(fd);
	if (fds[fd - FIRST_FD].file != NULL)
		disk_leave(fds[fd - FIRST_FD].file);
	fds[fd - FIRST_FD].used = false;
	return 0;
}

WRAPPED(ssize_t, pread, int fd, void *data, size_t n, off_t at)
{
	const struct disk_file *file;
	size_t has = 0;

	if (fd < FIRST_FD)
		return __real_pread(fd, data, n, at);
	file = fds[fd - FIRST_FD].file;
	if (file != NULL && (size_t)at < file->size)
		has = file->size - (size_t)at < n ? file->size - (size_t)at :
		    n;
	if (has > 0)
		memcpy(data, file->data + at, has);
	return (ssize_t)has;
}

WRAPPED(int, fsync, int fd)
{
	if (fd < FIRST_FD)
		return __real_fsync(fd);
	if (fds[fd - FIRST_FD].file != NULL)
		disk_sync(fds[fd - FIRST_FD].file);
	else
		disk_sync_directory();
	return 0;
}

WRAPPED(int, fchmod, int fd, mode_t mode)
{
	return fd < FIRST_FD ? __real_fchmod(fd, mode) : 0;
}

WRAPPED(int, mkostemp, char *template, int flags)
{
	static unsigned n;

	if (!is_ours(template))
		return __real_mkostemp(template, flags);
	(void)snprintf(template + strlen(template) - 6, 7, "%06u", n++);
	return new_fd(disk_create(template));
}

WRAPPED(int, unlink, const char *path)
{
	if (!is_ours(path))
		return __real_unlink(path);
	return disk_unlink(path) ? 0 : fail(ENOENT);
}

WRAPPED(int, renameat2, int from_dir, const char *from, int to_dir,
    const char *to, unsigned flags)
{
	if (!is_ours(from))
		return __real_renameat2(from_dir, from, to_dir, to, flags);
	if (flags != RENAME_NOREPLACE)
		return fail(EINVAL);
	if (disk_find(to) != NULL)
		return fail(EEXIST);
	return disk_rename(from, to) ? 0 : fail(ENOENT);
}

static int
fill_stat(const char *path, struct stat *st)
{
	const struct disk_file *file = disk_find(path);

	if (file == NULL)
		return fail(ENOENT);
	*st = (struct stat){ .st_mode = S_IFREG | S_IRUSR | S_IWUSR,
	    .st_size = (off_t)file->size };
	return 0;
}

WRAPPED(int, stat, const char *path, struct stat *st)
{
	return is_ours(path) ? fill_stat(path, st) : __real_stat(path, st);
}

WRAPPED(int, lstat, const char *path, struct stat *st)
{
	return is_ours(path) ? fill_stat(path, st) : __real_lstat(path, st);
}

/* io.h - reading and writing that neither loses a byte nor hides an error */
#ifndef IO_H
#define IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * First thing in main: a closed pipe and a file that is too large become
 * errors of write(2), and a descriptor 0, 1 or 2 that is closed can't become a
 * store's.
 */
void io_start(void);

/* What is there, at most len bytes; waits for the first.  0 at the end. */
ssize_t io_read(int fd, void *buf, size_t len);

/* stdout or a new file.  Its functions report what goes wrong, once. */
struct output {
	int fd;
	const char *path;	/* NULL: stdout */
	bool failed;
	bool verdict;		/* it is whole, whatever the exit status */
	size_t used;
	uint8_t buffer[16384];
};

/* The file must not exist. */
bool output_open(struct output *, const char *path);
bool output_put(struct output *, const void *data, size_t len);
bool output_flush(struct output *);
/*
 * Flush and close; true when everything is where it belongs.  A file that
 * isn't whole, because its program fails, isn't left behind.
 */
bool output_close(struct output *);
bool output_is_terminal(const struct output *);

#endif

/*
 * relay.h - a program that waits for datagrams, for time to pass, and for the
 * signal to end
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor, and who is called while there is something to read. */
struct watch {
	int fd;
	void (*ready)(void *arg);
	void *arg;
};

struct relay {
	int epoll;
	struct watch signals;
	bool over;
};

/* From now on SIGINT and SIGTERM end relay_run.  Reports. */
bool relay_open(struct relay *);
void relay_close(struct relay *);

/* The watch stays where it is until it is forgotten.  Reports. */
bool relay_watch(struct relay *, struct watch *);
void relay_forget(struct relay *, struct watch *);

/*
 * Until a signal comes or over is set.  tick is called at first and after
 * whatever has happened; it says in how many milliseconds at the latest it is
 * to be called again, or -1.
 */
void relay_run(struct relay *, int (*tick)(void *arg), void *arg);

#define NEVER INT64_MAX

/* Milliseconds of a clock that nobody sets. */
int64_t relay_now(void);
/* So long until then, as relay_run wants it. */
int relay_until(int64_t then);

#endif

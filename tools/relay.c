/* relay.c - waiting for datagrams, for time to pass, and for the end */
#include "relay.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

int64_t
relay_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
relay_until(int64_t then)
{
	int64_t left = then - relay_now();

	if (then == NEVER)
		return -1;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void
stop(void *arg)
{
	struct relay *r = arg;

	r->over = true;
}

/* As descriptors signals come between two events, never within one. */
static int
signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

bool
relay_open(struct relay *r)
{
	r->over = false;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->signals = (struct watch){ signals_open(), stop, r };
	if (r->epoll >= 0 && r->signals.fd >= 0)
		return relay_watch(r, &r->signals);
	report_errno("");
	return false;
}

void
relay_close(struct relay *r)
{
	if (r->signals.fd >= 0)
		close(r->signals.fd);
	if (r->epoll >= 0)
		close(r->epoll);
}

bool
relay_watch(struct relay *r, struct watch *w)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = w };

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, w->fd, &event) == 0)
		return true;
	report_errno("");
	return false;
}

void
relay_forget(struct relay *r, struct watch *w)
{
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, w->fd, NULL);
}

void
relay_run(struct relay *r, int (*tick)(void *), void *arg)
{
	while (!r->over) {
		struct epoll_event event;
		struct watch *w;
		int n;

		/* One at a time: what it does may end another watch. */
		n = epoll_wait(r->epoll, &event, 1, tick(arg));
		if (n < 0 && errno != EINTR) {
			report_errno("");
			return;
		}
		if (n > 0) {
			w = event.data.ptr;
			w->ready(w->arg);
		}
	}
}

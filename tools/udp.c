/* udp.c - addresses, and sockets that carry datagrams */
#include "udp.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "report.h"

/* ---- addresses ----------------------------------------------------------- */

static socklen_t
address_len(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
	    sizeof(struct sockaddr_in);
}

/* Splits at the last colon; a host that has colons is in brackets. */
static bool
split(const char *text, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	uint64_t number;

	if (len == 0 || len >= size ||
	    !number_read(colon + 1, 0, UINT16_MAX, &number))
		return false;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	*port = colon + 1;
	return len > 0;
}

bool
address_parse(const char *option, const char *text,
    struct sockaddr_storage *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV }, *found;
	char host[256];
	const char *port;
	int error;

	if (!split(text, host, sizeof host, &port)) {
		report_error(FLUFFY_E_USAGE, option, "\"%s\" isn't "
		    "HOST:PORT, where an IPv6 address is in brackets", text);
		return false;
	}
	error = getaddrinfo(host, port, &hints, &found);
	if (error != 0) {
		report_error(error == EAI_SERVICE ? FLUFFY_E_USAGE :
		    FLUFFY_E_SYSTEM, option, "\"%s\": %s", text,
		    error == EAI_SYSTEM ? strerror(errno) :
		    gai_strerror(error));
		return false;
	}
	memset(address, 0, sizeof *address);
	memcpy(address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return true;
}

const char *
address_text(const struct sockaddr_storage *address, char *text)
{
	bool v6 = address->ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN + 20], port[6];

	if (getnameinfo((const struct sockaddr *)address, address_len(address),
	    host, sizeof host, port, sizeof port,
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return strcpy(text, "?");
	snprintf(text, ADDRESS_TEXT, v6 ? "[%s]:%s" : "%s:%s", host, port);
	return text;
}

int
address_compare(const struct sockaddr_storage *a,
    const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return a->ss_family < b->ss_family ? -1 : 1;
	return memcmp(a, b, address_len(a));
}

/* ---- sockets ------------------------------------------------------------- */

static int
udp_socket(const struct sockaddr_storage *address)
{
	return socket(address->ss_family,
	    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/*
 * Bound to all addresses, answers leave from the one that was asked, which each
 * datagram therefore tells; [::] is IPv4's too.
 */
static bool
tell_destination(int fd, sa_family_t family)
{
	const int on = 1, off = 0;

	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on,
		    sizeof on) == 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
	    sizeof off) == 0 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_RECVPKTINFO, &on, sizeof on) == 0;
}

int
udp_listen(const char *option, const struct sockaddr_storage *address)
{
	int fd = udp_socket(address);

	if (fd >= 0 && tell_destination(fd, address->ss_family) &&
	    bind(fd, (const struct sockaddr *)address,
	    address_len(address)) == 0)
		return fd;
	report_errno(option);
	if (fd >= 0)
		close(fd);
	return -1;
}

int
udp_connect(const struct sockaddr_storage *address)
{
	int fd = udp_socket(address);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address,
	    address_len(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

void
udp_local(int fd, struct sockaddr_storage *address)
{
	socklen_t len = sizeof *address;

	memset(address, 0, sizeof *address);
	if (getsockname(fd, (struct sockaddr *)address, &len) != 0)
		address->ss_family = AF_UNSPEC;
}

ssize_t
udp_receive(int fd, void *buf, struct udp_path *path)
{
	struct iovec data = { buf, UDP_MAX };
	struct msghdr msg = { .msg_name = &path->peer,
		.msg_namelen = sizeof path->peer, .msg_iov = &data,
		.msg_iovlen = 1, .msg_control = path->here,
		.msg_controllen = sizeof path->here };
	ssize_t n;

	memset(path, 0, sizeof *path);
	n = recvmsg(fd, &msg, 0);
	path->here_len = msg.msg_controllen;
	return n;
}

void
udp_reply(int fd, const struct udp_path *path, const void *data, size_t len)
{
	struct udp_path to = *path;
	struct iovec out = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_name = &to.peer,
		.msg_namelen = address_len(&to.peer), .msg_iov = &out,
		.msg_iovlen = 1, .msg_control = to.here,
		.msg_controllen = to.here_len };

	/* The control message that came is the one that chooses the source. */
	if (to.here_len == 0)
		msg.msg_control = NULL;
	if (sendmsg(fd, &msg, 0) < 0)
		report_tell("a datagram is lost: %s", strerror(errno));
}

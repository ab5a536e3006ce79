/* udp.h - addresses, and sockets that carry datagrams */
#ifndef UDP_H
#define UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#define UDP_MAX	     65536	/* no datagram is as long */
#define ADDRESS_TEXT 80

/*
 * "192.0.2.1:5684", "[::1]:5684" or "host:5684".  option is what --help calls
 * it; what can't be used is reported.
 */
bool address_parse(const char *option, const char *text,
    struct sockaddr_storage *);
/* The same form; text has ADDRESS_TEXT bytes. */
const char *address_text(const struct sockaddr_storage *, char *text);
/* An order: 0 when both are the same address and port. */
int address_compare(const struct sockaddr_storage *,
    const struct sockaddr_storage *);

/* Sockets that never wait, or -1; udp_listen reports. */
int udp_listen(const char *option, const struct sockaddr_storage *);
int udp_connect(const struct sockaddr_storage *);
/* Where it listens; with port 0 the system has chosen one. */
void udp_local(int fd, struct sockaddr_storage *);

/* Whose datagram it was, and which of our addresses it was sent to. */
struct udp_path {
	struct sockaddr_storage peer;
	_Alignas(struct cmsghdr)
	char here[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	size_t here_len;
};

/* A datagram's length, or -1 when there is none.  buf has UDP_MAX bytes. */
ssize_t udp_receive(int fd, void *buf, struct udp_path *);
/* Back on the path.  What can't be sent is lost, as datagrams are. */
void udp_reply(int fd, const struct udp_path *, const void *data, size_t len);

#endif

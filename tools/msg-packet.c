/*
 * msg-packet.c - the message in a packet that tcpdump -x printed
 *
 * A packet begins with its IP header, and no message begins like one.  What
 * isn't understood is left as it is: the reader will say what it thinks of it.
 */
#include "msg-input.h"

struct packet {
	const uint8_t *p;
	size_t n;
};

static bool
skip(struct packet *k, size_t n)
{
	if (n > k->n)
		return false;
	k->p += n;
	k->n -= n;
	return true;
}

static size_t
number(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

#define UDP 17

/* The frame may be longer than the packet, or cut. */
static bool
skip_ip(struct packet *k)
{
	size_t header, total;
	uint8_t protocol;

	if (k->n >= 20 && k->p[0] >> 4 == 4) {
		header = (size_t)(k->p[0] & 15) * 4;
		total = number(k->p + 2);
		protocol = k->p[9];
	} else if (k->n >= 40 && k->p[0] >> 4 == 6) {
		header = 40;
		total = header + number(k->p + 4);
		protocol = k->p[6];
	} else
		return false;
	if (header < 20 || total < header || protocol != UDP)
		return false;
	if (k->n > total)
		k->n = total;
	return skip(k, header) && skip(k, 8);
}

/* The length of an option's delta or value that a nibble tells of. */
static bool
read_nibble(struct packet *k, unsigned nibble, size_t *value)
{
	static const unsigned base[] = { 13, 269 };
	size_t extra = nibble > 12 ? nibble - 12 : 0;
	const uint8_t *p = k->p;

	*value = nibble;
	if (nibble == 15 || !skip(k, extra))
		return false;
	if (extra > 0)
		*value = base[extra - 1] + (extra == 1 ? p[0] : number(p));
	return true;
}

static bool
skip_coap_option(struct packet *k)
{
	uint8_t first = k->p[0];
	size_t delta, length;

	return skip(k, 1) && read_nibble(k, first >> 4, &delta) &&
	    read_nibble(k, first & 15, &length) && skip(k, length);
}

/* RFC 7252, section 3: version 1, a token of at most 8 bytes. */
static bool
skip_coap(struct packet *k)
{
	if (k->n < 4 || k->p[0] >> 6 != 1 || (k->p[0] & 15) > 8)
		return false;
	if (!skip(k, 4u + (k->p[0] & 15)))
		return false;
	while (k->n > 0 && k->p[0] != 0xff) {
		if (!skip_coap_option(k))
			return false;
	}
	if (k->n > 0)
		skip(k, 1);
	return true;
}

const uint8_t *
capture_payload(const uint8_t *packet, size_t *len)
{
	struct packet k = { packet, *len };
	struct packet inner;

	if (!skip_ip(&k))
		return packet;
	inner = k;
	if (skip_coap(&inner))
		k = inner;
	*len = k.n;
	return k.p;
}

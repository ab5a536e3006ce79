/* dtls-hello.c - what a datagram tells before there is a session */
#include "dtls-hello.h"

#include <string.h>

#define RECORD_HANDSHAKE	22
#define CLIENT_HELLO		1
#define CLIENT_CERTIFICATE_TYPE 19	/* RFC 7250 */
#define AUTHZ_CERT		3	/* memo, 6 */

/* What is left to read; after a read too many nothing is. */
struct view {
	const uint8_t *p;
	size_t n;
	bool failed;
};

static struct view
take(struct view *v, size_t n)
{
	struct view taken = { v->p, n, false };

	if (n > v->n) {
		*v = (struct view){ v->p, 0, true };
		return *v;
	}
	v->p += n;
	v->n -= n;
	return taken;
}

/* A number of so many bytes. */
static uint32_t
number(struct view *v, size_t bytes)
{
	struct view taken = take(v, bytes);
	uint32_t value = 0;

	for (size_t i = 0; i < taken.n; i++)
		value = value << 8 | taken.p[i];
	return value;
}

/* What follows the length of so many bytes. */
static struct view
vector(struct view *v, size_t bytes)
{
	uint32_t n = number(v, bytes);

	return take(v, n);
}

struct record {
	uint32_t type, epoch;
	struct view body;
};

static struct record
read_record(struct view *datagram)
{
	struct record r;

	r.type = number(datagram, 1);
	take(datagram, 2);	/* version */
	r.epoch = number(datagram, 2);
	take(datagram, 6);	/* sequence number */
	r.body = vector(datagram, 2);
	return r;
}

static bool
offers_authz_cert(struct view types)
{
	return types.n > 0 && memchr(types.p, AUTHZ_CERT, types.n) != NULL;
}

static bool
extensions_offer(struct view all)
{
	while (all.n > 0) {
		uint32_t type = number(&all, 2);
		struct view data = vector(&all, 2);

		if (type == CLIENT_CERTIFICATE_TYPE)
			return offers_authz_cert(vector(&data, 1));
	}
	return false;
}

/* The handshake message of a record, without its header. */
static bool
first_fragment(struct view message, struct view *body)
{
	uint32_t type = number(&message, 1), offset;

	take(&message, 3 + 2);	/* length, message_seq */
	offset = number(&message, 3);
	*body = vector(&message, 3);
	return !message.failed && type == CLIENT_HELLO && offset == 0;
}

bool
hello_read(const void *datagram, size_t len, struct hello *hello)
{
	struct view in = { datagram, len, false }, body, random;
	struct record r = read_record(&in);

	if (in.failed || r.type != RECORD_HANDSHAKE || r.epoch != 0 ||
	    !first_fragment(r.body, &body))
		return false;
	take(&body, 2);		/* version */
	random = take(&body, sizeof hello->random);
	if (body.failed)
		return false;
	memcpy(hello->random, random.p, sizeof hello->random);
	vector(&body, 1);	/* session_id */
	vector(&body, 1);	/* cookie */
	vector(&body, 2);	/* cipher_suites */
	vector(&body, 1);	/* compression_methods */
	hello->authz_cert = extensions_offer(vector(&body, 2));
	return true;
}

unsigned
records_encrypted(const void *datagram, size_t len)
{
	struct view in = { datagram, len, false };
	unsigned count = 0;

	while (in.n > 0)
		count += read_record(&in).epoch != 0;
	return count;
}

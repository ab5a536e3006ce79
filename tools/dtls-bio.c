/* dtls-bio.c - what libssl reads and writes, as datagrams */
#include "dtls-bio.h"

#include <string.h>

static int
read_datagram(BIO *bio, char *buf, int size)
{
	struct datagrams *d = BIO_get_data(bio);
	size_t n = d->in_len < (size_t)size ? d->in_len : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (d->in == NULL) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(buf, d->in, n);
	d->in = NULL;
	return (int)n;
}

static int
write_datagram(BIO *bio, const char *buf, int len)
{
	struct datagrams *d = BIO_get_data(bio);
	size_t n = (size_t)len;

	BIO_clear_retry_flags(bio);
	if (n > DTLS_MTU || QUEUE_MAX - d->used < n + 2)
		return len;
	d->out[d->used++] = (uint8_t)(n >> 8);
	d->out[d->used++] = (uint8_t)n;
	memcpy(d->out + d->used, buf, n);
	d->used += n;
	return len;
}

static long
control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *
method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "datagrams");

	if (m != NULL) {
		BIO_meth_set_read(m, read_datagram);
		BIO_meth_set_write(m, write_datagram);
		BIO_meth_set_ctrl(m, control);
	}
	return m;
}

BIO *
datagrams_bio(struct datagrams *d)
{
	static BIO_METHOD *method;
	BIO *bio;

	if (method == NULL)
		method = method_new();
	bio = method != NULL ? BIO_new(method) : NULL;
	if (bio != NULL) {
		BIO_set_data(bio, d);
		BIO_set_init(bio, 1);
	}
	return bio;
}

void
datagrams_send(struct datagrams *d, const struct dtls_owner *owner, void *arg)
{
	size_t at = 0;

	while (at < d->used) {
		size_t n = (size_t)d->out[at] << 8 | d->out[at + 1];

		owner->send(arg, d->out + at + 2, n);
		at += 2 + n;
	}
	d->used = 0;
}

/* ca_read.c - a CA's files: certificates, private key, shared secret */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "ca_part.h"
#include "pkey.h"

#define FILE_MAX   ((size_t)256 * 1024)
#define FILE_CERTS  32

/* What whoever sets a CA can have got wrong. */
static bool
is_wrong_name(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EISDIR ||
	    error == EACCES || error == ELOOP || error == ENAMETOOLONG;
}

static enum fluffy_error
cannot_read(struct ca_job *job, const char *path)
{
	if (job->code == FLUFFY_E_USAGE && !is_wrong_name(errno))
		return fluffy_fail(job->ctx, FLUFFY_E_SYSTEM, NULL, "%s: %s",
		    path, strerror(errno));
	return ca_refuse(job, "%s: %s", path, strerror(errno));
}

static enum fluffy_error
read_all(struct ca_job *job, const char *path, int fd, struct buffer *b)
{
	ssize_t n = 1;

	while (n > 0 && !b->failed) {
		uint8_t *room = buffer_room(b, 4096);

		if (room == NULL)
			break;
		n = read(fd, room, 4096);
		if (n > 0)
			b->n += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0)
		return cannot_read(job, path);
	if (b->no_memory)
		return fluffy_fail_memory(job->ctx);
	if (b->failed)
		return ca_refuse(job, "%s: too large", path);
	return FLUFFY_OK;
}

/* Into memory that is wiped, unlike stdio's; the caller frees it. */
static enum fluffy_error
read_file(struct ca_job *job, const char *path, struct buffer *b)
{
	/* an SKDC can't wait for what comes out of a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	enum fluffy_error e;

	*b = BUFFER(FILE_MAX);
	if (fd < 0)
		return cannot_read(job, path);
	if (fstat(fd, &st) != 0)
		e = cannot_read(job, path);
	else
		e = S_ISREG(st.st_mode) ? read_all(job, path, fd, b) :
		    ca_refuse(job, "%s: not a regular file", path);
	(void)close(fd);
	return e;
}

static BIO *
reader(const struct buffer *b)
{
	return BIO_new_mem_buf(b->n == 0 ? (const void *)"" : b->p, (int)b->n);
}

/* ---- certificates ------------------------------------------------------- */

/* Nothing more of that kind is there, as opposed to something broken. */
static bool
at_end(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM &&
	    ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static enum fluffy_error
take_certs(struct ca_job *job, BIO *bio)
{
	bool asked = false;
	X509 *cert;

	ERR_clear_error();
	while ((cert = PEM_read_bio_X509(bio, NULL, pkey_no_passphrase,
	    &asked)) != NULL) {
		if (sk_X509_num(job->known) >= FILE_CERTS ||
		    sk_X509_push(job->known, cert) <= 0) {
			X509_free(cert);
			return ca_refuse(job, "%s: more than %d certificates",
			    job->ca->cert, FILE_CERTS);
		}
	}
	if (!at_end())
		return ca_refuse(job, "%s: a certificate can't be read",
		    job->ca->cert);
	ERR_clear_error();
	if (sk_X509_num(job->known) == 0)
		return ca_refuse(job, "%s: there is no certificate in it",
		    job->ca->cert);
	return FLUFFY_OK;
}

enum fluffy_error
ca_read_certs(struct ca_job *job)
{
	struct buffer b;
	enum fluffy_error e = read_file(job, job->ca->cert, &b);
	BIO *bio = e == FLUFFY_OK ? reader(&b) : NULL;

	job->known = sk_X509_new_null();
	if (e == FLUFFY_OK && (bio == NULL || job->known == NULL))
		e = fluffy_fail_memory(job->ctx);
	if (e == FLUFFY_OK)
		e = take_certs(job, bio);
	BIO_free(bio);
	buffer_free(&b);
	return e;
}

/* ---- secrets ------------------------------------------------------------ */

enum fluffy_error
ca_read_key(struct ca_job *job, EVP_PKEY **key)
{
	struct buffer b;
	enum fluffy_error e = read_file(job, job->ca->key, &b);
	BIO *bio = e == FLUFFY_OK ? reader(&b) : NULL;
	bool asked = false;

	*key = NULL;
	if (e == FLUFFY_OK && bio == NULL)
		e = fluffy_fail_memory(job->ctx);
	if (e == FLUFFY_OK) {
		*key = PEM_read_bio_PrivateKey(bio, NULL, pkey_no_passphrase,
		    &asked);
		if (*key == NULL)
			e = ca_refuse(job, asked ?
			    "%s: the key is encrypted; nobody is there who "
			    "could be asked for its passphrase" :
			    "%s: there is no private key in it", job->ca->key);
	}
	BIO_free(bio);
	buffer_free(&b);
	return e;
}

enum fluffy_error
ca_read_secret(struct ca_job *job, struct buffer *b)
{
	enum fluffy_error e = read_file(job, job->ca->secret, b);

	if (e != FLUFFY_OK)
		return e;
	if (b->n > 0 && b->p[b->n - 1] == '\n')
		b->n--;
	if (b->n > 0 && b->p[b->n - 1] == '\r')
		b->n--;
	if (b->n == 0 || b->n > CA_SECRET_MAX)
		return ca_refuse(job, "%s: expected a secret of 1 to %d bytes",
		    job->ca->secret, CA_SECRET_MAX);
	return FLUFFY_OK;
}

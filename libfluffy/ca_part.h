/* ca_part.h - inside the CA's part: one certificate while it is obtained */
#ifndef FLUFFY_CA_PART_H
#define FLUFFY_CA_PART_H

#include <openssl/x509v3.h>

#include "ca.h"

struct ca_job {
	fluffy_ctx *ctx;
	const fluffy_ca *ca;
	const struct ca_request *request; /* NULL: ca_check */
	enum fluffy_error code;	/* of what is refused: NO_CA or USAGE */
	bool refused;		/* why is recorded */
	EVP_PKEY *key;		/* the pair's */
	struct bytes principal;
	STACK_OF(X509) *known;	/* the configured certificates, in order */
	STACK_OF(X509) *chain;	/* the result: verified, leaf first */
};

/* ---- ca.c --------------------------------------------------------------- */

/* Records the job's first refusal; clears OpenSSL's queue of errors. */
enum fluffy_error ca_refuse(struct ca_job *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* To sign with that key; NULL where it has its own (Ed25519, Ed448). */
const EVP_MD *ca_digest(const EVP_PKEY *);

/* The name as CN, when it isn't too long for one (RFC 5280: 64 characters). */
FLUFFY_CHECKED bool ca_subject(X509_NAME *, struct bytes name, bool *fits);
/* subjectAltName: the principal alone. */
GENERAL_NAMES *ca_alt_names(const struct ca_job *);

/*
 * What any new certificate has to be before anybody gets it; fills chain.
 * others: certificates that came along, trusted in nothing; may be NULL.
 */
FLUFFY_CHECKED enum fluffy_error ca_accept(struct ca_job *, X509 *leaf,
    STACK_OF(X509) *others);

/* Seconds since 1970, 0 when that can't be told or was before. */
uint64_t ca_seconds(const ASN1_TIME *);

/* ---- ca_read.c ---------------------------------------------------------- */

#define CA_SECRET_MAX 1024

/* Fills known. */
FLUFFY_CHECKED enum fluffy_error ca_read_certs(struct ca_job *);
FLUFFY_CHECKED enum fluffy_error ca_read_key(struct ca_job *, EVP_PKEY **);
/* Without the newline at its end. */
FLUFFY_CHECKED enum fluffy_error ca_read_secret(struct ca_job *,
    struct buffer *);

/* ---- the two ways ------------------------------------------------------- */

/* Each needs known. */
FLUFFY_CHECKED enum fluffy_error ca_files_check(struct ca_job *);
FLUFFY_CHECKED enum fluffy_error ca_files_certify(struct ca_job *);
FLUFFY_CHECKED enum fluffy_error ca_cmp_check(struct ca_job *);
FLUFFY_CHECKED enum fluffy_error ca_cmp_certify(struct ca_job *);

#endif

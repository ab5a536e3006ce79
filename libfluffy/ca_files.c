/* ca_files.c - a CA whose certificate and private key are in files */

#include "ca_part.h"

#define SERIAL_SIZE 16

/* ---- the CA ------------------------------------------------------------- */

/* Can it issue what is valid from then until then? */
static enum fluffy_error
check_issuer(struct ca_job *job, X509 *cert, EVP_PKEY *key, uint64_t from,
    uint64_t until)
{
	uint64_t not_after = ca_seconds(X509_get0_notAfter(cert));

	if (X509_check_private_key(cert, key) != 1)
		return ca_refuse(job, "%s isn't the key of the first "
		    "certificate in %s", job->ca->key, job->ca->cert);
	if (X509_check_ca(cert) != 1)
		return ca_refuse(job, "%s: the first certificate isn't a "
		    "CA's", job->ca->cert);
	if (ca_seconds(X509_get0_notBefore(cert)) > from)
		return ca_refuse(job, "%s: the CA's certificate isn't valid "
		    "yet", job->ca->cert);
	if (not_after < until || not_after <= from)
		return ca_refuse(job, "%s: the CA's certificate %s",
		    job->ca->cert, from < until ?
		    "ends before the new one would" : "has ended");
	return FLUFFY_OK;
}

/* Its certificate stays the job's. */
static enum fluffy_error
open_issuer(struct ca_job *job, uint64_t from, uint64_t until, X509 **cert,
    EVP_PKEY **key)
{
	enum fluffy_error e = ca_read_key(job, key);

	*cert = sk_X509_value(job->known, 0);
	return e != FLUFFY_OK ? e : check_issuer(job, *cert, *key, from,
	    until);
}

enum fluffy_error
ca_files_check(struct ca_job *job)
{
	uint64_t now = fluffy_now(job->ctx);
	EVP_PKEY *key;
	X509 *cert;
	enum fluffy_error e = open_issuer(job, now, now, &cert, &key);

	EVP_PKEY_free(key);
	return e;
}

/* ---- the new certificate ------------------------------------------------ */

/* Positive, and always of the same length. */
static bool
set_serial(X509 *cert, uint8_t random[SERIAL_SIZE])
{
	BIGNUM *n;
	bool ok;

	random[0] = (uint8_t)((random[0] & 0x7f) | 0x40);
	n = BN_bin2bn(random, SERIAL_SIZE, NULL);
	ok = n != NULL && BN_to_ASN1_INTEGER(n,
	    X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return ok;
}

static bool
set_times(const struct ca_job *job, X509 *cert)
{
	return ASN1_TIME_set(X509_getm_notBefore(cert),
	    (time_t)job->request->from) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(cert),
	    (time_t)job->request->until) != NULL;
}

/* RFC 5280, 4.2.1.6: critical when the subject is empty. */
static bool
add_names(const struct ca_job *job, X509 *cert)
{
	GENERAL_NAMES *names = ca_alt_names(job);
	X509_NAME *subject = X509_NAME_new();
	bool fits = false, ok;

	ok = names != NULL && subject != NULL &&
	    ca_subject(subject, job->request->name, &fits) &&
	    X509_set_subject_name(cert, subject) == 1 &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, !fits,
	    X509V3_ADD_DEFAULT) == 1;
	X509_NAME_free(subject);
	GENERAL_NAMES_free(names);
	return ok;
}

static bool
add_usage(X509 *cert)
{
	BASIC_CONSTRAINTS *no_ca = BASIC_CONSTRAINTS_new();
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	bool ok;

	/* bit 0: digitalSignature */
	ok = no_ca != NULL && usage != NULL &&
	    ASN1_BIT_STRING_set_bit(usage, 0, 1) == 1 &&
	    X509_add1_ext_i2d(cert, NID_basic_constraints, no_ca, 1,
	    X509V3_ADD_DEFAULT) == 1 &&
	    X509_add1_ext_i2d(cert, NID_key_usage, usage, 1,
	    X509V3_ADD_DEFAULT) == 1;
	BASIC_CONSTRAINTS_free(no_ca);
	ASN1_BIT_STRING_free(usage);
	return ok;
}

/* RFC 5280, 4.2.1.2, method 1. */
static bool
add_subject_key(X509 *cert)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n;
	bool ok;

	ok = id != NULL &&
	    X509_pubkey_digest(cert, EVP_sha1(), hash, &n) == 1 &&
	    ASN1_OCTET_STRING_set(id, hash, (int)n) == 1 &&
	    X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0,
	    X509V3_ADD_DEFAULT) == 1;
	ASN1_OCTET_STRING_free(id);
	return ok;
}

/* As the issuer calls its key; one that has no name for it gets none here. */
static bool
add_issuer_key(X509 *cert, X509 *issuer)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);
	AUTHORITY_KEYID *aki;
	bool ok;

	if (id == NULL)
		return true;
	if ((aki = AUTHORITY_KEYID_new()) == NULL)
		return false;
	aki->keyid = ASN1_OCTET_STRING_dup(id);
	ok = aki->keyid != NULL && X509_add1_ext_i2d(cert,
	    NID_authority_key_identifier, aki, 0, X509V3_ADD_DEFAULT) == 1;
	AUTHORITY_KEYID_free(aki);
	return ok;
}

static bool
fill(const struct ca_job *job, X509 *cert, X509 *issuer,
    uint8_t random[SERIAL_SIZE])
{
	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	    set_serial(cert, random) && set_times(job, cert) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	    X509_set_pubkey(cert, job->key) == 1 && add_usage(cert) &&
	    add_names(job, cert) && add_subject_key(cert) &&
	    add_issuer_key(cert, issuer);
}

static enum fluffy_error
issue(struct ca_job *job, X509 *issuer, EVP_PKEY *key)
{
	uint8_t random[SERIAL_SIZE];
	enum fluffy_error e = ctx_random(job->ctx, random, sizeof(random));
	X509 *cert;

	if (e != FLUFFY_OK)
		return e;
	cert = X509_new();
	if (cert == NULL || !fill(job, cert, issuer, random))
		e = ca_refuse(job, "the certificate can't be made");
	else if (X509_sign(cert, key, ca_digest(key)) <= 0)
		e = ca_refuse(job, "%s can't sign certificates",
		    job->ca->key);
	else
		e = ca_accept(job, cert, NULL);
	X509_free(cert);
	return e;
}

enum fluffy_error
ca_files_certify(struct ca_job *job)
{
	EVP_PKEY *key;
	X509 *issuer;
	enum fluffy_error e = open_issuer(job, job->request->from,
	    job->request->until, &issuer, &key);

	if (e == FLUFFY_OK)
		e = issue(job, issuer, key);
	EVP_PKEY_free(key);
	return e;
}

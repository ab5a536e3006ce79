/* ca_cmp.c - a CA that is asked over CMP (RFC 4210) in HTTP */
#include <errno.h>
#include <signal.h>

#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/httperr.h>

#include "ca_part.h"
#include "text.h"

/* Seconds that a CA has for one answer, and for all of them. */
#define ANSWER_SECONDS 10
#define TOTAL_SECONDS  20
#define ANSWER_MAX     ((size_t)100 * 1024)
#define CONTENT	       "application/pkixcmp"

/* ---- where it is -------------------------------------------------------- */

struct place {
	char *host, *port, *path;
};

static void
place_end(struct place *place)
{
	OPENSSL_free(place->host);
	OPENSSL_free(place->port);
	OPENSSL_free(place->path);
}

/* Of http://host[:port]/path, and nothing else. */
static enum fluffy_error
find_place(struct ca_job *job, struct place *place)
{
	const char *url = job->ca->url;
	int tls = 0;
	bool ok;

	*place = (struct place){ .port = NULL };
	if (OPENSSL_strncasecmp(url, "https:", 6) == 0)
		return ca_refuse(job, "%s: CMP's messages protect themselves; "
		    "expected http://", url);
	ok = strstr(url, "://") != NULL && strpbrk(url, "@?#") == NULL &&
	    OSSL_HTTP_parse_url(url, &tls, NULL, &place->host,
	    &place->port, NULL, &place->path, NULL, NULL) == 1 &&
	    tls == 0 && place->host[0] != '\0';
	if (ok)
		return FLUFFY_OK;
	place_end(place);
	*place = (struct place){ .port = NULL };
	return ca_refuse(job, "%s: expected http://HOST[:PORT]/PATH", url);
}

enum fluffy_error
ca_cmp_check(struct ca_job *job)
{
	struct buffer secret = BUFFER(0);
	struct place place;
	enum fluffy_error e = find_place(job, &place);

	place_end(&place);
	if (e == FLUFFY_OK && !name_valid(bytes_str(job->ca->ref)))
		e = ca_refuse(job, "reference: " NAME_EXPECTED);
	if (e == FLUFFY_OK)
		e = ca_read_secret(job, &secret);
	buffer_free(&secret);
	return e;
}

/* ---- transport ---------------------------------------------------------- */

/* OpenSSL's own way tries a closed port again and again until time is over. */
static BIO *
connect_to(const struct place *place, time_t deadline)
{
	BIO *bio = BIO_new(BIO_s_connect());

	if (bio == NULL || BIO_set_conn_hostname(bio, place->host) != 1 ||
	    BIO_set_conn_port(bio, place->port) != 1 ||
	    BIO_set_nbio(bio, 1) != 1) {
		BIO_free(bio);
		return NULL;
	}
	while (BIO_do_connect(bio) <= 0) {
		if (!BIO_should_retry(bio) ||
		    BIO_wait(bio, deadline, 100) <= 0) {
			BIO_free(bio);
			return NULL;
		}
	}
	return bio;
}

/* A connection given, OpenSSL uses none of the environment's proxies. */
static BIO *
post(const struct place *place, BIO *request, time_t deadline)
{
	BIO *connection = connect_to(place, deadline), *answer = NULL;
	time_t left = deadline - time(NULL);

	if (connection != NULL)
		answer = OSSL_HTTP_transfer(NULL, place->host, place->port,
		    place->path, 0, NULL, NULL, connection, NULL, NULL, NULL,
		    0, NULL, CONTENT, request, CONTENT, 1, ANSWER_MAX,
		    left < 1 ? 1 : (int)left, 0);
	BIO_free(connection);
	return answer;
}

/* OpenSSL has cut the seconds down to what is left of all of them. */
static OSSL_CMP_MSG *
transfer(OSSL_CMP_CTX *cmp, const OSSL_CMP_MSG *message)
{
	const struct place *place = OSSL_CMP_CTX_get_transfer_cb_arg(cmp);
	time_t deadline = time(NULL) + OSSL_CMP_CTX_get_option(cmp,
	    OSSL_CMP_OPT_MSG_TIMEOUT);
	BIO *request = BIO_new(BIO_s_mem()), *answer = NULL;
	OSSL_CMP_MSG *received = NULL;

	if (request != NULL && i2d_OSSL_CMP_MSG_bio(request, message) > 0)
		answer = post(place, request, deadline);
	if (answer != NULL)
		received = d2i_OSSL_CMP_MSG_bio(answer, NULL);
	BIO_free(request);
	BIO_free(answer);
	return received;
}

/* ---- the session with it ------------------------------------------------ */

static bool
set_place(OSSL_CMP_CTX *cmp, struct place *place)
{
	return OSSL_CMP_CTX_set_transfer_cb(cmp, transfer) == 1 &&
	    OSSL_CMP_CTX_set_transfer_cb_arg(cmp, place) == 1 &&
	    OSSL_CMP_CTX_set_option(cmp, OSSL_CMP_OPT_MSG_TIMEOUT,
	    ANSWER_SECONDS) == 1 &&
	    OSSL_CMP_CTX_set_option(cmp, OSSL_CMP_OPT_TOTAL_TIMEOUT,
	    TOTAL_SECONDS) == 1;
}

static bool
set_secret(const struct ca_job *job, OSSL_CMP_CTX *cmp, struct bytes secret)
{
	struct bytes ref = bytes_str(job->ca->ref);

	return OSSL_CMP_CTX_set1_referenceValue(cmp, ref.p, (int)ref.n) == 1 &&
	    OSSL_CMP_CTX_set1_secretValue(cmp, secret.p, (int)secret.n) == 1 &&
	    OSSL_CMP_CTX_set1_recipient(cmp, X509_get_subject_name(
	    sk_X509_value(job->known, 0))) == 1 &&
	    OSSL_CMP_CTX_set_option(cmp, OSSL_CMP_OPT_IMPLICIT_CONFIRM,
	    1) == 1;
}

/*
 * RFC 4211, 4.1: who proves that the private key is there has to have a
 * subject.  What is too long for a CN is a userId (RFC 4519: 256 characters).
 */
static bool
set_subject(const struct ca_job *job, OSSL_CMP_CTX *cmp)
{
	struct bytes name = job->request->name;
	X509_NAME *subject = X509_NAME_new();
	bool fits, ok;

	ok = subject != NULL && ca_subject(subject, name, &fits) &&
	    (fits || X509_NAME_add_entry_by_NID(subject, NID_userId,
	    MBSTRING_UTF8, name.p, (int)name.n, -1, 0) == 1) &&
	    OSSL_CMP_CTX_set1_subjectName(cmp, subject) == 1;
	X509_NAME_free(subject);
	return ok;
}

static bool
set_alt_names(const struct ca_job *job, OSSL_CMP_CTX *cmp)
{
	GENERAL_NAMES *names = ca_alt_names(job);
	bool ok;

	ok = names != NULL && OSSL_CMP_CTX_push1_subjectAltName(cmp,
	    sk_GENERAL_NAME_value(names, 0)) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool
set_key(const struct ca_job *job, OSSL_CMP_CTX *cmp)
{
	if (EVP_PKEY_up_ref(job->key) != 1)
		return false;
	if (OSSL_CMP_CTX_set0_newPkey(cmp, 1, job->key) == 1)
		return true;
	EVP_PKEY_free(job->key);
	return false;
}

/* What is asked for, and signed; OpenSSL alone would ask for whole days. */
static OSSL_CRMF_MSG *
template(const struct ca_job *job, OSSL_CMP_CTX *cmp)
{
	OSSL_CRMF_MSG *crm = OSSL_CMP_CTX_setup_CRM(cmp, 0, 0);
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)job->request->from);
	ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)job->request->until);

	if (crm != NULL && from != NULL && until != NULL &&
	    OSSL_CRMF_MSG_set0_validity(crm, from, until) == 1) {
		from = until = NULL;
		if (OSSL_CRMF_MSG_create_popo(OSSL_CRMF_POPO_SIGNATURE, crm,
		    job->key, ca_digest(job->key), NULL, NULL) == 1)
			return crm;
	}
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	OSSL_CRMF_MSG_free(crm);
	return NULL;
}

/* ---- its answer --------------------------------------------------------- */

/*
 * Before the certificate is confirmed, so that a CA can revoke what isn't
 * taken.
 */
static int
confirm(OSSL_CMP_CTX *cmp, X509 *cert, int fail_info, const char **text)
{
	struct ca_job *job = OSSL_CMP_CTX_get_certConf_cb_arg(cmp);
	STACK_OF(X509) *others = OSSL_CMP_CTX_get1_caPubs(cmp);

	(void)fail_info;	/* it's judged here */
	if (others == NULL)
		others = sk_X509_new_null();
	if (others != NULL && X509_add_certs(others,
	    OSSL_CMP_CTX_get0_untrusted(cmp), X509_ADD_FLAG_UP_REF |
	    X509_ADD_FLAG_NO_DUP) == 1 &&
	    ca_accept(job, cert, others) == FLUFFY_OK) {
		sk_X509_pop_free(others, X509_free);
		return 0;
	}
	sk_X509_pop_free(others, X509_free);
	*text = "not what was asked for";
	return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

/* ---- why there is none -------------------------------------------------- */

/*
 * This process loads none of OpenSSL's texts: they'd double its start-up.  The
 * first that fits; reason 0 is any.
 */
static const struct cause {
	int lib, reason;
	const char *text;
} causes[] = {
	{ ERR_LIB_BIO, BIO_R_CONNECT_TIMEOUT, "no connection in time" },
	{ ERR_LIB_BIO, BIO_R_TRANSFER_TIMEOUT, "no answer in time" },
	{ ERR_LIB_CMP, CMP_R_TOTAL_TIMEOUT, "no certificate in time" },
	{ ERR_LIB_BIO, BIO_R_LOOKUP_RETURNED_NOTHING, "no such host" },
	{ ERR_LIB_BIO, ERR_R_SYS_LIB, "no such host" },
	{ ERR_LIB_HTTP, 0, "no answer of CMP over HTTP" },
	{ ERR_LIB_ASN1, 0, "no answer of CMP over HTTP" },
	{ ERR_LIB_CMP, CMP_R_WRONG_PBM_VALUE, "it has another secret" },
	{ ERR_LIB_CMP, CMP_R_MISSING_PROTECTION,
	    "its answer isn't protected by the secret" },
	{ ERR_LIB_CMP, CMP_R_MISSING_TRUST_ANCHOR,
	    "its answer isn't protected by the secret" },
};

static const char *
text_of(unsigned long error)
{
	int lib = ERR_GET_LIB(error), reason = ERR_GET_REASON(error);
	size_t i;

	if (ERR_SYSTEM_ERROR(error))
		return strerror(reason);
	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (lib == causes[i].lib && (causes[i].reason == 0 ||
		    reason == causes[i].reason))
			return causes[i].text;
	return NULL;
}

/* OpenSSL's queue has the cause first. */
static enum fluffy_error
refuse_by_queue(struct ca_job *job)
{
	unsigned long first = ERR_peek_error(), error;
	const char *text = NULL;

	while (text == NULL && (error = ERR_get_error()) != 0)
		text = text_of(error);
	if (text != NULL)
		return ca_refuse(job, "%s: %s", job->ca->url, text);
	return ca_refuse(job, "%s: CMP fails (OpenSSL's error %d:%d)",
	    job->ca->url, ERR_GET_LIB(first), ERR_GET_REASON(first));
}

static enum fluffy_error
refuse(struct ca_job *job, const OSSL_CMP_CTX *cmp)
{
	char text[OSSL_CMP_PKISI_BUFLEN];

	if (job->refused)
		return job->code;
	if (OSSL_CMP_CTX_get_status(cmp) == OSSL_CMP_PKISTATUS_rejection &&
	    OSSL_CMP_CTX_snprint_PKIStatus(cmp, text, sizeof(text)) != NULL)
		return ca_refuse(job, "%s: the CA refuses: %s",
		    job->ca->url, text);
	return refuse_by_queue(job);
}

/* ---- asking ------------------------------------------------------------- */

/* A CA that hangs up mustn't end the program. */
static bool
hold_sigpipe(sigset_t *pipe, sigset_t *before)
{
	sigset_t waiting;

	(void)sigemptyset(pipe);
	(void)sigemptyset(&waiting);
	(void)sigaddset(pipe, SIGPIPE);
	(void)sigpending(&waiting);
	(void)pthread_sigmask(SIG_BLOCK, pipe, before);
	return sigismember(&waiting, SIGPIPE) == 1;
}

static void
release_sigpipe(const sigset_t *pipe, const sigset_t *before, bool waited)
{
	static const struct timespec now;

	while (!waited && sigtimedwait(pipe, NULL, &now) < 0 &&
	    errno == EINTR)
		;
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static enum fluffy_error
ask(struct ca_job *job, OSSL_CMP_CTX *cmp, OSSL_CRMF_MSG *crm)
{
	sigset_t pipe, before;
	bool waited = hold_sigpipe(&pipe, &before);
	X509 *cert;

	ERR_clear_error();
	cert = OSSL_CMP_exec_certreq(cmp, OSSL_CMP_IR, crm);
	release_sigpipe(&pipe, &before, waited);
	if (cert == NULL || job->chain == NULL)
		return refuse(job, cmp);
	return FLUFFY_OK;
}

static enum fluffy_error
prepare_and_ask(struct ca_job *job, OSSL_CMP_CTX *cmp,
    struct place *place, struct bytes secret)
{
	OSSL_CRMF_MSG *crm = NULL;
	enum fluffy_error e;

	if (set_place(cmp, place) && set_secret(job, cmp, secret) &&
	    set_subject(job, cmp) && set_alt_names(job, cmp) &&
	    set_key(job, cmp) &&
	    OSSL_CMP_CTX_set_certConf_cb(cmp, confirm) == 1 &&
	    OSSL_CMP_CTX_set_certConf_cb_arg(cmp, job) == 1)
		crm = template(job, cmp);
	e = crm == NULL ? ca_refuse(job, "the request can't be made") :
	    ask(job, cmp, crm);
	OSSL_CRMF_MSG_free(crm);
	return e;
}

enum fluffy_error
ca_cmp_certify(struct ca_job *job)
{
	struct buffer secret = BUFFER(0);
	struct place place;
	enum fluffy_error e = find_place(job, &place);
	OSSL_CMP_CTX *cmp = NULL;

	if (e == FLUFFY_OK)
		e = ca_read_secret(job, &secret);
	if (e == FLUFFY_OK && (cmp = OSSL_CMP_CTX_new(NULL, NULL)) == NULL)
		e = fluffy_fail_memory(job->ctx);
	if (e == FLUFFY_OK)
		e = prepare_and_ask(job, cmp, &place, buffer_view(&secret));
	OSSL_CMP_CTX_free(cmp);
	buffer_free(&secret);
	place_end(&place);
	return e;
}

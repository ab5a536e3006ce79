/*
 * cmp-responder.c - a CA that speaks CMP, for the stories
 *
 * A real one, of OpenSSL's server side, over HTTP on 127.0.0.1; it prints its
 * port.  How it behaves says the path of the URL; where that begins with
 * "confirm/" it wants its certificates to be confirmed.
 *   cmp, slow, hour
 *             as it should, after 3 seconds, or for an hour whatever is asked
 *   refuse    refuses
 *   wait      lets the client come back for its certificate for ever
 *   key, name, names, nameless, long, early, ended, ca, stranger
 *             the certificate is for another key, for another principal, for
 *             two, for none, good for a year, from tomorrow on, until
 *             yesterday, a CA's, signed by nobody known
 *   secret    answers under another secret
 *   hang, drip, close, garbage, html, huge
 *             speaks no HTTP, or no CMP
 */
#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY 86400

static STACK_OF(X509) *cas;	/* the CA's certificate, then its issuers' */
static EVP_PKEY *ca_key, *stray_key;
static char secret[1024], other_secret[] = "another", path[100];
static bool confirm;

static bool
mode(const char *name)
{
	return strcmp(path, name) == 0;
}

/* ---- certificates ------------------------------------------------------- */

/* What OpenSSL 3.0 has no functions for: members of a template, by tag. */
static const unsigned char *
find_member(const unsigned char *p, long len, int wanted, long *found)
{
	const unsigned char *end = p + len;

	while (p < end) {
		const unsigned char *start = p;
		int tag, class;

		if ((ASN1_get_object(&p, &len, &tag, &class, end - p) &
		    0x80) != 0)
			break;
		if (class == V_ASN1_CONTEXT_SPECIFIC && tag == wanted) {
			*found = p + len - start;
			return start;
		}
		p += len;
	}
	return NULL;
}

static void
skip_head(const unsigned char **p, long *len)
{
	int tag, class;

	ASN1_get_object(p, len, &tag, &class, *len);
}

static void
set_key(X509 *cert, const unsigned char *body, long len)
{
	const unsigned char *p = find_member(body, len, 6, &len);
	unsigned char *copy = p == NULL ? NULL : OPENSSL_memdup(p,
	    (size_t)len);
	EVP_PKEY *key;

	if (copy == NULL)
		errx(1, "a template without a key");
	copy[0] = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
	p = copy;
	key = d2i_PUBKEY(NULL, &p, len);
	X509_set_pubkey(cert, mode("key") ? stray_key : key);
	EVP_PKEY_free(key);
	OPENSSL_free(copy);
}

static void
set_time(ASN1_TIME *to, const unsigned char *validity, long len, int tag,
    bool changed, long seconds)
{
	const unsigned char *p = find_member(validity, len, tag, &len);
	ASN1_TIME *time;

	if (p == NULL)
		errx(1, "a template without times");
	skip_head(&p, &len);
	time = d2i_ASN1_TIME(NULL, &p, len);
	ASN1_STRING_copy(to, time);
	ASN1_TIME_free(time);
	if (changed)
		X509_gmtime_adj(to, seconds);
}

static void
set_times(X509 *cert, const unsigned char *body, long len)
{
	const unsigned char *p = find_member(body, len, 4, &len);
	long until = mode("hour") ? 3600 : mode("ended") ? -DAY :
	    mode("early") ? 2 * DAY : 365 * DAY;

	if (p == NULL)
		errx(1, "a template without validity");
	skip_head(&p, &len);
	set_time(X509_getm_notBefore(cert), p, len, 0, mode("early") ||
	    mode("ended"), mode("early") ? DAY : -2 * DAY);
	set_time(X509_getm_notAfter(cert), p, len, 1, mode("hour") ||
	    mode("early") || mode("ended") || mode("long"), until);
}

static void
add_ext(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, sk_X509_value(cas, 0), cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	if (ext == NULL || X509_add_ext(cert, ext, -1) != 1)
		errx(1, "an extension");
	X509_EXTENSION_free(ext);
}

static void
set_extensions(X509 *cert, const X509_EXTENSIONS *wanted)
{
	for (int i = 0; i < sk_X509_EXTENSION_num(wanted); i++)
		X509_add_ext(cert, sk_X509_EXTENSION_value(wanted, i), -1);
	if (mode("name") || mode("names") || mode("nameless")) {
		X509_EXTENSION_free(X509_delete_ext(cert,
		    X509_get_ext_by_NID(cert, NID_subject_alt_name, -1)));
		add_ext(cert, NID_subject_alt_name, mode("name") ?
		    "URI:fluffy://home/lock" : mode("names") ?
		    "URI:fluffy://home/sensor,URI:fluffy://home/lock" :
		    "DNS:sensor,URI:http://home/sensor");
	}
	add_ext(cert, NID_basic_constraints,
	    mode("ca") ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_ext(cert, NID_key_usage, mode("ca") ?
	    "critical,digitalSignature,keyCertSign" :
	    "critical,digitalSignature");
	add_ext(cert, NID_subject_key_identifier, "hash");
	add_ext(cert, NID_authority_key_identifier, "keyid");
}

static X509 *
certify(OSSL_CRMF_CERTTEMPLATE *template)
{
	X509 *cert = X509_new(), *ca = sk_X509_value(cas, 0);
	unsigned char *der = NULL;
	const unsigned char *body;
	long len = i2d_OSSL_CRMF_CERTTEMPLATE(template, &der);

	if (cert == NULL || len <= 0)
		errx(1, "no memory");
	body = der;
	skip_head(&body, &len);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), (long)getpid() << 16 |
	    (random() & 0xffff));
	X509_set_issuer_name(cert, X509_get_subject_name(ca));
	X509_set_subject_name(cert,
	    OSSL_CRMF_CERTTEMPLATE_get0_subject(template));
	set_key(cert, body, len);
	set_times(cert, body, len);
	set_extensions(cert, OSSL_CRMF_CERTTEMPLATE_get0_extensions(template));
	X509_sign(cert, mode("stranger") ? stray_key : ca_key, EVP_sha256());
	OPENSSL_free(der);
	return cert;
}

/* ---- CMP ---------------------------------------------------------------- */

static OSSL_CMP_PKISI *
on_request(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message, int id,
    const OSSL_CRMF_MSG *crm, const X509_REQ *p10, X509 **cert,
    STACK_OF(X509) **chain, STACK_OF(X509) **ca_pubs)
{
	(void)srv, (void)message, (void)id, (void)p10;
	if (mode("refuse"))
		return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection,
		    OSSL_CMP_CTX_FAILINFO_notAuthorized, "not today");
	if (mode("wait"))
		return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0,
		    NULL);
	fprintf(stderr, "asked for %s\n", path);
	sleep(mode("slow") ? 3 : 0);
	*cert = certify(OSSL_CRMF_MSG_get0_tmpl(crm));
	*chain = X509_chain_up_ref(cas);
	*ca_pubs = NULL;
	return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

static int
on_confirmation(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message, int id,
    const ASN1_OCTET_STRING *hash, const OSSL_CMP_PKISI *status)
{
	char text[OSSL_CMP_PKISI_BUFLEN] = "PKIStatus: accepted";

	(void)srv, (void)message, (void)id, (void)hash;
	if (status != NULL)
		OSSL_CMP_snprint_PKIStatusInfo(status, text, sizeof(text));
	fprintf(stderr, "confirmed: %s\n", text);
	return 1;
}

static int
on_poll(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message, int id,
    OSSL_CMP_MSG **request, int64_t *check_after)
{
	(void)srv, (void)message, (void)id;
	*request = NULL;
	*check_after = 1;
	return 1;
}

/* ---- HTTP --------------------------------------------------------------- */

#define OK "HTTP/1.0 200 OK\r\nContent-Type: "

static void
answer(FILE *out, OSSL_CMP_SRV_CTX *srv, const char *body, long len)
{
	const unsigned char *p = (const unsigned char *)body;
	BIO *in = BIO_new_mem_buf(p, (int)len), *mem = BIO_new(BIO_s_mem());
	OSSL_CMP_CTX *cmp = OSSL_CMP_SRV_CTX_get0_cmp_ctx(srv);
	OSSL_CMP_MSG *request = d2i_OSSL_CMP_MSG_bio(in, NULL), *reply = NULL;
	char *data;

	/* with another secret nothing verifies that comes */
	OSSL_CMP_SRV_CTX_set_accept_unprotected(srv, mode("secret"));
	OSSL_CMP_CTX_set1_secretValue(cmp, (unsigned char *)(mode("secret") ?
	    other_secret : secret), (int)strlen(mode("secret") ?
	    other_secret : secret));
	OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(srv, !confirm);
	if (request != NULL)
		reply = OSSL_CMP_SRV_process_request(srv, request);
	if (reply != NULL && i2d_OSSL_CMP_MSG_bio(mem, reply) > 0) {
		len = BIO_get_mem_data(mem, &data);
		fprintf(out, OK "application/pkixcmp\r\n"
		    "Content-Length: %ld\r\n\r\n", len);
		fwrite(data, 1, (size_t)len, out);
	} else
		fprintf(out, "HTTP/1.0 400 Bad Request\r\n\r\n");
	OSSL_CMP_MSG_free(request);
	OSSL_CMP_MSG_free(reply);
	BIO_free(in);
	BIO_free(mem);
}

/* What it says instead of an answer; NULL: it answers. */
static const char *
oddity(void)
{
	return mode("garbage") ? "\1\2\3 garbage\n" :
	    mode("html") ? OK "text/html\r\n\r\n<html>Hello\n" :
	    mode("huge") ? OK "application/pkixcmp\r\nContent-Length: "
	    "90000000\r\n\r\n\x30\x84\x05\x5d\x4a\x7a" :
	    mode("hang") || mode("drip") || mode("close") ? "" : NULL;
}

/* In a process of its own: others are served meanwhile. */
static void
misbehave(FILE *out)
{
	fprintf(stderr, "asked for %s\n", path);
	alarm(60);
	fputs(oddity(), out);
	fflush(out);
	while (mode("drip") && fputc('H', out) != EOF && fflush(out) == 0)
		sleep(1);
	while (mode("hang"))
		pause();
	_exit(0);
}

static void
serve(FILE *in, FILE *out, OSSL_CMP_SRV_CTX *srv)
{
	char line[1000], *body;
	long len = -1;

	if (fgets(line, sizeof(line), in) == NULL ||
	    sscanf(line, "POST /%99[^ ] ", path) != 1)
		return;
	confirm = strncmp(path, "confirm/", 8) == 0;
	if (confirm)
		memmove(path, path + 8, strlen(path + 8) + 1);
	while (fgets(line, sizeof(line), in) != NULL && line[0] != '\r')
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			len = atol(line + 15);
	if (len < 0 || len > 1000000 || (body = malloc((size_t)len)) == NULL)
		return;
	if (fread(body, 1, (size_t)len, in) != (size_t)len)
		warnx("a request that ends early");
	else if (oddity() == NULL)
		answer(out, srv, body, len);
	else if (fork() == 0)
		misbehave(out);
	free(body);
}

/* ---- start -------------------------------------------------------------- */

static void
read_files(char **argv)
{
	FILE *certs = fopen(argv[1], "r"), *key = fopen(argv[2], "r");
	FILE *file = fopen(argv[4], "r");
	X509 *cert;

	cas = sk_X509_new_null();
	if (certs == NULL || key == NULL || file == NULL || cas == NULL)
		err(1, "files");
	while ((cert = PEM_read_X509(certs, NULL, NULL, NULL)) != NULL)
		sk_X509_push(cas, cert);
	ca_key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
	stray_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (ca_key == NULL || stray_key == NULL || sk_X509_num(cas) == 0 ||
	    fgets(secret, sizeof(secret), file) == NULL)
		errx(1, "files");
	secret[strcspn(secret, "\n")] = '\0';
	ERR_clear_error();
	fclose(certs);
	fclose(key);
	fclose(file);
}

static int
listen_and_tell(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (void *)&at, size) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (void *)&at, &size) < 0)
		err(1, "socket");
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	OSSL_CMP_SRV_CTX *srv = OSSL_CMP_SRV_CTX_new(NULL, NULL);
	int fd;

	if (argc != 5)
		errx(2, "usage: cmp-responder CERTS KEY REFERENCE SECRETFILE");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	read_files(argv);
	if (srv == NULL || OSSL_CMP_SRV_CTX_init(srv, NULL, on_request, NULL,
	    NULL, NULL, on_confirmation, on_poll) != 1 ||
	    OSSL_CMP_CTX_set1_referenceValue(OSSL_CMP_SRV_CTX_get0_cmp_ctx(
	    srv), (unsigned char *)argv[3], (int)strlen(argv[3])) != 1)
		errx(1, "no server");
	fd = listen_and_tell();
	for (;;) {
		int client = accept(fd, NULL, NULL);
		FILE *in = client < 0 ? NULL : fdopen(client, "r");
		FILE *out = in == NULL ? NULL : fdopen(dup(client), "w");

		if (out == NULL)
			err(1, "accept");
		serve(in, out, srv);
		fclose(out);
		fclose(in);
	}
}

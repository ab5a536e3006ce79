/*
 * dtls-mbedtls.c - AuthorizedPublicKey (memo, 3) on mbed TLS 2.28
 *
 * The memo changes four messages of a DTLS 1.2 handshake: the two hellos carry
 * certificate types, the server's Certificate is empty and the client's is a
 * MacCert.  mbed TLS has no hooks for these, but it makes its handshake in
 * steps, each for one message, which may be called one by one.  So those four
 * steps are ours, and everything else is mbed TLS's: records, flights, losses,
 * key exchange, signatures and Finished.
 *
 * What is reached into (mbedtls/ssl_internal.h) belongs to one release, hence
 * check_version().
 */
#include <mbedtls/error.h>
#include <mbedtls/platform.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/ssl_internal.h>
#include <mbedtls/version.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "dtls.h"
#include "relay.h"
#include "report.h"

/* IANA's; AuthzCert is the memo's (section 6). */
enum { CLIENT_CERTIFICATE_TYPE = 19, SERVER_CERTIFICATE_TYPE = 20 };
enum { X_509 = 0, AUTHZ_CERT = 3 };

#define RECORD_HEADER 13	/* RFC 6347, 4.1 */

#define RETRANSMIT_FIRST 1000	/* milliseconds; doubled each time, */
#define RETRANSMIT_LAST	 8000	/* until these have passed in vain as well */

/* What the sessions of one end share. */
struct end {
	fluffy_ctx *ctx;
	fluffy_store *store;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt own;	/* no certificate: it holds the end's pair */
	mbedtls_ssl_cookie_ctx cookie;
};

/* When mbed TLS wants to be called again, or NEVER. */
struct timer {
	int64_t middle, last;
};

struct session {
	struct dtls dtls;
	struct end *end;	/* a client has one of its own */
	mbedtls_ssl_context ssl;
	struct timer timer;
	/* The datagram that was received, until mbed TLS takes it. */
	const void *in;
	size_t in_len;
	/* While a hello is written: the hash that it goes into. */
	void (*hash)(mbedtls_ssl_context *, const unsigned char *, size_t);
	/* Of a client's credential. */
	mbedtls_x509_crt *rs;	/* no certificate: it holds the RS's key */
	uint8_t *maccert;
	size_t maccert_len;
};

struct dtls_listener {
	struct end *end;
	struct session *spare;	/* reads first messages, until one is good */
};

static bool
is_server(const struct session *s)
{
	return s->end->conf.endpoint == MBEDTLS_SSL_IS_SERVER;
}

static const char *
text_of(int error)
{
	static char text[128];

	mbedtls_strerror(error, text, sizeof text);
	return text;
}

/* ---- how it ends --------------------------------------------------------- */

static void
over(struct session *s, bool refused, const char *why, const char *detail)
{
	s->dtls.refused = refused && s->dtls.state == DTLS_HANDSHAKE;
	s->dtls.state = DTLS_OVER;
	snprintf(s->dtls.why, sizeof s->dtls.why, "%s%s%s", why,
	    *why != '\0' && *detail != '\0' ? ": " : "", detail);
	clean_text(s->dtls.why);	/* it may have been cut within a letter */
}

/* This end refuses the other; what the step returns. */
static int
refuse(struct session *s, unsigned char alert, const char *why,
    const char *detail)
{
	(void)mbedtls_ssl_send_alert_message(&s->ssl,
	    MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
	over(s, is_server(s), why, detail);
	return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* A step, or reading, has failed; unless it has said so itself. */
static void
failed(struct session *s, int error)
{
	if (s->dtls.state == DTLS_OVER)
		return;
	switch (error) {
	case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
		(void)mbedtls_ssl_close_notify(&s->ssl);
		over(s, true, "", "");
		break;
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		over(s, true, "alert",
		    SSL_alert_desc_string_long(s->ssl.in_msg[1]));
		break;
	case MBEDTLS_ERR_ECP_VERIFY_FAILED:
		over(s, is_server(s), "the other end has another key than the "
		    "one that was certified for it", "");
		break;
	case MBEDTLS_ERR_SSL_TIMEOUT:
		over(s, false, "no answer", "");
		break;
	default:
		over(s, is_server(s), s->dtls.state == DTLS_HANDSHAKE ?
		    "handshake failed" : "broken off", text_of(error));
	}
}

/* ---- certificate types in the hellos ------------------------------------- */

/*
 * Where the vector ends whose length, of that many bytes, is at a place in a
 * message; len + 1 when it isn't whole or begins behind the message.
 */
static size_t
vector_end(const uint8_t *msg, size_t len, size_t at, size_t width)
{
	size_t n = 0;

	if (at > len || len - at < width)
		return len + 1;
	while (width-- > 0)
		n = n << 8 | msg[at++];
	return n <= len - at ? at + n : len + 1;
}

/*
 * Where the extensions of a ClientHello or ServerHello begin, with their
 * length: len if it has none, len + 1 or more if it is broken.
 */
static size_t
extensions_at(const mbedtls_ssl_context *ssl, const uint8_t *msg, size_t len)
{
	size_t at = mbedtls_ssl_hs_hdr_len(ssl) + 2 + 32; /* version, random */

	at = vector_end(msg, len, at, 1);		/* session_id */
	if (msg[0] != MBEDTLS_SSL_HS_CLIENT_HELLO)
		return at + 2 + 1;	/* cipher_suite, compression_method */
	at = vector_end(msg, len, at, 1);		/* cookie */
	at = vector_end(msg, len, at, 2);		/* cipher_suites */
	return vector_end(msg, len, at, 1);		/* compression_methods */
}

static void
put(uint8_t *to, size_t width, size_t value)
{
	for (; width-- > 0; value >>= 8)
		to[width] = (uint8_t)value;
}

/* To the hello that mbed TLS has written, which has room for 16 kilobytes. */
static void
add_extensions(mbedtls_ssl_context *ssl, const uint8_t *add, size_t add_len)
{
	uint8_t *msg = ssl->out_msg;
	size_t len = ssl->out_msglen, header = mbedtls_ssl_hs_hdr_len(ssl);
	size_t at = extensions_at(ssl, msg, len);

	if (at == len) {
		put(msg + at, 2, 0);
		len += 2;
	}
	memcpy(msg + len, add, add_len);
	len += add_len;
	put(msg + at, 2, len - at - 2);
	put(msg + 1, 3, len - header);	/* length */
	put(msg + 9, 3, len - header);	/* fragment_length */
	ssl->out_msglen = len;
}

/*
 * Stands in for update_checksum while a hello is written: that is called with
 * the message as it will be sent, header and all, before it is hashed and
 * queued.  So what is added here is in the hash, and in each retransmission.
 */
static void
hello_extended(mbedtls_ssl_context *ssl, const unsigned char *msg, size_t len)
{
	/* A list of one type; in the answer that type. */
	static const uint8_t offer[] = {
		0, CLIENT_CERTIFICATE_TYPE, 0, 2, 1, AUTHZ_CERT,
		0, SERVER_CERTIFICATE_TYPE, 0, 2, 1, X_509
	}, answer[] = {
		0, CLIENT_CERTIFICATE_TYPE, 0, 1, AUTHZ_CERT,
		0, SERVER_CERTIFICATE_TYPE, 0, 1, X_509
	};
	const struct session *s = ssl->p_bio;

	(void)len;
	/* The server's step may write a HelloVerifyRequest instead. */
	if (msg[0] == MBEDTLS_SSL_HS_CLIENT_HELLO)
		add_extensions(ssl, offer, sizeof offer);
	else if (msg[0] == MBEDTLS_SSL_HS_SERVER_HELLO)
		add_extensions(ssl, answer, sizeof answer);
	s->hash(ssl, ssl->out_msg, ssl->out_msglen);
}

static int
hello_write(struct session *s)
{
	mbedtls_ssl_handshake_params *handshake = s->ssl.handshake;
	int error;

	s->hash = handshake->update_checksum;
	handshake->update_checksum = hello_extended;
	error = mbedtls_ssl_handshake_step(&s->ssl);
	handshake->update_checksum = s->hash;
	return error;
}

/* An extension's data in the hello that was read; NULL when it isn't there. */
static const uint8_t *
extension(const mbedtls_ssl_context *ssl, unsigned type, size_t *data_len)
{
	const uint8_t *msg = ssl->in_msg;
	/* mbed TLS has read it: its length is that of what was received. */
	size_t len = mbedtls_ssl_hs_hdr_len(ssl) +
	    (size_t)(msg[1] << 16 | msg[2] << 8 | msg[3]);
	size_t at = extensions_at(ssl, msg, len), next;

	if (vector_end(msg, len, at, 2) != len)
		return NULL;
	for (at += 2; at < len; at = next) {
		next = vector_end(msg, len, at + 2, 2);
		if (next > len)
			return NULL;
		if ((unsigned)(msg[at] << 8 | msg[at + 1]) == type) {
			*data_len = next - at - 4;
			return msg + at + 4;
		}
	}
	return NULL;
}

/* In a ClientHello: a type is offered; or is meant, without the extension. */
static bool
is_offered(const mbedtls_ssl_context *ssl, unsigned which, uint8_t type,
    bool meant)
{
	size_t len;
	const uint8_t *list = extension(ssl, which, &len);

	if (list == NULL)
		return meant;
	return vector_end(list, len, 0, 1) == len &&
	    memchr(list + 1, type, len - 1) != NULL;
}

static bool
is_answered(const mbedtls_ssl_context *ssl, unsigned which, uint8_t type)
{
	size_t len;
	const uint8_t *chosen = extension(ssl, which, &len);

	return chosen != NULL && len == 1 && *chosen == type;
}

/*
 * A client that offers no type for the server means X.509 (RFC 7250, 3); it
 * gets the memo's answer all the same, as figure 4 draws it.
 */
static int
client_hello_read(struct session *s)
{
	int error = mbedtls_ssl_handshake_step(&s->ssl);

	if (error != 0)
		return error;
	if (!is_offered(&s->ssl, CLIENT_CERTIFICATE_TYPE, AUTHZ_CERT, false) ||
	    !is_offered(&s->ssl, SERVER_CERTIFICATE_TYPE, X_509, true))
		return refuse(s, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
		    "the client doesn't offer AuthzCert", "");
	return 0;
}

static int
server_hello_read(struct session *s)
{
	int error = mbedtls_ssl_handshake_step(&s->ssl);

	/* It may have been a HelloVerifyRequest: back to the ClientHello. */
	if (error != 0 || s->ssl.state != MBEDTLS_SSL_SERVER_CERTIFICATE)
		return error;
	if (!is_answered(&s->ssl, CLIENT_CERTIFICATE_TYPE, AUTHZ_CERT) ||
	    !is_answered(&s->ssl, SERVER_CERTIFICATE_TYPE, X_509))
		return refuse(s, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
		    "the server doesn't take AuthzCert", "");
	return 0;
}

/* ---- the two Certificate messages ---------------------------------------- */

/*
 * As mbed TLS writes a message: behind the four bytes of TLS's header, whose
 * length and DTLS's part mbedtls_ssl_write_handshake_msg adds.
 */
static int
certificate_write(struct session *s, const void *body, size_t len)
{
	if (len > MBEDTLS_SSL_OUT_CONTENT_LEN - mbedtls_ssl_hs_hdr_len(&s->ssl))
		return MBEDTLS_ERR_SSL_CERTIFICATE_TOO_LARGE;
	s->ssl.out_msgtype = MBEDTLS_SSL_MSG_HANDSHAKE;
	s->ssl.out_msg[0] = MBEDTLS_SSL_HS_CERTIFICATE;
	memcpy(s->ssl.out_msg + 4, body, len);
	s->ssl.out_msglen = 4 + len;
	s->ssl.state++;
	return mbedtls_ssl_write_handshake_msg(&s->ssl);
}

/* Reading may be repeated until the message is there, whole and in its turn. */
static int
certificate_read(struct session *s, const uint8_t **body, size_t *len)
{
	size_t header = mbedtls_ssl_hs_hdr_len(&s->ssl);
	int error = mbedtls_ssl_read_record(&s->ssl, 1);

	if (error != 0)
		return error;
	if (s->ssl.in_msgtype != MBEDTLS_SSL_MSG_HANDSHAKE ||
	    s->ssl.in_msg[0] != MBEDTLS_SSL_HS_CERTIFICATE ||
	    s->ssl.in_hslen < header)
		return refuse(s, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE,
		    "no Certificate message where one belongs", "");
	*body = s->ssl.in_msg + header;
	*len = s->ssl.in_hslen - header;
	s->ssl.state++;
	return 0;
}

/* A stand-in for the certificate that a SubjectPublicKeyInfo didn't come in. */
static int
stand_in(const uint8_t *spki, size_t len, mbedtls_x509_crt **crt)
{
	int error;

	/* Sessions free it with mbedtls_free. */
	*crt = mbedtls_calloc(1, sizeof **crt);
	if (*crt == NULL)
		return MBEDTLS_ERR_X509_ALLOC_FAILED;
	mbedtls_x509_crt_init(*crt);
	error = mbedtls_pk_parse_public_key(&(*crt)->pk, spki, len);
	if (error != 0) {
		mbedtls_x509_crt_free(*crt);
		mbedtls_free(*crt);
		*crt = NULL;
	}
	return error;
}

/* memo, 3: "the RS sends an empty certificate_list" */
static int
server_certificate_write(struct session *s)
{
	static const uint8_t no_certificates[3];

	return certificate_write(s, no_certificates, sizeof no_certificates);
}

static int
server_certificate_read(struct session *s)
{
	const uint8_t *list;
	size_t len;
	int error = certificate_read(s, &list, &len);

	if (error != 0)
		return error;
	if (len != 3 || (list[0] | list[1] | list[2]) != 0)
		return refuse(s, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
		    "the server's certificate_list isn't empty", "");
	/* With it the signature in ServerKeyExchange is verified. */
	s->ssl.session_negotiate->peer_cert = s->rs;
	s->rs = NULL;
	return 0;
}

static int
client_certificate_write(struct session *s)
{
	/* Without a CertificateRequest nobody would know who this is. */
	if (!s->ssl.client_auth)
		return refuse(s, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE,
		    "the server doesn't ask for a certificate", "");
	return certificate_write(s, s->maccert, s->maccert_len);
}

/* What the library has refused; memo, 3.3: "MUST send a bad_certificate". */
static int
refuse_claim(struct session *s, enum fluffy_error error)
{
	fluffy_reason reason = fluffy_why(s->end->ctx);
	unsigned char alert = MBEDTLS_SSL_ALERT_MSG_BAD_CERT;

	if (fluffy_error_status(error) == FLUFFY_BROKEN) {
		report_why(s->end->ctx, error);
		alert = MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
	}
	return refuse(s, alert, reason.field, reason.text);
}

static int
client_certificate_read(struct session *s)
{
	fluffy_bytes spki = { NULL, 0 };
	const uint8_t *maccert;
	size_t len;
	enum fluffy_error error;
	int failure = certificate_read(s, &maccert, &len);

	if (failure != 0)
		return failure;
	error = fluffy_dk_verify(s->end->store, maccert, len, &s->dtls.claim,
	    &spki);
	if (error != FLUFFY_OK)
		return refuse_claim(s, error);
	/* With it the signature in CertificateVerify is verified. */
	failure = stand_in(spki.data, spki.len,
	    &s->ssl.session_negotiate->peer_cert);
	fluffy_bytes_free(&spki);
	if (failure != 0)
		return refuse(s, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
		    "the client's public key", text_of(failure));
	return 0;
}

/* ---- the handshake ------------------------------------------------------- */

static int
mbedtls_step(struct session *s)
{
	return mbedtls_ssl_handshake_step(&s->ssl);
}

/* mbed TLS sends no alert when it doesn't like a CertificateVerify. */
static int
certificate_verify_read(struct session *s)
{
	int error = mbedtls_step(s);

	if (error != 0 && s->ssl.state != MBEDTLS_SSL_CERTIFICATE_VERIFY)
		return refuse(s, MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR,
		    "the client hasn't proved its key", text_of(error));
	return error;
}

/*
 * Once the client's Finished is verified, the number is taken, and before the
 * server's is written: the client knows of no session that wasn't its.
 */
static int
client_finished_read(struct session *s)
{
	enum fluffy_error error;
	int failure = mbedtls_step(s);

	if (failure != 0)
		return failure;
	error = fluffy_dk_take(s->end->store, &s->dtls.claim);
	return error == FLUFFY_OK ? 0 : refuse_claim(s, error);
}

static int
step(struct session *s)
{
	static const struct {
		int state;
		int (*client)(struct session *), (*server)(struct session *);
	} ours[] = {
		{ MBEDTLS_SSL_CLIENT_HELLO, hello_write, client_hello_read },
		{ MBEDTLS_SSL_SERVER_HELLO, server_hello_read, hello_write },
		{ MBEDTLS_SSL_SERVER_CERTIFICATE, server_certificate_read,
		    server_certificate_write },
		{ MBEDTLS_SSL_CLIENT_CERTIFICATE, client_certificate_write,
		    client_certificate_read },
		{ MBEDTLS_SSL_CERTIFICATE_VERIFY, mbedtls_step,
		    certificate_verify_read },
		{ MBEDTLS_SSL_CLIENT_FINISHED, mbedtls_step,
		    client_finished_read },
	};

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (ours[i].state == s->ssl.state)
			return (is_server(s) ? ours[i].server :
			    ours[i].client)(s);
	return mbedtls_step(s);
}

static void
handshake(struct session *s)
{
	int error = 0;

	while (error == 0 && s->ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER)
		error = step(s);
	if (error == 0) {
		s->dtls.state = DTLS_OPEN;
		s->dtls.opened = true;
	} else if (error != MBEDTLS_ERR_SSL_WANT_READ)
		failed(s, error);
}

/* ---- datagrams and time -------------------------------------------------- */

static int
bio_send(void *arg, const unsigned char *datagram, size_t len)
{
	const struct session *s = arg;

	s->dtls.owner->send(s->dtls.arg, datagram, len);
	return (int)len;
}

static int
bio_receive(void *arg, unsigned char *buf, size_t room)
{
	struct session *s = arg;
	size_t len = s->in_len;

	s->in_len = 0;
	if (len == 0 || len > room)
		return MBEDTLS_ERR_SSL_WANT_READ;
	memcpy(buf, s->in, len);
	return (int)len;
}

/* Both as mbed TLS wants them: mbedtls_ssl_set_timer_t, _get_timer_t. */
static void
timer_set(void *arg, uint32_t middle, uint32_t last)
{
	struct timer *timer = arg;
	int64_t now = relay_now();

	timer->middle = last == 0 ? NEVER : now + middle;
	timer->last = last == 0 ? NEVER : now + last;
}

static int
timer_get(void *arg)
{
	const struct timer *timer = arg;
	int64_t now = relay_now();

	if (timer->last == NEVER)
		return -1;
	return (now >= timer->middle) + (now >= timer->last);
}

static int
rng(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return RAND_bytes(out, (int)len) == 1 ? 0 : MBEDTLS_ERR_SSL_NO_RNG;
}

/* ---- one end, and its sessions ------------------------------------------- */

/* Structures inside mbed TLS may differ from those that this was built with. */
static bool
check_version(void)
{
	char version[18];

	if (mbedtls_version_get_number() == MBEDTLS_VERSION_NUMBER)
		return true;
	mbedtls_version_get_string_full(version);
	report_error(FLUFFY_E_SYSTEM, "", "this was built with "
	    MBEDTLS_VERSION_STRING_FULL " but finds %s: build it again", version);
	return false;
}

/* Reports mbed TLS's failure. */
static bool
done(int error)
{
	if (error == 0)
		return true;
	report_error(error == MBEDTLS_ERR_SSL_ALLOC_FAILED ? FLUFFY_E_MEMORY :
	    FLUFFY_E_SYSTEM, "", "mbed TLS: %s", text_of(error));
	return false;
}

static bool
read_pair(struct end *end)
{
	fluffy_bytes key;
	enum fluffy_error error = fluffy_dk_private(end->store, &key);
	int failure;

	if (error != FLUFFY_OK) {
		report_why(end->ctx, error);
		return false;
	}
	failure = mbedtls_pk_parse_key(&end->own.pk, key.data, key.len, NULL, 0);
	fluffy_bytes_free(&key);
	return done(failure) &&
	    done(mbedtls_ssl_conf_own_cert(&end->conf, &end->own, &end->own.pk));
}

/* Renegotiation and a session cache are off unless one asks for them. */
static bool
configure(struct end *end, int endpoint)
{
	static const int suites[] = {
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, /* CoAP's own */
		MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0
	}, hashes[] = { MBEDTLS_MD_SHA256, MBEDTLS_MD_NONE };
	static const mbedtls_ecp_group_id curves[] = {
		MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1,
		MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE
	};
	mbedtls_ssl_config *conf = &end->conf;

	if (!done(mbedtls_ssl_config_defaults(conf, endpoint,
	    MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT)))
		return false;
	mbedtls_ssl_conf_rng(conf, rng, NULL);
	mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3,
	    MBEDTLS_SSL_MINOR_VERSION_3); /* DTLS 1.2 */
	mbedtls_ssl_conf_ciphersuites(conf, suites);
	mbedtls_ssl_conf_curves(conf, curves);
	mbedtls_ssl_conf_sig_hashes(conf, hashes);
	mbedtls_ssl_conf_handshake_timeout(conf, RETRANSMIT_FIRST,
	    RETRANSMIT_LAST);
	mbedtls_ssl_conf_session_tickets(conf,
	    MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
	/* A server asks for a certificate only if it is told to. */
	mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_dtls_cookies(conf, mbedtls_ssl_cookie_write,
	    mbedtls_ssl_cookie_check, &end->cookie);
	return endpoint == MBEDTLS_SSL_IS_CLIENT ||
	    done(mbedtls_ssl_cookie_setup(&end->cookie, rng, NULL));
}

static void
end_free(struct end **end)
{
	if (*end == NULL)
		return;
	mbedtls_ssl_config_free(&(*end)->conf);
	mbedtls_x509_crt_free(&(*end)->own);
	mbedtls_ssl_cookie_free(&(*end)->cookie);
	free(*end);
	*end = NULL;
}

static struct end *
end_new(fluffy_ctx *ctx, fluffy_store *store, int endpoint)
{
	struct end *end;

	if (!check_version())
		return NULL;
	end = calloc(1, sizeof *end);
	if (end == NULL) {
		report_errno("");
		return NULL;
	}
	end->ctx = ctx;
	end->store = store;
	mbedtls_ssl_config_init(&end->conf);
	mbedtls_x509_crt_init(&end->own);
	mbedtls_ssl_cookie_init(&end->cookie);
	if (!configure(end, endpoint) || !read_pair(end))
		end_free(&end);
	return end;
}

static void
session_free(struct session **s)
{
	if (*s == NULL)
		return;
	mbedtls_ssl_free(&(*s)->ssl);
	mbedtls_x509_crt_free((*s)->rs);
	mbedtls_free((*s)->rs);
	free((*s)->maccert);
	free(*s);
	*s = NULL;
}

static struct session *
session_new(struct end *end, const struct dtls_owner *owner, void *arg)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL) {
		report_errno("");
		return NULL;
	}
	s->dtls.transport = &dtls_authorized_public_key;
	s->dtls.owner = owner;
	s->dtls.arg = arg;
	s->end = end;
	mbedtls_ssl_init(&s->ssl);
	mbedtls_ssl_set_bio(&s->ssl, s, bio_send, bio_receive, NULL);
	mbedtls_ssl_set_timer_cb(&s->ssl, &s->timer, timer_set, timer_get);
	mbedtls_ssl_set_mtu(&s->ssl, DTLS_MTU);
	if (!done(mbedtls_ssl_setup(&s->ssl, &end->conf)))
		session_free(&s);
	return s;
}

/* ---- the transport ------------------------------------------------------- */

static void
listener_free(struct dtls_listener **l)
{
	if (*l == NULL)
		return;
	session_free(&(*l)->spare);
	end_free(&(*l)->end);
	free(*l);
	*l = NULL;
}

static struct dtls_listener *
listener(fluffy_ctx *ctx, fluffy_store *store)
{
	struct dtls_listener *l = calloc(1, sizeof *l);

	if (l == NULL) {
		report_errno("");
		return NULL;
	}
	l->end = end_new(ctx, store, MBEDTLS_SSL_IS_SERVER);
	if (l->end == NULL)
		listener_free(&l);
	return l;
}

/* Application data and whatever comes between, until nothing is left. */
static void
read_data(struct session *s)
{
	uint8_t data[MBEDTLS_SSL_IN_CONTENT_LEN];
	int n = 0;

	while (s->dtls.state == DTLS_OPEN &&
	    (n = mbedtls_ssl_read(&s->ssl, data, sizeof data)) >= 0)
		if (n > 0)
			s->dtls.owner->data(s->dtls.arg, data, (size_t)n);
	if (n < 0 && n != MBEDTLS_ERR_SSL_WANT_READ)
		failed(s, n);
}

/*
 * Is the datagram made of whole records?  What is behind one that mbed TLS skips
 * for its epoch would be taken for a failure of its own.
 */
static bool
are_records(const uint8_t *datagram, size_t len)
{
	size_t record = 0;

	for (; len > RECORD_HEADER; datagram += record, len -= record) {
		record = RECORD_HEADER +
		    (size_t)(datagram[11] << 8 | datagram[12]);
		if (record > len)
			return false;
	}
	return len == 0 && record > 0;
}

/* Has one of those records a ClientHello, not encrypted? */
static bool
has_client_hello(const uint8_t *datagram, size_t len)
{
	size_t record;

	for (; len > 0; datagram += record, len -= record) {
		record = RECORD_HEADER +
		    (size_t)(datagram[11] << 8 | datagram[12]);
		if (datagram[0] == MBEDTLS_SSL_MSG_HANDSHAKE &&
		    (datagram[3] | datagram[4]) == 0 &&
		    record > RECORD_HEADER &&
		    datagram[RECORD_HEADER] == MBEDTLS_SSL_HS_CLIENT_HELLO)
			return true;
	}
	return false;
}

/*
 * What anybody can send ends nothing.  A session that is open reads no
 * ClientHello: mbed TLS would give the session up for a late copy of its own,
 * whose cookie is still good, or for a broken one.
 */
static void
input(struct dtls *dtls, const void *datagram, size_t len)
{
	struct session *s = (struct session *)dtls;

	if (!are_records(datagram, len) ||
	    (dtls->state == DTLS_OPEN && has_client_hello(datagram, len)))
		return;
	s->in = datagram;
	s->in_len = len;
	/* Once more where it found first that it has to retransmit. */
	while (s->in_len > 0 && s->dtls.state == DTLS_HANDSHAKE)
		handshake(s);
	if (s->dtls.state == DTLS_OPEN)
		read_data(s);
	s->in = NULL;
	s->in_len = 0;
}

/* The cookie is bound to the address. */
static bool
is_from(struct session *s, const struct sockaddr_storage *from)
{
	return done(mbedtls_ssl_set_client_transport_id(&s->ssl,
	    (const unsigned char *)from, from->ss_family == AF_INET6 ?
	    sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)));
}

/*
 * Without a good cookie nothing is left of it: the spare session answers, which
 * mbed TLS ends with MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED, and begins anew.
 */
static struct dtls *
listen_for(struct dtls_listener *l, const struct sockaddr_storage *from,
    const void *datagram, size_t len, const struct dtls_owner *owner, void *arg)
{
	struct session *s = l->spare;

	l->spare = NULL;
	if (s == NULL)
		s = session_new(l->end, owner, arg);
	if (s == NULL || !is_from(s, from)) {
		session_free(&s);
		return NULL;
	}
	s->dtls.owner = owner;
	s->dtls.arg = arg;
	input(&s->dtls, datagram, len);
	if (s->dtls.state == DTLS_HANDSHAKE &&
	    s->ssl.state > MBEDTLS_SSL_SERVER_HELLO)
		return &s->dtls;
	if (!done(mbedtls_ssl_session_reset(&s->ssl)))
		session_free(&s);
	else
		s->dtls = (struct dtls){ .transport = s->dtls.transport };
	l->spare = s;
	return NULL;
}

/* What the client shows, and the key that it expects. */
static bool
take_credential(struct session *s, const fluffy_dk_credential *credential)
{
	int error;

	s->maccert = malloc(credential->maccert.len);
	if (s->maccert == NULL) {
		report_errno("");
		return false;
	}
	memcpy(s->maccert, credential->maccert.data, credential->maccert.len);
	s->maccert_len = credential->maccert.len;
	error = stand_in(credential->rs_key.data, credential->rs_key.len, &s->rs);
	if (error != 0)
		report_error(FLUFFY_E_MALFORMED, "DK-CERT.rs-key",
		    "can't be used in DTLS: %s", text_of(error));
	return error == 0;
}

static struct dtls *
connect_to(fluffy_ctx *ctx, fluffy_store *store,
    const fluffy_dk_credential *credential, const struct dtls_owner *owner,
    void *arg)
{
	struct end *end = end_new(ctx, store, MBEDTLS_SSL_IS_CLIENT);
	struct session *s;

	if (end == NULL)
		return NULL;
	s = session_new(end, owner, arg);
	if (s == NULL || !take_credential(s, credential)) {
		session_free(&s);
		end_free(&end);
		return NULL;
	}
	handshake(s);
	return &s->dtls;
}

static bool
write_data(struct dtls *dtls, const void *data, size_t len)
{
	struct session *s = (struct session *)dtls;
	int n = mbedtls_ssl_write(&s->ssl, data, len);

	if (n < 0)
		failed(s, n);
	return n >= 0;
}

static int
timeout(const struct dtls *dtls)
{
	const struct session *s = (const struct session *)dtls;

	return dtls->state == DTLS_HANDSHAKE ? relay_until(s->timer.last) : -1;
}

/* The step that waits finds that its time is over, and retransmits. */
static void
expired(struct dtls *dtls)
{
	struct session *s = (struct session *)dtls;

	if (s->dtls.state == DTLS_HANDSHAKE)
		handshake(s);
}

static void
close_session(struct dtls **dtls)
{
	struct session *s = (struct session *)*dtls;
	struct end *own;

	if (s == NULL)
		return;
	own = is_server(s) ? NULL : s->end;
	if (s->dtls.state == DTLS_OPEN)
		(void)mbedtls_ssl_close_notify(&s->ssl);
	session_free(&s);
	end_free(&own);
	*dtls = NULL;
}

const struct dtls_transport dtls_authorized_public_key = {
	"AuthorizedPublicKey", listener, listener_free, listen_for, connect_to,
	input, write_data, timeout, expired, close_session
};

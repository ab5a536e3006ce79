/* dtls-openssl.c - DerivedKey (memo, 2): DTLS 1.2 with PSKs, by libssl */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "dtls-bio.h"
#include "dtls-cookie.h"
#include "dtls-hello.h"
#include "dtls.h"
#include "report.h"

/*
 * CoAP demands the first.  Its tag of 8 bytes is why OpenSSL from 3.2 on gives
 * it 64 bits of security, which only level 0 allows; there is nothing else here
 * that a level would forbid.
 */
#define CIPHERS "PSK-AES128-CCM8:PSK-AES128-GCM-SHA256:@SECLEVEL=0"

/*
 * libssl keeps what comes too early, 100 records of 17 kilobytes each, and a
 * server has many handshakes.  One needs one such record, perhaps repeated.
 */
#define EARLY_MAX 16

#define NONCE_MAX 128
#define KEY_MAX	  32

struct session {
	struct dtls base;
	fluffy_ctx *ctx;
	fluffy_store *store;
	struct dtls_listener *listener;	/* NULL: a client */
	SSL *ssl;
	struct datagrams datagrams;
	struct sockaddr_storage from;	/* server */
	unsigned early;
	char nonce[NONCE_MAX + 1];	/* client */
	uint8_t key[KEY_MAX];
	size_t key_len;
};

struct dtls_listener {
	fluffy_ctx *ctx;
	fluffy_store *store;
	SSL_CTX *ssl;
	struct cookies cookies;
	struct session *next;	/* what a good cookie makes a session */
};

static struct session *
session_of(SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

/* ---- how it ends --------------------------------------------------------- */

static void over(struct session *, const char *, ...) PRINTF_LIKE(2, 3);

/* The first reason is the one. */
static void
over(struct session *s, const char *format, ...)
{
	va_list ap;

	s->base.state = DTLS_OVER;
	if (s->base.why[0] != '\0')
		return;
	va_start(ap, format);
	vsnprintf(s->base.why, sizeof s->base.why, format, ap);
	va_end(ap);
	clean_text(s->base.why);
}

/* Why the library refused a client; that a store fails is news to its owner. */
static void
refuse(struct session *s, enum fluffy_error error)
{
	fluffy_reason why = fluffy_why(s->ctx);

	if (fluffy_error_status(error) == FLUFFY_BROKEN)
		report_why(s->ctx, error);
	s->base.refused = true;
	over(s, "%s", why.code == error ? why.text :
	    fluffy_error_sentence(error));
}

/* libssl has failed with rc; false: it only wants more. */
static bool
failed(struct session *s, int rc)
{
	int error = SSL_get_error(s->ssl, rc);
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return false;
	if (s->base.state == DTLS_HANDSHAKE) {
		s->base.refused |= error == SSL_ERROR_ZERO_RETURN ||
		    ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
		over(s, "handshake failed: %s",
		    reason != NULL ? reason : "no reason given");
	} else if (error == SSL_ERROR_ZERO_RETURN)
		s->base.state = DTLS_OVER;
	else
		over(s, "%s", reason != NULL ? reason : "broken off");
	ERR_clear_error();
	return true;
}

/* ---- keys ---------------------------------------------------------------- */

/*
 * The freshness of the nonce is looked at and nothing else (memo, 2.4).  What
 * an identity has behind a NUL isn't seen here; without it the key is the same.
 */
static unsigned
find_key(SSL *ssl, const char *identity, unsigned char *key, unsigned size)
{
	struct session *s = session_of(ssl);
	uint8_t derived[KEY_MAX];
	size_t len;
	enum fluffy_error error;

	error = fluffy_dk_derive(s->store, identity, strlen(identity),
	    &s->base.claim, derived, &len);
	if (error == FLUFFY_OK && len > size)
		error = FLUFFY_E_INTERNAL;
	if (error == FLUFFY_OK)
		memcpy(key, derived, len);
	else
		refuse(s, error);
	OPENSSL_cleanse(derived, sizeof derived);
	return error == FLUFFY_OK ? (unsigned)len : 0;
}

static unsigned
give_key(SSL *ssl, const char *hint, char *identity, unsigned identity_size,
    unsigned char *key, unsigned size)
{
	struct session *s = session_of(ssl);
	size_t len = s->key_len;

	(void)hint;
	if (strlen(s->nonce) >= identity_size || len > size)
		return 0;
	strcpy(identity, s->nonce);
	memcpy(key, s->key, len);
	OPENSSL_cleanse(s->key, sizeof s->key);
	s->key_len = 0;
	return (unsigned)len;
}

/* ---- cookies ------------------------------------------------------------- */

static int
make_cookie(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	struct session *s = session_of(ssl);

	*len = COOKIE_SIZE;
	return cookie_make(&s->listener->cookies, &s->from, cookie);
}

static int
check_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	struct session *s = session_of(ssl);

	return cookie_good(&s->listener->cookies, &s->from, cookie, len);
}

/* ---- making -------------------------------------------------------------- */

static void
report_libssl(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	report_error(FLUFFY_E_SYSTEM, "", "libssl: %s",
	    reason != NULL ? reason : "out of memory");
	ERR_clear_error();
}

/*
 * Whatever would open a session without a nonce is off: tickets, the cache,
 * renegotiation (memo, 2.4: each handshake MUST have its nonce verified).
 */
static SSL_CTX *
settings_new(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);

	if (c == NULL || SSL_CTX_set_min_proto_version(c,
	    DTLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(c,
	    DTLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(c, CIPHERS) != 1) {
		report_libssl();
		SSL_CTX_free(c);
		return NULL;
	}
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_QUERY_MTU |
	    SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	/* libssl takes messages of this length, and 16 KiB at least. */
	SSL_CTX_set_max_cert_list(c, 0);
	return c;
}

static void
session_free(struct session **session)
{
	struct session *s = *session;

	*session = NULL;
	if (s == NULL)
		return;
	SSL_free(s->ssl);
	OPENSSL_clear_free(s, sizeof *s);
}

static bool
session_prepare(struct session *s, SSL_CTX *settings)
{
	BIO *bio = datagrams_bio(&s->datagrams);

	s->ssl = SSL_new(settings);
	if (s->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		return false;
	}
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_app_data(s->ssl, s);
	return SSL_set_mtu(s->ssl, DTLS_MTU) > 0;
}

/* Reports why not. */
static struct session *
session_new(fluffy_ctx *ctx, fluffy_store *store, SSL_CTX *settings)
{
	struct session *s = OPENSSL_zalloc(sizeof *s);

	if (s != NULL) {
		s->base.transport = &dtls_derived_key;
		s->ctx = ctx;
		s->store = store;
	}
	if (s == NULL || !session_prepare(s, settings)) {
		report_libssl();
		session_free(&s);
	}
	return s;
}

/* ---- what happens -------------------------------------------------------- */

static void
flush(struct session *s)
{
	datagrams_send(&s->datagrams, s->base.owner, s->base.arg);
}

/*
 * The client's Finished has verified and the server's is written, but not sent:
 * "If the handshake succeeds the RS updates the window" (memo, 2.4), and one
 * handshake of a number is told so.
 */
static void
finished(struct session *s)
{
	enum fluffy_error error = FLUFFY_OK;

	if (s->listener != NULL)
		error = fluffy_dk_take(s->store, &s->base.claim);
	if (error != FLUFFY_OK) {
		refuse(s, error);
		return;
	}
	s->base.state = DTLS_OPEN;
	s->base.opened = true;
}

static void
shake_hands(struct session *s)
{
	bool may_send = true;
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(s->ssl);
	if (rc == 1) {
		finished(s);
		may_send = s->base.state == DTLS_OPEN;
	} else if (failed(s, rc)) /* not after a Finished of the server's */
		may_send = s->listener == NULL ||
		    SSL_get_finished(s->ssl, NULL, 0) == 0;
	if (!may_send)
		s->datagrams.used = 0;
	flush(s);
}

static void
read_data(struct session *s)
{
	uint8_t data[SSL3_RT_MAX_PLAIN_LENGTH];
	int n;

	ERR_clear_error();
	while ((n = SSL_read(s->ssl, data, sizeof data)) > 0)
		s->base.owner->data(s->base.arg, data, (size_t)n);
	failed(s, n);
	flush(s);
}

static void
input(struct dtls *session, const void *datagram, size_t len)
{
	struct session *s = (struct session *)session;

	/* libssl would take it for the end of a stream */
	if (len == 0)
		return;
	if (s->base.state == DTLS_HANDSHAKE && s->listener != NULL) {
		s->early += records_encrypted(datagram, len);
		if (s->early > EARLY_MAX)
			return;
	}
	s->datagrams.in = datagram;
	s->datagrams.in_len = len;
	if (s->base.state == DTLS_HANDSHAKE)
		shake_hands(s);
	if (s->base.state == DTLS_OPEN)
		read_data(s);
	s->datagrams.in = NULL;
}

static bool
write_data(struct dtls *session, const void *data, size_t len)
{
	struct session *s = (struct session *)session;
	int rc;

	ERR_clear_error();
	rc = SSL_write(s->ssl, data, (int)len);
	if (rc <= 0)
		failed(s, rc);
	flush(s);
	return rc > 0;
}

static int
timeout(const struct dtls *session)
{
	const struct session *s = (const struct session *)session;
	struct timeval left;

	if (s->base.state == DTLS_OVER ||
	    DTLSv1_get_timeout(s->ssl, &left) != 1)
		return -1;
	return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

static void
expired(struct dtls *session)
{
	struct session *s = (struct session *)session;

	ERR_clear_error();
	if (DTLSv1_handle_timeout(s->ssl) < 0)
		failed(s, -1);
	flush(s);
}

static void
close_session(struct dtls **session)
{
	struct session *s = (struct session *)*session;

	*session = NULL;
	if (s != NULL && s->base.state == DTLS_OPEN) {
		ERR_clear_error();
		SSL_shutdown(s->ssl);
		flush(s);
		ERR_clear_error();
	}
	session_free(&s);
}

/* ---- the server ---------------------------------------------------------- */

static void
listener_free(struct dtls_listener **listener)
{
	struct dtls_listener *l = *listener;

	*listener = NULL;
	if (l == NULL)
		return;
	session_free(&l->next);
	SSL_CTX_free(l->ssl);
	OPENSSL_clear_free(l, sizeof *l);
}

static struct dtls_listener *
listener_new(fluffy_ctx *ctx, fluffy_store *store)
{
	struct dtls_listener *l = OPENSSL_zalloc(sizeof *l);

	if (l == NULL) {
		report_libssl();
		return NULL;
	}
	l->ctx = ctx;
	l->store = store;
	l->ssl = settings_new(DTLS_server_method());
	if (l->ssl == NULL) {
		listener_free(&l);
		return NULL;
	}
	SSL_CTX_set_psk_server_callback(l->ssl, find_key);
	SSL_CTX_set_cookie_generate_cb(l->ssl, make_cookie);
	SSL_CTX_set_cookie_verify_cb(l->ssl, check_cookie);
	return l;
}

/* One session is kept ready, and used again until a cookie is good. */
static struct dtls *
listen_to(struct dtls_listener *l, const struct sockaddr_storage *from,
    const void *datagram, size_t len, const struct dtls_owner *owner, void *arg)
{
	struct session *s;
	BIO_ADDR *nobody;
	int rc = -1;

	if (l->next == NULL)
		l->next = session_new(l->ctx, l->store, l->ssl);
	s = l->next;
	nobody = BIO_ADDR_new();
	if (s != NULL && nobody != NULL) {
		s->base.owner = owner;
		s->base.arg = arg;
		s->listener = l;
		s->from = *from;
		s->datagrams.in = datagram;
		s->datagrams.in_len = len;
		rc = DTLSv1_listen(s->ssl, nobody);
		s->datagrams.in = NULL;
		flush(s);
	}
	BIO_ADDR_free(nobody);
	ERR_clear_error();
	if (rc <= 0)
		return NULL;
	l->next = NULL;
	shake_hands(s);
	return &s->base;
}

/* ---- the client ---------------------------------------------------------- */

static bool
keep_credential(struct session *s, const fluffy_dk_credential *c)
{
	if (c->nonce.len > NONCE_MAX || c->key.len > KEY_MAX)
		return false;
	memcpy(s->nonce, c->nonce.data, c->nonce.len);
	memcpy(s->key, c->key.data, c->key.len);
	s->key_len = c->key.len;
	return true;
}

static struct dtls *
connect_to(fluffy_ctx *ctx, fluffy_store *store, const fluffy_dk_credential *c,
    const struct dtls_owner *owner, void *arg)
{
	SSL_CTX *settings = settings_new(DTLS_client_method());
	struct session *s;

	if (settings == NULL)
		return NULL;
	SSL_CTX_set_psk_client_callback(settings, give_key);
	s = session_new(ctx, store, settings);
	SSL_CTX_free(settings);	/* the session has it */
	if (s == NULL)
		return NULL;
	if (!keep_credential(s, c)) {
		report_error(FLUFFY_E_INTERNAL, "", "not a credential");
		session_free(&s);
		return NULL;
	}
	s->base.owner = owner;
	s->base.arg = arg;
	SSL_set_connect_state(s->ssl);
	shake_hands(s);
	return &s->base;
}

const struct dtls_transport dtls_derived_key = {
	.mode = "DerivedKey",
	.listener = listener_new,
	.listener_free = listener_free,
	.listen = listen_to,
	.connect = connect_to,
	.input = input,
	.write = write_data,
	.timeout = timeout,
	.expired = expired,
	.close = close_session,
};

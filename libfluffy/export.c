/* export.c - the explicit way to get a key out of a store */
#include <openssl/crypto.h>

#include "alg.h"
#include "cbor.h"
#include "cose.h"
#include "exchange.h"
#include "export.h"
#include "json.h"
#include "text.h"

/* What is to be written. */
struct exported {
	struct bytes keyid;
	struct symm key;
	bool session;
	bool derived;		/* no algorithm is bound to it */
	const struct keydata *pair; /* or a public key, and no key */
};

static void
put_hex_line(struct buffer *b, const struct exported *x)
{
	hex_encode(b, symm_bytes(&x->key));
	buffer_addc(b, '\n');
}

/* RFC 7517, kty "oct"; kid in JSON is base64url, as everywhere here. */
static void
put_jwk(struct buffer *b, const struct exported *x)
{
	buffer_adds(b, "{\"kty\":\"oct\",\"kid\":");
	json_put_base64url(b, x->keyid);
	buffer_adds(b, ",\"k\":");
	json_put_base64url(b, symm_bytes(&x->key));
	if (!x->derived) {
		buffer_adds(b, ",\"key_ops\":[\"encrypt\",\"decrypt\"],"
		    "\"alg\":");
		json_put_string(b, bytes_str(word_of(R_ALG, x->key.alg)));
	}
	buffer_adds(b, "}\n");
}

/* RFC 9052, section 7: {1: 4, 2: kid, 3: alg, 4: [3, 4], -1: k}. */
static void
put_cose_key(struct buffer *b, const struct exported *x)
{
	cbor_put_map(b, x->derived ? 3 : 5);
	cbor_put_int(b, 1);
	cbor_put_int(b, KTY_SYMM);
	cbor_put_int(b, 2);
	cbor_put_bytes(b, x->keyid);
	if (!x->derived) {
		cbor_put_int(b, 3);
		cbor_put_int(b, x->key.alg);
		cbor_put_int(b, 4);
		cbor_put_array(b, 2);
		cbor_put_int(b, 3);
		cbor_put_int(b, 4);
	}
	cbor_put_int(b, -1);
	cbor_put_bytes(b, symm_bytes(&x->key));
}

static enum fluffy_error
put_keydata(fluffy_ctx *ctx, struct buffer *b, const struct exported *x)
{
	struct fluffy_msg *msg = message_new(FLUFFY_ENROL);
	struct keydata *k = msg == NULL ? NULL : keydata_make(msg,
	    x->session ? &keydata_session : &keydata_secret, x->keyid,
	    &x->key);

	if (k != NULL && !msg->arena.failed) {
		json_put_struct(b, k, JSON_PLAIN);
		buffer_addc(b, '\n');
	} else
		b->failed = true;
	fluffy_msg_free(&msg);
	return b->failed ? fluffy_fail_memory(ctx) : FLUFFY_OK;
}

static void
put_openssl_psk(struct buffer *b, const struct exported *x)
{
	buffer_adds(b, "-psk_identity ");
	hex_encode(b, x->keyid);
	buffer_adds(b, " -psk ");
	put_hex_line(b, x);
}

/*
 * Section 4: a session key seals only this profile's messages; applications
 * derive.  As many bytes as the key has.
 */
static enum fluffy_error
derive(fluffy_ctx *ctx, struct exported *x, const char *use)
{
	struct buffer info = BUFFER(300);
	struct symm key = x->key;
	enum fluffy_error e;

	if (use[0] == '\0' || strlen(use) > 255)
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "use",
		    "expected 1 to 255 bytes");
	buffer_adds(&info, "fluffy app ");
	buffer_adds(&info, use);
	buffer_addc(&info, '\0');
	e = info.failed ? fluffy_fail_memory(ctx) :
	    hkdf_sha256(ctx, symm_bytes(&key), x->keyid,
	    (const char *)info.p, x->key.b, x->key.n);
	x->derived = true;
	symm_wipe(&key);
	buffer_free(&info);
	return e;
}

/* A party may hold a key in several roles: it is the same key. */
static enum fluffy_error
find_session(fluffy_store *s, struct exported *x)
{
	struct session session;
	enum fluffy_error e = FLUFFY_E_NOT_FOUND;

	for (int as = AS_CLIENT; as <= AS_OWNER; as++) {
		e = store_session(s, x->keyid, (enum held_as)as, &session);
		if (e == FLUFFY_OK)
			x->key = session.key;
		session_wipe(&session);
		if (e != FLUFFY_E_NOT_FOUND)
			break;
	}
	return e;
}

/* A pair of its own comes first: with itself it has the public half too. */
static enum fluffy_error
find_pair(fluffy_store *s, struct arena *arena, struct exported *x)
{
	enum fluffy_error e;
	struct pair pair;

	e = store_pair(s, arena, x->keyid, false, &pair);
	if (e == FLUFFY_E_NOT_FOUND)
		e = store_pair(s, arena, x->keyid, true, &pair);
	x->pair = pair.keydata;
	return e;
}

static enum fluffy_error
find(fluffy_store *s, struct arena *arena, struct exported *x)
{
	struct secret secret;
	enum fluffy_error e;

	e = store_secret_by_kid(s, x->keyid, &secret);
	if (e == FLUFFY_OK)
		x->key = secret.key;
	secret_wipe(&secret);
	if (e == FLUFFY_E_NOT_FOUND && s->party.role == ROLE_DEVICE) {
		e = find_session(s, x);
		x->session = e == FLUFFY_OK;
		if (e == FLUFFY_E_NOT_FOUND)
			e = find_pair(s, arena, x);
	}
	return e;
}

static enum fluffy_error
write_key(fluffy_ctx *ctx, const struct exported *x, enum fluffy_export_as as,
    struct buffer *b)
{
	switch (as) {
	case FLUFFY_AS_HEX:
		put_hex_line(b, x);
		break;
	case FLUFFY_AS_JWK:
		put_jwk(b, x);
		break;
	case FLUFFY_AS_COSE_KEY:
		put_cose_key(b, x);
		break;
	case FLUFFY_AS_OPENSSL_PSK:
		put_openssl_psk(b, x);
		break;
	case FLUFFY_AS_KEYDATA:
		if (x->derived)
			return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "use",
			    "a derived key has no keydata");
		return put_keydata(ctx, b, x);
	case FLUFFY_AS_PEM:
	case FLUFFY_AS_DER:
		return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "a symmetric key has no such form");
	default:
		return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "no such form of export");
	}
	return FLUFFY_OK;
}

static enum fluffy_error
export_symmetric(fluffy_ctx *ctx, struct exported *x, enum fluffy_export_as as,
    const char *use, struct buffer *b)
{
	enum fluffy_error e = FLUFFY_OK;

	if (use == NULL && x->session && as == FLUFFY_AS_OPENSSL_PSK)
		use = "openssl-psk";
	if (use != NULL)
		e = derive(ctx, x, use);
	return e == FLUFFY_OK ? write_key(ctx, x, as, b) : e;
}

enum fluffy_error
fluffy_export(fluffy_store *s, const uint8_t *keyid, size_t n,
    enum fluffy_export_as as, const char *use, fluffy_bytes *out)
{
	struct exported x = { .keyid = bytes_of(keyid, n) };
	struct buffer b = BUFFER(FLUFFY_MAX_RECEIVED);
	struct arena arena = { .chunks = NULL };
	enum fluffy_error e;

	*out = (fluffy_bytes){ NULL, 0 };
	e = find(s, &arena, &x);
	if (e == FLUFFY_OK && x.pair != NULL && use != NULL)
		e = fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "use",
		    "only from symmetric keys others are derived");
	if (e == FLUFFY_OK)
		e = x.pair != NULL ? export_pair(s->ctx, x.pair, as, &b) :
		    export_symmetric(s->ctx, &x, as, use, &b);
	symm_wipe(&x.key);
	arena_free(&arena);
	if (e == FLUFFY_OK && !buffer_take(&b, out))
		e = fluffy_fail_memory(s->ctx);
	buffer_free(&b);
	return e;
}

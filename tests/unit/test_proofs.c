/*
 * test_proofs.c - a public key at its service (wire.md, section 7): proven,
 * attested, certified
 */
#include "pairs.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pkey.h"
#include "policy.h"

#define ENDTIME (NOW + LIFETIME_DEFAULT)

/* ---- the pair's proof at the service ------------------------------------- */

/* A PSK-ESTB with a public key; and what its holder, or the SKDC, can sign. */
struct proof {
	struct arena arena;
	fluffy_msg *msg;
	struct part *part;	/* a copy of the payload */
	struct pair pair;
};

static struct proof
open_proof(struct world *w, fluffy_bytes req)
{
	struct pairing p = paired(w, req);
	struct proof x = { .arena = { NULL, false } };

	x.msg = from_wire(w, &p.estb);
	x.pair = pair_of(w, &x.arena, &p.key);
	x.part = x.msg->authenticator.plain;
	pairing_free(&p);
	return x;
}

static struct proof
new_proof(struct world *w)
{
	return open_proof(w, pair_wire(w, SENSOR, "lock"));
}

static void
sign(struct world *w, struct proof *x, const struct keydata *pair)
{
	must(w->ctx, seal_sign(w->ctx, x->msg, x->msg, L_authenticator,
	    x->part, pair));
}

/* The proof is used up. */
static void
proof_judged(struct world *w, struct proof *x, enum fluffy_error code)
{
	fluffy_bytes wire = to_wire(w, &x->msg), out = { NULL, 0 };
	struct bytes id = keyid_bytes(&x->pair.keyid);
	struct keyid key = { .n = (uint8_t)id.n };
	enum fluffy_error e;

	memcpy(key.b, id.p, id.n);
	e = fluffy_msg_read(w->ctx, wire.data, wire.len, &x->msg);
	if (e == FLUFFY_OK)
		e = step_msg(w, LOCK, x->msg, &no_params, &out);
	expect(w, e, code);
	assert_int_equal(has_pair(LOCK, &key, true), e == FLUFFY_OK);
	fluffy_msg_free(&x->msg);
	wire_free(&wire);
	wire_free(&out);
	arena_free(&x->arena);
}

static void
an_untouched_proof_is_taken(void **state)
{
	struct world *w = *state;
	struct proof x = new_proof(w);

	assert_true(x.msg->authenticator.sign1);
	sign(w, &x, x.pair.keydata);
	proof_judged(w, &x, FLUFFY_OK);
}

static void
a_proof_belongs_to_its_message(void **state)
{
	struct world *w = *state;
	struct proof a = new_proof(w), b = new_proof(w);
	struct sealed swap = a.msg->authenticator;

	a.msg->authenticator = b.msg->authenticator;
	b.msg->authenticator = swap;
	{
		/* both are written before either's memory goes */
		fluffy_bytes x, y, out;

		must(w->ctx, fluffy_msg_write(w->ctx, a.msg, w->format, 0,
		    &x));
		must(w->ctx, fluffy_msg_write(w->ctx, b.msg, w->format, 0,
		    &y));
		expect(w, step(w, LOCK, &x, &out), FLUFFY_E_AUTH_FAILED);
		wire_free(&out);
		expect(w, step(w, LOCK, &y, &out), FLUFFY_E_AUTH_FAILED);
		wire_free(&out);
		wire_free(&x);
		wire_free(&y);
	}
	swap = a.msg->authenticator;
	a.msg->authenticator = b.msg->authenticator;
	b.msg->authenticator = swap;
	proof_judged(w, &a, FLUFFY_OK);
	proof_judged(w, &b, FLUFFY_OK);
}

static void
a_proof_is_by_the_tickets_key(void **state)
{
	struct world *w = *state;
	struct proof a = new_proof(w), b = new_proof(w);

	sign(w, &a, b.pair.keydata);
	proof_judged(w, &a, FLUFFY_E_AUTH_FAILED);
	proof_judged(w, &b, FLUFFY_OK);
	/* of another algorithm altogether */
	a = new_proof(w);
	b = open_proof(w, kind_wire(w, &kinds[4], "lock"));
	sign(w, &a, b.pair.keydata);
	proof_judged(w, &a, FLUFFY_E_AUTH_FAILED);
	proof_judged(w, &b, FLUFFY_OK);
	/* or with only its header */
	a = new_proof(w);
	a.msg->authenticator.alg = -35;
	proof_judged(w, &a, FLUFFY_E_AUTH_FAILED);
	a = new_proof(w);
	writable(a.msg->authenticator.signature)[40] ^= 1;
	proof_judged(w, &a, FLUFFY_E_AUTH_FAILED);
	a = new_proof(w);
	a.msg->authenticator.signature.n--;
	proof_judged(w, &a, FLUFFY_E_AUTH_FAILED);
}

static void
a_proof_has_no_cksum(void **state)
{
	struct world *w = *state;
	struct proof x = new_proof(w);

	x.part->cksum = BYTES("12345678");
	SET(x.part, L_cksum);
	sign(w, &x, x.pair.keydata);
	proof_judged(w, &x, FLUFFY_E_MALFORMED);
	honest_pair(w);
}

static void
a_proof_names_the_client(void **state)
{
	struct world *w = *state;
	struct proof x;
	int i;

	for (i = 0; i < 4; i++) {
		x = new_proof(w);
		if (i == 0)
			x.part->cname = BYTES("lamp");
		else if (i == 1)
			x.part->crealm = BYTES("far");
		else if (i == 2)
			x.msg->cname = BYTES("lamp");
		else
			x.msg->crealm = BYTES("far");
		sign(w, &x, x.pair.keydata);
		proof_judged(w, &x, FLUFFY_E_AUTH_FAILED);
	}
	honest_pair(w);
}

static void
a_proof_is_fresh(void **state)
{
	static const int offsets[] = { -301, 301, -300, 300 };
	struct world *w = *state;
	struct proof x;
	int i;

	for (i = 0; i < 4; i++) {
		x = new_proof(w);
		x.part->ctime = (uint64_t)((int64_t)the_time + offsets[i]);
		sign(w, &x, x.pair.keydata);
		proof_judged(w, &x, i < 2 ? FLUFFY_E_CLOCK_SKEW : FLUFFY_OK);
	}
}

static void
a_proof_is_taken_once(void **state)
{
	struct world *w = *state;
	struct pairing p = paired(w, pair_wire(w, SENSOR, "lock"));

	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	step_refused(w, LOCK, &p.estb, FLUFFY_E_REPLAY);
	reopen(w);
	step_refused(w, LOCK, &p.estb, FLUFFY_E_REPLAY);
	assert_true(has_pair(LOCK, &p.key, true));
	pairing_free(&p);
	/* the clock is wrong: it can't be told */
	p = paired(w, pair_wire(w, SENSOR, "lock"));
	the_time += 301;
	honest_pair(w);
	the_time = NOW;
	step_refused(w, LOCK, &p.estb, FLUFFY_E_BUSY);
	pairing_free(&p);
}

/* Without a proof nothing is fresh: what the SKDC said stays as true. */
static void
an_attestation_may_come_again(void **state)
{
	struct world *w = *state;
	struct pairing p = paired(w, kind_wire(w, &kinds[3], "lock"));

	shown(w, &p.estb, FLUFFY_PUBLIC_ATTESTED);
	the_time += 1000;
	shown(w, &p.estb, FLUFFY_PUBLIC_ATTESTED);
	/* with a wrong clock its end can't be told */
	the_time -= 301;
	step_refused(w, LOCK, &p.estb, FLUFFY_E_BUSY);
	the_time = ENDTIME;
	step_refused(w, LOCK, &p.estb, FLUFFY_E_EXPIRED);
	pairing_free(&p);
}

/* Section 7: absent exactly when keydata's alg is ECDH-ES+HKDF-256. */
static void
a_proof_is_there_exactly_where_it_can_be(void **state)
{
	struct world *w = *state;
	struct proof x = new_proof(w), y;
	size_t i;

	x.msg->head.has &= ~label_bit(L_authenticator);
	proof_judged(w, &x, FLUFFY_E_AUTH_FAILED);
	for (i = 3; i < 6; i += 2) {
		x = open_proof(w, kind_wire(w, &kinds[i], "lock"));
		y = new_proof(w);
		assert_false(HAS(x.msg, L_authenticator));
		x.part = y.part;
		sign(w, &x, y.pair.keydata);
		proof_judged(w, &x, FLUFFY_E_AUTH_FAILED);
		proof_judged(w, &y, FLUFFY_OK);
	}
}

/* A seal under whatever key isn't a proof, and a proof isn't a seal. */
static void
seals_and_proofs_are_not_mixed(void **state)
{
	static const struct symm key = { .alg = 10, .n = 16 };
	struct world *w = *state;
	struct exchange e = half_exchange(w, SENSOR, LOCK);
	struct proof x = new_proof(w);
	fluffy_bytes wire;

	reseal(w, x.msg, x.msg, L_authenticator, x.part, &key,
	    bytes_of(NULL, 0));
	proof_judged(w, &x, FLUFFY_E_AUTH_FAILED);
	x = new_proof(w);
	fluffy_msg_free(&x.msg);
	x.msg = from_wire(w, &e.estb);
	x.part = seal_part(x.msg, x.msg, L_authenticator);
	PUT(x.part, crealm, L_crealm, BYTES("home"));
	PUT(x.part, cname, L_cname, BYTES("sensor"));
	PUT(x.part, ctime, L_ctime, the_time);
	PUT(x.part, nonce, L_nonce, BYTES("12345678"));
	sign(w, &x, x.pair.keydata);
	wire = to_wire(w, &x.msg);
	step_refused(w, LOCK, &wire, FLUFFY_E_MALFORMED);
	arena_free(&x.arena);
	wire_free(&wire);
	e.ack = stepped(w, LOCK, &e.estb);
	exchange_free(&e);
	honest_pair(w);
}

/* ---- certificates -------------------------------------------------------- */

/* Its certificate has so long a comment. */
static void
write_ca_with(struct world *w, const char *x5u, size_t comment)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	char path[2][100];
	fluffy_ca ca = { .cert = path[0], .key = path[1], .x5u = x5u };
	char *text = calloc(1, comment + 1);
	X509V3_CTX v3;
	X509_EXTENSION *ext;
	FILE *f;

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	ASN1_TIME_set(X509_getm_notBefore(cert), NOW - 3600);
	ASN1_TIME_set(X509_getm_notAfter(cert), NOW + 360 * 86400);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN",
	    MBSTRING_UTF8, (const unsigned char *)"CA", -1, -1, 0), 1);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509V3_set_ctx(&v3, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &v3, NID_basic_constraints,
	    "critical,CA:TRUE");
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	ext = X509V3_EXT_conf_nid(NULL, &v3, NID_key_usage,
	    "critical,keyCertSign");
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	memset(text, 'x', comment);
	ext = X509V3_EXT_conf_nid(NULL, &v3, NID_netscape_comment, text);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
	free(text);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	(void)snprintf(path[0], sizeof(path[0]), "%s/ca.pem", w->dir);
	(void)snprintf(path[1], sizeof(path[1]), "%s/ca.key", w->dir);
	f = fopen(path[0], "w");
	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(fclose(f), 0);
	f = fopen(path[1], "w");
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL,
	    NULL), 1);
	assert_int_equal(fclose(f), 0);
	X509_free(cert);
	EVP_PKEY_free(key);
	must(w->ctx, fluffy_ca_set(w->skdc, &ca));
}

static void
write_ca(struct world *w)
{
	write_ca_with(w, "http://ca.example/", 1);
}

static const fluffy_pkp_params certified = { .kty = "EC",
	.etype = "ECDH-ES+HKDF-256,ES256", .service = "lock", .cert = true };

static void
a_certified_pair_is_shown(void **state)
{
	struct world *w = *state;
	struct pairing p;
	const struct part *ticket;
	const struct keydata *k;
	const unsigned char *der;
	fluffy_msg *msg;
	X509 *leaf;

	write_ca(w);
	p = paired(w, pkp_wire(w, SENSOR, &certified));
	assert_int_equal(w->outcome.endtime, ENDTIME);
	msg = opened(w, &p.rep);
	ticket = msg->mticket->enc_part.plain;
	assert_false(HAS(ticket, L_endtime));
	assert_true(HAS(msg->receipt.plain, L_endtime));
	assert_int_equal(msg->receipt.plain->endtime, ENDTIME);
	k = ticket->keydata;
	assert_int_equal(k->alg, -7); /* not the first one: it can't sign */
	assert_true(HAS(k, L_x5c));
	assert_true(HAS(k, L_x5t));
	assert_true(HAS(k, L_x5t256));
	assert_bytes(k->x5u, BYTES("http://ca.example/"));
	assert_int_equal(k->x5c.n, 1);
	der = k->x5c.v[0].p;
	leaf = d2i_X509(NULL, &der, (long)k->x5c.v[0].n);
	assert_non_null(leaf);
	assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(leaf),
	    ENDTIME), 0);
	X509_free(leaf);
	assert_true(HAS(msg->receipt.plain->keydata, L_x5c));
	fluffy_msg_free(&msg);
	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	assert_int_equal(w->outcome.endtime, ENDTIME);
	assert_listed(w, LOCK->store,
	    "public home sensor ES256 proven 0..28800 certified\n");
	assert_listed(w, SENSOR->store,
	    "pair home lock ES256 received 0..28800 certified\n");
	pairing_free(&p);
	/* notAfter is the end, at the service too */
	p = paired(w, pkp_wire(w, SENSOR, &certified));
	the_time = ENDTIME;
	step_refused(w, LOCK, &p.estb, FLUFFY_E_EXPIRED);
	pairing_free(&p);
	/* who didn't ask for one gets none */
	p = paired(w, pair_wire(w, SENSOR, "lock"));
	msg = opened(w, &p.rep);
	assert_false(HAS(msg->receipt.plain->keydata, L_x5c));
	assert_false(HAS(msg->receipt.plain->keydata, L_x5u));
	assert_true(HAS(msg->mticket->enc_part.plain, L_endtime));
	fluffy_msg_free(&msg);
	pairing_free(&p);
}

static void
shown_with(struct world *w, const fluffy_pkp_params *params)
{
	struct pairing p = paired(w, pkp_wire(w, SENSOR, params));

	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	pairing_free(&p);
}

/* x5u is where the SKDC's operator says, if at all. */
static void
a_certificate_may_be_nowhere_else(void **state)
{
	struct world *w = *state;
	struct pairing p;
	fluffy_msg *msg;

	write_ca_with(w, NULL, 1);
	p = paired(w, pkp_wire(w, SENSOR, &certified));
	msg = opened(w, &p.rep);
	assert_true(HAS(msg->receipt.plain->keydata, L_x5c));
	assert_false(HAS(msg->receipt.plain->keydata, L_x5u));
	fluffy_msg_free(&msg);
	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	pairing_free(&p);
}

/* An answer has to have room for them twice. */
static void
certificates_have_to_be_short(void **state)
{
	struct world *w = *state;
	fluffy_pkp_params params = certified;
	fluffy_bytes req;

	write_ca_with(w, NULL, CERTS_MAX);
	shown_with(w, &params);
	params.cert_chain = true;
	req = pkp_wire(w, SENSOR, &params);
	ask_proven(w, SENSOR, &req, FLUFFY_E_NO_CA);
	params.cert_chain = false;
	shown_with(w, &params);
	honest_pair(w);
}

static void
a_chain_comes_when_it_is_asked_for(void **state)
{
	struct world *w = *state;
	fluffy_pkp_params params = certified;
	struct pairing p;
	fluffy_msg *msg;

	write_ca(w);
	params.cert_chain = true;
	p = paired(w, pkp_wire(w, SENSOR, &params));
	msg = opened(w, &p.rep);
	assert_int_equal(msg->receipt.plain->keydata->x5c.n, 2);
	assert_int_equal(msg->mticket->enc_part.plain->keydata->x5c.n, 2);
	fluffy_msg_free(&msg);
	shown(w, &p.estb, FLUFFY_PUBLIC_PROVEN);
	pairing_free(&p);
}

/* Puts the certificates of another's keydata there. */
static void
borrow(struct keydata *to, const struct keydata *from)
{
	to->x5c = from->x5c;
	to->x5t = from->x5t;
	to->x5t256 = from->x5t256;
}

static void
another_keys_certificate_is_malformed(void **state)
{
	struct world *w = *state;
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_bytes wire[2], out;
	fluffy_msg *msg[2];
	struct part *part;
	int i;

	write_ca(w);
	for (i = 0; i < 2; i++) {
		fluffy_bytes req = pkp_wire(w, SENSOR, &certified);

		wire[i] = asked(w, &req);
		msg[i] = opened(w, &wire[i]);
		wire_free(&req);
	}
	part = msg[0]->receipt.plain;
	borrow(part->keydata, msg[1]->receipt.plain->keydata);
	reseal(w, msg[0], msg[0], L_receipt, part, &secret.key,
	    keyid_bytes(&secret.kid));
	out = to_wire(w, &msg[0]);
	{
		fluffy_bytes estb;

		expect(w, pkp_take(w, SENSOR, &out, &estb),
		    FLUFFY_E_MALFORMED);
		assert_null(estb.data);
		must(w->ctx, pkp_take(w, SENSOR, &wire[0], &estb));
		wire_free(&estb);
	}
	fluffy_msg_free(&msg[1]);
	for (i = 0; i < 2; i++)
		wire_free(&wire[i]);
	wire_free(&out);
}

/* The same at the service; and digests of something else. */
static void
another_keys_certificate_is_malformed_in_a_ticket(void **state)
{
	struct world *w = *state;
	struct secret lock = secret_of_owner(w, "lock");
	struct proof a, b;
	struct part *ticket, *other;
	int i;

	write_ca(w);
	for (i = 0; i < 4; i++) {
		a = open_proof(w, pkp_wire(w, SENSOR, &certified));
		b = open_proof(w, pkp_wire(w, SENSOR, &certified));
		ticket = open_part(w, a.msg, a.msg->mticket, L_enc_part,
		    &lock.key);
		other = open_part(w, b.msg, b.msg->mticket, L_enc_part,
		    &lock.key);
		if (i == 0)
			borrow(ticket->keydata, other->keydata);
		else if (i == 1)
			ticket->keydata->x5t = other->keydata->x5t;
		else if (i == 2)
			ticket->keydata->x5t256 = other->keydata->x5t256;
		else	/* neither certificate nor endtime */
			ticket->keydata->head.has &= ~label_bit(L_x5c);
		reseal(w, a.msg, a.msg->mticket, L_enc_part, ticket,
		    &lock.key, keyid_bytes(&lock.kid));
		sign(w, &a, a.pair.keydata);
		proof_judged(w, &a, FLUFFY_E_MALFORMED);
		proof_judged(w, &b, FLUFFY_OK);
	}
	honest_pair(w);
}

static void
a_ca_that_is_gone_gives_no_certificate(void **state)
{
	struct world *w = *state;
	fluffy_bytes req;
	char path[100];

	write_ca(w);
	(void)snprintf(path, sizeof(path), "%s/ca.key", w->dir);
	assert_int_equal(unlink(path), 0);
	req = pkp_wire(w, SENSOR, &certified);
	ask_proven(w, SENSOR, &req, FLUFFY_E_NO_CA);
	honest_pair(w);
	must(w->ctx, fluffy_ca_set(w->skdc, &(fluffy_ca){ .cert = NULL }));
	req = pkp_wire(w, SENSOR, &certified);
	ask_proven(w, SENSOR, &req, FLUFFY_E_NO_CA);
}

/* ---- while a pair is made, nobody is locked out -------------------------- */

/*
 * The certificate's number is asked for while there is no lock: then somebody
 * else uses the store.
 */
static struct meanwhile {
	struct world *w;
	enum fluffy_error (*run)(fluffy_store *);
	bool done;
} meanwhile;

static int
random_meanwhile(void *arg, uint8_t *out, size_t n)
{
	struct world *w = meanwhile.w;
	fluffy_store *other;
	char path[100];

	if (!meanwhile.done && !w->skdc->in_transaction) {
		meanwhile.done = true;
		(void)snprintf(path, sizeof(path), "%s/skdc.db", w->dir);
		must(w->ctx, fluffy_store_open(w->ctx, path, 0, &other));
		must(w->ctx, meanwhile.run(other));
		fluffy_store_close(&other);
	}
	return test_random(arg, out, n);
}

static enum fluffy_error
remove_lock(fluffy_store *s)
{
	return fluffy_remove_device(s, "lock");
}

static enum fluffy_error
remove_sensor(fluffy_store *s)
{
	return fluffy_remove_device(s, "sensor");
}

static enum fluffy_error
rotate_lock(fluffy_store *s)
{
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_rotate(s, "lock", 0, &msg);

	fluffy_msg_free(&msg);
	return e;
}

static void
ask_meanwhile(struct world *w, enum fluffy_error (*run)(fluffy_store *),
    enum fluffy_error code)
{
	fluffy_bytes req = pkp_wire(w, SENSOR, &certified), out;
	fluffy_msg *msg;

	meanwhile = (struct meanwhile){ .w = w, .run = run };
	fluffy_ctx_set_random(w->ctx, random_meanwhile, &w->rng);
	expect(w, ask(w, &req, &out), code);
	assert_true(meanwhile.done);
	fluffy_ctx_set_random(w->ctx, test_random, &w->rng);
	msg = from_wire(w, &out);
	assert_int_equal(fluffy_msg_error(msg), code);
	if (code != FLUFFY_OK)
		assert_int_equal(HAS(msg, L_ack),
		    code != FLUFFY_E_AUTH_FAILED);
	/* the nonce is used up all the same */
	wire_free(&out);
	expect(w, ask(w, &req, &out), code == FLUFFY_E_AUTH_FAILED ? code :
	    FLUFFY_E_REPLAY);
	fluffy_msg_free(&msg);
	wire_free(&out);
	wire_free(&req);
}

static enum fluffy_error
deny_sensor(fluffy_store *s)
{
	return fluffy_deny(s, "sensor", "lock");
}

static void
a_rule_may_come_meanwhile(void **state)
{
	write_ca(*state);
	ask_meanwhile(*state, deny_sensor, FLUFFY_E_NOT_PERMITTED);
}

static void
the_service_may_go_meanwhile(void **state)
{
	write_ca(*state);
	ask_meanwhile(*state, remove_lock, FLUFFY_E_UNKNOWN_SERVICE);
}

static void
the_client_may_go_meanwhile(void **state)
{
	write_ca(*state);
	ask_meanwhile(*state, remove_sensor, FLUFFY_E_AUTH_FAILED);
}

/* The ticket is under the key that the service has by then. */
static void
the_service_may_rotate_meanwhile(void **state)
{
	struct world *w = *state;
	struct secret old = secret_of_owner(w, "lock"), new;

	write_ca(w);
	ask_meanwhile(w, rotate_lock, FLUFFY_OK);
	new = secret_of_owner(w, "lock");
	assert_false(bytes_eq(keyid_bytes(&old.kid), keyid_bytes(&new.kid)));
	{
		fluffy_bytes req = pkp_wire(w, SENSOR, &certified), out;
		fluffy_msg *msg;

		out = asked(w, &req);
		msg = from_wire(w, &out);
		assert_bytes(msg->mticket->enc_part.kid,
		    keyid_bytes(&new.kid));
		fluffy_msg_free(&msg);
		wire_free(&req);
		wire_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(an_untouched_proof_is_taken),
		IN_BOTH(a_proof_belongs_to_its_message),
		IN_BOTH(a_proof_is_by_the_tickets_key),
		IN_BOTH(a_proof_has_no_cksum),
		IN_CBOR(a_proof_names_the_client),
		IN_CBOR(a_proof_is_fresh),
		IN_BOTH(a_proof_is_taken_once),
		IN_CBOR(an_attestation_may_come_again),
		IN_BOTH(a_proof_is_there_exactly_where_it_can_be),
		IN_BOTH(seals_and_proofs_are_not_mixed),
		IN_BOTH(a_certified_pair_is_shown),
		IN_BOTH(a_certificate_may_be_nowhere_else),
		IN_BOTH(certificates_have_to_be_short),
		IN_BOTH(a_chain_comes_when_it_is_asked_for),
		IN_CBOR(another_keys_certificate_is_malformed),
		IN_CBOR(another_keys_certificate_is_malformed_in_a_ticket),
		IN_CBOR(a_ca_that_is_gone_gives_no_certificate),
		IN_CBOR(a_rule_may_come_meanwhile),
		IN_CBOR(the_service_may_go_meanwhile),
		IN_CBOR(the_client_may_go_meanwhile),
		IN_CBOR(the_service_may_rotate_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

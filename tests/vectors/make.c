/*
 * make.c - golden vectors: full and minimal of every message type
 *
 * The pairwise messages, ERROR and ENROL come out of the library's own steps,
 * in a throw-away realm whose clock and randomness are fixed. The others are
 * put together here and sealed with the secret keys of that realm's ENROLs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../vectors/make.h"
#include "exchange.h"

#define CLIENT	"2b7e1516-28ae-42a6-abf7-158809cf4f3c"
#define SERVICE "lock"
#define GROUP	"lights"

struct realm {
	fluffy_ctx *ctx;
	uint64_t random;
	char dir[40], path[3][60];
	fluffy_store *skdc, *client, *service;
	fluffy_msg *enrol[2];		/* the client's: first, rotation */
	struct secret client_secret, service_secret;
	bool full;
};

static void
check(struct realm *r, enum fluffy_error e, const char *what)
{
	if (e == FLUFFY_OK)
		return;
	(void)fprintf(stderr, "vectors: %s: %s: %s: %s\n", what,
	    fluffy_error_name(e), fluffy_why(r->ctx).field,
	    fluffy_why(r->ctx).text);
	abort();
}

static void *
have(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static uint64_t
fixed_now(void *arg)
{
	(void)arg;
	return VECTORS_NOW;
}

/* Lehmer's generator: nobody takes these keys for real ones. */
static int
fixed_random(void *arg, uint8_t *out, size_t n)
{
	uint64_t *state = arg;

	for (; n > 0; n--) {
		*state = *state * 48271 % 2147483647;
		*out++ = (uint8_t)(*state >> 11);
	}
	return 0;
}

/* ---- the realm ----------------------------------------------------------- */

static void
open_realm(struct realm *r)
{
	static const char *const files[] = { "skdc", "client", "service" };
	fluffy_msg *enrol;
	int i;

	r->ctx = have(fluffy_ctx_new());
	r->random = 20261122;
	fluffy_ctx_set_clock(r->ctx, fixed_now, NULL);
	fluffy_ctx_set_random(r->ctx, fixed_random, &r->random);
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/fluffy-vectors-XXXXXX");
	(void)have(mkdtemp(r->dir));
	for (i = 0; i < 3; i++)
		(void)snprintf(r->path[i], sizeof(r->path[i]), "%s/%s",
		    r->dir, files[i]);
	check(r, fluffy_store_init(r->ctx, r->path[0], "home", "skdc",
	    &r->skdc), "init");
	check(r, fluffy_enrol(r->skdc, CLIENT, NULL, &r->enrol[0]), "enrol");
	check(r, fluffy_join(r->ctx, r->path[1], r->enrol[0]), "join");
	check(r, fluffy_enrol(r->skdc, SERVICE, NULL, &enrol), "enrol");
	check(r, fluffy_join(r->ctx, r->path[2], enrol), "join");
	fluffy_msg_free(&enrol);
	check(r, fluffy_store_open(r->ctx, r->path[1], 0, &r->client),
	    "open");
	check(r, fluffy_store_open(r->ctx, r->path[2], 0, &r->service),
	    "open");
	check(r, sealing_secret(r->client, bytes_str(CLIENT), VECTORS_NOW,
	    &r->client_secret), "secret");
	check(r, sealing_secret(r->service, bytes_str(SERVICE), VECTORS_NOW,
	    &r->service_secret), "secret");
}

static void
close_realm(struct realm *r)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[80];
	int i, k;

	fluffy_store_close(&r->skdc);
	fluffy_store_close(&r->client);
	fluffy_store_close(&r->service);
	for (i = 0; i < 3; i++)
		for (k = 0; k < 4; k++) {
			(void)snprintf(path, sizeof(path), "%s%s", r->path[i],
			    ends[k]);
			(void)unlink(path);
		}
	(void)rmdir(r->dir);
	fluffy_ctx_free(&r->ctx);
}

/* ---- what the library makes ---------------------------------------------- */

static fluffy_msg *
answer(struct realm *r, fluffy_msg *req, enum fluffy_error expected)
{
	fluffy_msg *out;
	enum fluffy_error e;

	check(r, fluffy_skdc_begin(r->skdc), "begin");
	e = fluffy_skdc_answer(r->skdc, req, &out);
	if (e != expected)
		check(r, e == FLUFFY_OK ? FLUFFY_E_INTERNAL : e, "answer");
	check(r, fluffy_skdc_commit(r->skdc), "commit");
	return have(out);
}

static void
make_exchange(struct realm *r, fluffy_msg *out[4])
{
	const fluffy_psk_params few = { .service = SERVICE };
	const fluffy_psk_params all = { .service = SERVICE, .realm = "home",
	    .etype = "AES-CCM-16-64-256,AES-CCM-16-64-128",
	    .cpac = "{\"rights\":[\"open\",\"close\"],\"until\":1.5}",
	    .ext = "{\"note\":\"K\\u00fcche\",\"n\":[0,-1,-0.25,null]}",
	    .cksum = true, .has_seqnum = true, .seqnum = 4294967295u };
	const fluffy_estb_params no_more = { .ext = NULL };
	const fluffy_estb_params more = { .ext = "\"hello\"", .cksum = true,
	    .has_seqnum = true, .seqnum = 41 };
	fluffy_outcome outcome;
	fluffy_msg *end;

	check(r, fluffy_psk_request(r->client, r->full ? &all : &few,
	    &out[0]), "req");
	out[1] = answer(r, out[0], FLUFFY_OK);
	check(r, fluffy_estb(r->client, out[1], r->full ? &more : &no_more,
	    &out[2], &outcome), "estb");
	check(r, fluffy_estb(r->service, out[2], &no_more, &out[3],
	    &outcome), "ack");
	check(r, fluffy_estb(r->client, out[3], &no_more, &end, &outcome),
	    "end");
}

static fluffy_msg *
make_error(struct realm *r)
{
	const fluffy_psk_params params = { .service = "nobody" };
	fluffy_msg *req, *error;

	if (!r->full) {
		check(r, error_make_bare(r->service, FLUFFY_E_BUSY, &error),
		    "error");
		return error;
	}
	check(r, fluffy_psk_request(r->client, &params, &req), "req");
	error = answer(r, req, FLUFFY_E_UNKNOWN_SERVICE);
	fluffy_msg_free(&req);
	return error;
}

/* ---- the others ---------------------------------------------------------- */

#define HEX(msg, hex) from_hex(msg, hex)
#define N(map, member, text) \
	PUT_BYTES(msg, map, member, L_##member, bytes_str(text))
#define B(map, member, hex) \
	PUT_BYTES(msg, map, member, L_##member, from_hex(msg, hex))
#define T(map, member, value) PUT(map, member, L_##member, value)
/* kind any, as deterministic CBOR */
#define ANY(map, member, hex) B(map, member, hex)

static struct bytes
from_hex(fluffy_msg *msg, const char *hex)
{
	size_t n = strlen(hex) / 2, i;
	uint8_t *p = have(arena_alloc(&msg->arena, n + 1));
	unsigned byte;

	for (i = 0; i < n; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			abort();
		p[i] = (uint8_t)byte;
	}
	return bytes_of(p, n);
}

/* {1000: "kept", "x-note": [true]} */
static void
put_unknown(fluffy_msg *msg, struct head *head)
{
	head->extras = have(arena_alloc(&msg->arena,
	    2 * sizeof(struct extra)));
	head->n_extras = 2;
	head->extras[0].label = from_hex(msg, "1903e8");
	head->extras[0].value = from_hex(msg, "646b657074");
	head->extras[1].label = from_hex(msg, "66782d6e6f7465");
	head->extras[1].value = from_hex(msg, "81f5");
}

static void
put_nonce(struct realm *r, fluffy_msg *msg, struct part *part)
{
	uint8_t nonce[NONCE_SIZE];

	check(r, ctx_random(r->ctx, nonce, sizeof(nonce)), "nonce");
	PUT_BYTES(msg, part, nonce, L_nonce, bytes_of(nonce, sizeof(nonce)));
}

static void
seal(struct realm *r, fluffy_msg *msg, void *container, int label,
    struct part *part, const struct secret *secret)
{
	uint8_t iv[IV_MAX];
	struct sealing how = { .key = &secret->key, .iv = iv,
	    .kid = keyid_bytes(&secret->kid),
	    .cksum = r->full && label == L_authenticator };

	check(r, ctx_random(r->ctx, iv, sizeof(iv)), "iv");
	check(r, seal_make(r->ctx, msg, container, label, part, &how),
	    "seal");
}

static struct part *
new_part(fluffy_msg *msg, void *container, int label)
{
	return have(seal_part(msg, container, label));
}

/* {"more": [1, 0.5]}, last of all members so that the seal covers it. */
static void
put_ext(struct realm *r, fluffy_msg *msg)
{
	if (!r->full)
		return;
	ANY(msg, ext, "a1646d6f72658201f93800");
	put_unknown(msg, &msg->head);
}

static void
put_client(fluffy_msg *msg)
{
	N(msg, crealm, "home");
	N(msg, cname, CLIENT);
}

static struct part *
client_auth(struct realm *r, fluffy_msg *msg)
{
	struct part *part = new_part(msg, msg, L_authenticator);

	N(part, crealm, "home");
	N(part, cname, CLIENT);
	T(part, ctime, VECTORS_NOW);
	put_nonce(r, msg, part);
	if (r->full) {
		T(part, seqnum, 7);
		put_unknown(msg, &part->head);
	}
	return part;
}

static struct keydata *
reference(fluffy_msg *msg, const char *keyid)
{
	struct keydata *k = have(arena_alloc(&msg->arena, sizeof(*k)));

	k->head.schema = &keydata_ref;
	B(k, keyid, keyid);
	return k;
}

static struct keydata *
group_key(fluffy_msg *msg)
{
	struct symm key = { .alg = 10, .n = 16 };
	struct bytes raw = from_hex(msg, "000102030405060708090a0b0c0d0e0f");

	memcpy(key.b, raw.p, raw.n);
	return have(keydata_make(msg, &keydata_session,
	    from_hex(msg, "0000006b03452001"), &key));
}

static fluffy_msg *
psk_delt(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_PSK_DELT));
	struct part *part = new_part(msg, msg, L_kenvelope);

	put_client(msg);
	put_ext(r, msg);
	N(part, skdcrealm, "home");
	N(part, skdcname, "skdc");
	T(part, authtime, VECTORS_NOW);
	put_nonce(r, msg, part);
	if (r->full) {
		PUT(part, flags, L_envflags, 0);
		T(part, seqnum, 1);
		T(part, endtime, VECTORS_NOW + 28800);
	}
	PUT(part, keydata, L_keydata, reference(msg, "0000006b03452000"));
	seal(r, msg, msg, L_kenvelope, part, &r->client_secret);
	return msg;
}

static fluffy_msg *
psk_delc(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_PSK_DELC));
	struct part *part = new_part(msg, msg, L_ack);

	if (r->full)
		N(msg, skdcrealm, "home");
	N(msg, skdcname, "skdc");
	put_ext(r, msg);
	N(part, cname, CLIENT);
	if (r->full)
		N(part, crealm, "home");
	put_nonce(r, msg, part);
	T(part, authtime, VECTORS_NOW);
	if (r->full)
		T(part, seqnum, 2);
	seal(r, msg, msg, L_ack, part, &r->client_secret);
	return msg;
}

static struct req_body *
new_body(struct realm *r, fluffy_msg *msg, int64_t kty, int64_t alg)
{
	struct req_body *body = have(message_map(msg, L_req_body));

	PUT(body, kty, L_kty, kty);
	body->etype = (struct tokens){ .v = { alg, 30 }, .n = r->full ? 2 : 1,
	    .bare = !r->full };
	SET(body, L_etype);
	N(body, skdcrealm, "home");
	N(body, skdcname, "skdc");
	if (r->full) {
		PUT(body, options, L_skdc_options, 0x80000007u);
		put_unknown(msg, &body->head);
	}
	return body;
}

static fluffy_msg *
gsk_req(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_GSK_REQ));
	struct part *part = new_part(msg, msg, L_authenticator);
	struct req_body *body = new_body(r, msg, KTY_SYMM, 10);

	N(body, mcastname, GROUP);
	if (r->full) {
		N(body, mcastrealm, "home");
		/* {"members": ["lamp"], "lifetime": 3600} */
		ANY(body, grppac, "a2676d656d6265727381646c616d70686c6966657469"
		    "6d65190e10");
	}
	put_ext(r, msg);
	N(part, sprealm, "home");
	N(part, spname, SERVICE);
	T(part, sptime, VECTORS_NOW);
	put_nonce(r, msg, part);
	if (r->full)
		T(part, seqnum, 3);
	seal(r, msg, msg, L_authenticator, part, &r->service_secret);
	return msg;
}

static struct part *
group_receipt(struct realm *r, fluffy_msg *msg)
{
	struct part *part = new_part(msg, msg, L_receipt);

	N(part, skdcrealm, "home");
	N(part, skdcname, "skdc");
	N(part, mcastname, GROUP);
	if (r->full) {
		PUT(part, flags, L_rflags, 1);
		N(part, mcastrealm, "home");
		ANY(part, grppac, "a1676d656d6265727363616e79");
	}
	T(part, authtime, VECTORS_NOW);
	put_nonce(r, msg, part);
	T(part, endtime, VECTORS_NOW + 28800);
	PUT(part, keydata, L_keydata, group_key(msg));
	return part;
}

static fluffy_msg *
gsk_rep(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_GSK_REP));

	N(msg, sprealm, "home");
	N(msg, spname, SERVICE);
	put_ext(r, msg);
	seal(r, msg, msg, L_receipt, group_receipt(r, msg),
	    &r->service_secret);
	return msg;
}

static fluffy_msg *
gsk_fet(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_GSK_FET));
	struct req_body *body = have(message_map(msg, L_req_body));

	N(body, skdcname, "skdc");
	N(body, mcastname, GROUP);
	if (r->full) {
		PUT(body, options, L_skdc_options, 0);
		N(body, skdcrealm, "home");
		N(body, mcastrealm, "home");
		B(body, keyid, "0000006b03452001");
	}
	put_ext(r, msg);
	seal(r, msg, msg, L_authenticator, client_auth(r, msg),
	    &r->client_secret);
	return msg;
}

static fluffy_msg *
gsk_dlvr(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_GSK_DLVR));

	put_client(msg);
	put_ext(r, msg);
	seal(r, msg, msg, L_receipt, group_receipt(r, msg),
	    &r->client_secret);
	return msg;
}

static fluffy_msg *
gsk_delt(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_GSK_DELT));
	struct part *part = new_part(msg, msg, L_kenvelope);

	N(msg, sprealm, "home");
	N(msg, spname, SERVICE);
	put_ext(r, msg);
	N(part, mcastname, GROUP);
	T(part, authtime, VECTORS_NOW);
	put_nonce(r, msg, part);
	if (r->full) {
		PUT(part, flags, L_envflags, 4);
		N(part, mcastrealm, "home");
		T(part, seqnum, 5);
	}
	PUT(part, keydata, L_keydata, reference(msg, "0000006b03452001"));
	seal(r, msg, msg, L_kenvelope, part, &r->service_secret);
	return msg;
}

static fluffy_msg *
gsk_delc(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_GSK_DELC));
	struct part *part = new_part(msg, msg, L_ack);

	if (r->full)
		N(msg, sprealm, "home");
	N(msg, spname, SERVICE);
	put_ext(r, msg);
	N(part, mcastname, GROUP);
	if (r->full)
		N(part, mcastrealm, "home");
	put_nonce(r, msg, part);
	T(part, authtime, VECTORS_NOW);
	if (r->full)
		T(part, seqnum, 6);
	seal(r, msg, msg, L_ack, part, &r->service_secret);
	return msg;
}

static fluffy_msg *
pkp_req(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_PKP_REQ));
	struct req_body *body = new_body(r, msg, KTY_OKP, -8);

	if (r->full) {
		N(body, sprealm, "home");
		N(body, spname, SERVICE);
		ANY(body, cpac, "80");
	}
	put_ext(r, msg);
	seal(r, msg, msg, L_authenticator, client_auth(r, msg),
	    &r->client_secret);
	return msg;
}

/* RFC 8037, A.1 */
#define ED25519_X "d75a980182b10ab7d54bfed3c964073a" \
    "0ee172f3daa62325af021a68f707511a"
#define ED25519_D "9d61b19deffd5a60ba844af492ec2cc4" \
    "4449c5697b326919703bac031cae7f60"

/* The table for an OKP key beside that part. */
static const struct schema *
okp_schema(const struct part *part)
{
	const struct schema *const *v =
	    schema_row(part->head.schema, L_keydata)->sub->by_kty;

	while ((*v)->kty != KTY_OKP)
		v++;
	return *v;
}

static struct keydata *
okp_key(struct realm *r, fluffy_msg *msg, const struct part *part)
{
	struct keydata *k = have(arena_alloc(&msg->arena, sizeof(*k)));
	struct pkey *p = have(arena_alloc(&msg->arena, sizeof(*p)));

	k->head.schema = okp_schema(part);
	p->head.schema = schema_row(k->head.schema, L_key)->sub;
	PUT(k, kty, L_kty, KTY_OKP);
	B(k, keyid, "0000006b03452002");
	PUT(p, crv, -1, 6);
	PUT(p, x, -2, from_hex(msg, ED25519_X));
	if (schema_row(p->head.schema, -4) != NULL)
		PUT(p, d, -4, from_hex(msg, ED25519_D));
	PUT(k, pkey, L_key, p);
	k->keyops.v[k->keyops.n++] =
	    schema_row(p->head.schema, -4) != NULL ? 1 : 2;
	SET(k, L_keyops);
	PUT(k, alg, L_alg, -8);
	PUT(k, pkuse, L_pkuse, 0);
	if (!r->full)
		return k;
	N(k, x5u, "https://ca.example/lock.der");
	k->x5c.v[k->x5c.n++] = from_hex(msg, "3003020101");
	k->x5c.v[k->x5c.n++] = from_hex(msg, "3003020102");
	SET(k, L_x5c);
	B(k, x5t, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	B(k, x5t256, "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
	return k;
}

static void
pkp_ticket(struct realm *r, fluffy_msg *msg)
{
	struct mticket *t = have(message_map(msg, L_mticket));
	struct part *part = new_part(msg, t, L_enc_part);

	N(t, skdcrealm, "home");
	N(t, skdcname, "skdc");
	N(t, sprealm, "home");
	N(t, spname, SERVICE);
	put_unknown(msg, &t->head);
	PUT(part, flags, L_tflags, 0);
	N(part, crealm, "home");
	N(part, cname, CLIENT);
	ANY(part, cpac, "80");
	T(part, authtime, VECTORS_NOW);
	ANY(part, sppac, "f6");
	ANY(part, transited, "8164686f6d65");
	PUT(part, keydata, L_keydata, okp_key(r, msg, part));
	seal(r, msg, t, L_enc_part, part, &r->service_secret);
}

static fluffy_msg *
pkp_rep(struct realm *r)
{
	fluffy_msg *msg = have(message_new(FLUFFY_PKP_REP));
	struct part *part = new_part(msg, msg, L_receipt);

	put_client(msg);
	if (r->full)
		pkp_ticket(r, msg);
	put_ext(r, msg);
	N(part, skdcrealm, "home");
	N(part, skdcname, "skdc");
	if (r->full) {
		PUT(part, flags, L_rflags, 0);
		N(part, sprealm, "home");
		N(part, spname, SERVICE);
		N(part, spskdc, "skdc");
		ANY(part, cpac, "80");
	}
	T(part, authtime, VECTORS_NOW);
	put_nonce(r, msg, part);
	T(part, endtime, VECTORS_NOW + 28800);
	PUT(part, keydata, L_keydata, okp_key(r, msg, part));
	seal(r, msg, msg, L_receipt, part, &r->client_secret);
	return msg;
}

/* ---- documents (section 11) ---------------------------------------------- */

static fluffy_msg *
new_document(struct realm *r, enum fluffy_type type)
{
	fluffy_msg *msg = have(message_new(type));

	N(msg, ta, "ta");
	N(msg, rs, r->full ? "6ba7b810-9dad-41d1-80b4-00c04fd430c8" : "lock");
	if (r->full)
		put_unknown(msg, &msg->head);
	return msg;
}

static fluffy_msg *
dk_prov(struct realm *r)
{
	fluffy_msg *msg = new_document(r, FLUFFY_DK_PROV);
	struct keydata *k = have(arena_alloc(&msg->arena, sizeof(*k)));

	k->head.schema =
	    schema_row(msg->head.schema, L_keydata)->sub->by_kty[0];
	PUT(k, kty, L_kty, KTY_SYMM);
	B(k, keyid, "5f0c9a1e");
	B(k, key, r->full ? "202122232425262728292a2b2c2d2e2f"
	    "303132333435363738393a3b3c3d3e3f" :
	    "202122232425262728292a2b2c2d2e2f");
	k->keyops.v[k->keyops.n++] = 7;
	SET(k, L_keyops);
	if (r->full)
		put_unknown(msg, &k->head);
	PUT(msg, keydata, L_keydata, k);
	return msg;
}

static fluffy_msg *
dk_cred(struct realm *r)
{
	fluffy_msg *msg = new_document(r, FLUFFY_DK_CRED);

	N(msg, cname, "a.phone");
	N(msg, psk_identity, "DK.ta.a.phone.1");
	B(msg, key, "404142434445464748494a4b4c4d4e4f");
	return msg;
}

static fluffy_msg *
dk_cert(struct realm *r)
{
	fluffy_msg *msg = new_document(r, FLUFFY_DK_CERT);

	N(msg, cname, r->full ? CLIENT : "phone");
	B(msg, maccert, r->full ? "0000043002050002746100000001032000010203"
	    "0405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" : "");
	B(msg, rs_key, r->full ? "30020500" : "");
	return msg;
}

static fluffy_msg *
dk_revoke(struct realm *r)
{
	fluffy_msg *msg = new_document(r, FLUFFY_DK_REVOKE);

	T(msg, seqnum, r->full ? 4294967295u : 1);
	B(msg, cksum, "606162636465666768696a6b6c6d6e6f"
	    "707172737475767778797a7b7c7d7e7f");
	return msg;
}

/* ---- all ----------------------------------------------------------------- */

static fluffy_msg *(*const makers[])(struct realm *) = {
	psk_delt, psk_delc, gsk_req, gsk_rep, gsk_fet, gsk_dlvr, gsk_delt,
	gsk_delc, pkp_req, pkp_rep, make_error, NULL, dk_prov, dk_cred,
	dk_cert, dk_revoke
};

static void
make_half(struct realm *r, struct vector *out)
{
	fluffy_msg *msgs[20] = { NULL };
	int i;

	make_exchange(r, msgs);
	for (i = 0; i < 16; i++)
		if (makers[i] != NULL)
			msgs[4 + i] = makers[i](r);
	msgs[15] = r->enrol[r->full];
	for (i = 0; i < 20; i++) {
		out[2 * i].msg = have(msgs[i]);
		if (msgs[i]->arena.failed)
			abort();
		(void)snprintf(out[2 * i].name, sizeof(out[2 * i].name),
		    "%s-%s", fluffy_type_name((enum fluffy_type)(i + 1)),
		    r->full ? "full" : "minimal");
	}
}

void
vectors_make(struct vector out[N_VECTORS])
{
	struct realm r;

	memset(&r, 0, sizeof(r));
	open_realm(&r);
	make_half(&r, out + 1);
	/* a rotation is an ENROL with all its members */
	check(&r, fluffy_rotate(r.skdc, CLIENT, VECTORS_NOW + 86400,
	    &r.enrol[1]), "rotate");
	put_unknown(r.enrol[1], &r.enrol[1]->head);
	r.full = true;
	make_half(&r, out);
	secret_wipe(&r.client_secret);
	secret_wipe(&r.service_secret);
	close_realm(&r);
}

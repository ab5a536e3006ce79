/*
 * put.c - messages that are put together here and sealed with the realm's keys,
 * because the library never emits all of their members, or always some that are
 * optional; and the documents of section 11
 */
#include <stdio.h>
#include <stdlib.h>

#include "realm.h"

/* ---- members --------------------------------------------------------------- */

#define N(map, member, text) \
	PUT_BYTES(msg, map, member, L_##member, bytes_str(text))
#define B(map, member, hex) \
	PUT_BYTES(msg, map, member, L_##member, from_hex(&(msg)->arena, hex))
#define T(map, member, value) PUT(map, member, L_##member, value)
/* kind any, as deterministic CBOR */
#define ANY(map, member, hex) B(map, member, hex)

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
	struct bytes raw = from_hex(&(msg)->arena, "000102030405060708090a0b0c0d0e0f");

	memcpy(key.b, raw.p, raw.n);
	return have(keydata_make(msg, &keydata_session,
	    from_hex(&(msg)->arena, "0000006b03452001"), &key));
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
	PUT(p, x, -2, from_hex(&(msg)->arena, ED25519_X));
	if (schema_row(p->head.schema, -4) != NULL)
		PUT(p, d, -4, from_hex(&(msg)->arena, ED25519_D));
	PUT(k, pkey, L_key, p);
	k->keyops.v[k->keyops.n++] =
	    schema_row(p->head.schema, -4) != NULL ? 1 : 2;
	SET(k, L_keyops);
	PUT(k, alg, L_alg, -8);
	PUT(k, pkuse, L_pkuse, 0);
	if (!r->full)
		return k;
	N(k, x5u, "https://ca.example/lock.der");
	k->x5c.v[k->x5c.n++] = from_hex(&(msg)->arena, "3003020101");
	k->x5c.v[k->x5c.n++] = from_hex(&(msg)->arena, "3003020102");
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

/* ---- which ----------------------------------------------------------------- */

fluffy_msg *
put_message(struct realm *r, enum fluffy_type type)
{
	static fluffy_msg *(*const makers[N_PUT])(struct realm *) = {
		psk_delt, psk_delc, gsk_req, gsk_rep, gsk_fet, gsk_dlvr,
		gsk_delt, gsk_delc, pkp_req, pkp_rep
	};

	return makers[type - FLUFFY_PSK_DELT](r);
}

fluffy_msg *
put_document(struct realm *r, enum fluffy_type type)
{
	static fluffy_msg *(*const makers[])(struct realm *) = {
		dk_prov, dk_cred, dk_cert, dk_revoke
	};

	return makers[type - FLUFFY_DK_PROV](r);
}

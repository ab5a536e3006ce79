/*
 * fuzz_device.c - what a device takes from its SKDC: group keys, key pairs and
 * their deletion
 *
 * The input is a few steps of lamp's, which waits for an answer of each kind
 * and has a key of each kind.  A step's first byte chooses:
 *  0 to 9    one of the valid messages
 *  10 to 14  a GSK-REP, GSK-DLVR, GSK-DELC, PSK-DELT or PKP-REP around a
 *            plaintext of the fuzzer's; NONCE in it is the one waited for
 *  15        a valid one with changes: unless they change nothing, it has no
 *            effect
 *  16        a message of the fuzzer's
 * Whatever comes: no key is stored without its request, and none that was
 * deleted comes back.
 */
#include "exchange.h"
#include "pkey.h"
#include "stores.h"

/* ---- the store and an honest SKDC ---------------------------------------- */

enum {
	REP, DLVR, DELC, PAIR, REFUSAL,
	/* PSK-DELTs of what lamp has, and of what is on its way */
	DELT_SESSION, DELT_PAIR, DELT_REP, DELT_DLVR, DELT_NEW_PAIR, N_VALID
};

#define MOST 64

struct keyids {
	struct keyid v[MOST];
	size_t n;
};

static fluffy_store *skdc, *lock, *lamp;
static struct secret secret;	/* lamp's */
static fluffy_bytes valid[N_VALID];
static struct keyids at_first;	/* that lamp has */
/* of the requests that REP, DLVR, DELC and PAIR answer */
static uint8_t waiting[PAIR + 1][NONCE_SIZE];

/* The answer to a request whose nonce lamp remembers. */
static void
wait_for(int which, fluffy_msg *req, enum fluffy_error expected)
{
	memcpy(waiting[which], req->authenticator.plain->nonce.p,
	    NONCE_SIZE);
	valid[which] = keep(ask(skdc, req, expected));
}

static struct keyid
keyid_in(int which)
{
	struct fluffy_msg *msg = copy(valid[which]);
	struct keyid id;

	must(seal_open(fuzz_ctx(), msg, msg, L_receipt, &secret.key));
	id.n = (uint8_t)msg->receipt.plain->keydata->keyid.n;
	memcpy(id.b, msg->receipt.plain->keydata->keyid.p, id.n);
	fluffy_msg_free(&msg);
	return id;
}

/* The PSK-DELT for lamp's copy of it. */
static void
revoke(int which, const uint8_t *keyid, size_t n)
{
	fluffy_msgs all;

	must(fluffy_del_request(skdc, keyid, n, &all));
	for (size_t i = 0; i < all.n; i++)
		if (bytes_eq(all.v[i]->cname, BYTES("lamp")))
			valid[which] = cbor_of(all.v[i]);
	CHECK(valid[which].len > 0);
	fluffy_msgs_free(&all);
}

static void
revoke_waiting(int which, int of)
{
	struct keyid id = keyid_in(of);

	revoke(which, id.b, id.n);
}

/* A session key and a pair, to be deleted, and a group, which lamp deletes. */
static void
fill_store(void)
{
	const fluffy_psk_params psk = { .service = "lock" };
	const fluffy_pkp_params pkp = { .kty = "OKP",
	    .etype = "ECDH-ES+HKDF-256", .service = "lock" };
	const fluffy_gsk_params gsk = { .group = "old" };
	const fluffy_extras extras = { .ext = NULL };
	fluffy_msg *req, *rep, *out;
	fluffy_outcome o;

	must(fluffy_psk_request(lamp, &psk, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_estb(lamp, rep, &extras, &out, &o));
	revoke(DELT_SESSION, o.keyid, o.keyid_len);
	fluffy_msg_free(&rep);
	fluffy_msg_free(&out);
	must(fluffy_pkp_request(lamp, &pkp, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_pkp_accept(lamp, rep, &extras, &out, &o));
	revoke(DELT_PAIR, o.keyid, o.keyid_len);
	fluffy_msg_free(&rep);
	fluffy_msg_free(&out);
	must(fluffy_gsk_request(lamp, &gsk, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_gsk_accept(lamp, rep, &o));
	fluffy_msg_free(&rep);
	must(fluffy_gsk_delete(lamp, "old", NULL, &req));
	memcpy(waiting[DELC], req->kenvelope.plain->nonce.p, NONCE_SIZE);
	valid[DELC] = keep(ask(skdc, req, FLUFFY_OK));
}

static void
make_requests(void)
{
	const fluffy_gsk_params create = { .group = "new", .members = "lock" };
	const fluffy_gsk_params taken = { .group = "shared" };
	const fluffy_gsk_params share = { .group = "shared",
	    .members = "any" };
	const fluffy_fetch_params fetch = { .group = "shared" };
	const fluffy_pkp_params pkp = { .kty = "OKP", .etype = "EdDSA",
	    .service = "lock" };
	fluffy_outcome o;
	fluffy_msg *req, *rep;

	must(fluffy_gsk_request(lock, &share, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_gsk_accept(lock, rep, &o));
	fluffy_msg_free(&rep);
	must(fluffy_gsk_request(lamp, &create, &req));
	wait_for(REP, req, FLUFFY_OK);
	must(fluffy_gsk_fetch(lamp, &fetch, &req));
	wait_for(DLVR, req, FLUFFY_OK);
	must(fluffy_pkp_request(lamp, &pkp, &req));
	wait_for(PAIR, req, FLUFFY_OK);
	must(fluffy_gsk_request(lamp, &taken, &req));
	valid[REFUSAL] = keep(ask(skdc, req, FLUFFY_E_GROUP_EXISTS));
	must(fluffy_gsk_delete(lock, "shared", NULL, &req));
	valid[DELT_DLVR] = keep(ask(skdc, req, FLUFFY_OK));
	revoke_waiting(DELT_REP, REP);
	revoke_waiting(DELT_NEW_PAIR, PAIR);
}

static int
collect(void *arg, const fluffy_entry *entry)
{
	struct keyids *ids = arg;
	struct keyid *id = &ids->v[ids->n];

	if (entry->kind != FLUFFY_SESSION && entry->kind != FLUFFY_PAIR &&
	    entry->kind != FLUFFY_PUBLIC)
		return 0;
	CHECK(ids->n < MOST);
	id->n = (uint8_t)entry->keyid_len;
	memcpy(id->b, entry->keyid, id->n);
	ids->n++;
	return 0;
}

static void
make_stores(void)
{
	fuzz_begin(1);
	skdc = make_skdc();
	lamp = make_device(skdc, "lamp", &secret);
	lock = make_device(skdc, "lock", NULL);
	fill_store();
	make_requests();
	prune_now(lamp);
	must(fluffy_list(lamp, collect, &at_first));
	CHECK(at_first.n == 3);
}

/* ---- what a step may do -------------------------------------------------- */

/* What happened in this input so far. */
static struct {
	struct keyids have, deleted;
	bool answered[PAIR + 1];
} now;

static bool
is_in(const struct keyids *ids, const struct keyid *id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (bytes_eq(keyid_bytes(&ids->v[i]), keyid_bytes(id)))
			return true;
	return false;
}

static void
add(struct keyids *ids, const fluffy_outcome *o)
{
	CHECK(ids->n < MOST);
	ids->v[ids->n].n = (uint8_t)o->keyid_len;
	memcpy(ids->v[ids->n++].b, o->keyid, o->keyid_len);
}

/* A key came: it was asked for, once, and isn't one of the deleted. */
static void
received(const struct fluffy_msg *in, const fluffy_outcome *o)
{
	int which = in->type == FLUFFY_GSK_REP ? REP :
	    in->type == FLUFFY_GSK_DLVR ? DLVR : PAIR;
	const struct part *receipt = in->receipt.plain;

	CHECK(in->type == FLUFFY_PKP_REP || which != PAIR);
	CHECK(o->kind == (which == REP ? FLUFFY_GROUP_CREATED :
	    which == DLVR ? FLUFFY_GROUP_JOINED : FLUFFY_PAIR_RECEIVED));
	CHECK(bytes_eq(receipt->nonce, bytes_of(waiting[which],
	    NONCE_SIZE)));
	CHECK(!now.answered[which]);
	now.answered[which] = true;
	CHECK(bytes_eq(receipt->keydata->keyid, bytes_of(o->keyid,
	    o->keyid_len)));
	CHECK(o->endtime == receipt->endtime && o->endtime > FUZZ_NOW);
	CHECK((receipt->keydata->kty == KTY_SYMM) == (which != PAIR));
	add(&now.have, o);
}

static void
check_done(const struct fluffy_msg *in, const fluffy_outcome *o)
{
	switch (o->kind) {
	case FLUFFY_GROUP_CREATED:
	case FLUFFY_GROUP_JOINED:
	case FLUFFY_PAIR_RECEIVED:
		received(in, o);
		break;
	case FLUFFY_KEY_ERASED:
	case FLUFFY_KEY_UNKNOWN:
		CHECK(in->type == FLUFFY_PSK_DELT);
		CHECK(bytes_eq(in->kenvelope.plain->keydata->keyid,
		    bytes_of(o->keyid, o->keyid_len)));
		add(&now.deleted, o);
		break;
	case FLUFFY_GROUP_DELETED:
		CHECK(in->type == FLUFFY_GSK_DELC);
		add(&now.deleted, o);
		break;
	case FLUFFY_NOT_ADDRESSED:
		CHECK(in->type == FLUFFY_PSK_DELT ||
		    in->type == FLUFFY_GSK_DELC);
		break;
	default:
		CHECK(o->kind == FLUFFY_ERROR_PROVEN ||
		    o->kind == FLUFFY_ERROR_HINT);
		CHECK(in->type == FLUFFY_ERROR);
	}
}

/* PSK-DELC for the PSK-DELT, PSK-ESTB with the PKP-REP's miniticket. */
static void
check_out(const struct fluffy_msg *in, const fluffy_outcome *o,
    struct fluffy_msg *out)
{
	bool erased = o->kind == FLUFFY_KEY_ERASED ||
	    o->kind == FLUFFY_KEY_UNKNOWN;

	if (!erased && (o->kind != FLUFFY_PAIR_RECEIVED ||
	    in->mticket == NULL)) {
		CHECK(out == NULL);
		return;
	}
	CHECK(out != NULL);
	CHECK(out->type == (erased ? FLUFFY_PSK_DELC : FLUFFY_PSK_ESTB));
	if (!erased) {
		CHECK(HAS(out, L_authenticator) ==
		    pkey_signs(in->receipt.plain->keydata->alg));
		return;
	}
	must(seal_open(fuzz_ctx(), out, out, L_ack, &secret.key));
	CHECK(bytes_eq(out->ack.plain->nonce, in->kenvelope.plain->nonce));
	CHECK(bytes_eq(out->ack.plain->cname, BYTES("lamp")));
}

/* Of the keys that are there each was asked for, and none deleted. */
static void
check_keys(void)
{
	struct keyids found = { .n = 0 };

	must(fluffy_list(lamp, collect, &found));
	for (size_t i = 0; i < found.n; i++) {
		CHECK(is_in(&now.have, &found.v[i]));
		CHECK(!is_in(&now.deleted, &found.v[i]));
	}
}

/* fluffy_gsk_accept, fluffy_del_accept, fluffy_pkp_accept */
static enum fluffy_error
accept(int how, fluffy_msg *in, fluffy_msg **out, fluffy_outcome *o)
{
	static const fluffy_extras extras = { .ext = "1",
	    .has_seqnum = true };

	*out = NULL;
	if (how == 0)
		return fluffy_gsk_accept(lamp, in, o);
	return how == 1 ? fluffy_del_accept(lamp, in, out, o) :
	    fluffy_pkp_accept(lamp, in, &extras, out, o);
}

static int
how_of(const struct fluffy_msg *in)
{
	return in->type == FLUFFY_PSK_DELT ? 1 :
	    in->type == FLUFFY_PKP_REP ? 2 : 0;
}

/* Did it have an effect? */
static bool
take_step(int how, fluffy_msg *in, enum fluffy_error *e)
{
	enum fluffy_error would = explained(lamp, in);
	fluffy_outcome o;
	fluffy_msg *out;

	*e = accept(how, in, &out, &o);
	/* of the programs the one that takes such messages is explained */
	CHECK(*e == would || how != how_of(in) ||
	    *e == FLUFFY_E_UNEXPECTED);
	if (*e == FLUFFY_OK) {
		check_done(in, &o);
		check_out(in, &o, out);
	} else {
		check_why(*e);
		CHECK(fluffy_error_status(*e) != FLUFFY_BROKEN);
		CHECK(*e < FLUFFY_E_USAGE || *e == FLUFFY_E_UNEXPECTED);
		CHECK(o.kind == FLUFFY_NOTHING && out == NULL);
	}
	fluffy_msg_free(&out);
	return *e == FLUFFY_OK && o.kind != FLUFFY_ERROR_HINT &&
	    o.kind != FLUFFY_NOT_ADDRESSED;
}

/* ---- steps --------------------------------------------------------------- */

static void
deliver(int which)
{
	struct fluffy_msg *msg = copy(valid[which]);
	enum fluffy_error e;

	(void)take_step(how_of(msg), msg, &e);
	/* section 6: one already answered is answered again */
	if (which >= DELT_SESSION)
		CHECK(e == FLUFFY_OK);
	fluffy_msg_free(&msg);
}

#define NONCE BYTES("12345678")

static struct bytes
with_nonce(struct arena *arena, struct bytes plaintext, int which)
{
	struct bytes p = arena_dup(arena, plaintext);
	uint8_t *at = p.n == 0 ? NULL : memmem(p.p, p.n, NONCE.p, NONCE.n);

	if (at != NULL)
		memcpy(at, waiting[which], NONCE_SIZE);
	return p;
}

static void
around(int kind, struct feed *in)
{
	static const struct {
		int which, label;
	} kinds[] = {
		{ REP, L_receipt }, { DLVR, L_receipt }, { DELC, L_ack },
		{ DELT_SESSION, L_kenvelope }, { PAIR, L_receipt }
	};
	struct fluffy_msg *msg = copy(valid[kinds[kind].which]);
	struct bytes plaintext = take_long(in);
	enum fluffy_error sealed, e;

	if (kind != 3)
		plaintext = with_nonce(&msg->arena, plaintext,
		    kinds[kind].which);
	/* a PKP-REP for nobody has no miniticket */
	if (kind == 4 && take(in) % 2 == 1) {
		msg->mticket = NULL;
		msg->head.has &= ~label_bit(L_mticket);
	}
	sealed = seal_plaintext(msg, msg, kinds[kind].label, &secret.key,
	    keyid_bytes(&secret.kid), plaintext);
	(void)take_step(how_of(msg), msg, &e);
	CHECK(sealed == FLUFFY_OK || e == sealed);
	fluffy_msg_free(&msg);
}

static void
changed(struct feed *in)
{
	int which = (int)take_upto(in, N_VALID - 1);
	enum fluffy_format format = take(in) % 2 == 0 ? FLUFFY_CBOR :
	    FLUFFY_JSON;
	struct bytes changes = take_long(in);
	struct feed from = { changes.p, changes.n };
	fluffy_msg *msg = changed_copy(valid[which], format, &from);
	enum fluffy_error e;

	if (msg != NULL && take_step(how_of(msg), msg, &e))
		CHECK(is_same(valid[which], msg));
	fluffy_msg_free(&msg);
}

static void
whole(struct feed *in)
{
	int how = (int)take_upto(in, 2);
	struct bytes bytes = take_long(in);
	enum fluffy_error e;
	fluffy_msg *msg;

	if (fluffy_msg_read(fuzz_ctx(), bytes.p, bytes.n, &msg) != FLUFFY_OK)
		return;
	(void)take_step(how, msg, &e);
	fluffy_msg_free(&msg);
}

static void
steps(struct feed *in)
{
	for (int i = 0; i < 3 && in->n > 0; i++) {
		int step = (int)take_upto(in, 16);

		if (step < N_VALID)
			deliver(step);
		else if (step < N_VALID + 5)
			around(step - N_VALID, in);
		else if (step == N_VALID + 5)
			changed(in);
		else
			whole(in);
	}
	check_keys();
}

/* Time goes on, and it still shows what it has. */
static void
check_later(void)
{
	must(store_begin(lamp));
	must(store_prune(lamp, FUZZ_NOW + 100000));
	must(store_commit(lamp));
	check_keys();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };

	if (lamp == NULL)
		make_stores();
	fuzz_begin(2);
	now.have = at_first;
	now.deleted.n = 0;
	memset(now.answered, 0, sizeof(now.answered));
	life_begin(lamp);
	steps(&in);
	if (n > 0 && data[n - 1] == 0xff)
		check_later();
	life_end(lamp);
	return 0;
}

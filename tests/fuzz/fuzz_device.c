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
 * deleted comes back.  Each input finds the same store: the linker wraps
 * store_begin and store_commit, and pkey_generate, so that pairs are the same.
 * When the input's first byte is 255, its steps work on a copy of the file
 * instead, which must then be a good store still.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../answer.h"
#include "decode.h"
#include "exchange.h"
#include "fuzz.h"
#include "pkey.h"

enum fluffy_error __real_store_begin(fluffy_store *);
enum fluffy_error __wrap_store_begin(fluffy_store *);
enum fluffy_error __real_store_commit(fluffy_store *);
enum fluffy_error __wrap_store_commit(fluffy_store *);
enum fluffy_error __wrap_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);

static bool pretend;	/* the steps of an input are one transaction */

enum fluffy_error
__wrap_store_begin(fluffy_store *s)
{
	return pretend && s->in_transaction ? FLUFFY_OK :
	    __real_store_begin(s);
}

enum fluffy_error
__wrap_store_commit(fluffy_store *s)
{
	return pretend ? FLUFFY_OK : __real_store_commit(s);
}

enum fluffy_error
__wrap_pkey_generate(fluffy_ctx *ctx, struct arena *arena, int64_t kty,
    int64_t alg, struct bytes keyid, struct keydata **out)
{
	(void)ctx;
	*out = fuzz_pair(arena, kty, alg, keyid, false);
	CHECK(*out != NULL);
	return FLUFFY_OK;
}

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
static char path[100], copy_path[100];
static struct secret secret;	/* lamp's */
static fluffy_bytes valid[N_VALID];
static struct keyids at_first;	/* that lamp has */
/* of the requests that REP, DLVR, DELC and PAIR answer */
static uint8_t waiting[PAIR + 1][NONCE_SIZE];

static fluffy_store *
join(const char *name, char at[100])
{
	fluffy_msg *enrol;
	fluffy_store *s;

	(void)snprintf(at, 100, "%s/%s.db", fuzz_directory(), name);
	must(fluffy_enrol(skdc, name, NULL, &enrol));
	must(fluffy_join(fuzz_ctx(), at, enrol));
	must(fluffy_store_open(fuzz_ctx(), at, 0, &s));
	if (at == path)
		must(store_secret_by_kid(s, enrol->keydata->keyid, &secret));
	fluffy_msg_free(&enrol);
	return s;
}

/* Takes the request; the SKDC's answer. */
static fluffy_msg *
ask(fluffy_msg *req, enum fluffy_error expected)
{
	fluffy_msg *out;

	must(fluffy_skdc_begin(skdc));
	CHECK(answer_one(skdc, req, &out) == expected);
	must(fluffy_skdc_commit(skdc));
	CHECK(out != NULL);
	fluffy_msg_free(&req);
	return out;
}

static void
keep(int which, fluffy_msg *msg)
{
	valid[which] = cbor_of(msg);
	fluffy_msg_free(&msg);
}

static fluffy_msg *
copy(int which)
{
	fluffy_msg *msg;

	must(fluffy_msg_read(fuzz_ctx(), valid[which].data, valid[which].len,
	    &msg));
	return msg;
}

/* The answer to a request whose nonce lamp remembers. */
static void
wait_for(int which, fluffy_msg *req, enum fluffy_error expected)
{
	memcpy(waiting[which], req->authenticator.plain->nonce.p,
	    NONCE_SIZE);
	keep(which, ask(req, expected));
}

static struct keyid
keyid_in(int which)
{
	struct fluffy_msg *msg = copy(which);
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
	rep = ask(req, FLUFFY_OK);
	must(fluffy_estb(lamp, rep, &extras, &out, &o));
	revoke(DELT_SESSION, o.keyid, o.keyid_len);
	fluffy_msg_free(&rep);
	fluffy_msg_free(&out);
	must(fluffy_pkp_request(lamp, &pkp, &req));
	rep = ask(req, FLUFFY_OK);
	must(fluffy_pkp_accept(lamp, rep, &extras, &out, &o));
	revoke(DELT_PAIR, o.keyid, o.keyid_len);
	fluffy_msg_free(&rep);
	fluffy_msg_free(&out);
	must(fluffy_gsk_request(lamp, &gsk, &req));
	rep = ask(req, FLUFFY_OK);
	must(fluffy_gsk_accept(lamp, rep, &o));
	fluffy_msg_free(&rep);
	must(fluffy_gsk_delete(lamp, "old", NULL, &req));
	memcpy(waiting[DELC], req->kenvelope.plain->nonce.p, NONCE_SIZE);
	keep(DELC, ask(req, FLUFFY_OK));
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
	rep = ask(req, FLUFFY_OK);
	must(fluffy_gsk_accept(lock, rep, &o));
	fluffy_msg_free(&rep);
	must(fluffy_gsk_request(lamp, &create, &req));
	wait_for(REP, req, FLUFFY_OK);
	must(fluffy_gsk_fetch(lamp, &fetch, &req));
	wait_for(DLVR, req, FLUFFY_OK);
	must(fluffy_pkp_request(lamp, &pkp, &req));
	wait_for(PAIR, req, FLUFFY_OK);
	must(fluffy_gsk_request(lamp, &taken, &req));
	keep(REFUSAL, ask(req, FLUFFY_E_GROUP_EXISTS));
	must(fluffy_gsk_delete(lock, "shared", NULL, &req));
	keep(DELT_DLVR, ask(req, FLUFFY_OK));
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
	char lock_path[100], skdc_path[100];

	fuzz_begin(1);
	(void)snprintf(skdc_path, sizeof(skdc_path), "%s/skdc.db",
	    fuzz_directory());
	(void)snprintf(copy_path, sizeof(copy_path), "%s/copy.db",
	    fuzz_directory());
	must(fluffy_store_init(fuzz_ctx(), skdc_path, "home", "skdc", &skdc));
	lamp = join("lamp", path);
	lock = join("lock", lock_path);
	fill_store();
	make_requests();
	/* pruned now, so that no input has to; the file holds all */
	must(store_begin(lamp));
	must(store_prune(lamp, FUZZ_NOW));
	must(store_commit(lamp));
	must(fluffy_list(lamp, collect, &at_first));
	CHECK(at_first.n == 3);
	fluffy_store_close(&lamp);
	must(fluffy_store_open(fuzz_ctx(), path, 0, &lamp));
}

/* ---- what a step may do --------------------------------------------------- */

/* What happened in this input so far. */
static struct {
	fluffy_store *s;
	struct keyids have, deleted;
	bool answered[PAIR + 1];
	bool durable;	/* else what is refused undoes all before it */
} now;

static void
begin_life(void)
{
	now.have = at_first;
	now.deleted.n = 0;
	memset(now.answered, 0, sizeof(now.answered));
}

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
check_keys(fluffy_store *s)
{
	struct keyids found = { .n = 0 };

	must(fluffy_list(s, collect, &found));
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
		return fluffy_gsk_accept(now.s, in, o);
	return how == 1 ? fluffy_del_accept(now.s, in, out, o) :
	    fluffy_pkp_accept(now.s, in, &extras, out, o);
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
	fluffy_outcome o;
	fluffy_msg *out;

	*e = accept(how, in, &out, &o);
	if (*e == FLUFFY_OK) {
		check_done(in, &o);
		check_out(in, &o, out);
	} else {
		check_why(*e);
		CHECK(fluffy_error_status(*e) != FLUFFY_BROKEN);
		CHECK(*e < FLUFFY_E_USAGE || *e == FLUFFY_E_UNEXPECTED);
		CHECK(o.kind == FLUFFY_NOTHING && out == NULL);
		if (!now.durable)
			begin_life();
	}
	fluffy_msg_free(&out);
	return *e == FLUFFY_OK && o.kind != FLUFFY_ERROR_HINT &&
	    o.kind != FLUFFY_NOT_ADDRESSED;
}

/* ---- steps ------------------------------------------------------------------ */

/* Two bytes tell the length. */
static struct bytes
take_long(struct feed *in)
{
	size_t n = (size_t)take(in) << 8;

	return take_bytes(in, n | take(in));
}

static void
deliver(int which)
{
	struct fluffy_msg *msg = copy(which);
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
	struct fluffy_msg *msg = copy(kinds[kind].which);
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
	fluffy_msg *msg = copy(which);
	fluffy_bytes bytes, is;
	struct bytes changes;
	struct feed from;
	enum fluffy_error e;
	uint8_t *p;
	size_t n;

	must(fluffy_msg_write(fuzz_ctx(), msg, take(in) % 2 == 0 ?
	    FLUFFY_CBOR : FLUFFY_JSON, 0, &bytes));
	fluffy_msg_free(&msg);
	changes = take_long(in);
	from = (struct feed){ changes.p, changes.n };
	p = mutate(&from, bytes_of(bytes.data, bytes.len), &n);
	if (fluffy_msg_read(fuzz_ctx(), p, n, &msg) == FLUFFY_OK) {
		is = cbor_of(msg);
		if (take_step(how_of(msg), msg, &e))
			CHECK(bytes_eq(bytes_of(is.data, is.len),
			    bytes_of(valid[which].data, valid[which].len)));
		fluffy_bytes_free(&is);
		fluffy_msg_free(&msg);
	}
	free(p);
	fluffy_bytes_free(&bytes);
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
	for (int i = 0; i < 6 && in->n > 0; i++) {
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
	check_keys(now.s);
}

/* ---- a copy ------------------------------------------------------------------ */

static void
copy_file(void)
{
	static uint8_t block[1 << 16];
	FILE *from = fopen(path, "rb"), *to = fopen(copy_path, "wb");
	size_t n;

	CHECK(from != NULL && to != NULL);
	while ((n = fread(block, 1, sizeof(block), from)) > 0)
		CHECK(fwrite(block, 1, n, to) == n);
	(void)fclose(from);
	CHECK(fclose(to) == 0);
}

/* It opens, time goes on in it, and it shows what it has. */
static void
check_store(void)
{
	fluffy_store *s;

	must(fluffy_store_open(fuzz_ctx(), copy_path, 0, &s));
	must(store_begin(s));
	must(store_prune(s, FUZZ_NOW + 100000));
	must(store_commit(s));
	check_keys(s);
	fluffy_store_close(&s);
}

static void
on_a_copy(struct feed *in)
{
	now.durable = true;
	copy_file();
	must(fluffy_store_open(fuzz_ctx(), copy_path, 0, &now.s));
	steps(in);
	fluffy_store_close(&now.s);
	check_store();
	CHECK(remove(copy_path) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };

	if (lamp == NULL)
		make_stores();
	fuzz_begin(2);
	begin_life();
	if (n > 0 && data[0] == 0xff) {
		(void)take(&in);
		on_a_copy(&in);
		return 0;
	}
	now.durable = false;
	now.s = lamp;
	pretend = true;
	steps(&in);
	pretend = false;
	store_rollback(lamp);
	return 0;
}

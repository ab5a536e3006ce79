/*
 * fuzz_revoke.c - what a resource server takes from its trust anchors
 *
 * The server knows the keys of two.  The input is a few steps; a step's first
 * byte chooses:
 *  0  a valid DK-REVOKE for a number of the fuzzer's
 *  1  a message of the fuzzer's
 *  2  the same, its cksum put right when it is a DK-REVOKE
 *  3  a valid DK-REVOKE with changes: unless they change nothing it is refused
 *  4  a client's session with a number of the fuzzer's
 * Whatever comes: a number that was revoked or taken stays so until there is a
 * new key, a DK-REVOKE moves no window, and a refusal changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cbor.h"
#include "cose.h"
#include "dk.h"
#include "fuzz.h"

enum fluffy_error __wrap_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);

/* The server's pair is the same in every run. */
enum fluffy_error
__wrap_pkey_generate(fluffy_ctx *ctx, struct arena *arena, int64_t kty,
    int64_t alg, struct bytes keyid, struct keydata **out)
{
	(void)ctx;
	*out = fuzz_pair(arena, kty, alg, keyid, false);
	CHECK(*out != NULL);
	return FLUFFY_OK;
}

/* ---- the store ----------------------------------------------------------- */

#define N_TAS 2

static const char *const tas[N_TAS] = { "TA", "TB" };
static const uint8_t keys[N_TAS][32] = { { 1, 2, 3 }, { 0xff, 0xfe } };
static const uint8_t key_len[N_TAS] = { 16, 32 };
static fluffy_store *door;
static char path[100];
static uint8_t file[1 << 18];	/* as each input finds it */
static size_t file_n;

static void
provision(int ta)
{
	const fluffy_dk_provision_params params = { .rs = "door",
	    .ta = tas[ta], .key = keys[ta], .key_len = key_len[ta] };
	const fluffy_dk_join_params plainly = { .window = 0 };
	fluffy_bytes public;
	fluffy_msg *prov;
	char at[100];

	(void)snprintf(at, sizeof(at), "%s/%d.db", fuzz_directory(), ta);
	must(fluffy_dk_provision(fuzz_ctx(), at, &params, &prov));
	must(fluffy_dk_join(fuzz_ctx(), path, prov, &plainly, &public));
	fluffy_bytes_free(&public);
	fluffy_msg_free(&prov);
}

static void
make_store(void)
{
	FILE *f;

	fuzz_begin(1);
	(void)snprintf(path, sizeof(path), "%s/door.db", fuzz_directory());
	provision(0);
	provision(1);
	f = fopen(path, "rb");
	CHECK(f != NULL);
	file_n = fread(file, 1, sizeof(file), f);
	CHECK(file_n > 0 && file_n < sizeof(file));
	(void)fclose(f);
	must(fluffy_dk_open(fuzz_ctx(), path, 0, &door));
}

static void
restore_store(void)
{
	FILE *f;

	fluffy_store_close(&door);
	f = fopen(path, "wb");
	CHECK(f != NULL);
	CHECK(fwrite(file, 1, file_n, f) == file_n);
	CHECK(fclose(f) == 0);
	must(fluffy_dk_open(fuzz_ctx(), path, 0, &door));
}

/* ---- what happened in this input ------------------------------------------- */

#define MOST 8

static struct {
	uint32_t number[MOST];
	char ta[MOST][256];
	size_t n;
	bool changed, rekeyed;
} past;

static enum fluffy_error
show(const char *ta, uint32_t number, fluffy_dk_claim *claim)
{
	char nonce[NAME_MAX_ + 40];
	uint8_t key[KEY_MAX];
	size_t n;
	int len = snprintf(nonce, sizeof(nonce), "DK.%s.phone.%u", ta,
	    (unsigned)number);

	return fluffy_dk_derive(door, nonce, (size_t)len, claim, key, &n);
}

static void
remember(const char *ta, uint32_t number)
{
	CHECK(past.n < MOST);
	(void)snprintf(past.ta[past.n], sizeof(past.ta[0]), "%s", ta);
	past.number[past.n++] = number;
	past.changed = true;
}

static void
check_past(void)
{
	fluffy_dk_claim claim;

	for (size_t i = 0; i < past.n; i++)
		CHECK(show(past.ta[i], past.number[i], &claim) ==
		    (past.number[i] == 0 ? FLUFFY_E_MALFORMED :
		    FLUFFY_E_REPLAY));
}

/* ---- listings -------------------------------------------------------------- */

struct listed {
	struct buffer all, windows;
};

static int
list_entry(void *arg, const fluffy_dk_entry *x)
{
	struct listed *l = arg;

	buffer_addf(&l->windows, "%s %u %u ", x->ta, (unsigned)x->number,
	    x->window);
	buffer_add(&l->windows, x->bits, x->bits == NULL ? 0 :
	    (x->window + 7) / 8);
	buffer_addf(&l->all, "%s %s %zu ", x->role, x->rs, x->n_revoked);
	buffer_add(&l->all, x->revoked, x->n_revoked * sizeof(uint32_t));
	return 0;
}

static struct listed
listed(void)
{
	struct listed l = { BUFFER(1 << 20), BUFFER(1 << 20) };

	must(fluffy_dk_list(door, list_entry, &l));
	CHECK(!l.all.failed && !l.windows.failed);
	return l;
}

/* Of a DK-REVOKE that was taken the windows alone. */
static void
check_unchanged(struct listed *before, bool revoked)
{
	struct listed after = listed();

	CHECK(bytes_eq(buffer_view(&before->windows),
	    buffer_view(&after.windows)));
	CHECK(revoked || bytes_eq(buffer_view(&before->all),
	    buffer_view(&after.all)));
	buffer_free(&before->all);
	buffer_free(&before->windows);
	buffer_free(&after.all);
	buffer_free(&after.windows);
}

/* ---- steps ----------------------------------------------------------------- */

static uint32_t
take_number(struct feed *in)
{
	uint32_t number = 0;

	for (int i = 0; i < 4; i++)
		number = number << 8 | take(in);
	return number;
}

static void
put_cksum(struct fluffy_msg *msg)
{
	struct buffer b = BUFFER(FLUFFY_MAX_EMITTED);
	int ta = bytes_eq(msg->ta, BYTES("TB"));
	uint8_t derived[32], mac[HMAC_SIZE];

	cbor_put_struct(&b, msg, L_cksum);
	must(hkdf_sha256(fuzz_ctx(), bytes_of(keys[ta], key_len[ta]),
	    bytes_of(NULL, 0), "fluffy dk revoke", derived,
	    sizeof(derived)));
	must(hmac_sha256(fuzz_ctx(), bytes_of(derived, sizeof(derived)),
	    buffer_view(&b), mac));
	PUT_BYTES(msg, msg, cksum, L_cksum, bytes_of(mac, sizeof(mac)));
	buffer_free(&b);
}

static fluffy_msg *
valid(struct feed *in)
{
	struct fluffy_msg *msg = message_new(FLUFFY_DK_REVOKE);

	CHECK(msg != NULL);
	PUT_BYTES(msg, msg, ta, L_ta, bytes_str(tas[take_upto(in, 1)]));
	PUT_BYTES(msg, msg, rs, L_rs, BYTES("door"));
	PUT(msg, seqnum, L_seqnum, take_number(in));
	put_cksum(msg);
	return msg;
}

static enum fluffy_error
accept(const fluffy_msg *msg)
{
	struct listed before = listed();
	enum fluffy_error e = fluffy_dk_accept(door, msg);

	check_unchanged(&before, e == FLUFFY_OK);
	if (e == FLUFFY_OK) {
		CHECK(msg->type == FLUFFY_DK_REVOKE);
		remember((const char *)msg->ta.p, (uint32_t)msg->seqnum);
	} else {
		check_why(e);
		CHECK(e == FLUFFY_E_AUTH_FAILED || e == FLUFFY_E_UNEXPECTED);
	}
	return e;
}

/* A new key, or a credential, which nothing proves here. */
static void
join(const fluffy_msg *msg)
{
	const fluffy_dk_join_params plainly = { .window = 0 };
	struct listed before = listed();
	fluffy_bytes public;
	enum fluffy_error e;

	e = fluffy_dk_join(fuzz_ctx(), path, msg, &plainly, &public);
	if (e == FLUFFY_OK) {
		past.changed = true;
		CHECK((public.len > 0) == (msg->type == FLUFFY_DK_PROV));
		if (msg->type == FLUFFY_DK_PROV) {
			past.rekeyed = true;
			past.n = 0;
		}
		buffer_free(&before.all);
		buffer_free(&before.windows);
	} else {
		check_why(e);
		CHECK(fluffy_error_status(e) != FLUFFY_BROKEN);
		CHECK(public.data == NULL);
		check_unchanged(&before, false);
	}
	fluffy_bytes_free(&public);
}

static bool
for_door(const struct fluffy_msg *msg)
{
	return bytes_eq(msg->rs, BYTES("door")) &&
	    (bytes_eq(msg->ta, BYTES("TA")) ||
	    bytes_eq(msg->ta, BYTES("TB")));
}

static void
whole(struct feed *in, bool put_right)
{
	size_t n = (size_t)take(in) << 8;
	struct bytes bytes = take_bytes(in, n | take(in));
	enum fluffy_error e;
	bool revoke;
	fluffy_msg *msg;

	if (fluffy_msg_read(fuzz_ctx(), bytes.p, bytes.n, &msg) != FLUFFY_OK)
		return;
	check_message(msg);
	revoke = msg->type == FLUFFY_DK_REVOKE;
	if (revoke && put_right)
		put_cksum(msg);
	if (!revoke)
		join(msg);
	e = accept(msg);
	if (revoke && put_right && !past.rekeyed)
		CHECK((e == FLUFFY_OK) == for_door(msg));
	fluffy_msg_free(&msg);
}

static void
changed(struct feed *in)
{
	fluffy_msg *msg = valid(in);
	fluffy_bytes before, bytes, after;
	uint8_t *p;
	size_t n;

	before = cbor_of(msg);
	must(fluffy_msg_write(fuzz_ctx(), msg, take(in) % 2 == 0 ?
	    FLUFFY_CBOR : FLUFFY_JSON, 0, &bytes));
	fluffy_msg_free(&msg);
	p = mutate(in, bytes_of(bytes.data, bytes.len), &n);
	if (fluffy_msg_read(fuzz_ctx(), p, n, &msg) == FLUFFY_OK) {
		after = cbor_of(msg);
		if (accept(msg) == FLUFFY_OK)
			CHECK(bytes_eq(bytes_of(before.data, before.len),
			    bytes_of(after.data, after.len)));
		fluffy_bytes_free(&after);
		fluffy_msg_free(&msg);
	}
	free(p);
	fluffy_bytes_free(&bytes);
	fluffy_bytes_free(&before);
}

static void
session(struct feed *in)
{
	const char *ta = tas[take_upto(in, 1)];
	uint32_t number = take_number(in);
	fluffy_dk_claim claim;
	enum fluffy_error e = show(ta, number, &claim);

	if (e != FLUFFY_OK) {
		check_why(e);
		CHECK(e == (number == 0 ? FLUFFY_E_MALFORMED :
		    FLUFFY_E_REPLAY));
		return;
	}
	must(fluffy_dk_take(door, &claim));
	remember(ta, number);
}

static void
step(struct feed *in)
{
	fluffy_msg *msg;

	switch (take_upto(in, 4)) {
	case 0:
		msg = valid(in);
		(void)!accept(msg);
		fluffy_msg_free(&msg);
		break;
	case 1:
		whole(in, false);
		break;
	case 2:
		whole(in, true);
		break;
	case 3:
		changed(in);
		break;
	default:
		session(in);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };

	if (door == NULL)
		make_store();
	fuzz_begin(2);
	past.n = 0;
	past.changed = past.rekeyed = false;
	for (int i = 0; i < MOST && in.n > 0; i++)
		step(&in);
	check_past();
	if (past.changed)
		restore_store();
	return 0;
}

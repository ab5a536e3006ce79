/*
 * fuzz_rs.c - what a resource server takes from its trust anchors and clients
 *
 * The server knows the keys of two.  The input is a few steps; a step's first
 * byte chooses:
 *  0  a valid DK-REVOKE for a number of the fuzzer's
 *  1  a message of the fuzzer's
 *  2  the same, its cksum put right when it is a DK-REVOKE
 *  3  a valid DK-REVOKE with changes: unless they change nothing it is refused
 *  4  a client's session with a nonce of a number of the fuzzer's
 *  5  the same with a MacCert
 *  6  a nonce of the fuzzer's
 *  7  a valid MacCert with changes
 *  8  a valid MacCert around a key of the fuzzer's
 *  9  a DK-CERT that brings a MacCert of the fuzzer's
 * Whatever comes: a number that was revoked or taken stays so until there is a
 * new key, a DK-REVOKE moves no window, and a refusal changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cbor.h"
#include "cose.h"
#include "derived.h"
#include "dk.h"
#include "maccert.h"
#include "spki.h"
#include "stores.h"

/* ---- the store ----------------------------------------------------------- */

#define N_TAS 2

static const char *const tas[N_TAS] = { "TA", "TB" };
static const uint8_t keys[N_TAS][32] = { { 1, 2, 3 }, { 0xff, 0xfe } };
static const uint8_t key_len[N_TAS] = { 16, 32 };
static fluffy_store *door;
static char path[PATH_ROOM];
static struct buffer phone = BUFFER(SPKI_MAX);	/* a client's key */

static void
provision(int ta)
{
	const fluffy_dk_provision_params params = { .rs = "door",
	    .ta = tas[ta], .key = keys[ta], .key_len = key_len[ta] };
	const fluffy_dk_join_params plainly = { .window = 0 };
	char at[PATH_ROOM];
	fluffy_bytes public;
	fluffy_msg *prov;

	fuzz_path(at, tas[ta]);
	must(fluffy_dk_provision(fuzz_ctx(), at, &params, &prov));
	must(fluffy_dk_join(fuzz_ctx(), path, prov, &plainly, &public));
	fluffy_bytes_free(&public);
	fluffy_msg_free(&prov);
}

static void
make_store(void)
{
	struct buffer pair = BUFFER(SPKI_MAX);

	fuzz_begin(1);
	fuzz_path(path, "door.db");
	provision(0);
	provision(1);
	must(fluffy_dk_open(fuzz_ctx(), path, 0, &door));
	must(pair_new(fuzz_ctx(), &pair));
	must(pair_public(fuzz_ctx(), buffer_view(&pair), false, &phone));
	buffer_free(&pair);
}

static struct symm
key_of(int ta)
{
	struct symm key = { .n = key_len[ta] };

	memcpy(key.b, keys[ta], key.n);
	return key;
}

/* ---- what happened in this input ----------------------------------------- */

#define MOST 8

static struct {
	uint32_t number[MOST];
	char ta[MOST][256];
	size_t n;
	bool rekeyed;
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

/* ---- listings ------------------------------------------------------------ */

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

/* ---- steps --------------------------------------------------------------- */

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

/* A client takes its credentials one by one. */
static void
use_credentials(void)
{
	fluffy_dk_credential c;
	enum fluffy_error e;

	while ((e = fluffy_dk_next(door, NULL, 0, &c)) == FLUFFY_OK) {
		CHECK((c.nonce.len > 0) == (c.key.len > 0));
		CHECK((c.maccert.len > 0) == (c.nonce.len == 0));
		must(fluffy_dk_used(door, c.id));
		CHECK(fluffy_dk_used(door, c.id) == FLUFFY_E_NOT_FOUND);
		fluffy_dk_credential_free(&c);
	}
	CHECK(e == FLUFFY_E_NOT_FOUND || e == FLUFFY_E_USAGE);
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
		CHECK((public.len > 0) == (msg->type == FLUFFY_DK_PROV));
		if (msg->type == FLUFFY_DK_PROV) {
			past.rekeyed = true;
			past.n = 0;
		} else
			use_credentials();
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
	struct bytes bytes = take_long(in);
	enum fluffy_error e;
	bool revoke;
	fluffy_msg *msg;

	if (fluffy_msg_read(fuzz_ctx(), bytes.p, bytes.n, &msg) != FLUFFY_OK)
		return;
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
	fluffy_bytes kept = keep(valid(in));
	enum fluffy_format format = take(in) % 2 == 0 ? FLUFFY_CBOR :
	    FLUFFY_JSON;
	fluffy_msg *msg = changed_copy(kept, format, in);

	if (msg != NULL && accept(msg) == FLUFFY_OK)
		CHECK(is_same(kept, msg));
	fluffy_msg_free(&msg);
	fluffy_bytes_free(&kept);
}

/* ---- sessions ------------------------------------------------------------ */

/* What was judged good names a trust anchor, and its number can be taken. */
static void
take_claim(const fluffy_dk_claim *claim, struct bytes ta, uint32_t number)
{
	CHECK(bytes_eq(bytes_str(claim->ta), ta));
	CHECK(claim->number == number);
	must(fluffy_dk_take(door, claim));
	CHECK(fluffy_dk_take(door, claim) == FLUFFY_E_REPLAY);
	remember(claim->ta, number);
}

static void
check_refused(enum fluffy_error e)
{
	check_why(e);
	CHECK(e == FLUFFY_E_MALFORMED || e == FLUFFY_E_AUTH_FAILED ||
	    e == FLUFFY_E_REPLAY);
}

static void
session(struct feed *in)
{
	int ta = (int)take_upto(in, 1);
	uint32_t number = take_number(in);
	fluffy_dk_claim claim;
	enum fluffy_error e = show(tas[ta], number, &claim);

	if (e == FLUFFY_OK) {
		take_claim(&claim, bytes_str(tas[ta]), number);
		return;
	}
	check_refused(e);
	CHECK(e == (number == 0 ? FLUFFY_E_MALFORMED : FLUFFY_E_REPLAY));
}

/* The key is the one that the trust anchor would derive. */
static void
nonce_text(struct feed *in)
{
	struct bytes text = take_string(in);
	uint8_t key[KEY_MAX];
	struct symm mine, derived;
	struct nonce nonce;
	fluffy_dk_claim claim;
	enum fluffy_error e;
	size_t n;

	e = fluffy_dk_derive(door, text.p, text.n, &claim, key, &n);
	CHECK((n > 0) == (e == FLUFFY_OK));
	if (e != FLUFFY_OK) {
		check_refused(e);
		return;
	}
	CHECK(nonce_read(text, &nonce) == NULL);
	CHECK(bytes_eq(bytes_str(claim.client), nonce.client));
	mine = key_of(bytes_eq(nonce.ta, BYTES("TB")));
	if (!past.rekeyed) {
		must(derived_key(fuzz_ctx(), &mine, text, &derived));
		CHECK(bytes_eq(symm_bytes(&derived), bytes_of(key, n)));
	}
	take_claim(&claim, nonce.ta, nonce.number);
}

static struct buffer
new_maccert(struct feed *in, struct bytes spki, struct maccert *cert)
{
	struct buffer b = BUFFER(SPKI_MAX + 1000);
	int ta = (int)take_upto(in, 1);
	struct symm key = key_of(ta);

	*cert = (struct maccert){ .spki = spki, .ta = bytes_str(tas[ta]),
	    .number = take_number(in) };
	must(maccert_write(fuzz_ctx(), &key, cert, &b));
	return b;
}

static enum fluffy_error
verify(struct bytes data)
{
	fluffy_dk_claim claim;
	fluffy_bytes public;
	struct maccert cert;
	enum fluffy_error e;

	e = fluffy_dk_verify(door, data.p, data.n, &claim, &public);
	if (e == FLUFFY_OK) {
		CHECK(maccert_read(data, &cert) == NULL);
		CHECK(claim.client[0] == '\0');
		CHECK(bytes_eq(bytes_of(public.data, public.len), cert.spki));
		take_claim(&claim, cert.ta, cert.number);
	} else {
		check_refused(e);
		CHECK(public.data == NULL);
	}
	fluffy_bytes_free(&public);
	return e;
}

/* Around a good key only the number matters. */
static void
good_maccert(struct feed *in)
{
	struct maccert cert;
	struct buffer b = new_maccert(in, buffer_view(&phone), &cert);
	enum fluffy_error e = verify(buffer_view(&b));

	if (!past.rekeyed)
		CHECK(e == FLUFFY_OK || e == FLUFFY_E_REPLAY);
	buffer_free(&b);
}

static void
changed_maccert(struct feed *in)
{
	struct maccert cert;
	struct buffer b = new_maccert(in, buffer_view(&phone), &cert);
	size_t n;
	uint8_t *p = mutate(in, buffer_view(&b), &n);

	if (verify(bytes_of(p, n)) == FLUFFY_OK)
		CHECK(bytes_eq(bytes_of(p, n), buffer_view(&b)));
	free(p);
	buffer_free(&b);
}

static void
maccert_around(struct feed *in)
{
	struct maccert cert;
	struct buffer b;
	struct bytes spki = take_string(in);

	if (spki.n == 0)
		return;
	b = new_maccert(in, spki, &cert);
	if (verify(buffer_view(&b)) == FLUFFY_OK)
		must(spki_check(fuzz_ctx(), spki));
	buffer_free(&b);
}

static void
cert_document(struct feed *in)
{
	struct fluffy_msg *msg = message_new(FLUFFY_DK_CERT);
	struct bytes cert;
	fluffy_bytes out;
	enum fluffy_error e;

	CHECK(msg != NULL);
	PUT_BYTES(msg, msg, ta, L_ta, bytes_str(tas[take_upto(in, 1)]));
	PUT_BYTES(msg, msg, rs, L_rs, take(in) == 0xff ? BYTES("gate") :
	    BYTES("door"));
	cert = take_long(in);
	PUT_BYTES(msg, msg, maccert, L_maccert, cert);
	e = fluffy_dk_maccert(door, msg, &out);
	if (e == FLUFFY_OK) {
		CHECK(bytes_eq(bytes_of(out.data, out.len), cert));
		(void)!verify(cert);
	} else
		check_refused(e);
	fluffy_bytes_free(&out);
	fluffy_msg_free(&msg);
}

static void
step(struct feed *in)
{
	fluffy_msg *msg;

	switch (take_upto(in, 9)) {
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
	case 4:
		session(in);
		break;
	case 5:
		good_maccert(in);
		break;
	case 6:
		nonce_text(in);
		break;
	case 7:
		changed_maccert(in);
		break;
	case 8:
		maccert_around(in);
		break;
	default:
		cert_document(in);
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
	past.rekeyed = false;
	life_begin(door);
	for (int i = 0; i < MOST && in.n > 0; i++)
		step(&in);
	check_past();
	life_end(door);
	return 0;
}

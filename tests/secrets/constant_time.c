/*
 * constant_time.c - nothing branches on a secret, and nothing is looked up by it
 *
 * Run by valgrind's memcheck, which reports every branch and every address that
 * depends on undefined memory: here the keys are made undefined, as they come
 * from the store, from a seal or from the caller, and what the code is allowed
 * to tell is made defined again, at these places alone:
 *
 *  - the verdict of CRYPTO_memcmp, also of OpenSSL's own calls;
 *  - a ciphertext, a cksum and a MAC, once made: they are sent in clear;
 *  - a plaintext, once its tag has verified: but not a key in it.
 *
 * The program runs itself again under valgrind.
 */
#include "../unit/world.h"

#include <openssl/crypto.h>

#include "alg.h"
#include "cose.h"
#include "decode.h"
#include "derived.h"
#include "dk.h"
#include "maccert.h"

#if !__has_include(<valgrind/memcheck.h>)
#define WHY_NOT "the Debian package valgrind was missing at build"
#elif defined(__SANITIZE_ADDRESS__)
#define WHY_NOT "valgrind can't run what has a sanitizer's memory"
#endif

#ifdef WHY_NOT

int
main(void)
{
	puts("1..0 # SKIP " WHY_NOT);
	return 0;
}

#else

#include <valgrind/memcheck.h>

static void
secret(const void *p, size_t n)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(p, n);
}

static void
told(const void *p, size_t n)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(p, n);
}

/* ---- what may be told ------------------------------------------------------ */

int I_WRAP_SONAME_FNNAME_ZU(libcryptoZdsoZa, CRYPTO_memcmp)(const void *,
    const void *, size_t);

int
I_WRAP_SONAME_FNNAME_ZU(libcryptoZdsoZa, CRYPTO_memcmp)(const void *a,
    const void *b, size_t n)
{
	int differ;
	OrigFn f;

	VALGRIND_GET_ORIG_FN(f);
	CALL_FN_W_WWW(differ, f, a, b, n);
	told(&differ, sizeof(differ));
	return differ;
}

enum fluffy_error __real_cose_encrypt(fluffy_ctx *, int64_t, struct bytes,
    struct bytes, struct bytes, struct bytes, uint8_t *);
enum fluffy_error __wrap_cose_encrypt(fluffy_ctx *, int64_t, struct bytes,
    struct bytes, struct bytes, struct bytes, uint8_t *);
enum fluffy_error __real_cose_cksum(fluffy_ctx *, struct bytes, struct bytes,
    uint8_t[CKSUM_SIZE]);
enum fluffy_error __wrap_cose_cksum(fluffy_ctx *, struct bytes, struct bytes,
    uint8_t[CKSUM_SIZE]);
enum fluffy_error __real_decode_part(fluffy_ctx *, struct arena *,
    struct bytes, const struct schema *, const struct path *,
    struct part **);
enum fluffy_error __wrap_decode_part(fluffy_ctx *, struct arena *,
    struct bytes, const struct schema *, const struct path *,
    struct part **);

enum fluffy_error
__wrap_cose_encrypt(fluffy_ctx *ctx, int64_t alg, struct bytes key,
    struct bytes iv, struct bytes aad, struct bytes plaintext, uint8_t *out)
{
	enum fluffy_error e = __real_cose_encrypt(ctx, alg, key, iv, aad,
	    plaintext, out);

	told(out, plaintext.n + aead_of(alg)->tag);
	return e;
}

/* For seal_make alone; what is verified stays secret. */
static bool sealing;

enum fluffy_error
__wrap_cose_cksum(fluffy_ctx *ctx, struct bytes key, struct bytes aad,
    uint8_t out[CKSUM_SIZE])
{
	enum fluffy_error e = __real_cose_cksum(ctx, key, aad, out);

	if (sealing)
		told(out, CKSUM_SIZE);
	return e;
}

/* The head of a keydata's key in the plaintext: label 22, a string of 16. */
static const uint8_t key_head[] = { 0x16, 0x50 };

enum fluffy_error
__wrap_decode_part(fluffy_ctx *ctx, struct arena *arena,
    struct bytes plaintext, const struct schema *schema,
    const struct path *path, struct part **out)
{
	const uint8_t *key;

	told(plaintext.p, plaintext.n);
	key = memmem(plaintext.p, plaintext.n, key_head, sizeof(key_head));
	if (key != NULL)
		secret(key + sizeof(key_head), 16);
	return __real_decode_part(ctx, arena, plaintext, schema, path, out);
}

/* ---- what is secret -------------------------------------------------------- */

struct keydata *__real_keydata_make(struct fluffy_msg *,
    const struct schema *, struct bytes, const struct symm *);
struct keydata *__wrap_keydata_make(struct fluffy_msg *,
    const struct schema *, struct bytes, const struct symm *);
enum fluffy_error __real_store_secret_find(fluffy_store *, struct bytes,
    struct secret *, bool *);
enum fluffy_error __wrap_store_secret_find(fluffy_store *, struct bytes,
    struct secret *, bool *);
enum fluffy_error __real_store_secrets_of(fluffy_store *, struct bytes,
    struct secret *, size_t, size_t *);
enum fluffy_error __wrap_store_secrets_of(fluffy_store *, struct bytes,
    struct secret *, size_t, size_t *);
enum fluffy_error __real_store_session_key(fluffy_store *, struct bytes,
    struct symm *, bool *);
enum fluffy_error __wrap_store_session_key(fluffy_store *, struct bytes,
    struct symm *, bool *);
enum fluffy_error __real_vault_put(fluffy_store *, const struct symm *,
    int64_t *);
enum fluffy_error __wrap_vault_put(fluffy_store *, const struct symm *,
    int64_t *);
enum fluffy_error __real_store_anchor(fluffy_store *, struct bytes,
    struct bytes, struct anchor *);
enum fluffy_error __wrap_store_anchor(fluffy_store *, struct bytes,
    struct bytes, struct anchor *);

static bool watching; /* while a realm is made, nothing is secret */
static unsigned seen; /* how many keys were made secret */

static void
secret_key(const struct symm *key)
{
	if (!watching)
		return;
	secret(key->b, key->n);
	seen++;
}

struct keydata *
__wrap_keydata_make(struct fluffy_msg *msg, const struct schema *schema,
    struct bytes keyid, const struct symm *key)
{
	secret_key(key);
	return __real_keydata_make(msg, schema, keyid, key);
}

enum fluffy_error
__wrap_store_secret_find(fluffy_store *s, struct bytes kid,
    struct secret *out, bool *found)
{
	enum fluffy_error e = __real_store_secret_find(s, kid, out, found);

	if (e == FLUFFY_OK)
		secret_key(&out->key);
	return e;
}

enum fluffy_error
__wrap_store_secrets_of(fluffy_store *s, struct bytes owner,
    struct secret *v, size_t cap, size_t *n)
{
	enum fluffy_error e = __real_store_secrets_of(s, owner, v, cap, n);

	for (size_t i = 0; e == FLUFFY_OK && i < *n; i++)
		secret_key(&v[i].key);
	return e;
}

enum fluffy_error
__wrap_store_session_key(fluffy_store *s, struct bytes keyid,
    struct symm *key, bool *found)
{
	enum fluffy_error e = __real_store_session_key(s, keyid, key, found);

	if (e == FLUFFY_OK)
		secret_key(key);
	return e;
}

/* The store writes it to a file: there the kernel may see it. */
enum fluffy_error
__wrap_vault_put(fluffy_store *s, const struct symm *key, int64_t *slot)
{
	told(key, sizeof(*key));
	return __real_vault_put(s, key, slot);
}

enum fluffy_error
__wrap_store_anchor(fluffy_store *s, struct bytes ta, struct bytes rs,
    struct anchor *a)
{
	enum fluffy_error e = __real_store_anchor(s, ta, rs, a);

	if (e == FLUFFY_OK)
		secret_key(&a->key);
	return e;
}

/* SQLite's reads of a store's file: that key is secret from there on. */
static struct symm in_file;

ssize_t pread64(int, void *, size_t, off_t);

ssize_t
pread64(int fd, void *out, size_t n, off_t at)
{
	ssize_t got = lseek(fd, at, SEEK_SET) < 0 ? -1 : read(fd, out, n);
	uint8_t *key;

	if (got <= 0 || in_file.n == 0)
		return got;
	key = memmem(out, (size_t)got, in_file.b, in_file.n);
	if (key != NULL) {
		secret(key, in_file.n);
		seen++;
	}
	return got;
}

/* ---- counting reports -------------------------------------------------------- */

static unsigned before;

static void
watch(void)
{
	watching = true;
	seen = 0;
	before = (unsigned)VALGRIND_COUNT_ERRORS;
}

static unsigned
reports(void)
{
	watching = false;
	return (unsigned)VALGRIND_COUNT_ERRORS - before;
}

/* At least so many keys were secret, and nothing was reported. */
static void
silent(unsigned keys)
{
	assert_int_equal(reports(), 0);
	assert_true(seen >= keys);
}

/* ---- the machinery itself ---------------------------------------------------- */

static volatile int sink;

/* No compiler knows what is in it. */
static const uint8_t *
a_secret(uint8_t key[16])
{
	const uint8_t *volatile p = key;

	memset(key, 1, 16);
	secret(key, 16);
	return p;
}

static const uint8_t guess[16] = { 1, 2 };

/* A comparison that tells where it ended has to be reported ... */
static void
leak_by_branch(void **state)
{
	uint8_t key[16];
	const uint8_t *p = a_secret(key);

	(void)state;
	watch();
	if (memcmp(p, guess, sizeof(key)) == 0)
		sink = 1;
	assert_true(reports() > 0);
}

/* ... and a table at a secret place ... */
static void
leak_by_index(void **state)
{
	static volatile const uint8_t table[256] = { 1 };
	uint8_t key[16];
	const uint8_t *p = a_secret(key);

	(void)state;
	watch();
	sink = table[p[0]];
	assert_true(reports() > 0);
}

/* ... but not CRYPTO_memcmp and a decision by its verdict. */
static void
leak_of_verdict(void **state)
{
	uint8_t key[16];
	const uint8_t *p = a_secret(key);

	(void)state;
	watch();
	if (CRYPTO_memcmp(p, guess, sizeof(key)) == 0)
		sink = 1;
	assert_int_equal(reports(), 0);
}

/* ---- at the SKDC --------------------------------------------------------------- */

static void
flip(struct bytes b)
{
	writable(b)[b.n - 1] ^= 1;
}

/* As from a new process: nothing is in memory, and sensor's key is secret. */
static void
reopen_secret(struct world *w)
{
	struct secret of = secret_of_owner(w, "sensor");

	reopen(w);
	in_file = of.key;
}

/* Not committed: the pages of the store's file hold the secret key. */
static void
answer_watched(struct world *w, fluffy_msg *msg, enum fluffy_error code,
    unsigned keys)
{
	fluffy_msgs answers;
	enum fluffy_error e;

	watch();
	e = fluffy_skdc_answer(w->skdc, msg, &answers);
	silent(keys);
	expect(w, e, code);
	fluffy_msgs_free(&answers);
}

/* Twice: the key comes from the file, and from what is remembered of it. */
static void
requests(struct world *w, void (*change)(fluffy_msg *),
    enum fluffy_error code, unsigned keys)
{
	fluffy_bytes wire[2] = { request(w, SENSOR, "lock"),
		request(w, SENSOR, "lock") };
	fluffy_msg *msg;

	reopen_secret(w);
	must(w->ctx, fluffy_skdc_begin(w->skdc));
	for (int i = 0; i < 2; i++) {
		msg = from_wire(w, &wire[i]);
		change(msg);
		answer_watched(w, msg, code, keys);
		fluffy_msg_free(&msg);
		wire_free(&wire[i]);
	}
	store_rollback(w->skdc);
	in_file.n = 0;
}

static void
as_it_is(fluffy_msg *msg)
{
	(void)msg;
}

static void
bad_tag(fluffy_msg *msg)
{
	flip(msg->authenticator.ciphertext);
}

static void
other_kid(fluffy_msg *msg)
{
	flip(msg->authenticator.kid);
}

static void
skdc_good(void **state)
{
	/* the client's to open with, a new session key, both to seal with */
	requests(*state, as_it_is, FLUFFY_OK, 4);
}

static void
skdc_bad_tag(void **state)
{
	requests(*state, bad_tag, FLUFFY_E_AUTH_FAILED, 1);
}

static void
skdc_unknown_kid(void **state)
{
	requests(*state, other_kid, FLUFFY_E_AUTH_FAILED, 0);
}

/* ---- at a device ------------------------------------------------------------- */

/* The secret key opens a session key, and that seals and opens. */
static void
devices(void **state)
{
	struct world *w = *state;
	struct exchange x = { .req = request(w, SENSOR, "lock") };
	fluffy_bytes nothing;

	x.rep = asked(w, &x.req);
	watch();
	x.estb = stepped(w, SENSOR, &x.rep);
	silent(1);
	watch();
	x.ack = stepped(w, LOCK, &x.estb);
	silent(1);
	nothing = stepped(w, SENSOR, &x.ack);
	silent(1);
	assert_null(nothing.data);
	exchange_free(&x);
}

/* ---- seals of every algorithm -------------------------------------------------- */

static void
a_key(const struct aead *aead, struct symm *key)
{
	*key = (struct symm){ .alg = aead->alg, .n = (uint8_t)aead->key };
	memset(key->b, 0x42, key->n);
	secret_key(key);
}

static void
open_watched(struct world *w, fluffy_msg *msg, const struct symm *key,
    enum fluffy_error code)
{
	watch();
	expect(w, seal_open(w->ctx, msg, msg, L_authenticator, key), code);
	silent(0);
}

static void
one_algorithm(struct world *w, const struct aead *aead, fluffy_msg *msg,
    struct part *part)
{
	static const uint8_t iv[IV_MAX];
	struct symm key;
	struct sealing how = { .key = &key, .iv = iv, .kid = BYTES("kid4"),
		.cksum = true };

	watch();
	a_key(aead, &key);
	sealing = true;
	must(w->ctx, seal_make(w->ctx, msg, msg, L_authenticator, part, &how));
	sealing = false;
	silent(1);
	open_watched(w, msg, &key, FLUFFY_OK);
	flip(msg->authenticator.ciphertext);
	open_watched(w, msg, &key, FLUFFY_E_AUTH_FAILED);
	/* a seal that is good, over a cksum that isn't */
	flip(part->cksum);
	how.cksum = false;
	must(w->ctx, seal_make(w->ctx, msg, msg, L_authenticator, part, &how));
	open_watched(w, msg, &key, FLUFFY_E_AUTH_FAILED);
}

static void
algorithms(void **state)
{
	struct world *w = *state;
	fluffy_bytes wire = request(w, SENSOR, "lock");
	fluffy_msg *msg = from_wire(w, &wire);
	struct secret of = secret_of_owner(w, "sensor");
	struct part *part;

	part = open_part(w, msg, msg, L_authenticator, &of.key);
	for (size_t i = 0; i < N_AEADS; i++)
		one_algorithm(w, &aeads[i], msg, part);
	fluffy_msg_free(&msg);
	wire_free(&wire);
}

/* ---- derived keys, certificates, revocation ------------------------------------ */

static const struct symm *
a_k_rs_ta(struct symm *key)
{
	*key = (struct symm){ .n = 16, .b = { 1, 2, 3 } };
	secret_key(key);
	return key;
}

static void
derivation(void **state)
{
	struct world *w = *state;
	struct symm k, derived;

	watch();
	must(w->ctx, derived_key(w->ctx, a_k_rs_ta(&k), BYTES("DK.TA.phone.1"),
	    &derived));
	silent(1);
}

static void
certificate(void **state)
{
	struct world *w = *state;
	struct maccert cert = { .spki = BYTES("a public key"),
		.ta = BYTES("TA"), .number = 1 };
	struct buffer b = BUFFER(200);
	struct symm k;

	watch();
	must(w->ctx, maccert_write(w->ctx, a_k_rs_ta(&k), &cert, &b));
	told(b.p, b.n);
	assert_null(maccert_read(buffer_view(&b), &cert));
	must(w->ctx, maccert_check(w->ctx, &k, &cert));
	flip(cert.mac);
	expect(w, maccert_check(w->ctx, &k, &cert), FLUFFY_E_AUTH_FAILED);
	silent(1);
	buffer_free(&b);
}

/* A trust anchor and its server, and a DK-REVOKE between them. */
static fluffy_msg *
a_revocation(struct world *w, fluffy_store **ta, fluffy_store **rs)
{
	const fluffy_dk_provision_params params = { .rs = "door" };
	const fluffy_dk_join_params join = { .window = 0 };
	fluffy_msg *msg;
	fluffy_bytes public;
	char path[2][60];

	(void)snprintf(path[0], sizeof(path[0]), "%s/ta.db", w->dir);
	(void)snprintf(path[1], sizeof(path[1]), "%s/rs.db", w->dir);
	must(w->ctx, fluffy_dk_provision(w->ctx, path[0], &params, &msg));
	must(w->ctx, fluffy_dk_join(w->ctx, path[1], msg, &join, &public));
	fluffy_bytes_free(&public);
	fluffy_msg_free(&msg);
	must(w->ctx, fluffy_dk_open(w->ctx, path[0], 0, ta));
	must(w->ctx, fluffy_dk_open(w->ctx, path[1], 0, rs));
	must(w->ctx, fluffy_dk_issue(*ta, "door", "phone", &msg));
	fluffy_msg_free(&msg);
	watch();
	must(w->ctx, fluffy_dk_revoke(*ta, "door", 1, &msg));
	silent(1);
	told(msg->cksum.p, msg->cksum.n);
	return msg;
}

static void
revocation(void **state)
{
	struct world *w = *state;
	fluffy_store *ta, *rs;
	fluffy_msg *msg = a_revocation(w, &ta, &rs);

	watch();
	flip(msg->cksum);
	expect(w, fluffy_dk_accept(rs, msg), FLUFFY_E_AUTH_FAILED);
	flip(msg->cksum);
	must(w->ctx, fluffy_dk_accept(rs, msg));
	silent(2);
	fluffy_msg_free(&msg);
	fluffy_store_close(&ta);
	fluffy_store_close(&rs);
}

/* ---- under valgrind -------------------------------------------------------------- */

static int
again_under_valgrind(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return 1;
	self[n] = '\0';
	(void)execlp("valgrind", "valgrind", "--quiet", "--tool=memcheck",
	    "--undef-value-errors=yes", "--leak-check=no", self, (char *)NULL);
	puts("1..0 # SKIP the Debian package valgrind is missing");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leak_by_branch),
		cmocka_unit_test(leak_by_index),
		cmocka_unit_test(leak_of_verdict),
		IN_BOTH(skdc_good),
		IN_BOTH(skdc_bad_tag),
		IN_BOTH(skdc_unknown_kid),
		IN_BOTH(devices),
		IN_CBOR(algorithms),
		IN_CBOR(derivation),
		IN_CBOR(certificate),
		IN_CBOR(revocation)
	};

	if (!RUNNING_ON_VALGRIND)
		return again_under_valgrind();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

/* test_store_pair.c - the store: pairs and peers' public keys, and exports */
#include "store_fixture.h"

#include <openssl/pem.h>

#include "cbor.h"
#include "cert.h"
#include "exchange.h"
#include "keys.h"

static struct arena arena;

static int
setup_pairs(void **state)
{
	memset(&arena, 0, sizeof(arena));
	return setup(state);
}

static int
teardown_pairs(void **state)
{
	arena_free(&arena);
	return teardown(state);
}

#undef T
#define T(name) cmocka_unit_test_setup_teardown(name, setup_pairs, \
    teardown_pairs)

/* ---- pairs ----------------------------------------------------------- */

static const struct {
	int64_t kty, alg;
} kinds[] = {
	{ KTY_EC, -7 }, { KTY_EC, -35 }, { KTY_EC, -36 }, { KTY_EC, -25 },
	{ KTY_OKP, -8 }, { KTY_OKP, -25 }, { KTY_RSA, -37 }
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct keyid
id_of(unsigned i)
{
	return session(i, false).keyid;
}

static struct pair
pair_of(unsigned i, bool peer, const struct keydata *k)
{
	return (struct pair){ .keyid = id_of(i), .peer = peer,
		.name = name("door"), .authtime = NOW + i,
		.endtime = NOW + 28800, .keydata = k };
}

static struct keydata *
new_pair(unsigned i, int64_t kty, int64_t alg)
{
	struct keyid id = id_of(i);
	struct keydata *k;

	must(pkey_generate(ctx, &arena, kty, alg, keyid_bytes(&id), &k));
	return k;
}

static struct keydata *
public_of(const struct keydata *pair)
{
	struct keydata *k;

	must(pkey_public(ctx, &arena, pair, &k));
	return k;
}

static void
certify(struct keydata *k)
{
	struct bytes_list certs = { .n = 2 };
	EVP_PKEY *evp;

	must(pkey_load(ctx, k, &evp));
	certs.v[0] = certificate(&arena, evp, evp, "20270101000000Z");
	certs.v[1] = certificate(&arena, evp, evp, "20280101000000Z");
	must(cert_put(ctx, &arena, k, &certs));
	EVP_PKEY_free(evp);
}

/* In one transaction. */
static void
add_pair(fluffy_store *s, const struct pair *pair)
{
	must(store_begin(s));
	must(store_pair_add(s, pair));
	must(store_commit(s));
}

static void
erase_pair(fluffy_store *s, unsigned i)
{
	struct keyid id = id_of(i);

	must(store_begin(s));
	must(store_pair_erase(s, keyid_bytes(&id)));
	must(store_commit(s));
}

static enum fluffy_error
find(fluffy_store *s, unsigned i, bool peer, struct pair *pair)
{
	struct keyid id = id_of(i);

	return store_pair(s, &arena, keyid_bytes(&id), peer, pair);
}

static void
same_keydata(const struct keydata *a, const struct keydata *b)
{
	struct buffer x = BUFFER(FLUFFY_MAX_EMITTED);
	struct buffer y = BUFFER(FLUFFY_MAX_EMITTED);

	cbor_put_struct(&x, a, SKIP_NONE);
	cbor_put_struct(&y, b, SKIP_NONE);
	assert_false(x.failed || y.failed);
	assert_true(bytes_eq(buffer_view(&x), buffer_view(&y)));
	buffer_free(&x);
	buffer_free(&y);
}

static void
expect(fluffy_store *s, const struct pair *want)
{
	struct pair found;

	must(store_pair(s, &arena, keyid_bytes(&want->keyid), want->peer,
	    &found));
	assert_memory_equal(found.keyid.b, want->keyid.b, 8);
	assert_int_equal(found.peer, want->peer);
	assert_string_equal(found.realm.s, want->realm.s);
	assert_string_equal(found.name.s, want->name.s);
	assert_int_equal(found.authtime, want->authtime);
	assert_int_equal(found.endtime, want->endtime);
	assert_int_equal(found.proven, want->proven);
	assert_int_equal(pkey_is_pair(found.keydata), !want->peer);
	same_keydata(found.keydata, want->keydata);
	must(pkey_check(ctx, found.keydata));
}

/* ---- finding --------------------------------------------------------- */

static void
pairs_are_found(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct pair own[N_KINDS], peer[N_KINDS], none;

	(void)state;
	for (unsigned i = 0; i < N_KINDS; i++) {
		struct keydata *k = new_pair(i, kinds[i].kty, kinds[i].alg);

		if (i % 2 == 0)
			certify(k);
		own[i] = pair_of(i, false, k);
		peer[i] = pair_of(i, true, public_of(k));
		peer[i].proven = i % 3 == 0;
		peer[i].realm = name(i % 2 == 0 ? "" : "away");
		own[i].cpac = BYTES("\xa0");
		if (i == 3)
			own[i].name = name("");
		add_pair(s, &own[i]);
		add_pair(s, &peer[i]);
	}
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < N_KINDS; i++) {
			expect(s, &own[i]);
			expect(s, &peer[i]);
		}
		reopen(&s);
	}
	refused(find(s, 99, false, &none), FLUFFY_E_NOT_FOUND, "no such key");
	assert_null(none.keydata);
	fluffy_store_close(&s);
}

static void
extra_members_are_kept(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k = new_pair(1, KTY_EC, -7);
	struct extra extra = { BYTES("\x18\x64"), BYTES("\xf5") };
	struct pair own;

	(void)state;
	k->head.extras = &extra;
	k->head.n_extras = 1;
	own = pair_of(1, false, k);
	add_pair(s, &own);
	expect(s, &own);
	fluffy_store_close(&s);
}

static void
wrong_halves_arent_added(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k = new_pair(1, KTY_EC, -7);
	struct pair own = pair_of(1, false, public_of(k));
	struct pair peer = pair_of(1, true, k);

	(void)state;
	must(store_begin(s));
	refused(store_pair_add(s, &own), FLUFFY_E_INTERNAL, "half");
	store_rollback(s);
	must(store_begin(s));
	refused(store_pair_add(s, &peer), FLUFFY_E_INTERNAL, "half");
	store_rollback(s);
	own.keydata = k;
	refused(store_pair_add(s, &own), FLUFFY_E_INTERNAL, "");
	fluffy_store_close(&s);
}

/* All lengths at their upper bounds: p q = n. */
static struct keydata *
largest_rsa(unsigned i)
{
	struct keyid id = id_of(i);
	struct keydata *k = rsa_key(&arena, 4096);
	uint8_t *fill = arena_alloc(&arena, 512);

	memset(fill, 0x81, 512);
	k->keyid = arena_dup(&arena, keyid_bytes(&id));
	k->pkey->rsa_d = k->pkey->qi = bytes_of(fill, 512);
	k->pkey->p = k->pkey->dp = bytes_of(fill, 511);
	k->pkey->q = k->pkey->dq = bytes_of(fill, 2);
	return k;
}

static void
the_largest_pairs_fit(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k = rsa_key(&arena, 4096);
	struct keyid id = id_of(1);
	struct pair own, found;

	(void)state;
	k->keyid = keyid_bytes(&id);
	certify(k);
	own = pair_of(1, false, k);
	add_pair(s, &own);
	reopen(&s);
	expect(s, &own);
	k = largest_rsa(2);
	own = pair_of(2, false, k);
	add_pair(s, &own);
	must(find(s, 2, false, &found));
	same_keydata(found.keydata, k);
	/* what pkey_check would have refused */
	k->pkey->p = k->pkey->dp = k->pkey->q = k->pkey->dq = k->pkey->qi;
	must(store_begin(s));
	refused(store_pair_add(s, &own), FLUFFY_E_INTERNAL, "more than");
	store_rollback(s);
	fluffy_store_close(&s);
}

/* ---- erasing --------------------------------------------------------- */

/* The number n, in bytes that are found again. */
static struct bytes
marked(unsigned n, size_t size)
{
	uint8_t *p = arena_alloc(&arena, size);

	for (size_t at = 0; at < size; at++)
		p[at] = (uint8_t)(at % 4 == 0 ? 0xf1 : at % 4 == 1 ? n >> 8 :
		    at % 4 == 2 ? n : 0x1f);
	return bytes_of(p, size);
}

/* As large as a real pair; only the store takes it for one. */
static struct keydata *
marked_pair(unsigned i, unsigned mark)
{
	bool is_rsa = i % 3 == 0;
	struct keydata *k = bare_key(&arena, is_rsa ? KTY_RSA : KTY_EC,
	    is_rsa ? -37 : -7, true);
	const struct schema *schema = k->pkey->head.schema;
	struct keyid id = id_of(i);

	k->keyid = arena_dup(&arena, keyid_bytes(&id));
	for (uint8_t r = 0; r < schema->n_rows; r++) {
		const struct row *row = &schema->rows[r];

		SET(k->pkey, row->label);
		if (row->kind == K_BYTES)
			*param(k, row->label) = marked((row->flags &
			    F_SECRET) != 0 ? mark : 40000,
			    !is_rsa ? 32 : r < 3 ? 512 : 256);
	}
	k->pkey->crv = is_rsa ? 0 : 1;
	if (is_rsa)
		k->pkey->e = BYTES("\1\0\1");
	return k;
}

#define PAIRS 90

static void
expect_marks(const bool *alive)
{
	struct buffer b = all_bytes();

	for (unsigned i = 0; i < PAIRS; i++) {
		if (has_key(buffer_view(&b), i) != alive[i])
			print_error("pair %u\n", i);
		assert_int_equal(has_key(buffer_view(&b), i), alive[i]);
	}
	buffer_free(&b);
}

/* Pairs come and go in a wild order; the file knows only those that are. */
static void
erased_pairs_leave_the_files(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	bool alive[PAIRS] = { false };
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 12; round++) {
		must(store_begin(s));
		for (int n = 0; n < 20; n++) {
			unsigned i = (seed = seed * 1103515245 + 12345) >> 16;
			struct keyid id = id_of(i %= PAIRS);
			struct pair own = pair_of(i, false, marked_pair(i, i));

			if (alive[i])
				must(store_pair_erase(s, keyid_bytes(&id)));
			else
				must(store_pair_add(s, &own));
			alive[i] = !alive[i];
		}
		must(store_commit(s));
		expect_marks(alive);
	}
	fluffy_store_close(&s);
	expect_marks(alive);
	assert_int_equal(files(), 1);
}

static void
replaced_and_ended_pairs_leave_the_files(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct pair own, found;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		own = pair_of(i, false, marked_pair(i, i));
		if (i < 2)
			own.endtime = NOW;
		add_pair(s, &own);
		assert_true(on_disk(i));
	}
	own = pair_of(3, false, marked_pair(3, 1000));
	add_pair(s, &own);
	assert_false(on_disk(3));
	assert_true(on_disk(1000));
	must(find(s, 3, false, &found));
	same_keydata(found.keydata, own.keydata);
	must(store_begin(s));
	must(store_prune(s, NOW + DAY));
	must(store_commit(s));
	assert_false(on_disk(0));
	assert_false(on_disk(1));
	assert_true(on_disk(2));
	refused(find(s, 0, false, &found), FLUFFY_E_NOT_FOUND, "");
	must(find(s, 2, false, &found));
	fluffy_store_close(&s);
}

static void
cells_are_used_again(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct pair own;
	char sql[100];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		own = pair_of(i, false, marked_pair(i, i));
		add_pair(s, &own);
		erase_pair(s, i);
	}
	/* a NULL is refused */
	raw("UPDATE party SET role = 1 / "
	    "((SELECT count(*) FROM safe) = 1 AND "
	    "(SELECT count(*) FROM safe WHERE used = 0) = 1 AND "
	    "(SELECT count(*) FROM pair) = 0)");
	(void)snprintf(sql, sizeof(sql), "UPDATE party SET role = 1 / "
	    "((SELECT key FROM safe) = zeroblob(%d))", SAFE_SIZE);
	raw(sql);
	fluffy_store_close(&s);
}

/* Both the pair and the public half that the party has of itself. */
static void
both_roles_are_erased(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k = new_pair(1, KTY_OKP, -8);
	struct pair own = pair_of(1, false, k), found;
	struct pair peer = pair_of(1, true, public_of(k));
	struct pair other = pair_of(2, true, public_of(new_pair(2, KTY_EC,
	    -7)));
	struct keyid id = id_of(1);

	(void)state;
	add_pair(s, &own);
	add_pair(s, &peer);
	add_pair(s, &other);
	erase_pair(s, 1);
	refused(find(s, 1, false, &found), FLUFFY_E_NOT_FOUND, "");
	refused(find(s, 1, true, &found), FLUFFY_E_NOT_FOUND, "");
	expect(s, &other);
	must(store_begin(s));
	refused(store_pair_erase(s, keyid_bytes(&id)), FLUFFY_E_NOT_FOUND,
	    "no such key");
	must(store_commit(s));
	fluffy_store_close(&s);
}

static void
rolled_back_pair_was_never_written(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct pair own;

	(void)state;
	must(store_begin(s));
	for (unsigned i = 0; i < 60; i++) {
		own = pair_of(i, false, marked_pair(i, i));
		must(store_pair_add(s, &own));
	}
	assert_false(on_disk(7));
	store_rollback(s);
	assert_false(on_disk(7));
	fluffy_store_close(&s);
	assert_false(on_disk(7));
}

/* ---- damage ---------------------------------------------------------- */

static void
spoilt_rows_are_damaged(void **state)
{
	/* what is done to a store with pair 1 in slot 1, pair 2 and peer 3 */
	static const struct {
		unsigned i;
		const char *sql;
	} damages[] = {
		{ 1, "UPDATE safe SET key = zeroblob(2624) WHERE slot = 1" },
		{ 1, "UPDATE safe SET key = substr(key, 2) WHERE slot = 1" },
		{ 1, "UPDATE safe SET key = CAST(key AS TEXT)" },
		{ 1, "UPDATE safe SET key = "
		    "CAST(x'ffff' || substr(key, 3) AS BLOB)" },
		{ 1, "UPDATE safe SET key = "
		    "CAST(x'0a3f' || substr(key, 3) AS BLOB)" },
		{ 1, "UPDATE safe SET key = "
		    "CAST(x'0001' || substr(key, 3) AS BLOB)" },
		{ 1, "UPDATE safe SET key = "
		    "CAST(x'0003a101' || substr(key, 5) AS BLOB)" },
		/* another pair's */
		{ 1, "UPDATE pair SET slot = 2 WHERE slot = 1" },
		{ 1, "UPDATE pair SET slot = NULL" },
		{ 1, "UPDATE pair SET slot = 77" },
		{ 1, "UPDATE pair SET keydata = x'a0'" },
		{ 1, "UPDATE pair SET keydata = x''" },
		{ 1, "UPDATE pair SET keydata = 'text'" },
		{ 1, "UPDATE pair SET keydata = "
		    "CAST(keydata || x'00' AS BLOB)" },
		{ 1, "UPDATE pair SET keydata = "
		    "(SELECT keydata FROM pair WHERE peer = 1)" },
		{ 1, "UPDATE pair SET endtime = -1" },
		{ 1, "UPDATE pair SET authtime = 'x'" },
		{ 1, "UPDATE pair SET proven = 2" },
		{ 1, "UPDATE pair SET name = char(10)" },
		{ 1, "UPDATE pair SET realm = x'00'" },
		{ 3, "UPDATE pair SET slot = 1 WHERE peer = 1" },
		{ 3, "UPDATE pair SET keydata = "
		    "(SELECT keydata FROM pair WHERE slot = 1)" },
	};
	fluffy_store *s = create(ROLE_DEVICE);
	struct pair own, found;
	uint8_t *good;
	size_t n;

	(void)state;
	for (unsigned i = 1; i < 3; i++) {
		own = pair_of(i, false, new_pair(i, KTY_EC, -7));
		add_pair(s, &own);
	}
	own = pair_of(3, true, public_of(new_pair(3, KTY_OKP, -8)));
	add_pair(s, &own);
	fluffy_store_close(&s);
	n = slurp(PATH, &good);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		spew(PATH, good, n);
		raw(damages[i].sql);
		s = open_store(0);
		if (find(s, damages[i].i, damages[i].i == 3, &found) ==
		    FLUFFY_OK)
			print_error("%s\n", damages[i].sql);
		refused(find(s, damages[i].i, damages[i].i == 3, &found),
		    FLUFFY_E_STORE, "damaged");
		assert_null(found.keydata);
		fluffy_store_close(&s);
	}
	free(good);
}

/* Neither does add look at it, nor would the tables alone refuse it. */
static void
other_lengths_are_damage(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k = new_pair(1, KTY_EC, -7);
	struct pair own = pair_of(1, false, k), found;

	(void)state;
	k->pkey->d = new_pair(2, KTY_EC, -35)->pkey->d;
	add_pair(s, &own);
	refused(find(s, 1, false, &found), FLUFFY_E_STORE, "damaged");
	fluffy_store_close(&s);
}

/* ---- listing --------------------------------------------------------- */

struct seen {
	unsigned n;
	char text[2000];
};

static int
see(void *arg, const fluffy_entry *x)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	if (x->kind != FLUFFY_PAIR && x->kind != FLUFFY_PUBLIC)
		return 0;
	assert_int_equal(x->keyid_len, 8);
	assert_null(x->role);
	(void)snprintf(seen->text + n, sizeof(seen->text) - n,
	    "%s %u %s %s %s %s %s\n",
	    x->kind == FLUFFY_PAIR ? "pair" : "public",
	    (unsigned)x->keyid[7], x->realm == NULL ? "-" : x->realm,
	    x->name == NULL ? "-" : x->name, x->alg, x->state,
	    x->certified ? "certified" : "bare");
	seen->n++;
	return 0;
}

static void
pairs_are_listed(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k[6];
	struct seen seen = { 0 };
	struct pair p[6];

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		k[i] = new_pair(i, kinds[i].kty, kinds[i].alg);
		if (i == 1 || i == 4)
			certify(k[i]);
		p[i] = pair_of(i, i >= 3, i >= 3 ? public_of(k[i]) : k[i]);
	}
	p[1].realm = name("away");
	p[2].name = name("");
	p[0].endtime = NOW;
	p[3].proven = true;
	p[5].endtime = NOW - 1;
	for (unsigned i = 0; i < 6; i++)
		add_pair(s, &p[5 - i]);
	must(fluffy_list(s, see, &seen));
	assert_string_equal(seen.text,
	    "pair 0 home door ES256 expired bare\n"
	    "pair 1 away door ES384 received certified\n"
	    "pair 2 - - ES512 received bare\n"
	    "public 3 home door ECDH-ES+HKDF-256 proven bare\n"
	    "public 4 home door EdDSA attested certified\n"
	    "public 5 home door ECDH-ES+HKDF-256 expired bare\n");
	raw("UPDATE pair SET keydata = x'a0' "
	    "WHERE keyid = x'0102030405060002'");
	refused(fluffy_list(s, see, &seen), FLUFFY_E_STORE, "damaged");
	fluffy_store_close(&s);
}

/* ---- exporting ------------------------------------------------------- */

static fluffy_bytes
exported(fluffy_store *s, unsigned i, enum fluffy_export_as as)
{
	struct keyid id = id_of(i);
	fluffy_bytes out;

	must(fluffy_export(s, id.b, id.n, as, NULL, &out));
	return out;
}

static void
expect_export(fluffy_store *s, unsigned i, enum fluffy_export_as as,
    const char *want)
{
	fluffy_bytes out = exported(s, i, as);

	if (out.len != strlen(want) || memcmp(out.data, want, out.len) != 0)
		print_error("found %.*s\n", (int)out.len,
		    (const char *)out.data);
	assert_int_equal(out.len, strlen(want));
	assert_memory_equal(out.data, want, out.len);
	fluffy_bytes_free(&out);
}

/* RFC 8037, A.1 and A.2; RFC 7517, A.2's first key. */
static const struct known rfc8037 = { KTY_OKP, -8, {
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
} };
static const struct known rfc7517 = { KTY_EC, -7, {
	"30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3e",
	"e04b65e92456d9888b52b379bdfbd51ee869ef1f0fc65b6659695b6cce081723",
	"f3bd0c07a81fb932781ed52752f60cc89a6be5e51934fe01938ddb55d8f77801"
} };

static void
add_known(fluffy_store *s, unsigned i, const struct known *known, bool peer,
    int64_t alg)
{
	struct keydata *k = known_key(&arena, known, !peer);
	struct keyid id = id_of(i);
	struct pair pair = pair_of(i, peer, k);

	k->keyid = arena_dup(&arena, keyid_bytes(&id));
	k->alg = alg;
	add_pair(s, &pair);
}

static void
exported_jwks(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);

	(void)state;
	add_known(s, 1, &rfc8037, false, -8);
	add_known(s, 2, &rfc8037, true, -8);
	add_known(s, 3, &rfc7517, false, -7);
	expect_export(s, 1, FLUFFY_AS_JWK,
	    "{\"kty\":\"OKP\",\"kid\":\"AQIDBAUGAAE\",\"crv\":\"Ed25519\","
	    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
	    "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","
	    "\"use\":\"sig\",\"key_ops\":[\"sign\"],\"alg\":\"EdDSA\"}\n");
	expect_export(s, 2, FLUFFY_AS_JWK,
	    "{\"kty\":\"OKP\",\"kid\":\"AQIDBAUGAAI\",\"crv\":\"Ed25519\","
	    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
	    "\"use\":\"sig\",\"key_ops\":[\"verify\"],\"alg\":\"EdDSA\"}\n");
	expect_export(s, 3, FLUFFY_AS_JWK,
	    "{\"kty\":\"EC\",\"kid\":\"AQIDBAUGAAM\",\"crv\":\"P-256\","
	    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
	    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
	    "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\","
	    "\"use\":\"sig\",\"key_ops\":[\"sign\"],\"alg\":\"ES256\"}\n");
	expect_export(s, 1, FLUFFY_AS_KEYDATA,
	    "{\"kty\":\"OKP\",\"keyid\":\"AQIDBAUGAAE\",\"key\":{"
	    "\"crv\":\"Ed25519\","
	    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\","
	    "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"},"
	    "\"keyops\":[\"sign\"],\"alg\":\"EdDSA\",\"pkuse\":\"sig\"}\n");
	fluffy_store_close(&s);
}

/* JWA has no name for the agreement, and nothing may be done with a peer's. */
static void
exported_agreement_keys(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k = known_key(&arena, &rfc7517, true);
	struct keyid id = id_of(1);
	struct pair own = pair_of(1, false, k), peer;
	struct keydata *public;
	static const char end[] = "\",\"use\":\"enc\","
	    "\"key_ops\":[\"deriveKey\",\"deriveBits\"]}\n";
	fluffy_bytes out;

	(void)state;
	k->keyid = keyid_bytes(&id);
	k->alg = -25;
	k->pkuse = 1;
	k->keyops = (struct tokens){ .v = { 7, 99, 8 }, .n = 3 };
	public = public_of(k);
	id = id_of(2);
	public->keyid = arena_dup(&arena, keyid_bytes(&id));
	peer = pair_of(2, true, public);
	id = id_of(1);
	add_pair(s, &own);
	add_pair(s, &peer);
	out = exported(s, 1, FLUFFY_AS_JWK);
	assert_memory_equal(out.data + out.len - sizeof(end) + 1, end,
	    sizeof(end) - 1);
	fluffy_bytes_free(&out);
	expect_export(s, 2, FLUFFY_AS_JWK,
	    "{\"kty\":\"EC\",\"kid\":\"AQIDBAUGAAI\",\"crv\":\"P-256\","
	    "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
	    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
	    "\"use\":\"enc\"}\n");
	out = exported(s, 2, FLUFFY_AS_COSE_KEY);
	assert_memory_equal(out.data, "\xa6\x01\x02\x02\x48\1\2\3\4\5\6\0\2"
	    "\x03\x38\x18\x20\x01\x21\x58\x20", 21);
	assert_int_equal(out.len, 21 + 32 + 3 + 32);
	fluffy_bytes_free(&out);
	fluffy_store_close(&s);
}

static void
exported_cose_keys(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct bytes x = from_hex(&arena, rfc8037.params[0]);
	struct bytes d = from_hex(&arena, rfc8037.params[1]);
	struct buffer want = BUFFER(200);
	fluffy_bytes out;

	(void)state;
	add_known(s, 1, &rfc8037, false, -8);
	/* {1: 1, 2: kid, 3: -8, 4: [1], -1: 6, -2: x, -4: d} */
	buffer_add(&want, "\xa7\x01\x01\x02\x48\1\2\3\4\5\6\0\1\x03\x27"
	    "\x04\x81\x01\x20\x06\x21\x58\x20", 23);
	buffer_add(&want, x.p, x.n);
	buffer_add(&want, "\x23\x58\x20", 3);
	buffer_add(&want, d.p, d.n);
	out = exported(s, 1, FLUFFY_AS_COSE_KEY);
	assert_int_equal(out.len, want.n);
	assert_memory_equal(out.data, want.p, want.n);
	fluffy_bytes_free(&out);
	buffer_free(&want);
	fluffy_store_close(&s);
}

/* RFC 7517, 4.7 to 4.9, and PEM. */
static void
exported_certificates(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct keydata *k = new_pair(1, KTY_OKP, -8);
	struct pair own = pair_of(1, false, k);
	fluffy_bytes out;
	char *at, base64[2000];
	uint8_t der[2000];
	size_t n;
	EVP_PKEY *evp, *same;
	X509 *cert;
	BIO *bio;

	(void)state;
	certify(k);
	k->x5u = BYTES("http://ca/\"");
	SET(k, L_x5u);
	add_pair(s, &own);
	out = exported(s, 1, FLUFFY_AS_JWK);
	assert_non_null(memmem(out.data, out.len,
	    ",\"x5u\":\"http://ca/\\\"\",\"x5c\":[\"MII", 33));
	at = (char *)memmem(out.data, out.len, "\"x5c\":[\"", 8) + 8;
	n = strcspn(at, "\"");
	assert_int_equal(n % 4, 0);
	memcpy(base64, at, n);
	base64[n] = '\0';
	assert_true(EVP_DecodeBlock(der, (uint8_t *)base64, (int)n) >=
	    (int)k->x5c.v[0].n);
	assert_memory_equal(der, k->x5c.v[0].p, k->x5c.v[0].n);
	assert_memory_equal(at + n, "\",\"MII", 6);
	assert_non_null(memmem(out.data, out.len, "\"],\"x5t\":\"", 10));
	assert_non_null(memmem(out.data, out.len, "\",\"x5t#S256\":\"",
	    14));
	fluffy_bytes_free(&out);

	out = exported(s, 1, FLUFFY_AS_PEM);
	bio = BIO_new_mem_buf(out.data, (int)out.len);
	assert_non_null(evp = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL));
	must(pkey_load(ctx, k, &same));
	assert_int_equal(EVP_PKEY_eq(evp, same), 1);
	for (int i = 0; i < 2; i++) {
		assert_non_null(cert = PEM_read_bio_X509(bio, NULL, NULL,
		    NULL));
		assert_int_equal(X509_verify(cert, evp), 1);
		X509_free(cert);
	}
	assert_true(BIO_eof(bio));
	(void)BIO_free(bio);
	EVP_PKEY_free(evp);
	fluffy_bytes_free(&out);

	out = exported(s, 1, FLUFFY_AS_DER);
	bio = BIO_new_mem_buf(out.data, (int)out.len);
	assert_non_null(evp = d2i_PrivateKey_bio(bio, NULL));
	assert_int_equal(EVP_PKEY_eq(evp, same), 1);
	assert_true(BIO_eof(bio));
	(void)BIO_free(bio);
	EVP_PKEY_free(evp);
	EVP_PKEY_free(same);
	fluffy_bytes_free(&out);
	fluffy_store_close(&s);
}

/* The pair comes before the public half that one has of oneself. */
static void
public_keys_are_exported(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	fluffy_bytes out;

	(void)state;
	add_known(s, 1, &rfc8037, true, -8);
	out = exported(s, 1, FLUFFY_AS_PEM);
	assert_memory_equal(out.data, "-----BEGIN PUBLIC KEY-----\n", 27);
	fluffy_bytes_free(&out);
	out = exported(s, 1, FLUFFY_AS_KEYDATA);
	assert_null(memmem(out.data, out.len, "\"d\":", 4));
	fluffy_bytes_free(&out);
	add_known(s, 1, &rfc8037, false, -8);
	out = exported(s, 1, FLUFFY_AS_PEM);
	assert_memory_equal(out.data, "-----BEGIN PRIVATE KEY-----\n", 28);
	fluffy_bytes_free(&out);
	fluffy_store_close(&s);
}

static void
impossible_exports_are_refused(void **state)
{
	static const enum held_as roles[] = { AS_CLIENT, AS_SERVICE,
		AS_MEMBER, AS_OWNER };
	fluffy_store *s = create(ROLE_DEVICE);
	struct keyid id = id_of(1);
	fluffy_bytes out;

	(void)state;
	add_known(s, 1, &rfc8037, false, -8);
	refused(fluffy_export(s, id.b, id.n, FLUFFY_AS_HEX, NULL, &out),
	    FLUFFY_E_USAGE, "symmetric");
	refused(fluffy_export(s, id.b, id.n, FLUFFY_AS_OPENSSL_PSK, NULL,
	    &out), FLUFFY_E_USAGE, "symmetric");
	refused(fluffy_export(s, id.b, id.n, FLUFFY_AS_JWK, "tls", &out),
	    FLUFFY_E_USAGE, "derived");
	assert_null(out.data);
	for (unsigned i = 0; i < 4; i++) {
		struct session x = session(10 + i, false);

		x.as = roles[i];
		must(store_begin(s));
		must(store_session_add(s, &x));
		must(store_commit(s));
		id = id_of(10 + i);
		refused(fluffy_export(s, id.b, id.n, FLUFFY_AS_PEM, NULL,
		    &out), FLUFFY_E_USAGE, "symmetric");
		refused(fluffy_export(s, id.b, id.n, FLUFFY_AS_DER, NULL,
		    &out), FLUFFY_E_USAGE, "symmetric");
		must(fluffy_export(s, id.b, id.n, FLUFFY_AS_HEX, NULL, &out));
		assert_int_equal(out.len, 33);
		fluffy_bytes_free(&out);
	}
	refused(fluffy_export(s, (const uint8_t *)"none", 4, FLUFFY_AS_PEM,
	    NULL, &out), FLUFFY_E_NOT_FOUND, "no such key");
	fluffy_store_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(pairs_are_found),
		T(extra_members_are_kept),
		T(wrong_halves_arent_added),
		T(the_largest_pairs_fit),
		T(erased_pairs_leave_the_files),
		T(replaced_and_ended_pairs_leave_the_files),
		T(cells_are_used_again),
		T(both_roles_are_erased),
		T(rolled_back_pair_was_never_written),
		T(spoilt_rows_are_damaged),
		T(other_lengths_are_damage),
		T(pairs_are_listed),
		T(exported_jwks),
		T(exported_agreement_keys),
		T(exported_cose_keys),
		T(exported_certificates),
		T(public_keys_are_exported),
		T(impossible_exports_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

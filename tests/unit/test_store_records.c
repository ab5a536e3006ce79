/* test_store_records.c - the store: what is found, changed, pruned, listed */
#include "store_fixture.h"

/* ---- secrets, devices, rules ------------------------------------------ */

static void
secrets_are_found(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct secret old, new, found, v[3];
	size_t n;

	(void)state;
	must(store_begin(s));
	old = add_secret(s, "lamp", 1);
	new = add_secret(s, "lamp", 2);
	(void)add_secret(s, "door", 3);
	must(store_secret_set_endtime(s, keyid_bytes(&old.kid), NOW + 60));
	refused(store_secret_add(s, &new), FLUFFY_E_EXISTS, "kid");
	must(store_commit(s));
	for (int i = 0; i < 2; i++) {
		/* the second time from memory */
		must(i == 0 ? store_begin(s) : FLUFFY_OK);
		must(store_secret_by_kid(s, keyid_bytes(&old.kid), &found));
		assert_string_equal(found.owner.s, "lamp");
		assert_memory_equal(found.key.b, old.key.b, 16);
		assert_int_equal(found.key.n, 16);
		assert_int_equal(found.key.alg, 30);
		assert_int_equal(found.endtime, NOW + 60);
		must(store_secrets_of(s, str("lamp"), v, 3, &n));
		assert_int_equal(n, 2);
		assert_memory_equal(v[0].kid.b, old.kid.b, 4);
		assert_memory_equal(v[1].kid.b, new.kid.b, 4);
		assert_true(v[0].order < v[1].order);
	}
	must(store_secrets_of(s, str("lamp"), v, 1, &n));
	assert_int_equal(n, 1);
	assert_memory_equal(v[0].kid.b, new.kid.b, 4);
	refused(store_secret_by_kid(s, str("none"), &found),
	    FLUFFY_E_NOT_FOUND, "key");
	store_rollback(s);
	fluffy_store_close(&s);
}

static void
kid_is_never_given_twice(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct secret x, found;
	size_t n;

	(void)state;
	must(store_begin(s));
	x = add_secret(s, "lamp", 1);
	must(store_secret_erase(s, keyid_bytes(&x.kid)));
	refused(store_secret_erase(s, keyid_bytes(&x.kid)),
	    FLUFFY_E_NOT_FOUND, "");
	must(store_commit(s));
	must(store_begin(s));
	refused(store_secret_by_kid(s, keyid_bytes(&x.kid), &found),
	    FLUFFY_E_NOT_FOUND, "");
	must(store_secrets_of(s, str("lamp"), &found, 1, &n));
	assert_int_equal(n, 0);
	refused(store_secret_add(s, &x), FLUFFY_E_EXISTS, "");
	refused(store_secret_set_endtime(s, keyid_bytes(&x.kid), 1),
	    FLUFFY_E_NOT_FOUND, "");
	store_rollback(s);
	fluffy_store_close(&s);
}

static int
constant(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	memset(out, 7, n);
	return 0;
}

static int
broken(void *arg, uint8_t *out, size_t n)
{
	(void)arg;
	memset(out, 7, n);
	return -1;
}

static void
broken_random_generator_is_noticed(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct keyid kid;

	(void)state;
	fluffy_ctx_set_random(ctx, constant, NULL);
	must(store_begin(s));
	(void)add_secret(s, "lamp", 1);
	refused(store_new_kid(s, &kid), FLUFFY_E_SYSTEM, "kid");
	fluffy_ctx_set_random(ctx, broken, NULL);
	refused(store_new_kid(s, &kid), FLUFFY_E_SYSTEM, "random");
	assert_int_equal(kid.n, 0);
	store_rollback(s);
	fluffy_store_close(&s);
	s = open_store(0);
	must(store_begin(s));
	refused(store_nonce(s, str("k"), str("n"), NOW), FLUFFY_E_SYSTEM, "");
	store_rollback(s);
	fluffy_store_close(&s);
}

/* Section 4: a key makes at most 2^32 seals. */
static void
seals_end(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct secret x;
	enum fluffy_error e = FLUFFY_OK;
	int made = 0;

	(void)state;
	must(store_begin(s));
	(void)add_secret(s, "door", 2);
	x = add_secret(s, "lamp", 1);
	for (int i = 0; i < 10000; i++)
		must(store_secret_sealed(s, keyid_bytes(&x.kid)));
	must(store_commit(s));
	fluffy_store_close(&s);
	raw("UPDATE secret SET seals = 1/(seals BETWEEN 10000 AND 20000) "
	    "WHERE owner = 'lamp'");
	raw("UPDATE secret SET seals = 4294967296 - 8 WHERE owner = 'lamp'");
	s = open_store(0);
	must(store_begin(s));
	for (; made < 9; made++) {
		e = store_secret_sealed(s, keyid_bytes(&x.kid));
		if (e != FLUFFY_OK)
			break;
	}
	refused(e, FLUFFY_E_USAGE, "seals");
	assert_int_equal(made, 8);
	must(store_commit(s));
	must(store_begin(s));
	refused(store_secret_sealed(s, str("none")), FLUFFY_E_USAGE, "");
	must(store_commit(s));
	fluffy_store_close(&s);
}

static void
devices_and_rules(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct device d = { .name = name("lamp"), .lifetime = 60,
		.etypes = { .v = { 10, 1 }, .n = 2 } };
	struct secret x;
	bool denied;

	(void)state;
	must(store_begin(s));
	must(store_denied(s, str("lamp"), str("door"), &denied));
	assert_false(denied);
	refused(store_device_set(s, &d), FLUFFY_E_NOT_FOUND, "device");
	must(store_device_add(s, str("lamp")));
	refused(store_device_add(s, str("lamp")), FLUFFY_E_EXISTS, "name");
	must(store_device_set(s, &d));
	x = add_secret(s, "lamp", 1);
	must(store_deny_add(s, str("lamp"), str("door")));
	must(store_deny_add(s, str("lamp"), str("door")));
	must(store_denied(s, str("lamp"), str("door"), &denied));
	assert_true(denied);
	must(store_denied(s, str("door"), str("lamp"), &denied));
	assert_false(denied);
	must(store_deny_add(s, str("*"), str("vault")));
	must(store_denied(s, str("x"), str("vault"), &denied));
	assert_true(denied);
	must(store_commit(s));
	reopen(&s);
	d = (struct device){ 0 };
	must(store_device(s, str("lamp"), &d));
	assert_int_equal(d.lifetime, 60);
	assert_int_equal(d.etypes.v[1], 1);
	must(store_begin(s));
	must(store_deny_remove(s, str("*"), str("vault")));
	refused(store_deny_remove(s, str("*"), str("vault")),
	    FLUFFY_E_NOT_FOUND, "rule");
	must(store_device_remove(s, str("lamp")));
	refused(store_device_remove(s, str("lamp")), FLUFFY_E_NOT_FOUND, "");
	must(store_denied(s, str("lamp"), str("door"), &denied));
	assert_false(denied);
	refused(store_secret_by_kid(s, keyid_bytes(&x.kid), &x),
	    FLUFFY_E_NOT_FOUND, "");
	must(store_device_add(s, str("lamp")));
	must(store_device(s, str("lamp"), &d));
	assert_int_equal(d.lifetime, 0);
	must(store_commit(s));
	fluffy_store_close(&s);
}

/* What one process remembers doesn't outlive another's change. */
static void
changes_of_others_are_seen(void **state)
{
	fluffy_store *s = create(ROLE_SKDC), *t = open_store(0);
	struct device d = { .name = name("lamp") };
	struct secret x, found;
	bool denied;

	(void)state;
	must(store_begin(s));
	must(store_device_add(s, str("lamp")));
	x = add_secret(s, "lamp", 1);
	must(store_commit(s));
	must(store_begin(s));
	must(store_device(s, str("lamp"), &d));
	must(store_secret_by_kid(s, keyid_bytes(&x.kid), &found));
	must(store_denied(s, str("lamp"), str("a"), &denied));
	must(store_commit(s));
	must(store_begin(t));
	d.lifetime = 77;
	must(store_device_set(t, &d));
	must(store_secret_erase(t, keyid_bytes(&x.kid)));
	must(store_deny_add(t, str("lamp"), str("a")));
	must(store_commit(t));
	must(store_begin(s));
	must(store_device(s, str("lamp"), &d));
	assert_int_equal(d.lifetime, 77);
	refused(store_secret_by_kid(s, keyid_bytes(&x.kid), &found),
	    FLUFFY_E_NOT_FOUND, "");
	must(store_denied(s, str("lamp"), str("a"), &denied));
	assert_true(denied);
	/* its own change, undone */
	d.lifetime = 88;
	must(store_device_set(s, &d));
	must(store_device(s, str("lamp"), &d));
	store_rollback(s);
	must(store_begin(s));
	must(store_device(s, str("lamp"), &d));
	assert_int_equal(d.lifetime, 77);
	must(store_commit(s));
	fluffy_store_close(&s);
	fluffy_store_close(&t);
}

/* ---- keyids ----------------------------------------------------------- */

static void
keyids_only_grow(void **state)
{
	static const uint64_t times[] = { NOW, NOW, NOW + 5, NOW - 400, 0,
		NOW + 6, (uint64_t)1 << 38, NOW, MAX_SAFE, 1 };
	fluffy_store *s = create(ROLE_SKDC);
	struct keyid id, last = { .n = 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		must(store_begin(s));
		for (int n = 0; n < 5; n++) {
			must(store_new_keyid(s, times[i], &id));
			assert_int_equal(id.n, 8);
			assert_true(bytes_cmp(keyid_bytes(&last),
			    keyid_bytes(&id)) < 0);
			last = id;
		}
		must(store_commit(s));
		if (i % 3 == 0)
			reopen(&s);
	}
	fluffy_store_close(&s);
}

static void
issued_records(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct issued x = { .client = name("lamp"), .service = name("door"),
		.alg = 10, .authtime = NOW, .endtime = NOW + 60 };

	(void)state;
	must(store_begin(s));
	must(store_new_keyid(s, NOW, &x.keyid));
	must(store_issued_add(s, &x));
	must(store_issued_remove(s, keyid_bytes(&x.keyid)));
	refused(store_issued_remove(s, keyid_bytes(&x.keyid)),
	    FLUFFY_E_NOT_FOUND, "key");
	refused(store_issued_remove(s, str("\xff" "1234567")),
	    FLUFFY_E_NOT_FOUND, "key");
	refused(store_issued_remove(s, str("ab")), FLUFFY_E_NOT_FOUND, "key");
	must(store_commit(s));
	fluffy_store_close(&s);
}

/* ---- a device's records ----------------------------------------------- */

static void
pending_requests(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct pending p = { .type = FLUFFY_PSK_REQ, .nonce_n = 8,
		.nonce = "12345678", .time = NOW, .service = name("door"),
		.kty = 4, .etypes = { .v = { 10, 1 }, .n = 2 } }, q;

	(void)state;
	must(store_begin(s));
	must(store_pending_add(s, &p));
	refused(store_pending_add(s, &p), FLUFFY_E_EXISTS, "nonce");
	p.nonce_n = 32;
	p.type = FLUFFY_PSK_ESTB;
	p.realm = name("office");
	p.keyid = (struct keyid){ .n = 8, .b = "keyid567" };
	p.has_seqnum = true;
	p.seqnum = UINT32_MAX;
	must(store_pending_add(s, &p));
	must(store_commit(s));
	reopen(&s);
	must(store_pending(s, str("12345678"), &q));
	assert_int_equal(q.type, FLUFFY_PSK_REQ);
	assert_int_equal(q.realm.n, 0);
	assert_int_equal(q.keyid.n, 0);
	assert_false(q.has_seqnum);
	assert_int_equal(q.etypes.n, 2);
	must(store_pending(s, bytes_of(p.nonce, 32), &q));
	assert_string_equal(q.realm.s, "office");
	assert_int_equal(q.keyid.n, 8);
	assert_true(q.has_seqnum);
	assert_int_equal(q.seqnum, UINT32_MAX);
	must(store_begin(s));
	must(store_pending_remove(s, str("12345678")));
	refused(store_pending_remove(s, str("12345678")), FLUFFY_E_NOT_FOUND,
	    "nonce");
	refused(store_pending(s, str("12345678"), &q), FLUFFY_E_NOT_FOUND,
	    "nonce");
	must(store_commit(s));
	fluffy_store_close(&s);
}

static void
sessions(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct session x = session(1, false), y = session(1, true), found,
	    z = session(2, false);
	struct bytes keyid = keyid_bytes(&x.keyid);

	(void)state;
	x.pac = str("\xf6");
	must(store_begin(s));
	must(store_session_add(s, &x));
	must(store_session_add(s, &y));
	must(store_session_add(s, &z));
	must(store_session_established(s, keyid, false));
	must(store_commit(s));
	reopen(&s);
	must(store_session(s, keyid_bytes(&z.keyid), false, &found));
	assert_false(found.established);
	must(store_session(s, keyid, false, &found));
	assert_true(found.established && found.as == AS_CLIENT);
	assert_string_equal(found.peer.s, "door");
	assert_int_equal(found.key.n, 16);
	assert_memory_equal(found.key.b, x.key.b, 16);
	assert_int_equal(found.authtime, NOW + 1);
	must(store_session(s, keyid, true, &found));
	assert_true(!found.established && found.as == AS_SERVICE);
	must(store_begin(s));
	x.peer = name("gate");
	must(store_session_add(s, &x));
	must(store_session(s, keyid, false, &found));
	assert_string_equal(found.peer.s, "gate");
	assert_false(found.established);
	must(store_session_erase(s, keyid));
	refused(store_session(s, keyid, true, &found), FLUFFY_E_NOT_FOUND, "");
	refused(store_session_erase(s, keyid), FLUFFY_E_NOT_FOUND, "");
	refused(store_session_established(s, keyid, true), FLUFFY_E_NOT_FOUND,
	    "");
	must(store_session(s, keyid_bytes(&z.keyid), false, &found));
	assert_int_equal(found.key.n, 16);
	assert_memory_equal(found.key.b, z.key.b, 16);
	must(store_commit(s));
	fluffy_store_close(&s);
}

/* Which of session()'s keys it is; 0: there is none. */
static unsigned
client_key(fluffy_store *s, const char *keyid)
{
	struct symm found;
	bool has;

	must(store_session_key(s, str(keyid), &found, &has));
	assert_true(!has || found.n > 0);
	for (unsigned i = 1; has && i < 20; i++)
		if (memcmp(found.b, session(i, false).key.b, found.n) == 0)
			return i;
	assert_false(has);
	return 0;
}

static void
add_session(fluffy_store *s, const char *keyid, unsigned i, bool service)
{
	struct session x = session(i, service);

	x.keyid.n = (uint8_t)strlen(keyid);
	memcpy(x.keyid.b, keyid, x.keyid.n);
	must(store_session_add(s, &x));
}

/* Among others that are nearly the same, and whatever its place is. */
static void
keys_of_a_client(void **state)
{
	static const char *const keyids[] = {
		"keyid5\x01\x01", "keyid5\x01\xff", "keyid5\xff\xff",
		"\xff\xff\xff\xff\xff\xff\xff\xff"
	};
	static const char *const others[] = {
		"\x01\x01\x01\x01\x01\x01\x01\x01", "keyid5\x01\x02",
		"keyid5\x02\x01", "keyid5\xff\xfe", "keyid6\x01\x01",
		"service1", "keyid5\x01", "keyid5\x01\x01\x01", "k", "short", ""
	};
	fluffy_store *s = create(ROLE_DEVICE);

	(void)state;
	assert_int_equal(client_key(s, keyids[0]), 0);
	must(store_begin(s));
	for (unsigned i = 0; i < 4; i++)
		add_session(s, keyids[i], i + 1, false);
	add_session(s, "service1", 5, true);
	add_session(s, "short", 6, false);
	for (int in = 1; in >= 0; in--) {
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(client_key(s, keyids[i]), i + 1);
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
			assert_int_equal(client_key(s, others[i]), 0);
		if (in)
			must(store_commit(s));
	}
	must(store_begin(s));
	must(store_session_erase(s, str(keyids[1])));
	assert_int_equal(client_key(s, keyids[1]), 0);
	assert_int_equal(client_key(s, keyids[2]), 3);
	must(store_commit(s));
	fluffy_store_close(&s);
}

static void
gone_keyids(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	bool gone;
	int i;

	(void)state;
	must(store_begin(s));
	must(store_gone(s, str("k"), &gone));
	assert_false(gone);
	must(store_gone_add(s, str("k"), NOW + 10));
	must(store_gone_add(s, str("k"), NOW + 5));
	must(store_commit(s));
	reopen(&s);
	must(store_begin(s));
	must(store_prune(s, NOW + 10));
	must(store_gone(s, str("k"), &gone));
	assert_true(gone);
	/* the last thousand stay, whatever the clock says */
	must(store_prune(s, NOW + 70));
	must(store_gone(s, str("k"), &gone));
	assert_true(gone);
	for (i = 0; i < 1000; i++)
		must(store_gone_add(s, bytes_of(&i, sizeof(i)), NOW + 61));
	must(store_prune(s, NOW + 140));
	must(store_gone(s, str("k"), &gone));
	assert_false(gone);
	must(store_commit(s));
	fluffy_store_close(&s);
}

static void
prune_drops_what_is_over(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct issued x = { .client = name("a"), .service = name("b"),
		.endtime = NOW + 60 };
	struct pending p = { .nonce_n = 8, .time = NOW, .service = name("b") };
	struct session k = session(1, false), living = session(2, false);

	(void)state;
	k.endtime = NOW;
	living.endtime = NOW + 2 * DAY;
	must(store_begin(s));
	for (int i = 0; i < 2500; i++) {
		must(store_new_keyid(s, NOW, &x.keyid));
		must(store_issued_add(s, &x));
	}
	must(store_pending_add(s, &p));
	must(store_session_add(s, &k));
	must(store_session_add(s, &living));
	must(store_prune(s, NOW + 59));
	must(store_issued_remove(s, keyid_bytes(&x.keyid)));
	must(store_commit(s));
	for (int i = 0; i < 4; i++) {
		must(store_begin(s));
		must(store_prune(s, NOW + 2 * DAY));
		must(store_commit(s));
	}
	must(store_begin(s));
	x.keyid.b[7]--;
	refused(store_issued_remove(s, keyid_bytes(&x.keyid)),
	    FLUFFY_E_NOT_FOUND, "");
	refused(store_session(s, keyid_bytes(&k.keyid), false, &k),
	    FLUFFY_E_NOT_FOUND, "");
	must(store_session(s, keyid_bytes(&living.keyid), false, &k));
	must(store_pending(s, bytes_of(p.nonce, 8), &p));
	must(store_prune(s, NOW + 30 * DAY));
	refused(store_pending(s, bytes_of(p.nonce, 8), &p),
	    FLUFFY_E_NOT_FOUND, "");
	must(store_commit(s));
	assert_int_equal(s->max_now, NOW + 30 * DAY);
	fluffy_store_close(&s);
}

/* ---- listing ---------------------------------------------------------- */

struct seen {
	char text[4000];
	int stop;
};

static int
note(void *arg, const fluffy_entry *entry)
{
	static const char *const kinds[] = { [FLUFFY_PARTY] = "party",
		[FLUFFY_DEVICE] = "device", [FLUFFY_SECRET] = "secret",
		[FLUFFY_SESSION] = "session", [FLUFFY_PENDING] = "pending",
		[FLUFFY_DELETED] = "deleted", [FLUFFY_DENIED] = "denied" };
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	(void)snprintf(seen->text + n, sizeof(seen->text) - n,
	    "%s %s %s %s %s %s|", kinds[entry->kind],
	    entry->role ? entry->role : "-", entry->name ? entry->name : "-",
	    entry->client ? entry->client : "-",
	    entry->state ? entry->state : "-", entry->alg ? entry->alg : "-");
	return --seen->stop == 0;
}

static void
skdc_listing(void **state)
{
	fluffy_store *s = create(ROLE_SKDC);
	struct seen seen = { .stop = -1 };
	struct issued x = { .client = name("lamp"), .service = name("door"),
		.alg = 10, .authtime = NOW, .endtime = NOW };
	struct secret old;

	(void)state;
	must(store_begin(s));
	must(store_device_add(s, str("lamp")));
	must(store_device_add(s, str("door")));
	old = add_secret(s, "lamp", 1);
	must(store_secret_set_endtime(s, keyid_bytes(&old.kid), NOW + 60));
	(void)add_secret(s, "lamp", 2);
	(void)add_secret(s, "door", 3);
	must(store_deny_add(s, str("lamp"), str("*")));
	must(store_new_keyid(s, NOW, &x.keyid));
	must(store_issued_add(s, &x));
	must(store_commit(s));
	must(fluffy_list(s, note, &seen));
	assert_string_equal(seen.text, "party skdc skdc - - -|"
	    "device - door - - -|secret - door - current AES-CCM-16-128-128|"
	    "device - lamp - - -|secret - lamp - old AES-CCM-16-128-128|"
	    "secret - lamp - new AES-CCM-16-128-128|"
	    "session - - lamp expired AES-CCM-16-64-128|"
	    "denied - - lamp - -|");
	the_time = NOW + 60;
	seen = (struct seen){ .stop = 6 };
	must(fluffy_list(s, note, &seen));
	assert_non_null(strstr(seen.text, "lamp - ended"));
	assert_non_null(strstr(seen.text, "lamp - current"));
	assert_null(strstr(seen.text, "session"));
	fluffy_store_close(&s);
}

static void
device_listing(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	struct seen seen = { .stop = -1 };
	struct session x = session(2, true), y = session(1, false);
	struct pending p = { .type = FLUFFY_PSK_REQ, .nonce_n = 8,
		.time = NOW, .service = name("door") };

	(void)state;
	x.established = true;
	must(store_begin(s));
	must(store_gone_add(s, str("k"), NOW + 1));
	must(store_pending_add(s, &p));
	must(store_session_add(s, &x));
	must(store_session_add(s, &y));
	(void)add_secret(s, "lamp", 1);
	(void)add_secret(s, "lamp", 2);
	must(store_commit(s));
	fluffy_store_close(&s);
	s = open_store(FLUFFY_READ_ONLY);
	must(fluffy_list(s, note, &seen));
	assert_string_equal(seen.text, "party device lamp - - -|"
	    "secret - lamp - old AES-CCM-16-128-128|"
	    "secret - lamp - current AES-CCM-16-128-128|"
	    "session client door - received AES-CCM-16-128-128|"
	    "session service door - established AES-CCM-16-128-128|"
	    "pending - door - PSK-REQ -|deleted - - - - -|");
	fluffy_store_close(&s);
}

/* ---- what was deleted --------------------------------------------------- */

static void
add_gone(fluffy_store *s, unsigned i, uint64_t until)
{
	must(store_gone_add(s, bytes_of(&i, sizeof(i)), until));
}

static bool
is_gone(fluffy_store *s, unsigned i)
{
	bool gone;

	must(store_gone(s, bytes_of(&i, sizeof(i)), &gone));
	return gone;
}

static void
prune_at(fluffy_store *s, uint64_t now)
{
	must(store_begin(s));
	must(store_prune(s, now));
	must(store_commit(s));
}

/*
 * Until the later of its times; and a clock that was far ahead for a moment
 * forgets what ended long ago, but not the last thousand.
 */
static void
deleted_keyids_are_forgotten_late(void **state)
{
	fluffy_store *s = create(ROLE_DEVICE);
	unsigned i;

	(void)state;
	must(store_begin(s));
	for (i = 0; i < 1010; i++)
		add_gone(s, i, NOW + 10 * DAY + i);
	add_gone(s, 5000, NOW + 20 * DAY);
	add_gone(s, 5000, NOW + 1);
	must(store_commit(s));
	prune_at(s, NOW + DAY);
	for (i = 0; i < 1010; i++)
		assert_true(is_gone(s, i));
	prune_at(s, NOW + 1000 * (uint64_t)DAY);
	assert_false(is_gone(s, 0));
	assert_false(is_gone(s, 10));
	assert_true(is_gone(s, 11));
	assert_true(is_gone(s, 1009));
	assert_true(is_gone(s, 5000));
	fluffy_store_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(secrets_are_found), T(kid_is_never_given_twice),
		T(broken_random_generator_is_noticed), T(seals_end),
		T(devices_and_rules), T(changes_of_others_are_seen),
		T(keyids_only_grow), T(issued_records), T(pending_requests),
		T(sessions), T(keys_of_a_client), T(gone_keyids),
		T(deleted_keyids_are_forgotten_late),
		T(prune_drops_what_is_over),
		T(skdc_listing), T(device_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

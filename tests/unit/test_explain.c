/*
 * test_explain.c - fluffy_explain and fluffy_msg_mutate: every check that is
 * told is the step's own, and every wrong message is refused as it should be
 */
#include "alg.h"
#include "groups.h"
#include "judge.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>

static char *
skdc_path(const struct world *w)
{
	static char path[100];

	(void)snprintf(path, sizeof(path), "%s/skdc.db", w->dir);
	return path;
}

static void
play_at_skdc(struct world *w, const fluffy_bytes *wire)
{
	play(w->ctx, skdc_path(w), wire);
}

static void
play_at(struct world *w, const struct device_store *d,
    const fluffy_bytes *wire)
{
	play(w->ctx, d->path, wire);
}

/* ---- pairwise keys ----------------------------------------------------------- */

static void
play_exchange(struct world *w, const fluffy_psk_params *params)
{
	fluffy_bytes req = request_with(w, SENSOR, params), rep, estb, ack;

	play_at_skdc(w, &req);
	rep = asked(w, &req);
	play_at(w, SENSOR, &rep);
	estb = stepped(w, SENSOR, &rep);
	play_at(w, LOCK, &estb);
	ack = stepped(w, LOCK, &estb);
	play_at(w, SENSOR, &ack);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
	wire_free(&ack);
}

static void
pairwise_keys_are_explained(void **state)
{
	play_exchange(*state, &(fluffy_psk_params){ .service = "lock" });
}

static void
all_members_are_explained(void **state)
{
	play_exchange(*state, &(fluffy_psk_params){ .service = "lock",
	    .realm = "home", .etype = "A128GCM,ChaCha20/Poly1305",
	    .cpac = "{\"a\":[1,2.5,\"x\"]}",
	    .extras = { .ext = "{\"b\":null}", .cksum = true,
	    .has_seqnum = true, .seqnum = UINT32_MAX } });
}

static void
a_refusal_is_a_hint_unless_proven(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "nobody"), error;

	expect(w, ask(w, &req, &error), FLUFFY_E_UNKNOWN_SERVICE);
	play_at(w, SENSOR, &error);
	wire_free(&error);
	wire_free(&req);

	req = request(w, SENSOR, "lock");
	req.data[req.len - 1] ^= 1;
	expect(w, ask(w, &req, &error), FLUFFY_E_AUTH_FAILED);
	play_at(w, SENSOR, &error);
	wire_free(&error);
	wire_free(&req);
}

static void
a_rotation_is_explained(void **state)
{
	struct world *w = *state;
	fluffy_msg *enrol;
	fluffy_bytes wire;

	must(w->ctx, fluffy_rotate(w->skdc, "sensor", NOW + 3600, &enrol));
	wire = to_wire(w, &enrol);
	play_at(w, SENSOR, &wire);
	wire_free(&wire);
}

/* ---- groups --------------------------------------------------------------------- */

static void
play_deletion(struct world *w)
{
	fluffy_bytes delt = delete_wire(w, SENSOR), delc;
	struct wires missing, done;

	play_at_skdc(w, &delt);
	missing = asked_all(w, &delt);
	assert_int_equal(missing.n, 1);
	play_at(w, LOCK, &missing.v[0]);
	delc = confirmed(w, LOCK, &missing.v[0]);
	play_at_skdc(w, &delc);
	done = asked_all(w, &delc);
	assert_int_equal(done.n, 1);
	play_at(w, SENSOR, &done.v[0]);
	wire_free(&delt);
	wire_free(&delc);
	wires_free(&missing);
	wires_free(&done);
}

static void
groups_are_explained(void **state)
{
	struct world *w = *state;
	const fluffy_gsk_params group = { .group = "den", .members = "lock",
	    .lifetime = 3600 };
	fluffy_bytes req = gsk_wire(w, SENSOR, &group), rep, fet, dlvr;

	play_at_skdc(w, &req);
	rep = asked(w, &req);
	play_at(w, SENSOR, &rep);
	gsk_taken(w, SENSOR, &rep, FLUFFY_GROUP_CREATED);
	fet = fetch_wire(w, LOCK, &(fluffy_fetch_params){ .group = "den" });
	play_at_skdc(w, &fet);
	dlvr = asked(w, &fet);
	play_at(w, LOCK, &dlvr);
	gsk_taken(w, LOCK, &dlvr, FLUFFY_GROUP_JOINED);
	play_deletion(w);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&fet);
	wire_free(&dlvr);
}

/* ---- key pairs ---------------------------------------------------------------------- */

static void
play_pair(struct world *w, const fluffy_pkp_params *params)
{
	fluffy_msg *msg, *in, *out;
	fluffy_bytes req, rep, estb;

	must(w->ctx, fluffy_pkp_request(SENSOR->store, params, &msg));
	req = to_wire(w, &msg);
	play_at_skdc(w, &req);
	rep = asked(w, &req);
	play_at(w, SENSOR, &rep);
	in = from_wire(w, &rep);
	must(w->ctx, fluffy_pkp_accept(SENSOR->store, in, &no_params, &out,
	    &w->outcome));
	estb = to_wire(w, &out);
	play_at(w, LOCK, &estb);
	fluffy_msg_free(&in);
	wire_free(&req);
	wire_free(&rep);
	wire_free(&estb);
}

static void
pairs_are_explained(void **state)
{
	play_pair(*state, &(fluffy_pkp_params){ .kty = "EC",
	    .etype = "ES256", .service = "lock" });
}

/* Their PSK-ESTB has no authenticator. */
static void
agreement_pairs_are_explained(void **state)
{
	play_pair(*state, &(fluffy_pkp_params){ .kty = "OKP",
	    .etype = "ECDH-ES+HKDF-256", .service = "lock" });
}

/* ---- every vector and every bad input --------------------------------------------------- */

struct party_copy {
	const char *path;
	fluffy_store *copy;
};

struct parties {
	fluffy_ctx *ctx;
	struct party_copy v[3];
	size_t inputs;
};

static struct buffer
contents(const char *path)
{
	struct buffer b = BUFFER(4 * FLUFFY_MAX_RECEIVED);
	FILE *f = fopen(path, "rb");
	char block[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buffer_add(&b, block, n);
	(void)fclose(f);
	assert_false(b.failed);
	return b;
}

/* Expected is what can be told without a key: is it well-formed? */
static int
read_mutation(void *arg, const fluffy_mutation *m)
{
	fluffy_ctx *ctx = arg;
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_msg_read(ctx, m->data, m->len, &msg);
	bool formed = m->error != FLUFFY_E_MALFORMED &&
	    m->error != FLUFFY_E_BAD_VERSION;

	if (e != (formed ? FLUFFY_OK : m->error))
		print_error("%s %s: %s: %s\n", m->member, m->change,
		    fluffy_why(ctx).field, fluffy_why(ctx).text);
	assert_int_equal(e, formed ? FLUFFY_OK : m->error);
	fluffy_msg_free(&msg);
	return 0;
}

static void
compare_file(struct parties *p, const char *path)
{
	struct buffer b = contents(path);
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < 3; i++)
		(void)compared(p->v[i].copy, p->v[i].path, buffer_view(&b));
	if (fluffy_msg_read(p->ctx, b.p, b.n, &msg) == FLUFFY_OK) {
		must(p->ctx, fluffy_msg_mutate(p->ctx, msg, FLUFFY_CBOR, 3,
		    read_mutation, p->ctx));
		must(p->ctx, fluffy_msg_mutate(p->ctx, msg, FLUFFY_JSON, 4,
		    read_mutation, p->ctx));
	}
	fluffy_msg_free(&msg);
	p->inputs++;
	buffer_free(&b);
}

static bool
is_message(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL &&
	    (strcmp(dot, ".cbor") == 0 || strcmp(dot, ".json") == 0);
}

/* In the directory, and in those in it. */
static void
compare_files(struct parties *p, const char *dir, int depth)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[1200];

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (is_message(entry->d_name))
			compare_file(p, path);
		else if (depth > 0 && access(path, X_OK) == 0 &&
		    strchr(entry->d_name, '.') == NULL)
			compare_files(p, path, depth - 1);
	}
	(void)closedir(d);
}

/* The party of the vectors that the ENROL is for. */
static void
join_as(struct world *w, const char *path, const char *enrol)
{
	struct buffer b = contents(enrol);
	fluffy_msg *msg;

	must(w->ctx, fluffy_msg_read(w->ctx, b.p, b.n, &msg));
	must(w->ctx, fluffy_join(w->ctx, path, msg));
	fluffy_msg_free(&msg);
	buffer_free(&b);
}

static void
every_input_is_explained(void **state)
{
	struct world *w = *state;
	const char *srcdir = getenv("srcdir");
	struct parties p = { .ctx = w->ctx };
	char client[100], service[100], path[1100];
	size_t i;

	(void)snprintf(client, sizeof(client), "%s/client", w->dir);
	(void)snprintf(service, sizeof(service), "%s/service", w->dir);
	(void)snprintf(path, sizeof(path),
	    "%s/tests/vectors/ENROL-minimal.cbor", srcdir ? srcdir : ".");
	join_as(w, client, path);
	(void)snprintf(path, sizeof(path),
	    "%s/tests/vectors/more/ENROL-service.cbor", srcdir ? srcdir : ".");
	join_as(w, service, path);
	p.v[0].path = skdc_path(w);
	p.v[1].path = client;
	p.v[2].path = service;
	for (i = 0; i < 3; i++)
		p.v[i].copy = copy_of(w->ctx, p.v[i].path);
	(void)snprintf(path, sizeof(path), "%s/tests/vectors",
	    srcdir ? srcdir : ".");
	compare_files(&p, path, 1);
	(void)snprintf(path, sizeof(path), "%s/tests/invalid",
	    srcdir ? srcdir : ".");
	compare_files(&p, path, 1);
	assert_true(p.inputs > 400);
	for (i = 0; i < 3; i++)
		fluffy_store_close(&p.v[i].copy);
}

/* Members at their limits, and those that a change would put in. */
static void
odd_messages_are_mutated(void **state)
{
	static const char *const odd[] = {
		"{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":\"busy\","
		    "\"100\":1,\"101\":2}",
		"{\"pvno\":1,\"msg-type\":\"ERROR\",\"error-code\":\"busy\","
		    "\"ack\":{\"protected\":\"oQEYYw\",\"unprotected\":"
		    "{\"kid\":\"AAECAw\",\"iv\":\"AAEC\"},"
		    "\"ciphertext\":\"AAECAwQFBgcICQoLDA0ODxAREhM\"}}",
		"{\"pvno\":1,\"msg-type\":\"PSK-REQ\",\"req-body\":{\"kty\":"
		    "\"SYMM\",\"etype\":[1000,999,1001],\"skdcrealm\":\"r\","
		    "\"skdcname\":\"s\",\"spname\":\"x\"},\"authenticator\":"
		    "{\"protected\":\"oQEYHg\",\"unprotected\":{\"kid\":"
		    "\"AAECAw\",\"iv\":\"AAECAwQFBgcICQoLDA\"},"
		    "\"ciphertext\":\"AAECAwQFBgcICQoLDA0ODxAREhM\"}}"
	};
	struct world *w = *state;
	struct buffer b = BUFFER(2000);
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < 3; i++) {
		must(w->ctx, fluffy_msg_read(w->ctx, odd[i], strlen(odd[i]),
		    &msg));
		must(w->ctx, fluffy_msg_mutate(w->ctx, msg, FLUFFY_CBOR, 1,
		    read_mutation, w->ctx));
		fluffy_msg_free(&msg);
	}
	/* a name as long as may be, that ends with two bytes */
	buffer_adds(&b, "{\"pvno\":1,\"msg-type\":\"ERROR\","
	    "\"error-code\":\"busy\",\"cname\":\"");
	for (i = 0; i < 253; i++)
		buffer_addc(&b, 'n');
	buffer_adds(&b, "\xc3\xa9\"}");
	must(w->ctx, fluffy_msg_read(w->ctx, b.p, b.n, &msg));
	must(w->ctx, fluffy_msg_mutate(w->ctx, msg, FLUFFY_JSON, 1,
	    read_mutation, w->ctx));
	fluffy_msg_free(&msg);
	buffer_free(&b);
}

/* Whose JSON is many times as long as its CBOR. */
static void
large_messages_are_mutated(void **state)
{
	struct world *w = *state;
	struct buffer b = BUFFER(FLUFFY_MAX_RECEIVED);
	fluffy_msg *msg;
	size_t i;

	buffer_adds(&b, "{\"pvno\":1,\"msg-type\":\"ERROR\","
	    "\"error-code\":\"busy\",\"ext\":\"");
	for (i = 0; i < 60000; i++)
		buffer_adds(&b, "\\u0001");
	buffer_adds(&b, "\"}");
	must(w->ctx, fluffy_msg_read(w->ctx, b.p, b.n, &msg));
	must(w->ctx, fluffy_msg_mutate(w->ctx, msg, FLUFFY_JSON, 1,
	    read_mutation, w->ctx));
	fluffy_msg_free(&msg);
	buffer_free(&b);
}

/* An item behind a comma is one byte of CBOR, whatever it is. */
static void
as_many_items_are_read_as_there_is_room_for(void **state)
{
	struct world *w = *state;
	struct buffer b = BUFFER(FLUFFY_MAX_RECEIVED);
	fluffy_msg *msg;
	size_t i;

	buffer_adds(&b, "{\"pvno\":1,\"msg-type\":\"ERROR\","
	    "\"error-code\":\"busy\",\"ext\":[[]");
	for (i = 0; i < 65000; i++)
		buffer_adds(&b, ",[]");
	buffer_adds(&b, "]}");
	assert_false(b.failed);
	must(w->ctx, fluffy_msg_read(w->ctx, b.p, b.n, &msg));
	fluffy_msg_free(&msg);
	buffer_free(&b);
}

/* ---- what else is told ------------------------------------------------------------------ */

static void
the_first_failure_is_named_and_the_rest_told(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep = asked(w, &req);
	fluffy_store *copy = copy_of(w->ctx, skdc_path(w));
	fluffy_msg *msg = from_wire(w, &req);
	struct verdict v = explained(copy, msg);

	assert_int_equal(v.e, FLUFFY_E_REPLAY);
	assert_string_equal(v.told,
	    "skdc=ok seal=ok names=ok clock=ok time=ok nonce=replay ");
	assert_int_equal(v.unreached, 4);
	assert_string_equal(v.field, "PSK-REQ.authenticator.nonce");
	assert_string_equal(v.text, "was seen before");
	fluffy_msg_free(&msg);
	fluffy_store_close(&copy);
	wire_free(&req);
	wire_free(&rep);
}

/* A service has the key of its own PSK-ACK, but not as one that asked for it. */
static void
a_client_has_asked_for_its_keys(void **state)
{
	struct world *w = *state;
	struct exchange x = whole_exchange(w, SENSOR, LOCK);
	fluffy_store *copy = copy_of(w->ctx, LOCK->path);
	fluffy_msg *msg = from_wire(w, &x.ack);
	struct verdict v = explained(copy, msg);

	assert_int_equal(v.e, FLUFFY_E_AUTH_FAILED);
	assert_string_equal(v.opening, "kid");
	assert_non_null(strstr(v.text,
	    "no session key that was asked for here has the kid "));
	fluffy_msg_free(&msg);
	fluffy_store_close(&copy);
	exchange_free(&x);
}

/* Only here; the step itself says the same of all. */
static void
what_is_wrong_with_a_seal_is_told(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_store *copy = copy_of(w->ctx, skdc_path(w));
	fluffy_msg *msg = from_wire(w, &req);
	struct sealed *sealed = &msg->authenticator;
	struct verdict v;

	((uint8_t *)(uintptr_t)sealed->ciphertext.p)[0] ^= 1;
	v = explained(copy, msg);
	assert_int_equal(v.e, FLUFFY_E_AUTH_FAILED);
	assert_string_equal(v.told, "skdc=ok seal=auth-failed ");
	assert_string_equal(v.opening, "");
	assert_non_null(strstr(v.text, "made with another key, or changed"));
	sealed->ciphertext.n = 15;
	v = explained(copy, msg);
	assert_string_equal(v.text, "15 bytes are too few for its tag");
	sealed->alg = ALG_SESSION_DEFAULT;
	v = explained(copy, msg);
	assert_string_equal(v.text, "for another alg than the key, which is "
	    "for AES-CCM-16-128-128");
	assert_string_equal(v.opening, "");
	memset((uint8_t *)(uintptr_t)sealed->kid.p, 0xab, sealed->kid.n);
	v = explained(copy, msg);
	assert_int_equal(v.e, FLUFFY_E_AUTH_FAILED);
	assert_string_equal(v.told, "skdc=ok seal=auth-failed ");
	assert_string_equal(v.opening, "kid");
	assert_string_equal(v.field, "PSK-REQ.authenticator");
	assert_string_equal(v.text,
	    "no secret key in use here has the kid abababab");
	fluffy_msg_free(&msg);
	fluffy_store_close(&copy);
	wire_free(&req);
}

/* The authenticator as its owner might have made it. */
static void
seal_again(struct world *w, fluffy_msg *msg, const struct secret *secret)
{
	static const uint8_t iv[IV_MAX] = "another iv";
	const struct sealing how = { .key = &secret->key,
	    .kid = keyid_bytes(&secret->kid), .iv = iv };

	must(w->ctx, seal_make(w->ctx, msg, msg, L_authenticator,
	    (struct part *)msg->authenticator.plain, &how));
}

static void
what_is_wrong_under_a_seal_is_told(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_store *copy = copy_of(w->ctx, skdc_path(w));
	struct secret secret = secret_of_owner(w, "sensor");
	fluffy_msg *msg = from_wire(w, &req);
	struct verdict v;
	struct part *part;

	must(w->ctx, seal_open(w->ctx, msg, msg, L_authenticator,
	    &secret.key));
	part = (struct part *)msg->authenticator.plain;
	part->cksum = BYTES("12345678");
	SET(part, L_cksum);
	seal_again(w, msg, &secret);
	v = explained(copy, msg);
	assert_int_equal(v.e, FLUFFY_E_AUTH_FAILED);
	assert_string_equal(v.told, "skdc=ok seal=auth-failed ");
	assert_string_equal(v.opening, "cksum");
	assert_string_equal(v.text, "wrong cksum");
	part->head.has &= ~label_bit(L_nonce);
	msg->authenticator.plain = part;
	seal_again(w, msg, &secret);
	v = explained(copy, msg);
	assert_int_equal(v.e, FLUFFY_E_MALFORMED);
	assert_string_equal(v.opening, "plaintext");
	assert_string_equal(v.field, "PSK-REQ.authenticator.nonce");
	secret_wipe(&secret);
	fluffy_msg_free(&msg);
	fluffy_store_close(&copy);
	wire_free(&req);
}

/* A newer version wrote that, and was killed. */
static void
leave_a_log(const char *path)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL) !=
	    SQLITE_OK)
		_exit(1);
	_exit(0);
}

/* Also where the store can't be used. */
static void
a_log_that_was_left_stays(void **state)
{
	struct world *w = *state;
	char log[120];
	struct stat before, after;
	fluffy_store *copy;
	int status;
	pid_t pid;

	fluffy_store_close(&w->skdc);
	pid = fork();
	if (pid == 0)
		leave_a_log(skdc_path(w));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)snprintf(log, sizeof(log), "%s-wal", skdc_path(w));
	assert_int_equal(stat(log, &before), 0);
	assert_true(before.st_size > 0);
	assert_int_equal(fluffy_store_copy(w->ctx, skdc_path(w), &copy),
	    FLUFFY_E_STORE);
	assert_null(copy);
	assert_int_equal(stat(log, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
}

/* As often as one likes: then the message is still taken. */
static void
nothing_changes(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock"), rep;
	fluffy_store *copy = copy_of(w->ctx, skdc_path(w));
	fluffy_msg *msg = from_wire(w, &req);
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(explained(copy, msg).e, FLUFFY_OK);
	/* also in a store that isn't a copy */
	assert_int_equal(explained(w->skdc, msg).e, FLUFFY_OK);
	fluffy_store_close(&copy);
	fluffy_msg_free(&msg);
	rep = asked(w, &req);
	wire_free(&req);
	wire_free(&rep);
}

static void
a_party_says_what_it_never_takes(void **state)
{
	struct world *w = *state;
	fluffy_bytes req = request(w, SENSOR, "lock");
	fluffy_msg *msg = from_wire(w, &req);
	struct verdict v = explained(LOCK->store, msg);

	assert_int_equal(v.e, FLUFFY_E_UNEXPECTED);
	assert_string_equal(v.told, "");
	assert_string_equal(v.field, "PSK-REQ");
	fluffy_msg_free(&msg);
	wire_free(&req);
}

/* In section 6's order, whatever comes behind it. */
static void
what_is_no_message_is_explained(void **state)
{
	static const struct {
		const char *input, *told;
	} cases[] = {
		{ "[]", "encoding=malformed " },
		{ "{\"pvno\":1", "encoding=malformed " },
		{ "{}", "pvno=malformed " },
		{ "{\"pvno\":2,\"msg-type\":1}", "pvno=bad-version " },
		{ "{\"pvno\":1}", "msg-type=malformed " },
		{ "{\"pvno\":1,\"msg-type\":\"PSK-REQ\"}",
		    "structure=malformed " }
	};
	struct world *w = *state;
	struct verdict v;
	fluffy_msg *msg;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_not_equal(fluffy_msg_read(w->ctx, cases[i].input,
		    strlen(cases[i].input), &msg), FLUFFY_OK);
		v = explained(w->skdc, NULL);
		assert_string_equal(v.told, cases[i].told);
	}
}

static void
too_much_is_told_first(void **state)
{
	struct world *w = *state;
	struct buffer b = BUFFER(2 * FLUFFY_MAX_RECEIVED);
	fluffy_msg *msg;

	buffer_adds(&b, "{\"pvno\":2,\"x\":\"");
	while (b.n < FLUFFY_MAX_RECEIVED)
		buffer_adds(&b, "aaaaaaaaaaaaaaaa");
	buffer_adds(&b, "\"}");
	assert_false(b.failed);
	assert_int_equal(fluffy_msg_read(w->ctx, b.p, b.n, &msg),
	    FLUFFY_E_MALFORMED);
	assert_string_equal(explained(w->skdc, NULL).told,
	    "size=malformed ");
	buffer_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(pairwise_keys_are_explained),
		IN_BOTH(all_members_are_explained),
		IN_CBOR(a_refusal_is_a_hint_unless_proven),
		IN_BOTH(a_rotation_is_explained),
		IN_BOTH(groups_are_explained),
		IN_BOTH(pairs_are_explained),
		IN_BOTH(agreement_pairs_are_explained),
		IN_CBOR(every_input_is_explained),
		IN_CBOR(odd_messages_are_mutated),
		IN_CBOR(large_messages_are_mutated),
		IN_CBOR(as_many_items_are_read_as_there_is_room_for),
		IN_CBOR(the_first_failure_is_named_and_the_rest_told),
		IN_CBOR(a_client_has_asked_for_its_keys),
		IN_CBOR(what_is_wrong_with_a_seal_is_told),
		IN_CBOR(what_is_wrong_under_a_seal_is_told),
		IN_CBOR(a_log_that_was_left_stays),
		IN_CBOR(nothing_changes),
		IN_CBOR(a_party_says_what_it_never_takes),
		IN_CBOR(what_is_no_message_is_explained),
		IN_CBOR(too_much_is_told_first)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

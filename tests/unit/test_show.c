/* test_show.c - what people see of a message */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cbor.h"
#include "decode.h"
#include "show.h"

#define NOW 1795370400u /* 2026-11-22 18:00:00Z */
#define MAX ((size_t)1 << 20)

#define FIRST(type) "{\"pvno\":1,\"msg-type\":\"" type "\","
#define UUID_NAME "550e8400-e29b-41d4-a716-446655440000"
#define SEALED_30 "\"protected\":\"oQEYHg\",\"unprotected\":{" \
    "\"kid\":\"XwyaHg\",\"iv\":\"AAECAwQFBgcICQoLDA\"}," \
    "\"ciphertext\":\"AQIDBAUGBwgJCgsMDQ4PEA\""

#define REQUEST FIRST("PSK-REQ") "\"req-body\":{\"kty\":\"SYMM\"," \
    "\"etype\":[\"AES-CCM-16-64-128\",99],\"skdc-options\":[\"cert\",7]," \
    "\"skdcrealm\":\"home\",\"skdcname\":\"" UUID_NAME "\"," \
    "\"spname\":\"lock\"},\"authenticator\":{" SEALED_30 "}," \
    "\"ext\":{\"a\":1e-7,\"b\":[null,true]}}"

#define ENROL FIRST("ENROL") "\"crealm\":\"home\",\"cname\":\"lamp\"," \
    "\"skdcrealm\":\"home\",\"skdcname\":\"kdc\",\"endtime\":%s," \
    "\"keydata\":{\"kty\":\"SYMM\",\"keyid\":\"XwyaHg\"," \
    "\"key\":\"3q2-796tvu_erb7v3q2-7w\"," \
    "\"keyops\":[\"encrypt\",\"decrypt\"]," \
    "\"alg\":\"AES-CCM-16-128-128\"}}"
#define KEY_HEX "deadbeefdeadbeefdeadbeefdeadbeef"

struct fixture {
	fluffy_ctx *ctx;
	fluffy_msg *msg;
	char text[8192];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL || (f->ctx = fluffy_ctx_new()) == NULL)
		return -1;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fluffy_msg_free(&f->msg);
	fluffy_ctx_free(&f->ctx);
	free(f);
	return 0;
}

static void
read_message(struct fixture *f, const char *json)
{
	enum fluffy_error e;

	fluffy_msg_free(&f->msg);
	e = fluffy_msg_read(f->ctx, json, strlen(json), &f->msg);
	if (e != FLUFFY_OK)
		fail_msg("%s: %s", fluffy_why(f->ctx).field,
		    fluffy_why(f->ctx).text);
}

static const char *
keep(struct fixture *f, struct buffer *b)
{
	assert_false(b->failed);
	assert_in_range(b->n, 1, sizeof(f->text) - 1);
	assert_int_equal(b->p[b->n - 1], '\n');
	memcpy(f->text, b->p, b->n);
	f->text[b->n] = '\0';
	buffer_free(b);
	return f->text;
}

static const char *
text_of(struct fixture *f, bool show_keys)
{
	struct buffer b = BUFFER(MAX);

	text_put_message(&b, f->msg, NOW, show_keys);
	return keep(f, &b);
}

static const char *
diag_of(struct fixture *f, bool show_keys)
{
	struct buffer b = BUFFER(MAX);

	diag_put_message(&b, f->msg, show_keys);
	return keep(f, &b);
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void
assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" in:\n%s", part, text);
}

/* Sets a sealed part's plaintext as if a key had opened it. */
static void
open_as(struct fixture *f, struct sealed *sealed, int label,
    struct buffer *plaintext)
{
	const struct row *row = schema_row(f->msg->head.schema, label);
	enum fluffy_error e;

	assert_false(plaintext->failed);
	e = decode_part(f->ctx, &f->msg->arena, buffer_view(plaintext),
	    row->sub, NULL, &sealed->plain);
	buffer_free(plaintext);
	if (e != FLUFFY_OK)
		fail_msg("%s: %s", fluffy_why(f->ctx).field,
		    fluffy_why(f->ctx).text);
}

static void
put_name(struct buffer *b, int label, const char *name)
{
	cbor_put_int(b, label);
	cbor_put_text(b, bytes_str(name));
}

static void
put_number(struct buffer *b, int label, int64_t number)
{
	cbor_put_int(b, label);
	cbor_put_int(b, number);
}

static void
put_octets(struct buffer *b, int label, int byte, size_t n)
{
	uint8_t octets[64];

	memset(octets, byte, sizeof(octets));
	cbor_put_int(b, label);
	cbor_put_bytes(b, bytes_of(octets, n));
}

static void
open_authenticator(struct fixture *f)
{
	struct buffer b = BUFFER(MAX);

	cbor_put_map(&b, 4);
	put_name(&b, L_crealm, "home");
	put_name(&b, L_cname, "a/b");
	put_octets(&b, L_nonce, 0xab, 8);
	put_number(&b, L_ctime, NOW - 180);
	open_as(f, &f->msg->authenticator, L_authenticator, &b);
}

/* ---- text ---------------------------------------------------------------- */

static void
text_closed(void **state)
{
	struct fixture *f = *state;

	read_message(f, REQUEST);
	assert_string_equal(text_of(f, false),
	    "PSK-REQ (JSON, 113 bytes of CBOR)\n"
	    "  pvno:          1\n"
	    "  msg-type:      PSK-REQ\n"
	    "  req-body:\n"
	    "    kty:          SYMM\n"
	    "    etype:        AES-CCM-16-64-128, 99\n"
	    "    skdc-options: cert, 7\n"
	    "    skdcrealm:    home\n"
	    "    skdcname:     " UUID_NAME "\n"
	    "    spname:       lock\n"
	    "  authenticator: sealed with AES-CCM-16-128-128 under key "
	    "5f0c9a1e, 16 bytes\n"
	    "    (closed: no store has key 5f0c9a1e)\n"
	    "  ext:           {\"a\":1e-7,\"b\":[null,true]}\n");
}

static void
text_opened(void **state)
{
	struct fixture *f = *state;

	read_message(f, REQUEST);
	open_authenticator(f);
	text_of(f, false);
	assert_has(f->text, ", 16 bytes\n"
	    "    crealm: home\n"
	    "    cname:  a/b\n"
	    "    ctime:  2026-11-22 17:57:00Z (3 min ago)\n"
	    "    nonce:  abababababababab\n"
	    "  ext:");
	assert_lacks(f->text, "closed");
}

static void
text_times(void **state)
{
	static const struct {
		const char *endtime, *shown;
	} cases[] = {
		{ "1795399200", "2026-11-23 02:00:00Z (in 8 h)" },
		{ "1795399199", "2026-11-23 01:59:59Z (in 8 h)" },
		{ "1795370401", "2026-11-22 18:00:01Z (in 1 s)" },
		{ "1795370400", "2026-11-22 18:00:00Z (expired now)" },
		{ "1795197600", "2026-11-20 18:00:00Z (expired 2 d ago)" },
		{ "0", "1970-01-01 00:00:00Z (expired 57 y ago)" },
		{ "9007199254740991", "285428751-11-12 07:36:31Z (in " }
	};
	struct fixture *f = *state;
	char json[1024];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(json, sizeof(json), ENROL, cases[i].endtime);
		read_message(f, json);
		text_of(f, false);
		assert_has(f->text, "  endtime:   ");
		assert_has(f->text, cases[i].shown);
	}
}

static void
text_hides_keys(void **state)
{
	struct fixture *f = *state;
	char json[1024];

	snprintf(json, sizeof(json), ENROL, "1795399200");
	read_message(f, json);
	text_of(f, false);
	assert_has(f->text, "    key:    (hidden)\n");
	assert_has(f->text, "    keyid:  5f0c9a1e\n");
	assert_has(f->text, "    keyops: encrypt, decrypt\n");
	assert_lacks(f->text, "dead");
	assert_has(text_of(f, true),
	    "    key:    " KEY_HEX " (16 bytes)\n");
}

/* A terminal must not be steered by what a message says. */
static void
text_is_safe(void **state)
{
	struct fixture *f = *state;
	const char *p;

	read_message(f, FIRST("ERROR") "\"error-code\":99,"
	    "\"e-text\":\" x\",\"cname\":\"a\\u202eb\\u2066\\u2028\","
	    "\"77\":\"\\u001b[31m\\u009b2J\\u007f\\u0000\","
	    "\"la\\u0007\\u009bbel\":1.5}");
	text_of(f, false);
	assert_has(f->text, "  cname:      a\\u202eb\\u2066\\u2028\n");
	assert_has(f->text, "  error-code: 99\n");
	assert_has(f->text, "  e-text:     \" x\"\n");
	assert_has(f->text, "  77 (unknown): "
	    "\"\\u001b[31m\\u009b2J\\u007f\\u0000\"\n");
	assert_has(f->text, "  \"la\\u0007\\u009bbel\" (unknown): 1.5\n");
	for (p = f->text; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
}

static void
text_error(void **state)
{
	struct fixture *f = *state;

	read_message(f, FIRST("ERROR") "\"error-code\":\"expired\"}");
	assert_string_equal(text_of(f, false),
	    "ERROR (JSON, 8 bytes of CBOR)\n"
	    "  pvno:       1\n"
	    "  msg-type:   ERROR\n"
	    "  error-code: expired: the key's end time has passed\n");
}

static void
text_shortens(void **state)
{
	struct fixture *f = *state;

	read_message(f, FIRST("DK-CERT") "\"ta\":\"t\",\"rs\":\"r\","
	    "\"cname\":\"c\",\"maccert\":"
	    "\"MIIBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	    "\"rs-key\":\"\"}");
	text_of(f, true);
	assert_has(f->text, "  maccert:  3082010000000000... (36 bytes)\n");
	assert_has(f->text, "  rs-key:   (0 bytes)\n");
}

/* ---- PSK-ESTB: parts without kid, COSE_Sign1 ----------------------------- */

#define ESTB(authenticator) FIRST("PSK-ESTB") "\"crealm\":\"home\"," \
    "\"cname\":\"c\",\"mticket\":{\"skdcrealm\":\"home\"," \
    "\"skdcname\":\"k\",\"spname\":\"s\",\"enc-part\":{" SEALED_30 "}}," \
    "\"authenticator\":{" authenticator "}}"
/* {9: "home", 10: "c", 15: h'01020304', 24: 0} under ES256 */
#define SIGNED "\"protected\":\"oQEm\",\"unprotected\":{}," \
    "\"payload\":\"pAlkaG9tZQphYw9EAQIDBBgYAA\",\"signature\":\"AQID\""

static void
estb_without_kid(void **state)
{
	struct fixture *f = *state;

	read_message(f, ESTB("\"protected\":\"oQEK\",\"unprotected\":{"
	    "\"iv\":\"AAECAwQFBgcICQoLDA\"},\"ciphertext\":\"AQ\""));
	text_of(f, false);
	assert_has(f->text, "  authenticator: sealed with "
	    "AES-CCM-16-64-128, 1 byte\n"
	    "    (closed: needs the session key in the miniticket)\n");
	assert_has(f->text, "    enc-part:  sealed with AES-CCM-16-128-128 "
	    "under key 5f0c9a1e, 16 bytes\n"
	    "      (closed: no store has key 5f0c9a1e)\n");
	assert_has(diag_of(f, false), "4: [<<{1: 10}>>, "
	    "{5: h'000102030405060708090a0b0c'}, h'01']");
}

static void
estb_signed(void **state)
{
	struct fixture *f = *state;

	read_message(f, ESTB(SIGNED));
	assert_has(text_of(f, false),
	    "  authenticator: signed with ES256, 19 bytes\n"
	    "    crealm: home\n"
	    "    cname:  c\n"
	    "    ctime:  1970-01-01 00:00:00Z (57 y ago)\n"
	    "    nonce:  01020304\n");
	assert_has(diag_of(f, false), "4: [<<{1: -7}>>, {}, <<{9: \"home\", "
	    "10: \"c\", 15: h'01020304', 24: 0}>>, h'010203']");
}

/* ---- diagnostic notation ------------------------------------------------- */

#define DIAG_REQUEST "{1: 1, 2: 1, 3: {12: \"lock\", 13: \"home\", " \
    "14: h'550e8400e29b41d4a716446655440000', 20: 4, 23: [10, 99], " \
    "30: 129}, 4: [<<{1: 30}>>, {4: h'5f0c9a1e', " \
    "5: h'000102030405060708090a0b0c'}, " \
    "h'0102030405060708090a0b0c0d0e0f10'%s], " \
    "45: {\"a\": 1.0e-7, \"b\": [null, true]}}\n"

static void
diag_closed(void **state)
{
	struct fixture *f = *state;
	char expected[1024];

	read_message(f, REQUEST);
	snprintf(expected, sizeof(expected), DIAG_REQUEST, "");
	assert_string_equal(diag_of(f, false), expected);
}

/* A comment ends at the first '/'. */
static void
diag_opened(void **state)
{
	struct fixture *f = *state;
	char expected[1024];

	read_message(f, REQUEST);
	open_authenticator(f);
	snprintf(expected, sizeof(expected), DIAG_REQUEST,
	    " / opened: {9: \"home\", 10: \"a\\u002fb\", "
	    "15: h'abababababababab', 24: 1795370220} /");
	assert_string_equal(diag_of(f, false), expected);
}

static void
diag_hides_keys(void **state)
{
	struct fixture *f = *state;
	char json[1024];

	snprintf(json, sizeof(json), ENROL, "1795399200");
	read_message(f, json);
	assert_has(diag_of(f, false), "22: h'' / hidden: 16 bytes /, ");
	assert_lacks(f->text, "dead");
	assert_has(diag_of(f, true), "22: h'" KEY_HEX "', ");
}

static void
diag_unknown_members(void **state)
{
	struct fixture *f = *state;

	read_message(f, FIRST("ERROR") "\"error-code\":\"busy\","
	    "\"e-text\":\"a/b\",\"x,\\\"y\":[1,\"\\u009b,:\"],\"-3\":{}}");
	assert_string_equal(diag_of(f, false),
	    "{1: 1, 2: 15, 46: 16, 47: \"a/b\", -3: {}, "
	    "\"x,\\\"y\": [1, \"\\u009b,:\"]}\n");
}

/* ---- a receipt with a private key ---------------------------------------- */

static void
put_key_pair(struct buffer *b)
{
	cbor_put_map(b, 6);
	put_number(b, L_alg, -8);
	put_number(b, L_kty, KTY_OKP);
	put_octets(b, L_keyid, 0x11, 8);
	cbor_put_int(b, L_key);
	cbor_put_map(b, 3);
	put_number(b, -1, 6);
	put_octets(b, -2, 0x22, 32);
	put_octets(b, -4, 0x33, 32);
	cbor_put_int(b, L_keyops);
	cbor_put_array(b, 0);
	put_number(b, L_pkuse, 0);
}

static void
private_parameter_is_hidden(void **state)
{
	struct fixture *f = *state;
	struct buffer b = BUFFER(MAX);

	read_message(f, FIRST("PKP-REP") "\"crealm\":\"home\","
	    "\"cname\":\"c\",\"receipt\":{" SEALED_30 "}}");
	cbor_put_map(&b, 6);
	put_name(&b, L_skdcrealm, "home");
	put_name(&b, L_skdcname, "k");
	put_octets(&b, L_nonce, 0x44, 8);
	put_number(&b, L_authtime, NOW);
	put_number(&b, L_endtime, NOW + 1);
	cbor_put_int(&b, L_keydata);
	put_key_pair(&b);
	open_as(f, &f->msg->receipt, L_receipt, &b);
	assert_has(text_of(f, false), "        d:   (hidden)\n");
	assert_has(f->text, "        crv: Ed25519\n");
	assert_has(f->text, "      keyops: (none)\n");
	assert_lacks(f->text, "3333");
	assert_has(diag_of(f, false), "-4: h'' (hidden: 32 bytes)}");
	assert_lacks(f->text, "3333");
	assert_has(text_of(f, true), "        d:   3333333333333333");
	assert_has(diag_of(f, true), "-4: h'3333333333333333");
}

/* Without room nothing is half done: the buffer says so, wherever it was. */
static void
buffer_runs_out(void **state)
{
	struct fixture *f = *state;
	struct buffer b;
	size_t max;

	read_message(f, REQUEST);
	open_authenticator(f);
	for (max = 0; max < 300; max++) {
		b = BUFFER(max);
		text_put_message(&b, f->msg, NOW, false);
		assert_true(b.failed);
		buffer_free(&b);
		b = BUFFER(max);
		diag_put_message(&b, f->msg, false);
		assert_true(b.failed);
		buffer_free(&b);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(text_closed), TEST(text_opened), TEST(text_times),
		TEST(text_hides_keys), TEST(text_is_safe), TEST(text_error),
		TEST(text_shortens), TEST(estb_without_kid),
		TEST(estb_signed), TEST(diag_closed), TEST(diag_opened),
		TEST(diag_hides_keys), TEST(diag_unknown_members),
		TEST(private_parameter_is_hidden),
		TEST(buffer_runs_out)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

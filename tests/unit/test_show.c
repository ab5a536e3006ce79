/* test_show.c - what people see of a message */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "cbor.h"
#include "decode.h"
#include "show.h"
#include "text.h"

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
	char text[16384];
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
	    "\"e-text\":\" x\","
	    "\"cname\":\"a\\u202eb\\u2066\\u2028\\u200f\\u200e\","
	    "\"77\":\"\\u001b[31m\\u009b2J\\u007f\\u0000\","
	    "\"la\\u0007\\u009bbel\":1.5}");
	text_of(f, false);
	assert_has(f->text, "  cname:      a\\u202eb\\u2066\\u2028"
	    "\\u200f\\u200e\n");
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
	/* one that is whole is shown member by member */
	read_message(f, FIRST("DK-CERT") "\"ta\":\"t\",\"rs\":\"r\","
	    "\"cname\":\"c\",\"maccert\":"
	    "\"AAACMAACVEEAAAAHAyBMTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTA"
	    "\",\"rs-key\":\"\"}");
	text_of(f, true);
	assert_has(f->text, "  maccert:\n"
	    "    public-key:      3000 (2 bytes)\n"
	    "    trust-anchor:    TA\n"
	    "    sequence-number: 7\n"
	    "    mac:             4c4c4c4c");
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

/* ---- groups -------------------------------------------------------------- */

#define GSK_REQ(grppac) FIRST("GSK-REQ") "\"req-body\":{\"kty\":\"SYMM\"," \
    "\"etype\":\"A128GCM\",\"skdcrealm\":\"home\",\"skdcname\":\"kdc\"," \
    "\"mcastname\":\"lights\",\"grppac\":" grppac "}," \
    "\"authenticator\":{" SEALED_30 "}}"

static void
put_authenticator(struct buffer *b, int realm, int name, int time)
{
	cbor_put_map(b, 4);
	put_name(b, realm, "home");
	put_name(b, name, "lock");
	put_octets(b, L_nonce, 0xab, 8);
	put_number(b, time, NOW);
}

static void
group_request(void **state)
{
	struct fixture *f = *state;
	struct buffer b = BUFFER(MAX);

	read_message(f, GSK_REQ("{\"members\":[\"lamp\",\"" UUID_NAME "\"],"
	    "\"lifetime\":28800,\"x\":{\"a\":[1]},\"channel\":11}"));
	put_authenticator(&b, L_sprealm, L_spname, L_sptime);
	open_as(f, &f->msg->authenticator, L_authenticator, &b);
	text_of(f, false);
	assert_has(f->text, "    mcastname: lights\n"
	    "    grppac:\n"
	    "      members:  lamp, " UUID_NAME "\n"
	    "      lifetime: 28800 s (8 h)\n"
	    "      \"x\": {\"a\":[1]}\n"
	    "      \"channel\": 11\n"
	    "  authenticator: sealed with ");
	assert_has(f->text, ", 16 bytes\n"
	    "    sprealm: home\n"
	    "    spname:  lock (the owner)\n"
	    "    sptime:  2026-11-22 18:00:00Z (now)\n"
	    "    nonce:   abababababababab\n");
}

static void
group_wishes(void **state)
{
	static const struct {
		const char *json, *shown;
	} cases[] = {
		{ GSK_REQ("{\"members\":\"any\"}"),
		    "    grppac:\n      members:  anybody enrolled\n  auth" },
		{ GSK_REQ("{\"members\":[]}"),
		    "      members:  nobody but the owner\n" },
		{ GSK_REQ("{\"members\":[\"any\"],\"lifetime\":59}"),
		    "      members:  any\n      lifetime: 59 s\n" },
		{ GSK_REQ("{\"lifetime\":5400}"),
		    "    grppac:\n      lifetime: 5400 s (2 h)\n  auth" },
		{ GSK_REQ("{}"), "    grppac:    {}\n" },
		{ GSK_REQ("{\"a\":null}"),
		    "    grppac:\n      \"a\": null\n  auth" },
		/* what could be taken for something else */
		{ GSK_REQ("{\"members\":[\"a, b\",\"anybody enrolled\","
		    "\"c,d\",\"\\\"e\"]}"), "members:  \"a, b\", "
		    "\"anybody enrolled\", \"c,d\", \"\\\"e\"\n" },
		{ GSK_REQ("{\"members\":[\"a\\u202eb\",\"c (the owner)\"],"
		    "\"members \":\"\\u001b[2J\\n\\u200f\"}"),
		    "members:  a\\u202eb, \"c (the owner)\"\n"
		    "      \"members \": \"\\u001b[2J\\n\\u200f\"\n" }
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_message(f, cases[i].json);
		assert_has(text_of(f, false), cases[i].shown);
	}
}

/* Other members than can be counted in the map's first byte. */
static void
group_with_many_wishes(void **state)
{
	struct fixture *f = *state;
	struct buffer json = BUFFER(MAX);
	char line[64];
	int i;

	buffer_adds(&json, FIRST("GSK-REQ") "\"req-body\":{\"kty\":\"SYMM\","
	    "\"etype\":\"A128GCM\",\"skdcrealm\":\"home\","
	    "\"skdcname\":\"kdc\",\"mcastname\":\"lights\",\"grppac\":{");
	for (i = 0; i < 300; i++)
		buffer_addf(&json, "\"%d\":[{\"k\":%d}],", i, i);
	buffer_adds(&json, "\"lifetime\":1}},\"authenticator\":{" SEALED_30
	    "}}");
	buffer_addc(&json, '\0');
	assert_false(json.failed);
	read_message(f, (const char *)json.p);
	buffer_free(&json);
	text_of(f, false);
	assert_has(f->text, "    grppac:\n      lifetime: 1 s\n      \"0\": ");
	for (i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "\n      \"%d\": [{\"k\":%d}]\n",
		    i, i);
		assert_has(f->text, line);
	}
}

static void
put_group_receipt(struct buffer *b, const char *grppac)
{
	cbor_put_map(b, 8);
	put_name(b, L_skdcrealm, "home");
	put_name(b, L_skdcname, "kdc");
	put_octets(b, L_nonce, 0x44, 8);
	put_number(b, L_authtime, NOW);
	put_number(b, L_endtime, NOW + 1);
	cbor_put_int(b, L_keydata);
	cbor_put_map(b, 5);
	put_number(b, L_alg, 10);
	put_number(b, L_kty, KTY_SYMM);
	put_octets(b, L_keyid, 0x55, 8);
	put_octets(b, L_key, 0x66, 16);
	cbor_put_int(b, L_keyops);
	cbor_put_array(b, 0);
	put_name(b, L_mcastname, "lights");
	cbor_put_int(b, L_grppac);
	buffer_adds(b, grppac);
}

/* What a receipt brings may be anything. */
static void
group_receipt(void **state)
{
	static const struct {
		const char *cbor, *shown;
	} cases[] = {
		{ "\xa1\x67" "members\x81\x61x",
		    "    grppac:\n      members:  x\n    authtime:  " },
		{ "\x81\x61x", "    grppac:    [\"x\"]\n" },
		{ "\xa1\x67" "members\x61x",
		    "    grppac:    {\"members\":\"x\"}\n" },
		{ "\xa1\x68" "lifetime\x20",
		    "    grppac:    {\"lifetime\":-1}\n" },
		{ "\xf6", "    grppac:    null\n" }
	};
	struct fixture *f = *state;
	struct buffer b;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b = BUFFER(MAX);
		read_message(f, FIRST("GSK-DLVR") "\"crealm\":\"home\","
		    "\"cname\":\"lamp\",\"receipt\":{" SEALED_30 "}}");
		put_group_receipt(&b, cases[i].cbor);
		open_as(f, &f->msg->receipt, L_receipt, &b);
		text_of(f, false);
		assert_has(f->text, cases[i].shown);
		assert_has(f->text, "  cname:    lamp (a member)\n");
	}
}

#define SPS "\"sprealm\":\"home\",\"spname\":\"lock\","
#define CLIENTS "\"crealm\":\"home\",\"cname\":\"lock\","
#define A_PART "{" SEALED_30 "}}"

static void
group_roles(void **state)
{
	static const struct {
		const char *json, *shown;
	} cases[] = {
		{ FIRST("GSK-REP") SPS "\"receipt\":" A_PART,
		    "  spname:   lock (the owner)\n" },
		{ FIRST("GSK-DLVR") CLIENTS "\"receipt\":" A_PART,
		    "  cname:    lock (a member)\n" },
		{ FIRST("GSK-DELT") SPS "\"kenvelope\":" A_PART,
		    "  spname:    lock (the owner)\n" },
		{ FIRST("GSK-DELC") SPS "\"ack\":" A_PART,
		    "  spname:   lock (the owner)\n" },
		/* no group's: nobody is told */
		{ FIRST("PSK-DELT") CLIENTS "\"kenvelope\":" A_PART,
		    "  cname:     lock\n" },
		{ FIRST("PKP-REP") CLIENTS "\"receipt\":" A_PART,
		    "  cname:    lock\n" }
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_message(f, cases[i].json);
		assert_has(text_of(f, false), cases[i].shown);
	}
}

static void
group_fetch(void **state)
{
	struct fixture *f = *state;
	struct buffer b = BUFFER(MAX);

	read_message(f, FIRST("GSK-FET") "\"req-body\":{"
	    "\"skdcname\":\"kdc\",\"mcastname\":\"lights\","
	    "\"keyid\":\"XwyaHg\"},\"authenticator\":{" SEALED_30 "}}");
	put_authenticator(&b, L_crealm, L_cname, L_ctime);
	open_as(f, &f->msg->authenticator, L_authenticator, &b);
	assert_has(text_of(f, false), "    cname:  lock (a member)\n");
	assert_has(f->text, "    keyid:     5f0c9a1e\n");
}

static void
key_to_delete(void **state)
{
	struct fixture *f = *state;
	struct buffer b = BUFFER(MAX);

	read_message(f, FIRST("PSK-DELT") CLIENTS "\"kenvelope\":" A_PART);
	cbor_put_map(&b, 5);
	put_name(&b, L_skdcrealm, "home");
	put_name(&b, L_skdcname, "kdc");
	put_octets(&b, L_nonce, 0x44, 8);
	put_number(&b, L_authtime, NOW);
	cbor_put_int(&b, L_keydata);
	cbor_put_map(&b, 1);
	put_octets(&b, L_keyid, 0x55, 8);
	open_as(f, &f->msg->kenvelope, L_kenvelope, &b);
	assert_has(text_of(f, false), "    keydata:\n"
	    "      keyid: 5555555555555555 (the key to delete)\n");
}

/* What ends like a note of ours is in quotes. */
static void
names_make_no_notes(void **state)
{
	struct fixture *f = *state;

	read_message(f, FIRST("GSK-DLVR") "\"crealm\":\"home\","
	    "\"cname\":\"lock (the owner)\",\"receipt\":" A_PART);
	assert_has(text_of(f, false),
	    "  cname:    \"lock (the owner)\" (a member)\n");
}

/* ---- certificates -------------------------------------------------------- */

/* A certificate whose subject and issuer have that text; its DER. */
static struct bytes
certificate(struct fixture *f, int type, const char *name, size_t n)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *cert = X509_new();
	X509_NAME *names = X509_NAME_new();
	unsigned char *der = NULL;
	struct bytes out;
	int len;

	assert_true(X509_NAME_add_entry_by_txt(names, "CN", type,
	    (const unsigned char *)name, (int)n, -1, 0));
	assert_true(X509_set_subject_name(cert, names));
	assert_true(X509_set_issuer_name(cert, names));
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(cert), NOW));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(cert), NOW + 86400));
	assert_true(X509_set_pubkey(cert, key));
	assert_true(X509_sign(cert, key, NULL) > 0);
	assert_true((len = i2d_X509(cert, &der)) > 0);
	out = arena_dup(&f->msg->arena, bytes_of(der, (size_t)len));
	OPENSSL_free(der);
	X509_NAME_free(names);
	X509_free(cert);
	EVP_PKEY_free(key);
	return out;
}

static void
put_key_with_certificates(struct buffer *b, const struct bytes_list *certs)
{
	size_t i;

	cbor_put_map(b, 7);
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
	cbor_put_int(b, L_x5c);
	cbor_put_array(b, certs->n);
	for (i = 0; i < certs->n; i++)
		cbor_put_bytes(b, certs->v[i]);
}

#define PKP_REP FIRST("PKP-REP") CLIENTS "\"receipt\":" A_PART

/* Shows a receipt with them, whatever they are. */
static void
show_certificates(struct fixture *f, const struct bytes_list *certs)
{
	struct buffer b = BUFFER(MAX);

	cbor_put_map(&b, 6);
	put_name(&b, L_skdcrealm, "home");
	put_name(&b, L_skdcname, "k");
	put_octets(&b, L_nonce, 0x44, 8);
	put_number(&b, L_authtime, NOW);
	put_number(&b, L_endtime, NOW + 1);
	cbor_put_int(&b, L_keydata);
	put_key_with_certificates(&b, certs);
	open_as(f, &f->msg->receipt, L_receipt, &b);
	text_of(f, false);
}

static void
certificates(void **state)
{
	struct fixture *f = *state;
	struct bytes_list certs = { .n = 2 };

	read_message(f, PKP_REP);
	certs.v[0] = certificate(f, MBSTRING_UTF8, "lamp", 4);
	certs.v[1] = certificate(f, MBSTRING_UTF8, "the CA", 6);
	show_certificates(f, &certs);
	assert_has(f->text, "      x5c:\n        1: subject CN=lamp, ");
	assert_has(f->text, "\n        2: subject CN=the CA, ");
	assert_has(f->text, ", valid 2026-11-22 ");
	assert_has(f->text, " to 2026-11-23 ");
}

#define HOSTILE(type, text) { type, text, sizeof(text) - 1 }

/* Nothing of it may steer a terminal, begin a line or break the encoding. */
static void
hostile_certificates(void **state)
{
	static const struct {
		int type;
		const char *name;
		size_t n;
	} cases[] = {
		HOSTILE(MBSTRING_UTF8, "a\x1b[2J\a\r\n  spname: b\x7f"),
		HOSTILE(MBSTRING_UTF8, "a\xc2\x9b" "2J\xe2\x80\xa8"),
		HOSTILE(MBSTRING_UTF8, "a\xe2\x80\xae" "b\xe2\x80\x8f"
		    "c\xe2\x81\xa6"),
		HOSTILE(MBSTRING_UTF8, "a\0b"),
		HOSTILE(V_ASN1_T61STRING, "a\x9b" "2J\xe9"),
		HOSTILE(V_ASN1_IA5STRING, "a\x9b" "2J\x1b"),
		HOSTILE(V_ASN1_PRINTABLESTRING, "\x1b[2J"),
		HOSTILE(V_ASN1_BMPSTRING, "\x20\x2e\0b")
	};
	struct fixture *f = *state;
	struct bytes_list certs = { .n = 1 };
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_message(f, PKP_REP);
		certs.v[0] = certificate(f, cases[i].type, cases[i].name,
		    cases[i].n);
		show_certificates(f, &certs);
		assert_has(f->text, "\n        1: ");
		assert_lacks(f->text, "\n  spname");
		assert_true(utf8_valid(bytes_str(f->text)));
		for (p = f->text; *p != '\0'; p++)
			assert_true(*p == '\n' || (uint8_t)*p >= ' ');
		assert_lacks(f->text, "\x7f");
		assert_lacks(f->text, "\xc2\x9b");
		assert_lacks(f->text, "\xe2\x80");
		assert_lacks(f->text, "\xe2\x81");
	}
}

static void
broken_certificates(void **state)
{
	struct fixture *f = *state;
	struct bytes_list certs = { .n = 3 };
	uint8_t *p;
	size_t i;

	read_message(f, PKP_REP);
	certs.v[0] = BYTES("\x30\x03\x02\x01\x01");
	certs.v[1] = certificate(f, MBSTRING_UTF8, "lamp", 4);
	certs.v[1].n--;
	certs.v[2] = bytes_of(NULL, 0);
	show_certificates(f, &certs);
	assert_has(f->text, "      x5c:\n"
	    "        1: 3003020101 (5 bytes), unreadable\n"
	    "        2: 308");
	assert_has(f->text, " bytes), unreadable\n"
	    "        3: (0 bytes), unreadable\n");
	/* a bit changed anywhere: shown as this or that, but shown */
	certs.v[0] = certificate(f, MBSTRING_UTF8, "lamp", 4);
	certs.n = 1;
	p = arena_alloc(&f->msg->arena, certs.v[0].n);
	for (i = 0; i < 8 * certs.v[0].n; i++) {
		memcpy(p, certs.v[0].p, certs.v[0].n);
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		show_certificates(f, &(struct bytes_list){ .n = 1,
		    .v = { { p, certs.v[0].n } } });
		assert_has(f->text, "\n        1: ");
	}
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
		TEST(private_parameter_is_hidden), TEST(group_request),
		TEST(group_wishes), TEST(group_with_many_wishes),
		TEST(group_receipt), TEST(group_roles), TEST(group_fetch),
		TEST(key_to_delete), TEST(names_make_no_notes),
		TEST(certificates), TEST(hostile_certificates),
		TEST(broken_certificates),
		TEST(buffer_runs_out)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_vectors.c - the golden vectors of tests/vectors
 *
 * With --write DIR it writes them anew: after a change of the profile, or of
 * the order in which the library draws randomness, run
 *	tests/unit/test_vectors --write tests/vectors
 * and look at the difference.
 */
#include "testing.h"

#include "../vectors/make.h"
#include "seal.h"

static struct vector vectors[N_ALL];
static fluffy_ctx *ctx;

static const struct {
	enum fluffy_format format;
	const char *ext;
} forms[] = {
	{ FLUFFY_CBOR, "cbor" }, { FLUFFY_JSON, "json" },
	{ FLUFFY_DIAG, "diag" }
};

static const char *
folder(void)
{
	static char path[1000];
	const char *srcdir = getenv("srcdir");

	(void)snprintf(path, sizeof(path), "%s/tests/vectors",
	    srcdir == NULL ? "." : srcdir);
	return path;
}

/* ---- files --------------------------------------------------------------- */

static FILE *
open_file(const char *dir, const struct vector *v, const char *ext,
    const char *mode)
{
	char path[1200];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%.31s.%s", dir,
	    v->name, ext);
	if ((file = fopen(path, mode)) == NULL)
		print_error("%s can't be opened\n", path);
	return file;
}

static struct buffer
read_file(const struct vector *v, const char *ext)
{
	struct buffer b = BUFFER(100000);
	FILE *file = open_file(folder(), v, ext, "rb");
	char block[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(block, 1, sizeof(block), file)) > 0)
		buffer_add(&b, block, n);
	(void)fclose(file);
	assert_false(b.failed);
	return b;
}

static fluffy_bytes
write_as(const fluffy_msg *msg, enum fluffy_format format)
{
	fluffy_bytes out;

	must(ctx, fluffy_msg_write(ctx, msg, format, 0, &out));
	return out;
}

/* As somebody reads it who can't open its seals. */
static fluffy_msg *
closed(const fluffy_msg *msg)
{
	fluffy_bytes cbor = write_as(msg, FLUFFY_CBOR);
	fluffy_msg *again;

	must(ctx, fluffy_msg_read(ctx, cbor.data, cbor.len, &again));
	fluffy_bytes_free(&cbor);
	return again;
}

static int
write_one(const char *dir, const struct vector *v)
{
	fluffy_msg *msg = closed(v->msg);
	fluffy_bytes out;
	int k, status = 0;
	FILE *file;

	for (k = 0; k < 3; k++) {
		out = write_as(msg, forms[k].format);
		file = open_file(dir, v, forms[k].ext, "wb");
		if (file == NULL ||
		    fwrite(out.data, 1, out.len, file) != out.len ||
		    fclose(file) != 0)
			status = 1;
		fluffy_bytes_free(&out);
	}
	fluffy_msg_free(&msg);
	return status;
}

static int
write_all(const char *dir)
{
	int i, status = 0;

	for (i = 0; i < N_ALL; i++)
		status |= write_one(dir, &vectors[i]);
	return status;
}

/* ---- tests --------------------------------------------------------------- */

/* What the file in one form gives in another is the other file. */
static void
check_forms(enum fluffy_format from, enum fluffy_format to)
{
	struct buffer in, want;
	fluffy_bytes out;
	fluffy_msg *msg;
	int i;

	for (i = 0; i < N_ALL; i++) {
		in = read_file(&vectors[i], from == FLUFFY_CBOR ? "cbor" :
		    "json");
		want = read_file(&vectors[i], to == FLUFFY_CBOR ? "cbor" :
		    to == FLUFFY_JSON ? "json" : "diag");
		must(ctx, fluffy_msg_read(ctx, in.p, in.n, &msg));
		assert_int_equal(fluffy_msg_format(msg), from);
		assert_int_equal(fluffy_msg_type(msg),
		    fluffy_msg_type(vectors[i].msg));
		out = write_as(msg, to);
		if (!bytes_eq(view(&out), buffer_view(&want)))
			print_error("%s\n", vectors[i].name);
		assert_bytes(view(&out), buffer_view(&want));
		fluffy_msg_free(&msg);
		fluffy_bytes_free(&out);
		buffer_free(&in);
		buffer_free(&want);
	}
}

static void
cbor_to_cbor(void **state)
{
	(void)state;
	check_forms(FLUFFY_CBOR, FLUFFY_CBOR);
}

static void
cbor_to_json(void **state)
{
	(void)state;
	check_forms(FLUFFY_CBOR, FLUFFY_JSON);
}

static void
json_to_cbor(void **state)
{
	(void)state;
	check_forms(FLUFFY_JSON, FLUFFY_CBOR);
}

static void
json_to_json(void **state)
{
	(void)state;
	check_forms(FLUFFY_JSON, FLUFFY_JSON);
}

static void
cbor_to_diag(void **state)
{
	(void)state;
	check_forms(FLUFFY_CBOR, FLUFFY_DIAG);
}

static void
json_to_diag(void **state)
{
	(void)state;
	check_forms(FLUFFY_JSON, FLUFFY_DIAG);
}

/* ECDSA and PSS are different each time: the file's signature stays. */
static void
take_signature(struct fluffy_msg *msg, const struct fluffy_msg *from)
{
	assert_true(from->authenticator.sign1 && msg->authenticator.sign1);
	assert_int_equal(from->authenticator.signature.n,
	    msg->authenticator.signature.n);
	msg->authenticator.signature = arena_dup(&msg->arena,
	    from->authenticator.signature);
}

static bool
same_each_time(const struct vector *v)
{
	return v->signer == NULL || v->signer->alg == -8;
}

/* The library still makes the same messages, byte for byte. */
static void
they_are_made_as_before(void **state)
{
	struct buffer want;
	fluffy_bytes out;
	fluffy_msg *msg;
	int i;

	(void)state;
	for (i = 0; i < N_ALL; i++) {
		want = read_file(&vectors[i], "cbor");
		if (!same_each_time(&vectors[i])) {
			must(ctx, fluffy_msg_read(ctx, want.p, want.n, &msg));
			take_signature(vectors[i].msg, msg);
			fluffy_msg_free(&msg);
		}
		out = write_as(vectors[i].msg, FLUFFY_CBOR);
		if (!bytes_eq(view(&out), buffer_view(&want)))
			print_error("%s\n", vectors[i].name);
		assert_bytes(view(&out), buffer_view(&want));
		fluffy_bytes_free(&out);
		buffer_free(&want);
	}
}

static enum fluffy_error
verify(fluffy_msg *msg, const struct keydata *signer)
{
	return seal_verify(ctx, msg, msg, L_authenticator, signer);
}

/* The signature of what the file holds; of nothing else. */
static void
signatures_verify(void **state)
{
	struct buffer in;
	fluffy_msg *msg;
	int i, signed_ones = 0;

	(void)state;
	for (i = 0; i < N_ALL; i++) {
		if (vectors[i].signer == NULL)
			continue;
		signed_ones++;
		in = read_file(&vectors[i], "json");
		must(ctx, fluffy_msg_read(ctx, in.p, in.n, &msg));
		must(ctx, verify(msg, vectors[i].signer));
		msg->cname = BYTES("somebody else");
		assert_int_equal(verify(msg, vectors[i].signer),
		    FLUFFY_E_AUTH_FAILED);
		fluffy_msg_free(&msg);
		buffer_free(&in);
	}
	assert_int_equal(signed_ones, 4);
}

static bool
mentions(const struct vector *v, const char *text)
{
	struct buffer json = read_file(v, "json");
	bool found = memmem(json.p, json.n, text, strlen(text)) != NULL;

	buffer_free(&json);
	return found;
}

/* What the caller can have in a message; ext is the last of it. */
static void
full_is_full_and_minimal_minimal(void **state)
{
	static const enum fluffy_type with_ext[] = { FLUFFY_PSK_REQ,
	    FLUFFY_PSK_ESTB, FLUFFY_GSK_REQ, FLUFFY_GSK_FET, FLUFFY_PKP_REQ };
	size_t i;

	(void)state;
	for (i = 0; i < N_VECTORS; i++) {
		assert_int_equal(fluffy_msg_type(vectors[i].msg), i / 2 + 1);
		if (i % 2 == 1)
			assert_false(mentions(&vectors[i], "\"ext\":"));
	}
	for (i = 0; i < sizeof(with_ext) / sizeof(with_ext[0]); i++)
		assert_true(mentions(&vectors[2 * (with_ext[i] - 1)],
		    "\"ext\":"));
}

/* All that is optional is in the one, nothing of it in the other. */
static void
every_is_every_and_bare_bare(void **state)
{
	int i, every = 0;

	(void)state;
	for (i = N_VECTORS; i < N_ALL; i++) {
		if (strstr(vectors[i].name, "-every") != NULL) {
			every++;
			assert_true(mentions(&vectors[i], "\"ext\":"));
			assert_true(mentions(&vectors[i], "\"x-note\":"));
		} else if (strstr(vectors[i].name, "-bare") != NULL) {
			every++;
			assert_false(mentions(&vectors[i], "\"ext\":"));
			assert_false(mentions(&vectors[i], "\"cksum\":"));
		}
	}
	assert_int_equal(every, 20);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cbor_to_cbor),
		cmocka_unit_test(cbor_to_json),
		cmocka_unit_test(json_to_cbor),
		cmocka_unit_test(json_to_json),
		cmocka_unit_test(cbor_to_diag),
		cmocka_unit_test(json_to_diag),
		cmocka_unit_test(they_are_made_as_before),
		cmocka_unit_test(signatures_verify),
		cmocka_unit_test(full_is_full_and_minimal_minimal),
		cmocka_unit_test(every_is_every_and_bare_bare),
	};
	int status;

	if ((ctx = fluffy_ctx_new()) == NULL)
		return 1;
	vectors_make(vectors);
	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		status = write_all(argv[2]);
	else
		status = cmocka_run_group_tests(tests, NULL, NULL);
	vectors_free(vectors);
	fluffy_ctx_free(&ctx);
	return status;
}

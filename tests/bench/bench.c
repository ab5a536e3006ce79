/* bench.c - what the benches share */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "alg.h"
#include "bench.h"
#include "cbor.h"

_Noreturn void
bench_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(EXIT_FAILURE);
}

void
must(fluffy_ctx *ctx, enum fluffy_error e)
{
	fluffy_reason why;

	if (e == FLUFFY_OK)
		return;
	why = fluffy_why(ctx);
	fprintf(stderr, "bench: %s: %s: %s\n", fluffy_error_name(e), why.field,
	    why.text);
	exit(EXIT_FAILURE);
}

/* ---- figures ------------------------------------------------------------- */

double
cpu_now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
		bench_die("no clock of CPU time");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), order);
	return v[n / 2];
}

void
bench_head(const char *what)
{
	printf("\n| %s | us | times | at most |\n|---|--:|--:|--:|\n", what);
}

void
bench_print(const char *what, double seconds, double floor, double aim)
{
	double ratio = seconds / floor;

	printf("| %s | %.*f | **%.2f** |", what, seconds < 1e-4 ? 1 : 0,
	    seconds * 1e6, ratio);
	if (aim > 0)
		printf(" %.1f%s |\n", aim, ratio > aim ? ", missed" : "");
	else
		printf(" |\n");
	(void)fflush(stdout);
}

/* ---- requests ------------------------------------------------------------ */

const char *
bench_name(unsigned i, char name[37])
{
	(void)snprintf(name, 37, "187c07e4-d563-4e9b-83c4-%012x", i);
	return name;
}

void
bench_request(fluffy_ctx *ctx, struct buffer *out, const struct party *skdc,
    const struct secret *client, const char *service, unsigned i)
{
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_REQ);
	struct req_body *body;
	struct part *part;
	uint8_t random[NONCE_SIZE + IV_MAX];
	struct sealing how = { .key = &client->key,
	    .kid = keyid_bytes(&client->kid), .iv = random + NONCE_SIZE };

	if (msg == NULL || (body = message_map(msg, L_req_body)) == NULL ||
	    (part = seal_part(msg, msg, L_authenticator)) == NULL)
		bench_die("out of memory");
	must(ctx, ctx_random(ctx, random, sizeof(random)));
	memcpy(random, &i, sizeof(i));
	PUT(body, kty, L_kty, KTY_SYMM);
	body->etype = (struct tokens){ .v = { ALG_SESSION_DEFAULT }, .n = 1,
	    .bare = true };
	SET(body, L_etype);
	PUT(body, skdcrealm, L_skdcrealm, name_bytes(&skdc->realm));
	PUT(body, skdcname, L_skdcname, name_bytes(&skdc->name));
	PUT(body, spname, L_spname, bytes_str(service));
	PUT(part, crealm, L_crealm, name_bytes(&skdc->realm));
	PUT(part, cname, L_cname, name_bytes(&client->owner));
	PUT(part, ctime, L_ctime, fluffy_now(ctx));
	PUT(part, nonce, L_nonce, bytes_of(random, NONCE_SIZE));
	must(ctx, seal_make(ctx, msg, msg, L_authenticator, part, &how));
	cbor_put_struct(out, msg, SKIP_NONE);
	fluffy_msg_free(&msg);
}

/* ---- the floor ----------------------------------------------------------- */

/* An Enc_structure is so much longer than its external_aad. */
#define ENC_STRUCTURE 17

struct operation {
	EVP_CIPHER_CTX *ctx;
	int aad, text;		/* bytes */
	bool seal;
};

struct floor {
	EVP_CIPHER *cipher;
	struct operation op[3];
	uint8_t key[16], iv[13], tag[16];
	uint8_t aad[4096], text[4096], out[4096];
};

static void
prepare(struct floor *f, struct operation *op, const void *container,
    int label, const struct sealed *sealed, bool seal)
{
	struct buffer aad = BUFFER(sizeof(f->aad) - ENC_STRUCTURE);

	cbor_put_struct(&aad, container, label);
	if (aad.failed || sealed->alg != ALG_SECRET_DEFAULT ||
	    sealed->ciphertext.n > sizeof(f->text))
		bench_die("not the messages of ordinary size");
	op->aad = (int)aad.n + ENC_STRUCTURE;
	op->text = (int)sealed->ciphertext.n - 16;
	op->seal = seal;
	buffer_free(&aad);
	op->ctx = EVP_CIPHER_CTX_new();
	if (op->ctx == NULL || EVP_CipherInit_ex2(op->ctx, f->cipher, NULL,
	    NULL, seal, NULL) != 1 || EVP_CIPHER_CTX_ctrl(op->ctx,
	    EVP_CTRL_AEAD_SET_IVLEN, sizeof(f->iv), NULL) != 1)
		bench_die("OpenSSL failed");
}

/* What is opened has to have the tag that it would have been sealed with. */
static bool
run(struct floor *f, const struct operation *op)
{
	int n;

	return EVP_CIPHER_CTX_ctrl(op->ctx, EVP_CTRL_AEAD_SET_TAG, 16,
	    op->seal ? NULL : f->tag) == 1 &&
	    EVP_CipherInit_ex2(op->ctx, NULL, f->key, f->iv, op->seal,
	    NULL) == 1 &&
	    EVP_CipherUpdate(op->ctx, NULL, &n, NULL, op->text) == 1 &&
	    EVP_CipherUpdate(op->ctx, NULL, &n, f->aad, op->aad) == 1 &&
	    EVP_CipherUpdate(op->ctx, f->out, &n, f->text, op->text) == 1 &&
	    (!op->seal || EVP_CIPHER_CTX_ctrl(op->ctx, EVP_CTRL_AEAD_GET_TAG,
	    16, f->out + op->text) == 1);
}

/* Seals once, so that what is opened afterwards opens. */
static void
make_openable(struct floor *f)
{
	struct operation op = f->op[0];

	op.seal = true;
	op.ctx = EVP_CIPHER_CTX_new();
	if (op.ctx == NULL || EVP_CipherInit_ex2(op.ctx, f->cipher, NULL,
	    NULL, 1, NULL) != 1 || EVP_CIPHER_CTX_ctrl(op.ctx,
	    EVP_CTRL_AEAD_SET_IVLEN, sizeof(f->iv), NULL) != 1 ||
	    !run(f, &op))
		bench_die("OpenSSL failed");
	memcpy(f->text, f->out, (size_t)op.text);
	memcpy(f->tag, f->out + op.text, sizeof(f->tag));
	EVP_CIPHER_CTX_free(op.ctx);
}

struct floor *
floor_new(const fluffy_msg *req, const fluffy_msg *rep)
{
	struct floor *f = calloc(1, sizeof(*f));

	if (f == NULL)
		bench_die("out of memory");
	f->cipher = EVP_CIPHER_fetch(NULL, "AES-128-CCM", NULL);
	prepare(f, &f->op[0], req, L_authenticator, &req->authenticator,
	    false);
	prepare(f, &f->op[1], rep->mticket, L_enc_part,
	    &rep->mticket->enc_part, true);
	prepare(f, &f->op[2], rep, L_receipt, &rep->receipt, true);
	make_openable(f);
	return f;
}

void
floor_free(struct floor *f)
{
	for (size_t i = 0; i < 3; i++)
		EVP_CIPHER_CTX_free(f->op[i].ctx);
	EVP_CIPHER_free(f->cipher);
	free(f);
}

double
floor_run(struct floor *f, unsigned n)
{
	uint8_t random[KEY_MAX + 2 * IV_MAX];
	double start = cpu_now();

	for (; n > 0; n--)
		if (!run(f, &f->op[0]) ||
		    RAND_bytes(random, sizeof(random)) != 1 ||
		    !run(f, &f->op[1]) || !run(f, &f->op[2]))
			bench_die("OpenSSL failed");
	return cpu_now() - start;
}

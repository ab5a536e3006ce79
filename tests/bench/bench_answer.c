/*
 * bench_answer.c - answering a PSK-REQ in process, storage aside
 *
 * From the request's bytes to the answer's.  The linker replaces the store's
 * functions by those here, which find what they are asked for in memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../answer.h"
#include "alg.h"
#include "bench.h"

#define REQUESTS 2000

/* ---- in the store's place ------------------------------------------------ */

static struct secret client, service;
static uint64_t keyids;

enum fluffy_error __wrap_store_secret_find(fluffy_store *, struct bytes,
    struct secret *, bool *);
enum fluffy_error __wrap_store_secret_owner(fluffy_store *, struct secret *);
enum fluffy_error __wrap_store_secrets_of(fluffy_store *, struct bytes,
    struct secret *, size_t, size_t *);
enum fluffy_error __wrap_store_secret_sealed(fluffy_store *, struct bytes);
enum fluffy_error __wrap_store_device(fluffy_store *, struct bytes,
    struct device *);
enum fluffy_error __wrap_store_denied(fluffy_store *, struct bytes,
    struct bytes, bool *);
enum fluffy_error __wrap_store_nonce(fluffy_store *, struct bytes,
    struct bytes, uint64_t);
enum fluffy_error __wrap_store_new_keyid(fluffy_store *, uint64_t,
    struct keyid *);
enum fluffy_error __wrap_store_issued_add(fluffy_store *,
    const struct issued *);
void __wrap_store_acted_at(fluffy_store *, uint64_t);

enum fluffy_error
__wrap_store_secret_find(fluffy_store *s, struct bytes kid,
    struct secret *out, bool *found)
{
	(void)s;
	*found = bytes_eq(kid, keyid_bytes(&client.kid));
	*out = client;
	return FLUFFY_OK;
}

enum fluffy_error
__wrap_store_secret_owner(fluffy_store *s, struct secret *secret)
{
	(void)s;
	(void)secret;
	return FLUFFY_OK;
}

enum fluffy_error
__wrap_store_secrets_of(fluffy_store *s, struct bytes owner,
    struct secret *out, size_t cap, size_t *n)
{
	(void)s;
	(void)cap;
	*out = bytes_eq(owner, name_bytes(&client.owner)) ? client : service;
	*n = 1;
	return FLUFFY_OK;
}

enum fluffy_error
__wrap_store_secret_sealed(fluffy_store *s, struct bytes kid)
{
	(void)s;
	(void)kid;
	return FLUFFY_OK;
}

enum fluffy_error
__wrap_store_device(fluffy_store *s, struct bytes name, struct device *out)
{
	(void)s;
	*out = (struct device){ .lifetime = 0 };
	return name_set(&out->name, name) ? FLUFFY_OK : FLUFFY_E_NOT_FOUND;
}

enum fluffy_error
__wrap_store_denied(fluffy_store *s, struct bytes from, struct bytes to,
    bool *denied)
{
	(void)s;
	(void)from;
	(void)to;
	*denied = false;
	return FLUFFY_OK;
}

enum fluffy_error
__wrap_store_nonce(fluffy_store *s, struct bytes kid, struct bytes nonce,
    uint64_t until)
{
	(void)s;
	(void)kid;
	(void)nonce;
	(void)until;
	return FLUFFY_OK;
}

enum fluffy_error
__wrap_store_new_keyid(fluffy_store *s, uint64_t now, struct keyid *id)
{
	(void)s;
	(void)now;
	*id = (struct keyid){ .n = 8 };
	keyids++;
	memcpy(id->b, &keyids, 8);
	return FLUFFY_OK;
}

enum fluffy_error
__wrap_store_issued_add(fluffy_store *s, const struct issued *issued)
{
	(void)s;
	(void)issued;
	return FLUFFY_OK;
}

void
__wrap_store_acted_at(fluffy_store *s, uint64_t now)
{
	(void)s;
	(void)now;
}

/* ---- the bench ----------------------------------------------------------- */

static void
make_secret(struct secret *secret, unsigned i)
{
	char name[37];

	*secret = (struct secret){ .kid = { .n = 4 },
	    .key = { .alg = ALG_SECRET_DEFAULT, .n = 16 } };
	memcpy(secret->kid.b, &i, sizeof(i));
	memset(secret->key.b, (int)i, secret->key.n);
	if (!name_set(&secret->owner, bytes_str(bench_name(i, name))))
		bench_die("a name that doesn't fit");
}

/* As fluffy-skdc does with what it has read. */
static size_t
answer_all(fluffy_store *s, fluffy_reader *r)
{
	fluffy_msg *req, *rep;
	fluffy_bytes out;
	size_t bytes = 0;

	while (fluffy_reader_next(r, &req) == FLUFFY_OK) {
		must(s->ctx, answer_one(s, req, &rep));
		must(s->ctx, fluffy_msg_write(s->ctx, rep, FLUFFY_CBOR, 0,
		    &out));
		bytes += out.len;
		fluffy_bytes_free(&out);
		fluffy_msg_free(&rep);
		fluffy_msg_free(&req);
	}
	return bytes;
}

/* Seconds for all requests; their input comes as a program reads it. */
static double
answers(fluffy_store *s, struct bytes all)
{
	fluffy_reader *r = fluffy_reader_new(s->ctx);
	double start = cpu_now();
	size_t bytes = 0, n;

	while (all.n > 0) {
		n = all.n < 65536 ? all.n : 65536;
		must(s->ctx, fluffy_reader_push(r, all.p, n));
		bytes += answer_all(s, r);
		all = bytes_of(all.p + n, all.n - n);
	}
	start = cpu_now() - start;
	if (bytes != REQUESTS * 347)
		bench_die("not the answers that were expected");
	fluffy_reader_free(&r);
	return start;
}

static struct floor *
make_floor(fluffy_store *s, struct bytes all)
{
	fluffy_msg *req, *rep;
	struct floor *floor;

	must(s->ctx, fluffy_msg_read(s->ctx, all.p, all.n / REQUESTS, &req));
	must(s->ctx, answer_one(s, req, &rep));
	floor = floor_new(req, rep);
	fluffy_msg_free(&req);
	fluffy_msg_free(&rep);
	return floor;
}

static void
measure(fluffy_store *s, struct floor *floor, struct bytes all)
{
	double least[ROUNDS], took[ROUNDS], at;

	for (size_t i = 0; i < ROUNDS; i++) {
		least[i] = floor_run(floor, REQUESTS) / REQUESTS;
		took[i] = answers(s, all) / REQUESTS;
	}
	at = median(least, ROUNDS);
	bench_head("an answer to a PSK-REQ, in process");
	bench_print("its crypto: the floor", at, at, 0);
	bench_print("from bytes to bytes, without storage",
	    median(took, ROUNDS), at, 2.5);
}

int
main(void)
{
	fluffy_ctx *ctx = fluffy_ctx_new();
	fluffy_store s = { .ctx = ctx, .party = { .role = ROLE_SKDC } };
	struct buffer all = BUFFER((size_t)1 << 24);
	struct floor *floor;
	char name[37];

	make_secret(&client, 1);
	make_secret(&service, 2);
	if (ctx == NULL || !name_set(&s.party.realm, BYTES("home")) ||
	    !name_set(&s.party.name, bytes_str(bench_name(3, name))))
		bench_die("no context");
	for (unsigned i = 0; i < REQUESTS; i++)
		bench_request(ctx, &all, &s.party, &client, service.owner.s,
		    i);
	if (all.failed || all.n != REQUESTS * 142)
		bench_die("not the requests that were expected");
	floor = make_floor(&s, buffer_view(&all));
	measure(&s, floor, buffer_view(&all));
	floor_free(floor);
	buffer_free(&all);
	fluffy_ctx_free(&ctx);
	return 0;
}

/* fault_pairs.c - key pairs, with certificates and without */
#include "../unit/authority.h"

#include <signal.h>

#include "fault_world.h"

/* ---- a CA, in real files ------------------------------------------------- */

static char ca_dir[] = "/tmp/fluffy-faults-XXXXXX";
static char ca_cert[60], ca_key[60], ca_secret[60], ca_url[60];
static pid_t ca_maker, responder;

/* Also where an assertion ends a child. */
static void
remove_ca(void)
{
	if (getpid() != ca_maker)
		return;
	if (responder > 0)
		(void)kill(responder, SIGTERM);
	(void)unlink(ca_secret);
	(void)unlink(ca_cert);
	(void)unlink(ca_key);
	(void)rmdir(ca_dir);
}

static void
write_secret(void)
{
	FILE *file;

	(void)snprintf(ca_secret, sizeof(ca_secret), "%s/secret", ca_dir);
	file = fopen(ca_secret, "w");
	assert_non_null(file);
	(void)fputs("aVerySecretSecret\n", file);
	assert_int_equal(fclose(file), 0);
}

static void
make_ca(void)
{
	struct authority root, sub;
	const struct authority *const line[] = { &sub, &root };

	if (ca_maker != 0)
		return;
	assert_non_null(mkdtemp(ca_dir));
	ca_maker = getpid();
	assert_int_equal(atexit(remove_ca), 0);
	(void)snprintf(ca_cert, sizeof(ca_cert), "%s/ca.pem", ca_dir);
	(void)snprintf(ca_key, sizeof(ca_key), "%s/ca.key", ca_dir);
	root = new_authority("P-256", "root", NULL, NULL);
	sub = new_authority("P-256", "sub", &root, NULL);
	write_certs(ca_cert, line, 2);
	write_key(ca_key, sub.key, NULL);
	write_secret();
	end_authority(&root);
	end_authority(&sub);
}

static const fluffy_ca the_ca = { .cert = ca_cert, .key = ca_key,
	.x5u = "https://example.org/ca" };

static void
stand_up_with_ca(void)
{
	stand_up();
	make_ca();
	must(w->ctx, fluffy_ca_set(w->skdc, &the_ca));
}

/* ---- a CA that is asked ------------------------------------------------------ */

/* Its port. */
static int
start_responder(void)
{
	const char *dir = getenv("builddir");
	char program[200], port[20] = "";
	int fds[2];

	(void)snprintf(program, sizeof(program),
	    "%s/tests/cli/cmp-responder", dir == NULL ? "." : dir);
	assert_int_equal(pipe(fds), 0);
	responder = fork();
	if (responder == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close(fds[0]);
		(void)execl(program, program, ca_cert, ca_key, "skdc",
		    ca_secret, (char *)NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	if (read(fds[0], port, sizeof(port) - 1) <= 0)
		print_error("no answer of %s\n", program);
	(void)close(fds[0]);
	assert_true(atoi(port) > 0);
	return atoi(port);
}

static void
stand_up_with_responder(void)
{
	const fluffy_ca asked_ca = { .cert = ca_cert, .url = ca_url,
	    .ref = "skdc", .secret = ca_secret };

	stand_up();
	make_ca();
	if (responder == 0)
		(void)snprintf(ca_url, sizeof(ca_url),
		    "http://127.0.0.1:%d/confirm/cmp", start_responder());
	must(w->ctx, fluffy_ca_set(w->skdc, &asked_ca));
}

/* ---- a pair that takes too long to be made each time --------------------- */

enum fluffy_error __real_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);
enum fluffy_error __wrap_pkey_generate(fluffy_ctx *, struct arena *, int64_t,
    int64_t, struct bytes, struct keydata **);

enum fluffy_error
__wrap_pkey_generate(fluffy_ctx *ctx, struct arena *arena, int64_t kty,
    int64_t alg, struct bytes keyid, struct keydata **pair)
{
	static struct arena kept;
	static struct keydata *known;

	if (kty != KTY_RSA)
		return __real_pkey_generate(ctx, arena, kty, alg, keyid,
		    pair);
	if (known == NULL)
		must(ctx, __real_pkey_generate(ctx, &kept, kty, alg,
		    BYTES(""), &known));
	*pair = arena_alloc(arena, sizeof(**pair));
	assert_non_null(*pair);
	**pair = *known;
	(*pair)->keyid = arena_dup(arena, keyid);
	return FLUFFY_OK;
}

/* ---- PKP ----------------------------------------------------------------- */

static const fluffy_pkp_params
    ec = { .kty = "EC", .etype = "ES256", .service = "lock",
	.realm = "home", .cpac = "{\"a\":1}",
	.extras = { .ext = "[1]", .cksum = true } },
    okp = { .kty = "OKP", .etype = "EdDSA", .service = "lock" },
    agreement = { .kty = "EC", .etype = "ECDH-ES+HKDF-256",
	.service = "lock" },
    okp_agreement = { .kty = "OKP", .etype = "ECDH-ES+HKDF-256",
	.service = "lock" },
    rsa = { .kty = "RSA", .etype = "PS256", .service = "lock" },
    certified = { .kty = "EC", .etype = "ES256", .service = "lock",
	.cert = true, .cert_chain = true };

static const fluffy_pkp_params *wanted;	/* by the scene */

static enum fluffy_error
act_pkp_req(void)
{
	fluffy_msg *msg;

	return put(fluffy_pkp_request(SENSOR->store, &ec, &msg), &msg);
}

/* What the service makes of it. */
static enum fluffy_outcome_kind
accepted_as(void)
{
	return wanted == &agreement || wanted == &okp_agreement ?
	    FLUFFY_PUBLIC_ATTESTED : FLUFFY_PUBLIC_PROVEN;
}

/* The service takes what the client sends it, and both have the key. */
static void
show(const fluffy_bytes *estb)
{
	struct keyid key = last_key(w);

	shown(w, estb, accepted_as());
	assert_true(has_pair(SENSOR, &key, false));
	assert_true(has_pair(LOCK, &key, true));
}

static void
follow_pkp_rep(void)
{
	assert_int_equal(out.n, 1);
	assert_int_equal(w->outcome.kind, FLUFFY_PAIR_RECEIVED);
	show(&out.v[0]);
}

static void
take_rep(const fluffy_bytes *rep)
{
	fluffy_bytes estb;

	must(w->ctx, pkp_take(w, SENSOR, rep, &estb));
	assert_int_equal(w->outcome.kind, FLUFFY_PAIR_RECEIVED);
	show(&estb);
	wire_free(&estb);
}

static void
follow_pkp_answer(void)
{
	assert_int_equal(out.n, 1);
	take_rep(&out.v[0]);
}

static void
prepare_pkp_req(void)
{
	wanted = &ec;
}

static void
follow_pkp_req(void)
{
	fluffy_bytes rep;

	assert_int_equal(out.n, 1);
	rep = asked(w, &out.v[0]);
	take_rep(&rep);
	wire_free(&rep);
}

static void
prepare_answer(const fluffy_pkp_params *params)
{
	wanted = params;
	in = pkp_wire(w, SENSOR, params);
}

static void
prepare_rep(const fluffy_pkp_params *params)
{
	fluffy_bytes req;

	prepare_answer(params);
	req = in;
	in = asked(w, &req);
	wire_free(&req);
}

static enum fluffy_error
act_pkp(void)
{
	return act_take(fluffy_pkp_accept);
}

static void
prepare_estb(const fluffy_pkp_params *params)
{
	fluffy_bytes rep;

	prepare_rep(params);
	rep = in;
	must(w->ctx, pkp_take(w, SENSOR, &rep, &in));
	wire_free(&rep);
	who = LOCK;
}

static enum fluffy_error
act_estb(void)
{
	return act_take(fluffy_estb);
}

static void
follow_estb(void)
{
	struct keyid key = last_key(w);

	assert_int_equal(out.n, 0);
	assert_int_equal(w->outcome.kind, accepted_as());
	assert_true(has_pair(LOCK, &key, true));
}

/* ---- of each kind -------------------------------------------------------- */

#define OF_KIND(kind) \
	static void prepare_answer_##kind(void) { prepare_answer(&kind); } \
	static void prepare_rep_##kind(void) { prepare_rep(&kind); } \
	static void prepare_estb_##kind(void) { prepare_estb(&kind); }

OF_KIND(ec)
OF_KIND(okp)
OF_KIND(agreement)
OF_KIND(okp_agreement)
OF_KIND(certified)
static void prepare_rep_rsa(void) { prepare_rep(&rsa); }
static void prepare_estb_rsa(void) { prepare_estb(&rsa); }

/* ---- certificates, looked at ---------------------------------------------------- */

static struct keyid key;
static fluffy_bytes whole;		/* what the output is in health */

static enum fluffy_error
act_show(void)
{
	fluffy_msg *msg;
	enum fluffy_error e = get(&msg);

	if (e == FLUFFY_OK)
		e = fluffy_msg_open(msg, SENSOR->store);
	if (e == FLUFFY_OK)
		e = fluffy_msg_write(w->ctx, msg, FLUFFY_TEXT, 0,
		    &out.v[0]);
	out.n = e == FLUFFY_OK ? 1 : 0;
	fluffy_msg_free(&msg);
	return e;
}

static enum fluffy_error
act_export(void)
{
	enum fluffy_error e = fluffy_export(SENSOR->store, key.b, key.n,
	    FLUFFY_AS_PEM, NULL, &out.v[0]);

	out.n = e == FLUFFY_OK ? 1 : 0;
	return e;
}

static void
keep_whole(enum fluffy_error (*act)(void))
{
	must(w->ctx, act());
	wire_free(&whole);
	whole = out.v[0];
	out.n = 0;
}

static void
prepare_show(void)
{
	prepare_rep(&certified);
	keep_whole(act_show);
}

static void
prepare_export(void)
{
	struct pairing p = paired(w, pkp_wire(w, SENSOR, &certified));

	key = p.key;
	pairing_free(&p);
	keep_whole(act_export);
}

static void
is_whole(void)
{
	assert_int_equal(out.n, 1);
	assert_bytes(view(&out.v[0]), view(&whole));
}

static void
is_shown(void)
{
	assert_int_equal(out.n, 1);
	if (!says_what_is_missing(view(&out.v[0])))
		is_whole();
}

/* ---- the CA's setting ---------------------------------------------------- */

static void
prepare_ca(void)
{
	must(w->ctx, fluffy_ca_set(w->skdc, &(fluffy_ca){ .cert = NULL }));
	wanted = &certified;
}

static enum fluffy_error
act_ca(void)
{
	return fluffy_ca_set(w->skdc, &the_ca);
}

static void
follow_ca(void)
{
	fluffy_bytes memory, req, rep;
	fluffy_ca ca;

	must(w->ctx, fluffy_ca_get(w->skdc, &ca, &memory));
	assert_string_equal(ca.cert, ca_cert);
	assert_string_equal(ca.key, ca_key);
	assert_string_equal(ca.x5u, the_ca.x5u);
	fluffy_bytes_free(&memory);
	req = pkp_wire(w, SENSOR, &certified);
	rep = asked(w, &req);
	take_rep(&rep);
	wire_free(&req);
	wire_free(&rep);
}

#define OK     FLUFFY_OK
#define REPLAY FLUFFY_E_REPLAY

static const struct scene scenes[] = {
	{ "pkp-req", prepare_pkp_req, act_pkp_req, follow_pkp_req, OK, OK },
	{ "pkp-req-answered", prepare_answer_ec, act_skdc,
	    follow_pkp_answer, OK, REPLAY },
	{ "pkp-rep-taken", prepare_rep_ec, act_pkp, follow_pkp_rep, OK,
	    REPLAY },
	{ "pkp-estb-taken", prepare_estb_ec, act_estb, follow_estb, OK,
	    REPLAY },
	{ "pkp-okp-answered", prepare_answer_okp, act_skdc,
	    follow_pkp_answer, OK, REPLAY },
	{ "pkp-okp-rep-taken", prepare_rep_okp, act_pkp, follow_pkp_rep, OK,
	    REPLAY },
	{ "pkp-okp-estb-taken", prepare_estb_okp, act_estb, follow_estb, OK,
	    REPLAY },
	{ "pkp-agreement-answered", prepare_answer_agreement, act_skdc,
	    follow_pkp_answer, OK, REPLAY },
	{ "pkp-agreement-rep-taken", prepare_rep_agreement, act_pkp,
	    follow_pkp_rep, OK, REPLAY },
	/* nothing in it is new each time */
	{ "pkp-agreement-estb-taken", prepare_estb_agreement, act_estb,
	    follow_estb, OK, OK },
	{ "pkp-x25519-answered", prepare_answer_okp_agreement, act_skdc,
	    follow_pkp_answer, OK, REPLAY },
	{ "pkp-x25519-rep-taken", prepare_rep_okp_agreement, act_pkp,
	    follow_pkp_rep, OK, REPLAY },
	{ "pkp-x25519-estb-taken", prepare_estb_okp_agreement, act_estb,
	    follow_estb, OK, OK },
	{ "pkp-cert-answered", prepare_answer_certified, act_skdc,
	    follow_pkp_answer, OK, REPLAY },
	{ "pkp-cert-rep-taken", prepare_rep_certified, act_pkp,
	    follow_pkp_rep, OK, REPLAY },
	{ "pkp-cert-estb-taken", prepare_estb_certified, act_estb,
	    follow_estb, OK, REPLAY },
	{ "pkp-rsa-rep-taken", prepare_rep_rsa, act_pkp, follow_pkp_rep, OK,
	    REPLAY },
	{ "pkp-rsa-estb-taken", prepare_estb_rsa, act_estb, follow_estb, OK,
	    REPLAY },
	{ "pkp-cert-shown", prepare_show, act_show, is_shown, OK, OK },
	{ "pkp-cert-exported", prepare_export, act_export, is_whole, OK,
	    OK },
	{ "ca", prepare_ca, act_ca, follow_ca, OK, OK },
	{ .name = NULL }
};

static const struct scene asking[] = {
	{ "cmp", prepare_answer_certified, act_skdc, follow_pkp_answer, OK,
	    REPLAY },
	{ .name = NULL }
};

const struct tour cmp_tour = { .stand_up = stand_up_with_responder,
	.judge = judge, .take_down = take_down, .scenes = asking,
	.talks = true };
const struct tour pairs_tour = { .stand_up = stand_up_with_ca, .judge = judge,
	.take_down = take_down, .scenes = scenes };

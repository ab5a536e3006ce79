/*
 * judge.h - what fluffy_explain tells of a message, against the real step
 *
 * The step is taken on a copy of the party's store, so that it can be taken
 * again.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "testing.h"

#include <unistd.h>

#include "exchange.h"

struct verdict {
	enum fluffy_error e;
	enum fluffy_outcome_kind kind;
	char told[1200];	/* "check=verdict " of those that were made */
	int readings;		/* the first of them, that every message has */
	int unreached;
	/* an opening's check, told one by one by fluffy_explain alone */
	char opening[16];	/* that failed; "": none */
	enum fluffy_error kid;	/* FLUFFY_OK, or kid's verdict */
	bool inside;		/* the last was "plaintext" */
	char field[REASON_FIELD], text[REASON_TEXT];
};

static const char *const before_all[] = { "size", "encoding", "pvno",
	"msg-type", "structure", "receiver" };

#define N_BEFORE 6

static inline void
note_verdict(struct verdict *v, const char *name, enum fluffy_error verdict)
{
	size_t n = strlen(v->told);

	if (verdict == FLUFFY_END) {
		v->unreached++;
		return;
	}
	/* what isn't reached is behind all that is */
	assert_int_equal(v->unreached, 0);
	(void)snprintf(v->told + n, sizeof(v->told) - n, "%s=%s ", name,
	    fluffy_error_name(verdict));
}

/*
 * What follows from an opening's checks for the one that a step tells: kid is
 * before it, the others behind it.
 */
static inline bool
note_opening(struct verdict *v, const char *name, enum fluffy_error verdict)
{
	static const char behind[] = "=ok ";
	bool kid = strcmp(name, "kid") == 0;
	bool inside = strcmp(name, "plaintext") == 0 ||
	    (v->inside && strcmp(name, "cksum") == 0);
	size_t n = strlen(v->told);

	v->inside = strcmp(name, "plaintext") == 0;
	if (!kid && !inside)
		return false;
	if (verdict == FLUFFY_OK || verdict == FLUFFY_END)
		return true;
	(void)snprintf(v->opening, sizeof(v->opening), "%s", name);
	if (kid)
		v->kid = verdict;
	else {
		assert_true(n > strlen(behind));
		n -= strlen(behind);
		assert_string_equal(v->told + n, behind);
		(void)snprintf(v->told + n, sizeof(v->told) - n, "=%s ",
		    fluffy_error_name(verdict));
	}
	return true;
}

static inline void
note_check(void *arg, enum fluffy_type type, const char *name,
    enum fluffy_error verdict)
{
	struct verdict *v = arg;

	(void)type;
	if (v->readings < N_BEFORE &&
	    strcmp(name, before_all[v->readings]) == 0) {
		v->readings++;
		if (verdict == FLUFFY_OK || v->readings == N_BEFORE)
			return;
	}
	if (note_opening(v, name, verdict))
		return;
	if (v->kid != FLUFFY_OK) {
		assert_int_equal(verdict, FLUFFY_END);
		verdict = v->kid;
		v->kid = FLUFFY_OK;
	}
	note_verdict(v, name, verdict);
}

static inline void
end_verdict(fluffy_ctx *ctx, struct verdict *v, enum fluffy_error e)
{
	fluffy_ctx_set_checked(ctx, NULL, NULL);
	v->e = e;
	if (e == FLUFFY_OK)
		return;
	(void)snprintf(v->field, sizeof(v->field), "%s",
	    fluffy_why(ctx).field);
	(void)snprintf(v->text, sizeof(v->text), "%s", fluffy_why(ctx).text);
}

static inline fluffy_store *
copy_of(fluffy_ctx *ctx, const char *path)
{
	fluffy_store *s;

	must(ctx, fluffy_store_copy(ctx, path, &s));
	return s;
}

/* in NULL: what was refused just before. */
static inline struct verdict
explained(fluffy_store *copy, fluffy_msg *in)
{
	fluffy_ctx *ctx = copy->ctx;
	struct verdict v = { .e = FLUFFY_OK };
	fluffy_outcome outcome;
	enum fluffy_error e;

	fluffy_ctx_set_checked(ctx, note_check, &v);
	e = fluffy_explain(copy, in, &outcome);
	end_verdict(ctx, &v, e);
	v.kind = outcome.kind;
	/* every message has those checks before all others */
	assert_int_equal(v.readings, N_BEFORE);
	return v;
}

/* ---- the real step --------------------------------------------------------- */

static inline enum fluffy_error
answer_on(fluffy_store *s, fluffy_msg *in)
{
	fluffy_msgs out;
	enum fluffy_error e;

	must(s->ctx, fluffy_skdc_begin(s));
	e = fluffy_skdc_answer(s, in, &out);
	fluffy_msgs_free(&out);
	return e;
}

static inline enum fluffy_error
take_on(fluffy_store *s, fluffy_msg *in, fluffy_outcome *outcome)
{
	static const fluffy_extras none;
	fluffy_msg *out = NULL;
	enum fluffy_error e;

	switch (fluffy_msg_type(in)) {
	case FLUFFY_GSK_REP:
	case FLUFFY_GSK_DLVR:
	case FLUFFY_GSK_DELC:
		e = fluffy_gsk_accept(s, in, outcome);
		break;
	case FLUFFY_PSK_DELT:
		e = fluffy_del_accept(s, in, &out, outcome);
		break;
	case FLUFFY_PKP_REP:
		e = fluffy_pkp_accept(s, in, &none, &out, outcome);
		break;
	default:
		e = fluffy_estb(s, in, &none, &out, outcome);
		break;
	}
	fluffy_msg_free(&out);
	return e;
}

/* fluffy_join and fluffy_dk_join open the file themselves. */
static inline void
copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	char block[4096];
	size_t n;

	assert_true(in != NULL && out != NULL);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		assert_int_equal(fwrite(block, 1, n, out), n);
	(void)fclose(in);
	assert_int_equal(fclose(out), 0);
}

static inline void
copy_files(const char *path, char *to, size_t size)
{
	char log[200], log_to[220];

	(void)snprintf(to, size, "%s-copy", path);
	copy_file(path, to);
	(void)snprintf(log, sizeof(log), "%s-wal", path);
	(void)snprintf(log_to, sizeof(log_to), "%s-wal", to);
	if (access(log, F_OK) == 0)
		copy_file(log, log_to);
}

static inline void
remove_files(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char name[220];
	size_t i;

	for (i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
}

static inline enum fluffy_error
join_on(fluffy_ctx *ctx, const char *path, fluffy_msg *in)
{
	char copy[200];
	enum fluffy_error e;

	copy_files(path, copy, sizeof(copy));
	e = fluffy_join(ctx, copy, in);
	remove_files(copy);
	return e;
}

static inline enum fluffy_error
dk_join_on(fluffy_ctx *ctx, const char *path, fluffy_msg *in)
{
	static const fluffy_dk_join_params none;
	char copy[200];
	fluffy_bytes public;
	enum fluffy_error e;

	copy_files(path, copy, sizeof(copy));
	e = fluffy_dk_join(ctx, copy, in, &none, &public);
	fluffy_bytes_free(&public);
	remove_files(copy);
	return e;
}

static inline enum fluffy_error
show_on(fluffy_store *s, fluffy_msg *in)
{
	fluffy_bytes maccert, public = { NULL, 0 };
	fluffy_dk_claim claim;
	enum fluffy_error e;
	uint8_t key[32];
	size_t n;

	if (in->type == FLUFFY_DK_CRED)
		return fluffy_dk_derive(s, in->psk_identity.p,
		    in->psk_identity.n, &claim, key, &n);
	e = fluffy_dk_maccert(s, in, &maccert);
	if (e == FLUFFY_OK)
		e = fluffy_dk_verify(s, maccert.data, maccert.len, &claim,
		    &public);
	fluffy_bytes_free(&maccert);
	fluffy_bytes_free(&public);
	return e;
}

static inline enum fluffy_error
node_step(fluffy_store *s, const char *path, fluffy_msg *in)
{
	switch (fluffy_msg_type(in)) {
	case FLUFFY_DK_REVOKE:
		return fluffy_dk_accept(s, in);
	case FLUFFY_DK_CRED:
	case FLUFFY_DK_CERT:
		if (bytes_eq(in->rs, name_bytes(&s->party.name)))
			return show_on(s, in);
		return dk_join_on(s->ctx, path, in);
	default:
		return dk_join_on(s->ctx, path, in);
	}
}

static inline struct verdict
taken(fluffy_ctx *ctx, const char *path, fluffy_msg *in)
{
	fluffy_store *s = copy_of(ctx, path);
	struct verdict v = { .e = FLUFFY_OK };
	fluffy_outcome outcome = { .kind = FLUFFY_NOTHING };
	enum fluffy_error e;

	fluffy_ctx_set_checked(ctx, note_check, &v);
	if (s->party.role == ROLE_SKDC)
		e = answer_on(s, in);
	else if (s->party.role == ROLE_NODE)
		e = node_step(s, path, in);
	else if (in->type == FLUFFY_ENROL)
		e = join_on(ctx, path, in);
	else
		e = take_on(s, in, &outcome);
	end_verdict(ctx, &v, e);
	v.kind = outcome.kind;
	fluffy_store_close(&s);
	assert_int_equal(v.readings, 0);
	return v;
}

/* ---- both -------------------------------------------------------------------- */

/* What isn't about the message's worth isn't explained. */
static inline bool
told_by_explain(enum fluffy_outcome_kind kind)
{
	return kind == FLUFFY_NOT_ADDRESSED || kind == FLUFFY_ERROR_PROVEN ||
	    kind == FLUFFY_ERROR_HINT;
}

static inline void
assert_same_verdict(const struct verdict *x, const struct verdict *real)
{
	enum fluffy_outcome_kind kind = told_by_explain(real->kind) ?
	    real->kind : FLUFFY_NOTHING;

	if (x->e != real->e || strcmp(x->told, real->told) != 0 ||
	    x->kind != kind)
		print_error("explained %s (%s), was %s (%s): %s: %s\n",
		    fluffy_error_name(x->e), x->told,
		    fluffy_error_name(real->e), real->told, real->field,
		    real->text);
	assert_int_equal(x->e, real->e);
	assert_int_equal(x->kind, kind);
	assert_string_equal(x->told, real->told);
	/* each program says itself which messages it expects */
	if (x->e == FLUFFY_E_UNEXPECTED)
		return;
	assert_string_equal(x->field, real->field);
	/* what isn't told to a sender */
	if (strcmp(real->text, "unknown key or bad seal") != 0 &&
	    strcmp(real->text, "bad seal") != 0)
		assert_string_equal(x->text, real->text);
}

/*
 * What is explained of data on the copy is what the party at path makes of it.
 */
static inline struct verdict
compared(fluffy_store *copy, const char *path, struct bytes data)
{
	fluffy_ctx *ctx = copy->ctx;
	struct verdict x, real;
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_msg_read(ctx, data.p, data.n, &msg);

	if (e != FLUFFY_OK) {
		x = explained(copy, NULL);
		assert_int_equal(x.e, e);
		return x;
	}
	x = explained(copy, msg);
	fluffy_msg_free(&msg);
	must(ctx, fluffy_msg_read(ctx, data.p, data.n, &msg));
	real = taken(ctx, path, msg);
	fluffy_msg_free(&msg);
	assert_same_verdict(&x, &real);
	return x;
}

/* ---- everything that can be wrong with a message -------------------------------- */

struct mutating {
	fluffy_store *copy;
	const char *path;
	size_t n;
	const fluffy_mutation *now;
};

static inline int
compare_mutation(void *arg, const fluffy_mutation *mutation)
{
	struct mutating *m = arg;
	struct verdict v = compared(m->copy, m->path,
	    bytes_of(mutation->data, mutation->len));

	m->n++;
	if (v.e != mutation->error || v.kind != mutation->outcome)
		print_error("%s %s: expected %s, found %s: %s: %s\n",
		    mutation->member, mutation->change,
		    fluffy_error_name(mutation->error),
		    fluffy_error_name(v.e), v.field, v.text);
	assert_int_equal(v.e, mutation->error);
	assert_int_equal(v.kind, mutation->outcome);
	return 0;
}

/*
 * The party at path would take the message; what is wrong with it afterwards is
 * refused as it should be, and explained as it is.
 */
static inline void
play(fluffy_ctx *ctx, const char *path, const fluffy_bytes *wire)
{
	struct mutating m = { .copy = copy_of(ctx, path), .path = path };
	struct verdict v = compared(m.copy, path,
	    bytes_of(wire->data, wire->len));
	fluffy_msg *msg;
	uint64_t seed;

	if (v.e != FLUFFY_OK)
		print_error("%s: %s\n", v.field, v.text);
	assert_int_equal(v.e, FLUFFY_OK);
	must(ctx, fluffy_msg_read(ctx, wire->data, wire->len, &msg));
	for (seed = 1; seed <= 2; seed++) {
		must(ctx, fluffy_msg_mutate(ctx, msg, seed == 1 ?
		    FLUFFY_CBOR : FLUFFY_JSON, seed, compare_mutation, &m));
	}
	assert_true(m.n > 80);
	fluffy_msg_free(&msg);
	fluffy_store_close(&m.copy);
}

#endif

/*
 * mutate.c - what can be wrong with a message, and what a right implementation
 * makes of it
 *
 * The expectations are the profile's (fluffy-wire(7)), not this library's: they
 * are told from the change alone, without a key, as of the party that would
 * take the message as it is.
 */
#include "alg.h"
#include "context.h"
#include "mutate.h"

/* Which members an operation is for. */
enum {
	M_NUMBER = 1,		/* K_UINT, K_TIME */
	M_WORD = 2,		/* K_TOKEN, K_TOKENS */
	M_FLAGS = 4,
	M_TEXT = 8,		/* K_NAME, K_TEXT */
	M_BYTES = 16,
	M_ANY = 32,
	M_MAP = 64,
	M_LIST = 128,		/* K_BYTES_LIST */
	M_SEALED = 256,		/* a member that is a sealed part */
	M_ALL = 511
};

/* What an operation is done to. */
enum target { ON_MEMBER, ON_ENCRYPT0, ON_SIGN1, ON_MAP, ON_MESSAGE };

/* What comes of it. */
enum effect {
	E_MALFORMED,
	E_VERSION,
	E_SEAL,		/* what a seal covers is another: see seal_effect */
	E_NOTHING	/* the same message */
};

enum { IN_JSON = 1, IN_CBOR = 2, IN_BOTH = 3 };

static const struct operation {
	enum op op;
	const char *name;
	enum target target;
	unsigned kinds;		/* ON_MEMBER */
	unsigned formats;
	enum effect effect;
} operations[] = {
	/* of a member: see also effect_of */
	{ OP_REMOVED, "removed", ON_MEMBER, M_ALL, IN_BOTH, E_MALFORMED },
	{ OP_EMPTY, "empty", ON_MEMBER, M_TEXT | M_BYTES | M_WORD | M_MAP |
	    M_LIST | M_SEALED, IN_BOTH, E_MALFORMED },
	{ OP_MISTYPED, "mistyped", ON_MEMBER, M_ALL & ~M_ANY, IN_BOTH,
	    E_MALFORMED },
	{ OP_NULL, "null", ON_MEMBER, M_ALL & ~M_ANY, IN_BOTH, E_MALFORMED },
	{ OP_DUPLICATED, "duplicated", ON_MEMBER, M_ALL, IN_BOTH,
	    E_MALFORMED },
	{ OP_CHANGED, "changed", ON_MEMBER, M_NUMBER | M_WORD | M_FLAGS |
	    M_TEXT | M_BYTES | M_ANY, IN_BOTH, E_SEAL },
	{ OP_TOO_LONG, "too-long", ON_MEMBER, M_TEXT, IN_BOTH, E_MALFORMED },
	{ OP_CONTROL, "control-character", ON_MEMBER, M_TEXT, IN_BOTH,
	    E_MALFORMED },
	{ OP_BAD_UTF8, "invalid-utf-8", ON_MEMBER, M_TEXT, IN_BOTH,
	    E_MALFORMED },
	{ OP_TOO_LARGE, "too-large", ON_MEMBER, M_NUMBER, IN_BOTH,
	    E_MALFORMED },
	{ OP_FRACTION, "fraction", ON_MEMBER, M_NUMBER | M_WORD, IN_JSON,
	    E_MALFORMED },
	{ OP_EXPONENT, "exponent", ON_MEMBER, M_NUMBER | M_WORD, IN_JSON,
	    E_MALFORMED },
	{ OP_MINUS_ZERO, "minus-zero", ON_MEMBER, M_NUMBER | M_WORD, IN_JSON,
	    E_MALFORMED },
	{ OP_NEGATIVE, "negative", ON_MEMBER, M_NUMBER | M_FLAGS, IN_BOTH,
	    E_MALFORMED },
	{ OP_FLOAT, "float", ON_MEMBER, M_NUMBER | M_WORD | M_FLAGS, IN_CBOR,
	    E_MALFORMED },
	{ OP_UNKNOWN_WORD, "unknown-word", ON_MEMBER, M_WORD, IN_JSON,
	    E_MALFORMED },
	{ OP_NUMBER_FOR_WORD, "number-for-word", ON_MEMBER, M_WORD, IN_JSON,
	    E_MALFORMED },
	{ OP_PADDED, "padded", ON_MEMBER, M_BYTES, IN_JSON, E_MALFORMED },
	{ OP_TAGGED_VALUE, "tagged", ON_MEMBER, M_ALL, IN_CBOR, E_MALFORMED },
	{ OP_CHUNKED, "chunked", ON_MEMBER, M_TEXT | M_BYTES, IN_CBOR,
	    E_MALFORMED },
	{ OP_LYING_LENGTH, "lying-length", ON_MEMBER, M_TEXT | M_BYTES |
	    M_MAP | M_LIST | M_SEALED, IN_CBOR, E_MALFORMED },
	{ OP_OTHER_VERSION, "other-version", ON_MEMBER, M_NUMBER, IN_BOTH,
	    E_VERSION },
	{ OP_OTHER_TYPE, "unregistered", ON_MEMBER, M_WORD, IN_BOTH,
	    E_MALFORMED },

	/* of a sealed part */
	{ OP_CIPHERTEXT_FLIPPED, "ciphertext-flipped", ON_ENCRYPT0, 0,
	    IN_BOTH, E_SEAL },
	{ OP_TAG_FLIPPED, "tag-flipped", ON_ENCRYPT0, 0, IN_BOTH, E_SEAL },
	{ OP_SHORT_CIPHERTEXT, "ciphertext-short", ON_ENCRYPT0, 0, IN_BOTH,
	    E_SEAL },
	{ OP_EMPTY_CIPHERTEXT, "ciphertext-empty", ON_ENCRYPT0, 0, IN_BOTH,
	    E_SEAL },
	{ OP_NO_CIPHERTEXT, "ciphertext-removed", ON_ENCRYPT0, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_IV_FLIPPED, "iv-flipped", ON_ENCRYPT0, 0, IN_BOTH, E_SEAL },
	{ OP_NO_IV, "iv-removed", ON_ENCRYPT0, 0, IN_BOTH, E_MALFORMED },
	{ OP_LONG_IV, "iv-too-long", ON_ENCRYPT0, 0, IN_BOTH, E_MALFORMED },
	{ OP_KID_FLIPPED, "kid-flipped", ON_ENCRYPT0, 0, IN_BOTH, E_SEAL },
	{ OP_NO_KID, "kid-removed", ON_ENCRYPT0, 0, IN_BOTH, E_MALFORMED },
	{ OP_ADDED_KID, "kid-added", ON_ENCRYPT0, 0, IN_BOTH, E_MALFORMED },
	{ OP_ADDED_KID, "kid-added", ON_SIGN1, 0, IN_BOTH, E_MALFORMED },
	{ OP_ADDED_HEADER, "header-added", ON_ENCRYPT0, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_ADDED_HEADER, "header-added", ON_SIGN1, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_OTHER_ALG, "other-alg", ON_ENCRYPT0, 0, IN_BOTH, E_SEAL },
	{ OP_LOOSE_PROTECTED, "protected-not-deterministic", ON_ENCRYPT0, 0,
	    IN_BOTH, E_MALFORMED },
	{ OP_LOOSE_PROTECTED, "protected-not-deterministic", ON_SIGN1, 0,
	    IN_BOTH, E_MALFORMED },
	{ OP_NO_PROTECTED, "protected-empty", ON_ENCRYPT0, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_NO_PROTECTED, "protected-empty", ON_SIGN1, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_OTHER_PAYLOAD, "payload-changed", ON_SIGN1, 0, IN_BOTH, E_SEAL },
	{ OP_SIGNATURE_FLIPPED, "signature-flipped", ON_SIGN1, 0, IN_BOTH,
	    E_SEAL },
	{ OP_NO_SIGNATURE, "signature-removed", ON_SIGN1, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_EMPTY_CIPHERTEXT, "payload-empty", ON_SIGN1, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_SEAL_TAGGED, "with-cose-tag", ON_ENCRYPT0, 0, IN_CBOR,
	    E_NOTHING },
	{ OP_SEAL_TAGGED, "with-cose-tag", ON_SIGN1, 0, IN_CBOR, E_NOTHING },

	/* of a map */
	{ OP_UNKNOWN_MEMBER, "unknown-member", ON_MAP, 0, IN_BOTH, E_SEAL },
	{ OP_FOREIGN_MEMBER, "foreign-member", ON_MAP, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_COUNT_MORE, "count-too-large", ON_MAP, 0, IN_CBOR,
	    E_MALFORMED },
	{ OP_INDEFINITE, "indefinite", ON_MAP, 0, IN_CBOR, E_NOTHING },
	{ OP_REVERSED, "reversed", ON_MAP, 0, IN_BOTH, E_NOTHING },

	/* of the message */
	{ OP_DEEP, "too-deep", ON_MESSAGE, 0, IN_BOTH, E_MALFORMED },
	{ OP_LARGE, "message-too-large", ON_MESSAGE, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_CUT_OFF, "cut-off", ON_MESSAGE, 0, IN_BOTH, E_MALFORMED },
	{ OP_BYTE_ORDER_MARK, "byte-order-mark", ON_MESSAGE, 0, IN_BOTH,
	    E_MALFORMED },
	{ OP_BLANK_BEFORE, "blank-before", ON_MESSAGE, 0, IN_CBOR,
	    E_MALFORMED },
	{ OP_BLANK_BEFORE, "blank-before", ON_MESSAGE, 0, IN_JSON,
	    E_NOTHING },
	{ OP_BLANKS, "blanks", ON_MESSAGE, 0, IN_JSON, E_NOTHING },
	{ OP_SELF_TAG, "self-described", ON_MESSAGE, 0, IN_CBOR, E_NOTHING },
	{ OP_OTHER_ENCODING, "other-encoding", ON_MESSAGE, 0, IN_BOTH,
	    E_NOTHING },
	{ OP_NONE, "unchanged", ON_MESSAGE, 0, IN_BOTH, E_NOTHING }
};

/* Text is several times as long as the message. */
#define WRITTEN_MAX ((size_t)64 * FLUFFY_MAX_EMITTED)

#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

struct mutator {
	fluffy_ctx *ctx;
	const struct fluffy_msg *msg;
	bool json;
	uint64_t seed;		/* moves on with each edit */
	int (*each)(void *, const fluffy_mutation *);
	void *arg;
	enum fluffy_error e;
	bool stopped;
};

/* A place: the path says where, for people. */
struct place {
	const void *map;
	const struct row *row;	/* NULL: the map itself */
	const struct path *path;
};

/* ---- what comes of it ------------------------------------------------------------- */

struct expected {
	bool told;	/* else the profile leaves it open */
	enum fluffy_error e;
	enum fluffy_outcome_kind outcome;
};

static bool
has_seal(const struct fluffy_msg *msg)
{
	return HAS(msg, L_authenticator) || HAS(msg, L_receipt) ||
	    HAS(msg, L_ack) || HAS(msg, L_kenvelope);
}

static bool
names_skdc(const struct mutator *m, const struct place *at)
{
	if (at->row == NULL || (at->row->label != L_skdcrealm &&
	    at->row->label != L_skdcname))
		return false;
	return at->map == m->msg->body || at->map == m->msg->mticket ||
	    m->msg->type == FLUFFY_PSK_DELC;
}

/* Who it is for is looked at first: another's is none of the device's. */
static bool
names_device(const struct mutator *m, const struct place *at)
{
	return m->msg->type == FLUFFY_PSK_DELT && at->row != NULL &&
	    at->map == m->msg && at->row->label == L_cname;
}

/* Beside a ticket for a key that can't sign nothing covers the rest. */
static bool
is_uncovered(const struct mutator *m, const struct place *at)
{
	return m->msg->type == FLUFFY_PSK_ESTB && !has_seal(m->msg) &&
	    at->map == m->msg && (at->row == NULL ||
	    at->row->label == L_ext);
}

/*
 * Section 6: a part that isn't as it was sealed is auth-failed, but what is
 * checked before the seals comes first.  What becomes of a document that
 * nothing seals depends on what its reader has.
 */
static struct expected
seal_effect(const struct mutator *m, const struct place *at, bool removed)
{
	struct expected x = { .told = true, .e = FLUFFY_E_AUTH_FAILED };

	if (m->msg->type >= FLUFFY_ENROL)
		x.told = m->msg->type == FLUFFY_DK_REVOKE;
	else if (m->msg->type == FLUFFY_ERROR) {
		x.e = FLUFFY_OK;
		x.outcome = FLUFFY_ERROR_HINT;
	} else if (!removed && names_skdc(m, at))
		x.e = FLUFFY_E_WRONG_SKDC;
	else if (names_device(m, at)) {
		x.e = FLUFFY_OK;
		x.outcome = FLUFFY_NOT_ADDRESSED;
	} else if (is_uncovered(m, at))
		x.e = FLUFFY_OK;
	return x;
}

static struct expected
expected_of(const struct mutator *m, const struct operation *o,
    const struct place *at)
{
	bool optional = at->row != NULL && (at->row->flags & F_OPTIONAL) != 0;

	if (o->effect == E_SEAL || (o->op == OP_REMOVED && optional))
		return seal_effect(m, at, o->op == OP_REMOVED);
	if (o->effect == E_NOTHING)
		return (struct expected){ .told = true,
			.outcome = m->msg->type == FLUFFY_ERROR &&
			    !has_seal(m->msg) ? FLUFFY_ERROR_HINT :
			    m->msg->type == FLUFFY_ERROR ?
			    FLUFFY_ERROR_PROVEN : FLUFFY_NOTHING };
	return (struct expected){ .told = true, .e = o->effect == E_VERSION ?
	    FLUFFY_E_BAD_VERSION : FLUFFY_E_MALFORMED };
}

/* ---- which there are ----------------------------------------------------------------- */

static unsigned
kind_mask(const struct row *row)
{
	static const unsigned masks[] = {
		[K_UINT] = M_NUMBER, [K_TIME] = M_NUMBER, [K_NAME] = M_TEXT,
		[K_BYTES] = M_BYTES, [K_TEXT] = M_TEXT,
		[K_BYTES_LIST] = M_LIST, [K_TOKEN] = M_WORD,
		[K_TOKENS] = M_WORD, [K_FLAGS] = M_FLAGS, [K_ANY] = M_ANY,
		[K_MAP] = M_MAP, [K_SEALED] = M_SEALED
	};

	return masks[row->kind];
}

/* Without a lower bound empty is another value, not a wrong one. */
static bool
may_be_empty(const struct row *row)
{
	return row->kind != K_NAME && row->kind != K_MAP &&
	    row->kind != K_SEALED && row->kind != K_TOKEN && row->min == 0;
}

/* A number that isn't registered is kept, but for these (section 2). */
static bool
suits_member(const struct operation *o, const void *map,
    const struct row *row)
{
	bool pvno = row->label == L_pvno, type = row->label == L_msg_type;

	if ((o->kinds & kind_mask(row)) == 0)
		return false;
	switch (o->op) {
	case OP_CHANGED:
		return !pvno && !type;
	case OP_OTHER_VERSION:
		return pvno;
	case OP_OTHER_TYPE:
		return type;
	case OP_EMPTY:
		return row->kind != K_TOKEN && !may_be_empty(row);
	case OP_NUMBER_FOR_WORD:
		return (row->kind == K_TOKEN || (row->flags & F_BARE) != 0) &&
		    mutate_word(map, row) != NULL;
	case OP_FRACTION:
	case OP_EXPONENT:
	case OP_MINUS_ZERO:
	case OP_FLOAT:
		return row->kind != K_TOKENS || (row->flags & F_BARE) != 0;
	default:
		return true;
	}
}

static bool
suits_sealed(const struct operation *o, const struct sealed *sealed)
{
	if (o->target != (sealed->sign1 ? ON_SIGN1 : ON_ENCRYPT0))
		return false;
	switch (o->op) {
	case OP_KID_FLIPPED:
	case OP_NO_KID:
		return sealed->has_kid;
	case OP_ADDED_KID:
		return !sealed->has_kid;
	case OP_LONG_IV:
		/* of others it isn't known how long it is */
		return aead_of(sealed->alg) != NULL;
	default:
		return true;
	}
}

static const void *
member_at(const struct place *at)
{
	return (const uint8_t *)at->map + at->row->offset;
}

/* Unknown members aren't allowed everywhere. */
static bool
suits(const struct mutator *m, const struct operation *o,
    const struct place *at)
{
	const struct head *head = at->map;

	if ((o->formats & (m->json ? IN_JSON : IN_CBOR)) == 0)
		return false;
	if (at->row == NULL)
		return o->target == ON_MESSAGE ? at->map == m->msg :
		    o->target == ON_MAP && (o->op != OP_UNKNOWN_MEMBER ||
		    !head->schema->closed);
	if (o->target == ON_MEMBER)
		return suits_member(o, at->map, at->row);
	return at->row->kind == K_SEALED && suits_sealed(o, member_at(at));
}

/* ---- all of them ---------------------------------------------------------------------- */

static void
put_place(struct buffer *b, const struct path *path)
{
	if (path->up != NULL) {
		put_place(b, path->up);
		buffer_addc(b, '.');
	}
	buffer_add(b, path->name, path->len);
}

/* What was to be well-formed may have become too large: then it isn't given. */
static bool
is_as_meant(fluffy_ctx *ctx, const struct expected *x, const struct buffer *b)
{
	fluffy_msg *msg;
	bool formed;

	if (x->e == FLUFFY_E_MALFORMED || x->e == FLUFFY_E_BAD_VERSION)
		return true;
	formed = fluffy_msg_read(ctx, b->p, b->n, &msg) == FLUFFY_OK;
	fluffy_msg_free(&msg);
	return formed;
}

/* Which bit is of no consequence: any numbers that a seed repeats. */
static uint64_t
next_random(struct mutator *m)
{
	uint64_t z = m->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void
give(struct mutator *m, const struct operation *o, const struct place *at,
    const struct expected *x)
{
	const struct edit edit = { .op = o->op, .map = at->map,
	    .row = at->row, .random = next_random(m) };
	struct buffer b = BUFFER(WRITTEN_MAX);
	struct buffer path = BUFFER(4096);
	fluffy_mutation mutation = { .change = o->name, .error = x->e,
	    .outcome = x->outcome, .format = m->json !=
	    (o->op == OP_OTHER_ENCODING) ? FLUFFY_JSON : FLUFFY_CBOR };

	mutate_write(&b, m->msg, m->json, &edit);
	put_place(&path, at->path);
	buffer_addc(&path, '\0');
	if (b.failed || path.failed)
		m->e = fluffy_fail_memory(m->ctx);
	else if (is_as_meant(m->ctx, x, &b)) {
		mutation.member = (const char *)path.p;
		mutation.data = b.p;
		mutation.len = b.n;
		m->stopped = m->each(m->arg, &mutation) != 0;
	}
	buffer_free(&b);
	buffer_free(&path);
}

static void
give_all(struct mutator *m, const struct place *at)
{
	size_t i;

	for (i = 0; i < N_OPERATIONS && m->e == FLUFFY_OK && !m->stopped;
	    i++) {
		struct expected x;

		if (!suits(m, &operations[i], at))
			continue;
		x = expected_of(m, &operations[i], at);
		if (x.told)
			give(m, &operations[i], at, &x);
	}
}

static void
mutate_map(struct mutator *m, const void *map, const struct path *path)
{
	const struct head *head = map;
	struct place at = { .map = map, .path = path };
	uint8_t i;

	give_all(m, &at);
	for (i = 0; i < head->schema->n_rows; i++) {
		const struct row *row = &head->schema->rows[i];
		const struct path name = { .up = path, .name = row_name(row),
		    .len = strlen(row_name(row)) };

		if ((head->has & label_bit(row->label)) == 0)
			continue;
		at = (struct place){ map, row, &name };
		give_all(m, &at);
		if (row->kind == K_MAP)
			mutate_map(m, *(const void *const *)member_at(&at),
			    &name);
	}
}

enum fluffy_error
fluffy_msg_mutate(fluffy_ctx *ctx, const fluffy_msg *msg,
    enum fluffy_format format, uint64_t seed,
    int (*each)(void *, const fluffy_mutation *), void *arg)
{
	const char *type = word_of(R_TYPE, msg->type);
	const struct path root = { .name = type, .len = strlen(type) };
	struct mutator m = { .ctx = ctx, .msg = msg, .seed = seed,
	    .json = format == FLUFFY_JSON, .each = each, .arg = arg };

	if (format != FLUFFY_JSON && format != FLUFFY_CBOR)
		return fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "no such format");
	mutate_map(&m, msg, &root);
	return m.e;
}

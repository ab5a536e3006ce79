/* diff.c - where two messages differ, member by member */
#include "context.h"
#include "json.h"
#include "message.h"
#include "show.h"

/* Text of a value, several times as long as the message. */
#define VALUE_MAX ((size_t)64 * FLUFFY_MAX_EMITTED)
#define PLACE_MAX 4096

struct differ {
	fluffy_ctx *ctx;
	unsigned hide;		/* JSON_HIDE_KEYS, or nothing */
	void (*each)(void *, const char *, const char *, const char *);
	void *arg;
	size_t told;
	bool failed;		/* for want of memory */
};

/* ---- telling --------------------------------------------------------------- */

/* A path is told from its root; members of the message begin it. */
static void
put_place(struct buffer *b, const struct path *path)
{
	if (path->up != NULL) {
		put_place(b, path->up);
		buffer_addc(b, '.');
	}
	buffer_add(b, path->name, path->len);
}

/* What would turn text round is escaped as JSON does it, in names too. */
static const char *
text_of(struct buffer *b)
{
	struct buffer safe = BUFFER(6 * b->max);

	put_safe(&safe, buffer_view(b), false);
	buffer_addc(&safe, '\0');
	safe.failed |= b->failed;
	buffer_free(b);
	*b = safe;
	return b->failed ? NULL : (const char *)b->p;
}

/* A value that isn't there is empty. */
static void
tell(struct differ *d, const struct path *at, struct buffer *a,
    struct buffer *b)
{
	struct buffer place = BUFFER(PLACE_MAX);
	bool has_a = a->n > 0 || a->failed, has_b = b->n > 0 || b->failed;
	const char *where, *left, *right;

	put_place(&place, at);
	d->told++;
	where = text_of(&place);
	left = has_a ? text_of(a) : NULL;
	right = has_b ? text_of(b) : NULL;
	if (where == NULL || (has_a && left == NULL) ||
	    (has_b && right == NULL))
		d->failed = true;
	else
		d->each(d->arg, where, left, right);
	buffer_free(&place);
}

/* ---- one value --------------------------------------------------------------- */

/* Both have it or one has; NULL rows are for the one that hasn't. */
static void
diff_values(struct differ *d, const struct path *at, const void *a,
    const struct row *row_a, const void *b, const struct row *row_b)
{
	struct buffer full_a = BUFFER(VALUE_MAX), full_b = BUFFER(VALUE_MAX);
	struct buffer left = BUFFER(VALUE_MAX), right = BUFFER(VALUE_MAX);

	if (row_a != NULL) {
		json_put_member(&full_a, a, row_a, JSON_PLAIN);
		json_put_member(&left, a, row_a, d->hide);
	}
	if (row_b != NULL) {
		json_put_member(&full_b, b, row_b, JSON_PLAIN);
		json_put_member(&right, b, row_b, d->hide);
	}
	d->failed |= full_a.failed || full_b.failed;
	if (!bytes_eq(buffer_view(&full_a), buffer_view(&full_b)))
		tell(d, at, &left, &right);
	buffer_free(&full_a);
	buffer_free(&full_b);
	buffer_free(&left);
	buffer_free(&right);
}

static void
diff_bytes(struct differ *d, const struct path *up, const char *name,
    struct bytes a, struct bytes b)
{
	struct path at = { .up = up, .name = name, .len = strlen(name) };
	struct buffer left = BUFFER(VALUE_MAX), right = BUFFER(VALUE_MAX);

	if (bytes_eq(a, b))
		return;
	if (a.n > 0)
		json_put_base64url(&left, a);
	if (b.n > 0)
		json_put_base64url(&right, b);
	tell(d, &at, &left, &right);
	buffer_free(&left);
	buffer_free(&right);
}

/* ---- structures ---------------------------------------------------------------- */

static void diff_maps(struct differ *, const struct path *, const void *,
    const void *);

static void
diff_alg(struct differ *d, const struct path *up, int64_t a, int64_t b)
{
	struct path at = { .up = up, .name = "alg", .len = 3 };
	struct buffer left = BUFFER(VALUE_MAX), right = BUFFER(VALUE_MAX);

	if (a == b)
		return;
	json_put_word(&left, R_ALG, a);
	json_put_word(&right, R_ALG, b);
	tell(d, &at, &left, &right);
	buffer_free(&left);
	buffer_free(&right);
}

/* One is a COSE_Encrypt0, the other a COSE_Sign1. */
static void
diff_kinds(struct differ *d, const struct path *at, bool sign1)
{
	struct buffer left = BUFFER(VALUE_MAX), right = BUFFER(VALUE_MAX);

	buffer_adds(sign1 ? &right : &left, "\"COSE_Encrypt0\"");
	buffer_adds(sign1 ? &left : &right, "\"COSE_Sign1\"");
	tell(d, at, &left, &right);
	buffer_free(&left);
	buffer_free(&right);
}

static void
diff_sealed(struct differ *d, const struct path *at, const struct sealed *a,
    const struct sealed *b)
{
	size_t told;

	if (a->sign1 != b->sign1) {
		diff_kinds(d, at, a->sign1);
		return;
	}
	diff_alg(d, at, a->alg, b->alg);
	diff_bytes(d, at, "kid", a->kid, b->kid);
	diff_bytes(d, at, "iv", a->iv, b->iv);
	told = d->told;
	if (a->plain != NULL && b->plain != NULL)
		diff_maps(d, at, a->plain, b->plain);
	/* the members that differ say more */
	if (d->told == told)
		diff_bytes(d, at, a->sign1 ? "payload" : "ciphertext",
		    a->ciphertext, b->ciphertext);
	diff_bytes(d, at, "signature", a->signature, b->signature);
}

static const void *
member_at(const void *map, const struct row *row)
{
	return (const uint8_t *)map + row->offset;
}

static const void *
submap(const void *map, const struct row *row)
{
	return *(const void *const *)member_at(map, row);
}

static bool
has(const struct head *map, const struct row *row)
{
	return row != NULL && (map->has & label_bit(row->label)) != 0;
}

static void
diff_members(struct differ *d, const struct path *at, const void *a,
    const struct row *row_a, const void *b, const struct row *row_b)
{
	bool hidden = d->hide != 0 &&
	    ((row_a->flags | row_b->flags) & F_SECRET) != 0;

	if (row_a->kind == K_MAP && row_b->kind == K_MAP && !hidden)
		diff_maps(d, at, submap(a, row_a), submap(b, row_b));
	else if (row_a->kind == K_SEALED && row_b->kind == K_SEALED)
		diff_sealed(d, at, member_at(a, row_a), member_at(b, row_b));
	else
		diff_values(d, at, a, row_a, b, row_b);
}

/* The members of one map; those that both have only where the other isn't
   NULL. */
static void
diff_rows(struct differ *d, const struct path *up, const void *a,
    const void *b, bool both)
{
	const struct schema *schema = ((const struct head *)a)->schema;
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++) {
		const struct row *row = &schema->rows[i], *other;
		struct path at = { .up = up, .name = row_name(row),
		    .len = strlen(row_name(row)) };

		if (!has(a, row))
			continue;
		other = schema_row(((const struct head *)b)->schema,
		    row->label);
		if (has(b, other)) {
			if (both)
				diff_members(d, &at, a, row, b, other);
		} else if (both)
			diff_values(d, &at, a, row, NULL, NULL);
		else
			diff_values(d, &at, NULL, NULL, a, row);
	}
}

/* ---- members that the profile doesn't know ------------------------------------- */

static void
diff_extra(struct differ *d, const struct path *up, const struct extra *a,
    const struct extra *b)
{
	struct buffer left = BUFFER(VALUE_MAX), right = BUFFER(VALUE_MAX);
	struct buffer name = BUFFER(VALUE_MAX);
	struct path at = { .up = up };

	json_put_any(&name, a != NULL ? a->label : b->label);
	at.name = (const char *)name.p;
	at.len = name.n;
	if (a != NULL)
		json_put_any(&left, a->value);
	if (b != NULL)
		json_put_any(&right, b->value);
	d->failed |= name.failed;
	if (!name.failed &&
	    !bytes_eq(buffer_view(&left), buffer_view(&right)))
		tell(d, &at, &left, &right);
	buffer_free(&left);
	buffer_free(&right);
	buffer_free(&name);
}

static const struct extra *
extra_of(const struct head *map, struct bytes label)
{
	size_t i;

	for (i = 0; i < map->n_extras; i++)
		if (bytes_eq(map->extras[i].label, label))
			return &map->extras[i];
	return NULL;
}

static void
diff_extras(struct differ *d, const struct path *up, const struct head *a,
    const struct head *b)
{
	size_t i;

	for (i = 0; i < a->n_extras; i++)
		diff_extra(d, up, &a->extras[i],
		    extra_of(b, a->extras[i].label));
	for (i = 0; i < b->n_extras; i++)
		if (extra_of(a, b->extras[i].label) == NULL)
			diff_extra(d, up, NULL, &b->extras[i]);
}

static void
diff_maps(struct differ *d, const struct path *at, const void *a,
    const void *b)
{
	diff_rows(d, at, a, b, true);
	diff_rows(d, at, b, a, false);
	diff_extras(d, at, a, b);
}

enum fluffy_error
fluffy_msg_diff(fluffy_ctx *ctx, const fluffy_msg *a, const fluffy_msg *b,
    unsigned flags, void (*each)(void *, const char *, const char *,
    const char *), void *arg)
{
	struct differ d = { .ctx = ctx, .each = each, .arg = arg,
	    .hide = (flags & FLUFFY_SHOW_KEYS) != 0 ? 0 : JSON_HIDE_KEYS };

	diff_maps(&d, NULL, a, b);
	return d.failed ? fluffy_fail_memory(ctx) : FLUFFY_OK;
}

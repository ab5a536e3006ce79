/*
 * cddl.c - the schema in print, as CDDL (RFC 8610)
 *
 * Whatever has a name or a number comes from the tables of schema.c.  What is
 * written out here are the kinds of section 2 and the COSE arrays of section
 * 4, which no table describes.
 */
#include "cddl.h"
#include "text.h"

static void
reach(struct rules *rules, const struct schema *schema)
{
	size_t i;

	for (i = 0; i < rules->n; i++)
		if (rules->v[i] == schema)
			return;
	if (rules->n == MAX_RULES)
		rules->full = true;
	else if (schema != NULL)
		rules->v[rules->n++] = schema;
}

/* rules grows while it is walked, until nothing new is reached. */
void
rules_reach(struct rules *rules)
{
	const struct words *types = registry_words(R_TYPE);
	const struct schema *const *choice;
	size_t i, j;

	*rules = (struct rules){ .n = 0 };
	for (i = 0; i < types->n; i++)
		reach(rules, message_schema(types->v[i].number));
	for (i = 0; i < rules->n; i++) {
		choice = rules->v[i]->by_kty;
		for (; choice != NULL && *choice != NULL; choice++)
			reach(rules, *choice);
		for (j = 0; j < rules->v[i]->n_rows; j++)
			reach(rules, rules->v[i]->rows[j].sub);
	}
}

/* Of a message its type, else 0. */
static int64_t
type_of(const struct schema *schema)
{
	const struct words *types = registry_words(R_TYPE);
	size_t i;

	for (i = 0; i < types->n; i++)
		if (message_schema(types->v[i].number) == schema)
			return types->v[i].number;
	return 0;
}

void
rules_put_title(struct buffer *b, const struct schema *schema)
{
	const char *s = schema->name;

	if (s == NULL)
		s = word_of(R_TYPE, type_of(schema));
	for (; s != NULL && *s != '\0'; s++)
		buffer_addc(b, *s == '_' ? '-' : *s);
}

void
rules_put_choice(struct buffer *b, const struct schema *schema,
    const char *between)
{
	const struct schema *const *choice = schema->by_kty;

	for (; *choice != NULL; choice++) {
		if (choice != schema->by_kty)
			buffer_adds(b, between);
		rules_put_title(b, *choice);
	}
}

/* Blanks up to a column of the current line, at least one. */
static void
put_pad(struct buffer *b, size_t column)
{
	size_t at = b->n;

	while (at > 0 && b->p[at - 1] != '\n')
		at--;
	do
		buffer_addc(b, ' ');
	while (!b->failed && b->n - at < column);
}

enum fluffy_error
rules_finish(fluffy_ctx *ctx, struct buffer *b, fluffy_bytes *out)
{
	return buffer_take(b, out) ? FLUFFY_OK : fluffy_fail_memory(ctx);
}

/* ---- CDDL ---------------------------------------------------------------- */

#define COMMENT 34	/* the column of the comments */

static const char preamble[] =
    "; Messages of Fluffy wire profile 1 in CBOR as it is emitted, and the\n"
    "; plaintexts of their sealed parts.  What a grammar can't say is in\n"
    "; fluffy-wire(7).  Printed from the library's tables: don't edit.\n"
    "\n";

/* Section 2 and section 4. */
static const char kinds[] =
    "name = tstr .size (1..255) / bstr .size 16    ; a UUID is its 16 bytes\n"
    "seconds = 0..9007199254740991                 ; since 1970 UTC\n"
    "safe-int = -9007199254740991..9007199254740991\n"
    "flags = uint .size 4                          ; bits 0 to 31\n"
    "any-value = null / bool / tstr / safe-int / float /\n"
    "    [* any-value] / {* tstr => any-value}     ; no NaN, no infinity\n"
    "\n"
    "; COSE_Encrypt0 (RFC 9052), untagged\n"
    "sealed = [\n"
    "    protected: bstr .cbor protected,\n"
    "    unprotected: { 4 => kid, 5 => iv },\n"
    "    ciphertext: bstr\n"
    "]\n"
    "sealed-without-kid = [\n"
    "    protected: bstr .cbor protected,\n"
    "    unprotected: { 5 => iv },\n"
    "    ciphertext: bstr\n"
    "]\n"
    "protected = { 1 => alg }\n"
    "kid = bstr .size (1..32)\n"
    "iv = bstr\n";

_Static_assert(MAX_SAFE == 9007199254740991, "the numbers above");

static void
put_size(struct buffer *b, const char *type, const struct row *row)
{
	if (row->min == row->max)
		buffer_addf(b, "%s .size %u", type, row->min);
	else
		buffer_addf(b, "%s .size (%u..%u)", type, row->min, row->max);
}

/* The only value that a token may have here, if there is just one. */
static bool
fixed_token(const struct schema *schema, const struct row *row, int64_t *v)
{
	*v = row->registry == R_TYPE ? type_of(schema) :
	    row->registry == R_KTY ? schema->kty : 0;
	return row->kind == K_TOKEN && *v != 0;
}

static void
put_token_type(struct buffer *b, const struct schema *schema,
    const struct row *row)
{
	int64_t fixed;

	if (fixed_token(schema, row, &fixed))
		buffer_addf(b, "%lld", (long long)fixed);
	else
		buffer_adds(b, registry_words(row->registry)->name);
}

static void
put_tokens_type(struct buffer *b, const struct row *row)
{
	const char *token = registry_words(row->registry)->name;

	buffer_addf(b, "[%u*%u %s]", row->min, row->max, token);
	if ((row->flags & F_BARE) != 0)
		buffer_addf(b, " / %s", token);
}

static void
put_sealed_type(struct buffer *b, const struct row *row)
{
	buffer_adds(b, (row->flags & F_NO_KID) != 0 ? "sealed-without-kid" :
	    "sealed");
	if ((row->flags & F_SIGN1) == 0)
		return;
	buffer_adds(b, " / [       ; COSE_Sign1\n"
	    "        protected: bstr .cbor protected, unprotected: {},\n"
	    "        payload: bstr .cbor ");
	rules_put_title(b, row->sub);
	buffer_adds(b, ", signature: bstr\n    ]");
}

static void
put_type(struct buffer *b, const struct schema *schema, const struct row *row)
{
	switch ((enum kind)row->kind) {
	case K_UINT:
		if (row->min == row->max)
			buffer_addf(b, "%u", row->min);
		else
			buffer_addf(b, "%u..%u", row->min, row->max);
		break;
	case K_TIME:
		buffer_adds(b, "seconds");
		break;
	case K_NAME:
		buffer_adds(b, "name");
		break;
	case K_BYTES:
		put_size(b, "bstr", row);
		break;
	case K_TEXT:
		put_size(b, "tstr", row);
		break;
	case K_BYTES_LIST:
		buffer_addf(b, "[%u*%u bstr]", row->min, row->max);
		break;
	case K_TOKEN:
		put_token_type(b, schema, row);
		break;
	case K_TOKENS:
		put_tokens_type(b, row);
		break;
	case K_FLAGS:
		buffer_adds(b, "flags");
		break;
	case K_ANY:
		buffer_adds(b, "any-value");
		break;
	case K_MAP:
		rules_put_title(b, row->sub);
		break;
	case K_SEALED:
		put_sealed_type(b, row);
		break;
	}
}

/* The member's name, and what its type doesn't tell. */
static void
put_comment(struct buffer *b, const struct schema *schema,
    const struct row *row)
{
	const struct words *words = registry_words(row->registry);
	int64_t fixed;
	size_t i;

	put_pad(b, COMMENT);
	buffer_addf(b, "; %s", row_name(row));
	if (fixed_token(schema, row, &fixed))
		buffer_addf(b, ": %s", word_of(row->registry, fixed));
	if (row->kind == K_SEALED) {
		buffer_adds(b, " <");
		rules_put_title(b, row->sub);
		buffer_addc(b, '>');
	}
	for (i = 0; row->kind == K_FLAGS && i < words->n; i++)
		buffer_addf(b, "%s %lld %s", i == 0 ? ":" : ",",
		    (long long)words->v[i].number, words->v[i].text);
	buffer_addc(b, '\n');
}

static void
put_rule(struct buffer *b, const struct schema *schema)
{
	const struct row *row;
	uint8_t i;

	buffer_addc(b, '\n');
	rules_put_title(b, schema);
	buffer_adds(b, " = ");
	if (schema->by_kty != NULL) {
		rules_put_choice(b, schema, " / ");
		buffer_addc(b, '\n');
		return;
	}
	buffer_adds(b, "{\n");
	for (i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		buffer_addf(b, "    %s%d => ",
		    (row->flags & F_OPTIONAL) != 0 ? "? " : "", row->label);
		put_type(b, schema, row);
		buffer_addc(b, ',');
		put_comment(b, schema, row);
	}
	if (!schema->closed)
		buffer_adds(b, "    * unknown-label => any-value\n");
	buffer_adds(b, "}\n");
}

/* Are these words a type, because a member is one, or a list, of them? */
static bool
is_type(const struct rules *rules, enum registry registry)
{
	const struct row *row;
	size_t i, j;
	int64_t fixed;

	for (i = 0; i < rules->n; i++)
		for (j = 0; j < rules->v[i]->n_rows; j++) {
			row = &rules->v[i]->rows[j];
			if (row->registry == registry &&
			    row->kind != K_FLAGS &&
			    !fixed_token(rules->v[i], row, &fixed))
				return true;
		}
	return false;
}

/* An unregistered number is kept (section 2), so it is of the type too. */
static void
put_words(struct buffer *b, const struct words *words)
{
	size_t i;

	buffer_addf(b, "\n%s =\n", words->name);
	for (i = 0; i < words->n; i++) {
		buffer_addf(b, "    %lld /", (long long)words->v[i].number);
		put_pad(b, 12);
		buffer_addf(b, "; %s\n", words->v[i].text);
	}
	buffer_adds(b, "    safe-int\n");
}

/* A choice of all structures that are messages, or plaintexts. */
static void
put_root(struct buffer *b, const char *name, const struct rules *rules,
    uint16_t size)
{
	const char *between = " =\n    ";
	size_t i;

	buffer_adds(b, name);
	for (i = 0; i < rules->n; i++) {
		if (rules->v[i]->size != size)
			continue;
		buffer_adds(b, between);
		rules_put_title(b, rules->v[i]);
		between = " /\n    ";
	}
	buffer_adds(b, "\n");
}

enum fluffy_error
fluffy_schema_cddl(fluffy_ctx *ctx, fluffy_bytes *out)
{
	struct buffer b = BUFFER(PRINT_MAX);
	struct rules rules;
	enum registry r;
	size_t i;

	rules_reach(&rules);
	b.failed = rules.full;
	buffer_adds(&b, preamble);
	put_root(&b, "message", &rules, sizeof(struct fluffy_msg));
	buffer_addc(&b, '\n');
	put_root(&b, "plaintext", &rules, sizeof(struct part));
	for (i = 0; i < rules.n; i++)
		put_rule(&b, rules.v[i]);
	for (r = R_NONE; r <= R_NO_FLAGS; r++)
		if (is_type(&rules, r) && registry_words(r)->n > 0)
			put_words(&b, registry_words(r));
	buffer_addc(&b, '\n');
	buffer_adds(&b, kinds);
	/* below are the members' labels: one in a wrong place is refused */
	buffer_addf(&b, "unknown-label = tstr .size (1..255) /\n"
	    "    %d..%lld / %lld..-1\n", N_LABELS, (long long)MAX_SAFE,
	    -(long long)MAX_SAFE);
	return rules_finish(ctx, &b, out);
}

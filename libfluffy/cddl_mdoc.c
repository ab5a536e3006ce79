/*
 * cddl_mdoc.c - the schema in print, as mdoc for fluffy-wire(7)
 *
 * Three subsections to stand under one .Sh: labels, words, structures.
 */
#include "cddl.h"

static const char *const kind_names[] = {
	[K_UINT] = "uint", [K_TIME] = "time", [K_NAME] = "name",
	[K_BYTES] = "bytes", [K_TEXT] = "text",
	[K_BYTES_LIST] = "list of bytes", [K_TOKEN] = "token",
	[K_TOKENS] = "tokens", [K_FLAGS] = "flags", [K_ANY] = "any",
	[K_MAP] = "map", [K_SEALED] = "sealed"
};

/* A label has more than one kind where structures differ: key. */
static void
put_kinds(struct buffer *b, const struct rules *rules, int label)
{
	const char *between = "";
	const struct row *row;
	uint32_t kind, seen = 0;
	size_t i;

	for (i = 0; i < rules->n; i++) {
		row = schema_row(rules->v[i], label);
		if (row != NULL)
			seen |= (uint32_t)1 << row->kind;
	}
	for (kind = 0; seen >> kind != 0; kind++) {
		if ((seen >> kind & 1) == 0)
			continue;
		buffer_addf(b, "%s%s", between, kind_names[kind]);
		between = " or ";
	}
}

static void
put_labels(struct buffer *b, const struct rules *rules)
{
	int label;

	buffer_adds(b, ".Ss Labels\n"
	    ".Bl -column -compact \"label\" \"authenticator\" \"kind\"\n"
	    ".It Em label Ta Em name Ta Em kind\n");
	for (label = 0; label < N_LABELS; label++) {
		buffer_addf(b, ".It %d Ta %s Ta ", label, label_name(label));
		put_kinds(b, rules, label);
		buffer_addc(b, '\n');
	}
	buffer_adds(b, ".El\n");
}

static void
put_registries(struct buffer *b)
{
	const struct words *words;
	enum registry r;
	size_t i;

	buffer_adds(b, ".Ss Words\n.Bl -tag -width \"skdc-options\"\n");
	for (r = R_NONE; r <= R_NO_FLAGS; r++) {
		words = registry_words(r);
		if (words->n == 0)
			continue;
		buffer_addf(b, ".It %s\n", words->name);
		for (i = 0; i < words->n; i++)
			buffer_addf(b, "%lld\\~%s%s\n",
			    (long long)words->v[i].number, words->v[i].text,
			    i + 1 < words->n ? "," : "");
	}
	buffer_adds(b, ".El\n");
}

/* Section 5's notation: {clear}, <sealed>, ?optional. */
static void
put_members(struct buffer *b, const struct schema *schema)
{
	const struct row *row;
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++) {
		row = &schema->rows[i];
		buffer_addf(b, "%s%s%s", i == 0 ? "" : ", ",
		    (row->flags & F_OPTIONAL) != 0 ? "?" : "", row_name(row));
		if (row->name != NULL)
			buffer_addf(b, "/%d", row->label);
		if (row->sub == NULL)
			continue;
		if (row->sub->by_kty != NULL) {
			buffer_adds(b, " = ");
			rules_put_choice(b, row->sub, " | ");
			continue;
		}
		/* recursion is as deep as the tables are nested */
		buffer_adds(b, row->kind == K_SEALED ? " <" : " { ");
		put_members(b, row->sub);
		buffer_adds(b, row->kind == K_SEALED ? ">" : " }");
	}
}

#define LINE 70

/* Fills lines, each but the first indented. */
static void
put_wrapped(struct buffer *b, struct bytes text)
{
	size_t i, end, column = 0;

	for (i = 0; i < text.n; i = end + 1) {
		for (end = i; end < text.n && text.p[end] != ' '; end++)
			;
		if (column > 0 && column + 1 + end - i > LINE) {
			buffer_adds(b, "\n   ");
			column = 3;
		}
		if (column > 0)
			buffer_addc(b, ' ');
		buffer_add(b, text.p + i, end - i);
		column += (column > 0) + end - i;
	}
	buffer_addc(b, '\n');
}

static void
put_structure(struct buffer *b, const struct schema *schema)
{
	struct buffer line = BUFFER(PRINT_MAX);

	rules_put_title(&line, schema);
	buffer_adds(&line, " { ");
	put_members(&line, schema);
	buffer_adds(&line, " }");
	b->failed |= line.failed;
	if (!line.failed)
		put_wrapped(b, buffer_view(&line));
	buffer_free(&line);
}

/* Parts and bodies stand inside the messages, keys for themselves. */
static void
put_structures(struct buffer *b, const struct rules *rules)
{
	const struct schema *schema;
	size_t i;

	buffer_adds(b, ".Ss Structures\n.Bd -literal\n");
	for (i = 0; i < rules->n; i++) {
		schema = rules->v[i];
		if (schema->size == sizeof(struct fluffy_msg) ||
		    (schema->size == sizeof(struct keydata) &&
		    schema->kty != 0))
			put_structure(b, schema);
	}
	buffer_adds(b, ".Ed\n");
}

enum fluffy_error
fluffy_schema_mdoc(fluffy_ctx *ctx, fluffy_bytes *out)
{
	struct buffer b = BUFFER(PRINT_MAX);
	struct rules rules;

	rules_reach(&rules);
	b.failed = rules.full;
	put_labels(&b, &rules);
	put_registries(&b);
	put_structures(&b, &rules);
	return rules_finish(ctx, &b, out);
}

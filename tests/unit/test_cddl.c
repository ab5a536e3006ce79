/* test_cddl.c - the schema in print */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "schema.h"

static int
setup(void **state)
{
	*state = fluffy_ctx_new();
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	fluffy_ctx *ctx = *state;

	fluffy_ctx_free(&ctx);
	return 0;
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

static void
assert_short_lines(const char *text)
{
	const char *end;

	for (; *text != '\0'; text = end + 1) {
		end = strchr(text, '\n');
		assert_non_null(end);
		if (end - text > 80 || (end > text && end[-1] == ' '))
			fail_msg("long or blank at its end: %.90s", text);
	}
}

static char *
printed(fluffy_bytes *bytes)
{
	char *text = calloc(1, bytes->len + 1);

	assert_non_null(text);
	memcpy(text, bytes->data, bytes->len);
	fluffy_bytes_free(bytes);
	assert_short_lines(text);
	return text;
}

static void
cddl_has_every_member(void **state)
{
	const struct words *types = registry_words(R_TYPE);
	fluffy_ctx *ctx = *state;
	const struct schema *schema;
	char *cddl, line[80];
	fluffy_bytes bytes;
	size_t i;
	uint8_t j;

	assert_int_equal(fluffy_schema_cddl(ctx, &bytes), FLUFFY_OK);
	cddl = printed(&bytes);
	for (i = 0; i < types->n; i++) {
		schema = message_schema(types->v[i].number);
		snprintf(line, sizeof(line), "\n%s = {\n", types->v[i].text);
		assert_has(cddl, line);
		for (j = 0; j < schema->n_rows; j++) {
			snprintf(line, sizeof(line), " %d => ",
			    schema->rows[j].label);
			assert_has(strstr(cddl, types->v[i].text), line);
		}
	}
	assert_has(cddl, "    ? 17 => seconds,              ; endtime\n");
	assert_has(cddl, "    22 => bstr .size (16..32),    ; key\n");
	assert_has(cddl, "    23 => [1*8 alg] / alg,        ; etype\n");
	assert_has(cddl, "\npair-keydata = ec-key-pair / okp-key-pair / ");
	assert_has(cddl, "    -25 /   ; ECDH-ES+HKDF-256\n    safe-int\n");
	free(cddl);
}

static void
mdoc_has_every_word(void **state)
{
	fluffy_ctx *ctx = *state;
	const struct words *words;
	char *mdoc, line[80];
	fluffy_bytes bytes;
	enum registry r;
	size_t i;
	int label;

	assert_int_equal(fluffy_schema_mdoc(ctx, &bytes), FLUFFY_OK);
	mdoc = printed(&bytes);
	for (label = 0; label < N_LABELS; label++) {
		snprintf(line, sizeof(line), ".It %d Ta %s Ta ", label,
		    label_name(label));
		assert_has(mdoc, line);
	}
	for (r = R_NONE; r <= R_NO_FLAGS; r++) {
		words = registry_words(r);
		for (i = 0; i < words->n; i++) {
			snprintf(line, sizeof(line), "\n%lld\\~%s",
			    (long long)words->v[i].number, words->v[i].text);
			assert_has(mdoc, line);
		}
	}
	assert_has(mdoc, ".It 22 Ta key Ta bytes or map\n");
	assert_lacks(mdoc, " Ta \n");
	assert_has(mdoc, "GSK-REP { pvno, msg-type, sprealm, spname, receipt "
	    "<?rflags,\n   ");
	free(mdoc);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cddl_has_every_member),
		cmocka_unit_test(mdoc_has_every_word)
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

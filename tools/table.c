/* table.c - lines of text whose columns are aligned */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "report.h"

/* Characters, not bytes, of valid UTF-8. */
static size_t
width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static bool
grow(struct table *t)
{
	size_t room = t->room > 0 ? 2 * t->room : 16;
	char *(*more)[TABLE_CELLS] = reallocarray(t->row, room, sizeof *more);

	if (more == NULL)
		return false;
	t->row = more;
	t->room = room;
	return true;
}

bool
table_add(struct table *t, const char *const cell[TABLE_CELLS])
{
	char **row;

	if (t->count == t->room && !grow(t))
		return false;
	row = t->row[t->count++];
	memset(row, 0, sizeof t->row[0]);
	for (size_t i = 0; i < TABLE_CELLS; i++) {
		if (cell[i] == NULL || *cell[i] == '\0')
			continue;
		row[i] = strdup(cell[i]);
		if (row[i] == NULL)
			return false;
		clean_text(row[i]);
		if (width(row[i]) > t->width[i])
			t->width[i] = width(row[i]);
	}
	return true;
}

/* Blanks are due only when another cell follows them. */
static void
print_row(FILE *out, char *const row[TABLE_CELLS],
    const size_t widths[TABLE_CELLS])
{
	size_t due = 0;

	for (size_t i = 0; i < TABLE_CELLS; i++) {
		const char *cell = row[i] != NULL ? row[i] : "";

		if (widths[i] == 0)
			continue;
		if (*cell != '\0') {
			fprintf(out, "%*s%s", (int)due, "", cell);
			due = 0;
		}
		due += widths[i] - width(cell) + 2;
	}
	fputc('\n', out);
}

void
table_print(FILE *out, const struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		print_row(out, t->row[i], t->width);
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		for (size_t j = 0; j < TABLE_CELLS; j++)
			free(t->row[i][j]);
	}
	free(t->row);
	*t = (struct table){ 0 };
}

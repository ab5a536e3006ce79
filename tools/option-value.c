/* option-value.c - the value of one option: checked, and put where it goes */
#include <string.h>

#include "options.h"
#include "report.h"

static bool
is_word(const char *words, const char *value)
{
	size_t len = strlen(value);

	for (const char *w = words; *w != '\0'; w += strspn(w, "|")) {
		size_t n = strcspn(w, "|");

		if (n == len && strncmp(w, value, n) == 0)
			return true;
		w += n;
	}
	return false;
}

bool
number_read(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;

	if (*text == '\0' || strlen(text) > 16)
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	*number = n;
	return *text == '\0' && n >= min && n <= max;
}

static bool
store_number(const struct option_row *row, const char *text)
{
	row->number->given = true;
	return number_read(text, row->min, row->max, &row->number->value);
}

static void
store_text(const struct option_row *row, const char *value)
{
	if (row->flag != NULL)
		*row->flag = true;
	else if (row->text != NULL)
		*row->text = value != NULL ? value : row->name;
	else
		row->many->value[row->many->count++] = value;
}

bool
option_is_given(const struct option_row *row)
{
	if (row->flag != NULL)
		return *row->flag;
	if (row->text != NULL)
		return *row->text != NULL;
	if (row->number != NULL)
		return row->number->given;
	return row->many->count == OPTION_MANY;
}

/* The option, or one that excludes it, was there before. */
static void
refuse_again(const struct option_row *row, const char *name)
{
	if (row->many != NULL)
		OPTIONS_WRONG(name, "given more than %d times", OPTION_MANY);
	else if (row->text != NULL && row->value == NULL &&
	    strcmp(*row->text, row->name) != 0)
		OPTIONS_WRONG(name, "not together with --%s", *row->text);
	else
		OPTIONS_WRONG(name, "given twice");
}

void
option_take(const struct option_row *row, const char *value)
{
	char name[64];

	snprintf(name, sizeof name, "--%s", row->name);
	if (option_is_given(row))
		refuse_again(row, name);
	else if (value != NULL && row->file && *value == '\0')
		OPTIONS_WRONG(name, "the name of a file is empty");
	else if (row->words != NULL && !is_word(row->words, value))
		OPTIONS_WRONG(name, "\"%s\" is none of %s", value, row->words);
	else if (row->number == NULL)
		store_text(row, value);
	else if (!store_number(row, value))
		OPTIONS_WRONG(name, "\"%s\" isn't a number from %llu to %llu",
		    value, (unsigned long long)row->min,
		    (unsigned long long)row->max);
}

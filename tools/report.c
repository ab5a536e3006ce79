/* report.c - what a program says on stderr, and the status it exits with */
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE 1024 /* longer texts are cut: they quote what the user wrote */

const char *report_verbosity;
const char *report_errors;

static char program_name[64] = "fluffy";
static enum fluffy_status highest = FLUFFY_DONE;

void
report_program(const char *program, const char *verb)
{
	snprintf(program_name, sizeof program_name, "%s%s%s", program,
	    verb != NULL ? " " : "", verb != NULL ? verb : "");
}

static bool
word_is(const char *chosen, const char *word)
{
	return chosen != NULL && strcmp(chosen, word) == 0;
}

/* So many bytes at p mustn't reach a terminal; 0: they may. */
static size_t
unsafe(const char *p, bool utf8)
{
	const unsigned char *c = (const unsigned char *)p;

	if (c[0] < ' ' || c[0] == 0x7f || (!utf8 && c[0] > 0x7f))
		return 1;
	if (c[0] == 0xc2 && c[1] < 0xa0)	/* U+0080 to U+009F */
		return 2;
	if (c[0] != 0xe2)
		return 0;
	/* They turn text round, or break its line: U+200E, U+2066, ... */
	if (c[1] == 0x80 ? c[2] == 0x8e || c[2] == 0x8f ||
	    (c[2] >= 0xa8 && c[2] <= 0xae) :
	    c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9)
		return 3;
	return 0;
}

void
clean_text(char *text)
{
	json_t *valid = json_string(text);
	bool utf8 = valid != NULL;
	char *to = text;

	json_decref(valid);
	for (const char *p = text; *p != '\0';) {
		size_t skip = unsafe(p, utf8);

		*to++ = skip > 0 ? '?' : *p;
		p += skip > 0 ? skip : 1;
	}
	*to = '\0';
}

static void
print_object(json_t *object)
{
	char *line = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	if (line != NULL)
		fprintf(stderr, "%s\n", line);
	free(line);
	json_decref(object);
}

/* What is about nothing in particular has neither file nor field. */
static void
print_error(enum fluffy_error error, enum fluffy_status status, char *file,
    char *field, char *text)
{
	json_t *object;

	if (status > highest)
		highest = status;
	clean_text(file);
	clean_text(field);
	clean_text(text);
	if (!word_is(report_errors, "json")) {
		fprintf(stderr, "%s: %s%s%s%s%s\n", program_name, file,
		    *file != '\0' ? ": " : "", field,
		    *field != '\0' ? ": " : "", text);
		return;
	}
	object = json_pack("{s:s,s:s,s:s,s:s,s:i}", "program", program_name,
	    "error", fluffy_error_name(error), "field", field, "text", text,
	    "status", (int)status);
	if (*file != '\0')
		json_object_set_new(object, "file", json_string(file));
	print_object(object);
}

void
report_error(enum fluffy_error error, const char *field, const char *format,
    ...)
{
	char file[] = "", place[LINE], text[LINE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	snprintf(place, sizeof place, "%s", field);
	print_error(error, fluffy_error_status(error), file, place, text);
}

void
report_why_of(const fluffy_ctx *ctx, const char *file, enum fluffy_error error)
{
	fluffy_reason why = fluffy_why(ctx);
	bool told = why.code == error && why.text != NULL && *why.text != '\0';
	char name[LINE], place[LINE], text[LINE];

	snprintf(name, sizeof name, "%s", file);
	snprintf(place, sizeof place, "%s",
	    told && why.field != NULL ? why.field : "");
	snprintf(text, sizeof text, "%s",
	    told ? why.text : fluffy_error_sentence(error));
	print_error(error, fluffy_error_status(error), name, place, text);
}

void
report_why(const fluffy_ctx *ctx, enum fluffy_error error)
{
	report_why_of(ctx, "", error);
}

const char *
report_worth(enum fluffy_error error, enum fluffy_outcome_kind kind)
{
	return error == FLUFFY_OK && kind == FLUFFY_ERROR_PROVEN ?
	    "proven" : "hint, not authenticated";
}

void
report_received(enum fluffy_error code, const char *e_text, const char *worth)
{
	char text[LINE], file[] = "", field[] = "";

	if (code == FLUFFY_OK) {
		code = FLUFFY_E_UNEXPECTED;
		snprintf(text, sizeof text, "ERROR, unknown code (%s)", worth);
	} else
		snprintf(text, sizeof text, "ERROR %s (%s): %s",
		    fluffy_error_name(code), worth,
		    e_text != NULL ? e_text : fluffy_error_sentence(code));
	print_error(code, FLUFFY_REFUSED, file, field, text);
}

void
report_errno(const char *field)
{
	report_error(FLUFFY_E_SYSTEM, field, "%s", strerror(errno));
}

static void print_words(const char *, va_list) PRINTF_LIKE(1, 0);

static void
print_words(const char *format, va_list ap)
{
	char text[LINE];

	vsnprintf(text, sizeof text, format, ap);
	clean_text(text);
	if (word_is(report_errors, "json"))
		print_object(json_pack("{s:s,s:s,s:i}", "program", program_name,
		    "text", text, "status", FLUFFY_DONE));
	else
		fprintf(stderr, "%s: %s\n", program_name, text);
}

void
report_say(const char *format, ...)
{
	va_list ap;

	if (word_is(report_verbosity, "quiet"))
		return;
	va_start(ap, format);
	print_words(format, ap);
	va_end(ap);
}

void
report_tell(const char *format, ...)
{
	va_list ap;

	if (!report_is_verbose())
		return;
	va_start(ap, format);
	print_words(format, ap);
	va_end(ap);
}

bool
report_is_verbose(void)
{
	return word_is(report_verbosity, "verbose");
}

enum fluffy_status
report_status(void)
{
	return highest;
}

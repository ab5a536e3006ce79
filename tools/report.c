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

/*
 * File names and operands may hold anything; a terminal and a JSON reader may
 * not get it.
 */
static void
clean(char *text)
{
	json_t *valid = json_string(text);

	for (char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < ' ' || c == 0x7f || (valid == NULL && c > 0x7f))
			*p = '?';
	}
	json_decref(valid);
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

static void
print_error(enum fluffy_error error, enum fluffy_status status, char *field,
    char *text)
{
	if (status > highest)
		highest = status;
	clean(field);
	clean(text);
	if (word_is(report_errors, "json"))
		print_object(json_pack("{s:s,s:s,s:s,s:s,s:i}",
		    "program", program_name, "error", fluffy_error_name(error),
		    "field", field, "text", text, "status", (int)status));
	else if (*field != '\0')
		fprintf(stderr, "%s: %s: %s\n", program_name, field, text);
	else
		fprintf(stderr, "%s: %s\n", program_name, text);
}

void
report_error(enum fluffy_error error, const char *field, const char *format,
    ...)
{
	char place[LINE], text[LINE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	snprintf(place, sizeof place, "%s", field);
	print_error(error, fluffy_error_status(error), place, text);
}

void
report_why(const fluffy_ctx *ctx, enum fluffy_error error)
{
	fluffy_reason why = fluffy_why(ctx);
	bool told = why.code == error && why.text != NULL && *why.text != '\0';

	report_error(error, told && why.field != NULL ? why.field : "", "%s",
	    told ? why.text : fluffy_error_sentence(error));
}

void
report_received(enum fluffy_error code, const char *e_text, const char *worth)
{
	char text[LINE], field[] = "";

	if (code == FLUFFY_OK) {
		code = FLUFFY_E_UNEXPECTED;
		snprintf(text, sizeof text, "ERROR, unknown code (%s)", worth);
	} else
		snprintf(text, sizeof text, "ERROR %s (%s): %s",
		    fluffy_error_name(code), worth,
		    e_text != NULL ? e_text : fluffy_error_sentence(code));
	print_error(code, FLUFFY_REFUSED, field, text);
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
	clean(text);
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

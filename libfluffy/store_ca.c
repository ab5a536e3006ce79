/* store_ca.c - where an SKDC's certificates come from */
#include "store_sql.h"

#define TEXT_MAX 4096	/* a file's name, a URL */

/* ---- columns that may be NULL ------------------------------------------- */

static void
bind_option(struct query *q, const char *text)
{
	if (text != NULL)
		bind_text(q, bytes_str(text));
	else
		bind_null(q);
}

/* arena.failed tells of memory. */
static const char *
get_option(struct query *q, struct arena *arena)
{
	struct bytes text;

	if (get_null(q))
		return NULL;
	text = get_text(q, 1, TEXT_MAX);
	if (text.n == 0 || memchr(text.p, '\0', text.n) != NULL) {
		q->damaged = true;
		return NULL;
	}
	return (const char *)arena_dup(arena, text).p;
}

/* ---- the setting -------------------------------------------------------- */

enum fluffy_error
store_ca(fluffy_store *s, struct arena *arena, fluffy_ca *ca)
{
	struct query q;
	enum fluffy_error e;

	*ca = (fluffy_ca){ .cert = NULL };
	query_open(&q, s, SQL_CA);
	if (query_step(&q)) {
		ca->cert = get_option(&q, arena);
		ca->key = get_option(&q, arena);
		ca->url = get_option(&q, arena);
		ca->ref = get_option(&q, arena);
		ca->secret = get_option(&q, arena);
		ca->x5u = get_option(&q, arena);
	}
	e = query_close(&q);
	if (e == FLUFFY_OK && arena->failed)
		e = fluffy_fail_memory(s->ctx);
	if (e != FLUFFY_OK)
		*ca = (fluffy_ca){ .cert = NULL };
	return e;
}

enum fluffy_error
store_ca_set(fluffy_store *s, const fluffy_ca *ca)
{
	struct query q;

	query_open(&q, s, SQL_CA_SET);
	bind_option(&q, ca->cert);
	bind_option(&q, ca->key);
	bind_option(&q, ca->url);
	bind_option(&q, ca->ref);
	bind_option(&q, ca->secret);
	bind_option(&q, ca->x5u);
	return query_run(&q, NULL);
}

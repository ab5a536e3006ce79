/* store_deletion.c - copies of keys that devices have to delete, at an SKDC */
#include "store_sql.h"

enum fluffy_error
store_deletion_add(fluffy_store *s, const struct deletion *d)
{
	struct query q;

	query_open(&q, s, SQL_DELETION_ADD);
	bind_keyid(&q, &d->keyid);
	bind_text(&q, name_bytes(&d->device));
	bind_uint(&q, d->since);
	bind_uint(&q, d->endtime);
	return query_run(&q, NULL);
}

enum fluffy_error
store_deletions_of_group(fluffy_store *s, int64_t group, struct bytes except,
    uint64_t now)
{
	struct query q;

	query_open(&q, s, SQL_DELETIONS_OF_GROUP);
	bind_int(&q, group);
	bind_uint(&q, now);
	bind_text(&q, except);
	return query_run(&q, NULL);
}

enum fluffy_error
store_deletions_of_member(fluffy_store *s, int64_t group,
    struct bytes device, uint64_t now)
{
	struct query q;

	query_open(&q, s, SQL_DELETIONS_OF_MEMBER);
	bind_int(&q, group);
	bind_uint(&q, now);
	bind_text(&q, device);
	return query_run(&q, NULL);
}

enum fluffy_error
store_deletions_of_key(fluffy_store *s, struct bytes keyid, uint64_t now)
{
	uint64_t number;
	struct query q;

	if (!keyid_number(keyid, &number))
		return FLUFFY_OK;
	query_open(&q, s, SQL_DELETIONS_OF_KEY);
	bind_uint(&q, number);
	bind_uint(&q, now);
	return query_run(&q, NULL);
}

enum fluffy_error
store_deletion_asked(fluffy_store *s, struct bytes keyid,
    struct bytes device, bool *asked)
{
	uint64_t number;
	struct query q;

	*asked = false;
	if (!keyid_number(keyid, &number))
		return FLUFFY_OK;
	query_open(&q, s, SQL_DELETION_ASKED);
	bind_uint(&q, number);
	bind_text(&q, device);
	*asked = query_step(&q);
	return query_close(&q);
}

/* ---- what isn't confirmed --------------------------------------------- */

/* All that an open query gives, in the arena. */
static enum fluffy_error
collect(fluffy_store *s, struct query *q, struct arena *arena,
    struct deletion **v, size_t *n)
{
	struct deletion *d;
	size_t room = 0;
	enum fluffy_error e;

	*v = NULL;
	*n = 0;
	while (query_step(q)) {
		d = arena_grow(arena, *v, *n, &room, sizeof(*d));
		if (d == NULL)
			break;
		*v = d;
		d += (*n)++;
		d->keyid = keyid_from(get_uint(q, INT64_MAX));
		get_name(q, &d->device, false);
		d->since = get_uint(q, TIME_MAX);
		d->endtime = get_uint(q, TIME_MAX);
	}
	e = query_close(q);
	return e == FLUFFY_OK && arena->failed ? fluffy_fail_memory(s->ctx) :
	    e;
}

enum fluffy_error
store_missing_of_group(fluffy_store *s, struct arena *arena, int64_t group,
    struct bytes except, uint64_t now, struct deletion **v, size_t *n)
{
	struct query q;

	query_open(&q, s, SQL_MISSING_OF_GROUP);
	bind_uint(&q, now);
	bind_int(&q, group);
	bind_text(&q, except);
	return collect(s, &q, arena, v, n);
}

enum fluffy_error
store_is_missing(fluffy_store *s, int64_t group, struct bytes except,
    uint64_t now, bool *missing)
{
	struct query q;

	query_open(&q, s, SQL_IS_MISSING);
	bind_uint(&q, now);
	bind_int(&q, group);
	bind_text(&q, except);
	*missing = query_step(&q);
	return query_close(&q);
}

enum fluffy_error
store_missing_of_key(fluffy_store *s, struct arena *arena,
    struct bytes keyid, uint64_t now, struct deletion **v, size_t *n)
{
	uint64_t number;
	struct query q;

	*v = NULL;
	*n = 0;
	if (!keyid_number(keyid, &number))
		return FLUFFY_OK;
	query_open(&q, s, SQL_MISSING_OF_KEY);
	bind_uint(&q, now);
	bind_uint(&q, number);
	return collect(s, &q, arena, v, n);
}

enum fluffy_error
store_missing(fluffy_store *s, struct arena *arena, uint64_t now,
    struct deletion **v, size_t *n)
{
	struct query q;

	query_open(&q, s, SQL_MISSING);
	bind_uint(&q, now);
	return collect(s, &q, arena, v, n);
}

/* ---- PSK-DELT and PSK-DELC -------------------------------------------- */

enum fluffy_error
store_delt_add(fluffy_store *s, const struct deletion *d, struct bytes nonce)
{
	struct query q;

	query_open(&q, s, SQL_DELT_ADD);
	bind_text(&q, name_bytes(&d->device));
	bind_blob(&q, nonce);
	bind_keyid(&q, &d->keyid);
	bind_uint(&q, d->endtime);
	return query_run(&q, NULL);
}

enum fluffy_error
store_delt(fluffy_store *s, struct bytes device, struct bytes nonce,
    struct keyid *keyid)
{
	enum fluffy_error e;
	struct query q;
	bool found;

	*keyid = (struct keyid){ .n = 0 };
	query_open(&q, s, SQL_DELT);
	bind_text(&q, device);
	bind_blob(&q, nonce);
	found = query_step(&q);
	if (found)
		*keyid = keyid_from(get_uint(&q, INT64_MAX));
	e = query_close(&q);
	if (e != FLUFFY_OK || found)
		return e;
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
	    "no PSK-DELT had this nonce");
}

enum fluffy_error
store_deletion_confirm(fluffy_store *s, struct bytes keyid,
    struct bytes device)
{
	uint64_t number;
	struct query q;

	if (!keyid_number(keyid, &number))
		return store_misused(s, "keyid of a wrong size");
	query_open(&q, s, SQL_DELETION_CONFIRM);
	bind_uint(&q, number);
	bind_text(&q, device);
	return query_run(&q, NULL);
}

/* ca_admin.c - what an operator says about where certificates come from */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "ca.h"
#include "store.h"

static enum fluffy_error
check_role(fluffy_store *s)
{
	if (s->party.role == ROLE_SKDC)
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
	    "this store is a device's, not an SKDC's");
}

/*
 * A daemon's directory isn't the operator's.  The name is left as it was
 * given otherwise: symbolic links may be meant to change.
 */
static enum fluffy_error
make_absolute(fluffy_store *s, struct arena *arena, const char **name)
{
	struct buffer b = BUFFER(PATH_MAX - 1);
	char directory[PATH_MAX];

	if (*name == NULL || (*name)[0] == '/')
		return FLUFFY_OK;
	if ((*name)[0] == '\0')
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "the name of a file is empty");
	if (getcwd(directory, sizeof(directory)) == NULL)
		return fluffy_fail(s->ctx, FLUFFY_E_SYSTEM, NULL,
		    "the working directory: %s", strerror(errno));
	buffer_adds(&b, directory);
	buffer_addc(&b, '/');
	buffer_adds(&b, *name);
	if (b.failed) {
		buffer_free(&b);
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "the name of a file is too long");
	}
	*name = (const char *)arena_dup(arena, buffer_view(&b)).p;
	buffer_free(&b);
	return *name == NULL ? fluffy_fail_memory(s->ctx) : FLUFFY_OK;
}

static enum fluffy_error
make_names_absolute(fluffy_store *s, struct arena *arena, fluffy_ca *ca)
{
	enum fluffy_error e = make_absolute(s, arena, &ca->cert);

	if (e == FLUFFY_OK)
		e = make_absolute(s, arena, &ca->key);
	if (e == FLUFFY_OK)
		e = make_absolute(s, arena, &ca->secret);
	return e;
}

static enum fluffy_error
set_ca(fluffy_store *s, void *ca)
{
	return store_ca_set(s, ca);
}

enum fluffy_error
fluffy_ca_set(fluffy_store *s, const fluffy_ca *ca)
{
	struct arena arena = { .chunks = NULL };
	fluffy_ca set = *ca;
	enum fluffy_error e = check_role(s);

	if (e == FLUFFY_OK)
		e = make_names_absolute(s, &arena, &set);
	if (e == FLUFFY_OK)
		e = ca_check(s->ctx, &set);
	if (e == FLUFFY_OK)
		e = store_change(s, set_ca, &set);
	arena_free(&arena);
	return e;
}

/* ---- looking ------------------------------------------------------------ */

/* Appends the text; where it begins, or SIZE_MAX. */
static size_t
put(struct buffer *b, const char *text)
{
	size_t at = b->n;

	if (text == NULL)
		return SIZE_MAX;
	buffer_adds(b, text);
	buffer_addc(b, '\0');
	return at;
}

static const char *
at(const fluffy_bytes *memory, size_t offset)
{
	return offset == SIZE_MAX ? NULL :
	    (const char *)memory->data + offset;
}

static enum fluffy_error
hand_over(fluffy_store *s, const fluffy_ca *from, fluffy_ca *to,
    fluffy_bytes *memory)
{
	struct buffer b = BUFFER(6 * 4096 + 6);
	const size_t cert = put(&b, from->cert), key = put(&b, from->key),
	    url = put(&b, from->url), ref = put(&b, from->ref),
	    secret = put(&b, from->secret), x5u = put(&b, from->x5u);
	bool taken = buffer_take(&b, memory);

	buffer_free(&b);
	if (!taken)
		return fluffy_fail_memory(s->ctx);
	*to = (fluffy_ca){
		.cert = at(memory, cert), .key = at(memory, key),
		.url = at(memory, url), .ref = at(memory, ref),
		.secret = at(memory, secret), .x5u = at(memory, x5u),
	};
	return FLUFFY_OK;
}

enum fluffy_error
fluffy_ca_get(fluffy_store *s, fluffy_ca *ca, fluffy_bytes *memory)
{
	struct arena arena = { .chunks = NULL };
	fluffy_ca stored;
	enum fluffy_error e = check_role(s);

	*ca = (fluffy_ca){ .cert = NULL };
	*memory = (fluffy_bytes){ NULL, 0 };
	if (e == FLUFFY_OK)
		e = store_ca(s, &arena, &stored);
	if (e == FLUFFY_OK)
		e = hand_over(s, &stored, ca, memory);
	arena_free(&arena);
	return e;
}

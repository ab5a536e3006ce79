/* grppac.c - what the owner of a group wishes (wire.md, sections 5 and 6) */
#include "cbor.h"
#include "grppac.h"
#include "text.h"

#define MEMBERS	 BYTES("members")
#define LIFETIME BYTES("lifetime")
#define ANYBODY	 BYTES("any")

static const char no_memory[] = "no memory left to read it";

/* ---- reading ------------------------------------------------------------- */

static bool
all_names(const struct tree *t, uint32_t at)
{
	uint32_t i;

	for (i = at + 1; i < t->v[at].end; i = t->v[i].end)
		if (t->v[i].type != N_TEXT ||
		    !name_valid(tree_string(t, &t->v[i])))
			return false;
	return true;
}

static const char *
read_members(const struct tree *t, uint32_t at, struct arena *arena,
    struct grppac *out)
{
	const struct node *node = &t->v[at];
	uint32_t i;

	out->has_members = true;
	out->any = node->type == N_TEXT &&
	    bytes_eq(tree_string(t, node), ANYBODY);
	if (out->any)
		return NULL;
	if (node->type != N_ARRAY || !all_names(t, at))
		return "members: expected \"any\" or an array of names";
	if (arena == NULL || node->n == 0)
		return NULL;
	out->members = arena_alloc(arena, node->n * sizeof(*out->members));
	if (out->members == NULL)
		return no_memory;
	for (i = at + 1; i < node->end; i = t->v[i].end)
		out->members[out->n_members++] = tree_string(t, &t->v[i]);
	return NULL;
}

static const char *
read_lifetime(const struct node *node, struct grppac *out)
{
	if (node->type != N_INT || node->v.i < 1)
		return "lifetime: expected a whole number of seconds, 1 or more";
	out->lifetime = (uint64_t)node->v.i;
	return NULL;
}

/* Members that nobody knows are for the group's members, not for us. */
static const char *
read_tree(const struct tree *t, struct arena *arena, struct grppac *out)
{
	const char *broken = NULL;
	struct bytes name;
	uint32_t i, value;

	if (t->v[0].type != N_MAP)
		return "expected a map";
	for (i = 1; i < t->v[0].end && broken == NULL; i = t->v[value].end) {
		value = t->v[i].end;
		name = tree_string(t, &t->v[i]);
		if (bytes_eq(name, LIFETIME))
			broken = read_lifetime(&t->v[value], out);
		else if (bytes_eq(name, MEMBERS))
			broken = read_members(t, value, arena, out);
	}
	return broken;
}

static const char *
scan(struct bytes cbor, struct arena *arena, struct grppac *out)
{
	struct tree tree = { .v = NULL };
	const char *broken = "can't be read";
	struct cbor_scan s;
	enum scan_result result;

	cbor_scan_start(&s, &tree);
	result = cbor_scan_run(&s, cbor);
	if (result == SCAN_DONE)
		broken = read_tree(&tree, arena, out);
	else if (result == SCAN_NO_MEMORY)
		broken = no_memory;
	cbor_scan_end(&s);
	tree_free(&tree);
	return broken;
}

const char *
grppac_read(struct bytes cbor, struct arena *arena, struct grppac *out)
{
	const char *broken;

	*out = (struct grppac){ .members = NULL };
	/* one copy, so that the members' names live as long as the arena */
	if (arena != NULL && !arena_copy(arena, cbor, &cbor))
		return no_memory;
	broken = scan(cbor, arena, out);
	if (broken != NULL)
		*out = (struct grppac){ .members = NULL };
	if (broken == no_memory && arena != NULL)
		arena->failed = true;
	return broken;
}

/* ---- writing ------------------------------------------------------------- */

/* The piece before the next comma; rest is what follows, or NULL. */
static struct bytes
next_piece(const char **rest)
{
	const char *start = *rest, *comma = strchr(start, ',');

	*rest = comma == NULL ? NULL : comma + 1;
	return comma == NULL ? bytes_str(start) :
	    bytes_of(start, (size_t)(comma - start));
}

/* A blank at an end, or "any" among names, is a slip of the pen. */
static bool
good_piece(struct bytes name)
{
	return name_valid(name) && name.p[0] != ' ' &&
	    name.p[name.n - 1] != ' ' && !bytes_eq(name, ANYBODY);
}

static bool
put_members(struct buffer *b, const char *members)
{
	const char *rest = members;
	struct bytes name;
	size_t n = 1;

	cbor_put_text(b, MEMBERS);
	if (bytes_eq(bytes_str(members), ANYBODY)) {
		cbor_put_text(b, ANYBODY);
		return true;
	}
	for (; (rest = strchr(rest, ',')) != NULL; rest++)
		n++;
	cbor_put_array(b, n);
	for (rest = members; rest != NULL;) {
		name = next_piece(&rest);
		if (!good_piece(name))
			return false;
		cbor_put_text(b, name);
	}
	return true;
}

bool
grppac_write(struct arena *arena, const char *members, uint64_t lifetime,
    struct bytes *cbor)
{
	/* no limit, so that only memory can fail it */
	struct buffer b = BUFFER(SIZE_MAX);
	bool good = lifetime <= MAX_SAFE;

	*cbor = bytes_of(NULL, 0);
	cbor_put_map(&b, (size_t)(members != NULL) + (lifetime != 0));
	/* the shorter name first: that is the deterministic order */
	if (good && members != NULL)
		good = put_members(&b, members);
	if (good && lifetime != 0) {
		cbor_put_text(&b, LIFETIME);
		cbor_put_int(&b, (int64_t)lifetime);
	}
	arena->failed |= b.failed;
	good = good && !b.failed && b.n <= FLUFFY_MAX_EMITTED &&
	    arena_copy(arena, buffer_view(&b), cbor);
	buffer_free(&b);
	return good;
}

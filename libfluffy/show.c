/*
 * show.c - a message as a tree for people
 *
 * A walk over the schema like the codecs', members in the order of JSON, one
 * a line, the values of a structure aligned.
 */
#include <time.h>

#include "cbor.h"
#include "cert.h"
#include "grppac.h"
#include "json.h"
#include "maccert.h"
#include "show.h"
#include "text.h"

struct shower {
	struct buffer *b;
	int64_t type;	/* of the message */
	uint64_t now;
	bool show_keys;
};

/* ---- text that may come from anybody ------------------------------------- */

/*
 * Is the character at i unsafe?  Then its code point and length.  Patterns of
 * bytes tell, because the text is UTF-8: C2 80-9F are the C1 controls; E2 80
 * 8E-8F, A8-AE and E2 81 A6-A9 separate lines or change the direction.
 */
static bool
unsafe_at(struct bytes s, size_t i, unsigned *code, size_t *n)
{
	uint8_t c = s.p[i], second = i + 1 < s.n ? s.p[i + 1] : 0;
	uint8_t third = i + 2 < s.n ? s.p[i + 2] : 0;

	*code = c;
	*n = 1;
	if (c < 0x20 || c == 0x7f)
		return true;
	if (c == 0xc2 && second >= 0x80 && second < 0xa0) {
		*code = second;
		*n = 2;
		return true;
	}
	if (c == 0xe2 &&
	    ((second == 0x80 && (third == 0x8e || third == 0x8f)) ||
	    (second == 0x80 && third >= 0xa8 && third <= 0xae) ||
	    (second == 0x81 && third >= 0xa6 && third <= 0xa9))) {
		*code = 0x2000u | (second & 0x3fu) << 6 | (third & 0x3fu);
		*n = 3;
		return true;
	}
	return false;
}

void
put_safe(struct buffer *b, struct bytes s, bool in_comment)
{
	unsigned code;
	size_t i, n;

	for (i = 0; i < s.n; i += n)
		if (unsafe_at(s, i, &code, &n) ||
		    (in_comment && s.p[i] == '/'))
			buffer_addf(b, "\\u%04x", code);
		else
			buffer_addc(b, (char)s.p[i]);
}

static void
put_quoted(struct buffer *b, struct bytes text)
{
	struct buffer json = BUFFER(b->max);

	json_put_string(&json, text);
	b->failed |= json.failed;
	put_safe(b, buffer_view(&json), false);
	buffer_free(&json);
}

/*
 * Bare, unless its ends or its emptiness couldn't be seen, or its end could
 * be taken for a note of ours.
 */
static void
put_text(struct buffer *b, struct bytes text)
{
	if (text.n == 0 || text.p[0] == ' ' || text.p[0] == '"' ||
	    text.p[text.n - 1] == ' ' || text.p[text.n - 1] == ')')
		put_quoted(b, text);
	else
		put_safe(b, text, false);
}

/* A value of kind any, or an unknown label, as JSON. */
static void
put_any(struct buffer *b, struct bytes cbor)
{
	struct buffer json = BUFFER(b->max);

	json_put_any(&json, cbor);
	if (json.failed)
		b->failed = true;
	else
		put_safe(b, buffer_view(&json), false);
	buffer_free(&json);
}

/* ---- times --------------------------------------------------------------- */

/* In the unit that people would choose, to the nearest. */
static void
put_span(struct buffer *b, uint64_t seconds)
{
	static const struct {
		uint64_t size;
		const char *name;
	} units[] = {
		{ 365 * 86400, "y" }, { 86400, "d" }, { 3600, "h" },
		{ 60, "min" }, { 1, "s" }
	};
	size_t i = 0;

	while (i < sizeof(units) / sizeof(units[0]) - 1 &&
	    seconds < units[i].size)
		i++;
	buffer_addf(b, "%llu %s", (unsigned long long)
	    ((seconds + units[i].size / 2) / units[i].size), units[i].name);
}

/* Exact, and as people say it. */
static void
put_lifetime(struct buffer *b, uint64_t seconds)
{
	buffer_addf(b, "%llu s", (unsigned long long)seconds);
	if (seconds >= 60) {
		buffer_adds(b, " (");
		put_span(b, seconds);
		buffer_addc(b, ')');
	}
}

static void
put_time(struct shower *s, int label, uint64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;
	char text[64];

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%SZ", &tm) > 0)
		buffer_adds(s->b, text);
	else
		buffer_addf(s->b, "%llu", (unsigned long long)at);
	if (at > s->now) {
		buffer_adds(s->b, " (in ");
		put_span(s->b, at - s->now);
	} else {
		buffer_adds(s->b, label == L_endtime ? " (expired " : " (");
		if (at < s->now)
			put_span(s->b, s->now - at);
		buffer_adds(s->b, at < s->now ? " ago" : "now");
	}
	buffer_addc(s->b, ')');
}

/* ---- values -------------------------------------------------------------- */

#define LONG_BYTES 32	/* longer ones are shortened */
#define SHORTENED  8

static void
put_size(struct buffer *b, size_t n)
{
	buffer_addf(b, n == 1 ? "%zu byte" : "%zu bytes", n);
}

static void
put_bytes(struct buffer *b, struct bytes bytes, bool whole)
{
	if (whole || bytes.n <= LONG_BYTES)
		hex_encode(b, bytes);
	else {
		hex_encode(b, bytes_of(bytes.p, SHORTENED));
		buffer_adds(b, "...");
	}
	buffer_adds(b, bytes.n == 0 ? "(" : " (");
	put_size(b, bytes.n);
	buffer_addc(b, ')');
}

/* What identifies is plain hex, to be searched for; content has its size. */
static void
put_octets(struct shower *s, const struct row *row, struct bytes bytes)
{
	bool secret = (row->flags & F_SECRET) != 0;

	if (secret && !s->show_keys)
		buffer_adds(s->b, "(hidden)");
	else if (row->label == L_keyid || row->label == L_nonce)
		hex_encode(s->b, bytes);
	else
		put_bytes(s->b, bytes, secret);
}

/* A word, or the number of what isn't registered. */
static void
put_word(struct buffer *b, enum registry registry, int64_t number)
{
	const char *word = word_of(registry, number);

	if (word == NULL)
		buffer_addf(b, "%lld", (long long)number);
	else
		buffer_adds(b, word);
	if (word != NULL && registry == R_ERROR)
		buffer_addf(b, ": %s",
		    fluffy_error_sentence((enum fluffy_error)number));
}

static void
put_tokens(struct buffer *b, enum registry registry,
    const struct tokens *tokens)
{
	size_t i;

	for (i = 0; i < tokens->n; i++) {
		if (i > 0)
			buffer_adds(b, ", ");
		put_word(b, registry, tokens->v[i]);
	}
	if (tokens->n == 0)
		buffer_adds(b, "(none)");
}

static void
put_flags(struct buffer *b, enum registry registry, uint32_t flags)
{
	const char *between = "";

	if (flags == 0)
		buffer_adds(b, "(none)");
	for (; flags != 0; flags &= flags - 1) {
		buffer_adds(b, between);
		put_word(b, registry, __builtin_ctz(flags));
		between = ", ";
	}
}

static void
put_indent(struct buffer *b, int depth)
{
	buffer_addf(b, "%*s", 2 * depth, "");
}

/* ---- values that take several lines -------------------------------------- */

/* One among others on a line: it must not look like two, or like words. */
static void
put_listed_name(struct buffer *b, struct bytes name)
{
	if (memchr(name.p, ',', name.n) != NULL ||
	    memchr(name.p, ' ', name.n) != NULL)
		put_quoted(b, name);
	else
		put_text(b, name);
}

static void
put_group_members(struct buffer *b, const struct grppac *g)
{
	size_t i;

	if (g->any)
		buffer_adds(b, "anybody enrolled");
	else if (g->n_members == 0)
		buffer_adds(b, "nobody but the owner");
	for (i = 0; i < g->n_members; i++) {
		buffer_adds(b, i == 0 ? "" : ", ");
		put_listed_name(b, g->members[i]);
	}
}

/* The first of the items of deterministic CBOR that rest begins with. */
static struct bytes
next_item(struct bytes *rest)
{
	struct tree tree = { .v = NULL };
	struct bytes item = { NULL, 0 };
	struct cbor_scan scan;

	cbor_scan_start(&scan, &tree);
	if (cbor_scan_run(&scan, *rest) == SCAN_DONE)
		item = bytes_of(rest->p, scan.at);
	cbor_scan_end(&scan);
	tree_free(&tree);
	*rest = bytes_of(rest->p + item.n, rest->n - item.n);
	return item;
}

/* How long the head of an array or a map is. */
static size_t
head_size(uint8_t first)
{
	unsigned info = first & 0x1f;

	return info < 24 ? 1 : 1 + ((size_t)1 << (info - 24));
}

/* What else a grppac has, in quotes like everything that isn't known. */
static void
put_others(struct buffer *b, struct bytes map, int depth)
{
	size_t head = head_size(map.p[0]);
	struct bytes key, value, rest = { map.p + head, map.n - head };

	while (rest.n > 0 && !b->failed) {
		key = next_item(&rest);
		value = next_item(&rest);
		if (value.n == 0) {
			b->failed = true; /* no memory */
			return;
		}
		if (bytes_eq(key, BYTES("\x67" "members")) ||
		    bytes_eq(key, BYTES("\x68" "lifetime")))
			continue;
		put_indent(b, depth);
		put_any(b, key);
		buffer_adds(b, ": ");
		put_any(b, value);
		buffer_addc(b, '\n');
	}
}

static void
put_wishes(struct buffer *b, const struct grppac *g, int depth)
{
	if (g->has_members) {
		put_indent(b, depth);
		buffer_adds(b, "members:  ");
		put_group_members(b, g);
		buffer_addc(b, '\n');
	}
	if (g->lifetime != 0) {
		put_indent(b, depth);
		buffer_adds(b, "lifetime: ");
		put_lifetime(b, g->lifetime);
		buffer_addc(b, '\n');
	}
}

/* False for what isn't like section 5's; only a GSK-REQ's has to be. */
static bool
put_grppac(struct buffer *b, const void *at, int depth)
{
	const struct bytes *cbor = at;
	struct arena arena = { .chunks = NULL };
	struct grppac g;
	bool good = !bytes_eq(*cbor, BYTES("\xa0")) &&
	    grppac_read(*cbor, &arena, &g) == NULL;

	b->failed |= arena.failed;
	if (good) {
		buffer_addc(b, '\n');
		put_wishes(b, &g, depth);
		put_others(b, *cbor, depth);
	}
	arena_free(&arena);
	return good;
}

/* What can't be described doesn't keep the message from being shown. */
static void
put_certificate(struct buffer *b, struct bytes der)
{
	struct buffer text = BUFFER(b->max);

	if (cert_describe(der, &text))
		put_safe(b, buffer_view(&text), false);
	else {
		put_bytes(b, der, false);
		buffer_adds(b, ", unreadable");
	}
	buffer_free(&text);
}

static bool
put_certificates(struct buffer *b, const void *at, int depth)
{
	const struct bytes_list *list = at;
	unsigned i;

	buffer_addc(b, '\n');
	for (i = 0; i < list->n; i++) {
		put_indent(b, depth);
		buffer_addf(b, "%u: ", i + 1);
		put_certificate(b, list->v[i]);
		buffer_addc(b, '\n');
	}
	return true;
}

/* What it says; nobody has checked the MAC. */
static bool
put_maccert(struct buffer *b, const void *at, int depth)
{
	struct maccert cert;

	if (maccert_read(*(const struct bytes *)at, &cert) != NULL)
		return false;
	buffer_addc(b, '\n');
	put_indent(b, depth);
	buffer_adds(b, "public-key:      ");
	put_bytes(b, cert.spki, false);
	buffer_addc(b, '\n');
	put_indent(b, depth);
	buffer_adds(b, "trust-anchor:    ");
	if (utf8_valid(cert.ta))
		put_text(b, cert.ta);
	else
		put_bytes(b, cert.ta, false);
	buffer_addc(b, '\n');
	put_indent(b, depth);
	buffer_addf(b, "sequence-number: %u\n", (unsigned)cert.number);
	put_indent(b, depth);
	buffer_adds(b, "mac:             ");
	put_bytes(b, cert.mac, false);
	buffer_addc(b, '\n');
	return true;
}

/* False, and nothing is put: it is shown like any other of its kind. */
static bool
put_lines(struct buffer *b, const struct row *row, const void *at, int depth)
{
	static const struct {
		int8_t label;
		bool (*put)(struct buffer *, const void *at, int depth);
	} members[] = {
		{ L_grppac, put_grppac }, { L_maccert, put_maccert },
		{ L_x5c, put_certificates }
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].label == row->label)
			return members[i].put(b, at, depth);
	return false;
}

/* ---- who is who ---------------------------------------------------------- */

/* What a name or a key is to the message, where its label doesn't tell. */
static const struct note {
	int64_t type;
	int8_t label;
	const char *words;
} notes[] = {
	{ FLUFFY_PSK_DELT, L_keyid, "the key to delete" },
	{ FLUFFY_GSK_REQ, L_spname, "the owner" },
	{ FLUFFY_GSK_REP, L_spname, "the owner" },
	{ FLUFFY_GSK_FET, L_cname, "a member" },
	{ FLUFFY_GSK_DLVR, L_cname, "a member" },
	{ FLUFFY_GSK_DELT, L_spname, "the owner" },
	{ FLUFFY_GSK_DELT, L_keyid, "the key to delete" },
	{ FLUFFY_GSK_DELC, L_spname, "the owner" }
};

static void
put_note(struct shower *s, const struct row *row)
{
	size_t i;

	for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (notes[i].type == s->type && notes[i].label == row->label)
			buffer_addf(s->b, " (%s)", notes[i].words);
}

/* ---- structures ---------------------------------------------------------- */

static void put_struct(struct shower *, const void *map, int depth);

/* Under the member's own line: the plaintext, or why there is none. */
static void
put_plain(struct shower *s, const struct row *row,
    const struct sealed *sealed, int depth)
{
	if (sealed->plain != NULL) {
		put_struct(s, sealed->plain, depth);
		return;
	}
	put_indent(s->b, depth);
	if (sealed->has_kid) {
		buffer_adds(s->b, "(closed: no store has key ");
		hex_encode(s->b, sealed->kid);
		buffer_adds(s->b, ")\n");
	} else
		buffer_adds(s->b, (row->flags & F_NO_KID) != 0 ?
		    "(closed: needs the session key in the miniticket)\n" :
		    "(closed: it doesn't say which key)\n");
}

static void
put_sealed(struct shower *s, const struct row *row,
    const struct sealed *sealed, int depth)
{
	buffer_adds(s->b, sealed->sign1 ? "signed with " : "sealed with ");
	if (word_of(R_ALG, sealed->alg) == NULL)
		buffer_adds(s->b, "algorithm ");
	put_word(s->b, R_ALG, sealed->alg);
	if (sealed->has_kid) {
		buffer_adds(s->b, " under key ");
		hex_encode(s->b, sealed->kid);
	}
	buffer_adds(s->b, ", ");
	put_size(s->b, sealed->ciphertext.n);
	buffer_addc(s->b, '\n');
	put_plain(s, row, sealed, depth);
}

/* A value that ends its line. */
static void
put_leaf(struct shower *s, const struct row *row, const void *at)
{
	const struct bytes *bytes = at;

	switch ((enum kind)row->kind) {
	case K_UINT:
		buffer_addf(s->b, "%llu",
		    (unsigned long long)*(const uint64_t *)at);
		break;
	case K_TIME:
		put_time(s, row->label, *(const uint64_t *)at);
		break;
	case K_NAME:
	case K_TEXT:
		put_text(s->b, *bytes);
		break;
	case K_BYTES:
		put_octets(s, row, *bytes);
		break;
	case K_TOKEN:
		put_word(s->b, row->registry, *(const int64_t *)at);
		break;
	case K_TOKENS:
		put_tokens(s->b, row->registry, at);
		break;
	case K_FLAGS:
		put_flags(s->b, row->registry, *(const uint32_t *)at);
		break;
	case K_ANY:
		put_any(s->b, *bytes);
		break;
	case K_BYTES_LIST:
	case K_MAP:
	case K_SEALED:
		break; /* not leaves */
	}
	put_note(s, row);
	buffer_addc(s->b, '\n');
}

/* Blanks behind a name that began at start, up to the column of values. */
static void
put_pad(struct buffer *b, size_t start, size_t width)
{
	size_t n = b->n - start;

	buffer_addf(b, "%*s", n < width ? (int)(width - n) + 1 : 1, "");
}

static void
put_member(struct shower *s, const struct row *row, const void *at,
    size_t width, int depth)
{
	size_t start;

	put_indent(s->b, depth);
	start = s->b->n;
	buffer_addf(s->b, "%s:", row_name(row));
	if (row->kind == K_MAP) {
		buffer_addc(s->b, '\n');
		put_struct(s, *(const void *const *)at, depth + 1);
		return;
	}
	if (put_lines(s->b, row, at, depth + 1))
		return;
	put_pad(s->b, start, width);
	if (row->kind == K_SEALED)
		put_sealed(s, row, at, depth + 1);
	else
		put_leaf(s, row, at);
}

static void
put_extra(struct shower *s, const struct extra *extra, size_t width,
    int depth)
{
	size_t start;

	put_indent(s->b, depth);
	start = s->b->n;
	put_any(s->b, extra->label);
	buffer_adds(s->b, " (unknown):");
	put_pad(s->b, start, width);
	put_any(s->b, extra->value);
	buffer_addc(s->b, '\n');
}

static bool
present(const struct head *head, const struct row *row)
{
	return (head->has & label_bit(row->label)) != 0;
}

/* Of the longest name, with its colon, that has a value on its line. */
static size_t
names_width(const struct head *head)
{
	const struct row *row;
	size_t n, width = 0;
	uint8_t i;

	for (i = 0; i < head->schema->n_rows; i++) {
		row = &head->schema->rows[i];
		if (!present(head, row) || row->kind == K_MAP)
			continue;
		n = strlen(row_name(row)) + 1;
		width = n > width ? n : width;
	}
	return width;
}

/* Recursion is as deep as the tables are nested. */
static void
put_struct(struct shower *s, const void *map, int depth)
{
	const struct head *head = map;
	size_t i, width = names_width(head);
	const struct row *row;

	for (i = 0; i < head->schema->n_rows; i++) {
		row = &head->schema->rows[i];
		if (present(head, row))
			put_member(s, row, (const uint8_t *)map + row->offset,
			    width, depth);
	}
	for (i = 0; i < head->n_extras; i++)
		put_extra(s, &head->extras[i], width, depth);
}

void
text_put_message(struct buffer *b, const struct fluffy_msg *msg,
    uint64_t now, bool show_keys)
{
	struct shower s = { .b = b, .type = msg->type, .now = now,
	    .show_keys = show_keys };
	struct buffer cbor = BUFFER(FLUFFY_MAX_EMITTED);

	cbor_put_struct(&cbor, msg, SKIP_NONE);
	b->failed |= cbor.failed;
	put_word(b, R_TYPE, msg->type);
	buffer_addf(b, " (%s, %zu bytes%s)\n",
	    msg->format == FLUFFY_JSON ? "JSON" : "CBOR", cbor.n,
	    msg->format == FLUFFY_JSON ? " of CBOR" : "");
	buffer_free(&cbor);
	put_struct(&s, msg, 1);
}

/*
 * test_attacks_groups.c - messages of groups, deletions and pairs that were
 * changed on the way: flipped, shortened, renamed, put together anew
 */
#include "scenes.h"

#include "policy.h"

/* ---- what everybody knows ------------------------------------------------ */

/* All stores, as they list themselves. */
static void
add_stores(struct world *w, struct lines *lines)
{
	int i;

	start_lines(lines);
	must(w->ctx, fluffy_list(w->skdc, add_line, lines));
	must(w->ctx, fluffy_list_groups(w->skdc, NULL, NULL, add_line,
	    lines));
	must(w->ctx, fluffy_list_deletions(w->skdc, add_line, lines));
	for (i = 0; i < N_DEVICES; i++)
		must(w->ctx, fluffy_list(w->device[i].store, add_line,
		    lines));
}

static struct lines before, after;

/* Refused, or told that it is for somebody else; nothing is answered. */
static void
assert_ignored(struct world *w, enum fluffy_error e, const fluffy_bytes *out,
    const char *what, size_t at)
{
	bool told = e == FLUFFY_OK && out->data == NULL &&
	    (w->outcome.kind == FLUFFY_NOT_ADDRESSED ||
	    w->outcome.kind == FLUFFY_ERROR_HINT);

	if (e == FLUFFY_OK && !told)
		print_error("%s: %zu was taken\n", what, at);
	assert_true(e != FLUFFY_OK || told);
	assert_int_not_equal(fluffy_error_status(e), FLUFFY_BROKEN);
	assert_int_not_equal(fluffy_error_status(e), FLUFFY_USAGE);
}

static void
assert_unchanged(struct world *w)
{
	add_stores(w, &after);
	assert_string_equal(after.text, before.text);
}

/* The untouched message is taken after all. */
static void
give_honest(struct world *w, const struct scene *scene,
    const fluffy_bytes *wire)
{
	fluffy_msg *msg = from_wire(w, wire);
	fluffy_bytes out;

	must(w->ctx, scene->give(w, msg, &out));
	fluffy_msg_free(&msg);
	wire_free(&out);
}

/* ---- flipped ------------------------------------------------------------- */

static void
try_flipped(struct world *w, const struct scene *scene,
    const fluffy_bytes *wire, size_t at, uint8_t with)
{
	fluffy_bytes out = { NULL, 0 };
	fluffy_msg *msg;
	enum fluffy_error e;

	wire->data[at] ^= with;
	e = fluffy_msg_read(w->ctx, wire->data, wire->len, &msg);
	wire->data[at] ^= with;
	if (e != FLUFFY_OK) {
		assert_null(msg);
		return;
	}
	memset(&w->outcome, 0, sizeof(w->outcome));
	e = scene->give(w, msg, &out);
	assert_ignored(w, e, &out, scene->name, at);
	wire_free(&out);
	fluffy_msg_free(&msg);
}

static void
flip(struct world *w, const struct scene *scene)
{
	fluffy_bytes wire = scene->make(w);
	bool json = wire.data[0] == '{';
	size_t at, n = json ? wire.len - 1 : wire.len;
	int bit;

	add_stores(w, &before);
	for (at = 0; at < n; at++) {
		/* in JSON one bit for each byte, in turn: it is long */
		for (bit = 0; bit < 8; bit++)
			if (!json || at % 8 == (size_t)bit)
				try_flipped(w, scene, &wire, at,
				    (uint8_t)(1 << bit));
	}
	assert_unchanged(w);
	give_honest(w, scene, &wire);
	wire_free(&wire);
}

static void
no_flipped_bit_is_accepted(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < N_SCENES; i++)
		flip(w, scenes[i]);
	honest(w);
	honest_group(w);
	honest_pair(w);
}

/* A PSK-ESTB that carries a public key, too: signed, then without proof. */
static fluffy_bytes
make_estb(struct world *w, const char *etype)
{
	fluffy_bytes req = pkp_wire(w, SENSOR, &(fluffy_pkp_params){
	    .kty = "EC", .etype = etype, .service = "lock",
	    .extras = all_extras }), rep = asked(w, &req), estb;

	must(w->ctx, pkp_take(w, SENSOR, &rep, &estb));
	wire_free(&req);
	wire_free(&rep);
	return estb;
}

static fluffy_bytes
make_signed(struct world *w)
{
	return make_estb(w, "ES256");
}

static enum fluffy_error
give_service(struct world *w, fluffy_msg *in, fluffy_bytes *out)
{
	enum fluffy_error e = step_msg(w, LOCK, in, &no_params, out);

	/* the ERROR that a service answers is no success */
	if (e != FLUFFY_OK)
		wire_free(out);
	return e;
}

static void
no_flipped_bit_of_a_signed_ticket_is_accepted(void **state)
{
	static const struct scene scene = { "PSK-ESTB", L_authenticator,
		"lock", make_signed, give_service };

	flip(*state, &scene);
	honest_pair(*state);
}

/* Section 7: "such a message proves only that the SKDC once issued that
   public key to that name": what stands around the ticket isn't sealed. */
static void
an_unsigned_ticket_stays_what_it_is(void **state)
{
	struct world *w = *state;
	fluffy_bytes wire = make_estb(w, "ECDH-ES+HKDF-256"), out;
	fluffy_msg *msg;
	enum fluffy_error e;
	size_t at, taken = 0;

	for (at = 0; at < wire.len; at++) {
		wire.data[at] ^= 1;
		e = fluffy_msg_read(w->ctx, wire.data, wire.len, &msg);
		wire.data[at] ^= 1;
		if (e != FLUFFY_OK)
			continue;
		e = step_msg(w, LOCK, msg, &no_params, &out);
		if (e == FLUFFY_OK) {
			/* only where nothing of the ticket was touched */
			assert_int_equal(w->outcome.kind,
			    FLUFFY_PUBLIC_ATTESTED);
			assert_string_equal(w->outcome.peer, "sensor");
			taken++;
		}
		wire_free(&out);
		fluffy_msg_free(&msg);
	}
	assert_true(taken < 4);
	give_honest(w, &(struct scene){ .give = give_service }, &wire);
	wire_free(&wire);
}

/* Cut off at every place. */
static void
no_other_length_is_accepted(void **state)
{
	struct world *w = *state;
	fluffy_bytes wire;
	fluffy_msg *msg;
	size_t i, n;

	for (i = 0; i < N_SCENES; i++) {
		wire = scenes[i]->make(w);
		for (n = 0; n + 1 < wire.len; n++) {
			assert_int_equal(fluffy_msg_read(w->ctx, wire.data, n,
			    &msg), FLUFFY_E_MALFORMED);
			assert_null(msg);
		}
		give_honest(w, scenes[i], &wire);
		wire_free(&wire);
	}
}

/* ---- every map of a message ---------------------------------------------- */

#define MAX_MAPS 8

/* The maps that are there, those under a seal included. */
static size_t
maps_of(struct forgery *f, struct head *maps[MAX_MAPS])
{
	size_t n = 0;

	maps[n++] = &f->msg->head;
	if (HAS(f->msg, L_req_body))
		maps[n++] = &f->msg->body->head;
	if (HAS(f->msg, L_mticket))
		maps[n++] = &f->msg->mticket->head;
	maps[n++] = &f->part->head;
	if (HAS(f->part, L_keydata)) {
		maps[n++] = &f->part->keydata->head;
		if (f->part->keydata->pkey != NULL)
			maps[n++] = &f->part->keydata->pkey->head;
	}
	return n;
}

/* Without a member: sealed anew, or as it came. */
static void
try_without(struct world *w, const struct scene *scene,
    const fluffy_bytes *wire, size_t map, size_t row, bool anew)
{
	struct head *maps[MAX_MAPS];
	const struct row *r;
	struct forgery f;
	fluffy_bytes out;
	enum fluffy_error e;
	bool optional, sealed;

	forge_from(w, &f, scene, wire);
	f.part->head.has &= ~label_bit(L_cksum);
	(void)maps_of(&f, maps);
	r = &maps[map]->schema->rows[row];
	optional = (r->flags & F_OPTIONAL) != 0;
	sealed = maps[map] == &f.msg->head && r->label == scene->label;
	if ((maps[map]->has & label_bit(r->label)) == 0) {
		fluffy_msg_free(&f.msg);
		return;
	}
	maps[map]->has &= ~label_bit(r->label);
	if (anew && !sealed)
		forge_seal(&f, scene);
	e = give_again(w, scene, &f.msg, &out);
	if (!optional && e != FLUFFY_E_MALFORMED && e != FLUFFY_E_BAD_VERSION)
		print_error("%s without %s.%s: %s\n", scene->name,
		    maps[map]->schema->name, row_name(r),
		    fluffy_error_name(e));
	if (!optional)
		assert_true(e == FLUFFY_E_MALFORMED ||
		    e == FLUFFY_E_BAD_VERSION);
	else if (!anew)
		assert_ignored(w, e, &out, scene->name, row);
	assert_int_not_equal(fluffy_error_status(e), FLUFFY_BROKEN);
	wire_free(&out);
}

/* Is the map of the sealed part, or in it?  Then it takes the key. */
static bool
is_clear(const struct forgery *f, const struct head *map)
{
	return map == &f->msg->head ||
	    (HAS(f->msg, L_req_body) && map == &f->msg->body->head) ||
	    (HAS(f->msg, L_mticket) && map == &f->msg->mticket->head);
}

static void
remove_members(struct world *w, const struct scene *scene)
{
	struct head *maps[MAX_MAPS];
	fluffy_bytes wire;
	struct forgery f;
	size_t n, map, row, rows;
	bool clear;

	forge(w, &f, scene);
	n = maps_of(&f, maps);
	for (map = 0; map < n; map++) {
		rows = maps[map]->schema->n_rows;
		clear = is_clear(&f, maps[map]);
		for (row = 0; row < rows; row++) {
			wire = scene->make(w);
			add_stores(w, &before);
			if (clear) {
				try_without(w, scene, &wire, map, row, false);
				assert_unchanged(w);
			}
			try_without(w, scene, &wire, map, row, true);
			wire_free(&wire);
		}
	}
	fluffy_msg_free(&f.msg);
}

static void
no_mandatory_member_may_be_missing(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < N_SCENES; i++) {
		remove_members(w, scenes[i]);
		honest_group(w);
	}
	honest_pair(w);
}

/* ---- names --------------------------------------------------------------- */

/* Names that are almost the same (bug class 12). */
static struct bytes
almost(struct forgery *f, struct bytes name, int how)
{
	uint8_t *p = arena_alloc(&f->msg->arena, name.n + 8);

	assert_non_null(p);
	memcpy(p, name.p, name.n);
	if (how == 0)		/* another case */
		p[0] ^= 0x20;
	else if (how == 1)	/* padded */
		p[name.n++] = ' ';
	else if (how == 2)	/* cut off */
		name.n--;
	else {			/* another normal form: a combining accent */
		p[name.n++] = 0xcc;
		p[name.n++] = 0x81;
	}
	return bytes_of(p, name.n);
}

/* A GSK-REQ for a group of another name is a request like any. */
static bool
may_be_renamed(const struct scene *scene, const struct row *r)
{
	return scene == &gsk_req &&
	    (r->label == L_mcastname || r->label == L_mcastrealm);
}

static void
try_renamed(struct world *w, const struct scene *scene, size_t map,
    const struct row *r, int how)
{
	struct head *maps[MAX_MAPS];
	fluffy_bytes wire = scene->make(w), out;
	struct forgery f;
	struct bytes *name;
	enum fluffy_error e;

	add_stores(w, &before);
	forge_from(w, &f, scene, &wire);
	f.part->head.has &= ~label_bit(L_cksum);
	(void)maps_of(&f, maps);
	name = (void *)((uint8_t *)maps[map] + r->offset);
	*name = almost(&f, *name, how);
	forge_seal(&f, scene);
	e = give_again(w, scene, &f.msg, &out);
	if (!may_be_renamed(scene, r)) {
		assert_ignored(w, e, &out, row_name(r), (size_t)how);
		assert_int_not_equal(e, FLUFFY_E_MALFORMED);
		assert_unchanged(w);
		/* a request that policy refuses has used its nonce up */
		if (e == FLUFFY_OK || e == FLUFFY_E_AUTH_FAILED ||
		    e == FLUFFY_E_WRONG_SKDC)
			give_honest(w, scene, &wire);
	} else
		must(w->ctx, e);
	wire_free(&out);
	wire_free(&wire);
}

static void
rename_all(struct world *w, const struct scene *scene)
{
	struct head *maps[MAX_MAPS];
	const struct row *r;
	struct forgery f;
	size_t map, n, row;
	int how;

	forge(w, &f, scene);
	n = maps_of(&f, maps);
	for (map = 0; map < n; map++)
		for (row = 0; row < maps[map]->schema->n_rows; row++) {
			r = &maps[map]->schema->rows[row];
			if (r->kind == K_NAME &&
			    (maps[map]->has & label_bit(r->label)) != 0)
				for (how = 0; how < 4; how++)
					try_renamed(w, scene, map, r, how);
		}
	fluffy_msg_free(&f.msg);
}

static void
almost_the_same_name_is_another(void **state)
{
	struct world *w = *state;
	size_t i;

	for (i = 0; i < N_SCENES; i++)
		rename_all(w, scenes[i]);
	honest_group(w);
	honest_pair(w);
}

/* ---- parts that are moved ------------------------------------------------ */

/* The same device's requests, each with an authenticator. */
static fluffy_bytes
request_of(struct world *w, int kind)
{
	switch (kind) {
	case 0:
		return request(w, LOCK, "lamp");
	case 1:
		return gsk_wire(w, LOCK, &(fluffy_gsk_params){
		    .group = "den", .renew = true });
	case 2:
		return gsk_wire(w, LOCK, &(fluffy_gsk_params){
		    .group = "attic", .renew = true });
	case 3:
		return fetch_wire(w, LOCK,
		    &(fluffy_fetch_params){ .group = "den" });
	case 4:
		return fetch_wire(w, LOCK,
		    &(fluffy_fetch_params){ .group = "attic" });
	default:
		return pair_wire(w, LOCK, "lamp");
	}
}

/* The sealed part of one in the other. */
static fluffy_bytes
grafted(struct world *w, const fluffy_bytes *trunk, int to,
    const fluffy_bytes *graft, int from)
{
	fluffy_msg *a = from_wire(w, trunk), *b = from_wire(w, graft);
	fluffy_bytes out;

	*sealed_member(a, to) = *sealed_member(b, from);
	must(w->ctx, fluffy_msg_write(w->ctx, a, w->format, 0, &out));
	fluffy_msg_free(&a);
	fluffy_msg_free(&b);
	return out;
}

static void
an_authenticator_belongs_to_its_request(void **state)
{
	struct world *w = *state;
	fluffy_bytes all[6], moved, out;
	int i, k;

	(void)create(w, LOCK, "any");
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "attic" });
	for (i = 0; i < 6; i++)
		all[i] = request_of(w, i);
	add_stores(w, &before);
	for (i = 0; i < 6; i++)
		for (k = 0; k < 6; k++) {
			if (i == k)
				continue;
			moved = grafted(w, &all[i], L_authenticator, &all[k],
			    L_authenticator);
			expect(w, ask(w, &moved, &out),
			    FLUFFY_E_AUTH_FAILED);
			check_error(w, &out, FLUFFY_E_AUTH_FAILED);
			wire_free(&moved);
			wire_free(&out);
		}
	assert_unchanged(w);
	for (i = 0; i < 6; i++) {
		out = asked(w, &all[i]);
		wire_free(&out);
		wire_free(&all[i]);
	}
}

static enum fluffy_error
take_receipt(struct world *w, const fluffy_bytes *wire)
{
	fluffy_msg *msg = from_wire(w, wire), *answer = NULL;
	enum fluffy_error e;

	switch ((int)fluffy_msg_type(msg)) {
	case FLUFFY_PSK_REP:
		e = fluffy_estb(LOCK->store, msg, &no_params, &answer,
		    &w->outcome);
		break;
	case FLUFFY_PKP_REP:
		e = fluffy_pkp_accept(LOCK->store, msg, &no_params, &answer,
		    &w->outcome);
		break;
	default:
		e = fluffy_gsk_accept(LOCK->store, msg, &w->outcome);
	}
	fluffy_msg_free(&answer);
	fluffy_msg_free(&msg);
	return e;
}

/* "GSK-REP played as GSK-DLVR, or PSK-REP": all of them, as all others. */
static void
a_receipt_belongs_to_its_answer(void **state)
{
	struct world *w = *state;
	fluffy_bytes req, all[6], moved;
	int i, k;

	(void)create(w, LOCK, "any");
	(void)create_with(w, LOCK, &(fluffy_gsk_params){ .group = "attic" });
	for (i = 0; i < 6; i++) {
		req = request_of(w, i);
		all[i] = asked(w, &req);
		wire_free(&req);
	}
	add_stores(w, &before);
	for (i = 0; i < 6; i++)
		for (k = 0; k < 6; k++) {
			/* the whole of it that isn't the type's own is the
			   receipt: between two groups nothing is moved */
			if (i == k || (i + 1) / 2 == (k + 1) / 2)
				continue;
			moved = grafted(w, &all[i], L_receipt, &all[k],
			    L_receipt);
			expect(w, take_receipt(w, &moved),
			    FLUFFY_E_AUTH_FAILED);
			wire_free(&moved);
		}
	assert_unchanged(w);
	for (i = 0; i < 6; i++) {
		must(w->ctx, take_receipt(w, &all[i]));
		wire_free(&all[i]);
	}
}

/* A GSK-DELT's envelope in a PSK-DELT to the same device, and the reverse;
   a GSK-DELC's ack in a PSK-DELC, and the reverse. */
static void
deletions_are_not_passed_off_as_others(void **state)
{
	struct world *w = *state;
	struct keyid key;
	struct wires delts;
	fluffy_bytes gdelt, gdelc, pdelt, pdelc, moved, out;

	key = create(w, LOCK, NULL);
	gdelt = delete_wire(w, LOCK);
	delts = requested(w, &key);
	pdelt = delts.v[0];
	gdelc = make_gsk_delc(w);
	moved = grafted(w, &pdelt, L_kenvelope, &gdelt, L_kenvelope);
	expect(w, del_take(w, LOCK, &moved, &out), FLUFFY_E_AUTH_FAILED);
	wire_free(&moved);
	moved = grafted(w, &gdelt, L_kenvelope, &pdelt, L_kenvelope);
	expect(w, ask(w, &moved, &out), FLUFFY_E_AUTH_FAILED);
	wire_free(&moved);
	wire_free(&out);
	assert_true(has_key(w, LOCK, &key, AS_OWNER));
	pdelc = confirmed(w, LOCK, &pdelt);
	moved = grafted(w, &pdelc, L_ack, &gdelc, L_ack);
	expect(w, ask(w, &moved, &out), FLUFFY_E_AUTH_FAILED);
	assert_null(out.data);
	wire_free(&moved);
	moved = grafted(w, &gdelc, L_ack, &pdelc, L_ack);
	expect(w, gsk_take(w, LOCK, &moved), FLUFFY_E_AUTH_FAILED);
	wire_free(&moved);
	out = asked(w, &pdelc);
	assert_null(out.data);
	gsk_taken(w, LOCK, &gdelc, FLUFFY_GROUP_DELETED);
	out = asked(w, &gdelt);
	gsk_taken(w, LOCK, &out, FLUFFY_GROUP_DELETED);
	wire_free(&out);
	wire_free(&gdelt);
	wire_free(&gdelc);
	wire_free(&pdelc);
	wires_free(&delts);
}

/* ---- key envelopes ------------------------------------------------------- */

/* "The key-data in a key envelope must never contain a cryptographic key." */
static void
an_envelope_with_a_key_is_malformed(void **state)
{
	static const struct scene *const both[] = { &gsk_delt, &psk_delt };
	static const struct symm key = { .alg = 10, .n = 16 };
	struct world *w = *state;
	struct forgery f;
	fluffy_bytes wire, out;
	struct extra extra = { BYTES("\x19\x03\xe8"), BYTES("\x01") };
	int i, how;

	for (i = 0; i < 2; i++)
		for (how = 0; how < 2; how++) {
			wire = both[i]->make(w);
			add_stores(w, &before);
			forge_from(w, &f, both[i], &wire);
			if (how == 0)
				f.part->keydata = keydata_make(f.msg,
				    &keydata_session, f.part->keydata->keyid,
				    &key);
			else {	/* nor anything else */
				f.part->keydata->head.extras = &extra;
				f.part->keydata->head.n_extras = 1;
			}
			forge_seal(&f, both[i]);
			expect(w, give_again(w, both[i], &f.msg, &out),
			    FLUFFY_E_MALFORMED);
			if (i == 0)
				check_error_to(w, &out, FLUFFY_E_MALFORMED,
				    "lock");
			else
				assert_null(out.data);
			wire_free(&out);
			assert_unchanged(w);
			give_honest(w, both[i], &wire);
			wire_free(&wire);
		}
}

/* A grppac that nobody can read is malformed before it is opened. */
static void
a_bad_grppac_is_malformed(void **state)
{
	static const struct bytes bad[] = { { (const uint8_t *)"\x80", 1 },
		{ (const uint8_t *)"\x01", 1 }, { (const uint8_t *)"\xf6", 1 },
		{ (const uint8_t *)"\x63" "any", 4 },
		{ (const uint8_t *)"\xa1\x67members\x63" "all", 13 },
		{ (const uint8_t *)"\xa1\x67members\x81\x01", 11 },
		{ (const uint8_t *)"\xa1\x67members\x81\x60", 11 },
		{ (const uint8_t *)"\xa1\x67members\xa0", 10 },
		{ (const uint8_t *)"\xa1\x68lifetime\x00", 11 },
		{ (const uint8_t *)"\xa1\x68lifetime\x20", 11 },
		{ (const uint8_t *)"\xa1\x68lifetime\xf9\x3e\x00", 13 },
		{ (const uint8_t *)"\xa1\x68lifetime\xf6", 11 } };
	struct world *w = *state;
	struct forgery f;
	fluffy_bytes out;
	size_t i;

	for (i = 0; i < N_FAULTS(bad); i++) {
		forge(w, &f, &gsk_req);
		f.part->head.has &= ~label_bit(L_cksum);
		f.msg->body->grppac = bad[i];
		forge_seal(&f, &gsk_req);
		expect(w, give_again(w, &gsk_req, &f.msg, &out),
		    FLUFFY_E_MALFORMED);
		assert_string_equal(fluffy_why(w->ctx).field,
		    "GSK-REQ.req-body.grppac");
		wire_free(&out);
	}
	honest_group(w);
}

/* ---- ERROR, for each request --------------------------------------------- */

static const struct {
	const struct scene *asked, *answered;
} exchanges[] = { { &gsk_req, &gsk_rep }, { &gsk_fet, &gsk_dlvr },
	{ &gsk_delt, NULL }, { &pkp_req, &pkp_rep } };

#define N_EXCHANGES (sizeof(exchanges) / sizeof(exchanges[0]))

static struct device_store *
asker(struct world *w, size_t i)
{
	return exchanges[i].asked->owner[1] == 'o' ? LOCK : SENSOR;
}

static void
take_error(struct world *w, size_t i, fluffy_msg *error,
    enum fluffy_outcome_kind kind)
{
	fluffy_bytes wire, out;

	must(w->ctx, fluffy_msg_write(w->ctx, error, w->format, 0, &wire));
	gsk_taken(w, asker(w, i), &wire, kind);
	/* whatever step takes it */
	if (kind == FLUFFY_ERROR_HINT) {
		must(w->ctx, pkp_take(w, asker(w, i), &wire, &out));
		assert_int_equal(w->outcome.kind, kind);
		must(w->ctx, del_take(w, asker(w, i), &wire, &out));
		assert_int_equal(w->outcome.kind, kind);
		must(w->ctx, step(w, asker(w, i), &wire, &out));
		assert_int_equal(w->outcome.kind, kind);
		assert_null(out.data);
	}
	wire_free(&wire);
}

/* What the SKDC answers; a GSK-DELT of a group with a holder: after it. */
static fluffy_bytes
answer_to(struct world *w, size_t i, const fluffy_bytes *req)
{
	fluffy_bytes out;
	struct wires delts, last;

	if (exchanges[i].answered != NULL)
		return asked(w, req);
	delts = asked_all(w, req);
	last = answered(w, &delts.v[0]);
	assert_types(w, &last, 1, FLUFFY_GSK_DELC);
	out = last.v[0];
	wires_free(&delts);
	return out;
}

static enum fluffy_error
take_answer(struct world *w, size_t i, const fluffy_bytes *answer)
{
	fluffy_bytes out = { NULL, 0 };
	enum fluffy_error e = exchanges[i].asked == &pkp_req ?
	    pkp_take(w, SENSOR, answer, &out) :
	    gsk_take(w, asker(w, i), answer);

	wire_free(&out);
	return e;
}

static void
a_proven_error_ends_any_request(void **state)
{
	static const enum fluffy_error codes[] = {
		FLUFFY_E_CLOCK_SKEW, FLUFFY_E_NOT_PERMITTED,
		FLUFFY_E_NO_SUCH_GROUP, FLUFFY_E_GROUP_EXISTS,
		FLUFFY_E_GROUP_DELETING, FLUFFY_E_NOT_OWNER,
		FLUFFY_E_NO_SUCH_KEY, FLUFFY_E_NO_CA, FLUFFY_E_INTERNAL };
	struct world *w = *state;
	fluffy_bytes req, answer;
	fluffy_msg *error;
	size_t i, k;

	for (i = 0; i < N_EXCHANGES; i++)
		for (k = 0; k < N_FAULTS(codes); k++) {
			req = exchanges[i].asked->make(w);
			answer = answer_to(w, i, &req);
			error = make_error_for(w, exchanges[i].asked->owner,
			    exchanges[i].asked->label, &req, codes[k]);
			take_error(w, i, error, FLUFFY_ERROR_PROVEN);
			expect(w, take_answer(w, i, &answer),
			    FLUFFY_E_REPLAY);
			take_error(w, i, error, FLUFFY_ERROR_HINT);
			fluffy_msg_free(&error);
			wire_free(&req);
			wire_free(&answer);
		}
}

static void
replay_and_busy_end_no_request(void **state)
{
	static const enum fluffy_error codes[] = { FLUFFY_E_REPLAY,
		FLUFFY_E_BUSY };
	struct world *w = *state;
	fluffy_bytes req, answer;
	fluffy_msg *error;
	size_t i, k;

	for (i = 0; i < N_EXCHANGES; i++) {
		req = exchanges[i].asked->make(w);
		answer = answer_to(w, i, &req);
		for (k = 0; k < 2; k++) {
			error = make_error_for(w, exchanges[i].asked->owner,
			    exchanges[i].asked->label, &req, codes[k]);
			take_error(w, i, error, FLUFFY_ERROR_PROVEN);
			fluffy_msg_free(&error);
		}
		must(w->ctx, take_answer(w, i, &answer));
		wire_free(&req);
		wire_free(&answer);
	}
}

static void
forged_errors_leave_any_request_pending(void **state)
{
	struct world *w = *state;
	fluffy_bytes req, answer, other;
	fluffy_msg *error;
	size_t i;
	int how;

	for (i = 0; i < N_EXCHANGES; i++) {
		const struct scene *scene = exchanges[i].asked;

		req = scene->make(w);
		answer = answer_to(w, i, &req);
		for (how = 0; how < 6; how++) {
			error = make_error_for(w, scene->owner, scene->label,
			    &req, FLUFFY_E_NOT_PERMITTED);
			if (how == 0)
				spoil(error->ack.ciphertext);
			else if (how == 1)
				spoil(error->ack.kid);
			else if (how == 2)
				error->error_code = FLUFFY_E_EXPIRED;
			else if (how == 3)
				error->head.has &= ~label_bit(L_ack);
			else if (how == 4)
				set_name(&(struct forgery){ .msg = error },
				    &error->cname, "lamp");
			else	/* without the nonce's request */
				error->ack.ciphertext.n--;
			error->ack.plain = NULL;
			take_error(w, i, error, FLUFFY_ERROR_HINT);
			fluffy_msg_free(&error);
		}
		/* another device's */
		error = make_error_for(w, scene->owner, scene->label, &req,
		    FLUFFY_E_NOT_PERMITTED);
		other = to_wire(w, &error);
		gsk_taken(w, LAMP, &other, FLUFFY_ERROR_HINT);
		must(w->ctx, take_answer(w, i, &answer));
		wire_free(&other);
		wire_free(&req);
		wire_free(&answer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH(no_flipped_bit_is_accepted),
		IN_BOTH(no_flipped_bit_of_a_signed_ticket_is_accepted),
		IN_CBOR(an_unsigned_ticket_stays_what_it_is),
		IN_BOTH(no_other_length_is_accepted),
		IN_BOTH(no_mandatory_member_may_be_missing),
		IN_CBOR(almost_the_same_name_is_another),
		IN_BOTH(an_authenticator_belongs_to_its_request),
		IN_BOTH(a_receipt_belongs_to_its_answer),
		IN_CBOR(deletions_are_not_passed_off_as_others),
		IN_CBOR(an_envelope_with_a_key_is_malformed),
		IN_BOTH(a_bad_grppac_is_malformed),
		IN_BOTH(a_proven_error_ends_any_request),
		IN_CBOR(replay_and_busy_end_no_request),
		IN_BOTH(forged_errors_leave_any_request_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

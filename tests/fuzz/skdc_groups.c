/*
 * skdc_groups.c - the lives of four groups
 *
 * GSK-REQ, GSK-FET, GSK-DELT and PSK-DELC have the outcomes that a model of
 * fluffy-wire(7), section 6, demands.
 */
#include "cbor.h"
#include "skdc.h"

#define N_GROUPS 4
#define N_KEYS	 6	/* of one group; a longer life tells nothing new */
#define N_DELTS	 24

/* What section 6 says of a group, written without looking at the library. */
static struct model {
	enum { FREE, LIVE, DELETING, DELETED } state;
	size_t owner;
	bool any;
	unsigned named;			/* a bit per device */
	size_t n_keys;
	struct {
		uint8_t id[8];
		int64_t alg;
		unsigned holders, asked, confirmed;
	} keys[N_KEYS];			/* the last is the current one */
} models[N_GROUPS];

/* The PSK-DELTs that were issued. */
static struct delt {
	size_t group, key, device;
	uint8_t nonce[32];
	size_t nonce_n;
	bool old;	/* the group was made anew since */
} delts[N_DELTS];
static size_t n_delts;

struct target {
	size_t device, group;
	bool realm;	/* said, also where it could be left out */
};

static struct target
take_target(struct feed *in)
{
	struct target t;

	t.device = take_upto(in, N_DEVICES - 1);
	t.group = take_upto(in, N_GROUPS - 1);
	t.realm = t.group >= 2 || take(in) % 2 == 1;
	return t;
}

static struct bytes
group_name(size_t group)
{
	return group % 2 == 0 ? BYTES("lights") : BYTES("doors");
}

static struct bytes
group_realm_of(size_t group)
{
	return group < 2 ? BYTES("home") : BYTES("away");
}

#define PUT_GROUP(t, map) do { \
	if ((t)->realm) \
		PUT(map, mcastrealm, L_mcastrealm, \
		    group_realm_of((t)->group)); \
	PUT(map, mcastname, L_mcastname, group_name((t)->group)); \
} while (0)

/* Is it there, for anybody but the owner of a deleted one? */
static bool
there(const struct model *m)
{
	return m->state == LIVE || m->state == DELETING;
}

static unsigned
missing_of(const struct model *m, size_t key)
{
	return m->keys[key].asked & ~m->keys[key].confirmed;
}

static size_t
missing(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_keys; i++)
		for (size_t d = 0; d < N_DEVICES; d++)
			n += missing_of(m, i) >> d & 1;
	return n;
}

/* members: none, "any", or those in a mask; the CBOR of grppac. */
static struct bytes
put_members(struct fluffy_msg *msg, uint8_t choice)
{
	struct buffer b = BUFFER(1000);
	struct bytes out;
	size_t n = 0;

	cbor_put_map(&b, 1);
	cbor_put_text(&b, BYTES("members"));
	for (size_t d = 0; d < N_DEVICES; d++)
		n += choice >> d & 1;
	if (choice >= 0x80)
		cbor_put_text(&b, BYTES("any"));
	else {
		cbor_put_array(&b, n);
		for (size_t d = 0; d < N_DEVICES; d++)
			if ((choice >> d & 1) != 0)
				cbor_put_text(&b, bytes_str(devices[d]));
	}
	CHECK(!b.failed);
	out = arena_dup(&msg->arena, buffer_view(&b));
	buffer_free(&b);
	return out;
}

static enum fluffy_error
gsk_demanded(const struct model *m, size_t device, bool renew, int64_t alg)
{
	if (device == 4 && alg != 1)
		return FLUFFY_E_BAD_ETYPE;
	if (m->state == DELETING)
		return FLUFFY_E_GROUP_DELETING;
	if (m->state != LIVE)
		return renew ? FLUFFY_E_NO_SUCH_GROUP : FLUFFY_OK;
	if (!renew)
		return FLUFFY_E_GROUP_EXISTS;
	return m->owner == device ? FLUFFY_OK : FLUFFY_E_NOT_OWNER;
}

static void
made(struct model *m, size_t device, const struct fluffy_msg *rep,
    bool grppac, uint8_t choice)
{
	const struct keydata *k = rep->receipt.plain->keydata;

	if (m->state != LIVE) {
		for (size_t i = 0; i < n_delts; i++)
			if (delts[i].group == (size_t)(m - models))
				delts[i].old = true;
		*m = (struct model){ .state = LIVE, .owner = device };
	}
	if (grppac) {
		m->any = choice >= 0x80;
		m->named = m->any ? 0 : choice & 31;
	}
	CHECK(m->n_keys < N_KEYS);
	memcpy(m->keys[m->n_keys].id, k->keyid.p, 8);
	m->keys[m->n_keys].alg = k->alg;
	m->keys[m->n_keys++].holders = 1u << device;
}

static void
ask_group(struct feed *in)
{
	static const int64_t algs[] = { 10, 1, 24, 10 };
	struct target t = take_target(in);
	uint8_t flags = take(in), choice = take(in);
	struct model *m = &models[t.group];
	struct fluffy_msg *msg = message_new(FLUFFY_GSK_REQ);
	bool renew = flags % 2 == 1, grppac = (flags & 2) != 0;
	struct req_body *body;
	enum fluffy_error e;
	fluffy_msgs out;

	CHECK(msg != NULL);
	body = new_body(msg);
	PUT(body, kty, L_kty, KTY_SYMM);
	PUT(body, etype, L_etype, ((struct tokens){
	    .v = { algs[flags >> 2 & 3] }, .n = 1 }));
	if (renew)
		PUT(body, options, L_skdc_options, 4);
	PUT_GROUP(&t, body);
	if (grppac)
		PUT(body, grppac, L_grppac, put_members(msg, choice));
	seal_request(msg, L_authenticator,
	    new_proof(msg, L_authenticator, t.device), t.device);
	if (m->n_keys < N_KEYS || m->state != LIVE) {
		e = answers(msg, &out);
		CHECK(e == gsk_demanded(m, t.device, renew,
		    body->etype.v[0]));
		if (e == FLUFFY_OK)
			made(m, t.device, out.v[0], grppac, choice);
		fluffy_msgs_free(&out);
	}
	fluffy_msg_free(&msg);
}

/* The index of the key that is asked for; N_KEYS: none of the group. */
static size_t
wanted_key(const struct model *m, uint8_t which)
{
	if (which == 0)
		return m->n_keys - 1;
	return which - 1u < m->n_keys ? which - 1u : N_KEYS;
}

static enum fluffy_error
fetch_demanded(const struct model *m, size_t device, size_t key)
{
	if (!there(m))
		return FLUFFY_E_NO_SUCH_GROUP;
	if (m->state == DELETING)
		return FLUFFY_E_GROUP_DELETING;
	if (m->owner != device && !m->any && (m->named >> device & 1) == 0)
		return FLUFFY_E_NOT_PERMITTED;
	if (key == N_KEYS)
		return FLUFFY_E_NO_SUCH_KEY;
	if (device == 4 && m->keys[key].alg != 1)
		return FLUFFY_E_BAD_ETYPE;
	return FLUFFY_OK;
}

static void
fetch(struct feed *in)
{
	struct target t = take_target(in);
	struct model *m = &models[t.group];
	struct fluffy_msg *msg = message_new(FLUFFY_GSK_FET);
	uint8_t which = (uint8_t)take_upto(in, N_KEYS + 1);
	size_t key = wanted_key(m, which);
	struct req_body *body;
	fluffy_msgs out;
	enum fluffy_error e;

	CHECK(msg != NULL);
	body = new_body(msg);
	PUT_GROUP(&t, body);
	if (which > 0)
		PUT(body, keyid, L_keyid, key < N_KEYS ?
		    bytes_of(m->keys[key].id, 8) : BYTES("nosuchid"));
	seal_request(msg, L_authenticator,
	    new_proof(msg, L_authenticator, t.device), t.device);
	e = answers(msg, &out);
	CHECK(e == fetch_demanded(m, t.device, key));
	if (e == FLUFFY_OK) {
		CHECK(bytes_eq(out.v[0]->receipt.plain->keydata->keyid,
		    bytes_of(m->keys[key].id, 8)));
		m->keys[key].holders |= 1u << t.device;
	}
	fluffy_msgs_free(&out);
	fluffy_msg_free(&msg);
}

static enum fluffy_error
delt_demanded(const struct model *m, size_t device, size_t key)
{
	bool current = m->n_keys > 0 && key == m->n_keys - 1;

	if (m->state == FREE || (m->state == DELETED &&
	    (m->owner != device || !current)))
		return FLUFFY_E_NO_SUCH_GROUP;
	if (m->owner != device)
		return FLUFFY_E_NOT_OWNER;
	return current ? FLUFFY_OK : FLUFFY_E_NO_SUCH_KEY;
}

static size_t
device_of(struct bytes name)
{
	size_t d = 0;

	while (d < N_DEVICES && !bytes_eq(bytes_str(devices[d]), name))
		d++;
	CHECK(d < N_DEVICES);
	return d;
}

static size_t
key_of(const struct model *m, struct bytes keyid)
{
	size_t i = 0;

	while (i < m->n_keys && !bytes_eq(bytes_of(m->keys[i].id, 8), keyid))
		i++;
	CHECK(i < m->n_keys);
	return i;
}

/* One for each that is missing, and no two for the same. */
static void
issued_delts(struct model *m, const fluffy_msgs *out)
{
	unsigned seen[N_KEYS] = { 0 };

	CHECK(out->n == missing(m));
	for (size_t i = 0; i < out->n; i++) {
		const struct part *part = out->v[i]->kenvelope.plain;
		size_t device = device_of(out->v[i]->cname);
		size_t key = key_of(m, part->keydata->keyid);

		CHECK((missing_of(m, key) >> device & 1) != 0);
		CHECK((seen[key] >> device & 1) == 0);
		seen[key] |= 1u << device;
		if (n_delts == N_DELTS)
			continue;
		delts[n_delts] = (struct delt){ .group =
		    (size_t)(m - models), .key = key, .device = device,
		    .nonce_n = part->nonce.n };
		memcpy(delts[n_delts++].nonce, part->nonce.p, part->nonce.n);
	}
}

static void
is_done(struct model *m, const fluffy_msgs *out)
{
	CHECK(out->n == 1 && out->v[0]->type == FLUFFY_GSK_DELC);
	CHECK(device_of(out->v[0]->spname) == m->owner);
	m->state = DELETED;
}

static void
delete_group(struct feed *in)
{
	struct target t = take_target(in);
	struct model *m = &models[t.group];
	struct fluffy_msg *msg = message_new(FLUFFY_GSK_DELT);
	struct part *part;
	struct keydata *k;
	uint8_t which = (uint8_t)take_upto(in, N_KEYS + 1);
	size_t key = m->n_keys == 0 ? N_KEYS : wanted_key(m, which);
	fluffy_msgs out;
	enum fluffy_error e;

	CHECK(msg != NULL);
	PUT(msg, sprealm, L_sprealm, BYTES("home"));
	PUT(msg, spname, L_spname, bytes_str(devices[t.device]));
	part = new_proof(msg, L_kenvelope, t.device);
	PUT_GROUP(&t, part);
	k = keydata_refer(msg, key < N_KEYS ? bytes_of(m->keys[key].id, 8) :
	    BYTES("nosuchid"));
	CHECK(k != NULL);
	PUT(part, keydata, L_keydata, k);
	seal_request(msg, L_kenvelope, part, t.device);
	e = answers(msg, &out);
	CHECK(e == delt_demanded(m, t.device, key));
	if (e == FLUFFY_OK && m->state == LIVE) {
		m->state = DELETING;
		for (size_t i = 0; i < m->n_keys; i++)
			m->keys[i].asked = m->keys[i].holders &
			    ~(1u << m->owner);
	}
	if (e == FLUFFY_OK && missing(m) > 0)
		issued_delts(m, &out);
	else if (e == FLUFFY_OK)
		is_done(m, &out);
	fluffy_msgs_free(&out);
	fluffy_msg_free(&msg);
}

/* By the device that was asked, or, seldom, by another. */
static void
confirm(struct feed *in)
{
	const struct delt *delt;
	struct fluffy_msg *msg = message_new(FLUFFY_PSK_DELC);
	struct part *part;
	struct model *m;
	size_t device;
	fluffy_msgs out;
	enum fluffy_error e;
	uint8_t other;

	CHECK(msg != NULL);
	if (n_delts == 0) {
		fluffy_msg_free(&msg);
		return;
	}
	delt = &delts[take(in) % n_delts];
	other = take(in);
	m = &models[delt->group];
	device = other < 0xf0 ? delt->device : other % N_DEVICES;
	PUT(msg, skdcname, L_skdcname, BYTES("skdc"));
	part = seal_part(msg, msg, L_ack);
	CHECK(part != NULL);
	PUT(part, cname, L_cname, bytes_str(devices[device]));
	PUT(part, authtime, L_authtime, 0);
	seal_request(msg, L_ack, part, device);
	PUT(part, nonce, L_nonce, bytes_of(delt->nonce, delt->nonce_n));
	must(seal_make(fuzz_ctx(), msg, msg, L_ack, part,
	    &(struct sealing){ .iv = (const uint8_t *)"0123456789abc",
	    .key = &secrets[device].key,
	    .kid = keyid_bytes(&secrets[device].kid) }));
	e = answers(msg, &out);
	if (device != delt->device)
		CHECK(e == FLUFFY_E_REPLAY);
	else if (delt->old)
		CHECK(e == FLUFFY_OK || e == FLUFFY_E_REPLAY);
	else
		CHECK(e == FLUFFY_OK);
	if (e == FLUFFY_OK && !delt->old) {
		m->keys[delt->key].confirmed |= 1u << device;
		if (m->state == DELETING && missing(m) == 0)
			is_done(m, &out);
		else
			CHECK(out.n == 0);
	} else if (e == FLUFFY_OK)
		CHECK(out.n == 0);
	fluffy_msgs_free(&out);
	fluffy_msg_free(&msg);
}

void
lives(struct feed *in)
{
	static void (*const steps[])(struct feed *) = {
		ask_group, fetch, fetch, delete_group, confirm, confirm
	};

	memset(models, 0, sizeof(models));
	n_delts = 0;
	for (int i = 0; i < 24 && in->n > 0; i++)
		steps[take_upto(in, 5)](in);
}

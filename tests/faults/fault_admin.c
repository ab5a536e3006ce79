/*
 * fault_admin.c - stores made and changed, messages converted and shown,
 * listings and exports
 */
#include "fault_world.h"

#define NEW_PATH DISK "/new.db"

static struct device_store new_device = { .name = "new", .path = NEW_PATH };
static fluffy_bytes expected;		/* what a whole output is */

static void
take_down_all(void)
{
	fluffy_store_close(&new_device.store);
	wire_free(&expected);
	take_down();
}

static void
nothing(void)
{
}

/* ---- stores -------------------------------------------------------------- */

/* A store that couldn't be made leaves nothing behind. */
static enum fluffy_error
none_left(size_t before, enum fluffy_error e)
{
	assert_true(e == FLUFFY_OK || disk_count() <= before);
	return e;
}

static enum fluffy_error
act_init(void)
{
	size_t before = disk_count();
	fluffy_store *s;
	enum fluffy_error e = fluffy_store_init(w->ctx, NEW_PATH, "work",
	    "boss", &s);

	fluffy_store_close(&s);
	return none_left(before, e);
}

static void
follow_init(void)
{
	fluffy_store *s;
	fluffy_msg *msg;

	must(w->ctx, fluffy_store_open(w->ctx, NEW_PATH, 0, &s));
	assert_intact(s);
	must(w->ctx, fluffy_enrol(s, "somebody", NULL, &msg));
	fluffy_msg_free(&msg);
	fluffy_store_close(&s);
}

static enum fluffy_error
act_context(void)
{
	fluffy_ctx *fresh = fluffy_ctx_new();
	enum fluffy_error e = fresh == NULL ? fluffy_fail_memory(w->ctx) :
	    FLUFFY_OK;

	fluffy_ctx_free(&fresh);
	return e;
}

static enum fluffy_error
act_open(void)
{
	fluffy_store *s;
	enum fluffy_error e = fluffy_store_open(w->ctx, SENSOR->path, 0, &s);

	fluffy_store_close(&s);
	return e;
}

/* A secret key for a new device. */
static enum fluffy_error
act_enrol(void)
{
	fluffy_msg *msg;

	return put(fluffy_enrol(w->skdc, "new", "AES-CCM-16-128-256", &msg),
	    &msg);
}

static void
use_new_device(void)
{
	struct exchange x;

	must(w->ctx, fluffy_store_open(w->ctx, NEW_PATH, 0,
	    &new_device.store));
	x = whole_exchange(w, &new_device, LOCK);
	exchange_free(&x);
	fluffy_store_close(&new_device.store);
}

static void
join_new_device(const fluffy_bytes *enrol)
{
	fluffy_msg *msg = from_wire(w, enrol);

	must(w->ctx, fluffy_join(w->ctx, NEW_PATH, msg));
	fluffy_msg_free(&msg);
	use_new_device();
}

static void
follow_enrol(void)
{
	assert_int_equal(out.n, 1);
	join_new_device(&out.v[0]);
}

static void
prepare_join(void)
{
	fluffy_msg *msg;

	must(w->ctx, fluffy_enrol(w->skdc, "new", NULL, &msg));
	in = to_wire(w, &msg);
}

static enum fluffy_error
act_join(void)
{
	size_t before = disk_count();
	fluffy_msg *msg;
	enum fluffy_error e = get(&msg);

	if (e == FLUFFY_OK)
		e = none_left(before, fluffy_join(w->ctx, NEW_PATH, msg));
	fluffy_msg_free(&msg);
	return e;
}

static enum fluffy_error
act_rotate(void)
{
	fluffy_msg *msg;

	return put(fluffy_rotate(w->skdc, "sensor", the_time + 3600, &msg),
	    &msg);
}

static void
follow_rotate(void)
{
	fluffy_msg *msg = from_wire(w, &out.v[0]);

	join(w, SENSOR, &msg);
	honest(w);
}

static struct secret old;	/* the sensor's, before */

static void
prepare_rejoin(void)
{
	fluffy_msg *msg;

	old = secret_of_owner(w, "sensor");
	must(w->ctx, fluffy_rotate(w->skdc, "sensor", 0, &msg));
	in = to_wire(w, &msg);
}

static enum fluffy_error
act_rejoin(void)
{
	fluffy_msg *msg;
	enum fluffy_error e = get(&msg);

	if (e == FLUFFY_OK)
		e = fluffy_join(w->ctx, SENSOR->path, msg);
	fluffy_msg_free(&msg);
	return e;
}

static void
follow_rejoin(void)
{
	struct secret found;

	expect(w, store_secret_by_kid(SENSOR->store, keyid_bytes(&old.kid),
	    &found), FLUFFY_E_NOT_FOUND);
	honest(w);
}

/* ---- what the operator changes ------------------------------------------- */

static enum fluffy_error
act_policy(void)
{
	return fluffy_policy_set(w->skdc, "lock", &(fluffy_policy){
	    .lifetime = 600, .etypes = "A128GCM,AES-CCM-16-64-128" });
}

static void
follow_policy(void)
{
	fluffy_policy policy;
	fluffy_bytes etypes;

	must(w->ctx, fluffy_policy_get(w->skdc, "lock", &policy, &etypes));
	assert_int_equal(policy.lifetime, 600);
	assert_string_equal(policy.etypes, "A128GCM,AES-CCM-16-64-128");
	fluffy_bytes_free(&etypes);
}

static enum fluffy_error
act_deny(void)
{
	return fluffy_deny(w->skdc, "lamp", "lock");
}

static void
ask_denied(enum fluffy_error code)
{
	fluffy_bytes req = request(w, LAMP, "lock");

	ask_refused(w, &req, code);
	wire_free(&req);
}

static void
follow_deny(void)
{
	ask_denied(FLUFFY_E_NOT_PERMITTED);
}

static void
prepare_allow(void)
{
	must(w->ctx, fluffy_deny(w->skdc, "lamp", "lock"));
}

static enum fluffy_error
act_allow(void)
{
	return fluffy_allow(w->skdc, "lamp", "lock");
}

static void
follow_allow(void)
{
	ask_denied(FLUFFY_OK);
}

static enum fluffy_error
act_remove_device(void)
{
	return fluffy_remove_device(w->skdc, "lamp");
}

static void
follow_remove_device(void)
{
	ask_denied(FLUFFY_E_AUTH_FAILED);
}

static struct keyid key;	/* of the sensor and the lock */

static void
prepare_key(void)
{
	key = shared(w);
}

static enum fluffy_error
act_remove_key(void)
{
	return fluffy_remove_key(LOCK->store, key.b, key.n);
}

static void
follow_remove_key(void)
{
	assert_false(has_key(w, LOCK, &key, AS_SERVICE));
}

static enum fluffy_error
act_del_request(void)
{
	fluffy_msgs msgs;

	return put_all(fluffy_del_request(w->skdc, key.b, key.n, &msgs),
	    &msgs);
}

static void
follow_deletion(void)
{
	assert_types(w, &out, 2, FLUFFY_PSK_DELT);
	answer_quietly(w, &out.v[0]);
	answer_quietly(w, &out.v[1]);
	assert_false(has_key(w, SENSOR, &key, AS_CLIENT));
	assert_false(has_key(w, LOCK, &key, AS_SERVICE));
	assert_int_equal(missing(w), 0);
}

static void
prepare_resend(void)
{
	struct wires delts;

	prepare_key();
	delts = requested(w, &key);
	wires_free(&delts);
}

static enum fluffy_error
act_resend(void)
{
	fluffy_msgs msgs;

	return put_all(fluffy_del_resend(w->skdc, &msgs), &msgs);
}

static void
prepare_den(void)
{
	(void)new_den(w);
}

static enum fluffy_error
act_shut_out(void)
{
	return fluffy_group_change(w->skdc, NULL, "den", "sensor",
	    FLUFFY_REMOVE);
}

static void
follow_shut_out(void)
{
	fetch_refused(w, SENSOR, FLUFFY_E_NOT_PERMITTED);
	assert_true(missing(w) > 0);
	(void)fetch(w, LAMP);
}

static enum fluffy_error
act_reset_clock(void)
{
	return fluffy_reset_clock(w->skdc);
}

/* ---- outputs: whole, or none --------------------------------------------- */

static struct buffer text = BUFFER(1u << 20);

/* The same as in health. */
static void
follow_output(void)
{
	assert_int_equal(out.n, 1);
	assert_bytes(view(&out.v[0]), view(&expected));
}

static void
follow_shown(void)
{
	assert_int_equal(out.n, 1);
	if (!says_what_is_missing(view(&out.v[0])))
		follow_output();
}

static void
prepare_output(enum fluffy_error (*act)(void))
{
	must(w->ctx, act());
	assert_int_equal(out.n, 1);
	expected = out.v[0];
	out.n = 0;
}

/* What was gathered is the output, when all went well. */
static enum fluffy_error
put_text(enum fluffy_error e)
{
	if (e == FLUFFY_OK && !buffer_take(&text, &out.v[out.n]))
		e = fluffy_fail_memory(w->ctx);
	else if (e == FLUFFY_OK)
		out.n++;
	buffer_free(&text);
	return e;
}

static int
list_entry(void *arg, const fluffy_entry *e)
{
	(void)arg;
	buffer_addf(&text, "%d %s %s %s %s %s %s\n", (int)e->kind,
	    e->role == NULL ? "" : e->role, e->name == NULL ? "" : e->name,
	    e->client == NULL ? "" : e->client,
	    e->service == NULL ? "" : e->service,
	    e->state == NULL ? "" : e->state, e->alg == NULL ? "" : e->alg);
	return 0;
}

static enum fluffy_error
act_list(void)
{
	enum fluffy_error e = fluffy_list(w->skdc, list_entry, NULL);

	if (e == FLUFFY_OK)
		e = fluffy_list(SENSOR->store, list_entry, NULL);
	if (e == FLUFFY_OK)
		e = fluffy_list_groups(w->skdc, NULL, NULL, list_entry, NULL);
	if (e == FLUFFY_OK)
		e = fluffy_list_deletions(w->skdc, list_entry, NULL);
	return put_text(e);
}

static void
prepare_list(void)
{
	struct wires delts;

	key = shared(w);
	delts = requested(w, &key);
	(void)new_den(w);
	honest_pair(w);
	wires_free(&delts);
	prepare_output(act_list);
}

static enum fluffy_error
export_as(enum fluffy_export_as as, const char *use)
{
	fluffy_bytes bytes;
	enum fluffy_error e = fluffy_export(SENSOR->store, key.b, key.n, as,
	    use, &bytes);

	if (e == FLUFFY_OK)
		buffer_add(&text, bytes.data, bytes.len);
	fluffy_bytes_free(&bytes);
	return e;
}

static enum fluffy_error
act_export(void)
{
	enum fluffy_error e = FLUFFY_OK;

	for (int as = FLUFFY_AS_KEYDATA; as <= FLUFFY_AS_OPENSSL_PSK &&
	    e == FLUFFY_OK; as++)
		e = export_as((enum fluffy_export_as)as, NULL);
	if (e == FLUFFY_OK)
		e = export_as(FLUFFY_AS_JWK, "camera");
	return put_text(e);
}

static void
prepare_export(void)
{
	key = shared(w);
	prepare_output(act_export);
}

static enum fluffy_error
act_export_pair(void)
{
	enum fluffy_error e = export_as(FLUFFY_AS_JWK, NULL);

	if (e == FLUFFY_OK)
		e = export_as(FLUFFY_AS_COSE_KEY, NULL);
	if (e == FLUFFY_OK)
		e = export_as(FLUFFY_AS_PEM, NULL);
	if (e == FLUFFY_OK)
		e = export_as(FLUFFY_AS_DER, NULL);
	return put_text(e);
}

static void
prepare_export_pair(void)
{
	struct pairing p = paired(w, pair_wire(w, SENSOR, "lock"));

	key = p.key;
	pairing_free(&p);
	prepare_output(act_export_pair);
}

/* ---- messages ------------------------------------------------------------ */

static enum fluffy_error
write_as(const fluffy_msg *msg, enum fluffy_format format, unsigned flags)
{
	fluffy_bytes bytes;
	enum fluffy_error e = fluffy_msg_write(w->ctx, msg, format, flags,
	    &bytes);

	if (e == FLUFFY_OK)
		buffer_add(&text, bytes.data, bytes.len);
	fluffy_bytes_free(&bytes);
	return e;
}

static enum fluffy_error
write_all(const fluffy_msg *msg, unsigned flags)
{
	enum fluffy_error e = write_as(msg, FLUFFY_JSON, flags);

	if (e == FLUFFY_OK && flags == 0)
		e = write_as(msg, FLUFFY_CBOR, 0);
	if (e == FLUFFY_OK)
		e = write_as(msg, FLUFFY_TEXT, flags);
	return e == FLUFFY_OK ? write_as(msg, FLUFFY_DIAG, flags) : e;
}

/* Out of a stream, to every format. */
static enum fluffy_error
act_convert(void)
{
	fluffy_reader *reader = fluffy_reader_new(w->ctx);
	fluffy_msg *msg = NULL;
	enum fluffy_error e;

	if (reader == NULL)
		return fluffy_fail_memory(w->ctx);
	e = fluffy_reader_push(reader, in.data, in.len);
	fluffy_reader_finish(reader);
	if (e == FLUFFY_OK)
		e = fluffy_reader_next(reader, &msg);
	if (e == FLUFFY_OK)
		e = write_all(msg, 0);
	fluffy_msg_free(&msg);
	fluffy_reader_free(&reader);
	return put_text(e);
}

static const fluffy_psk_params with_all = { .service = "lock",
	.cpac = "{\"a\":[1.5,null,{\"b\":\"\\u20ac\"}]}",
	.extras = { .ext = "[true,-7]", .cksum = true } };

static void
prepare_convert(enum fluffy_format format)
{
	w->format = format;
	in = request_with(w, SENSOR, &with_all);
	w->format = FLUFFY_CBOR;
	prepare_output(act_convert);
}

static void
prepare_from_json(void)
{
	prepare_convert(FLUFFY_JSON);
}

static void
prepare_from_cbor(void)
{
	prepare_convert(FLUFFY_CBOR);
}

static enum fluffy_error
act_show(void)
{
	fluffy_msg *msg;
	bool match = false;
	enum fluffy_error e = get(&msg);

	if (e == FLUFFY_OK)
		e = fluffy_msg_open(msg, w->skdc);
	if (e == FLUFFY_OK)
		e = fluffy_msg_select(w->ctx, msg, "skdcname", "skdc",
		    &match);
	if (e == FLUFFY_OK)
		e = write_all(msg, FLUFFY_OPENED | FLUFFY_SHOW_KEYS);
	fluffy_msg_free(&msg);
	return put_text(e);
}

static void
prepare_show(void)
{
	fluffy_bytes req = request_with(w, SENSOR, &with_all);

	in = asked(w, &req);
	wire_free(&req);
	prepare_output(act_show);
}

static enum fluffy_error
act_schema(void)
{
	fluffy_bytes bytes;
	enum fluffy_error e = fluffy_schema_cddl(w->ctx, &bytes);

	if (e == FLUFFY_OK) {
		buffer_add(&text, bytes.data, bytes.len);
		fluffy_bytes_free(&bytes);
		e = fluffy_schema_mdoc(w->ctx, &bytes);
	}
	if (e == FLUFFY_OK)
		buffer_add(&text, bytes.data, bytes.len);
	fluffy_bytes_free(&bytes);
	return put_text(e);
}

static void
prepare_schema(void)
{
	prepare_output(act_schema);
}

#define OK     FLUFFY_OK
#define EXISTS FLUFFY_E_EXISTS
#define GONE   FLUFFY_E_NOT_FOUND

static const struct scene scenes[] = {
	{ "init", nothing, act_init, follow_init, OK, FLUFFY_E_STORE },
	{ "context", nothing, act_context, nothing, OK, OK },
	{ "open", nothing, act_open, nothing, OK, OK },
	{ "enrol", nothing, act_enrol, follow_enrol, OK, EXISTS },
	{ "join", prepare_join, act_join, use_new_device, OK, EXISTS },
	{ "rotate", nothing, act_rotate, follow_rotate, OK, OK },
	{ "rejoin", prepare_rejoin, act_rejoin, follow_rejoin, OK, EXISTS },
	{ "policy", nothing, act_policy, follow_policy, OK, OK },
	{ "deny", nothing, act_deny, follow_deny, OK, OK },
	{ "allow", prepare_allow, act_allow, follow_allow, OK, GONE },
	{ "remove-device", nothing, act_remove_device, follow_remove_device,
	    OK, GONE },
	{ "remove-key", prepare_key, act_remove_key, follow_remove_key, OK,
	    GONE },
	{ "del-request", prepare_key, act_del_request, follow_deletion, OK,
	    OK },
	{ "del-resend", prepare_resend, act_resend, follow_deletion, OK, OK },
	{ "shut-out", prepare_den, act_shut_out, follow_shut_out, OK, GONE },
	{ "reset-clock", nothing, act_reset_clock, nothing, OK, OK },
	{ "list", prepare_list, act_list, follow_output, OK, OK },
	{ "export", prepare_export, act_export, follow_output, OK, OK },
	{ "export-pair", prepare_export_pair, act_export_pair, follow_output,
	    OK, OK },
	{ "from-json", prepare_from_json, act_convert, follow_output, OK,
	    OK },
	{ "from-cbor", prepare_from_cbor, act_convert, follow_output, OK,
	    OK },
	{ "show", prepare_show, act_show, follow_shown, OK, OK },
	{ "schema", prepare_schema, act_schema, follow_output, OK, OK },
	{ .name = NULL }
};

const struct tour admin_tour = { .stand_up = stand_up, .judge = judge,
	.take_down = take_down_all, .scenes = scenes };

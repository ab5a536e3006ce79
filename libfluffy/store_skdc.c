/* store_skdc.c - devices, rules and the keys that an SKDC issued */
#include "store_sql.h"

/* ---- devices ---------------------------------------------------------- */

static enum fluffy_error
no_device(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such device");
}

static enum fluffy_error
read_device(fluffy_store *s, struct bytes name, struct device *device)
{
	struct query q;
	enum fluffy_error e;

	query_open(&q, s, SQL_DEVICE);
	bind_text(&q, name);
	if (query_step(&q)) {
		get_name(&q, &device->name, false);
		device->lifetime = get_uint(&q, TIME_MAX);
		get_tokens(&q, &device->etypes);
	}
	e = query_close(&q);
	if (e != FLUFFY_OK)
		*device = (struct device){ 0 };
	return e;
}

enum fluffy_error
store_device(fluffy_store *s, struct bytes name, struct device *device)
{
	size_t size;
	const void *memo = memo_find(s, MEMO_DEVICE, name, &size);
	enum fluffy_error e;

	if (memo != NULL) {
		memcpy(device, memo, sizeof(*device));
		return FLUFFY_OK;
	}
	*device = (struct device){ 0 };
	e = read_device(s, name, device);
	if (e != FLUFFY_OK)
		return e;
	if (device->name.n == 0)
		return no_device(s);
	memo_put(s, MEMO_DEVICE, name, device, sizeof(*device));
	return FLUFFY_OK;
}

enum fluffy_error
store_device_add(fluffy_store *s, struct bytes name)
{
	struct device known = { 0 };
	enum fluffy_error e = read_device(s, name, &known);
	struct query q;

	if (e != FLUFFY_OK)
		return e;
	if (known.name.n > 0)
		return fluffy_fail(s->ctx, FLUFFY_E_EXISTS, NULL,
		    "a device has this name already");
	keys_changing(s);
	query_open(&q, s, SQL_DEVICE_ADD);
	bind_text(&q, name);
	return query_run(&q, NULL);
}

enum fluffy_error
store_device_set(fluffy_store *s, const struct device *device)
{
	char text[TOKENS_TEXT];
	enum fluffy_error e;
	struct query q;
	int n;

	keys_changing(s);
	query_open(&q, s, SQL_DEVICE_SET);
	bind_uint(&q, device->lifetime);
	bind_tokens(&q, &device->etypes, text);
	bind_text(&q, name_bytes(&device->name));
	e = query_run(&q, &n);
	return e != FLUFFY_OK || n > 0 ? e : no_device(s);
}

enum fluffy_error
store_device_remove(fluffy_store *s, struct bytes name)
{
	static const enum sql_id rest[] = { SQL_DEVICE_GONE, SQL_DEVICE_RULES,
		SQL_VERDICTS_FORGET };
	enum fluffy_error e;
	struct query q;
	int n;

	keys_changing(s);
	query_open(&q, s, SQL_DEVICE_REMOVE);
	bind_text(&q, name);
	e = query_run(&q, &n);
	if (e != FLUFFY_OK || n == 0)
		return e != FLUFFY_OK ? e : no_device(s);
	query_open(&q, s, SQL_DEVICE_WIPE);
	bind_text(&q, name);
	e = vault_erase(s, &q);
	for (size_t i = 0; i < sizeof(rest) / sizeof(*rest) && e == FLUFFY_OK;
	    i++) {
		query_open(&q, s, rest[i]);
		bind_text(&q, name);
		e = query_run(&q, NULL);
	}
	return e;
}

/* ---- rules ------------------------------------------------------------ */

static enum fluffy_error
change_rule(fluffy_store *s, enum sql_id id, struct bytes client,
    struct bytes service, int *n)
{
	struct query q;

	keys_changing(s);
	query_open(&q, s, id);
	bind_text(&q, client);
	bind_text(&q, service);
	return query_run(&q, n);
}

enum fluffy_error
store_deny_add(fluffy_store *s, struct bytes client, struct bytes service)
{
	return change_rule(s, SQL_RULE_ADD, client, service, NULL);
}

enum fluffy_error
store_deny_remove(fluffy_store *s, struct bytes client, struct bytes service)
{
	int n;
	enum fluffy_error e = change_rule(s, SQL_RULE_REMOVE, client, service,
	    &n);

	if (e != FLUFFY_OK || n > 0)
		return e;
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such rule");
}

/* Most realms have no rules: that is remembered, like a look-up. */
static enum fluffy_error
count_rules(fluffy_store *s)
{
	int64_t count = 0;
	enum fluffy_error e;
	struct query q;

	query_open(&q, s, SQL_RULE_COUNT);
	if (query_step(&q))
		count = get_int(&q);
	e = query_close(&q);
	if (e == FLUFFY_OK)
		s->sql->rules = count;
	return e;
}

enum fluffy_error
store_denied(fluffy_store *s, struct bytes client, struct bytes service,
    bool *denied)
{
	enum fluffy_error e = FLUFFY_OK;
	struct query q;

	*denied = true;
	if (s->sql->rules < 0 || !s->in_transaction)
		e = count_rules(s);
	if (e != FLUFFY_OK)
		return e;
	if (s->sql->rules == 0) {
		*denied = false;
		return FLUFFY_OK;
	}
	query_open(&q, s, SQL_RULE_DENIES);
	bind_text(&q, client);
	bind_text(&q, service);
	*denied = query_step(&q) || q.rc != SQLITE_DONE;
	return query_close(&q);
}

/* ---- keys that were issued -------------------------------------------- */

#define KEYID_SHIFT 24

bool
keyid_number(struct bytes keyid, uint64_t *number)
{
	*number = 0;
	if (keyid.n != 8 || keyid.p[0] >= 0x80)
		return false;
	for (int i = 0; i < 8; i++)
		*number = *number << 8 | keyid.p[i];
	return true;
}

struct keyid
keyid_from(uint64_t number)
{
	struct keyid id = { .n = 8 };

	for (int i = 0; i < 8; i++)
		id.b[i] = (uint8_t)(number >> (56 - 8 * i));
	return id;
}

void
bind_keyid(struct query *q, const struct keyid *keyid)
{
	uint64_t number;

	if (!keyid_number(keyid_bytes(keyid), &number) && q->rc == SQLITE_OK)
		q->rc = SQLITE_RANGE;
	bind_uint(q, number);
}

enum fluffy_error
store_new_keyid(fluffy_store *s, uint64_t now, struct keyid *id)
{
	struct counters *c = &s->sql->counters;
	uint64_t time = now & (((uint64_t)1 << (63 - KEYID_SHIFT)) - 1);

	*id = (struct keyid){ 0 };
	if (!s->in_transaction || c->last_keyid >= INT64_MAX)
		return store_misused(s, "no keyid can be given out");
	c->last_keyid++;
	if (c->last_keyid < time << KEYID_SHIFT)
		c->last_keyid = time << KEYID_SHIFT;
	s->sql->dirty = true;
	*id = keyid_from(c->last_keyid);
	return FLUFFY_OK;
}

enum fluffy_error
store_issued_add(fluffy_store *s, const struct issued *issued)
{
	struct query q;

	query_open(&q, s, SQL_ISSUED_ADD);
	bind_keyid(&q, &issued->keyid);
	bind_text(&q, name_bytes(&issued->client));
	bind_text(&q, name_bytes(&issued->service));
	bind_int(&q, issued->alg);
	bind_uint(&q, issued->authtime);
	bind_uint(&q, issued->endtime);
	return query_run(&q, NULL);
}

static enum fluffy_error
no_issued(fluffy_store *s)
{
	return fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL, "no such key");
}

enum fluffy_error
store_issued_remove(fluffy_store *s, struct bytes keyid)
{
	enum fluffy_error e = FLUFFY_OK;
	uint64_t number;
	struct query q;
	int n = 0;

	if (keyid_number(keyid, &number)) {
		query_open(&q, s, SQL_ISSUED_REMOVE);
		bind_uint(&q, number);
		e = query_run(&q, &n);
	}
	return e != FLUFFY_OK || n > 0 ? e : no_issued(s);
}

static void
get_issued(struct query *q, struct issued *issued)
{
	issued->keyid = keyid_from(get_uint(q, INT64_MAX));
	get_name(q, &issued->client, false);
	get_name(q, &issued->service, true);
	issued->alg = get_int(q);
	issued->authtime = get_uint(q, TIME_MAX);
	issued->endtime = get_uint(q, TIME_MAX);
}

enum fluffy_error
store_issued(fluffy_store *s, struct bytes keyid, struct issued *issued)
{
	enum fluffy_error e = FLUFFY_OK;
	uint64_t number;
	struct query q;
	bool found = false;

	*issued = (struct issued){ 0 };
	if (keyid_number(keyid, &number)) {
		query_open(&q, s, SQL_ISSUED);
		bind_uint(&q, number);
		found = query_step(&q);
		if (found)
			get_issued(&q, issued);
		e = query_close(&q);
	}
	return e != FLUFFY_OK || found ? e : no_issued(s);
}

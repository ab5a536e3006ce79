/* admin.c - what an operator does to a store: policy, rules, removal */
#include "group.h"
#include "policy.h"
#include "text.h"

enum fluffy_error
fluffy_store_init(fluffy_ctx *ctx, const char *path, const char *realm,
    const char *name, fluffy_store **out)
{
	struct party party;

	*out = NULL;
	memset(&party, 0, sizeof(party));
	party.role = ROLE_SKDC;
	if (!name_valid(bytes_str(realm)) || !name_valid(bytes_str(name)))
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE,
		    name_valid(bytes_str(realm)) ? "name" : "realm",
		    NAME_EXPECTED);
	if (!name_set(&party.realm, bytes_str(realm)) ||
	    !name_set(&party.name, bytes_str(name)))
		return fluffy_fail_at(ctx, FLUFFY_E_USAGE, "name", "too long");
	party.skdcrealm = party.realm;
	party.skdcname = party.name;
	return store_create(ctx, path, &party, NULL, NULL, out);
}

/* ---- policy ----------------------------------------------------------------- */

static void
put_etypes(struct buffer *b, const struct tokens *etypes)
{
	uint8_t i;

	for (i = 0; i < etypes->n; i++) {
		if (i > 0)
			buffer_addc(b, ',');
		buffer_adds(b, word_of(R_ALG, etypes->v[i]));
	}
	buffer_addc(b, '\0');
}

enum fluffy_error
fluffy_policy_get(fluffy_store *s, const char *name, fluffy_policy *policy,
    fluffy_bytes *etypes)
{
	struct device device = { .lifetime = s->lifetime,
	    .etypes = s->etypes };
	struct buffer b = BUFFER(1024);
	enum fluffy_error e;

	*policy = (fluffy_policy){ .skew = s->skew };
	*etypes = (fluffy_bytes){ NULL, 0 };
	if (name != NULL) {
		policy->skew = 0;
		e = store_device(s, bytes_str(name), &device);
		if (e == FLUFFY_E_NOT_FOUND)
			e = fluffy_fail(s->ctx, e, NULL, "no device \"%s\"",
			    name);
		if (e != FLUFFY_OK)
			return e;
	}
	policy->lifetime = device.lifetime;
	if (device.etypes.n == 0)
		return FLUFFY_OK;
	put_etypes(&b, &device.etypes);
	if (!buffer_take(&b, etypes))
		return fluffy_fail_memory(s->ctx);
	policy->etypes = (const char *)etypes->data;
	return FLUFFY_OK;
}

struct policy_change {
	const char *name;
	const fluffy_policy *policy;
	struct tokens etypes;
};

static void
set_number(uint64_t *number, uint64_t to)
{
	if (to != 0)
		*number = to == FLUFFY_UNSET ? 0 : to;
}

static enum fluffy_error
set_realm(fluffy_store *s, const struct policy_change *c)
{
	uint64_t was = policy_skew(s->skew);
	enum fluffy_error e = FLUFFY_OK;

	set_number(&s->lifetime, c->policy->lifetime);
	set_number(&s->skew, c->policy->skew);
	if (c->policy->etypes != NULL)
		s->etypes = c->etypes;
	/* a wider skew: what is remembered has to be so for longer */
	if (policy_skew(s->skew) > was)
		e = store_nonces_longer(s, 2 * (policy_skew(s->skew) - was));
	return e == FLUFFY_OK ? store_realm_set(s) : e;
}

static enum fluffy_error
set_policy(fluffy_store *s, void *arg)
{
	const struct policy_change *c = arg;
	struct device device;
	enum fluffy_error e;

	if (c->name == NULL)
		return set_realm(s, c);
	e = store_device(s, bytes_str(c->name), &device);
	if (e == FLUFFY_E_NOT_FOUND)
		return fluffy_fail(s->ctx, e, NULL, "no device \"%s\"",
		    c->name);
	if (e != FLUFFY_OK)
		return e;
	set_number(&device.lifetime, c->policy->lifetime);
	if (c->policy->etypes != NULL)
		device.etypes = c->etypes;
	return store_device_set(s, &device);
}

enum fluffy_error
fluffy_policy_set(fluffy_store *s, const char *name,
    const fluffy_policy *policy)
{
	struct policy_change c = { .name = name, .policy = policy };
	struct bytes offender;

	if (policy->lifetime > LIFETIME_MAX &&
	    policy->lifetime != FLUFFY_UNSET)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "lifetime",
		    "no key lives longer than %d s", LIFETIME_MAX);
	if (policy->skew > SKEW_MAX && policy->skew != FLUFFY_UNSET)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "skew",
		    "at most %d s", SKEW_MAX);
	if (name != NULL && policy->skew != 0)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "skew",
		    "is the realm's, not one device's");
	if (s->party.role == ROLE_DEVICE && (policy->lifetime != 0 ||
	    policy->etypes != NULL))
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "a device's store has only a skew to set");
	if (policy->etypes != NULL && policy->etypes[0] != '\0' &&
	    !policy_parse_etypes(policy->etypes, &c.etypes, &offender))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "etypes",
		    "\"%.*s\" isn't a content encryption, or is there twice",
		    (int)offender.n, (const char *)offender.p);
	return store_change(s, set_policy, &c);
}

static enum fluffy_error
reset_clock(fluffy_store *s, void *arg)
{
	(void)arg;
	return store_reset_clock(s);
}

enum fluffy_error
fluffy_reset_clock(fluffy_store *s)
{
	return store_change(s, reset_clock, NULL);
}

/* ---- rules ------------------------------------------------------------------- */

struct rule {
	struct bytes client, service;
};

static enum fluffy_error
check_rule(fluffy_store *s, const char *client, const char *service,
    struct rule *rule)
{
	rule->client = bytes_str(client);
	rule->service = bytes_str(service);
	if (s->party.role != ROLE_SKDC)
		return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "this store is a device's, not an SKDC's");
	if (name_valid(rule->client) && name_valid(rule->service))
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
	    "expected names of 1 to 255 bytes without control characters");
}

/* A rule for a name that nobody has is most likely a slip of the pen. */
static enum fluffy_error
check_enrolled(fluffy_store *s, struct bytes name)
{
	struct device device;
	enum fluffy_error e;

	if (bytes_eq(name, BYTES("*")))
		return FLUFFY_OK;
	e = store_device(s, name, &device);
	if (e == FLUFFY_E_NOT_FOUND)
		e = fluffy_fail(s->ctx, e, NULL, "no device \"%.*s\"",
		    (int)name.n, (const char *)name.p);
	return e;
}

static enum fluffy_error
add_rule(fluffy_store *s, void *arg)
{
	const struct rule *rule = arg;
	enum fluffy_error e = check_enrolled(s, rule->client);

	if (e == FLUFFY_OK)
		e = check_enrolled(s, rule->service);
	if (e == FLUFFY_OK)
		e = store_deny_add(s, rule->client, rule->service);
	return e;
}

static enum fluffy_error
remove_rule(fluffy_store *s, void *arg)
{
	const struct rule *rule = arg;
	enum fluffy_error e = store_deny_remove(s, rule->client,
	    rule->service);

	if (e == FLUFFY_E_NOT_FOUND)
		e = fluffy_fail(s->ctx, e, NULL, "no rule denies \"%.*s\" "
		    "the service \"%.*s\"", (int)rule->client.n,
		    (const char *)rule->client.p, (int)rule->service.n,
		    (const char *)rule->service.p);
	return e;
}

enum fluffy_error
fluffy_deny(fluffy_store *s, const char *client, const char *service)
{
	struct rule rule;
	enum fluffy_error e = check_rule(s, client, service, &rule);

	return e == FLUFFY_OK ? store_change(s, add_rule, &rule) : e;
}

enum fluffy_error
fluffy_allow(fluffy_store *s, const char *client, const char *service)
{
	struct rule rule;
	enum fluffy_error e = check_rule(s, client, service, &rule);

	return e == FLUFFY_OK ? store_change(s, remove_rule, &rule) : e;
}

/* ---- removal ------------------------------------------------------------------- */

static enum fluffy_error
remove_device(fluffy_store *s, void *arg)
{
	struct bytes name = *(const struct bytes *)arg;
	enum fluffy_error e = group_device_removed(s, name,
	    fluffy_now(s->ctx));

	if (e == FLUFFY_OK)
		e = store_device_remove(s, name);

	if (e == FLUFFY_E_NOT_FOUND)
		e = fluffy_fail(s->ctx, e, NULL, "no device \"%.*s\"",
		    (int)name.n, (const char *)name.p);
	return e;
}

enum fluffy_error
fluffy_remove_device(fluffy_store *s, const char *name)
{
	struct bytes bytes = bytes_str(name);

	return store_change(s, remove_device, &bytes);
}

/*
 * The newest key of a device goes only with the device: those before it have an
 * end.
 */
static enum fluffy_error
remove_secret(fluffy_store *s, struct bytes kid)
{
	struct secret secret, newest;
	enum fluffy_error e;
	size_t n = 0;

	e = store_secret_by_kid(s, kid, &secret);
	if (e == FLUFFY_OK)
		e = store_secrets_of(s, name_bytes(&secret.owner), &newest, 1,
		    &n);
	if (e == FLUFFY_OK && n > 0 && newest.order == secret.order)
		e = fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    s->party.role == ROLE_SKDC ?
		    "the newest key of \"%s\": rotate first, or remove the "
		    "device" :
		    "the newest key of \"%s\": delete the store instead",
		    secret.owner.s);
	if (e == FLUFFY_OK)
		e = store_secret_erase(s, kid);
	secret_wipe(&secret);
	if (n > 0)
		secret_wipe(&newest);
	return e;
}

/* A session or group key, a pair or a public key. */
static enum fluffy_error
erase_held(fluffy_store *s, struct bytes keyid)
{
	enum fluffy_error key = store_session_erase(s, keyid), pair;

	if (key != FLUFFY_OK && key != FLUFFY_E_NOT_FOUND)
		return key;
	pair = store_pair_erase(s, keyid);
	return pair == FLUFFY_E_NOT_FOUND ? key : pair;
}

static enum fluffy_error
remove_key(fluffy_store *s, void *arg)
{
	struct bytes keyid = *(const struct bytes *)arg;
	enum fluffy_error e = remove_secret(s, keyid);

	if (e == FLUFFY_E_NOT_FOUND)
		e = s->party.role == ROLE_SKDC ?
		    store_issued_remove(s, keyid) : erase_held(s, keyid);
	if (e == FLUFFY_E_NOT_FOUND)
		e = fluffy_fail(s->ctx, e, NULL, "no such key");
	return e;
}

enum fluffy_error
fluffy_remove_key(fluffy_store *s, const uint8_t *keyid, size_t n)
{
	struct bytes bytes = bytes_of(keyid, n);

	return store_change(s, remove_key, &bytes);
}

/*
 * enrol.c - ENROL and rotation (section 9), both ends
 */
#include <openssl/crypto.h>

#include "alg.h"
#include "exchange.h"
#include "policy.h"
#include "text.h"

/* ---- SKDC ------------------------------------------------------------------- */

static enum fluffy_error
check_skdc_role(fluffy_store *s)
{
	if (s->party.role == ROLE_SKDC)
		return FLUFFY_OK;
	return fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
	    "this store is a device's, not an SKDC's");
}

static enum fluffy_error
new_secret(fluffy_store *s, struct bytes owner, int64_t alg,
    struct secret *secret)
{
	enum fluffy_error e;

	memset(secret, 0, sizeof(*secret));
	secret->key.alg = alg;
	secret->key.n = (uint8_t)aead_of(alg)->key;
	if (!name_set(&secret->owner, owner))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "name",
		    "too long");
	e = store_new_kid(s, &secret->kid);
	if (e == FLUFFY_OK)
		e = ctx_random(s->ctx, secret->key.b, secret->key.n);
	if (e == FLUFFY_OK)
		e = store_secret_add(s, secret);
	return e;
}

static enum fluffy_error
make_enrol(fluffy_store *s, const struct secret *secret, uint64_t endtime,
    fluffy_msg **out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_ENROL);
	struct keydata *k;

	*out = NULL;
	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, msg, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&secret->owner));
	PUT_BYTES(msg, msg, skdcrealm, L_skdcrealm,
	    name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, skdcname, L_skdcname, name_bytes(&s->party.name));
	if (endtime != 0)
		PUT(msg, endtime, L_endtime, endtime);
	k = keydata_make(msg, &keydata_secret, keyid_bytes(&secret->kid),
	    &secret->key);
	PUT(msg, keydata, L_keydata, k);
	return message_finish(s->ctx, FLUFFY_OK, &msg, out);
}

/* The algorithm of a secret key: its tag has 16 bytes (section 3). */
static enum fluffy_error
parse_secret_alg(fluffy_store *s, const char *name, int64_t *alg)
{
	*alg = ALG_SECRET_DEFAULT;
	if (name == NULL)
		return FLUFFY_OK;
	if (number_of(R_ALG, bytes_str(name), alg) && aead_of(*alg) != NULL &&
	    aead_of(*alg)->tag == 16)
		return FLUFFY_OK;
	return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "alg",
	    "%s isn't an algorithm for secret keys", name);
}

/* Commits when all went well, and then only hands *msg over. */
static enum fluffy_error
end(fluffy_store *s, enum fluffy_error e, fluffy_msg **msg)
{
	if (e == FLUFFY_OK)
		e = store_commit(s);
	if (e != FLUFFY_OK) {
		store_rollback(s);
		fluffy_msg_free(msg);
	}
	return e;
}

enum fluffy_error
fluffy_enrol(fluffy_store *s, const char *name, const char *alg,
    fluffy_msg **out)
{
	struct secret secret;
	enum fluffy_error e;
	int64_t number;

	*out = NULL;
	memset(&secret, 0, sizeof(secret));
	if ((e = check_skdc_role(s)) != FLUFFY_OK ||
	    (e = parse_secret_alg(s, alg, &number)) != FLUFFY_OK)
		return e;
	/* "*" is anybody, in the rules */
	if (strcmp(name, "*") == 0)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "name",
		    "* stands for anybody");
	if (!name_valid(bytes_str(name)))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "name",
		    NAME_EXPECTED);
	if ((e = store_begin(s)) != FLUFFY_OK)
		return e;
	e = store_device_add(s, bytes_str(name));
	if (e == FLUFFY_OK)
		e = new_secret(s, bytes_str(name), number, &secret);
	if (e == FLUFFY_OK)
		e = make_enrol(s, &secret, 0, out);
	secret_wipe(&secret);
	return end(s, e, out);
}

/* Gives the old keys their end; left: how many have it still before them. */
static enum fluffy_error
end_old(fluffy_store *s, const struct secret *old, size_t n, uint64_t until,
    size_t *left)
{
	enum fluffy_error e = FLUFFY_OK;
	uint64_t now = fluffy_now(s->ctx);
	size_t i;

	*left = n;
	for (i = 0; i < n && e == FLUFFY_OK; i++) {
		struct bytes kid = keyid_bytes(&old[i].kid);

		if (!secret_opens(s, &old[i], now)) {
			e = store_secret_erase(s, kid);
			--*left;
		} else if (old[i].endtime == 0 || old[i].endtime > until)
			e = store_secret_set_endtime(s, kid, until);
	}
	return e;
}

/* However many there are: others may know them. */
static enum fluffy_error
erase_all(fluffy_store *s, struct bytes owner)
{
	struct secret all[MAX_SECRETS];
	enum fluffy_error e;
	size_t i, n;

	do {
		e = store_secrets_of(s, owner, all, MAX_SECRETS, &n);
		for (i = 0; i < n; i++) {
			if (e == FLUFFY_OK)
				e = store_secret_erase(s,
				    keyid_bytes(&all[i].kid));
			secret_wipe(&all[i]);
		}
	} while (e == FLUFFY_OK && n == MAX_SECRETS);
	return e;
}

static enum fluffy_error
rotate(fluffy_store *s, struct bytes name, uint64_t until, fluffy_msg **out)
{
	struct secret old[MAX_SECRETS], secret;
	enum fluffy_error e;
	size_t i, n = 0, left = 0;

	memset(&secret, 0, sizeof(secret));
	e = store_secrets_of(s, name, old, MAX_SECRETS, &n);
	if (e == FLUFFY_OK && n == 0)
		e = fluffy_fail(s->ctx, FLUFFY_E_NOT_FOUND, NULL,
		    "no device \"%.*s\"", (int)name.n, (const char *)name.p);
	if (e == FLUFFY_OK)
		e = until == 0 ? erase_all(s, name) :
		    end_old(s, old, n, until, &left);
	if (e == FLUFFY_OK && left == MAX_SECRETS)
		e = fluffy_fail(s->ctx, FLUFFY_E_USAGE, NULL,
		    "%d rotations that the device hasn't taken up; "
		    "rotate at once", MAX_SECRETS - 1);
	if (e == FLUFFY_OK)
		e = new_secret(s, name, old[n - 1].key.alg, &secret);
	if (e == FLUFFY_OK)
		e = make_enrol(s, &secret, until, out);
	for (i = 0; i < n; i++)
		secret_wipe(&old[i]);
	secret_wipe(&secret);
	return e;
}

/*
 * A first ENROL leaves endtime out; so does, for a rotation at once, a second:
 * it drops the old key wherever it is read.
 */
enum fluffy_error
fluffy_rotate(fluffy_store *s, const char *name, uint64_t until,
    fluffy_msg **out)
{
	enum fluffy_error e;

	*out = NULL;
	if ((e = check_skdc_role(s)) != FLUFFY_OK)
		return e;
	/* a slip of the pen would cut the device off */
	if (until != 0 && until <= fluffy_now(s->ctx))
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "until",
		    "that time has passed");
	if (until > MAX_SAFE)
		return fluffy_fail_at(s->ctx, FLUFFY_E_USAGE, "until",
		    "later than a message can say");
	if ((e = store_begin(s)) != FLUFFY_OK)
		return e;
	return end(s, rotate(s, bytes_str(name), until, out), out);
}

/* ---- device ------------------------------------------------------------------ */

static enum fluffy_error
secret_of(fluffy_ctx *ctx, const struct fluffy_msg *enrol,
    struct secret *secret)
{
	const struct keydata *k = enrol->keydata;

	memset(secret, 0, sizeof(*secret));
	secret->kid.n = (uint8_t)k->keyid.n;
	memcpy(secret->kid.b, k->keyid.p, k->keyid.n);
	secret->key.alg = k->alg;
	secret->key.n = (uint8_t)k->key.n;
	memcpy(secret->key.b, k->key.p, k->key.n);
	if (name_set(&secret->owner, enrol->cname))
		return FLUFFY_OK;
	return fluffy_fail(ctx, FLUFFY_E_INTERNAL, NULL,
	    "a name that doesn't fit");
}

static enum fluffy_error
add_secret(fluffy_store *s, void *secret)
{
	return store_secret_add(s, secret);
}

static enum fluffy_error
first_join(fluffy_ctx *ctx, const char *path, const struct fluffy_msg *enrol,
    struct secret *secret)
{
	struct party party;
	fluffy_store *s = NULL;
	enum fluffy_error e;

	memset(&party, 0, sizeof(party));
	party.role = ROLE_DEVICE;
	if (HAS(enrol, L_endtime))
		return fluffy_fail_at(ctx, FLUFFY_E_STORE, "ENROL.endtime",
		    "this is a rotation, and there is no store %s", path);
	if (!name_set(&party.realm, enrol->crealm) ||
	    !name_set(&party.name, enrol->cname) ||
	    !name_set(&party.skdcrealm, enrol->skdcrealm) ||
	    !name_set(&party.skdcname, enrol->skdcname))
		return fluffy_fail(ctx, FLUFFY_E_INTERNAL, NULL,
		    "a name that doesn't fit");
	e = store_create(ctx, path, &party, add_secret, secret, &s);
	fluffy_store_close(&s);
	return e;
}

static enum fluffy_error
check_enrol_names(struct step *step)
{
	const struct party *party = &step->s->party;
	enum fluffy_error e;

	e = check_name(step->s->ctx, step->msg, "crealm", step->msg->crealm,
	    name_bytes(&party->realm));
	return e != FLUFFY_OK ? e : check_name(step->s->ctx, step->msg,
	    "cname", step->msg->cname, name_bytes(&party->name));
}

static enum fluffy_error
check_enrol_skdc(struct step *step)
{
	const struct party *party = &step->s->party;
	enum fluffy_error e;

	e = check_skdc(step->s->ctx, step->msg, "skdcrealm",
	    step->msg->skdcrealm, name_bytes(&party->skdcrealm));
	return e != FLUFFY_OK ? e : check_skdc(step->s->ctx, step->msg,
	    "skdcname", step->msg->skdcname, name_bytes(&party->skdcname));
}

/* Not after the moment of reading, or absent: at once. */
static enum fluffy_error
end_older(struct step *step)
{
	const struct fluffy_msg *enrol = step->msg;
	struct bytes owner = name_bytes(&step->s->party.name);
	struct secret old[MAX_SECRETS];
	enum fluffy_error e;
	size_t i, n = 0, left;

	e = store_secrets_of(step->s, owner, old, MAX_SECRETS, &n);
	if (e == FLUFFY_OK)
		e = HAS(enrol, L_endtime) && enrol->endtime > step->now ?
		    end_old(step->s, old, n, enrol->endtime, &left) :
		    erase_all(step->s, owner);
	for (i = 0; i < n; i++)
		secret_wipe(&old[i]);
	return e;
}

static enum fluffy_error
check_new_secret(struct step *step)
{
	enum fluffy_error e = secret_of(step->s->ctx, step->msg,
	    &step->secret);

	if (e == FLUFFY_OK)
		e = store_secret_add(step->s, &step->secret);
	return e != FLUFFY_E_EXISTS ? e : refuse(step->s->ctx, step->msg,
	    "keydata.keyid", e, "this key was joined before");
}

static const struct check enrol_checks[] = {
	{ "skdc", check_enrol_skdc },
	{ "names", check_enrol_names },
	{ NULL, end_older },
	{ "new", check_new_secret }
};

enum fluffy_error
enrol_take(struct step *step)
{
	return RUN_CHECKS(step, enrol_checks);
}

static enum fluffy_error
take_rotation(fluffy_store *s, void *enrol)
{
	struct step step = step_begin(s, enrol);
	enum fluffy_error e = enrol_take(&step);

	step_end(&step);
	return e;
}

static enum fluffy_error
second_join(fluffy_ctx *ctx, const char *path, const struct fluffy_msg *enrol)
{
	fluffy_store *s;
	enum fluffy_error e = fluffy_store_open(ctx, path, 0, &s);

	if (e == FLUFFY_OK && s->party.role != ROLE_DEVICE)
		e = fluffy_fail(ctx, FLUFFY_E_USAGE, NULL,
		    "this store is an SKDC's, not a device's");
	if (e == FLUFFY_OK)
		e = store_change(s, take_rotation, (void *)(uintptr_t)enrol);
	fluffy_store_close(&s);
	return e;
}

enum fluffy_error
fluffy_join(fluffy_ctx *ctx, const char *path, const fluffy_msg *enrol)
{
	struct secret secret;
	enum fluffy_error e;

	if (enrol->type != FLUFFY_ENROL)
		return fluffy_fail_at(ctx, FLUFFY_E_UNEXPECTED,
		    fluffy_type_name((enum fluffy_type)enrol->type),
		    "expected ENROL");
	if (store_exists(path))
		return second_join(ctx, path, enrol);
	e = secret_of(ctx, enrol, &secret);
	if (e == FLUFFY_OK)
		e = first_join(ctx, path, enrol, &secret);
	secret_wipe(&secret);
	return e;
}

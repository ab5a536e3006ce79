/* policy.c - the rules of section 6 as pure functions */
#include "alg.h"
#include "policy.h"

uint64_t
policy_skew(uint64_t set)
{
	return set == 0 ? SKEW_DEFAULT : set;
}

bool
policy_time_fits(uint64_t now, uint64_t time, uint64_t skew)
{
	return now > time ? now - time <= skew : time - now <= skew;
}

bool
policy_clock_behind(uint64_t now, uint64_t max_now, uint64_t skew)
{
	return max_now > now && max_now - now > skew;
}

uint64_t
policy_remember_until(uint64_t time, uint64_t skew)
{
	return time + 2 * skew;
}

bool
policy_key_good(uint64_t now, uint64_t authtime, uint64_t endtime)
{
	return endtime > authtime && now < endtime;
}

static bool
contains(const struct tokens *list, int64_t token)
{
	uint8_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i] == token)
			return true;
	return false;
}

int64_t
policy_etype(const struct tokens *wanted, const struct tokens *const *allowed,
    size_t n)
{
	uint8_t i;
	size_t j;

	for (i = 0; i < wanted->n; i++) {
		if (aead_of(wanted->v[i]) == NULL)
			continue;
		for (j = 0; j < n; j++)
			if (allowed[j]->n > 0 &&
			    !contains(allowed[j], wanted->v[i]))
				break;
		if (j == n)
			return wanted->v[i];
	}
	return 0;
}

uint64_t
policy_lifetime(uint64_t realm, uint64_t client, uint64_t service)
{
	uint64_t least = client;

	if (least == 0 || (service != 0 && service < least))
		least = service;
	if (least == 0)
		least = realm == 0 ? LIFETIME_DEFAULT : realm;
	return least < LIFETIME_MAX ? least : LIFETIME_MAX;
}

uint64_t
policy_group_lifetime(uint64_t realm, uint64_t owner, uint64_t wish)
{
	uint64_t most = policy_lifetime(realm != 0 ? realm : LIFETIME_MAX,
	    owner, 0);

	if (wish == 0)
		return policy_lifetime(realm, owner, 0);
	return wish < most ? wish : most;
}

bool
policy_parse_etypes(const char *list, struct tokens *tokens,
    struct bytes *offender)
{
	const char *comma;
	int64_t alg;

	*tokens = (struct tokens){ .n = 0 };
	*offender = bytes_str(list);
	for (; list != NULL; list = comma == NULL ? NULL : comma + 1) {
		comma = strchr(list, ',');
		*offender = bytes_of(list, comma == NULL ? strlen(list) :
		    (size_t)(comma - list));
		if (!number_of(R_ALG, *offender, &alg) ||
		    aead_of(alg) == NULL || contains(tokens, alg) ||
		    tokens->n == 8)
			return false;
		tokens->v[tokens->n++] = alg;
	}
	tokens->bare = tokens->n == 1;
	return true;
}

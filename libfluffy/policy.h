/* policy.h - the rules of section 6 as pure functions */
#ifndef FLUFFY_POLICY_H
#define FLUFFY_POLICY_H

#include "message.h"

#define SKEW_DEFAULT	 300
#define SKEW_MAX	 86400
#define LIFETIME_DEFAULT (8 * 3600)
#define LIFETIME_MAX	 (30 * 86400)
/* A cpac is handed on twice in an answer that has its own limit. */
#define CPAC_MAX	 28672
/* A grppac only once. */
#define GRPPAC_MAX	 61440
/* What one device can make an SKDC keep, and send at once. */
#define GROUPS_MAX	 256
#define GROUP_KEYS_MAX	 64
/* With a key pair the certificates are handed on twice as well. */
#define PAIR_CPAC_MAX	 16384
#define CERTS_MAX	 12288

/* What is set, or its default. */
uint64_t policy_skew(uint64_t set);

/* Time: |now - time| <= skew. */
bool policy_time_fits(uint64_t now, uint64_t time, uint64_t skew);
/* Replay: is the clock more than the skew behind what it was? */
bool policy_clock_behind(uint64_t now, uint64_t max_now, uint64_t skew);
/* Replay: how long a nonce of that time is remembered. */
uint64_t policy_remember_until(uint64_t time, uint64_t skew);
/* A key is good while now < endtime; endtime <= authtime never is. */
bool policy_key_good(uint64_t now, uint64_t authtime, uint64_t endtime);

/*
 * The first of wanted that this profile has and that all of the given lists
 * allow (an empty list allows all); 0: none.
 */
int64_t policy_etype(const struct tokens *wanted,
    const struct tokens *const *allowed, size_t n);

/* The shortest of those that are set (not 0), or the default; at most 30 days. */
uint64_t policy_lifetime(uint64_t realm, uint64_t client, uint64_t service);

/*
 * Of a group's key: what its owner wishes (0: nothing), cut at what is
 * configured for the realm and the owner, and at 30 days.
 */
uint64_t policy_group_lifetime(uint64_t realm, uint64_t owner, uint64_t wish);

/* A list "A,B" of content encryptions; the offending word on failure. */
bool policy_parse_etypes(const char *list, struct tokens *,
    struct bytes *offender);

#endif

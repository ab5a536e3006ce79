/*
 * ca.h - the SKDC is no CA: where its certificates come from (draft, section 7)
 *
 * ca.c chooses between ca_files.c, a CA's key and certificate in files, and
 * ca_cmp.c, a CA that is asked over CMP (RFC 4210), for at most 20 s.  Neither
 * touches a store.
 */
#ifndef FLUFFY_CA_H
#define FLUFFY_CA_H

#include "context.h"
#include "message.h"

struct ca_request {
	const struct keydata *pair; /* a signing key */
	struct bytes realm, name;   /* the principal */
	uint64_t from, until;	    /* wanted validity; from is now */
	uint64_t longest;	    /* at most, where the CA decides */
	bool chain;		    /* with the issuers' certificates */
};

/*
 * A certificate for the pair: certs gets it, then, if asked for, its issuers'
 * as far up as they are known (at most 8 in all).  It verifies against the
 * CA's certificate, is for that key and principal, and is valid from now on
 * (where the CA decides, its clock may be 300 s ahead) and until the wanted
 * time or, where the CA decides otherwise, not longer than longest.  NO_CA when
 * there is none, it can't be reached, or refuses.  not_after: the
 * certificate's.
 */
FLUFFY_CHECKED enum fluffy_error ca_certify(fluffy_ctx *, const fluffy_ca *,
    const struct ca_request *, struct arena *, struct bytes_list *certs,
    uint64_t *not_after);

/* Can that configuration work, as far as its files tell?  USAGE, or OK. */
FLUFFY_CHECKED enum fluffy_error ca_check(fluffy_ctx *, const fluffy_ca *);

/*
 * The principal's name in a certificate: the URI
 * fluffy://REALM/NAME, both percent-encoded (RFC 3986, section 2.1).
 */
void ca_principal(struct buffer *, struct bytes realm, struct bytes name);

#endif

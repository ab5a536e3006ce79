/* coap-match.h - whose message a CoAP server's message answers */
#ifndef COAP_MATCH_H
#define COAP_MATCH_H

#include <stdint.h>

#include "udp.h"

#define COAP_REMEMBERED 256

/* What tells messages apart (RFC 7252, 3). */
struct coap_id {
	bool coap;		/* else nothing of this is known */
	uint8_t message[2];
	uint8_t token[8];
	size_t token_len;
};

/* Who has sent what, in a ring; starts as {0}. */
struct coap_match {
	struct {
		struct coap_id id;
		struct udp_path from;
	} sent[COAP_REMEMBERED];
	size_t count;		/* of all that were ever sent */
};

void coap_sent(struct coap_match *, const void *data, size_t len,
    const struct udp_path *from);
/*
 * Who sent what this answers: the newest message with its message id and, if it
 * has one, its token; else with its token; else the newest of all.  NULL:
 * nobody sent anything.
 */
const struct udp_path *coap_answered(const struct coap_match *,
    const void *data, size_t len);

#endif

/* coap-match.c - whose message a CoAP server's message answers */
#include "coap-match.h"

#include <string.h>

#define HEADER 4

static struct coap_id
read_id(const uint8_t *data, size_t len)
{
	struct coap_id id = { .coap = false };

	if (len < HEADER || data[0] >> 6 != 1)
		return id;
	id.token_len = data[0] & 15;
	if (id.token_len > sizeof id.token || id.token_len > len - HEADER)
		return id;
	id.coap = true;
	memcpy(id.message, data + 2, sizeof id.message);
	memcpy(id.token, data + HEADER, id.token_len);
	return id;
}

static bool
answers(const struct coap_id *reply, const struct coap_id *sent)
{
	if (!reply->coap || !sent->coap)
		return false;
	if (reply->token_len == 0)
		return memcmp(reply->message, sent->message,
		    sizeof sent->message) == 0;
	return reply->token_len == sent->token_len &&
	    memcmp(reply->token, sent->token, sent->token_len) == 0;
}

void
coap_sent(struct coap_match *m, const void *data, size_t len,
    const struct udp_path *from)
{
	size_t at = m->count++ % COAP_REMEMBERED;

	m->sent[at].id = read_id(data, len);
	m->sent[at].from = *from;
}

const struct udp_path *
coap_answered(const struct coap_match *m, const void *data, size_t len)
{
	struct coap_id reply = read_id(data, len);
	size_t at = m->count;

	while (at-- > 0 && m->count - at <= COAP_REMEMBERED) {
		if (answers(&reply, &m->sent[at % COAP_REMEMBERED].id))
			return &m->sent[at % COAP_REMEMBERED].from;
	}
	return m->count == 0 ? NULL :
	    &m->sent[(m->count - 1) % COAP_REMEMBERED].from;
}

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
same_message(const struct coap_id *a, const struct coap_id *b)
{
	return memcmp(a->message, b->message, sizeof a->message) == 0;
}

static bool
same_token(const struct coap_id *a, const struct coap_id *b)
{
	return a->token_len == b->token_len &&
	    memcmp(a->token, b->token, a->token_len) == 0;
}

/* An empty message has no token, whatever it answers (RFC 7252, 4.1). */
static bool
at_once(const struct coap_id *reply, const struct coap_id *sent)
{
	return same_message(reply, sent) &&
	    (reply->token_len == 0 || same_token(reply, sent));
}

static bool
later(const struct coap_id *reply, const struct coap_id *sent)
{
	return reply->token_len > 0 && same_token(reply, sent);
}

void
coap_sent(struct coap_match *m, const void *data, size_t len,
    const struct udp_path *from)
{
	size_t at = m->count++ % COAP_REMEMBERED;

	m->sent[at].id = read_id(data, len);
	m->sent[at].from = *from;
}

static const struct udp_path *
newest(const struct coap_match *m, const struct coap_id *reply,
    bool (*answers)(const struct coap_id *, const struct coap_id *))
{
	size_t n = m->count < COAP_REMEMBERED ? m->count : COAP_REMEMBERED;

	for (size_t i = 1; i <= n; i++) {
		size_t at = (m->count - i) % COAP_REMEMBERED;

		if (m->sent[at].id.coap && answers(reply, &m->sent[at].id))
			return &m->sent[at].from;
	}
	return NULL;
}

/* Many clients count their tokens from 1, so the message id comes first. */
const struct udp_path *
coap_answered(const struct coap_match *m, const void *data, size_t len)
{
	struct coap_id reply = read_id(data, len);
	const struct udp_path *to = NULL;

	if (reply.coap)
		to = newest(m, &reply, at_once);
	if (reply.coap && to == NULL)
		to = newest(m, &reply, later);
	return to != NULL || m->count == 0 ? to :
	    &m->sent[(m->count - 1) % COAP_REMEMBERED].from;
}

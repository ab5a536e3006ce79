/* dk_summary.c - what the documents of section 11 say of themselves */
#include <string.h>

#include "derived.h"
#include "error.h"
#include "maccert.h"
#include "message.h"

/* Names have at most 255 bytes, or are absent. */
static void
copy_name(struct bytes name, char text[256])
{
	if (name.n < 256 && name.n > 0)
		memcpy(text, name.p, name.n);
}

static const char *
read_number(const fluffy_msg *msg, uint32_t *number)
{
	struct nonce nonce = { .number = 0 };
	struct maccert maccert = { .number = 0 };
	const char *wrong = NULL;

	if (msg->type == FLUFFY_DK_REVOKE) {
		*number = (uint32_t)msg->seqnum;
	} else if (msg->type == FLUFFY_DK_CRED) {
		wrong = nonce_read(msg->psk_identity, &nonce);
		*number = nonce.number;
	} else if (msg->type == FLUFFY_DK_CERT) {
		wrong = maccert_read(msg->maccert, &maccert);
		*number = maccert.number;
	}
	return wrong;
}

enum fluffy_error
fluffy_dk_summarize(fluffy_ctx *ctx, const fluffy_msg *msg,
    fluffy_dk_summary *out)
{
	const char *wrong;

	memset(out, 0, sizeof *out);
	if (msg->type < FLUFFY_DK_PROV || msg->type > FLUFFY_DK_REVOKE)
		return fluffy_fail(ctx, FLUFFY_E_UNEXPECTED, NULL,
		    "none of DK-PROV, DK-CRED, DK-CERT, DK-REVOKE");
	wrong = read_number(msg, &out->number);
	if (wrong != NULL) {
		memset(out, 0, sizeof *out);
		return fluffy_fail_at(ctx, FLUFFY_E_MALFORMED,
		    msg->type == FLUFFY_DK_CRED ? "DK-CRED.psk-identity" :
		    "DK-CERT.maccert", "%s", wrong);
	}
	copy_name(msg->ta, out->ta);
	copy_name(msg->rs, out->rs);
	copy_name(msg->cname, out->client);
	return FLUFFY_OK;
}

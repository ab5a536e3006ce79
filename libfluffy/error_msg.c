/* error_msg.c - ERROR (section 6): who says what to whom, and what it proves */
#include "exchange.h"
#include "text.h"

/* Never with an ack (section 6). */
static bool
without_ack(enum fluffy_error code)
{
	return code == FLUFFY_E_MALFORMED || code == FLUFFY_E_BAD_VERSION ||
	    code == FLUFFY_E_WRONG_SKDC || code == FLUFFY_E_AUTH_FAILED;
}

/* A local failure is nobody else's business. */
static int64_t
wire_code(enum fluffy_error code)
{
	return word_of(R_ERROR, code) != NULL ? (int64_t)code :
	    FLUFFY_E_INTERNAL;
}

/*
 * Only of what is malformed it is said what is wrong: that is about the
 * message alone, while other reasons are about who exists and what they may.
 */
static void
put_reason(fluffy_store *s, struct fluffy_msg *msg, enum fluffy_error code)
{
	fluffy_reason why = fluffy_why(s->ctx);
	char text[256];
	size_t n;

	if ((code != FLUFFY_E_MALFORMED && code != FLUFFY_E_BAD_VERSION) ||
	    why.code != code)
		return;
	(void)snprintf(text, sizeof(text), "%s%s%s", why.field,
	    why.field[0] == '\0' ? "" : ": ", why.text);
	n = strlen(text);
	/* cut off at a character's end */
	while (n > 0 && !utf8_valid(bytes_of(text, n)))
		n--;
	PUT_BYTES(msg, msg, e_text, L_e_text, bytes_of(text, n));
}

static enum fluffy_error
put_ack(fluffy_store *s, struct fluffy_msg *msg, const struct step *step)
{
	struct part *part = seal_part(msg, msg, L_ack);
	uint8_t iv[IV_MAX];
	enum fluffy_error e;

	if (part == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT_BYTES(msg, msg, crealm, L_crealm, name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, cname, L_cname, name_bytes(&step->secret.owner));
	PUT_BYTES(msg, part, skdcname, L_skdcname,
	    name_bytes(&s->party.name));
	PUT_BYTES(msg, part, nonce, L_nonce, step->part->nonce);
	PUT(part, authtime, L_authtime, step->now);
	if ((e = ctx_random(s->ctx, iv, sizeof(iv))) != FLUFFY_OK)
		return e;
	return seal_under_secret(s, msg, msg, L_ack, part, &step->secret,
	    iv, false);
}

enum fluffy_error
error_make(fluffy_store *s, const struct step *step, enum fluffy_error code,
    fluffy_msg **out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_ERROR);
	enum fluffy_error e = FLUFFY_OK;

	*out = NULL;
	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT(msg, error_code, L_error_code, wire_code(code));
	put_reason(s, msg, code);
	PUT_BYTES(msg, msg, skdcrealm, L_skdcrealm,
	    name_bytes(&s->party.realm));
	PUT_BYTES(msg, msg, skdcname, L_skdcname, name_bytes(&s->party.name));
	if (step != NULL && step->verified && !without_ack(code))
		e = put_ack(s, msg, step);
	/* no seal is left for it (section 4): then it's a hint, without */
	if (e == FLUFFY_E_USAGE) {
		fluffy_msg_free(&msg);
		return error_make(s, NULL, code, out);
	}
	return message_finish(s->ctx, e, &msg, out);
}

enum fluffy_error
error_make_bare(fluffy_store *s, enum fluffy_error code, fluffy_msg **out)
{
	struct fluffy_msg *msg = message_new(FLUFFY_ERROR);

	*out = NULL;
	if (msg == NULL)
		return fluffy_fail_memory(s->ctx);
	PUT(msg, error_code, L_error_code, wire_code(code));
	put_reason(s, msg, code);
	return message_finish(s->ctx, FLUFFY_OK, &msg, out);
}

/* ---- client ------------------------------------------------------------------- */

/*
 * An ERROR's ack opens, its names fit, and a request waits for it: those in
 * clear, where they are, have to be those of ack and of its key.
 */
static enum fluffy_error
check_error_names(struct step *step)
{
	const struct fluffy_msg *msg = step->msg;
	const struct party *party = &step->s->party;
	const struct {
		const char *member;
		bool there;
		struct bytes found, expected;
	} names[] = {
		{ "ack.skdcname", true, msg->ack.plain->skdcname,
		    name_bytes(&party->skdcname) },
		{ "skdcname", HAS(msg, L_skdcname), msg->skdcname,
		    name_bytes(&party->skdcname) },
		{ "skdcrealm", HAS(msg, L_skdcrealm), msg->skdcrealm,
		    name_bytes(&party->skdcrealm) },
		{ "crealm", HAS(msg, L_crealm), msg->crealm,
		    name_bytes(&party->realm) },
		{ "cname", HAS(msg, L_cname), msg->cname,
		    name_bytes(&party->name) }
	};
	enum fluffy_error e = FLUFFY_OK;

	for (size_t i = 0; e == FLUFFY_OK &&
	    i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].there)
			e = check_name(step->s->ctx, msg, names[i].member,
			    names[i].found, names[i].expected);
	return e;
}

/* Only what the SKDC was asked can the SKDC refuse. */
static enum fluffy_error
check_error_pending(struct step *step)
{
	enum fluffy_error e = store_pending(step->s, step->part->nonce,
	    &step->pending);

	if (e == FLUFFY_E_NOT_FOUND || (e == FLUFFY_OK &&
	    step->pending.type == FLUFFY_PSK_ESTB))
		return refuse(step->s->ctx, step->msg, "ack.nonce",
		    FLUFFY_E_REPLAY, "no request waits for it");
	return e;
}

static const struct check error_checks[] = {
	{ "seal", check_ack_under_secret, OPENS_BY_KID },
	{ "names", check_error_names },
	{ "pending", check_error_pending }
};

enum fluffy_error
error_take(struct step *step, const fluffy_extras *extras, fluffy_msg **out,
    fluffy_outcome *outcome)
{
	int64_t code = step->msg->error_code;
	enum fluffy_error e;

	(void)extras;
	(void)out;
	outcome->kind = FLUFFY_ERROR_HINT;
	if (!HAS(step->msg, L_ack))
		return FLUFFY_OK;
	e = RUN_CHECKS(step, error_checks);
	if (e == FLUFFY_OK || e == FLUFFY_END)
		outcome->kind = FLUFFY_ERROR_PROVEN;
	/* whatever else is wrong with it, it is a hint */
	if (e != FLUFFY_OK)
		return e == FLUFFY_END || fluffy_error_status(e) ==
		    FLUFFY_BROKEN ? e : FLUFFY_OK;
	/* their answer may still be on the way (section 6) */
	if (code == FLUFFY_E_REPLAY || code == FLUFFY_E_BUSY)
		return FLUFFY_OK;
	return store_pending_remove(step->s, step->part->nonce);
}

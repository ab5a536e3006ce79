/*
 * fuzz_arguments.c - what users say: the strings that options and operands have
 *
 * The first byte says which call fails (0: none), the second chooses the
 * function, the third which arguments are given; then come numbers and, each
 * with its length, strings.  Whatever they are it is done or refused with a
 * reason, and what is made survives both encodings.
 */
#include <stdlib.h>

#include "faults.h"
#include "realm.h"
#include "store_sql.h"
#include "text.h"

#define N_TEXTS 4

/* An input's arguments. */
static struct {
	uint8_t given;			/* a bit each */
	uint64_t number;
	char texts[N_TEXTS][256];
	fluffy_extras extras;
} args;

static void
take_arguments(struct feed *in)
{
	struct bytes b;

	args.given = take(in);
	args.number = 0;
	for (int i = take(in) % 9; i > 0; i--)
		args.number = args.number << 8 | take(in);
	for (size_t i = 0; i < N_TEXTS; i++) {
		b = take_string(in);
		memset(args.texts[i], 0, sizeof(args.texts[i]));
		if (b.n > 0)
			memcpy(args.texts[i], b.p, b.n);
	}
	args.extras = (fluffy_extras){ .cksum = (args.given & 64) != 0,
	    .has_seqnum = (args.given & 128) != 0,
	    .seqnum = (uint32_t)args.number };
}

/* NULL when it isn't given. */
static const char *
text(int i)
{
	return (args.given >> i & 1) != 0 ? args.texts[i] : NULL;
}

static void
made(enum fluffy_error e, fluffy_msg *msg)
{
	bool armed = faults_pause();

	CHECK((e == FLUFFY_OK) == (msg != NULL));
	done(e);
	if (msg != NULL)
		check_message(msg);
	fluffy_msg_free(&msg);
	faults_resume(armed);
}

/* ---- requests ------------------------------------------------------------ */

static void
ask_psk(fluffy_store *s)
{
	const fluffy_psk_params p = { .service = args.texts[0],
		.realm = text(1), .etype = text(2), .cpac = text(3),
		.extras = args.extras };
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_psk_request(s, &p, &msg);

	made(e, msg);
}

static void
ask_gsk(fluffy_store *s)
{
	fluffy_gsk_params p = { .group = args.texts[0], .realm = text(1),
		.lifetime = (args.given & 16) != 0 ? args.number : 0,
		.renew = (args.given & 32) != 0, .extras = args.extras };
	fluffy_msg *msg;
	enum fluffy_error e;

	if (args.number % 2 == 0)
		p.members = text(2);
	else
		p.etype = text(2);
	p.grppac = text(3);
	e = fluffy_gsk_request(s, &p, &msg);
	made(e, msg);
}

static void
fetch(fluffy_store *s)
{
	const fluffy_fetch_params p = { .group = args.texts[0],
		.realm = text(1), .keyid = (const uint8_t *)args.texts[2],
		.keyid_len = args.number % 40, .extras = args.extras };
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_gsk_fetch(s, &p, &msg);

	made(e, msg);
}

static void
delete_group(fluffy_store *s)
{
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_gsk_delete(s, args.texts[0], text(1),
	    &msg);

	made(e, msg);
}

static void
ask_pkp(fluffy_store *s)
{
	const fluffy_pkp_params p = { .kty = args.texts[0],
		.etype = args.texts[1], .service = text(2), .realm = text(3),
		.cert = (args.given & 16) != 0,
		.cert_chain = (args.given & 32) != 0, .extras = args.extras };
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_pkp_request(s, &p, &msg);

	made(e, msg);
}

/* ---- the SKDC's operator ------------------------------------------------- */

static void
change_member(fluffy_store *s)
{
	done(fluffy_group_change(s, text(3), args.texts[0], args.texts[1],
	    (enum fluffy_membership)(args.number % 5)));
	answer_given(s, GSK_FET);
	done(fluffy_list_groups(s, text(3), text(0), see_entry, NULL));
}

/* The new key is for a device that is there, and has an old one. */
static void
rotate(fluffy_store *s)
{
	char path[PATH_ROOM];
	fluffy_msg *enrol, *again = NULL;

	fuzz_path(path, "lamp");
	done(fluffy_rotate(s, (args.given & 16) != 0 ? args.texts[0] : "lamp",
	    args.number, &enrol));
	for (int i = 0; i < 2 && enrol != NULL; i++)
		done(fluffy_join(fuzz_ctx(), path, enrol));
	if ((args.given & 1) != 0) {
		done(fluffy_rotate(s, "lamp", FUZZ_NOW + 9, &again));
		if (again != NULL)
			done(fluffy_join(fuzz_ctx(), path, again));
	}
	done(fluffy_list(stores[DEVICE], see_entry, NULL));
	answer_given(s, PSK_REQ);
	fluffy_msg_free(&enrol);
	fluffy_msg_free(&again);
}

static void
enrol(fluffy_store *s)
{
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_enrol(s, args.texts[0], text(1), &msg);

	made(e, msg);
}

static void
set_policy(fluffy_store *s)
{
	const fluffy_policy p = { .lifetime = args.number % 100000000,
		.skew = (args.given & 16) != 0 ? args.number : 0,
		.etypes = text(1) };
	fluffy_policy now;
	fluffy_bytes etypes;

	done(fluffy_policy_set(s, text(0), &p));
	done(fluffy_policy_get(s, text(0), &now, &etypes));
	fluffy_bytes_free(&etypes);
	done(fluffy_deny(s, args.texts[2], args.texts[3]));
	done(fluffy_allow(s, args.texts[2], args.texts[3]));
	answer_given(s, PSK_REQ);
	answer_given(s, PKP_REQ);
}

/* ---- trust anchors and resource servers ---------------------------------- */

static void
provision(fluffy_store *s)
{
	const fluffy_dk_provision_params p = { .rs = args.texts[0],
		.ta = text(1), .bits = (args.given & 16) != 0 ?
		(unsigned)args.number : 0, .key = (const uint8_t *)text(2),
		.key_len = args.number % 40 };
	fluffy_msg *msg;
	enum fluffy_error e = fluffy_dk_provision(fuzz_ctx(), s->sql->path,
	    &p, &msg);

	made(e, msg);
}

static void
issue(fluffy_store *s)
{
	const char *rs = text(1) != NULL ? text(1) : "door";
	fluffy_msg *msg;
	enum fluffy_error e;

	e = fluffy_dk_issue(s, rs, args.texts[0], &msg);
	made(e, msg);
	e = fluffy_dk_certify(s, rs, args.texts[0], args.texts[2],
	    strlen(args.texts[2]), &msg);
	made(e, msg);
	e = fluffy_dk_revoke(s, rs, (uint32_t)args.number, &msg);
	made(e, msg);
}

static void
join(fluffy_store *s)
{
	static const int documents[] = { DK_CRED, DK_CERT, DK_REVOKE, DK_PROV };
	const fluffy_dk_join_params p = { .window = (unsigned)args.number,
		.key = text(0), .key_len = strlen(args.texts[0]) };
	fluffy_msg *msg = fresh(given[documents[args.given / 16 % 4]]);
	fluffy_bytes public;

	done(fluffy_dk_join(fuzz_ctx(), s->sql->path, msg, &p, &public));
	fluffy_bytes_free(&public);
	fluffy_msg_free(&msg);
}

/* ---- words --------------------------------------------------------------- */

static void
parse(fluffy_store *s)
{
	char line[24];
	uint8_t keyid[32];
	uint64_t time;
	size_t n;

	(void)s;
	if (fluffy_time_parse(fuzz_ctx(), args.texts[0], &time) == FLUFFY_OK)
		CHECK(strlen(fluffy_time_text(time, line)) > 0);
	if (fluffy_keyid_parse(fuzz_ctx(), args.texts[1], keyid, 32, &n) ==
	    FLUFFY_OK)
		CHECK(n > 0 && 2 * n == strlen(args.texts[1]));
	(void)fluffy_time_text(args.number, line);
}

static void
select_message(fluffy_store *s)
{
	fluffy_msg *msg = fresh(given[args.number % N_GIVEN]);
	bool match;

	(void)s;
	done(fluffy_msg_select(fuzz_ctx(), msg, args.texts[0], args.texts[1],
	    &match));
	(void)fluffy_msg_e_text(msg);
	fluffy_msg_free(&msg);
}

static void
export(fluffy_store *s)
{
	const struct keyid *id = args.number % 2 == 0 ? &group_key :
	    &session_key;
	fluffy_bytes out;

	done(fluffy_export(s, id->b, id->n, (enum fluffy_export_as)
	    (args.number / 2 % 8), text(0), &out));
	fluffy_bytes_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct {
		int party;
		use_fn *use;
	} functions[] = {
		{ DEVICE, ask_psk }, { DEVICE, ask_gsk }, { DEVICE, fetch },
		{ DEVICE, delete_group }, { DEVICE, ask_pkp },
		{ SKDC, change_member }, { SKDC, rotate }, { SKDC, enrol },
		{ SKDC, set_policy }, { ANCHOR, provision },
		{ ANCHOR, issue }, { NODE, join }, { DEVICE, parse },
		{ DEVICE, select_message }, { DEVICE, export }
	};
	struct feed in = { data, n };
	uint8_t nth = take(&in);
	uint32_t which = take_upto(&in, sizeof(functions) /
	    sizeof(functions[0]) - 1);
	fluffy_store *s;

	if (stores[SKDC] == NULL)
		make_realm();
	take_arguments(&in);
	fuzz_begin(2);
	s = stores[functions[which].party];
	life_begin(s);
	/* which rotates the key of one */
	if (s == stores[SKDC])
		life_begin(stores[DEVICE]);
	faults_arm(nth, false);
	functions[which].use(s);
	faults_disarm();
	if (s == stores[SKDC])
		life_end(stores[DEVICE]);
	life_end(s);
	return 0;
}

/* uses.c - uses of the parties of realm.c */
#include "faults.h"
#include "realm.h"
#include "store_sql.h"

uint32_t outcomes;
bool damaged;

void
done(enum fluffy_error e)
{
	outcomes = outcomes * 67 + (uint32_t)e + 1;
	if (e == FLUFFY_OK || faults_came())
		return;
	check_why(e);
	CHECK(e != FLUFFY_E_INTERNAL);
	CHECK(damaged || e != FLUFFY_E_STORE);
}

fluffy_msg *
fresh(fluffy_bytes kept)
{
	bool armed = faults_pause();
	fluffy_msg *msg = copy(kept);

	faults_resume(armed);
	return msg;
}

static void
check_answer(const fluffy_msg *msg)
{
	bool armed = faults_pause();

	check_written(msg);
	faults_resume(armed);
}

int
see_entry(void *arg, const fluffy_entry *entry)
{
	(void)arg;
	(void)entry;
	return 0;
}

static void
list_plainly(fluffy_store *s)
{
	done(fluffy_list(s, see_entry, NULL));
	done(fluffy_list_groups(s, NULL, NULL, see_entry, NULL));
	done(fluffy_list_deletions(s, see_entry, NULL));
}

void
answer_given(fluffy_store *s, int which)
{
	fluffy_msg *msg = fresh(given[which]);
	fluffy_msgs out;
	enum fluffy_error e = fluffy_skdc_begin(s);

	if (e == FLUFFY_OK) {
		e = fluffy_skdc_answer(s, msg, &out);
		if (e != FLUFFY_E_INTERNAL)
			done(e);
		for (size_t i = 0; i < out.n; i++)
			check_answer(out.v[i]);
		fluffy_msgs_free(&out);
		done(fluffy_skdc_commit(s));
	} else
		done(e);
	fluffy_msg_free(&msg);
}

static void
answer_psk(fluffy_store *s)
{
	answer_given(s, PSK_REQ);
}

static void
answer_gsk(fluffy_store *s)
{
	answer_given(s, GSK_REQ);
}

static void
answer_fetch(fluffy_store *s)
{
	answer_given(s, GSK_FET);
}

static void
answer_delete(fluffy_store *s)
{
	answer_given(s, GSK_DELT);
}

static void
answer_pkp(fluffy_store *s)
{
	answer_given(s, PKP_REQ);
}

static void
administer(fluffy_store *s)
{
	fluffy_msg *msg;
	fluffy_msgs all;
	fluffy_policy policy;
	fluffy_bytes etypes;

	done(fluffy_policy_get(s, "lamp", &policy, &etypes));
	fluffy_bytes_free(&etypes);
	done(fluffy_enrol(s, "new", NULL, &msg));
	fluffy_msg_free(&msg);
	done(fluffy_rotate(s, "lamp", FUZZ_NOW + 100, &msg));
	fluffy_msg_free(&msg);
	done(fluffy_del_request(s, group_key.b, group_key.n, &all));
	fluffy_msgs_free(&all);
	done(fluffy_del_resend(s, &all));
	fluffy_msgs_free(&all);
	done(fluffy_remove_device(s, "lamp"));
}

static void
deliver(fluffy_store *s, int which)
{
	static const fluffy_extras extras;
	fluffy_msg *msg = fresh(given[which]), *out = NULL;
	fluffy_outcome o;
	enum fluffy_error e;

	if (which <= PSK_ACK)
		e = fluffy_estb(s, msg, &extras, &out, &o);
	else if (which == PSK_DELT)
		e = fluffy_del_accept(s, msg, &out, &o);
	else if (which == PKP_REP)
		e = fluffy_pkp_accept(s, msg, &extras, &out, &o);
	else
		e = fluffy_gsk_accept(s, msg, &o);
	done(e);
	fluffy_msg_free(&out);
	fluffy_msg_free(&msg);
}

static void
take_psk(fluffy_store *s)
{
	deliver(s, PSK_REP);
	deliver(s, PSK_ESTB);
	deliver(s, PSK_ACK);
}

static void
take_groups(fluffy_store *s)
{
	deliver(s, GSK_DLVR);
	deliver(s, GSK_DELC);
}

static void
take_pair(fluffy_store *s)
{
	deliver(s, PKP_REP);
}

static void
take_deletion(fluffy_store *s)
{
	deliver(s, PSK_DELT);
}

static void
export_all(fluffy_store *s)
{
	static const struct keyid *const keys[] = { &group_key, &session_key };
	fluffy_bytes out;

	for (int as = FLUFFY_AS_KEYDATA; as <= FLUFFY_AS_DER; as++)
		for (size_t i = 0; i < 2; i++) {
			done(fluffy_export(s, keys[i]->b, keys[i]->n,
			    (enum fluffy_export_as)as, NULL, &out));
			fluffy_bytes_free(&out);
		}
	done(fluffy_remove_key(s, session_key.b, session_key.n));
}

static void
request_all(fluffy_store *s)
{
	const fluffy_psk_params psk = { .service = "lock" };
	const fluffy_fetch_params fetch = { .group = "hall" };
	fluffy_msg *msg;

	done(fluffy_psk_request(s, &psk, &msg));
	fluffy_msg_free(&msg);
	done(fluffy_gsk_fetch(s, &fetch, &msg));
	fluffy_msg_free(&msg);
	done(fluffy_gsk_delete(s, "hall", NULL, &msg));
	fluffy_msg_free(&msg);
}

static int
see(void *arg, const fluffy_dk_entry *entry)
{
	(void)arg;
	CHECK(entry->role != NULL);
	return 0;
}

static void
list_dk(fluffy_store *s)
{
	done(fluffy_dk_list(s, see, NULL));
}

static void
issue(fluffy_store *s)
{
	fluffy_msg *msg;

	done(fluffy_dk_issue(s, "door", "phone", &msg));
	fluffy_msg_free(&msg);
}

static void
certify(fluffy_store *s)
{
	fluffy_msg *msg;

	done(fluffy_dk_trust(s, "door", public_key.data,
	    public_key.len));
	done(fluffy_dk_certify(s, "door", "phone", public_key.data,
	    public_key.len, &msg));
	fluffy_msg_free(&msg);
}

static void
revoke(fluffy_store *s)
{
	fluffy_msg *msg;

	done(fluffy_dk_revoke(s, "door", 1, &msg));
	fluffy_msg_free(&msg);
}

static void
derive(fluffy_store *s)
{
	static const char nonce[] = "DK.TA.phone.7";
	fluffy_dk_claim claim;
	uint8_t key[KEY_MAX];
	enum fluffy_error e;
	size_t n;

	e = fluffy_dk_derive(s, nonce, strlen(nonce), &claim, key, &n);
	done(e);
	if (e == FLUFFY_OK)
		done(fluffy_dk_take(s, &claim));
}

static void
verify(fluffy_store *s)
{
	fluffy_msg *msg = fresh(given[DK_CERT]);
	fluffy_bytes cert, public;
	fluffy_dk_claim claim;
	fluffy_dk_summary summary;
	enum fluffy_error e = fluffy_dk_maccert(s, msg, &cert);

	done(e);
	done(fluffy_dk_summarize(fuzz_ctx(), msg, &summary));
	if (e == FLUFFY_OK)
		done(fluffy_dk_verify(s, cert.data, cert.len, &claim, &public));
	if (e == FLUFFY_OK)
		fluffy_bytes_free(&public);
	fluffy_bytes_free(&cert);
	fluffy_msg_free(&msg);
}

static void
take_credential(fluffy_store *s)
{
	const fluffy_dk_join_params plainly = { .window = 0 };
	fluffy_msg *msg = fresh(given[DK_CRED]);
	fluffy_dk_credential c;
	fluffy_bytes pair, public;
	enum fluffy_error e;

	done(fluffy_dk_join(fuzz_ctx(), s->sql->path, msg, &plainly, &public));
	e = fluffy_dk_next(s, NULL, 0, &c);
	done(e);
	if (e == FLUFFY_OK)
		done(fluffy_dk_used(s, c.id));
	fluffy_dk_credential_free(&c);
	done(fluffy_dk_private(s, &pair));
	fluffy_bytes_free(&pair);
	fluffy_bytes_free(&public);
	fluffy_msg_free(&msg);
}

static void
accept_revoke(fluffy_store *s)
{
	fluffy_msg *msg = fresh(given[DK_REVOKE]);

	done(fluffy_dk_accept(s, msg));
	fluffy_msg_free(&msg);
}

use_fn *const uses[N_STORES][N_USES] = {
	{ list_plainly, answer_psk, answer_gsk, answer_fetch, answer_delete,
	  answer_pkp, administer },
	{ list_plainly, take_psk, take_groups, take_pair, take_deletion,
	  export_all, request_all },
	{ list_dk, issue, certify, revoke, list_dk, issue, certify },
	{ list_dk, derive, verify, take_credential, accept_revoke, derive,
	  verify }
};

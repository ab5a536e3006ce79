/* exchanges_anchor.c - the exchanges of a trust anchor (section 11) */
#include <stdio.h>
#include <unistd.h>

#include "exchanges.h"
#include "spki.h"

static fluffy_store *ta, *rs, *client;
static fluffy_bytes client_key;		/* the public half, PEM */
static unsigned nodes;			/* resource servers made */
static unsigned node[REPEATS];
static uint32_t number[REPEATS];

static const char *
ta_file(void)
{
	return file_of("ta", 0);
}

static const char *
client_file(void)
{
	return file_of("phone", 0);
}

/* ---- a new resource server ----------------------------------------------- */

static const char *
rs_name(unsigned i)
{
	static char name[20];

	(void)snprintf(name, sizeof(name), "rs-%u", i);
	return name;
}

static void
provision(fluffy_bytes *wire, unsigned i)
{
	const fluffy_dk_provision_params params = {
	    .rs = rs_name(node[i] = nodes++) };
	fluffy_msg *msg;

	must(ctx, fluffy_dk_provision(ctx, ta_file(), &params, &msg));
	to_wire(wire, &msg);
}

static void
join_rs(fluffy_bytes *wire, unsigned i)
{
	const fluffy_dk_join_params params = { .window = 0 };
	fluffy_msg *in = from_wire(wire);

	must(ctx, fluffy_dk_join(ctx, file_of("node", node[i]), in, &params,
	    wire));
	fluffy_msg_free(&in);
}

static void
trust(fluffy_bytes *wire, unsigned i)
{
	must(ctx, fluffy_dk_trust(ta, rs_name(node[i]), wire->data,
	    wire->len));
	fluffy_bytes_free(wire);
}

static void
leave(fluffy_bytes *wire, unsigned i)
{
	(void)wire;
	(void)unlink(file_of("node", node[i]));
}

static const struct stage provisioning[] = {
	{ "trust anchor", "DK-PROV", provision, FLUFFY_NOTHING },
	{ "resource server", "public key", join_rs, FLUFFY_NOTHING },
	{ "trust anchor", "", trust, FLUFFY_NOTHING },
	{ NULL, "", leave, FLUFFY_NOTHING },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

/* ---- sessions ------------------------------------------------------------ */

static void
issue(fluffy_bytes *wire, unsigned i)
{
	fluffy_dk_summary summary;
	fluffy_msg *msg;

	must(ctx, fluffy_dk_issue(ta, "door", "phone", &msg));
	must(ctx, fluffy_dk_summarize(ctx, msg, &summary));
	number[i] = summary.number;
	to_wire(wire, &msg);
}

static void
certify(fluffy_bytes *wire, unsigned i)
{
	fluffy_msg *msg;

	(void)i;
	must(ctx, fluffy_dk_certify(ta, "door", "phone", client_key.data,
	    client_key.len, &msg));
	to_wire(wire, &msg);
}

static void
join_client(fluffy_bytes *wire, unsigned i)
{
	const fluffy_dk_join_params params = { .window = 0 };
	fluffy_msg *in = from_wire(wire);
	fluffy_bytes none;

	(void)i;
	must(ctx, fluffy_dk_join(ctx, client_file(), in, &params, &none));
	fluffy_bytes_free(&none);
	fluffy_msg_free(&in);
}

/* The oldest, once. */
static void
show(fluffy_bytes *wire, unsigned i)
{
	fluffy_dk_credential c;
	fluffy_bytes *shown;

	(void)i;
	must(ctx, fluffy_dk_next(client, NULL, 0, &c));
	must(ctx, fluffy_dk_used(client, c.id));
	shown = c.nonce.len > 0 ? &c.nonce : &c.maccert;
	*wire = *shown;
	*shown = (fluffy_bytes){ NULL, 0 };
	fluffy_dk_credential_free(&c);
}

static void
derive(fluffy_bytes *wire, unsigned i)
{
	fluffy_dk_claim claim;
	uint8_t key[32];
	size_t n;

	(void)i;
	must(ctx, fluffy_dk_derive(rs, wire->data, wire->len, &claim, key,
	    &n));
	must(ctx, fluffy_dk_take(rs, &claim));
	fluffy_bytes_free(wire);
}

static void
verify(fluffy_bytes *wire, unsigned i)
{
	fluffy_dk_claim claim;
	fluffy_bytes key;

	(void)i;
	must(ctx, fluffy_dk_verify(rs, wire->data, wire->len, &claim, &key));
	must(ctx, fluffy_dk_take(rs, &claim));
	fluffy_bytes_free(&key);
	fluffy_bytes_free(wire);
}

static void
drop(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	fluffy_bytes_free(wire);
}

static void
revoke_number(fluffy_bytes *wire, unsigned i)
{
	fluffy_msg *msg;

	must(ctx, fluffy_dk_revoke(ta, "door", number[i], &msg));
	to_wire(wire, &msg);
}

static void
accept_revoke(fluffy_bytes *wire, unsigned i)
{
	fluffy_msg *in = from_wire(wire);

	(void)i;
	must(ctx, fluffy_dk_accept(rs, in));
	fluffy_msg_free(&in);
}

static const struct stage derived_key[] = {
	{ "trust anchor", "DK-CRED", issue, FLUFFY_NOTHING },
	{ "client", "", join_client, FLUFFY_NOTHING },
	{ "client", "nonce", show, FLUFFY_NOTHING },
	{ "resource server", "", derive, FLUFFY_NOTHING },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

static const struct stage public_key[] = {
	{ "trust anchor", "DK-CERT", certify, FLUFFY_NOTHING },
	{ "client", "", join_client, FLUFFY_NOTHING },
	{ "client", "MacCert", show, FLUFFY_NOTHING },
	{ "resource server", "", verify, FLUFFY_NOTHING },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

static const struct stage revocation[] = {
	{ NULL, "DK-CRED", issue, FLUFFY_NOTHING },
	{ NULL, "", drop, FLUFFY_NOTHING },
	{ "trust anchor", "DK-REVOKE", revoke_number, FLUFFY_NOTHING },
	{ "resource server", "", accept_revoke, FLUFFY_NOTHING },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

const struct exchange anchor_exchanges[] = {
	{ "A resource server", provisioning },
	{ "DerivedKey", derived_key },
	{ "AuthorizedPublicKey", public_key },
	{ "Revocation", revocation },
	{ NULL, NULL }
};

/* ---- the parties --------------------------------------------------------- */

static void
new_rs(void)
{
	const fluffy_dk_provision_params params = { .rs = "door" };
	const fluffy_dk_join_params join = { .window = 0 };
	const char *path;
	fluffy_bytes key;
	fluffy_msg *prov;

	must(ctx, fluffy_dk_provision(ctx, ta_file(), &params, &prov));
	must(ctx, fluffy_dk_open(ctx, ta_file(), 0, &ta));
	path = file_of("door", 0);
	must(ctx, fluffy_dk_join(ctx, path, prov, &join, &key));
	must(ctx, fluffy_dk_open(ctx, path, 0, &rs));
	must(ctx, fluffy_dk_trust(ta, "door", key.data, key.len));
	fluffy_bytes_free(&key);
	fluffy_msg_free(&prov);
}

/* Its first credential makes its store, with a pair of its own. */
static void
new_client(void)
{
	struct buffer pair = BUFFER(4096), public = BUFFER(4096);
	fluffy_dk_join_params join = { .window = 0 };
	fluffy_bytes wire = { NULL, 0 };
	fluffy_msg *cred;

	must(ctx, pair_new(ctx, &pair));
	must(ctx, pair_public(ctx, buffer_view(&pair), true, &public));
	join.key = pair.p;
	join.key_len = pair.n;
	must(ctx, fluffy_dk_issue(ta, "door", "phone", &cred));
	must(ctx, fluffy_dk_join(ctx, client_file(), cred, &join, &wire));
	fluffy_bytes_free(&wire);
	must(ctx, fluffy_dk_open(ctx, client_file(), 0, &client));
	show(&wire, 0);
	derive(&wire, 0);
	if (!buffer_take(&public, &client_key))
		bench_die("out of memory");
	buffer_free(&pair);
	fluffy_msg_free(&cred);
}

void
anchor_new(void)
{
	new_rs();
	new_client();
}

void
anchor_end(void)
{
	fluffy_bytes_free(&client_key);
	fluffy_store_close(&client);
	fluffy_store_close(&rs);
	fluffy_store_close(&ta);
}

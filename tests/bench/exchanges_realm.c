/* exchanges_realm.c - the exchanges of an SKDC's realm */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../answer.h"
#include "child.h"
#include "exchanges.h"

/* The names of the parties. */
enum { SKDC, CLIENT, SERVICE, NOBODY, DEVICES = 100 };

static fluffy_store *skdc, *client, *service;
static unsigned devices;	/* that were enrolled */
static unsigned device[REPEATS];
static struct keyid keyid[REPEATS];
static const fluffy_extras no_extras;

/* ---- what most steps are ------------------------------------------------- */

static void
answer(fluffy_bytes *wire, enum fluffy_error expected)
{
	fluffy_msg *in = from_wire(wire), *out;

	must(ctx, fluffy_skdc_begin(skdc));
	if (answer_one(skdc, in, &out) != expected)
		bench_die("not the SKDC's answer that was expected");
	must(ctx, fluffy_skdc_commit(skdc));
	fluffy_msg_free(&in);
	to_wire(wire, &out);
}

static void
answer_request(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	answer(wire, FLUFFY_OK);
}

static void
estb(fluffy_store *s, fluffy_bytes *wire)
{
	fluffy_msg *in = from_wire(wire), *out;

	must(ctx, fluffy_estb(s, in, &no_extras, &out, &outcome));
	fluffy_msg_free(&in);
	to_wire(wire, &out);
}

static void
estb_client(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	estb(client, wire);
}

static void
estb_service(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	estb(service, wire);
}

static void
gsk_accept(fluffy_store *s, fluffy_bytes *wire)
{
	fluffy_msg *in = from_wire(wire);

	must(ctx, fluffy_gsk_accept(s, in, &outcome));
	fluffy_msg_free(&in);
}

static void
accept_owner(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	gsk_accept(service, wire);
}

static void
accept_member(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	gsk_accept(client, wire);
}

/* ---- enrolment and rotation ---------------------------------------------- */

static void
enrol(fluffy_bytes *wire, unsigned i)
{
	char name[37];
	fluffy_msg *msg;

	device[i] = devices++;
	must(ctx, fluffy_enrol(skdc, bench_name(DEVICES + device[i], name),
	    NULL, &msg));
	to_wire(wire, &msg);
}

static void
rotate(fluffy_bytes *wire, unsigned i)
{
	char name[37];
	fluffy_msg *msg;

	must(ctx, fluffy_rotate(skdc, bench_name(DEVICES + device[i], name),
	    fluffy_now(ctx) + 86400, &msg));
	to_wire(wire, &msg);
}

static void
join(fluffy_bytes *wire, unsigned i)
{
	fluffy_msg *in = from_wire(wire);

	must(ctx, fluffy_join(ctx, file_of("device", device[i]), in));
	fluffy_msg_free(&in);
}

static void
leave(fluffy_bytes *wire, unsigned i)
{
	(void)wire;
	(void)unlink(file_of("device", device[i]));
}

static const struct stage enrolment[] = {
	{ "SKDC", "ENROL", enrol, FLUFFY_NOTHING },
	{ "device", "", join, FLUFFY_NOTHING },
	{ "SKDC, rotating", "ENROL", rotate, FLUFFY_NOTHING },
	{ "device", "", join, FLUFFY_NOTHING },
	{ NULL, "", leave, FLUFFY_NOTHING },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

/* ---- pairwise keys ------------------------------------------------------- */

static void
psk_request(fluffy_bytes *wire, unsigned of)
{
	char name[37];
	const fluffy_psk_params params = { .service = bench_name(of, name) };
	fluffy_msg *msg;

	must(ctx, fluffy_psk_request(client, &params, &msg));
	to_wire(wire, &msg);
}

static void
request(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	psk_request(wire, SERVICE);
}

static void
request_nobody(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	psk_request(wire, NOBODY);
}

static void
refuse_request(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	answer(wire, FLUFFY_E_UNKNOWN_SERVICE);
}

static const struct stage pairwise[] = {
	{ "client", "PSK-REQ", request, FLUFFY_NOTHING },
	{ "SKDC", "PSK-REP", answer_request, FLUFFY_NOTHING },
	{ "client", "PSK-ESTB", estb_client, FLUFFY_KEY_RECEIVED },
	{ "service", "PSK-ACK", estb_service, FLUFFY_KEY_ACCEPTED },
	{ "client", "", estb_client, FLUFFY_KEY_ESTABLISHED },
	{ NULL, "PSK-REQ", request_nobody, FLUFFY_NOTHING },
	{ "SKDC, refusing", "ERROR", refuse_request, FLUFFY_NOTHING },
	{ "client", "", estb_client, FLUFFY_ERROR_PROVEN },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

/* ---- groups -------------------------------------------------------------- */

static const char *
group_name(unsigned i, char name[37])
{
	return bench_name(DEVICES + i, name);
}

static void
gsk_request(fluffy_bytes *wire, unsigned i, bool renew)
{
	char name[37], member[37];
	const fluffy_gsk_params params = { .group = group_name(i, name),
	    .members = renew ? NULL : bench_name(CLIENT, member),
	    .renew = renew };
	fluffy_msg *msg;

	must(ctx, fluffy_gsk_request(service, &params, &msg));
	to_wire(wire, &msg);
}

static void
create(fluffy_bytes *wire, unsigned i)
{
	gsk_request(wire, i, false);
}

static void
renew(fluffy_bytes *wire, unsigned i)
{
	gsk_request(wire, i, true);
}

static void
fetch(fluffy_bytes *wire, unsigned i)
{
	char name[37];
	const fluffy_fetch_params params = { .group = group_name(i, name) };
	fluffy_msg *msg;

	must(ctx, fluffy_gsk_fetch(client, &params, &msg));
	to_wire(wire, &msg);
}

static void
delete_group(fluffy_bytes *wire, unsigned i)
{
	char name[37];
	fluffy_msg *msg;

	must(ctx, fluffy_gsk_delete(service, group_name(i, name), NULL,
	    &msg));
	to_wire(wire, &msg);
}

static void
delete_copy(fluffy_bytes *wire, unsigned i)
{
	fluffy_msg *in = from_wire(wire), *out;

	(void)i;
	must(ctx, fluffy_del_accept(client, in, &out, &outcome));
	fluffy_msg_free(&in);
	to_wire(wire, &out);
}

/* The deletion lets the next round make groups of the same names. */
static const struct stage groups[] = {
	{ "owner", "GSK-REQ", create, FLUFFY_NOTHING },
	{ "SKDC", "GSK-REP", answer_request, FLUFFY_NOTHING },
	{ "owner", "", accept_owner, FLUFFY_GROUP_CREATED },
	{ "member", "GSK-FET", fetch, FLUFFY_NOTHING },
	{ "SKDC", "GSK-DLVR", answer_request, FLUFFY_NOTHING },
	{ "member", "", accept_member, FLUFFY_GROUP_JOINED },
	{ "owner, renewing", "GSK-REQ", renew, FLUFFY_NOTHING },
	{ "SKDC", "GSK-REP", answer_request, FLUFFY_NOTHING },
	{ "owner", "", accept_owner, FLUFFY_GROUP_CREATED },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

static const struct stage group_deletion[] = {
	{ "owner", "GSK-DELT", delete_group, FLUFFY_NOTHING },
	{ "SKDC", "PSK-DELT", answer_request, FLUFFY_NOTHING },
	{ "member", "PSK-DELC", delete_copy, FLUFFY_KEY_ERASED },
	{ "SKDC", "GSK-DELC", answer_request, FLUFFY_NOTHING },
	{ "owner", "", accept_owner, FLUFFY_GROUP_DELETED },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

/* ---- key pairs ----------------------------------------------------------- */

static void
pkp_request(fluffy_bytes *wire, bool cert, bool shown)
{
	char name[37];
	const fluffy_pkp_params params = { .kty = "EC", .etype = "ES256",
	    .service = shown ? bench_name(SERVICE, name) : NULL,
	    .cert = cert };
	fluffy_msg *msg;

	must(ctx, fluffy_pkp_request(client, &params, &msg));
	to_wire(wire, &msg);
}

static void
request_pair(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	pkp_request(wire, false, true);
}

static void
request_certificate(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	pkp_request(wire, true, true);
}

/* Only its owner is told to delete it. */
static void
request_unshown(fluffy_bytes *wire, unsigned i)
{
	(void)i;
	pkp_request(wire, false, false);
}

static void
accept_pair(fluffy_bytes *wire, unsigned i)
{
	fluffy_msg *in = from_wire(wire), *out;

	must(ctx, fluffy_pkp_accept(client, in, &no_extras, &out, &outcome));
	keyid[i].n = (uint8_t)outcome.keyid_len;
	memcpy(keyid[i].b, outcome.keyid, outcome.keyid_len);
	fluffy_msg_free(&in);
	to_wire(wire, &out);
}

static void
delete_key(fluffy_bytes *wire, unsigned i)
{
	fluffy_msgs msgs;

	must(ctx, fluffy_del_request(skdc, keyid[i].b, keyid[i].n, &msgs));
	if (msgs.n != 1)
		bench_die("not one PSK-DELT");
	to_wire(wire, &msgs.v[0]);
	fluffy_msgs_free(&msgs);
}

static const struct stage pairs[] = {
	{ "client", "PKP-REQ", request_pair, FLUFFY_NOTHING },
	{ "SKDC", "PKP-REP", answer_request, FLUFFY_NOTHING },
	{ "client", "PSK-ESTB", accept_pair, FLUFFY_PAIR_RECEIVED },
	{ "service", "", estb_service, FLUFFY_PUBLIC_PROVEN },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

static const struct stage certificates[] = {
	{ "client", "PKP-REQ", request_certificate, FLUFFY_NOTHING },
	{ "SKDC", "PKP-REP", answer_request, FLUFFY_NOTHING },
	{ "client", "PSK-ESTB", accept_pair, FLUFFY_PAIR_RECEIVED },
	{ "service", "", estb_service, FLUFFY_PUBLIC_PROVEN },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

static const struct stage key_deletion[] = {
	{ NULL, "PKP-REQ", request_unshown, FLUFFY_NOTHING },
	{ NULL, "PKP-REP", answer_request, FLUFFY_NOTHING },
	{ NULL, "", accept_pair, FLUFFY_PAIR_RECEIVED },
	{ "SKDC's operator", "PSK-DELT", delete_key, FLUFFY_NOTHING },
	{ "client", "PSK-DELC", delete_copy, FLUFFY_KEY_ERASED },
	{ "SKDC", "", answer_request, FLUFFY_NOTHING },
	{ NULL, NULL, NULL, FLUFFY_NOTHING }
};

const struct exchange realm_exchanges[] = {
	{ "Enrolment, rotation", enrolment },
	{ "Pairwise keys", pairwise },
	{ "Groups", groups },
	{ "Deletion of a group", group_deletion },
	{ "Key pairs (ES256)", pairs },
	{ "Key pairs with a certificate", certificates },
	{ "Deletion of another key", key_deletion },
	{ NULL, NULL }
};

/* ---- the realm ----------------------------------------------------------- */

static fluffy_store *
new_device(unsigned number)
{
	const char *path = file_of("party", number);
	char name[37];
	fluffy_msg *msg;
	fluffy_store *s;

	must(ctx, fluffy_enrol(skdc, bench_name(number, name), NULL, &msg));
	must(ctx, fluffy_join(ctx, path, msg));
	must(ctx, fluffy_store_open(ctx, path, 0, &s));
	fluffy_msg_free(&msg);
	return s;
}

/* A CA in files, whose key the SKDC has. */
static void
new_ca(void)
{
	const fluffy_ca ca = { .cert = "ca.pem", .key = "ca.key" };

	if (system("openssl req -x509 -newkey ec"
	    " -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=CA"
	    " -addext keyUsage=critical,keyCertSign -keyout ca.key"
	    " -out ca.pem 2>ca.log") != 0)
		bench_die("openssl made no CA");
	must(ctx, fluffy_ca_set(skdc, &ca));
}

void
realm_new(void)
{
	char name[37];

	must(ctx, fluffy_store_init(ctx, file_of("party", SKDC), "home",
	    bench_name(SKDC, name), &skdc));
	client = new_device(CLIENT);
	service = new_device(SERVICE);
	new_ca();
}

void
realm_end(void)
{
	fluffy_store_close(&service);
	fluffy_store_close(&client);
	fluffy_store_close(&skdc);
}

struct floor *
realm_floor(void)
{
	char name[37];
	const fluffy_psk_params params = {
	    .service = bench_name(SERVICE, name) };
	fluffy_msg *req, *rep;
	struct floor *floor;

	must(ctx, fluffy_psk_request(client, &params, &req));
	must(ctx, fluffy_skdc_begin(skdc));
	must(ctx, answer_one(skdc, req, &rep));
	must(ctx, fluffy_skdc_commit(skdc));
	floor = floor_new(req, rep);
	fluffy_msg_free(&req);
	fluffy_msg_free(&rep);
	return floor;
}

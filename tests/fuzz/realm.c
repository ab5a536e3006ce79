/* realm.c - four parties with something of everything */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "exchange.h"
#include "realm.h"

fluffy_store *stores[N_STORES];
fluffy_bytes given[N_GIVEN];
struct keyid group_key, session_key;
fluffy_bytes public_key;

static struct keyid
keyid_of(const fluffy_outcome *o)
{
	struct keyid id = { .n = (uint8_t)o->keyid_len };

	memcpy(id.b, o->keyid, o->keyid_len);
	return id;
}

/* lamp's session with lock, which is deleted, and another that is half done. */
static void
make_sessions(fluffy_store *skdc, fluffy_store *lamp, fluffy_store *lock)
{
	const fluffy_psk_params psk = { .service = "lock" };
	const fluffy_extras extras = { .ext = NULL };
	fluffy_msg *req, *rep, *estb, *ack;
	fluffy_outcome o;
	fluffy_msgs all;

	must(fluffy_psk_request(lamp, &psk, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_estb(lamp, rep, &extras, &estb, &o));
	session_key = keyid_of(&o);
	must(fluffy_estb(lock, estb, &extras, &ack, &o));
	given[PSK_ACK] = keep(ack);
	given[PSK_ESTB] = keep(estb);
	fluffy_msg_free(&rep);
	must(fluffy_del_request(skdc, session_key.b, session_key.n, &all));
	given[PSK_DELT] = cbor_of(all.v[0]);
	fluffy_msgs_free(&all);
	must(fluffy_psk_request(lamp, &psk, &req));
	given[PSK_REP] = keep(ask(skdc, req, FLUFFY_OK));
	must(fluffy_psk_request(lamp, &psk, &req));
	given[PSK_REQ] = keep(req);
}

static void
make_groups(fluffy_store *skdc, fluffy_store *lamp, fluffy_store *lock)
{
	const fluffy_gsk_params hall = { .group = "hall", .members = "lock" };
	const fluffy_gsk_params yard = { .group = "yard" };
	const fluffy_fetch_params fetch = { .group = "hall" };
	fluffy_msg *req, *rep;
	fluffy_outcome o;

	must(fluffy_gsk_request(lamp, &hall, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_gsk_accept(lamp, rep, &o));
	group_key = keyid_of(&o);
	fluffy_msg_free(&rep);
	must(fluffy_gsk_fetch(lock, &fetch, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_gsk_accept(lock, rep, &o));
	fluffy_msg_free(&rep);
	must(fluffy_gsk_fetch(lamp, &fetch, &req));
	given[GSK_DLVR] = keep(ask(skdc, req, FLUFFY_OK));
	must(fluffy_gsk_request(lamp, &yard, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_gsk_accept(lamp, rep, &o));
	fluffy_msg_free(&rep);
	must(fluffy_gsk_delete(lamp, "yard", NULL, &req));
	given[GSK_DELC] = keep(ask(skdc, req, FLUFFY_OK));
	must(fluffy_gsk_request(lock, &yard, &req));
	given[GSK_REQ] = keep(req);
	must(fluffy_gsk_fetch(lock, &fetch, &req));
	given[GSK_FET] = keep(req);
	must(fluffy_gsk_delete(lamp, "hall", NULL, &req));
	given[GSK_DELT] = keep(req);
}

static void
make_pairs(fluffy_store *skdc, fluffy_store *lamp, fluffy_store *lock)
{
	const fluffy_pkp_params pkp = { .kty = "OKP", .etype = "EdDSA",
	    .service = "lock", .cert = true, .cert_chain = true };
	const fluffy_pkp_params back = { .kty = "OKP", .etype = "EdDSA",
	    .service = "lamp" };
	const fluffy_extras extras = { .ext = NULL };
	fluffy_msg *req, *rep, *estb, *none;
	fluffy_outcome o;

	must(fluffy_pkp_request(lock, &back, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_pkp_accept(lock, rep, &extras, &estb, &o));
	fluffy_msg_free(&rep);
	must(fluffy_estb(lamp, estb, &extras, &none, &o));
	fluffy_msg_free(&estb);
	must(fluffy_pkp_request(lamp, &pkp, &req));
	rep = ask(skdc, req, FLUFFY_OK);
	must(fluffy_pkp_accept(lamp, rep, &extras, &estb, &o));
	fluffy_msg_free(&rep);
	fluffy_msg_free(&estb);
	must(fluffy_pkp_request(lamp, &pkp, &req));
	given[PKP_REP] = keep(ask(skdc, req, FLUFFY_OK));
	must(fluffy_pkp_request(lamp, &pkp, &req));
	given[PKP_REQ] = keep(req);
}

static void
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid,
	    value);

	CHECK(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static X509 *
new_authority(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	CHECK(X509_set_version(cert, 2) == 1);
	CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)"home's CA", -1, -1, 0) == 1);
	CHECK(X509_set_issuer_name(cert, name) == 1);
	CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
	CHECK(ASN1_TIME_set(X509_getm_notBefore(cert), FUZZ_NOW - 86400) !=
	    NULL);
	CHECK(ASN1_TIME_set(X509_getm_notAfter(cert), FUZZ_NOW + 8640000) !=
	    NULL);
	CHECK(X509_set_pubkey(cert, key) == 1);
	add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(cert, NID_key_usage, "critical,keyCertSign");
	CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

/* The SKDC certifies pairs itself. */
static void
make_authority(fluffy_store *skdc)
{
	char cert_path[PATH_ROOM], key_path[PATH_ROOM];
	const fluffy_ca ca = { .cert = cert_path, .key = key_path,
		.x5u = "http://home/ca" };
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *cert = new_authority(key);
	FILE *f;

	fuzz_path(cert_path, "ca.pem");
	fuzz_path(key_path, "ca.key");
	f = fopen(cert_path, "w");
	CHECK(f != NULL && PEM_write_X509(f, cert) == 1 && fclose(f) == 0);
	f = fopen(key_path, "w");
	CHECK(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL,
	    NULL) == 1 && fclose(f) == 0);
	must(fluffy_ca_set(skdc, &ca));
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
make_devices(void)
{
	const fluffy_policy policy = { .etypes = "A128GCM,AES-CCM-16-64-128" };
	fluffy_store *skdc = make_skdc(), *lock;

	stores[SKDC] = skdc;
	stores[DEVICE] = make_device(skdc, "lamp", NULL);
	lock = make_device(skdc, "lock", NULL);
	must(fluffy_policy_set(skdc, "lamp", &policy));
	must(fluffy_deny(skdc, "lock", "*"));
	must(fluffy_allow(skdc, "lock", "*"));
	must(fluffy_deny(skdc, "lamp", "lamp"));
	make_authority(skdc);
	make_sessions(skdc, stores[DEVICE], lock);
	make_groups(skdc, stores[DEVICE], lock);
	make_pairs(skdc, stores[DEVICE], lock);
	fluffy_store_close(&lock);
}

/* The node is the client of itself: it has one name. */
static void
make_anchor(void)
{
	const fluffy_dk_provision_params params = { .rs = "door" };
	const fluffy_dk_join_params plainly = { .window = 0 };
	char path[PATH_ROOM], door[PATH_ROOM];
	fluffy_store *anchor;
	fluffy_msg *msg;

	fuzz_path(path, "ta.db");
	fuzz_path(door, "door.db");
	must(fluffy_dk_provision(fuzz_ctx(), path, &params, &msg));
	must(fluffy_dk_join(fuzz_ctx(), door, msg, &plainly, &public_key));
	given[DK_PROV] = keep(msg);
	must(fluffy_dk_open(fuzz_ctx(), path, 0, &anchor));
	must(fluffy_dk_open(fuzz_ctx(), door, 0, &stores[NODE]));
	stores[ANCHOR] = anchor;
	must(fluffy_dk_trust(anchor, "door", public_key.data,
	    public_key.len));
	must(fluffy_dk_issue(anchor, "door", "door", &msg));
	given[DK_CRED] = keep(msg);
	must(fluffy_dk_certify(anchor, "door", "door", public_key.data,
	    public_key.len, &msg));
	given[DK_CERT] = keep(msg);
	must(fluffy_dk_revoke(anchor, "door", 1, &msg));
	given[DK_REVOKE] = keep(msg);
}

void
make_realm(void)
{
	fuzz_begin(1);
	make_devices();
	make_anchor();
	prune_now(stores[SKDC]);
	prune_now(stores[DEVICE]);
}

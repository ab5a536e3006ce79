/*
 * schema.c - every structure of the profile, and nothing else
 *
 * The tables are in the order of fluffy-wire(7), section 5, which is also the
 * order in which JSON is emitted.  A row that names a struct member of another
 * C type than its kind needs doesn't compile.
 */
#include "message.h"

/* ---- registries (section 3) ------------------------------------------- */

static const char *const label_names[N_LABELS] = {
	[L_alg] = "alg", [L_pvno] = "pvno", [L_msg_type] = "msg-type",
	[L_req_body] = "req-body", [L_authenticator] = "authenticator",
	[L_mticket] = "mticket", [L_receipt] = "receipt", [L_ack] = "ack",
	[L_kenvelope] = "kenvelope", [L_crealm] = "crealm",
	[L_cname] = "cname", [L_sprealm] = "sprealm", [L_spname] = "spname",
	[L_skdcrealm] = "skdcrealm", [L_skdcname] = "skdcname",
	[L_nonce] = "nonce", [L_authtime] = "authtime",
	[L_endtime] = "endtime", [L_keydata] = "keydata",
	[L_enc_part] = "enc-part", [L_kty] = "kty", [L_keyid] = "keyid",
	[L_key] = "key", [L_etype] = "etype", [L_ctime] = "ctime",
	[L_mcastrealm] = "mcastrealm", [L_mcastname] = "mcastname",
	[L_sptime] = "sptime", [L_seqnum] = "seqnum", [L_cksum] = "cksum",
	[L_skdc_options] = "skdc-options", [L_tflags] = "tflags",
	[L_rflags] = "rflags", [L_envflags] = "envflags", [L_cpac] = "cpac",
	[L_sppac] = "sppac", [L_grppac] = "grppac", [L_spskdc] = "spskdc",
	[L_transited] = "transited", [L_keyops] = "keyops",
	[L_pkuse] = "pkuse", [L_x5u] = "x5u", [L_x5c] = "x5c",
	[L_x5t] = "x5t", [L_x5t256] = "x5t256", [L_ext] = "ext",
	[L_error_code] = "error-code", [L_e_text] = "e-text", [L_ta] = "ta",
	[L_rs] = "rs", [L_psk_identity] = "psk-identity",
	[L_maccert] = "maccert", [L_rs_key] = "rs-key"
};

static const struct word types[] = {
	{ FLUFFY_PSK_REQ, "PSK-REQ" }, { FLUFFY_PSK_REP, "PSK-REP" },
	{ FLUFFY_PSK_ESTB, "PSK-ESTB" }, { FLUFFY_PSK_ACK, "PSK-ACK" },
	{ FLUFFY_PSK_DELT, "PSK-DELT" }, { FLUFFY_PSK_DELC, "PSK-DELC" },
	{ FLUFFY_GSK_REQ, "GSK-REQ" }, { FLUFFY_GSK_REP, "GSK-REP" },
	{ FLUFFY_GSK_FET, "GSK-FET" }, { FLUFFY_GSK_DLVR, "GSK-DLVR" },
	{ FLUFFY_GSK_DELT, "GSK-DELT" }, { FLUFFY_GSK_DELC, "GSK-DELC" },
	{ FLUFFY_PKP_REQ, "PKP-REQ" }, { FLUFFY_PKP_REP, "PKP-REP" },
	{ FLUFFY_ERROR, "ERROR" }, { FLUFFY_ENROL, "ENROL" },
	{ FLUFFY_DK_PROV, "DK-PROV" }, { FLUFFY_DK_CRED, "DK-CRED" },
	{ FLUFFY_DK_CERT, "DK-CERT" }, { FLUFFY_DK_REVOKE, "DK-REVOKE" }
};

static const struct word ktys[] = {
	{ KTY_SYMM, "SYMM" }, { KTY_EC, "EC" }, { KTY_OKP, "OKP" },
	{ KTY_RSA, "RSA" }
};

static const struct word algs[] = {
	{ 30, "AES-CCM-16-128-128" }, { 10, "AES-CCM-16-64-128" },
	{ 11, "AES-CCM-16-64-256" }, { 31, "AES-CCM-16-128-256" },
	{ 1, "A128GCM" }, { 2, "A192GCM" }, { 3, "A256GCM" },
	{ 24, "ChaCha20/Poly1305" },
	{ -7, "ES256" }, { -35, "ES384" }, { -36, "ES512" },
	{ -8, "EdDSA" }, { -37, "PS256" }, { -25, "ECDH-ES+HKDF-256" }
};

static const struct word error_codes[] = {
	{ 1, "malformed" }, { 2, "bad-version" }, { 3, "auth-failed" },
	{ 4, "clock-skew" }, { 5, "replay" }, { 6, "wrong-skdc" },
	{ 7, "unknown-service" }, { 8, "bad-etype" }, { 9, "not-permitted" },
	{ 10, "no-such-group" }, { 11, "group-exists" },
	{ 12, "group-deleting" }, { 13, "not-owner" }, { 14, "no-such-key" },
	{ 15, "no-ca" }, { 16, "busy" }, { 17, "internal" },
	{ 18, "expired" }
};

static const struct word pkuses[] = { { 0, "sig" }, { 1, "enc" } };

static const struct word crvs[] = {
	{ 1, "P-256" }, { 2, "P-384" }, { 3, "P-521" }, { 4, "X25519" },
	{ 6, "Ed25519" }
};

static const struct word keyops[] = {
	{ 1, "sign" }, { 2, "verify" }, { 3, "encrypt" }, { 4, "decrypt" },
	{ 5, "wrapKey" }, { 6, "unwrapKey" }, { 7, "deriveKey" },
	{ 8, "deriveBits" }
};

/* skdc-options, by bit */
static const struct word options[] = {
	{ 0, "cert" }, { 1, "cert-chain" }, { 2, "renew" }
};

#define WORDS(title, table) { title, table, sizeof(table) / sizeof((table)[0]) }

static const struct words registries[] = {
	[R_NONE] = { NULL, NULL, 0 },
	[R_TYPE] = WORDS("msg-type", types),
	[R_KTY] = WORDS("kty", ktys),
	[R_ALG] = WORDS("alg", algs),
	[R_ERROR] = WORDS("error-code", error_codes),
	[R_PKUSE] = WORDS("pkuse", pkuses),
	[R_CRV] = WORDS("crv", crvs),
	[R_KEYOPS] = WORDS("keyops", keyops),
	[R_OPTIONS] = WORDS("skdc-options", options),
	[R_NO_FLAGS] = { "flags", NULL, 0 }
};

/* ---- row makers -------------------------------------------------------- */

/* The offset of s.m, if m has the type t. */
#define AT(s, m, t) (offsetof(struct s, m) + \
    0 * sizeof(char[_Generic(((struct s *)NULL)->m, t: 1, default: -1)]))

#define UINT(s, m, l, lo, hi, f) { .label = l, .kind = K_UINT, .flags = f, \
    .min = lo, .max = hi, .offset = AT(s, m, uint64_t) }
#define SEQNUM(s, f) UINT(s, seqnum, L_seqnum, 0, UINT32_MAX, f)
#define TIME(s, m, f) { .label = L_##m, .kind = K_TIME, .flags = f, \
    .offset = AT(s, m, uint64_t) }
#define NAME(s, m, f) { .label = L_##m, .kind = K_NAME, .flags = f, \
    .min = 1, .max = 255, .offset = AT(s, m, struct bytes) }
#define OCTETS(s, m, l, lo, hi, f) { .label = l, .kind = K_BYTES, \
    .flags = f, .min = lo, .max = hi, .offset = AT(s, m, struct bytes) }
#define NONCE(s) OCTETS(s, nonce, L_nonce, 4, 32, 0)
#define KEYID(s, lo, hi, f) OCTETS(s, keyid, L_keyid, lo, hi, f)
#define CKSUM(s, len, f) OCTETS(s, cksum, L_cksum, len, len, f)
#define TEXT(s, m, lo, hi, f) { .label = L_##m, .kind = K_TEXT, .flags = f, \
    .min = lo, .max = hi, .offset = AT(s, m, struct bytes) }
#define TOKEN(s, m, r, f) { .label = L_##m, .kind = K_TOKEN, .flags = f, \
    .registry = r, .offset = AT(s, m, int64_t) }
#define TOKENS(s, m, r, lo, hi, f) { .label = L_##m, .kind = K_TOKENS, \
    .flags = f, .registry = r, .min = lo, .max = hi, \
    .offset = AT(s, m, struct tokens) }
#define FLAGS(s, m, l, r) { .label = l, .kind = K_FLAGS, \
    .flags = F_OPTIONAL, .registry = r, .offset = AT(s, m, uint32_t) }
#define ANY(s, m) { .label = L_##m, .kind = K_ANY, .flags = F_OPTIONAL, \
    .offset = AT(s, m, struct bytes) }
#define MAP(s, m, l, t, subschema, f) { .label = l, .kind = K_MAP, \
    .flags = f, .offset = AT(s, m, struct t *), .sub = subschema }
#define SEALED(s, m, l, plain, f) { .label = l, .kind = K_SEALED, \
    .flags = f, .offset = AT(s, m, struct sealed), .sub = plain }

#define TABLE(t) .rows = t, .n_rows = sizeof(t) / sizeof((t)[0])
#define STRUCT(s) .size = sizeof(struct s)

#define OPT F_OPTIONAL

/* ---- keys (sections 2.6 of the draft) --------------------------------- */

#define PARAM(m, l, text, lo, hi, f) { .label = l, .name = text, \
    .kind = K_BYTES, .flags = f, .min = lo, .max = hi, \
    .offset = AT(pkey, m, struct bytes) }
#define CRV { .label = -1, .name = "crv", .kind = K_TOKEN, \
    .registry = R_CRV, .offset = AT(pkey, crv, int64_t) }

/* Lengths by curve are rule_pair's. */
static const struct row ec_pub[] = {
	CRV, PARAM(x, -2, "x", 32, 66, 0), PARAM(y, -3, "y", 32, 66, 0)
};
static const struct row ec_priv[] = {
	CRV, PARAM(x, -2, "x", 32, 66, 0), PARAM(y, -3, "y", 32, 66, 0),
	PARAM(d, -4, "d", 32, 66, F_SECRET)
};
static const struct row okp_pub[] = {
	CRV, PARAM(x, -2, "x", 32, 32, 0)
};
static const struct row okp_priv[] = {
	CRV, PARAM(x, -2, "x", 32, 32, 0), PARAM(d, -4, "d", 32, 32, F_SECRET)
};
static const struct row rsa_pub[] = {
	PARAM(n, -1, "n", 256, 512, 0), PARAM(e, -2, "e", 3, 3, 0)
};
static const struct row rsa_priv[] = {
	PARAM(n, -1, "n", 256, 512, 0), PARAM(e, -2, "e", 3, 3, 0),
	PARAM(rsa_d, -3, "d", 1, 512, F_SECRET),
	PARAM(p, -4, "p", 1, 512, F_SECRET),
	PARAM(q, -5, "q", 1, 512, F_SECRET),
	PARAM(dp, -6, "dp", 1, 512, F_SECRET),
	PARAM(dq, -7, "dq", 1, 512, F_SECRET),
	PARAM(qi, -8, "qi", 1, 512, F_SECRET)
};

#define KEY_MAP(id, t) static const struct schema id##_key = { \
    .name = #t, TABLE(t), .closed = true, STRUCT(pkey) }
KEY_MAP(ec_pub, ec_pub);
KEY_MAP(ec_priv, ec_priv);
KEY_MAP(okp_pub, okp_pub);
KEY_MAP(okp_priv, okp_priv);
KEY_MAP(rsa_pub, rsa_pub);
KEY_MAP(rsa_priv, rsa_priv);

/* kty is F_CLOSED in every keydata: it chooses the table. */
#define SYMMETRIC(idlen) \
	TOKEN(keydata, kty, R_KTY, 0), \
	KEYID(keydata, idlen, idlen, 0), \
	OCTETS(keydata, key, L_key, 16, 32, F_SECRET), \
	TOKENS(keydata, keyops, R_KEYOPS, 0, 10, 0)

static const struct row symmetric4[] = {
	SYMMETRIC(4), TOKEN(keydata, alg, R_ALG, 0)
};
static const struct row symmetric8[] = {
	SYMMETRIC(8), TOKEN(keydata, alg, R_ALG, 0)
};
static const struct row provision[] = { SYMMETRIC(4) };
static const struct row reference[] = { KEYID(keydata, 1, 32, 0) };

#define ASYMMETRIC(id) static const struct row id##_rows[] = { \
	TOKEN(keydata, kty, R_KTY, 0), \
	KEYID(keydata, 8, 8, 0), \
	MAP(keydata, pkey, L_key, pkey, &id##_key, 0), \
	TOKENS(keydata, keyops, R_KEYOPS, 0, 10, 0), \
	TOKEN(keydata, alg, R_ALG, 0), \
	TOKEN(keydata, pkuse, R_PKUSE, 0), \
	TEXT(keydata, x5u, 0, 255, OPT), \
	{ .label = L_x5c, .kind = K_BYTES_LIST, .flags = OPT, .min = 1, \
	    .max = 8, .offset = AT(keydata, x5c, struct bytes_list) }, \
	OCTETS(keydata, x5t, L_x5t, 20, 20, OPT), \
	OCTETS(keydata, x5t256, L_x5t256, 32, 32, OPT) }
ASYMMETRIC(ec_pub);
ASYMMETRIC(ec_priv);
ASYMMETRIC(okp_pub);
ASYMMETRIC(okp_priv);
ASYMMETRIC(rsa_pub);
ASYMMETRIC(rsa_priv);

#define KEYDATA(id, t, type, check) { .name = id, TABLE(t), \
    STRUCT(keydata), .kty = type, .rule = check }

const struct schema keydata_secret =
    KEYDATA("secret-key", symmetric4, KTY_SYMM, rule_secret);
const struct schema keydata_session =
    KEYDATA("session-key", symmetric8, KTY_SYMM, rule_session);
static const struct schema keydata_prov =
    KEYDATA("provisioned-key", provision, KTY_SYMM, rule_provision);
static const struct schema keydata_ec_pub =
    KEYDATA("ec-public-key", ec_pub_rows, KTY_EC, rule_pair);
static const struct schema keydata_ec_priv =
    KEYDATA("ec-key-pair", ec_priv_rows, KTY_EC, rule_pair);
static const struct schema keydata_okp_pub =
    KEYDATA("okp-public-key", okp_pub_rows, KTY_OKP, rule_pair);
static const struct schema keydata_okp_priv =
    KEYDATA("okp-key-pair", okp_priv_rows, KTY_OKP, rule_pair);
static const struct schema keydata_rsa_pub =
    KEYDATA("rsa-public-key", rsa_pub_rows, KTY_RSA, rule_pair);
static const struct schema keydata_rsa_priv =
    KEYDATA("rsa-key-pair", rsa_priv_rows, KTY_RSA, rule_pair);
const struct schema keydata_ref = { .name = "key-reference",
    TABLE(reference), STRUCT(keydata), .closed = true };

#define CHOICES(id, ...) \
static const struct schema *const id##_tables[] = { __VA_ARGS__, NULL }
#define CHOICE_OF(id, text) { .name = text, STRUCT(keydata), \
    .by_kty = id##_tables }
#define CHOICE(id, text, ...) CHOICES(id, __VA_ARGS__); \
static const struct schema id = CHOICE_OF(id, text)
CHOICE(secret, "secret-keydata", &keydata_secret);
CHOICE(session, "session-keydata", &keydata_session);
CHOICE(provisioned, "provisioned-keydata", &keydata_prov);
CHOICES(pair, &keydata_ec_priv, &keydata_okp_priv, &keydata_rsa_priv);
const struct schema keydata_pair = CHOICE_OF(pair, "pair-keydata");
CHOICES(public, &keydata_ec_pub, &keydata_okp_pub, &keydata_rsa_pub);
const struct schema keydata_public = CHOICE_OF(public, "public-keydata");
CHOICE(ticket, "ticket-keydata", &keydata_session, &keydata_ec_pub,
    &keydata_okp_pub, &keydata_rsa_pub);

/* ---- sealed parts (draft, sections 2.2 to 2.5 and 2.7) ----------------- */

#define PART(id, text, check) static const struct schema id = { \
    .name = text, TABLE(id##_rows), STRUCT(part), .rule = check }

static const struct row client_auth_rows[] = {
	NAME(part, crealm, 0), NAME(part, cname, 0), TIME(part, ctime, 0),
	NONCE(part), SEQNUM(part, OPT), CKSUM(part, 8, OPT)
};
static const struct row sp_auth_rows[] = {
	NAME(part, sprealm, 0), NAME(part, spname, 0), TIME(part, sptime, 0),
	NONCE(part), SEQNUM(part, OPT), CKSUM(part, 8, OPT)
};
PART(client_auth, "client-authenticator", NULL);
PART(sp_auth, "sp-authenticator", NULL);

#define ENC_PART(end, keys) \
	FLAGS(part, flags, L_tflags, R_NO_FLAGS), \
	NAME(part, crealm, 0), NAME(part, cname, 0), ANY(part, cpac), \
	TIME(part, authtime, 0), TIME(part, endtime, end), \
	ANY(part, sppac), ANY(part, transited), \
	MAP(part, keydata, L_keydata, keydata, keys, 0)
static const struct row psk_enc_rows[] = { ENC_PART(0, &session) };
static const struct row pkp_enc_rows[] = { ENC_PART(OPT, &keydata_public) };
static const struct row estb_enc_rows[] = { ENC_PART(OPT, &ticket) };
PART(psk_enc, "psk-enc-part", NULL);
PART(pkp_enc, "pkp-enc-part", rule_ticket);
PART(estb_enc, "estb-enc-part", rule_ticket);

#define PSK_RECEIPT(sp, keys) \
	FLAGS(part, flags, L_rflags, R_NO_FLAGS), \
	NAME(part, skdcrealm, 0), NAME(part, skdcname, 0), \
	NAME(part, sprealm, OPT), NAME(part, spname, sp), \
	NAME(part, spskdc, OPT), ANY(part, cpac), TIME(part, authtime, 0), \
	NONCE(part), TIME(part, endtime, 0), \
	MAP(part, keydata, L_keydata, keydata, keys, 0)
static const struct row psk_receipt_rows[] = { PSK_RECEIPT(0, &session) };
static const struct row pkp_receipt_rows[] = { PSK_RECEIPT(OPT, &keydata_pair) };
static const struct row gsk_receipt_rows[] = {
	FLAGS(part, flags, L_rflags, R_NO_FLAGS),
	NAME(part, skdcrealm, 0), NAME(part, skdcname, 0),
	NAME(part, mcastrealm, OPT), NAME(part, mcastname, 0),
	ANY(part, grppac), TIME(part, authtime, 0), NONCE(part),
	TIME(part, endtime, 0),
	MAP(part, keydata, L_keydata, keydata, &session, 0)
};
PART(psk_receipt, "psk-receipt", NULL);
PART(pkp_receipt, "pkp-receipt", NULL);
PART(gsk_receipt, "gsk-receipt", NULL);

static const struct row psk_ack_rows[] = {
	NAME(part, spname, 0), NAME(part, sprealm, OPT), NONCE(part),
	TIME(part, authtime, 0), SEQNUM(part, OPT)
};
static const struct row psk_delc_ack_rows[] = {
	NAME(part, cname, 0), NAME(part, crealm, OPT), NONCE(part),
	TIME(part, authtime, 0), SEQNUM(part, OPT)
};
static const struct row gsk_delc_ack_rows[] = {
	NAME(part, mcastname, 0), NAME(part, mcastrealm, OPT), NONCE(part),
	TIME(part, authtime, 0), SEQNUM(part, OPT)
};
static const struct row error_ack_rows[] = {
	NAME(part, skdcname, 0), NONCE(part), TIME(part, authtime, 0)
};
PART(psk_ack, "psk-acknowledgement", NULL);
PART(psk_delc_ack, "psk-delc-acknowledgement", NULL);
PART(gsk_delc_ack, "gsk-delc-acknowledgement", NULL);
PART(error_ack, "error-acknowledgement", NULL);

static const struct row psk_kenv_rows[] = {
	FLAGS(part, flags, L_envflags, R_NO_FLAGS),
	NAME(part, skdcrealm, 0), NAME(part, skdcname, 0),
	TIME(part, authtime, 0), NONCE(part), SEQNUM(part, OPT),
	TIME(part, endtime, OPT),
	MAP(part, keydata, L_keydata, keydata, &keydata_ref, 0)
};
static const struct row gsk_kenv_rows[] = {
	FLAGS(part, flags, L_envflags, R_NO_FLAGS),
	NAME(part, mcastrealm, OPT), NAME(part, mcastname, 0),
	TIME(part, authtime, 0), NONCE(part), SEQNUM(part, OPT),
	MAP(part, keydata, L_keydata, keydata, &keydata_ref, 0)
};
PART(psk_kenv, "psk-key-envelope", NULL);
PART(gsk_kenv, "gsk-key-envelope", NULL);

/* ---- clear maps --------------------------------------------------------- */

#define BODY(id, text, check) static const struct schema id = { \
    .name = text, TABLE(id##_rows), STRUCT(req_body), .rule = check }
#define OPTIONS FLAGS(req_body, options, L_skdc_options, R_OPTIONS)

static const struct row psk_body_rows[] = {
	TOKEN(req_body, kty, R_KTY, 0),
	TOKENS(req_body, etype, R_ALG, 1, 8, F_BARE), OPTIONS,
	NAME(req_body, skdcrealm, 0), NAME(req_body, skdcname, 0),
	NAME(req_body, sprealm, OPT), NAME(req_body, spname, 0),
	ANY(req_body, cpac)
};
static const struct row gsk_body_rows[] = {
	TOKEN(req_body, kty, R_KTY, 0),
	TOKENS(req_body, etype, R_ALG, 1, 8, F_BARE), OPTIONS,
	NAME(req_body, skdcrealm, 0), NAME(req_body, skdcname, 0),
	NAME(req_body, mcastrealm, OPT), NAME(req_body, mcastname, 0),
	ANY(req_body, grppac)
};
static const struct row fet_body_rows[] = {
	OPTIONS,
	NAME(req_body, skdcrealm, OPT), NAME(req_body, skdcname, 0),
	NAME(req_body, mcastrealm, OPT), NAME(req_body, mcastname, 0),
	KEYID(req_body, 1, 32, OPT)
};
static const struct row pkp_body_rows[] = {
	TOKEN(req_body, kty, R_KTY, 0),
	TOKENS(req_body, etype, R_ALG, 1, 8, F_BARE), OPTIONS,
	NAME(req_body, skdcrealm, 0), NAME(req_body, skdcname, 0),
	NAME(req_body, sprealm, OPT), NAME(req_body, spname, OPT),
	ANY(req_body, cpac)
};
BODY(psk_body, "psk-req-body", NULL);
BODY(gsk_body, "gsk-req-body", rule_group_request);
BODY(fet_body, "gsk-fet-body", NULL);
BODY(pkp_body, "pkp-req-body", NULL);

#define MTICKET(id, text, plain) \
static const struct row id##_rows[] = { \
	NAME(mticket, skdcrealm, 0), NAME(mticket, skdcname, 0), \
	NAME(mticket, sprealm, OPT), NAME(mticket, spname, 0), \
	SEALED(mticket, enc_part, L_enc_part, plain, 0) }; \
static const struct schema id = { .name = text, TABLE(id##_rows), \
    STRUCT(mticket) }
MTICKET(psk_mticket, "psk-mticket", &psk_enc);
MTICKET(estb_mticket, "estb-mticket", &estb_enc);
MTICKET(pkp_mticket, "pkp-mticket", &pkp_enc);

/* ---- messages (section 5) ----------------------------------------------- */

#define FIRST \
	UINT(fluffy_msg, pvno, L_pvno, 1, 1, 0), \
	{ .label = L_msg_type, .kind = K_TOKEN, .registry = R_TYPE, \
	    .offset = AT(fluffy_msg, type, int64_t) }
#define LAST ANY(fluffy_msg, ext)
#define REQ_BODY(s) MAP(fluffy_msg, body, L_req_body, req_body, s, 0)
#define TICKET(s, f) MAP(fluffy_msg, mticket, L_mticket, mticket, s, f)
#define AUTH(s, f) \
	SEALED(fluffy_msg, authenticator, L_authenticator, s, f)
#define RECEIPT(s) SEALED(fluffy_msg, receipt, L_receipt, s, 0)
#define ACK(s, f) SEALED(fluffy_msg, ack, L_ack, s, f)
#define KENVELOPE(s) SEALED(fluffy_msg, kenvelope, L_kenvelope, s, 0)
#define CLIENT NAME(fluffy_msg, crealm, 0), NAME(fluffy_msg, cname, 0)
#define SP NAME(fluffy_msg, sprealm, 0), NAME(fluffy_msg, spname, 0)

static const struct row psk_req[] = {
	FIRST, REQ_BODY(&psk_body), AUTH(&client_auth, 0), LAST
};
static const struct row psk_rep[] = {
	FIRST, CLIENT, TICKET(&psk_mticket, 0), RECEIPT(&psk_receipt), LAST
};
static const struct row psk_estb[] = {
	FIRST, CLIENT, TICKET(&estb_mticket, 0),
	/* absent beside a key agreement key (section 7) */
	AUTH(&client_auth, OPT | F_NO_KID | F_SIGN1), LAST
};
static const struct row psk_ack_msg[] = {
	FIRST, CLIENT, ACK(&psk_ack, 0), LAST
};
static const struct row psk_delt[] = {
	FIRST, CLIENT, KENVELOPE(&psk_kenv), LAST
};
static const struct row psk_delc[] = {
	FIRST, NAME(fluffy_msg, skdcrealm, OPT), NAME(fluffy_msg, skdcname, 0),
	ACK(&psk_delc_ack, 0), LAST
};
static const struct row gsk_req[] = {
	FIRST, REQ_BODY(&gsk_body), AUTH(&sp_auth, 0), LAST
};
static const struct row gsk_rep[] = {
	FIRST, SP, RECEIPT(&gsk_receipt), LAST
};
static const struct row gsk_fet[] = {
	FIRST, REQ_BODY(&fet_body), AUTH(&client_auth, 0), LAST
};
static const struct row gsk_dlvr[] = {
	FIRST, CLIENT, RECEIPT(&gsk_receipt), LAST
};
static const struct row gsk_delt[] = {
	FIRST, SP, KENVELOPE(&gsk_kenv), LAST
};
static const struct row gsk_delc[] = {
	FIRST, NAME(fluffy_msg, sprealm, OPT), NAME(fluffy_msg, spname, 0),
	ACK(&gsk_delc_ack, 0), LAST
};
static const struct row pkp_req[] = {
	FIRST, REQ_BODY(&pkp_body), AUTH(&client_auth, 0), LAST
};
static const struct row pkp_rep[] = {
	FIRST, CLIENT, TICKET(&pkp_mticket, OPT), RECEIPT(&pkp_receipt), LAST
};
static const struct row error_msg[] = {
	FIRST,
	{ .label = L_error_code, .kind = K_TOKEN, .registry = R_ERROR,
	    .offset = AT(fluffy_msg, error_code, int64_t) },
	TEXT(fluffy_msg, e_text, 0, 255, OPT),
	NAME(fluffy_msg, crealm, OPT), NAME(fluffy_msg, cname, OPT),
	NAME(fluffy_msg, skdcrealm, OPT), NAME(fluffy_msg, skdcname, OPT),
	ACK(&error_ack, OPT), LAST
};
static const struct row enrol[] = {
	FIRST, CLIENT, NAME(fluffy_msg, skdcrealm, 0),
	NAME(fluffy_msg, skdcname, 0), TIME(fluffy_msg, endtime, OPT),
	MAP(fluffy_msg, keydata, L_keydata, keydata, &secret, 0)
};

#define TA NAME(fluffy_msg, ta, 0), NAME(fluffy_msg, rs, 0)

static const struct row dk_prov[] = {
	FIRST, TA, MAP(fluffy_msg, keydata, L_keydata, keydata,
	    &provisioned, 0)
};
static const struct row dk_cred[] = {
	FIRST, TA, NAME(fluffy_msg, cname, 0),
	TEXT(fluffy_msg, psk_identity, 1, 128, 0),
	OCTETS(fluffy_msg, key, L_key, 16, 32, F_SECRET)
};
static const struct row dk_cert[] = {
	FIRST, TA, NAME(fluffy_msg, cname, 0),
	OCTETS(fluffy_msg, maccert, L_maccert, 0, FLUFFY_MAX_EMITTED, 0),
	OCTETS(fluffy_msg, rs_key, L_rs_key, 0, FLUFFY_MAX_EMITTED, 0)
};
static const struct row dk_revoke[] = {
	FIRST, TA, SEQNUM(fluffy_msg, 0), CKSUM(fluffy_msg, 32, 0)
};

#define MESSAGE(type, id, check) [type] = { .name = NULL, TABLE(id), \
    STRUCT(fluffy_msg), .rule = check }

static const struct schema messages[] = {
	MESSAGE(FLUFFY_PSK_REQ, psk_req, NULL),
	MESSAGE(FLUFFY_PSK_REP, psk_rep, NULL),
	MESSAGE(FLUFFY_PSK_ESTB, psk_estb, NULL),
	MESSAGE(FLUFFY_PSK_ACK, psk_ack_msg, NULL),
	MESSAGE(FLUFFY_PSK_DELT, psk_delt, NULL),
	MESSAGE(FLUFFY_PSK_DELC, psk_delc, NULL),
	MESSAGE(FLUFFY_GSK_REQ, gsk_req, NULL),
	MESSAGE(FLUFFY_GSK_REP, gsk_rep, NULL),
	MESSAGE(FLUFFY_GSK_FET, gsk_fet, NULL),
	MESSAGE(FLUFFY_GSK_DLVR, gsk_dlvr, NULL),
	MESSAGE(FLUFFY_GSK_DELT, gsk_delt, NULL),
	MESSAGE(FLUFFY_GSK_DELC, gsk_delc, NULL),
	MESSAGE(FLUFFY_PKP_REQ, pkp_req, NULL),
	MESSAGE(FLUFFY_PKP_REP, pkp_rep, NULL),
	MESSAGE(FLUFFY_ERROR, error_msg, NULL),
	MESSAGE(FLUFFY_ENROL, enrol, NULL),
	MESSAGE(FLUFFY_DK_PROV, dk_prov, rule_anchor),
	MESSAGE(FLUFFY_DK_CRED, dk_cred, rule_credential),
	MESSAGE(FLUFFY_DK_CERT, dk_cert, rule_anchor),
	MESSAGE(FLUFFY_DK_REVOKE, dk_revoke, rule_anchor)
};

/* ---- look-ups ----------------------------------------------------------- */

const struct schema *
schema_by_kty(const struct schema *schema, int64_t kty)
{
	const struct schema *const *v = schema->by_kty;

	while (*v != NULL && (*v)->kty != kty)
		v++;
	return *v;
}

const struct words *
registry_words(enum registry registry)
{
	return &registries[registry];
}

const char *
word_of(enum registry registry, int64_t number)
{
	const struct words *words = &registries[registry];
	size_t i;

	for (i = 0; i < words->n; i++)
		if (words->v[i].number == number)
			return words->v[i].text;
	return NULL;
}

bool
number_of(enum registry registry, struct bytes word, int64_t *number)
{
	const struct words *words = &registries[registry];
	size_t i;

	for (i = 0; i < words->n; i++)
		if (bytes_eq(bytes_str(words->v[i].text), word)) {
			*number = words->v[i].number;
			return true;
		}
	return false;
}

const char *
label_name(int64_t label)
{
	return label >= 0 && label < N_LABELS ? label_names[label] : NULL;
}

bool
label_number(struct bytes name, int64_t *label)
{
	int64_t i;

	for (i = 0; i < N_LABELS; i++)
		if (bytes_eq(bytes_str(label_names[i]), name)) {
			*label = i;
			return true;
		}
	return false;
}

const struct schema *
message_schema(int64_t type)
{
	if (type < FLUFFY_PSK_REQ || type > FLUFFY_DK_REVOKE)
		return NULL;
	return &messages[type];
}

const struct row *
schema_row(const struct schema *schema, int64_t label)
{
	uint8_t i;

	for (i = 0; i < schema->n_rows; i++)
		if (schema->rows[i].label == label)
			return &schema->rows[i];
	return NULL;
}

const char *
row_name(const struct row *row)
{
	return row->name != NULL ? row->name : label_name(row->label);
}

const char *
fluffy_type_name(enum fluffy_type type)
{
	return word_of(R_TYPE, type);
}

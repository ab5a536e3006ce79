/*
 * schema.h - how a structure is described
 *
 * The tables in schema.c are the protocol: codecs, sealing, checking, display
 * and the printed CDDL are walks over them.
 */
#ifndef FLUFFY_SCHEMA_H
#define FLUFFY_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

/* Section 2. */
enum kind {
	K_UINT, K_TIME, K_NAME, K_BYTES, K_TEXT, K_BYTES_LIST, K_TOKEN,
	K_TOKENS, K_FLAGS, K_ANY, K_MAP, K_SEALED
};

/* Section 3's registries of words. */
enum registry {
	R_NONE, R_TYPE, R_KTY, R_ALG, R_ERROR, R_PKUSE, R_CRV, R_KEYOPS,
	R_OPTIONS, R_NO_FLAGS
};

/* kty (section 3) */
enum { KTY_OKP = 1, KTY_EC = 2, KTY_RSA = 3, KTY_SYMM = 4 };

struct word {
	int64_t number;
	const char *text;
};

struct words {
	const char *name;
	const struct word *v;
	size_t n;
};

const struct words *registry_words(enum registry);
/* NULL when the number isn't registered. */
const char *word_of(enum registry, int64_t number);
bool number_of(enum registry, struct bytes word, int64_t *number);

/* Labels of section 3. */
enum label {
	L_alg = 0, L_pvno, L_msg_type, L_req_body, L_authenticator, L_mticket,
	L_receipt, L_ack, L_kenvelope, L_crealm, L_cname, L_sprealm, L_spname,
	L_skdcrealm, L_skdcname, L_nonce, L_authtime, L_endtime, L_keydata,
	L_enc_part, L_kty, L_keyid, L_key, L_etype, L_ctime, L_mcastrealm,
	L_mcastname, L_sptime, L_seqnum, L_cksum, L_skdc_options, L_tflags,
	L_rflags, L_envflags, L_cpac, L_sppac, L_grppac, L_spskdc, L_transited,
	L_keyops, L_pkuse, L_x5u, L_x5c, L_x5t, L_x5t256, L_ext, L_error_code,
	L_e_text, L_ta, L_rs, L_psk_identity, L_maccert, L_rs_key, N_LABELS
};

/* The name that section 3 gives a label; NULL outside 0..N_LABELS-1. */
const char *label_name(int64_t label);
bool label_number(struct bytes name, int64_t *label);

/* Flags of a row. */
enum {
	F_OPTIONAL = 1,
	F_NO_KID = 2,	/* K_SEALED: kid must be absent, else present */
	F_SIGN1 = 4,	/* K_SEALED: a COSE_Sign1 is allowed too */
	F_SECRET = 8,	/* a key: hidden unless asked for */
	F_BARE = 16	/* K_TOKENS: one token may stand without an array */
};

struct row {
	int8_t label;
	uint8_t kind;		/* enum kind */
	uint8_t flags;
	uint8_t registry;	/* enum registry */
	uint32_t min, max;	/* length, count or (K_UINT) value */
	uint16_t offset;	/* in the C struct */
	const struct schema *sub; /* K_MAP: its members; K_SEALED: plaintext's */
	const char *name;	/* of a key's parameter; else the label's */
};

struct schema {
	const char *name;
	const struct row *rows;
	uint8_t n_rows;
	bool closed;		/* unknown members are refused */
	uint16_t size;		/* of the C struct */
	/*
	 * A keydata's members depend on its kty: then these are the tables to
	 * choose from, each for its kty, and rows is NULL.
	 */
	const struct schema *const *by_kty; /* NULL at the end */
	int64_t kty;
	/*
	 * What no row can say, checked when all members are there: NULL, or
	 * what is broken, with the label of the member that it is about.
	 */
	const char *(*rule)(const void *map, int *label);
};

/* The table of a message type; NULL when it isn't registered. */
const struct schema *message_schema(int64_t type);
/* The row with that label; NULL when the structure has none. */
const struct row *schema_row(const struct schema *, int64_t label);
const char *row_name(const struct row *);

/* The table of a choice that is for that kty; NULL when there is none. */
const struct schema *schema_by_kty(const struct schema *, int64_t kty);

/* Tables that makers of messages need; the others are found through these.
   Of pair and public schema_by_kty chooses. */
extern const struct schema keydata_secret, keydata_session, keydata_ref,
    keydata_pair, keydata_public;

/* rules.c */
const char *rule_secret(const void *, int *);
const char *rule_session(const void *, int *);
const char *rule_provision(const void *, int *);
const char *rule_pair(const void *, int *);
const char *rule_ticket(const void *, int *);
const char *rule_group_request(const void *, int *);
const char *rule_anchor(const void *, int *);
const char *rule_credential(const void *, int *);

#endif

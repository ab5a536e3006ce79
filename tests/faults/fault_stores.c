/* fault_stores.c - what is asked of every store, and of every seal */
#include "../unit/testing.h"

#include "cose.h"
#include "disk.h"
#include "fault_stores.h"
#include "store_sql.h"

#define MAX_SEALS 4096

void
assert_intact(const fluffy_store *s)
{
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(s->sql->db,
	    "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(st, 0), "ok");
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
}

/* ---- seals --------------------------------------------------------------- */

enum fluffy_error __real_cose_encrypt(fluffy_ctx *, int64_t alg,
    struct bytes key, struct bytes iv, struct bytes external_aad,
    struct bytes plaintext, uint8_t *out);
enum fluffy_error __wrap_cose_encrypt(fluffy_ctx *, int64_t alg,
    struct bytes key, struct bytes iv, struct bytes external_aad,
    struct bytes plaintext, uint8_t *out);

static struct seal {
	uint8_t key[32], iv[16];
} seals[MAX_SEALS];
static size_t n_seals;

enum fluffy_error
__wrap_cose_encrypt(fluffy_ctx *ctx, int64_t alg, struct bytes key,
    struct bytes iv, struct bytes external_aad, struct bytes plaintext,
    uint8_t *out)
{
	struct seal *seal = &seals[n_seals++];

	assert_true(n_seals < MAX_SEALS && key.n <= sizeof(seal->key) &&
	    iv.n <= sizeof(seal->iv));
	memset(seal, 0, sizeof(*seal));
	memcpy(seal->key, key.p, key.n);
	memcpy(seal->iv, iv.p, iv.n);
	return __real_cose_encrypt(ctx, alg, key, iv, external_aad, plaintext,
	    out);
}

void
assert_fresh(void)
{
	for (size_t i = 0; i < n_seals; i++)
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(&seals[i], &seals[j],
			    sizeof(seals[i]));
}

void
forget_seals(void)
{
	n_seals = 0;
}

/*
 * fuzz_faults.c - the library when memory, OpenSSL or the disk fails
 *
 * The first two bytes say which call fails, the third that all after it do,
 * the fourth what is done: a use of a party, or the rest is
 *  28  a message, which is read and written in every form
 *  29  a key of any form
 *  30  a message whose parts are opened with the SKDC's store or the device's
 * Whatever failed: nothing is left behind, and when nothing fails the same has
 * the outcome that it had before.
 */
#include "exchange.h"
#include "faults.h"
#include "realm.h"
#include "spki.h"

#define N_PARTY_USES ((uint32_t)N_STORES * N_USES)

static void
write_all(const fluffy_msg *msg)
{
	fluffy_bytes out;

	for (int format = FLUFFY_JSON; format <= FLUFFY_DIAG; format++) {
		done(fluffy_msg_write(fuzz_ctx(), msg,
		    (enum fluffy_format)format, format == FLUFFY_JSON ?
		    FLUFFY_OPENED : FLUFFY_SHOW_KEYS, &out));
		fluffy_bytes_free(&out);
	}
}

static void
read_and_write(struct bytes data, fluffy_store *opening)
{
	fluffy_msg *msg;
	enum fluffy_error e;

	e = fluffy_msg_read(fuzz_ctx(), data.p, data.n, &msg);
	done(e);
	if (e == FLUFFY_OK && opening != NULL)
		done(fluffy_msg_open(msg, opening));
	if (e == FLUFFY_OK)
		write_all(msg);
	fluffy_msg_free(&msg);
}

static void
read_key(struct bytes data)
{
	struct buffer der = BUFFER(SPKI_MAX), pem = BUFFER(SPKI_MAX);

	done(spki_read(fuzz_ctx(), data, &der));
	der.n = 0;
	if (pair_read(fuzz_ctx(), data, &der) == FLUFFY_OK)
		done(pair_public(fuzz_ctx(), buffer_view(&der), true, &pem));
	buffer_free(&der);
	buffer_free(&pem);
}

static void
act(fluffy_store *s, uint32_t what, struct bytes rest)
{
	if (what < N_PARTY_USES)
		uses[what / N_USES][what % N_USES](s);
	else if (what == N_PARTY_USES + 1)
		read_key(rest);
	else
		read_and_write(rest, what == N_PARTY_USES ? NULL :
		    stores[rest.n % 2 == 0 ? SKDC : DEVICE]);
}

static uint32_t expected[N_PARTY_USES];

static void
live(uint32_t what, struct bytes rest, uint32_t nth, bool all)
{
	fluffy_store *s = stores[what < N_PARTY_USES ? what / N_USES :
	    DEVICE];

	outcomes = 0;
	fuzz_begin(2);
	life_begin(s);
	faults_arm(nth, all);
	act(s, what, rest);
	faults_disarm();
	life_end(s);
}

static void
make_expected(void)
{
	make_realm();
	for (uint32_t what = 0; what < N_PARTY_USES; what++) {
		live(what, BYTES(""), 0, false);
		expected[what] = outcomes;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };
	uint32_t nth = (uint32_t)take(&in) << 8, what;
	bool all;

	if (stores[SKDC] == NULL)
		make_expected();
	nth += 1u + take(&in);
	all = take(&in) % 2 == 1;
	what = take_upto(&in, N_PARTY_USES + 2);
	live(what, bytes_of(in.p, in.n), nth, all);
	live(what, bytes_of(in.p, in.n), 0, false);
	if (what < N_PARTY_USES)
		CHECK(outcomes == expected[what]);
	return 0;
}

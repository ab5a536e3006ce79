/*
 * fuzz_message.c - messages of every type, made out of the schema
 *
 * The first byte chooses the type, the second what becomes of the message:
 *  0  it is valid: whatever its form it is read as what it was made of, and
 *     survives both encodings
 *  1  members are changed, left out, doubled or misplaced
 *  2  bytes of its CBOR are changed
 *  3  bytes of its JSON are changed
 * Then comes, with its length, what decides how it is made.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "made.h"

#define N_TYPES FLUFFY_DK_REVOKE

static fluffy_msg *
read_valid(struct bytes data)
{
	fluffy_msg *msg;

	must(fluffy_msg_read(fuzz_ctx(), data.p, data.n, &msg));
	return msg;
}

static void
read_any(struct bytes data)
{
	fluffy_msg *msg;
	enum fluffy_error e;

	e = fluffy_msg_read(fuzz_ctx(), data.p, data.n, &msg);
	if (e == FLUFFY_OK)
		check_message(msg);
	else
		check_why(e);
	fluffy_msg_free(&msg);
}

static void
check_valid(struct bytes tame, struct bytes wild)
{
	fluffy_msg *msg = read_valid(wild);
	fluffy_bytes cbor = cbor_of(msg);

	CHECK(bytes_eq(bytes_of(cbor.data, cbor.len), tame));
	check_message(msg);
	fluffy_bytes_free(&cbor);
	fluffy_msg_free(&msg);
}

static void
read_changed(struct bytes data, struct feed *in)
{
	size_t n;
	uint8_t *p = mutate(in, data, &n);

	read_any(bytes_of(p, n));
	free(p);
}

static void
read_changed_json(struct bytes cbor, struct feed *in)
{
	fluffy_msg *msg = read_valid(cbor);
	fluffy_bytes json;

	must(fluffy_msg_write(fuzz_ctx(), msg, FLUFFY_JSON, 0, &json));
	read_changed(bytes_of(json.data, json.len), in);
	fluffy_bytes_free(&json);
	fluffy_msg_free(&msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed in = { data, n };
	int64_t type = 1 + take_upto(&in, N_TYPES - 1);
	uint32_t how = take_upto(&in, 3);
	struct bytes script = take_long(&in);
	struct buffer tame, wild;

	make_message(type, script, how == 1 ? 1 + take_upto(&in, 2) : 0, &tame,
	    &wild);
	if (how == 0)
		check_valid(buffer_view(&tame), buffer_view(&wild));
	else if (how == 1)
		read_any(buffer_view(&wild));
	else if (how == 2)
		read_changed(buffer_view(&wild), &in);
	else
		read_changed_json(buffer_view(&tame), &in);
	buffer_free(&tame);
	buffer_free(&wild);
	return 0;
}

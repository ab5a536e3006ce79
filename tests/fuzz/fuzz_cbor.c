/* fuzz_cbor.c - one message in CBOR */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	fluffy_ctx *ctx = fuzz_ctx();
	fluffy_msg *msg;
	enum fluffy_error e;

	if (n == 0 || data[0] < 0x80)
		return 0;
	e = fluffy_msg_read(ctx, data, n, &msg);
	if (e != FLUFFY_OK) {
		CHECK(msg == NULL);
		check_why(e);
		return 0;
	}
	CHECK(fluffy_msg_format(msg) == FLUFFY_CBOR);
	check_message(msg);
	fluffy_msg_free(&msg);
	return 0;
}

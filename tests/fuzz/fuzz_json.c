/* fuzz_json.c - one message in JSON */
#include "fuzz.h"
#include "json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	fluffy_ctx *ctx = fuzz_ctx();
	fluffy_msg *msg;
	enum fluffy_error e;
	size_t i = 0;

	while (i < n && json_blank(data[i]))
		i++;
	if (i == n || data[i] != '{')
		return 0;
	e = fluffy_msg_read(ctx, data, n, &msg);
	if (e != FLUFFY_OK) {
		CHECK(msg == NULL);
		check_why(e);
		return 0;
	}
	CHECK(fluffy_msg_format(msg) == FLUFFY_JSON);
	check_message(msg);
	fluffy_msg_free(&msg);
	return 0;
}

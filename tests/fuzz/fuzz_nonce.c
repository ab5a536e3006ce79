/*
 * fuzz_nonce.c - a nonce that is read is written as it was
 *
 * The input is the nonce.
 */
#include "derived.h"
#include "fuzz.h"
#include "text.h"

static void
check_name(struct bytes name, struct bytes text)
{
	CHECK(name_valid(name) && utf8_valid(name));
	CHECK(name.p > text.p && name.p + name.n < text.p + text.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes text = { data, n };
	char written[NONCE_TEXT_MAX + 1];
	struct nonce nonce;
	const char *why = nonce_read(text, &nonce);

	if (why != NULL) {
		CHECK(why[0] != '\0');
		return 0;
	}
	CHECK(nonce.number > 0);
	check_name(nonce.ta, text);
	check_name(nonce.client, text);
	CHECK(memchr(nonce.ta.p, '.', nonce.ta.n) == NULL);
	CHECK(nonce_write(&nonce, written));
	CHECK(bytes_eq(bytes_str(written), text));
	return 0;
}

/* test_datagrams.c - fluffy-dk's addresses, cookies, hellos and replies */
#include "testing.h"

#include <arpa/inet.h>

#include "../../tools/coap-match.h"
#include "../../tools/dtls-cookie.h"
#include "../../tools/dtls-hello.h"
#include "../../tools/peers.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct udp_path
path_of(unsigned i)
{
	struct udp_path path = { .here_len = 0 };
	struct sockaddr_in6 *peer = (struct sockaddr_in6 *)&path.peer;

	peer->sin6_family = AF_INET6;
	peer->sin6_addr.s6_addr[0] = (uint8_t)(i >> 16);
	peer->sin6_port = htons((uint16_t)i);
	return path;
}

/* ---- addresses ----------------------------------------------------------- */

static void
addresses_are_read_and_told(void **state)
{
	static const char *const good[] = { "[::1]:5684", "127.0.0.1:5684",
		"[::]:0", "0.0.0.0:65535", "[2001:db8::1]:1" };
	static const char *const bad[] = { "", ":", ":1", "::1", "::1:5684",
		"[::1]", "[::1]5684", "[]:1", "127.0.0.1", "127.0.0.1:",
		"127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:1x",
		"[127.0.0.1:1", "127.0.0.1]:1" };
	struct sockaddr_storage address;
	char text[ADDRESS_TEXT], host[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(address_parse("--to", good[i], &address));
		assert_string_equal(address_text(&address, text), good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(address_parse("--to", bad[i], &address));
	memset(host, 'x', sizeof host);
	memcpy(host + sizeof host - 3, ":1", 3);
	assert_false(address_parse("--to", host, &address));
}

static void
peers_are_found_by_address(void **state)
{
	static struct peer all[1000];
	struct peers peers = { .tree = NULL };
	struct udp_path nobody = path_of(77777);

	(void)state;
	for (unsigned i = 0; i < COUNT(all); i++) {
		all[i].path = path_of(i * 65537);
		assert_true(peers_add(&peers, &all[i]));
	}
	for (size_t i = 0; i < COUNT(all); i += 2)
		peers_remove(&peers, &all[i]);
	assert_int_equal(peers.count, COUNT(all) / 2);
	assert_ptr_equal(peers.oldest, &all[1]);
	assert_ptr_equal(peers.oldest->newer, &all[3]);
	assert_ptr_equal(peers.newest, &all[COUNT(all) - 1]);
	for (size_t i = 0; i < COUNT(all); i++)
		assert_ptr_equal(peers_find(&peers, &all[i].path.peer),
		    i % 2 == 0 ? NULL : &all[i]);
	assert_null(peers_find(&peers, &nobody.peer));
	while (peers.newest != NULL)
		peers_remove(&peers, peers.newest);
	assert_null(peers.oldest);
	assert_null(peers.tree);
}

/* ---- cookies ------------------------------------------------------------- */

static void
cookies_are_an_addresss_own(void **state)
{
	struct cookies cookies = { .begun = false };
	struct udp_path mine = path_of(5), other = path_of(6);
	uint8_t cookie[COOKIE_SIZE] = { 0 };

	(void)state;
	assert_false(cookie_good(&cookies, &mine.peer, cookie, COOKIE_SIZE));
	assert_true(cookie_make(&cookies, &mine.peer, cookie));
	assert_true(cookie_good(&cookies, &mine.peer, cookie, COOKIE_SIZE));
	assert_false(cookie_good(&cookies, &other.peer, cookie, COOKIE_SIZE));
	assert_false(cookie_good(&cookies, &mine.peer, cookie,
	    COOKIE_SIZE - 1));
	assert_false(cookie_good(&cookies, &mine.peer, cookie, 0));
	for (size_t i = 0; i < COOKIE_SIZE; i++) {
		cookie[i] ^= 1;
		assert_false(cookie_good(&cookies, &mine.peer, cookie,
		    COOKIE_SIZE));
		cookie[i] ^= 1;
	}
}

static void
a_secret_of_zeros_is_none(void **state)
{
	struct cookies cookies = { .begun = false }, zeros = { .begun = true };
	struct udp_path mine = path_of(5);
	uint8_t cookie[COOKIE_SIZE];

	(void)state;
	assert_true(cookie_make(&cookies, &mine.peer, cookie));
	zeros.renewed = cookies.renewed;
	assert_true(cookie_make(&zeros, &mine.peer, cookie));
	assert_true(cookie_good(&zeros, &mine.peer, cookie, COOKIE_SIZE));
	zeros.begun = false;
	assert_false(cookie_good(&zeros, &mine.peer, cookie, COOKIE_SIZE));
}

static void
cookies_grow_old(void **state)
{
	struct cookies cookies = { .begun = false };
	struct udp_path mine = path_of(5);
	uint8_t cookie[COOKIE_SIZE], later[COOKIE_SIZE];

	(void)state;
	assert_true(cookie_make(&cookies, &mine.peer, cookie));
	assert_true(cookie_make(&cookies, &mine.peer, later));
	assert_memory_equal(cookie, later, COOKIE_SIZE);
	cookies.renewed -= 3600000;
	assert_true(cookie_make(&cookies, &mine.peer, later));
	assert_memory_not_equal(cookie, later, COOKIE_SIZE);
	assert_true(cookie_good(&cookies, &mine.peer, cookie, COOKIE_SIZE));
	cookies.renewed -= 3600000;
	assert_true(cookie_make(&cookies, &mine.peer, later));
	assert_false(cookie_good(&cookies, &mine.peer, cookie, COOKIE_SIZE));
	assert_true(cookie_good(&cookies, &mine.peer, later, COOKIE_SIZE));
}

/* ---- hellos -------------------------------------------------------------- */

/* A ClientHello whose only extension lists certificate types 2 and 3. */
static const uint8_t offer[] = {
	22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 63,
	1, 0, 0, 51, 0, 0, 0, 0, 0, 0, 0, 51,
	254, 253,
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
	0, 0, 0, 2, 192, 174, 1, 0,
	0, 7, 0, 19, 0, 3, 2, 2, 3,
};

static void
a_hello_tells_its_types(void **state)
{
	uint8_t changed[sizeof offer];
	struct hello hello;

	(void)state;
	assert_true(hello_read(offer, sizeof offer, &hello));
	assert_true(hello.authz_cert);
	assert_memory_equal(hello.random, offer + 27, sizeof hello.random);
	memcpy(changed, offer, sizeof offer);
	changed[sizeof offer - 1] = 1;
	assert_true(hello_read(changed, sizeof changed, &hello));
	assert_false(hello.authz_cert);
	changed[sizeof offer - 1] = 3;
	changed[sizeof offer - 6] = 20; /* server_certificate_type */
	assert_true(hello_read(changed, sizeof changed, &hello));
	assert_false(hello.authz_cert);
}

static void
no_hello_is_seen_in_what_is_none(void **state)
{
	/* type, epoch, message type, fragment offset */
	static const size_t not_hello[] = { 0, 3, 4, 13, 19, 20, 21 };
	uint8_t changed[sizeof offer];
	struct hello hello;

	(void)state;
	for (size_t n = 0; n < sizeof offer; n++)
		assert_false(hello_read(offer, n, &hello));
	for (size_t i = 0; i < COUNT(not_hello); i++) {
		memcpy(changed, offer, sizeof offer);
		changed[not_hello[i]] ^= 1;
		assert_false(hello_read(changed, sizeof changed, &hello));
	}
}

/* Its lengths are right, but there is no random. */
static void
a_hello_that_is_short_is_none(void **state)
{
	static const uint8_t begin[] = {
		22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12 + 10,
		1, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 10,
		254, 253, 1, 2, 3, 4, 5, 6, 7, 8
	};
	struct hello hello;

	(void)state;
	assert_false(hello_read(begin, sizeof begin, &hello));
}

static void
encrypted_records_are_counted(void **state)
{
	uint8_t two[2 * 14] = { 22, [13] = 1, [14] = 23, [18] = 1 };

	(void)state;
	two[12] = two[14 + 12] = 1;
	assert_int_equal(records_encrypted(offer, sizeof offer), 0);
	assert_int_equal(records_encrypted(two, 14), 0);
	assert_int_equal(records_encrypted(two, sizeof two), 1);
	assert_int_equal(records_encrypted(two + 14, 14), 1);
	assert_int_equal(records_encrypted(two + 14, 13), 1);
	assert_int_equal(records_encrypted(two, 0), 0);
}

/* ---- replies ------------------------------------------------------------- */

static struct coap_match match;

static void
sent(unsigned who, const char *data, size_t len)
{
	struct udp_path from = path_of(who);

	coap_sent(&match, data, len, &from);
}

static void
belongs(unsigned who, const char *data, size_t len)
{
	const struct udp_path *to = coap_answered(&match, data, len);
	struct udp_path wanted = path_of(who);

	assert_non_null(to);
	assert_int_equal(address_compare(&to->peer, &wanted.peer), 0);
}

#define BYTES_OF(text) text, sizeof text - 1
#define SENT(who, text) sent(who, BYTES_OF(text))
#define BELONGS(who, text) belongs(who, BYTES_OF(text))

static int
forget(void **state)
{
	(void)state;
	memset(&match, 0, sizeof match);
	return 0;
}

static void
replies_find_who_asked(void **state)
{
	(void)state;
	assert_null(coap_answered(&match, BYTES_OF("\x60\x45\0\1")));
	SENT(1, "\x42\1\0\1ab");
	SENT(2, "\x42\1\0\2cd");
	SENT(3, "\x40\1\0\3");
	SENT(4, "\x58\1\0\4abababab");
	BELONGS(1, "\x62\x45\0\1ab\xff.");	/* by its token */
	BELONGS(1, "\x42\x45\7\7ab\xff.");	/* later, in another message */
	BELONGS(2, "\x60\0\0\2");		/* an empty ACK */
	BELONGS(3, "\x60\x45\0\3\xff.");	/* without any token */
	BELONGS(4, "\x58\x45\7\7abababab");
	BELONGS(4, "\x42\x45\0\1xy");		/* nobody's */
	BELONGS(4, "\x40\x45\7\7");		/* nor this, without a token */
	BELONGS(4, "\x41\x45\0\1""a");
	SENT(5, "\x42\1\0\5ab");
	BELONGS(1, "\x62\x45\0\1ab");	/* one of two with that token */
	BELONGS(5, "\x62\x45\0\5ab");
	BELONGS(5, "\x42\x45\7\7ab");	/* the newest of them */
	SENT(6, "\x42\1\0\5ab");
	BELONGS(6, "\x62\x45\0\5ab");
}

static void
what_is_not_coap_goes_to_who_sent_last(void **state)
{
	(void)state;
	SENT(1, "\x42\1\0\0ab");
	SENT(2, "anything");
	BELONGS(2, "anything else");
	BELONGS(2, "");
	BELONGS(2, "\x49\1\0\0ababababa");	/* a token of nine bytes */
	BELONGS(2, "\x42\1\0\0a");		/* half a token */
	belongs(2, "\x42\1\0\0ab", 5);	/* ... whose rest isn't the message's */
	belongs(2, "\x42\1\0\0ab", 3);
	BELONGS(2, "\x82\1\0\0ab");		/* of another version */
	BELONGS(1, "\x60\0\0\0");
	SENT(3, "\x80\1\0\0");
	BELONGS(1, "\x60\0\0\0");
}

static void
only_the_newest_are_remembered(void **state)
{
	char data[] = "\x42\1\0\0xx";

	(void)state;
	SENT(9999, "\x42\1\xff\xff""ab");
	for (unsigned i = 0; i < COAP_REMEMBERED; i++) {
		data[4] = (char)i;
		if (i == COAP_REMEMBERED - 1)
			BELONGS(9999, "\x62\x45\xff\xff""ab");
		sent(i, data, sizeof data - 1);
	}
	BELONGS(COAP_REMEMBERED - 1, "\x62\x45\xff\xff""ab");
	data[4] = 0;
	belongs(0, data, sizeof data - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_told),
		cmocka_unit_test(peers_are_found_by_address),
		cmocka_unit_test(cookies_are_an_addresss_own),
		cmocka_unit_test(a_secret_of_zeros_is_none),
		cmocka_unit_test(cookies_grow_old),
		cmocka_unit_test(a_hello_tells_its_types),
		cmocka_unit_test(no_hello_is_seen_in_what_is_none),
		cmocka_unit_test(a_hello_that_is_short_is_none),
		cmocka_unit_test(encrypted_records_are_counted),
		cmocka_unit_test_setup(replies_find_who_asked, forget),
		cmocka_unit_test_setup(what_is_not_coap_goes_to_who_sent_last,
		    forget),
		cmocka_unit_test_setup(only_the_newest_are_remembered, forget),
	};

	return cmocka_run_group_tests_name("datagrams", tests, NULL, NULL);
}

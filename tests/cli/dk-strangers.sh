#!/bin/bash
# What those cost a resource server who have no session, or too many: a
# ClientHello without a cookie nothing, a handshake its time, and there are so
# many handshakes and sessions and no more. Honest clients are served meanwhile.
# shellcheck source=tests/cli/dk-lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/dk-lib.sh"
need coap-server-notls coap-client-notls jq perl python3
python3 -c 'import cryptography' 2>/dev/null ||
	skip "python3-cryptography is missing"

verify_request=3 server_hello=2 # types of messages

# strangers TYPE WHAT...: the last of them got that
strangers() {
	equal "$(timeout 200 python3 "$here/dk-strangers.py" "$port" "${@:2}")" "$1"
}

# told COUNT TEXT: serve said it so often since "mark"
told() {
	equal "$(tail -n "+$((marked + 1))" serve.log | grep -cF -e "$2")" "$1" "$2"
}

enter strangers
anchor
coap_server
patience=1
serve -v
modes=("")
grep -q "built without --with-mbedtls" serve.log || modes+=(authz)

for mode in "${modes[@]}"; do
	chapter "a ClientHello without a good cookie leaves nothing${mode:+, $mode}"
	mark
	# shellcheck disable=SC2086 # there may be no mode
	strangers $verify_request hello $mode
	# shellcheck disable=SC2086
	strangers $verify_request guess $mode
	# of a part libssl reads the cookie, mbed TLS waits for the rest
	[ -n "$mode" ] && part=nothing || part=$verify_request
	# shellcheck disable=SC2086
	strangers "$part" part $mode
	sleep 1.5
	told 0 "no handshake in time"
	# shellcheck disable=SC2086
	strangers $server_hello half 1 $mode
	says "no handshake in time"
	honest
done

chapter "a copy of a session's ClientHello begins nothing"
proxy again=300
join_new again.db
mark
connect again.db "$bad"
get
sleep 2
told 0 ": refused: "
get
stop "$client"

chapter "what comes too early is no longer read at last"
mark
strangers nothing early 16
says "handshake failed"
mark
strangers nothing early 17
says "no handshake in time"
told 0 "handshake failed"
honest

chapter "so many handshakes"
stop "$server"
patience=60
serve -v
for mode in "${modes[@]}"; do
	mark
	# shellcheck disable=SC2086
	strangers $server_hello half 256 $mode
	[ -n "$mode" ] || told 0 "takes its place"
	# shellcheck disable=SC2086
	strangers $server_hello half 1 $mode
	says "takes its place"
	honest
done
stop "$server"

chapter "so many sessions"
run 0 fluffy-dk provision -s t2.db RS --ta T2 >prov
run 0 fluffy-dk join -s rs.db <prov >rs.pem
shared=$(fluffy-msg --show-keys prov |
	sed -n 's/^ *key: *\([0-9a-f]*\) .*/\1/p')
serve -v
mark
strangers nothing sessions 1024 T2 "$shared"
told 1024 ": open: "
told 1 "a client too many"
stop "$server"
serve
honest
stop "$server"

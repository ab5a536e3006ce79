#!/bin/bash
# DerivedKey with DTLS: clients and servers of others, and of ours; what is
# refused, and what an attacker can do. After each attack an honest client
# still gets its answer.
# shellcheck source=tests/cli/dk-lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/dk-lib.sh"
need jq perl python3 openssl coap-server-notls coap-client-notls

# is_settled FILE: s_client has its answer, or has given up
is_settled() {
	grep -qsE "$answer|^closed|:error:" "$1"
}

# s_client FILE NONCE KEY [OPTION]...: what a GET gets through openssl
s_client() {
	local file=$1
	: >"$file"
	{
		printf '@\1\22\64'
		until_true is_settled "$file"
	} | timeout 6 openssl s_client -dtls1_2 -connect "[::1]:$port" \
		-psk_identity "$2" -psk "$3" -cipher "${cipher-PSK-AES128-CCM8}" \
		"${@:4}" >"$file" 2>&1
}

# alerted NONCE...: each by an alert, and the window stays
alerted() {
	local i pids=()
	window >before
	for ((i = 1; i <= $#; i++)); do
		s_client "out.$i" "${!i}" "$key" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for ((i = 1; i <= $#; i++)); do
		grep -q "alert unknown psk identity" "out.$i" ||
			fail "no alert for ${!i}"
		has_not "out.$i" "$answer"
	done
	window >after
	same before after
}

chapter "a trust anchor, a resource server, a CoAP server"
enter dtls
anchor
coap_server
serve

chapter "clients"
for cipher in PSK-AES128-CCM8 PSK-AES128-GCM-SHA256; do
	issue cred
	fresh "$nonce"
	s_client out "$nonce" "$key"
	has out "$answer"
	has out "Cipher is $cipher"
	used "$nonce"
done
unset cipher
for tls in openssl gnutls; do
	if ! have "coap-client-$tls"; then
		echo "skipped: coap-client-$tls is missing"
		continue
	fi
	issue_text cred
	mark
	timeout 8 "coap-client-$tls" -B 4 -m get -u "$nonce" -k "$text" \
		"coaps://[::1]:$port/" >out 2>"$err" || :
	has out "$answer"
	says "open: client C, number ${nonce##*.} by TA"
	used "$nonce"
done
honest
run 0 fluffy-dk provision -s t2.db RS --ta T2 --bits 256 >prov # another anchor
run 0 fluffy-dk join -s rs.db <prov >rs.pem
run 0 fluffy-dk issue -s t2.db RS C >cred
run 0 fluffy-dk join -s c256.db <cred
connect c256.db
get
says "number 1 by T2"
stop "$client"
honest

chapter "servers"
reverse=$(free_port)
issue cred
mkfifo input
openssl s_server -dtls1_2 -accept "[::1]:$reverse" -listen -nocert \
	-cipher PSK-AES128-CCM8 -psk_identity "$nonce" -psk "$key" \
	<input >s_server.log 2>&1 &
s_server=$!
exec 3>input
until_says s_server.log ACCEPT
run 0 fluffy-dk join -s reverse.db <cred
connect reverse.db "$reverse"
python3 - "$local" >out <<-'END' &
	import socket, sys
	s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
	s.settimeout(5)
	s.sendto(b"ping\n", ("::1", int(sys.argv[1])))
	print(s.recv(100).decode())
END
until_says s_server.log ping
echo pong >&3
wait $!
has out pong
exec 3>&-
stop "$client"
kill "$s_server" 2>/dev/null
if have coap-server-openssl; then
	issue_text cred
	reverse=$(free_port)
	coap-server-openssl -A ::1 -p "$reverse" -h hint -k "$text" \
		>coaps.log 2>&1 &
	coaps=$!
	sleep 0.3
	run 0 fluffy-dk join -s coaps.db <cred
	connect coaps.db "$((reverse + 1))"
	get
	stop "$client"
	kill "$coaps"
fi

chapter "no resumption, no tickets, no renegotiation"
issue cred
s_client out "$nonce" "$key" -sess_out session
has out "$answer"
has_not out "session ticket"
grep -qE '^ *Session-ID: *$' out || fail "a session id"
[ ! -e session ] || fail "a session that could be resumed"
issue cred
mark
s_client out "$nonce" "$key" -reconnect
says "open: client C, number ${nonce##*.} "
says "refused: number ${nonce##*.} "
issue cred
mark
{
	until_true said "open: client"
	echo R
	sleep 1
} | timeout 6 openssl s_client -dtls1_2 -connect "[::1]:$port" \
	-psk_identity "$nonce" -psk "$key" -cipher PSK >out 2>&1
has out RENEGOTIATING
equal "$(tail -n "+$((marked + 1))" serve.log | grep -c "open: ")" 1
honest

chapter "nonces that are refused"
issue cred
s_client out "$nonce" "$key"
has out "$answer"
mark
alerted "$nonce" DK.XX.C.90
says "refused: number ${nonce##*.} "
issue cred
run 0 fluffy-dk revoke -s ta.db RS "${nonce##*.}" >revoked
run 0 fluffy-dk accept -s rs.db <revoked
alerted "$nonce"
alerted DK DK. DK.TA DK.TA.C DK.TA.C. DK.TA.1 DK..C.90 DK.TA..90 DK.TA.C.090 \
	DK.TA.C.0 DK.TA.C.-1 DK.TA.C.+90 "DK.TA.C. 90" DK.TA.C.4294967296 \
	DK.TA.C.18446744073709551706 dk.TA.C.90 XDK.TA.C.90 $'DK.TA.C\n.90' \
	$'DK.TA.\xff.90' $'DK.TA.\xc2\x80.90' "DK.TA.C.90 " client
honest

chapter "identities of 128 bytes and more"
long=$(printf 'c%.0s' $(seq 119))
issue cred "$long"
while [ ${#nonce} -lt 128 ]; do
	long+=c
	issue cred "$long"
done
equal ${#nonce} 128
s_client out "$nonce" "$key"
has out "$answer"
run 2 fluffy-dk issue -s ta.db RS "${long}c" >refused
alerted "DK.TA.${long}c.${nonce##*.}" \
	"DK.TA.$(printf 'c%.0s' $(seq 200)).90"
honest

chapter "left of the window"
issue old
first=$nonce old_key=$key
for ((i = 0; i < 64; i++)); do
	issue cred
done
fresh "$first"
s_client out "$nonce" "$key"
has out "$answer"
key=$old_key
alerted "$first"
honest

chapter "a wrong key: silence, an end to it, and the window stays"
issue cred
window >before
mark
s_client out "$nonce" "$(tr 0-9a-f 1-9a-f0 <<<"$key")" &
says "refused: no handshake in time"
kill $!
wait $!
has_not out "alert"
has_not out "$answer"
window >after
same before after
s_client out "$nonce" "$key" # the right one
has out "$answer"
honest

chapter "two handshakes with one nonce at once: one wins"
proxy split=300
join_new one.db
cp one.db two.db
for store in one two; do
	fluffy-dk connect -s $store.db --listen '[::1]:0' \
		--to "[::1]:$bad" --handshake 2 2>$store.log &
	eval "$store=$!"
done
mark
one_is_over() {
	# shellcheck disable=SC2154 # by eval
	is_over "$one" || is_over "$two"
}
until_true one_is_over || fail "both are there"
sleep 0.3
equal "$(cat one.log two.log | grep -c "connected to RS")" 1
equal "$(grep -c "open: client C, number ${nonce##*.} " serve.log)" 1
used "$nonce"
kill "$one" "$two" 2>/dev/null
wait "$one" "$two"
honest

chapter "a client that comes back with the same address"
proxy one
join_new first.db
connect first.db "$bad"
first=$client first_local=$local
get
issue cred # somebody else with that address, but without the key
edit cred '.key = "AAAAAAAAAAAAAAAAAAAAAA"' >wrong
run 0 fluffy-dk join -s wrong.db <wrong
run 1 fluffy-dk connect -s wrong.db --listen '[::1]:0' --to "[::1]:$bad" \
	--handshake 1
get "$first_local" # isn't disturbed
mark
kill -9 "$first"
wait "$first" 2>/dev/null
join_new second.db
connect second.db "$bad"
get
says "closed: opened anew"
says "open: client C"
stop "$client"
honest

chapter "garbage"
python3 - "$port" <<-'END' &
	import os, random, socket, sys, time
	address, rng = ("::1", int(sys.argv[1])), random.Random(1)
	hello = bytes.fromhex("16feff0000000000000000003c010000300000000000000030"
	    "fefd" + "11" * 32 + "00" + "00" + "0004c0a800a8" + "0100" + "0000")
	end = time.time() + 3
	sockets = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(20)]
	while time.time() < end:
	    d = bytearray(rng.choice((hello, os.urandom(rng.randrange(1400)),
	        bytes((rng.randrange(20, 26), 254, 253, 0, rng.randrange(2))) +
	        os.urandom(rng.randrange(200)))))
	    for _ in range(rng.randrange(4)):
	        if d:
	            d[rng.randrange(len(d))] = rng.randrange(256)
	    rng.choice(sockets).sendto(bytes(d), address)
	    time.sleep(0.0003)
END
garbage=$!
honest
honest
wait $garbage
honest

stop "$server"

chapter "a bad network"
patience=20
serve
proxy drop=10 double=15 late=15 seed=7
join_new bad.db
connect bad.db "$bad"
for ((i = 0; i < 3; i++)); do
	timeout 20 coap-client-notls -B 20 -m get "coap://[::1]:$local/" \
		>out 2>/dev/null
	has out "$answer"
done
stop "$client"
honest
stop "$server"
unset patience

chapter "IPv4, and every address of the host"
for at in 127.0.0.1 0.0.0.0 "[::]"; do
	host=$at
	serve
	host=127.0.0.1
	honest
	stop "$server"
done
host="[::1]"

# attempt: a client comes while the server dies; whose key the client has used
# is never let in again.
attempt() {
	rm -f victim.db victim.log
	join_new victim.db
	fluffy-dk connect -s victim.db --listen '[::1]:0' --to "[::1]:$port" \
		--handshake 1 2>victim.log &
	client=$!
	"$@"
	if grep -qs "connected to" victim.log; then
		used "$nonce"
	fi
	kill "$client" 2>/dev/null
	wait "$client" "$server" 2>/dev/null
}

killed_after() { # SECONDS
	sleep "$1"
	kill -9 "$server"
	wait "$server" 2>/dev/null
}

has_died_or_listens() {
	is_over "$server" || grep -qs "listening on" serve.log
}

has_died_or_served() {
	is_over "$server" || grep -qs "connected to" victim.log
}

killed_or_done() {
	until_true has_died_or_served || fail "the client hangs"
	sleep 0.05
	kill -9 "$server" 2>/dev/null
	until_true is_over "$server"
}

# A leak checker can't run where strace does.
traced=(env "ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0"
	strace -D -qq -o /dev/null)

chapter "the server is killed at any moment"
for ((round = 0; round < 20; round++)); do
	serve
	attempt killed_after "0.0$((RANDOM % 60 + 10))"
done
serve
honest
stop "$server"

chapter "the server is killed at any system call that writes"
if have strace; then
	for call in sendmsg pwrite64 fdatasync; do
		for ((nth = 1; nth <= 6; nth++)); do
			under=("${traced[@]}" -e "trace=$call"
				-e "inject=$call:signal=KILL:when=$nth")
			serve_begin
			until_true has_died_or_listens
			serve_port
			[ -z "$port" ] || attempt killed_or_done
		done
	done
	under=()
else
	echo "skipped: strace is missing"
fi
serve
honest

chapter "a store that can't be written"
if have strace; then
	stop "$server"
	under=("${traced[@]}" -e trace=fdatasync
		-e inject=fdatasync:error=ENOSPC:when=1)
	serve
	under=()
	join_new full.db
	run 1 fluffy-dk connect -s full.db --listen '[::1]:0' \
		--to "[::1]:$port" --handshake 1
	expect_err "didn't accept the key"
	has_not serve.log "open: "
	honest
	kill "$server"
	ended "$server" 4
	serve
fi

# loud: a server that says nothing first, and then everything in capitals;
# twice or how long it was, if that is what it begins with
loud() {
	rm -f loud.port
	python3 -c 'import socket
def answer(data):
    if data.startswith(b"count"):
        return b"%d" % len(data)
    return data.upper() * (1 + data.startswith(b"twice"))
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::1", 0))
print(s.getsockname()[1], flush=True)
while True:
    data, address = s.recvfrom(65536)
    s.sendto(b"", address)
    s.sendto(answer(data), address)' >loud.port &
	until_true test -s loud.port || fail "no server"
}

# says_hello: nothing, and then hello, through the session
says_hello() {
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("::1", int(sys.argv[1])))
for data in b"", b"hello":
    s.send(data)
print(s.recv(99).decode())' "$local"
}

chapter "empty datagrams, from anybody, end no session"
stop "$server"
loud
quiet=$coap
coap=$(cat loud.port)
serve
proxy beside=
for at in "$port" "$bad"; do
	rm -f c.db
	join_new c.db
	connect c.db "$at"
	for ((i = 0; i < 3; i++)); do
		equal "$(says_hello)" HELLO
	done
	stop "$client"
done
has_not serve.log "broken off"

chapter "datagrams that are too long, either way, are dropped whole"
join_new c.db
connect c.db
python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("::1", int(sys.argv[1])))
for size in 1152, 1153:
    s.send(b"count".ljust(size))
for data in b"twice" + bytes(571), b"twice" + bytes(572), b"hello":
    s.send(data)
for _ in range(3):
    data = s.recv(2000)
    print(len(data), data[:5].decode())' "$local" >out
printf '%s\n' "4 1152" "1152 TWICE" "5 HELLO" >expected
same expected out
stop "$client"
stop "$server"
coap=$quiet

chapter "a store that is replaced while it is served from"
serve
for end in "" -wal -shm; do
	[ ! -e "rs.db$end" ] || cp -p "rs.db$end" "copy.db$end"
done
for end in "" -wal -shm; do
	[ ! -e "copy.db$end" ] || mv "copy.db$end" "rs.db$end"
done
join_new moved.db
run 1 fluffy-dk connect -s moved.db --listen '[::1]:0' \
	--to "[::1]:$port" --handshake 1
has serve.log "removed or replaced"
has_not serve.log "open: "
fresh "$nonce"
kill "$server"
ended "$server" 4
serve
connect moved.db
get
stop "$client"
used "$nonce"

# serve_again: at the same port
serve_again() {
	local before=$port
	rm -f serve.log
	fluffy-dk serve -s rs.db --listen "$host:$before" \
		--forward "[::1]:$coap" --handshake 3 2>serve.log &
	server=$!
	until_says serve.log "listening on"
}

closed_twice() {
	[ "$(grep -c closed connect.log)" = 2 ]
}

chapter "sessions that end, and several CoAP clients in one"
stop "$server"
serve --idle 3
rm -f c.db
join_new c.db
first=$nonce
join_new c.db
connect c.db
getters=()
for ((i = 0; i < 8; i++)); do
	get &
	getters+=($!)
done
for pid in "${getters[@]}"; do
	wait "$pid" || fail "one of them has no answer"
done
until_says connect.log closed
used "$first"
fresh "$nonce"
get
used "$nonce"
until_true closed_twice || fail "the second session doesn't end"
! answers_coap "coap://[::1]:$local/" || fail "an answer without credentials"
ended "$client" 1
run 1 fluffy-dk connect -s c.db --listen '[::1]:0' --to "[::1]:$port"
expect_err "no credential"
rm c.db
join_new c.db
run 2 timeout 5 fluffy-dk serve -s c.db --listen '[::1]:0' \
	--forward '[::1]:9'
expect_err "not a resource server's store"
stop "$server"
serve

chapter "a server that is away for a while"
rm -f c.db
join_new c.db
join_new c.db
connect c.db "$port" --handshake 1
get
stop "$server"
until_says connect.log closed
! answers_coap "coap://[::1]:$local/" || fail "an answer without a server"
until_says connect.log "or isn't there"
serve_again
# a slow handshake is given up, and tried again for the next datagram
until_true answers_coap "coap://[::1]:$local/" || fail "no answer"
used "$nonce"

chapter "the end"
kill "$client"
ended "$client" 1
join_new last.db
connect last.db
get
stop "$server"
until_says connect.log closed
stop "$client"

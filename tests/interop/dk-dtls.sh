#!/bin/bash
# AuthorizedPublicKey over DTLS with an independent peer at either end.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/roles.sh
. "$(dirname "$0")/roles.sh"
cd "$scratch" || exit 99

dtls_ref() {
	PYTHONDONTWRITEBYTECODE=1 timeout 30 \
		python3 "$srcdir/tests/interop/dtls_ref.py" "$@"
}

# certify TA: a new certificate in "cert".
certify() {
	expect 0 "$1: certify" dk certify "$1" RS C <client.pem >cert
}

# ---- their client ------------------------------------------------------------

# client ANSWER WHAT OPTIONS...
client() {
	local answer
	answer=$(dtls_ref client "$port" cert client.key "${@:3}")
	[ "$answer" = "$1" ] || complain "their client: $2: $answer, not $1"
}

# refused ALERT WHAT OPTIONS...: and the window stays.
refused() {
	fluffy-dk window -s rs.db --json >before
	client "alert: $1" "${@:2}"
	fluffy-dk window -s rs.db --json >after
	same before after "their client: $2: the window"
}

their_client() {
	local status verb what input types count=0 hello="answer: ARE YOU THERE?"

	certify ta.json
	refused 43 "no certificate type of a server" --types 0103,0103
	refused 40 "X.509" --types 0100,0100
	refused 40 "no certificate types" --types ,
	refused 51 "another's certificate" --proof other.key
	client "$hello" "the same number"
	refused 42 "the same number again"
	# open and closed within one datagram: it is told who was there
	certify ta.json
	client "" "all at once" --at-once
	[ -n "$(await serve.log '$ s/.*: closed$/&/p')" ] ||
		complain "all at once: $(tail -n 1 serve.log)"
	tail -n 2 serve.log | grep -q "open: number .* by TA" ||
		complain "all at once: $(tail -n 2 serve.log)"
	for types in '0103,' 020300,0100 020003,0100 0103,020100; do
		certify ta.json
		client "$hello" "$types" --types "$types"
	done
	certify ta.json
	dk_ref cases -s theirs.json TA >cases
	while IFS=$'\t' read -r status verb what input _; do
		[ "$verb" = verify ] && [ "$status" != 0 ] || continue
		refused 42 "$what: $input" --certificate "$input"
		count=$((count + 1))
	done <cases
	[ $count -gt 50 ] || complain "only $count cases"
	client "$hello" "after all that"
}

# ---- their server ------------------------------------------------------------

# serve OPTIONS...: $server is at $port.
serve() {
	rm -f served # or its port may be taken for the new one's
	dtls_ref server theirs.json "$@" >served &
	server=$!
	port=$(await served 1p)
}

# connect WANT WHAT: with "cert"; with status 0 a datagram goes there and back.
connect() {
	local client status=0

	rm -f c.db connect.log
	expect 0 "$2: join" dk join c.db --key client.key <cert
	fluffy-dk connect -s c.db --listen '[::1]:0' --to "[::1]:$port" \
		2>connect.log &
	client=$!
	if [ "$1" = 0 ]; then
		port=$(await connect.log 's/.*listening on .*:\([0-9]*\)$/\1/p')
		[ "$(ask)" = hello ] || complain "$2: no answer"
		kill $client
	fi
	wait $client || status=$?
	[ $status = "$1" ] || complain "$2: status $status: $(cat connect.log)"
	wait $server || status=$?
	[ $status = "$1" ] || complain "$2: theirs: $status: $(cat served)"
}

# ask: what comes back for "hello" from $port.
ask() {
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"hello", ("::1", int(sys.argv[1])))
print(s.recv(99).decode())' "$port"
}

# served WHAT LINE...: they said so behind the port.
served() {
	printf '%s\n' "${@:2}" >expected
	tail -n +2 served >said
	same expected said "$1: $(tr '\n' ' ' <said)"
}

their_server() {
	certify ta.db
	serve --key other.key
	cp theirs.json before
	connect 1 "another's key"
	same before theirs.json "another's key: the window"
	serve --without certificate
	connect 1 "no Certificate"
	served "no Certificate" "alert: 10"
	serve --without request
	connect 1 "no CertificateRequest"
	served "no CertificateRequest" "alert: 40"
	serve
	connect 0 "their server"
	served "their server" "client: TA 1" "data: $(printf hello | hex)"
	serve
	connect 1 "a number again"
	served "a number again" stale
}

for name in client other; do
	openssl ecparam -name prime256v1 -genkey -noout >$name.key
done
openssl pkey -in client.key -pubout >client.pem

associate ta.db theirs.json TA RS
certify ta.db
dk join built.db --key client.key <cert
fluffy-dk connect -s built.db --listen '[::1]:0' --to '[::1]:9' \
	--handshake 1 2>err
if grep -q "built without --with-mbedtls" err; then
	echo "${0##*/}: skipped, fluffy-dk was built without mbed TLS" >&2
	exit 77
fi

rm ta.db theirs.json
associate ta.db theirs.json TA RS
their_server

rm theirs.json
associate ta.json rs.db TA RS
expect 0 "theirs: join" dk join theirs.json <prov >out
python3 -c '
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::1", 0))
print(s.getsockname()[1], flush=True)
while True:
    data, address = s.recvfrom(65536)
    s.sendto(data.upper(), address)' >echo.port &
echo=$!
dk_serve rs.db "$(await echo.port 1p)"
their_client
kill $echo "$server"
wait "$server" || complain "serve: status $?"

finish

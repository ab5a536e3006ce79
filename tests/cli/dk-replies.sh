#!/bin/bash
# Whoever hasn't shown that it gets mail at its address is sent at most three
# times what it sent (RFC 9175), and nothing a second time: an attacker can't
# have the server flood somebody else.
# shellcheck source=tests/cli/dk-lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/dk-lib.sh"
need coap-server-notls coap-client-notls python3

# unproven PORT KIND: how many datagrams and bytes went there and came back
unproven() {
	python3 - "$@" <<'EOT'
import os, select, socket, struct, sys, time

port, kind = int(sys.argv[1]), sys.argv[2]
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.connect(("::1", port))


def hello(number):
    cookie = os.urandom(32) if kind == "cookie" else b""
    body = (b"\xfe\xfd" + os.urandom(32) + b"\0" + bytes([len(cookie)]) + cookie
            + b"\0\4\xc0\xa8\0\xa8" + b"\1\0")
    head = b"\1" + len(body).to_bytes(3, "big") + bytes(2)
    whole = head + bytes(3) + len(body).to_bytes(3, "big") + body
    if kind == "fragment":
        part = body[:20]
        whole = head + bytes(3) + len(part).to_bytes(3, "big") + part
    if kind == "garbage":
        whole = os.urandom(len(whole))
    return struct.pack("!BHHIH", 22, 0xfeff, 0, 0, number)[:11] + struct.pack("!H", len(whole)) + whole


sent = got = answers = 0
for number in range(20):
    sent += sock.send(hello(number))
# longer than a first retransmission would take
end = time.monotonic() + 2.5
while True:
    ready, _, _ = select.select([sock], [], [], max(0, end - time.monotonic()))
    if not ready:
        break
    got += len(sock.recv(65536))
    answers += 1
print(sent, got, answers)
EOT
}

chapter "little is sent to who may be somebody else"
enter replies
anchor
coap_server
serve
for kind in plain cookie fragment garbage; do
	read -r sent got answers < <(unproven "$port" $kind)
	echo "# $kind: 20 datagrams of $sent bytes; $answers of $got bytes came"
	[ "$got" -le $((3 * sent)) ] || fail "$kind: $got bytes for $sent"
	[ "$answers" -le 20 ] || fail "$kind: it is said again and again"
	[ $kind != plain ] || [ "$answers" -gt 0 ] || fail "no answer to a hello"
done
honest
stop "$server"

#!/bin/bash
# AuthorizedPublicKey with DTLS: what goes over the wire, a bad network, and
# everything that a resource server or a client refuses. After each attack an
# honest session opens and works.
# shellcheck source=tests/cli/dk-lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/dk-lib.sh"
need coap-client-notls coap-server-notls jq openssl perl python3

# ---- the parties -------------------------------------------------------------

pair() { # NAME [CURVE]: NAME.key and NAME.pem
	openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${2-P-256}" \
		-out "$1.key" 2>"$err" || fail "genpkey $*"
	openssl pkey -in "$1.key" -pubout -out "$1.pem" 2>"$err"
}

trust() {
	run 0 fluffy-dk trust -s ta.db RS <rs.pem
	shared=$(fluffy-msg --show-keys prov |
		sed -n 's/^ *key: *\([0-9a-f]*\) .*/\1/p')
}

# certified STORE [PAIR]: a new store with a certificate, of number $number
certified() {
	run 0 fluffy-dk certify -s ta.db RS C <"${2-$scratch/phone}.pem" >cert
	number=$(sed -n 's/.*certified number \([0-9]*\) .*/\1/p' "$err")
	rm -f "$1"
	run 0 fluffy-dk join -s "$1" --key "${2-$scratch/phone}.key" <cert
}

# forge STORE PYTHON: its MacCert, after the program changed the parts of it;
# mac = sign() is the trust anchor's MAC, raw all of it
forge() {
	python3 - "$1" "$shared" "$2" 2>"$err" <<-'END' || fail "forge $*"
		import hashlib, hmac, sqlite3, sys
		path, key, program = sys.argv[1:]
		db = sqlite3.connect(path)
		m, rs_key = db.execute(
		    "SELECT maccert, rs_key FROM credential").fetchone()
		def take(n):
		    global m
		    taken, m = m[:n], m[n:]
		    return taken
		def vector(n):
		    return take(int.from_bytes(take(n), "big"))
		spki, ta, number, algorithm = vector(3), vector(1), take(4), take(1)
		mac, tail, raw = vector(1), m, None
		def covered():
		    return (len(spki).to_bytes(3, "big") + spki + bytes([len(ta)])
		        + ta + number + algorithm)
		def sign():
		    return hmac.new(bytes.fromhex(key), covered() + b"\0",
		        hashlib.sha256).digest()
		exec(program)
		if raw is None:
		    raw = covered() + bytes([len(mac)]) + mac + tail
		db.execute("UPDATE credential SET maccert = ?, rs_key = ?",
		    (raw, rs_key))
		db.commit()
	END
}

# gives_up STORE CLIENT-SAYS PORT
gives_up() {
	run 1 timeout 30 fluffy-dk connect -s "$1" --listen '[::1]:0' \
		--to "[::1]:$3"
	expect_err "$2"
}

# refused STORE SERVER-SAYS CLIENT-SAYS [PORT]: and the window stays
refused() {
	mark
	window >before
	gives_up "$1" "$3" "${4-$port}"
	says "$2"
	window >after
	same before after
}

# honest_authz: a session opens, works and ends
honest_authz() {
	certified honest.db
	connect honest.db
	get
	stop "$client"
	run 1 fluffy-dk verify -s rs.db <cert >output
}

pair phone
pair other

# ---- is there anything to test? ----------------------------------------------

enter authz
anchor
trust
certified c.db
fluffy-dk connect -s c.db --listen '[::1]:0' --to '[::1]:9' --handshake 1 \
	2>"$err"
! grep -qF "built without --with-mbedtls" "$err" ||
	skip "fluffy-dk was built without --with-mbedtls"
coap_server
patience=30
serve

# ---- what goes over the wire -------------------------------------------------

chapter "the memo's messages (3.1, 3.2)"
proxy log=wire
connect c.db "$bad"
get
stop "$client"
field cert .maccert >maccert
python3 - wire maccert 2>"$err" <<'END' || fail "not the memo's handshake"
import base64, sys

maccert = base64.urlsafe_b64decode(open(sys.argv[2]).read().strip() + "==")

def handshake(who):
    """The messages that are sent in clear: type and body."""
    for line in open(sys.argv[1]):
        sender, datagram = line[0], bytes.fromhex(line[2:])
        while sender == who and datagram:
            n = 13 + int.from_bytes(datagram[11:13], "big")
            record, datagram = datagram[:n], datagram[n:]
            assert record[1:3] == b"\xfe\xfd", "DTLS 1.2"
            if record[0] == 22 and record[3:5] == b"\0\0":
                assert record[14:17] == record[22:25], "a fragment"
                yield record[13], record[25:]

class View:
    def __init__(self, data):
        self.data = data
    def take(self, n):
        assert n <= len(self.data)
        taken, self.data = self.data[:n], self.data[n:]
        return taken
    def vector(self, n):
        return self.take(int.from_bytes(self.take(n), "big"))

def extensions(data):
    v, found = View(data), {}
    while v.data:
        key = int.from_bytes(v.take(2), "big")
        assert key not in found, "an extension twice"
        found[key] = v.vector(2)
    return found

cookies = []
for kind, body in handshake(">"):
    v = View(body)
    if kind == 1:
        v.take(34), v.vector(1)
        cookies.append(v.vector(1))
        assert v.vector(2)[:4] == b"\xc0\xae\xc0\x2b", "cipher suites"
        assert v.vector(1) == b"\0", "compression"
        asked = extensions(v.vector(2))
        assert not v.data
        assert asked[19] == b"\1\3", "client_certificate_type = AuthzCert"
        assert asked[20] == b"\1\0", "server_certificate_type = X.509"
        assert 35 not in asked, "no tickets"
    if kind == 11:
        assert body == maccert, "a MacCert and nothing else"
kinds = [kind for kind, _ in handshake(">")]
assert kinds == [1, 1, 11, 16, 15], kinds
assert not cookies[0] and cookies[1], "HelloVerifyRequest"

for kind, body in handshake("<"):
    v = View(body)
    if kind == 2:
        v.take(34), v.vector(1)
        assert v.take(3) == b"\xc0\xae\0", "CCM_8"
        answered = extensions(v.vector(2))
        assert answered[19] == b"\3" and answered[20] == b"\0"
    if kind == 11:
        assert body == b"\0\0\0", "an empty certificate_list"
    if kind == 13:
        assert 64 in v.vector(1), "ecdsa_sign"
kinds = [kind for kind, _ in handshake("<")]
assert kinds == [3, 2, 11, 12, 13, 14], kinds
END

# ---- a bad network -----------------------------------------------------------

is_judged() { # FILE...: of each client that says so
	local file
	for file in "$@"; do
		grep -qsE "listening on|refused|error" "$file" || return 1
	done
}

chapter "datagrams are dropped, doubled and late"
clients=()
for seed in 1 2 3 4 5 6; do
	certified "bad$seed.db"
	proxy seed="$seed" drop=20 double=20 late=20
	fluffy-dk connect -s "bad$seed.db" --listen '[::1]:0' \
		--to "[::1]:$bad" 2>"bad$seed" &
	clients+=($!)
done
until_true is_judged bad[1-6] || until_true is_judged bad[1-6]
for seed in 1 2 3 4 5 6; do
	has "bad$seed" "connected to RS"
	stop "${clients[seed - 1]}"
done

chapter "what anybody can send ends no session"
# late copies, broken ClientHellos, nothing, and records of another epoch with
# something behind them
for network in again=300 beside=16fefd0000000000000063000101 \
    beside=16fefd0000000000000063000d0100000100000000000000000100 \
    beside= beside=15fefd000000000000000300010101 \
    beside=17fefd000200000000000300010101; do
	certified late.db
	proxy "$network"
	connect late.db "$bad"
	get
	sleep 0.4
	get
	stop "$client"
done
has_not serve.log "broken off"
honest_authz

# ---- who is refused ----------------------------------------------------------

certified fresh.db

# forged PYTHON SERVER-SAYS [ALERT]
forged() {
	cp fresh.db forged.db
	forge forged.db "$1"
	refused forged.db "$2" "${3-bad certificate}"
	honest_authz
}

chapter "MacCerts that aren't any (3.3)"
forged 'mac = mac[:8]' "expected a MAC of 32 bytes"
forged 'mac += b"\0"' "expected a MAC of 32 bytes"
forged 'mac = b""' "expected a MAC of 32 bytes"
forged 'mac = bytes([mac[0] ^ 1]) + mac[1:]' "isn't the trust anchor's"
forged 'number = b"\0\0\0\x77"' "isn't the trust anchor's"
forged 'algorithm = b"\2"; mac = sign()' "hmac_sha256"
forged 'tail = b"\0"' "behind the MAC"
forged 'raw = b"\0"' "the public key is empty or cut off"
forged 'raw = bytes(3)' "the public key is empty or cut off"
forged 'raw = b"\xff" * 1400' "the public key is empty or cut off"
forged 'ta = b"TB"; mac = sign()' 'no trust anchor "TB"'
forged 'ta = b""; mac = sign()' "name is empty or cut off"
forged 'number = bytes(4); mac = sign()' "number 0 was used"

chapter "public keys that aren't any (3.3)"
forged 'spki = spki[:-1]; mac = sign()' "not a SubjectPublicKeyInfo"
forged 'spki += b"\0"; mac = sign()' "something behind it"
forged 'spki = spki[:-1] + bytes([spki[-1] ^ 1]); mac = sign()' \
	"not a SubjectPublicKeyInfo"
forged 'spki = b""; mac = sign()' "the public key is empty or cut off"
# a good one, but nothing is proved with it in this DTLS
forged 'spki = bytes.fromhex("302a300506032b6570032100" + "d75a980182b10ab7d54'\
'bfed3c964073a0ee172f3daa62325af021a68f707511a"); mac = sign()' \
	"public key" "unsupported certificate"

chapter "the MacCert of one client, the private key of another"
certified other.db "$scratch/other"
cp fresh.db thief.db
forge thief.db "raw = sqlite3.connect('other.db').execute(
    'SELECT maccert FROM credential').fetchone()[0]"
refused thief.db "hasn't proved its key" "decrypt error"
connect other.db
get
stop "$client"
says "open: number $number by TA"

chapter "a MacCert is used once"
certified first.db
cp first.db second.db
cp first.db third.db
connect first.db
refused second.db "$number" "bad certificate"
get
stop "$client"
refused third.db "$number" "bad certificate"
honest_authz

chapter "four at once: one wins"
certified one.db
clients=()
for name in one two three four; do
	[ $name = one ] || cp one.db $name.db
done
for name in one two three four; do
	fluffy-dk connect -s $name.db --listen '[::1]:0' --to "[::1]:$port" \
		2>$name &
	clients+=($!)
done
until_true is_judged one two three four || fail "not all are judged"
equal "$(cat one two three four | grep -c "connected to RS")" 1
equal "$(cat one two three four | grep -c "number $number is refused")" 3
kill "${clients[@]}" 2>/dev/null
wait "${clients[@]}"

chapter "revoked, and too old"
certified revoked.db
run 0 fluffy-dk revoke -s ta.db RS "$number" >revoke
run 0 fluffy-dk accept -s rs.db <revoke
refused revoked.db "$number" "bad certificate"
certified old.db
old=$number
for ((i = 0; i < 64; i++)); do
	run 0 fluffy-dk certify -s ta.db RS C <"$scratch/phone.pem" >/dev/null
done
honest_authz
refused old.db "$old" "bad certificate"
honest_authz

# ---- whom a client refuses ---------------------------------------------------

chapter "servers that aren't the one"
certified fresh.db
cp fresh.db fooled.db
openssl pkey -pubin -in "$scratch/other.pem" -outform DER -out other.der
forge fooled.db 'rs_key = open("other.der", "rb").read()'
refused fooled.db "decrypt error" "another key"

# both extensions renamed on their way, and a certificate where none belongs
proxy swap=0013000103/0063000103
refused fresh.db "unsupported certificate" "doesn't take AuthzCert" "$bad"
proxy swap=0014000100/0063000100
refused fresh.db "unsupported certificate" "doesn't take AuthzCert" "$bad"
old=000f0b0000030002000000000003000000
new=00130b00000700020000000000070000040000010a
proxy "swap=$old/$new"
refused fresh.db "unsupported certificate" "certificate_list isn't empty" "$bad"

chapter "a server that knows X.509 alone"
openssl req -x509 -key "$scratch/other.key" -subj /CN=RS -days 1 -out x509 \
	2>"$err" || fail "no certificate"
port509=$(free_port)
openssl s_server -6 -dtls1_2 -accept "[::1]:$port509" -cert x509 \
	-key "$scratch/other.key" -quiet >s_server.log 2>&1 &
sleep 0.3
gives_up fresh.db "doesn't take AuthzCert" "$port509"

chapter "a client that doesn't offer AuthzCert"
proxy swap=001300020103/001300020102
gives_up fresh.db "" "$bad"
connect fresh.db
get
stop "$client"

# ---- both modes --------------------------------------------------------------

chapter "both modes at one port, at one time"
join_new derived.db
certified authorized.db
connect derived.db
derived=$client derived_at=$local
connect authorized.db
for _ in 1 2 3; do
	get "$derived_at"
	get
done
stop "$derived"
get
stop "$client"
stop "$server"

# ---- limits ------------------------------------------------------------------

chapter "other curves, and the longest name of a trust anchor"
enter limits
pair rs P-384
pair client P-521
run 0 fluffy-dk provision -s ta.db --ta "$(printf %0112d 1)" RS >prov
run 0 fluffy-dk join -s rs.db --key rs.key <prov >rs.pem
trust
certified c.db client
serve
connect c.db
get
stop "$server"
until_says connect.log closed
stop "$client"

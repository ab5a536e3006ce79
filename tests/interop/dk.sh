#!/bin/bash
# The trust anchor and the resource server of DerivedKey and
# AuthorizedPublicKey, each played by either implementation, in both
# encodings: keys, certificates, revocations, and what both refuse.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/roles.sh
. "$(dirname "$0")/roles.sh"
cd "$scratch" || exit 99

# revoked TA RS NAME-OF-RS NUMBER ENCODING
revoked() {
	expect 0 "$1: revoke" dk revoke "$1" "$3" "$4" "$5" >revoke
	looks_like "$5" revoke "$1: revoke"
	expect 0 "$2: accept" dk accept "$2" <revoke >out
}

# derived TA RS NAME-OF-RS CLIENT ENCODING: the same key at all three, until
# its number is revoked.
derived() {
	local nonce key

	expect 0 "$1: issue" dk issue "$1" "$3" "$4" "$5" >cred
	looks_like "$5" cred "$1: issue"
	# The nonce last: it may have spaces.
	read -r _ key nonce < <(dk_ref client <cred)
	[ -n "$nonce" ] || complain "$1: no nonce"
	expect 0 "client: join" fluffy-dk join -q -s client.db <cred >out
	expect 0 "$2: derive $nonce" dk derive "$2" "$nonce" >derived
	[ "$(cat derived)" = "$key" ] || complain "$2: $nonce: another key"
	revoked "$1" "$2" "$3" "${nonce##*.}" "$5"
	expect 1 "$2: derive $nonce, revoked" dk derive "$2" "$nonce" >derived
	nothing derived "$2: derive $nonce, revoked"
}

# certified TA RS NAME-OF-RS CLIENT ENCODING: a certificate that is valid at
# the server, with the document and without, until its number is revoked.
certified() {
	local cert key number

	expect 0 "$1: certify" dk certify "$1" "$3" "$4" "$5" <client.pem >cert
	looks_like "$5" cert "$1: certify"
	read -r _ cert key < <(dk_ref client <cert)
	[ "$key" = "$(openssl pkey -pubin -in rs.pem -outform DER | hex)" ] ||
		complain "$1: not the resource server's public key"
	expect 0 "client: join" fluffy-dk join -q -s client.db --key client.key \
		<cert >out
	expect 0 "$2: verify" dk verify "$2" <cert >out
	echo "$cert" | unhex >bare
	expect 0 "$2: verify, bare" dk verify "$2" <bare >out
	number=$((16#${cert: -76:8}))
	revoked "$1" "$2" "$3" "$number" "$5"
	expect 1 "$2: verify, revoked" dk verify "$2" <bare >out
}

# both ENCODING BITS NAME-OF-TA NAME-OF-RS CLIENT: one counter for both modes.
both() {
	local roles

	for roles in "ta-ours.db rs-theirs.json" "ta-theirs.json rs-ours.db"; do
		rm -f ${roles#* } ${roles% *} client.db
		# Two words.
		# shellcheck disable=SC2086
		{
			associate $roles "$3" "$4" --bits "$2" "$1"
			derived $roles "$4" "$5" "$1"
			certified $roles "$4" "$5" "$1"
		}
	done
}

# A server with two trust anchors, a new key, and documents that aren't for it.
provisioning() {
	local ta=$1 rs=$2 tb=other-$1 key

	rm -f "$ta" "$rs"
	expect 0 "$ta: provision" dk provision "$ta" RS >first
	expect 0 "$rs: join" dk join "$rs" <first >out
	expect 0 "$tb: provision" dk provision "$tb" RS --ta TB >prov
	expect 0 "$rs: join TB" dk join "$rs" <prov >out
	expect 0 "$ta: issue" dk issue "$ta" RS C >cred
	read -r _ key _ < <(dk_ref client <cred)

	expect 1 "$rs: join again" dk join "$rs" <first >out
	edit 'm["rs"] = "RT"' <prov >other
	expect 1 "$rs: join as another" dk join "$rs" <other >out
	expect 0 "$tb: issue" dk issue "$tb" RS C >out
	expect 0 "$tb: revoke" dk revoke "$tb" RS 1 --json >revoke
	edit 'm["ta"] = "TA"' <revoke >other
	expect 1 "$rs: accept TB's as TA's" dk accept "$rs" <other >out
	expect 0 "$rs: accept TB's" dk accept "$rs" <revoke >out
	expect 1 "$rs: derive TB's" dk derive "$rs" DK.TB.C.1 >out
	expect 0 "$rs: derive TA's" dk derive "$rs" DK.TA.C.1 >out
	[ "$(cat out)" = "$key" ] || complain "$rs: another key"

	expect 0 "$ta: revoke" dk revoke "$ta" RS 1 >revoke
	expect 0 "$ta: provision again" dk provision "$ta" RS >prov
	expect 0 "$rs: join the next" dk join "$rs" <prov >out
	expect 1 "$rs: join the one before" dk join "$rs" <first >out
	expect 1 "$rs: accept of the one before" dk accept "$rs" <revoke >out
	expect 0 "$ta: issue again" dk issue "$ta" RS C >cred
	expect 0 "$rs: derive again" dk derive "$rs" DK.TA.C.1 >derived
	[ "psk $(cat derived) DK.TA.C.1" = "$(dk_ref client <cred)" ] ||
		complain "$rs: not the new key"
}

# What can be known beforehand.
known_answers() {
	local store

	echo 000102030405060708090a0b0c0d0e0f >short
	echo 000102030405060708090A0B0C0D0E0F >capitals
	echo 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f \
		>whole
	for store in known-ours.db known-theirs.json; do
		known "$store" short 08a7b34b3c5ad23650f4c6a0e4ad83c2
		known "$store" capitals 08a7b34b3c5ad23650f4c6a0e4ad83c2
		known "$store" whole "$(openssl kdf -keylen 32 \
			-kdfopt digest:SHA256 -kdfopt hexsecret:"$(cat whole)" \
			-kdfopt seed:DK.TA.C.1 TLS1-PRF | tr -d ':\n' |
			tr A-F a-f)"
	done
}

# known STORE FILE-OF-KEY KEY
known() {
	local key

	rm -f "$1" known-rs.*
	expect 0 "known: provision" dk provision "$1" RS --import "$2" >prov
	expect 0 "known: join" dk join "known-rs.${1##*.}" <prov >rs.pem
	expect 0 "known: trust" dk trust "$1" RS <rs.pem
	expect 0 "known: issue" dk issue "$1" RS C --json >cred
	[ "$(dk_ref client <cred)" = "psk $3 DK.TA.C.1" ] ||
		complain "$1: not the key of $2"
	[ "$(dk derive "known-rs.${1##*.}" DK.TA.C.1)" = "$3" ] ||
		complain "$1: derives another key"
	expect 0 "known: certify" dk certify "$1" RS C <client.pem >cert
	read -r _ key _ < <(dk_ref client <cert)
	[ ${#key} = 270 ] || complain "$1: a MacCert of ${#key} digits"
	[ "${key: -64}" = "$(mac "$2" "${key:: -66}00")" ] ||
		complain "$1: not the MAC of $2"
}

# mac FILE-OF-KEY HEX: as openssl makes it.
mac() {
	echo "$2" | unhex | openssl mac -digest SHA256 \
		-macopt hexkey:"$(cat "$1")" HMAC | tr A-F a-f
}

# A public key in each form is the same in the certificate.
key_forms() {
	local ta form cert

	openssl pkey -pubin -in client.pem -outform DER >client.der
	tail -c 64 client.der | head -c 32 >x
	tail -c 32 client.der >y
	printf '{"kty":"EC","crv":"P-256","x":"%s","y":"%s"}' \
		"$(base64url <x)" "$(base64url <y)" >client.jwk
	{
		printf '\xa4\x01\x02\x20\x01\x21\x58\x20'
		cat x
		printf '\x22\x58\x20'
		cat y
	} >client.cose
	for ta in known-ours.db known-theirs.json; do
		for form in pem der jwk cose; do
			expect 0 "$ta: $form" dk certify "$ta" RS C \
				<client.$form >cert
			read -r _ cert _ < <(dk_ref client <cert)
			[ "${cert:6:182}" = "$(hex client.der)" ] ||
				complain "$ta: $form: another key"
		done
	done
}
base64url() {
	base64 -w 0 | tr -d = | tr +/ -_
}

# The reference's verdicts on nonces, certificates and revocations, and its
# derived keys, are ours too.
verdicts() {
	local ours=$1 theirs=$2 status verb what input answer nonce count=0

	dk_ref cases -s "$theirs" TA >cases
	while IFS=$'\t' read -r status verb what input answer; do
		what="$verb: $what: $input"
		echo "$input" | unhex >input
		if [ "$verb" = derive ]; then
			mapfile -d '' nonce <input
			expect "$status" "$what" dk derive "$ours" \
				"${nonce[0]}" >out </dev/null
			[ "$(cat out)" = "$answer" ] ||
				complain "$what: another key"
		else
			expect "$status" "$what" dk "$verb" "$ours" \
				<input >out
		fi
		count=$((count + 1))
	done <cases
	[ $count -gt 100 ] || complain "only $count cases"
}

# window_of STORE: the right edge, then whatever is used and not left of the
# window, as the reference tells it.
window_of() {
	fluffy-dk window -s "$1" --json | python3 -c '
import json, sys
(row,) = json.load(sys.stdin)
edge, size = row["number"], row["window"]
used = {edge - i for i, bit in enumerate(row["bits"]) if bit == "1"}
used |= {n for n in row["revoked"] if n > edge - size}
print(*[edge] + sorted(used))'
}

# session NUMBER: with the server at $port
session() {
	timeout 10 openssl s_client -dtls1_2 -connect "[::1]:$port" \
		-psk_identity "DK.TA.C.$1" -psk "$(derived_key "DK.TA.C.$1")" \
		</dev/null >out 2>&1
}
# derived_key NONCE: from the key in "short", by openssl
derived_key() {
	openssl kdf -keylen 16 -kdfopt digest:SHA256 \
		-kdfopt hexsecret:"$(cat short)" -kdfopt seed:"$1" TLS1-PRF |
		tr -d ':\n'
}

# windows OURS THEIRS: after each session and each revocation theirs, which is
# made of sets, and ours are the same.
windows() {
	local ours=$1 theirs=$2 step i

	dk_serve "$ours" 9
	for step in 0:1 1:1 0:100 1:36 0:37 1:37 0:99 0:101 0:165 1:101 0:102; do
		took "${step#*:}" "${step%:*}"
	done
	RANDOM=5
	for ((i = 0; i < 12; i++)); do
		step=$(($(cut -d ' ' -f 1 theirs) - 70 + RANDOM % 100))
		case $i in
		*[147]) revocation $step ;;
		*) took $step ;;
		esac
	done
	kill "$server"
	wait "$server" || complain "serve: status $?"
}

# took NUMBER [STATUS], revocation NUMBER: at both, as windows calls them.
took() {
	local status=0

	dk take "$theirs" TA "$1" >out 2>err || status=$?
	[ $status != 0 ] || mv out theirs
	[ "$status" = "${2-$status}" ] || complain "take $1: theirs: $status"
	expect "$status" "take $1" session "$1"
	window_of "$ours" >ours
	same ours theirs "take $1: $(paste -d '|' ours theirs)"
}
revocation() {
	dk revoke window-ta.json RS "$1" >revoke
	expect 0 "revoke $1: theirs" dk accept "$theirs" <revoke >theirs
	expect 0 "revoke $1" dk accept "$ours" <revoke
	window_of "$ours" >ours
	same ours theirs "revoke $1: $(paste -d '|' ours theirs)"
}

openssl ecparam -name prime256v1 -genkey -noout >client.key
openssl pkey -in client.key -pubout >client.pem
uuid=6ba7b810-9dad-41d1-80b4-00c04fd430c
ten=nnnnnnnnnn
fifty=$ten$ten$ten$ten$ten
both --cbor 128 TA RS C
both --json 256 TA RS a.phone.2.DK.
both --json 128 ${uuid}1 ${uuid}2 ${uuid}3
both --cbor 256 "l'été €" "\"🔒\"" "📱 . ."
# 128 bytes of a nonce, 255 of any other name.
both --json 256 $fifty$fifty${ten}nn $fifty$fifty$fifty$fifty${fifty}nnnnn $ten
both --cbor 128 T R $fifty$fifty$ten${ten}n
provisioning ta-ours.db rs-theirs.json
provisioning ta-theirs.json rs-ours.db
known_answers
key_forms
associate cases-ta.json cases.db TA RS
expect 0 "cases: join" dk join cases.json <prov >out
verdicts cases.db cases.json
associate window-ta.json window.db TA RS --import short
expect 0 "window: join" dk join window.json <prov >out
windows window.db window.json

finish

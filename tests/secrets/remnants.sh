#!/bin/bash
# What is left of keys. After each tour through the programs no key is in what
# remained of their memory (remains.c: freed heap, and all of it at the end, with
# arguments and environment), in what they said with -v, and, once deleted, in
# the stores' files.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl
preload=${builddir-}/tests/secrets/.libs/remains.so
scan=${builddir-}/tests/secrets/scan
if ! [ -e "$preload" ] || ! [ -x "$scan" ]; then
	skip "remains.so or scan isn't built"
fi
! sanitized || skip "a sanitizer keeps what is freed"
# it would overwrite what is looked for
unset MALLOC_PERTURB_ MALLOC_CHECK_
export REMAINS=$scratch/remains LD_PRELOAD=$preload
mkdir "$REMAINS"
errors=text

# As lib.sh's, but every program tells what it does, and that is kept.
run() {
	local want=$1 got=0 command
	shift
	command=("$@")
	case $1 in
	fluffy-skdc | fluffy-estb | fluffy-req | fluffy-msg)
		command=("$1" -v --errors "$errors" "${@:2}")
		;;
	fluffy-*)
		command=("$1" "$2" -v --errors "$errors" "${@:3}")
		;;
	esac
	"${command[@]}" 2>"$err" || got=$?
	cat "$err" >>"$scratch/said"
	judge "$want" "$got" "${command[@]}"
}

# ---- which keys there are ----------------------------------------------------

# key NAME HEX: one that nothing may be left of
key() {
	[ ${#2} -ge 32 ] || fail "no key $1: '$2'"
	echo "$1 $2" >>"$scratch/keys"
}

# deleted NAME HEX STORE...: when the tour ends it is in none of these
deleted() {
	local store
	for store in "${@:3}"; do
		echo "$1 $2" >>"$scratch/deleted.$store"
	done
}

# in_message FILE FILTER: of that member of it, base64url
in_message() {
	fluffy-msg --to json --show-keys "$1" | in_base64 "$2"
}

in_base64() { # FILTER
	jq -r "$1" | perl -MMIME::Base64 -ne \
		'tr,-_,+/,; print unpack("H*", decode_base64($_))'
}

# newest STORE: $keyid is its newest key's
newest() {
	keyid=$(fluffy-key list -s "$1.db" | grep -E '^(session|pair)' |
		grep -oE '\b[0-9a-f]{16}\b' | tail -n 1)
}

# hex_of_secret STORE: the newest secret key, from the enrolment
hex_of_secret() {
	fluffy-key list -s "$1" | awk '/^secret.* current/ { print $3 }' |
		xargs fluffy-key export -s "$1" --as hex
}

# private ALG KEYID: learns the sensor's private key
private() {
	local member=d
	for member in d p q dp dq qi; do
		fluffy-key export -s sensor.db --as jwk "$2" >pair
		hex=$(in_base64 ".$member // empty" <pair)
		[ -z "$hex" ] || key "$1-$member" "$hex"
	done
}

# flipped FILE: with another last byte
flipped() {
	edit "$1" '.receipt.ciphertext |= (if endswith("A") then .[:-1] + "Q"
		else .[:-1] + "A" end)'
}

# session NAME STORE KEYID: learns it; $hex
session() {
	hex=$(key_of "$2.db" "$3")
	key "$1" "$hex"
}

# ---- looking -----------------------------------------------------------------

# clean: the tour is over
clean() {
	"$scan" "$scratch/keys" "$REMAINS"/* >"$scratch/found" ||
		found "memory"
	"$scan" "$scratch/keys" "$scratch/said" >"$scratch/found" ||
		found "messages"
	for keys in "$scratch"/deleted.*; do
		[ -e "$keys" ] || continue
		"$scan" "$keys" "${keys#*/deleted.}"* >"$scratch/found" ||
			found "stores"
	done
	rm -f "$REMAINS"/* "$scratch"/{said,keys} "$scratch"/deleted.*
}

found() {
	sed "s,$REMAINS/,," "$scratch/found" | sed 's/\.[0-9]*:/:/' | sort |
		uniq -c >"$err"
	fail "keys are left in $1"
}

# ---- tours -------------------------------------------------------------------

# enrolled NAME: joins, and its secret key is known
enrolled() {
	run 0 fluffy-key enrol -s skdc.db --"$enc" "$1" >document
	run 0 fluffy-key join -s "$1.db" <document
	key "secret-of-$1" "$(in_message document .keydata.key)"
	rm document
}

# start VERB OPTION...: of fluffy-dk, in the background; says VERB.log
start() {
	fluffy-dk "$1" -v "${@:2}" 2>"$1.log" &
	within "$1.log" "listening on"
}

within() { # FILE TEXT: at most a minute
	local i
	for ((i = 0; i < 3000; i++)); do
		! grep -qF "$2" "$1" || return 0
		sleep 0.02
	done
	fail "$1 doesn't say '$2': $(cat "$1")"
}

town() { # DIRECTORY
	enter "$1"
	run 0 fluffy-key init -s skdc.db --realm home skdc
	enrolled sensor
	enrolled lock
}

chapter "what is left is found"
hex=00112233445566778899aabbccddeeff
key planted $hex
# shellcheck disable=SC2016 # Perl's
(exec -a fluffy-leak perl -e '$key = pack("H*", shift);
	$freed = "." x 100 . $key; undef $freed; warn unpack("H*", $key)' $hex) \
	2>"$scratch/said"
"$scan" "$scratch/keys" "$REMAINS"/* "$scratch/said" >"$scratch/found" &&
	fail "nothing was found"
has "$scratch/found" "planted raw, freed by"
has "$scratch/found" "planted raw, at the end in [heap]"
has "$scratch/found" "planted in hex, at the end in [stack]"
has "$scratch/found" "planted in hex, in the file"
rm "$REMAINS"/* "$scratch"/{said,keys}

for enc in cbor json; do
	errors=text
	[ $enc = cbor ] || errors=json

	chapter "an exchange, $enc"
	town "psk-$enc"
	exchange
	run 0 fluffy-estb -s sensor.db <ack >end
	newest sensor
	session session sensor "$keyid"
	for as in keydata jwk cose-key openssl-psk; do
		run 0 fluffy-key export -s lock.db --as $as "$keyid" >exported
	done
	for as in text json diag; do
		run 0 fluffy-msg --to $as -s skdc.db -s sensor.db -s lock.db \
			--show-keys req rep estb ack >shown
	done
	flipped rep >bad
	run 1 fluffy-estb -s sensor.db <bad >end
	clean

	chapter "a rotation, $enc"
	run 0 fluffy-key rotate -s skdc.db --"$enc" sensor >enrol
	key secret-new "$(in_message enrol .keydata.key)"
	old=$(hex_of_secret sensor.db)
	key secret-old "$old"
	run 0 fluffy-key join -s sensor.db <enrol
	exchange # the SKDC drops the old one
	deleted secret-old "$old" skdc.db
	clean

	chapter "removal, $enc"
	key secret "$(hex_of_secret lock.db)"
	deleted secret "$(hex_of_secret lock.db)" skdc.db
	run 0 fluffy-key remove -s skdc.db lock
	clean

	chapter "a group, $enc"
	town "group-$enc"
	group request group.req lock doors --members sensor
	serve 0 group.req group.rep
	run 0 fluffy-gsk accept -s lock.db <group.rep >taken
	group fetch group.req sensor doors
	serve 0 group.req group.rep
	run 0 fluffy-gsk accept -s sensor.db <group.rep >taken
	newest lock
	session group lock "$keyid"
	deleted group "$hex" skdc.db lock.db sensor.db
	group delete delt lock doors
	serve 0 delt delts
	run 0 fluffy-del accept -s sensor.db <delts >delc
	serve 0 delc last
	run 0 fluffy-gsk accept -s lock.db <last >taken
	clean

	chapter "deletion, $enc"
	exchange
	run 0 fluffy-estb -s sensor.db <ack >end
	newest sensor
	session session sensor "$keyid"
	deleted session "$hex" sensor.db lock.db
	run 0 fluffy-del request -s skdc.db --"$enc" "$keyid" >delts
	run 0 fluffy-del accept -s sensor.db <delts >delc
	serve 0 delc end
	run 0 fluffy-del pending -s skdc.db --resend --"$enc" >delts
	run 0 fluffy-del accept -s lock.db <delts >delc
	serve 0 delc end
	clean

	chapter "key pairs, $enc"
	for alg in "EC ES256" "OKP EdDSA" "RSA PS256"; do
		run 0 fluffy-pkp request -s sensor.db --"$enc" --kty "${alg% *}" \
			--alg "${alg#* }" --for lock >req
		serve 0 req rep
		run 0 fluffy-pkp accept -s sensor.db <rep >estb
		run 0 fluffy-estb -s lock.db <estb >end
		newest sensor
		private "${alg#* }" "$keyid"
		for as in keydata jwk cose-key pem der; do
			run 0 fluffy-key export -s sensor.db --as $as "$keyid" \
				>exported
		done
		run 0 fluffy-del request -s skdc.db --"$enc" "$keyid" >delts
		run 0 fluffy-del accept -s sensor.db <delts >delc
	done
	clean

	chapter "derived keys, $enc"
	enter "dk-$enc"
	run 0 fluffy-dk provision -s ta.db --"$enc" door >prov
	key k-rs-ta "$(in_message prov .keydata.key)"
	run 0 fluffy-dk join -s rs.db <prov >rs.pem
	run 0 fluffy-dk trust -s ta.db door <rs.pem
	run 0 fluffy-dk issue -s ta.db --"$enc" door phone >cred
	key k-rs-c "$(in_message cred .key)"
	run 0 fluffy-dk join -s phone.db <cred
	run 0 fluffy-dk derive -s rs.db --show-keys \
		"$(field cred '."psk-identity"')" >derived
	run 0 fluffy-dk certify -s ta.db --"$enc" door phone <rs.pem >cert
	run 0 fluffy-dk verify -s rs.db <cert >verdict
	run 0 fluffy-dk revoke -s ta.db --"$enc" door 1 >revoked
	run 0 fluffy-dk accept -s rs.db <revoked
	old=$(in_message prov .keydata.key)
	run 0 fluffy-dk provision -s ta.db --"$enc" door >prov
	key k-rs-ta-new "$(in_message prov .keydata.key)"
	run 0 fluffy-dk join -s rs.db <prov >rs.pem
	deleted k-rs-ta "$old" ta.db rs.db
	clean

	chapter "a DTLS session, $enc"
	run 0 fluffy-dk issue -s ta.db --"$enc" door phone >cred
	key k-rs-ta-new "$(in_message prov .keydata.key)"
	key k-rs-c "$(in_message cred .key)"
	run 0 fluffy-dk join -s session.db <cred
	start serve -s rs.db --listen "[::1]:0" --forward "[::1]:9" \
		--handshake 60
	server=$!
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' serve.log)
	start connect -s session.db --listen "[::1]:0" --to "[::1]:$port" \
		--handshake 60
	within connect.log "connected to"
	within serve.log "open: client phone"
	kill $! "$server"
	wait $! "$server"
	cat serve.log connect.log >>"$scratch/said"
	clean
done

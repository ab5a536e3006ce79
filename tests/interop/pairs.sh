#!/bin/bash
# Key pairs of every kind with each of the three roles played by either
# implementation, in both encodings, with certificates and without.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/roles.sh
. "$(dirname "$0")/roles.sh"
cd "$scratch" || exit 99

# public STORE KEYID, private STORE KEYID: the modulus or x of a pair, or of
# another's public key, and d, as base64url.
public() {
	case $1 in
	*.db) jwk "$1" "$2" | sed 's/.*"[nx]":"\([^"]*\)".*/\1/' ;;
	*) ref keys -s "$1" "$2" | cut -d ' ' -f 3 | base64url ;;
	esac
}
private() {
	case $1 in
	*.db) jwk "$1" "$2" | sed 's/.*"d":"\([^"]*\)".*/\1/' ;;
	*) ref keys -s "$1" "$2" | cut -d ' ' -f 4 | base64url ;;
	esac
}
jwk() {
	fluffy-key export -s "$1" --as jwk "$2" | tr -d ' \n'
}
base64url() {
	perl -ne 'chomp; print pack("H*", $_)' | base64 -w 0 | tr -d = | tr +/ -_
}

# new_id STORE: the one keyid that wasn't there at the last call.
new_id() {
	touch "$1.ids"
	case $1 in
	*.db) listed "$1" ;;
	*) ref keys -s "$1" | cut -d ' ' -f 2 | sort ;;
	esac >"$1.now"
	comm -13 "$1.ids" "$1.now"
	mv "$1.now" "$1.ids"
}

# ask SKDC CLIENT WHAT OPTIONS...: as far as pkp.rep
ask() {
	local skdc=$1 client=$2 what=$3
	shift 3
	expect 0 "$what: request" pkp_request "$client" "$@" >pkp.req
	expect 0 "$what: skdc" skdc "$skdc" <pkp.req >pkp.rep
	are pkp.rep PKP-REP 1 "$what"
}

# accept CLIENT WHAT: pkp.rep; $id is the pair's keyid, an answer is in out.
accept() {
	new_id "$1" >/dev/null
	expect 0 "$2: accept" pkp_accept "$1" --cert ca.pem <pkp.rep >out
	id=$(new_id "$1")
	[[ $id =~ ^[0-9a-f]{16}$ ]] ||
		complain "$2: not one new pair but \"$id\""
	[ -n "$(private "$1" "$id")" ] || complain "$2: no private half"
}

# alone SKDC CLIENT KTY ALG ENCODING OPTIONS...: a pair that nobody hears of
alone() {
	local skdc=$1 client=$2 encoding=$5 what="$1 $2 $3 $4 $5 alone"
	ask "$skdc" "$client" "$what" --kty "$3" --alg "$4" "${@:5}"
	looks_like "$encoding" pkp.rep "$what"
	accept "$client" "$what"
	nothing out "$what"
}

# pair SKDC CLIENT SERVICE KTY ALG ENCODING OPTIONS...
pair() {
	local skdc=$1 client=$2 service=$3 kty=$4 alg=$5 encoding=$6
	local what="$1 $2 $3 $4 $5 $6"
	ask "$skdc" "$client" "$what" --kty "$kty" --alg "$alg" \
		--for "${service%.*}" "${@:6}"
	accept "$client" "$what"
	mv out estb.msg
	are estb.msg PSK-ESTB 1 "$what"
	looks_like "$encoding" estb.msg "$what"
	expect 0 "$what: estb" estb "$service" <estb.msg >out
	nothing out "$what: estb"
	[ "$(public "$client" "$id")" = "$(public "$service" "$id")" ] ||
		complain "$what: not the same public key"
}

# again SKDC CLIENT SERVICE ALG: the last pair's messages once more; what was
# signed doesn't serve for another.
again() {
	local skdc=$1 client=$2 service=$3 alg=$4 what="$1 $2 $3 $4: again"
	local bit elsewhere=1
	refuses replay "$what: PKP-REQ" "$skdc" <pkp.req
	expect 1 "$what: PKP-REP" pkp_accept "$client" <pkp.rep >out
	case $alg in
	ECDH*) # nothing but the miniticket proves anything here
		expect 0 "$what: PSK-ESTB" estb "$service" <estb.msg >out
		edit 'm["authenticator"] = {"protected": "oQEK", "ciphertext":
			"AAAAAAAAAAAAAAAAAAAA", "unprotected": {"iv":
			"AAAAAAAAAAAAAAAAAA"}}' <estb.msg >moved
		;;
	*)
		expect 1 "$what: PSK-ESTB" estb "$service" <estb.msg >error
		says replay error "$what: PSK-ESTB"
		edit 'del m["authenticator"]' <estb.msg >moved
		;;
	esac
	expect 1 "$what: authenticator" estb "$service" <moved >error
	says auth-failed error "$what: authenticator"
	edit 'm["cname"] = "service-ours"' <estb.msg >moved
	expect 1 "$what: another's name" estb "$service" <moved >error
	says auth-failed error "$what: another's name"
	for bit in 99 1000 1500 2001; do
		flipped $bit estb.msg >moved
		estb "$service" <moved >out 2>err && elsewhere=0
	done
	[ $elsewhere = 1 ] || complain "$what: a changed bit is accepted"
	expect 1 "$what: at the client" estb "$client" <estb.msg >error
	says auth-failed error "$what: at the client"
}

# deletion SKDC CLIENT SERVICE: of the last pair, at both ends
deletion() {
	local skdc=$1 client=$2 service=$3 what="$1 $2 $3: deletion" device
	expect 0 "$what" del_request "$skdc" "$id" >psks
	are psks PSK-DELT 2 "$what"
	for device in $client $service; do
		only "${device%.*}" --cbor <psks >psk.delt
		expect 0 "$what: $device" del_accept "$device" \
			<psk.delt >psk.delc
		[ -z "$(public "$device" "$id" 2>err)" ] ||
			complain "$what: $device still has $id"
		expect 0 "$what: PSK-DELC" skdc "$skdc" <psk.delc >out
		nothing out "$what: PSK-DELC"
	done
	expect 1 "$what: late" estb "$service" <estb.msg >error
	says no-such-key error "$what: late"
}

refusals() {
	local skdc=$1 client=$2 what="$1 $2: refusals"
	local curve=(--kty EC --alg ES256)
	expect 0 "$what" pkp_request "$client" "${curve[@]}" --cert >pkp.req
	refuses no-ca "$what" "$skdc" <pkp.req
	expect 1 "$what: its ERROR" pkp_accept "$client" <error >out
	expect 0 "$what" pkp_request "$client" "${curve[@]}" --for no >pkp.req
	refuses unknown-service "$what" "$skdc" <pkp.req
	expect 0 "$what" ref pkp-request -s client-theirs.json --kty OKP \
		--alg 99,ES256,A128GCM >pkp.req
	refuses bad-etype "$what" "$skdc" <pkp.req
	expect 0 "$what" ref pkp-request -s client-theirs.json --kty SYMM \
		--alg A128GCM >pkp.req
	refuses bad-etype "$what" "$skdc" <pkp.req
}

# A signature beside a shared key.
signed() {
	local skdc=$1 service=$2 what="$1 $2: Sign1"
	expect 0 "$what" req client-theirs.json "${service%.*}" >req.msg
	expect 0 "$what" skdc "$skdc" <req.msg >rep.msg
	expect 0 "$what" estb client-theirs.json <rep.msg >estb.msg
	edit 'm["authenticator"] = {"protected": "oQEm", "unprotected": {},
"payload": "pAlkaG9tZQptY2xpZW50LXRoZWlycw9EMTIzNBgYGmVTo0A",
"signature": "A" * 86}' <estb.msg >moved
	estb "$service" <moved >error 2>err
	says malformed error "$what"
}

expect 0 "a CA" ref init -s spare.json spare
expect 0 "a CA" ref ca -s spare.json --cert ca.pem --key ca.key

# What is asked for in turn.
encodings=(--cbor --json)
options=('' '--cert' '--cert --cert-chain')
turn=0
next_turn() {
	turn=$((turn + 1))
	encoding=${encodings[turn % 2]}
	read -ra extra <<<"${options[turn % 3]}"
}

few="EC:ES256 OKP:ECDH-ES+HKDF-256"
all="$few EC:ES384 EC:ES512 EC:ECDH-ES+HKDF-256 OKP:EdDSA RSA:PS256"

for skdc in skdc-ours.db skdc-theirs.json; do
	realm $skdc client service
	for role in ours.db theirs.json; do
		refusals $skdc client-$role
		signed $skdc service-$role
	done
	expect 0 "CA" ca $skdc --cert ca.pem --key ca.key
	for client in client-ours.db client-theirs.json; do
		next_turn
		alone $skdc $client OKP EdDSA "$encoding" "${extra[@]}"
		for service in service-ours.db service-theirs.json; do
			# One implementation with itself isn't interoperating.
			case $skdc$client$service in
			*ours*ours*ours* | *theirs*theirs*theirs*) continue ;;
			*client-ours*service-ours* | *client-theirs*service-theirs*) kinds=$few ;;
			*) kinds=$all ;;
			esac
			for kind in $kinds; do
				next_turn
				# Not every CA certifies what can't sign.
				case $kind in
				*ECDH*) extra=() ;;
				esac
				pair $skdc $client $service "${kind%:*}" \
					"${kind#*:}" "$encoding" "${extra[@]}"
				case $client$service$kind in
				*ours*theirs*256 | *theirs*ours*256)
					again $skdc $client $service "${kind#*:}"
					;;
				esac
			done
			deletion $skdc $client $service
		done
	done
done

finish

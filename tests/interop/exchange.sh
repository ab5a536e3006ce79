#!/bin/bash
# The PSK exchange with each of its three roles played by either
# implementation, in both encodings; then a rotation, and refusals.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/roles.sh
. "$(dirname "$0")/roles.sh"
cd "$scratch" || exit 99

# exchange SKDC CLIENT SERVICE ENCODING OPTIONS...
exchange() {
	local skdc=$1 client=$2 service=$3 encoding=$4 what="$1 $2 $3 $4"
	shift 4
	expect 0 "$what: req" req "$client" "${service%.*}" \
		${encoding:+"$encoding"} "$@" >req.msg
	expect 0 "$what: skdc" skdc "$skdc" <req.msg >rep.msg
	expect 0 "$what: estb" estb "$client" <rep.msg >estb.msg
	expect 0 "$what: ack" estb "$service" <estb.msg >ack.msg
	expect 0 "$what: end" estb "$client" <ack.msg >end.msg
	[ ! -s end.msg ] || complain "$what: something behind the end"
	looks_like "${encoding:---cbor}" ack.msg "$what"
}

# The last exchange's messages once more; the SKDC answers with an ERROR.
again() {
	local skdc=$1 client=$2 service=$3 what="$1 $2 $3"
	skdc "$skdc" <req.msg >error 2>err
	says replay error "$what: req again"
	expect 1 "$what: rep again" estb "$client" <rep.msg >out
	expect 1 "$what: estb again" estb "$service" <estb.msg >out
	expect 1 "$what: ERROR" estb "$client" <error >out
}

# realm SKDC: of its own, with two devices at either implementation.
realm() {
	local role
	expect 0 "init" init "$1"
	for role in client-ours.db client-theirs.json service-ours.db \
		service-theirs.json; do
		expect 0 "enrol" enrol "$1" "${role%.*}" --alg A256GCM >doc
		rm -f "$role"
		expect 0 "join" join "$role" <doc
	done
}

# Keys are replaced: before and after the device has heard of it.
rotations() {
	local skdc=$1 client=$2 service=$3
	expect 0 "rotate" rotate "$skdc" "${client%.*}" >doc
	exchange "$skdc" "$client" "$service" --json
	expect 0 "join again" join "$client" <doc
	exchange "$skdc" "$client" "$service" ''
	expect 0 "rotate" rotate "$skdc" "${service%.*}" >doc
	expect 0 "join again" join "$service" <doc
	exchange "$skdc" "$client" "$service" --json
}

refusals() {
	local skdc=$1 client=$2 service=$3
	expect 0 "req" req "$client" nobody >req.msg
	skdc "$skdc" <req.msg >error 2>err
	says unknown-service error "unknown service"
	expect 1 "its ERROR" estb "$client" <error >out
	head -c -1 req.msg >cut.msg
	expect 3 "cut off" skdc "$skdc" <cut.msg >error
	says malformed error "cut off"
	exchange "$skdc" "$client" "$service" ''
}

for skdc in skdc-ours.db skdc-theirs.json; do
	realm $skdc
	for client in client-ours.db client-theirs.json; do
		for service in service-ours.db service-theirs.json; do
			exchange $skdc $client $service ''
			exchange $skdc $client $service --json --cksum
		done
	done
	case $skdc in
	skdc-ours.db) client=client-theirs.json service=service-theirs.json ;;
	*) client=client-ours.db service=service-ours.db ;;
	esac
	exchange $skdc $client $service '' --seqnum 4294967295 \
		--etype 'ChaCha20/Poly1305,A128GCM'
	again $skdc $client $service
	rotations $skdc $client $service
	refusals $skdc $client $service
done

finish

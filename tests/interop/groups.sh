#!/bin/bash
# The life of a group with each of its three roles played by either
# implementation, in both encodings; then the deletion of session keys.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/interop/roles.sh
. "$(dirname "$0")/roles.sh"
cd "$scratch" || exit 99

members='member-ours.db member-theirs.json'

# accepted OWNER-OR-MEMBER WHAT <answer: the key in it is left in $key.
accepted() {
	gained "$1" >/dev/null
	expect 0 "$2" gsk_accept "$1" >out
	nothing out "$2"
	key=$(gained "$1")
	[[ $key =~ ^[0-9a-f]{16}\ [0-9a-f]+$ ]] ||
		complain "$2: not one new key but \"$key\""
}

# create SKDC OWNER GROUP WHAT OPTIONS...
create() {
	local skdc=$1 owner=$2 group=$3 what=$4
	shift 4
	expect 0 "$what: request" gsk_request "$owner" "$group" "$@" >gsk.req
	expect 0 "$what: skdc" skdc "$skdc" <gsk.req >gsk.rep
	are gsk.rep GSK-REP 1 "$what"
	accepted "$owner" "$what: accept" <gsk.rep
}

# fetch SKDC MEMBER GROUP WHAT OPTIONS...
fetch() {
	local skdc=$1 member=$2 group=$3 what="$4: $2"
	shift 4
	expect 0 "$what: fetch" gsk_fetch "$member" "$group" "$@" >gsk.fet
	expect 0 "$what: skdc" skdc "$skdc" <gsk.fet >gsk.dlvr
	are gsk.dlvr GSK-DLVR 1 "$what"
	expect 0 "$what: accept" gsk_accept "$member" <gsk.dlvr >out
	nothing out "$what: accept"
}

# unfetched CODE SKDC DEVICE GROUP WHAT
unfetched() {
	expect 0 "$5: fetch" gsk_fetch "$3" "$4" --json >gsk.fet
	refuses "$1" "$5: $3 fetches" "$2" <gsk.fet
	expect 1 "$5: its ERROR" gsk_accept "$3" <error >out
}

# The same bytes once more, and in another's place.
again() {
	local skdc=$1 owner=$2 what="$3: again" member=member-ours.db
	refuses replay "$what: GSK-REQ" "$skdc" <gsk.req
	expect 1 "$what: replay ends nothing" gsk_accept "$owner" <error >out
	expect 1 "$what: GSK-REP" gsk_accept "$owner" <gsk.rep >out
	expect 1 "$what: another's GSK-REP" gsk_accept "$member" <gsk.rep >out
	edit 'm["msg-type"] = "GSK-DLVR"
for a, b in ("crealm", "sprealm"), ("cname", "spname"): m[a] = m.pop(b)' \
		<gsk.rep >moved
	expect 1 "$what: GSK-REP as GSK-DLVR" gsk_accept "$owner" <moved >out
}

# Authenticators don't serve for anything else.
moved() {
	local skdc=$1 owner=$2 what="$3: moved" bit file
	expect 0 "$what" gsk_request "$owner" other >gsk.req
	expect 0 "$what" gsk_fetch "$owner" other >gsk.fet
	edit 'm["req-body"]["mcastname"] = "another"' <gsk.req >moved
	refuses auth-failed "$what: another group's" "$skdc" <moved
	edit 'm["req-body"]["skdc-options"] = ["renew"]' <gsk.req >moved
	refuses auth-failed "$what: renewing" "$skdc" <moved
	edit 'm["msg-type"] = "GSK-FET"
for n in "kty", "etype": del m["req-body"][n]' <gsk.req >moved
	refuses auth-failed "$what: GSK-REQ as GSK-FET" "$skdc" <moved
	edit 'm["msg-type"] = "GSK-REQ"
m["req-body"].update(kty="SYMM", etype="A128GCM")' <gsk.fet >moved
	refuses auth-failed "$what: GSK-FET as GSK-REQ" "$skdc" <moved
	for file in gsk.req gsk.fet; do
		for bit in 15 200 491 807 955; do
			flipped $bit $file >moved
			skdc "$skdc" <moved >out 2>err
			! fluffy-msg --to json out 2>err | grep -q '"ack"' ||
				complain "$what: bit $bit of $file"
		done
	done
}

# confirm SKDC MEMBER COUNT WHAT: its PSK-DELTs of gsk.psks; the SKDC's
# answer to the PSK-DELCs is left in fin.
confirm() {
	local skdc=$1 member=$2 what="$4: $2"
	only "${member%.*}" "$encoding" <gsk.psks >psk.delt
	are psk.delt PSK-DELT "$3" "$what"
	expect 0 "$what: PSK-DELT" del_accept "$member" <psk.delt >psk.delc
	are psk.delc PSK-DELC "$3" "$what"
	looks_like "$encoding" psk.delc "$what"
	expect 0 "$what: PSK-DELT again" del_accept "$member" <psk.delt >again
	are again PSK-DELC "$3" "$what: again"
	! cmp -s psk.delc again || complain "$what: the same PSK-DELC"
	expect 0 "$what: PSK-DELC" skdc "$skdc" <psk.delc >fin
}

# life SKDC OWNER ENCODING
life() {
	local skdc=$1 owner=$2 encoding=$3 what="$1 $2 $3"
	local group=$owner$encoding stranger="stranger-ours.db" member first second
	case $encoding in
	--json) stranger="stranger-theirs.json" ;;
	esac
	create "$skdc" "$owner" "$group" "$what" "$encoding" --lifetime 3600 \
		--members member-ours,member-theirs --etype 'A256GCM'
	looks_like "$encoding" gsk.rep "$what"
	first=$key
	again "$skdc" "$owner" "$what"
	for member in $members; do
		fetch "$skdc" "$member" "$group" "$what" "$encoding"
		has "$member" "$first" "$what"
		looks_like "$encoding" gsk.dlvr "$what"
	done
	refuses replay "$what: GSK-FET again" "$skdc" <gsk.fet
	expect 1 "$what: GSK-DLVR again" gsk_accept "$member" <gsk.dlvr >out
	unfetched not-permitted "$skdc" $stranger "$group" "$what"
	expect 0 "$what" gsk_request "$owner" "$group" >gsk.req
	refuses group-exists "$what: made again" "$skdc" <gsk.req
	expect 0 "$what" gsk_renew $stranger "$group" >gsk.req
	refuses not-owner "$what: renewed by another" "$skdc" <gsk.req
	expect 0 "$what" gsk_renew $stranger nothing >gsk.req
	refuses no-such-group "$what: nothing renewed" "$skdc" <gsk.req

	expect 0 "$what: renew" gsk_renew "$owner" "$group" "$encoding" >gsk.req
	expect 0 "$what: renewed" skdc "$skdc" <gsk.req >gsk.rep
	accepted "$owner" "$what: renewal accepted" <gsk.rep
	second=$key
	fetch "$skdc" member-ours.db "$group" "$what" --keyid "${second% *}"
	has member-ours.db "$second" "$what"
	has member-ours.db "$first" "$what"

	# By the operator's leave.
	expect 0 "$what: add" group "$skdc" "$group" --add "${stranger%.*}"
	fetch "$skdc" $stranger "$group" "$what" "$encoding"
	has $stranger "$second" "$what"
	expect 0 "$what: remove" group "$skdc" "$group" --remove "${stranger%.*}"
	unfetched not-permitted "$skdc" $stranger "$group" "$what"

	# An SKDC may have given the group a new key because of that.
	fetch "$skdc" "$owner" "$group" "$what"
	expect 0 "$what: delete" gsk_delete "$owner" "$group" "$encoding" >gsk.delt
	expect 0 "$what: deleting" skdc "$skdc" <gsk.delt >gsk.psks
	are gsk.psks PSK-DELT 4 "$what: both keys' holders"
	looks_like "$encoding" gsk.psks "$what"
	refuses replay "$what: GSK-DELT again" "$skdc" <gsk.delt
	unfetched group-deleting "$skdc" member-ours.db "$group" "$what"
	expect 0 "$what" gsk_renew "$owner" "$group" >gsk.req
	refuses group-deleting "$what: renewed" "$skdc" <gsk.req

	confirm "$skdc" member-ours.db 2 "$what"
	nothing fin "$what: two are missing"
	lacks member-ours.db "${first% *}" "$what"
	lacks member-ours.db "${second% *}" "$what"
	expect 0 "$what: delete" gsk_delete "$owner" "$group" "$encoding" >gsk.delt
	expect 0 "$what: deleting" skdc "$skdc" <gsk.delt >gsk.psks
	are gsk.psks PSK-DELT 2 "$what: who is missing"
	confirm "$skdc" member-theirs.json 1 "$what"
	nothing fin "$what: one is missing"
	lacks member-theirs.json "${first% *}" "$what"
	confirm "$skdc" $stranger 1 "$what"
	are fin GSK-DELC 1 "$what: all have confirmed"
	looks_like "$encoding" fin "$what"
	unfetched no-such-group "$skdc" member-ours.db "$group" "$what"

	has "$owner" "$second" "$what: not confirmed yet"
	expect 1 "$what: another's GSK-DELC" gsk_accept $stranger <fin >out
	expect 0 "$what: GSK-DELC" gsk_accept "$owner" <fin >out
	nothing out "$what: GSK-DELC"
	lacks "$owner" "${first% *}" "$what"
	lacks "$owner" "${second% *}" "$what"
	expect 1 "$what: GSK-DELC again" gsk_accept "$owner" <fin >out

	# The name is free; a group that nobody has fetched is deleted at once.
	create "$skdc" $stranger "$group" "$what: anew" "$encoding"
	expect 0 "$what" gsk_delete $stranger "$group" "$encoding" >gsk.delt
	expect 0 "$what: GSK-DELT lost" skdc "$skdc" <gsk.delt >fin
	are fin GSK-DELC 1 "$what: without holders"
	expect 0 "$what" gsk_delete $stranger "$group" "$encoding" >gsk.delt
	expect 0 "$what: GSK-DELT" skdc "$skdc" <gsk.delt >fin
	are fin GSK-DELC 1 "$what: asked again"
	expect 0 "$what" gsk_accept $stranger <fin >out
	lacks $stranger "${key% *}" "$what"
}

# A group of "any"; members whose secret keys change under way.
rotations() {
	local skdc=$1 owner=$2 what="$1 $2: rotation" member
	local encoding=--cbor
	create "$skdc" "$owner" any "$what" --members any
	for member in $members; do
		fetch "$skdc" "$member" any "$what"
		has "$member" "$key" "$what"
		rotate "$skdc" "${member%.*}" >"$member.doc" 2>err
	done
	expect 0 "$what" join member-ours.db <member-ours.db.doc
	expect 0 "$what: delete" gsk_delete "$owner" any >gsk.delt
	expect 0 "$what: deleting" skdc "$skdc" <gsk.delt >gsk.psks
	expect 0 "$what" join member-theirs.json <member-theirs.json.doc
	confirm "$skdc" member-ours.db 1 "$what"
	nothing fin "$what"
	confirm "$skdc" member-theirs.json 1 "$what"
	expect 0 "$what: GSK-DELC" gsk_accept "$owner" <fin >out
	lacks "$owner" "${key% *}" "$what"
}

# deletion SKDC CLIENT SERVICE ENCODING: of a session key, by the operator.
deletion() {
	local skdc=$1 client=$2 service=$3 encoding=$4 what="$1 $2 $3 $4: session"
	local device id
	expect 0 "$what: req" req "$client" "${service%.*}" >req.msg
	expect 0 "$what: skdc" skdc "$skdc" <req.msg >rep.msg
	gained "$client" >/dev/null
	expect 0 "$what: rep" estb "$client" <rep.msg >estb.msg
	key=$(gained "$client")
	id=${key% *}
	if [ "$encoding" = --json ]; then
		expect 0 "$what: estb" estb "$service" <estb.msg >ack.msg
		has "$service" "$key" "$what"
	fi
	expect 0 "$what: del" del_request "$skdc" "$id" "$encoding" >psks
	are psks PSK-DELT 2 "$what"
	looks_like "$encoding" psks "$what"
	for device in $client $service; do
		expect 0 "$what: pending" del_pending "$skdc" >pending
		grep -q "$id" pending || complain "$what: not pending"
		only "${device%.*}" "$encoding" <psks >psk.delt
		expect 0 "$what: PSK-DELT" del_accept "$device" <psk.delt >psk.delc
		lacks "$device" "$id" "$what"
		expect 0 "$what: PSK-DELC" skdc "$skdc" <psk.delc >out
		nothing out "$what: PSK-DELC"
	done
	expect 0 "$what: pending" del_pending "$skdc" >pending
	! grep -q "$id" pending || complain "$what: still pending"
	# A late ticket doesn't bring it back.
	expect 1 "$what: late" estb "$service" <estb.msg >error
	says no-such-key error "$what: late"
	lacks "$service" "$id" "$what: late"
}

for skdc in skdc-ours.db skdc-theirs.json; do
	realm $skdc owner member stranger
	case $skdc in
	skdc-ours.db) one=--cbor other=--json ;;
	*) one=--json other=--cbor ;;
	esac
	life $skdc owner-ours.db $one
	life $skdc owner-theirs.json $other
	rotations $skdc owner-ours.db
	rotations $skdc owner-theirs.json
	deletion $skdc owner-ours.db member-ours.db $other
	deletion $skdc owner-ours.db member-theirs.json $one
	deletion $skdc owner-theirs.json member-ours.db $one
	deletion $skdc owner-theirs.json member-theirs.json $other
	moved $skdc owner-ours.db $skdc
	moved $skdc owner-theirs.json $skdc
done

finish

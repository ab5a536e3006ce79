#!/bin/bash
# The promise of the first page: a client and a service get a key through an
# SKDC, over real pipes.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl

# all STATUS... : the stages' statuses, as in "${PIPESTATUS[*]}".
all() {
	judge 0 0 pipeline
	equal "$1" "$2" "statuses of the stages"
}

common_keyid() { # STORE STORE: of their newest session keys
	local one two
	one=$(fluffy-key list -s "$1" | awk '/^session/ { print $4 }')
	two=$(fluffy-key list -s "$2" | awk '/^session/ { print $4 }')
	[ -n "$one" ] || fail "$1 has no session key"
	equal "$one" "$two" "the same keyids on both"
}

set_up() {
	fluffy-key init -s skdc.db --realm home skdc
	fluffy-key enrol -s skdc.db sensor | fluffy-key join -s sensor.db
	fluffy-key enrol -s skdc.db lock   | fluffy-key join -s lock.db
}

chapter "the commands as they are printed"
enter fresh
set_up 2>"$err"
judge 0 $? set_up
expect_err "joined home as sensor"
fluffy-req -s sensor.db lock | fluffy-skdc -s skdc.db | fluffy-estb -s sensor.db | fluffy-estb -s lock.db | fluffy-estb -s sensor.db 2>"$err"
all "${PIPESTATUS[*]}" "0 0 0 0 0"
common_keyid sensor.db lock.db
keyid=$(keyid_said)
grep -qE "^fluffy-estb: established $keyid with lock until [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}Z\$" \
	"$err" || fail "the words on success"
equal "${#keyid}" 16 "a keyid has 8 bytes"
run 0 fluffy-key list -s sensor.db >sensor.list
has sensor.list "$keyid"
run 0 fluffy-key list -s lock.db >lock.list
has lock.list "$keyid"
equal "$(key_of sensor.db "$keyid")" "$(key_of lock.db "$keyid")"

chapter "its JSON twin"
enter fresh
set_up 2>"$err"
fluffy-req -s sensor.db --json lock | tee req | fluffy-skdc -s skdc.db | tee rep | fluffy-estb -s sensor.db | tee estb | fluffy-estb -s lock.db | tee ack | fluffy-estb -s sensor.db 2>"$err"
all "${PIPESTATUS[*]}" "0 0 0 0 0 0 0 0 0"
common_keyid sensor.db lock.db
for message in req:PSK-REQ rep:PSK-REP estb:PSK-ESTB ack:PSK-ACK; do
	file=${message%:*}
	equal "$(jq -r '."msg-type"' "$file")" "${message#*:}"
	equal "$(wc -l <"$file" | tr -d ' ')" 1 "one message a line"
	has_not "$file" ' '
done

chapter "each stage's words, and their absence"
for enc in cbor json; do
	realm "words-$enc"
	ask req
	quiet_err
	run 0 fluffy-skdc -s skdc.db <req >rep
	quiet_err
	run 0 fluffy-estb -s sensor.db <rep >estb
	expect_err "received "
	expect_err " for lock until "
	run 0 fluffy-estb -s lock.db <estb >ack
	expect_err "accepted "
	expect_err " from sensor until "
	run 0 fluffy-estb -s sensor.db <ack >end
	expect_err "established "
	empty end
	honest
	for step in "skdc skdc" "estb sensor" "estb lock" "estb sensor"; do
		[ "$step" != "skdc skdc" ] ||
			run 0 fluffy-req -q -s sensor.db --"$enc" lock >in
		run 0 "fluffy-${step% *}" -q -s "${step#* }.db" <in >out
		quiet_err
		mv out in
	done
	empty in
	run 0 fluffy-req -v -s sensor.db --"$enc" lock >in
	[ -s "$err" ] || fail "-v tells nothing"
	run 0 fluffy-skdc -v -s skdc.db <in >out
	expect_err "PSK-REP"
	# the checks, in the order of section 6
	equal "$(sed -n 's/^fluffy-skdc: PSK-REQ: \(.*\): ok$/\1/p' "$err" |
		tr '\n' ' ')" \
		"skdc seal names clock time nonce kty etype service policy "
	has_not "$err" key=
done

chapter "sizes with UUID names"
enter uuid
enc=cbor
sensor=0190c0de-0000-7000-8000-000000000001
lock=0190c0de-0000-7000-8000-000000000002
run 0 fluffy-key init -s skdc.db --realm home \
	0190c0de-0000-7000-8000-000000000003
device "$sensor"
device "$lock"
exchange_between "$sensor" "$lock"
for limit in req:142 rep:347 estb:270 ack:106; do
	file=${limit%:*}
	[ "$(size "$file")" -le "${limit#*:}" ] ||
		fail "$file has $(size "$file") bytes, more than ${limit#*:}"
done
run 0 fluffy-estb -s "$sensor.db" <ack
expect_err "with $lock until"

chapter "the encoding changes at every hop"
for enc in cbor json; do
	realm "mixed-$enc"
	other=json
	[ "$enc" = cbor ] || other=cbor
	ask m
	for step in skdc:skdc estb:sensor estb:lock estb:sensor; do
		run 0 fluffy-msg --to $other m >m2
		run 0 "fluffy-${step%:*}" -s "${step#*:}.db" --"$enc" <m2 >m
	done
	empty m
	expect_err "established "
	# every option of the client, with the hops' own encodings
	ask m sensor lock --realm home --etype A128GCM,AES-CCM-16-64-128 \
		--cpac '{"door":[1,1.5,null,true,"x"]}' --seqnum 4294967295 \
		--cksum --ext '{"trace":"yes"}'
	run 0 fluffy-msg --to $other m >m2
	run 0 fluffy-skdc -s skdc.db <m2 >m
	run 0 fluffy-msg --to $enc m >m2
	run 0 fluffy-estb -s sensor.db --cksum --seqnum 4294967295 \
		--ext '[1]' <m2 >m
	run 0 fluffy-msg --to $other m >m2
	run 0 fluffy-estb -s lock.db <m2 >m
	run 0 fluffy-msg --to $enc m >m2
	run 0 fluffy-estb -s sensor.db <m2 >m
	expect_err "established "
	keyid=$(keyid_said)
	run 0 fluffy-key list -s lock.db >listing
	grep "$keyid" listing | grep -q A128GCM || fail "the first etype is taken"
	honest
done

chapter "many requests as one stream"
for enc in cbor json; do
	realm "many-$enc"
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		ask one
		cat one >>reqs
		ask one lock sensor
		cat one >>reqs
	done
	run 0 fluffy-skdc -s skdc.db <reqs >reps
	equal "$(fluffy-msg --to json reps | grep -c PSK-REP)" 40
	# a device takes its own, and tells that the others aren't
	for party in sensor lock; do
		run 0 fluffy-msg --select "cname=$party" --to $enc reps >"$party.reps"
		run 0 fluffy-estb -q -s $party.db <"$party.reps" >"$party.estbs"
	done
	run 0 fluffy-estb -q -s lock.db <sensor.estbs >sensor.acks
	run 0 fluffy-estb -q -s sensor.db <lock.estbs >lock.acks
	for party in sensor lock; do
		run 0 fluffy-estb -s $party.db <"$party.acks" >end
		empty end
		equal "$(grep -c established "$err")" 20
		run 0 fluffy-key list -s $party.db >listing
		equal "$(grep -c '^session.*established' listing)" 40
		equal "$(awk '/^session/ { print $4 }' listing | sort -u | wc -l |
			tr -d ' ')" 40 "distinct keyids"
	done
	honest
done

chapter "all stages at once, on fresh stores, again and again"
for _ in 1 2 3 4 5 6; do
	enter fresh
	set_up 2>"$err"
	fluffy-req -s sensor.db lock | fluffy-skdc -s skdc.db | fluffy-estb -s sensor.db | fluffy-estb -s lock.db | fluffy-estb -s sensor.db 2>"$err"
	all "${PIPESTATUS[*]}" "0 0 0 0 0"
	common_keyid sensor.db lock.db
done
honest

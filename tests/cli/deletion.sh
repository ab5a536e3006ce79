#!/bin/bash
# Keys are deleted before they end: session keys, key pairs and group keys; who
# confirms, who doesn't, and what becomes of the key in the stores' files.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl faketime
find_faketime || skip "faketime doesn't work here"

now=1800000000
ends=28800 # so long a key lives
clock=$now

by() { # TIME COMMAND...
	clock=$1
	shift
	"$@"
	clock=$now
}

town() { # DIRECTORY
	realm "$1"
	device lamp
}

count() { # FILE TYPE
	[ ! -s "$1" ] || fluffy-msg --to json "$1" >"$scratch/counted"
	[ -s "$1" ] || : >"$scratch/counted"
	grep -c "\"msg-type\":\"$2\"" "$scratch/counted"
}

# asks COUNT KEYID FILE: the operator deletes a key
asks() {
	run 0 fluffy-del request -s skdc.db --"$enc" "$2" >"$3"
	equal "$(count "$3" PSK-DELT)" "$1" "PSK-DELTs"
}

# resend COUNT FILE: what isn't confirmed
resend() {
	run 0 fluffy-del pending -s skdc.db --resend --"$enc" >"$2"
	equal "$(count "$2" PSK-DELT)" "$1" "PSK-DELTs again"
	open_deletions "$1"
}

open_deletions() { # COUNT
	run 0 fluffy-del pending -s skdc.db >listing
	equal "$(grep -c '^deletion' listing)" "$1" "open deletions"
}

# erases DEVICE FILE ANSWER: it had the key
erases() {
	run 0 fluffy-del accept -s "$1.db" <"$2" >"$3"
	expect_err "erased"
	equal "$(field "$3" '."msg-type"' | sort -u)" PSK-DELC
}

# confirms DEVICE FILE: that, and the SKDC takes it without a word
confirms() {
	erases "$1" "$2" delc
	serve 0 delc output
	empty output
}

# ignored DEVICE FILE: reported, no answer, and the store as it was
ignored() {
	run 1 fluffy-del accept -s "$1.db" <"$2" >output
	empty output
	[ -s "$err" ] || fail "it isn't reported"
}

has_key() { # STORE KEYID
	run 0 fluffy-key export -s "$1.db" --as keydata "$2" >/dev/null
}

has_no_key() { # STORE KEYID
	run 1 fluffy-key export -s "$1.db" --as keydata "$2" >output
	empty output
	run 0 fluffy-key list -s "$1.db" >listing
	! grep -qE "^(session|pair|public) .* $2 " listing || fail "it is listed"
	grep -q "^deleted *$2 " listing || fail "its end isn't remembered"
}

newest_pair() { # STORE
	fluffy-key list -s "$1.db" | awk '/^(pair|public)/ { print $3 }' |
		tail -n 1
}

# pair [OPTION]...: the sensor gets one; $keyid
pair() {
	run 0 fluffy-pkp request -s sensor.db --"$enc" --kty EC --alg ES256 "$@" \
		>pkp.req
	serve 0 pkp.req pkp.rep
	run 0 fluffy-pkp accept -s sensor.db <pkp.rep >pkp.estb
	keyid=$(keyid_said)
	if [ $# -gt 0 ]; then
		run 0 fluffy-estb -s lock.db <pkp.estb >output
		empty output
	fi
}

# d of a pair, in hex
private_of() { # STORE KEYID
	run 0 fluffy-key export -s "$1.db" --as jwk "$2" | jq -r .d |
		perl -MMIME::Base64 -ne \
		'tr,-_,+/,; print unpack("H*", decode_base64($_))'
}

for enc in cbor json; do
	chapter "a session key, $enc"
	town "session-$enc"
	honest
	other=$keyid
	honest
	key=$(key_of sensor.db "$keyid")
	holds "$key" sensor.db sensor.db-wal || fail "the test is blind"
	run 0 fluffy-del pending -s skdc.db >listing
	empty listing
	quiet_err
	run 0 fluffy-del pending -s skdc.db --json >listing
	equal "$(cat listing)" "[]"
	asks 2 "$keyid" delts
	expect_err "wrote 2 PSK-DELT"
	equal "$(field delts .cname | sort | tr '\n' ' ')" "lock sensor "
	run 0 fluffy-del pending -s skdc.db >listing
	equal "$(tr -s ' ' <listing)" "deletion home/lock $keyid key for sensor $(
		)since 2027-01-15 08:00Z, until 2027-01-15 16:00Z deleting
deletion home/sensor $keyid key for lock $(
		)since 2027-01-15 08:00Z, until 2027-01-15 16:00Z deleting"
	run 0 fluffy-del pending -s skdc.db --json >listing
	equal "$(jq -c '.[0]|[.kind, .name, .service, .state, .authtime,
		.endtime]' listing)" \
		"[\"deletion\",\"lock\",\"sensor\",\"deleting\",$now,$((now + ends))]"
	equal "$(jq -r '.[1].keyid' listing)" "$(base64url "$keyid")"
	# one file serves both; a third has nothing to do with it
	run 0 fluffy-del accept -s lamp.db <delts >output
	empty output
	expect_err "skipped a PSK-DELT for sensor"
	expect_err "skipped a PSK-DELT for lock"
	has_key sensor "$keyid"
	erases sensor delts delc.sensor
	expect_err "erased $keyid"
	expect_err "skipped a PSK-DELT for lock"
	has_no_key sensor "$keyid"
	gone "$key" sensor.db
	has_key lock "$keyid"
	open_deletions 2
	serve 0 delc.sensor output
	empty output
	open_deletions 1
	erases lock delts delc.lock
	has_no_key lock "$keyid"
	gone "$key" lock.db
	serve 0 delc.lock output
	empty output
	open_deletions 0
	# what is confirmed isn't asked again
	asks 0 "$keyid" again
	resend 0 again
	# the other key is as it was
	has_key sensor "$other"
	has_key lock "$other"
	honest

	chapter "keys that can't be deleted, $enc"
	for bad in 00 0011223344556677 "$(printf %064d 0)"; do
		run 1 fluffy-del request -s skdc.db "$bad" >output
		empty output
		expect_err "no such key"
	done
	for bad in '' 0 0g 0A "$(printf %066d 0)" -; do
		run 2 fluffy-del request -s skdc.db "$bad" >output
		empty output
	done
	# a secret key is removed otherwise
	kid=$(fluffy-key list -s sensor.db | awk '/^secret/ { print $3 }')
	run 1 fluffy-del request -s skdc.db "$kid" >output
	empty output
	by $((now + ends)) run 1 fluffy-del request -s skdc.db "$other" >output
	empty output
	expect_err "it has ended"

	chapter "with oneself, $enc"
	town "self-$enc"
	honest_between sensor sensor
	key=$(key_of sensor.db "$keyid")
	asks 1 "$keyid" delts
	confirms sensor delts
	has_no_key sensor "$keyid"
	gone "$key" sensor.db
	open_deletions 0

	chapter "half an exchange, $enc"
	town "half-$enc"
	# the answer is on its way
	ask req
	serve 0 req rep
	keyid=$(fluffy-key list -s skdc.db | awk '/^session/ { print $5 }')
	asks 2 "$keyid" delts
	for name in sensor lock; do
		run 0 fluffy-del accept -s $name.db <delts >delc
		expect_err "confirmed without having $keyid"
		is delc PSK-DELC
		serve 0 delc output
	done
	open_deletions 0
	run 1 fluffy-estb -s sensor.db <rep >output
	empty output
	expect_err "PSK-REP.receipt.keydata.keyid: the key was deleted"
	has_no_key sensor "$keyid"
	# the ticket is on its way
	ask req
	serve 0 req rep
	run 0 fluffy-estb -s sensor.db <rep >estb
	keyid=$(keyid_said)
	asks 2 "$keyid" delts
	run 0 fluffy-del accept -q -s lock.db <delts >delc
	quiet_err
	serve 0 delc output
	run 1 fluffy-estb -s lock.db <estb >answer
	expect_err "PSK-ESTB.mticket.enc-part.keydata.keyid: the key was deleted"
	refused_without_ack answer no-such-key
	has_no_key lock "$keyid"
	confirms sensor delts
	# the acknowledgement is
	exchange
	keyid=$(keyid_said)
	asks 2 "$keyid" delts
	confirms sensor delts
	confirms lock delts
	run 1 fluffy-estb -s sensor.db <ack >output
	empty output
	has_no_key sensor "$keyid"
	run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer no-such-key
	run 1 fluffy-estb -s sensor.db <rep >output
	# as long as the key would have lived, and the skew
	by $((now + ends - 1)) run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer no-such-key
	by $((now + ends)) run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer expired
	by $((now + ends + 300)) honest
	by $((now + ends + 301)) run 0 fluffy-key list -s lock.db >listing
	has_not listing "deleted "

	chapter "pairs, $enc"
	town "pairs-$enc"
	pair --for lock
	private=$(private_of sensor "$keyid")
	equal "${#private}" 64
	holds "$private" sensor.db sensor.db-wal || fail "the test is blind"
	asks 2 "$keyid" delts
	confirms lock delts
	has_no_key lock "$keyid"
	run 1 fluffy-estb -s lock.db <pkp.estb >answer
	refused_without_ack answer no-such-key
	confirms sensor delts
	has_no_key sensor "$keyid"
	gone "$private" sensor.db
	open_deletions 0
	# for nobody else
	pair
	private=$(private_of sensor "$keyid")
	asks 1 "$keyid" delts
	equal "$(field delts .cname)" sensor
	run 0 fluffy-del pending -s skdc.db >listing
	grep -q "^deletion *home/sensor *$keyid " listing || fail "listing"
	confirms sensor delts
	gone "$private" sensor.db
	# the answer comes late
	run 0 fluffy-pkp request -s sensor.db --$enc --kty OKP --alg EdDSA \
		--for lock >req
	serve 0 req rep
	keyid=$(fluffy-key list -s skdc.db | awk '/^session/ { id = $5 }
		END { print id }')
	asks 2 "$keyid" delts
	for name in sensor lock; do
		run 0 fluffy-del accept -s $name.db <delts >delc
		expect_err "confirmed without having"
		serve 0 delc output
	done
	run 1 fluffy-pkp accept -s sensor.db <rep >output
	empty output
	expect_err "PKP-REP.receipt.keydata.keyid: the key was deleted"
	has_no_key sensor "$keyid"
	honest

	chapter "a group's key, by the operator, $enc"
	town "groupkey-$enc"
	obtain request lock doors --members sensor,lamp
	obtain fetch sensor doors
	key=$(key_of lock.db "$keyid")
	holds "$key" skdc.db skdc.db-wal || fail "the test is blind"
	asks 2 "$keyid" delts
	gone "$key" skdc.db
	denied no-such-key fetch lamp doors
	denied no-such-key fetch lamp doors --keyid "$keyid"
	confirms lock delts
	confirms sensor delts
	gone "$key" lock.db
	gone "$key" sensor.db
	open_deletions 0
	# the group is there; nothing is left to delete it with but a new key
	run 1 fluffy-gsk delete -s lock.db doors >output
	empty output
	denied group-exists request lock doors
	obtain renew lock doors
	obtain fetch sensor doors
	# one that the owner has deleted by the operator, and deletes itself
	asks 2 "$keyid" delts
	confirms sensor delts
	group delete delt lock doors
	serve 0 delt delc
	is delc GSK-DELC
	run 0 fluffy-gsk accept -s lock.db <delc
	open_deletions 1
	resend 1 delts
	run 0 fluffy-del accept -s lock.db <delts >delc
	expect_err "confirmed without having"
	serve 0 delc output
	empty output
	open_deletions 0
	# a key that isn't current any more
	obtain request lock attic --members sensor
	first=$keyid
	obtain fetch sensor attic
	obtain renew lock attic
	asks 2 "$first" delts
	denied no-such-key fetch sensor attic --keyid "$first"
	obtain fetch sensor attic
	has_key sensor "$first"
	confirms sensor delts
	has_no_key sensor "$first"
	has_key sensor "$keyid"
	confirms lock delts
	delete lock attic sensor
	honest_group

	chapter "a device that can't say so any more erases it, $enc"
	town "mute-$enc"
	honest
	asks 2 "$keyid" delts
	sqlite3 sensor.db "UPDATE secret SET seals = 4294967296"
	run 2 fluffy-del accept -s sensor.db <delts >mute
	empty mute
	expect_err "erased $keyid"
	expect_err "no PSK-DELC: this device's key has made all the seals"
	has_no_key sensor "$keyid"
	run 0 fluffy-key rotate -s skdc.db sensor >enrol
	run 0 fluffy-key join -s sensor.db <enrol
	run 0 fluffy-del accept -s sensor.db <delts >delc
	serve 0 delc output
	empty output
	open_deletions 1
	honest

	chapter "the same PSK-DELT again, $enc"
	town "again-$enc"
	honest
	asks 2 "$keyid" delts
	erases sensor delts first
	run 0 fluffy-del accept -s sensor.db <delts >second
	expect_err "confirmed without having $keyid"
	is second PSK-DELC
	! cmp -s first second || fail "the same seal twice"
	[ "$(field first .ack.unprotected.iv)" != \
		"$(field second .ack.unprotected.iv)" ] || fail "the same iv"
	cat delts delts delts >thrice
	run 0 fluffy-del accept -s sensor.db <thrice >third
	equal "$(count third PSK-DELC)" 3
	# any of them counts, once
	serve 0 second output
	empty output
	open_deletions 1
	for again in second first third; do
		serve 0 $again output
		empty output
	done
	open_deletions 1
	# within its time
	by $((now + 300)) run 0 fluffy-del accept -s sensor.db <delts >again
	is again PSK-DELC
	by $((now + 301)) ignored sensor delts
	expect_err "PSK-DELT.kenvelope.authtime: "
	expect_err " is 301 s ago; the skew is 300 s"
	by $((now + 301)) ignored lock delts
	# a new one is new
	by $((now + 301)) resend 1 fresh
	[ "$(field fresh .kenvelope.unprotected.iv)" != \
		"$(field delts .kenvelope.unprotected.iv)" ] || fail "the same iv"
	by $((now + 301)) confirms lock fresh
	open_deletions 0
	by $((now + 301)) honest

	chapter "several PSK-DELTs for one key, $enc"
	town "several-$enc"
	honest
	asks 2 "$keyid" delts.1
	asks 2 "$keyid" delts.2
	resend 2 delts.3
	open_deletions 2
	erases sensor delts.1 delc.1
	run 0 fluffy-del accept -s sensor.db <delts.3 >delc.3
	expect_err "confirmed without having"
	erases lock delts.2 delc.2
	serve 0 delc.2 output
	serve 0 delc.3 output
	open_deletions 0
	serve 0 delc.1 output
	empty output
	resend 0 output

	chapter "the clock of a device, $enc"
	town "clock-$enc"
	honest
	asks 2 "$keyid" delts
	by $((now - 300)) erases sensor delts delc
	serve 0 delc output
	by $((now - 301)) ignored lock delts
	has_key lock "$keyid"
	# one that acted later is more than the skew behind: no answer
	by $((now + 200)) erases lock delts output
	resend 1 delts
	by $((now - 101)) ignored lock delts
	expect_err "clock"
	by $((now - 100)) run 0 fluffy-del accept -s lock.db <delts >delc
	serve 0 delc output
	open_deletions 0
	honest
	asks 2 "$keyid" delts
	by $((now - 101)) ignored lock delts
	by $((now - 101)) run 0 fluffy-key policy -s lock.db --reset-clock
	by $((now - 101)) erases lock delts delc.lock
	confirms sensor delts
	serve 0 delc.lock output
	open_deletions 0

	chapter "who isn't the SKDC, $enc"
	town "foreign-$enc"
	run 0 fluffy-key init -s second.db --realm home second
	run 0 fluffy-key init -s away.db --realm away skdc
	run 0 fluffy-key init -s evil.db --realm home skdc
	honest
	mine=$keyid
	key=$(key_of sensor.db "$mine")
	for skdc in second away evil; do
		for name in sensor lock; do
			run 0 fluffy-key enrol -s $skdc.db $name >doc
			run 0 fluffy-key join -s $skdc-$name.db <doc
		done
		ask req $skdc-sensor lock
		run 0 fluffy-skdc -s $skdc.db <req >rep
		foreign=$(fluffy-key list -s $skdc.db |
			awk '/^session/ { print $5 }')
		run 0 fluffy-del request -s $skdc.db --$enc "$foreign" >delts
		equal "$(count delts PSK-DELT)" 2
		ignored sensor delts
		ignored lock delts
		run 0 fluffy-msg --select cname=sensor --to $enc delts >one
		ignored sensor one
		expect_err "PSK-DELT"
		# nor is its device's word believed
		run 0 fluffy-del accept -q -s $skdc-sensor.db <delts >delc
		is delc PSK-DELC
		edit delc '.skdcname = "skdc" | .skdcrealm = "home"' >forged
		for file in delc forged; do
			serve 1 $file output
			empty output
		done
		run 0 fluffy-key list -s sensor.db >listing
		has_not listing "deleted "
	done
	has_key sensor "$mine"
	equal "$(key_of sensor.db "$mine")" "$key"
	# the right one, read by the wrong store
	asks 2 "$mine" delts
	run 1 fluffy-del accept -s evil-sensor.db <delts >output
	empty output
	confirms sensor delts
	confirms lock delts
	honest

	chapter "who isn't asked, $enc"
	town "notasked-$enc"
	honest
	first=$keyid
	honest_between lamp lock
	second=$keyid
	asks 2 "$first" delts.1
	asks 2 "$second" delts.2
	run 0 fluffy-msg --select cname=sensor --to $enc delts.1 >sensor.1
	run 0 fluffy-msg --select cname=lamp --to $enc delts.2 >lamp.2
	run 0 fluffy-msg --select cname=lock --to $enc delts.1 >lock.1
	run 0 fluffy-msg --select cname=lock --to $enc delts.2 >lock.2
	# a name that was changed is somebody else's seal
	edit sensor.1 '.cname = "lamp"' >forged
	ignored lamp forged
	edit lamp.2 '.cname = "sensor"' >forged
	ignored sensor forged
	edit sensor.1 '.crealm = "away"' >forged
	ignored sensor forged
	edit sensor.1 '.ext = 1' >forged
	ignored sensor forged
	swap lock.1 .kenvelope lock.2 >moved
	# all that is bound is the device's name: the one is as good as the other
	run 0 fluffy-del accept -s lock.db <moved >delc
	expect_err "erased $second"
	serve 0 delc output
	open_deletions 3
	confirms lock lock.1
	confirms sensor sensor.1
	confirms lamp lamp.2
	open_deletions 0
	# confirmed by one who wasn't asked
	honest
	asks 2 "$keyid" delts
	erases sensor delts delc
	run 0 fluffy-msg --select cname=lock --to $enc delts >one
	erases lock one other
	swap delc .ack other >moved
	serve 0 moved output # it is the lock's own word
	open_deletions 1
	edit delc '.ext = 1' >forged
	serve 1 forged output
	empty output
	edit delc '.skdcname = "other"' >forged
	serve 1 forged output
	empty output
	edit delc 'del(.skdcrealm)' >forged
	serve 1 forged output
	empty output
	open_deletions 1
	serve 0 delc output
	open_deletions 0
	honest

	chapter "a key that was rotated, $enc"
	town "rotated-$enc"
	honest
	asks 2 "$keyid" delts
	run 0 fluffy-key rotate -s skdc.db sensor >doc
	run 0 fluffy-key join -s sensor.db <doc
	confirms sensor delts
	run 0 fluffy-key rotate -s skdc.db --now lock >doc
	run 0 fluffy-key join -s lock.db <doc
	ignored lock delts
	resend 1 delts
	confirms lock delts
	open_deletions 0
	honest
	# and one that is removed isn't asked any more
	asks 2 "$keyid" delts
	erases sensor delts delc
	run 0 fluffy-key remove -s skdc.db sensor
	serve 1 delc output
	empty output
	open_deletions 1
	resend 1 delts
	confirms lock delts
	honest_between lamp lock
	asks 2 "$keyid" delts
	run 0 fluffy-key remove -s skdc.db lock
	open_deletions 1
	confirms lamp delts
	open_deletions 0

	chapter "endtime finishes what nobody confirms, $enc"
	town "endtime-$enc"
	honest
	session=$keyid
	asks 2 "$session" delts
	obtain request lock doors --members sensor,lamp
	obtain fetch sensor doors
	obtain fetch lamp doors
	obtain request lock lost --members sensor
	obtain fetch sensor lost
	asks 2 "$keyid" output
	by $((now + 60)) group delete delt lock doors
	by $((now + 60)) serve 0 delt delts
	equal "$(count delts PSK-DELT)" 2
	by $((now + 60)) confirms lamp delts
	open_deletions 5
	by $((now + ends - 1)) resend 5 output
	by $((now + ends - 1)) denied group-deleting fetch sensor doors
	by $((now + ends - 1)) denied group-deleting request lamp doors
	by $((now + ends - 1)) run 0 fluffy-key group -s skdc.db doors >listing
	grep -q '^group.* deleting$' listing || fail "state"
	by $((now + ends)) open_deletions 0
	by $((now + ends)) run 0 fluffy-key group -s skdc.db doors >listing
	grep -q '^group.* deleted$' listing || fail "state"
	by $((now + ends)) resend 0 output
	by $((now + ends)) run 1 fluffy-del request -s skdc.db "$session" >output
	by $((now + ends)) denied no-such-group fetch sensor doors
	# the owner may have it in writing
	by $((now + ends)) group delete delt lock doors
	by $((now + ends)) serve 0 delt delc
	is delc GSK-DELC
	by $((now + ends)) run 0 fluffy-gsk accept -s lock.db <delc
	by $((now + ends)) obtain request lamp doors --members any
	by $((now + ends)) obtain fetch sensor doors
	# who was asleep all the time confirms, for nobody
	by $((now + ends)) ignored sensor delts
	by $((now + ends)) honest_group

	chapter "the last PSK-DELC releases the GSK-DELC, $enc"
	town "last-$enc"
	device camera
	obtain request lock doors --members any
	first=$keyid
	for name in sensor lamp camera; do
		obtain fetch $name doors
	done
	obtain renew lock doors
	second=$keyid
	obtain fetch lamp doors
	keys="$(key_of lock.db "$first") $(key_of lock.db "$second")"
	group delete gdelt.1 lock doors
	serve 0 gdelt.1 delts.1
	# of each key a copy, the owner's not
	equal "$(count delts.1 PSK-DELT)" 4
	equal "$(fluffy-msg --to json delts.1 | jq -r .cname | sort |
		tr '\n' ' ')" "camera lamp lamp sensor "
	for key in $keys; do
		gone "$key" skdc.db
	done
	has_key lock "$first"
	run 0 fluffy-del accept -q -s sensor.db <delts.1 >delc.sensor
	run 0 fluffy-del accept -q -s lamp.db <delts.1 >delc.lamp
	equal "$(count delc.lamp PSK-DELC)" 2
	run 0 fluffy-del accept -q -s camera.db <delts.1 >delc.camera
	serve 0 delc.sensor output
	empty output
	serve 0 delc.lamp output
	empty output
	# before the last: the owner asks again, and again
	group delete gdelt.2 lock doors
	serve 0 gdelt.2 delts.2
	equal "$(count delts.2 PSK-DELT)" 1
	equal "$(field delts.2 .cname)" camera
	serve 1 gdelt.2 answer
	refused_with_ack answer replay
	run 1 fluffy-gsk accept -s lock.db <answer >output
	# those who have confirmed, once more
	serve 0 delc.sensor output
	empty output
	serve 0 delc.camera gdelc
	is gdelc GSK-DELC
	equal "$(fluffy-msg --to json gdelc | wc -l | tr -d ' ')" 1
	# only once
	run 0 fluffy-del accept -q -s camera.db <delts.2 >again
	for file in again delc.camera delc.lamp; do
		serve 0 $file output
		empty output
	done
	# lost on its way: the owner gets another
	group delete gdelt.3 lock doors
	serve 0 gdelt.3 gdelc.3
	is gdelc.3 GSK-DELC
	has_key lock "$second"
	# the answer is to the last one
	cp lock.db saved
	run 0 fluffy-gsk accept -s lock.db <gdelc.3
	expect_err "erased $second of deleted group doors"
	for key in $keys; do
		gone "$key" lock.db
		gone "$key" sensor.db
		gone "$key" lamp.db
		gone "$key" camera.db
		gone "$key" skdc.db
	done
	has_no_key lock "$first"
	has_no_key lock "$second"
	run 1 fluffy-gsk accept -s lock.db <gdelc.3
	# the name is taken anew: the old deletion is over
	obtain request lamp doors --members lock,sensor
	mv saved lock.db
	rm -f lock.db-*
	group delete gdelt.4 lock doors
	serve 1 gdelt.4 answer
	refused_with_ack answer not-owner
	obtain fetch sensor doors
	honest_group

	chapter "in the encoding of each, $enc"
	town "encoding-$enc"
	honest
	asks 2 "$keyid" delts
	other=json
	[ $enc = cbor ] || other=cbor
	run 0 fluffy-msg --to $other delts >delts.2
	run 0 fluffy-del accept -s sensor.db <delts.2 >delc
	run 0 fluffy-msg --to $other delc >delc.2
	same delc delc.2
	run 0 fluffy-del accept -s lock.db --$enc <delts.2 >delc.3
	run 0 fluffy-msg --to $enc delc.3 >delc.4
	same delc.3 delc.4
	serve 0 delc output
	serve 0 delc.4 output
	open_deletions 0

	chapter "late group keys, $enc"
	town "late-$enc"
	obtain request lock doors --members sensor
	group fetch req sensor doors
	serve 0 req dlvr
	group delete delt lock doors
	serve 0 delt delts
	run 0 fluffy-del accept -s sensor.db <delts >delc
	expect_err "confirmed without having"
	run 1 fluffy-gsk accept -s sensor.db <dlvr
	expect_err "GSK-DLVR.receipt.keydata.keyid: the key was deleted"
	has_no_key sensor "$keyid"
	# the owner fetched too, and renewed, before it deleted
	serve 0 delc gdelc
	run 0 fluffy-gsk accept -s lock.db <gdelc
	obtain request lock doors --members sensor
	group fetch fet lock doors
	group renew req lock doors
	serve 0 req rep
	serve 0 fet dlvr
	take lock rep
	group delete delt lock doors
	serve 0 delt gdelc
	is gdelc GSK-DELC
	run 0 fluffy-gsk accept -s lock.db <gdelc
	run 1 fluffy-gsk accept -s lock.db <dlvr
	run 0 fluffy-key list -s lock.db >listing
	! grep -q '^session' listing || fail "it has a key again"
	! grep -q '^pending' listing || fail "it waits for an answer"
	honest_group

	chapter "with which store, and what else is refused, $enc"
	town "usage-$enc"
	honest
	asks 2 "$keyid" delts
	for verb in "request $keyid" pending "pending --resend" "pending --json"; do
		# shellcheck disable=SC2086 # a verb and its operand
		run 2 fluffy-del $verb -s sensor.db >output
		empty output
		# shellcheck disable=SC2086
		run 4 fluffy-del $verb -s none.db >output
		empty output
	done
	run 2 fluffy-del accept -s skdc.db <delts >output
	empty output
	run 4 fluffy-del accept -s none.db <delts >output
	empty output
	[ ! -e none.db ] || fail "a store was made"
	run 2 fluffy-del pending -s skdc.db --cbor
	expect_err "--resend"
	run 2 fluffy-del pending -s skdc.db --resend --json --cbor
	run 2 fluffy-del pending -s skdc.db more
	run 2 fluffy-del request -s skdc.db
	run 2 fluffy-del request -s skdc.db "$keyid" "$keyid"
	run 2 fluffy-del accept -s sensor.db more <delts
	run 2 fluffy-del
	run 3 fluffy-del accept -s sensor.db >output
	expect_err "no message"
	echo junk >junk
	run 3 fluffy-del accept -s sensor.db <junk >output
	empty output
	fluffy-msg --to json delts | head -n 1 | jq -c 'del(.kenvelope)' >bad
	run 3 fluffy-del accept -s sensor.db <bad >output
	expect_err "PSK-DELT.kenvelope: missing"
	empty output
	ask req
	serve 0 req rep
	for file in req rep; do
		ignored sensor $file
	done
	printf '{"pvno":1,"msg-type":"ERROR","error-code":"internal"}' >error
	in_enc error >error.enc
	run 1 fluffy-del accept -s sensor.db <error.enc >output
	same output error.enc
	expect_err "hint"
	# the SKDC takes no PSK-DELT, and answers none
	serve 1 delts output
	empty output
	has_key sensor "$keyid"
	run 0 fluffy-del accept -s sensor.db - <delts >delc
	run 0 fluffy-del accept -v -s lock.db <delts >>delc
	expect_err "PSK-DELT is answered with PSK-DELC"
	serve 0 delc output
	open_deletions 0
	honest
done

# ---- the disk --------------------------------------------------------------------

if ! strace_works; then
	echo "skipped: strace doesn't work here"
	exit 0
fi
clock=
enc=cbor

# base: of each kind of key one that is to be deleted, and everything at hand.
chapter "the base"
town base
honest
session=$keyid
session_key=$(key_of sensor.db "$session")
pair --for lock
pair=$keyid
pair_key=$(private_of sensor "$pair")
obtain request lock doors --members sensor,lamp
doors=$keyid
doors_key=$(key_of lock.db "$doors")
obtain fetch sensor doors
obtain fetch lamp doors
honest
kept=$keyid
asks 2 "$session" session.delts
asks 2 "$pair" pair.delts
group delete doors.gdelt lock doors
cp -a . ../fresh
serve 0 doors.gdelt doors.delts
run 0 fluffy-del accept -q -s lamp.db <doors.delts >lamp.delc
serve 0 lamp.delc output
empty output
cp -a . ../asked
run 0 fluffy-del accept -q -s sensor.db <doors.delts >sensor.delc
cp -a . ../erased
serve 0 sensor.delc doors.gdelc
is doors.gdelc GSK-DELC

refresh() { # DIRECTORY: a copy of it
	cd "$scratch" || exit 99
	rm -rf killed
	cp -a "$1" killed
	cd killed || exit 99
}

chapter "what is confirmed is on the disk"
# synced KEY STORE FILE COMMAND...: when the answer leaves, nothing is still to
# be synced, and the key is nowhere. Only SQLite calls pwrite64; which file it
# writes can be seen by root alone.
synced() {
	local key=$1 store=$2 file=$3
	shift 3
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
		run 0 strace -qq -o trace -e \
		'trace=write,pwrite64,fdatasync,fsync,ftruncate,unlink' "$@" \
		<"$file" >answer
	[ -s answer ] || fail "no answer"
	perl -e '
		my $dirty = 0;
		my $synced = 0;
		while (<>) {
			$dirty = 1 if /^pwrite64\(/;
			($dirty, $synced) = (0, 1) if /^f(data)?sync\(/;
			if (/^write\(1,/) {
				exit 1 if $dirty || !$synced;
				exit 0;
			}
		}
		exit 2;' trace || fail "answered before it was synced"
	gone "$key" "$store"
}
for step in "asked|$session_key|sensor.db|session.delts|fluffy-del accept" \
    "asked|$pair_key|sensor.db|pair.delts|fluffy-del accept" \
    "asked|$doors_key|sensor.db|doors.delts|fluffy-del accept" \
    "fresh|$doors_key|skdc.db|doors.gdelt|fluffy-skdc"; do
	IFS='|' read -r from key store file command <<<"$step"
	refresh "$from"
	holds "$key" "$store" "$store-wal" || fail "the test is blind"
	# shellcheck disable=SC2086 # a program and its verb
	synced "$key" "$store" "$file" $command -q -s "$store"
	refresh "$from"
	# shellcheck disable=SC2086
	killed write 1 "$file" $command -q -s "$store" 2>/dev/null ||
		fail "it wasn't killed"
	empty out
	gone "$key" "$store"
done

# What must be true whenever it was killed; "out" is what came.
still_true() {
	case $1 in
	session | pair | doors)
		# erased before it is said; and it can be done again
		[ ! -s out ] || gone "$2" sensor.db
		run 0 fluffy-del accept -q -s sensor.db <"$1.delts" >again
		is again PSK-DELC
		gone "$2" sensor.db
		serve 0 again output
		has_key sensor "$kept"
		[ "$1" != doors ] || is output GSK-DELC
		;;
	request)
		run 0 fluffy-del request -q -s skdc.db "$kept" >again
		equal "$(count again PSK-DELT)" 2
		if [ -s out ]; then
			cat out >>again
		fi
		run 0 fluffy-del accept -q -s sensor.db <again >delc
		run 0 fluffy-del accept -q -s lock.db <again >>delc
		serve 0 delc output
		run 0 fluffy-del pending -s skdc.db >listing
		has_not listing "$kept"
		;;
	gdelt)
		got=0
		fluffy-skdc -q -s skdc.db <doors.gdelt >again 2>"$err" || got=$?
		if [ -s out ]; then
			judge 1 $got "the same again"
		elif [ $got = 1 ]; then
			# it was decided; the owner asks again
			is again ERROR replay
			group delete more lock doors
			serve 0 more again
		fi
		cat out >>again
		gone "$2" skdc.db
		for name in sensor lamp; do
			run 0 fluffy-msg --select cname=$name --to cbor again >one
			run 0 fluffy-msg --select msg-type=PSK-DELT --to cbor one >two
			run 0 fluffy-del accept -q -s $name.db <two >delc
			serve 0 delc output
		done
		[ ! -s output ] || run 0 fluffy-gsk accept -q -s lock.db <output
		group_is_over
		;;
	delc)
		if [ ! -s out ]; then
			# the GSK-DELC is lost, or not due yet
			serve 0 sensor.delc out
			[ -s out ] || ask_again
		fi
		is out GSK-DELC
		run 0 fluffy-gsk accept -q -s lock.db <out
		gone "$2" lock.db
		group_is_over
		;;
	gdelc)
		got=0
		fluffy-gsk accept -q -s lock.db <doors.gdelc >again 2>"$err" ||
			got=$?
		[ $got = 0 ] || judge 1 $got "GSK-DELC again"
		gone "$2" lock.db
		run 1 fluffy-gsk delete -s lock.db doors >output
		;;
	esac
	[ -z "$thorough" ] || honest
	[ -z "$thorough" ] || honest_group
}

ask_again() {
	group delete more lock doors
	serve 0 more out
}

group_is_over() {
	group fetch fet lamp doors
	serve 1 fet answer
	is answer ERROR no-such-group
}

chapter "kill -9 at each step's every write, and before"
kills=0
for step in "asked|session|$session_key|session.delts|fluffy-del accept -s sensor.db" \
    "asked|pair|$pair_key|pair.delts|fluffy-del accept -s sensor.db" \
    "asked|doors|$doors_key|doors.delts|fluffy-del accept -s sensor.db" \
    "fresh|request|||fluffy-del request -s skdc.db $kept" \
    "fresh|gdelt|$doors_key|doors.gdelt|fluffy-skdc -s skdc.db" \
    "erased|delc|$doors_key|sensor.delc|fluffy-skdc -s skdc.db" \
    "base|gdelc|$doors_key|doors.gdelc|fluffy-gsk accept -s lock.db"; do
	IFS='|' read -r from name key stdin command <<<"$step"
	for call in pwrite64 write fdatasync ftruncate; do
		thorough=yes
		for n in 1 2 3 5 8 13 21; do
			refresh "$from"
			# shellcheck disable=SC2086
			killed $call $n "$stdin" $command 2>/dev/null || break
			kills=$((kills + 1))
			still_true "$name" "$key"
			thorough=
		done
	done
done
[ $kills -gt 40 ] || fail "only $kills kills"
echo "# $kills kills"

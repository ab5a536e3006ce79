#!/bin/bash
# A device's secret key is replaced: ENROL documents taken up in time, late,
# twice, in the wrong place or not at all; and what becomes of the old key.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl faketime sqlite3
find_faketime || skip "faketime doesn't work here"

now=1800000000
day=86400
month=2592000
clock=$now

by() { # TIME COMMAND...
	clock=$1
	shift
	"$@"
	clock=$now
}

rotate() { # FILE NAME [OPTION]...
	run 0 fluffy-key rotate -s skdc.db --"$enc" "${@:3}" "$2" >"$1"
	expect_err "rotated the key of $2"
	is "$1" ENROL
}

join() { # FILE STORE
	run 0 fluffy-key join -s "$2" <"$1"
	expect_err "has a new key"
}

kid() { # FILE: of an ENROL
	fluffy-msg --show-keys --to json "$1" | jq -r .keydata.keyid
}

hex_key() { # FILE: of an ENROL
	fluffy-msg --show-keys --to json "$1" | jq -r '.keydata.key' |
		perl -MMIME::Base64 -ne 'tr,-_,+/,; print unpack("H*", decode_base64($_))'
}

ticket_kid() { # the key under which the SKDC seals for lock now
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	ticket=$(field rep '.mticket["enc-part"].unprotected.kid')
	run 0 fluffy-estb -s sensor.db <rep >estb
	run 0 fluffy-estb -s lock.db <estb >ack
	run 0 fluffy-estb -s sensor.db <ack
}

# the_old_is_dead: what the thief, who has a copy of the old store, gets.
the_old_is_dead() {
	ask stolen thief lock
	run 1 fluffy-skdc -s skdc.db <stolen >answer
	refused_without_ack answer auth-failed
}

the_old_is_alive() {
	ask stolen thief lock
	run 0 fluffy-skdc -s skdc.db <stolen >rep
}

# fresh NAME: first.sensor and first.lock are the first documents.
fresh() {
	local name
	enter "$1"
	run 0 fluffy-key init -s skdc.db --realm home skdc
	for name in sensor lock; do
		run 0 fluffy-key enrol -s skdc.db $name >first.$name
		run 0 fluffy-key join -s $name.db <first.$name
	done
	cp sensor.db thief.db
}

for enc in cbor json; do
	chapter "the client's key, $enc"
	fresh client
	rotate new sensor
	equal "$(field new .endtime)" $((now + day)) "a day ahead"
	honest
	the_old_is_alive
	holds "$(hex_key first.sensor)" skdc.db skdc.db-wal ||
		fail "the test is blind"
	join new sensor.db
	the_old_is_alive
	ask req
	equal "$(field req .authenticator.unprotected.kid)" "$(kid new)"
	# even if it is then refused
	ask req sensor nobody
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer unknown-service
	run 1 fluffy-estb -s sensor.db <answer >output
	expect_err "proven"
	the_old_is_dead
	gone "$(hex_key first.sensor)" skdc.db
	honest

	chapter "the service's key, $enc"
	fresh service
	rotate new lock
	ticket_kid
	equal "$ticket" "$(kid first.lock)"
	join new lock.db
	ticket_kid
	equal "$ticket" "$(kid first.lock)" "nobody has shown the new key yet"
	ask req lock nobody
	run 1 fluffy-skdc -s skdc.db <req >answer
	ticket_kid
	equal "$ticket" "$(kid new)"
	honest

	chapter "an answer on its way while the key changes, $enc"
	fresh underway
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	rotate new sensor
	join new sensor.db
	run 0 fluffy-estb -s sensor.db <rep >estb
	rotate new lock
	join new lock.db
	run 0 fluffy-estb -s lock.db <estb >ack
	run 0 fluffy-estb -s sensor.db <ack
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	rotate new sensor --now
	join new sensor.db
	run 1 fluffy-estb -s sensor.db <rep >output
	empty output
	honest

	chapter "until its end, $enc"
	fresh until
	rotate new sensor --until +1h
	equal "$(field new .endtime)" $((now + 3600))
	by $((now + 3599)) the_old_is_alive
	by $((now + 3600)) the_old_is_dead
	# the device missed the moment; the document is still good
	by $((now + 3600)) join new sensor.db
	gone "$(hex_key first.sensor)" sensor.db
	by $((now + 3600)) honest
	gone "$(hex_key first.sensor)" skdc.db
	rotate new sensor --until 2027-01-15T09:00:00Z
	equal "$(field new .endtime)" 1800003600
	rotate new sensor --until 1800007200
	equal "$(field new .endtime)" 1800007200
	by $((now + 3600)) join new sensor.db
	by $((now + 3600)) honest

	chapter "the service missed the moment, $enc"
	fresh missed
	rotate new lock --until +60s
	by $((now + 60)) ask req
	by $((now + 60)) run 0 fluffy-skdc -s skdc.db <req >rep
	equal "$(field rep '.mticket["enc-part"].unprotected.kid')" "$(kid new)"
	by $((now + 60)) run 0 fluffy-estb -s sensor.db <rep >estb
	by $((now + 60)) run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer auth-failed
	by $((now + 60)) join new lock.db
	by $((now + 60)) run 0 fluffy-estb -s lock.db <estb >ack
	by $((now + 60)) honest

	chapter "at once, $enc"
	for when in --now --until=+0s --until=1799999999 --until=$now; do
		fresh once
		# a time that has passed is most likely a mistake
		if [ "$when" != --now ]; then
			run 2 fluffy-key rotate -s skdc.db "$when" sensor >new
			expect_err "until: that time has passed"
			empty new
			the_old_is_alive
			continue
		fi
		rotate new sensor "$when"
		equal "$(field new 'has("endtime")')" false
		the_old_is_dead
		gone "$(hex_key first.sensor)" skdc.db
		ask req
		run 1 fluffy-skdc -s skdc.db <req >answer
		refused_without_ack answer auth-failed
		holds "$(hex_key first.sensor)" sensor.db sensor.db-wal ||
			fail "the test is blind"
		join new sensor.db
		gone "$(hex_key first.sensor)" sensor.db
		honest
	done

	chapter "an endtime that has passed, $enc"
	fresh passed
	rotate new sensor
	edit new ".endtime = $((now - 1))" >forged
	join forged sensor.db
	gone "$(hex_key first.sensor)" sensor.db
	fresh passed
	rotate new sensor
	edit new ".endtime = $now" >forged
	join forged sensor.db
	gone "$(hex_key first.sensor)" sensor.db
	honest

	chapter "a document that was lost, $enc"
	fresh lost
	rotate lost sensor
	rotate new sensor
	join new sensor.db
	honest
	the_old_is_dead
	gone "$(hex_key first.sensor)" skdc.db
	gone "$(hex_key lost)" skdc.db
	by $((now + 2 * day)) honest

	chapter "two at once, in both orders, $enc"
	fresh orders
	rotate one sensor
	rotate two sensor
	join one sensor.db
	honest
	join two sensor.db
	honest
	the_old_is_dead
	by $((now + 2 * day)) honest
	fresh orders
	rotate one sensor
	rotate two sensor
	join two sensor.db
	join one sensor.db
	honest
	the_old_is_dead
	rotate three sensor
	join three sensor.db
	honest
	by $((now + 2 * day)) honest

	chapter "many that the device doesn't take up, $enc"
	fresh many
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		rotate "new.$i" sensor
	done
	run 2 fluffy-key rotate -s skdc.db sensor >output
	empty output
	honest
	join new.15 sensor.db
	honest
	rotate new sensor
	join new sensor.db
	honest

	chapter "again, $enc"
	fresh again
	cp sensor.db before
	run 1 fluffy-key join -s sensor.db <first.sensor
	expect_err "ENROL.keydata.keyid"
	same sensor.db before
	rotate one sensor --now
	join one sensor.db
	run 1 fluffy-key join -s sensor.db <one
	rotate two sensor --now
	join two sensor.db
	# a key that was dropped, perhaps because others know it, stays so
	for old in first.sensor one two; do
		run 1 fluffy-key join -s sensor.db <$old
	done
	gone "$(hex_key one)" sensor.db
	honest

	chapter "somebody else's, $enc"
	fresh others
	rotate new lock
	run 1 fluffy-key join -s sensor.db <new
	expect_err "ENROL.cname"
	run 1 fluffy-key join -s sensor.db <first.lock
	for change in '.skdcname = "other"' '.skdcrealm = "away"' \
	    '.crealm = "away"' '.cname = "Lock"'; do
		edit new "$change" >forged
		run 1 fluffy-key join -s lock.db <forged
		expect_err "ENROL."
	done
	run 2 fluffy-key join -s skdc.db <new
	run 4 fluffy-key join -s none.db <new
	expect_err "ENROL.endtime"
	[ ! -e none.db ] || fail "a store of a rotation"
	run 0 fluffy-key init -s second.db --realm home skdc
	run 0 fluffy-key enrol -s second.db sensor >forged
	# nothing tells it from ours: documents come from the SKDC's operator
	run 2 fluffy-key rotate -s sensor.db sensor
	run 1 fluffy-key rotate -s skdc.db nobody
	run 2 fluffy-key rotate -s skdc.db sensor --now --until +1h
	for time in '' soon -1 +1 1h 2027-13-01T00:00Z 2027-02-30T00:00Z; do
		run 2 fluffy-key rotate -s skdc.db --until "$time" sensor
	done
	join new lock.db
	honest

	chapter "the old key ends at the device too, $enc"
	fresh device
	rotate new sensor
	join new sensor.db
	by $((now + day + month - 1)) honest
	holds "$(hex_key first.sensor)" sensor.db sensor.db-wal ||
		fail "it goes too early"
	# erased by the first step that comes a little later
	by $((now + day + month + 3600)) honest
	gone "$(hex_key first.sensor)" sensor.db
	by $((now + day + month + 3600)) honest

	chapter "the key's algorithm stays, $enc"
	fresh algorithm
	run 0 fluffy-key enrol -s skdc.db --alg A256GCM camera >first
	run 0 fluffy-key join -s camera.db <first
	rotate new camera
	equal "$(field new .keydata.alg)" A256GCM
	join new camera.db
	honest_between camera lock
	honest
done

chapter "another process keeps the log from being emptied"
enc=cbor
fresh reader
mkfifo orders
sqlite3 skdc.db <orders >held &
exec 9>orders
echo 'BEGIN; SELECT * FROM party;' >&9
until [ -s held ]; do sleep 0.05; done
run 4 fluffy-key rotate -s skdc.db --now -o new sensor
expect_err "still in the store's log"
is new ENROL
holds "$(hex_key first.sensor)" skdc.db skdc.db-wal || fail "it is gone"
exec 9>&-
wait
join new sensor.db
honest
gone "$(hex_key first.sensor)" skdc.db

# who reads it may go before it is closed: then nothing is left there
fresh patient
mkfifo orders requests
sqlite3 skdc.db <orders >held &
reader=$!
exec 9>orders
echo 'BEGIN; SELECT * FROM party;' >&9
until [ -s held ]; do sleep 0.05; done
rotate new sensor
join new sensor.db
ask req
at "$clock" fluffy-skdc -s skdc.db <requests >rep 2>"$err" 9>&- &
skdc=$!
exec 8>requests
cat req >&8
until [ -s rep ]; do sleep 0.1; done
exec 9>&-
wait $reader
exec 8>&-
wait $skdc || fail "it says that it failed: $(cat "$err")"
gone "$(hex_key first.sensor)" skdc.db

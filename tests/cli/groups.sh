#!/bin/bash
# Group keys: who makes a group, who gets its key, what the operator changes,
# and each refusal with its error and status.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl faketime
find_faketime || skip "faketime doesn't work here"

now=1800000000
clock=$now
hour=3600
month=2592000

by() { # TIME COMMAND...
	clock=$1
	shift
	"$@"
	clock=$now
}

# town DIRECTORY: a realm with a lamp and a camera more.
town() {
	realm "$1"
	device lamp
	device camera
}

# all STATUS... : the stages' statuses, as in "${PIPESTATUS[*]}".
all() {
	judge 0 0 pipeline
	equal "$1" "$2" "statuses of the stages"
}

shown() { # GROUP FILTER: of its JSON view
	fluffy_key_group --json "$1" >shown.json
	jq -r ".[0]|$2" shown.json
}

fluffy_key_group() {
	run 0 fluffy-key group -s skdc.db "$@"
}

members() { # GROUP: "name:state ..."
	shown "$1" '[.members[]|"\(.name // "everybody"):\(.state)"]|join(" ")'
}

holders() { # GROUP: "name:state ..." of its current key
	shown "$1" '.keyid as $k | [.holders[]|select(.keyid == $k)|
		"\(.name):\(.state)"]|join(" ")'
}

operator() { # OPTION NAME GROUP
	run 0 fluffy-key group -s skdc.db "$1" "$2" -- "$3"
}

keys_of() { # STORE GROUP: how many it has
	fluffy-key list -s "$1.db" | grep -cE "^session .* [^ ]*/$2 "
}

waiting() { # STORE COUNT
	equal "$(fluffy-key list -s "$1.db" | grep -c '^pending')" "$2" \
		"requests that wait"
}

clock=
chapter "the commands as they are printed"
town fresh
fluffy-gsk request -s lock.db --members sensor,lamp doors | fluffy-skdc -s skdc.db | fluffy-gsk accept -s lock.db 2>"$err"
all "${PIPESTATUS[*]}" "0 0 0"
grep -qE "^fluffy-gsk accept: received [0-9a-f]{16} for group doors until [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}Z\$" \
	"$err" || fail "the words on success"
keyid=$(keyid_said)
for name in sensor lamp; do
	fluffy-gsk fetch -s $name.db doors | fluffy-skdc -s skdc.db | fluffy-gsk accept -s $name.db 2>"$err"
	all "${PIPESTATUS[*]}" "0 0 0"
	expect_err "received $keyid for group doors until"
	equal "$(key_of $name.db "$keyid")" "$(key_of lock.db "$keyid")"
	equal "$(run 0 fluffy-key export -s $name.db --as hex --use chat "$keyid")" \
		"$(run 0 fluffy-key export -s lock.db --as hex --use chat "$keyid")"
done
fluffy-gsk renew -s lock.db --members sensor doors | fluffy-skdc -s skdc.db | fluffy-gsk accept -s lock.db 2>"$err"
all "${PIPESTATUS[*]}" "0 0 0"
[ "$(keyid_said)" != "$keyid" ] || fail "the same key again"
fluffy-gsk fetch -s sensor.db doors | fluffy-skdc -s skdc.db | fluffy-gsk accept -s sensor.db 2>"$err"
all "${PIPESTATUS[*]}" "0 0 0"
fluffy-gsk fetch -s lamp.db doors | fluffy-skdc -s skdc.db 2>"$err" | fluffy-gsk accept -s lamp.db >output 2>"$err"
all "${PIPESTATUS[*]}" "0 1 1"
expect_err "ERROR not-permitted (proven"
is output ERROR not-permitted
fluffy-gsk delete -s lock.db doors | fluffy-skdc -s skdc.db >psk-delt
all "${PIPESTATUS[*]}" "0 0"
for name in sensor lamp; do
	run 0 fluffy-del accept -s $name.db <psk-delt
done >psk-delc
fluffy-skdc -s skdc.db <psk-delc | fluffy-gsk accept -s lock.db 2>"$err"
all "${PIPESTATUS[*]}" "0 0"
expect_err "of deleted group doors"
for name in lock sensor lamp; do
	run 0 fluffy-key list -s $name.db >listing
	has_not listing doors
	has listing deleted
done
equal "$(shown doors .state)" deleted
honest_group
clock=$now

for enc in cbor json; do
	chapter "a group, step by step, $enc"
	town "steps-$enc"
	group request req lock doors --members sensor
	quiet_err
	is req GSK-REQ
	waiting lock 1
	run 0 fluffy-key list -s lock.db >listing
	grep -q '^pending.*home/doors.*GSK-REQ' listing || fail "its request"
	serve 0 req rep
	quiet_err
	is rep GSK-REP
	equal "$(field rep .spname)" lock
	take lock rep
	expect_err "for group doors until 2027-01-15 16:00Z"
	waiting lock 0
	first=$keyid
	equal "${#first}" 16 "a keyid has 8 bytes"
	run 0 fluffy-key list -s lock.db >listing
	grep -q "^session *owner *home/doors *$first *AES-CCM-16-64-128 .*established" \
		listing || fail "the owner's key"
	equal "$(shown doors .owner) $(shown doors .state)" "lock live"
	equal "$(members doors)" "lock:owner sensor:named"
	equal "$(holders doors)" "lock:holds"
	group fetch req sensor doors
	is req GSK-FET
	serve 0 req rep
	is rep GSK-DLVR
	equal "$(field rep .cname)" sensor
	take sensor rep
	equal "$keyid" "$first"
	run 0 fluffy-key list -s sensor.db >listing
	grep -q "^session *member *home/doors *$first " listing ||
		fail "the member's key"
	equal "$(key_of sensor.db "$first")" "$(key_of lock.db "$first")"
	equal "$(holders doors)" "lock:holds sensor:holds"
	# the owner stays one, and fetches too
	obtain fetch lock doors
	equal "$keyid" "$first"
	run 0 fluffy-key list -s lock.db >listing
	grep -q "^session *owner *home/doors *$first " listing ||
		fail "the owner is a member now"
	# again, as often as one likes
	obtain fetch sensor doors
	equal "$keyid" "$first"
	equal "$(keys_of sensor doors)" 1
	equal "$(holders doors)" "lock:holds sensor:holds"
	honest_group

	chapter "a new key, $enc"
	obtain renew lock doors
	second=$keyid
	[ "$second" != "$first" ] || fail "the same keyid"
	[ "$(key_of lock.db "$second")" != "$(key_of lock.db "$first")" ] ||
		fail "the same key"
	equal "$(holders doors)" "lock:holds"
	equal "$(members doors)" "lock:owner sensor:named" "as they were"
	equal "$(keys_of sensor doors)" 1 "the older one is still good"
	obtain fetch sensor doors
	equal "$keyid" "$second"
	equal "$(keys_of sensor doors)" 2
	equal "$(key_of sensor.db "$first")" "$(key_of lock.db "$first")"
	# an older key by its name
	run 0 fluffy-key remove -s sensor.db "$first"
	obtain fetch sensor doors --keyid "$first"
	equal "$keyid" "$first"
	obtain fetch sensor doors --keyid "$second"
	equal "$keyid" "$second"
	# permissions are replaced as a whole, or stay
	obtain renew lock doors --members lamp
	equal "$(members doors)" "lock:owner lamp:named"
	denied not-permitted fetch sensor doors
	denied not-permitted fetch sensor doors --keyid "$second"
	obtain fetch lamp doors
	obtain renew lock doors --lifetime 60
	equal "$(members doors)" "lock:owner"
	denied not-permitted fetch lamp doors
	equal "$(shown doors '.endtime - .authtime')" 60
	obtain renew lock doors
	equal "$(shown doors '.endtime - .authtime')" 60 "kept"
	obtain renew lock doors --members any
	equal "$(members doors)" "lock:owner everybody:any"
	delete lock doors sensor lamp
	honest_group
	# an older key ends, the current one not yet
	obtain request lock doors --members sensor
	first=$keyid
	by $((now + 28000)) obtain renew lock doors
	by $((now + 28799)) obtain fetch sensor doors --keyid "$first"
	equal "$keyid" "$first"
	by $((now + 28800)) denied no-such-key fetch sensor doors --keyid "$first"
	by $((now + 28800)) obtain fetch sensor doors
	[ "$keyid" != "$first" ] || fail "the older key"
	by $((now + 28800)) delete lock doors sensor
	by $((now + 28800)) honest_group

	chapter "who may fetch, $enc"
	town "who-$enc"
	obtain request lock alone
	equal "$(members alone)" "lock:owner"
	for name in sensor lamp camera; do
		denied not-permitted fetch $name alone
	done
	obtain fetch lock alone
	obtain request lock some --members sensor,later,camera,nobody,Lamp
	denied not-permitted fetch lamp some
	denied not-permitted fetch lamp some --keyid "$keyid"
	obtain fetch sensor some
	obtain fetch camera some
	device later
	obtain fetch later some
	obtain request lock all --members any
	obtain fetch lamp all
	device last
	obtain fetch last all
	# the owner among its members
	obtain request lock self --members lock,lock,sensor
	equal "$(members self)" "lock:owner sensor:named"
	obtain fetch lock self
	# a device called "any", and one with a comma
	device any
	device a,b
	obtain request lock odd --grppac '{"members":["any","a,b"],"x":[1]}'
	equal "$(members odd)" "lock:owner a,b:named any:named"
	obtain fetch any odd
	obtain fetch a,b odd
	denied not-permitted fetch sensor odd
	obtain request lock none --grppac '{"members":[]}'
	denied not-permitted fetch sensor none
	obtain request lock empty --grppac '{}'
	denied not-permitted fetch sensor empty
	equal "$(members empty)" "lock:owner"
	honest_group

	chapter "names of groups, $enc"
	town "names-$enc"
	obtain request lock lock
	obtain request sensor sensor --members lock
	obtain request lock skdc
	uuid=0190c0de-0000-7000-8000-000000000001
	obtain request lock $uuid --members sensor
	obtain fetch sensor $uuid
	denied no-such-group fetch sensor 0190C0DE-0000-7000-8000-000000000001
	long=$(printf %0255d 7)
	obtain request lock "$long" --members sensor
	obtain fetch sensor "$long"
	obtain request lock -x --members sensor
	obtain fetch sensor -x
	obtain request lock Doors
	denied no-such-group fetch lock doors
	# the SKDC's realm is the one meant by none
	obtain request lock doors --realm home --members sensor
	denied group-exists request lock doors
	denied group-exists request sensor doors --realm home
	obtain fetch sensor doors
	keys=$(keys_of sensor doors)
	obtain fetch sensor doors --realm home
	equal "$(keys_of sensor doors)" "$keys"
	# another realm is another group
	denied no-such-group fetch sensor doors --realm away
	obtain request sensor doors --realm away --members lamp
	away=$keyid
	denied not-permitted fetch lamp doors
	obtain fetch lamp doors --realm away
	equal "$keyid" "$away"
	run 0 fluffy-key list -s lamp.db >listing
	has listing "away/doors"
	run 0 fluffy-key group -s skdc.db --realm away doors >listing
	grep -q "^group *away/doors, owner sensor  $away" listing ||
		fail "the other realm's group"
	run 0 fluffy-key group -s skdc.db --realm away --add camera doors
	obtain fetch camera doors --realm away
	denied not-permitted fetch camera doors
	denied not-owner renew lock doors --realm away
	group delete delt sensor doors --realm away
	serve 0 delt delts
	run 0 fluffy-del accept -q -s lamp.db <delts >delcs
	run 0 fluffy-del accept -q -s camera.db <delts >>delcs
	serve 0 delcs delc
	is delc GSK-DELC
	run 0 fluffy-gsk accept -s sensor.db <delc
	obtain fetch sensor doors
	denied no-such-group fetch lamp doors --realm away
	honest_group

	chapter "group-exists, not-owner, no-such-group, $enc"
	town "refused-$enc"
	denied no-such-group fetch sensor doors
	denied no-such-group renew lock doors
	denied no-such-group fetch sensor doors --keyid 00
	obtain request lock doors --members sensor
	denied group-exists request lock doors
	expect_err "(proven"
	denied group-exists request sensor doors
	denied group-exists request lamp doors --members any
	denied not-owner renew sensor doors
	denied not-owner renew lamp doors --members lamp
	obtain fetch sensor doors
	# of this: nothing
	equal "$(members doors) $(holders doors)" \
		"lock:owner sensor:named lock:holds sensor:holds"
	group delete delt sensor doors
	serve 1 delt answer
	refused_with_ack answer not-owner
	run 1 fluffy-gsk accept -s sensor.db <answer >output
	expect_err "ERROR not-owner (proven"
	# who has no key of it can't even ask
	run 1 fluffy-gsk delete -s lamp.db doors >output
	empty output
	expect_err "no key of the group"
	run 1 fluffy-gsk delete -s lock.db door >output
	empty output
	waiting lock 0
	equal "$(shown doors .state)" live
	honest_group

	chapter "not-permitted, $enc"
	denied not-permitted fetch lamp doors
	operator --forbid sensor hidden
	denied not-permitted request sensor hidden
	denied no-such-group fetch sensor hidden
	obtain request lamp hidden --members any
	denied not-permitted fetch sensor hidden
	denied not-permitted fetch sensor hidden --keyid "$keyid"
	denied not-owner renew sensor hidden
	obtain fetch lock hidden
	# a grppac that no answer could carry
	group request req camera large --grppac \
		"$(perl -e 'print "{\"x\":\"" . "a" x 65000 . "\"}"')"
	serve 1 req answer
	refused_with_ack answer not-permitted
	denied no-such-group fetch camera large
	honest_group

	chapter "no-such-key, $enc"
	obtain request lock other --members sensor
	other=$keyid
	obtain fetch sensor other
	obtain request lock brief --members sensor --lifetime 60
	brief=$keyid
	obtain fetch sensor brief
	for keyid in 00 0011223344556677 00112233445566778899 "$other" \
	    ffffffffffffffff "$(printf %064d 0)"; do
		denied no-such-key fetch sensor brief --keyid "$keyid"
		denied no-such-key fetch lock brief --keyid "$keyid"
	done
	run 2 fluffy-gsk fetch -s sensor.db --keyid "$(printf %066d 0)" brief
	run 2 fluffy-gsk fetch -s sensor.db --keyid 0 brief
	run 2 fluffy-gsk fetch -s sensor.db --keyid 0A brief
	by $((now + 59)) obtain fetch sensor brief
	by $((now + 60)) denied no-such-key fetch sensor brief
	by $((now + 60)) denied no-such-key fetch lock brief
	by $((now + 60)) denied no-such-key fetch lock brief --keyid "$brief"
	equal "$(by $((now + 60)) shown brief .state)" ended
	# it is there all the same
	by $((now + 60)) denied group-exists request sensor brief
	by $((now + 60)) denied group-exists request lock brief
	by $((now + 60)) obtain renew lock brief
	by $((now + 60)) obtain fetch sensor brief
	[ "$keyid" != "$brief" ] || fail "the same key"
	# an answer that comes late
	group fetch req sensor brief
	by $((now + 61)) serve 0 req rep
	by $((now + 120)) run 1 fluffy-gsk accept -s sensor.db <rep
	expect_err "GSK-DLVR.receipt.endtime"
	# its deletion wants the current key
	by $((now + 61)) obtain fetch lamp hidden
	by $((now + 61)) obtain renew lamp hidden
	run 0 fluffy-key remove -s lamp.db "$keyid"
	by $((now + 61)) group delete delt lamp hidden
	by $((now + 61)) serve 1 delt answer
	refused_with_ack answer no-such-key
	by $((now + 61)) run 1 fluffy-gsk accept -s lamp.db <answer >output
	by $((now + 61)) obtain fetch lamp hidden
	by $((now + 61)) group delete delt lamp hidden
	by $((now + 61)) serve 0 delt answer
	is answer PSK-DELT
	by $((now + 61)) honest_group

	chapter "group-deleting, $enc"
	town "deleting-$enc"
	obtain request lock doors --members sensor,lamp
	obtain fetch sensor doors
	group delete delt lock doors
	serve 0 delt delts
	is delts PSK-DELT
	equal "$(shown doors .state)" deleting
	denied group-deleting fetch sensor doors
	denied group-deleting fetch lamp doors
	denied group-deleting fetch camera doors
	denied group-deleting fetch lock doors
	denied group-deleting fetch lock doors --keyid "$keyid"
	denied group-deleting request lock doors
	denied group-deleting request camera doors
	denied group-deleting renew lock doors
	denied group-deleting renew camera doors
	# till the last one has confirmed
	run 0 fluffy-del accept -s sensor.db <delts >delc
	denied group-deleting fetch lamp doors
	serve 0 delc gdelc
	denied no-such-group fetch lamp doors
	denied no-such-group renew lock doors
	denied no-such-group fetch lock doors
	run 0 fluffy-gsk accept -s lock.db <gdelc
	# and the name is anybody's
	obtain request camera doors --members sensor
	obtain fetch sensor doors
	denied not-permitted fetch lock doors
	denied not-owner renew lock doors
	honest_group

	chapter "algorithms, $enc"
	town "etypes-$enc"
	for alg in AES-CCM-16-128-128 AES-CCM-16-64-256 AES-CCM-16-128-256 \
	    A128GCM A192GCM A256GCM ChaCha20/Poly1305 AES-CCM-16-64-128; do
		obtain request lock "with $alg" --etype $alg --members sensor
		obtain fetch sensor "with $alg"
		run 0 fluffy-key list -s sensor.db >listing
		grep "$keyid" listing | grep -q " $alg " || fail "not $alg"
		equal "$(key_of sensor.db "$keyid")" "$(key_of lock.db "$keyid")"
	done
	obtain request lock second --etype A192GCM,A256GCM
	equal "$(shown second .alg)" A192GCM
	run 0 fluffy-key policy -s skdc.db --etypes A256GCM,A128GCM
	denied bad-etype request lock third
	denied bad-etype request lock third --etype A192GCM,ChaCha20/Poly1305
	obtain request lock third --etype A192GCM,A128GCM,A256GCM --members any
	equal "$(shown third .alg)" A128GCM
	run 0 fluffy-key policy -s skdc.db --etypes A256GCM lock
	denied bad-etype renew lock third --etype A128GCM
	obtain renew lock third --etype A128GCM,A256GCM
	equal "$(shown third .alg)" A256GCM
	run 0 fluffy-key policy -s skdc.db --etypes A128GCM sensor
	denied bad-etype fetch sensor third
	run 0 fluffy-key policy -s skdc.db --etypes '' sensor
	obtain fetch sensor third
	# an eviction keeps the algorithm
	operator --forbid sensor third
	equal "$(shown third .alg)" A256GCM
	run 0 fluffy-key policy -s skdc.db --etypes ''
	run 0 fluffy-key policy -s skdc.db --etypes '' lock
	for bad in none '' A128GCM,A128GCM ES256 'A128GCM,' 30; do
		run 2 fluffy-gsk request -s lock.db --etype "$bad" x >output
		empty output
	done
	waiting lock 0
	honest_group

	chapter "how long, $enc"
	town "lifetimes-$enc"
	life() { # SECONDS NAME OPTION...
		obtain request lock "$2" "${@:3}"
		equal "$(shown "$2" '.endtime - .authtime')" "$1" "$2 $*"
		run 0 fluffy-key list --json -s lock.db >listing
		equal "$(jq ".[]|select(.name == \"$2\")|.endtime" listing)" \
			$((now + $1))
	}
	life 28800 default
	life 1 second --lifetime 1
	life $month month --lifetime $month
	life $month longer --lifetime $((month + 1))
	life $month longest --lifetime 9007199254740991
	life 7200 any --grppac '{"lifetime":7.2e3}'
	run 0 fluffy-key policy -s skdc.db --lifetime $hour
	life $hour realm
	life 60 shorter --lifetime 60
	life $hour cut --lifetime 7200
	run 0 fluffy-key policy -s skdc.db --lifetime 7200 lock
	life 7200 owner
	life 7199 less --lifetime 7199
	life 7200 more --lifetime 7201
	for bad in 0 -1 1.5 '' 1e3 9007199254740992; do
		run 2 fluffy-gsk request -s lock.db --lifetime "$bad" x >output
		empty output
	done
	honest_group

	chapter "what a request may carry, $enc"
	town "extras-$enc"
	pac='{"doors":[1,-1.5,null,true,"x"],"members":["sensor"],"lifetime":600}'
	obtain request lock doors --realm home --grppac "$pac" --seqnum 4294967295 \
		--cksum --ext '{"trace":"yes"}' --etype A128GCM
	obtain fetch sensor doors --seqnum 0 --cksum --ext null
	# what the SKDC doesn't know goes to the members as it is
	run 0 fluffy-gsk fetch -s sensor.db --json doors >req
	serve 0 req rep
	run 0 fluffy-msg -s sensor.db --to json --open rep >plain
	equal "$(jq -Sc '.. | objects | select(has("grppac")) | .grppac' plain)" \
		"$(jq -Scn "$pac")"
	for bad in '{' '[]' '"any"' null 1 '{"members":"all"}' '{"members":[1]}' \
	    '{"members":[""]}' '{"members":[["x"]]}' '{"members":{}}' \
	    '{"lifetime":0}' '{"lifetime":-1}' '{"lifetime":1.5}' \
	    '{"lifetime":"1"}' '{"members":null}' '{"a":1,"a":2}' '' \
	    '{"members":["a\u0000"]}'; do
		run 2 fluffy-gsk request -s lock.db --grppac "$bad" x >output
		empty output
	done
	for bad in '' ',' 'a,' ',a' 'a,,b'; do
		run 2 fluffy-gsk request -s lock.db --members "$bad" x >output
		empty output
	done
	run 2 fluffy-gsk request -s lock.db --grppac '{}' --members any x
	expect_err "--grppac"
	run 2 fluffy-gsk renew -s lock.db --grppac '{}' --lifetime 1 x
	waiting lock 0
	honest_group

	chapter "the operator's view, $enc"
	town "view-$enc"
	fluffy_key_group >listing
	empty listing
	fluffy_key_group --json >listing
	equal "$(cat listing)" "[]"
	run 1 fluffy-key group -s skdc.db doors
	expect_err "no group"
	run 1 fluffy-key group -s skdc.db --json doors
	obtain request lock doors --members sensor
	obtain fetch sensor doors
	keyid_of_doors=$keyid
	obtain request lamp attic --members any
	fluffy_key_group >listing
	equal "$(grep -c ^group listing)" 2
	equal "$(awk '/^group/ { print $2 }' listing | tr '\n' ' ')" \
		"home/attic, home/doors, "
	fluffy_key_group doors >listing
	{
		key="$keyid_of_doors AES-CCM-16-64-128 until 2027-01-15 16:00Z"
		echo "group home/doors, owner lock $key live"
		echo "member home/lock owner"
		echo "member home/sensor named"
		echo "holder home/lock $key holds"
		echo "holder home/sensor $key holds"
	} >expected
	tr -s ' ' <listing | diff - expected || fail "the listing"
	fluffy_key_group --json >listing
	equal "$(jq -c '[.[]|.kind, .realm, .name, .owner, .state]' listing)" \
		'["group","home","attic","lamp","live","group","home","doors","lock","live"]'
	equal "$(jq -c '.[1].holders|map(.name + " " + .state)' listing)" \
		'["lock holds","sensor holds"]'
	equal "$(jq '[.. | objects | keys[]] | unique |
		any(. == "key")' listing)" false "a key is shown"
	honest_group

	chapter "the operator adds, $enc"
	town "add-$enc"
	obtain request lock doors
	denied not-permitted fetch sensor doors
	before=$(shown doors .keyid)
	operator --add sensor doors
	expect_err "may fetch"
	equal "$(members doors)" "lock:owner sensor:added"
	obtain fetch sensor doors
	equal "$(shown doors .keyid)" "$before" "it isn't renewed"
	obtain renew lock doors --members lamp
	equal "$(members doors)" "lock:owner lamp:named sensor:added" \
		"the operator's word stands"
	obtain fetch sensor doors
	operator --add sensor doors
	run 1 fluffy-key group -s skdc.db --add nobody doors
	run 1 fluffy-key group -s skdc.db --add sensor door
	run 2 fluffy-key group -s skdc.db --add lock doors
	run 2 fluffy-key group -s skdc.db --add sensor --remove sensor doors
	run 2 fluffy-key group -s skdc.db --add sensor --json doors
	run 2 fluffy-key group -s skdc.db --add sensor
	run 2 fluffy-key group -s skdc.db --realm home
	honest_group

	chapter "the operator removes, $enc"
	town "remove-$enc"
	obtain request lock doors --members sensor,lamp,camera
	first=$keyid
	obtain fetch sensor doors
	obtain fetch lamp doors
	first_key=$(key_of sensor.db "$first")
	operator --remove sensor doors
	expect_err "no longer a member"
	expect_err "copies to be deleted: 1"
	equal "$(members doors)" "lock:owner camera:named lamp:named sensor:removed"
	equal "$(holders doors)" "" "nobody has the new key yet"
	denied not-permitted fetch sensor doors
	denied not-permitted fetch sensor doors --keyid "$first"
	# the others go on, and may still have the old one
	obtain fetch camera doors --keyid "$first"
	equal "$keyid" "$first"
	obtain fetch lamp doors
	second=$keyid
	[ "$second" != "$first" ] || fail "not renewed"
	equal "$(holders doors)" "lamp:holds"
	# the owner learns of it by fetching, or by being refused
	group delete delt lock doors
	serve 1 delt answer
	refused_with_ack answer no-such-key
	run 1 fluffy-gsk accept -s lock.db <answer >output
	obtain fetch lock doors
	equal "$keyid" "$second"
	run 0 fluffy-key list -s lock.db >listing
	has listing "$second"
	# its copy goes
	run 0 fluffy-del pending -s skdc.db >listing
	equal "$(grep -c "^deletion *home/sensor *$first *key for doors" listing)" 1
	equal "$(wc -l <listing | tr -d ' ')" 1
	run 0 fluffy-del pending -s skdc.db --resend --$enc >delt
	run 0 fluffy-del accept -s sensor.db <delt >delc
	gone "$first_key" sensor.db
	serve 0 delc output
	empty output
	run 0 fluffy-del pending -s skdc.db >listing
	empty listing
	# one that has the old one alone
	operator --remove camera doors
	[ "$(shown doors .keyid)" != "$(base64url "$second")" ] ||
		fail "camera has a copy of the first key"
	operator --add camera doors
	third=$(shown doors .keyid)
	obtain fetch camera doors
	operator --remove camera doors
	[ "$(shown doors .keyid)" != "$third" ] || fail "not renewed"
	run 0 fluffy-del pending -s skdc.db --resend --$enc >delt
	run 0 fluffy-del accept -s camera.db <delt >delc
	equal "$(grep -c erased "$err")" 2 "both keys that it has"
	serve 0 delc output
	run 1 fluffy-key group -s skdc.db --remove sensor doors
	expect_err "isn't a member"
	run 1 fluffy-key group -s skdc.db --remove nobody doors
	run 2 fluffy-key group -s skdc.db --remove lock doors
	# a renewal that names it changes nothing
	obtain renew lock doors --members any
	denied not-permitted fetch sensor doors
	operator --add sensor doors
	obtain fetch sensor doors
	# but not what it was told to delete
	denied no-such-key fetch sensor doors --keyid "$first"
	honest_group

	chapter "no renewal for one who has nothing, $enc"
	obtain request lock attic --members sensor,lamp
	before=$(shown attic .keyid)
	operator --remove sensor attic
	equal "$(shown attic .keyid)" "$before"
	run 0 fluffy-del pending -s skdc.db >listing
	has_not listing attic
	# until the group is made anew
	delete lock attic
	obtain request lock attic --members sensor
	obtain fetch sensor attic
	honest_group

	chapter "the operator forbids, $enc"
	town "forbid-$enc"
	obtain request lock doors --members any
	obtain fetch sensor doors
	first=$keyid
	operator --forbid sensor doors
	expect_err "never"
	equal "$(members doors)" "lock:owner everybody:any sensor:forbidden"
	[ "$(shown doors .keyid)" != "$(base64url "$first")" ] || fail "not renewed"
	denied not-permitted fetch sensor doors
	run 0 fluffy-del pending -s skdc.db --resend --$enc >delt
	run 0 fluffy-del accept -s sensor.db <delt >delc
	serve 0 delc output
	obtain fetch lock doors
	delete lock doors
	# for a later group too
	denied not-permitted request sensor doors
	obtain request lamp doors --members sensor,camera
	denied not-permitted fetch sensor doors
	obtain fetch camera doors
	operator --add sensor doors
	obtain fetch sensor doors
	delete lamp doors camera sensor
	obtain request sensor doors
	# beforehand
	operator --forbid lamp attic
	fluffy_key_group attic >listing
	grep -q '^member *home/lamp *forbidden' listing || fail "not shown"
	denied not-permitted request lamp attic
	run 1 fluffy-key group -s skdc.db --forbid nobody attic
	run 1 fluffy-key group -s skdc.db --remove lamp attic
	run 0 fluffy-key group -s skdc.db --add lamp attic
	run 1 fluffy-key group -s skdc.db --add lamp attic
	obtain request lamp attic
	honest_group

	chapter "a device is removed, $enc"
	town "removed-$enc"
	obtain request lock doors --members sensor,lamp
	obtain fetch sensor doors
	obtain fetch lamp doors
	first=$keyid
	obtain request sensor mine --members lock,lamp
	mine=$keyid
	obtain fetch lock mine
	obtain request lock apart --members sensor
	apart=$(shown apart .keyid)
	key=$(key_of sensor.db "$first")
	group fetch late sensor doors
	run 0 fluffy-key remove -s skdc.db sensor
	[ "$(shown doors .keyid)" != "$(base64url "$first")" ] || fail "not renewed"
	equal "$(shown apart .keyid)" "$apart" "it had no copy of this"
	serve 1 late answer
	refused_without_ack answer auth-failed
	# the group that it owned goes
	denied group-deleting fetch lamp mine
	run 0 fluffy-del pending -s skdc.db >listing
	grep -q "^deletion *home/lock *$mine" listing || fail "lock has a copy"
	has_not listing sensor
	run 0 fluffy-del pending -s skdc.db --resend --$enc >delt
	run 0 fluffy-del accept -s lock.db <delt >delc
	serve 0 delc output
	empty output
	denied no-such-group fetch lamp mine
	obtain request lamp mine
	# one of the same name is another; but the names that the owner named stand
	rm sensor.db*
	device sensor
	denied no-such-group fetch sensor nothing
	obtain fetch sensor doors
	[ "$keyid" != "$first" ] || fail "the old key"
	denied not-owner renew sensor mine
	honest_group

	chapter "the last one that is missing is removed, $enc"
	town "missing-$enc"
	obtain request lock doors --members sensor
	obtain fetch sensor doors
	group delete delt lock doors
	serve 0 delt delts
	run 0 fluffy-key remove -s skdc.db sensor
	denied no-such-group fetch lamp doors
	group delete delt lock doors
	serve 0 delt delc
	is delc GSK-DELC
	run 0 fluffy-gsk accept -s lock.db <delc
	rm sensor.db*
	device sensor
	honest_group

	chapter "a member of the other encoding, $enc"
	town "mixed-$enc"
	other=json
	[ "$enc" = cbor ] || other=cbor
	obtain request lock doors --members sensor
	first=$keyid
	run 0 fluffy-gsk fetch -s sensor.db --$other doors >req
	run 0 fluffy-skdc -s skdc.db --$enc <req >rep
	run 0 fluffy-msg --to $other rep >rep2
	take sensor rep2
	equal "$keyid" "$first"
	# at every hop
	group renew m lock doors
	run 0 fluffy-msg --to $other m >m2
	serve 0 m2 m
	run 0 fluffy-msg --to $enc m >m2
	take lock m2
	enc=$other obtain fetch sensor doors
	group delete m lock doors
	run 0 fluffy-msg --to $other m >m2
	serve 0 m2 m
	run 0 fluffy-msg --to $enc m >m2
	run 0 fluffy-del accept -s sensor.db --$other <m2 >m
	run 0 fluffy-msg --to $enc m >m2
	serve 0 m2 m
	run 0 fluffy-msg --to $other m >m2
	run 0 fluffy-gsk accept -s lock.db <m2
	expect_err "of deleted group doors"
	honest_group

	chapter "several at once, $enc"
	town "several-$enc"
	for i in 1 2 3 4 5 6 7 8; do
		group request one lock "room $i" --members sensor,lamp
		cat one >>reqs
	done
	serve 0 reqs reps
	equal "$(fluffy-msg --to json reps | grep -c GSK-REP)" 8
	run 0 fluffy-gsk accept -s lock.db <reps >output
	empty output
	equal "$(grep -c 'received .* for group' "$err")" 8
	for i in 1 2 3 4 5 6 7 8 9; do
		for name in sensor lamp; do
			group fetch one $name "room $i"
			cat one >>fets
		done
	done
	serve 1 fets dlvrs
	equal "$(fluffy-msg --to json dlvrs | grep -c GSK-DLVR)" 16
	equal "$(fluffy-msg --to json dlvrs | grep -c no-such-group)" 2
	# each takes its own; the others' are no harm, but refused
	run 1 fluffy-gsk accept -s sensor.db <dlvrs >output
	equal "$(grep -c 'received .* for group' "$err")" 8
	equal "$(fluffy-msg --to json output | grep -c no-such-group)" 2
	run 0 fluffy-msg --select cname=lamp --to $enc dlvrs >both
	run 0 fluffy-msg --select msg-type=GSK-DLVR --to $enc both >lamps
	run 0 fluffy-gsk accept -s lamp.db <lamps
	equal "$(fluffy-key list -s lamp.db | grep -c '^session *member')" 8
	for i in 1 2 3 4 5 6 7 8; do
		group delete one lock "room $i"
		cat one >>gdelts
	done
	serve 0 gdelts pdelts
	equal "$(fluffy-msg --to json pdelts | grep -c PSK-DELT)" 16
	for name in sensor lamp; do
		run 0 fluffy-del accept -s $name.db <pdelts >$name.delcs
		equal "$(grep -c erased "$err")" 8
		equal "$(grep -c skipped "$err")" 8
	done
	serve 0 sensor.delcs output
	empty output
	serve 0 lamp.delcs gdelcs
	equal "$(fluffy-msg --to json gdelcs | grep -c GSK-DELC)" 8
	run 0 fluffy-gsk accept -s lock.db <gdelcs
	equal "$(grep -c 'of deleted group' "$err")" 8
	for name in lock sensor lamp; do
		equal "$(fluffy-key list -s $name.db | grep -c '^session')" 0
	done
	honest_group

	chapter "quiet and verbose, $enc"
	town "words-$enc"
	said() { # PROGRAM MESSAGE
		sed -n "s/^$1: $2: \\(.*\\): ok\$/\\1/p" "$err" | tr '\n' ' '
	}
	for flag in q v; do
		run 0 fluffy-gsk request -$flag -s lock.db --$enc --members sensor \
			"doors $flag" >req
		[ $flag = v ] || quiet_err
		[ $flag = q ] || expect_err "GSK-REQ"
		run 0 fluffy-skdc -$flag -s skdc.db <req >rep
		[ $flag = v ] || quiet_err
		[ $flag = q ] || equal "$(said fluffy-skdc GSK-REQ)" \
			"skdc seal names clock time nonce kty etype group policy "
		run 0 fluffy-gsk accept -$flag -s lock.db <rep
		[ $flag = v ] || quiet_err
		[ $flag = q ] || equal "$(said "fluffy-gsk accept" GSK-REP)" \
			"seal names pending etype endtime deleted "
		run 0 fluffy-gsk fetch -$flag -s sensor.db --$enc "doors $flag" >req
		[ $flag = v ] || quiet_err
		run 0 fluffy-skdc -$flag -s skdc.db <req >rep
		[ $flag = v ] || quiet_err
		[ $flag = q ] || equal "$(said fluffy-skdc GSK-FET)" \
			"skdc seal names clock time nonce group member key etype "
		run 0 fluffy-gsk accept -$flag -s sensor.db <rep
		[ $flag = v ] || quiet_err
		run 0 fluffy-gsk delete -$flag -s lock.db --$enc "doors $flag" >req
		[ $flag = v ] || quiet_err
		run 0 fluffy-skdc -$flag -s skdc.db <req >rep
		[ $flag = v ] || quiet_err
		[ $flag = q ] || expect_err "GSK-DELT is answered with PSK-DELT"
		run 0 fluffy-del accept -$flag -s sensor.db <rep >delc
		[ $flag = v ] || quiet_err
		[ $flag = q ] || equal "$(said "fluffy-del accept" PSK-DELT)" \
			"seal names clock time nonce "
		run 0 fluffy-del accept -$flag -s lamp.db <rep >output
		[ $flag = v ] || quiet_err
		run 0 fluffy-skdc -$flag -s skdc.db <delc >rep
		[ $flag = v ] || quiet_err
		[ $flag = q ] || equal "$(said fluffy-skdc PSK-DELC)" \
			"skdc seal names nonce "
		run 0 fluffy-gsk accept -$flag -s lock.db <rep
		[ $flag = v ] || quiet_err
		[ $flag = q ] || equal "$(said "fluffy-gsk accept" GSK-DELC)" \
			"seal names pending "
		has_not "$err" key=
	done
	# a refusal is told all the same
	group fetch req sensor nothing
	run 1 fluffy-skdc -q -s skdc.db <req >rep
	expect_err "GSK-FET.req-body.mcastname"
	run 1 fluffy-gsk accept -q -s sensor.db <rep >output
	expect_err "no-such-group"
	group fetch req sensor nothing
	run 1 fluffy-skdc --errors json -s skdc.db <req >rep
	equal "$(jq -r '"\(.error) \(.field) \(.status)"' "$err")" \
		"no-such-group GSK-FET.req-body.mcastname 1"
	honest_group

	chapter "freshness, $enc"
	town "fresh-$enc"
	obtain request lock doors --members sensor
	for verb in "request lock attic" "renew lock doors" "fetch sensor doors" \
	    "delete lock doors"; do
		# shellcheck disable=SC2086 # VERB DEVICE GROUP
		set -- $verb
		for off in -301 301; do
			by $((now + off)) group "$1" old "$2" "$3"
			serve 1 old answer
			refused_with_ack answer clock-skew
			run 1 fluffy-gsk accept -s "$2.db" <answer >output
			expect_err "ERROR clock-skew (proven"
		done
	done
	waiting lock 0
	waiting sensor 0
	by $((now - 300)) group fetch req sensor doors
	serve 0 req rep
	take sensor rep
	serve 1 req answer
	refused_with_ack answer replay
	by $((now + 300)) group renew req lock doors
	serve 0 req rep
	take lock rep
	serve 1 req answer
	refused_with_ack answer replay
	by $((now - 300)) honest_group
	# a clock that is behind
	by $((now - 301)) group fetch req sensor doors
	by $((now - 301)) serve 1 req answer
	refused_with_ack answer busy
	by $((now - 301)) run 1 fluffy-gsk accept -s sensor.db <answer >output
	waiting sensor 1
	by $((now - 301)) run 0 fluffy-key policy -s skdc.db --reset-clock
	by $((now - 301)) serve 0 req rep
	by $((now - 301)) take sensor rep
	waiting sensor 0
	honest_group

	chapter "with which store, $enc"
	town "stores-$enc"
	obtain request lock doors --members sensor
	group fetch req sensor doors
	serve 0 req rep
	for verb in "request x" "renew x" "fetch x" "delete x" accept; do
		# shellcheck disable=SC2086 # a verb and its operand
		run 2 fluffy-gsk $verb -s skdc.db <rep >output
		empty output
		# shellcheck disable=SC2086
		run 4 fluffy-gsk $verb -s none.db <rep >output
		empty output
	done
	for verb in "" "doors" "--add sensor doors" "--remove sensor doors" \
	    "--forbid sensor doors" "--json"; do
		# shellcheck disable=SC2086
		run 2 fluffy-key group -s sensor.db $verb >output
		empty output
		# shellcheck disable=SC2086
		run 4 fluffy-key group -s none.db $verb >output
		empty output
	done
	[ ! -e none.db ] || fail "a store was made"
	run 2 fluffy-skdc -s sensor.db <req >output
	empty output
	take sensor rep

	chapter "what accept doesn't take, $enc"
	group fetch req sensor doors
	serve 0 req rep
	ask psk
	serve 0 psk pskrep
	for file in req pskrep psk; do
		run 1 fluffy-gsk accept -s sensor.db <$file >output
		empty output
	done
	run 3 fluffy-gsk accept -s sensor.db >output
	expect_err "no message"
	echo junk >junk
	run 3 fluffy-gsk accept -s sensor.db <junk >output
	empty output
	fluffy-msg --to json rep | jq -c 'del(.receipt)' >bad
	run 3 fluffy-gsk accept -s sensor.db <bad >output
	expect_err "GSK-DLVR.receipt: missing"
	empty output
	# the worst counts; what is good is taken
	cat rep bad >mixed
	[ $enc = cbor ] || run 3 fluffy-gsk accept -s sensor.db <mixed >output
	[ $enc = json ] || run 3 fluffy-gsk accept -s sensor.db <mixed >output
	expect_err "received"
	# an operand
	group fetch req sensor doors
	run 0 fluffy-skdc -s skdc.db - <req >rep
	run 0 fluffy-gsk accept -s sensor.db - <rep
	run 2 fluffy-gsk accept -s sensor.db more <rep
	for verb in request renew fetch delete; do
		run 2 fluffy-gsk $verb -s lock.db
		run 2 fluffy-gsk $verb -s lock.db a b
		run 2 fluffy-gsk $verb -s lock.db ''
		run 2 fluffy-gsk $verb -s lock.db "$(printf %0256d 1)"
		run 2 fluffy-gsk $verb -s lock.db "$(printf 'a\nb')"
		run 2 fluffy-gsk $verb -s lock.db "$(printf 'a\377')"
		run 2 fluffy-gsk $verb -s lock.db --realm '' doors
		run 2 fluffy-gsk $verb -s lock.db --json --cbor doors
	done
	run 2 fluffy-gsk
	run 2 fluffy-gsk none
	waiting lock 0
	honest
	honest_group
done

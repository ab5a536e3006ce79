#!/bin/bash
# Every verb of fluffy-key: what it does, and what it does of a mistake.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl

long=$(printf '%0255d' 0)
control=$(printf 'a\001b')

chapter init
enter init
run 2 fluffy-key init -s s.db --realm home
expect_err "NAME is missing"
run 2 fluffy-key init -s s.db skdc
expect_err "--realm: missing"
run 2 fluffy-key init --realm home skdc
expect_err "--store: missing"
run 2 fluffy-key init -s s.db --realm home skdc more
expect_err "more"
run 2 fluffy-key init -s '' --realm home skdc
run 2 fluffy-key init -s s.db --realm '' skdc
run 2 fluffy-key init -s s.db --realm home ''
run 2 fluffy-key init -s s.db --realm "${long}0" skdc
run 2 fluffy-key init -s s.db --realm home "${long}0"
run 2 fluffy-key init -s s.db --realm home "$control"
run 2 fluffy-key init -s s.db --realm "$control" skdc
run 2 fluffy-key init -s s.db --realm home "$(printf 'a\377')"
run 4 fluffy-key init -s none/s.db --realm home skdc
run 4 fluffy-key init -s . --realm home skdc
equal "$(find . -mindepth 1 | wc -l | tr -d ' ')" 0 "a refusal leaves nothing"
run 0 fluffy-key init -s s.db --realm "$long" "$long"
equal "$(mode s.db)" 600
cp s.db before
run 4 fluffy-key init -s s.db --realm home skdc
same s.db before
echo precious >file
run 4 fluffy-key init -s file --realm home skdc
equal "$(cat file)" precious
ln -s nowhere link
run 4 fluffy-key init -s link --realm home skdc
[ ! -e nowhere ] || fail "a dangling link was followed"
(umask 000 && fluffy-key init -s open.db --realm home skdc) 2>"$err"
judge 0 $? init
equal "$(mode open.db)" 600
(umask 777 && fluffy-key init -s shut.db --realm home skdc) 2>"$err"
judge 0 $? init
equal "$(mode shut.db)" 600
run 0 fluffy-key init -q -s ':memory:' --realm 'ünï "code"' -- -dashed
quiet_err
[ -e ':memory:' ] || fail "a file's name is only that"
run 0 fluffy-key list -s ':memory:' --json >listing
equal "$(jq -r '.[0].name + .[0].realm' listing)" '-dashedünï "code"'

chapter enrol
for enc in cbor json; do
	realm "enrol-$enc"
	run 2 fluffy-key enrol -s skdc.db
	run 2 fluffy-key enrol -s skdc.db a b
	run 2 fluffy-key enrol a
	run 2 fluffy-key enrol -s skdc.db --json --cbor a
	expect_err "not together with"
	run 2 fluffy-key enrol -s skdc.db ''
	run 2 fluffy-key enrol -s skdc.db '*'
	run 2 fluffy-key enrol -s skdc.db "$control"
	run 2 fluffy-key enrol -s skdc.db "${long}0"
	run 2 fluffy-key enrol -s sensor.db a >out
	empty out
	for alg in '' none AES-CCM-16-64-128 AES-CCM-16-64-256 ES256 30; do
		run 2 fluffy-key enrol -s skdc.db --alg "$alg" a >out
		empty out
	done
	run 4 fluffy-key enrol -s none.db a >out
	empty out
	[ ! -e none.db ] || fail "only init and join make stores"
	run 1 fluffy-key enrol -s skdc.db sensor >out
	empty out
	run 0 fluffy-key list -s skdc.db >listing
	has_not listing home/a

	for alg in AES-CCM-16-128-128 AES-CCM-16-128-256 A128GCM A192GCM \
	    A256GCM ChaCha20/Poly1305; do
		run 0 fluffy-key enrol -s skdc.db --$enc --alg $alg "c $alg" >e
		expect_err "enrolled c $alg"
		is e ENROL
		equal "$(field e '.keydata.alg + .cname + .skdcname')" \
			"${alg}c ${alg}skdc"
		equal "$(field e 'has("endtime")')" false
		run 0 fluffy-key join -q -s "c.db" <e
		quiet_err
		equal "$(mode c.db)" 600
		ask req c
		run 0 fluffy-skdc -s skdc.db <req >rep
		run 0 fluffy-estb -s c.db <rep >estb
		run 0 fluffy-estb -s lock.db <estb >ack
		run 0 fluffy-estb -s c.db <ack
		rm c.db
	done

	chapter "output to a file, $enc"
	(umask 000 && fluffy-key enrol -s skdc.db --$enc -o doc file) \
		>out 2>"$err"
	judge 0 $? enrol -o
	empty out
	equal "$(mode doc)" 600
	is doc ENROL
	cp doc before
	run 4 fluffy-key enrol -s skdc.db -o doc other
	same doc before
	ln -sf nowhere link
	run 4 fluffy-key enrol -s skdc.db -o link other
	[ ! -e nowhere ] || fail "a dangling link was followed"
	run 4 fluffy-key enrol -s skdc.db -o none/doc other
	run 4 fluffy-key enrol -s skdc.db -o . other
	run 2 fluffy-key enrol -s skdc.db -o '' other
	run 1 fluffy-key enrol -s skdc.db -o new file
	[ ! -e new ] || fail "a file is left behind"
	run 0 fluffy-key enrol -s skdc.db -o new other
	run 4 fluffy-key rotate -s skdc.db -o doc file
	same doc before
	run 0 fluffy-key list -s skdc.db >listing
	equal "$(grep -c 'secret.*home/file ' listing)" 1 "not rotated"
	run 1 fluffy-key rotate -s skdc.db -o new2 nobody
	[ ! -e new2 ] || fail "a file is left behind"
	(umask 777 && fluffy-key rotate -s skdc.db -o new2 file) 2>"$err"
	judge 0 $? rotate -o
	equal "$(mode new2)" 600

	chapter "join, $enc"
	(umask 000 && fluffy-key join -s file.db) <doc 2>"$err"
	judge 0 $? join
	equal "$(mode file.db)" 600
	cp file.db before
	run 1 fluffy-key join -s file.db <doc
	run 3 fluffy-key join -s n.db
	expect_err "no message"
	run 3 fluffy-key join -s n.db <"$0"
	head -c 40 doc >part
	run 3 fluffy-key join -s n.db <part
	ask req
	run 1 fluffy-key join -s n.db <req >out
	empty out
	[ ! -e n.db ] || fail "a store without an enrolment"
	run 4 fluffy-key join -s none/n.db <new
	run 4 fluffy-key join -s "$0" <new
	run 2 fluffy-key join -s skdc.db <new
	run 2 fluffy-key join <new
	run 2 fluffy-key join -s n.db new
	honest
done
enc=cbor

chapter "names that look alike, or like something else"
realm names
for name in Sensor 0190c0de-0000-7000-8000-00000000000a \
    0190C0DE-0000-7000-8000-00000000000A 'sensor ' "$long" -dashed $'\xc3\xa9' $'e\xcc\x81' deadbeef; do
	run 0 fluffy-key enrol -s skdc.db -o doc -- "$name"
	run 0 fluffy-key join -s "$scratch/names/n-${name:0:40}.db" <doc
	rm doc
done
equal "$(fluffy-key list -s skdc.db --json | jq '[.[] | select(.kind == "device")] | length')" 11
ask req sensor 0190c0de-0000-7000-8000-00000000000a
run 0 fluffy-skdc -s skdc.db <req >rep
run 0 fluffy-estb -s sensor.db <rep >estb
run 1 fluffy-estb -s n-0190C0DE-0000-7000-8000-00000000000A.db <estb >answer
is answer ERROR auth-failed
run 0 fluffy-estb -s n-0190c0de-0000-7000-8000-00000000000a.db <estb >ack
run 0 fluffy-estb -s sensor.db <ack
run 0 fluffy-key remove -s skdc.db deadbeef
expect_err "removed deadbeef"
run 1 fluffy-key remove -s skdc.db deadbeef
run 0 fluffy-key remove -s skdc.db -- -dashed
honest

# all keys that there are, as "STORE KEYID"
all_keys() {
	local store
	for store in "$@"; do
		fluffy-key list -s "$store" --json | jq -r '.[] |
			select(.kind == "secret" or .kind == "session") |
			.keyid' | while read -r id; do
			perl -MMIME::Base64 -e '$_ = shift; tr,-_,+/,;
				print unpack("H*", decode_base64($_)), "\n"' \
				-- "$id"
		done | sed "s/^/$store /"
	done
}

chapter "list: never a key"
for enc in cbor json; do
	realm "list-$enc"
	honest
	honest_between lock sensor
	ask waiting
	run 0 fluffy-key rotate -s skdc.db sensor >doc
	run 0 fluffy-key join -s sensor.db <doc
	run 0 fluffy-key deny -s skdc.db lock '*'
	all_keys sensor.db lock.db >keys
	[ "$(wc -l <keys)" -ge 7 ] || fail "keys are missing in the lists"
	for store in skdc.db sensor.db lock.db; do
		run 0 fluffy-key list -s $store >>listings
		run 0 fluffy-key list -s $store --json >list.json
		jq -e 'type == "array" and .[0].kind == "party"' list.json \
			>/dev/null || fail "list --json of $store"
		cat list.json >>listings
	done
	while read -r store id; do
		run 0 fluffy-key export -s "$store" --as hex "$id" >key
		[ "$(size key)" -ge 33 ] || fail "a key of $store"
		has_not listings "$(cat key)"
		has_not listings "$(base64url "$(cat key)")"
	done <keys
	has listings 'sensor -> lock'
	has listings pending
	has listings denied
	run 2 fluffy-key list
	run 2 fluffy-key list -s sensor.db more
	run 4 fluffy-key list -s none.db
	[ ! -e none.db ] || fail "list makes no store"
	honest
done

chapter "export"
for enc in cbor json; do
	realm "export-$enc"
	honest
	run 2 fluffy-key export -s sensor.db "$keyid"
	expect_err "--as"
	run 2 fluffy-key export -s sensor.db --as pem "$keyid"
	run 2 fluffy-key export -s sensor.db --as hex
	run 2 fluffy-key export --as hex "$keyid"
	run 2 fluffy-key export -s sensor.db --as hex "$keyid" more
	for bad in '' xyz "${keyid}0" 0x1234 "$(printf %s "$keyid" | tr a-f A-F)Z" \
	    "$(printf %066d 0)" AB; do
		run 2 fluffy-key export -s sensor.db --as hex "$bad" >out
		empty out
	done
	run 1 fluffy-key export -s sensor.db --as hex ffffffffffffffff >out
	empty out
	# an SKDC remembers that it issued a key, and not the key
	run 1 fluffy-key export -s skdc.db --as hex "$keyid" >out
	empty out
	run 4 fluffy-key export -s none.db --as hex "$keyid" >out
	run 2 fluffy-key export -s sensor.db --as keydata --use x "$keyid" >out
	run 2 fluffy-key export -s sensor.db --as hex --use '' "$keyid" >out
	empty out
	for form in keydata jwk cose-key hex openssl-psk; do
		run 0 fluffy-key export -s sensor.db --as $form "$keyid" >mine
		quiet_err
		run 0 fluffy-key export -s lock.db --as $form "$keyid" >theirs
		same mine theirs
		mv mine "$form"
	done
	key=$(cat hex)
	equal "${#key}" 32
	equal "$(jq -c . jwk)" "{\"kty\":\"oct\",\"kid\":\"$(base64url "$keyid")\",\"k\":\"$(base64url "$key")\",\"key_ops\":[\"encrypt\",\"decrypt\"],\"alg\":\"AES-CCM-16-64-128\"}"
	equal "$(jq -c . keydata)" "{\"kty\":\"SYMM\",\"keyid\":\"$(base64url "$keyid")\",\"key\":\"$(base64url "$key")\",\"keyops\":[\"encrypt\",\"decrypt\"],\"alg\":\"AES-CCM-16-64-128\"}"
	# {1: 4, 2: kid, 3: 10, 4: [3, 4], -1: key}
	equal "$(hex_of cose-key)" "a50104""0248$keyid""030a""04820304""2050$key"
	has_not openssl-psk "$key"
	has openssl-psk "-psk_identity $keyid -psk "
	run 0 fluffy-key export -s sensor.db --as hex --use openssl-psk "$keyid" >used
	has openssl-psk "-psk $(cat used)"
	run 0 fluffy-key export -s sensor.db --as hex --use other "$keyid" >used2
	! cmp -s used used2 || fail "two uses, one key"
	if have openssl; then
		equal "$(openssl kdf -keylen 16 -kdfopt digest:SHA256 \
			-kdfopt "hexkey:$key" -kdfopt "hexsalt:$keyid" \
			-kdfopt 'info:fluffy app other' HKDF |
			tr -d ':\n' | tr A-F a-f)" "$(cat used2)"
	fi
	(umask 000 && fluffy-key export -s sensor.db --as hex -o file "$keyid") \
		>out 2>"$err"
	judge 0 $? export -o
	empty out
	same file hex
	equal "$(mode file)" 600
	echo precious >file
	run 4 fluffy-key export -s sensor.db --as hex -o file "$keyid" >out
	empty out
	equal "$(cat file)" precious
	honest
done

chapter "the exported key at work in TLS"
tls() { # ARGUMENTS OF S_CLIENT...
	printf 'GET / HTTP/1.0\r\n\r\n' |
		timeout 20 openssl s_client -connect "127.0.0.1:$port" -quiet \
			-ign_eof "$@" >answer 2>"$err"
}
if have openssl; then
	run 0 fluffy-key export -s sensor.db --as openssl-psk -o client "$keyid"
	run 0 fluffy-key export -s lock.db --as openssl-psk -o server "$keyid"
	# shellcheck disable=SC2046 # they are several arguments
	openssl s_server -accept 127.0.0.1:0 -nocert -www $(cat server) \
		>server.log 2>&1 &
	server=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' server.log)
		[ -z "$port" ] || break
		sleep 0.1
	done
	if [ -z "$port" ]; then
		echo "skipped: no loopback for openssl s_server"
	else
		# shellcheck disable=SC2046
		tls $(cat client) || fail "s_client"
		has answer "HTTP/1.0 200"
		other=$(tr 0-9a-f 1-9a-f0 <hex)
		! tls -psk_identity "$keyid" -psk "$other" ||
			fail "another key does as well"
	fi
	kill $server
fi
honest

chapter "remove: erased from the files"
for enc in cbor json; do
	realm "remove-$enc"
	device camera
	honest
	session=$(key_of sensor.db "$keyid")
	for store in sensor.db lock.db; do
		holds "$session" $store $store-wal || fail "the test is blind"
		run 0 fluffy-key remove -s $store "$keyid"
		expect_err "removed $keyid"
		gone "$session" $store
		run 1 fluffy-key remove -s $store "$keyid"
		run 1 fluffy-key export -s $store --as hex "$keyid"
	done
	run 0 fluffy-key remove -s skdc.db "$keyid"
	run 1 fluffy-key remove -s skdc.db "$keyid"

	kid=$(all_keys camera.db | cut -d' ' -f2)
	secret=$(key_of camera.db "$kid")
	equal "$(key_of skdc.db "$kid")" "$secret"
	run 2 fluffy-key remove -s skdc.db "$kid"
	run 2 fluffy-key remove -s camera.db "$kid"
	run 0 fluffy-key rotate -s skdc.db camera >doc
	run 0 fluffy-key join -s camera.db <doc
	# what would be left has an end
	newest=$(all_keys camera.db | cut -d' ' -f2 | grep -v "$kid")
	for store in skdc.db camera.db; do
		run 2 fluffy-key remove -s $store "$newest"
		expect_err 'the newest key of "camera"'
	done
	for store in skdc.db camera.db; do
		holds "$secret" $store $store-wal || fail "the test is blind"
		run 0 fluffy-key remove -s $store "$kid"
		gone "$secret" $store
	done
	honest_between camera lock
	kid=$(all_keys camera.db | head -n 1 | cut -d' ' -f2)
	secret=$(key_of camera.db "$kid")
	holds "$secret" skdc.db skdc.db-wal || fail "the test is blind"
	run 0 fluffy-key deny -s skdc.db camera lock
	run 0 fluffy-key remove -s skdc.db camera
	gone "$secret" skdc.db
	run 0 fluffy-key list -s skdc.db >listing
	has_not listing home/camera
	ask req camera
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_without_ack answer auth-failed
	ask req sensor camera
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer unknown-service
	# who comes back is somebody new
	run 0 fluffy-key enrol -s skdc.db camera >doc
	rm camera.db
	run 0 fluffy-key join -s camera.db <doc
	honest_between camera lock
	for what in nobody ff '' '*'; do
		run 1 fluffy-key remove -s skdc.db "$what"
	done
	run 2 fluffy-key remove -s skdc.db
	run 2 fluffy-key remove -s skdc.db camera sensor
	run 4 fluffy-key remove -s none.db camera
	honest
done

policy() { # WHAT [OPERAND]...
	run 0 fluffy-key policy -s skdc.db "${@:2}" >shown
	sed -n "s/^$1 *//p" shown
}

lifetime() { # of the session key just made
	fluffy-key list -s "$1" --json |
		jq 'map(select(.kind == "session"))[-1] | .endtime - .authtime'
}

chapter "policy"
for enc in cbor json; do
	realm "policy-$enc"
	equal "$(policy lifetime)" default
	equal "$(policy skew)" default
	equal "$(policy etypes)" default
	honest
	equal "$(lifetime lock.db)" 28800
	run 0 fluffy-key policy -s skdc.db --lifetime 3600 --skew 120 \
		--etypes A128GCM,AES-CCM-16-64-128
	expect_err changed
	equal "$(policy lifetime)" 3600
	equal "$(policy skew)" 120
	equal "$(policy etypes)" A128GCM,AES-CCM-16-64-128
	equal "$(policy lifetime lock)" default
	run 0 fluffy-key policy -q -s skdc.db --lifetime 60 lock
	quiet_err
	equal "$(policy lifetime lock)" 60
	equal "$(policy lifetime)" 3600
	honest
	equal "$(lifetime lock.db)" 60
	honest_between lock sensor
	equal "$(lifetime lock.db)" 60
	run 0 fluffy-key policy -s skdc.db --lifetime 2592000 lock
	run 0 fluffy-key policy -s skdc.db --etypes A128GCM lock
	equal "$(policy etypes lock)" A128GCM
	ask req
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer bad-etype
	ask req sensor lock --etype AES-CCM-16-64-128,A256GCM,A128GCM
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 0 fluffy-estb -s sensor.db <rep >estb
	run 0 fluffy-estb -s lock.db <estb >ack
	fluffy-key list -s lock.db | grep -q A128GCM || fail "etype"
	run 0 fluffy-key policy -s skdc.db --etypes '' lock
	equal "$(policy etypes lock)" default
	equal "$(policy lifetime lock)" 2592000
	honest
	equal "$(lifetime lock.db)" 2592000
	run 0 fluffy-key policy -s skdc.db --lifetime 0 lock
	equal "$(policy lifetime lock)" default
	honest
	equal "$(lifetime lock.db)" 3600
	run 0 fluffy-key policy -s skdc.db --skew 0
	equal "$(policy skew)" default
	run 0 fluffy-key policy -s skdc.db --skew 120
	run 0 fluffy-key policy -s skdc.db --reset-clock
	run 0 fluffy-key policy -s sensor.db --skew 5
	run 0 fluffy-key policy -s sensor.db --reset-clock
	cp skdc.db before
	for bad in --lifetime=2592001 --lifetime=-1 --lifetime=x \
	    --lifetime= --lifetime=1e3 --lifetime=99999999999999999999 \
	    --skew=2592001 --skew=x --etypes=none \
	    --etypes=A128GCM,A128GCM '--etypes=A128GCM,' --etypes=,A128GCM \
	    --etypes=ES256 --etypes=a128gcm --reset-clock=1 --nothing; do
		run 2 fluffy-key policy -s skdc.db $bad
	done
	run 2 fluffy-key policy -s skdc.db --skew 5 lock
	run 2 fluffy-key policy -s skdc.db --reset-clock lock
	run 2 fluffy-key policy -s skdc.db lock sensor
	run 2 fluffy-key policy -s sensor.db --lifetime 5
	run 2 fluffy-key policy -s sensor.db --etypes A128GCM
	run 1 fluffy-key policy -s skdc.db nobody
	run 1 fluffy-key policy -s skdc.db --lifetime 5 nobody
	run 4 fluffy-key policy -s none.db
	equal "$(policy lifetime)" 3600
	equal "$(policy skew)" 120
	honest
done

chapter "deny and allow"
denied() { # CLIENT SERVICE
	ask req "$1" "$2"
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer not-permitted
}
for enc in cbor json; do
	realm "deny-$enc"
	run 2 fluffy-key deny -s skdc.db sensor
	run 2 fluffy-key deny -s skdc.db sensor lock more
	run 2 fluffy-key deny -s skdc.db sensor ''
	run 2 fluffy-key deny -s sensor.db sensor lock
	run 2 fluffy-key allow -s sensor.db sensor lock
	run 1 fluffy-key deny -s skdc.db sensor nobody
	run 1 fluffy-key deny -s skdc.db nobody lock
	run 1 fluffy-key allow -s skdc.db sensor lock
	run 4 fluffy-key deny -s none.db sensor lock
	run 0 fluffy-key deny -s skdc.db sensor lock
	expect_err "sensor may not ask for lock"
	denied sensor lock
	run 0 fluffy-key deny -s skdc.db sensor lock
	honest_between lock sensor
	run 0 fluffy-key allow -s skdc.db sensor lock
	expect_err "sensor may ask for lock"
	honest
	for rule in '* lock' 'sensor *' '* *'; do
		set -f
		# shellcheck disable=SC2086 # two words
		run 0 fluffy-key deny -s skdc.db $rule
		denied sensor lock
		run 1 fluffy-key allow -s skdc.db sensor lock
		# shellcheck disable=SC2086
		run 0 fluffy-key allow -s skdc.db $rule
		set +f
		honest
	done
	# a rule goes with the device that it is about
	device camera
	run 0 fluffy-key deny -s skdc.db sensor camera
	run 0 fluffy-key remove -s skdc.db camera
	run 1 fluffy-key allow -s skdc.db sensor camera
	rm camera.db
	device camera
	honest_between sensor camera
	honest
done

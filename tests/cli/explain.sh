#!/bin/bash
# Why was it refused, where do they differ, and what could be wrong with it:
# fluffy-msg --explain, --diff and --mutate.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq faketime
find_faketime || skip "faketime doesn't work"

# explain STATUS STORE FILE: leaves text and json.
explain() {
	run "$1" fluffy-msg --explain -s "$2" "$3" >text
	run "$1" fluffy-msg --explain --to json -s "$2" "$3" >json
	equal "$(wc -l <json)" 1
}

# verdicts FILTER: of json
verdict() {
	jq -r "$1" json
}

# failed CHECK ERROR: that is the first failure, and what is behind it is told.
failed() {
	equal "$(verdict '[.checks[] | select(.verdict == "failed")] |
		"\(length) \(.[0].check) \(.[0].error)"')" "1 $1 $2"
	equal "$(verdict '.verdict + " " + .error')" "refused $2"
	equal "$(verdict '[.checks[].verdict] | index("failed") as $i |
		[.[:$i][] | select(. != "passed")] +
		[.[$i + 1:][] | select(. != "not-reached")] | length')" 0
	grep -qE "^  $1 +failed: $2: " text || fail "text doesn't tell $1"
	expect_err "$(verdict .text)"
}

for enc in cbor json; do
	chapter "every step of an exchange, $enc"
	realm "explain-$enc"
	exchange
	explain 1 skdc.db req
	failed nonce replay
	cp skdc.db before.db
	ask req2
	explain 0 skdc.db req2
	equal "$(verdict .verdict)" taken
	equal "$(verdict '[.checks[].check] | join(" ")')" "size encoding pvno \
msg-type structure receiver skdc kid seal plaintext names clock time nonce kty etype service policy"
	ask reqc sensor lock --cksum
	explain 0 skdc.db reqc
	equal "$(verdict '[.checks[].check] | .[9:11] | join(" ")')" \
		"plaintext cksum"
	cat req2 reqc >two
	run 0 fluffy-msg --explain -s skdc.db two >text
	has text "two, message 2: PSK-REQ, as skdc.db judges it"
	chapter "nothing changes in the store, $enc"
	same skdc.db before.db
	run 0 fluffy-skdc -s skdc.db <req2 >rep2
	explain 0 sensor.db rep2
	explain 1 lock.db rep2
	failed kid auth-failed
	run 0 fluffy-estb -s sensor.db <rep2 >estb2
	explain 1 sensor.db rep2
	failed pending replay
	explain 0 lock.db estb2
	run 0 fluffy-estb -s lock.db <estb2 >ack2
	explain 1 lock.db estb2
	failed nonce replay
	explain 0 sensor.db ack2
	run 0 fluffy-estb -s sensor.db <ack2 >none

	chapter "in section 6's order, $enc"
	edit req '.["req-body"].skdcname = "other"' >bad
	explain 1 skdc.db bad
	failed skdc wrong-skdc
	edit req '.["req-body"].spname = "door"' >bad
	explain 1 skdc.db bad
	failed seal auth-failed
	ask req3 sensor nobody
	explain 1 skdc.db req3
	failed service unknown-service
	echo '{"pvno":2,"msg-type":"PSK-REQ"}' >bad
	explain 1 skdc.db bad
	failed pvno bad-version
	echo '{"pvno":1,"msg-type":"PSK-REQ"}' >bad
	explain 3 skdc.db bad
	failed structure malformed
	# the size comes first, in CBOR whatever the version: as it is emitted
	for version in 1 2; do
		perl -e 'print "\xa3\1", chr(shift), "\2\1\x18\x2d",
			"\x7a\0\1\0\0", "x" x 65536' $version >bad
		explain 3 skdc.db bad
		failed size malformed
	done
	perl -e 'print "\xa3\1\2\2\1\x18\x2d\x99\x23\x28",
		"\x1b\0\0\0\0\0\0\0\1" x 9000' >bad
	explain 1 skdc.db bad
	failed pvno bad-version
	# 65,536 bytes and 2 that aren't emitted, in a map of 12 members
	perl -e 'print "\xa3\1\2\2\1\x18\x2d\xac",
		map("\x61$_\0", "a" .. "k"), "\x61l\x7a\0\0\xff\xd2",
		"x" x 65490' >bad
	explain 1 skdc.db bad
	failed pvno bad-version
	echo 'hello' >bad
	run 3 fluffy-msg --explain --from json -s skdc.db bad >text
	has text "encoding         failed: malformed"

	chapter "as of another time, $enc"
	ask req4
	run 1 fluffy-msg --explain --now +2h -s skdc.db req4 >text
	has text "time             failed: clock-skew: PSK-REQ.authenticator.ctime: "
	run 0 fluffy-msg --explain -s skdc.db req4 >text

	chapter "what isn't for this party, $enc"
	explain 1 lock.db req4
	failed receiver unexpected
	run 1 fluffy-skdc -s skdc.db <req >error
	run 1 fluffy-msg --explain -s lock.db error >text
	has text "  hint"

	ask req5 sensor nobody
	run 1 fluffy-skdc -s skdc.db <req5 >error
	explain 1 sensor.db error
	expect_err "ERROR unknown-service (proven)"
	ask far sensor lock --realm far
	explain 1 skdc.db far
	failed service unknown-service
	has text 'PSK-REQ.req-body.sprealm: expected "home", found "far"'
	run 0 fluffy-key policy -s skdc.db --etypes AES-CCM-16-64-128
	ask req5 sensor lock --etype A128GCM
	explain 1 skdc.db req5
	failed etype bad-etype
	has text "none of A128GCM suits all: the SKDC takes AES-CCM-16-64-128, the client any content encryption, the service any content encryption"
	run 0 fluffy-key policy -s skdc.db --etypes ""

	chapter "groups, deletion and rotation, $enc"
	group request gsk.req lock den --members sensor
	explain 0 skdc.db gsk.req
	obtain request lock den --members sensor
	group fetch fet sensor den
	explain 0 skdc.db fet
	device lamp
	group fetch foreign lamp den
	explain 1 skdc.db foreign
	failed member not-permitted
	run 0 fluffy-key rotate -s skdc.db sensor >enrol
	explain 0 sensor.db enrol
	run 0 fluffy-key join -s sensor.db <enrol
	explain 1 sensor.db enrol
	failed new exists
	honest
	honest_group
done

chapter "documents of fluffy-dk"
enter dk
run 0 fluffy-dk provision -s ta.db door >prov
run 0 fluffy-dk join -s door.db <prov >door.pem
run 0 fluffy-dk issue -s ta.db door phone >cred
explain 0 door.db cred
equal "$(verdict '[.checks[6:][].check] | join(" ")')" \
	"syntax trust-anchor sequence-number"
run 0 fluffy-dk join -s phone.db <cred
explain 1 phone.db cred
failed new exists
run 0 fluffy-dk revoke -s ta.db door 1 >revoke
explain 0 door.db revoke
run 0 fluffy-dk accept -s door.db <revoke
explain 1 door.db cred
failed sequence-number replay
explain 1 ta.db cred
failed receiver unexpected
has text "a trust anchor takes no messages"

chapter "a store that can only be read"
realm readonly
ask req
chmod a-w skdc.db
chmod a-w .
run 0 fluffy-msg --explain -s skdc.db req >/dev/null
chmod u+w . skdc.db

chapter "an explanation is whole, whatever it says"
run 0 fluffy-skdc -s skdc.db <req >rep
run 1 fluffy-msg --explain -o why -s skdc.db req
has why "nonce            failed: replay"
full /dev/null fluffy-msg --explain -s skdc.db req
# but nothing is left of none
for wrong in "4 none" "3 /dev/null" "1 --select pvno=9 req"; do
	# shellcheck disable=SC2086 # words
	run ${wrong%% *} fluffy-msg --explain -o no -s skdc.db ${wrong#* }
	[ ! -e no ] || fail "$wrong leaves a file"
done
run 4 fluffy-msg --explain -o no -s none req
[ ! -e no ] || fail "a file is left of no store"

chapter "which file it was"
echo '{"pvno":1}' >bad
run 3 fluffy-msg --check req bad rep
equal "$(cat "$err")" "fluffy-msg: bad: msg-type: missing"
run 3 fluffy-msg --check --errors json req bad
equal "$(jq -r .file "$err")" bad
run 1 fluffy-msg --explain -s skdc.db req >output
expect_err "fluffy-msg: req: PSK-REQ.authenticator.nonce:"
run 3 fluffy-msg --check <bad
equal "$(cat "$err")" "fluffy-msg: msg-type: missing"

chapter "two messages"
for enc in cbor json; do
	realm "diff-$enc"
	ask one
	ask two
	run 0 fluffy-msg --to json one >one.json
	run 0 fluffy-msg --diff one one.json >same
	empty same
	run 1 fluffy-msg --diff -s skdc.db --to json one two >differ
	equal "$(jq -r .member differ | grep -c '^authenticator\.')" "$(wc -l <differ)"
	has_not differ ciphertext
	jq -r .member differ | grep -qx authenticator.nonce || fail "no nonce"
	run 1 fluffy-msg --diff one two >differ
	has differ "- authenticator.ciphertext: "
	edit one '.["req-body"].spname = "door" | .ext = 1 |
		.["req-body"].x = "y"' >three
	run 1 fluffy-msg --diff one three >differ
	cat >wanted <<-'END'
		- req-body.spname: "lock"
		+ req-body.spname: "door"
		+ req-body."x": "y"
		+ ext: 1
	END
	same differ wanted
	run 0 fluffy-key enrol -s skdc.db new >enrol
	run 0 fluffy-key enrol -s skdc.db newer >enrol2
	run 1 fluffy-msg --diff enrol enrol2 >differ
	key=$(jq -r .keydata.key <(fluffy-msg --to json enrol))
	has_not differ "$key"
	has differ '- keydata.key: "(hidden)"'
	run 1 fluffy-msg --diff --show-keys enrol enrol2 >differ
	has differ "$key"
	other=cbor
	[ "$enc" = json ] || other=json
	run 3 fluffy-msg --diff --from $other one one
	run 3 fluffy-msg --mutate --from $other one
	edit one '.ext = "a\u202eb"' >round
	run 1 fluffy-msg --diff one round >differ
	has differ '+ ext: "a\u202eb"'
	echo hello >bad
	run 3 fluffy-msg --diff one bad
	expect_err "bad: "
	cat one one >twice
	run 3 fluffy-msg --diff one twice >differ
	empty differ
	run 1 fluffy-msg --diff -o differences one two
	[ -s differences ] || fail "it isn't left there"
done

chapter "everything that can be wrong with a message"
for enc in cbor json; do
	realm "mutate-$enc"
	ask req
	run 0 fluffy-msg --mutate --seed 5 -o all req
	run 0 fluffy-msg --mutate --seed 5 -o again req
	diff -r all again >/dev/null || fail "a seed doesn't repeat itself"
	equal "$(mode all)" 700
	equal "$(mode all/index.jsonl)" 600
	equal "$(find all -type f | wc -l)" "$(($(wc -l <all/index.jsonl) + 1))"
	run 0 fluffy-msg --mutate --seed 5 req >inline
	equal "$(wc -l <inline)" "$(wc -l <all/index.jsonl)"
	while read -r file status error; do
		run "$status" fluffy-msg --explain --to json -s skdc.db \
			"all/$file" >json
		equal "$(jq -r '.error // "-"' json)" "$error" "$file"
	done < <(jq -r '"\(.file) \(.status) \(.error // "-")"' all/index.jsonl)
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 4 fluffy-msg --mutate -o all req
	[ -s all/index.jsonl ] || fail "what was there is gone"
	honest
done

chapter "it is killed while it writes the index"
if strace_works; then
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 run 0 strace -qq -o trace \
		-e trace=openat,write fluffy-msg --mutate -o whole req
	number=$(awk '/^write\(/ { n++ } /index\.jsonl/ { print n + 1; exit }' trace)
	killed write "$number" req fluffy-msg --mutate -o half ||
		fail "it isn't killed"
	[ -d half ] || fail "it wasn't begun"
	[ ! -e half/index.jsonl ] || fail "half an index"
else
	echo "skipped: strace doesn't work here"
fi

chapter "a number that has no word has none to be taken from it"
fluffy-msg --to json req |
	sed 's/"etype":[^,}]*/"etype":[99,"A128GCM"]/' >mixed
sed 's/"etype":\[99,"A128GCM"\]/"etype":99/' mixed >none
run 0 fluffy-msg --mutate -o of-mixed mixed
run 0 fluffy-msg --mutate -o of-none none
number=$(jq -r 'select(.change == "number-for-word" and
	.member == "PSK-REQ.req-body.etype") | .file' of-mixed/index.jsonl)
run 3 fluffy-msg --check "of-mixed/$number"
equal "$(jq -r 'select(.member == "PSK-REQ.req-body.etype") | .change' \
	of-none/index.jsonl | grep -c number-for-word)" 0

chapter "a log that somebody who was killed left, behind a link"
if strace_works; then
	ask left
	ln -s skdc.db link.db
	killed unlink 1 left fluffy-skdc -s skdc.db || fail "it isn't killed"
	[ -s skdc.db-wal ] || fail "there is no log"
	sha256sum skdc.db skdc.db-wal >before
	run 1 fluffy-msg --explain -s link.db left >text
	run 0 sha256sum --quiet -c before
else
	echo "skipped: strace doesn't work here"
fi

chapter "what can't be asked"
run 2 fluffy-msg --explain req
run 2 fluffy-msg --explain --to cbor -s skdc.db req
run 2 fluffy-msg --explain --check -s skdc.db req
run 2 fluffy-msg --explain --show-keys -s skdc.db req
run 2 fluffy-msg --explain --schema
run 2 fluffy-msg --check --now +1h req
run 2 fluffy-msg --schema --from json
run 2 fluffy-msg --diff --select spname=lock req rep
run 2 fluffy-msg --mutate --to text req
run 2 fluffy-msg --mutate -s skdc.db req
expect_err "--store: doesn't go with --mutate"
run 2 fluffy-msg --diff req
run 2 fluffy-msg --diff --to diag req rep
run 2 fluffy-msg --seed 1 req
run 2 fluffy-msg --mutate req rep
run 4 fluffy-msg --explain -s nothing.db req
run 4 fluffy-msg --mutate -o no/such/place req

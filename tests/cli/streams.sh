#!/bin/bash
# Streams of messages: answers come while stdin is open; what ends a stream and
# what doesn't; and input that was made to hurt.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl python3

# wait_for COUNT FILE: until that many messages are in it.
wait_for() {
	local have=0 i
	for ((i = 0; i < 600; i++)); do
		if [ -s "$2" ]; then
			have=$(fluffy-msg --to json "$2" 2>/dev/null | wc -l)
			[ "$have" -lt "$1" ] || return 0
		fi
		sleep 0.05
	done
	fail "$have messages of $1 came while stdin was open"
}

# hold OUT COMMAND...: starts it; what is written to descriptor 7 is its stdin.
hold() {
	rm -f pipe
	mkfifo pipe
	"${@:2}" <pipe >"$1" 2>"$err.held" &
	held=$!
	exec 7>pipe
}

release() { # STATUS
	local status=0
	exec 7>&-
	wait $held || status=$?
	cp "$err.held" "$err"
	judge "$1" $status "what was held"
}

count() { # FILE TYPE
	fluffy-msg --to json "$1" | grep -c "\"msg-type\":\"$2\""
}

for enc in cbor json; do
	chapter "answers while stdin is open, $enc"
	realm "open-$enc"
	hold reps fluffy-skdc -s skdc.db
	for i in 1 2 3; do
		ask req.$i
		cat req.$i >&7
		wait_for $i reps
		# nor is a lock held meanwhile
		honest
		run 0 fluffy-key policy -s skdc.db --lifetime 3600
	done
	cat req.1 >&7
	wait_for 4 reps
	release 1
	equal "$(count reps PSK-REP) $(count reps ERROR)" "3 1"
	hold estbs fluffy-estb -s sensor.db
	cat reps >&7
	wait_for 4 estbs
	honest
	release 1
	run 0 fluffy-msg --select msg-type=PSK-ESTB --to $enc estbs >ok
	hold acks fluffy-estb -s lock.db
	cat ok >&7
	wait_for 3 acks
	honest
	release 0
	hold end fluffy-estb -s sensor.db
	cat acks >&7
	for _ in $(seq 600); do
		[ "$(grep -c established "$err.held")" != 3 ] || break
		sleep 0.05
	done
	grep -q established "$err.held" || fail "nothing is said meanwhile"
	release 0
	empty end
	hold shown fluffy-msg --to $enc
	cat req.1 >&7
	wait_for 1 shown
	cat req.2 >&7
	wait_for 2 shown
	release 0
	cat req.1 req.2 >two
	same shown two
	honest

	chapter "a store is opened when it's needed, $enc"
	realm "needed-$enc"
	ask req
	mv skdc.db away.db
	hold rep fluffy-skdc -s skdc.db
	mv away.db skdc.db
	cat req >&7
	wait_for 1 rep
	release 0
	is rep PSK-REP
	for command in "fluffy-skdc -s none.db" "fluffy-estb -s none.db"; do
		# shellcheck disable=SC2086 # a command and its arguments
		run 3 $command
		expect_err "no message"
		[ ! -e none.db ] || fail "a store was made"
	done

	chapter "a byte at a time, $enc"
	ask req
	cat req req >twice
	perl -e 'use IO::Handle; STDOUT->autoflush(1); local $/;
		open(my $f, "<:raw", "twice"); for (split //, <$f>) { print }' |
		fluffy-skdc -s skdc.db >answers 2>"$err"
	equal "${PIPESTATUS[*]}" "0 1"
	equal "$(count answers PSK-REP) $(count answers ERROR)" "1 1"

	chapter "the highest status counts, $enc"
	ask good
	ask good2
	ask good3
	ask refused sensor nobody
	edit good2 . >second
	fluffy-msg --to json good | jq -c '.pvno = 2' >version.json
	fluffy-msg --to json good | jq -c 'del(.authenticator)' >lacking.json
	run 3 fluffy-msg --check lacking.json
	expect_err "PSK-REQ.authenticator: missing"
	run 1 fluffy-msg --check version.json
	if [ "$enc" = json ]; then
		mv version.json version
		mv lacking.json lacking
	else
		# pvno is the first member, authenticator the fourth label
		perl -0777 -pe 's/^(.\x01)\x01/$1\x02/s' good >version
		perl -e 'local $/; open(my $f, "<:raw", "good"); $_ = <$f>;
			s/^\xa4/\xa3/; s/\x04\x83\x44?.*$//s; print' good >lacking
	fi
	cat refused good >stream
	run 1 fluffy-skdc -s skdc.db <stream >answers
	equal "$(count answers PSK-REP) $(count answers ERROR)" "1 1"
	ask refused sensor nobody
	cat version lacking refused good2 >stream
	run 3 fluffy-skdc -s skdc.db <stream >answers
	equal "$(count answers PSK-REP) $(count answers ERROR)" "1 3"
	run 0 fluffy-msg --to json answers >answers.json
	equal "$(jq -r '."error-code" // ."msg-type"' answers.json | tr '\n' ' ')" \
		"bad-version malformed unknown-service PSK-REP "
	cat good3 refused >stream
	run 1 fluffy-skdc -s skdc.db <stream >answers
	run 0 fluffy-msg --select msg-type=PSK-REP --to $enc answers >rep
	run 0 fluffy-msg --select msg-type=ERROR --to $enc answers >error
	cat error rep >stream
	run 1 fluffy-estb -s sensor.db <stream >answers
	equal "$(count answers PSK-ESTB) $(count answers ERROR)" "1 1"
	honest

	chapter "what isn't well-formed, $enc"
	# a line of its own: in JSON the stream goes on at the next
	if [ "$enc" = json ]; then
		junks='x \377 } \0 [1] 1 null "x" {"a" {} \331\331\367 {"a":1}}'
		after=2
	else
		junks='\377 \034 \374 \237\034 \273\377 \033'
		after=1
	fi
	for junk in $junks; do
		ask good
		ask good2
		{
			cat good
			printf '%b\n' "$junk"
			cat good2
		} >stream
		run 3 fluffy-skdc -s skdc.db <stream >answers
		equal "$(count answers PSK-REP)" $after "PSK-REPs, and $junk"
		run 0 fluffy-msg --select msg-type=ERROR --to json answers >error
		! grep -v '"error-code":"malformed"' error || fail "other ERRORs"
	done
	# truncated everywhere
	ask req
	size=$(size req)
	[ "$enc" = cbor ] || size=$((size - 1)) # the newline is no part
	step=1
	[ "$enc" = cbor ] || step=5
	for ((i = 1; i < size; i += step)); do
		head -c $i req >part
		got=0
		fluffy-skdc -s skdc.db <part >answers 2>"$err" || got=$?
		judge 3 $got "the first $i bytes"
		[ -s answers ] || fail "no answer to the first $i bytes"
	done
	cat good req >stream
	head -c $(($(size stream) - 3)) stream >part
	run 3 fluffy-skdc -s skdc.db <part >answers
	expect_err "truncated"
	run 0 fluffy-skdc -s skdc.db <req >rep
	honest

	chapter "the form of an answer, $enc"
	for as in json cbor; do
		ask req
		run 0 fluffy-skdc -s skdc.db --$as <req >rep
		run 0 fluffy-msg --from $as --check rep
		run 0 fluffy-estb -s sensor.db --$as <rep >estb
		run 0 fluffy-msg --from $as --check estb
		run 0 fluffy-estb -s lock.db <estb >ack
		run 0 fluffy-msg --from $as --check ack
		run 0 fluffy-estb -s sensor.db <ack
	done
done
enc=cbor

chapter "nothing at all"
realm nothing
printf ' \n\t\r\n' >blanks
for input in /dev/null blanks; do
	for command in "fluffy-skdc -s skdc.db" "fluffy-estb -s sensor.db" \
	    "fluffy-key join -s n.db" fluffy-msg "fluffy-msg --check" \
	    "fluffy-msg --from hex" "fluffy-msg --from base64" \
	    "fluffy-msg --from json" "fluffy-msg --from cbor"; do
		# shellcheck disable=SC2086 # a command and its arguments
		run 3 $command <$input >output
		expect_err "no message"
		empty output
	done
done

chapter "JSON's white space"
enc=json
for between in '' ' ' '\n' '\r\n' '\t \n\n'; do
	ask one
	ask two
	{
		# shellcheck disable=SC2059 # a format it is
		printf "$between"
		tr -d '\n' <one
		# shellcheck disable=SC2059
		printf "$between"
		tr -d '\n' <two
		# shellcheck disable=SC2059
		printf "$between"
	} >stream
	run 0 fluffy-skdc -s skdc.db <stream >answers
	equal "$(wc -l <answers | tr -d ' ')" 2
done
ask one
ask two
jq . one two >stream
run 0 fluffy-skdc -s skdc.db <stream >answers
equal "$(count answers PSK-REP)" 2
printf '\357\273\277' >bom
ask one
cat bom one >stream
run 3 fluffy-skdc -s skdc.db <stream >answers
is answers ERROR malformed

chapter "any first byte"
for ((i = 0; i < 256; i++)); do
	perl -e 'print chr(shift), "\x01\x02\x03\xff\n" x 3' $i >junk
	got=0
	fluffy-skdc -s skdc.db <junk >output 2>"$err" || got=$?
	judge 3 $got "first byte $i"
done
perl -e 'srand(1); print chr(int(rand(256))) for 1 .. 300000' >junk
for first in '' '\277' '{'; do
	{
		printf '%b' "$first"
		cat junk
	} >stream
	for command in "fluffy-skdc -s skdc.db" "fluffy-estb -s sensor.db" \
	    "fluffy-key join -s n.db" fluffy-msg "fluffy-msg --from hex" \
	    "fluffy-msg --from base64"; do
		# shellcheck disable=SC2086 # a command and its arguments
		run 3 $command <stream >output
	done
done

# long MEMBER-SIZE: a PSK-REQ with an unknown member of so many characters.
long() {
	ask short
	perl -e 'my ($n, $f) = @ARGV; local $/; open(my $in, "<", $f); $_ = <$in>;
		s/\}\n?\z/",\"x\":\"" . "a" x $n . "\"}\n"/e; print' "$1" short
}

chapter "sizes"
long 10 >one
run 0 fluffy-msg --to cbor one >as-cbor
# a text of 64 KiB has a head of 5 bytes where that of 10 has 1
most=$((65536 - $(size as-cbor) + 10 - 4 + 2))
for n in $((most - 1)) $most; do
	long "$n" >one
	run 0 fluffy-msg --to cbor one >as-cbor
done
equal "$(size as-cbor)" 65536
run 0 fluffy-msg --to json as-cbor >as-json
same as-json one
run 1 fluffy-skdc -s skdc.db <as-cbor >answer
is answer ERROR auth-failed
long $((most + 1)) >one
run 3 fluffy-msg --check one
run 3 fluffy-skdc -s skdc.db <one >answer
is answer ERROR malformed
long 600000 >one
run 3 fluffy-msg --check one
# blanks don't count in what is emitted, but in what is received
ask short
spaces=$((524288 - $(size short) + 1))
for more in 0 1; do
	{
		printf '{'
		head -c $((spaces + more)) /dev/zero | tr '\0' ' '
		tail -c +2 short
	} >stream
	ask good
	cat good >>stream
	run $((more * 3)) fluffy-skdc -s skdc.db <stream >answers
	equal "$(count answers PSK-REP)" $((2 - more)) "it goes on at the next line"
	ask short
done

chapter "depth"
for depth in 15 16; do
	ask req
	nested=$(perl -e 'print "[" x $ARGV[0], "]" x $ARGV[0]' -- $depth)
	sed "s/}\$/,\"ext\":$nested}/" req >deep
	want=$((depth == 15 ? 0 : 3))
	run $want fluffy-msg --check deep
done
honest

chapter "input that was made to hurt"
bomb() { # NAME PERL
	perl -e "print $2" >"bomb.$1"
}
enter bombs
bomb array 'pack("H*", "9b0000000040000000")'
bomb array2 'pack("H*", "a1019b0000000040000000")'
bomb array3 'pack("H*", "a1019bffffffffffffffff")'
bomb map 'pack("H*", "bb0000000040000000")'
bomb map2 'pack("H*", "a101bb0000000040000000")'
bomb map3 'pack("H*", "bbffffffffffffffff")'
bomb bytes 'pack("H*", "a1015b0000000040000000")'
bomb bytes2 'pack("H*", "a1015bffffffffffffffff")'
bomb text 'pack("H*", "a1017b7fffffffffffffff")'
bomb chunks 'pack("H*", "a1015f") . pack("H*", "41ff") x 100000'
bomb tags 'pack("H*", "d9d9f7") . pack("H*", "a101") . "\xc0" x 400000'
bomb self 'pack("H*", "d9d9f7") x 100000'
bomb deep '"\xa1\x01" x 200000'
bomb deep2 '"\xbf\x01" x 200000'
bomb deep3 '"\xa1\x01" . "\x81" x 400000'
bomb deep4 '"\xa1\x01" . "\x9f" x 400000'
# shellcheck disable=SC2016 # Perl's
bomb wide '"\xbf" . join("", map { pack("Cn", 0x19, $_) . "\x00" } 0 .. 65000)'
bomb wide2 '"\xa1\x01\x9f" . "\x00" x 500000'
bomb wide3 '"\xa1\x01\x9f" . "\xa0" x 500000 . "\xff"'
bomb breaks '"\xbf" . "\xff" x 400000'
bomb json1 '"{\"a\":" x 200000'
bomb json2 '"{\"a\":" . "[" x 400000'
bomb json3 '"{\"a\":1e" . "9" x 400000 . "}"'
bomb json4 '"{\"a\":" . "9" x 400000 . "}"'
# shellcheck disable=SC2016
bomb json5 '"{" . join(",", map { "\"$_\":0" } 1 .. 40000) . "}"'
bomb json6 '"{\"a\":\"" . "\\u0000" x 80000 . "\"}"'
bomb json7 '"{\"a\":\"" . "x" x 20000000'
bomb json8 '"{\"a\":[" . "[]," x 174000 . "0]}"'
bomb json10 '"{\"a\":[" . "{}," x 174000 . "0]}"'
bomb json11 '"{\"a\":[" . "\"\"," x 174000 . "0]}"'
bomb json9 '"{}\n" x 20000'
bomb lines '"{\n" x 20000'
bomb blanks '" " x 20000000'
bomb zeros '"\0" x 20000000'

# resident COMMAND FILE...: a line for each file, the most memory that the
# command had with it on its stdin, in KiB, and its status.
resident() {
	python3 - "$@" <<'END'
import os, signal, subprocess, sys
command = sys.argv[1].split()
signal.alarm(300)
for path in sys.argv[2:]:
    with open(path, "rb") as stdin:
        child = subprocess.Popen(command, stdin=stdin,
                                 stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    code = child.returncode = os.waitstatus_to_exitcode(status)
    print(usage.ru_maxrss, code if code >= 0 else 128 - code, path)
END
}

realm memory
for command in "fluffy-skdc -s skdc.db" "fluffy-msg --check"; do
	resident "$command" "$scratch"/bombs/bomb.* >results 2>"$err" ||
		fail "$command didn't end"
	while read -r kib status file; do
		judge 3 "$status" "$command <$file"
		sanitized || [ "$kib" -lt 32768 ] ||
			fail "$command on $file took $kib KiB"
	done <results
done
rm -r "$scratch/bombs"
if ! sanitized; then
	perl -e 'print pack("H*", "9b0000000040000000")' >bomb
	(
		ulimit -v 131072
		fluffy-skdc -s skdc.db <bomb >output 2>"$err"
	)
	judge 3 $? "fluffy-skdc in 128 MiB"
fi

chapter "a long stream takes no more memory than a short one"
enc=cbor
ask req
for _ in $(seq 1000); do
	cat req
done >stream
for _ in 1 2 3 4 5 6 7 8; do
	cat stream stream
done >longer
resident "fluffy-skdc -q -s skdc.db" stream longer >results 2>/dev/null
read -r few status _ <results
equal "$status" 1
many=$(tail -n 1 results | cut -d' ' -f1)
sanitized || [ "$many" -lt 32768 ] || fail "16,000 requests took $many KiB"
sanitized || [ "$many" -lt $((few * 2)) ] || fail "$few KiB become $many"
honest

#!/bin/bash
# What an attack on the exchange once got away with.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl faketime
find_faketime || skip "faketime doesn't work here"

now=1800000000

secrets() { # STORE: how many secret keys it has
	fluffy-key list -s "$1" | grep -c '^secret '
}

answer_to() { # FILE: the msg-type that the SKDC gives
	fluffy-msg --to json "$1" | jq -r '.["msg-type"]'
}

chapter "however many old keys there are, --now ends them all"
realm old-keys
for day in $(seq 1 20); do
	clock=$((now + day * 3600))
	run 0 fluffy-key rotate -s skdc.db --until +2h sensor >enrol
	run 0 fluffy-key join -s sensor.db <enrol
	run 0 fluffy-req -s sensor.db lock >req
	run 0 fluffy-skdc -s skdc.db <req >rep
done
[ "$(secrets sensor.db)" -gt 16 ] || fail "too few old keys to tell"
run 0 fluffy-key rotate -s skdc.db --now sensor >enrol
run 0 fluffy-key join -s sensor.db <enrol
equal "$(secrets sensor.db)" 1
honest

chapter "what was seen and forgotten isn't new after the clock was reset"
realm forgotten
clock=$((now - 900))
run 0 fluffy-req -s sensor.db lock >old
run 0 fluffy-skdc -s skdc.db <old >rep
equal "$(answer_to rep)" PSK-REP
clock=$now
honest
clock=$((now - 1000))
run 0 fluffy-req -s sensor.db lock >early
run 1 fluffy-skdc -s skdc.db <early >busy
run 0 fluffy-key policy -s skdc.db --reset-clock
run 1 fluffy-skdc -s skdc.db <old >rep
equal "$(fluffy-msg --to json rep | jq -r '.["error-code"]')" clock-skew
clock=$((now + 10))
honest
clock=

chapter "a cpac that no answer can carry spoils nobody else's batch"
realm cpac
for n in 1 2 3; do
	run 0 fluffy-req -s sensor.db lock >"honest-$n"
done
cpac=$(perl -e 'print "\"" . "a" x 65300 . "\""')
run 0 fluffy-req -s sensor.db --cpac "$cpac" lock >large
cat honest-1 honest-2 large honest-3 >requests
run 1 fluffy-skdc -s skdc.db <requests >answers
equal "$(fluffy-msg --to json answers | jq -r '.["msg-type"]' | sort |
    uniq -c | tr -s ' ' | tr '\n' ';')" " 1 ERROR; 3 PSK-REP;"
equal "$(fluffy-msg --to json answers | jq -r 'select(.ack)["error-code"]')" \
	not-permitted
equal "$(fluffy-key list -s skdc.db | grep -c '^session')" 3
honest

chapter "what isn't a request gets no ERROR, whatever its version"
for message in '{"pvno":2,"msg-type":"ERROR","error-code":"replay"}' \
    '{"pvno":2,"msg-type":"PSK-REP"}' '{"msg-type":"ENROL"}'; do
	echo "$message" >in
	got=0
	fluffy-skdc -s skdc.db <in >out 2>"$err" || got=$?
	[ "$got" != 0 ] || fail "taken: $message"
	empty out
done
honest

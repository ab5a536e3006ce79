#!/bin/bash
# Command lines: what every program takes, and what it says of a mistake.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl

declare -A verbs=(
	[fluffy-key]="init enrol join rotate list export remove policy deny allow
		group ca"
	[fluffy-gsk]="request renew fetch delete accept"
	[fluffy-del]="request pending accept"
	[fluffy-pkp]="request accept"
	[fluffy-dk]="provision join trust issue derive certify verify revoke accept
		window serve connect"
)
commands=(fluffy-key fluffy-req fluffy-skdc fluffy-estb fluffy-msg fluffy-gsk
	fluffy-del fluffy-pkp fluffy-dk)
for program in fluffy-key fluffy-gsk fluffy-del fluffy-pkp fluffy-dk; do
	for verb in ${verbs[$program]}; do
		commands+=("$program $verb")
	done
done

# told ERROR STATUS: each line on stderr is an object, and one is of this error.
told() {
	jq -s -e --arg error "$1" --argjson status "$2" 'length > 0 and
		all(.[]; (keys - ["file"] == ["error","field","program","status","text"] and
		(.program | startswith("fluffy-")) and (.text | length > 0) and
		(.status | type) == "number") or
		(keys == ["program","status","text"] and .status == 0)) and
		any(.[]; .error == $error and .status == $status)' "$err" \
		>/dev/null || fail "not the objects expected of $1"
}

chapter "--help and --version"
realm usage
honest
for command in "${commands[@]}"; do
	# shellcheck disable=SC2086 # a program and perhaps its verb
	{
		run 0 $command --help >help
		quiet_err
		has help "usage: $command"
		run 0 $command -h >help2
		same help help2
		run 0 $command --version >version
		quiet_err
		grep -qE "^fluffy-[a-z]+( [a-z]+)? [0-9]+\.[0-9]+" version ||
			fail "$command --version"
		run 2 $command --help=x
		run 2 $command --version=x
	}
	if [ -z "${verbs[$command]-}" ]; then
		has help --store
		has help --errors
	else
		for verb in ${verbs[$command]}; do
			has help "$command $verb"
		done
	fi
	# shellcheck disable=SC2086
	run 0 $command --completion bash >completion
	bash -n completion || fail "$command --completion bash"
done

chapter "completion"
# completes WORD...: what bash offers for the last of them, a line each
completes() {
	bash -c '. ./completion
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_fluffy_msg
		printf "%s\n" "${COMPREPLY[@]}" | sort' completes "$@"
}
run 0 fluffy-msg --completion bash >completion
touch "a store.db" "a?b#c%41 d"
equal "$(completes fluffy-msg -s a)" "$(printf '%s\n' "a store.db" "a?b#c%41 d")"
equal "$(completes fluffy-msg --to c)" cbor
equal "$(completes fluffy-msg --no)" --now
equal "$(completes fluffy-msg --now x)" ""

chapter "mistakes"
for command in "${commands[@]}"; do
	for mistake in --nothing --nothing=x --stor=x -Z --- --=x --help=; do
		# shellcheck disable=SC2086
		run 2 $command $mistake >output
		empty output
		[ "$(wc -l <"$err")" -eq 1 ] || fail "one line per error"
	done
	# shellcheck disable=SC2086
	{
		run 2 $command --errors xml
		run 2 $command --errors
		expect_err "--errors"
		run 2 $command --errors text --errors text
		run 2 $command -q -q
		run 2 $command -q -v
		expect_err "--quiet"
		run 2 $command --quiet=x
	}
done
run 2 fluffy-key
run 2 fluffy-key lists -s skdc.db
run 2 fluffy-key '' -s skdc.db
run 2 fluffy-key -- list -s skdc.db
run 2 fluffy-key -s skdc.db list
for program in fluffy-gsk fluffy-del fluffy-pkp fluffy-dk; do
	run 2 $program
	run 2 $program accepts -s sensor.db
	run 2 $program '' -s sensor.db
	run 2 $program -s sensor.db accept
done
for command in "fluffy-key list" fluffy-skdc fluffy-estb "fluffy-key policy" \
    "fluffy-req lock" "fluffy-key join" "fluffy-key remove lock" \
    "fluffy-key enrol a" "fluffy-key rotate lock" "fluffy-key deny lock sensor" \
    "fluffy-key init --realm home x" "fluffy-key export --as hex 00" \
    "fluffy-key group" "fluffy-key group doors --add lock" "fluffy-key ca" \
    "fluffy-key ca --none" "fluffy-gsk request doors" "fluffy-gsk renew doors" \
    "fluffy-gsk fetch doors" "fluffy-gsk delete doors" "fluffy-gsk accept" \
    "fluffy-del request 00" "fluffy-del pending" "fluffy-del accept" \
    "fluffy-pkp request --kty EC --alg ES256" "fluffy-pkp accept" \
    "fluffy-dk provision lamp" "fluffy-dk join" "fluffy-dk trust lamp" \
    "fluffy-dk issue lamp C" "fluffy-dk derive DK.TA.C.1" \
    "fluffy-dk certify lamp C" "fluffy-dk verify" "fluffy-dk revoke lamp 1" \
    "fluffy-dk accept" "fluffy-dk window" \
    "fluffy-dk serve --listen [::1]:0 --forward [::1]:9" \
    "fluffy-dk connect --listen [::1]:0 --to [::1]:9"; do
	# shellcheck disable=SC2086
	{
		run 2 $command </dev/null
		expect_err "--store: missing"
		run 2 $command -s </dev/null
		run 2 $command --store </dev/null
		run 2 $command -s '' </dev/null
		run 2 $command -s skdc.db -s skdc.db </dev/null
		expect_err "given twice"
		run 2 env FLUFFY_STORE= $command </dev/null
	}
done
for command in "fluffy-key list -s skdc.db" "fluffy-skdc -s skdc.db" \
    "fluffy-estb -s sensor.db" "fluffy-req -s sensor.db lock" \
    "fluffy-key join -s sensor.db" "fluffy-key init -s x.db --realm home x" \
    "fluffy-key ca -s skdc.db" "fluffy-key group -s skdc.db doors" \
    "fluffy-gsk request -s sensor.db doors" "fluffy-gsk renew -s sensor.db doors" \
    "fluffy-gsk fetch -s sensor.db doors" "fluffy-gsk delete -s sensor.db doors" \
    "fluffy-gsk accept -s sensor.db" "fluffy-del request -s skdc.db 00" \
    "fluffy-del pending -s skdc.db" "fluffy-del accept -s sensor.db" \
    "fluffy-pkp request -s sensor.db --kty EC --alg ES256" \
    "fluffy-pkp accept -s sensor.db" "fluffy-dk provision -s x.db lamp" \
    "fluffy-dk join -s x.db" "fluffy-dk trust -s x.db lamp" \
    "fluffy-dk issue -s x.db lamp C" "fluffy-dk derive -s x.db DK.TA.C.1" \
    "fluffy-dk certify -s x.db lamp C" "fluffy-dk verify -s x.db" \
    "fluffy-dk revoke -s x.db lamp 1" "fluffy-dk accept -s x.db" \
    "fluffy-dk window -s x.db" \
    "fluffy-dk serve -s x.db --listen [::1]:0 --forward [::1]:9" \
    "fluffy-dk connect -s x.db --listen [::1]:0 --to [::1]:9"; do
	# shellcheck disable=SC2086
	run 2 $command more </dev/null >output
	empty output
	expect_err more
done
[ ! -e x.db ] || fail "a store in spite of the mistake"
run 2 fluffy-req -s sensor.db
expect_err "SERVICE is missing"
for bad in --seqnum=-1 --seqnum=4294967296 --seqnum= --seqnum=0x1 --seqnum=1.0 \
    '--seqnum= 1' '--ext={' --ext= '--cpac={"a":1,"a":2}' --cpac=NaN \
    --cpac=1e999 --ext=99999999999999999999 --etype=none --etype= \
    --etype=ES256 --etype=A128GCM,A128GCM --realm= --cksum=yes; do
	run 2 fluffy-req -s sensor.db "$bad" lock >output
	empty output
	# nor is a request left that nobody sent
	equal "$(pending sensor.db)" 0
done
for bad in --seqnum=-1 --seqnum=4294967296 --seqnum= '--ext={' --ext= --realm= \
    --cksum=yes; do
	for command in "fluffy-gsk request -s sensor.db doors" \
	    "fluffy-gsk renew -s sensor.db doors" \
	    "fluffy-gsk fetch -s sensor.db doors" \
	    "fluffy-pkp request -s sensor.db --kty EC --alg ES256 --for lock"; do
		# shellcheck disable=SC2086
		run 2 $command "$bad" >output
		empty output
	done
	run 0 fluffy-key list -s sensor.db >listing
	has_not listing pending
done
run 2 fluffy-req -s sensor.db ''
run 2 fluffy-req -s sensor.db --json --cbor lock >output
run 2 fluffy-req -s sensor.db --cksum --cksum lock >output
run 2 fluffy-req -s skdc.db lock >output
run 2 fluffy-req -s sensor.db "$(printf %0256d 0)" >output
empty output
ask req
run 0 fluffy-skdc -s skdc.db <req >rep
for bad in --seqnum=4294967296 '--ext={' --ext=; do
	run 2 fluffy-estb -s sensor.db "$bad" <rep >output
	empty output
done
run 2 fluffy-estb -s skdc.db <rep >output
run 2 fluffy-skdc -s sensor.db <req >output
empty output
# the PSK-REP wasn't used up by any of it
run 0 fluffy-estb -s sensor.db --seqnum 0 <rep >estb
run 0 fluffy-estb -s lock.db <estb >ack
run 0 fluffy-estb -s sensor.db <ack
honest

chapter "ways to write an option"
for words in '-s sensor.db' '-ssensor.db' '--store sensor.db' \
    '--store=sensor.db' '-qs sensor.db' '-qssensor.db' '-qvs x'; do
	want=0
	[ "$words" != '-qvs x' ] || want=2
	# shellcheck disable=SC2086 # several words
	run $want fluffy-key list $words >output
done
run 0 fluffy-req lock -s sensor.db >req
run 0 fluffy-req -s sensor.db -- lock >req
run 2 fluffy-req -s sensor.db -- lock --json >output
run 0 fluffy-key enrol -s skdc.db -o doc -- --help
run 0 fluffy-key join -s odd.db -- <doc
run 0 fluffy-req -s sensor.db -- --help >req
is req PSK-REQ
run 0 fluffy-req -s sensor.db - >req
equal "$(field req '."req-body".spname')" -
# an option's value is whatever stands there
run 4 fluffy-key list -s --json
expect_err "--json"
run 0 env FLUFFY_STORE=sensor.db fluffy-key list >listing
run 0 fluffy-key list -s sensor.db >listing2
same listing listing2
run 0 env FLUFFY_STORE=none.db fluffy-key list -s sensor.db >listing2
same listing listing2
run 4 env FLUFFY_STORE=none.db fluffy-key list
export FLUFFY_STORE=skdc.db
run 0 fluffy-req -s sensor.db lock >req
run 0 fluffy-skdc <req >rep
unset FLUFFY_STORE
run 0 env FLUFFY_STORE=sensor.db fluffy-estb <rep >estb
run 0 env FLUFFY_STORE=lock.db fluffy-estb <estb >ack
run 0 env FLUFFY_STORE=sensor.db fluffy-estb <ack

chapter "- is stdin, everywhere"
ask req
run 0 fluffy-msg --check - <req
run 0 fluffy-msg --to cbor - rep <req >two
cat req rep >expected
same two expected
run 0 fluffy-skdc -s skdc.db - <req >rep
run 0 fluffy-estb -s sensor.db - <rep >estb
run 0 fluffy-estb -s lock.db - <estb >ack
run 0 fluffy-estb -s sensor.db - <ack
run 0 fluffy-key enrol -s skdc.db dash >doc
run 0 fluffy-key join -s dash.db - <doc
honest

chapter "--errors json"
ask req
run 0 fluffy-skdc --errors json -v -s skdc.db <req >rep
jq -e . "$err" >/dev/null || fail "words that aren't JSON"
run 1 fluffy-skdc --errors json -s skdc.db <req >answer
told replay 1
equal "$(jq -r .field "$err")" PSK-REQ.authenticator.nonce
equal "$(jq -r .program "$err")" fluffy-skdc
run 1 fluffy-estb --errors=json -s sensor.db <answer >output
told replay 1
run 0 fluffy-estb --errors json -s sensor.db <rep >estb
jq -e '.status == 0 and (.text | contains("received"))' "$err" >/dev/null ||
	fail "words that aren't JSON"
run 3 fluffy-estb --errors json -s sensor.db
told malformed 3
echo junk >junk
run 3 fluffy-skdc --errors json -s skdc.db <junk >output
told malformed 3
run 4 fluffy-skdc --errors json -s none.db <req >output
told store 4
run 4 fluffy-key list --errors json -s none.db
told store 4
run 4 fluffy-msg --errors json none
told system 4
run 2 fluffy-key list --errors json --nothing
told usage 2
run 2 fluffy-key --errors json
told usage 2
run 2 fluffy-key list --errors json -s skdc.db "$(printf 'a"\\\n\001\377')"
told usage 2
run 1 fluffy-key remove --errors json -s skdc.db "$(printf 'x\n\033[31m')"
told not-found 1
run 1 fluffy-key enrol --errors json -s skdc.db lock
told exists 1
run 1 fluffy-msg --errors json --select pvno=2 req
told not-found 1
run 1 fluffy-key group --errors json -s skdc.db "$(printf 'x\t\033[31m')"
told not-found 1
run 1 fluffy-del request --errors json -s skdc.db 00
told not-found 1
run 1 fluffy-gsk delete --errors json -s sensor.db doors
told not-found 1
run 0 fluffy-gsk fetch --errors json -s sensor.db doors >req
run 1 fluffy-skdc --errors json -s skdc.db <req >answer
told no-such-group 1
run 1 fluffy-gsk accept --errors json -s sensor.db <answer >output
told no-such-group 1
run 3 fluffy-del accept --errors json -s sensor.db <junk >output
told malformed 3
run 4 fluffy-del pending --errors json -s none.db
told store 4
run 1 fluffy-key remove -s skdc.db "$(printf 'x\n\033[31m')"
equal "$(wc -l <"$err" | tr -d ' ')" 1 "one line per error"
! grep -q "$(printf '\033')" "$err" || fail "a terminal's escape on stderr"
run 0 fluffy-estb -s lock.db <estb >ack
run 0 fluffy-estb -s sensor.db <ack
honest

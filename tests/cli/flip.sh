#!/bin/bash
# A bit flipped anywhere in any of the messages: refused, without a crash, and
# without a trace; the message itself is still good afterwards.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl

step=1 # every so many positions of long JSON messages
! sanitized || step=6

# flips FILE FIRST STEP MASK...: one file per position in flips/. Position i is
# changed by the mask whose turn it is. JSON's last byte is the newline: it
# isn't of the message, which would be taken before what it turns into.
flips() {
	rm -rf flips
	mkdir flips
	perl -e '
		my ($file, $first, $step, @masks) = @ARGV;
		local $/;
		open(my $in, "<:raw", $file) or die;
		my $message = <$in>;
		$message =~ s/\n\z// if substr($message, 0, 1) eq "{";
		for (my $i = $first; $i < length $message; $i += $step) {
			my $flipped = $message;
			substr($flipped, $i, 1) ^= chr($masks[$i % @masks]);
			open(my $out, ">:raw", "flips/$i") or die;
			print $out $flipped;
			close $out or die;
		}' "$@" || fail "flips of $1"
}

# attack FILE PROGRAM STORE STEP MASK...: the program with its verb is one word.
# A flip in the name that a PSK-DELT is for makes it another's, to be skipped.
attack() {
	local file=$1 program=$2 store=$3 step=$4 flip status count=0
	shift 4
	flips "$file" 0 "$step" "$@"
	rm -f answers first
	: >"$err"
	for flip in flips/*; do
		# without its brace JSON isn't JSON, and the answer CBOR
		# shellcheck disable=SC2086 # a program and its verb
		if [ "$flip" = flips/0 ]; then
			$program -s "$store" <"$flip" >first 2>>"$err"
		else
			$program -s "$store" <"$flip" >>answers 2>>"$err"
		fi
		status=$?
		count=$((count + 1))
		[ $status = 1 ] || [ $status = 3 ] ||
			{ [ $status = 0 ] && skipped; } ||
			judge "1 or 3" $status "$program" -s "$store" "<$flip" \
				"$(hex_of "$flip")"
	done
	! grep -qE 'Sanitizer|runtime error:' "$err" || fail "crashed"
	# nothing but ERRORs that prove nothing comes out
	for answers in first answers; do
		[ -s $answers ] || continue
		run 0 fluffy-msg --to json $answers >as-json
		! grep -v '"msg-type":"ERROR"' as-json || fail "it was answered"
		has_not as-json '"ack"'
	done
	[ "$program" != fluffy-skdc ] || [ "$file" = pdelc ] || [ -s answers ] ||
		fail "no answers"
	echo "# $count flips of a $file for $store"
}

skipped() {
	[ "$program" = "fluffy-del accept" ] && [ ! -s answers ] &&
		tail -n 1 "$err" | grep -q "skipped a PSK-DELT for"
}

# all_four STEP-OF-REP-AND-ESTB MASK...
all_four() {
	local step=$1
	shift
	attack req fluffy-skdc skdc.db 1 "$@"
	run 0 fluffy-skdc -s skdc.db <req >rep
	attack rep fluffy-estb sensor.db "$step" "$@"
	run 0 fluffy-estb -s sensor.db --seqnum 7 <rep >estb
	attack estb fluffy-estb lock.db "$step" "$@"
	run 0 fluffy-estb -s lock.db <estb >ack
	attack ack fluffy-estb sensor.db 1 "$@"
	run 0 fluffy-estb -s sensor.db <ack
	expect_err "established"
	honest
}

chapter "CBOR, with every option, a bit at each position"
realm cbor
ask req sensor lock --realm home --cpac '{"a":[1,-1.5,null,"x"]}' \
	--seqnum 4711 --cksum --ext true --etype A128GCM,AES-CCM-16-64-128
all_four 1 1 2 4 8 16 32 64 128

chapter "CBOR, all bits at each position"
ask req
attack req fluffy-skdc skdc.db 1 255
run 0 fluffy-skdc -s skdc.db <req >rep
run 0 fluffy-estb -s sensor.db <rep >estb
attack estb fluffy-estb lock.db $step 255
honest

chapter "JSON, a bit at each position"
realm json
enc=json
ask req
all_four $step 1 2 4 8 16 32 64

# groups STEP MASK...: a group's life, message by message; lamp is its member.
groups() {
	local step=$1
	shift
	group request req lock doors --realm home --members sensor,lamp \
		--lifetime 600 --seqnum 1 --cksum --ext true
	attack req fluffy-skdc skdc.db "$step" "$@"
	serve 0 req rep
	attack rep "fluffy-gsk accept" lock.db "$step" "$@"
	take lock rep
	group fetch fet lamp doors --keyid "$keyid" --seqnum 1 --cksum
	attack fet fluffy-skdc skdc.db "$step" "$@"
	serve 0 fet dlvr
	attack dlvr "fluffy-gsk accept" lamp.db "$step" "$@"
	take lamp dlvr
	group delete gdelt lock doors
	attack gdelt fluffy-skdc skdc.db "$step" "$@"
	serve 0 gdelt pdelt
	attack pdelt "fluffy-del accept" lamp.db "$step" "$@"
	run 0 fluffy-del accept -s lamp.db <pdelt >pdelc
	expect_err "erased $keyid"
	attack pdelc fluffy-skdc skdc.db "$step" "$@"
	serve 0 pdelc gdelc
	attack gdelc "fluffy-gsk accept" lock.db "$step" "$@"
	take lock gdelc
	honest_group
}

# pairs ALG STEP MASK...: a pair and its way to the service
pairs() {
	local alg=$1 step=$2
	shift 2
	run 0 fluffy-pkp request -s sensor.db --"$enc" --kty EC --alg "$alg" \
		--for lock --seqnum 1 --cksum --cpac '{"a":1}' >req
	attack req fluffy-skdc skdc.db "$step" "$@"
	serve 0 req rep
	attack rep "fluffy-pkp accept" sensor.db "$((2 * step))" "$@"
	# without a signature nothing would protect ext
	if [ "$alg" = ES256 ]; then
		run 0 fluffy-pkp accept -s sensor.db --ext '[1]' <rep >estb
	else
		run 0 fluffy-pkp accept -s sensor.db <rep >estb
	fi
	attack estb fluffy-estb lock.db "$step" "$@"
	run 0 fluffy-estb -s lock.db <estb >output
	expect_err "accepted"
	honest
}

chapter "groups in CBOR, a bit at each position"
realm groups
device lamp
enc=cbor
groups $step 1 2 4 8 16 32 64 128

chapter "groups in JSON, a bit at each position"
enc=json
groups $step 1 2 4 8 16 32 64

chapter "pairs in CBOR, a bit at each position"
realm pairs
enc=cbor
pairs ES256 $step 1 2 4 8 16 32 64 128

chapter "what isn't sealed and proves nothing, all bits"
enc=cbor
pairs ECDH-ES+HKDF-256 $step 255

chapter "pairs in JSON, every third position"
enc=json
pairs ES256 $((3 * step)) 1 2 4 8 16 32 64

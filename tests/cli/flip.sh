#!/bin/bash
# A bit flipped anywhere in any of the four messages: refused, without a crash,
# and without a trace; the message itself is still good afterwards.
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

# attack FILE PROGRAM STORE STEP MASK...
attack() {
	local file=$1 program=$2 store=$3 step=$4 flip status count=0
	shift 4
	flips "$file" 0 "$step" "$@"
	rm -f answers first
	: >"$err"
	for flip in flips/*; do
		# without its brace JSON isn't JSON, and the answer CBOR
		if [ "$flip" = flips/0 ]; then
			"$program" -s "$store" <"$flip" >first 2>>"$err"
		else
			"$program" -s "$store" <"$flip" >>answers 2>>"$err"
		fi
		status=$?
		count=$((count + 1))
		[ $status = 1 ] || [ $status = 3 ] ||
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
	[ "$program" != fluffy-skdc ] || [ -s answers ] || fail "no answers"
	echo "# $count flips of a $file for $store"
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

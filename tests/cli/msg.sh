#!/bin/bash
# fluffy-msg, the debugging tool: every way in, every way out.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl

# One of each of the twenty, with unknown members wherever they may be. The
# seals are nobody's: conversion needs no key.
messages() {
	jq -n -c '
	def seal: {"protected":"oQEYHg","unprotected":
		{"kid":"AAECAw","iv":"AAECAwQFBgcICQoLDA"},
		"ciphertext":"AAECAwQFBgcICQoLDA0ODxAREhM"};
	def nokid: seal | del(.unprotected.kid);
	def sign1: {"protected":"oQEm","unprotected":{},
		"payload":"pAlkaG9tZQpheA9IAAECAwQFBgcYGBprSdIA","signature":"AAECAwQFBgcICQoLDA0ODw"};
	def head($type): {"pvno":1,"msg-type":$type};
	def tail: {"ext":{"a":[1,-1.5,1e-300,0.1,null,true,"\u20ac\u0000"],"":{}},
		"-1":[[]],"9007199254740991":"x","4711":{"b":1},"x-y":0,"":0}
		| del(.[""]);
	def c: {"crealm":"home","cname":"0190c0de-0000-7000-8000-000000000001"};
	def sp: {"sprealm":"home","spname":"lock"};
	def skdc: {"skdcrealm":"home","skdcname":"skdc"};
	def body: {"kty":"SYMM","etype":["AES-CCM-16-64-128",4711],
		"skdc-options":["renew",17]} + skdc;
	def ticket: {"mticket": (skdc + sp + {"enc-part":seal,"77":null})};
	head("PSK-REQ") + {"req-body": (body + sp + {"cpac":{"x":[]},"99":1}),
		"authenticator":seal} + tail,
	head("PSK-REP") + c + ticket + {"receipt":seal} + tail,
	head("PSK-ESTB") + c + ticket + {"authenticator":nokid} + tail,
	head("PSK-ACK") + c + {"ack":seal} + tail,
	head("PSK-DELT") + c + {"kenvelope":seal} + tail,
	head("PSK-DELC") + skdc + {"ack":seal} + tail,
	head("GSK-REQ") + {"req-body": (body + {"mcastrealm":"home",
		"mcastname":"all","grppac":{"members":"any","lifetime":60}}),
		"authenticator":seal} + tail,
	head("GSK-REP") + sp + {"receipt":seal} + tail,
	head("GSK-FET") + {"req-body": ({"skdc-options":["renew"]} + skdc +
		{"mcastrealm":"home","mcastname":"all","keyid":"AAECAwQFBgc"}),
		"authenticator":seal} + tail,
	head("GSK-DLVR") + c + {"receipt":seal} + tail,
	head("GSK-DELT") + sp + {"kenvelope":seal} + tail,
	head("GSK-DELC") + sp + {"ack":seal} + tail,
	head("PKP-REQ") + {"req-body": (body + sp + {"cpac":1} |
		.kty = "EC" | .etype = "ES256"), "authenticator":seal} + tail,
	head("PKP-REP") + c + ticket + {"receipt":seal} + tail,
	head("ERROR") + {"error-code":"busy","e-text":"later"} + c + skdc +
		{"ack":seal} + tail,
	head("ENROL") + c + skdc + {"endtime":1800000000,"keydata":{
		"kty":"SYMM","keyid":"AAECAw","key":"EBESExQVFhcYGRobHB0eHw",
		"keyops":["encrypt","decrypt"],"alg":"AES-CCM-16-128-128",
		"5000":1}} + (tail | del(.ext)),
	head("DK-PROV") + {"ta":"ta","rs":"rs","keydata":{"kty":"SYMM",
		"keyid":"AAECAw","key":"EBESExQVFhcYGRobHB0eHw",
		"keyops":["deriveKey"]}} + (tail | del(.ext)),
	head("DK-CRED") + {"ta":"ta","rs":"rs","cname":"c",
		"psk-identity":"DK.ta.c.1","key":"EBESExQVFhcYGRobHB0eHw"} +
		(tail | del(.ext)),
	head("DK-CERT") + {"ta":"ta","rs":"rs","cname":"c","maccert":"AAECAw",
		"rs-key":"AAECAw"} + (tail | del(.ext)),
	head("DK-REVOKE") + {"ta":"ta","rs":"rs","seqnum":7,
		"cksum":"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"} +
		(tail | del(.ext)),
	head("PSK-ESTB") + c + ticket + {"authenticator":sign1},
	head("PSK-ESTB") + c + ticket,
	head("ERROR") + {"error-code":4711}'
}

chapter "conversion is lossless for every type"
enter types
messages >all.json
equal "$(wc -l <all.json | tr -d ' ')" 23
run 0 fluffy-msg --to cbor all.json >all.cbor
run 0 fluffy-msg --to json all.cbor >again.json
run 0 fluffy-msg --to cbor again.json >again.cbor
same all.cbor again.cbor
run 0 fluffy-msg --to json again.cbor >third.json
same again.json third.json
jq -S -c . all.json >sorted1
jq -S -c . again.json >sorted2
same sorted1 sorted2
run 0 fluffy-msg --check all.json all.cbor
run 0 fluffy-msg --to json all.json >emitted.json
same emitted.json again.json
# the members in the order of the profile, unknown ones by label at the end
head -n 1 again.json | jq -c keys_unsorted >order
equal "$(cat order)" \
	'["pvno","msg-type","req-body","authenticator","ext","4711","9007199254740991","-1","x-y"]'

chapter "what each form shows"
n=0
while read -r line; do
	n=$((n + 1))
	printf '%s\n' "$line" >one.json
	type=$(jq -r '."msg-type"' one.json)
	run 0 fluffy-msg --to cbor one.json >one.cbor
	for from in one.json one.cbor; do
		run 0 fluffy-msg --now 1800000000 $from >text
		head -n 1 text | grep -q "^$type (" || fail "$type is named"
		run 0 fluffy-msg --to text --now 1800000000 $from >text2
		same text text2
		run 0 fluffy-msg --to diag $from >notation
		equal "$(wc -l <notation | tr -d ' ')" 1
		# a key in clear is shown to nobody who didn't ask
		for form in text notation; do
			has_not $form 101112131415161718191a1b1c1d1e1f
			has_not $form EBESExQVFhcYGRobHB0eHw
		done
		case $type in
		ENROL | DK-PROV | DK-CRED)
			for form in text diag; do
				run 0 fluffy-msg --show-keys --to $form $from >shown
				has shown 101112131415161718191a1b1c1d1e1f
			done
			has text "(hidden)"
			;;
		esac
	done
	has text "$(size one.cbor) bytes"
	# lossless also means that nothing else is taken for it
	run 0 fluffy-msg --select "msg-type=$type" --to cbor one.json >same.cbor
	same one.cbor same.cbor
done <again.json
equal $n 23

chapter "every member of every type removed, emptied or of another kind"
while read -r line; do
	printf '%s\n' "$line" >one.json
	jq -c '. as $whole | [paths | select(.[0] != "ext" and
		(map(select(type == "number")) | length) == 0)][] as $p |
		($whole | delpaths([$p])),
		($whole | setpath($p; "")), ($whole | setpath($p; {})),
		($whole | setpath($p; [])), ($whole | setpath($p; -1)),
		($whole | setpath($p; null)), ($whole | setpath($p; 1.5))' \
		one.json >>mutants.json
done <again.json
# each is judged on its own, whatever the others were
run 3 fluffy-msg --to json mutants.json >valid.json
equal "$(($(wc -l <valid.json) + $(wc -l <"$err")))" "$(wc -l <mutants.json | tr -d ' ')" \
	"a verdict on each"
[ "$(wc -l <"$err")" -gt 1500 ] || fail "few were refused"
# what is taken is really valid: it survives the journey
run 0 fluffy-msg --to cbor valid.json >valid.cbor
run 0 fluffy-msg --to json valid.cbor >valid2.json
same valid.json valid2.json
jq -c 'select(has("pvno") | not)' valid.json >none
empty none
head -n 1 again.json | jq -c 'del(."req-body".spname)' >one.json
run 3 fluffy-msg --check one.json
expect_err "PSK-REQ.req-body.spname: missing"

for enc in cbor json; do
	chapter "the stores of both ends, $enc"
	realm "stores-$enc"
	ask req sensor lock --cpac '{"door":1}' --seqnum 3 --cksum
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 0 fluffy-estb -s sensor.db --seqnum 3 <rep >estb
	run 0 fluffy-estb -s lock.db <estb >ack
	run 0 fluffy-estb -s sensor.db <ack
	keyid=$(keyid_said)
	key=$(key_of lock.db "$keyid")
	cat req rep estb ack >all
	run 0 fluffy-msg all >text
	has_not text "nonce"
	for kid in "$(fluffy-key list -s sensor.db | awk '/^secret/ {print $3}')" \
	    "$(fluffy-key list -s lock.db | awk '/^secret/ {print $3}')"; do
		has text "$kid"
	done
	has text AES-CCM-16-128-128
	run 0 fluffy-msg -s sensor.db rep >text
	has text "nonce"
	has text "authtime"
	grep "no store has key" text |
		grep -q "$(fluffy-key list -s lock.db | awk '/^secret/ {print $3}')" ||
		fail "which key is missing?"
	equal "$(grep -c 'no store has key' text)" 1
	run 0 fluffy-msg -s sensor.db --store lock.db all >text
	has_not text "no store has"
	has_not text "(closed"
	has text '"door"'
	run 0 fluffy-msg -s skdc.db req rep >text
	has_not text "no store has"
	for form in text diag; do
		run 0 fluffy-msg -s sensor.db -s lock.db --open --to $form all >shown
		has_not shown "$key"
		has_not shown "$(base64url "$key")"
		run 0 fluffy-msg -s sensor.db -s lock.db --to $form \
			--show-keys all >shown
		has shown "$key"
	done
	run 0 fluffy-msg -s sensor.db -s lock.db --open --to json all >opened
	has_not opened "$(base64url "$key")"
	has_not opened "$key"
	has opened '"opened"'
	equal "$(jq -r '.opened.authenticator.cname // empty' opened | sort -u)" sensor
	equal "$(jq -r '.mticket.opened["enc-part"].keydata.keyid // empty' opened |
		sort -u)" "$(base64url "$keyid")"
	run 0 fluffy-msg -s sensor.db -s lock.db --open --show-keys --to json all >opened
	has opened "\"key\":\"$(base64url "$key")\""
	run 1 fluffy-skdc -s skdc.db <opened >output
	run 0 fluffy-msg --check --select error-code=auth-failed output
	# what isn't opened is as it was
	run 0 fluffy-msg -s skdc.db --to $enc all >plain
	same plain all
	FLUFFY_STORE=sensor.db run 0 fluffy-msg --open --to json req >opened
	has opened '"opened"'
	run 2 fluffy-msg --open req
	run 2 fluffy-msg --open -s sensor.db --to cbor req >output
	empty output
	run 2 fluffy-msg --open -s sensor.db --check req
	run 4 fluffy-msg -s none.db req >output
	run 4 fluffy-msg -s req req >output
	empty output

	chapter "an ENROL, $enc"
	run 0 fluffy-key enrol -s skdc.db --$enc camera >doc
	key=$(fluffy-msg --to json doc | jq -r .keydata.key)
	for form in text diag; do
		run 0 fluffy-msg --to $form doc >shown
		has_not shown "$key"
		has_not shown "$(printf '%s==' "$key" | tr -- -_ +/ | base64 -d |
			hex_of -)"
	done
	run 0 fluffy-msg --to json doc >as-json
	run 0 fluffy-msg --to cbor as-json >as-cbor
	run 0 fluffy-key join -s camera.db <as-cbor

	chapter "times as seen from another one, $enc"
	run 0 fluffy-msg --now 1970-01-02T00:00Z -s sensor.db req >text
	grep -q 'ctime.*(in [0-9]* y)' text || fail "the request is to come"
	run 0 fluffy-msg --now 4000000000 -s sensor.db rep >text
	grep -q 'endtime.*(expired [0-9]* y ago)' text || fail "expired"
	run 2 fluffy-msg --now yesterday req >output
	empty output

	chapter "--select, $enc"
	run 0 fluffy-msg --to $enc --select msg-type=PSK-REP all >one
	same one rep
	run 0 fluffy-msg --to $enc --select req-body.spname=lock all >one
	same one req
	run 0 fluffy-msg --to $enc --select mticket.spname=lock all >two
	cat rep estb >expected
	same two expected
	run 0 fluffy-msg --check --select pvno=1 all
	run 1 fluffy-msg --select msg-type=GSK-REQ all >output
	empty output
	expect_err "GSK-REQ"
	run 1 fluffy-msg --select req-body.spname=Lock all >output
	run 1 fluffy-msg --select e-text=x all >output
	empty output
	for bad in nothing= nothing=1 req-body.nothing=1 msg-type.x=1 =x x ''; do
		run 2 fluffy-msg --select "$bad" all >output
		empty output
	done
	run 2 fluffy-msg --select pvno=1 --select pvno=1 all >output
	# sealed members aren't clear ones
	run 2 fluffy-msg --select authenticator.cname=sensor all >output
	run 2 fluffy-msg --select receipt.nonce=AA all >output

	chapter "--check, $enc"
	run 0 fluffy-msg --check all >output
	empty output
	quiet_err
	head -c 30 all >part
	run 3 fluffy-msg --check part >output
	empty output
	run 3 fluffy-msg --check all part req >output
	empty output
	edit req '."req-body".spname = "lock"' >one
	run 0 fluffy-msg --check - <one
	run 0 fluffy-msg --check <one
	run 4 fluffy-msg --check none
	expect_err "none: "
	run 4 fluffy-msg --check .
	run 0 fluffy-msg -v --check one
	expect_err "PSK-REQ is valid"
	if [ "$enc" = cbor ]; then
		run 3 fluffy-msg --from json --check req
		run 0 fluffy-msg --from cbor --check req
	else
		run 3 fluffy-msg --from cbor --check req
		run 0 fluffy-msg --from json --check req
	fi
	run 0 fluffy-msg --to $enc -o file req ack
	cat req ack >two
	same file two
	equal "$(mode file)" 600
	run 4 fluffy-msg --to $enc -o file req
	same file two
	run 3 fluffy-msg --to $enc -o other part
	[ ! -e other ] || fail "a file is left behind"
	honest
done
enc=cbor

# ---- captures ------------------------------------------------------------------

# dump FORM FILE: as the tools of that name would print it.
dump() {
	perl -e '
		my ($form, $file) = @ARGV;
		local $/;
		open(my $in, "<:raw", $file) or die;
		$_ = <$in>;
		my @hex = map { sprintf "%02x", ord } split //;
		if ($form eq "plain") { print @hex }
		elsif ($form eq "upper") { print uc join "", @hex }
		elsif ($form eq "blanks") { print "@hex\n" }
		elsif ($form eq "colons") { print join(":", @hex), "\n" }
		elsif ($form eq "0x") { print "0x", @hex, "\n" }
		elsif ($form eq "0xs") { print join(", ", map { "0x$_" } @hex), "\n" }
		elsif ($form eq "0xs-lines") {
			print join(",\n", map { "0x$_" } @hex), ",\n" }
		elsif ($form eq "xxd-p" || $form eq "od") {
			my $n = $form eq "od" ? 16 : 30;
			while (my @line = splice @hex, 0, $n) {
				print $form eq "od" ? " @line" : join("", @line), "\n"
			}
		}
		else {
			for (my $at = 0; my @line = splice @hex, 0, 16; $at += 16) {
				my $text = join "", map { my $c = chr hex;
					$c =~ /[ -~]/ ? $c : "." } @line;
				if ($form eq "xxd") {
					my $x = join "", @line;
					$x =~ s/(....)/$1 /g;
					printf "%08x: %-40s %s\n", $at, $x, $text;
				} elsif ($form eq "xxd-g1") {
					printf "%08x: %-48s %s\n", $at, "@line", $text;
				} elsif ($form eq "xxd-u") {
					my $x = uc join "", @line;
					$x =~ s/(....)/$1 /g;
					printf "%08x: %-40s %s\n", $at, $x, $text;
				} elsif ($form eq "hexdump") {
					my @two = splice @line, 8;
					printf "%08x  %-23s  %-23s  |%s|\n", $at, "@line",
						"@two", $text;
				} elsif ($form =~ /tcpdump/) {
					my $x = join "", @line;
					$x =~ s/(....)/$1 /g;
					printf "\t0x%04x:  %-40s%s\n", $at, $x,
						$form eq "tcpdump-X" ? " $text" : "";
				}
			}
			printf "%08x\n", length if $form eq "hexdump";
		}' "$1" "$2"
}

# packet FILE 4|6 coap|udp: what a capture of it holds.
packet() {
	perl -e '
		my ($file, $ip, $kind) = @ARGV;
		local $/;
		open(my $in, "<:raw", $file) or die;
		my $data = <$in>;
		# CON POST, a token, Uri-Path "fluffy", Content-Format 60
		$data = pack("H*", "4402123401020304" . "b6") . "fluffy" .
			"\x11\x3c\xff" . $data if $kind eq "coap";
		my $udp = pack("nnnn", 40000, 5683, 8 + length $data, 0) . $data;
		print $ip == 4 ? pack("CCnnnCCna4a4", 0x45, 0, 20 + length $udp, 1,
			0, 64, 17, 0, "\x7f\0\0\1", "\x7f\0\0\1") . $udp :
			pack("NnCC", 6 << 28, length $udp, 17, 64) .
			"\0" x 15 . "\1" . "\0" x 15 . "\1" . $udp' "$@"
}

chapter "captured bytes"
realm captures
exchange
cat req rep >two
for file in req rep estb ack two; do
	for form in plain upper blanks colons 0x 0xs 0xs-lines xxd-p od xxd xxd-g1 xxd-u \
	    hexdump; do
		dump $form $file >captured
		for from in '' '--from=hex' '--from=auto'; do
			# shellcheck disable=SC2086 # none or one
			run 0 fluffy-msg $from --to cbor captured >output
			same output $file
		done
		sed 's/$/\r/' captured >dos
		run 0 fluffy-msg --to cbor dos >output
		same output $file
		sed 's/^/  /' captured >indented
		run 0 fluffy-msg --to cbor indented >output
		same output $file
	done
	for form in tcpdump tcpdump-X; do
		for ip in 4 6; do
			for kind in udp coap; do
				packet $file $ip $kind >raw
				{
					echo "15:40:57.123456 IP 127.0.0.1.40000 > 127.0.0.1.5683: UDP, length 108"
					dump $form raw
				} >captured
				run 0 fluffy-msg --to cbor captured >output
				same output $file
			done
		done
	done
	base64 <$file >captured
	run 0 fluffy-msg --to cbor captured >output
	same output $file
	run 0 fluffy-msg --from base64 --to cbor captured >output
	same output $file
	tr -d '=\n' <captured | tr +/ -_ >captured2
	run 0 fluffy-msg --from base64 --to cbor captured2 >output
	same output $file
	fold -w 17 captured2 >captured3
	run 0 fluffy-msg --to cbor - <captured3 >output
	same output $file
done
for tool in "xxd" "xxd -p" "xxd -g1 -c8" "hexdump -C" "od -An -tx1"; do
	have "${tool%% *}" || continue
	$tool rep >captured
	run 0 fluffy-msg --to cbor captured >output
	same output rep
done
for ip in 4 6; do
	packet req $ip coap >raw
	dump tcpdump raw >captured
	packet rep $ip udp >raw
	dump tcpdump raw >>captured
	run 0 fluffy-msg --to cbor captured >output
	same output two
done
# JSON, captured
run 0 fluffy-msg --to json req >as-json
for form in plain xxd hexdump; do
	dump $form as-json >captured
	run 0 fluffy-msg --to json captured >output
	same output as-json
done
base64 as-json >captured
run 0 fluffy-msg --to cbor captured >output
same output req

chapter "what isn't a capture"
dump plain req >captured
for bad in xyz! 0 0x 0xg '::' '=' 'a4 0 1' 'a401010'; do
	echo "$bad" >text
	for from in '' --from=hex --from=base64; do
		# shellcheck disable=SC2086 # none or one
		run 3 fluffy-msg $from text >output
		empty output
	done
done
{
	cat captured
	echo zz
} >text
run 3 fluffy-msg --from hex text >output
head -c 101 captured >text
run 3 fluffy-msg --from hex text >output
head -c 100 captured >text
run 3 fluffy-msg --from hex text >output
empty output
run 3 fluffy-msg --from json captured >output
run 3 fluffy-msg --from cbor captured >output
empty output
run 2 fluffy-msg --from pcap captured >output
run 2 fluffy-msg --to xml captured >output
head -c 9000000 /dev/zero | tr '\0' ' ' >text
run 3 fluffy-msg --from hex text >output

chapter "--schema"
run 0 fluffy-msg --schema >cddl
run 0 fluffy-msg --schema=cddl >cddl2
same cddl cddl2
quiet_err
for type in $(jq -r '."msg-type"' "$scratch/types/all.json"); do
	has cddl "$type = {"
done
run 0 fluffy-msg --schema=mdoc >mdoc
[ -s mdoc ] || fail "no tables"
run 2 fluffy-msg --schema=xml
run 2 fluffy-msg --schema req
run 0 fluffy-msg --schema -o cddl3
same cddl cddl3

chapter "to a terminal nothing comes that upsets it"
ask req sensor "$(printf 'l\302\240\342\200\256k')"
run 0 fluffy-msg req >text
! grep -q "$(printf '\342\200\256')" text || fail "a change of direction"
run 0 fluffy-msg --to json req >as-json
run 0 fluffy-msg --to cbor as-json >output
same output req
honest

#!/bin/bash
# Derived keys and authorized public keys, all but the sessions: what each party
# writes and takes, against OpenSSL's word, and what each of them refuses.
# shellcheck disable=SC2016 # Perl's dollars
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl openssl

# What the memo and RFC 5246 leave to be computed.
known_key=000102030405060708090a0b0c0d0e0f
known_derived=08a7b34b3c5ad23650f4c6a0e4ad83c2730eb28f36735b5858cc83bb264cbc04
all=4294967295
long=$(printf %0255d 0)

# ---- the parties ---------------------------------------------------------------

# provision RS [OPTION]...: the document is in prov
provision() {
	run 0 fluffy-dk provision -s ta.db --"$enc" "${@:2}" -- "$1" >prov
	is prov DK-PROV
}

# server RS [OPTION]...: an RS that has joined; its public key is in RS.pem
server() {
	provision "$@"
	run 0 fluffy-dk join -s "$1.db" <prov >"$1.pem"
	run 0 fluffy-dk trust -s ta.db "$1" <"$1.pem"
}

# town DIRECTORY [OPTION OF provision]...: ta.db and lamp.db in it
town() {
	enter "$1"
	server lamp "${@:2}"
}

issue() { # RS CLIENT FILE
	run 0 fluffy-dk issue -s ta.db --"$enc" -- "$1" "$2" >"$3"
	is "$3" DK-CRED
}

certify() { # RS CLIENT PUBLIC-KEY FILE
	run 0 fluffy-dk certify -s ta.db --"$enc" -- "$1" "$2" <"$3" >"$4"
	is "$4" DK-CERT
}

# derive STATUS NONCE [STORE]: what it writes is in output
derive() {
	run "$1" fluffy-dk derive -s "${3-lamp.db}" --show-keys -- "$2" >output
	[ "$1" = 0 ] || empty output
}

# verify STATUS FILE VERDICT...: of the four checks, in their order
verify() {
	local names=(trust-anchor sequence-number public-key mac) i
	run "$1" fluffy-dk verify -s lamp.db <"$2" >output
	for i in 0 1 2 3; do
		echo "${names[i]}: ${*:i+3:1}"
	done >wanted
	same output wanted
}

hex_key() { # FILE: the key in a DK-CRED or DK-PROV
	field "$1" '.key // .keydata.key' | tr -- -_ +/ |
		sed 's/$/==/' | base64 -d 2>/dev/null | hex_of
}

# maccert FILE: of a DK-CERT, as it goes over the wire
maccert() {
	field "$1" .maccert | tr -- -_ +/ |
		perl -MMIME::Base64 -0777 -ne 'print decode_base64($_)'
}

# openssl_derives HEXKEY NONCE: 32 bytes in hex
openssl_derives() {
	openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt "hexsecret:$1" \
		-kdfopt "seed:$2" TLS1-PRF | tr -d ':\n' | tr A-F a-f
}

# pair NAME [ARGUMENT OF genpkey]...: NAME.key and NAME.pem
pair() {
	openssl genpkey -out "$1.key" "${@:2}" 2>"$err" || fail "genpkey $*"
	openssl pkey -in "$1.key" -pubout -out "$1.pem" 2>"$err"
}

unchanged() { # COMMAND...: of lamp.db nothing changes
	cp lamp.db before
	"$@"
	same lamp.db before
	empty_wal lamp.db
}

empty_wal() {
	[ ! -s "$1-wal" ] || fail "$1 was written to"
}

# honest_dk: a credential of each kind, from the TA to the RS's word about it
honest_dk() {
	issue lamp honest honest.cred
	run 0 fluffy-dk join -s honest.db <honest.cred >output
	empty output
	derive 0 "$(field honest.cred '."psk-identity"')"
	expect_err "fresh: number"
	equal "$(cat output)" "$(hex_key honest.cred)"
	certify lamp honest "$scratch/phone.pem" honest.cert
	run 0 fluffy-dk join -s honest.db --key "$scratch/phone.key" \
		<honest.cert >output
	empty output
	verify 0 honest.cert ok ok ok ok
	expect_err "valid: number"
	rm -f honest.*
}

pair phone -algorithm EC -pkeyopt ec_paramgen_curve:P-256
pair other -algorithm EC -pkeyopt ec_paramgen_curve:P-256
phone=$scratch/phone.pem

for enc in cbor json; do

# ---- what each of them writes -----------------------------------------------------

chapter "a pipeline, $enc"
enter "pipeline-$enc"
fluffy-dk provision -s ta.db --$enc lamp 2>one | fluffy-dk join -s lamp.db 2>two |
	fluffy-dk trust -s ta.db lamp 2>"$err"
equal "${PIPESTATUS[*]}" "0 0 0"
equal "$(cat one)" "fluffy-dk provision: provisioned lamp for TA"
equal "$(cat two)" "fluffy-dk join: joined TA as lamp (window 64)"
equal "$(cat "$err")" "fluffy-dk trust: the public key of lamp is known"
fluffy-dk issue -s ta.db --$enc lamp phone 2>one |
	fluffy-dk join -s phone.db 2>"$err" >output
equal "${PIPESTATUS[*]}" "0 0"
empty output
equal "$(cat one)" "fluffy-dk issue: issued number 1 for lamp to phone"
equal "$(cat "$err")" "fluffy-dk join: received number 1 for lamp"
fluffy-dk certify -s ta.db --$enc lamp phone <"$phone" 2>one |
	fluffy-dk join -s phone.db --key "$scratch/phone.key" 2>"$err" >output
equal "${PIPESTATUS[*]}" "0 0"
empty output
equal "$(cat one)" "fluffy-dk certify: certified number 2 for lamp to phone"
equal "$(cat "$err")" "fluffy-dk join: received number 2 for lamp"
fluffy-dk revoke -s ta.db --$enc lamp 2 2>one |
	fluffy-dk accept -s lamp.db >output 2>"$err"
equal "${PIPESTATUS[*]}" "0 0"
empty output
equal "$(cat one)" "fluffy-dk revoke: revoked number 2 for lamp"
equal "$(cat "$err")" "fluffy-dk accept: number 2 by TA is revoked"
for store in ta.db lamp.db phone.db; do
	equal "$(mode $store)" 600 $store
done
honest_dk

chapter "the documents, $enc"
town "documents-$enc" --ta anchor
field prov '[."msg-type", .ta, .rs, .keydata.kty, .keydata.keyops,
	(.keydata | keys | join(" "))] | tostring' >shape
equal "$(cat shape)" \
	'["DK-PROV","anchor","lamp","SYMM",["deriveKey"],"key keyid keyops kty"]'
equal "$(hex_key prov | wc -c | tr -d ' ')" 32
equal "$(field prov '.keydata.keyid | length')" 6
openssl pkey -pubin -in lamp.pem -text -noout >output 2>"$err" ||
	fail "no public key"
has output prime256v1
issue lamp phone cred
equal "$(field cred '[.ta, .rs, .cname, ."psk-identity"] | join(" ")')" \
	"anchor lamp phone DK.anchor.phone.1"
certify lamp phone "$phone" cert
equal "$(field cert '[.ta, .rs, .cname] | join(" ")')" "anchor lamp phone"
openssl pkey -pubin -in lamp.pem -outform DER -out lamp.der
equal "$(field cert '."rs-key"')" "$(base64url "$(hex_of lamp.der)")"
run 0 fluffy-dk revoke -s ta.db --$enc lamp 2 >rvk
is rvk DK-REVOKE
equal "$(field rvk '[.ta, .rs, .seqnum, (.cksum | length)] | tostring')" \
	'["anchor","lamp",2,43]'
# the encoding that is asked for, and by default CBOR
for command in "provision gate" "issue lamp x" "certify lamp x" "revoke lamp 1"; do
	# shellcheck disable=SC2086
	{
		run 0 fluffy-dk ${command%% *} -s ta.db ${command#* } \
			<"$phone" >output
		equal "$(fluffy-msg output | sed 's/.*(\([A-Z]*\),.*/\1/;q')" CBOR
		run 0 fluffy-dk ${command%% *} -s ta.db --json ${command#* } \
			<"$phone" >output
		jq -e . output >/dev/null || fail "no JSON"
		run 0 fluffy-dk ${command%% *} -s ta.db --$enc -o file \
			${command#* } <"$phone" >output
		empty output
		equal "$(mode file)" 600
		run 0 fluffy-msg --check file
		cp file before
		run 4 fluffy-dk ${command%% *} -s ta.db -o file ${command#* } \
			<"$phone" >output
		same file before
		rm file
	}
done

chapter "the documents shown and converted, $enc"
for document in prov cred cert rvk; do
	run 0 fluffy-msg --to cbor $document >as.cbor
	run 0 fluffy-msg --to json $document >as.json
	run 0 fluffy-msg --to cbor as.json >back
	same as.cbor back
	run 0 fluffy-msg --to json as.cbor >back
	same as.json back
	same as.$enc $document
	for form in text diag; do
		run 0 fluffy-msg --to $form $document >shown
		run 0 fluffy-msg --to $form --show-keys $document >keys
		case $document in
		prov | cred)
			has_not shown "$(hex_key $document)"
			has keys "$(hex_key $document)"
			;;
		*)
			same shown keys
			;;
		esac
	done
done
run 0 fluffy-msg cred >shown
has shown "(hidden)"
has shown "DK.anchor.phone.1"

# ---- keys ------------------------------------------------------------------------

chapter "known answers, $enc"
enter "known-$enc"
echo $known_key >import
server lamp --import import
equal "$(hex_key prov)" $known_key
issue lamp C cred
equal "$(field cred '."psk-identity"')" DK.TA.C.1
equal "$(hex_key cred)" ${known_derived:0:32}
derive 0 DK.TA.C.1
equal "$(cat output)" ${known_derived:0:32}
equal "$(cat "$err")" "fluffy-dk derive: fresh: number 1 for client C by TA"
run 0 fluffy-dk derive -s lamp.db DK.TA.C.1 >output
empty output
equal "$(openssl_derives $known_key DK.TA.C.1)" $known_derived "the oracle"
certify lamp C "$phone" cert
maccert cert >bare
equal "$(size bare)" 135 "P-256 and TA"
# the memo's section 3.1, byte by byte
openssl pkey -pubin -in "$phone" -outform DER -out phone.der
{
	printf '\0\0\133'
	cat phone.der
	printf '\002TA\0\0\0\002\003'
} >covered
{
	cat covered
	printf '\040'
	{
		cat covered
		printf '\0'
	} | openssl dgst -sha256 -mac HMAC -macopt hexkey:$known_key -binary
} >wanted
same bare wanted
# section 11's cksum
run 0 fluffy-dk revoke -s ta.db --cbor lamp 1 >rvk
hash=$(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:$known_key \
	-kdfopt "info:fluffy dk revoke" HKDF | tr -d ':\n')
# {1: 1, 2: 20, 28: 1, 48: "TA", 49: "lamp"}
printf '\245\001\001\002\024\030\034\001\030\060\142TA\030\061\144lamp' >covered
equal "$(field rvk .cksum)" "$(base64url "$(openssl dgst -sha256 -mac HMAC \
	-macopt "hexkey:$hash" -binary covered | hex_of)")"

chapter "keys to import, $enc"
enter "import-$enc"
for bad in '' ' ' 00 "${known_key}0" "${known_key}00" "${known_key:1}" \
    "0x$known_key" "${known_key:0:15} ${known_key:15}" "${known_key}g" \
    " $known_key" "$known_key$known_key$known_key" "${known_key:1}g" \
    "$(printf '%s\n%s' $known_key $known_key)"; do
	printf '%s' "$bad" >import
	run 2 fluffy-dk provision -s ta.db --import import lamp >output
	empty output
	expect_err "--import"
	[ -z "$bad" ] || has_not "$err" "${known_key:4:20}"
	[ ! -e ta.db ] || fail "a store of nothing"
done
printf '%s\0' $known_key >import
run 2 fluffy-dk provision -s ta.db --import import lamp
head -c 20000 /dev/zero | tr '\0' 0 >import
run 3 fluffy-dk provision -s ta.db --import import lamp
run 4 fluffy-dk provision -s ta.db --import none lamp
run 4 fluffy-dk provision -s ta.db --import . lamp
echo $known_key >import
run 2 fluffy-dk provision -s ta.db --import import --bits 256 lamp
expect_err "--import"
[ ! -e ta.db ] || fail "a store of nothing"
run 0 fluffy-dk provision -s ta.db --import import --bits 128 lamp >prov
equal "$(hex_key prov)" $known_key
# with the same key the same nonces would come again
run 1 fluffy-dk provision -s ta.db --import import lamp >output
empty output
expect_err "--import: this key was used before"
run 1 fluffy-dk provision -s ta.db --import import gate >output
provision lamp
run 1 fluffy-dk provision -s ta.db --import import lamp >output
printf '%s%s  \t\r\n\n' ABCDEFabcdef${known_key:12} $known_key >import
server gate --import import
equal "$(hex_key prov)" "abcdefabcdef${known_key:12}$known_key"
issue gate C cred
equal "$(hex_key cred)" \
	"$(openssl_derives "abcdefabcdef${known_key:12}$known_key" DK.TA.C.1)"

chapter "made keys, against OpenSSL, $enc"
for bits in 128 256; do
	town "oracle-$bits-$enc" --bits $bits
	key=$(hex_key prov)
	equal "${#key}" $((bits / 4))
	number=0
	for client in phone a.b..c . .. -dashed 'two words' "$(printf 'x%.0s' \
	    {1..119})" $'\xc3\xa9\xe2\x82\xac' 1 \
	    0190c0de-0000-7000-8000-00000000000a; do
		issue lamp "$client" cred
		number=$((number + 1))
		nonce=$(field cred '."psk-identity"')
		equal "$nonce" "DK.TA.$client.$number"
		expected=$(openssl_derives "$key" "$nonce")
		expected=${expected:0:$((bits / 4))}
		equal "$(hex_key cred)" "$expected" "$nonce"
		derive 0 "$nonce"
		equal "$(cat output)" "$expected" "$nonce"
		expect_err "fresh: number $number for client $client by TA"
		rm -f client.db
		run 0 fluffy-dk join -s client.db <cred
	done
done

# ---- public keys ---------------------------------------------------------------

chapter "public keys of every kind and form, $enc"
town "public-$enc"
for kind in "EC -pkeyopt ec_paramgen_curve:P-256" \
    "EC -pkeyopt ec_paramgen_curve:P-384" "EC -pkeyopt ec_paramgen_curve:P-521" \
    ED25519 "RSA -pkeyopt rsa_keygen_bits:2048"; do
	# shellcheck disable=SC2086
	pair some -algorithm $kind
	openssl pkey -pubin -in some.pem -outform DER -out some.der
	for form in pem der; do
		certify lamp phone some.$form cert
		maccert cert | perl -e 'local $/; $_ = <STDIN>;
			print substr($_, 3, unpack("N", "\0" . $_))' >spki
		same spki some.der
		verify 0 cert ok ok ok ok
	done
done
# the pair of RFC 7517's appendix A.1
x=MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4
y=4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM
echo "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"$x\",\"y\":\"$y\"}" >key.jwk
perl -MMIME::Base64 -e 'my ($x, $y) = map { tr,-_,+/,; decode_base64($_) } @ARGV;
	print pack("H*", "a401022001215820") . $x . pack("H*", "225820") . $y' \
	$x $y >key.cose
for form in jwk cose; do
	certify lamp phone key.$form cert
	verify 0 cert ok ok ok ok
	maccert cert | perl -e 'local $/; $_ = <STDIN>;
		print substr($_, 3, unpack("N", "\0" . $_))' >spki.$form
done
same spki.jwk spki.cose
openssl pkey -pubin -inform DER -in spki.jwk -pubout -out output 2>"$err" ||
	fail "not what OpenSSL reads"

chapter "what is no public key, $enc"
openssl pkey -in "$scratch/phone.key" -outform DER -out private.der
openssl req -x509 -new -key "$scratch/phone.key" -subj /CN=phone -days 30 \
	-out certificate 2>"$err"
sed "s/\"y\":.*/\"y\":\"$x\"}/" key.jwk >off-curve
sed "s/}/,\"d\":\"$x\"}/" key.jwk >private.jwk
{
	cat phone.der 2>/dev/null || openssl pkey -pubin -in "$phone" -outform DER
	printf x
} >trailing
head -c 80 trailing >part
: >nothing
head -c 16385 /dev/zero >large
head -c 16384 /dev/zero >zeros
for bad in "$scratch/phone.key" private.der private.jwk certificate off-curve \
    trailing part nothing large zeros prov cert; do
	run 3 fluffy-dk certify -s ta.db lamp phone <"$bad" >output
	empty output
	run 3 fluffy-dk trust -s ta.db lamp <"$bad"
done
# none of it took a number
number=$(fluffy-dk window -s ta.db --json | jq '.[0].number')
issue lamp phone cred
equal "$(field cred '."psk-identity"')" DK.TA.phone.$((number + 1))
honest_dk

chapter "the RS's own pair, $enc"
enter "pair-$enc"
provision lamp
run 0 fluffy-dk join -s lamp.db --key "$scratch/other.key" <prov >lamp.pem
same lamp.pem "$scratch/other.pem"
# another key from the same TA, and another TA: the pair stays
provision lamp
run 0 fluffy-dk join -s lamp.db <prov >again.pem
same lamp.pem again.pem
run 0 fluffy-dk provision -s ta2.db --ta TA2 lamp >prov2
run 0 fluffy-dk join -s lamp.db <prov2 >again.pem
same lamp.pem again.pem
for bad in "$phone" prov "$scratch" nothing; do
	: >nothing
	run 0 fluffy-dk provision -s ta2.db lamp >prov2
	got=0
	fluffy-dk join -s lamp.db --key "$bad" <prov2 >output 2>"$err" || got=$?
	[ $got -gt 1 ] || fail "status $got with the key $bad"
	judge $got $got join
	empty output
done
pair ed -algorithm ED25519
run 0 fluffy-dk provision -s ta2.db lamp >prov2
got=0
fluffy-dk join -s lamp.db --key ed.key <prov2 >output 2>"$err" || got=$?
[ $got -gt 1 ] || fail "a key that can't be used in DTLS"
run 4 fluffy-dk join -s lamp.db --key none <prov2 >output
empty output
# and the document is still good
run 0 fluffy-dk join -s lamp.db <prov2 >again.pem
same lamp.pem again.pem

# ---- numbers -------------------------------------------------------------------

chapter "one row of numbers for each RS, $enc"
town "numbers-$enc"
server gate
issue lamp a one
certify lamp b "$phone" two
issue lamp a three
issue gate a gate-one
equal "$(field one '."psk-identity"') $(field three '."psk-identity"')" \
	"DK.TA.a.1 DK.TA.a.3"
equal "$(field gate-one '."psk-identity"')" DK.TA.a.1
[ "$(hex_key one)" != "$(hex_key gate-one)" ] || fail "one key for two servers"
equal "$(maccert two | perl -e 'local $/; print unpack("N",
	substr(<STDIN>, -38, 4))')" 2
# a refusal takes none
run 1 fluffy-dk issue -s ta.db nobody a >output
expect_err "RS: "
run 1 fluffy-dk certify -s ta.db nobody a <"$phone" >output
run 2 fluffy-dk issue -s ta.db lamp '' >output
expect_err "CLIENT: "
run 2 fluffy-dk issue -s ta.db lamp "$(printf 'x%.0s' {1..121})" >output
run 2 fluffy-dk issue -s ta.db lamp "$long" >output
run 2 fluffy-dk issue -s ta.db lamp "$(printf 'a\001')" >output
run 2 fluffy-dk issue -s ta.db lamp "$(printf 'a\377')" >output
run 2 fluffy-dk certify -s ta.db lamp '' <"$phone" >output
run 4 fluffy-dk issue -s ta.db -o none/file lamp a >output
empty output
issue lamp a four
equal "$(field four '."psk-identity"')" DK.TA.a.4
honest_dk

chapter "nonces that are refused, $enc"
town "nonces-$enc"
issue lamp C cred
for bad in '' D DK DK. DK.. DK... DK.TA DK.TA. DK.TA.C DK.TA.C. DK.TA..1 DK..C.1 \
    DK.TA.C.0 DK.TA.C.01 DK.TA.C.00 DK.TA.C.-1 DK.TA.C.+1 'DK.TA.C. 1' 'DK.TA.C.1 ' \
    DK.TA.C.1. DK.TA.C.1x DK.TA.C.0x1 DK.TA.C.1.0x DK.TA.C.4294967296 \
    DK.TA.C.18446744073709551617 dk.TA.C.1 Dk.TA.C.1 ' DK.TA.C.1' TA.C.1 \
    DKTA.C.1 "$(printf 'DK.TA.\001.1')" "$(printf 'DK.TA.\377.1')" \
    "$(printf 'DK.T\177.C.1')" "DK.TA.$(printf 'x%.0s' {1..121}).1" \
    "DK.$long.C.1" $'DK.TA.C.1\n' $'DK.TA.C\n.1'; do
	unchanged derive 3 "$bad"
	expect_err NONCE
done
for unknown in DK.ta.C.1 DK.TA2.C.1 DK.T.C.1 DK.lamp.C.1 DK.$'T\xc3\xa9'.C.1; do
	unchanged derive 1 $unknown
	expect_err "NONCE: no trust anchor"
done
# nobody has to have issued it: the key tells
derive 0 DK.TA.anybody.77
derive 0 DK.TA.C.1
derive 0 DK.TA.C.1
derive 0 DK.TA.C.$all

chapter "a MacCert is checked, $enc"
town "maccert-$enc"
certify lamp phone "$phone" cert
maccert cert >bare
unchanged verify 0 cert ok ok ok ok
equal "$(cat "$err")" "fluffy-dk verify: valid: number 1 by TA"
unchanged verify 0 bare ok ok ok ok
run 0 fluffy-dk verify -v -s lamp.db <bare >output
for check in syntax trust-anchor sequence-number public-key mac; do
	expect_err "DK-CERT: $check: ok"
done
# the same, in a document of the other encoding
run 0 fluffy-msg --to cbor cert >cert.cbor
run 0 fluffy-msg --to json cert >cert.json
verify 0 cert.cbor ok ok ok ok
verify 0 cert.json ok ok ok ok
# any bit of it
if [ $enc = cbor ]; then
	for ((at = 0; at < 135; at++)); do
		perl -e 'local $/; open(F, "<:raw", "bare"); $_ = <F>;
			my $at = shift; vec($_, 8 * $at + $at % 8, 1) ^= 1;
			print' $at >bent
		got=0
		fluffy-dk verify -s lamp.db <bent >output 2>"$err" || got=$?
		[ $got = 1 ] || [ $got = 3 ] || fail "status $got, byte $at"
		judge $got $got verify
		[ $got = 1 ] || [ ! -s output ] || has_not output "mac: ok"
		has_not output "mac: ok"
	done
	for ((n = 0; n < 135; n += 7)); do
		head -c $n bare >short
		run 3 fluffy-dk verify -s lamp.db <short >output
		empty output
	done
fi
bend() { # PERL: bare, changed, is in bent
	perl -e 'local $/; open(F, "<:raw", "bare"); $_ = <F>; '"$1"'; print' >bent
}
bend 'substr($_, -1, 1) ^= "\1"'
verify 1 bent ok ok ok auth-failed
bend 's/TA/TB/'
verify 1 bent auth-failed - - -
bend 'substr($_, 60, 1) ^= "\1"'
verify 3 bent ok ok malformed -
bend 'substr($_, -38, 4) = pack("N", 2)'
verify 1 bent ok ok ok auth-failed
# only HMAC-SHA256, and all of it
bend 'substr($_, -34, 1) = "\4"'
run 3 fluffy-dk verify -s lamp.db <bent >output
empty output
bend 'substr($_, -34, 2) = "\0\0"; $_ = substr($_, 0, -32)'
run 3 fluffy-dk verify -s lamp.db <bent >output
bend 'substr($_, -33, 1) = "\x10"; $_ = substr($_, 0, -16)'
run 3 fluffy-dk verify -s lamp.db <bent >output
bend '$_ .= "x"'
run 3 fluffy-dk verify -s lamp.db <bent >output
empty output
# a document of something else, or of nothing
issue lamp phone cred
run 1 fluffy-dk verify -s lamp.db <cred >output
expect_err DK-CRED
empty output
: >nothing
run 3 fluffy-dk verify -s lamp.db <nothing >output
head -c 524289 /dev/zero >large
run 3 fluffy-dk verify -s lamp.db <large >output
cat cert cert >twice
run 3 fluffy-dk verify -s lamp.db <twice >output
empty output
edit cert '.maccert = "AAECAw"' >bent
run 3 fluffy-dk verify -s lamp.db <bent >output
empty output
# the document says another thing than its MacCert, or than the reader
edit cert '.rs = "gate"' >bent
run 1 fluffy-dk verify -s lamp.db <bent >output
expect_err "DK-CERT.rs: expected \"lamp\", found \"gate\""
empty output
edit cert '.ta = "TB"' >bent
run 3 fluffy-dk verify -s lamp.db <bent >output
expect_err "DK-CERT.maccert: its trust anchor isn't ta"
empty output
honest_dk

chapter "revocation, $enc"
town "revocation-$enc"
server gate
issue lamp C one
certify lamp C "$phone" two
for number in 0 -1 x '' 1.0 01x 4294967296 ' 1'; do
	run 2 fluffy-dk revoke -s ta.db -- lamp "$number" >output
	empty output
	expect_err SEQ
done
run 1 fluffy-dk revoke -s ta.db lamp 3 >output
empty output
expect_err "SEQ: 3 wasn't given out"
run 1 fluffy-dk revoke -s ta.db nobody 1 >output
run 0 fluffy-dk revoke -s ta.db --$enc lamp 1 >rvk
derive 0 DK.TA.C.1
run 0 fluffy-dk accept -s lamp.db <rvk
derive 1 DK.TA.C.1
expect_err "revoked"
verify 0 two ok ok ok ok
# any number of times
run 0 fluffy-dk accept -s lamp.db <rvk
run 0 fluffy-dk revoke -s ta.db --$enc lamp 1 >again
same rvk again
run 0 fluffy-dk revoke -s ta.db --$enc lamp 2 >rvk2
cat rvk rvk2 >both
run 0 fluffy-dk accept -s lamp.db <both
expect_err "number 1 by TA is revoked"
expect_err "number 2 by TA is revoked"
verify 1 two ok replay - -
derive 1 DK.TA.anybody.2
derive 0 DK.TA.C.3
# not what somebody else made of it, nor at another server
for change in '.seqnum = 3' '.ta = "T"' '.rs = "gate"' '.pvno = 2' \
    '.cksum = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"' '.["99"] = 1'; do
	fluffy-msg --to json rvk | jq -c "$change" >bent
	for rs in lamp gate; do
		cp $rs.db before
		run 1 fluffy-dk accept -s $rs.db <bent
		same $rs.db before
	done
done
derive 0 DK.TA.C.3
run 1 fluffy-dk accept -s gate.db <rvk
derive 0 DK.TA.C.1 gate.db
# of another key that the RS doesn't have any more
issue lamp C three
run 0 fluffy-dk revoke -s ta.db --$enc lamp 3 >rvk3
server lamp
run 1 fluffy-dk accept -s lamp.db <rvk3
derive 0 DK.TA.C.3
honest_dk

# ---- joining -------------------------------------------------------------------

chapter "documents that are refused, $enc"
town "joining-$enc"
cp prov first
run 1 fluffy-dk join -s lamp.db <first >output
empty output
provision lamp
run 0 fluffy-dk join -s lamp.db <prov >output
same output lamp.pem
# an older key doesn't come back
run 1 fluffy-dk join -s lamp.db <first >output
run 1 fluffy-dk join -s lamp.db <prov >output
empty output
issue lamp C cred
certify lamp C "$phone" cert
run 0 fluffy-dk join -s c.db <cred
run 1 fluffy-dk join -s c.db <cred
run 2 fluffy-dk join -s c.db <cert
expect_err "--key: "
run 1 fluffy-dk join -s c.db --key "$scratch/other.key" <cert
run 0 fluffy-dk join -s c.db --key "$scratch/phone.key" <cert
run 1 fluffy-dk join -s c.db <cert
certify lamp C "$scratch/other.pem" cert2
run 1 fluffy-dk join -s c.db <cert2
certify lamp C "$phone" cert3
run 0 fluffy-dk join -s c.db <cert3
equal "$(fluffy-dk window -s c.db --json | jq -c 'map(.number)')" '[1,2,4]'
# not what is made for another step
run 0 fluffy-dk revoke -s ta.db --$enc lamp 1 >rvk
run 0 fluffy-key init -s skdc.db --realm home skdc
run 0 fluffy-key enrol -s skdc.db --$enc sensor >doc
run 0 fluffy-key join -s sensor.db <doc
ask req sensor sensor
for other in rvk doc req; do
	run 1 fluffy-dk join -s c.db <$other >output
	empty output
	run 1 fluffy-dk join -s new.db <$other >output
	[ ! -e new.db ] || fail "a store of $other"
done
for other in cred cert prov doc req; do
	run 1 fluffy-dk accept -s lamp.db <$other >output
	empty output
done
run 1 fluffy-key join -s new.db <cred
run 1 fluffy-key join -s new.db <prov
[ ! -e new.db ] || fail "a store of fluffy-key"
for verb in join accept; do
	run 3 fluffy-dk $verb -s lamp.db
	expect_err "no message"
	run 3 fluffy-dk $verb -s lamp.db <"$0" >output
	head -c 20 cred >part
	run 3 fluffy-dk $verb -s lamp.db <part >output
	empty output
done
# a refusal doesn't stop the stream
issue lamp C cred5
cat cred rvk cred5 >stream
run 1 fluffy-dk join -s c.db <stream
expect_err "received number 5"
for n in 0 31 1025 -1 x ''; do
	run 2 fluffy-dk join -s lamp.db "--window=$n" <prov
done
# what documents say is looked at too
for change in '.keydata.key = "AAECAw"' '.keydata.alg = "A128GCM"' \
    '.ta = "a.b"' '.ta = ""' '.rs = ""' '.keydata.keyops = ["encrypt"]' \
    'del(.keydata)' 'del(.ta)'; do
	fluffy-msg --to json prov | jq -c "$change" >bent
	run 3 fluffy-dk join -s lamp.db <bent >output
	empty output
done
for change in '."psk-identity" = "DK.TA.C.01"' '."psk-identity" = "DK.TA.D.5"' \
    '."psk-identity" = "DK.T.C.5"' '.cname = "D"' '.ta = "T"' '.key = ""'; do
	fluffy-msg --to json cred5 | jq -c "$change" >bent
	got=0
	fluffy-dk join -s d.db <bent >output 2>"$err" || got=$?
	[ $got = 1 ] || [ $got = 3 ] || fail "status $got: $change"
	[ ! -e d.db ] || fail "a store of $change"
done
honest_dk

chapter "several trust anchors, $enc"
town "several-$enc" --ta one
run 0 fluffy-dk provision -s two.db --ta two --bits 256 lamp >prov2
run 0 fluffy-dk join -s lamp.db <prov2 >output
same output lamp.pem
run 0 fluffy-dk issue -s two.db lamp C >cred2
issue lamp C cred
derive 0 DK.one.C.1
equal "$(cat output)" "$(hex_key cred)"
derive 0 DK.two.C.1
equal "$(cat output)" "$(hex_key cred2)"
# each has its own numbers
run 0 fluffy-dk revoke -s two.db lamp 1 >rvk
run 0 fluffy-dk accept -s lamp.db <rvk
derive 1 DK.two.C.1
derive 0 DK.one.C.1
run 0 fluffy-dk window -s lamp.db >listing
equal "$(wc -l <listing | tr -d ' ')" 2
# one trust anchor has one name
run 2 fluffy-dk provision -s ta.db --ta two lamp >output
expect_err "--ta: "
run 0 fluffy-dk provision -s ta.db --ta one gate >output
for bad in '' a.b . "$long" "$(printf 'a\001')" "$(printf 'x%.0s' {1..128})"; do
	run 2 fluffy-dk provision -s new.db --ta "$bad" lamp >output
	expect_err "--ta: "
	empty output
done
for bad in '' "${long}0" "$(printf 'a\001')"; do
	run 2 fluffy-dk provision -s new.db "$bad" >output
	expect_err "RS: "
done
for bad in 0 64 129 x ''; do
	run 2 fluffy-dk provision -s new.db --bits "$bad" lamp >output
done
[ ! -e new.db ] || fail "a store of a mistake"

# ---- what is shown, and what never is ------------------------------------------------

chapter "the listing, $enc"
enter "listing-$enc"
for size in 32 64 100 1024; do
	provision lamp
	run 0 fluffy-dk join -s lamp.db --window $size <prov >lamp.pem
	expect_err "joined TA as lamp (window $size)"
	run 0 fluffy-dk window -s lamp.db --json >listing
	equal "$(jq -c '.[0] | [.window, .bits] | [.[0], (.[1] | length)]' \
		listing)" "[$size,$size]"
	run 0 fluffy-dk window -s lamp.db >listing
	equal "$(wc -l <listing | tr -d ' ')" $(((size + 63) / 64))
	equal "$(tr -cd '01\n' <listing | sed '1s/.*00000//' | tr -d '\n' |
		wc -c | tr -d ' ')" $((size > 64 ? size - 64 : 0))
done
provision lamp
run 0 fluffy-dk join -s lamp.db <prov >lamp.pem
expect_err "(window 1024)"
issue lamp C cred
certify_too() {
	run 0 fluffy-dk trust -s ta.db lamp <lamp.pem
	certify lamp C "$phone" cert
}
run 0 fluffy-dk window -s ta.db --json >listing
equal "$(jq -c '.[0] | [.role, .ta, .rs, .number, .trusted, .revoked]' listing)" \
	'["trust-anchor","TA","lamp",1,false,[]]'
equal "$(jq -r '.[0].keyid' listing)" "$(field prov .keydata.keyid)"
certify_too
for n in 1 2; do
	run 0 fluffy-dk revoke -s ta.db lamp $n >rvk
	run 0 fluffy-dk accept -s lamp.db <rvk
done
for ((n = 3; n < 9; n++)); do
	issue lamp C cred
	run 0 fluffy-dk revoke -s ta.db lamp $n >rvk
done
run 0 fluffy-dk window -s ta.db >listing
grep -qE '^trust-anchor  TA/lamp  [0-9a-f]{8}  issued 8  0\.0000 % used  revoked 1, 2, 3, 4 and 4 more  public key known$' \
	listing || fail "the TA's listing"
run 0 fluffy-dk window -s ta.db --json >listing
equal "$(jq -c '.[0] | [.number, .trusted, .revoked, .used < 1e-8]' listing)" \
	'[8,true,[1,2,3,4,5,6,7,8],true]'
run 0 fluffy-dk window -s lamp.db --json >listing
equal "$(jq -c '.[0] | [.role, .ta, .rs, .number, .revoked]' listing)" \
	'["resource-server","TA","lamp",0,[1,2]]'
run 0 fluffy-dk join -s c.db --key "$scratch/phone.key" <cert
run 0 fluffy-dk join -s c.db <cred
run 0 fluffy-dk window -s c.db >listing
cat >wanted <<'END'
client  TA/lamp  number 2  AuthorizedPublicKey  C
client  TA/lamp  number 8  DerivedKey           C
END
same listing wanted
if have sqlite3; then
	# as sessions would: 70, 69 and 7 are taken
	sqlite3 lamp.db "UPDATE anchor SET seq = 70,
		bits = CAST(x'0300000000000080' || substr(bits, 9) AS BLOB)" \
		2>"$err" || fail "sqlite3"
	derive 1 DK.TA.C.70
	derive 1 DK.TA.C.69
	derive 1 DK.TA.C.7
	derive 0 DK.TA.C.68
	derive 0 DK.TA.C.71
	run 0 fluffy-dk window -s lamp.db >listing
	has listing "right edge 70"
	has listing "11000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001"
	equal "$(fluffy-dk window -s lamp.db --json |
		jq -r '.[0].bits | indices("1") | tostring')" "[0,1,63]"
fi

chapter "keys are where they belong, $enc"
enter "secrets-$enc"
echo $known_key >import
run 0 fluffy-dk provision -v -s ta.db --import import --"$enc" lamp >prov
cp "$err" said
run 0 fluffy-dk join -v -s lamp.db <prov >lamp.pem
cat "$err" >>said
run 0 fluffy-dk trust -v -s ta.db lamp <lamp.pem
cat "$err" >>said
run 0 fluffy-dk issue -v -s ta.db --"$enc" lamp C >cred
cat "$err" >>said
run 0 fluffy-dk join -v -s c.db <cred
cat "$err" >>said
run 0 fluffy-dk derive -v --show-keys -s lamp.db DK.TA.C.1 >output
cat "$err" >>said
for check in syntax trust-anchor sequence-number; do
	has said "DK-CRED: $check: ok"
done
for store in ta.db lamp.db c.db; do
	run 0 fluffy-dk window -v -s $store >>said
	run 0 fluffy-dk window -v --json -s $store >>said
done
run 1 fluffy-dk join -v -s lamp.db <prov >>said
cat "$err" >>said
run 1 fluffy-dk join --errors json -v -s c.db <cred >>said
cat "$err" >>said
# as hex, as base64url, and bent in every way that a reader may quote
for key in $known_key "${known_derived:0:32}"; do
	has_not said "${key:2:24}"
	has_not said "$(base64url "$key")"
done
for document in prov cred; do
	secret=$(field $document '.key // .keydata.key')
	fluffy-msg --to json $document | jq -c --arg s "$secret" '., (.ta = .key),
		(.[$s] = 1), (.key? += "A"), (.key? += "!"), (.key? = {"a": $s}),
		(.keydata.key? += "!"), (.keydata.kty = $s), (.keydata[$s] = 1),
		(.keydata.keyops? = [$s]), (.keydata = $s), (.pvno = $s),
		(."psk-identity" = $s)' >leaks 2>/dev/null
	[ -s leaks ] || fail "no leaks to try"
	while read -r line; do
		printf '%s\n' "$line" >leak
		for verb in join accept verify; do
			got=0
			fluffy-dk $verb -v -s lamp.db <leak >output 2>"$err" || got=$?
			judge $got $got "$verb"
			has_not "$err" "${secret:1}"
			has_not output "${secret:1}"
		done
	done <leaks
done
# what was replaced is gone from the disk
holds $known_key ta.db lamp.db || fail "the test is blind"
provision lamp
gone $known_key ta.db
run 0 fluffy-dk join -s lamp.db <prov >lamp.pem
gone $known_key lamp.db

chapter "--errors json, $enc"
# told ERROR STATUS FIELD
told() {
	equal "$(jq -r '[.error, .status, .field] | join(" ")' "$err")" "$*"
}
town "errors-$enc"
run 1 fluffy-dk derive --errors json -s lamp.db DK.TB.C.1
told auth-failed 1 NONCE
run 3 fluffy-dk derive --errors json -s lamp.db DK.TA.C
told malformed 3 NONCE
run 1 fluffy-dk issue --errors json -s ta.db gate C >output
told not-found 1 RS
run 2 fluffy-dk revoke --errors json -s ta.db lamp x >output
told usage 2 SEQ
run 1 fluffy-dk join --errors json -s lamp.db <prov >output
told exists 1 DK-PROV.keydata.key
run 4 fluffy-dk window --errors json -s none.db
told store 4 ''
run 0 fluffy-dk derive --errors json -s lamp.db DK.TA.C.1
jq -e '.status == 0 and (.text | startswith("fresh"))' "$err" >/dev/null ||
	fail "words that aren't JSON"
run 1 fluffy-dk derive --errors json -s lamp.db DK."$(printf 'T\342\200\256')".C.1
jq -e . "$err" >/dev/null || fail "no JSON"

# ---- stores ----------------------------------------------------------------------

chapter "whose store it is, $enc"
town "stores-$enc"
run 0 fluffy-key init -s skdc.db --realm home skdc
device sensor
issue lamp C cred
certify lamp C "$phone" cert
run 0 fluffy-dk join -s c.db <cred
for store in skdc.db sensor.db lamp.db c.db; do
	for command in "provision lamp" "trust lamp" "issue lamp C" \
	    "certify lamp C" "revoke lamp 1"; do
		cp $store before
		# shellcheck disable=SC2086
		run 2 fluffy-dk ${command%% *} -s $store ${command#* } \
			<"$phone" >output
		empty output
		same $store before
	done
done
run 0 fluffy-dk revoke -s ta.db lamp 1 >rvk
provision lamp
for store in skdc.db sensor.db ta.db; do
	cp $store before
	for command in "derive DK.TA.C.1 cert" "verify - cert" "accept - rvk" \
	    "join - prov"; do
		read -r verb operand input <<<"$command"
		run 2 fluffy-dk "$verb" -s $store "$operand" <"$input" >output
		empty output
	done
	same $store before
done
run 2 fluffy-dk window -s skdc.db
run 2 fluffy-dk window -s sensor.db
for store in ta.db lamp.db c.db; do
	for command in list "enrol x" "rotate x" "remove x" "policy --skew 5" \
	    "export --as hex 00" group; do
		cp $store before
		# shellcheck disable=SC2086
		run 2 fluffy-key $command -s $store >output
		empty output
		same $store before
	done
	run 2 fluffy-skdc -s $store <cred >output
	run 2 fluffy-estb -s $store <cred >output
	run 2 fluffy-req -s $store lock >output
done
for command in "provision lamp" "trust lamp" "issue lamp C" "certify lamp C" \
    "revoke lamp 1" "derive DK.TA.C.1" verify accept join window; do
	# shellcheck disable=SC2086
	{
		run 4 fluffy-dk ${command%% *} -s "$0" \
			${command#"${command%% *}"} <prov >output
		[ "$command" = "provision lamp" ] || [ "$command" = join ] ||
			run 4 fluffy-dk ${command%% *} -s none.db \
				${command#"${command%% *}"} <prov >output
		empty output
		[ ! -e none.db ] || fail "a store by $command"
	}
done
# an RS is one, by one name
provision gate
run 1 fluffy-dk join -s lamp.db <prov >output
export FLUFFY_STORE=lamp.db
run 0 fluffy-dk derive DK.TA.C.2
unset FLUFFY_STORE
done
enc=cbor

# ---- at the end of the numbers ------------------------------------------------------

chapter "no number is left"
if have sqlite3; then
	town numbers
	sqlite3 ta.db 'UPDATE anchor SET seq = 4294967293' 2>"$err" ||
		fail "sqlite3"
	issue lamp C cred
	certify lamp C "$phone" cert
	equal "$(field cred '."psk-identity"')" DK.TA.C.4294967294
	derive 0 DK.TA.C.4294967294
	verify 0 cert ok ok ok ok
	for verb in "issue" "certify"; do
		run 1 fluffy-dk $verb -s ta.db lamp C <"$phone" >output
		empty output
		expect_err "RS: all numbers of \"lamp\" are used"
	done
	run 0 fluffy-dk window -s ta.db >listing
	has listing "issued $all"
	has listing "100.0000 % used"
	run 0 fluffy-dk revoke -s ta.db lamp $all >rvk
	run 0 fluffy-dk accept -s lamp.db <rvk
	verify 1 cert ok replay - -
	server lamp
	honest_dk
	issue lamp C cred
	equal "$(field cred '."psk-identity"')" DK.TA.C.3
else
	echo "skipped: sqlite3 is missing"
fi

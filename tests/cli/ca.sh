#!/bin/bash
# Certificates: from a CA in files and from one that is asked over CMP, and what
# happens when there is none to be had.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq openssl perl
responder=${builddir:-.}/tests/cli/cmp-responder
[ -x "$responder" ] || skip "cmp-responder isn't built"
unset http_proxy HTTP_PROXY no_proxy NO_PROXY

# ---- two CAs --------------------------------------------------------------------

# Everything of the CA is in $ca: root.pem, sub.pem (of root), and their keys.
enter ca
ca=$PWD
pbm=aVerySecretSecretOfTheCA
printf '%s\n' $pbm >secret
echo another >other-secret
cat >extensions <<-!
	basicConstraints = critical,CA:TRUE
	keyUsage = critical,keyCertSign
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
!

# new_ca NAME ISSUER [DAYS]
new_ca() {
	local signer=(-CA "$2.pem" -CAkey "$2.key")
	[ "$1" != "$2" ] || signer=(-signkey "$1.key")
	run 0 openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
	run 0 openssl req -new -key "$1.key" -subj "/CN=$1 of home" -out "$1.csr"
	run 0 openssl x509 -req -in "$1.csr" "${signer[@]}" -days "${3-3650}" \
		-extfile extensions -out "$1.pem"
}

new_ca root root
new_ca sub root
new_ca other other
new_ca short short 0
cat sub.pem root.pem >chain.pem

coproc "$responder" chain.pem sub.key skdc secret 2>"$ca/log"
read -r port <&"${COPROC[0]}"
[ -n "$port" ] || fail "no responder"
url=http://127.0.0.1:$port

by_files() {
	run 0 fluffy-key ca -s skdc.db --cert "$ca/${1-chain}.pem" \
		--key "$ca/${2-sub}.key"
}

# by_cmp MODE [CERTIFICATES [SECRET]]
by_cmp() {
	run 0 fluffy-key ca -s skdc.db --cert "$ca/${2-root}.pem" \
		--cmp "$url/$1" --ref skdc --secret "$ca/${3-secret}"
}

# ---- what is asked and what comes ------------------------------------------------

# asks FILE [OPTION]...
asks() {
	local file=$1
	shift
	run 0 fluffy-pkp request -s sensor.db --"$enc" "$@" >"$file"
}

es256=(--kty EC --alg ES256)

# gets [OPTION]...: sensor gets a certified pair, $keyid; key.pem, leaf.pem and
# the issuers, others.pem
gets() {
	asks req --cert "$@"
	run 0 fluffy-skdc -s skdc.db <req >rep
	is rep PKP-REP
	run 0 fluffy-pkp accept -s sensor.db <rep >estb
	keyid=$(sed -n 's/.* received \([0-9a-f]*\) .*/\1/p' "$err")
	[ -n "$keyid" ] || fail "no keyid is told"
	run 0 fluffy-key export -s sensor.db --as pem "$keyid" >exported
	run 0 openssl pkey -in exported -out key.pem
	run 0 openssl x509 -in exported -out leaf.pem
	perl -0777 -ne '@c = /-----BEGIN CERT.*?END CERT[^\n]*\n/gs;
		shift @c; print @c' exported >others.pem
}

# good [SUBJECTALTNAME]: what came is what was asked for.
good() {
	local uri=${1-fluffy://home/sensor}
	run 0 openssl verify -x509_strict -CAfile "$ca/root.pem" \
		-untrusted "$ca/sub.pem" leaf.pem >output
	run 0 openssl x509 -in leaf.pem -noout -ext subjectAltName >output
	equal "$(sed -n 's/^ *URI://p' output)" "$uri"
	run 0 openssl pkey -in key.pem -pubout -out key.pub
	run 0 openssl x509 -in leaf.pem -noout -pubkey >leaf.pub
	same key.pub leaf.pub
	run 0 openssl x509 -in leaf.pem -noout -checkend 0 >output
	run 0 fluffy-key export -s sensor.db --as keydata "$keyid" >keydata.json
	openssl x509 -in leaf.pem -outform DER -out leaf.der
	equal "$(jq -r .x5t256 keydata.json)" \
		"$(base64url "$(openssl sha256 -r leaf.der | cut -d' ' -f1)")"
	equal "$(jq -r .x5t keydata.json)" \
		"$(base64url "$(openssl sha1 -r leaf.der | cut -d' ' -f1)")"
}

others() {
	grep -c BEGIN others.pem
}

# nothing BEFORE: neither at the SKDC nor at the device is anything new
nothing() {
	fluffy-key list -s skdc.db >"$scratch/now"
	same "$scratch/now" "$1"
	fluffy-key list -s sensor.db >"$scratch/now"
	has_not "$scratch/now" pair
}

# judged STATUS: rep is the answer to req that says there is no CA.
judged() {
	judge 1 "$1" fluffy-skdc
	refused_with_ack rep no-ca
	equal "$(field rep 'has("e-text")')" false \
		"a device isn't told of the SKDC's files"
	run 1 fluffy-pkp accept -s sensor.db <rep >output
	fluffy-key list -s sensor.db >output
	has_not output pending
}

# refuses TEXT [OPTION]...: no certificate, nothing stored; TEXT says why
refuses() {
	local text=$1 got=0
	shift
	fluffy-key list -s skdc.db >before
	asks req "${es256[@]}" --cert-chain "$@"
	fluffy-skdc -s skdc.db <req >rep 2>"$err" || got=$?
	expect_err "$text"
	judged $got
	nothing before
}

# ---- setting it -------------------------------------------------------------------

chapter "fluffy-key ca"
realm set
run 0 fluffy-key ca -s skdc.db >output
equal "$(cat output)" "ca: none"
cp "$ca/chain.pem" "$ca/sub.key" "$ca/secret" .
run 0 fluffy-key ca -s skdc.db --cert chain.pem --key sub.key \
	--x5u http://home/ca.pem
run 0 fluffy-key ca -s skdc.db >output
cat >expected <<-!
	ca: files
	cert: $PWD/chain.pem
	key: $PWD/sub.key
	x5u: http://home/ca.pem
!
same output expected
# a combination that is none
cert=(--cert chain.pem) cmp=(--cmp "$url/cmp" --ref skdc --secret secret)
key=(--key sub.key)
for options in "${cert[*]}" "${key[*]}" "${cmp[*]}" "--x5u http://home/" \
    "${cert[*]} --cmp $url/cmp" "${cert[*]} --cmp $url/cmp --ref skdc" \
    "${cert[*]} --ref skdc --secret secret" "${cert[*]} ${key[*]} ${cmp[*]}" \
    "${cert[*]} ${key[*]} --ref skdc" "${cert[*]} ${key[*]} --none" \
    "${key[*]} ${cmp[*]}" "${cert[*]} ${key[*]} --x5u nothing" \
    "${cert[*]} --key none" "--cert none ${key[*]}" \
    "${cert[*]} --key $ca/root.key" "--cert sub.key ${key[*]}" \
    "--cert $ca/short.pem --key $ca/short.key" \
    "${cert[*]} --cmp https://127.0.0.1/ --ref skdc --secret secret" \
    "${cert[*]} --cmp nonsense --ref skdc --secret secret" \
    "${cert[*]} --cmp $url/cmp --ref skdc --secret none"; do
	# shellcheck disable=SC2086
	run 2 fluffy-key ca -s skdc.db $options >output
	empty output
	has_not "$err" $pbm
	fluffy-key ca -s skdc.db >output
	same output expected
done
run 2 fluffy-key ca -s skdc.db more
run 2 fluffy-key ca -s skdc.db --cert '' --key sub.key
run 2 fluffy-key ca -s sensor.db
expect_err "a device's"
run 2 fluffy-key ca -s sensor.db "${cert[@]}" "${key[@]}"
run 4 fluffy-key ca -s none.db
run 4 fluffy-key ca -s none.db --none
[ ! -e none.db ] || fail "a store was made"
run 0 openssl ec -in sub.key -aes128 -passout pass:x -out locked.key
run 2 fluffy-key ca -s skdc.db "${cert[@]}" --key locked.key
expect_err "encrypted"
fluffy-key ca -s skdc.db >output
same output expected
run 0 fluffy-key ca -s skdc.db "${cert[@]}" "${cmp[@]}"
run 0 fluffy-key ca -s skdc.db >output
cat >expected <<-!
	ca: cmp
	cert: $PWD/chain.pem
	cmp: $url/cmp
	ref: skdc
	secret: $PWD/secret
!
same output expected
run 0 fluffy-key ca -s skdc.db --none
run 0 fluffy-key ca -s skdc.db >output
equal "$(cat output)" "ca: none"
refuses "no CA"

# ---- both ways ---------------------------------------------------------------------

for way in files cmp; do
	for enc in cbor json; do
		chapter "a certificate by $way, $enc"
		realm "good-$way-$enc"
		by_$way ${way/files/chain}
		for kind in "EC ES256" "EC ES384" "EC ES512" "OKP EdDSA" \
		    "RSA PS256"; do
			gets --kty "${kind% *}" --alg "${kind#* }" --for lock
			good
			equal "$(others)" 0
			equal "$(jq '.x5c | length' keydata.json)" 1
			equal "$(jq 'has("x5u")' keydata.json)" false
			# the miniticket: no endtime, no private key
			run 0 fluffy-msg --to json --open -s lock.db \
				--show-keys rep >opened
			jq .mticket opened >ticket
			has ticket x5c
			has_not ticket endtime
			has_not ticket '"d"'
			run 0 fluffy-estb -s lock.db <estb >output
			run 0 fluffy-key export -s lock.db --as pem "$keyid" \
				>peer
			run 0 openssl x509 -in peer -out peer.pem
			same peer.pem leaf.pem
		done
		equal "$(fluffy-key list -s skdc.db | grep -c '^session')" 5
	done

	chapter "issuers, by $way"
	realm "chain-$way"
	by_$way ${way/files/chain}
	gets "${es256[@]}" --cert-chain
	good
	# all that is needed comes along
	run 0 openssl verify -x509_strict -CAfile "$ca/root.pem" \
		-untrusted others.pem leaf.pem >output
	equal "$(others)" 2
	run 0 openssl x509 -in others.pem -out first.pem
	same first.pem "$ca/sub.pem"
	equal "$(jq '.x5c | length' keydata.json)" 3
	# the CA itself may be all that is trusted
	if [ $way = files ]; then by_files sub; else by_cmp cmp sub; fi
	gets "${es256[@]}" --cert-chain
	good

	chapter "x5u, by $way"
	if [ $way = files ]; then
		run 0 fluffy-key ca -s skdc.db --cert "$ca/chain.pem" \
			--key "$ca/sub.key" --x5u http://home/ca
	else
		run 0 fluffy-key ca -s skdc.db --cert "$ca/root.pem" \
			--cmp "$url/cmp" --ref skdc --secret "$ca/secret" \
			--x5u http://home/ca
	fi
	gets "${es256[@]}"
	good
	equal "$(jq -r .x5u keydata.json)" http://home/ca
	# without a certificate there is nothing to refer to
	asks req "${es256[@]}"
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 0 fluffy-pkp accept -s sensor.db <rep
	plain=$(sed -n 's/.* received \([0-9a-f]*\) .*/\1/p' "$err")
	run 0 fluffy-key export -s sensor.db --as keydata "$plain" >keydata.json
	equal "$(jq 'has("x5u") or has("x5c") or has("x5t")' keydata.json)" false

	chapter "strange names, by $way"
	name='gärten/lampe 100% "?#'
	uri='fluffy://home/g%C3%A4rten%2Flampe%20100%25%20%22%3F%23'
	long=$(printf 'x%.0s' $(seq 255))
	for device in "$name" "$long"; do
		run 0 fluffy-key enrol -s skdc.db "$device" >document
		cp sensor.db sensor.kept
		rm sensor.db
		run 0 fluffy-key join -s sensor.db <document
		gets "${es256[@]}"
		[ "$device" = "$name" ] || uri=fluffy://home/$long
		good "$uri"
		mv sensor.kept sensor.db
	done

	chapter "a key that can't sign, by $way"
	for kind in EC OKP; do
		asks req --kty $kind --alg ECDH-ES+HKDF-256 --cert
		run 1 fluffy-skdc -s skdc.db <req >rep
		refused_with_ack rep bad-etype
	done
	# where there is a choice, the one that can
	asks req --kty OKP --alg ECDH-ES+HKDF-256,EdDSA --cert
	run 0 fluffy-skdc -s skdc.db <req >rep
	is rep PKP-REP

	chapter "what isn't kept, by $way"
	realm "secrets-$way"
	by_$way ${way/files/chain}
	gets "${es256[@]}" --for lock
	run 0 fluffy-estb -s lock.db <estb
	run 0 fluffy-key export -s sensor.db --as keydata "$keyid" >keydata.json
	d=$(jq -r .key.d keydata.json | tr -- -_ +/)
	d=$(printf '%s=' "$d" | base64 -d | hex_of -)
	equal ${#d} 64
	holds "$d" sensor.db sensor.db-wal || fail "the device lost its key"
	gone "$d" skdc.db
	gone "$d" lock.db
	gone "$(printf %s $pbm | hex_of -)" skdc.db
	! holds "$d" rep estb req || fail "a private key in the clear"
	# given out once
	run 1 fluffy-skdc -s skdc.db <req >rep
	is rep ERROR replay
done

chapter "a CA that decides itself"
realm hour
by_cmp hour
gets "${es256[@]}" --for lock
good
run 1 openssl x509 -in leaf.pem -noout -checkend 3700 >output
# the key ends with its certificate
fluffy-key list -s sensor.db --json >output
equal "$(jq '.[] | select(.kind == "pair").endtime' output)" \
	"$(date -u -d "$(openssl x509 -in leaf.pem -noout -enddate |
		cut -d= -f2)" +%s)"
run 0 fluffy-estb -s lock.db <estb
by_cmp confirm/cmp
: >"$ca/log"
gets "${es256[@]}"
good
has "$ca/log" "confirmed: PKIStatus: accepted"

chapter "no proxy of the environment's"
export http_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1
gets "${es256[@]}"
good
unset http_proxy HTTP_PROXY

# ---- no certificate -----------------------------------------------------------------

chapter "files that are no longer right"
realm spoilt
cp "$ca/chain.pem" "$ca/sub.key" .
by_files_here() {
	run 0 fluffy-key ca -s skdc.db --cert chain.pem --key sub.key
}
by_files_here
rm sub.key
refuses "sub.key: No such file"
cp "$ca/root.key" sub.key
refuses "sub.key isn't the key"
cp "$ca/sub.key" .
head -c 200 "$ca/chain.pem" >chain.pem
refuses "chain.pem: a certificate can't be read"
cp "$ca/short.pem" chain.pem
cp "$ca/short.key" sub.key
refuses "ends before the new one would"
cp "$ca/chain.pem" "$ca/sub.key" .
gets "${es256[@]}"
good

chapter "a CA that refuses, or gives something else"
realm refusing
while IFS='|' read -r mode text; do
	by_cmp "$mode"
	: >"$ca/log"
	refuses "$text"
	# what isn't taken isn't confirmed
	case $mode in
	confirm/refuse) ;;
	confirm/*) has "$ca/log" "confirmed: PKIStatus: rejection" ;;
	esac
	# and the service is as little given anything
	refuses "$text" --for lock
done <<-!
	refuse|the CA refuses: PKIStatus: rejection; PKIFailureInfo: notAuthorized
	confirm/refuse|not today
	key|for another key
	confirm/key|for another key
	name|isn't for fluffy://home/sensor alone
	confirm/name|isn't for fluffy://home/sensor alone
	names|isn't for fluffy://home/sensor alone
	nameless|isn't for fluffy://home/sensor alone
	long|longer than it may be
	confirm/long|longer than it may be
	early|isn't valid yet
	ended|has ended
	ca|isn't one for signatures
	stranger|doesn't verify
	secret|it has another secret
	close|no answer of CMP over HTTP
	garbage|no answer of CMP over HTTP
	html|no answer of CMP over HTTP
	huge|no answer of CMP over HTTP
!
by_cmp cmp other
refuses "doesn't verify"
by_cmp cmp root other-secret
refuses "another secret"
by_cmp cmp
gets "${es256[@]}" --for lock
good

chapter "a CA that isn't there"
realm closed
# a port that nobody listens at: it was one a moment ago
port=$(perl -MIO::Socket::INET -e \
	'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)
		->sockport')
run 0 fluffy-key ca -s skdc.db --cert "$ca/root.pem" \
	--cmp "http://127.0.0.1:$port/" --ref skdc --secret "$ca/secret"
SECONDS=0
refuses "Connection refused"
[ $SECONDS -lt 8 ] || fail "a closed port took $SECONDS s"
run 0 fluffy-key ca -s skdc.db --cert "$ca/root.pem" \
	--cmp "http://nowhere.invalid/" --ref skdc --secret "$ca/secret"
refuses "no such host"
by_cmp cmp
gets "${es256[@]}"
good

# ---- slow ones ------------------------------------------------------------------------

# Three SKDCs that wait for their CA, and one that doesn't.
chapter "a CA that hangs"
realm hanging
waiting=()
SECONDS=0
for mode in hang drip wait; do
	by_cmp $mode
	: >"$ca/log"
	asks req.$mode "${es256[@]}" --cert
	fluffy-skdc -s skdc.db <req.$mode >rep.$mode 2>err.$mode &
	waiting+=($!)
	for _ in $(seq 100); do
		! grep -q "asked for" "$ca/log" || break
		[ $mode != wait ] || break
		sleep 0.05
	done
done
sleep 1
by_cmp cmp
fluffy-key list -s skdc.db >before
run 0 timeout 8 fluffy-key enrol -s skdc.db lamp >output
run 0 timeout 8 fluffy-key remove -s skdc.db lamp
honest
[ $SECONDS -lt 10 ] || fail "too slow for this to show anything"
for pid in "${waiting[@]}"; do
	kill -0 "$pid" 2>/dev/null || fail "an SKDC didn't wait"
done
for mode in hang drip wait; do
	got=0
	wait "${waiting[0]}" || got=$?
	waiting=("${waiting[@]:1}")
	cp rep.$mode rep
	cp err.$mode "$err"
	expect_err "in time"
	judge 1 $got fluffy-skdc
	refused_with_ack rep no-ca
	run 1 fluffy-pkp accept -s sensor.db <rep >output
done
[ $SECONDS -lt 40 ] || fail "waited $SECONDS s for a CA"
fluffy-key list -s sensor.db >output
has_not output pair
has_not output pending
equal "$(fluffy-key list -s skdc.db | grep -c '^session.*ES256')" 0
gets "${es256[@]}"
good

chapter "killed while the CA thinks"
by_cmp slow
: >"$ca/log"
asks req "${es256[@]}" --cert
fluffy-skdc -s skdc.db <req >rep 2>"$err" &
pid=$!
for _ in $(seq 100); do
	! grep -q "asked for slow" "$ca/log" || break
	sleep 0.05
done
kill -9 $pid
wait $pid 2>/dev/null
empty rep
sleep 4 # the CA is busy for so long
by_cmp cmp
run 1 fluffy-skdc -s skdc.db <req >rep
is rep ERROR replay
gets "${es256[@]}"
good

# removed WHO ERROR: WHO is removed while the CA thinks
removed() {
	local got=0
	realm "removed-$1"
	by_cmp slow
	: >"$ca/log"
	asks req "${es256[@]}" --cert --for lock
	fluffy-skdc -s skdc.db <req >rep 2>err.skdc &
	pid=$!
	for _ in $(seq 100); do
		! grep -q "asked for slow" "$ca/log" || break
		sleep 0.05
	done
	run 0 fluffy-key remove -s skdc.db "$1"
	wait $pid || got=$?
	cp err.skdc "$err"
	judge 1 $got fluffy-skdc
	is rep ERROR "$2"
	equal "$(fluffy-key list -s skdc.db | grep -c '^session')" 0
}

chapter "the client is removed while the CA thinks"
removed sensor auth-failed
chapter "the service is removed while the CA thinks"
removed lock unknown-service

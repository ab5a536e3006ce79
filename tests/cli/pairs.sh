#!/bin/bash
# Key pairs: of every kind, for a service and for nobody, what is exported and
# whether it works in OpenSSL, where the private key is, and what is refused.
# Certificates from a CA have a story of their own, ca.sh.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl faketime openssl python3
find_faketime || skip "faketime doesn't work here"
need_reference

now=1800000000
ends=28800
kinds=("EC ES256" "EC ES384" "EC ES512" "OKP EdDSA" "RSA PS256"
	"EC ECDH-ES+HKDF-256" "OKP ECDH-ES+HKDF-256")

by() { # TIME COMMAND...
	clock=$1
	shift
	"$@"
	clock=$now
}

town() { # DIRECTORY
	realm "$1"
	device lamp
}

# wish FILE DEVICE KTY ALG [OPTION]...
wish() {
	run 0 fluffy-pkp request -s "$2.db" --"$enc" --kty "$3" --alg "$4" \
		"${@:5}" >"$1"
}

# receive DEVICE FILE ANSWER: $keyid is the pair's
receive() {
	run 0 fluffy-pkp accept -s "$1.db" <"$2" >"$3"
	keyid=$(keyid_said)
	[ -n "$keyid" ] || fail "no pair"
}

# bring FILE [DEVICE]: the public key to its service
bring() {
	run 0 fluffy-estb -s "${2-lock}.db" <"$1" >output
	expect_err "accepted $keyid as a public key"
	empty output
}

# pair KTY ALG [OPTION]...: the sensor's, from req, rep and estb; $keyid
pair() {
	wish req sensor "$@"
	serve 0 req rep
	receive sensor rep estb
}

# unproven FILE [CODE]: the lock refuses it
unproven() {
	run 1 fluffy-estb -s lock.db <"$1" >answer
	refused_without_ack answer "${2-auth-failed}"
}

not_taken() { # DEVICE FILE
	run 1 fluffy-pkp accept -s "$1.db" <"$2" >output
	empty output
}

out() { # STORE FORM [KEYID]
	run 0 fluffy-key export -s "$1.db" --as "$2" "${3-$keyid}"
}

# pem_of FORM FILE: what was exported so, as PEM
pem_of() {
	python3 - "$@" <<-'EOF' || fail "$1 isn't a key"
		import json, sys
		from fluffy_ref import *
		form, file = sys.argv[1:]
		data = open(file, "rb").read()
		kty = {v: k for k, v in KTY.items()}
		crv = {v: k for k, v in CRV.items()}
		labels = {EC: {-1: "crv", -2: "x", -3: "y", -4: "d"},
		    RSA: dict(enumerate("n e d p q dp dq qi".split(), 0))}
		labels[RSA] = {-1 - i: n for i, n in labels[RSA].items()}
		labels[OKP] = labels[EC]
		if form == "cose-key":
		    d = dict(cbor_item(data, 0)[0])
		    assert all(type(k) is int for k in d)
		    kd = {"kty": d[1], "key": {n: d[i] for i, n in
		        labels[d[1]].items() if i in d}}
		else:
		    d = json.loads(data)
		    k = d["key"] if form == "keydata" else d
		    kd = {"kty": kty[d["kty"]], "key": {n: crv[k[n]] if n == "crv"
		        else unb64(k[n]) for n in
		        "crv x y d n e p q dp dq qi".split() if n in k}}
		key = load_key(kd)
		private = hasattr(key, "private_bytes")
		print((key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8,
		    NoEncryption()) if private else key.public_bytes(Encoding.PEM,
		    PublicFormat.SubjectPublicKeyInfo)).decode(), end="")
	EOF
}

# resign FILE KEYDATA PYTHON: a PSK-ESTB signed anew; the program changes the
# plaintext p or the message m.
resign() {
	python3 - "$enc" "$@" 2>"$err" <<-'EOF' || fail "resign $*"
		import json, sys
		from fluffy_ref import *
		form, file, keydata, program = sys.argv[1:]
		m = decode(open(file, "rb").read())
		kd = unpack_keydata(json.load(open(keydata)), "receipt")
		p = plaintext(m["authenticator"].payload,
		    STRUCT[PSK_ESTB]["authenticator"].schema, "authenticator")
		exec(program)
		sign1(m, p, kd)
		sys.stdout.buffer.write(encode(m, form))
	EOF
}

# secret_hex: the parts of the exported private key that nobody else may have
secret_hex() {
	out sensor jwk | jq -r '(.d, .p, .q, .dp, .dq, .qi) // empty' |
		perl -MMIME::Base64 -nle 'tr,-_,+/,;
		print unpack("H*", decode_base64($_))'
}

# only_at_sensor: the private key is nowhere else, as bytes
only_at_sensor() {
	local part
	secret_hex >parts
	[ -s parts ] || fail "it has no private key"
	while read -r part; do
		holds "$part" sensor.db sensor.db-wal || fail "the test is blind"
		gone "$part" skdc.db
		gone "$part" lock.db
	done <parts
}

# works ALG: what client and service export belongs together
works() {
	echo "a message" >text
	out sensor pem >private.pem
	out lock pem >public.pem
	openssl pkey -in private.pem -pubout -out public2.pem 2>"$err" ||
		fail "openssl can't read the private key"
	same public.pem public2.pem
	case $1 in
	ES256) sign -sha256 ;;
	ES384) sign -sha384 ;;
	ES512) sign -sha512 ;;
	PS256)
		sign -sha256 -sigopt rsa_padding_mode:pss \
			-sigopt rsa_pss_saltlen:32
		;;
	EdDSA)
		openssl pkeyutl -sign -rawin -in text -inkey private.pem \
			-out signature 2>"$err" || fail "signing"
		openssl pkeyutl -verify -rawin -in text -pubin -inkey public.pem \
			-sigfile signature >output 2>"$err" || fail "verifying"
		;;
	*)
		derive
		;;
	esac
}

sign() {
	openssl dgst "$@" -sign private.pem -out signature text 2>"$err" ||
		fail "signing"
	openssl dgst "$@" -verify public.pem -signature signature text \
		>output 2>"$err" || fail "verifying"
	echo "another" >text2
	! openssl dgst "$@" -verify public.pem -signature signature text2 \
		>output 2>"$err" || fail "verifies anything"
}

# Another key of the same curve, and the same secret from both sides.
derive() {
	openssl genpkey -paramfile <(openssl pkey -in private.pem \
		-text -noout >/dev/null; openssl ecparam -name prime256v1) \
		-out other.pem 2>"$err" || fail "genpkey"
	if grep -q X25519 kind; then
		openssl genpkey -algorithm X25519 -out other.pem 2>"$err" ||
			fail "genpkey"
	fi
	openssl pkey -in other.pem -pubout -out other.pub 2>"$err"
	openssl pkeyutl -derive -inkey private.pem -peerkey other.pub -out one \
		2>"$err" || fail "deriving"
	openssl pkeyutl -derive -inkey other.pem -peerkey public.pem -out two \
		2>"$err" || fail "deriving"
	same one two
}

# exported: the forms tell the same key, and fit its use
exported() {
	local form name
	for name in sensor lock; do
		out $name pem >$name.pem
		run 0 fluffy-key export -s $name.db --as der "$keyid" >$name.der
		if [ $name = sensor ]; then
			openssl pkey -inform DER -in $name.der -out der.pem 2>"$err"
		else
			openssl pkey -pubin -inform DER -in $name.der -pubout \
				-out der.pem 2>"$err"
		fi || fail "openssl can't read the DER"
		same $name.pem der.pem
		for form in jwk cose-key keydata; do
			out $name $form >$name.$form
			pem_of $form $name.$form >form.pem
			same $name.pem form.pem
		done
		run 2 fluffy-key export -s $name.db --as hex "$keyid" >output
		empty output
		run 2 fluffy-key export -s $name.db --as openssl-psk "$keyid" \
			>output
		empty output
		run 2 fluffy-key export -s $name.db --as jwk --use x "$keyid" \
			>output
		empty output
		rm -f file
		run 0 fluffy-key export -s $name.db --as pem -o file "$keyid"
		same file $name.pem
		equal "$(mode file)" 600
		equal "$(jq -r .kid $name.jwk)" "$(base64url "$keyid")"
		equal "$(jq -r .keyid $name.keydata)" "$(base64url "$keyid")"
	done
	equal "$(head -n 1 sensor.pem)" "-----BEGIN PRIVATE KEY-----"
	equal "$(head -n 1 lock.pem)" "-----BEGIN PUBLIC KEY-----"
	for form in jwk keydata; do
		equal "$(jq '[..|objects|has("d")]|any' lock.$form)" false
		equal "$(jq '[..|objects|has("d")]|any' sensor.$form)" true
	done
}

clock=$now
for enc in cbor json; do
	chapter "every kind of pair, for a service, $enc"
	town "kinds-$enc"
	for kind in "${kinds[@]}"; do
		read -r kty alg <<<"$kind"
		wish req sensor "$kty" "$alg" --for lock
		is req PKP-REQ
		serve 0 req rep
		quiet_err
		is rep PKP-REP
		receive sensor rep estb
		expect_err "received $keyid as a key pair for lock until $(
			)2027-01-15 16:00Z"
		is estb PSK-ESTB
		run 0 fluffy-estb -s lock.db <estb >output
		empty output
		case $alg in
		ECDH*)
			state=attested
			ops='["deriveKey","deriveBits"] [] enc'
			expect_err "(attested, not proven) from sensor until"
			equal "$(field estb 'has("authenticator")')" false
			;;
		*)
			state=proven
			ops='["sign"] ["verify"] sig'
			expect_err "(proven) from sensor until"
			equal "$(field estb '.authenticator|has("signature")')" true
			;;
		esac
		run 0 fluffy-key list -s sensor.db >listing
		grep -qE "^pair *home/lock *$keyid *${alg/+/.} .*received$" \
			listing || fail "the client's list"
		run 0 fluffy-key list -s lock.db >listing
		grep -qE "^public *home/sensor *$keyid *${alg/+/.} .*$state$" \
			listing || fail "the service's list"
		run 0 fluffy-key list -s skdc.db >listing
		grep -qE "^session *sensor -> lock *$keyid *${alg/+/.} " listing ||
			fail "the SKDC's list"
		out lock keydata >keydata
		equal "$(jq -r '"\(.kty) \(.alg)"' keydata)" "$kind"
		equal "$(out sensor keydata | jq -c .keyops) $(
			jq -c .keyops keydata) $(jq -r .pkuse keydata)" "$ops"
		echo "$(jq -r '.key.crv // empty' keydata)" >kind
		only_at_sensor
		exported
		works "$alg"
	done
	equal "$(fluffy-key list -s lock.db | grep -c ^public)" 7
	# one that is removed is gone
	run 0 fluffy-key remove -s sensor.db "$keyid"
	while read -r part; do
		gone "$part" sensor.db
	done <parts
	run 1 fluffy-key export -s sensor.db --as pem "$keyid" >output
	empty output
	honest

	chapter "every kind of pair, for nobody else, $enc"
	town "alone-$enc"
	for kind in "${kinds[@]}"; do
		read -r kty alg <<<"$kind"
		[ "$kty" != RSA ] || continue
		pair "$kty" "$alg"
		expect_err "received $keyid as a key pair until"
		empty estb
		equal "$(field rep 'has("mticket")')" false
		run 0 fluffy-key list -s sensor.db >listing
		grep -qE "^pair *- *$keyid " listing || fail "the list"
		run 0 fluffy-key list -s skdc.db >listing
		grep -qE "^session *sensor -> - *$keyid " listing || fail "the SKDC's list"
		out sensor pem >private.pem
		openssl pkey -in private.pem -noout 2>"$err" || fail "openssl"
		only_at_sensor
	done
	run 0 fluffy-key list -s lock.db >listing
	has_not listing public
	honest

	chapter "what can be asked for, $enc"
	town "asked-$enc"
	pair EC ES512,ES256 --for lock
	equal "$(out sensor jwk | jq -r .crv)" P-521
	bring estb
	pair EC ECDH-ES+HKDF-256,ES384 --for lock --realm home --seqnum 7 --cksum \
		--ext '{"a":1}' --cpac '{"door":[1]}'
	equal "$(out sensor jwk | jq -r .crv)" P-256
	run 0 fluffy-msg --to json --open -s lock.db estb >opened
	equal "$(jq -c '[..|objects|.cpac?|values]|.[0]' opened)" '{"door":[1]}'
	bring estb
	wish req sensor OKP EdDSA --for lock
	serve 0 req rep
	run 0 fluffy-pkp accept -s sensor.db --seqnum 4294967295 --ext '[1]' \
		<rep >estb
	keyid=$(keyid_said)
	equal "$(field estb '.ext|tojson')" '[1]'
	bring estb
	# to oneself
	pair EC ES256 --for sensor
	bring estb sensor
	equal "$(fluffy-key list -s sensor.db | grep -cE "^(pair|public) .*$keyid")" 2
	for bad in "EC EdDSA" "EC PS256" "EC A128GCM" "OKP ES256" "RSA ES256" \
	    "RSA RS256" "SYMM A128GCM" "SYMM ES256" "EC none" "EC ES256,ES256" \
	    "EC ES256," "EC ,ES256" "EC ES256,EdDSA" "ec ES256" "2 ES256" \
	    "EC -7" "EC es256" "OKP ECDH-ES"; do
		read -r kty alg <<<"$bad"
		run 2 fluffy-pkp request -s sensor.db --kty "$kty" --alg "$alg" \
			>output
		empty output
	done
	run 2 fluffy-pkp request -s sensor.db --kty EC
	run 2 fluffy-pkp request -s sensor.db --alg ES256
	run 2 fluffy-pkp request -s sensor.db --kty EC --alg ''
	run 2 fluffy-pkp request -s sensor.db --kty EC --alg ES256 --realm home
	run 2 fluffy-pkp request -s sensor.db --kty EC --alg ES256 --for ''
	run 2 fluffy-pkp request -s sensor.db --kty EC --alg ES256 lock
	run 2 fluffy-pkp request -s sensor.db --kty EC --alg ES256 --cpac '{'
	run 2 fluffy-pkp request -s skdc.db --kty EC --alg ES256
	run 4 fluffy-pkp request -s none.db --kty EC --alg ES256
	run 2 fluffy-pkp accept -s skdc.db <rep
	run 4 fluffy-pkp accept -s none.db <rep
	run 3 fluffy-pkp accept -s sensor.db
	run 2 fluffy-pkp accept -s sensor.db more <rep
	run 2 fluffy-pkp
	equal "$(fluffy-key list -s sensor.db | grep -c ^pending)" 0

	chapter "what the SKDC refuses, $enc"
	refused() { # CODE KTY ALG OPTION...
		wish req sensor "${@:2}"
		serve 1 req answer
		refused_with_ack answer "$1"
		run 1 fluffy-pkp accept -s sensor.db <answer >output
		expect_err "ERROR $1 (proven"
		same output answer
	}
	refused unknown-service EC ES256 --for nobody
	refused unknown-service EC ES256 --for lock --realm away
	refused unknown-service EC ES256 --for skdc
	refused no-ca EC ES256 --cert
	refused no-ca EC ES256 --cert-chain --for lock
	refused bad-etype EC ECDH-ES+HKDF-256 --cert
	refused bad-etype OKP ECDH-ES+HKDF-256 --cert-chain
	run 0 fluffy-key deny -s skdc.db sensor lock
	refused not-permitted EC ES256 --for lock
	run 0 fluffy-key allow -s skdc.db sensor lock
	by $((now - 301)) wish old sensor EC ES256 --for lock
	serve 1 old answer
	refused_with_ack answer clock-skew
	run 1 fluffy-pkp accept -s sensor.db <answer >output
	# kinds that nobody knows, and that don't go together
	for change in 'kty=4, etype=[10]' 'kty=4, etype=[-7]' 'kty=99, etype=[-7]' \
	    'kty=1, etype=[-7]' 'kty=2, etype=[-8]' 'kty=3, etype=[-7]' \
	    'kty=2, etype=[4711]' 'kty=2, etype=[10]' 'kty=-1, etype=[-7]' \
	    'kty=2, etype=[-8, -37, 4711]'; do
		wish req sensor EC ES256 --for lock
		reseal req sensor.db authenticator \
			"m['req-body'].update($change)" >forged
		serve 1 forged answer
		refused_with_ack answer bad-etype
		run 1 fluffy-pkp accept -s sensor.db <answer >output
	done
	# those it doesn't know are skipped
	wish req sensor EC ES256 --for lock
	reseal req sensor.db authenticator \
		"m['req-body'].update(etype=[4711, -8, -7])" >forged
	serve 0 forged rep
	receive sensor rep estb
	bring estb
	run 0 fluffy-key policy -s skdc.db --lifetime 60 lock
	pair EC ES256 --for lock
	expect_err "until 2027-01-15 08:01Z"
	bring estb
	honest

	chapter "in other hands, $enc"
	town "hands-$enc"
	wish req sensor EC ES256 --for lock
	serve 0 req rep
	for name in lock lamp; do
		not_taken $name rep
		edit rep ".cname = \"$name\"" >forged
		not_taken $name forged
		not_taken sensor forged
	done
	for change in '.crealm = "away"' '.ext = 1' 'del(.mticket)' \
	    '.mticket.spname = "lamp"' '.mticket.sprealm = "home"' \
	    '.mticket.skdcname = "other"'; do
		edit rep "$change" >forged
		not_taken sensor forged
	done
	for change in 'p[L["spname"]] = "lamp"' 'del p[L["spname"]]' \
	    'p[L["sprealm"]] = "away"' 'p[L["nonce"]] = bytes(8)' \
	    'p[L["skdcname"]] = "other"' 'p[L["skdcrealm"]] = "away"' \
	    'p[L["endtime"]] = p[L["authtime"]]' 'm["cname"] = "lamp"' \
	    'del m["mticket"]'; do
		reseal rep sensor.db receipt "$change" >forged
		not_taken sensor forged
	done
	# keys that aren't what they say: another curve's, a half, or no pair
	wish req2 sensor EC ES384 --for lock
	serve 0 req2 rep2
	for change in 'p[L["keydata"]][L["alg"]] = -35' \
	    'p[L["keydata"]][L["kty"]] = 1' \
	    'p[L["keydata"]][L["key"]][-4] = bytes(32)' \
	    'del p[L["keydata"]][L["key"]][-4]' \
	    'p[L["keydata"]][L["key"]][-2] = bytes(32)' \
	    'p[L["keydata"]][L["key"]][-4] = b"\1" * 32' \
	    'p[L["keydata"]][L["key"]][-3] = b"\1" * 31' \
	    'p[L["keydata"]][L["key"]][-1] = 2' \
	    'p[L["keydata"]][L["pkuse"]] = 9'; do
		reseal rep sensor.db receipt "$change" >forged
		got=0
		fluffy-pkp accept -s sensor.db <forged >output 2>"$err" || got=$?
		case $change,$got in
		*pkuse*,0) ;; # isn't checked
		*,1 | *,3) empty output ;;
		*) judge 3 $got "$change" ;;
		esac
		[ "$got" != 0 ] || break
	done
	[ "$got" = 0 ] || receive sensor rep estb
	# a pair of a kind that wasn't asked for
	wish req3 sensor EC ES256 --for lock
	serve 0 req3 rep3
	run 0 fluffy-msg --to json --open -s sensor.db rep3 >opened
	nonce=$(jq -r .opened.receipt.nonce opened)
	reseal rep2 sensor.db receipt "p[L['nonce']] = unb64('$nonce')" >forged
	not_taken sensor forged
	receive sensor rep2 estb
	bring estb
	receive sensor rep3 estb
	not_taken sensor rep3
	bring estb
	# the service's side
	pair EC ES256 --for lock
	for name in sensor lamp; do
		run 1 fluffy-estb -s $name.db <estb >answer
		refused_without_ack answer auth-failed
	done
	for change in '.cname = "lamp"' '.crealm = "away"' '.ext = 1' \
	    '.mticket.spname = "lamp"' '.mticket.sprealm = "home"' '.unknown = 1'
	do
		edit estb "$change" >forged
		unproven forged
	done
	edit estb '.mticket.skdcname = "other"' >forged
	unproven forged wrong-skdc
	bring estb
	honest

	chapter "again, $enc"
	town "again-$enc"
	wish req sensor EC ES256 --for lock
	serve 0 req rep
	serve 1 req answer
	refused_with_ack answer replay
	run 1 fluffy-pkp accept -s sensor.db <answer >output
	equal "$(fluffy-key list -s sensor.db | grep -c ^pending)" 1
	receive sensor rep estb
	not_taken sensor rep
	bring estb
	unproven estb replay
	by $((now + 300)) unproven estb replay
	by $((now + 301)) unproven estb clock-skew
	by $((now + ends)) unproven estb expired
	by $((now + ends)) run 1 fluffy-estb -s lamp.db <estb >answer
	town "again2-$enc"
	by $((now - 301)) wish req sensor OKP EdDSA --for lock
	by $((now - 301)) serve 0 req rep
	by $((now - 301)) receive sensor rep estb
	unproven estb clock-skew
	# what isn't signed can be sent again, and until it ends
	pair OKP ECDH-ES+HKDF-256 --for lock
	bring estb
	bring estb
	by $((now + 4000)) bring estb
	by $((now + ends)) unproven estb expired
	equal "$(fluffy-key list -s lock.db | grep -c ^public)" 1
	town "again3-$enc"
	wish req sensor EC ES256 --for lock
	serve 0 req rep
	by $((now + ends)) not_taken sensor rep
	expect_err "PKP-REP.receipt.endtime"
	honest

	chapter "tickets and signatures moved, $enc"
	town "moved-$enc"
	pair EC ES256 --for lock
	first=$keyid
	cp estb estb.1
	out sensor keydata >keydata.1
	pair EC ES256 --for lock
	cp estb estb.2
	out sensor keydata >keydata.2
	pair OKP ECDH-ES+HKDF-256 --for lock
	cp estb estb.dh
	pair OKP EdDSA --for lock
	cp estb estb.ed
	wish req lamp EC ES256 --for lock
	serve 0 req rep
	receive lamp rep estb.lamp
	ask req
	serve 0 req rep
	run 0 fluffy-estb -s sensor.db <rep >estb.psk
	for other in 2 dh ed lamp psk; do
		swap estb.1 .mticket estb.$other >forged
		case $other in
		psk)
			run 3 fluffy-estb -s lock.db <forged >answer
			refused_without_ack answer malformed
			;;
		*) unproven forged ;;
		esac
		swap estb.1 '.mticket["enc-part"]' estb.$other >forged
		[ $other = psk ] || unproven forged
		[ $other = dh ] || swap estb.1 .authenticator estb.$other >forged
		unproven forged
	done
	for part in payload signature protected; do
		swap estb.1 .authenticator.$part estb.2 >forged
		[ $part = protected ] || unproven forged
		swap estb.1 .authenticator.$part estb.ed >forged
		unproven forged
	done
	swap estb.psk .authenticator estb.1 >forged
	run 3 fluffy-estb -s lock.db <forged >answer
	refused_without_ack answer malformed
	swap estb.dh .authenticator estb.1 >forged
	unproven forged
	swap estb.dh .authenticator estb.psk >forged
	unproven forged
	for file in estb.1 estb.ed estb.lamp estb.psk; do
		edit $file 'del(.authenticator)' >forged
		unproven forged
	done
	edit estb.1 '.authenticator.signature = ""' >forged
	unproven forged
	edit estb.1 '.authenticator.signature |= .[:84]' >forged
	unproven forged
	edit estb.1 '.authenticator.signature |= gsub("."; "A")' >forged
	unproven forged
	edit estb.1 '.authenticator.signature += "AAAA"' >forged 2>/dev/null
	unproven forged
	# signed by another's key, or by the own one, for something else
	resign estb.1 keydata.2 pass >forged
	unproven forged
	resign estb.1 keydata.1 'p["cname"] = "lamp"' >forged
	unproven forged
	resign estb.1 keydata.1 'p["cname"] = m["cname"] = "lamp"' >forged
	unproven forged
	resign estb.1 keydata.1 'p["crealm"] = "away"' >forged
	unproven forged
	resign estb.1 keydata.1 'p["ctime"] -= 301' >forged
	unproven forged clock-skew
	# and they are all good still
	resign estb.1 keydata.1 'p["nonce"] = bytes(8)' >again
	keyid=$first
	bring again
	bring estb.1
	keyid=
	for file in estb.2 estb.dh estb.ed estb.lamp; do
		run 0 fluffy-estb -s lock.db <$file >output
		empty output
	done
	run 0 fluffy-estb -s lock.db <estb.psk >ack
	run 0 fluffy-estb -s sensor.db <ack
	equal "$(fluffy-key list -s lock.db | grep -c ^public)" 5
	honest

	chapter "tickets that nobody should have made, $enc"
	town "made-$enc"
	pair EC ES256 --for lock
	cp estb estb.1
	out sensor keydata >keydata.1
	# the private key in it, a key off the curve, an end that isn't one
	for change in 'p[L["keydata"]][L["key"]][-4] = bytes(31) + b"\1"' \
	    'p[L["keydata"]][L["key"]][-2] = bytes(32)' \
	    'p[L["keydata"]][L["key"]][-1] = 2' \
	    'p[L["keydata"]][L["alg"]] = -8' \
	    'del p[L["endtime"]]' \
	    'p[L["keydata"]][L["x5c"]] = [b"junk"]'; do
		reseal estb.1 lock.db enc-part "$change" >ticket
		resign ticket keydata.1 pass >forged
		run 3 fluffy-estb -s lock.db <forged >answer
		expect_err "PSK-ESTB.mticket.enc-part"
		refused_without_ack answer malformed
	done
	for change in 'p[L["cname"]] = "lamp"' 'p[L["crealm"]] = "away"'; do
		reseal estb.1 lock.db enc-part "$change" >ticket
		resign ticket keydata.1 pass >forged
		unproven forged
	done
	reseal estb.1 lock.db enc-part 'p[L["endtime"]] = p[L["authtime"]]' >ticket
	resign ticket keydata.1 pass >forged
	unproven forged expired
	# only the signature is missing to be another's
	reseal estb.1 lock.db enc-part pass >ticket
	unproven ticket
	resign ticket keydata.1 pass >forged
	bring forged
	run 0 fluffy-key list -s lock.db >listing
	equal "$(grep -c ^public listing)" 1
	honest
done

chapter "certificates of another key"
clock=
enc=json
town certificates
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 100 \
	-keyout ca.key -out ca.pem -subj /CN=ca 2>"$err" || fail "openssl req"
run 0 fluffy-key ca -s skdc.db --cert ca.pem --key ca.key
pair EC ES256 --for lock --cert-chain
expect_err "as a key pair for lock"
cp rep rep.1
cp estb estb.1
out sensor keydata >keydata.1
wish req sensor EC ES256 --for lock --cert
serve 0 req rep.2
receive sensor rep.2 estb.2
second=$keyid
out sensor keydata >keydata.2
wish req sensor EC ES256 --for lock --cert-chain
serve 0 req rep.3
other=$(jq -c '.x5c[0]' keydata.1)
tell='import base64, hashlib
x = unb64('$other')
k = p[L["keydata"]]
k[L["x5c"]] = [x]
'
prints='k[L["x5t"]] = hashlib.sha1(x).digest()
k[L["x5t256"]] = hashlib.sha256(x).digest()'
for change in "$tell" "$tell$prints" \
    'p[L["keydata"]][L["x5t256"]] = bytes(32)' \
    'p[L["keydata"]][L["x5t"]] = bytes(20)'; do
	reseal rep.3 sensor.db receipt "$change" >forged
	run 3 fluffy-pkp accept -s sensor.db <forged >output
	expect_err "PKP-REP.receipt.keydata"
	empty output
	reseal estb.2 lock.db enc-part "$change" >ticket
	resign ticket keydata.2 pass >forged
	run 3 fluffy-estb -s lock.db <forged >answer
	expect_err "PSK-ESTB.mticket.enc-part.keydata"
	refused_without_ack answer malformed
done
# the certificate is all there is to tell its end
reseal estb.2 lock.db enc-part 'for n in "x5c", "x5t", "x5t256":
    p[L["keydata"]].pop(L[n], None)' >ticket
resign ticket keydata.2 pass >forged
run 3 fluffy-estb -s lock.db <forged >answer
expect_err "endtime"
keyid=$second
bring estb.2
receive sensor rep.3 estb.3
bring estb.3
run 0 fluffy-key list -s lock.db >listing
equal "$(grep -c '^public.*proven, certified$' listing)" 2
honest

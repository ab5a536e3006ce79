#!/bin/bash
# Attacks on groups and deletions: messages again, in other hands, under other
# names, and parts of one in another. After each an honest group works.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl python3
need_reference

# town DIRECTORY: lock owns doors, and sensor fetched its key; lamp is nobody.
town() {
	realm "$1"
	device lamp
	obtain request lock doors --members sensor
	obtain fetch sensor doors
	doors=$keyid
}

# the_same: nothing came of it.
the_same() {
	run 0 fluffy-key group -s skdc.db doors >listing
	equal "$(awk '{ print $1, $2, $NF }' listing | tr '\n' ';')" \
		"group home/doors, live;member home/lock owner;$(
		)member home/sensor named;holder home/lock holds;$(
		)holder home/sensor holds;"
	has listing "$doors"
	run 0 fluffy-del pending -s skdc.db >listing
	empty listing
	for name in lock sensor; do
		run 0 fluffy-key export -s $name.db --as hex "$doors" >output
	done
	honest_group
}

# unanswered FILE: an SKDC takes no notice of a PSK-DELC that doesn't fit
unanswered() {
	serve 1 "$1" output
	empty output
	[ -s "$err" ] || fail "it isn't reported"
}

# unproven FILE: the SKDC says auth-failed, and nothing else
unproven() {
	serve 1 "$1" answer
	refused_without_ack answer auth-failed
}

# not_taken DEVICE FILE
not_taken() {
	run 1 fluffy-gsk accept -s "$1.db" <"$2" >output
	empty output
}

ignored() { # DEVICE FILE
	run 1 fluffy-del accept -s "$1.db" <"$2" >output
	empty output
}

# recast FILE TYPE FILTER: as a message of another type
recast() {
	fluffy-msg --to json "$1" | jq -c ".\"msg-type\" = \"$2\" | $3" \
		>recast.json || fail "jq: $3"
	if [ $enc = json ]; then
		cat recast.json
	else
		run 0 fluffy-msg --to cbor recast.json
	fi
}

waiting() { # STORE COUNT
	equal "$(fluffy-key list -s "$1.db" | grep -c '^pending')" "$2" \
		"requests that wait"
}

as_before() { # a copy of the town as it was left
	cd "$scratch" || exit 99
	rm -rf now
	cp -a "town-$enc" now
	cd now || exit 99
}

for enc in cbor json; do
	other=json
	[ $enc = cbor ] || other=cbor

	chapter "the town, $enc"
	town "town-$enc"

	chapter "the same again, $enc"
	as_before
	group request req lock attic --members sensor,lamp
	group renew renew lock doors --members sensor
	group fetch fet sensor doors
	serve 0 req rep
	serve 0 renew renewed
	serve 0 fet dlvr
	for file in req renew fet; do
		serve 1 $file answer
		refused_with_ack answer replay
		run 0 fluffy-msg --to $other $file >file
		serve 1 file answer
		refused_with_ack answer replay
	done
	take lock rep
	take lock renewed
	take sensor dlvr
	fresh=$keyid
	for file in rep renewed; do
		not_taken lock $file
		run 0 fluffy-msg --to $other $file >file
		not_taken lock file
	done
	not_taken sensor dlvr
	# no replay ends a request that waits
	group fetch fet sensor doors
	serve 0 fet dlvr
	serve 1 fet answer
	run 1 fluffy-gsk accept -s sensor.db <answer >output
	waiting sensor 1
	take sensor dlvr
	waiting sensor 0
	group delete delt lock doors
	serve 0 delt delts
	serve 1 delt answer
	refused_with_ack answer replay
	run 1 fluffy-gsk accept -s lock.db <answer >output
	waiting lock 1
	run 0 fluffy-del accept -s sensor.db <delts >delc
	serve 0 delc gdelc
	is gdelc GSK-DELC
	serve 0 delc output
	empty output
	take lock gdelc
	not_taken lock gdelc
	not_taken lock rep
	# a group of the same name, and everything once more
	obtain request lock doors --members sensor
	obtain fetch sensor doors
	for file in req renew fet delt; do
		serve 1 $file answer
		refused_with_ack answer replay
	done
	serve 0 delc output
	empty output
	not_taken lock gdelc
	not_taken sensor dlvr
	run 0 fluffy-del accept -s sensor.db <delts >again
	serve 0 again output
	empty output
	[ "$keyid" != "$fresh" ] || fail "the same keyid"
	run 0 fluffy-key export -s sensor.db --as hex "$keyid" >output
	run 0 fluffy-key export -s lock.db --as hex "$keyid" >output
	honest_group

	chapter "a GSK-DELC that comes late, $enc"
	as_before
	obtain request lock attic
	group delete delt lock attic
	serve 0 delt first
	group delete delt lock attic
	serve 0 delt second
	take lock second
	obtain request lock attic
	run 0 fluffy-key export -s lock.db --as hex "$keyid" >attic.key
	run 1 fluffy-gsk accept -s lock.db <first >output
	expect_err "GSK-DELC.ack.nonce"
	run 0 fluffy-key export -s lock.db --as hex "$keyid" >key
	same key attic.key
	# made anew before the first one comes
	group delete delt lock attic
	serve 0 delt first
	obtain request lock attic
	run 0 fluffy-key export -s lock.db --as hex "$keyid" >attic.key
	run 0 fluffy-gsk accept -s lock.db <first
	run 0 fluffy-key export -s lock.db --as hex "$keyid" >key
	same key attic.key
	obtain fetch lock attic
	the_same

	chapter "in other hands, $enc"
	as_before
	group request req lock attic
	serve 0 req rep
	group fetch fet sensor doors
	serve 0 fet dlvr
	for name in sensor lamp; do
		not_taken $name rep
		edit rep ".spname = \"$name\"" >forged
		not_taken $name forged
		not_taken lock forged
	done
	for name in lock lamp; do
		not_taken $name dlvr
		edit dlvr ".cname = \"$name\"" >forged
		not_taken $name forged
		not_taken sensor forged
	done
	edit rep '.sprealm = "away"' >forged
	not_taken lock forged
	edit dlvr '.crealm = "away"' >forged
	not_taken sensor forged
	# in both at once
	reseal dlvr sensor.db receipt 'm["cname"] = "lamp"' >forged
	not_taken sensor forged
	expect_err "GSK-DLVR.cname"
	reseal dlvr sensor.db receipt 'p[L["skdcname"]] = "other"' >forged
	not_taken sensor forged
	reseal dlvr sensor.db receipt 'p[L["skdcrealm"]] = "away"' >forged
	not_taken sensor forged
	reseal rep lock.db receipt 'm["spname"] = "lamp"' >forged
	not_taken lock forged
	waiting lock 1
	waiting sensor 1
	take lock rep
	take sensor dlvr
	the_same

	chapter "another SKDC, $enc"
	as_before
	run 0 fluffy-key init -s second.db --realm home second
	run 0 fluffy-key init -s evil.db --realm home skdc
	for skdc in second evil; do
		for name in sensor lock; do
			run 0 fluffy-key enrol -s $skdc.db $name >doc
			run 0 fluffy-key join -s $skdc-$name.db <doc
		done
		group request req $skdc-lock doors
		run 0 fluffy-skdc -s $skdc.db <req >rep
		run 0 fluffy-gsk accept -s $skdc-lock.db <rep
		group delete delt $skdc-lock doors
		group fetch fet sensor doors
		group request mine lock attic
		for file in req delt; do
			serve 1 $file answer
			case $skdc,$file in
			second,req) refused_without_ack answer wrong-skdc ;;
			*) refused_without_ack answer auth-failed ;;
			esac
		done
		for file in fet mine; do
			run 1 fluffy-skdc -s $skdc.db <$file >answer
			is answer ERROR
			equal "$(field answer 'has("ack")')" false
			edit $file ".\"req-body\".skdcname = \"$skdc\"" >forged
			run 1 fluffy-skdc -s $skdc.db <forged >answer
			is answer ERROR
			run 1 fluffy-gsk accept -s lock.db <answer >output
			expect_err "hint"
		done
		group fetch fet $skdc-lock doors
		run 0 fluffy-skdc -s $skdc.db <fet >dlvr
		for name in lock sensor; do
			not_taken $name rep
			not_taken $name dlvr
		done
		serve 0 mine rep
		take lock rep
		delete lock attic
	done
	the_same

	chapter "a wrong owner, $enc"
	as_before
	# mallory is enrolled, and says that it is lock
	run 0 fluffy-key enrol -s skdc.db mallory >doc
	run 0 fluffy-key join -s mallory.db <doc
	edit doc '.cname = "lock"' >forged
	run 0 fluffy-key join -s false.db <forged
	for verb in "renew false doors" "request false attic" "fetch false doors"
	do
		# shellcheck disable=SC2086 # VERB DEVICE GROUP
		set -- $verb
		group "$1" forged "$2" "$3"
		unproven forged
	done
	group renew req mallory doors --members mallory
	serve 1 req answer
	refused_with_ack answer not-owner
	for member in spname sprealm; do
		reseal req mallory.db authenticator \
			"p[L['$member']] = 'lock'" >forged
		unproven forged
	done
	# with the key that it is to name
	run 0 fluffy-key group -s skdc.db --add mallory doors
	obtain fetch mallory doors
	group delete delt mallory doors
	cp delt saved
	serve 1 delt answer
	refused_with_ack answer not-owner
	for change in '.spname = "lock"' '.sprealm = "away"' \
	    '.spname = "sensor"' '.ext = 1'; do
		edit saved "$change" >forged
		unproven forged
	done
	reseal saved mallory.db kenvelope 'm["spname"] = "lock"' >forged
	unproven forged
	reseal saved mallory.db kenvelope 'm["sprealm"] = "away"' >forged
	unproven forged
	group delete mine lock doors
	swap saved .kenvelope.unprotected.kid mine >forged
	unproven forged
	swap saved .kenvelope.ciphertext mine >forged
	unproven forged
	swap mine .kenvelope saved >forged
	unproven forged
	swap saved .kenvelope mine >forged
	unproven forged
	# nor does an ERROR to one end what another asked
	run 1 fluffy-gsk accept -s lock.db <answer >output
	expect_err "hint"
	waiting lock 1
	run 0 fluffy-key group -s skdc.db doors >listing
	grep -q '^group.* live$' listing || fail "it isn't live"
	honest_group

	chapter "another group, $enc"
	as_before
	obtain request lock attic --members lamp
	group fetch fet sensor doors
	group request req lock cellar
	group renew renew lock doors
	group delete delt lock doors
	for change in '.mcastname = "attic"' '.mcastname = "Doors"' \
	    '.mcastrealm = "home"' '.mcastrealm = "away"' '.keyid = "AAAAAAAAAAA"' \
	    '."skdc-options" = ["renew"]' '.unknown = 1'; do
		edit fet ".\"req-body\" |= ($change)" >forged
		unproven forged
	done
	for change in '.mcastname = "doors"' '.mcastrealm = "home"' \
	    '.mcastrealm = "away"' '."skdc-options" = ["renew"]' \
	    '.grppac = {"members":"any"}' '.etype = "A256GCM"' \
	    '.etype = ["AES-CCM-16-64-128"]' '.unknown = 1'; do
		edit req ".\"req-body\" |= ($change)" >forged
		unproven forged
	done
	for change in '.mcastname = "attic"' 'del(."skdc-options")' \
	    '."skdc-options" = ["renew", 9]' '.grppac = {"members":["lamp"]}'; do
		edit renew ".\"req-body\" |= ($change)" >forged
		unproven forged
	done
	for file in fet req renew delt; do
		edit $file '.ext = {}' >forged
		unproven forged
		edit $file '.unknown = 1' >forged
		unproven forged
	done
	# a request's authenticator isn't another's, for another group either
	group fetch fet.2 lamp attic
	group fetch fet.3 sensor attic
	group request req.2 lock loft
	swap fet .authenticator fet.3 >forged
	unproven forged
	swap fet .authenticator fet.2 >forged
	unproven forged
	swap fet.3 '."req-body"' fet >forged
	unproven forged
	swap req .authenticator req.2 >forged
	unproven forged
	swap req .authenticator renew >forged
	unproven forged
	# all of them are still good
	serve 0 fet dlvr
	serve 0 req rep
	serve 0 fet.2 dlvr.2
	serve 1 fet.3 answer
	refused_with_ack answer not-permitted
	# the answers: another group's, by name and by seal
	swap dlvr .receipt dlvr.2 >forged
	not_taken sensor forged
	not_taken lamp forged
	for change in 'p[L["mcastname"]] = "attic"' \
	    'p[L["mcastrealm"]] = "away"' 'p[L["nonce"]] = bytes(8)' \
	    'p[L["keydata"]][L["alg"]] = 99' 'p[L["endtime"]] = p[L["authtime"]]' \
	    'p[L["endtime"]] = 1'; do
		reseal dlvr sensor.db receipt "$change" >forged
		got=0
		fluffy-gsk accept -s sensor.db <forged >output 2>"$err" || got=$?
		[ $got = 3 ] || judge 1 $got "$change"
		empty output
	done
	for change in 'p[L["mcastname"]] = "attic"' \
	    'p[L["mcastrealm"]] = "away"' \
	    'p[L["keydata"]][L["alg"]], p[L["keydata"]][L["key"]] = 3, bytes(32)'
	do
		reseal rep lock.db receipt "$change" >forged
		not_taken lock forged
	done
	take sensor dlvr
	equal "$keyid" "$doors"
	take lock rep
	take lamp dlvr.2
	the_same

	chapter "a key that wasn't asked for, $enc"
	as_before
	obtain renew lock doors
	group fetch fet sensor doors --keyid "$doors"
	serve 0 fet dlvr
	reseal dlvr sensor.db receipt \
		"p[L['keydata']][L['keyid']] = bytes.fromhex('$keyid')" >forged
	not_taken sensor forged
	expect_err "GSK-DLVR.receipt.keydata.keyid"
	take sensor dlvr
	honest_group

	chapter "authenticators of one kind in another, $enc"
	as_before
	# the draft's own weakness: GSK-REQ and GSK-FET
	group request req sensor attic
	group renew renew lock doors
	group fetch fet sensor doors
	group fetch ours lock doors
	ask psk sensor lock
	run 0 fluffy-pkp request -s sensor.db --$enc --kty EC --alg ES256 \
		--for lock >pkp
	body='{"skdcrealm": ."req-body".skdcrealm, "skdcname": ."req-body".skdcname'
	for group in attic doors; do
		for from in req renew; do
			recast $from GSK-FET ".\"req-body\" = $body,
				\"mcastname\": \"$group\"}" >forged
			unproven forged
		done
		for from in fet ours psk pkp; do
			for options in '' ', "skdc-options": ["renew"]'; do
				recast $from GSK-REQ ".\"req-body\" = $body,
					\"kty\": \"SYMM\", \"mcastname\": \"$group\",
					\"etype\": \"AES-CCM-16-64-128\"$options}" \
					>forged
				unproven forged
			done
		done
		for from in psk pkp; do
			recast $from GSK-FET ".\"req-body\" = $body,
				\"mcastname\": \"$group\"}" >forged
			unproven forged
		done
	done
	for from in req fet pkp; do
		recast $from PSK-REQ ".\"req-body\" = $body, \"kty\": \"SYMM\",
			\"etype\": \"AES-CCM-16-64-128\", \"spname\": \"lock\"}" \
			>forged
		unproven forged
	done
	for from in req fet psk; do
		recast $from PKP-REQ ".\"req-body\" = $body, \"kty\": \"EC\",
			\"etype\": \"ES256\", \"spname\": \"lock\"}" >forged
		unproven forged
	done
	# a sealed map with the members of another kind doesn't help its owner
	reseal fet sensor.db authenticator 'm["req-body"].update(kty=4, etype=[10],
    skdcrealm="home", mcastname="attic")
m["msg-type"] = GSK_REQ
fields = STRUCT[GSK_REQ]' >forged
	got=0
	fluffy-skdc -s skdc.db <forged >answer 2>"$err" || got=$?
	[ $got = 3 ] || judge 1 $got "names of another kind"
	is answer ERROR
	equal "$(field answer 'has("ack")')" false
	# envelopes
	group delete gdelt lock doors
	honest
	run 0 fluffy-del request -s skdc.db --$enc "$keyid" >pdelts
	run 0 fluffy-msg --select cname=lock --to $enc pdelts >pdelt
	recast pdelt GSK-DELT '.sprealm = .crealm | .spname = .cname |
		del(.crealm, .cname)' >forged
	unproven forged
	recast gdelt PSK-DELT '.crealm = .sprealm | .cname = .spname |
		del(.sprealm, .spname)' >forged
	ignored lock forged
	recast gdelt GSK-REQ ".authenticator = .kenvelope |
		del(.kenvelope, .spname, .sprealm) |
		.\"req-body\" = {\"kty\": \"SYMM\", \"etype\": \"A128GCM\",
		\"skdcrealm\": \"home\", \"skdcname\": \"skdc\",
		\"mcastname\": \"attic\"}" >forged
	unproven forged
	recast req GSK-DELT '.kenvelope = .authenticator | .sprealm = "home" |
		.spname = "sensor" | del(.authenticator, ."req-body")' >forged
	unproven forged
	run 0 fluffy-del accept -s lock.db <pdelts >delc
	run 0 fluffy-del accept -s sensor.db <pdelts >>delc
	serve 0 delc output
	# what was asked is good all the same
	serve 0 fet dlvr
	take sensor dlvr
	serve 0 ours dlvr
	take lock dlvr
	serve 0 psk rep
	run 0 fluffy-estb -s sensor.db <rep >estb
	run 0 fluffy-estb -s lock.db <estb >ack
	run 0 fluffy-estb -s sensor.db <ack
	the_same

	chapter "receipts of one kind as another, $enc"
	as_before
	# by one party, of all kinds, each asked for
	group request req sensor attic
	serve 0 req rep
	group fetch fet sensor doors
	serve 0 fet dlvr
	ask psk sensor lock
	serve 0 psk prep
	run 0 fluffy-pkp request -s sensor.db --$enc --kty EC --alg ES256 >pkp
	serve 0 pkp pkprep
	run 0 fluffy-pkp request -s sensor.db --$enc --kty EC --alg ES256 \
		--for lock >pkp
	serve 0 pkp pkprep2
	waiting sensor 5
	recast rep GSK-DLVR '.crealm = .sprealm | .cname = .spname |
		del(.sprealm, .spname)' >forged
	not_taken sensor forged
	recast dlvr GSK-REP '.sprealm = .crealm | .spname = .cname |
		del(.crealm, .cname)' >forged
	not_taken sensor forged
	for file in prep pkprep pkprep2; do
		recast $file GSK-DLVR 'del(.mticket)' >forged
		not_taken sensor forged
		recast $file GSK-REP 'del(.mticket, .crealm, .cname) |
			.sprealm = "home" | .spname = "sensor"' >forged
		not_taken sensor forged
	done
	for file in prep pkprep2; do
		swap $file .receipt dlvr >forged
		run 1 fluffy-estb -s sensor.db <forged >output
		empty output
		swap $file .receipt rep >forged
		run 1 fluffy-pkp accept -s sensor.db <forged >output
		empty output
	done
	recast prep PKP-REP . >forged
	run 1 fluffy-pkp accept -s sensor.db <forged >output
	empty output
	recast dlvr PKP-REP . >forged
	run 1 fluffy-pkp accept -s sensor.db <forged >output
	empty output
	recast pkprep2 PSK-REP . >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	empty output
	swap prep .receipt pkprep2 >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	swap pkprep2 .receipt prep >forged
	run 1 fluffy-pkp accept -s sensor.db <forged >output
	swap pkprep2 .mticket prep >forged
	run 1 fluffy-pkp accept -s sensor.db <forged >output
	# even if the SKDC had sealed it so: the request was another
	for type in GSK_REP GSK_DLVR; do
		file=dlvr
		[ $type = GSK_REP ] || file=rep
		reseal $file sensor.db receipt "m['msg-type'] = $type
who = {'crealm': 'home', 'cname': 'sensor'} if $type == GSK_DLVR else \
{'sprealm': 'home', 'spname': 'sensor'}
for n in ('crealm', 'cname', 'sprealm', 'spname'): m.pop(n, None)
m.update(who)
fields = STRUCT[$type]" >forged
		not_taken sensor forged
		expect_err "nonce"
	done
	waiting sensor 5
	# acknowledgements
	ask psk sensor nobody
	serve 1 psk error
	obtain request lock yard --members sensor
	obtain fetch sensor yard
	group delete gdelt lock yard
	serve 0 gdelt pdelt
	run 0 fluffy-del accept -s sensor.db <pdelt >pdelc
	serve 0 pdelc gdelc
	is gdelc GSK-DELC
	recast pdelc GSK-DELC 'del(.skdcname, .skdcrealm) | .spname = "sensor" |
		.sprealm = "home"' >forged
	not_taken sensor forged
	recast error GSK-DELC '{pvno, "msg-type", ack, "spname": "sensor"}' >forged
	not_taken sensor forged
	recast gdelc PSK-DELC '.skdcname = "skdc" | .skdcrealm = "home" |
		del(.spname, .sprealm)' >forged
	unanswered forged
	swap error .ack gdelc >forged
	run 1 fluffy-gsk accept -s lock.db <forged >output
	expect_err "hint"
	swap gdelc .ack error >forged
	not_taken lock forged
	take lock gdelc
	# and all that was asked for still comes
	take sensor rep
	take sensor dlvr
	run 0 fluffy-estb -s sensor.db <prep >estb
	run 0 fluffy-pkp accept -s sensor.db <pkprep
	run 0 fluffy-pkp accept -s sensor.db <pkprep2 >estb
	run 1 fluffy-estb -s sensor.db <error >output
	waiting sensor 1 # the PSK-ESTB
	delete sensor attic
	the_same

	chapter "envelopes that carry a key, $enc"
	as_before
	group delete gdelt lock doors
	for change in 'p[L["keydata"]][L["key"]] = bytes(16)' \
	    'p[L["keydata"]][L["kty"]] = 4' \
	    'p[L["keydata"]][L["alg"]] = 10' \
	    'p[L["keydata"]].update({L["kty"]: 4, L["alg"]: 10, L["keyops"]: [3, 4],
    L["key"]: bytes(16)})' \
	    'p[L["keydata"]][1000] = 1' \
	    'p[L["keydata"]] = {}' \
	    'del p[L["keydata"]]' \
	    'p[L["key"]] = bytes(16)' \
	    'p[L["keydata"]][L["keyid"]] = b""'; do
		reseal gdelt lock.db kenvelope "$change" >forged
		serve 3 forged answer
		expect_err "GSK-DELT.kenvelope"
		refused_without_ack answer malformed
	done
	honest
	run 0 fluffy-del request -s skdc.db --$enc "$keyid" >pdelts
	run 0 fluffy-msg --select cname=sensor --to $enc pdelts >pdelt
	for change in 'p[L["keydata"]][L["key"]] = bytes(16)' \
	    'p[L["keydata"]].update({L["kty"]: 4, L["alg"]: 10, L["keyops"]: [3, 4],
    L["key"]: bytes(16)})' \
	    'p[L["keydata"]][L["x5u"]] = "http://x"' \
	    'p[L["keydata"]] = {}' \
	    'p[L["key"]] = bytes(16)'; do
		reseal pdelt sensor.db kenvelope "$change" >forged
		run 3 fluffy-del accept -s sensor.db <forged >output
		empty output
		expect_err "PSK-DELT.kenvelope"
		run 0 fluffy-key export -s sensor.db --as hex "$keyid" >output
	done
	run 0 fluffy-del accept -s sensor.db <pdelts >delc
	run 0 fluffy-del accept -s lock.db <pdelts >>delc
	serve 0 delc output
	the_same

	chapter "deletion of unknown and foreign keys, $enc"
	as_before
	obtain request lock attic --members sensor
	attic=$keyid
	obtain request lamp loft --members lock
	loft=$keyid
	obtain fetch lock loft
	honest
	session=$keyid
	secret=$(fluffy-key list -s lock.db | awk '/^secret/ { print $3 }')
	for id in "$attic" "$loft" "$session" "$secret" 00 0011223344556677 \
	    "$(printf %064d 1)"; do
		group delete gdelt lock doors
		reseal gdelt lock.db kenvelope \
			"p[L['keydata']][L['keyid']] = bytes.fromhex('$id')" >forged
		serve 1 forged answer
		refused_with_ack answer no-such-key
		run 1 fluffy-gsk accept -s lock.db <answer >output
		expect_err "(proven"
	done
	waiting lock 0
	group delete gdelt lock doors
	reseal gdelt lock.db kenvelope "p[L['mcastname']] = 'loft'
p[L['keydata']][L['keyid']] = bytes.fromhex('$loft')" >forged
	serve 1 forged answer
	refused_with_ack answer not-owner
	reseal gdelt lock.db kenvelope "p[L['mcastname']] = 'nothing'" >forged
	serve 1 forged answer
	is answer ERROR replay # it is the same nonce
	run 1 fluffy-gsk accept -s lock.db <answer >output
	group delete gdelt lock doors
	reseal gdelt lock.db kenvelope "p[L['mcastname']] = 'nothing'" >forged
	serve 1 forged answer
	refused_with_ack answer no-such-group
	run 1 fluffy-gsk accept -s lock.db <answer >output
	group delete gdelt lock doors
	reseal gdelt lock.db kenvelope "p[L['mcastrealm']] = 'away'" >forged
	serve 1 forged answer
	refused_with_ack answer no-such-group
	run 1 fluffy-gsk accept -s lock.db <answer >output
	# at a device: what isn't there is confirmed, what isn't a shared key stays
	run 0 fluffy-del request -s skdc.db --$enc "$session" >pdelts
	run 0 fluffy-msg --select cname=lock --to $enc pdelts >pdelt
	for id in "$secret" 00 "$(printf %064d 1)"; do
		reseal pdelt lock.db kenvelope \
			"p[L['nonce']] = os.urandom(8)
p[L['keydata']][L['keyid']] = bytes.fromhex('$id')" >forged
		run 0 fluffy-del accept -s lock.db <forged >delc
		expect_err "confirmed without having $id"
		unanswered delc # it isn't the SKDC's nonce
	done
	equal "$(fluffy-key list -s lock.db | grep -c '^secret')" 1
	# who it is for, and from whom
	for change in 'p[L["skdcname"]] = "other"' 'p[L["skdcrealm"]] = "away"' \
	    'm["crealm"] = "away"'; do
		reseal pdelt lock.db kenvelope "$change" >forged
		ignored lock forged
		expect_err "PSK-DELT."
	done
	run 0 fluffy-key export -s lock.db --as hex "$session" >output
	# mallory confirms for others
	run 0 fluffy-msg --select cname=sensor --to $enc pdelts >pdelt.sensor
	run 0 fluffy-del accept -s lock.db <pdelt >delc
	run 0 fluffy-del accept -s sensor.db <pdelt.sensor >delc.sensor
	edit delc '.ext = 1' >forged
	unanswered forged
	reseal delc lock.db ack 'p[L["cname"]] = "sensor"' >forged
	unanswered forged
	reseal delc lock.db ack 'p[L["crealm"]] = "away"' >forged
	unanswered forged
	reseal delc lock.db ack 'p[L["nonce"]] = bytes(8)' >forged
	unanswered forged
	reseal delc lock.db ack 'm["skdcname"] = "other"' >forged
	unanswered forged
	swap delc .ack.unprotected.kid delc.sensor >forged
	unanswered forged
	# the nonce that another one was sent
	run 0 fluffy-msg --to json --open -s sensor.db pdelt.sensor >opened
	nonce=$(jq -r .opened.kenvelope.nonce opened)
	reseal delc lock.db ack "p[L['nonce']] = unb64('$nonce')" >forged
	unanswered forged
	equal "$(fluffy-del pending -s skdc.db | wc -l | tr -d ' ')" 2
	serve 0 delc output
	serve 0 delc.sensor output
	equal "$(fluffy-del pending -s skdc.db | wc -l | tr -d ' ')" 0
	the_same

	chapter "a deletion confirmed too early, $enc"
	as_before
	group delete gdelt lock doors
	serve 0 gdelt pdelt
	run 0 fluffy-msg --to json --open -s sensor.db pdelt >opened
	nonce=$(jq -r .opened.kenvelope.nonce opened)
	# lock would like to have its GSK-DELC
	honest_between lamp lock
	run 0 fluffy-del request -s skdc.db --$enc "$keyid" >pdelts
	run 0 fluffy-del accept -s lock.db <pdelts >delc
	reseal delc lock.db ack "p[L['nonce']] = unb64('$nonce')" >forged
	unanswered forged
	reseal delc lock.db ack "p[L['nonce']] = unb64('$nonce')
p[L['cname']] = 'sensor'" >forged
	unanswered forged
	serve 0 delc output
	empty output
	denied group-deleting fetch sensor doors
	# a GSK-DELC that it makes itself is for a request of its own alone
	run 0 fluffy-msg --to json --open -s lock.db gdelt >opened
	nonce=$(jq -r .opened.kenvelope.nonce opened)
	run 0 fluffy-del accept -s sensor.db <pdelt >delc
	serve 0 delc gdelc
	for change in 'p[L["mcastname"]] = "attic"' 'p[L["nonce"]] = bytes(8)' \
	    'p[L["mcastrealm"]] = "away"' 'm["spname"] = "sensor"'; do
		reseal gdelc lock.db ack "$change" >forged
		not_taken lock forged
	done
	for change in '.spname = "sensor"' '.sprealm = "away"' 'del(.sprealm)' \
	    '.ext = 1'; do
		edit gdelc "$change" >forged
		not_taken lock forged
	done
	run 0 fluffy-key export -s lock.db --as hex "$doors" >output
	take lock gdelc
	honest_group

	chapter "ERRORs that anybody could have made, $enc"
	as_before
	group request req lock attic
	group fetch fet sensor doors
	group delete gdelt lock doors
	for code in no-such-group group-deleting not-owner no-such-key malformed \
	    group-exists not-permitted; do
		printf '{"pvno":1,"msg-type":"ERROR","error-code":"%s",%s}' \
			$code '"skdcrealm":"home","skdcname":"skdc"' >forged
		in_enc forged >forged.enc
		for name in lock sensor; do
			run 1 fluffy-gsk accept -s $name.db <forged.enc >hint
			expect_err "hint"
			same hint forged.enc
		done
	done
	group fetch bad sensor nothing
	serve 1 bad error
	for change in '."error-code" = "group-deleting"' '."e-text" = "hello"' \
	    '.cname = "lock"' '.ext = 1'; do
		edit error "$change" >forged
		run 1 fluffy-gsk accept -s sensor.db <forged >output
		expect_err "hint"
	done
	waiting lock 2
	waiting sensor 2
	run 1 fluffy-gsk accept -s sensor.db <error >output
	expect_err "proven"
	waiting sensor 1
	serve 0 req rep
	take lock rep
	serve 0 fet dlvr
	take sensor dlvr
	for file in error rep dlvr; do
		serve 1 $file output
		[ ! -s output ] || same output $file
	done
	delete lock attic
	the_same

	chapter "types and algorithms that don't fit, $enc"
	as_before
	for change in 'kty=2' 'kty=99' 'etype=[-7]' 'etype=[4711, -37]' \
	    'kty=3, etype=[-37]'; do
		group request req lock attic
		reseal req lock.db authenticator "m['req-body'].update($change)" \
			>forged
		serve 1 forged answer
		refused_with_ack answer bad-etype
		run 1 fluffy-gsk accept -s lock.db <answer >output
	done
	for change in '{"members": 1}' '{"members": [1]}' '{"members": [""]}' \
	    '{"lifetime": 0}' '{"lifetime": -1}' '{"lifetime": 1.5}' \
	    '{"members": "all"}' '{"members": None}' '[]' None '"any"' \
	    '{"members": ["a\0"]}'; do
		group request req lock attic
		reseal req lock.db authenticator \
			"m['req-body']['grppac'] = $change" >forged
		serve 3 forged answer
		expect_err "GSK-REQ.req-body.grppac"
		refused_without_ack answer malformed
	done
	denied no-such-group fetch lock attic
	the_same
done

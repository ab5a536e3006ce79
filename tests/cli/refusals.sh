#!/bin/bash
# What the protocol refuses, each with its error and status; and an honest
# exchange after each.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl faketime
find_faketime || skip "faketime doesn't work here"

now=1800000000 # what the clocks show unless said otherwise
clock=$now

# by TIME COMMAND...: one command with another clock.
by() {
	clock=$1
	shift
	"$@"
	clock=$now
}

waiting() { # STORE COUNT
	equal "$(pending "$1")" "$2" "requests that wait"
}

# at_once FILE: the exchange goes on from this PSK-REP.
goes_on() {
	run 0 fluffy-estb -s sensor.db <"$1" >goes.estb
	run 0 fluffy-estb -s lock.db <goes.estb >goes.ack
	run 0 fluffy-estb -s sensor.db <goes.ack
	expect_err "established "
}

# serve_and_die STORE PROGRAM FILE ANSWER: the program answers, its stdin still
# open, and is killed.
serve_and_die() {
	rm -f pipe
	mkfifo pipe
	at "$clock" "$2" -s "$1" <pipe >"$4" 2>"$err" &
	local pid=$! i
	exec 7>pipe
	cat "$3" >&7
	for i in $(seq 600); do
		[ ! -s "$4" ] || break
		sleep 0.05
	done
	kill -9 $pid
	wait $pid 2>/dev/null
	exec 7>&-
	[ -s "$4" ] || fail "no answer in $i steps while stdin is open"
}

other() { # FILE: in the other encoding
	local to=json
	[ "$enc" = cbor ] || to=cbor
	run 0 fluffy-msg --to $to "$1"
}

for enc in cbor json; do
	chapter "a PSK-REQ again, $enc"
	realm "again-$enc"
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	for again in same other; do
		cp req second
		[ $again = same ] || other req >second
		run 1 fluffy-skdc -s skdc.db <second >answer
		expect_err "PSK-REQ.authenticator.nonce: was seen before"
		refused_with_ack answer replay
	done
	# a replay never ends the request: its answer may be on the way
	waiting sensor.db 1
	run 1 fluffy-estb -s sensor.db <answer >hint
	expect_err "ERROR replay"
	is hint ERROR replay
	waiting sensor.db 1
	goes_on rep
	waiting sensor.db 0
	ask req
	cat req req >twice
	run 1 fluffy-skdc -s skdc.db <twice >answers
	run 0 fluffy-msg --select msg-type=PSK-REP --to $enc answers >rep
	run 0 fluffy-msg --check --select error-code=replay answers
	goes_on rep
	honest

	chapter "a PSK-REQ again, after kill -9 of the SKDC, $enc"
	ask req
	serve_and_die skdc.db fluffy-skdc req rep
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer replay
	goes_on rep
	honest

	chapter "a PSK-ESTB again, $enc"
	exchange
	other estb >second
	for again in estb second; do
		run 1 fluffy-estb -s lock.db <$again >answer
		expect_err "PSK-ESTB.authenticator.nonce: was seen before"
		refused_without_ack answer replay
		equal "$(field answer 'has("skdcname")')" false
	done
	run 1 fluffy-estb -s sensor.db <answer >output
	run 0 fluffy-estb -s sensor.db <ack
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 0 fluffy-estb -s sensor.db <rep >estb
	serve_and_die lock.db fluffy-estb estb ack
	run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer replay
	run 0 fluffy-estb -s sensor.db <ack
	honest

	chapter "a PSK-REP and a PSK-ACK again, $enc"
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	serve_and_die sensor.db fluffy-estb rep estb
	run 1 fluffy-estb -s sensor.db <rep >output
	expect_err "PSK-REP.receipt.nonce"
	empty output
	run 0 fluffy-estb -s lock.db <estb >ack
	run 0 fluffy-estb -s sensor.db <ack
	run 1 fluffy-estb -s sensor.db <ack >output
	expect_err "PSK-ACK.ack.nonce"
	empty output
	honest

	chapter "clocks that differ, $enc"
	realm "clocks-$enc"
	for ahead in -300 300; do
		by $((now + ahead)) ask req
		run 0 fluffy-skdc -s skdc.db <req >rep
		by $((now + ahead)) run 0 fluffy-estb -s sensor.db <rep >estb
		run 0 fluffy-estb -s lock.db <estb >ack
		by $((now + ahead)) run 0 fluffy-estb -s sensor.db <ack
	done
	for ahead in -301 301 -100000 100000; do
		by $((now + ahead)) ask req
		run 1 fluffy-skdc -s skdc.db <req >answer
		expect_err "PSK-REQ.authenticator"
		refused_with_ack answer clock-skew
		waiting sensor.db 1
		run 1 fluffy-estb -s sensor.db <answer >output
		expect_err "ERROR clock-skew"
		waiting sensor.db 0
		# the service's clock
		ask req
		run 0 fluffy-skdc -s skdc.db <req >rep
		by $((now + (ahead > 0 ? 301 : -301))) \
			run 0 fluffy-estb -s sensor.db <rep >estb
		run 1 fluffy-estb -s lock.db <estb >answer
		refused_without_ack answer clock-skew
		honest
	done
	run 0 fluffy-key policy -s skdc.db --skew 5
	by $((now + 6)) ask req
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer clock-skew
	run 0 fluffy-key policy -s lock.db --skew 5
	by $((now - 5)) ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	by $((now + 6)) run 0 fluffy-estb -s sensor.db <rep >estb
	run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer clock-skew
	honest

	chapter "the edges of the replay window, $enc"
	for ahead in 0 300 -300; do
		realm window
		sent=$((now + ahead))
		by $sent ask req
		run 0 fluffy-skdc -s skdc.db <req >rep
		# other requests in between make it forget what it may
		for later in $now $((sent + 300)); do
			by "$later" ask others lock sensor
			by "$later" run 0 fluffy-skdc -s skdc.db <others >output
			by "$later" run 1 fluffy-skdc -s skdc.db <req >answer
			refused_with_ack answer replay
		done
		for later in 301 599 600 601 3000 100000; do
			by $((sent + later)) ask others lock sensor
			by $((sent + later)) run 0 fluffy-skdc -s skdc.db <others >output
			by $((sent + later)) run 1 fluffy-skdc -s skdc.db <req >answer
			refused_with_ack answer clock-skew
		done
		by $((sent + 100000)) honest
	done
	realm window
	by $((now + 300)) ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	by $((now + 300)) run 0 fluffy-estb -s sensor.db <rep >estb
	run 0 fluffy-estb -s lock.db <estb >ack
	by $((now + 599)) honest
	by $((now + 600)) run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer replay
	by $((now + 601)) run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer clock-skew
	by $((now + 601)) honest

	chapter "a wider skew doesn't bring old requests back, $enc"
	realm wider
	exchange
	for store in skdc.db lock.db; do
		by $((now + 10)) run 0 fluffy-key policy -s $store --skew 86400
	done
	by $((now + 4000)) honest
	by $((now + 8000)) honest
	by $((now + 8001)) run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer replay
	by $((now + 8001)) run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer replay
	by $((now + 8001)) honest

	chapter "keys that have ended, $enc"
	realm "ended-$enc"
	run 0 fluffy-key policy -s skdc.db --lifetime 60
	for age in 59 60 61; do
		want=$((age < 60 ? 0 : 1))
		ask req
		run 0 fluffy-skdc -s skdc.db <req >rep
		by $((now + age)) run $want fluffy-estb -s sensor.db <rep >estb
		[ $age -lt 60 ] || expect_err "PSK-REP.receipt.endtime"
		[ $age -lt 60 ] || empty estb
		[ $age -ge 60 ] || cp estb late
		ask req
		run 0 fluffy-skdc -s skdc.db <req >rep
		run 0 fluffy-estb -s sensor.db <rep >estb
		by $((now + age)) run $want fluffy-estb -s lock.db <estb >answer
		if [ $age -ge 60 ]; then
			expect_err "PSK-ESTB.mticket.enc-part.endtime"
			refused_without_ack answer expired
		fi
		[ $age -ge 60 ] || is answer PSK-ACK
		# and the last step
		exchange
		by $((now + age)) run $want fluffy-estb -s sensor.db <ack
	done
	by $((now + 61)) honest

	chapter "a clock set back, $enc"
	realm "back-$enc"
	honest
	exchange
	run 0 fluffy-estb -s sensor.db <ack
	before=$((now - 300))
	by $before honest
	before=$((now - 301))
	by $before ask req
	by $before run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer busy
	waiting sensor.db 1
	by $before run 1 fluffy-estb -s sensor.db <answer >output
	expect_err "ERROR busy"
	waiting sensor.db 1
	by $before run 0 fluffy-key policy -s skdc.db --reset-clock
	# what was refused as busy wasn't seen
	by $before run 0 fluffy-skdc -s skdc.db <req >rep
	by $before run 0 fluffy-estb -s sensor.db <rep >estb
	by $before run 1 fluffy-estb -s lock.db <estb >answer
	refused_without_ack answer busy
	by $before run 0 fluffy-key policy -s lock.db --reset-clock
	by $before run 0 fluffy-estb -s lock.db <estb >ack
	by $before run 0 fluffy-estb -s sensor.db <ack
	by $before honest

	chapter "a clock that was wrong for a moment, $enc"
	realm "moment-$enc"
	exchange
	# a day ahead, what was seen may be forgotten; and then?
	by $((now + 86400)) run 1 fluffy-skdc -s skdc.db <req >answer
	run 1 fluffy-skdc -s skdc.db <req >answer
	is answer ERROR
	by $((now + 86400)) run 1 fluffy-estb -s lock.db <estb >answer
	run 1 fluffy-estb -s lock.db <estb >answer
	is answer ERROR
	by $((now + 86400)) honest

	chapter "who may not, or isn't there, $enc"
	realm "who-$enc"
	ask req sensor nobody
	run 1 fluffy-skdc -s skdc.db <req >answer
	expect_err "PSK-REQ.req-body.spname"
	refused_with_ack answer unknown-service
	waiting sensor.db 1
	run 1 fluffy-estb -s sensor.db <answer >hint
	same hint answer
	expect_err "proven"
	waiting sensor.db 0
	ask req sensor lock --realm elsewhere
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer unknown-service
	ask req sensor skdc
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer unknown-service
	run 0 fluffy-key deny -s skdc.db sensor lock
	ask req
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer not-permitted
	run 0 fluffy-key allow -s skdc.db sensor lock
	run 0 fluffy-key policy -s skdc.db --etypes A256GCM sensor
	ask req sensor lock --etype A128GCM,AES-CCM-16-64-128
	run 1 fluffy-skdc -s skdc.db <req >answer
	expect_err "PSK-REQ.req-body.etype"
	refused_with_ack answer bad-etype
	# before existence: the order of section 6
	ask req sensor nobody --etype A128GCM
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_with_ack answer bad-etype
	run 0 fluffy-key policy -s skdc.db --etypes '' sensor
	# oneself
	ask req sensor sensor
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 0 fluffy-estb -s sensor.db <rep >estb
	run 0 fluffy-estb -s sensor.db <estb >ack
	run 0 fluffy-estb -s sensor.db <ack
	honest

	chapter "another SKDC, $enc"
	realm "skdcs-$enc"
	# one with its own name, and one that says it is ours
	run 0 fluffy-key init -s second.db --realm home second
	run 0 fluffy-key init -s away.db --realm away skdc
	run 0 fluffy-key init -s evil.db --realm home skdc
	for skdc in second away evil; do
		for name in sensor lock; do
			run 0 fluffy-key enrol -s $skdc.db $name >doc
			run 0 fluffy-key join -s $skdc-$name.db <doc
		done
		ask req $skdc-sensor lock
		if [ $skdc = evil ]; then
			run 1 fluffy-skdc -s skdc.db <req >answer
			refused_without_ack answer auth-failed
		else
			run 1 fluffy-skdc -s skdc.db <req >answer
			expect_err "PSK-REQ.req-body.skdc"
			refused_without_ack answer wrong-skdc
			run 1 fluffy-estb -s $skdc-sensor.db <answer >output
			waiting $skdc-sensor.db 1
		fi
		run 0 fluffy-skdc -s $skdc.db <req >rep
		ask mine
		run 1 fluffy-estb -s sensor.db <rep >output
		empty output
		expect_err "PSK-REP."
		waiting sensor.db 1
		run 0 fluffy-estb -s $skdc-sensor.db <rep >estb
		run 1 fluffy-estb -s lock.db <estb >answer
		if [ $skdc = evil ]; then
			refused_without_ack answer auth-failed
		else
			refused_without_ack answer wrong-skdc
		fi
		run 0 fluffy-estb -s $skdc-lock.db <estb >ack
		run 1 fluffy-estb -s sensor.db <ack >output
		run 0 fluffy-estb -s $skdc-sensor.db <ack
		# its answer to a request that it wasn't sent
		edit mine ".\"req-body\".skdcname = \"$skdc\"" >redirected
		run 1 fluffy-skdc -s $skdc.db <redirected >answer
		is answer ERROR
		run 1 fluffy-estb -s sensor.db <answer >output
		waiting sensor.db 1
		run 0 fluffy-skdc -s skdc.db <mine >rep
		goes_on rep
	done
	honest

	chapter "another device's key under a foreign name, $enc"
	realm "foreign-$enc"
	run 0 fluffy-key enrol -s skdc.db mallory >doc
	edit doc '.cname = "sensor"' >forged
	run 0 fluffy-key join -s mallory.db <forged
	ask req mallory lock
	run 1 fluffy-skdc -s skdc.db <req >answer
	expect_err "PSK-REQ.authenticator"
	refused_without_ack answer auth-failed
	edit doc '.crealm = "away"' >forged
	rm mallory.db
	run 0 fluffy-key join -s mallory.db <forged
	ask req mallory lock
	run 1 fluffy-skdc -s skdc.db <req >answer
	refused_without_ack answer auth-failed
	# its own key, under its own name, works; the kid alone doesn't
	rm mallory.db
	run 0 fluffy-key join -s mallory.db <doc
	honest_between mallory lock
	ask req mallory lock
	ask theirs sensor lock
	swap req .authenticator.unprotected.kid theirs >forged
	run 1 fluffy-skdc -s skdc.db <forged >answer
	refused_without_ack answer auth-failed
	edit req '.authenticator.unprotected.kid = "AAAAAA"' >forged
	run 1 fluffy-skdc -s skdc.db <forged >answer
	refused_without_ack answer auth-failed
	run 0 fluffy-skdc -s skdc.db <theirs >rep
	goes_on rep
	honest

	chapter "answers that are somebody else's, $enc"
	realm "answers-$enc"
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 1 fluffy-estb -s lock.db <rep >output
	empty output
	edit rep '.cname = "lock"' >forged
	for client in sensor lock; do
		run 1 fluffy-estb -s $client.db <forged >output
		empty output
	done
	# the answer to a request that this store never made
	cp sensor.db thief.db
	goes_on rep
	ask req thief
	run 0 fluffy-skdc -s skdc.db <req >rep
	ask mine
	run 1 fluffy-estb -s sensor.db <rep >output
	empty output
	waiting sensor.db 1
	# an ESTB for another service, an ACK for another client
	exchange
	run 1 fluffy-estb -s sensor.db <estb >answer
	refused_without_ack answer auth-failed
	edit estb '.mticket.spname = "sensor"' >forged
	run 1 fluffy-estb -s sensor.db <forged >answer
	refused_without_ack answer auth-failed
	run 1 fluffy-estb -s lock.db <ack >output
	empty output
	run 0 fluffy-estb -s sensor.db <ack
	# what a step doesn't take
	run 1 fluffy-estb -s sensor.db <mine >output
	empty output
	run 1 fluffy-skdc -s skdc.db <rep >output
	empty output
	run 1 fluffy-skdc -s skdc.db <ack >output
	empty output
	honest

	chapter "parts moved between messages, $enc"
	realm "moved-$enc"
	exchange
	for part in req rep estb ack; do
		cp $part $part.1
	done
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	swap rep .mticket rep.1 >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	expect_err "PSK-REP.receipt"
	swap rep '.mticket["enc-part"]' rep.1 >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	swap rep .receipt rep.1 >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	swap rep .receipt rep '.mticket["enc-part"]' >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	swap rep '.mticket["enc-part"]' rep .receipt >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	swap rep .receipt req .authenticator >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	empty output
	waiting sensor.db 1
	run 0 fluffy-estb -s sensor.db <rep >estb
	for part in .mticket '.mticket["enc-part"]' .authenticator; do
		swap estb "$part" estb.1 >forged
		run 1 fluffy-estb -s lock.db <forged >answer
		refused_without_ack answer auth-failed
	done
	edit estb 'del(.authenticator)' >forged
	run 1 fluffy-estb -s lock.db <forged >answer
	refused_without_ack answer auth-failed
	ask req lock sensor
	run 0 fluffy-skdc -s skdc.db <req >rep.2
	swap estb .mticket rep.2 >forged
	run 1 fluffy-estb -s lock.db <forged >answer
	refused_without_ack answer auth-failed
	run 0 fluffy-estb -s lock.db <estb >ack
	for part in .ack.ciphertext .ack.unprotected.iv .ack.unprotected.kid; do
		swap ack $part ack.1 >forged
		run 1 fluffy-estb -s sensor.db <forged >output
	done
	edit ack '.ack.unprotected.kid = "AAAAAAAAAAA"' >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	ask bad sensor nobody
	run 1 fluffy-skdc -s skdc.db <bad >error
	swap ack .ack error >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	empty output
	run 0 fluffy-estb -s sensor.db <ack
	run 0 fluffy-estb -s sensor.db <ack.1
	# a request's authenticator speaks for that request alone
	ask req
	for change in '.spname = "sensor"' '.etype = "A256GCM"' \
	    '.cpac = {"x": 1}' '.sprealm = "home"' '."skdc-options" = ["renew"]' \
	    '."1000" = true' '.etype = ["AES-CCM-16-64-128"]'; do
		edit req ".\"req-body\" |= ($change)" >forged
		run 1 fluffy-skdc -s skdc.db <forged >answer
		refused_without_ack answer auth-failed
	done
	edit req '.ext = {}' >forged
	run 1 fluffy-skdc -s skdc.db <forged >answer
	refused_without_ack answer auth-failed
	edit req '.unknown = 1' >forged
	run 1 fluffy-skdc -s skdc.db <forged >answer
	refused_without_ack answer auth-failed
	ask req.2
	swap req .authenticator.ciphertext req.2 >forged
	run 1 fluffy-skdc -s skdc.db <forged >answer
	refused_without_ack answer auth-failed
	run 0 fluffy-skdc -s skdc.db <req >rep
	goes_on rep
	honest

	chapter "ERRORs that anybody could have made, $enc"
	realm "errors-$enc"
	ask req
	run 0 fluffy-skdc -s skdc.db <req >rep
	for code in malformed auth-failed unknown-service not-permitted \
	    expired internal; do
		printf '{"pvno":1,"msg-type":"ERROR","error-code":"%s",%s}' \
			$code '"skdcrealm":"home","skdcname":"skdc"' >forged
		in_enc forged >forged.enc
		run 1 fluffy-estb -s sensor.db <forged.enc >hint
		expect_err "ERROR $code"
		expect_err "hint"
		same hint forged.enc
		waiting sensor.db 1
	done
	printf '{"pvno":1,"msg-type":"ERROR","error-code":4711}' >forged
	in_enc forged >forged.enc
	run 1 fluffy-estb -s sensor.db <forged.enc >hint
	same hint forged.enc
	# one with an ack, for another request, and one that was changed
	ask other sensor nobody
	run 1 fluffy-skdc -s skdc.db <other >error
	for change in '."error-code" = "not-permitted"' '."e-text" = "hello"' \
	    '.cname = "lock"' 'del(.skdcname)' '.ext = 1'; do
		edit error "$change" >forged
		run 1 fluffy-estb -s sensor.db <forged >output
		expect_err "hint"
		waiting sensor.db 2
	done
	run 1 fluffy-estb -s sensor.db <error >output
	expect_err "proven"
	waiting sensor.db 1
	run 1 fluffy-estb -s sensor.db <error >output
	expect_err "hint"
	swap error .ack rep .receipt >forged
	run 1 fluffy-estb -s sensor.db <forged >output
	waiting sensor.db 1
	# nor does a service's ERROR end anything
	run 0 fluffy-estb -s sensor.db <rep >estb
	edit estb '.cname = "lock"' >forged
	run 1 fluffy-estb -s lock.db <forged >answer
	run 1 fluffy-estb -s sensor.db <answer >output
	expect_err "hint"
	# an ERROR is never answered
	run 1 fluffy-skdc -s skdc.db <error >output
	[ ! -s output ] || same output error
	run 0 fluffy-estb -s lock.db <estb >ack
	run 0 fluffy-estb -s sensor.db <ack
	honest

	chapter "an ERROR passes through the pipeline, $enc"
	at $now fluffy-req -s sensor.db --$enc nobody | at $now fluffy-skdc -s skdc.db 2>skdc.err | at $now fluffy-estb -s sensor.db 2>first.err | at $now fluffy-estb -s lock.db 2>second.err | at $now fluffy-estb -s sensor.db >last.out 2>"$err"
	equal "${PIPESTATUS[*]}" "0 1 1 1 1"
	judge 1 1 pipeline
	has skdc.err "nobody"
	has first.err "ERROR unknown-service (proven"
	has second.err "ERROR unknown-service"
	expect_err "ERROR unknown-service"
	equal "$(wc -l <"$err" | tr -d ' ')" 1 "one line per error"
	is last.out ERROR unknown-service
	# and a service's refusal reaches the client
	exchange
	at $now fluffy-estb -s lock.db <estb 2>/dev/null | at $now fluffy-estb -s sensor.db >last.out 2>"$err"
	equal "${PIPESTATUS[*]}" "1 1"
	expect_err "ERROR replay"
	is last.out ERROR replay
	honest
done

#!/bin/bash
# When the system fails: nothing that was promised is lost, nothing half-written
# is found, and afterwards all is as if it hadn't happened.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl

# The base: a realm and one exchange, each of whose steps is still to be done.
# req: answered by nobody; req1, rep1; req2, rep2, estb2; ...; and documents.
chapter "the base"
realm base
device camera
# however slow the machine is, what was asked for here is still to be answered
for store in skdc sensor lock; do
	run 0 fluffy-key policy -s $store.db --skew 86400
done
honest
ask req
ask req1
run 0 fluffy-skdc -s skdc.db <req1 >rep1
for i in 2 3; do
	ask req$i
	run 0 fluffy-skdc -s skdc.db <req$i >rep$i
	run 0 fluffy-estb -s sensor.db <rep$i >estb$i
done
run 0 fluffy-estb -s lock.db <estb3 >ack3
run 0 fluffy-key rotate -s skdc.db camera >rotated
run 0 fluffy-key enrol -s skdc.db new >enrolled
camera_kid=$(fluffy-key list -s camera.db | awk '/^secret/ { print $3 }')
camera_key=$(key_of camera.db "$camera_kid")
honest_key=$(key_of sensor.db "$keyid")
honest_keyid=$keyid
# Of groups, deletions and pairs too: greq is answered by nobody, and grep,
# dlvr, prep and delts are to be taken.
honest
deleted_key=$(key_of sensor.db "$keyid")
deleted=$keyid
run 0 fluffy-del request -s skdc.db "$deleted" >delts
obtain request lock doors --members sensor
obtain renew lock doors
group fetch fet sensor doors
serve 0 fet dlvr
group request req4 lock attic
serve 0 req4 grep
group request greq lock yard
run 0 fluffy-pkp request -s sensor.db --kty EC --alg ES256 --for lock >preq
serve 0 preq prep

# Every way to write something: "STDIN|COMMAND".
writers=(
	"|fluffy-req -s sensor.db lock"
	"req|fluffy-skdc -s skdc.db"
	"rep1|fluffy-estb -s sensor.db"
	"estb2|fluffy-estb -s lock.db"
	"|fluffy-gsk request -s lock.db loft"
	"|fluffy-gsk fetch -s sensor.db doors"
	"|fluffy-gsk delete -s lock.db doors"
	"greq|fluffy-skdc -s skdc.db"
	"delts|fluffy-del accept -s sensor.db"
	"|fluffy-del pending -s skdc.db"
	"|fluffy-del pending -s skdc.db --resend"
	"|fluffy-del request -s skdc.db $deleted"
	"|fluffy-pkp request -s lock.db --kty OKP --alg EdDSA"
	"prep|fluffy-pkp accept -s sensor.db"
	"|fluffy-key group -s skdc.db"
	"|fluffy-key enrol -s skdc.db another"
	"|fluffy-key rotate -s skdc.db lock"
	"|fluffy-key list -s skdc.db"
	"|fluffy-key list --json -s sensor.db"
	"|fluffy-key policy -s skdc.db"
	"|fluffy-key export -s sensor.db --as hex $honest_keyid"
	"req|fluffy-msg"
	"req|fluffy-msg --to cbor"
	"|fluffy-msg --schema"
	"|fluffy-key --help"
	"|fluffy-skdc --version"
	"|fluffy-estb --completion bash"
)

# each_writer HOW: the function HOW runs "$@" with stdin from "in" and a broken
# stdout. Afterwards the device isn't enrolled whose key nobody has.
each_writer() {
	local writer stdin
	for writer in "${writers[@]}"; do
		stdin=${writer%%|*}
		# shellcheck disable=SC2086 # the words of a command
		"$1" "${stdin:-/dev/null}" ${writer#*|}
	done
	run 0 fluffy-key list -s skdc.db >listing
	has_not listing home/another
	honest
}

# What was promised before stdout failed is kept, not done a second time.
promises() {
	run 1 fluffy-skdc -s skdc.db <req >answer
	is answer ERROR replay
	run 1 fluffy-estb -s sensor.db <rep1 >answer
	run 1 fluffy-estb -s lock.db <estb2 >answer
	is answer ERROR replay
	run 0 fluffy-estb -s sensor.db <ack3
	run 1 fluffy-skdc -s skdc.db <greq >answer
	is answer ERROR replay
	# what was erased is confirmed once more
	gone "$deleted_key" sensor.db
	run 0 fluffy-del accept -s sensor.db <delts >delc
	expect_err "confirmed without having"
	serve 0 delc answer
	empty answer
	run 1 fluffy-pkp accept -s sensor.db <prep >answer
	empty answer
	honest_group
}

chapter "stdout is closed"
refresh closed
each_writer closed
promises
chapter "stdout is full"
refresh full
each_writer full
promises
chapter "nobody reads stdout"
refresh unread
each_writer unread
promises
for _ in $(seq 300); do
	cat req
done >many
{
	fluffy-skdc -q -s skdc.db <many 2>"$err"
	echo $? >status
} | head -c 1 >output
judge_any 1 4 -- "$(cat status)" "fluffy-skdc | head -c 1"
chapter "stderr is closed, or full"
refresh silent
for how in closed full; do
	for command in "fluffy-skdc -s skdc.db" "fluffy-estb -s sensor.db"; do
		: >"$err"
		# shellcheck disable=SC2086 # the words of a command
		if [ $how = closed ]; then
			$command <rep3 >output 2>&-
		else
			$command <rep3 >output 2>/dev/full
		fi
		judge 1 $? "$command, stderr $how"
	done
	got=0
	fluffy-req -q -s sensor.db lock 2>&- >output || got=$?
	judge 0 $got "fluffy-req 2>&-"
	is output PSK-REQ
done
# a file that is opened doesn't become stderr
fluffy-key enrol -v -s skdc.db -o doc another <&- 2>&- >&-
judge 0 $? "fluffy-key enrol -o, all closed"
is doc ENROL
run 0 fluffy-key join -s another.db <doc
honest_between another lock
fluffy-msg -v --to cbor -o copy req 2>&-
judge 0 $? "fluffy-msg -o, stderr closed"
same copy req
honest

chapter "stdin is closed, or a directory"
refresh stdin
for command in "fluffy-skdc -s skdc.db" "fluffy-estb -s sensor.db" \
    "fluffy-key join -s none.db" fluffy-msg "fluffy-msg --from hex"; do
	# shellcheck disable=SC2086
	{
		broken $command <&- >output
		empty output
		broken $command <. >output
		empty output
		got=0
		$command <&- >&- 2>&- || got=$?
		: >"$err"
		judge 4 $got "$command <&- >&- 2>&-"
	}
done
got=0
fluffy-req -s sensor.db lock <&- >output 2>&- || got=$?
judge 0 $got "fluffy-req <&- 2>&-"
is output PSK-REQ
[ ! -e none.db ] || fail "a store of nothing"
honest

chapter "what isn't a store"
refresh wrong
: >empty
echo "not a store" >text
head -c 100000 /dev/zero >zeros
head -c 60 sensor.db >short
head -c 5000 sensor.db >half
mkfifo fifo
mkdir directory
ln -s none dangling
wrongs=(none empty text zeros short half fifo directory dangling /dev/null
	none/x text/x)
if have sqlite3; then
	sqlite3 other 'CREATE TABLE party (x); INSERT INTO party VALUES (1)'
	cp sensor.db newer
	sqlite3 newer 'PRAGMA user_version = 99' >output
	cp sensor.db older
	sqlite3 older 'PRAGMA user_version = 0' >output
	wrongs+=(other newer older)
fi
for wrong in "${wrongs[@]}"; do
	[ ! -f "$wrong" ] || cp "$wrong" before
	for command in "fluffy-req lock" fluffy-skdc fluffy-estb \
	    "fluffy-key list" "fluffy-key enrol x" "fluffy-key policy --skew 5" \
	    "fluffy-key remove x" "fluffy-key export --as hex 00" \
	    "fluffy-key deny x y" "fluffy-key rotate x"; do
		# shellcheck disable=SC2086
		broken $command -s "$wrong" <req >output
		empty output
	done
	broken fluffy-msg -s "$wrong" req >output
	empty output
	if [ "$wrong" != none ]; then
		broken fluffy-key join -s "$wrong" <enrolled
		broken fluffy-key init -s "$wrong" --realm home x
	fi
	[ ! -f "$wrong" ] || same "$wrong" before
	for beside in "$wrong"-wal "$wrong"-shm "$wrong"-journal; do
		[ ! -e "$beside" ] || fail "$beside was left"
	done
done
[ ! -e none ] || fail "none is there"
if have sqlite3; then
	run 4 fluffy-key list -s newer
	expect_err "newer"
fi
honest

chapter "a store that is damaged"
for ((at = 0; at < $(size sensor.db); at += 1531)); do
	cp sensor.db damaged.db
	printf '\377\377\377\377\377\377\377\377' |
		dd of=damaged.db bs=1 seek=$at conv=notrunc status=none
	for command in "fluffy-key list" fluffy-estb; do
		got=0
		# shellcheck disable=SC2086
		$command -s damaged.db <rep1 >output 2>"$err" || got=$?
		judge_any 0 1 4 -- $got "$command, damaged at $at"
	done
	rm -f damaged.db*
done
honest

# ---- the disk --------------------------------------------------------------

chapter "the disk is full"
if on_small 1m; then
	for free in 0 4 8 12 16 20 24 32 40 48 64 96; do
		rm -rf ./*
		cp -a ../base/. .
		to_the_brim $free
		for step in "|fluffy-req -s sensor.db lock" \
		    "req|fluffy-skdc -s skdc.db" "rep1|fluffy-estb -s sensor.db" \
		    "estb2|fluffy-estb -s lock.db" "ack3|fluffy-estb -s sensor.db" \
		    "|fluffy-key enrol -s skdc.db another" \
		    "|fluffy-key enrol -s skdc.db -o doc another2" \
		    "|fluffy-key init -s more.db --realm home more" \
		    "enrolled|fluffy-key join -s new.db" \
		    "rotated|fluffy-key join -s camera.db" \
		    "grep|fluffy-gsk accept -s lock.db" \
		    "dlvr|fluffy-gsk accept -s sensor.db" \
		    "delts|fluffy-del accept -s sensor.db" \
		    "prep|fluffy-pkp accept -s sensor.db" \
		    "|fluffy-key deny -s skdc.db sensor camera" \
		    "|fluffy-key list -s skdc.db"; do
			stdin=${step%%|*}
			got=0
			name=${step#*|fluffy-}
			# shellcheck disable=SC2086
			${step#*|} <"${stdin:-/dev/null}" >"$scratch/output" \
				2>"$err" || got=$?
			judge_any 0 4 -- $got "${step#*|}, $free KiB free"
			# what failed isn't half there
			case $name in
			skdc*)
				[ $got = 0 ] || [ ! -s "$scratch/output" ] ||
					is "$scratch/output" ERROR internal
				cp "$scratch/output" "$scratch/answer"
				asked=$got
				;;
			"estb -s lock"*)
				[ $got = 0 ] || [ ! -s "$scratch/output" ] ||
					is "$scratch/output" ERROR internal
				told=$got
				;;
			"del accept"*)
				confirmed=$got
				[ $got = 0 ] || empty "$scratch/output"
				[ $got = 4 ] || gone "$deleted_key" sensor.db
				;;
			"gsk accept -s lock"*)
				empty "$scratch/output"
				taken=$got
				;;
			"pkp accept"*)
				[ $got = 0 ] || empty "$scratch/output"
				paired=$got
				;;
			"key init"*)
				[ $got = 0 ] || [ ! -e more.db ] ||
					fail "half a store"
				;;
			"key join -s new"*)
				[ $got = 0 ] || [ ! -e new.db ] ||
					fail "half a store"
				;;
			"key enrol"*" -o "*)
				[ $got = 0 ] || [ ! -e doc ] ||
					fail "half a document"
				;;
			esac
		done
		! ls .fluffy-* 2>/dev/null || fail "something was left"
		rm fill
		# where the step failed nothing was done, and it can be repeated
		if [ "$asked" = 4 ]; then
			run 0 fluffy-skdc -s skdc.db <req >rep
			run 0 fluffy-estb -s sensor.db <rep >estb
			run 0 fluffy-estb -s lock.db <estb >ack
			run 0 fluffy-estb -s sensor.db <ack
		else
			run 1 fluffy-skdc -s skdc.db <req >answer
			is answer ERROR replay
		fi
		run $((told == 4 ? 0 : 1)) fluffy-estb -s lock.db <estb2 >answer
		run $((taken == 4 ? 0 : 1)) fluffy-gsk accept -s lock.db <grep
		run $((paired == 4 ? 0 : 1)) fluffy-pkp accept -s sensor.db \
			<prep >answer
		run 0 fluffy-del accept -s sensor.db <delts >delc
		expect_err "$([ "$confirmed" = 4 ] && echo erased ||
			echo confirmed without)"
		gone "$deleted_key" sensor.db
		honest
		honest_between camera lock
		[ "$free$asked" != 04 ] || zero_failed=yes
	done
	[ "${zero_failed-}" = yes ] || fail "the disk wasn't full"
	off_small
else
	echo "skipped: no tmpfs can be mounted"
fi

chapter "a file may not grow"
refresh limited
for kib in 0 1 4 16 68 72; do
	for step in "|fluffy-req -s sensor.db lock" "req|fluffy-skdc -s skdc.db" \
	    "estb2|fluffy-estb -s lock.db" \
	    "|fluffy-key init -s more.db --realm home more"; do
		stdin=${step%%|*}
		got=0
		(
			trap '' XFSZ
			ulimit -f $kib
			# shellcheck disable=SC2086
			exec ${step#*|} <"${stdin:-/dev/null}" 2>&1 |
				cat >/dev/null
			exit "${PIPESTATUS[0]}"
		) || got=$?
		: >"$err"
		judge_any 0 1 4 -- $got "${step#*|}, ulimit -f $kib"
	done
	rm -f more.db
done
honest

# read_only: nothing can be written here.
read_only() {
	for step in "|fluffy-req -s sensor.db lock" "req|fluffy-skdc -s skdc.db" \
	    "rep1|fluffy-estb -s sensor.db" "estb2|fluffy-estb -s lock.db" \
	    "grep|fluffy-gsk accept -s lock.db" \
	    "dlvr|fluffy-gsk accept -s sensor.db" \
	    "delts|fluffy-del accept -s sensor.db" \
	    "prep|fluffy-pkp accept -s sensor.db" \
	    "|fluffy-del request -s skdc.db $deleted" \
	    "|fluffy-key group -s skdc.db doors --add camera" \
	    "|fluffy-key enrol -s skdc.db another" \
	    "|fluffy-key remove -s sensor.db $honest_keyid" \
	    "|fluffy-key policy -s skdc.db --skew 5" \
	    "rotated|fluffy-key join -s camera.db"; do
		stdin=${step%%|*}
		# shellcheck disable=SC2086
		run 4 "$@" ${step#*|} <"${stdin:-/dev/null}" >"$scratch/output"
		empty "$scratch/output"
	done
	# looking is no writing
	for store in skdc.db sensor.db; do
		run 0 "$@" fluffy-key list -s $store >"$scratch/output"
		has "$scratch/output" home/
		run 0 "$@" fluffy-msg --check -s $store rep1
	done
	run 0 "$@" fluffy-key export -s sensor.db --as hex "$honest_keyid" \
		>"$scratch/output"
	equal "$(cat "$scratch/output")" "$honest_key"
}

chapter "a file system for reading only"
if on_small 2m; then
	if mount -o remount,ro "$mounted" 2>/dev/null; then
		read_only
		run 4 fluffy-key init -s more.db --realm home more
		run 4 fluffy-key join -s new.db <enrolled
		mount -o remount,rw "$mounted"
		honest
	fi
	off_small
fi

chapter "files and directories for reading only"
refresh readonly
reader=()
if [ "$(id -u)" = 0 ]; then
	# permissions don't hold root back
	reader=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	chmod 755 "$scratch" .
	chown -R 65534:65534 .
fi
if "${reader[@]}" fluffy-key list -s sensor.db >output 2>"$err"; then
	chmod 400 ./*.db
	chmod 500 .
	read_only "${reader[@]}"
	chmod 700 .
	read_only "${reader[@]}"
	chmod 600 ./*.db
	chmod 500 .
	run 4 "${reader[@]}" fluffy-key init -s more.db --realm home more
	run 4 "${reader[@]}" fluffy-key join -s new.db <enrolled
	run 4 "${reader[@]}" fluffy-req -s sensor.db lock >"$scratch/output"
	empty "$scratch/output"
	run 0 "${reader[@]}" fluffy-key list -s sensor.db >"$scratch/output"
	chmod 000 ./*.db
	run 4 "${reader[@]}" fluffy-key list -s sensor.db >"$scratch/output"
	chmod 700 .
	chmod 600 ./*.db
else
	echo "skipped: no other user can run the programs"
fi
[ "$(id -u)" != 0 ] || chown -R 0:0 .
honest

# ---- others at work -----------------------------------------------------------

# Ten seconds of waiting, in which other chapters go on.
chapter "a store that is locked"
locked=()
if have sqlite3; then
	refresh locked
	mkfifo commands
	sqlite3 skdc.db <commands >sqlite.log 2>&1 &
	exec 8>commands
	mkfifo commands2
	sqlite3 lock.db <commands2 >sqlite2.log 2>&1 &
	exec 9>commands2
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&8
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&9
	for _ in $(seq 200); do
		[ ! -s sqlite.log ] || [ ! -s sqlite2.log ] || break
		sleep 0.05
	done
	has sqlite.log held
	# who only looks isn't kept waiting
	run 0 fluffy-key list -s skdc.db >output
	fluffy-skdc -s skdc.db <req >locked.1 2>locked.1.err &
	locked+=($!)
	fluffy-key enrol -s skdc.db another >locked.2 2>locked.2.err &
	locked+=($!)
	fluffy-estb -s lock.db <estb2 >locked.3 2>locked.3.err &
	locked+=($!)
	fluffy-key remove -s skdc.db camera >locked.4 2>locked.4.err &
	locked+=($!)
else
	echo "skipped: sqlite3 is missing"
fi

chapter "somebody reads while a key is to be erased"
reading=
if have sqlite3; then
	refresh reading
	mkfifo commands
	sqlite3 sensor.db <commands >sqlite.log 2>&1 &
	reading=$!
	exec 6>commands
	echo "BEGIN; SELECT count(*) FROM sqlite_schema;" >&6
	for _ in $(seq 200); do
		[ ! -s sqlite.log ] || break
		sleep 0.05
	done
	[ -s sqlite.log ] || fail "sqlite3 doesn't read"
	fluffy-key remove -s sensor.db "$honest_keyid" >removed 2>removed.err &
	removing=$!
fi

chapter "eight pipelines at once"
refresh eight
for i in 1 2 3 4; do
	device c$i
done
pids=()
for i in 1 2 3 4 5 6 7 8; do
	client=c$i
	[ $i -le 4 ] || client=sensor
	(
		fluffy-req -s $client.db lock | fluffy-skdc -s skdc.db |
			fluffy-estb -s $client.db | fluffy-estb -s lock.db |
			fluffy-estb -s $client.db >end.$i
		[ "${PIPESTATUS[*]}" = "0 0 0 0 0" ]
	) 2>err.$i &
	pids+=($!)
done
for i in 1 2 3 4 5 6 7 8; do
	got=0
	wait "${pids[i - 1]}" || got=$?
	cp err.$i "$err"
	judge 0 $got "pipeline $i"
	expect_err "established"
	empty end.$i
done
cat err.? >all
equal "$(sed -n 's/.*established \([0-9a-f]*\) .*/\1/p' all | sort -u | wc -l |
	tr -d ' ')" 8 "distinct keyids"
honest

chapter "eight at once want the same"
refresh race
for step in "req fluffy-skdc skdc.db PSK-REP" "rep1 fluffy-estb sensor.db PSK-ESTB" \
    "estb2 fluffy-estb lock.db PSK-ACK"; do
	read -r file program store type <<<"$step"
	cp "$file" in
	race "$program" -s "$store"
	equal "$(cat statuses)" " 1 0 7 1 " "statuses of $program"
	cat out.? >outs
	equal "$(fluffy-msg --to json outs | grep -c "\"$type\"")" 1 "only one $type"
done
: >in
race fluffy-key enrol -s skdc.db twin
equal "$(cat statuses)" " 1 0 7 1 "
race fluffy-key init -s once.db --realm home once
equal "$(cat statuses)" " 1 0 7 4 "
run 0 fluffy-key list -s once.db >listing
cp enrolled in
race fluffy-key join -s new.db
[[ "$(cat statuses)" == " 1 0 "* ]] || fail "joins: $(cat statuses)"
honest_between new lock
honest

# ---- what they say and show -------------------------------------------------------

chapter "no key in arguments, environment or errors"
refresh secrets
if [ -r /proc/self/environ ]; then
	mkfifo pipe
	fluffy-skdc -s skdc.db <pipe >output 2>"$err" &
	pid=$!
	exec 7>pipe
	cat req >&7
	for _ in $(seq 200); do
		[ ! -s output ] || break
		sleep 0.05
	done
	cat /proc/$pid/cmdline /proc/$pid/environ >seen
	equal "$(stat -c %a skdc.db skdc.db-wal skdc.db-shm 2>/dev/null | sort -u)" 600
	exec 7>&-
	wait $pid
	! holds "$camera_key" seen || fail "a key"
	has_not seen "$camera_key"
	has_not seen "$(base64url "$camera_key")"
fi
run 0 fluffy-msg --to json enrolled >enrolled.json
secret=$(jq -r .keydata.key enrolled.json)
hex=$(printf '%s==' "$secret" | tr -- -_ +/ | base64 -d | hex_of -)
jq -c '., (.keydata.alg = "A256GCM"), (.keydata.alg = .keydata.key),
	(.cname = .keydata.key | .skdcname = "x"), (.keydata.key += "A"),
	(.keydata.key += "!"), (.keydata.kty = .keydata.key),
	(.keydata.keyops = [.keydata.key]), (.keydata.keyid = .keydata.key),
	(.keydata = .keydata.key), (.keydata.key = [.keydata.key]),
	(.keydata.key = {"key": .keydata.key}), (.keydata[.keydata.key] = 1),
	(.keydata.secret = .keydata.key), (.pvno = .keydata.key),
	(.keydata |= del(.alg)), (.keydata.key |= .[1:])' enrolled.json >leaks
sed 's/"key":"\(.*\)"/"key":"\1/' enrolled.json >>leaks
sed "s/$secret/$secret\\\\x/" enrolled.json >>leaks
while read -r line; do
	printf '%s\n' "$line" >leak
	for command in "fluffy-key join -v -s camera.db" "fluffy-msg --check -v" \
	    "fluffy-key join --errors json -v -s x.db" "fluffy-skdc -s skdc.db" \
	    "fluffy-estb -s sensor.db"; do
		got=0
		# shellcheck disable=SC2086
		$command <leak >output 2>"$err" || got=$?
		judge $got $got "$command"
		has_not "$err" "${hex:2}"
		has_not output "${hex:2}"
		# as a name it is anybody's
		case $line in
		*'"cname":"'"$secret"*) ;;
		*)
			has_not "$err" "${secret:1}"
			has_not output "${secret:1}"
			;;
		esac
	done
done <leaks
honest

# ---- those who waited ---------------------------------------------------------------

chapter "the locked store, ten seconds later"
if have sqlite3; then
	cd "$scratch/locked" || exit 99
	for i in 1 2 3 4; do
		got=0
		wait "${locked[i - 1]}" || got=$?
		cp locked.$i.err "$err"
		judge 4 $got "with a locked store"
		expect_err "locked"
	done
	is locked.1 ERROR internal
	empty locked.2
	is locked.3 ERROR internal
	echo "COMMIT;" >&8
	exec 8>&-
	# who comes while it's locked a moment only is served
	fluffy-estb -s lock.db <estb2 >ack 2>waited.err &
	waiting=$!
	sleep 1
	echo "COMMIT;" >&9
	exec 9>&-
	got=0
	wait $waiting || got=$?
	cp waited.err "$err"
	judge 0 $got "fluffy-estb, after a wait"
	run 0 fluffy-estb -s sensor.db <ack
	# nothing was seen of what couldn't be done
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 0 fluffy-estb -s sensor.db <rep >estb
	run 0 fluffy-key list -s skdc.db >listing
	has_not listing home/another
	has listing home/camera
	honest
fi

chapter "the erased key, once nobody reads"
if [ -n "$reading" ]; then
	cd "$scratch/reading" || exit 99
	got=0
	wait "$removing" || got=$?
	cp removed.err "$err"
	judge_any 0 4 -- $got "remove while somebody reads"
	[ $got = 4 ] || gone "$honest_key" sensor.db
	echo "COMMIT;" >&6
	exec 6>&-
	wait $reading
	got=0
	fluffy-key remove -s sensor.db "$honest_keyid" 2>"$err" || got=$?
	judge_any 0 1 -- $got "remove again"
	gone "$honest_key" sensor.db
	honest
fi

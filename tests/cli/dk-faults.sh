#!/bin/bash
# When the system fails a trust anchor, a resource server or a client: a number
# is given out once and taken once, whatever is killed, full or broken.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl openssl sqlite3

# ---- numbers ---------------------------------------------------------------------

# number_in FILE: of its DK-CRED or DK-CERT
number_in() {
	field "$1" 'if has("maccert") then .maccert else ."psk-identity" end' |
		perl -MMIME::Base64 -ne 'chomp; if (/^DK\..*\.(\d+)$/) { print $1 }
		else { tr,-_,+/,; print unpack("N", substr(decode_base64($_), -38, 4)) }'
}

# whole FILE: does it hold a document?
whole() {
	[ -s "$1" ] && fluffy-msg --check "$1" 2>/dev/null
}

# next_is_above NUMBER: what the TA gives out from now on
next_is_above() {
	local n
	run 0 fluffy-dk issue -s ta.db lamp C >next
	n=$(number_in next)
	[ "$n" -gt "$1" ] || fail "number $n after $1"
}

# Numbers 3 and 5 are taken and 4 is revoked; nothing makes them fresh again.
# A new key has new numbers, but then the old keys are worth nothing.
nothing_is_fresh_again() {
	local n got
	for n in 3 4 5; do
		got=0
		fluffy-dk derive -s lamp.db --show-keys DK.TA.C.$n >output \
			2>"$err" || got=$?
		judge_any 0 1 -- $got "derive $n"
		[ $got = 1 ] || [ "$(cat output)" != "${keys[n]}" ] ||
			fail "number $n is fresh again"
	done
	run 0 fluffy-dk derive -s lamp.db DK.TA.C.6
}

# ---- the base: each step is still to be done ---------------------------------------

chapter "the base"
enter base
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out phone.key \
	2>"$err"
openssl pkey -in phone.key -pubout -out phone.pem
run 0 fluffy-dk provision -s ta.db lamp >prov
run 0 fluffy-dk join -s lamp.db <prov >lamp.pem
run 0 fluffy-dk trust -s ta.db lamp <lamp.pem
for i in 1 2 3 4 5; do
	run 0 fluffy-dk issue -s ta.db lamp C >cred$i
	run 0 fluffy-dk derive -s lamp.db --show-keys DK.TA.C.$i >output
	keys[i]=$(cat output)
done
run 0 fluffy-dk certify -s ta.db lamp C <phone.pem >cert6
run 0 fluffy-dk join -s phone.db <cred1
run 0 fluffy-dk revoke -s ta.db lamp 4 >rvk
run 0 fluffy-dk accept -s lamp.db <rvk
run 0 fluffy-dk revoke -s ta.db lamp 1 >rvk1
# as a session would
sqlite3 lamp.db "UPDATE anchor SET seq = 5,
	bits = CAST(x'05' || substr(bits, 2) AS BLOB)" 2>"$err" || fail "sqlite3"
# what comes next from the TA: another key for the lamp
mkdir other
cp ta.db other/ta.db
run 0 fluffy-dk provision -s other/ta.db lamp >prov2
run 0 fluffy-dk issue -s other/ta.db lamp C >output
rm -r other
nothing_is_fresh_again

# Every way to write something: "STDIN|COMMAND".
writers=(
	"|fluffy-dk issue -s ta.db lamp C"
	"phone.pem|fluffy-dk certify -s ta.db lamp C"
	"|fluffy-dk revoke -s ta.db lamp 2"
	"prov2|fluffy-dk join -s lamp.db"
	"cert6|fluffy-dk verify -s lamp.db"
	"|fluffy-dk derive -s lamp.db --show-keys DK.TA.C.7"
	"|fluffy-dk window -s ta.db"
	"|fluffy-dk window -s lamp.db --json"
	"|fluffy-dk provision -s ta.db gate"
	"|fluffy-dk --help"
	"|fluffy-dk issue --version"
	"|fluffy-dk --completion bash"
)

for how in closed full unread; do
	chapter "stdout is $how"
	refresh $how
	for writer in "${writers[@]}"; do
		stdin=${writer%%|*}
		# shellcheck disable=SC2086 # the words of a command
		$how "${stdin:-/dev/null}" ${writer#*|}
	done
	# two numbers are lost, and given to nobody else
	next_is_above 8
	# a key that didn't arrive isn't the key of two
	run 0 fluffy-dk provision -s ta.db gate >prov3
	run 0 fluffy-dk join -s gate.db <prov3 >gate.pem
	run 0 fluffy-dk issue -s ta.db gate C >cred
	run 0 fluffy-dk derive -s gate.db DK.TA.C.1
	nothing_is_fresh_again
	run 1 fluffy-dk join -s lamp.db <prov2
done
expect_err "joined before"

chapter "a file that can't be written costs no number"
refresh file
for path in none/file . phone.key; do
	broken fluffy-dk issue -s ta.db -o $path lamp C
	broken fluffy-dk certify -s ta.db -o $path lamp C <phone.pem
	broken fluffy-dk provision -s ta.db -o $path lamp
done
run 0 fluffy-dk issue -s ta.db lamp C >next
equal "$(number_in next)" 7
run 0 fluffy-dk derive -s lamp.db --show-keys DK.TA.C.7 >output
equal "$(cat output)" "$(fluffy-msg --show-keys next |
	sed -n 's/^ *key: *\([0-9a-f]*\).*/\1/p')" "the key was made anew"

chapter "another process keeps the log from being emptied"
refresh reader
for store in ta lamp; do
	rm -f orders held
	mkfifo orders
	sqlite3 $store.db <orders >held &
	exec 9>orders
	echo 'BEGIN; SELECT * FROM party;' >&9
	until [ -s held ]; do sleep 0.05; done
	case $store in
	ta) run 4 fluffy-dk provision -s ta.db -o new lamp ;;
	lamp) run 4 fluffy-dk join -s lamp.db <new >new.pem ;;
	esac
	expect_err "still in the store's log"
	exec 9>&-
	wait
done
run 0 fluffy-dk trust -s ta.db lamp <new.pem
run 0 fluffy-dk issue -s ta.db lamp C >cred
run 0 fluffy-dk derive -s lamp.db "DK.TA.C.$(number_in cred)"

# ---- what stays so ----------------------------------------------------------------

# still_true NAME: what must be so after the step was done, or wasn't.
# "out" is what came of it.
still_true() {
	case $1 in
	issue | certify)
		if whole out; then
			next_is_above "$(number_in out)"
		else
			next_is_above 6
		fi
		;;
	revoke)
		[ -s out ] || run 0 fluffy-dk revoke -s ta.db lamp 2 >out
		run 0 fluffy-dk accept -s lamp.db <out
		run 1 fluffy-dk derive -s lamp.db DK.TA.C.2
		;;
	provision)
		# either key is whole, and its numbers are its own
		if [ ! -s out ]; then
			run 0 fluffy-dk provision -s ta.db lamp >out
		fi
		run 0 fluffy-dk join -s lamp.db <out >output
		same output lamp.pem
		run 0 fluffy-dk issue -s ta.db lamp C >next
		equal "$(number_in next)" 1
		run 0 fluffy-dk derive -s lamp.db DK.TA.C.1
		;;
	first)
		[ -s out ] || run 0 fluffy-dk provision -s new.db lamp >out
		run 0 fluffy-dk join -s new-lamp.db <out >output
		run 0 fluffy-dk issue -s new.db lamp C >next
		run 0 fluffy-dk derive -s new-lamp.db DK.TA.C.1
		;;
	trust)
		run 0 fluffy-dk trust -s ta.db lamp <lamp.pem
		run 0 fluffy-dk certify -s ta.db lamp C <phone.pem >next
		;;
	join)
		got=0
		fluffy-dk join -s lamp.db <prov2 >again 2>"$err" || got=$?
		judge_any 0 1 -- $got "join again"
		run 0 fluffy-dk derive -s lamp.db --show-keys DK.TA.C.5 >output
		;;
	server)
		[ -e new.db ] || run 0 fluffy-dk join -s new.db <prov >out
		run 0 fluffy-dk derive -s new.db DK.TA.C.1
		;;
	accept)
		run 0 fluffy-dk accept -s lamp.db <rvk1
		run 1 fluffy-dk derive -s lamp.db DK.TA.C.1
		;;
	client)
		got=0
		fluffy-dk join -s phone.db <cred2 2>"$err" || got=$?
		judge_any 0 1 -- $got "join again"
		equal "$(fluffy-dk window -s phone.db --json |
			jq -c 'map(.number)')" '[1,2]'
		;;
	pair)
		got=0
		fluffy-dk join -s phone.db --key phone.key <cert6 2>"$err" ||
			got=$?
		judge_any 0 1 -- $got "join again"
		equal "$(fluffy-dk window -s phone.db --json |
			jq -c 'map(.number)')" '[1,6]'
		;;
	esac
	for store in ta.db lamp.db phone.db; do
		run 0 fluffy-dk window -s $store >output
	done
	[ "$1" = provision ] || nothing_is_fresh_again
}

steps=(
	"issue||fluffy-dk issue -s ta.db lamp C"
	"certify|phone.pem|fluffy-dk certify -s ta.db lamp C"
	"revoke||fluffy-dk revoke -s ta.db lamp 2"
	"provision||fluffy-dk provision -s ta.db lamp"
	"first||fluffy-dk provision -s new.db lamp"
	"trust|lamp.pem|fluffy-dk trust -s ta.db lamp"
	"join|prov2|fluffy-dk join -s lamp.db"
	"server|prov|fluffy-dk join -s new.db"
	"accept|rvk1|fluffy-dk accept -s lamp.db"
	"client|cred2|fluffy-dk join -s phone.db"
	"pair|cert6|fluffy-dk join -s phone.db --key phone.key"
)

# ---- the disk --------------------------------------------------------------------

# repeated NAME STATUS: what ended so is done again, and then it's done
repeated() {
	if [ "$2" = 0 ]; then
		still_true "$1"
	else
		: >out
		still_true "$1"
	fi
}

chapter "the disk is full"
if on_small 2m; then
	for step in "${steps[@]}"; do
		IFS='|' read -r name stdin command <<<"$step"
		for free in 0 4 12 24 40 80; do
			rm -rf ./*
			cp -a ../base/. .
			to_the_brim $free
			got=0
			# shellcheck disable=SC2086
			$command <"${stdin:-/dev/null}" >"$scratch/out" 2>"$err" ||
				got=$?
			judge_any 0 4 -- $got "$command, $free KiB free"
			[ $got = 0 ] || [ ! -s "$scratch/out" ] ||
				fail "$command wrote something"
			[ $got = 0 ] || [ ! -e new.db ] || fail "half a store"
			[ $free != 0 ] || equal $got 4 "the disk wasn't full"
			rm fill
			cp "$scratch/out" out
			repeated "$name" $got
		done
	done
	off_small
else
	echo "skipped: no tmpfs can be mounted"
fi

# ---- many at once ------------------------------------------------------------------

chapter "eight at once"
refresh race
: >in
race fluffy-dk issue -s ta.db lamp C
equal "$(cat statuses)" " 8 0 "
cp phone.pem in
for i in 1 2 3 4 5 6 7 8; do
	mv out.$i cred.$i
done
race fluffy-dk certify -s ta.db lamp C
equal "$(cat statuses)" " 8 0 "
for i in 1 2 3 4 5 6 7 8; do
	number_in cred.$i
	echo
	number_in out.$i
	echo
done | sort -n >numbers
equal "$(tr '\n' ' ' <numbers)" "$(seq 7 22 | tr '\n' ' ')" "distinct numbers"
# each document is taken once
for file in cred2 prov2; do
	cp $file in
	store=phone.db
	[ $file = cred2 ] || store=lamp.db
	race fluffy-dk join -s $store
	equal "$(cat statuses)" " 1 0 7 1 " "statuses of $file"
done
cp prov in
race fluffy-dk join -s new.db
[[ "$(cat statuses)" == " 1 0 "* ]] || fail "joins: $(cat statuses)"
run 0 fluffy-dk derive -s new.db DK.TA.C.1
# one key that all know to be the last, and one store
: >in
race fluffy-dk provision -s once.db lamp
[[ "$(cat statuses)" == *" 0 "* ]] || fail "provisions: $(cat statuses)"
run 0 fluffy-dk window -s once.db >listing
equal "$(wc -l <listing | tr -d ' ')" 1

chapter "while a session reads, the store changes"
refresh reading
for i in 1 2 3 4; do
	(
		for _ in 1 2 3 4 5 6 7 8; do
			fluffy-dk derive -q -s lamp.db DK.TA.C.7 || exit
			fluffy-dk window -s lamp.db >/dev/null || exit
		done
	) 2>err.$i &
done
for i in 1 2 3 4 5 6 7 8; do
	run 0 fluffy-dk provision -s ta.db lamp >prov3
	run 0 fluffy-dk join -s lamp.db <prov3 >output
	run 0 fluffy-dk issue -s ta.db lamp C >cred
	run 0 fluffy-dk revoke -s ta.db lamp 1 >rvk1
	run 0 fluffy-dk accept -s lamp.db <rvk1
done
for job in $(jobs -p); do
	wait "$job" || fail "a reader failed: $(cat err.?)"
done

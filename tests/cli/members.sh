#!/bin/bash
# A group of two hundred: its key is fetched, one member is shut out, the key
# is renewed, the group deleted. Members answer in any order, half of them
# twice, and the SKDC is killed meanwhile: nothing is lost, and nobody is left
# with the key.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need jq perl

seed=${FLUFFY_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$((seed % 32768))
echo "# FLUFFY_SEED=$seed"
N=${FLUFFY_MEMBERS:-200}

everybody=()
for ((i = 1; i <= N; i++)); do
	everybody+=("m$i")
done

# shuffled WORD...: one a line
shuffled() {
	perl -MList::Util=shuffle -e \
		'srand(shift); print "$_\n" for shuffle(@ARGV)' $RANDOM "$@"
}

# some COUNT WORD...: so many of them, in any order
some() {
	shuffled "${@:2}" | head -n "$1"
}

# quickly COMMAND...: as "run 0", of which there are a thousand
quickly() {
	local got=0
	"$@" 2>"$err" || got=$?
	[ $got = 0 ] || judge 0 $got "$@"
}

# split FILE DIRECTORY: a file for each name that a message is for; what was
# there stays, and the new is put after it. Their names are printed, in order.
split() {
	mkdir -p "$2"
	[ -s "$1" ] || return 0
	run 0 fluffy-msg --to json "$1" >"$scratch/lines"
	jq -r '.cname // .spname // "-"' "$scratch/lines" >"$scratch/names"
	perl -e '
		my ($file, $dir, $names) = @ARGV;
		local $/;
		open(my $f, "<:raw", $file) or die;
		my $in = <$f>;
		open(my $n, "<", $names) or die;
		my @names = split(/\n/, <$n>);
		my $at = 0;
		sub skip {	# one deterministic item of CBOR
			my $head = ord(substr($in, $at++, 1));
			my ($major, $n) = ($head >> 5, $head & 31);
			if ($n >= 24) {
				my $len = 1 << ($n - 24);
				$n = hex(unpack("H*", substr($in, $at, $len)));
				$at += $len;
			}
			$at += $n if $major == 2 || $major == 3;
			$n *= 2 if $major == 5;
			if ($major == 4 || $major == 5) { skip() for 1 .. $n }
		}
		for my $name (@names) {
			my $start = $at;
			if (substr($in, $at, 1) eq "{") {
				$at = index($in, "\n", $at) + 1;
			} else {
				skip();
			}
			open(my $out, ">>:raw", "$dir/$name") or die;
			print $out substr($in, $start, $at - $start);
			close($out) or die;
		}
		die "something is left" if $at != length $in;' \
		"$1" "$2" "$scratch/names" || fail "splitting $1"
	cat "$scratch/names"
}

# with_key HEX: the stores that have these bytes, whatever their tables say
with_key() {
	perl -e '
		my $needle = pack("H*", shift);
		local $/;
		for my $store (@ARGV) {
			for my $end ("", "-wal", "-shm", "-journal") {
				open(my $f, "<:raw", "$store$end") or next;
				next if index(<$f>, $needle) < 0;
				$store =~ s/\.db$//;
				print "$store\n";
				last;
			}
		}' "$1" ./*.db | sed 's,^\./,,' | sort
}

# die_serving PIECE...: the SKDC gets these files one after another, is killed
# somewhere, and what it answered is in "answers".
die_serving() {
	local piece killed_at=$((RANDOM % $#)) i=0 pid
	rm -f pipe answers
	mkfifo pipe
	fluffy-skdc -q -s skdc.db <pipe >answers 2>/dev/null &
	pid=$!
	exec 7>pipe
	for piece in "$@"; do
		cat "$piece" >&7
		if [ $i = $killed_at ]; then
			perl -e 'select(undef, undef, undef, shift)' \
				"0.0$((RANDOM % 40 + 10))"
			break
		fi
		sleep 0.02
		i=$((i + 1))
	done
	kill -9 $pid
	wait $pid 2>/dev/null
	exec 7>&-
	# the last one may have been cut
	if [ -s answers ]; then
		fluffy-msg --to "$enc" answers >whole 2>"$err"
		local got=$?
		[ $got = 3 ] || judge 0 $got "fluffy-msg"
		mv whole answers
	fi
}

# pieces FILE...: the messages in these files, ten in a piece
pieces() {
	local file i=0
	rm -f piece.*
	for file in "$@"; do
		cat "$file" >>"piece.$(printf %03d $((i / 10)))"
		i=$((i + 1))
	done
}

holders_of() { # KEYID: those who the SKDC thinks have it
	run 0 fluffy-key group -s skdc.db --json doors >shown
	jq -r --arg keyid "$(base64url "$1")" '.[0].holders[] |
		select(.keyid == $keyid) | .name' shown | sort
}

# fetched KEYID NAME...: they get the current key; the SKDC dies on the way.
fetched() {
	local keyid=$1 name again
	shift
	rm -rf requests answered
	mkdir requests
	for name in "$@"; do
		quickly fluffy-gsk fetch -s "$name.db" --$enc doors \
			>"requests/$name"
	done
	pieces "${@/#/requests/}"
	die_serving piece.*
	split answers answered >names
	echo "# $(wc -l <names | tr -d ' ') of $# were answered when it died"
	# whom it answered it knows
	holders_of "$keyid" >known
	sort names | comm -23 - known >unknown
	empty unknown
	# who wasn't asks again; nobody else does
	printf '%s\n' "$@" | sort >wanted
	sort names | comm -13 - wanted >missing
	mapfile -t again <missing
	rm -rf requests
	mkdir requests
	: >requests/all
	for name in "${again[@]}"; do
		quickly fluffy-gsk fetch -s "$name.db" --$enc doors \
			>>requests/all
	done
	if [ ${#again[@]} -gt 0 ]; then
		serve 0 requests/all answers
		split answers answered >names
		sort names | comm -3 - missing >odd
		empty odd
	fi
	shuffled "$@" >order
	while read -r name; do
		quickly fluffy-gsk accept -q -s "$name.db" <"answered/$name"
	done <order
	holders_of "$keyid" | comm -13 - wanted >unknown
	empty unknown
}

# pending_names: those who haven't confirmed, once each
pending_names() {
	run 0 fluffy-del pending -s skdc.db --json >pending
	jq -r '.[].name' pending | sort -u
}

# none_left KEY...: who isn't asked any more has none of them. The owner and
# the SKDC come later.
none_left() {
	local key
	pending_names >asked
	for key in "$@"; do
		with_key "$key" | grep -vx -e lock -e skdc | comm -23 - asked >left
		empty left
	done
}

# answer_all DIRECTORY TWICE NAME...: each in this order, and some twice
answer_all() {
	local dir=$1 twice=$2 name
	shift 2
	rm -rf delcs
	mkdir delcs
	for name in "$@"; do
		quickly fluffy-del accept -q -s "$name.db" <"$dir/$name" \
			>"delcs/$name"
	done
	for name in $(some "$twice" "$@"); do
		quickly fluffy-del accept -q -s "$name.db" <"$dir/$name" \
			>"delcs/$name.again"
	done
}

chapter "the realm"
enter base
run 0 fluffy-key init -q -s skdc.db --realm home skdc
for name in lock sensor "${everybody[@]}"; do
	quickly fluffy-key enrol -q -s skdc.db "$name" >doc
	quickly fluffy-key join -q -s "$name.db" <doc
done
rm doc

for enc in cbor json; do
	chapter "its $N members fetch the key, $enc"
	cd "$scratch" || exit 99
	rm -rf "$enc"
	cp -a base "$enc"
	cd "$enc" || exit 99
	obtain request lock doors \
		--members "$(IFS=,; echo "${everybody[*]}")"
	first=$keyid
	first_key=$(key_of lock.db "$first")
	fetched "$first" "${everybody[@]}"
	{
		printf '%s\n' "${everybody[@]}"
		echo lock
	} | sort >wanted
	holders_of "$first" >known
	same known wanted
	with_key "$first_key" | grep -vx skdc >have
	same have wanted

	chapter "two are shut out, one at once, $enc"
	mapfile -t out < <(some 2 "${everybody[@]}")
	run 0 fluffy-key group -s skdc.db --remove "${out[0]}" doors
	run 0 fluffy-del pending -s skdc.db --resend --$enc >delt
	quickly fluffy-del accept -q -s "${out[0]}.db" <delt >delc
	serve 0 delc output
	empty output
	gone "$first_key" "${out[0]}.db"
	run 0 fluffy-key group -s skdc.db --forbid "${out[1]}" doors
	pending_names >asked
	equal "$(cat asked)" "${out[1]}"
	mapfile -t stay < <(printf '%s\n' "${everybody[@]}" |
		grep -vx -e "${out[0]}" -e "${out[1]}")
	denied not-permitted fetch "${out[0]}" doors
	denied not-permitted fetch "${out[1]}" doors --keyid "$first"
	obtain fetch lock doors
	second=$keyid
	second_key=$(key_of lock.db "$second")
	[ "$first_key" != "$second_key" ] || fail "the key isn't renewed"
	mapfile -t third_part < <(some $((N / 3)) "${stay[@]}")
	fetched "$second" "${third_part[@]}"

	chapter "the owner renews, $enc"
	obtain renew lock doors
	third=$keyid
	third_key=$(key_of lock.db "$third")
	mapfile -t third_part < <(some $((N / 3)) "${stay[@]}")
	fetched "$third" "${third_part[@]}"
	denied not-permitted fetch "${out[0]}" doors
	# one is asleep while it changes, and one device is gone for good
	keys="$first_key $second_key $third_key"
	mapfile -t lost < <(some 1 "${stay[@]}")
	run 0 fluffy-key remove -q -s skdc.db "${lost[0]}"
	rm "${lost[0]}.db"*
	obtain fetch lock doors
	fourth_key=$(key_of lock.db "$keyid")
	keys="$keys $fourth_key"
	mapfile -t stay < <(printf '%s\n' "${stay[@]}" | grep -vx "${lost[0]}")
	# holders are now: all that stay, and the one who hasn't confirmed
	holding=("${stay[@]}" "${out[1]}")

	chapter "it is deleted, $enc"
	group delete delt lock doors
	serve 0 delt delts
	rm -rf asks
	split delts asks >names
	sort -u names >asked
	printf '%s\n' "${holding[@]}" | sort | comm -3 - asked >odd
	empty odd
	pending_names | comm -3 - asked >odd
	empty odd
	equal "$(wc -l <names | tr -d ' ')" \
		"$(fluffy-key group -s skdc.db --json doors |
			jq --arg lost "${lost[0]}" '[.[0].holders[] |
			select(.state == "deleting" and .name != $lost)] | length')" \
		"one for each copy"
	for key in $keys; do
		gone "$key" skdc.db
	done
	denied group-deleting fetch "${stay[0]}" doors
	# one gets all of them, and takes its own
	quickly fluffy-del accept -s "${holding[0]}.db" <delts >output
	grep -q skipped "$err" || fail "it skipped none"
	# half of them answer, some of these twice, in any order, together
	mapfile -t order < <(shuffled "${holding[@]}")
	answer_all asks $((N / 4)) "${order[@]:0:N/2}"
	# shellcheck disable=SC2046 # names
	pieces $(shuffled delcs/*)
	before=$(pending_names | wc -l)
	die_serving piece.*
	[ ! -s answers ] || fail "something was answered"
	after=$(pending_names | wc -l)
	echo "# $((before - after)) of $((N / 2)) confirmed when it died"
	[ "$after" -le "$before" ] || fail "the dead come back"
	# shellcheck disable=SC2086 # keys
	none_left $keys
	# the others answer the same PSK-DELTs; half of all twice in the end; and
	# three are asleep
	mapfile -t order < <(printf '%s\n' "${order[@]:N/2}" | tail -n +4)
	answer_all asks $((N / 4)) "${order[@]}"
	cat delcs/* >half
	serve 0 half answers
	empty answers
	# shellcheck disable=SC2086
	none_left $keys

	chapter "what is missing is asked again, $enc"
	pending_names >asked
	[ "$(wc -l <asked)" -ge 3 ] || fail "who is asleep has confirmed"
	group delete delt lock doors
	serve 0 delt delts
	rm -rf asks
	split delts asks | sort -u | comm -3 - asked >odd
	empty odd
	mapfile -t again <asked
	mapfile -t order < <(shuffled "${again[@]}")
	answer_all asks $((${#order[@]} / 2)) "${order[@]}"
	# the last one's word alone brings the GSK-DELC, at once or after it died
	rm -f piece.*
	# shellcheck disable=SC2046
	pieces $(shuffled delcs/*)
	die_serving piece.*
	cat answers >gdelcs
	cat delcs/* >rest
	serve 0 rest answers
	cat answers >>gdelcs
	pending_names >asked
	empty asked
	case $(fluffy-msg --to json gdelcs 2>/dev/null | grep -c GSK-DELC) in
	0)
		# it was said to nobody: the owner asks once more
		group delete delt lock doors
		serve 0 delt gdelcs
		;;
	1) ;;
	*) fail "more than one GSK-DELC" ;;
	esac
	is gdelcs GSK-DELC
	run 0 fluffy-gsk accept -s lock.db <gdelcs
	expect_err "of deleted group doors"
	for key in $keys; do
		with_key "$key" >left
		empty left
	done
	run 0 fluffy-key group -s skdc.db doors >listing
	grep -q '^group.* deleted$' listing || fail "its state"
	for name in $(some 10 "${stay[@]}"); do
		run 0 fluffy-key list -s "$name.db" >listing
		! grep -q '^session' listing || fail "$name has a key"
		has listing deleted
	done
	denied no-such-group fetch "${stay[0]}" doors
	# what is said late changes nothing
	serve 0 half answers
	empty answers
	obtain request "${stay[1]}" doors --members any
	obtain fetch "${stay[0]}" doors
	honest
	honest_group
done

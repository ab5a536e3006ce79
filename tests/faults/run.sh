#!/bin/bash
# run.sh PROGRAM...: all faults, of the programs given and of system calls; for
# "make check-faults". The last line sums up. SAMPLE: so many of each part only,
# drawn by SEED, which is the day's date unless given.
set -u
here=$(dirname "$0")
seed=${SEED:-$(date -u +%Y%m%d)}
options=(--seed "$seed")
for number in "$seed" "${SAMPLE:-1}"; do
	[[ $number =~ ^[1-9][0-9]*$ ]] && continue
	echo "check-faults: SAMPLE and SEED are positive numbers, not $number" >&2
	exit 2
done
[ -z "${SAMPLE-}" ] || options+=(--sample "$SAMPLE")
summary='^seed [0-9]+: ([0-9]+) run, ([0-9]+) fired, ([0-9]+) broken promises$'
run=0 fired=0 broken=0 bad=0 skipped=''

# part COMMAND...: it ends with "seed S: R run, F fired, B broken promises"
part() {
	local line last='' status=0 name=${1##*/}
	echo "==== $name"
	while IFS= read -r line; do
		echo "$line"
		last=$line
	done < <("$@" "${options[@]}"; echo $? >"$statuses")
	status=$(cat "$statuses")
	if [ "$status" = 77 ]; then
		skipped+=" $name"
	elif [[ $last =~ $summary ]]; then
		((run += BASH_REMATCH[1], fired += BASH_REMATCH[2])) || :
		((broken += BASH_REMATCH[3])) || :
	else
		status=99
	fi
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then
		echo "$name: status $status"
		bad=1
	fi
}

statuses=$(mktemp) || exit 99
trap 'rm -f "$statuses"' EXIT
for program in "$@" "$here/syscalls"; do
	part "$program"
done
echo "check-faults: seed $seed: $run run, $fired fired, $broken broken" \
	"promises${skipped:+; skipped:$skipped}"
[ $bad = 0 ] && [ "$fired" = "$run" ] && [ $broken = 0 ]

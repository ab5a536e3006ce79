#!/bin/bash
# Checks the model of the exchanges (fluffy.pml) with spin: each claim in the
# scenarios that it concerns, exhaustively within their bounds; that all of that
# also happens which claims are about; and that without any one of the checks
# which switches leave out there is an attack, whose messages are shown. All of
# that is to take less than two minutes of CPU.
set -u
export LC_ALL=C

[ $# = 0 ] || { echo "usage: run.sh" >&2; exit 2; }
for tool in spin cc; do
	command -v $tool >/dev/null && continue
	echo "$tool is missing: install the Debian package ${tool/#cc/gcc}"
	exit 77
done
srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
model=$srcdir/tests/model/fluffy.pml
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
TIMEFORMAT='cpu %U s'
faults=0

fault() {
	echo "FAILED: $*" >&2
	faults=$((faults + 1))
}

# verifier "SCENARIO [SWITCH]" CFLAG...: ./pan. Bitstate hashing would skip
# states; what is too large for memory or a byte vector ends pan.
verifier() {
	local defines
	read -ra defines <<<"$1"
	shift
	spin -a "${defines[@]/#/-D}" "$model" >spin.log 2>&1 &&
		cc -w -DSAFETY -DNOFAIR -DVECTORSZ=2048 -DMEMLIM=3500 "$@" \
			-o pan pan.c >>spin.log 2>&1 && return
	cat spin.log
	fault "no verifier for $*"
	return 1
}

# search "SCENARIO [SWITCH]" CLAIM: runs ./pan and says what it cost.
search() {
	local status=0
	rm -f ./*.trail
	{ time timeout 300 ./pan -w20 -m10000 -N "$2" >out 2>&1 || status=$?; } 2>cpu
	[ $status = 0 ] || fault "pan: status $status, $1, $2"
	cat cpu >>out
	awk -v scenario="$1" -v claim="$2" '
		/errors:/ { depth = $6; sub(",", "", depth); errors = $NF }
		/states, stored/ { states = $1 }
		/total actual memory/ { memory = $1 }
		/^cpu/ { time = $2 }
		END { printf "%-24s %-20s %s, %d states, depth %d, %.0f MiB, " \
			"%.1f s of CPU\n", scenario, claim, errors == 0 ? "holds" : \
			"is violated", states, depth, memory, time }' out
}

# Did it see all states?
complete() {
	grep -q '^Full statespace search' out &&
		! grep -qE 'max search depth|out of memory|not completed|truncated|aborting' out
}

# holds SCENARIO CLAIM...
holds() {
	local scenario=$1 claim
	shift
	for claim in "$@"; do
		search "$scenario" "$claim"
		grep -q 'errors: 0$' out && complete && continue
		cat out
		fault "$claim should hold in $scenario"
	done
}

# happens SCENARIO CLAIM...: that it never does is refuted.
happens() {
	local scenario=$1 claim
	shift
	for claim in "$@"; do
		search "$scenario" "$claim"
		grep -q 'errors: 1$' out && [ -e fluffy.pml.trail ] && continue
		cat out
		fault "$claim should be refuted in $scenario"
	done
}

# attack SWITCH SCENARIO CLAIM REASON: the shortest one, with a line like REASON
attack() {
	verifier "$2 $1" -DBFS || return
	happens "$2 $1" "$3"
	spin -t -T -k fluffy.pml.trail -D"$2" -D"$1" "$model" 2>&1 |
		sed -n 's/^ *: /    /p' >trail
	cat trail
	grep -qE "$4" trail || fault "$1: not the attack that was expected"
}

verifier SESSIONS && {
	holds SESSIONS session_secrecy service_agreement client_agreement \
		key_agreement request_agreement
	happens SESSIONS no_session no_foreign_session
}
verifier ERASURE && {
	holds ERASURE deletion deletion_agreement session_secrecy
	happens ERASURE no_session no_confirmation
}
verifier GROUPS && {
	holds GROUPS group_secrecy key_agreement request_agreement
	happens GROUPS no_group no_renewal
}
verifier DELETION && {
	holds DELETION deletion group_deletion deletion_agreement \
		request_agreement
	happens DELETION no_deletion no_confirmation
}
verifier RENEWAL && {
	holds RENEWAL deletion group_deletion deletion_agreement
	happens RENEWAL no_renewal no_deletion
}
verifier MIXED && {
	holds MIXED session_secrecy group_secrecy service_agreement \
		client_agreement key_agreement request_agreement deletion \
		group_deletion deletion_agreement
	happens MIXED no_session no_group no_deletion
}

attack NO_AAD GROUPS group_secrecy 'I alters GSK_REQ'
attack NO_AAD MIXED request_agreement 'I alters .*: now'
attack NO_NONCE SESSIONS service_agreement 'takes PSK_ESTB'
attack NO_NONCE SESSIONS request_agreement 'SKDC takes PSK_REQ'
attack NO_NAME_BINDING SESSIONS session_secrecy 'I sends PSK_REQ .*, as [AB]'
attack NO_MEMBERSHIP GROUPS group_secrecy 'SKDC gives key .* to I'
attack NO_PENDING GROUPS key_agreement 'for run'
attack NO_GONE DELETION deletion 'deletes key'
attack NO_GONE DELETION group_deletion 'takes GSK_DELC'
attack LOST_KEY ERASURE client_agreement 'takes PSK_ACK'
attack LOST_KEY ERASURE deletion_agreement 'deletes key'

times >cpu
awk -F '[ms ]+' -v elapsed="$SECONDS" 'NR == 2 {
	printf "%.0f s of CPU in all, %d s elapsed\n",
		60 * ($1 + $3) + $2 + $4, elapsed
}' cpu
[ $faults = 0 ]

#!/bin/bash
# One bad input in each directory: input.cbor or input.json, and what
# fluffy-msg --check says of it: its exit status, and every line of stderr.
# Where there is a file "program", that is who reads it instead: "client",
# "service", "server" or "phone", in whose store are the keys of tests/vectors,
# and a command; and stdout, if there is one, is what it writes. Then the input
# may be another one too, such as input.maccert. Names that begin with "accepted"
# are of inputs that only look bad.
srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cases=0 faults=0

# A refusal changes nothing in these, as the last line of this script finds.
vectors=$srcdir/tests/vectors
fluffy-key join -q --store "$scratch/client" <"$vectors/ENROL-minimal.cbor" &&
	fluffy-key join -q --store "$scratch/service" \
		<"$vectors/more/ENROL-service.cbor" || exit 99
fluffy-dk join -q --store "$scratch/server" <"$vectors/DK-PROV-minimal.cbor" \
	>"$scratch/server.pem" &&
	fluffy-dk join -q --store "$scratch/phone" \
		<"$vectors/DK-CRED-minimal.cbor" || exit 99

# contents: of all these stores
contents() {
	fluffy-key list --store "$scratch/client" &&
		fluffy-key list --store "$scratch/service" &&
		fluffy-dk window --store "$scratch/server" &&
		fluffy-dk window --store "$scratch/phone"
}
contents >"$scratch/before" || exit 99

# read_input DIR: by whom it is to be read.
read_input() {
	local party command
	if [ -f "$1/program" ]; then
		read -r party command <"$1/program"
		# shellcheck disable=SC2086 # words
		$command --store "$scratch/$party" <"$1"/input.*
	else
		fluffy-msg --check <"$1"/input.*
	fi
}

cd "$srcdir/tests/invalid" || exit 99
least=1
[ $# -gt 0 ] || { set -- */ && least=900; }
for name; do
	name=${name%/}
	dir=$srcdir/tests/invalid/$name
	read_input "$dir" >"$scratch/out" 2>"$scratch/err" &&
		status=0 || status=$?
	cases=$((cases + 1))
	stdout=/dev/null
	[ ! -f "$dir/stdout" ] || stdout=$dir/stdout
	[ "$status" = "$(cat "$dir/status")" ] &&
		cmp -s "$stdout" "$scratch/out" &&
		cmp -s "$dir/stderr" "$scratch/err" && continue
	faults=$((faults + 1))
	echo "$name: expected status $(cat "$dir/status") and"
	cat "$dir/stderr" "$stdout"
	echo "found status $status and"
	cat "$scratch/err" "$scratch/out"
done >&2

contents | cmp "$scratch/before" - || exit 1

# A glob that finds nothing mustn't look like success.
[ "$cases" -ge $least ] || { echo "only $cases cases" >&2; exit 99; }
[ "$faults" = 0 ]

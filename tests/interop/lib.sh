# shellcheck shell=bash
# What the interop scripts share: the reference implementation, a scratch
# directory, and complaints that are counted. To be sourced by bash.

srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
ref() {
	python3 "$srcdir/tests/interop/fluffy_ref.py" "$@"
}
dk_ref() {
	PYTHONDONTWRITEBYTECODE=1 \
		python3 "$srcdir/tests/interop/dk_ref.py" "$@"
}

if ! python3 -c 'import cryptography' 2>/dev/null; then
	echo "${0##*/}: skipped, python3-cryptography is missing" >&2
	exit 77
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
faults=0

complain() {
	echo "${0##*/}: $*" >&2
	faults=$((faults + 1))
}

# same FILE FILE WHAT
same() {
	cmp -s "$1" "$2" || complain "$3: $(cmp "$1" "$2" 2>&1)"
}

finish() {
	[ "$faults" = 0 ]
	exit
}

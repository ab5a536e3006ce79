#!/bin/bash
# One bad input in each directory: input.cbor or input.json, and what
# fluffy-msg --check says of it: its exit status, and every line of stderr.
srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cases=0 faults=0

for dir in "$srcdir"/tests/invalid/*/; do
	name=$(basename "$dir")
	fluffy-msg --check <"$dir"/input.* >"$scratch/out" 2>"$scratch/err" &&
		status=0 || status=$?
	cases=$((cases + 1))
	[ "$status" = "$(cat "$dir/status")" ] && [ ! -s "$scratch/out" ] &&
		cmp -s "$dir/stderr" "$scratch/err" && continue
	faults=$((faults + 1))
	echo "$name: expected status $(cat "$dir/status") and"
	cat "$dir/stderr"
	echo "found status $status and"
	cat "$scratch/err" "$scratch/out"
done >&2

# A glob that finds nothing mustn't look like success.
[ "$cases" -ge 400 ] || { echo "only $cases cases" >&2; exit 99; }
[ "$faults" = 0 ]

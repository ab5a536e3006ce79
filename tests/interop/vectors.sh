#!/bin/bash
# The golden vectors, as the independent implementation sees them.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
vectors=$srcdir/tests/vectors
n=0

for cbor in "$vectors"/*.cbor; do
	json=${cbor%.cbor}.json
	ref convert --to cbor <"$json" >"$scratch/out" 2>"$scratch/err" ||
		complain "$json: $(head -1 "$scratch/err")"
	same "$cbor" "$scratch/out" "$json"
	ref convert --to json <"$cbor" >"$scratch/out" 2>"$scratch/err" ||
		complain "$cbor: $(head -1 "$scratch/err")"
	same "$json" "$scratch/out" "$cbor"
	n=$((n + 1))
done
[ $n = 40 ] || complain "$n vectors, not 40"

finish

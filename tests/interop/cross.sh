#!/bin/bash
# Messages made by the independent implementation, good and bad, in every
# spelling: fluffy-msg makes the same CBOR of the good ones and refuses the bad.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 99

count=1000

for spelling in cbor json wild wildjson; do
	ref gen --seed 7 --count $count --to $spelling >$spelling.in
	ref convert --to cbor <$spelling.in >$spelling.ref
	fluffy-msg --to cbor <$spelling.in >$spelling.out ||
		complain "$spelling: status $?"
	same $spelling.ref $spelling.out "$spelling to CBOR"
	fluffy-msg --check <$spelling.in || complain "$spelling: not valid"

	fluffy-msg --to json <$spelling.in >$spelling.json ||
		complain "$spelling to JSON: status $?"
	[ "$(wc -l <$spelling.json)" = $count ] ||
		complain "$spelling to JSON: not $count lines"
	fluffy-msg --to cbor <$spelling.json >$spelling.back
	same $spelling.out $spelling.back "$spelling to JSON and back"
done
same cbor.in cbor.out "CBOR as it was"
ref convert --to cbor <wild.json >json.ref
same wild.out json.ref "JSON, read by the other"

# Bad ones, one to a file, because some of them end a stream.
ref gen-bad --seed 7 --count $count -o bad
for file in bad/*; do
	case $file in
	*bad-version*) want=1 ;;
	*) want=3 ;;
	esac
	fluffy-msg --check "$file" 2>err && status=0 || status=$?
	[ "$status" = "$want" ] || complain "$file: status $status, not $want"
	[ "$(wc -l <err)" -ge 1 ] || complain "$file: no word about it"
done
[ "$(find bad -type f | wc -l)" = $count ] || complain "not $count bad messages"

finish

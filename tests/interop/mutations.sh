#!/bin/bash
# What fluffy-msg --mutate says that a right implementation makes of a wrong
# message, is what the independent one makes of it.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
vectors=$srcdir/tests/vectors
cd "$scratch" || exit 99

# Of every vector, without keys: is it malformed, of another version, or not?
for file in "$vectors"/*.cbor "$vectors"/*.json; do
	fluffy-msg -q --mutate --seed 7 -o "${file##*/}" "$file" ||
		complain "$file isn't mutated"
done
compared=$(PYTHONPATH=$srcdir/tests/interop PYTHONDONTWRITEBYTECODE=1 \
	python3 - ./*.cbor ./*.json <<'EOF2'
import json
import sys
import fluffy_ref as ref


def judge(data):
    try:
        ref.decode(data)
    except ref.BadVersion:
        return "bad-version"
    except ref.Malformed:
        return "malformed"
    return None


count = 0
for folder in sys.argv[1:]:
    for line in open(folder + "/index.jsonl"):
        entry = json.loads(line)
        wanted = entry.get("error")
        if wanted not in ("malformed", "bad-version"):
            wanted = None
        found = judge(open(folder + "/" + entry["file"], "rb").read())
        if found != wanted:
            print("%s/%s: expected %s, found %s" % (folder, entry["file"], wanted, found), file=sys.stderr)
            sys.exit(1)
        count += 1
print(count)
EOF2
) || complain "the implementations don't agree"
[ "${compared:-0}" -gt 4000 ] || complain "only $compared messages"

# Of a request to its SKDC with keys: all that is well-formed, as one stream.
ref init -s skdc.state skdc
ref enrol -s skdc.state sensor >sensor.enrol
ref enrol -s skdc.state lock >lock.enrol
fluffy-key join -q -s sensor.db <sensor.enrol || complain "join"
fluffy-req -s sensor.db --cbor lock >req || complain "req"
fluffy-msg -q --mutate -o wrong req || complain "mutate"
jq -r 'select(.verdict == "refused" and .status == 1 and
	.error != "bad-version") | .file' wrong/index.jsonl >files
jq -r 'select(.verdict == "refused" and .status == 1 and
	.error != "bad-version") | .error' wrong/index.jsonl >wanted
[ "$(wc -l <files)" -gt 12 ] || complain "too few are refused"
(cd wrong && xargs cat) <files >stream
ref skdc -s skdc.state <stream >answers 2>/dev/null
fluffy-msg --to json answers | jq -r '.["error-code"]' >found
same wanted found "errors of the SKDC"
# And an honest request is still answered.
ref skdc -s skdc.state <req >rep || complain "the request isn't answered"
fluffy-msg --check --select msg-type=PSK-REP rep || complain "no PSK-REP"

finish

#!/bin/bash
# The golden vectors, as the independent implementation sees them.
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"
vectors=$srcdir/tests/vectors
cd "$scratch" || exit 99

# One stream of all of them, there and back.
cat "$vectors"/*.cbor >all.cbor
cat "$vectors"/*.json >all.json
[ "$(wc -l <all.json)" = 40 ] || complain "not 40 vectors"
ref convert --to cbor <all.json >out || complain "JSON isn't taken"
same all.cbor out "JSON to CBOR"
ref convert --to json <all.cbor >out || complain "CBOR isn't taken"
same all.json out "CBOR to JSON"

# Every seal under a key that the vectors contain opens over there, and every
# cksum verifies.
opened=$(PYTHONPATH=$srcdir/tests/interop PYTHONDONTWRITEBYTECODE=1 \
	python3 - "$vectors"/*.cbor <<'EOF'
import sys
import fluffy_ref as ref

keys = {}       # kid -> (alg, key)
count = 0


def learn(keydata):
    if keydata and isinstance(keydata.get("key"), bytes):
        keys[keydata["keyid"]] = (keydata.get("alg"), keydata["key"])


def open_parts(container, fields):
    global count
    for name, field in fields.items():
        part = container.get(name)
        if isinstance(part, ref.Sealed) and part.kid in keys:
            plain = ref.unseal(container, fields, name, *keys[part.kid])
            learn(plain.get("keydata"))
            count += 1
        elif isinstance(part, dict) and name == "mticket":
            open_parts(part, field.schema)


messages = [next(iter(ref.stream(open(name, "rb").read())))[1]
            for name in sys.argv[1:]]
for msg in messages:
    if msg["msg-type"] == ref.ENROL:
        learn(msg["keydata"])
for _ in range(2):      # the key in a receipt opens an ack
    count = 0
    for msg in messages:
        open_parts(msg, ref.STRUCT[msg["msg-type"]])
print(count)
EOF
) || complain "a seal didn't open"
[ "$opened" = 19 ] || complain "$opened seals were opened, not 19"

finish

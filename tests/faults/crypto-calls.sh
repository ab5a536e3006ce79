#!/bin/bash
# What fault_crypto makes fail is what libfluffy calls of libcrypto, no more and
# no less.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
need comm ldd nm
source=${srcdir:-$(dirname "$0")/../..}
build=${builddir:-.}
library=$build/libfluffy/.libs/libfluffy-core.a
program=$build/tests/faults/fault_crypto
[ -e "$library" ] || skip "no $library"
[ -x "$program" ] || skip "fault_crypto isn't built"

enter lists
libcrypto=$(ldd "$program" | awk '/libcrypto/ { print $3 }')
[ -n "$libcrypto" ] || fail "fault_crypto is linked without libcrypto"
nm -D --defined-only "$libcrypto" | awk '{ sub(/@.*/, "", $3); print $3 }' |
	sort -u >offered
nm -u "$library" | awk '$1 == "U" { print $2 }' | sort -u |
	comm -12 - offered | grep -v '_free$' >called

# differences LIST: what is in only one of the two.
differences() {
	sed -n -E 's/^(FAILS|LASTS|NEVER)\(([^,)]*).*/\2/p' "$1" | sort |
		comm -3 - called
}

list=$source/tests/faults/crypto_calls.h
found=$(differences "$list")
[ -z "$found" ] ||
	fail "listed and not called, or (indented) called and not listed:
$found"

# It notices one that is new, and one that isn't called any more.
grep -v RAND_bytes "$list" >without
[ -n "$(differences without)" ] || fail "a new call isn't noticed"
{ cat "$list"; echo 'FAILS(RAND_seed, 0, 0)'; } >with
[ -n "$(differences with)" ] || fail "a call that has gone isn't noticed"

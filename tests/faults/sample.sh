#!/bin/bash
# A few injections of each kind; "make check-faults" does all.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
! sanitized || skip "the sanitizers have allocators and limits of their own"
builddir=${builddir:-.}
export builddir
programs=0
for program in "$builddir"/tests/faults/{fault_alloc,fault_crypto,power_loss}; do
	[ -x "$program" ] || continue
	chapter "${program##*/}"
	run 0 "$program" --sample 100 --seed 2
	programs=$((programs + 1))
done
# too few of the sample's are among these
if [ -x "$builddir/tests/faults/fault_crypto" ]; then
	chapter "a CA that is asked, all of it"
	run 0 "$builddir/tests/faults/fault_crypto" --only cmp
fi
[ $programs -gt 0 ] || skip "none of them is built"

#!/bin/bash
# A few failing allocations and losses of power, and all failing calls of
# libcrypto; "make check-faults" does all.
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
! sanitized || skip "the sanitizers have allocators and limits of their own"
builddir=${builddir:-.}
export builddir
programs=0
for program in "$builddir"/tests/faults/{fault_alloc,fault_crypto,power_loss}; do
	[ -x "$program" ] || continue
	chapter "${program##*/}"
	sample=(--sample 100)
	# there are so few that all can be done
	[[ $program != *crypto ]] || sample=()
	run 0 "$program" "${sample[@]}" --seed 2
	programs=$((programs + 1))
done
[ $programs -gt 0 ] || skip "none of them is built"

#!/bin/bash
# What the corpora reach by themselves: regions of the code behind messages,
# COSE and exchanges. The last line is the total; fails below THRESHOLD.
#
# usage: tests/fuzz/coverage.sh [THRESHOLD [DIRECTORY]]
#
# Builds in DIRECTORY with clang and llvm-cov, which are told by CLANG=-19 for
# example. Not counted: stores, certificate authorities, what prints the schema
# or an export, and administration, which no message reaches.
set -u
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"

threshold=${1-94}
build=${2-$top/build/fuzz-coverage}
clang=${CLANG-}
counted='
	alg any base64url buffer bytes cbor json decode reader tree text words
	schema rules msg open show diag window
	cose seal pkey pkey_check pkey_sign cert spki spki_read maccert derived
	exchange request error_msg policy enrol device estb skdc
	psk psk_del gsk gsk_del group grppac pkp
	dk dk_anchor dk_client dk_join dk_list dk_revoke dk_server dk_summary
'

targets() {
	local source
	for source in "$top"/tests/fuzz/fuzz_*.c; do
		basename "$source" .c
	done
}

# libFuzzer's own build, with sanitizers. -O1 keeps it short; a region is one of
# the source, whatever the optimizer does.
make_targets() {
	local flags="-fprofile-instr-generate -fcoverage-mapping" programs
	configured "$build" --enable-fuzzing CC="clang$clang" \
		CFLAGS="-O1 -g $flags" LDFLAGS=-fprofile-instr-generate || return
	mapfile -t programs < <(targets | sed 's,^,tests/fuzz/,')
	quietly "$build/make.log" make -C "$build" -j2 "${programs[@]}"
}

# A profile of each target's corpus.
replay() {
	local target inputs status=0
	rm -rf "$build/profiles"
	mkdir "$build/profiles"
	while read -r target; do
		mapfile -t inputs < <(find "$top/tests/fuzz/corpus/${target#fuzz_}" \
			-type f | sort)
		LLVM_PROFILE_FILE=$build/profiles/$target.profraw \
			quietly "$build/$target.log" timeout 120 \
			"$build/tests/fuzz/$target" "${inputs[@]}" || status=1
	done < <(targets)
	return $status
}

# COVERED ALL FILE for each source
regions() {
	local target objects=()
	while read -r target; do
		objects+=(-object "$build/tests/fuzz/$target")
	done < <(targets)
	"llvm-cov$clang" export -summary-only \
		-instr-profile "$build/all.profdata" "${objects[@]}" \
		2>"$build/llvm-cov.log" |
		jq -r '.data[0].files[] | [.summary.regions.covered,
			.summary.regions.count, .filename] | @tsv'
}

make_targets && replay || exit
"llvm-profdata$clang" merge -sparse -o "$build/all.profdata" \
	"$build"/profiles/*.profraw || exit
regions | sort -k 3 | awk -v threshold="$threshold" -v counted="$counted" '
	BEGIN {
		wanted = split(counted, names)
		for (i in names)
			is_counted[names[i] ".c"] = 1
	}
	function line(covered, all, name) {
		printf "%5d of %5d regions %5.1f %% %s\n", covered, all,
			100 * covered / all, name
	}
	{ name = $3; sub(/.*\//, "", name) }
	$3 ~ /\/libfluffy\/[^\/]*$/ && name in is_counted {
		line($1, $2, name); covered += $1; all += $2; n++
	}
	END {
		if (n != wanted) {
			printf "%d files were measured, not %d\n", n, wanted
			exit 1
		}
		line(covered, all, "in all")
		if (100 * covered < threshold * all) {
			print "at least " threshold " % is wanted"
			exit 1
		}
	}'

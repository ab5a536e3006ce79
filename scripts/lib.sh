# shellcheck shell=bash
# What quickstart, check and .ci/run share. To be sourced by bash.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# quietly LOG COMMAND...: output goes to LOG and is shown only on failure.
quietly() {
	local log=$1
	shift
	mkdir -p "${log%/*}"
	"$@" >"$log" 2>&1 </dev/null && return
	echo "${0##*/}: failed: $*" >&2
	tail -n 60 "$log" >&2
	return 1
}

# configured DIR OPTION...: an up-to-date configured build directory.
configured() {
	local dir=$1
	shift
	mkdir -p "$dir"
	if [ ! "$top/configure" -nt "$top/configure.ac" ] ||
	    [ ! "$top/Makefile.in" -nt "$top/Makefile.am" ] ||
	    [ ! "$top/configure" -nt "$top/m4/fluffy.m4" ]; then
		quietly "$dir/autoreconf.log" autoreconf -fi "$top" || return
	fi
	if [ -e "$dir/Makefile" ] && [ "$(cat "$dir/options")" = "$*" ]; then
		return
	fi
	(cd "$dir" && quietly "$dir/configure.log" "$top/configure" -q "$@") &&
	    echo "$*" >"$dir/options"
}

# results DIR: "N passed, N failed, N skipped" of the tests run in DIR.
results() {
	find "$1" -name '*.trs' -exec cat {} + | awk '
		/^:test-result: (PASS|XFAIL)/ { passed++ }
		/^:test-result: (FAIL|XPASS|ERROR)/ { failed++ }
		/^:test-result: SKIP/ { skipped++ }
		END { printf "%d passed, %d failed, %d skipped\n",
			passed, failed, skipped }'
}

# run_tests DIR SECONDS [VARIABLE=VALUE]...: make check. Prints the failing
# tests' logs and, as the last line, the results; fails unless all passed.
run_tests() {
	local dir=$1 seconds=$2 status=0 trs summary
	shift 2
	quietly "$dir/make.log" make -C "$dir" -j2 || status=1
	if [ $status = 0 ]; then
		find "$dir" -name '*.trs' -delete
		mkdir -p "$dir/tmp"
		TMPDIR=$dir/tmp timeout -k 10 "$seconds" make -C "$dir" -j2 check "$@" \
			>"$dir/make-check.log" 2>&1 </dev/null || status=$?
	fi
	while read -r trs; do
		echo "==== ${trs#"$dir/"}" | sed 's/\.trs$//'
		tail -n 100 "${trs%.trs}.log"
	done < <(grep -rlE --include='*.trs' \
		'^:test-result: (FAIL|XPASS|ERROR)' "$dir")
	[ $status != 124 ] || echo "make check took longer than $seconds s"
	summary=$(results "$dir")
	# Nothing failed, yet make did: a test didn't build or never ended.
	if [ $status != 0 ] && [[ $summary == *" 0 failed"* ]]; then
		[ ! -e "$dir/make-check.log" ] || tail -n 40 "$dir/make-check.log"
		summary=${summary/ 0 failed/ 1 failed}
	fi
	echo "$summary"
	[ $status = 0 ]
}

# shellcheck shell=bash
# What the check-* scripts share. To be sourced by bash, followed by
#   rule CHECK SELF_TEST "$@"
# Both are functions. CHECK looks at the tree that it is in and calls complain
# for each fault; SELF_TEST shows that CHECK can find some.

srcdir=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
# Where the programs and the library are: make check says, else the checkout.
builddir=${builddir:-$srcdir}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
faults=0

complain() {
	echo "${0##*/}: $*" >&2
	faults=$((faults + 1))
}

# finds TEXT COMMAND...: the self-test's assertion, COMMAND complains of TEXT.
finds() {
	local text=$1 said
	shift
	said=$("$@" 2>&1)
	[[ $said == *"$text"* ]] || complain "self-test: '$*' should say" \
		"'$text' but says '$said'"
}

# accepts COMMAND...: the self-test's other assertion, no complaint.
accepts() {
	local said
	said=$("$@" 2>&1)
	[ -z "$said" ] || complain "self-test: '$*' says '$said'"
}

rule() {
	if [ "${3-}" = --self-test ]; then
		cd "$scratch" && "$2"
	else
		cd "$srcdir" && "$1"
	fi
	[ "$faults" = 0 ]
}

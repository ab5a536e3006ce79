# shellcheck shell=bash
# The roles of the protocol, each played by either implementation: a store is
# OURS.db or THEIRS.json, and its name says who works with it. To be sourced
# behind lib.sh.

# The steps are called through expect.
# shellcheck disable=SC2317
{
init() {
	case $1 in
	*.db) fluffy-key init -s "$1" --realm home skdc ;;
	*) ref init -s "$1" --realm home skdc ;;
	esac
}
enrol() {
	case $1 in
	*.db) fluffy-key enrol -q -s "$@" ;;
	*) ref enrol -s "$@" ;;
	esac
}
rotate() {
	case $1 in
	*.db) fluffy-key rotate -q -s "$1" "$2" ;;
	*) ref enrol -s "$1" "$2" ;;
	esac
}
join() {
	case $1 in
	*.db) fluffy-key join -q -s "$1" ;;
	*) ref join -s "$1" ;;
	esac
}
skdc() {
	case $1 in
	*.db) fluffy-skdc -q -s "$1" ;;
	*) ref skdc -s "$1" ;;
	esac
}
req() {
	case $1 in
	*.db) fluffy-req -q -s "$@" ;;
	*) ref req -s "$@" ;;
	esac
}
estb() {
	case $1 in
	*.db) fluffy-estb -q -s "$1" ;;
	*) ref take -s "$1" ;;
	esac
}

# Group keys.
gsk_request() {
	case $1 in
	*.db) fluffy-gsk request -q -s "$@" ;;
	*) ref gsk-request -s "$@" ;;
	esac
}
gsk_renew() {
	case $1 in
	*.db) fluffy-gsk renew -q -s "$@" ;;
	*) ref gsk-request --renew -s "$@" ;;
	esac
}
gsk_fetch() {
	case $1 in
	*.db) fluffy-gsk fetch -q -s "$@" ;;
	*) ref gsk-fetch -s "$@" ;;
	esac
}
gsk_delete() {
	case $1 in
	*.db) fluffy-gsk delete -q -s "$@" ;;
	*) ref gsk-delete -s "$@" ;;
	esac
}
gsk_accept() {
	case $1 in
	*.db) fluffy-gsk accept -q -s "$1" ;;
	*) ref take -s "$1" ;;
	esac
}
group() {
	case $1 in
	*.db) fluffy-key group -q -s "$@" ;;
	*) ref group -s "$@" ;;
	esac
}

# Deletion.
del_request() {
	case $1 in
	*.db) fluffy-del request -q -s "$@" ;;
	*) ref del-request -s "$@" ;;
	esac
}
del_pending() {
	case $1 in
	*.db) fluffy-del pending -q -s "$@" ;;
	*) ref del-pending -s "$@" ;;
	esac
}
del_accept() {
	case $1 in
	*.db) fluffy-del accept -q -s "$1" ;;
	*) ref take -s "$1" ;;
	esac
}

# Key pairs.
ca() {
	case $1 in
	*.db) fluffy-key ca -q -s "$@" ;;
	*) ref ca -s "$@" ;;
	esac
}
pkp_request() {
	case $1 in
	*.db) fluffy-pkp request -q -s "$@" ;;
	*) ref pkp-request -s "$@" ;;
	esac
}
pkp_accept() {
	case $1 in
	*.db) fluffy-pkp accept -q -s "$1" ;;
	*) ref take -s "$@" ;;
	esac
}
}

# DerivedKey and AuthorizedPublicKey.
# dk VERB STORE...
dk() {
	local verb=$1
	shift
	case $verb:$1 in
	derive:*.db) fluffy-dk derive -q --show-keys -s "$@" ;;
	*.db) fluffy-dk "$verb" -q -s "$@" ;;
	*) dk_ref "$verb" -s "$@" ;;
	esac
}

# associate TA RS NAME-OF-TA NAME-OF-RS OPTIONS...: leaves prov and rs.pem.
associate() {
	expect 0 "$1: provision" dk provision "$1" "$4" --ta "$3" "${@:5}" >prov
	expect 0 "$2: join" dk join "$2" <prov >rs.pem
	expect 0 "$1: trust" dk trust "$1" "$4" <rs.pem
}

# dk_serve RS PORT: $server listens at $port, and forwards to PORT.
# shellcheck disable=SC2034 # they are the caller's
dk_serve() {
	fluffy-dk serve -s "$1" --listen '[::1]:0' --forward "[::1]:$2" \
		2>serve.log &
	server=$!
	port=$(await serve.log 's/.*listening on .*:\([0-9]*\)$/\1/p')
}

# await FILE SCRIPT: what sed makes of it once that is something, or nothing
# after five seconds.
await() {
	local i found
	for ((i = 0; i < 250; i++)); do
		found=$(sed -n "$2" "$1" 2>/dev/null)
		[ -z "$found" ] || break
		sleep 0.02
	done
	echo "$found"
}

# hex FILE...; unhex
hex() {
	od -An -v -tx1 "$@" | tr -d ' \n'
}
unhex() {
	perl -ne 'chomp; print pack("H*", $_)'
}

# realm SKDC ROLE...: a realm, in which each role is played by two devices.
realm() {
	local store role
	expect 0 "init" init "$1"
	for role in "${@:2}"; do
		for store in "$role-ours.db" "$role-theirs.json"; do
			expect 0 "enrol" enrol "$1" "${store%.*}" >doc
			rm -f "$store" "$store.held"
			expect 0 "join" join "$store" <doc
		done
	done
}

# expect STATUS WHAT COMMAND...: stdin and stdout are the caller's.
expect() {
	local want=$1 what=$2 status=0
	shift 2
	"$@" 2>err || status=$?
	[ $status = "$want" ] ||
		complain "$what: status $status, not $want: $(head -1 err)"
}

# nothing FILE WHAT
nothing() {
	[ ! -s "$1" ] || complain "$2: there is an answer"
}

# The answer's encoding is the question's.
looks_like() {
	case $1:$(head -c 1 "$2" | od -An -tx1) in
	'--json: 7b' | '--cbor: a'[0-9a-f]) ;;
	*) complain "$3: not in the encoding that was asked for" ;;
	esac
}

# are FILE TYPE COUNT WHAT: that many messages, all of them of that type.
are() {
	local found
	found=$(fluffy-msg --to json "$1" |
		sed 's/^{"pvno":1,"msg-type":"\([A-Z-]*\)".*/\1/' |
		sort | uniq -c | tr -s ' ')
	[ "$found" = " $3 $2" ] ||
		complain "$4: not $3 $2 but$(echo "$found" | tr '\n' ';')"
}

# says CODE FILE WHAT: the file is an ERROR of that code.
says() {
	fluffy-msg --check --select "error-code=$1" "$2" 2>err ||
		complain "$3: not an ERROR $1: $(fluffy-msg --to json "$2")"
}

# refuses CODE WHAT SKDC <request: with that ERROR, which is left in "error".
refuses() {
	skdc "$3" >error 2>err
	says "$1" error "$2"
}

# only NAME ENCODING: of the messages on stdin those to that device.
only() {
	fluffy-msg --to json | grep "\"cname\":\"$1\"" |
		fluffy-msg --to "${2#--}"
}

# edit STATEMENTS <message: changed by Python; m is its JSON.
edit() {
	fluffy-msg --to json | python3 -c '
import json, sys
m = json.load(sys.stdin)
exec(sys.argv[1])
print(json.dumps(m))' "$1"
}

# flipped BIT FILE
flipped() {
	python3 -c '
import sys
bit, buf = int(sys.argv[1]), bytearray(open(sys.argv[2], "rb").read())
bit %= len(buf) * 8
buf[bit // 8] ^= 1 << bit % 8
sys.stdout.buffer.write(buf)' "$@"
}

# held STORE: "KEYID HEX" for all session and group keys in it.
held() {
	local id
	case $1 in
	*.db)
		for id in $(listed "$1"); do
			echo "$id $(fluffy-key export -s "$1" --as hex "$id")"
		done 2>/dev/null
		;;
	*) ref keys -s "$1" | cut -d ' ' -f 2,3 ;;
	esac | grep -E '^[0-9a-f]{16} [0-9a-f]+$' | sort
}

# listed STORE: whatever looks like a keyid.
listed() {
	fluffy-key list -s "$1" | grep -v ^pending |
		grep -oE '\b[0-9a-f]{16}\b' | sort -u
}

# gained STORE: what it holds now and didn't at the last call.
gained() {
	touch "$1.held"
	held "$1" >"$1.now"
	comm -13 "$1.held" "$1.now"
	mv "$1.now" "$1.held"
}

# has STORE LINE WHAT: as held says it.
has() {
	held "$1" | grep -qxF "${2:-none}" ||
		complain "$3: $1 doesn't have the key \"$2\""
}

# lacks STORE KEYID WHAT
lacks() {
	! held "$1" | grep -q "^$2 " || complain "$3: $1 still has $2"
}

# shellcheck shell=bash
# What the stories share: a throw-away realm, and assertions that end the
# story. To be sourced by bash.
#
# A story is in an empty directory of its own. Its commands run one at a time
# under "run", which wants the exact status; nothing that is tested is piped.
set -u
export LC_ALL=C TZ=UTC
unset FLUFFY_STORE
umask 022
exec </dev/null

# libtool's wrappers are shells; what is timed, traced and killed should be the
# programs themselves.
if [ -e "${builddir-}/tools/.libs/fluffy-msg" ]; then
	PATH=$builddir/tools/.libs:$PATH
	LD_LIBRARY_PATH=$builddir/libfluffy/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export PATH LD_LIBRARY_PATH
fi
export ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0"

# Where commits are quick; that they are synced isn't seen here anyway.
if [ -z "${TMPDIR-}" ] && [ -w /dev/shm ]; then
	TMPDIR=/dev/shm
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/fluffy-story.XXXXXX") || exit 99
err=$scratch/err # stderr of the last command
chapter=beginning
clock=
enc=cbor # the encoding of what "ask" and "honest" make

tidy() {
	local pid
	for pid in $(jobs -p); do
		kill -9 "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	if [ -n "${mounted-}" ]; then
		umount "$mounted"
	fi
	chmod -R u+rwx "$scratch"
	rm -rf "$scratch"
}
trap tidy EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch" || exit 99

# ---- assertions --------------------------------------------------------------

chapter() {
	chapter=$*
	echo "# $chapter"
}

fail() {
	{
		echo "FAILED: ${0##*/}, line ${BASH_LINENO[-2]}, $chapter: $*"
		[ ! -s "$err" ] || head -c 4000 "$err"
	} >&2
	[ -n "${STORY_GOES_ON-}" ] || exit 1 # to see all faults at once
}

skip() {
	echo "skipped: $*"
	exit 77
}

have() {
	command -v "$1" >/dev/null
}

# need TOOL...: without them there is no story.
need() {
	local tool
	for tool in "$@"; do
		have "$tool" || skip "$tool is missing"
	done
}

# judge WANTED GOT COMMAND...: a crash is never a refusal.
judge() {
	local want=$1 got=$2
	shift 2
	if [ "$got" -ge 86 ] || grep -qE 'Sanitizer|runtime error:' "$err"; then
		fail "crashed with status $got: $*"
	fi
	[ "$got" = "$want" ] || fail "status $got instead of $want: $*"
}

# run STATUS COMMAND...: stdin and stdout are the caller's. With $clock set the
# command lives at that time.
run() {
	local want=$1 got=0
	shift
	if [ -n "$clock" ]; then
		at "$clock" "$@" 2>"$err" || got=$?
	else
		"$@" 2>"$err" || got=$?
	fi
	judge "$want" "$got" "$@"
}

expect_err() {
	grep -qF -e "$1" "$err" || fail "stderr doesn't say '$1'"
}

quiet_err() {
	[ ! -s "$err" ] || fail "stderr isn't empty"
}

empty() {
	[ ! -s "$1" ] || fail "$1 isn't empty"
}

same() {
	cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

has() {
	grep -qF -e "$2" "$1" || fail "$1 doesn't have '$2'"
}

has_not() {
	! grep -qF -e "$2" "$1" || fail "$1 has '$2'"
}

equal() {
	[ "$1" = "$2" ] || fail "'$1' should be '$2'${3+: $3}"
}

size() {
	wc -c <"$1" | tr -d ' '
}

mode() {
	stat -c %a "$1"
}

# holds HEX FILE...: do the files' raw bytes have these bytes?
holds() {
	local hex=$1
	shift
	perl -e '
		my $needle = pack("H*", shift);
		local $/;
		for (@ARGV) {
			open(my $f, "<:raw", $_) or next;
			exit 0 if index(<$f>, $needle) >= 0;
		}
		exit 1;' "$hex" "$@"
}

# gone HEX STORE: from the database and from whatever lies beside it.
gone() {
	! holds "$1" "$2" "$2-wal" "$2-shm" "$2-journal" ||
		fail "a key that is gone is still in the files of $2"
}

hex_of() {
	perl -0777 -ne 'print unpack("H*", $_)' "$@"
}

base64url() { # HEX
	perl -MMIME::Base64 -e \
		'$_ = encode_base64(pack("H*", shift), ""); tr,+/=,-_,d; print' "$1"
}

# ---- messages ----------------------------------------------------------------

# is FILE TYPE [ERROR-CODE]
is() {
	run 0 fluffy-msg --check --select "msg-type=$2" "$1"
	[ $# -lt 3 ] || run 0 fluffy-msg --check --select "error-code=$3" "$1"
}

json() {
	run 0 fluffy-msg --to json "$1"
}

# field FILE FILTER: what jq finds in the (first) message.
field() {
	fluffy-msg --to json "$1" | jq -r "$2"
}

# in_enc FILE: a message in the current encoding.
in_enc() {
	run 0 fluffy-msg --to "$enc" "$1"
}

# edit FILE FILTER: the message after jq changed it.
edit() {
	fluffy-msg --to json "$1" | jq -c "$2" >"$scratch/edited" ||
		fail "jq: $2"
	run 0 fluffy-msg --to "$enc" "$scratch/edited"
}

# swap FILE MEMBER OTHER [MEMBER]: FILE with that member of the other message.
swap() {
	fluffy-msg --to json "$1" >"$scratch/one"
	fluffy-msg --to json "$3" >"$scratch/two"
	jq -c -s ".[0]$2 = .[1]${4-$2} | .[0]" "$scratch/one" "$scratch/two" \
		>"$scratch/edited" || fail "jq: $2"
	run 0 fluffy-msg --to "$enc" "$scratch/edited"
}

# reseal FILE STORE MEMBER PYTHON: the message after that member was opened
# under the store's secret key, changed and sealed anew. The program changes the
# plaintext p, or the message m around it, by labels: p[L["nonce"]]. Needs the
# reference implementation (need_reference).
reseal() {
	local kid
	kid=$(fluffy-key list -s "$2" | awk '/^secret.* current/ { print $3 }')
	python3 - "$1" "$enc" "$3" "$(key_of "$2" "$kid")" "$4" \
		2>"$err" <<-'EOF' || fail "reseal $*"
		import os, sys
		from fluffy_ref import *
		file, form, part, key, program = sys.argv[1:]
		L, key, form = LABELS, bytes.fromhex(key), form.replace("--", "")
		m = decode(open(file, "rb").read())
		ticket = part == "enc-part"
		fields = STRUCT[m["msg-type"]]
		c = m["mticket"] if ticket else m
		fields = fields["mticket"].schema if ticket else fields
		s = c[part]
		def structure():
		    return cbor_dumps(["Encrypt0", cbor_dumps({1: s.alg}), aad_of(c, fields, part)])
		def plain(item):
		    return {k: plain(v) for k, v in item} if isinstance(item, Obj) else item
		p = plain(cbor_item(aead(s.alg, key).decrypt(s.iv, s.ciphertext, structure()), 0)[0])
		exec(program)
		iv = os.urandom(len(s.iv))
		sealed = aead(s.alg, key).encrypt(iv, cbor_dumps(p), structure())
		c[part] = Sealed(s.alg, s.kid, iv, sealed)
		sys.stdout.buffer.write(encode(m, form))
	EOF
}

need_reference() {
	local root=${BASH_SOURCE[0]%/tests/cli/lib.sh}
	# its bytecode is kept, but not in the source tree
	unset PYTHONDONTWRITEBYTECODE
	export PYTHONPATH=$root/tests/interop PYTHONPYCACHEPREFIX=$scratch
	python3 -c 'import fluffy_ref' 2>/dev/null ||
		skip "python3-cryptography is missing"
}

refused_with_ack() { # FILE ERROR-CODE
	is "$1" ERROR "$2"
	equal "$(field "$1" 'has("ack")')" true "an ack belongs here"
}

refused_without_ack() { # FILE ERROR-CODE
	is "$1" ERROR "$2"
	equal "$(field "$1" 'has("ack") or has("cname") or has("crealm")')" false \
		"nothing is proven here"
}

# ---- a realm -----------------------------------------------------------------

device() { # NAME [SKDC'S STORE]
	run 0 fluffy-key enrol -s "${2-skdc.db}" "$1" >"$scratch/enrol"
	run 0 fluffy-key join -s "$1.db" <"$scratch/enrol"
	rm "$scratch/enrol"
}

# enter DIRECTORY: an empty one
enter() {
	rm -rf "${scratch:?}/$1"
	mkdir "$scratch/$1" || fail "no directory $1"
	cd "$scratch/$1" || fail "no directory $1"
}

# realm DIRECTORY: skdc.db, sensor.db and lock.db in it, and goes there.
realm() {
	enter "$1"
	run 0 fluffy-key init -s skdc.db --realm home skdc
	device sensor
	device lock
}

# ask FILE [CLIENT SERVICE [OPTION]...]
ask() {
	local file=$1 client=${2-sensor} service=${3-lock}
	shift $(($# < 3 ? $# : 3))
	run 0 fluffy-req -s "$client.db" --"$enc" "$@" -- "$service" >"$file"
}

keyid_said() {
	sed -n 's/.* \(received\|accepted\|established\) \([0-9a-f]*\) .*/\2/p' \
		"$err" | tail -n 1
}

key_of() { # STORE KEYID
	run 0 fluffy-key export -s "$1" --as hex "$2"
}

# honest: an exchange from end to end still works; $keyid is its key.
honest() {
	honest_between sensor lock
}

honest_between() { # CLIENT SERVICE
	ask honest.req "$1" "$2"
	run 0 fluffy-skdc -s skdc.db <honest.req >honest.rep
	run 0 fluffy-estb -s "$1.db" <honest.rep >honest.estb
	run 0 fluffy-estb -s "$2.db" <honest.estb >honest.ack
	run 0 fluffy-estb -s "$1.db" <honest.ack >honest.end
	empty honest.end
	expect_err "with $2 until"
	keyid=$(keyid_said)
	equal "$(key_of "$1.db" "$keyid")" "$(key_of "$2.db" "$keyid")" \
		"both sides have the same key"
	rm -f honest.*
}

# exchange: leaves req, rep, estb, ack; the ack not yet taken.
exchange() {
	exchange_between sensor lock
}

exchange_between() { # CLIENT SERVICE
	ask req "$1" "$2"
	run 0 fluffy-skdc -s skdc.db <req >rep
	run 0 fluffy-estb -s "$1.db" <rep >estb
	run 0 fluffy-estb -s "$2.db" <estb >ack
}

pending() { # STORE: how many requests wait
	fluffy-key list -s "$1" | grep -c '^pending.*PSK-REQ'
}

# ---- groups ------------------------------------------------------------------

# group VERB FILE DEVICE GROUP [OPTION]...: the device's message about GROUP.
group() {
	run 0 fluffy-gsk "$1" -s "$3.db" --"$enc" "${@:5}" -- "$4" >"$2"
}

# serve STATUS FILE ANSWER
serve() {
	run "$1" fluffy-skdc -s skdc.db <"$2" >"$3"
}

# take DEVICE FILE: the answer about a group; $keyid is what it brought.
take() {
	run 0 fluffy-gsk accept -s "$1.db" <"$2" >taken
	empty taken
	keyid=$(keyid_said)
}

# obtain VERB DEVICE GROUP [OPTION]...: $keyid is what it brought.
obtain() {
	group "$1" group.req "${@:2}"
	serve 0 group.req group.rep
	take "$2" group.rep
	[ -n "$keyid" ] || fail "$1 of $3 brought $2 no key"
}

# denied CODE VERB DEVICE GROUP [OPTION]...: with an ack, and so at the device.
denied() {
	group "$2" denied.req "${@:3}"
	serve 1 denied.req denied.rep
	refused_with_ack denied.rep "$1"
	run 1 fluffy-gsk accept -s "$3.db" <denied.rep >taken
	expect_err "ERROR $1 (proven"
	same taken denied.rep
}

# delete OWNER GROUP MEMBER...: all of it; it takes exactly these members.
delete() {
	local owner=$1 group=$2 member
	shift 2
	group delete delete.delt "$owner" "$group"
	serve 0 delete.delt delete.out
	for member in "$@"; do
		is delete.out PSK-DELT
		run 0 fluffy-del accept -s "$member.db" <delete.out >delete.delc
		is delete.delc PSK-DELC
		serve 0 delete.delc delete.rep
	done
	[ $# = 0 ] || mv delete.rep delete.out
	is delete.out GSK-DELC
	run 0 fluffy-gsk accept -s "$owner.db" <delete.out >taken
	expect_err "of deleted group $group"
}

# honest_group: a group's whole life, with its owner lock and its member sensor.
honest_group() {
	local owned
	obtain request lock honest --members sensor
	owned=$keyid
	obtain fetch sensor honest
	equal "$keyid" "$owned"
	equal "$(key_of sensor.db "$keyid")" "$(key_of lock.db "$keyid")" \
		"both have the same key"
	delete lock honest sensor
	! fluffy-key list -s lock.db | grep -q honest || fail "lock has a key"
	! fluffy-key list -s sensor.db | grep -q honest || fail "sensor has a key"
}

# ---- when the system fails ----------------------------------------------------

# refresh NAME: a copy of what is in $scratch/base, and goes there.
refresh() {
	cd "$scratch" || exit 99
	rm -rf "$1"
	cp -a base "$1"
	cd "$1" || exit 99
}

# broken COMMAND...: status 4, with a reason
broken() {
	run 4 "$@"
	[ -s "$err" ] || fail "it doesn't say why: $*"
}

# judge_any STATUS... -- GOT COMMAND...
judge_any() {
	local wanted=()
	while [ "$1" != -- ]; do
		wanted+=("$1")
		shift
	done
	local got=$2
	shift 2
	[[ " ${wanted[*]} " == *" $got "* ]] ||
		judge "${wanted[0]}" "$got" "$@"
	judge "$got" "$got" "$@"
}

# closed, full, unread FILE COMMAND...: broken, because stdout is so; FILE is stdin.
closed() {
	broken "${@:2}" <"$1" >&-
}

full() {
	broken "${@:2}" <"$1" >/dev/full
}

unread() {
	# the pipe has no reader from the start
	# shellcheck disable=SC2016 # Perl's
	broken perl -e 'pipe(R, W) or die; close(R); open(STDOUT, ">&", W) or die;
		close(W); $SIG{PIPE} = "DEFAULT"; exec @ARGV' "${@:2}" <"$1"
}

# on_small SIZE: a file system of its own, or nothing.
on_small() {
	cd "$scratch" || exit 99
	mkdir small
	if [ "$(id -u)" = 0 ] &&
	    mount -t tmpfs -o "size=$1" tmpfs small 2>/dev/null; then
		mounted=$scratch/small
		cp -a base/. small/
		cd small || exit 99
	else
		rmdir small
		return 1
	fi
}

off_small() {
	cd "$scratch" || exit 99
	umount "$mounted" || fail "umount"
	mounted=
	rmdir small
}

# to_the_brim KIB: so much stays free.
to_the_brim() {
	rm -f fill
	dd if=/dev/zero of=fill bs=4096 status=none 2>/dev/null
	truncate -s "-$1K" fill
}

# race COMMAND...: eight times at once, with stdin from "in"; out.N, status.N
race() {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		(
			"$@" <in >out.$i 2>err.$i
			echo $? >status.$i
		) &
		pids+=($!)
	done
	wait "${pids[@]}"
	cat err.? >"$err"
	for i in 1 2 3 4 5 6 7 8; do
		judge "$(cat status.$i)" "$(cat status.$i)" "$@"
	done
	cat status.? | sort | uniq -c | tr -s ' \n' ' ' >statuses
}

# strace_works: faults can be put into system calls.
strace_works() {
	have strace && strace -qq -o /dev/null -e trace=none true 2>/dev/null
}

# killed CALL N FILE COMMAND...: at its Nth system call of that name. Fails when
# it ended by itself before.
killed() {
	local call=$1 n=$2 stdin=$3 status=0
	shift 3
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
		strace -qq -o /dev/null -e "trace=$call" \
		-e "inject=$call:signal=KILL:when=$n" "$@" \
		<"${stdin:-/dev/null}" >out 2>"$err" || status=$?
	[ "$status" != 0 ]
}

# ---- clocks and builds -------------------------------------------------------

# The library that "faketime" preloads.
find_faketime() {
	# shellcheck disable=SC2016 # the inner shell's
	faketime=$(faketime -f +0s sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)
	[ -n "$faketime" ]
}

# at SECONDS COMMAND...: with a clock that stands still at that time.
at() {
	local time=$1
	shift
	LD_PRELOAD=$faketime FAKETIME=$(date -u -d "@$time" '+%F %T') \
		FAKETIME_DONT_FAKE_MONOTONIC=1 "$@"
}

sanitized() {
	local file
	for file in "$(command -v fluffy-msg)" \
	    "${builddir-}"/libfluffy/.libs/libfluffy.so; do
		! grep -qs __asan_init "$file" || return 0
	done
	return 1
}

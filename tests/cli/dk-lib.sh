# shellcheck shell=bash
# What the stories of fluffy-dk's sessions share: a trust anchor and a resource
# server whose store is rs.db, a CoAP server, "serve" and "connect". To be
# sourced by bash. Everything is on the loopback and ends with the story.
# shellcheck disable=SC2034 # the stories use its variables
# shellcheck source=tests/cli/lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"

here=${srcdir:-$(dirname "$0")/../..}/tests/cli
host="[::1]"
under=() # what "serve" is run by
answer="test server made with libcoap" # of coap-server's resource /

# until_true COMMAND...: at most ten seconds
until_true() {
	local i
	for ((i = 0; i < 500; i++)); do
		! "$@" || return 0
		sleep 0.02
	done
	return 1
}

# until_says FILE TEXT
until_says() {
	until_true grep -qsF -e "$2" "$1" || fail "$1 doesn't say '$2': $(cat "$1")"
}

free_port() {
	python3 -c 'import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 0))
print(s.getsockname()[1])'
}

is_over() { # PID
	! kill -0 "$1" 2>/dev/null
}

# ended PID STATUS: it ends by itself, and so
ended() {
	local got=0
	until_true is_over "$1" || fail "process $1 doesn't end"
	wait "$1" || got=$?
	equal "$got" "$2" "exit status"
}

# stop PID: it ends in good order
stop() {
	kill "$1"
	ended "$1" 0
}

# ---- the parties -------------------------------------------------------------

# anchor: ta.db, and rs.db whose trust anchor it is
anchor() {
	run 0 fluffy-dk provision -s ta.db RS >prov
	run 0 fluffy-dk join -s rs.db "$@" <prov >rs.pem
}

# issue FILE [CLIENT]: a credential; $nonce and $key (hex) are what it holds
issue() {
	run 0 fluffy-dk issue -s ta.db RS "${2-C}" >"$1"
	nonce=$(field "$1" '."psk-identity"')
	key=$(fluffy-msg --show-keys "$1" |
		sed -n 's/^ *key: *\([0-9a-f]*\) .*/\1/p')
}

# issue_text FILE: the same, with a key that an argument can hold: $text
issue_text() {
	key=00
	while [[ $key =~ ^(..)*0[0a] ]]; do
		issue "$@"
	done
	text=$(printf '%b' "$(sed 's/../\\x&/g' <<<"$key")")
}

# fresh NONCE, used NONCE: what the resource server thinks of it
fresh() {
	run 0 fluffy-dk derive -s rs.db "$1" >derived
}

used() {
	run 1 fluffy-dk derive -s rs.db "$1" >derived
}

answers_coap() { # URI
	timeout 5 coap-client-notls -B 2 -m get "$1" 2>/dev/null |
		grep -qF "$answer"
}

# coap_server: at $coap
coap_server() {
	coap=$(free_port)
	coap-server-notls -A :: -p "$coap" >coap.log 2>&1 &
	until_true answers_coap "coap://[::1]:$coap/" || fail "no CoAP server"
}

# serve [OPTION]...: $server is at $port, and says serve.log
serve() {
	serve_begin "$@"
	until_says serve.log "listening on"
	serve_port
}

serve_begin() {
	rm -f serve.log
	"${under[@]}" fluffy-dk serve -s rs.db --listen "$host:0" \
		--forward "[::1]:$coap" --handshake "${patience-3}" "$@" 2>serve.log &
	server=$!
}

serve_port() {
	port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' serve.log)
}

# said TEXT: what serve said since "mark"
mark() {
	marked=$(wc -l <serve.log)
}

said() {
	tail -n "+$((marked + 1))" serve.log | grep -qF -e "$1"
}

says() {
	until_true said "$1" || fail "serve doesn't say '$1': $(
		tail -n "+$((marked + 1))" serve.log)"
}

# window: the resource server's, as text
window() {
	run 0 fluffy-dk window -s rs.db
}

# connect STORE [PORT [OPTION]...]: $client, at $local of $host, says connect.log
connect() {
	rm -f connect.log
	fluffy-dk connect -s "$1" --listen "$host:0" --to "$host:${2-$port}" \
		"${@:3}" 2>connect.log &
	client=$!
	until_says connect.log "listening on"
	local=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' connect.log)
}

# proxy [OPTION]...: a bad network in front of the server, at $bad
proxy() {
	rm -f proxy.port
	python3 "$here/dk-proxy.py" "$port" "$@" >proxy.port &
	until_true test -s proxy.port || fail "no proxy"
	bad=$(cat proxy.port)
}

# get [PORT]: the CoAP server answers through the session
# shellcheck disable=SC2120
get() {
	answers_coap "coap://$host:${1-$local}/" || fail "no answer"
}

# join_new STORE: a new credential; $nonce and $key
join_new() {
	issue new
	run 0 fluffy-dk join -s "$1" <new
}

# honest: a session opens, works and ends
honest() {
	rm -f honest.db
	join_new honest.db
	connect honest.db
	get
	stop "$client"
	used "$nonce"
}

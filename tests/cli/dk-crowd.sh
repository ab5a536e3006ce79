#!/bin/bash
# A hundred clients at once through "serve" to a real CoAP server, while others
# send garbage and begin handshakes that they don't end.
# shellcheck source=tests/cli/dk-lib.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/cli/dk-lib.sh"
need jq perl python3 coap-server-notls coap-client-notls

crowd=100

chapter "a credential for each"
enter crowd
anchor --window 128
coap_server
patience=30
serve
for ((i = 0; i < crowd; i++)); do
	run 0 fluffy-dk issue -s ta.db RS "client $i" >cred
	run 0 fluffy-dk join -s "$i.db" <cred
done

# Noise, and ClientHellos that bring their cookie from many ports.
noise() {
	python3 - "$port" <<-'END'
		import os, random, select, socket, sys, time
		rng, address = random.Random(2), ("::1", int(sys.argv[1]))
		def hello(cookie, seq):
		    body = b"\xfe\xfd" + bytes(32) + b"\0" + bytes([len(cookie)]) + \
		        cookie + b"\0\4\xc0\xa8\0\xa8\1\0"
		    n = len(body).to_bytes(3, "big")
		    message = b"\1" + n + bytes((0, seq, 0, 0, 0)) + n + body
		    return b"\x16\xfe\xfd\0\0\0\0\0\0\0" + bytes([seq]) + \
		        len(message).to_bytes(2, "big") + message
		halves = 0
		while True:
		    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		    s.settimeout(0.2)
		    s.connect(address)
		    for _ in range(10):
		        s.send(os.urandom(rng.randrange(1, 1300)))
		        s.send(b"\x17\xfe\xfd\0\1" + os.urandom(60))
		    try:
		        s.send(hello(b"", 0))
		        verify = s.recv(2000)
		        cookie = verify[28:28 + verify[27]]
		        s.send(hello(cookie, 1))
		        if s.recv(2000)[13] == 2:  # ServerHello
		            halves += 1
		            print(halves, flush=True)
		    except (socket.timeout, ConnectionError):
		        pass
		    time.sleep(0.005)
	END
}

chapter "all of them at once, and noise"
noise >halves 2>noise.log &
noise=$!
until_true test -s halves || fail "no handshake was begun: $(cat noise.log)"
for ((i = 0; i < crowd; i++)); do
	fluffy-dk connect -s "$i.db" --listen '[::1]:0' --to "[::1]:$port" \
		2>"$i.log" &
	clients[i]=$!
done
for ((i = 0; i < crowd; i++)); do
	until_says "$i.log" "listening on"
	ports[i]=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' "$i.log")
done
for ((i = 0; i < crowd; i++)); do
	timeout 30 coap-client-notls -B 25 -m get "coap://[::1]:${ports[i]}/" \
		>"$i.out" 2>/dev/null &
	getters[i]=$!
done
wait "${getters[@]}"
for ((i = 0; i < crowd; i++)); do
	has "$i.out" "$answer"
done
kill -0 "$noise" || fail "the noise is over"
equal "$(grep -c ": open: client client " serve.log)" "$crowd"

chapter "and their end"
kill "${clients[@]}"
for ((i = 0; i < crowd; i++)); do
	ended "${clients[i]}" 0
done
kill "$noise"
honest
stop "$server"

#!/usr/bin/env python3
"""A UDP proxy on [::1] that is as bad as a network can be.

usage: dk-proxy.py PORT [seed=N] [drop=P] [double=P] [late=P] [split=MS] [one]
                   [again=MS] [beside=HEX] [swap=HEX/HEX] [log=FILE]

Prints its port and passes datagrams on to PORT and back: P percent of them are
dropped, doubled, or sent after the next one.  With "split" each record of a
client is a datagram, and those behind the first are sent MS later.  With "one"
all clients have one address, and answers go to the one that sent last.  With
"again" a client's datagram is sent once more, MS later; "beside", which may be
empty, is sent with its application data.  "swap" replaces bytes.  FILE gets what passes, in hex: ">"
before a client's datagram, "<" before a server's.
"""
import random
import select
import socket
import sys
import time

target = ("::1", int(sys.argv[1]))
options = dict((o.split("=") + ["1"])[:2] for o in sys.argv[2:])
rate = {k: int(options.get(k, 0)) / 100 for k in ("drop", "double", "late")}
rng = random.Random(int(options.get("seed", 1)))
split = int(options.get("split", 0)) / 1000


def udp():
    return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)


front = udp()
front.bind(("::1", 0))
print(front.getsockname()[1], flush=True)
back = {}  # the socket for a client; or for None, with "one"
client = {}  # and the other way round
again = int(options.get("again", 0)) / 1000
beside = bytes.fromhex(options["beside"]) if "beside" in options else None
swap = [bytes.fromhex(b) for b in options.get("swap", "/").split("/")]
log = open(options.get("log", "/dev/null"), "w", buffering=1)
queue = []  # (when, send, datagram)
held = {}  # what is sent after the next one


def records(datagram):
    while datagram:
        n = 13 + int.from_bytes(datagram[11:13], "big")
        yield datagram[:n]
        datagram = datagram[n:]


def pass_on(where, datagram, send):
    """As a bad network does; where is a direction."""
    print("<" if where in client else ">", datagram.hex(), file=log)
    datagram = datagram.replace(*swap) if swap[0] else datagram
    if rng.random() < rate["drop"]:
        return
    if rng.random() < rate["late"] and where not in held:
        held[where] = datagram
        return
    for _ in range(2 if rng.random() < rate["double"] else 1):
        send(datagram)
    if where in held:
        send(held.pop(where))


def forth(datagram, address):
    key = None if "one" in options else address
    if key not in back:
        back[key] = udp()
        back[key].connect(target)
    client[back[key]] = address
    parts = list(records(datagram)) if split else [datagram]
    for i, part in enumerate(parts):
        queue.append((time.time() + (split if i else 0), back[key], part))
    if again:
        queue.append((time.time() + again, back[key], datagram))
    if beside is not None and datagram[:1] == b"\x17":
        queue.append((time.time(), back[key], beside))


while True:
    queue.sort(key=lambda q: q[0])
    wait = max(0, queue[0][0] - time.time()) if queue else 1
    for s in select.select([front, *client], [], [], wait)[0]:
        try:
            if s is front:
                forth(*s.recvfrom(65536))
            else:
                to = client[s]
                pass_on(s, s.recv(65536), lambda d: front.sendto(d, to))
        except ConnectionError:
            pass  # nobody is there
    while queue and queue[0][0] <= time.time():
        _, s, part = queue.pop(0)
        try:
            pass_on((s,), part, s.send)
        except ConnectionError:
            pass

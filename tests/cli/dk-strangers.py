#!/usr/bin/python3
"""Clients at [::1]:PORT that fluffy-dk serve doesn't know, each with an address of its own.

usage: dk-strangers.py PORT hello [AUTHZ]       a ClientHello without a cookie
       dk-strangers.py PORT guess [AUTHZ]       one with a cookie that nobody gave it
       dk-strangers.py PORT part [AUTHZ]        one whose last byte doesn't come
       dk-strangers.py PORT half N [AUTHZ]      N handshakes that end behind the ServerHello
       dk-strangers.py PORT early N             one of these, then N records too early, and a fatal alert
       dk-strangers.py PORT sessions N TA KEY   N sessions, of the numbers 1 to N under K_RS-TA (hex), and a hello

AUTHZ: the ClientHellos offer AuthzCert.  Prints what the last of them got: the handshake message's type, or "nothing".
"""
import os
import resource
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
import dk_ref  # noqa: E402
import dtls_ref as dtls  # noqa: E402

PSK_CCM_8 = b"\xc0\xa8"                 # TLS_PSK_WITH_AES_128_CCM_8
AUTHZ = {10: b"\0\2\0\x17", 11: dtls.POINTS, 13: dtls.vector(2, dtls.SIGNATURE), dtls.CLIENT_TYPE: b"\1\3", dtls.SERVER_TYPE: b"\1\0"}
open_sockets = []                       # an address isn't used twice


class Stranger(dtls.Peer):
    def __init__(self, port, authz=False):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.connect(("::1", port))
        open_sockets.append(sock)
        super().__init__(sock, b"client")
        self.suites, self.extensions = (dtls.CCM_8, AUTHZ) if authz else (PSK_CCM_8, {})

    def hello(self, cookie=b""):
        self.transcript = b""
        self.say(dtls.CLIENT_HELLO, dtls.VERSION + self.random + b"\0" + dtls.vector(1, cookie) +
                 dtls.vector(2, self.suites) + b"\1\0" + dtls.put_extensions(self.extensions))

    def got(self):
        self.sock.settimeout(1)
        try:
            return self.sock.recv(2000)[13]
        except socket.timeout:
            return "nothing"

    def hello_twice(self):
        """The second has the cookie that the first got."""
        self.hello()
        view = dtls.View(self.hear(dtls.VERIFY_REQUEST)[1])
        view.take(2)
        self.hello(view.vector(1))

    def session(self, nonce, key):
        self.hello_twice()
        view = dtls.View(self.hear(dtls.SERVER_HELLO)[1])
        view.take(2)
        server_random = view.take(32)
        self.hear(dtls.HELLO_DONE)
        self.say(dtls.CLIENT_KEY_EXCHANGE, dtls.vector(2, nonce.encode()))
        secret = dtls.vector(2, bytes(len(key))) + dtls.vector(2, key)
        self.master = dtls.prf(secret, b"master secret", self.random + server_random, 48)
        block = dtls.View(dtls.prf(self.master, b"key expansion", server_random + self.random, 40))
        keys = [block.take(16), block.take(16)], [block.take(4), block.take(4)]
        self.write, self.read = [tuple(k[i] for k in keys) for i in (0, 1)]
        self.finish()
        self.hear_finished()


def hello(port, authz=""):
    last = Stranger(port, authz)
    last.hello()
    return last


def guess(port, authz=""):
    last = Stranger(port, authz)
    last.hello(os.urandom(32))
    return last


class AllButOne:
    """What is sent says that it is longer by a byte."""
    def __init__(self, sock):
        self.sock = sock

    def send(self, record):
        head, size, rest = record[:14], int.from_bytes(record[14:17], "big") + 1, record[17:]
        self.sock.send(head + size.to_bytes(3, "big") + rest)


def part(port, authz=""):
    last = Stranger(port, authz)
    sock, last.sock = last.sock, AllButOne(last.sock)
    last.hello()
    last.sock = sock
    return last


def half(port, n, authz=""):
    for _ in range(int(n)):
        last = Stranger(port, authz)
        last.hello_twice()
    return last


def early(port, n):
    last = half(port, 1)
    last.hear(dtls.SERVER_HELLO)
    for i in range(int(n)):
        last.sock.send(b"\x16" + dtls.VERSION + b"\0\1" + i.to_bytes(6, "big") + dtls.vector(2, bytes(40)))
    last.send(dtls.ALERT, b"\2\x28")
    return last


def sessions(port, n, ta, key):
    for i in range(1, int(n) + 1):
        nonce = dk_ref.nonce(ta, "C", i)
        Stranger(port).session(nonce, dk_ref.derive(bytes.fromhex(key), nonce))
    return hello(port)


_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
what = {"hello": hello, "guess": guess, "part": part, "half": half, "early": early, "sessions": sessions}[sys.argv[2]]
print(what(int(sys.argv[1]), *sys.argv[3:]).got())

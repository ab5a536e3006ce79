#!/usr/bin/python3
"""An independent peer for AuthorizedPublicKey: as much of DTLS 1.2 as one session on the loopback needs.

Written from the memo, RFC 5246, 6347, 7250, 7251 and 8422 alone.  It is a test tool: no datagram may be lost,
and nothing is sent twice.

  dtls_ref.py client PORT DK-CERT KEY     a session with the resource server at [::1]:PORT; sends one datagram and
                                          prints "answer: " and what comes back
      --certificate HEX                   in place of the MacCert
      --proof KEY                         in place of KEY signs CertificateVerify
      --types HEX,HEX                     extensions 19 and 20 are these, or with nothing left out; 0103,0100 otherwise
  dtls_ref.py server STATE                dk_ref.py's resource server, for one client; prints its port, then "client: TA SEQ",
                                          and "data: " and what comes, which it sends back
      --key KEY                           in place of the resource server's own
      --without MESSAGE                   leaves it out: certificate or request

Exit status: 0 all went well, 1 "alert: N" was received or this peer refused, and says why.
"""
import argparse, json, os, socket, sys
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key, load_pem_private_key
import dk_ref
import fluffy_ref as ref

VERSION = b"\xfe\xfd"
CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
(CLIENT_HELLO, SERVER_HELLO, VERIFY_REQUEST, CERTIFICATE, KEY_EXCHANGE, REQUEST, HELLO_DONE, VERIFY, CLIENT_KEY_EXCHANGE,
 FINISHED) = 1, 2, 3, 11, 12, 13, 14, 15, 16, 20
CCM_8 = b"\xc0\xae"                     # TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8
SIGNATURE = b"\4\3"                     # sha256, ecdsa
CURVE = b"\3\0\x17"                     # named_curve, secp256r1
POINTS = b"\1\0"                        # uncompressed
CLIENT_TYPE, SERVER_TYPE, AUTHZ, X509 = 19, 20, b"\3", b"\0"
BAD_CERTIFICATE, DECRYPT_ERROR = 42, 51


class Failed(Exception):
    pass


def prf(secret, label, seed, size):
    seed, out = label + seed, b""
    a = seed
    while len(out) < size:
        a = dk_ref.mac(secret, a)
        out += dk_ref.mac(secret, a + seed)
    return out[:size]


def vector(size, data):
    return len(data).to_bytes(size, "big") + data


class View:
    """What is still to be read of a message."""
    def __init__(self, data):
        self.data = data

    def take(self, size):
        if size > len(self.data):
            raise Failed("a message that ends early")
        out, self.data = self.data[:size], self.data[size:]
        return out

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def vector(self, size):
        return self.take(self.number(size))

    def end(self):
        if self.data:
            raise Failed("a message that goes on")


def extensions(view):
    out, view = {}, View(view.vector(2))
    while view.data:
        kind = view.number(2)
        out[kind] = view.vector(2)
    return out


def put_extensions(found):
    return vector(2, b"".join(k.to_bytes(2, "big") + vector(2, v) for k, v in found.items()))


def insist(ok, what):
    if not ok:
        raise Failed(what)


class Peer:
    """Records, handshake messages and their transcript; the same at both ends."""
    def __init__(self, sock, label):
        self.sock, self.label = sock, label
        sock.settimeout(10)
        self.epoch, self.sent, self.out_seq, self.in_seq = 0, 0, 0, 0
        self.transcript, self.records, self.parts = b"", [], {}
        self.secret = ec.generate_private_key(ec.SECP256R1())
        self.random = os.urandom(32)

    # ---- records
    def send(self, kind, data):
        number = (self.epoch << 48 | self.sent).to_bytes(8, "big")
        self.sent += 1
        if self.epoch:
            key, iv = self.write
            aad = number + bytes([kind]) + VERSION + len(data).to_bytes(2, "big")
            data = number + AESCCM(key, 8).encrypt(iv + number, data, aad)
        try:
            self.sock.send(bytes([kind]) + VERSION + number + vector(2, data))
        except ConnectionRefusedError:
            pass                        # it is gone; what it said before that is still to be read

    def receive(self):
        try:
            return self.sock.recv(65536)
        except ConnectionRefusedError:
            return self.sock.recv(65536)

    def read_record(self):
        while not self.records:
            view = View(self.receive())
            while view.data:
                kind, version, number = view.number(1), view.take(2), view.take(8)
                self.records.append((kind, number, view.vector(2)))
        kind, number, data = self.records.pop(0)
        if number[:2] != b"\0\0":
            key, iv = self.read
            aad = number + bytes([kind]) + VERSION + (len(data) - 16).to_bytes(2, "big")
            data = AESCCM(key, 8).decrypt(iv + data[:8], data[8:], aad)
        if kind == ALERT:
            raise Failed("alert: %d" % data[1])
        return kind, data

    # ---- handshake messages
    def say(self, kind, body):
        size = len(body).to_bytes(3, "big")
        message = bytes([kind]) + size + self.out_seq.to_bytes(2, "big") + b"\0\0\0" + size + body
        self.out_seq += 1
        self.transcript += message
        self.send(HANDSHAKE, message)

    def hear(self, *kinds):
        """The next message, which is one of these."""
        while True:
            found, data = self.read_record()
            insist(found != DATA, "data too early")
            view = View(data if found == HANDSHAKE else b"")
            while view.data:
                kind, size, seq, offset = view.number(1), view.number(3), view.number(2), view.number(3)
                part = view.vector(3)
                if seq >= self.in_seq:
                    body = self.parts.setdefault(seq, (kind, size, {}))[2]
                    body.update(enumerate(part, offset))
            kind, size, body = self.parts.get(self.in_seq, (None, 1, {}))
            if len(body) == size:
                insist(kind in kinds, "message %d, not %s" % (kind, kinds))
                body, size = bytes(body[i] for i in range(size)), size.to_bytes(3, "big")
                self.before = self.transcript
                self.transcript += bytes([kind]) + size + self.in_seq.to_bytes(2, "big") + b"\0\0\0" + size + body
                self.in_seq += 1
                return kind, body

    # ---- keys
    def point(self):
        return self.secret.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def agree(self, point, client_random, server_random):
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        shared = self.secret.exchange(ec.ECDH(), public)
        self.master = prf(shared, b"master secret", client_random + server_random, 48)
        block = View(prf(self.master, b"key expansion", server_random + client_random, 40))
        keys = [block.take(16), block.take(16)], [block.take(4), block.take(4)]
        mine = int(self.label == b"server")
        self.write, self.read = [tuple(k[i] for k in keys) for i in (mine, 1 - mine)]

    def finish(self):
        self.send(CCS, b"\1")
        self.epoch, self.sent = 1, 0
        self.say(FINISHED, self.finished(self.label, self.transcript))

    def hear_finished(self):
        _, body = self.hear(FINISHED)
        other = b"server" if self.label == b"client" else b"client"
        insist(body == self.finished(other, self.before), "a wrong Finished")

    def finished(self, label, transcript):
        return prf(self.master, label + b" finished", ref.hashlib.sha256(transcript).digest(), 12)


def sign(key, data):
    return SIGNATURE + vector(2, key.sign(data, ec.ECDSA(hashes.SHA256())))


def check_signature(public, view, data):
    insist(view.take(2) == SIGNATURE, "another signature algorithm")
    signature = view.vector(2)
    view.end()
    public.verify(signature, data, ec.ECDSA(hashes.SHA256()))


# ------------------------------------------------------------------ the client (figure 4 of the memo)

class Gathered:
    """What is sent makes one datagram."""
    datagram = b""

    def send(self, record):
        self.datagram += record


def client(args):
    with open(args.what, "rb") as f:
        _, maccert, rs_key = dk_ref.client(ref.decode(f.read())).split()
    keys = {}
    for name in {args.key, args.proof or args.key}:
        with open(name, "rb") as f:
            keys[name] = load_pem_private_key(f.read(), None)
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.connect(("::1", int(args.port)))
    me = Peer(sock, b"client")

    offered = {10: b"\0\2\0\x17", 11: POINTS, 13: vector(2, SIGNATURE)}
    offered.update((n, bytes.fromhex(x)) for n, x in zip((CLIENT_TYPE, SERVER_TYPE), args.types.split(",")) if x)

    def hello(cookie):
        me.transcript = b""
        me.say(CLIENT_HELLO, VERSION + me.random + b"\0" + vector(1, cookie) + vector(2, CCM_8) + b"\1\0" + put_extensions(offered))
    hello(b"")
    kind, body = me.hear(VERIFY_REQUEST)
    view = View(body)
    view.take(2)
    hello(view.vector(1))

    view = View(me.hear(SERVER_HELLO)[1])
    insist(view.take(2) == VERSION, "another version")
    server_random = view.take(32)
    view.vector(1)
    insist(view.take(3) == CCM_8 + b"\0", "another cipher suite")
    answered = extensions(view)
    view.end()
    insist((answered.get(CLIENT_TYPE), answered.get(SERVER_TYPE)) == (AUTHZ, X509), "other certificate types")
    # Figure 4 answers (2) though its client has only offered (1).
    insist(set(answered) <= {*offered, SERVER_TYPE}, "an extension that wasn't offered")
    insist(me.hear(CERTIFICATE)[1] == b"\0\0\0", "a certificate of the server")
    view = View(me.hear(KEY_EXCHANGE)[1])
    insist(view.take(3) == CURVE, "another curve")
    point = view.vector(1)
    check_signature(load_der_public_key(bytes.fromhex(rs_key)), view, me.random + server_random + CURVE + vector(1, point))
    view = View(me.hear(REQUEST)[1])
    insist(64 in view.vector(1), "no ecdsa_sign")
    insist(SIGNATURE in view.vector(2), "no SHA-256")
    view.vector(2)
    view.end()
    me.hear(HELLO_DONE)

    me.say(CERTIFICATE, bytes.fromhex(maccert if args.certificate is None else args.certificate))
    me.say(CLIENT_KEY_EXCHANGE, vector(1, me.point()))
    me.say(VERIFY, sign(keys[args.proof or args.key], me.transcript))
    me.agree(point, me.random, server_random)
    if args.at_once:
        me.sock = Gathered()
        me.finish()
        me.send(DATA, b"not there any more")
        me.send(ALERT, b"\1\0")
        sock.send(me.sock.datagram)
        return
    me.finish()
    me.hear_finished()

    me.send(DATA, b"are you there?")
    kind, data = me.read_record()
    insist(kind == DATA, "no data")
    print("answer: " + data.decode())
    me.send(ALERT, b"\1\0")             # close_notify


# ------------------------------------------------------------------ the server

def server(args):
    with open(args.port) as f:
        rs = dk_ref.Server(json.load(f))
    pem = rs.s["key"].encode()
    if args.key:
        with open(args.key, "rb") as f:
            pem = f.read()
    key = load_pem_private_key(pem, None)
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("::1", 0))
    print(sock.getsockname()[1], flush=True)
    sock.connect(sock.recvfrom(65536, socket.MSG_PEEK)[1])
    me = Peer(sock, b"server")

    view = View(me.hear(CLIENT_HELLO)[1])
    insist(view.take(2) == VERSION, "another version")
    client_random = view.take(32)
    view.vector(1), view.vector(1)
    suites, _ = view.vector(2), view.vector(1)
    offered = extensions(view)
    view.end()
    insist(CCM_8 in [suites[i:i + 2] for i in range(0, len(suites), 2)], "no CCM_8")
    insist((offered.get(CLIENT_TYPE), offered.get(SERVER_TYPE)) == (vector(1, AUTHZ), vector(1, X509)), "other certificate types")

    chosen = {CLIENT_TYPE: AUTHZ, SERVER_TYPE: X509, 11: POINTS}
    me.say(SERVER_HELLO, VERSION + me.random + b"\0" + CCM_8 + b"\0" + put_extensions(chosen))
    if args.without != "certificate":
        me.say(CERTIFICATE, b"\0\0\0")
    share = CURVE + vector(1, me.point())
    me.say(KEY_EXCHANGE, share + sign(key, client_random + me.random + share))
    if args.without != "request":
        me.say(REQUEST, b"\1\x40" + vector(2, SIGNATURE) + b"\0\0")
    me.say(HELLO_DONE, b"")

    def refuse(alert, why):
        me.send(ALERT, bytes([2, alert]))
        raise Failed(why)
    maccert = me.hear(CERTIFICATE)[1]
    try:
        ta, number = rs.verify(maccert)
    except (ref.Malformed, ref.Refused) as e:
        refuse(BAD_CERTIFICATE, e)
    public = load_der_public_key(dk_ref.parse_maccert(maccert)[0])
    view = View(me.hear(CLIENT_KEY_EXCHANGE)[1])
    me.agree(view.vector(1), client_random, me.random)
    try:
        check_signature(public, View(me.hear(VERIFY)[1]), me.before)
    except InvalidSignature:
        refuse(DECRYPT_ERROR, "a wrong proof")
    me.hear_finished()
    rs.take(ta, number)
    with open(args.port, "w") as f:
        json.dump(rs.s, f, indent=1)
    me.finish()
    print("client: %s %d" % (ta, number), flush=True)
    kind, data = me.read_record()
    insist(kind == DATA, "no data")
    print("data: " + data.hex(), flush=True)
    me.send(DATA, data)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("role", choices=["client", "server"])
    p.add_argument("port", metavar="PORT|STATE")
    p.add_argument("what", metavar="DK-CERT", nargs="?")
    p.add_argument("proper", metavar="KEY", nargs="?")
    p.add_argument("--key")
    p.add_argument("--without")
    p.add_argument("--certificate")
    p.add_argument("--proof")
    p.add_argument("--types", default="0103,0100")
    p.add_argument("--at-once", action="store_true")
    args = p.parse_args()
    args.key = args.proper or args.key
    try:
        (client if args.role == "client" else server)(args)
    except (Failed, InvalidSignature, InvalidTag, ref.Refused, socket.timeout, ConnectionError) as e:
        print("%s" % (e if str(e) else type(e).__name__))
        sys.exit(1)


if __name__ == "__main__":
    main()

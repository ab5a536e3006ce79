#!/usr/bin/python3
"""Section 11 of the Fluffy wire profile 1 in the independent reference implementation.

Written from the profile's text and the memo alone, to be compared with the library.  Like fluffy_ref.py it
is a test tool: its state is a JSON file with keys in clear, and nothing is durable or constant in time.

The trust anchor
  dk_ref.py provision -s F RS [--ta NAME] [--bits 128|256] [--import FILE]    K_RS-TA, made or read as hex; prints DK-PROV
  dk_ref.py trust -s F RS              reads the RS's public key
  dk_ref.py issue -s F RS CLIENT       prints DK-CRED
  dk_ref.py certify -s F RS CLIENT     reads the client's public key; prints DK-CERT
  dk_ref.py revoke -s F RS SEQ         prints DK-REVOKE
The resource server
  dk_ref.py join -s F [--window N]     reads DK-PROV; prints its own public key in PEM
  dk_ref.py derive -s F NONCE          prints K_RS-C in hex; the window stays
  dk_ref.py verify -s F                reads DK-CERT or a bare MacCert and prints "TA SEQ"; the window stays
  dk_ref.py take -s F TA SEQ           a handshake with that number has come to its end
  dk_ref.py accept -s F                reads DK-REVOKE
                                       both print the right edge, then what is used within the window and right of it
  dk_ref.py cases -s F TA              what is to be accepted and refused, a line each: "STATUS VERB WHAT INPUT ANSWER", the
                                       last two in hex.  VERB is derive, verify or accept
The client
  dk_ref.py client                     reads DK-CRED or DK-CERT: prints "psk KEY NONCE" or "cert MACCERT RS-KEY", in hex but the nonce

Public keys are PEM, DER, JWK or COSE_Key.  Exit status: 0 done, 1 refused, 3 malformed.
"""
import argparse, hmac, json, os, re, sys
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat, PublicFormat, load_der_public_key,
                                                          load_pem_private_key, load_pem_public_key)
import fluffy_ref as ref
from fluffy_ref import DK_CERT, DK_CRED, DK_PROV, DK_REVOKE, Malformed, Refused

LAST = 2 ** 32 - 1
HMAC_SHA256 = 3


def mac(key, data):
    return hmac.new(key, data, "sha256").digest()


# ------------------------------------------------------------------ the nonce and what is derived from it

NUMBER = re.compile(r"[1-9][0-9]{0,9}\Z")


def nonce(ta, cname, number):
    text = "DK.%s.%s.%d" % (ta, cname, number)
    split(text)
    return text


def split(text):
    """A nonce's parts: (ta, cname, number)."""
    if not 1 <= len(text.encode()) <= 128:
        raise Malformed("psk-identity", "a text of a wrong length")
    if not text.startswith("DK."):
        raise Malformed("psk-identity", "no DK. in front")
    ta, dot, rest = text[3:].partition(".")
    cname, dot, number = rest.rpartition(".")
    for part in ta, cname:
        ref.Reader("json").name(part, "psk-identity")
    if not NUMBER.match(number) or int(number) > LAST:
        raise Malformed("psk-identity", "not a sequence number")
    return ta, cname, int(number)


def derive(key, text):
    """The first round of P_SHA256, as long as the key."""
    seed = text.encode()
    return mac(key, mac(key, seed) + seed)[:len(key)]


# ------------------------------------------------------------------ MacCert

def maccert(spki, ta, number, key):
    ta = ta.encode()
    body = len(spki).to_bytes(3, "big") + spki + bytes([len(ta)]) + ta + number.to_bytes(4, "big") + bytes([HMAC_SHA256])
    return body + b"\x20" + mac(key, body + b"\0")


def parse_maccert(buf):
    """(spki, ta, number, what the MAC covers, MAC)."""
    def cut(size):
        nonlocal pos
        if pos + size > len(buf):
            raise Malformed("maccert", "ends early")
        pos += size
        return buf[pos - size:pos]

    def number(size):
        return int.from_bytes(cut(size), "big")
    pos = 0
    spki, ta, seq, alg = cut(number(3)), cut(number(1)), number(4), number(1)
    body = buf[:pos] + b"\0"
    tag = cut(number(1))
    if pos != len(buf):
        raise Malformed("maccert", "goes on behind the MAC")
    if not spki or not ta:
        raise Malformed("maccert", "an empty vector")
    if alg != HMAC_SHA256 or len(tag) != 32:
        raise Malformed("maccert", "another MAC than hmac_sha256")
    try:
        return spki, ta.decode(), seq, body, tag
    except UnicodeDecodeError:
        raise Refused("unknown trust anchor")


# ------------------------------------------------------------------ public keys

def check_spki(der):
    try:
        if ref.spki(load_der_public_key(der)) == der:
            return der
    except (ValueError, UnsupportedAlgorithm):
        pass
    raise Malformed("public key", "no valid SubjectPublicKeyInfo")


def read_public(buf):
    """The SubjectPublicKeyInfo of a public key in any form."""
    if buf.startswith(b"-----"):
        return ref.spki(load_pem_public_key(buf))
    if buf.startswith(b"{"):
        jwk = json.loads(buf)
        kty, params = {"EC": ref.EC, "OKP": ref.OKP, "RSA": ref.RSA}[jwk["kty"]], jwk
        key = {k: {w: n for n, w in ref.CRV.items()}[v] if k == "crv" else ref.unb64(v) for k, v in params.items() if k in ref.PARAMS[kty]}
    elif 0xa0 <= buf[0] < 0xc0:
        cose = dict(ref.cbor_item(buf, 0)[0])
        kty, key = cose[1], {k: cose[n] for k, n in ref.PARAMS[cose[1]].items() if n in cose}
    else:
        return check_spki(buf)
    return ref.spki(ref.load_key({"kty": kty, "key": key}))


# ------------------------------------------------------------------ the trust anchor

def first_time(state, key):
    """With a key that was there before the numbers would begin again."""
    if key.hex() in state["had"]:
        raise Refused("that key was used before")
    state["had"].append(key.hex())


class Anchor:
    """State: ta, rs {name: {keyid, key, last: the last number given out, rs-key}}, and had: all keys so far."""
    def __init__(self, state):
        self.s = state

    def of(self, rs):
        if rs not in self.s["rs"]:
            raise Refused("unknown resource server")
        return self.s["rs"][rs]

    def document(self, kind, rs, **members):
        return dict({"pvno": 1, "msg-type": kind, "ta": self.s["ta"], "rs": rs}, **members)

    def provision(self, rs, key):
        first_time(self.s, key)
        known = self.s["rs"].setdefault(rs, {"rs-key": ""})
        keyid = os.urandom(4)
        known.update(keyid=keyid.hex(), key=key.hex(), last=0)
        return self.document(DK_PROV, rs, keydata={"kty": ref.SYMM, "keyid": keyid, "key": key, "keyops": [7]})

    def next(self, rs):
        known = self.of(rs)
        if known["last"] == LAST:
            raise Refused("the sequence numbers are used up")
        known["last"] += 1
        return known["last"], bytes.fromhex(known["key"])

    def issue(self, rs, cname):
        number, key = self.next(rs)
        text = nonce(self.s["ta"], cname, number)
        return self.document(DK_CRED, rs, **{"cname": cname, "psk-identity": text, "key": derive(key, text)})

    def certify(self, rs, cname, spki):
        rs_key = bytes.fromhex(self.of(rs)["rs-key"])
        if not rs_key:
            raise Refused("the resource server's public key isn't known")
        number, key = self.next(rs)
        return self.document(DK_CERT, rs, **{"cname": cname, "maccert": maccert(spki, self.s["ta"], number, key), "rs-key": rs_key})

    def revoke(self, rs, number):
        known = self.of(rs)
        if not 1 <= number <= LAST:
            raise Refused("not a sequence number")
        doc = self.document(DK_REVOKE, rs, seqnum=number)
        doc["cksum"] = revocation_cksum(doc, bytes.fromhex(known["key"]))
        return doc


def revocation_cksum(doc, key):
    return mac(ref.hkdf(key, b"fluffy dk revoke"), without_cksum(doc))


def without_cksum(doc):
    return ref.aad_of(doc, ref.STRUCT[DK_REVOKE], "cksum")


# ------------------------------------------------------------------ the resource server

class Window:
    """By the book: the right edge, and the set of all that is used and not yet left of the window."""
    def __init__(self, size, edge, used):
        self.size, self.edge, self.used = size, edge, set(used)

    def fresh(self, number):
        return 0 < number <= LAST and number > self.edge - self.size and number not in self.used

    def revoke(self, number):
        self.used.add(number)
        self.used = {n for n in self.used if n > max(0, self.edge - self.size)}

    def take(self, number):
        if not self.fresh(number):
            return False
        self.edge = max(self.edge, number)
        self.revoke(number)
        return True


class Server:
    """State: rs, window (its size), key (PEM), ta {name: {keyid, key, edge, used}}, and had: all keys so far."""
    def __init__(self, state):
        self.s = state

    @staticmethod
    def new(rs, window):
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {"rs": rs, "window": window, "key": key.decode(), "ta": {}, "had": []}

    def public(self):
        key = load_pem_private_key(self.s["key"].encode(), None).public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def join(self, doc):
        if doc["msg-type"] != DK_PROV:
            raise Refused("not a DK-PROV")
        if doc["rs"] != self.s["rs"]:
            raise Refused("another resource server's")
        kd = doc["keydata"]
        first_time(self.s, kd["key"])
        self.s["ta"][doc["ta"]] = {"keyid": kd["keyid"].hex(), "key": kd["key"].hex(), "edge": 0, "used": []}

    def key(self, ta):
        if ta not in self.s["ta"]:
            raise Refused("unknown trust anchor")
        return bytes.fromhex(self.s["ta"][ta]["key"])

    def window(self, ta):
        self.key(ta)
        return Window(self.s["window"], self.s["ta"][ta]["edge"], self.s["ta"][ta]["used"])

    def keep(self, ta, window):
        self.s["ta"][ta].update(edge=window.edge, used=sorted(window.used))

    def usable(self, ta, number):
        """The key, if the number is fresh."""
        key = self.key(ta)
        if not self.window(ta).fresh(number):
            raise Refused("stale")
        return key

    def derive(self, text):
        ta, _, number = split(text)
        return derive(self.usable(ta, number), text)

    def verify(self, cert):
        """Section 3.3's checks in their order."""
        spki, ta, number, body, tag = parse_maccert(cert)
        key = self.usable(ta, number)
        check_spki(spki)
        if not hmac.compare_digest(tag, mac(key, body)):
            raise Refused("a wrong MAC")
        return ta, number

    def verify_document(self, doc):
        if doc["msg-type"] != DK_CERT:
            raise Refused("not a DK-CERT")
        if doc["rs"] != self.s["rs"]:
            raise Refused("another resource server's")
        check_certificate(doc)
        return self.verify(doc["maccert"])

    def take(self, ta, number):
        window = self.window(ta)
        if not window.take(number):
            raise Refused("stale")
        self.keep(ta, window)
        return window

    def accept(self, doc):
        if doc["msg-type"] != DK_REVOKE:
            raise Refused("not a DK-REVOKE")
        if doc["rs"] != self.s["rs"]:
            raise Refused("another resource server's")
        if not hmac.compare_digest(doc["cksum"], revocation_cksum(doc, self.key(doc["ta"]))):
            raise Refused("a wrong cksum")
        window = self.window(doc["ta"])
        window.revoke(doc["seqnum"])
        self.keep(doc["ta"], window)
        return window


# ------------------------------------------------------------------ the client

def check_certificate(doc):
    if parse_maccert(doc["maccert"])[1] != doc["ta"]:
        raise Malformed("maccert", "another trust anchor than the document's")


def client(doc):
    if doc["msg-type"] == DK_CRED:
        if split(doc["psk-identity"])[:2] != (doc["ta"], doc["cname"]):
            raise Malformed("psk-identity", "other names than the document's")
        return "psk %s %s" % (doc["key"].hex(), doc["psk-identity"])
    if doc["msg-type"] != DK_CERT:
        raise Refused("neither DK-CRED nor DK-CERT")
    check_certificate(doc)
    return "cert %s %s" % (doc["maccert"].hex(), check_spki(doc["rs-key"]).hex())


# ------------------------------------------------------------------ what another resource server is to agree upon

def nonces(ta, fresh):
    """(what, nonce), good and bad."""
    room = 128 - len("DK.%s..%d" % (ta, fresh))
    good = ["C", "a.b.c", ".", "1", "-", "\u00e9t\u00e9 \u20ac\U0001f511", "550e8400-e29b-41d4-a716-446655440000", "x" * room,
            "\u20ac" * (room // 3)]
    yield from (("a client's name", "DK.%s.%s.%d" % (ta, c, fresh)) for c in good)
    yield from (("a number", "DK.%s.C.%d" % (ta, n)) for n in (0, 1, fresh, LAST, LAST + 1, 2 ** 64 + fresh))
    n = str(fresh)
    forms = ["", "00", "0" + n, "+" + n, "-" + n, n + " ", " " + n, n + "x", n + ".", n + "e0", "0x1", "\u0661", n + "\n", "1_0"]
    yield from (("the number's form", "DK.%s.C.%s" % (ta, x)) for x in forms)
    forms = ["DK", "DK.", "DK..", "DK...", "DK." + ta, "DK.%s." % ta, "DK.%s." % ta + n, "DK.%s.." % ta + n, "DK..C." + n]
    forms += [front + ta + ".C." + n for front in (".", "dk.", "DK", " DK.")]
    forms += ["DK.%s.a%sb." % (ta, c) + n for c in "\t\x7f\x85"]
    yield from (("the form", x) for x in forms)
    yield "129 bytes", "DK.%s.%s.%s" % (ta, "x" * (room + 1), n)
    yield from (("a trust anchor", "DK.%s.C.%s" % (x, n)) for x in (ta + "x", ta[:-1] or "x", ta.swapcase(), " " + ta))


def certificates(ta, key, fresh):
    """(what, MacCert), good and bad."""
    spki = ref.spki(ec.generate_private_key(ec.SECP256R1()).public_key())
    good = maccert(spki, ta, fresh, key)
    at = 3 + len(spki)                  # of the trust anchor's length
    head, tail = good[:-34], good[-34:]

    def signed(body, length=32):        # body ends with mac_algorithm
        return body + bytes([length]) + (mac(key, body + b"\0") * 9)[:length]

    def with_spki(der):
        return signed(len(der).to_bytes(3, "big") + der + head[at:] + tail[:1])
    yield "none", b""
    yield from (("cut to %d" % n, good[:n]) for n in (1, 2, 3, at - 1, at, at + 1, len(good) - 33, len(good) - 32, len(good) - 1))
    yield "goes on", good + b"\0"
    yield from (("MAC of %d" % n, signed(head + tail[:1], n)) for n in (0, 16, 31, 32, 33, 255))
    yield "MAC over its own length", head + tail[:2] + mac(key, head + tail[:2])
    yield "MAC over less", head + tail[:2] + mac(key, head + tail[:1])
    yield from (("algorithm %d" % n, signed(head + bytes([n]))) for n in (0, 1, 2, 4, 5, 6, 255))
    yield from (("number %d" % n, maccert(spki, ta, n, key)) for n in (0, 1, fresh, LAST))
    yield from (("a trust anchor", maccert(spki, x, fresh, key)) for x in (ta + "x", ta.swapcase(), ta + "\0", "x" * 255))
    yield "no trust anchor", signed(head[:at] + b"\0" + head[-4:] + tail[:1])
    yield "not UTF-8", signed(head[:at] + b"\2\xff\xfe" + head[-4:] + tail[:1])
    yield from (("length %06x" % n, signed(n.to_bytes(3, "big") + head[3:] + tail[:1])) for n in (0, 1, len(spki) - 1, len(spki) + 1, 2 ** 24 - 1))
    yield "no public key", with_spki(b"")
    yield "P-384", with_spki(ref.spki(ec.generate_private_key(ec.SECP384R1()).public_key()))
    yield "key cut", with_spki(spki[:-1])
    yield "key goes on", with_spki(spki + b"\0")
    yield "not on the curve", with_spki(spki[:-1] + bytes([spki[-1] ^ 1]))
    yield "at infinity", with_spki(spki[:1] + b"\x18" + spki[2:23] + b"\x03\x02\0\0")
    yield "another OID", with_spki(spki[:12] + bytes([spki[12] ^ 1]) + spki[13:])
    yield "BER", with_spki(b"\x30\x81" + spki[1:])
    yield "garbage", with_spki(bytes(range(91)))
    yield from (("bit %d" % n, flip(good, n)) for n in range(0, 8 * len(good), 29))


def flip(buf, bit):
    return buf[:bit // 8] + bytes([buf[bit // 8] ^ 1 << bit % 8]) + buf[bit // 8 + 1:]


def revocations(rs, ta, key, first):
    """(what, DK-REVOKE), good and bad; numbers from first on."""
    def doc(number, key=key, **other):
        out = dict({"pvno": 1, "msg-type": DK_REVOKE, "ta": ta, "rs": rs, "seqnum": number}, **other)
        out["cksum"] = revocation_cksum(out, key)
        return out
    yield "the next", doc(first)
    yield "once more", doc(first)
    yield "left of the window", doc(1)
    yield "far right", doc(first + 1000)
    yield "the last", doc(LAST)
    yield "number 0", doc(0)
    yield "unknown members", doc(first + 1, vendor=[1.5, None], **{"\u20ac": {"b": 1, "a": 2}})
    yield "another key", doc(first + 2, bytes(len(key)))
    yield "another server", doc(first + 2, rs=rs + "x")
    yield "another trust anchor", doc(first + 2, ta=ta + "x")
    yield "another number", dict(doc(first + 2), seqnum=first + 3)
    yield "a member added", dict(doc(first + 2), vendor=1)
    yield "a member gone", {k: v for k, v in doc(first + 2, vendor=1).items() if k != "vendor"}
    yield "cksum under the key itself", dict(doc(first + 2), cksum=mac(key, without_cksum(doc(first + 2))))
    yield from (("cksum bit %d" % n, dict(doc(first + 2), cksum=flip(doc(first + 2)["cksum"], n))) for n in (0, 100, 255))


def cases(server, ta):
    key, edge = server.key(ta), server.window(ta).edge

    def line(verb, what, given, answer):
        try:
            status, out = 0, answer() or b""
        except Refused:
            status, out = 1, b""
        except Malformed:
            status, out = 3, b""
        return "%d\t%s\t%s\t%s\t%s" % (status, verb, what, given.hex(), out.hex())
    for what, text in nonces(ta, edge + 7):
        yield line("derive", what, text.encode(), lambda: server.derive(text))
    for what, cert in certificates(ta, key, edge + 7):
        yield line("verify", what, cert, lambda: server.verify(cert) and None)
    for i, (what, doc) in enumerate(revocations(server.s["rs"], ta, key, edge + 8)):
        given = ref.encode(doc, "json" if i % 2 else "cbor")
        yield line("accept", what, given, lambda: server.accept(ref.decode(given)) and None)


# ------------------------------------------------------------------ the command line

def import_key(name):
    with open(name) as f:
        return bytes.fromhex(f.read())


def anchor(args, state, given):
    """What a trust anchor does: (its state, what it prints)."""
    ta, fmt = Anchor(state or {"ta": args.ta, "rs": {}, "had": []}), "json" if args.json else "cbor"
    if args.command == "provision":
        key = import_key(args.key) if args.key else os.urandom(args.bits // 8)
        out = ta.provision(args.name, key)
    elif args.command == "trust":
        ta.of(args.name)["rs-key"] = read_public(given).hex()
        return ta.s, b""
    elif args.command == "issue":
        out = ta.issue(args.name, args.what)
    elif args.command == "certify":
        out = ta.certify(args.name, args.what, read_public(given))
    else:
        out = ta.revoke(args.name, int(args.what))
    return ta.s, ref.encode(out, fmt)


def server(args, state, given):
    """What a resource server does: (its state, what it prints)."""
    if args.command == "join":
        doc = ref.decode(given)
        rs = Server(state or Server.new(doc["rs"], args.window))
        rs.join(doc)
        return rs.s, rs.public()
    rs = Server(state)
    if args.command == "derive":
        out = rs.derive(args.name).hex()
    elif args.command == "verify":
        bare = given[:1] == b"\0"       # the top of a length of 24 bits
        out = "%s %d" % (rs.verify(given) if bare else rs.verify_document(ref.decode(given)))
    elif args.command == "cases":
        out = "\n".join(cases(rs, args.name))
    else:
        window = rs.take(args.name, int(args.what)) if args.command == "take" else rs.accept(ref.decode(given))
        out = " ".join(map(str, [window.edge] + sorted(window.used)))
    return rs.s, (out + "\n").encode()


def run(args):
    given = sys.stdin.buffer.read() if args.command in "trust certify join verify accept client".split() else b""
    if args.command == "client":
        print(client(ref.decode(given)))
        return
    state = None
    if os.path.exists(args.s):
        with open(args.s) as f:
            state = json.load(f)
    elif args.command not in ("provision", "join"):
        raise Refused("%s isn't there" % args.s)
    role = anchor if args.command in "provision trust issue certify revoke".split() else server
    state, out = role(args, state, given)
    with open(args.s, "w") as f:
        json.dump(state, f, indent=1)
    sys.stdout.buffer.write(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("command", choices="provision trust issue certify revoke join derive verify take accept cases client".split())
    p.add_argument("name", nargs="?", help="RS, NONCE or TA")
    p.add_argument("what", nargs="?", help="CLIENT or SEQ")
    p.add_argument("-s", metavar="STATE")
    p.add_argument("--ta", default="TA", metavar="NAME", help="provision: the name of a new trust anchor")
    p.add_argument("--bits", type=int, choices=[128, 256], default=128)
    p.add_argument("--import", dest="key", metavar="FILE")
    p.add_argument("--window", type=int, default=64)
    p.add_argument("--json", action="store_true", help="write JSON")
    p.add_argument("--cbor", action="store_false", dest="json", help="write CBOR, the default")
    try:
        run(p.parse_intermixed_args())
    except (Malformed, ref.BadVersion, Refused) as e:
        print("dk_ref: %s" % e, file=sys.stderr)
        sys.exit(3 if isinstance(e, Malformed) else 1)


if __name__ == "__main__":
    main()

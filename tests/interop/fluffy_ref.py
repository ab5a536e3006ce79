#!/usr/bin/python3
"""An independent reference implementation of the Fluffy wire profile 1.

Written from the profile's text alone, to be compared with the library.  It is a test tool: it keeps
its state in a JSON file, isn't durable, isn't constant in time, and holds keys in clear.

  fluffy_ref.py init -s F --realm R NAME       make an SKDC
  fluffy_ref.py enrol -s F NAME [--alg A]      enrol NAME, or rotate its key; prints ENROL
  fluffy_ref.py ca -s F [--cert PEM --key PEM] the SKDC issues certificates; files that aren't there are made,
                                               without any the test CA stays inside
  fluffy_ref.py skdc -s F                      SKDC: reads requests and PSK-DELC, prints answers
  fluffy_ref.py group -s F [GROUP]             SKDC: groups and their holders; --add, --remove, --forbid NAME: members
  fluffy_ref.py del-request -s F KEYID         SKDC: a session key or pair is to go; prints PSK-DELT for who hasn't confirmed
  fluffy_ref.py del-pending -s F [--resend]    SKDC: what isn't confirmed yet; prints PSK-DELT for all of it
  fluffy_ref.py join -s F                      device: reads ENROL
  fluffy_ref.py req -s F SERVICE [--json]      device: prints PSK-REQ
  fluffy_ref.py gsk-request -s F GROUP         device: prints GSK-REQ; --members A,B|any --lifetime S --grppac JSON --renew --etype A,B
  fluffy_ref.py gsk-fetch -s F GROUP           device: prints GSK-FET; --keyid ID
  fluffy_ref.py gsk-delete -s F GROUP          device: prints GSK-DELT for the key that it owns, or --keyid ID
  fluffy_ref.py pkp-request -s F --kty K --alg A,B [--for SERVICE] [--cert] [--cert-chain]     device: prints PKP-REQ
  fluffy_ref.py take -s F                      device: whatever comes; prints the PSK-ESTB, PSK-ACK, PSK-DELC or ERROR that answers
                                               it; --cert PEM: certificates are to be that CA's
  fluffy_ref.py estb -s F                      the same
  fluffy_ref.py keys -s F [KEYID]              device: "ROLE KEYID KEY NAME ALG" a line; pair: KEY is x or n, and d in front of NAME.
                                               ROLE: client, service, owner, member, pair, public (another's).  NAME: whose, or -
  fluffy_ref.py convert --to json|cbor         check and convert a stream
  fluffy_ref.py check                          "ok TYPE" or "malformed PATH: why" or "bad-version", a line each
  fluffy_ref.py gen --seed N --count M --to json|cbor|wild|wildjson
  fluffy_ref.py gen-bad --seed N --count M -o DIR

Exit status: 0 done, 1 refused (bad-version included), 3 malformed.  --now N sets the clock.
Seals made by `gen` open under the test key of their alg: the first bytes of
SHA-256("fluffy gen key " alg-number), except PSK-ESTB's authenticator (the key is in the miniticket).
"""
import argparse, base64, datetime, hashlib, hmac, json, math, os, random, re, struct, sys, time, uuid
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

MAX = 2 ** 53 - 1
DEPTH, CBOR_LIMIT, INPUT_LIMIT = 16, 65536, 524288


class Malformed(Exception):
    def __init__(self, path, text):
        super().__init__("%s: %s" % (path or "message", text))
        self.path, self.text = path, text


class BadVersion(Exception):
    pass


class NotWellFormed(Malformed):
    """A stream cannot go on behind this one."""


# ------------------------------------------------------------------ registries (section 3)

LABELS = {n: i for i, n in enumerate("""alg pvno msg-type req-body authenticator mticket receipt ack kenvelope crealm
    cname sprealm spname skdcrealm skdcname nonce authtime endtime keydata enc-part kty keyid key etype ctime mcastrealm
    mcastname sptime seqnum cksum skdc-options tflags rflags envflags cpac sppac grppac spskdc transited keyops pkuse x5u
    x5c x5t x5t256 ext error-code e-text ta rs psk-identity maccert rs-key""".split())}
NAMES = {i: n for n, i in LABELS.items()}

(PSK_REQ, PSK_REP, PSK_ESTB, PSK_ACK, PSK_DELT, PSK_DELC, GSK_REQ, GSK_REP, GSK_FET, GSK_DLVR, GSK_DELT, GSK_DELC,
 PKP_REQ, PKP_REP, ERROR, ENROL, DK_PROV, DK_CRED, DK_CERT, DK_REVOKE) = range(1, 21)
MSGTYPE = dict(enumerate("""PSK-REQ PSK-REP PSK-ESTB PSK-ACK PSK-DELT PSK-DELC GSK-REQ GSK-REP GSK-FET GSK-DLVR GSK-DELT
    GSK-DELC PKP-REQ PKP-REP ERROR ENROL DK-PROV DK-CRED DK-CERT DK-REVOKE""".split(), 1))
SYMM, EC, OKP, RSA = 4, 2, 1, 3
KTY = {4: "SYMM", 2: "EC", 1: "OKP", 3: "RSA"}
CRV = {1: "P-256", 2: "P-384", 3: "P-521", 4: "X25519", 6: "Ed25519"}
ALG = {30: "AES-CCM-16-128-128", 10: "AES-CCM-16-64-128", 11: "AES-CCM-16-64-256", 31: "AES-CCM-16-128-256", 1: "A128GCM",
       2: "A192GCM", 3: "A256GCM", 24: "ChaCha20/Poly1305", -7: "ES256", -35: "ES384", -36: "ES512", -8: "EdDSA",
       -37: "PS256", -25: "ECDH-ES+HKDF-256"}
KEYOPS = {1: "sign", 2: "verify", 3: "encrypt", 4: "decrypt", 5: "wrapKey", 6: "unwrapKey", 7: "deriveKey", 8: "deriveBits"}
PKUSE = {0: "sig", 1: "enc"}
OPTIONS = {0: "cert", 1: "cert-chain", 2: "renew"}
ERRORS = dict(enumerate("""malformed bad-version auth-failed clock-skew replay wrong-skdc unknown-service bad-etype
    not-permitted no-such-group group-exists group-deleting not-owner no-such-key no-ca busy internal expired""".split(), 1))
E = {w: n for n, w in ERRORS.items()}
# content encryption: alg -> (key, iv, tag) in bytes
CONTENT = {30: (16, 13, 16), 10: (16, 13, 8), 11: (32, 13, 8), 31: (32, 13, 16), 1: (16, 12, 16), 2: (24, 12, 16),
           3: (32, 12, 16), 24: (32, 12, 16)}
# the parameters of asymmetric keys in their order, with their COSE labels
EC_PARAMS = {"crv": -1, "x": -2, "y": -3, "d": -4}
RSA_PARAMS = {"n": -1, "e": -2, "d": -3, "p": -4, "q": -5, "dp": -6, "dq": -7, "qi": -8}
PARAMS = {EC: EC_PARAMS, OKP: {k: v for k, v in EC_PARAMS.items() if k != "y"}, RSA: RSA_PARAMS}
PAIRS = {(EC, -7): 1, (EC, -35): 2, (EC, -36): 3, (EC, -25): 1, (OKP, -8): 6, (OKP, -25): 4, (RSA, -37): None}
EC_SIZE = {1: 32, 2: 48, 3: 66}

# ------------------------------------------------------------------ kinds and structures (sections 2 and 5)

KIND = {"pvno": ("uint", MAX), "seqnum": ("uint", 2 ** 32 - 1), "nonce": ("bytes", 4, 32), "keyid": ("bytes", 1, 32),
        "cksum": ("bytes", 8, 8), "x5t": ("bytes", 20, 20), "x5t256": ("bytes", 32, 32), "maccert": ("bytes", 0, CBOR_LIMIT),
        "rs-key": ("bytes", 0, CBOR_LIMIT), "x5u": ("text", 0, 255), "e-text": ("text", 0, 255),
        "psk-identity": ("text", 1, 128), "x5c": ("blobs", 1, 8), "msg-type": ("token", MSGTYPE), "kty": ("token", KTY),
        "alg": ("token", ALG), "error-code": ("token", ERRORS), "pkuse": ("token", PKUSE), "crv": ("token", CRV),
        "keyops": ("tokens", KEYOPS, 0, 10), "etype": ("etype", ALG, 1, 8), "skdc-options": ("flags", OPTIONS),
        "cksum:32": ("bytes", 32, 32), "key:psk": ("bytes", 16, 32), "ta:dk": ("name",)}
for _k, _names in (("name", "crealm cname sprealm spname skdcrealm skdcname mcastrealm mcastname spskdc ta rs"),
                   ("any", "cpac sppac grppac transited ext")):
    KIND.update((n, (_k,)) for n in _names.split())
KIND.update((n, ("uint", MAX)) for n in "authtime endtime ctime sptime".split())
KIND.update((n, ("flags", {})) for n in "tflags rflags envflags".split())
KIND["grppac:req"] = ("grppac",)


class Field:
    def __init__(self, name, kind, optional, schema=None):
        self.name, self.kind, self.optional, self.schema = name, kind, optional, schema


def schema(text):
    """Read a structure written as in section 5 ('{}' clear, '<>' sealed, ':' a flavour); dicts of Fields."""
    words = re.sub(r"([{}<>])", r" \1 ", text).split()

    def one():
        out = {}
        while words and words[0] not in "}>":
            word = words.pop(0)
            optional, word = word[0] == "?", word.lstrip("?")
            name, _, flavour = word.partition(":")
            sub = None
            if words and words[0] in "{<":
                kind = ("map",) if words.pop(0) == "{" else ("sealed",)
                sub = one()
                words.pop(0)
            else:
                kind = ("keydata", flavour) if name == "keydata" else KIND[word]
            out[name] = Field(name, kind, optional, sub)
        return out
    return one()


_AUTH = "authenticator<crealm cname ctime nonce ?seqnum ?cksum>"
_TICKET = """mticket{skdcrealm skdcname ?sprealm spname
    enc-part<?tflags crealm cname ?cpac authtime ?endtime ?sppac ?transited keydata:ticket>}"""
_GRECEIPT = "receipt<?rflags skdcrealm skdcname ?mcastrealm mcastname ?grppac authtime nonce endtime keydata:receipt>"
STRUCT = {n: schema("pvno msg-type " + s) for n, s in {
    PSK_REQ: "req-body{kty etype ?skdc-options skdcrealm skdcname ?sprealm spname ?cpac}" + _AUTH + "?ext",
    PSK_REP: "crealm cname " + _TICKET + "receipt<?rflags skdcrealm skdcname ?sprealm spname ?spskdc ?cpac authtime nonce"
             " endtime keydata:receipt> ?ext",
    PSK_ESTB: "crealm cname " + _TICKET + "?" + _AUTH + "?ext",
    PSK_ACK: "crealm cname ack<spname ?sprealm nonce authtime ?seqnum> ?ext",
    PSK_DELT: "crealm cname kenvelope<?envflags skdcrealm skdcname authtime nonce ?seqnum ?endtime keydata:ref> ?ext",
    PSK_DELC: "?skdcrealm skdcname ack<cname ?crealm nonce authtime ?seqnum> ?ext",
    GSK_REQ: "req-body{kty etype ?skdc-options skdcrealm skdcname ?mcastrealm mcastname ?grppac:req}"
             "authenticator<sprealm spname sptime nonce ?seqnum ?cksum> ?ext",
    GSK_REP: "sprealm spname " + _GRECEIPT + "?ext",
    GSK_FET: "req-body{?skdc-options ?skdcrealm skdcname ?mcastrealm mcastname ?keyid}" + _AUTH + "?ext",
    GSK_DLVR: "crealm cname " + _GRECEIPT + "?ext",
    GSK_DELT: "sprealm spname kenvelope<?envflags ?mcastrealm mcastname authtime nonce ?seqnum keydata:ref> ?ext",
    GSK_DELC: "?sprealm spname ack<mcastname ?mcastrealm nonce authtime ?seqnum> ?ext",
    PKP_REQ: "req-body{kty etype ?skdc-options skdcrealm skdcname ?sprealm ?spname ?cpac}" + _AUTH + "?ext",
    PKP_REP: "crealm cname ?" + _TICKET + "receipt<?rflags skdcrealm skdcname ?sprealm ?spname ?spskdc ?cpac authtime nonce"
             " endtime keydata:receipt> ?ext",
    ERROR: "error-code ?e-text ?crealm ?cname ?skdcrealm ?skdcname ?ack<skdcname nonce authtime> ?ext",
    ENROL: "crealm cname skdcrealm skdcname ?endtime keydata:secret",
    DK_PROV: "ta:dk rs keydata:prov",
    DK_CRED: "ta:dk rs cname psk-identity key:psk",
    DK_CERT: "ta:dk rs cname maccert rs-key",
    DK_REVOKE: "ta:dk rs seqnum cksum:32"}.items()}
# keydata, by flavour; "key" is read apart
KD_SYMM = schema("kty keyid keyops alg")
KD_PROV = schema("kty keyid keyops")
KD_ASYM = schema("kty keyid keyops alg pkuse ?x5u ?x5c ?x5t ?x5t256")
KD_REF = schema("keyid")
KD_ORDER = "kty keyid key keyops alg pkuse x5u x5c x5t x5t256".split()


class Sealed:
    """A COSE_Encrypt0; kid is None where there is none."""
    def __init__(self, alg, kid, iv, ciphertext):
        self.alg, self.kid, self.iv, self.ciphertext = alg, kid, iv, ciphertext

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__


class Sign1(Sealed):
    def __init__(self, alg, payload, signature):
        self.alg, self.payload, self.signature = alg, payload, signature


# ------------------------------------------------------------------ raw CBOR

class Obj(list):
    """A map as it was read: a list of (key, value)."""


class Tag:
    def __init__(self, number, value):
        self.number, self.value = number, value


class Odd:
    """undefined, an unassigned simple value, or a place holder for something that was already refused."""


def cbor_item(buf, pos):
    """One well-formed item at pos: (item, end, first breach of section 1 or None).  NotWellFormed if it isn't."""
    soft, stack, depth = None, [], 0        # a frame: [kind, container, items still to come or None]
    while True:
        start = pos
        if pos >= len(buf):
            raise NotWellFormed("byte %d" % pos, "ends early")
        major, info = buf[pos] >> 5, buf[pos] & 31
        pos += 1
        arg = info
        if 24 <= info <= 27:
            size = 1 << (info - 24)
            if pos + size > len(buf):
                raise NotWellFormed("byte %d" % start, "ends early")
            arg = int.from_bytes(buf[pos:pos + size], "big")
            pos += size
        elif 28 <= info <= 30 or info == 31 and major in (0, 1, 6):
            raise NotWellFormed("byte %d" % start, "reserved additional information")
        in_chunks = stack and stack[-1][0] == "chunks"
        done = False
        if major == 7 and info == 31:                                   # break
            if not stack or stack[-1][2] is not None or stack[-1][0] == "map" and len(stack[-1][1]) % 2:
                raise NotWellFormed("byte %d" % start, "break out of place")
        elif in_chunks and (major != stack[-1][1] or info == 31):
            raise NotWellFormed("byte %d" % start, "wrong chunk")
        elif major < 2:
            value, done = (arg if major == 0 else -1 - arg), True
        elif major < 4:
            if info == 31:
                soft = soft or ("byte %d" % start, "a chunked string")
                stack.append(["chunks", major, None])
                continue
            if pos + arg > len(buf):
                raise NotWellFormed("byte %d" % start, "ends early")
            value, done = buf[pos:pos + arg], True
            pos += arg
            if major == 3:
                try:
                    value = value.decode("utf-8")
                except UnicodeDecodeError:
                    soft, value = soft or ("byte %d" % start, "invalid UTF-8"), ""
        elif major < 6:
            depth += 1
            if depth > DEPTH:
                soft = soft or ("byte %d" % start, "nested too deeply")
            count = None if info == 31 else arg * (major - 3)
            stack.append(["array" if major == 4 else "map", [], count])
            if count != 0:
                continue
        elif major == 6:
            stack.append(["tag", arg, 1])
            if arg not in (16, 18):
                soft = soft or ("byte %d" % start, "a tag")
            continue
        elif info < 24 or info == 24:
            if info == 24 and arg < 32:
                raise NotWellFormed("byte %d" % start, "a simple value in two bytes")
            value, done = {20: False, 21: True, 22: None}.get(arg, Odd()) if info < 24 else Odd(), True
        else:
            value, done = struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], buf[start + 1:pos])[0], True
        # feed the value upwards, closing what it completes
        while True:
            if not done:
                kind, held, _ = stack.pop()
                value = Odd()
                if kind == "array":
                    value = held
                elif kind == "map":
                    value = Obj(zip(held[0::2], held[1::2]))
                    keys = [(type(k), k) for k in held[0::2] if type(k) in (int, str, bytes)]
                    if len(set(keys)) < len(keys):
                        soft = soft or ("byte %d" % start, "a duplicate label in the map that ends here")
                if kind in ("array", "map"):
                    depth -= 1
                    value = value if depth < DEPTH else Odd()
            if not stack:
                return value, pos, soft
            top, done = stack[-1], True
            if top[0] == "tag":
                stack.pop()
                value = Tag(top[1], value) if top[1] in (16, 18) and not isinstance(value, Tag) else Odd()
                continue
            if top[0] != "chunks":
                top[1].append(value)
            if top[2] is not None:
                top[2] -= 1
                if top[2] == 0:
                    done = False
                    continue
            break


class Any:
    """Marks a value of kind any in a tree to be written (only the 'wild' writer cares)."""
    def __init__(self, value):
        self.value = value


class Spliced(bytes):
    """Bytes to be written as they are."""


class SealArray(list):
    tag = 16


class UuidName(bytes):
    pass


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, "big")
    raise ValueError(n)


def float_forms(f):
    """The CBOR floats equal to f, shortest first."""
    out = []
    for info, fmt in ((0xf9, ">e"), (0xfa, ">f"), (0xfb, ">d")):
        try:
            packed = struct.pack(fmt, f)
        except OverflowError:
            continue
        if struct.unpack(fmt, packed)[0] == f:
            out.append(bytes([info]) + packed)
    return out


def cbor_dumps(v):
    if isinstance(v, Spliced):
        return bytes(v)
    if isinstance(v, Any):
        return cbor_dumps(v.value)
    if v is None or isinstance(v, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[v]
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, float):
        return float_forms(v)[0]
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        b = v.encode()
        return head(3, len(b)) + b
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(cbor_dumps, v))
    return head(5, len(v)) + b"".join(k + cbor_dumps(x) for k, x in sorted(
        ((cbor_dumps(k), x) for k, x in v.items()), key=lambda e: e[0]))


# ------------------------------------------------------------------ raw JSON

class Num(str):
    """A JSON number as it was written."""


JSON_TOKEN = re.compile(r"""[ \t\n\r]*(?:([{}\[\]:,])|("[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*")
    |(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|(true|false|null))""".replace("\n    |", "|"))
JSON_SPACE = re.compile(r"[ \t\n\r]*")


def json_item(text, pos):
    """One JSON text at pos, as cbor_item; text was decoded with surrogateescape."""
    soft, stack, want = None, [], "value"       # a frame: [container, key]

    while True:
        m = JSON_TOKEN.match(text, pos)
        if not m:
            raise NotWellFormed("character %d" % JSON_SPACE.match(text, pos).end(), "not JSON")
        punct, string, number, word = m.groups()
        bad = NotWellFormed("character %d" % m.start(m.lastindex), "not JSON")
        pos = m.end()
        if string:
            string = json.loads(string)
            try:
                string.encode()
            except UnicodeEncodeError:
                soft, string = soft or ("character %d" % m.start(2), "invalid UTF-8"), ""
            punct = None
        if want in ("key", "key or }") and string is not None:
            stack[-1][1], want = string, "colon"
            continue
        if want == "colon" and punct == ":":
            want = "value"
            continue
        if want == "comma" and punct == ",":
            want = "key" if type(stack[-1][0]) is Obj else "value"
            continue
        if punct in ("{", "[") and want in ("value", "value or ]"):
            stack.append([Obj() if punct == "{" else [], None])
            if len(stack) > DEPTH:
                soft = soft or ("character %d" % pos, "nested too deeply")
            want = "key or }" if punct == "{" else "value or ]"
            continue
        if punct and stack and punct == ("}" if type(stack[-1][0]) is Obj else "]") and \
                want in ("comma", "key or }" if punct == "}" else "value or ]"):
            value = stack.pop()[0]
            if punct == "}" and len(set(k for k, _ in value)) < len(value):
                soft = soft or ("character %d" % pos, "a duplicate name in the object that ends here")
            if len(stack) >= DEPTH:
                value = Odd()
        elif punct or want not in ("value", "value or ]"):
            raise bad
        else:
            value = string if string is not None else Num(number) if number else {"true": True, "false": False, "null": None}[word]
        if not stack:
            return value, pos, soft
        top = stack[-1]
        top[0].append((top[1], value) if type(top[0]) is Obj else value)
        want = "comma"


def json_dumps(v):
    if isinstance(v, Spliced):
        return bytes(v).decode("utf-8", "surrogateescape")
    if isinstance(v, Any):
        return json_dumps(v.value)
    if isinstance(v, float):
        return repr(v)
    if isinstance(v, list):
        return "[" + ",".join(map(json_dumps, v)) + "]"
    if isinstance(v, dict):
        return "{" + ",".join(json_dumps(k) + ":" + json_dumps(x) for k, x in v.items()) + "}"
    return json.dumps(v if not isinstance(v, str) else str(v), ensure_ascii=False)


# ------------------------------------------------------------------ from raw items to messages

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
INTEGER = re.compile(r"(0|-?[1-9][0-9]*)\Z")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def unb64(s):
    """The bytes, or None unless s is their canonical base64url."""
    if not re.match(r"[A-Za-z0-9_-]*\Z", s) or len(s) % 4 == 1:
        return None
    b = base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
    return b if b64(b) == s else None


class Reader:
    """Turns raw items of one encoding into values."""
    def __init__(self, fmt):
        self.json = fmt == "json"

    def integer(self, v, path):
        if self.json:
            if type(v) is not Num or not INTEGER.match(v) or len(v) > 17:
                raise Malformed(path, "not an integer")
            v = int(v)
        if type(v) is not int:
            raise Malformed(path, "not an integer")
        if abs(v) > MAX:
            raise Malformed(path, "out of range")
        return v

    def uint(self, v, path, top):
        v = self.integer(v, path)
        if not 0 <= v <= top:
            raise Malformed(path, "out of range")
        return v

    def text(self, v, path, low=0, high=255):
        if type(v) is not str:
            raise Malformed(path, "not a text")
        if not low <= len(v.encode()) <= high:
            raise Malformed(path, "a text of a wrong length")
        if CONTROL.search(v):
            raise Malformed(path, "a control character")
        return v

    def name(self, v, path):
        if type(v) is bytes and not self.json:
            if len(v) != 16:
                raise Malformed(path, "not a UUID")
            return str(uuid.UUID(bytes=v))
        return self.text(v, path, 1)

    def octets(self, v, path, low=0, high=INPUT_LIMIT):
        if self.json:
            v = unb64(v) if type(v) is str else None
        if type(v) is not bytes:
            raise Malformed(path, "not bytes")
        if not low <= len(v) <= high:
            raise Malformed(path, "bytes of a wrong length")
        return v

    def items(self, v, path, low=0, high=INPUT_LIMIT):
        if type(v) is not list:
            raise Malformed(path, "not an array")
        if not low <= len(v) <= high:
            raise Malformed(path, "an array of a wrong length")
        return v

    def token(self, v, path, words):
        if self.json and type(v) is str:
            for n, word in words.items():
                if word == v:
                    return n
            raise Malformed(path, "an unknown word")
        n = self.integer(v, path)
        if self.json and n in words:
            raise Malformed(path, "a number instead of its word")
        return n

    def tokens(self, v, path, words, low, high):
        out = [self.token(x, "%s[%d]" % (path, i), words) for i, x in enumerate(self.items(v, path, low, high))]
        if len(set(out)) < len(out):
            raise Malformed(path, "a token twice")
        return out

    def flags(self, v, path, words):
        if not self.json:
            return self.uint(v, path, 2 ** 32 - 1)
        bits = self.tokens(v, path, words, 0, 32)
        if any(not 0 <= b < 32 for b in bits):
            raise Malformed(path, "out of range")
        return sum(1 << b for b in bits)

    def any(self, v, path):
        if v is None or type(v) in (bool, str):
            return v
        if type(v) is list:
            return [self.any(x, "%s[%d]" % (path, i)) for i, x in enumerate(v)]
        if type(v) is Obj:
            if any(type(k) is not str for k, _ in v):
                raise Malformed(path, "a key that isn't text")
            return {k: self.any(x, "%s.%s" % (path, k)) for k, x in v}
        if type(v) is Num and INTEGER.match(v) and len(v) <= 17:
            v = int(v)
        if type(v) not in (int, float, Num):
            raise Malformed(path, "not allowed here")
        if type(v) is int and abs(v) <= MAX:
            return v
        v = float(v)
        if math.isnan(v) or abs(v) > MAX:
            raise Malformed(path, "out of range")
        return int(v) if v == int(v) else v

    def members(self, v, path):
        """A structure's members: known ones by name, unknown ones by an integer or a text."""
        if type(v) is not Obj:
            raise Malformed(path, "not a map")
        out = []
        for k, x in v:
            if self.json and k in LABELS:
                pass
            elif type(k) is str:
                if not 1 <= len(k.encode()) <= 255:
                    raise Malformed(path, "a label of a wrong length")
                if INTEGER.match(k):
                    n = int(k) if len(k) <= 17 else MAX + 1
                    if not self.json or n in NAMES or abs(n) > MAX:
                        raise Malformed(path, "the label " + k[:20])
                    k = n
                elif k in LABELS:
                    raise Malformed(path, "the label " + k)
            else:
                if type(k) is not int or abs(k) > MAX:
                    raise Malformed(path, "a label of a wrong kind")
                k = NAMES.get(k, k)
            out.append((k, x))
        return out

    def structure(self, v, path, fields, closed=False):
        out = {}
        for k, x in self.members(v, path):
            where = "%s.%s" % (path, k) if path else str(k)
            if k in fields:
                out[k] = self.field(fields[k], x, where, path)
            elif k in LABELS or closed:
                raise Malformed(where, "not a member of this structure")
            else:
                out[k] = self.any(x, where)
        for f in fields.values():
            if not f.optional and f.name not in out:
                raise Malformed("%s.%s" % (path, f.name) if path else f.name, "missing")
        return out

    def field(self, f, v, path, parent=""):
        kind, *args = f.kind
        if kind == "bytes":
            return self.octets(v, path, *args)
        if kind == "etype":
            return self.tokens(v, path, *args) if type(v) is list else self.token(v, path, args[0])
        if kind == "blobs":
            return [self.octets(x, "%s[%d]" % (path, i)) for i, x in enumerate(self.items(v, path, *args))]
        if kind == "map":
            return self.structure(v, path, f.schema)
        if kind == "keydata":
            return self.keydata(v, path, args[0])
        if kind == "sealed":
            return self.sealed(v, path, f)
        if kind == "grppac":
            return check_grppac(self.any(v, path), path)
        return getattr(self, kind)(v, path, *args)

    def params(self, v, path, kty):
        if type(v) is not Obj:
            raise Malformed(path, "not a map")
        table, out = PARAMS[kty], {}
        for k, x in v:
            name = k if self.json else {n: w for w, n in table.items()}.get(k) if type(k) is int else None
            if name not in table:
                raise Malformed(path, "an unknown parameter")
            where = "%s.%s" % (path, name)
            out[name] = self.token(x, where, CRV) if name == "crv" else self.octets(x, where)
        return out

    def keydata(self, v, path, flavour):
        if flavour == "ref":
            return self.structure(v, path, KD_REF, True)
        pairs = dict((k, x) for k, x in self.members(v, path) if k in ("kty", "key"))
        for k in ("kty", "key"):
            if k not in pairs:
                raise Malformed("%s.%s" % (path, k), "missing")
        kty = self.token(pairs["kty"], path + ".kty", KTY)
        if kty not in KTY or flavour in ("secret", "prov") and kty != SYMM:
            raise Malformed(path + ".kty", "not allowed here")
        fields = KD_ASYM if kty != SYMM else KD_PROV if flavour == "prov" else KD_SYMM
        rest = Obj((k, x) for k, x in v if k != ("key" if self.json else LABELS["key"]))
        out = self.structure(rest, path, fields)
        out["key"] = self.octets(pairs["key"], path + ".key") if kty == SYMM else self.params(pairs["key"], path + ".key", kty)
        check_keydata(out, path, flavour)
        return out

    def sealed(self, v, path, f):
        """The array or object of a sealed part."""
        tag = None
        if self.json:
            if type(v) is not Obj:
                raise Malformed(path, "not sealed")
            v = dict(v)
            sign = "payload" in v or "signature" in v
            names = ["protected", "unprotected"] + (["payload", "signature"] if sign else ["ciphertext"])
            if sorted(v) != sorted(names):
                raise Malformed(path, "not sealed")
            v = [v[n] for n in names]
        else:
            if type(v) is Tag:
                tag, v = v.number, v.value
            if type(v) is not list or len(v) not in (3, 4):
                raise Malformed(path, "not sealed")
            sign = len(v) == 4
            if tag not in (None, 18 if sign else 16):
                raise Malformed(path, "a wrong tag")
        protected = self.octets(v[0], path + ".protected")
        try:
            inner, end, soft = cbor_item(protected, 0)
        except Malformed:
            inner = None
        if type(inner) is not Obj or len(inner) != 1 or type(inner[0][0]) is not int or inner[0][0] != 1 or \
                type(inner[0][1]) is not int or abs(inner[0][1]) > MAX or cbor_dumps({1: inner[0][1]}) != protected:
            raise Malformed(path + ".protected", "not {1: alg}")
        alg = inner[0][1]
        if type(v[1]) is not Obj:
            raise Malformed(path + ".unprotected", "not a map")
        header = dict((k, x) for k, x in v[1] if type(k) in (int, str))
        kid, iv = ("kid", "iv") if self.json else (4, 5)
        in_estb = f is STRUCT[PSK_ESTB].get("authenticator")
        if sign:
            if not in_estb:
                raise Malformed(path, "a signature")
            if v[1]:
                raise Malformed(path + ".unprotected", "not empty")
            payload = self.octets(v[2], path + ".payload")
            if "cksum" in plaintext(payload, f.schema, path + ".payload"):
                raise Malformed(path + ".payload", "has a cksum")
            return Sign1(alg, payload, self.octets(v[3], path + ".signature"))
        if len(header) != len(v[1]) or set(header) != ({iv} if in_estb else {iv, kid}):
            raise Malformed(path + ".unprotected", "not the header parameters that belong there")
        ivb = self.octets(header[iv], path + ".unprotected.iv")
        if alg in CONTENT and len(ivb) != CONTENT[alg][1]:
            raise Malformed(path + ".unprotected.iv", "bytes of a wrong length")
        kidb = None if in_estb else self.octets(header[kid], path + ".unprotected.kid", 1, 32)
        return Sealed(alg, kidb, ivb, self.octets(v[2], path + ".ciphertext"))


def check_grppac(v, path):
    def fail(what):
        raise Malformed(path + what, "not allowed in a GSK-REQ")
    if type(v) is not dict:
        fail("")
    if "lifetime" in v and not (type(v["lifetime"]) is int and v["lifetime"] >= 1):
        fail(".lifetime")
    if v.get("members", "any") != "any" and (type(v["members"]) is not list or any(
            type(x) is not str or not 1 <= len(x.encode()) <= 255 or CONTROL.search(x) for x in v["members"])):
        fail(".members")
    return v


def check_keydata(kd, path, flavour):
    """What section 5 says of the parts of a keydata taken together."""
    def need(ok, what, text="not allowed here"):
        if not ok:
            raise Malformed("%s.%s" % (path, what), text)
    kty, key = kd["kty"], kd["key"]
    if kty == SYMM:
        need(len(kd["keyid"]) == (4 if flavour in ("secret", "prov") else 8), "keyid", "bytes of a wrong length")
        if flavour == "prov":
            need(len(key) in (16, 32), "key", "bytes of a wrong length")
            need(kd["keyops"] == [7], "keyops")
            return
        need(kd["alg"] in CONTENT, "alg")
        need(len(key) == CONTENT[kd["alg"]][0], "key", "bytes of a wrong length")
        if flavour == "secret":
            need(CONTENT[kd["alg"]][2] == 16, "alg")
            need(sorted(kd["keyops"]) == [3, 4], "keyops")
        return
    need((kty, kd["alg"]) in PAIRS, "alg")
    need(kty == RSA or "crv" in key and key["crv"] == PAIRS[kty, kd["alg"]], "key.crv")
    private = flavour == "receipt"
    public = {RSA: {"n", "e"}, EC: {"crv", "x", "y"}, OKP: {"crv", "x"}}[kty]
    need(set(key) == (set(PARAMS[kty]) if private else public), "key", "not the parameters that belong there")
    if kty == RSA:
        need(all(b and b[0] for b in key.values()), "key", "a leading zero")
        need(2048 <= int.from_bytes(key["n"], "big").bit_length() <= 4096, "key.n", "a wrong length")
        need(key["e"] == b"\1\0\1", "key.e", "not 65537")
    else:
        size = EC_SIZE.get(key["crv"], 32)
        for p in key:
            need(p == "crv" or len(key[p]) == size, "key." + p, "bytes of a wrong length")


def plaintext(buf, fields, path):
    """A sealed map: its plaintext must be its own deterministic encoding."""
    try:
        raw, end, soft = cbor_item(buf, 0)
        if soft or end != len(buf):
            raise Malformed(*(soft or ("", "more than one item")))
        out = Reader("cbor").structure(raw, "", fields)
        if cbor_dumps(tree("cbor", out, fields)) != buf:
            raise Malformed("", "not deterministic")
    except Malformed as e:
        raise Malformed("%s<%s>" % (path, e.path), e.text)
    return out


def message(raw, fmt, soft=None):
    """A raw item as a message, checked in the order of section 6."""
    if soft:
        raise Malformed(*soft)
    if type(raw) is not Obj:
        raise Malformed("", "not a map")
    r = Reader(fmt)
    found = dict((k, x) for k, x in raw if type(k) in (int, str))
    for name in ("pvno", "msg-type"):
        k = name if fmt == "json" else LABELS[name]
        if k not in found:
            raise Malformed(name, "missing")
        v = r.field(STRUCT[1][name], found[k], name)
        if name == "pvno" and v != 1:
            raise BadVersion("pvno %d" % v)
    if v not in STRUCT:
        raise Malformed("msg-type", "not registered")
    out = r.structure(raw, "", STRUCT[v])
    if v >= DK_PROV and "." in out["ta"]:
        raise Malformed("ta", "has a dot")
    if v == DK_CRED and len(out["key"]) not in (16, 32):
        raise Malformed("key", "bytes of a wrong length")
    if len(cbor_dumps(tree("cbor", out, STRUCT[v]))) > CBOR_LIMIT:
        raise Malformed("", "too large")
    return out


# ------------------------------------------------------------------ from messages to trees

def label_order(k):
    return cbor_dumps(LABELS.get(k, k))


def tree(fmt, d, fields=None):
    """The tree of a structure, to be written by cbor_dumps or json_dumps; fields None: a keydata."""
    order = list(fields) if fields is not None else KD_ORDER
    known = [k for k in order if k in d]
    out = {}
    for k in known + sorted((k for k in d if k not in order), key=label_order):
        f = fields.get(k) if fields is not None else None
        kind = (f.kind if f else KIND[k] if k in KIND and k in KD_ORDER else ("key",) if k == "key" else ("any",))
        label = (k if k in LABELS else str(k)) if fmt == "json" else LABELS.get(k, k)
        out[label] = leaf(fmt, kind, d[k], f, d)
    return out


def leaf(fmt, kind, v, f=None, parent=None):
    js, kind, args = fmt == "json", kind[0], kind[1:]
    if kind in ("any", "grppac"):
        return Any(sort_any(v))
    if kind == "map":
        return tree(fmt, v, f.schema)
    if kind == "keydata":
        return tree(fmt, v)
    if kind == "key" and isinstance(v, dict):
        table = PARAMS[parent["kty"]]
        return {k if js else table[k]: leaf(fmt, KIND["crv"] if k == "crv" else ("bytes",), v[k]) for k in table if k in v}
    if kind == "sealed":
        parts = {"protected": cbor_dumps({1: v.alg})}
        if isinstance(v, Sign1):
            parts.update(unprotected={}, payload=v.payload, signature=v.signature)
        else:
            header = {"iv": v.iv} if v.kid is None else {"kid": v.kid, "iv": v.iv}
            parts.update(unprotected={k if js else {"kid": 4, "iv": 5}[k]: b64(x) if js else x for k, x in header.items()},
                         ciphertext=v.ciphertext)
        if js:
            return {k: x if isinstance(x, dict) else b64(x) for k, x in parts.items()}
        out = SealArray(parts.values())
        out.tag = 18 if isinstance(v, Sign1) else 16
        return out
    if kind == "name" and not js and UUID.match(v):
        return UuidName(uuid.UUID(v).bytes)
    if kind == "token" and js:
        return args[0].get(v, v)
    if isinstance(v, list):
        return [leaf(fmt, ("token", args[0]) if kind in ("tokens", "etype") else ("bytes",), x) for x in v]
    if kind == "etype":
        return leaf(fmt, ("token", args[0]), v)
    if kind == "flags" and js:
        return [args[0].get(b, b) for b in range(32) if v >> b & 1]
    return b64(v) if js and isinstance(v, bytes) else v


def sort_any(v):
    if isinstance(v, dict):
        return {k: sort_any(v[k]) for k in sorted(v, key=cbor_dumps)}
    return [sort_any(x) for x in v] if isinstance(v, list) else v


def encode(msg, fmt):
    """A message in its one emitted form (JSON with the line's end)."""
    t = tree(fmt, msg, STRUCT[msg["msg-type"]])
    out = cbor_dumps(t) if fmt == "cbor" else (json_dumps(t) + "\n").encode()
    return out


CBOR_START = re.compile(rb"(\xd9\xd9\xf7)?[\xa0-\xbb\xbf]", re.S)


def stream(buf):
    """(encoding, message or exception) for each message of a stream."""
    if re.match(rb"[ \t\n\r]*\{", buf):
        text, pos = buf.decode("utf-8", "surrogateescape"), 0
        while True:
            pos = start = JSON_SPACE.match(text, pos).end()
            if pos == len(text):
                return
            try:
                if text[pos] != "{":
                    raise NotWellFormed("character %d" % pos, "not a message")
                raw, pos, soft = json_item(text, pos)
                if len(text[start:pos].encode("utf-8", "surrogateescape")) > INPUT_LIMIT:
                    raise NotWellFormed("", "too large")
                yield "json", message(raw, "json", soft)
            except (Malformed, BadVersion) as e:
                yield "json", e
                if isinstance(e, NotWellFormed):
                    pos = text.find("\n", start) + 1 or len(text)
    pos = 0
    while pos < len(buf):
        start = pos
        try:
            m = CBOR_START.match(buf, pos)
            if not m and pos == 0:
                raise NotWellFormed("byte 0", "neither JSON nor CBOR")
            raw, pos, soft = cbor_item(buf, m.end() - 1 if m else pos)
            if pos - start > INPUT_LIMIT:
                raise NotWellFormed("byte %d" % start, "too large")
            yield "cbor", message(raw, "cbor", soft)
        except (Malformed, BadVersion) as e:
            yield "cbor", e
            if isinstance(e, NotWellFormed):
                return


def decode(buf):
    """The one message in buf."""
    found = list(stream(buf))
    if found and isinstance(found[0][1], Exception):
        raise found[0][1]
    if len(found) != 1:
        raise Malformed("", "not one message")
    return found[0][1]


# ------------------------------------------------------------------ sealing (section 4)

class AuthFailed(Exception):
    pass


def hkdf(key, info, salt=None, length=32):
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


def aead(alg, key):
    if alg in (1, 2, 3):
        return AESGCM(key)
    return ChaCha20Poly1305(key) if alg == 24 else AESCCM(key, tag_length=CONTENT[alg][2])


def aad_of(container, fields, part):
    """external_aad: the containing map without the sealed member."""
    return cbor_dumps(tree("cbor", {k: v for k, v in container.items() if k != part}, fields))


def cksum_of(key, aad):
    return hmac.new(hkdf(key, b"fluffy cksum"), aad, "sha256").digest()[:8]


def seal(container, fields, part, plain, alg, key, kid, cksum=False, iv=None):
    """Seal plain as the member `part` of container, in place."""
    aad, inner = aad_of(container, fields, part), fields[part].schema
    if cksum:
        plain = dict(plain, cksum=cksum_of(key, aad))
    iv = iv or os.urandom(CONTENT[alg][1])
    structure = cbor_dumps(["Encrypt0", cbor_dumps({1: alg}), aad])
    container[part] = Sealed(alg, kid, iv, aead(alg, key).encrypt(iv, cbor_dumps(tree("cbor", plain, inner)), structure))


def unseal(container, fields, part, alg, key):
    """The sealed map, its cksum verified; AuthFailed or Malformed."""
    s, aad = container[part], aad_of(container, fields, part)
    if isinstance(s, Sign1) or s.alg != alg or len(s.ciphertext) < CONTENT[alg][2]:
        raise AuthFailed(part)
    try:
        plain = aead(alg, key).decrypt(s.iv, s.ciphertext, cbor_dumps(["Encrypt0", cbor_dumps({1: alg}), aad]))
    except InvalidTag:
        raise AuthFailed(part)
    out = plaintext(plain, fields[part].schema, part)
    if part == "enc-part" and "endtime" not in out and (out["keydata"]["kty"] == SYMM or "x5c" not in out["keydata"]):
        raise Malformed("enc-part<endtime>", "missing")
    if "cksum" in out and not hmac.compare_digest(out["cksum"], cksum_of(key, aad)):
        raise AuthFailed("cksum")
    return out


EC_CURVE = {1: ec.SECP256R1, 2: ec.SECP384R1, 3: ec.SECP521R1}
EC_HASH = {-7: hashes.SHA256, -35: hashes.SHA384, -36: hashes.SHA512}


def load_key(kd):
    """The key object of an asymmetric keydata: private if it has a private parameter."""
    k = {n: int.from_bytes(b, "big") for n, b in kd["key"].items() if n != "crv"} if kd["kty"] != OKP else kd["key"]
    if kd["kty"] == EC:
        pub = ec.EllipticCurvePublicNumbers(k["x"], k["y"], EC_CURVE[kd["key"]["crv"]]())
        return ec.EllipticCurvePrivateNumbers(k["d"], pub).private_key() if "d" in k else pub.public_key()
    if kd["kty"] == RSA:
        pub = rsa.RSAPublicNumbers(k["e"], k["n"])
        return rsa.RSAPrivateNumbers(k["p"], k["q"], k["d"], k["dp"], k["dq"], k["qi"], pub).private_key() \
            if "d" in k else pub.public_key()
    private, public = {6: (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
                       4: (x25519.X25519PrivateKey, x25519.X25519PublicKey)}[k["crv"]]
    return private.from_private_bytes(k["d"]) if "d" in k else public.from_public_bytes(k["x"])


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def sign1(msg, plain, kd):
    """PSK-ESTB's authenticator by a private key, in place."""
    fields, alg, key = STRUCT[PSK_ESTB], kd["alg"], load_key(kd)
    payload = cbor_dumps(tree("cbor", plain, fields["authenticator"].schema))
    signed = cbor_dumps(["Signature1", cbor_dumps({1: alg}), aad_of(msg, fields, "authenticator"), payload])
    if alg == -37:
        sig = key.sign(signed, PSS, hashes.SHA256())
    elif alg == -8:
        sig = key.sign(signed)
    else:
        size = EC_SIZE[kd["key"]["crv"]]
        sig = b"".join(n.to_bytes(size, "big") for n in decode_dss_signature(key.sign(signed, ec.ECDSA(EC_HASH[alg]()))))
    msg["authenticator"] = Sign1(alg, payload, sig)


def verify_sign1(msg, kd):
    s, fields, alg = msg["authenticator"], STRUCT[PSK_ESTB], kd["alg"]
    if not isinstance(s, Sign1) or s.alg != alg or alg == -25:
        raise AuthFailed("authenticator")
    signed = cbor_dumps(["Signature1", cbor_dumps({1: alg}), aad_of(msg, fields, "authenticator"), s.payload])
    try:
        key, sig = load_key(kd), s.signature
        if alg == -37:
            key.verify(sig, signed, PSS, hashes.SHA256())
        elif alg == -8:
            key.verify(sig, signed)
        else:
            size = EC_SIZE[kd["key"]["crv"]]
            if len(sig) != 2 * size:
                raise AuthFailed("signature")
            rs = encode_dss_signature(int.from_bytes(sig[:size], "big"), int.from_bytes(sig[size:], "big"))
            key.verify(rs, signed, ec.ECDSA(EC_HASH[alg]()))
    except (InvalidSignature, ValueError):
        raise AuthFailed("authenticator")
    return plaintext(s.payload, fields["authenticator"].schema, "authenticator")


def public_part(kd):
    """The keydata of a pair as a ticket has it."""
    public = ("n", "e") if kd["kty"] == RSA else ("crv", "x", "y")
    return dict(kd, key={n: v for n, v in kd["key"].items() if n in public}, keyops=[] if kd["alg"] == -25 else [2])


def make_pair(kty, alg, keyid):
    """The keydata of a new pair."""
    if kty == RSA:
        n = rsa.generate_private_key(65537, 3072).private_numbers()
        key = dict(n=n.public_numbers.n, e=65537, d=n.d, p=n.p, q=n.q, dp=n.dmp1, dq=n.dmq1, qi=n.iqmp)
        key = {k: v.to_bytes((v.bit_length() + 7) // 8, "big") for k, v in key.items()}
    elif kty == EC:
        crv = PAIRS[kty, alg]
        n = ec.generate_private_key(EC_CURVE[crv]()).private_numbers()
        key = dict(crv=crv, **{k: v.to_bytes(EC_SIZE[crv], "big") for k, v in (
            ("x", n.public_numbers.x), ("y", n.public_numbers.y), ("d", n.private_value))})
    else:
        key = {"crv": PAIRS[kty, alg], "x": b"", "d": os.urandom(32)}
        key["x"] = load_key({"kty": OKP, "key": key}).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": kty, "keyid": keyid, "key": key, "keyops": [7, 8] if alg == -25 else [1], "alg": alg, "pkuse": 1 if alg == -25 else 0}


def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def not_after(cert):
    end = cert.not_valid_after_utc if hasattr(cert, "not_valid_after_utc") else cert.not_valid_after.replace(tzinfo=datetime.timezone.utc)
    return int(end.timestamp())


def certificate(subject, public, issuer, signer, start, end, use):
    """Signed by signer; issuer is its certificate, or None for a CA's own."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject, _validate=False)])
    uses = dict.fromkeys("""digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign
        crl_sign encipher_only decipher_only""".split(), False)
    b = x509.CertificateBuilder().subject_name(name).issuer_name(issuer.subject if issuer else name).public_key(public)
    b = b.serial_number(x509.random_serial_number()).not_valid_before(utc(start)).not_valid_after(utc(end))
    b = b.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
    b = b.add_extension(x509.KeyUsage(**dict(uses, **{use: True})), True)
    b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    return b.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def test_ca(now):
    """A root of its own: (certificate, key), in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    cert = certificate("Fluffy test CA", key.public_key(), None, key, now - DAY, now + 3650 * DAY, "key_cert_sign")
    return (cert.public_bytes(Encoding.PEM).decode(),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def load_certs(pem):
    """All certificates in a PEM file, in its order."""
    return [x509.load_pem_x509_certificate(p.encode())
            for p in re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", pem, re.S)]


def check_pair(kd, path, root=None):
    """A received public key or pair: its parameters belong together, and its certificates to it.  The first one's notAfter, or None."""
    try:
        key = load_key(kd)
        if "d" in kd["key"]:
            key, given = key.public_key(), load_key(public_part(kd))
            if spki(key) != spki(given):
                raise ValueError("not one pair")
    except ValueError as e:
        raise Malformed(path + ".key", str(e) or "not a key")
    if "x5c" not in kd:
        return None
    try:
        certs = [x509.load_der_x509_certificate(c) for c in kd["x5c"]]
        if spki(certs[0].public_key()) != spki(key):
            raise ValueError("another key's certificate")
        if kd.get("x5t", t1(kd)) != t1(kd) or kd.get("x5t256", t256(kd)) != t256(kd):
            raise ValueError("another certificate's thumbprint")
        for cert, issuer in zip(certs, certs[1:] + [root] * (certs[-1] != root)) if root and hasattr(certs[0], "verify_directly_issued_by") else ():
            cert.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as e:
        raise Malformed(path + ".x5c", str(e) or "not signed by the next one")
    return not_after(certs[0])


def t1(kd):
    return hashlib.sha1(kd["x5c"][0]).digest()


def t256(kd):
    return hashlib.sha256(kd["x5c"][0]).digest()


# ------------------------------------------------------------------ principals (sections 6 and 9)

SKEW, LIFETIME, DAY = 300, 8 * 3600, 86400
REQUESTS = (PSK_REQ, GSK_REQ, GSK_FET, GSK_DELT, PKP_REQ)


class Refused(Exception):
    """error: an error-code's word."""
    def __init__(self, error, text=""):
        super().__init__("%s%s" % (error, ": " + text if text else ""))
        self.error = error


def same_realm(a, b, default):
    return (default if a is None else a) == (default if b is None else b)


def pack_key(alg, kid=None, key=None):
    return {"alg": alg, "kid": (kid or os.urandom(4)).hex(), "key": (key or os.urandom(CONTENT[alg][0])).hex()}


def pack_keydata(kd):
    """A public key or pair, for the state."""
    return tree("json", kd)


def unpack_keydata(d, flavour):
    return Reader("json").keydata(json_item(json_dumps(d), 0)[0], "keydata", flavour)


def seal_under(k, container, part, plain, cksum=False):
    """Seal under a packed key, in place, and return the container."""
    fields = STRUCT[container["msg-type"]] if "msg-type" in container else STRUCT[PSK_REP]["mticket"].schema
    seal(container, fields, part, plain, k["alg"], bytes.fromhex(k["key"]), bytes.fromhex(k["kid"]), cksum)
    return container


class Party:
    """What the SKDC and a device share: the clock, and the memory of replays."""
    def __init__(self, state, now=None):
        self.s, self.now = state, int(time.time()) if now is None else now

    def busy(self):
        if self.now < self.s["last"] - SKEW:
            return True
        self.s["last"] = max(self.s["last"], self.now)
        return False

    def replayed(self, kid, nonce, when):
        self.s["seen"] = {k: t for k, t in self.s["seen"].items() if self.now <= t}
        k = "%s:%s" % (kid.hex(), nonce.hex())
        if k in self.s["seen"]:
            return True
        self.s["seen"][k] = when + 2 * SKEW
        return False


class Skdc(Party):
    """State: realm, name, last, seen, kids (all ever given), ca {cert, key} in PEM, and
    principals {name: {keys: [...]}}: in order of age; each but the last has "until"; the first seals;
    issued {keyid: ...}: kind (session, group, pair), endtime, holders {name: has confirmed its deletion}, nonces {of a PSK-DELT: name},
      deleting; a group's also alg and key, until it is being deleted;
    groups {name: ...}: owner, grppac, members ("any" or a list), forbidden, keys [keyid...] (the last is the current one), deleting,
      done (deleted), and of the last GSK-DELT nonce and mcastrealm."""
    @staticmethod
    def new(realm, name):
        return {"role": "skdc", "realm": realm, "name": name, "last": 0, "seen": {}, "kids": [], "ca": None, "principals": {}, "issued": {},
                "groups": {}}

    def keys(self, name):
        p = self.s["principals"][name]
        p["keys"] = [k for k in p["keys"] if k.get("until") is None or self.now < k["until"]]
        return p["keys"]

    def enrol(self, name, alg=30, until=None, at_once=False):
        k = pack_key(alg)
        while k["kid"] in self.s["kids"]:
            k = pack_key(alg)
        self.s["kids"].append(k["kid"])
        first = name not in self.s["principals"]
        old = [] if first else self.keys(name)
        msg = {"pvno": 1, "msg-type": ENROL, "crealm": self.s["realm"], "cname": name, "skdcrealm": self.s["realm"],
               "skdcname": self.s["name"], "keydata": {"kty": SYMM, "keyid": bytes.fromhex(k["kid"]),
                                                       "key": bytes.fromhex(k["key"]), "keyops": [3, 4], "alg": alg}}
        if not first and not at_once:
            msg["endtime"] = until or self.now + DAY
            for o in old:
                o["until"] = min(o.get("until") or msg["endtime"], msg["endtime"])
        elif not first:
            old = []
        self.s["principals"][name] = {"keys": old + [k]}
        return msg

    # ---- what all messages have in common

    def owner(self, kid):
        for name in self.s["principals"]:
            for k in self.keys(name):
                if k["kid"] == kid.hex():
                    return name, k
        return None, None

    def is_me(self, m):
        """Do skdcrealm and skdcname, where they are, name this SKDC?"""
        return same_realm(m.get("skdcrealm"), None, self.s["realm"]) and m.get("skdcname", self.s["name"]) == self.s["name"]

    def open(self, msg, part, realm, name):
        """The owner of the key under which part is sealed, and the plaintext; both name the owner: in the plaintext, or in clear."""
        who, k = self.owner(msg[part].kid)
        dummy = k or pack_key(30)
        try:
            plain = unseal(msg, STRUCT[msg["msg-type"]], part, dummy["alg"], bytes.fromhex(dummy["key"]))
        except AuthFailed:
            raise Refused("auth-failed")
        said = msg if name in msg else plain
        if k is None or said[name] != who or not same_realm(said.get(realm), None, self.s["realm"]):
            raise Refused("auth-failed")
        keys = self.s["principals"][who]["keys"]            # a valid message: older keys are done with
        del keys[:keys.index(k)]
        return who, plain

    def admit(self, msg, part, realm, name, when):
        """A request's checks up to the nonce."""
        body = msg.get("req-body", {})
        if not self.is_me(body):
            raise Refused("wrong-skdc")
        kid = msg[part].kid
        who, plain = self.open(msg, part, realm, name)
        self.asked = {"name": who, "nonce": plain["nonce"]}
        if self.busy():
            raise Refused("busy")
        if abs(self.now - plain[when]) > SKEW:
            raise Refused("clock-skew")
        if self.replayed(kid, plain["nonce"], plain[when]):
            raise Refused("replay")
        return who, plain

    def alg(self, body, fits):
        """The first etype that fits."""
        etypes = body["etype"] if isinstance(body["etype"], list) else [body["etype"]]
        alg = next((a for a in etypes if fits(body["kty"], a)), None)
        if alg is None:
            raise Refused("bad-etype")
        return alg

    def service(self, body):
        """The secret key of the service that body names."""
        if body["spname"] not in self.s["principals"] or not same_realm(body.get("sprealm"), None, self.s["realm"]):
            raise Refused("unknown-service")
        return self.keys(body["spname"])[0]

    def new_keyid(self):
        """In order of time; nothing else can be learnt from it."""
        while True:
            keyid = struct.pack(">II", self.now & 0xffffffff, random.SystemRandom().getrandbits(32))
            if keyid.hex() not in self.s["issued"]:
                return keyid

    def symmetric(self, alg, k=None):
        """The keydata of a new key, or of one that was issued."""
        return {"kty": SYMM, "keyid": bytes.fromhex(k["keyid"]) if k else self.new_keyid(), "keyops": [3, 4], "alg": alg,
                "key": bytes.fromhex(k["key"]) if k else os.urandom(CONTENT[alg][0])}

    def issue(self, kind, kd, endtime, holders, **more):
        k = dict(kind=kind, keyid=kd["keyid"].hex(), endtime=endtime, holders=dict.fromkeys(holders, False), nonces={}, deleting=False, **more)
        self.s["issued"][k["keyid"]] = k
        return k

    def carry(self, body, *names):
        """An answer has an optional realm exactly when the request has."""
        return {"skdcrealm": self.s["realm"], "skdcname": self.s["name"], **{n: body[n] for n in names if n in body}}

    # ---- pairwise keys and pairs

    def psk_req(self, msg):
        name, auth = self.admit(msg, "authenticator", "crealm", "cname", "ctime")
        body, realm = msg["req-body"], self.s["realm"]
        alg = self.alg(body, lambda kty, a: kty == SYMM and a in CONTENT)
        spkey, kd, end = self.service(body), self.symmetric(alg), self.now + LIFETIME
        self.issue("session", kd, end, [name, body["spname"]])
        who, times = self.carry(body, "sprealm", "spname"), {"authtime": self.now, "endtime": end, "keydata": kd}
        rep = {"pvno": 1, "msg-type": PSK_REP, "crealm": realm, "cname": name,
               "mticket": seal_under(spkey, dict(who), "enc-part", {"crealm": realm, "cname": name, **times})}
        return seal_under(self.keys(name)[0], rep, "receipt", {**who, **times, "nonce": auth["nonce"]})

    def pkp_req(self, msg):
        name, auth = self.admit(msg, "authenticator", "crealm", "cname", "ctime")
        body, realm, options = msg["req-body"], self.s["realm"], msg["req-body"].get("skdc-options", 0)
        alg = self.alg(body, lambda kty, a: (kty, a) in PAIRS)
        spkey = self.service(body) if "spname" in body else None
        end, ca = self.now + LIFETIME, None
        if options & 1:
            ca = load_certs(self.s["ca"]["cert"]) if self.s["ca"] else None
            if not ca or min(map(not_after, ca)) <= self.now:
                raise Refused("no-ca")
            end = min([end] + [not_after(c) for c in ca])
        kd = make_pair(body["kty"], alg, self.new_keyid())
        if ca:
            public, signer = load_key(public_part(kd)), load_pem_private_key(self.s["ca"]["key"].encode(), None)
            leaf = certificate(name, public, ca[0], signer, self.now, end, "key_agreement" if alg == -25 else "digital_signature")
            kd["x5c"] = [c.public_bytes(Encoding.DER) for c in [leaf] + ca * (options >> 1 & 1)]
            kd.update(x5t=t1(kd), x5t256=t256(kd))
        self.issue("pair", kd, end, [name] + ([body["spname"]] if spkey else []))
        who, rep = self.carry(body, "sprealm", "spname"), {"pvno": 1, "msg-type": PKP_REP, "crealm": realm, "cname": name}
        if spkey:
            part = {"crealm": realm, "cname": name, "authtime": self.now, "endtime": end, "keydata": public_part(kd)}
            if ca:                      # the certificate says it
                del part["endtime"]
            rep["mticket"] = seal_under(spkey, dict(who), "enc-part", part)
        return seal_under(self.keys(name)[0], rep, "receipt",
                          {**who, "authtime": self.now, "nonce": auth["nonce"], "endtime": end, "keydata": kd})

    # ---- groups

    def missing(self, g):
        """(keyid, name) for each key of a group and who has it and hasn't confirmed that it is gone."""
        keys = [self.s["issued"][i] for i in g["keys"]]
        return [(k["keyid"], n) for k in keys if self.now < k["endtime"] for n, gone in k["holders"].items() if not gone]

    def group(self, m):
        """The group that m names; None if it doesn't exist, or doesn't any more."""
        g = self.s["groups"].get(m["mcastname"]) if same_realm(m.get("mcastrealm"), None, self.s["realm"]) else None
        if g and g["deleting"] and not self.missing(g):
            g["done"] = True
        return g if g and not g["done"] else None

    def group_receipt(self, msg, to, nonce, g, k):
        rc = {**self.carry(msg["req-body"], "mcastrealm", "mcastname"), "authtime": self.now, "nonce": nonce, "endtime": k["endtime"],
              "keydata": self.symmetric(k["alg"], k)}
        others = {n: v for n, v in (g["grppac"] or {}).items() if n not in ("members", "lifetime")}
        if others:
            rc["grppac"] = others
        answer, realm, name = {GSK_REQ: (GSK_REP, "sprealm", "spname"), GSK_FET: (GSK_DLVR, "crealm", "cname")}[msg["msg-type"]]
        return seal_under(self.keys(to)[0], {"pvno": 1, "msg-type": answer, realm: self.s["realm"], name: to}, "receipt", rc)

    def gsk_req(self, msg):
        name, auth = self.admit(msg, "authenticator", "sprealm", "spname", "sptime")
        body = msg["req-body"]
        alg = self.alg(body, lambda kty, a: kty == SYMM and a in CONTENT)
        g, renew = self.group(body), body.get("skdc-options", 0) >> 2 & 1
        if g is None and renew:
            raise Refused("no-such-group")
        if g and g["deleting"]:
            raise Refused("group-deleting")
        if g and not renew:
            raise Refused("group-exists")
        if g and g["owner"] != name:
            raise Refused("not-owner")
        if g is None:
            if not same_realm(body.get("mcastrealm"), None, self.s["realm"]):
                raise Refused("not-permitted", "a group of another realm")
            g = {"owner": name, "grppac": None, "members": [], "forbidden": [], "keys": [], "deleting": False, "done": False}
            self.s["groups"][body["mcastname"]] = g
        if "grppac" in body:
            g.update(grppac=body["grppac"], members=body["grppac"].get("members", []))
        life = min((g["grppac"] or {}).get("lifetime", LIFETIME), 30 * DAY)
        kd = self.symmetric(alg)
        k = self.issue("group", kd, self.now + life, [], alg=alg, key=kd["key"].hex())
        g["keys"].append(k["keyid"])
        return self.group_receipt(msg, name, auth["nonce"], g, k)

    def gsk_fet(self, msg):
        name, auth = self.admit(msg, "authenticator", "crealm", "cname", "ctime")
        body = msg["req-body"]
        g = self.group(body)
        if g is None:
            raise Refused("no-such-group")
        if g["deleting"]:
            raise Refused("group-deleting")
        if name != g["owner"] and (name in g["forbidden"] or g["members"] != "any" and name not in g["members"]):
            raise Refused("not-permitted")
        keyid = body["keyid"].hex() if "keyid" in body else g["keys"][-1]
        if keyid not in g["keys"] or not self.now < self.s["issued"][keyid]["endtime"]:
            raise Refused("no-such-key")
        k = self.s["issued"][keyid]
        if name != g["owner"]:
            k["holders"].setdefault(name, False)
        return self.group_receipt(msg, name, auth["nonce"], g, k)

    def gsk_delt(self, msg):
        name, env = self.admit(msg, "kenvelope", "sprealm", "spname", "authtime")
        g, keyid = self.group(env), env["keydata"]["keyid"].hex()
        if g is None:
            g = self.s["groups"].get(env["mcastname"]) if same_realm(env.get("mcastrealm"), None, self.s["realm"]) else None
            if g is None or g["owner"] != name or g["keys"][-1] != keyid:
                raise Refused("no-such-group")
        elif g["owner"] != name:
            raise Refused("not-owner")
        elif g["keys"][-1] != keyid:
            raise Refused("no-such-key")
        g.update(deleting=True, nonce=env["nonce"].hex(), mcastrealm=env.get("mcastrealm"))
        for i in g["keys"]:
            self.s["issued"][i].update(deleting=True, key=None)
        todo = self.missing(g)
        return [self.psk_delt(*t) for t in todo] or self.gsk_delc(g, env["mcastname"])

    def gsk_delc(self, g, name):
        g["done"] = True
        ack = {"mcastname": name, "nonce": bytes.fromhex(g["nonce"]), "authtime": self.now}
        if g["mcastrealm"] is not None:
            ack["mcastrealm"] = g["mcastrealm"]
        msg = {"pvno": 1, "msg-type": GSK_DELC, "sprealm": self.s["realm"], "spname": g["owner"]}
        return seal_under(self.keys(g["owner"])[0], msg, "ack", ack)

    def members(self, name, add, remove, forbid):
        """The operator's word."""
        g = self.group({"mcastname": name})
        if g is None:
            raise Refused("no-such-group")
        for n in (add, remove, forbid):
            if n is not None and g["members"] != "any":
                g["members"] = [m for m in g["members"] if m != n]
        if add is not None:
            g["forbidden"] = [m for m in g["forbidden"] if m != add]
            g["members"] = g["members"] if g["members"] == "any" else g["members"] + [add]
        for n in (forbid, remove if g["members"] == "any" else None):
            if n is not None and n not in g["forbidden"]:
                g["forbidden"].append(n)

    # ---- deletion

    def psk_delt(self, keyid, name):
        k, nonce = self.s["issued"][keyid], os.urandom(8)
        k["nonces"][nonce.hex()] = name
        env = {"skdcrealm": self.s["realm"], "skdcname": self.s["name"], "authtime": self.now, "nonce": nonce, "endtime": k["endtime"],
               "keydata": {"keyid": bytes.fromhex(keyid)}}
        return seal_under(self.keys(name)[0], {"pvno": 1, "msg-type": PSK_DELT, "crealm": self.s["realm"], "cname": name}, "kenvelope", env)

    def psk_delc(self, msg):
        """Counted or ignored; no request, so that nothing but the last one's GSK-DELC comes of it."""
        if not self.is_me(msg):
            raise Refused("wrong-skdc")
        name, ack = self.open(msg, "ack", "crealm", "cname")
        k = next((k for k in self.s["issued"].values() if k["nonces"].get(ack["nonce"].hex()) == name), None)
        if k is None:
            raise Refused("replay", "no PSK-DELT of that nonce")
        group = next((n for n, g in self.s["groups"].items() if k["keyid"] in g["keys"]), None)
        g = self.group({"mcastname": group}) if group is not None else None
        k["holders"][name] = True
        return self.gsk_delc(g, group) if g and g["deleting"] and not self.missing(g) else []

    def delete(self, keyid):
        """The operator's word: PSK-DELT for each holder of a session key or pair who hasn't confirmed."""
        k = self.s["issued"].get(keyid)
        if k is None or k["kind"] == "group" or not self.now < k["endtime"]:
            raise Refused("no-such-key")
        k["deleting"] = True
        return [self.psk_delt(keyid, n) for n, gone in k["holders"].items() if not gone]

    def pending(self):
        """(keyid, name, endtime) for each PSK-DELT that waits for its PSK-DELC."""
        return [(k["keyid"], n, k["endtime"]) for k in self.s["issued"].values() if k["deleting"] and self.now < k["endtime"]
                for n, gone in k["holders"].items() if not gone]

    # ---- one message

    def error(self, refused, realm):
        msg = {"pvno": 1, "msg-type": ERROR, "error-code": E[refused.error], "skdcname": self.s["name"]}
        if realm:                       # the request had it
            msg["skdcrealm"] = self.s["realm"]
        if self.asked:
            name = self.asked["name"]
            msg.update(crealm=self.s["realm"], cname=name)
            seal_under(self.keys(name)[0], msg, "ack",
                       {"skdcname": self.s["name"], "nonce": self.asked["nonce"], "authtime": self.now})
        return msg

    def answer(self, msg):
        """([answers], error word or None) to a decoded message or the exception that it gave."""
        self.asked, kind = None, None if isinstance(msg, Exception) else msg["msg-type"]
        handlers = {PSK_REQ: self.psk_req, GSK_REQ: self.gsk_req, GSK_FET: self.gsk_fet, GSK_DELT: self.gsk_delt, PKP_REQ: self.pkp_req,
                    PSK_DELC: self.psk_delc}
        try:
            if isinstance(msg, BadVersion):
                raise Refused("bad-version")
            if isinstance(msg, Malformed):
                raise Refused("malformed", str(msg))
            if kind not in handlers:
                return [], "not a request"
            try:
                out = handlers[kind](msg)
                return out if isinstance(out, list) else [out], None
            except Malformed as e:
                raise Refused("malformed", str(e))
        except Refused as e:
            return [] if kind == PSK_DELC else [self.error(e, kind and "skdcrealm" in msg.get("req-body", {}))], str(e)


class Device(Party):
    """A client, a service and a group's owner or member in one.  State: realm, name, skdcrealm, skdcname, last, seen,
    keys (the last one seals; "until" on those that only open), pending {nonce: what was asked},
    sessions {keyid: ...}, groups {keyid: ...}, pairs {keyid: ...}, public {keyid: ...} (others' public keys),
    deleted {keyid: how long to remember it}."""
    STORES = ("sessions", "groups", "pairs", "public")

    @staticmethod
    def join(state, msg, now):
        if msg["msg-type"] != ENROL:
            raise Refused("malformed", "not ENROL")
        who = {"realm": msg["crealm"], "name": msg["cname"], "skdcrealm": msg["skdcrealm"], "skdcname": msg["skdcname"]}
        kd = msg["keydata"]
        if state is None:
            state = {"role": "device", **who, "keys": [], "pending": {}, "deleted": {}, "last": 0, "seen": {}, **{s: {} for s in Device.STORES}}
        elif any(state[k] != v for k, v in who.items()):
            raise Refused("auth-failed", "an ENROL for another")
        if any(k["kid"] == kd["keyid"].hex() for k in state["keys"]):
            raise Refused("replay", "known already")
        end = msg.get("endtime")
        if end is None or end <= now:
            state["keys"] = []
        for k in state["keys"]:
            k["until"] = min(k.get("until") or MAX, end + 30 * DAY)
        state["keys"].append(pack_key(kd["alg"], kd["keyid"], kd["key"]))
        return state

    # ---- what all messages have in common

    def key(self, kid):
        return next((k for k in self.s["keys"] if k["kid"] == kid.hex() and self.now < k.get("until", MAX)), None)

    def is_me(self, msg, realm="crealm", name="cname"):
        return same_realm(msg.get(realm), self.s["realm"], self.s["skdcrealm"]) and msg[name] == self.s["name"]

    def is_skdc(self, m):
        return (m["skdcrealm"], m["skdcname"]) == (self.s["skdcrealm"], self.s["skdcname"])

    def open(self, container, fields, part):
        k = self.key(container[part].kid)
        if k is None:
            raise Refused("auth-failed", "unknown kid")
        try:
            return unseal(container, fields, part, k["alg"], bytes.fromhex(k["key"]))
        except AuthFailed as e:
            raise Refused("auth-failed", str(e))

    def good(self, kd, authtime, endtime):
        """Times of a received key, and that it wasn't deleted."""
        if not self.now < endtime or endtime <= authtime:
            raise Refused("expired")
        self.s["deleted"] = {k: t for k, t in self.s["deleted"].items() if self.now <= t}
        if kd["keyid"].hex() in self.s["deleted"]:
            raise Refused("no-such-key")

    # ---- requests

    def ask(self, kind, body, part, plain, pending, cksum=False):
        """A request, sealed under the newest secret key."""
        nonce = os.urandom(8)
        self.s["pending"][nonce.hex()] = dict(pending, type=kind)
        msg = {"pvno": 1, "msg-type": kind, **body}
        return seal_under(self.s["keys"][-1], msg, part, dict(plain, nonce=nonce), cksum)

    def skdc(self):
        return {"skdcrealm": self.s["skdcrealm"], "skdcname": self.s["skdcname"]}

    def authenticator(self, seqnum, realm="crealm", name="cname", when="ctime"):
        auth = {realm: self.s["realm"], name: self.s["name"], when: self.now}
        return auth if seqnum is None else dict(auth, seqnum=seqnum)

    def request(self, service, etype=10, sprealm=None, seqnum=None, cksum=False):
        body = {"kty": SYMM, "etype": etype, **self.skdc(), "spname": service}
        if sprealm is not None:
            body["sprealm"] = sprealm
        return self.ask(PSK_REQ, {"req-body": body}, "authenticator", self.authenticator(seqnum), {
            "spname": service, "sprealm": sprealm or self.s["skdcrealm"], "kty": SYMM, "etype": etype}, cksum)

    def pkp_request(self, kty, etype, service=None, options=0, sprealm=None, seqnum=None, cksum=False):
        body = {"kty": kty, "etype": etype, **self.skdc()}
        body.update((k, v) for k, v in (("skdc-options", options or None), ("sprealm", sprealm), ("spname", service)) if v is not None)
        return self.ask(PKP_REQ, {"req-body": body}, "authenticator", self.authenticator(seqnum), {
            "spname": service, "sprealm": sprealm or self.s["skdcrealm"], "kty": kty, "etype": etype}, cksum)

    def gsk_request(self, group, etype=10, grppac=None, renew=False, mcastrealm=None, seqnum=None, cksum=False):
        body = {"kty": SYMM, "etype": etype, **self.skdc(), "mcastname": group}
        body.update((k, v) for k, v in (("skdc-options", 4 if renew else None), ("mcastrealm", mcastrealm), ("grppac", grppac)) if v is not None)
        return self.ask(GSK_REQ, {"req-body": body}, "authenticator", self.authenticator(seqnum, "sprealm", "spname", "sptime"), {
            "mcastname": group, "mcastrealm": mcastrealm or self.s["skdcrealm"], "kty": SYMM, "etype": etype}, cksum)

    def gsk_fetch(self, group, keyid=None, mcastrealm=None, seqnum=None, cksum=False):
        body = {**self.skdc(), "mcastname": group}
        body.update((k, v) for k, v in (("mcastrealm", mcastrealm), ("keyid", keyid)) if v is not None)
        return self.ask(GSK_FET, {"req-body": body}, "authenticator", self.authenticator(seqnum), {
            "mcastname": group, "mcastrealm": mcastrealm or self.s["skdcrealm"], "kty": SYMM, "etype": list(CONTENT),
            "keyid": keyid.hex() if keyid else None}, cksum)

    def own_keys(self, group, mcastrealm):
        return [i for i, k in self.s["groups"].items() if (k["group"], k["mcastrealm"], k["role"]) == (group, mcastrealm, "owner")]

    def gsk_delete(self, group, keyid=None, mcastrealm=None, seqnum=None):
        own = self.own_keys(group, mcastrealm or self.s["skdcrealm"])
        if keyid is None and not own:
            raise Refused("no-such-key", "no key of a group of that name that is mine")
        own += [keyid.hex()] if keyid and keyid.hex() not in own else []
        env = {"mcastname": group, "authtime": self.now, "keydata": {"keyid": keyid or bytes.fromhex(own[-1])}}
        env.update((k, v) for k, v in (("mcastrealm", mcastrealm), ("seqnum", seqnum)) if v is not None)
        return self.ask(GSK_DELT, {"sprealm": self.s["realm"], "spname": self.s["name"]}, "kenvelope", env, {
            "mcastname": group, "mcastrealm": mcastrealm or self.s["skdcrealm"], "keyids": own})

    # ---- answers of the SKDC

    def answered(self, kinds, nonce, fits):
        """The pending request of one of these kinds with that nonce."""
        p = self.s["pending"].get(nonce.hex())
        if p is None or p["type"] not in kinds or not fits(p):
            raise Refused("replay", "no such request is pending")
        return p

    def receipt(self, msg, part, names, realm, name):
        """A receipt's checks: (receipt, keydata, the request); realm and name are what it is for."""
        rc = self.open(msg, STRUCT[msg["msg-type"]], "receipt")
        if not self.is_me(msg, *names) or not self.is_skdc(rc):
            raise Refused("auth-failed", "names")
        ticket = msg.get("mticket")
        if ticket and (not self.is_skdc(ticket) or rc.get(name) != ticket[name] or
                       not same_realm(rc.get(realm), ticket.get(realm), self.s["skdcrealm"])):
            raise Refused("auth-failed", "names")
        p = self.answered([part], rc["nonce"], lambda p: p[name] == rc.get(name) and same_realm(rc.get(realm), p[realm], self.s["skdcrealm"]))
        if "spname" in p and bool(ticket) != (p["spname"] is not None):
            raise Refused("malformed", "a miniticket that is missing, or wasn't asked for")
        kd, etype = rc["keydata"], p["etype"]
        if kd["kty"] != p["kty"] or kd["alg"] not in (etype if isinstance(etype, list) else [etype]):
            raise Refused("bad-etype")
        self.good(kd, rc["authtime"], rc["endtime"])
        if p.get("keyid") not in (None, kd["keyid"].hex()):
            raise Refused("no-such-key", "another key than the one asked for")
        return rc, kd, p

    def done(self, rc):
        del self.s["pending"][rc["nonce"].hex()]

    def rep(self, msg):
        """PSK-REP: check it, make a session, answer PSK-ESTB."""
        rc, kd, p = self.receipt(msg, PSK_REQ, ("crealm", "cname"), "sprealm", "spname")
        self.done(rc)
        estb, nonce = {"pvno": 1, "msg-type": PSK_ESTB, "crealm": self.s["realm"], "cname": self.s["name"], "mticket": msg["mticket"]}, os.urandom(8)
        seal(estb, STRUCT[PSK_ESTB], "authenticator", dict(self.authenticator(self.seqnum), nonce=nonce), kd["alg"], kd["key"], None, self.cksum)
        self.s["sessions"][kd["keyid"].hex()] = dict(
            pack_key(kd["alg"], kd["keyid"], kd["key"]), peer=rc["spname"], sprealm=p["sprealm"], endtime=rc["endtime"],
            nonce=nonce.hex(), seqnum=self.seqnum, role="client", up=False)
        return estb

    def pkp_rep(self, msg):
        """PKP-REP: check it, keep the pair, with a miniticket answer PSK-ESTB."""
        rc, kd, p = self.receipt(msg, PKP_REQ, ("crealm", "cname"), "sprealm", "spname")
        check_pair(kd, "receipt<keydata", self.root)
        self.done(rc)
        self.s["pairs"][kd["keyid"].hex()] = {"keydata": pack_keydata(kd), "endtime": rc["endtime"], "peer": rc.get("spname")}
        if "mticket" not in msg:
            return None
        estb = {"pvno": 1, "msg-type": PSK_ESTB, "crealm": self.s["realm"], "cname": self.s["name"], "mticket": msg["mticket"]}
        if kd["alg"] != -25:
            sign1(estb, dict(self.authenticator(self.seqnum), nonce=os.urandom(8)), kd)
        return estb

    def group_key(self, msg):
        """GSK-REP or GSK-DLVR: keep the key."""
        own = msg["msg-type"] == GSK_REP
        rc, kd, p = self.receipt(msg, GSK_REQ if own else GSK_FET, ("sprealm", "spname") if own else ("crealm", "cname"), "mcastrealm", "mcastname")
        self.done(rc)
        own = own or bool(self.own_keys(rc["mcastname"], p["mcastrealm"]))
        self.s["groups"][kd["keyid"].hex()] = dict(
            pack_key(kd["alg"], kd["keyid"], kd["key"]), group=rc["mcastname"], mcastrealm=p["mcastrealm"], endtime=rc["endtime"],
            grppac=rc.get("grppac"), role="owner" if own else "member")

    def gsk_delc(self, msg):
        """GSK-DELC: the group is gone, and so is the owner's copy of its keys."""
        ack = self.open(msg, STRUCT[GSK_DELC], "ack")
        if not self.is_me(msg, "sprealm", "spname"):
            raise Refused("auth-failed", "names")
        p = self.answered([GSK_DELT], ack["nonce"], lambda p: p["mcastname"] == ack["mcastname"] and
                          same_realm(ack.get("mcastrealm"), p["mcastrealm"], self.s["skdcrealm"]))
        for i in p["keyids"]:           # those of the time of the request: the name may have been taken anew since
            k = self.s["groups"].pop(i, None)
            if k:
                self.s["deleted"][i] = k["endtime"] + SKEW
        self.s["pending"] = {n: q for n, q in self.s["pending"].items() if (q["type"], q.get("mcastname"), q.get("mcastrealm"), q.get("keyids")) !=
                             (GSK_DELT, p["mcastname"], p["mcastrealm"], p["keyids"])}

    def delt(self, msg):
        """PSK-DELT: erase the key, remember that, and confirm it; once more if it comes once more."""
        env = self.open(msg, STRUCT[PSK_DELT], "kenvelope")
        if not self.is_me(msg) or not self.is_skdc(env):
            raise Refused("auth-failed", "names")
        if self.busy():
            raise Refused("busy")
        if abs(self.now - env["authtime"]) > SKEW:
            raise Refused("clock-skew")
        self.replayed(msg["kenvelope"].kid, env["nonce"], env["authtime"])
        keyid = env["keydata"]["keyid"].hex()
        for store in self.STORES:
            self.s[store].pop(keyid, None)
        until = env["endtime"] + SKEW if "endtime" in env else self.now + 30 * DAY
        self.s["deleted"][keyid] = max(until, self.s["deleted"].get(keyid, 0))
        out = {"pvno": 1, "msg-type": PSK_DELC, **self.skdc()}
        return seal_under(self.s["keys"][-1], out, "ack", {"cname": self.s["name"], "crealm": self.s["realm"], "nonce": env["nonce"],
                                                           "authtime": self.now})

    # ---- between client and service

    def estb(self, msg):
        """PSK-ESTB: check it, make a session, answer PSK-ACK (None for a public key)."""
        ticket, home = msg["mticket"], self.s["skdcrealm"]
        if not self.is_skdc(ticket):
            raise Refused("wrong-skdc")
        if not self.is_me(ticket, "sprealm", "spname"):
            raise Refused("auth-failed", "for another service")
        ep = self.open(ticket, STRUCT[PSK_ESTB]["mticket"].schema, "enc-part")
        kd = ep["keydata"]
        end = check_pair(kd, "enc-part<keydata") if kd["kty"] != SYMM else None
        end = ep.get("endtime", end)
        self.good(kd, ep["authtime"], end)
        if kd["kty"] == SYMM and isinstance(msg.get("authenticator"), Sign1):
            raise Refused("malformed", "a signature beside a symmetric key")
        auth = None
        try:
            if kd["alg"] == -25 and "authenticator" not in msg:
                pass
            elif "authenticator" not in msg:
                raise AuthFailed("absent")
            elif kd["kty"] == SYMM:
                auth = unseal(msg, STRUCT[PSK_ESTB], "authenticator", kd["alg"], kd["key"])
            else:
                auth = verify_sign1(msg, kd)
        except AuthFailed as e:
            raise Refused("auth-failed", str(e))
        client = (ep["crealm"], ep["cname"])
        if client != (msg["crealm"], msg["cname"]) or auth and client != (auth["crealm"], auth["cname"]):
            raise Refused("auth-failed", "names")
        if self.busy():
            raise Refused("busy")
        if auth:
            if abs(self.now - auth["ctime"]) > SKEW:
                raise Refused("clock-skew")
            if self.replayed(kd["keyid"], auth["nonce"], auth["ctime"]):
                raise Refused("replay")
        if kd["kty"] != SYMM:
            self.s["public"][kd["keyid"].hex()] = {"keydata": pack_keydata(kd), "endtime": end, "peer": ep["cname"], "proven": auth is not None}
            return None
        self.s["sessions"][kd["keyid"].hex()] = dict(pack_key(kd["alg"], kd["keyid"], kd["key"]), peer=ep["cname"],
                                                     endtime=end, role="service", up=True)
        ack = {"spname": self.s["name"], "nonce": auth["nonce"], "authtime": self.now}
        if "sprealm" in ticket:
            ack["sprealm"] = ticket["sprealm"]
        if "seqnum" in auth:
            ack["seqnum"] = (auth["seqnum"] + 1) % 2 ** 32
        out = {"pvno": 1, "msg-type": PSK_ACK, "crealm": ep["crealm"], "cname": ep["cname"]}
        seal(out, STRUCT[PSK_ACK], "ack", ack, kd["alg"], kd["key"], kd["keyid"])
        return out

    def ack(self, msg):
        k = self.s["sessions"].get(msg["ack"].kid.hex())
        if k is None or k["role"] != "client":
            raise Refused("auth-failed", "unknown kid")
        try:
            a = unseal(msg, STRUCT[PSK_ACK], "ack", k["alg"], bytes.fromhex(k["key"]))
        except AuthFailed as e:
            raise Refused("auth-failed", str(e))
        if not self.is_me(msg) or a["spname"] != k["peer"] or not same_realm(a.get("sprealm"), k["sprealm"], self.s["skdcrealm"]):
            raise Refused("auth-failed", "names")
        want = None if k["seqnum"] is None else (k["seqnum"] + 1) % 2 ** 32
        if a["nonce"].hex() != k["nonce"] or a.get("seqnum") != want:
            raise Refused("replay", "not the answer to my PSK-ESTB")
        k["up"] = True

    def error(self, msg):
        """ERROR: ends a pending request only if its ack proves that."""
        word = ERRORS.get(msg["error-code"], str(msg["error-code"]))
        if "ack" in msg:
            try:
                a = self.open(msg, STRUCT[ERROR], "ack")
                named = a["skdcname"] == self.s["skdcname"] == msg.get("skdcname", a["skdcname"])
                mine = msg.get("crealm", self.s["realm"]) == self.s["realm"] and msg.get("cname", self.s["name"]) == self.s["name"]
                if named and mine and msg.get("skdcrealm", self.s["skdcrealm"]) == self.s["skdcrealm"] and \
                        a["nonce"].hex() in self.s["pending"]:
                    if word not in ("replay", "busy"):
                        del self.s["pending"][a["nonce"].hex()]
                    return "answered with " + word
            except (Refused, Malformed):
                pass
        return "a hint: " + word

    # ---- one message

    def answer(self, msg, seqnum=None, cksum=False, root=None):
        """([answer], error text or None)"""
        self.seqnum, self.cksum, self.root = seqnum, cksum, root
        kind = None if isinstance(msg, Exception) else msg["msg-type"]
        handlers = {PSK_REP: self.rep, PSK_ACK: self.ack, PSK_ESTB: self.estb, PKP_REP: self.pkp_rep, GSK_REP: self.group_key,
                    GSK_DLVR: self.group_key, GSK_DELC: self.gsk_delc, PSK_DELT: self.delt}
        try:
            if isinstance(msg, BadVersion):
                raise Refused("bad-version")
            if isinstance(msg, Malformed):
                raise Refused("malformed", str(msg))
            if kind == ERROR:
                return [], self.error(msg)
            if kind not in handlers:
                return [], "not for a device"
            try:
                out = handlers[kind](msg)
                return [out] if out else [], None
            except Malformed as e:
                raise Refused("malformed", str(e))
        except Refused as e:
            return [{"pvno": 1, "msg-type": ERROR, "error-code": E[e.error]}] if kind in (None, PSK_ESTB) else [], str(e)

    def list_keys(self):
        """(role, keyid, keys in hex, peer or group, alg)"""
        for store in ("sessions", "groups"):
            for i, k in self.s[store].items():
                yield k["role"], i, [k["key"]], k.get("peer") or k.get("group"), ALG[k["alg"]]
        for store, role, flavour in (("pairs", "pair", "receipt"), ("public", "public", "ticket")):
            for i, k in self.s[store].items():
                kd = unpack_keydata(k["keydata"], flavour)
                yield role, i, [kd["key"][p].hex() for p in ("n", "x", "d") if p in kd["key"]], k["peer"] or "-", ALG[kd["alg"]]


# ------------------------------------------------------------------ random valid messages

TRICKY = [0, 1, -1, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, MAX, -MAX, -24, -25, -256, -257, 0.1, 1.5, -0.5, 1 / 3,
          5e-324, 2.2250738585072014e-308, 2.0 ** -24, 2.0 ** -149, 2.0 ** -14, 6.103515625e-05, 1e-7, 1.1, 65503.5, 2047.5,
          4503599627370495.5, struct.unpack(">f", b"\x3d\xcc\xcc\xcd")[0], -1e-300, 123456.789]
STRINGS = ["", "a", "\"\\/\b\f\n\r\t", "\x00\x1f\x7f\x80", "\u00e9\u20ac\U0001f511", "\ufeff", "\u2028", "0", "-1", "alg", "e\u0301", "x" * 24]
_RSA = {}


def gen_key(alg):
    """The test key of an alg."""
    return hashlib.sha256(b"fluffy gen key %d" % alg).digest()[:CONTENT[alg][0]]


def rsa_test_key():
    """A fixed 2048-bit key, found from a fixed seed."""
    rng = random.Random(1)

    def prime():
        while True:
            p = rng.getrandbits(1024) | 3 << 1022 | 1
            if all(p % q for q in range(3, 2000, 2)) and p % 65537 != 1 and all(pow(a, p - 1, p) == 1 for a in (2, 3, 5, 7)):
                return p
    if not _RSA:
        p, q = prime(), prime()
        d = pow(65537, -1, (p - 1) * (q - 1))
        for n, v in dict(n=p * q, e=65537, d=d, p=p, q=q, dp=d % (p - 1), dq=d % (q - 1), qi=pow(q, -1, p)).items():
            _RSA[n] = v.to_bytes((v.bit_length() + 7) // 8, "big")
    return dict(_RSA)


class Gen:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def octets(self, low, high):
        return bytes(self.r.getrandbits(8) for _ in range(self.r.randint(low, high)))

    def name(self):
        if self.r.random() < .4:
            return str(uuid.UUID(bytes=self.octets(16, 16)))
        return self.r.choice(["home", "client", "x", "\u00e9t\u00e9", "e\u0301", "n" * 255, "550E8400-E29B-41D4-A716-446655440000", "0",
                              "550e8400e29b41d4a716446655440000", " ", "a b", "\U0001f511", "\"\\", "Home", "{550e8400}"])

    def any(self, depth=0):
        k = self.r.randrange(9 if depth < 4 else 6)
        if k < 3:
            return self.r.choice([None, True, False] + TRICKY)
        if k < 4:
            return self.r.choice(STRINGS)
        if k < 6:
            v = self.r.choice([self.r.randint(-MAX, MAX), self.r.uniform(-1e6, 1e6), self.r.uniform(-1, 1)])
            return int(v) if v == int(v) else v
        if k < 7:
            return [self.any(depth + 1) for _ in range(self.r.randrange(5))]
        return {self.r.choice(STRINGS + ["k%d" % i]): self.any(depth + 1) for i in range(self.r.randrange(5))}

    def unknown(self, d):
        for _ in range(self.r.choice([0, 0, 0, 1, 3])):
            k = self.r.choice([53, 54, 255, 256, 65536, MAX, -MAX, -1, -2, -24, -25, -300, "x", "vendor", "-0", "01", "1.0", "+1", "\u00e9",
                               "ALG", "nonces", "\n", "l" * 255, str(uuid.UUID(int=5)), "PSK-REQ", "crv", "kid"])
            d[k] = self.any(1)
        return d

    def token(self, words):
        odd = [n for n in (99, -99, 5, 100000, MAX, -MAX, 12) if n not in words]
        return self.r.choice(list(words) * 2 + odd[:3])

    def keydata(self, flavour):
        r = self.r
        if flavour == "ref":
            return {"keyid": self.octets(1, 32)}
        if flavour == "prov":
            return self.unknown({"kty": SYMM, "keyid": self.octets(4, 4), "key": self.octets(16, 16), "keyops": [7]})
        kty = SYMM if flavour == "secret" else r.choice([SYMM, SYMM, EC, OKP, RSA])
        if kty == SYMM:
            alg = r.choice([a for a in CONTENT if flavour != "secret" or CONTENT[a][2] == 16])
            size = 4 if flavour == "secret" else 8
            return self.unknown({"kty": SYMM, "keyid": self.octets(size, size), "key": self.octets(CONTENT[alg][0], CONTENT[alg][0]),
                                 "keyops": [3, 4], "alg": alg})
        alg = r.choice([a for t, a in PAIRS if t == kty])
        kd = {"kty": kty, "keyid": self.octets(8, 8), "alg": alg, "pkuse": 1 if alg == -25 else 0,
              "keyops": {True: [7, 8] if alg == -25 else [1], False: [] if alg == -25 else [2]}[flavour == "receipt"]}
        if kty == RSA:
            key = rsa_test_key()
        elif kty == EC:
            crv = PAIRS[kty, alg]
            d = r.getrandbits(250)
            pub = ec.derive_private_key(d, EC_CURVE[crv]()).public_key().public_numbers()
            key = {"crv": crv, **{n: v.to_bytes(EC_SIZE[crv], "big") for n, v in (("x", pub.x), ("y", pub.y), ("d", d))}}
        else:
            key = {"crv": PAIRS[kty, alg], "x": b"", "d": self.octets(32, 32)}
            key["x"] = load_key({"kty": OKP, "key": key}).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        kd["key"] = key
        self.private = dict(kd, key=dict(key))
        if flavour == "ticket":
            kd["key"] = {k: v for k, v in key.items() if k in (("n", "e") if kty == RSA else ("crv", "x", "y"))}
        for k, v in (("x5u", "coap://ca/1"), ("x5c", [self.octets(1, 40) for _ in range(r.randint(1, 8))]),
                     ("x5t", self.octets(20, 20)), ("x5t256", self.octets(32, 32))):
            if r.random() < .3:
                kd[k] = v
        return self.unknown(kd)

    def value(self, f):
        kind, *args = f.kind
        r = self.r
        if kind == "uint":
            return 1 if f.name == "pvno" else r.choice([0, 23, 24, 1700000000, args[0], r.randint(0, args[0]), r.randint(0, 2 ** 32 - 1)])
        if kind == "bytes":
            if f.name == "key":
                return self.octets(16, 16) + r.choice([b"", self.octets(16, 16)])
            return self.octets(max(args[0], 1), min(args[1], 60))
        if kind == "text":
            return r.choice(["", "why", "\u00e9\u20ac", "t" * args[1]]) or "x" * args[0]
        if kind == "token":
            return self.token(args[0])
        if kind == "etype":
            algs = [self.token(ALG) for _ in range(r.randint(1, 8))]
            return r.choice([algs[0], list(dict.fromkeys(algs))])
        if kind == "flags":
            return r.choice([0, 1, 4, 7, 2 ** 31, 2 ** 32 - 1, r.getrandbits(32)])
        if kind == "grppac":
            d = self.unknown({})
            d = {k: v for k, v in d.items() if isinstance(k, str)}
            if r.random() < .5:
                d["members"] = r.choice(["any", [], ["a", "550e8400-e29b-41d4-a716-446655440000"]])
            if r.random() < .5:
                d["lifetime"] = r.choice([1, 3600, MAX])
            return d
        if kind == "map":
            return self.structure(f.schema)
        if kind == "keydata":
            return self.keydata(args[0])
        return {"name": self.name, "any": self.any}[kind]()

    def structure(self, fields, skip=()):
        """A random structure; its sealed parts are made in the end, over everything else."""
        d, parts = {}, []
        for f in fields.values():
            if f.name in skip or f.optional and self.r.random() < .6:
                continue
            if f.kind[0] == "sealed":
                parts.append(f)
            else:
                d[f.name] = self.value(f)
        self.unknown(d)
        for f in parts:
            self.seal(d, fields, f)
        return d

    def seal(self, d, fields, f):
        plain = self.structure(f.schema, ("cksum",))
        kd = plain.get("keydata", {})
        if f.name == "enc-part":
            self.ticket = kd, getattr(self, "private", None)
            if "endtime" not in plain and (kd["kty"] == SYMM or "x5c" not in kd):
                plain["endtime"] = 1800000000
        alg, kid = self.r.choice(list(CONTENT)), self.octets(4, 4)
        key = gen_key(alg)
        seal(d, fields, f.name, plain, alg, key, kid, "cksum" in f.schema and self.r.random() < .3, self.octets(CONTENT[alg][1], CONTENT[alg][1]))

    def message(self, t):
        if t == PSK_ESTB:
            d = self.structure(STRUCT[t], ("authenticator",))
            d["msg-type"] = t
            (kd, private), f = self.ticket, STRUCT[t]["authenticator"]
            plain = self.structure(f.schema, ("cksum",))
            if kd["kty"] == SYMM:
                seal(d, STRUCT[t], "authenticator", plain, kd["alg"], kd["key"], None, self.r.random() < .3,
                     self.octets(CONTENT[kd["alg"]][1], CONTENT[kd["alg"]][1]))
            elif kd["alg"] != -25:
                sign1(d, plain, private)
            return d
        fields = STRUCT[t]
        parts = [f for f in fields.values() if f.kind[0] == "sealed" and not (f.optional and self.r.random() < .5)]
        d = self.structure(fields, [f.name for f in fields.values() if f.kind[0] == "sealed"])
        d["msg-type"] = t
        if "ta" in d:
            d["ta"] = d["ta"].replace(".", "")
        if t == DK_CRED:
            d["psk-identity"] = "DK.%s.c.1" % "ta"
        if t == ERROR:
            if d["error-code"] in (1, 2, 3, 6):
                parts = []
            if not parts:
                d.pop("crealm", 0), d.pop("cname", 0)
        for f in parts:
            self.seal(d, fields, f)
        return d

    # ---- the same message, written in another valid way

    def wild_head(self, major, n):
        forms = [head(major, n)]
        for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if n < 1 << 8 * size:
                forms.append(bytes([major << 5 | info]) + n.to_bytes(size, "big"))
        return self.r.choice(forms[:1] * 3 + forms)

    def wild(self, v, loose=False):
        r = self.r
        if isinstance(v, Any):
            return self.wild(v.value, True)
        if isinstance(v, UuidName) and r.random() < .5:
            return self.wild(str(uuid.UUID(bytes=bytes(v))))
        if isinstance(v, bool) or v is None:
            return cbor_dumps(v)
        if isinstance(v, int):
            forms = float_forms(float(v)) + ([b"\xf9\x80\x00"] if v == 0 else []) if loose else []
            return r.choice(forms) if forms and r.random() < .4 else self.wild_head(0, v) if v >= 0 else self.wild_head(1, -1 - v)
        if isinstance(v, float):
            return r.choice(float_forms(v))
        if isinstance(v, (bytes, str)):
            b = v.encode() if isinstance(v, str) else bytes(v)
            return self.wild_head(2 + isinstance(v, str), len(b)) + b
        if isinstance(v, list):
            items, major, n = [self.wild(x, loose) for x in v], 4, len(v)
        else:
            items, major, n = [self.wild(k) + self.wild(x, loose) for k, x in v.items()], 5, len(v)
            r.shuffle(items)
        tag = self.wild_head(6, v.tag) if isinstance(v, SealArray) and r.random() < .5 else b""
        if r.random() < .4:
            return tag + bytes([major << 5 | 31]) + b"".join(items) + b"\xff"
        return tag + self.wild_head(major, n) + b"".join(items)

    def wild_json(self, v, loose=False, flag=False):
        r, gap = self.r, lambda: self.r.choice(["", "", "", " ", "\t", "\r"])
        if isinstance(v, Any):
            return self.wild_json(v.value, True)
        if isinstance(v, dict):
            items = [gap() + self.wild_json(k) + gap() + ":" + gap() + self.wild_json(x, loose, k.endswith("flags") or k == "skdc-options")
                     + gap() for k, x in v.items()]
            r.shuffle(items)
            return "{" + (",".join(items) or gap()) + "}"
        if isinstance(v, list):
            items = [gap() + self.wild_json(x, loose) + gap() for x in v]
            if flag and not loose:
                r.shuffle(items)
            return "[" + (",".join(items) or gap()) + "]"
        if isinstance(v, str):
            return '"' + "".join(json.dumps(c)[1:-1] if r.random() < .2 else "\\u%04X" % ord(c) if ord(c) < 0x10000 and r.random() < .1
                                 else json_dumps(c)[1:-1] for c in v) + '"'
        if loose and type(v) is int and r.random() < .5:
            return r.choice(["%d.0", "%de0", "%d.000E+00"]) % v if v else r.choice(["-0", "0.0", "0e5", "-0.0", "1e-400"])
        return json_dumps(v)


def generate(seed, count, to):
    g = Gen(seed)
    for i in range(count):
        msg = g.message(i % 20 + 1)
        while len(encode(msg, "cbor")) > CBOR_LIMIT:
            msg = g.message(i % 20 + 1)
        if to in ("json", "cbor"):
            yield encode(msg, to)
        elif to == "wildjson":
            yield g.wild_json(tree("json", msg, STRUCT[msg["msg-type"]])).encode() + b"\n"
        else:
            yield g.r.choice([b"", b"\xd9\xd9\xf7"]) + g.wild(tree("cbor", msg, STRUCT[msg["msg-type"]]))


# ------------------------------------------------------------------ random messages with one defect

class Twin:
    """A key that may stand twice in a dict."""
    def __init__(self, key):
        self.key = key


class Bad(Gen):
    """Each method bad_* breaks the tree self.t of self.msg in one way and returns what it did, or None if it can't.
    bad_json_* and bad_cbor_* are for that encoding only; text_* and bytes_* work on what was written."""

    def one(self, t, fmt):
        self.fmt, self.msg = fmt, self.message(t)
        self.t = tree(fmt, self.msg, STRUCT[t])
        while True:
            name = self.r.choice([n for n in dir(self) if re.match("bad_(?!%s)" % ("cbor" if fmt == "json" else "json"), n)])
            what = getattr(self, name)()
            if what:
                out = self.write(self.t)
                return re.sub(r"\W", "", name[4:]) + ("-" + what if what is not True else ""), out

    def write(self, v):
        out = splice(self.fmt, v)
        return out + b"\n" if self.fmt == "json" else out

    def lab(self, name):
        return name if self.fmt == "json" else LABELS[name]

    def maps(self):
        """The clear structures: (dict, fields, name)."""
        fields = STRUCT[self.msg["msg-type"]]
        out = [(self.t, fields, "message")]
        for n in ("req-body", "mticket"):
            if n in self.msg:
                out.append((self.t[self.lab(n)], fields[n].schema, n))
        if "keydata" in self.msg:
            out.append((self.t[self.lab("keydata")], KD_SYMM if self.msg["msg-type"] == ENROL else KD_PROV, "keydata"))
        return out

    def pick(self, *kinds):
        """A random known member of one of these kinds: (dict, label, Field)."""
        found = [(d, self.lab(f.name), f) for d, fields, _ in self.maps() for f in fields.values()
                 if f.kind[0] in kinds and self.lab(f.name) in d and f.name not in ("pvno", "msg-type")]
        return self.r.choice(found) if found else (None, None, None)

    def put(self, kinds, *values):
        d, k, f = self.pick(*kinds)
        if d is not None:
            d[k] = self.r.choice(values)
            return f.name

    def ext(self, value):
        """value as that of a member of kind any."""
        self.t[self.r.choice(["vendor", "9999" if self.fmt == "json" else 9999])] = value
        return True

    def part(self, i, value=None, gone=False):
        d, k, f = self.sealed_plain()
        if d is None:
            return None
        key = ("protected", "unprotected", "ciphertext")[i] if self.fmt == "json" else i
        if gone:
            del d[k][key]
        else:
            d[k][key] = b64(value) if self.fmt == "json" and isinstance(value, bytes) else value
        return f.name

    def sealed_plain(self):
        d, k, f = self.pick("sealed")
        return (d, k, f) if d is not None and len(d[k]) == 3 else (None, None, None)

    def header(self, change):
        d, k, f = self.sealed_plain()
        if d is None:
            return None
        h = d[k]["unprotected" if self.fmt == "json" else 1]
        iv, kid = ("iv", "kid") if self.fmt == "json" else (5, 4)
        return change(h, iv, kid, lambda b: b64(b) if self.fmt == "json" else b) and f.name

    # ---- both encodings
    def bad_missing(self):
        d, fields, where = self.r.choice(self.maps())
        f = self.r.choice([f for f in fields.values() if not f.optional])
        del d[self.lab(f.name)]
        return where + "-" + f.name

    def bad_foreign(self):
        d, fields, where = self.r.choice(self.maps())
        own = list(fields) + ["key"] if where == "keydata" else list(fields)
        n = self.r.choice([n for n in LABELS if n not in own])
        d[self.lab(n)] = 1
        return where + "-" + n

    def bad_kind(self):
        return self.put(("uint", "name", "bytes", "map", "sealed", "keydata", "text", "blobs", "flags"), True, None)

    def bad_pvno(self):
        self.t[self.lab("pvno")] = self.r.choice([0, 2, MAX])
        return "bad-version"

    def bad_pvno_negative(self):
        self.t[self.lab("pvno")] = -1
        return True

    def bad_msgtype(self):
        self.t[self.lab("msg-type")] = self.r.choice([0, 21, -1, MAX])
        return True

    def bad_uint(self):
        return self.put(("uint",), -1, MAX + 1, "1")

    def bad_name(self):
        return self.put(("name",), "", "x" * 256, "a\x00", "a\x1fb", "\x7f", "\x9f", 5, "\u00e9" * 128)

    def bad_token(self):
        return self.put(("token",), MAX + 1, -MAX - 1, "NoSuchWord", True)

    def bad_etype(self):
        return self.put(("etype",), [], list(range(50, 59)), [77, 77], "NoSuchWord", MAX + 1, [[77]])

    def bad_etext(self):
        return self.put(("text",), "x" * 256, "\n", 1, None)

    def bad_depth(self):
        v = None
        for _ in range(16):
            v = [v] if self.r.random() < .5 else {"a": v}
        return self.ext(v)

    def bad_size(self):
        return self.ext("x" * 65536)

    def bad_any_big(self):
        return self.ext([MAX + 1] if self.r.random() < .5 else {"k": -MAX - 1})

    def bad_iv_missing(self):
        return self.header(lambda h, iv, kid, b: bool(h.pop(iv)))

    def bad_iv_length(self):
        return self.header(lambda h, iv, kid, b: not h.update({iv: b(self.r.choice([b"", b"123456789ab", b"x" * 14]))}))

    def bad_kid_missing(self):
        return self.header(lambda h, iv, kid, b: h.pop(kid, None) is not None)

    def bad_kid_estb(self):
        return self.header(lambda h, iv, kid, b: kid not in h and not h.update({kid: b(b"1234")}))

    def bad_kid_length(self):
        return self.header(lambda h, iv, kid, b: kid in h and not h.update({kid: b(self.r.choice([b"", b"k" * 33]))}))

    def bad_header_other(self):
        return self.header(lambda h, iv, kid, b: not h.update({"x" if self.fmt == "json" else 3: b(b"x")}))

    def bad_protected(self):
        return self.part(0, self.r.choice([b"", b"\xa0", b"\xa1\x01\x18\x0a", b"\xa1\x01\x19\x00\x1e", b"\xbf\x01\x0a\xff", b"\xa1\x04\x41\x00",
                                           b"\xa2\x01\x0a\x04\x41\x00", b"\xa1\x01\x0a\x00", b"\xa1\x18\x01\x0a", b"\xa1\x01\x61a"]))

    def bad_ciphertext(self):
        return self.part(2, None)

    def bad_ciphertext_gone(self):
        return self.part(2, gone=True)

    def bad_sign1_elsewhere(self):
        d, k, f = self.sealed_plain()
        if d is None or self.msg["msg-type"] == PSK_ESTB and f.name == "authenticator":
            return None
        prot, payload = b"\xa1\x01\x26", b"\xa0"
        d[k] = dict(protected=b64(prot), unprotected={}, payload=b64(payload), signature=b64(b"s" * 64)) if self.fmt == "json" else \
            [prot, {}, payload, b"s" * 64]
        return f.name

    def bad_enrol(self):
        if self.msg["msg-type"] != ENROL:
            return None
        k, v = self.r.choice([("kty", 2), ("kty", 5), ("keyid", b"12345"), ("key", b"k" * 15), ("key", b"k" * 33), ("alg", 10), ("alg", -7),
                              ("alg", 99)])
        words = {"kty": KTY, "alg": ALG}.get(k, {})
        self.t[self.lab("keydata")][self.lab(k)] = v if self.fmt == "cbor" else b64(v) if isinstance(v, bytes) else words.get(v, v)
        return "%s-%s" % (k, v if isinstance(v, int) else len(v))

    def bad_dk(self):
        """What section 11 says of its documents over and above their members' kinds."""
        if self.msg["msg-type"] < DK_PROV:
            return None
        k, v = self.r.choice([("ta", "."), ("ta", "t.a")] + [("key", b"k" * n) for n in (17, 24, 31) if self.msg["msg-type"] == DK_CRED])
        self.t[self.lab(k)] = b64(v) if self.fmt == "json" and k == "key" else v
        return "%s-%d" % (k, len(v))

    def bad_keyops(self):
        if "keydata" not in self.msg:
            return None
        self.t[self.lab("keydata")][self.lab("keyops")] = self.r.choice([list(range(50, 61)), [77, 77], 77, "encrypt"])
        return True

    def bad_octets(self):
        d, k, f = self.pick("bytes")
        if d is None or f.kind[2] > 32:
            return None
        v = b"x" * self.r.choice([f.kind[1] - 1, f.kind[2] + 1])
        d[k] = b64(v) if self.fmt == "json" else v
        return "%s-%d" % (f.name, len(v))

    def bad_grppac(self):
        if self.msg["msg-type"] != GSK_REQ:
            return None
        self.t[self.lab("req-body")][self.lab("grppac")] = self.r.choice([None, "any", [], 1, {"lifetime": 0}, {"lifetime": 1.5}, {"members": "all"},
                                                                    {"lifetime": "1"}, {"members": [1]}, {"members": None}])
        return True

    def bad_twice(self):
        d, fields, where = self.r.choice(self.maps())
        k = self.r.choice(list(d))
        d[Twin(k)] = d[k]
        return where

    def bad_twice_any(self):
        return self.ext({"a": 1, Twin("a"): 1})

    def bad_label_empty(self):
        self.t[""] = 1
        return True

    def bad_label_long(self):
        self.t["l" * 256] = 1
        return True

    def bad_label_range(self):
        self.t[str(MAX + 1) if self.fmt == "json" else -MAX - 1] = 1
        return True

    # ---- JSON
    def bad_json_number_label(self):
        d, fields, where = self.r.choice(self.maps())
        d[str(self.r.randrange(53))] = 1
        return where

    def bad_json_number(self):
        return self.put(("uint",), Spliced(b"1.0"), Spliced(b"1e0"), Spliced(b"-0"), Spliced(b"1E1"), Spliced(b"1.5"), Spliced(b"01"))

    def bad_json_word(self):
        words = [("msg-type", self.msg["msg-type"])] + [("kty", 4)] * ("kty" in self.msg.get("req-body", {}))
        k, v = self.r.choice(words)
        (self.t if k == "msg-type" else self.t["req-body"])[k] = self.r.choice([v, KIND[k][1][v].lower(), KIND[k][1][v] + " "])
        return k

    def bad_json_etype_number(self):
        return self.put(("etype",), 10, [30], "a128gcm", Spliced(b"99.0"), Spliced(b"99e0"), Spliced(b"-0"))

    def bad_json_flags(self):
        return self.put(("flags",), [0], [32], [-1], ["cert", "cert"], [7, 7], 1, ["Cert"], [Spliced(b"7.0")], [Spliced(b"-0")])

    def bad_json_base64(self):
        d, k, f = self.sealed_plain()
        if d is None:
            return None
        d[k]["ciphertext"] = self.r.choice(["AAA=", "AAB", "AB", "A", "AA+A", "AA/A", "AA A", "AAA\n", "AA==", 5])
        return f.name

    def bad_json_member_in_seal(self):
        d, k, f = self.sealed_plain()
        if d is not None:
            d[k]["x"] = "AA"
            return f.name

    def bad_json_any(self):
        return self.ext(Spliced(self.r.choice([b"1e400", b"-1e400", b"9007199254740992", b"9007199254740991.5", b"1e16", b'"\\ud800"',
                                               b'"\\udc00\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b"NaN", b"Infinity", b"+1", b".5",
                                               b"1.", b"01", b"'a'", b'"\t"', b'"\\x41"', b"[1,]", b"{,}", b"[1 2]", b"tru", b'"\\u12"', b"{1:2}",
                                               b'{"a":1,"\\u0061":2}', b"/**/1", b"undefined", b"1e", b"--1", b"0x10", b"True"])))

    def bad_json_bom(self):
        self.t = Spliced(b"\xef\xbb\xbf" + splice("json", self.t))
        return True

    def bad_json_array(self):
        self.t = [self.t]
        return True

    def bad_json_truncated(self):
        b = splice("json", self.t)
        self.t = Spliced(b[:self.r.randrange(1, len(b))].decode("utf-8", "ignore").encode())
        return True

    # ---- CBOR
    def bad_cbor_chunked(self):
        d, k, f = self.pick("name")
        if d is not None:
            d[k] = Spliced(b"\x7f\x61a\xff")
            return f.name

    def bad_cbor_float(self):
        return self.put(("uint", "token", "flags", "etype"), Spliced(b"\xf9\x3c\x00"), Spliced(b"\xfa\x3f\x80\x00\x00"))

    def bad_cbor_tagged(self):
        return self.put(("uint", "name", "map"), Spliced(b"\xc1\x01"), Spliced(b"\xd8\x25\x50" + b"u" * 16), Spliced(b"\xd9\xd9\xf7\x01"),
                        Spliced(b"\xd0\x01"))

    def bad_cbor_time_tag(self):
        return self.put(("uint",), Spliced(b"\xc1\x1a\x65\x00\x00\x00"))

    def bad_cbor_uuid(self):
        return self.put(("name",), b"u" * 15, b"u" * 17, b"")

    def bad_cbor_utf8(self):
        return self.put(("name",), Spliced(b"\x61\xff"), Spliced(b"\x63\xed\xa0\x80"), Spliced(b"\x62\xc0\x80"), Spliced(b"\x64\xf4\x90\x80\x80"))

    def bad_cbor_flags(self):
        return self.put(("flags",), 2 ** 32, -1, [0], "cert")

    def bad_cbor_label(self):
        d, fields, where = self.r.choice(self.maps())
        k = self.r.choice(["34", "-1", "99999", "crealm", "alg", str(MAX + 1), Spliced(b"\xf9\x3c\x00"), Spliced(b"\x41x"), Spliced(b"\xf6"),
                           Spliced(b"\x80"), Spliced(b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), Spliced(b"\xc1\x01")])
        d[k] = 1
        return where

    def bad_cbor_any(self):
        return self.ext(Spliced(self.r.choice([b"\x41x", b"\xc1\x01", b"\xf7", b"\xe0", b"\xf8\x20", b"\xf8\xff", b"\xf9\x7e\x00", b"\xf9\x7c\x00",
                                               b"\xf9\xfc\x00", b"\xfb\x43\x40\x00\x00\x00\x00\x00\x00", b"\x1b\x00\x20\x00\x00\x00\x00\x00\x00",
                                               b"\x3b\x00\x20\x00\x00\x00\x00\x00\x00", b"\x3b" + b"\xff" * 8, b"\xc2\x41\x01", b"\xa1\x01\x02",
                                               b"\xa1\x41a\x02", b"\xa2\x61a\x01\x61a\x02", b"\xa2\x61a\x01\x78\x01a\x02", b"\x7f\xff", b"\x5f\xff",
                                               b"\x61\xff", b"\xd9\xd9\xf7\x01", b"\xa1\xf6\x01", b"\xd0\x80"])))

    def bad_cbor_not_well_formed(self):
        return self.ext(Spliced(self.r.choice([b"\x1c", b"\x3d", b"\x5e", b"\x7c", b"\x9d", b"\xbe", b"\xdc", b"\xfc", b"\x1f", b"\x3f", b"\xdf",
                                               b"\xf8\x00", b"\xf8\x14", b"\xf8\x1f", b"\xff", b"\xbf\x61a\xff", b"\x5f\x61a\xff", b"\x7f\x7f\xff\xff",
                                               b"\x9b" + b"\xff" * 8, b"\x7b" + b"\xff" * 8, b"\x82\xff\x01", b"\x5f\x01\xff"])))

    def bad_cbor_twice(self):
        d, fields, where = self.r.choice(self.maps())
        k = self.r.choice([k for k in d if type(k) is int and 0 <= k < 65536])
        d[Spliced(b"\x1a" + k.to_bytes(4, "big"))] = d[k]
        return where

    def bad_cbor_tags(self):
        self.t = Spliced(self.r.choice([b"\xd9\xd9\xf7\xd9\xd9\xf7", b"\xc1", b"\xd0", b"\xda\x00\x00\xd9\xf7"]) + splice("cbor", self.t))
        return True

    def bad_cbor_seal_tag(self):
        d, k, f = self.sealed_plain()
        if d is not None:
            d[k] = Spliced(self.r.choice([b"\xd2", b"\xd1", b"\xd0\xd0"]) + splice("cbor", d[k]))
            return f.name

    def bad_cbor_seal_long(self):
        d, k, f = self.sealed_plain()
        if d is not None:
            d[k].append(self.r.choice([b"", None, []]))
            return f.name

    def bad_cbor_truncated(self):
        b = splice("cbor", self.t)
        self.t = Spliced(b[:self.r.randrange(1, len(b))])
        return True


def splice(fmt, v):
    """Write a tree that may hold Twins and Spliced parts."""
    if isinstance(v, Any):
        return splice(fmt, v.value)
    if isinstance(v, Twin):
        return splice(fmt, v.key)
    if isinstance(v, Spliced) or not isinstance(v, (list, dict)):
        return bytes(v) if isinstance(v, Spliced) else cbor_dumps(v) if fmt == "cbor" else json_dumps(v).encode()
    if fmt == "cbor":
        return head(5 if isinstance(v, dict) else 4, len(v)) + b"".join(
            [splice(fmt, k) + splice(fmt, x) for k, x in v.items()] if isinstance(v, dict) else [splice(fmt, x) for x in v])
    if isinstance(v, list):
        return b"[" + b",".join(splice(fmt, x) for x in v) + b"]"
    return b"{" + b",".join(splice(fmt, k) + b":" + splice(fmt, x) for k, x in v.items()) + b"}"


def generate_bad(seed, count, folder):
    os.makedirs(folder, exist_ok=True)
    g = Bad(seed)
    for i in range(count):
        t, fmt = g.r.randint(1, 20), g.r.choice(["json", "cbor"])
        what, out = g.one(t, fmt)
        with open(os.path.join(folder, "%04d-%s-%s.%s" % (i, MSGTYPE[t], what, fmt)), "wb") as f:
            f.write(out)


# ------------------------------------------------------------------ the command line

def run(args):
    state, now = None, int(time.time()) if args.now is None else args.now
    write, note = sys.stdout.buffer.write, lambda text: print("fluffy_ref: %s" % text, file=sys.stderr)
    if args.command == "gen":
        for out in generate(args.seed, args.count, args.to or "json"):
            write(out)
        return 0
    if args.command == "gen-bad":
        generate_bad(args.seed, args.count, args.o)
        return 0
    status = 0
    if args.command in ("convert", "check"):
        for fmt, m in stream(sys.stdin.buffer.read()):
            if isinstance(m, Exception):
                status = 3 if isinstance(m, Malformed) or status == 3 else 1
                text = "malformed %s" % m if isinstance(m, Malformed) else "bad-version"
                print(json.dumps(text)[1:-1]) if args.command == "check" else note(text)
            elif args.command == "check":
                print("ok " + MSGTYPE[m["msg-type"]])
            else:
                write(encode(m, args.to or fmt))
        return status
    if not args.s:
        raise SystemExit("-s is missing")
    # in a pipe the state is read after the input is complete, and written before the output
    given, outs = sys.stdin.buffer.read() if args.command in ("join", "skdc", "estb", "take") else b"", []
    write = outs.append
    if os.path.exists(args.s):
        with open(args.s) as f:
            state = json.load(f)
    elif args.command not in ("init", "join"):
        raise SystemExit("%s isn't there" % args.s)
    fmt = "json" if args.json else "cbor"
    if args.command == "init":
        if state:
            note("%s exists" % args.s)
            return 1
        state = Skdc.new(args.realm, args.name)
    elif args.command in ("enrol", "ca", "group", "del-request", "del-pending"):
        status = operate(args, Skdc(state, now), lambda m: write(encode(m, fmt)), lambda line: write(("%s\n" % line).encode()), note)
    elif args.command in ("join", "skdc", "estb", "take"):
        root = load_certs(open(args.cert).read())[-1] if args.command == "take" and isinstance(args.cert, str) else None
        for fmt, m in stream(given):
            out = []
            if args.command == "join":
                try:
                    if isinstance(m, Exception):
                        raise m
                    state, err = Device.join(state, m, now), None
                except (Malformed, BadVersion, Refused) as e:
                    err = str(e)
            elif args.command == "skdc":
                out, err = Skdc(state, now).answer(m)
            else:
                out, err = Device(state, now).answer(m, args.seqnum, args.cksum, root)
            for o in out:
                write(encode(o, fmt))
            if err:
                note(err)
                status = 3 if isinstance(m, Malformed) or status == 3 else 1
    elif args.command == "keys":
        for role, keyid, keys, peer, alg in Device(state, now).list_keys():
            if args.name in (None, keyid):
                write((" ".join([role, keyid] + keys + [peer, alg]) + "\n").encode())
    else:
        try:
            write(encode(device_request(args, Device(state, now)), fmt))
        except Refused as e:
            note(e)
            return 1
    if state:
        with open(args.s, "w") as f:
            json.dump(state, f, indent=1)
    sys.stdout.buffer.write(b"".join(outs))
    return status


def operate(args, skdc, write, say, note):
    """What the SKDC's operator does; the exit status."""
    if args.command == "enrol":
        alg = {w: n for n, w in ALG.items()}.get(args.alg)
        if alg not in CONTENT or CONTENT[alg][2] != 16:
            note("not an alg for a secret key")
            return 1
        write(skdc.enrol(args.name, alg, args.endtime, args.at_once))
    elif args.command == "ca":
        files = [args.cert, args.key] if isinstance(args.cert, str) and args.key else []
        cert, key = [open(f).read() for f in files] if files and os.path.exists(files[0]) else test_ca(skdc.now)
        for f, text in zip(files, (cert, key)):
            if not os.path.exists(f):
                with open(f, "w") as out:
                    out.write(text)
        skdc.s["ca"] = {"cert": cert, "key": key}
    elif args.command == "group" and args.name is None:
        for n, g in skdc.s["groups"].items():
            holders = sorted({h for i in g["keys"] for h in skdc.s["issued"][i]["holders"]})
            say("%s %s %s %s: %s" % (n, "deleted" if skdc.group({"mcastname": n}) is None else "deleting" if g["deleting"] else "live", g["owner"],
                                     g["keys"][-1], " ".join(holders)))
    else:
        try:
            if args.command == "group":
                skdc.members(args.name, args.add, args.remove, args.forbid)
            elif args.command == "del-request":
                for m in skdc.delete(args.name):
                    write(m)
            else:
                for keyid, name, end in skdc.pending():
                    if args.resend:
                        write(skdc.psk_delt(keyid, name))
                    else:
                        say("%s %s %d" % (keyid, name, end))
        except Refused as e:
            note(e)
            return 1
    return 0


def device_request(args, device):
    """The message that a device's command makes."""
    words = {w: n for n, w in ALG.items()}

    def algs(text):
        etype = [words.get(w) or int(w) for w in text.split(",")]
        return etype if len(etype) > 1 else etype[0]
    etype, keyid = algs(args.etype), bytes.fromhex(args.keyid) if args.keyid else None
    if args.command == "req":
        return device.request(args.name, etype, args.sprealm, args.seqnum, args.cksum)
    if args.command == "gsk-fetch":
        return device.gsk_fetch(args.name, keyid, args.mcastrealm, args.seqnum, args.cksum)
    if args.command == "gsk-delete":
        return device.gsk_delete(args.name, keyid, args.mcastrealm, args.seqnum)
    if args.command == "gsk-request":
        grppac = json.loads(args.grppac or "{}")
        if args.members is not None:
            grppac["members"] = args.members if args.members == "any" else [n for n in args.members.split(",") if n]
        if args.lifetime is not None:
            grppac["lifetime"] = args.lifetime
        return device.gsk_request(args.name, etype, grppac if grppac or args.grppac else None, args.renew, args.mcastrealm, args.seqnum, args.cksum)
    kty = {w: n for n, w in KTY.items()}[args.kty]
    return device.pkp_request(kty, algs(args.alg), getattr(args, "for"), bool(args.cert) | args.cert_chain << 1, args.sprealm, args.seqnum, args.cksum)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("command", choices="""init enrol ca skdc group del-request del-pending join req gsk-request gsk-fetch gsk-delete
        pkp-request take estb keys convert check gen gen-bad""".split())
    p.add_argument("name", nargs="?")
    p.add_argument("-s", metavar="STATE")
    p.add_argument("-o", metavar="DIR")
    p.add_argument("--realm", default="home")
    p.add_argument("--alg", default=ALG[30], help="enrol: the secret key's alg; pkp-request: algs, with commas")
    p.add_argument("--endtime", type=int, help="enrol: when the old key ends")
    p.add_argument("--at-once", action="store_true", help="enrol: drop the old key at once")
    p.add_argument("--etype", default=ALG[10], help="req, gsk-request: algs, with commas")
    p.add_argument("--sprealm", help="req, pkp-request")
    p.add_argument("--mcastrealm", help="gsk-request, gsk-fetch, gsk-delete")
    p.add_argument("--members", metavar="A,B|any", help="gsk-request")
    p.add_argument("--lifetime", type=int, help="gsk-request")
    p.add_argument("--grppac", metavar="JSON", help="gsk-request: other members of grppac")
    p.add_argument("--renew", action="store_true", help="gsk-request")
    p.add_argument("--keyid", metavar="HEX", help="gsk-fetch, gsk-delete")
    for option in ("--add", "--remove", "--forbid"):
        p.add_argument(option, metavar="NAME", help="group")
    p.add_argument("--resend", action="store_true", help="del-pending")
    p.add_argument("--kty", choices=["SYMM", "EC", "OKP", "RSA"], help="pkp-request")
    p.add_argument("--for", metavar="SERVICE", help="pkp-request")
    p.add_argument("--cert", nargs="?", const=True, metavar="PEM", help="pkp-request: a certificate too; ca, take: the CA's")
    p.add_argument("--cert-chain", action="store_true", help="pkp-request")
    p.add_argument("--key", metavar="PEM", help="ca: its private key")
    p.add_argument("--seqnum", type=int, help="requests, take")
    p.add_argument("--cksum", action="store_true", help="requests, take")
    p.add_argument("--json", action="store_true", help="what is made without input: write JSON")
    p.add_argument("--cbor", action="store_false", dest="json", help="write CBOR, the default")
    p.add_argument("--to", choices=["json", "cbor", "wild", "wildjson"])
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--count", type=int, default=20)
    p.add_argument("--now", type=int, help="the time, in place of the clock's")
    sys.exit(run(p.parse_intermixed_args()))


if __name__ == "__main__":
    main()

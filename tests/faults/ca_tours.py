"""The tours of certificates, from a CA in files and from one that is asked, and
their bases: an SKDC and two devices."""
import atexit
import os
import subprocess

from case import SAME, again, nothing, step
from world import need

CA = "fluffy-key ca -s skdc.db --cert ca.pem "
FILES = CA + "--key ca.key"
EXTENSIONS = b"""basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
"""


def build(world):
    world.run("fluffy-key init -s skdc.db --realm home skdc")
    for name in ("sensor", "lock"):
        world.device(name)
    world.write("extensions", EXTENSIONS)
    world.write("secret", b"aVerySecretSecretOfTheCA\n")
    world.run("openssl ecparam -name prime256v1 -genkey -noout -out ca.key")
    world.run("openssl req -new -key ca.key -subj /CN=home -out ca.csr")
    world.run("openssl x509 -req -in ca.csr -signkey ca.key -days 3650 "
              "-extfile extensions -out ca.pem")
    world.run(FILES)
    world.run("fluffy-pkp request -s sensor.db --kty EC --alg ES256 --for lock "
              "--cert", to="preq")


def build_asked(world):
    """The CA is a process that lives as long as this one."""
    responder = subprocess.Popen(
        [os.path.join(world.env["builddir"], "tests/cli/cmp-responder"),
         "ca.pem", "ca.key", "skdc", "secret"], cwd=world.path,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    atexit.register(responder.kill)
    port = int(responder.stdout.readline())
    world.run(CA + "--cmp http://127.0.0.1:%d/cmp --ref skdc --secret secret" %
              port)


def has_ca(world, *may):
    """One of them, whole."""
    shown = world.run("fluffy-key ca -s skdc.db").out
    need(any(shown.startswith(b"ca: " + word) for word in may) and
         shown.count(b"\n") == {b"none": 1, b"files": 3, b"cmp": 5}[
             shown.split()[1]], "the CA is %r" % shown)


@step("ca/set", FILES, base="asked")
def set_ca(world, got, case):
    has_ca(world, *[b"files"] if got.status == 0 else [b"files", b"cmp"])


@step("ca/unset", "fluffy-key ca -s skdc.db --none", base="ca")
def unset_ca(world, got, case):
    has_ca(world, *[b"none"] if got.status == 0 else [b"none", b"files"])


step("ca/show", "fluffy-key ca -s skdc.db", gives=SAME, base="ca")(nothing)


def certified(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.run("fluffy-pkp accept -s sensor.db", "out", to="x")
        keyid = world.said(world.run("fluffy-estb -s lock.db", "x"))
        world.run("fluffy-key export -s sensor.db --as pem " + keyid,
                  to="pem")
        world.run("openssl verify -x509_strict -CAfile ca.pem pem")


for _base in ("ca", "asked"):
    step(_base + "/skdc", "fluffy-skdc -s skdc.db", "preq", gives=["PKP-REP"],
         refusal="no-ca", base=_base)(certified)

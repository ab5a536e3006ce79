"""The tour of derived keys, and its base: a trust anchor's ta.db, the server's
lamp.db and the client's phone.db."""
import json
import re
import sqlite3

from case import SAME, again, new_store, nothing, step
from world import need

ISSUE = "fluffy-dk issue -s ta.db lamp C"
DERIVE = "fluffy-dk derive -s lamp.db --show-keys DK.TA.C."
CERTIFY = "fluffy-dk certify -s ta.db lamp C"

PEM = rb"-----BEGIN PUBLIC KEY-----\n.*-----END PUBLIC KEY-----\n"
# when the store fails the report says where
VERDICTS = b"".join(check + rb": (ok|store|memory|-)\n" for check in (
    b"trust-anchor", b"sequence-number", b"public-key", b"mac"))


def build(world):
    world.run("openssl genpkey -algorithm EC -pkeyopt "
              "ec_paramgen_curve:P-256 -out phone.key")
    world.run("openssl pkey -in phone.key -pubout -out phone.pem")
    world.run("fluffy-dk provision -s ta.db lamp", to="prov")
    world.run("fluffy-dk join -s lamp.db", "prov", to="lamp.pem")
    world.run("fluffy-dk trust -s ta.db lamp", "lamp.pem")
    for n in "12345":
        world.run(ISSUE, to="cred" + n)
        world.run(DERIVE + n, to="derived" + n)
    world.run(CERTIFY, "phone.pem", to="cert6")
    world.run("fluffy-dk join -s phone.db", "cred1")
    world.run("fluffy-dk revoke -s ta.db lamp 4", to="x")
    world.run("fluffy-dk accept -s lamp.db", "x")
    world.run("fluffy-dk revoke -s ta.db lamp 1", to="revoke1")
    # 3 and 5 are taken, as a session would
    database = sqlite3.connect(world.file("lamp.db"))
    database.execute("UPDATE anchor SET seq = 5, "
                     "bits = CAST(x'05' || substr(bits, 2) AS BLOB)")
    database.commit()
    database.close()
    server_goes_on(world)
    # what comes next from the anchor: another key for the lamp
    ahead = world.copy(world.path + "-ahead")
    ahead.run("fluffy-dk provision -s ta.db lamp", to="prov2")
    world.write("prov2", ahead.read("prov2"))


def number(world, file):
    """Of a DK-CRED or DK-CERT."""
    shown = world.run("fluffy-msg " + file).out.decode()
    found = re.search(r"DK\.TA\.C\.(\d+)", shown)
    if found:
        return int(found[1])
    said = world.run("fluffy-dk verify -s lamp.db", file).err.decode()
    return int(re.search(r"number (\d+) by", said)[1])


def anchor_goes_on(world, last):
    """No number is given out a second time."""
    world.run(ISSUE, to="next")
    need(number(world, "next") > last, "number %d is given out after %d" %
         (number(world, "next"), last))


def server_goes_on(world):
    """What was taken or revoked isn't fresh again.  A new key has new numbers,
    but then the old keys are worth nothing."""
    for n in "345":
        got = world.run(DERIVE + n, status=(0, 1))
        need(got.status == 1 or got.out != world.read("derived" + n),
             "number %s is fresh again" % n)
    world.run(DERIVE + "6")


def given(world, got, case):
    anchor_goes_on(world, number(world, "out") if world.has("out") else 6)


step("dk/issue", ISSUE, gives=["DK-CRED"], base="dk")(given)
step("dk/certify", CERTIFY, "phone.pem", gives=["DK-CERT"], base="dk")(given)


@step("dk/issue-o", ISSUE.replace(" lamp", " -o doc lamp"), made=["doc"],
      base="dk")
def issue_file(world, got, case):
    whole = got.status == 0 or world.has("doc") and world.read("doc")
    anchor_goes_on(world, number(world, "doc") if whole else 6)


@step("dk/revoke", "fluffy-dk revoke -s ta.db lamp 2", gives=["DK-REVOKE"],
      base="dk")
def revoke(world, got, case):
    if not world.has("out"):
        world.run(case.command, to="out")
    world.run("fluffy-dk accept -s lamp.db", "out")
    world.run("fluffy-dk derive -s lamp.db DK.TA.C.2", status=1)
    server_goes_on(world)


def provisioned(world, store):
    """The key in "out" and its numbers belong together."""
    world.run("fluffy-dk join -s new-lamp.db", "out")
    world.run("fluffy-dk issue -s %s lamp C" % store, to="next")
    need(number(world, "next") == 1, "a new key's numbers don't begin at 1")
    world.run("fluffy-dk derive -s new-lamp.db DK.TA.C.1")


@step("dk/provision", "fluffy-dk provision -s ta.db lamp", gives=["DK-PROV"],
      base="dk")
def provision(world, got, case):
    if not (world.has("out") and (got.status == 0 or got.killed)):
        world.run(case.command, to="out")
    provisioned(world, "ta.db")


@step("dk/first", "fluffy-dk provision -s new.db lamp", gives=["DK-PROV"],
      made=["new.db"], base="dk")
def first(world, got, case):
    if not (world.has("out") and (got.status == 0 or got.killed)):
        world.run(case.command, to="out")
    provisioned(world, "new.db")


@step("dk/trust", "fluffy-dk trust -s ta.db lamp", "lamp.pem", base="dk")
def trust(world, got, case):
    world.run(case.command, case.stdin)
    world.run(CERTIFY, "phone.pem")


@step("dk/join", "fluffy-dk join -s lamp.db", "prov2", gives=SAME, base="dk")
def rejoin(world, got, case):
    joined = got.status == 0 or got.out
    second = world.run(case.command, case.stdin,
                       status=1 if joined else (0, 1))
    need(second.status == 1 or second.out == world.read("lamp.pem"),
         "the lamp's own key has changed")
    server_goes_on(world)


@step("dk/server", "fluffy-dk join -s new.db", "prov", gives=PEM,
      made=["new.db"], base="dk")
def server(world, got, case):
    new_store(world, got, case)
    world.run("fluffy-dk derive -s new.db DK.TA.C.1")


@step("dk/accept", "fluffy-dk accept -s lamp.db", "revoke1", base="dk")
def accept(world, got, case):
    world.run(case.command, case.stdin)
    world.run("fluffy-dk derive -s lamp.db DK.TA.C.1", status=1)
    server_goes_on(world)


def client(world, got, case):
    again(world, got, case)
    numbers = [row["number"] for row in json.loads(
        world.run("fluffy-dk window --json -s phone.db").out)]
    need(numbers == [1, 6 if "cert6" in case.stdin else 2],
         "the client has the numbers %s" % numbers)


step("dk/client", "fluffy-dk join -s phone.db", "cred2", base="dk")(client)
step("dk/pair", "fluffy-dk join -s phone.db --key phone.key", "cert6",
     base="dk")(client)


@step("dk/verify", "fluffy-dk verify -s lamp.db", "cert6", gives=VERDICTS,
      base="dk")
def verify(world, got, case):
    need(got.out.count(b": ok\n") == 4 or got.status != 0,
         "valid, although a check failed")


step("dk/derive", "fluffy-dk derive -s lamp.db --show-keys DK.TA.C.6",
     gives=SAME, base="dk")(nothing)
step("dk/window", "fluffy-dk window -s lamp.db", gives=SAME,
     base="dk")(nothing)


# ---- sessions ----------------------------------------------------------------

SERVE = "fluffy-dk serve -s lamp.db --listen 127.0.0.1:0 --forward 127.0.0.1:9"


@step("dk/serve", SERVE, ends=b"listening on ", base="dk")
def serve(world, got, case):
    server_goes_on(world)


@step("dk/connect", "fluffy-dk connect -s phone.db --listen 127.0.0.1:0 "
      "--to {beside} --handshake 5", beside=SERVE, ends=b"listening on ",
      base="dk")
def connect(world, got, case):
    """The server takes a number once; one that it took is kept only where
    nobody was told that it is connected."""
    used = world.run(DERIVE + "1", status=(0, 1)).status == 1
    kept = [row["number"] for row in json.loads(
        world.run("fluffy-dk window --json -s phone.db").out)]
    need(got.status != 0 or used and 1 not in kept,
         "connected, and number 1 is still there")
    server_goes_on(world)

"""The tours of session keys, rotation, the operator and conversions, and the
base in which each of their steps is still to be done."""
import os

import group_tours
from case import CASES, PART, SAME, again, new_store, nothing, step
from world import need


def build(world):
    world.run("fluffy-key init -s skdc.db --realm home skdc")
    for name in ("sensor", "lock", "camera", "lamp"):
        world.device(name)
    build_rotation(world)
    world.run("fluffy-key deny -s skdc.db camera lamp")
    for name in ("kept", "removed", "ended"):
        note(world, name, world.exchange())
    for n in "0123":
        world.run("fluffy-req -s sensor.db lock", to="req" + n)
    for n in "123":
        world.run("fluffy-skdc -s skdc.db", "req" + n, to="rep" + n)
    for n in "23":
        world.run("fluffy-estb -s sensor.db", "rep" + n, to="estb" + n)
    world.run("fluffy-estb -s lock.db", "estb3", to="ack3")
    build_messages(world)
    group_tours.build(world)


def build_messages(world):
    world.run("fluffy-msg --to json rep1", to="rep1.json")
    world.run("fluffy-skdc -s skdc.db", "req1", status=1, to="refusal")
    world.run("fluffy-msg --mutate -o right refusal")
    world.run("fluffy-msg --diff rep1 rep2", status=1, to="differences")


def build_rotation(world):
    rows = world.run("fluffy-key list -s camera.db").out.decode().split("\n")
    kid = [row.split()[2] for row in rows if row.startswith("secret")][0]
    note(world, "camera", kid, "camera.db")
    world.run("fluffy-key rotate -s skdc.db camera", to="rotated")
    world.run("fluffy-key enrol -s skdc.db new", to="enrolled")
    world.run("fluffy-key rotate -s skdc.db lamp", to="x")
    world.run("fluffy-key join -s lamp.db", "x")
    world.run("fluffy-req -s lamp.db lock", to="lampreq")


def note(world, name, keyid, store="sensor.db"):
    """The key is NAME in commands, and its value in NAME.key."""
    world.names[name] = keyid
    world.write(name + ".key", world.key(store, keyid).encode())


# ---- a session key -----------------------------------------------------------

@step("psk/init", "fluffy-key init -s more.db --realm home more",
      made=["more.db"])
def init(world, got, case):
    need(got.status in (0, -9) or not world.has("more.db"), "half a store")
    new_store(world, got, case)


def enrolled(world, got, case):
    if got.status != 0:
        # without its document a device isn't enrolled
        second = world.run(case.command.replace(" -o doc", ""),
                           status=(0, 1) if got.killed else 0)
        if second.status == 1:
            world.run("fluffy-key remove -s skdc.db another")
            second = world.run("fluffy-key enrol -s skdc.db another")
        world.write("out", second.out)
    world.run("fluffy-key join -s another.db",
              "out" if world.has("out") else "doc")
    world.exchange("another", "lock")


step("psk/enrol", "fluffy-key enrol -s skdc.db another",
     gives=["ENROL"])(enrolled)
step("psk/enrol-o", "fluffy-key enrol -s skdc.db -o doc another",
     made=["doc"])(enrolled)


@step("psk/join", "fluffy-key join -s new.db", "enrolled", made=["new.db"])
def join(world, got, case):
    new_store(world, got, case)
    world.run(case.command, case.stdin, status=1)
    world.exchange("new", "lock")


@step("psk/req", "fluffy-req -s sensor.db lock", gives=["PSK-REQ"])
def req(world, got, case):
    if world.has("out"):
        world.run("fluffy-skdc -s skdc.db", "out", to="x")
        world.from_reply("x", "sensor", "lock")


@step("psk/skdc", "fluffy-skdc -s skdc.db", "req0", gives=["PSK-REP"])
def skdc(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.from_reply("out", "sensor", "lock")


@step("psk/rep", "fluffy-estb -s sensor.db", "rep1", gives=["PSK-ESTB"])
def rep(world, got, case):
    again(world, got, case)
    if world.has("out"):
        world.from_estb("out", "sensor", "lock")


@step("psk/estb", "fluffy-estb -s lock.db", "estb2", gives=["PSK-ACK"])
def estb(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.from_ack("out", "sensor", "lock")


@step("psk/ack", "fluffy-estb -s sensor.db", "ack3")
def ack(world, got, case):
    again(world, got, case)


# ---- rotation ----------------------------------------------------------------

@step("rotation/rotate", "fluffy-key rotate -s skdc.db lock", gives=["ENROL"])
def rotate(world, got, case):
    if not world.has("out"):
        world.exchange()
        world.run(case.command, to="out")
    if got.status == 0 or got.killed:
        world.run("fluffy-key join -s lock.db", "out")


@step("rotation/rotate-o", "fluffy-key rotate -s skdc.db --now -o doc lock",
      made=["doc"])
def rotate_now(world, got, case):
    """The old key has ended, whether the new one arrived or not."""
    if got.killed or not world.has("doc"):
        world.run("fluffy-key rotate -s skdc.db --now lock", to="doc")
    world.run("fluffy-key join -s lock.db", "doc")


@step("rotation/join", "fluffy-key join -s camera.db", "rotated")
def rejoin(world, got, case):
    again(world, got, case)
    world.exchange("camera", "lock")


@step("rotation/skdc", "fluffy-skdc -s skdc.db", "lampreq", gives=["PSK-REP"])
def first_use(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.from_reply("out", "lamp", "lock")


# ---- the operator ------------------------------------------------------------

step("operator/list", "fluffy-key list -s skdc.db", gives=SAME)(nothing)
step("operator/list-json", "fluffy-key list --json -s sensor.db",
     gives=SAME)(nothing)
step("operator/export", "fluffy-key export -s sensor.db --as hex {kept}",
     gives=SAME)(nothing)


@step("operator/export-o",
      "fluffy-key export -s sensor.db --as hex -o hex {kept}", made=["hex"])
def export(world, got, case):
    if world.has("hex"):
        text = world.read("hex")
        need(text == world.read("kept.key") + b"\n" or
             got.killed and text == b"", "the file has half a key")


@step("operator/policy", "fluffy-key policy -s skdc.db --lifetime 600")
def policy(world, got, case):
    now = world.run("fluffy-key policy -s skdc.db").out.split()[1]
    need(now == b"600" or got.status != 0, "the lifetime isn't kept")


@step("operator/deny", "fluffy-key deny -s skdc.db sensor camera")
def deny(world, got, case):
    listing = world.run("fluffy-key list -s skdc.db").out
    need(b"sensor -> camera" in listing or got.status != 0,
         "the rule isn't kept")


@step("operator/allow", "fluffy-key allow -s skdc.db camera lamp")
def allow(world, got, case):
    listing = world.run("fluffy-key list -s skdc.db").out
    need(b"camera -> lamp" not in listing or got.status != 0,
         "the rule isn't taken back")


@step("operator/shut-out", "fluffy-key group -s skdc.db doors --remove sensor")
def shut_out(world, got, case):
    if got.status == 0:
        world.run("fluffy-gsk fetch -s sensor.db doors", to="x")
        world.refused("fluffy-skdc -s skdc.db", "x", "not-permitted")


@step("operator/group", "fluffy-key group -s skdc.db doors --add camera")
def add_member(world, got, case):
    if got.status == 0:
        world.run("fluffy-gsk fetch -s camera.db doors", to="x")
        world.run("fluffy-skdc -s skdc.db", "x")


@step("operator/remove-key", "fluffy-key remove -s sensor.db {removed}")
def remove_key(world, got, case):
    again(world, got, case)
    world.gone("sensor.db", "removed")


@step("operator/remove-device", "fluffy-key remove -s skdc.db camera")
def remove_device(world, got, case):
    again(world, got, case)
    world.gone("skdc.db", "camera")


# ---- conversions -------------------------------------------------------------

step("msg/json", "fluffy-msg --to json", "rep1", gives=SAME)(nothing)
step("msg/cbor", "fluffy-msg --to cbor rep1", gives=SAME)(nothing)
step("msg/diag", "fluffy-msg --to diag -s sensor.db rep1",
     gives=SAME)(nothing)


@step("msg/file", "fluffy-msg --to cbor -o copy rep1", made=["copy"])
def convert(world, got, case):
    if world.has("copy"):
        text = world.read("copy")
        need(text == world.read("rep1") or got.killed and text == b"",
             "the copy isn't whole")


# ---- looking at one, and at what could be wrong with it ----------------------

step("msg/explain", "fluffy-msg --explain -s skdc.db req0", gives=SAME,
     looks=True)(nothing)
step("msg/explain-json", "fluffy-msg --explain --to json -s lock.db estb2",
     gives=SAME, looks=True)(nothing)
step("msg/explain-refused", "fluffy-msg --explain -s skdc.db req1",
     gives=SAME, looks=True, status=1)(nothing)
# what couldn't be read is neither the same nor another
step("msg/diff", "fluffy-msg --diff rep1 rep2", gives=SAME, status=1)(nothing)
step("msg/diff-opened", "fluffy-msg --diff -s sensor.db rep1 rep2", gives=SAME,
     looks=True, status=1)(nothing)
step("msg/diff-same", "fluffy-msg --diff rep1.json rep1", gives=SAME)(nothing)
# more than is written at once
step("msg/mutate", "fluffy-msg --mutate refusal", gives=PART)(nothing)


@step("msg/diff-file", "fluffy-msg --diff -o differ rep1 rep2",
      made=["differ"], status=1)
def differ(world, got, case):
    if world.has("differ"):
        text = world.read("differ")
        need(text == world.read("differences") or got.killed and text == b"",
             "not all differences are told")


@step("msg/mutate-o", "fluffy-msg --mutate -o wrong refusal", made=["wrong"])
def mutate(world, got, case):
    """When the index is there, all is."""
    if got.status == 0 or world.has("wrong/index.jsonl"):
        names = os.listdir(world.file("right"))
        need(sorted(os.listdir(world.file("wrong"))) == sorted(names) and all(
            world.read("wrong/" + name) == world.read("right/" + name)
            for name in names), "the index is there, but not all is")


# ---- after a crash -----------------------------------------------------------

def build_crashed(world, kill_late):
    """Each store was left in the middle of a checkpoint, its answer out."""
    for store, program, stdin, out in (("skdc.db", "skdc", "req0", "rep0"),
                                       ("sensor.db", "estb", "rep1", "estb1"),
                                       ("lock.db", "estb", "estb2", "ack2")):
        kill_late(world, "fluffy-%s -s %s" % (program, store), stdin, out)
        need(world.has(store + "-wal"), "%s has no log" % store)


def kept(world, got, case):
    """What was promised before the crash."""
    world.refused("fluffy-skdc -s skdc.db", "req0", "replay")
    world.run("fluffy-estb -s sensor.db", "rep1", status=1)
    world.refused("fluffy-estb -s lock.db", "estb2", "replay")
    world.from_ack("ack2", "sensor", "lock")
    world.from_reply("rep0", "sensor", "lock")


for _name, _command, _stdin, _gives in (
        ("list", "fluffy-key list -s skdc.db", None, SAME),
        ("skdc", "fluffy-skdc -s skdc.db", "lampreq", ["PSK-REP"]),
        ("req", "fluffy-req -s sensor.db camera", None, ["PSK-REQ"]),
        ("estb", "fluffy-estb -s lock.db", "spare.estb", ["PSK-ACK"]),
        ("explain", "fluffy-msg --explain -s skdc.db lampreq", None, SAME),
        ("remove", "fluffy-key remove -s sensor.db {removed}", None, ())):
    step("crashed/" + _name, _command, _stdin, gives=_gives,
         looks=_name == "explain", base="crashed")(kept)

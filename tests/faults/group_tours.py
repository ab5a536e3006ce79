"""The tours of groups, deletion and key pairs."""
from case import again, step
from world import kinds, need


def build(world):
    for name in ("doors", "hall", "cellar", "roof", "loft", "shed"):
        keyid = make_group(world, name)
        if name != "hall":
            fetch(world, name)
            world.run("fluffy-gsk accept -s sensor.db", "dlvr")
        world.names[name] = keyid
        world.write(name + ".key", world.key("lock.db", keyid).encode())
    fetch(world, "hall")
    world.run("fluffy-gsk fetch -s sensor.db hall", to="fet")
    world.run("fluffy-gsk request -s lock.db yard", to="greq")
    world.run("fluffy-gsk request -s lock.db attic", to="x")
    world.run("fluffy-skdc -s skdc.db", "x", to="grep")
    build_deletions(world)
    build_pairs(world)


def make_group(world, name):
    world.run("fluffy-gsk request -s lock.db --members sensor " + name, to="x")
    world.run("fluffy-skdc -s skdc.db", "x", to="y")
    return world.said(world.run("fluffy-gsk accept -s lock.db", "y"))


def fetch(world, name):
    world.run("fluffy-gsk fetch -s sensor.db " + name, to="x")
    world.run("fluffy-skdc -s skdc.db", "x", to="dlvr")


def build_deletions(world):
    """Of each group one step more is done."""
    for name in ("cellar", "roof", "loft", "shed"):
        world.run("fluffy-gsk delete -s lock.db " + name, to=name + ".gdelt")
    for name in ("roof", "loft", "shed"):
        world.run("fluffy-skdc -s skdc.db", name + ".gdelt", to=name + ".delt")
    for name in ("loft", "shed"):
        world.run("fluffy-del accept -s sensor.db", name + ".delt",
                  to=name + ".delc")
    world.run("fluffy-skdc -s skdc.db", "shed.delc", to="shed.gdelc")
    # a session key, and one whose ticket the service hasn't seen
    for ticket in ("late.estb", "spare.estb"):
        world.run("fluffy-req -s sensor.db lock", to="x")
        world.run("fluffy-skdc -s skdc.db", "x", to="y")
        world.run("fluffy-estb -s sensor.db", "y", to=ticket)
        if ticket == "late.estb":
            world.names["late"] = newest_session(world)
    for name in ("ended", "late"):
        world.run("fluffy-del request -s skdc.db " + world.names[name],
                  to=name + ".delt")
    world.run("fluffy-del accept -s lock.db", "ended.delt", to="ended.delc")


def newest_session(world):
    rows = world.run("fluffy-key list -s skdc.db").out.decode().split("\n")
    return [row.split()[4] for row in rows if row.startswith("session")][-1]


def build_pairs(world):
    ask = "fluffy-pkp request -s sensor.db --kty EC --alg ES256 --for lock"
    for n in "123":
        world.run(ask, to="preq" + n)
    for n in "23":
        world.run("fluffy-skdc -s skdc.db", "preq" + n, to="prep" + n)
    world.run("fluffy-pkp accept -s sensor.db", "prep3", to="pestb")


# ---- groups ------------------------------------------------------------------

@step("groups/request", "fluffy-gsk request -s lock.db --members sensor barn",
      gives=["GSK-REQ"])
def request(world, got, case):
    if world.has("out"):
        world.run("fluffy-skdc -s skdc.db", "out", to="x")
        world.said(world.run("fluffy-gsk accept -s lock.db", "x"))


@step("groups/skdc", "fluffy-skdc -s skdc.db", "greq", gives=["GSK-REP"])
def answer(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.said(world.run("fluffy-gsk accept -s lock.db", "out"))


@step("groups/accept", "fluffy-gsk accept -s lock.db", "grep")
def accept(world, got, case):
    again(world, got, case)


@step("groups/fetch", "fluffy-gsk fetch -s sensor.db doors", gives=["GSK-FET"])
def asked(world, got, case):
    if world.has("out"):
        world.run("fluffy-skdc -s skdc.db", "out", to="x")
        need(kinds(world.read("x")) == ["GSK-DLVR"], "the fetch isn't answered")


@step("groups/deliver", "fluffy-skdc -s skdc.db", "fet", gives=["GSK-DLVR"])
def deliver(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.said(world.run("fluffy-gsk accept -s sensor.db", "out"))


@step("groups/member", "fluffy-gsk accept -s sensor.db", "dlvr")
def member(world, got, case):
    again(world, got, case)
    keyid = world.names["hall"]
    need(world.key("sensor.db", keyid) == world.key("lock.db", keyid) or
         got.killed or got.status != 0, "the member hasn't the key")


# ---- deletion ----------------------------------------------------------------

def finish(world, name, answers):
    """The SKDC's answer to a GSK-DELT: the rest of the deletion."""
    if kinds(world.read(answers)) != ["GSK-DELC"]:
        world.run("fluffy-del accept -s sensor.db", answers, to="x")
        world.run("fluffy-skdc -s skdc.db", "x", to="y")
        answers = "y"
    world.run("fluffy-gsk accept -s lock.db", answers)
    ended(world, name)


def delete(world, name):
    """Once more, from the owner on."""
    world.run("fluffy-gsk delete -s lock.db " + name, to="x")
    world.run("fluffy-skdc -s skdc.db", "x", to="z")
    finish(world, name, "z")


def ended(world, name):
    """No member has the group's key, and nobody gets it any more."""
    for device in ("sensor", "lock"):
        world.gone(device + ".db", name)
    world.run("fluffy-gsk fetch -s sensor.db " + name, to="x")
    world.refused("fluffy-skdc -s skdc.db", "x", "no-such-group")


@step("deletion/delete", "fluffy-gsk delete -s lock.db doors",
      gives=["GSK-DELT"])
def owner_asks(world, got, case):
    if world.has("out"):
        world.run("fluffy-skdc -s skdc.db", "out", to="z")
        finish(world, "doors", "z")
    else:
        delete(world, "doors")


@step("deletion/skdc", "fluffy-skdc -s skdc.db", "cellar.gdelt",
      gives=["PSK-DELT"])
def deletes(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.gone("skdc.db", "cellar")
        finish(world, "cellar", "out")
    else:
        delete(world, "cellar")


@step("deletion/accept", "fluffy-del accept -s sensor.db", "roof.delt",
      gives=["PSK-DELC"])
def erase(world, got, case):
    if world.has("out"):
        world.gone("sensor.db", "roof")
    # what was answered is answered again
    world.run(case.command, case.stdin, to="x")
    need(kinds(world.read("x")) == ["PSK-DELC"], "it isn't confirmed")
    world.gone("sensor.db", "roof")
    confirmed = "out" if world.has("out") else "x"
    world.run("fluffy-skdc -s skdc.db", confirmed, to="z")
    finish(world, "roof", "z")


@step("deletion/confirmed", "fluffy-skdc -s skdc.db", "loft.delc",
      gives=["GSK-DELC"])
def confirmed(world, got, case):
    if world.has("out"):
        world.run("fluffy-gsk accept -s lock.db", "out")
        ended(world, "loft")
    else:
        delete(world, "loft")


@step("deletion/done", "fluffy-gsk accept -s lock.db", "shed.gdelc")
def done(world, got, case):
    second = again_any(world, case)
    need(got.status != 0 or second.status == 1, "it is taken twice")
    ended(world, "shed")


def again_any(world, case):
    return world.run(case.command, case.stdin, status=(0, 1))


@step("deletion/request", "fluffy-del request -s skdc.db {kept}",
      gives=["PSK-DELT", "PSK-DELT"])
def operator_asks(world, got, case):
    if not world.has("out"):
        world.run(case.command, to="out")
    for device in ("sensor", "lock"):
        world.run("fluffy-del accept -s %s.db" % device, "out",
                  status=(0, 1), to="x")
        world.gone(device + ".db", "kept")
        world.run("fluffy-skdc -s skdc.db", "x")


@step("deletion/session", "fluffy-skdc -s skdc.db", "ended.delc")
def session_confirmed(world, got, case):
    again_any(world, case)
    world.run("fluffy-del accept -s sensor.db", "ended.delt", status=(0, 1),
              to="x")
    world.run("fluffy-skdc -s skdc.db", "x")
    listing = world.run("fluffy-del pending -s skdc.db").out.decode()
    need(world.names["ended"] not in listing, "it is still to be deleted")


@step("deletion/late", "fluffy-del accept -s lock.db", "late.delt",
      gives=["PSK-DELC"])
def late(world, got, case):
    if got.status != 0:
        world.run(case.command, case.stdin)
    world.refused("fluffy-estb -s lock.db", "late.estb", "no-such-key")


@step("deletion/resend", "fluffy-del pending -s skdc.db --resend",
      gives=["PSK-DELT"] * 6)
def resend(world, got, case):
    world.run("fluffy-del pending -s skdc.db --resend", to="x")
    # nothing stays open that is confirmed
    for device in ("sensor", "lock"):
        world.run("fluffy-del accept -s %s.db" % device, "x", status=(0, 1),
                  to="y")
        world.run("fluffy-skdc -s skdc.db", "y", status=(0, 1))
    need(world.run("fluffy-del pending -s skdc.db").out == b"",
         "something is still to be deleted")


# ---- pairs -------------------------------------------------------------------

@step("pairs/request",
      "fluffy-pkp request -s sensor.db --kty EC --alg ES256 --for lock",
      gives=["PKP-REQ"])
def ask_pair(world, got, case):
    if world.has("out"):
        world.run("fluffy-skdc -s skdc.db", "out", to="x")
        world.run("fluffy-pkp accept -s sensor.db", "x")


@step("pairs/skdc", "fluffy-skdc -s skdc.db", "preq1", gives=["PKP-REP"])
def give_pair(world, got, case):
    again(world, got, case, "replay")
    if world.has("out"):
        world.run("fluffy-pkp accept -s sensor.db", "out", to="x")
        world.run("fluffy-estb -s lock.db", "x")


@step("pairs/accept", "fluffy-pkp accept -s sensor.db", "prep2",
      gives=["PSK-ESTB"])
def take_pair(world, got, case):
    again(world, got, case)
    if world.has("out"):
        world.run("fluffy-estb -s lock.db", "out")


@step("pairs/estb", "fluffy-estb -s lock.db", "pestb")
def take_public(world, got, case):
    again(world, got, case, "replay")

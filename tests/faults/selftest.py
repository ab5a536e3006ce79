"""The judge is judged: programs that break a promise each are found out, and
the good ones aren't."""
import os

import judge
import strace
from case import CASES
from world import Broken

# What stands in a program's place, and what is to be said of it.  $real is the
# program's path.
LIARS = (
    ("psk/skdc", 'exec "$real" "$@"', None),
    ("psk/skdc", '"$real" "$@" >x; head -c 100 x; rm x', "half a message"),
    ("psk/skdc", '"$real" "$@" >/dev/null', "status 0 with []"),
    ("psk/skdc", 'exit 4', "no word why"),
    ("psk/skdc", 'echo no >&2; exit 1', "status 1"),
    ("psk/skdc", 'kill -SEGV $$', "status -11"),
    ("psk/skdc", 'cp skdc.db x; "$real" "$@"; mv x skdc.db',
     "afterwards \"fluffy-skdc -s skdc.db\" has status 0"),
    ("psk/skdc", '"$real" "$@"; cp skdc.db .fluffy-x', "left behind"),
    ("psk/skdc", '"$real" "$@"; dd if=/dev/zero of=skdc.db bs=4096 seek=1 '
     'count=9 conv=notrunc status=none', "afterwards"),
    ("psk/join", 'umask 077; head -c 5000 sensor.db >new.db; echo no >&2; '
     'exit 4', "afterwards \"fluffy-key join -s new.db\" has status 4"),
    ("deletion/accept", 'cp sensor.db x; "$real" "$@"; mv x sensor.db',
     "still in sensor.db"),
    ("operator/export", '"$real" "$@" | head -c 10', "half an output"),
    ("dk/issue", 'cp ta.db x; "$real" "$@"; mv x ta.db', "is given out after"),
)


def find(program, env):
    for directory in env["PATH"].split(":"):
        path = os.path.join(directory, program)
        if os.access(path, os.X_OK):
            return path
    raise Broken("no " + program)


def lie(plan, script, work):
    """What the judge says of a program that is this script."""
    world = plan.base.copy(work)
    argv = world.argv(plan.case.command)
    program = argv[0]
    liar = os.path.join(work + ".bin", program)
    os.makedirs(work + ".bin", exist_ok=True)
    with open(liar, "w") as file:
        file.write("#!/bin/sh\nreal=%s\n%s\n" % (find(program, world.env),
                                               script))
    os.chmod(liar, 0o755)
    env = dict(world.env, PATH=work + ".bin:" + world.env["PATH"])
    got = strace.run(argv, world.path, env, plan.case.stdin)
    try:
        judge.judge(world, plan, got, "", "")
    except Broken as e:
        return str(e)
    return None


def unsynced(plan, work):
    """Of an SKDC that doesn't sync."""
    world = plan.base.copy(work)
    env = dict(world.env, SHORT="nosync")
    return strace.not_durable(strace.calls_of(
        world.argv(plan.case.command), world.path, env, plan.case.stdin,
        plan.log)[1])


def reused_iv(plan, work):
    world = plan.base.copy(work)
    world.sealed = {key: b"another" for key in world.sealed}
    try:
        world.ledger(world.read("rep1"))
    except Broken as e:
        return str(e)
    return None


def check(bases, work):
    """Raises Broken if the judge is no judge."""
    plans = {name: judge.Plan(case, bases[case.base], work)
             for name in {liar[0] for liar in LIARS}
             for case in CASES if case.name == name}
    said = [(lie(plans[name], script, work), wanted, script)
            for name, script, wanted in LIARS]
    skdc = plans["psk/skdc"]
    said.append((unsynced(skdc, work), "is synced", "doesn't sync"))
    said.append((reused_iv(skdc, work), "used twice", "uses an iv twice"))
    if judge.perform(skdc, "fdatasync", 9999, "EIO", work)[0]:
        said.append(("it fired", None, "the 9999th fdatasync"))
    for text, wanted, script in said:
        if (text is None) != (wanted is None) or wanted and wanted not in text:
            raise Broken("self-test: of '%s' the judge says: %s" %
                         (script, text))
    return len(said)

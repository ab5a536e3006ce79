"""One injection: a step of a tour on which a system call fails, or in which it
is killed, and whether all that is promised still holds."""
import os
import re
import shutil

import strace
from case import PART, SAME
from world import MAY_STAY, Broken, kinds, need, parses

class Plan:
    """What a case does when nothing fails, and so what can be done to it."""

    def __init__(self, case, base, work):
        self.case, self.base = case, base
        self.log = work + ".log"
        world = base.copy(work)
        with world.beside(case):
            self.dry, self.calls = strace.calls_of(
                *world.what(case), self.log, case.ends)
        need(self.dry.status == case.status and self.calls, "without a fault: "
             "status %s: %s" % (self.dry.status, self.dry.err.decode()))
        late = strace.not_durable(self.calls)
        need(not late, late)
        judge(world, self, self.dry, "", "")

    def injections(self, work):
        """(call, n, what) of each."""
        for call in self.calls:
            for error in call.errors():
                yield call.name, call.n, error
        for call in self.calls:
            if call.name in strace.WRITES:
                yield call.name, call.n, "KILL"
                if self.case.store:
                    yield call.name, call.n, "KILL-twice"
        world = self.base.copy(work)
        with world.beside(self.case):
            calls = strace.short_calls(*world.what(self.case), self.log,
                                       self.case.ends)
        for name, n in calls:
            yield name, n, "short"


def answer(world, plan, call, n, what, log):
    """The step with its fault."""
    case = plan.case
    if what == "short":
        got = strace.with_short("%s:%d" % (call, n), *world.what(case), log,
                                case.ends)
        got.fired = os.path.exists(log)
        return got
    if what != "KILL-twice":
        return strace.inject(call, n, what, *world.what(case), log, case.ends)
    got = strace.inject(call, n, "KILL", *world.what(case), log, case.ends)
    if got.fired and world.has(case.store):
        got.fired = kill_recovery(world, case, n, log)
    return got


def kill_recovery(world, case, n, log):
    """The next command, which has to recover, is killed too: each time at
    another one of its own writes.  It is the one that only looks."""
    look = (("fluffy-dk window" if case.base == "dk" else "fluffy-key list") +
            " -s " + case.store).split()
    trial = world.copy(world.path + "-trial")
    calls = strace.calls_of(look, trial.path, trial.env, None, log)[1]
    shutil.rmtree(trial.path)
    points = [c for c in calls if c.name in strace.WRITES]
    point = points[n * 7 % len(points)]
    return strace.inject(point.name, point.n, "KILL", look, world.path,
                         world.env, None, log).fired


def perform(plan, call, n, what, work):
    """(did it fire, what it broke or None, what was sealed meanwhile)"""
    broken = None
    for _ in range(3):  # a heap's calls aren't always as many
        world = plan.base.copy(work)
        with world.beside(plan.case):
            got = answer(world, plan, call, n, what, work + ".log")
        if got.fired:
            break
    if got.fired:
        try:
            judge(world, plan, got, call, what)
        except Broken as e:
            broken = str(e)
    sealed = {k: v for k, v in world.sealed.items()
              if k not in plan.base.sealed}
    return got.fired, broken, sealed


# ---- promises ----------------------------------------------------------------

def judge(world, plan, got, call, what):
    """Raises Broken.  The files are looked at first, before any program can
    have put them in order."""
    case = plan.case
    judge_status(case, got, what)
    judge_files(world, plan, got, call, what)
    judge_output(world, plan, got)
    world.ledger(got.out)
    if nothing_done(world, plan, got):
        return
    case.after(world, got, case)
    stores = [s for s in (case.store,) if s and world.has(s)]
    if stores and not world.has("ta.db") and not world.exchanged:
        world.exchange()
    for store in stores:
        world.sound(store)


def nothing_done(world, plan, got):
    """The store is the base's, byte for byte, and nobody was told otherwise:
    whatever comes next comes as it did in the dry run."""
    case, base = plan.case, plan.base
    opened = {case.store + end for end in ("",) + MAY_STAY} if case.store \
        else set()
    return (got.status == 4 and got.out == b"" or case.gives == SAME) and \
        world.files() == base.files() and \
        all(world.read(name) == base.read(name)
            for name in base.files() & opened)


def judge_status(case, got, what):
    """Refused or malformed isn't what the system's failure is; but the SKDC may
    have to tell a device something."""
    if what.startswith("KILL"):
        need(got.killed, "status %s instead of a kill" % got.status)
        return
    need(got.status in (case.status, 4) or
         got.status == 1 and case.refusal, "status %s: %s" % (
             got.status, got.err.decode(errors="replace")))
    need(b"Sanitizer" not in got.err and b"runtime error:" not in got.err,
         "a sanitizer speaks: " + got.err.decode(errors="replace"))
    need(got.status == case.status or got.err,
         "status %s and no word why" % got.status)


def judge_output(world, plan, got):
    """All of it or nothing; all of it if the step is done."""
    case, out = plan.case, got.out
    done = got.status == case.status or all_but_wiped(got)
    if isinstance(case.gives, bytes):
        part = case.gives == PART and plan.dry.out.startswith(out)
        whole = out == plan.dry.out if case.gives in (SAME, PART) else \
            re.fullmatch(case.gives, out, re.S)
        need(whole or not done and (part or out == b""),
             "half an output: %r" % out[:200])
        return
    need(parses(out) is not None,
         "half a message, with status %s" % got.status)
    if done:
        need(kinds(out) == list(case.gives), "status %d with %s" % (
            got.status, kinds(out)))
    if out and kinds(out) == list(case.gives):
        world.write("out", out)
    elif out:
        said = kinds(out)
        need(said == ["ERROR internal"] or
             got.status == 1 and said == ["ERROR %s" % case.refusal] or
             len(case.gives) > 1 and said == list(case.gives)[:len(said)],
             "status %s with %s" % (got.status, said))


def all_but_wiped(got):
    """It is done and said so, but the log couldn't be emptied."""
    return got.status == 4 and b"still in the store's log" in got.err


def content(world, name):
    return world.read(name) if world.has(name) else b""


def judge_files(world, plan, got, call, what):
    """Nothing is left that may have a secret, nor half a file."""
    case = plan.case
    store = [case.store] if case.store else []
    known = plan.base.files() | set(case.made) | {
        s + end for s in store for end in MAY_STAY}
    left = world.files() - known
    if not what.startswith("KILL") and call != "unlink":
        need(not left, "is left behind: " + ", ".join(sorted(left)))
    if case.looks and what != "KILL-twice":
        for name in (case.store, case.store + "-wal"):
            need(content(world, name) == content(plan.base, name),
                 "looking has changed " + name)
    for name in case.made:
        if got.status == case.status or all_but_wiped(got):
            need(world.has(name), "it is done, and there is no " + name)
        elif not got.killed and name != case.store and call != "unlink":
            need(not world.has(name), "a failure left " + name)
        if world.has(name):
            mode = os.stat(world.file(name)).st_mode & 0o777
            need(mode & 0o077 == 0, "%s has mode %o" % (name, mode))

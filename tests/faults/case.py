"""A step of a tour, and what the tours share."""
from world import kinds, need


class Case:
    """One command.  gives: the types of the messages that it brings, or SAME:
    what the dry run brought, or PART: that, or its beginning where it isn't
    done, or what matches the pattern.  made: files that it
    may make.  after(world, got, case) raises Broken; the answer's message is in
    "out" if it was whole.

    status: of one that is done.  refusal: the error-code with which the SKDC
    may tell a device of a failure.  looks: the store and its log stay as they
    are.  ends: when stderr says that, it is asked to end.  beside: a command
    that runs meanwhile; the last word of its line "listening on" is
    {beside}.
    """

    def __init__(self, name, command, stdin=None, gives=(), made=(),
                 base="fluffy", after=None, status=0, refusal=None,
                 looks=False, ends=None, beside=None):
        self.name, self.command, self.stdin = name, command, stdin
        self.gives, self.made, self.base = gives, tuple(made), base
        self.after, self.status, self.refusal = after, status, refusal
        self.looks, self.ends, self.beside = looks, ends, beside

    @property
    def store(self):
        words = self.command.split()
        return words[words.index("-s") + 1] if "-s" in words else None


SAME = b"same"
PART = b"part"
CASES = []


def step(name, command, stdin=None, **options):
    """Decorates what must be true afterwards."""
    def keep(after):
        CASES.append(Case(name, command, stdin, after=after, **options))
        return after
    return keep


def nothing(world, got, case):
    """It promises nothing but what all do."""


def again(world, got, case, code=None):
    """The same once more: refused if it was done, else done now, or refused.
    Its answer is in "out" then, unless one was there already."""
    done = got.status == 0 or world.has("out")
    second = world.run(case.command, case.stdin,
                       status=1 if done else (0, 1))
    if done and code:
        need(kinds(second.out) == ["ERROR " + code],
             "a second time it answers %s" % kinds(second.out))
    if second.status == 0:
        world.write("out", second.out)
    return second


def new_store(world, got, case):
    """Whole, or none; its name is in case.store.  Then there is one."""
    if not world.has(case.store):
        need(got.status != 0, "status 0 and no store")
        world.run(case.command, case.stdin)

"""A directory with the stores and messages of a realm, and what must hold.

It is copied from a base for each injection.  Its commands are the built
programs; a promise that is broken raises Broken.
"""
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess

import fluffy_ref
import strace

MAY_STAY = ("-wal", "-shm", "-journal")  # beside a store, for the next to clear


class Broken(Exception):
    """A promise is; the text says which."""


def need(true, text):
    if not true:
        raise Broken(text)


def messages(data):
    """All of them, whole; or Broken."""
    found = [m for _, m in fluffy_ref.stream(data)]
    for m in found:
        need(not isinstance(m, Exception), "a message isn't whole: %s" % m)
    return found


def parses(data):
    try:
        return messages(data)
    except Broken:
        return None


def kind(message):
    """Its msg-type; ERROR with its code."""
    name = fluffy_ref.MSGTYPE[message["msg-type"]]
    if name == "ERROR":
        return "ERROR " + fluffy_ref.ERRORS[message["error-code"]]
    return name


def kinds(data):
    return [kind(m) for m in messages(data)]


def seals(value):
    """(kid, iv, ciphertext) of each sealed part in a message."""
    if isinstance(value, dict):
        for v in value.values():
            yield from seals(v)
    elif isinstance(value, fluffy_ref.Sealed) and hasattr(value, "iv"):
        yield value.kid, value.iv, value.ciphertext


class World:
    def __init__(self, path, env):
        self.path, self.env = path, env
        self.sealed = {}
        self.names = {}  # keyids that commands know by a name
        self.exchanged = False

    def file(self, name):
        return os.path.join(self.path, name)

    def files(self):
        return set(os.listdir(self.path))

    def has(self, name):
        return os.path.exists(self.file(name))

    def read(self, name):
        with open(self.file(name), "rb") as file:
            return file.read()

    def write(self, name, data):
        with open(self.file(name), "wb") as file:
            file.write(data)

    def copy(self, path):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.path, path)
        other = World(path, self.env)
        other.sealed = dict(self.sealed)
        other.names = self.names
        return other

    # ---- running -------------------------------------------------------------

    def ledger(self, data):
        """No key seals twice with one iv."""
        for m in parses(data) or []:
            for kid, iv, ciphertext in seals(m):
                need(self.sealed.setdefault((kid, iv), ciphertext) ==
                     ciphertext, "an iv is used twice under one key")

    def argv(self, command):
        return command.format_map(self.names).split()

    def what(self, case):
        """strace's first arguments."""
        return self.argv(case.command), self.path, self.env, case.stdin

    @contextlib.contextmanager
    def beside(self, case):
        """What has to run while the step does."""
        if not case.beside:
            yield
            return
        with subprocess.Popen(self.argv(case.beside), cwd=self.path,
                              env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as child:
            line = child.stderr.readline()
            while line and b" listening on " not in line:
                line = child.stderr.readline()
            need(line, "\"%s\" doesn't listen" % case.beside)
            self.names = dict(self.names, beside=line.decode().split()[-1])
            try:
                yield
            finally:
                child.terminate()

    def run(self, command, stdin=None, status=0, to=None):
        """status: the one, or a tuple of those, that it must end with."""
        got = strace.run(self.argv(command), self.path, self.env, stdin)
        wanted = status if isinstance(status, tuple) else (status,)
        need(got.status in wanted, "afterwards \"%s\" has status %s: %s" % (
            command, got.status, first_line(got.err)))
        self.ledger(got.out)
        if to:
            self.write(to, got.out)
        return got

    def said(self, got):
        """The keyid that a program told of."""
        found = re.findall(rb"(?:received|accepted|established) ([0-9a-f]+) ",
                           got.err)
        need(found, "no keyid is told of")
        return found[-1].decode()

    def device(self, name):
        self.run("fluffy-key enrol -s skdc.db " + name, to="enrolment")
        self.run("fluffy-key join -s %s.db" % name, "enrolment")
        os.unlink(self.file("enrolment"))

    def key(self, store, keyid):
        """In hex; None where there is none."""
        got = self.run("fluffy-key export -s %s --as hex %s" % (store, keyid),
                       status=(0, 1))
        return got.out.decode().strip() if got.status == 0 else None

    def gone(self, store, name):
        """NAME.key, from the database and from whatever lies beside it."""
        key = self.read(name + ".key").decode()
        for end in ("",) + MAY_STAY:
            need(not self.has(store + end) or
                 bytes.fromhex(key) not in self.read(store + end),
                 "a deleted key is still in %s" % (store + end))

    # ---- exchanges -----------------------------------------------------------

    def from_reply(self, reply, client, service):
        """What a PSK-REP still needs; the key's id."""
        self.run("fluffy-estb -s %s.db" % client, reply, to="x.estb")
        return self.from_estb("x.estb", client, service)

    def from_estb(self, estb, client, service):
        self.run("fluffy-estb -s %s.db" % service, estb, to="x.ack")
        return self.from_ack("x.ack", client, service)

    def from_ack(self, ack, client, service):
        """The service sealed it under the session key: both have the same."""
        keyid = self.said(self.run("fluffy-estb -s %s.db" % client, ack))
        self.exchanged = True
        return keyid

    def exchange(self, client="sensor", service="lock"):
        """An honest one."""
        self.run("fluffy-req -s %s.db %s" % (client, service), to="x.req")
        self.run("fluffy-skdc -s skdc.db", "x.req", to="x.rep")
        return self.from_reply("x.rep", client, service)

    def refused(self, command, stdin, code):
        """The same message again."""
        got = self.run(command, stdin, status=1)
        need(kinds(got.out) == ["ERROR " + code],
             "\"%s\" answers %s" % (command, kinds(got.out)))

    # ---- stores --------------------------------------------------------------

    def sound(self, store):
        """The store is whole, and its own program can read it."""
        if self.has("ta.db"):
            self.run("fluffy-dk window -s " + store)
        else:
            rows = self.run("fluffy-key list -s " + store).out.decode()
            ids = re.findall(r"^session +\S+ -> \S+ +(\w+)", rows, re.M)
            need(len(ids) == len(set(ids)), "a keyid is given out twice")
        database = sqlite3.connect(self.file(store))
        try:
            said = database.execute("PRAGMA integrity_check").fetchall()
        except sqlite3.Error as e:
            said = str(e)
        finally:
            database.close()
        need(said == [("ok",)], "integrity_check of %s: %s" % (store, said))


def first_line(err):
    lines = err.decode(errors="replace").splitlines()
    return lines[0] if lines else "(it says nothing)"

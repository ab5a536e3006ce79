"""System calls: which a program makes, how each can fail, and making it fail.

A program's calls count from its io_start() on, whose first one ignores SIGPIPE:
the dynamic loader's before that are left out.  strace answers in the system's
place, so a call that fails here wasn't made; a close that fails leaves the
descriptor open, which Linux wouldn't, until the program's end.
"""
import os
import re
import select
import signal
import subprocess

# What each call may fail with, and can be met with in life.
ERRORS = {
    "bind": ["EADDRINUSE"],
    "brk": ["ENOMEM"],
    "close": ["EINTR", "EIO"],
    "connect": ["ECONNREFUSED", "ENETUNREACH"],
    "fchmod": ["EIO", "EPERM"],
    "fchown": ["EIO", "EPERM"],
    "fdatasync": ["EINTR", "EIO", "ENOSPC"],
    "fsync": ["EINTR", "EIO", "ENOSPC"],
    "ftruncate": ["EINTR", "EIO", "ENOSPC"],
    "epoll_create1": ["EMFILE", "ENOMEM"],
    "epoll_ctl": ["ENOMEM", "ENOSPC"],
    "epoll_wait": ["EINTR"],
    "getcwd": ["ENOENT", "ENOMEM"],
    "getpeername": ["ENOBUFS"],
    "getrandom": ["EINTR", "ENOSYS"],
    "getsockname": ["ENOBUFS"],
    "getsockopt": ["ENOBUFS"],
    "ioctl": ["EIO"],
    "link": ["EIO", "ENOSPC"],
    "lseek": ["EIO"],
    "mkdir": ["EIO", "ENOSPC"],
    "mmap": ["ENOMEM"],
    "mprotect": ["ENOMEM"],
    "mremap": ["ENOMEM"],
    "munmap": ["ENOMEM"],
    "newfstatat": ["EIO"],
    "access": ["EIO"],
    "poll": ["EINTR", "ENOMEM"],
    "prctl": ["EINVAL"],
    "pselect6": ["EINTR", "ENOMEM"],
    "pread64": ["EINTR", "EIO"],
    "pwrite64": ["EINTR", "EIO", "ENOSPC"],
    "read": ["EINTR", "EIO"],
    "readlink": ["EIO"],
    "recvfrom": ["EINTR", "ECONNREFUSED"],
    "recvmsg": ["EINTR", "ENOBUFS"],
    "rename": ["EIO", "ENOSPC"],
    "renameat2": ["EIO", "ENOSPC", "EINVAL"],
    "sendto": ["EINTR", "ENOBUFS"],
    "setsockopt": ["ENOBUFS"],
    "shutdown": ["ENOTCONN"],
    "signalfd4": ["EMFILE", "ENOMEM"],
    "socket": ["EMFILE", "ENOBUFS"],
    "unlink": ["EIO", "EPERM"],
    "write": ["EINTR", "EIO", "ENOSPC"],
}
LOCK = ["EAGAIN", "EIO"]
OPEN = ["EINTR", "EIO", "EMFILE"]
# They always succeed, or fail only for what we don't do.
SURE = {"exit_group", "futex", "getegid", "geteuid", "getgid", "getpid",
        "getuid", "prlimit64", "rt_sigaction", "rt_sigprocmask", "sysinfo",
        "uname", "clock_gettime", "clock_nanosleep", "restart_syscall",
        "rt_sigpending", "rt_sigtimedwait"}
# Before each of these, and before the end, a program is killed.
WRITES = {"write", "pwrite64", "fsync", "fdatasync", "ftruncate", "renameat2",
          "rename", "link", "unlink", "fchmod", "mkdir", "sendto", "exit_group"}
SECONDS = 120  # more than a store's locks are waited for
SILENCE = 10  # what wanted to say something was kept from it

LINE = re.compile(r"(\w+)\((.*)")
STARTED = "rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN"


class Call:
    """The Nth call of its name; text is what strace says."""

    def __init__(self, name, n, text):
        self.name, self.n, self.text = name, n, text

    def errors(self):
        if self.name == "fcntl":
            return LOCK if "F_SETLK" in self.text else []
        if self.name == "openat":
            return OPEN + ["ENOSPC"] * ("O_CREAT" in self.text)
        if self.name in SURE:
            return []
        return ERRORS[self.name]


def read_trace(path):
    """The calls in strace's output since the program's own start."""
    calls, made, started = [], {}, False
    with open(path, errors="replace") as trace:
        for line in trace:
            found = LINE.match(line)
            if not found:
                continue
            name = found[1]
            made[name] = made.get(name, 0) + 1
            if started:
                calls.append(Call(name, made[name], found[2].rstrip()))
            started = started or line.startswith(STARTED)
    return calls


class Answer:
    """What a program did: out and err are bytes."""

    def __init__(self, argv, status, out, err, fired=True):
        self.argv, self.status, self.out, self.err = argv, status, out, err
        self.fired = fired

    @property
    def killed(self):
        return self.status == -signal.SIGKILL


def end(child, word):
    """It is asked to end when it has said that; its words until then."""
    said = b""
    while word not in said:
        ready = select.select([child.stderr], [], [], SILENCE)[0]
        more = os.read(child.stderr.fileno(), 4096) if ready else b""
        if not more:
            break
        said += more
    os.killpg(child.pid, signal.SIGTERM)
    return said


def run(argv, cwd, env, stdin=None, ends=None):
    """Nothing is injected.  stdin is a file's name."""
    with open(os.path.join(cwd, stdin) if stdin else os.devnull, "rb") as file:
        child = subprocess.Popen(argv, cwd=cwd, env=env, stdin=file,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE,
                                 start_new_session=True)
    said = end(child, ends) if ends else b""
    try:
        out, err = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
        return Answer(argv, "hangs", out, said + err)
    return Answer(argv, child.returncode, out, said + err)


def under_strace(log, options, argv, cwd, env, stdin, ends):
    env = dict(env, ASAN_OPTIONS=env.get("ASAN_OPTIONS", "") +
               ":detect_leaks=0")
    return run(["strace", "-qq", "-s", "8", "-o", log] + options + argv, cwd,
               env, stdin, ends)


def calls_of(argv, cwd, env, stdin, log, ends=None):
    """A dry run: the answer and its calls, with the files' names."""
    answer = under_strace(log, ["-y"], argv, cwd, env, stdin, ends)
    answer.argv = argv
    return answer, read_trace(log)


def inject(call, n, what, argv, cwd, env, stdin, log, ends=None):
    """The Nth call fails with what, or what is KILL."""
    how = "signal=KILL" if what == "KILL" else "error=" + what
    if call == "brk":
        how = "retval=0"  # as little as glibc asked for; the kernel's own
        # answer is the old end, which isn't known here
    answer = under_strace(log, ["-e", "trace=" + call, "-e",
                                "inject=%s:%s:when=%d" % (call, how, n)],
                          argv, cwd, env, stdin, ends)
    answer.argv = argv
    with open(log, errors="replace") as trace:
        text = trace.read()
    answer.fired = "(INJECTED)" in text or answer.killed
    return answer


def with_short(order, argv, cwd, env, stdin, log, ends=None):
    """short.c is asked for something; what it says is in log."""
    if os.path.exists(log):
        os.unlink(log)
    return run(argv, cwd, dict(env, SHORT=order, SHORT_LOG=log), stdin, ends)


def short_calls(argv, cwd, env, stdin, log, ends=None):
    """(name, n) of each call that can be short."""
    with_short("count", argv, cwd, env, stdin, log, ends)
    made, calls = {}, []
    for name in open(log).read().split() if os.path.exists(log) else []:
        made[name] = made.get(name, 0) + 1
        calls.append((name, made[name]))
    return calls


def works(env):
    """Can strace be used here, and put faults into calls?"""
    try:
        done = subprocess.run(
            ["strace", "-qq", "-o", os.devnull, "-e", "trace=getpid", "-e",
             "inject=getpid:retval=1", "true"], env=env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def not_durable(calls):
    """A write to stdout before what was written to a store is synced."""
    dirty = set()
    for call in calls:
        file = re.match(r"\d+<([^>]*)>", call.text)
        name = file[1] if file else ""
        # a new store's log has another name; the store is synced as a whole
        if call.name == "pwrite64" and name.endswith("-wal") and \
                "/.fluffy-" not in name:
            dirty.add(name)
        elif call.name in ("fdatasync", "fsync"):
            dirty.discard(name)
        elif call.name == "write" and call.text.startswith("1<") and dirty:
            return "%s is written to stdout before %s is synced" % (
                call.text, ", ".join(sorted(map(os.path.basename, dirty))))
    return None

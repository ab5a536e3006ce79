#!/usr/bin/python3
"""What llvm-cov found about each decision of some files, against the list of exceptions.

mcdc.py EXPORT MAKE-LOG EXCEPTIONS FILE...   EXPORT is llvm-cov export's JSON, MAKE-LOG what the compiler said
mcdc.py --self-test                          shows that each kind of fault is found

A decision of several conditions is covered when each of them was seen to decide alone (llvm's masking MC/DC), one of a single
condition when it was seen both ways.  An exception says in the file of that name why one can't be:

FILE FUNCTION
	the decision, as in the source but for white space
	the condition
	the reason, in as many lines as it takes

The last line is "N passed, N failed, 0 skipped"; a test is a file, or the list of exceptions.
"""
import json, os, re, sys

ALONE, BOTH_WAYS = "never decides alone", "is never seen both ways"
BRANCH = 4      # llvm's CounterMappingRegion: a condition that isn't part of an MC/DC decision


def squeeze(text):
    return " ".join(re.sub(r"/\*.*?\*/", " ", text, flags=re.S).split())


def conditions(decision):
    """The conditions of a decision, from left to right, without the parentheses that group them."""
    found = []
    for text in re.split(r"&&|\|\|", decision):
        text = text.strip()
        while text.count("(") > text.count(")") and text.startswith(("(", "!(")):
            text = text[text.index("(") + 1:].strip()
        while text.count(")") > text.count("(") and text.endswith(")"):
            text = text[:-1].strip()
        found.append(text)
    return found


class Source:
    def __init__(self):
        self.lines = {}

    def text(self, path, begin_line, begin, end_line, end):
        if path not in self.lines:
            with open(path, encoding="utf-8") as f:
                self.lines[path] = f.read().split("\n")
        lines = self.lines[path][begin_line - 1:end_line]
        lines[-1] = lines[-1][:end - 1]
        lines[0] = lines[0][begin - 1:]
        return squeeze("\n".join(lines))


def decisions(function, source):
    """(line, decision, [(condition, what is missing or None)]) of each decision, where macros were expanded too."""
    names = function["filenames"]
    for record in function["mcdc_records"]:
        text = source.text(names[record[4]], *record[:4])
        parts = conditions(text)
        if len(parts) != len(record[6]):
            raise SystemExit(f"mcdc: can't take apart: {text}")
        yield record[0], text, [(part, None if covered else ALONE) for part, covered in zip(parts, record[6])]
    for branch in function["branches"]:
        if branch[8] == BRANCH:
            text = source.text(names[branch[6]], *branch[:4])
            yield branch[0], text, [(text, None if branch[4] and branch[5] else BOTH_WAYS)]


def read_exceptions(text):
    """{(file, function, decision, condition): used}"""
    found = {}
    for stanza in re.split(r"\n\s*\n", re.sub(r"^#.*\n", "", text, flags=re.M).strip()):
        lines = [line.strip() for line in stanza.split("\n")]
        if stanza and (len(lines) < 4 or len(lines[0].split()) != 2):
            raise SystemExit(f"mcdc: not an exception with its reason: {stanza}")
        if stanza:
            found[(*lines[0].split(), squeeze(lines[1]), squeeze(lines[2]))] = False
    return found


def judge(export, make_log, exceptions, files):
    """What is wrong, by file; and how many decisions and conditions there are."""
    source, faults, total = Source(), {file: [] for file in files}, [0, 0]
    seen, measured = set(), set()
    for function in export["data"][0]["functions"]:
        file, name = os.path.basename(function["filenames"][0]), function["name"].split(":")[-1]
        if file not in faults or (file, name) in measured:
            continue
        measured.add((file, name))
        for line, decision, parts in decisions(function, source):
            total[0] += 1
            for condition, missing in parts:
                total[1] += 1
                key = file, name, decision, condition
                seen.add(key)
                if missing and key in exceptions:
                    exceptions[key] = True
                elif missing:
                    faults[file].append(f"{file}:{line}: {name}: {condition}: {missing} in: {decision}")
    for file in files:
        if not any(name == file for name, _ in measured):
            faults[file].append(f"{file}: nothing was measured")
        for line in re.findall(rf".*libfluffy/{re.escape(file)}:.*(?:MC/DC|mcdc).*", make_log):
            faults[file].append("not measured: " + line.strip())
    stale = [f"{' '.join(key[:2])}: {key[3]}: " + ("there is no such decision any more" if key not in seen else "no exception is needed")
             for key, used in exceptions.items() if not used]
    return faults, stale, total


def report(faults, stale, total, exceptions):
    for fault in [fault for file in faults.values() for fault in file] + stale:
        print(fault)
    failed = sum(1 for file in faults.values() if file) + bool(stale)
    print(f"{total[0]} decisions, {total[1]} conditions, {sum(exceptions.values())} exceptions")
    print(f"{len(faults) + 1 - failed} passed, {failed} failed, 0 skipped")
    return failed == 0


def self_test():
    path = "/tmp/mcdc-self-test-%d/a.c" % os.getpid()
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as f:
        f.write("if (a && (b ||\n    !c(d)))\nif (e)\n")
    text = "a && (b || !c(d))"

    def export(alone, one_way=1):
        return {"data": [{"functions": [{"name": "a.c:f", "filenames": [path], "mcdc_records": [[1, 5, 2, 11, 0, 5, alone]],
                                         "branches": [[3, 5, 3, 6, 1, one_way, 0, 0, BRANCH], [1, 5, 1, 6, 1, 0, 0, 0, 6]]}]}]}

    def finds(expected, *args, log="", listed="", files=("a.c",)):
        faults, stale, _ = judge(export(*args), log, read_exceptions(listed), files)
        said = [fault for file in faults.values() for fault in file] + stale
        assert len(said) == bool(expected) and expected in "".join(said), (expected, said)

    needed = f"a.c f\n\t{text}\n\t!c(d)\n\tit can't be\n\tand that is why\n"
    try:
        assert conditions(text) == ["a", "b", "!c(d)"]
        finds("", [True, True, True])
        finds("a.c:1: f: !c(d): never decides alone", [True, True, False])
        finds("a.c:3: f: e: is never seen both ways", [True, True, True], 0)
        finds("", [True, True, False], listed="# why\n" + needed)
        finds("no exception is needed", [True, True, True], listed=needed)
        finds("no such decision any more", [True, True, True], listed=needed.replace("a &&", "a ||"))
        finds("not measured: ../libfluffy/a.c:1:5: warning: unsupported MC/DC", [True, True, True], log="../libfluffy/a.c:1:5: warning: unsupported MC/DC\n")
        finds("b.c: nothing was measured", [True, True, True], files=("a.c", "b.c"))
        try:
            read_exceptions("a.c f\n\ta && b\n\ta\n")
            raise AssertionError("an exception without a reason")
        except SystemExit:
            pass
    finally:
        os.remove(path)
        os.rmdir(os.path.dirname(path))


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) < 5:
        raise SystemExit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        export = json.load(f)
    with open(sys.argv[2], encoding="utf-8") as f:
        make_log = f.read()
    with open(sys.argv[3], encoding="utf-8") as f:
        exceptions = read_exceptions(f.read())
    faults, stale, total = judge(export, make_log, exceptions, sys.argv[4:])
    sys.exit(0 if report(faults, stale, total, exceptions) else 1)


if __name__ == "__main__":
    main()

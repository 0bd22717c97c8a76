"""Which lines and branches of the compiled code the tests run: `make coverage` builds with it, and reports with it.

Cython's line tracing calls a Python tracer for each line, and so takes the GIL. Here one stored byte takes its place:
`probe` gives each traced line, and each outcome of each condition, a byte in a file beside the module. Wherever the
module is loaded, that file is mapped. So every process counts, however it ends, at nearly its usual speed.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from coverage import Coverage, CoveragePlugin, FileReporter

ROOT = Path(__file__).parents[1]
OURS = ("lockstep",)
COUNTED = ("covered_lines", "num_statements", "covered_branches", "num_branches")
Arc = tuple[int, int]
PLUGIN = "None.Compiled"  # as coverage.py names a plug-in that no configuration names

INCLUDE = '#include "Python.h"\n'
TRACED = re.compile(r" *__Pyx_TraceLine\(\d")
# What Cython writes for an `if` (elif, while, the parts of and and or too) and for a `for` over a range. Its own checks
# of errors look different; a loop over a Python object is no condition.
IF = re.compile(r"( *if \((?:!|unlikely\()?)(__pyx_(?:t_\d+|v_(?:\w|[.\[\]]|->)+))(\)+ (?:\{|break;))")
FOR = re.compile(r"( *for \(__pyx_t_\d+ ?= ?[^;]*; )([^;]+)(;[^;]*\) \{.*)")
PROBE = re.compile(r"LOCKSTEP_(?:(RAN)\((\d+)\); __Pyx_TraceLine\((\d+),(\d+),\d,__PYX_ERR\((\d+),|(TOOK)\((\d+),)")
NAMES = re.compile(r"__pyx_f\[\] = \{(.*?)\};", re.DOTALL)

# A byte is stored once: cores that run the same code don't contend for its cache line.
PREAMBLE = """
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
static unsigned char *lockstep_hits;
__attribute__((constructor)) static void lockstep_map_hits(void) {
    int file = open(HITS_PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    (void)!fchmod(file, 0666);
    if (file < 0 || ftruncate(file, HITS_BYTES) < 0
        || (lockstep_hits = mmap(NULL, HITS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)) == MAP_FAILED) {
        perror(HITS_PATH);
        abort();
    }
    close(file);
}
#define LOCKSTEP_RAN(probe) ((void)(lockstep_hits[probe] || (lockstep_hits[probe] = 1)))
#define LOCKSTEP_TOOK(probe, condition) ((condition) ? (LOCKSTEP_RAN(probe), 1) : (LOCKSTEP_RAN((probe) + 1), 0))
"""


def probe(c: Path) -> None:
    """Put probes into the C that Cython wrote with `linetrace`. What has them already stays as it is."""
    text = c.read_text()
    if PREAMBLE in text:
        return
    count, traced, lines = 0, False, []
    for line in text.splitlines(keepends=True):
        if TRACED.match(line):
            traced = True
            line = f"LOCKSTEP_RAN({count}); {line.lstrip()}"
            count += 1
        elif traced and (condition := IF.fullmatch(line.rstrip("\n")) or FOR.fullmatch(line.rstrip("\n"))):
            before, test, after = condition.groups()
            line = f"{before}LOCKSTEP_TOOK({count}, {test}){after}\n"
            count += 2
        elif line == "}\n":  # a function ends: conditions of the next one belong to no line yet
            traced = False
        lines.append(line)
    constants = f'#define HITS_PATH "{c.with_suffix(".hits").absolute()}"\n#define HITS_BYTES {count + 1}\n'
    c.write_text("".join(lines).replace(INCLUDE, INCLUDE + constants + PREAMBLE, 1))


@dataclass
class Source:
    """What of one .pyx or .pxd can run, and what ran. A condition of a line is told by where it is on the line."""

    lines: dict[int, bool] = field(default_factory=lambda: defaultdict(bool))
    conditions: dict[int, dict[tuple[int, int], list[bool]]] = field(default_factory=lambda: defaultdict(dict))

    def outcomes(self) -> Iterator[tuple[Arc, bool]]:
        """Each condition's outcomes as arcs that leave its line: to -1 where the first one was true, -2 where false…"""
        for line, conditions in self.conditions.items():
            for at, place in enumerate(sorted(conditions)):
                true, false = conditions[place]
                yield (line, -2 * at - 1), true
                yield (line, -2 * at - 2), false


def sources(root: Path) -> dict[str, Source]:
    """What the probes below `root` say, by the source's path. Inline functions count wherever they are compiled."""
    found: dict[str, Source] = defaultdict(Source)
    for c in sorted(root.rglob("*.c")):
        text = c.read_text()
        if PREAMBLE in text:
            hits = c.with_suffix(".hits")
            _add(found, text, hits.read_bytes() if hits.exists() else b"")
    ours = (name for name in found if name.startswith(OURS) and (root / name).exists())  # C outlives a renamed source
    return {str(root / name): found[name] for name in ours}


def _add(found: dict[str, Source], text: str, hits: bytes) -> None:
    names = re.findall(r'"(.*)"', NAMES.search(text)[1])  # type: ignore[index]  # Cython always writes it
    hit = hits.ljust(text.count("LOCKSTEP_") * 2, b"\0")
    for ran, ran_probe, line_number, offset, name, _, took_probe in PROBE.findall(text):
        if ran:
            source, line, place, order = found[names[int(name)]], int(line_number), int(offset), 0
            source.lines[line] |= bool(hit[int(ran_probe)])
        else:
            outcomes = source.conditions[line].setdefault((place, order), [False, False])
            outcomes[0] |= bool(hit[int(took_probe)])
            outcomes[1] |= bool(hit[int(took_probe) + 1])
            order += 1


class Reporter(FileReporter):
    """One compiled source, as coverage.py's reports ask for it."""

    def __init__(self, filename: str, source: Source) -> None:
        super().__init__(filename)
        self._source = source

    def lines(self) -> set[int]:
        return set(self._source.lines)

    def arcs(self) -> set[Arc]:
        return {arc for arc, _ in self._source.outcomes()}

    def exit_counts(self) -> dict[int, int]:
        return {line: 2 * len(conditions) for line, conditions in self._source.conditions.items()}

    def missing_arc_description(self, start: int, end: int, executed_arcs: Iterable[Arc] | None = None) -> str:  # noqa: ARG002
        """All of the line's missing outcomes: the page shows one description for each line."""
        missing = sorted((arc[1] for arc in self.arcs() - set(executed_arcs or ()) if arc[0] == start), reverse=True)
        return ", ".join(f"condition {(1 - to) // 2} was never {'true' if to % 2 else 'false'}" for to in missing)


class Compiled(CoveragePlugin):
    """Compiled sources, for coverage.py's reports: it doesn't trace them."""

    def __init__(self, found: dict[str, Source]) -> None:
        self._found = found

    def file_reporter(self, filename: str) -> FileReporter:
        return Reporter(filename, self._found[filename])


def report(root: Path) -> Iterator[str]:
    """Join what the processes left with what the probes say; write htmlcov and coverage.json; a table by folder."""
    found = sources(root)
    coverage = Coverage(plugins=[lambda plugins: plugins.add_noop(Compiled(found))])
    coverage.combine()
    data = coverage.get_data()
    for name, source in found.items():
        ran = [(-1, line) for line, hit in source.lines.items() if hit]
        data.add_arcs({name: ran + [arc for arc, hit in source.outcomes() if hit]})
    data.touch_files(found)  # of some, nothing ran
    data.add_file_tracers(dict.fromkeys(found, PLUGIN))
    coverage.html_report()
    coverage.json_report()
    yield from _table(json.loads((root / "coverage.json").read_text())["files"])


def _table(files: dict[str, dict[str, dict[str, int]]]) -> Iterator[str]:
    rows: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 4)
    for name, file in files.items():
        path = Path(name)
        kind = ".py" if path.suffix == ".py" else ".pyx"
        numbers = [file["summary"][key] for key in COUNTED]
        for folder in {"/".join(path.parts[:-1][:2]), path.parts[0], "total"}:
            rows[folder, kind] = [old + new for old, new in zip(rows[folder, kind], numbers, strict=True)]
    yield f"{'folder':26}{'lines':>15}{'%':>7}{'branches':>15}{'%':>7}"
    for (folder, kind), (ran, lines, taken, branches) in sorted(rows.items()):
        yield f"{folder:22}{kind:4}{_share(ran, lines)}{_share(taken, branches)}"


def _share(part: int, whole: int) -> str:
    return f"{f'{part}/{whole}':>15}{f'{100 * part / whole:.1f}' if whole else '':>7}"


if __name__ == "__main__":
    for row in report(ROOT):
        sys.stdout.write(row + "\n")

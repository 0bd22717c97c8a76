"""Compiles QuickFIX and installs it; `make interop` runs this once.

QuickFIX's own build compiles one of its fifty-four files at a time and optimizes each, which takes minutes. This one
compiles the largest, which is all of Python's part, beside one that includes all others, so their headers are read
once; and it optimizes nothing: a client in a test need not be fast.
"""

from __future__ import annotations

import importlib
import os
import runpy
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import setuptools  # noqa: F401 - it brings distutils, which Python has no more from 3.12 on

REQUIREMENT = "quickfix>=1.15"
FLAGS = "-O0 -g0 -w"


def compile_at_once(compiler: Any, sources: list[str], **options: Any) -> list[str]:
    """Do what distutils' own `compile` does, with two compilers. Raises CompileError."""
    *small, largest = sorted(sources, key=os.path.getsize)
    others = Path("others.cpp")
    others.write_text("".join(f'#include "{source}"\n' for source in small))
    with ThreadPoolExecutor(2) as pool:
        objects = pool.map(lambda source: compile_in_turn(compiler, [source], **options), (largest, str(others)))
        return [name for names in objects for name in names]


def build_wheel(folder: Path) -> Path:
    """Fetch the sources into `folder` and make a wheel of them there."""
    pip("download", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--dest", str(folder), REQUIREMENT)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    os.chdir(folder / archive.name.removesuffix(".tar.gz"))
    os.environ |= {"CFLAGS": FLAGS, "CXXFLAGS": FLAGS}
    sys.argv = ["setup.py", "--quiet", "bdist_wheel", "--dist-dir", str(folder)]
    runpy.run_path("setup.py", run_name="__main__")
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


if __name__ == "__main__":
    compiler: Any = importlib.import_module("distutils.ccompiler").CCompiler
    compile_in_turn = compiler.compile
    compiler.compile = compile_at_once
    with TemporaryDirectory() as scratch:
        pip("install", "--no-deps", str(build_wheel(Path(scratch))))

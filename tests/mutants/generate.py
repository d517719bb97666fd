#!/usr/bin/env python3
"""Writes sources in which every mutant of the catalogue waits behind its number.

  generate.py CATALOGUE SRC OUT.cpp FILE...   the catalogue as C++; FILEs: all that are compiled
  generate.py CATALOGUE SRC OUT FILE...       those files of src, mutated, into the directory OUT

Stops where a text does not stand in its file exactly once, or where a file that the catalogue
mutates is not compiled.
"""
import os
import sys
import tomllib

HEAD = '#include "switch.hpp"\n#line 1 "{}"\n'


def stop(mutant, why):
    sys.exit(f"{sys.argv[1]}: {mutant['name']}: {why}")


def place_of(mutant, source):
    """Where `was` begins in `source`."""
    was = mutant["was"]
    around = mutant.get("within", was).lstrip("\n")
    if source.count(around) != 1:
        stop(mutant, f"stands {source.count(around)} times in {mutant['file']}, not once:\n{around}")
    if around.count(was) != 1:
        stop(mutant, f'"was" stands {around.count(was)} times in "within", not once')
    return source.index(around) + around.index(was)


def switched(mutant, number):
    """What stands there instead of `was`, on as many lines: the compiler names the original's."""
    was, on = mutant["was"], f"::kith::mutants::on({number})"
    instead = " ".join(mutant["is"].split())
    if was.endswith("{"):
        return f"{was} if ({on}) {{ {instead} }}"
    if was.endswith(";"):
        return f"if ({on}) {{ {instead} }} else {{ {was} }}"
    return f"({on} ? ({instead}) : ({was}))"


def mutated(path, src, mutants):
    with open(os.path.join(src, path)) as file:
        source = file.read()
    mine = [(place_of(m, source), n, m) for n, m in mutants if m["file"] == path]
    for place, number, mutant in sorted(mine, key=lambda m: m[0], reverse=True):
        end = place + len(mutant["was"])
        source = source[:place] + switched(mutant, number) + source[end:]
    return HEAD.format(os.path.join("src", path)) + source


def as_cpp(mutants):
    rows = "".join(f'    {{"{m["name"]}", "{m["what"]}", "{m["test"]}"}},\n' for _, m in mutants)
    return ('#include "switch.hpp"\n\nnamespace kith::mutants {\n\n'
            f"constexpr Mutant rows[] = {{\n{rows}}};\n"
            "constinit const std::span<const Mutant> all = rows;\n\n}  // namespace kith::mutants\n")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def main(catalogue, src, out, *files):
    with open(catalogue, "rb") as file:
        mutants = list(enumerate(tomllib.load(file)["mutant"], 1))
    if out.endswith(".cpp"):
        for _, mutant in mutants:
            if mutant["file"] not in files:
                stop(mutant, f"{mutant['file']} is not in the list of tests/mutants/meson.build")
        write(out, as_cpp(mutants))
        return
    for path in files:
        write(os.path.join(out, os.path.basename(path)), mutated(path, src, mutants))


main(*sys.argv[1:])

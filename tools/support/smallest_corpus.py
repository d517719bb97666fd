#!/usr/bin/env python3
"""Which inputs are worth keeping, from what libFuzzer noted while it merged.

smallest_corpus.py CONTROL_FILE FILES BYTES    prints their paths, at most so many and so large

Greedy: again and again the input that adds most edges, then the one that adds most features (edges
with their counts); of equals the smallest."""
import sys


def read(path):
    """path -> (size, edges, features)"""
    with open(path, errors="surrogateescape") as file:
        lines = file.read().splitlines()
    names = lines[2:2 + int(lines[0])]
    sizes, features = {}, {}
    for line in lines[2 + len(names):]:
        word, number, *values = line.split()
        number = int(number)
        if word == "STARTED":
            sizes[number] = int(values[0])
        elif word == "FT":
            features[number] = {int(value) for value in values}
    # libFuzzer's features are eight ranges of counts an edge. Its COV lines tell only what is new.
    return {names[i]: (sizes[i], {value >> 3 for value in found}, found) for i, found in features.items()}


def chosen(inputs, files, room):
    kept = []
    for kind in (1, 2):
        reached = set().union(*(inputs[name][kind] for name in kept))
        left = {name: entry[kind] - reached for name, entry in inputs.items()}
        while len(kept) < files and left:
            best = max(left, key=lambda name: (len(left[name]), -inputs[name][0]))
            gain = left.pop(best)
            if not gain:
                break
            if inputs[best][0] > room:
                continue
            kept.append(best)
            room -= inputs[best][0]
            for others in left.values():
                others -= gain
    return kept


for name in chosen(read(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
    print(name)

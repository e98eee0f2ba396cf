"""Compares the two folders in each PAIR to the last attribute and tells every difference; exits 1 when there is one.

    python3 compare_trees.py PAIR...

What is compared of every path: its type, bytes, mode, owner, group, modification time in nanoseconds, number of names,
device number and extended attributes.
"""

import hashlib
import os
import stat
import sys


def describe(path):
    found = os.lstat(path)
    facts = {
        "type": stat.S_IFMT(found.st_mode),
        "mode": oct(stat.S_IMODE(found.st_mode)),
        "owner": (found.st_uid, found.st_gid),
        "modified": found.st_mtime_ns,
        "names": found.st_nlink,
        "device": found.st_rdev,
        "attributes": {
            name: os.getxattr(path, name, follow_symlinks=False).hex()
            for name in os.listxattr(path, follow_symlinks=False)
        },
    }
    if stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:
            facts["bytes"] = hashlib.sha256(file.read()).hexdigest()
    if stat.S_ISLNK(found.st_mode):
        facts["text"] = os.readlink(path)
    return facts


def tree(top):
    paths = {".": describe(top)}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            paths[os.path.relpath(path, top)] = describe(path)
    return paths


def compare(first_top, second_top):
    first, second = tree(first_top), tree(second_top)
    # Where the partitions are mounted is not theirs.
    del first["."], second["."]
    count = 0
    for path in sorted(set(first) | set(second)):
        one, other = first.get(path), second.get(path)
        if one == other:
            continue
        count += 1
        if one is None or other is None:
            print(f"{path}: only in {first_top if other is None else second_top}")
            continue
        for fact in sorted(set(one) | set(other)):
            if one.get(fact) != other.get(fact):
                print(f"{path}: {fact}: {one.get(fact)} and {other.get(fact)}")
    print(f"{os.path.basename(os.path.dirname(first_top))}: {len(first)} paths, {count} differ")
    # So few are no system.
    return count == 0 and len(first) >= 50


def main():
    alike = True
    for pair in sys.argv[1:]:
        first, second = sorted(os.listdir(pair))
        alike = compare(os.path.join(pair, first), os.path.join(pair, second)) and alike
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who may include whom: the layers of the tree, kept true. Usage: include_rules.py SOURCE_DIR"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SUFFIXES = {".h", ".hpp", ".c", ".cpp"}
LAYERS = {"abi", "api", "core", "device", "loader", "provider", "uverbs"}

# For each part of libverbs: the layers it may include besides itself and the public header.
ALLOWED = {
    "libverbs/core": set(),
    "libverbs/uverbs": {"core"},
    "libverbs/provider": {"core", "uverbs"},
    "libverbs/loader": {"core", "provider"},
    "libverbs/device": {"core", "loader", "provider", "uverbs"},
    "libverbs/api": {"core", "loader", "provider", "uverbs", "device", "abi"},
    "libverbs/abi": set(),
    "libverbs/include": set(),
    # What the provider contract gives, the base that its C++ framework stands on, and the commands to
    # the kernel, which a plugin for a kernel device links into itself.
    "providers": {"provider", "core", "uverbs"},
    "exp": {"core", "loader", "provider", "uverbs", "device", "abi", "api"},
    "compat_sonames": {"abi"},
    "tests/conformance": set(),
}
# The layers that must not know the public header either.
WITHOUT_PUBLIC = {"libverbs/core", "libverbs/uverbs"}
# Boost.DLL has one user.
BOOST_USER = "libverbs/loader/library.cpp"


def layer_of(name):
    """The layer that an include names, "public", or None for what is no part of libverbs."""
    first = name.split("/", 1)[0]
    if first == "infiniband":
        return "public"
    if first == "verbs":
        return "provider"
    return first if first in LAYERS else None


def complaints(root):
    for part, allowed in ALLOWED.items():
        own = pathlib.PurePath(part).name
        for file in sorted((root / part).rglob("*")):
            if file.suffix not in SUFFIXES or not file.is_file():
                continue
            place = file.relative_to(root).as_posix()
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                bracket, name = found.groups()
                where = f"{place}:{number}: includes {name}"
                if name.startswith("boost/dll") and place != BOOST_USER:
                    yield f"{where}, which only {BOOST_USER} may"
                if bracket == '"' and (file.parent / name).exists():
                    target = (file.parent / name).resolve()
                    if not target.is_relative_to((root / part).resolve()):
                        yield f"{where}, which lies outside of {part}"
                    continue
                layer = layer_of(name)
                if layer == "public" and part in WITHOUT_PUBLIC:
                    yield f"{where}, which {part} may not"
                if layer in (None, "public", own) or layer in allowed:
                    continue
                yield f"{where}, which {part} may not"


def self_test():
    """The rules have to catch what they are there for."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        cases = {
            "libverbs/core/a.hpp": '#include "loader/x.hpp"',
            "libverbs/core/b.hpp": "#include <infiniband/verbs.h>",
            "libverbs/loader/c.cpp": '#include "device/x.hpp"',
            "libverbs/device/d.cpp": "#include <boost/dll.hpp>",
            "providers/soft/e.cpp": '#include "api/boundary.hpp"',
            "compat_sonames/one/f.cpp": '#include "core/log.hpp"',
            "tests/conformance/g.cpp": '#include "abi/hooks.h"',
        }
        for name, text in cases.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text + "\n")
        found = list(complaints(root))
        assert len(found) == len(cases), found
        (root / "libverbs/loader/c.cpp").write_text('#include "core/log.hpp"\n#include <vector>\n')
        assert len(list(complaints(root))) == len(cases) - 1


def main():
    self_test()
    found = list(complaints(pathlib.Path(sys.argv[1]).resolve()))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

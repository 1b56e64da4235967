# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a C header declares, as the compiler sees it: records, enumerators, constants, functions.

The checks beside this file take their lists from here, so that nothing has to be listed by hand.
It reads clang's syntax tree and judges nothing.
"""
import json
import os
import pathlib
import re
import subprocess

CLANG = os.environ.get("CLANG", "clang")


class ModelError(Exception):
    """The header does not compile, or clang is not there."""


class Function:
    def __init__(self, name, type_text, is_inline, parameters, path, line):
        self.name = name
        self.type = type_text
        self.is_inline = is_inline
        self.parameters = parameters
        self.path = path
        self.line = line

    def comment(self):
        """The documentation comment that ends on the line above, or ''."""
        above = pathlib.Path(self.path).read_text(encoding="utf-8").splitlines()[:self.line - 1]
        if not above or above[-1].strip() != "*/":
            return ""
        for start in range(len(above) - 1, -1, -1):
            if "/*" in above[start]:
                is_documentation = above[start].strip() == "/**"
                return "\n".join(above[start:]) if is_documentation else ""
        return ""


class Model:
    def __init__(self):
        self.records = {}      # "struct ibv_pd" -> {"context": "struct ibv_context *", ...}
        self.enumerators = {}  # "IBV_MTU_256" -> "enum ibv_mtu"
        self.constants = []    # names of macros that stand for a number
        self.functions = {}    # "ibv_alloc_pd" -> Function


def read(include_dir, header="infiniband/verbs.h"):
    """The model of what the files below include_dir/infiniband declare, through one header."""
    model = Model()
    own = os.path.join(os.path.realpath(include_dir), "infiniband") + os.sep
    tree = json.loads(clang(include_dir, header, "-fsyntax-only", "-Xclang", "-ast-dump=json"))
    resolve_locations(tree)
    for node in tree["inner"]:
        if os.path.realpath(path_of(node)).startswith(own):
            add_declaration(model, node)
    model.constants = read_constants(include_dir, header, own)
    return model


def clang(include_dir, header, *arguments):
    command = [CLANG, "-x", "c", "-std=gnu11", "-I", str(include_dir), *arguments, "-"]
    try:
        result = subprocess.run(command, input=f"#include <{header}>\n", capture_output=True,
                                text=True, check=False)
    except FileNotFoundError as error:
        raise ModelError(f"{CLANG} is needed to read headers") from error
    if result.returncode != 0:
        raise ModelError(result.stderr)
    return result.stdout


def resolve_locations(tree):
    """Clang leaves out a file or line that equals the one printed before; put them back in."""
    last = {"file": "", "line": 0}

    def visit(value):
        if isinstance(value, list):
            for item in value:
                visit(item)
        elif isinstance(value, dict):
            if "offset" in value and "col" in value:
                for key in last:
                    last[key] = value.setdefault(key, last[key])
            for item in value.values():
                visit(item)

    visit(tree)


def expansion(location):
    return location.get("expansionLoc", location)


def path_of(node):
    return expansion(node.get("loc", {})).get("file", "")


def add_declaration(model, node):
    kind = node["kind"]
    if kind == "RecordDecl" and node.get("completeDefinition") and "name" in node:
        members = {}
        collect_members(node, "", members)
        model.records[f"{node['tagUsed']} {node['name']}"] = members
    elif kind == "EnumDecl":
        for child in node.get("inner", []):
            if child["kind"] == "EnumConstantDecl":
                model.enumerators[child["name"]] = ("enum " + node.get("name", "")).strip()
    elif kind == "FunctionDecl":
        begin = expansion(node["range"]["begin"])
        parameters = [child.get("name", "") for child in node.get("inner", [])
                      if child["kind"] == "ParmVarDecl"]
        is_inline = node.get("storageClass") == "static"
        model.functions[node["name"]] = Function(node["name"], node["type"]["qualType"], is_inline,
                                                 parameters, begin["file"], begin["line"])


def collect_members(record, prefix, members):
    unnamed = None  # the record without a name that the next field is of
    for child in record.get("inner", []):
        if child["kind"] == "RecordDecl" and "name" not in child:
            unnamed = child
        elif child["kind"] == "FieldDecl":
            type_text = re.sub(r" at [^)]*\)", ")", child["type"]["qualType"])
            is_unnamed_type = re.search(r"\((unnamed|anonymous)", type_text) is not None
            path = prefix + child.get("name", "")
            if "name" in child:
                members[path] = re.sub(r"\(.*\)", "(unnamed)", type_text) if is_unnamed_type \
                    else type_text
            if is_unnamed_type:
                collect_members(unnamed, path + "." if "name" in child else prefix, members)


def read_constants(include_dir, header, own):
    """Object-like macros with a value, defined by our own files."""
    names = []
    path = ""
    for line in clang(include_dir, header, "-E", "-dD").splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            path = os.path.realpath(marker.group(1))
        define = re.match(r"#define (\w+) (?=\S)", line)
        if define and path.startswith(own) and define.group(1) not in names:
            names.append(define.group(1))
    return names

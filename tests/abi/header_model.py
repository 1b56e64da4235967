# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a C header declares, as the compiler sees it: records, enumerators, constants, functions.

The checks beside this file take their lists from here, so that nothing has to be listed by hand.
It reads clang's syntax tree and judges nothing.

Where a check takes "--include PATH", it is a search path: directories with a colon between them.
The first has the headers that are looked at, the others what these include.
"""
import json
import os
import pathlib
import re
import subprocess

CLANG = os.environ.get("CLANG", "clang")


# What headers have beside the names that rdma-core's programs use.
NOT_FOR_PROGRAMS = re.compile(
    r"(struct |union )?(_"  # stands behind a macro, or only keeps a place
    r"|verbs_"  # ours alone, or between a library and its providers
    r"|ib_uverbs_|IB_UVERBS_|RDMA_DRIVER_)")  # the kernel's: <rdma/ib_user_ioctl_verbs.h> has them


def is_for_programs(name):
    return NOT_FOR_PROGRAMS.match(name) is None


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


def directories(search_path):
    return str(search_path).split(os.pathsep)


def flags(search_path):
    """The compiler's arguments for a search path."""
    return [flag for directory in directories(search_path) for flag in ("-I", directory)]


def read(search_path, header="infiniband/verbs.h", whole=False):
    """The model of what the files below infiniband/ in the first directory, or in all with whole,
    declare through one header."""
    model = Model()
    own = tuple(os.path.join(os.path.realpath(directory), "infiniband") + os.sep
                for directory in directories(search_path)[:None if whole else 1])
    tree = json.loads(clang(search_path, header, "-fsyntax-only", "-Xclang", "-ast-dump=json"))
    resolve_locations(tree)
    tags = {}
    for node in tree["inner"]:
        if os.path.realpath(path_of(node)).startswith(own):
            add_declaration(model, node)
            if node["kind"] in ("RecordDecl", "EnumDecl") and "name" in node:
                tags[node["name"]] = node.get("tagUsed", "enum")
    defines = read_defines(search_path, header, own)
    model.constants = list(defines)
    resolve_aliases(model, tags, defines)
    return model


def clang(search_path, header, *arguments):
    command = [CLANG, "-x", "c", "-std=gnu11", *flags(search_path), *arguments, "-"]
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


def read_defines(search_path, header, own):
    """Object-like macros with a value, defined by our own files."""
    defines = {}
    path = ""
    for line in clang(search_path, header, "-E", "-dD").splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            path = os.path.realpath(marker.group(1))
        define = re.match(r"#define (\w+) (?=\S)(.*)", line)
        if define and path.startswith(own):
            defines.setdefault(*define.groups())
    return defines


def resolve_aliases(model, tags, defines):
    """A macro may be another name of a type or an enumerator, as rdma-core names the kernel's.
    Enters these under the macro's name too, and lets types speak of the macro's name alone."""
    aliases = {target: name for name, target in defines.items() if target in tags}

    def renamed(text):
        return re.sub(r"\w+", lambda word: aliases.get(word.group(), word.group()), text)

    for record, members in list(model.records.items()):
        model.records[renamed(record)] = {name: renamed(text) for name, text in members.items()}
    for name, target in defines.items():
        if target in model.enumerators:
            model.enumerators[name] = renamed(model.enumerators[target])
    for function in model.functions.values():
        function.type = renamed(function.type)
    model.constants = [name for name in model.constants if name not in aliases.values()]

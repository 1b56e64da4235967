# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a prefix with, without and with a part of the experimental API has to look like.

Actions of install.py. The last two configure its tree again, for other choices of features, and
install that into a stage; the prefix stays as it is.
"""

import hashlib
import re
import shutil
import sys

from pair import Failed

CHOSEN = ["cq_ex", "qp_ex"]
TRACE = r"verbs[-_]exp"

PROGRAM = """
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the headers have, what the library has, and one call that the device answers. */
static int compare(const char *name, int revision) {
    printf("%s %d\\n", name, revision);
    return verbs_exp_feature(name) == revision;
}

int main(void) {
    struct ibv_device_attr_ex attr;
    struct ibv_device **devices = ibv_get_device_list(NULL), **device = devices;
    while (*device && strcmp(ibv_get_device_name(*device), "soft_lo")) device++;
    struct ibv_context *context = *device ? ibv_open_device(*device) : NULL;
    ibv_free_device_list(devices);
    if (!context || ibv_query_device_ex(context, NULL, &attr)) return 2;
    printf("max_qp %d\\n", attr.orig_attr.max_qp);
    if (ibv_close_device(context)) return 3;
    return compare("query_device_ex", VERBS_HAVE_QUERY_DEVICE_EX) &&
                   compare("cq_ex", VERBS_HAVE_CQ_EX) ? EXIT_SUCCESS : EXIT_FAILURE;
}
"""
STABLE = """
#include <infiniband/verbs.h>
int main(void) { ibv_free_device_list(ibv_get_device_list(0)); return verbs_version() == 0; }
"""
# A function whose address is taken has to be declared.
USE = "#include <infiniband/{header}.h>\nvoid *use(void) {{ return (void *)&{name}; }}\n"
LIST = """
#include <infiniband/verbs_exp.h>
#include <stdio.h>
int main(void) {
    for (const struct verbs_exp_feature_info *const *f = verbs_exp_features(); *f; f++)
        printf("%s ", (*f)->name);
}
"""


def is_experimental(component):
    return re.search(r"(^|-)exp\d*(-|$)", component) is not None


def source_file(install, name, text):
    path = install.work / name
    path.write_text(text)
    return path


def stable_names(install):
    """What libverbs.so.1 has, names that have graduated among them."""
    ledger = (install.root / "libverbs/abi/symbols.tsv").read_text().splitlines()
    return {line.split("\t")[0] for line in ledger if line.split("\t")[1] == "libverbs.so.1"}


def features(install, *arguments):
    return install.run(sys.executable, "-B", install.root / "tools/features", *arguments)


def tree(folder):
    """Every file below a folder by its name there, with what is in it."""
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(install, *command):
    """The compiler's words about a program that it must not take."""
    try:
        install.run(*command)
    except Failed as failure:
        return str(failure)
    raise Failed(f"accepted: {' '.join(map(str, command))}")


# --- the prefix with everything ------------------------------------------------------------------


def runs(install):
    program = install.work / "experimental"
    flags = install.pkg_config("--cflags", "--libs", "libverbs-exp")
    install.run(install.cc, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                source_file(install, "experimental.c", PROGRAM), "-o", program, *flags,
                f"-Wl,-rpath,{install.libdir}")
    text = install.run_example(program)
    if not re.search(r"^max_qp [1-9]", text, re.MULTILINE) or "cq_ex 1" not in text:
        raise Failed(f"it printed:\n{text}")


def unseen(install):
    """Who asks for libverbs gets nothing of it, with the experimental files in the same prefix."""
    flags = install.pkg_config("--cflags", "--libs", "libverbs")
    index = source_file(install, "index.c", "#include <infiniband/verbs_exp.h>\n")
    if "verbs_exp.h" not in refused(install, install.cc, "-fsyntax-only", *flags, index):
        raise Failed("refused for another reason than the header")
    names = re.findall(r"\bibv_\w+(?=;)", features(install, "map"))
    for name in sorted(set(names) - stable_names(install)):
        use = source_file(install, "use.c", USE.format(header="verbs", name=name))
        if "undeclared" not in refused(install, install.cc, "-fsyntax-only", *flags, use):
            raise Failed(f"{name} is refused for another reason than its declaration")
    stable = source_file(install, "stable.c", STABLE)
    defines = install.run(install.cc, "-dM", "-E", *flags[:-1], stable)
    if re.search(r"VERBS_HAVE_|VERBS_EXP", defines):
        raise Failed("<infiniband/verbs.h> has experimental defines")
    install.run(install.cc, stable, "-o", install.work / "stable", *flags)
    if re.search(TRACE, install.run("readelf", "-d", install.work / "stable")):
        raise Failed("a program of libverbs asks for the experimental library")


def components(install):
    """Experimental components add files and change none; without them a program is the same."""
    stage = install.work / "components"
    shutil.rmtree(stage, ignore_errors=True)
    names = {name for script in install.build.rglob("cmake_install.cmake")
             for name in re.findall(r'CMAKE_INSTALL_COMPONENT STREQUAL "([^"]+)"',
                                    script.read_text())}
    experimental = sorted(name for name in names if is_experimental(name))
    if len(experimental) < 2:
        raise Failed(f"no experimental components among {sorted(names)}")

    def put(component):
        install.run("cmake", "--install", install.build, "--component", component,
                    "--prefix", stage)

    def program():
        output = install.work / "stable_again"
        libraries = next(stage.rglob("libverbs.so.1")).parent
        install.run(install.cc, source_file(install, "stable.c", STABLE), "-o", output,
                    f"-I{stage}/include/libverbs", f"-L{libraries}", "-l:libverbs.so.1")
        return output.read_bytes()

    for component in sorted(names - set(experimental)):
        put(component)
    before, program_before = tree(stage), program()
    traces = [name for name in before if re.search(TRACE, name)]
    if traces:
        raise Failed(f"stable components hold {traces}")
    for component in experimental:
        put(component)
    after = tree(stage)
    changed = [name for name in before if after.get(name) != before[name]]
    if changed or len(after) <= len(before):
        raise Failed(f"{experimental} changed {changed}, {len(after) - len(before)} files more")
    if program() != program_before:
        raise Failed("a program of libverbs is another one beside the experimental files")
    shutil.rmtree(stage)


# --- other choices -------------------------------------------------------------------------------


def staged(install, choice, *targets):
    """The tree built for another choice, and where its install went."""
    stage = install.work / "choice"
    shutil.rmtree(stage, ignore_errors=True)
    install.run("cmake", "-S", install.root, "-B", install.build,
                f"-DVERBS_EXPERIMENTAL={choice}", seconds=120)
    install.run("cmake", "--build", install.build, *targets, seconds=450)
    # The list of the first install stays: other actions look at it.
    manifest = install.build / "install_manifest.txt"
    first = manifest.read_bytes()
    install.run("cmake", "--install", install.build, DESTDIR=str(stage))
    manifest.write_bytes(first)
    return stage / install.prefix.relative_to("/")


def traces(install, folder):
    """Where names, text and binaries below a folder tell of the experimental API."""
    ledger = (install.root / "libverbs/abi/symbols.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t")[:2] for line in ledger]
    here = {name for name, library in rows if library == "libverbs-exp.so.0"}
    # A name that a compatible library has had for ever is no trace, and neither is a graduated one.
    # Inline functions of older headers call some of those with an underscore in front.
    others = {name for name, library in rows if library != "libverbs-exp.so.0"}
    names = here - others - {name.removeprefix("_") for name in others}
    words = "|".join(sorted(map(re.escape, names)))
    pattern = re.compile(rf"{TRACE}|VERBS_HAVE_|\b(?:{words})\b".encode(), re.IGNORECASE)
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        text = name.encode() + b"\n" + (path.read_bytes() if path.is_file() else b"")
        words = sorted({match.group().decode() for match in pattern.finditer(text)})
        if words:
            found[name] = words
    return found


def without(install):
    """OFF leaves no trace, and the stable library and headers are those of a build with it."""
    everything = " ".join(traces(install, install.prefix))
    for part in ("libverbs-exp.so.0", "verbs_exp/features.h", "libverbs-exp.pc"):
        if part not in everything:
            raise Failed(f"the search does not find {part} where it is")
    off = staged(install, "OFF")
    found = traces(install, off)
    if found:
        raise Failed("traces of the experimental API:\n" +
                     "\n".join(f"{name}: {' '.join(words)}" for name, words in found.items()))
    there = tree(install.prefix)
    same = [name for name in tree(off)
            if re.search(r"/libverbs\.so|/libverbs\.pc|include/libverbs/", name)]
    other = [name for name in same if there.get(name) != tree(off)[name]]
    if other or len(same) < 20:
        raise Failed(f"not as in a build with the experimental API: {other} of {same}")
    shutil.rmtree(install.work / "choice")


def chosen(install):
    """Named features: their names, declarations and rows, and those of no other feature."""
    choice = ";".join(CHOSEN)
    prefix = staged(install, choice)
    library = next(prefix.rglob("libverbs-exp.so.0"))
    features(install, f"--select={choice}", "check", library)
    include = [f"-I{prefix}/include/libverbs-exp", f"-I{prefix}/include/libverbs"]

    def names(*arguments):
        text = features(install, *arguments, "map")
        return set(re.findall(r"\bibv_\w+(?=;)", text))

    inside = names(f"--select={choice}")
    for name in sorted(names() - stable_names(install)):
        use = source_file(install, "use.c", USE.format(header="verbs_exp", name=name))
        command = (install.cc, "-fsyntax-only", *include, use)
        if name in inside:
            install.run(*command)
        elif "undeclared" not in refused(install, *command):
            raise Failed(f"{name} is refused for another reason than its declaration")
    program = install.work / "list"
    install.run(install.cc, *include, source_file(install, "list.c", LIST), "-o", program,
                f"-L{library.parent}", "-lverbs-exp", "-lverbs")
    listed = install.run(program, LD_LIBRARY_PATH=str(library.parent)).split()
    if listed != CHOSEN:
        raise Failed(f"chosen were {CHOSEN}, the library has {listed}")
    shutil.rmtree(install.work / "choice")


ACTIONS = {"exp": runs, "exp-unseen": unseen, "exp-components": components,
           "exp-chosen": chosen, "exp-without": without}

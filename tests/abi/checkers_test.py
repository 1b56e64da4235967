#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tests of the checkers beside this file: each has to fail on headers that were doctored for it.

usage: checkers_test.py        CC and CLANG in the environment name the compilers
"""
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LIBVERBS = HERE.parent.parent / "libverbs"
EXP = HERE.parent.parent / "exp"
TABLE = LIBVERBS / f"abi/layout-{platform.machine()}.tsv"


class CheckerTest(unittest.TestCase):
    """Every test works on its own copy of the headers and of the ledger."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.include = pathlib.Path(directory.name) / "include"
        shutil.copytree(LIBVERBS / "include", self.include)
        self.ledger = pathlib.Path(directory.name) / "symbols.tsv"
        shutil.copy(LIBVERBS / "abi/symbols.tsv", self.ledger)

    def doctor(self, part, old, new):
        self.replace(self.include / "infiniband/verbs" / part, old, new)

    def replace(self, path, old, new):
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text, "the text to be doctored is not there: adapt this test")
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def run_checker(self, script, *arguments):
        return subprocess.run([sys.executable, "-B", HERE / script, *map(str, arguments)],
                              capture_output=True, text=True, check=False)

    def assert_passes(self, result):
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def assert_found(self, result, text):
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(text, result.stdout)


@unittest.skipUnless(TABLE.exists(), "no frozen table for this architecture")
class LayoutTableTest(CheckerTest):
    def check(self, table=TABLE):
        return self.run_checker("check_layout.py", "table", "--include", self.include,
                                "--table", table)

    def test_untouched_headers_pass(self):
        self.assert_passes(self.check())

    def test_a_member_that_moved_is_found(self):
        self.doctor("pd.h", "    struct ibv_context *context;\n    uint32_t handle;\n",
                    "    uint32_t handle;\n    struct ibv_context *context;\n")
        self.assert_found(self.check(), "struct ibv_pd.handle: offset 0 size 4 uint32_t here, "
                                        "offset 8 size 4 uint32_t in layout-")

    def test_a_structure_that_grew_is_found(self):
        self.doctor("wc.h", "    uint8_t dlid_path_bits;", "    uint32_t dlid_path_bits;")
        self.assert_found(self.check(), "struct ibv_wc: size 56 align 8 here, size 48 align 8 in")

    def test_another_type_of_the_same_size_is_found(self):
        self.doctor("mr.h", "    uint32_t lkey;", "    int32_t lkey;")
        self.assert_found(self.check(), "struct ibv_mr.lkey: offset 36 size 4 int32_t here")

    def test_an_enumerator_with_another_number_is_found(self):
        self.doctor("port.h", "IBV_MTU_4096 = 5", "IBV_MTU_4096 = 6")
        self.assert_found(self.check(), "IBV_MTU_4096: 6 enum ibv_mtu here, 5 enum ibv_mtu in")

    def test_a_constant_with_another_number_is_found(self):
        self.doctor("mr.h", "#define IBV_ACCESS_OPTIONAL_RANGE 0x3ff00000",
                    "#define IBV_ACCESS_OPTIONAL_RANGE 0x3fe00000")
        self.assert_found(self.check(), "IBV_ACCESS_OPTIONAL_RANGE: ")

    def test_a_new_structure_without_a_line_in_the_table_is_found(self):
        self.doctor("pd.h", "struct ibv_pd {", "struct ibv_extra {\n    int member;\n};\n"
                                               "struct ibv_pd {")
        result = self.check()
        self.assert_found(result, "struct ibv_extra: not in layout-")
        self.assert_found(result, "struct ibv_extra.member: not in layout-")

    def test_a_new_enumerator_without_a_line_in_the_table_is_found(self):
        self.doctor("port.h", "IBV_MTU_4096 = 5", "IBV_MTU_4096 = 5,\n    IBV_MTU_8192 = 6")
        self.assert_found(self.check(), "IBV_MTU_8192: not in layout-")

    def test_a_line_of_the_table_without_a_name_in_the_headers_is_found(self):
        self.doctor("wc.h", "    IBV_WC_DRIVER2,\n", "")
        self.assert_found(self.check(), "IBV_WC_DRIVER2: in layout-")

    def test_another_prototype_is_found(self):
        self.doctor("pd.h", "int ibv_dealloc_pd(", "void ibv_dealloc_pd(")
        self.assert_found(self.check(), "ibv_dealloc_pd(): void (struct ibv_pd *) here")


class LayoutReferenceTest(CheckerTest):
    """The reference here is our own untouched header, so that none has to be installed."""

    def check(self):
        return self.run_checker("check_layout.py", "reference", "--include", self.include,
                                "--reference-include", LIBVERBS / "include")

    def test_untouched_headers_pass(self):
        self.assert_passes(self.check())

    def test_a_member_that_moved_is_found(self):
        self.doctor("pd.h", "    struct ibv_context *context;\n    uint32_t handle;\n",
                    "    uint32_t handle;\n    struct ibv_context *context;\n")
        self.assert_found(self.check(), "struct ibv_pd.handle: offset 0")

    def test_an_enumerator_with_another_number_is_found(self):
        self.doctor("port.h", "IBV_MTU_4096 = 5", "IBV_MTU_4096 = 6")
        self.assert_found(self.check(), "IBV_MTU_4096: 6")

    def test_names_the_reference_lacks_are_found(self):
        self.doctor("pd.h", "struct ibv_pd {", "struct ibv_extra {\n    int member;\n};\n"
                                               "struct ibv_pd {")
        self.doctor("port.h", "IBV_MTU_4096 = 5", "IBV_MTU_4096 = 5,\n    IBV_MTU_8192 = 6")
        result = self.check()
        self.assert_found(result, "struct ibv_extra: not in the reference")
        self.assert_found(result, "IBV_MTU_8192: not in the reference")

    def test_an_enumerator_that_was_left_out_is_found(self):
        self.doctor("wc.h", "    IBV_WC_DRIVER3\n", "")
        self.assert_found(self.check(), "IBV_WC_DRIVER3: in the reference only")

    def test_another_prototype_is_found(self):
        self.doctor("pd.h", "int ibv_dealloc_pd(", "void ibv_dealloc_pd(")
        self.assert_found(self.check(), "ibv_dealloc_pd(): void")


class DocumentationTest(CheckerTest):
    def check(self):
        return self.run_checker("check_documentation.py", "--include", self.include,
                                "--ledger", self.ledger, "--library", "libverbs.so.1")

    def test_untouched_headers_pass(self):
        self.assert_passes(self.check())

    def test_a_function_without_a_comment_is_found(self):
        self.doctor("pd.h", "/**\n * Makes a protection domain.", "/*\n * Makes a domain.")
        self.assert_found(self.check(), "ibv_alloc_pd: has no documentation comment")

    def test_a_comment_without_a_return_shape_is_found(self):
        self.doctor("pd.h", "Returns (pointer):", "Returns:")
        self.assert_found(self.check(), "ibv_alloc_pd: its comment names no return shape")

    def test_a_return_shape_other_than_the_ledger_s_is_found(self):
        self.doctor("pd.h", "Returns (errno):", "Returns (minus_one):")
        self.assert_found(self.check(),
                          "ibv_dealloc_pd: its comment says minus_one, the ledger says errno")

    def test_an_inline_function_with_an_invented_shape_is_found(self):
        self.doctor("mw.h", "Returns (value): the next one.", "Returns (key): the next one.")
        self.assert_found(self.check(), "ibv_inc_rkey: its comment names the return shape key")

    def test_a_comment_without_a_source_is_found(self):
        self.doctor("pd.h", "Source: IBTA", "From IBTA")
        self.assert_found(self.check(), "ibv_alloc_pd: its comment has no 'Source:'")

    def test_a_parameter_without_a_line_is_found(self):
        self.doctor("pd.h", "@param pd  the domain", "the domain")
        self.assert_found(self.check(), "ibv_dealloc_pd: its comment has the parameters []")

    def test_a_declaration_without_a_row_is_found(self):
        self.doctor("pd.h", "VERBS_API int ibv_dealloc_pd", "VERBS_API int ibv_release_pd")
        result = self.check()
        self.assert_found(result, "ibv_release_pd: in a header, but not in the ledger")
        self.assert_found(result, "ibv_dealloc_pd: in the ledger, but in no header")


class StandaloneTest(CheckerTest):
    def check(self):
        return self.run_checker("check_standalone.py", "--include", self.include,
                                "--compiler", "gcc")

    def test_a_part_that_leans_on_another_is_found(self):
        self.doctor("gid.h", "#include <infiniband/verbs/types.h>\n", "")
        self.assert_found(self.check(), "infiniband/verbs/gid.h as c99 with gcc")

    def test_a_missing_guard_is_found(self):
        self.doctor("pd.h", "#ifndef INFINIBAND_VERBS_PD_H", "#if 1")
        self.assert_found(self.check(), "infiniband/verbs/pd.h as c++20 with gcc")

    def test_c_that_is_no_c_plus_plus_is_found(self):
        self.doctor("pd.h", "uint32_t handle;", "uint32_t class;")
        self.assert_found(self.check(), "infiniband/verbs/pd.h as c++11 with gcc")

    def test_a_language_extension_is_found(self):
        self.doctor("wc.h", "    __extension__ union {", "    union {")
        self.assert_found(self.check(), "infiniband/verbs/wc.h as c99 with gcc")


class SourceCompatTest(CheckerTest):
    def check(self, *more):
        return self.run_checker("check_source_compat.py", "--include", self.include, *more)

    def test_a_member_with_another_name_is_found(self):
        self.doctor("pd.h", "struct ibv_pd {", "struct ibv_domain {")
        self.doctor("srq.h", "    uint32_t srq_limit;", "    uint32_t limit;")
        self.assert_found(self.check(), "srq_limit")

    def test_a_function_the_program_does_not_use_is_found(self):
        self.doctor("pd.h", "VERBS_API int ibv_dealloc_pd(struct ibv_pd *pd);",
                    "VERBS_API int ibv_dealloc_pd(struct ibv_pd *pd);\n"
                    "VERBS_API int ibv_query_pd(struct ibv_pd *pd);")
        self.assert_found(self.check(), "ibv_query_pd: not used by source_compat.c")


class WholeReferenceTest(CheckerTest):
    """What a reference has for programs, and what its macros say."""

    REFERENCE = """\
enum ib_uverbs_mood { IB_UVERBS_MOOD_GOOD = 3 };
struct ib_uverbs_face { enum ib_uverbs_mood mood; };
#define ibv_mood ib_uverbs_mood
#define ibv_face ib_uverbs_face
#define IBV_MOOD_GOOD IB_UVERBS_MOOD_GOOD
#define IBV_EYES 2
struct verbs_private { int member; };
int _ibv_hidden(void);
int ibv_smile(struct ib_uverbs_face *face);
"""
    OURS = """\
enum ibv_mood { IBV_MOOD_GOOD = 3 };
struct ibv_face { enum ibv_mood mood; };
#define IBV_EYES 2
struct verbs_nose { int member; };
int verbs_sniff(struct verbs_nose *nose);
int ibv_smile(struct ibv_face *face);
"""

    def check(self, ours, *more):
        directories = {"ours": ours, "reference": self.REFERENCE}
        for name, text in directories.items():
            header = self.include / name / "infiniband/verbs.h"
            header.parent.mkdir(parents=True)
            header.write_text(text, encoding="utf-8")
        return self.run_checker("check_layout.py", "reference", "--include", self.include / "ours",
                                "--reference-include", self.include / "reference", *more)

    def test_a_macro_that_names_a_kernel_s_type_is_the_type_s_name(self):
        self.assert_passes(self.check(self.OURS, "--whole"))

    def test_an_enumerator_other_than_the_macro_s_is_found(self):
        self.assert_found(self.check(self.OURS.replace("GOOD = 3", "GOOD = 4")),
                          "IBV_MOOD_GOOD: 4 enum ibv_mood here, 3 enum ibv_mood in the reference")

    def test_a_prototype_with_another_type_than_the_macro_s_is_found(self):
        self.assert_found(self.check(self.OURS.replace("smile(struct ibv_face", "smile(void")),
                          "ibv_smile(): int (void *) here, int (struct ibv_face *)")

    def test_names_of_every_kind_that_we_lack_are_found(self):
        result = self.check("struct ibv_other;\n", "--whole")
        for name in ("struct ibv_face", "IBV_MOOD_GOOD", "IBV_EYES", "ibv_smile()"):
            self.assert_found(result, f"{name}: in the reference only")
        self.assertEqual(len(result.stdout.splitlines()), 4, result.stdout)


class NewerTest(CheckerTest):
    """What a release after the reference has, in a table."""

    TABLE = """\
# a comment
ibv_smile()\tint (int)
struct ibv_face\tsize 8 align 4
struct ibv_face.eyes\toffset 4 size 4 int
struct ibv_nose\tsize 4 align 4\tnobody smells
"""
    REFERENCE = "struct ibv_face { int mood; };\n"
    OURS = "struct ibv_face { int mood; int eyes; };\nint ibv_smile(int width);\n"

    def check(self, command, ours, table=TABLE):
        for name, text in {"ours": ours, "reference": self.REFERENCE}.items():
            header = self.include / name / "infiniband/verbs.h"
            header.parent.mkdir(parents=True)
            header.write_text(text, encoding="utf-8")
        newer = self.include / "newer.tsv"
        newer.write_text(table, encoding="utf-8")
        more = ["--reference-include", self.include / "reference"] if command == "reference" else []
        return self.run_checker("check_layout.py", command, "--include", self.include / "ours",
                                "--newer", newer, *more)

    def test_the_reference_need_not_have_what_is_in_the_table(self):
        self.assert_passes(self.check("reference", self.OURS))

    def test_what_differs_from_the_table_as_well_is_found(self):
        result = self.check("reference", self.OURS.replace("int width", "long width")
                            .replace("int eyes", "int eyes[2]"))
        for text in ("ibv_smile(): not in the reference", "struct ibv_face.eyes: not in the reference",
                     "struct ibv_face: size 12 align 4 here, size 4 align 4 in the reference"):
            self.assert_found(result, text)

    def test_everything_in_the_table_may_be_there(self):
        self.assert_passes(self.check("newer", self.OURS))

    def test_what_is_not_there_or_otherwise_is_found(self):
        result = self.check("newer", self.OURS.replace("int ibv_smile(int width);", "")
                            .replace("int eyes", "char eyes"))
        for text in ("ibv_smile(): nothing here, int (int) in the later release",
                     "struct ibv_face.eyes: offset 4 size 1 char here, offset 4 size 4 int in the later"):
            self.assert_found(result, text)

    def test_a_reason_for_what_is_there_is_found(self):
        self.assert_found(self.check("newer", self.OURS + "struct ibv_nose { int holes; };\n"),
                          "struct ibv_nose: is there now, so the reason is no more")


class ExperimentalTest(CheckerTest):
    """The experimental headers lie on top of the stable ones."""

    def setUp(self):
        super().setUp()
        self.exp = self.include.parent / "exp"
        self.features = self.include.parent / "features"
        shutil.copytree(EXP / "include", self.exp)

    def doctor(self, part, old, new):
        self.replace(self.exp / "infiniband/verbs_exp" / part, old, new)

    def write_features(self):
        return self.run_checker("every_feature.py", "--include", self.exp,
                                "--output", self.features)

    def search_path(self, features="every"):
        self.assert_passes(self.write_features())
        return os.pathsep.join(map(str, [self.exp, self.include, self.features / features]))

    def check_standalone(self, features):
        return self.run_checker("check_standalone.py", "--include", self.search_path(features),
                                "--compiler", "gcc")

    def test_a_feature_asked_for_in_another_way_is_found(self):
        self.doctor("ece.h", "#ifdef VERBS_HAVE_ECE", "#if VERBS_HAVE_ECE")
        self.assert_found(self.write_features(), "use #ifdef and one feature")

    def test_a_part_that_leans_on_another_is_found(self):
        self.doctor("flow.h", "#include <infiniband/verbs_exp/types.h>\n", "")
        self.assert_found(self.check_standalone("every"),
                          "infiniband/verbs_exp/flow.h as c99 with gcc")

    def test_a_part_that_needs_a_feature_is_found(self):
        self.doctor("ece.h", "#endif\n\n#endif",
                    "#endif\nint size = sizeof(ibv_set_ece(0, 0));\n#endif")
        self.assert_found(self.check_standalone("none"), "infiniband/verbs_exp/ece.h as c99")

    def test_a_function_behind_a_feature_needs_a_comment_too(self):
        self.doctor("ece.h", " * Source: rdma-core", " * From rdma-core")
        self.assert_found(self.run_checker("check_documentation.py", "--include",
                                           self.search_path()),
                          "ibv_set_ece: its comment has no 'Source:'")

    def test_a_name_that_a_stable_header_has_already_is_found(self):
        self.doctor("gid.h", "struct ibv_gid_entry {", "union ibv_gid {\n    int again;\n};\n"
                                                       "struct ibv_gid_entry {")
        self.assert_found(self.check_standalone("every"), "redefinition of")


class VersionTest(CheckerTest):
    def check(self, major, minor, patch):
        return subprocess.run(
            [os.environ.get("CC", "cc"), "-std=c11", "-fsyntax-only", "-I", self.include,
             f"-DEXPECTED_MAJOR={major}", f"-DEXPECTED_MINOR={minor}", f"-DEXPECTED_PATCH={patch}",
             HERE / "version.c"], capture_output=True, text=True, check=False)

    def test_only_the_same_version_compiles(self):
        self.doctor("version.h", "#define VERBS_VERSION_MAJOR ", "#define VERBS_VERSION_MAJOR 7")
        self.doctor("version.h", "#define VERBS_VERSION_MINOR ", "#define VERBS_VERSION_MINOR 8")
        self.doctor("version.h", "#define VERBS_VERSION_PATCH ", "#define VERBS_VERSION_PATCH 9")
        text = (self.include / "infiniband/verbs/version.h").read_text(encoding="utf-8")
        version = [line.split()[2] for line in text.splitlines()
                   if line.startswith("#define VERBS_VERSION_")]
        self.assert_passes(self.check(*version))
        self.assertIn("another patch version", self.check(*version[:2], 1).stderr)


if __name__ == "__main__":
    unittest.main()

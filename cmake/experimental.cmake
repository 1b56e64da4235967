# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Which experimental features a build has. The register exp/features/register.toml lists them, and
# tools/features makes of it what the build needs.
set(VERBS_EXPERIMENTAL ON CACHE STRING
    "Experimental API: ON, OFF, a list of features, or of -features to leave out")

# verbs_features(COMMAND OUT [--output FILE]): asks tools/features about the chosen ones, while cmake
# configures: a choice that cannot be built ends here, and headers are there before any compiler.
# OUT gets the printed lines as a list.
function(verbs_features command out)
    execute_process(
        COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/features
            "--select=${VERBS_EXPERIMENTAL}" ${ARGN} ${command}
        OUTPUT_VARIABLE text ERROR_VARIABLE reason RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "VERBS_EXPERIMENTAL: ${reason}")
    endif()
    string(STRIP "${text}" text)
    string(REPLACE "\n" ";" text "${text}")
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

# The names of the chosen features, for whoever has parts that belong to one; empty with OFF.
set(VERBS_EXPERIMENTAL_FEATURES "")
if(VERBS_EXPERIMENTAL)
    # ON as cmake understands it, in the one form that the tool does.
    if(VERBS_EXPERIMENTAL MATCHES "^(1|ON|YES|TRUE|Y|on|yes|true|y|On|Yes|True)$")
        set(VERBS_EXPERIMENTAL ON)
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        tools/features tools/ledger exp/features/register.toml libverbs/abi/symbols.tsv)
    verbs_features(names VERBS_EXPERIMENTAL_FEATURES)
    message(STATUS "Experimental features: ${VERBS_EXPERIMENTAL_FEATURES}")
endif()

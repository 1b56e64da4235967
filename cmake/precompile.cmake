# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The headers of the C++ library, compiled once for all our libraries: parsing them is half of the
# time that those take. The presets that build with clang do it. What is shipped is built without, and
# so it is seen that each source includes what it uses; GCC 12 also warns of the C++ library's own code
# when it comes precompiled.
option(VERBS_PRECOMPILE "Compile the headers of the C++ library once for all" OFF)

if(VERBS_PRECOMPILE)
    # CMake precompiles headers for targets that have a source alone.
    add_library(verbs_precompiled OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
    target_precompile_headers(verbs_precompiled PRIVATE
        $<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/cmake/precompiled.hpp>)
endif()

function(verbs_use_precompiled target)
    if(VERBS_PRECOMPILE)
        target_precompile_headers(${target} REUSE_FROM verbs_precompiled)
    endif()
endfunction()

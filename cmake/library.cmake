# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# How our shared libraries get their version maps, and providers their place and manifest.

# Links TARGET with the version script that the ledger gives for LIBRARY (a file name such as
# libverbs.so.1).
function(verbs_use_ledger target library)
    set(map ${CMAKE_CURRENT_BINARY_DIR}/${library}.map)
    add_custom_command(OUTPUT ${map}
        COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/ledger map ${library} > ${map}
        DEPENDS ${PROJECT_SOURCE_DIR}/tools/ledger ${PROJECT_SOURCE_DIR}/libverbs/abi/symbols.tsv
        VERBATIM)
    add_custom_target(${target}_map DEPENDS ${map})
    add_dependencies(${target} ${target}_map)
    target_link_options(${target} PRIVATE
        -Wl,--version-script=${map} -Wl,--no-undefined-version)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
endfunction()

# Programs in C that look for devices pay for the C++ run time: relocating libstdc++ takes four fifths
# of all instructions. With VERBS_STATIC_CXX our libraries and plugins bring what they use of it.
# The unwinder stays shared, so that an exception of a plugin is caught by the library as before.
function(verbs_bring_runtime target)
    if(VERBS_STATIC_CXX AND NOT VERBS_SANITIZE)
        target_link_options(${target} PRIVATE -static-libstdc++ -Wl,--exclude-libs,libstdc++.a)
    endif()
endfunction()

# What of PRODUCT, a shared object, comes from these libraries and its own sources is optimised as one
# piece: a control call passes through small functions in as many files. The libraries keep their
# machine code too, and tests are linked from that, which is faster.
function(verbs_optimise_as_one product)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR VERBS_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
        return()
    endif()
    foreach(part IN LISTS product ARGN)
        target_compile_options(${part} PRIVATE -flto -ffat-lto-objects)
    endforeach()
    set_target_properties(${product} PROPERTIES VERBS_AS_ONE ON)
    foreach(part IN LISTS ARGN)
        target_link_options(${part} INTERFACE
            $<IF:$<BOOL:$<TARGET_PROPERTY:VERBS_AS_ONE>>,-flto=auto,-fno-lto>)
    endforeach()
endfunction()

# A provider plugin NAME from sources, with NAME.json.in (or an argument MANIFEST file) beside it.
# The plugin sees the contract's headers and nothing else of the library.
function(verbs_add_provider name order)
    add_library(provider_${name} MODULE ${ARGN})
    set_target_properties(provider_${name} PROPERTIES
        PREFIX "" OUTPUT_NAME verbs-${name}
        LIBRARY_OUTPUT_DIRECTORY ${VERBS_BUILD_PROVIDER_DIR})
    target_link_libraries(provider_${name} PRIVATE verbs_provider_headers)
    verbs_bring_runtime(provider_${name})
    set(library ../lib/libverbs/verbs-${name}.so)
    configure_file(manifest.json.in ${VERBS_BUILD_MANIFEST_DIR}/${order}-${name}.json @ONLY)
    set(library verbs-${name}.so)
    configure_file(manifest.json.in ${CMAKE_CURRENT_BINARY_DIR}/${order}-${name}.json @ONLY)
    install(TARGETS provider_${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/libverbs
        COMPONENT provider-${name})
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${order}-${name}.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/libverbs/providers.d COMPONENT provider-${name})
endfunction()

# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the libraries and providers do not install themselves: headers and pkg-config files.
# The headers have a folder of their own, so that they stand beside another stack's verbs.h.
install(DIRECTORY libverbs/include/infiniband
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/libverbs COMPONENT development
    FILES_MATCHING PATTERN "*.h")

install(FILES libverbs/provider/verbs/provider.h libverbs/provider/verbs/provider.hpp
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/libverbs-provider/verbs COMPONENT provider-development)
install(FILES libverbs/core/error.hpp libverbs/core/result.hpp libverbs/core/fd.hpp
    libverbs/core/mapping.hpp libverbs/core/owned.hpp libverbs/core/slabs.hpp
    libverbs/core/spin_lock.hpp
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/libverbs-provider/core COMPONENT provider-development)

function(verbs_install_pkgconfig name component)
    configure_file(cmake/${name}.pc.in ${CMAKE_BINARY_DIR}/pkgconfig/${name}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/pkgconfig/${name}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT ${component})
endfunction()
verbs_install_pkgconfig(libverbs development)
verbs_install_pkgconfig(libverbs-provider provider-development)
if(VERBS_EXPERIMENTAL)
    verbs_install_pkgconfig(libverbs-exp exp-development)
    verbs_install_pkgconfig(libverbs-exp-provider exp-provider-development)
endif()

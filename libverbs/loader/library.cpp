// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Boost.DLL reports a missing file and an undefined symbol alike (EBADF); the true text is in
// dlerror() right after the failure, so it is taken here and nowhere else.
#include "loader/library.hpp"

#include "loader/elf.hpp"

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include <dlfcn.h>
#include <link.h>

#include <mutex>
#include <utility>
#include <vector>

namespace verbs::loader {
namespace {

constexpr const char *kSymbol = "verbs_provider";

std::string dl_text(const std::error_code &problem) {
    const char *text = ::dlerror();
    return text != nullptr ? std::string(text) : problem.message();
}

std::size_t size_of_symbol(const void *address) {
    Dl_info info{};
    void *entry = nullptr;
    if (::dladdr1(address, &info, &entry, RTLD_DL_SYMENT) == 0 || entry == nullptr) return 0;
    if (info.dli_saddr != address) return 0;
    return static_cast<const ElfW(Sym) *>(entry)->st_size;
}

// Keeps a library for the life of the process. The list itself is never destroyed: a plugin's
// threads may outlive our static objects.
void hold(boost::dll::shared_library &&library) {
    static auto *const lock = new std::mutex;
    static auto *const held = new std::vector<boost::dll::shared_library>;
    const std::lock_guard guard(*lock);
    held->push_back(std::move(library));
}

}  // namespace

Result<Table> open_library(const std::filesystem::path &file) {
    namespace dll = boost::dll;
    if (auto whole = check_elf_is_whole(file); !whole)
        return fail(whole.error().code, "L1: " + file.string() + ": " + whole.error().phrase);

    std::error_code problem;
    dll::shared_library library;
    library.load(file, problem, dll::load_mode::rtld_now | dll::load_mode::rtld_local);
    if (!library.is_loaded()) return fail(ELIBACC, "L1: " + dl_text(problem));
    if (!library.has(kSymbol)) return fail(ELIBBAD, "L1: " + dl_text(problem));
    Table table;
    table.provider = &library.get<const verbs_provider>(kSymbol);
    table.symbol_size = size_of_symbol(table.provider);
    hold(std::move(library));
    return table;
}

}  // namespace verbs::loader

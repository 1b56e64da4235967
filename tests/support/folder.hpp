// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A folder of its own for one test, with files in it, gone when the test is.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace verbs_test {

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "verbs-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        path_ = name;
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::filesystem::path &path() const { return path_; }

    // Writes a file and gives its path.
    std::filesystem::path write(const std::string &name, std::string_view text) const {
        const auto file = path_ / name;
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

private:
    std::filesystem::path path_;
};

// A manifest that is right, for a plugin file.
inline std::string manifest_of(const std::string &name, const std::string &library) {
    return R"({"manifest": 1, "name": ")" + name + R"(", "library": ")" + library +
           R"(", "contract": {"oldest": 1, "newest": 2}, "enumerates": true})";
}

}  // namespace verbs_test

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Verbs objects with one owner each. A destructor that fails is a failed test; a test that is about
// destroying calls close() and looks at what it returns.
#pragma once

#include "support/deadline.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <infiniband/verbs.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace verbs_test {

template <typename Object, int (*kDestroy)(Object *)>
class Handle {
public:
    Handle() = default;
    explicit Handle(Object *object) noexcept : object_(object) {}
    Handle(Handle &&other) noexcept : object_(other.release()) {}
    Handle &operator=(Handle &&other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    ~Handle() {
        if (object_ != nullptr) {
            EXPECT_EQ(kDestroy(object_), 0) << "destroying an object at the end of its scope";
        }
    }

    [[nodiscard]] Object *get() const noexcept { return object_; }
    Object *operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }
    Object *release() noexcept { return std::exchange(object_, nullptr); }

    // What the destroying call returned; the handle is empty once that was 0.
    int close() noexcept {
        const int result = kDestroy(object_);
        if (result == 0) object_ = nullptr;
        return result;
    }

private:
    Object *object_ = nullptr;
};

using Context = Handle<ibv_context, ibv_close_device>;
using Pd = Handle<ibv_pd, ibv_dealloc_pd>;
using Mr = Handle<ibv_mr, ibv_dereg_mr>;
using Channel = Handle<ibv_comp_channel, ibv_destroy_comp_channel>;
using Cq = Handle<ibv_cq, ibv_destroy_cq>;
using Srq = Handle<ibv_srq, ibv_destroy_srq>;
using Qp = Handle<ibv_qp, ibv_destroy_qp>;
using Ah = Handle<ibv_ah, ibv_destroy_ah>;
// Some headers have the call itself as a static inline function, of which each file has its own.
inline int dealloc_mw(ibv_mw *mw) {
    return ibv_dealloc_mw(mw);
}
using Mw = Handle<ibv_mw, dealloc_mw>;

[[noreturn]] inline void give_up(const char *what) {
    throw std::system_error(errno, std::generic_category(), what);
}

inline Pd alloc_pd(ibv_context *context) {
    Pd pd(ibv_alloc_pd(context));
    if (!pd) give_up("ibv_alloc_pd");
    return pd;
}

inline Channel create_channel(ibv_context *context) {
    Channel channel(ibv_create_comp_channel(context));
    if (!channel) give_up("ibv_create_comp_channel");
    return channel;
}

inline Cq create_cq(ibv_context *context, int cqe = 256, ibv_comp_channel *channel = nullptr,
                    void *cq_context = nullptr) {
    Cq cq(ibv_create_cq(context, cqe, cq_context, channel, 0));
    if (!cq) give_up("ibv_create_cq");
    return cq;
}

inline Mw alloc_mw(ibv_pd *pd) {
    Mw mw(ibv_alloc_mw(pd, IBV_MW_TYPE_1));
    if (!mw) give_up("ibv_alloc_mw");
    return mw;
}

inline Srq create_srq(ibv_pd *pd, const ibv_srq_attr &attr, ibv_srq_attr *granted = nullptr) {
    ibv_srq_init_attr init{};
    init.attr = attr;
    Srq srq(ibv_create_srq(pd, &init));
    if (!srq) give_up("ibv_create_srq");
    if (granted != nullptr) *granted = init.attr;
    return srq;
}

inline constexpr int kEveryAccess =
    IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;

inline Mr reg_mr(ibv_pd *pd, void *addr, size_t length, int access = kEveryAccess) {
    Mr mr(ibv_reg_mr(pd, addr, length, access));
    if (!mr) give_up("ibv_reg_mr");
    return mr;
}

// Pages of our own, all zero. Shared ones are what a program gets from shmem or memfd.
enum class Sharing {
    none,
    anonymous,  // a shared mapping without a name
    file,       // of a file in memory that cannot shrink: others may be let map it
};

class Pages {
public:
    explicit Pages(size_t length, Sharing sharing = Sharing::none) : length_(length) {
        const int kind = sharing == Sharing::none ? MAP_PRIVATE : MAP_SHARED;
        const size_t mapped = length_ + (length_ == 0 ? 1 : 0);
        if (sharing == Sharing::file) {
            file_ = ::memfd_create("pages", MFD_CLOEXEC | MFD_ALLOW_SEALING);
            if (file_ < 0 || ::ftruncate(file_, static_cast<off_t>(mapped)) != 0 ||
                ::fcntl(file_, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
                give_up("memfd");
        }
        void *addr = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                            file_ < 0 ? kind | MAP_ANONYMOUS : kind, file_, 0);
        if (addr == MAP_FAILED) give_up("mmap");
        data_ = static_cast<uint8_t *>(addr);
    }
    Pages(const Pages &) = delete;
    Pages &operator=(const Pages &) = delete;
    ~Pages() {
        ::munmap(data_, length_ + (length_ == 0 ? 1 : 0));
        if (file_ >= 0) ::close(file_);
    }

    [[nodiscard]] uint8_t *data() const { return data_; }
    [[nodiscard]] size_t size() const { return length_; }
    [[nodiscard]] std::span<uint8_t> bytes() const { return {data_, length_}; }

private:
    size_t length_;
    uint8_t *data_ = nullptr;
    int file_ = -1;
};

// Where a peer may read or write.
struct RemotePlace {
    uint64_t addr = 0;
    uint32_t rkey = 0;
    uint32_t unused = 0;  // no padding: this travels between processes
};

// Pages that are registered.
class Region {
public:
    Region(ibv_pd *pd, size_t length, int access = kEveryAccess, Sharing sharing = Sharing::none)
        : pages_(length, sharing), mr_(reg_mr(pd, pages_.data(), length, access)) {}

    [[nodiscard]] uint8_t *data() const { return pages_.data(); }
    [[nodiscard]] size_t size() const { return pages_.size(); }
    [[nodiscard]] std::span<uint8_t> bytes() const { return pages_.bytes(); }
    [[nodiscard]] Mr &mr() { return mr_; }
    [[nodiscard]] ibv_sge sge(size_t offset, uint32_t length) const {
        return {reinterpret_cast<uint64_t>(data() + offset), length, mr_->lkey};
    }
    [[nodiscard]] RemotePlace at(size_t offset) const {
        return {reinterpret_cast<uint64_t>(data() + offset), mr_->rkey};
    }

private:
    Pages pages_;
    Mr mr_;
};

// Bytes that differ at every offset of a page and between pages, and depend on the seed.
inline std::vector<uint8_t> pattern(uint32_t seed, size_t length) {
    std::vector<uint8_t> bytes(length);
    uint32_t state = seed * 2654435761u + 1;
    for (uint8_t &byte : bytes) {
        state = state * 1664525u + 1013904223u;
        byte = static_cast<uint8_t>(state >> 24);
    }
    return bytes;
}

}  // namespace verbs_test

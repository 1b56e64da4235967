// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory regions: of the program's memory, of a dma-buf, of device memory.
#pragma once

#include "uverbs/context.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

#include <optional>

namespace verbs::uverbs {

struct Mr {
    std::uint32_t handle;
    std::uint32_t lkey;
    std::uint32_t rkey;
};

struct Keys {
    std::uint32_t lkey;
    std::uint32_t rkey;
};

// Access flags are enum ib_uverbs_access_flags. Optional ones are left out for a kernel that would
// refuse them. When the limit of locked memory is what stands in the way, the phrase says so.
[[nodiscard]] Result<Mr> reg_mr(const Context &context, std::uint32_t pd, const void *start,
                                std::uint64_t length, std::uint64_t iova, std::uint32_t access,
                                const Udata &udata = {});

// What is not named keeps as it is.
struct MrChange {
    struct Translation {
        const void *start;
        std::uint64_t length;
        std::uint64_t iova;
    };
    std::optional<Translation> translation;
    std::optional<std::uint32_t> pd;
    std::optional<std::uint32_t> access;
};
[[nodiscard]] Result<Keys> rereg_mr(const Context &context, std::uint32_t mr,
                                    const MrChange &change, const Udata &udata = {});
[[nodiscard]] Result<void> dereg_mr(const Context &context, std::uint32_t mr);

// `offset` bytes into the dma-buf.
[[nodiscard]] Result<Mr> reg_dmabuf_mr(const Context &context, std::uint32_t pd, int fd,
                                       std::uint64_t offset, std::uint64_t length,
                                       std::uint64_t iova, std::uint32_t access,
                                       const Udata &udata = {});
[[nodiscard]] Result<Mr> reg_dm_mr(const Context &context, std::uint32_t pd, std::uint32_t dm,
                                   std::uint64_t offset, std::uint64_t length, std::uint32_t access,
                                   const Udata &udata = {});

// Advice is enum ib_uverbs_advise_mr_advice, flags enum ib_uverbs_advise_mr_flag; of the entries of
// the list, lkey says in which region the range lies.
[[nodiscard]] Result<void> advise_mr(const Context &context, std::uint32_t pd, std::uint32_t advice,
                                     std::uint32_t flags, std::span<const ib_uverbs_sge> ranges);

}  // namespace verbs::uverbs

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Victim: a software device with regions, a completion queue and a queue pair, as a program has
// them, and the watch over its memory: what may change is told, everything else must not.
#pragma once

#include "control/device.hpp"
#include "fuzz/choices.hpp"
#include "fuzz/oracle.hpp"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace fuzz {

// Memory between two guards that nobody may read or write, registered or not.
class Region {
public:
    Region(std::size_t size, uint8_t fill);
    ~Region();
    Region(const Region &) = delete;
    Region &operator=(const Region &) = delete;

    [[nodiscard]] uint8_t *data() noexcept { return memory_.data() + kGuard; }
    [[nodiscard]] uint64_t address() noexcept { return reinterpret_cast<uintptr_t>(data()); }
    [[nodiscard]] std::size_t size() const noexcept { return memory_.size() - 2 * kGuard; }
    // Registered no longer: from now on nobody may touch it at all.
    void retire() noexcept;
    [[nodiscard]] bool is_retired() const noexcept { return is_retired_; }

    // The bytes from `offset` on may change until the next judge().
    void expect_change(std::size_t offset, std::size_t length) noexcept;
    void expect_any_change() noexcept { expect_change(0, size()); }
    // Nothing else has changed since the last call.
    void judge(const char *what) noexcept;

    ibv_mr *mr = nullptr;
    uint32_t key = 0;
    bool is_remotely_writable = false;

private:
    static constexpr std::size_t kGuard = 64;
    std::vector<uint8_t> memory_;
    std::vector<uint8_t> known_;
    bool is_retired_ = false;
};

class Victim {
public:
    // The regions, by what peers may do with them.
    enum Place : uint32_t { receives, writable, readable, secret, foreign, gone, kPlaces };
    static constexpr uint64_t kSecret = 0xd1f00d5ec4e7b1a3;

    static constexpr uint32_t kQkey = 0x1234;

    Victim();
    ~Victim();
    Victim(const Victim &) = delete;
    Victim &operator=(const Victim &) = delete;

    static soft::Device &device();
    static ibv_context &context();
    static const ibv_gid &gid();

    // False when the device has no such type.
    bool create_qp(ibv_qp_type type, uint32_t max_inline = 64, bool with_srq = false);
    void to_init(uint32_t access);
    void to_rtr(uint32_t dest_qpn, uint8_t min_rnr_timer = 1);
    void to_rts();
    void to(ibv_qp_state state);
    void post_recv(Choices &choices);
    void dereg(Region &region);
    // Polls until nothing comes, checks what came, and what changed in memory.
    void settle();
    // Memory only, when nothing may have been received.
    void judge_memory();

    [[nodiscard]] Region &region(uint32_t place) noexcept { return *regions_[place]; }
    [[nodiscard]] soft::Qp &qp() noexcept { return *qp_; }
    [[nodiscard]] soft::Cq &cq() noexcept { return *static_cast<soft::Cq *>(cq_); }
    [[nodiscard]] ibv_pd *pd() noexcept { return pd_; }
    // A buffer inside one region, or (rarely) one that is not.
    ibv_sge pick_sge(Choices &choices, uint32_t place, uint32_t length);

    // Sends that are outstanding: what they may write, for READs and atomics.
    struct Expected {
        uint64_t wr_id;
        std::vector<ibv_sge> targets;
        uint64_t capacity;
        bool is_signaled;
    };
    std::deque<Expected> sends;
    uint64_t next_wr_id = 1;

private:
    void expect_changes();
    void expect_changes_of(const Expected &request);
    void take(const ibv_wc &wc);

    ibv_pd *pd_ = nullptr;
    ibv_pd *other_pd_ = nullptr;
    ibv_cq *cq_ = nullptr;
    ibv_srq *srq_ = nullptr;
    soft::Qp *qp_ = nullptr;
    std::array<std::optional<Region>, kPlaces> regions_;
    std::deque<Expected> receives_;
    uint32_t access_ = 0;
};

}  // namespace fuzz

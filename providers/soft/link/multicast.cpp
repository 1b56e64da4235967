// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Process's part in multicast: joining groups, and keeping senders' lists of members true.
//
// A sender names itself, then looks for members; a member names itself, then looks for senders and
// waits until each has taken note. One of the two sees the other.
#include "link/groups.hpp"
#include "link/process.hpp"

#include <verbs/provider.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::provider::Host;

namespace {

// A process that is stopped cannot answer; it is not waited for longer than this.
constexpr std::chrono::milliseconds kAnswerPatience{500};

}  // namespace

Result<void> Process::be_told_of_groups() {
    if (sender_name_.is_open()) return {};
    VERBS_TRY(name, enter_senders(numbers_.first_block()));
    sender_name_ = std::move(name);
    return {};
}

GroupMembers Process::members_of(const Gid &group) {
    auto members = list_members(group);
    if (members) return std::move(*members);
    // Without the kernel's list: those of this process.
    Host::log(VERBS_HOST_LOG_WARN, "multicast reaches only this process: %s",
              members.error().phrase.c_str());
    GroupMembers own;
    numbers_.for_each([&](Qp &qp) {
        for (const Membership &one : qp.memberships)
            if (one.group == group) own.push_back(qp.qp_num);
    });
    std::sort(own.begin(), own.end());
    return own;
}

void Process::open_group(Qp &qp, const ibv_gid &mgid) noexcept {
    try {
        Gid gid;
        std::copy(std::begin(mgid.raw), std::end(mgid.raw), gid.begin());
        uint64_t lost_routes = 0;
        {
            const std::lock_guard hold(qp.sq.lock);
            lost_routes = qp.sq.lost_routes;
            const auto known = qp.sq.groups.find(gid);
            if (known != qp.sq.groups.end() && known->second.as_of == group_changes_.load()) return;
        }
        Group group;
        {
            const std::lock_guard hold(mutex_);
            if (auto told = be_told_of_groups(); !told)
                Host::log(VERBS_HOST_LOG_WARN, "later members of a group are not noticed: %s",
                          told.error().phrase.c_str());
            group.as_of = group_changes_.load();
            group.members = members_of(gid);
        }
        for (const uint32_t member : group.members)
            open_route(qp, member, mgid);
        const std::lock_guard hold(qp.sq.lock);
        if (qp.sq.lost_routes != lost_routes) group.as_of = 0;  // perhaps one that was just found
        qp.sq.groups[gid] = std::move(group);
    } catch (...) {
        Host::log(VERBS_HOST_LOG_WARN, "out of memory, datagrams of QP 0x%x are lost", qp.qp_num);
    }
}

Result<void> Process::join_group(Qp &qp, const Gid &group) {
    {
        const std::lock_guard hold(mutex_);
        const auto is_it = [&](const Membership &one) { return one.group == group; };
        if (std::any_of(qp.memberships.begin(), qp.memberships.end(), is_it)) return {};
        VERBS_TRY(name, enter_group(group, qp.qp_num));
        qp.memberships.push_back({group, std::move(name)});
        const std::lock_guard hold_queue(qp.rq.lock);
        qp.rq.groups.push_back(group);
    }
    announce_join();
    return {};
}

Result<void> Process::leave_group(Qp &qp, const Gid &group) {
    const std::lock_guard hold(mutex_);
    const auto is_it = [&](const Membership &one) { return one.group == group; };
    if (std::erase_if(qp.memberships, is_it) == 0)
        return fail(EINVAL, "the queue pair is not attached to this group");
    const std::lock_guard hold_queue(qp.rq.lock);
    std::erase(qp.rq.groups, group);
    // Senders find out when they next look; until then the datagrams are dropped here.
    group_changes_.fetch_add(1);
    return {};
}

void Process::announce_join() {
    std::unique_lock hold(mutex_);
    group_changes_.fetch_add(1);
    auto senders = list_senders();
    if (!senders) {
        Host::log(VERBS_HOST_LOG_WARN, "other processes' multicasts may be missed: %s",
                  senders.error().phrase.c_str());
        return;
    }
    std::vector<uint32_t> asked;
    for (const uint32_t block : *senders) {
        if (numbers_.owns_block(block)) continue;
        auto link = link_to(block << kBlockBits);
        if (!link) continue;  // gone meanwhile, or another user's
        Packet packet;
        packet.kind = static_cast<uint8_t>(PacketKind::joined);
        packet.channel = next_channel();
        unanswered_joins_.insert(packet.channel);
        asked.push_back(packet.channel);
        (*link)->send(packet);
    }
    const auto is_answered = [&](uint32_t number) { return !unanswered_joins_.contains(number); };
    const auto all_answered = [&] { return std::all_of(asked.begin(), asked.end(), is_answered); };
    if (!answered_.wait_for(hold, kAnswerPatience, all_answered))
        Host::log(VERBS_HOST_LOG_INFO, "a process that sends to multicast groups does not answer");
    for (const uint32_t number : asked)
        unanswered_joins_.erase(number);
}

}  // namespace soft

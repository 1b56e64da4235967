// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Process: all that the software devices of one process share: queue pair numbers, the memory
// table, the conversations with other processes, and the progress thread that sleeps unless there
// is something to do that no program's call does.
#pragma once

#include "datapath/cq.hpp"
#include "datapath/qp.hpp"
#include "datapath/windows.hpp"
#include "link/copy_watch.hpp"
#include "link/exports.hpp"
#include "link/link.hpp"
#include "link/mr_table.hpp"
#include "link/own_memory.hpp"
#include "link/qp_numbers.hpp"
#include "link/shared_arena.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

namespace soft {

class Process {
public:
    // The one of this process: made by its first user, gone with its last.
    static verbs::Result<std::shared_ptr<Process>> get();
    ~Process();
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;

    // Whether this process may leave fences out towards peers that have the barrier for all, too.
    [[nodiscard]] bool has_barrier() const noexcept { return has_barrier_; }
    [[nodiscard]] MrTable &mrs() noexcept { return mrs_; }
    [[nodiscard]] Windows &windows() noexcept { return windows_; }
    [[nodiscard]] SharedFiles &files() noexcept { return files_; }
    [[nodiscard]] SharedArena &arena() noexcept { return arena_; }
    [[nodiscard]] OwnMemory &memory() noexcept { return memory_; }
    [[nodiscard]] Exports &exports() noexcept { return exports_; }
    [[nodiscard]] std::mutex &mutex() noexcept { return mutex_; }
    // In a forked child: all that belongs to this object is still the parent's.
    [[nodiscard]] bool is_inherited() const noexcept { return is_inherited_; }
    // Below what bound_to() gives.
    [[nodiscard]] uint32_t next_pd() noexcept { return (pds_.fetch_add(1) + 1) & 0x7fff'ffffu; }

    // fork(): the child must not drive its parent's rings nor keep its sockets alive. Everything
    // that it inherited is dead in it; what it opens anew is its own.
    static void before_fork() noexcept;
    static void after_fork_in_parent() noexcept;
    static void after_fork_in_child() noexcept;

    // Gives the QP its number; from now on peers can find it. Starts the thread.
    verbs::Result<void> enlist(Qp &qp);
    // The reverse: afterwards neither the thread nor any peer knows the QP. Not under the mutex.
    void delist(Qp &qp) noexcept;
    // XRC. The domain of a file, or one without a name for -1, by the flags of open(2). A device
    // has its own, by its GUID.
    verbs::Result<std::shared_ptr<XrcDomain>> open_domain(int fd, int oflags, uint64_t guid);
    // The end of a domain, on any thread, with or without the mutex.
    void drop_name(const XrcDomain &domain) noexcept;
    // Receive queues and receiving queue pairs get their numbers, and are in their domain then.
    verbs::Result<void> enlist(Srq &srq);
    verbs::Result<void> enlist(Qp &target, Qp &handle);
    // The reverse. Not under the mutex; and under it.
    void dismiss(Srq &srq) noexcept;
    void dismiss(Qp &target) noexcept;
    // Opens a sender's channel to the process that has a receive queue. Takes the mutex.
    void open_xrc_route(Qp &qp, uint32_t number) noexcept;
    // Makes a handle one of the QP with this number. Takes the mutex.
    verbs::Result<void> open_handle(Qp &handle, uint32_t qpn, const XrcDomain &domain);
    void close_opened(Qp &handle) noexcept;
    // A process that is stopped cannot answer calls; it is not waited for longer than this.
    void set_answer_patience(std::chrono::milliseconds patience) noexcept {
        const std::lock_guard hold(mutex_);
        answer_patience_ = patience;
    }
    // What a handle does to its QP. Under the mutex, which may be let go meanwhile.
    verbs::Result<void> modify_opened(Qp &handle, ibv_qp_attr &attr, int mask,
                                      std::unique_lock<std::mutex> &hold);
    verbs::Result<void> query_opened(Qp &handle, ibv_qp_attr &attr, ibv_qp_init_attr &init_attr,
                                     std::unique_lock<std::mutex> &hold);

    // Before a CQ goes: the thread forgets it.
    void forget(Cq &cq) noexcept;

    // The next two under the mutex.
    // Opens the channel over which a connected QP sends, to where its attributes say.
    void connect(Qp &qp);
    // Gives the QP the channel that its peer may have opened before it was ready.
    void take_offers(Qp &qp);

    // Waits until no peer is copying to or from the region; its key is closed already. Any thread.
    void await_copies(uint32_t rkey) noexcept { copies_.await(rkey); }

    // The end of a binding that a window has lost: waits the same way, and lets the region go.
    void let_go(const Unbound &unbound) noexcept {
        if (unbound.key == 0) return;
        await_copies(unbound.key);
        unbound.region->windows.fetch_sub(1);
    }

    // Has the progress thread call `serve`, under the mutex, whenever `fd` can be read. Until
    // unattend(), which waits for a call that is under way. Both take the mutex.
    verbs::Result<void> attend(int fd, std::function<void()> serve);
    void unattend(int fd) noexcept;
    // Every QP of the process. Under the mutex.
    template <class Visit>
    void for_each_qp(Visit &&visit) {
        numbers_.for_each(visit);
    }

    // Opens a datagram QP's channel to another QP. Takes the mutex.
    void open_route(Qp &qp, uint32_t remote_qpn, const ibv_gid &dgid) noexcept;
    // The same to all members of a multicast group, unless nothing changed since the last time.
    void open_group(Qp &qp, const ibv_gid &mgid) noexcept;
    // Opens anew what an unreliable connection lost. Takes the mutex.
    void reconnect(Qp &qp) noexcept;

    // Attaches a QP to a group: when the call returns, whoever sends to the group from then on
    // reaches it. Takes the mutex.
    verbs::Result<void> join_group(Qp &qp, const Gid &group);
    verbs::Result<void> leave_group(Qp &qp, const Gid &group);

    // Leaves: callable under any queue's lock.
    void set_timer(Qp &qp, int64_t at_ns) noexcept;
    void watch(Cq &cq) noexcept;

private:
    struct Offer {
        std::shared_ptr<Link> link;
        uint32_t channel;
        ChannelSegment segment;
        ibv_gid dgid;
    };

    Process() = default;
    void die_in_child() noexcept;
    verbs::Result<void> open();
    verbs::Result<void> ensure_thread();
    verbs::Result<std::unique_ptr<TxEnd>> open_channel(Qp &qp, ChannelKind kind,
                                                       uint32_t remote_qpn, const ibv_gid &dgid,
                                                       uint32_t rnr_retry);
    verbs::Result<std::shared_ptr<Link>> link_to(uint32_t remote_qpn);
    void adopt(const std::shared_ptr<Link> &link);
    void listen_to(int fd);
    Packet hello(const Link *peer) const noexcept;
    [[nodiscard]] bool is_open(const Link &link, uint32_t channel) const noexcept;
    int consider(const Offer &offer) noexcept;
    [[nodiscard]] uint32_t next_channel() noexcept;
    verbs::Result<void> be_told_of_groups();
    GroupMembers members_of(const Gid &group);
    // Tells every process that sends to groups to look again; waits for their answers.
    void announce_join();
    void attach(Offer offer);
    // XRC, in link/xrc.cpp and link/xrc_handle.cpp.
    void leave(Qp &receiver) noexcept;
    void reopen_xrc_routes(Qp &qp);
    void add_xrc_route(Qp &qp, uint32_t number);
    verbs::Result<std::unique_ptr<TxEnd>> open_srq_channel(Qp &qp, uint32_t number);
    verbs::Result<void> take_srq_channel(const std::shared_ptr<Link> &link,
                                         const Received &received);
    [[nodiscard]] bool is_stand_in_here(const Qp &qp) const noexcept;
    void end_stand_in(Qp &qp) noexcept;
    [[nodiscard]] bool await_turn(const Qp &handle, std::unique_lock<std::mutex> &hold);
    int ask(Qp &handle, Packet packet, int fd, std::unique_lock<std::mutex> &hold);
    void end_if_nobody_has(Qp &target) noexcept;
    void forget_handles(Qp &target) noexcept;
    int take_guest(const std::shared_ptr<Link> &link, const Received &received);
    [[nodiscard]] Qp *target_of(const Link &link, uint32_t channel) noexcept;
    void serve_guest(const std::shared_ptr<Link> &link, const Received &received);
    void serve_handle(const Link &link, const Packet &packet) noexcept;
    void drop_guest(Qp &target, const Link &link, uint32_t channel) noexcept;
    void lose_handles(const Link &link) noexcept;
    void forget_timers(const Qp &qp) noexcept;
    void unlock_after_fork() noexcept;

    void run() noexcept;
    void turn(int timeout_ms);
    void wake() noexcept;
    void accept_on(int listener);
    void serve(Link &link);
    verbs::Result<void> handle(const std::shared_ptr<Link> &link, Received received);
    void handle_kick(Link &link, uint32_t channel);
    void lose(const std::shared_ptr<Link> &link, const std::string &reason);
    void fire_timers();
    void look_after_pollers();
    [[nodiscard]] int sleep_ms();

    // Order: taken before every lock of a queue. Guards all below unless said otherwise.
    std::mutex mutex_;
    MrTable mrs_;            // own lock
    Windows windows_{mrs_};  // own lock
    CopyWatch copies_;       // own lock
    SharedFiles files_;      // own lock
    SharedArena arena_;      // own lock
    OwnMemory memory_;       // own locks
    Exports exports_;        // own lock
    QpNumbers numbers_;
    verbs::UniqueFd epoll_;
    verbs::UniqueFd wake_;
    std::map<int, std::shared_ptr<Link>> links_;               // by socket
    std::map<int, std::shared_ptr<Link>> lives_;               // by the descriptor of the process
    std::map<uint32_t, std::weak_ptr<Link>> requester_links_;  // by block of QP numbers
    std::map<int, std::function<void()>> attended_;            // by descriptor
    std::vector<Offer> offers_;
    std::map<std::array<uint64_t, 3>, std::weak_ptr<XrcDomain>> domains_;
    // Tell other processes that the domains are there. Not in the domains: one whose end another
    // thread has begun would not be found at a fork, and its name would stay with the child.
    std::mutex names_mutex_;  // leaf
    std::map<const XrcDomain *, verbs::UniqueFd> names_;
    std::unordered_map<uint32_t, Srq *> srqs_;    // of the type XRC, by number
    std::vector<std::unique_ptr<Qp>> stand_ins_;  // for queue pairs of other processes
    std::map<uint32_t, Qp *> opened_;             // handles of QPs of other processes
    uint32_t last_channel_ = 0;
    uint64_t canary_ = 0;
    bool has_barrier_ = false;
    std::atomic<uint32_t> pds_{0};
    verbs::UniqueFd sender_name_;  // once a QP has sent to a multicast group
    std::atomic<uint64_t> group_changes_{1};
    std::set<uint32_t> unanswered_joins_;  // by the number that stands for a channel's
    std::condition_variable answered_;     // with the mutex
    std::chrono::milliseconds answer_patience_{10'000};
    CqList<&Cq::watched_place> watched_;  // completion queues that their program polls
    int64_t next_look_ns_ = 0;

    SpinLock notes_lock_;  // leaf: the two below, which hot paths add to
    std::multimap<int64_t, Qp *> timers_;
    CqList<&Cq::to_watch_place> to_watch_;

    std::atomic<bool> stopping_{false};
    bool is_inherited_ = false;  // this is the copy of a parent's
    std::thread thread_;
};

}  // namespace soft

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every bench of two processes needs: options, a fork before anything else, cores to stay on,
// a socket to meet over, and a connected queue pair. Errors end the process with a message.
#pragma once

#include <infiniband/verbs.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

[[noreturn]] void die(const char *what);
inline void must(bool claim, const char *what) {
    if (!claim) die(what);
}

// --iterations N --rounds N --device NAME; anything else is refused with a usage line. The median
// of many short rounds stands a busy machine better than a few long ones.
struct Options {
    int iterations;
    int rounds;
    std::string device;  // empty: the first whose name begins with soft_lo, or else the first
};
Options parse(int argc, char **argv, Options defaults);

// A socket between the two processes; messages are small and of equal size on both ends.
class Meeting {
public:
    Meeting() = default;
    Meeting(int fd, pid_t peer) : fd_(fd), peer_(peer) {}
    void send(const void *data, size_t length) const;
    void receive(void *data, size_t length) const;
    template <typename T>
    T swap(const T &mine) const {
        T theirs{};
        send(&mine, sizeof mine);
        receive(&theirs, sizeof theirs);
        return theirs;
    }
    // Returns when the other process has come to the same point.
    void barrier() const { swap<char>(0); }
    [[nodiscard]] pid_t peer() const { return peer_; }

private:
    int fd_ = -1;
    pid_t peer_ = -1;
};

// Forks, puts each process on a core of its own and runs `first` here and `second` in the child.
// The exit code for main: that of the child if it failed, or 77 when there are no two cores.
int run_both(const std::function<void(const Meeting &)> &first,
             const std::function<void(const Meeting &)> &second);

// Only the calling thread: threads that the library starts later inherit it, as in a program that
// is started with taskset.
void stay_on(int core);
int current_core();

// The device that a bench uses, opened.
ibv_context *open_device(const std::string &name);

// Where a queue pair and its memory are.
struct Address {
    ibv_gid gid;
    uint32_t qp_num;
    uint32_t rkey;
    uint64_t addr;
};

// The entry of the GID table that stands for an IPv4 address, or else the first.
int choose_gid(ibv_context *context);
// From RESET to RTS, all remote access allowed, RNR retried for ever.
void connect_qp(ibv_qp *qp, int gid_index, const Address &peer);
// Two of this process.
void connect_to_each_other(const std::array<ibv_qp *, 2> &qps);

// Ordinary memory, or memory in a shared file that cannot shrink, which a device may map elsewhere.
enum class Memory { ordinary, shared_file };
// The file stays open: a device that maps memory elsewhere gets it by its descriptor.
uint8_t *map_pages(size_t bytes, Memory kind);

// Memory, registered for everything, and a queue pair connected to the other process. The receive
// CQ has a completion channel, which costs nothing unless it is armed.
class Endpoint {
public:
    Endpoint(const Options &options, const Meeting &meeting, size_t bytes, uint32_t depth,
             Memory kind = Memory::ordinary);
    Endpoint(const Endpoint &) = delete;
    Endpoint &operator=(const Endpoint &) = delete;
    ~Endpoint();

    [[nodiscard]] uint8_t *memory() const { return memory_; }
    [[nodiscard]] uint64_t peer_addr() const { return peer_.addr; }
    [[nodiscard]] uint32_t peer_rkey() const { return peer_.rkey; }
    [[nodiscard]] ibv_cq *send_cq() const { return send_cq_; }
    [[nodiscard]] ibv_cq *recv_cq() const { return recv_cq_; }
    [[nodiscard]] ibv_comp_channel *events() const { return events_; }
    [[nodiscard]] ibv_qp *qp() const { return qp_; }
    [[nodiscard]] ibv_sge sge(uint32_t length) const;

private:
    void connect(const Meeting &meeting);

    size_t bytes_;
    uint8_t *memory_ = nullptr;
    ibv_context *context_ = nullptr;
    ibv_pd *pd_ = nullptr;
    ibv_mr *mr_ = nullptr;
    ibv_comp_channel *events_ = nullptr;
    ibv_cq *send_cq_ = nullptr;
    ibv_cq *recv_cq_ = nullptr;
    ibv_qp *qp_ = nullptr;
    Address peer_{};
};

// Polls until one completion has come; it has to be a good one.
inline ibv_wc wait_one(ibv_cq *cq) {
    ibv_wc wc;
    int n = 0;
    while ((n = ibv_poll_cq(cq, 1, &wc)) == 0) {
    }
    must(n == 1 && wc.status == IBV_WC_SUCCESS, "a request failed");
    return wc;
}

double now_ns();
double median(std::vector<double> values);
// Prints the medians, the least of each and the ratio of the medians, verbs to raw.
void print_comparison(const char *unit, const std::vector<double> &verbs,
                      const std::vector<double> &raw);

}  // namespace bench

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The common part of the benches; see two_processes.hpp. Nothing here is measured.
#include "two_processes.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {

namespace {

constexpr int kSkipped = 77;

std::vector<int> allowed_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    must(::sched_getaffinity(0, sizeof set, &set) == 0, "sched_getaffinity");
    std::vector<int> cores;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &set)) cores.push_back(core);
    }
    return cores;
}

}  // namespace

void die(const char *what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

Options parse(int argc, char **argv, Options options) {
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const char *value = i + 1 < argc ? argv[++i] : nullptr;
        if (value != nullptr && name == "--iterations") {
            options.iterations = std::atoi(value);
        } else if (value != nullptr && name == "--rounds") {
            options.rounds = std::atoi(value);
        } else if (value != nullptr && name == "--device") {
            options.device = value;
        } else {
            std::fprintf(stderr, "usage: %s [--iterations N] [--rounds N] [--device NAME]\n",
                         argv[0]);
            std::exit(2);
        }
    }
    if (options.iterations < 1 || options.rounds < 1) {
        std::fprintf(stderr, "%s: counts begin at 1\n", argv[0]);
        std::exit(2);
    }
    return options;
}

void Meeting::send(const void *data, size_t length) const {
    must(::send(fd_, data, length, MSG_NOSIGNAL) == static_cast<ssize_t>(length), "send");
}

void Meeting::receive(void *data, size_t length) const {
    must(::recv(fd_, data, length, MSG_WAITALL) == static_cast<ssize_t>(length), "receive");
}

int run_both(const std::function<void(const Meeting &)> &first,
             const std::function<void(const Meeting &)> &second) {
    const std::vector<int> cores = allowed_cores();
    if (cores.size() < 2) {
        std::fprintf(stderr, "two cores are needed\n");
        return kSkipped;
    }
    int ends[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    must(child >= 0, "fork");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(ends[0]);
        stay_on(cores[1]);
        second(Meeting(ends[1], parent));
        std::exit(0);
    }
    ::close(ends[1]);
    stay_on(cores[0]);
    first(Meeting(ends[0], child));
    int status = 0;
    must(::waitpid(child, &status, 0) == child, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void stay_on(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    must(::sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

int current_core() {
    return ::sched_getcpu();
}

ibv_context *open_device(const std::string &device) {
    int count = 0;
    ibv_device **list = ibv_get_device_list(&count);
    must(list != nullptr && count > 0, "no device");
    ibv_device *chosen = device.empty() ? list[0] : nullptr;
    for (int i = count - 1; i >= 0; --i) {
        const std::string name = ibv_get_device_name(list[i]);
        if (device.empty() ? name.starts_with("soft_lo") : name == device) chosen = list[i];
    }
    must(chosen != nullptr, "no such device");
    ibv_context *context = ibv_open_device(chosen);
    must(context != nullptr, "ibv_open_device");
    ibv_free_device_list(list);
    return context;
}

int choose_gid(ibv_context *context) {
    static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    ibv_port_attr port{};
    must(ibv_query_port(context, 1, &port) == 0, "ibv_query_port");
    for (int i = 0; i < port.gid_tbl_len; ++i) {
        ibv_gid gid{};
        must(ibv_query_gid(context, 1, i, &gid) == 0, "ibv_query_gid");
        if (std::memcmp(gid.raw, kPrefix, sizeof kPrefix) == 0) return i;
    }
    return 0;
}

uint8_t *map_pages(size_t bytes, Memory kind) {
    int file = -1;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    if (kind == Memory::shared_file) {
        file = ::memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        must(file >= 0 && ::ftruncate(file, static_cast<off_t>(bytes)) == 0, "memfd_create");
        must(::fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK) == 0, "F_ADD_SEALS");
        flags = MAP_SHARED | MAP_POPULATE;
    }
    void *pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    must(pages != MAP_FAILED, "mmap");
    return static_cast<uint8_t *>(pages);
}

Endpoint::Endpoint(const Options &options, const Meeting &meeting, size_t bytes, uint32_t depth,
                   Memory kind)
    : bytes_(bytes), memory_(map_pages(bytes, kind)) {
    context_ = open_device(options.device);
    pd_ = ibv_alloc_pd(context_);
    must(pd_ != nullptr, "ibv_alloc_pd");
    mr_ = ibv_reg_mr(pd_, memory_, bytes,
                     IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
    must(mr_ != nullptr, "ibv_reg_mr");
    send_cq_ = ibv_create_cq(context_, static_cast<int>(depth), nullptr, nullptr, 0);
    events_ = ibv_create_comp_channel(context_);
    must(events_ != nullptr, "ibv_create_comp_channel");
    recv_cq_ = ibv_create_cq(context_, static_cast<int>(depth), nullptr, events_, 0);
    must(send_cq_ != nullptr && recv_cq_ != nullptr, "ibv_create_cq");
    ibv_qp_init_attr init{};
    init.send_cq = send_cq_;
    init.recv_cq = recv_cq_;
    init.qp_type = IBV_QPT_RC;
    init.cap = {depth, depth, 1, 1, 32};
    qp_ = ibv_create_qp(pd_, &init);
    must(qp_ != nullptr, "ibv_create_qp");
    connect(meeting);
}

void Endpoint::connect(const Meeting &meeting) {
    const int index = choose_gid(context_);
    Address own{{}, qp_->qp_num, mr_->rkey, reinterpret_cast<uint64_t>(memory_)};
    must(ibv_query_gid(context_, 1, index, &own.gid) == 0, "ibv_query_gid");
    peer_ = meeting.swap(own);
    connect_qp(qp_, index, peer_);
    meeting.barrier();
}

void connect_qp(ibv_qp *qp, int gid_index, const Address &peer) {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    must(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) == 0,
         "INIT");
    attr = {};
    attr.qp_state = IBV_QPS_RTR;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    attr.ah_attr.grh.dgid = peer.gid;
    attr.ah_attr.grh.sgid_index = static_cast<uint8_t>(gid_index);
    attr.ah_attr.grh.hop_limit = 64;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = peer.qp_num;
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = 1;
    must(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                           IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER) == 0,
         "RTR");
    attr = {};
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = 18;
    attr.retry_cnt = 7;
    attr.rnr_retry = 7;
    attr.max_rd_atomic = 1;
    must(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
                           IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC) == 0,
         "RTS");
}

void connect_to_each_other(const std::array<ibv_qp *, 2> &qps) {
    ibv_context *const context = qps[0]->context;
    const int index = choose_gid(context);
    Address address{};
    must(ibv_query_gid(context, 1, index, &address.gid) == 0, "ibv_query_gid");
    for (size_t i = 0; i < qps.size(); ++i) {
        address.qp_num = qps[1 - i]->qp_num;
        connect_qp(qps[i], index, address);
    }
}

Endpoint::~Endpoint() {
    ibv_destroy_qp(qp_);
    ibv_destroy_cq(recv_cq_);
    ibv_destroy_comp_channel(events_);
    ibv_destroy_cq(send_cq_);
    ibv_dereg_mr(mr_);
    ibv_dealloc_pd(pd_);
    ibv_close_device(context_);
    ::munmap(memory_, bytes_);
}

ibv_sge Endpoint::sge(uint32_t length) const {
    return {reinterpret_cast<uint64_t>(memory_), length, mr_->lkey};
}

double now_ns() {
    return std::chrono::duration<double, std::nano>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const size_t middle = values.size() / 2;
    if (values.size() % 2 == 1) return values[middle];
    return (values[middle - 1] + values[middle]) / 2;
}

void print_comparison(const char *unit, const std::vector<double> &verbs,
                      const std::vector<double> &raw) {
    std::printf("verbs_%s %.1f\nraw_%s %.1f\n", unit, median(verbs), unit, median(raw));
    std::printf("verbs_least_%s %.1f\nraw_least_%s %.1f\n", unit, *std::ranges::min_element(verbs),
                unit, *std::ranges::min_element(raw));
    std::printf("ratio %.3f\n", median(verbs) / median(raw));
}

}  // namespace bench

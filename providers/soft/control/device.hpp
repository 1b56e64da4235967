// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Device: one open software device. Its methods are the slots of the provider contract; each object
// family has its own file here.
#pragma once

#include "control/event_pipe.hpp"
#include "control/interface_watch.hpp"
#include "control/interfaces.hpp"
#include "control/port.hpp"
#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "core/owned.hpp"
#include "datapath/qp.hpp"
#include "datapath/srq.hpp"
#include "datapath/xrc.hpp"
#include "faults/schedule.hpp"
#include "link/process.hpp"

#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <verbs/provider_exp.hpp>
#else
#include <verbs/provider.hpp>
#endif

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace soft {

template <class T>
using Result = verbs::Result<T>;
using verbs::Owned;

#ifdef VERBS_EXPERIMENTAL_ENABLED
// Memory of the device: ours, in a file that peers can map, so that they reach it as fast.
struct Dm : ibv_dm {
    Dm() noexcept : ibv_dm{} {}

    verbs::UniqueFd file;
    verbs::Mapping memory;
    std::size_t bytes = 0;  // as asked for
    std::atomic<uint32_t> regions{0};
    bool is_imported = false;
};

struct CompCntr : ibv_comp_cntr {
    CompCntr() noexcept : ibv_comp_cntr{} {}

    Counter counter;
};

struct Xrcd : ibv_xrcd {
    Xrcd() noexcept : ibv_xrcd{} {}

    std::shared_ptr<XrcDomain> domain;
    std::atomic<uint32_t> users{0};  // receive queues, and handles of queue pairs
};

// Sets what the device can do for experimental verbs alone.
void tell_experimental(ibv_device_attr_ex &attr);
#endif

class Device {
public:
    static constexpr const char *kName = "soft";

    static Result<std::vector<verbs_provider_device>> enumerate();
    static Result<std::unique_ptr<Device>> open(const verbs_provider_device &which,
                                                ibv_context &context);
    Result<void> close();

    Result<ibv_device_attr> query_device();
    Result<ibv_device_attr_ex> query_device_ex();
    Result<ibv_port_attr> query_port(uint8_t port_num);
    Result<verbs_provider_gid> query_gid(uint8_t port_num, int index);
    Result<uint16_t> query_pkey(uint8_t port_num, int index);

    Result<ibv_pd *> alloc_pd();
    Result<void> dealloc_pd(ibv_pd *pd);
    Result<ibv_mr *> reg_mr(ibv_pd *pd, void *addr, size_t length, uint64_t iova, int access);
    Result<void> rereg_mr(ibv_mr *mr, int flags, ibv_pd *pd, void *addr, size_t length, int access);
    Result<void> dereg_mr(ibv_mr *mr);
    Result<ibv_mw *> alloc_mw(ibv_pd *pd, int type);
    Result<void> bind_mw(ibv_qp *qp, ibv_mw *mw, ibv_mw_bind *bind);
    Result<void> dealloc_mw(ibv_mw *mw);

    Result<ibv_comp_channel *> create_comp_channel();
    Result<void> destroy_comp_channel(ibv_comp_channel *channel);
    Result<ibv_cq *> create_cq(int cqe, ibv_comp_channel *channel, int comp_vector);
    Result<void> resize_cq(ibv_cq *cq, int cqe);
    Result<void> destroy_cq(ibv_cq *cq);

    Result<ibv_srq *> create_srq(ibv_pd *pd, ibv_srq_init_attr *attr);
    Result<void> modify_srq(ibv_srq *srq, ibv_srq_attr *attr, int mask);
    Result<void> query_srq(ibv_srq *srq, ibv_srq_attr *attr);
    Result<void> destroy_srq(ibv_srq *srq);

    Result<ibv_qp *> create_qp(ibv_pd *pd, ibv_qp_init_attr *attr);
    Result<void> modify_qp(ibv_qp *qp, ibv_qp_attr *attr, int mask);
    Result<void> query_qp(ibv_qp *qp, ibv_qp_attr *attr, int mask, ibv_qp_init_attr *init_attr);
    Result<void> destroy_qp(ibv_qp *qp);

    Result<ibv_ah *> create_ah(ibv_pd *pd, ibv_ah_attr *attr);
    Result<void> destroy_ah(ibv_ah *ah);
    Result<void> attach_mcast(ibv_qp *qp, const ibv_gid *gid, uint16_t lid);
    Result<void> detach_mcast(ibv_qp *qp, const ibv_gid *gid, uint16_t lid);

#ifdef VERBS_EXPERIMENTAL_ENABLED
    Result<ibv_values_ex> query_rt_values_ex(uint32_t mask);
    Result<ibv_cq_ex *> create_cq_ex(ibv_cq_init_attr_ex *attr);
    Result<ibv_qp *> create_qp_ex(ibv_qp_init_attr_ex *attr);
    static ibv_qp_ex *qp_to_qp_ex(ibv_qp *qp) noexcept;
    Result<ibv_td *> alloc_td(ibv_td_init_attr *attr);
    Result<void> dealloc_td(ibv_td *td);
    Result<ibv_pd *> alloc_parent_domain(ibv_parent_domain_init_attr *attr);
    Result<uint64_t> query_port_speed(uint32_t port_num);
    Result<ibv_mr *> alloc_null_mr(ibv_pd *pd);
    Result<ibv_mw *> alloc_mw_type_2(ibv_pd *pd);
    Result<ibv_mr *> reg_flushable_mr(ibv_pd *pd, void *addr, size_t length, uint64_t iova,
                                      int access);
    Result<void> advise_mr(ibv_pd *pd, ibv_advise_mr_advice advice, uint32_t flags,
                           ibv_sge *sg_list, uint32_t num_sge);
    Result<ibv_mr *> reg_dmabuf_mr(ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
                                   int fd, int access);
    Result<ibv_dm *> alloc_dm(ibv_alloc_dm_attr *attr);
    Result<void> free_dm(ibv_dm *dm);
    Result<ibv_mr *> reg_dm_mr(ibv_pd *pd, ibv_dm *dm, uint64_t dm_offset, size_t length,
                               unsigned int access);
    Result<void *> alloc_buf(ibv_pd *pd, size_t size);
    Result<void> free_buf(void *addr, size_t size);
    Result<ibv_xrcd *> open_xrcd(ibv_xrcd_init_attr *attr);
    Result<void> close_xrcd(ibv_xrcd *xrcd);
    Result<ibv_srq *> create_srq_ex(ibv_srq_init_attr_ex *attr);
    Result<uint32_t> get_srq_num(ibv_srq *srq);
    static int post_srq_ops(ibv_srq *srq, ibv_ops_wr *op, ibv_ops_wr **bad_op) noexcept;
    Result<ibv_qp *> open_qp(ibv_qp_open_attr *attr);
    Result<ibv_comp_cntr_caps> query_comp_cntr_caps();
    Result<ibv_comp_cntr *> create_comp_cntr(ibv_comp_cntr_init_attr *attr);
    Result<void> destroy_comp_cntr(ibv_comp_cntr *comp_cntr);
    Result<void> set_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
    Result<void> set_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
    Result<void> inc_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
    Result<void> inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
    Result<uint64_t> read_comp_cntr(ibv_comp_cntr *comp_cntr);
    Result<uint64_t> read_err_comp_cntr(ibv_comp_cntr *comp_cntr);
    Result<void> qp_attach_comp_cntr(ibv_qp *qp, ibv_comp_cntr *comp_cntr,
                                     ibv_qp_attach_comp_cntr_attr *attr);
    Result<void> import_device(int cmd_fd);
    Result<ibv_pd *> import_pd(uint32_t pd_handle);
    Result<void> unimport_pd(ibv_pd *pd);
    Result<ibv_mr *> import_mr(ibv_pd *pd, uint32_t mr_handle);
    Result<void> unimport_mr(ibv_mr *mr);
    Result<ibv_dm *> import_dm(uint32_t dm_handle);
    Result<void> unimport_dm(ibv_dm *dm);
#endif

    // Whether what is addressed to this GID (or route by LID) is for this device. Any thread.
    [[nodiscard]] bool owns(const uint8_t *gid) const noexcept;

    // What modify_qp does to a queue pair that is here. Under the process's mutex.
    Result<void> change(Qp &qp, ibv_qp_attr *attr, int mask);
    // Ends a QP that receives by XRC. Under the process's mutex.
    void end_target(Qp &qp) noexcept;

private:
    // `domain` may be nullptr.
    Result<Cq *> make_cq(Pd *domain, int cqe, ibv_comp_channel *channel, int comp_vector,
                         bool has_beside);
    Result<Srq *> make_srq(Pd &pd, const ibv_srq_attr &attr);
#ifdef VERBS_EXPERIMENTAL_ENABLED
    Result<ibv_srq *> create_xrc_srq(ibv_srq_init_attr_ex &attr);
    Result<ibv_srq *> create_tm_srq(ibv_srq_init_attr_ex &attr);
    void discard(Srq &srq) noexcept;
    void prepare_handle(Qp &handle, Xrcd &xrcd);
    void prepare_target(Qp &qp, const Xrcd &xrcd);
    Result<ibv_qp *> create_receiving_qp(ibv_qp_init_attr_ex *attr);
#endif
    void withdraw_handle(Qp &qp) noexcept;
    void close_xrc() noexcept;
    Result<void> close_handle(Qp &qp);
    Result<void> take_path(Qp &qp, const ibv_qp_attr &attr, int mask);
    void apply(Qp &qp, const ibv_qp_attr &attr, int mask);
    Result<void> enter_state(Qp &qp, ibv_qp_state from, ibv_qp_state to);
    void reset(Qp &qp);
    // Makes the object unknown to peers and to the progress thread.
    void withdraw(Qp &qp) noexcept;
    void withdraw(Cq &cq) noexcept;
    void withdraw(Mw &mw) noexcept;
    // Takes back what windows are bound to the queue pair, which sends nothing any more.
    void release_windows(Qp &qp) noexcept;
    Result<Mw *> enter_window(Pd &pd, bool is_type_2);
    void withdraw(uint32_t key, bool is_remote) noexcept;
    // For what is imported from one context of this device into another.
    [[nodiscard]] int device_number() const noexcept {
        return interface_index_;
    }
    void export_context();
    void withdraw_exports() noexcept;
#ifdef VERBS_EXPERIMENTAL_ENABLED
    static void open_up(Dm &dm, uint32_t handle) noexcept;
#endif
    // Refuses a child that inherited the device: the table of regions is shared with the parent.
    [[nodiscard]] Result<void> judge_process() const;
    // A region of the table's entry.
    Result<Mr *> enter(Pd &pd, const Extent &extent);
    FilePlace shared_place(const void *addr, size_t length, int access);
    // The GID at an index of the table, if there is one.
    Result<ibv_gid> own_gid(int index) const;
    // Where an address vector leads, once it is judged.
    Result<DatagramPrefix> resolve(const ibv_ah_attr &attr) const;
    // Whether the device can do more than give back what it has.
    Result<void> judge_alive() const;
    [[nodiscard]] int gid_table_length() const noexcept {
        return is_infiniband_ ? 1 : kGidTableLength;
    }
    void become_infiniband() noexcept;
    // Is the device of that network interface from now on.
    Result<void> follow(int interface_index);
    // The network interface as it is now; tells the program what is news to it.
    void look_at(const Interface &interface, bool is_news) noexcept;
    void interface_changed() noexcept;
    void interface_removed() noexcept;
    void report_port_event(ibv_event_type type) noexcept;
    // The port is active when there is a carrier and no fault says otherwise.
    void settle_port(bool is_news) noexcept;
    // The error of a call that a fault is asked for.
    Result<void> judge_faults(Call call) {
        return injector_ == nullptr ? Result<void>() : injector_->judge(call);
    }
    Result<void> start_faults();

    std::shared_ptr<Process> process_;
    bool is_infiniband_ = false;
    int interface_index_ = 0;  // 0: none, with InfiniBand link layer
    std::string interface_name_;
    Port port_;
    EventPipe async_events_;
    std::unique_ptr<InterfaceWatch> watch_;
    // The next two under the process's mutex.
    bool has_carrier_ = false;
    bool is_forced_down_ = false;
    std::shared_ptr<Injector> injector_;  // nullptr: no faults
    std::unique_ptr<FaultSchedule> schedule_;
    uint64_t guid_be_ = 0;
    std::atomic<uint32_t> handles_{0};

    // In the order in which they may refer to each other: what is later goes first.
    Owned<Td> tds_;
    Owned<Pd> pds_;
#ifdef VERBS_EXPERIMENTAL_ENABLED
    std::atomic<std::size_t> dm_bytes_{0};  // in use, at most kMaxDmBytes
    Owned<Dm> dms_;
    Owned<Xrcd> xrcds_;
    std::atomic<uint32_t> comp_cntr_count_{0};
    Owned<CompCntr> comp_cntrs_;
    verbs::UniqueFd imported_fd_;  // of a context that was imported
#endif
    Owned<Mr> mrs_;
    Owned<Mw> mws_;
    Owned<Ah> ahs_;
    Owned<CompChannel> channels_;
    Owned<Cq> cqs_;
    Owned<Srq> srqs_;
    Owned<Qp> qps_;
};

// The identifier of the device on an interface, from its MAC or its index.
[[nodiscard]] uint64_t make_guid_be(const Interface &interface) noexcept;
// The largest MTU of InfiniBand whose packets fit the interface.
[[nodiscard]] ibv_mtu fitting_mtu(uint32_t interface_mtu) noexcept;

}  // namespace soft

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// RxeDevice: one open rdma_rxe device. Its methods are the slots of the provider contract; each
// object family has its own file here. What is hot lies in datapath/.
#pragma once

#include "core/fd.hpp"
#include "core/owned.hpp"
#include "core/slabs.hpp"
#include "datapath/ah.hpp"
#include "datapath/cq.hpp"
#include "datapath/domain.hpp"
#include "datapath/qp.hpp"
#include "datapath/srq.hpp"
#include "uverbs/context.hpp"
#include "uverbs/tables.hpp"

#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <verbs/provider_exp.hpp>
#else
#include <verbs/provider.hpp>
#endif

#include <memory>

namespace rxe {

template <class T>
using Result = verbs::Result<T>;
using verbs::Owned;

struct Mr : ibv_mr, verbs::InSlabs<Mr> {
    Mr() noexcept : ibv_mr{} {}
    PdUse domain;
};
struct Mw : ibv_mw {
    Mw() noexcept : ibv_mw{} {}
    PdUse domain;
};
struct CompChannel : ibv_comp_channel {
    CompChannel() noexcept : ibv_comp_channel{} {}
    verbs::UniqueFd descriptor;
};

class RxeDevice {
public:
    static constexpr const char *kName = "rxe";

    static Result<std::unique_ptr<RxeDevice>>
    open(const verbs_provider_device &which, ibv_context &context,
         const verbs::uverbs::Kernel &kernel = verbs::uverbs::running_kernel());
    Result<void> close();

    Result<ibv_device_attr> query_device();
    Result<ibv_device_attr_ex> query_device_ex();
    Result<ibv_port_attr> query_port(uint8_t port_num);
    Result<verbs_provider_gid> query_gid(uint8_t port_num, int index);
    Result<std::size_t> query_gid_table(verbs_provider_gid_entry *entries, std::size_t room);
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
    Result<ibv_srq_attr> query_srq(ibv_srq *srq);
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
    Result<ibv_cq_ex *> create_cq_ex(ibv_cq_init_attr_ex *attr);
    Result<ibv_qp *> create_qp_ex(ibv_qp_init_attr_ex *attr);
    static ibv_qp_ex *qp_to_qp_ex(ibv_qp *qp) noexcept;
    Result<ibv_td *> alloc_td(ibv_td_init_attr *attr);
    Result<void> dealloc_td(ibv_td *td);
    Result<ibv_pd *> alloc_parent_domain(ibv_parent_domain_init_attr *attr);
    Result<ibv_mr *> reg_flushable_mr(ibv_pd *pd, void *addr, size_t length, uint64_t iova,
                                      int access);
    Result<void> advise_mr(ibv_pd *pd, ibv_advise_mr_advice advice, uint32_t flags,
                           ibv_sge *sg_list, uint32_t num_sge);
#endif

private:
    RxeDevice(verbs::uverbs::Context kernel, const char *ibdev_path)
        : kernel_(std::move(kernel)), tables_(ibdev_path) {}

    // The queue that the driver has announced in an answer. It can be mapped once.
    Result<verbs::Mapping> map(const mminfo &queue) const;
    Result<void> describe_way(Ah &ah, const ibv_ah_attr &attr);

    verbs::uverbs::Context kernel_;
    verbs::uverbs::SysfsTables tables_;

    // In the order in which they may refer to each other: what is later goes first.
    Owned<Td> tds_;
    Owned<Pd> pds_;
    Owned<Mr> mrs_;
    Owned<Mw> mws_;
    Owned<Ah> ahs_;
    Owned<CompChannel> channels_;
    Owned<Cq> cqs_;
    Owned<Srq> srqs_;
    Owned<Qp> qps_;
};

}  // namespace rxe

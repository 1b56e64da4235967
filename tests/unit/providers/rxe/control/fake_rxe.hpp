// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// An open rxe device over a fake kernel: the driver's objects have handles and queues, which lie in
// the fake's node and can be mapped.
#pragma once

#include "control/device.hpp"
#include "uverbs/fake_kernel.hpp"

#include <sys/mman.h>

#include <optional>
#include <set>

namespace verbs::test {

inline constexpr std::uint32_t kSlots = 16;
inline constexpr std::uint32_t kQueueBytes = 32 * 1024;

class FakeRxe : public testing::Test {
protected:
    FakeRxe() {
        provider::Host::attach(&kHost, "rxe");
        verbs_provider_device which{};
        std::strcpy(which.dev_name, "uverbs7");
        auto opened = rxe::RxeDevice::open(which, context_, kernel_.table());
        if (!opened) {
            ADD_FAILURE() << opened.error().phrase;
            std::abort();
        }
        device_ = std::move(*opened);
        EXPECT_EQ(::ftruncate(kernel_.node(), 64 * kQueueBytes), 0);
        pd_.context = &context_;
        pd_.handle = 2;
        make_driver();
    }

    // A queue of the driver's, in the next part of the node.
    mminfo make_queue(std::uint32_t log2_slot) {
        const std::uint64_t own = queues_++ * kQueueBytes;
        const mminfo where{offset_of_queues.value_or(own), size_of_queues, 0};
        const auto memory = Mapping::shared(kernel_.node(), kQueueBytes, PROT_READ | PROT_WRITE,
                                            static_cast<off_t>(own));
        auto &header = *static_cast<rxe_queue_buf *>(memory->data());
        header.log2_elem_size = log2_slot;
        header.index_mask = kSlots - 1 + is_odd;
        return where;
    }
    template <class Answer>
    static void give(const MethodCall &call, const Answer &answer) {
        call.out(UVERBS_ATTR_UHW_OUT, answer);
    }

    ibv_cq *create_cq() {
        auto cq = device_->create_cq(10, nullptr, 0);
        EXPECT_TRUE(cq) << cq.error().phrase;
        if (!cq) return nullptr;
        (*cq)->context = &context_;
        return *cq;
    }
    ibv_qp_init_attr qp_request(ibv_cq *cq, ibv_qp_type type) {
        ibv_qp_init_attr attr{};
        attr.send_cq = attr.recv_cq = cq;
        attr.qp_type = type;
        attr.cap = {4, 5, 2, 3, 32};
        return attr;
    }

    // What the kernel answers to everything from now on.
    void remove_device() { is_removed_ = true; }

    inline static int retired_ = 0;
    FakeKernel kernel_;
    ibv_context context_{};
    rxe::Pd pd_;
    std::unique_ptr<rxe::RxeDevice> device_;
    std::set<std::int64_t> objects_;  // that the kernel has, by handle
    std::uint32_t size_of_queues = kQueueBytes;
    std::optional<std::uint64_t> offset_of_queues;  // in place of the true one
    std::uint32_t is_odd = 0;  // 1: queues have a number of slots that is no power of two
    // On its own: it ends in an array.
    std::unique_ptr<ib_uverbs_modify_qp> change_ = std::make_unique<ib_uverbs_modify_qp>();
    ib_uverbs_qp_cap asked_{};
    std::uint64_t user_handle_ = 0;
    bool has_srq_ = false;

private:
    std::int64_t make_object() {
        objects_.insert(++last_handle_);
        return last_handle_;
    }
    void on_create(std::uint16_t object, std::uint16_t method, FakeKernel::Method call) {
        kernel_.on_method(object, method, [this, call](MethodCall &asked) {
            return is_removed_ ? EIO : call(asked);
        });
    }
    void on_destroy(std::uint16_t object, std::uint16_t method) {
        // The handle is the first attribute of all of them.
        kernel_.on_method(object, method, [this](MethodCall &call) {
            if (is_removed_) return EIO;
            EXPECT_EQ(objects_.erase(call.object(0)), 1u);
            return 0;
        });
    }
    void make_driver() {
        on_create(UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE, [this](MethodCall &call) {
            user_handle_ = call.in<std::uint64_t>(UVERBS_ATTR_CREATE_CQ_USER_HANDLE);
            call.create(UVERBS_ATTR_CREATE_CQ_HANDLE, make_object());
            call.out(UVERBS_ATTR_CREATE_CQ_RESP_CQE, kSlots - 1);
            give(call, rxe_create_cq_resp{make_queue(6)});
            return 0;
        });
        on_create(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE, [this](MethodCall &call) {
            user_handle_ = call.in<std::uint64_t>(UVERBS_ATTR_CREATE_QP_USER_HANDLE);
            asked_ = call.in<ib_uverbs_qp_cap>(UVERBS_ATTR_CREATE_QP_CAP);
            has_srq_ = call.has(UVERBS_ATTR_CREATE_QP_SRQ_HANDLE);
            call.create(UVERBS_ATTR_CREATE_QP_HANDLE, make_object());
            call.out(UVERBS_ATTR_CREATE_QP_RESP_CAP, asked_);
            call.out(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, std::uint32_t{17});
            rxe_create_qp_resp answer{};
            answer.sq_mi = make_queue(9);
            if (!has_srq_) answer.rq_mi = make_queue(7);
            give(call, answer);
            return 0;
        });
        on_create(UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_CREATE, [this](MethodCall &call) {
            user_handle_ = call.in<std::uint64_t>(UVERBS_ATTR_CREATE_SRQ_USER_HANDLE);
            call.create(UVERBS_ATTR_CREATE_SRQ_HANDLE, make_object());
            call.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_WR,
                     call.in<std::uint32_t>(UVERBS_ATTR_CREATE_SRQ_MAX_WR));
            call.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_SGE,
                     call.in<std::uint32_t>(UVERBS_ATTR_CREATE_SRQ_MAX_SGE));
            give(call, rxe_create_srq_resp{make_queue(7), 23, 0});
            return 0;
        });
        on_destroy(UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_DESTROY);
        on_destroy(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY);
        on_destroy(UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_DESTROY);
        on_destroy(UVERBS_OBJECT_PD, UVERBS_METHOD_PD_DESTROY);
        on_destroy(UVERBS_OBJECT_MR, UVERBS_METHOD_MR_DESTROY);
        on_destroy(UVERBS_OBJECT_MW, UVERBS_METHOD_MW_DESTROY);
        on_destroy(UVERBS_OBJECT_AH, UVERBS_METHOD_AH_DESTROY);
        make_older_commands();
    }
    void make_older_commands() {
        kernel_.on_command<ib_uverbs_alloc_pd, ib_uverbs_alloc_pd_resp>(
            IB_USER_VERBS_CMD_ALLOC_PD, [this](auto &, auto &response, auto &) {
                response.pd_handle = static_cast<std::uint32_t>(make_object());
                return is_removed_ ? EIO : 0;
            });
        kernel_.on_command<ib_uverbs_reg_mr, ib_uverbs_reg_mr_resp>(
            IB_USER_VERBS_CMD_REG_MR, [this](auto &, auto &response, auto &) {
                response = {static_cast<std::uint32_t>(make_object()), 0x11, 0x22};
                return is_removed_ ? EIO : 0;
            });
        kernel_.on_command<ib_uverbs_modify_qp, NoAnswer>(
            IB_USER_VERBS_CMD_MODIFY_QP, [this](const auto &request, auto &, auto &) {
                *change_ = request;
                return is_removed_ ? EIO : 0;
            });
    }

    static constexpr verbs_host kHost = {
        .size = sizeof(verbs_host),
        .contract = VERBS_PROVIDER_CONTRACT,
        .log_wants = [](int) { return 0; },
        .log = [](int, const char *, const char *) {},
        .set_reason = [](const char *) {},
        .environment = [](const char *) -> const char * { return nullptr; },
        .kernel_device_count = [] { return 1; },
        .retire_qp = [](ibv_qp *) { ++retired_; },
        .retire_cq = [](ibv_cq *) { ++retired_; },
        .retire_srq = [](ibv_srq *) { ++retired_; },
    };
    std::uint64_t queues_ = 0;
    std::int64_t last_handle_ = 4;
    bool is_removed_ = false;
};

}  // namespace verbs::test

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A program, a plugin and a library of others often bring a verbs library each. Here they stand on
// libverbs.so.1, libverbs-exp.so.0 and libibverbs.so.1, in one process and on one device.
#include "part.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using together::Part;

constexpr const char *kDevice = "soft_lo";
constexpr std::array kNames = {"stable", "experimental", "compatible"};

// A loaded module. The libraries that it needs come with it.
class Module {
public:
    explicit Module(const std::string &name)
        : handle_(::dlopen((PARTS "/together_" + name + ".so").c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) throw std::runtime_error(::dlerror());
        auto *const offer = reinterpret_cast<const Part *(*)()>(::dlsym(handle_, "together_part"));
        if (offer == nullptr) throw std::runtime_error(::dlerror());
        part_ = offer();
    }
    ~Module() { unload(); }
    Module(const Module &) = delete;
    Module &operator=(const Module &) = delete;

    void unload() noexcept {
        if (handle_ != nullptr) ::dlclose(handle_);
        handle_ = nullptr;
    }
    const Part *operator->() const noexcept { return part_; }

private:
    void *handle_;
    const Part *part_ = nullptr;
};

// One end of a connection, made by one module.
class End {
public:
    explicit End(const Module &module) : part_(module) {
        context_ = part_->open_device(kDevice);
        pd_ = context_ != nullptr ? part_->alloc_pd(context_) : nullptr;
        mr_ = pd_ != nullptr ? part_->reg_mr(pd_, bytes_.data(), bytes_.size()) : nullptr;
        cq_ = mr_ != nullptr ? part_->create_cq(context_) : nullptr;
        qp_ = cq_ != nullptr ? part_->create_qp(pd_, cq_) : nullptr;
        if (qp_ == nullptr) throw std::runtime_error(std::string(part_->library) + " makes no end");
    }
    ~End() {
        if (is_abandoned_) return;
        EXPECT_EQ(part_->destroy_qp(qp_), 0);
        EXPECT_EQ(part_->destroy_cq(cq_), 0);
        EXPECT_EQ(part_->dereg_mr(mr_), 0);
        EXPECT_EQ(part_->dealloc_pd(pd_), 0);
        EXPECT_EQ(part_->close_device(context_), 0);
    }
    End(const End &) = delete;
    End &operator=(const End &) = delete;

    // Leaves everything open, as who unloads a plugin without asking it does.
    void abandon() noexcept { is_abandoned_ = true; }

    void connect(const End &peer) {
        ASSERT_EQ(part_->connect(qp_, peer.part_->qp_num(peer.qp_), peer.part_->gid(peer.context_)),
                  0);
    }
    void send_to(End &peer, const std::string &text) {
        SCOPED_TRACE(std::string(part_->library) + " to " + peer.part_->library);
        const auto length = static_cast<std::uint32_t>(text.size());
        peer.bytes_.fill(0);
        std::memcpy(bytes_.data(), text.data(), length);
        ASSERT_EQ(peer.part_->post_recv(peer.qp_, peer.mr_, length), 0);
        ASSERT_EQ(part_->post_send(qp_, mr_, length), 0);
        EXPECT_EQ(part_->wait(cq_), 0);
        EXPECT_EQ(peer.part_->wait(peer.cq_), 0);
        EXPECT_EQ(std::string(peer.bytes_.data(), length), text);
    }

private:
    const Module &part_;
    std::array<char, 64> bytes_{};
    ibv_context *context_ = nullptr;
    ibv_pd *pd_ = nullptr;
    ibv_mr *mr_ = nullptr;
    ibv_cq *cq_ = nullptr;
    ibv_qp *qp_ = nullptr;
    bool is_abandoned_ = false;
};

void talk(End &one, End &other) {
    one.send_to(other, "there");
    other.send_to(one, "and back again");
}

void connect(End &one, End &other) {
    one.connect(other);
    other.connect(one);
}

class Together : public testing::Test {
protected:
    Module stable_{"stable"};
    Module experimental_{"experimental"};
    Module compatible_{"compatible"};
    std::array<Module *, 3> all_ = {&stable_, &experimental_, &compatible_};
};

// Modules by their place in kNames.
class UnloadedTogether : public Together, public testing::WithParamInterface<std::size_t> {
protected:
    Module &victim_ = *all_.at(GetParam());
    Module &one_ = *all_.at((GetParam() + 1) % all_.size());
    Module &other_ = *all_.at((GetParam() + 2) % all_.size());
};

}  // namespace

TEST_F(Together, EachTalksToEach) {
    for (const Module *one : all_) {
        for (const Module *other : all_) {
            End first(*one), second(*other);
            connect(first, second);
            talk(first, second);
        }
    }
}

// The three stand on one libverbs.so.1, and the structs have one layout.
TEST_F(Together, EachTakesObjectsThatAnotherMade) {
    for (const Module *maker_module : all_) {
        for (const Module *user_module : all_) {
            const Module &maker = *maker_module, &user = *user_module;
            SCOPED_TRACE(std::string(maker->library) + " makes, " + user->library + " uses");
            ibv_context *const context = maker->open_device(kDevice);
            ASSERT_NE(context, nullptr);
            ibv_pd *const pd = user->alloc_pd(context);
            ASSERT_NE(pd, nullptr);
            char bytes[8];
            ibv_mr *const mr = maker->reg_mr(pd, bytes, sizeof bytes);
            ASSERT_NE(mr, nullptr);
            ibv_cq *const cq = maker->create_cq(context);
            ASSERT_NE(cq, nullptr);
            ibv_qp *const qp = user->create_qp(pd, cq);
            ASSERT_NE(qp, nullptr);
            EXPECT_EQ(maker->dealloc_pd(pd), EBUSY);
            EXPECT_EQ(maker->destroy_qp(qp), 0);
            EXPECT_EQ(user->destroy_cq(cq), 0);
            EXPECT_EQ(user->dereg_mr(mr), 0);
            EXPECT_EQ(maker->dealloc_pd(pd), 0);
            EXPECT_EQ(user->close_device(context), 0);
        }
    }
}

TEST_F(Together, EachRefusesWhatNoneOfThemMade) {
    alignas(64) static unsigned char foreign[4096];  // in front of its middle there are no slots
    auto *const context = reinterpret_cast<ibv_context *>(foreign + sizeof foreign / 2);
    for (const Module *module : all_) {
        const Module &part = *module;
        SCOPED_TRACE(part->library);
        errno = 0;
        EXPECT_EQ(part->alloc_pd(context), nullptr);
        EXPECT_EQ(errno, EINVAL);
        errno = 0;
        EXPECT_EQ(part->create_cq(context), nullptr);
        EXPECT_EQ(errno, EINVAL);
        errno = 0;
        EXPECT_EQ(part->close_device(context), -1);
        EXPECT_EQ(errno, EINVAL);
    }
}

// Experimental verbs are for who asks for them: a device that the stable library has opened has
// none in its slots, also when another part of the process has brought the experimental library.
TEST_F(Together, ADeviceOpenedByTheStableLibraryKeepsItsSlotsEmpty) {
    ibv_context *const plain = stable_->open_device(kDevice);
    ibv_context *const filled = compatible_->open_device(kDevice);
    ASSERT_TRUE(plain != nullptr && filled != nullptr);
    errno = 0;
    EXPECT_EQ(compatible_->create_cq_by_slot(plain), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    ibv_cq *const cq = compatible_->create_cq_by_slot(filled);
    EXPECT_NE(cq, nullptr);
    EXPECT_EQ(stable_->destroy_cq(cq), 0);
    EXPECT_EQ(compatible_->close_device(filled), 0);
    EXPECT_EQ(stable_->close_device(plain), 0);
}

TEST_P(UnloadedTogether, LeavesTheOthersWorking) {
    End one(one_), other(other_);
    connect(one, other);
    {
        End gone(victim_), peer(one_);
        connect(gone, peer);
        talk(gone, peer);
    }
    victim_.unload();
    talk(one, other);
    End late(one_), later(other_);
    connect(late, later);
    talk(late, later);
}

TEST_P(UnloadedTogether, LeavesTheOthersWorkingEvenWithItsDeviceOpen) {
    End one(one_), other(other_);
    connect(one, other);
    static std::array<std::optional<End>, kNames.size()> left;  // its memory is registered for ever
    End &gone = left.at(GetParam()).emplace(victim_);
    {
        End peer(one_);
        connect(gone, peer);
        talk(gone, peer);
    }
    gone.abandon();
    victim_.unload();
    talk(one, other);
}

INSTANTIATE_TEST_SUITE_P(Each, UnloadedTogether, testing::Range(std::size_t{0}, kNames.size()),
                         [](const auto &tested) { return kNames.at(tested.param); });

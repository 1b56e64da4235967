// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// RDMA netlink's answers, made by hand: attribute by attribute, so that a test can leave out or
// spoil any of them. And a kernel that gives them.
#pragma once

#include "device/nldev.hpp"

#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>

#include <sys/sysmacros.h>

#include <cstddef>
#include <cstring>
#include <map>
#include <string_view>

namespace verbs_test {

class Answer {
public:
    explicit Answer(int command) : Answer(RDMA_NL_NLDEV, command) {}
    Answer(int client, int command) : bytes_(sizeof(nlmsghdr)) {
        nlmsghdr header{};
        header.nlmsg_type = static_cast<__u16>(RDMA_NL_GET_TYPE(client, command));
        std::memcpy(bytes_.data(), &header, sizeof header);
        close();
    }

    Answer &bytes(int attribute, const void *value, std::size_t size) {
        nlattr header{};
        header.nla_len = static_cast<__u16>(sizeof header + size);
        header.nla_type = static_cast<__u16>(attribute);
        append(&header, sizeof header);
        append(value, size);
        bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
        return close();
    }
    template <class T>
    Answer &number(int attribute, T value) {
        return bytes(attribute, &value, sizeof value);
    }
    Answer &text(int attribute, const std::string &value) {
        return bytes(attribute, value.c_str(), value.size() + 1);
    }

    // What the header claims, against the truth.
    Answer &claim(std::size_t length) {
        const auto claimed = static_cast<__u32>(length);
        std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &claimed, sizeof claimed);
        return *this;
    }
    Answer &cut(std::size_t length) {
        bytes_.resize(length);
        return *this;
    }

    operator verbs::device::NetlinkMessage() const { return bytes_; }

private:
    void append(const void *from, std::size_t size) {
        const auto *first = static_cast<const std::byte *>(from);
        bytes_.insert(bytes_.end(), first, first + size);
    }
    Answer &close() { return claim(bytes_.size()); }

    verbs::device::NetlinkMessage bytes_;
};

// As kernel 6.1 answers, without what nobody reads.
inline Answer device_answer(std::uint32_t index, const std::string &name) {
    return Answer(RDMA_NLDEV_CMD_GET)
        .number(RDMA_NLDEV_ATTR_DEV_INDEX, index)
        .text(RDMA_NLDEV_ATTR_DEV_NAME, name)
        .number(RDMA_NLDEV_ATTR_PORT_INDEX, std::uint32_t{1})
        .number(RDMA_NLDEV_ATTR_NODE_GUID, std::uint64_t{0x5054'00ff'fe12'3456})
        .number(RDMA_NLDEV_ATTR_DEV_NODE_TYPE, std::uint8_t{1})
        .text(RDMA_NLDEV_ATTR_DEV_PROTOCOL, "roce");
}

// `minor` up to 255, as the kernel writes device numbers into 64 bits.
inline Answer uverbs_answer(const std::string &name, unsigned major, unsigned minor,
                            std::uint32_t driver_id) {
    return Answer(RDMA_NLDEV_CMD_GET_CHARDEV)
        .number(RDMA_NLDEV_ATTR_CHARDEV, std::uint64_t{major} << 8 | minor)
        .number(RDMA_NLDEV_ATTR_CHARDEV_ABI, std::uint64_t{2})
        .text(RDMA_NLDEV_ATTR_CHARDEV_NAME, name)
        .number(RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID, driver_id);
}

// What a kernel answers. A device without a uverbs device gets the errno value.
struct NldevAnswers {
    int no_netlink = 0;  // an errno value: there is nobody to ask
    std::vector<verbs::device::NetlinkMessage> devices;
    std::map<std::uint32_t, verbs::device::NetlinkMessage> uverbs;
    int without_uverbs = EOPNOTSUPP;

    void clear() {
        devices.clear();
        uverbs.clear();
    }
    void add(std::uint32_t index, const std::string &name, const std::string &uverbs_name,
             unsigned major, unsigned minor, std::uint32_t driver_id) {
        devices.push_back(device_answer(index, name));
        uverbs[index] = uverbs_answer(uverbs_name, major, minor, driver_id);
    }
};

class FakeNldev final : public verbs::device::Nldev {
public:
    explicit FakeNldev(const NldevAnswers &answers) : answers_(answers) {}

    // To be handed to a device::Kernel. The answers have to outlive it.
    static auto opener(const NldevAnswers &answers) {
        return [&answers]() -> verbs::Result<std::unique_ptr<verbs::device::Nldev>> {
            if (answers.no_netlink != 0)
                return verbs::fail(answers.no_netlink, "RDMA netlink: no connection");
            return std::make_unique<FakeNldev>(answers);
        };
    }

    verbs::Result<std::vector<verbs::device::NetlinkMessage>> devices() override {
        return answers_.devices;
    }
    verbs::Result<verbs::device::NetlinkMessage> uverbs_of(std::uint32_t index) override {
        const auto found = answers_.uverbs.find(index);
        if (found == answers_.uverbs.end())
            return verbs::fail(answers_.without_uverbs, "RDMA netlink: the uverbs device: refused");
        return found->second;
    }

private:
    const NldevAnswers &answers_;
};

}  // namespace verbs_test

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A provider whose every answer is set by the test: which devices there are, which slot fails how,
// which events arrive. It is a real plugin; the test reaches its state through fake_state().
#pragma once

#include <verbs/provider.h>

#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace verbs_test {

struct FakeState {
    std::vector<verbs_provider_device> devices;

    // The slot of this name fails: by number, with a reason if there is one, or by throwing.
    std::string failing_slot;
    int code = 0;
    std::string reason;
    enum class Throws { nothing, exception, number } throws = Throws::nothing;

    std::vector<std::optional<verbs_provider_gid>> gids;  // of port 1; empty ones are ENODATA
    std::optional<std::size_t> table_length;  // what query_gid_table claims, against the truth
    std::vector<std::uint16_t> pkeys_be;      // of port 1

    int async_write_fd = -1;  // other end of the last opened context's async_fd
    bool retires = true;      // whether destroying goes through verbs_host.retire_*
    std::uint64_t last_iova = 0;
    ibv_ah_attr last_ah{};
    void *last_attributes = nullptr;  // the test's FakeExperimental, where there is that half

    const verbs_host *host = nullptr;
    std::mutex lock;  // for calls
    std::map<std::string, int> calls;

    int calls_of(const std::string &slot) {
        const std::lock_guard guard(lock);
        return calls[slot];
    }
};

// Objects of the fake, so that a test can write to the other end of a channel.
struct FakeChannel : ibv_comp_channel {
    int write_fd = -1;
};

inline verbs_provider_device fake_device(const char *name, std::uint64_t cookie = 0) {
    verbs_provider_device device{};
    std::snprintf(device.name, sizeof device.name, "%s", name);
    std::snprintf(device.dev_name, sizeof device.dev_name, "uverbs-%s", name);
    device.node_guid_be = 0x1122;
    device.cookie = cookie;
    device.node_type = IBV_NODE_CA;
    device.transport_type = IBV_TRANSPORT_IB;
    device.index = 7;
    return device;
}

// Of the plugin that the library has loaded, or will load.
FakeState &fake_state();

}  // namespace verbs_test

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// InterfaceWatch: hears from the kernel (rtnetlink) when a network interface or its addresses
// change. The progress thread listens, asleep until there is something to hear.
#pragma once

#include "core/result.hpp"

#include <functional>
#include <memory>

struct nl_sock;

namespace soft {

class Process;

class InterfaceWatch {
public:
    // From now on nothing is missed; start() says whom to tell.
    static verbs::Result<std::unique_ptr<InterfaceWatch>> open(Process &process, int index);
    ~InterfaceWatch();
    InterfaceWatch(const InterfaceWatch &) = delete;
    InterfaceWatch &operator=(const InterfaceWatch &) = delete;

    // `changed` is called by the progress thread, under the process's mutex, after anything about
    // the interface has changed; what it is now is to be asked then. Not after the destructor.
    verbs::Result<void> start(std::function<void()> changed);

private:
    InterfaceWatch(Process &process, int index) noexcept : process_(&process), index_(index) {}
    void listen() noexcept;

    struct Close {
        void operator()(nl_sock *socket) const noexcept;
    };
    Process *process_;
    int index_;
    bool concerns_us_ = false;
    bool is_started_ = false;
    std::function<void()> changed_;
    std::unique_ptr<nl_sock, Close> socket_;
};

}  // namespace soft

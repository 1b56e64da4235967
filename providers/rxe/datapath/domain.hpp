// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Protection domains, and what is ours alone in them: thread domains and parent domains. The kernel
// knows a parent domain as the domain underneath; what is made in it is counted here.
#pragma once

#include <infiniband/verbs.h>
#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <infiniband/verbs_exp.h>
#endif

#include <atomic>
#include <cstdint>
#include <utility>

namespace rxe {

#ifdef VERBS_EXPERIMENTAL_ENABLED
using PublicTd = ibv_td;
#else
struct PublicTd {};
#endif

// One more user of a domain, as long as this lives.
template <class Domain>
class Use {
public:
    Use() = default;
    explicit Use(Domain *domain) noexcept : domain_(domain) {
        if (domain_ != nullptr) domain_->users.fetch_add(1);
    }
    Use(Use &&other) noexcept : domain_(std::exchange(other.domain_, nullptr)) {}
    Use &operator=(Use &&other) noexcept {
        std::swap(domain_, other.domain_);
        return *this;
    }
    ~Use() {
        if (domain_ != nullptr) domain_->users.fetch_sub(1);
    }
    explicit operator bool() const noexcept { return domain_ != nullptr; }

private:
    Domain *domain_ = nullptr;
};

struct Td : PublicTd {
    Td() noexcept : PublicTd{} {}
    std::atomic<uint32_t> users{0};  // parent domains
};

struct Pd : ibv_pd {
    Pd() noexcept : ibv_pd{} {}
    std::atomic<uint32_t> users{0};  // objects, and parent domains
    Use<Pd> base;                    // of a parent domain: the one underneath
    Use<Td> thread;                  // of a parent domain, if it has one
};

using PdUse = Use<Pd>;

[[nodiscard]] inline PdUse use(ibv_pd *pd) noexcept {
    return PdUse(static_cast<Pd *>(pd));
}

}  // namespace rxe

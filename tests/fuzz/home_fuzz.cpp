// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// translate() on another process's table of regions, which changes while it is read.
//
// A table at rest must be answered exactly as the model says. One that changes may be answered
// with anything that stood in it at some time, but never with a read outside of the table, and
// never for a key whose index is not in it.
#include "fuzz/choices.hpp"
#include "fuzz/hostile_reads.hpp"
#include "fuzz/oracle.hpp"
#include "link/mr_table.hpp"

#include <memory>
#include <utility>

namespace {

using namespace soft;
using fuzz::check;
using fuzz::Choices;

struct Question {
    uint32_t key;
    uint64_t at;
    uint64_t length;
    uint32_t needed;
    uint32_t pd;
    uint32_t qpn;  // whose peer asks
};

// a + b with its carry in front, so that it does not overflow.
std::pair<bool, uint64_t> sum(uint64_t a, uint64_t b) {
    uint64_t low = 0;
    const bool carry = __builtin_add_overflow(a, b, &low);
    return {carry, low};
}

// The rule once more, in arithmetic that cannot overflow. `domain` is a protection domain, or the
// queue pair that a window is bound to.
bool model(const Home &home, const Question &question, uint32_t domain, uint64_t &address) {
    const uint32_t index = question.key >> 8;
    if (question.key == 0 || index >= kMrCapacity) return false;
    const SharedMr &mr = home.mrs[index];
    const uint64_t start = mr.address.load();
    address = start == kNoMemory ? kNoMemory : start + (question.at - mr.iova.load());
    return mr.key.load() == question.key && mr.pd.load() == domain &&
           (mr.access.load() & question.needed) == question.needed &&
           question.at >= mr.iova.load() &&
           sum(question.at, question.length) <= sum(mr.iova.load(), mr.length.load());
}

uint64_t pick(Choices &choices, uint64_t usual) {
    switch (choices.below(4)) {
    case 0:
        return choices.edge();
    case 1:
        return choices.raw<uint64_t>();
    case 2:
        return usual - 8 + choices.below(16);
    default:
        return usual;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // A table of its own allocation: what lies behind it is the sanitizer's. Kept, as it is large;
    // only the entries that an input used are cleared.
    static const auto home = std::make_unique<Home>();
    static constexpr uint32_t kIndexes[] = {0, 1, 2, kMrCapacity - 1};
    Choices choices(data, size);
    fuzz::watch_window(home.get(), home.get(), sizeof(Home));
    for (int i = 0; i < 50 && !choices.is_over(); ++i) {
        const uint32_t index = kIndexes[choices.below(4)];
        SharedMr &mr = home->mrs[index];
        const uint32_t key = index << 8 | (choices.below(2) + 1);
        mr.key.store(choices.below(8) != 0 ? key : choices.raw<uint32_t>());
        mr.pd.store(choices.below(2));
        // Or a window, of one of two queue pairs.
        if (choices.below(4) == 0) mr.pd.store(bound_to(choices.below(2)));
        mr.access.store(choices.byte());
        mr.iova.store(pick(choices, 0x10000));
        mr.address.store(pick(choices, 0x20000));
        mr.length.store(pick(choices, 4096));
        Question question{};
        question.key = choices.below(8) != 0 ? key : choices.raw<uint32_t>();
        question.pd = choices.below(2);
        question.qpn = choices.below(2);
        question.needed = choices.byte() & choices.byte();
        question.at = pick(choices, mr.iova.load());
        question.length = pick(choices, mr.length.load());

        uint64_t expected = 0;
        const bool is_allowed = model(*home, question, question.pd, expected);
        uint64_t there = 0;
        const bool is_open = is_allowed || model(*home, question, bound_to(question.qpn), there);
        const uint32_t changes = choices.below(4);
        for (uint32_t j = 0; j < changes; ++j)
            fuzz::plan_change({choices.below(10), choices.flag(),
                               static_cast<uint32_t>(reinterpret_cast<uint8_t *>(&mr) -
                                                     reinterpret_cast<uint8_t *>(home.get())) +
                                   choices.below(sizeof mr),
                               choices.below(8) + 1, choices.raw<uint64_t>()});
        uint64_t address = 0;
        const bool is_given = translate(*home, question.key, question.at, question.length,
                                        question.needed, question.pd, address);
        fuzz::forget_changes();
        RemotePlace place{};
        if (changes == 0) {
            mr.file.store(choices.below(3));
            mr.file_offset.store(pick(choices, 4096));
            const bool is_found = find_place(*home, question.key, question.at, question.length,
                                             question.needed, question.pd, question.qpn, place);
            check(is_found == is_open,
                  "a place is given with an address, and in windows of the queue pair");
            const SharedMr &asked = home->mrs[is_found ? question.key >> 8 : 0];
            check(!is_found || (place.address == (is_given ? address : there) &&
                                place.file_offset - asked.file_offset.load() ==
                                    question.at - asked.iova.load()),
                  "the place is as far into the file as the address into the region");
        }
        if (is_given)
            check(question.key != 0 && question.key >> 8 < kMrCapacity, "the key can be one");
        if (changes == 0) {
            check(is_given == is_allowed, "access is given exactly where the table gives it");
            check(!is_given || address == expected, "the address is the table's");
        }
    }
    fuzz::forget_windows();
    for (const uint32_t index : kIndexes)
        std::memset(static_cast<void *>(&home->mrs[index]), 0, sizeof(SharedMr));
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The fixture of tests about connected queue pairs: one side here, the other where the parameter
// says. Each such test runs within a context, between two contexts and between two processes.
#pragma once

#include "side.hpp"

#include <memory>
#include <ostream>
#include <string>

namespace verbs_test {

enum class Place { OneContext, TwoContexts, TwoProcesses };

inline std::string place_name(Place place) {
    switch (place) {
    case Place::OneContext:
        return "OneContext";
    case Place::TwoContexts:
        return "TwoContexts";
    case Place::TwoProcesses:
        return "TwoProcesses";
    }
    return {};
}
inline std::ostream &operator<<(std::ostream &out, Place place) {
    return out << place_name(place);
}

struct PlaceName {
    template <typename Info>
    std::string operator()(const Info &info) const {
        return place_name(info.param);
    }
};

#define VERBS_TEST_EVERYWHERE(suite)                                                               \
    INSTANTIATE_TEST_SUITE_P(                                                                      \
        Rc, suite, ::testing::Values(Place::OneContext, Place::TwoContexts, Place::TwoProcesses),  \
        PlaceName())

// Both sides of a connection, wherever the second one is.
class SidesTest : public DeviceTest {
protected:
    void make_sides(Place place, const SideOptions &here, const SideOptions &there) {
        here_ = std::make_unique<LocalSide>(context(), here);
        there_ = make_there(place, there);
    }
    std::unique_ptr<Side> make_there(Place place, const SideOptions &options) {
        switch (place) {
        case Place::OneContext:
            break;
        case Place::TwoContexts:
            if (!second_context_) second_context_ = open_device();
            return std::make_unique<LocalSide>(second_context_.get(), options);
        case Place::TwoProcesses:
            return std::make_unique<RemoteSide>(options);
        }
        return std::make_unique<LocalSide>(context(), options);
    }
    LocalSide &here() { return *here_; }
    Side &there() { return *there_; }

private:
    Context second_context_;
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<Side> there_;
};

class RcTest : public SidesTest, public ::testing::WithParamInterface<Place> {
protected:
    // Both ends in RTS.
    void connect(const SideOptions &here_options, const SideOptions &there_options) {
        make_sides(GetParam(), here_options, there_options);
        join(here(), there());
    }
    void connect(const SideOptions &both = {}) { connect(both, both); }
};

}  // namespace verbs_test

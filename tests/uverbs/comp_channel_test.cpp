// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/comp_channel.hpp"

#include "uverbs/fake_kernel.hpp"

#include <fcntl.h>

namespace verbs::test {
namespace {

class CompChannel : public EveryAge {
protected:
    void answer(int fd) {
        kernel_.on_command<ib_uverbs_create_comp_channel, ib_uverbs_create_comp_channel_resp>(
            IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL, [fd](auto &, auto &response, auto &) {
                response.fd = static_cast<std::uint32_t>(fd);
                return 0;
            });
    }
};

TEST_P(CompChannel, IsADescriptorThatIsClosedWithItsOwner) {
    const auto context = kernel_.context();
    const int fd = ::dup(context.async_fd());
    answer(fd);
    {
        const auto channel = uverbs::create_comp_channel(context);
        ASSERT_TRUE(channel) << channel.error().phrase;
        EXPECT_EQ(channel->get(), fd);
    }
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

TEST_P(CompChannel, IsRefusedWithoutADescriptorOfItsOwn) {
    const auto context = kernel_.context();
    for (const int fd : {-1, context.fd(), context.async_fd()}) {
        answer(fd);
        EXPECT_EQ(uverbs::create_comp_channel(context).error().code, EPROTO) << fd;
    }
    EXPECT_NE(::fcntl(context.fd(), F_GETFD), -1);
    EXPECT_NE(::fcntl(context.async_fd(), F_GETFD), -1);
}

UVERBS_EVERY_AGE(CompChannel);

}  // namespace
}  // namespace verbs::test

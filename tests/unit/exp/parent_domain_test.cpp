// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

void *alloc_nothing(ibv_pd *, void *, std::size_t, std::size_t, std::uint64_t) {
    return nullptr;
}
void free_nothing(ibv_pd *, void *, void *, std::uint64_t) {}

class ParentDomain : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        attr.pd = pd;
        td = ibv_alloc_td(context, &nothing);
        ASSERT_NE(td, nullptr) << verbs_last_error();
        attr.td = td;
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
    void TearDown() override {
        EXPECT_EQ(ibv_dealloc_td(td), 0);
        ExtendedDevice::TearDown();
    }
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_alloc_parent_domain(context, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(fake.calls_of("alloc_parent_domain"), 0);
    }

    ibv_td_init_attr nothing{};
    ibv_td *td = nullptr;
    ibv_parent_domain_init_attr attr{};
};

}  // namespace

TEST_F(ParentDomain, IsAStablePdAsWell) {
    errno = kUntouched;
    ibv_pd *parent = ibv_alloc_parent_domain(context, &attr);
    ASSERT_NE(parent, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(parent->context, context);
    EXPECT_EQ(last.parent_domain.pd, pd);
    EXPECT_EQ(last.parent_domain.td, td);
    EXPECT_EQ(ibv_dealloc_pd(parent), 0);
}

TEST_F(ParentDomain, ReadsNoMoreThanTheMaskSays) {
    attr.alloc = &alloc_nothing;
    attr.free = &free_nothing;
    attr.pd_context = this;
    ibv_pd *parent = ibv_alloc_parent_domain(context, &attr);
    ASSERT_NE(parent, nullptr) << verbs_last_error();
    EXPECT_EQ(last.parent_domain.alloc, nullptr);
    EXPECT_EQ(last.parent_domain.pd_context, nullptr);
    EXPECT_EQ(ibv_dealloc_pd(parent), 0);

    attr.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT;
    parent = ibv_alloc_parent_domain(context, &attr);
    ASSERT_NE(parent, nullptr) << verbs_last_error();
    EXPECT_EQ(last.parent_domain.alloc, nullptr);
    EXPECT_EQ(last.parent_domain.free, nullptr);
    EXPECT_EQ(last.parent_domain.pd_context, this);
    EXPECT_EQ(ibv_dealloc_pd(parent), 0);

    attr.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS;
    parent = ibv_alloc_parent_domain(context, &attr);
    ASSERT_NE(parent, nullptr) << verbs_last_error();
    EXPECT_EQ(last.parent_domain.alloc, &alloc_nothing);
    EXPECT_EQ(last.parent_domain.free, &free_nothing);
    EXPECT_EQ(last.parent_domain.pd_context, nullptr);
    EXPECT_EQ(ibv_dealloc_pd(parent), 0);
}

TEST_F(ParentDomain, MayHaveBuffersInMemoryThatIsNotProtected) {
    attr.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOW_CC_UNPROTECTED_ALLOC;
    attr.pd_context = this;
    ibv_pd *parent = ibv_alloc_parent_domain(context, &attr);
    ASSERT_NE(parent, nullptr) << verbs_last_error();
    EXPECT_EQ(last.parent_domain.comp_mask, attr.comp_mask);
    EXPECT_EQ(last.parent_domain.pd_context, nullptr);
    EXPECT_EQ(ibv_dealloc_pd(parent), 0);
}

TEST_F(ParentDomain, RefusesWhatIsMissingOrUnknown) {
    attr.comp_mask = 8;
    expect_refusal(EINVAL, "unknown bits in comp_mask");
    attr.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS;
    attr.alloc = &alloc_nothing;
    expect_refusal(EINVAL, "alloc and free are needed both");
    attr.comp_mask = 0;
    attr.pd = nullptr;
    expect_refusal(EINVAL, "a parent domain needs a protection domain");
    EXPECT_EQ(ibv_alloc_parent_domain(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_parent_domain(nullptr, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(ParentDomain, RefusesWhatBelongsToAnotherDevice) {
    ibv_pd foreign{};
    attr.pd = &foreign;
    expect_refusal(EINVAL, "pd belongs to another open device");
    attr.pd = pd;
    ibv_td foreign_td{};
    attr.td = &foreign_td;
    expect_refusal(EINVAL, "td belongs to another open device");
}

TEST_F(ParentDomain, TellsWhyTheProviderRefused) {
    fail("alloc_parent_domain", ENOMEM, "too many");
    EXPECT_EQ(ibv_alloc_parent_domain(context, &attr), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_STREQ(verbs_last_error(), "fake: alloc_parent_domain: too many");
    fail_nothing();
}

TEST_F(ParentDomain, HasAThreadDomainOfItsOwn) {
    EXPECT_EQ(td->context, context);
    ibv_td_init_attr unknown{1};
    EXPECT_EQ(ibv_alloc_td(context, &unknown), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_td(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_td(nullptr, &nothing), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_dealloc_td(nullptr), EINVAL);
    fail("dealloc_td", EBUSY, "in use");
    EXPECT_EQ(ibv_dealloc_td(td), EBUSY);
    EXPECT_STREQ(verbs_last_error(), "fake: dealloc_td: in use");
    fail_nothing();
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every test includes, compiled once: most of a test's build time is GoogleTest's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <ranges>
#include <string>
#include <vector>

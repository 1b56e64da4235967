// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A program to precompile the header for, which CMake does for programs alone. It has no tests.
#include "precompiled.hpp"

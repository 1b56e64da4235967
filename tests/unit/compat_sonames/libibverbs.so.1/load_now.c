/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Opens each file it is given as a program's plugin would be, all symbols bound and constructors
 * run, on top of the libibverbs.so.1 that this program is linked with. Exits with the failures.
 */
#include <dlfcn.h>
#include <stdio.h>

int ibv_fork_init(void);

int main(int argc, char **argv) {
    int failures = 0;
    if (ibv_fork_init() != 0) return 99;
    for (int i = 1; i < argc; ++i) {
        if (!dlopen(argv[i], RTLD_NOW | RTLD_LOCAL)) {
            printf("%s\n", dlerror());
            ++failures;
        }
    }
    printf("%d files, %d failures\n", argc - 1, failures);
    return failures;
}

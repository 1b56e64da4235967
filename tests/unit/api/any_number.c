/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* C puts any number into an enumeration; C++ may not, so this half of a test is C. */
#include <infiniband/verbs.h>

const char *describe_any_number(int which, int number);
int rate_of_any_number(int number);

const char *describe_any_number(int which, int number) {
    switch (which) {
    case 0:
        return ibv_node_type_str((enum ibv_node_type)number);
    case 1:
        return ibv_port_state_str((enum ibv_port_state)number);
    case 2:
        return ibv_event_type_str((enum ibv_event_type)number);
    default:
        return ibv_wc_status_str((enum ibv_wc_status)number);
    }
}

int rate_of_any_number(int number) {
    return ibv_rate_to_mbps((enum ibv_rate)number) + ibv_rate_to_mult((enum ibv_rate)number);
}

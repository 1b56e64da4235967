/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lists the RDMA devices that this process can use, with their limits, ports and addresses.
 *
 *     devinfo [DEVICE]
 *
 * Ends with 0 when at least one device was shown, else with 1 and a reason.
 */
#include <infiniband/verbs.h>

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

/* What went wrong, twice: the number that programs decide by, and the sentence for people. */
static int complain(const char *what, int code) {
    fprintf(stderr, "devinfo: %s: %s: %s\n", what, strerror(code), verbs_last_error());
    return -1;
}

static void show_gids(struct ibv_context *context, uint8_t port_num, int count) {
    for (int index = 0; index < count; index++) {
        union ibv_gid gid;
        static const union ibv_gid unused;
        char text[INET6_ADDRSTRLEN];

        if (ibv_query_gid(context, port_num, index, &gid) != 0) {
            complain("ibv_query_gid", errno);
            return;
        }
        if (memcmp(&gid, &unused, sizeof gid) == 0) continue;
        printf("    gid %-3d    %s\n", index, inet_ntop(AF_INET6, &gid, text, sizeof text));
    }
}

static int show_port(struct ibv_context *context, uint8_t port_num) {
    struct ibv_port_attr port;
    const int code = ibv_query_port(context, port_num, &port);

    if (code != 0) return complain("ibv_query_port", code);
    printf("  port %u: %s\n", port_num, ibv_port_state_str(port.state));
    printf("    link       %s\n",
           port.link_layer == IBV_LINK_LAYER_ETHERNET ? "Ethernet" : "InfiniBand");
    /* The enumeration counts 256, 512, 1024, 2048, 4096 as 1 to 5. */
    printf("    mtu        %d\n", 128 << port.active_mtu);
    if (port.lid != 0) printf("    lid        %u\n", port.lid);
    show_gids(context, port_num, port.gid_tbl_len);
    return 0;
}

static int show_device(struct ibv_device *device) {
    struct ibv_context *context = ibv_open_device(device);
    struct ibv_device_attr attr;
    int status = 0;
    int code;

    if (context == NULL) return complain(ibv_get_device_name(device), errno);
    code = ibv_query_device(context, &attr);
    if (code != 0) {
        status = complain("ibv_query_device", code);
    } else {
        printf("%s: %s, guid %016llx\n", ibv_get_device_name(device),
               ibv_node_type_str(device->node_type),
               (unsigned long long)be64toh(ibv_get_device_guid(device)));
        printf("  firmware     %s\n", attr.fw_ver);
        printf("  queue pairs  %d, %d work requests each\n", attr.max_qp, attr.max_qp_wr);
        printf("  completions  %d queues, %d entries each\n", attr.max_cq, attr.max_cqe);
        printf("  memory       %d regions, up to %llu bytes\n", attr.max_mr,
               (unsigned long long)attr.max_mr_size);
        for (int port = 1; port <= attr.phys_port_cnt && status == 0; port++)
            status = show_port(context, (uint8_t)port);
    }
    if (ibv_close_device(context) != 0) status = complain("ibv_close_device", errno);
    return status;
}

int main(int argc, char **argv) {
    const char *wanted = argc > 1 ? argv[1] : NULL;
    int count = 0;
    int shown = 0;
    int status = 0;
    struct ibv_device **devices;

    printf("libverbs %s\n", verbs_version());
    devices = ibv_get_device_list(&count);
    if (devices == NULL) {
        complain("ibv_get_device_list", errno);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        if (wanted != NULL && strcmp(wanted, ibv_get_device_name(devices[i])) != 0) continue;
        if (show_device(devices[i]) != 0) status = 1;
        shown++;
    }
    ibv_free_device_list(devices);

    if (shown == 0) {
        fprintf(stderr, "devinfo: no %s among %d RDMA devices; VERBS_LOG=info tells why\n",
                wanted != NULL ? wanted : "usable device", count);
        return 1;
    }
    return status;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two processes send a message to and fro over a reliable connection and check every byte.
 *
 *     rc_pingpong [OPTION]... PORT          waits for the other side
 *     rc_pingpong [OPTION]... PORT HOST     connects to it and speaks first
 *
 *     -d DEVICE  -g GID_INDEX  -s SIZE  -n ITERATIONS  -t SECONDS (bound of the whole run)
 *
 * The TCP connection serves only to exchange the addresses, and to tell that both are done.
 */
#include <infiniband/verbs.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct settings {
    const char *device, *port, *host;
    int gid_index, iterations, seconds;
    unsigned size;
};

/* What each side must know of the other; all in network byte order. */
struct address {
    union ibv_gid gid;
    uint32_t qp_num, psn, lid, unused;
};

struct endpoint {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_mr *mr;
    struct ibv_cq *cq;
    struct ibv_qp *qp;
    struct ibv_port_attr port;
    unsigned char *buffer; /* first half is sent from, second half received into */
};

static double deadline;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The error number, and in brackets the library's own words for it. */
__attribute__((noreturn, format(printf, 2, 3))) static void die(int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    if (code != 0) fprintf(stderr, ": %s", strerror(code));
    if (verbs_last_error()[0] != '\0') fprintf(stderr, " (%s)", verbs_last_error());
    fprintf(stderr, "\n");
    exit(1);
}

static void check(int code, const char *what) {
    if (code != 0) die(code, "%s", what);
}

static struct ibv_context *open_device(const char *wanted) {
    struct ibv_device **devices = ibv_get_device_list(NULL);
    struct ibv_context *context;
    int i = 0;

    if (devices == NULL) die(errno, "ibv_get_device_list");
    while (devices[i] != NULL && wanted != NULL && strcmp(ibv_get_device_name(devices[i]), wanted))
        i++;
    if (devices[i] == NULL) die(0, "no device %s", wanted != NULL ? wanted : "at all");
    context = ibv_open_device(devices[i]);
    if (context == NULL) die(errno, "ibv_open_device");
    ibv_free_device_list(devices);
    return context;
}

static void create(struct endpoint *end, const struct settings *settings) {
    struct ibv_qp_init_attr init = {
        .cap = {.max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1},
        .qp_type = IBV_QPT_RC,
        .sq_sig_all = 1,
    };

    end->context = open_device(settings->device);
    check(ibv_query_port(end->context, 1, &end->port), "ibv_query_port");
    end->buffer = calloc(2, settings->size);
    if (end->buffer == NULL) die(errno, "two buffers of %u bytes", settings->size);
    if (!(end->pd = ibv_alloc_pd(end->context))) die(errno, "ibv_alloc_pd");
    end->mr = ibv_reg_mr(end->pd, end->buffer, 2ul * settings->size, IBV_ACCESS_LOCAL_WRITE);
    if (end->mr == NULL) die(errno, "ibv_reg_mr");
    /* One send and one receive are in flight at most. */
    if (!(end->cq = ibv_create_cq(end->context, 2, NULL, NULL, 0))) die(errno, "ibv_create_cq");
    init.send_cq = init.recv_cq = end->cq;
    if (!(end->qp = ibv_create_qp(end->pd, &init))) die(errno, "ibv_create_qp");
}

static int connect_tcp(const struct settings *settings) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
    struct timeval limit = {.tv_sec = settings->seconds};
    struct addrinfo *found;
    int fd, code, one = 1;

    if (settings->host == NULL) hints.ai_flags = AI_PASSIVE;
    code = getaddrinfo(settings->host, settings->port, &hints, &found);
    if (code != 0) die(0, "%s port %s: %s", settings->host, settings->port, gai_strerror(code));
    fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (fd < 0) die(errno, "socket");
    /* These bound accept, connect, recv and send alike. */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (settings->host == NULL) {
        const int listener = fd;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0)
            die(errno, "listening on port %s", settings->port);
        fd = accept(listener, NULL, NULL); /* inherits the bounds */
        if (fd < 0) die(errno, "nobody connected to port %s", settings->port);
        close(listener);
    } else if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        die(errno, "connecting to %s port %s", settings->host, settings->port);
    }
    freeaddrinfo(found);
    return fd;
}

static void exchange(int fd, const void *mine, void *theirs, size_t size) {
    errno = 0; /* the end of the stream leaves it alone */
    if (send(fd, mine, size, MSG_NOSIGNAL) != (ssize_t)size) die(errno, "sending to the peer");
    if (recv(fd, theirs, size, MSG_WAITALL) != (ssize_t)size) die(errno, "the peer went away");
}

/* RESET to INIT to RTR (can receive) to RTS (can send). */
static void connect_qp(struct endpoint *end, const struct settings *settings,
                       const struct address *mine, const struct address *theirs) {
    struct ibv_qp_attr init = {
        .qp_state = IBV_QPS_INIT, .pkey_index = 0, .port_num = 1, .qp_access_flags = 0};
    struct ibv_qp_attr rtr = {
        .qp_state = IBV_QPS_RTR,
        .path_mtu = end->port.active_mtu,
        .dest_qp_num = ntohl(theirs->qp_num),
        .rq_psn = ntohl(theirs->psn),
        .max_dest_rd_atomic = 1,
        .min_rnr_timer = 12, /* 0.64 ms */
        .ah_attr = {.dlid = (uint16_t)ntohl(theirs->lid), .port_num = 1, .is_global = 1},
    };
    struct ibv_qp_attr rts = {
        .qp_state = IBV_QPS_RTS,
        .sq_psn = ntohl(mine->psn),
        .timeout = 14, /* 67 ms */
        .retry_cnt = 7,
        .rnr_retry = 7, /* for ever */
        .max_rd_atomic = 1,
    };

    rtr.ah_attr.grh.dgid = theirs->gid;
    rtr.ah_attr.grh.sgid_index = (uint8_t)settings->gid_index;
    rtr.ah_attr.grh.hop_limit = 64;

    check(ibv_modify_qp(end->qp, &init,
                        IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
          "ibv_modify_qp to INIT");
    check(ibv_modify_qp(end->qp, &rtr,
                        IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                            IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER),
          "ibv_modify_qp to RTR");
    check(ibv_modify_qp(end->qp, &rts,
                        IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
                            IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC),
          "ibv_modify_qp to RTS");
}

static void post_receive(struct endpoint *end, unsigned size) {
    struct ibv_sge sge = {(uintptr_t)end->buffer + size, size, end->mr->lkey};
    struct ibv_recv_wr wr = {.wr_id = IBV_WC_RECV, .sg_list = &sge, .num_sge = 1};
    struct ibv_recv_wr *bad;
    check(ibv_post_recv(end->qp, &wr, &bad), "ibv_post_recv");
}

static void post_send(struct endpoint *end, unsigned size) {
    struct ibv_sge sge = {(uintptr_t)end->buffer, size, end->mr->lkey};
    struct ibv_send_wr wr = {.wr_id = IBV_WC_SEND, .sg_list = &sge, .num_sge = 1};
    struct ibv_send_wr *bad;
    wr.opcode = IBV_WR_SEND;
    check(ibv_post_send(end->qp, &wr, &bad), "ibv_post_send");
}

/* Waits until `pending` work requests (a send, a receive, or one of each) have completed. */
static void complete(struct endpoint *end, int pending, unsigned size) {
    while (pending > 0) {
        struct ibv_wc wc;
        const int count = ibv_poll_cq(end->cq, 1, &wc);
        if (count < 0) die(0, "ibv_poll_cq gave %d", count);
        if (count == 0) {
            if (now() > deadline) die(ETIMEDOUT, "no completion");
            continue;
        }
        if (wc.status != IBV_WC_SUCCESS)
            die(0, "%s failed: %s", wc.wr_id == IBV_WC_SEND ? "send" : "receive",
                ibv_wc_status_str(wc.status));
        if (wc.wr_id == IBV_WC_RECV && wc.byte_len != size)
            die(0, "received %u bytes instead of %u", wc.byte_len, size);
        pending--;
    }
}

/* Every message has other bytes than the one before it. */
static unsigned char pattern(int round, int from_client, unsigned position) {
    return (unsigned char)(position * 7u + (unsigned)round * 2u + (unsigned)from_client);
}

static void play(struct endpoint *end, const struct settings *settings) {
    const int client = settings->host != NULL;
    for (int round = 0; round < settings->iterations; round++) {
        if (!client) complete(end, round == 0 ? 1 : 2, settings->size);
        for (unsigned i = 0; i < settings->size; i++)
            end->buffer[i] = pattern(round, client, i);
        if (client) {
            post_send(end, settings->size);
            complete(end, 2, settings->size);
        }
        for (unsigned i = 0; i < settings->size; i++)
            if (end->buffer[settings->size + i] != pattern(round, !client, i))
                die(0, "round %d: byte %u is wrong", round, i);
        /* The next receive is there before our message can provoke its answer. */
        if (round + 1 < settings->iterations) post_receive(end, settings->size);
        if (!client) post_send(end, settings->size);
    }
    if (!client) complete(end, 1, settings->size);
}

static void destroy(struct endpoint *end) {
    check(ibv_destroy_qp(end->qp), "ibv_destroy_qp");
    check(ibv_destroy_cq(end->cq), "ibv_destroy_cq");
    check(ibv_dereg_mr(end->mr), "ibv_dereg_mr");
    check(ibv_dealloc_pd(end->pd), "ibv_dealloc_pd");
    if (ibv_close_device(end->context) != 0) die(errno, "ibv_close_device");
    free(end->buffer);
}

static const char kUsage[] = "usage: rc_pingpong [-d DEVICE] [-g GID_INDEX] [-s SIZE] "
                             "[-n ITERATIONS] [-t SECONDS] PORT [HOST]";

int main(int argc, char **argv) {
    struct settings settings = {.size = 4096, .iterations = 1000, .seconds = 30};
    struct endpoint end = {0};
    struct address mine = {0}, theirs;
    char done = 1, also_done;
    int option, fd;
    double start;

    while ((option = getopt(argc, argv, "d:g:s:n:t:")) != -1) {
        if (option == 'd')
            settings.device = optarg;
        else if (option == 'g')
            settings.gid_index = atoi(optarg);
        else if (option == 's')
            settings.size = (unsigned)atoi(optarg);
        else if (option == 'n')
            settings.iterations = atoi(optarg);
        else if (option == 't')
            settings.seconds = atoi(optarg);
        else
            die(0, "%s", kUsage);
    }
    if (optind >= argc || settings.size == 0 || settings.iterations < 1 || settings.seconds < 1)
        die(0, "%s", kUsage);
    settings.port = argv[optind];
    settings.host = argv[optind + 1];
    deadline = now() + settings.seconds;

    create(&end, &settings);
    if (ibv_query_gid(end.context, 1, settings.gid_index, &mine.gid) != 0)
        die(errno, "GID index %d", settings.gid_index);
    mine.qp_num = htonl(end.qp->qp_num);
    mine.psn = htonl(getpid() & 0xffffff);
    mine.lid = htonl(end.port.lid);

    fd = connect_tcp(&settings);
    exchange(fd, &mine, &theirs, sizeof mine);
    connect_qp(&end, &settings, &mine, &theirs);
    post_receive(&end, settings.size);
    exchange(fd, &done, &also_done, 1); /* both can receive now */
    start = now();
    play(&end, &settings);
    printf("%d rounds of %u bytes, every byte checked, %.2f us each\n", settings.iterations,
           settings.size, (now() - start) * 1e6 / settings.iterations);
    exchange(fd, &done, &also_done, 1); /* nobody leaves before the other has everything */
    close(fd);
    destroy(&end);
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Has a device open, with work on it, while `rdma link delete` takes it away; goes on working with
 * it, lets go of everything, and prints one line per fact.
 *
 *     lose_device DEVICE GID_INDEX
 *
 * A driver that cannot part with its processes keeps the deleting command waiting until the last of
 * them has closed; one that can makes every call fail at once. Both are printed as they are.
 */
#include "loop.h"

#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop loop;

/* Starts the command, and returns when the node of the device has left /dev/infiniband. */
static pid_t delete_device(char *name) {
    const int watch = inotify_init1(IN_CLOEXEC);
    need(watch >= 0 && inotify_add_watch(watch, "/dev/infiniband", IN_DELETE) >= 0, "inotify");
    char link[] = "link";
    char delete[] = "delete";
    char program[] = "rdma";
    char *const command[] = {program, link, delete, name, NULL};
    pid_t child = -1;
    errno = posix_spawnp(&child, program, NULL, NULL, command, environ);
    need(errno == 0, "rdma");
    struct pollfd gone = {watch, POLLIN, 0};
    need(poll(&gone, 1, -1) == 1, "poll");
    puts("node: gone");
    close(watch);
    return child;
}

static void *wait_for_completion(void *unused) {
    (void)unused;
    struct ibv_cq *which = NULL;
    void *cookie = NULL;
    const int code = ibv_get_cq_event(loop.channel, &which, &cookie) == 0 ? 0 : errno;
    if (code == 0) ibv_ack_cq_events(which, 1);
    return (void *)(intptr_t)code;
}

static void take_async_event(void) {
    struct pollfd events = {loop.context->async_fd, POLLIN, 0};
    if (poll(&events, 1, 0) == 0) {
        puts("async event: none");
        return;
    }
    struct ibv_async_event event;
    if (ibv_get_async_event(loop.context, &event) != 0) {
        fact("async event", errno);
        return;
    }
    printf("async event: %s\n", ibv_event_type_str(event.event_type));
    ibv_ack_async_event(&event);
}

/* With somebody asleep in ibv_get_cq_event since before the device went. */
static void work(pthread_t waiter) {
    fact("post_recv", post_receive(&loop));
    const int posted = post_send(&loop);
    fact("post_send", posted);
    void *waited = NULL;
    need(pthread_join(waiter, &waited) == 0, "pthread_join");
    fact("get_cq_event", (int)(intptr_t)waited);
    if (posted == 0) printf("poll_cq: %s\n", ibv_wc_status_str(next_status(loop.cq)));
    fact("req_notify_cq", ibv_req_notify_cq(loop.cq, 0));
}

static void call_the_rest(void) {
    struct ibv_device_attr limits;
    fact("query_device", ibv_query_device(loop.context, &limits));
    struct ibv_port_attr port;
    fact("query_port", ibv_query_port(loop.context, 1, &port));
    struct ibv_mr *const another = ibv_reg_mr(loop.pd, loop.memory, sizeof loop.memory, 0);
    fact("reg_mr", another != NULL ? 0 : errno);
    if (another != NULL) fact("dereg_mr of it", ibv_dereg_mr(another));
    fact("open_device", ibv_open_device(loop.context->device) != NULL ? 0 : errno);
    struct ibv_qp_attr attr = {0};
    attr.qp_state = IBV_QPS_ERR;
    fact("modify_qp", ibv_modify_qp(loop.qp, &attr, IBV_QP_STATE));
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s DEVICE GID_INDEX\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_loop(&loop, argv[1], atoi(argv[2]));
    need(ibv_req_notify_cq(loop.cq, 0) == 0, "ibv_req_notify_cq");
    pthread_t waiter;
    need(pthread_create(&waiter, NULL, wait_for_completion, NULL) == 0, "pthread_create");

    const pid_t command = delete_device(argv[1]);
    struct ibv_device **after = NULL;
    printf("listed: %s\n", find_device(argv[1], &after) != NULL ? "yes" : "no");
    ibv_free_device_list(after);
    take_async_event();
    work(waiter);
    call_the_rest();
    int status = 0;
    const int has_ended = waitpid(command, &status, WNOHANG) == command;
    printf("deleting command: %s\n", has_ended ? "has ended" : "waits");
    let_go(&loop);
    need(has_ended || waitpid(command, &status, 0) == command, "waitpid");
    printf("its status after the close: %d\n", status);
    return 0;
}

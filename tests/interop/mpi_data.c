/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What MPI programs do with their transport, every byte of it checked: messages of 0 to 4 MiB,
 * collectives, and one-sided access. The last line of rank 0 says that all was right; anything
 * else ends the job.
 * usage: mpi_data [posted]; posted: receives wait for their messages, none comes unexpected.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LARGEST = 4 << 20, /* bytes */
    IN_FLIGHT = 16,    /* messages at a time each way */
    WORDS = 64 << 10,  /* of a one-sided access */
    ADDITIONS = 100    /* atomic ones, of each rank */
};

static int rank;
static int ranks;
static int is_posted_first;

static void must(int claim, const char *what, long detail) {
    if (claim) return;
    fprintf(stderr, "mpi_data: rank %d of %d: %s (%ld)\n", rank, ranks, what, detail);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void *room_for(size_t bytes) {
    void *room = malloc(bytes + 1);
    must(room != NULL, "no memory", (long)bytes);
    return room;
}

/* Differs with the sender, the message and the place in it. */
static unsigned char byte_at(unsigned key, long place) {
    const uint32_t mixed = (key + (uint32_t)place) * 2654435761u;
    return (unsigned char)(mixed >> 24);
}

static unsigned key_of(int sender, long size, int round) {
    return (unsigned)sender * 7919u + (unsigned)size * 31u + (unsigned)round * 101u;
}

static void write_pattern(unsigned char *data, long size, unsigned key) {
    for (long i = 0; i < size; ++i)
        data[i] = byte_at(key, i);
    data[size] = 0xa5;
}

static void check_pattern(const unsigned char *data, long size, unsigned key) {
    for (long i = 0; i < size; ++i)
        if (data[i] != byte_at(key, i)) must(0, "wrong byte in a message", i);
    must(data[size] == 0xa5, "a message went over its end", size);
}

static void exchange(unsigned char *out, unsigned char *in, int peer, long size, int round) {
    MPI_Status status;
    int count = -1;

    write_pattern(out, size, key_of(rank, size, round));
    for (long i = 0; i < size; ++i)
        in[i] = 0;
    in[size] = 0xa5;
    if (rank < peer) {
        MPI_Send(out, (int)size, MPI_BYTE, peer, round, MPI_COMM_WORLD);
        MPI_Recv(in, (int)size, MPI_BYTE, peer, round, MPI_COMM_WORLD, &status);
    } else {
        MPI_Recv(in, (int)size, MPI_BYTE, peer, round, MPI_COMM_WORLD, &status);
        MPI_Send(out, (int)size, MPI_BYTE, peer, round, MPI_COMM_WORLD);
    }
    MPI_Get_count(&status, MPI_BYTE, &count);
    must(count == size, "a message of another length", count);
    check_pattern(in, size, key_of(peer, size, round));
}

/* 0, and each power of two with both its neighbours: where eager ends and rendezvous begins. */
static void ping_pong(void) {
    unsigned char *out = room_for(LARGEST);
    unsigned char *in = room_for(LARGEST);
    const int peer = rank ^ 1;

    if (peer < ranks) {
        exchange(out, in, peer, 0, 0);
        for (long size = 1; size <= LARGEST; size *= 2) {
            exchange(out, in, peer, size - 1, 1);
            exchange(out, in, peer, size, 2);
            if (size < LARGEST) exchange(out, in, peer, size + 1, 3);
        }
    }
    free(out);
    free(in);
}

/* Many at once, sent in the opposite order of the receives. Unless these come first, the first
 * messages that arrive are unexpected. */
static void in_flight(long size) {
    unsigned char *out[IN_FLIGHT], *in[IN_FLIGHT];
    MPI_Request requests[2 * IN_FLIGHT];
    MPI_Status statuses[2 * IN_FLIGHT]; /* to ignore: MPICH's header makes GCC warn of that */
    const int to = (rank + 1) % ranks, from = (rank + ranks - 1) % ranks;

    for (int i = 0; i < IN_FLIGHT; ++i) {
        out[i] = room_for((size_t)size);
        in[i] = room_for((size_t)size);
        in[i][size] = 0xa5;
        write_pattern(out[i], size, key_of(rank, size, i));
    }
    for (int part = 0; part < 2; ++part)
        if ((part == 0) == is_posted_first) {
            for (int i = 0; i < IN_FLIGHT; ++i)
                MPI_Irecv(in[i], (int)size, MPI_BYTE, from, i, MPI_COMM_WORLD, &requests[i]);
            if (is_posted_first) MPI_Barrier(MPI_COMM_WORLD);
        } else {
            for (int i = IN_FLIGHT - 1; i >= 0; --i)
                MPI_Isend(out[i], (int)size, MPI_BYTE, to, i, MPI_COMM_WORLD,
                          &requests[IN_FLIGHT + i]);
        }
    MPI_Waitall(2 * IN_FLIGHT, requests, statuses);
    for (int i = 0; i < IN_FLIGHT; ++i) {
        check_pattern(in[i], size, key_of(from, size, i));
        free(out[i]);
        free(in[i]);
    }
}

static void collectives(void) {
    const long all = (long)ranks * (ranks - 1) / 2;

    for (int count = 1; count <= WORDS; count *= 16) {
        long *mine = room_for((size_t)count * sizeof *mine);
        long *sums = room_for((size_t)count * sizeof *sums);
        for (int i = 0; i < count; ++i)
            mine[i] = rank + i;
        MPI_Allreduce(mine, sums, count, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
        for (int i = 0; i < count; ++i)
            must(sums[i] == all + (long)ranks * i, "wrong sum of an allreduce", i);
        free(mine);
        free(sums);
    }
    long *to_all = room_for((size_t)ranks * 1000 * sizeof *to_all);
    long *from_all = room_for((size_t)ranks * 1000 * sizeof *from_all);
    for (int i = 0; i < ranks * 1000; ++i)
        to_all[i] = (long)rank * 1000000 + i;
    MPI_Alltoall(to_all, 1000, MPI_LONG, from_all, 1000, MPI_LONG, MPI_COMM_WORLD);
    for (int i = 0; i < ranks * 1000; ++i)
        must(from_all[i] == i / 1000 * 1000000L + rank * 1000L + i % 1000,
             "wrong word of an alltoall", i);
    free(to_all);
    free(from_all);
}

/* Each rank's window: a part that its left neighbour puts, one that its right one gets, one sum. */
static void one_sided(MPI_Win window, long *memory) {
    const int right = (rank + 1) % ranks, left = (rank + ranks - 1) % ranks;
    long *data = room_for(WORDS * sizeof *data);

    for (long i = 0; i < WORDS; ++i) {
        memory[i] = -1;
        memory[WORDS + i] = rank * 1000000L + i;
        memory[2 * WORDS + i] = 0;
        data[i] = rank * 2000000L + i;
    }
    MPI_Win_fence(0, window);
    MPI_Put(data, WORDS, MPI_LONG, right, 0, WORDS, MPI_LONG, window);
    MPI_Win_fence(0, window);
    for (long i = 0; i < WORDS; ++i)
        must(memory[i] == left * 2000000L + i, "wrong word of a put", i);

    MPI_Get(data, WORDS, MPI_LONG, left, WORDS, WORDS, MPI_LONG, window);
    MPI_Win_fence(0, window);
    for (long i = 0; i < WORDS; ++i)
        must(data[i] == left * 1000000L + i, "wrong word of a get", i);

    for (long i = 0; i < WORDS; ++i)
        data[i] = rank + i;
    MPI_Win_fence(0, window);
    MPI_Accumulate(data, WORDS, MPI_LONG, 0, 2 * WORDS, WORDS, MPI_LONG, MPI_SUM, window);
    MPI_Win_fence(0, window);
    for (long i = 0; rank == 0 && i < WORDS; ++i)
        must(memory[2 * WORDS + i] == (long)ranks * (ranks - 1) / 2 + ranks * i,
             "wrong word of an accumulate", i);
    free(data);
}

static void atomics(MPI_Win window, long *memory) {
    const long one = 1;
    long before = 0, last = -1;

    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_lock_all(0, window);
    memory[0] = 0;
    MPI_Win_sync(window);
    MPI_Barrier(MPI_COMM_WORLD);
    for (int i = 0; i < ADDITIONS; ++i) {
        MPI_Fetch_and_op(&one, &before, MPI_LONG, 0, 0, MPI_SUM, window);
        MPI_Win_flush(0, window);
        must(before > last, "a sum went backwards", before);
        last = before;
    }
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Fetch_and_op(NULL, &before, MPI_LONG, 0, 0, MPI_NO_OP, window);
    MPI_Win_flush(0, window);
    MPI_Win_unlock_all(window);
    must(before == (long)ranks * ADDITIONS, "atomic additions were lost", before);
}

static void windows(void) {
    const MPI_Aint bytes = 3L * WORDS * (MPI_Aint)sizeof(long);
    long *memory;
    MPI_Win window;

    MPI_Win_allocate(bytes, sizeof(long), MPI_INFO_NULL, MPI_COMM_WORLD, &memory, &window);
    one_sided(window, memory);
    atomics(window, memory);
    MPI_Win_free(&window);

    memory = room_for((size_t)bytes);
    MPI_Win_create(memory, bytes, sizeof(long), MPI_INFO_NULL, MPI_COMM_WORLD, &window);
    one_sided(window, memory);
    atomics(window, memory);
    MPI_Win_free(&window);
    free(memory);
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    is_posted_first = argc > 1 && strcmp(argv[1], "posted") == 0;
    ping_pong();
    in_flight(8);
    in_flight(20000);
    in_flight(300000);
    collectives();
    windows();
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) printf("mpi_data: %d ranks, all right\n", ranks);
    MPI_Finalize();
    return 0;
}

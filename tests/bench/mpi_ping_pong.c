/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two ranks of an MPI job: half a round trip of small messages, and a stream of large ones.
 * usage: mpi_ping_pong TRIPS; of several rounds of so many round trips the least time counts.
 * Inside the timed loops: MPI_Send and MPI_Recv of one buffer; MPI_Isend, MPI_Irecv and MPI_Waitall
 * of a window and the answer that it has arrived.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL = 8,       /* bytes */
    LARGE = 1 << 20, /* bytes */
    ROUNDS = 10,
    WINDOW = 16 /* large messages at a time */
};

static int trips;
static char buffer[WINDOW][LARGE];

static double half_trip(int rank) {
    const double began = MPI_Wtime();

    for (int i = 0; i < trips; ++i) {
        if (rank == 0) MPI_Send(buffer[0], SMALL, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(buffer[0], SMALL, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == 1) MPI_Send(buffer[0], SMALL, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    }
    return (MPI_Wtime() - began) / (2 * trips);
}

static double window(int rank) {
    const double began = MPI_Wtime();
    MPI_Request requests[WINDOW];
    MPI_Status statuses[WINDOW];
    char done = 0;

    for (int i = 0; i < WINDOW; ++i) {
        if (rank == 0)
            MPI_Isend(buffer[i], LARGE, MPI_BYTE, 1, 0, MPI_COMM_WORLD, &requests[i]);
        else
            MPI_Irecv(buffer[i], LARGE, MPI_BYTE, 0, 0, MPI_COMM_WORLD, &requests[i]);
    }
    MPI_Waitall(WINDOW, requests, statuses);
    if (rank == 0)
        MPI_Recv(&done, 1, MPI_BYTE, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    else
        MPI_Send(&done, 1, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
    return MPI_Wtime() - began;
}

static double least(double (*measure)(int), int rank) {
    double best = measure(rank); /* and warms up */

    for (int i = 0; i < ROUNDS; ++i) {
        const double taken = measure(rank);
        if (taken < best) best = taken;
    }
    return best;
}

int main(int argc, char **argv) {
    int rank, ranks;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (ranks != 2 || argc != 2) {
        fprintf(stderr, "usage: two ranks of mpi_ping_pong TRIPS\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    trips = atoi(argv[1]);
    memset(buffer, 1, sizeof buffer); /* its pages are there */
    const double trip = least(half_trip, rank);
    const double stream = least(window, rank);
    if (rank == 0)
        printf("half_trip_us %.3f\nstream_gib_per_s %.3f\n", trip * 1e6,
               (double)WINDOW * LARGE / stream / (1 << 30));
    MPI_Finalize();
    return 0;
}

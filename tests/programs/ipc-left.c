/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: when new_job() gets no memory, the System V objects, the message queue and the shared memory
 * object are left behind; the next run then takes them for another's and ends with status 5. The
 * twin (-DFIXED) removes them.
 *
 * usage: ipc-left KEY     key of the System V objects; the name of the others is made of it
 */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_job(void) {
    return opaque(malloc(100));
}

OWN_FRAME char *new_result(void) {
    return opaque(malloc(200));
}

static int shm, sem, msg, object;
static mqd_t queue;
static char name[64];

static void remove_all(void) {
    shmctl(shm, IPC_RMID, NULL);
    semctl(sem, 0, IPC_RMID);
    msgctl(msg, IPC_RMID, NULL);
    mq_unlink(name);
    shm_unlink(name);
}

int main(int argc, char **argv) {
    key_t key = argc > 1 ? (key_t)strtol(argv[1], NULL, 0) : 0x5ea;
    const int flags = IPC_CREAT | IPC_EXCL | 0600;
    snprintf(name, sizeof name, "/ipc-left-%x", (unsigned)key);
    shm = shmget(key, 4096, flags);
    sem = semget(key, 1, flags);
    msg = msgget(key, flags);
    queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
    object = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    if (shm < 0 || sem < 0 || msg < 0 || queue < 0 || object < 0)
        return 5;
    char *job = new_job();
    if (!job) {
#ifdef FIXED
        remove_all();
#endif
        return 3;
    }
    free(job);
    char *result = new_result();
    remove_all();
    if (!result)
        return 4;
    strcpy(result, "done");
    puts(result);
    free(result);
    return 0;
}

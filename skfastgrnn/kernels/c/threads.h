/* A pool of threads that empty a queue of positions together, for the length of one call.
 *
 * The caller is worker 0. It opens the queue up to some position, works like the others until
 * nothing is left, waits for what they have taken, and may then open it further. A worker that the
 * operating system keeps from running delays nobody unless it holds a piece of work. Threads are
 * gone when the call returns, so a process may fork between calls; where one cannot be started, the
 * others do its work.
 */
#ifndef SKFASTGRNN_THREADS_H
#define SKFASTGRNN_THREADS_H

#include <pthread.h>
#include <sched.h>
#include <stddef.h>

enum { MAX_THREADS = 64 };

/* Positions only grow, so that one taken late is never mistaken for another. Touched by atomic
 * operations only. */
typedef struct {
    ptrdiff_t next;     /* the first position nobody has taken */
    ptrdiff_t end;      /* positions before it may be taken */
    ptrdiff_t finished; /* where the queue began, plus the positions that are done */
    int stop;
} Queue;

/* Take up to `most` positions: [*begin, *begin + the result). 0 where there is nothing to take. */
static inline ptrdiff_t queue_take(Queue *q, ptrdiff_t most, ptrdiff_t *begin) {
    ptrdiff_t at = __atomic_load_n(&q->next, __ATOMIC_ACQUIRE);
    for (;;) {
        const ptrdiff_t left = __atomic_load_n(&q->end, __ATOMIC_ACQUIRE) - at;
        if (left <= 0) return 0;
        const ptrdiff_t n = left < most ? left : most;
        if (__atomic_compare_exchange_n(&q->next, &at, at + n, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            *begin = at;
            return n;
        }
    }
}

/* Pieces of work are short, so waiting spins; where cores are fewer than threads it gives way. */
static inline void wait_a_little(int *spins) {
    enum { SPINS = 2000 };
    if (*spins < SPINS) ++*spins;
    else sched_yield();
}

typedef struct ThreadPool ThreadPool;

typedef struct {
    ThreadPool *pool;
    int number;
    pthread_t thread;
} Worker;

struct ThreadPool {
    Queue queue;
    ptrdiff_t most; /* positions in a piece of work */
    void (*work)(void *task, int worker, ptrdiff_t begin, ptrdiff_t n);
    void *task;
    int size; /* workers, the caller included */
    Worker workers[MAX_THREADS];
};

/* Returns 0 where there was nothing to do. */
static inline int pool_work_once(ThreadPool *pool, int worker) {
    ptrdiff_t begin;
    const ptrdiff_t n = queue_take(&pool->queue, pool->most, &begin);
    if (n == 0) return 0;
    pool->work(pool->task, worker, begin, n);
    __atomic_add_fetch(&pool->queue.finished, n, __ATOMIC_ACQ_REL);
    return 1;
}

static inline void *worker_main(void *argument) {
    const Worker *me = argument;
    ThreadPool *pool = me->pool;
    for (int spins = 0; !__atomic_load_n(&pool->queue.stop, __ATOMIC_ACQUIRE);) {
        if (pool_work_once(pool, me->number)) spins = 0;
        else wait_a_little(&spins);
    }
    return NULL;
}

/* Start up to `size` workers before a queue that begins at `first` and has nothing to take yet.
 */
static inline void pool_start(ThreadPool *pool, int size, ptrdiff_t first, ptrdiff_t most,
                              void (*work)(void *, int, ptrdiff_t, ptrdiff_t), void *task) {
    pool->queue = (Queue){first, first, first, 0};
    pool->most = most;
    pool->work = work;
    pool->task = task;
    for (pool->size = 1; pool->size < size && pool->size < MAX_THREADS; pool->size++) {
        Worker *worker = &pool->workers[pool->size];
        worker->pool = pool;
        worker->number = pool->size;
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) break;
    }
}

/* Have everything before `end` done. What the caller wrote before, all workers see; what they
 * wrote, the caller sees. */
static inline void pool_work(ThreadPool *pool, ptrdiff_t end) {
    __atomic_store_n(&pool->queue.end, end, __ATOMIC_RELEASE);
    while (pool_work_once(pool, 0)) {}
    for (int spins = 0; __atomic_load_n(&pool->queue.finished, __ATOMIC_ACQUIRE) < end;)
        wait_a_little(&spins);
}

static inline void pool_stop(ThreadPool *pool) {
    __atomic_store_n(&pool->queue.stop, 1, __ATOMIC_RELEASE);
    for (int i = 1; i < pool->size; i++) pthread_join(pool->workers[i].thread, NULL);
}

#endif

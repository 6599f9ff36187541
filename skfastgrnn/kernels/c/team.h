/* A few threads that empty a queue of positions together, for the length of one call.
 *
 * The caller is member 0. It opens the queue up to some position, works like everyone else until
 * nothing is left, waits for what others have taken, and may then open it further. A member that
 * the operating system keeps from running delays nobody unless it holds a piece of work. Threads
 * are gone when the call returns, so a process may fork between calls; where one cannot be started,
 * the others do its work.
 */
#ifndef SKFASTGRNN_TEAM_H
#define SKFASTGRNN_TEAM_H

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
    int closed;
} Queue;

/* Take up to `most` positions: [*begin, *begin + answer). 0 where there is nothing to take. */
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

typedef struct Team Team;

typedef struct {
    Team *team;
    int number;
    pthread_t thread;
} Member;

struct Team {
    Queue queue;
    ptrdiff_t most; /* positions in a piece of work */
    void (*work)(void *task, int member, ptrdiff_t begin, ptrdiff_t n);
    void *task;
    int size; /* members, the caller included */
    Member members[MAX_THREADS];
};

/* Answers 0 where there was nothing to do. */
static inline int team_work_once(Team *team, int member) {
    ptrdiff_t begin;
    const ptrdiff_t n = queue_take(&team->queue, team->most, &begin);
    if (n == 0) return 0;
    team->work(team->task, member, begin, n);
    __atomic_add_fetch(&team->queue.finished, n, __ATOMIC_ACQ_REL);
    return 1;
}

static inline void *team_member(void *argument) {
    const Member *me = argument;
    Team *team = me->team;
    for (int spins = 0; !__atomic_load_n(&team->queue.closed, __ATOMIC_ACQUIRE);) {
        if (team_work_once(team, me->number)) spins = 0;
        else wait_a_little(&spins);
    }
    return NULL;
}

/* Assemble up to `size` members before a queue that begins at `first` and has nothing to take yet.
 */
static inline void team_start(Team *team, int size, ptrdiff_t first, ptrdiff_t most,
                              void (*work)(void *, int, ptrdiff_t, ptrdiff_t), void *task) {
    team->queue = (Queue){first, first, first, 0};
    team->most = most;
    team->work = work;
    team->task = task;
    for (team->size = 1; team->size < size && team->size < MAX_THREADS; team->size++) {
        Member *member = &team->members[team->size];
        member->team = team;
        member->number = team->size;
        if (pthread_create(&member->thread, NULL, team_member, member) != 0) break;
    }
}

/* Have everything before `end` done. What the caller wrote before, all members see; what they
 * wrote, the caller sees. */
static inline void team_work(Team *team, ptrdiff_t end) {
    __atomic_store_n(&team->queue.end, end, __ATOMIC_RELEASE);
    while (team_work_once(team, 0)) {}
    for (int spins = 0; __atomic_load_n(&team->queue.finished, __ATOMIC_ACQUIRE) < end;)
        wait_a_little(&spins);
}

static inline void team_stop(Team *team) {
    __atomic_store_n(&team->queue.closed, 1, __ATOMIC_RELEASE);
    for (int i = 1; i < team->size; i++) pthread_join(team->members[i].thread, NULL);
}

#endif

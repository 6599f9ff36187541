/* A few threads for the length of one call, and a barrier where they meet.
 *
 * Threads are started by the call and gone when it returns, so a process may fork between calls. The caller is member 0. Where
 * a thread cannot be started, the work is shared among those that could.
 */
#ifndef SKFASTGRNN_TEAM_H
#define SKFASTGRNN_TEAM_H

#include <pthread.h>
#include <sched.h>

enum { MAX_THREADS = 64 };

typedef struct {
    int size;
    int waiting, round; /* of the barrier; touched by atomic operations only */
} Team;

/* Everyone waits for everyone. Minibatches are short, so it spins; where cores are fewer than threads it gives way. */
static inline void team_meet(Team *team) {
    enum { SPINS = 4000 };
    if (team->size == 1) return;
    const int round = __atomic_load_n(&team->round, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&team->waiting, 1, __ATOMIC_ACQ_REL) == team->size) {
        __atomic_store_n(&team->waiting, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&team->round, round + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int spin = 0; __atomic_load_n(&team->round, __ATOMIC_ACQUIRE) == round; spin++)
        if (spin >= SPINS) sched_yield();
}

typedef struct {
    void (*work)(void *task, int member);
    void *task;
    int member;
    const int *go; /* the caller decides the team's size first */
} TeamMember;

static inline void *team_member(void *argument) {
    const TeamMember *me = argument;
    int go;
    while ((go = __atomic_load_n(me->go, __ATOMIC_ACQUIRE)) == 0) sched_yield();
    if (me->member < go) me->work(me->task, me->member);
    return NULL;
}

/* Run work(task, member) on up to n members at once; team->size is how many there are. */
static inline void team_run(Team *team, int n, void (*work)(void *, int), void *task) {
    pthread_t threads[MAX_THREADS];
    TeamMember members[MAX_THREADS];
    int go = 0, started = 1;
    for (; started < n && started < MAX_THREADS; started++) {
        members[started] = (TeamMember){work, task, started, &go};
        if (pthread_create(&threads[started], NULL, team_member, &members[started]) != 0) break;
    }
    *team = (Team){started, 0, 0};
    __atomic_store_n(&go, started, __ATOMIC_RELEASE);
    work(task, 0);
    for (int i = 1; i < started; i++) pthread_join(threads[i], NULL);
}

#endif

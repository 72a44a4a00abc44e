/* Preloaded into a server: its wall clock is ahead by WALL_CLOCK_AHEAD seconds. Its monotonic clocks are as they are. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int outcome = syscall(SYS_clock_gettime, clock, time);
    const char *ahead = getenv("WALL_CLOCK_AHEAD");
    if (outcome == 0 && ahead != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        time->tv_sec += atol(ahead);
    return outcome;
}

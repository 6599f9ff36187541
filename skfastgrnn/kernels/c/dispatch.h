/* Which kernels were compiled in, and which of them this processor can run. */
#ifndef SKFASTGRNN_DISPATCH_H
#define SKFASTGRNN_DISPATCH_H

#include "kernel.h"

int kernel_count(void);
const char *kernel_name(int i); /* of the instruction set; from the plainest to the widest */
int kernel_runs_here(int i);
const Kernel *kernel_table(int i, int real_bits); /* 32 or 64 */

#endif

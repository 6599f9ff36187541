/* Which kernels for integers this processor runs, from the plainest to the widest. */
#ifndef SKFASTGRNN_DISPATCH_INTEGER_H
#define SKFASTGRNN_DISPATCH_INTEGER_H

#include "rows.h"

int integer_kernel_count(void);
const char *integer_kernel_name(int i);
IntegerKernel *integer_kernel(int i);

#endif

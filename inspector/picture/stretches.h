/* SPDX-License-Identifier: MIT */
#ifndef PICTURE_STRETCHES_H
#define PICTURE_STRETCHES_H
/* Within picture/. */
#include "picture/picture.h"

/* Makes the stretches of picture->model, with empty cells. */
void stretches_make(struct picture *picture);

#endif

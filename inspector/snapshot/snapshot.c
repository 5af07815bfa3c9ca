/* SPDX-License-Identifier: MIT */
#include "snapshot/internal.h"

#include <stdlib.h>
#include <unistd.h>

bool snapshot_write(const struct model *model,
                    const struct snapshot_request *request,
                    struct snapshot_result *result, struct failure *failure)
{
    struct plan plan;
    struct notes notes;

    *result = (struct snapshot_result){0};
    if (!request->force && access(request->path, F_OK) == 0) {
        (void)fail(failure, STATUS_USAGE, "%.180s exists; -f overwrites it",
                   request->path);
        return false;
    }
    plan_make(model, request->content, &plan);
    notes_make(model, request->content, &notes);
    struct snapshot_file *file = file_begin(
        request, &plan, &notes, target_page_size(model->target), failure);
    bool done = file != NULL;
    if (done && request->content) {
        content_put(model, file, result);
    } else if (done) {
        redact_put(model, file, result);
    }
    if (done) {
        file_put_stop(file, target_stop_ms(model->target));
        done = file_end(file, request, result, failure);
    }
    plan_free(&plan);
    free(notes.bytes);
    return done;
}

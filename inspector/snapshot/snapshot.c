/* SPDX-License-Identifier: MIT */
#include "snapshot/internal.h"

#include "memory.h"

#include <stdlib.h>
#include <unistd.h>

struct snapshot {
    struct snapshot_request request;
    struct snapshot_result result;
    struct plan plan;
    struct notes notes;
    struct log log;
    struct snapshot_file *file;
};

static void snapshot_free(struct snapshot *snapshot)
{
    plan_free(&snapshot->plan);
    free(snapshot->notes.bytes);
    log_free(&snapshot->log);
    free(snapshot);
}

struct snapshot *snapshot_take(const struct model *model,
                               const struct snapshot_request *request,
                               struct failure *failure)
{
    if (!request->force && access(request->path, F_OK) == 0) {
        (void)fail(failure, STATUS_USAGE, "%.180s exists; -f overwrites it",
                   request->path);
        return NULL;
    }
    if (!is_replaceable(request->path, failure))
        return NULL;
    struct snapshot *snapshot = xcalloc(1, sizeof *snapshot);
    snapshot->request = *request;
    plan_make(model, request->content, &snapshot->plan);
    notes_make(model, request->content, &snapshot->notes);
    snapshot->file = file_begin(request, &snapshot->plan, &snapshot->notes,
                                target_page_size(model->target), failure);
    if (snapshot->file == NULL) {
        snapshot_free(snapshot);
        return NULL;
    }
    if (request->content) {
        content_put(model, snapshot->file, &snapshot->result);
    } else {
        redact_put(model, &snapshot->log, &snapshot->result);
    }
    return snapshot;
}

bool snapshot_store(struct snapshot *snapshot, double stop_ms,
                    struct snapshot_result *result, struct failure *failure)
{
    log_write(&snapshot->log, snapshot->file);
    file_put_stop(snapshot->file, stop_ms);
    bool done = file_end(snapshot->file, &snapshot->request, &snapshot->result,
                         failure);
    *result = snapshot->result;
    snapshot_free(snapshot);
    return done;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an observation: attempt.h. */
#include "attempt.h"

#include <stdlib.h>
#include <string.h>

void crash_frames_free(struct crash_frame *frames, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        free(frames[i].module);
        free(frames[i].function);
    }
    free(frames);
}

void written_files_free(struct written_file *files, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        free(files[i].path);
        free(files[i].kept);
    }
    free(files);
}

void observation_deinit(struct observation *o) {
    crash_frames_free(o->crash.frames, o->crash.n_frames);
    crash_frames_free(o->crash.sample_frames, o->crash.n_sample_frames);
    written_files_free(o->output.files, o->output.n_files);
    free(o->leaks.sites);
    free(o->crash.exe);
    free(o->proof.exe);
    free(o->output.stdout_data);
    free(o->served.after_data);
    free(o->output.stderr_tail);
    *o = (struct observation){0};
}

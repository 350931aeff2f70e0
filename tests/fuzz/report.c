/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that dearth reads: an earlier report as the gate's baseline. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "database.h"
#include "fuzz.h"
#include "text.h"

static char database[4096], baseline[4096];
static uint8_t *report;
static size_t n_report;

static int report_on(const char *option, const char *file) {
    char *words[] = {text_dup("report"), text_dup(option), text_dup(file),
                     text_dup(database), NULL};
    char *argv[5];
    memcpy(argv, words, sizeof argv);
    int status = command_report(4, argv);
    for (int i = 0; i < 4; i++)
        free(words[i]);
    return status;
}

static void prepare(void) {
    fuzz_silence();
    fuzz_keep_alarm();
    strcpy(database, fuzz_path("report.db"));
    strcpy(baseline, fuzz_path("report.json"));
    database_make(database, 0);
    if (report_on("-o", baseline) != 0)
        abort();
    report = fuzz_read(baseline, &n_report);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n) {
    struct fuzz f = {input, n};
    if (!report)
        prepare();
    if (fuzz_byte(&f) % 4) {
        size_t n_edited;
        AUTO_FREE uint8_t *edited = fuzz_edit(&f, report, n_report, &n_edited);
        fuzz_write(baseline, edited, n_edited);
    } else { /* a head that is good enough, then whatever comes */
        AUTO_TEXT struct text t = {0};
        text_add(&t, "{\"format\":\"dearth-report\",\"version\":2,\"findings\":[");
        text_add_n(&t, (const char *)f.at, f.left);
        fuzz_write(baseline, (const uint8_t *)t.data, t.n);
    }
    int status = report_on("--baseline", baseline);
    if (status < 0 || status > 2 ||
        (command_report_baseline(baseline) == 2) != (status == 2))
        abort();
    unlink(baseline);
    return 0;
}

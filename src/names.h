#ifndef TANDEMLAB_NAMES_H
#define TANDEMLAB_NAMES_H

#include "json.h"

namespace tandemlab {

// Why valid UTF-8 cannot name a metric, tag or property; null if it can. The same rules as
// tandemlab.domain.names.
const char* refuse_metric_name(const Text& name);

// Why valid UTF-8 cannot name a run's file; null if it can.
const char* refuse_file_name(const Text& name);

}  // namespace tandemlab

#endif

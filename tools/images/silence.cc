#include "silence.h"

#include <glib.h>

namespace compass::tools::images {

void silence_glib() {
  g_log_set_writer_func(
      [](GLogLevelFlags, const GLogField*, gsize, gpointer) { return G_LOG_WRITER_HANDLED; }, nullptr,
      nullptr);
  g_set_print_handler([](const gchar*) {});
  g_set_printerr_handler([](const gchar*) {});
}

}  // namespace compass::tools::images

// Keeping libraries from talking to the user.
#pragma once

namespace compass::tools::images {

// GLib and libvips print messages, some on standard output, where our data may go. After this call, which
// comes before libvips is started, they print nothing: our own messages say what matters. What the
// environment asks libvips to print besides, forget_debugging() keeps away (../image_module.h). Once.
void silence_glib();

}  // namespace compass::tools::images

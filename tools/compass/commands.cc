#include "commands.h"

namespace compass::tools {
namespace {

constexpr const char* kExamples =
    R"(  compass encode photo.jpg photo.cmps            three layers: 1/4, 1/2, 1
  compass decode photo.cmps thumb.png --layer 0  only the smallest one
  compass info photo.cmps                        what is in the file
)";

}  // namespace

Program compass_program() {
  return {
      .name = "compass",
      .description = "compass: one photo, one file, every size. A learned, spatially scalable image codec.",
      .examples = kExamples,
      .needs_less = "a smaller picture, --region or --max-memory",
      .commands = {add_encode, add_decode, add_info, add_extract, add_sheet, add_view, add_serve,
                   add_publish}};
}

}  // namespace compass::tools

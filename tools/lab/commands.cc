#include "commands.h"

namespace compass::tools {
namespace {

constexpr const char* kExamples =
    R"(  compass-lab compare photo.png decoded.png          how far two pictures are apart
  compass-lab bench                                  how fast this machine is
  compass-lab import checkpoint.pth out.safetensors  a model file of a checkpoint
)";

}  // namespace

Program lab_program() {
  return {.name = kLabName,
          .description = "compass-lab: measures the codec and its models, and makes models ready for it.",
          .examples = kExamples,
          .needs_less = "smaller pictures, or fewer threads or jobs",
          .commands = {add_eval, add_bdrate, add_compare, add_fit, add_import, add_export, add_extend,
                       add_strip, add_bench}};
}

}  // namespace compass::tools
